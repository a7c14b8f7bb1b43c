//! Median 0 and a quantile range of 1.

use super::check_orders;
use crate::data::{FitContext, Numbers};
use crate::error::Result;
use crate::numeric::moments::is_rounding;
use crate::transform::columnwise::{Cells, ColumnMap, Columnwise, FitColumn};
use crate::transform::columnwise::{columnwise_step, columnwise_transformer};

/// Takes off the median and divides by the distance of two quantiles, the quartiles by default.
///
/// Without weights quantiles interpolate linearly between order statistics (Hyndman and Fan 1996,
/// definition 7). With weights the quantile of order `q` is the smallest value at which the
/// cumulative weight is above `q` times the sum of weights, averaged with the value before if that
/// one just reaches it (their definition 2): whole weights do what repeated rows of weight 1 do.
/// The distance counts as 1 if it is 0, or rounding alone (at most `10 ε` times the larger
/// quantile's size, `ε = 2^-52`, or subnormal). A column without a value has median 0 and distance
/// 1. A missing cell stays missing.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::scale::RobustScaler;
/// let table = Table::new([("x", Column::numeric(vec![1.0, 2.0, 3.0, 4.0, 1000.0]))])?;
/// let fitted = RobustScaler::new().fit_rows(table.rows(), &FitContext::default())?;
/// assert_eq!((fitted.medians(), fitted.scales()), (vec![3.0], vec![2.0]));
/// assert_eq!(fitted.transform(table.rows())?.column(0), [-1.0, -0.5, 0.0, 0.5, 498.5]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RobustScaler {
    orders: (f64, f64),
}

impl Default for RobustScaler {
    fn default() -> Self {
        Self {
            orders: (0.25, 0.75),
        }
    }
}

impl RobustScaler {
    /// A scaler by the quartiles.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The orders of the two quantiles, within 0..=1.
    #[must_use]
    pub fn with_quantile_range(self, low: f64, high: f64) -> Self {
        Self {
            orders: (low, high),
        }
    }
}

/// A fitted [`RobustScaler`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedRobustScaler(Columnwise<Robust>);

impl FittedRobustScaler {
    /// The median of each column.
    #[must_use]
    pub fn medians(&self) -> Vec<f64> {
        self.0.maps().iter().map(|map| map.median).collect()
    }

    /// The distance of the quantiles of each column, 1 where it is 0 or rounding alone.
    #[must_use]
    pub fn scales(&self) -> Vec<f64> {
        self.0.maps().iter().map(|map| map.scale).collect()
    }
}

#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct Robust {
    median: f64,
    scale: f64,
}

impl FitColumn for RobustScaler {
    type Map = Robust;

    fn check(&self) -> Result<()> {
        check_orders("quantile range", self.orders)
    }

    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<Robust> {
        let mut sample = numbers.sample(context.weights());
        let (low, high) = self.orders;
        let mut orders = [low, 0.5, high];
        orders.sort_unstable_by(f64::total_cmp);
        let quantiles = sample.quantiles(&orders);
        let quantile = |q: f64| {
            let place = orders.iter().position(|o| o.total_cmp(&q).is_eq());
            place.and_then(|i| quantiles.get(i)).copied().unwrap_or(0.0)
        };
        let (low, high) = (quantile(low), quantile(high));
        let distance = high - low;
        Ok(Robust {
            median: quantile(0.5),
            scale: if is_rounding(distance, low.abs().max(high.abs())) {
                1.0
            } else {
                distance
            },
        })
    }
}

impl ColumnMap for Robust {
    fn apply(&self, cells: Cells<'_>) -> Result<()> {
        let Self { median, scale } = *self;
        let factor = 1.0 / scale;
        cells.map(|x| (x - median) * factor);
        Ok(())
    }
}

columnwise_transformer!(RobustScaler, FittedRobustScaler);
columnwise_step!(RobustScaler, FittedRobustScaler);
