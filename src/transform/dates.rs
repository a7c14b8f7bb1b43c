//! Dates to parts.

use std::sync::Arc;

use super::columnwise::{Cells, Input, check_weights};
use super::columnwise::{numbers_to_fit, numbers_to_transform};
use super::{FittedTransformer, Scope, UnsupervisedTransformer};
use crate::data::calendar::{date_of_days, days_of_date};
use crate::data::{ColumnKind, Feature, Features, FitContext, OutOfSample, Rows};
use crate::data::{Numbers, UniqueNames};
use crate::error::{Error, Result};
use crate::options::options;
use crate::parallel;

/// One part of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum DatePart {
    /// The year, 1 to 9999: `{column}_year`.
    Year,
    /// The month, 1 to 12: `{column}_month`.
    Month,
    /// The day of the month, 1 to 31: `{column}_day`.
    Day,
    /// The day of the week, Monday 1 to Sunday 7 (ISO 8601): `{column}_weekday`.
    Weekday,
    /// The day of the year, 1 to 366: `{column}_day_of_year`.
    DayOfYear,
    /// Whole days since the origin, negative before it: `{column}_days`.
    Days,
    /// The hour, 0 to 23, of a datetime; a date has none: `{column}_hour`.
    Hour,
    /// The minute, 0 to 59, of a datetime; a date has none: `{column}_minute`.
    Minute,
}

impl DatePart {
    /// All parts, in the order in which [`DateParts::new`] gives them.
    pub const ALL: [Self; 8] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Weekday,
        Self::DayOfYear,
        Self::Days,
        Self::Hour,
        Self::Minute,
    ];

    fn suffix(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Weekday => "weekday",
            Self::DayOfYear => "day_of_year",
            Self::Days => "days",
            Self::Hour => "hour",
            Self::Minute => "minute",
        }
    }

    fn is_of_day(self) -> bool {
        !matches!(self, Self::Hour | Self::Minute)
    }
}

/// The day from which [`DatePart::Days`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Origin {
    /// 1970-01-01.
    #[default]
    Epoch,
    /// Each column's first day among the training rows of weight above 0; 1970-01-01 if there is
    /// none.
    FirstDay,
    /// This many days after 1970-01-01.
    Day(i32),
}

/// Takes date and datetime columns apart: year, month, day, weekday, day of the year, days since
/// an origin, and for datetimes hour and minute.
///
/// `(n_rows, k)` columns give `k` times as many features as there are parts, all parts of the
/// first column first, named `{column}_{part}` (`_2`, `_3` … behind a name that would stand twice);
/// see [`DatePart`]. A missing cell is missing in all
/// parts. The calendar is the proleptic Gregorian one. A column of another kind is an error that
/// names it, as is, with its row, a date outside the years 1 to 9999. Features are `f32`, which
/// holds every one of these numbers exactly.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::dates::{DatePart, DateParts, Origin};
/// // 2014-03-03 was a Monday, 16132 days after 1970-01-01.
/// let table = Table::new([("quoted", Column::dates(&[Some(16132), None, Some(16137)]))])?;
/// let parts = DateParts::new()
///     .with_parts([DatePart::Year, DatePart::Weekday, DatePart::Days])
///     .with_origin(Origin::FirstDay);
/// let fitted = parts.fit_rows(table.rows(), &FitContext::default())?;
/// let features = fitted.transform(table.rows())?;
/// let names: Vec<&str> = features.names().collect();
/// assert_eq!(names, ["quoted_year", "quoted_weekday", "quoted_days"]);
/// assert_eq!(features.take(&[0, 2]).as_slice(), [2014.0, 2014.0, 1.0, 6.0, 0.0, 5.0]);
/// assert!(features.take(&[1]).as_slice().iter().all(|x| x.is_nan()));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DateParts {
    parts: Vec<DatePart>,
    origin: Origin,
}

impl Default for DateParts {
    fn default() -> Self {
        Self {
            parts: DatePart::ALL.to_vec(),
            origin: Origin::Epoch,
        }
    }
}

impl DateParts {
    /// All parts, with days since 1970-01-01.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These parts, in this order; one named again is left out.
    #[must_use]
    pub fn with_parts(self, parts: impl IntoIterator<Item = DatePart>) -> Self {
        let mut distinct = Vec::new();
        for part in parts {
            if !distinct.contains(&part) {
                distinct.push(part);
            }
        }
        Self {
            parts: distinct,
            ..self
        }
    }

    options! {
        /// The day from which days are counted.
        with_origin(origin: Origin);
    }
}

/// A fitted [`DateParts`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedDateParts {
    inputs: Vec<Input>,
    origins: Vec<i64>,
    /// The input and the part of each field.
    outputs: Vec<(usize, DatePart)>,
    fields: Arc<[Feature]>,
}

impl FittedDateParts {
    /// The day from which days are counted, by column, in days since 1970-01-01.
    #[must_use]
    pub fn origins(&self) -> &[i64] {
        &self.origins
    }
}

impl UnsupervisedTransformer for DateParts {
    type Fitted = FittedDateParts;

    fn fit_rows(&self, rows: Rows<'_>, context: &FitContext<'_>) -> Result<FittedDateParts> {
        check_weights(context, rows.len())?;
        for (field, column) in rows.features() {
            if !matches!(column.kind(), ColumnKind::Date | ColumnKind::Datetime) {
                return Err(
                    Error::wrong_kind("date or datetime", column.kind()).in_column(field.name())
                );
            }
        }
        let (inputs, numbers) = numbers_to_fit(rows)?;
        check_years(&inputs, &numbers)?;
        let columns = inputs.iter().zip(&numbers);
        let origins = parallel::map(columns, |_, (input, &numbers)| match self.origin {
            Origin::Epoch => 0,
            Origin::Day(day) => i64::from(day),
            Origin::FirstDay => {
                let range = numbers.sample(context.weights()).range();
                range.map_or(0, |(first, _)| day_of(input.kind(), first))
            }
        });
        let outputs: Vec<(usize, DatePart)> = (0..inputs.len())
            .flat_map(|j| self.parts.iter().map(move |&part| (j, part)))
            .filter(|&(j, part)| part.is_of_day() || inputs[j].kind() == ColumnKind::Datetime)
            .collect();
        Ok(FittedDateParts {
            fields: fields(&inputs, &outputs),
            inputs,
            origins,
            outputs,
        })
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Columns
    }

    fn join(&self, parts: Vec<FittedDateParts>) -> Result<FittedDateParts> {
        let mut all = FittedDateParts {
            inputs: Vec::new(),
            origins: Vec::new(),
            outputs: Vec::new(),
            fields: Arc::default(),
        };
        for part in parts {
            let before = all.inputs.len();
            let outputs = part.outputs.into_iter();
            all.outputs
                .extend(outputs.map(|(j, of_date)| (before + j, of_date)));
            all.inputs.extend(part.inputs);
            all.origins.extend(part.origins);
        }
        all.fields = fields(&all.inputs, &all.outputs);
        Ok(all)
    }
}

impl FittedTransformer for FittedDateParts {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let numbers = numbers_to_transform(&self.inputs, rows)?;
        check_years(&self.inputs, &numbers)?;
        let n_rows = rows.len();
        let mut values = vec![0.0; n_rows * self.fields.len()];
        let columns = values.chunks_mut(n_rows.max(1)).zip(&self.outputs);
        parallel::for_each_small(n_rows, columns, |_, (out, &(j, part))| {
            let (kind, origin) = (self.inputs[j].kind(), self.origins[j]);
            Cells::From(numbers[j], out).map(|x| {
                if x.is_nan() {
                    x
                } else {
                    part_of(part, kind, origin, x) as f64
                }
            });
        });
        Features::from_buffer(Arc::clone(&self.fields), n_rows, values)
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }
}

fn fields(inputs: &[Input], outputs: &[(usize, DatePart)]) -> Arc<[Feature]> {
    let mut names = UniqueNames::default();
    let name = |&(j, part): &(usize, DatePart)| format!("{}_{}", inputs[j].name(), part.suffix());
    let fields = outputs.iter().map(|output| names.take(name(output)));
    fields.map(Feature::number).collect()
}

const MILLISECONDS_A_DAY: i64 = 86_400_000;

/// Days since 1970-01-01 of a column's number.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a whole number; beyond the years 1 to 9999 a cast saturates"
)]
fn day_of(kind: ColumnKind, number: f64) -> i64 {
    match kind {
        ColumnKind::Datetime => (number as i64).div_euclid(MILLISECONDS_A_DAY),
        _ => number as i64,
    }
}

/// Refuses days outside the years 1 to 9999.
fn check_years(inputs: &[Input], numbers: &[Numbers<'_>]) -> Result<()> {
    let (Some(first), Some(last)) = (days_of_date(1, 1, 1), days_of_date(9999, 12, 31)) else {
        return Ok(());
    };
    for (input, &numbers) in inputs.iter().zip(numbers) {
        let kind = input.kind();
        let outside = |x: f64| !x.is_nan() && !(first..=last).contains(&day_of(kind, x));
        if let Some((row, number)) = numbers.find(outside) {
            let days = day_of(kind, number);
            return Err(Error::data(
                "a date in the years 1 to 9999",
                format!("{days} days since 1970-01-01"),
            )
            .in_row(row)
            .in_column(input.name()));
        }
    }
    Ok(())
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a whole number in the years 1 to 9999"
)]
fn part_of(part: DatePart, kind: ColumnKind, origin: i64, number: f64) -> i64 {
    let days = day_of(kind, number);
    match part {
        DatePart::Year => date_of_days(days).0,
        DatePart::Month => date_of_days(days).1,
        DatePart::Day => date_of_days(days).2,
        // 1970-01-01 was a Thursday.
        DatePart::Weekday => (days + 3).rem_euclid(7) + 1,
        DatePart::DayOfYear => {
            let (year, _, _) = date_of_days(days);
            days_of_date(year, 1, 1).map_or(0, |new_year| days - new_year) + 1
        }
        DatePart::Days => days - origin,
        DatePart::Hour => (number as i64).div_euclid(3_600_000).rem_euclid(24),
        DatePart::Minute => (number as i64).div_euclid(60_000).rem_euclid(60),
    }
}
