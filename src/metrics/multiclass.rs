//! Metrics of two or more classes: class codes, and a column of probabilities for each class.

use super::check::{Weights, check_length, check_probabilities};
use super::{ConfusionMatrix, binary};
use crate::error::{Error, Result};

/// How scores of classes, or of pairs of classes, become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Average {
    /// Their mean.
    #[default]
    Macro,
    /// Their mean weighted by the rows of the class, or of the two classes.
    Prevalence,
}

/// The mean over classes of the AUC of "this class or another" by the class's column.
///
/// Macro: the plain mean (Provost and Domingos 2000 weight by prevalence).
///
/// ```
/// use stackfold::metrics::multiclass::{Average, roc_auc_one_vs_rest};
/// let truth = [0, 1, 2, 2];
/// let columns = [&[0.8, 0.3, 0.1, 0.4][..], &[0.1, 0.5, 0.2, 0.3], &[0.1, 0.2, 0.7, 0.3]];
/// let found = roc_auc_one_vs_rest(&truth, &columns, Average::Macro, None)?;
/// assert_eq!(found, 1.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If a class has no row (with a weight above 0), lengths differ, a code is out of range, a value
/// is not finite, or a weight is negative or not finite.
pub fn roc_auc_one_vs_rest(
    truth: &[u32],
    columns: &[&[f64]],
    average: Average,
    weights: Option<&[f64]>,
) -> Result<f64> {
    let sizes = class_sizes(truth, columns, weights)?;
    let scores = (0_u32..)
        .zip(columns)
        .map(|(class, column)| {
            let positive: Vec<bool> = truth.iter().map(|&t| t == class).collect();
            binary::roc_auc(&positive, column, weights)
        })
        .collect::<Result<Vec<f64>>>()?;
    Ok(mean_of(&scores, &sizes, average))
}

/// The mean over pairs of classes of the AUC among the rows of the two (Hand and Till 2001).
///
/// The AUC of a pair is the mean of two: the first class's column telling it from the second, and
/// the second's telling it from the first.
///
/// ```
/// use stackfold::metrics::multiclass::{Average, roc_auc_one_vs_one};
/// let truth = [0, 1, 2, 2];
/// let columns = [&[0.8, 0.3, 0.1, 0.4][..], &[0.1, 0.5, 0.2, 0.3], &[0.1, 0.2, 0.7, 0.3]];
/// assert_eq!(roc_auc_one_vs_one(&truth, &columns, Average::Macro, None)?, 1.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`roc_auc_one_vs_rest`].
pub fn roc_auc_one_vs_one(
    truth: &[u32],
    columns: &[&[f64]],
    average: Average,
    weights: Option<&[f64]>,
) -> Result<f64> {
    let class_sizes = class_sizes(truth, columns, weights)?;
    let (mut scores, mut sizes) = (Vec::new(), Vec::new());
    for (a, first) in (0_u32..).zip(columns) {
        for (b, second) in (0_u32..).zip(columns).skip(a as usize + 1) {
            let rows: Vec<usize> = (0..truth.len())
                .filter(|&row| truth[row] == a || truth[row] == b)
                .collect();
            let take = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<f64>>();
            let is = |class| {
                rows.iter()
                    .map(|&row| truth[row] == class)
                    .collect::<Vec<bool>>()
            };
            let weights = weights.map(take);
            let weights = weights.as_deref();
            let forth = binary::roc_auc(&is(a), &take(first), weights)?;
            let back = binary::roc_auc(&is(b), &take(second), weights)?;
            scores.push(f64::midpoint(forth, back));
            sizes.push(class_sizes[a as usize] + class_sizes[b as usize]);
        }
    }
    Ok(mean_of(&scores, &sizes, average))
}

/// The logarithmic loss: the mean of `-ln(p)`, where `p` is the probability of the true class.
///
/// `p` below 2^-52 counts as 2^-52.
///
/// ```
/// use stackfold::metrics::multiclass::log_loss;
/// let found = log_loss(&[0, 2], &[&[0.5, 0.25], &[0.25, 0.25], &[0.25, 0.5]], None)?;
/// assert!((found - 2.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If there is no row, lengths differ, a code is out of range, a probability is outside 0 to 1, or
/// a weight is negative or not finite. Sums of probabilities are not checked.
pub fn log_loss(truth: &[u32], columns: &[&[f64]], weights: Option<&[f64]>) -> Result<f64> {
    let weights = check(truth, columns, weights)?;
    for column in columns {
        check_probabilities(column)?;
    }
    let losses = truth.iter().enumerate();
    Ok(weights.mean(losses.map(|(row, &t)| -columns[t as usize][row].max(binary::SMALLEST).ln())))
}

/// The Brier score: the mean over rows of the sum over classes of `(p - y)²`, with `y` 1 for the
/// true class and 0 for others. For two classes it is twice [`binary::brier`].
///
/// ```
/// use stackfold::metrics::multiclass::brier;
/// let found = brier(&[0], &[&[0.5], &[0.25], &[0.25]], None)?;
/// assert_eq!(found, 0.25 + 0.0625 + 0.0625);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`log_loss`].
pub fn brier(truth: &[u32], columns: &[&[f64]], weights: Option<&[f64]>) -> Result<f64> {
    let weights = check(truth, columns, weights)?;
    for column in columns {
        check_probabilities(column)?;
    }
    Ok(weights.mean((0..truth.len()).map(|row| {
        let classes = (0_u32..).zip(columns);
        classes
            .map(|(class, column)| (column[row] - f64::from(u8::from(truth[row] == class))).powi(2))
            .sum()
    })))
}

/// The share of rows predicted correctly.
///
/// ```
/// use stackfold::metrics::multiclass::accuracy;
/// assert_eq!(accuracy(&[0, 1, 2, 2], &[0, 1, 2, 0], 3, None)?, 0.75);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`ConfusionMatrix::new`].
pub fn accuracy(
    truth: &[u32],
    predicted: &[u32],
    n_classes: usize,
    weights: Option<&[f64]>,
) -> Result<f64> {
    Ok(ConfusionMatrix::new(truth, predicted, n_classes, weights)?.accuracy())
}

/// The mean over classes that have rows of the share of their rows that are found.
///
/// ```
/// use stackfold::metrics::multiclass::balanced_accuracy;
/// assert_eq!(balanced_accuracy(&[0, 1, 1, 1], &[1, 1, 1, 1], 3, None)?, 0.5);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`ConfusionMatrix::new`], and if all rows are of one class.
pub fn balanced_accuracy(
    truth: &[u32],
    predicted: &[u32],
    n_classes: usize,
    weights: Option<&[f64]>,
) -> Result<f64> {
    ConfusionMatrix::new(truth, predicted, n_classes, weights)?.balanced_accuracy()
}

/// The mean of F1 over classes that have rows or predictions.
///
/// ```
/// use stackfold::metrics::multiclass::macro_f1;
/// assert_eq!(macro_f1(&[0, 1], &[0, 0], 3, None)?, (2.0 / 3.0 + 0.0) / 2.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`ConfusionMatrix::new`].
pub fn macro_f1(
    truth: &[u32],
    predicted: &[u32],
    n_classes: usize,
    weights: Option<&[f64]>,
) -> Result<f64> {
    Ok(ConfusionMatrix::new(truth, predicted, n_classes, weights)?.macro_f1())
}

/// Matthews' correlation of true and predicted class, see [`ConfusionMatrix::matthews`].
///
/// ```
/// use stackfold::metrics::multiclass::matthews;
/// assert_eq!(matthews(&[0, 1, 2], &[0, 1, 2], 3, None)?, 1.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`ConfusionMatrix::new`], and if all rows are of one class.
pub fn matthews(
    truth: &[u32],
    predicted: &[u32],
    n_classes: usize,
    weights: Option<&[f64]>,
) -> Result<f64> {
    ConfusionMatrix::new(truth, predicted, n_classes, weights)?.matthews()
}

fn check<'a>(truth: &[u32], columns: &[&[f64]], weights: Option<&'a [f64]>) -> Result<Weights<'a>> {
    let weights = Weights::new(weights, truth.len())?;
    for column in columns {
        check_length("probabilities", truth.len(), column.len())?;
    }
    match truth.iter().position(|&t| t as usize >= columns.len()) {
        Some(row) => {
            Err(Error::data(format!("class codes below {}", columns.len()), truth[row]).in_row(row))
        }
        None => Ok(weights),
    }
}

/// The weight of each class; an error if one has none.
fn class_sizes(truth: &[u32], columns: &[&[f64]], weights: Option<&[f64]>) -> Result<Vec<f64>> {
    let weights = check(truth, columns, weights)?;
    if columns.len() < 2 {
        return Err(Error::data("two classes or more", columns.len()));
    }
    let mut sizes = vec![0.0; columns.len()];
    for (row, &class) in truth.iter().enumerate() {
        sizes[class as usize] += weights.of(row);
    }
    match sizes.iter().position(|&size| size == 0.0) {
        Some(class) => Err(Error::undefined(
            "rows of each class",
            format!("none of class {class}"),
        )),
        None => Ok(sizes),
    }
}

fn mean_of(scores: &[f64], sizes: &[f64], average: Average) -> f64 {
    match average {
        Average::Macro => scores.iter().sum::<f64>() / scores.len() as f64,
        Average::Prevalence => {
            let sum: f64 = scores
                .iter()
                .zip(sizes)
                .map(|(score, size)| score * size)
                .sum();
            sum / sizes.iter().sum::<f64>()
        }
    }
}
