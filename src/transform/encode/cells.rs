//! The categorical columns that an encoder works on, and values looked up by level.

use std::borrow::Cow;
use std::sync::Arc;

use super::crossing::Groups;
use crate::data::{Column, ColumnKind, Levels, MISSING_CODE, RowIndex, Rows, weighty};
use crate::error::{Error, Result};
use crate::parallel;

/// A column of the table as codes into levels.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    pub(super) name: &'a str,
    column: Cow<'a, Column>,
}

impl<'a> Cells<'a> {
    fn new(name: &'a str, column: &'a Column) -> Result<Self> {
        match column.kind() {
            ColumnKind::Categorical => Ok(Self {
                name,
                column: Cow::Borrowed(column),
            }),
            ColumnKind::Boolean => Ok(Self {
                name,
                column: Cow::Owned(column.to_categorical()),
            }),
            other => Err(Error::wrong_kind(
                "categorical or boolean (Table::with_categorical declares it so)",
                other,
            )
            .in_column(name)),
        }
    }

    /// Refuses booleans where texts were learned, and texts where booleans were, unless they have a
    /// level in common: that is no unseen level, but another column.
    pub(super) fn check_kind(&self, learned: &Levels) -> Result<()> {
        let is_boolean = |name: &String| name == "true" || name == "false";
        let own = self.levels();
        if own.is_empty() || learned.is_empty() {
            return Ok(());
        }
        let (expected, found) = match &self.column {
            Cow::Owned(_) => ("categorical", ColumnKind::Boolean),
            Cow::Borrowed(_) => ("boolean", ColumnKind::Categorical),
        };
        let learned_boolean = learned.names().iter().all(is_boolean);
        let own_boolean = found == ColumnKind::Boolean;
        if learned_boolean == own_boolean || own.names().iter().any(|name| learned.has(name)) {
            return Ok(());
        }
        Err(Error::wrong_kind(format!("{expected}, as in fitting"), found).in_column(self.name))
    }

    /// The code of each row of the table.
    pub(super) fn codes(&self) -> &[u32] {
        self.column.codes().map_or(&[], |(codes, _)| codes)
    }

    pub(super) fn levels(&self) -> Arc<Levels> {
        self.column
            .codes()
            .map(|(_, levels)| Arc::clone(levels))
            .unwrap_or_default()
    }

    pub(super) fn n_levels(&self) -> usize {
        self.column.codes().map_or(0, |(_, levels)| levels.len())
    }

    /// The place of each row's level in a list of one entry a level and, last, one for missing
    /// cells.
    pub(super) fn slots(&self, rows: RowIndex<'_>) -> Vec<u32> {
        let missing = u32::try_from(self.n_levels()).unwrap_or(MISSING_CODE);
        rows.map(self.codes(), |code| code.min(missing))
    }

    /// For each level of this column, its code among `levels`, or [`MISSING_CODE`].
    pub(super) fn codes_among(&self, levels: &Arc<Levels>) -> Vec<u32> {
        let own = self.levels();
        if Arc::ptr_eq(&own, levels) {
            (0..).take(own.len()).collect()
        } else {
            levels.codes_of(&own)
        }
    }

    /// How many of the rows of weight above 0 have each level and, last, how many have none.
    pub(super) fn counts(&self, rows: RowIndex<'_>, weights: Option<&[f64]>) -> Vec<u32> {
        let mut codes = rows.gather(self.codes());
        if let Some(positions) = weighty(weights) {
            codes = Cow::Owned(RowIndex::Some(&positions).gather(&codes).into_owned());
        }
        let one = vec![0; codes.len()];
        Groups::new(&one, 1).count(&codes, self.n_levels() + 1)
    }

    /// The error for the first of the rows that `refused` names, one entry a level of this column
    /// and, last, one for missing cells.
    pub(super) fn check(&self, rows: RowIndex<'_>, refused: &[bool]) -> Result<()> {
        if !refused.contains(&true) {
            return Ok(());
        }
        let slots = self.slots(rows);
        let Some(position) = slots.iter().position(|&slot| refused[slot as usize]) else {
            return Ok(());
        };
        let error = match self.levels().name(slots[position]) {
            Some(level) => Error::unseen_level(level),
            None => Error::missing_value(),
        };
        Err(error.in_row(rows.row(position)).in_column(self.name))
    }
}

/// The columns that an encoder is to look at.
pub(super) fn feature_cells(rows: Rows<'_>) -> Result<Vec<Cells<'_>>> {
    rows.features()
        .map(|(field, column)| Cells::new(field.name(), column))
        .collect()
}

/// The columns with the given names, wherever the table has them.
pub(super) fn named_cells<'a>(
    rows: Rows<'a>,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<Cells<'a>>> {
    rows.columns_in_order(names)
        .map(|(name, column)| Cells::new(name, column?))
        .collect()
}

/// Fills an `(n_rows, sum of widths)` buffer, column after column; `write` gets the place of the
/// source column, and its zeroed part of the buffer. Source columns run in parallel; the first in
/// their order that fails gives the error.
pub(super) fn fill<T: Send>(
    n_rows: usize,
    widths: &[usize],
    write: impl Fn(usize, &mut [f32]) -> Result<T> + Sync,
) -> Result<(Vec<f32>, Vec<T>)> {
    let mut values = vec![0.0; n_rows * widths.iter().sum::<usize>()];
    let mut rest = values.as_mut_slice();
    let mut parts = Vec::with_capacity(widths.len());
    for &width in widths {
        let (part, others) = rest.split_at_mut(n_rows * width);
        parts.push(part);
        rest = others;
    }
    let results = parallel::map_small(n_rows, parts, write);
    Ok((values, results.into_iter().collect::<Result<Vec<T>>>()?))
}
