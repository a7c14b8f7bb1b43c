//! Tests of: learners.
