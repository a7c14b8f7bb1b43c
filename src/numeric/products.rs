//! The two products of a linear model, over a run of rows of features that lie column after column:
//! scores from coefficients, and sums over rows from residuals.
//!
//! Values are turned into 64-bit numbers one by one, and everything is summed in 64 bits: columns
//! need not be centred for that, since a 32-bit value has 29 bits less than a sum.

use std::ops::Range;

/// Columns that are gone through together, so that scores (or residuals) are read once for all of
/// them.
const TOGETHER: usize = 4;

/// Columns of the same length, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    values: &'a [f32],
    n_rows: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(values: &'a [f32], n_rows: usize) -> Self {
        Self { values, n_rows }
    }

    fn part(self, column: usize, rows: &Range<usize>) -> &'a [f32] {
        let first = column * self.n_rows;
        &self.values[first + rows.start..first + rows.end]
    }

    /// Adds `sum_j coefficients[j] * x[i, j]` to the score of each of the rows.
    ///
    /// What a row gets does not depend on the rows around it.
    pub(crate) fn add_scores(self, rows: &Range<usize>, coefficients: &[f64], scores: &mut [f64]) {
        let fours = coefficients.chunks_exact(TOGETHER);
        let rest = fours.remainder();
        let first_of_rest = coefficients.len() - rest.len();
        for (four, a) in fours.enumerate() {
            if a.iter().all(|&a| a == 0.0) {
                continue;
            }
            let [x0, x1, x2, x3] = [0, 1, 2, 3].map(|k| self.part(four * TOGETHER + k, rows));
            let columns = x0.iter().zip(x1).zip(x2.iter().zip(x3));
            for (score, ((&x0, &x1), (&x2, &x3))) in scores.iter_mut().zip(columns) {
                *score += (a[0] * f64::from(x0) + a[1] * f64::from(x1))
                    + (a[2] * f64::from(x2) + a[3] * f64::from(x3));
            }
        }
        for (k, &a) in rest.iter().enumerate() {
            for (score, &x) in scores.iter_mut().zip(self.part(first_of_rest + k, rows)) {
                *score += a * f64::from(x);
            }
        }
    }

    /// Adds `sum_i residuals[i] * x[i, j]` over the rows to the sum of each column.
    pub(crate) fn add_sums(self, rows: &Range<usize>, residuals: &[f64], sums: &mut [f64]) {
        let n = sums.len();
        let mut fours = sums.chunks_exact_mut(TOGETHER);
        for (four, sums) in fours.by_ref().enumerate() {
            let columns = [0, 1, 2, 3].map(|k| self.part(four * TOGETHER + k, rows));
            for (sum, add) in sums.iter_mut().zip(dots(columns, residuals)) {
                *sum += add;
            }
        }
        let rest = fours.into_remainder();
        let first_of_rest = n - rest.len();
        for (k, sum) in rest.iter_mut().enumerate() {
            let [add] = dots([self.part(first_of_rest + k, rows)], residuals);
            *sum += add;
        }
    }
}

/// The product of each column with the residuals, each in four interleaved parts.
fn dots<const N: usize>(columns: [&[f32]; N], residuals: &[f64]) -> [f64; N] {
    const LANES: usize = 4;
    let mut parts = [[0.0; LANES]; N];
    let whole = residuals.len() / LANES * LANES;
    let mut at = 0;
    while at < whole {
        let r = &residuals[at..at + LANES];
        for (parts, column) in parts.iter_mut().zip(&columns) {
            let x = &column[at..at + LANES];
            for lane in 0..LANES {
                parts[lane] += r[lane] * f64::from(x[lane]);
            }
        }
        at += LANES;
    }
    let mut dots = [0.0; N];
    for ((dot, parts), column) in dots.iter_mut().zip(parts).zip(columns) {
        let rest = residuals[whole..].iter().zip(&column[whole..]);
        *dot = (parts[0] + parts[1])
            + (parts[2] + parts[3])
            + rest.map(|(r, &x)| r * f64::from(x)).sum::<f64>();
    }
    dots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(i: usize, j: usize) -> f32 {
        f32::from(u16::try_from((i * 31 + j * 17) % 101).unwrap()) - 50.0
    }

    #[test]
    fn products_are_those_of_the_definition() {
        let n = 57;
        for p in [0, 1, 3, 4, 5, 9] {
            let values: Vec<f32> = (0..p)
                .flat_map(|j| (0..n).map(move |i| value(i, j)))
                .collect();
            let columns = Columns::new(&values, n);
            let a: Vec<f64> = (0..p).map(|j| 0.5 * j as f64 - 1.0).collect();
            for rows in [0..n, 3..40, 5..6, 7..7] {
                let residuals: Vec<f64> = rows.clone().map(|i| (i as f64).sin()).collect();
                let mut scores = vec![2.0; rows.len()];
                columns.add_scores(&rows, &a, &mut scores);
                for (score, i) in scores.iter().zip(rows.clone()) {
                    let sum: f64 = (0..p).map(|j| a[j] * f64::from(value(i, j))).sum();
                    assert!((score - 2.0 - sum).abs() < 1e-9);
                }
                let mut sums = vec![1.0; p];
                columns.add_sums(&rows, &residuals, &mut sums);
                for (j, sum) in sums.iter().enumerate() {
                    let pairs = residuals.iter().zip(rows.clone());
                    let dot: f64 = pairs.map(|(r, i)| r * f64::from(value(i, j))).sum();
                    assert!((sum - 1.0 - dot).abs() < 1e-9);
                }
            }
        }
    }
}
