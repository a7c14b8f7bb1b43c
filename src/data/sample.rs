//! What is known of rows beside their features.

use std::borrow::Cow;

use super::{FitContext, RowIndex, Rows, Target, Train};
use crate::progress::Progress;
use crate::random::Seed;

/// The target, weights, groups and times of some rows, in the rows' order: what an estimator is
/// fitted with beside features. Borrowed where the rows are a whole table, gathered where not.
///
/// ```
/// use stackfold::prelude::*;
/// let table = Table::new([
///     ("x", Column::numeric(vec![1.0, 2.0, 3.0])),
///     ("w", Column::numeric(vec![0.5, 1.0, 2.0])),
/// ])?;
/// let table = table.with_role("w", Role::Weight)?;
/// let target = Labels::from_strs(&["no", "yes", "no"])?;
/// let sample = Train::new(&table, &target)?.sample();
/// let context = sample.context(Seed::new(7), None);
/// assert_eq!(context.weights(), Some([0.5, 1.0, 2.0].as_slice()));
/// let part = sample.take(&[2, 0]);
/// assert_eq!(part.target().codes(), [0, 0]);
/// assert_eq!(part.weights(), Some([2.0, 0.5].as_slice()));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sample<'a, Y: Clone> {
    target: Cow<'a, Y>,
    weights: Option<Cow<'a, [f64]>>,
    groups: Option<Cow<'a, [u32]>>,
    time: Option<Cow<'a, [f64]>>,
}

impl<'a> Rows<'a> {
    /// What is known of these rows, without a target.
    pub(crate) fn sample(self) -> Sample<'a, ()> {
        Sample {
            target: Cow::Owned(()),
            weights: self.weights(),
            groups: self.groups(),
            time: self.time(),
        }
    }
}

impl<'a, Y: Target> Train<'a, Y> {
    /// What is known of these rows beside their columns.
    #[must_use]
    pub fn sample(self) -> Sample<'a, Y> {
        let Sample {
            weights,
            groups,
            time,
            ..
        } = self.rows().sample();
        Sample {
            target: self.target(),
            weights,
            groups,
            time,
        }
    }
}

impl<'a, Y: Clone> Sample<'a, Y> {
    /// A target, and what a context holds of the same rows.
    pub(crate) fn of(target: &'a Y, context: &FitContext<'a>) -> Self {
        Self {
            target: Cow::Borrowed(target),
            weights: context.weights().map(Cow::Borrowed),
            groups: context.groups().map(Cow::Borrowed),
            time: context.time().map(Cow::Borrowed),
        }
    }

    /// The target of the rows.
    #[must_use]
    pub fn target(&self) -> &Y {
        &self.target
    }

    /// The weight of each row, if there are any: finite, none negative.
    #[must_use]
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The group of each row as a code, if there are any.
    #[must_use]
    pub fn groups(&self) -> Option<&[u32]> {
        self.groups.as_deref()
    }

    /// The time of each row, if there is one.
    #[must_use]
    pub fn time(&self) -> Option<&[f64]> {
        self.time.as_deref()
    }

    /// The context of a fit on these rows, under this seed and with this observer.
    #[must_use]
    pub fn context<'s>(&'s self, seed: Seed, progress: Option<&'s dyn Progress>) -> FitContext<'s> {
        FitContext::default()
            .with_weights(self.weights())
            .with_groups(self.groups())
            .with_time(self.time())
            .with_seed(seed)
            .with_progress(progress)
    }
}

impl<Y: Target> Sample<'_, Y> {
    /// The same of the rows at these positions among them, in the order given.
    ///
    /// # Panics
    /// If a position is not below the number of rows.
    #[must_use]
    pub fn take(&self, positions: &[u32]) -> Sample<'static, Y> {
        Sample {
            target: Cow::Owned(self.target.take(positions)),
            weights: gather(self.weights(), positions),
            groups: gather(self.groups(), positions),
            time: gather(self.time(), positions),
        }
    }
}

fn gather<T: Copy>(values: Option<&[T]>, positions: &[u32]) -> Option<Cow<'static, [T]>> {
    let gathered = RowIndex::Some(positions).gather(values?);
    Some(Cow::Owned(gathered.into_owned()))
}
