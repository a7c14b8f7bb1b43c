//! CSV files read block by block: cells go from bytes to the narrowest columns that hold them, and
//! neither the file nor its texts are in memory as a whole.
//!
//! [`blocks`] reads whole records, [`cells`] cuts them, [`column`] makes parts of columns of them,
//! and [`grow`] puts the parts together. A block's tiles are worked on in parallel, the columns are
//! extended in the order of the rows.

mod blocks;
mod bytes;
mod cells;
mod column;
mod grow;
mod number;

use std::collections::HashSet;
use std::io::{BufReader, Read};
use std::path::Path;

use polars::io::utils::compression::{ByteSourceReader, SupportedCompression};
use rayon::prelude::*;

use self::blocks::{Block, Blocks, Sizes};
use self::cells::{Cells, not_utf8};
use self::column::{ColumnReader, Part};
use crate::data::Column;
use crate::data::parse::{MissingCounts, TextRules};
use crate::error::{Error, ErrorKind, Result};

/// How cells are set apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    pub(super) quote: Option<u8>,
}

/// Names and columns, and why cells are missing, column by column.
type Columns = (Vec<(String, Column)>, Vec<MissingCounts>);

/// The columns of a file; `rules_of` gives the rules for each of the names in the header.
pub(super) fn read_columns(
    path: &Path,
    dialect: Dialect,
    rules_of: impl Fn(&[String]) -> Result<Vec<TextRules>>,
) -> Result<Columns> {
    read_with(path, dialect, Sizes::default(), rules_of)
}

fn read_with(
    path: &Path,
    dialect: Dialect,
    sizes: Sizes,
    rules_of: impl Fn(&[String]) -> Result<Vec<TextRules>>,
) -> Result<Columns> {
    let file = File {
        path,
        dialect,
        sizes,
    };
    let (mut blocks, names) = file.open()?;
    let rules = rules_of(&names)?;
    let places = rules.iter().enumerate();
    let mut readers: Vec<_> = places.map(|(i, r)| ColumnReader::new(i, r)).collect();
    if file.scan(&mut blocks, names.len(), &mut readers)? == 0 {
        return Err(Error::data("at least one row", "a header only"));
    }
    drop(blocks);
    loop {
        let again = readers.iter().filter_map(ColumnReader::restarted);
        let mut again: Vec<_> = again.collect();
        if again.is_empty() {
            break;
        }
        let (mut blocks, _) = file.open()?;
        file.scan(&mut blocks, names.len(), &mut again)?;
        for reader in again {
            let place = reader.place;
            readers[place] = reader;
        }
    }
    let finished = readers.into_par_iter().zip(&names).map(|(reader, name)| {
        let (column, missing) = reader.finish().map_err(|e| e.in_column(name))?;
        Ok(((name.clone(), column), missing))
    });
    // The first error by column, whichever came first.
    let finished = finished.collect::<Vec<Result<_>>>();
    finished.into_iter().collect()
}

struct File<'a> {
    path: &'a Path,
    dialect: Dialect,
    sizes: Sizes,
}

impl File<'_> {
    fn io(&self, error: std::io::Error) -> Error {
        Error::io(self.path.display(), &error).with_source(error)
    }

    /// The blocks after the header, and the names in it.
    fn open(&self) -> Result<(Blocks, Vec<String>)> {
        let source = self.source()?;
        let blocks = Blocks::new(source, self.dialect, self.sizes);
        let mut blocks = blocks.map_err(|e| self.io(e))?;
        let Some(header) = blocks.header().map_err(|e| self.io(e))? else {
            return Err(Error::data(
                "a header and at least one row",
                "an empty file",
            ));
        };
        if let Err(error) = std::str::from_utf8(&header) {
            return Err(not_utf8(header[error.valid_up_to()]));
        }
        let names = split(&header, self.dialect)?;
        check_names(&names)?;
        Ok((blocks, names))
    }

    /// The file's bytes, unpacked.
    fn source(&self) -> Result<Box<dyn Read + Send>> {
        let io = |e| self.io(e);
        let mut magic = Vec::new();
        let head = std::fs::File::open(self.path).map_err(io)?;
        head.take(4).read_to_end(&mut magic).map_err(io)?;
        let file = std::fs::File::open(self.path).map_err(io)?;
        let compression = SupportedCompression::check(&magic);
        if !matches!(compression, Some(SupportedCompression::GZIP)) {
            return Ok(Box::new(file));
        }
        let packed = BufReader::with_capacity(1 << 16, file);
        match ByteSourceReader::try_new(packed, compression).map_err(|e| super::backend(&e))? {
            ByteSourceReader::Gzip(unpacked) => Ok(Box::new(unpacked)),
            _ => Err(Error::unsupported("this compression")),
        }
    }

    /// How many bytes the file has if it is not compressed.
    fn n_bytes(&self) -> u64 {
        std::fs::metadata(self.path).map_or(0, |metadata| metadata.len())
    }

    /// Adds all rows to the readers; how many there are.
    fn scan(
        &self,
        blocks: &mut Blocks,
        n_columns: usize,
        readers: &mut [ColumnReader<'_>],
    ) -> Result<usize> {
        let (mut n_rows, mut n_done) = (0, 0);
        let mut block = blocks.next().map_err(|e| self.io(e))?;
        while let Some(current) = block {
            n_done += current.bytes.len();
            let work = || self.add(&current, n_columns, readers, n_rows);
            let (added, next) = rayon::join(work, || blocks.next());
            n_rows += added?;
            block = next.map_err(|e| self.io(e))?;
            let estimate = n_rows as f64 * (self.n_bytes() as f64 / n_done as f64);
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an estimate"
            )]
            let estimate = (1.01 * estimate) as usize + 64;
            for reader in &mut *readers {
                reader.expect(estimate);
            }
        }
        Ok(n_rows)
    }

    /// Adds the rows of a block, which come after `n_before` others; how many these are.
    fn add(
        &self,
        block: &Block,
        n_columns: usize,
        readers: &mut [ColumnReader<'_>],
        n_before: usize,
    ) -> Result<usize> {
        let tiles = block.tiles.par_iter().map_init(Vec::new, |room, tile| {
            let bytes = &block.bytes[tile.clone()];
            let cells = Cells::cut(bytes, n_columns, self.dialect, room)?;
            let parts = readers.iter().map(|r| r.part(cells.column(r.place)));
            Ok((cells.n_rows(), parts.collect()))
        });
        let tiles: Vec<Result<(usize, Vec<Part>)>> = tiles.collect();
        let mut n_rows = n_before;
        let room = || Vec::with_capacity(tiles.len());
        let mut parts: Vec<Vec<(usize, Part)>> = readers.iter().map(|_| room()).collect();
        for tile in tiles {
            let (n, of_tile) = tile.map_err(|e| e.after_rows(n_rows))?;
            for (parts, part) in parts.iter_mut().zip(of_tile) {
                parts.push((n_rows, part));
            }
            n_rows += n;
        }
        readers.par_iter_mut().zip(parts).for_each(|(reader, parts)| {
            for (first_row, part) in parts {
                reader.add(part, first_row);
            }
        });
        Ok(n_rows - n_before)
    }
}

/// The cells of the header.
fn split(header: &[u8], dialect: Dialect) -> Result<Vec<String>> {
    let mut cells = Vec::new();
    let mut cell = Vec::new();
    let (mut is_open, mut at_start) = (false, true);
    let mut bytes = header.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if Some(byte) == dialect.quote && (is_open || at_start) {
            if is_open && bytes.peek() == Some(&byte) {
                bytes.next();
                cell.push(byte);
            } else {
                is_open = !is_open;
            }
            at_start = false;
        } else if byte == dialect.separator && !is_open {
            cells.push(std::mem::take(&mut cell));
            at_start = true;
        } else {
            cell.push(byte);
            at_start = false;
        }
    }
    if is_open {
        return Err(Error::data("a closing quote", "the end of the file"));
    }
    cells.push(cell);
    let text = |cell: &Vec<u8>| String::from_utf8_lossy(cell).into_owned();
    Ok(cells.iter().map(text).collect())
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
