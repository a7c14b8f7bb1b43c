//! Two classes, or values: a sum of targets and a sum of weights a bin.

use super::super::binned::{Binned, N_SLOTS};
use super::super::histogram::{Cell, Scale, Sums};
use super::super::split::{Criteria, NodeSums, Search, Split, draw_cut, insert};
use super::cut::Sides;
use super::grow::{Bytes, Found, GROUP, Statistic};
use crate::random::Seed;

/// Nodes of fewer rows look only at the bins that they have touched.
const FEW_ROWS: usize = 256;
/// Bits of [`Counts`] that count rows, and of those that sum weights.
const BITS: u32 = 21;
const MASK: u64 = (1 << BITS) - 1;

/// Rows of two classes with whole weights, in one number: the weight of the positive class, of
/// both, and the number of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counts(u64);

impl Counts {
    /// Weights must sum to less than this.
    pub(super) const LIMIT: usize = 1 << BITS;
}

impl Cell for Counts {
    const GRADIENT_BITS: i32 = 21;
    const HESSIAN_BITS: i32 = 21;
    const COUNTS: bool = true;

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers from 0 to 2^21"
    )]
    fn row([gradient, hessian]: [f32; 2], _scale: &Scale) -> Self {
        Self((-gradient as u64) << (2 * BITS) | (hessian as u64) << BITS | 1)
    }

    #[inline]
    fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    #[inline]
    fn sub(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }

    #[inline]
    fn sums(self, _scale: &Scale) -> Sums {
        Sums {
            gradient: -((self.0 >> (2 * BITS)) as f64),
            hessian: (self.0 >> BITS & MASK) as f64,
            count: (self.0 & MASK) as f64,
        }
    }
}

/// The targets of all rows of a tree.
#[derive(Debug)]
pub(super) struct Pairs<'a, C> {
    binned: &'a Binned,
    criteria: &'a Criteria,
    scale: Scale,
    /// By row of the table: the target, to tell whether a node has different ones.
    targets: &'a [f64],
    /// By row of the table.
    cells: Vec<C>,
    node: Node<C>,
    histograms: Vec<[C; N_SLOTS]>,
    touched: [[u64; 4]; GROUP],
    /// Of one feature: its bins that have rows, in order.
    present: Vec<(usize, C)>,
}

#[derive(Debug)]
struct Node<C> {
    seed: Seed,
    sums: NodeSums,
    total: C,
    /// Of its rows, in their order.
    cells: Vec<C>,
}

impl<'a, C: Cell> Pairs<'a, C> {
    pub(super) fn new(
        binned: &'a Binned,
        criteria: &'a Criteria,
        scale: Scale,
        targets: &'a [f64],
        cells: Vec<C>,
    ) -> Self {
        Self {
            binned,
            criteria,
            scale,
            targets,
            cells,
            node: Node {
                seed: Seed::default(),
                sums: NodeSums::new(Sums::default()),
                total: C::default(),
                cells: Vec::new(),
            },
            histograms: vec![[C::default(); N_SLOTS]; GROUP],
            touched: [[0; 4]; GROUP],
            present: Vec::with_capacity(N_SLOTS),
        }
    }

    fn has_few_rows(&self) -> bool {
        self.node.cells.len() < FEW_ROWS
    }

    fn add<const N: usize>(&mut self, first: usize, bytes: &[Bytes]) {
        let cells = &self.node.cells[first..];
        let (histograms, _) = self.histograms.as_chunks_mut::<N>();
        let histograms = &mut histograms[0];
        for (bytes, &cell) in bytes.iter().zip(cells) {
            for (histogram, &byte) in histograms.iter_mut().zip(bytes) {
                histogram[usize::from(byte)].add(cell);
            }
        }
    }

    fn touch<const N: usize>(&mut self, bytes: &[Bytes]) {
        let (touched, _) = self.touched.as_chunks_mut::<N>();
        let touched = &mut touched[0];
        for bytes in bytes {
            for (touched, &byte) in touched.iter_mut().zip(bytes) {
                insert(touched, usize::from(byte));
            }
        }
    }

    /// Takes the touched bins out of a histogram, in order.
    fn collect(&mut self, place: usize, n_slots: usize) {
        self.present.clear();
        let histogram = &mut self.histograms[place];
        if self.node.cells.len() < FEW_ROWS {
            for (word, bits) in self.touched[place].iter_mut().enumerate() {
                while *bits != 0 {
                    let slot = word * 64 + bits.trailing_zeros() as usize;
                    self.present
                        .push((slot, std::mem::take(&mut histogram[slot])));
                    *bits &= *bits - 1;
                }
            }
            return;
        }
        for (slot, cell) in histogram[..n_slots].iter_mut().enumerate() {
            if *cell != C::default() {
                self.present.push((slot, std::mem::take(cell)));
            }
        }
    }

    /// Turns bytes of a store of several features into bins of one of them.
    fn only(&mut self, feature: usize) {
        let place = self.binned.place(feature);
        let mut bins = [C::default(); N_SLOTS];
        for (slot, cell) in self.present.drain(..) {
            // Bytes are below 256.
            bins[place.bin(u8::try_from(slot).unwrap_or(0))].add(cell);
        }
        let found = bins.into_iter().enumerate();
        let found = found.filter(|(_, cell)| *cell != C::default());
        self.present.extend(found);
    }

    fn search(&self) -> Search<'_> {
        Search {
            binned: self.binned,
            criteria: self.criteria,
            scale: self.scale,
            seed: self.node.seed,
        }
    }

    fn best(&self, feature: usize) -> Option<Split> {
        let bins = self.binned.bins(feature);
        if bins.is_code() {
            let mut cells = [C::default(); N_SLOTS];
            for &(bin, cell) in &self.present {
                cells[bin] = cell;
            }
            return self.search().codes(feature, bins, &cells, &self.node.sums);
        }
        let n_values = bins.n_value_bins();
        let (values, missing) = match self.present.split_last() {
            Some((&(bin, cell), values)) if bin >= n_values => (values, Some(cell)),
            _ => (self.present.as_slice(), None),
        };
        let best = if self.criteria.random {
            self.random_cut(feature, values, missing)
        } else {
            self.best_cut(values, missing)
        }?;
        let last_left = match values.get(best.n_left) {
            // Between the bins on either side: no row of the node says where.
            Some(&(next, _)) if !self.criteria.random => {
                usize::midpoint(values[best.n_left - 1].0, next - 1)
            }
            Some(_) => values[best.n_left - 1].0,
            None => n_values - 1,
        };
        let missing_left = missing.map(|_| best.missing_left);
        let sides = Sides {
            worth: best.worth(),
            left: best.left,
            right: self.node.sums.sums - best.left,
        };
        Some(sides.ordered(feature, bins, last_left, missing_left))
    }

    /// The best of all cuts, with missing values on either side.
    fn best_cut(&self, values: &[(usize, C)], missing: Option<C>) -> Option<Cut> {
        let mut best = Cut::none();
        // All values are on the left only where missing ones are alone on the right.
        let n_cuts = values.len() - usize::from(missing.is_none());
        self.scan(C::default(), &values[..n_cuts], &mut best);
        if let Some(missing) = missing
            && !values.is_empty()
        {
            let mut with = Cut::none();
            self.scan(missing, &values[..values.len() - 1], &mut with);
            if with.is_better(&best) {
                best = Cut {
                    missing_left: true,
                    ..with
                };
            }
        }
        (best.n_left > 0).then_some(best)
    }

    fn scan(&self, start: C, values: &[(usize, C)], best: &mut Cut) {
        let mut left = start;
        for (i, &(_, cell)) in values.iter().enumerate() {
            left.add(cell);
            if let Some(cut) = self.cut(left.sums(&self.scale), i + 1)
                && cut.is_better(best)
            {
                *best = cut;
            }
        }
    }

    #[inline]
    fn cut(&self, left: Sums, n_left: usize) -> Option<Cut> {
        let right = self.node.sums.sums - left;
        let enough = left.count.min(right.count) >= self.criteria.min_count
            && left.hessian.min(right.hessian) > 0.0;
        enough.then_some(Cut {
            numerator: left.gradient * left.gradient * right.hessian
                + right.gradient * right.gradient * left.hessian,
            denominator: left.hessian * right.hessian,
            left,
            n_left,
            missing_left: false,
        })
    }

    /// A cut at a random value, with missing values on the better side.
    fn random_cut(&self, feature: usize, values: &[(usize, C)], missing: Option<C>) -> Option<Cut> {
        let n_left = match values {
            [] => return None,
            [_] => 1,
            [(first, _), .., (last, _)] => {
                let u = self.node.seed.at(feature).uniform(0);
                let bin = draw_cut(self.binned.bins(feature), *first, *last, u);
                values.partition_point(|&(b, _)| b <= bin)
            }
        };
        let mut left = C::default();
        for &(_, cell) in &values[..n_left] {
            left.add(cell);
        }
        let without = self.cut(left.sums(&self.scale), n_left);
        let Some(missing) = missing else {
            return without;
        };
        left.add(missing);
        let with = self.cut(left.sums(&self.scale), n_left);
        match (without, with) {
            (Some(a), Some(b)) if b.is_better(&a) => Some(Cut {
                missing_left: true,
                ..b
            }),
            (None, Some(b)) => Some(Cut {
                missing_left: true,
                ..b
            }),
            (a, _) => a,
        }
    }
}

/// A cut of an ordered feature, after so many of the bins that have rows.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// What both sides are worth, as a fraction: cuts are compared without a division.
    numerator: f64,
    denominator: f64,
    left: Sums,
    n_left: usize,
    missing_left: bool,
}

impl Cut {
    /// What any cut is better than.
    fn none() -> Self {
        Self {
            numerator: -1.0,
            denominator: 1.0,
            left: Sums::default(),
            n_left: 0,
            missing_left: false,
        }
    }

    #[inline]
    fn is_better(&self, other: &Self) -> bool {
        self.numerator * other.denominator > other.numerator * self.denominator
    }

    fn worth(&self) -> f64 {
        self.numerator / self.denominator
    }
}

impl<C: Cell> Statistic for Pairs<'_, C> {
    fn start(&mut self, rows: &[u32], seed: Seed) -> bool {
        let Some(&first) = rows.first() else {
            return false;
        };
        let first = self.targets[first as usize];
        let differs = |&row: &u32| self.targets[row as usize].total_cmp(&first).is_ne();
        if !rows.iter().any(differs) {
            return false;
        }
        let node = &mut self.node;
        node.cells.clear();
        node.cells
            .extend(rows.iter().map(|&row| self.cells[row as usize]));
        node.total = C::default();
        for &cell in &node.cells {
            node.total.add(cell);
        }
        node.sums = NodeSums::new(node.total.sums(&self.scale));
        node.seed = seed;
        true
    }

    fn count(&mut self, first: usize, bytes: &[Bytes], n: usize) {
        let few = self.has_few_rows();
        match n {
            1 => self.add::<1>(first, bytes),
            2 => self.add::<2>(first, bytes),
            3 => self.add::<3>(first, bytes),
            4 => self.add::<4>(first, bytes),
            5 => self.add::<5>(first, bytes),
            _ => self.add::<GROUP>(first, bytes),
        }
        if few {
            match n {
                1 => self.touch::<1>(bytes),
                2 => self.touch::<2>(bytes),
                3 => self.touch::<3>(bytes),
                4 => self.touch::<4>(bytes),
                5 => self.touch::<5>(bytes),
                _ => self.touch::<GROUP>(bytes),
            }
        }
    }

    fn finish(&mut self, place: usize, feature: usize) -> Found {
        let store = &self.binned.stores()[self.binned.place(feature).store];
        let (n_slots, is_shared) = (store.n_slots, store.features.len() > 1);
        self.collect(place, n_slots);
        if is_shared {
            self.only(feature);
        }
        if self.present.len() < 2 {
            return Found::Constant;
        }
        let Some(split) = self.best(feature) else {
            return Found::Nothing;
        };
        let sums = self.node.sums.sums;
        let gain = split.gain - sums.gradient * sums.gradient / sums.hessian;
        if gain > 0.0 && gain >= self.criteria.min_gain {
            Found::Split(Split { gain, ..split })
        } else {
            Found::Nothing
        }
    }
}
