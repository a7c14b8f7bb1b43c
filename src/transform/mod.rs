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

pub(crate) mod batches;
mod chain;
pub mod columns;
pub(crate) mod columnwise;
pub mod dates;
mod dynamic;
pub mod encode;
pub mod impute;
pub mod passthrough;
mod placement;
pub mod row_counts;
pub mod scale;
mod select;

pub use batches::Scope;
pub use chain::{Chain, FittedThen, Then};
pub use columns::{ColumnTransformer, FittedColumnTransformer, Naming, Remainder};
pub use dynamic::DynTransformer;
pub use placement::Placement;
pub use select::Selector;

use crate::data::batches::{BatchedTable, Batches, TrainBatches};
use crate::data::{
    Feature, Features, FitContext, InSample, OutOfSample, Provenance, Rows, Table, Target, Train,
};
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

    /// Fits on the training rows, and gives no features: what [`Transformer::fit_transform`] gives
    /// first.
    ///
    /// # Errors
    /// As there.
    fn fit_part(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
        self.fit_transform(train).map(|(fitted, _)| fitted)
    }

    /// What has to lie in memory at a time; [`Scope::Columns`] asks for a `join`.
    fn scope(&self) -> Scope<'_> {
        Scope::Table
    }

    /// Makes one of parts that were fitted on some of the columns each, in the columns' order, with
    /// the same target.
    ///
    /// # Errors
    /// If there are several, and the scope is [`Scope::Table`]; if together they are not what the
    /// options allow.
    fn join(&self, parts: Vec<Self::Fitted>, target: &Y) -> Result<Self::Fitted> {
        let _ = target;
        batches::only(parts)
    }

    /// Fits on rows that come in batches: the same to the last bit as fitting on a table of all of
    /// them. See [`BatchedTable::with_memory_limit`] for how much is in memory at a time.
    ///
    /// ```
    /// use stackfold::data::batches::{BatchedTable, TableBatches, TrainBatches};
    /// use stackfold::prelude::*;
    /// use stackfold::transform::encode::TargetEncoder;
    /// let table = Table::new([("x", Column::categorical(["a", "b", "a", "b", "c"].map(Some)))])?;
    /// let target = Values::new(vec![0.1, 0.2, 0.3, 0.4, 0.5])?;
    /// let encoder = TargetEncoder::new();
    /// let (whole, _) = encoder.fit_transform(Train::new(&table, &target)?)?;
    /// let source = TableBatches::new(&table, 2);
    /// let batched = BatchedTable::new(&source)?;
    /// let fitted = encoder.fit_batches(TrainBatches::new(&batched, &target)?)?;
    /// assert_eq!(fitted.transform(table.rows())?.column(0), whole.transform(table.rows())?.column(0));
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Transformer::fit_transform`], and if a batch cannot be had, or the memory limit is too
    /// low for a column (or for all, if the scope is [`Scope::Table`]).
    fn fit_batches(&self, train: TrainBatches<'_, Y>) -> Result<Self::Fitted>
    where
        Self: Sized,
    {
        batches::fit(self, train)
    }
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

    /// The features that are not their columns' own numbers, as `f32` would not tell these apart,
    /// and what they are instead; see [`Placement`].
    fn moved(&self) -> Vec<(String, Placement)> {
        Vec::new()
    }

    /// Hands each batch and its features to `sink`, in order, until it refuses one; batches
    /// without a row are passed over.
    ///
    /// # Errors
    /// As [`FittedTransformer::transform`], and those of the batches and of `sink`; each names the
    /// batch, and rows are counted from its first.
    fn transform_batches(
        &self,
        batches: &dyn Batches,
        sink: &mut dyn FnMut(&Table, Features<OutOfSample>) -> Result<()>,
    ) -> Result<()> {
        batches::transform(self, batches, sink)
    }
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

    /// See [`Transformer::scope`].
    fn scope(&self) -> Scope<'_> {
        Scope::Table
    }

    /// See [`Transformer::join`].
    ///
    /// # Errors
    /// As there.
    fn join(&self, parts: Vec<Self::Fitted>) -> Result<Self::Fitted> {
        batches::only(parts)
    }

    /// Fits on rows that come in batches; the context has the weights of all, and the seed. See
    /// [`Transformer::fit_batches`].
    ///
    /// # Errors
    /// As there.
    fn fit_batched_rows(
        &self,
        table: &BatchedTable<'_>,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        batches::fit_rows(self, table, context)
    }
}

impl<Y: Target, T: UnsupervisedTransformer> Transformer<Y> for T {
    type Fitted = T::Fitted;

    fn fit_transform(&self, train: Train<'_, Y>) -> Result<(Self::Fitted, Features<InSample>)> {
        let fitted = self.fit_part(train)?;
        // No target was within reach, so training rows are like any others.
        let features = fitted.transform(train.rows())?.with_provenance();
        Ok((fitted, features))
    }

    fn fit_part(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
        let sample = train.rows().sample();
        let context = sample.context(train.seed(), train.progress());
        self.fit_rows(train.rows(), &context)
    }

    fn scope(&self) -> Scope<'_> {
        UnsupervisedTransformer::scope(self)
    }

    fn join(&self, parts: Vec<Self::Fitted>, _: &Y) -> Result<Self::Fitted> {
        UnsupervisedTransformer::join(self, parts)
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

    /// What features have to lie in memory at a time; see [`Transformer::scope`].
    fn scope(&self) -> Scope<'_> {
        Scope::Table
    }

    /// Makes one of parts that were fitted on some of the features each; `fields` are all of them,
    /// in order. See [`Transformer::join`].
    ///
    /// # Errors
    /// As there, and if the parts lack one of the features.
    fn join(&self, parts: Vec<Self::Fitted>, fields: &[Feature]) -> Result<Self::Fitted> {
        let _ = fields;
        batches::only(parts)
    }
}

/// A fitted step from features to features; it keeps rows in their order.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::prelude::*;
/// use stackfold::transform::{FeatureStep, FittedFeatureStep};
/// /// Features no larger than the largest in training.
/// #[derive(Debug)]
/// struct Clip;
/// #[derive(Debug)]
/// struct FittedClip {
///     fields: Vec<Feature>,
///     largest: f32,
/// }
/// impl FeatureStep for Clip {
///     type Fitted = FittedClip;
///     fn fit_features(&self, x: &Features<InSample>, _: &FitContext<'_>) -> Result<FittedClip> {
///         let largest = x.as_slice().iter().copied().fold(f32::NEG_INFINITY, f32::max);
///         Ok(FittedClip { fields: x.fields().to_vec(), largest })
///     }
/// }
/// impl FittedFeatureStep for FittedClip {
///     fn transform_features(&self, x: Features<OutOfSample>) -> Result<Features<OutOfSample>> {
///         x.check_fields(&self.fields)?;
///         let clipped = x.as_slice().iter().map(|v| v.min(self.largest)).collect();
///         Features::new(self.fields.clone(), x.n_rows(), clipped)
///     }
///     fn fields(&self) -> &[Feature] {
///         &self.fields
///     }
/// }
/// let numbers = |x: Vec<f64>| Table::new([("x", Column::from(x))]);
/// let (training, new) = (numbers(vec![1.0, 2.0])?, numbers(vec![5.0, 0.0])?);
/// let target = Values::new(vec![0.0, 1.0])?;
/// let chain = Passthrough::new().then(Clip);
/// let (fitted, _) = chain.fit_transform(Train::new(&training, &target)?)?;
/// assert_eq!(fitted.transform(new.rows())?.column(0), [2.0, 0.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
pub trait FittedFeatureStep: std::fmt::Debug + Send + Sync {
    /// Changes features. Those of training rows are handed in without their mark
    /// ([`FittedFeatureStep::apply`]), as no target is within reach here.
    ///
    /// # Errors
    /// If the features are not those of fitting.
    fn transform_features(&self, features: Features<OutOfSample>) -> Result<Features<OutOfSample>>;

    /// Names and kinds of what comes out.
    fn fields(&self) -> &[Feature];

    /// [`FittedFeatureStep::transform_features`] of features of any provenance, which they keep.
    ///
    /// # Errors
    /// As there.
    fn apply<P: Provenance>(&self, features: Features<P>) -> Result<Features<P>>
    where
        Self: Sized,
    {
        let changed = self.transform_features(features.with_provenance())?;
        Ok(changed.with_provenance())
    }
}
