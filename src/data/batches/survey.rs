//! What one column is over all batches: its kind, its levels, the type that holds its numbers.

use std::sync::Arc;

use crate::data::grow::{Width, are_singles};
use crate::data::interner::Interner;
use crate::data::{Column, ColumnData, ColumnKind, Levels, for_each_numbers};
use crate::error::{Error, Result};

/// What the cells of a column are kept as.
#[derive(Debug, Clone)]
pub(super) enum Storage {
    Numbers(Width),
    Codes(Arc<Levels>),
}

impl Storage {
    /// Bytes a cell.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Numbers(width) => width.bytes(),
            Self::Codes(_) => size_of::<u32>(),
        }
    }
}

/// What has been seen of one column so far.
#[derive(Debug)]
pub(super) struct Survey {
    /// The kind of the first batch whose cells tell one, and else that of the first batch.
    kind: ColumnKind,
    is_kind_certain: bool,
    numbers: NumberTypes,
    levels: Interner,
    /// What the levels are names of, if that is the same in all batches that have any.
    level_kind: Option<ColumnKind>,
    has_levels: bool,
    /// Levels that batches share need to be added once.
    last: Option<Arc<Levels>>,
}

/// The types of number met.
#[derive(Debug, Default)]
struct NumberTypes {
    integer: Option<Width>,
    float: Option<Width>,
    /// Whether an integer is not exact in f32.
    is_wide: bool,
}

impl Survey {
    pub(super) fn new(kind: ColumnKind) -> Self {
        Self {
            kind,
            is_kind_certain: false,
            numbers: NumberTypes::default(),
            levels: Interner::default(),
            level_kind: None,
            has_levels: false,
            last: None,
        }
    }

    /// Adds what the column is in a further batch.
    pub(super) fn add(&mut self, column: &Column) -> Result<()> {
        if !is_silent(column) {
            if self.is_kind_certain && self.kind != column.kind() {
                return Err(Error::wrong_kind(
                    format!("{}, as in an earlier batch", self.kind),
                    column.kind(),
                ));
            }
            self.kind = column.kind();
            self.is_kind_certain = true;
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
        if !levels.is_empty() {
            let kind = levels.kind();
            let is_same = !self.has_levels || self.level_kind == kind;
            self.level_kind = kind.filter(|_| is_same);
            self.has_levels = true;
        }
        self.last = Some(Arc::clone(levels));
    }

    /// The kind and the type of the whole column.
    pub(super) fn finish(self) -> (ColumnKind, Storage) {
        let storage = if self.kind == ColumnKind::Categorical {
            Storage::Codes(Arc::new(self.levels.into_levels().naming(self.level_kind)))
        } else {
            Storage::Numbers(self.numbers.width())
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
        let width = Width::of(data);
        if width >= Some(Width::F32) {
            self.float = self.float.max(width);
            return;
        }
        self.integer = self.integer.max(width);
        self.is_wide = self.is_wide
            || width >= Some(Width::I32)
                && !for_each_numbers!(data, values => are_singles(values), else => true);
    }

    /// The narrowest type that holds all, as for a column made at once.
    fn width(&self) -> Width {
        match self.float {
            None => self.integer.unwrap_or(Width::I8),
            Some(Width::F32) if self.is_wide => Width::F64,
            Some(float) => float,
        }
    }
}
