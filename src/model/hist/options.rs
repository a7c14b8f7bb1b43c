//! Options that more than one kind of tree model has.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::options::{at_least_one, at_least_zero};
use crate::random::Seed;

/// Which way predictions may move as a feature grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Monotone {
    /// They never fall.
    Increasing,
    /// They never rise.
    Decreasing,
}

impl Monotone {
    pub(super) fn sign(self) -> i8 {
        match self {
            Self::Increasing => 1,
            Self::Decreasing => -1,
        }
    }
}

/// Which rows each tree of boosting is grown on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Sampling {
    /// All.
    #[default]
    All,
    /// A share of them, above 0 and at most 1, drawn anew for each round (Friedman 2002).
    Share(f64),
    /// Those of the largest gradients, and a draw of the others that stands for all of them
    /// (gradient-based one-side sampling; Ke et al. 2017).
    Gradient {
        /// The share of rows of the largest gradients that is always kept.
        top: f64,
        /// The share of rows that is drawn from the others.
        other: f64,
    },
}

impl Sampling {
    pub(super) fn check(self) -> Result<()> {
        let (ok, found) = match self {
            Self::All => (true, String::new()),
            Self::Share(share) => (share > 0.0 && share <= 1.0, share.to_string()),
            Self::Gradient { top, other } => (
                top > 0.0 && other > 0.0 && top + other <= 1.0,
                format!("top {top}, other {other}"),
            ),
        };
        if ok {
            return Ok(());
        }
        let expected = "shares above 0 and, together, at most 1";
        Err(Error::parameter("sampling", expected, found))
    }

    /// The rows of a round, in ascending order, of those to train on; `None` is all.
    pub(super) fn rows(
        self,
        train: Option<&[u32]>,
        pairs: &mut [Vec<[f32; 2]>],
        seed: Seed,
    ) -> Option<Vec<u32>> {
        let n = pairs.first().map_or(0, Vec::len);
        let all = || train.map_or_else(|| (0..).take(n).collect(), <[u32]>::to_vec);
        match self {
            Self::All => train.map(<[u32]>::to_vec),
            Self::Share(share) => {
                let mut rows = all();
                rows.retain(|&row| seed.uniform(u64::from(row)) < share);
                Some(if rows.is_empty() { all() } else { rows })
            }
            Self::Gradient { top, other } => {
                let mut rows = all();
                let size = |row: u32| -> f64 {
                    let pair = |column: &Vec<[f32; 2]>| column[row as usize];
                    let sizes = pairs.iter().map(pair).map(|[g, h]| f64::from(g * h).abs());
                    sizes.sum()
                };
                let sizes: Vec<f64> = rows.iter().map(|&row| size(row)).collect();
                let n_top = share_of(top, rows.len());
                let mut sorted = sizes.clone();
                let at = sorted.len() - n_top;
                let threshold = *sorted.select_nth_unstable_by(at, f64::total_cmp).1;
                // Of the rest, each row is drawn with this probability, and counts for its inverse.
                let share = (other / (1.0 - top)).min(1.0);
                #[allow(clippy::cast_possible_truncation, reason = "a factor of a gradient")]
                let factor = share.recip() as f32;
                let mut kept = Vec::with_capacity(rows.len());
                for (&row, size) in rows.iter().zip(sizes) {
                    if size >= threshold {
                        kept.push(row);
                    } else if seed.uniform(u64::from(row)) < share {
                        kept.push(row);
                        for column in pairs.iter_mut() {
                            column[row as usize] = column[row as usize].map(|v| v * factor);
                        }
                    }
                }
                std::mem::swap(&mut rows, &mut kept);
                Some(rows)
            }
        }
    }
}

/// So much of `n`, rounded up, at least one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of n"
)]
pub(super) fn share_of(share: f64, n: usize) -> usize {
    ((share * n as f64).ceil() as usize).clamp(1, n)
}

/// What becomes of codes of many levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HighCardinality {
    /// Rare levels share a bin, as [`Binning`](super::Binning) says.
    #[default]
    Bins,
    /// In the fit, a code with more levels than so many among the training rows is replaced by
    /// its ordered target statistic (Prokhorenkova et al. 2018, `CatBoost`, eq. 5), a number: one
    /// of the target, or one a class of more than two.
    ///
    /// Training rows are put in a random order, or in that of their times, where rows of one time
    /// do not see one another; a row gets `(S + p) / (W + 1)`, with `S` and `W` the sums of
    /// targets and weights of the *earlier* rows of its level, and `p` the mean of all earlier
    /// rows: its own target takes no part. Rows to predict, and those set aside for early
    /// stopping, get `(S + p) / (W + 1)` over all rows that trees are grown on. Missing values are
    /// a level; unseen levels get the mean of all. Rows of one group see one another.
    ///
    /// The fitted model takes codes as before, tells importance and SHAP values by code, and
    /// cannot be [continued](super::HistGradientBoosting::continue_from). Features that are in bins
    /// already have lost their rare levels: [`fit`](crate::model::Estimator::fit) only.
    OrderedStatistic {
        /// The most levels that a code keeps as they are.
        more_than: usize,
    },
}

/// How boosting splits features that are codes without an order.
///
/// Of a node with few levels, one level is told from the rest. Of a node with more, levels are put
/// in the order of `g / (h + smoothing)`, where `g` and `h` are the sums of their rows' gradients
/// and hessians, and cut in two at one place: for a squared loss without smoothing, the best of all
/// divisions is among these (Fisher 1958). Only the levels from either end up to `max_levels`, and
/// at most half of all, make up the one side; levels of fewer rows than `smoothing` are on the
/// other. Missing values are a level.
///
/// ```
/// use stackfold::model::hist::{Categories, HistGradientBoosting};
/// let exact = Categories::new().with_smoothing(0.0).with_l2(0.0).with_min_count(1);
/// let model = HistGradientBoosting::new().with_categories(exact);
/// assert_eq!(model.categories().min_count(), Some(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Categories {
    smoothing: f64,
    l2: f64,
    max_one_against_rest: usize,
    max_levels: usize,
    min_count: Option<usize>,
}

impl Default for Categories {
    fn default() -> Self {
        Self {
            smoothing: 10.0,
            l2: 10.0,
            max_one_against_rest: 4,
            max_levels: 32,
            min_count: None,
        }
    }
}

impl Categories {
    /// LightGBM's defaults; of fewer than 1,000 rows, smaller groups than LightGBM's.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    crate::options::options! {
        /// What is added to the hessian of a level before levels are put in order, and how many
        /// rows a level must have to be in that order; 10 by default (LightGBM's `cat_smooth`).
        with_smoothing(smoothing: f64);
        /// The penalty of squared leaf values that is added to that of the model where levels in
        /// order are cut; 10 by default (`cat_l2`).
        with_l2(l2: f64);
        /// Up to so many levels of a node, one is told from the rest; 4 by default
        /// (`max_cat_to_onehot`).
        with_max_one_against_rest(max_one_against_rest: usize);
        /// Of how many levels the smaller set of levels may be, 1 or more; 32 by default
        /// (`max_cat_threshold`).
        with_max_levels(max_levels: usize);
    }

    /// How many rows there are between one cut that is tried and the next, and on the far side of
    /// each (`min_data_per_group`). By default a tenth of the rows that trees are grown on, rounded
    /// down, and at most LightGBM's 100: so many rows are half a table of 200, whose levels could
    /// hardly be told apart.
    #[must_use]
    pub fn with_min_count(mut self, min_count: usize) -> Self {
        self.min_count = Some(min_count);
        self
    }

    /// See [`with_min_count`](Self::with_min_count); none: what the number of rows asks for.
    #[must_use]
    pub fn min_count(&self) -> Option<usize> {
        self.min_count
    }

    /// The rows of a group where trees are grown on so many.
    pub(super) fn group_of(self, n_rows: usize) -> usize {
        self.min_count.unwrap_or((n_rows / 10).min(100))
    }

    pub(super) fn check(self) -> Result<()> {
        at_least_zero("smoothing", self.smoothing)?;
        at_least_zero("l2", self.l2)?;
        at_least_one("max_levels", self.max_levels)
    }
}

#[cfg(test)]
mod tests;
