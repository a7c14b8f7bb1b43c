//! Weight, mean and spread of values: the one place where they are computed, and merged.

/// Weight, mean and spread of values.
///
/// There is a constructor for each shape in which values lie. They add up in different orders, and
/// [`Moments::of_all`] and [`Moments::of_pairs`] correct the mean's rounding besides: what is fitted
/// keeps its bits, so none stands for another.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Moments {
    /// The sum of the weights.
    pub(crate) weight: f64,
    /// The weighted mean.
    pub(crate) mean: f64,
    /// The weighted sum of squared distances from the mean.
    pub(crate) spread: f64,
}

impl Moments {
    /// Those of a run of values, to be merged with those of other runs; `weights` is empty if all are
    /// one.
    ///
    /// Values are best given as distances from one of them, see [`Moments::shifted`]: those of a
    /// constant column are 0 then, and so are their mean and their spread, to the last bit.
    pub(crate) fn of(values: &[f64], weights: &[f64]) -> Self {
        if weights.is_empty() {
            let weight = values.len() as f64;
            let mean = if values.is_empty() {
                0.0
            } else {
                sum(values, |v| v) / weight
            };
            return Self {
                weight,
                mean,
                spread: sum(values, |v| (v - mean) * (v - mean)),
            };
        }
        let pairs = || values.iter().zip(weights);
        let weight: f64 = weights.iter().sum();
        let mean = if weight > 0.0 {
            pairs().map(|(v, w)| w * v).sum::<f64>() / weight
        } else {
            0.0
        };
        Self {
            weight,
            mean,
            spread: pairs().map(|(v, w)| w * (v - mean) * (v - mean)).sum(),
        }
    }

    /// Those of values in one order and one pass for each sum, as a definition has it.
    pub(crate) fn plain(values: impl Iterator<Item = f64> + Clone) -> Self {
        let weight = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / weight.max(1.0);
        Self {
            weight,
            mean,
            spread: values.map(|v| (v - mean).powi(2)).sum(),
        }
    }

    /// Those of numbers of which none is missing.
    ///
    /// Two passes; the second corrects the rounding of the mean (Chan, Golub and Leveque 1983,
    /// eq. 1.7). The spread of equal values is exactly 0.
    #[allow(
        clippy::float_cmp,
        reason = "values that are all equal have no variance"
    )]
    pub(crate) fn of_all<T: Copy>(values: &[T], number: impl Fn(T) -> f64) -> Self {
        let Some(&first) = values.first() else {
            return Self::default();
        };
        let (first, weight) = (number(first), values.len() as f64);
        if values.iter().all(|&v| number(v) == first) {
            return Self {
                weight,
                mean: first,
                spread: 0.0,
            };
        }
        let (sum, _) = lane_sums(values, &number, 0.0);
        let mean = sum / weight;
        let (error, squares) = lane_sums(values, &number, mean);
        Self::corrected(weight, mean, error, squares)
    }

    /// [`Moments::of_all`] of values with their weights, which are above 0.
    #[allow(
        clippy::float_cmp,
        reason = "values that are all equal have no variance"
    )]
    pub(crate) fn of_pairs(pairs: &[(f64, f64)]) -> Self {
        let Some(&(first, _)) = pairs.first() else {
            return Self::default();
        };
        let weight = pairs.iter().map(|(_, w)| w).sum::<f64>();
        if pairs.iter().all(|&(v, _)| v == first) {
            return Self {
                weight,
                mean: first,
                spread: 0.0,
            };
        }
        let mean = pairs.iter().map(|(v, w)| v * w).sum::<f64>() / weight;
        let (mut error, mut squares) = (0.0, 0.0);
        for (v, w) in pairs {
            error += w * (v - mean);
            squares += w * (v - mean) * (v - mean);
        }
        Self::corrected(weight, mean, error, squares)
    }

    /// From the sums of distances from a mean that is rounded, and of their squares.
    fn corrected(weight: f64, mean: f64, error: f64, squares: f64) -> Self {
        Self {
            weight,
            mean: mean + error / weight,
            spread: squares - error * error / weight,
        }
    }

    /// The moments of both sets of values (Chan, Golub and `LeVeque` 1979).
    pub(crate) fn merge(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        if weight <= 0.0 {
            return self;
        }
        let gap = other.mean - self.mean;
        Self {
            weight,
            mean: self.mean + gap * (other.weight / weight),
            spread: self.spread + other.spread + gap * gap * self.weight * (other.weight / weight),
        }
    }

    /// Those of the values themselves, from those of their distances from `origin`.
    pub(crate) fn shifted(self, origin: f64) -> Self {
        Self {
            mean: origin + self.mean,
            ..self
        }
    }

    /// The weighted variance: the spread over the weight; 0 without weight.
    pub(crate) fn variance(self) -> f64 {
        if self.weight > 0.0 {
            self.spread / self.weight
        } else {
            0.0
        }
    }

    /// The standard deviation; `None` of values that are constant, or equal but for rounding.
    pub(crate) fn deviation(self) -> Option<f64> {
        let deviation = self.variance().sqrt();
        (!is_rounding(deviation, self.mean)).then_some(deviation)
    }

    /// The mean, and one over the deviation: what standardises values. Where there is no deviation it is
    /// 0, so that all values become 0.
    pub(crate) fn mean_and_scale(self) -> (f64, f64) {
        (self.mean, self.deviation().map_or(0.0, f64::recip))
    }
}

/// Whether a spread (a deviation, a range) of numbers of this size is none: what rounding alone makes
/// of equal numbers, at most 10 units in the last place, or too small to be divided by.
pub(crate) fn is_rounding(spread: f64, size: f64) -> bool {
    !spread.is_normal() || spread <= 10.0 * f64::EPSILON * size.abs()
}

/// The sum of `f` of the values, in four interleaved parts.
fn sum(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut parts = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().map(|&v| f(v)).sum();
    for chunk in chunks {
        for (part, &v) in parts.iter_mut().zip(chunk) {
            *part += f(v);
        }
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3]) + rest
}

/// The sums of deviations from a center and of their squares, in eight lanes: a fixed shape that
/// the compiler can keep in vector registers.
fn lane_sums<T: Copy>(values: &[T], number: impl Fn(T) -> f64, center: f64) -> (f64, f64) {
    let (mut sums, mut squares) = ([0.0; 8], [0.0; 8]);
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    let mut add = |lane: usize, v: f64| {
        let deviation = v - center;
        sums[lane] += deviation;
        squares[lane] += deviation * deviation;
    };
    for chunk in chunks {
        for (lane, &v) in chunk.iter().enumerate() {
            add(lane, number(v));
        }
    }
    for (lane, &v) in rest.iter().enumerate() {
        add(lane, number(v));
    }
    (sums.iter().sum(), squares.iter().sum())
}

/// [`Moments`] whose first is kept as a sum: of the targets of a cell's rows (a level in a fold, say).
///
/// A type of its own because means of levels are smoothed as `(sum + m prior) / (weight + m)`, and a sum
/// that was made of a mean would be rounded. The sums of cells are added; where numbers are far from 0,
/// merged means, as [`Moments`] has them, keep more digits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct SumMoments {
    /// The sum of weights: the number of rows if there are none.
    pub(crate) weight: f64,
    /// The weighted sum of targets.
    pub(crate) sum: f64,
    /// The weighted sum of squared distances from the mean, where it was asked for.
    pub(crate) spread: f64,
}

impl SumMoments {
    /// Those of the cells that rows fall into. `weights` is empty if all are one; with `spread`
    /// the rows are gone through twice, so that a large mean costs no digits.
    pub(crate) fn of_cells(
        n_cells: usize,
        cells: impl Iterator<Item = usize> + Clone,
        target: &[f64],
        weights: &[f64],
        spread: bool,
    ) -> Vec<Self> {
        let mut moments = vec![Self::default(); n_cells];
        if weights.is_empty() {
            for (cell, &y) in cells.clone().zip(target) {
                let moment = &mut moments[cell];
                moment.weight += 1.0;
                moment.sum += y;
            }
        } else {
            for ((cell, &y), &w) in cells.clone().zip(target).zip(weights) {
                let moment = &mut moments[cell];
                moment.weight += w;
                moment.sum += w * y;
            }
        }
        if spread {
            let means: Vec<f64> = moments.iter().map(|m| m.mean().unwrap_or(0.0)).collect();
            for (row, (cell, &y)) in cells.zip(target).enumerate() {
                let distance = y - means[cell];
                moments[cell].spread += weights.get(row).unwrap_or(&1.0) * distance * distance;
            }
        }
        moments
    }

    /// Those of rows that have these targets so many times.
    pub(crate) fn of_counts(counts: &[u32], targets: &[f64]) -> Self {
        let rows = || counts.iter().map(|&n| f64::from(n)).zip(targets);
        let mut moment = Self {
            weight: rows().map(|(n, _)| n).sum(),
            sum: rows().map(|(n, y)| n * y).sum(),
            spread: 0.0,
        };
        let mean = moment.mean().unwrap_or(0.0);
        moment.spread = rows().map(|(n, y)| n * (y - mean) * (y - mean)).sum();
        moment
    }

    /// The weighted mean; `None` without weight.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    /// The weighted variance (divided by the weight); `None` without weight.
    pub(crate) fn variance(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.spread / self.weight)
    }

    /// The moments of both sets of rows (Chan, Golub and `LeVeque` 1979).
    pub(crate) fn merge(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        let between = match (self.mean(), other.mean()) {
            (Some(a), Some(b)) => (b - a) * (b - a) * (self.weight * other.weight / weight),
            _ => 0.0,
        };
        Self {
            weight,
            sum: self.sum + other.sum,
            spread: self.spread + other.spread + between,
        }
    }
}

/// For each cell, the moments of all *other* cells; returns the moments of all.
///
/// Others are merged from those before and those after, never subtracted from the whole: a cell
/// takes no part in its own result, not even by rounding.
pub(crate) fn others(cells: &[SumMoments], out: &mut [SumMoments]) -> SumMoments {
    let mut before = SumMoments::default();
    for (o, &cell) in out.iter_mut().zip(cells) {
        *o = before;
        before = before.merge(cell);
    }
    let mut after = SumMoments::default();
    for (o, &cell) in out.iter_mut().zip(cells).rev() {
        *o = o.merge(after);
        after = cell.merge(after);
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_put_together_have_the_moments_of_the_whole() {
        let values: Vec<f64> = (0..1000).map(|i| 1e6 + f64::from(i * i % 97)).collect();
        let weights: Vec<f64> = (0..1000).map(|i| f64::from(i % 4)).collect();
        let total: f64 = weights.iter().sum();
        let pairs = || values.iter().zip(&weights);
        let mean = pairs().map(|(v, w)| v * w).sum::<f64>() / total;
        let spread: f64 = pairs().map(|(v, w)| w * (v - mean).powi(2)).sum();
        for cut in [0, 1, 500, 1000] {
            let [a, b] = [0..cut, cut..1000].map(|r| Moments::of(&values[r.clone()], &weights[r]));
            let both = a.merge(b);
            assert!((both.weight - total).abs() < 1e-9);
            assert!((both.mean - mean).abs() < 1e-8);
            assert!((both.spread / spread - 1.0).abs() < 1e-10);
        }
        let plain = Moments::of(&values, &[]);
        let ones = Moments::of(&values, &[1.0; 1000]);
        assert!((plain.mean - ones.mean).abs() < 1e-8);
        assert!((plain.variance() / ones.variance() - 1.0).abs() < 1e-10);
    }

    /// Each constructor, against the definition.
    #[test]
    fn moments_are_those_of_the_definition() {
        for shift in [0.0, -3.5, 1e9] {
            let values: Vec<f64> = (0..53)
                .map(|i| shift + f64::from(i * i % 17) / 8.0)
                .collect();
            let n = values.len() as f64;
            let pairs: Vec<(f64, f64)> = values.iter().map(|&v| (v, 0.5)).collect();
            // Exact: the values are whole eighths.
            let mean = shift + values.iter().map(|v| v - shift).sum::<f64>() / n;
            let spread: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            for (found, weight) in [
                (Moments::of(&values, &[]), 1.0),
                (Moments::plain(values.iter().copied()), 1.0),
                (Moments::of_all(&values, |v| v), 1.0),
                (Moments::of_pairs(&pairs), 0.5),
            ] {
                assert!((found.weight - weight * n).abs() < 1e-12);
                assert!((found.mean - mean).abs() <= 1e-15 * mean.abs().max(1.0));
                assert!((found.spread / (weight * spread) - 1.0).abs() < 1e-7);
                assert!((found.deviation().unwrap() - (spread / n).sqrt()).abs() < 1e-6);
                let (mean, scale) = found.mean_and_scale();
                assert!(mean.to_bits() == found.mean.to_bits());
                assert!((scale * found.deviation().unwrap() - 1.0).abs() < 1e-15);
                assert!((found.shifted(2.0).mean - (found.mean + 2.0)).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn equal_values_have_no_deviation() {
        let pairs = [(0.1, 0.3), (0.1, 0.7), (0.1, 1e-9)];
        assert!(Moments::of_pairs(&pairs).variance() == 0.0);
        assert!(Moments::of_all(&[0.1_f32; 7], f64::from).variance() == 0.0);
        for found in [
            Moments::default(),
            Moments::of_pairs(&pairs),
            Moments::of_all(&[0.1; 7], |v| v),
            Moments::plain([0.3, 0.1 + 0.2].into_iter()),
            Moments::plain(std::iter::empty()),
        ] {
            assert_eq!(found.deviation(), None);
            assert!(found.mean_and_scale().1 == 0.0);
        }
    }

    #[test]
    fn others_are_all_but_one() {
        let target = [3.0, 5.0, 8.0, 1.0, 1.0];
        let weights = [1.0, 2.0, 0.5, 0.0, 4.0];
        let cells = [0_usize, 1, 0, 3, 2];
        let moments = SumMoments::of_cells(4, cells.iter().copied(), &target, &weights, true);
        let mut out = vec![SumMoments::default(); 4];
        others(&moments, &mut out);
        for (cell, found) in out.iter().enumerate() {
            let keep: Vec<usize> = (0..5).filter(|&i| cells[i] != cell).collect();
            let w: f64 = keep.iter().map(|&i| weights[i]).sum();
            let mean = keep.iter().map(|&i| weights[i] * target[i]).sum::<f64>() / w;
            let spread: f64 = keep
                .iter()
                .map(|&i| weights[i] * (target[i] - mean).powi(2))
                .sum();
            assert!((found.weight - w).abs() < 1e-12);
            assert!((found.mean().unwrap() - mean).abs() < 1e-12);
            assert!((found.spread - spread).abs() < 1e-12);
        }
    }

    #[test]
    fn nothing_has_no_mean() {
        assert_eq!(SumMoments::default().mean(), None);
        assert_eq!(SumMoments::default().variance(), None);
        let empty = SumMoments::default().merge(SumMoments::default());
        assert_eq!(empty, SumMoments::default());
    }
}
