//! The epochs of one network.

use serde::{Deserialize, Serialize};

use super::NetworkOptions;
use super::batch::{Batch, Noise, Seeds, Trainer, TrainingData};
use super::network::Network;
use super::optimizer::Step;
use super::predict::add_predictions;
use crate::model::EarlyStopping;
use crate::progress::{Event, Progress};
use crate::random::Seed;

/// What one epoch came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Epoch {
    /// The mean loss of the training rows, each before the step that it was part of, with dropout
    /// and smoothed labels as they were.
    pub train_loss: f64,
    /// The mean loss of the rows that were set aside for early stopping: the log loss of
    /// probabilities, or the squared error.
    pub validation_loss: Option<f64>,
    /// The learning rate of its last step.
    pub learning_rate: f64,
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum End {
    /// After its last epoch.
    Finished,
    /// Early: the validation loss had not fallen for long enough. The weights are those of the
    /// epoch of the least.
    StoppedEarly,
    /// By whoever watched it. The weights are those of the last epoch that was completed (of the
    /// least validation loss, with early stopping), or those at the start.
    Stopped,
    /// The loss or a weight was no longer finite. The weights are as for [`End::Stopped`].
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
        /// The step in the epoch, from 1.
        step: usize,
    },
}

/// A network that has been trained, or is to be trained further.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TrainedNetwork {
    pub(super) network: Network,
    pub(super) history: Vec<Epoch>,
}

/// What is trained on, and what is set aside.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) data: TrainingData,
    /// Targets and weights by row of the data.
    pub(super) y: Vec<f64>,
    pub(super) train: Vec<u32>,
    pub(super) validation: Vec<u32>,
}

impl Split {
    /// The mean loss of the rows set aside, if there are any.
    fn validation_loss(&self, network: &Network) -> Option<f64> {
        if self.validation.is_empty() {
            return None;
        }
        let head = self.data.head;
        let n_scores = head.n_scores();
        let mut predictions = vec![0.0; self.validation.len() * n_scores];
        let inputs = &self.data.inputs;
        add_predictions(
            network,
            head,
            inputs,
            &self.validation,
            1.0,
            &mut predictions,
        );
        let (mut sum, mut total) = (0.0, 0.0);
        for (&row, p) in self
            .validation
            .iter()
            .zip(predictions.chunks_exact(n_scores))
        {
            let row = row as usize;
            let weight = f64::from(self.data.weights[row]);
            sum += weight * head.loss_of_prediction(p, self.y[row]);
            total += weight;
        }
        Some(sum / total)
    }
}

/// Trains a network: [`NetworkOptions::n_epochs`] more epochs at most.
pub(super) fn train(
    options: &NetworkOptions,
    noise: Noise,
    start: TrainedNetwork,
    split: &Split,
    seed: Seed,
    progress: Option<&dyn Progress>,
) -> (TrainedNetwork, End) {
    let mut fit = Fit {
        options,
        noise,
        split,
        seed,
        progress,
        trainer: Trainer::new(&start.network),
        network: start.network.clone(),
        n_steps: 0,
    };
    let n_before = start.history.len();
    let mut best = Best::new(split.validation_loss(&start.network), n_before > 0);
    let mut kept = start;
    let mut history = kept.history.clone();
    let mut end = End::Finished;
    for epoch in 0..options.n_epochs {
        match fit.epoch(epoch, n_before + epoch) {
            Err(reason) => {
                end = reason;
                break;
            }
            Ok(result) => history.push(result),
        }
        let validation_loss = history.last().and_then(|epoch| epoch.validation_loss);
        let is_better = best.is_improved_by(validation_loss, options.early_stopping);
        if is_better {
            kept.network.clone_from(&fit.network);
        }
        if best.is_over(options.early_stopping) {
            end = End::StoppedEarly;
            break;
        }
    }
    kept.history = history;
    (kept, end)
}

/// The least validation loss so far.
struct Best {
    loss: f64,
    /// How many epochs ago.
    age: usize,
}

impl Best {
    /// A first epoch is better than none; a fit that goes on must be better than before.
    fn new(start: Option<f64>, goes_on: bool) -> Self {
        Self {
            loss: start.filter(|_| goes_on).unwrap_or(f64::INFINITY),
            age: 0,
        }
    }

    fn is_improved_by(&mut self, loss: Option<f64>, stopping: Option<EarlyStopping>) -> bool {
        let (Some(loss), Some(stopping)) = (loss, stopping) else {
            return true;
        };
        if loss < self.loss - stopping.min_improvement() {
            self.loss = loss;
            self.age = 0;
            return true;
        }
        self.age += 1;
        false
    }

    fn is_over(&self, stopping: Option<EarlyStopping>) -> bool {
        stopping.is_some_and(|stopping| self.age >= stopping.patience())
    }
}

struct Fit<'a> {
    options: &'a NetworkOptions,
    noise: Noise,
    split: &'a Split,
    seed: Seed,
    progress: Option<&'a dyn Progress>,
    trainer: Trainer,
    network: Network,
    n_steps: u64,
}

impl Fit<'_> {
    /// One epoch: `epoch` counts those of this fit, `place` those of the network.
    fn epoch(&mut self, epoch: usize, place: usize) -> Result<Epoch, End> {
        let Self {
            options,
            split,
            progress,
            ..
        } = *self;
        let seed = self.seed.child("epoch").at(place);
        let mut rows = split.train.clone();
        seed.child("order").stream().shuffle(&mut rows);
        let n_batches = rows.len().div_ceil(options.batch_size);
        let mut loss = 0.0;
        let mut learning_rate = 0.0;
        let mut first = 0;
        for batch in 0..n_batches {
            if progress.is_some_and(Progress::is_stopped) {
                return Err(End::Stopped);
            }
            // Batches differ by one row at most.
            let end = rows.len() * (batch + 1) / n_batches;
            let factor =
                options
                    .schedule
                    .factor(epoch * n_batches + batch, n_batches, options.n_epochs);
            learning_rate = options.learning_rate * factor;
            self.n_steps += 1;
            let step = Step::new(
                options.optimizer,
                self.n_steps,
                learning_rate,
                options.weight_decay,
            );
            let batch_of = Batch {
                data: &split.data,
                rows: &rows[first..end],
                noise: self.noise,
                seeds: Seeds {
                    levels: seed.child("levels"),
                    units: seed.child("units").at(batch),
                },
            };
            let network = &mut self.network;
            let max_norm = options.max_gradient_norm;
            let sum = self.trainer.step(network, batch_of, Some(step), max_norm);
            let is_last = batch + 1 == n_batches;
            if !sum.is_finite() || (is_last && !self.network.is_finite()) {
                return Err(End::Diverged {
                    epoch: place + 1,
                    step: batch + 1,
                });
            }
            loss += sum;
            first = end;
        }
        let weight: f64 = rows
            .iter()
            .map(|&row| f64::from(split.data.weights[row as usize]))
            .sum();
        let result = Epoch {
            train_loss: split.data.head.in_units(loss / weight),
            validation_loss: split.validation_loss(&self.network),
            learning_rate,
        };
        if let Some(progress) = progress {
            progress.event(&Event::Iteration {
                model: "network",
                iteration: place + 1,
                n_iterations: options.n_epochs.saturating_add(place - epoch),
                train_loss: Some(result.train_loss),
                validation_loss: result.validation_loss,
            });
        }
        Ok(result)
    }
}
