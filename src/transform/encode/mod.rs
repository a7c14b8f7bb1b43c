//! Encoders of categorical columns.
//!
//! Each encodes all columns that it is given; choose them with a
//! [column transformer](crate::transform::columns). Columns are categorical or boolean; a column
//! of another kind is an error until
//! [`Table::with_categorical`](crate::data::Table::with_categorical) declares it so. Booleans where
//! texts were learned, or texts where booleans were, are an error that names the column too, unless
//! they have a level (`true`, `false`) in common.
//!
//! | Encoder | A level becomes | Looks at the target |
//! |---|---|---|
//! | [`OneHotEncoder`] | a feature that is 1 there | no |
//! | [`OrdinalEncoder`] | a code | no |
//! | [`FrequencyEncoder`] | how often it occurs | no |
//! | [`TargetEncoder`] | the smoothed mean target in the *other folds* | yes |
//! | [`OrderedTargetEncoder`] | the smoothed mean target of the rows *before* | yes |
//! | [`LeaveOneOutEncoder`] | the mean target of the *other rows*, with noise | yes |
//! | [`EmbeddingEncoder`] | a vector that a network learned on the *other folds* | yes |
//! | [`CrossFitted`] | what an encoder fitted on the *other folds* says | yes |
//!
//! Those that look at the target give the training rows features that were not computed from
//! their own target. Leave-one-out leaks even so: its documentation shows how.

mod cells;
mod cross_fitted;
mod crossing;
mod embedding;
mod frequency;
mod leave_one_out;
mod lookup;
mod names;
mod noise;
mod one_hot;
mod ordered;
mod ordinal;
mod target;
mod targets;

pub use cross_fitted::{CrossFitted, TargetStatistic};
pub use embedding::{
    EmbeddingEncoder, EmbeddingMatrix, FittedEmbeddingEncoder, PretrainedEmbedding,
};
pub use frequency::{FittedFrequencyEncoder, Frequency, FrequencyEncoder, MissingFrequency};
pub use leave_one_out::{FittedLeaveOneOutEncoder, LeaveOneOutEncoder, LoneRow, Noise};
pub use one_hot::{Drop, FittedOneHotEncoder, MinFrequency, Missing, OneHotEncoder, Unknown};
pub use ordered::{FittedOrderedTargetEncoder, OrderedPrior, OrderedTargetEncoder, RowOrder};
pub use ordinal::{FittedOrdinalEncoder, MissingCode, OrdinalEncoder, UnknownCode};
pub use target::{FittedTargetEncoder, Smoothing, TargetEncoder};
pub use targets::MissingLevel;
