//! Bins: what a histogram tree sees of a feature.

mod cuts;
mod fill;

use serde::{Deserialize, Serialize};

use crate::data::FeatureKind;
use crate::error::{Error, Result};
use crate::numeric::choose;
use crate::options::{options, or_none};
use crate::random::Seed;

/// How features are binned.
///
/// A histogram tree sees a feature as at most 255 bins and one for missing values (NaN).
///
/// **Numbers.** Cuts ascend, and a value is in the bin whose number is that of the cuts strictly
/// below it: `v <= cut` lies left of the cut. If the sample has at most
/// [`max_bins`](Self::max_bins) distinct values, each gets a bin, and a cut lies midway between
/// neighbours. If it has more, bins hold about equal weight: a value that alone holds a bin's share
/// or more gets a bin of its own (which only takes in neighbours that are not worth half a bin),
/// and the others share the remaining bins evenly; one value is never in two bins. `-0.0` and
/// `0.0` are one value, and infinities are the outermost values. Only the order of values and their
/// weights say which values share a bin, so a strictly increasing transform changes no bin of a
/// sampled row.
///
/// **Codes.** The levels of largest weight (of equals, the lower code) get a bin each, in the order
/// of their codes. All others share one more bin: levels too rare, codes that the sample lacks,
/// values that are no code. That bin exists if the sample lacks a code or there are more levels
/// than bins, and counts as one of [`max_bins`](Self::max_bins). If it does not exist, what is no
/// code is taken for missing when new rows are predicted.
///
/// **The sample.** Bins are computed from all rows, or from
/// [`max_rows`](Self::max_rows) rows drawn without replacement if there are more. Rows of
/// weight 0 are left out.
///
/// ```
/// use stackfold::model::hist::Binning;
/// let binning = Binning::new().with_max_bins(63);
/// assert_eq!((binning.max_bins(), binning.max_rows()), (63, Some(200_000)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Binning {
    max_bins: usize,
    #[serde(with = "or_none")]
    max_rows: Option<usize>,
}

impl Default for Binning {
    fn default() -> Self {
        Self::new()
    }
}

impl Binning {
    /// At most 255 bins, computed from at most 200,000 rows.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_bins: 255,
            max_rows: Some(200_000),
        }
    }

    options! {
        /// At most so many bins a feature, the one of missing values not counted: from 2 to 255.
        with_max_bins(max_bins: usize);
        /// The most rows that bins are computed from, 2 or more: a seeded sample of them; 200,000 by
        /// default, `None` for all.
        with_max_rows(max_rows: Option<usize>);
    }

    pub(crate) fn check(&self) -> Result<()> {
        if !(2..=255).contains(&self.max_bins) {
            return Err(Error::parameter("max_bins", "from 2 to 255", self.max_bins));
        }
        if let Some(max_rows @ ..2) = self.max_rows {
            return Err(Error::parameter("max_rows", "2 or more", max_rows));
        }
        Ok(())
    }
}

/// `max_rows` of the rows, drawn without replacement, in order; `None` for all of them.
pub(crate) fn sample_rows(n_rows: usize, max_rows: Option<usize>, seed: Seed) -> Option<Vec<u32>> {
    let max_rows = max_rows.filter(|&max_rows| max_rows < n_rows)?;
    let mut sample = Vec::with_capacity(max_rows);
    let drawn = (0..).zip(choose::in_turn(n_rows, max_rows, seed.stream()));
    sample.extend(drawn.filter(|(_, is_drawn)| *is_drawn).map(|(row, _)| row));
    Some(sample)
}

/// The bins of one feature.
///
/// Value bins are numbered from 0; a missing value's number follows them, whether or not training
/// rows had one ([`FeatureBins::missing_bin`] says).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeatureBins {
    kind: BinKind,
    has_missing: bool,
}

/// What the bins of a feature are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum BinKind {
    /// Runs of numbers.
    Number {
        /// Bin `b` ends at cut `b`, that value included; the last bin ends nowhere.
        cuts: Vec<f32>,
        /// The smallest and the largest finite number of the sample, 0 if it has none.
        range: (f32, f32),
    },
    /// Sets of codes.
    Code {
        /// The bins of the codes up to the largest in the sample.
        bin_of_code: Vec<u8>,
        /// How many bins.
        n_bins: u8,
        /// The bin of any other code: one of them, or that of missing values.
        unseen: u8,
    },
    /// Runs of numbers that stand for codes, as a fitted model looks them up.
    Statistic {
        /// The feature with the codes.
        source: usize,
        /// The bins of the codes, of missing values, and of what is neither.
        bin_of_slot: Vec<u8>,
        /// How many bins.
        n_bins: u8,
    },
}

impl FeatureBins {
    /// The bins of a column.
    ///
    /// Bins are computed from the rows of the sample (all, if there is none) that have a weight
    /// above 0; whether the column has missing values, from all rows. There is a weight for each
    /// row of the column, finite and not negative.
    pub(crate) fn fit(
        feature: FeatureKind,
        column: &[f32],
        sample: Option<&[u32]>,
        weights: Option<&[f64]>,
        options: Binning,
    ) -> Self {
        let sampled = cuts::Sampled::new(column, sample, weights);
        let kind = match feature {
            FeatureKind::Number => {
                let values = sampled.distinct();
                BinKind::Number {
                    cuts: cuts::cuts(&values, options.max_bins),
                    range: cuts::finite_range(&values),
                }
            }
            FeatureKind::Code { n_codes } => {
                let is_code = |v: f32| v.is_nan() || code_of(v).is_some_and(|code| code < n_codes);
                let counts = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
                let odd = |(row, &v): (usize, &f32)| !is_code(v) && counts(row);
                code_bins(
                    &sampled.code_weights(n_codes),
                    n_codes,
                    !column.iter().enumerate().any(odd),
                    options.max_bins,
                )
            }
        };
        let bins = Self {
            kind,
            // Free of branches, and so many values at a time.
            has_missing: column.iter().fold(false, |any, v| any | v.is_nan()),
        };
        match weights {
            // What is no code, in a row of weight 0, goes where missing values do.
            Some(_) if bins.is_code() => bins.with_missing_of(column),
            _ => bins,
        }
    }

    /// The same with a bin of missing values if the column has a value that belongs there; no
    /// other bin's number changes.
    pub(crate) fn with_missing_of(self, column: &[f32]) -> Self {
        let missing = self.after_values();
        let belongs = |&x: &f32| x.is_nan() || (self.is_code() && self.bin(x) == missing);
        Self {
            has_missing: self.has_missing || column.iter().any(belongs),
            ..self
        }
    }

    /// What the bins are.
    pub(crate) fn kind(&self) -> &BinKind {
        &self.kind
    }

    /// Bins of the statistic of a code, from the statistic of each code, of missing values and of
    /// all else, in that order; `self` are the bins of the statistic.
    pub(crate) fn of_statistic(&self, source: usize, statistic: &[f32]) -> Self {
        Self {
            kind: BinKind::Statistic {
                source,
                bin_of_slot: statistic.iter().map(|&value| self.bin(value)).collect(),
                n_bins: self.after_values(),
            },
            has_missing: self.has_missing,
        }
    }

    /// Whether trees take the numbers of bins for values.
    pub(crate) fn is_code(&self) -> bool {
        !matches!(self.kind, BinKind::Number { .. })
    }

    /// Whether it is the statistic of a code.
    pub(crate) fn is_statistic(&self) -> bool {
        matches!(self.kind, BinKind::Statistic { .. })
    }

    /// The column with the values of bins that have this index.
    pub(crate) fn source(&self, index: usize) -> usize {
        match self.kind {
            BinKind::Statistic { source, .. } => source,
            _ => index,
        }
    }

    /// How many bins of values: at least one, even where no row has a value.
    pub(crate) fn n_value_bins(&self) -> usize {
        match &self.kind {
            BinKind::Number { cuts, .. } => cuts.len() + 1,
            BinKind::Code { n_bins, .. } | BinKind::Statistic { n_bins, .. } => {
                usize::from(*n_bins)
            }
        }
    }

    /// How many bins, that of missing values included if there is one.
    pub(crate) fn n_bins(&self) -> usize {
        self.n_value_bins() + usize::from(self.has_missing)
    }

    /// The bin of missing values, if a training row had one.
    pub(crate) fn missing_bin(&self) -> Option<u8> {
        self.has_missing.then(|| self.after_values())
    }

    /// The number after those of the value bins.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "there are at most 255 bins of values"
    )]
    fn after_values(&self) -> u8 {
        self.n_value_bins() as u8
    }

    /// A value's bin; for a missing value the number after those of the value bins, which is
    /// [`Self::missing_bin`] if a training row had one, and no bin's number otherwise.
    pub(crate) fn bin(&self, value: f32) -> u8 {
        if let BinKind::Statistic { bin_of_slot, .. } = &self.kind {
            return bin_of_slot[statistic_slot(value, bin_of_slot.len())];
        }
        if value.is_nan() {
            return self.after_values();
        }
        match &self.kind {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "there are at most 254 cuts"
            )]
            BinKind::Number { cuts, .. } => cuts.partition_point(|&cut| cut < value) as u8,
            BinKind::Code {
                bin_of_code,
                unseen,
                ..
            } => code_of(value)
                .and_then(|code| bin_of_code.get(code as usize).copied())
                .unwrap_or(*unseen),
            BinKind::Statistic { .. } => self.after_values(),
        }
    }

    /// Writes [`Self::bin`] of each of the column's values, or of those of the given rows, in
    /// their order.
    pub(crate) fn fill(&self, column: &[f32], rows: Option<&[u32]>, out: &mut [u8]) {
        fill::fill(self, column, rows, out);
    }

    /// The threshold after a bin of numbers: its values are not above it, and those of later bins
    /// are. Infinite after the last one.
    pub(crate) fn cut(&self, bin: u8) -> f32 {
        let cut = self.cuts().get(usize::from(bin)).copied();
        cut.unwrap_or(f32::INFINITY)
    }

    /// The thresholds after all bins of numbers but the last; none for codes.
    pub(crate) fn cuts(&self) -> &[f32] {
        match &self.kind {
            BinKind::Number { cuts, .. } => cuts,
            BinKind::Code { .. } | BinKind::Statistic { .. } => &[],
        }
    }

    /// Where a bin of numbers starts and ends: its cuts or, at either end, the smallest and the
    /// largest finite value of the sample (where that is beyond the cut). Both are finite; for
    /// codes, 0.
    pub(crate) fn edges(&self, bin: u8) -> (f32, f32) {
        let BinKind::Number { cuts, range } = &self.kind else {
            return (0.0, 0.0);
        };
        let bin = usize::from(bin);
        let cut = |bin: usize| cuts.get(bin).map(|cut| cut.max(f32::MIN));
        match (bin.checked_sub(1).and_then(cut), cut(bin)) {
            (None, None) => *range,
            (None, Some(high)) => (range.0.min(high), high),
            (Some(low), None) => (low, range.1.max(low)),
            (Some(low), Some(high)) => (low, high),
        }
    }
}

/// The place of a value among so many: codes first, then missing values, and last all else.
pub(crate) fn statistic_slot(value: f32, n_slots: usize) -> usize {
    if value.is_nan() {
        return n_slots - 2;
    }
    let code = code_of(value).map_or(usize::MAX, |code| code as usize);
    if code < n_slots - 2 {
        code
    } else {
        n_slots - 1
    }
}

/// The code that a value is.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "the value is a code if the cast loses nothing"
)]
pub(crate) fn code_of(value: f32) -> Option<u32> {
    let code = value as u32;
    (code < MOST_CODES && code as f32 == value).then_some(code)
}

/// Above this, an `f32` does not tell every whole number from the next.
const MOST_CODES: u32 = 1 << 24;

/// Bins of codes, from the weight of each code up to the largest in the sample.
#[allow(
    clippy::cast_possible_truncation,
    reason = "there are at most 255 bins, and codes are u32"
)]
fn code_bins(weights: &[f64], n_codes: u32, only_codes: bool, max_bins: usize) -> BinKind {
    let mut levels: Vec<u32> = (0..weights.len() as u32)
        .filter(|&code| weights[code as usize] > 0.0)
        .collect();
    let all_seen = only_codes && levels.len() == n_codes as usize;
    let has_other = !all_seen || levels.len() > max_bins;
    let n_own = levels.len().min(max_bins - usize::from(has_other));
    if n_own < levels.len() {
        let weight = |code: u32| weights[code as usize];
        levels.select_nth_unstable_by(n_own, |&a, &b| {
            weight(b).total_cmp(&weight(a)).then(a.cmp(&b))
        });
        levels.truncate(n_own);
        levels.sort_unstable();
    }
    let n_bins = (n_own + usize::from(has_other)).max(1) as u8;
    let unseen = if has_other { n_own as u8 } else { n_bins };
    let mut bin_of_code = vec![unseen; weights.len()];
    for (bin, &code) in (0..).zip(&levels) {
        bin_of_code[code as usize] = bin;
    }
    BinKind::Code {
        bin_of_code,
        n_bins,
        unseen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn fit(feature: FeatureKind, column: &[f32]) -> FeatureBins {
        FeatureBins::fit(feature, column, None, None, Binning::new())
    }

    pub(super) fn number(column: &[f32]) -> FeatureBins {
        fit(FeatureKind::Number, column)
    }

    fn code(n_codes: u32, column: &[f32], max_bins: usize) -> FeatureBins {
        let options = Binning::new().with_max_bins(max_bins);
        FeatureBins::fit(FeatureKind::Code { n_codes }, column, None, None, options)
    }

    /// Draws from 0 to 1.
    #[allow(clippy::cast_possible_truncation, reason = "an f32 is wanted")]
    pub(super) fn noise(n: u64) -> impl Iterator<Item = f32> {
        (0..n).map(|i| Seed::new(5).uniform(i) as f32)
    }

    fn bins_of(bins: &FeatureBins, values: &[f32]) -> Vec<u8> {
        values.iter().map(|&v| bins.bin(v)).collect()
    }

    #[test]
    fn options_outside_their_domain_are_refused() {
        assert!(Binning::new().check().is_ok());
        assert!(
            Binning::new()
                .with_max_bins(2)
                .with_max_rows(Some(2))
                .check()
                .is_ok()
        );
        for (options, message) in [
            (
                Binning::new().with_max_bins(1),
                "max_bins must be from 2 to 255, not 1",
            ),
            (
                Binning::new().with_max_bins(256),
                "max_bins must be from 2 to 255, not 256",
            ),
            (
                Binning::new().with_max_rows(Some(1)),
                "max_rows must be 2 or more, not 1",
            ),
        ] {
            assert_eq!(options.check().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_sample_is_a_sorted_subset_of_its_size() {
        assert_eq!(sample_rows(10, Some(10), Seed::new(1)), None);
        let mut times = [0; 20];
        for seed in 0..2000 {
            let rows = sample_rows(20, Some(5), Seed::new(seed)).unwrap();
            assert_eq!(rows.len(), 5);
            assert!(rows.is_sorted_by(|a, b| a < b));
            for row in rows {
                times[row as usize] += 1;
            }
        }
        // Each row is expected 500 times, with a standard deviation of 19.
        assert!(times.iter().all(|n| (400..600).contains(n)), "{times:?}");
    }

    #[test]
    fn few_values_have_a_bin_each() {
        let bins = number(&[3.0, 1.0, 1.0, 7.0, 3.0]);
        assert_eq!(bins.cuts(), [2.0, 5.0]);
        assert_eq!(
            (bins.n_value_bins(), bins.n_bins(), bins.missing_bin()),
            (3, 3, None)
        );
        assert_eq!(
            bins_of(&bins, &[0.0, 1.0, 2.0, 2.1, 5.0, 6.0, 9.0]),
            [0, 0, 0, 1, 1, 2, 2]
        );
        assert_eq!(
            (bins.cut(0), bins.cut(1), bins.cut(2)),
            (2.0, 5.0, f32::INFINITY)
        );
        assert_eq!(
            [0, 1, 2].map(|b| bins.edges(b)),
            [(1.0, 2.0), (2.0, 5.0), (5.0, 7.0)]
        );
    }

    #[test]
    fn a_missing_value_comes_after_all_others() {
        let bins = number(&[1.0, f32::NAN, 2.0]);
        assert_eq!(
            (bins.n_value_bins(), bins.n_bins(), bins.missing_bin()),
            (2, 3, Some(2))
        );
        assert_eq!(bins.bin(f32::NAN), 2);
        assert_eq!(number(&[1.0, 2.0]).bin(f32::NAN), 2);
        // A row outside the sample, and one of weight 0, count where missing values do.
        let options = Binning::new();
        let (column, rows, weights) = ([1.0, f32::NAN, 5.0, 2.0], [0, 3], [1.0, 0.0, 1.0, 1.0]);
        for (rows, weights) in [(Some(&rows[..]), None), (None, Some(&weights[..]))] {
            let kind = FeatureKind::Number;
            let bins = FeatureBins::fit(kind, &column, rows, weights, options);
            assert!(bins.missing_bin().is_some());
            assert_eq!(bins.cuts()[..1], [1.5]);
            assert_eq!(bins.n_value_bins(), if rows.is_some() { 2 } else { 3 });
        }
    }

    #[test]
    fn columns_without_two_values_have_one_bin() {
        let nothing = number(&[f32::NAN; 3]);
        assert_eq!(
            (nothing.n_value_bins(), nothing.missing_bin()),
            (1, Some(1))
        );
        assert_eq!((nothing.bin(4.0), nothing.edges(0)), (0, (0.0, 0.0)));
        assert_eq!((number(&[]).n_bins(), number(&[]).bin(1.0)), (1, 0));
        let constant = number(&[4.0; 3]);
        assert_eq!((constant.n_bins(), constant.edges(0)), (1, (4.0, 4.0)));
        assert_eq!(bins_of(&constant, &[-1.0, 4.0, f32::INFINITY]), [0, 0, 0]);
    }

    #[test]
    fn infinities_are_the_outermost_values_and_both_zeros_are_one() {
        let (low, high) = (f32::NEG_INFINITY, f32::INFINITY);
        let bins = number(&[high, -0.0, 0.0, low, 3.0]);
        assert_eq!(
            bins_of(&bins, &[low, -0.0, 0.0, 3.0, high]),
            [0, 1, 1, 2, 3]
        );
        assert!(bins.cuts().iter().all(|cut| cut.is_finite()));
        let edges: Vec<(f32, f32)> = (0..4).map(|bin| bins.edges(bin)).collect();
        assert_eq!((edges[1].1, edges[2].0), (1.5, 1.5));
        assert!(
            edges
                .iter()
                .all(|(a, b)| a <= b && a.is_finite() && b.is_finite())
        );
        for column in [
            [low, high],
            [f32::MIN, high],
            [low, f32::MIN],
            [f32::MAX, high],
            [-0.0, 1.0],
        ] {
            assert_eq!(bins_of(&number(&column), &column), [0, 1], "{column:?}");
        }
        assert_eq!(number(&[-0.0, 0.0, 0.5]).cuts(), [0.25]);
    }

    #[test]
    fn adjacent_and_far_numbers_are_told_apart() {
        for a in [1.0_f32, -1.0, 0.0, 1e-45, -1e-45, 3e38, -3e38, 16_777_216.0] {
            let column = [a.next_down(), a, a.next_up()];
            assert_eq!(bins_of(&number(&column), &column), [0, 1, 2], "{a}");
        }
        assert_eq!(number(&[-3e38, 3e38]).cuts(), [0.0]);
        assert_eq!(number(&[2e38, 3e38]).cuts(), [2.5e38]);
    }

    #[test]
    fn frequent_codes_have_a_bin_each_in_the_order_of_codes() {
        let column = [4.0, 0.0, 4.0, 2.0, 0.0, 4.0, 3.0, 2.0, 1.0];
        let bins = code(5, &column, 4);
        // 4 is met three times, 0 and 2 twice; 1 and 3 share the last bin.
        assert_eq!(bins_of(&bins, &[0.0, 1.0, 2.0, 3.0, 4.0]), [0, 3, 1, 3, 2]);
        assert_eq!(
            (bins.n_bins(), bins.cuts().len(), bins.cut(0)),
            (4, 0, f32::INFINITY)
        );
        let no_code = [5.0, -1.0, 0.5, 1e20, f32::INFINITY];
        assert_eq!(bins_of(&bins, &no_code), [3; 5]);
        assert_eq!(bins.bin(f32::NAN), 4);
        // Of 0 and 2, which are met as often, the lower one has a bin of its own.
        assert_eq!(
            bins_of(&code(5, &column, 3), &[0.0, 1.0, 2.0, 3.0, 4.0]),
            [0, 2, 2, 2, 1]
        );
        // Weights decide what is frequent.
        let weights = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 9.0, 1.0, 9.0];
        let kind = FeatureKind::Code { n_codes: 5 };
        let options = Binning::new().with_max_bins(3);
        let bins = FeatureBins::fit(kind, &column, None, Some(&weights), options);
        assert_eq!(bins_of(&bins, &[0.0, 1.0, 2.0, 3.0, 4.0]), [2, 0, 2, 1, 2]);
    }

    #[test]
    fn codes_that_training_lacks_share_a_bin_or_are_missing() {
        let all = [1.0, 0.0, 2.0, -0.0];
        let (full, gap) = (code(3, &all, 3), code(4, &all, 4));
        assert_eq!((full.n_bins(), gap.n_bins()), (3, 4));
        assert_eq!(
            bins_of(&full, &[0.0, 1.0, 2.0, 3.0, -1.0, f32::NAN]),
            [0, 1, 2, 3, 3, 3]
        );
        assert_eq!(
            bins_of(&gap, &[0.0, 1.0, 2.0, 3.0, -1.0, f32::NAN]),
            [0, 1, 2, 3, 3, 4]
        );
        // There is no room for all three and the one that training lacks.
        assert_eq!(
            bins_of(&code(4, &all, 3), &[0.0, 1.0, 2.0, 3.0]),
            [0, 1, 2, 2]
        );
        // What is no code in a training row has the shared bin.
        let odd = code(3, &[1.0, 0.0, 2.0, 7.5], 255);
        assert_eq!(
            (odd.n_bins(), odd.missing_bin(), odd.bin(7.5)),
            (4, None, 3)
        );
        assert_eq!(
            (code(0, &[f32::NAN], 2).n_bins(), code(0, &[], 2).n_bins()),
            (2, 1)
        );
        assert_eq!(
            bins_of(&code(u32::MAX, &[1.0, 4e9], 9), &[1.0, 4e9, 0.0]),
            [0, 1, 1]
        );
    }

    #[test]
    fn a_hundred_thousand_codes_are_binned() {
        let n_codes = 100_000_u32;
        let mut column: Vec<f32> = (0..n_codes).map(|code| code as f32).collect();
        column.extend((0..254).flat_map(|i| [i as f32 * 300.0 + 7.0; 2]));
        let bins = code(n_codes, &column, 255);
        assert_eq!(bins.n_bins(), 255);
        for i in 0..254_u8 {
            assert_eq!(bins.bin(f32::from(i) * 300.0 + 7.0), i);
        }
        assert_eq!((bins.bin(0.0), bins.bin(99_999.0)), (254, 254));
    }
}
