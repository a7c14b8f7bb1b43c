//! Tests of: columns.
