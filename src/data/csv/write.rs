//! Tables and features to CSV files, whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::data::{ColumnData, Feature, Features, Provenance, Table};
use crate::error::{Error, Result};

/// Writes a table as CSV: a header, `,` between cells, dates as `2014-03-03`, missing cells empty.
///
/// Numbers are written so that they are read as the same numbers. The file is written beside its
/// place under another name and then renamed: at no time is there a part of it under its own name.
///
/// ```
/// use stackfold::data::{Column, Table, TableReader, write_csv};
/// let table = Table::new([
///     ("price", Column::numeric(vec![0.1, f64::NAN])),
///     ("state", Column::categorical(["CA", "a \"b\", c"].map(Some))),
/// ])?;
/// let path = std::env::temp_dir().join("stackfold_write.csv");
/// write_csv(&path, &table)?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "price,state\n0.1,CA\n,\"a \"\"b\"\", c\"\n");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If the file cannot be written; the error names it.
pub fn write_csv(path: impl AsRef<Path>, table: &Table) -> Result<()> {
    let names: Vec<&str> = table.schema().names().collect();
    write_cells(
        path.as_ref(),
        &names,
        table.n_rows(),
        |row, column, line| {
            let column = table.column_at(column);
            match column.data() {
                ColumnData::Codes(codes, levels) => {
                    push_cell(line, levels.name(codes[row]).unwrap_or_default());
                }
                _ => push_cell(line, &column.text(row).unwrap_or_default()),
            }
        },
    )
}

/// Writes features as CSV: a header, `,` between cells, missing ones empty; whole or not at all, as
/// [`write_csv`].
///
/// # Errors
/// If the file cannot be written; the error names it.
pub fn write_features_csv<P: Provenance>(
    path: impl AsRef<Path>,
    features: &Features<P>,
) -> Result<()> {
    let names: Vec<&str> = features.fields().iter().map(Feature::name).collect();
    write_cells(
        path.as_ref(),
        &names,
        features.n_rows(),
        |row, column, line| {
            let value = features.column(column)[row];
            if !value.is_nan() {
                line.push_str(&value.to_string());
            }
        },
    )
}

fn write_cells(
    path: &Path,
    names: &[&str],
    n_rows: usize,
    push: impl Fn(usize, usize, &mut String),
) -> Result<()> {
    write_whole(path, |file| {
        let io = |e: std::io::Error| Error::io(path.display(), &e).with_source(e);
        let mut line = String::new();
        for (i, name) in names.iter().enumerate() {
            separate(&mut line, i);
            push_cell(&mut line, name);
        }
        line.push('\n');
        for row in 0..n_rows {
            let start = line.len();
            for column in 0..names.len() {
                separate(&mut line, column);
                push(row, column, &mut line);
            }
            // An empty line would be no row.
            if line.len() == start && names.len() == 1 {
                line.push_str("\"\"");
            }
            line.push('\n');
            if line.len() > 1 << 16 {
                file.write_all(line.as_bytes()).map_err(io)?;
                line.clear();
            }
        }
        file.write_all(line.as_bytes()).map_err(io)
    })
}

fn separate(line: &mut String, column: usize) {
    if column > 0 {
        line.push(',');
    }
}

fn push_cell(line: &mut String, cell: &str) {
    let has_blank = cell.starts_with(' ') || cell.ends_with(' ');
    if has_blank || cell.contains([',', '"', '\n', '\r']) {
        line.push('"');
        line.push_str(&cell.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(cell);
    }
}

/// Writes a file beside its place under another name, and then renames it.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
) -> Result<()> {
    let io = |e: std::io::Error| Error::io(path.display(), &e).with_source(e);
    let temporary = temporary_beside(path)?;
    let written = (|| {
        let mut file = BufWriter::new(File::create(&temporary).map_err(io)?);
        write(&mut file)?;
        file.flush().map_err(io)?;
        std::fs::rename(&temporary, path).map_err(io)
    })();
    if written.is_err() {
        // Whether this works or not, the first failure is the one to tell.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

pub(crate) fn temporary_beside(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::io(path.display(), "the path does not name a file"));
    };
    let name = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(name))
}
