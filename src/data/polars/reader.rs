//! From frames, Parquet and IPC files to tables.

use std::path::Path;

use polars_core::prelude::DataFrame;

use super::frame::{column_of_arrays, column_of_series};
use super::ipc::IpcFile;
use super::parquet::ParquetFile;
use crate::data::Table;
use crate::data::parse::{ReadColumn, TextRules};
use crate::data::reader::{Parsed, TableReader, in_file, summarise};
use crate::data::summary::Summary;
use crate::error::{Error, Result};
use crate::parallel;

impl TableReader {
    /// Reads a Parquet file.
    ///
    /// # Errors
    /// If the file cannot be read, has no row, or has a column of a type that is not supported.
    pub fn read_parquet(&self, path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        self.parquet(path)
            .map(|(table, _)| table)
            .map_err(|e| in_file(e, path))
    }

    /// Reads an IPC file, which is Arrow's and Feather's second form.
    ///
    /// # Errors
    /// As [`TableReader::read_parquet`].
    pub fn read_ipc(&self, path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        self.ipc(path)
            .map(|(table, _)| table)
            .map_err(|e| in_file(e, path))
    }

    /// The table that a frame is.
    ///
    /// Integers and floats are numeric, booleans boolean, texts, categoricals and enums
    /// categorical, dates and datetimes what they are.
    ///
    /// # Errors
    /// If it has no row or a column of another type, or a cell does not fit its column.
    pub fn from_frame(&self, frame: &DataFrame) -> Result<Table> {
        self.typed(frame).map(|(table, _)| table)
    }

    /// The table that a frame is, as [`TableReader::from_frame`], and what was met.
    ///
    /// # Errors
    /// As there.
    pub fn from_frame_with_summary(&self, frame: &DataFrame) -> Result<(Table, Summary)> {
        self.typed(frame).map(summarise)
    }

    /// The table that a lazy frame is when collected.
    ///
    /// # Errors
    /// If polars cannot collect it; as [`TableReader::from_frame`].
    #[cfg(feature = "lazy")]
    pub fn from_lazy(&self, frame: polars_lazy::frame::LazyFrame) -> Result<Table> {
        self.from_frame(&frame.collect().map_err(|e| super::backend(&e))?)
    }

    pub(crate) fn parquet(&self, path: &Path) -> Result<Parsed> {
        let file = ParquetFile::open(path)?;
        let names = file.names();
        self.check(file.n_rows(), &names)?;
        let columns = self.columns_of(&names, |place, rules| {
            let (field, arrays) = file.column(place)?;
            column_of_arrays(field, arrays, rules)
        })?;
        self.table(columns, None, Vec::new())
    }

    /// Makes columns of some of the file's, while the next ones are read.
    pub(crate) fn ipc(&self, path: &Path) -> Result<Parsed> {
        let file = IpcFile::open(path)?;
        let names = file.names();
        self.check(file.n_rows(), &names)?;
        let mut columns = Vec::new();
        let mut chunks = file.chunks();
        let mut read = || chunks.next().map(|places| file.columns(places)).transpose();
        let mut next = read()?;
        while let Some(some) = next {
            let names = &names[columns.len()..];
            let names = &names[..some.len()];
            let make = || {
                self.columns_of(names, |place, rules| {
                    let (field, arrays) = &some[place];
                    column_of_arrays(field, arrays.clone(), rules)
                })
            };
            let (made, read) = rayon::join(make, &mut read);
            columns.extend(made?);
            next = read?;
        }
        self.table(columns, None, Vec::new())
    }

    fn typed(&self, frame: &DataFrame) -> Result<Parsed> {
        let columns = frame.columns();
        let names = columns.iter().map(|column| column.name().to_string());
        let names: Vec<String> = names.collect();
        self.check(frame.height(), &names)?;
        let columns = self.columns_of(&names, |place, rules| {
            column_of_series(columns[place].as_materialized_series(), rules)
        })?;
        self.table(columns, None, Vec::new())
    }

    /// The table of some rows and columns of a whole, as [`TableReader::from_frame`] makes it;
    /// options may name other columns, and identifiers are not looked for.
    pub(super) fn part(
        &self,
        names: &[String],
        column: impl Fn(usize, &TextRules) -> Result<ReadColumn> + Sync,
    ) -> Result<Table> {
        let columns = self.columns_of(names, column)?.into_iter();
        let table = Table::new(columns.map(|(name, read)| (name, read.column)))?;
        let roles = |name: &String| self.role_of(name).map(|role| (name.clone(), role));
        let mut roles = names.iter().filter_map(roles);
        roles.try_fold(table, |table, (name, role)| table.with_role(&name, role))
    }

    /// Columns with these names; `column` makes the one at a place.
    fn columns_of(
        &self,
        names: &[String],
        column: impl Fn(usize, &TextRules) -> Result<ReadColumn> + Sync,
    ) -> Result<Vec<(String, ReadColumn)>> {
        let columns = parallel::map(names, |place, name| {
            let read = column(place, &self.rules(name)).map_err(|e| e.in_column(name))?;
            Ok((name.clone(), read))
        });
        // The first error by column, whichever came first.
        columns.into_iter().collect()
    }
}

pub(super) fn open(path: &Path) -> Result<std::fs::File> {
    std::fs::File::open(path).map_err(|e| Error::io(path.display(), &e).with_source(e))
}
