//! Numbers as they are.

use super::columnwise::{Columnwise, FitColumn, columnwise_transformer};
use super::placement::Placement;
use crate::data::{FitContext, Numbers};
use crate::error::Result;

/// Gives numeric, boolean, date and datetime columns as features.
///
/// Booleans become 0 and 1, dates days and datetimes milliseconds since 1970. A missing cell stays
/// missing (NaN). `(n_rows, k)` columns give `(n_rows, k)` features of the same names. Features
/// are `f32`: integers above 2^24 are rounded to 24 binary digits, and so are all datetimes; take
/// their parts with [`DateParts`](super::dates::DateParts) instead.
///
/// A categorical column is an error that names it.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::passthrough::Passthrough;
/// let table = Table::new([
///     ("age", Column::numeric(vec![31.0, f64::NAN])),
///     ("owner", Column::boolean(&[Some(true), Some(false)])),
/// ])?;
/// let fitted = Passthrough::new().fit_rows(table.rows(), &FitContext::default())?;
/// let features = fitted.transform(table.rows())?;
/// assert_eq!(features.names().collect::<Vec<_>>(), ["age", "owner"]);
/// assert_eq!(features.column(1), [1.0, 0.0]);
/// assert!(features.column(0)[1].is_nan());
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct Passthrough {}

impl Passthrough {
    /// A passthrough.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

/// A fitted [`Passthrough`]: it knows its columns.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedPassthrough(Columnwise<Placement>);

impl FitColumn for Passthrough {
    type Map = Placement;

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<Placement> {
        Ok(Placement::fit(numbers, context.weights()))
    }
}

columnwise_transformer!(Passthrough, FittedPassthrough);
