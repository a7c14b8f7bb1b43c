//! Tests of: data.
