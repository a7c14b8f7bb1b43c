//! The traits and types that most programs need; models are named beside it:
//!
//! ```
//! use stackfold::model::hist::HistGradientBoosting;
//! use stackfold::prelude::*;
//! # let _ = HistGradientBoosting::new();
//! ```

pub use crate::data::{
    Cell, Column, ColumnKind, Features, FitContext, InSample, Labels, OutOfSample, Prediction,
    Probabilities, Role, Rows, Table, TableReader, Target, Train, Values, write_csv,
};
pub use crate::error::{Error, Result};
pub use crate::folds::{
    GroupKFold, HoldOut, KFold, Splitter, StratifiedKFold, TimeSeriesSplit, train_test_split,
};
pub use crate::metrics::{ClassificationMetric, ConfusionMatrix, Metric, RegressionMetric};
pub use crate::model::{Estimator, FittedLearner, Learner, Predictor};
pub use crate::model_selection::{CrossValidator, cross_validate};
pub use crate::pipeline::Pipeline;
pub use crate::random::Seed;
pub use crate::stack::{Level, Scheme, Stack, View};
pub use crate::transform::encode::{
    LeaveOneOutEncoder, OneHotEncoder, OrdinalEncoder, TargetEncoder,
};
pub use crate::transform::impute::Imputer;
pub use crate::transform::passthrough::Passthrough;
pub use crate::transform::scale::StandardScaler;
pub use crate::transform::{
    Chain, ColumnTransformer, FittedTransformer, Selector, Transformer, UnsupervisedTransformer,
};
