//! All integration tests, in one binary.

mod columns;
mod cross_validate;
mod data;
mod encoders;
mod folds;
mod forest_hist;
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
mod messages;
mod metrics;
mod numeric;
mod parity;
mod progress;
mod stability;
mod stack;
mod stack_out_of_bag;
mod support;
