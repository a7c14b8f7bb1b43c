//! Models of linfa 0.8.
//!
//! linfa looks at no weights but in its trees, and knows no progress. Its decision tree has defects
//! that [`DecisionTree`] lists; smartcore's trees have none of these. The support vector machine
//! comes with the feature `svm`.

mod linear;
mod logistic;
mod matrix;
mod naive_bayes;
#[cfg(feature = "svm")]
mod platt;
#[cfg(feature = "svm")]
mod svm;
mod tree;

pub use linear::{ElasticNet, LinearRegression, Ridge};
pub use logistic::LogisticRegression;
pub use naive_bayes::{FittedGaussianNaiveBayes, GaussianNaiveBayes};
#[cfg(feature = "svm")]
pub use svm::{FittedSupportVectorMachine, Kernel, SupportVectorMachine};
pub use tree::{DecisionTree, FittedDecisionTree};
