//! Trees on histograms: gradient boosting, random forests and extra trees.

mod binned;
mod bins;
mod boosting;
mod grow;
mod histogram;
mod loss;
mod options;
mod split;
mod stop;
mod tree;

pub use binned::Binned;
pub use bins::Binning;
pub use boosting::{FittedHistGradientBoosting, HistGradientBoosting, Round};
pub use loss::Loss;
pub use options::{ClassWeight, EarlyStopping, Monotone, Sampling};
