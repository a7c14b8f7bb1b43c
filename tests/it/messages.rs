//! Tests of: messages.
