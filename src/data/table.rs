//! An immutable table of typed columns.

use std::sync::Arc;

use super::parse::DateOrder;
use super::{
    Column, ColumnData, ColumnKind, Field, Labels, Note, Role, RowIndex, Rows, Schema, Values,
};
use super::{MISSING_CODE, for_each_numbers, rows::missing_column};
use crate::error::{Error, ErrorKind, Result};

/// An immutable table of typed columns with roles; clones share its data.
///
/// ```
/// use stackfold::data::{Column, ColumnKind, Role, Table};
/// let table = Table::new([
///     ("id", Column::integers(&[Some(7), Some(8)])),
///     ("state", Column::categorical([Some("CA"), None])),
/// ])?
/// .with_role("id", Role::Id)?;
/// assert_eq!(table.n_rows(), 2);
/// assert_eq!(table.schema().fields()[1].kind(), ColumnKind::Categorical);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    schema: Arc<Schema>,
    columns: Vec<Column>,
    n_rows: usize,
    weights: Option<Arc<[f64]>>,
    groups: Option<Arc<[u32]>>,
    time: Option<Arc<[f64]>>,
    notes: Arc<[Note]>,
}

impl Table {
    /// A table of the given columns, all of them features.
    ///
    /// # Errors
    /// If two columns have one name, or lengths differ, or a value is infinite.
    pub fn new<N: Into<String>>(columns: impl IntoIterator<Item = (N, Column)>) -> Result<Self> {
        let columns = columns.into_iter();
        Self::of_columns(&mut columns.map(|(name, column)| (name.into(), column)))
    }

    fn of_columns(columns: &mut dyn Iterator<Item = (String, Column)>) -> Result<Self> {
        let mut fields: Vec<Field> = Vec::new();
        let mut data: Vec<Column> = Vec::new();
        let mut names = std::collections::HashSet::new();
        for (name, column) in columns {
            if !names.insert(name.clone()) {
                return Err(Error::new(ErrorKind::DuplicateColumn).in_column(name));
            }
            if let Some(first) = data.first()
                && first.len() != column.len()
            {
                return Err(Error::data(
                    format!("{} rows, as the first column has", first.len()),
                    format!("{} rows", column.len()),
                )
                .in_column(name));
            }
            if let Some((row, value)) = first_infinite(&column) {
                return Err(Error::not_finite(value).in_row(row).in_column(name));
            }
            fields.push(Field::new(name, &column));
            data.push(column);
        }
        Ok(Self {
            n_rows: data.first().map_or(0, Column::len),
            schema: Arc::new(Schema { fields }),
            columns: data,
            weights: None,
            groups: None,
            time: None,
            notes: Arc::default(),
        })
    }

    /// The same table, its dates written in these orders.
    pub(crate) fn with_date_orders(mut self, orders: &[Option<DateOrder>]) -> Self {
        let schema = Arc::make_mut(&mut self.schema);
        for (field, order) in schema.fields.iter_mut().zip(orders) {
            field.date_order = *order;
        }
        self
    }

    pub(crate) fn with_notes(mut self, notes: Vec<Note>) -> Self {
        self.notes = notes.into();
        self
    }

    /// What was met while the table was read and its user should know; empty for a table that was
    /// not read from a file or frame.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The same table with another role for one column.
    ///
    /// One column at most has each of the roles weight, group and time: the last one named.
    ///
    /// # Errors
    /// If there is no such column; for a weight, if it is not numeric, a cell is missing or
    /// negative, or all are zero; for a group or a time, if a cell is missing; for a time, if the
    /// column is categorical.
    pub fn with_role(mut self, name: &str, role: Role) -> Result<Self> {
        let i = self
            .schema
            .position(name)
            .ok_or_else(|| missing_column(&self, name))?;
        let column = &self.columns[i];
        match role {
            Role::Weight => {
                self.weights = Some(weights_of(column).map_err(|e| e.in_column(name))?);
            }
            Role::Group => {
                let codes = column.to_categorical();
                let codes = codes.codes().map(|(codes, _)| codes).unwrap_or_default();
                if let Some(row) = codes.iter().position(|&c| c == MISSING_CODE) {
                    return Err(Error::missing_value().in_row(row).in_column(name));
                }
                self.groups = Some(codes.into());
            }
            Role::Time => {
                if column.kind() == ColumnKind::Categorical {
                    return Err(
                        Error::wrong_kind("date, datetime or numeric", column.kind())
                            .with_remedy("`with_date_format` says how dates are written")
                            .in_column(name),
                    );
                }
                self.time = Some(present(column).map_err(|e| e.in_column(name))?.into());
            }
            Role::Feature | Role::Target | Role::Id | Role::Ignored => {}
        }
        let schema = Arc::make_mut(&mut self.schema);
        let old = schema.fields[i].role;
        if old != role {
            match old {
                Role::Weight => self.weights = None,
                Role::Group => self.groups = None,
                Role::Time => self.time = None,
                _ => {}
            }
        }
        if matches!(role, Role::Weight | Role::Group | Role::Time) {
            for field in &mut schema.fields {
                if field.role == role {
                    field.role = Role::Ignored;
                }
            }
        }
        schema.fields[i].role = role;
        Ok(self)
    }

    /// The same table with one column made categorical.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn with_categorical(mut self, name: &str) -> Result<Self> {
        let i = self
            .schema
            .position(name)
            .ok_or_else(|| missing_column(&self, name))?;
        self.columns[i] = self.columns[i].to_categorical();
        Arc::make_mut(&mut self.schema).fields[i].set_column(&self.columns[i]);
        Ok(self)
    }

    /// The same table with a further column, or another in place of one of the same name.
    ///
    /// # Errors
    /// If it has another number of rows, or an infinite value, or does not suit the role of the
    /// column that it replaces.
    pub fn with_column(mut self, name: impl Into<String>, column: Column) -> Result<Self> {
        let name = name.into();
        if !self.columns.is_empty() && column.len() != self.n_rows {
            return Err(Error::data(
                format!("{} rows, as the table has", self.n_rows),
                format!("{} rows", column.len()),
            )
            .in_column(name));
        }
        if let Some((row, value)) = first_infinite(&column) {
            return Err(Error::not_finite(value).in_row(row).in_column(name));
        }
        self.n_rows = column.len();
        let schema = Arc::make_mut(&mut self.schema);
        if let Some(i) = schema.position(&name) {
            schema.fields[i].set_column(&column);
            schema.fields[i].date_order = None;
            self.columns[i] = column;
            let role = schema.fields[i].role;
            // What the role made of the old column, it makes of the new one.
            return self.with_role(&name, role);
        }
        schema.fields.push(Field::new(name, &column));
        self.columns.push(column);
        Ok(self)
    }

    /// These rows as a table of their own, with the same roles.
    pub(crate) fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        self.with_rows(
            rows.len(),
            |column| column.slice(rows.clone()),
            |codes| codes[rows.clone()].into(),
            |numbers| numbers[rows.clone()].into(),
        )
    }

    /// Other rows, so many, taken out of each column, of the groups, and of weights and time.
    pub(super) fn with_rows(
        &self,
        n_rows: usize,
        column: impl Fn(&Column) -> Column,
        codes: impl Fn(&[u32]) -> Arc<[u32]>,
        numbers: impl Fn(&[f64]) -> Arc<[f64]>,
    ) -> Self {
        Self {
            schema: Arc::clone(&self.schema),
            columns: self.columns.iter().map(column).collect(),
            n_rows,
            weights: self.weights.as_deref().map(&numbers),
            groups: self.groups.as_deref().map(codes),
            time: self.time.as_deref().map(numbers),
            notes: Arc::default(),
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Names, kinds and roles.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The column with this name.
    ///
    /// # Errors
    /// If there is none; the error names it and lists what there is.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.schema
            .position(name)
            .map(|i| &self.columns[i])
            .ok_or_else(|| missing_column(self, name))
    }

    pub(crate) fn column_at(&self, position: usize) -> &Column {
        &self.columns[position]
    }

    /// All rows, to transform or to predict.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        Rows::all(self)
    }

    /// The labels in a column; give the column the role [`Role::Target`] as well, or use
    /// [`Table::split_labels`].
    ///
    /// # Errors
    /// See [`Labels::from_column`].
    pub fn labels(&self, name: &str) -> Result<Labels> {
        Labels::from_column(self.column(name)?).map_err(|e| e.in_column(name))
    }

    /// The values in a column.
    ///
    /// # Errors
    /// See [`Values::from_column`].
    pub fn values(&self, name: &str) -> Result<Values> {
        Values::from_column(self.column(name)?).map_err(|e| e.in_column(name))
    }

    /// The table with this column as its target, and the labels in it.
    ///
    /// # Errors
    /// See [`Labels::from_column`].
    pub fn split_labels(self, name: &str) -> Result<(Self, Labels)> {
        let labels = self.labels(name)?;
        Ok((self.with_role(name, Role::Target)?, labels))
    }

    /// The table with this column as its target, and the values in it.
    ///
    /// # Errors
    /// See [`Values::from_column`].
    pub fn split_values(self, name: &str) -> Result<(Self, Values)> {
        let values = self.values(name)?;
        Ok((self.with_role(name, Role::Target)?, values))
    }

    /// The weight of each row, if a column has that role.
    #[must_use]
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The group of each row as a code, if a column has that role.
    #[must_use]
    pub fn groups(&self) -> Option<&[u32]> {
        self.groups.as_deref()
    }

    /// The time of each row, if a column has that role.
    #[must_use]
    pub fn time(&self) -> Option<&[f64]> {
        self.time.as_deref()
    }
}

fn first_infinite(column: &Column) -> Option<(usize, f64)> {
    match column.data() {
        ColumnData::F32(values) => values
            .iter()
            .position(|v| v.is_infinite())
            .map(|row| (row, f64::from(values[row]))),
        ColumnData::F64(values) => values
            .iter()
            .position(|v| v.is_infinite())
            .map(|row| (row, values[row])),
        _ => None,
    }
}

/// The numbers of a column none of whose cells may be missing.
fn present(column: &Column) -> Result<Vec<f64>> {
    let numbers = column.numbers(RowIndex::All(column.len()));
    match numbers.iter().position(|v| v.is_nan()) {
        Some(row) => Err(Error::missing_value().in_row(row)),
        None => Ok(numbers),
    }
}

fn weights_of(column: &Column) -> Result<Arc<[f64]>> {
    if for_each_numbers!(column.data(), _values => false, else => true) {
        return Err(Error::wrong_kind("numeric", column.kind()));
    }
    let weights = present(column)?;
    if let Some(row) = weights.iter().position(|&w| w < 0.0) {
        return Err(Error::data("weights of 0 or more", weights[row]).in_row(row));
    }
    if !weights.is_empty() && weights.iter().all(|&w| w == 0.0) {
        return Err(Error::data("a weight above 0", "only zeros"));
    }
    Ok(weights.into())
}
