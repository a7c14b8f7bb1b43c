//! Sums over rows in a fixed shape: runs of rows on any thread, then the runs in order.

use crate::parallel;

/// Rows are summed in runs of this length, then the runs in order: the same sum on any number of
/// threads. A run of one column stays in the first cache.
pub(crate) const RUN: usize = 4096;

/// Adds up `f(from, to, sums)` over runs of rows, in order.
pub(crate) fn sum_over_rows(
    n_rows: usize,
    n_sums: usize,
    f: impl Fn(usize, usize, &mut [f64]) + Sync,
) -> Vec<f64> {
    let parts = parallel::map(0..n_rows.div_ceil(RUN), |_, run| {
        let mut sums = vec![0.0; n_sums];
        f(run * RUN, ((run + 1) * RUN).min(n_rows), &mut sums);
        sums
    });
    let mut total = vec![0.0; n_sums];
    for part in parts {
        for (t, p) in total.iter_mut().zip(part) {
            *t += p;
        }
    }
    total
}

/// The weighted mean of a number for each row, the same on any number of threads.
pub(crate) fn weighted_mean(
    n_rows: usize,
    weights: Option<&[f64]>,
    number: impl Fn(usize) -> f64 + Sync,
) -> f64 {
    let sums: Vec<(f64, f64)> = parallel::map(0..n_rows.div_ceil(RUN), |_, run| {
        let rows = run * RUN..n_rows.min((run + 1) * RUN);
        match weights {
            None => (rows.clone().map(&number).sum(), rows.len() as f64),
            Some(weights) => (
                rows.clone().map(|row| weights[row] * number(row)).sum(),
                weights[rows].iter().sum(),
            ),
        }
    });
    let sum: f64 = sums.iter().map(|(sum, _)| sum).sum();
    sum / sums.iter().map(|(_, total)| total).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_a_loop_on_any_number_of_threads() {
        let n = 3 * RUN + 17;
        let values: Vec<f64> = (0..n).map(|i| ((i * 37 % 101) as f64).sqrt()).collect();
        let weights: Vec<f64> = (0..n).map(|i| (i % 3) as f64).collect();
        let on = |n_threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
            pool.build().unwrap().install(|| {
                let sums = sum_over_rows(n, 2, |from, to, sums| {
                    for row in from..to {
                        sums[0] += values[row];
                        sums[1] += weights[row] * values[row];
                    }
                });
                let plain = weighted_mean(n, None, |row| values[row]);
                [
                    sums[0],
                    sums[1],
                    plain,
                    weighted_mean(n, Some(&weights), |row| values[row]),
                ]
            })
        };
        let found = on(3);
        assert_eq!(found.map(f64::to_bits), on(1).map(f64::to_bits));
        let sum: f64 = values.iter().sum();
        let weighted: f64 = values.iter().zip(&weights).map(|(v, w)| v * w).sum();
        let expected = [
            sum,
            weighted,
            sum / n as f64,
            weighted / weights.iter().sum::<f64>(),
        ];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 1e-12);
        }
    }
}
