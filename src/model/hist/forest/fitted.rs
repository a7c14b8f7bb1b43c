//! Fitted forests and how they predict.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::binned::Binned;
use super::super::bins::FeatureBins;
use super::super::importance::Importance;
use super::super::shap::{ShapValues, shap_values};
use super::super::tree::{
    FEW_ROWS, LANES, Tile, Tree, check_row, leaves_of_row, rows_one_by_one, used_features,
};
use crate::data::{DynTarget, Feature, Features, OutOfSample, Target};
use crate::error::{Error, Result};
use crate::model::Predictor;
use crate::parallel;

/// A tree whose leaves have one value or, for more than two classes, a share of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ForestTree {
    /// For more than two classes, its values are 0.
    pub(super) tree: Tree,
    /// Node after node, one a class; empty for one output.
    pub(super) shares: Vec<f64>,
}

impl ForestTree {
    /// The outputs of a leaf.
    #[inline]
    fn outputs(&self, leaf: usize, n_outputs: usize) -> &[f64] {
        if self.shares.is_empty() {
            &self.tree.values[leaf..=leaf]
        } else {
            &self.shares[leaf * n_outputs..][..n_outputs]
        }
    }
}

/// Sums of out-of-bag outputs.
#[derive(Debug)]
pub(super) struct OutOfBagSums {
    /// Row after row.
    sums: Vec<f64>,
    n_trees: Vec<u32>,
    n_outputs: usize,
}

impl OutOfBagSums {
    /// Stands for the leaf of a row that the tree was grown on.
    pub(super) const IN_BAG: u32 = u32::MAX;

    pub(super) fn new(n_rows: usize, n_outputs: usize) -> Self {
        Self {
            sums: vec![0.0; n_rows * n_outputs],
            n_trees: vec![0; n_rows],
            n_outputs,
        }
    }

    /// Adds the outputs of the leaves of each row.
    pub(super) fn add(&mut self, tree: &ForestTree, leaves: &[u32]) {
        let rows = self.sums.chunks_exact_mut(self.n_outputs);
        for ((sums, n_trees), &leaf) in rows.zip(&mut self.n_trees).zip(leaves) {
            if leaf == Self::IN_BAG {
                continue;
            }
            *n_trees += 1;
            let outputs = tree.outputs(leaf as usize, self.n_outputs);
            for (sum, output) in sums.iter_mut().zip(outputs) {
                *sum += output;
            }
        }
    }
}

/// What the training rows are predicted by the trees that have not seen them.
///
/// A row's prediction is the mean over the trees in whose bag neither it nor, where rows have
/// groups, another row of its group was: its own target plays no part in it. With few trees, some
/// rows may have been in every bag; they have no prediction.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::hist::{OutOfBag, RandomForest};
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 90, (0..90).map(|i| i as f32).collect())?;
/// let y = Values::new((0..90).map(f64::from).collect::<Vec<_>>())?;
/// let forest = RandomForest::new().with_n_trees(50).with_out_of_bag(OutOfBag::Predict);
/// let fitted = forest.fit(&x.assume_in_sample(), &y, &FitContext::default())?;
/// let out_of_bag = fitted.out_of_bag().expect("it was asked for");
/// assert_eq!(out_of_bag.rows().len(), 90);
/// assert!((out_of_bag.predictions()?.as_slice()[45] - 45.0).abs() < 5.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutOfBagPredictions<Y> {
    outcome: Y,
    /// Column after column, of the rows that have a prediction.
    columns: Vec<Vec<f64>>,
    rows: Vec<u32>,
    n_trees: Vec<u32>,
}

impl OutOfBagPredictions<()> {
    fn new(sums: &OutOfBagSums) -> Self {
        let rows = (0_u32..).zip(&sums.n_trees).filter(|(_, n)| **n > 0);
        let rows: Vec<u32> = rows.map(|(row, _)| row).collect();
        let column = |output: usize| {
            let mean = |&row: &u32| {
                let row = row as usize;
                sums.sums[row * sums.n_outputs + output] / f64::from(sums.n_trees[row])
            };
            rows.iter().map(mean).collect()
        };
        Self {
            outcome: (),
            columns: (0..sums.n_outputs).map(column).collect(),
            rows,
            n_trees: sums.n_trees.clone(),
        }
    }
}

impl<Y: Target> OutOfBagPredictions<Y> {
    /// The rows that have a prediction: positions in the target that was fitted on, ascending.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// For each row of the target, how many trees have not seen it.
    #[must_use]
    pub fn n_trees(&self) -> &[u32] {
        &self.n_trees
    }

    /// The predictions of [`rows`](Self::rows), in their order.
    ///
    /// # Errors
    /// If a prediction is not finite.
    pub fn predictions(&self) -> Result<Y::Prediction> {
        self.outcome.prediction(self.columns.clone())
    }

    /// The predictions of all rows of the target.
    ///
    /// # Errors
    /// If a row was in every tree's bag: more trees are needed. The error names the first such row.
    pub fn all(&self) -> Result<Y::Prediction> {
        match self.n_trees.iter().position(|&n| n == 0) {
            None => self.predictions(),
            Some(row) => {
                let expected = "rows that some tree has not seen (more trees leave out more)";
                Err(Error::data(expected, "a row in every bag").in_row(row))
            }
        }
    }
}

/// A fitted [`RandomForest`](super::RandomForest) or [`ExtraTrees`](super::ExtraTrees).
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::hist::RandomForest;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 40, (0..40).map(|i| i as f32).collect())?;
/// let y = Labels::new((0..40).map(|i| i / 20).collect::<Vec<u32>>(), vec!["low".into(), "high".into()])?;
/// let forest = RandomForest::new().with_n_trees(10);
/// let fitted = forest.fit(&x.assume_in_sample(), &y, &FitContext::default())?;
/// assert_eq!((fitted.n_trees(), fitted.features()[0].name()), (10, "x"));
/// let mut probability = [0.0];
/// fitted.predict_row(&[35.0], &mut probability)?;
/// assert!(probability[0] > 0.9);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FittedForest<Y> {
    fields: Arc<[Feature]>,
    bins: Arc<[FeatureBins]>,
    /// The target with no row: what to make of outputs.
    outcome: Y,
    n_outputs: usize,
    trees: Vec<ForestTree>,
    out_of_bag: Option<OutOfBagPredictions<Y>>,
}

impl FittedForest<()> {
    pub(super) fn new(
        binned: &Binned,
        target: &dyn DynTarget,
        trees: Vec<ForestTree>,
        sums: Option<OutOfBagSums>,
    ) -> Self {
        Self {
            fields: binned.shared_fields(),
            bins: binned.shared_bins(),
            n_outputs: target.n_outputs(),
            trees,
            out_of_bag: sums.map(|sums| OutOfBagPredictions::new(&sums)),
            outcome: (),
        }
    }

    /// As a forest of this target.
    pub(super) fn of<Y: Target>(self, target: &Y) -> FittedForest<Y> {
        let outcome = target.take(&[]);
        let out_of_bag = self.out_of_bag.map(|predictions| OutOfBagPredictions {
            outcome: outcome.clone(),
            columns: predictions.columns,
            rows: predictions.rows,
            n_trees: predictions.n_trees,
        });
        FittedForest {
            fields: self.fields,
            bins: self.bins,
            outcome,
            n_outputs: self.n_outputs,
            trees: self.trees,
            out_of_bag,
        }
    }
}

impl<Y: Target> FittedForest<Y> {
    /// How much the trees use each feature: `(name, importance)` in the order of the features.
    ///
    /// Gains are those of the mean of squares, `n` times its fall (for classes, half the fall of
    /// the Gini index), each with the rows' weights.
    ///
    /// ```
    /// use stackfold::data::Feature;
    /// use stackfold::model::hist::{Importance, RandomForest};
    /// use stackfold::prelude::*;
    /// let x: Vec<f32> = (0..100).map(|i| i as f32).collect();
    /// let y = Values::new(x.iter().map(|&x| f64::from(x >= 50.0)).collect::<Vec<f64>>())?;
    /// let fields = vec![Feature::number("flat"), Feature::number("x")];
    /// let features = Features::from_columns(fields, vec![vec![0.0; 100], x])?.assume_in_sample();
    /// let fitted = RandomForest::new().with_n_trees(5).fit(&features, &y, &FitContext::default())?;
    /// let splits = fitted.feature_importance(Importance::Splits);
    /// assert_eq!(splits[0], ("flat", 0.0));
    /// assert!(splits[1].1 >= 5.0);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn feature_importance(&self, importance: Importance) -> Vec<(&str, f64)> {
        let trees = self.trees.iter().map(|tree| &tree.tree);
        let sums = importance.of(trees, &self.bins, self.fields.len());
        self.fields.iter().map(Feature::name).zip(sums).collect()
    }

    /// How much each feature adds to each output of each row: path-dependent Shapley values, as
    /// those of [boosting](super::super::FittedHistGradientBoosting::shap_values), of the
    /// positive-class probability (binary), of each class's (multiclass), or of the value
    /// (regression). A row's values and the base sum to its prediction.
    ///
    /// ```
    /// use stackfold::data::Feature;
    /// use stackfold::model::hist::RandomForest;
    /// use stackfold::prelude::*;
    /// let x: Vec<f32> = (0..100).map(|i| i as f32).collect();
    /// let y = Values::new(x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>())?;
    /// let features = Features::from_columns(vec![Feature::number("x")], vec![x])?;
    /// let forest = RandomForest::new().with_n_trees(5);
    /// let fitted = forest.fit(&features.clone().assume_in_sample(), &y, &FitContext::default())?;
    /// let shap = &fitted.shap_values(&features)?[0];
    /// let prediction = fitted.predict(&features)?;
    /// assert!((shap.base() + shap.column(0)[7] - prediction.as_slice()[7]).abs() < 1e-9);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the features are not those of fitting.
    pub fn shap_values(&self, features: &Features<OutOfSample>) -> Result<Vec<ShapValues>> {
        features.check_fields(&self.fields)?;
        let (k, n_trees) = (self.n_outputs, self.trees.len() as f64);
        // One tree an output, whose leaves have its share of the mean over trees.
        let trees: Vec<Tree> = self
            .trees
            .iter()
            .flat_map(|forest| (0..k).map(move |output| (forest, output)))
            .map(|(forest, output)| {
                let nodes = 0..forest.tree.nodes.len();
                let value = |node: usize| {
                    if forest.tree.is_leaf(node) {
                        forest.outputs(node, k)[output] / n_trees
                    } else {
                        0.0
                    }
                };
                Tree {
                    values: nodes.map(value).collect(),
                    ..forest.tree.clone()
                }
            })
            .collect();
        let names = self.outcome.class_names();
        let skipped = names.len().saturating_sub(k);
        let classes: Vec<Option<String>> = names.iter().skip(skipped).cloned().map(Some).collect();
        let start = vec![0.0; k];
        Ok(shap_values(&trees, &start, &self.bins, features, &classes))
    }

    /// The features that the model was fitted on.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.fields
    }

    /// How many trees it has.
    #[must_use]
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// What the training rows are predicted by the trees that have not seen them, if
    /// [`OutOfBag::Predict`](super::OutOfBag::Predict) was asked for.
    #[must_use]
    pub fn out_of_bag(&self) -> Option<&OutOfBagPredictions<Y>> {
        self.out_of_bag.as_ref()
    }

    /// Predicts one row, given in the order of [`features`](Self::features), without allocating:
    /// writes the positive-class probability (binary), one probability per class (multiclass), or
    /// the value (regression).
    ///
    /// # Errors
    /// If the row or `out` has another length than the features or the outputs.
    pub fn predict_row(&self, row: &[f32], out: &mut [f64]) -> Result<()> {
        check_row(row, self.fields.len(), out, self.n_outputs)?;
        self.trees().mean_of_trees(row, out);
        Ok(())
    }

    fn trees(&self) -> Trees<'_> {
        Trees {
            all: &self.trees,
            bins: &self.bins,
            n_outputs: self.n_outputs,
        }
    }
}

/// The trees of a forest.
struct Trees<'a> {
    all: &'a [ForestTree],
    bins: &'a [FeatureBins],
    n_outputs: usize,
}

impl Trees<'_> {
    fn columns(
        &self,
        fields: &[Feature],
        features: &Features<OutOfSample>,
    ) -> Result<Vec<Vec<f64>>> {
        features.check_fields(fields)?;
        let (n_rows, n_features) = (features.n_rows(), features.n_features());
        if n_rows <= FEW_ROWS {
            let predict = |row: &[f32], out: &mut [f64]| self.mean_of_trees(row, out);
            return Ok(rows_one_by_one(features, self.n_outputs, predict));
        }
        let used = used_features(self.all.iter().map(|tree| &tree.tree), n_features);
        let tiles: Vec<Vec<f64>> = parallel::map_with(
            || Tile::new(n_features),
            0..n_rows.div_ceil(LANES),
            |tile, _, t| {
                tile.load(features, self.bins, &used, t * LANES);
                self.sum_tile(tile)
            },
        );
        let n_trees = self.all.len() as f64;
        let column = |k: usize| {
            let rows = tiles
                .iter()
                .flat_map(|tile| tile.chunks_exact(self.n_outputs));
            rows.take(n_rows).map(|row| row[k] / n_trees).collect()
        };
        Ok((0..self.n_outputs).map(column).collect())
    }

    fn mean_of_trees(&self, row: &[f32], out: &mut [f64]) {
        out.fill(0.0);
        leaves_of_row(
            self.all,
            |t| &t.tree,
            self.bins,
            row,
            |tree, leaf| {
                for (sum, value) in out.iter_mut().zip(tree.outputs(leaf, self.n_outputs)) {
                    *sum += value;
                }
            },
        );
        let n_trees = self.all.len() as f64;
        for sum in out {
            *sum /= n_trees;
        }
    }

    /// The sums of a tile's rows, row after row.
    fn sum_tile(&self, tile: &Tile) -> Vec<f64> {
        let k = self.n_outputs;
        let mut sums = vec![0.0; LANES * k];
        for tree in self.all {
            for (sums, leaf) in sums.chunks_exact_mut(k).zip(tree.tree.leaves(tile)) {
                for (sum, value) in sums.iter_mut().zip(tree.outputs(leaf as usize, k)) {
                    *sum += value;
                }
            }
        }
        sums
    }
}

impl<Y: Target> Predictor<Y> for FittedForest<Y> {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction> {
        let columns = self.trees().columns(&self.fields, features)?;
        self.outcome.prediction(columns)
    }
}
