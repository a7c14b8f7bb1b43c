//! Columns of many batches brought together.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::survey::{Storage, is_silent};
use crate::data::{Column, ColumnData, ColumnKind, Levels, MISSING_CODE, Number, for_each_numbers};
use crate::error::{Error, Result};

/// A column that is filled batch by batch.
#[derive(Debug)]
pub(super) struct Gather<'a> {
    kind: ColumnKind,
    data: ColumnData,
    /// Where the next cell goes.
    end: usize,
    codes: FxHashMap<&'a str, u32>,
    /// The last batch's levels and their codes here: batches may share levels.
    last: Option<(Arc<Levels>, Vec<u32>)>,
}

impl<'a> Gather<'a> {
    /// A column of missing cells.
    pub(super) fn new(kind: ColumnKind, storage: &'a Storage, n_rows: usize) -> Self {
        fn all<T: Clone>(missing: T, n: usize) -> Arc<[T]> {
            std::iter::repeat_n(missing, n).collect()
        }
        let mut codes = FxHashMap::default();
        let data = match storage {
            Storage::I8 => ColumnData::I8(all(i8::MIN, n_rows)),
            Storage::I16 => ColumnData::I16(all(i16::MIN, n_rows)),
            Storage::I32 => ColumnData::I32(all(i32::MIN, n_rows)),
            Storage::I64 => ColumnData::I64(all(i64::MIN, n_rows)),
            Storage::F32 => ColumnData::F32(all(f32::NAN, n_rows)),
            Storage::F64 => ColumnData::F64(all(f64::NAN, n_rows)),
            Storage::Codes(levels) => {
                codes = levels.names().iter().map(String::as_str).zip(0..).collect();
                ColumnData::Codes(all(MISSING_CODE, n_rows), Arc::clone(levels))
            }
        };
        Self {
            kind,
            data,
            end: 0,
            codes,
            last: None,
        }
    }

    /// Adds the cells of a further batch.
    pub(super) fn add(&mut self, column: &Column) -> Result<()> {
        let start = self.end;
        let cells = start..start + column.len();
        self.end = cells.end;
        if is_silent(column) {
            return Ok(());
        }
        let of_batch = column.data();
        let fits = match &mut self.data {
            ColumnData::I8(all) => fill_integers(room(all, cells), of_batch, i8::MIN),
            ColumnData::I16(all) => fill_integers(room(all, cells), of_batch, i16::MIN),
            ColumnData::I32(all) => fill_integers(room(all, cells), of_batch, i32::MIN),
            ColumnData::I64(all) => fill_integers(room(all, cells), of_batch, i64::MIN),
            ColumnData::F32(all) => fill_singles(room(all, cells), of_batch),
            ColumnData::F64(all) => fill_doubles(room(all, cells), of_batch),
            ColumnData::Codes(all, _) => {
                let ColumnData::Codes(codes, levels) = of_batch else {
                    return Err(changed());
                };
                if !matches!(&self.last, Some((last, _)) if Arc::ptr_eq(last, levels)) {
                    let here = |name: &String| self.codes.get(name.as_str()).copied();
                    let known: Option<Vec<u32>> = levels.names().iter().map(here).collect();
                    self.last = Some((Arc::clone(levels), known.ok_or_else(changed)?));
                }
                let here = self.last.as_ref().map_or(&[][..], |(_, here)| here);
                room(all, cells).map(|room| {
                    for (cell, &code) in room.iter_mut().zip(&**codes) {
                        *cell = here.get(code as usize).copied().unwrap_or(MISSING_CODE);
                    }
                })
            }
        };
        fits.ok_or_else(changed)
    }

    pub(super) fn finish(self) -> Column {
        Column::from_data(self.kind, self.data)
    }
}

/// The place of a batch's cells, if there is one.
fn room<T>(all: &mut Arc<[T]>, cells: std::ops::Range<usize>) -> Option<&mut [T]> {
    Arc::get_mut(all)?.get_mut(cells)
}

fn fill_integers<T>(room: Option<&mut [T]>, of_batch: &ColumnData, missing: T) -> Option<()>
where
    T: Copy + TryFrom<i8> + TryFrom<i16> + TryFrom<i32> + TryFrom<i64>,
{
    fn fill<T: Copy, U: Copy + PartialEq>(
        room: &mut [T],
        values: &[U],
        (missing, missing_there): (T, U),
        cast: impl Fn(U) -> Option<T>,
    ) -> Option<()> {
        for (cell, &value) in room.iter_mut().zip(values) {
            *cell = if value == missing_there {
                missing
            } else {
                cast(value)?
            };
        }
        Some(())
    }
    let room = room?;
    match of_batch {
        ColumnData::I8(v) => fill(room, v, (missing, i8::MIN), |v| T::try_from(v).ok()),
        ColumnData::I16(v) => fill(room, v, (missing, i16::MIN), |v| T::try_from(v).ok()),
        ColumnData::I32(v) => fill(room, v, (missing, i32::MIN), |v| T::try_from(v).ok()),
        ColumnData::I64(v) => fill(room, v, (missing, i64::MIN), |v| T::try_from(v).ok()),
        _ => None,
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "integers are exact in f32, as was found when all batches were looked at"
)]
fn fill_singles(room: Option<&mut [f32]>, of_batch: &ColumnData) -> Option<()> {
    fn fill<T: Number>(room: &mut [f32], values: &[T]) {
        for (cell, value) in room.iter_mut().zip(values) {
            *cell = value.to_f64() as f32;
        }
    }
    let room = room?;
    match of_batch {
        ColumnData::F64(_) => return None,
        data => for_each_numbers!(data, values => fill(room, values), else => return None),
    }
    Some(())
}

fn fill_doubles(room: Option<&mut [f64]>, of_batch: &ColumnData) -> Option<()> {
    fn fill<T: Number>(room: &mut [f64], values: &[T]) {
        for (cell, value) in room.iter_mut().zip(values) {
            *cell = value.to_f64();
        }
    }
    let room = room?;
    for_each_numbers!(of_batch, values => fill(room, values), else => return None);
    Some(())
}

/// A later scan gave something else than the first.
pub(super) fn changed() -> Error {
    Error::data("the same rows in every scan", "others")
}
