//! Numbers from the texts of some rows of a column.

use super::cells::Cut;
use crate::data::parse::{
    Cause, Causes, Counts, Number, Refused, TextRules, has_leading_zero, number,
};
use crate::data::{Column, ColumnData, for_each_numbers};

/// Whole numbers up to this size are exact as `f64`.
const EXACT: i64 = 1 << 53;

/// The numbers of some rows.
pub(super) struct Numbers {
    pub(super) data: ColumnData,
    pub(super) counts: Counts,
    /// Whether all numbers are whole, sentinels included.
    pub(super) all_whole: bool,
    /// Whether one of them may not be exact as a float.
    pub(super) any_large: bool,
    pub(super) first_infinite: Option<(usize, f64)>,
}

/// What a cell is.
enum Cell {
    Missing(Cause),
    Whole(i64),
    Real(f64),
}

/// Reads cells as numbers.
pub(super) struct Reader<'r> {
    causes: &'r Causes<'r>,
    thousands: Option<char>,
    /// Whether a number with leading zeros is one, too.
    takes_codes: bool,
    /// Whether a dot is a dot.
    has_plain_decimals: bool,
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        for_each_numbers!(&self.data, values => values.len(), else => 0)
    }
}

impl<'r> Reader<'r> {
    pub(super) fn new(rules: &TextRules, causes: &'r Causes<'r>) -> Self {
        let thousands = rules.thousands;
        Self {
            causes,
            thousands,
            takes_codes: rules.kind.is_some(),
            has_plain_decimals: thousands.is_none_or(|c| c != '.' && !c.is_ascii_digit()),
        }
    }

    /// The numbers in the cells, or the first cell that is none.
    ///
    /// They are taken for integers of 32 bits until one is met that is not.
    pub(super) fn read(&self, cut: Cut<'_>) -> Result<Numbers, Refused> {
        let bytes = cut.bytes();
        let mut counts = Counts::default();
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
                None => match self.cell(cut.text(bounds), row)? {
                    Cell::Missing(cause) => {
                        counts.add(cause);
                        values.push(i32::MIN);
                        continue;
                    }
                    Cell::Whole(value) => match i32::try_from(value) {
                        Ok(value) if value != i32::MIN => value,
                        _ => return self.read_reals(cut, &values, counts),
                    },
                    Cell::Real(_) => return self.read_reals(cut, &values, counts),
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
        Ok(Numbers {
            data: narrow(&values, low, high),
            counts,
            all_whole: true,
            any_large: false,
            first_infinite: None,
        })
    }

    /// The numbers in all cells, the first of which are integers.
    fn read_reals(
        &self,
        cut: Cut<'_>,
        integers: &[i32],
        mut counts: Counts,
    ) -> Result<Numbers, Refused> {
        let bytes = cut.bytes();
        let mut values: Vec<f64> = Vec::with_capacity(cut.len());
        values.extend(integers.iter().map(|&v| match v {
            i32::MIN => f64::NAN,
            v => f64::from(v),
        }));
        let (mut all_whole, mut any_large, mut first_infinite) = (true, false, None);
        for (row, bounds) in cut.bounds().enumerate().skip(integers.len()) {
            let (start, end) = bounds;
            if start == end {
                counts.add(Cause::Null);
                values.push(f64::NAN);
                continue;
            }
            let value = if let Some(value) = short_integer(bytes, start, end) {
                f64::from(value)
            } else if let Some(value) = self.short_decimal(bytes, start, end) {
                all_whole = false;
                value
            } else {
                match self.cell(cut.text(bounds), row)? {
                    Cell::Missing(cause) => {
                        counts.add(cause);
                        values.push(f64::NAN);
                        continue;
                    }
                    Cell::Whole(value) => {
                        any_large |= !(-EXACT..=EXACT).contains(&value);
                        value as f64
                    }
                    Cell::Real(value) => {
                        all_whole = false;
                        value
                    }
                }
            };
            if let Some(cause) = self.causes.of_number(value) {
                counts.add(cause);
                values.push(f64::NAN);
            } else if value.is_infinite() {
                first_infinite = first_infinite.or(Some((row, value)));
                counts.add_infinite();
                values.push(f64::NAN);
            } else {
                values.push(value);
            }
        }
        let column = if all_whole && any_large {
            let cells = cut.iter().zip(&values);
            let integers = cells.map(|(cell, value)| match number(cell?, self.thousands) {
                Some(Number::Whole(whole)) if !value.is_nan() => Some(whole),
                _ => None,
            });
            Column::integers(&integers.collect::<Vec<Option<i64>>>())
        } else {
            Column::numeric(values)
        };
        Ok(Numbers {
            data: column.data().clone(),
            counts,
            all_whole,
            any_large,
            first_infinite,
        })
    }

    /// Any cell.
    fn cell(&self, text: &str, row: usize) -> Result<Cell, Refused> {
        let found = match number(text, self.thousands) {
            Some(Number::Whole(value)) if self.takes_codes || !has_leading_zero(text) => {
                return Ok(Cell::Whole(value));
            }
            Some(Number::Real(value)) => return Ok(Cell::Real(value)),
            _ => self.causes.of_text(text),
        };
        found
            .map(Cell::Missing)
            .ok_or_else(|| Refused::new(row, text))
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
            } else if byte == b'.' && dot.is_none() {
                dot = Some(i);
            } else {
                return None;
            }
        }
        // Without a dot it is a whole number, and perhaps a code.
        let dot = dot?;
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
