//! A fitted network.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::inputs::{Inputs, Levels};
use super::loss::Head;
use super::predict::{add_prediction_of_row, add_predictions};
use super::tables::Table;
use super::train::{End, Epoch, TrainedNetwork};
use crate::data::{Feature, Features, InSample, OutOfSample, Target};
use crate::error::{Error, Result};
use crate::model::Predictor;

/// A fitted [`NeuralNetwork`](super::NeuralNetwork).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FittedNeuralNetwork<Y> {
    pub(super) fields: Arc<[Feature]>,
    /// The target with no row: what to make of scores.
    pub(super) outcome: Y,
    pub(super) head: Head,
    pub(super) inputs: Inputs,
    pub(super) networks: Vec<TrainedNetwork>,
}

impl FittedNeuralNetwork<()> {
    /// As a network for this target.
    fn of<Y: Target>(self, target: &Y) -> FittedNeuralNetwork<Y> {
        FittedNeuralNetwork {
            fields: self.fields,
            outcome: target.take(&[]),
            head: self.head,
            inputs: self.inputs,
            networks: self.networks,
        }
    }
}

impl<Y: Target> FittedNeuralNetwork<Y> {
    /// The features that the network was fitted on.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.fields
    }

    /// What each epoch came to: of the first network, if several are averaged.
    #[must_use]
    pub fn history(&self) -> &[Epoch] {
        &self.networks[0].history
    }

    /// What each epoch of each of the averaged networks came to.
    pub fn histories(&self) -> impl Iterator<Item = &[Epoch]> {
        self.networks.iter().map(|network| &network.history[..])
    }

    /// The embedding of a feature that is a code; of the first network, if several are averaged.
    #[must_use]
    pub fn embedding(&self, feature: &str) -> Option<Embedding<'_>> {
        let feature = self
            .fields
            .iter()
            .position(|field| field.name() == feature)?;
        let (table, levels) = self.inputs.levels(feature)?;
        Some(Embedding {
            table: &self.networks[0].network.tables[table],
            levels,
        })
    }

    /// Predicts one row, given in the order of [`features`](Self::features): writes the
    /// positive-class probability (binary), one probability per class (multiclass), or the value
    /// (regression). Up to rounding it is what [`Predictor::predict`] says.
    ///
    /// # Errors
    /// If the row or `out` has another length than the features or the outputs, or a number is
    /// infinite.
    pub fn predict_row(&self, row: &[f32], out: &mut [f64]) -> Result<()> {
        if row.len() != self.fields.len() {
            let expected = format!("{} features, as in fitting", self.fields.len());
            return Err(Error::data(expected, row.len()));
        }
        if out.len() != self.head.n_scores() {
            let expected = format!("room for {} outputs", self.head.n_scores());
            return Err(Error::data(expected, out.len()));
        }
        if let Some(j) = row.iter().position(|x| x.is_infinite()) {
            let error = Error::not_finite(f64::from(row[j]));
            return Err(error.in_column(self.fields[j].name()));
        }
        out.fill(0.0);
        let share = (self.networks.len() as f64).recip();
        for TrainedNetwork { network, .. } in &self.networks {
            add_prediction_of_row(network, &self.inputs, self.head, row, share, out);
        }
        Ok(())
    }

    /// Checks that features and classes are those of the fit.
    pub(super) fn check_same(&self, features: &Features<InSample>, target: &Y) -> Result<()> {
        features.check_fields(&self.fields)?;
        for (have, want) in features.fields().iter().zip(self.fields.iter()) {
            if have.kind() != want.kind() {
                let expected = format!("{:?}, as in the fitted model", want.kind());
                let found = format!("{:?}", have.kind());
                return Err(Error::data(expected, found).in_column(have.name()));
            }
        }
        let (have, want) = (target.class_names(), self.outcome.class_names());
        if have != want {
            let expected = format!("classes {}, as in the fitted model", want.join(", "));
            return Err(Error::data(expected, have.join(", ")));
        }
        Ok(())
    }
}

impl<Y: Target> Predictor<Y> for FittedNeuralNetwork<Y> {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction> {
        let columns = outputs(
            &self.fields,
            &self.inputs,
            self.head,
            &self.networks,
            features,
        )?;
        self.outcome.prediction(columns)
    }
}

fn outputs(
    fields: &[Feature],
    inputs: &Inputs,
    head: Head,
    networks: &[TrainedNetwork],
    features: &Features<OutOfSample>,
) -> Result<Vec<Vec<f64>>> {
    features.check_fields(fields)?;
    let data = inputs.encode(features)?;
    let rows: Vec<u32> = (0..).take(features.n_rows()).collect();
    let n_scores = head.n_scores();
    let mut out = vec![0.0; rows.len() * n_scores];
    let share = (networks.len() as f64).recip();
    for TrainedNetwork { network, .. } in networks {
        add_predictions(network, head, &data, &rows, share, &mut out);
    }
    let column = |k: usize| out.iter().skip(k).step_by(n_scores).copied();
    let column = |k: usize| match head {
        // Shares of networks and members add up to 1 but for rounding.
        Head::Binary | Head::Classes(_) => column(k).map(|p| p.min(1.0)).collect(),
        Head::Value { .. } => column(k).collect(),
    };
    Ok((0..n_scores).map(column).collect())
}

/// What [training](super::NeuralNetwork::train) gives: a network, and how its training ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trained<Y> {
    /// The network, with the last weights worth keeping.
    pub fitted: FittedNeuralNetwork<Y>,
    /// How training ended; of several networks, the first that diverged or was stopped tells.
    pub end: End,
}

impl Trained<()> {
    pub(super) fn new(fitted: FittedNeuralNetwork<()>, ends: &[End]) -> Self {
        let rank = |end: &End| match end {
            End::Diverged { .. } => 0,
            End::Stopped => 1,
            End::StoppedEarly => 2,
            End::Finished => 3,
        };
        let end = ends
            .iter()
            .copied()
            .min_by_key(rank)
            .unwrap_or(End::Finished);
        Self { fitted, end }
    }

    /// As networks for this target.
    pub(super) fn of<Y: Target>(self, target: &Y) -> Trained<Y> {
        Trained {
            fitted: self.fitted.of(target),
            end: self.end,
        }
    }
}

impl<Y: Target> Trained<Y> {
    /// The network, unless it was stopped or diverged.
    pub(super) fn into_result(self, learning_rate: f64) -> Result<FittedNeuralNetwork<Y>> {
        match self.end {
            End::Finished | End::StoppedEarly => Ok(self.fitted),
            End::Stopped => Err(Error::stopped()),
            End::Diverged { epoch, step } => Err(Error::parameter(
                "learning_rate",
                "one at which loss and weights stay finite",
                format!("{learning_rate}, which diverged in epoch {epoch}, step {step}"),
            )),
        }
    }
}

/// The trained vectors of a feature's levels.
///
/// Row 0 of the table is for unknown levels: those of too few training rows, and those that there
/// were none of. Missing values have a row like any level, if there were enough of them.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::neural::{EmbeddingSize, NeuralRegressor};
/// use stackfold::prelude::*;
/// let towns: Vec<f32> = (0..90).map(|i| (i % 3) as f32).collect();
/// let y = Values::new(towns.iter().map(|&town| f64::from(town)).collect::<Vec<_>>())?;
/// let x = Features::new(vec![Feature::code("town", 4)], 90, towns)?.assume_in_sample();
/// let model = NeuralRegressor::new().with_embedding_size(EmbeddingSize::Fixed(2)).with_n_epochs(1);
/// let fitted = model.fit(&x, &y, &FitContext::default())?;
/// let embedding = fitted.embedding("town").expect("a code");
/// // Three towns, and the unknown one, which is what the fourth is.
/// assert_eq!((embedding.n_rows(), embedding.size()), (4, 2));
/// assert_eq!(embedding.counts(), [0, 30, 30, 30]);
/// assert_eq!(embedding.row_of_code(3), embedding.unknown_row());
/// assert_ne!(embedding.vector(embedding.row_of_code(0)), embedding.vector(0));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Embedding<'a> {
    table: &'a Table,
    levels: &'a Levels,
}

impl<'a> Embedding<'a> {
    /// How many numbers stand for a level.
    #[must_use]
    pub fn size(self) -> usize {
        self.table.size
    }

    /// How many rows the table has.
    #[must_use]
    pub fn n_rows(self) -> usize {
        self.table.n_rows()
    }

    /// The table row of unknown levels.
    #[must_use]
    pub fn unknown_row(self) -> usize {
        0
    }

    /// The table row of missing values: the unknown one if there were too few in training.
    #[must_use]
    pub fn missing_row(self) -> usize {
        self.levels.missing_row as usize
    }

    /// The table row of a code: the unknown one if it was rare, or not there in training.
    #[must_use]
    pub fn row_of_code(self, code: u32) -> usize {
        self.levels.row_of_code(code) as usize
    }

    /// The vector of a table row.
    ///
    /// # Panics
    /// If `row` is not below [`n_rows`](Self::n_rows).
    #[must_use]
    pub fn vector(self, row: usize) -> &'a [f32] {
        self.table.vector(row)
    }

    /// How many training rows each table row stands for.
    #[must_use]
    pub fn counts(self) -> &'a [u64] {
        &self.levels.counts
    }
}
