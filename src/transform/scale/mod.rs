//! Scaling of numeric columns.
//!
//! | scaler | value `x` becomes | learned from weights |
//! |---|---|---|
//! | [`StandardScaler`] | `(x - mean) / standard deviation` | yes |
//! | [`MinMaxScaler`] | `x` moved and stretched into a range | no: a minimum has no weight |
//! | [`MaxAbsScaler`] | `x / largest absolute value` | no |
//! | [`RobustScaler`] | `(x - median) / distance of two quantiles` | yes |
//! | [`QuantileScaler`] | its place among the training values, uniform or normal | yes |
//! | [`Winsorizer`] | `x` brought between two quantiles | yes |
//! | [`Log1p`] | `ln(1 + x)` | nothing is learned |
//!
//! Each takes numeric, boolean, date and datetime columns; a categorical column is an error that
//! names it. `(n_rows, k)` columns give `(n_rows, k)` features of the same names. A missing cell
//! stays missing and plays no part in fitting; neither does a row of weight 0. Statistics are
//! computed in `f64` from the table's numbers, and rounded to `f32` once scaled. A spread that is
//! rounding alone counts as none: one of at most 10 units in the last place of the numbers (0.3 and
//! 0.1 + 0.2 differ by one), or a subnormal one.
//!
//! Each is also a step behind another transformer, through [`Chain::then`](super::Chain::then):
//!
//! ```
//! use stackfold::prelude::*;
//! use stackfold::transform::impute::Imputer;
//! use stackfold::transform::scale::StandardScaler;
//! let table = Table::new([("x", Column::numeric(vec![1.0, f64::NAN, 3.0]))])?;
//! let target = Values::new(vec![0.0, 1.0, 2.0])?;
//! let transformer = Imputer::median().then(StandardScaler::new());
//! let (_, features) = transformer.fit_transform(Train::new(&table, &target)?)?;
//! let spread = 1.5_f32.sqrt();
//! assert_eq!(features.column(0), [-spread, 0.0, spread]);
//! # Ok::<(), stackfold::Error>(())
//! ```
//!
//! As a step a scaler takes every feature as a number, codes too: what comes out is not a code.

mod log1p;
mod max_abs;
mod min_max;
mod quantile;
mod robust;
mod standard;
mod winsorize;

pub use log1p::{FittedLog1p, Log1p, Negatives};
pub use max_abs::{FittedMaxAbsScaler, MaxAbsScaler};
pub use min_max::{Beyond, FittedMinMaxScaler, MinMaxScaler};
pub use quantile::{FittedQuantileScaler, QuantileOutput, QuantileScaler};
pub use robust::{FittedRobustScaler, RobustScaler};
pub use standard::{FittedStandardScaler, StandardScaler};
pub use winsorize::{FittedWinsorizer, Winsorizer};

use crate::error::{Error, Result};

/// Checks two orders of quantiles.
fn check_orders(parameter: &str, (low, high): (f64, f64)) -> Result<()> {
    if (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high) && low < high {
        return Ok(());
    }
    Err(Error::parameter(
        parameter,
        "two orders of quantiles, 0 <= low < high <= 1",
        format!("{low} and {high}"),
    ))
}
