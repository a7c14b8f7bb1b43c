//! What boosting learns from.

use super::super::loss::Objective;
use super::HistGradientBoosting;
use crate::data::{DynTarget, FitContext, RowIndex};
use crate::error::{Error, Result};
use crate::model::common::training::{check_lengths, numbers_of, split_of, weights_of};
use crate::random::Seed;

/// What there is to learn from, by row of the binned table.
pub(in crate::model::hist) struct Data {
    pub(in crate::model::hist) objective: Objective,
    /// Targets and weights by row of the table; 0 for rows that are not fitted on.
    pub(super) y: Vec<f64>,
    /// Of mean 1 over the rows to grow trees on.
    pub(super) weights: Option<Vec<f64>>,
    /// The rows to grow trees on, in ascending order; all if none.
    pub(in crate::model::hist) train: Option<Vec<u32>>,
    pub(super) validation: Vec<u32>,
    pub(in crate::model::hist) seed: Seed,
}

impl Data {
    pub(in crate::model::hist) fn new(
        spec: &HistGradientBoosting,
        n_rows: usize,
        rows: Option<&[u32]>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        let n = rows.map_or(n_rows, <[u32]>::len);
        check_lengths(n, target, context)?;
        let objective = Objective::new(spec.loss, target)?;
        if objective.renewed_leaf().is_some() && !spec.monotone.is_empty() {
            // Their leaf values are quantiles, which the gradients do not bound.
            let expected = "none where the loss is Absolute or Quantile";
            let found = format!("{:?}", spec.loss);
            return Err(Error::parameter("monotone", expected, found));
        }
        let y = numbers_of(target);
        let mut weights = weights_of(target, context, &spec.class_weight)?;
        objective.check(&y, weights.as_deref())?;
        let (train, validation) =
            split_of(target, context, spec.early_stopping, weights.as_deref())?;
        if let Some(weights) = &mut weights {
            let train = train.as_deref().map_or(RowIndex::All(n), RowIndex::Some);
            make_mean_one(weights, train);
        }
        let data = Self {
            objective,
            y,
            weights,
            train,
            validation,
            seed: context.seed().child("boosting"),
        };
        match rows {
            None => Ok(data),
            Some(rows) => data.spread(rows, n_rows),
        }
    }

    /// The same by row of a table, of which these are the given rows.
    fn spread(self, rows: &[u32], n_rows: usize) -> Result<Self> {
        let mut seen = vec![false; n_rows];
        let mut y = vec![0.0; n_rows];
        let mut weights = self.weights.as_ref().map(|_| vec![0.0; n_rows]);
        for (i, &row) in rows.iter().enumerate() {
            match seen.get_mut(row as usize) {
                None => return Err(Error::data(format!("rows below {n_rows}"), row)),
                Some(seen) if *seen => {
                    return Err(Error::data("rows that differ", "a row twice").in_row(row as usize));
                }
                Some(seen) => *seen = true,
            }
            y[row as usize] = self.y[i];
            if let (Some(to), Some(from)) = (&mut weights, &self.weights) {
                to[row as usize] = from[i];
            }
        }
        let of = |positions: &[u32]| {
            let mut rows: Vec<u32> = positions.iter().map(|&p| rows[p as usize]).collect();
            rows.sort_unstable();
            rows
        };
        let train = self.train.as_ref().map_or_else(
            || {
                let mut rows = rows.to_vec();
                rows.sort_unstable();
                rows
            },
            |train| of(train),
        );
        Ok(Self {
            y,
            weights,
            validation: of(&self.validation),
            train: Some(train),
            ..self
        })
    }

    pub(super) fn at(values: &[f64], rows: Option<&[u32]>) -> Vec<f64> {
        rows.map_or(RowIndex::All(values.len()), RowIndex::Some)
            .gather(values)
            .into_owned()
    }

    /// The constant scores that rounds start from: those of the least loss on the training rows.
    pub(super) fn start(&self) -> Vec<f64> {
        let y = Self::at(&self.y, self.train.as_deref());
        self.objective.initial(&y, self.weights_train().as_deref())
    }

    /// How many rows trees are grown on.
    pub(super) fn n_train(&self) -> usize {
        self.train.as_ref().map_or(self.y.len(), Vec::len)
    }

    pub(in crate::model::hist) fn weights_train(&self) -> Option<Vec<f64>> {
        self.weights
            .as_ref()
            .map(|w| Self::at(w, self.train.as_deref()))
    }
}

/// Divides weights by their mean over these rows. The largest is divided by first, so that the sum
/// is finite, and by a power of two, which loses no bit.
fn make_mean_one(weights: &mut [f64], rows: RowIndex<'_>) {
    let largest = rows
        .iter()
        .fold(0.0, |largest: f64, row| largest.max(weights[row]));
    let unit = largest.log2().floor().exp2();
    let sum: f64 = rows.iter().map(|row| weights[row] / unit).sum();
    let mean = sum / rows.len() as f64;
    for weight in weights {
        *weight = *weight / unit / mean;
    }
}
