//! Tests of: metrics.
