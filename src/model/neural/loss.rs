//! What a network's scores mean, and the loss of them.

use serde::{Deserialize, Serialize};

use crate::data::DynTarget;
use crate::numeric::links::{log_sum_exp, sigmoid, softplus};

/// What scores mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Head {
    /// One score: the log-odds of the positive class of two.
    Binary,
    /// One score a class; their softmax is the probabilities.
    Classes(usize),
    /// The value less `mean`, divided by `scale`.
    Value { mean: f64, scale: f64 },
}

impl Head {
    /// The head for a target, of which these are the numbers and weights of the training rows.
    pub(super) fn new(target: &dyn DynTarget, y: &[f64], weights: &[f64]) -> Self {
        match target.class_names().len() {
            0 => {
                let total: f64 = weights.iter().sum();
                let weighted = |f: &dyn Fn(f64) -> f64| {
                    let sum: f64 = y.iter().zip(weights).map(|(&y, w)| w * f(y)).sum();
                    sum / total
                };
                // In units of the largest, of which squares are finite.
                let unit = y.iter().fold(0.0_f64, |most, y| most.max(y.abs()));
                let unit = if unit > 0.0 { unit } else { 1.0 };
                let mean = weighted(&|y| y / unit);
                let deviation = weighted(&|y| (y / unit - mean).powi(2)).sqrt();
                // Less is what rounding makes of equal values.
                let scale = if deviation > 1e-14 {
                    deviation * unit
                } else {
                    1.0
                };
                Self::Value {
                    mean: mean * unit,
                    scale,
                }
            }
            2 => Self::Binary,
            n => Self::Classes(n),
        }
    }

    /// How many scores there are.
    pub(super) fn n_scores(self) -> usize {
        match self {
            Self::Binary | Self::Value { .. } => 1,
            Self::Classes(n) => n,
        }
    }

    /// Scores of classes that none of the training rows has, and what is added to them at the start:
    /// the logarithm of `1 / n` for `n` rows, since no row will tell the network that they are rare.
    #[allow(clippy::cast_possible_truncation, reason = "scores have 32 bits")]
    pub(super) fn starts(self, y: &[f64]) -> Vec<(usize, f32)> {
        let low = -(y.len().max(1) as f64).ln() as f32;
        let has = |class: usize| y.contains(&(class as f64));
        match self {
            Self::Value { .. } => Vec::new(),
            Self::Binary => match (has(0), has(1)) {
                (true, false) => vec![(0, low)],
                (false, true) => vec![(0, -low)],
                _ => Vec::new(),
            },
            Self::Classes(n) => {
                let absent = (0..n).filter(|&class| !has(class));
                absent.map(|class| (class, low)).collect()
            }
        }
    }

    /// The target that the loss compares scores with: a class's code, or the scaled value.
    #[allow(clippy::cast_possible_truncation, reason = "scores have 32 bits")]
    pub(super) fn scaled(self, y: f64) -> f32 {
        match self {
            Self::Binary | Self::Classes(_) => y as f32,
            Self::Value { mean, scale } => (y / scale - mean / scale) as f32,
        }
    }

    /// The loss of one row's scores and, in place of them, its gradient: the log loss with labels
    /// smoothed (Szegedy et al. 2016, section 7: `(1 - ε) y + ε / K` for `K` classes), or the
    /// squared error of the scaled value.
    pub(super) fn loss(self, scores: &mut [f32], y: f32, smoothing: f32) -> f64 {
        match self {
            Self::Binary => {
                let score = f64::from(scores[0]);
                let y = f64::from(y * (1.0 - smoothing) + smoothing / 2.0);
                let loss = softplus(score) - y * score;
                scores[0] = narrow(sigmoid(score) - y);
                loss
            }
            Self::Classes(n) => {
                let even = f64::from(smoothing) / n as f64;
                let (max, log_sum) = log_sum_exp(scores.iter().map(|&s| f64::from(s)));
                let mut loss = 0.0;
                for (class, score) in scores.iter_mut().enumerate() {
                    let log_p = f64::from(*score) - max - log_sum;
                    #[allow(clippy::float_cmp, reason = "codes are whole")]
                    let is_class = class as f32 == y;
                    let share = even + f64::from(u8::from(is_class)) * f64::from(1.0 - smoothing);
                    loss -= share * log_p;
                    *score = narrow(log_p.exp() - share);
                }
                loss
            }
            Self::Value { .. } => {
                let error = f64::from(scores[0]) - f64::from(y);
                scores[0] = narrow(2.0 * error);
                error * error
            }
        }
    }

    /// The loss of a prediction: the log loss of probabilities, the squared error of a value.
    pub(super) fn loss_of_prediction(self, prediction: &[f64], y: f64) -> f64 {
        const LEAST: f64 = 1e-15;
        match self {
            Self::Binary => {
                let p = if y > 0.5 {
                    prediction[0]
                } else {
                    1.0 - prediction[0]
                };
                -p.max(LEAST).ln()
            }
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a class's code"
            )]
            Self::Classes(_) => -prediction[y as usize].max(LEAST).ln(),
            Self::Value { .. } => (prediction[0] - y).powi(2),
        }
    }

    /// Adds one row's prediction from its scores, times a share.
    pub(super) fn add_prediction(self, scores: &[f32], share: f64, out: &mut [f64]) {
        match self {
            Self::Binary => out[0] += share * sigmoid(f64::from(scores[0])),
            Self::Classes(_) => {
                let (max, log_sum) = log_sum_exp(scores.iter().map(|&s| f64::from(s)));
                for (out, &score) in out.iter_mut().zip(scores) {
                    *out += share * (f64::from(score) - max - log_sum).exp();
                }
            }
            Self::Value { mean, scale } => out[0] += share * (f64::from(scores[0]) * scale + mean),
        }
    }

    /// What a loss of training is in the units of [`Self::loss_of_prediction`].
    pub(super) fn in_units(self, loss: f64) -> f64 {
        match self {
            Self::Binary | Self::Classes(_) => loss,
            Self::Value { scale, .. } => loss * scale * scale,
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "gradients have 32 bits")]
fn narrow(x: f64) -> f32 {
    x as f32
}
