//! From columns to features, without the target leaking.
//!
//! A transformer is a specification; fitting it gives a [`FittedTransformer`]. There are two
//! paths, and types keep them apart:
//!
//! * training rows: [`Transformer::fit_transform`] gives
//!   [`Features<InSample>`](crate::data::InSample), in which no row was computed from its own
//!   target; models are fitted on these;
//! * new rows: [`FittedTransformer::transform`] gives
//!   [`Features<OutOfSample>`](crate::data::OutOfSample); models predict these.
//!
//! What never looks at a target implements [`UnsupervisedTransformer`] and gets [`Transformer`]
//! for any target; what does look implements [`Transformer`] itself.

mod chain;
pub mod columns;
pub(crate) mod columnwise;
pub mod dates;
pub mod encode;
pub mod impute;
pub mod passthrough;
pub mod row_counts;
pub(crate) mod sample;
pub mod scale;
mod select;

pub use chain::{Chain, FittedThen, Then};
pub use columns::{ColumnTransformer, FittedColumnTransformer, Naming, Remainder};
pub use select::Selector;

use std::sync::Arc;

use crate::data::{Feature, Features, FitContext, InSample, OutOfSample, Rows, Target, Train};
use crate::error::Result;

/// A transformer that may learn from the target.
pub trait Transformer<Y: Target>: std::fmt::Debug + Send + Sync {
    /// What fitting gives.
    type Fitted: FittedTransformer + 'static;

    /// Fits on the training rows, and gives these rows' features; no row's features are computed
    /// from its own target.
    ///
    /// # Errors
    /// If an option is outside its domain, or the rows are not what the transformer needs.
    fn fit_transform(&self, train: Train<'_, Y>) -> Result<(Self::Fitted, Features<InSample>)>;
}

/// A fitted transformer: turns new rows into features.
pub trait FittedTransformer: std::fmt::Debug + Send + Sync {
    /// The features of new rows.
    ///
    /// Columns are found by name, in whatever order the table has them.
    ///
    /// # Errors
    /// If a column is absent or has another kind than in fitting, or a level or a missing cell is
    /// refused; the error names the column and the row.
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>>;

    /// Names and kinds of the features that come out, known before any row is transformed.
    fn fields(&self) -> &[Feature];
}

/// A transformer that never looks at a target, and so cannot leak it.
pub trait UnsupervisedTransformer: std::fmt::Debug + Send + Sync {
    /// What fitting gives.
    type Fitted: FittedTransformer + 'static;

    /// Fits on rows; the context has their weights, in the same order, and the seed.
    ///
    /// # Errors
    /// If an option is outside its domain, or the rows are not what the transformer needs.
    fn fit_rows(&self, rows: Rows<'_>, context: &FitContext<'_>) -> Result<Self::Fitted>;
}

impl<Y: Target, T: UnsupervisedTransformer> Transformer<Y> for T {
    type Fitted = T::Fitted;

    fn fit_transform(&self, train: Train<'_, Y>) -> Result<(Self::Fitted, Features<InSample>)> {
        let rows = train.rows();
        let weights = train.weights();
        let context = FitContext::default()
            .with_seed(train.seed())
            .with_weights(weights.as_deref())
            .with_progress(train.progress());
        let fitted = self.fit_rows(rows, &context)?;
        // No target was within reach, so training rows are like any others.
        let features = fitted.transform(rows)?.with_provenance();
        Ok((fitted, features))
    }
}

/// The object-safe twin of [`Transformer`]; every transformer has it.
pub trait DynTransformer<Y: Target>: std::fmt::Debug + Send + Sync {
    /// See [`Transformer::fit_transform`].
    ///
    /// # Errors
    /// As there.
    fn fit_transform_dyn(
        &self,
        train: Train<'_, Y>,
    ) -> Result<(Arc<dyn FittedTransformer>, Features<InSample>)>;
}

impl<Y: Target, T: Transformer<Y>> DynTransformer<Y> for T {
    fn fit_transform_dyn(
        &self,
        train: Train<'_, Y>,
    ) -> Result<(Arc<dyn FittedTransformer>, Features<InSample>)> {
        let (fitted, features) = self.fit_transform(train)?;
        Ok((Arc::new(fitted), features))
    }
}

/// A step from features to features: fitted on features that a model may be fitted on.
///
/// Chain it behind a transformer with [`Chain::then`].
pub trait FeatureStep: std::fmt::Debug + Send + Sync {
    /// What fitting gives.
    type Fitted: FittedFeatureStep + 'static;

    /// Fits on features of training rows.
    ///
    /// # Errors
    /// If an option is outside its domain, or the features are not what the step needs.
    fn fit_features(
        &self,
        features: &Features<InSample>,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted>;
}

/// A fitted step from features to features; it keeps rows in their order.
pub trait FittedFeatureStep: std::fmt::Debug + Send + Sync {
    /// Changes the features.
    ///
    /// # Errors
    /// If the features are not those of fitting.
    fn apply<P: crate::data::Provenance>(&self, features: Features<P>) -> Result<Features<P>>;

    /// Names and kinds of what comes out.
    fn fields(&self) -> &[Feature];
}
