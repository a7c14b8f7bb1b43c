//! Trees on histograms: gradient boosting, random forests and extra trees, made for stacking.
//!
//! All three take features with missing values and codes as they are, return probabilities, weigh
//! rows, use all threads, and give the same bits on any number of them.
//!
//! # Which one
//!
//! | | [`HistGradientBoosting`] | [`RandomForest`] | [`ExtraTrees`] |
//! |---|---|---|---|
//! | by itself | the strongest, if rounds and rate are chosen | good without any choice | as the forest, a little smoother |
//! | noisy target, few rows | stop early, few leaves | a safe choice | a safe choice |
//! | many weak features | draws of features help | more features a split | a strength |
//! | in a stack | the main member; two of different size differ usefully | differs from boosting, so it adds | differs most |
//! | honest predictions of training rows | needs folds | [out of bag](OutOfBag), for nothing | if bags are asked for |
//! | loss | log loss, squared, absolute, quantile, Poisson | Gini or variance | Gini or variance |
//! | constraints | [`Monotone`] | none | none |
//!
//! # How it works
//!
//! 1. [`Binned`] turns each feature into at most 255 bins and one for missing values, one byte a
//!    value. Features of few bins share a byte.
//! 2. A node's histogram has, for each byte, the sums of its rows' gradients. Sums are integers
//!    (`histogram.rs` says how), so that the order of additions does not matter: rows are divided
//!    among threads as it suits, and a child's histogram is its parent's less its sibling's, to
//!    the bit.
//! 3. The best split of a node is found by running over the bins of each feature (`split.rs`), and
//!    the leaf that gains most is split next (`grow.rs`).
//! 4. A fitted tree is a flat array of 16-byte nodes on the features' own values (`tree.rs`): the
//!    bins are not needed to predict, but for codes.
//!
//! `docs/performance.md` has the figures beside LightGBM, XGBoost and scikit-learn, and what was
//! tried; ADR 5 says why these parts are the crate's own.

mod binned;
mod bins;
mod boosting;
mod forest;
mod grow;
mod histogram;
mod importance;
mod loss;
mod options;
mod ordered;
mod shap;
mod split;
mod tree;

pub use binned::Binned;
pub use bins::Binning;
pub use boosting::{FittedHistGradientBoosting, HistGradientBoosting, Round};
pub use forest::{Bag, ExtraTrees, FittedForest, OutOfBag, OutOfBagPredictions, RandomForest};
pub use importance::Importance;
pub use loss::Loss;
pub use options::{Categories, HighCardinality, Monotone, Sampling};
pub use shap::ShapValues;

pub use super::{ClassWeight, EarlyStopping};
