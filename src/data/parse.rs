//! From the texts of a column to typed cells: which kind they have, and which of them are missing.
//!
//! The kind is inferred from *all* cells, so that a late surprise cannot give a wrong one:
//!
//! | every cell that is not missing is | kind |
//! |---|---|
//! | a number (`12`, `-1.5`, `2e3`), perhaps with a thousands separator (`1,113`) | numeric |
//! | `true` or `false` in lower, upper or title case | boolean |
//! | `2014-03-03` | date |
//! | `2014-03-03T14:05`, `2014-03-03 14:05:00.250`, with `Z` or `+01:00` or neither | datetime |
//! | anything else, or a whole number with a leading zero (`007`) | categorical |
//!
//! Whole numbers with leading zeros are codes: as numbers they would lose their zeros. A column
//! without any cell that is not missing is numeric.

use rustc_hash::FxHashMap;

use super::calendar::days_of_date;
use super::{Column, ColumnKind, Levels, MISSING_CODE};
use crate::error::{Error, Result};

/// The texts that stand for a missing cell unless [`TextRules::with_missing`] says otherwise; an
/// empty cell is always missing.
pub const MISSING_TEXTS: [&str; 6] = ["NA", "N/A", "NaN", "nan", "null", "NULL"];

/// What becomes of infinite numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Infinities {
    /// An error that names the row.
    #[default]
    Refuse,
    /// A missing cell.
    AsMissing,
}

/// How often cells of a column were missing, by cause.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct MissingCounts {
    /// Empty cells of a text file, nulls of a frame.
    pub null: usize,
    /// Numbers that are not a number.
    pub nan: usize,
    /// Infinite numbers, where these are taken as missing.
    pub infinite: usize,
    /// Sentinels that were met, and how often, in the order of the rules.
    pub sentinels: Vec<(String, usize)>,
}

impl MissingCounts {
    /// All causes together.
    #[must_use]
    pub fn total(&self) -> usize {
        let sentinels: usize = self.sentinels.iter().map(|(_, count)| count).sum();
        self.null + self.nan + self.infinite + sentinels
    }
}

/// How the texts of one column become typed cells.
///
/// ```
/// use stackfold::data::ColumnKind;
/// use stackfold::data::parse::TextRules;
/// let cells = ["1,113", "935", "", "-1"].map(|text| (!text.is_empty()).then_some(text));
/// let (column, missing) = TextRules::new().with_sentinels(["-1"]).parse(cells.iter().copied())?;
/// assert_eq!(column.kind(), ColumnKind::Numeric);
/// assert_eq!(column.text(0).as_deref(), Some("1113"));
/// assert_eq!((missing.null, missing.sentinels[0].1), (1, 1));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextRules {
    pub(crate) kind: Option<ColumnKind>,
    missing: Vec<String>,
    sentinels: Vec<String>,
    pub(crate) thousands: Option<char>,
    pub(crate) date_format: Option<DateFormat>,
    pub(crate) infinities: Infinities,
}

impl Default for TextRules {
    fn default() -> Self {
        Self {
            kind: None,
            missing: MISSING_TEXTS.map(str::to_owned).to_vec(),
            sentinels: Vec::new(),
            thousands: Some(','),
            date_format: None,
            infinities: Infinities::Refuse,
        }
    }
}

impl TextRules {
    /// Kinds are inferred; [`MISSING_TEXTS`] and empty cells are missing; thousands are separated
    /// by a comma; infinite numbers are refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The kind that the column must have, in place of the inferred one.
    ///
    /// As boolean pass also `1`, `t`, `y`, `yes` and `0`, `f`, `n`, `no`, in any case.
    #[must_use]
    pub fn with_kind(mut self, kind: ColumnKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The texts that stand for a missing cell, in place of [`MISSING_TEXTS`].
    #[must_use]
    pub fn with_missing<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.missing = texts.into_iter().map(Into::into).collect();
        self
    }

    /// Further texts that stand for a missing cell.
    ///
    /// A sentinel that is a number means that number, however it is written (`-1`, `-1.0`), in a
    /// numeric column, and that text in a column of another kind. Blanks around a cell do not
    /// matter, unless the sentinel itself consists of blanks.
    #[must_use]
    pub fn with_sentinels<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.sentinels.extend(texts.into_iter().map(Into::into));
        self
    }

    /// The separator of thousands in numbers, or none. Groups have three digits.
    #[must_use]
    pub fn with_thousands_separator(mut self, separator: Option<char>) -> Self {
        self.thousands = separator;
        self
    }

    /// How dates are written; every cell that is not missing must be one.
    #[must_use]
    pub fn with_date_format(mut self, format: DateFormat) -> Self {
        self.date_format = Some(format);
        self
    }

    /// What becomes of infinite numbers.
    #[must_use]
    pub fn with_infinities(mut self, infinities: Infinities) -> Self {
        self.infinities = infinities;
        self
    }

    /// The column that these cells are, and how many of them were missing for which cause.
    ///
    /// Levels of a categorical column are the texts as they are, blanks and zeros included.
    ///
    /// # Errors
    /// If a cell does not have the kind that was asked for, is written as a date that does not
    /// exist in a column of dates, or is infinite; the error names the row.
    pub fn parse<'a>(
        &self,
        cells: impl Iterator<Item = Option<&'a str>> + Clone,
    ) -> Result<(Column, MissingCounts)> {
        let causes = Causes::new(self);
        match (self.kind, &self.date_format) {
            (Some(ColumnKind::Categorical), _) => Ok(categorical(cells, &causes)),
            (Some(ColumnKind::Numeric), _) => self
                .numeric(cells, &causes)?
                .map_err(|refused| refused.error("a number")),
            (Some(ColumnKind::Boolean), _) => {
                boolean(cells, &causes, boolean_word).map_err(|r| r.error("true or false"))
            }
            (None | Some(ColumnKind::Date | ColumnKind::Datetime), Some(format)) => {
                let dates = self
                    .kind
                    .map_or(!format.has_time, |k| k == ColumnKind::Date);
                let expected = format!("a date written as {}", format.text);
                moments(cells, &causes, dates, |text| format.parse(text))
                    .map_err(|refused| refused.error(&expected))
            }
            (Some(ColumnKind::Date), None) => {
                moments(cells, &causes, true, iso_date).map_err(|r| r.error("a date"))
            }
            (Some(ColumnKind::Datetime), None) => {
                moments(cells, &causes, false, iso_moment).map_err(|r| r.error("a datetime"))
            }
            (None, None) => self.infer(cells, &causes),
        }
    }

    fn infer<'a>(
        &self,
        cells: impl Iterator<Item = Option<&'a str>> + Clone,
        causes: &Causes<'_>,
    ) -> Result<(Column, MissingCounts)> {
        let first = cells
            .clone()
            .flatten()
            .find(|text| causes.of_text(text).is_none());
        let Some(first) = first else {
            return self
                .numeric(cells, causes)?
                .map_err(|refused| refused.error("a number"));
        };
        if number(first, self.thousands).is_some() {
            if let Ok(parsed) = self.numeric(cells.clone(), causes)? {
                return Ok(parsed);
            }
        } else if true_or_false(first).is_some() {
            if let Ok(parsed) = boolean(cells.clone(), causes, true_or_false) {
                return Ok(parsed);
            }
        } else if has_date_shape(first) {
            let mut present = cells
                .clone()
                .flatten()
                .filter(|text| causes.of_text(text).is_none());
            if present.all(has_date_shape) {
                return moments(cells, causes, true, iso_date).map_err(|r| r.error("a date"));
            }
            if let Ok(parsed) = moments(cells.clone(), causes, false, iso_moment) {
                return Ok(parsed);
            }
        } else if iso_moment(first).is_some()
            && let Ok(parsed) = moments(cells.clone(), causes, false, iso_moment)
        {
            return Ok(parsed);
        }
        Ok(categorical(cells, causes))
    }

    /// A numeric column, or the first cell that is no number; the outer error is for infinities.
    ///
    /// Unless a numeric column is asked for, a number with leading zeros is none: it is a code.
    fn numeric<'a>(
        &self,
        cells: impl Iterator<Item = Option<&'a str>> + Clone,
        causes: &Causes<'_>,
    ) -> Result<std::result::Result<(Column, MissingCounts), Refused>> {
        /// Whole numbers up to this size are exact as `f64`.
        const EXACT: i64 = 1 << 53;
        let mut counts = Counts::default();
        let mut values: Vec<f64> = Vec::with_capacity(cells.size_hint().0);
        let (mut all_whole, mut any_large, mut first_infinite) = (true, false, None);
        for (row, cell) in cells.clone().enumerate() {
            let Some(text) = cell else {
                counts.null += 1;
                values.push(f64::NAN);
                continue;
            };
            let value = match number(text, self.thousands) {
                Some(Number::Whole(_)) if self.kind.is_none() && has_leading_zero(text) => {
                    match causes.of_text(text) {
                        Some(cause) => {
                            counts.add(cause);
                            values.push(f64::NAN);
                            continue;
                        }
                        None => return Ok(Err(Refused::new(row, text))),
                    }
                }
                Some(Number::Whole(whole)) => {
                    any_large |= !(-EXACT..=EXACT).contains(&whole);
                    whole as f64
                }
                Some(Number::Real(real)) => {
                    all_whole = false;
                    real
                }
                None => match causes.of_text(text) {
                    Some(cause) => {
                        counts.add(cause);
                        values.push(f64::NAN);
                        continue;
                    }
                    None => return Ok(Err(Refused::new(row, text))),
                },
            };
            if let Some(cause) = causes.of_number(value) {
                counts.add(cause);
                values.push(f64::NAN);
            } else if value.is_infinite() {
                first_infinite = first_infinite.or(Some((row, value)));
                counts.infinite += 1;
                values.push(f64::NAN);
            } else {
                values.push(value);
            }
        }
        if self.infinities == Infinities::Refuse
            && let Some((row, value)) = first_infinite
        {
            return Err(Error::not_finite(value).in_row(row));
        }
        if all_whole && any_large {
            let whole: Vec<Option<i64>> = cells
                .zip(&values)
                .map(|(cell, value)| match number(cell?, self.thousands) {
                    Some(Number::Whole(whole)) if !value.is_nan() => Some(whole),
                    _ => None,
                })
                .collect();
            return Ok(Ok((Column::integers(&whole), counts.finish(causes))));
        }
        Ok(Ok((Column::numeric(values), counts.finish(causes))))
    }
}

/// How dates, or dates with times, are written.
///
/// `%Y` is a year of four digits, `%y` one of two (69..99 are 1969..1999, 00..68 are 2000..2068),
/// `%m` a month, `%d` a day, `%b` an English month's first three letters, `%H`, `%M` and `%S`
/// hours, minutes and seconds; numbers but `%Y` have one or two digits. Anything else stands for
/// itself.
///
/// ```
/// use stackfold::data::parse::{DateFormat, TextRules};
/// let rules = TextRules::new().with_date_format(DateFormat::new("%d/%m/%Y")?);
/// let (column, _) = rules.parse([Some("03/04/2014"), Some("31/12/2014")].into_iter())?;
/// assert_eq!(column.text(0).as_deref(), Some("2014-04-03"));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat {
    text: String,
    parts: Vec<Part>,
    has_time: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    Hour,
    Minute,
    Second,
    Literal(char),
}

impl DateFormat {
    /// A format in the notation above.
    ///
    /// # Errors
    /// If it has another letter after `%`, or lacks a year, a month or a day.
    pub fn new(format: &str) -> Result<Self> {
        let bad = || {
            Error::parameter(
                "date format",
                "made of %Y or %y, %m or %b, %d and perhaps %H, %M, %S",
                format!("{format:?}"),
            )
        };
        let mut parts = Vec::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            parts.push(if c == '%' {
                match chars.next() {
                    Some('Y') => Part::Year,
                    Some('y') => Part::ShortYear,
                    Some('m') => Part::Month,
                    Some('b') => Part::MonthName,
                    Some('d') => Part::Day,
                    Some('H') => Part::Hour,
                    Some('M') => Part::Minute,
                    Some('S') => Part::Second,
                    _ => return Err(bad()),
                }
            } else {
                Part::Literal(c)
            });
        }
        let has = |choices: &[Part]| parts.iter().any(|part| choices.contains(part));
        if !has(&[Part::Year, Part::ShortYear])
            || !has(&[Part::Month, Part::MonthName])
            || !has(&[Part::Day])
        {
            return Err(bad());
        }
        Ok(Self {
            text: format.to_owned(),
            has_time: has(&[Part::Hour]),
            parts,
        })
    }

    /// Milliseconds since 1970 of a text in this format.
    fn parse(&self, text: &str) -> Option<i64> {
        let mut rest = text.trim();
        let (mut year, mut month, mut day) = (0, 0, 0);
        let (mut hour, mut minute, mut second) = (0, 0, 0);
        for part in &self.parts {
            match part {
                Part::Year => year = leading_number(&mut rest, 4, 4)?,
                Part::ShortYear => {
                    let short = leading_number(&mut rest, 2, 2)?;
                    year = short + if short < 69 { 2000 } else { 1900 };
                }
                Part::Month => month = leading_number(&mut rest, 1, 2)?,
                Part::MonthName => month = leading_month(&mut rest)?,
                Part::Day => day = leading_number(&mut rest, 1, 2)?,
                Part::Hour => hour = leading_number(&mut rest, 1, 2)?,
                Part::Minute => minute = leading_number(&mut rest, 1, 2)?,
                Part::Second => second = leading_number(&mut rest, 1, 2)?,
                Part::Literal(c) => rest = rest.strip_prefix(*c)?,
            }
        }
        (rest.is_empty() && hour < 24 && minute < 60 && second < 60)
            .then(|| days_of_date(year, month, day))
            .flatten()
            .map(|days| days * A_DAY + ((hour * 60 + minute) * 60 + second) * 1_000)
    }
}

const A_DAY: i64 = 86_400_000;

/// Why a cell is missing: not a number, or the sentinel at a place in the list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cause {
    Null,
    Nan,
    Sentinel(usize),
}

/// The texts and numbers that stand for a missing cell.
pub(crate) struct Causes<'r> {
    texts: Vec<&'r str>,
    numbers: Vec<(f64, usize)>,
}

impl<'r> Causes<'r> {
    pub(crate) fn new(rules: &'r TextRules) -> Self {
        let mut texts: Vec<&str> = Vec::new();
        for text in rules.sentinels.iter().chain(&rules.missing) {
            if !texts.contains(&text.as_str()) {
                texts.push(text);
            }
        }
        let value = |text: &str| match number(text, None)? {
            Number::Whole(whole) => Some(whole as f64),
            Number::Real(real) => Some(real),
        };
        let numbers = (0..)
            .zip(&texts)
            .filter_map(|(i, text)| Some((value(text)?, i)))
            .collect();
        Self { texts, numbers }
    }

    /// Counts of cells by the places of their causes.
    #[cfg(feature = "polars")]
    pub(crate) fn counts_of(&self, missing: &MissingCounts) -> Counts {
        let count = |text: &&str| {
            let found = missing
                .sentinels
                .iter()
                .find(|(sentinel, _)| sentinel == text);
            found.map_or(0, |&(_, count)| count)
        };
        Counts {
            null: missing.null,
            nan: missing.nan,
            infinite: missing.infinite,
            sentinels: self.texts.iter().map(count).collect(),
        }
    }

    /// Whether two of the texts are one number: a cell may then be one as a text and the other as a
    /// number.
    #[cfg(feature = "polars")]
    pub(crate) fn are_ambiguous(&self) -> bool {
        let mut numbers = self
            .numbers
            .iter()
            .map(|(value, _)| (value + 0.0).to_bits())
            .collect::<Vec<_>>();
        numbers.sort_unstable();
        numbers.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// Whether a number may be a sentinel.
    #[cfg(feature = "polars")]
    pub(crate) fn have_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    pub(crate) fn of_text(&self, text: &str) -> Option<Cause> {
        if text.is_empty() {
            return Some(Cause::Null);
        }
        let place = self.texts.iter().position(|&s| s == text).or_else(|| {
            let trimmed = text.trim();
            let is = |s: &&str| !s.is_empty() && *s == trimmed;
            (trimmed.len() < text.len())
                .then(|| self.texts.iter().position(is))
                .flatten()
        })?;
        Some(if self.texts[place].eq_ignore_ascii_case("nan") {
            Cause::Nan
        } else {
            Cause::Sentinel(place)
        })
    }

    #[allow(clippy::float_cmp, reason = "a sentinel is one exact number")]
    pub(crate) fn of_number(&self, value: f64) -> Option<Cause> {
        let found = self.numbers.iter().find(|(sentinel, _)| *sentinel == value);
        found.map(|&(_, place)| Cause::Sentinel(place))
    }
}

#[derive(Default)]
pub(crate) struct Counts {
    null: usize,
    nan: usize,
    infinite: usize,
    sentinels: Vec<usize>,
}

impl Counts {
    pub(crate) fn add(&mut self, cause: Cause) {
        match cause {
            Cause::Null => self.null += 1,
            Cause::Nan => self.nan += 1,
            Cause::Sentinel(place) => {
                // As long as it needs to be: most columns have no sentinel.
                if self.sentinels.len() <= place {
                    self.sentinels.resize(place + 1, 0);
                }
                self.sentinels[place] += 1;
            }
        }
    }

    #[cfg(feature = "polars")]
    pub(crate) fn has_sentinels(&self) -> bool {
        self.sentinels.iter().any(|&count| count > 0)
    }

    #[cfg(feature = "polars")]
    pub(crate) fn add_infinite(&mut self) {
        self.infinite += 1;
    }

    /// Adds the counts of other rows.
    #[cfg(feature = "polars")]
    pub(crate) fn merge(&mut self, other: &Self) {
        self.null += other.null;
        self.nan += other.nan;
        self.infinite += other.infinite;
        for (place, &count) in other.sentinels.iter().enumerate() {
            if self.sentinels.len() <= place {
                self.sentinels.resize(place + 1, 0);
            }
            self.sentinels[place] += count;
        }
    }

    pub(crate) fn finish(self, causes: &Causes<'_>) -> MissingCounts {
        MissingCounts {
            null: self.null,
            nan: self.nan,
            infinite: self.infinite,
            sentinels: causes
                .texts
                .iter()
                .zip(self.sentinels)
                .filter(|&(_, count)| count > 0)
                .map(|(&text, count)| (text.to_owned(), count))
                .collect(),
        }
    }
}

/// A cell that does not have the kind in question.
pub(crate) struct Refused {
    row: usize,
    text: String,
}

impl Refused {
    pub(crate) fn new(row: usize, text: &str) -> Self {
        Self {
            row,
            text: text.to_owned(),
        }
    }

    pub(crate) fn error(self, expected: &str) -> Error {
        Error::data(expected, format!("{:?}", self.text)).in_row(self.row)
    }
}

fn categorical<'a>(
    cells: impl Iterator<Item = Option<&'a str>>,
    causes: &Causes<'_>,
) -> (Column, MissingCounts) {
    let mut counts = Counts::default();
    let mut names: Vec<String> = Vec::new();
    let mut place_of: FxHashMap<&'a str, std::result::Result<u32, Cause>> = FxHashMap::default();
    let codes: Vec<u32> = cells
        .map(|cell| {
            let Some(text) = cell else {
                counts.null += 1;
                return MISSING_CODE;
            };
            let place = place_of.entry(text).or_insert_with(|| {
                if let Some(cause) = causes.of_text(text) {
                    return Err(cause);
                }
                names.push(text.to_owned());
                Ok(u32::try_from(names.len() - 1).unwrap_or(MISSING_CODE))
            });
            match *place {
                Ok(code) => code,
                Err(cause) => {
                    counts.add(cause);
                    MISSING_CODE
                }
            }
        })
        .collect();
    let column = Column::from_valid_codes(codes, Levels::from_distinct(names));
    (column, counts.finish(causes))
}

pub(crate) fn boolean<'a>(
    cells: impl Iterator<Item = Option<&'a str>>,
    causes: &Causes<'_>,
    value_of: impl Fn(&str) -> Option<bool>,
) -> std::result::Result<(Column, MissingCounts), Refused> {
    let (values, counts) = present_or_missing(cells, causes, value_of)?;
    Ok((Column::boolean(&values), counts))
}

/// A column of dates, or of datetimes, from milliseconds since 1970.
pub(crate) fn moments<'a>(
    cells: impl Iterator<Item = Option<&'a str>>,
    causes: &Causes<'_>,
    dates: bool,
    value_of: impl Fn(&str) -> Option<i64>,
) -> std::result::Result<(Column, MissingCounts), Refused> {
    let (values, counts) = present_or_missing(cells, causes, value_of)?;
    if !dates {
        return Ok((Column::datetimes(&values), counts));
    }
    let days: Vec<Option<i32>> = values
        .iter()
        .map(|v| v.and_then(|v| i32::try_from(v.div_euclid(A_DAY)).ok()))
        .collect();
    Ok((Column::dates(&days), counts))
}

fn present_or_missing<'a, T>(
    cells: impl Iterator<Item = Option<&'a str>>,
    causes: &Causes<'_>,
    value_of: impl Fn(&str) -> Option<T>,
) -> std::result::Result<(Vec<Option<T>>, MissingCounts), Refused> {
    let mut counts = Counts::default();
    let mut values = Vec::with_capacity(cells.size_hint().0);
    for (row, cell) in cells.enumerate() {
        values.push(match cell.map(|text| (text, causes.of_text(text))) {
            None => {
                counts.null += 1;
                None
            }
            Some((_, Some(cause))) => {
                counts.add(cause);
                None
            }
            Some((text, None)) => Some(value_of(text).ok_or_else(|| Refused::new(row, text))?),
        });
    }
    Ok((values, counts.finish(causes)))
}

pub(crate) enum Number {
    Whole(i64),
    Real(f64),
}

/// A number, finite or infinite; blanks around it do not matter.
pub(crate) fn number(text: &str, thousands: Option<char>) -> Option<Number> {
    let text = text.trim_ascii();
    if let Some(whole) = whole_number(text.as_bytes()) {
        return Some(Number::Whole(whole));
    }
    let digits = text.trim_start_matches(['+', '-']);
    match digits.as_bytes().first()? {
        b'0'..=b'9' | b'.' => {}
        b'i' | b'I' => return text.parse().ok().map(Number::Real),
        _ => return None,
    }
    if let Some(separator) = thousands
        && digits.contains(separator)
    {
        return without_thousands(text, digits, separator);
    }
    text.parse().ok().map(Number::Real)
}

/// A whole number of at most 18 digits; a negative zero is left to the floats.
fn whole_number(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    (value != 0 || !negative).then_some(if negative { -value } else { value })
}

/// A number whose whole part is in groups of three digits but for the first, of one to three.
fn without_thousands(text: &str, digits: &str, separator: char) -> Option<Number> {
    let whole = digits.split('.').next()?;
    let mut groups = whole.split(separator);
    let is_group = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next()?;
    let fits = (1..=3).contains(&first.len())
        && is_group(first)
        && groups.all(|group| group.len() == 3 && is_group(group));
    if !fits {
        return None;
    }
    let plain: String = text.chars().filter(|&c| c != separator).collect();
    number(&plain, None)
}

/// Whether the text is a whole number of two digits or more that begins with a zero.
pub(crate) fn has_leading_zero(text: &str) -> bool {
    let text = text.trim_ascii().as_bytes();
    let digits = match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    };
    digits.len() > 1 && digits[0] == b'0' && digits.iter().all(u8::is_ascii_digit)
}

pub(crate) fn true_or_false(text: &str) -> Option<bool> {
    match text.trim_ascii() {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn boolean_word(text: &str) -> Option<bool> {
    match text.trim_ascii().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// Whether the text is digits and dashes as in `2014-03-03`, be there such a day or not.
pub(crate) fn has_date_shape(text: &str) -> bool {
    let bytes = text.trim_ascii().as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        })
}

/// Milliseconds since 1970 of `2014-03-03`.
pub(crate) fn iso_date(text: &str) -> Option<i64> {
    let mut rest = text.trim_ascii();
    let days = leading_date(&mut rest)?;
    rest.is_empty().then_some(days * A_DAY)
}

/// Milliseconds since 1970 of `2014-03-03`, `2014-03-03T14:05` or `2014-03-03 14:05:00.250+01:00`.
pub(crate) fn iso_moment(text: &str) -> Option<i64> {
    let mut rest = text.trim_ascii();
    let days = leading_date(&mut rest)?;
    if rest.is_empty() {
        return Some(days * A_DAY);
    }
    rest = rest.strip_prefix(['T', 't', ' '])?;
    let mut time = clock(&mut rest, 24)?;
    if let Some(after) = rest.strip_prefix(':') {
        rest = after;
        let second = leading_number(&mut rest, 2, 2).filter(|&s| s < 60)?;
        time += second * 1_000;
        if let Some(after) = rest.strip_prefix('.') {
            let n_digits = after.bytes().take_while(u8::is_ascii_digit).count();
            rest = &after[n_digits..];
            // Thousandths: what is finer is cut off.
            let thousandths = format!("{:0<3}", &after[..n_digits.min(3)]);
            time += thousandths.parse::<i64>().ok().filter(|_| n_digits > 0)?;
        }
    }
    let offset = match rest.chars().next() {
        None => 0,
        Some('Z' | 'z') if rest.len() == 1 => 0,
        Some(sign @ ('+' | '-')) => {
            rest = &rest[1..];
            let offset = clock(&mut rest, 15)?;
            if !rest.is_empty() {
                return None;
            }
            if sign == '-' { -offset } else { offset }
        }
        _ => return None,
    };
    Some(days * A_DAY + time - offset)
}

/// Milliseconds of `14:05` at the head of the text, the hour below `hours`.
fn clock(rest: &mut &str, hours: i64) -> Option<i64> {
    let hour = leading_number(rest, 2, 2).filter(|&h| h < hours)?;
    *rest = rest.strip_prefix(':')?;
    let minute = leading_number(rest, 2, 2).filter(|&m| m < 60)?;
    Some((hour * 60 + minute) * 60_000)
}

/// Days since 1970 of `2014-03-03` at the head of the text.
fn leading_date(rest: &mut &str) -> Option<i64> {
    let year = leading_number(rest, 4, 4)?;
    *rest = rest.strip_prefix('-')?;
    let month = leading_number(rest, 2, 2)?;
    *rest = rest.strip_prefix('-')?;
    let day = leading_number(rest, 2, 2)?;
    days_of_date(year, month, day)
}

/// Takes a number of `least` to `most` digits from the head of the text.
fn leading_number(rest: &mut &str, least: usize, most: usize) -> Option<i64> {
    let n_digits = rest
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if n_digits < least {
        return None;
    }
    let value = rest[..n_digits].parse().ok();
    *rest = &rest[n_digits..];
    value
}

/// Takes the first three letters of an English month from the head of the text.
fn leading_month(rest: &mut &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let name = rest.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|&m| m == name)?;
    *rest = &rest[3..];
    i64::try_from(month + 1).ok()
}
