//! Extreme values brought back to a quantile.

use super::check_orders;
use crate::data::{FitContext, Numbers};
use crate::error::Result;
use crate::transform::Placement;
use crate::transform::columnwise::{Cells, ColumnMap, Columnwise, FitColumn};
use crate::transform::columnwise::{columnwise_step, columnwise_transformer};

/// Brings values below one quantile up to it, and values above another down to it.
///
/// The orders are 0.01 and 0.99 unless told otherwise. Quantiles are those of
/// [`RobustScaler`](super::RobustScaler), with and without weights. A column without a value in
/// training is left as it is. A missing cell stays missing. Values that `f32` would not tell apart
/// are centred once they are limited; see [`Placement`].
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::scale::Winsorizer;
/// let table = Table::new([("x", Column::numeric(vec![-900.0, 1.0, 2.0, 3.0, 900.0]))])?;
/// let winsorizer = Winsorizer::new().with_quantiles(0.25, 0.75);
/// let fitted = winsorizer.fit_rows(table.rows(), &FitContext::default())?;
/// assert_eq!(fitted.transform(table.rows())?.column(0), [1.0, 1.0, 2.0, 3.0, 3.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Winsorizer {
    orders: (f64, f64),
}

impl Default for Winsorizer {
    fn default() -> Self {
        Self {
            orders: (0.01, 0.99),
        }
    }
}

impl Winsorizer {
    /// A winsorizer at the 1 % and the 99 % quantile.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The orders of the two quantiles, within 0..=1.
    #[must_use]
    pub fn with_quantiles(self, low: f64, high: f64) -> Self {
        Self {
            orders: (low, high),
        }
    }
}

/// A fitted [`Winsorizer`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedWinsorizer(Columnwise<Limits>);

impl FittedWinsorizer {
    /// The lower and the upper limit of each column, `None` where there was no value.
    #[must_use]
    pub fn limits(&self) -> Vec<Option<(f64, f64)>> {
        self.0.maps().iter().map(|map| map.limits).collect()
    }
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Limits {
    limits: Option<(f64, f64)>,
    placement: Placement,
}

impl FitColumn for Winsorizer {
    type Map = Limits;

    fn check(&self) -> Result<()> {
        check_orders("quantiles", self.orders)
    }

    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<Limits> {
        let mut sample = numbers.sample(context.weights());
        Ok(Limits {
            limits: match sample.quantiles(&[self.orders.0, self.orders.1])[..] {
                [low, high] => Some((low, high)),
                _ => None,
            },
            placement: Placement::fit(numbers, context.weights()),
        })
    }
}

impl ColumnMap for Limits {
    fn apply(&self, cells: Cells<'_>) -> Result<()> {
        match self.limits {
            // Comparisons with NaN are false: a missing cell stays missing.
            Some((low, high)) => self.placement.map(cells, |x| {
                if x < low {
                    low
                } else if x > high {
                    high
                } else {
                    x
                }
            }),
            None => cells.map(|x| x),
        }
        Ok(())
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }
}

columnwise_transformer!(Winsorizer, FittedWinsorizer);
columnwise_step!(Winsorizer, FittedWinsorizer);
