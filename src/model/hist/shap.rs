//! SHAP values of trees.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bins::FeatureBins;
use super::tree::{LANES, Tile, Tree, used_features};
use crate::data::{Feature, Features, OutOfSample};
use crate::parallel;

/// What each feature adds to one raw score of a tree model, row by row: SHAP values.
///
/// For a row `x` and a set `S` of features, let `v(S)` be what trees give if only the features of
/// `S` are known: a row goes down a split on a known feature as `x` does, and down both sides of
/// any other, each with the share of the training rows that went there. The value of feature `i`
/// is its Shapley value in that game (Shapley 1953; Lundberg, Erion and Lee 2018, "Consistent
/// individualized feature attribution for tree ensembles", `arXiv` 1802.03888, the "path
/// dependent" game of algorithm 2): the mean of `v(S + i) - v(S)` over all orders in which
/// features may become known. The base is `v` of no feature. So
///
/// ```text
/// base + sum of a row's values = the row's raw score
/// ```
///
/// up to rounding, and a feature that no tree splits on has values of 0.
///
/// They are computed from the polynomials of Owen (1972), "Multilinear extensions of games": the
/// Shapley value is the integral over `t` of the derivative by feature `i` of the game in which
/// each feature is known with the probability `t`. For a tree that integrand is a polynomial of a
/// degree below the number of features on a path, which Gauss-Legendre quadrature integrates
/// exactly. For a tree of `L` leaves whose paths have up to `D` features that takes `O(L D)` a
/// row, and loses no digits on deep trees.
///
/// ```
/// use stackfold::data::{Feature, FitContext};
/// use stackfold::model::hist::HistGradientBoosting;
/// use stackfold::prelude::*;
/// let n = 200;
/// let a: Vec<f32> = (0..n).map(|i| (i % 2) as f32).collect();
/// let b: Vec<f32> = (0..n).map(|i| (i / 2 % 2) as f32).collect();
/// let y: Vec<f64> = a.iter().zip(&b).map(|(&a, &b)| f64::from(3.0 * a + b)).collect();
/// let x = Features::from_columns(vec![Feature::number("a"), Feature::number("b")], vec![a, b])?;
/// let model = HistGradientBoosting::new().with_n_trees(1).with_learning_rate(1.0);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &Values::new(y)?, &FitContext::default())?;
/// let shap = &fitted.shap_values(&x)?[0];
/// // The mean is 2. A row with a = 1 has 1.5 more for it, and one with b = 0 has 0.5 less.
/// assert!((shap.base() - 2.0).abs() < 1e-6);
/// assert!((shap.column(0)[1] - 1.5).abs() < 1e-6 && (shap.column(1)[1] + 0.5).abs() < 1e-6);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShapValues {
    fields: Arc<[Feature]>,
    class: Option<String>,
    base: f64,
    columns: Vec<Vec<f64>>,
}

impl ShapValues {
    /// The features, in the order of the columns.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.fields
    }

    /// The class whose raw score it is (binary: the positive one); none for values.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        self.class.as_deref()
    }

    /// The raw score of a row of which nothing is known: what the values of all features add to.
    #[must_use]
    pub fn base(&self) -> f64 {
        self.base
    }

    /// What a feature adds, by row.
    ///
    /// # Panics
    /// If there is no such feature.
    #[must_use]
    pub fn column(&self, feature: usize) -> &[f64] {
        &self.columns[feature]
    }

    /// The mean size of each feature's values, which says how much the model uses it for these
    /// rows: `(name, value)` in the order of the features; NaN without rows.
    #[must_use]
    pub fn mean_absolute(&self) -> Vec<(&str, f64)> {
        let mean = |column: &[f64]| {
            column.iter().map(|value| value.abs()).sum::<f64>() / column.len() as f64
        };
        let names = self.fields.iter().map(Feature::name);
        names
            .zip(self.columns.iter().map(|column| mean(column)))
            .collect()
    }
}

/// SHAP values of the scores of [`sum_trees`](super::tree::sum_trees), one of each of these
/// classes.
pub(super) fn shap_values(
    trees: &[Tree],
    start: &[f64],
    bins: &[FeatureBins],
    features: &Features<OutOfSample>,
    classes: &[Option<String>],
) -> Vec<ShapValues> {
    let (n_rows, n_scores) = (features.n_rows(), start.len());
    let used = used_features(trees.iter(), bins.len());
    let mut players: Vec<usize> = used.iter().map(|&j| bins[j].source(j)).collect();
    players.sort_unstable();
    players.dedup();
    let games = parallel::map(trees, |_, tree| Game::new(tree, bins));
    let tiles: Vec<Vec<[f64; LANES]>> = parallel::map_with(
        || (Tile::new(bins.len()), Scratch::default()),
        0..n_rows.div_ceil(LANES),
        |(tile, scratch), _, t| {
            tile.load(features, bins, &used, t * LANES);
            let n = LANES.min(n_rows - t * LANES);
            let mut values = vec![[0.0; LANES]; n_scores * features.n_features()];
            for (values, k) in values.chunks_exact_mut(features.n_features()).zip(0..) {
                for game in games.iter().skip(k).step_by(n_scores) {
                    (0..n).for_each(|lane| game.add_to(tile, lane, scratch, values));
                }
            }
            let starts = (0..n_scores).map(|k| k * features.n_features());
            starts
                .flat_map(|start| players.iter().map(move |&feature| start + feature))
                .map(|i| values[i])
                .collect()
        },
    );
    (0..n_scores)
        .map(|k| {
            let mut columns = vec![vec![0.0; n_rows]; features.n_features()];
            for (u, &feature) in players.iter().enumerate() {
                let parts = tiles.iter().map(|tile| &tile[k * players.len() + u]);
                for (column, part) in columns[feature].chunks_mut(LANES).zip(parts) {
                    column.copy_from_slice(&part[..column.len()]);
                }
            }
            let bases = games.iter().skip(k).step_by(n_scores);
            ShapValues {
                fields: features.shared_fields(),
                class: classes.get(k).cloned().flatten(),
                base: bases.fold(start[k], |sum, game| sum + game.base),
                columns,
            }
        })
        .collect()
}

/// A tree, and for each of its nodes what does not depend on the row.
///
/// A node stands for the split above it. Let `z` be the product of the shares of training rows
/// over all splits of one feature on the way to the node, and `o` 1 if the row goes all these ways
/// and 0 otherwise. If each feature is known with the probability `t`, a row reaches the node with
/// the product over features of `z (1 - t) + o t`.
struct Game<'a> {
    tree: &'a Tree,
    base: f64,
    /// Weights of the quadrature.
    weights: Vec<f64>,
    nodes: Vec<GameNode>,
    /// For each node but the root, by whether the row goes all ways of the feature up to it:
    /// what the product of probabilities is multiplied by.
    factors: [Vec<f64>; 2],
    /// The same for what the feature's values are multiplied by.
    slopes: [Vec<f64>; 2],
}

struct GameNode {
    parent: usize,
    /// Whose values the parent is split by.
    feature: usize,
    /// The last node before this one on its way that is a split of the same feature.
    previous: Option<usize>,
    /// `z` of this node by that of the previous one.
    share: f64,
}

/// What is reused from row to row.
#[derive(Default)]
struct Scratch {
    goes: Vec<bool>,
    products: Vec<f64>,
}

impl<'a> Game<'a> {
    fn new(tree: &'a Tree, bins: &[FeatureBins]) -> Self {
        let (nodes, n_features) = game_nodes(tree, bins);
        let (points, weights) = gauss_legendre(n_features.div_ceil(2).max(1));
        let n_points = points.len();
        let mut factors = [(); 2].map(|()| vec![0.0; nodes.len() * n_points]);
        let mut slopes = factors.clone();
        let mut z = vec![1.0; nodes.len()];
        for (i, node) in nodes.iter().enumerate().skip(1) {
            let before = node.previous.map_or(1.0, |previous| z[previous]);
            z[i] = before * node.share;
            for (q, &(t, unknown)) in points.iter().enumerate() {
                let at = i * n_points + q;
                let reached = |z: f64| z * unknown + t;
                factors[1][at] = reached(z[i]) / reached(before);
                factors[0][at] = z[i] * unknown / reached(before);
                let slope_before = (1.0 - before) / reached(before);
                slopes[1][at] = (1.0 - z[i]) / reached(z[i]) - slope_before;
                slopes[0][at] = -unknown.recip() - slope_before;
            }
        }
        Self {
            tree,
            base: expected_value(tree),
            weights,
            nodes,
            factors,
            slopes,
        }
    }

    /// Adds the values of one row of the tile.
    fn add_to(&self, tile: &Tile, lane: usize, scratch: &mut Scratch, sums: &mut [[f64; LANES]]) {
        let (nodes, n_points) = (&self.nodes, self.weights.len());
        let Scratch { goes, products } = scratch;
        goes.clear();
        goes.resize(nodes.len(), true);
        products.clear();
        products.resize(nodes.len() * n_points, 0.0);
        products[..n_points].copy_from_slice(&self.weights);
        // Down: children come after their parents.
        for (i, node) in nodes.iter().enumerate().skip(1) {
            let went = node.previous.is_none_or(|previous| goes[previous]);
            let feature = self.tree.nodes[node.parent].feature as usize;
            goes[i] = went && self.tree.next(node.parent, tile.value(feature, lane)) == i;
            let (above, here) = products.split_at_mut(i * n_points);
            let above = &above[node.parent * n_points..][..n_points];
            if went {
                let factors = &self.factors[usize::from(goes[i])][i * n_points..];
                for ((here, above), factor) in here.iter_mut().zip(above).zip(factors) {
                    *here = above * factor;
                }
            } else {
                for (here, above) in here.iter_mut().zip(above) {
                    *here = above * node.share;
                }
            }
        }
        for (i, products) in products.chunks_exact_mut(n_points).enumerate() {
            let value = self.tree.values[i];
            let factor = if self.tree.is_leaf(i) { value } else { 0.0 };
            for product in products {
                *product *= factor;
            }
        }
        // Up: to each node the sum over its leaves.
        for (i, node) in nodes.iter().enumerate().skip(1).rev() {
            let (above, here) = products.split_at_mut(i * n_points);
            let above = &mut above[node.parent * n_points..][..n_points];
            for (above, here) in above.iter_mut().zip(here.iter()) {
                *above += here;
            }
            if node.previous.is_none_or(|previous| goes[previous]) {
                let slopes = &self.slopes[usize::from(goes[i])][i * n_points..][..n_points];
                let value: f64 = here.iter().zip(slopes).map(|(p, slope)| p * slope).sum();
                sums[node.feature][lane] += value;
            }
        }
    }
}

/// What a game knows of each node, and the largest number of features on a path.
fn game_nodes(tree: &Tree, bins: &[FeatureBins]) -> (Vec<GameNode>, usize) {
    let split_by = |node: usize| {
        let feature = tree.nodes[node].feature as usize;
        bins[feature].source(feature)
    };
    let mut nodes: Vec<GameNode> = Vec::with_capacity(tree.nodes.len());
    let mut parents = vec![0; tree.nodes.len()];
    for (i, node) in tree.nodes.iter().enumerate() {
        if !tree.is_leaf(i) {
            parents[node.left as usize] = i;
            parents[node.left as usize + 1] = i;
        }
    }
    let mut n_features = vec![0; tree.nodes.len()];
    for (i, &parent) in parents.iter().enumerate() {
        let mut previous = None;
        let mut node = parent;
        while node > 0 && previous.is_none() {
            let same = split_by(parents[node]) == split_by(parent);
            previous = same.then_some(node);
            node = parents[node];
        }
        if i > 0 {
            n_features[i] = n_features[parent] + usize::from(previous.is_none());
        }
        nodes.push(GameNode {
            parent,
            feature: split_by(parent),
            previous,
            share: share(tree, i, parent),
        });
    }
    (nodes, n_features.into_iter().max().unwrap_or(0))
}

/// Which part of the parent's training rows went to a node.
fn share(tree: &Tree, node: usize, parent: usize) -> f64 {
    if tree.covers[parent] > 0.0 {
        tree.covers[node] / tree.covers[parent]
    } else {
        0.0
    }
}

/// The mean of the leaves' values, by their training rows.
fn expected_value(tree: &Tree) -> f64 {
    let mut means = tree.values.clone();
    for (i, node) in tree.nodes.iter().enumerate().rev() {
        if !tree.is_leaf(i) {
            let left = node.left as usize;
            means[i] =
                share(tree, left, i) * means[left] + share(tree, left + 1, i) * means[left + 1];
        }
    }
    means[0]
}

/// The points of Gauss-Legendre quadrature on 0 to 1, as `(t, 1 - t)`, and their weights: exact
/// for polynomials of degrees up to `2 n - 1`.
fn gauss_legendre(n: usize) -> (Vec<(f64, f64)>, Vec<f64>) {
    let point = |i: usize| {
        // The roots of the Legendre polynomial, by Newton's method from Tricomi's approximation.
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..10 {
            let value;
            (value, slope) = legendre(n, x);
            x -= value / slope;
        }
        let weight = 1.0 / ((1.0 - x * x) * slope * slope);
        ((f64::midpoint(1.0, x), f64::midpoint(1.0, -x)), weight)
    };
    (0..n).map(point).unzip()
}

/// The Legendre polynomial of degree `n` at `x` and its derivative, by Bonnet's recursion.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (
            value,
            ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k,
        );
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrature_is_exact_for_polynomials() {
        for n in [1, 2, 3, 8, 20, 100] {
            let (points, weights) = gauss_legendre(n);
            for degree in 0..2 * n {
                let power = i32::try_from(degree).unwrap();
                let terms = points
                    .iter()
                    .zip(&weights)
                    .map(|(p, w)| w * p.0.powi(power));
                let expected = 1.0 / (degree as f64 + 1.0);
                assert!(
                    (terms.sum::<f64>() - expected).abs() < 1e-13,
                    "{n} {degree}"
                );
            }
            assert!(points.iter().all(|p| p.0 > 0.0 && p.1 > 0.0));
        }
    }
}
