//! A log-linear pool of the members' probabilities: logistic regression on their logits.

use std::sync::Arc;

use super::{Blender, FittedBlender, check_members};
use crate::data::{
    Features, FitContext, InSample, Labels, OutOfSample, Prediction, Probabilities, Provenance,
    Target,
};
use crate::error::{Error, Result};
use crate::numeric::linalg::solve_positive;
use crate::numeric::links::softmax;
use crate::numeric::moments::Moments;
use crate::numeric::sums::sum_over_rows;
use crate::stack::Meta;
use crate::stack::meta::CLIP;

/// Logistic regression on the members' log-probabilities, shrunk towards equal weights.
///
/// For row `i` and class `k` the score is `sum over members m of w_m ln p_m(i, k) + b_k`, and the
/// blend the softmax of the scores: with two classes, logistic regression on logits. A member has
/// one weight whatever the number of classes, and `b_0` is 0. Features passed through are
/// standardised (a missing one becomes 0) and have a coefficient for each class but the first.
///
/// Minimised is `sum over rows of weight x -ln p(own class) + alpha/2 (sum of (w_m - 1/M)^2 + sum
/// of squared coefficients)` over `w_m >= 0` by Newton's method, projected (Bertsekas 1982): with a
/// large `alpha`, or few rows, the blend is the geometric mean of the members; with many rows the
/// data decide. Weights of 0 or more keep members that say nearly the same from being played off
/// against one another (Breiman 1996, on regression); [`Weights::Any`] allows it, which may pay with
/// a hundred thousand rows or more.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticBlender {
    alpha: f64,
    weights: Weights,
}

/// Which weights members may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Weights {
    /// Weights of 0 or more.
    #[default]
    NonNegative,
    /// Any.
    Any,
}

impl Default for LogisticBlender {
    fn default() -> Self {
        Self::new()
    }
}

impl LogisticBlender {
    /// With `alpha` 10 and weights of 0 or more.
    #[must_use]
    pub fn new() -> Self {
        Self {
            alpha: 10.0,
            weights: Weights::NonNegative,
        }
    }

    /// How strongly weights are shrunk towards equal ones: above 0.
    #[must_use]
    pub fn with_alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// Which weights members may have.
    #[must_use]
    pub fn with_weights(self, weights: Weights) -> Self {
        Self { weights, ..self }
    }
}

impl Blender<Labels> for LogisticBlender {
    fn fit(
        &self,
        meta: &Meta<Labels, InSample>,
        target: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Labels>>> {
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return Err(Error::parameter("alpha", "finite and above 0", self.alpha));
        }
        let scaling = meta
            .extra()
            .map(|extra| Scaling::of(extra, context.weights()));
        let scaling = scaling.unwrap_or_default();
        let design = Design::new(meta, &scaling, target.n_classes());
        let theta = newton(
            &design,
            target.codes(),
            context.weights(),
            self.alpha,
            self.weights,
        )?;
        Ok(Arc::new(Pool {
            theta,
            n_members: meta.predictions().len(),
            scaling,
            shape: target.take(&[]),
        }))
    }
}

#[derive(Debug)]
struct Pool {
    /// One weight per member, `K - 1` offsets, then `K - 1` coefficients per feature passed through.
    theta: Vec<f64>,
    n_members: usize,
    scaling: Scaling,
    shape: Labels,
}

impl FittedBlender<Labels> for Pool {
    fn blend(&self, meta: &Meta<Labels, OutOfSample>) -> Result<Probabilities> {
        check_members(meta.predictions().len(), self.n_members)?;
        let n_classes = self.shape.n_classes();
        let design = Design::new(meta, &self.scaling, n_classes);
        let mut columns = vec![vec![0.0; meta.n_rows()]; n_classes];
        let mut p = vec![0.0; n_classes];
        for row in 0..meta.n_rows() {
            design.probabilities(row, &self.theta, &mut p);
            for (column, &p) in columns.iter_mut().zip(&p) {
                column[row] = p;
            }
        }
        self.shape.prediction(columns)
    }

    fn weights(&self) -> Option<&[f64]> {
        Some(&self.theta[..self.n_members])
    }
}

/// Mean and inverse spread of each feature passed through.
#[derive(Debug, Clone, Default)]
struct Scaling {
    mean: Vec<f64>,
    inverse: Vec<f64>,
}

impl Scaling {
    /// Of the rows of weight above 0.
    fn of<P: Provenance>(features: &Features<P>, weights: Option<&[f64]>) -> Self {
        let has_weight = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
        let mut scaling = Self::default();
        for j in 0..features.n_features() {
            let rows = features.column(j).iter().enumerate();
            let present = rows.filter(|&(row, v)| !v.is_nan() && has_weight(row));
            let present = present.map(|(_, &v)| f64::from(v));
            let (mean, inverse) = Moments::plain(present).mean_and_scale();
            scaling.mean.push(mean);
            scaling.inverse.push(inverse);
        }
        scaling
    }
}

/// The numbers that the scores are linear in.
struct Design {
    n_members: usize,
    n_classes: usize,
    /// `ln p_m(i, k)` at `(i * n_members + m) * n_classes + k`; for two classes less that of the
    /// first, so that only the second's is not zero.
    logs: Vec<f64>,
    /// The features passed through at `i * n_extra + e`, standardised.
    extra: Vec<f64>,
    n_extra: usize,
}

impl Design {
    fn new<P: Provenance>(meta: &Meta<Labels, P>, scaling: &Scaling, n_classes: usize) -> Self {
        let (n, m) = (meta.n_rows(), meta.predictions().len());
        let mut logs = vec![0.0; n * m * n_classes];
        for (member, prediction) in meta.predictions().iter().enumerate() {
            for k in 0..n_classes {
                for (row, &p) in prediction.column(k).iter().enumerate() {
                    logs[(row * m + member) * n_classes + k] = p.clamp(CLIP, 1.0).ln();
                }
            }
        }
        if n_classes == 2 {
            for pair in logs.chunks_exact_mut(2) {
                pair[1] -= pair[0];
                pair[0] = 0.0;
            }
        }
        let n_extra = scaling.mean.len();
        let mut extra = vec![0.0; n * n_extra];
        if let Some(features) = meta.extra() {
            for e in 0..n_extra {
                for (row, &v) in features.column(e).iter().enumerate() {
                    let v = (f64::from(v) - scaling.mean[e]) * scaling.inverse[e];
                    extra[row * n_extra + e] = if v.is_nan() { 0.0 } else { v };
                }
            }
        }
        Self {
            n_members: m,
            n_classes,
            logs,
            extra,
            n_extra,
        }
    }

    fn n_parameters(&self) -> usize {
        self.n_members + (self.n_classes - 1) * (1 + self.n_extra)
    }

    /// The row's `n_classes` x `n_parameters` derivatives of the scores.
    fn derivatives(&self, row: usize, out: &mut [f64]) {
        let (m, k_all, d) = (self.n_members, self.n_classes, self.n_parameters());
        out.fill(0.0);
        for k in 0..k_all {
            let out = &mut out[k * d..(k + 1) * d];
            for (member, o) in out[..m].iter_mut().enumerate() {
                *o = self.logs[(row * m + member) * k_all + k];
            }
            if k > 0 {
                out[m + k - 1] = 1.0;
                let at = m + k_all - 1 + (k - 1) * self.n_extra;
                out[at..at + self.n_extra]
                    .copy_from_slice(&self.extra[row * self.n_extra..(row + 1) * self.n_extra]);
            }
        }
    }

    fn probabilities(&self, row: usize, theta: &[f64], p: &mut [f64]) {
        let d = self.n_parameters();
        let mut derivatives = vec![0.0; self.n_classes * d];
        self.derivatives(row, &mut derivatives);
        softmax_of(&derivatives, theta, p);
    }
}

/// The softmax of the scores, from their derivatives.
fn softmax_of(derivatives: &[f64], theta: &[f64], p: &mut [f64]) {
    let d = theta.len();
    for (k, p) in p.iter_mut().enumerate() {
        *p = derivatives[k * d..(k + 1) * d]
            .iter()
            .zip(theta)
            .map(|(x, t)| x * t)
            .sum();
    }
    softmax(p);
}

/// Adds the penalty to the loss and, where they are there, to its gradient and its Hessian, whose
/// upper half it fills in.
fn penalise(sums: &mut [f64], theta: &[f64], prior: &[f64], strength: &[f64]) {
    let d = theta.len();
    let with_hessian = sums.len() > 1;
    for j in 0..d {
        let away = theta[j] - prior[j];
        sums[0] += 0.5 * strength[j] * away * away;
        if with_hessian {
            sums[1 + j] += strength[j] * away;
            sums[1 + d + j * d + j] += strength[j];
            for i in 0..j {
                sums[1 + d + i * d + j] = sums[1 + d + j * d + i];
            }
        }
    }
}

/// Takes a parameter out of the system of a step, which then leaves it where it is.
fn hold(j: usize, gradient: &mut [f64], hessian: &mut [f64]) {
    let d = gradient.len();
    gradient[j] = 0.0;
    for i in 0..d {
        hessian[i * d + j] = 0.0;
        hessian[j * d + i] = 0.0;
    }
    hessian[j * d + j] = 1.0;
}

/// Newton's method with halved steps, projected on the weights that are allowed.
fn newton(
    design: &Design,
    codes: &[u32],
    weights: Option<&[f64]>,
    alpha: f64,
    allowed: Weights,
) -> Result<Vec<f64>> {
    let (n, d, n_classes) = (codes.len(), design.n_parameters(), design.n_classes);
    let start = 1.0 / design.n_members as f64;
    let prior: Vec<f64> = (0..d)
        .map(|j| if j < design.n_members { start } else { 0.0 })
        .collect();
    // Offsets are drawn to zero too little to matter, which keeps the system regular.
    let strength: Vec<f64> = (0..d)
        .map(|j| {
            let offset = (design.n_members..design.n_members + n_classes - 1).contains(&j);
            if offset { 1e-8 } else { alpha }
        })
        .collect();
    let weight = |row: usize| weights.map_or(1.0, |w| w[row]);
    // The loss, its gradient and its Hessian, in one vector.
    let sums = |theta: &[f64], with_hessian: bool| -> Vec<f64> {
        let n_sums = if with_hessian { 1 + d + d * d } else { 1 };
        let mut total = sum_over_rows(n, n_sums, |from, to, sums| {
            let mut x = vec![0.0; n_classes * d];
            let mut p = vec![0.0; n_classes];
            let mut mean = vec![0.0; d];
            for (row, &own) in (from..to).zip(&codes[from..to]) {
                design.derivatives(row, &mut x);
                softmax_of(&x, theta, &mut p);
                let own = own as usize;
                let w = weight(row);
                sums[0] -= w * p[own].max(f64::MIN_POSITIVE).ln();
                if !with_hessian {
                    continue;
                }
                mean.fill(0.0);
                for (k, &p) in p.iter().enumerate() {
                    for (m, &x) in mean.iter_mut().zip(&x[k * d..(k + 1) * d]) {
                        *m += p * x;
                    }
                }
                let (gradient, hessian) = sums[1..].split_at_mut(d);
                for (j, g) in gradient.iter_mut().enumerate() {
                    *g += w * (mean[j] - x[own * d + j]);
                }
                for (k, &p) in p.iter().enumerate() {
                    let x = &x[k * d..(k + 1) * d];
                    for i in 0..d {
                        let scaled = w * p * (x[i] - mean[i]);
                        if scaled != 0.0 {
                            for j in 0..=i {
                                hessian[i * d + j] += scaled * (x[j] - mean[j]);
                            }
                        }
                    }
                }
            }
        });
        penalise(&mut total, theta, &prior, &strength);
        total
    };
    let bounded = |j: usize| allowed == Weights::NonNegative && j < design.n_members;
    let mut theta = prior.clone();
    for _ in 0..100 {
        let mut now = sums(&theta, true);
        // A weight at zero that would go below stays where it is.
        for j in (0..d).filter(|&j| bounded(j)) {
            if theta[j] <= 0.0 && now[1 + j] > 0.0 {
                let (gradient, hessian) = now[1..].split_at_mut(d);
                hold(j, gradient, hessian);
            }
        }
        let step = solve_positive(&now[1 + d..], &now[1..=d]);
        let descent: f64 = step.iter().zip(&now[1..=d]).map(|(s, g)| s * g).sum();
        if descent <= 1e-12 * (1.0 + now[0].abs()) {
            break;
        }
        let mut share = 1.0;
        let mut next = theta.clone();
        while share > 1e-6 {
            for (j, (t, s)) in next.iter_mut().zip(&step).enumerate() {
                *t = theta[j] - share * s;
                if bounded(j) {
                    *t = t.max(0.0);
                }
            }
            if sums(&next, false)[0] <= now[0] {
                break;
            }
            share *= 0.5;
        }
        if share <= 1e-6 {
            break;
        }
        theta = next;
    }
    match theta.iter().find(|t| !t.is_finite()) {
        Some(&bad) => Err(Error::not_finite(bad)),
        None => Ok(theta),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::RowIndex;
    use crate::random::Seed;

    fn meta(n: usize, n_classes: usize, n_members: usize) -> (Meta<Labels, InSample>, Labels) {
        let mut stream = Seed::new(5).stream();
        let codes: Vec<u32> = (0..n)
            .map(|_| u32::try_from(stream.below(n_classes)).unwrap())
            .collect();
        let classes = (0..n_classes).map(|k| format!("c{k}")).collect();
        let labels = Labels::new(codes.clone(), classes).unwrap();
        let predictions = (0..n_members)
            .map(|member| {
                let mut columns = vec![vec![0.0; n]; n_classes];
                for row in 0..n {
                    let mut p: Vec<f64> = (0..n_classes)
                        .map(|k| {
                            let own = f64::from(u8::from(codes[row] as usize == k));
                            (own * (member + 1) as f64 * 0.5 + stream.normal()).exp()
                        })
                        .collect();
                    let total: f64 = p.iter().sum();
                    for p in &mut p {
                        *p /= total;
                    }
                    for (column, p) in columns.iter_mut().zip(p) {
                        column[row] = p;
                    }
                }
                labels.prediction(columns).unwrap()
            })
            .collect();
        let names = (0..n_members).map(|m| format!("m{m}")).collect();
        (Meta::new(names, predictions, None), labels)
    }

    #[test]
    fn the_gradient_vanishes_at_the_solution() {
        for n_classes in [2, 4] {
            let (meta, labels) = meta(500, n_classes, 3);
            let design = Design::new(&meta, &Scaling::default(), n_classes);
            let theta = newton(&design, labels.codes(), None, 2.0, Weights::Any).unwrap();
            let loss = |theta: &[f64]| -> f64 {
                let mut p = vec![0.0; n_classes];
                let mut loss = 0.0;
                for (row, &code) in labels.codes().iter().enumerate() {
                    design.probabilities(row, theta, &mut p);
                    loss -= p[code as usize].ln();
                }
                let penalty: f64 = theta[..3].iter().map(|w| (w - 1.0 / 3.0).powi(2)).sum();
                loss + penalty
            };
            for j in 0..theta.len() {
                let (mut up, mut down) = (theta.clone(), theta.clone());
                up[j] += 1e-5;
                down[j] -= 1e-5;
                let slope = (loss(&up) - loss(&down)) / 2e-5;
                assert!(
                    slope.abs() < 1e-3,
                    "{n_classes} classes: slope {slope} at {j}"
                );
            }
        }
    }

    #[test]
    fn a_strong_pull_gives_equal_weights() {
        let (meta, labels) = meta(200, 3, 4);
        let design = Design::new(&meta, &Scaling::default(), 3);
        let theta = newton(&design, labels.codes(), None, 1e9, Weights::Any).unwrap();
        assert!(theta[..4].iter().all(|w| (w - 0.25).abs() < 1e-5));
    }

    /// No step along an allowed direction makes the loss smaller.
    #[test]
    fn bounded_weights_are_a_minimum_too() {
        let (meta, labels) = meta(300, 2, 4);
        // The last member says the opposite of the third.
        let mut predictions = meta.predictions().to_vec();
        predictions[3] = labels
            .prediction(vec![
                predictions[2].column(1).to_vec(),
                predictions[2].column(0).to_vec(),
            ])
            .unwrap();
        let meta: Meta<Labels, InSample> = Meta::new(meta.names().into(), predictions, None);
        let design = Design::new(&meta, &Scaling::default(), 2);
        let fit = |allowed| newton(&design, labels.codes(), None, 2.0, allowed).unwrap();
        let (free, bounded) = (fit(Weights::Any), fit(Weights::NonNegative));
        assert!(free[3] < -0.05, "{free:?}");
        assert!(bounded[..4].iter().all(|&w| w >= 0.0), "{bounded:?}");
        assert!(bounded[3] <= 0.0, "{bounded:?}");
        let loss = |theta: &[f64]| -> f64 {
            let mut p = vec![0.0; 2];
            let mut loss = 0.0;
            for (row, &code) in labels.codes().iter().enumerate() {
                design.probabilities(row, theta, &mut p);
                loss -= p[code as usize].ln();
            }
            loss + theta[..4].iter().map(|w| (w - 0.25).powi(2)).sum::<f64>()
        };
        let least = loss(&bounded);
        for j in 0..bounded.len() {
            for step in [-1e-3, 1e-3] {
                let mut other = bounded.clone();
                other[j] += step;
                if j >= 4 || other[j] >= 0.0 {
                    assert!(loss(&other) >= least - 1e-9, "parameter {j} by {step}");
                }
            }
        }
    }

    #[test]
    fn target_outputs_match_informative_columns() {
        let (meta, labels) = meta(10, 2, 1);
        assert_eq!(meta.predictions()[0].informative(), 1..2);
        assert_eq!(labels.output(0, RowIndex::All(10)).len(), 10);
    }
}
