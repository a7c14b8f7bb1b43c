//! linfa's decision tree, with the class shares that it does not keep.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_trees::TreeNode;
use ndarray016::Array1;

use super::matrix::column_view;
use crate::data::{Features, FitContext, InSample, Labels, OutOfSample, Provenance};
use crate::error::{Error, Result};
use crate::model::adapter::limits::{DEFAULT_MAX_BYTES, check_memory};
use crate::model::adapter::{Backend, Fitted, OutputModel, Training, all_equal, failed, guarded};
use crate::model::{Estimator, bytes};
use crate::options::{above_zero, none_or_at_least_one, options, or_none};
use crate::parallel;

/// One classification tree (linfa's `DecisionTree`, Gini impurity), with its defects.
///
/// linfa's tree knows no probabilities. Here each training row is sent down the fitted tree as
/// rows to predict are, and a leaf's probability is the (weighted) share of its rows' classes; a
/// leaf without rows has that of its parent. For more than two classes, one tree is fitted a class
/// and its shares are divided by their sum.
///
/// Prefer [`smartcore`](crate::model::smartcore)'s tree: in linfa-trees 0.8.1,
/// - **splits on tied values are missed**: a boundary between two values is tried only if the last
///   row of the tie, in the order of all rows, is in the node; below the root, a column of 0 and 1
///   can be split in one of two children only;
/// - rows equal to a threshold go left when fitting and right when predicting;
/// - values closer than 1e-5 count as equal;
/// - leaves with the same most frequent class are merged, which with a rare class is most of them;
/// - equally frequent classes are ranked by the order of a hash map, which differs from run to
///   run. Here the positive class weighs 1 + 2^-12, so that the classes do not tie and repeated
///   fits agree.
///
/// Missing values are an error that names the feature. Weights are scaled to a mean of one and
/// passed on.
///
/// Cost: `n p log n` to sort, `n p` *a node*; 16 bytes a value of memory.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::linfa::DecisionTree;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 4, vec![1.0, 2.0, 3.0, 4.0])?;
/// let y = Labels::from_strs(&["no", "no", "yes", "yes"])?;
/// let model = DecisionTree::new().with_min_weight_leaf(1.0);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// assert_eq!(fitted.predict(&x)?.positive(), [0.0, 0.0, 1.0, 1.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionTree {
    #[serde(with = "or_none")]
    max_depth: Option<usize>,
    min_weight_leaf: f64,
    max_bytes: u64,
}

impl Default for DecisionTree {
    fn default() -> Self {
        Self {
            max_depth: Some(6),
            min_weight_leaf: 10.0,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl DecisionTree {
    /// A tree of depth 6 with a weight of 10 a leaf or more.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// How many splits there may be on a path from the root; 6 by default, `None` for no limit.
        with_max_depth(max_depth: Option<usize>);
        /// How many rows (weights, scaled to a mean of one) a leaf has at least; 10 by default.
        with_min_weight_leaf(min_weight_leaf: f64);
        /// How many bytes a fit may use by estimate; 8 GiB by default.
        with_max_bytes(max_bytes: u64);
    }
}

impl Estimator<Labels> for DecisionTree {
    type Fitted = Fitted<Labels, FittedDecisionTree>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        const BYTES: u32 = 16;
        none_or_at_least_one("max_depth", self.max_depth)?;
        above_zero("min_weight_leaf", self.min_weight_leaf)?;
        let training = Training::new(features, target, context)?;
        let cells = training.n_rows() as u128 * training.n_features() as u128;
        check_memory("linfa's decision tree", cells, BYTES, self.max_bytes)?;
        if training.is_constant() {
            return Ok(training.finish(target, None));
        }
        let weights = scaled_weights(training.weights.as_deref(), training.n_rows());
        let outputs = parallel::map(&training.outputs, |_, y| {
            Tree::fit(
                &training.features,
                y,
                &weights,
                self.max_depth,
                self.min_weight_leaf,
            )
        });
        let outputs = outputs.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(training.finish(target, Some(FittedDecisionTree { outputs })))
    }

    /// One tree an output, as many at once as there are threads.
    fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
        let at_once = n_outputs.min(rayon::current_num_threads()) as u64;
        bytes(n_rows, n_features, 16).saturating_mul(at_once)
    }
}

/// Fitted [`DecisionTree`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedDecisionTree {
    outputs: Vec<Tree>,
}

impl OutputModel for FittedDecisionTree {
    fn backend(&self) -> Backend {
        Backend::Linfa
    }

    fn outputs(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        Ok(parallel::map(&self.outputs, |_, tree| {
            tree.predict(features)
        }))
    }
}

/// Weights with a mean of one.
fn scaled_weights(weights: Option<&[f64]>, n_rows: usize) -> Vec<f64> {
    match weights {
        None => vec![1.0; n_rows],
        Some(weights) => {
            let mean = weights.iter().sum::<f64>() / n_rows as f64;
            weights.iter().map(|w| w / mean).collect()
        }
    }
}

/// A fitted tree for one output, with the output's mean in each node.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Node {
    feature: usize,
    threshold: f32,
    /// The children below, and from, the threshold; none for a leaf.
    children: Option<(usize, usize)>,
    mean: f64,
}

impl Tree {
    /// Fits to an output of 0 and 1 with weights of mean one.
    fn fit(
        features: &Features<InSample>,
        output: &[f64],
        weights: &[f64],
        max_depth: Option<usize>,
        min_weight_leaf: f64,
    ) -> Result<Self> {
        /// More for the positive class, so that classes never tie.
        const TIE_BREAK: f64 = 1.0 + 1.0 / 4096.0;
        if all_equal(output) {
            return Ok(Self::leaf(output[0]));
        }
        let targets: Array1<bool> = output.iter().map(|&v| v > 0.5).collect();
        let narrow = |w: f64| {
            #[allow(clippy::cast_possible_truncation, reason = "linfa's weights are f32")]
            let narrow = w as f32;
            narrow
        };
        let untied: Array1<f32> = weights
            .iter()
            .zip(&targets)
            .map(|(&w, &positive)| narrow(if positive { w * TIE_BREAK } else { w }))
            .collect();
        let view = column_view(
            features.n_rows(),
            features.n_features(),
            features.as_slice(),
        )?;
        let data = DatasetBase::new(view, targets).with_weights(untied);
        let fitted = guarded(Backend::Linfa, || {
            linfa_trees::DecisionTree::<f32, bool>::params()
                .max_depth(max_depth)
                .min_weight_split(narrow(2.0 * min_weight_leaf))
                .min_weight_leaf(narrow(min_weight_leaf))
                .fit(&data)
        })?
        .map_err(|cause| failed(Backend::Linfa, &cause))?;
        let mut nodes = Vec::new();
        flatten(fitted.root_node(), &mut nodes)?;
        let mut tree = Self { nodes };
        tree.set_means(features, output, weights);
        Ok(tree)
    }

    fn leaf(mean: f64) -> Self {
        Self {
            nodes: vec![Node {
                feature: 0,
                threshold: 0.0,
                children: None,
                mean,
            }],
        }
    }

    /// Sends the rows down the tree and sets each node's mean; that of a node without weight is
    /// its parent's.
    fn set_means(&mut self, features: &Features<InSample>, output: &[f64], weights: &[f64]) {
        let mut sums = vec![(0.0, 0.0); self.nodes.len()];
        for (row, (&y, &w)) in output.iter().zip(weights).enumerate() {
            self.path(features, row, |node| {
                sums[node].0 += w * y;
                sums[node].1 += w;
            });
        }
        // Parents come before their children.
        for (node, &(sum, weight)) in sums.iter().enumerate() {
            if weight > 0.0 {
                self.nodes[node].mean = sum / weight;
            }
            if let Some((below, from)) = self.nodes[node].children {
                self.nodes[below].mean = self.nodes[node].mean;
                self.nodes[from].mean = self.nodes[node].mean;
            }
        }
    }

    /// Calls with each node on a row's path; gives the last.
    fn path<P: Provenance>(
        &self,
        features: &Features<P>,
        row: usize,
        mut visit: impl FnMut(usize),
    ) -> usize {
        let mut node = 0;
        loop {
            visit(node);
            let at = &self.nodes[node];
            match at.children {
                None => return node,
                Some((below, from)) => {
                    let value = features.column(at.feature)[row];
                    node = if value < at.threshold { below } else { from };
                }
            }
        }
    }

    /// The mean of the leaf that each row falls into.
    fn predict(&self, features: &Features<OutOfSample>) -> Vec<f64> {
        (0..features.n_rows())
            .map(|row| self.nodes[self.path(features, row, |_| {})].mean)
            .collect()
    }
}

/// Appends a node and those below it, parents first; gives its position.
fn flatten(node: &TreeNode<f32, bool>, nodes: &mut Vec<Node>) -> Result<usize> {
    let place = nodes.len();
    let (feature, threshold, _) = node.split();
    nodes.push(Node {
        feature,
        threshold,
        children: None,
        mean: 0.0,
    });
    if !node.is_leaf() {
        let [Some(below), Some(from)] = node.children()[..] else {
            return Err(Error::backend("linfa", "a split without two children"));
        };
        let below = flatten(below, nodes)?;
        let from = flatten(from, nodes)?;
        nodes[place].children = Some((below, from));
    }
    Ok(place)
}
