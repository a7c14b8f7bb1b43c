//! Who is fitted on what: partitions of rows into folds, and plans made of them.
//!
//! [`Folds`] is a partition by construction: each row has one fold, whatever made it. A
//! [`FoldPlan`] is one partition, several (repeated), or time windows, and is what
//! cross-validation and stacks follow; a [`Splitter`] makes plans. All indices are positions among
//! the rows that were split, from 0.
//!
//! # Which splitter
//!
//! | the rows | splitter |
//! |---|---|
//! | any; classes or values spread evenly over folds | [`StratifiedKFold`] (the usual choice) |
//! | any; no look at the target | [`KFold`] |
//! | several of one customer, patient, machine … | the same, with a group column; or [`GroupKFold`] and [`StratifiedGroupKFold`], which insist on one |
//! | few, so that one partition is a matter of luck | [`Repeated`] |
//! | to be predicted from earlier ones | [`TimeSeriesSplit`] |
//! | many, or costly to fit | [`HoldOut`] |
//! | split by someone else, or by an earlier run | [`Predefined`], [`FoldPlan::read`] |
//!
//! # What all of them hold to
//!
//! * Rows are shuffled, by the seed of the [`Train`] rows and nothing else: the same seed gives the
//!   same folds.
//! * All rows are used, whatever the number of folds; without groups, fold sizes differ by at most
//!   one.
//! * **Groups are never split.** If the table has a group column, [`KFold`], [`StratifiedKFold`],
//!   [`HoldOut`] and [`TimeSeriesSplit`] keep each group on one side as well, so that to name the
//!   column is enough. [`Predefined`] alone takes a plan as it is.
//! * A class of so few rows that some split has none of it to validate, or to fit on, is no error:
//!   [`FoldPlan::notes`] names it, and so do the reports of stacks and cross-validation.

mod deal;
mod file;
mod hold_out;
mod k_fold;
mod notes;
mod pool;
mod predefined;
mod repeated;
mod time;
mod train_test;

pub use hold_out::HoldOut;
pub use k_fold::{GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold};
pub use predefined::Predefined;
pub use repeated::Repeated;
pub use time::{TimeSeriesSplit, Window};
pub use train_test::{TrainTest, train_test_split};

pub(crate) use deal::{deal, deal_groups, deal_rows, inner_folds, strata_of};
pub(crate) use pool::pool;

use std::sync::Arc;

use crate::data::{RowIndex, Target, Train};
use crate::error::{Error, Result};
use crate::random::Seed;

/// A partition of rows into folds: each row is in exactly one.
///
/// ```
/// use stackfold::folds::Folds;
/// let folds = Folds::new(vec![0, 1, 0, 1, 0], 2)?;
/// assert_eq!(folds.validation(1), [1, 3]);
/// assert_eq!(folds.train(1), [0, 2, 4]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Vec<u16>", into = "Vec<u16>")]
pub struct Folds {
    fold_of_row: Vec<u16>,
    n_folds: u16,
}

/// The fold of each row.
impl From<Folds> for Vec<u16> {
    fn from(folds: Folds) -> Self {
        folds.fold_of_row
    }
}

/// The partition in which each row has the given fold, from 0 to the largest one named.
impl TryFrom<Vec<u16>> for Folds {
    type Error = Error;

    fn try_from(fold_of_row: Vec<u16>) -> Result<Self> {
        let last = fold_of_row.iter().max();
        let n_folds = last.map_or(0, |&last| last.saturating_add(1));
        Self::new(fold_of_row, n_folds)
    }
}

impl Folds {
    /// The partition in which each row has the given fold.
    ///
    /// # Errors
    /// If there are fewer than two folds, a fold is out of range, or one has no row.
    pub fn new(fold_of_row: Vec<u16>, n_folds: u16) -> Result<Self> {
        if n_folds < 2 {
            return Err(Error::parameter("n_folds", "2 or more", n_folds));
        }
        let mut sizes = vec![0_usize; usize::from(n_folds)];
        for (row, &fold) in fold_of_row.iter().enumerate() {
            match sizes.get_mut(usize::from(fold)) {
                Some(size) => *size += 1,
                None => {
                    return Err(Error::data(format!("folds below {n_folds}"), fold).in_row(row));
                }
            }
        }
        if let Some(fold) = sizes.iter().position(|&size| size == 0) {
            return Err(Error::data("a row in each fold", "none").in_fold(fold));
        }
        Ok(Self {
            fold_of_row,
            n_folds,
        })
    }

    /// The fold of each row.
    #[must_use]
    pub fn fold_of_row(&self) -> &[u16] {
        &self.fold_of_row
    }

    /// How many rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.fold_of_row.len()
    }

    /// How many folds.
    #[must_use]
    pub fn n_folds(&self) -> usize {
        usize::from(self.n_folds)
    }

    /// The rows of a fold, in order.
    #[must_use]
    pub fn validation(&self, fold: usize) -> Vec<u32> {
        self.rows(|f| usize::from(f) == fold)
    }

    /// The rows of all other folds, in order.
    #[must_use]
    pub fn train(&self, fold: usize) -> Vec<u32> {
        self.rows(|f| usize::from(f) != fold)
    }

    fn rows(&self, keep: impl Fn(u16) -> bool) -> Vec<u32> {
        (0..)
            .zip(&self.fold_of_row)
            .filter(|&(_, &fold)| keep(fold))
            .map(|(row, _)| row)
            .collect()
    }
}

/// A split for one fit: rows to fit on, and rows to predict, none of them shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    train: Vec<u32>,
    validation: Vec<u32>,
}

impl Split {
    /// A split into these rows, which are put in order.
    ///
    /// ```
    /// use stackfold::folds::Split;
    /// let split = Split::new(vec![3, 0], vec![1], 4)?;
    /// assert_eq!((split.train(), split.validation()), (&[0, 3][..], &[1][..]));
    /// assert!(Split::new(vec![0, 1], vec![1], 4).is_err());
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If either side is empty, a row is not below `n_rows`, or one is on both sides or twice on
    /// one.
    pub fn new(mut train: Vec<u32>, mut validation: Vec<u32>, n_rows: usize) -> Result<Self> {
        let mut side = vec![false; n_rows];
        for (name, rows) in [("train", &train), ("validation", &validation)] {
            if rows.is_empty() {
                return Err(Error::data(format!("{name} rows"), "none"));
            }
            for &row in rows {
                match side.get_mut(row as usize) {
                    Some(seen) if !*seen => *seen = true,
                    Some(_) => {
                        return Err(
                            Error::data("rows that differ", "a row twice").in_row(row as usize)
                        );
                    }
                    None => {
                        return Err(Error::data(format!("rows below {n_rows}"), row));
                    }
                }
            }
        }
        train.sort_unstable();
        validation.sort_unstable();
        Ok(Self { train, validation })
    }

    /// The rows to fit on, in order.
    #[must_use]
    pub fn train(&self) -> &[u32] {
        &self.train
    }

    /// The rows to predict, in order.
    #[must_use]
    pub fn validation(&self) -> &[u32] {
        &self.validation
    }
}

/// What cross-validation and stacks follow: splits of the same rows, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldPlan {
    n_rows: usize,
    kind: PlanKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PlanKind {
    /// One or more partitions.
    Partitions(Vec<Folds>),
    /// Splits that need not validate each row.
    Splits(Vec<Split>),
}

impl FoldPlan {
    /// A plan of partitions of the same rows, one after the other: each row is validated once in
    /// each.
    ///
    /// # Errors
    /// If there is none, or they have different numbers of rows.
    pub fn from_partitions(partitions: Vec<Folds>) -> Result<Self> {
        let Some(n_rows) = partitions.first().map(Folds::n_rows) else {
            return Err(Error::data("at least one partition", "none"));
        };
        if let Some(other) = partitions.iter().find(|folds| folds.n_rows() != n_rows) {
            return Err(Error::data(format!("{n_rows} rows"), other.n_rows()));
        }
        Ok(Self {
            n_rows,
            kind: PlanKind::Partitions(partitions),
        })
    }

    /// A plan of splits of `n_rows` rows, such as time windows; some rows may never be validated.
    ///
    /// # Errors
    /// If there is none, or a row is not below `n_rows`.
    pub fn from_splits(splits: Vec<Split>, n_rows: usize) -> Result<Self> {
        if splits.is_empty() {
            return Err(Error::data("at least one split", "none"));
        }
        let rows = splits
            .iter()
            .flat_map(|s| s.train.iter().chain(&s.validation));
        if let Some(row) = rows.into_iter().find(|&&row| row as usize >= n_rows) {
            return Err(Error::data(format!("rows below {n_rows}"), row));
        }
        Ok(Self {
            n_rows,
            kind: PlanKind::Splits(splits),
        })
    }

    /// How many rows were split.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many splits: fits of each model.
    #[must_use]
    pub fn n_splits(&self) -> usize {
        match &self.kind {
            PlanKind::Partitions(all) => all.iter().map(Folds::n_folds).sum(),
            PlanKind::Splits(splits) => splits.len(),
        }
    }

    /// One split.
    ///
    /// # Panics
    /// If `split` is not below [`FoldPlan::n_splits`].
    #[must_use]
    pub fn split(&self, split: usize) -> Split {
        match &self.kind {
            PlanKind::Partitions(all) => {
                let mut fold = split;
                for folds in all {
                    if fold < folds.n_folds() {
                        return Split {
                            train: folds.train(fold),
                            validation: folds.validation(fold),
                        };
                    }
                    fold -= folds.n_folds();
                }
                panic!("split {split} of {}", self.n_splits())
            }
            PlanKind::Splits(splits) => splits[split].clone(),
        }
    }

    /// The partitions, if the plan is made of them.
    #[must_use]
    pub fn partitions(&self) -> Option<&[Folds]> {
        match &self.kind {
            PlanKind::Partitions(all) => Some(all),
            PlanKind::Splits(_) => None,
        }
    }
}

/// What a splitter may look at.
#[derive(Debug, Clone)]
pub struct SplitContext<'a> {
    pub(crate) n_rows: usize,
    pub(crate) strata: Vec<u32>,
    pub(crate) class_names: &'a [String],
    pub(crate) groups: Option<std::borrow::Cow<'a, [u32]>>,
    pub(crate) time: Option<std::borrow::Cow<'a, [f64]>>,
    pub(crate) seed: Seed,
}

impl<'a> SplitContext<'a> {
    /// What a splitter may look at in these rows; the seed is the rows' own.
    #[must_use]
    pub fn of<Y: Target>(train: Train<'a, Y>) -> Self {
        Self {
            n_rows: train.len(),
            strata: strata_of(
                train.table_target(),
                train.rows().index(),
                train.weights().as_deref(),
            ),
            class_names: train.table_target().class_names(),
            groups: train.rows().groups(),
            time: train.rows().time(),
            seed: train.seed().child("folds"),
        }
    }

    /// Rows without a target, groups or times.
    #[must_use]
    pub fn of_rows(rows: RowIndex<'_>, seed: Seed) -> Self {
        Self {
            n_rows: rows.len(),
            strata: vec![0; rows.len()],
            class_names: &[],
            groups: None,
            time: None,
            seed,
        }
    }

    /// How many rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The class of each row, or the tenth of the values that it falls into; for rows of weight 0
    /// one stratum more, after all others.
    #[must_use]
    pub fn strata(&self) -> &[u32] {
        &self.strata
    }

    /// The names of the classes that strata stand for; none if strata are tenths of values.
    #[must_use]
    pub fn class_names(&self) -> &[String] {
        self.class_names
    }

    /// How many rows each class has; of tenths of values none.
    pub(crate) fn class_sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.class_names.len()];
        for &stratum in &self.strata {
            // Without names, strata are not classes.
            if let Some(size) = sizes.get_mut(stratum as usize) {
                *size += 1;
            }
        }
        sizes
    }

    /// The group of each row, if the table has a group column.
    #[must_use]
    pub fn groups(&self) -> Option<&[u32]> {
        self.groups.as_deref()
    }

    /// The time of each row, if the table has a time column.
    #[must_use]
    pub fn time(&self) -> Option<&[f64]> {
        self.time.as_deref()
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The same rows under another seed.
    #[must_use]
    pub fn with_seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }
}

/// Makes plans.
pub trait Splitter: std::fmt::Debug + Send + Sync {
    /// A plan for these rows.
    ///
    /// # Errors
    /// If there are too few rows or groups, or too few rows of every class, or a column that the
    /// splitter needs (groups, time) is not there.
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan>;
}

macro_rules! behind {
    ($($pointer:ident),*) => {$(
        impl<S: Splitter + ?Sized> Splitter for $pointer<S> {
            fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
                (**self).plan(context)
            }
        }
    )*};
}
behind!(Arc, Box);
