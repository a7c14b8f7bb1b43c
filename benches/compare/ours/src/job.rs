//! What is asked for.

use std::path::PathBuf;

#[derive(serde::Deserialize)]
pub struct Job {
    pub data: PathBuf,
    pub predictions: PathBuf,
    pub model: Model,
    pub measure: Measure,
    pub categories: Categories,
    pub n_trees: usize,
    pub max_leaves: Option<usize>,
    pub max_depth: Option<usize>,
    pub learning_rate: Option<f64>,
    pub threads: usize,
    pub seed: u64,
    /// How many predictions to time.
    pub calls: usize,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    Boosting,
    RandomForest,
    ExtraTrees,
}

/// What is timed.
#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Fit,
    Predict,
    PredictRow,
}

/// What the codes of a category are to the model.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Categories {
    Native,
    Numbers,
}
