//! How many cells of a row are missing, zero, or equal to a value.

use std::sync::Arc;

use super::{FittedTransformer, Scope, UnsupervisedTransformer};
use crate::data::{Column, ColumnData, ColumnKind, Feature, Features, FitContext, MISSING_CODE};
use crate::data::{Number, OutOfSample, RowIndex, Rows, for_each_numbers};
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;

/// Counts, in each row, the cells of the chosen columns that are missing, zero, or equal to a
/// value: one feature a count, whatever the number of columns.
///
/// `(n_rows, k)` columns of any kinds give `(n_rows, c)` features for `c` counts:
///
/// | asked by | counts | name |
/// |---|---|---|
/// | [`missing`](RowCounts::missing) | missing cells of any kind | `{prefix}_missing` |
/// | [`zeros`](RowCounts::zeros) | numbers 0 and booleans that are false | `{prefix}_zeros` |
/// | [`equal`](RowCounts::equal) | numbers and booleans (1, 0) equal to a value | `{prefix}_eq_-1` |
/// | [`equal_level`](RowCounts::equal_level) | cells with this level | `{prefix}_eq_ZZ` |
///
/// Nothing is learned but the columns' names and whether each is categorical. A missing cell is
/// equal to no value. An empty selection gives counts of 0. Two counts of one name are an error.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::row_counts::RowCounts;
/// let table = Table::new([
///     ("a", Column::numeric(vec![-1.0, 0.0, f64::NAN])),
///     ("b", Column::numeric(vec![-1.0, 2.0, 0.0])),
///     ("c", Column::categorical([None, Some(" "), Some("x")])),
/// ])?;
/// let counts = RowCounts::new("n").missing().zeros().equal(-1.0).equal_level(" ");
/// let fitted = counts.fit_rows(table.rows(), &FitContext::default())?;
/// let features = fitted.transform(table.rows())?;
/// let names: Vec<&str> = features.names().collect();
/// assert_eq!(names, ["n_missing", "n_zeros", "n_eq_-1", "n_eq_ "]);
/// assert_eq!(features.column(0), [1.0, 0.0, 1.0]);
/// assert_eq!(features.column(1), [0.0, 1.0, 1.0]);
/// assert_eq!(features.column(2), [2.0, 0.0, 0.0]);
/// assert_eq!(features.column(3), [0.0, 1.0, 0.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RowCounts {
    prefix: String,
    counts: Vec<Count>,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
enum Count {
    Missing,
    Zeros,
    Equal(f64),
    EqualLevel(String),
}

impl RowCounts {
    /// No count yet; names of counts start with the prefix.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            counts: Vec::new(),
        }
    }

    /// Counts missing cells too.
    #[must_use]
    pub fn missing(self) -> Self {
        self.with(Count::Missing)
    }

    /// Counts zeros too.
    #[must_use]
    pub fn zeros(self) -> Self {
        self.with(Count::Zeros)
    }

    /// Counts numbers equal to this value too.
    #[must_use]
    pub fn equal(self, value: f64) -> Self {
        self.with(Count::Equal(value))
    }

    /// Counts cells with this level too.
    #[must_use]
    pub fn equal_level(self, level: impl Into<String>) -> Self {
        self.with(Count::EqualLevel(level.into()))
    }

    fn with(mut self, count: Count) -> Self {
        if !self.counts.contains(&count) {
            self.counts.push(count);
        }
        self
    }

    fn check(&self) -> Result<()> {
        if self.counts.is_empty() {
            return Err(Error::parameter("counts", "at least one count", "none"));
        }
        for count in &self.counts {
            if let Count::Equal(value) = count
                && !value.is_finite()
            {
                return Err(Error::parameter("equal", "a finite value", value));
            }
        }
        Ok(())
    }
}

/// A fitted [`RowCounts`]: it knows its columns.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedRowCounts {
    /// Names and kinds of the columns.
    inputs: Vec<(String, ColumnKind)>,
    counts: Vec<Count>,
    fields: Arc<[Feature]>,
}

impl UnsupervisedTransformer for RowCounts {
    type Fitted = FittedRowCounts;

    fn fit_rows(&self, rows: Rows<'_>, _: &FitContext<'_>) -> Result<FittedRowCounts> {
        self.check()?;
        let name = |count: &Count| match count {
            Count::Missing => format!("{}_missing", self.prefix),
            Count::Zeros => format!("{}_zeros", self.prefix),
            Count::Equal(value) => format!("{}_eq_{value}", self.prefix),
            Count::EqualLevel(level) => format!("{}_eq_{level}", self.prefix),
        };
        let fields: Vec<Feature> = self.counts.iter().map(name).map(Feature::number).collect();
        for (i, field) in fields.iter().enumerate() {
            // `equal(-1.0)` and `equal_level("-1")`, say.
            if fields[..i].contains(field) {
                return Err(Error::new(ErrorKind::DuplicateColumn).in_column(field.name()));
            }
        }
        Ok(FittedRowCounts {
            inputs: rows
                .features()
                .map(|(field, column)| (field.name().to_owned(), column.kind()))
                .collect(),
            counts: self.counts.clone(),
            fields: fields.into(),
        })
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Columns
    }

    fn join(&self, parts: Vec<FittedRowCounts>) -> Result<FittedRowCounts> {
        let fields = parts
            .first()
            .map_or_else(Arc::default, |part| Arc::clone(&part.fields));
        Ok(FittedRowCounts {
            inputs: parts.into_iter().flat_map(|part| part.inputs).collect(),
            counts: self.counts.clone(),
            fields,
        })
    }
}

impl FittedTransformer for FittedRowCounts {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        /// Rows that one task counts.
        const CHUNK: usize = 8192;
        let mut columns = Vec::with_capacity(self.inputs.len());
        let found = rows.columns_in_order(self.inputs.iter().map(|(name, _)| name.as_str()));
        for ((name, kind), (_, column)) in self.inputs.iter().zip(found) {
            let column = column?;
            let is_number = |kind| matches!(kind, ColumnKind::Numeric | ColumnKind::Boolean);
            let both_numbers = is_number(*kind) && is_number(column.kind());
            if *kind != column.kind() && !both_numbers {
                return Err(
                    Error::wrong_kind(kind.to_string(), column.kind()).in_column(name.as_str())
                );
            }
            columns.push(column);
        }
        let n_rows = rows.len();
        let mut values = vec![0.0; n_rows * self.counts.len()];
        for (out, count) in values.chunks_mut(n_rows.max(1)).zip(&self.counts) {
            parallel::for_each(out.chunks_mut(CHUNK), |i, out| {
                for column in &columns {
                    add(count, column, rows.index(), i * CHUNK, out);
                }
            });
        }
        Features::from_buffer(Arc::clone(&self.fields), n_rows, values)
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }
}

/// Adds one count of one column to the rows from position `start` on.
#[allow(clippy::float_cmp, reason = "equality is what is asked for")]
fn add(count: &Count, column: &Column, rows: RowIndex<'_>, start: usize, out: &mut [f32]) {
    let is_number = matches!(column.kind(), ColumnKind::Numeric | ColumnKind::Boolean);
    match (count, column.data()) {
        (Count::Missing, ColumnData::Codes(codes, _)) => {
            add_where(codes, rows, start, out, |code| code == MISSING_CODE);
        }
        (Count::Missing, data) => for_each_numbers!(data,
            values => add_where(values, rows, start, out, |v| v.to_f64().is_nan()), else => ()),
        (Count::EqualLevel(level), ColumnData::Codes(codes, levels)) => {
            if let Some(place) = levels.names().iter().position(|name| name == level) {
                add_where(codes, rows, start, out, |code| code as usize == place);
            }
        }
        (Count::Zeros, data) if is_number => for_each_numbers!(data,
            values => add_where(values, rows, start, out, |v| v.to_f64() == 0.0), else => ()),
        (Count::Equal(value), data) if is_number => for_each_numbers!(data,
            values => add_where(values, rows, start, out, |v| v.to_f64() == *value), else => ()),
        _ => {}
    }
}

fn add_where<T: Copy>(
    values: &[T],
    rows: RowIndex<'_>,
    start: usize,
    out: &mut [f32],
    is_so: impl Fn(T) -> bool,
) {
    let one_if = |v: T| f32::from(u8::from(is_so(v)));
    match rows {
        RowIndex::All(_) => {
            for (count, &v) in out.iter_mut().zip(&values[start..]) {
                *count += one_if(v);
            }
        }
        RowIndex::Some(index) => {
            for (count, &i) in out.iter_mut().zip(&index[start..]) {
                *count += one_if(values[i as usize]);
            }
        }
    }
}
