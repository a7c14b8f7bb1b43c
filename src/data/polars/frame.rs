//! Columns from series, and series from columns.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use polars_arrow::array::{Array, Utf8ViewArray};
use polars_core::prelude::*;

use super::backend;
use super::narrow::{Parsed, changed, numbers};
use crate::data::interner::Interner;
use crate::data::parse::{MissingCounts, ReadColumn, TextRules};
use crate::data::{self, ColumnData, ColumnKind, Levels, MISSING_CODE, RowIndex, Table};
use crate::error::{Error, Result};

const A_DAY: i64 = 86_400_000;
/// Moments are within 9,999 years of 1970.
const FURTHEST: i64 = 9_999 * 366 * A_DAY;

/// The column that arrays of texts are: levels, unless another kind is given.
fn column_of_texts(arrays: &[ArrayRef], rules: &TextRules) -> Result<ReadColumn> {
    let arrays = arrays
        .iter()
        .filter_map(|array| array.as_any().downcast_ref());
    let arrays: Vec<&Utf8ViewArray> = arrays.collect();
    let rules = rules.for_texts();
    if rules.kind == Some(ColumnKind::Categorical) {
        let (codes, levels) = codes_of_texts(&arrays);
        return rules.read_levels(codes, levels);
    }
    rules.read(arrays.iter().flat_map(|array| array.iter()))
}

/// A code for each text, numbered as they first appear; a text is looked at once for each array and
/// place where it stands, which is one place for all rows if it comes from a dictionary or is short.
fn codes_of_texts(arrays: &[&Utf8ViewArray]) -> (Vec<u32>, Levels) {
    /// Of more texts most are met once, and the table of them would only take up memory.
    const MOST: usize = 1 << 16;
    let mut interner = Interner::default();
    let mut codes: Vec<u32> = Vec::with_capacity(arrays.iter().map(|array| array.len()).sum());
    for array in arrays {
        let mut seen: HashMap<u128, u32, FixedState> = HashMap::default();
        let validity = array.validity().filter(|v| v.unset_bits() > 0);
        for (row, view) in array.views().iter().enumerate() {
            if validity.is_some_and(|v| !v.get_bit(row)) {
                codes.push(MISSING_CODE);
                continue;
            }
            let key = view.as_u128();
            codes.push(seen.get(&key).copied().unwrap_or_else(|| {
                let code = interner.code(array.value(row));
                if seen.len() < MOST {
                    seen.insert(key, code);
                }
                code
            }));
        }
    }
    (codes, interner.into_levels())
}

/// The column that arrays of a file are, as [`column_of_series`] of a frame.
pub(super) fn column_of_arrays(
    field: &ArrowField,
    arrays: Vec<ArrayRef>,
    rules: &TextRules,
) -> Result<ReadColumn> {
    if let Some(parsed) = numbers(field.dtype(), &arrays, rules)? {
        return column_of_numbers(parsed, rules);
    }
    if *field.dtype() == ArrowDataType::Utf8View {
        return column_of_texts(&arrays, rules);
    }
    let series = Series::try_from((field, arrays)).map_err(|e| backend(&e))?;
    column_of_series(&series, rules)
}

/// The column that a series of a frame is: its kind follows from its type, unless the rules give one.
pub(super) fn column_of_series(series: &Series, rules: &TextRules) -> Result<ReadColumn> {
    let arrays = series.chunks();
    let (column, missing) = match series.dtype() {
        DataType::String => return column_of_texts(arrays, rules),
        DataType::Categorical(..) | DataType::Enum(..) => {
            let texts = series.strict_cast(&DataType::String);
            return column_of_texts(texts.map_err(|e| backend(&e))?.chunks(), rules);
        }
        DataType::Boolean if rules.is_for_texts() => {
            return Err(Error::wrong_kind("categorical", ColumnKind::Boolean));
        }
        DataType::Boolean => {
            let cells: Vec<Option<bool>> = series.bool().map_err(|e| backend(&e))?.iter().collect();
            (data::Column::boolean(&cells), nulls(series))
        }
        DataType::Date => {
            // The smallest number stands for a missing day.
            let day = |day| i32::try_from(day).ok().filter(|&day| day != i32::MIN);
            let days = changed::<i32, _>(arrays, i32::MIN, day)?.map_err(out_of_range)?;
            let data = ColumnData::I32(days);
            let column = data::Column::from_data(ColumnKind::Date, data);
            (column, nulls(series))
        }
        DataType::Datetime(unit, _) => {
            let per_millisecond = match unit {
                TimeUnit::Nanoseconds => 1_000_000,
                TimeUnit::Microseconds => 1_000,
                TimeUnit::Milliseconds => 1,
            };
            let moment = |tick: i64| {
                let moment = tick.div_euclid(per_millisecond);
                (-FURTHEST..=FURTHEST).contains(&moment).then_some(moment)
            };
            let moments = changed::<i64, _>(arrays, i64::MIN, moment)?.map_err(out_of_range)?;
            let data = ColumnData::I64(moments);
            let column = data::Column::from_data(ColumnKind::Datetime, data);
            (column, nulls(series))
        }
        DataType::Null => {
            let cells = vec![None; series.len()];
            (data::Column::integers(&cells), nulls(series))
        }
        dtype => {
            let array = arrays.first().filter(|_| dtype.is_primitive_numeric());
            let parsed = match array {
                Some(array) => numbers(array.dtype(), arrays, rules)?,
                None => None,
            };
            return match parsed {
                Some(parsed) => column_of_numbers(parsed, rules),
                None => Err(Error::unsupported(format!("a column of type {dtype}"))),
            };
        }
    };
    Ok(ReadColumn::plain(to_kind(column, rules.kind)?, missing))
}

/// Numbers of which one is beyond what 64 bits with a sign hold become levels that are their
/// digits: as numbers they would be rounded, and those of two rows fall together.
fn column_of_numbers(parsed: Parsed, rules: &TextRules) -> Result<ReadColumn> {
    match parsed {
        Parsed::Column(column, missing) => {
            Ok(ReadColumn::plain(to_kind(column, rules.kind)?, missing))
        }
        Parsed::Beyond(_, texts) if matches!(rules.kind, None | Some(ColumnKind::Categorical)) => {
            rules.for_texts().read(texts.iter().map(Option::as_deref))
        }
        Parsed::Beyond(row, mut texts) => {
            let most = i64::MAX;
            let expected = format!("whole numbers from -{most} to {most}");
            let found = texts.swap_remove(row).unwrap_or_default();
            Err(Error::data(expected, found)
                .in_row(row)
                .with_remedy("`with_kind` makes the column categorical"))
        }
    }
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

/// A frame with the columns of a table, whatever type of ours their cells are kept in: numbers are
/// `Int64` if all of them are whole and `Float64` otherwise, levels `String`, booleans `Boolean`,
/// dates `Date`, datetimes `Datetime` in milliseconds; missing cells are null.
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
        _ => series_of_numbers(column, &numbers),
    };
    Ok(series.with_name(name))
}

/// Whole numbers as `Int64`, others as `Float64`.
fn series_of_numbers(column: &data::Column, numbers: &[f64]) -> Series {
    fn integers<T: Copy + Into<i64> + PartialEq>(values: &[T], missing: T) -> Series {
        let cell = |&value: &T| (value != missing).then(|| value.into());
        values
            .iter()
            .map(cell)
            .collect::<Int64Chunked>()
            .into_series()
    }
    match column.data() {
        ColumnData::I8(values) => integers(values, i8::MIN),
        ColumnData::I16(values) => integers(values, i16::MIN),
        ColumnData::I32(values) => integers(values, i32::MIN),
        ColumnData::I64(values) => integers(values, i64::MIN),
        _ => {
            let cell = |&value: &f64| (!value.is_nan()).then_some(value);
            let cells: Float64Chunked = numbers.iter().map(cell).collect();
            cells.into_series()
        }
    }
}

/// Days or milliseconds, which are whole numbers within the range of exact floats.
#[allow(clippy::cast_possible_truncation, reason = "whole and in range")]
fn whole(value: f64) -> i64 {
    value as i64
}
