//! A batched table with a target.

use super::BatchedTable;
use crate::data::{Role, Table, Target, Train};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::random::Seed;

/// A batched table with the target of its rows: what a transformer is fitted on.
///
/// This is [`Train`] for rows that do not lie in memory. The target does, one value per row.
///
/// ```
/// use stackfold::data::batches::{BatchedTable, TableBatches, TrainBatches};
/// use stackfold::prelude::*;
/// let table = Table::new([("x", Column::numeric(vec![1.0, 2.0, 3.0]))])?;
/// let target = Labels::from_strs(&["no", "yes", "no"])?;
/// let source = TableBatches::new(&table, 2);
/// let batched = BatchedTable::new(&source)?;
/// assert_eq!(TrainBatches::new(&batched, &target)?.len(), 3);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug)]
pub struct TrainBatches<'a, Y> {
    table: &'a BatchedTable<'a>,
    target: &'a Y,
    seed: Seed,
    progress: Option<&'a dyn Progress>,
    /// Positions of the columns to look at; all feature columns if none.
    columns: Option<&'a [usize]>,
    /// Columns that have been gathered already.
    loaded: Option<&'a Table>,
}

impl<Y> Clone for TrainBatches<'_, Y> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Y> Copy for TrainBatches<'_, Y> {}

impl<'a, Y: Target> TrainBatches<'a, Y> {
    /// All rows with their target; the seed is 0.
    ///
    /// # Errors
    /// If the target has another number of rows than the table.
    pub fn new(table: &'a BatchedTable<'a>, target: &'a Y) -> Result<Self> {
        if table.n_rows() != target.n_rows() {
            return Err(Error::data(
                format!("a target of {} rows, as the batches have", table.n_rows()),
                format!("{} rows", target.n_rows()),
            ));
        }
        Ok(Self {
            table,
            target,
            seed: Seed::default(),
            progress: None,
            columns: None,
            loaded: None,
        })
    }

    /// The same rows under another seed.
    #[must_use]
    pub fn with_seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// The same rows with a progress observer, which may stop the fit, or none.
    #[must_use]
    pub fn with_progress(self, progress: Option<&'a dyn Progress>) -> Self {
        Self { progress, ..self }
    }

    /// How many rows.
    #[must_use]
    pub fn len(self) -> usize {
        self.table.n_rows()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The table.
    #[must_use]
    pub fn table(self) -> &'a BatchedTable<'a> {
        self.table
    }

    /// The target of all rows.
    #[must_use]
    pub fn target(self) -> &'a Y {
        self.target
    }

    /// The seed for what is fitted here.
    #[must_use]
    pub fn seed(self) -> Seed {
        self.seed
    }

    /// The same rows, looking at the columns at these positions.
    pub(crate) fn select(self, columns: &'a [usize]) -> Self {
        let columns = Some(columns);
        Self { columns, ..self }
    }

    /// The columns that were chosen to be looked at, if any were.
    pub(crate) fn chosen(self) -> Option<&'a [usize]> {
        self.columns
    }

    /// The same rows, some columns of which have been gathered.
    pub(crate) fn with_loaded(self, table: &'a Table) -> Self {
        let loaded = Some(table);
        Self { loaded, ..self }
    }

    /// The columns to look at.
    pub(crate) fn positions(self) -> Vec<usize> {
        let fields = self.table.schema().fields();
        match self.columns {
            Some(columns) => columns.to_vec(),
            None => (0..fields.len())
                .filter(|&i| fields[i].role() == Role::Feature)
                .collect(),
        }
    }

    /// Brings columns together, and does something with them.
    pub(crate) fn with_columns<T>(
        self,
        positions: &[usize],
        beside: Option<&str>,
        f: impl FnOnce(Train<'_, Y>) -> Result<T>,
    ) -> Result<T> {
        if self.progress.is_some_and(Progress::is_stopped) {
            return Err(Error::stopped());
        }
        let (table, chosen) = self.table.load(positions, beside, self.loaded)?;
        let train = Train::new(&table, self.target)?
            .with_seed(self.seed)
            .with_progress(self.progress);
        f(train.select(&chosen))
    }
}
