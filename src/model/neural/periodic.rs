//! Periodic embeddings of numbers.

use serde::{Deserialize, Serialize};

use super::network::uniform;
use crate::random::Seed;

/// `relu(W [cos(2π c x), sin(2π c x)] + b)` of a number `x`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Periodic {
    /// `c`.
    pub(super) frequencies: Vec<f32>,
    /// `W`: by cosine, then by sine, as many weights as the vector is long.
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Periodic {
    pub(super) fn new(n_frequencies: usize, sigma: f64, size: usize, seed: Seed) -> Self {
        let mut stream = seed.child("frequencies").stream();
        #[allow(clippy::cast_possible_truncation, reason = "parameters have 32 bits")]
        let frequencies = (0..n_frequencies)
            .map(|_| (sigma * stream.normal()) as f32)
            .collect();
        let mut stream = seed.child("weights").stream();
        let n_in = 2 * n_frequencies;
        let bound = (n_in as f64).sqrt().recip();
        Self {
            frequencies,
            weights: uniform(&mut stream, n_in * size, bound),
            bias: uniform(&mut stream, size, bound),
        }
    }

    /// How long the vector is.
    pub(super) fn size(&self) -> usize {
        self.bias.len()
    }

    /// Writes the cosines and sines of a number.
    pub(super) fn waves(&self, x: f32, out: &mut [f32]) {
        let (cosines, sines) = out.split_at_mut(self.frequencies.len());
        for ((cos, sin), c) in cosines.iter_mut().zip(sines).zip(&self.frequencies) {
            (*cos, *sin) = wave(c * x);
        }
    }

    /// Writes the vector of a number's waves.
    pub(super) fn vector(&self, waves: &[f32], out: &mut [f32]) {
        out.copy_from_slice(&self.bias);
        for (&wave, weights) in waves.iter().zip(self.weights.chunks_exact(out.len())) {
            super::tables::add_scaled(out, wave, weights);
        }
        for out in out {
            *out = out.max(0.0);
        }
    }

    /// Adds the gradients of one number's vector: `vector` is what came out, `delta` its gradient,
    /// `gradients` those of frequencies, weights and bias.
    pub(super) fn add_gradients(
        &self,
        x: f32,
        waves: &[f32],
        vector: &[f32],
        delta: &[f32],
        gradients: &mut PeriodicGradients,
    ) {
        let size = vector.len();
        let n = self.frequencies.len();
        gradients.delta.clear();
        let live = vector.iter().zip(delta);
        let live = live.map(|(&v, &d)| if v > 0.0 { d } else { 0.0 });
        gradients.delta.extend(live);
        let delta = &gradients.delta[..];
        super::tables::add_scaled(&mut gradients.bias, 1.0, delta);
        gradients.waves.clear();
        for (k, &wave) in waves.iter().enumerate() {
            let weights = &self.weights[k * size..(k + 1) * size];
            let to = &mut gradients.weights[k * size..(k + 1) * size];
            super::tables::add_scaled(to, wave, delta);
            let dot: f32 = weights.iter().zip(delta).map(|(w, d)| w * d).sum();
            gradients.waves.push(dot);
        }
        for k in 0..n {
            let by_cos = -waves[n + k] * gradients.waves[k];
            let by_sin = waves[k] * gradients.waves[n + k];
            gradients.frequencies[k] += std::f32::consts::TAU * x * (by_cos + by_sin);
        }
    }
}

/// Cosine and sine of `2π t`, to about 1e-6 where `t` itself is exact.
///
/// `t` is brought to a quarter of a turn, where the series of the sine ends with the power of 11.
fn wave(t: f32) -> (f32, f32) {
    /// A number whose next one is 1 away: adding it rounds.
    const ROUND: f32 = 12_582_912.0;
    const TAU: f32 = std::f32::consts::TAU;
    let quarter_sine = |u: f32| {
        let x = TAU * u;
        let y = x * x;
        let series = 1.0 - y / 110.0;
        let series = 1.0 - y / 72.0 * series;
        let series = 1.0 - y / 42.0 * series;
        let series = 1.0 - y / 20.0 * series;
        x * (1.0 - y / 6.0 * series)
    };
    // From -0.5 to 0.5 of a turn.
    let r = t - ((t + ROUND) - ROUND);
    let size = r.abs();
    let sine = quarter_sine(size.min(0.5 - size)).copysign(r);
    (quarter_sine(0.25 - size), sine)
}

/// Gradients of a [`Periodic`].
#[derive(Debug, Default)]
pub(super) struct PeriodicGradients {
    pub(super) frequencies: Vec<f32>,
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
    delta: Vec<f32>,
    waves: Vec<f32>,
}

impl PeriodicGradients {
    /// The gradients of frequencies, weights and bias.
    pub(super) fn sums(&mut self) -> [&mut Vec<f32>; 3] {
        [&mut self.frequencies, &mut self.weights, &mut self.bias]
    }
}
