//! When to stop a fit early, and the rows that are set aside to tell.

use serde::{Deserialize, Serialize};

use crate::data::{DynTarget, FitContext, RowIndex};
use crate::error::{Error, Result};
use crate::folds::deal;
use crate::options::{at_least_one, at_least_zero};

/// When a fit of many rounds (boosting) or epochs (a network) stops before its last one: once the
/// loss of rows that were set aside has not fallen for some of them. What the best round or epoch
/// so far had come to is kept.
///
/// The rows are set aside from the training rows: the last ones if rows have a time, whole groups
/// if they have groups, and stratified otherwise. What is fitted does not see them: neither trees
/// nor weights, nor the cuts of bins or the scaling of inputs. Rows of weight 0 are on neither side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    share: f64,
    patience: usize,
    min_improvement: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self {
            share: 0.1,
            patience: 20,
            min_improvement: 0.0,
        }
    }
}

impl EarlyStopping {
    /// A tenth of the rows is set aside; 20 rounds (or epochs) without improvement are enough.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    crate::options::options! {
        /// The share of rows that is set aside, above 0 and at most a half; 0.1 by default.
        with_share(share: f64);
        /// How many rounds or epochs without improvement stop the fit; 20 by default.
        with_patience(patience: usize);
        /// By how much the loss must fall to count as an improvement; 0 by default.
        with_min_improvement(min_improvement: f64);
    }

    pub(crate) fn check(self) -> Result<()> {
        at_least_one("patience", self.patience)?;
        at_least_zero("min_improvement", self.min_improvement)?;
        if self.share > 0.0 && self.share <= 0.5 {
            return Ok(());
        }
        let expected = "above 0 and at most 0.5";
        Err(Error::parameter("share", expected, self.share))
    }
}

/// Rows to train on and rows to validate, each in ascending order; all of these rows, which ascend.
///
/// With times, the last rows are validated (rows of one time, and of one group, stay together);
/// else folds are dealt as everywhere: stratified, in whole groups if there are groups.
pub(crate) fn inner_split(
    share: f64,
    target: &dyn DynTarget,
    context: &FitContext<'_>,
    rows: RowIndex<'_>,
) -> Result<(Vec<u32>, Vec<u32>)> {
    let n = rows.len();
    let groups = context.groups().map(|groups| rows.gather(groups));
    let groups = groups.as_deref();
    let is_validation = if let Some(time) = context.time() {
        latest(share, &rows.gather(time), groups)
    } else {
        // One fold of so many.
        let n_folds = (2..=n.max(2))
            .find(|&k| k as f64 >= share.recip().round())
            .unwrap_or(n);
        let strata = target.strata(rows);
        let seed = context.seed().child("early stopping");
        let folds = deal(&strata, groups, n_folds, seed)?;
        folds.map(|folds| folds.fold_of_row().iter().map(|&fold| fold == 0).collect())
    };
    let part = |validation: bool, is: &[bool]| -> Vec<u32> {
        let of = rows.iter().zip(is).filter(|&(_, &v)| v == validation);
        // Rows are numbered by u32 everywhere.
        of.filter_map(|(row, _)| u32::try_from(row).ok()).collect()
    };
    match is_validation {
        Some(is) if is.contains(&true) && is.contains(&false) => {
            Ok((part(false, &is), part(true, &is)))
        }
        _ => Err(Error::data(
            "rows (groups, times) that can be divided for early stopping",
            format!("{n} rows of one"),
        )),
    }
}

/// The rows after the time that leaves about this share of them; all rows of a group that has one
/// go with it.
fn latest(share: f64, time: &[f64], groups: Option<&[u32]>) -> Option<Vec<bool>> {
    let time: Vec<f64> = match groups {
        None => time.to_vec(),
        Some(groups) => {
            // A group is as late as its last row.
            let n_groups = groups.iter().max().map_or(0, |&g| g as usize + 1);
            let mut last = vec![f64::NEG_INFINITY; n_groups];
            for (&group, &t) in groups.iter().zip(time) {
                last[group as usize] = last[group as usize].max(t);
            }
            groups.iter().map(|&g| last[g as usize]).collect()
        }
    };
    let mut sorted = time.clone();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let n_train = (0..n).rfind(|&k| k as f64 <= (1.0 - share) * n as f64)?;
    let first = *sorted.get(n_train)?;
    // Rows of the first validated time: with the others, unless nothing would be left.
    let from_first: Vec<bool> = time.iter().map(|&t| t >= first).collect();
    if from_first.contains(&false) {
        return Some(from_first);
    }
    Some(time.iter().map(|&t| t > first).collect())
}

#[cfg(test)]
mod tests;
