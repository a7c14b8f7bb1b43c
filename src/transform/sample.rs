//! The present values of one column, and what can be learned from them.

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

/// More quantiles than this are read from sorted values; fewer are selected.
const MOST_SELECTED: usize = 8;

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
    /// Two passes; the second corrects the rounding of the mean (Chan, Golub and LeVeque 1983,
    /// eq. 1.7). The variance of equal values is exactly 0.
    pub(crate) fn mean_variance(&self) -> Option<(f64, f64)> {
        let (low, high) = self.range()?;
        if low >= high {
            return Some((low, 0.0));
        }
        Some(match self {
            Self::Values(values) => {
                let n = values.len() as f64;
                let mean = lane_sum(values, |v| v) / n;
                let error = lane_sum(values, |v| v - mean);
                let squares = lane_sum(values, |v| (v - mean) * (v - mean));
                (mean + error / n, (squares - error * error / n) / n)
            }
            Self::Counted(pairs) | Self::Weighted(pairs) => {
                let total = pairs.iter().map(|(_, w)| w).sum::<f64>();
                let mean = pairs.iter().map(|(v, w)| v * w).sum::<f64>() / total;
                let (mut error, mut squares) = (0.0, 0.0);
                for (v, w) in pairs {
                    error += w * (v - mean);
                    squares += w * (v - mean) * (v - mean);
                }
                (
                    mean + error / total,
                    (squares - error * error / total) / total,
                )
            }
        })
    }

    /// The mean, or `None` if there is no value.
    pub(crate) fn mean(&self) -> Option<f64> {
        self.mean_variance().map(|(mean, _)| mean)
    }

    /// The smallest and the largest value, or `None` if there is none.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        if self.is_empty() {
            return None;
        }
        let widen = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
        let start = (f64::INFINITY, f64::NEG_INFINITY);
        Some(match self {
            Self::Values(values) => values.iter().fold(start, |range, &v| widen(range, v)),
            Self::Counted(pairs) | Self::Weighted(pairs) => {
                pairs.iter().fold(start, |range, &(v, _)| widen(range, v))
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
            Self::Values(values) if orders.len() > MOST_SELECTED => {
                values.sort_unstable_by(f64::total_cmp);
                let n = values.len();
                orders
                    .iter()
                    .map(|&q| interpolate(n, q, |rank| values[rank]))
                    .collect()
            }
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

/// A sum in eight lanes: a fixed shape that the compiler can keep in vector registers.
fn lane_sum(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane += f(v);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&v| f(v)).sum::<f64>()
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

/// The rank below `(n - 1) q`, and what is left over; the latter is 0 at the last rank.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 <= (n - 1) q <= n - 1"
)]
fn rank_of(n: usize, q: f64) -> (usize, f64) {
    let h = (n - 1) as f64 * q;
    let rank = h.floor();
    if rank as usize >= n - 1 {
        (n - 1, 0.0)
    } else {
        (rank as usize, h - rank)
    }
}

/// Each selection leaves larger values on its right, where the next one goes on.
fn selected_quantiles(values: &mut [f64], orders: &[f64]) -> Vec<f64> {
    let n = values.len();
    let mut done = 0;
    orders
        .iter()
        .map(|&q| {
            let (rank, part) = rank_of(n, q);
            let rest = &mut values[done..];
            let (_, &mut low, above) = rest.select_nth_unstable_by(rank - done, f64::total_cmp);
            done = rank;
            if part == 0.0 {
                return low;
            }
            let high = above.iter().copied().fold(f64::INFINITY, f64::min);
            low + (high - low) * part
        })
        .collect()
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
        if best.is_none_or(|(_, weight)| run.1 > weight) {
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
