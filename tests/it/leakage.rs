//! Tests of: leakage.
