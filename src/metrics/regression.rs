//! Metrics of values.

use super::check::{Weights, check_finite, check_length};
use crate::error::{Error, Result};

/// The root of the mean squared error: `sqrt(mean((y - p)²))`.
///
/// ```
/// use stackfold::metrics::regression::rmse;
/// assert_eq!(rmse(&[1.0, 2.0], &[1.0, 4.0], None)?, 2.0_f64.sqrt());
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If there is no row, lengths differ, a value is not finite, or a weight is negative or not
/// finite.
pub fn rmse(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    let weights = check(truth, predicted, weights)?;
    Ok(weights.mean(squares(truth, predicted)).sqrt())
}

/// The mean absolute error: `mean(|y - p|)`.
///
/// ```
/// use stackfold::metrics::regression::mae;
/// assert_eq!(mae(&[1.0, 2.0], &[1.0, 4.0], Some(&[3.0, 1.0]))?, 0.5);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`rmse`].
pub fn mae(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    let weights = check(truth, predicted, weights)?;
    Ok(weights.mean(truth.iter().zip(predicted).map(|(y, p)| (y - p).abs())))
}

/// The mean absolute relative error: `mean(|y - p| / |y|)`, as a fraction, not in percent.
///
/// ```
/// use stackfold::metrics::regression::mape;
/// assert_eq!(mape(&[1.0, -2.0], &[1.5, -2.0], None)?, 0.25);
/// assert!(mape(&[0.0], &[1.0], None).is_err());
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`rmse`], and if a true value is 0.
pub fn mape(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    let weights = check(truth, predicted, weights)?;
    if let Some(row) = truth.iter().position(|&y| y == 0.0) {
        return Err(Error::data("true values other than 0", truth[row]).in_row(row));
    }
    Ok(weights.mean(
        truth
            .iter()
            .zip(predicted)
            .map(|(y, p)| ((y - p) / y).abs()),
    ))
}

/// The coefficient of determination: `1 - sum((y - p)²) / sum((y - mean(y))²)`.
///
/// ```
/// use stackfold::metrics::regression::r2;
/// assert_eq!(r2(&[1.0, 2.0, 3.0], &[2.0, 2.0, 2.0], None)?, 0.0);
/// assert_eq!(r2(&[1.0, 2.0, 3.0], &[1.0, 2.0, 4.0], None)?, 0.5);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`rmse`], and if all true values are the same.
pub fn r2(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<f64> {
    let weights = check(truth, predicted, weights)?;
    let mean = weights.mean(truth.iter().copied());
    let variance = weights.mean(truth.iter().map(|y| (y - mean).powi(2)));
    let mut heavy = (0..truth.len()).filter(|&row| weights.of(row) > 0.0);
    let first = heavy.next().map(|row| truth[row].to_bits());
    if variance == 0.0 || heavy.all(|row| Some(truth[row].to_bits()) == first) {
        return Err(Error::undefined("true values that vary", mean));
    }
    Ok(1.0 - weights.mean(squares(truth, predicted)) / variance)
}

fn squares(truth: &[f64], predicted: &[f64]) -> impl Iterator<Item = f64> {
    truth.iter().zip(predicted).map(|(y, p)| (y - p).powi(2))
}

fn check<'a>(truth: &[f64], predicted: &[f64], weights: Option<&'a [f64]>) -> Result<Weights<'a>> {
    let weights = Weights::new(weights, truth.len())?;
    check_length("predictions", truth.len(), predicted.len())?;
    check_finite(truth)?;
    check_finite(predicted)?;
    Ok(weights)
}
