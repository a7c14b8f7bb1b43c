//! Small dense symmetric systems, and sums over rows of a fixed shape.

use crate::parallel;

/// Rows are summed in runs of this length, then the runs in order: the same sum on any number of
/// threads.
const RUN: usize = 4096;

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

/// Solves `A x = b` for a symmetric positive definite `A` (`d` x `d`, row by row) by Cholesky's
/// factorisation; a pivot that is not above a tiny share of its diagonal is skipped, which leaves
/// its unknown at zero.
pub(crate) fn solve_positive(a: &[f64], b: &[f64]) -> Vec<f64> {
    let d = b.len();
    let mut l = a.to_vec();
    let mut skipped = vec![false; d];
    for j in 0..d {
        let diagonal = a[j * d + j];
        let mut pivot = l[j * d + j];
        for k in 0..j {
            pivot -= l[j * d + k] * l[j * d + k];
        }
        if pivot <= 1e-12 * diagonal.abs() || !pivot.is_finite() {
            skipped[j] = true;
            for i in j..d {
                l[i * d + j] = 0.0;
            }
            continue;
        }
        let root = pivot.sqrt();
        l[j * d + j] = root;
        for i in j + 1..d {
            let mut value = l[i * d + j];
            for k in 0..j {
                value -= l[i * d + k] * l[j * d + k];
            }
            l[i * d + j] = value / root;
        }
    }
    let mut x = b.to_vec();
    for i in 0..d {
        if skipped[i] {
            x[i] = 0.0;
            continue;
        }
        for k in 0..i {
            x[i] -= l[i * d + k] * x[k];
        }
        x[i] /= l[i * d + i];
    }
    for i in (0..d).rev() {
        if skipped[i] {
            x[i] = 0.0;
            continue;
        }
        for k in i + 1..d {
            x[i] -= l[k * d + i] * x[k];
        }
        x[i] /= l[i * d + i];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_small_system() {
        let a = [4.0, 2.0, 1.0, 2.0, 5.0, 3.0, 1.0, 3.0, 6.0];
        let x = [1.0, -2.0, 0.5];
        let b: Vec<f64> = (0..3)
            .map(|i| (0..3).map(|j| a[i * 3 + j] * x[j]).sum())
            .collect();
        for (found, expected) in solve_positive(&a, &b).iter().zip(x) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_repeated_unknown_is_left_at_zero() {
        let x = solve_positive(&[2.0, 2.0, 2.0, 2.0], &[4.0, 4.0]);
        assert!((x[0] - 2.0).abs() < 1e-12);
        assert_eq!(x[1].to_bits(), 0.0_f64.to_bits());
    }
}
