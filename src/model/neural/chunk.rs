//! A few rows of a batch on their way through the network and back. Chunks do not see one another,
//! but for the sums that batch normalization needs.

use super::inputs::Encoded;
use super::loss::Head;
use super::matrix::{Into, matrix, product, product_strided, strided};
use super::network::{Dense, Network};
use super::options::Activation;
use super::periodic::{Periodic, PeriodicGradients};
use super::tables::{TableBatch, add_scaled};
use crate::numeric::links::sigmoid_f32;
use crate::random::Seed;

/// What is added to variances (batch normalization).
const LEAST_VARIANCE: f32 = 1e-5;

/// Rows of a batch, and what layers made of them.
///
/// With `m` members each row is `m` rows, one after the other, from the first layer's activation
/// on.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The first row's place in the batch.
    pub(super) first: usize,
    pub(super) n_rows: usize,
    /// Numbers with periodic embeddings.
    numbers: Vec<f32>,
    n_numbers: usize,
    /// Inputs that are no tables.
    pub(super) inputs: Vec<f32>,
    /// Their gradients, for periodic embeddings.
    pub(super) input_deltas: Vec<f32>,
    /// The first layer's sums without bias, and their gradients; one member has them in its layer.
    pub(super) sums: Vec<f32>,
    sum_deltas: Vec<f32>,
    pub(super) layers: Vec<Layer>,
    pub(super) loss: f64,
    waves: Vec<f32>,
}

/// What a layer made of the rows.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// Sums of weighted inputs; after batch normalization, what that made of them.
    sums: Vec<f32>,
    /// Sums with mean 0 and variance 1 over the batch.
    pub(super) normal: Vec<f32>,
    /// What comes out.
    pub(super) active: Vec<f32>,
    /// What `active` was multiplied by: 0 for dropped ones. Empty without dropout.
    mask: Vec<f32>,
    /// The gradients of sums.
    pub(super) deltas: Vec<f32>,
}

/// Units that are dropped in training.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropout {
    pub(super) seed: Seed,
    pub(super) probability: f64,
}

/// The mean of a batch's sums and one over their standard deviation, by unit; or the gradients of
/// `beta` and `gamma` and the number of rows.
#[derive(Debug, Default, Clone)]
pub(super) struct Moments {
    pub(super) n: f64,
    pub(super) first: Vec<f64>,
    pub(super) second: Vec<f64>,
}

impl Moments {
    pub(super) fn new(width: usize) -> Self {
        Self {
            n: 0.0,
            first: vec![0.0; width],
            second: vec![0.0; width],
        }
    }
}

impl Chunk {
    pub(super) fn new(network: &Network) -> Self {
        let mut chunk = Self::default();
        chunk
            .layers
            .resize_with(network.layers.len(), Layer::default);
        chunk
    }

    /// The first layer's sums of the given rows of the data.
    pub(super) fn enter(
        &mut self,
        network: &Network,
        data: &Encoded,
        rows: impl ExactSizeIterator<Item = u32>,
        tables: &[TableBatch],
    ) {
        self.n_rows = rows.len();
        self.gather(network, data, rows);
        let dense = &network.layers[0];
        let width = dense.n_out;
        let is_one = network.n_members == 1;
        let sums = if is_one {
            &mut self.layers[0].sums
        } else {
            &mut self.sums
        };
        sums.clear();
        if is_one {
            for _ in 0..self.n_rows {
                sums.extend_from_slice(&dense.bias);
            }
        } else {
            sums.resize(self.n_rows * width, 0.0);
        }
        if dense.n_in > 0 {
            let inputs = matrix(&self.inputs, dense.n_in);
            product(&inputs, &matrix(&dense.weights, width), Into::Add, sums);
        }
        for table in tables {
            table.add(self.first, width, sums);
        }
        if !is_one {
            let layer = &mut self.layers[0].sums;
            layer.clear();
            for sums in self.sums.chunks_exact(width) {
                let factors = network.factors.chunks_exact(width);
                for (factors, bias) in factors.zip(dense.bias.chunks_exact(width)) {
                    let terms = sums.iter().zip(factors).zip(bias);
                    layer.extend(terms.map(|((&sum, &factor), &bias)| factor * sum + bias));
                }
            }
        }
    }

    /// The inputs that are no tables.
    fn gather(&mut self, network: &Network, data: &Encoded, rows: impl Iterator<Item = u32>) {
        self.inputs.clear();
        self.numbers.clear();
        self.n_numbers = network.periodic.len();
        let n_numbers = data.numbers.len() / data.n_rows.max(1);
        if n_numbers == 0 {
            return;
        }
        for row in rows {
            let numbers = &data.numbers[row as usize * n_numbers..][..n_numbers];
            self.numbers.extend_from_slice(&numbers[..self.n_numbers]);
            extend_inputs(network, numbers, &mut self.waves, &mut self.inputs);
        }
    }

    /// The sums of a layer from what came out of the one before.
    pub(super) fn sum(&mut self, network: &Network, layer: usize) {
        let dense = &network.layers[layer];
        let (before, from) = self.layers.split_at_mut(layer);
        let (inputs, out) = (&before[layer - 1].active, &mut from[0].sums);
        out.clear();
        let n_rows = inputs.len() / dense.n_in;
        let n_biases = dense.bias.len() / dense.n_out;
        for _ in 0..n_rows / n_biases {
            out.extend_from_slice(&dense.bias);
        }
        for (member, weights) in heads(dense).enumerate() {
            let n_heads = dense.weights.len() / weights.len();
            let stride = n_heads * dense.n_in;
            let inputs = strided(
                &inputs[member * dense.n_in..],
                n_rows / n_heads,
                dense.n_in,
                stride,
            );
            let weights = matrix(weights, dense.n_out);
            let out = &mut out[member * dense.n_out..];
            let stride = n_heads * dense.n_out;
            product_strided(&inputs, &weights, Into::Add, out, stride);
        }
    }

    /// What comes out of a hidden layer.
    pub(super) fn activate(&mut self, network: &Network, layer: usize, dropout: Option<Dropout>) {
        let width = network.layers[layer].n_out;
        let first = self.first * network.n_members;
        let Layer {
            sums, active, mask, ..
        } = &mut self.layers[layer];
        active.clear();
        let sums = sums.iter();
        match network.activation {
            Activation::Relu => active.extend(sums.map(|&x| relu(x))),
            Activation::Tanh => active.extend(sums.map(|&x| x.tanh())),
            Activation::Sigmoid => active.extend(sums.map(|&x| sigmoid_f32(x))),
            Activation::Gelu => active.extend(sums.map(|&x| gelu(x))),
        }
        mask.clear();
        let Some(dropout) = dropout else {
            return;
        };
        draw_mask(dropout, layer, first, width, active.len() / width, mask);
        for (active, mask) in active.iter_mut().zip(mask) {
            *active *= *mask;
        }
    }

    /// Adds to a layer's moments: of its sums, or of their squares about a mean.
    pub(super) fn add_moments(&self, layer: usize, mean: Option<&[f64]>, moments: &mut Moments) {
        let width = moments.first.len();
        for sums in self.layers[layer].sums.chunks_exact(width) {
            if let Some(mean) = mean {
                for ((second, &sum), mean) in moments.second.iter_mut().zip(sums).zip(mean) {
                    *second += (f64::from(sum) - mean).powi(2);
                }
            } else {
                moments.n += 1.0;
                for (first, &sum) in moments.first.iter_mut().zip(sums) {
                    *first += f64::from(sum);
                }
            }
        }
    }

    /// Normalizes a layer's sums by mean and variance.
    pub(super) fn normalize(
        &mut self,
        network: &Network,
        layer: usize,
        mean: &[f32],
        variance: &[f32],
    ) {
        let norm = &network.norms[layer];
        let width = mean.len();
        let Layer { sums, normal, .. } = &mut self.layers[layer];
        normal.clear();
        for sums in sums.chunks_exact_mut(width) {
            for (i, sum) in sums.iter_mut().enumerate() {
                let value = (*sum - mean[i]) / (variance[i] + LEAST_VARIANCE).sqrt();
                normal.push(value);
                *sum = norm.gamma[i] * value + norm.beta[i];
            }
        }
    }

    /// The loss of the scores and, in the last layer, its gradients. `rows` gives the target and
    /// the weight of each row; gradients are multiplied by `share`.
    pub(super) fn lose(
        &mut self,
        network: &Network,
        head: Head,
        rows: impl Iterator<Item = (f32, f32)>,
        smoothing: f32,
        share: f32,
    ) {
        let n_outputs = network.n_outputs();
        let share = share / network.n_members as f32;
        let last = self.layers.len() - 1;
        let Layer { sums, deltas, .. } = &mut self.layers[last];
        std::mem::swap(sums, deltas);
        self.loss = 0.0;
        let members = deltas.chunks_exact_mut(n_outputs * network.n_members);
        for (scores, (y, weight)) in members.zip(rows) {
            for scores in scores.chunks_exact_mut(n_outputs) {
                let loss = head.loss(scores, y, smoothing);
                self.loss += f64::from(weight) * loss / network.n_members as f64;
                for delta in scores {
                    *delta *= weight * share;
                }
            }
        }
    }

    /// The gradients of the sums of the layer before one (of what batch normalization made of
    /// them, if there is any) from those of its own.
    pub(super) fn go_back(&mut self, network: &Network, layer: usize) {
        let dense = &network.layers[layer];
        let (before, from) = self.layers.split_at_mut(layer);
        let (to, deltas) = (&mut before[layer - 1], &from[0].deltas);
        let n_rows = deltas.len() / dense.n_out;
        to.deltas.resize(n_rows * dense.n_in, 0.0);
        for (member, weights) in heads(dense).enumerate() {
            let n_heads = dense.weights.len() / weights.len();
            let deltas = strided(
                &deltas[member * dense.n_out..],
                n_rows / n_heads,
                dense.n_out,
                n_heads * dense.n_out,
            );
            let weights = matrix(weights, dense.n_out);
            let out = &mut to.deltas[member * dense.n_in..];
            let stride = n_heads * dense.n_in;
            product_strided(&deltas, &weights.t(), Into::Replace, out, stride);
        }
        let Layer {
            sums,
            active,
            mask,
            deltas,
            ..
        } = to;
        for (delta, mask) in deltas.iter_mut().zip(&*mask) {
            *delta *= mask;
        }
        // What came out before some of it was dropped.
        let undropped = |active: f32, mask: f32| if mask > 0.0 { active / mask } else { 0.0 };
        let masks = mask.iter().copied().chain(std::iter::repeat(1.0));
        let active = active.iter().zip(masks);
        let active = active.map(|(&a, mask)| undropped(a, mask));
        match network.activation {
            Activation::Relu => {
                for (delta, &sum) in deltas.iter_mut().zip(&*sums) {
                    *delta = if sum > 0.0 { *delta } else { 0.0 };
                }
            }
            Activation::Tanh => {
                for (delta, active) in deltas.iter_mut().zip(active) {
                    *delta *= 1.0 - active * active;
                }
            }
            Activation::Sigmoid => {
                for (delta, active) in deltas.iter_mut().zip(active) {
                    *delta *= active * (1.0 - active);
                }
            }
            Activation::Gelu => {
                for (delta, &sum) in deltas.iter_mut().zip(&*sums) {
                    *delta *= gelu_slope(sum);
                }
            }
        }
    }

    /// Adds to the gradients of `beta` (first) and `gamma` (second) of a layer.
    pub(super) fn add_norm_gradients(&self, layer: usize, gradients: &mut Moments) {
        let Layer { normal, deltas, .. } = &self.layers[layer];
        let width = gradients.first.len();
        for (normal, deltas) in normal.chunks_exact(width).zip(deltas.chunks_exact(width)) {
            gradients.n += 1.0;
            for i in 0..width {
                gradients.first[i] += f64::from(deltas[i]);
                gradients.second[i] += f64::from(deltas[i] * normal[i]);
            }
        }
    }

    /// From gradients of what batch normalization made of sums to those of the sums (Ioffe and
    /// Szegedy 2015, section 3).
    #[allow(clippy::cast_possible_truncation, reason = "gradients have 32 bits")]
    pub(super) fn denormalize(
        &mut self,
        network: &Network,
        layer: usize,
        variance: &[f32],
        gradients: &Moments,
    ) {
        let norm = &network.norms[layer];
        let width = variance.len();
        let Layer { normal, deltas, .. } = &mut self.layers[layer];
        let slopes: Vec<f32> = (0..width)
            .map(|i| norm.gamma[i] / (variance[i] + LEAST_VARIANCE).sqrt())
            .collect();
        let mean = |sums: &[f64]| -> Vec<f32> {
            sums.iter().map(|sum| (sum / gradients.n) as f32).collect()
        };
        let (beta, gamma) = (mean(&gradients.first), mean(&gradients.second));
        for (normal, deltas) in normal
            .chunks_exact(width)
            .zip(deltas.chunks_exact_mut(width))
        {
            for i in 0..width {
                deltas[i] = slopes[i] * (deltas[i] - beta[i] - normal[i] * gamma[i]);
            }
        }
    }

    /// The gradients of what enters the first layer.
    pub(super) fn leave(&mut self, network: &Network) {
        let dense = &network.layers[0];
        let width = dense.n_out;
        if network.n_members > 1 {
            self.sum_deltas.clear();
            self.sum_deltas.resize(self.n_rows * width, 0.0);
            let members = self.layers[0].deltas.chunks_exact(network.factors.len());
            for (sums, deltas) in self.sum_deltas.chunks_exact_mut(width).zip(members) {
                let factors = network.factors.chunks_exact(width);
                for (deltas, factors) in deltas.chunks_exact(width).zip(factors) {
                    for ((sum, &delta), &factor) in sums.iter_mut().zip(deltas).zip(factors) {
                        *sum += delta * factor;
                    }
                }
            }
        }
        if !network.periodic.is_empty() {
            let mut deltas = std::mem::take(&mut self.input_deltas);
            deltas.resize(self.inputs.len(), 0.0);
            let weights = matrix(&dense.weights, width);
            let sums = matrix(self.entry_deltas(), width);
            product(&sums, &weights.t(), Into::Replace, &mut deltas);
            self.input_deltas = deltas;
        }
    }

    /// The gradients of the first layer's sums before members' factors.
    pub(super) fn entry_deltas(&self) -> &[f32] {
        if self.sum_deltas.is_empty() {
            &self.layers[0].deltas
        } else {
            &self.sum_deltas
        }
    }

    /// The scores, by row and member.
    pub(super) fn scores(&self) -> &[f32] {
        &self.layers[self.layers.len() - 1].sums
    }

    /// Adds the gradients of some rows of a layer's weights, from input `first_input` on.
    pub(super) fn add_weight_gradients(
        &self,
        network: &LayerShape,
        first_input: usize,
        out: &mut [f32],
    ) {
        let &LayerShape {
            layer,
            n_in,
            n_out,
            head,
            n_heads,
        } = network;
        let (inputs, deltas) = match layer.checked_sub(1) {
            None => (&self.inputs[..], self.entry_deltas()),
            Some(before) => (
                &self.layers[before].active[..],
                &self.layers[layer].deltas[..],
            ),
        };
        let n_rows = deltas.len() / n_out / n_heads;
        let n_inputs = out.len() / n_out;
        let inputs = &inputs[head * n_in + first_input..];
        let inputs = strided(inputs, n_rows, n_inputs, n_heads * n_in);
        let deltas = strided(&deltas[head * n_out..], n_rows, n_out, n_heads * n_out);
        product(&inputs.t(), &deltas, Into::Add, out);
    }

    /// Adds the gradients of a layer's bias.
    pub(super) fn add_bias_gradients(&self, layer: usize, out: &mut [f32]) {
        for deltas in self.layers[layer].deltas.chunks_exact(out.len()) {
            add_scaled(out, 1.0, deltas);
        }
    }

    /// Adds the gradients of a feature's periodic embedding.
    pub(super) fn add_periodic_gradients(
        &self,
        periodic: &Periodic,
        feature: usize,
        n_inputs: usize,
        gradients: &mut PeriodicGradients,
    ) {
        let size = periodic.size();
        let mut waves = vec![0.0; 2 * periodic.frequencies.len()];
        let rows = self.inputs.chunks_exact(n_inputs);
        let deltas = self.input_deltas.chunks_exact(n_inputs);
        let numbers = self.numbers.iter().skip(feature).step_by(self.n_numbers);
        for ((inputs, deltas), &x) in rows.zip(deltas).zip(numbers) {
            let range = feature * size..(feature + 1) * size;
            periodic.waves(x, &mut waves);
            let (vector, delta) = (&inputs[range.clone()], &deltas[range]);
            periodic.add_gradients(x, &waves, vector, delta, gradients);
        }
    }

    /// Adds the gradients of members' factors.
    pub(super) fn add_factor_gradients(&self, width: usize, out: &mut [f32]) {
        let members = self.layers[0].deltas.chunks_exact(out.len());
        for (sums, deltas) in self.sums.chunks_exact(width).zip(members) {
            for (out, deltas) in out.chunks_exact_mut(width).zip(deltas.chunks_exact(width)) {
                for ((out, &sum), &delta) in out.iter_mut().zip(sums).zip(deltas) {
                    *out += sum * delta;
                }
            }
        }
    }
}

/// One matrix of a layer's weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerShape {
    pub(super) layer: usize,
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    pub(super) head: usize,
    pub(super) n_heads: usize,
}

/// The weights of a layer, by head.
fn heads(dense: &Dense) -> impl Iterator<Item = &[f32]> {
    dense.weights.chunks_exact(dense.n_in * dense.n_out)
}

/// Appends the inputs of a row of numbers.
pub(super) fn extend_inputs(
    network: &Network,
    numbers: &[f32],
    waves: &mut Vec<f32>,
    out: &mut Vec<f32>,
) {
    for (periodic, &x) in network.periodic.iter().zip(numbers) {
        waves.resize(2 * periodic.frequencies.len(), 0.0);
        periodic.waves(x, waves);
        let start = out.len();
        out.resize(start + periodic.size(), 0.0);
        periodic.vector(waves, &mut out[start..]);
    }
    out.extend_from_slice(&numbers[network.periodic.len()..]);
}

/// Factors of 0 with the given probability, and else such that their mean is 1.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a probability in 65,536ths"
)]
fn draw_mask(
    dropout: Dropout,
    layer: usize,
    first: usize,
    width: usize,
    n_rows: usize,
    out: &mut Vec<f32>,
) {
    let seed = dropout.seed.at(layer);
    let threshold = (dropout.probability * 65_536.0).round() as u64;
    let kept = (65_536.0 / (65_536 - threshold.min(65_535)) as f64) as f32;
    let per_row = width.div_ceil(4);
    for row in first..first + n_rows {
        for k in 0..per_row {
            // Four units share 64 random bits.
            let bits = seed.hash((row * per_row + k) as u64);
            for part in 0..4.min(width - 4 * k) {
                let is_kept = (bits >> (16 * part)) & 0xffff >= threshold;
                out.push(if is_kept { kept } else { 0.0 });
            }
        }
    }
}

pub(super) fn activate(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::Relu => relu(x),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid_f32(x),
        Activation::Gelu => gelu(x),
    }
}

/// Normalizes one sum as in prediction.
pub(super) fn normalize_one(norm: &super::network::Norm, unit: usize, sum: f32) -> f32 {
    let value = (sum - norm.mean[unit]) / (norm.variance[unit] + LEAST_VARIANCE).sqrt();
    norm.gamma[unit] * value + norm.beta[unit]
}

/// NaN stays, so that a fit that diverges is found.
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// `sqrt(2/π)` and the cubic's factor.
const GELU: (f32, f32) = (0.797_884_6, 0.044_715);

fn gelu(x: f32) -> f32 {
    let inner = GELU.0 * (x + GELU.1 * x * x * x);
    0.5 * x * (1.0 + inner.tanh())
}

fn gelu_slope(x: f32) -> f32 {
    let inner = GELU.0 * (x + GELU.1 * x * x * x);
    let tanh = inner.tanh();
    let slope = GELU.0 * (1.0 + 3.0 * GELU.1 * x * x);
    0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * slope
}
