//! Tables and frames to files, whole or not at all.

use std::path::Path;

use polars::prelude::*;

use super::{TableReader, backend, table_to_frame};
use crate::data::Table;
use crate::data::csv::{write_csv, write_whole};
use crate::error::Result;

/// Writes a frame as CSV, as [`write_csv`] does with the table that it is.
///
/// # Errors
/// If the file cannot be written, or a column has a type that a table does not have.
pub fn write_frame_csv(path: impl AsRef<Path>, frame: &DataFrame) -> Result<()> {
    write_csv(path, &TableReader::new().from_frame(frame)?)
}

/// Writes a table as Parquet, whole or not at all as [`write_csv`] does.
///
/// # Errors
/// If the file cannot be written; the error names it.
pub fn write_parquet(path: impl AsRef<Path>, table: &Table) -> Result<()> {
    let path = path.as_ref();
    let mut frame = table_to_frame(table)?;
    write_whole(path, |file| {
        ParquetWriter::new(file)
            .with_compression(ParquetCompression::Snappy)
            .finish(&mut frame)
            .map(|_| ())
            .map_err(|e| backend(&e).in_file(path.display()))
    })
}
