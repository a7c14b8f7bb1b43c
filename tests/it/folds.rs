//! Tests of: folds.
