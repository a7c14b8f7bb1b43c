//! Gradient boosting of trees on histograms of features.

mod loss;

pub use loss::Loss;
