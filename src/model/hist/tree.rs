//! Trees as flat arrays: what a fit leaves, and how rows go down it.

use serde::{Deserialize, Serialize};

use super::binned::Binned;
use super::bins::FeatureBins;
use super::grow::Grown;
use super::split::{BinSet, contains, insert};
use crate::data::{Features, Provenance};
use crate::error::{Error, Result};
use crate::parallel;

/// Rows that go down a tree side by side.
pub(super) const LANES: usize = 64;
/// So many rows go down the trees one after the other: a tile of them would be half empty.
pub(super) const FEW_ROWS: usize = 32;

/// One step down: 16 bytes.
///
/// A leaf leads to itself, so that rows can be moved a fixed number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) feature: u32,
    /// Values up to this go left.
    pub(super) threshold: f32,
    /// The left child; the right one follows it.
    pub(super) left: u32,
    /// Bit 0: missing values go left. The rest: 0 for a number, else one more than the index of
    /// the set of bins that go left.
    rule: u32,
}

/// A tree whose leaves have values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// The value of each leaf; 0 for other nodes.
    pub(super) values: Vec<f64>,
    /// Twice how much each split takes off the loss; 0 for leaves.
    pub(super) gains: Vec<f64>,
    /// How many training rows each node has.
    pub(super) covers: Vec<f64>,
    pub(super) sets: Vec<BinSet>,
}

impl Tree {
    /// A grown tree whose node `i` has the value `values[i]`.
    pub(super) fn new(grown: &Grown, binned: &Binned, values: Vec<f64>) -> Self {
        let mut sets = Vec::new();
        let mut gains = Vec::with_capacity(grown.nodes.len());
        let nodes = grown
            .nodes
            .iter()
            .enumerate()
            .map(|(i, node)| {
                gains.push(node.split.as_ref().map_or(0.0, |s| s.split.gain));
                let Some(grown) = &node.split else {
                    return Node::leaf(i);
                };
                let split = &grown.split;
                let bins = binned.bins(split.feature);
                let (threshold, set) = if let Some(bin) = split.last_left {
                    // Finite, so that it can be written as text; rows are clamped alike.
                    (bins.cut(narrow(bin)).clamp(f32::MIN, f32::MAX), 0)
                } else {
                    let mut left = split.left;
                    if split.missing_left {
                        insert(&mut left, usize::from(bins.bin(f32::NAN)));
                    }
                    sets.push(left);
                    (f32::MAX, sets.len())
                };
                Node {
                    feature: wide(split.feature),
                    threshold,
                    left: wide(grown.left),
                    rule: wide(set) << 1 | u32::from(split.missing_left),
                }
            })
            .collect();
        Self {
            nodes,
            values,
            gains,
            covers: grown.nodes.iter().map(|n| n.count as f64).collect(),
            sets,
        }
    }

    /// Splits by sets of bins, in place of thresholds, on features that `bins` has bins of numbers
    /// for.
    pub(super) fn split_by_sets(&mut self, bins: &[Option<&FeatureBins>]) {
        for i in 0..self.nodes.len() {
            let node = &mut self.nodes[i];
            let Some(bins) = bins[node.feature as usize].filter(|_| node.left as usize != i) else {
                continue;
            };
            let mut left = BinSet::default();
            for (bin, &cut) in bins.cuts().iter().enumerate() {
                if cut.clamp(f32::MIN, f32::MAX) <= node.threshold {
                    insert(&mut left, bin);
                }
            }
            if node.rule & 1 == 1 {
                insert(&mut left, bins.n_value_bins());
            }
            self.sets.push(left);
            node.threshold = f32::MAX;
            node.rule = wide(self.sets.len()) << 1 | node.rule & 1;
        }
    }

    /// Whether it is one leaf.
    pub(super) fn is_stump(&self) -> bool {
        self.nodes.len() == 1
    }

    pub(super) fn is_leaf(&self, node: usize) -> bool {
        self.nodes[node].left as usize == node
    }

    /// The child that a value goes to; codes come as the number of their bin.
    pub(super) fn next(&self, node: usize, x: f32) -> usize {
        let step = &self.nodes[node];
        let right = if step.rule < 2 {
            step.number_goes_right(x)
        } else {
            self.code_goes_right(step, x)
        };
        (step.left + u32::from(right)) as usize
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number of a bin"
    )]
    fn code_goes_right(&self, step: &Node, bin: f32) -> bool {
        !contains(
            &self.sets[(step.rule >> 1) as usize - 1],
            usize::from(bin as u8),
        )
    }

    /// Adds the tree's values for the rows of a tile.
    pub(super) fn add_to(&self, tile: &Tile, sums: &mut [f64; LANES]) {
        for (sum, at) in sums.iter_mut().zip(self.leaves(tile)) {
            *sum += self.values[at as usize];
        }
    }

    /// The leaves of the rows of a tile.
    pub(super) fn leaves(&self, tile: &Tile) -> [u32; LANES] {
        let mut at = [0_u32; LANES];
        loop {
            let mut moved = 0;
            if self.sets.is_empty() {
                for (lane, at) in at.iter_mut().enumerate() {
                    let step = &self.nodes[*at as usize];
                    let x = tile.columns[step.feature as usize][lane];
                    let next = step.left + u32::from(step.number_goes_right(x));
                    moved |= next ^ *at;
                    *at = next;
                }
            } else {
                for (lane, at) in at.iter_mut().enumerate() {
                    let step = &self.nodes[*at as usize];
                    let x = tile.columns[step.feature as usize][lane];
                    let next = self.next(*at as usize, x);
                    moved |= wide(next) ^ *at;
                    *at = wide(next);
                }
            }
            if moved == 0 {
                return at;
            }
        }
    }

    /// The node after a step for one row; a leaf's is itself.
    #[inline]
    fn next_for_row(&self, step: &Node, bins: &[FeatureBins], row: &[f32]) -> u32 {
        let feature = step.feature as usize;
        let right = if step.rule < 2 {
            step.number_goes_right(row[feature].clamp(f32::MIN, f32::MAX))
        } else {
            let bins = &bins[feature];
            let bin = f32::from(bins.bin(row[bins.source(feature)]));
            self.code_goes_right(step, bin)
        };
        step.left + u32::from(right)
    }
}

/// Checks that a row has so many features, and that there is room for so many outputs.
pub(super) fn check_row(
    row: &[f32],
    n_features: usize,
    out: &[f64],
    n_outputs: usize,
) -> Result<()> {
    if row.len() != n_features {
        let expected = format!("{n_features} features, as in fitting");
        return Err(Error::data(expected, row.len()));
    }
    if out.len() != n_outputs {
        let expected = format!("room for {n_outputs} outputs");
        return Err(Error::data(expected, out.len()));
    }
    Ok(())
}

/// Gives the leaf of one row in each tree, in their order.
///
/// The row goes down several trees side by side. All their nodes are read before any of them is
/// looked at, so that one wait for memory does for all.
pub(super) fn leaves_of_row<'a, T>(
    trees: &'a [T],
    tree: impl Fn(&T) -> &Tree,
    bins: &[FeatureBins],
    row: &[f32],
    mut leaf: impl FnMut(&'a T, usize),
) {
    const ABREAST: usize = 32;
    let mut steps = [Node::leaf(0); ABREAST];
    for trees in trees.chunks(ABREAST) {
        let mut at = [0_u32; ABREAST];
        loop {
            for ((step, &at), t) in steps.iter_mut().zip(&at).zip(trees) {
                *step = tree(t).nodes[at as usize];
            }
            let mut moved = 0;
            for ((at, step), t) in at.iter_mut().zip(&steps).zip(trees) {
                let next = tree(t).next_for_row(step, bins, row);
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                break;
            }
        }
        for (t, at) in trees.iter().zip(at) {
            leaf(t, at as usize);
        }
    }
}

impl Node {
    fn leaf(index: usize) -> Self {
        Self {
            feature: 0,
            threshold: f32::MAX,
            left: wide(index),
            rule: 1,
        }
    }

    #[allow(clippy::needless_bitwise_bool, reason = "no branch for each row")]
    #[inline]
    fn number_goes_right(&self, x: f32) -> bool {
        (x > self.threshold) | (x.is_nan() & (self.rule & 1 == 0))
    }
}

/// Indices of nodes and features are below 2^32.
#[allow(clippy::cast_possible_truncation, reason = "as said")]
fn wide(index: usize) -> u32 {
    index as u32
}

/// Bins are numbered by a byte.
#[allow(clippy::cast_possible_truncation, reason = "as said")]
fn narrow(bin: usize) -> u8 {
    bin as u8
}

/// Some rows, column by column: numbers clamped to finite ones, codes as the numbers of their bins.
#[derive(Debug)]
pub(super) struct Tile {
    columns: Vec<[f32; LANES]>,
}

impl Tile {
    pub(super) fn new(n_features: usize) -> Self {
        Self {
            columns: vec![[0.0; LANES]; n_features],
        }
    }

    /// The value of a feature in one of the rows.
    pub(super) fn value(&self, feature: usize, lane: usize) -> f32 {
        self.columns[feature][lane]
    }

    /// Takes up to 64 rows from `start` on, of the features that are used.
    pub(super) fn load<P: Provenance>(
        &mut self,
        features: &Features<P>,
        bins: &[FeatureBins],
        used: &[usize],
        start: usize,
    ) {
        let end = (start + LANES).min(features.n_rows());
        for &j in used {
            let values = &features.column(bins[j].source(j))[start..end];
            let to = &mut self.columns[j][..values.len()];
            if bins[j].is_code() {
                for (to, &x) in to.iter_mut().zip(values) {
                    *to = f32::from(bins[j].bin(x));
                }
            } else {
                for (to, &x) in to.iter_mut().zip(values) {
                    *to = x.clamp(f32::MIN, f32::MAX);
                }
            }
        }
    }
}

/// The features that trees split on, in ascending order.
pub(super) fn used_features<'a>(
    trees: impl Iterator<Item = &'a Tree>,
    n_features: usize,
) -> Vec<usize> {
    let mut used = vec![false; n_features];
    for tree in trees {
        for (i, node) in tree.nodes.iter().enumerate() {
            used[node.feature as usize] |= !tree.is_leaf(i);
        }
    }
    // Leaves look at the first feature, whatever it holds.
    (0..n_features).filter(|&j| used[j]).collect()
}

/// The sums of one row: what every tree gives it, added to the start, one score after the other.
pub(super) fn sum_trees_of_row(
    trees: &[Tree],
    start: &[f64],
    bins: &[FeatureBins],
    row: &[f32],
    out: &mut [f64],
) {
    out.copy_from_slice(start);
    let (n_scores, mut k) = (out.len(), 0);
    leaves_of_row(
        trees,
        |tree| tree,
        bins,
        row,
        |tree, leaf| {
            out[k] += tree.values[leaf];
            k = (k + 1) % n_scores;
        },
    );
}

/// The outputs of rows that are predicted one by one, one column an output.
pub(super) fn rows_one_by_one<P: Provenance>(
    features: &Features<P>,
    n_outputs: usize,
    predict: impl Fn(&[f32], &mut [f64]),
) -> Vec<Vec<f64>> {
    let mut columns = vec![Vec::with_capacity(features.n_rows()); n_outputs];
    let (mut row, mut out) = (vec![0.0; features.n_features()], vec![0.0; n_outputs]);
    let n_rows = features.n_rows();
    for i in 0..n_rows {
        let values = features.as_slice().iter().skip(i).step_by(n_rows);
        for (x, &value) in row.iter_mut().zip(values) {
            *x = value;
        }
        predict(&row, &mut out);
        for (column, &out) in columns.iter_mut().zip(&out) {
            column.push(out);
        }
    }
    columns
}

/// For each of `n_scores` scores, its start and the sum of every `n_scores`-th tree's values.
pub(super) fn sum_trees<P: Provenance>(
    trees: &[Tree],
    start: &[f64],
    bins: &[FeatureBins],
    features: &Features<P>,
) -> Vec<Vec<f64>> {
    let (n_rows, n_scores) = (features.n_rows(), start.len());
    if n_rows <= FEW_ROWS {
        return rows_one_by_one(features, n_scores, |row, out| {
            sum_trees_of_row(trees, start, bins, row, out);
        });
    }
    let used = used_features(trees.iter(), bins.len());
    let tiles: Vec<Vec<[f64; LANES]>> = parallel::map_with(
        || Tile::new(bins.len()),
        0..n_rows.div_ceil(LANES),
        |tile, _, t| {
            tile.load(features, bins, &used, t * LANES);
            let mut sums: Vec<[f64; LANES]> = start.iter().map(|&s| [s; LANES]).collect();
            for (i, tree) in trees.iter().enumerate() {
                tree.add_to(tile, &mut sums[i % n_scores]);
            }
            sums
        },
    );
    (0..n_scores)
        .map(|k| {
            let mut column: Vec<f64> = tiles.iter().flat_map(|tile| tile[k]).collect();
            column.truncate(n_rows);
            column
        })
        .collect()
}
