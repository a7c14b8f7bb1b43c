//! Between two bounds.

use crate::data::{FitContext, Numbers};
use crate::error::{Error, Result};
use crate::numeric::moments::is_rounding;
use crate::options::options;
use crate::transform::columnwise::{Cells, ColumnMap, Columnwise, FitColumn};
use crate::transform::columnwise::{columnwise_step, columnwise_transformer};

/// What becomes of a new value beyond those of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Beyond {
    /// It lies beyond the range.
    #[default]
    Keep,
    /// It becomes the range's end.
    Clip,
}

/// Brings each column into a range: `low + (x - min) / (max - min) * (high - low)`.
///
/// The range is 0..=1 unless told otherwise. `max - min` counts as 1 if it is 0, so that a
/// constant column becomes `low`, and so it does if it is rounding alone: at most `10 ε` times the
/// larger one's size (`ε = 2^-52`), subnormal, or too small for `high - low` to be divided by it. A
/// column without a value has `min = 0`. Weights play no part, but a row of weight 0 is left out of
/// fitting. A missing cell stays missing.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::scale::{Beyond, MinMaxScaler};
/// let table = Table::new([("x", Column::numeric(vec![10.0, 20.0, 14.0]))])?;
/// let scaler = MinMaxScaler::new().with_range(-1.0, 1.0).with_beyond(Beyond::Clip);
/// let fitted = scaler.fit_rows(table.rows(), &FitContext::default())?;
/// let new = Table::new([("x", Column::numeric(vec![10.0, 15.0, 99.0]))])?;
/// assert_eq!(fitted.transform(new.rows())?.column(0), [-1.0, 0.0, 1.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MinMaxScaler {
    range: (f64, f64),
    beyond: Beyond,
}

impl Default for MinMaxScaler {
    fn default() -> Self {
        Self {
            range: (0.0, 1.0),
            beyond: Beyond::Keep,
        }
    }
}

impl MinMaxScaler {
    /// A scaler to 0..=1 that keeps what lies beyond.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The range that training values fill.
    #[must_use]
    pub fn with_range(self, low: f64, high: f64) -> Self {
        Self {
            range: (low, high),
            ..self
        }
    }

    options! {
        /// What becomes of values beyond those of training.
        with_beyond(beyond: Beyond);
    }
}

/// A fitted [`MinMaxScaler`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedMinMaxScaler(Columnwise<MinMax>);

impl FittedMinMaxScaler {
    /// The smallest value of each column.
    #[must_use]
    pub fn minima(&self) -> Vec<f64> {
        self.0.maps().iter().map(|map| map.min).collect()
    }

    /// The largest value of each column.
    #[must_use]
    pub fn maxima(&self) -> Vec<f64> {
        self.0.maps().iter().map(|map| map.max).collect()
    }
}

#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct MinMax {
    min: f64,
    max: f64,
    range: (f64, f64),
    beyond: Beyond,
}

impl FitColumn for MinMaxScaler {
    type Map = MinMax;

    fn check(&self) -> Result<()> {
        let (low, high) = self.range;
        if low.is_finite() && high.is_finite() && low < high {
            return Ok(());
        }
        Err(Error::parameter(
            "range",
            "two finite numbers, the lower one first",
            format!("{low} and {high}"),
        ))
    }

    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<MinMax> {
        let sample = numbers.sample(context.weights());
        let (min, max) = sample.range().unwrap_or((0.0, 0.0));
        Ok(MinMax {
            min,
            max,
            range: self.range,
            beyond: self.beyond,
        })
    }
}

impl ColumnMap for MinMax {
    fn apply(&self, cells: Cells<'_>) -> Result<()> {
        let Self { min, max, .. } = *self;
        let (low, high) = self.range;
        let span = max - min;
        let factor = (high - low) / span;
        let is_none = is_rounding(span, min.abs().max(max.abs())) || !factor.is_finite();
        let factor = if is_none { high - low } else { factor };
        let scaled = |x: f64| low + (x - min) * factor;
        match self.beyond {
            Beyond::Keep => cells.map(scaled),
            Beyond::Clip => cells.map(|x| scaled(x).clamp(low, high)),
        }
        Ok(())
    }
}

columnwise_transformer!(MinMaxScaler, FittedMinMaxScaler);
columnwise_step!(MinMaxScaler, FittedMinMaxScaler);
