//! The parameters of a network.

use serde::{Deserialize, Serialize};

use super::options::{Activation, Normalization, NumericEmbedding};
use super::periodic::Periodic;
use super::tables::{Kind, Table, TableShape};
use crate::random::{Seed, Stream};

/// A network: inputs and tables enter the first layer, each layer the next, and the last one gives
/// the scores.
///
/// With several members, the first layer's sums are multiplied by factors of each member, and each
/// has a bias there and an output layer of its own; the layers in between are shared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Network {
    pub(super) tables: Vec<Table>,
    /// By scaled number, or none at all.
    pub(super) periodic: Vec<Periodic>,
    /// The first layer's weights are those of the inputs that are no tables.
    pub(super) layers: Vec<Dense>,
    /// By member, as many as the first layer is wide; none for one member.
    pub(super) factors: Vec<f32>,
    /// By hidden layer; none without batch normalization.
    pub(super) norms: Vec<Norm>,
    pub(super) activation: Activation,
    pub(super) n_members: usize,
}

/// A layer of weights, `n_in` rows of `n_out`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Dense {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    /// One matrix; in the output layer one a member.
    pub(super) weights: Vec<f32>,
    /// `n_out` numbers; in the first and the output layer so many a member.
    pub(super) bias: Vec<f32>,
}

/// Batch normalization of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Norm {
    pub(super) gamma: Vec<f32>,
    pub(super) beta: Vec<f32>,
    pub(super) mean: Vec<f32>,
    pub(super) variance: Vec<f32>,
}

impl Norm {
    fn new(width: usize) -> Self {
        Self {
            gamma: vec![1.0; width],
            beta: vec![0.0; width],
            mean: vec![0.0; width],
            variance: vec![1.0; width],
        }
    }
}

/// What a network looks like.
#[derive(Debug)]
pub(super) struct Architecture<'a> {
    pub(super) tables: &'a [TableShape],
    /// How many numbers there are, and how many of them are scaled features.
    pub(super) n_numbers: usize,
    pub(super) n_scaled: usize,
    pub(super) numeric: NumericEmbedding,
    pub(super) hidden: &'a [usize],
    pub(super) n_outputs: usize,
    pub(super) activation: Activation,
    pub(super) normalization: Normalization,
    pub(super) n_members: usize,
}

impl Network {
    /// A network of random weights.
    ///
    /// Weights and biases of a layer of `n` inputs are uniform on `±1 / sqrt(n)` (`LeCun` et al.
    /// 1998, section 4.6, up to a factor; `PyTorch`'s default), an embedding's vectors normal with
    /// a standard deviation of [`SPREAD`], members' factors 1 or -1.
    pub(super) fn new(shape: &Architecture<'_>, seed: Seed) -> Self {
        let widths: Vec<usize> = shape
            .hidden
            .iter()
            .copied()
            .chain([shape.n_outputs])
            .collect();
        let periodic: Vec<Periodic> = match shape.numeric {
            NumericEmbedding::Periodic {
                n_frequencies,
                sigma,
                size,
            } => (0..shape.n_scaled)
                .map(|j| {
                    let seed = seed.child("periodic").at(j);
                    Periodic::new(n_frequencies, sigma, size, seed)
                })
                .collect(),
            _ => Vec::new(),
        };
        let n_inputs = if let Some(first) = periodic.first() {
            shape.n_numbers - shape.n_scaled + periodic.len() * first.size()
        } else {
            shape.n_numbers
        };
        let table_width: usize = shape.tables.iter().map(|table| table.size).sum();
        let bound = |n_in: usize| (n_in.max(1) as f64).sqrt().recip();
        let first_bound = bound(n_inputs + table_width);
        let tables = shape.tables.iter().enumerate().map(|(t, table)| {
            let seed = seed.child("table").at(t);
            new_table(table, widths[0], first_bound, seed)
        });
        let last = widths.len() - 1;
        let layers = widths.iter().enumerate().map(|(l, &n_out)| {
            let (n_in, bound) = match l.checked_sub(1) {
                None => (n_inputs, first_bound),
                Some(before) => (widths[before], bound(widths[before])),
            };
            let n_heads = if l == last && l > 0 {
                shape.n_members
            } else {
                1
            };
            let n_biases = if l == 0 { shape.n_members } else { n_heads };
            let mut stream = seed.child("layer").at(l).stream();
            Dense {
                n_in,
                n_out,
                weights: uniform(&mut stream, n_heads * n_in * n_out, bound),
                bias: uniform(&mut stream, n_biases * n_out, bound),
            }
        });
        let mut stream = seed.child("members").stream();
        let factors = if shape.n_members > 1 {
            let sign = |_| if stream.uniform() < 0.5 { -1.0 } else { 1.0 };
            (0..shape.n_members * widths[0]).map(sign).collect()
        } else {
            Vec::new()
        };
        let norms = match shape.normalization {
            Normalization::None => Vec::new(),
            Normalization::Batch => shape.hidden.iter().map(|&w| Norm::new(w)).collect(),
        };
        Self {
            tables: tables.collect(),
            layers: layers.collect(),
            periodic,
            factors,
            norms,
            activation: shape.activation,
            n_members: shape.n_members,
        }
    }

    /// Adds a number to an output's score, in each member.
    pub(super) fn add_to_output(&mut self, output: usize, number: f32) {
        let n_outputs = self.n_outputs();
        if let Some(last) = self.layers.last_mut() {
            for biases in last.bias.chunks_exact_mut(n_outputs) {
                biases[output] += number;
            }
        }
    }

    /// Whether all weights and running moments are finite.
    pub(super) fn is_finite(&self) -> bool {
        let of_tables = self.tables.iter().flat_map(|t| [&t.vectors, &t.weights]);
        let of_layers = self.layers.iter().flat_map(|l| [&l.weights, &l.bias]);
        let of_norms = self.norms.iter();
        let of_norms = of_norms.flat_map(|n| [&n.gamma, &n.beta, &n.mean, &n.variance]);
        let of_waves = self.periodic.iter();
        let of_waves = of_waves.flat_map(|p| [&p.frequencies, &p.weights, &p.bias]);
        let all = of_tables.chain(of_layers).chain(of_norms).chain(of_waves);
        all.chain([&self.factors])
            .all(|values| values.iter().all(|v| v.is_finite()))
    }

    /// How wide the first layer is.
    pub(super) fn width(&self) -> usize {
        self.layers[0].n_out
    }

    pub(super) fn n_outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].n_out
    }

    pub(super) fn n_inputs(&self) -> usize {
        self.layers[0].n_in
    }
}

/// The standard deviation of an embedding's numbers at the start.
const SPREAD: f64 = 0.1;

fn new_table(shape: &TableShape, width: usize, bound: f64, seed: Seed) -> Table {
    let n = shape.n_rows * shape.size;
    let mut stream = seed.child("vectors").stream();
    // Steps between knots add up, so that they are smaller.
    let spread = match shape.kind {
        Kind::Levels => SPREAD,
        Kind::Knots => SPREAD / (shape.n_rows as f64).sqrt(),
    };
    #[allow(clippy::cast_possible_truncation, reason = "parameters have 32 bits")]
    let vectors = (0..n).map(|_| (spread * stream.normal()) as f32).collect();
    Table {
        kind: shape.kind,
        size: shape.size,
        vectors,
        weights: uniform(
            &mut seed.child("weights").stream(),
            shape.size * width,
            bound,
        ),
    }
}

/// So many uniform draws from `±bound`.
#[allow(clippy::cast_possible_truncation, reason = "parameters have 32 bits")]
pub(super) fn uniform(stream: &mut Stream, n: usize, bound: f64) -> Vec<f32> {
    (0..n)
        .map(|_| (bound * (2.0 * stream.uniform() - 1.0)) as f32)
        .collect()
}
