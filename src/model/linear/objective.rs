//! The mean log loss of a linear model of classes with its penalty, and its gradient.

use std::ops::Range;

use super::standard::Standard;
use crate::numeric::links::{binary_log_loss, binary_softmax, exponentials};
use crate::numeric::products::Columns;
use crate::parallel;

/// Bytes of features and scores of a block of rows, so that they are read from memory once for both
/// products.
const BLOCK_BYTES: usize = 1 << 20;
/// Into how many groups blocks are put at most: each has one gradient of its own, and they are added
/// in order, so that the sum is the same on any number of threads.
const GROUPS: usize = 32;

/// What is minimised: with `W` the sum of the weights,
/// `1/W (sum_i w_i -ln p(y_i | x_i) + alpha/2 sum c^2)` over the coefficients `c` of standardised
/// features and over intercepts, which are not in the penalty.
///
/// Parameters are, score after score, the coefficients and then the intercept.
#[derive(Debug)]
pub(super) struct Objective<'a> {
    pub(super) columns: Columns<'a>,
    pub(super) standard: &'a Standard,
    /// The class of each row, below the number of classes.
    pub(super) classes: Classes<'a>,
    /// One a row; empty if all are one.
    pub(super) weights: &'a [f64],
    pub(super) total_weight: f64,
    pub(super) alpha: f64,
}

/// The classes of rows, as positions among those that are told apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classes<'a> {
    pub(super) codes: &'a [u32],
    /// The position of each code.
    pub(super) position: &'a [usize],
    /// One for two classes: that of the second.
    pub(super) n_scores: usize,
}

impl Objective<'_> {
    fn n_features(&self) -> usize {
        self.standard.mean.len()
    }

    /// The value at the parameters; writes the gradient.
    pub(super) fn value(&self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        let p = self.n_features();
        let raw: Vec<(Vec<f64>, f64)> = parameters
            .chunks_exact(p + 1)
            .map(|score| raw_score(self.standard, score))
            .collect();
        let n_rows = self.classes.codes.len();
        let n_scores = self.classes.n_scores;
        let block = (BLOCK_BYTES / (4 * p + 8 * n_scores) / 8 * 8).clamp(64, 4096);
        let n_blocks = n_rows.div_ceil(block);
        let blocks_a_group = n_blocks.div_ceil(GROUPS).max(1);
        let sums = parallel::map(0..n_blocks.div_ceil(blocks_a_group), |_, group| {
            let mut sums = (0.0, vec![0.0; parameters.len()]);
            let mut scores = vec![0.0; block * n_scores];
            let first = group * blocks_a_group;
            for at in first..n_blocks.min(first + blocks_a_group) {
                let rows = at * block..n_rows.min((at + 1) * block);
                self.add_block(&rows, &raw, &mut scores, &mut sums);
            }
            sums
        });
        let mut loss = 0.0;
        gradient.fill(0.0);
        for (part, sums) in &sums {
            loss += part;
            for (g, s) in gradient.iter_mut().zip(sums) {
                *g += s;
            }
        }
        let mut squares = 0.0;
        let scores = gradient.chunks_exact_mut(p + 1);
        for (gradient, parameters) in scores.zip(parameters.chunks_exact(p + 1)) {
            let residuals = gradient[p];
            for (j, (g, c)) in gradient[..p].iter_mut().zip(parameters).enumerate() {
                let standardised =
                    (*g - self.standard.mean[j] * residuals) * self.standard.scale[j];
                *g = (standardised + self.alpha * c) / self.total_weight;
                squares += c * c;
            }
            gradient[p] = residuals / self.total_weight;
        }
        (loss + 0.5 * self.alpha * squares) / self.total_weight
    }

    /// Adds the loss of the rows, and for each score the sums of residuals times features and, last,
    /// of residuals.
    fn add_block(
        &self,
        rows: &Range<usize>,
        raw: &[(Vec<f64>, f64)],
        scores: &mut [f64],
        (loss, sums): &mut (f64, Vec<f64>),
    ) {
        let scores = &mut scores[..rows.len() * raw.len()];
        let mut columns: Vec<&mut [f64]> = scores.chunks_exact_mut(rows.len()).collect();
        for (column, (coefficients, intercept)) in columns.iter_mut().zip(raw) {
            column.fill(*intercept);
            self.columns.add_scores(rows, coefficients, column);
        }
        let labels = Labelled {
            codes: &self.classes.codes[rows.clone()],
            position: self.classes.position,
            weights: self.weights.get(rows.clone()).unwrap_or_default(),
        };
        *loss += match &mut columns[..] {
            [scores] => logistic_residuals(scores, labels),
            scores => softmax_residuals(scores, labels),
        };
        let p = self.n_features();
        for (residuals, sums) in columns.iter().zip(sums.chunks_exact_mut(p + 1)) {
            self.columns.add_sums(rows, residuals, &mut sums[..p]);
            sums[p] += residuals.iter().sum::<f64>();
        }
    }
}

/// The classes and weights of a block of rows.
#[derive(Debug, Clone, Copy)]
struct Labelled<'a> {
    codes: &'a [u32],
    position: &'a [usize],
    weights: &'a [f64],
}

impl Labelled<'_> {
    fn class(self, row: usize) -> usize {
        self.position[self.codes[row] as usize]
    }

    fn weight(self, row: usize) -> f64 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }
}

/// Turns scores of the second of two classes into `w (p - y)`; the sum of `-w ln p(y)`.
fn logistic_residuals(scores: &mut [f64], labels: Labelled<'_>) -> f64 {
    let mut loss = 0.0;
    for (row, score) in scores.iter_mut().enumerate() {
        let (s, w) = (*score, labels.weight(row));
        let y = if labels.class(row) == 1 { 1.0 } else { 0.0 };
        let [_, p] = binary_softmax(s);
        loss += w * binary_log_loss(s, y);
        *score = w * (p - y);
    }
    loss
}

/// Turns scores, a column a class, into `w (p_k - [y = k])`; the sum of `-w ln p(y)`.
fn softmax_residuals(columns: &mut [&mut [f64]], labels: Labelled<'_>) -> f64 {
    let n_rows = labels.codes.len();
    let mut loss = 0.0;
    for row in 0..n_rows {
        let (own, w) = (labels.class(row), labels.weight(row));
        let own_score = columns[own][row];
        let (largest, sum) = exponentials(columns, row);
        for scores in columns.iter_mut() {
            scores[row] *= w / sum;
        }
        columns[own][row] -= w;
        loss += w * (largest - own_score + sum.ln());
    }
    loss
}

/// Coefficients of the features as they are, and the intercept that goes with them, from those of
/// standardised features and, last, theirs.
pub(super) fn raw_score(standard: &Standard, parameters: &[f64]) -> (Vec<f64>, f64) {
    let p = standard.mean.len();
    let scaled = parameters[..p].iter().zip(&standard.scale);
    let coefficients: Vec<f64> = scaled.map(|(c, scale)| c * scale).collect();
    let shift = coefficients.iter().zip(&standard.mean);
    let intercept = parameters[p] - shift.map(|(c, m)| c * m).sum::<f64>();
    (coefficients, intercept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Feature, Features};
    use crate::random::Seed;

    /// Compares the gradient with differences of values, over several blocks of rows.
    fn check(n_classes: usize, weights: &[f64]) {
        let (n, p) = (9_001, 3);
        let seed = Seed::new(4);
        #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
        let x: Vec<f32> = (0..(n * p) as u64)
            .map(|i| (seed.normal(i) + (i / n as u64 * 20) as f64) as f32)
            .collect();
        let fields: Vec<Feature> = (0..p).map(|j| Feature::number(format!("x{j}"))).collect();
        let features = Features::new(fields, n, x).unwrap();
        let standard = Standard::of(&features, weights);
        let mut stream = seed.child("y").stream();
        let codes: Vec<u32> = (0..n)
            .map(|_| u32::try_from(stream.below(n_classes)).unwrap())
            .collect();
        let position: Vec<usize> = (0..n_classes).collect();
        let n_scores = if n_classes == 2 { 1 } else { n_classes };
        let objective = Objective {
            columns: Columns::new(features.as_slice(), n),
            standard: &standard,
            classes: Classes {
                codes: &codes,
                position: &position,
                n_scores,
            },
            weights,
            total_weight: if weights.is_empty() {
                n as f64
            } else {
                weights.iter().sum()
            },
            alpha: 300.0,
        };
        let at: Vec<f64> = (0..n_scores * (p + 1)).map(|j| (j as f64).sin()).collect();
        let mut gradient = vec![0.0; at.len()];
        let mut ignored = gradient.clone();
        objective.value(&at, &mut gradient);
        for j in 0..at.len() {
            let step = 1e-5;
            let mut moved = at.clone();
            moved[j] += step;
            let above = objective.value(&moved, &mut ignored);
            moved[j] -= 2.0 * step;
            let below = objective.value(&moved, &mut ignored);
            let difference = (above - below) / (2.0 * step);
            assert!(
                (difference - gradient[j]).abs() < 1e-8,
                "{n_classes} classes, parameter {j}: {difference} and {}",
                gradient[j]
            );
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_value() {
        let weights: Vec<f64> = (0..9_001).map(|i| f64::from(i % 5)).collect();
        for n_classes in [2, 3, 5] {
            check(n_classes, &[]);
            check(n_classes, &weights);
        }
    }

    #[test]
    fn large_scores_cost_no_digits() {
        let labels = Labelled {
            codes: &[0, 1, 0, 1],
            position: &[0, 1],
            weights: &[],
        };
        let scores = [800.0, 800.0, -800.0, -800.0];
        let mut binary = scores;
        assert!((logistic_residuals(&mut binary, labels) - 1600.0).abs() < 1e-9);
        assert!((binary[0] - 1.0).abs() < 1e-15 && (binary[3] + 1.0).abs() < 1e-15);
        let (mut first, mut second) = ([0.0; 4], scores);
        let loss = softmax_residuals(&mut [&mut first, &mut second], labels);
        assert!((loss - 1600.0).abs() < 1e-9);
        assert!((second[0] - 1.0).abs() < 1e-15 && (first[0] + 1.0).abs() < 1e-15);
    }
}
