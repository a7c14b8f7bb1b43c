//! Vectors of levels, taken out of a network.

mod as_table;
mod codes;
mod fitted;
mod gauge;
mod halves;
mod matrix;

use std::sync::Arc;

pub use fitted::{FittedEmbeddingEncoder, PretrainedEmbedding};
pub use matrix::EmbeddingMatrix;

use self::codes::{Coded, CodedColumn};
use self::gauge::{Contexts, Vectors};
use self::halves::{Half, in_common};
use super::cells::fill;
use super::cross_fitted::InnerFolds;
use super::targets::to_feature;
use crate::data::{Features, FitContext, InSample, RowIndex, Target, Train};
use crate::error::Result;
use crate::folds::{Folds, deal};
use crate::model::common::training::split_of;
use crate::model::neural::{
    EmbeddingSize, FittedNeuralNetwork, NeuralNetwork, NumericEmbedding, Schedule,
};
use crate::model::{EarlyStopping, Estimator};
use crate::options::{at_least_one, options};
use crate::parallel;
use crate::random::Seed;
use crate::transform::{FittedTransformer, Transformer};

/// Replaces each level by the vector that a network learns for it.
///
/// A [network](NeuralNetwork) is trained to predict the target from the columns, and from the
/// numbers [beside them](Self::with_context) if there are any. The vectors that it has learned for
/// the levels come out: `d` features a column, named `column_0`, `column_1` …, for any other model
/// to use.
///
/// # Cross-fitting
///
/// Vectors carry the targets of the rows that they were learned from, so a training row's vectors
/// come from networks that were trained on the other folds, of which there are five by default.
/// Networks have spaces of their own, and so each network's vectors are first moved to mean 0 (over
/// its training rows) and rotated (orthogonal Procrustes, Schönemann 1966) as near as they come to
/// the network's *own predictions* for each level in 32 fixed contexts (the other columns of 32
/// rows): these do not depend on how a space is turned. New rows get the mean of all folds' vectors.
/// No row's features depend on its own target, not even by the rotation; ADR 6 has the alternatives
/// and the measurements.
///
/// # Noise
///
/// A network finds vectors for the levels of a column that has nothing to do with the target, too.
/// So the rows that a fold's vectors are learned from are divided into two halves, and networks are
/// trained on each. Along each axis the covariance between the halves' vectors, over the levels that
/// both have, must be two standard errors above 0. Then the vectors are the mean of both halves',
/// weighted by their rows; otherwise the axis is 0 for all levels. A column that says nothing is
/// 0, but for one axis in twenty or so, and a column whose levels never are in both halves, such as
/// the name of the group that folds keep together, is 0 always.
///
/// # Size
///
/// `d` is the network's [embedding size](NeuralNetwork::with_embedding_size), but no more than the
/// mean number of a level's rows divided by
/// [`rows_per_number`](Self::with_rows_per_number): columns of many levels with few rows
/// each get one number, since a forest can read noise out of more.
/// [Sizes of single columns](NeuralNetwork::with_embedding_sizes) are taken as they are.
///
/// # Unknown, rare and missing levels
///
/// Levels of fewer training rows than the network's
/// [`min_level_count`](NeuralNetwork::with_min_level_count) and levels that are unknown share one
/// vector. It is trained: by rare levels, and by others that take their place at random
/// ([`level_dropout`](NeuralNetwork::with_level_dropout)). Missing is a level, if it has enough
/// rows. A level whose rows are all in one fold is unknown to the network that these rows get their
/// vectors from.
///
/// With fewer than two rows (or groups) training rows' features are missing.
///
/// Source: Guo and Berkhahn 2016, "Entity embeddings of categorical variables" (arXiv 1604.06737).
///
/// # Errors of fitting
///
/// As [`NeuralNetwork`]'s, with the fold; a column that is neither categorical nor boolean; a column
/// of the context that is categorical or encoded. Where rows cannot be divided for early stopping,
/// networks are trained without.
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::EmbeddingEncoder;
/// // Towns by the sea are dear; which are by the sea has to be found out.
/// let towns = ["Brighton", "Hove", "Leeds", "Luton", "Derby", "Poole"];
/// let price = [9.0, 8.5, 3.0, 2.5, 2.8, 9.2];
/// let town = |i: usize| (i * 7 + i / 6) % 6;
/// let column = Column::categorical((0..600).map(|i| Some(towns[town(i)])));
/// let table = Table::new([("town", column)])?;
/// let noise = |i: usize| (i % 11) as f64 / 10.0;
/// let target = Values::new((0..600).map(|i| price[town(i)] + noise(i)).collect::<Vec<_>>())?;
///
/// let (fitted, training) = EmbeddingEncoder::new().fit_transform(Train::new(&table, &target)?)?;
/// assert_eq!(training.names().next(), Some("town_0"));
/// assert_eq!(fitted.nearest("town", "Hove", 2)?.len(), 2);
/// assert!(["Brighton", "Poole"].contains(&fitted.nearest("town", "Hove", 1)?[0].0));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    bound(serialize = "", deserialize = "Y: Target")
)]
pub struct EmbeddingEncoder<Y> {
    network: NeuralNetwork<Y>,
    context: Vec<String>,
    rows_per_number: usize,
    folds: InnerFolds,
}

impl<Y: Target> Default for EmbeddingEncoder<Y> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Y: Target> EmbeddingEncoder<Y> {
    /// A network of 64 units, at most 4 numbers a level and at most one for each 100 rows of a
    /// level, five folds of two halves, eight networks for each.
    #[must_use]
    pub fn new() -> Self {
        let network = NeuralNetwork::new()
            .with_hidden([64])
            .with_dropout(0.0)
            .with_numeric_embedding(NumericEmbedding::None)
            .with_weight_decay(1e-4)
            .with_schedule(Schedule::Constant)
            .with_embedding_size(EmbeddingSize::Half { max: 4 })
            .with_min_level_count(2)
            .with_level_dropout(0.01)
            .with_learning_rate(5e-3)
            .with_batch_size(128)
            .with_n_epochs(20)
            .with_n_seeds(8)
            .with_early_stopping(Some(EarlyStopping::new().with_share(0.08).with_patience(2)));
        Self {
            network,
            context: Vec::new(),
            rows_per_number: 100,
            folds: InnerFolds::default(),
        }
    }

    /// With this network. If it averages several ([`with_n_seeds`](NeuralNetwork::with_n_seeds)),
    /// each half's vectors are the mean of as many networks', each rotated first.
    #[must_use]
    pub fn with_network(self, network: NeuralNetwork<Y>) -> Self {
        Self { network, ..self }
    }

    /// The network, to change some of its options.
    #[must_use]
    pub fn network(&self) -> &NeuralNetwork<Y> {
        &self.network
    }

    /// With these columns of the table (numeric, boolean, dates) as further inputs of the network,
    /// which then need not be explained by the levels. They are needed in fitting alone, and give
    /// no features.
    #[must_use]
    pub fn with_context<N: Into<String>>(self, columns: impl IntoIterator<Item = N>) -> Self {
        Self {
            context: columns.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// The columns of the context.
    #[must_use]
    pub fn context(&self) -> &[String] {
        &self.context
    }

    options! {
        /// With at most one number for each so many rows that a level has on average, 1 or more.
        with_rows_per_number(rows_per_number: usize);
    }

    /// Cross-fitted over this many folds: 2 or more, and no more than there are rows (or groups).
    ///
    /// Folds are stratified by the target and keep groups together; 5 by default. With more of them
    /// vectors are learned from more rows, and it takes longer. Each has vectors of its own, in which
    /// a model that grows enough trees can find the folds again.
    #[must_use]
    pub fn with_n_folds(self, n_folds: usize) -> Self {
        Self {
            folds: InnerFolds::Count(n_folds),
            ..self
        }
    }

    /// Cross-fitted over these folds of the training rows.
    #[must_use]
    pub fn with_folds(self, folds: Folds) -> Self {
        Self {
            folds: InnerFolds::Given(folds),
            ..self
        }
    }

    /// How many numbers the network learns for a level of the column, and how many come out.
    fn size_of(&self, column: &CodedColumn) -> (usize, usize) {
        let network = &self.network;
        let mut given = network.embedding_sizes().iter();
        if let Some(&(_, size)) = given.find(|(name, _)| *name == column.name) {
            return (size, size);
        }
        let n_known = column.n_known(network.min_level_count());
        let size = network.embedding_size().of(n_known);
        let n_rows = column.n_known_rows(network.min_level_count());
        let most = usize::try_from(n_rows).unwrap_or(usize::MAX);
        let most = most / n_known.max(1) / self.rows_per_number;
        (size, size.min(most.max(1)))
    }

    /// The network that is trained several times, with these sizes by column.
    fn single_network(&self, coded: &Coded, sizes: &[usize]) -> NeuralNetwork<Y> {
        let names = coded.columns().iter().map(|column| column.name.clone());
        let given = self.network.embedding_sizes().iter().cloned();
        // Those given for other columns come last: the network refuses them.
        let sizes = names.zip(sizes.iter().copied()).chain(given);
        // Rare levels have no code already.
        self.network
            .clone()
            .with_min_level_count(1)
            .with_n_seeds(1)
            .with_embedding_sizes(sizes)
    }
}

/// What the networks of all folds are trained on.
struct Training<'a, Y> {
    train: Train<'a, Y>,
    coded: &'a Coded,
    network: NeuralNetwork<Y>,
    /// How many are trained on each half of the same rows.
    n_networks: usize,
    /// By column: how many numbers come out.
    sizes: Vec<usize>,
    contexts: Contexts,
}

impl<Y: Target> Training<'_, Y> {
    /// Trains networks on the given rows, positions among the training rows; gives the vectors that
    /// their two halves have in common, by column.
    fn vectors(&self, rows: &[u32], seed: Seed) -> Result<Vec<Vectors>> {
        let halves = self.halves(rows, seed.child("halves"))?;
        let means = parallel::map(&halves, |half, rows| {
            self.mean_of_networks(rows, half * self.n_networks, seed)
        });
        let mut means = means.into_iter().collect::<Result<Vec<_>>>()?.into_iter();
        let (Some(first), second) = (means.next(), means.next()) else {
            return Ok(Vec::new());
        };
        let Some(second) = second else {
            return Ok(first);
        };
        let weights = self.train.weights();
        let columns = first.into_iter().zip(second).zip(self.coded.columns());
        let columns = columns.map(|((first, second), column)| {
            let [first, second] =
                [(first, &halves[0]), (second, &halves[1])].map(|(vectors, rows)| {
                    let weights = column.weights_of(rows, weights.as_deref());
                    Half { vectors, weights }
                });
            in_common(&first, &second)
        });
        Ok(columns.collect())
    }

    /// The rows that have weight, dealt to two halves, which keep groups together; all rows if there
    /// is but one group, or no weight.
    fn halves(&self, rows: &[u32], seed: Seed) -> Result<Vec<Vec<u32>>> {
        let weights = self.train.weights();
        let has_weight = |row: &u32| weights.as_ref().is_none_or(|w| w[*row as usize] > 0.0);
        let weighty: Vec<u32> = rows.iter().copied().filter(has_weight).collect();
        let strata = self.train.target().strata(RowIndex::Some(&weighty));
        let groups = self.train.rows().groups();
        let groups = groups
            .as_deref()
            .map(|groups| RowIndex::Some(&weighty).gather(groups));
        let Some(halves) = deal(&strata, groups.as_deref(), 2, seed)? else {
            return Ok(vec![rows.to_vec()]);
        };
        let half = |half| RowIndex::Some(&weighty).compose(&halves.validation(half));
        Ok((0..2).map(half).collect())
    }

    /// The mean of the vectors of networks that are trained on the given rows, by column; they are
    /// numbered from `first` on.
    fn mean_of_networks(&self, rows: &[u32], first: usize, seed: Seed) -> Result<Vec<Vectors>> {
        let among = RowIndex::Some(rows);
        let features = self.coded.features().take(rows);
        let sample = self.train.sample().take(rows);
        let fits = parallel::map(first..first + self.n_networks, |_, i| {
            let context = sample.context(seed.at(i), self.train.progress());
            let network = self.network_for(sample.target(), &context);
            let network = network.fit(&features, sample.target(), &context);
            self.taken_out(&network.map_err(|e| e.among(among))?)
        });
        Ok(mean(&fits.into_iter().collect::<Result<Vec<_>>>()?))
    }

    /// The network, without early stopping if no rows (groups, times) can be set aside.
    fn network_for(&self, target: &Y, context: &FitContext<'_>) -> NeuralNetwork<Y> {
        let stopping = self.network.early_stopping();
        let is_possible = split_of(target, context, stopping, context.weights()).is_ok();
        let stopping = stopping.filter(|_| is_possible);
        self.network.clone().with_early_stopping(stopping)
    }

    fn taken_out(&self, network: &FittedNeuralNetwork<Y>) -> Result<Vec<Vectors>> {
        let columns = self.coded.columns().iter().enumerate();
        let vectors = columns.filter_map(|(j, column)| {
            let embedding = network.embedding(&column.name)?;
            let size = self.sizes[j];
            Some(
                self.contexts
                    .vectors(self.coded, j, size, network, embedding),
            )
        });
        vectors.collect()
    }
}

/// The mean of the vectors of several networks, by column.
fn mean(networks: &[Vec<Vectors>]) -> Vec<Vectors> {
    let share = (networks.len() as f64).recip();
    let mut mean: Vec<Vectors> = Vec::new();
    for vectors in networks {
        if mean.is_empty() {
            mean = vectors.iter().map(Vectors::zeros_like).collect();
        }
        for (mean, vectors) in mean.iter_mut().zip(vectors) {
            for (mean, x) in mean.values.iter_mut().zip(&vectors.values) {
                *mean += share * x;
            }
        }
    }
    mean
}

impl<Y: Target> crate::transform::Chain for EmbeddingEncoder<Y> {}

impl<Y: Target> Transformer<Y> for EmbeddingEncoder<Y> {
    type Fitted = FittedEmbeddingEncoder;

    fn fit_transform(&self, train: Train<'_, Y>) -> Result<(Self::Fitted, Features<InSample>)> {
        Y::fit_embedding(self, train)
    }
}

impl<Y: Target> EmbeddingEncoder<Y> {
    pub(crate) fn fit_transform_here(
        &self,
        train: Train<'_, Y>,
    ) -> Result<(FittedEmbeddingEncoder, Features<InSample>)> {
        at_least_one("rows_per_number", self.rows_per_number)?;
        at_least_one("n_seeds", self.network.n_seeds())?;
        if let Some(stopping) = self.network.early_stopping() {
            stopping.check()?;
        }
        let seed = train.seed().child("embedding_encoder");
        let folds = self.folds.of(train.as_dyn(), seed.child("folds"))?;
        let (weights, min_count) = (train.weights(), self.network.min_level_count());
        let coded = Coded::new(train.rows(), weights.as_deref(), min_count, &self.context)?;
        if coded.columns().is_empty() {
            let fitted = FittedEmbeddingEncoder::from_matrices(Vec::new())?;
            let features =
                Features::from_buffer(fitted.fields().to_vec(), train.len(), Vec::new())?;
            return Ok((fitted, features));
        }
        let sizes = coded.columns().iter().map(|column| self.size_of(column));
        let (trained, sizes): (Vec<usize>, Vec<usize>) = sizes.unzip();
        let training = Training {
            train,
            coded: &coded,
            network: self.single_network(&coded, &trained),
            n_networks: self.network.n_seeds(),
            sizes,
            contexts: Contexts::new(&coded, seed.child("contexts")),
        };
        let n_parts = folds.as_ref().map_or(1, |folds| folds.n_folds());
        let parts = parallel::map(0..n_parts, |_, fold| {
            let rows = match &folds {
                Some(folds) => folds.train(fold),
                None => (0..).take(train.len()).collect(),
            };
            training.vectors(&rows, seed.child("fold").at(fold))
        });
        let mut by_fold = Vec::with_capacity(n_parts);
        for (fold, vectors) in parts.into_iter().enumerate() {
            by_fold.push(vectors.map_err(|e| {
                let e = e.among(train.rows().index());
                if folds.is_some() { e.in_fold(fold) } else { e }
            })?);
        }
        let fitted = FittedEmbeddingEncoder::from_matrices(matrices(&coded, mean(&by_fold)))?;
        let features = in_sample(&fitted, &coded, folds.as_deref(), &by_fold)?;
        Ok((fitted, features))
    }
}

/// The features of the training rows: vectors of the networks that were not trained on their fold,
/// missing without folds.
fn in_sample(
    fitted: &FittedEmbeddingEncoder,
    coded: &Coded,
    folds: Option<&Folds>,
    by_fold: &[Vec<Vectors>],
) -> Result<Features<InSample>> {
    let n_rows = coded.features().n_rows();
    let sizes = fitted.matrices().iter().map(EmbeddingMatrix::size);
    let (values, _) = fill(n_rows, &sizes.collect::<Vec<_>>(), |j, out| {
        let Some(folds) = folds else {
            out.fill(f32::NAN);
            return Ok(());
        };
        for (place, out) in out.chunks_exact_mut(n_rows).enumerate() {
            let cells = coded.columns()[j].slots.iter().zip(folds.fold_of_row());
            for (out, (&slot, &fold)) in out.iter_mut().zip(cells) {
                let vectors = &by_fold[usize::from(fold)][j];
                *out = to_feature(vectors.row(slot as usize)[place]);
            }
        }
        Ok(())
    })?;
    Features::from_buffer(fitted.fields().to_vec(), n_rows, values)
}

/// Vectors with the names of their levels.
fn matrices(coded: &Coded, vectors: Vec<Vectors>) -> Vec<EmbeddingMatrix> {
    let columns = coded.columns().iter().zip(vectors);
    let matrix = |(column, vectors): (&CodedColumn, Vectors)| {
        EmbeddingMatrix::from_parts(
            column.name.clone(),
            Arc::clone(&column.levels),
            column.counts.clone(),
            vectors.size,
            vectors.values.into_iter().map(to_feature).collect(),
        )
    };
    columns.map(matrix).collect()
}
