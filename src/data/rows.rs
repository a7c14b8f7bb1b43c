//! Rows of a table: with a target within reach ([`Train`]), or without ([`Rows`]).

use std::borrow::Cow;

use super::{Column, DynTarget, Field, Role, Table, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Event, Progress};
use crate::random::Seed;

/// Which rows of a table: all of them, or those listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "loops match on the two forms; a third would be another type"
)]
pub enum RowIndex<'a> {
    /// All rows of a table of this many rows.
    All(usize),
    /// The rows with these indices, in this order.
    Some(&'a [u32]),
}

impl<'a> RowIndex<'a> {
    /// How many rows.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::All(n) => n,
            Self::Some(index) => index.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The index in the table of the row at a position.
    ///
    /// # Panics
    /// If `position` is not below [`RowIndex::len`].
    #[must_use]
    pub fn row(self, position: usize) -> usize {
        match self {
            Self::All(n) => {
                assert!(position < n, "position {position} of {n} rows");
                position
            }
            Self::Some(index) => index[position] as usize,
        }
    }

    /// The values at these rows: borrowed when all rows are meant.
    #[must_use]
    pub fn gather<T: Copy>(self, values: &[T]) -> Cow<'_, [T]> {
        match self {
            Self::All(_) => Cow::Borrowed(values),
            Self::Some(index) => Cow::Owned(index.iter().map(|&i| values[i as usize]).collect()),
        }
    }

    /// A function of the values at these rows.
    #[must_use]
    pub fn map<T: Copy, U>(self, values: &[T], f: impl Fn(T) -> U) -> Vec<U> {
        match self {
            Self::All(_) => values.iter().map(|&v| f(v)).collect(),
            Self::Some(index) => index.iter().map(|&i| f(values[i as usize])).collect(),
        }
    }

    /// The table's row indices of the given positions.
    #[must_use]
    pub fn compose(self, positions: &[u32]) -> Vec<u32> {
        match self {
            Self::All(_) => positions.to_vec(),
            Self::Some(index) => positions.iter().map(|&p| index[p as usize]).collect(),
        }
    }

    /// The row indices.
    pub fn iter(self) -> impl Iterator<Item = usize> + 'a {
        (0..self.len()).map(move |position| self.row(position))
    }
}

/// Rows of a table by their indices in it, none twice: not to be mistaken for positions among
/// training rows, which folds and predictions count by.
#[derive(Debug, Clone)]
pub(crate) struct TableRows(Vec<u32>);

impl TableRows {
    pub(crate) fn index(&self) -> RowIndex<'_> {
        RowIndex::Some(&self.0)
    }

    /// The table's rows at these positions among them, none of which stands twice.
    pub(crate) fn take(&self, positions: &[u32]) -> Self {
        Self(self.index().compose(positions))
    }

    pub(crate) fn as_slice(&self) -> &[u32] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Rows of a table to be transformed or predicted, and the columns to look at; no target.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    table: &'a Table,
    index: RowIndex<'a>,
    /// Positions of the columns to look at; all feature columns if none.
    columns: Option<&'a [usize]>,
}

impl<'a> Rows<'a> {
    pub(crate) fn all(table: &'a Table) -> Self {
        Self {
            table,
            index: RowIndex::All(table.n_rows()),
            columns: None,
        }
    }

    pub(super) fn table(self) -> &'a Table {
        self.table
    }

    /// How many rows.
    #[must_use]
    pub fn len(self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.index.is_empty()
    }

    /// Which rows of the table.
    #[must_use]
    pub fn index(self) -> RowIndex<'a> {
        self.index
    }

    /// Other rows of the same table: indices into the table.
    ///
    /// # Errors
    /// If an index is not below the table's number of rows.
    pub fn subset(self, index: &'a [u32]) -> Result<Self> {
        check_index(index, self.table.n_rows())?;
        Ok(Self {
            index: RowIndex::Some(index),
            ..self
        })
    }

    /// The table's rows at these positions among the rows, none of which stands twice.
    pub(crate) fn table_rows(self, positions: &[u32]) -> TableRows {
        TableRows(self.index.compose(positions))
    }

    /// Other rows of the same table, which are known to be there.
    pub(crate) fn at(self, rows: &'a TableRows) -> Self {
        Self {
            index: rows.index(),
            ..self
        }
    }

    /// As [`subset`](Self::subset), of one row at least and none twice.
    fn distinct(self, index: &'a [u32]) -> Result<Self> {
        if index.is_empty() {
            return Err(Error::data("at least one row", "none"));
        }
        let rows = self.subset(index)?;
        let mut seen = vec![false; self.table.n_rows()];
        for &row in index {
            // A copy of a row in another fold would bring its target with it.
            if std::mem::replace(&mut seen[row as usize], true) {
                return Err(Error::data("rows that differ", "a row twice").in_row(row as usize));
            }
        }
        Ok(rows)
    }

    /// The same rows, looking at the columns at these positions of the table.
    pub(crate) fn select(self, columns: &'a [usize]) -> Self {
        Self {
            columns: Some(columns),
            ..self
        }
    }

    /// The fields and columns to look at: the chosen ones, or all with the role of a feature.
    pub fn features(self) -> impl Iterator<Item = (&'a Field, &'a Column)> {
        let table = self.table;
        self.positions()
            .into_iter()
            .map(move |i| (&table.schema().fields()[i], table.column_at(i)))
    }

    /// The positions in the table of [`Rows::features`].
    pub(crate) fn positions(self) -> Vec<usize> {
        match self.columns {
            Some(columns) => columns.to_vec(),
            None => (0..self.table.schema().fields().len())
                .filter(|&i| self.table.schema().fields()[i].role() == Role::Feature)
                .collect(),
        }
    }

    /// The column with this name, whatever its role but that of the target.
    ///
    /// # Errors
    /// If there is none, the error names it and lists what there is; if it is the target, it says
    /// so.
    pub fn column(self, name: &str) -> Result<&'a Column> {
        self.found(self.table.schema().position(name), name)
    }

    /// The columns with these names, found quickly if the table has them in this order.
    pub(crate) fn columns_in_order<'n>(
        self,
        names: impl Iterator<Item = &'n str>,
    ) -> impl Iterator<Item = (&'n str, Result<&'a Column>)> {
        let mut guess = 0;
        names.map(move |name| {
            let position = self.table.schema().position_near(name, guess);
            guess = position.map_or(guess, |position| position + 1);
            (name, self.found(position, name))
        })
    }

    fn found(self, position: Option<usize>, name: &str) -> Result<&'a Column> {
        match position {
            None => Err(missing_column(self.table, name)),
            Some(i) if self.table.schema().fields()[i].role() == Role::Target => {
                Err(Error::data("a column other than the target", "the target").in_column(name))
            }
            Some(i) => Ok(self.table.column_at(i)),
        }
    }

    /// Names, kinds and roles of the table's columns.
    #[must_use]
    pub fn schema(self) -> &'a super::Schema {
        self.table.schema()
    }

    /// The columns that were chosen to be looked at, if any were.
    pub(crate) fn chosen(self) -> Option<&'a [usize]> {
        self.columns
    }

    pub(crate) fn column_at(self, position: usize) -> &'a Column {
        self.table.column_at(position)
    }

    /// The field with this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn field(self, name: &str) -> Result<&'a Field> {
        let i = self
            .table
            .schema()
            .position(name)
            .ok_or_else(|| missing_column(self.table, name))?;
        Ok(&self.table.schema().fields()[i])
    }

    /// The weight of each row, if the table has a weight column.
    pub(crate) fn weights(self) -> Option<Cow<'a, [f64]>> {
        let weights = self.table.weights();
        weights.map(|weights| gather_from(self.index, weights))
    }

    /// The time of each row, if the table has a time column.
    #[must_use]
    pub fn time(self) -> Option<Cow<'a, [f64]>> {
        self.table.time().map(|time| gather_from(self.index, time))
    }

    /// The group of each row as a code, if the table has a group column.
    #[must_use]
    pub fn groups(self) -> Option<Cow<'a, [u32]>> {
        self.table
            .groups()
            .map(|groups| gather_from(self.index, groups))
    }
}

impl<'a> From<&'a Table> for Rows<'a> {
    /// All rows.
    fn from(table: &'a Table) -> Self {
        Self::all(table)
    }
}

/// Rows that something may be fitted on: columns, the target, weights, groups, time, a seed, and
/// who watches.
///
/// ```
/// use stackfold::data::{Column, Labels, Table, Train};
/// let table = Table::new([("x", Column::numeric(vec![1.0, 2.0, 3.0]))])?;
/// let target = Labels::from_strs(&["no", "yes", "no"])?;
/// let train = Train::new(&table, &target)?;
/// assert_eq!(train.len(), 3);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug)]
pub struct Train<'a, Y: ?Sized> {
    rows: Rows<'a>,
    target: &'a Y,
    /// See [`Train::with_target_origin`].
    target_origin: Option<f64>,
    seed: Seed,
    progress: Option<&'a dyn Progress>,
}

impl<Y: ?Sized> Clone for Train<'_, Y> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Y: ?Sized> Copy for Train<'_, Y> {}

impl<'a, Y: Target> Train<'a, Y> {
    /// All rows of a table with their target; the seed is 0, and there is no progress observer.
    ///
    /// # Errors
    /// If the target has another number of rows than the table, or there is no row.
    pub fn new(table: &'a Table, target: &'a Y) -> Result<Self> {
        if table.n_rows() != target.n_rows() {
            return Err(Error::data(
                format!("a target of {} rows, as the table has", table.n_rows()),
                format!("{} rows", target.n_rows()),
            ));
        }
        if table.n_rows() == 0 {
            return Err(Error::data("at least one row", "none"));
        }
        Ok(Self {
            rows: Rows::all(table),
            target,
            target_origin: None,
            seed: Seed::default(),
            progress: None,
        })
    }

    /// The target of these rows.
    #[must_use]
    pub fn target(self) -> Cow<'a, Y> {
        match self.rows.index {
            RowIndex::All(_) => Cow::Borrowed(self.target),
            RowIndex::Some(index) => Cow::Owned(self.target.take(index)),
        }
    }

    /// The same rows with another target of the whole table, which has as many rows.
    pub(crate) fn with_target<'b, Z>(self, target: &'b Z) -> Train<'b, Z>
    where
        'a: 'b,
    {
        Train {
            rows: self.rows,
            target,
            target_origin: None,
            seed: self.seed,
            progress: self.progress,
        }
    }

    /// The same rows, with a target whose type has no name.
    pub(crate) fn as_dyn(self) -> Train<'a, dyn DynTarget> {
        Train {
            rows: self.rows,
            target: self.target.as_dyn(),
            target_origin: self.target_origin,
            seed: self.seed,
            progress: self.progress,
        }
    }
}

impl<'a, Y: ?Sized> Train<'a, Y> {
    /// The same rows under another seed.
    #[must_use]
    pub fn with_seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// The same rows with a progress observer, which may stop the fit, or none.
    ///
    /// ```
    /// use stackfold::model::baseline::Prior;
    /// use stackfold::prelude::*;
    /// use stackfold::progress::{Progress, StopFlag};
    /// use stackfold::transform::passthrough::Passthrough;
    /// let table = Table::new([("x", Column::numeric(vec![1.0, 2.0, 3.0]))])?;
    /// let target = Labels::from_strs(&["no", "yes", "no"])?;
    /// let flag = StopFlag::new();
    /// let train = Train::new(&table, &target)?.with_progress(Some(&flag));
    /// assert!(Pipeline::new(Passthrough::new(), Prior::new()).fit(train).is_ok());
    /// flag.stop();
    /// assert!(train.progress().is_some_and(Progress::is_stopped));
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn with_progress(self, progress: Option<&'a dyn Progress>) -> Self {
        Self { progress, ..self }
    }

    /// Other rows of the same table: indices into the table.
    ///
    /// # Errors
    /// If there is none, an index is not below the table's number of rows, or one stands twice:
    /// a copy of a row in another fold would bring the row's own target with it.
    pub fn subset(self, index: &'a [u32]) -> Result<Self> {
        let rows = self.rows.distinct(index)?;
        Ok(Self { rows, ..self })
    }

    /// Other rows of the same table, which are known to be there and to differ.
    pub(crate) fn at(self, rows: &'a TableRows) -> Self {
        let rows = self.rows.at(rows);
        Self { rows, ..self }
    }

    /// The same rows, looking at the columns at these positions of the table.
    pub(crate) fn select(self, columns: &'a [usize]) -> Self {
        Self {
            rows: self.rows.select(columns),
            ..self
        }
    }

    /// The same rows, from whose target this is taken off before it is encoded: so that encoders
    /// fitted on other rows of them give features that can stand side by side.
    pub(crate) fn with_target_origin(self, origin: f64) -> Self {
        Self {
            target_origin: Some(origin),
            ..self
        }
    }

    pub(crate) fn target_origin(self) -> Option<f64> {
        self.target_origin
    }

    /// The rows without their target.
    #[must_use]
    pub fn rows(self) -> Rows<'a> {
        self.rows
    }

    /// How many rows.
    #[must_use]
    pub fn len(self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.rows.is_empty()
    }

    /// The target of the whole table; use it with [`Rows::index`].
    #[must_use]
    pub fn table_target(self) -> &'a Y {
        self.target
    }

    /// The weight of each row, if the table has a weight column: finite, none negative.
    #[must_use]
    pub fn weights(self) -> Option<Cow<'a, [f64]>> {
        self.rows.weights()
    }

    /// The seed for what is fitted here; ask it for a child by your own name.
    #[must_use]
    pub fn seed(self) -> Seed {
        self.seed
    }

    /// The progress observer, if there is one.
    #[must_use]
    pub fn progress(self) -> Option<&'a dyn Progress> {
        self.progress
    }

    /// Tells the observer, if there is one, what has happened.
    pub(crate) fn tell(self, event: &Event<'_>) {
        if let Some(progress) = self.progress {
            progress.event(event);
        }
    }

    /// An error if the observer, if there is one, wants the fit to stop.
    pub(crate) fn check_stopped(self) -> Result<()> {
        if self.progress.is_some_and(Progress::is_stopped) {
            return Err(Error::stopped());
        }
        Ok(())
    }
}

/// The positions of the rows that have weight, if some have none.
pub(crate) fn weighty(weights: Option<&[f64]>) -> Option<Vec<u32>> {
    let weights = weights?;
    let has_weight = |&(_, &weight): &(u32, &f64)| weight > 0.0;
    let all = weights.iter().all(|&weight| weight > 0.0);
    (!all).then(|| {
        let rows = (0..).zip(weights).filter(has_weight);
        rows.map(|(row, _)| row).collect()
    })
}

fn gather_from<'a, T: Copy>(index: RowIndex<'_>, values: &'a [T]) -> Cow<'a, [T]> {
    match index {
        RowIndex::All(_) => Cow::Borrowed(values),
        RowIndex::Some(index) => Cow::Owned(index.iter().map(|&i| values[i as usize]).collect()),
    }
}

pub(super) fn check_index(index: &[u32], n_rows: usize) -> Result<()> {
    match index.iter().find(|&&i| i as usize >= n_rows) {
        Some(&i) => Err(Error::data(
            format!("row indices below {n_rows}"),
            format!("index {i}"),
        )),
        None => Ok(()),
    }
}

pub(crate) fn missing_column(table: &Table, name: &str) -> Error {
    Error::new(ErrorKind::MissingColumn {
        available: table.schema().names().map(str::to_owned).collect(),
    })
    .in_column(name)
}

/// What comes with the rows of a fit: weights, groups, times, in the rows' order, a seed, and who
/// watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct FitContext<'a> {
    weights: Option<&'a [f64]>,
    groups: Option<&'a [u32]>,
    time: Option<&'a [f64]>,
    seed: Seed,
    progress: Option<&'a dyn Progress>,
}

impl<'a> FitContext<'a> {
    /// The same context with these weights, or none.
    #[must_use]
    pub fn with_weights(self, weights: Option<&'a [f64]>) -> Self {
        Self { weights, ..self }
    }

    /// The same context with these groups, or none.
    #[must_use]
    pub fn with_groups(self, groups: Option<&'a [u32]>) -> Self {
        Self { groups, ..self }
    }

    /// The same context with these times, or none.
    #[must_use]
    pub fn with_time(self, time: Option<&'a [f64]>) -> Self {
        Self { time, ..self }
    }

    /// The same context with this seed.
    #[must_use]
    pub fn with_seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// The same context with a progress observer, which may stop the fit, or none.
    ///
    /// ```
    /// use stackfold::prelude::*;
    /// use stackfold::progress::{Progress, StopFlag};
    /// /// What an estimator does in a long fit.
    /// fn iterate(context: &FitContext<'_>) -> Result<()> {
    ///     for _ in 0..10 {
    ///         if context.progress().is_some_and(Progress::is_stopped) {
    ///             return Err(Error::stopped());
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// let flag = StopFlag::new();
    /// let context = FitContext::default().with_progress(Some(&flag));
    /// assert!(iterate(&context).is_ok());
    /// flag.stop();
    /// assert!(iterate(&context).is_err());
    /// ```
    #[must_use]
    pub fn with_progress(self, progress: Option<&'a dyn Progress>) -> Self {
        Self { progress, ..self }
    }

    /// The weight of each row: finite, none negative.
    #[must_use]
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The group of each row as a code.
    #[must_use]
    pub fn groups(&self) -> Option<&'a [u32]> {
        self.groups
    }

    /// The time of each row.
    #[must_use]
    pub fn time(&self) -> Option<&'a [f64]> {
        self.time
    }

    /// The seed; ask it for a child by your own name.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The progress observer, if there is one.
    #[must_use]
    pub fn progress(&self) -> Option<&'a dyn Progress> {
        self.progress
    }
}
