//! Cross-validation.
