//! Trees on histograms: gradient boosting, random forests and extra trees.

mod binned;
mod bins;
mod boosting;
mod forest;
mod continued;
mod grow;
mod histogram;
mod importance;
mod loss;
mod options;
mod ordered;
mod shap;
mod split;
mod stop;
mod tree;

pub use binned::Binned;
pub use bins::Binning;
pub use boosting::{FittedHistGradientBoosting, HistGradientBoosting, Round};
pub use forest::{Bag, ExtraTrees, FittedForest, OutOfBag, OutOfBagPredictions, RandomForest};
pub use importance::Importance;
pub use loss::Loss;
pub use options::{ClassWeight, EarlyStopping, HighCardinality, Monotone, Sampling};
pub use shap::ShapValues;
