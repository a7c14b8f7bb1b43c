//! What boosting minimises: losses of raw scores, their gradients and hessians.

use crate::data::DynTarget;
use crate::error::{Error, Result};
use crate::numeric::links::{binary_log_loss, log_sum_exp, sigmoid, softmax};
use crate::numeric::quantile::weighted_quantile;
use crate::numeric::sums::weighted_mean;

/// The loss that boosting minimises.
///
/// A model's trees add up to a raw score `s` for each row (one score per class where there are more
/// than two), which a link turns into what is predicted.
///
/// ```
/// use stackfold::model::hist::Loss;
/// assert_eq!(Loss::default(), Loss::Auto);
/// assert_ne!(Loss::Quantile(0.1), Loss::Quantile(0.9));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Loss {
    /// [`Loss::LogLoss`] for labels, [`Loss::Squared`] for values.
    #[default]
    Auto,
    /// Labels: `-ln p` of the row's class.
    ///
    /// Of two classes, the positive one has `p = 1 / (1 + exp(-s))`, and with `y` of 0 or 1 the
    /// loss is `ln(1 + exp(s)) - y s`. Of `K > 2`, class `k` has
    /// `p_k = exp(s_k) / sum_j exp(s_j)`, and there are `K` trees a round.
    LogLoss,
    /// Values: half the squared error, `(y - s)^2 / 2`; the prediction `s` is a mean.
    Squared,
    /// Values: the absolute error, `|y - s|`; the prediction `s` is a median.
    Absolute,
    /// Values: the pinball loss at a level `q` strictly between 0 and 1, `q (y - s)` where `s` is
    /// below `y` and `(1 - q) (s - y)` where it is not; the prediction `s` is the `q` quantile
    /// (Koenker and Bassett 1978).
    Quantile(f64),
    /// Values of 0 or more, not all of them 0: the Poisson deviance without the terms that do not
    /// depend on the score, halved: `exp(s) - y s`. The prediction `exp(s)` is a mean.
    Poisson,
}

/// Least probability of a class in the constant score: that of a class without any weight.
const LEAST_SHARE: f64 = 1e-12;

/// Least hessian of a row, before its weight.
const LEAST_HESSIAN: f64 = 1e-16;

/// Scores of a log link above this are taken to be this: `exp` of it is finite.
const LARGEST_LOG: f64 = 700.0;

/// What the Poisson hessian is multiplied by, `exp(0.7)`: a leaf whose mean is far above the
/// scores so far would otherwise step too far.
const POISSON_DAMPING: f64 = 2.013_752_707_470_477;

/// A [`Loss`] that has met its target.
///
/// The target `y` comes as numbers: the class's code for labels, the value otherwise. Scores come
/// one slice a score, `scores[k][row]`. Weights must be finite, none negative, and of a positive
/// sum.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Objective {
    /// Two classes.
    Logistic,
    /// More than two.
    Softmax {
        /// How many.
        n_classes: usize,
    },
    Squared,
    Absolute,
    /// At this level.
    Quantile(f64),
    Poisson,
}

impl Objective {
    /// This loss of this target.
    ///
    /// # Errors
    /// If a loss of labels meets values or the other way round; if a quantile's level is not
    /// strictly between 0 and 1.
    pub(crate) fn new(loss: Loss, target: &dyn DynTarget) -> Result<Self> {
        let n_classes = target.class_names().len();
        let values_only = |objective| match n_classes {
            0 => Ok(objective),
            _ => Err(Error::parameter(
                "loss",
                "Auto or LogLoss for labels",
                format!("{loss:?}"),
            )),
        };
        match loss {
            Loss::Auto | Loss::LogLoss if n_classes == 2 => Ok(Self::Logistic),
            Loss::Auto | Loss::LogLoss if n_classes > 2 => Ok(Self::Softmax { n_classes }),
            Loss::LogLoss => Err(Error::parameter(
                "loss",
                "Auto, Squared, Absolute, Quantile or Poisson for values",
                "LogLoss",
            )),
            Loss::Auto | Loss::Squared => values_only(Self::Squared),
            Loss::Absolute => values_only(Self::Absolute),
            Loss::Quantile(level) if level > 0.0 && level < 1.0 => {
                values_only(Self::Quantile(level))
            }
            Loss::Quantile(level) => Err(Error::parameter(
                "loss",
                "a quantile of a level above 0 and below 1",
                level,
            )),
            Loss::Poisson => values_only(Self::Poisson),
        }
    }

    /// The L2 penalty of leaf values that keeps them bounded where hessians vanish; 0 where they do
    /// not. Of more than two classes 0.1 was enough on the data tried, and 1 did worse where classes
    /// follow a rule without noise.
    pub(crate) fn default_l2(self) -> f64 {
        match self {
            Self::Logistic | Self::Poisson => 1.0,
            Self::Softmax { .. } => 0.1,
            Self::Squared | Self::Absolute | Self::Quantile(_) => 0.0,
        }
    }

    /// How many scores a row has: as many trees are grown a round.
    pub(crate) fn n_scores(self) -> usize {
        match self {
            Self::Softmax { n_classes } => n_classes,
            _ => 1,
        }
    }

    /// Checks that the loss is defined for each value of a weight above 0, and that the gradients,
    /// which are 32 bits wide, can hold it.
    ///
    /// # Errors
    /// If a value is beyond the range of `f32`, or is negative for Poisson (the error names the
    /// row); if all values are 0 for Poisson.
    pub(crate) fn check(self, y: &[f64], weights: Option<&[f64]>) -> Result<()> {
        let counts = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
        let first = |expected: &str, wrong: fn(f64) -> bool| match (0..y.len())
            .find(|&row| wrong(y[row]) && counts(row))
        {
            Some(row) => Err(Error::data(expected, y[row]).in_row(row)),
            None => Ok(()),
        };
        first("values within the range of 32-bit numbers", |v| {
            v.abs() > f64::from(f32::MAX)
        })?;
        if self == Self::Poisson {
            first("values of 0 or more for the Poisson loss", |v| v < 0.0)?;
            if (0..y.len()).all(|row| y[row] == 0.0 || !counts(row)) {
                return Err(Error::data(
                    "a value above 0 for the Poisson loss",
                    "only zeros",
                ));
            }
        }
        Ok(())
    }

    /// The constant scores with the least weighted loss, one a score.
    ///
    /// The log-odds `ln(p / (1 - p))` of the positive class's share `p`; `ln p_k` of each class's
    /// share; the mean; the median; the quantile; the logarithm of the mean. Shares are not taken
    /// below 1e-12 (nor, of two classes, above 1 - 1e-12), and neither is a Poisson mean of 0: a
    /// class without weight stays possible.
    pub(crate) fn initial(self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        let quantile = |level: f64| {
            let mut pairs: Vec<(f64, f64)> = match weights {
                None => y.iter().map(|&v| (v, 1.0)).collect(),
                Some(weights) => y.iter().copied().zip(weights.iter().copied()).collect(),
            };
            weighted_quantile(&mut pairs, level)
        };
        match self {
            Self::Logistic => {
                let share = weighted_mean(y.len(), weights, |row| y[row]);
                let share = share.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE);
                vec![share.ln() - (-share).ln_1p()]
            }
            Self::Softmax { n_classes } => {
                let mut sums = vec![0.0; n_classes];
                for (row, &class) in y.iter().enumerate() {
                    sums[class_of(class)] += weights.map_or(1.0, |w| w[row]);
                }
                let total: f64 = sums.iter().sum();
                let log = |sum: f64| (sum / total).max(LEAST_SHARE).ln();
                sums.into_iter().map(log).collect()
            }
            Self::Squared => vec![weighted_mean(y.len(), weights, |row| y[row])],
            Self::Absolute => vec![quantile(0.5)],
            Self::Quantile(level) => vec![quantile(level)],
            Self::Poisson => {
                let mean = weighted_mean(y.len(), weights, |row| y[row]);
                vec![if mean > 0.0 { mean } else { LEAST_SHARE }.ln()]
            }
        }
    }

    /// The level of the weighted quantile of residuals `y - s` that a leaf's value is set to once
    /// its tree has grown, for losses whose gradients do not tell how far to go (Friedman 2001,
    /// algorithms 3 and 4).
    pub(crate) fn renewed_leaf(self) -> Option<f64> {
        match self {
            Self::Absolute => Some(0.5),
            Self::Quantile(level) => Some(level),
            Self::Logistic | Self::Softmax { .. } | Self::Squared | Self::Poisson => None,
        }
    }

    /// Gradients and hessians of a run of rows: `out[k][row]` gets both for `scores[k][row]`,
    /// times the row's weight.
    ///
    /// | loss | gradient | hessian |
    /// |---|---|---|
    /// | logistic | `p - y` | `p (1 - p)` |
    /// | softmax of `K` | `p_k - [y = k]` | `K / (K - 1) p_k (1 - p_k)` |
    /// | squared | `s - y` | 1 |
    /// | absolute | the sign of `s - y` | 1 |
    /// | quantile `q` | `-q` below `y`, `1 - q` above it | 1 |
    /// | Poisson | `exp(s) - y` | `exp(0.7) exp(s)` |
    ///
    /// The gradients of the absolute and the quantile loss are 0 where `s = y`. The factor of
    /// the softmax hessian is that of Friedman (2001, algorithm 6): the `K` scores have one more
    /// degree of freedom than the probabilities. The Poisson hessian is damped by `exp(0.7)`, so
    /// that steps from low scores to high values are shorter. Hessians are at least 1e-16 before
    /// the weight, and nothing exceeds the range of `f32`.
    ///
    /// # Panics
    /// If there are fewer slices than scores, or a class is not below the number of classes.
    pub(crate) fn gradients(
        self,
        scores: &[&[f64]],
        y: &[f64],
        weights: Option<&[f64]>,
        out: &mut [&mut [[f32; 2]]],
    ) {
        match self {
            Self::Softmax { n_classes } => {
                softmax_gradients(n_classes, scores, y, weights, out);
            }
            Self::Logistic => fill(out[0], scores[0], y, weights, |s, y| {
                let p = sigmoid(s);
                [p - y, (p * (1.0 - p)).max(LEAST_HESSIAN)]
            }),
            Self::Squared => fill(out[0], scores[0], y, weights, |s, y| [s - y, 1.0]),
            Self::Absolute => fill(out[0], scores[0], y, weights, |s, y| {
                [indicator(s > y) - indicator(s < y), 1.0]
            }),
            Self::Quantile(level) => fill(out[0], scores[0], y, weights, |s, y| {
                let above = (1.0 - level) * indicator(s > y);
                [above - level * indicator(s < y), 1.0]
            }),
            Self::Poisson => fill(out[0], scores[0], y, weights, |s, y| {
                let mean = rate(s);
                [mean - y, (POISSON_DAMPING * mean).max(LEAST_HESSIAN)]
            }),
        }
    }

    /// The weighted mean of the rows' losses, as [`Loss`] has them.
    pub(crate) fn loss(self, scores: &[&[f64]], y: &[f64], weights: Option<&[f64]>) -> f64 {
        let mean = |loss: &(dyn Fn(f64, f64) -> f64 + Sync)| {
            let scores = &scores[0][..y.len()];
            weighted_mean(y.len(), weights, |row| loss(scores[row], y[row]))
        };
        match self {
            Self::Logistic => mean(&binary_log_loss),
            Self::Softmax { .. } => weighted_mean(y.len(), weights, |row| {
                let (largest, log_sum) = log_sum_exp(scores.iter().map(|s| s[row]));
                log_sum + largest - scores[class_of(y[row])][row]
            }),
            Self::Squared => mean(&|s, y| 0.5 * (y - s) * (y - s)),
            Self::Absolute => mean(&|s, y| (y - s).abs()),
            Self::Quantile(level) => mean(&|s, y| (level * (y - s)).max((level - 1.0) * (y - s))),
            Self::Poisson => mean(&|s, y| rate(s) - y * s),
        }
    }

    /// Columns of scores into the columns that [`Target::prediction`] takes: the positive class's
    /// probability (binary), one probability per class (multiclass), values.
    pub(crate) fn outputs(self, mut scores: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        match self {
            Self::Softmax { n_classes } => {
                let n_rows = scores.first().map_or(0, Vec::len);
                let mut row_scores = vec![0.0; n_classes];
                for row in 0..n_rows {
                    for (s, column) in row_scores.iter_mut().zip(&scores) {
                        *s = column[row];
                    }
                    softmax(&mut row_scores);
                    for (p, column) in row_scores.iter().zip(&mut scores) {
                        column[row] = *p;
                    }
                }
            }
            // Each score is an output by itself.
            _ => {
                for column in &mut scores {
                    self.row_outputs(column);
                }
            }
        }
        scores
    }

    /// One row's scores into its outputs, in place.
    pub(crate) fn row_outputs(self, raw: &mut [f64]) {
        match self {
            Self::Logistic => {
                for s in raw {
                    *s = sigmoid(*s);
                }
            }
            Self::Softmax { .. } => softmax(raw),
            Self::Poisson => {
                for s in raw {
                    *s = rate(*s);
                }
            }
            Self::Squared | Self::Absolute | Self::Quantile(_) => {}
        }
    }
}

/// `exp(s)`, finite.
fn rate(s: f64) -> f64 {
    s.min(LARGEST_LOG).exp()
}

fn softmax_gradients(
    n_classes: usize,
    scores: &[&[f64]],
    y: &[f64],
    weights: Option<&[f64]>,
    out: &mut [&mut [[f32; 2]]],
) {
    let factor = n_classes as f64 / (n_classes as f64 - 1.0);
    let mut probabilities = vec![0.0; n_classes];
    for (row, &class) in y.iter().enumerate() {
        for (p, scores) in probabilities.iter_mut().zip(scores) {
            *p = scores[row];
        }
        softmax(&mut probabilities);
        let class = class_of(class);
        let weight = weights.map_or(1.0, |w| w[row]);
        for (k, (&p, out)) in probabilities.iter().zip(out.iter_mut()).enumerate() {
            let hessian = (factor * p * (1.0 - p)).max(LEAST_HESSIAN);
            out[row] = narrow([p - indicator(k == class), hessian], weight);
        }
    }
}

/// Gradient and hessian of each row from its score and its target.
fn fill(
    out: &mut [[f32; 2]],
    scores: &[f64],
    y: &[f64],
    weights: Option<&[f64]>,
    derivatives: impl Fn(f64, f64) -> [f64; 2],
) {
    let rows = out.iter_mut().zip(scores).zip(y);
    match weights {
        None => rows.for_each(|((out, &s), &y)| *out = narrow(derivatives(s, y), 1.0)),
        Some(weights) => rows
            .zip(weights)
            .for_each(|(((out, &s), &y), &w)| *out = narrow(derivatives(s, y), w)),
    }
}

/// Both times the weight, as `f32` and within its range.
#[allow(clippy::cast_possible_truncation, reason = "clamped to the range")]
fn narrow(pair: [f64; 2], weight: f64) -> [f32; 2] {
    let largest = f64::from(f32::MAX);
    pair.map(|x| (x * weight).clamp(-largest, largest) as f32)
}

fn indicator(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a class's code"
)]
fn class_of(code: f64) -> usize {
    code as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Labels, Values};
    use crate::numeric::sums::RUN;

    const SOFTMAX: Objective = Objective::Softmax { n_classes: 3 };
    const ALL: [Objective; 6] = [
        Objective::Logistic,
        SOFTMAX,
        Objective::Squared,
        Objective::Absolute,
        Objective::Quantile(0.2),
        Objective::Poisson,
    ];

    /// Targets that the loss is defined for, with repeats.
    fn targets(objective: Objective) -> Vec<f64> {
        match objective {
            Objective::Logistic => vec![0.0, 1.0, 1.0, 0.0, 1.0, 1.0],
            Objective::Softmax { .. } => vec![0.0, 2.0, 1.0, 2.0, 2.0, 1.0],
            Objective::Poisson => vec![0.0, 3.0, 1.0, 0.0, 2.0, 7.5],
            _ => vec![-2.0, 0.5, 0.5, 3.0, 1.25, 9.0],
        }
    }

    fn scores(objective: Objective, n_rows: usize) -> Vec<Vec<f64>> {
        let score = |k: usize, row: usize| ((5 * k + 3 * row) % 7) as f64 * 0.61 - 1.83;
        let column = |k| (0..n_rows).map(|row| score(k, row)).collect();
        (0..objective.n_scores()).map(column).collect()
    }

    fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
        columns.iter().map(Vec::as_slice).collect()
    }

    fn gradients(
        objective: Objective,
        scores: &[Vec<f64>],
        y: &[f64],
        weights: Option<&[f64]>,
    ) -> Vec<Vec<[f32; 2]>> {
        let mut out = vec![vec![[f32::NAN; 2]; y.len()]; scores.len()];
        let mut slots: Vec<&mut [[f32; 2]]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        objective.gradients(&slices(scores), y, weights, &mut slots);
        out
    }

    fn assert_close(found: f64, expected: f64, tolerance: f64, what: impl std::fmt::Debug) {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(1.0),
            "{what:?}: {found}, not {expected}"
        );
    }

    #[test]
    fn auto_follows_the_target() {
        let two = Labels::from_strs(&["a", "b", "a"]).unwrap();
        let three = Labels::from_strs(&["a", "b", "c", "a"]).unwrap();
        let values = Values::new(vec![1.0, 2.0]).unwrap();
        assert_eq!(
            Objective::new(Loss::Auto, &two).unwrap(),
            Objective::Logistic
        );
        assert_eq!(Objective::new(Loss::Auto, &three).unwrap(), SOFTMAX);
        assert_eq!(
            Objective::new(Loss::Auto, &values).unwrap(),
            Objective::Squared
        );
        assert_eq!(
            Objective::new(Loss::LogLoss, &values)
                .unwrap_err()
                .to_string(),
            "loss must be Auto, Squared, Absolute, Quantile or Poisson for values, not LogLoss"
        );
        for loss in [
            Loss::Squared,
            Loss::Absolute,
            Loss::Quantile(0.5),
            Loss::Poisson,
        ] {
            assert!(Objective::new(loss, &two).is_err(), "{loss:?}");
            assert!(Objective::new(loss, &three).is_err(), "{loss:?}");
            assert!(Objective::new(loss, &values).is_ok(), "{loss:?}");
        }
        for level in [0.0, 1.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Objective::new(Loss::Quantile(level), &values).is_err());
        }
    }

    #[test]
    fn targets_are_checked_and_rows_named() {
        for objective in ALL {
            objective.check(&targets(objective), None).unwrap();
        }
        let error = Objective::Poisson
            .check(&[1.0, 0.0, -1.0], None)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 2: expected values of 0 or more for the Poisson loss, found -1"
        );
        assert!(Objective::Poisson.check(&[0.0, 0.0], None).is_err());
        assert_eq!(
            Objective::Squared
                .check(&[0.0, 1e39], None)
                .unwrap_err()
                .row(),
            Some(1)
        );
    }

    #[test]
    fn derivatives_are_those_of_the_loss() {
        let step = 1e-3;
        for objective in ALL {
            let y = targets(objective);
            let columns = scores(objective, y.len());
            let found = gradients(objective, &columns, &y, None);
            for row in 0..y.len() {
                for k in 0..columns.len() {
                    let at = |shift: f64| {
                        let mut scores: Vec<[f64; 1]> = columns.iter().map(|c| [c[row]]).collect();
                        scores[k][0] += shift;
                        let scores: Vec<&[f64]> = scores.iter().map(<[f64; 1]>::as_slice).collect();
                        objective.loss(&scores, &y[row..=row], None)
                    };
                    let first = (at(step) - at(-step)) / (2.0 * step);
                    let second = match objective {
                        Objective::Absolute | Objective::Quantile(_) => 1.0,
                        _ => (at(step) - 2.0 * at(0.0) + at(-step)) / (step * step),
                    };
                    let factor = match objective {
                        Objective::Softmax { .. } => 1.5,
                        Objective::Poisson => 0.7_f64.exp(),
                        _ => 1.0,
                    };
                    let [gradient, hessian] = found[k][row].map(f64::from);
                    assert_close(gradient, first, 2e-6, (objective, row, k));
                    assert_close(hessian, factor * second, 2e-6, (objective, row, k));
                }
            }
        }
    }

    #[test]
    fn ties_have_no_gradient() {
        for objective in [Objective::Absolute, Objective::Quantile(0.2)] {
            let found = gradients(objective, &[vec![3.0]], &[3.0], None);
            assert_eq!(found, [[[0.0, 1.0]]]);
        }
    }

    #[test]
    fn leaves_of_quantiles_are_renewed() {
        let residuals = [-2.0, 0.5, 0.5, 3.0, 9.0];
        for objective in ALL {
            let level = objective.renewed_leaf();
            assert_eq!(
                level.is_some(),
                matches!(objective, Objective::Absolute | Objective::Quantile(_))
            );
            if let Some(level) = level {
                let mut pairs = residuals.map(|r| (r, 1.0));
                let leaf = weighted_quantile(&mut pairs, level);
                assert_eq!(objective.initial(&residuals, None), [leaf]);
            }
        }
    }

    #[test]
    fn an_integer_weight_is_a_repetition() {
        let counts = [2.0, 0.0, 3.0, 1.0, 1.0, 2.0];
        for objective in ALL {
            let y = targets(objective);
            let columns = scores(objective, y.len());
            let repeat = |values: &[f64]| -> Vec<f64> {
                let pairs = values.iter().zip(counts);
                pairs
                    .flat_map(|(&v, count)| vec![v; class_of(count)])
                    .collect()
            };
            let many_y = repeat(&y);
            let many: Vec<Vec<f64>> = columns.iter().map(|c| repeat(c)).collect();

            for (a, b) in objective
                .initial(&y, Some(&counts))
                .into_iter()
                .zip(objective.initial(&many_y, None))
            {
                assert_close(a, b, 1e-14, objective);
            }
            let weighted = objective.loss(&slices(&columns), &y, Some(&counts));
            assert_close(
                weighted,
                objective.loss(&slices(&many), &many_y, None),
                1e-14,
                objective,
            );
            let weighted = gradients(objective, &columns, &y, Some(&counts));
            let repeated = gradients(objective, &many, &many_y, None);
            for (a, b) in weighted.iter().zip(&repeated) {
                for side in 0..2 {
                    let sum = |pairs: &[[f32; 2]]| pairs.iter().map(|p| f64::from(p[side])).sum();
                    assert_close(sum(a), sum(b), 1e-6, objective);
                }
            }
        }
    }

    #[test]
    fn no_constant_near_the_initial_one_has_less_loss() {
        let weights = [0.5, 2.0, 1.0, 0.0, 3.0, 0.75];
        for objective in ALL {
            let y = targets(objective);
            for weights in [None, Some(&weights[..])] {
                let initial = objective.initial(&y, weights);
                assert_eq!(initial.len(), objective.n_scores());
                let loss = |scores: &[f64]| {
                    let columns: Vec<Vec<f64>> = scores.iter().map(|&s| vec![s; y.len()]).collect();
                    objective.loss(&slices(&columns), &y, weights)
                };
                let least = loss(&initial);
                for k in 0..initial.len() {
                    for shift in [-0.5, -1e-3, 1e-3, 0.5] {
                        let mut other = initial.clone();
                        other[k] += shift;
                        assert!(loss(&other) >= least - 1e-13, "{objective:?} {k} {shift}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_class_without_weight_stays_possible() {
        let [score] = Objective::Logistic.initial(&[1.0, 1.0], None)[..] else {
            panic!("one score");
        };
        assert_close((-score).exp(), 1e-12, 1e-15, "logistic");
        let mut scores = SOFTMAX.initial(&[0.0, 2.0, 1.0, 0.0], Some(&[1.0, 2.0, 0.0, 1.0]));
        SOFTMAX.row_outputs(&mut scores);
        for (found, expected) in scores.into_iter().zip([0.5, 1e-12, 0.5]) {
            assert!((found / expected - 1.0).abs() < 1e-9, "{found}");
        }
        let initial = Objective::Poisson.initial(&[0.0, 3.0], Some(&[1.0, 0.0]));
        assert!(initial[0].is_finite());
    }

    #[test]
    fn outputs_are_shares_means_and_quantiles() {
        for objective in ALL {
            let y = targets(objective);
            let initial = objective.initial(&y, None);
            let columns: Vec<Vec<f64>> = initial.iter().map(|&s| vec![s; 2]).collect();
            let expected = match objective {
                Objective::Logistic => vec![4.0 / 6.0],
                Objective::Softmax { .. } => vec![1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0],
                Objective::Squared => vec![12.25 / 6.0],
                Objective::Absolute | Objective::Quantile(_) => vec![0.5],
                Objective::Poisson => vec![13.5 / 6.0],
            };
            let mut one_row = initial;
            objective.row_outputs(&mut one_row);
            let all = objective.outputs(columns);
            assert_eq!(all.len(), expected.len());
            for ((column, one), expected) in all.iter().zip(one_row).zip(expected) {
                assert_eq!(column, &[one, one]);
                assert_close(one, expected, 1e-14, objective);
            }
        }
    }

    #[test]
    fn a_softmax_of_two_is_logistic() {
        let softmax = Objective::Softmax { n_classes: 2 };
        let y = targets(Objective::Logistic);
        let difference = scores(Objective::Logistic, y.len());
        let both = vec![vec![0.25; y.len()], {
            difference[0].iter().map(|s| s + 0.25).collect()
        }];
        let loss = Objective::Logistic.loss(&slices(&difference), &y, None);
        assert_close(softmax.loss(&slices(&both), &y, None), loss, 1e-14, "loss");
        let one = gradients(Objective::Logistic, &difference, &y, None);
        let two = gradients(softmax, &both, &y, None);
        for row in 0..y.len() {
            let [gradient, hessian] = one[0][row].map(f64::from);
            assert_close(f64::from(two[1][row][0]), gradient, 1e-7, row);
            assert_close(f64::from(two[0][row][0]), -gradient, 1e-7, row);
            assert_close(f64::from(two[1][row][1]), 2.0 * hessian, 1e-7, row);
        }
        let one = Objective::Logistic.outputs(difference);
        let two = softmax.outputs(both);
        for (a, b) in one[0].iter().zip(&two[1]) {
            assert_close(*a, *b, 1e-15, "probability");
        }
    }

    #[test]
    fn extreme_scores_stay_finite() {
        let extremes = [-800.0, 800.0, 0.0, f64::MIN_POSITIVE];
        for objective in ALL {
            let y: Vec<f64> = targets(objective)[..extremes.len()].to_vec();
            let columns: Vec<Vec<f64>> = (0..objective.n_scores())
                .map(|k| (0..y.len()).map(|row| extremes[(k + row) % 4]).collect())
                .collect();
            for weights in [None, Some(&[1e300, 1.0, 0.0, 1e-300][..])] {
                for [gradient, hessian] in gradients(objective, &columns, &y, weights)
                    .into_iter()
                    .flatten()
                {
                    assert!(gradient.is_finite(), "{objective:?}");
                    assert!(hessian.is_finite() && hessian >= 0.0, "{objective:?}");
                    assert!(hessian > 0.0 || weights.is_some(), "{objective:?}");
                }
            }
            let loss = objective.loss(&slices(&columns), &y, None);
            assert!(loss.is_finite(), "{objective:?}: {loss}");
            let outputs = objective.outputs(columns);
            assert!(
                outputs.iter().flatten().all(|v| v.is_finite()),
                "{objective:?}"
            );
        }
        let found = Objective::Logistic.outputs(vec![vec![-800.0, 800.0]]);
        assert_eq!(found, [[0.0, 1.0]]);
    }

    #[test]
    fn the_loss_is_the_same_on_any_number_of_threads() {
        let n = 3 * RUN + 17;
        let column = scores(Objective::Logistic, n);
        let y: Vec<f64> = (0..n).map(|i| indicator(i % 3 == 0)).collect();
        let on = |n_threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
            let pool = pool.build().unwrap();
            pool.install(|| Objective::Logistic.loss(&slices(&column), &y, None))
        };
        assert_eq!(on(1).to_bits(), on(3).to_bits());
    }
}
