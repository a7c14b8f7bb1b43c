//! Tests of: stability.
