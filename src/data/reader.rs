//! From files to tables.

use std::path::Path;
use std::sync::Arc;

use regex::Regex;

use super::csv::{Dialect, Source, read_columns};
use super::parse::{DateFormat, Infinities, MissingCounts, OddCells, ReadColumn, TextRules};
use super::summary::Summary;
use super::{ColumnKind, Field, Note, Role, Schema, Table};
use crate::error::{Error, ErrorKind, Result};

/// A table, and why its cells are missing, column by column.
pub(crate) type Parsed = (Table, Vec<MissingCounts>);

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

/// Reads tables from CSV files and, with the feature `polars`, from Parquet and IPC files and frames.
///
/// Cells of CSV files are read as texts, and kinds are inferred from all cells of a column by the
/// rules of [`parse`](super::parse); columns of frames, Parquet and IPC files have the kind of their
/// type (texts are categorical). [`TableReader::with_kind`] overrides either. Null, NaN and sentinels
/// all become missing cells; a [`Summary`] says which it was. [`Table::notes`] says what else was met:
/// cells that are not of their column's kind, columns that may be meant otherwise, lines left out.
///
/// Columns with the role [`Role::Id`] are kept as the texts that they are. Where a CSV file has no name
/// for its first column, or one name fewer than columns, as pandas and R write the names of rows,
/// that column gets a name and the role [`Role::Id`].
///
/// Rows in errors are counted from 0, the header and empty lines aside.
///
/// Cells go straight into the narrowest columns: a CSV file is read block by block, Parquet and IPC
/// files some columns at a time, so that at the peak there is little more in memory than the table.
///
/// ```
/// use stackfold::data::{ColumnKind, Columns, Role, TableReader};
/// let path = std::env::temp_dir().join("stackfold_reader.csv");
/// std::fs::write(&path, "id,price,zip\n0001,\"1,113\",01234\n0002,-1,00501\n").unwrap();
/// let reader = TableReader::new()
///     .with_role("id", Role::Id)
///     .with_sentinels(Columns::prefix("pri"), ["-1"]);
/// let (table, summary) = reader.read_with_summary(&path)?;
/// assert_eq!(table.column("id")?.text(0).as_deref(), Some("0001"));
/// assert_eq!(table.column("price")?.text(0).as_deref(), Some("1113"));
/// assert_eq!(table.column("zip")?.kind(), ColumnKind::Categorical);
/// assert_eq!(summary.column("price").unwrap().missing().total(), 1);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TableReader {
    separator: Option<u8>,
    quote: Quote,
    n_skipped_lines: usize,
    encoding: Option<String>,
    kinds: Vec<(Columns, ColumnKind)>,
    roles: Vec<(String, Role)>,
    rules: TextRules,
    decimal: Option<char>,
    sentinels: Vec<(Columns, Vec<String>)>,
    date_formats: Vec<(Columns, DateFormat)>,
    identifiers: Identifiers,
    schema: Option<Arc<Schema>>,
}

#[derive(Debug, Clone, Copy)]
struct Quote(Option<u8>);

impl Default for Quote {
    fn default() -> Self {
        Self(Some(b'"'))
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

    /// The quote around cells in a CSV file, or none; `"` by default. Blanks before and after a quoted
    /// cell do not count.
    #[must_use]
    pub fn with_quote(mut self, quote: Option<u8>) -> Self {
        self.quote = Quote(quote);
        self
    }

    /// How many lines of a CSV file stand before its header; none by default.
    #[must_use]
    pub fn with_skipped_lines(mut self, n_lines: usize) -> Self {
        self.n_skipped_lines = n_lines;
        self
    }

    /// What a CSV file is written in, by a label of the WHATWG encoding standard: `"windows-1252"`
    /// (`"latin1"` is the same), `"utf-16le"`, `"shift_jis"` and so on.
    ///
    /// By default UTF-8, or UTF-16 if the file begins with that byte order mark.
    #[must_use]
    pub fn with_encoding(mut self, label: impl Into<String>) -> Self {
        self.encoding = Some(label.into());
        self
    }

    /// The character before the fraction of a number in a CSV file: `.` by default, or `,`.
    ///
    /// See [`TextRules::with_decimal`]. Where numbers seem to have a decimal comma and none was given,
    /// the column is categorical and a note names this option.
    #[must_use]
    pub fn with_decimal(mut self, decimal: char) -> Self {
        self.decimal = Some(decimal);
        self.rules = self.rules.with_decimal(decimal);
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

    /// Further texts that stand for a missing cell in any column, besides
    /// [`MISSING_TEXTS`](super::parse::MISSING_TEXTS).
    #[must_use]
    pub fn with_missing<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.rules = self.rules.with_missing(texts);
        self
    }

    /// Takes none of [`MISSING_TEXTS`](super::parse::MISSING_TEXTS) for missing: empty cells alone,
    /// and what the other options name.
    #[must_use]
    pub fn without_default_missing(mut self) -> Self {
        self.rules = self.rules.without_default_missing();
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

    /// The separator of thousands in numbers, or none; by default `,`, `.` beside a decimal comma, and
    /// none where `;` separates cells.
    #[must_use]
    pub fn with_thousands_separator(mut self, separator: Option<char>) -> Self {
        self.rules = self.rules.with_thousands_separator(separator);
        self
    }

    /// What becomes of cells that are not of their column's kind.
    ///
    /// By default such cells are missing and counted where the kind is inferred (one in twenty at
    /// most) or that of another table's column ([`TableReader::following`]), and an error where
    /// [`TableReader::with_kind`] or [`TableReader::with_date_format`] gives it.
    #[must_use]
    pub fn with_odd_cells(mut self, odd_cells: OddCells) -> Self {
        self.rules = self.rules.with_odd_cells(odd_cells);
        self
    }

    /// What becomes of infinite numbers; an error by default.
    #[must_use]
    pub fn with_infinities(mut self, infinities: Infinities) -> Self {
        self.rules = self.rules.with_infinities(infinities);
        self
    }

    /// What becomes of columns that look like identifiers.
    #[must_use]
    pub fn with_identifiers(mut self, identifiers: Identifiers) -> Self {
        self.identifiers = identifiers;
        self
    }

    /// Reads as another table was read: its columns give kinds, names of levels and roles, wherever
    /// they stand.
    ///
    /// A cell of a feature that does not have the kind is missing, counted and reported in a note, unless
    /// [`TableReader::with_odd_cells`] makes it an error; 0 and 1 are booleans there, and the other way
    /// round. Levels get the names that they had: a column that was numeric and was then made
    /// categorical has the level `1` for `1.0`. Columns that are no features may hold anything.
    /// Columns that the table lacks are read as ever; columns that are absent are left to whoever
    /// needs them.
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

    /// Reads a CSV file that is in memory, plain or compressed by gzip.
    ///
    /// ```
    /// use stackfold::data::TableReader;
    /// let table = TableReader::new().read_csv_bytes(b"age,state\n41,CA\n,NJ\n")?;
    /// assert_eq!((table.n_rows(), table.column("age")?.n_missing()), (2, 1));
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableReader::read_csv`].
    pub fn read_csv_bytes(&self, bytes: &[u8]) -> Result<Table> {
        self.csv_of(Source::Bytes(bytes), b',')
            .map(|(table, _)| table)
    }

    fn read_file(&self, path: &Path) -> Result<Parsed> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        let ends_in = |endings: &[&str]| endings.iter().any(|e| name.ends_with(e));
        if ends_in(&[".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"]) {
            self.csv(path)
        } else if ends_in(&[".parquet", ".pq", ".ipc", ".arrow", ".feather"]) {
            #[cfg(feature = "polars")]
            if ends_in(&[".parquet", ".pq"]) {
                self.parquet(path)
            } else {
                self.ipc(path)
            }
            #[cfg(not(feature = "polars"))]
            Err(Error::unsupported("a Parquet or IPC file")
                .with_remedy("the feature `polars` reads them"))
        } else {
            Err(Error::unsupported(
                "a file whose name does not end in .csv, .tsv, .txt (or these with .gz), \
                 .parquet, .pq, .ipc, .arrow or .feather",
            )
            .with_remedy("`read_csv` reads a CSV file of any name"))
        }
        .map_err(|e| in_file(e, path))
    }

    fn csv(&self, path: &Path) -> Result<Parsed> {
        let name = path.to_string_lossy().to_ascii_lowercase();
        let is_tabbed = [".tsv", ".tsv.gz"].iter().any(|e| name.ends_with(e));
        let separator = if is_tabbed { b'\t' } else { b',' };
        self.csv_of(Source::File(path), separator)
    }

    /// The table of a CSV file; `separator` is the one that its name tells.
    fn csv_of(&self, source: Source<'_>, separator: u8) -> Result<Parsed> {
        let dialect = Dialect {
            separator: self.separator.unwrap_or(separator),
            is_separator_given: self.separator.is_some() || separator != b',',
            quote: self.quote.0,
            n_skipped_lines: self.n_skipped_lines,
        };
        if self.quote.0 == Some(dialect.separator) {
            let found = format!("{:?}", char::from(dialect.separator));
            return Err(Error::parameter(
                "quote",
                "another byte than the separator",
                found,
            ));
        }
        let read = read_columns(source, dialect, self.encoding.as_deref(), |names, index| {
            self.check_names(names)?;
            let rules = |name: &String| {
                let rules = self.rules(name);
                let is_index = index == Some(name.as_str());
                if is_index && rules.kind.is_none() && self.followed(name).is_none() {
                    rules.of_names()
                } else {
                    rules
                }
            };
            Ok(names.iter().map(rules).collect())
        })?;
        self.table(read.columns, read.index.as_ref(), read.notes)
    }

    /// The table of columns that were read, with the roles that the options give.
    pub(crate) fn table(
        &self,
        columns: Vec<(String, ReadColumn)>,
        index: Option<&(String, Role)>,
        mut notes: Vec<Note>,
    ) -> Result<Parsed> {
        let (mut data, mut missing, mut orders) = (Vec::new(), Vec::new(), Vec::new());
        for (name, read) in columns {
            notes.extend(read.note.map(|note| Note::new(note).in_column(&name)));
            missing.push(read.missing);
            orders.push(read.date_order);
            data.push((name, read.column));
        }
        let table = Table::new(data)?.with_date_orders(&orders);
        let table = self.with_roles(table, index, &mut notes)?;
        Ok((table.with_notes(notes), missing))
    }

    /// Refuses a table without rows, and options for columns that are neither in the table nor in
    /// the schema to follow.
    #[cfg(feature = "polars")]
    pub(crate) fn check(&self, n_rows: usize, names: &[String]) -> Result<()> {
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

    fn with_roles(
        &self,
        mut table: Table,
        index: Option<&(String, Role)>,
        notes: &mut Vec<Note>,
    ) -> Result<Table> {
        let names: Vec<String> = table.schema().names().map(str::to_owned).collect();
        let identifiers: Vec<String> = match self.identifiers {
            Identifiers::AsFeatures => Vec::new(),
            Identifiers::AsIds => Summary::of(&table)
                .identifiers()
                .map(|column| column.name().to_owned())
                .collect(),
        };
        for name in &names {
            if let Some(role) = self.given_role(name) {
                table = table.with_role(name, role)?;
            } else if let Some(role) = self.followed(name).map(Field::role) {
                table = if matches!(role, Role::Weight | Role::Group | Role::Time) {
                    with_role_if_it_suits(table, name, role, notes)?
                } else {
                    table.with_role(name, role)?
                };
            } else if let Some((_, role)) = index.filter(|(index, _)| index == name) {
                table = table.with_role(name, *role)?;
            } else if identifiers.contains(name) {
                table = table.with_role(name, Role::Id)?;
            }
        }
        Ok(table)
    }

    /// The role that the options give this column by name.
    fn given_role(&self, name: &str) -> Option<Role> {
        let by_name = self.roles.iter().rev().find(|(n, _)| n == name);
        by_name.map(|&(_, role)| role)
    }

    /// The role that the options give this column.
    #[cfg(feature = "polars")]
    pub(crate) fn role_of(&self, name: &str) -> Option<Role> {
        self.given_role(name)
            .or_else(|| self.followed(name).map(Field::role))
    }

    /// The column of the schema to follow.
    fn followed(&self, name: &str) -> Option<&Field> {
        let schema = self.schema.as_ref()?;
        Some(&schema.fields()[schema.position(name)?])
    }

    /// What the options say of this column.
    pub(crate) fn rules(&self, name: &str) -> TextRules {
        let mut rules = self.rules.clone();
        // Where cells are separated by semicolons, a comma is most likely a decimal one.
        if rules.has_usual_thousands() && self.decimal.is_none() && self.separator == Some(b';') {
            rules = rules.with_thousands_separator(None);
        }
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
        let followed = self.followed(name);
        let given = self.kinds.iter().rev().find(|(c, _)| c.contains(name));
        if let Some(&(_, kind)) = given {
            return match followed.filter(|field| field.kind() == kind) {
                Some(field) => rules.following(field),
                None => rules.with_kind(kind),
            };
        }
        match (self.given_role(name), followed) {
            (Some(Role::Id), _) => rules.of_names(),
            (Some(Role::Ignored), _) => rules.of_unused(),
            (_, Some(field)) => match field.role() {
                Role::Id => rules.of_names(),
                Role::Feature => rules.following(field),
                // Classes are named as they were; what is not used may be anything.
                Role::Target if field.kind() == ColumnKind::Categorical => rules.following(field),
                _ => rules.of_unused(),
            },
            _ => rules,
        }
    }
}

/// The table with a role for a column, or without its use if it does not suit: new rows need no
/// weight, group or time.
fn with_role_if_it_suits(
    table: Table,
    name: &str,
    role: Role,
    notes: &mut Vec<Note>,
) -> Result<Table> {
    match table.clone().with_role(name, role) {
        Ok(table) => Ok(table),
        Err(error) => {
            let note = format!("the column is not used as {role}: {}", error.kind());
            notes.push(Note::new(note).in_column(name));
            table.with_role(name, Role::Ignored)
        }
    }
}

pub(crate) fn summarise((table, missing): Parsed) -> (Table, Summary) {
    let summary = Summary::with_missing(&table, |i, _| missing[i].clone());
    (table, summary)
}

/// Names the file, unless the error is the system's, which names it already.
pub(crate) fn in_file(error: Error, path: &Path) -> Error {
    if matches!(error.kind(), ErrorKind::Io { .. }) {
        error
    } else {
        error.in_file(path.display())
    }
}
