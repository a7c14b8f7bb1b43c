//! Grows one tree of a forest, the left branch of each node before the right one.

use super::super::binned::Binned;
use super::super::grow::{Grown, GrownNode, GrownSplit, partition};
use super::super::split::{Split, better};
use crate::numeric::choose;
use crate::random::Seed;

/// Features that are counted side by side: rows one after the other then meet different bins.
pub(super) const GROUP: usize = 6;
/// Rows whose bytes are fetched before any is counted, so that the fetches overlap.
const FETCH: usize = 64;
/// Nodes of fewer rows fetch bytes row by row: what they touch stays in the cache for all
/// features and all nodes below.
const FEW_ROWS: usize = 4096;

/// The bytes of one row, one a feature of the group.
pub(super) type Bytes = [u8; GROUP];

/// What a node keeps of its rows' targets, and the splits that it finds.
pub(super) trait Statistic {
    /// Takes on the rows of a node; `false` if their targets are all alike.
    fn start(&mut self, rows: &[u32], seed: Seed) -> bool;
    /// Counts rows, from the `first` of the node's on, by the bytes of `n` features.
    fn count(&mut self, first: usize, bytes: &[Bytes], n: usize);
    /// The best split on the feature that was counted in this place of the group; forgets its
    /// counts.
    fn finish(&mut self, place: usize, feature: usize) -> Found;
}

/// What came of a feature.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// The node's rows are all alike in it.
    Constant,
    /// No split is allowed, or none gains anything.
    Nothing,
    Split(Split),
}

/// How a tree is grown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth<'a> {
    pub(super) binned: &'a Binned,
    pub(super) max_depth: usize,
    pub(super) min_samples_leaf: usize,
    /// How many features each node draws.
    pub(super) features_a_node: usize,
    pub(super) seed: Seed,
}

/// Grows a tree on these rows, in ascending order.
pub(super) fn grow(growth: Growth<'_>, statistic: &mut impl Statistic, rows: Vec<u32>) -> Grown {
    let n_features = growth.binned.n_features();
    let mut scratch = vec![0; rows.len()];
    let mut draws = Draws::new(n_features);
    let mut rows = rows;
    let mut nodes = vec![node(0..rows.len(), 0)];
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        let (range, depth) = (nodes[at].rows.clone(), nodes[at].depth);
        if depth >= growth.max_depth || range.len() < 2 * growth.min_samples_leaf.max(1) {
            continue;
        }
        let Some(split) = search(growth, statistic, &rows[range.clone()], at, &mut draws) else {
            continue;
        };
        let split = GrownSplit::new(growth.binned, split, nodes.len());
        let column = growth.binned.column(split.store());
        let goes_left: [bool; 256] = std::array::from_fn(|byte| split.goes_left(byte));
        let n_left = partition(&mut rows[range.clone()], &mut scratch, column, &goes_left);
        let middle = range.start + n_left;
        nodes[at].split = Some(split);
        open.extend([nodes.len() + 1, nodes.len()]);
        nodes.push(node(range.start..middle, depth + 1));
        nodes.push(node(middle..range.end, depth + 1));
    }
    Grown { nodes, rows }
}

fn node(rows: std::ops::Range<usize>, depth: usize) -> GrownNode {
    GrownNode {
        split: None,
        count: rows.len(),
        rows,
        bounds: (f64::NEG_INFINITY, f64::INFINITY),
        l2: 0.0,
        depth,
    }
}

/// Features in a random order, of which a part is drawn anew for each node.
struct Draws {
    order: Vec<usize>,
}

impl Draws {
    fn new(n_features: usize) -> Self {
        Self {
            order: (0..n_features).collect(),
        }
    }
}

/// The best split of a node on the features that it draws; as long as its rows are all alike in
/// them, it draws more.
fn search(
    growth: Growth<'_>,
    statistic: &mut impl Statistic,
    rows: &[u32],
    node: usize,
    draws: &mut Draws,
) -> Option<Split> {
    let seed = growth.seed.at(node);
    if !statistic.start(rows, seed.child("cuts")) {
        return None;
    }
    let order = &mut draws.order;
    let (n, wanted) = (order.len(), growth.features_a_node);
    let mut stream = seed.stream();
    let (mut n_drawn, mut best, mut varies) = (0, None, false);
    while n_drawn < wanted || (!varies && n_drawn < n) {
        // As many as there are in each of equal groups.
        let left = wanted.saturating_sub(n_drawn);
        let size = match left {
            0 => GROUP.min(n - n_drawn),
            left => left.div_ceil(left.div_ceil(GROUP)),
        };
        choose::to_front(&mut order[n_drawn..], size, &mut stream);
        let group = &order[n_drawn..n_drawn + size];
        count(growth.binned, statistic, rows, group);
        for (place, &feature) in group.iter().enumerate() {
            match statistic.finish(place, feature) {
                Found::Constant => {}
                Found::Nothing => varies = true,
                Found::Split(split) => {
                    varies = true;
                    best = better(best, Some(split));
                }
            }
        }
        n_drawn += size;
    }
    best
}

/// Counts the rows of a node by a group of features.
fn count(binned: &Binned, statistic: &mut impl Statistic, rows: &[u32], group: &[usize]) {
    let mut fetched = [[0; GROUP]; FETCH];
    let stores = group.iter().map(|&feature| binned.place(feature).store);
    let few = rows.len() < FEW_ROWS;
    for (tile, rows) in rows.chunks(FETCH).enumerate() {
        for (place, store) in stores.clone().enumerate() {
            if few {
                let (panel, block, lane) = binned.in_panel(store);
                for (bytes, &row) in fetched.iter_mut().zip(rows) {
                    bytes[place] = panel.bytes[row as usize * panel.width + block][lane];
                }
            } else {
                let column = binned.column(store);
                for (bytes, &row) in fetched.iter_mut().zip(rows) {
                    bytes[place] = column[row as usize];
                }
            }
        }
        statistic.count(tile * FETCH, &fetched[..rows.len()], group.len());
    }
}
