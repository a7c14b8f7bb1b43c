//! Non-negative least squares: a convex combination of the members.

use std::sync::Arc;

use super::{Blender, FittedBlender, WeightedMean};
use crate::data::{FitContext, InSample, Prediction, RowIndex, Target};
use crate::error::{Error, Result};
use crate::numeric::linalg::solve_positive;
use crate::numeric::sums::sum_over_rows;
use crate::stack::Meta;

/// Weights of 0 or more that make the squared error of the weighted sum least, then divided by
/// their sum: Breiman (1996), *Stacked regressions*; the active-set method of Lawson and Hanson
/// (1974), chapter 23.
///
/// The error is summed over the classes (for two classes, the positive one's alone). If all
/// weights would be 0, they are equal. Features passed through are not supported.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NonNegativeBlender {}

impl NonNegativeBlender {
    /// The blender; it has no option.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

impl<Y: Target> Blender<Y> for NonNegativeBlender {
    fn fit(
        &self,
        meta: &Meta<Y, InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>> {
        Y::fit_non_negative(meta, target, context)
    }
}

impl NonNegativeBlender {
    pub(crate) fn fit_here<Y: Target>(
        meta: &Meta<Y, InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>> {
        let m = meta.predictions().len();
        let Some(first) = meta.predictions().first() else {
            return Err(Error::data("at least one member", "none"));
        };
        if meta.extra().is_some() {
            return Err(Error::unsupported(
                "features passed through to a blender of weights alone",
            ));
        }
        let n = first.n_rows();
        let mut gram = vec![0.0; m * m];
        let mut moment = vec![0.0; m];
        for (output, k) in first.informative().enumerate() {
            let y = target.output(output, RowIndex::All(n));
            let p: Vec<&[f64]> = meta.predictions().iter().map(|p| p.column(k)).collect();
            let sums = sum_over_rows(n, m * m + m, |from, to, sums| {
                for row in from..to {
                    let w = context.weights().map_or(1.0, |w| w[row]);
                    for i in 0..m {
                        for j in 0..m {
                            sums[i * m + j] += w * p[i][row] * p[j][row];
                        }
                        sums[m * m + i] += w * p[i][row] * y[row];
                    }
                }
            });
            for (g, s) in gram.iter_mut().zip(&sums) {
                *g += s;
            }
            for (b, s) in moment.iter_mut().zip(&sums[m * m..]) {
                *b += s;
            }
        }
        let mut weights = non_negative_least_squares(&gram, &moment);
        let total: f64 = weights.iter().sum();
        if total > 0.0 {
            for w in &mut weights {
                *w /= total;
            }
        } else {
            weights.fill(1.0 / m as f64);
        }
        Ok(Arc::new(WeightedMean {
            weights,
            shape: target.take(&[]),
        }))
    }
}

/// Minimises `x'Ax - 2b'x` over `x >= 0` for `A = P'P`, `b = P'y`.
fn non_negative_least_squares(a: &[f64], b: &[f64]) -> Vec<f64> {
    let m = b.len();
    let mut x = vec![0.0; m];
    let mut free = vec![false; m];
    let scale = b.iter().fold(0.0_f64, |s, v| s.max(v.abs()));
    for _ in 0..10 * m {
        let slope = |x: &[f64], i: usize| b[i] - (0..m).map(|j| a[i * m + j] * x[j]).sum::<f64>();
        let best = (0..m)
            .filter(|&i| !free[i])
            .max_by(|&i, &j| slope(&x, i).total_cmp(&slope(&x, j)).then(j.cmp(&i)));
        match best {
            Some(i) if slope(&x, i) > 1e-10 * scale => free[i] = true,
            _ => break,
        }
        loop {
            let set: Vec<usize> = (0..m).filter(|&i| free[i]).collect();
            let sub_a: Vec<f64> = set
                .iter()
                .flat_map(|&i| set.iter().map(move |&j| a[i * m + j]))
                .collect();
            let sub_b: Vec<f64> = set.iter().map(|&i| b[i]).collect();
            let z = solve_positive(&sub_a, &sub_b);
            if z.iter().all(|&v| v > 0.0) {
                for (&i, v) in set.iter().zip(z) {
                    x[i] = v;
                }
                break;
            }
            // Go as far as the first weight that would turn negative, and hold that one at zero.
            let mut share = 1.0_f64;
            for (&i, &v) in set.iter().zip(&z) {
                if v <= 0.0 {
                    share = share.min(x[i] / (x[i] - v).max(f64::MIN_POSITIVE));
                }
            }
            for (&i, &v) in set.iter().zip(&z) {
                x[i] += share * (v - x[i]);
                if v <= 0.0 && x[i] <= 1e-12 {
                    x[i] = 0.0;
                    free[i] = false;
                }
            }
            if set.iter().all(|&i| free[i]) {
                break;
            }
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;

    /// No direction along one or two weights makes the error smaller.
    #[test]
    fn the_solution_is_a_minimum() {
        for case in 0..50 {
            let mut stream = Seed::new(case).stream();
            let (n, m) = (40, 5);
            let p: Vec<f64> = (0..n * m).map(|_| stream.normal()).collect();
            let y: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
            let mut a = vec![0.0; m * m];
            let mut b = vec![0.0; m];
            for row in 0..n {
                for i in 0..m {
                    for j in 0..m {
                        a[i * m + j] += p[row * m + i] * p[row * m + j];
                    }
                    b[i] += p[row * m + i] * y[row];
                }
            }
            let x = non_negative_least_squares(&a, &b);
            for i in 0..m {
                let slope = b[i] - (0..m).map(|j| a[i * m + j] * x[j]).sum::<f64>();
                assert!(x[i] >= 0.0);
                assert!(slope < 1e-8, "case {case}: weight {i} should grow");
                assert!(x[i] == 0.0 || slope.abs() < 1e-8, "case {case}: weight {i}");
            }
        }
    }
}
