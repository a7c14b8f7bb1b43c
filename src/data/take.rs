//! Rows of tables as tables of their own, and tables one below the other.

use std::sync::Arc;

use super::batches::{BatchedTable, from_fn};
use super::rows::check_index;
use super::{Column, ColumnData, RowIndex, Rows, Table};
use crate::error::Result;

impl Column {
    /// The cells at these rows, in this order, as a column of its own with the same levels.
    ///
    /// # Panics
    /// If a row is not below [`Column::len`].
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let data = match self.data() {
            ColumnData::I8(values) => ColumnData::I8(pick(values, rows)),
            ColumnData::I16(values) => ColumnData::I16(pick(values, rows)),
            ColumnData::I32(values) => ColumnData::I32(pick(values, rows)),
            ColumnData::I64(values) => ColumnData::I64(pick(values, rows)),
            ColumnData::F32(values) => ColumnData::F32(pick(values, rows)),
            ColumnData::F64(values) => ColumnData::F64(pick(values, rows)),
            ColumnData::Codes(codes, levels) => {
                ColumnData::Codes(pick(codes, rows), Arc::clone(levels))
            }
        };
        Self::from_data(self.kind(), data)
    }
}

impl Table {
    /// The rows with these indices, in this order, as a table of its own: the same columns, levels
    /// and roles. A row may stand twice.
    ///
    /// ```
    /// use stackfold::data::{Column, Table};
    /// let table = Table::new([("x", Column::from(vec![10, 20, 30])), ("s", Column::from(vec!["a", "b", "a"]))])?;
    /// let taken = table.take(&[2, 0])?;
    /// assert_eq!(taken.column("x")?.text(0).as_deref(), Some("30"));
    /// assert_eq!(table.head(2).n_rows(), 2);
    /// assert_eq!(table.filter(|row| row != 1).n_rows(), 2);
    /// assert_eq!(Table::concat(&[&taken, &table])?.n_rows(), 5);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If an index is not below the number of rows.
    pub fn take(&self, rows: &[u32]) -> Result<Self> {
        check_index(rows, self.n_rows())?;
        Ok(self.taken(rows))
    }

    /// The rows whose index `keep` holds for, in their order; see [`Table::take`].
    #[must_use]
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Self {
        let rows: Vec<u32> = (0..)
            .take(self.n_rows())
            .filter(|&row: &u32| keep(row as usize))
            .collect();
        self.taken(&rows)
    }

    /// The first `n_rows` rows, or all if there are fewer; see [`Table::take`].
    #[must_use]
    pub fn head(&self, n_rows: usize) -> Self {
        self.slice(0..n_rows.min(self.n_rows()))
    }

    /// These tables one below the other, with the columns and roles of the first.
    ///
    /// Columns are found by name. Levels are numbered as they first appear; numbers are kept in the
    /// narrowest type that holds all of them. Tables without a row are passed over.
    ///
    /// # Errors
    /// If there is no row; if a table lacks a column of the first or has one more, or a column is of
    /// another kind. The error names the column and the table, as a batch, from 0.
    pub fn concat(tables: &[&Self]) -> Result<Self> {
        let source = from_fn(|| tables.iter().map(|&table| Ok(table.clone())));
        let all = BatchedTable::new(&source)?;
        let names: Vec<&str> = all.schema().names().collect();
        all.gather(names)
    }
}

impl Rows<'_> {
    /// These rows as a table of their own; see [`Table::take`].
    #[must_use]
    pub fn to_table(self) -> Table {
        match self.index() {
            RowIndex::All(_) => self.table().clone(),
            RowIndex::Some(rows) => self.table().taken(rows),
        }
    }
}

impl Table {
    fn taken(&self, rows: &[u32]) -> Self {
        self.with_rows(
            rows.len(),
            |column| column.take(rows),
            |codes| pick(codes, rows),
            |numbers| pick(numbers, rows),
        )
    }
}

fn pick<T: Copy>(values: &[T], rows: &[u32]) -> Arc<[T]> {
    rows.iter().map(|&row| values[row as usize]).collect()
}
