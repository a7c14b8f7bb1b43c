//! Forward without training.

use super::batch::CHUNK;
use super::chunk::{Chunk, activate, extend_inputs, normalize_one};
use super::inputs::{Encoded, Inputs};
use super::loss::Head;
use super::network::Network;
use super::tables::{TableBatch, add_scaled};
use crate::parallel;

/// Adds the predictions of rows of the data, times a share: `out` has one number a row and score.
///
/// Members' predictions are averaged. A row's prediction does not depend on the other rows.
pub(super) fn add_predictions(
    network: &Network,
    head: Head,
    data: &Encoded,
    rows: &[u32],
    share: f64,
    out: &mut [f64],
) {
    let n_scores = head.n_scores();
    let tables = network.tables.iter().zip(&data.lookups);
    let tables = parallel::map(tables, |_, (table, lookup)| {
        let mut batch = TableBatch::default();
        batch.look_up(table, lookup, rows.iter().copied(), None);
        batch
    });
    let share = share / network.n_members as f64;
    let last = network.layers.len() - 1;
    let chunks = out.chunks_mut(CHUNK * n_scores).zip(rows.chunks(CHUNK));
    let room = || Chunk::new(network);
    parallel::map_with(room, chunks, |chunk, c, (out, rows)| {
        chunk.first = c * CHUNK;
        chunk.enter(network, data, rows.iter().copied(), &tables);
        for layer in 0..last {
            if let Some(norm) = network.norms.get(layer) {
                chunk.normalize(network, layer, &norm.mean, &norm.variance);
            }
            chunk.activate(network, layer, None);
            chunk.sum(network, layer + 1);
        }
        let scores = chunk.scores().chunks_exact(n_scores * network.n_members);
        for (out, scores) in out.chunks_exact_mut(n_scores).zip(scores) {
            for scores in scores.chunks_exact(n_scores) {
                head.add_prediction(scores, share, out);
            }
        }
    });
}

/// Adds the prediction of one row of features, times a share.
pub(super) fn add_prediction_of_row(
    network: &Network,
    inputs: &Inputs,
    head: Head,
    row: &[f32],
    share: f64,
    out: &mut [f64],
) {
    let first = &network.layers[0];
    let width = first.n_out;
    let mut numbers = vec![0.0; inputs.n_numbers()];
    let mut sums = vec![0.0; width];
    let mut scratch = Vec::new();
    inputs.encode_row(row, &mut numbers, |table, place| {
        network.tables[table].add_row(place, &mut scratch, &mut sums);
    });
    let mut entering = Vec::with_capacity(first.n_in);
    extend_inputs(network, &numbers, &mut scratch, &mut entering);
    for (&x, weights) in entering.iter().zip(first.weights.chunks_exact(width)) {
        add_scaled(&mut sums, x, weights);
    }
    let n_members = network.n_members;
    let last = network.layers.len() - 1;
    let (mut values, mut next) = (Vec::new(), Vec::new());
    for member in 0..n_members {
        values.clear();
        values.extend_from_slice(&first.bias[member * width..][..width]);
        if network.factors.is_empty() {
            add_scaled(&mut values, 1.0, &sums);
        } else {
            let factors = &network.factors[member * width..][..width];
            for ((value, &sum), &factor) in values.iter_mut().zip(&sums).zip(factors) {
                *value += sum * factor;
            }
        }
        for layer in 0..last {
            for (unit, value) in values.iter_mut().enumerate() {
                let sum = network
                    .norms
                    .get(layer)
                    .map_or(*value, |norm| normalize_one(norm, unit, *value));
                *value = activate(network.activation, sum);
            }
            let dense = &network.layers[layer + 1];
            let n_heads = dense.bias.len() / dense.n_out;
            let head = if n_heads > 1 { member } else { 0 };
            next.clear();
            next.extend_from_slice(&dense.bias[head * dense.n_out..][..dense.n_out]);
            let weights = &dense.weights[head * dense.n_in * dense.n_out..];
            for (&x, weights) in values.iter().zip(weights.chunks_exact(dense.n_out)) {
                add_scaled(&mut next, x, weights);
            }
            std::mem::swap(&mut values, &mut next);
        }
        head.add_prediction(&values, share / n_members as f64, out);
    }
}
