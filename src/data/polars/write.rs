//! Tables and frames to files, whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use polars_core::prelude::*;
use polars_io::prelude::SerWriter;

use super::parquet::ParquetWriter;
use super::{backend, table_to_frame};
use crate::data::Table;
use crate::error::{Error, Result};

/// Writes a table as CSV: a header, `,` between cells, dates as `2014-03-03`, missing cells empty.
///
/// The file is written beside its place under another name and then renamed: at no time is there
/// a part of it under its own name.
///
/// # Errors
/// If the file cannot be written; the error names it.
pub fn write_csv(path: impl AsRef<Path>, table: &Table) -> Result<()> {
    write_frame_csv(path, &table_to_frame(table)?)
}

/// Writes a frame as CSV, as [`write_csv`] does with a table.
///
/// # Errors
/// If the file cannot be written, or polars cannot write a column as text.
pub fn write_frame_csv(path: impl AsRef<Path>, frame: &DataFrame) -> Result<()> {
    write_whole(path.as_ref(), |file| {
        polars_io::prelude::CsvWriter::new(file)
            .with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.3f".into()))
            .finish(&mut frame.clone())
    })
}

/// Writes a table as Parquet, whole or not at all as [`write_csv`] does.
///
/// # Errors
/// If the file cannot be written; the error names it.
pub fn write_parquet(path: impl AsRef<Path>, table: &Table) -> Result<()> {
    let mut frame = table_to_frame(table)?;
    write_whole(path.as_ref(), |file| {
        let mut writer = ParquetWriter::new(file, &frame)?;
        writer.write(&mut frame)?;
        writer.finish()
    })
}

fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> PolarsResult<()>,
) -> Result<()> {
    let io = |e: std::io::Error| Error::io(path.display(), &e).with_source(e);
    let temporary = temporary_beside(path)?;
    let written = (|| {
        let mut file = BufWriter::new(File::create(&temporary).map_err(io)?);
        write(&mut file).map_err(|e| backend(&e).in_file(path.display()))?;
        file.flush().map_err(io)?;
        std::fs::rename(&temporary, path).map_err(io)
    })();
    if written.is_err() {
        // Whether this works or not, the first failure is the one to tell.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

pub(super) fn temporary_beside(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::io(path.display(), "the path does not name a file"));
    };
    let name = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(name))
}
