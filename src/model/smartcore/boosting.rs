//! Gradient boosting of regression trees.

use std::sync::Arc;

use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::xgboost::xgb_regressor::{Objective, XGRegressor, XGRegressorParameters};

use super::matrix::{dense, dense_rows};
use super::tree::depth;
use crate::data::{DynTarget, Features, FitContext, InSample, OutOfSample, Target};
use crate::error::{Error, Result};
use crate::model::adapter::{Backend, Fitted, OutputModel, Training, failed, guarded};
use crate::model::{Estimator, bytes};
use crate::numeric::links::binary_softmax;
use crate::options::{
    above_zero, at_least_one, at_least_zero, none_or_at_least_one, options, or_none,
};
use crate::parallel;
use crate::random::Seed;

type Booster = XGRegressor<f32, f64, DenseMatrix<f32>, Vec<f64>>;

/// Gradient boosting of regression trees: smartcore's `XGRegressor`, for values as it is, for
/// classes one tree at a time on the log loss.
///
/// For values it starts at the mean; each tree is fitted to what is left, by exact search of the
/// split with the largest gain, and is added at the learning rate (Friedman 2001; gain and leaf
/// values as in Chen and Guestrin 2016 with second derivatives of one).
///
/// smartcore has no logistic loss: fitted to 0 and 1 its sums leave that range. So for a class the
/// loop is here, and the trees are smartcore's (Friedman 2001, algorithm 5): with `p = 1 / (1 +
/// e^-f)`, each tree is fitted by least squares to the residuals `y - p`, the value of each of its
/// leaves is replaced by Newton's step `sum (y - p) / (sum p (1 - p) + lambda)`, and that, times
/// the learning rate, is added to `f`. Two classes have one such booster; more have one each,
/// divided by their sum.
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
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    n_trees: usize,
    #[serde(with = "or_none")]
    max_depth: Option<usize>,
    learning_rate: f64,
    min_samples_leaf: usize,
    l2: f64,
    subsample: f64,
    #[serde(with = "or_none")]
    max_rows: Option<usize>,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            n_trees: 100,
            max_depth: Some(4),
            learning_rate: 0.1,
            min_samples_leaf: 10,
            l2: 1.0,
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
        /// How many splits there may be on a path from the root; 4 by default, `None` for as many
        /// as smartcore counts, 65,535.
        with_max_depth(max_depth: Option<usize>);
        /// What each tree is multiplied by; 0.1 by default.
        with_learning_rate(learning_rate: f64);
        /// How many rows a leaf has at least; 10 by default.
        with_min_samples_leaf(min_samples_leaf: usize);
        /// The penalty on the squares of the leaves' values; 1 by default.
        with_l2(l2: f64);
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
        let (training, model) = self.train(features, target.as_dyn(), context)?;
        Ok(training.finish(target, model))
    }

    /// Two copies of the sampled rows, one of them row by row, and the sample itself.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        let n_rows = n_rows.min(self.max_rows.unwrap_or(n_rows));
        bytes(n_rows, n_features, 12)
    }
}

impl GradientBoosting {
    fn train(
        &self,
        features: &Features<InSample>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<(Training, Option<FittedGradientBoosting>)> {
        at_least_one("n_trees", self.n_trees)?;
        none_or_at_least_one("max_depth", self.max_depth)?;
        above_zero("learning_rate", self.learning_rate)?;
        at_least_zero("l2", self.l2)?;
        at_least_one("min_samples_leaf", self.min_samples_leaf)?;
        if !(self.subsample > 0.0 && self.subsample <= 1.0) {
            let expected = "above 0 and at most 1";
            return Err(Error::parameter("subsample", expected, self.subsample));
        }
        let training = Training::new(features, target, context)?
            .unweighted("smartcore's gradient boosting")?
            .at_most(self.max_rows)?;
        if training.is_constant() {
            return Ok((training, None));
        }
        let x = dense(&training.features)?;
        let x_rows = dense_rows(&training.features)?;
        let classes = !target.class_names().is_empty();
        let boosters = parallel::map(&training.outputs, |k, y| {
            let seed = training.seed.child("boosting").at(k);
            if classes {
                self.fit_class(&x, &x_rows, y, seed).map(Boosted::Class)
            } else {
                let mean = y.iter().sum::<f64>() / y.len() as f64;
                // The mean stays in f64: smartcore's sums are as narrow as its features.
                let centred: Vec<f64> = y.iter().map(|v| v - mean).collect();
                self.trees(&x, &centred, self.n_trees, self.learning_rate, seed)
                    .map(|trees| Boosted::Values(mean, trees))
            }
        });
        let boosters = boosters.into_iter().collect::<Result<Vec<_>>>()?;
        Ok((training, Some(FittedGradientBoosting { boosters })))
    }
}

impl GradientBoosting {
    fn trees(
        &self,
        x: &DenseMatrix<f32>,
        y: &Vec<f64>,
        n_estimators: usize,
        learning_rate: f64,
        seed: Seed,
    ) -> Result<Arc<Booster>> {
        let parameters = XGRegressorParameters {
            n_estimators,
            max_depth: depth(self.max_depth),
            learning_rate,
            min_child_weight: self.min_samples_leaf,
            lambda: self.l2,
            gamma: 0.0,
            base_score: 0.0,
            // At least one row: a draw of none panics.
            subsample: self.subsample.max(1.0 / y.len() as f64),
            seed: seed.value(),
            objective: Objective::MeanSquaredError,
        };
        guarded(Backend::Smartcore, || Booster::fit(x, y, parameters))?
            .map(Arc::new)
            .map_err(|cause| failed(Backend::Smartcore, &cause))
    }

    /// Boosts one class's indicator on the log loss; `x_rows` is `x` row by row.
    fn fit_class(
        &self,
        x: &DenseMatrix<f32>,
        x_rows: &DenseMatrix<f32>,
        y: &[f64],
        seed: Seed,
    ) -> Result<ClassBooster> {
        let share = y.iter().sum::<f64>() / y.len() as f64;
        let start = if share > 0.0 && share < 1.0 {
            (share / (1.0 - share)).ln()
        } else {
            // The only class, or an absent one: a probability of 1, or of 0.
            if share > 0.0 {
                f64::INFINITY
            } else {
                f64::NEG_INFINITY
            }
        };
        let mut scores = vec![start; y.len()];
        let mut trees = Vec::with_capacity(self.n_trees);
        if share > 0.0 && share < 1.0 {
            for t in 0..self.n_trees {
                let p: Vec<f64> = scores.iter().map(|&f| binary_softmax(f)[1]).collect();
                let residuals: Vec<f64> = y.iter().zip(&p).map(|(y, p)| y - p).collect();
                let tree = self.trees(x, &residuals, 1, 1.0, seed.at(t))?;
                let leaves = leaf_of_rows(&tree, x_rows)?;
                let leaf_values =
                    LeafValues::newton(&leaves, &residuals, &p, self.l2, self.learning_rate);
                for (score, &leaf) in scores.iter_mut().zip(&leaves) {
                    *score += leaf_values.of(leaf);
                }
                trees.push((tree, leaf_values));
            }
        }
        Ok(ClassBooster { start, trees })
    }
}

/// The value that a tree has for each row: the same number for rows of one leaf.
fn leaf_of_rows(tree: &Booster, x: &DenseMatrix<f32>) -> Result<Vec<f32>> {
    tree.predict(x)
        .map_err(|cause| failed(Backend::Smartcore, &cause))
}

/// What a tree's leaves add to the score, by the value that the tree itself has for them.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct LeafValues {
    /// In order.
    tree_values: Vec<f32>,
    steps: Vec<f64>,
}

impl LeafValues {
    /// Newton's step of each leaf, times the learning rate.
    fn newton(leaves: &[f32], residuals: &[f64], p: &[f64], l2: f64, learning_rate: f64) -> Self {
        let mut tree_values = leaves.to_vec();
        tree_values.sort_unstable_by(f32::total_cmp);
        tree_values.dedup();
        let mut sums = vec![(0.0, 0.0); tree_values.len()];
        for ((leaf, r), p) in leaves.iter().zip(residuals).zip(p) {
            let sum = &mut sums[tree_values.partition_point(|v| v < leaf)];
            sum.0 += r;
            sum.1 += p * (1.0 - p);
        }
        let step = |(gradient, curvature): (f64, f64)| {
            // A leaf that is pure and sure has no curvature left: bound its step.
            learning_rate * (gradient / (curvature + l2).max(1e-6)).clamp(-4.0, 4.0)
        };
        Self {
            tree_values,
            steps: sums.into_iter().map(step).collect(),
        }
    }

    fn of(&self, leaf: f32) -> f64 {
        let place = self.tree_values.partition_point(|&v| v < leaf);
        self.steps.get(place).copied().unwrap_or(0.0)
    }
}

/// Fitted [`GradientBoosting`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedGradientBoosting {
    /// One an output.
    boosters: Vec<Boosted>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
enum Boosted {
    /// The mean, and trees for what is left.
    Values(f64, Arc<Booster>),
    Class(ClassBooster),
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct ClassBooster {
    start: f64,
    trees: Vec<(Arc<Booster>, LeafValues)>,
}

impl ClassBooster {
    fn predict(&self, x: &DenseMatrix<f32>, n_rows: usize) -> Result<Vec<f64>> {
        let mut scores = vec![self.start; n_rows];
        for (tree, leaf_values) in &self.trees {
            for (score, leaf) in scores.iter_mut().zip(leaf_of_rows(tree, x)?) {
                *score += leaf_values.of(leaf);
            }
        }
        Ok(scores
            .into_iter()
            .map(|score| binary_softmax(score)[1])
            .collect())
    }
}

impl OutputModel for FittedGradientBoosting {
    fn backend(&self) -> Backend {
        Backend::Smartcore
    }

    fn outputs(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        // smartcore copies each row for each tree.
        let x = dense_rows(features)?;
        let outputs = parallel::map(&self.boosters, |_, booster| match booster {
            Boosted::Class(booster) => booster.predict(&x, features.n_rows()),
            Boosted::Values(mean, booster) => {
                let values = leaf_of_rows(booster, &x)?;
                Ok(values.into_iter().map(|v| mean + f64::from(v)).collect())
            }
        });
        outputs.into_iter().collect()
    }
}
