//! Numbers from texts: of one cell, and of some rows of a column.

use super::cut::Cut;
use super::missing::{Cause, Causes, Counts, Seen};
use super::{TextRules, true_or_false};
use crate::data::{Column, ColumnData};

/// Whole numbers up to this size are exact as `f64`.
pub(super) const EXACT: i64 = 1 << 53;

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberFormat {
    pub(super) decimal: u8,
    pub(super) thousands: Option<char>,
}

/// The value of a cell that is a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Whole(i64),
    Real(f64),
    /// A whole number that no integer of 64 bits holds, as the nearest float. One with zeros after 17
    /// digits at most is a real: programs write floats so.
    Huge(f64),
}

impl Number {
    pub(crate) fn value(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) | Self::Huge(real) => real,
        }
    }
}

/// Whether a number may be a code, whose text would be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// It is written as numbers are.
    No,
    /// Digits that begin with a zero: `007`.
    Zeros,
    /// A zero before further digits (`008.45`, `01E1`), or an exponent as no program writes it
    /// (`1E10`, `12e3`: after a capital letter without a sign, or after two digits or more).
    Other,
}

/// A cell that is a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numeral {
    pub(crate) number: Number,
    pub(crate) code: Code,
    pub(crate) has_thousands: bool,
}

impl Numeral {
    fn plain(number: Number) -> Self {
        Self {
            number,
            code: Code::No,
            has_thousands: false,
        }
    }
}

impl NumberFormat {
    pub(crate) const PLAIN: Self = Self {
        decimal: b'.',
        thousands: None,
    };

    /// A number, finite or infinite; blanks around it do not matter.
    pub(crate) fn number(self, text: &str) -> Option<Number> {
        self.numeral(text).map(|numeral| numeral.number)
    }

    /// The same, and whether it may be a code.
    pub(crate) fn numeral(self, text: &str) -> Option<Numeral> {
        let text = text.trim_ascii();
        let (is_negative, digits) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let bytes = digits.as_bytes();
        let code = |other| match bytes {
            [b'0', second, ..] if second.is_ascii_digit() => other,
            _ => Code::No,
        };
        match bytes.first()? {
            b'0'..=b'9' => {}
            b if *b == self.decimal => {}
            b'i' | b'I' => {
                let is_word = ["inf", "infinity"]
                    .iter()
                    .any(|w| digits.eq_ignore_ascii_case(w));
                let infinity = f64::INFINITY.copysign(if is_negative { -1.0 } else { 1.0 });
                return is_word.then_some(Numeral::plain(Number::Real(infinity)));
            }
            _ => return None,
        }
        if bytes.iter().all(u8::is_ascii_digit) {
            return Some(Numeral {
                number: whole_number(digits, is_negative).or_else(|| huge(digits, is_negative))?,
                code: code(Code::Zeros),
                has_thousands: false,
            });
        }
        if let Some(separator) = self.thousands
            && digits.contains(separator)
        {
            if !self.has_groups(digits, separator) {
                return None;
            }
            let plain: String = text.chars().filter(|&c| c != separator).collect();
            let plain = Self {
                thousands: None,
                ..self
            }
            .numeral(&plain)?;
            return Some(Numeral {
                has_thousands: true,
                ..plain
            });
        }
        let value: f64 = if self.decimal == b'.' {
            text.parse().ok()?
        } else if text.contains('.') {
            return None;
        } else {
            text.replace(char::from(self.decimal), ".").parse().ok()?
        };
        Some(Numeral {
            number: self
                .whole_with_zeros(digits, is_negative)
                .unwrap_or(Number::Real(value)),
            code: if is_exponent_code(bytes) {
                Code::Other
            } else {
                code(Code::Other)
            },
            has_thousands: false,
        })
    }

    /// Whether the whole part is in groups of three digits but for the first, of one to three, which
    /// does not begin with a zero.
    fn has_groups(self, digits: &str, separator: char) -> bool {
        let whole = digits
            .split(char::from(self.decimal))
            .next()
            .unwrap_or_default();
        let mut groups = whole.split(separator);
        let is_group = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len())
            && !first.starts_with('0')
            && is_group(first)
            && groups.all(|group| group.len() == 3 && is_group(group))
    }

    /// A whole number of so many digits that a float may not hold it, and a fraction of zeros alone,
    /// as a number gets beside missing cells: `178000000000500124.0`.
    fn whole_with_zeros(self, digits: &str, is_negative: bool) -> Option<Number> {
        let (whole, zeros) = digits.split_once(char::from(self.decimal))?;
        if whole.len() <= 15
            || !whole.bytes().all(|b| b.is_ascii_digit())
            || !zeros.bytes().all(|b| b == b'0')
        {
            return None;
        }
        whole_number(whole, is_negative).or_else(|| huge(whole, is_negative))
    }

    /// Whether the text is a number if commas are decimal commas, but is none as numbers are written
    /// here: `0,125`, `12,5`, `1.234,56`.
    pub(crate) fn looks_like_decimal_comma(self, text: &str) -> bool {
        const COMMA: NumberFormat = NumberFormat {
            decimal: b',',
            thousands: Some('.'),
        };
        self.decimal == b'.'
            && text.contains(',')
            && COMMA.number(text).is_some()
            && self.number(text).is_none()
    }
}

/// Whether digits stand before an exponent that no program writes so.
fn is_exponent_code(digits: &[u8]) -> bool {
    let Some(place) = digits.iter().position(|b| [b'e', b'E'].contains(b)) else {
        return false;
    };
    let (mantissa, exponent) = (&digits[..place], &digits[place + 1..]);
    mantissa.iter().all(u8::is_ascii_digit)
        && exponent.iter().all(u8::is_ascii_digit)
        && (digits[place] == b'E' || mantissa.len() > 1)
}

/// A whole number of 64 bits, but for the smallest, which stands for a missing one; a negative zero
/// is left to the floats.
fn whole_number(digits: &str, is_negative: bool) -> Option<Number> {
    let value: i64 = digits.parse().ok()?;
    Some(match (value, is_negative) {
        (0, true) => Number::Real(-0.0),
        (value, true) => Number::Whole(-value),
        (value, false) => Number::Whole(value),
    })
}

/// A whole number beyond 64 bits.
fn huge(digits: &str, is_negative: bool) -> Option<Number> {
    /// So many digits tell any float.
    const DIGITS: usize = 17;
    let value: f64 = digits.parse().ok()?;
    let value = if is_negative { -value } else { value };
    let is_float = digits.bytes().skip(DIGITS).all(|digit| digit == b'0');
    Some(if is_float {
        Number::Real(value)
    } else {
        Number::Huge(value)
    })
}

/// The numbers of some rows, and what else there was.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) data: ColumnData,
    pub(super) counts: Counts,
    pub(super) sorts: NumberSorts,
    pub(super) first_infinite: Option<(usize, f64)>,
}

/// How the numbers of a column are written.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one fact about all cells"
)]
#[derive(Debug, Clone, Default)]
pub(super) struct NumberSorts {
    /// Whether one has a fraction or an exponent, sentinels included.
    pub(super) has_real: bool,
    /// The same, numbers that may be codes aside.
    pub(super) has_plain_real: bool,
    pub(super) has_negative: bool,
    /// Whether a whole number may not be exact as a float.
    pub(super) has_large: bool,
    pub(super) n_thousands: usize,
    pub(super) zeros: Seen,
    pub(super) codes: Seen,
    pub(super) huge: Seen,
    /// Cells that are no numbers, and those of them that would be with a decimal comma.
    pub(super) odd: Seen,
    pub(super) commas: Seen,
}

impl NumberSorts {
    /// Adds those of the rows from `first_row` on.
    pub(super) fn merge(&mut self, other: &Self, first_row: usize) {
        self.has_real |= other.has_real;
        self.has_plain_real |= other.has_plain_real;
        self.has_negative |= other.has_negative;
        self.has_large |= other.has_large;
        self.n_thousands += other.n_thousands;
        self.zeros.merge(&other.zeros, first_row);
        self.codes.merge(&other.codes, first_row);
        self.huge.merge(&other.huge, first_row);
        self.odd.merge(&other.odd, first_row);
        self.commas.merge(&other.commas, first_row);
    }

    /// Takes note of `n` numbers, the first of which is in `row`.
    pub(super) fn add(&mut self, numeral: Numeral, row: usize, text: &str, n: usize) {
        match numeral.number {
            Number::Whole(value) => {
                self.has_large |= !(-EXACT..=EXACT).contains(&value);
            }
            Number::Real(_) => {
                self.has_real = true;
                self.has_plain_real |= numeral.code == Code::No;
            }
            Number::Huge(_) => self.huge.add_cells(row, text, n),
        }
        if numeral.has_thousands {
            self.n_thousands += n;
        }
        match numeral.code {
            Code::No => {}
            Code::Zeros => self.zeros.add_cells(row, text, n),
            Code::Other => self.codes.add_cells(row, text, n),
        }
    }

    /// Whether the numbers are kept as integers of 64 bits if narrower ones do not hold them.
    pub(super) fn are_integers(&self) -> bool {
        self.has_large && !self.has_real && self.huge.count == 0
    }

    /// Whether numbers had to be rounded.
    pub(super) fn are_rounded(&self) -> bool {
        self.huge.count > 0 || self.has_large && self.has_real
    }
}

/// What a cell is.
enum Cell {
    Missing(Cause),
    Number(Number),
    Odd,
}

/// Reads cells as numbers.
pub(super) struct Reader<'r> {
    causes: &'r Causes<'r>,
    format: NumberFormat,
    /// Whether `true` and `false` are 1 and 0.
    takes_booleans: bool,
    /// Whether it is given up if more than half of the cells are no numbers.
    gives_up: bool,
    decimal: u8,
    /// Whether a decimal point (or comma) is nothing else.
    has_plain_decimals: bool,
}

impl<'r> Reader<'r> {
    pub(super) fn new(rules: &TextRules, causes: &'r Causes<'r>, gives_up: bool) -> Self {
        let format = rules.number_format();
        let decimal = format.decimal;
        Self {
            causes,
            format,
            takes_booleans: rules.is_followed,
            gives_up,
            decimal,
            has_plain_decimals: format
                .thousands
                .is_none_or(|c| c != char::from(decimal) && !c.is_ascii_digit()),
        }
    }

    /// The numbers in the cells; what is none is missing, and counted.
    ///
    /// They are taken for integers of 32 bits until one is met that is not. None if it is given up.
    pub(super) fn read(&self, cut: Cut<'_>) -> Option<Numbers> {
        let bytes = cut.bytes();
        let mut counts = Counts::default();
        let mut sorts = NumberSorts::default();
        let mut values: Vec<i32> = Vec::with_capacity(cut.len());
        let (mut low, mut high) = (0, 0);
        for (row, bounds) in cut.bounds().enumerate() {
            let (start, end) = bounds;
            if start == end {
                counts.add(Cause::Null);
                values.push(i32::MIN);
                continue;
            }
            let value = match short_integer(bytes, start, end) {
                Some(value) => value,
                None => match self.cell(cut.text(bounds), row, &mut sorts) {
                    Cell::Missing(cause) => {
                        counts.add(cause);
                        values.push(i32::MIN);
                        continue;
                    }
                    Cell::Odd => {
                        if self.gives_up && 2 * sorts.odd.count > cut.len() {
                            return None;
                        }
                        values.push(i32::MIN);
                        continue;
                    }
                    Cell::Number(number) => match number {
                        Number::Whole(value) if value.unsigned_abs() < 1 << 31 => {
                            #[allow(clippy::cast_possible_truncation, reason = "it is in range")]
                            let value = value as i32;
                            value
                        }
                        number => return self.read_reals(cut, &values, number, counts, sorts),
                    },
                },
            };
            if let Some(cause) = self.causes.of_number(f64::from(value)) {
                counts.add(cause);
                values.push(i32::MIN);
            } else {
                low = low.min(value);
                high = high.max(value);
                values.push(value);
            }
        }
        sorts.has_negative = low < 0;
        Some(Numbers {
            data: narrow(&values, low, high),
            counts,
            sorts,
            first_infinite: None,
        })
    }

    /// The numbers in all cells, the first of which are integers; `next` is that of the first cell
    /// that is none.
    fn read_reals(
        &self,
        cut: Cut<'_>,
        integers: &[i32],
        next: Number,
        mut counts: Counts,
        mut sorts: NumberSorts,
    ) -> Option<Numbers> {
        let bytes = cut.bytes();
        let mut values: Vec<f64> = Vec::with_capacity(cut.len());
        values.extend(integers.iter().map(|&v| match v {
            i32::MIN => f64::NAN,
            v => f64::from(v),
        }));
        let mut next = Some(next);
        let (mut first_infinite, mut has_negative) =
            (None, integers.iter().any(|&v| v < 0 && v != i32::MIN));
        for (row, bounds) in cut.bounds().enumerate().skip(integers.len()) {
            let (start, end) = bounds;
            if start == end {
                counts.add(Cause::Null);
                values.push(f64::NAN);
                continue;
            }
            let value = if let Some(number) = next.take() {
                number.value()
            } else if let Some(value) = short_integer(bytes, start, end) {
                f64::from(value)
            } else if let Some(value) = self.short_decimal(bytes, start, end) {
                (sorts.has_real, sorts.has_plain_real) = (true, true);
                value
            } else {
                match self.cell(cut.text(bounds), row, &mut sorts) {
                    Cell::Missing(cause) => {
                        counts.add(cause);
                        values.push(f64::NAN);
                        continue;
                    }
                    Cell::Odd => {
                        if self.gives_up && 2 * sorts.odd.count > cut.len() {
                            return None;
                        }
                        values.push(f64::NAN);
                        continue;
                    }
                    Cell::Number(number) => number.value(),
                }
            };
            if let Some(cause) = self.causes.of_number(value) {
                counts.add(cause);
                values.push(f64::NAN);
            } else if value.is_infinite() {
                first_infinite = first_infinite.or(Some((row, value)));
                counts.add(Cause::Infinite);
                values.push(f64::NAN);
            } else {
                has_negative |= value < 0.0;
                values.push(value);
            }
        }
        sorts.has_negative = has_negative;
        let column = if sorts.are_integers() {
            let cells = cut.iter().zip(&values);
            let integers = cells.map(|(cell, value)| match self.format.number(cell?) {
                Some(Number::Whole(whole)) if !value.is_nan() => Some(whole),
                _ => None,
            });
            Column::integers(&integers.collect::<Vec<Option<i64>>>())
        } else {
            Column::numeric(values)
        };
        Some(Numbers {
            data: column.data().clone(),
            counts,
            sorts,
            first_infinite,
        })
    }

    /// Any cell.
    fn cell(&self, text: &str, row: usize, sorts: &mut NumberSorts) -> Cell {
        let numeral = self.format.numeral(text);
        if let Some(numeral) = numeral {
            // A sentinel such as `00` is that text before it is a number.
            if numeral.code != Code::No
                && let Some(cause) = self.causes.of_text(text)
            {
                return Cell::Missing(cause);
            }
            sorts.add(numeral, row, text, 1);
            return Cell::Number(numeral.number);
        }
        if let Some(cause) = self.causes.of_text(text) {
            return Cell::Missing(cause);
        }
        if self.takes_booleans
            && let Some(value) = true_or_false(text)
        {
            return Cell::Number(Number::Whole(value.into()));
        }
        sorts.odd.add(row, text);
        if self.format.looks_like_decimal_comma(text) {
            sorts.commas.add(row, text);
        }
        Cell::Odd
    }

    /// A number as `12.5`: 15 digits at most, whose integer and power of ten are exact as `f64`, so
    /// that their quotient is the nearest float.
    #[inline]
    fn short_decimal(&self, bytes: &[u8], start: u32, end: u32) -> Option<f64> {
        const TENS: [f64; 16] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
        ];
        let cell = bytes.get(start as usize..end as usize)?;
        if !self.has_plain_decimals || cell.len() > 17 {
            return None;
        }
        let (is_negative, digits) = match cell {
            [b'-', digits @ ..] => (true, digits),
            _ => (false, cell),
        };
        let (mut integer, mut dot) = (0_u64, None);
        for (i, &byte) in digits.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit <= 9 {
                integer = 10 * integer + u64::from(digit);
            } else if byte == self.decimal && dot.is_none() {
                dot = Some(i);
            } else {
                return None;
            }
        }
        // Without a dot it is a whole number, and with zeros in front perhaps a code.
        let dot = dot?;
        if let [b'0', b'0'..=b'9', ..] = digits {
            return None;
        }
        let n_decimals = digits.len() - 1 - dot;
        if !(2..=16).contains(&digits.len()) {
            return None;
        }
        let value = integer as f64 / TENS[n_decimals];
        Some(if is_negative { -value } else { value })
    }
}

/// A whole number of one to eight characters without leading zeros; a negative zero is none.
///
/// The characters are the bytes of one integer, on which all eight are worked at once.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "eight at most")]
fn short_integer(bytes: &[u8], start: u32, end: u32) -> Option<i32> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let end = end as usize;
    let len = end.wrapping_sub(start as usize);
    if len.wrapping_sub(1) > 7 {
        return None;
    }
    let word = bytes.get(end.wrapping_sub(8)..end)?;
    let word = u64::from_le_bytes(*word.first_chunk()?);
    let unused = 64 - 8 * len as u32;
    // The first character is the last byte.
    let text = word >> unused;
    let is_negative = text & 0xff == u64::from(b'-');
    let text = if is_negative {
        text ^ u64::from(b'-' ^ b'0')
    } else {
        text
    };
    let first = (text >> (8 * u32::from(is_negative))) & 0xff;
    let n_digits = len - usize::from(is_negative);
    // Zeros in front.
    let digits = (text << unused) | (ZEROS & !(u64::MAX << unused));
    let above = digits.wrapping_add(0x0606_0606_0606_0606);
    let are_digits = (digits & above & 0xf0f0_f0f0_f0f0_f0f0) == ZEROS
        && ((digits | above) & 0xf0f0_f0f0_f0f0_f0f0) == ZEROS;
    let has_zero = first == u64::from(b'0') && (n_digits > 1 || is_negative);
    if !are_digits || has_zero || n_digits == 0 {
        return None;
    }
    let pairs = ((digits & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(2_561) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(6_553_601) >> 16) & 0x0000_ffff_0000_ffff;
    let value = fours.wrapping_mul(42_949_672_960_001) >> 32;
    let value = i32::try_from(value).ok()?;
    Some(if is_negative { -value } else { value })
}

/// The narrowest integers.
#[allow(clippy::cast_possible_truncation, reason = "all are in range")]
fn narrow(values: &[i32], low: i32, high: i32) -> ColumnData {
    let fits = |min: i32, max: i32| low > min && high <= max;
    if fits(i8::MIN.into(), i8::MAX.into()) {
        let cast = |&v: &i32| if v == i32::MIN { i8::MIN } else { v as i8 };
        ColumnData::I8(values.iter().map(cast).collect())
    } else if fits(i16::MIN.into(), i16::MAX.into()) {
        let cast = |&v: &i32| if v == i32::MIN { i16::MIN } else { v as i16 };
        ColumnData::I16(values.iter().map(cast).collect())
    } else {
        ColumnData::I32(values.into())
    }
}
