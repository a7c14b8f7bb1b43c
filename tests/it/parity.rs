//! Tests of: parity.
