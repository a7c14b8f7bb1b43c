//! Any estimator on fewer rows.

use super::{Estimator, bytes, subsample};
use crate::data::{Features, FitContext, InSample, RowIndex, Target};
use crate::error::{Error, Result};
use crate::folds::strata_of;

/// Fits an estimator on a seeded, stratified sample of at most so many rows: for estimators whose
/// cost grows faster than the rows.
///
/// Strata are the classes, or tenths of the values; each has a row as long as there are fewer
/// strata than rows to choose, and its share of the others.
/// Weights, groups and times of the sampled rows go with them. With that many rows or fewer, all
/// of them are used.
///
/// ```
/// use stackfold::data::{Feature, Prediction};
/// use stackfold::model::{Subsampled, baseline::Prior};
/// use stackfold::prelude::*;
/// let n = 1000;
/// let x = Features::new(vec![Feature::number("x")], n, vec![0.0; n])?;
/// let codes: Vec<u32> = (0..n).map(|i| u32::from(i % 4 == 0)).collect();
/// let y = Labels::new(codes, vec!["no".into(), "yes".into()])?;
/// let model = Subsampled::new(Prior::new(), 100);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// assert_eq!(fitted.predict(&x)?.positive()[0], 0.25);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Subsampled<E> {
    estimator: E,
    max_rows: usize,
}

impl<E> Subsampled<E> {
    /// This estimator, on at most `max_rows` rows.
    #[must_use]
    pub fn new(estimator: E, max_rows: usize) -> Self {
        Self {
            estimator,
            max_rows,
        }
    }
}

impl<Y: Target, E: Estimator<Y>> Estimator<Y> for Subsampled<E> {
    type Fitted = E::Fitted;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        if self.max_rows < 2 {
            return Err(Error::parameter("max_rows", "2 or more", self.max_rows));
        }
        let n = target.n_rows();
        let lengths = [
            Some(features.n_rows()),
            context.weights().map(<[f64]>::len),
            context.groups().map(<[u32]>::len),
            context.time().map(<[f64]>::len),
        ];
        if let Some(other) = lengths.into_iter().flatten().find(|&length| length != n) {
            return Err(Error::data(format!("{n} rows, as the target has"), other));
        }
        let strata = strata_of(target, RowIndex::All(n), context.weights());
        let seed = context.seed().child("subsampled");
        let Some(rows) = subsample::rows(&strata, self.max_rows, seed) else {
            return self.estimator.fit(features, target, context);
        };
        let weights = gather(context.weights(), &rows);
        let groups = gather(context.groups(), &rows);
        let time = gather(context.time(), &rows);
        let context = FitContext::default()
            .with_weights(weights.as_deref())
            .with_groups(groups.as_deref())
            .with_time(time.as_deref())
            .with_seed(context.seed())
            .with_progress(context.progress());
        self.estimator
            .fit(&features.take(&rows), &target.take(&rows), &context)
            .map_err(|e| e.among(RowIndex::Some(&rows)))
    }

    /// The sample's features, and what the estimator needs for so many rows.
    fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
        if n_rows <= self.max_rows {
            return self.estimator.memory(n_rows, n_features, n_outputs);
        }
        let fit = self.estimator.memory(self.max_rows, n_features, n_outputs);
        bytes(self.max_rows, n_features, 4).saturating_add(fit)
    }
}

fn gather<T: Copy>(values: Option<&[T]>, rows: &[u32]) -> Option<Vec<T>> {
    values.map(|v| RowIndex::Some(rows).gather(v).into_owned())
}
