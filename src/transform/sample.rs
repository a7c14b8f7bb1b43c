//! The present values of one column, and what can be learned from them.

use crate::data::Number;

/// The present values of one column with the weights of their rows.
///
/// Rows of weight 0 are not in it.
#[derive(Debug, Clone)]
pub(crate) enum Sample {
    /// Values in the order of their rows.
    Values(Vec<f64>),
    /// Distinct values in ascending order, and how often each occurs.
    Counted(Vec<(f64, f64)>),
    /// Values with their weights, in any order.
    Weighted(Vec<(f64, f64)>),
}

impl Sample {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Values(values) => values.is_empty(),
            Self::Counted(pairs) | Self::Weighted(pairs) => pairs.is_empty(),
        }
    }

    /// The mean and the variance: mean squared deviation from the mean (no degree of freedom
    /// taken off). `None` if there is no value.
    ///
    /// Two passes; the second corrects the rounding of the mean (Chan, Golub and Leveque 1983,
    /// eq. 1.7). The variance of equal values is exactly 0.
    pub(crate) fn mean_variance(&self) -> Option<(f64, f64)> {
        let pairs = match self {
            Self::Values(values) => return mean_variance(values),
            Self::Counted(pairs) | Self::Weighted(pairs) => pairs,
        };
        let &(first, _) = pairs.first()?;
        #[allow(
            clippy::float_cmp,
            reason = "values that are all equal have no variance"
        )]
        if pairs.iter().all(|&(v, _)| v == first) {
            return Some((first, 0.0));
        }
        let total = pairs.iter().map(|(_, w)| w).sum::<f64>();
        let mean = pairs.iter().map(|(v, w)| v * w).sum::<f64>() / total;
        let (mut error, mut squares) = (0.0, 0.0);
        for (v, w) in pairs {
            error += w * (v - mean);
            squares += w * (v - mean) * (v - mean);
        }
        Some((
            mean + error / total,
            (squares - error * error / total) / total,
        ))
    }

    /// The smallest and the largest value, or `None` if there is none.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        if self.is_empty() {
            return None;
        }
        Some(match self {
            Self::Values(values) => range_of(values),
            Self::Counted(pairs) | Self::Weighted(pairs) => {
                let values: Vec<f64> = pairs.iter().map(|&(v, _)| v).collect();
                range_of(&values)
            }
        })
    }

    /// The quantiles of the given orders, which must ascend within 0..=1; none if there is no
    /// value.
    ///
    /// Without weights: linear interpolation between order statistics, `h = (n - 1) q` (Hyndman
    /// and Fan 1996, definition 7). With weights: the smallest value whose cumulative weight is
    /// above `q W`, averaged with the one before it if that one's is equal to `q W` up to rounding
    /// (their definition 2, cumulative weights in place of counts). The weighted median of equal
    /// weights is the plain one.
    pub(crate) fn quantiles(&mut self, orders: &[f64]) -> Vec<f64> {
        if self.is_empty() {
            return Vec::new();
        }
        match self {
            Self::Values(values) => selected_quantiles(values, orders),
            Self::Counted(pairs) => counted_quantiles(pairs, orders),
            Self::Weighted(pairs) => {
                pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
                weighted_quantiles(pairs, orders)
            }
        }
    }

    /// The median, or `None` if there is no value.
    pub(crate) fn median(&mut self) -> Option<f64> {
        self.quantiles(&[0.5]).first().copied()
    }

    /// The value of the largest count or weight, the smallest of several; `None` if there is none.
    pub(crate) fn most_frequent(&mut self) -> Option<f64> {
        match self {
            Self::Values(values) => {
                values.sort_unstable_by(f64::total_cmp);
                heaviest(values.iter().map(|&v| (v, 1.0)))
            }
            Self::Counted(pairs) => heaviest(pairs.iter().copied()),
            Self::Weighted(pairs) => {
                pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
                heaviest(pairs.iter().copied())
            }
        }
    }
}

/// Whether a spread (a deviation, a range) of numbers of this size is none: what rounding alone makes
/// of equal numbers, at most 10 units in the last place, or too small to be divided by.
pub(crate) fn is_rounding(spread: f64, size: f64) -> bool {
    !spread.is_normal() || spread <= 10.0 * f64::EPSILON * size.abs()
}

/// See [`Sample::mean_variance`]; no value may be missing.
#[allow(
    clippy::float_cmp,
    reason = "values that are all equal have no variance"
)]
pub(crate) fn mean_variance<T: Number>(values: &[T]) -> Option<(f64, f64)> {
    let first = values.first()?.to_f64();
    if values.iter().all(|v| v.to_f64() == first) {
        return Some((first, 0.0));
    }
    let n = values.len() as f64;
    let (sum, _) = lane_sums(values, 0.0);
    let mean = sum / n;
    let (error, squares) = lane_sums(values, mean);
    Some((mean + error / n, (squares - error * error / n) / n))
}

/// The sums of deviations from a center and of their squares, in eight lanes: a fixed shape that
/// the compiler can keep in vector registers.
fn lane_sums<T: Number>(values: &[T], center: f64) -> (f64, f64) {
    let (mut sums, mut squares) = ([0.0; 8], [0.0; 8]);
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    let mut add = |lane: usize, v: f64| {
        let deviation = v - center;
        sums[lane] += deviation;
        squares[lane] += deviation * deviation;
    };
    for chunk in chunks {
        for (lane, v) in chunk.iter().enumerate() {
            add(lane, v.to_f64());
        }
    }
    for (lane, v) in rest.iter().enumerate() {
        add(lane, v.to_f64());
    }
    (sums.iter().sum(), squares.iter().sum())
}

/// The smallest and the largest of values that are not NaN; in lanes, as [`lane_sums`].
fn range_of(values: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([f64::INFINITY; 8], [f64::NEG_INFINITY; 8]);
    let mut see = |lane: usize, v: f64| {
        low[lane] = if v < low[lane] { v } else { low[lane] };
        high[lane] = if v > high[lane] { v } else { high[lane] };
    };
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for (lane, &v) in chunk.iter().enumerate() {
            see(lane, v);
        }
    }
    for (lane, &v) in rest.iter().enumerate() {
        see(lane, v);
    }
    let low = low.into_iter().fold(f64::INFINITY, f64::min);
    (low, high.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

/// The quantile of order `q` of `n` sorted values, definition 7.
fn interpolate(n: usize, q: f64, value: impl Fn(usize) -> f64) -> f64 {
    let (rank, part) = rank_of(n, q);
    let low = value(rank);
    if part == 0.0 {
        return low;
    }
    let high = value(rank + 1);
    low + (high - low) * part
}

/// The rank below `(n - 1) q`, and what is left over; the latter is 0 at the last rank, and where
/// only the rounding of `q` and of the product keeps the rank from being whole: a quantile of whole
/// numbers then is one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 <= (n - 1) q <= n - 1"
)]
fn rank_of(n: usize, q: f64) -> (usize, f64) {
    let h = (n - 1) as f64 * q;
    let nearest = h.round();
    let (rank, part) = if (h - nearest).abs() <= 2.0 * f64::EPSILON * h {
        (nearest, 0.0)
    } else {
        (h.floor(), h - h.floor())
    };
    if rank as usize >= n - 1 {
        (n - 1, 0.0)
    } else {
        (rank as usize, part)
    }
}

fn selected_quantiles(values: &mut [f64], orders: &[f64]) -> Vec<f64> {
    let n = values.len();
    let mut ranks: Vec<usize> = orders
        .iter()
        .map(|&q| rank_of(n, q).0)
        .flat_map(|rank| [rank, (rank + 1).min(n - 1)])
        .collect();
    ranks.sort_unstable();
    ranks.dedup();
    let mut found = Vec::with_capacity(ranks.len());
    select_many(values, &ranks, 4, &mut found);
    let value = |rank| found[ranks.partition_point(|&r| r < rank)];
    orders.iter().map(|&q| interpolate(n, q, value)).collect()
}

/// Appends the values of the given ranks, which must be distinct and ascend.
///
/// Values are dealt to buckets of equal width; only buckets with a rank that is asked for are
/// looked into, in the same way while there are rounds left, and sorted then.
fn select_many(values: &mut [f64], ranks: &[usize], rounds: u32, found: &mut Vec<f64>) {
    const VALUES_A_BUCKET: usize = 16;
    let n_buckets = (values.len() / VALUES_A_BUCKET).min(8192);
    let (low, high) = range_of(values);
    let factor = n_buckets as f64 / (high - low);
    if rounds == 0 || n_buckets < 8 || !factor.is_normal() {
        if let &[rank] | &[rank, _] = ranks {
            let (_, &mut value, above) = values.select_nth_unstable_by(rank, f64::total_cmp);
            found.push(value);
            if let &[_, next] = ranks {
                let (_, &mut value, _) =
                    above.select_nth_unstable_by(next - rank - 1, f64::total_cmp);
                found.push(value);
            }
        } else {
            values.sort_unstable_by(f64::total_cmp);
            found.extend(ranks.iter().map(|&rank| values[rank]));
        }
        return;
    }
    // Grows with the value, rounding included.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to the number of buckets, up to rounding"
    )]
    let bucket_of = |v: f64| (((v - low) * factor) as u32 as usize).min(n_buckets - 1);
    let mut counts = vec![0_u32; n_buckets];
    for &v in &*values {
        counts[bucket_of(v)] += 1;
    }
    // Where the next value of each bucket goes: nowhere, if no rank in it is asked for.
    let mut wanted: Vec<(usize, usize, &[usize])> = Vec::new();
    let mut places = vec![usize::MAX; n_buckets];
    let (mut start, mut n_kept, mut rest) = (0, 0, ranks);
    for (bucket, &count) in counts.iter().enumerate() {
        let count = count as usize;
        let end = start + count;
        let (inside, after) = rest.split_at(rest.partition_point(|&rank| rank < end));
        if !inside.is_empty() {
            wanted.push((start, count, inside));
            places[bucket] = n_kept;
            n_kept += count;
        }
        (start, rest) = (end, after);
    }
    let mut kept = vec![0.0; n_kept];
    for &v in &*values {
        let place = &mut places[bucket_of(v)];
        if let Some(slot) = kept.get_mut(*place) {
            *slot = v;
            *place += 1;
        }
    }
    let mut rest = kept.as_mut_slice();
    for (start, count, ranks) in wanted {
        let (inside, after) = rest.split_at_mut(count);
        let ranks: Vec<usize> = ranks.iter().map(|rank| rank - start).collect();
        select_many(inside, &ranks, rounds - 1, found);
        rest = after;
    }
}

fn counted_quantiles(pairs: &[(f64, f64)], orders: &[f64]) -> Vec<f64> {
    let mut ends = Vec::with_capacity(pairs.len());
    let mut n = 0_usize;
    for &(_, count) in pairs {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of rows"
        )]
        let count = count as usize;
        n += count;
        ends.push(n);
    }
    let value = |rank: usize| pairs[ends.partition_point(|&end| end <= rank)].0;
    orders.iter().map(|&q| interpolate(n, q, value)).collect()
}

/// Pairs must be sorted by value.
fn weighted_quantiles(pairs: &[(f64, f64)], orders: &[f64]) -> Vec<f64> {
    let mut ends = Vec::with_capacity(pairs.len());
    let mut total = 0.0;
    for &(_, weight) in pairs {
        total += weight;
        ends.push(total);
    }
    let slack = total * 1e-12;
    let last = pairs.len() - 1;
    orders
        .iter()
        .map(|&q| {
            let goal = q * total;
            let above = ends.partition_point(|&end| end <= goal + slack).min(last);
            let reached = ends.partition_point(|&end| end < goal - slack).min(last);
            // A value that ends at the goal is averaged with the next one.
            if reached < above && q > 0.0 {
                f64::midpoint(pairs[reached].0, pairs[above].0)
            } else {
                pairs[above].0
            }
        })
        .collect()
}

/// The first value with the largest weight; values must come in ascending order.
fn heaviest(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let mut best: Option<(f64, f64)> = None;
    let mut run: Option<(f64, f64)> = None;
    let keep = |best: &mut Option<(f64, f64)>, run: (f64, f64)| {
        // Sums of weights that differ by their rounding are equal.
        if best.is_none_or(|(_, weight)| run.1 > weight * (1.0 + 1e-12)) {
            *best = Some(run);
        }
    };
    for (value, weight) in pairs {
        match &mut run {
            #[allow(clippy::float_cmp, reason = "a run is of equal values")]
            Some((v, w)) if *v == value => *w += weight,
            _ => {
                if let Some(run) = run.replace((value, weight)) {
                    keep(&mut best, run);
                }
            }
        }
    }
    if let Some(run) = run {
        keep(&mut best, run);
    }
    best.map(|(value, _)| value)
}
