//! Numbers of a few digits in a text of many cells: copies of what `src/data/parse/number.rs` does.

/// Cells one after the other, and where they are.
pub(crate) struct Joined {
    pub(crate) text: String,
    pub(crate) bounds: Vec<(u32, u32)>,
}

impl Joined {
    pub(crate) fn of(cells: &[String]) -> Self {
        let mut text = " ".repeat(8);
        let bounds = cells.iter().map(|cell| {
            let start = text.len() as u32;
            text.push_str(cell);
            text.push(',');
            (start, text.len() as u32 - 1)
        });
        let bounds = bounds.collect();
        Self { text, bounds }
    }
}

/// How decimals are written.
pub(crate) struct Plain {
    pub(crate) decimal: u8,
    pub(crate) has_plain_decimals: bool,
}

impl Plain {
    /// A number as `12.5`: 15 digits at most, whose integer and power of ten are exact as `f64`, so
    /// that their quotient is the nearest float.
    #[inline]
    pub(crate) fn short_decimal(&self, bytes: &[u8], start: u32, end: u32) -> Option<f64> {
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
pub(crate) fn short_integer(bytes: &[u8], start: u32, end: u32) -> Option<i32> {
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
