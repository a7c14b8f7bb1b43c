//! Scores of predictions, in f64.
//!
//! Functions on slices are in [`binary`], [`multiclass`] and [`regression`]. On top of them,
//! [`ClassificationMetric`] and [`RegressionMetric`] name metrics for cross-validation and stacks,
//! and anything that implements [`Metric`] can take their place. All take optional weights.
//!
//! A metric that is not defined is an error, never a NaN: no rows, one class only where two are
//! needed, lengths that differ, scores that are not finite.
//!
//! # How sure is a score?
//!
//! [`Metric::interval`] gives an approximate 95 % interval where one is known: by DeLong for an AUC,
//! from the spread of the rows' losses for their means. Two models that were scored on the same
//! rows are compared better by [`binary::delong_test`], which takes the correlation of their errors
//! into account: two intervals that overlap say little.
//!
//! ```
//! use stackfold::data::{Labels, Target};
//! use stackfold::metrics::{ClassificationMetric, DefaultMetric, Metric};
//! let target = Labels::from_strs(&["no", "yes", "no", "yes"])?;
//! let prediction = target.prediction(vec![vec![0.1, 0.8, 0.4, 0.35]])?;
//! assert_eq!(ClassificationMetric::RocAuc.score(&target, &prediction, None)?, 0.75);
//! assert_eq!(target.default_metric().name(), "roc_auc");
//! # Ok::<(), stackfold::Error>(())
//! ```

pub mod binary;
mod check;
mod confusion;
mod delong;
mod metric;
pub mod multiclass;
pub mod regression;

pub use confusion::ConfusionMatrix;
pub use metric::{ClassificationMetric, DefaultMetric, Metric, RegressionMetric};

use std::fmt;

/// An estimate with an approximate 95 % interval.
///
/// ```
/// use stackfold::metrics::Interval;
/// let interval = Interval::from_standard_error(0.9, 0.01);
/// assert!((interval.low - 0.8804).abs() < 1e-6);
/// assert_eq!(interval.to_string(), "0.9000 (0.8804 to 0.9196)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The estimate plus and minus 1.96 standard errors.
    #[must_use]
    pub fn from_standard_error(estimate: f64, standard_error: f64) -> Self {
        /// The 97.5 % quantile of the standard normal distribution.
        const QUANTILE: f64 = 1.959_963_984_540_054;
        Self {
            estimate,
            low: estimate - QUANTILE * standard_error,
            high: estimate + QUANTILE * standard_error,
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(4);
        write!(
            f,
            "{:.digits$} ({:.digits$} to {:.digits$})",
            self.estimate, self.low, self.high
        )
    }
}
