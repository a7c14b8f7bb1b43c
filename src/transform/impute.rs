//! Imputation of missing values.
