//! Gradient boosting of regression trees.

use std::sync::Arc;

use rayon::prelude::*;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::xgboost::xgb_regressor::{Objective, XGRegressor, XGRegressorParameters};

use super::matrix::dense;
use crate::data::{Features, FitContext, InSample, OutOfSample, Target};
use crate::error::{Error, Result};
use crate::model::Estimator;
use crate::model::adapter::options::{above_zero, at_least_one, at_least_zero, options};
use crate::model::adapter::{Backend, Fitted, OutputModel, Training, failed, guarded};

type Booster = XGRegressor<f32, f64, DenseMatrix<f32>, Vec<f64>>;

/// Gradient boosting of regression trees on the squared error (smartcore's `XGRegressor`), fitted
/// on the classes' indicators or on values.
///
/// Starts at the mean; each tree is fitted to what is left, by exact search of the split with the
/// largest gain, and is added at the learning rate (Friedman 2001; gain and leaf values as in Chen
/// and Guestrin 2016 with second derivatives of one).
///
/// smartcore has no logistic loss. The squared error is a proper score for a probability too: what
/// minimises it on a 0/1 indicator is the share of the class, so the sum of the trees, cut to
/// 0 to 1, is the probability (for more than two classes: one booster a class, divided by their
/// sum). It ranks well and is less sharp at the ends than a booster on the log loss.
///
/// Missing values are an error that names the feature. It takes no weights.
///
/// Cost: `n p log n` a *node level* and tree, as each node sorts all features anew: slow. Set
/// [`GradientBoosting::with_max_rows`] or few trees beyond some 20,000 rows.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::smartcore::GradientBoosting;
/// use stackfold::prelude::*;
/// let values: Vec<f32> = (0..200).map(|i| i as f32).collect();
/// let x = Features::new(vec![Feature::number("x")], 200, values)?;
/// let y = Values::new((0..200).map(|i| f64::from(i / 50)).collect::<Vec<_>>())?;
/// let model = GradientBoosting::new();
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// assert!((fitted.predict(&x)?.as_slice()[120] - 2.0).abs() < 0.05);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GradientBoosting {
    n_trees: usize,
    max_depth: u16,
    learning_rate: f64,
    min_child_weight: usize,
    lambda: f64,
    subsample: f64,
    max_rows: Option<usize>,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            n_trees: 100,
            max_depth: 4,
            learning_rate: 0.1,
            min_child_weight: 10,
            lambda: 1.0,
            subsample: 1.0,
            max_rows: Some(20_000),
        }
    }
}

impl GradientBoosting {
    /// 100 trees of depth 4 at a learning rate of 0.1, on at most 20,000 rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// How many trees; 100 by default.
        with_n_trees(n_trees: usize);
        /// How many splits there may be on a path from the root; 4 by default.
        with_max_depth(max_depth: u16);
        /// What each tree is multiplied by; 0.1 by default.
        with_learning_rate(learning_rate: f64);
        /// How many rows a leaf has at least; 10 by default.
        with_min_child_weight(min_child_weight: usize);
        /// The penalty on the squares of the leaves' values; 1 by default.
        with_lambda(lambda: f64);
        /// The share of the rows that each tree sees, drawn without replacement; 1 by default.
        with_subsample(subsample: f64);
        /// The most rows to fit on, a seeded stratified sample of them; 20,000 by default, `None`
        /// for all.
        with_max_rows(max_rows: Option<usize>);
    }
}

impl<Y: Target> Estimator<Y> for GradientBoosting {
    type Fitted = Fitted<Y, FittedGradientBoosting>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        at_least_one("n_trees", self.n_trees)?;
        at_least_one("max_depth", usize::from(self.max_depth))?;
        above_zero("learning_rate", self.learning_rate)?;
        at_least_zero("lambda", self.lambda)?;
        at_least_one("min_child_weight", self.min_child_weight)?;
        if !(self.subsample > 0.0 && self.subsample <= 1.0) {
            let expected = "above 0 and at most 1";
            return Err(Error::parameter("subsample", expected, self.subsample));
        }
        let training = Training::new(features, target, context)?
            .unweighted("smartcore's gradient boosting")?
            .at_most(self.max_rows)?;
        if training.is_constant() {
            return Ok(training.finish(None));
        }
        let x = dense(&training.features)?;
        let boosters = training
            .outputs
            .par_iter()
            .enumerate()
            .map(|(k, y)| {
                let parameters = XGRegressorParameters {
                    n_estimators: self.n_trees,
                    max_depth: self.max_depth,
                    learning_rate: self.learning_rate,
                    min_child_weight: self.min_child_weight,
                    lambda: self.lambda,
                    gamma: 0.0,
                    base_score: y.iter().sum::<f64>() / y.len() as f64,
                    // At least one row: a draw of none panics.
                    subsample: self.subsample.max(1.0 / y.len() as f64),
                    seed: training.seed.child("boosting").at(k).value(),
                    objective: Objective::MeanSquaredError,
                };
                guarded(Backend::Smartcore, || Booster::fit(&x, y, parameters))?
                    .map(Arc::new)
                    .map_err(|cause| failed(Backend::Smartcore, &cause))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(training.finish(Some(FittedGradientBoosting { boosters })))
    }
}

/// Fitted [`GradientBoosting`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedGradientBoosting {
    /// One an output.
    boosters: Vec<Arc<Booster>>,
}

impl OutputModel for FittedGradientBoosting {
    fn backend(&self) -> Backend {
        Backend::Smartcore
    }

    fn outputs(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        let x = dense(features)?;
        self.boosters
            .par_iter()
            .map(|booster| {
                let values = booster
                    .predict(&x)
                    .map_err(|cause| failed(Backend::Smartcore, &cause))?;
                Ok(values.into_iter().map(f64::from).collect())
            })
            .collect()
    }
}
