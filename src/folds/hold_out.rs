//! One split: a fraction of the rows is held out.

use super::deal::{compact, deal_to_shares, n_codes};
use super::{FoldPlan, Split, SplitContext, Splitter};
use crate::error::{Error, Result};

/// One split that holds out a fraction of the rows for validation.
///
/// Of `n` rows, `fraction * n` are held out, rounded and at least one on each side; of each class
/// (in regression, of each tenth of the values) the same fraction to within one row. If the table
/// has a group column, whole groups are held out, so that rows and classes come as near to the
/// fraction as groups allow.
///
/// ```
/// use stackfold::data::{Column, Labels, Table, Train};
/// use stackfold::folds::{HoldOut, SplitContext, Splitter};
/// let table = Table::new([("x", Column::numeric(vec![0.0; 8]))])?;
/// let target = Labels::from_strs(&["a", "b", "a", "b", "a", "b", "a", "b"])?;
/// let plan = HoldOut::new(0.25).plan(&SplitContext::of(Train::new(&table, &target)?))?;
/// let split = plan.split(0);
/// assert_eq!((plan.n_splits(), split.train().len(), split.validation().len()), (1, 6, 2));
/// let codes: u32 = split.validation().iter().map(|&row| target.codes()[row as usize]).sum();
/// assert_eq!(codes, 1); // one of each class
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If the fraction is not between 0 and 1, both excluded, or there are fewer than two rows (two
/// groups, if there are any).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HoldOut {
    fraction: f64,
}

impl HoldOut {
    /// Holds out this fraction of the rows.
    #[must_use]
    pub fn new(fraction: f64) -> Self {
        Self { fraction }
    }

    /// The fraction of the rows that is held out.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.fraction
    }
}

impl Splitter for HoldOut {
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
        self.check()?;
        let held_out = match context.groups() {
            Some(groups) => self.hold_out_groups(groups, context)?,
            None => self.hold_out_rows(context)?,
        };
        let n = context.n_rows();
        let (validation, train) = (0..).take(n).partition(|&row: &u32| held_out[row as usize]);
        FoldPlan::from_splits(vec![Split::new(train, validation, n)?], n)
    }
}

impl HoldOut {
    pub(super) fn check(self) -> Result<()> {
        if self.fraction > 0.0 && self.fraction < 1.0 {
            return Ok(());
        }
        Err(Error::parameter(
            "fraction",
            "between 0 and 1",
            self.fraction,
        ))
    }

    /// Rows are shuffled, put in the order of their strata, and `m` of `n` taken in even steps: of
    /// each run of `r` rows, `r * m / n` to within one.
    fn hold_out_rows(self, context: &SplitContext<'_>) -> Result<Vec<bool>> {
        let n = context.n_rows();
        if n < 2 {
            return Err(Error::data("at least two rows", n));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and n"
        )]
        let m = ((self.fraction * n as f64).round() as usize).clamp(1, n - 1);
        let mut rows: Vec<u32> = (0..).take(n).collect();
        context.seed().stream().shuffle(&mut rows);
        let strata = context.strata();
        rows.sort_by_key(|&row| strata[row as usize]);
        let mut held_out = vec![false; n];
        let mut step = 0;
        for &row in &rows {
            step += m;
            if step >= n {
                step -= n;
                held_out[row as usize] = true;
            }
        }
        Ok(held_out)
    }

    fn hold_out_groups(self, groups: &[u32], context: &SplitContext<'_>) -> Result<Vec<bool>> {
        let groups = compact(groups);
        if n_codes(&groups) < 2 {
            return Err(Error::data("at least two groups", n_codes(&groups)));
        }
        let shares = [1.0 - self.fraction, self.fraction];
        let sides = deal_to_shares(context.strata(), &groups, &shares, context.seed());
        Ok(sides.iter().map(|&side| side == 1).collect())
    }
}
