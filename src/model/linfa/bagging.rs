//! Bagged trees of linfa, fitted in parallel.

use super::tree::{Tree, scaled_weights};
use crate::data::{Feature, Features, FitContext, InSample, Labels, OutOfSample};
use crate::error::Result;
use crate::model::adapter::{Backend, Fitted, MaxFeatures, OutputModel, Training};
use crate::model::options::{above_zero, at_least_one, options};
use crate::model::{Estimator, bytes};
use crate::numeric::choose;
use crate::parallel;
use crate::random::Seed;

/// Bagged classification trees (Breiman 1996) on random subsets of the features (Ho 1998), of
/// linfa's `DecisionTree`.
///
/// Each tree sees a bootstrap of at most [`BaggedTrees::with_max_rows`] rows and a draw of the
/// features without replacement; the probability is the mean of the trees' leaf shares, divided by
/// their sum for more than two classes. linfa's own forest draws features with replacement and
/// predicts votes; here trees are fitted one by one, in parallel, each with a seed of its own: the
/// same bits on any number of threads.
///
/// The trees have the defects of [`DecisionTree`](super::DecisionTree); prefer
/// [`smartcore`](crate::model::smartcore)'s forest. Missing values are an error that names the
/// feature; weights multiply how often a row was drawn.
///
/// Cost: for each tree `m q` a node, with `m` rows and `q` features.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::linfa::BaggedTrees;
/// use stackfold::prelude::*;
/// let values: Vec<f32> = (0..200).map(|i| i as f32).collect();
/// let x = Features::new(vec![Feature::number("x")], 200, values)?;
/// let codes: Vec<u32> = (0..200).map(|i| u32::from(i >= 100)).collect();
/// let y = Labels::new(codes, vec!["low".into(), "high".into()])?;
/// let model = BaggedTrees::new().with_n_trees(10);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let prediction = fitted.predict(&x)?;
/// assert!(prediction.positive()[20] < 0.1 && prediction.positive()[180] > 0.9);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BaggedTrees {
    n_trees: usize,
    max_depth: usize,
    min_weight_leaf: f64,
    max_features: MaxFeatures,
    max_rows: Option<usize>,
}

impl Default for BaggedTrees {
    fn default() -> Self {
        Self {
            n_trees: 50,
            max_depth: 8,
            min_weight_leaf: 5.0,
            max_features: MaxFeatures::Share(0.5),
            max_rows: Some(20_000),
        }
    }
}

impl BaggedTrees {
    /// 50 trees of depth 8.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// How many trees; 50 by default.
        with_n_trees(n_trees: usize);
        /// How many splits there may be on a path from the root; 8 by default.
        with_max_depth(max_depth: usize);
        /// How many rows (weights, scaled to a mean of one) a leaf has at least; 5 by default.
        with_min_weight_leaf(min_weight_leaf: f64);
        /// How many features each tree has; a share of 0.5 by default.
        with_max_features(max_features: MaxFeatures);
        /// The most draws of a row for each tree; 20,000 by default, `None` for as many as there
        /// are rows.
        with_max_rows(max_rows: Option<usize>);
    }
}

impl Estimator<Labels> for BaggedTrees {
    type Fitted = Fitted<Labels, FittedBaggedTrees>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        at_least_one("n_trees", self.n_trees)?;
        at_least_one("max_depth", self.max_depth)?;
        at_least_one("max_rows", self.max_rows.unwrap_or(1))?;
        above_zero("min_weight_leaf", self.min_weight_leaf)?;
        let training = Training::new(features, target, context)?;
        let max_features = self.max_features.of(training.n_features())?;
        if training.is_constant() {
            return Ok(training.finish(target, None));
        }
        let weights = scaled_weights(training.weights.as_deref(), training.n_rows());
        let outputs = training
            .outputs
            .iter()
            .enumerate()
            .map(|(k, output)| {
                let seed = training.seed.child("bagging").at(k);
                let trees = parallel::map(0..self.n_trees, |_, tree| {
                    let sample = Sample::draw(
                        training.n_rows(),
                        self.max_rows,
                        training.n_features(),
                        max_features,
                        seed.at(tree),
                    );
                    self.fit_tree(&training.features, output, &weights, &sample)
                });
                trees.into_iter().collect::<Result<Vec<Tree>>>()
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(training.finish(target, Some(FittedBaggedTrees { outputs })))
    }

    /// As many trees at once as there are threads, each on some of the rows and features.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        let n_rows = n_rows.min(self.max_rows.unwrap_or(n_rows));
        let n_features = self.max_features.of(n_features).unwrap_or(n_features);
        let at_once = self.n_trees.min(rayon::current_num_threads()) as u64;
        bytes(n_rows, n_features, 16).saturating_mul(at_once)
    }
}

impl BaggedTrees {
    fn fit_tree(
        &self,
        features: &Features<InSample>,
        output: &[f64],
        weights: &[f64],
        sample: &Sample,
    ) -> Result<Tree> {
        let mut values = Vec::with_capacity(sample.rows.len() * sample.features.len());
        for &j in &sample.features {
            let column = features.column(j);
            values.extend(sample.rows.iter().map(|&row| column[row]));
        }
        let fields: Vec<Feature> = sample
            .features
            .iter()
            .map(|&j| features.fields()[j].clone())
            .collect();
        let x = Features::new(fields, sample.rows.len(), values)?;
        let y: Vec<f64> = sample.rows.iter().map(|&row| output[row]).collect();
        let w: Vec<f64> = sample
            .rows
            .iter()
            .zip(&sample.counts)
            .map(|(&row, &count)| f64::from(count) * weights[row])
            .collect();
        if w.iter().sum::<f64>() <= 0.0 {
            // Only rows without weight were drawn: as good as no tree.
            let ones = vec![1.0; w.len()];
            let tree = Tree::fit(&x, &y, &ones, 1, f64::from(f32::MAX))?;
            return Ok(tree.with_features(&sample.features));
        }
        let tree = Tree::fit(&x, &y, &w, self.max_depth, self.min_weight_leaf)?;
        Ok(tree.with_features(&sample.features))
    }
}

/// The rows (each once, in order, with how often it was drawn) and the features of a tree.
struct Sample {
    rows: Vec<usize>,
    counts: Vec<u32>,
    features: Vec<usize>,
}

impl Sample {
    fn draw(
        n_rows: usize,
        max_rows: Option<usize>,
        n_features: usize,
        max_features: usize,
        seed: Seed,
    ) -> Self {
        let n_draws = n_rows.min(max_rows.unwrap_or(n_rows));
        let mut counts = choose::with_replacement(n_rows, n_draws, seed.child("rows").stream());
        let rows: Vec<usize> = (0..n_rows).filter(|&row| counts[row] > 0).collect();
        counts.retain(|&count| count > 0);
        let mut features: Vec<usize> = (0..n_features).collect();
        seed.child("features").stream().shuffle(&mut features);
        features.truncate(max_features);
        features.sort_unstable();
        Self {
            rows,
            counts,
            features,
        }
    }
}

/// Fitted [`BaggedTrees`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedBaggedTrees {
    /// The trees of each output.
    outputs: Vec<Vec<Tree>>,
}

impl OutputModel for FittedBaggedTrees {
    fn backend(&self) -> Backend {
        Backend::Linfa
    }

    fn outputs(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        Ok(self
            .outputs
            .iter()
            .map(|trees| {
                let predictions = parallel::map(trees, |_, tree| tree.predict(features));
                let mut mean = vec![0.0; features.n_rows()];
                for prediction in &predictions {
                    for (mean, p) in mean.iter_mut().zip(prediction) {
                        *mean += p / trees.len() as f64;
                    }
                }
                mean
            })
            .collect())
    }
}
