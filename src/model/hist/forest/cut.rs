//! What a forest's search has found, as a split.

use super::super::bins::FeatureBins;
use super::super::histogram::Sums;
use super::super::split::{BinSet, Split, contains, insert};

/// What both sides of a split are worth together, and what they hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides {
    pub(super) worth: f64,
    pub(super) left: Sums,
    pub(super) right: Sums,
}

impl Sides {
    /// What the node has not seen follows the larger side.
    fn left_is_larger(&self) -> bool {
        self.left.count >= self.right.count
    }

    /// A split after a bin; `missing_left` is known if the node has missing values.
    pub(super) fn ordered(
        self,
        feature: usize,
        bins: &FeatureBins,
        last_left: usize,
        missing_left: Option<bool>,
    ) -> Split {
        let missing_left = missing_left.unwrap_or_else(|| self.left_is_larger());
        let mut left = [0; 4];
        (0..=last_left).for_each(|bin| insert(&mut left, bin));
        if let Some(bin) = bins.missing_bin().filter(|_| missing_left) {
            insert(&mut left, usize::from(bin));
        }
        self.split(feature, left, Some(last_left), missing_left)
    }

    /// A split of levels, missing values being one of them if the node `has_missing` ones.
    pub(super) fn levels(
        self,
        feature: usize,
        bins: &FeatureBins,
        levels_left: impl Iterator<Item = usize>,
        has_missing: bool,
    ) -> Split {
        let mut left = [0; 4];
        levels_left.for_each(|bin| insert(&mut left, bin));
        let missing_left = match bins.missing_bin().map(usize::from) {
            Some(bin) if has_missing => contains(&left, bin),
            bin => {
                let missing_left = self.left_is_larger();
                if let Some(bin) = bin.filter(|_| missing_left) {
                    insert(&mut left, bin);
                }
                missing_left
            }
        };
        self.split(feature, left, None, missing_left)
    }

    fn split(
        self,
        feature: usize,
        left: BinSet,
        last_left: Option<usize>,
        missing_left: bool,
    ) -> Split {
        Split {
            gain: self.worth,
            feature,
            left,
            last_left,
            missing_left,
            l2: 0.0,
            left_sums: self.left,
            right_sums: self.right,
        }
    }
}
