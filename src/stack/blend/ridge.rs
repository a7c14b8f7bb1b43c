//! Ridge regression on the members' values, shrunk towards their mean.

use std::sync::Arc;

use super::{Blender, FittedBlender, check_members};
use crate::data::{FitContext, InSample, OutOfSample, Prediction, Provenance, Values};
use crate::error::{Error, Result};
use crate::numeric::linalg::solve_positive;
use crate::numeric::sums::sum_over_rows;
use crate::stack::Meta;

/// Ridge regression on the members' values, shrunk towards equal weights.
///
/// The blend is `b + sum over members m of w_m p_m`, plus a coefficient for each feature passed
/// through (a missing one becomes the mean). Minimised is `sum over rows of weight x (y -
/// blend)^2 + alpha v sum of (w_m - 1/M)^2 + alpha sum of squared coefficients of standardised
/// features`, where `v` is the variance of the target: `alpha` counts in rows.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RidgeBlender {
    alpha: f64,
}

impl Default for RidgeBlender {
    fn default() -> Self {
        Self::new()
    }
}

impl RidgeBlender {
    /// With `alpha` 1.
    #[must_use]
    pub fn new() -> Self {
        Self { alpha: 1.0 }
    }

    /// How strongly weights are shrunk towards equal ones: above 0.
    #[must_use]
    pub fn with_alpha(self, alpha: f64) -> Self {
        Self { alpha }
    }
}

impl Blender<Values> for RidgeBlender {
    fn fit(
        &self,
        meta: &Meta<Values, InSample>,
        target: &Values,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Values>>> {
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return Err(Error::parameter("alpha", "finite and above 0", self.alpha));
        }
        let n_members = meta.predictions().len();
        let y = target.as_slice();
        let n = y.len();
        let weight = |row: usize| context.weights().map_or(1.0, |w| w[row]);
        let columns = columns(meta, context.weights());
        let d = columns.len();
        // Weighted means, then centred products: the offset is not drawn anywhere.
        let sums = sum_over_rows(n, d + 2, |from, to, sums| {
            for row in from..to {
                let w = weight(row);
                for (s, c) in sums.iter_mut().zip(&columns) {
                    *s += w * c[row];
                }
                sums[d] += w * y[row];
                sums[d + 1] += w;
            }
        });
        let total = sums[d + 1];
        if total <= 0.0 {
            return Err(Error::data("a weight above 0", "only zeros"));
        }
        let mean: Vec<f64> = sums[..=d].iter().map(|s| s / total).collect();
        let products = sum_over_rows(n, d * d + d + 1, |from, to, sums| {
            for row in from..to {
                let w = weight(row);
                let dy = y[row] - mean[d];
                for i in 0..d {
                    let di = columns[i][row] - mean[i];
                    for j in 0..=i {
                        sums[i * d + j] += w * di * (columns[j][row] - mean[j]);
                    }
                    sums[d * d + i] += w * di * dy;
                }
                sums[d * d + d] += w * dy * dy;
            }
        });
        let variance = products[d * d + d] / total;
        let mut a = products[..d * d].to_vec();
        let mut b = products[d * d..d * d + d].to_vec();
        for i in 0..d {
            for j in i + 1..d {
                a[i * d + j] = a[j * d + i];
            }
            if i < n_members {
                let pull = self.alpha * variance;
                a[i * d + i] += pull;
                b[i] += pull / n_members as f64;
            } else {
                // A feature passed through counts as if it had the variance one.
                a[i * d + i] += self.alpha * products[i * d + i] / total;
            }
        }
        let coefficients = solve_positive(&a, &b);
        let offset = mean[d]
            - coefficients
                .iter()
                .zip(&mean)
                .map(|(c, m)| c * m)
                .sum::<f64>();
        Ok(Arc::new(Linear {
            coefficients,
            extra_means: mean[n_members..d].to_vec(),
            offset,
            n_members,
        }))
    }
}

#[derive(Debug)]
struct Linear {
    coefficients: Vec<f64>,
    extra_means: Vec<f64>,
    offset: f64,
    n_members: usize,
}

impl FittedBlender<Values> for Linear {
    fn blend(&self, meta: &Meta<Values, OutOfSample>) -> Result<Values> {
        check_members(meta.predictions().len(), self.n_members)?;
        let mut out = vec![self.offset; meta.n_rows()];
        for (prediction, c) in meta.predictions().iter().zip(&self.coefficients) {
            for (o, v) in out.iter_mut().zip(prediction.column(0)) {
                *o += c * v;
            }
        }
        if let Some(extra) = meta.extra() {
            for (e, &mean) in self.extra_means.iter().enumerate() {
                let c = self.coefficients[self.n_members + e];
                for (o, &v) in out.iter_mut().zip(extra.column(e)) {
                    *o += c * if v.is_nan() { mean } else { f64::from(v) };
                }
            }
        }
        Values::new(out)
    }

    fn weights(&self) -> Option<&[f64]> {
        Some(&self.coefficients[..self.n_members])
    }
}

/// Members' values, then features passed through with their mean where missing.
fn columns<P: Provenance>(meta: &Meta<Values, P>, weights: Option<&[f64]>) -> Vec<Vec<f64>> {
    let mut columns: Vec<Vec<f64>> = meta
        .predictions()
        .iter()
        .map(|p| p.column(0).to_vec())
        .collect();
    if let Some(extra) = meta.extra() {
        for e in 0..extra.n_features() {
            let (mut sum, mut total) = (0.0, 0.0);
            for (row, &v) in extra
                .column(e)
                .iter()
                .enumerate()
                .filter(|(_, v)| !v.is_nan())
            {
                let w = weights.map_or(1.0, |w| w[row]);
                sum += w * f64::from(v);
                total += w;
            }
            let mean = if total > 0.0 { sum / total } else { 0.0 };
            columns.push(
                extra
                    .column(e)
                    .iter()
                    .map(|&v| if v.is_nan() { mean } else { f64::from(v) })
                    .collect(),
            );
        }
    }
    columns
}
