//! A CSV file as a frame of texts, after its structure has been checked.
//!
//! Polars fills short rows with nulls, renames columns that share a name and takes any text for
//! a header; so the file's structure is checked here, and polars only cuts the rows into cells.

use std::collections::HashSet;
use std::io::{BufReader, Cursor, Read};
use std::ops::Range;
use std::path::Path;

use polars::io::utils::compression::{ByteSourceReader, SupportedCompression};
use polars::prelude::*;

use crate::error::{Error, ErrorKind, Result};

/// How cells are set apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    pub(super) quote: Option<u8>,
}

/// All cells of a file as texts, one column a name in the header.
pub(super) fn read_texts(path: &Path, dialect: Dialect) -> Result<DataFrame> {
    let bytes = read_bytes(path)?;
    let head = if bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    if let Err(error) = std::str::from_utf8(&bytes[head..]) {
        let end = head + error.valid_up_to();
        let records = Records::new(&bytes[head..end], dialect).count();
        // The last of these is cut off by the bytes that are not UTF-8; the first is the header.
        let error = Error::data("text in UTF-8", format!("byte 0x{:02x}", bytes[end]));
        return Err(match records.checked_sub(2) {
            Some(row) => error.in_row(row),
            None => error,
        });
    }
    let mut records = Records::new(&bytes[head..], dialect);
    let Some(header) = records.next().transpose()? else {
        return Err(Error::data(
            "a header and at least one row",
            "an empty file",
        ));
    };
    let names = split(&bytes[head..][header.start..header.end], dialect);
    check_names(&names)?;
    let body = head + records.position;
    let (checked, frame) = rayon::join(
        || check_rows(&bytes[body..], names.len(), dialect),
        || cut(&bytes[body..], &names, dialect),
    );
    let Rows { n_rows, blank } = checked?;
    let frame = if blank.is_empty() {
        frame?
    } else {
        cut(&without(&bytes[body..], &blank), &names, dialect)?
    };
    if frame.height() != n_rows {
        return Err(Error::data(
            format!("quotes only around whole cells, which gives {n_rows} rows"),
            format!("{} rows", frame.height()),
        ));
    }
    Ok(frame)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let io = |e: std::io::Error| Error::io(path.display(), &e).with_source(e);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let compression = {
        let mut magic = Vec::new();
        let head = std::fs::File::open(path).map_err(io)?;
        head.take(4).read_to_end(&mut magic).map_err(io)?;
        SupportedCompression::check(&magic)
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    if let Some(SupportedCompression::GZIP) = compression {
        let source = ByteSourceReader::try_new(reader, compression);
        let ByteSourceReader::Gzip(mut gzip) = source.map_err(|e| super::backend(&e))? else {
            return Err(Error::unsupported("this compression"));
        };
        gzip.read_to_end(&mut bytes).map_err(io)?;
    } else {
        bytes.reserve_exact(usize::try_from(length).unwrap_or(0) + 1);
        reader.read_to_end(&mut bytes).map_err(io)?;
    }
    Ok(bytes)
}

/// One record: where it starts and ends, and how many cells it has.
#[derive(Debug, Clone, Copy)]
struct Record {
    start: usize,
    end: usize,
    n_cells: usize,
}

/// The records of a CSV text; a line break inside quotes belongs to its cell.
struct Records<'a> {
    bytes: &'a [u8],
    dialect: Dialect,
    position: usize,
    index: usize,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8], dialect: Dialect) -> Self {
        Self {
            bytes,
            dialect,
            position: 0,
            index: 0,
        }
    }

    /// The place after the quotes that close the cell that starts at `open`.
    fn after_quotes(&self, open: usize, quote: u8) -> Option<usize> {
        let mut i = open + 1;
        loop {
            i += self.bytes[i..].iter().position(|&b| b == quote)? + 1;
            if self.bytes.get(i) != Some(&quote) {
                return Some(i);
            }
            i += 1;
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.bytes.len() {
            return None;
        }
        let Dialect { separator, quote } = self.dialect;
        let start = self.position;
        let (mut i, mut n_cells, mut at_cell_start) = (start, 1, true);
        let end = loop {
            let Some(&byte) = self.bytes.get(i) else {
                self.position = i;
                break i;
            };
            if at_cell_start && Some(byte) == quote {
                let Some(after) = self.after_quotes(i, byte) else {
                    self.position = self.bytes.len();
                    let error = Error::data("a closing quote", "the end of the file");
                    return Some(Err(match self.index.checked_sub(1) {
                        Some(row) => error.in_row(row),
                        None => error,
                    }));
                };
                i = after;
                at_cell_start = false;
                continue;
            }
            i += 1;
            at_cell_start = false;
            if byte == separator {
                n_cells += 1;
                at_cell_start = true;
            } else if byte == b'\n' {
                self.position = i;
                break i - 1;
            }
        };
        self.index += 1;
        let end = if end > start && self.bytes[end - 1] == b'\r' {
            end - 1
        } else {
            end
        };
        Some(Ok(Record {
            start,
            end,
            n_cells,
        }))
    }
}

/// How many rows there are, and where the lines are that are none.
struct Rows {
    n_rows: usize,
    blank: Vec<Range<usize>>,
}

/// Counts the rows, each of which must have a cell for each column.
fn check_rows(bytes: &[u8], n_columns: usize, dialect: Dialect) -> Result<Rows> {
    let mut records = Records::new(bytes, dialect);
    // What the header has been is row -1 to the records' own count.
    records.index = 1;
    let (mut n_rows, mut blank) = (0, Vec::new());
    while let Some(record) = records.next().transpose()? {
        // An empty line is no row, unless it is the one empty cell of the one column.
        if record.end == record.start && n_columns > 1 {
            blank.push(record.start..records.position);
            continue;
        }
        if record.n_cells != n_columns {
            let cells = |n: usize| format!("{n} cell{}", if n == 1 { "" } else { "s" });
            return Err(Error::data(
                format!("{}, as the header has", cells(n_columns)),
                cells(record.n_cells),
            )
            .in_row(n_rows));
        }
        n_rows += 1;
    }
    if n_rows == 0 {
        return Err(Error::data("at least one row", "a header only"));
    }
    Ok(Rows { n_rows, blank })
}

fn without(bytes: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut start = 0;
    for range in ranges {
        kept.extend_from_slice(&bytes[start..range.start]);
        start = range.end;
    }
    kept.extend_from_slice(&bytes[start..]);
    kept
}

/// The cells of one record.
fn split(record: &[u8], dialect: Dialect) -> Vec<String> {
    let mut cells = Vec::new();
    let mut cell = Vec::new();
    let (mut quoted, mut at_cell_start) = (false, true);
    let mut bytes = record.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if Some(byte) == dialect.quote && (quoted || at_cell_start) {
            if quoted && bytes.peek() == Some(&byte) {
                bytes.next();
                cell.push(byte);
            } else {
                quoted = !quoted;
            }
            at_cell_start = false;
        } else if byte == dialect.separator && !quoted {
            cells.push(std::mem::take(&mut cell));
            at_cell_start = true;
        } else {
            cell.push(byte);
            at_cell_start = false;
        }
    }
    cells.push(cell);
    cells
        .iter()
        .map(|cell| String::from_utf8_lossy(cell).into_owned())
        .collect()
}

fn check_names(names: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    for (i, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            let found = format!("none for the column at position {i}");
            return Err(Error::data("a name for each column", found));
        }
        if !seen.insert(name.as_str()) {
            return Err(Error::new(ErrorKind::DuplicateColumn).in_column(name));
        }
    }
    Ok(())
}

fn cut(body: &[u8], names: &[String], dialect: Dialect) -> Result<DataFrame> {
    let fields = names
        .iter()
        .map(|name| Field::new(name.into(), DataType::String));
    let options = CsvReadOptions::default()
        .with_has_header(false)
        .with_schema(Some(Arc::new(fields.collect::<Schema>())))
        .with_raise_if_empty(false)
        .with_parse_options(
            CsvParseOptions::default()
                .with_separator(dialect.separator)
                .with_quote_char(dialect.quote),
        );
    options
        .into_reader_with_file_handle(Cursor::new(body))
        .finish()
        .map_err(|e| super::backend(&e))
}
