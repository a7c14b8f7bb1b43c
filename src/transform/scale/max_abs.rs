//! Between -1 and 1, zero kept.

use crate::data::{FitContext, Numbers};
use crate::error::Result;
use crate::transform::columnwise::{Cells, ColumnMap, Columnwise, FitColumn};
use crate::transform::columnwise::{columnwise_step, columnwise_transformer};

/// Divides each column by its largest absolute value; 0 stays 0.
///
/// The divisor is 1 for a column of zeros or without a value. Weights play no part, but a row of
/// weight 0 is left out of fitting. New values may lie outside -1..=1. A missing cell stays
/// missing. As 0 is kept, values far from it and close together (Unix seconds, say) are all but 1,
/// and `f32` does not tell them apart: the other scalers do.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::scale::MaxAbsScaler;
/// let table = Table::new([("x", Column::numeric(vec![-4.0, 0.0, 2.0]))])?;
/// let fitted = MaxAbsScaler::new().fit_rows(table.rows(), &FitContext::default())?;
/// assert_eq!(fitted.transform(table.rows())?.column(0), [-1.0, 0.0, 0.5]);
/// assert_eq!(fitted.scales(), [4.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct MaxAbsScaler {}

impl MaxAbsScaler {
    /// A max-abs scaler.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

/// A fitted [`MaxAbsScaler`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedMaxAbsScaler(Columnwise<MaxAbs>);

impl FittedMaxAbsScaler {
    /// The largest absolute value of each column, 1 where it is 0.
    #[must_use]
    pub fn scales(&self) -> Vec<f64> {
        self.0.maps().iter().map(|map| map.scale).collect()
    }
}

#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct MaxAbs {
    scale: f64,
}

impl FitColumn for MaxAbsScaler {
    type Map = MaxAbs;

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<MaxAbs> {
        let (low, high) = numbers
            .sample(context.weights())
            .range()
            .unwrap_or((0.0, 0.0));
        let largest = high.max(-low);
        let scale = if largest > 0.0 { largest } else { 1.0 };
        Ok(MaxAbs { scale })
    }
}

impl ColumnMap for MaxAbs {
    fn apply(&self, cells: Cells<'_>) -> Result<()> {
        let scale = self.scale;
        cells.map(|x| x / scale);
        Ok(())
    }
}

columnwise_transformer!(MaxAbsScaler, FittedMaxAbsScaler);
columnwise_step!(MaxAbsScaler, FittedMaxAbsScaler);
