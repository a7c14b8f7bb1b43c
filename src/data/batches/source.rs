//! Where batches come from.

use std::fmt;

use crate::data::Table;
use crate::error::{Error, Result};

/// Batches of rows that can be gone through more than once.
///
/// Each scan gives the same rows in the same order with the same values; how they are cut into
/// batches does not matter, and a batch may have no row.
pub trait Batches: fmt::Debug + Send + Sync {
    /// Hands over every batch, in order, until one is refused.
    ///
    /// If `columns` are named, no others are needed; a source for which leaving columns out saves
    /// nothing may hand over all of them.
    ///
    /// # Errors
    /// If a batch cannot be had; the error of `visit` if it refuses one.
    fn scan(
        &self,
        columns: Option<&[&str]>,
        visit: &mut dyn FnMut(Table) -> Result<()>,
    ) -> Result<()>;
}

/// Goes through all batches that have a row, with their numbers, which count from 0; errors of
/// `visit` name the batch.
///
/// ```
/// use stackfold::data::batches::{TableBatches, for_each_batch};
/// use stackfold::prelude::*;
/// let table = Table::new([("x", Column::numeric(vec![1.0, 2.0, 3.0]))])?;
/// let mut sizes = Vec::new();
/// for_each_batch(&TableBatches::new(&table, 2), None, &mut |_, batch| {
///     sizes.push(batch.n_rows());
///     Ok(())
/// })?;
/// assert_eq!(sizes, [2, 1]);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As [`Batches::scan`].
pub fn for_each_batch(
    batches: &dyn Batches,
    columns: Option<&[&str]>,
    visit: &mut dyn FnMut(usize, Table) -> Result<()>,
) -> Result<()> {
    let mut number = 0;
    batches.scan(columns, &mut |batch| {
        number += 1;
        if batch.n_rows() == 0 {
            return Ok(());
        }
        visit(number - 1, batch).map_err(|e: Error| e.in_batch(number - 1))
    })
}

/// A table in memory, cut into batches.
///
/// ```
/// use stackfold::data::batches::{BatchedTable, TableBatches};
/// use stackfold::prelude::*;
/// let table = Table::new([("x", Column::numeric(vec![1.0, 2.0, 3.0]))])?;
/// assert_eq!(BatchedTable::new(&TableBatches::new(&table, 2))?.n_rows(), 3);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TableBatches<'a> {
    table: &'a Table,
    n_rows: usize,
}

impl<'a> TableBatches<'a> {
    /// Batches of `n_rows` rows, one at least; the last may have fewer.
    #[must_use]
    pub fn new(table: &'a Table, n_rows: usize) -> Self {
        Self {
            table,
            n_rows: n_rows.max(1),
        }
    }
}

impl Batches for TableBatches<'_> {
    fn scan(&self, _: Option<&[&str]>, visit: &mut dyn FnMut(Table) -> Result<()>) -> Result<()> {
        let n = self.table.n_rows();
        for start in (0..n).step_by(self.n_rows) {
            visit(self.table.slice(start..n.min(start + self.n_rows)))?;
        }
        Ok(())
    }
}

/// Batches from a function that makes an iterator; see [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

/// Batches from a function that makes an iterator of tables, the same one each time.
///
/// Frames of polars become tables through
/// `TableReader::from_frame` of `data::polars`; give the reader the kinds of columns that a frame
/// may not show, such as one whose cells are all null.
///
/// ```
/// use stackfold::data::batches::{BatchedTable, from_fn};
/// use stackfold::prelude::*;
/// let source = from_fn(|| {
///     (0..3).map(|day| Table::new([("day", Column::numeric(vec![f64::from(day); 2]))]))
/// });
/// let table = BatchedTable::new(&source)?;
/// assert_eq!((table.n_rows(), table.n_batches()), (6, 3));
/// # Ok::<(), stackfold::Error>(())
/// ```
pub fn from_fn<F, I>(make: F) -> FromFn<F>
where
    F: Fn() -> I + Send + Sync,
    I: Iterator<Item = Result<Table>>,
{
    FromFn(make)
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

impl<F, I> Batches for FromFn<F>
where
    F: Fn() -> I + Send + Sync,
    I: Iterator<Item = Result<Table>>,
{
    fn scan(&self, _: Option<&[&str]>, visit: &mut dyn FnMut(Table) -> Result<()>) -> Result<()> {
        for (number, batch) in (self.0)().enumerate() {
            visit(batch.map_err(|e| e.in_batch(number))?)?;
        }
        Ok(())
    }
}
