//! What turns scores into probabilities, and the log loss of scores.
//!
//! Functions that are equal on paper stand side by side where they round differently and each is the
//! better one for its callers: the comments say how.

/// `1 / (1 + exp(-x))`: where `exp` overflows, it is 0, as it should be.
#[inline]
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// [`sigmoid`] in 32 bits.
#[inline]
pub(crate) fn sigmoid_f32(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The probabilities of two classes with the scores 0 and `x`: `[sigmoid(-x), sigmoid(x)]`.
///
/// From one `exp` of a number that is not above 0, so that the smaller one keeps its digits and does
/// not become 0 before it must.
#[inline]
pub(crate) fn binary_softmax(x: f64) -> [f64; 2] {
    let e = (-x.abs()).exp();
    let (larger, smaller) = (1.0 / (1.0 + e), e / (1.0 + e));
    if x >= 0.0 {
        [smaller, larger]
    } else {
        [larger, smaller]
    }
}

/// `ln(1 + exp(x))`, without overflow.
#[inline]
pub(crate) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `ln(1 + exp(x)) - y x`: the log loss of the score `x` where the target `y` is 0 or 1.
///
/// The difference is taken first, which for such targets is exact: a loss near 0 keeps its digits. For
/// targets in between, `softplus(x) - y x` is as good.
#[inline]
pub(crate) fn binary_log_loss(x: f64, y: f64) -> f64 {
    x.max(0.0) - y * x + (-x.abs()).exp().ln_1p()
}

/// The largest score, and the logarithm of the sum of exponentials of scores less that: the sum of
/// both is `ln(sum of exp(scores))`.
#[inline]
pub(crate) fn log_sum_exp(scores: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let largest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.map(|s| (s - largest).exp()).sum();
    (largest, sum.ln())
}

/// Scores of classes into probabilities that sum to one: `exp(s_k) / sum_j exp(s_j)`.
#[inline]
pub(crate) fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for s in scores.iter_mut() {
        *s = (*s - largest).exp();
        sum += *s;
    }
    for s in scores {
        *s /= sum;
    }
}

/// [`softmax`] of each row of columns of scores, one column per class.
pub(crate) fn softmax_columns<C: AsRef<[f64]> + AsMut<[f64]>>(columns: &mut [C]) {
    let n_rows = columns.first().map_or(0, |column| column.as_ref().len());
    for row in 0..n_rows {
        let (_, sum) = exponentials(columns, row);
        for column in columns.iter_mut() {
            column.as_mut()[row] /= sum;
        }
    }
}

/// A row of columns of scores into exponentials of the scores less the largest; gives the largest
/// score and the exponentials' sum.
#[inline]
pub(crate) fn exponentials<C: AsRef<[f64]> + AsMut<[f64]>>(
    columns: &mut [C],
    row: usize,
) -> (f64, f64) {
    let scores = columns.iter().map(|column| column.as_ref()[row]);
    let largest = scores.fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for column in columns.iter_mut() {
        let value = &mut column.as_mut()[row];
        *value = (*value - largest).exp();
        sum += *value;
    }
    (largest, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 9] = [-800.0, -40.0, -2.5, -1e-9, 0.0, 0.3, 7.0, 40.0, 800.0];

    fn is_close(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs().max(1e-300)
    }

    #[test]
    fn the_sigmoid_of_any_score_is_a_probability() {
        for x in SCORES {
            let [negative, positive] = binary_softmax(x);
            assert!((0.0..=1.0).contains(&sigmoid(x)));
            assert!(is_close(sigmoid(x), positive) && is_close(negative + positive, 1.0));
            let turned = [positive, negative].map(f64::to_bits);
            assert_eq!(binary_softmax(-x).map(f64::to_bits), turned);
            // The smaller one keeps its digits: the log-odds are found again.
            if x.abs() < 700.0 {
                assert!((positive.ln() - negative.ln() - x).abs() < 1e-12 * x.abs().max(1.0));
            }
            #[allow(clippy::cast_possible_truncation, reason = "rounded on purpose")]
            let single = f64::from(sigmoid_f32(x as f32));
            assert!((single - sigmoid(x)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_binary_log_loss_is_that_of_the_probability() {
        for x in SCORES {
            for y in [0.0, 1.0] {
                let p = binary_softmax(x)[usize::from(y > 0.5)];
                let found = binary_log_loss(x, y);
                assert!((found + p.ln()).abs() < 1e-12 || p < 1e-300, "{x} {y}");
                assert!((softplus(x) - y * x - found).abs() <= 1e-13 * (1.0 + x.abs()));
            }
            let mixed = 0.3 * binary_log_loss(x, 1.0) + 0.7 * binary_log_loss(x, 0.0);
            assert!((softplus(x) - 0.3 * x - mixed).abs() <= 1e-13 * (1.0 + x.abs()));
        }
        assert!(is_close(binary_log_loss(800.0, 0.0), 800.0));
        assert!(is_close(binary_log_loss(50.0, 1.0), (-50.0_f64).exp()));
    }

    #[test]
    fn a_softmax_of_two_is_a_sigmoid() {
        for x in SCORES {
            let mut scores = [0.0, x];
            softmax(&mut scores);
            for (found, expected) in scores.into_iter().zip(binary_softmax(x)) {
                assert!(is_close(found, expected));
            }
        }
    }

    #[test]
    fn rows_of_columns_are_rows() {
        let mut columns: Vec<Vec<f64>> = (0..4)
            .map(|k| SCORES.iter().map(|s| s * f64::from(k - 1)).collect())
            .collect();
        let rows: Vec<Vec<f64>> = (0..SCORES.len())
            .map(|row| columns.iter().map(|column| column[row]).collect())
            .collect();
        softmax_columns(&mut columns);
        for (row, mut scores) in rows.into_iter().enumerate() {
            let (largest, log_sum) = log_sum_exp(scores.iter().copied());
            let from_logs: Vec<f64> = scores
                .iter()
                .map(|s| (s - largest - log_sum).exp())
                .collect();
            softmax(&mut scores);
            for (k, p) in scores.into_iter().enumerate() {
                assert_eq!(columns[k][row].to_bits(), p.to_bits());
                assert!((from_logs[k] - p).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_softmax_of_large_logarithms_is_finite() {
        let (mut a, mut b, mut c) = ([1e4, -1e4], [1e4, -1e4], [-1e4, -1e4 + 3_f64.ln()]);
        softmax_columns(&mut [&mut a, &mut b, &mut c]);
        assert!((a[0] - 0.5).abs() < 1e-12 && (b[1] - 0.2).abs() < 1e-9);
        assert!(c[0].abs() < 1e-300 && (c[1] - 0.6).abs() < 1e-9);
    }
}
