//! Tests of: numeric.
