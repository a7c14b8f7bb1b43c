//! Rows to fit on, and rows that are held out to be scored.

use super::{HoldOut, Split, SplitContext, Splitter};
use crate::data::{Rows, Table, TableRows, Target, Train};
use crate::error::{Error, Result};
use crate::random::Seed;

/// Training rows and test rows of one table, none of which is copied; see [`Train::split`].
#[derive(Debug, Clone)]
pub struct TrainTest<'a, Y: Target> {
    all: Train<'a, Y>,
    train: TableRows,
    test: TableRows,
}

impl<Y: Target> TrainTest<'_, Y> {
    /// The rows to fit on, under the seed of the rows that were split.
    #[must_use]
    pub fn train(&self) -> Train<'_, Y> {
        self.all.at(&self.train)
    }

    /// The rows held out: no target within reach.
    #[must_use]
    pub fn test(&self) -> Rows<'_> {
        self.all.at(&self.test).rows()
    }

    /// The target of the rows held out, to score predictions with.
    #[must_use]
    pub fn test_target(&self) -> Y {
        self.all.table_target().take(self.test.as_slice())
    }

    /// The table's indices of the rows to fit on, ascending.
    #[must_use]
    pub fn train_index(&self) -> &[u32] {
        self.train.as_slice()
    }

    /// The table's indices of the rows held out, ascending.
    #[must_use]
    pub fn test_index(&self) -> &[u32] {
        self.test.as_slice()
    }
}

impl<'a, Y: Target> Train<'a, Y> {
    /// Holds out a fraction of the rows, to score on what was fitted on the others.
    ///
    /// Of each class (in regression, of each tenth of the values) the same fraction is held out, to
    /// within one row; if the table has a group column, whole groups are ([`HoldOut`]); if it has a
    /// time column and none of groups, the latest rows, with rows of one time on one side. The draw
    /// is from the seed.
    ///
    /// ```
    /// use stackfold::model::baseline::Prior;
    /// use stackfold::prelude::*;
    /// use stackfold::transform::passthrough::Passthrough;
    /// let table = Table::new([("x", Column::from((0..100).collect::<Vec<i64>>()))])?;
    /// let target = Labels::new((0..100).map(|i| i % 2).collect::<Vec<_>>(), vec!["no".into(), "yes".into()])?;
    /// let split = Train::new(&table, &target)?.split(0.2)?;
    /// let fitted = Pipeline::new(Passthrough::new(), Prior::new()).fit(split.train())?;
    /// let prediction = fitted.predict(split.test())?;
    /// let accuracy = ClassificationMetric::Accuracy.score(&split.test_target(), &prediction, None)?;
    /// assert_eq!((split.train().len(), split.test().len(), accuracy), (80, 20, 0.5));
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the fraction is not between 0 and 1, both excluded; if there are fewer than two rows, or
    /// groups, or times.
    pub fn split(self, fraction: f64) -> Result<TrainTest<'a, Y>> {
        let context = SplitContext::of(self).with_seed(self.seed().child("split"));
        let plan = match (context.groups(), context.time()) {
            (None, Some(time)) => latest(fraction, time)?,
            _ => HoldOut::new(fraction).plan(&context)?.split(0),
        };
        Ok(TrainTest {
            all: self,
            train: self.rows().table_rows(plan.train()),
            test: self.rows().table_rows(plan.validation()),
        })
    }
}

/// [`Train::split`] of all rows of a table.
///
/// ```
/// use stackfold::folds::train_test_split;
/// use stackfold::prelude::*;
/// let table = Table::new([("x", Column::from((0..10).collect::<Vec<i64>>()))])?;
/// let target = Values::new((0..10).map(f64::from).collect::<Vec<_>>())?;
/// let split = train_test_split(&table, &target, 0.3, Seed::new(1))?;
/// assert_eq!((split.train().len(), split.test().len()), (7, 3));
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As [`Train::new`] and [`Train::split`].
pub fn train_test_split<'a, Y: Target>(
    table: &'a Table,
    target: &'a Y,
    fraction: f64,
    seed: Seed,
) -> Result<TrainTest<'a, Y>> {
    Train::new(table, target)?.with_seed(seed).split(fraction)
}

/// Holds out the latest rows, as near to the fraction as times allow.
fn latest(fraction: f64, time: &[f64]) -> Result<Split> {
    HoldOut::new(fraction).check()?;
    let n = time.len();
    let mut times = time.to_vec();
    times.sort_by(f64::total_cmp);
    let wanted = (1.0 - fraction) * n as f64;
    let starts = (1..n).filter(|&i| times[i - 1] < times[i]);
    let distance = |&start: &usize| (start as f64 - wanted).abs();
    let Some(start) = starts.min_by(|a, b| distance(a).total_cmp(&distance(b))) else {
        return Err(Error::data("at least two times", "one time"));
    };
    let first = times[start];
    let (test, train) = (0..)
        .take(n)
        .partition(|&row: &u32| time[row as usize] >= first);
    Split::new(train, test, n)
}
