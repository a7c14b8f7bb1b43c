//! Features to mean 0 and standard deviation 1, without those that are constant.

use super::all_equal;
use crate::data::{Features, Provenance};
use crate::numeric::moments::Moments;
use crate::parallel;

/// Means and standard deviations of the features that vary.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Standard {
    /// Positions of the features that vary.
    kept: Vec<usize>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    n_features: usize,
}

impl Standard {
    /// The population mean and deviation of each feature.
    pub(crate) fn fit<P: Provenance>(features: &Features<P>) -> Self {
        let moments = parallel::map(0..features.n_features(), |_, j| {
            mean_and_deviation(features.column(j))
        });
        let kept: Vec<usize> = (0..moments.len())
            .filter(|&j| moments[j].is_some())
            .collect();
        let (mean, deviation) = moments.into_iter().flatten().unzip();
        Self {
            kept,
            mean,
            deviation,
            n_features: features.n_features(),
        }
    }

    /// How many features vary.
    pub(crate) fn n_kept(&self) -> usize {
        self.kept.len()
    }

    /// The standardised values, column after column.
    pub(crate) fn columns<P: Provenance>(&self, features: &Features<P>) -> Vec<f64> {
        let n = features.n_rows();
        let mut values = vec![0.0; n * self.kept.len()];
        parallel::for_each_small(n, values.chunks_mut(n.max(1)), |k, out| {
            let (mean, scale) = (self.mean[k], 1.0 / self.deviation[k]);
            for (out, &v) in out.iter_mut().zip(features.column(self.kept[k])) {
                *out = (f64::from(v) - mean) * scale;
            }
        });
        values
    }

    /// The standardised values, row after row.
    pub(crate) fn rows<P: Provenance>(&self, features: &Features<P>) -> Vec<f64> {
        const ROWS: usize = 64;
        let p = self.kept.len();
        let cells = (ROWS * p).max(1);
        let mut values = vec![0.0; features.n_rows() * p];
        parallel::for_each_small(cells, values.chunks_mut(cells), |block, out| {
            for (k, &j) in self.kept.iter().enumerate() {
                let (mean, scale) = (self.mean[k], 1.0 / self.deviation[k]);
                let column = &features.column(j)[block * ROWS..];
                for (row, &v) in out.chunks_exact_mut(p).zip(column) {
                    row[k] = (f64::from(v) - mean) * scale;
                }
            }
        });
        values
    }

    /// The mean of each feature, 0 for constant ones.
    pub(crate) fn centre(&self) -> Vec<f64> {
        self.spread(self.mean.iter().copied())
    }

    /// Coefficients of the features themselves from those of the standardised ones.
    pub(crate) fn unscaled(&self, coefficients: impl Iterator<Item = f64>) -> Vec<f64> {
        self.spread(coefficients.zip(&self.deviation).map(|(c, d)| c / d))
    }

    fn spread(&self, kept: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut all = vec![0.0; self.n_features];
        for (&j, value) in self.kept.iter().zip(kept) {
            all[j] = value;
        }
        all
    }
}

/// Mean and standard deviation; `None` if the values are all the same.
fn mean_and_deviation(values: &[f32]) -> Option<(f64, f64)> {
    if all_equal(values) {
        return None;
    }
    let moments = Moments::plain(values.iter().map(|&v| f64::from(v)));
    Some((moments.mean, moments.deviation()?))
}
