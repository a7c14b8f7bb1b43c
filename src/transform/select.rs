//! Which columns a step gets.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use regex::Regex;

use super::Scope;
use super::batches::groups;
use crate::data::batches::BatchedTable;
use crate::data::{Column, ColumnKind, Field, MISSING_CODE, Role, RowIndex, Rows, weighty};
use crate::error::{Error, Result};

/// Chooses columns of a table by name, kind, role or number of levels.
///
/// Only columns with the role of a feature are chosen, unless [`Selector::names`] or
/// [`Selector::role`] asks for others; the target never is. Combine with `&`, `|` and `!`.
///
/// ```
/// use stackfold::data::{Column, ColumnKind, Table};
/// use stackfold::transform::Selector;
/// let table = Table::new([
///     ("age", Column::numeric(vec![30.0, 41.0])),
///     ("home_state", Column::categorical([Some("CA"), Some("TX")])),
///     ("home_city", Column::categorical([Some("A"), Some("A")])),
/// ])?;
/// let selector = Selector::prefix("home_") & !Selector::cardinality(0..=1);
/// assert_eq!(selector.select(table.rows())?, ["home_state"]);
/// assert_eq!(Selector::kind(ColumnKind::Numeric).select(table.rows())?, ["age"]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Selector(Node);

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
enum Node {
    All,
    Names(Vec<String>),
    Prefix(String),
    Suffix(String),
    #[serde(with = "pattern")]
    Regex(Regex),
    Kind(ColumnKind),
    Role(Role),
    Cardinality(RangeInclusive<usize>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
}

/// A regular expression as its text.
mod pattern {
    use regex::Regex;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(regex: &Regex, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(regex.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Regex, D::Error> {
        Regex::new(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl Selector {
    /// All features.
    #[must_use]
    pub fn all() -> Self {
        Self(Node::All)
    }

    /// The columns with these names, whatever their role but that of the target.
    #[must_use]
    pub fn names<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(Node::Names(names.into_iter().map(Into::into).collect()))
    }

    /// Features whose name begins like this.
    #[must_use]
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self(Node::Prefix(prefix.into()))
    }

    /// Features whose name ends like this.
    #[must_use]
    pub fn suffix(suffix: impl Into<String>) -> Self {
        Self(Node::Suffix(suffix.into()))
    }

    /// Features whose name has a match of this regular expression.
    ///
    /// # Errors
    /// If the expression is not one.
    pub fn regex(pattern: &str) -> Result<Self> {
        match Regex::new(pattern) {
            Ok(regex) => Ok(Self(Node::Regex(regex))),
            Err(cause) => {
                Err(
                    Error::parameter("regex", "a regular expression", format!("{pattern:?}"))
                        .with_source(cause),
                )
            }
        }
    }

    /// Features of this kind.
    #[must_use]
    pub fn kind(kind: ColumnKind) -> Self {
        Self(Node::Kind(kind))
    }

    /// Columns with this role; none for [`Role::Target`].
    #[must_use]
    pub fn role(role: Role) -> Self {
        Self(Node::Role(role))
    }

    /// Features with this many different values among the rows of weight above 0, a missing one not
    /// counted.
    #[must_use]
    pub fn cardinality(range: RangeInclusive<usize>) -> Self {
        Self(Node::Cardinality(range))
    }

    /// The names of the chosen columns, in the table's order.
    ///
    /// # Errors
    /// If a column that is asked for by name is not there, or is the target.
    pub fn select(&self, rows: Rows<'_>) -> Result<Vec<String>> {
        let fields = rows.schema().fields();
        Ok(self
            .positions(rows)?
            .into_iter()
            .map(|i| fields[i].name().to_owned())
            .collect())
    }

    /// [`Selector::positions`] in the table of no row that a batched one has.
    pub(crate) fn positions_in_batches(
        &self,
        rows: Rows<'_>,
        table: &BatchedTable<'_>,
    ) -> Result<Vec<usize>> {
        if !self.0.counts_values() {
            return self.positions(rows);
        }
        self.0.check(rows)?;
        let within = rows.chosen();
        let fields = table.schema().fields();
        let candidates: Vec<usize> = (0..fields.len())
            .filter(|i| within.is_none_or(|columns| columns.contains(i)))
            .filter(|&i| fields[i].role() != Role::Target)
            .collect();
        // Whether a column is chosen has to do with no other.
        let mut chosen = Vec::new();
        for group in groups(table, &candidates, Scope::Columns)? {
            let (columns, _) = table.load(&group, None, None)?;
            let all = columns.rows();
            let weighty = weighty_rows(all);
            let all = weighty.as_deref().map_or(all.index(), RowIndex::Some);
            chosen.extend(group.into_iter().enumerate().filter_map(|(at, i)| {
                self.0
                    .chooses(&fields[i], columns.column_at(at), all)
                    .then_some(i)
            }));
        }
        Ok(chosen)
    }

    pub(crate) fn positions(&self, rows: Rows<'_>) -> Result<Vec<usize>> {
        self.0.check(rows)?;
        // Inside a step of another column transformer there is nothing but that step's columns.
        let within = rows.chosen();
        let fields = rows.schema().fields().iter().enumerate();
        let weighty = self.0.counts_values().then(|| weighty_rows(rows)).flatten();
        let index = weighty.as_deref().map_or(rows.index(), RowIndex::Some);
        Ok(fields
            .filter(|(i, field)| {
                within.is_none_or(|columns| columns.contains(i))
                    && field.role() != Role::Target
                    && self.0.chooses(field, rows.column_at(*i), index)
            })
            .map(|(i, _)| i)
            .collect())
    }
}

impl Node {
    /// Checks that columns asked for by name are there.
    fn check(&self, rows: Rows<'_>) -> Result<()> {
        match self {
            Self::Names(names) => names
                .iter()
                .try_for_each(|name| rows.column(name).map(drop)),
            Self::And(a, b) | Self::Or(a, b) => a.check(rows).and_then(|()| b.check(rows)),
            Self::Not(a) => a.check(rows),
            _ => Ok(()),
        }
    }

    /// Whether different values are counted somewhere.
    fn counts_values(&self) -> bool {
        match self {
            Self::Cardinality(_) => true,
            Self::And(a, b) | Self::Or(a, b) => a.counts_values() || b.counts_values(),
            Self::Not(a) => a.counts_values(),
            _ => false,
        }
    }

    fn chooses(&self, field: &Field, column: &Column, rows: RowIndex<'_>) -> bool {
        let feature = field.role() == Role::Feature;
        match self {
            Self::All => feature,
            Self::Names(names) => names.iter().any(|name| name == field.name()),
            Self::Prefix(prefix) => feature && field.name().starts_with(prefix.as_str()),
            Self::Suffix(suffix) => feature && field.name().ends_with(suffix.as_str()),
            Self::Regex(regex) => feature && regex.is_match(field.name()),
            Self::Kind(kind) => feature && field.kind() == *kind,
            Self::Role(role) => field.role() == *role,
            Self::Cardinality(range) => feature && range.contains(&cardinality(column, rows)),
            Self::And(a, b) => a.chooses(field, column, rows) && b.chooses(field, column, rows),
            Self::Or(a, b) => a.chooses(field, column, rows) || b.chooses(field, column, rows),
            Self::Not(a) => feature && !a.chooses(field, column, rows),
        }
    }
}

/// The indices of the rows that have weight, if some have none.
fn weighty_rows(rows: Rows<'_>) -> Option<Vec<u32>> {
    let positions = weighty(rows.weights().as_deref())?;
    Some(rows.index().compose(&positions))
}

/// How many different values a column has among the rows.
fn cardinality(column: &Column, rows: RowIndex<'_>) -> usize {
    if let Some((codes, levels)) = column.codes() {
        let mut seen = vec![false; levels.len()];
        for &code in rows.gather(codes).iter() {
            if code != MISSING_CODE {
                seen[code as usize] = true;
            }
        }
        return seen.into_iter().filter(|&s| s).count();
    }
    let numbers = column.numbers(rows);
    let distinct: HashSet<u64> = numbers
        .into_iter()
        .filter(|v| !v.is_nan())
        .map(|v| (v + 0.0).to_bits())
        .collect();
    distinct.len()
}

impl std::ops::BitAnd for Selector {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(Node::And(Box::new(self.0), Box::new(other.0)))
    }
}

impl std::ops::BitOr for Selector {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(Node::Or(Box::new(self.0), Box::new(other.0)))
    }
}

impl std::ops::Not for Selector {
    type Output = Self;
    fn not(self) -> Self {
        Self(Node::Not(Box::new(self.0)))
    }
}
