//! Models of smartcore.
