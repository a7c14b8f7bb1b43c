//! Cross-fitting: a training row's features come from an encoder that was fitted on other folds.

use std::borrow::Cow;

use super::targets::origin;
use crate::data::{
    DynTarget, Feature, Features, InSample, OutOfSample, Rows, TableRows, Target, Train,
};
use crate::error::{Error, Result};
use crate::folds::{Folds, inner_folds};
use crate::parallel;
use crate::random::Seed;
use crate::transform::batches::only;
use crate::transform::{FittedTransformer, Scope, Transformer};

/// An encoder that learns from the target, and may not be used on the rows that it was fitted on.
///
/// Implement this for an encoder of your own and wrap it in [`CrossFitted`], which makes it a
/// [`Transformer`] whose training rows never see their own target. There is no need to think
/// about folds: `fit` gets rows, and the fitted encoder transforms others.
///
/// ```
/// use stackfold::data::{Column, Feature, Features, OutOfSample, RowIndex};
/// use stackfold::folds::Folds;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{CrossFitted, TargetStatistic};
///
/// /// The largest target of each level of one column; 0 for unseen and missing levels.
/// #[derive(Debug)]
/// struct LargestTarget(String);
///
/// #[derive(Debug)]
/// struct FittedLargestTarget {
///     column: String,
///     largest: Vec<(String, f64)>,
///     fields: Vec<Feature>,
/// }
///
/// impl TargetStatistic<Values> for LargestTarget {
///     type Fitted = FittedLargestTarget;
///
///     fn fit(&self, train: Train<'_, Values>) -> Result<FittedLargestTarget> {
///         let (column, target) = (train.rows().column(&self.0)?, train.target());
///         let mut largest: Vec<(String, f64)> = Vec::new();
///         for (row, &y) in train.rows().index().iter().zip(target.as_slice()) {
///             let Some(level) = column.text(row) else { continue };
///             match largest.iter_mut().find(|(name, _)| *name == level) {
///                 Some((_, value)) => *value = value.max(y),
///                 None => largest.push((level.into_owned(), y)),
///             }
///         }
///         let fields = vec![Feature::number(format!("{}_largest", self.0))];
///         Ok(FittedLargestTarget { column: self.0.clone(), largest, fields })
///     }
/// }
///
/// impl FittedTransformer for FittedLargestTarget {
///     fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
///         let column = rows.column(&self.column)?;
///         let value = |row| {
///             let level = column.text(row);
///             let found = self.largest.iter().find(|(name, _)| Some(name.as_str()) == level.as_deref());
///             found.map_or(0.0, |(_, y)| *y as f32)
///         };
///         let values = rows.index().iter().map(value).collect();
///         Features::new(self.fields.clone(), rows.len(), values)
///     }
///
///     fn fields(&self) -> &[Feature] {
///         &self.fields
///     }
/// }
///
/// let table = Table::new([("city", Column::categorical(["a", "a", "a", "b"].map(Some)))])?;
/// let target = Values::new(vec![1.0, 5.0, 3.0, 9.0])?;
/// let folds = Folds::new(vec![0, 1, 0, 1], 2)?;
/// let encoder = CrossFitted::new(LargestTarget("city".into())).with_folds(folds);
/// let (fitted, training) = encoder.fit_transform(Train::new(&table, &target)?)?;
/// // Rows 0 and 2 learn from rows 1 and 3 alone, and the other way round.
/// assert_eq!(training.column(0), [5.0, 3.0, 5.0, 0.0]);
/// // New rows learn from all.
/// assert_eq!(fitted.transform(table.rows())?.column(0), [5.0, 5.0, 5.0, 9.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
pub trait TargetStatistic<Y: Target>: std::fmt::Debug + Send + Sync {
    /// What fitting gives.
    type Fitted: FittedTransformer + 'static;

    /// Fits on training rows.
    ///
    /// # Errors
    /// If an option is outside its domain, or the rows are not what the encoder needs.
    fn fit(&self, train: Train<'_, Y>) -> Result<Self::Fitted>;

    /// See [`Transformer::scope`].
    fn scope(&self) -> Scope<'_> {
        Scope::Table
    }

    /// See [`Transformer::join`].
    ///
    /// # Errors
    /// As there.
    fn join(&self, parts: Vec<Self::Fitted>, target: &Y) -> Result<Self::Fitted> {
        let _ = target;
        only(parts)
    }
}

/// Makes a [`TargetStatistic`] safe: a training row's features come from an encoder fitted on the
/// other folds, a new row's from one fitted on all training rows.
///
/// Folds are stratified by the target and keep groups together where the table has a group
/// column; see [`TargetStatistic`] for an example. With fewer than two rows (or groups) there are
/// no other rows to learn from, and the training rows' features are missing.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossFitted<E> {
    encoder: E,
    #[serde(default)]
    folds: InnerFolds,
}

impl<E> CrossFitted<E> {
    /// Cross-fits the encoder over 5 folds.
    #[must_use]
    pub fn new(encoder: E) -> Self {
        Self {
            encoder,
            folds: InnerFolds::default(),
        }
    }

    /// Over this many folds: 2 or more, and no more than there are rows (or groups).
    #[must_use]
    pub fn with_n_folds(self, n_folds: usize) -> Self {
        Self {
            folds: InnerFolds::Count(n_folds),
            ..self
        }
    }

    /// Over these folds of the training rows.
    #[must_use]
    pub fn with_folds(self, folds: Folds) -> Self {
        Self {
            folds: InnerFolds::Given(folds),
            ..self
        }
    }

    /// The encoder.
    #[must_use]
    pub fn encoder(&self) -> &E {
        &self.encoder
    }
}

impl<E> crate::transform::Chain for CrossFitted<E> {}

impl<Y: Target, E: TargetStatistic<Y>> Transformer<Y> for CrossFitted<E> {
    type Fitted = E::Fitted;

    fn fit_transform(&self, train: Train<'_, Y>) -> Result<(Self::Fitted, Features<InSample>)> {
        let seed = train.seed().child("cross_fitted");
        let folds = self.folds.of(train.as_dyn(), seed.child("folds"))?;
        let values = train.table_target().output(0, train.rows().index());
        let train = train.with_target_origin(origin(train.as_dyn(), &values));
        let fitted = self.encoder.fit(train.with_seed(seed.child("all")))?;
        let encode = |fold, others: &TableRows, own: &TableRows| {
            let train = train.at(others).with_seed(seed.child("fold").at(fold));
            let encoder = self.encoder.fit(train)?;
            encoder.transform(train.rows().at(own))
        };
        let features = in_sample(fitted.fields(), train.rows(), folds.as_deref(), &encode)?;
        Ok((fitted, features))
    }

    fn fit_part(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
        let seed = train.seed().child("cross_fitted");
        self.folds.of(train.as_dyn(), seed.child("folds"))?;
        self.encoder.fit(train.with_seed(seed.child("all")))
    }

    fn scope(&self) -> Scope<'_> {
        self.encoder.scope()
    }

    fn join(&self, parts: Vec<Self::Fitted>, target: &Y) -> Result<Self::Fitted> {
        self.encoder.join(parts, target)
    }
}

type Encode<'a> =
    dyn Fn(usize, &TableRows, &TableRows) -> Result<Features<OutOfSample>> + Sync + 'a;

/// The features of each row, from an encoder of the other folds: `encode` gives, for a fold, those
/// of its own rows (the last) by an encoder that was fitted on the others (the first); missing
/// without folds.
fn in_sample(
    fields: &[Feature],
    rows: Rows<'_>,
    folds: Option<&Folds>,
    encode: &Encode<'_>,
) -> Result<Features<InSample>> {
    let n_rows = rows.len();
    let mut values = vec![f32::NAN; n_rows * fields.len()];
    let Some(folds) = folds else {
        return Features::from_buffer(fields, n_rows, values);
    };
    let parts = parallel::map(0..folds.n_folds(), |_, fold| {
        let own = folds.validation(fold);
        let others = rows.table_rows(&folds.train(fold));
        let features = encode(fold, &others, &rows.table_rows(&own))?;
        features.check_fields(fields)?;
        Ok((own, features))
    });
    for (fold, part) in parts.into_iter().enumerate() {
        let (own, features) = part.map_err(|e: Error| e.in_fold(fold))?;
        for j in 0..fields.len() {
            for (&row, &value) in own.iter().zip(features.column(j)) {
                values[j * n_rows + row as usize] = value;
            }
        }
    }
    Features::from_buffer(fields, n_rows, values)
}

/// The folds inside the training rows.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) enum InnerFolds {
    Count(usize),
    Given(Folds),
}

impl Default for InnerFolds {
    fn default() -> Self {
        Self::Count(5)
    }
}

impl InnerFolds {
    /// The folds, or `None` if there are fewer than two rows or groups.
    pub(super) fn of(
        &self,
        train: Train<'_, dyn DynTarget>,
        seed: Seed,
    ) -> Result<Option<Cow<'_, Folds>>> {
        match self {
            Self::Count(n_folds @ (0 | 1)) => {
                Err(Error::parameter("n_folds", "2 or more", n_folds))
            }
            Self::Count(n_folds) => Ok(inner_folds(train, *n_folds, seed)?.map(Cow::Owned)),
            Self::Given(folds) if folds.n_rows() == train.len() => Ok(Some(Cow::Borrowed(folds))),
            Self::Given(folds) => Err(Error::parameter(
                "folds",
                format!("a partition of the {} training rows", train.len()),
                format!("one of {} rows", folds.n_rows()),
            )),
        }
    }
}
