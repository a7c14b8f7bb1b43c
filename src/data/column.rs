//! One typed column: numbers in the narrowest type that holds them, or codes of interned levels.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::data::RowIndex;
use crate::data::interner::{Interner, Places};
use crate::error::{Error, Result};

/// The code of a missing cell in a categorical column.
pub const MISSING_CODE: u32 = u32::MAX;

/// What the values of a column mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum ColumnKind {
    /// Numbers with an order and a distance.
    Numeric,
    /// Levels without an order.
    Categorical,
    /// True or false; as a number 1 or 0.
    Boolean,
    /// A day; as a number the days since 1970-01-01.
    Date,
    /// A moment; as a number the milliseconds since 1970-01-01T00:00:00.
    Datetime,
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Datetime => "datetime",
        })
    }
}

/// The levels of a categorical column, in order of first appearance; a level's code is its place.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Levels {
    names: Vec<String>,
    /// What the names are names of, if they are no texts.
    #[serde(default)]
    of: Option<ColumnKind>,
    /// The codes by their names; made when it is first asked for.
    #[serde(skip)]
    places: OnceLock<Places>,
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut levels = f.debug_struct("Levels");
        levels.field("names", &self.names).field("of", &self.of);
        levels.finish_non_exhaustive()
    }
}

impl PartialEq for Levels {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for Levels {}

impl Levels {
    /// Levels with the given names, which must differ.
    ///
    /// # Errors
    /// If a name stands twice.
    pub fn new(names: Vec<String>) -> Result<Self> {
        let mut seen = HashSet::with_capacity(names.len());
        for name in &names {
            if !seen.insert(name.as_str()) {
                return Err(Error::data(
                    "levels that differ",
                    format!("level {name:?} twice"),
                ));
            }
        }
        Ok(Self::from_distinct(names))
    }

    pub(crate) fn from_distinct(names: Vec<String>) -> Self {
        Self {
            names,
            of: None,
            places: OnceLock::new(),
        }
    }

    /// The same levels, which are names of cells of this kind.
    pub(crate) fn naming(self, of: Option<ColumnKind>) -> Self {
        Self { of, ..self }
    }

    /// The kind of the cells that the levels are the names of: numeric if they were numbers that
    /// were made categorical. None if they are texts.
    #[must_use]
    pub fn kind(&self) -> Option<ColumnKind> {
        self.of
    }

    /// How many levels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of the level with this code.
    #[must_use]
    pub fn name(&self, code: u32) -> Option<&str> {
        self.names.get(code as usize).map(String::as_str)
    }

    /// All names, by code.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// For each code of `other`, the code of the same level here, or [`MISSING_CODE`] if this
    /// set does not have it.
    ///
    /// ```
    /// use stackfold::data::{Levels, MISSING_CODE};
    /// let train = Levels::new(vec!["a".into(), "b".into()])?;
    /// let test = Levels::new(vec!["b".into(), "z".into()])?;
    /// assert_eq!(train.codes_of(&test), [1, MISSING_CODE]);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn codes_of(&self, other: &Self) -> Vec<u32> {
        if self == other {
            return (0..).take(self.len()).collect();
        }
        let code = |name: &String| self.code(name).unwrap_or(MISSING_CODE);
        other.names.iter().map(code).collect()
    }

    /// Whether there is a level with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.code(name).is_some()
    }

    /// The code of the level with this name.
    fn code(&self, name: &str) -> Option<u32> {
        let places = self.places.get_or_init(|| Places::of(&self.names));
        places.code(&self.names, name)
    }
}

/// An immutable typed column; clones share its data.
///
/// Numbers are kept in the narrowest of i8, i16, i32, i64, f32 and f64 that holds each of them
/// exactly. A missing cell is the smallest integer of the type, or NaN; it is never a value.
#[derive(Debug, Clone)]
pub struct Column {
    kind: ColumnKind,
    data: ColumnData,
}

#[derive(Debug, Clone)]
pub(crate) enum ColumnData {
    I8(Arc<[i8]>),
    I16(Arc<[i16]>),
    I32(Arc<[i32]>),
    I64(Arc<[i64]>),
    F32(Arc<[f32]>),
    F64(Arc<[f64]>),
    Codes(Arc<[u32]>, Arc<Levels>),
}

/// A storage type for numbers, one value of which stands for a missing cell.
pub(crate) trait Number: Copy + Send + Sync + 'static {
    /// The number, or NaN if the cell is missing.
    fn to_f64(self) -> f64;
}

macro_rules! integer {
    ($($t:ty),*) => {$(
        impl Number for $t {
            #[inline]
            #[allow(clippy::cast_lossless, clippy::cast_precision_loss, reason = "one body for all integers")]
            fn to_f64(self) -> f64 {
                if self == <$t>::MIN { f64::NAN } else { self as f64 }
            }
        }
    )*};
}
integer!(i8, i16, i32, i64);

impl Number for f32 {
    #[inline]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Number for f64 {
    #[inline]
    fn to_f64(self) -> f64 {
        self
    }
}

/// Runs one generic expression on the numbers of a column, whatever their type.
///
/// `for_each_numbers!(data, values => expression, else => other)`: `values` is a slice of a
/// [`Number`]; `other` is for codes.
macro_rules! for_each_numbers {
    ($data:expr, $values:ident => $body:expr, else => $other:expr) => {
        match $data {
            $crate::data::ColumnData::I8($values) => $body,
            $crate::data::ColumnData::I16($values) => $body,
            $crate::data::ColumnData::I32($values) => $body,
            $crate::data::ColumnData::I64($values) => $body,
            $crate::data::ColumnData::F32($values) => $body,
            $crate::data::ColumnData::F64($values) => $body,
            $crate::data::ColumnData::Codes(..) => $other,
        }
    };
}
pub(crate) use for_each_numbers;

impl Column {
    /// A numeric column; NaN is a missing cell.
    ///
    /// Infinite values are kept: a table refuses them by default.
    ///
    /// ```
    /// use stackfold::data::Column;
    /// let column = Column::numeric(vec![1.0, f64::NAN, 3.0]);
    /// assert_eq!((column.len(), column.n_missing()), (3, 1));
    /// ```
    #[must_use]
    pub fn numeric(values: impl Into<Vec<f64>>) -> Self {
        let values = values.into();
        let data = narrow(&values).unwrap_or_else(|| ColumnData::F64(values.into()));
        Self {
            kind: ColumnKind::Numeric,
            data,
        }
    }

    /// A numeric column of integers; `None` is a missing cell.
    #[must_use]
    pub fn integers(values: &[Option<i64>]) -> Self {
        Self {
            kind: ColumnKind::Numeric,
            data: narrow_integers(values),
        }
    }

    /// A boolean column; `None` is a missing cell.
    #[must_use]
    pub fn boolean(values: &[Option<bool>]) -> Self {
        let cells = values.iter().map(|v| v.map_or(i8::MIN, i8::from));
        Self {
            kind: ColumnKind::Boolean,
            data: ColumnData::I8(cells.collect()),
        }
    }

    /// A column of days since 1970-01-01; `None` is a missing cell.
    #[must_use]
    pub fn dates(days: &[Option<i32>]) -> Self {
        let cells = days.iter().map(|v| v.unwrap_or(i32::MIN));
        Self {
            kind: ColumnKind::Date,
            data: ColumnData::I32(cells.collect()),
        }
    }

    /// A column of milliseconds since 1970-01-01T00:00:00; `None` is a missing cell.
    #[must_use]
    pub fn datetimes(milliseconds: &[Option<i64>]) -> Self {
        let cells = milliseconds.iter().map(|v| v.unwrap_or(i64::MIN));
        Self {
            kind: ColumnKind::Datetime,
            data: ColumnData::I64(cells.collect()),
        }
    }

    /// A categorical column; `None` is a missing cell. Levels are numbered as they first appear.
    ///
    /// ```
    /// use stackfold::data::Column;
    /// let column = Column::categorical([Some("b"), None, Some("a"), Some("b")]);
    /// let (codes, levels) = column.codes().unwrap();
    /// assert_eq!(codes, [0, u32::MAX, 1, 0]);
    /// assert_eq!(levels.names(), ["b", "a"]);
    /// ```
    #[must_use]
    pub fn categorical<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        Self::of_texts(&mut values.into_iter())
    }

    fn of_texts(values: &mut dyn Iterator<Item = Option<&str>>) -> Self {
        let mut interner = Interner::default();
        let codes: Vec<u32> = values
            .map(|value| value.map_or(MISSING_CODE, |text| interner.code(text)))
            .collect();
        Self::from_valid_codes(codes, interner.into_levels())
    }

    /// A categorical column of codes into `levels`; [`MISSING_CODE`] is a missing cell.
    ///
    /// # Errors
    /// If a code is neither a place in `levels` nor [`MISSING_CODE`]; the error names the row.
    pub fn from_codes(codes: impl Into<Arc<[u32]>>, levels: Arc<Levels>) -> Result<Self> {
        let codes = codes.into();
        let bad = |&code: &u32| code != MISSING_CODE && code as usize >= levels.len();
        if let Some(row) = codes.iter().position(bad) {
            return Err(Error::data(
                format!("codes below {}", levels.len()),
                format!("code {}", codes[row]),
            )
            .in_row(row));
        }
        Ok(Self {
            kind: ColumnKind::Categorical,
            data: ColumnData::Codes(codes, levels),
        })
    }

    /// A categorical column of codes known to be places in `levels` or [`MISSING_CODE`].
    pub(crate) fn from_valid_codes(codes: Vec<u32>, levels: Levels) -> Self {
        Self {
            kind: ColumnKind::Categorical,
            data: ColumnData::Codes(codes.into(), Arc::new(levels)),
        }
    }

    /// These rows as a column of its own, of the same type and with the same levels.
    pub(crate) fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        let data = match &self.data {
            ColumnData::I8(values) => ColumnData::I8(values[rows].into()),
            ColumnData::I16(values) => ColumnData::I16(values[rows].into()),
            ColumnData::I32(values) => ColumnData::I32(values[rows].into()),
            ColumnData::I64(values) => ColumnData::I64(values[rows].into()),
            ColumnData::F32(values) => ColumnData::F32(values[rows].into()),
            ColumnData::F64(values) => ColumnData::F64(values[rows].into()),
            ColumnData::Codes(codes, levels) => {
                ColumnData::Codes(codes[rows].into(), Arc::clone(levels))
            }
        };
        Self {
            kind: self.kind,
            data,
        }
    }

    /// A column of data that suit the kind.
    pub(crate) fn from_data(kind: ColumnKind, data: ColumnData) -> Self {
        Self { kind, data }
    }

    /// The column's kind.
    #[must_use]
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    pub(crate) fn data(&self) -> &ColumnData {
        &self.data
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        for_each_numbers!(&self.data, values => values.len(), else => match &self.data {
            ColumnData::Codes(codes, _) => codes.len(),
            _ => 0,
        })
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many cells are missing.
    #[must_use]
    pub fn n_missing(&self) -> usize {
        for_each_numbers!(&self.data, values => values.iter().filter(|v| v.to_f64().is_nan()).count(),
        else => match &self.data {
            ColumnData::Codes(codes, _) => codes.iter().filter(|&&c| c == MISSING_CODE).count(),
            _ => 0,
        })
    }

    /// The codes and levels of a categorical column; `None` for any other kind.
    #[must_use]
    pub fn codes(&self) -> Option<(&[u32], &Arc<Levels>)> {
        match &self.data {
            ColumnData::Codes(codes, levels) => Some((codes, levels)),
            _ => None,
        }
    }

    /// The numbers at the given rows, NaN where missing; codes as numbers for a categorical column.
    ///
    /// Booleans are 0 and 1, dates days and datetimes milliseconds since 1970.
    #[must_use]
    pub fn numbers(&self, rows: RowIndex<'_>) -> Vec<f64> {
        for_each_numbers!(&self.data, values => rows.map(values, Number::to_f64),
        else => match &self.data {
            ColumnData::Codes(codes, _) => rows.map(codes, |c| {
                if c == MISSING_CODE { f64::NAN } else { f64::from(c) }
            }),
            _ => Vec::new(),
        })
    }

    /// Writes the numbers at the given rows, NaN where missing, each changed by `f`, as `f32`.
    ///
    /// `out` must be as long as `rows`.
    pub(crate) fn write_f32(&self, rows: RowIndex<'_>, out: &mut [f32], f: impl Fn(f64) -> f64) {
        #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
        fn write<T: Number>(
            values: &[T],
            rows: RowIndex<'_>,
            out: &mut [f32],
            f: impl Fn(f64) -> f64,
        ) {
            match rows {
                RowIndex::All(_) => {
                    for (o, v) in out.iter_mut().zip(values) {
                        *o = f(v.to_f64()) as f32;
                    }
                }
                RowIndex::Some(index) => {
                    for (o, &i) in out.iter_mut().zip(index) {
                        *o = f(values[i as usize].to_f64()) as f32;
                    }
                }
            }
        }
        for_each_numbers!(&self.data, values => write(values, rows, out, f),
        else => if let ColumnData::Codes(codes, _) = &self.data {
            for (o, &c) in out.iter_mut().zip(rows.gather(codes).iter()) {
                #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
                let value = f(if c == MISSING_CODE { f64::NAN } else { f64::from(c) }) as f32;
                *o = value;
            }
        });
    }

    /// The column as a categorical one: levels are the texts of the values (`1`, `2.5`, `true`,
    /// `2014-03-03`), numbered as they first appear. A categorical column is returned as it is.
    #[must_use]
    pub fn to_categorical(&self) -> Self {
        if self.codes().is_some() {
            return self.clone();
        }
        let mut interner: HashMap<u64, u32, FixedState> = HashMap::default();
        let mut names: Vec<String> = Vec::new();
        let mut code = |key: u64, name: &dyn Fn() -> String| {
            *interner.entry(key).or_insert_with(|| {
                names.push(name());
                u32::try_from(names.len() - 1).unwrap_or(MISSING_CODE)
            })
        };
        let codes: Vec<u32> = match &self.data {
            // As f64, integers beyond 2^53 would fall together.
            ColumnData::I64(values) if self.kind == ColumnKind::Numeric => values
                .iter()
                .map(|&value| match value {
                    i64::MIN => MISSING_CODE,
                    _ => code(value.cast_unsigned(), &|| value.to_string()),
                })
                .collect(),
            _ => self
                .numbers(RowIndex::All(self.len()))
                .into_iter()
                .map(|value| {
                    if value.is_nan() {
                        return MISSING_CODE;
                    }
                    // Adding 0.0 makes one level of 0.0 and -0.0.
                    let value = value + 0.0;
                    code(value.to_bits(), &|| self.kind.format(value))
                })
                .collect(),
        };
        Self {
            kind: ColumnKind::Categorical,
            data: ColumnData::Codes(
                codes.into(),
                Arc::new(Levels::from_distinct(names).naming(Some(self.kind))),
            ),
        }
    }

    /// Text of one cell, `None` where missing.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        if let Some((codes, levels)) = self.codes() {
            return levels.name(*codes.get(row)?).map(Cow::Borrowed);
        }
        if let ColumnData::I64(values) = &self.data
            && self.kind == ColumnKind::Numeric
        {
            let value = *values.get(row)?;
            return (value != i64::MIN).then(|| Cow::Owned(value.to_string()));
        }
        let row = [u32::try_from(row)
            .ok()
            .filter(|&r| (r as usize) < self.len())?];
        let value = self.numbers(RowIndex::Some(&row))[0];
        (!value.is_nan()).then(|| Cow::Owned(self.kind.format(value)))
    }
}

impl ColumnKind {
    /// The text of a value of this kind.
    pub(crate) fn format(self, value: f64) -> String {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "dates are whole numbers in range"
        )]
        match self {
            Self::Boolean => (value != 0.0).to_string(),
            Self::Date => crate::data::calendar::format_date(value as i64),
            Self::Datetime => crate::data::calendar::format_datetime(value as i64),
            Self::Numeric | Self::Categorical => format!("{value}"),
        }
    }
}

/// Which types hold all of some numbers exactly; NaN is a missing cell and fits each of them.
///
/// Made for runs of some hundred values: each is looked at with all of them.
#[derive(Debug)]
pub(crate) struct Fit {
    integer: bool,
    single: bool,
    low: f64,
    high: f64,
}

/// The narrowest of the types for floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Narrowest {
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Fit {
    /// Added to a number below 2^51, it rounds it to a whole one, whose two's complement is in the
    /// last bits of the sum. (Casts and `trunc` would be slower by a factor of ten.)
    const SHIFT: f64 = (3_u64 << 51) as f64;

    pub(crate) fn new() -> Self {
        Self {
            integer: true,
            single: true,
            low: 0.0,
            high: 0.0,
        }
    }

    /// Looks at more values; `false` if nothing but f64 holds those so far.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::float_cmp,
        reason = "the casts are compared with what they came from"
    )]
    pub(crate) fn add(&mut self, values: &[f64]) -> bool {
        const NEGATIVE_ZERO: u64 = 1 << 63;
        let (mut not_integer, mut not_single) = (false, false);
        let (mut low, mut high) = (self.low, self.high);
        for &value in values {
            let missing = value.is_nan();
            // -0.0 is kept a float: an integer would lose its sign.
            let whole =
                (value + Self::SHIFT) - Self::SHIFT == value && value.to_bits() != NEGATIVE_ZERO;
            not_integer |= !(whole | missing);
            not_single |= !((f64::from(value as f32) == value) | missing);
            // A comparison with NaN is false.
            low = if value < low { value } else { low };
            high = if value > high { value } else { high };
        }
        (self.low, self.high) = (low, high);
        self.integer &= !not_integer;
        self.single &= !not_single;
        self.integer || self.single
    }

    pub(crate) fn narrowest(&self) -> Narrowest {
        let fits = |min: f64, max: f64| self.integer && self.low > min && self.high <= max;
        if fits(f64::from(i8::MIN), f64::from(i8::MAX)) {
            Narrowest::I8
        } else if fits(f64::from(i16::MIN), f64::from(i16::MAX)) {
            Narrowest::I16
        } else if fits(f64::from(i32::MIN), f64::from(i32::MAX)) {
            Narrowest::I32
        } else if self.single {
            Narrowest::F32
        } else {
            Narrowest::F64
        }
    }

    /// The last bits of a whole number below 2^51.
    pub(crate) fn bits(value: f64) -> u64 {
        (value + Self::SHIFT).to_bits()
    }
}

/// The narrowest data that hold every value exactly, if narrower than f64.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the type was chosen so that it holds all of them"
)]
fn narrow(values: &[f64]) -> Option<ColumnData> {
    let mut fit = Fit::new();
    if !values.chunks(1024).all(|values| fit.add(values)) {
        return None;
    }
    macro_rules! cast {
        ($variant:ident, $t:ty) => {{
            let cast = |&v: &f64| {
                if v.is_nan() {
                    <$t>::MIN
                } else {
                    Fit::bits(v) as $t
                }
            };
            Some(ColumnData::$variant(values.iter().map(cast).collect()))
        }};
    }
    match fit.narrowest() {
        Narrowest::I8 => cast!(I8, i8),
        Narrowest::I16 => cast!(I16, i16),
        Narrowest::I32 => cast!(I32, i32),
        Narrowest::F32 => Some(ColumnData::F32(values.iter().map(|&v| v as f32).collect())),
        Narrowest::F64 => None,
    }
}

fn narrow_integers(values: &[Option<i64>]) -> ColumnData {
    let (mut low, mut high) = (0, 0);
    for &value in values.iter().flatten() {
        low = low.min(value);
        high = high.max(value);
    }
    macro_rules! cast {
        ($variant:ident, $t:ty) => {
            ColumnData::$variant(
                values
                    .iter()
                    .map(|v| v.and_then(|v| <$t>::try_from(v).ok()).unwrap_or(<$t>::MIN))
                    .collect(),
            )
        };
    }
    if low > i64::from(i8::MIN) && high <= i64::from(i8::MAX) {
        cast!(I8, i8)
    } else if low > i64::from(i16::MIN) && high <= i64::from(i16::MAX) {
        cast!(I16, i16)
    } else if low > i64::from(i32::MIN) && high <= i64::from(i32::MAX) {
        cast!(I32, i32)
    } else {
        cast!(I64, i64)
    }
}
