//! What is asked for.

use std::path::PathBuf;

use serde_json::{Map, Value};

#[derive(Clone, serde::Deserialize)]
pub struct Job {
    pub data: PathBuf,
    pub predictions: PathBuf,
    pub model: Model,
    pub measure: Measure,
    pub categories: Categories,
    pub n_trees: Option<usize>,
    pub max_leaves: Option<usize>,
    pub max_depth: Option<usize>,
    pub learning_rate: Option<f64>,
    /// Options of a network that are not the defaults.
    #[serde(default)]
    pub network: Map<String, Value>,
    /// What encodes categories, for a model that is none of ours.
    pub encoder: Option<Encoder>,
    /// Options of the embedding encoder and of its network that are not the defaults.
    #[serde(default)]
    pub embedding: Embedding,
    /// What a stack is made of.
    pub stack: Option<StackJob>,
    /// What is read, in the folder of the data.
    #[cfg_attr(not(feature = "reading"), allow(dead_code, reason = "nothing is read"))]
    pub file: Option<String>,
    /// Where encoded features are written.
    pub encoded: Option<PathBuf>,
    /// What a transformer does.
    pub transform: Option<Work>,
    #[serde(default)]
    pub input: Input,
    /// Of leave-one-out means, multiplicative; none if 0.
    #[serde(default)]
    pub noise: f64,
    /// Where features are written that come out of a transformer; nowhere if empty.
    #[serde(default)]
    pub output: PathBuf,
    pub threads: usize,
    pub seed: u64,
    /// How many predictions to time.
    pub calls: usize,
}

impl Job {
    /// The same job without written features.
    pub fn without_output(&self) -> Self {
        Self {
            output: PathBuf::new(),
            ..self.clone()
        }
    }
}

#[derive(Clone, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    Boosting,
    RandomForest,
    ExtraTrees,
    Logistic,
    NaiveBayes,
    Network,
    /// No model: features are encoded and written.
    Features,
    /// Members in a stack, or one that is cross-validated.
    Stack,
    /// No model: a transformer is timed.
    Transform,
    /// No model: a file is read.
    Reading,
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
    /// Nothing but a copy of the numbers.
    Copy,
}

/// What a transformer starts from.
#[derive(Clone, Copy, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Strings or `f64` numbers in memory: making the table is timed.
    #[default]
    Plain,
    /// A table in memory.
    Table,
}

/// What is timed.
#[derive(Clone, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Fit,
    /// A fit, and then the test rows' predictions.
    FitPredict,
    /// An epoch of a network.
    Epoch,
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

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    Embedding,
    OneHot,
    Ordinal,
}

#[derive(Clone, Default, serde::Deserialize)]
pub struct Embedding {
    pub n_folds: Option<usize>,
    pub rows_per_number: Option<usize>,
    #[serde(flatten)]
    pub network: Map<String, Value>,
}

#[derive(Clone, serde::Deserialize)]
pub struct StackJob {
    pub members: Vec<Member>,
    /// 0 for A/B/C.
    pub n_folds: usize,
    /// Whether the one member is cross-validated, and no stack is made.
    pub is_cross_validation: bool,
    pub memory_limit: Option<u64>,
    /// Of members in the blend.
    pub weights: BlendWeights,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlendWeights {
    NonNegative,
    Any,
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    Logistic,
    Forest,
    ExtraTrees,
    Boosting,
    NaiveBayes,
}
