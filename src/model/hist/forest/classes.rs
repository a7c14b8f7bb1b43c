//! More than two classes: rows are put in the order of a feature's bins, and pass one by one from
//! the right side to the left one, whatever the number of classes.

use super::super::binned::{Binned, N_SLOTS};
use super::super::histogram::Sums;
use super::super::split::{Criteria, Split, draw_cut};
use super::cut::Sides;
use super::grow::{Bytes, Found, Statistic};
use crate::random::Seed;

/// A row: its class, and its weight as a whole number.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) class: u32,
    pub(super) weight: u32,
}

/// The targets of all rows of a tree.
#[derive(Debug)]
pub(super) struct Classes<'a> {
    binned: &'a Binned,
    criteria: &'a Criteria,
    /// By row of the table.
    targets: Vec<Row>,
    seed: Seed,
    /// Of the node's rows, in their order.
    rows: Vec<Row>,
    bytes: Vec<Bytes>,
    total: Side,
    left: Side,
    right: Side,
    /// The node's rows by bin, and where each bin starts.
    sorted: Vec<Row>,
    starts: Vec<Run>,
}

/// The rows of one bin: where they start in the sorted ones.
#[derive(Debug, Clone, Copy)]
struct Run {
    bin: usize,
    start: usize,
    end: usize,
}

/// The weight of each class on one side of a split. Whole numbers: the same in any order of rows.
#[derive(Debug, Clone, Default)]
struct Side {
    classes: Vec<i64>,
    weight: i64,
    /// The sum of the classes' squared weights.
    squares: i64,
    count: usize,
}

impl Side {
    fn clear(&mut self, n_classes: usize) {
        self.classes.clear();
        self.classes.resize(n_classes, 0);
        (self.weight, self.squares, self.count) = (0, 0, 0);
    }

    fn copy(&mut self, other: &Self) {
        self.classes.clone_from(&other.classes);
        (self.weight, self.squares, self.count) = (other.weight, other.squares, other.count);
    }

    #[inline]
    fn add(&mut self, row: Row) {
        let (class, weight) = (&mut self.classes[row.class as usize], i64::from(row.weight));
        self.squares += weight * (2 * *class + weight);
        *class += weight;
        self.weight += weight;
        self.count += 1;
    }

    #[inline]
    fn remove(&mut self, row: Row) {
        let (class, weight) = (&mut self.classes[row.class as usize], i64::from(row.weight));
        self.squares -= weight * (2 * *class - weight);
        *class -= weight;
        self.weight -= weight;
        self.count -= 1;
    }

    fn worth(&self) -> f64 {
        if self.weight > 0 {
            self.squares as f64 / self.weight as f64
        } else {
            0.0
        }
    }

    fn sums(&self) -> Sums {
        Sums {
            gradient: 0.0,
            hessian: self.weight as f64,
            count: self.count as f64,
        }
    }
}

/// A cut of the runs in some order.
#[derive(Debug, Clone, Copy)]
struct Cut {
    sides: Sides,
    n_left: usize,
    missing_left: bool,
}

impl<'a> Classes<'a> {
    pub(super) fn new(
        binned: &'a Binned,
        criteria: &'a Criteria,
        n_classes: usize,
        targets: Vec<Row>,
    ) -> Self {
        let mut side = Side::default();
        side.clear(n_classes);
        Self {
            binned,
            criteria,
            targets,
            seed: Seed::default(),
            rows: Vec::new(),
            bytes: Vec::new(),
            total: side.clone(),
            left: side.clone(),
            right: side,
            sorted: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Puts the node's rows in the order of their bins (those of one bin stay in their order).
    fn sort(&mut self, place: usize, feature: usize) {
        let at = self.binned.place(feature);
        let is_shared = self.binned.stores()[at.store].features.len() > 1;
        let bin = |bytes: &Bytes| {
            let byte = bytes[place];
            if is_shared {
                at.bin(byte)
            } else {
                usize::from(byte)
            }
        };
        let mut ends = [0_u32; N_SLOTS];
        for bytes in &self.bytes {
            ends[bin(bytes)] += 1;
        }
        self.starts.clear();
        let mut end = 0;
        for (bin, n) in ends.iter_mut().enumerate() {
            if *n > 0 {
                let start = end;
                end += *n as usize;
                self.starts.push(Run { bin, start, end });
                // Where the bin's next row goes.
                *n = u32::try_from(start).unwrap_or(0);
            }
        }
        self.sorted.resize(self.rows.len(), Row::default());
        for (bytes, &row) in self.bytes.iter().zip(&self.rows) {
            let to = &mut ends[bin(bytes)];
            self.sorted[*to as usize] = row;
            *to += 1;
        }
    }

    fn start_sides(&mut self) {
        self.left.clear(self.total.classes.len());
        self.right.copy(&self.total);
    }

    fn move_left(&mut self, run: Run) {
        for &row in &self.sorted[run.start..run.end] {
            self.left.add(row);
            self.right.remove(row);
        }
    }

    /// What the sides are worth as they are, if they may be.
    fn cut(&self, n_left: usize) -> Option<Cut> {
        let enough = self.left.count.min(self.right.count) as f64 >= self.criteria.min_count
            && self.left.weight.min(self.right.weight) > 0;
        enough.then(|| Cut {
            sides: Sides {
                worth: self.left.worth() + self.right.worth(),
                left: self.left.sums(),
                right: self.right.sums(),
            },
            n_left,
            missing_left: false,
        })
    }

    /// The best cut after one of the first `n_cuts` of these runs.
    fn scan(&mut self, runs: &[Run], best: &mut Option<Cut>, missing_left: bool) {
        for (i, &run) in runs.iter().enumerate() {
            self.move_left(run);
            if let Some(cut) = self.cut(i + 1)
                && best.is_none_or(|best| cut.sides.worth > best.sides.worth)
            {
                *best = Some(Cut {
                    missing_left,
                    ..cut
                });
            }
        }
    }

    fn numbers(&mut self, feature: usize, runs: &[Run]) -> Option<Split> {
        let bins = self.binned.bins(feature);
        let n_values = bins.n_value_bins();
        let (values, missing) = match runs.split_last() {
            Some((&last, values)) if last.bin >= n_values => (values, Some(last)),
            _ => (runs, None),
        };
        let mut best = None;
        let random = self.criteria.random;
        let mut try_cuts = |statistic: &mut Self, cuts: std::ops::Range<usize>, missing_left| {
            for &run in &values[..cuts.start] {
                statistic.move_left(run);
            }
            let mut found = None;
            statistic.scan(&values[cuts.clone()], &mut found, missing_left);
            if let Some(found) = found
                && best.is_none_or(|best: Cut| found.sides.worth > best.sides.worth)
            {
                let n_left = found.n_left + cuts.start;
                best = Some(Cut { n_left, ..found });
            }
        };
        let drawn = match values {
            [] => return None,
            [_] => 1,
            [first, .., last] => {
                let u = self.seed.at(feature).uniform(0);
                let bin = draw_cut(bins, first.bin, last.bin, u);
                values.partition_point(|run| run.bin <= bin)
            }
        };
        // All values are on the left only where missing ones are alone on the right.
        let n_cuts = values.len() - usize::from(missing.is_none());
        self.start_sides();
        let cuts = if random { drawn - 1..drawn } else { 0..n_cuts };
        try_cuts(self, cuts, false);
        if let Some(missing) = missing {
            self.start_sides();
            self.move_left(missing);
            let cuts = if random {
                drawn - 1..drawn
            } else {
                0..values.len() - 1
            };
            try_cuts(self, cuts, true);
        }
        let best = best?;
        let last_left = match values.get(best.n_left) {
            // Between the bins on either side: no row of the node says where.
            Some(next) if !random => usize::midpoint(values[best.n_left - 1].bin, next.bin - 1),
            Some(_) => values[best.n_left - 1].bin,
            None => n_values - 1,
        };
        let missing_left = missing.map(|_| best.missing_left);
        Some(best.sides.ordered(feature, bins, last_left, missing_left))
    }

    /// Levels in the order of the share that the node's largest class has of them are cut in two.
    fn codes(&mut self, feature: usize, runs: &[Run]) -> Option<Split> {
        let largest = (0_u32..)
            .zip(&self.total.classes)
            .max_by_key(|&(class, &weight)| (weight, std::cmp::Reverse(class)))
            .map_or(0, |(class, _)| class);
        let share = |run: &Run| {
            let rows = &self.sorted[run.start..run.end];
            let weight: u64 = rows.iter().map(|row| u64::from(row.weight)).sum();
            let of_largest = rows.iter().filter(|row| row.class == largest);
            let of_largest: u64 = of_largest.map(|row| u64::from(row.weight)).sum();
            of_largest as f64 / weight.max(1) as f64
        };
        let mut levels: Vec<(f64, Run)> = runs.iter().map(|run| (share(run), *run)).collect();
        levels.sort_by(|(a, a_run), (b, b_run)| a.total_cmp(b).then(a_run.bin.cmp(&b_run.bin)));
        let levels: Vec<Run> = levels.into_iter().map(|(_, run)| run).collect();
        let n_cuts = levels.len() - 1;
        let mut best = None;
        self.start_sides();
        if self.criteria.random {
            let n_left = 1 + self.seed.at(feature).stream().below(n_cuts);
            for &run in &levels[..n_left] {
                self.move_left(run);
            }
            best = self.cut(n_left);
        } else {
            self.scan(&levels[..n_cuts], &mut best, false);
        }
        let best = best?;
        let bins = self.binned.bins(feature);
        let missing = bins.missing_bin().map(usize::from);
        let has_missing = levels.iter().any(|run| Some(run.bin) == missing);
        let left = levels[..best.n_left].iter().map(|run| run.bin);
        Some(best.sides.levels(feature, bins, left, has_missing))
    }
}

impl Statistic for Classes<'_> {
    fn start(&mut self, rows: &[u32], seed: Seed) -> bool {
        self.total.clear(self.total.classes.len());
        self.rows.clear();
        for &row in rows {
            let row = self.targets[row as usize];
            self.total.add(row);
            self.rows.push(row);
        }
        self.seed = seed;
        self.bytes.clear();
        self.total
            .classes
            .iter()
            .filter(|&&weight| weight > 0)
            .count()
            > 1
    }

    fn count(&mut self, first: usize, bytes: &[Bytes], _n: usize) {
        self.bytes.truncate(first);
        self.bytes.extend_from_slice(bytes);
    }

    fn finish(&mut self, place: usize, feature: usize) -> Found {
        self.sort(place, feature);
        if self.starts.len() < 2 {
            return Found::Constant;
        }
        let runs = std::mem::take(&mut self.starts);
        let split = if self.binned.bins(feature).is_code() {
            self.codes(feature, &runs)
        } else {
            self.numbers(feature, &runs)
        };
        self.starts = runs;
        let Some(split) = split else {
            return Found::Nothing;
        };
        let gain = split.gain - self.total.worth();
        if gain > 0.0 && gain >= self.criteria.min_gain {
            Found::Split(Split { gain, ..split })
        } else {
            Found::Nothing
        }
    }
}
