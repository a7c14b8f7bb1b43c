//! Scaling of numeric columns.
