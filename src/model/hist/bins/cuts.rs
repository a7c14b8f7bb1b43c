//! Where the bins of a number end.

use super::{MOST_CODES, code_of};

/// Whole numbers are counted, not sorted, if they span no more than this.
const WIDEST_COUNTED: f32 = 65_536.0;

/// The values that bins are computed from, and their weights.
pub(super) struct Sampled {
    values: Vec<f32>,
    /// One a value; each is 1 if there is none.
    weights: Option<Vec<f64>>,
}

impl Sampled {
    /// The values of the sample that are not missing and have a weight above 0.
    pub(super) fn new(column: &[f32], rows: Option<&[u32]>, weights: Option<&[f64]>) -> Self {
        if let Some(weights) = weights {
            let pair = |row: usize| (column[row], weights[row]);
            let counts = |&(value, weight): &(f32, f64)| !value.is_nan() && weight > 0.0;
            let (values, weights) = match rows {
                None => (0..column.len()).map(pair).filter(counts).unzip(),
                Some(rows) => rows
                    .iter()
                    .map(|&row| pair(row as usize))
                    .filter(counts)
                    .unzip(),
            };
            return Self {
                values,
                weights: Some(weights),
            };
        }
        let mut values = match rows {
            None => column.to_vec(),
            Some(rows) => rows.iter().map(|&row| column[row as usize]).collect(),
        };
        values.retain(|v| !v.is_nan());
        Self {
            values,
            weights: None,
        }
    }

    /// The distinct values in ascending order, each with its weight.
    pub(super) fn distinct(&self) -> Vec<(f32, f64)> {
        match whole_range(&self.values) {
            Some((low, high)) => self.counted(low, high),
            None => self.sorted(),
        }
    }

    /// The weight of each code below `n_codes`, up to the largest that there is.
    pub(super) fn code_weights(&self, n_codes: u32) -> Vec<f64> {
        let n_codes = n_codes.min(MOST_CODES);
        let codes = || self.values.iter().map(|&v| code_of(v));
        let largest = codes().flatten().filter(|&code| code < n_codes).max();
        let mut sums = vec![0.0; largest.map_or(0, |code| code as usize + 1)];
        for (i, code) in codes().enumerate() {
            if let Some(sum) = code.and_then(|code| sums.get_mut(code as usize)) {
                *sum += self.weights.as_ref().map_or(1.0, |weights| weights[i]);
            }
        }
        sums
    }

    /// For whole numbers within `low..=high`.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 0 to the span"
    )]
    fn counted(&self, low: f32, high: f32) -> Vec<(f32, f64)> {
        let n = (high - low) as usize + 1;
        let place = |v: f32| (v - low) as usize;
        let sums: Vec<f64> = if let Some(weights) = &self.weights {
            let mut sums = vec![0.0; n];
            for (&v, w) in self.values.iter().zip(weights) {
                sums[place(v)] += w;
            }
            sums
        } else {
            // Two counts in turn: a run of one value does not wait for itself.
            let (mut even, mut odd) = (vec![0_u32; n], vec![0_u32; n]);
            let (pairs, rest) = self.values.as_chunks::<2>();
            for &[a, b] in pairs {
                even[place(a)] += 1;
                odd[place(b)] += 1;
            }
            for &v in rest {
                even[place(v)] += 1;
            }
            let both = even.iter().zip(&odd);
            both.map(|(a, b)| f64::from(a + b)).collect()
        };
        let values = sums.into_iter().enumerate();
        values
            .filter(|&(_, weight)| weight > 0.0)
            .map(|(i, weight)| (low + i as f32, weight))
            .collect()
    }

    #[allow(clippy::cast_possible_truncation, reason = "the halves of a pair")]
    fn sorted(&self) -> Vec<(f32, f64)> {
        let keys = self.values.iter().map(|&v| key_of(v));
        if let Some(weights) = &self.weights {
            // Equal values stay in the order of their rows, so that sums have one order.
            let mut pairs: Vec<u64> = (0_u64..)
                .zip(keys)
                .map(|(i, key)| u64::from(key) << 32 | i)
                .collect();
            pairs.sort_unstable();
            let weighted = pairs.iter().map(|&pair| {
                let weight = weights[(pair & u64::from(u32::MAX)) as usize];
                ((pair >> 32) as u32, weight)
            });
            runs(weighted)
        } else {
            let mut keys: Vec<u32> = keys.collect();
            keys.sort_unstable();
            runs(keys.into_iter().map(|key| (key, 1.0)))
        }
    }
}

/// The smallest and the largest value if all are whole numbers that span little.
fn whole_range(values: &[f32]) -> Option<(f32, f32)> {
    /// Added to a number and taken away again, it leaves whole numbers as they are and no others.
    const ROUNDER: f32 = 12_582_912.0;
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for chunk in values.chunks(1024) {
        let mut whole = true;
        for &v in chunk {
            #[allow(clippy::float_cmp, reason = "equality is what is asked for")]
            let is_whole = (v + ROUNDER) - ROUNDER == v;
            whole &= is_whole;
            low = if v < low { v } else { low };
            high = if v > high { v } else { high };
        }
        if !whole || high - low > WIDEST_COUNTED {
            return None;
        }
    }
    // An infinite span is not below anything, nor is that of infinities (NaN) or of no values.
    (high - low <= WIDEST_COUNTED && low <= high).then_some((low + 0.0, high))
}

/// A number that ascends with the value; the same for both zeros.
fn key_of(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

fn value_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 {
        key & !(1 << 31)
    } else {
        !key
    })
}

/// The distinct keys' values and the sums of their weights.
fn runs(weighted: impl Iterator<Item = (u32, f64)>) -> Vec<(f32, f64)> {
    let mut found: Vec<(f32, f64)> = Vec::new();
    let mut last = None;
    for (key, weight) in weighted {
        match found.last_mut() {
            Some((_, sum)) if last == Some(key) => *sum += weight,
            _ => found.push((value_of(key), weight)),
        }
        last = Some(key);
    }
    found
}

/// The smallest and the largest finite value, 0 if there is none.
pub(super) fn finite_range(values: &[(f32, f64)]) -> (f32, f32) {
    let mut finite = values.iter().map(|&(v, _)| v).filter(|v| v.is_finite());
    let low = finite.next().unwrap_or(0.0);
    (low, finite.next_back().unwrap_or(low))
}

/// Cuts between distinct values in ascending order, which have weights above 0.
pub(super) fn cuts(values: &[(f32, f64)], max_bins: usize) -> Vec<f32> {
    if values.len() <= max_bins {
        return values.array_windows().map(|[a, b]| cut(a.0, b.0)).collect();
    }
    let (share, n_light) = light_share(values, max_bins);
    let is_light = |value: &(f32, f64)| value.1 < share;
    let mut cuts = Vec::with_capacity(max_bins);
    // Light values between heavy ones get the bins that the light weight up to them is worth.
    let (mut light, mut n_given, mut end) = (0.0, 0, 0);
    for run in values.chunk_by(|a, b| is_light(a) && is_light(b)) {
        let mut n_bins = 1;
        if is_light(&run[0]) {
            let weight = run.iter().map(|v| v.1).sum();
            light += weight;
            let n_due = rounded(light / share).min(n_light);
            n_bins = n_due - n_given;
            n_given = n_due;
            split(run, weight, n_bins, &mut cuts);
        }
        end += run.len();
        // Those that get none go with the heavy value after them, or before them at the end.
        match values.get(end) {
            Some(next) if n_bins > 0 => cuts.push(cut(values[end - 1].0, next.0)),
            None if n_bins == 0 => drop(cuts.pop()),
            _ => {}
        }
    }
    // Where a bin's share rounds to nothing, all values are heavy.
    cuts.truncate(max_bins - 1);
    cuts
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most a number of bins, up to rounding"
)]
fn rounded(bins: f64) -> usize {
    bins.round() as usize
}

/// Cuts a run of values of this weight into bins, each of which ends where the weight up to it
/// comes nearest to a multiple of a bin's share.
fn split(run: &[(f32, f64)], weight: f64, n_bins: usize, cuts: &mut Vec<f32>) {
    let share = weight / n_bins as f64;
    let (mut passed, mut n_left, mut goal) = (0.0, n_bins, share);
    for [a, b] in run.array_windows() {
        passed += a.1;
        if n_left > 1 && passed + b.1 / 2.0 >= goal {
            cuts.push(cut(a.0, b.0));
            goal += share;
            n_left -= 1;
        }
    }
}

/// The share of weight of each bin, and how many bins, that are left for light values: heavy ones
/// hold by themselves the share of a bin, or more, of what other heavy ones leave.
fn light_share(values: &[(f32, f64)], max_bins: usize) -> (f64, usize) {
    let (mut share, mut n_heavy) = (f64::INFINITY, 0);
    loop {
        let light = values.iter().map(|v| v.1).filter(|&w| w < share);
        let bins = max_bins.saturating_sub(n_heavy).max(1);
        share = light.sum::<f64>() / bins as f64;
        let found = values.iter().filter(|v| v.1 >= share).count();
        if found == n_heavy {
            return (share, bins);
        }
        n_heavy = found;
    }
}

/// A threshold between two neighbours: not below `a`, and below `b`.
fn cut(a: f32, b: f32) -> f32 {
    let middle = a.max(f32::MIN).midpoint(b.min(f32::MAX));
    if a <= middle && middle < b { middle } else { a }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, number};
    use super::super::{Binning, FeatureBins};
    use super::*;
    use crate::data::FeatureKind;

    fn fit(column: &[f32], weights: Option<&[f64]>, max_bins: usize) -> FeatureBins {
        let options = Binning::new().with_max_bins(max_bins);
        FeatureBins::fit(FeatureKind::Number, column, None, weights, options)
    }

    /// The weight of each bin.
    fn bin_weights(bins: &FeatureBins, values: &[(f32, f64)]) -> Vec<f64> {
        let mut sums = vec![0.0; bins.n_value_bins()];
        for &(value, weight) in values {
            sums[usize::from(bins.bin(value))] += weight;
        }
        sums
    }

    fn unit(values: &[f32]) -> Vec<(f32, f64)> {
        values.iter().map(|&v| (v, 1.0)).collect()
    }

    #[test]
    fn bins_of_many_values_weigh_the_same() {
        for (n, max_bins) in [
            (10_000, 255),
            (10_000, 2),
            (1000, 7),
            (300, 255),
            (256, 255),
        ] {
            let column: Vec<f32> = noise(n).map(|u| u.powi(3)).collect();
            let bins = fit(&column, None, max_bins);
            assert_eq!(bins.n_value_bins(), max_bins);
            assert!(bins.cuts().is_sorted_by(|a, b| a < b));
            let share = n as f64 / max_bins as f64;
            for weight in bin_weights(&bins, &unit(&column)) {
                assert!((weight - share).abs() <= 1.0, "{weight} of {share}");
            }
        }
    }

    #[test]
    fn a_heavy_value_has_a_bin_of_its_own() {
        // Half of the rows are 0.5; others are spread, on both sides of it.
        let mut column: Vec<f32> = noise(1000).collect();
        column.extend([0.5; 1000]);
        let bins = fit(&column, None, 11);
        let weights = bin_weights(&bins, &unit(&column));
        assert_eq!(weights.len(), 11);
        assert!((weights[usize::from(bins.bin(0.5))] - 1000.0).abs() < 1e-9);
        let light = weights.iter().filter(|&&w| w < 1000.0);
        assert!(
            light.into_iter().all(|w| (80.0..125.0).contains(w)),
            "{weights:?}"
        );
    }

    /// Values that are heavy once heavier ones are taken out, with dust between them.
    #[test]
    fn there_are_never_too_many_bins() {
        for max_bins in [2, 3, 10, 60, 100, 199, 255] {
            for base in [1.0_f64, 1.3, 2.0, 10.0] {
                let values: Vec<(f32, f64)> = (0..400_u16)
                    .map(|i| {
                        (
                            f32::from(i),
                            if i % 2 == 0 {
                                base.powi(i32::from(i) / 4)
                            } else {
                                1e-3
                            },
                        )
                    })
                    .collect();
                let (column, weights): (Vec<f32>, Vec<f64>) = values.iter().copied().unzip();
                let bins = fit(&column, Some(&weights), max_bins);
                assert!(bins.cuts().is_sorted_by(|a, b| a < b));
                assert!((2..=max_bins).contains(&bins.n_value_bins()));
                assert!(bin_weights(&bins, &values).iter().all(|&w| w > 0.0));
                // Weights that vanish beside others, or beside one.
                let tiny: Vec<f64> = weights.iter().map(|w| w.min(1.0) * 5e-324).collect();
                assert!(fit(&column, Some(&tiny), max_bins).n_value_bins() <= max_bins);
            }
        }
    }

    #[test]
    fn weights_are_repetitions() {
        for scale in [1.0, 0.37] {
            let column: Vec<f32> = noise(3000).map(|u| (u * 900.0).floor() * scale).collect();
            let times: Vec<u8> = (0..3000).map(|i| [0, 1, 2, 5][i % 4]).collect();
            let weights: Vec<f64> = times.iter().map(|&n| f64::from(n)).collect();
            let repeated: Vec<f32> = (column.iter().zip(&times))
                .flat_map(|(&v, &n)| std::iter::repeat_n(v, n.into()))
                .collect();
            for max_bins in [2, 20, 255] {
                assert_eq!(
                    fit(&column, Some(&weights), max_bins),
                    fit(&repeated, None, max_bins)
                );
            }
        }
        assert_eq!(fit(&[1.0, 2.0], Some(&[0.0, 0.0]), 9).n_bins(), 1);
    }

    #[test]
    fn a_strictly_increasing_transform_keeps_bins() {
        let column: Vec<f32> = noise(5000).map(|u| (u * 3000.0).floor() - 1000.0).collect();
        let rows_of = |column: &[f32], max_bins| {
            let bins = fit(column, None, max_bins);
            column.iter().map(|&v| bins.bin(v)).collect::<Vec<u8>>()
        };
        for max_bins in [2, 17, 255] {
            let expected = rows_of(&column, max_bins);
            let transforms: [fn(f32) -> f32; 4] = [
                |v| v / 3.0,
                |v| v * v * v,
                |v| v - 5e5,
                |v| (v / 100.0).exp(),
            ];
            for transform in transforms {
                let transformed: Vec<f32> = column.iter().map(|&v| transform(v)).collect();
                assert_eq!(rows_of(&transformed, max_bins), expected);
            }
        }
    }

    #[test]
    fn row_order_changes_nothing() {
        for scale in [1.0, 0.37] {
            let mut column: Vec<f32> = noise(2000).map(|u| (u * 700.0).floor() * scale).collect();
            let bins = number(&column);
            column.reverse();
            assert_eq!(number(&column), bins);
        }
    }

    /// Counting and sorting see the same values, however these are written.
    #[test]
    fn counted_values_are_sorted_values() {
        for shift in [0.0, -3.0, 4_194_303.0, -1e9, 1e20] {
            let mut values: Vec<f32> = noise(500)
                .map(|u| (u * 40.0).floor() * 64.0 + shift)
                .collect();
            let weights = Some(noise(500).map(f64::from).collect());
            for weights in [None, weights] {
                let sampled = Sampled { values, weights };
                assert_eq!(sampled.distinct(), sampled.sorted());
                let Sampled { values: again, .. } = sampled;
                values = again;
            }
        }
        assert_eq!(whole_range(&[4_194_304.5, 4_194_305.0]), None);
        assert_eq!(whole_range(&[0.0, 65_537.0]), None);
        assert_eq!(whole_range(&[f32::INFINITY]), None);
        assert_eq!(whole_range(&[]), None);
        assert_eq!(whole_range(&[2.0, -3.0]), Some((-3.0, 2.0)));
    }
}
