//! Dates and moments from texts.

use crate::data::calendar::days_of_date;
use crate::error::{Error, Result};

pub(crate) const A_DAY: i64 = 86_400_000;

/// How dates, or dates with times, are written.
///
/// | part | stands for |
/// |---|---|
/// | `%Y`, `%y` | a year of four digits, of two (69..99 are 1969..1999, 00..68 are 2000..2068) |
/// | `%m`, `%b` | a month, an English month's first three letters |
/// | `%d` | a day |
/// | `%H`, `%I` and `%p` | an hour, one of 1 to 12 and `AM` or `PM` |
/// | `%M`, `%S` | minutes, seconds |
/// | `%f` | a fraction of a second without its point: what is finer than a millisecond is cut off |
/// | `%z` | an offset from UTC: `Z`, `UTC`, `+01`, `+0100`, `+01:00`; moments are brought to UTC |
///
/// Numbers but `%Y`, `%y` and `%f` have one or two digits. Anything else stands for itself.
///
/// ```
/// use stackfold::data::parse::{DateFormat, TextRules};
/// let rules = TextRules::new().with_date_format(DateFormat::new("%d/%m/%Y")?);
/// let (column, _) = rules.parse([Some("03/04/2014"), Some("31/12/2014")].into_iter())?;
/// assert_eq!(column.text(0).as_deref(), Some("2014-04-03"));
///
/// let rules = TextRules::new().with_date_format(DateFormat::new("%Y.%m.%d %H:%M:%S.%f%z")?);
/// let (column, _) = rules.parse([Some("2014.04.03 14:05:00.250391+02")].into_iter())?;
/// assert_eq!(column.text(0).as_deref(), Some("2014-04-03T12:05:00.250"));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat {
    pub(super) text: String,
    parts: Vec<Part>,
    pub(super) has_time: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    Hour,
    HalfDayHour,
    HalfDay,
    Minute,
    Second,
    Fraction,
    Offset,
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
                "made of %Y or %y, %m or %b, %d and perhaps %H, %I, %p, %M, %S, %f, %z",
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
                    Some('I') => Part::HalfDayHour,
                    Some('p') => Part::HalfDay,
                    Some('M') => Part::Minute,
                    Some('S') => Part::Second,
                    Some('f') => Part::Fraction,
                    Some('z') => Part::Offset,
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
            has_time: has(&[Part::Hour, Part::HalfDayHour]),
            parts,
        })
    }

    /// Milliseconds since 1970 of a text in this format.
    pub(super) fn parse(&self, text: &str) -> Option<i64> {
        let mut rest = text.trim();
        let (mut year, mut month, mut day) = (0, 0, 0);
        let (mut hour, mut minute, mut second) = (0, 0, 0);
        let (mut thousandths, mut offset, mut is_afternoon) = (0, 0, None);
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
                Part::HalfDayHour => {
                    hour = leading_number(&mut rest, 1, 2).filter(|h| (1..=12).contains(h))? % 12;
                }
                Part::HalfDay => is_afternoon = Some(half_day(&mut rest)?),
                Part::Minute => minute = leading_number(&mut rest, 1, 2)?,
                Part::Second => second = leading_number(&mut rest, 1, 2)?,
                Part::Fraction => thousandths = leading_fraction(&mut rest)?,
                Part::Offset => offset = leading_offset(&mut rest)?,
                Part::Literal(c) => rest = rest.strip_prefix(*c)?,
            }
        }
        if is_afternoon == Some(true) {
            hour = hour % 12 + 12;
        } else if is_afternoon == Some(false) {
            hour %= 12;
        }
        (rest.is_empty() && hour < 24 && minute < 60 && second < 60)
            .then(|| days_of_date(year, month, day))
            .flatten()
            .map(|days| {
                let seconds = (hour * 60 + minute) * 60 + second;
                days * A_DAY + seconds * 1_000 + thousandths - offset
            })
    }
}

/// Which of two numbers before the year is the day: `13/12/2014` or `12/13/2014`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum DateOrder {
    /// The day comes first.
    DayFirst,
    /// The month comes first.
    MonthFirst,
}

/// A date as `13/12/2014`, `13.12.2014` or `13-12-2014`, perhaps with a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unordered {
    first: i64,
    second: i64,
    year: i64,
    /// Milliseconds of the time of day, less the offset from UTC; none if there is no time.
    time: Option<i64>,
}

impl Unordered {
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut rest = text.trim_ascii();
        let first = leading_number(&mut rest, 1, 2)?;
        let separator = rest
            .chars()
            .next()
            .filter(|c| ['/', '.', '-'].contains(c))?;
        rest = &rest[1..];
        let second = leading_number(&mut rest, 1, 2)?;
        rest = rest.strip_prefix(separator)?;
        let year = leading_number(&mut rest, 4, 4)?;
        Some(Self {
            first,
            second,
            year,
            time: trailing_time(rest)?,
        })
    }

    pub(super) fn has_time(self) -> bool {
        self.time.is_some()
    }

    /// Milliseconds since 1970, if there is such a day.
    pub(super) fn moment(self, order: DateOrder) -> Option<i64> {
        let (day, month) = match order {
            DateOrder::DayFirst => (self.first, self.second),
            DateOrder::MonthFirst => (self.second, self.first),
        };
        let days = days_of_date(self.year, month, day)?;
        Some(days * A_DAY + self.time.unwrap_or_default())
    }
}

/// Whether the text is digits and dashes as in `2014-03-03`, be there such a day or not.
pub(crate) fn has_date_shape(text: &str) -> bool {
    let bytes = text.trim_ascii().as_bytes();
    bytes.len() == 10
        && [b'-', b'/'].contains(&bytes[4])
        && bytes.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == bytes[4],
            _ => b.is_ascii_digit(),
        })
}

/// Milliseconds since 1970 of `2014-03-03` or `2014/03/03`.
pub(crate) fn iso_date(text: &str) -> Option<i64> {
    if !has_date_shape(text) {
        return None;
    }
    iso_moment(text)
}

/// Milliseconds since 1970 of a day, or of a day and a time, as ISO 8601 and databases write them.
///
/// The day is `2014-03-03` or `2014/03/03`, or `20140303` if a time follows after `T`; the time
/// `14:05`, `14:05:00` or `14:05:00.250391`, or `1405` and `140500` after `T`; the offset, perhaps
/// after a blank, `Z`, `UTC`, `GMT`, `+01`, `+0100`, `+01:00`, or nothing.
pub(crate) fn iso_moment(text: &str) -> Option<i64> {
    let mut rest = text.trim_ascii();
    let year = leading_number(&mut rest, 4, 4)?;
    let separator = rest.chars().next().filter(|c| ['-', '/'].contains(c));
    if let Some(separator) = separator {
        rest = rest.strip_prefix(separator)?;
    }
    let month = leading_number(&mut rest, 2, 2)?;
    if let Some(separator) = separator {
        rest = rest.strip_prefix(separator)?;
    }
    let day = leading_number(&mut rest, 2, 2)?;
    if separator.is_none() && !rest.starts_with(['T', 't']) {
        return None;
    }
    let days = days_of_date(year, month, day)?;
    Some(days * A_DAY + trailing_time(rest)?.unwrap_or_default())
}

/// Milliseconds of the time of day less the offset from UTC, after `T` or blanks; `Some(None)` of no
/// time at all.
#[allow(clippy::option_option, reason = "no time is no failure")]
fn trailing_time(rest: &str) -> Option<Option<i64>> {
    if rest.is_empty() {
        return Some(None);
    }
    let (mut rest, is_basic) = match rest.strip_prefix(['T', 't']) {
        Some(after) => (
            after,
            after.as_bytes().get(2).is_some_and(u8::is_ascii_digit),
        ),
        None => (rest.strip_prefix(' ')?.trim_ascii_start(), false),
    };
    let hour = leading_number(&mut rest, 1, 2).filter(|&h| h < 24)?;
    if !is_basic {
        rest = rest.strip_prefix(':')?;
    }
    let minute = leading_number(&mut rest, 2, 2).filter(|&m| m < 60)?;
    let mut time = (hour * 60 + minute) * 60_000;
    let seconds = if is_basic {
        rest.starts_with(|c: char| c.is_ascii_digit())
            .then_some(rest)
    } else {
        rest.strip_prefix(':')
    };
    if let Some(after) = seconds {
        rest = after;
        let second = leading_number(&mut rest, 2, 2).filter(|&s| s < 60)?;
        time += second * 1_000;
        if let Some(after) = rest.strip_prefix(['.', ',']) {
            rest = after;
            time += leading_fraction(&mut rest)?;
        }
    }
    rest = rest.trim_ascii_start();
    if let Some(is_afternoon) = half_day(&mut rest) {
        if !(1..=12).contains(&hour) {
            return None;
        }
        let new_hour = hour % 12 + if is_afternoon { 12 } else { 0 };
        time += (new_hour - hour) * 3_600_000;
        rest = rest.trim_ascii_start();
    }
    let offset = if rest.is_empty() {
        0
    } else {
        leading_offset(&mut rest)?
    };
    rest.is_empty().then_some(Some(time - offset))
}

/// Takes `AM` or `PM` from the head of the text; whether it is the latter.
fn half_day(rest: &mut &str) -> Option<bool> {
    let word = rest.get(..2)?.to_ascii_lowercase();
    let is_afternoon = match word.as_str() {
        "am" => false,
        "pm" => true,
        _ => return None,
    };
    *rest = &rest[2..];
    Some(is_afternoon)
}

/// Takes the digits after a decimal point from the head of the text; thousandths, what is finer is
/// cut off.
fn leading_fraction(rest: &mut &str) -> Option<i64> {
    let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let digits = rest[..n_digits].bytes().take(3);
    let value = digits.fold(0, |value, digit| 10 * value + i64::from(digit - b'0'));
    *rest = &rest[n_digits..];
    match n_digits {
        0 => None,
        1 => Some(100 * value),
        2 => Some(10 * value),
        _ => Some(value),
    }
}

/// Takes an offset from UTC from the head of the text; milliseconds.
fn leading_offset(rest: &mut &str) -> Option<i64> {
    for name in ["UTC", "GMT", "Z", "utc", "z"] {
        if let Some(after) = rest.strip_prefix(name) {
            *rest = after;
            return Some(0);
        }
    }
    let is_west = match rest.as_bytes().first()? {
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    *rest = &rest[1..];
    let hours = leading_number(rest, 2, 2).filter(|&h| h <= 15)?;
    let (mut minutes, mut seconds) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        *rest = after;
        minutes = leading_number(rest, 2, 2)?;
        if let Some(after) = rest.strip_prefix(':') {
            *rest = after;
            seconds = leading_number(rest, 2, 2)?;
        }
    } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
        minutes = leading_number(rest, 2, 2)?;
    }
    if minutes > 59 || seconds > 59 {
        return None;
    }
    let offset = ((hours * 60 + minutes) * 60 + seconds) * 1_000;
    Some(if is_west { -offset } else { offset })
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
    let digits = rest[..n_digits].bytes();
    let value = digits.fold(0, |value, digit| 10 * value + i64::from(digit - b'0'));
    *rest = &rest[n_digits..];
    Some(value)
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
