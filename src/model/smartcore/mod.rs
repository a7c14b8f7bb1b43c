//! Models of smartcore 0.7.
//!
//! Trees and forests are smartcore's *regression* ones, fitted on 0 and 1: a leaf's mean is the
//! share of its class, a probability. Its classification trees are not offered: they skip a split
//! between two rows of one class even where values tie, and their probabilities are 0 or 1.
//!
//! smartcore looks at no value before it fits; features here are checked to be finite first.
//! It knows no progress and cannot be stopped within a fit.

mod boosting;
mod forest;
mod logistic;
mod matrix;
mod naive_bayes;
mod neighbours;
mod ridge;
mod tree;

pub use boosting::{FittedGradientBoosting, GradientBoosting};
pub use forest::{ExtraTrees, RandomForest};
pub use logistic::LogisticRegression;
pub use naive_bayes::{FittedGaussianNaiveBayes, GaussianNaiveBayes};
pub use neighbours::{FittedKNearestNeighbors, KNearestNeighbors};
pub use ridge::Ridge;
pub use tree::{DecisionTree, FittedTrees};
