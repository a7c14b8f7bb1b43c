//! How often each level occurs.

use super::cells::feature_cells;
use super::lookup::{Lookup, LookupColumn, LookupOutput, Otherwise};
use super::targets::to_feature;
use crate::data::{Feature, Features, FitContext, OutOfSample, Rows, weighty};
use crate::error::Result;
use crate::options::options;
use crate::transform::columnwise::check_weights;
use crate::transform::{FittedTransformer, Scope, UnsupervisedTransformer};

/// What a [`FrequencyEncoder`] gives for a level that `n_l` of `n` training rows of weight above 0
/// have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Frequency {
    /// `n_l`.
    Count,
    /// `n_l / n`.
    Share,
    /// `ln(1 + n_l)`.
    LogCount,
}

/// What a missing cell is to a [`FrequencyEncoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum MissingFrequency {
    /// A level, counted like any other.
    AsLevel,
    /// 0, as an unseen level.
    Zero,
    /// A missing value.
    Nan,
    /// An error that names the column and the row.
    Error,
}

/// Replaces each level by how often it occurs in the training rows.
///
/// [`Frequency`] has the formulas; 0 for an unseen level. A row of weight 0 does not count, any
/// other counts as one. `c` columns give `(n_rows, c)` features under the columns' own names.
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{Frequency, FrequencyEncoder};
///
/// let column = |levels: [&str; 4]| Column::categorical(levels.map(Some));
/// let (table, new) = (
///     Table::new([("city", column(["a", "b", "a", "a"]))])?,
///     Table::new([("city", column(["z", "a", "b", "z"]))])?,
/// );
/// let target = Values::new(vec![0.0, 1.0, 0.0, 1.0])?;
/// let encoder = FrequencyEncoder::new().with_frequency(Frequency::Share);
/// let (fitted, training) = encoder.fit_transform(Train::new(&table, &target)?)?;
/// assert_eq!(training.column(0), [0.75, 0.25, 0.75, 0.75]);
/// assert_eq!(fitted.transform(new.rows())?.column(0), [0.0, 0.75, 0.25, 0.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrequencyEncoder {
    frequency: Frequency,
    missing: MissingFrequency,
}

impl Default for FrequencyEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl FrequencyEncoder {
    /// Counts, with a missing cell as a level.
    #[must_use]
    pub fn new() -> Self {
        Self {
            frequency: Frequency::Count,
            missing: MissingFrequency::AsLevel,
        }
    }

    options! {
        /// With this number for a level.
        with_frequency(frequency: Frequency);
        /// With missing cells treated so.
        with_missing(missing: MissingFrequency);
    }
}

impl UnsupervisedTransformer for FrequencyEncoder {
    type Fitted = FittedFrequencyEncoder;

    fn fit_rows(&self, rows: Rows<'_>, context: &FitContext<'_>) -> Result<Self::Fitted> {
        check_weights(context, rows.len())?;
        let n_rows = weighty(context.weights()).map_or(rows.len(), |rows| rows.len()) as f64;
        let number = |count: u32| {
            let count = f64::from(count);
            to_feature(match self.frequency {
                Frequency::Count => count,
                Frequency::Share => count / n_rows.max(1.0),
                Frequency::LogCount => count.ln_1p(),
            })
        };
        let cells = feature_cells(rows)?;
        let fields: Vec<Feature> = cells.iter().map(|c| Feature::number(c.name)).collect();
        let columns = cells.iter().map(|cells| {
            let mut counts = cells.counts(rows.index(), context.weights());
            let missing = counts.pop().unwrap_or(0);
            LookupColumn {
                name: cells.name.to_owned(),
                levels: cells.levels(),
                known: vec![true; counts.len()],
                outputs: vec![LookupOutput {
                    values: counts.into_iter().map(number).collect(),
                    unseen: Otherwise::Value(0.0),
                    missing: match self.missing {
                        MissingFrequency::AsLevel => Otherwise::Value(number(missing)),
                        MissingFrequency::Zero => Otherwise::Value(0.0),
                        MissingFrequency::Nan => Otherwise::Nan,
                        MissingFrequency::Error => Otherwise::Refuse,
                    },
                }],
            }
        });
        Ok(FittedFrequencyEncoder(Lookup::new(
            columns.collect(),
            fields,
        )))
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Columns
    }

    fn join(&self, parts: Vec<FittedFrequencyEncoder>) -> Result<FittedFrequencyEncoder> {
        let (columns, fields) = Lookup::into_columns(parts.into_iter().map(|part| part.0));
        Ok(FittedFrequencyEncoder(Lookup::new(columns, fields)))
    }
}

/// A fitted [`FrequencyEncoder`]: a number for each level.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedFrequencyEncoder(Lookup);

impl FittedTransformer for FittedFrequencyEncoder {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        self.0.transform(rows)
    }

    fn fields(&self) -> &[Feature] {
        self.0.fields()
    }
}
