//! How much trees use each feature.

use serde::{Deserialize, Serialize};

use super::bins::FeatureBins;
use super::tree::Tree;

/// How the importance of a feature is measured from the splits of a model's trees.
///
/// Both are sums over all splits on the feature in all trees (of all classes), and are not
/// normalised: divide by their sum for shares. They are about training rows, and favour features
/// of many values, which have more splits to choose from;
/// [`PermutationImportance`](crate::inspection::PermutationImportance) on held-out rows does not,
/// and [`ShapValues`](super::ShapValues) tell rows apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Importance {
    /// What the splits gain: `G_l^2 / (H_l + l2) + G_r^2 / (H_r + l2) - G^2 / (H + l2)`, with `G`
    /// and `H` the sums of gradients and hessians (`G` less `l1`), which is twice what the split
    /// takes off the approximated loss before shrinkage.
    ///
    /// `LightGBM`'s importance of type `gain`, and `XGBoost`'s of type `total_gain` (its `gain` is
    /// the mean over splits). scikit-learn's `feature_importances_` of boosting and forests is
    /// such a sum, of impurities, divided by that of all features.
    #[default]
    Gain,
    /// How many splits there are: `LightGBM`'s type `split`, `XGBoost`'s `weight`.
    Splits,
}

impl Importance {
    /// The importance of each feature.
    pub(super) fn of<'a>(
        self,
        trees: impl IntoIterator<Item = &'a Tree>,
        bins: &[FeatureBins],
        n_features: usize,
    ) -> Vec<f64> {
        let mut sums = vec![0.0; n_features];
        for tree in trees {
            for (i, (node, gain)) in tree.nodes.iter().zip(&tree.gains).enumerate() {
                if !tree.is_leaf(i) {
                    let feature = node.feature as usize;
                    sums[bins[feature].source(feature)] += match self {
                        Self::Gain => *gain,
                        Self::Splits => 1.0,
                    };
                }
            }
        }
        sums
    }
}
