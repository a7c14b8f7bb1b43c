//! What all metrics check before they count.

use crate::error::{Error, Result};

/// Weights of rows: one each, or those given.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a>(Option<&'a [f64]>);

impl<'a> Weights<'a> {
    /// Checked: as many as rows, finite, none negative, not all zero; and at least one row.
    pub(super) fn new(weights: Option<&'a [f64]>, n_rows: usize) -> Result<Self> {
        if n_rows == 0 {
            return Err(Error::data("at least one row to score", "none"));
        }
        if let Some(weights) = weights {
            check_length("weights", n_rows, weights.len())?;
            if let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
                return Err(Error::data("finite weights of 0 or more", weights[row]).in_row(row));
            }
            if weights.iter().all(|&w| w == 0.0) {
                return Err(Error::undefined("a weight above 0", "only zeros"));
            }
        }
        Ok(Self(weights))
    }

    pub(super) fn of(self, row: usize) -> f64 {
        self.0.map_or(1.0, |weights| weights[row])
    }

    /// The weighted mean of a number for each row.
    pub(super) fn mean(self, values: impl Iterator<Item = f64>) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, value) in values.enumerate() {
            sum += self.of(row) * value;
            total += self.of(row);
        }
        sum / total
    }
}

pub(super) fn check_length(what: &str, n_rows: usize, found: usize) -> Result<()> {
    if found == n_rows {
        Ok(())
    } else {
        Err(Error::data(format!("{n_rows} {what}, one a row"), found))
    }
}

pub(super) fn check_finite(values: &[f64]) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(row) => Err(Error::not_finite(values[row]).in_row(row)),
        None => Ok(()),
    }
}

pub(super) fn check_probabilities(values: &[f64]) -> Result<()> {
    match values.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(row) => Err(Error::data("probabilities from 0 to 1", values[row]).in_row(row)),
        None => Ok(()),
    }
}
