//! From the texts of a column to typed cells: which kind they have, and which of them are missing.
//!
//! The kind is inferred from *all* cells, so that a late surprise cannot give a wrong one:
//!
//! | the cells that are not missing are | kind |
//! |---|---|
//! | numbers (`12`, `-1.5`, `2e3`), perhaps with a thousands separator (`1,113`) | numeric |
//! | `true` or `false` in lower, upper or title case, all of them | boolean |
//! | days: `2014-03-03`, `2014/03/03` | date |
//! | moments: `2014-03-03T14:05`, `2014-03-03 14:05:00.250391+01`, `20140303T140500Z`, `.. UTC` | datetime |
//! | days or moments as `13/12/2014 14:05`, if one of them tells the day from the month | date, datetime |
//! | anything else | categorical |
//!
//! **Odd cells.** One cell in twenty ([`CELLS_FOR_AN_ODD_ONE`]) of a numeric, date or datetime column
//! may be something else: it becomes a missing cell, is counted ([`MissingCounts::odd`]) and said in
//! the notes of the table. [`OddCells::Refuse`] is the strict way: then one cell decides.
//!
//! **Codes.** Numbers whose text would be lost are codes, and a column of codes is categorical: a zero
//! before further digits (`007`, `008.45`, `01E1`), exponents as no program writes them (`1E10`, `12e3`),
//! whole numbers beyond 64 bits. Digits with a leading zero make codes of all whole numbers beside
//! them; other codes decide if they are more than one cell in twenty, and are numbers otherwise.
//!
//! **Whole numbers** of up to 64 bits (above -2^63) are exact, beside missing cells written as
//! `178000000000500124.0`, too. Where they stand beside fractions, those beyond 2^53 are rounded, and a
//! note says so.
//!
//! **Levels** have one name, however they are written: blanks around them do not count, and levels of
//! a categorical column all of whose cells are numbers, booleans, dates or datetimes are named as
//! [`Column::to_categorical`] names them (`1` for `1.0`, `true` for `TRUE`), unless two texts that a
//! reader may want to keep apart (`250.0` and `250.00`) would become one.
//!
//! A column without any cell that is not missing is numeric.

mod column;
mod cut;
mod infer;
mod missing;
mod moment;
mod number;

use std::borrow::Cow;

pub use infer::CELLS_FOR_AN_ODD_ONE;
pub use missing::{MISSING_TEXTS, MissingCounts};
pub use moment::{DateFormat, DateOrder};

use super::{Column, ColumnKind, Field, Levels};
use crate::error::{Error, Result};

#[cfg(feature = "polars")]
pub(crate) use column::infinite;
pub(crate) use column::{ColumnReader, Part, ReadColumn};
pub(crate) use cut::{Bounds, Cut, UNESCAPED};
#[cfg(feature = "polars")]
pub(crate) use missing::{Cause, Causes, Counts, Seen};
use moment::{A_DAY, Unordered, iso_moment};
use number::{Number, NumberFormat};

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

/// What becomes of a cell that is not of its column's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum OddCells {
    /// It is missing, and counted. Where the kind is inferred, one cell in twenty at most.
    AsMissing,
    /// An error that names the row, if the kind is given; if it is inferred, the column is
    /// categorical.
    Refuse,
}

/// What separates thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thousands {
    /// What is usual beside the decimal character.
    Usual,
    None,
    By(char),
}

/// How the levels of a categorical column get their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As what all cells of the column are.
    Inferred,
    /// As they are, blanks included; none of them is missing.
    Raw,
    /// As they are, without blanks around them.
    Texts,
    /// As the cells of this kind; a cell of another kind is none of them.
    Of(ColumnKind, Option<DateOrder>),
}

impl Naming {
    fn kind(self) -> Option<ColumnKind> {
        match self {
            Self::Of(kind, _) => Some(kind),
            Self::Inferred | Self::Raw | Self::Texts => None,
        }
    }

    fn date_order(self) -> Option<DateOrder> {
        match self {
            Self::Of(_, order) => order,
            Self::Inferred | Self::Raw | Self::Texts => None,
        }
    }

    /// The name of the level with this text; none if it is not of the kind that levels are names of.
    fn name<'a>(self, text: &'a str, rules: &TextRules) -> Option<Cow<'a, str>> {
        let trimmed = text.trim();
        let plain = if self == Self::Raw || trimmed.is_empty() {
            text
        } else {
            trimmed
        };
        let Self::Of(kind, order) = self else {
            return Some(Cow::Borrowed(plain));
        };
        let moment = || iso_moment(plain).or_else(|| Unordered::of(plain)?.moment(order?));
        let name = match kind {
            ColumnKind::Numeric => {
                let number = rules.number_format().number(plain);
                let number = number.or_else(|| Some(Number::Whole(true_or_false(plain)?.into())));
                number.map(|number| match number {
                    Number::Whole(whole) => whole.to_string(),
                    // Adding 0.0 makes one level of 0.0 and -0.0.
                    Number::Real(real) | Number::Huge(real) => kind.format(real + 0.0),
                })
            }
            ColumnKind::Boolean => boolean_word(plain, true).map(|value| value.to_string()),
            ColumnKind::Date => moment().map(|ms| kind.format(ms.div_euclid(A_DAY) as f64)),
            ColumnKind::Datetime => moment().map(|ms| kind.format(ms as f64)),
            ColumnKind::Categorical => Some(plain.to_owned()),
        };
        name.map(Cow::Owned)
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
    has_default_missing: bool,
    sentinels: Vec<String>,
    decimal: char,
    thousands: Thousands,
    pub(crate) date_format: Option<DateFormat>,
    date_order: Option<DateOrder>,
    infinities: Infinities,
    odd_cells: Option<OddCells>,
    naming: Naming,
    /// Whether the kind is that of another table's column.
    is_followed: bool,
    /// Whether nothing uses the column, so that nothing in it is an error.
    is_unused: bool,
}

impl Default for TextRules {
    fn default() -> Self {
        Self {
            kind: None,
            missing: Vec::new(),
            has_default_missing: true,
            sentinels: Vec::new(),
            decimal: '.',
            thousands: Thousands::Usual,
            date_format: None,
            date_order: None,
            infinities: Infinities::Refuse,
            odd_cells: None,
            naming: Naming::Inferred,
            is_followed: false,
            is_unused: false,
        }
    }
}

impl TextRules {
    /// Kinds are inferred; [`MISSING_TEXTS`] and empty cells are missing; decimals have a point,
    /// thousands are separated by a comma; infinite numbers are refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The kind that the column must have, in place of the inferred one.
    ///
    /// A cell that is not of the kind is an error, unless [`TextRules::with_odd_cells`] says
    /// otherwise. As boolean pass also `1`, `t`, `y`, `yes` and `0`, `f`, `n`, `no`, in any case.
    #[must_use]
    pub fn with_kind(mut self, kind: ColumnKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Further texts that stand for a missing cell, besides [`MISSING_TEXTS`].
    #[must_use]
    pub fn with_missing<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.missing.extend(texts.into_iter().map(Into::into));
        self
    }

    /// Takes none of [`MISSING_TEXTS`] for missing: empty cells alone, and what the other options
    /// name.
    #[must_use]
    pub fn without_default_missing(mut self) -> Self {
        self.has_default_missing = false;
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

    /// The character before the fraction of a number: `.` or `,`.
    ///
    /// With a comma, thousands are separated by a point unless
    /// [`TextRules::with_thousands_separator`] says otherwise.
    ///
    /// ```
    /// use stackfold::data::parse::TextRules;
    /// let rules = TextRules::new().with_decimal(',');
    /// let (column, _) = rules.parse([Some("0,125"), Some("1.234,5")].into_iter())?;
    /// assert_eq!(column.text(1).as_deref(), Some("1234.5"));
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn with_decimal(mut self, decimal: char) -> Self {
        self.decimal = decimal;
        self
    }

    /// The separator of thousands in numbers, or none. Groups have three digits, the first one to
    /// three, and it does not begin with a zero.
    #[must_use]
    pub fn with_thousands_separator(mut self, separator: Option<char>) -> Self {
        self.thousands = separator.map_or(Thousands::None, Thousands::By);
        self
    }

    /// How dates are written; every cell that is not missing must be one.
    #[must_use]
    pub fn with_date_format(mut self, format: DateFormat) -> Self {
        self.date_format = Some(format);
        self
    }

    /// What becomes of cells that are not of the column's kind; by default they are missing if the
    /// kind is inferred, and an error if it is given.
    #[must_use]
    pub fn with_odd_cells(mut self, odd_cells: OddCells) -> Self {
        self.odd_cells = Some(odd_cells);
        self
    }

    /// What becomes of infinite numbers.
    #[must_use]
    pub fn with_infinities(mut self, infinities: Infinities) -> Self {
        self.infinities = infinities;
        self
    }

    /// The column is read as one of another table was: what is not of its kind is missing by
    /// default, its levels are named as there.
    pub(crate) fn following(mut self, field: &Field) -> Self {
        let order = field.date_order;
        self.kind = Some(field.kind());
        self.date_order = order;
        let of = |kind| Naming::Of(kind, order);
        self.naming = field.level_kind().map_or(Naming::Texts, of);
        self.is_followed = true;
        self
    }

    /// The column names its rows: its cells are kept as the texts that they are.
    pub(crate) fn of_names(mut self) -> Self {
        self.kind = Some(ColumnKind::Categorical);
        self.naming = Naming::Raw;
        self
    }

    /// Nothing uses the column: nothing in it is an error.
    pub(crate) fn of_unused(mut self) -> Self {
        self.is_unused = true;
        self
    }

    /// The rules for a column that is known to hold texts, which are levels unless a kind is given.
    #[cfg(feature = "polars")]
    pub(crate) fn for_texts(&self) -> Self {
        let mut rules = self.clone();
        if rules.kind.is_none() && rules.date_format.is_none() {
            rules.kind = Some(ColumnKind::Categorical);
            rules.naming = Naming::Texts;
        }
        rules
    }

    /// Whether the column follows one whose levels are texts.
    #[cfg(feature = "polars")]
    pub(crate) fn is_for_texts(&self) -> bool {
        self.is_followed
            && self.kind == Some(ColumnKind::Categorical)
            && self.naming == Naming::Texts
    }

    /// Whether no separator of thousands was asked for, nor none.
    pub(crate) fn has_usual_thousands(&self) -> bool {
        self.thousands == Thousands::Usual
    }

    fn odd_cells(&self) -> OddCells {
        let is_asked = self.kind.is_some() || self.date_format.is_some();
        let default = if is_asked && !self.is_followed && !self.is_unused {
            OddCells::Refuse
        } else {
            OddCells::AsMissing
        };
        self.odd_cells
            .filter(|_| !self.is_unused)
            .unwrap_or(default)
    }

    pub(crate) fn infinities(&self) -> Infinities {
        if self.is_unused {
            Infinities::AsMissing
        } else {
            self.infinities
        }
    }

    fn number_format(&self) -> NumberFormat {
        let has_comma = self.decimal == ',';
        NumberFormat {
            decimal: if has_comma { b',' } else { b'.' },
            thousands: match self.thousands {
                Thousands::Usual => Some(if has_comma { '.' } else { ',' }),
                Thousands::None => None,
                Thousands::By(separator) => Some(separator),
            },
        }
    }

    /// Checks the options themselves.
    pub(crate) fn check(&self) -> Result<()> {
        if ![',', '.'].contains(&self.decimal) {
            let found = format!("{:?}", self.decimal);
            return Err(Error::parameter("decimal", "'.' or ','", found));
        }
        match self.thousands {
            Thousands::By(separator) if separator == self.decimal => Err(Error::parameter(
                "thousands_separator",
                "another character than the decimal one",
                format!("{separator:?}"),
            )),
            Thousands::By(separator) if separator.is_ascii_digit() => Err(Error::parameter(
                "thousands_separator",
                "no digit",
                format!("{separator:?}"),
            )),
            _ => Ok(()),
        }
    }

    /// The column that these cells are, and how many of them were missing for which cause.
    ///
    /// # Errors
    /// If a cell does not have the kind that was asked for, all cells are written as dates but many
    /// of these do not exist, or a number is infinite; the error names the row. If an option is not
    /// valid; the error names it.
    pub fn parse<'a>(
        &self,
        cells: impl Iterator<Item = Option<&'a str>> + Clone,
    ) -> Result<(Column, MissingCounts)> {
        self.read(cells).map(|read| (read.column, read.missing))
    }

    /// The same, and what was met.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "an iterator, which is cloned for each pass"
    )]
    pub(crate) fn read<'a>(
        &self,
        cells: impl Iterator<Item = Option<&'a str>> + Clone,
    ) -> Result<ReadColumn> {
        self.check()?;
        let mut reader = ColumnReader::new(0, self);
        loop {
            let mut joined = cut::Joined::default();
            let mut n_rows = 0;
            for cell in cells.clone() {
                joined.push(cell);
                if joined.is_full() {
                    reader.add(reader.part(joined.cut()), n_rows);
                    n_rows += joined.len();
                    joined.clear();
                }
            }
            reader.add(reader.part(joined.cut()), n_rows);
            match reader.restarted() {
                Some(again) => reader = again,
                None => return reader.finish(),
            }
        }
    }

    /// A categorical column of codes of texts that differ, [`MISSING_CODE`](super::MISSING_CODE) where
    /// there is none.
    #[cfg(feature = "polars")]
    pub(crate) fn read_levels(&self, codes: Vec<u32>, levels: Levels) -> Result<ReadColumn> {
        self.check()?;
        ColumnReader::new(0, self).finish_codes(codes.into(), levels)
    }
}

/// Whether most of the levels are neither numbers of 64 bits nor moments.
pub(crate) fn are_names(levels: &Levels) -> bool {
    let rules = TextRules::new();
    let is_name = |text: &&String| match infer::Look::of(text, &rules) {
        infer::Look::Number(numeral) => {
            matches!(numeral.number, Number::Huge(_)) || numeral.code != number::Code::No
        }
        infer::Look::Text | infer::Look::Boolean => true,
        _ => false,
    };
    2 * levels.names().iter().filter(is_name).count() >= levels.len()
}

/// Truth as programs write it.
fn true_or_false(text: &str) -> Option<bool> {
    match text.trim_ascii() {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Truth as people write it, and perhaps as numbers that were floats for a while.
fn boolean_word(text: &str, takes_floats: bool) -> Option<bool> {
    match text.trim_ascii().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        "1.0" if takes_floats => Some(true),
        "0.0" if takes_floats => Some(false),
        _ => None,
    }
}
