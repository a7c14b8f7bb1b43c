//! Tests of: encoders.
