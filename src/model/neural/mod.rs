//! Networks for tables: embeddings of codes, dense layers, and what training them takes.
//!
//! [`NeuralClassifier`] and [`NeuralRegressor`] take [features](crate::data::Features) as any other
//! model does. Codes ([`FeatureKind::Code`], as
//! [`OrdinalEncoder`](crate::transform::encode::OrdinalEncoder) makes them) get an embedding each: a
//! table of one trained vector a level. Numbers are scaled inside, and may be embedded too
//! ([`NumericEmbedding`]). Nothing has to be prepared, and missing values are allowed everywhere.
//!
//! ```text
//! codes ──> table ──┐                            ┌─> output of member 1 ─┐
//! codes ──> table ──┼─> first layer ─> layers ───┼─> output of member 2 ─┼─> mean prediction
//! numbers ─> scale ─┘    (factors)               └─> ...                 ┘
//! ```
//!
//! # How it works
//!
//! 1. `inputs.rs` learns from the rows that are trained on which table row each code has, and how
//!    numbers are scaled. Row 0 of each table is for unknown levels: it is trained, since levels of
//!    few rows share it and other levels are replaced by it at random.
//! 2. A batch is divided in chunks of rows (`chunk.rs`) that go forward and back by themselves, and
//!    weights in blocks whose gradients are summed over chunks in order (`batch.rs`). The parts are
//!    the same on any number of threads, and so are the bits that come out.
//! 3. Tables multiply with the first layer by level, not by row (`tables.rs`).
//! 4. `train.rs` has the epochs, early stopping and divergence.
//!
//! ADR 7 says why this network is the crate's own, and has the measurements.

mod batch;
mod chunk;
mod fitted;
mod inputs;
mod loss;
mod matrix;
mod network;
mod optimizer;
mod options;
mod periodic;
mod predict;
mod tables;
mod train;

#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use fitted::{Embedding, FittedNeuralNetwork, Trained};
pub use options::{
    Activation, EmbeddingSize, Normalization, NumericEmbedding, NumericScaling, Optimizer, Schedule,
};
pub use train::{End, Epoch};

use self::batch::{Noise, TrainingData};
use self::inputs::{InputOptions, Inputs};
use self::loss::Head;
use self::network::{Architecture, Network};
use self::options::probability;
use self::train::{Split, TrainedNetwork};
use crate::data::{
    DynTarget, Feature, FeatureKind, Features, FitContext, InSample, Labels, RowIndex, Target,
    Values,
};
use crate::error::{Error, Result};
use crate::model::common::training::{check_lengths, numbers_of, split_of, weights_of};
use crate::model::{ClassWeight, EarlyStopping, Estimator, bytes};
use crate::options::{above_zero, at_least_one, at_least_zero, options};
use crate::parallel;

/// A network of classes: its loss is the log loss, and it predicts probabilities.
pub type NeuralClassifier = NeuralNetwork<Labels>;

/// A network of values: its loss is the squared error of the standardised value.
pub type NeuralRegressor = NeuralNetwork<Values>;

/// A feed-forward network for tables, with an embedding for each code.
///
/// With `e` the concatenation of each row's embedding vectors and scaled numbers, layers are
/// `h = dropout(activation(norm(W h' + b)))`, starting from `h' = e`; the last one has no
/// activation, and gives one score for two classes (log-odds), one a class for more (softmax), or
/// the value. The mean loss of mini-batches is made small by gradient descent ([`Optimizer`]).
///
/// * **Codes**: each has a table of [`EmbeddingSize`] numbers a level. Levels of fewer training rows
///   than [`min_level_count`](Self::with_min_level_count), and at random a share of the others
///   ([`level_dropout`](Self::with_level_dropout)), read the table's first row, which is therefore
///   trained to stand for levels that were not there in training. Missing is a level. What code a
///   level has changes nothing.
/// * **Numbers** are [scaled](NumericScaling) by what the training rows say; missing values become
///   the middle, and a mark says so. Infinite ones are an error.
/// * **Weights** multiply each row's loss; rows of weight 0 take no part.
/// * **Members** ([`with_n_members`](Self::with_n_members)) share most weights, after Gorishniy et
///   al. 2024 (`TabM`): cheaper than as many [networks](Self::with_n_seeds), the more so the more
///   inputs there are.
/// * The same bits come out on any number of threads.
///
/// Sources: Guo and Berkhahn 2016, "Entity embeddings of categorical variables" (arXiv 1604.06737);
/// Gorishniy et al. 2022, "On embeddings for numerical features in tabular deep learning" (arXiv
/// 2203.05556); Gorishniy et al. 2024, "`TabM`" (arXiv 2410.24210).
///
/// # Errors of fitting
///
/// An option outside its domain; no row or no feature; other numbers of rows; an infinite number;
/// weights that are all 0; rows that cannot be divided where early stopping needs it; a learning
/// rate at which the loss is no longer finite (the error names the epoch and the step; see
/// [`train`](Self::train)).
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::neural::NeuralClassifier;
/// use stackfold::prelude::*;
/// // Who buys depends on the town; one town is unknown.
/// let town: Vec<f32> = (0..600).map(|i| if i % 7 == 6 { f32::NAN } else { (i % 7) as f32 }).collect();
/// let age: Vec<f32> = (0..600).map(|i| (20 + i % 41) as f32).collect();
/// let buys: Vec<u32> = town.iter().zip(&age).map(|(&t, &a)| u32::from(t < 3.0 && a > 30.0)).collect();
/// let fields = vec![Feature::code("town", 6), Feature::number("age")];
/// let x = Features::from_columns(fields, vec![town, age])?;
/// let y = Labels::new(buys, vec!["no".into(), "yes".into()])?;
///
/// let model = NeuralClassifier::new().with_hidden([32]).with_learning_rate(1e-2).with_batch_size(64);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let p = fitted.predict(&x)?;
/// assert!(p.positive()[14] > 0.8 && p.positive()[3] < 0.2 && p.positive()[0] < 0.2);
/// // An unseen town is no reason to fail.
/// let mut one = [0.0];
/// fitted.predict_row(&[77.0, 50.0], &mut one)?;
/// assert!(one[0] > 0.0 && one[0] < 1.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct NeuralNetwork<Y> {
    options: NetworkOptions,
    target: PhantomData<fn() -> Y>,
}

impl<Y> Clone for NeuralNetwork<Y> {
    fn clone(&self) -> Self {
        Self {
            options: self.options.clone(),
            target: PhantomData,
        }
    }
}

impl<Y> PartialEq for NeuralNetwork<Y> {
    fn eq(&self, other: &Self) -> bool {
        self.options == other.options
    }
}

impl<Y> fmt::Debug for NeuralNetwork<Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NeuralNetwork").field(&self.options).finish()
    }
}

impl<Y> Default for NeuralNetwork<Y> {
    fn default() -> Self {
        Self {
            options: NetworkOptions::default(),
            target: PhantomData,
        }
    }
}

/// The options of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NetworkOptions {
    hidden: Vec<usize>,
    activation: Activation,
    dropout: f64,
    normalization: Normalization,
    embedding_size: EmbeddingSize,
    embedding_sizes: Vec<(String, usize)>,
    min_level_count: usize,
    level_dropout: f64,
    numeric_scaling: NumericScaling,
    numeric_embedding: NumericEmbedding,
    optimizer: Optimizer,
    learning_rate: f64,
    weight_decay: f64,
    schedule: Schedule,
    batch_size: usize,
    n_epochs: usize,
    max_gradient_norm: Option<f64>,
    early_stopping: Option<EarlyStopping>,
    n_seeds: usize,
    n_members: usize,
    label_smoothing: f64,
    class_weight: ClassWeight,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            hidden: vec![256, 128],
            activation: Activation::Relu,
            dropout: 0.1,
            normalization: Normalization::None,
            embedding_size: EmbeddingSize::Half { max: 50 },
            embedding_sizes: Vec::new(),
            min_level_count: 5,
            level_dropout: 0.01,
            numeric_scaling: NumericScaling::Quantile,
            numeric_embedding: NumericEmbedding::PiecewiseLinear {
                n_bins: 48,
                size: 8,
            },
            optimizer: Optimizer::adamw(),
            learning_rate: 1e-3,
            weight_decay: 0.05,
            schedule: Schedule::Cosine,
            batch_size: 256,
            n_epochs: 20,
            max_gradient_norm: None,
            early_stopping: None,
            n_seeds: 1,
            n_members: 1,
            label_smoothing: 0.0,
            class_weight: ClassWeight::Equal,
        }
    }
}

impl<Y: Target> NeuralNetwork<Y> {
    /// Layers of 256 and 128 rectified units over piecewise linear embeddings of numbers, trained for
    /// 20 epochs by `AdamW` while the learning rate falls from 0.001 along a cosine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        in options;
        /// What hidden layers do to their sums; [`Activation::Relu`] by default.
        with_activation(activation: Activation);
        /// The probability that a hidden unit is set to 0 in training (Srivastava et al. 2014); the
        /// others are divided by what is left of 1. 0.1 by default.
        with_dropout(dropout: f64);
        /// What is done to hidden layers' sums before the activation; nothing by default.
        with_normalization(normalization: Normalization);
        /// How many numbers stand for a level; `min(50, (n + 1) / 2)` by default.
        with_embedding_size(embedding_size: EmbeddingSize);
        /// Levels of fewer training rows than so many share the unknown level's vector; 5 by
        /// default.
        with_min_level_count(min_level_count: usize);
        /// The probability that a row's level is replaced by the unknown one in an epoch; 0.01 by
        /// default. At 0 the unknown level is trained by rare levels alone, or not at all.
        with_level_dropout(level_dropout: f64);
        /// How numbers are scaled, where they are not embedded by knots; [`NumericScaling::Quantile`]
        /// by default.
        with_numeric_scaling(numeric_scaling: NumericScaling);
        /// What stands for a number; by default a piecewise linear embedding of 8 numbers over up
        /// to 48 pieces. [`NumericEmbedding::None`], the scaled number itself, takes a fraction of
        /// the time, and on most tables predicts less well.
        with_numeric_embedding(numeric_embedding: NumericEmbedding);
        /// How gradients become steps; [`Optimizer::adamw`] by default.
        with_optimizer(optimizer: Optimizer);
        /// The learning rate, above 0; 0.001 by default.
        with_learning_rate(learning_rate: f64);
        /// How much weights (not biases) are drawn to 0; 0.05 by default. See [`Optimizer`].
        with_weight_decay(weight_decay: f64);
        /// How the learning rate changes; [`Schedule::Cosine`] by default.
        with_schedule(schedule: Schedule);
        /// How many rows a batch has at most; 256 by default. Batches of an epoch differ by one row
        /// at most.
        with_batch_size(batch_size: usize);
        /// How often all rows are gone through at most; 20 by default.
        with_n_epochs(n_epochs: usize);
        /// What the length of all gradients as one vector is cut to, if it is longer; not by
        /// default.
        with_max_gradient_norm(max_gradient_norm: Option<f64>);
        /// Whether and when to stop before the last epoch; not by default.
        with_early_stopping(early_stopping: Option<EarlyStopping>);
        /// How many networks are trained from different starts and averaged; 1 by default.
        with_n_seeds(n_seeds: usize);
        /// How many members share one network's weights: each multiplies the sums of the first
        /// layer by factors of its own (1 or -1 at the start), adds a bias, and has an output layer.
        /// Each is trained by its own loss; predictions are averaged. 1 by default.
        ///
        /// After `TabM` (Gorishniy et al. 2024), whose factors are on the inputs: here the first
        /// layer, which is the largest, is computed once for all members. Needs a hidden layer.
        with_n_members(n_members: usize);
    }

    /// The widths of the hidden layers, from the inputs on; none for a linear model. 256 and 128 by
    /// default.
    #[must_use]
    pub fn with_hidden(mut self, hidden: impl Into<Vec<usize>>) -> Self {
        self.options.hidden = hidden.into();
        self
    }

    /// See [`with_hidden`](Self::with_hidden).
    #[must_use]
    pub fn hidden(&self) -> &[usize] {
        &self.options.hidden
    }

    /// How many numbers stand for a level of the features of these names.
    #[must_use]
    pub fn with_embedding_sizes<N: Into<String>>(
        mut self,
        sizes: impl IntoIterator<Item = (N, usize)>,
    ) -> Self {
        let named = sizes.into_iter().map(|(name, size)| (name.into(), size));
        self.options.embedding_sizes = named.collect();
        self
    }

    /// See [`with_embedding_sizes`](Self::with_embedding_sizes).
    #[must_use]
    pub fn embedding_sizes(&self) -> &[(String, usize)] {
        &self.options.embedding_sizes
    }

    /// Trains, and keeps the weights if the fit is stopped or diverges: [`Trained::end`] tells.
    ///
    /// ```
    /// use stackfold::data::Feature;
    /// use stackfold::model::neural::{End, NeuralRegressor, Optimizer};
    /// use stackfold::prelude::*;
    /// let x: Vec<f32> = (0..200).map(|i| i as f32).collect();
    /// let y = Values::new(x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>())?;
    /// let x = Features::new(vec![Feature::number("x")], 200, x)?.assume_in_sample();
    /// let model = NeuralRegressor::new().with_optimizer(Optimizer::sgd(0.9)).with_learning_rate(1e9);
    /// let model = model.with_batch_size(20);
    /// let trained = model.train(&x, &y, &FitContext::default())?;
    /// assert!(matches!(trained.end, End::Diverged { epoch: 1, .. }));
    /// assert!(model.fit(&x, &y, &FitContext::default()).is_err());
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Estimator::fit`], but for divergence and being stopped.
    pub fn train(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Trained<Y>> {
        let trained = self.options.train(features, target.as_dyn(), context)?;
        Ok(trained.of(target))
    }

    /// Trains the networks of a fitted model for up to [`n_epochs`](Self::with_n_epochs) epochs
    /// more, on its own rows or new ones.
    ///
    /// Levels, scaling and the networks' shape remain the fitted model's; the options of training
    /// are those given now. Epochs are counted, and their seeds drawn, from the model's first;
    /// schedules and the optimizer's moments start anew. With early stopping, rows are set aside
    /// from those given now (the same ones if rows, seed and share are the same), and new weights
    /// are kept only if these rows' loss is less than before.
    ///
    /// ```
    /// use stackfold::data::Feature;
    /// use stackfold::model::neural::NeuralRegressor;
    /// use stackfold::prelude::*;
    /// let x: Vec<f32> = (0..200).map(|i| i as f32).collect();
    /// let y = Values::new(x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>())?;
    /// let x = Features::new(vec![Feature::number("x")], 200, x)?.assume_in_sample();
    /// let (model, context) = (NeuralRegressor::new().with_hidden([8]), FitContext::default());
    /// let first = model.clone().with_n_epochs(2).fit(&x, &y, &context)?;
    /// let more = model.with_n_epochs(3).continue_from(&first, &x, &y, &context)?;
    /// assert_eq!(more.history().len(), 5);
    /// assert_eq!(more.history()[..2], *first.history());
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Estimator::fit`]; if features, their kinds or the classes are not those of the fitted
    /// model.
    pub fn continue_from(
        &self,
        fitted: &FittedNeuralNetwork<Y>,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<FittedNeuralNetwork<Y>> {
        let rows = TrainingRows::new(&self.options, features, target.as_dyn(), context)?;
        fitted.check_same(features, target)?;
        let fitted = FittedNeuralNetwork {
            fields: Arc::clone(&fitted.fields),
            outcome: (),
            head: fitted.head,
            inputs: fitted.inputs.clone(),
            networks: fitted.networks.clone(),
        };
        let trained = self.options.run(fitted, features, rows, context)?;
        trained.of(target).into_result(self.options.learning_rate)
    }
}

impl NeuralNetwork<Labels> {
    options! {
        in options;
        /// How much of each label is spread evenly over all classes (Szegedy et al. 2016, section
        /// 7), 0 or more and below 1; 0 by default.
        with_label_smoothing(label_smoothing: f64);
    }

    /// Weights of classes, by which their rows' weights are multiplied; equal by default.
    #[must_use]
    pub fn with_class_weight(mut self, class_weight: ClassWeight) -> Self {
        self.options.class_weight = class_weight;
        self
    }
}

impl NetworkOptions {
    fn check(&self, fields: &[Feature]) -> Result<()> {
        for &width in &self.hidden {
            at_least_one("hidden", width)?;
        }
        probability("dropout", self.dropout)?;
        self.embedding_size.check()?;
        for (name, size) in &self.embedding_sizes {
            at_least_one("embedding_sizes", *size)?;
            let is_code = |field: &&Feature| {
                field.name() == name && matches!(field.kind(), FeatureKind::Code { .. })
            };
            if fields.iter().find(is_code).is_none() {
                let expected = "names of features that are codes";
                return Err(Error::parameter("embedding_sizes", expected, name));
            }
        }
        at_least_one("min_level_count", self.min_level_count)?;
        probability("level_dropout", self.level_dropout)?;
        self.numeric_embedding.check()?;
        self.optimizer.check()?;
        above_zero("learning_rate", self.learning_rate)?;
        at_least_zero("weight_decay", self.weight_decay)?;
        self.schedule.check()?;
        at_least_one("batch_size", self.batch_size)?;
        at_least_one("n_epochs", self.n_epochs)?;
        if let Some(norm) = self.max_gradient_norm {
            above_zero("max_gradient_norm", norm)?;
        }
        if let Some(stopping) = self.early_stopping {
            stopping.check()?;
        }
        at_least_one("n_seeds", self.n_seeds)?;
        at_least_one("n_members", self.n_members)?;
        if self.n_members > 1 && self.hidden.is_empty() {
            let expected = "1 without hidden layers";
            return Err(Error::parameter("n_members", expected, self.n_members));
        }
        probability("label_smoothing", self.label_smoothing)
    }

    fn train(
        &self,
        features: &Features<InSample>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<Trained<()>> {
        let rows = TrainingRows::new(self, features, target, context)?;
        let options = InputOptions {
            scaling: self.numeric_scaling,
            embedding: self.numeric_embedding,
            min_level_count: self.min_level_count,
        };
        let learned = RowIndex::Some(&rows.train);
        let inputs = Inputs::new(features, learned, context.weights(), options)?;
        let at = |values: &[f64]| learned.gather(values).into_owned();
        let head = Head::new(target, &at(&rows.y), &at(&rows.weights));
        let fields = features.fields();
        let tables = inputs.tables(|feature, n_rows| self.size_of(&fields[feature], n_rows));
        let architecture = Architecture {
            tables: &tables,
            n_numbers: inputs.n_numbers(),
            n_scaled: inputs.n_scaled(),
            numeric: self.numeric_embedding,
            hidden: &self.hidden,
            n_outputs: head.n_scores(),
            activation: self.activation,
            normalization: self.normalization,
            n_members: self.n_members,
        };
        let seed = context.seed().child("network");
        let starts = head.starts(&at(&rows.y));
        let start = |i: usize| {
            let mut network = Network::new(&architecture, seed.at(i).child("start"));
            for &(output, number) in &starts {
                network.add_to_output(output, number);
            }
            TrainedNetwork {
                network,
                history: Vec::new(),
            }
        };
        let fitted = FittedNeuralNetwork {
            fields: features.shared_fields(),
            outcome: (),
            head,
            networks: (0..self.n_seeds).map(start).collect(),
            inputs,
        };
        self.run(fitted, features, rows, context)
    }

    /// Trains the networks, in parallel.
    fn run(
        &self,
        mut fitted: FittedNeuralNetwork<()>,
        features: &Features<InSample>,
        rows: TrainingRows,
        context: &FitContext<'_>,
    ) -> Result<Trained<()>> {
        let options = self;
        #[allow(clippy::cast_possible_truncation, reason = "losses have 32 bits")]
        let noise = Noise {
            dropout: options.dropout,
            level_dropout: options.level_dropout,
            label_smoothing: options.label_smoothing as f32,
        };
        #[allow(clippy::cast_possible_truncation, reason = "weights near 1")]
        let weights = rows.weights.iter().map(|&w| w as f32).collect();
        let split = Split {
            data: TrainingData {
                inputs: fitted.inputs.encode(features)?,
                head: fitted.head,
                y: rows.y.iter().map(|&y| fitted.head.scaled(y)).collect(),
                weights,
            },
            y: rows.y,
            train: rows.train,
            validation: rows.validation,
        };
        let seed = context.seed().child("network");
        let ended = parallel::map(fitted.networks, |i, network| {
            let progress = context.progress();
            train::train(options, noise, network, &split, seed.at(i), progress)
        });
        let ends: Vec<End> = ended.iter().map(|(_, end)| *end).collect();
        fitted.networks = ended.into_iter().map(|(network, _)| network).collect();
        Ok(Trained::new(fitted, &ends))
    }

    fn size_of(&self, field: &Feature, n_rows: usize) -> usize {
        let options = self;
        let is_code = matches!(field.kind(), FeatureKind::Code { .. });
        match options.numeric_embedding {
            NumericEmbedding::PiecewiseLinear { size, .. } if !is_code => return size,
            _ => {}
        }
        let given = options.embedding_sizes.iter();
        let mut given = given.filter(|(name, _)| name == field.name());
        // The unknown level is none of the levels.
        given.next().map_or_else(
            || options.embedding_size.of(n_rows.saturating_sub(1)),
            |&(_, size)| size,
        )
    }
}

/// Targets and weights by row of the features, and which rows are trained on.
struct TrainingRows {
    y: Vec<f64>,
    /// Of mean 1 over the rows trained on.
    weights: Vec<f64>,
    train: Vec<u32>,
    validation: Vec<u32>,
}

impl TrainingRows {
    fn new(
        options: &NetworkOptions,
        features: &Features<InSample>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        options.check(features.fields())?;
        let n = features.n_rows();
        check_lengths(n, target, context)?;
        if features.n_features() == 0 {
            return Err(Error::no_features());
        }
        let weights = weights_of(target, context, &options.class_weight)?;
        let stopping = options.early_stopping;
        let (train, validation) = split_of(target, context, stopping, weights.as_deref())?;
        let train = train.unwrap_or_else(|| (0..).take(n).collect());
        let mut weights = weights.unwrap_or_else(|| vec![1.0; n]);
        let total: f64 = train.iter().map(|&row| weights[row as usize]).sum();
        let factor = train.len() as f64 / total;
        for weight in &mut weights {
            *weight *= factor;
        }
        Ok(Self {
            y: numbers_of(target),
            weights,
            train,
            validation,
        })
    }
}

impl<Y: Target> Estimator<Y> for NeuralNetwork<Y> {
    type Fitted = FittedNeuralNetwork<Y>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        self.train(features, target, context)?
            .into_result(self.options.learning_rate)
    }

    /// A number or a place for each value, and the targets and weights of the rows; not the networks,
    /// which are small beside them.
    fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
        bytes(n_rows, n_features, 4).saturating_add(bytes(n_rows, 1 + n_outputs, 24))
    }
}
