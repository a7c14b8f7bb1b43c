//! k nearest neighbours.

use std::sync::Arc;

use smartcore::algorithm::neighbour::linear_search::LinearKNNSearch;
use smartcore::metrics::distance::euclidian::Euclidian;

use crate::data::{DynTarget, Features, FitContext, InSample, OutOfSample, Target};
use crate::error::Result;
use crate::model::adapter::standard::Standard;
use crate::model::adapter::{Backend, Fitted, OutputModel, Training, failed};
use crate::model::{Estimator, bytes};
use crate::options::{at_least_one, options, or_none};
use crate::parallel;

/// k nearest neighbours (smartcore's linear search), for classes and values.
///
/// The distance is Euclidean over standardised features (mean 0, deviation 1; constant ones are
/// left out). The prediction is the (weighted) mean of the neighbours' targets: for classes, each
/// class's share of the neighbours. All rows are neighbours if there are no more than `n_neighbors`.
/// Missing values are an error that names the feature.
///
/// Cost: `n p` for each row to predict, in parallel over these. smartcore's cover tree is slower
/// than that from a few dozen features on and is not used. The rows to search are a seeded
/// stratified sample of at most [`KNearestNeighbors::with_max_rows`].
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::smartcore::KNearestNeighbors;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 5, vec![0.0, 1.0, 2.0, 10.0, 11.0])?;
/// let y = Labels::from_strs(&["no", "no", "yes", "yes", "yes"])?;
/// let model = KNearestNeighbors::new().with_n_neighbors(3);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let prediction = fitted.predict(&x)?;
/// assert!((prediction.positive()[1] - 1.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KNearestNeighbors {
    n_neighbors: usize,
    #[serde(with = "or_none")]
    max_rows: Option<usize>,
}

impl Default for KNearestNeighbors {
    fn default() -> Self {
        Self {
            n_neighbors: 30,
            max_rows: Some(10_000),
        }
    }
}

impl KNearestNeighbors {
    /// 30 neighbours among at most 10,000 rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// How many neighbours; 30 by default.
        with_n_neighbors(n_neighbors: usize);
        /// The most rows to search, a seeded stratified sample of them; 10,000 by default, `None`
        /// for all.
        with_max_rows(max_rows: Option<usize>);
    }
}

impl<Y: Target> Estimator<Y> for KNearestNeighbors {
    type Fitted = Fitted<Y, FittedKNearestNeighbors>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let (training, model) = self.train(features, target.as_dyn(), context)?;
        Ok(training.finish(target, model))
    }

    /// The rows that are kept, standardised, twice while they are put in place.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        let n_rows = n_rows.min(self.max_rows.unwrap_or(n_rows));
        bytes(n_rows, n_features, 20)
    }
}

impl KNearestNeighbors {
    fn train(
        &self,
        features: &Features<InSample>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<(Training, Option<FittedKNearestNeighbors>)> {
        at_least_one("n_neighbors", self.n_neighbors)?;
        let training = Training::new(features, target, context)?.at_most(self.max_rows)?;
        let standard = Standard::fit(&training.features);
        if training.is_constant() || standard.n_kept() == 0 {
            return Ok((training, None));
        }
        let points = standard
            .rows(&training.features)
            .chunks_exact(standard.n_kept())
            .map(<[f64]>::to_vec)
            .collect();
        let search = LinearKNNSearch::new(points, Euclidian::new())
            .map_err(|cause| failed(Backend::Smartcore, &cause))?;
        let model = FittedKNearestNeighbors {
            standard,
            n_neighbors: self.n_neighbors.min(training.n_rows()),
            outputs: training.outputs.clone(),
            weights: training.weights.clone(),
            search: Arc::new(search),
        };
        Ok((training, Some(model)))
    }
}

/// Fitted [`KNearestNeighbors`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedKNearestNeighbors {
    standard: Standard,
    n_neighbors: usize,
    outputs: Vec<Vec<f64>>,
    weights: Option<Vec<f64>>,
    search: Arc<LinearKNNSearch<Vec<f64>, Euclidian<f64>>>,
}

impl FittedKNearestNeighbors {
    /// The mean of each output over the neighbours of a point; over all rows if the neighbours
    /// have no weight.
    fn predict(&self, point: &[f64]) -> Result<Vec<f64>> {
        let mut rows: Vec<usize> = self
            .search
            .find(&point.to_vec(), self.n_neighbors)
            .map_err(|cause| failed(Backend::Smartcore, &cause))?
            .into_iter()
            .map(|(row, _, _)| row)
            .collect();
        // The heap's order depends on how it was filled; the sum must not.
        rows.sort_unstable();
        let weight = |row: usize| self.weights.as_ref().map_or(1.0, |w| w[row]);
        if rows.iter().all(|&row| weight(row) == 0.0) {
            rows = (0..self.outputs[0].len()).collect();
        }
        let total: f64 = rows.iter().map(|&row| weight(row)).sum();
        Ok(self
            .outputs
            .iter()
            .map(|output| {
                let sum: f64 = rows.iter().map(|&row| weight(row) * output[row]).sum();
                sum / total
            })
            .collect())
    }
}

impl OutputModel for FittedKNearestNeighbors {
    fn backend(&self) -> Backend {
        Backend::Smartcore
    }

    fn outputs(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        let points = self.standard.rows(features);
        let points = points.chunks_exact(self.standard.n_kept());
        let rows = parallel::map(points, |_, point| self.predict(point));
        let rows = rows.into_iter().collect::<Result<Vec<Vec<f64>>>>()?;
        Ok((0..self.outputs.len())
            .map(|k| rows.iter().map(|row| row[k]).collect())
            .collect())
    }
}
