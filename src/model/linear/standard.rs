//! Means and deviations of features, to be put into coefficients instead of into a copy.

use crate::data::{Features, Provenance};
use crate::numeric::moments::Moments;
use crate::numeric::sums::RUN;
use crate::parallel;

/// The weighted mean of each feature, and one over its deviation: 0 for a constant feature, whose
/// coefficient then stays 0.
#[derive(Debug)]
pub(super) struct Standard {
    pub(super) mean: Vec<f64>,
    pub(super) scale: Vec<f64>,
}

impl Standard {
    /// Of features that are finite; `weights` is empty if all are one.
    pub(super) fn of<P: Provenance>(features: &Features<P>, weights: &[f64]) -> Self {
        let found = parallel::map(0..features.n_features(), |_, j| {
            mean_and_scale(features.column(j), weights)
        });
        let (mean, scale) = found.into_iter().unzip();
        Self { mean, scale }
    }
}

fn mean_and_scale(column: &[f32], weights: &[f64]) -> (f64, f64) {
    let counts = |row: usize| weights.get(row).is_none_or(|&w| w > 0.0);
    let Some(first) = (0..column.len()).find(|&row| counts(row)) else {
        return (0.0, 0.0);
    };
    let shift = f64::from(column[first]);
    let mut distances = Vec::with_capacity(RUN.min(column.len()));
    let mut moments = Moments::default();
    for (run, values) in column.chunks(RUN).enumerate() {
        distances.clear();
        distances.extend(values.iter().map(|&v| f64::from(v) - shift));
        let weights = weights
            .get(run * RUN..run * RUN + values.len())
            .unwrap_or_default();
        moments = moments.merge(Moments::of(&distances, weights));
    }
    moments.shifted(shift).mean_and_scale()
}
