//! Metrics as values: chosen by name, given to cross-validation and stacks.

use std::fmt;
use std::sync::Arc;

use super::check::Weights;
use super::multiclass::{self, Average};
use super::{ConfusionMatrix, Interval, binary, regression};
use crate::data::{Labels, Prediction, Probabilities, Target, Values};
use crate::error::{Error, Result};

/// A score of a prediction of a target.
///
/// ```
/// use stackfold::data::Values;
/// use stackfold::metrics::{Interval, Metric};
/// /// The largest error.
/// #[derive(Debug)]
/// struct Worst;
/// impl Metric<Values> for Worst {
///     fn name(&self) -> &str {
///         "worst"
///     }
///     fn greater_is_better(&self) -> bool {
///         false
///     }
///     fn score(&self, target: &Values, prediction: &Values, _: Option<&[f64]>) -> stackfold::Result<f64> {
///         let pairs = target.as_slice().iter().zip(prediction.as_slice());
///         Ok(pairs.map(|(y, p)| (y - p).abs()).fold(0.0, f64::max))
///     }
/// }
/// let (target, prediction) = (Values::new(vec![1.0, 2.0])?, Values::new(vec![1.5, 0.0])?);
/// assert_eq!(Worst.score(&target, &prediction, None)?, 2.0);
/// assert_eq!(Worst.interval(&target, &prediction, None)?, None);
/// # Ok::<(), stackfold::Error>(())
/// ```
pub trait Metric<Y: Target>: fmt::Debug + Send + Sync {
    /// A short name, for tables.
    fn name(&self) -> &str;

    /// Whether a greater score is a better one.
    fn greater_is_better(&self) -> bool;

    /// The score of a prediction of the same rows as the target's; the weights are theirs.
    ///
    /// # Errors
    /// If the score is not defined for these rows, as with one class only where two are needed, or
    /// only weights of 0: an error of the kind [`ErrorKind::Undefined`](crate::ErrorKind::Undefined),
    /// without which cross-validation goes on. Others end it: no rows, numbers of rows that differ,
    /// classes that differ …
    fn score(&self, target: &Y, prediction: &Y::Prediction, weights: Option<&[f64]>)
    -> Result<f64>;

    /// The score with an approximate 95 % interval, if one is known.
    ///
    /// # Errors
    /// As for [`Metric::score`].
    fn interval(
        &self,
        target: &Y,
        prediction: &Y::Prediction,
        weights: Option<&[f64]>,
    ) -> Result<Option<Interval>> {
        self.score(target, prediction, weights).map(|_| None)
    }
}

macro_rules! behind {
    ($($pointer:ident),*) => {$(
        impl<Y: Target, M: Metric<Y> + ?Sized> Metric<Y> for $pointer<M> {
            fn name(&self) -> &str {
                (**self).name()
            }

            fn greater_is_better(&self) -> bool {
                (**self).greater_is_better()
            }

            fn score(
                &self,
                target: &Y,
                prediction: &Y::Prediction,
                weights: Option<&[f64]>,
            ) -> Result<f64> {
                (**self).score(target, prediction, weights)
            }

            fn interval(
                &self,
                target: &Y,
                prediction: &Y::Prediction,
                weights: Option<&[f64]>,
            ) -> Result<Option<Interval>> {
                (**self).interval(target, prediction, weights)
            }
        }
    )*};
}
behind!(Arc, Box);

/// A target that has a metric by default.
pub trait DefaultMetric: Target {
    /// The area under the ROC curve (binary), the logarithmic loss (multiclass), or the root of the
    /// mean squared error (regression).
    ///
    /// ```
    /// use stackfold::data::{Labels, Values};
    /// use stackfold::metrics::DefaultMetric;
    /// let labels = Labels::from_strs(&["a", "b", "c", "c"])?;
    /// assert_eq!(labels.default_metric().name(), "log_loss");
    /// assert_eq!(Values::new(vec![1.0, 2.0])?.default_metric().name(), "rmse");
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    fn default_metric(&self) -> Box<dyn Metric<Self>>;
}

impl DefaultMetric for Labels {
    fn default_metric(&self) -> Box<dyn Metric<Self>> {
        Box::new(if self.n_classes() == 2 {
            ClassificationMetric::RocAuc
        } else {
            ClassificationMetric::LogLoss
        })
    }
}

impl DefaultMetric for Values {
    fn default_metric(&self) -> Box<dyn Metric<Self>> {
        Box::new(RegressionMetric::Rmse)
    }
}

/// The metrics of labels.
///
/// Those that need a decision take the most probable class, the first of equals. Intervals are
/// known for the binary AUC without weights (see
/// [`delong`](binary::delong)), and for accuracy, Brier score and logarithmic loss, which are means
/// of a loss of each row.
///
/// ```
/// use stackfold::data::{Labels, Target};
/// use stackfold::metrics::{ClassificationMetric, Metric};
/// let target = Labels::from_strs(&["a", "b", "a", "b"])?;
/// let prediction = target.prediction(vec![vec![0.2, 0.9, 0.6, 0.7]])?;
/// assert_eq!(ClassificationMetric::Accuracy.score(&target, &prediction, None)?, 0.75);
/// // The losses are 1, 1, 0 and 1: their sample variance is 0.25, their standard error 0.25.
/// let interval = ClassificationMetric::Accuracy.interval(&target, &prediction, None)?.unwrap();
/// assert!((interval.high - (0.75 + 1.96 * 0.25)).abs() < 1e-4);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum ClassificationMetric {
    /// [`binary::roc_auc`]: for two classes.
    RocAuc,
    /// [`multiclass::roc_auc_one_vs_rest`].
    RocAucOneVsRest(Average),
    /// [`multiclass::roc_auc_one_vs_one`].
    RocAucOneVsOne(Average),
    /// [`binary::average_precision`]: for two classes.
    AveragePrecision,
    /// [`multiclass::log_loss`].
    LogLoss,
    /// [`binary::brier`] for two classes, [`multiclass::brier`] for more.
    Brier,
    /// [`multiclass::accuracy`].
    Accuracy,
    /// [`multiclass::balanced_accuracy`].
    BalancedAccuracy,
    /// [`binary::f1`]: for two classes.
    F1,
    /// [`multiclass::macro_f1`].
    MacroF1,
    /// [`multiclass::matthews`].
    Matthews,
}

impl Metric<Labels> for ClassificationMetric {
    fn name(&self) -> &'static str {
        match self {
            Self::RocAuc => "roc_auc",
            Self::RocAucOneVsRest(Average::Macro) => "roc_auc_ovr",
            Self::RocAucOneVsRest(Average::Prevalence) => "roc_auc_ovr_prevalence",
            Self::RocAucOneVsOne(Average::Macro) => "roc_auc_ovo",
            Self::RocAucOneVsOne(Average::Prevalence) => "roc_auc_ovo_prevalence",
            Self::AveragePrecision => "average_precision",
            Self::LogLoss => "log_loss",
            Self::Brier => "brier",
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::F1 => "f1",
            Self::MacroF1 => "macro_f1",
            Self::Matthews => "matthews",
        }
    }

    fn greater_is_better(&self) -> bool {
        !matches!(self, Self::LogLoss | Self::Brier)
    }

    fn score(
        &self,
        target: &Labels,
        prediction: &Probabilities,
        weights: Option<&[f64]>,
    ) -> Result<f64> {
        check_classes(target, prediction)?;
        let truth = target.codes();
        let columns: Vec<&[f64]> = (0..prediction.n_columns())
            .map(|class| prediction.column(class))
            .collect();
        let confusion = || {
            ConfusionMatrix::new(
                truth,
                &prediction.most_probable(),
                target.n_classes(),
                weights,
            )
        };
        match self {
            Self::RocAuc => {
                binary::roc_auc(&self.positive(target)?, prediction.positive(), weights)
            }
            Self::AveragePrecision => {
                binary::average_precision(&self.positive(target)?, prediction.positive(), weights)
            }
            Self::RocAucOneVsRest(average) => {
                multiclass::roc_auc_one_vs_rest(truth, &columns, *average, weights)
            }
            Self::RocAucOneVsOne(average) => {
                multiclass::roc_auc_one_vs_one(truth, &columns, *average, weights)
            }
            Self::LogLoss => multiclass::log_loss(truth, &columns, weights),
            Self::Brier if target.n_classes() == 2 => {
                binary::brier(&self.positive(target)?, prediction.positive(), weights)
            }
            Self::Brier => multiclass::brier(truth, &columns, weights),
            Self::Accuracy => Ok(confusion()?.accuracy()),
            Self::BalancedAccuracy => confusion()?.balanced_accuracy(),
            Self::F1 => {
                self.positive(target)?;
                confusion()?.f1(1).ok_or_else(|| {
                    Error::undefined("a row that is positive or predicted to be", "none")
                })
            }
            Self::MacroF1 => Ok(confusion()?.macro_f1()),
            Self::Matthews => confusion()?.matthews(),
        }
    }

    fn interval(
        &self,
        target: &Labels,
        prediction: &Probabilities,
        weights: Option<&[f64]>,
    ) -> Result<Option<Interval>> {
        let score = self.score(target, prediction, weights)?;
        let row_losses: Vec<f64> = match self {
            Self::RocAuc => {
                let positive = self.positive(target)?;
                let n_positive = positive.iter().filter(|&&p| p).count();
                if weights.is_some() || n_positive < 2 || positive.len() - n_positive < 2 {
                    return Ok(None);
                }
                let estimate = binary::delong(&positive, prediction.positive())?;
                return Ok(Some(estimate.interval()));
            }
            Self::LogLoss => true_probabilities(target, prediction)
                .map(|p| -p.max(binary::SMALLEST).ln())
                .collect(),
            Self::Accuracy => {
                let pairs = target.codes().iter().zip(prediction.most_probable());
                pairs.map(|(&t, p)| f64::from(u8::from(t == p))).collect()
            }
            Self::Brier => {
                let of_row = |(row, &truth): (usize, &u32)| {
                    let classes = (0_u32..).take(target.n_classes());
                    let error = |class: u32| {
                        let y = f64::from(u8::from(class == truth));
                        (prediction.column(class as usize)[row] - y).powi(2)
                    };
                    // Of two classes, the positive one alone counts.
                    let skipped = usize::from(target.n_classes() == 2);
                    classes.skip(skipped).map(error).sum()
                };
                target.codes().iter().enumerate().map(of_row).collect()
            }
            _ => return Ok(None),
        };
        let error = standard_error_of_mean(&row_losses, weights)?;
        Ok(error.map(|error| Interval::from_standard_error(score, error)))
    }
}

impl ClassificationMetric {
    /// Which rows are positive.
    fn positive(self, target: &Labels) -> Result<Vec<bool>> {
        if target.n_classes() != 2 {
            return Err(Error::unsupported(format!(
                "{} of {} classes, it is for two",
                self.name(),
                target.n_classes()
            )));
        }
        Ok(target.codes().iter().map(|&code| code == 1).collect())
    }
}

/// The metrics of values.
///
/// Intervals are known for the mean absolute errors, which are means of a loss of each row, and,
/// by the delta method, for the root of the mean squared error.
///
/// ```
/// use stackfold::data::Values;
/// use stackfold::metrics::{Metric, RegressionMetric};
/// let (target, prediction) = (Values::new(vec![1.0, 2.0])?, Values::new(vec![2.0, 2.0])?);
/// assert_eq!(RegressionMetric::Mae.score(&target, &prediction, None)?, 0.5);
/// assert!(!RegressionMetric::Mae.greater_is_better());
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum RegressionMetric {
    /// [`regression::rmse`].
    Rmse,
    /// [`regression::mae`].
    Mae,
    /// [`regression::mape`].
    Mape,
    /// [`regression::r2`].
    R2,
}

impl Metric<Values> for RegressionMetric {
    fn name(&self) -> &'static str {
        match self {
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::Mape => "mape",
            Self::R2 => "r2",
        }
    }

    fn greater_is_better(&self) -> bool {
        matches!(self, Self::R2)
    }

    fn score(&self, target: &Values, prediction: &Values, weights: Option<&[f64]>) -> Result<f64> {
        let score = match self {
            Self::Rmse => regression::rmse,
            Self::Mae => regression::mae,
            Self::Mape => regression::mape,
            Self::R2 => regression::r2,
        };
        score(target.as_slice(), prediction.as_slice(), weights)
    }

    fn interval(
        &self,
        target: &Values,
        prediction: &Values,
        weights: Option<&[f64]>,
    ) -> Result<Option<Interval>> {
        let score = self.score(target, prediction, weights)?;
        let loss: fn(f64, f64) -> f64 = match self {
            Self::Rmse => |y, p| (y - p).powi(2),
            Self::Mae => |y, p| (y - p).abs(),
            Self::Mape => |y, p| ((y - p) / y).abs(),
            Self::R2 => return Ok(None),
        };
        let pairs = target.as_slice().iter().zip(prediction.as_slice());
        let losses: Vec<f64> = pairs.map(|(&y, &p)| loss(y, p)).collect();
        let Some(mut error) = standard_error_of_mean(&losses, weights)? else {
            return Ok(None);
        };
        if *self == Self::Rmse && score > 0.0 {
            // The root's slope at the mean of the squares.
            error /= 2.0 * score;
        }
        Ok(Some(Interval::from_standard_error(score, error)))
    }
}

fn check_classes(target: &Labels, prediction: &Probabilities) -> Result<()> {
    if target.classes() == prediction.classes() {
        Ok(())
    } else {
        Err(Error::data(
            format!("a prediction of classes {}", target.classes().join(", ")),
            format!("one of {}", prediction.classes().join(", ")),
        ))
    }
}

/// The probability of each row's true class.
fn true_probabilities<'a>(
    target: &'a Labels,
    prediction: &'a Probabilities,
) -> impl Iterator<Item = f64> + 'a {
    let codes = target.codes().iter().enumerate();
    codes.map(|(row, &code)| prediction.column(code as usize)[row])
}

/// `sqrt(n / (n - 1) * sum(w² (x - mean)²)) / sum(w)`, over the `n` rows with a weight above 0:
/// without weights, the sample deviation by the root of `n`. `None` for one row.
fn standard_error_of_mean(values: &[f64], weights: Option<&[f64]>) -> Result<Option<f64>> {
    let weights = Weights::new(weights, values.len())?;
    let mean = weights.mean(values.iter().copied());
    let (mut n, mut total, mut squares) = (0.0, 0.0, 0.0);
    for (row, value) in values.iter().enumerate() {
        let weight = weights.of(row);
        if weight > 0.0 {
            n += 1.0;
            total += weight;
            squares += (weight * (value - mean)).powi(2);
        }
    }
    Ok((n > 1.0).then(|| (n / (n - 1.0) * squares).sqrt() / total))
}
