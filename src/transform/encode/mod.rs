//! Encoders of categorical columns.
