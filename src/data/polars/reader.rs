//! From frames, Parquet and IPC files to tables.

use std::path::Path;

use polars::prelude::{DataFrame, LazyFrame};
use rayon::prelude::*;

use super::backend;
use super::chunks::ColumnFile;
use super::frame::column_of_series;
use crate::data::parse::ReadColumn;
use crate::data::reader::{Parsed, TableReader, in_file, summarise};
use crate::data::summary::Summary;
use crate::data::{ColumnKind, Table};
use crate::error::{Error, Result};

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
    pub fn from_lazy(&self, frame: LazyFrame) -> Result<Table> {
        self.from_frame(&frame.collect().map_err(|e| backend(&e))?)
    }

    pub(crate) fn parquet(&self, path: &Path) -> Result<Parsed> {
        self.column_file(&ColumnFile::parquet(path)?)
    }

    pub(crate) fn ipc(&self, path: &Path) -> Result<Parsed> {
        self.column_file(&ColumnFile::ipc(path)?)
    }

    /// Makes columns of some of the file's at a time.
    fn column_file(&self, file: &ColumnFile) -> Result<Parsed> {
        self.check(file.n_rows(), &file.names)?;
        let mut columns = Vec::new();
        for chunk in file.chunks() {
            columns.extend(self.columns_of(&file.read(chunk)?)?);
        }
        self.table(columns, None, Vec::new())
    }

    fn typed(&self, frame: &DataFrame) -> Result<Parsed> {
        let names: Vec<String> = frame.columns().iter().map(name_of).collect();
        self.check(frame.height(), &names)?;
        self.table(self.columns_of(frame)?, None, Vec::new())
    }

    /// The table that some rows and columns of a whole are, as [`TableReader::from_frame`]; options
    /// may name other columns, and identifiers are not looked for.
    pub(super) fn part_of_frame(&self, frame: &DataFrame) -> Result<Table> {
        let columns = self.columns_of(frame)?.into_iter();
        let table = Table::new(columns.map(|(name, read)| (name, read.column)))?;
        let names: Vec<String> = table.schema().names().map(str::to_owned).collect();
        let roles = |name: &String| self.role_of(name).map(|role| (name.clone(), role));
        let mut roles = names.iter().filter_map(roles);
        roles.try_fold(table, |table, (name, role)| table.with_role(&name, role))
    }

    /// The columns of a frame, with their names.
    fn columns_of(&self, frame: &DataFrame) -> Result<Vec<(String, ReadColumn)>> {
        let columns = frame.columns().par_iter().map(|column| {
            let name = name_of(column);
            let read = self
                .column_of(column, &name)
                .map_err(|e| e.in_column(&name))?;
            Ok((name, read))
        });
        // The first error by column, whichever came first.
        let columns = columns.collect::<Vec<Result<_>>>();
        columns.into_iter().collect()
    }

    fn column_of(&self, column: &polars::prelude::Column, name: &str) -> Result<ReadColumn> {
        let rules = self.rules(name);
        if rules.is_for_texts() && column.dtype().is_bool() {
            return Err(Error::wrong_kind(
                ColumnKind::Categorical.to_string(),
                "boolean",
            ));
        }
        column_of_series(column.as_materialized_series(), rules.kind, &rules)
    }
}

fn name_of(column: &polars::prelude::Column) -> String {
    column.name().to_string()
}

pub(super) fn open(path: &Path) -> Result<std::fs::File> {
    std::fs::File::open(path).map_err(|e| Error::io(path.display(), &e).with_source(e))
}
