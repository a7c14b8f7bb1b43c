//! Tests of: laws.
