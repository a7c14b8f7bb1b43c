//! Scores of predictions, in f64.
