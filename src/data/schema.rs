//! Names, kinds and roles of a table's columns.

use std::fmt;

use super::parse::DateOrder;
use super::{Column, ColumnKind};

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Role {
    /// A column that models may use.
    #[default]
    Feature,
    /// The target: out of reach of transformers.
    Target,
    /// An identifier: kept, never a feature.
    Id,
    /// The weight of each row.
    Weight,
    /// Rows of one group stay on one side of every split.
    Group,
    /// The time of each row, for time-ordered splits and statistics.
    Time,
    /// A column that nothing uses.
    Ignored,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Feature => "feature",
            Self::Target => "target",
            Self::Id => "id",
            Self::Weight => "weight",
            Self::Group => "group",
            Self::Time => "time",
            Self::Ignored => "ignored",
        })
    }
}

/// A column's name, kind and role, and what else is needed to read the column once more.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Field {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    pub(crate) role: Role,
    #[serde(default)]
    pub(crate) level_kind: Option<ColumnKind>,
    /// How its dates are written, where that had to be found out.
    #[serde(default)]
    pub(crate) date_order: Option<DateOrder>,
}

impl Field {
    /// A feature.
    pub(crate) fn new(name: String, column: &Column) -> Self {
        let mut field = Self {
            name,
            kind: column.kind(),
            role: Role::Feature,
            level_kind: None,
            date_order: None,
        };
        field.set_column(column);
        field
    }

    /// Takes another column.
    pub(crate) fn set_column(&mut self, column: &Column) {
        self.kind = column.kind();
        self.level_kind = column.codes().and_then(|(_, levels)| levels.kind());
    }

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

    /// Of a categorical column, the kind of the cells that its levels are the names of; none if they
    /// are texts. See [`Levels::kind`](super::Levels::kind).
    #[must_use]
    pub fn level_kind(&self) -> Option<ColumnKind> {
        self.level_kind
    }

    /// The column's role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }
}

/// The fields of a table, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Schema {
    pub(crate) fields: Vec<Field>,
}

impl Schema {
    /// The fields, in the table's order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The position of the column with this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The same, if the column is likely to be the one at `guess` or soon after.
    pub(crate) fn position_near(&self, name: &str, guess: usize) -> Option<usize> {
        let n = self.fields.len();
        let places = (guess.min(n)..n).chain(0..guess.min(n));
        places.into_iter().find(|&i| self.fields[i].name == name)
    }

    /// The column names, in the table's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }
}
