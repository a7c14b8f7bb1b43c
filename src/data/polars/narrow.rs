//! Numbers of arrays to columns of the narrowest type, without a second copy of them.
//!
//! Two passes over blocks that stay in the cache: the first finds the type that holds every cell,
//! the second fills a column of it.

use std::sync::Arc;

use polars_arrow::array::PrimitiveArray;
use polars_arrow::types::NativeType;
use polars_core::prelude::{ArrayRef, ArrowDataType};

use crate::data::column::{Fit, Narrowest};
use crate::data::parse::{
    Cause, Causes, Counts, Infinities, MissingCounts, Seen, TextRules, infinite,
};
use crate::data::{Column, ColumnData, ColumnKind};
use crate::error::Result;

/// Takes a block of cells, and the row of the first one.
type Visit<'v, V> = &'v mut dyn FnMut(usize, &mut [V]) -> Result<()>;

/// Visits all cells block by block, in the order of the rows.
type Pass<'p, V> = &'p dyn Fn(Visit<'_, V>) -> Result<()>;

/// A whole number that is null, or beyond what 64 bits with a sign hold.
const MISSING: i64 = i64::MIN;

/// A number of an array.
pub(super) trait Number: NativeType {
    /// As a whole number, [`MISSING`] if it is too large.
    fn to_i64(self) -> i64;
    fn to_f64(self) -> f64;
}

macro_rules! number {
    ($($t:ty),*) => {$(
        impl Number for $t {
            #[allow(clippy::cast_possible_truncation, clippy::cast_lossless, reason = "one body for all")]
            #[inline]
            fn to_i64(self) -> i64 {
                self as i64
            }

            #[allow(clippy::cast_lossless, reason = "one body for all")]
            #[inline]
            fn to_f64(self) -> f64 {
                self as f64
            }
        }
    )*};
}
number!(i8, i16, i32, i64, u8, u16, u32, f32, f64);

impl Number for u64 {
    #[inline]
    fn to_i64(self) -> i64 {
        i64::try_from(self).unwrap_or(MISSING)
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self as f64
    }
}

/// What numbers are as a column.
pub(super) enum Parsed {
    Column(Column, MissingCounts),
    /// One is beyond what 64 bits with a sign hold: the row of the first, and all as texts.
    Beyond(usize, Vec<Option<String>>),
}

/// The numeric column that arrays of numbers are, with sentinels and infinities as in texts; `None`
/// if they are of another type.
pub(super) fn numbers(
    dtype: &ArrowDataType,
    arrays: &[ArrayRef],
    rules: &TextRules,
) -> Result<Option<Parsed>> {
    let parsed = match dtype {
        ArrowDataType::Int8 => whole_numbers::<i8>(arrays, rules)?,
        ArrowDataType::Int16 => whole_numbers::<i16>(arrays, rules)?,
        ArrowDataType::Int32 => whole_numbers::<i32>(arrays, rules)?,
        ArrowDataType::Int64 => whole_numbers::<i64>(arrays, rules)?,
        ArrowDataType::UInt8 => whole_numbers::<u8>(arrays, rules)?,
        ArrowDataType::UInt16 => whole_numbers::<u16>(arrays, rules)?,
        ArrowDataType::UInt32 => whole_numbers::<u32>(arrays, rules)?,
        ArrowDataType::UInt64 => whole_numbers::<u64>(arrays, rules)?,
        ArrowDataType::Float32 => reals::<f32>(arrays, rules)?,
        ArrowDataType::Float64 => reals::<f64>(arrays, rules)?,
        _ => return Ok(None),
    };
    Ok(Some(parsed))
}

fn whole_numbers<T: Number>(arrays: &[ArrayRef], rules: &TextRules) -> Result<Parsed> {
    if null_count(arrays) == 0
        && !Causes::new(rules).have_numbers()
        && let Some(data) = dense::<T>(arrays)?
    {
        let column = Column::from_data(ColumnKind::Numeric, data);
        return Ok(Parsed::Column(column, MissingCounts::default()));
    }
    let pass = |visit: Visit<'_, i64>| blocks(arrays, T::to_i64, MISSING, visit);
    let narrowed = narrow_whole(len(arrays), null_count(arrays), rules, &pass)?;
    if let Some((column, missing)) = narrowed {
        return Ok(Parsed::Column(column, missing));
    }
    let cells = || primitives::<T>(arrays).flat_map(PrimitiveArray::iter);
    let is_beyond = |cell: Option<&T>| cell.is_some_and(|v| v.to_i64() == MISSING);
    let row = cells().position(is_beyond).unwrap_or_default();
    let texts = cells().map(|cell| cell.map(ToString::to_string));
    Ok(Parsed::Beyond(row, texts.collect()))
}

/// Whole numbers of which none is missing; `None` if one is beyond what 64 bits with a sign hold.
fn dense<T: Number>(arrays: &[ArrayRef]) -> Result<Option<ColumnData>> {
    // All bits that any number has, its sign aside, say how wide the widest is.
    let mut bits = 0;
    for array in primitives::<T>(arrays) {
        for &value in array.values().iter() {
            bits |= value.to_i64().unsigned_abs();
        }
    }
    macro_rules! cast {
        ($variant:ident, $t:ty) => {
            ColumnData::$variant(filled(len(arrays), <$t>::MIN, |mut out| {
                for array in primitives::<T>(arrays) {
                    let (some, rest) = out.split_at_mut(array.len());
                    #[allow(
                        clippy::cast_possible_truncation,
                        reason = "the type was chosen so that it holds all of them"
                    )]
                    for (out, &value) in some.iter_mut().zip(array.values().iter()) {
                        *out = value.to_i64() as $t;
                    }
                    out = rest;
                }
                Ok(())
            })?)
        };
    }
    Ok(Some(match bits {
        0..0x80 => cast!(I8, i8),
        0x80..0x8000 => cast!(I16, i16),
        0x8000..0x8000_0000 => cast!(I32, i32),
        0x8000_0000..0x8000_0000_0000_0000 => cast!(I64, i64),
        _ => return Ok(None),
    }))
}

fn reals<T: Number>(arrays: &[ArrayRef], rules: &TextRules) -> Result<Parsed> {
    let pass = |visit: Visit<'_, f64>| blocks(arrays, T::to_f64, f64::NAN, visit);
    let (column, missing) = narrow_reals(len(arrays), null_count(arrays), rules, &pass)?;
    Ok(Parsed::Column(column, missing))
}

/// Whole numbers, each changed by `f`, which says `None` if there is no such `N`; then the error
/// is the row.
pub(super) fn changed<T: Number, N: Copy>(
    arrays: &[ArrayRef],
    missing: N,
    f: impl Fn(i64) -> Option<N>,
) -> Result<std::result::Result<Arc<[N]>, usize>> {
    let mut refused = None;
    let values = filled(len(arrays), missing, |out| {
        let to = |value: T| Some(value.to_i64());
        blocks(arrays, to, None, &mut |start, block| {
            for (i, (out, cell)) in out[start..].iter_mut().zip(block).enumerate() {
                if let Some(cell) = cell {
                    match f(*cell) {
                        Some(value) => *out = value,
                        None => refused = refused.or(Some(start + i)),
                    }
                }
            }
            Ok(())
        })
    })?;
    Ok(refused.map_or(Ok(values), Err))
}

fn len(arrays: &[ArrayRef]) -> usize {
    arrays.iter().map(|array| array.len()).sum()
}

fn null_count(arrays: &[ArrayRef]) -> usize {
    arrays.iter().map(|array| array.null_count()).sum()
}

fn primitives<T: NativeType>(arrays: &[ArrayRef]) -> impl Iterator<Item = &PrimitiveArray<T>> {
    arrays
        .iter()
        .filter_map(|array| array.as_any().downcast_ref())
}

/// Visits cells block by block, each made a `V` by `to`; null ones are `missing`.
fn blocks<T: NativeType, V: Copy>(
    arrays: &[ArrayRef],
    to: impl Fn(T) -> V,
    missing: V,
    visit: Visit<'_, V>,
) -> Result<()> {
    const LEN: usize = 1024;
    let mut block = [missing; LEN];
    let mut row = 0;
    for array in primitives::<T>(arrays) {
        let validity = array.validity().filter(|v| v.unset_bits() > 0);
        for (number, values) in array.values().chunks(LEN).enumerate() {
            let block = &mut block[..values.len()];
            for (cell, &value) in block.iter_mut().zip(values) {
                *cell = to(value);
            }
            if let Some(validity) = validity {
                let validity = validity.clone().sliced(number * LEN, values.len());
                if validity.unset_bits() > 0 {
                    for (cell, is_valid) in block.iter_mut().zip(validity.iter()) {
                        *cell = if is_valid { *cell } else { missing };
                    }
                }
            }
            visit(row, block)?;
            row += values.len();
        }
    }
    Ok(())
}

/// Values that a function writes over `first`.
fn filled<N: Copy>(
    n: usize,
    first: N,
    fill: impl FnOnce(&mut [N]) -> Result<()>,
) -> Result<Arc<[N]>> {
    let mut values: Arc<[N]> = std::iter::repeat_n(first, n).collect();
    // Just made, so nobody shares it.
    Arc::get_mut(&mut values).map_or(Ok(()), fill)?;
    Ok(values)
}

/// Makes missing what the rules say is missing, and counts it.
struct Cleaner<'r> {
    causes: Causes<'r>,
    infinities: Infinities,
    counts: Counts,
}

impl<'r> Cleaner<'r> {
    fn new(rules: &'r TextRules) -> Self {
        Self {
            causes: Causes::new(rules),
            infinities: rules.infinities(),
            counts: Counts::default(),
        }
    }

    fn whole(&mut self, block: &mut [i64]) {
        if !self.causes.have_numbers() {
            return;
        }
        for cell in block.iter_mut().filter(|cell| **cell != MISSING) {
            if let Some(cause) = self.causes.of_number(*cell as f64) {
                self.counts.add(cause);
                *cell = MISSING;
            }
        }
    }

    fn reals(&mut self, row: usize, block: &mut [f64]) -> Result<()> {
        if self.causes.have_numbers() {
            for cell in block.iter_mut().filter(|cell| !cell.is_nan()) {
                if let Some(cause) = self.causes.of_number(*cell) {
                    self.counts.add(cause);
                    *cell = f64::NAN;
                }
            }
        }
        // Branches once a block: hardly any has an infinite cell.
        if !block
            .iter()
            .fold(false, |any, cell| any | cell.is_infinite())
        {
            return Ok(());
        }
        for (i, cell) in block.iter_mut().enumerate() {
            if cell.is_infinite() {
                if self.infinities == Infinities::Refuse {
                    return Err(infinite(*cell).in_row(row + i));
                }
                self.counts.add(Cause::Infinite);
                *cell = f64::NAN;
            }
        }
        Ok(())
    }

    fn finish(self, n_null: usize, n_nan: usize) -> MissingCounts {
        MissingCounts {
            null: n_null,
            nan: n_nan,
            ..self.counts.finish(&self.causes, &Seen::default())
        }
    }
}

fn narrow_whole(
    n: usize,
    n_null: usize,
    rules: &TextRules,
    pass: Pass<'_, i64>,
) -> Result<Option<(Column, MissingCounts)>> {
    let mut cleaner = Cleaner::new(rules);
    let (mut bits, mut n_missing) = (0, 0);
    pass(&mut |_, block| {
        n_missing += block.iter().filter(|cell| **cell == MISSING).count();
        cleaner.whole(block);
        for &mut cell in block {
            bits |= if cell == MISSING {
                0
            } else {
                cell.unsigned_abs()
            };
        }
        Ok(())
    })?;
    if n_missing > n_null {
        return Ok(None);
    }
    let mut again = Cleaner::new(rules);
    macro_rules! fill {
        ($variant:ident, $t:ty) => {
            ColumnData::$variant(filled(n, <$t>::MIN, |out| {
                pass(&mut |row, block| {
                    again.whole(block);
                    #[allow(
                        clippy::cast_possible_truncation,
                        reason = "the type was chosen so that it holds all of them"
                    )]
                    for (out, &mut cell) in out[row..].iter_mut().zip(block) {
                        *out = if cell == MISSING {
                            <$t>::MIN
                        } else {
                            cell as $t
                        };
                    }
                    Ok(())
                })
            })?)
        };
    }
    let data = match bits {
        0..0x80 => fill!(I8, i8),
        0x80..0x8000 => fill!(I16, i16),
        0x8000..0x8000_0000 => fill!(I32, i32),
        _ => fill!(I64, i64),
    };
    let column = Column::from_data(ColumnKind::Numeric, data);
    Ok(Some((column, cleaner.finish(n_null, 0))))
}

fn narrow_reals(
    n: usize,
    n_null: usize,
    rules: &TextRules,
    pass: Pass<'_, f64>,
) -> Result<(Column, MissingCounts)> {
    let mut cleaner = Cleaner::new(rules);
    let mut fit = Fit::new();
    let (mut is_narrow, mut n_nan) = (true, 0);
    pass(&mut |row, block| {
        n_nan += block.iter().filter(|cell| cell.is_nan()).count();
        cleaner.reals(row, block)?;
        is_narrow = is_narrow && fit.add(block);
        Ok(())
    })?;
    let mut again = Cleaner::new(rules);
    macro_rules! fill {
        ($variant:ident, $missing:expr, $cast:expr) => {
            ColumnData::$variant(filled(n, $missing, |out| {
                pass(&mut |row, block| {
                    again.reals(row, block)?;
                    for (out, &mut cell) in out[row..].iter_mut().zip(block) {
                        *out = if cell.is_nan() { $missing } else { $cast(cell) };
                    }
                    Ok(())
                })
            })?)
        };
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the type was chosen so that it holds all of them"
    )]
    let data = match fit.narrowest() {
        Narrowest::I8 => fill!(I8, i8::MIN, |v| Fit::bits(v) as i8),
        Narrowest::I16 => fill!(I16, i16::MIN, |v| Fit::bits(v) as i16),
        Narrowest::I32 => fill!(I32, i32::MIN, |v| Fit::bits(v) as i32),
        Narrowest::F32 => fill!(F32, f32::NAN, |v| v as f32),
        Narrowest::F64 => fill!(F64, f64::NAN, |v| v),
    };
    let column = Column::from_data(ColumnKind::Numeric, data);
    Ok((column, cleaner.finish(n_null, n_nan - n_null)))
}
