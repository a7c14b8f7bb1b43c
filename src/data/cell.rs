//! Columns and rows from plain values.

use std::fmt;

use super::parse::OddCells;
use super::{Column, Role, Schema, Table, TableReader};
use crate::error::{Error, ErrorKind, Result};

/// A value of a row, for [`Schema::row`].
///
/// ```
/// use stackfold::data::Cell;
/// assert_eq!(Cell::from(5), Cell::Integer(5));
/// assert_eq!(Cell::from("CA"), Cell::Text("CA".into()));
/// assert_eq!(Cell::from(None::<f64>), Cell::Missing);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// No value.
    Missing,
    /// A number; NaN is missing.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// A truth value.
    Boolean(bool),
    /// A level, or a date or moment as it is written in a file.
    Text(String),
}

macro_rules! cells {
    ($($t:ty => |$value:ident| $cell:expr;)*) => {$(
        impl From<$t> for Cell {
            fn from($value: $t) -> Self {
                $cell
            }
        }
    )*};
}
cells! {
    f64 => |value| Self::Number(value);
    f32 => |value| Self::Number(f64::from(value));
    i64 => |value| Self::Integer(value);
    i32 => |value| Self::Integer(i64::from(value));
    u32 => |value| Self::Integer(i64::from(value));
    bool => |value| Self::Boolean(value);
    String => |value| Self::Text(value);
    &str => |value| Self::Text(value.to_owned());
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

impl Cell {
    /// The cell as a file would have it; none if it is missing.
    fn text(&self) -> Option<String> {
        match self {
            Self::Missing => None,
            Self::Number(value) => (!value.is_nan()).then(|| value.to_string()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Boolean(value) => Some(value.to_string()),
            Self::Text(text) => Some(text.clone()),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_deref().unwrap_or("missing"))
    }
}

impl Schema {
    /// A table of one row, from names and values: what a service has at hand, to be predicted.
    ///
    /// Each value is read as a cell of a file would be that follows this schema
    /// ([`TableReader::like`]): `true` is the level `true` where levels were texts, and 1 where there
    /// were numbers; dates are written as `2014-03-03`. Every feature needs a value, or
    /// [`Cell::Missing`]; other columns may be left out.
    ///
    /// ```
    /// use stackfold::data::{Cell, Column, Table};
    /// let training = Table::new([
    ///     ("tenure", Column::from(vec![5, 60, 12])),
    ///     ("state", Column::from(vec!["CA", "TX", "CA"])),
    /// ])?;
    /// let row = training.schema().row([("state", "TX".into()), ("tenure", 5.0.into())])?;
    /// assert_eq!(row.column("state")?.text(0).as_deref(), Some("TX"));
    /// let error = training.schema().row([("tenure", Cell::from(5.0))]).unwrap_err();
    /// assert_eq!(error.column(), Some("state"));
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a name is no column's, or is given twice; if a feature has no value; if a value is not of its
    /// column's kind. The error names the column.
    pub fn row<N: Into<String>>(
        &self,
        values: impl IntoIterator<Item = (N, Cell)>,
    ) -> Result<Table> {
        let mut cells: Vec<Option<Cell>> = vec![None; self.fields().len()];
        for (name, cell) in values {
            let name = name.into();
            let Some(place) = self.position(&name) else {
                let available = self.names().map(str::to_owned).collect();
                return Err(Error::new(ErrorKind::MissingColumn { available }).in_column(name));
            };
            if cells[place].replace(cell).is_some() {
                return Err(Error::new(ErrorKind::DuplicateColumn).in_column(name));
            }
        }
        let reader = TableReader::new()
            .like(self)
            .with_odd_cells(OddCells::Refuse);
        let mut columns = Vec::with_capacity(cells.len());
        let mut roles = Vec::new();
        for (field, cell) in self.fields().iter().zip(cells) {
            let Some(cell) = cell else {
                if field.role() == Role::Feature {
                    return Err(Error::data("a value", "none")
                        .with_remedy("give `Cell::Missing` if there is none")
                        .in_column(field.name()));
                }
                continue;
            };
            let text = cell.text();
            let column = reader
                .rules(field.name())
                .parse([text.as_deref()].into_iter());
            let (column, _) = column.map_err(|e| e.in_column(field.name()))?;
            columns.push((field.name().to_owned(), column));
            if !matches!(field.role(), Role::Feature | Role::Weight) {
                roles.push((field.name(), field.role()));
            }
        }
        roles
            .into_iter()
            .try_fold(Table::new(columns)?, |table, (name, role)| {
                table.with_role(name, role)
            })
    }
}

macro_rules! columns {
    ($($t:ty => |$values:ident| $column:expr;)*) => {$(
        impl From<Vec<$t>> for Column {
            fn from($values: Vec<$t>) -> Self {
                $column
            }
        }
    )*};
}
columns! {
    f64 => |values| Self::numeric(values);
    f32 => |values| Self::numeric(values.into_iter().map(f64::from).collect::<Vec<_>>());
    i64 => |values| Self::integers(&values.into_iter().map(Some).collect::<Vec<_>>());
    i32 => |values| Self::integers(&values.into_iter().map(|v| Some(v.into())).collect::<Vec<_>>());
    u32 => |values| Self::integers(&values.into_iter().map(|v| Some(v.into())).collect::<Vec<_>>());
    bool => |values| Self::boolean(&values.into_iter().map(Some).collect::<Vec<_>>());
    &str => |values| Self::categorical(values.into_iter().map(Some));
    String => |values| Self::categorical(values.iter().map(|v| Some(v.as_str())));
    Option<f64> => |values| {
        Self::numeric(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect::<Vec<_>>())
    };
    Option<i64> => |values| Self::integers(&values);
    Option<bool> => |values| Self::boolean(&values);
    Option<&str> => |values| Self::categorical(values);
    Option<String> => |values| Self::categorical(values.iter().map(Option::as_deref));
}
