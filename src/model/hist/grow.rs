//! Grows a tree leaf by leaf: the leaf whose split gains most is split next.

use std::ops::Range;

use super::binned::{BLOCK, Binned, N_SLOTS};
use super::histogram::{Block, Cell, Histogram, NodeRows, Scale, Sums, Wide, count};
use super::split::{BinSet, Criteria, NodeSums, Search, Split, better, contains, insert};
use crate::numeric::choose;
use crate::parallel;
use crate::random::Seed;

/// Rows that are summed or moved by one task.
const CHUNK: usize = 16_384;
/// About as many cells as the search for a split in a block is work.
const CELLS_A_SEARCH: usize = 4 * BLOCK * N_SLOTS;
/// Rows for which several tasks are worth while.
const MANY: usize = 4 * CHUNK;

/// How a tree is grown.
#[derive(Debug)]
pub(super) struct Growth<'a> {
    pub(super) binned: &'a Binned,
    pub(super) criteria: &'a Criteria,
    pub(super) max_leaves: usize,
    pub(super) max_depth: usize,
    /// The features that the tree may split on, in ascending order.
    pub(super) features: &'a [usize],
    /// How many of them each node draws.
    pub(super) features_a_node: usize,
    pub(super) seed: Seed,
}

/// What is reused from tree to tree.
#[derive(Debug)]
pub(super) struct Workspace<C> {
    histograms: Vec<Histogram<C>>,
    values: Vec<C>,
    scratch: Vec<u32>,
}

impl<C> Default for Workspace<C> {
    fn default() -> Self {
        Self {
            histograms: Vec::new(),
            values: Vec::new(),
            scratch: Vec::new(),
        }
    }
}

/// A node while it is grown: a leaf until it has a split.
#[derive(Debug)]
pub(super) struct GrownNode {
    pub(super) split: Option<GrownSplit>,
    /// How many training rows it has.
    pub(super) count: usize,
    /// Where its rows are in [`Grown::rows`].
    pub(super) rows: Range<usize>,
    pub(super) bounds: (f64, f64),
    /// The L2 penalty of its value.
    pub(super) l2: f64,
    pub(super) depth: usize,
}

#[derive(Debug)]
pub(super) struct GrownSplit {
    pub(super) split: Split,
    /// The left child; the right one follows it.
    pub(super) left: usize,
    store: usize,
    /// Which bytes of the store go left.
    bytes: BinSet,
}

impl GrownSplit {
    /// A split into two children, of which the left one is node `left`.
    pub(super) fn new(binned: &Binned, split: Split, left: usize) -> Self {
        Self {
            split,
            left,
            store: binned.place(split.feature).store,
            bytes: bytes_left(binned, &split),
        }
    }

    pub(super) fn store(&self) -> usize {
        self.store
    }

    /// Whether rows with this byte in the store go left.
    pub(super) fn goes_left(&self, byte: usize) -> bool {
        contains(&self.bytes, byte)
    }
}

/// A tree without the values of its leaves.
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) nodes: Vec<GrownNode>,
    /// The rows it was grown on, those of each leaf together.
    pub(super) rows: Vec<u32>,
}

impl Grown {
    /// The leaves and their nodes' indices.
    pub(super) fn leaves(&self) -> impl Iterator<Item = (usize, &GrownNode)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(|(_, node)| node.split.is_none())
    }

    /// The leaf of any row of the table.
    pub(super) fn leaf_of(&self, binned: &Binned, row: usize) -> usize {
        let mut node = 0;
        while let Some(split) = &self.nodes[node].split {
            let byte = binned.column(split.store)[row];
            node = split.left + usize::from(!contains(&split.bytes, usize::from(byte)));
        }
        node
    }

    /// The exact sums of each leaf, by node.
    pub(super) fn leaf_sums(&self, pairs: &[[f32; 2]]) -> Vec<Sums> {
        let (gradients, hessians) = totals(pairs, Some(&self.rows));
        let scale = Scale::new::<Wide>(gradients, hessians, self.rows.len());
        parallel::map(&self.nodes, |_, node| {
            let mut sum = Wide::default();
            if node.split.is_none() {
                for &row in &self.rows[node.rows.clone()] {
                    sum.add(Wide::row(pairs[row as usize], &scale));
                }
            }
            sum.sums(&scale)
        })
    }
}

/// The sums of absolute gradients and of hessians, added up in a fixed order.
pub(super) fn totals(pairs: &[[f32; 2]], rows: Option<&[u32]>) -> (f64, f64) {
    let add =
        |(g, h): (f64, f64), pair: [f32; 2]| (g + f64::from(pair[0].abs()), h + f64::from(pair[1]));
    let parts: Vec<(f64, f64)> = match rows {
        None => parallel::map(pairs.chunks(CHUNK), |_, chunk| {
            chunk.iter().fold((0.0, 0.0), |sum, &pair| add(sum, pair))
        }),
        Some(rows) => parallel::map(rows.chunks(CHUNK), |_, chunk| {
            let pairs = chunk.iter().map(|&row| pairs[row as usize]);
            pairs.fold((0.0, 0.0), add)
        }),
    };
    parts
        .into_iter()
        .fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
}

/// A leaf that may still be split.
#[derive(Debug)]
struct Leaf<C> {
    node: usize,
    sums: NodeSums,
    histogram: Option<Histogram<C>>,
    best: Option<Split>,
}

/// Grows a tree on the given rows, in ascending order (all if none), from each row's gradient and
/// hessian.
pub(super) fn grow<C: Cell>(
    growth: &Growth<'_>,
    pairs: &[[f32; 2]],
    rows: Option<Vec<u32>>,
    work: &mut Workspace<C>,
) -> Grown {
    let all_rows = rows.is_none();
    let rows = rows.unwrap_or_else(|| (0..).take(pairs.len()).collect());
    let (gradients, hessians) = totals(pairs, (!all_rows).then_some(&rows));
    let scale = Scale::new::<C>(gradients, hessians, rows.len());
    let mut values = std::mem::take(&mut work.values);
    values.resize(pairs.len(), C::default());
    let chunks = values.chunks_mut(CHUNK).zip(pairs.chunks(CHUNK));
    parallel::for_each(chunks, |_, (values, pairs)| {
        for (value, &pair) in values.iter_mut().zip(pairs) {
            *value = C::row(pair, &scale);
        }
    });
    work.scratch.resize(rows.len(), 0);
    let mut grower = Grower {
        growth,
        scale,
        pairs,
        values,
        wanted: wanted_blocks(growth),
        is_feature: growth.features.iter().fold(
            vec![false; growth.binned.n_features()],
            |mut is, &f| {
                is[f] = true;
                is
            },
        ),
        work,
        nodes: Vec::with_capacity(2 * growth.max_leaves.min(rows.len())),
        leaves: Vec::new(),
        rows,
    };
    grower.root(all_rows);
    grower.run();
    let Grower {
        values,
        work,
        nodes,
        leaves,
        rows,
        ..
    } = grower;
    work.values = values;
    let free = leaves.into_iter().filter_map(|leaf| leaf.histogram);
    work.histograms.extend(free);
    Grown { nodes, rows }
}

/// The blocks that have a store with a feature of the tree.
fn wanted_blocks(growth: &Growth<'_>) -> Vec<bool> {
    let mut wanted = vec![false; growth.binned.n_blocks()];
    for &feature in growth.features {
        wanted[growth.binned.place(feature).store / BLOCK] = true;
    }
    wanted
}

struct Grower<'a, C> {
    growth: &'a Growth<'a>,
    scale: Scale,
    pairs: &'a [[f32; 2]],
    values: Vec<C>,
    wanted: Vec<bool>,
    is_feature: Vec<bool>,
    work: &'a mut Workspace<C>,
    nodes: Vec<GrownNode>,
    leaves: Vec<Leaf<C>>,
    rows: Vec<u32>,
}

impl<C: Cell> Grower<'_, C> {
    fn histogram(&mut self) -> Histogram<C> {
        let free = self.work.histograms.pop();
        free.unwrap_or_else(|| Histogram::new(self.growth.binned))
    }

    fn root(&mut self, all_rows: bool) {
        let n = self.rows.len();
        let mut histogram = self.histogram();
        let rows = if all_rows {
            NodeRows::All(n)
        } else {
            NodeRows::Some(&self.rows)
        };
        let value = |row: usize| self.values[row];
        count(
            &mut histogram,
            self.growth.binned,
            rows,
            &self.wanted,
            &value,
        );
        let mut sum = C::default();
        if let Some(&feature) = self.growth.features.first() {
            for &cell in histogram.cells(self.growth.binned.place(feature).store) {
                sum.add(cell);
            }
        }
        let mut sums = sum.sums(&self.scale);
        sums.count = n as f64;
        let sums = NodeSums::new(sums);
        self.nodes.push(GrownNode {
            split: None,
            count: n,
            rows: 0..n,
            bounds: sums.bounds,
            l2: self.growth.criteria.l2,
            depth: 0,
        });
        let mut leaf = Leaf {
            node: 0,
            sums,
            histogram: None,
            best: None,
        };
        if self.may_split(&leaf) {
            leaf.best = self.search(&histogram, &leaf);
        }
        leaf.histogram = Some(histogram);
        self.leaves.push(leaf);
    }

    fn run(&mut self) {
        while self.leaves.len() < self.growth.max_leaves {
            let mut best: Option<usize> = None;
            for (i, leaf) in self.leaves.iter().enumerate() {
                let gain = |leaf: &Leaf<C>| leaf.best.map_or(0.0, |split| split.gain);
                if leaf.best.is_some() && best.is_none_or(|b| gain(leaf) > gain(&self.leaves[b])) {
                    best = Some(i);
                }
            }
            match best {
                Some(leaf) => self.split(leaf),
                None => break,
            }
        }
    }

    fn may_split(&self, leaf: &Leaf<C>) -> bool {
        let criteria = self.growth.criteria;
        let node = &self.nodes[leaf.node];
        node.depth < self.growth.max_depth
            && node.count as f64 >= 2.0 * criteria.min_count.max(1.0)
            && leaf.sums.sums.hessian >= 2.0 * criteria.min_hessian
    }

    /// Which features a node may split on.
    fn draw(&self, node: usize) -> Option<Vec<bool>> {
        let growth = self.growth;
        if growth.features_a_node >= growth.features.len() {
            return None;
        }
        let mut features = growth.features.to_vec();
        let mut stream = growth.seed.child("features").at(node).stream();
        let mut drawn = vec![false; growth.binned.n_features()];
        choose::to_front(&mut features, growth.features_a_node, &mut stream);
        for &feature in &features[..growth.features_a_node] {
            drawn[feature] = true;
        }
        Some(drawn)
    }

    fn search_with(&self, leaf: &Leaf<C>) -> Search<'_> {
        Search {
            binned: self.growth.binned,
            criteria: self.growth.criteria,
            scale: self.scale.of_node(leaf.sums.sums),
            seed: self.growth.seed.child("cuts").at(leaf.node),
        }
    }

    fn search(&self, histogram: &Histogram<C>, leaf: &Leaf<C>) -> Option<Split> {
        self.search_blocks(&histogram.blocks, leaf, &self.search_with(leaf))
    }

    /// The best split of a leaf among all blocks of a histogram.
    fn search_blocks<D: Cell>(
        &self,
        blocks: &[Block<D>],
        leaf: &Leaf<C>,
        search: &Search<'_>,
    ) -> Option<Split> {
        let drawn = self.draw(leaf.node);
        let wanted = drawn.as_ref().unwrap_or(&self.is_feature);
        let found = parallel::map_small(CELLS_A_SEARCH, blocks, |b, block| {
            search_block(search, b, block, &leaf.sums, wanted)
        });
        found.into_iter().fold(None, better)
    }

    /// Takes the smaller child's histogram off the parent's, which becomes the larger child's, and
    /// searches both: one pass over the blocks.
    fn search_both(
        &self,
        [small, large]: [&Leaf<C>; 2],
        counted: &Histogram<C>,
        parent: &mut Histogram<C>,
    ) -> [Option<Split>; 2] {
        let drawn = [small, large].map(|leaf| self.draw(leaf.node));
        let [small_wanted, large_wanted] =
            [0, 1].map(|k: usize| drawn[k].as_ref().unwrap_or(&self.is_feature));
        let searches = [small, large].map(|leaf| self.search_with(leaf));
        let may = [small, large].map(|leaf| self.may_split(leaf));
        let found: Vec<[Option<Split>; 2]> = parallel::map_small(
            CELLS_A_SEARCH,
            counted.blocks.iter().zip(&mut parent.blocks),
            |b, (block, rest)| {
                if !self.wanted[b] {
                    return [None; 2];
                }
                for (lane, (cells, rest)) in block.iter().zip(rest.iter_mut()).enumerate() {
                    let store = self.growth.binned.stores().get(b * BLOCK + lane);
                    let n_slots = store.map_or(0, |store| store.n_slots);
                    for (cell, &other) in rest[..n_slots].iter_mut().zip(cells) {
                        cell.sub(other);
                    }
                }
                [
                    may[0]
                        .then(|| search_block(&searches[0], b, block, &small.sums, small_wanted))
                        .flatten(),
                    may[1]
                        .then(|| search_block(&searches[1], b, rest, &large.sums, large_wanted))
                        .flatten(),
                ]
            },
        );
        found.into_iter().fold([None; 2], |best, found| {
            [better(best[0], found[0]), better(best[1], found[1])]
        })
    }

    /// Splits a leaf: the left child takes its place, the right one goes to the end.
    fn split(&mut self, leaf: usize) {
        let growth = self.growth;
        let Some(split) = self.leaves[leaf].best.take() else {
            return;
        };
        let range = self.nodes[self.leaves[leaf].node].rows.clone();
        let (bytes, n_left) = self.partition(&range, &split);
        if !C::COUNTS && !self.is_large_enough(n_left, range.len() - n_left) {
            // The count was estimated: look again, with rows counted.
            self.rows[range.clone()].sort_unstable();
            // What it gains may be less than what another leaf does.
            self.leaves[leaf].best = self.exact_search(leaf);
            return;
        }
        let parent = &self.leaves[leaf];
        let store = growth.binned.place(split.feature).store;
        let first = self.nodes.len();
        let depth = self.nodes[parent.node].depth + 1;
        let parent_node = parent.node;
        self.nodes[parent_node].split = Some(GrownSplit {
            split,
            left: first,
            store,
            bytes,
        });
        let bounds = child_bounds(growth.criteria, &split, self.nodes[parent_node].bounds);
        let middle = range.start + n_left;
        let children = [
            (range.start..middle, split.left_sums, bounds[0]),
            (middle..range.end, split.right_sums, bounds[1]),
        ];
        let mut leaves = children.map(|(rows, mut sums, bounds)| {
            sums.count = rows.len() as f64;
            self.nodes.push(GrownNode {
                split: None,
                count: rows.len(),
                rows,
                bounds,
                l2: split.l2,
                depth,
            });
            Leaf {
                node: self.nodes.len() - 1,
                sums: NodeSums { sums, bounds },
                histogram: None,
                best: None,
            }
        });
        let histogram = self.leaves[leaf].histogram.take();
        let is_last = self.leaves.len() + 1 >= growth.max_leaves;
        let any = leaves.iter().any(|leaf| self.may_split(leaf));
        match histogram {
            Some(parent) if any && !is_last => self.fill_children(&mut leaves, parent),
            free => self.work.histograms.extend(free),
        }
        let [left, right] = leaves;
        self.leaves[leaf] = left;
        self.leaves.push(right);
    }

    /// Gives two children their histograms and best splits; the parent's histogram is used up.
    fn fill_children(&mut self, leaves: &mut [Leaf<C>; 2], mut parent: Histogram<C>) {
        let [left, right] = leaves;
        let n = |leaf: &Leaf<C>, nodes: &[GrownNode]| nodes[leaf.node].count;
        let (small, large) = if n(left, &self.nodes) <= n(right, &self.nodes) {
            (left, right)
        } else {
            (right, left)
        };
        let mut counted = self.histogram();
        let rows = self.nodes[small.node].rows.clone();
        let (rows, value) = (NodeRows::Some(&self.rows[rows]), |row: usize| {
            self.values[row]
        });
        count(&mut counted, self.growth.binned, rows, &self.wanted, &value);
        let best = self.search_both([small, large], &counted, &mut parent);
        [small.best, large.best] = best;
        for (leaf, histogram) in [(small, counted), (large, parent)] {
            if leaf.best.is_some() {
                leaf.histogram = Some(histogram);
            } else {
                self.work.histograms.push(histogram);
            }
        }
    }

    fn is_large_enough(&self, n_left: usize, n_right: usize) -> bool {
        n_left.min(n_right) as f64 >= self.growth.criteria.min_count.max(1.0)
    }

    /// The best split of a leaf by a histogram with counts.
    fn exact_search(&self, leaf: usize) -> Option<Split> {
        let leaf = &self.leaves[leaf];
        let rows = &self.rows[self.nodes[leaf.node].rows.clone()];
        let (gradients, hessians) = totals(self.pairs, Some(rows));
        let scale = Scale::new::<Wide>(gradients, hessians, rows.len());
        let mut histogram = Histogram::<Wide>::new(self.growth.binned);
        let value = |row: usize| Wide::row(self.pairs[row], &scale);
        let rows = NodeRows::Some(rows);
        count(
            &mut histogram,
            self.growth.binned,
            rows,
            &self.wanted,
            &value,
        );
        let search = Search {
            scale,
            ..self.search_with(leaf)
        };
        self.search_blocks(&histogram.blocks, leaf, &search)
    }

    /// Moves the rows of the left child before those of the right one; gives the bytes that go left
    /// and how many rows do.
    fn partition(&mut self, range: &Range<usize>, split: &Split) -> (BinSet, usize) {
        let binned = self.growth.binned;
        let bytes = bytes_left(binned, split);
        let column = binned.column(binned.place(split.feature).store);
        let goes_left: [bool; 256] = std::array::from_fn(|byte| contains(&bytes, byte));
        let rows = &mut self.rows[range.clone()];
        let n_left = partition(rows, &mut self.work.scratch, column, &goes_left);
        (bytes, n_left)
    }
}

/// The best split on the features of one block.
fn search_block<C: Cell>(
    search: &Search<'_>,
    index: usize,
    block: &Block<C>,
    node: &NodeSums,
    wanted: &[bool],
) -> Option<Split> {
    let n_stores = search.binned.stores().len();
    let mut best = None;
    for (lane, cells) in block.iter().enumerate() {
        let store = index * BLOCK + lane;
        if store < n_stores {
            best = better(
                best,
                search.store(store, cells, node, &|f: usize| wanted[f]),
            );
        }
    }
    best
}

/// Which bytes of the feature's store go left.
pub(super) fn bytes_left(binned: &Binned, split: &Split) -> BinSet {
    let place = binned.place(split.feature);
    if binned.stores()[place.store].features.len() == 1 {
        return split.left;
    }
    let mut bytes = [0; 4];
    for byte in 0..=u8::MAX {
        if contains(&split.left, place.bin(byte)) {
            insert(&mut bytes, usize::from(byte));
        }
    }
    bytes
}

/// The bounds of the children's values: where the feature is constrained, the middle of both
/// children's values divides what may follow on either side.
fn child_bounds(criteria: &Criteria, split: &Split, bounds: (f64, f64)) -> [(f64, f64); 2] {
    let sign = criteria.monotone.get(split.feature).copied().unwrap_or(0);
    let middle = f64::midpoint(
        criteria.leaf(split.left_sums, split.l2, bounds),
        criteria.leaf(split.right_sums, split.l2, bounds),
    );
    match sign {
        0 => [bounds; 2],
        1.. => [(bounds.0, middle), (middle, bounds.1)],
        _ => [(middle, bounds.1), (bounds.0, middle)],
    }
}

/// Moves the rows that go left before the others, each in the order they were in.
pub(super) fn partition(
    rows: &mut [u32],
    scratch: &mut [u32],
    column: &[u8],
    goes_left: &[bool; 256],
) -> usize {
    if rows.len() < MANY {
        return partition_part(rows, scratch, column, goes_left);
    }
    let counts = parallel::map(rows.chunks_mut(CHUNK), |_, part| {
        partition_part(part, &mut vec![0; CHUNK], column, goes_left)
    });
    let n_left: usize = counts.iter().sum();
    let (mut left, mut right) = scratch[..rows.len()].split_at_mut(n_left);
    for (part, &n) in rows.chunks(CHUNK).zip(&counts) {
        let (to, rest) = left.split_at_mut(n);
        to.copy_from_slice(&part[..n]);
        left = rest;
        let (to, rest) = right.split_at_mut(part.len() - n);
        to.copy_from_slice(&part[n..]);
        right = rest;
    }
    rows.copy_from_slice(&scratch[..rows.len()]);
    n_left
}

fn partition_part(
    rows: &mut [u32],
    scratch: &mut [u32],
    column: &[u8],
    goes_left: &[bool; 256],
) -> usize {
    let (mut n_left, mut n_right) = (0, 0);
    for i in 0..rows.len() {
        let row = rows[i];
        let left = goes_left[usize::from(column[row as usize])];
        // Both are written; one of them stays.
        rows[n_left] = row;
        scratch[n_right] = row;
        n_left += usize::from(left);
        n_right += usize::from(!left);
    }
    rows[n_left..].copy_from_slice(&scratch[..n_right]);
    n_left
}

#[cfg(test)]
mod tests;
