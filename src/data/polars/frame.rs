//! Columns from series, and series from columns.

use polars::prelude::*;

use super::backend;
use crate::data::parse::{MissingCounts, ReadColumn, TextRules};
use crate::data::{self, ColumnKind, RowIndex, Table};
use crate::error::{Error, Result};

const A_DAY: i64 = 86_400_000;
/// Moments are within 9,999 years of 1970.
const FURTHEST: i64 = 9_999 * 366 * A_DAY;

/// The column that a series of texts is.
fn column_of_texts(series: &Series, rules: &TextRules) -> Result<ReadColumn> {
    let texts = series.str().map_err(|e| backend(&e))?.rechunk();
    let Some(cells) = texts.downcast_iter().next() else {
        return rules.read(std::iter::empty());
    };
    rules.read((0..cells.len()).map(|row| cells.get(row)))
}

/// The column that a series of a frame is: its kind follows from its type, unless `kind` is given.
pub(super) fn column_of_series(
    series: &Series,
    kind: Option<ColumnKind>,
    rules: &TextRules,
) -> Result<ReadColumn> {
    let cast = |to: &DataType| series.strict_cast(to).map_err(|e| backend(&e));
    let (column, missing) = match series.dtype() {
        DataType::String => return column_of_texts(series, &rules.for_texts()),
        DataType::Categorical(..) | DataType::Enum(..) => {
            return column_of_texts(&cast(&DataType::String)?, &rules.for_texts());
        }
        DataType::Boolean => {
            let cells: Vec<Option<bool>> = series.bool().map_err(|e| backend(&e))?.iter().collect();
            (data::Column::boolean(&cells), nulls(series))
        }
        DataType::Float32 | DataType::Float64 => {
            let reals = cast(&DataType::Float64)?;
            rules.parse_reals(reals.f64().map_err(|e| backend(&e))?.iter())?
        }
        DataType::Date => {
            let days = cast(&DataType::Int32)?;
            let cells = days.i32().map_err(|e| backend(&e))?.iter();
            let cells: Vec<Option<i32>> = cells.collect();
            if let Some(row) = cells.iter().position(|&c| c == Some(i32::MIN)) {
                return Err(out_of_range(row));
            }
            (data::Column::dates(&cells), nulls(series))
        }
        DataType::Datetime(unit, _) => {
            let per_millisecond = match unit {
                TimeUnit::Nanoseconds => 1_000_000,
                TimeUnit::Microseconds => 1_000,
                TimeUnit::Milliseconds => 1,
            };
            let ticks = cast(&DataType::Int64)?;
            let cells = ticks.i64().map_err(|e| backend(&e))?.iter();
            let cells: Vec<Option<i64>> = cells
                .map(|cell| Some(cell?.div_euclid(per_millisecond)))
                .collect();
            let bad = |c: &Option<i64>| c.is_some_and(|c| !(-FURTHEST..=FURTHEST).contains(&c));
            if let Some(row) = cells.iter().position(bad) {
                return Err(out_of_range(row));
            }
            (data::Column::datetimes(&cells), nulls(series))
        }
        DataType::Null => {
            let cells = vec![None; series.len()];
            (data::Column::integers(&cells), nulls(series))
        }
        dtype if dtype.is_integer() => {
            if let Ok(whole) = series.strict_cast(&DataType::Int64) {
                rules.parse_integers(whole.i64().map_err(|e| backend(&e))?.iter())
            } else {
                let reals = cast(&DataType::Float64)?;
                rules.parse_reals(reals.f64().map_err(|e| backend(&e))?.iter())?
            }
        }
        dtype => return Err(Error::unsupported(format!("a column of type {dtype}"))),
    };
    Ok(ReadColumn::plain(to_kind(column, kind)?, missing))
}

fn nulls(series: &Series) -> MissingCounts {
    MissingCounts {
        null: series.null_count(),
        ..MissingCounts::default()
    }
}

fn out_of_range(row: usize) -> Error {
    Error::data("a date within 9999 years of 1970", "one further away").in_row(row)
}

/// The column as one of another kind, where that is a matter of form.
fn to_kind(column: data::Column, kind: Option<ColumnKind>) -> Result<data::Column> {
    let from = column.kind();
    let Some(kind) = kind.filter(|&kind| kind != from) else {
        return Ok(column);
    };
    let numbers = || column.numbers(RowIndex::All(column.len()));
    match (from, kind) {
        (_, ColumnKind::Categorical) => Ok(column.to_categorical()),
        (ColumnKind::Boolean, ColumnKind::Numeric) => Ok(data::Column::numeric(numbers())),
        // A column without any value has no kind of its own.
        (ColumnKind::Numeric, _) if column.n_missing() == column.len() => Ok(match kind {
            ColumnKind::Boolean => data::Column::boolean(&vec![None; column.len()]),
            ColumnKind::Date => data::Column::dates(&vec![None; column.len()]),
            _ => data::Column::datetimes(&vec![None; column.len()]),
        }),
        (ColumnKind::Numeric, ColumnKind::Boolean) => {
            let cells = numbers().into_iter().enumerate().map(|(row, v)| match v {
                v if v.is_nan() => Ok(None),
                0.0 => Ok(Some(false)),
                1.0 => Ok(Some(true)),
                v => Err(Error::data("0 or 1", v).in_row(row)),
            });
            let cells = cells.collect::<Result<Vec<Option<bool>>>>()?;
            Ok(data::Column::boolean(&cells))
        }
        (ColumnKind::Date, ColumnKind::Datetime) => {
            let cells: Vec<Option<i64>> = numbers()
                .into_iter()
                .map(|days| (!days.is_nan()).then(|| whole(days) * A_DAY))
                .collect();
            Ok(data::Column::datetimes(&cells))
        }
        _ => Err(Error::wrong_kind(kind.to_string(), from)),
    }
}

/// A frame with the columns of a table: integers, floats, booleans, texts, dates, datetimes in
/// milliseconds; missing cells are null.
///
/// # Errors
/// If polars refuses the columns.
pub fn table_to_frame(table: &Table) -> Result<DataFrame> {
    let fields = table.schema().fields();
    let columns = fields
        .iter()
        .enumerate()
        .map(|(i, field)| series_of(field.name(), table.column_at(i)).map(Series::into_column))
        .collect::<Result<Vec<Column>>>()?;
    DataFrame::new(table.n_rows(), columns).map_err(|e| backend(&e))
}

/// A frame of features, one column of `f32` each; missing ones are NaN.
///
/// # Errors
/// If polars refuses the columns.
pub fn features_to_frame<P: data::Provenance>(features: &data::Features<P>) -> Result<DataFrame> {
    let columns = (0..features.fields().len())
        .map(|i| {
            let name = features.fields()[i].name();
            Series::new(name.into(), features.column(i)).into_column()
        })
        .collect();
    DataFrame::new(features.n_rows(), columns).map_err(|e| backend(&e))
}

fn series_of(name: &str, column: &data::Column) -> Result<Series> {
    let name: PlSmallStr = name.into();
    if let Some((codes, levels)) = column.codes() {
        let texts: StringChunked = codes.iter().map(|&code| levels.name(code)).collect();
        return Ok(texts.with_name(name).into_series());
    }
    let numbers = column.numbers(RowIndex::All(column.len()));
    let present = |value: f64| (!value.is_nan()).then_some(value);
    let series = match column.kind() {
        ColumnKind::Boolean => {
            let cells: BooleanChunked = numbers
                .iter()
                .map(|&v| present(v).map(|v| v > 0.0))
                .collect();
            cells.into_series()
        }
        ColumnKind::Date | ColumnKind::Datetime => {
            let cells: Int64Chunked = numbers.iter().map(|&v| present(v).map(whole)).collect();
            let to = if column.kind() == ColumnKind::Date {
                return cells
                    .into_series()
                    .cast(&DataType::Int32)
                    .and_then(|days| days.cast(&DataType::Date))
                    .map(|days| days.with_name(name))
                    .map_err(|e| backend(&e));
            } else {
                DataType::Datetime(TimeUnit::Milliseconds, None)
            };
            cells.into_series().cast(&to).map_err(|e| backend(&e))?
        }
        _ => narrow_series(column, &numbers),
    };
    Ok(series.with_name(name))
}

/// A series of the type that the column's numbers are kept in.
fn narrow_series(column: &data::Column, numbers: &[f64]) -> Series {
    use crate::data::ColumnData;
    macro_rules! integers {
        ($values:expr, $t:ty, $array:ty) => {{
            let cells: $array = $values
                .iter()
                .map(|&v| (v != <$t>::MIN).then_some(v))
                .collect();
            cells.into_series()
        }};
    }
    match column.data() {
        ColumnData::I8(values) => integers!(values, i8, Int8Chunked),
        ColumnData::I16(values) => integers!(values, i16, Int16Chunked),
        ColumnData::I32(values) => integers!(values, i32, Int32Chunked),
        ColumnData::I64(values) => integers!(values, i64, Int64Chunked),
        ColumnData::F32(values) => {
            let cells: Float32Chunked =
                values.iter().map(|&v| (!v.is_nan()).then_some(v)).collect();
            cells.into_series()
        }
        _ => {
            let cells: Float64Chunked = numbers
                .iter()
                .map(|&v| (!v.is_nan()).then_some(v))
                .collect();
            cells.into_series()
        }
    }
}

/// Days or milliseconds, which are whole numbers within the range of exact floats.
#[allow(clippy::cast_possible_truncation, reason = "whole and in range")]
fn whole(value: f64) -> i64 {
    value as i64
}
