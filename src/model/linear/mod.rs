//! Linear models that work on features as they are.
//!
//! A fit makes no copy of the features, in any precision and of any share of them: what it holds
//! beside them are a few vectors of one number a coefficient. The same data give the same bits on
//! any number of threads.

mod lbfgs;
mod logistic;
mod objective;
mod standard;

pub use logistic::{FittedLogisticRegression, LogisticRegression};
