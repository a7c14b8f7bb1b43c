//! A plan that was made elsewhere.

use super::{FoldPlan, Folds, SplitContext, Splitter};
use crate::error::{Error, Result};

/// A given plan, taken as it is: groups and times are not looked at.
///
/// ```
/// use stackfold::data::{Column, Table, Train, Values};
/// use stackfold::folds::{Predefined, SplitContext, Splitter};
/// let table = Table::new([("x", Column::numeric(vec![0.0; 4]))])?;
/// let target = Values::new(vec![1.0, 2.0, 3.0, 4.0])?;
/// let context = SplitContext::of(Train::new(&table, &target)?);
/// let plan = Predefined::from_folds(vec![0, 1, 1, 0])?.plan(&context)?;
/// assert_eq!(plan.split(1).validation(), [1, 2]);
/// assert!(Predefined::from_folds(vec![0, 1, 1])?.plan(&context).is_err());
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If the plan is for another number of rows than there are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Predefined {
    plan: FoldPlan,
}

impl Predefined {
    /// This plan.
    #[must_use]
    pub fn new(plan: FoldPlan) -> Self {
        Self { plan }
    }

    /// The partition in which each row has the given fold, from 0 to the largest one named.
    ///
    /// # Errors
    /// If there are fewer than two folds, or one has no row.
    pub fn from_folds(fold_of_row: Vec<u16>) -> Result<Self> {
        let folds = Folds::try_from(fold_of_row)?;
        Ok(Self::new(FoldPlan::from_partitions(vec![folds])?))
    }

    /// The plan.
    #[must_use]
    pub fn fold_plan(&self) -> &FoldPlan {
        &self.plan
    }
}

impl Splitter for Predefined {
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
        if self.plan.n_rows() != context.n_rows() {
            return Err(Error::data(
                format!("a fold plan for {} rows", context.n_rows()),
                format!("one for {}", self.plan.n_rows()),
            ));
        }
        Ok(self.plan.clone())
    }
}
