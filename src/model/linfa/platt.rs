//! Margins to probabilities.

use crate::numeric::links::{binary_softmax, softplus};

/// `p = 1 / (1 + exp(-(a * margin + b)))` (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Platt {
    a: f64,
    b: f64,
}

impl Platt {
    /// Maximises the likelihood of the smoothed targets `(n1 + 1) / (n1 + 2)` for positive rows
    /// and `1 / (n0 + 2)` for others, by Newton steps with halving (Lin, Lin and Weng 2007).
    pub(crate) fn fit(margins: &[f64], positive: &[bool]) -> Self {
        const STEPS: usize = 100;
        const RIDGE: f64 = 1e-12;
        let n1 = positive.iter().filter(|&&y| y).count() as f64;
        let n0 = positive.len() as f64 - n1;
        let (high, low) = ((n1 + 1.0) / (n1 + 2.0), 1.0 / (n0 + 2.0));
        let target = |y: bool| if y { high } else { low };
        let loss = |scale: Self| -> f64 {
            margins
                .iter()
                .zip(positive)
                .map(|(&f, &y)| {
                    let z = scale.a * f + scale.b;
                    softplus(z) - target(y) * z
                })
                .sum()
        };
        let mut scale = Self {
            a: 0.0,
            b: ((n1 + 1.0) / (n0 + 1.0)).ln(),
        };
        let mut value = loss(scale);
        for _ in 0..STEPS {
            let (mut ga, mut gb) = (0.0, 0.0);
            let (mut haa, mut hab, mut hbb) = (RIDGE, 0.0, RIDGE);
            for (&f, &y) in margins.iter().zip(positive) {
                let p = scale.probability(f);
                let (d, w) = (p - target(y), p * (1.0 - p));
                ga += d * f;
                gb += d;
                haa += w * f * f;
                hab += w * f;
                hbb += w;
            }
            if ga.abs() < 1e-9 && gb.abs() < 1e-9 {
                break;
            }
            let det = haa * hbb - hab * hab;
            let (da, db) = ((hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det);
            let mut step = 1.0;
            let next = loop {
                let next = Self {
                    a: scale.a - step * da,
                    b: scale.b - step * db,
                };
                let next_value = loss(next);
                if next_value < value {
                    value = next_value;
                    break Some(next);
                }
                step /= 2.0;
                if step < 1e-10 {
                    break None;
                }
            };
            match next {
                Some(next) => scale = next,
                None => break,
            }
        }
        scale
    }

    pub(crate) fn probability(self, margin: f64) -> f64 {
        binary_softmax(self.a * margin + self.b)[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_margins_give_the_smoothed_share() {
        let scale = Platt::fit(&[0.0; 4], &[true, false, false, false]);
        // Mean of the smoothed targets: (2/3 + 3 * 1/5) / 4.
        assert!((scale.probability(0.0) - (2.0 / 3.0 + 0.6) / 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_logistic_relation_is_found_again() {
        let margins: Vec<f64> = (0..20_000)
            .map(|i| f64::from(i % 200) / 40.0 - 2.5)
            .collect();
        let positive: Vec<bool> = margins
            .iter()
            .enumerate()
            .map(|(i, &f)| ((i / 200) as f64 + 0.5) / 100.0 < binary_softmax(1.5 * f - 0.7)[1])
            .collect();
        let scale = Platt::fit(&margins, &positive);
        assert!((scale.a - 1.5).abs() < 0.05, "{scale:?}");
        assert!((scale.b + 0.7).abs() < 0.05, "{scale:?}");
    }
}
