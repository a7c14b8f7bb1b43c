//! Logarithms of skewed columns.

use crate::data::{FitContext, Numbers};
use crate::error::{Error, Result};
use crate::options::options;
use crate::transform::Placement;
use crate::transform::columnwise::{Cells, ColumnMap, Columnwise, FitColumn};
use crate::transform::columnwise::{columnwise_step, columnwise_transformer};

/// What becomes of values below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Negatives {
    /// `ln(1 + x)` as it stands; a value of -1 or less is an error.
    #[default]
    Plain,
    /// The logarithm of the size under the value's sign: `sign(x) ln(1 + |x|)`.
    Signed,
}

/// The natural logarithm of one plus the value: `ln(1 + x)`, exact for small `x`.
///
/// Nothing is learned but the columns' names, unless `f32` would not tell logarithms apart: those
/// of values near 1.7e9, say, are centred; see [`Placement`]. A value of -1 or less has no such
/// logarithm: it is an error that names column and row, unless [`Negatives::Signed`] is chosen. A
/// missing cell stays missing.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::scale::{Log1p, Negatives};
/// let table = Table::new([("x", Column::numeric(vec![0.0, 1.0, -3.0]))])?;
/// let context = FitContext::default();
/// let error = Log1p::new().fit_rows(table.rows(), &context).unwrap_err();
/// assert_eq!((error.column(), error.row()), (Some("x"), Some(2)));
///
/// let fitted = Log1p::new().with_negatives(Negatives::Signed).fit_rows(table.rows(), &context)?;
/// let ln = |x: f32| x.ln();
/// assert_eq!(fitted.transform(table.rows())?.column(0), [0.0, ln(2.0), -ln(4.0)]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log1p {
    negatives: Negatives,
}

impl Log1p {
    /// The plain logarithm.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// What becomes of values below 0.
        with_negatives(negatives: Negatives);
    }
}

/// A fitted [`Log1p`]: it knows its columns.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedLog1p(Columnwise<Log>);

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Log {
    negatives: Negatives,
    placement: Placement,
}

impl FitColumn for Log1p {
    type Map = Log;

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<Log> {
        check(self.negatives, numbers.find(|x| x <= -1.0))?;
        let placement = match self.negatives {
            Negatives::Plain => Placement::fit_changed(numbers, context.weights(), f64::ln_1p),
            Negatives::Signed => Placement::fit_changed(numbers, context.weights(), signed),
        };
        Ok(Log {
            negatives: self.negatives,
            placement,
        })
    }
}

fn signed(x: f64) -> f64 {
    x.abs().ln_1p().copysign(x)
}

fn check(negatives: Negatives, beyond: Option<(usize, f64)>) -> Result<()> {
    match (negatives, beyond) {
        (Negatives::Plain, Some((row, value))) => {
            Err(Error::data("values above -1", value).in_row(row))
        }
        _ => Ok(()),
    }
}

impl ColumnMap for Log {
    fn apply(&self, cells: Cells<'_>) -> Result<()> {
        match self.negatives {
            Negatives::Plain => {
                check(self.negatives, cells.find(|x| x <= -1.0))?;
                self.placement.map_costly(cells, f64::ln_1p);
            }
            Negatives::Signed => self.placement.map_costly(cells, signed),
        }
        Ok(())
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }
}

columnwise_transformer!(Log1p, FittedLog1p);
columnwise_step!(Log1p, FittedLog1p);
