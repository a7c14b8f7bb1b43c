//! Models: from features and a target to predictions.
//!
//! An [`Estimator`] is a specification; fitting it on
//! [`Features<InSample>`](crate::data::InSample) gives a [`Predictor`]. A [`Learner`] does the
//! same from a table's rows: a [`Pipeline`](crate::pipeline::Pipeline) or a stack.
//! A classifier's prediction is always [`Probabilities`](crate::data::Probabilities).
//!
//! # Models of several types
//!
//! Models, transformers, splitters, metrics and blenders behind [`Arc`](std::sync::Arc) or [`Box`]
//! are what they point to, with their types known or not ([`DynEstimator`], [`DynLearner`],
//! [`DynTransformer`](crate::transform::DynTransformer) …): a list of them can be kept, and given to
//! whatever takes one.
//!
//! ```
//! use std::sync::Arc;
//! use stackfold::folds::{KFold, Repeated, Splitter};
//! use stackfold::metrics::{DefaultMetric, Metric, RegressionMetric};
//! use stackfold::model::DynEstimator;
//! use stackfold::model::baseline::Prior;
//! use stackfold::model::hist::{ExtraTrees, HistGradientBoosting};
//! use stackfold::prelude::*;
//! use stackfold::stack::{Scheme, Stack, View};
//! use stackfold::transform::DynTransformer;
//! use stackfold::transform::encode::{OneHotEncoder, TargetEncoder};
//!
//! let table = Table::new([("x", Column::categorical((0..60).map(|i| Some(["a", "b", "c"][i % 3]))))])?;
//! let target = Values::new((0..60).map(|i| f64::from(i % 3)).collect::<Vec<_>>())?;
//!
//! let models: Vec<Arc<dyn DynEstimator<Values>>> = vec![
//!     Arc::new(Prior::new()),
//!     Arc::new(HistGradientBoosting::new()),
//!     Arc::new(ExtraTrees::new().with_n_trees(20)),
//! ];
//! let encoders: Vec<Arc<dyn DynTransformer<Values>>> =
//!     vec![Arc::new(OneHotEncoder::new()), Arc::new(TargetEncoder::new())];
//! let splitters: Vec<Arc<dyn Splitter>> =
//!     vec![Arc::new(KFold::new(3)), Arc::new(Repeated::new(KFold::new(3), 2))];
//! let metrics: Vec<Arc<dyn Metric<Values>>> =
//!     vec![Arc::new(RegressionMetric::Mae), target.default_metric().into()];
//!
//! for (splitter, metric) in splitters.into_iter().zip(metrics) {
//!     let mut stack = Stack::new(Scheme::out_of_fold(splitter)).with_metric(metric);
//!     for (i, encoder) in encoders.iter().enumerate() {
//!         let view = View::new(&format!("view {i}"), Arc::clone(encoder));
//!         for (j, model) in models.iter().enumerate() {
//!             stack = stack.with_member(format!("{i}.{j}"), &view, Arc::clone(model));
//!         }
//!     }
//!     let fitted = stack.fit(Train::new(&table, &target)?)?;
//!     assert_eq!(fitted.out_of_fold().len(), 6);
//! }
//! # Ok::<(), stackfold::Error>(())
//! ```
//!
//! # In files
//!
//! Models, transformers, splitters and metrics are written and read by serde. Options that a file
//! leaves out are those of `new()`; one that there is not is an error.
//!
//! ```
//! use stackfold::model::HistGradientBoosting;
//! let text = r#"{"n_trees": 300, "learning_rate": 0.05}"#;
//! let model: HistGradientBoosting = serde_json::from_str(text)?;
//! assert_eq!(model, HistGradientBoosting::new().with_n_trees(300).with_learning_rate(0.05));
//! assert!(serde_json::from_str::<HistGradientBoosting>(r#"{"trees": 300}"#).is_err());
//! # Ok::<(), serde_json::Error>(())
//! ```

#[cfg(any(feature = "linfa", feature = "smartcore"))]
pub mod adapter;
pub mod baseline;
pub mod bayes;
pub(crate) mod common;
pub mod hist;
pub mod linear;
#[cfg(feature = "linfa")]
pub mod linfa;
pub mod neural;
#[cfg(feature = "smartcore")]
pub mod smartcore;

pub use baseline::Prior;
pub use bayes::GaussianNaiveBayes;
pub use common::class_weight::ClassWeight;
pub use common::dynamic::{DynEstimator, DynLearner, DynOutOfBagEstimator};
pub use common::early_stopping::EarlyStopping;
pub use common::max_features::MaxFeatures;
pub use common::subsampled::Subsampled;
pub use common::transformed_target::{
    FittedTransformedTarget, LogTarget, TargetTransform, TransformedTarget,
};
pub use hist::{ExtraTrees, HistGradientBoosting, RandomForest};
pub use linear::LogisticRegression;
pub use neural::NeuralNetwork;

use crate::data::batches::{Batches, for_each_batch};
use crate::data::coverage::Profile;
use crate::data::{Features, FitContext, InSample, OutOfSample, Rows, Table, Target, Train};
use crate::error::Result;

/// A model to be fitted on features.
pub trait Estimator<Y: Target>: std::fmt::Debug + Send + Sync {
    /// What fitting gives.
    type Fitted: Predictor<Y> + 'static;

    /// Fits on features and the target of the same rows; the context has their weights, in the
    /// same order, and the seed.
    ///
    /// # Errors
    /// If an option is outside its domain; if there are weights and the model takes none; if a
    /// value is missing and the model takes none (the error names the feature); if the back end
    /// fails.
    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted>;

    /// How many bytes a fit needs at its peak beside the features, the target and what it gives; an
    /// estimate, by which a stack or a cross-validation with a memory limit plans what runs at once
    /// ([`Stack::with_memory_limit`](crate::stack::Stack::with_memory_limit)). Predicting as many
    /// rows should need no more.
    ///
    /// By default nothing: right for a model that makes no copy of the features.
    ///
    /// ```
    /// use stackfold::data::Values;
    /// use stackfold::model::Estimator;
    /// use stackfold::model::hist::HistGradientBoosting;
    /// // Two bytes per value, and some for each row: less than the features themselves.
    /// let bytes = Estimator::<Values>::memory(&HistGradientBoosting::new(), 1_000_000, 200, 1);
    /// assert!((2 * 1_000_000 * 200..4 * 1_000_000 * 200).contains(&bytes));
    /// ```
    fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
        let _ = (n_rows, n_features, n_outputs);
        0
    }
}

/// So many bytes a value of a table; the largest number there is if they are more.
pub(crate) fn bytes(n_rows: usize, n_columns: usize, a_value: u64) -> u64 {
    let cells = (n_rows as u64).saturating_mul(n_columns as u64);
    cells.saturating_mul(a_value)
}

/// A model that can predict its own training rows from those of its parts that have not learned on
/// them: a forest, each row by the trees that it is out of bag for.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::OutOfBagEstimator;
/// use stackfold::model::hist::RandomForest;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 90, (0..90).map(|i| i as f32).collect())?;
/// let y = Values::new((0..90).map(f64::from).collect::<Vec<_>>())?;
/// let forest = RandomForest::new().with_n_trees(50);
/// let context = FitContext::default();
/// let (fitted, out_of_bag) = forest.fit_out_of_bag(&x.clone().assume_in_sample(), &y, &context)?;
/// assert!((fitted.predict(&x)?.as_slice()[45] - 45.0).abs() < 5.0);
/// assert!((out_of_bag.as_slice()[45] - 45.0).abs() < 5.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
pub trait OutOfBagEstimator<Y: Target>: Estimator<Y> {
    /// Fits as [`Estimator::fit`] does, and predicts all of the same rows, in their order. What
    /// predicts a row has learned neither on it nor, if the context has groups, on another row of
    /// its group.
    ///
    /// # Errors
    /// As [`Estimator::fit`]; if every part has learned on a row or its group, so that none is left
    /// to predict it (the error names the first such row).
    fn fit_out_of_bag(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<(Self::Fitted, Y::Prediction)>;
}

/// A fitted model.
pub trait Predictor<Y: Target>: std::fmt::Debug + Send + Sync {
    /// Predicts each row.
    ///
    /// # Errors
    /// If the features are not those of fitting, or the back end gives something that is no
    /// prediction (NaN, say).
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction>;
}

/// A model to be fitted on a table's rows.
pub trait Learner<Y: Target>: std::fmt::Debug + Send + Sync {
    /// What fitting gives.
    type Fitted: FittedLearner<Y> + 'static;

    /// Fits on training rows.
    ///
    /// # Errors
    /// If anything below it fails; the error says where.
    fn fit(&self, train: Train<'_, Y>) -> Result<Self::Fitted>;

    /// How many bytes a fit on `n_rows` rows of a table needs at its peak beside the table, the
    /// target and what it gives; an estimate as [`Estimator::memory`] is, with features that the
    /// learner makes counted.
    ///
    /// By default 4 bytes per cell: as many features as the table has columns.
    fn memory(&self, n_rows: usize, n_columns: usize, n_outputs: usize) -> u64 {
        let _ = n_outputs;
        bytes(n_rows, n_columns, 4)
    }
}

/// A model fitted on a table's rows.
pub trait FittedLearner<Y: Target>: std::fmt::Debug + Send + Sync {
    /// Predicts each row.
    ///
    /// # Errors
    /// If a column is absent or of another kind, or anything below it fails.
    fn predict(&self, rows: Rows<'_>) -> Result<Y::Prediction>;

    /// What the training rows held, with which new rows can be compared
    /// ([`Profile::coverage`]); `None` if it was not kept. Pipelines and stacks keep it.
    fn profile(&self) -> Option<&Profile> {
        None
    }

    /// Hands each batch and its predictions to `sink`, in order, until it refuses one; batches
    /// without a row are passed over.
    ///
    /// ```
    /// use stackfold::data::batches::TableBatches;
    /// use stackfold::model::baseline::Prior;
    /// use stackfold::prelude::*;
    /// use stackfold::transform::passthrough::Passthrough;
    /// let table = Table::new([("x", Column::numeric(vec![1.0, 2.0, 3.0]))])?;
    /// let target = Labels::from_strs(&["no", "yes", "no"])?;
    /// let fitted = Pipeline::new(Passthrough::new(), Prior::new()).fit(Train::new(&table, &target)?)?;
    /// let mut probabilities = Vec::new();
    /// let source = TableBatches::new(&table, 2);
    /// FittedLearner::<Labels>::predict_batches(&fitted, &source, &mut |_, prediction| {
    ///     probabilities.extend(prediction.positive().to_vec());
    ///     Ok(())
    /// })?;
    /// assert_eq!(probabilities, fitted.predict(table.rows())?.positive());
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`FittedLearner::predict`], and those of the batches and of `sink`; each names the batch,
    /// and rows are counted from its first.
    fn predict_batches(
        &self,
        batches: &dyn Batches,
        sink: &mut dyn FnMut(&Table, Y::Prediction) -> Result<()>,
    ) -> Result<()> {
        for_each_batch(batches, None, &mut |_, batch| {
            let prediction = self.predict(batch.rows())?;
            sink(&batch, prediction)
        })
    }
}
