//! Random forests and extra trees, their trees fitted in parallel.

use std::sync::Arc;

use smartcore::ensemble::extra_trees_regressor::ExtraTreesRegressorParameters;
use smartcore::ensemble::random_forest_regressor::RandomForestRegressorParameters;
use smartcore::error::Failed;
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::matrix::dense;
use super::tree::{Extra, FittedTrees, Forest, Part, check_tree_memory, levels};
use crate::data::{DynTarget, Features, FitContext, InSample, Target};
use crate::error::Result;
use crate::model::adapter::limits::DEFAULT_MAX_BYTES;
use crate::model::adapter::{Backend, Fitted, MaxFeatures, Training, failed, guarded};
use crate::model::{Estimator, bytes};
use crate::options::{at_least_one, none_or_at_least_one, options, or_none};
use crate::parallel;

/// A forest is fitted as so many smaller ones side by side, whatever the number of threads: each
/// sorts the features anew.
const N_PARTS: usize = 4;

/// Trees of either kind of forest.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    n_trees: usize,
    #[serde(with = "or_none")]
    max_depth: Option<usize>,
    min_samples_leaf: usize,
    max_features: Option<MaxFeatures>,
    max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            n_trees: 100,
            max_depth: Some(14),
            min_samples_leaf: 3,
            max_features: None,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

/// The options of both kinds of forest.
macro_rules! forest_options {
    ($max_features:expr, $doc:literal) => {
        options! {
            in options;
            /// How many trees; 100 by default.
            with_n_trees(n_trees: usize);
            /// How many splits there may be on a path from the root; 14 by default, `None` for as
            /// many as smartcore counts, 65,534.
            with_max_depth(max_depth: Option<usize>);
            /// How many rows a leaf has at least; 3 by default.
            with_min_samples_leaf(min_samples_leaf: usize);
            /// How many bytes a fit may use by estimate; 8 GiB by default.
            with_max_bytes(max_bytes: u64);
        }

        /// How many features each split chooses from;
        #[doc = $doc]
        #[must_use]
        pub fn with_max_features(mut self, max_features: MaxFeatures) -> Self {
            self.options.max_features = Some(max_features);
            self
        }

        /// See [`with_max_features`](Self::with_max_features).
        #[must_use]
        pub fn max_features(&self) -> MaxFeatures {
            self.options.max_features.unwrap_or($max_features)
        }
    };
}

/// A random forest (Breiman 2001): smartcore's `RandomForestRegressor`, fitted on the classes'
/// indicators or on values.
///
/// Each tree sees a bootstrap of the rows, each split a draw of the features; the prediction is
/// the mean of the trees' leaf means. For two classes that is the probability of the positive
/// one; for more, one forest is fitted a class and its means are divided by their sum. Missing
/// values are an error that names the feature; with weights, rows are drawn in proportion.
///
/// smartcore's forest is sequential. Here it is four forests of a quarter of the trees, each with
/// a seed of its own, fitted in parallel: the same bits on any number of threads.
///
/// Cost: `n p log n` to sort, then about `n p` a level and tree (each level moves all features'
/// rows); 20 bytes a value for each of the four.
/// Measured for 30,000 x 100: 2 CPU seconds for 20 trees of depth 10, 4 for 40 of depth 14, 10 for
/// 100 (a fifth of the features a split instead of their root: 14); extra trees: 6 for 40.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::smartcore::RandomForest;
/// use stackfold::prelude::*;
/// let values: Vec<f32> = (0..200).map(|i| i as f32).collect();
/// let x = Features::new(vec![Feature::number("x")], 200, values)?;
/// let y = Values::new((0..200).map(|i| f64::from(i) * 2.0).collect::<Vec<_>>())?;
/// let forest = RandomForest::new().with_n_trees(20);
/// let fitted = forest.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let prediction = fitted.predict(&x)?;
/// assert!((prediction.as_slice()[100] - 200.0).abs() < 10.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RandomForest {
    options: Options,
}

impl RandomForest {
    /// 100 trees of depth 14.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    forest_options!(MaxFeatures::Sqrt, "[`MaxFeatures::Sqrt`] by default.");
}

/// Extremely randomised trees (Geurts, Ernst and Wehenkel 2006): smartcore's
/// `ExtraTreesRegressor`, fitted on the classes' indicators or on values.
///
/// Each split tries one random threshold for each of a draw of the features; all trees see all
/// rows. Everything else is as for [`RandomForest`], but that weights go to the splits and the
/// leaves' means.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::smartcore::ExtraTrees;
/// use stackfold::prelude::*;
/// let values: Vec<f32> = (0..200).map(|i| i as f32).collect();
/// let x = Features::new(vec![Feature::number("x")], 200, values)?;
/// let codes: Vec<u32> = (0..200).map(|i| u32::from(i >= 100)).collect();
/// let y = Labels::new(codes, vec!["low".into(), "high".into()])?;
/// let trees = ExtraTrees::new().with_n_trees(20);
/// let fitted = trees.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let prediction = fitted.predict(&x)?;
/// assert!(prediction.positive()[20] < 0.1 && prediction.positive()[180] > 0.9);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ExtraTrees {
    options: Options,
}

impl ExtraTrees {
    /// 100 trees of depth 14.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    forest_options!(
        MaxFeatures::Share(0.3),
        "[`MaxFeatures::Share`] of 0.3 by default."
    );
}

impl<Y: Target> Estimator<Y> for RandomForest {
    type Fitted = Fitted<Y, FittedTrees>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let (training, model) = self.train(features, target.as_dyn(), context)?;
        Ok(training.finish(target, model))
    }

    /// As it says under cost, for each of the parts that are grown side by side.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        bytes(
            n_rows,
            n_features,
            20 * N_PARTS.min(self.options.n_trees) as u64,
        )
    }
}

impl RandomForest {
    fn train(
        &self,
        features: &Features<InSample>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<(Training, Option<FittedTrees>)> {
        let options = self.options;
        let training = Training::new(features, target, context)?;
        fit_parts(
            options,
            self.max_features(),
            training,
            |x, y, weights, job| {
                let parameters = RandomForestRegressorParameters {
                    max_depth: Some(job.levels),
                    min_samples_leaf: options.min_samples_leaf,
                    min_samples_split: 2,
                    n_trees: job.n_trees,
                    m: Some(job.max_features),
                    keep_samples: false,
                    seed: job.seed,
                };
                let forest = match weights {
                    None => Forest::fit(x, y, parameters),
                    Some(w) => Forest::fit_with_weights(x, y, w, parameters),
                }?;
                Ok(Part::Forest(Arc::new(forest), job.n_trees))
            },
        )
    }
}

impl<Y: Target> Estimator<Y> for ExtraTrees {
    type Fitted = Fitted<Y, FittedTrees>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let (training, model) = self.train(features, target.as_dyn(), context)?;
        Ok(training.finish(target, model))
    }

    /// As it says under cost, for each of the parts that are grown side by side.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        bytes(
            n_rows,
            n_features,
            20 * N_PARTS.min(self.options.n_trees) as u64,
        )
    }
}

impl ExtraTrees {
    fn train(
        &self,
        features: &Features<InSample>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<(Training, Option<FittedTrees>)> {
        let options = self.options;
        let training = Training::new(features, target, context)?;
        fit_parts(
            options,
            self.max_features(),
            training,
            |x, y, weights, job| {
                let parameters = ExtraTreesRegressorParameters {
                    max_depth: Some(job.levels),
                    min_samples_leaf: options.min_samples_leaf,
                    min_samples_split: 2,
                    n_trees: job.n_trees,
                    m: Some(job.max_features),
                    keep_samples: false,
                    seed: job.seed,
                };
                let trees = match weights {
                    None => Extra::fit(x, y, parameters),
                    Some(w) => Extra::fit_with_weights(x, y, w, parameters),
                }?;
                Ok(Part::Extra(Arc::new(trees), job.n_trees))
            },
        )
    }
}

/// What one part of a forest is fitted with.
struct Job {
    n_trees: usize,
    levels: u16,
    max_features: usize,
    seed: u64,
}

/// Fits the parts of each output's forest, those of one output in parallel.
fn fit_parts(
    options: Options,
    max_features: MaxFeatures,
    training: Training,
    fit: impl Fn(&DenseMatrix<f32>, &Vec<f64>, Option<&[f64]>, &Job) -> Result<Part, Failed> + Sync,
) -> Result<(Training, Option<FittedTrees>)> {
    at_least_one("n_trees", options.n_trees)?;
    at_least_one("min_samples_leaf", options.min_samples_leaf)?;
    none_or_at_least_one("max_depth", options.max_depth)?;
    let max_features = max_features.of(training.n_features())?;
    let n_parts = N_PARTS.min(options.n_trees);
    check_tree_memory(&training, n_parts, options.max_bytes)?;
    if training.is_constant() {
        return Ok((training, None));
    }
    let x = dense(&training.features)?;
    let outputs = training
        .outputs
        .iter()
        .enumerate()
        .map(|(k, y)| {
            let seed = training.seed.child("forest").at(k);
            let parts = parallel::map(0..n_parts, |_, part| {
                let job = Job {
                    n_trees: (part + 1) * options.n_trees / n_parts
                        - part * options.n_trees / n_parts,
                    levels: levels(options.max_depth),
                    max_features,
                    seed: seed.at(part).value(),
                };
                guarded(Backend::Smartcore, || {
                    fit(&x, y, training.weights.as_deref(), &job)
                })?
                .map_err(|cause| failed(Backend::Smartcore, &cause))
            });
            parts.into_iter().collect::<Result<Vec<Part>>>()
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((training, Some(FittedTrees { outputs })))
}
