//! The best split of a node, from its histogram.

use super::binned::Binned;
use super::bins::FeatureBins;
use super::histogram::{Cell, Scale, Sums};
use super::options::Categories;
use crate::random::Seed;

/// A set of bins of one feature.
pub(super) type BinSet = [u64; 4];

pub(super) fn insert(set: &mut BinSet, bin: usize) {
    set[bin / 64] |= 1 << (bin % 64);
}

pub(super) fn contains(set: &BinSet, bin: usize) -> bool {
    set[bin / 64] >> (bin % 64) & 1 == 1
}

/// What a split must fulfil, and what it is worth.
#[derive(Debug, Clone)]
pub(super) struct Criteria {
    /// L1 and L2 penalties of leaf values.
    pub(super) l1: f64,
    pub(super) l2: f64,
    pub(super) min_count: f64,
    pub(super) min_hessian: f64,
    pub(super) min_gain: f64,
    pub(super) categories: Categories,
    /// The rows between cuts of levels in order, and on the far side of each.
    pub(super) min_group: f64,
    /// For each feature: 1 if predictions may not fall as it grows, -1 if they may not rise; empty
    /// if none is constrained.
    pub(super) monotone: Vec<i8>,
    /// Whether thresholds are drawn at random.
    pub(super) random: bool,
}

/// A node's sums, and the bounds of its leaves' values.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeSums {
    pub(super) sums: Sums,
    pub(super) bounds: (f64, f64),
}

impl NodeSums {
    pub(super) fn new(sums: Sums) -> Self {
        Self {
            sums,
            bounds: (f64::NEG_INFINITY, f64::INFINITY),
        }
    }
}

/// A split of a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) feature: usize,
    /// Which bins go left.
    pub(super) left: BinSet,
    /// The last bin on the left, if bins are ordered.
    pub(super) last_left: Option<usize>,
    /// Whether missing values go left.
    pub(super) missing_left: bool,
    /// The L2 penalty of the children's values: larger after a choice among many sets of levels.
    pub(super) l2: f64,
    pub(super) left_sums: Sums,
    pub(super) right_sums: Sums,
}

impl Criteria {
    fn shrunk(&self, gradient: f64) -> f64 {
        if self.l1 > 0.0 {
            (gradient.abs() - self.l1).max(0.0).copysign(gradient)
        } else {
            gradient
        }
    }

    /// The value of a leaf: `-T(g) / (h + l2)`, where `T` takes `l1` off the size of `g`.
    pub(super) fn leaf(&self, sums: Sums, l2: f64, (low, high): (f64, f64)) -> f64 {
        let denominator = sums.hessian + l2;
        if denominator > 0.0 {
            (-self.shrunk(sums.gradient) / denominator).clamp(low, high)
        } else {
            0.0_f64.clamp(low, high)
        }
    }

    /// Twice the loss that a leaf takes off: `T(g)^2 / (h + l2)` if its value is not bounded.
    fn score(&self, sums: Sums, l2: f64) -> f64 {
        let gradient = self.shrunk(sums.gradient);
        let denominator = sums.hessian + l2;
        if denominator > 0.0 {
            gradient * gradient / denominator
        } else {
            0.0
        }
    }

    /// The same where the leaf has this value.
    fn score_at(&self, sums: Sums, l2: f64, value: f64) -> f64 {
        -(2.0 * self.shrunk(sums.gradient) * value + (sums.hessian + l2) * value * value)
    }

    fn allows(&self, sums: Sums) -> bool {
        sums.count >= self.min_count && sums.hessian >= self.min_hessian
    }

    /// What both sides are worth, if they may be.
    fn pair(&self, left: Sums, right: Sums, l2: f64, node: &NodeSums, sign: i8) -> Option<f64> {
        if !self.allows(left) || !self.allows(right) {
            return None;
        }
        if self.monotone.is_empty() {
            return Some(self.score(left, l2) + self.score(right, l2));
        }
        let value = |sums: Sums| {
            let value = -self.shrunk(sums.gradient) / (sums.hessian + l2).max(f64::MIN_POSITIVE);
            value.clamp(node.bounds.0, node.bounds.1)
        };
        let (a, b) = (value(left), value(right));
        if (sign > 0 && a > b) || (sign < 0 && a < b) {
            return None;
        }
        Some(self.score_at(left, l2, a) + self.score_at(right, l2, b))
    }

    /// Whether leaf values are bounded by nothing and penalised by L2 at most.
    fn is_plain(&self) -> bool {
        self.monotone.is_empty() && self.l1 == 0.0
    }

    fn sign(&self, feature: usize) -> i8 {
        self.monotone.get(feature).copied().unwrap_or(0)
    }

    /// What the node itself is worth.
    fn parent(&self, node: &NodeSums) -> f64 {
        if self.monotone.is_empty() {
            self.score(node.sums, self.l2)
        } else {
            self.score_at(
                node.sums,
                self.l2,
                self.leaf(node.sums, self.l2, node.bounds),
            )
        }
    }
}

/// The better of two splits: that of more gain, of equals that of the earlier feature.
pub(super) fn better(a: Option<Split>, b: Option<Split>) -> Option<Split> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let first = a.gain > b.gain || (a.gain >= b.gain && a.feature <= b.feature);
            Some(if first { a } else { b })
        }
        (a, b) => a.or(b),
    }
}

/// What a search works with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) binned: &'a Binned,
    pub(super) criteria: &'a Criteria,
    pub(super) scale: Scale,
    /// Of the node: draws of random thresholds are children of it.
    pub(super) seed: Seed,
}

/// What was found while the splits of one feature were tried.
#[derive(Clone, Copy)]
struct Found {
    worth: f64,
    left: Sums,
}

impl Search<'_> {
    /// The best split on one of the features of a store, of those that are wanted.
    pub(super) fn store<C: Cell>(
        &self,
        store: usize,
        cells: &[C; 256],
        node: &NodeSums,
        wanted: &(impl Fn(usize) -> bool + ?Sized),
    ) -> Option<Split> {
        let members = &self.binned.stores()[store].features;
        if let [feature] = members[..] {
            return wanted(feature)
                .then(|| self.feature(feature, cells, node))
                .flatten();
        }
        let n_slots = self.binned.stores()[store].n_slots;
        let mut best = None;
        let mut marginal = [C::default(); 256];
        for &feature in members.iter().filter(|&&f| wanted(f)) {
            let place = self.binned.place(feature);
            place.sum_over_others(&cells[..n_slots], &mut marginal);
            best = better(best, self.feature(feature, &marginal, node));
        }
        best
    }

    /// The best split on one feature, whose bins have these cells.
    fn feature<C: Cell>(&self, feature: usize, cells: &[C; 256], node: &NodeSums) -> Option<Split> {
        let bins = self.binned.bins(feature);
        let split = if bins.is_code() {
            self.codes(feature, bins, cells, node)
        } else {
            self.numbers(feature, bins, cells, node)
        }?;
        let gain = split.gain - self.criteria.parent(node);
        (gain > self.criteria.min_gain && gain > 0.0).then_some(Split { gain, ..split })
    }

    /// Splits of an ordered feature: each cut, with missing values on either side.
    fn numbers<C: Cell>(
        &self,
        feature: usize,
        bins: &FeatureBins,
        cells: &[C; 256],
        node: &NodeSums,
    ) -> Option<Split> {
        let n_values = bins.n_value_bins();
        let values = &cells[..n_values];
        let missing = bins
            .missing_bin()
            .map(|bin| cells[usize::from(bin)])
            .filter(|cell| *cell != C::default());
        if self.criteria.random {
            return self.random_cut(feature, bins, values, missing, node);
        }
        let mut best: Option<(Found, usize, bool)> = None;
        let keep = |found: Option<(Found, usize)>, missing_left, best: &mut Option<_>| {
            if let Some((found, bin)) = found
                && best.is_none_or(|(f, _, _): (Found, usize, bool)| found.worth > f.worth)
            {
                *best = Some((found, bin, missing_left));
            }
        };
        // The last value bin goes left only where missing values are alone on the right.
        let last = n_values - usize::from(missing.is_none());
        keep(
            self.scan(feature, &values[..last], C::default(), node),
            false,
            &mut best,
        );
        if let Some(missing) = missing {
            let values = &values[..n_values - 1];
            keep(self.scan(feature, values, missing, node), true, &mut best);
        }
        let (found, last_left, missing_left) = best?;
        Some(self.ordered(
            feature,
            bins,
            found,
            last_left,
            missing.map(|_| missing_left),
            node,
        ))
    }

    /// The best cut after one of these bins, where the left side has `start` as well.
    fn scan<C: Cell>(
        &self,
        feature: usize,
        values: &[C],
        start: C,
        node: &NodeSums,
    ) -> Option<(Found, usize)> {
        let criteria = self.criteria;
        if criteria.is_plain() {
            return self.plain_scan(values, start, node);
        }
        let (l2, sign) = (criteria.l2, criteria.sign(feature));
        let mut sum = start;
        let mut best: Option<(Found, usize)> = None;
        for (bin, &cell) in values.iter().enumerate() {
            if cell == C::default() {
                continue;
            }
            sum.add(cell);
            let left = sum.sums(&self.scale);
            let right = node.sums - left;
            if right.count < criteria.min_count || right.hessian < criteria.min_hessian {
                break;
            }
            if let Some(worth) = criteria.pair(left, right, l2, node, sign)
                && best.is_none_or(|(found, _)| worth > found.worth)
            {
                best = Some((Found { worth, left }, bin));
            }
        }
        best
    }

    /// [`Self::scan`] without constraints and L1, and with one division for each best so far:
    /// `n / d > best` is `n > best d`.
    fn plain_scan<C: Cell>(
        &self,
        values: &[C],
        start: C,
        node: &NodeSums,
    ) -> Option<(Found, usize)> {
        let criteria = self.criteria;
        let (l2, min_count, min_hessian) = (criteria.l2, criteria.min_count, criteria.min_hessian);
        let mut sum = start;
        let mut best = f64::NEG_INFINITY;
        let mut found: Option<(Found, usize)> = None;
        for (bin, &cell) in values.iter().enumerate() {
            if cell == C::default() {
                continue;
            }
            sum.add(cell);
            let left = sum.sums(&self.scale);
            let right = node.sums - left;
            if right.count < min_count || right.hessian < min_hessian {
                break;
            }
            if left.count < min_count || left.hessian < min_hessian {
                continue;
            }
            let (a, b) = (left.hessian + l2, right.hessian + l2);
            let top = left.gradient * left.gradient * b + right.gradient * right.gradient * a;
            let bottom = a * b;
            if top > best * bottom && bottom > 0.0 {
                best = top / bottom;
                found = Some((Found { worth: best, left }, bin));
            }
        }
        found
    }

    /// One cut, drawn uniformly between the least and the greatest value of the node's rows.
    fn random_cut<C: Cell>(
        &self,
        feature: usize,
        bins: &FeatureBins,
        values: &[C],
        missing: Option<C>,
        node: &NodeSums,
    ) -> Option<Split> {
        let first = values.iter().position(|c| *c != C::default());
        let seed = self.seed.at(feature);
        let drawn = first.and_then(|first| {
            let last = values.iter().rposition(|c| *c != C::default())?;
            (first < last).then(|| draw_cut(bins, first, last, seed.uniform(0)))
        });
        // Where values are all alike, missing ones can still be told from them.
        let (last_left, missing_left) = match (drawn, missing) {
            (Some(bin), _) => (bin, seed.uniform(1) < 0.5),
            (None, Some(_)) => (values.len() - 1, false),
            (None, None) => return None,
        };
        let mut sum = C::default();
        for &cell in &values[..=last_left] {
            sum.add(cell);
        }
        if let Some(missing) = missing.filter(|_| missing_left) {
            sum.add(missing);
        }
        let left = sum.sums(&self.scale);
        let right = node.sums - left;
        let criteria = self.criteria;
        let worth = criteria.pair(left, right, criteria.l2, node, criteria.sign(feature))?;
        let found = Found { worth, left };
        Some(self.ordered(
            feature,
            bins,
            found,
            last_left,
            missing.map(|_| missing_left),
            node,
        ))
    }

    /// A split after a bin; `missing_left` is known if the node has missing values.
    fn ordered(
        &self,
        feature: usize,
        bins: &FeatureBins,
        found: Found,
        last_left: usize,
        missing_left: Option<bool>,
        node: &NodeSums,
    ) -> Split {
        let right_sums = node.sums - found.left;
        // What the node has not seen follows the larger side.
        let missing_left = missing_left.unwrap_or(found.left.count >= right_sums.count);
        let mut left = [0; 4];
        (0..=last_left).for_each(|bin| insert(&mut left, bin));
        if let Some(bin) = bins.missing_bin().filter(|_| missing_left) {
            insert(&mut left, usize::from(bin));
        }
        Split {
            gain: found.worth,
            feature,
            left,
            last_left: Some(last_left),
            missing_left,
            l2: self.criteria.l2,
            left_sums: found.left,
            right_sums,
        }
    }

    /// Splits of codes: one level against the rest if there are few; else levels in the order of
    /// their mean gradient are cut in two (Fisher 1958: for a squared loss the best of all
    /// divisions is among these), from either end and at most so many levels from it.
    pub(super) fn codes<C: Cell>(
        &self,
        feature: usize,
        bins: &FeatureBins,
        cells: &[C; 256],
        node: &NodeSums,
    ) -> Option<Split> {
        let rules = &self.criteria.categories;
        let levels: Vec<(usize, Sums)> = cells[..bins.n_bins()]
            .iter()
            .enumerate()
            .filter(|(_, cell)| **cell != C::default())
            .map(|(bin, cell)| (bin, cell.sums(&self.scale)))
            .collect();
        if levels.len() < 2 {
            return None;
        }
        let few = levels.len() <= rules.max_one_against_rest();
        let is_choice = !few && !self.criteria.random;
        let best = if self.criteria.random {
            self.random_level(feature, levels, node)
        } else if few {
            self.one_level(levels, node)
        } else {
            self.many_levels(levels, node)
        };
        let (found, bins_left) = best?;
        let right_sums = node.sums - found.left;
        let mut left = [0; 4];
        for bin in bins_left {
            insert(&mut left, bin);
        }
        let missing_left = match bins.missing_bin() {
            Some(bin) if cells[usize::from(bin)] != C::default() => {
                contains(&left, usize::from(bin))
            }
            bin => {
                let missing_left = found.left.count >= right_sums.count;
                if let Some(bin) = bin.filter(|_| missing_left) {
                    insert(&mut left, usize::from(bin));
                }
                missing_left
            }
        };
        Some(Split {
            gain: found.worth,
            feature,
            left,
            last_left: None,
            missing_left,
            l2: self.criteria.l2 + if is_choice { rules.l2() } else { 0.0 },
            left_sums: found.left,
            right_sums,
        })
    }

    fn one_level(
        &self,
        levels: Vec<(usize, Sums)>,
        node: &NodeSums,
    ) -> Option<(Found, Vec<usize>)> {
        let mut best: Option<(Found, usize)> = None;
        for (bin, left) in levels {
            let right = node.sums - left;
            if let Some(worth) = self.criteria.pair(left, right, self.criteria.l2, node, 0)
                && best.is_none_or(|(found, _)| worth > found.worth)
            {
                best = Some((Found { worth, left }, bin));
            }
        }
        best.map(|(found, bin)| (found, vec![bin]))
    }

    /// Levels in the order of their smoothed mean gradient; of equals the first.
    fn sorted(&self, levels: &mut [(usize, Sums)]) {
        let smoothing = self.criteria.categories.smoothing();
        let mean = |sums: &Sums| sums.gradient / (sums.hessian + smoothing).max(f64::MIN_POSITIVE);
        levels.sort_by(|(a_bin, a), (b_bin, b)| mean(a).total_cmp(&mean(b)).then(a_bin.cmp(b_bin)));
    }

    fn many_levels(
        &self,
        mut levels: Vec<(usize, Sums)>,
        node: &NodeSums,
    ) -> Option<(Found, Vec<usize>)> {
        let rules = &self.criteria.categories;
        levels.retain(|(_, sums)| sums.count >= rules.smoothing());
        self.sorted(&mut levels);
        let l2 = self.criteria.l2 + rules.l2();
        let most = rules.max_levels().min(levels.len().div_ceil(2));
        let min_group = self.criteria.min_group;
        let mut best: Option<(Found, usize, bool)> = None;
        for backwards in [false, true] {
            let mut left = Sums::default();
            let mut group = 0.0;
            for step in 0..most {
                let at = if backwards {
                    levels.len() - 1 - step
                } else {
                    step
                };
                let level = levels[at].1;
                left = left + level;
                group += level.count;
                let right = node.sums - left;
                if right.count < min_group || !self.criteria.allows(right) {
                    break;
                }
                if group < min_group {
                    continue;
                }
                if let Some(worth) = self.criteria.pair(left, right, l2, node, 0) {
                    group = 0.0;
                    if best.is_none_or(|(found, _, _)| worth > found.worth) {
                        best = Some((Found { worth, left }, step + 1, backwards));
                    }
                }
            }
        }
        let (found, n, backwards) = best?;
        let chosen: Vec<usize> = if backwards {
            levels[levels.len() - n..].iter().map(|l| l.0).collect()
        } else {
            levels[..n].iter().map(|l| l.0).collect()
        };
        Some((found, chosen))
    }

    /// A cut at a random place of the levels in order.
    fn random_level(
        &self,
        feature: usize,
        mut levels: Vec<(usize, Sums)>,
        node: &NodeSums,
    ) -> Option<(Found, Vec<usize>)> {
        self.sorted(&mut levels);
        let mut stream = self.seed.at(feature).stream();
        let n = 1 + stream.below(levels.len() - 1);
        let left = levels[..n]
            .iter()
            .fold(Sums::default(), |sum, level| sum + level.1);
        let right = node.sums - left;
        let worth = self.criteria.pair(left, right, self.criteria.l2, node, 0)?;
        Some((
            Found { worth, left },
            levels[..n].iter().map(|l| l.0).collect(),
        ))
    }
}

/// The bin that a uniform draw `u` from the values of the node ends at: between the middles of its
/// first and its last bin, a value is drawn, and the bins with middles up to it go left.
pub(super) fn draw_cut(bins: &FeatureBins, first: usize, last: usize, u: f64) -> usize {
    let middle = |bin: usize| {
        let (low, high) = bins.edges(u8::try_from(bin).unwrap_or(u8::MAX));
        f64::midpoint(f64::from(low), f64::from(high))
    };
    let (low, high) = (middle(first), middle(last));
    let drawn = low + u * (high - low);
    // The last bin whose middle is not above it: middles ascend.
    let (mut bin, mut end) = (first, last);
    while end - bin > 1 {
        let half = usize::midpoint(bin, end);
        if middle(half) > drawn {
            end = half;
        } else {
            bin = half;
        }
    }
    bin
}
