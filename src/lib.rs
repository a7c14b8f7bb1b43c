//! From a messy table to a leak-proof stacked model.

pub mod data;
pub mod error;
pub mod folds;
pub mod metrics;
pub mod model;
pub mod model_selection;
pub mod pipeline;
pub mod prelude;
pub mod random;
pub mod stack;
pub mod transform;

pub use error::{Error, ErrorKind, Result};
