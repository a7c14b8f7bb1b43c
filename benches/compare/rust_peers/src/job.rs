//! What is asked for: the part of `ours`' jobs that these libraries do.

use std::path::PathBuf;

#[derive(serde::Deserialize)]
pub struct Job {
    pub data: PathBuf,
    pub predictions: PathBuf,
    pub model: Model,
    #[serde(default)]
    pub n_trees: usize,
    #[serde(default)]
    pub max_depth: u16,
    /// What a transformer does.
    pub transform: Option<Work>,
    /// Where features are written that come out of a transformer; nowhere if empty.
    #[serde(default)]
    pub output: PathBuf,
    pub threads: usize,
    pub seed: u64,
}

impl Job {
    pub fn transform(&self) -> crate::Result<Work> {
        self.transform.ok_or_else(|| "which transform".into())
    }
}

#[derive(Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    Boosting,
    RandomForest,
    ExtraTrees,
    Logistic,
    NaiveBayes,
    Transform,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    OneHot,
    LeaveOneOut,
    Target,
    Median,
    Robust,
    Quantile,
    MeanStandard,
    Standard,
}
