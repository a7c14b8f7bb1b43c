//! How new rows differ from training rows: unseen levels and missing cells, column by column.
//!
//! A level that no training row had, and a cell that is missing where training rows seldom lacked
//! one, are predicted all the same; how well is another question, and a share of them that grows is
//! the first sign that rows are read or made in another way than those of training. What is fitted
//! on a table keeps a [`Profile`] of its training rows, and gives the [`Coverage`] of new ones:
//! [`FittedStack::coverage`](crate::stack::FittedStack::coverage),
//! [`FittedPipeline::coverage`](crate::pipeline::FittedPipeline::coverage).

use std::fmt;
use std::sync::Arc;

use super::{
    Column, ColumnData, ColumnKind, Field, Levels, MISSING_CODE, Number, RowIndex, Rows,
    for_each_numbers,
};
use crate::error::{Error, Result};
use crate::parallel;

/// So many unseen levels of a column are kept as examples.
const MOST_EXAMPLES: usize = 5;

/// What the features of training rows held: the levels that were seen, and how many cells were
/// missing.
///
/// Clones share it, and levels are shared with the table: it is small beside a model.
///
/// ```
/// use stackfold::data::coverage::Profile;
/// use stackfold::data::{Column, Table};
/// let state = |levels: [&str; 4]| Column::categorical(levels.map(Some));
/// let train = Table::new([("state", state(["CA", "TX", "CA", "NY"]))])?;
/// // Levels are those of the training rows, not of the table.
/// let profile = Profile::of(train.rows().subset(&[0, 1])?);
/// let new = Table::new([("state", state(["TX", "ZZ", "NY", "CA"]))])?;
/// let coverage = profile.coverage(new.rows());
/// let column = coverage.column("state").unwrap();
/// assert_eq!((column.unseen_share(), column.missing_share()), (0.5, 0.0));
/// assert_eq!(column.unseen_levels(), ["ZZ", "NY"]);
/// assert_eq!(
///     coverage.notes(),
///     [r#"column "state": 50.0 % of 4 rows have a level that no training row had ("ZZ", "NY")"#]
/// );
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Profile {
    n_rows: usize,
    columns: Arc<[ColumnProfile]>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct ColumnProfile {
    name: String,
    kind: ColumnKind,
    n_missing: usize,
    levels: Option<SeenLevels>,
}

/// Levels of a table's column, and which of them were seen.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct SeenLevels {
    levels: Arc<Levels>,
    seen: Box<[bool]>,
}

impl SeenLevels {
    /// Of each level of new rows, whether it was not seen.
    fn unseen(&self, levels: &Arc<Levels>) -> Vec<bool> {
        let is_seen = |code: u32| self.seen.get(code as usize).copied().unwrap_or(false);
        if Arc::ptr_eq(&self.levels, levels) {
            return self.seen.iter().map(|seen| !seen).collect();
        }
        let codes = self.levels.codes_of(levels);
        codes.into_iter().map(|code| !is_seen(code)).collect()
    }
}

/// How new rows are covered by training rows, column by column; prints as an aligned table.
///
/// ```
/// use stackfold::data::coverage::Profile;
/// use stackfold::data::{Column, Table};
/// let train = Table::new([("age", Column::numeric(vec![20.0, 30.0, 40.0, f64::NAN]))])?;
/// let new = Table::new([("age", Column::numeric(vec![50.0, f64::NAN]))])?;
/// let coverage = Profile::of(train.rows()).coverage(new.rows());
/// let age = coverage.column("age").unwrap();
/// assert_eq!((age.missing_share(), age.training_missing_share()), (0.5, 0.25));
/// // Of two rows one is missing: no wonder where one of four was.
/// assert!(coverage.notes().is_empty());
/// assert_eq!(
///     coverage.to_string().lines().collect::<Vec<_>>(),
///     [
///         "2 rows",
///         "column  kind      unseen  missing  in training  unseen levels",
///         "age     numeric            50.0 %       25.0 %",
///     ]
/// );
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Coverage {
    n_rows: usize,
    columns: Vec<ColumnCoverage>,
    not_compared: Vec<String>,
}

/// How new rows of one column are covered by training rows.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct ColumnCoverage {
    name: String,
    kind: ColumnKind,
    n_rows: usize,
    n_missing: usize,
    training_missing: f64,
    /// None if the column has no levels.
    n_unseen: Option<usize>,
    unseen_levels: Vec<String>,
}

impl Profile {
    /// The profile of training rows: of their features, or of the columns that were chosen.
    #[must_use]
    pub fn of(rows: Rows<'_>) -> Self {
        let profile = |_, (field, column): (&Field, &Column)| ColumnProfile {
            name: field.name().to_owned(),
            kind: column.kind(),
            n_missing: n_missing(column, rows.index()),
            levels: column.codes().map(|(codes, levels)| {
                let mut seen = vec![false; levels.len()].into_boxed_slice();
                for row in rows.index().iter() {
                    if let Some(seen) = seen.get_mut(codes[row] as usize) {
                        *seen = true;
                    }
                }
                SeenLevels {
                    levels: Arc::clone(levels),
                    seen,
                }
            }),
        };
        Self {
            n_rows: rows.len(),
            columns: parallel::map_small(rows.len(), rows.features(), profile).into(),
        }
    }

    /// How many training rows there were.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How new rows are covered.
    ///
    /// A column that the new rows do not have, or have as another kind, is not compared
    /// ([`Coverage::not_compared`]): if a model needs it, its prediction is an error. Columns that
    /// training rows did not have are not looked at.
    #[must_use]
    pub fn coverage(&self, rows: Rows<'_>) -> Coverage {
        let names = self.columns.iter().map(|column| column.name.as_str());
        let mut not_compared = Vec::new();
        let mut pairs: Vec<(&ColumnProfile, &Column)> = Vec::new();
        for (profile, (name, column)) in self.columns.iter().zip(rows.columns_in_order(names)) {
            match column {
                Ok(column) if column.kind() == profile.kind => pairs.push((profile, column)),
                _ => not_compared.push(name.to_owned()),
            }
        }
        Coverage {
            n_rows: rows.len(),
            columns: parallel::map_small(rows.len(), pairs, |_, (profile, column)| {
                profile.coverage(column, rows.index(), self.n_rows)
            }),
            not_compared,
        }
    }
}

impl ColumnProfile {
    fn coverage(&self, column: &Column, rows: RowIndex<'_>, n_training: usize) -> ColumnCoverage {
        let mut n_unseen = None;
        let mut unseen_levels = Vec::new();
        if let (Some(known), Some((codes, levels))) = (&self.levels, column.codes()) {
            let unseen = known.unseen(levels);
            let mut named = vec![false; levels.len()];
            let mut count = 0;
            for row in rows.iter() {
                let code = codes[row] as usize;
                if !unseen.get(code).is_some_and(|&unseen| unseen) {
                    continue;
                }
                count += 1;
                if unseen_levels.len() < MOST_EXAMPLES && !std::mem::replace(&mut named[code], true)
                {
                    unseen_levels.push(levels.names()[code].clone());
                }
            }
            n_unseen = Some(count);
        }
        ColumnCoverage {
            name: self.name.clone(),
            kind: self.kind,
            n_rows: rows.len(),
            n_missing: n_missing(column, rows),
            training_missing: share(self.n_missing, n_training),
            n_unseen,
            unseen_levels,
        }
    }
}

impl Coverage {
    /// How many rows were compared with training rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns, in the order of the training rows' table.
    #[must_use]
    pub fn columns(&self) -> &[ColumnCoverage] {
        &self.columns
    }

    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ColumnCoverage> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of training rows that the new rows do not have, or have as another kind.
    #[must_use]
    pub fn not_compared(&self) -> &[String] {
        &self.not_compared
    }

    /// A line for each large share of a column: see [`ColumnCoverage::is_unseen_large`] and
    /// [`ColumnCoverage::is_missing_large`].
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.columns
            .iter()
            .flat_map(ColumnCoverage::notes)
            .collect()
    }

    /// Counts further rows in: those of the next batch, say.
    ///
    /// ```
    /// use stackfold::data::coverage::Profile;
    /// use stackfold::data::{Column, Table};
    /// let table = |x: Vec<f64>| Table::new([("x", Column::numeric(x))]);
    /// let profile = Profile::of(table(vec![1.0, 2.0])?.rows());
    /// let mut all = profile.coverage(table(vec![f64::NAN, 1.0])?.rows());
    /// all.add(&profile.coverage(table(vec![3.0, 4.0])?.rows()))?;
    /// assert_eq!((all.n_rows(), all.columns()[0].missing_share()), (4, 0.25));
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the two are not of the same columns.
    pub fn add(&mut self, other: &Self) -> Result<()> {
        let names = |coverage: &Self| -> String {
            let names: Vec<&str> = coverage.columns.iter().map(ColumnCoverage::name).collect();
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        };
        let (own, others) = (names(self), names(other));
        if own != others {
            return Err(Error::data(
                format!("a coverage of columns {own}"),
                format!("one of {others}"),
            ));
        }
        self.n_rows += other.n_rows;
        for (column, other) in self.columns.iter_mut().zip(&other.columns) {
            column.n_rows += other.n_rows;
            column.n_missing += other.n_missing;
            if let (Some(n), Some(more)) = (&mut column.n_unseen, other.n_unseen) {
                *n += more;
            }
            for level in &other.unseen_levels {
                if column.unseen_levels.len() < MOST_EXAMPLES
                    && !column.unseen_levels.contains(level)
                {
                    column.unseen_levels.push(level.clone());
                }
            }
        }
        Ok(())
    }
}

impl ColumnCoverage {
    /// Above this share of rows, unseen levels are reported: 5 %.
    pub const LARGE_UNSEEN: f64 = 0.05;

    /// Above this difference from the training rows' share, missing cells are reported: 10 percentage
    /// points.
    pub const LARGE_MISSING: f64 = 0.1;

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

    /// How many rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many rows have a level that no training row had; 0 if the column has no levels.
    #[must_use]
    pub fn n_unseen(&self) -> usize {
        self.n_unseen.unwrap_or(0)
    }

    /// How many cells are missing.
    #[must_use]
    pub fn n_missing(&self) -> usize {
        self.n_missing
    }

    /// The share of rows with a level that no training row had; 0 of no rows.
    #[must_use]
    pub fn unseen_share(&self) -> f64 {
        share(self.n_unseen(), self.n_rows)
    }

    /// The share of cells that are missing; 0 of no rows.
    #[must_use]
    pub fn missing_share(&self) -> f64 {
        share(self.n_missing, self.n_rows)
    }

    /// The share of training cells that were missing.
    #[must_use]
    pub fn training_missing_share(&self) -> f64 {
        self.training_missing
    }

    /// The first unseen levels, in the order of the rows; five at most.
    #[must_use]
    pub fn unseen_levels(&self) -> &[String] {
        &self.unseen_levels
    }

    /// Whether the share of unseen levels is above [`ColumnCoverage::LARGE_UNSEEN`], and training
    /// rows had a level at all.
    #[must_use]
    pub fn is_unseen_large(&self) -> bool {
        self.training_missing < 1.0 && self.unseen_share() > Self::LARGE_UNSEEN
    }

    /// Whether the share of missing cells is above that of training rows, `p`, by more than
    /// [`ColumnCoverage::LARGE_MISSING`], and by more than three standard errors of a share of so
    /// many rows, `3 sqrt(p (1 - p) / n)`, so that few rows are no alarm.
    #[must_use]
    pub fn is_missing_large(&self) -> bool {
        let p = self.training_missing;
        let error = (p * (1.0 - p) / self.n_rows.max(1) as f64).sqrt();
        self.missing_share() - p > Self::LARGE_MISSING.max(3.0 * error)
    }

    fn notes(&self) -> impl Iterator<Item = String> {
        let (name, n) = (&self.name, self.n_rows);
        let rows = if n == 1 { "row has" } else { "rows have" };
        let unseen = self.is_unseen_large().then(|| {
            format!(
                "column {name:?}: {} of {n} {rows} a level that no training row had ({})",
                percent(self.unseen_share()),
                self.examples()
            )
        });
        let missing = self.is_missing_large().then(|| {
            format!(
                "column {name:?}: {} of {n} {rows} no value, of training rows {}",
                percent(self.missing_share()),
                percent(self.training_missing)
            )
        });
        unseen.into_iter().chain(missing)
    }

    fn examples(&self) -> String {
        let names: Vec<String> = self
            .unseen_levels
            .iter()
            .map(|l| format!("{l:?}"))
            .collect();
        names.join(", ")
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = if self.n_rows == 1 { "row" } else { "rows" };
        writeln!(f, "{} {rows}", self.n_rows)?;
        let width = |head: &str, cells: &mut dyn Iterator<Item = usize>| {
            cells.max().unwrap_or(0).max(head.len())
        };
        let names = width(
            "column",
            &mut self.columns.iter().map(|c| c.name.chars().count()),
        );
        let kinds = width(
            "kind",
            &mut self.columns.iter().map(|c| c.kind.to_string().len()),
        );
        writeln!(
            f,
            "{:names$}  {:kinds$}  {:>7}  {:>7}  {:>11}  unseen levels",
            "column", "kind", "unseen", "missing", "in training"
        )?;
        for column in &self.columns {
            let unseen = column.n_unseen.map(|_| percent(column.unseen_share()));
            let line = format!(
                "{:names$}  {:kinds$}  {:>7}  {:>7}  {:>11}  {}",
                column.name,
                column.kind.to_string(),
                unseen.unwrap_or_default(),
                percent(column.missing_share()),
                percent(column.training_missing),
                column.examples()
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        if !self.not_compared.is_empty() {
            let names = self.not_compared.join(", ");
            writeln!(f, "not there, or of another kind: {names}")?;
        }
        Ok(())
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// How many cells of these rows are missing.
fn n_missing(column: &Column, rows: RowIndex<'_>) -> usize {
    fn count<T: Copy>(values: &[T], rows: RowIndex<'_>, is_missing: impl Fn(T) -> bool) -> usize {
        match rows {
            RowIndex::All(_) => values.iter().filter(|&&v| is_missing(v)).count(),
            RowIndex::Some(index) => {
                let cells = index.iter().map(|&row| values[row as usize]);
                cells.filter(|&v| is_missing(v)).count()
            }
        }
    }
    for_each_numbers!(column.data(), values => count(values, rows, |v| v.to_f64().is_nan()),
    else => match column.data() {
        ColumnData::Codes(codes, _) => count(codes, rows, |code| code == MISSING_CODE),
        _ => 0,
    })
}
