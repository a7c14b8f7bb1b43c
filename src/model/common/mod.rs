//! What learners of several kinds share: options and what they come to, training rows, wrappers.

pub(crate) mod blocks;
pub(crate) mod class_weight;
pub(crate) mod dynamic;
pub(crate) mod early_stopping;
pub(crate) mod max_features;
pub(crate) mod subsample;
pub(crate) mod subsampled;
pub(crate) mod training;
pub(crate) mod transformed_target;
