//! Weight, mean and spread of the values of a feature.

/// Values are summed in runs of this length, which stay in the first cache while they are gone
/// through twice; then the runs are put together in their order.
pub(super) const RUN: usize = 4096;

/// Moments of values, as distances from a number that the caller chooses.
///
/// With a value of the feature as that number, all values of a constant feature are 0, and so are
/// their mean and their spread, to the last bit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Moments {
    /// The sum of the weights.
    pub(super) weight: f64,
    /// The weighted mean.
    pub(super) mean: f64,
    /// The weighted sum of squared distances from the mean.
    pub(super) spread: f64,
}

impl Moments {
    /// The moments of a run of values; `weights` is empty if all are one.
    pub(super) fn of(values: &[f64], weights: &[f64]) -> Self {
        if weights.is_empty() {
            let weight = values.len() as f64;
            let mean = if values.is_empty() {
                0.0
            } else {
                sum(values, |v| v) / weight
            };
            return Self {
                weight,
                mean,
                spread: sum(values, |v| (v - mean) * (v - mean)),
            };
        }
        let pairs = || values.iter().zip(weights);
        let weight: f64 = weights.iter().sum();
        let mean = if weight > 0.0 {
            pairs().map(|(v, w)| w * v).sum::<f64>() / weight
        } else {
            0.0
        };
        Self {
            weight,
            mean,
            spread: pairs().map(|(v, w)| w * (v - mean) * (v - mean)).sum(),
        }
    }

    /// The moments of both sets of values (Chan, Golub and `LeVeque` 1979).
    pub(super) fn merge(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        if weight <= 0.0 {
            return self;
        }
        let gap = other.mean - self.mean;
        Self {
            weight,
            mean: self.mean + gap * (other.weight / weight),
            spread: self.spread + other.spread + gap * gap * self.weight * (other.weight / weight),
        }
    }

    /// The weighted variance: the spread over the weight.
    pub(super) fn variance(self) -> f64 {
        if self.weight > 0.0 {
            self.spread / self.weight
        } else {
            0.0
        }
    }
}

/// The sum of `f` of the values, in four interleaved parts.
fn sum(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut parts = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().map(|&v| f(v)).sum();
    for chunk in chunks {
        for (part, &v) in parts.iter_mut().zip(chunk) {
            *part += f(v);
        }
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_put_together_have_the_moments_of_the_whole() {
        let values: Vec<f64> = (0..1000).map(|i| 1e6 + f64::from(i * i % 97)).collect();
        let weights: Vec<f64> = (0..1000).map(|i| f64::from(i % 4)).collect();
        let total: f64 = weights.iter().sum();
        let pairs = || values.iter().zip(&weights);
        let mean = pairs().map(|(v, w)| v * w).sum::<f64>() / total;
        let spread: f64 = pairs().map(|(v, w)| w * (v - mean).powi(2)).sum();
        for cut in [0, 1, 500, 1000] {
            let [a, b] = [0..cut, cut..1000].map(|r| Moments::of(&values[r.clone()], &weights[r]));
            let both = a.merge(b);
            assert!((both.weight - total).abs() < 1e-9);
            assert!((both.mean - mean).abs() < 1e-8);
            assert!((both.spread / spread - 1.0).abs() < 1e-10);
        }
        let plain = Moments::of(&values, &[]);
        let ones = Moments::of(&values, &[1.0; 1000]);
        assert!((plain.mean - ones.mean).abs() < 1e-8);
        assert!((plain.variance() / ones.variance() - 1.0).abs() < 1e-10);
    }
}
