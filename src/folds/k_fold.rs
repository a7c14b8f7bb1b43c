//! One partition: k-fold, with strata, with groups, with both.

use super::{FoldPlan, Folds, SplitContext, Splitter, deal_groups, deal_rows};
use crate::error::{Error, Result};

/// A shuffled partition into `k` folds, without a look at the target.
///
/// Fold sizes differ by at most one. If the table has a group column, whole groups are dealt, as
/// by [`GroupKFold`].
///
/// ```
/// use stackfold::data::{Column, Table, Train, Values};
/// use stackfold::folds::{KFold, SplitContext, Splitter};
/// let table = Table::new([("x", Column::numeric(vec![0.0; 7]))])?;
/// let target = Values::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])?;
/// let plan = KFold::new(3).plan(&SplitContext::of(Train::new(&table, &target)?))?;
/// let mut sizes: Vec<usize> = (0..3).map(|f| plan.split(f).validation().len()).collect();
/// sizes.sort();
/// assert_eq!(sizes, [2, 2, 3]);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If `k` is below 2, above 65535, or above the number of rows (of groups, if there are any).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KFold {
    n_folds: usize,
}

/// A shuffled partition into `k` folds that spreads each class, or each tenth of the values,
/// evenly.
///
/// Fold sizes differ by at most one, and so do the rows of each class in them (in regression, of
/// each tenth of the values, see [`Target::strata`](crate::data::Target::strata)). If the table has
/// a group column, whole groups are dealt, as by [`StratifiedGroupKFold`].
///
/// ```
/// use stackfold::data::{Column, Labels, Table, Train};
/// use stackfold::folds::{SplitContext, Splitter, StratifiedKFold};
/// let table = Table::new([("x", Column::numeric(vec![0.0; 6]))])?;
/// let target = Labels::from_strs(&["a", "b", "a", "a", "b", "a"])?;
/// let context = SplitContext::of(Train::new(&table, &target)?);
/// let plan = StratifiedKFold::new(2).plan(&context)?;
/// for split in 0..2 {
///     let split = plan.split(split);
///     let b = split.validation().iter().filter(|&&row| target.codes()[row as usize] == 1);
///     assert_eq!((split.validation().len(), b.count()), (3, 1));
/// }
/// // Two rows of "b" cannot be in three folds: the plan says so.
/// let plan = StratifiedKFold::new(3).plan(&context)?;
/// let note = r#"class "b" has 2 rows: none to validate in 1 of 3 splits"#;
/// assert_eq!(plan.notes(&context), [note]);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// A class of fewer than `k` rows is absent from some folds, and what its score is there may be
/// undefined; [`FoldPlan::notes`] tells of it.
///
/// # Errors
/// Those of [`KFold`], and if `k` is above the number of rows of *each* class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StratifiedKFold {
    n_folds: usize,
}

/// A partition into `k` folds that never splits a group: rows of one are all in one fold.
///
/// Groups are dealt in order of their size, the largest first, each to the fold that has the
/// fewest rows so far (Graham 1969, longest processing time first); groups of one size come in
/// random order. Fold sizes are as even as that makes them.
///
/// ```
/// use stackfold::data::{Column, Role, Table, Train, Values};
/// use stackfold::folds::{GroupKFold, SplitContext, Splitter};
/// let table = Table::new([("who", Column::categorical(["a", "b", "a", "c"].map(Some)))])?;
/// let target = Values::new(vec![1.0, 2.0, 3.0, 4.0])?;
/// let splitter = GroupKFold::new(2);
/// assert!(splitter.plan(&SplitContext::of(Train::new(&table, &target)?)).is_err());
/// let table = table.with_role("who", Role::Group)?;
/// let plan = splitter.plan(&SplitContext::of(Train::new(&table, &target)?))?;
/// let folds = plan.partitions().unwrap()[0].fold_of_row();
/// assert_eq!(folds[0], folds[2]);
/// assert_eq!(folds[1], folds[3]);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If the table has no group column, or `k` is below 2 or above the number of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GroupKFold {
    n_folds: usize,
}

/// A partition into `k` folds that never splits a group, and spreads each class, or each tenth of
/// the values, as evenly as whole groups allow.
///
/// Groups are dealt in order of their size, the largest first, each to the fold where it adds
/// least to the sum over folds and classes of (the fold's part of the class)². A class that is in
/// fewer than `k` groups is absent from some fold.
///
/// ```
/// use stackfold::data::{Column, Labels, Role, Table, Train};
/// use stackfold::folds::{SplitContext, Splitter, StratifiedGroupKFold};
/// let who = ["a", "a", "b", "b", "c", "c", "d", "d"].map(Some);
/// let table = Table::new([("who", Column::categorical(who))])?.with_role("who", Role::Group)?;
/// let target = Labels::from_strs(&["y", "y", "n", "n", "n", "n", "y", "y"])?;
/// let plan = StratifiedGroupKFold::new(2).plan(&SplitContext::of(Train::new(&table, &target)?))?;
/// let folds = plan.partitions().unwrap()[0].fold_of_row();
/// assert_ne!(folds[0], folds[6]); // the two groups of "y"
/// assert_ne!(folds[2], folds[4]); // the two groups of "n"
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// Those of [`GroupKFold`], and if `k` is above the number of rows of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StratifiedGroupKFold {
    n_folds: usize,
}

macro_rules! k_fold {
    ($($name:ident),*) => {$(
        impl $name {
            /// With this number of folds.
            #[must_use]
            pub fn new(n_folds: usize) -> Self {
                Self { n_folds }
            }

            /// The number of folds.
            #[must_use]
            pub fn n_folds(&self) -> usize {
                self.n_folds
            }
        }
    )*};
}
k_fold!(KFold, StratifiedKFold, GroupKFold, StratifiedGroupKFold);

impl Splitter for KFold {
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
        deal(&vec![0; context.n_rows()], self.n_folds, context)
    }
}

impl Splitter for StratifiedKFold {
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
        check_classes(self.n_folds, context)?;
        deal(context.strata(), self.n_folds, context)
    }
}

impl Splitter for GroupKFold {
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
        check_grouped(context)?;
        KFold::new(self.n_folds).plan(context)
    }
}

impl Splitter for StratifiedGroupKFold {
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
        check_grouped(context)?;
        StratifiedKFold::new(self.n_folds).plan(context)
    }
}

fn deal(strata: &[u32], n_folds: usize, context: &SplitContext<'_>) -> Result<FoldPlan> {
    let folds: Folds = match context.groups() {
        Some(groups) => deal_groups(strata, groups, n_folds, context.seed())?,
        None => deal_rows(strata, n_folds, context.seed())?,
    };
    FoldPlan::from_partitions(vec![folds])
}

fn check_grouped(context: &SplitContext<'_>) -> Result<()> {
    match context.groups() {
        Some(_) => Ok(()),
        None => Err(Error::data("a table with a group column", "none")),
    }
}

/// Some class has a row for each fold.
fn check_classes(n_folds: usize, context: &SplitContext<'_>) -> Result<()> {
    let sizes = context.class_sizes();
    // Of equals the first one.
    let largest = sizes.iter().zip(context.class_names()).rev();
    match largest.max_by_key(|&(&size, _)| size) {
        Some((&size, name)) if n_folds > size => Err(Error::parameter(
            "n_folds",
            format!("at most {size}, the number of rows of the largest class, {name:?}"),
            n_folds,
        )),
        _ => Ok(()),
    }
}
