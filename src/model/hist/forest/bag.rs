//! The rows that a tree is grown on.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::numeric::choose;
use crate::random::Seed;

/// Which rows each tree of a forest is grown on.
///
/// Where rows have groups, whole groups are drawn, so that no row's out-of-bag prediction comes
/// from a tree that has seen another row of its group. Rows of weight 0 are never drawn.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::hist::{Bag, OutOfBag, RandomForest};
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 50, (0..50).map(|i| i as f32).collect())?;
/// let y = Values::new((0..50).map(f64::from).collect::<Vec<_>>())?;
/// let forest = RandomForest::new().with_n_trees(10).with_bag(Bag::Share(0.8));
/// let forest = forest.with_out_of_bag(OutOfBag::Predict);
/// let fitted = forest.fit(&x.assume_in_sample(), &y, &FitContext::default())?;
/// // Each of 10 trees leaves 10 of the 50 rows out.
/// let out_of_bag = fitted.out_of_bag().expect("it was asked for");
/// assert_eq!(out_of_bag.n_trees().iter().sum::<u32>(), 100);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Bag {
    /// All.
    All,
    /// As many as there are, drawn with replacement (Breiman 1996): about 63 % of them, some
    /// several times.
    Bootstrap,
    /// A share of them, above 0 and at most 1, drawn without replacement.
    Share(f64),
}

impl Bag {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Share(share) if !(share > 0.0 && share <= 1.0) => {
                let expected = "a share above 0 and at most 1";
                Err(Error::parameter("bag", expected, share))
            }
            _ => Ok(()),
        }
    }

    /// How many times each of `n` units (rows or groups) is drawn.
    pub(super) fn draw(self, n: usize, seed: Seed) -> Vec<u32> {
        match self {
            Self::All => vec![1; n],
            Self::Bootstrap => choose::with_replacement(n, n, seed.stream()),
            Self::Share(share) => {
                let wanted = super::super::options::share_of(share, n);
                let drawn = choose::in_turn(n, wanted, seed.stream());
                drawn.map(u32::from).collect()
            }
        }
    }
}
