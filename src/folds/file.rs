//! Plans to and from a file.

use std::fs;
use std::io::BufWriter;
use std::path::Path;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FoldPlan, Folds, PlanKind, Split};
use crate::error::{Error, Result};

const FIRST_LINE: &str = "# stackfold fold plan 1";
const CHECKSUM: &str = "# checksum ";
const TRAIN: &str = "train";
const VALIDATION: &str = "validation";

/// As the text that [`FoldPlan::write`] writes, its checksum with it.
impl Serialize for FoldPlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text().map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for FoldPlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Self::from_text(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl FoldPlan {
    /// A number that depends on each row's place in each split: FNV-1a, 64 bits.
    ///
    /// Two plans are the same in practice if their checksums are; it does not depend on the
    /// machine.
    ///
    /// ```
    /// use stackfold::folds::{FoldPlan, Folds};
    /// let plan = FoldPlan::from_partitions(vec![Folds::new(vec![0, 1, 0], 2)?])?;
    /// let other = FoldPlan::from_partitions(vec![Folds::new(vec![0, 1, 1], 2)?])?;
    /// assert_eq!(plan.checksum(), plan.clone().checksum());
    /// assert_ne!(plan.checksum(), other.checksum());
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut hash = Fnv::new();
        hash.number(self.n_rows as u64);
        match &self.kind {
            PlanKind::Partitions(partitions) => {
                hash.number(0);
                for folds in partitions {
                    hash.number(folds.n_folds() as u64);
                    for &fold in folds.fold_of_row() {
                        hash.number(u64::from(fold));
                    }
                }
            }
            PlanKind::Splits(splits) => {
                hash.number(1);
                for split in splits {
                    for side in [split.train(), split.validation()] {
                        hash.number(side.len() as u64);
                        for &row in side {
                            hash.number(u64::from(row));
                        }
                    }
                }
            }
        }
        hash.0
    }

    /// Writes the plan to a file; [`FoldPlan::read`] gives it back.
    ///
    /// The file is text. Its first line is `# stackfold fold plan 1`; then come lines of a CSV
    /// table, and last `# checksum` with the plan's [`FoldPlan::checksum`] in 16 hexadecimal digits.
    /// The table's header is `row` and a column for each partition (`partition_0` …), whose cells
    /// are fold numbers, or for each split (`split_0` …), whose cells are `train`, `validation` or
    /// empty; each row has a line, in order. The file is written beside its place and then moved
    /// there, so that a plan is there whole or not at all.
    ///
    /// ```
    /// use stackfold::folds::{FoldPlan, Folds};
    /// let plan = FoldPlan::from_partitions(vec![Folds::new(vec![0, 1, 0], 2)?])?;
    /// let path = std::env::temp_dir().join("stackfold_doc_plan.csv");
    /// plan.write(&path)?;
    /// let text = std::fs::read_to_string(&path).unwrap();
    /// assert!(text.starts_with("# stackfold fold plan 1\nrow,partition_0\n0,0\n1,1\n2,0\n"));
    /// assert_eq!(FoldPlan::read(&path)?, plan);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(name);
        let written = fs::File::create(&part)
            .and_then(|file| {
                let mut out = BufWriter::new(file);
                self.write_to(&mut out)?;
                out.into_inner()?.sync_all()
            })
            .and_then(|()| fs::rename(&part, path));
        written.map_err(|error| {
            // What is left of the attempt is of no use; that it cannot be removed changes nothing.
            let _ = fs::remove_file(&part);
            Error::io(path.display(), &error).with_source(error)
        })
    }

    /// Reads a plan that [`FoldPlan::write`] wrote.
    ///
    /// # Errors
    /// If the file cannot be read, is no fold plan, is cut short, or does not match its checksum;
    /// the error names the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes =
            fs::read(path).map_err(|error| Error::io(path.display(), &error).with_source(error))?;
        let text = str::from_utf8(&bytes).map_err(|_| damaged("bytes that are no text"));
        text.and_then(Self::from_text)
            .map_err(|error| error.in_file(path.display()))
    }

    /// What [`FoldPlan::write`] writes.
    fn to_text(&self) -> std::io::Result<String> {
        let mut text = Vec::new();
        self.write_to(&mut text)?;
        String::from_utf8(text).map_err(std::io::Error::other)
    }

    fn write_to(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let (kind, columns): (&str, Vec<Vec<String>>) = match &self.kind {
            PlanKind::Partitions(partitions) => {
                let cells =
                    |folds: &Folds| folds.fold_of_row().iter().map(u16::to_string).collect();
                ("partition", partitions.iter().map(cells).collect())
            }
            PlanKind::Splits(splits) => {
                let cells = |split: &Split| {
                    let mut cells = vec![String::new(); self.n_rows];
                    for (name, side) in [(TRAIN, split.train()), (VALIDATION, split.validation())] {
                        for &row in side {
                            name.clone_into(&mut cells[row as usize]);
                        }
                    }
                    cells
                };
                ("split", splits.iter().map(cells).collect())
            }
        };
        write!(out, "{FIRST_LINE}\nrow")?;
        for i in 0..columns.len() {
            write!(out, ",{kind}_{i}")?;
        }
        for row in 0..self.n_rows {
            write!(out, "\n{row}")?;
            for cells in &columns {
                write!(out, ",{}", cells[row])?;
            }
        }
        writeln!(out, "\n{CHECKSUM}{:016x}", self.checksum())
    }

    fn from_text(text: &str) -> Result<Self> {
        let (first, body) = text.split_once('\n').unwrap_or((text, ""));
        if first != FIRST_LINE {
            return Err(Error::data(
                format!("a fold plan, whose first line is {FIRST_LINE:?}"),
                format!("{first:?}"),
            ));
        }
        let mut lines: Vec<&str> = body.lines().collect();
        let checksum = lines
            .pop()
            .and_then(|last| last.strip_prefix(CHECKSUM))
            .filter(|digits| digits.len() == 16)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(checksum) = checksum else {
            return Err(Error::data(
                "a whole fold plan, with a checksum in its last line",
                "one that is cut short",
            ));
        };
        let plan = Self::from_lines(&lines)?;
        if plan.checksum() != checksum {
            return Err(damaged(format!(
                "a plan with checksum {:016x} under checksum {checksum:016x}",
                plan.checksum()
            )));
        }
        Ok(plan)
    }

    fn from_lines(lines: &[&str]) -> Result<Self> {
        let Some((header, lines)) = lines.split_first() else {
            return Err(damaged("no header"));
        };
        let names: Vec<&str> = header.split(',').skip(1).collect();
        let mut cells: Vec<Vec<&str>> = vec![Vec::with_capacity(lines.len()); names.len()];
        for (row, line) in lines.iter().enumerate() {
            let mut parts = line.split(',');
            if parts.next().and_then(|part| part.parse().ok()) != Some(row) {
                return Err(damaged(format!("{line:?}")).in_row(row));
            }
            for column in &mut cells {
                match parts.next() {
                    Some(cell) => column.push(cell),
                    None => return Err(damaged("too few cells").in_row(row)),
                }
            }
            if parts.next().is_some() {
                return Err(damaged("too many cells").in_row(row));
            }
        }
        if names.iter().all(|name| name.starts_with("partition_")) {
            let partitions = cells.iter().map(|column| read_partition(column));
            Self::from_partitions(partitions.collect::<Result<_>>()?)
        } else if names.iter().all(|name| name.starts_with("split_")) {
            let splits = cells.iter().map(|column| read_split(column));
            Self::from_splits(splits.collect::<Result<_>>()?, lines.len())
        } else {
            Err(damaged(format!("header {header:?}")))
        }
    }
}

fn read_partition(cells: &[&str]) -> Result<Folds> {
    let fold_of_row = cells
        .iter()
        .enumerate()
        .map(|(row, cell)| {
            cell.parse()
                .map_err(|_| damaged(format!("fold {cell:?}")).in_row(row))
        })
        .collect::<Result<Vec<u16>>>()?;
    let last = fold_of_row.iter().max().copied().unwrap_or_default();
    Folds::new(fold_of_row, last.saturating_add(1))
}

fn read_split(cells: &[&str]) -> Result<Split> {
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for (row, &cell) in (0_u32..).zip(cells) {
        match cell {
            TRAIN => train.push(row),
            VALIDATION => validation.push(row),
            "" => {}
            other => return Err(damaged(format!("side {other:?}")).in_row(row as usize)),
        }
    }
    Split::new(train, validation, cells.len())
}

fn damaged(found: impl std::fmt::Display) -> Error {
    Error::data("an undamaged fold plan", found)
}

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn number(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
