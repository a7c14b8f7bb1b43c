//! One batch: forward, back, and a step of all parameters.
//!
//! Work is divided in parts that do not depend on the number of threads: tables, chunks of rows,
//! blocks of weights. Each sum is made by one part in one order, so that results are the same bits
//! on any number of threads.

use super::chunk::{Chunk, Dropout, LayerShape, Moments};
use super::inputs::Encoded;
use super::loss::Head;
use super::network::{Dense, Network, Norm};
use super::optimizer::{Block, State, Step};
use super::periodic::{Periodic, PeriodicGradients};
use super::tables::{Dropped, Kind, Table, TableBatch};
use crate::parallel;
use crate::random::Seed;

/// Rows that go through the network together.
pub(super) const CHUNK: usize = 128;
/// Rows of weights whose gradients are computed together.
const BLOCK: usize = 128;
/// The share of a batch's moments in the running ones.
const NEW_SHARE: f32 = 0.1;

/// What is trained on: inputs, and each row's target and weight.
#[derive(Debug)]
pub(super) struct TrainingData {
    pub(super) inputs: Encoded,
    pub(super) head: Head,
    pub(super) y: Vec<f32>,
    pub(super) weights: Vec<f32>,
}

/// What is random in training, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    pub(super) dropout: f64,
    pub(super) level_dropout: f64,
    pub(super) label_smoothing: f32,
}

/// One batch: rows of the data, and what is random.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch<'a> {
    pub(super) data: &'a TrainingData,
    pub(super) rows: &'a [u32],
    pub(super) noise: Noise,
    pub(super) seeds: Seeds,
}

/// Room to work on batches, and what the optimizer keeps.
#[derive(Debug)]
pub(super) struct Trainer {
    tables: Vec<TableBatch>,
    chunks: Vec<Chunk>,
    norms: Vec<BatchMoments>,
    periodic: Vec<PeriodicGradients>,
    states: States,
}

/// Moments of a layer's sums over the batch, and the gradients of `beta` and `gamma`.
#[derive(Debug, Default)]
struct BatchMoments {
    mean: Vec<f32>,
    variance: Vec<f32>,
    gradients: Moments,
}

#[derive(Debug)]
struct States {
    /// Vectors and weights.
    tables: Vec<(State, State)>,
    /// Weights and bias.
    layers: Vec<(State, State)>,
    factors: State,
    /// `beta` and `gamma`.
    norms: Vec<(State, State)>,
    /// Frequencies, weights and bias.
    periodic: Vec<[State; 3]>,
}

impl Trainer {
    pub(super) fn new(network: &Network) -> Self {
        let pair = |a: &[f32], b: &[f32]| (State::new(a.len()), State::new(b.len()));
        let tables = network.tables.iter();
        let layers = network.layers.iter();
        let norms = network.norms.iter();
        let periodic = network.periodic.iter();
        Self {
            tables: tables.clone().map(|_| TableBatch::default()).collect(),
            chunks: Vec::new(),
            norms: norms.clone().map(|_| BatchMoments::default()).collect(),
            periodic: periodic
                .clone()
                .map(|_| PeriodicGradients::default())
                .collect(),
            states: States {
                tables: tables.map(|t| pair(&t.vectors, &t.weights)).collect(),
                layers: layers.map(|l| pair(&l.weights, &l.bias)).collect(),
                factors: State::new(network.factors.len()),
                norms: norms.map(|n| pair(&n.beta, &n.gamma)).collect(),
                periodic: periodic
                    .map(|p| [&p.frequencies, &p.weights, &p.bias].map(|v| State::new(v.len())))
                    .collect(),
            },
        }
    }

    /// Computes the loss of some rows, the sum over rows, and its gradients by all parameters
    /// divided by the number of rows; then moves the parameters, if there is a step.
    ///
    /// `max_norm` bounds the length of all gradients as one vector.
    pub(super) fn step(
        &mut self,
        network: &mut Network,
        batch: Batch<'_>,
        step: Option<Step>,
        max_norm: Option<f64>,
    ) -> f64 {
        self.look_up(network, batch);
        self.forward(network, batch);
        self.backward(network, batch);
        let loss: f64 = self.chunks.iter().map(|chunk| chunk.loss).sum();
        if !loss.is_finite() {
            return loss;
        }
        let (tables, chunks, norms) = (&mut self.tables, &self.chunks, &self.norms);
        let mut work = self.states.work(network, tables, norms, &mut self.periodic);
        let Some(mut step) = step else {
            parallel::for_each(&mut work, |_, part| part.differentiate(chunks));
            return loss;
        };
        let Some(max_norm) = max_norm else {
            parallel::for_each(work, |_, mut part| {
                part.differentiate(chunks);
                part.apply(step);
            });
            return loss;
        };
        let squares = parallel::map(&mut work, |_, part| {
            part.differentiate(chunks);
            part.squares()
        });
        let norm = squares.iter().sum::<f64>().sqrt();
        if norm > max_norm {
            #[allow(clippy::cast_possible_truncation, reason = "gradients have 32 bits")]
            let factor = (max_norm / norm) as f32;
            step.factor = factor;
        }
        parallel::for_each(work, |_, part| part.apply(step));
        loss
    }

    fn look_up(&mut self, network: &Network, batch: Batch<'_>) {
        let Batch {
            data,
            rows,
            noise,
            seeds,
        } = batch;
        let dropped = |table: usize| Dropped {
            seed: seeds.levels.at(table),
            probability: noise.level_dropout,
        };
        let tables = self.tables.iter_mut().zip(&network.tables);
        let tables = tables.zip(&data.inputs.lookups);
        parallel::for_each(tables, |t, ((batch, table), lookup)| {
            let is_dropped = noise.level_dropout > 0.0 && table.kind == Kind::Levels;
            let dropped = is_dropped.then(|| dropped(t));
            batch.look_up(table, lookup, rows.iter().copied(), dropped);
        });
    }

    fn forward(&mut self, network: &mut Network, batch: Batch<'_>) {
        let Batch {
            data,
            rows,
            noise,
            seeds,
        } = batch;
        let n_chunks = rows.len().div_ceil(CHUNK);
        self.chunks.truncate(n_chunks);
        while self.chunks.len() < n_chunks {
            self.chunks.push(Chunk::new(network));
        }
        let dropout = (noise.dropout > 0.0).then_some(Dropout {
            seed: seeds.units,
            probability: noise.dropout,
        });
        let last = network.layers.len() - 1;
        let tables = &self.tables[..];
        let enter = |network: &Network, c: usize, chunk: &mut Chunk| {
            chunk.first = c * CHUNK;
            let end = rows.len().min(chunk.first + CHUNK);
            let rows = rows[chunk.first..end].iter().copied();
            chunk.enter(network, &data.inputs, rows, tables);
        };
        // Without batch normalization chunks go all the way by themselves.
        if network.norms.is_empty() {
            let network = &*network;
            parallel::for_each(&mut self.chunks, |c, chunk| {
                enter(network, c, chunk);
                for layer in 0..last {
                    chunk.activate(network, layer, dropout);
                    chunk.sum(network, layer + 1);
                }
            });
            return;
        }
        parallel::for_each(&mut self.chunks, |c, chunk| enter(network, c, chunk));
        for layer in 0..last {
            self.norms[layer].measure(&self.chunks, layer, &mut network.norms[layer]);
            let (network, norm) = (&*network, &self.norms[layer]);
            parallel::for_each(&mut self.chunks, |_, chunk| {
                chunk.normalize(network, layer, &norm.mean, &norm.variance);
                chunk.activate(network, layer, dropout);
                chunk.sum(network, layer + 1);
            });
        }
    }

    fn backward(&mut self, network: &Network, batch: Batch<'_>) {
        let Batch {
            data, rows, noise, ..
        } = batch;
        let last = network.layers.len() - 1;
        let share = (rows.len() as f32).recip();
        let lose = |chunk: &mut Chunk| {
            let rows = rows[chunk.first..chunk.first + chunk.n_rows].iter();
            let rows = rows.map(|&row| (data.y[row as usize], data.weights[row as usize]));
            chunk.lose(network, data.head, rows, noise.label_smoothing, share);
        };
        if network.norms.is_empty() {
            parallel::for_each(&mut self.chunks, |_, chunk| {
                lose(chunk);
                for layer in (1..=last).rev() {
                    chunk.go_back(network, layer);
                }
                chunk.leave(network);
            });
            return;
        }
        parallel::for_each(&mut self.chunks, |_, chunk| lose(chunk));
        for layer in (0..last).rev() {
            parallel::for_each(&mut self.chunks, |_, chunk| {
                chunk.go_back(network, layer + 1);
            });
            let norm = &mut self.norms[layer];
            norm.gradients = Moments::new(network.layers[layer].n_out);
            for chunk in &self.chunks {
                chunk.add_norm_gradients(layer, &mut norm.gradients);
            }
            parallel::for_each(&mut self.chunks, |_, chunk| {
                chunk.denormalize(network, layer, &norm.variance, &norm.gradients);
            });
        }
        parallel::for_each(&mut self.chunks, |_, chunk| chunk.leave(network));
    }

    /// All gradients of the last batch as one vector, in the order of [`parameters`].
    #[cfg(test)]
    pub(super) fn gradients(&self, network: &Network) -> Vec<f32> {
        let mut all = Vec::new();
        let states = &self.states;
        for ((table, batch), (_, weights)) in
            network.tables.iter().zip(&self.tables).zip(&states.tables)
        {
            let mut vectors = vec![0.0; table.vectors.len()];
            match table.kind {
                Kind::Knots => vectors.copy_from_slice(&batch.vector_gradients),
                Kind::Levels => {
                    let parts = batch.vector_gradients.chunks_exact(table.size);
                    for (&row, part) in batch.rows.iter().zip(parts) {
                        vectors[row as usize * table.size..][..table.size].copy_from_slice(part);
                    }
                }
            }
            all.extend(vectors);
            all.extend(&weights.gradient);
        }
        let pairs = states.layers.iter().chain(&states.norms);
        let singles = pairs.flat_map(|(a, b)| [a, b]);
        let singles = singles.chain([&states.factors]);
        for state in singles.chain(states.periodic.iter().flatten()) {
            all.extend(&state.gradient);
        }
        all
    }
}

/// All parameters, in the order of [`Trainer::gradients`].
#[cfg(test)]
pub(super) fn parameters(network: &mut Network) -> Vec<&mut f32> {
    let mut all: Vec<&mut f32> = Vec::new();
    for table in &mut network.tables {
        all.extend(&mut table.vectors);
        all.extend(&mut table.weights);
    }
    for layer in &mut network.layers {
        all.extend(&mut layer.weights);
        all.extend(&mut layer.bias);
    }
    for norm in &mut network.norms {
        all.extend(&mut norm.beta);
        all.extend(&mut norm.gamma);
    }
    all.extend(&mut network.factors);
    for periodic in &mut network.periodic {
        all.extend(&mut periodic.frequencies);
        all.extend(&mut periodic.weights);
        all.extend(&mut periodic.bias);
    }
    all
}

/// The seeds of what is random in a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seeds {
    /// Which levels are dropped: of an epoch, by table and row of the data.
    pub(super) levels: Seed,
    /// Which units are dropped: of a step, by layer, row of the batch and unit.
    pub(super) units: Seed,
}

impl BatchMoments {
    /// The moments of a layer's sums, which also move the running ones.
    #[allow(clippy::cast_possible_truncation, reason = "sums have 32 bits")]
    fn measure(&mut self, chunks: &[Chunk], layer: usize, running: &mut Norm) {
        let width = running.mean.len();
        let mut moments = Moments::new(width);
        for chunk in chunks {
            chunk.add_moments(layer, None, &mut moments);
        }
        let n = moments.n;
        let mean: Vec<f64> = moments.first.iter().map(|sum| sum / n).collect();
        for chunk in chunks {
            chunk.add_moments(layer, Some(&mean), &mut moments);
        }
        self.mean = mean.iter().map(|&mean| mean as f32).collect();
        self.variance = moments.second.iter().map(|sum| (sum / n) as f32).collect();
        let unbiased = (n / (n - 1.0).max(1.0)) as f32;
        for i in 0..width {
            running.mean[i] += NEW_SHARE * (self.mean[i] - running.mean[i]);
            running.variance[i] += NEW_SHARE * (unbiased * self.variance[i] - running.variance[i]);
        }
    }
}

/// A part of the parameters, whose gradients and steps are one task.
enum Work<'a> {
    Table {
        table: &'a mut Table,
        batch: &'a mut TableBatch,
        vectors: &'a mut State,
        weights: &'a mut State,
    },
    Weights {
        block: Block<'a>,
        shape: LayerShape,
        first_input: usize,
    },
    Bias {
        block: Block<'a>,
        layer: usize,
    },
    Norm {
        beta: Block<'a>,
        gamma: Block<'a>,
        gradients: &'a Moments,
    },
    Factors {
        block: Block<'a>,
        width: usize,
    },
    Periodic {
        periodic: &'a mut Periodic,
        gradients: &'a mut PeriodicGradients,
        states: &'a mut [State; 3],
        feature: usize,
        n_inputs: usize,
    },
}

impl States {
    fn work<'a>(
        &'a mut self,
        network: &'a mut Network,
        tables: &'a mut [TableBatch],
        norms: &'a [BatchMoments],
        periodic: &'a mut [PeriodicGradients],
    ) -> Vec<Work<'a>> {
        let mut work = Vec::new();
        let (width, n_inputs) = (network.width(), network.n_inputs());
        let states = self.tables.iter_mut();
        for ((table, batch), (vectors, weights)) in
            network.tables.iter_mut().zip(tables).zip(states)
        {
            work.push(Work::Table {
                table,
                batch,
                vectors,
                weights,
            });
        }
        for ((layer, dense), state) in network.layers.iter_mut().enumerate().zip(&mut self.layers) {
            push_dense(&mut work, layer, dense, state);
        }
        for ((norm, moments), (beta, gamma)) in
            network.norms.iter_mut().zip(norms).zip(&mut self.norms)
        {
            work.push(Work::Norm {
                beta: beta.block(&mut norm.beta),
                gamma: gamma.block(&mut norm.gamma),
                gradients: &moments.gradients,
            });
        }
        if !network.factors.is_empty() {
            let block = self.factors.block(&mut network.factors);
            work.push(Work::Factors { block, width });
        }
        let states = self.periodic.iter_mut();
        for (feature, ((periodic, gradients), states)) in network
            .periodic
            .iter_mut()
            .zip(periodic)
            .zip(states)
            .enumerate()
        {
            work.push(Work::Periodic {
                periodic,
                gradients,
                states,
                feature,
                n_inputs,
            });
        }
        work
    }
}

/// The parts of one layer.
fn push_dense<'a>(
    work: &mut Vec<Work<'a>>,
    layer: usize,
    dense: &'a mut Dense,
    (weights, bias): &'a mut (State, State),
) {
    let (n_in, n_out) = (dense.n_in, dense.n_out);
    if n_in > 0 {
        let n_heads = dense.weights.len() / (n_in * n_out);
        let per_head = n_in.div_ceil(BLOCK);
        // Heads are divided alike, each from its own first row on.
        let mut state = weights.block(&mut dense.weights);
        for head in 0..n_heads {
            for part in 0..per_head {
                let first_input = part * BLOCK;
                let n = BLOCK.min(n_in - first_input) * n_out;
                work.push(Work::Weights {
                    block: state.split_off(n),
                    shape: LayerShape {
                        layer,
                        n_in,
                        n_out,
                        head,
                        n_heads,
                    },
                    first_input,
                });
            }
        }
    }
    let block = bias.block(&mut dense.bias);
    work.push(Work::Bias { block, layer });
}

impl Work<'_> {
    /// Computes the gradients.
    fn differentiate(&mut self, chunks: &[Chunk]) {
        match self {
            Self::Table {
                table,
                batch,
                weights,
                ..
            } => {
                let deltas = chunks.iter().map(Chunk::entry_deltas);
                batch.gradients(table, deltas, &mut weights.gradient);
            }
            Self::Weights {
                block,
                shape,
                first_input,
            } => {
                block.gradient.fill(0.0);
                for chunk in chunks {
                    chunk.add_weight_gradients(shape, *first_input, block.gradient);
                }
            }
            Self::Bias { block, layer } => {
                block.gradient.fill(0.0);
                for chunk in chunks {
                    chunk.add_bias_gradients(*layer, block.gradient);
                }
            }
            #[allow(clippy::cast_possible_truncation, reason = "gradients have 32 bits")]
            Self::Norm {
                beta,
                gamma,
                gradients,
            } => {
                for (out, &sum) in beta.gradient.iter_mut().zip(&gradients.first) {
                    *out = sum as f32;
                }
                for (out, &sum) in gamma.gradient.iter_mut().zip(&gradients.second) {
                    *out = sum as f32;
                }
            }
            Self::Factors { block, width } => {
                block.gradient.fill(0.0);
                for chunk in chunks {
                    chunk.add_factor_gradients(*width, block.gradient);
                }
            }
            Self::Periodic {
                periodic,
                gradients,
                states,
                feature,
                n_inputs,
            } => {
                for (state, sums) in states.iter_mut().zip(gradients.sums()) {
                    std::mem::swap(&mut state.gradient, sums);
                    sums.fill(0.0);
                }
                for chunk in chunks {
                    chunk.add_periodic_gradients(periodic, *feature, *n_inputs, gradients);
                }
                for (state, sums) in states.iter_mut().zip(gradients.sums()) {
                    std::mem::swap(&mut state.gradient, sums);
                }
            }
        }
    }

    /// The sum of squared gradients.
    fn squares(&self) -> f64 {
        let of = |values: &[f32]| values.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
        match self {
            Self::Table { batch, weights, .. } => {
                of(&batch.vector_gradients) + of(&weights.gradient)
            }
            Self::Weights { block, .. }
            | Self::Bias { block, .. }
            | Self::Factors { block, .. } => of(block.gradient),
            Self::Norm { beta, gamma, .. } => of(beta.gradient) + of(gamma.gradient),
            Self::Periodic { states, .. } => states.iter().map(|state| of(&state.gradient)).sum(),
        }
    }

    /// Moves the parameters.
    fn apply(self, step: Step) {
        match self {
            Self::Table {
                table,
                batch,
                vectors,
                weights,
            } => {
                let size = table.size;
                match table.kind {
                    Kind::Levels => {
                        let gradients = batch.vector_gradients.chunks_exact_mut(size);
                        for (&row, gradient) in batch.rows.iter().zip(gradients) {
                            step.apply(vectors.row(row as usize, &mut table.vectors, gradient));
                        }
                    }
                    Kind::Knots => {
                        let gradient = &mut batch.vector_gradients;
                        step.apply(vectors.row(0, &mut table.vectors, gradient));
                    }
                }
                step.apply(weights.block(&mut table.weights));
            }
            Self::Weights { block, .. } => step.apply(block),
            Self::Bias { block, .. } | Self::Factors { block, .. } => {
                step.without_decay().apply(block);
            }
            Self::Norm { beta, gamma, .. } => {
                step.without_decay().apply(beta);
                step.without_decay().apply(gamma);
            }
            Self::Periodic {
                periodic, states, ..
            } => {
                let [frequencies, weights, bias] = states;
                step.without_decay()
                    .apply(frequencies.block(&mut periodic.frequencies));
                step.apply(weights.block(&mut periodic.weights));
                step.without_decay().apply(bias.block(&mut periodic.bias));
            }
        }
    }
}
