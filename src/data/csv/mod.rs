//! CSV files read block by block: cells go from bytes to the narrowest columns that hold them, and
//! neither the file nor its texts are in memory as a whole.
//!
//! [`source`] unpacks and decodes, [`blocks`] reads whole records, [`header`] names the columns,
//! [`cells`] cuts records, and the column readers of [`parse`](crate::data::parse) make columns of
//! them. A block's tiles are worked on in parallel, the columns are extended in the order of the rows.

mod blocks;
mod bytes;
mod cells;
mod header;
mod source;
mod write;

use self::blocks::{Block, Blocks, Sizes};
use self::cells::Cells;
use self::header::Header;
use crate::data::parse::{ColumnReader, Part, ReadColumn, TextRules};
use crate::data::{Note, Role};
use crate::error::{Error, Result};
use crate::parallel;

pub(crate) use self::source::Source;
#[cfg(feature = "polars")]
pub(crate) use self::write::{temporary_beside, write_whole};
pub use self::write::{write_csv, write_features_csv};

/// How cells are set apart, and what stands before them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) separator: u8,
    /// Whether the separator was asked for.
    pub(crate) is_separator_given: bool,
    pub(crate) quote: Option<u8>,
    pub(crate) n_skipped_lines: usize,
}

/// The columns of a file, and what was met on the way to them.
#[derive(Debug)]
pub(crate) struct CsvColumns {
    pub(crate) columns: Vec<(String, ReadColumn)>,
    /// The role of a column that names the rows.
    pub(crate) index: Option<(String, Role)>,
    pub(crate) notes: Vec<Note>,
}

/// The columns of a file; `rules_of` gives the rules for each of the names in the header, and is given
/// which of them names the rows.
pub(crate) fn read_columns(
    source: Source<'_>,
    dialect: Dialect,
    encoding: Option<&str>,
    rules_of: impl Fn(&[String], Option<&str>) -> Result<Vec<TextRules>>,
) -> Result<CsvColumns> {
    let file = File {
        source,
        dialect,
        encoding,
        sizes: Sizes::default(),
    };
    file.read(rules_of)
}

struct File<'a> {
    source: Source<'a>,
    dialect: Dialect,
    encoding: Option<&'a str>,
    sizes: Sizes,
}

impl<'a> File<'a> {
    fn io(&self, error: std::io::Error) -> Error {
        self.source.error(error)
    }

    fn read(
        &self,
        rules_of: impl Fn(&[String], Option<&str>) -> Result<Vec<TextRules>>,
    ) -> Result<CsvColumns> {
        let (mut blocks, mut header) = self.open()?;
        let index = header.index.as_ref().map(|(name, _)| name.as_str());
        let rules = rules_of(&header.names, index)?;
        for (rules, name) in rules.iter().zip(&header.names) {
            rules.check().map_err(|e| e.in_column(name))?;
        }
        let places = rules.iter().enumerate();
        let mut readers: Vec<_> = places.map(|(i, r)| ColumnReader::new(i, r)).collect();
        let found = self.scan(&mut blocks, &header, &mut readers)?;
        if found.n_rows == 0 {
            return Err(Error::data("at least one row", "a header only"));
        }
        if let Some(row) = found.repeated_headers.first() {
            header.notes.push(Note::new(format!(
                "the header stands {} more in the file, first before row {row}, and is left out there",
                match found.repeated_headers.len() {
                    1 => "once".to_owned(),
                    n => format!("{n} times"),
                }
            )));
        }
        drop(blocks);
        loop {
            let again = readers.iter().filter_map(ColumnReader::restarted);
            let mut again: Vec<_> = again.collect();
            if again.is_empty() {
                break;
            }
            let (mut blocks, _) = self.open()?;
            self.scan(&mut blocks, &header, &mut again)?;
            for reader in again {
                let place = reader.place;
                readers[place] = reader;
            }
        }
        let finished = readers.into_iter().zip(&header.names);
        let finished = parallel::map(finished, |_, (reader, name)| {
            let column = reader.finish().map_err(|e| e.in_column(name))?;
            Ok((name.clone(), column))
        });
        // The first error by column, whichever came first.
        Ok(CsvColumns {
            columns: finished.into_iter().collect::<Result<_>>()?,
            index: header.index,
            notes: header.notes,
        })
    }

    /// The blocks after the header, and the header.
    fn open(&self) -> Result<(Blocks<'a>, Header)> {
        /// So many records tell whether they have a cell more than the header has names.
        const RECORDS: usize = 5;
        let source = source::open(self.source, self.encoding)?;
        let io = |e| self.io(e);
        let mut blocks = Blocks::new(source, self.dialect, self.sizes).map_err(io)?;
        let Some(line) = blocks.header().map_err(io)? else {
            return Err(Error::data(
                "a header and at least one row",
                "an empty file",
            ));
        };
        let records = blocks.peek(RECORDS).map_err(io)?;
        let records = records.iter().filter(|record| !record.is_empty());
        // What is wrong with a record is told when it is its turn.
        let records = records.filter_map(|record| header::split(record, self.dialect).ok());
        let header = Header::new(&line, &records.collect::<Vec<_>>(), self.dialect)?;
        Ok((blocks, header))
    }

    /// Adds all rows to the readers; how many there are.
    fn scan(
        &self,
        blocks: &mut Blocks<'_>,
        header: &Header,
        readers: &mut [ColumnReader<'_>],
    ) -> Result<Scanned> {
        let (mut found, mut n_done) = (Scanned::default(), 0);
        let mut block = blocks.next().map_err(|e| self.io(e))?;
        while let Some(current) = block {
            n_done += current.bytes.len();
            let work = || self.add(&current, header, readers, &mut found);
            let (added, next) = rayon::join(work, || blocks.next());
            added?;
            block = next.map_err(|e| self.io(e))?;
            let estimate = found.n_rows as f64 * (self.source.n_bytes() as f64 / n_done as f64);
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
        Ok(found)
    }

    /// Adds the rows of a block, which come after those found before.
    fn add(
        &self,
        block: &Block,
        header: &Header,
        readers: &mut [ColumnReader<'_>],
        found: &mut Scanned,
    ) -> Result<()> {
        let tiles = parallel::map_with(Vec::new, &block.tiles, |room, _, tile| {
            let bytes = &block.bytes[tile.clone()];
            let cells = Cells::cut(bytes, header, self.dialect, room)?;
            let parts = readers.iter().map(|r| r.part(cells.column(r.place)));
            Ok(Tile {
                n_rows: cells.n_rows(),
                parts: parts.collect(),
                repeated_headers: cells.repeated_headers,
            })
        });
        let room = || Vec::with_capacity(tiles.len());
        let mut parts: Vec<Vec<(usize, Part)>> = readers.iter().map(|_| room()).collect();
        for tile in tiles {
            let first_row = found.n_rows;
            let tile = tile.map_err(|e: Error| e.after_rows(first_row))?;
            for (parts, part) in parts.iter_mut().zip(tile.parts) {
                parts.push((first_row, part));
            }
            let repeated = tile.repeated_headers.iter().map(|row| first_row + row);
            found.repeated_headers.extend(repeated);
            found.n_rows += tile.n_rows;
        }
        parallel::for_each(readers.iter_mut().zip(parts), |_, (reader, parts)| {
            for (first_row, part) in parts {
                reader.add(part, first_row);
            }
        });
        Ok(())
    }
}

/// What a file was found to hold, besides its columns.
#[derive(Debug, Default)]
struct Scanned {
    n_rows: usize,
    repeated_headers: Vec<usize>,
}

/// What the records of a tile are.
struct Tile {
    n_rows: usize,
    parts: Vec<Part>,
    repeated_headers: Vec<usize>,
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

        fn read(&self, (block, tile): (usize, usize), rules: &[TextRules]) -> Result<CsvColumns> {
            let dialect = Dialect {
                separator: b',',
                is_separator_given: false,
                quote: Some(b'"'),
                n_skipped_lines: 0,
            };
            let file = File {
                source: Source::File(&self.0),
                dialect,
                encoding: None,
                sizes: Sizes { block, tile },
            };
            // There may be a column more than there are names.
            let more = std::iter::repeat(&rules[0]);
            file.read(|names, _| {
                Ok(rules
                    .iter()
                    .chain(more.clone())
                    .take(names.len())
                    .cloned()
                    .collect())
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
            let parsed = rules.read(texts.map(|text| (!text.is_empty()).then_some(text)));
            let parsed = parsed.map_err(|e| e.in_column(format!("c{j}")))?;
            Ok(format!("{parsed:?}"))
        };
        rules.iter().enumerate().map(parse).collect()
    }

    fn shown(read: CsvColumns) -> Vec<String> {
        let columns = read.columns.into_iter();
        columns.map(|(_, column)| format!("{column:?}")).collect()
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
