//! Models of linfa.
