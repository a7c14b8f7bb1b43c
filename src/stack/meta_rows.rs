//! The rows with out-of-fold predictions: what further levels and the blender learn from, cross-fitted
//! over folds of them.

use std::sync::Arc;

use super::checks::follows_time;
use super::{Meta, Stack, StackTarget};
use crate::data::{
    Features, FitContext, InSample, OutOfSample, RowIndex, Sample, TableRows, Target, Train,
    check_prediction,
};
use crate::error::{Error, Result};
use crate::folds::{FoldPlan, Folds, deal, pool, strata_of};
use crate::parallel;
use crate::random::Seed;
use crate::transform::FittedTransformer;

/// Folds of the blender and of further levels where the plan has none of its own.
const META_FOLDS: usize = 5;

/// Rows with out-of-fold predictions, and what is known of them.
pub(super) struct MetaRows<'a, Y: Target> {
    /// All training rows.
    pub(super) train: Train<'a, Y>,
    rows: TableRows,
    pub(super) sample: Sample<'static, Y>,
}

impl<'a, Y: StackTarget> MetaRows<'a, Y> {
    /// Those at these positions among the training rows.
    pub(super) fn new(train: Train<'a, Y>, positions: &[u32]) -> Result<Self> {
        let sample = train.sample().take(positions);
        let target = sample.target();
        target.check(RowIndex::All(target.n_rows()))?;
        Ok(Self {
            train,
            rows: train.rows().table_rows(positions),
            sample,
        })
    }

    pub(super) fn take(&self, positions: &[u32]) -> Self {
        Self {
            train: self.train,
            rows: self.rows.take(positions),
            sample: self.sample.take(positions),
        }
    }

    pub(super) fn target(&self) -> &Y {
        self.sample.target()
    }

    pub(super) fn context(&self, seed: Seed) -> FitContext<'_> {
        self.sample.context(seed, self.train.progress())
    }

    /// The error with the table's row, if it names one.
    pub(super) fn place(&self, error: Error) -> Error {
        error.among(self.rows.index())
    }

    /// The folds over which the blender and further levels are cross-fitted: the plan's own if it is
    /// one partition, new ones over the predicted rows if not; none if there are too few rows, or if
    /// the plan follows time, where a blender must not learn from later rows.
    pub(super) fn folds(&self, plan: &FoldPlan, seed: Seed) -> Result<Option<Folds>> {
        if follows_time(self.train, plan) {
            return Ok(None);
        }
        let n_rows = self.rows.len();
        if let Some([folds, ..]) = plan.partitions()
            && n_rows == plan.n_rows()
        {
            return Ok(Some(folds.clone()));
        }
        let (target, weights) = (self.target(), self.sample.weights());
        let strata = strata_of(target, RowIndex::All(n_rows), weights);
        deal(&strata, self.sample.groups(), META_FOLDS, seed)
    }
}

/// Fits and predicts fold by fold, and puts the predictions together: `f` gives, for a fold, what is
/// fitted on the others' rows (the first) predicts for its own (the last).
pub(super) fn cross_fit<Y: Target>(
    folds: &Folds,
    target: &Y,
    f: impl Fn(usize, &[u32], &[u32]) -> Result<Y::Prediction> + Sync,
) -> Result<Y::Prediction> {
    let parts = parallel::map(0..folds.n_folds(), |_, fold| {
        let rows = folds.validation(fold);
        let prediction = f(fold, &folds.train(fold), &rows)
            .and_then(|p| check_prediction(target, &p, rows.len()).map(|()| p));
        prediction.map(|p| (rows, p)).map_err(|e| e.in_fold(fold))
    });
    let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
    let parts = parts.iter().map(|(rows, p)| (rows.as_slice(), p));
    pool(target, folds.n_rows(), parts).map(|(_, prediction)| prediction)
}

/// Rows of meta-features that a model fitted on other rows is to predict.
pub(super) fn held_out<Y: Target>(meta: &Meta<Y, InSample>, rows: &[u32]) -> Meta<Y, OutOfSample> {
    let part = meta.take(rows);
    Meta::new(
        part.names().into(),
        part.predictions().to_vec(),
        part.extra().map(|x| x.clone().with_provenance()),
    )
}

/// Raw columns beside the predictions of rows, by their positions among the training rows: no target,
/// and nothing learned, so all rows are fitted on at once.
#[allow(clippy::type_complexity, reason = "the two results of one fit")]
pub(super) fn pass_through<Y: Target>(
    stack: &Stack<Y>,
    train: Train<'_, Y>,
    positions: &[u32],
) -> Result<(
    Option<Arc<dyn FittedTransformer>>,
    Option<Features<InSample>>,
)> {
    let Some(view) = &stack.pass_through else {
        return Ok((None, None));
    };
    let (fitted, features) = view
        .transformer
        .fit_transform_dyn(train)
        .map_err(|e| e.in_view(view.name()))?;
    Ok((Some(fitted), Some(features.take(positions))))
}
