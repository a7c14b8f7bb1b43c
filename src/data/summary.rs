//! What a table holds, column by column, as a table that prints.

use std::fmt;

use super::parse::{MissingCounts, are_names};
use super::{Column, ColumnData, ColumnKind, MISSING_CODE, Note, Role, RowIndex, Table};
use crate::parallel;
use crate::text_table::{Align, write_table};

/// What each column of a table holds; prints as an aligned table.
///
/// ```
/// use stackfold::data::summary::Summary;
/// use stackfold::data::{Column, Table};
/// let table = Table::new([
///     ("age", Column::numeric(vec![20.0, 40.0, f64::NAN])),
///     ("state", Column::categorical([Some("CA"), Some("CA"), Some("CA")])),
/// ])?;
/// let summary = Summary::of(&table);
/// assert_eq!(summary.column("age").unwrap().missing().total(), 1);
/// assert!(summary.column("state").unwrap().is_constant());
/// assert!(summary.to_string().starts_with("3 rows, 2 columns"));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    n_rows: usize,
    columns: Vec<ColumnSummary>,
    #[serde(default)]
    notes: Vec<Note>,
}

/// What one column holds.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ColumnSummary {
    name: String,
    kind: ColumnKind,
    role: Role,
    n_rows: usize,
    missing: MissingCounts,
    n_distinct: usize,
    /// Whether the levels are nearly all different, and are no numbers or moments.
    is_identifier: bool,
    content: Content,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Content {
    /// No cell has a value.
    Nothing,
    /// Numbers; of dates the days, of datetimes the milliseconds since 1970.
    Numbers {
        /// The smallest one.
        min: f64,
        /// Their mean.
        mean: f64,
        /// The largest one.
        max: f64,
    },
    /// The most frequent levels with their counts, most frequent first, equals by name.
    Levels(Vec<(String, usize)>),
}

const N_TOP_LEVELS: usize = 3;

impl Summary {
    /// The summary of a table; a missing number counts as NaN, any other missing cell as null.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        Self::with_missing(table, |_, column| {
            let missing = column.n_missing();
            let is_float = matches!(column.data(), ColumnData::F32(_) | ColumnData::F64(_));
            MissingCounts {
                null: if is_float { 0 } else { missing },
                nan: if is_float { missing } else { 0 },
                ..MissingCounts::default()
            }
        })
    }

    /// The summary of a table whose missing cells were counted while it was read.
    pub(crate) fn with_missing(
        table: &Table,
        missing: impl Fn(usize, &Column) -> MissingCounts + Sync,
    ) -> Self {
        let fields = table.schema().fields();
        let columns = parallel::map(fields, |i, field| {
            let column = table.column_at(i);
            let (n_distinct, content) = content_of(column);
            ColumnSummary {
                name: field.name().to_owned(),
                kind: column.kind(),
                role: field.role(),
                n_rows: column.len(),
                missing: missing(i, column),
                n_distinct,
                is_identifier: is_identifier(column, n_distinct),
                content,
            }
        });
        Self {
            n_rows: table.n_rows(),
            columns,
            notes: table.notes().to_vec(),
        }
    }

    /// What was met while the table was read and its user should know.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The number of rows of the table.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// All columns, in the table's order.
    #[must_use]
    pub fn columns(&self) -> &[ColumnSummary] {
        &self.columns
    }

    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnSummary> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that have one value at most.
    pub fn constants(&self) -> impl Iterator<Item = &ColumnSummary> {
        self.columns.iter().filter(|column| column.is_constant())
    }

    /// The columns that look like identifiers.
    pub fn identifiers(&self) -> impl Iterator<Item = &ColumnSummary> {
        self.columns.iter().filter(|column| column.is_identifier())
    }
}

impl ColumnSummary {
    /// The column's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The column's kind.
    #[must_use]
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// The column's role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// How many cells are missing, by cause.
    #[must_use]
    pub fn missing(&self) -> &MissingCounts {
        &self.missing
    }

    /// How many values or levels there are, missing cells aside.
    #[must_use]
    pub fn n_distinct(&self) -> usize {
        self.n_distinct
    }

    /// The values.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Whether there is one value at most, and no missing cell beside it.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.n_distinct == 0 || (self.n_distinct == 1 && self.missing.total() == 0)
    }

    /// Whether the column most likely names its rows: it is categorical, at least half of its cells
    /// and three are not missing, 95 % of these or more have different levels, and most of the levels
    /// are neither numbers (of 64 bits at most) nor dates.
    #[must_use]
    pub fn is_identifier(&self) -> bool {
        self.is_identifier
    }

    fn remark(&self) -> &'static str {
        if self.n_distinct == 0 {
            "all missing"
        } else if self.is_constant() {
            "constant"
        } else if self.is_identifier() {
            "identifier"
        } else {
            ""
        }
    }

    fn missing_text(&self) -> String {
        let missing = &self.missing;
        let mut parts = Vec::new();
        let mut push = |name: String, count: usize| {
            if count > 0 {
                parts.push(format!("{name} {count}"));
            }
        };
        push("null".to_owned(), missing.null);
        push("NaN".to_owned(), missing.nan);
        push("infinite".to_owned(), missing.infinite);
        push("odd".to_owned(), missing.odd);
        for (sentinel, count) in &missing.sentinels {
            push(format!("{sentinel:?}"), *count);
        }
        parts.join(", ")
    }

    fn content_text(&self) -> String {
        match &self.content {
            Content::Nothing => String::new(),
            Content::Numbers { min, mean, max } => {
                let text = |value: f64| match self.kind {
                    ColumnKind::Date | ColumnKind::Datetime => self.kind.format(value),
                    _ => short(value),
                };
                format!("{} .. {} .. {}", text(*min), text(*mean), text(*max))
            }
            Content::Levels(top) => {
                let mut parts: Vec<String> = top
                    .iter()
                    .map(|(level, count)| format!("{level:?} {count}"))
                    .collect();
                if self.n_distinct > top.len() {
                    parts.push("..".to_owned());
                }
                parts.join(", ")
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: [&str; 7] = [
            "column",
            "kind",
            "role",
            "distinct",
            "missing",
            "min .. mean .. max, or top levels",
            "remark",
        ];
        writeln!(f, "{} rows, {} columns", self.n_rows, self.columns.len())?;
        let head = HEAD.map(str::to_owned).to_vec();
        let lines: Vec<Vec<String>> = std::iter::once(head)
            .chain(self.columns.iter().map(|column| {
                vec![
                    column.name.clone(),
                    column.kind.to_string(),
                    column.role.to_string(),
                    column.n_distinct.to_string(),
                    column.missing_text(),
                    column.content_text(),
                    column.remark().to_owned(),
                ]
            }))
            .collect();
        write_table(f, Align::Left, &lines)?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

/// A number with four significant digits or, if it is whole and not large, all of them.
fn short(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return format!("{value}");
    }
    if !(1e-3..1e9).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    #[allow(clippy::cast_possible_truncation, reason = "a decimal exponent")]
    let decimals = usize::try_from(3 - value.abs().log10().floor() as i32).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// The number of distinct values, and what they are.
fn content_of(column: &Column) -> (usize, Content) {
    if let Some((codes, levels)) = column.codes() {
        let mut counts = vec![0_usize; levels.len()];
        for &code in codes.iter().filter(|&&code| code != MISSING_CODE) {
            counts[code as usize] += 1;
        }
        let mut present: Vec<(&String, usize)> = levels
            .names()
            .iter()
            .zip(counts)
            .filter(|&(_, count)| count > 0)
            .collect();
        let n_distinct = present.len();
        if n_distinct == 0 {
            return (0, Content::Nothing);
        }
        present.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        present.truncate(N_TOP_LEVELS);
        let top = present.into_iter().map(|(name, n)| (name.clone(), n));
        return (n_distinct, Content::Levels(top.collect()));
    }
    let mut values = column.numbers(RowIndex::All(column.len()));
    values.retain(|value| !value.is_nan());
    if values.is_empty() {
        return (0, Content::Nothing);
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (min, max) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
    (
        n_distinct(column, &mut values),
        Content::Numbers { min, mean, max },
    )
}

fn is_identifier(column: &Column, n_distinct: usize) -> bool {
    let Some((codes, levels)) = column.codes() else {
        return false;
    };
    let n_present = codes.iter().filter(|&&code| code != MISSING_CODE).count();
    n_present >= 3
        && 2 * n_present >= codes.len()
        && 20 * n_distinct >= 19 * n_present
        && are_names(levels)
}

/// How many values differ; `values` are those of the column that are present.
fn n_distinct(column: &Column, values: &mut [f64]) -> usize {
    match column.data() {
        ColumnData::I8(values) => count_marked(values, |v| v.wrapping_sub(i8::MIN).cast_unsigned()),
        ColumnData::I16(values) => {
            count_marked(values, |v| v.wrapping_sub(i16::MIN).cast_unsigned())
        }
        _ => {
            values.sort_unstable_by(f64::total_cmp);
            let changes = values.windows(2).filter(|pair| pair[0] < pair[1]).count();
            changes + 1
        }
    }
}

/// Marks each value's place, where the missing value has place 0, and counts the other marks.
fn count_marked<T: Copy, P: Into<usize>>(values: &[T], place: impl Fn(T) -> P) -> usize {
    let mut seen = vec![false; 1 << 16];
    for &value in values {
        seen[place(value).into()] = true;
    }
    seen[1..].iter().filter(|&&seen| seen).count()
}
