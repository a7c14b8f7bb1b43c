//! Tests of a network's parts: gradients, steps, and what fits are made of.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "small numbers, and the same bits"
)]

mod fits;
mod gradients;
mod inputs;
mod knots;
mod steps;

use super::batch::{Batch, Noise, Seeds, Trainer, TrainingData, parameters};
use super::inputs::{Encoded, Lookup};
use super::loss::Head;
use super::network::{Architecture, Network};
use super::optimizer::Step;
use super::options::{Activation, Normalization, NumericEmbedding};
use super::tables::{Kind, TableShape};
use crate::random::Seed;

const VALUE: Head = Head::Value {
    mean: 0.0,
    scale: 1.0,
};
const QUIET: Noise = Noise {
    dropout: 0.0,
    level_dropout: 0.0,
    label_smoothing: 0.0,
};

/// A network and the rows that it is trained on.
struct Case {
    network: Network,
    data: TrainingData,
    noise: Noise,
    seed: Seed,
}

/// Three numbers into five units that tell two classes, or a value.
fn plain() -> Architecture<'static> {
    Architecture {
        tables: &[],
        n_numbers: 3,
        n_scaled: 3,
        numeric: NumericEmbedding::None,
        hidden: &[5],
        n_outputs: 1,
        activation: Activation::Tanh,
        normalization: Normalization::None,
        n_members: 1,
    }
}

const fn levels(n_rows: usize, size: usize) -> TableShape {
    TableShape {
        n_rows,
        size,
        kind: Kind::Levels,
    }
}

/// A table of so many knots, and a row for missing values.
const fn knots(n_knots: usize, size: usize) -> TableShape {
    TableShape {
        n_rows: n_knots + 1,
        size,
        kind: Kind::Knots,
    }
}

impl Case {
    /// So many random rows, each of weight 1.
    fn new(architecture: &Architecture<'_>, head: Head, n_rows: usize, seed: u64) -> Self {
        let seed = Seed::new(seed);
        let mut numbers = seed.child("numbers").stream();
        let mut y = seed.child("y").stream();
        let lookups = architecture.tables.iter().enumerate().map(|(t, table)| {
            let mut stream = seed.child("places").at(t).stream();
            match table.kind {
                // Levels repeat, and the unknown one is among them.
                Kind::Levels => Lookup::Rows(
                    (0..n_rows)
                        .map(|_| stream.below(table.n_rows) as u32)
                        .collect(),
                ),
                // Between knots, on a knot, at the last one, and missing.
                Kind::Knots => Lookup::Places(
                    (0..n_rows)
                        .map(|row| {
                            let last = table.n_rows - 2;
                            let place = stream.uniform() * last as f64;
                            match row % 5 {
                                3 => f32::NAN,
                                2 => place.floor() as f32,
                                1 if row % 10 == 1 => last as f32,
                                _ => place as f32,
                            }
                        })
                        .collect(),
                ),
            }
        });
        let n_numbers = n_rows * architecture.n_numbers;
        Self {
            network: Network::new(architecture, seed.child("network")),
            data: TrainingData {
                inputs: Encoded {
                    n_rows,
                    lookups: lookups.collect(),
                    numbers: (0..n_numbers).map(|_| numbers.normal() as f32).collect(),
                },
                head,
                y: (0..n_rows)
                    .map(|_| match head {
                        Head::Binary => y.below(2) as f32,
                        Head::Classes(n) => y.below(n) as f32,
                        Head::Value { .. } => y.normal() as f32,
                    })
                    .collect(),
                weights: vec![1.0; n_rows],
            },
            noise: QUIET,
            seed,
        }
    }

    fn all_rows(&self) -> Vec<u32> {
        (0..).take(self.data.y.len()).collect()
    }

    /// The sum of the losses of some rows; then a step, if there is one.
    fn step(
        &mut self,
        trainer: &mut Trainer,
        rows: &[u32],
        step: Option<Step>,
        max_norm: Option<f64>,
    ) -> f64 {
        let batch = Batch {
            data: &self.data,
            rows,
            noise: self.noise,
            seeds: Seeds {
                levels: self.seed.child("levels"),
                units: self.seed.child("units"),
            },
        };
        trainer.step(&mut self.network, batch, step, max_norm)
    }

    /// The gradients of some rows' mean loss.
    fn gradients(&mut self, rows: &[u32]) -> Vec<f32> {
        let mut trainer = Trainer::new(&self.network);
        self.step(&mut trainer, rows, None, None);
        trainer.gradients(&self.network)
    }

    fn parameters(&mut self) -> Vec<f32> {
        parameters(&mut self.network)
            .into_iter()
            .map(|p| *p)
            .collect()
    }
}
