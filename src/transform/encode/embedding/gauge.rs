//! One space for vectors of several networks.
//!
//! Nothing holds the axes of an embedding in place: a network whose vectors are rotated, and whose
//! first layer is rotated back, predicts the same. What does not depend on axes is what a network
//! predicts. So each network's vectors are rotated until they come as near as they can to its own
//! predictions for each level in some fixed contexts. Those of other networks are not needed, nor
//! are the targets that they have seen.

use std::cmp::Reverse;

use super::codes::Coded;
use crate::data::{Features, OutOfSample, Prediction, Target};
use crate::error::Result;
use crate::model::Predictor;
use crate::model::neural::{Embedding, FittedNeuralNetwork};
use crate::numeric::linalg::{Matrix, procrustes};
use crate::parallel;
use crate::random::Seed;

/// In how many rows' contexts each level is put.
const N_CONTEXTS: usize = 32;
/// How many levels of a column are put there, the most frequent ones.
const N_LEVELS: usize = 1000;

/// The contexts: rows of the features, in each of which a column's level is replaced by others.
#[derive(Debug)]
pub(super) struct Contexts {
    features: Features<OutOfSample>,
    seed: Seed,
}

/// The vectors of a column, one for each code, then for unknown levels and missing cells.
#[derive(Debug)]
pub(super) struct Vectors {
    pub(super) size: usize,
    pub(super) values: Vec<f64>,
}

impl Vectors {
    pub(super) fn zeros_like(other: &Self) -> Self {
        Self {
            size: other.size,
            values: vec![0.0; other.values.len()],
        }
    }

    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.size..(row + 1) * self.size]
    }
}

impl Contexts {
    /// Rows drawn without a look at targets.
    pub(super) fn new(coded: &Coded, seed: Seed) -> Self {
        let mut rows: Vec<u32> = (0..).take(coded.features().n_rows()).collect();
        seed.child("rows").stream().shuffle(&mut rows);
        rows.truncate(N_CONTEXTS);
        Self {
            features: coded.features().take(&rows).with_provenance(),
            seed: seed.child("axes"),
        }
    }

    /// The vectors of a column's levels: moved so that the mean of the rows trained on is 0, and
    /// rotated; of the numbers, `size` are kept.
    pub(super) fn vectors<Y: Target>(
        &self,
        coded: &Coded,
        column: usize,
        size: usize,
        network: &FittedNeuralNetwork<Y>,
        embedding: Embedding<'_>,
    ) -> Result<Vectors> {
        let (n_codes, n_trained) = (coded.n_codes(column), embedding.size());
        let size = size.min(n_trained);
        let table_row = |slot: usize| match u32::try_from(slot) {
            Ok(code) if slot < n_codes => embedding.row_of_code(code),
            _ if slot == n_codes => embedding.unknown_row(),
            _ => embedding.missing_row(),
        };
        let mean = mean_vector(embedding);
        let mut values: Vec<f64> = (0..n_codes + 2)
            .flat_map(|slot| embedding.vector(table_row(slot)))
            .map(|&x| f64::from(x))
            .collect();
        for vector in values.chunks_exact_mut(n_trained) {
            for (x, mean) in vector.iter_mut().zip(&mean) {
                *x -= mean;
            }
        }
        // The slots that are put into contexts, and how many training rows each stands for. Equally
        // frequent ones are in the order in which the network met them, whatever their names.
        let counts = embedding.counts();
        let mut probes: Vec<(u64, usize)> = (0..n_codes)
            .filter(|&slot| table_row(slot) != embedding.unknown_row())
            .map(|slot| (counts[table_row(slot)], slot))
            .collect();
        if embedding.missing_row() != embedding.unknown_row() {
            probes.push((counts[embedding.missing_row()], n_codes + 1));
        }
        probes.sort_by_key(|&(count, slot)| (Reverse(count), table_row(slot)));
        probes.truncate(N_LEVELS);
        let reference = self.reference(column, n_codes, &probes, network, size)?;
        let mut covariance = Matrix::zeros(n_trained, size);
        for (&(count, slot), reference) in probes.iter().zip(reference.chunks_exact(size)) {
            let vector = &values[slot * n_trained..(slot + 1) * n_trained];
            for (i, x) in vector.iter().enumerate() {
                for (j, r) in reference.iter().enumerate() {
                    *covariance.at_mut(i, j) += count as f64 * x * r;
                }
            }
        }
        let rotation = procrustes(&covariance);
        let mut rotated = vec![0.0; (n_codes + 2) * size];
        for (x, out) in values
            .chunks_exact(n_trained)
            .zip(rotated.chunks_exact_mut(size))
        {
            rotation.apply(x, out);
        }
        Ok(Vectors {
            size,
            values: rotated,
        })
    }

    /// What the network predicts for each probe in each context, less the mean over probes, on
    /// `size` fixed axes; row after row.
    fn reference<Y: Target>(
        &self,
        column: usize,
        n_codes: usize,
        probes: &[(u64, usize)],
        network: &FittedNeuralNetwork<Y>,
        size: usize,
    ) -> Result<Vec<f64>> {
        let n_contexts = self.features.n_rows();
        let n = probes.len() * n_contexts;
        let mut values = Vec::with_capacity(n * self.features.n_features());
        for j in 0..self.features.n_features() {
            if j == column {
                for &(_, slot) in probes {
                    values.extend(std::iter::repeat_n(Coded::value(slot, n_codes), n_contexts));
                }
            } else {
                for _ in probes {
                    values.extend_from_slice(self.features.column(j));
                }
            }
        }
        let features = Features::from_buffer(self.features.shared_fields(), n, values)?;
        let prediction = network.predict(&features)?;
        let is_probability = prediction.n_columns() > 1;
        let outputs: Vec<Vec<f64>> = prediction
            .informative()
            .map(|output| {
                let scores = prediction.column(output).iter().map(|&p| {
                    if is_probability {
                        score(p, prediction.n_columns())
                    } else {
                        p
                    }
                });
                scores.collect()
            })
            .collect();
        let axes = axes(outputs.len(), n_contexts, size, self.seed);
        let mut reference = vec![0.0; probes.len() * size];
        let cells_a_probe = outputs.len() * n_contexts * size;
        parallel::for_each_small(cells_a_probe, reference.chunks_mut(size), |probe, out| {
            let start = probe * n_contexts;
            let scores = outputs.iter().flat_map(|o| &o[start..start + n_contexts]);
            let scores: Vec<f64> = scores.copied().collect();
            for (out, axis) in out.iter_mut().zip(&axes) {
                *out = axis.iter().zip(&scores).map(|(a, s)| a * s).sum();
            }
        });
        centre(&mut reference, probes, size);
        Ok(reference)
    }
}

/// The log-odds of the positive class of two, or the logarithm of a class's probability.
fn score(p: f64, n_classes: usize) -> f64 {
    let p = p.clamp(1e-7, 1.0 - 1e-7);
    if n_classes == 2 {
        (p / (1.0 - p)).ln()
    } else {
        p.ln()
    }
}

/// Takes off the mean over probes, by their counts.
fn centre(reference: &mut [f64], probes: &[(u64, usize)], size: usize) {
    let total: u64 = probes.iter().map(|&(count, _)| count).sum();
    let mut mean = vec![0.0; size];
    for (&(count, _), row) in probes.iter().zip(reference.chunks_exact(size)) {
        for (mean, x) in mean.iter_mut().zip(row) {
            *mean += count as f64 / total.max(1) as f64 * x;
        }
    }
    for row in reference.chunks_exact_mut(size) {
        for (x, mean) in row.iter_mut().zip(&mean) {
            *x -= mean;
        }
    }
}

fn mean_vector(embedding: Embedding<'_>) -> Vec<f64> {
    let total: u64 = embedding.counts().iter().sum();
    let mut mean = vec![0.0; embedding.size()];
    for (row, &count) in embedding.counts().iter().enumerate() {
        for (mean, &x) in mean.iter_mut().zip(embedding.vector(row)) {
            *mean += count as f64 / total.max(1) as f64 * f64::from(x);
        }
    }
    mean
}

/// Orthogonal directions among the predictions of all outputs in all contexts: first each output's
/// mean over contexts, then random ones; zeros if there are no more.
fn axes(n_outputs: usize, n_contexts: usize, size: usize, seed: Seed) -> Vec<Vec<f64>> {
    let n = n_outputs * n_contexts;
    let mut axes: Vec<Vec<f64>> = Vec::with_capacity(size);
    for axis in 0..size {
        let mut x: Vec<f64> = if axis < n_outputs {
            (0..n)
                .map(|i| f64::from(u8::from(i / n_contexts == axis)))
                .collect()
        } else {
            let seed = seed.at(axis);
            (0..n as u64).map(|i| seed.normal(i)).collect()
        };
        if axis >= n {
            x.fill(0.0);
        }
        for done in &axes {
            let product: f64 = done.iter().zip(&x).map(|(a, b)| a * b).sum();
            for (x, done) in x.iter_mut().zip(done) {
                *x -= product * done;
            }
        }
        let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length > 0.0 {
            for x in &mut x {
                *x /= length;
            }
        }
        axes.push(x);
    }
    axes
}
