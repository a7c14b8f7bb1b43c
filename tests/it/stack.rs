//! Tests of: stack.
