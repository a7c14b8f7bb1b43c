//! Mean 0 and variance 1.

use crate::data::{FitContext, Numbers};
use crate::error::Result;
use crate::transform::columnwise::{Cells, ColumnMap, Columnwise, FitColumn};
use crate::transform::columnwise::{columnwise_step, columnwise_transformer};

/// Brings each column to mean 0 and variance 1: `(x - mean) / scale`.
///
/// With weights `w` that sum to `W`, `mean = sum(w x) / W` and
/// `scale^2 = sum(w (x - mean)^2) / W`: no degree of freedom is taken off. Without weights each `w`
/// is one. The sums skip missing cells and are made in `f64` in two passes, so that a large mean costs
/// no digits (Chan, Golub and Leveque 1983). A column whose values are all equal, or equal but for
/// rounding (a deviation of at most `10 ε |mean|` with the `ε = 2^-52` of `f64`, or a subnormal
/// one), has scale 1, so that it becomes 0; a column with no value has mean 0 and scale 1. A missing
/// cell stays missing.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::{FittedTransformer, UnsupervisedTransformer};
/// use stackfold::transform::scale::StandardScaler;
/// let table = Table::new([("x", Column::numeric(vec![1.0, 3.0, f64::NAN]))])?;
/// let fitted = StandardScaler::new().fit_rows(table.rows(), &FitContext::default())?;
/// assert_eq!((fitted.means(), fitted.scales()), (vec![2.0], vec![1.0]));
/// let features = fitted.transform(table.rows())?;
/// assert_eq!(features.column(0)[..2], [-1.0, 1.0]);
/// assert!(features.column(0)[2].is_nan());
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct StandardScaler {}

impl StandardScaler {
    /// A standard scaler.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

/// A fitted [`StandardScaler`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedStandardScaler(Columnwise<Standard>);

impl FittedStandardScaler {
    /// The mean of each column.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        self.0.maps().iter().map(|map| map.mean).collect()
    }

    /// The standard deviation of each column, 1 where it is 0 or rounding alone.
    #[must_use]
    pub fn scales(&self) -> Vec<f64> {
        self.0.maps().iter().map(|map| map.scale).collect()
    }
}

#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct Standard {
    mean: f64,
    scale: f64,
}

impl FitColumn for StandardScaler {
    type Map = Standard;

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<Standard> {
        let moments = numbers.moments(context.weights());
        Ok(Standard {
            mean: moments.mean,
            scale: moments.deviation().unwrap_or(1.0),
        })
    }
}

impl ColumnMap for Standard {
    fn apply(&self, cells: Cells<'_>) -> Result<()> {
        let Self { mean, scale } = *self;
        let factor = 1.0 / scale;
        cells.map(|x| (x - mean) * factor);
        Ok(())
    }
}

columnwise_transformer!(StandardScaler, FittedStandardScaler);
columnwise_step!(StandardScaler, FittedStandardScaler);
