//! Tables and frames to files, whole or not at all.

use std::path::Path;

use polars_core::prelude::DataFrame;

use super::parquet::ParquetWriter;
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
        let failed = |e| backend(&e).in_file(path.display());
        let mut writer = ParquetWriter::new(file, &frame).map_err(failed)?;
        writer.write(&mut frame).map_err(failed)?;
        writer.finish().map_err(failed)
    })
}
