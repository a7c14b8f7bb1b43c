//! From files and frames to tables.

use std::path::Path;
use std::sync::Arc;

use polars_core::prelude::DataFrame;
use rayon::prelude::*;
use regex::Regex;

use super::csv::{self, Dialect, read_columns};
use super::frame::{column_of_arrays, column_of_series};
use super::ipc::IpcFile;
use super::parquet::ParquetFile;
use crate::data::parse::{DateFormat, Infinities, MISSING_TEXTS, MissingCounts, TextRules};
use crate::data::summary::Summary;
use crate::data::{Column, ColumnKind, Role, Schema, Table};
use crate::error::{Error, ErrorKind, Result};

/// A table, and why its cells are missing, column by column.
type Parsed = (Table, Vec<MissingCounts>);

/// The columns that an option of a [`TableReader`] is for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Columns {
    /// All columns.
    All,
    /// The columns with these names; each must be there.
    Names(Vec<String>),
    /// The columns whose name begins with this text.
    Prefix(String),
    /// The columns whose name matches.
    Matching(Regex),
}

impl Columns {
    /// The columns with these names.
    #[must_use]
    pub fn names<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::Names(names.into_iter().map(Into::into).collect())
    }

    /// The columns whose name begins with this text.
    #[must_use]
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self::Prefix(prefix.into())
    }

    /// The columns whose name matches a regular expression (syntax of the `regex` crate).
    ///
    /// # Errors
    /// If it is not one.
    pub fn matching(pattern: &str) -> Result<Self> {
        let expected = "a regular expression";
        Regex::new(pattern).map(Self::Matching).map_err(|e| {
            Error::parameter("columns", expected, format!("{pattern:?}")).with_source(e)
        })
    }

    fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.iter().any(|n| n == name),
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Self::Matching(regex) => regex.is_match(name),
        }
    }
}

impl From<&str> for Columns {
    fn from(name: &str) -> Self {
        Self::Names(vec![name.to_owned()])
    }
}

/// What becomes of columns that look like identifiers
/// ([`ColumnSummary::is_identifier`](crate::data::summary::ColumnSummary::is_identifier)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Identifiers {
    /// They stay features; the summary says what they look like.
    #[default]
    AsFeatures,
    /// They get the role [`Role::Id`], unless a role is given by name.
    AsIds,
}

/// Reads tables from CSV, Parquet and IPC files and from frames.
///
/// Cells of CSV files are read as texts, and kinds are inferred from all cells of a column by the
/// rules of [`parse`](crate::data::parse); columns of frames, Parquet and IPC files have the kind
/// of their type (texts are categorical). [`TableReader::with_kind`] overrides either. Null, NaN
/// and sentinels all become missing cells; a [`Summary`] says which it was.
///
/// Rows in errors are counted from 0, the header and empty lines aside.
///
/// Cells go straight into the narrowest columns: a CSV file is read block by block, Parquet and IPC
/// files some columns at a time, so that at the peak there is little more in memory than the table.
#[derive(Debug, Clone)]
pub struct TableReader {
    separator: Option<u8>,
    quote: Option<u8>,
    kinds: Vec<(Columns, ColumnKind)>,
    roles: Vec<(String, Role)>,
    missing: Vec<String>,
    sentinels: Vec<(Columns, Vec<String>)>,
    date_formats: Vec<(Columns, DateFormat)>,
    thousands: Option<char>,
    infinities: Infinities,
    identifiers: Identifiers,
    schema: Option<Arc<Schema>>,
}

impl Default for TableReader {
    fn default() -> Self {
        Self {
            separator: None,
            quote: Some(b'"'),
            kinds: Vec::new(),
            roles: Vec::new(),
            missing: MISSING_TEXTS.map(str::to_owned).to_vec(),
            sentinels: Vec::new(),
            date_formats: Vec::new(),
            thousands: Some(','),
            infinities: Infinities::Refuse,
            identifiers: Identifiers::AsFeatures,
            schema: None,
        }
    }
}

impl TableReader {
    /// A reader that infers all kinds, and takes each column for a feature.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The separator of cells in a CSV file; by default `,`, and a tab if the file's name ends in
    /// `.tsv`.
    #[must_use]
    pub fn with_separator(mut self, separator: u8) -> Self {
        self.separator = Some(separator);
        self
    }

    /// The quote around cells in a CSV file, or none; `"` by default.
    #[must_use]
    pub fn with_quote(mut self, quote: Option<u8>) -> Self {
        self.quote = quote;
        self
    }

    /// The kind of some columns, in place of the inferred one; the last one given counts.
    #[must_use]
    pub fn with_kind(mut self, columns: impl Into<Columns>, kind: ColumnKind) -> Self {
        self.kinds.push((columns.into(), kind));
        self
    }

    /// The role of a column.
    #[must_use]
    pub fn with_role(mut self, column: impl Into<String>, role: Role) -> Self {
        self.roles.push((column.into(), role));
        self
    }

    /// The texts that stand for a missing cell in any column, in place of [`MISSING_TEXTS`].
    #[must_use]
    pub fn with_missing<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.missing = texts.into_iter().map(Into::into).collect();
        self
    }

    /// Values that stand for a missing cell in some columns: texts, and numbers written as texts.
    ///
    /// See [`TextRules::with_sentinels`] for what equals a sentinel.
    #[must_use]
    pub fn with_sentinels<T: Into<String>>(
        mut self,
        columns: impl Into<Columns>,
        sentinels: impl IntoIterator<Item = T>,
    ) -> Self {
        let sentinels = sentinels.into_iter().map(Into::into).collect();
        self.sentinels.push((columns.into(), sentinels));
        self
    }

    /// How the dates in some columns are written; these become dates, or datetimes if the format
    /// has hours.
    #[must_use]
    pub fn with_date_format(mut self, columns: impl Into<Columns>, format: DateFormat) -> Self {
        self.date_formats.push((columns.into(), format));
        self
    }

    /// The separator of thousands in numbers, or none; `,` by default.
    #[must_use]
    pub fn with_thousands_separator(mut self, separator: Option<char>) -> Self {
        self.thousands = separator;
        self
    }

    /// What becomes of infinite numbers; an error by default.
    #[must_use]
    pub fn with_infinities(mut self, infinities: Infinities) -> Self {
        self.infinities = infinities;
        self
    }

    /// What becomes of columns that look like identifiers.
    #[must_use]
    pub fn with_identifiers(mut self, identifiers: Identifiers) -> Self {
        self.identifiers = identifiers;
        self
    }

    /// Reads as another table was read: its columns give kinds and roles, wherever they stand.
    ///
    /// A cell that does not have the kind is an error. Columns that the table lacks are read as
    /// ever; columns that are absent are left to whoever needs them.
    #[must_use]
    pub fn following(self, table: &Table) -> Self {
        self.like(table.schema())
    }

    /// Reads as the schema says; see [`TableReader::following`].
    #[must_use]
    pub fn like(mut self, schema: &Schema) -> Self {
        self.schema = Some(Arc::new(schema.clone()));
        self
    }

    /// Reads a file by the ending of its name: `.csv`, `.tsv` or `.txt`, each with `.gz` or not,
    /// `.parquet` or `.pq`, `.ipc`, `.arrow` or `.feather`.
    ///
    /// # Errors
    /// If it has another ending; see [`TableReader::read_csv`].
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table> {
        self.read_file(path.as_ref()).map(|(table, _)| table)
    }

    /// Reads a file as [`TableReader::read`] does, and says what was met.
    ///
    /// # Errors
    /// As there.
    pub fn read_with_summary(&self, path: impl AsRef<Path>) -> Result<(Table, Summary)> {
        self.read_file(path.as_ref()).map(summarise)
    }

    /// Reads a CSV file, plain or compressed by gzip: a header, then one row or more.
    ///
    /// Columns whose later cells are not what the first ones seemed to be are read a second time.
    ///
    /// # Errors
    /// If the file cannot be read, is empty, has a header only, is not UTF-8, a name is missing or
    /// stands twice, a row has another number of cells than the header, a cell goes on after its
    /// closing quote, or a cell does not fit its column; the error names the file, and the column and
    /// the row where there is one.
    pub fn read_csv(&self, path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        self.csv(path)
            .map(|(table, _)| table)
            .map_err(|e| in_file(e, path))
    }

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
    #[cfg(feature = "lazy")]
    pub fn from_lazy(&self, frame: polars_lazy::frame::LazyFrame) -> Result<Table> {
        self.from_frame(&frame.collect().map_err(|e| super::backend(&e))?)
    }

    fn read_file(&self, path: &Path) -> Result<Parsed> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        let ends_in = |endings: &[&str]| endings.iter().any(|e| name.ends_with(e));
        if ends_in(&[".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"]) {
            self.csv(path)
        } else if ends_in(&[".parquet", ".pq"]) {
            self.parquet(path)
        } else if ends_in(&[".ipc", ".arrow", ".feather"]) {
            self.ipc(path)
        } else {
            Err(Error::unsupported(
                "a file whose name does not end in .csv, .tsv, .txt (or these with .gz), \
                 .parquet, .pq, .ipc, .arrow or .feather",
            ))
        }
        .map_err(|e| in_file(e, path))
    }

    fn csv(&self, path: &Path) -> Result<Parsed> {
        let name = path.to_string_lossy().to_ascii_lowercase();
        let is_tabbed = [".tsv", ".tsv.gz"].iter().any(|e| name.ends_with(e));
        let dialect = Dialect {
            separator: self
                .separator
                .unwrap_or(if is_tabbed { b'\t' } else { b',' }),
            quote: self.quote,
        };
        let (columns, missing) = read_columns(path, dialect, |names| {
            self.check_names(names)?;
            let rules = names.iter().map(|name| match self.kind_of(name) {
                Some(kind) => self.rules(name).with_kind(kind),
                None => self.rules(name),
            });
            Ok(rules.collect())
        })?;
        Ok((self.with_roles(Table::new(columns)?)?, missing))
    }

    fn parquet(&self, path: &Path) -> Result<Parsed> {
        let file = ParquetFile::open(path)?;
        let names = file.names();
        self.check(file.n_rows(), &names)?;
        let (columns, missing) = self.columns_of(&names, |place, kind, rules| {
            let (field, arrays) = file.column(place)?;
            column_of_arrays(field, arrays, kind, rules)
        })?;
        Ok((self.with_roles(Table::new(columns)?)?, missing))
    }

    /// Makes columns of some of the file's, while the next ones are read.
    fn ipc(&self, path: &Path) -> Result<Parsed> {
        let file = IpcFile::open(path)?;
        let names = file.names();
        self.check(file.n_rows(), &names)?;
        let (mut columns, mut missing) = (Vec::new(), Vec::new());
        let mut chunks = file.chunks();
        let mut read = || chunks.next().map(|places| file.columns(places)).transpose();
        let mut next = read()?;
        while let Some(some) = next {
            let names = &names[columns.len()..];
            let names = &names[..some.len()];
            let make = || {
                self.columns_of(names, |place, kind, rules| {
                    let (field, arrays) = &some[place];
                    column_of_arrays(field, arrays.clone(), kind, rules)
                })
            };
            let (made, read) = rayon::join(make, &mut read);
            let (some, counts) = made?;
            columns.extend(some);
            missing.extend(counts);
            next = read?;
        }
        Ok((self.with_roles(Table::new(columns)?)?, missing))
    }

    /// The table of some rows and columns of a whole, as [`TableReader::from_frame`] makes it;
    /// options may name other columns, and identifiers are not looked for.
    pub(super) fn part(
        &self,
        names: &[String],
        column: impl Fn(usize, Option<ColumnKind>, &TextRules) -> Result<(Column, MissingCounts)> + Sync,
    ) -> Result<Table> {
        let (columns, _) = self.columns_of(names, column)?;
        let table = Table::new(columns)?;
        let roles = |name: &String| self.role_of(name).map(|role| (name.clone(), role));
        let mut roles = names.iter().filter_map(roles);
        roles.try_fold(table, |table, (name, role)| table.with_role(&name, role))
    }

    fn typed(&self, frame: &DataFrame) -> Result<Parsed> {
        let columns = frame.columns();
        let names = columns.iter().map(|column| column.name().to_string());
        let names: Vec<String> = names.collect();
        self.check(frame.height(), &names)?;
        let (columns, missing) = self.columns_of(&names, |place, kind, rules| {
            column_of_series(columns[place].as_materialized_series(), kind, rules)
        })?;
        Ok((self.with_roles(Table::new(columns)?)?, missing))
    }

    /// Refuses a table without rows, and options for columns that are neither in the table nor in
    /// the schema to follow.
    fn check(&self, n_rows: usize, names: &[String]) -> Result<()> {
        if n_rows == 0 {
            return Err(Error::data("at least one row", "none"));
        }
        self.check_names(names)
    }

    fn check_names(&self, names: &[String]) -> Result<()> {
        let known = |name: &String| {
            let followed = self.schema.as_ref().and_then(|s| s.position(name));
            followed.is_some() || names.contains(name)
        };
        let selections = self
            .kinds
            .iter()
            .map(|(columns, _)| columns)
            .chain(self.sentinels.iter().map(|(columns, _)| columns))
            .chain(self.date_formats.iter().map(|(columns, _)| columns));
        let named = selections.flat_map(|columns| match columns {
            Columns::Names(names) => names.as_slice(),
            _ => &[],
        });
        let mut all = named.chain(self.roles.iter().map(|(name, _)| name));
        match all.find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => {
                let available = names.to_vec();
                Err(Error::new(ErrorKind::MissingColumn { available }).in_column(name))
            }
        }
    }

    /// Columns with these names, and why cells are missing; `column` makes the one at a place, of
    /// a kind if that is given.
    fn columns_of(
        &self,
        names: &[String],
        column: impl Fn(usize, Option<ColumnKind>, &TextRules) -> Result<(Column, MissingCounts)> + Sync,
    ) -> Result<csv::Columns> {
        let columns = names.par_iter().enumerate().map(|(place, name)| {
            let made = column(place, self.kind_of(name), &self.rules(name));
            let (column, missing) = made.map_err(|e| e.in_column(name))?;
            Ok(((name.clone(), column), missing))
        });
        // The first error by column, whichever came first.
        let columns = columns.collect::<Vec<Result<_>>>();
        columns.into_iter().collect()
    }

    fn with_roles(&self, mut table: Table) -> Result<Table> {
        let names: Vec<String> = table.schema().names().map(str::to_owned).collect();
        let identifiers: Vec<String> = match self.identifiers {
            Identifiers::AsFeatures => Vec::new(),
            Identifiers::AsIds => Summary::of(&table)
                .identifiers()
                .map(|column| column.name().to_owned())
                .collect(),
        };
        for name in &names {
            let found = identifiers.contains(name).then_some(Role::Id);
            if let Some(role) = self.role_of(name).or(found) {
                table = table.with_role(name, role)?;
            }
        }
        Ok(table)
    }

    /// The role that the options give this column.
    fn role_of(&self, name: &str) -> Option<Role> {
        let by_name = self.roles.iter().rev().find(|(n, _)| n == name);
        by_name.map(|&(_, role)| role).or_else(|| {
            let schema = self.schema.as_ref()?;
            Some(schema.fields()[schema.position(name)?].role())
        })
    }

    fn kind_of(&self, name: &str) -> Option<ColumnKind> {
        let given = self.kinds.iter().rev().find(|(c, _)| c.contains(name));
        given.map(|&(_, kind)| kind).or_else(|| {
            let schema = self.schema.as_ref()?;
            Some(schema.fields()[schema.position(name)?].kind())
        })
    }

    /// What the options say of this column, its kind aside.
    fn rules(&self, name: &str) -> TextRules {
        let mut rules = TextRules::new()
            .with_missing(&self.missing)
            .with_thousands_separator(self.thousands)
            .with_infinities(self.infinities);
        for (columns, sentinels) in &self.sentinels {
            if columns.contains(name) {
                rules = rules.with_sentinels(sentinels);
            }
        }
        for (columns, format) in &self.date_formats {
            if columns.contains(name) {
                rules = rules.with_date_format(format.clone());
            }
        }
        rules
    }
}

fn summarise((table, missing): Parsed) -> (Table, Summary) {
    let summary = Summary::with_missing(&table, |i, _| missing[i].clone());
    (table, summary)
}

pub(super) fn open(path: &Path) -> Result<std::fs::File> {
    std::fs::File::open(path).map_err(|e| Error::io(path.display(), &e).with_source(e))
}

/// Names the file, unless the error is the system's, which names it already.
pub(super) fn in_file(error: Error, path: &Path) -> Error {
    if matches!(error.kind(), ErrorKind::Io { .. }) {
        error
    } else {
        error.in_file(path.display())
    }
}
