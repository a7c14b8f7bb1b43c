//! The traits and types that most programs need.

pub use crate::data::{
    Column, ColumnKind, Features, FitContext, InSample, Labels, OutOfSample, Prediction,
    Probabilities, Role, Rows, Table, Target, Train, Values,
};
pub use crate::error::{Error, Result};
pub use crate::model::{Estimator, FittedLearner, Learner, Predictor};
pub use crate::pipeline::Pipeline;
pub use crate::random::Seed;
pub use crate::transform::{Chain, FittedTransformer, Transformer};
