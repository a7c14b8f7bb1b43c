//! Options of networks.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::options::{above_zero, at_least_one, at_least_zero};

/// What a hidden layer does to each of its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Activation {
    /// `max(0, x)`.
    #[default]
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x Φ(x)` with the normal distribution function (Hendrycks and Gimpel 2016), by its usual
    /// approximation `0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))`.
    Gelu,
}

/// What is done to a hidden layer's sums before the activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Normalization {
    /// Nothing.
    #[default]
    None,
    /// Batch normalization (Ioffe and Szegedy 2015): `γ (x - mean) / sqrt(variance + 1e-5) + β`
    /// with the mean and the variance of the batch in training, and their running means
    /// (momentum 0.1) in prediction. Layers have trained `γ` and `β`.
    Batch,
}

/// How many numbers stand for a level, from the number `n` of levels (missing is one if there are
/// missing values).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EmbeddingSize {
    /// `min(max, (n + 1) / 2)`, rounded down: half as many as levels.
    Half {
        /// The most numbers.
        max: usize,
    },
    /// `min(600, 1.6 n^0.56)`, rounded: fastai's rule.
    Power,
    /// So many for each column.
    Fixed(usize),
}

impl EmbeddingSize {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Half { max: n } | Self::Fixed(n) => at_least_one("embedding_size", n),
            Self::Power => Ok(()),
        }
    }

    /// The size for so many levels.
    ///
    /// ```
    /// use stackfold::model::neural::EmbeddingSize;
    /// assert_eq!(EmbeddingSize::Half { max: 50 }.of(7), 4);
    /// assert_eq!(EmbeddingSize::Half { max: 50 }.of(1_000), 50);
    /// assert_eq!(EmbeddingSize::Power.of(1_000), 77);
    /// assert_eq!(EmbeddingSize::Fixed(3).of(1_000), 3);
    /// ```
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 600"
    )]
    pub fn of(self, n_levels: usize) -> usize {
        match self {
            Self::Half { max } => n_levels.div_ceil(2).min(max),
            Self::Power => (1.6 * (n_levels as f64).powf(0.56)).round().min(600.0) as usize,
            Self::Fixed(size) => size,
        }
        .max(1)
    }
}

/// How a number is brought to a common scale before it enters a network. Missing values become 0,
/// the middle; a feature that has them in training has an input that tells so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NumericScaling {
    /// `(x - mean) / standard deviation` of the training rows, a million at most; 0 for a constant
    /// feature.
    Standard,
    /// The normal score of `x`'s place among the training values, from a table of at most so many
    /// quantiles: outliers and skewness do no harm. See
    /// [`QuantileScaler`](crate::transform::scale::QuantileScaler).
    #[default]
    Quantile,
}

/// What stands for a number in the first layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NumericEmbedding {
    /// The scaled number.
    None,
    /// A vector that is a piecewise linear function of the number (Gorishniy et al. 2022, section
    /// 3.2). The vector is trained at knots, which are values of the training rows: each that alone
    /// has the weight of a piece, and further ones that divide the weight of the other values
    /// evenly. Between two knots the vector is interpolated, beyond the outermost it stays. Missing
    /// has a vector of its own.
    PiecewiseLinear {
        /// How many pieces there are between knots; fewer if there are fewer values.
        n_bins: usize,
        /// The size of the vector.
        size: usize,
    },
    /// `relu(W [cos(2π c x), sin(2π c x)] + b)` of the scaled number (Gorishniy et al. 2022,
    /// section 3.3), with trained frequencies `c`, `W` and `b` for each feature.
    Periodic {
        /// How many frequencies a feature has.
        n_frequencies: usize,
        /// The standard deviation that frequencies are drawn with at the start.
        sigma: f64,
        /// The size of the vector.
        size: usize,
    },
}

impl NumericEmbedding {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::PiecewiseLinear { n_bins, size } => {
                at_least_one("numeric_embedding.n_bins", n_bins)?;
                at_least_one("numeric_embedding.size", size)
            }
            Self::Periodic {
                n_frequencies,
                sigma,
                size,
            } => {
                at_least_one("numeric_embedding.n_frequencies", n_frequencies)?;
                above_zero("numeric_embedding.sigma", sigma)?;
                at_least_one("numeric_embedding.size", size)
            }
        }
    }
}

/// How gradients become steps.
///
/// Rows of embeddings are touched only by batches that have their level: moments of other rows stay
/// as they are, and so do the rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Optimizer {
    /// Adam (Kingma and Ba 2015, algorithm 1), after the gradient of the weight decay
    /// (`weight_decay * w`) is added to that of the loss.
    Adam {
        /// The decay of the first moment.
        beta1: f64,
        /// The decay of the second moment.
        beta2: f64,
        /// What is added to the root of the second moment.
        epsilon: f64,
    },
    /// Adam with the weight decay taken off the weights directly (Loshchilov and Hutter 2019,
    /// algorithm 2): `w -= rate * weight_decay * w`.
    AdamW {
        /// The decay of the first moment.
        beta1: f64,
        /// The decay of the second moment.
        beta2: f64,
        /// What is added to the root of the second moment.
        epsilon: f64,
    },
    /// Stochastic gradient descent: `v = momentum * v + gradient`, `w -= rate * v`.
    Sgd {
        /// The share of the last step that is kept, 0 or more and below 1.
        momentum: f64,
    },
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::adamw()
    }
}

impl Optimizer {
    /// Adam with moments of 0.9 and 0.999 and an epsilon of 1e-8.
    #[must_use]
    pub fn adam() -> Self {
        Self::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }

    /// `AdamW` with moments of 0.9 and 0.999 and an epsilon of 1e-8.
    #[must_use]
    pub fn adamw() -> Self {
        Self::AdamW {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }

    /// Gradient descent with this momentum.
    #[must_use]
    pub fn sgd(momentum: f64) -> Self {
        Self::Sgd { momentum }
    }

    pub(super) fn check(self) -> Result<()> {
        let share = |name: &str, value: f64| {
            if (0.0..1.0).contains(&value) {
                return Ok(());
            }
            Err(Error::parameter(name, "0 or more and below 1", value))
        };
        match self {
            Self::Adam {
                beta1,
                beta2,
                epsilon,
            }
            | Self::AdamW {
                beta1,
                beta2,
                epsilon,
            } => {
                share("optimizer.beta1", beta1)?;
                share("optimizer.beta2", beta2)?;
                if epsilon.is_finite() && epsilon >= f64::from(f32::MIN_POSITIVE) {
                    return Ok(());
                }
                Err(Error::parameter(
                    "optimizer.epsilon",
                    "finite and above 1.2e-38",
                    epsilon,
                ))
            }
            Self::Sgd { momentum } => share("optimizer.momentum", momentum),
        }
    }
}

/// How the learning rate changes during a fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It is multiplied by a factor after each so many epochs.
    Step {
        /// After how many epochs.
        every: usize,
        /// By what, above 0.
        factor: f64,
    },
    /// Half a cosine from the learning rate to 0 over all epochs (Loshchilov and Hutter 2017, eq.
    /// 5, without restarts).
    Cosine,
    /// From a 25th of the learning rate up to it over the first share of all steps, then down to
    /// a 10,000th of where it started, both along half a cosine (Smith and Topin 2018).
    OneCycle {
        /// The share of all steps in which it rises, above 0 and below 1.
        warm_up: f64,
    },
}

impl Schedule {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Constant | Self::Cosine => Ok(()),
            Self::Step { every, factor } => {
                at_least_one("schedule.every", every)?;
                above_zero("schedule.factor", factor)
            }
            Self::OneCycle { warm_up } if warm_up > 0.0 && warm_up < 1.0 => Ok(()),
            Self::OneCycle { warm_up } => {
                let expected = "above 0 and below 1";
                Err(Error::parameter("schedule.warm_up", expected, warm_up))
            }
        }
    }

    /// What the learning rate is multiplied by at a step, counted from 0, of a fit of so many
    /// epochs of so many steps.
    ///
    /// ```
    /// use stackfold::model::neural::Schedule;
    /// let halves = Schedule::Step { every: 2, factor: 0.5 };
    /// let by_epoch: Vec<f64> = (0..6).map(|epoch| halves.factor(epoch * 10, 10, 6)).collect();
    /// assert_eq!(by_epoch, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
    /// assert_eq!(Schedule::Cosine.factor(0, 10, 6), 1.0);
    /// assert!((Schedule::Cosine.factor(30, 10, 6) - 0.5).abs() < 1e-12);
    /// let cycle = Schedule::OneCycle { warm_up: 0.5 };
    /// assert_eq!((cycle.factor(0, 10, 6), cycle.factor(30, 10, 6)), (0.04, 1.0));
    /// ```
    #[must_use]
    pub fn factor(self, step: usize, steps_per_epoch: usize, n_epochs: usize) -> f64 {
        // As numbers without a bound: there is none for how many epochs may be asked for.
        let n_steps = steps_per_epoch.max(1) as f64 * n_epochs.max(1) as f64;
        let share = step as f64 / n_steps;
        // From 1 to 0 along half a cosine.
        let falling = |share: f64| 0.5 * (1.0 + (std::f64::consts::PI * share.min(1.0)).cos());
        match self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => {
                let n_times = step / steps_per_epoch.max(1) / every.max(1);
                factor.powi(i32::try_from(n_times).unwrap_or(i32::MAX))
            }
            Self::Cosine => falling(share),
            Self::OneCycle { warm_up } if share < warm_up => {
                let low = 1.0 / 25.0;
                low + (1.0 - low) * (1.0 - falling(share / warm_up))
            }
            Self::OneCycle { warm_up } => {
                let low = 1.0 / 25.0 / 1e4;
                low + (1.0 - low) * falling((share - warm_up) / (1.0 - warm_up))
            }
        }
    }
}

/// Checks an option that is a probability below 1.
pub(super) fn probability(name: &str, value: f64) -> Result<()> {
    at_least_zero(name, value)?;
    if value < 1.0 {
        return Ok(());
    }
    Err(Error::parameter(name, "0 or more and below 1", value))
}
