//! A code for each level.

use std::sync::Arc;

use super::cells::{Cells, feature_cells};
use super::lookup::{Lookup, LookupColumn, LookupOutput, Otherwise};
use super::names::sort_by_name;
use crate::data::{Feature, Features, FitContext, Levels, OutOfSample, RowIndex, Rows};
use crate::error::{Error, Result};
use crate::options::options;
use crate::transform::columnwise::check_weights;
use crate::transform::{FittedTransformer, Scope, UnsupervisedTransformer};

/// What a level is to an [`OrdinalEncoder`] that was not among the training rows.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum UnknownCode {
    /// A missing value.
    Nan,
    /// A code of its own: the one after all others.
    Own,
    /// This number; the features are then numbers, not codes.
    Value(f32),
    /// An error that names the column, the row and the level.
    Error,
}

/// What a missing cell is to an [`OrdinalEncoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum MissingCode {
    /// A missing value.
    Nan,
    /// A code of its own: the one after those of the levels.
    Own,
    /// An error that names the column and the row.
    Error,
}

/// Replaces each level by a code from 0.
///
/// The levels of the training rows of weight above 0 are numbered in the order of their names: by value if all are
/// numbers, else by characters; or in an order that is given. `c` columns give `(n_rows, c)`
/// features under the columns' own names. Their kind is
/// [`FeatureKind::Code`](crate::data::FeatureKind::Code), unless the order was given: then the
/// codes have an order, and so they are numbers.
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::OrdinalEncoder;
///
/// let table = Table::new([
///     ("city", Column::categorical([Some("b"), Some("a"), None])),
///     ("size", Column::categorical([Some("S"), Some("L"), Some("M")])),
/// ])?;
/// let target = Values::new(vec![0.0, 1.0, 0.0])?;
/// let encoder = OrdinalEncoder::new().with_order("size", ["S", "M", "L"]);
/// let (fitted, training) = encoder.fit_transform(Train::new(&table, &target)?)?;
/// assert_eq!(training.column(0)[..2], [1.0, 0.0]);
/// assert!(training.column(0)[2].is_nan());
/// assert_eq!(training.column(1), [0.0, 2.0, 1.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrdinalEncoder {
    orders: Vec<(String, Vec<String>)>,
    unknown: UnknownCode,
    missing: MissingCode,
}

impl Default for OrdinalEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl OrdinalEncoder {
    /// Levels by name; unseen levels and missing cells give missing values.
    #[must_use]
    pub fn new() -> Self {
        Self {
            orders: Vec::new(),
            unknown: UnknownCode::Nan,
            missing: MissingCode::Nan,
        }
    }

    /// With the levels of one column in this order; other levels of that column are unknown.
    ///
    /// Columns that the encoder does not get are passed over.
    #[must_use]
    pub fn with_order<L: Into<String>>(
        mut self,
        column: impl Into<String>,
        levels: impl IntoIterator<Item = L>,
    ) -> Self {
        let column = column.into();
        self.orders.retain(|(name, _)| *name != column);
        let levels = levels.into_iter().map(Into::into).collect();
        self.orders.push((column, levels));
        self
    }

    options! {
        /// With unseen levels treated so.
        with_unknown(unknown: UnknownCode);
        /// With missing cells treated so.
        with_missing(missing: MissingCode);
    }

    fn fit_column(
        &self,
        cells: &Cells<'_>,
        rows: RowIndex<'_>,
        weights: Option<&[f64]>,
    ) -> Result<(LookupColumn, Feature)> {
        let order = self.orders.iter().find(|(name, _)| name == cells.name);
        // Levels, and codes into them in the order in which they are numbered.
        let (levels, sorted): (Arc<Levels>, Vec<u32>) = if let Some((_, order)) = order {
            let order = Levels::new(order.clone()).map_err(|e| e.in_column(cells.name))?;
            let codes = (0..).take(order.len()).collect();
            (Arc::new(order), codes)
        } else {
            let (levels, counts) = (cells.levels(), cells.counts(rows, weights));
            let seen = |&code: &u32| counts[code as usize] > 0;
            let mut codes: Vec<u32> = (0..).take(levels.len()).filter(seen).collect();
            sort_by_name(&mut codes, &levels);
            (levels, codes)
        };
        let (mut n_codes, mut values) = (0_u32, vec![0.0; levels.len()]);
        let mut known = vec![false; levels.len()];
        let code = |n_codes: &mut u32| -> Result<f32> {
            // Whole numbers up to 2^24 are exact in f32.
            let code = number(*n_codes).ok_or_else(|| {
                Error::data("at most 16777216 levels", levels.len()).in_column(cells.name)
            })?;
            *n_codes += 1;
            Ok(code)
        };
        for level in sorted {
            values[level as usize] = code(&mut n_codes)?;
            known[level as usize] = true;
        }
        let missing = match self.missing {
            MissingCode::Nan => Otherwise::Nan,
            MissingCode::Own => Otherwise::Value(code(&mut n_codes)?),
            MissingCode::Error => Otherwise::Refuse,
        };
        let unseen = match self.unknown {
            UnknownCode::Nan => Otherwise::Nan,
            UnknownCode::Own => Otherwise::Value(code(&mut n_codes)?),
            UnknownCode::Value(value) => Otherwise::Value(value),
            UnknownCode::Error => Otherwise::Refuse,
        };
        let is_number = order.is_some() || matches!(self.unknown, UnknownCode::Value(_));
        let feature = if is_number {
            Feature::number(cells.name)
        } else {
            Feature::code(cells.name, n_codes)
        };
        let column = LookupColumn {
            name: cells.name.to_owned(),
            levels,
            known,
            outputs: vec![LookupOutput {
                values,
                unseen,
                missing,
            }],
        };
        Ok((column, feature))
    }
}

impl UnsupervisedTransformer for OrdinalEncoder {
    type Fitted = FittedOrdinalEncoder;

    fn fit_rows(&self, rows: Rows<'_>, context: &FitContext<'_>) -> Result<Self::Fitted> {
        check_weights(context, rows.len())?;
        if let UnknownCode::Value(value) = self.unknown
            && !value.is_finite()
        {
            return Err(Error::parameter("unknown", "a finite value", value));
        }
        let (columns, fields): (Vec<_>, Vec<_>) = feature_cells(rows)?
            .iter()
            .map(|cells| self.fit_column(cells, rows.index(), context.weights()))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        Ok(FittedOrdinalEncoder(Lookup::new(columns, fields)))
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Columns
    }

    fn join(&self, parts: Vec<FittedOrdinalEncoder>) -> Result<FittedOrdinalEncoder> {
        let (columns, fields) = Lookup::into_columns(parts.into_iter().map(|part| part.0));
        Ok(FittedOrdinalEncoder(Lookup::new(columns, fields)))
    }
}

/// A whole number that is exact in `f32`.
#[allow(clippy::cast_precision_loss, reason = "checked to be exact")]
fn number(code: u32) -> Option<f32> {
    (code <= 1 << 24).then_some(code as f32)
}

/// A fitted [`OrdinalEncoder`]: a code for each level.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedOrdinalEncoder(Lookup);

impl FittedTransformer for FittedOrdinalEncoder {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        self.0.transform(rows)
    }

    fn fields(&self) -> &[Feature] {
        self.0.fields()
    }
}
