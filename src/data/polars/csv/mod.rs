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

use polars_io::utils::compression::{ByteSourceReader, SupportedCompression};
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
pub(super) type Columns = (Vec<(String, Column)>, Vec<MissingCounts>);

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
        readers
            .par_iter_mut()
            .zip(parts)
            .for_each(|(reader, parts)| {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::data::ColumnKind;
    use crate::data::parse::{DateFormat, Infinities};

    /// Room for one record at a time, or for a few, or for all of them.
    const SIZES: [(usize, usize); 5] = [(1, 1), (7, 3), (64, 16), (300, 64), (1 << 20, 1 << 17)];

    struct Written(PathBuf);

    impl Written {
        fn new(bytes: &[u8]) -> Self {
            static NUMBER: AtomicUsize = AtomicUsize::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("stackfold_csv_{}_{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, bytes).unwrap();
            Self(path)
        }

        fn read(&self, (block, tile): (usize, usize), rules: &[TextRules]) -> Result<Columns> {
            let dialect = Dialect {
                separator: b',',
                quote: Some(b'"'),
            };
            let sizes = Sizes { block, tile };
            read_with(&self.0, dialect, sizes, |names| {
                assert_eq!(names.len(), rules.len());
                Ok(rules.to_vec())
            })
        }
    }

    impl Drop for Written {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn written(cells: &[Vec<String>], line_break: &str, quote_all: bool) -> Vec<u8> {
        let mut text = String::new();
        let names: Vec<String> = (0..cells[0].len()).map(|j| format!("c{j}")).collect();
        for record in std::iter::once(&names).chain(cells) {
            let quoted = record.iter().map(|cell| {
                let is_special = cell.contains(['"', ',', '\n', '\r']) || record.len() == 1;
                if quote_all || is_special {
                    format!("\"{}\"", cell.replace('"', "\"\""))
                } else {
                    cell.clone()
                }
            });
            text += &quoted.collect::<Vec<_>>().join(",");
            text += line_break;
        }
        text.into_bytes()
    }

    /// What is found by the rules from all texts of each column.
    fn expected(cells: &[Vec<String>], rules: &[TextRules]) -> Result<Vec<String>> {
        let parse = |(j, rules): (usize, &TextRules)| {
            let texts = cells.iter().map(|record| record[j].as_str());
            let parsed = rules.parse(texts.map(|text| (!text.is_empty()).then_some(text)));
            let parsed = parsed.map_err(|e| e.in_column(format!("c{j}")))?;
            Ok(format!("{parsed:?}"))
        };
        rules.iter().enumerate().map(parse).collect()
    }

    fn shown((columns, missing): Columns) -> Vec<String> {
        let pairs = columns.into_iter().zip(missing);
        pairs
            .map(|((_, column), missing)| format!("{:?}", (column, missing)))
            .collect()
    }

    fn check(cells: &[Vec<String>], rules: &[TextRules], line_break: &str, quote_all: bool) {
        let file = Written::new(&written(cells, line_break, quote_all));
        let expected = expected(cells, rules).map_err(|e| e.to_string());
        for sizes in SIZES {
            let found = file.read(sizes, rules).map(shown);
            assert_eq!(found.map_err(|e| e.to_string()), expected, "{sizes:?}");
        }
    }

    /// Texts of one column: mostly of one sort, with a surprise now and then.
    fn column() -> impl Strategy<Value = Vec<String>> {
        let sorts = [
            "-?[0-9]{1,2}",
            "-?[1-9][0-9]{0,9}",
            "[1-9][0-9]{14,18}",
            "-?[0-9]{1,9}\\.[0-9]{0,8}",
            "[+-]?[0-9]{0,3}(\\.[0-9])?(e[0-9])?",
            "[1-9][0-9]{0,2},[0-9]{3}",
            "0[0-9]{1,3}",
            "[ab]{1,2}",
            "[a-cé\",\n ]{0,20}",
            "(true|false|True)",
            "2014-0[1-9]-[0-3][0-9]",
            "2014-0[1-9]-1[0-9]",
            "2014-03-0[1-9]( 1[0-9]:05(:0[0-9](\\.25)?)?)?",
            "(NA|NaN|null|)",
            "(-1|-1\\.0| -1 |999)",
            "(inf|0\\.5|-0|-0\\.0|16777217|4294967296)",
        ];
        let sort = 0..sorts.len();
        (sort.clone(), sort, 0..12_u32).prop_flat_map(move |(usual, odd, rarity)| {
            proptest::collection::vec(
                prop_oneof![
                    30 => sorts[usual],
                    rarity => sorts[odd],
                    3 => "(NA|)",
                ],
                24,
            )
        })
    }

    fn rules() -> impl Strategy<Value = TextRules> {
        let plain = || TextRules::new();
        let missing = TextRules::new().with_infinities(Infinities::AsMissing);
        let format = DateFormat::new("%Y-%m-%d").unwrap();
        prop_oneof![
            8 => Just(plain()),
            2 => Just(missing.with_sentinels(["-1", "-1.0", "0.5"])),
            1 => Just(plain().with_thousands_separator(None)),
            1 => Just(plain().with_kind(ColumnKind::Numeric)),
            1 => Just(plain().with_kind(ColumnKind::Categorical)),
            1 => Just(plain().with_kind(ColumnKind::Boolean)),
            1 => Just(plain().with_kind(ColumnKind::Datetime)),
            1 => Just(plain().with_date_format(format)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn a_file_in_blocks_is_what_the_rules_make_of_its_texts(
            columns in proptest::collection::vec((column(), rules()), 1..5),
            n_rows in 1_usize..25,
            line_break in prop_oneof![Just("\n"), Just("\r\n")],
            quote_all in proptest::bool::ANY,
        ) {
            let record = |i: usize| columns.iter().map(|(texts, _)| texts[i].clone()).collect();
            let cells: Vec<Vec<String>> = (0..n_rows).map(record).collect();
            let rules: Vec<TextRules> = columns.iter().map(|(_, rules)| rules.clone()).collect();
            check(&cells, &rules, line_break, quote_all);
        }

        #[test]
        fn any_bytes_give_the_same_in_blocks_of_any_size(
            body in "[ab0-9,\"\n\r é]{0,60}",
            has_mark in proptest::bool::ANY,
        ) {
            let mark = if has_mark { "\u{feff}" } else { "" };
            let file = Written::new(format!("{mark}x,y\n{body}").as_bytes());
            let rules = [TextRules::new(), TextRules::new()];
            let found = SIZES.map(|sizes| {
                file.read(sizes, &rules).map(shown).map_err(|e| e.to_string())
            });
            prop_assert!(found.iter().all(|f| *f == found[0]), "{found:#?}");
        }
    }

    /// What the first rows are is no longer so later on.
    #[test]
    fn late_surprises_are_met() {
        let rules = [TextRules::new()];
        for surprise in [
            "x",
            "0.1",
            "12345678901234567",
            "2014-03-04",
            "2014-03-04 10:00",
            "07",
            "",
        ] {
            for usual in [
                "5",
                "1.5",
                "2014-03-03",
                "2014-03-03T10:00",
                "true",
                "a",
                "NA",
            ] {
                let mut cells = vec![vec![usual.to_owned()]; 40];
                cells[31][0] = surprise.to_owned();
                check(&cells, &rules, "\n", false);
            }
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_name_their_row() {
        let rules = [TextRules::new(), TextRules::new()];
        let file = Written::new(b"a,b\n1,2\n\n\"x\ny\",4\n5,\xff\n");
        for sizes in SIZES {
            let error = file.read(sizes, &rules).unwrap_err();
            assert_eq!(error.row(), Some(2), "{sizes:?}: {error}");
        }
    }
}
