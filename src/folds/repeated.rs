//! The same splitter several times, each with a seed of its own.

use super::{FoldPlan, SplitContext, Splitter};
use crate::error::Result;
use crate::options::at_least_one;

/// The plans of a splitter under several seeds, one after the other.
///
/// Repeat `r` has the seed's child `"repeat"`, `r`. Each row is validated in every repeat; scores
/// of pooled predictions are those of a row's mean prediction.
///
/// ```
/// use stackfold::data::{Column, Table, Train, Values};
/// use stackfold::folds::{KFold, Repeated, SplitContext, Splitter};
/// let table = Table::new([("x", Column::numeric(vec![0.0; 20]))])?;
/// let target = Values::new((0..20).map(f64::from).collect::<Vec<_>>())?;
/// let plan = Repeated::new(KFold::new(4), 3).plan(&SplitContext::of(Train::new(&table, &target)?))?;
/// assert_eq!(plan.n_splits(), 12);
/// let partitions = plan.partitions().unwrap();
/// assert_ne!(partitions[0], partitions[1]);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// Those of the splitter, and if the number of repeats is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Repeated<S> {
    splitter: S,
    n_repeats: usize,
}

impl<S: Splitter> Repeated<S> {
    /// This splitter, this many times.
    #[must_use]
    pub fn new(splitter: S, n_repeats: usize) -> Self {
        Self {
            splitter,
            n_repeats,
        }
    }

    /// The splitter.
    #[must_use]
    pub fn splitter(&self) -> &S {
        &self.splitter
    }

    /// How many times.
    #[must_use]
    pub fn n_repeats(&self) -> usize {
        self.n_repeats
    }
}

impl<S: Splitter> Splitter for Repeated<S> {
    fn plan(&self, context: &SplitContext<'_>) -> Result<FoldPlan> {
        at_least_one("n_repeats", self.n_repeats)?;
        let seed = context.seed().child("repeat");
        let plans = (0..self.n_repeats)
            .map(|repeat| {
                self.splitter
                    .plan(&context.clone().with_seed(seed.at(repeat)))
            })
            .collect::<Result<Vec<FoldPlan>>>()?;
        let partitions: Option<Vec<_>> = plans.iter().map(FoldPlan::partitions).collect();
        match partitions {
            Some(partitions) => FoldPlan::from_partitions(partitions.concat()),
            None => FoldPlan::from_splits(
                plans
                    .iter()
                    .flat_map(|plan| (0..plan.n_splits()).map(|split| plan.split(split)))
                    .collect(),
                context.n_rows(),
            ),
        }
    }
}
