//! Metrics of two classes: which rows are positive, and a score or a decision for each.

use super::ConfusionMatrix;
use super::check::{Weights, check_finite, check_length, check_probabilities};
use crate::error::{Error, Result};

pub use super::delong::{AucEstimate, AucTest, delong, delong_test};

/// The smallest probability that the logarithmic loss gives a true class: 2^-52.
pub(super) const SMALLEST: f64 = f64::EPSILON;

/// The area under the ROC curve: the chance that a positive row scores above a negative one.
///
/// `sum over pairs of w_i * w_j * (1 if s_i > s_j, 1/2 if s_i = s_j, else 0)`, divided by
/// `(sum of positive w) * (sum of negative w)`; pairs are a positive row `i` and a negative row
/// `j`. Equal scores are exactly equal. O(n log n).
///
/// ```
/// use stackfold::metrics::binary::roc_auc;
/// let positive = [false, false, true, true];
/// assert_eq!(roc_auc(&positive, &[0.1, 0.4, 0.35, 0.8], None)?, 0.75);
/// assert_eq!(roc_auc(&positive, &[0.5, 0.5, 0.5, 0.8], None)?, 0.75);
/// assert!(roc_auc(&[true, true], &[0.1, 0.2], None).is_err());
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If there is no row of one of the classes (with a weight above 0), lengths differ, a score is
/// not finite, or a weight is negative or not finite.
pub fn roc_auc(positive: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    let ties = Ties::new(positive, scores, weights)?;
    ties.check_both_classes()?;
    let (mut below, mut sum) = (0.0, 0.0);
    for tie in &ties.0 {
        sum += tie.positive * (below + 0.5 * tie.negative);
        below += tie.negative;
    }
    Ok(sum / (ties.positive() * below))
}

/// Average precision: the mean of the precision at the score of each positive row.
///
/// `sum over distinct scores, from the highest, of (R_t - R_(t-1)) * P_t`, with recall `R_t` and
/// precision `P_t` of "the score is `t` or more"; no interpolation.
///
/// ```
/// use stackfold::metrics::binary::average_precision;
/// let positive = [false, false, true, true];
/// let found = average_precision(&positive, &[0.1, 0.4, 0.35, 0.8], None)?;
/// assert!((found - (0.5 * 1.0 + 0.5 * 2.0 / 3.0)).abs() < 1e-15);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`roc_auc`]; rows that are all positive are no error.
pub fn average_precision(
    positive: &[bool],
    scores: &[f64],
    weights: Option<&[f64]>,
) -> Result<f64> {
    let ties = Ties::new(positive, scores, weights)?;
    let all = ties.positive();
    if all == 0.0 {
        return Err(Error::undefined("rows of the positive class", "none"));
    }
    let (mut found, mut taken, mut sum) = (0.0, 0.0, 0.0);
    for tie in ties.0.iter().rev() {
        found += tie.positive;
        taken += tie.positive + tie.negative;
        if taken > 0.0 {
            sum += tie.positive * (found / taken);
        }
    }
    Ok(sum / all)
}

/// The logarithmic loss: the mean of `-ln(p)`, where `p` is the probability of the true class.
///
/// `p` below 2^-52 counts as 2^-52.
///
/// ```
/// use stackfold::metrics::binary::log_loss;
/// let found = log_loss(&[true, false], &[0.8, 0.5], None)?;
/// assert!((found - (-(0.8_f64.ln()) - 0.5_f64.ln()) / 2.0).abs() < 1e-15);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If there is no row, lengths differ, a probability is outside 0 to 1, or a weight is negative or
/// not finite.
pub fn log_loss(positive: &[bool], probabilities: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    let weights = Weights::new(weights, positive.len())?;
    check_length("probabilities", positive.len(), probabilities.len())?;
    check_probabilities(probabilities)?;
    let pairs = positive.iter().zip(probabilities);
    Ok(weights.mean(pairs.map(|(&y, &p)| -(if y { p } else { 1.0 - p }).max(SMALLEST).ln())))
}

/// The Brier score: the mean of `(p - y)²`, with `y` 1 for positive rows and 0 for others.
///
/// ```
/// use stackfold::metrics::binary::brier;
/// assert_eq!(brier(&[true, false], &[0.5, 0.25], None)?, (0.25 + 0.0625) / 2.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`log_loss`].
pub fn brier(positive: &[bool], probabilities: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    let weights = Weights::new(weights, positive.len())?;
    check_length("probabilities", positive.len(), probabilities.len())?;
    check_probabilities(probabilities)?;
    let pairs = positive.iter().zip(probabilities);
    Ok(weights.mean(pairs.map(|(&y, &p)| (p - f64::from(u8::from(y))).powi(2))))
}

/// The confusion matrix; class 0 is negative, class 1 positive.
///
/// ```
/// use stackfold::metrics::binary::confusion_matrix;
/// let matrix = confusion_matrix(&[true, true, false], &[true, false, false], None)?;
/// assert_eq!(matrix.count(1, 1), 1.0); // true positives
/// assert_eq!(matrix.count(1, 0), 1.0); // false negatives: truth first
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If there is no row, lengths differ, or a weight is negative or not finite.
pub fn confusion_matrix(
    positive: &[bool],
    predicted: &[bool],
    weights: Option<&[f64]>,
) -> Result<ConfusionMatrix> {
    let codes = |flags: &[bool]| flags.iter().copied().map(u32::from).collect::<Vec<u32>>();
    ConfusionMatrix::new(&codes(positive), &codes(predicted), 2, weights)
}

/// The share of rows predicted correctly.
///
/// ```
/// use stackfold::metrics::binary::accuracy;
/// assert_eq!(accuracy(&[true, false, false, true], &[true, false, true, true], None)?, 0.75);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`confusion_matrix`].
pub fn accuracy(positive: &[bool], predicted: &[bool], weights: Option<&[f64]>) -> Result<f64> {
    Ok(confusion_matrix(positive, predicted, weights)?.accuracy())
}

/// The mean of the share of positive rows and the share of negative rows that are found.
///
/// ```
/// use stackfold::metrics::binary::balanced_accuracy;
/// let found = balanced_accuracy(&[true, false, false, false, false], &[true; 5], None)?;
/// assert_eq!(found, 0.5);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`confusion_matrix`], and if all rows are of one class.
pub fn balanced_accuracy(
    positive: &[bool],
    predicted: &[bool],
    weights: Option<&[f64]>,
) -> Result<f64> {
    confusion_matrix(positive, predicted, weights)?.balanced_accuracy()
}

/// F1 of the positive class: `2 tp / (2 tp + fp + fn)`.
///
/// ```
/// use stackfold::metrics::binary::f1;
/// assert_eq!(f1(&[true, true, false], &[true, false, false], None)?, 2.0 / 3.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`confusion_matrix`], and if no row is positive or predicted to be.
pub fn f1(positive: &[bool], predicted: &[bool], weights: Option<&[f64]>) -> Result<f64> {
    confusion_matrix(positive, predicted, weights)?
        .f1(1)
        .ok_or_else(|| Error::undefined("a row that is positive or predicted to be", "none"))
}

/// Matthews' correlation: `(tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn))`; 0 if all
/// rows are predicted to be of one class.
///
/// ```
/// use stackfold::metrics::binary::matthews;
/// let found = matthews(&[true, true, true, false], &[true, true, false, false], None)?;
/// assert!((found - 2.0 / 12.0_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`confusion_matrix`], and if all rows are of one class.
pub fn matthews(positive: &[bool], predicted: &[bool], weights: Option<&[f64]>) -> Result<f64> {
    confusion_matrix(positive, predicted, weights)?.matthews()
}

/// The weights of each class at each distinct score, from the lowest.
struct Ties(Vec<Tie>);

#[derive(Clone, Copy, Default)]
struct Tie {
    positive: f64,
    negative: f64,
}

impl Ties {
    fn new(positive: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<Self> {
        let weights = Weights::new(weights, positive.len())?;
        check_length("scores", positive.len(), scores.len())?;
        check_finite(scores)?;
        let mut order: Vec<(f64, usize)> = scores.iter().copied().zip(0..).collect();
        // Rows of one score in the order of rows, so that sums have one order.
        order.sort_unstable_by(|a, b| {
            let by_score = a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal);
            by_score.then(a.1.cmp(&b.1))
        });
        let mut ties: Vec<Tie> = Vec::new();
        let mut last = f64::NAN;
        for (score, row) in order {
            #[allow(clippy::float_cmp, reason = "ties are exact")]
            if score != last {
                ties.push(Tie::default());
                last = score;
            }
            if let Some(tie) = ties.last_mut() {
                if positive[row] {
                    tie.positive += weights.of(row);
                } else {
                    tie.negative += weights.of(row);
                }
            }
        }
        Ok(Self(ties))
    }

    fn positive(&self) -> f64 {
        self.0.iter().map(|tie| tie.positive).sum()
    }

    fn check_both_classes(&self) -> Result<()> {
        let any = |weight: fn(&Tie) -> f64| self.0.iter().any(|tie| weight(tie) > 0.0);
        match (any(|tie| tie.positive), any(|tie| tie.negative)) {
            (true, true) => Ok(()),
            (true, false) => Err(Error::undefined(
                "rows of both classes",
                "only positive ones",
            )),
            (false, _) => Err(Error::undefined(
                "rows of both classes",
                "only negative ones",
            )),
        }
    }
}
