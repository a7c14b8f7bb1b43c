//! A table whose rows come in batches.

use std::collections::HashSet;

use super::gather::{Gather, changed};
use super::source::{Batches, for_each_batch};
use super::survey::{Storage, Survey};
use crate::data::rows::missing_column;
use crate::data::{Column, Field, Labels, Role, Schema, Table, Values};
use crate::error::{Error, Result};
use crate::parallel;

/// A table whose rows come in batches: what its columns are over all of them, and the means to
/// bring chosen columns together.
///
/// Making one goes through all batches once. Names and roles are those of the first batch that has
/// a row; other batches have the same columns, in any order. Kinds must agree: a column may be an
/// integer in one batch and a fraction in the next, but not a number in one and a text in the
/// next. A column without a value in some batch (numbers all missing, a categorical one without
/// levels) is there whatever the others say it is. The levels of a categorical column are numbered
/// as they first appear over the batches, and numbers are kept in the narrowest type that holds
/// those of all batches. All of this is as in a table of all rows.
///
/// Levels, and nothing else that grows with the rows, stay in memory.
///
/// ```
/// use stackfold::data::batches::{BatchedTable, from_fn};
/// use stackfold::prelude::*;
/// let source = from_fn(|| {
///     [(1.0, "b"), (0.5, "a"), (300.0, "b")].into_iter().map(|(x, level)| {
///         Table::new([
///             ("x", Column::numeric(vec![x])),
///             ("level", Column::categorical([Some(level)])),
///         ])
///     })
/// });
/// let table = BatchedTable::new(&source)?;
/// assert_eq!((table.n_rows(), table.n_batches()), (3, 3));
/// let columns = table.gather(["level"])?;
/// let (codes, levels) = columns.column("level")?.codes().unwrap();
/// assert_eq!((codes, levels.name(0)), (&[0, 1, 0][..], Some("b")));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchedTable<'a> {
    batches: &'a dyn Batches,
    /// No row, but names, kinds, roles and levels.
    empty: Table,
    storage: Vec<Storage>,
    n_rows: usize,
    n_batches: usize,
    memory_limit: Option<u64>,
}

impl<'a> BatchedTable<'a> {
    /// Goes through all batches, and learns what the columns are.
    ///
    /// # Errors
    /// If a batch cannot be had, lacks a column of the first or has one more, or a column is of
    /// another kind than before (the error names the column and the batch); if there is no row.
    pub fn new(batches: &'a dyn Batches) -> Result<Self> {
        let mut first: Option<Table> = None;
        let mut surveys: Vec<Survey> = Vec::new();
        let (mut n_rows, mut n_batches) = (0, 0);
        for_each_batch(batches, None, &mut |_, batch| {
            let fields = batch.schema().fields();
            if first.is_none() {
                first = Some(batch.slice(0..0));
                surveys = fields.iter().map(|f| Survey::new(f.kind())).collect();
            }
            if let Some(first) = &first {
                let names: Vec<&str> = first.schema().names().collect();
                let known = |name: &&str| first.schema().position(name).is_some();
                if let Some(name) = batch.schema().names().find(|name| !known(name)) {
                    let found = "a column that an earlier batch lacks";
                    return Err(
                        Error::data("the columns of the first batch", found).in_column(name)
                    );
                }
                let columns = columns_of(&batch, &names)?;
                let columns = surveys.iter_mut().zip(columns).zip(&names);
                let results = parallel::map(columns, |_, ((survey, column), &name)| {
                    survey.add(column).map_err(|e| e.in_column(name))
                });
                results.into_iter().collect::<Result<()>>()?;
            }
            n_rows += batch.n_rows();
            n_batches += 1;
            Ok(())
        })?;
        let first = first.ok_or_else(|| Error::data("at least one row", "none"))?;
        let (kinds, storage): (Vec<_>, Vec<_>) = surveys.into_iter().map(Survey::finish).unzip();
        let names = first.schema().names();
        let columns = names.zip(&kinds).zip(&storage);
        let columns = columns.map(|((name, &kind), s)| (name, Gather::new(kind, s, 0).finish()));
        let empty = with_roles(Table::new(columns)?, first.schema())?;
        Ok(Self {
            batches,
            empty,
            storage,
            n_rows,
            n_batches,
            memory_limit: None,
        })
    }

    /// The same table with another role for one column; see [`Table::with_role`].
    ///
    /// # Errors
    /// If there is no such column, or a time is categorical. Cells of weights, groups and times
    /// are checked once they are gathered.
    pub fn with_role(mut self, name: &str, role: Role) -> Result<Self> {
        self.empty = self.empty.with_role(name, role)?;
        Ok(self)
    }

    /// At most so many bytes at a time for the columns that a fit brings together, and for what it
    /// does with them: a fit that looks at each column by itself then goes through the batches
    /// several times, some columns each time. No limit at first.
    ///
    /// Counted are, for each row, the cells of a column as they are kept, 8 bytes more for each
    /// column, and 32 for each that is worked on at a time (as many as there are threads). That is
    /// an estimate. Not counted are what stays whatever is done: the batch at hand, the levels, and
    /// the target.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: Option<u64>) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// Where the rows come from.
    #[must_use]
    pub fn batches(&self) -> &'a dyn Batches {
        self.batches
    }

    /// Names, kinds and roles.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.empty.schema()
    }

    /// The number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of batches that have a row.
    #[must_use]
    pub fn n_batches(&self) -> usize {
        self.n_batches
    }

    /// The labels in a column; see [`Table::labels`].
    ///
    /// # Errors
    /// As there, and if the column cannot be gathered.
    pub fn labels(&self, name: &str) -> Result<Labels> {
        self.gather_plain(&[name])?.labels(name)
    }

    /// The values in a column; see [`Table::values`].
    ///
    /// # Errors
    /// As there, and if the column cannot be gathered.
    pub fn values(&self, name: &str) -> Result<Values> {
        self.gather_plain(&[name])?.values(name)
    }

    /// These columns of all rows as a table in memory, with their roles: one scan. The memory
    /// limit plays no part.
    ///
    /// # Errors
    /// If there is no such column, one is named twice, a batch cannot be had or is not as it was
    /// in the first scan, or a column does not suit its role.
    pub fn gather<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<Table> {
        let names: Vec<&str> = names.into_iter().collect();
        with_roles(self.gather_plain(&names)?, self.schema())
    }

    fn gather_plain(&self, names: &[&str]) -> Result<Table> {
        let position = |&name: &&str| {
            let position = self.schema().position(name);
            position.ok_or_else(|| missing_column(&self.empty, name))
        };
        let positions = names.iter().map(position).collect::<Result<Vec<usize>>>()?;
        let gather = |&i: &usize| {
            let kind = self.schema().fields()[i].kind();
            Gather::new(kind, &self.storage[i], self.n_rows)
        };
        let mut gathers: Vec<Gather<'_>> = positions.iter().map(gather).collect();
        let mut n_rows = 0;
        for_each_batch(self.batches, Some(names), &mut |_, batch| {
            n_rows += batch.n_rows();
            let columns = columns_of(&batch, names)?;
            let columns = gathers.iter_mut().zip(columns).zip(names);
            let results = parallel::map(columns, |_, ((gather, column), &name)| {
                gather.add(column).map_err(|e| e.in_column(name))
            });
            results.into_iter().collect()
        })?;
        if n_rows != self.n_rows {
            return Err(changed());
        }
        let columns = gathers.into_iter().map(Gather::finish);
        Table::new(names.iter().copied().zip(columns))
    }

    /// No row, but names, kinds, roles and levels.
    pub(crate) fn empty(&self) -> &Table {
        &self.empty
    }

    /// These columns cut into groups of which each can be gathered and worked on under the limit.
    /// `width` is how many bytes a row all groups need besides.
    pub(crate) fn groups(&self, positions: &[usize], width: usize) -> Result<Vec<Vec<usize>>> {
        let Some(limit) = self.memory_limit else {
            return Ok(vec![positions.to_vec()]);
        };
        let n_threads = rayon::current_num_threads();
        let bytes = |cells: usize, n_columns: usize| {
            (width + cells + 8 * n_columns + 32 * n_columns.min(n_threads)) * self.n_rows
        };
        let fits = |bytes: usize| bytes as u64 <= limit;
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut group: Vec<usize> = Vec::new();
        let mut cells = 0;
        for &i in positions {
            let cell = self.storage[i].width();
            if !fits(bytes(cell, 1)) {
                let needed = format!("{} bytes or more", bytes(cell, 1));
                let name = self.schema().fields()[i].name();
                return Err(Error::parameter("memory_limit", needed, limit).in_column(name));
            }
            if !fits(bytes(cells + cell, group.len() + 1)) {
                groups.push(std::mem::take(&mut group));
                cells = 0;
            }
            cells += cell;
            group.push(i);
        }
        groups.push(group);
        Ok(groups)
    }

    /// Bytes that a cell of this column takes.
    pub(crate) fn width(&self, position: usize) -> usize {
        self.storage[position].width()
    }

    /// A table with these columns and those that every fit may look at (weight, group, time), and
    /// the places of the former in it. What `loaded` has is not gathered again.
    pub(crate) fn load(
        &self,
        positions: &[usize],
        beside: Option<&str>,
        loaded: Option<&Table>,
    ) -> Result<(Table, Vec<usize>)> {
        let fields = self.schema().fields();
        let mut names: Vec<&str> = positions.iter().map(|&i| fields[i].name()).collect();
        let roles = fields.iter().filter(|field| {
            let is_beside = beside.is_some_and(|name| name == field.name());
            is_beside || matches!(field.role(), Role::Weight | Role::Group | Role::Time)
        });
        names.extend(roles.map(Field::name));
        if names.is_empty() {
            // A table without a column would have no row.
            let narrowest = (0..fields.len()).min_by_key(|&i| self.width(i));
            names.extend(narrowest.map(|i| fields[i].name()));
        }
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(*name));
        let have = |name: &str| loaded.and_then(|table| table.column(name).ok());
        let missing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|n| have(n).is_none())
            .collect();
        let gathered = if missing.is_empty() {
            None
        } else {
            Some(self.gather_plain(&missing)?)
        };
        let mut columns = Vec::with_capacity(names.len());
        for &name in &names {
            let column = have(name).or_else(|| gathered.as_ref()?.column(name).ok());
            columns.extend(column.map(|column| (name, column.clone())));
        }
        let chosen = (0..positions.len()).collect();
        Ok((with_roles(Table::new(columns)?, self.schema())?, chosen))
    }
}

/// The columns with these names.
fn columns_of<'t>(batch: &'t Table, names: &[&str]) -> Result<Vec<&'t Column>> {
    names.iter().map(|name| batch.column(name)).collect()
}

/// The table with the roles that its columns have in a schema.
fn with_roles(mut table: Table, schema: &Schema) -> Result<Table> {
    for field in schema.fields() {
        if field.role() != Role::Feature && table.schema().position(field.name()).is_some() {
            table = table.with_role(field.name(), field.role())?;
        }
    }
    Ok(table)
}
