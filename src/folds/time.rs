//! Splits in time: fitted on what came before.

use super::{FoldPlan, Split, SplitContext, Splitter};
use crate::error::{Error, Result};
use crate::options::{at_least_one, options};

/// Splits in order of time: each validates a stretch of rows, and is fitted on earlier ones.
///
/// The rows in order of the table's time column are cut into `n_splits + 1` stretches of about the
/// same number of rows; each cut lies between two times, never between rows of one time. Split `i`
/// validates stretch `i + 1`, and is fitted on rows whose time is
///
/// * below `start - gap`, where `start` is the first time that it validates, and
/// * with [`Window::Sliding`], not below `start - gap - length`.
///
/// Gap and length have the unit of the time column: days for dates, milliseconds for datetimes.
/// The first stretch is never validated. If the table has a group column, rows of groups that are
/// validated are not fitted on.
///
/// ```
/// use stackfold::data::{Column, Role, Table, Train, Values};
/// use stackfold::folds::{SplitContext, Splitter, TimeSeriesSplit, Window};
/// let table = Table::new([("day", Column::numeric(vec![3.0, 1.0, 2.0, 4.0, 5.0, 6.0]))])?
///     .with_role("day", Role::Time)?;
/// let target = Values::new(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])?;
/// let context = SplitContext::of(Train::new(&table, &target)?);
/// let plan = TimeSeriesSplit::new(2).plan(&context)?;
/// assert_eq!((plan.split(0).train(), plan.split(0).validation()), (&[1, 2][..], &[0, 3][..]));
/// assert_eq!(plan.split(1).train(), [0, 1, 2, 3]);
/// let sliding = TimeSeriesSplit::new(2).with_gap(1.0).with_window(Window::Sliding { length: 2.0 });
/// assert_eq!(sliding.plan(&context)?.split(1).train(), [0, 2]); // days 2 and 3, for 5 and 6
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If the table has no time column; if there are fewer than `n_splits + 1` different times, or
/// `n_splits` is 0; if the gap is negative or not finite, or the length not above 0; if no row is
/// left to fit a split on (the error names the split as a fold).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSeriesSplit {
    n_splits: usize,
    #[serde(default)]
    window: Window,
    #[serde(default)]
    gap: f64,
}

/// How far back the rows of a [`TimeSeriesSplit`] reach that a split is fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Window {
    /// To the first row.
    #[default]
    Expanding,
    /// So far, in the unit of the time column.
    Sliding {
        /// How far.
        length: f64,
    },
}

impl TimeSeriesSplit {
    /// This many splits, with an expanding window and no gap.
    #[must_use]
    pub fn new(n_splits: usize) -> Self {
        Self {
            n_splits,
            window: Window::Expanding,
            gap: 0.0,
        }
    }

    options! {
        /// With this window.
        with_window(window: Window);
        /// With this gap between the rows to fit on and those to validate.
        with_gap(gap: f64);
    }

    /// The number of splits.
    #[must_use]
    pub fn n_splits(&self) -> usize {
        self.n_splits
    }

    fn check(&self) -> Result<()> {
        at_least_one("n_splits", self.n_splits)?;
        if !(self.gap >= 0.0 && self.gap.is_finite()) {
            return Err(Error::parameter("gap", "0 or more", self.gap));
        }
        match self.window {
            Window::Sliding { length } if !(length > 0.0 && length.is_finite()) => {
                Err(Error::parameter("length", "above 0", length))
            }
            _ => Ok(()),
        }
    }
}

impl Splitter for TimeSeriesSplit {
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
        self.check()?;
        let Some(time) = context.time() else {
            return Err(Error::data("a table with a time column", "none"));
        };
        let n = context.n_rows();
        let mut order: Vec<u32> = (0..).take(n).collect();
        order.sort_by(|&a, &b| time[a as usize].total_cmp(&time[b as usize]));
        let cuts = self.cuts(&order, time)?;
        let mut splits = Vec::with_capacity(self.n_splits);
        for (i, stretch) in cuts.windows(2).enumerate() {
            let validation = &order[stretch[0]..stretch[1]];
            let end = time[validation[0] as usize] - self.gap;
            let begin = match self.window {
                Window::Expanding => f64::NEG_INFINITY,
                Window::Sliding { length } => end - length,
            };
            let fits = |row: &u32| (begin..end).contains(&time[*row as usize]);
            let mut train: Vec<u32> = order[..stretch[0]].iter().copied().filter(fits).collect();
            if let Some(groups) = context.groups() {
                let mut validated = vec![false; super::deal::n_codes(groups)];
                for &row in validation {
                    validated[groups[row as usize] as usize] = true;
                }
                let before = train.len();
                train.retain(|&row| !validated[groups[row as usize] as usize]);
                if train.is_empty() && before > 0 {
                    return Err(Error::data(
                        "a row to fit on whose group is not validated",
                        "none",
                    )
                    .in_fold(i));
                }
            }
            let split =
                Split::new(train, validation.to_vec(), n).map_err(|error| error.in_fold(i))?;
            splits.push(split);
        }
        FoldPlan::from_splits(splits, n)
    }
}

impl TimeSeriesSplit {
    /// Where the validated stretches of `order` begin, and the end of the last: each cut is the
    /// start of a new time, the one nearest to an even share that leaves enough times for the
    /// others.
    fn cuts(&self, order: &[u32], time: &[f64]) -> Result<Vec<usize>> {
        let n = order.len();
        let at = |place: usize| time[order[place] as usize];
        let starts: Vec<usize> = (1..n).filter(|&i| at(i) > at(i - 1)).collect();
        if starts.len() < self.n_splits {
            return Err(Error::data(
                format!("at least {} different times", self.n_splits + 1),
                starts.len() + 1,
            ));
        }
        let mut cuts = Vec::with_capacity(self.n_splits + 1);
        let mut next = 0;
        for i in 0..self.n_splits {
            let even = (i + 1) * n / (self.n_splits + 1);
            let last = starts.len() - (self.n_splits - i);
            let after = next + starts[next..=last].partition_point(|&start| start < even);
            let best = match after {
                a if a > last => last,
                a if a > next && even - starts[a - 1] < starts[a] - even => a - 1,
                a => a,
            };
            cuts.push(starts[best]);
            next = best + 1;
        }
        cuts.push(n);
        Ok(cuts)
    }
}
