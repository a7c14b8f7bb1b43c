//! What one column is over all batches: its kind, its levels, the type that holds its numbers.

use std::sync::Arc;

use crate::data::interner::Interner;
use crate::data::{Column, ColumnData, ColumnKind, Levels, Number, for_each_numbers};
use crate::error::{Error, Result};

/// The type that the cells of a column are kept in.
#[derive(Debug, Clone)]
pub(super) enum Storage {
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
    Codes(Arc<Levels>),
}

impl Storage {
    /// Bytes a cell.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 | Self::Codes(_) => 4,
            Self::I64 | Self::F64 => 8,
        }
    }
}

/// What has been seen of one column so far.
#[derive(Debug)]
pub(super) struct Survey {
    /// The kind of the first batch whose cells tell one, and else that of the first batch.
    kind: ColumnKind,
    is_told: bool,
    numbers: NumberTypes,
    levels: Interner,
    /// Levels that batches share need to be added once.
    last: Option<Arc<Levels>>,
}

/// The types of number met.
#[derive(Debug, Default)]
struct NumberTypes {
    /// The widest integer: 1, 2, 4 or 8 bytes, 0 before the first one.
    integer: usize,
    single: bool,
    double: bool,
    /// Whether an integer is not exact in f32.
    wide: bool,
}

impl Survey {
    pub(super) fn new(kind: ColumnKind) -> Self {
        Self {
            kind,
            is_told: false,
            numbers: NumberTypes::default(),
            levels: Interner::default(),
            last: None,
        }
    }

    /// Adds what the column is in a further batch.
    pub(super) fn add(&mut self, column: &Column) -> Result<()> {
        if !is_silent(column) {
            if self.is_told && self.kind != column.kind() {
                return Err(Error::wrong_kind(
                    format!("{}, as in an earlier batch", self.kind),
                    column.kind(),
                ));
            }
            self.kind = column.kind();
            self.is_told = true;
        }
        match column.data() {
            ColumnData::Codes(_, levels) => self.add_levels(levels),
            data => self.numbers.add(data),
        }
        Ok(())
    }

    fn add_levels(&mut self, levels: &Arc<Levels>) {
        if self.last.as_ref().is_some_and(|l| Arc::ptr_eq(l, levels)) {
            return;
        }
        for name in levels.names() {
            self.levels.code(name);
        }
        self.last = Some(Arc::clone(levels));
    }

    /// The kind and the type of the whole column.
    pub(super) fn finish(self) -> (ColumnKind, Storage) {
        let storage = if self.kind == ColumnKind::Categorical {
            Storage::Codes(Arc::new(self.levels.into_levels()))
        } else {
            self.numbers.storage()
        };
        (self.kind, storage)
    }
}

/// Whether a batch's column says nothing of its kind: no cell has a value.
pub(super) fn is_silent(column: &Column) -> bool {
    match column.data() {
        ColumnData::Codes(_, levels) => levels.is_empty(),
        _ => column.kind() == ColumnKind::Numeric && column.n_missing() == column.len(),
    }
}

impl NumberTypes {
    fn add(&mut self, data: &ColumnData) {
        match data {
            ColumnData::I8(_) => self.integer = self.integer.max(1),
            ColumnData::I16(_) => self.integer = self.integer.max(2),
            ColumnData::I32(_) | ColumnData::I64(_) => {
                let is_long = matches!(data, ColumnData::I64(_));
                self.integer = self.integer.max(if is_long { 8 } else { 4 });
                self.wide = self.wide
                    || for_each_numbers!(data,
                    values => values.iter().any(|v| is_wide(v.to_f64())), else => false);
            }
            ColumnData::F32(_) => self.single = true,
            ColumnData::F64(_) => self.double = true,
            ColumnData::Codes(..) => {}
        }
    }

    /// The narrowest type that holds all, as for a column made at once.
    fn storage(&self) -> Storage {
        match (self.double, self.single) {
            (false, false) => match self.integer {
                0 | 1 => Storage::I8,
                2 => Storage::I16,
                4 => Storage::I32,
                _ => Storage::I64,
            },
            (false, true) if !self.wide => Storage::F32,
            _ => Storage::F64,
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "the cast is compared with what it came from"
)]
fn is_wide(value: f64) -> bool {
    !value.is_nan() && f64::from(value as f32) != value
}
