//! Columns of many batches brought together.

use std::sync::Arc;

use super::survey::{Storage, is_silent};
use crate::data::grow::Grow;
use crate::data::{Column, ColumnData, ColumnKind, Levels, MISSING_CODE};
use crate::error::{Error, Result};

/// A column that is filled batch by batch.
#[derive(Debug)]
pub(super) struct Gather<'a> {
    kind: ColumnKind,
    cells: Grow,
    /// How many cells are still to come.
    n_left: usize,
    levels: Option<&'a Arc<Levels>>,
    /// The last batch's levels and their codes here: batches may share levels.
    last: Option<(Arc<Levels>, Vec<u32>)>,
}

impl<'a> Gather<'a> {
    /// A column that is to have `n_rows` cells.
    pub(super) fn new(kind: ColumnKind, storage: &'a Storage, n_rows: usize) -> Self {
        let (width, levels) = match storage {
            Storage::Numbers(width) => (Some(*width), None),
            Storage::Codes(levels) => (None, Some(levels)),
        };
        Self {
            kind,
            cells: Grow::of(width, n_rows),
            n_left: n_rows,
            levels,
            last: None,
        }
    }

    /// Adds the cells of a further batch.
    pub(super) fn add(&mut self, column: &Column) -> Result<()> {
        let n_left = self.n_left.checked_sub(column.len());
        self.n_left = n_left.ok_or_else(changed)?;
        if is_silent(column) {
            self.cells.missing(column.len());
            return Ok(());
        }
        match (column.data(), self.levels) {
            (ColumnData::Codes(codes, levels), Some(all)) => {
                if !matches!(&self.last, Some((last, _)) if Arc::ptr_eq(last, levels)) {
                    let here = all.codes_of(levels);
                    if here.contains(&MISSING_CODE) {
                        return Err(changed());
                    }
                    self.last = Some((Arc::clone(levels), here));
                }
                let here = self.last.as_ref().map_or(&[][..], |(_, here)| here);
                let code = |code: u32| here.get(code as usize).copied().unwrap_or(MISSING_CODE);
                self.cells.codes(codes, code);
            }
            (numbers, None) if self.cells.numbers_within(numbers) => {}
            _ => return Err(changed()),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Column {
        let levels = self.levels.map(Arc::clone).unwrap_or_default();
        self.cells.finish(self.kind, levels)
    }
}

/// A later scan gave something else than the first.
pub(super) fn changed() -> Error {
    Error::data("the same rows in every scan", "others")
}
