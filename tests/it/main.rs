//! All integration tests, in one binary.

mod batches;
mod columns;
mod cross_validate;
mod data;
mod embedding;
mod encoders;
mod folds;
mod forest_hist;
#[cfg(feature = "polars")]
mod frames;
mod hist_boosting;
mod hist_continue;
mod hist_input;
mod hist_oracle;
mod hist_ordered;
mod hist_shap;
mod hist_stack;
mod inspection;
mod laws;
mod leakage;
mod learners;
mod linear;
mod messages;
mod metrics;
mod neural;
mod neural_input;
mod neural_training;
mod numeric;
mod one_row;
mod parity;
mod progress;
mod stability;
mod stack;
mod stack_memory;
mod stack_out_of_bag;
mod support;
