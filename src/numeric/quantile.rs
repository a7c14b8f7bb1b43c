//! Quantiles: of a sample, that is the present values of one column, and of pairs of value and weight.
//!
//! [`Sample::quantiles`] interpolates or averages, and [`weighted_quantile`] is a minimiser of the pinball
//! loss, one of the values: two definitions, and not one written twice.

use super::moments::{Moments, is_rounding};

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

    /// The moments; see [`Moments::of_all`].
    pub(crate) fn moments(&self) -> Moments {
        match self {
            Self::Values(values) => Moments::of_all(values, |v| v),
            Self::Counted(pairs) | Self::Weighted(pairs) => Moments::of_pairs(pairs),
        }
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

/// The smallest and the largest of values that are not NaN; in eight lanes.
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

/// The orders of `m` quantiles, from 0 to 1 in even steps; 0 alone if `m` is 1.
pub(crate) fn even_orders(m: usize) -> Vec<f64> {
    let last = m.saturating_sub(1).max(1) as f64;
    (0..m).map(|k| k as f64 / last).collect()
}

/// The smallest value whose cumulative weight, in the order of the values, reaches `level` times
/// the sum of the weights (but for a relative rounding of 1e-12); 0 if there is no weight.
///
/// It is a minimiser of the weighted pinball loss. Rows of weight 0 never count. The pairs are
/// left in another order.
pub(crate) fn weighted_quantile(values: &mut [(f64, f64)], level: f64) -> f64 {
    let mut n = 0;
    for i in 0..values.len() {
        if values[i].1 > 0.0 {
            values.swap(n, i);
            n += 1;
        }
    }
    let mut part = &mut values[..n];
    let total: f64 = part.iter().map(|(_, weight)| weight).sum();
    let goal = total * (level - 1e-12);
    let mut below = 0.0;
    while part.len() > 1 {
        let middle = part.len() / 2;
        part.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0));
        let (left, right) = part.split_at_mut(middle);
        let reached = below + left.iter().map(|(_, weight)| weight).sum::<f64>();
        if reached >= goal {
            part = left;
        } else {
            below = reached;
            part = right;
        }
    }
    part.first().map_or(0.0, |(value, _)| *value)
}

/// Positions below `n`, evenly spread however many are taken.
pub(crate) fn spread_positions(n: usize) -> impl Iterator<Item = usize> {
    /// 2^64 over the golden ratio.
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    #[allow(clippy::cast_possible_truncation, reason = "below n")]
    let position = move |i: u64| ((u128::from(STEP.wrapping_mul(i)) * n as u128) >> 64) as usize;
    (0..).map(position)
}

/// What is taken off values before their means become features: 0, unless the median's size is above
/// 4096 times the quartiles' distance, as far as 256 values tell of those that have weight: all, or
/// those at the positions `weighty`.
///
/// It is a multiple of a power of two, 8 times the quartiles' distance or more, so that it does not
/// follow a single value but in rare cases.
pub(crate) fn origin_of_means(values: &[f64], weighty: Option<&[u32]>) -> f64 {
    const SAMPLE: usize = 256;
    let n = weighty.map_or(values.len(), <[u32]>::len);
    let value = |i: usize| values[weighty.map_or(i, |rows| rows[i] as usize)];
    let mut sample: Vec<f64> = if n > SAMPLE {
        spread_positions(n).take(SAMPLE).map(value).collect()
    } else {
        (0..n).map(value).collect()
    };
    sample.sort_unstable_by(f64::total_cmp);
    let Some(last) = sample.len().checked_sub(1) else {
        return 0.0;
    };
    let (low, median, high) = (sample[last / 4], sample[last / 2], sample[last - last / 4]);
    let mut spread = high - low;
    if is_rounding(spread, median) {
        spread = sample[last] - sample[0];
    }
    if is_rounding(spread, median) || median.abs() <= 4096.0 * spread {
        return 0.0;
    }
    let unit = (8.0 * spread).log2().ceil().exp2();
    (median / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighted_quantile_is_the_first_value_that_reaches_its_level() {
        // By hand: cumulative weights 1, 3, 6, 10 of 10.
        let pairs = [(4.0, 4.0), (2.0, 2.0), (9.0, 0.0), (1.0, 1.0), (3.0, 3.0)];
        for (level, expected) in [
            (0.05, 1.0),
            (0.1, 1.0),
            (0.3, 2.0),
            (0.31, 3.0),
            (0.99, 4.0),
        ] {
            let found = weighted_quantile(&mut pairs.clone(), level);
            assert!((found - expected).abs() < 1e-12, "{level}: {found}");
        }
        for mut nothing in [vec![], vec![(5.0, 0.0)]] {
            assert!(weighted_quantile(&mut nothing, 0.5).abs() < f64::MIN_POSITIVE);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_weighted_quantile_is_that_of_sorted_values(
            pairs in proptest::collection::vec((-5_i32..5, 0_u32..4), 1..60),
            percent in 1_u32..100,
        ) {
            let mut sorted: Vec<i32> = pairs
                .iter()
                .flat_map(|&(value, count)| vec![value; count as usize])
                .collect();
            sorted.sort_unstable();
            // The least rank from 1 that is not below percent / 100 of the number.
            let rank = (percent as usize * sorted.len()).div_ceil(100);
            let expected = rank.checked_sub(1).map_or(0.0, |i| f64::from(sorted[i]));
            let mut pairs: Vec<(f64, f64)> =
                pairs.into_iter().map(|(v, w)| (f64::from(v), f64::from(w))).collect();
            let found = weighted_quantile(&mut pairs, f64::from(percent) / 100.0);
            proptest::prop_assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn orders_are_even() {
        assert_eq!(even_orders(0), [0.0; 0]);
        assert_eq!(even_orders(1), [0.0]);
        assert_eq!(even_orders(2), [0.0, 1.0]);
        assert_eq!(even_orders(5), [0.0, 0.25, 0.5, 0.75, 1.0]);
    }
}
