//! What models that are fitted in many steps learn from: targets, weights, and which rows are set
//! aside to stop early.

use super::class_weight::ClassWeight;
use super::early_stopping::EarlyStopping;
use super::early_stopping::inner_split;
use crate::data::{DynTarget, FitContext, RowIndex};
use crate::error::{Error, Result};

/// Checks that there are as many rows of each part as of the others, and at least one.
pub(crate) fn check_lengths(
    n: usize,
    target: &dyn DynTarget,
    context: &FitContext<'_>,
) -> Result<()> {
    if n == 0 {
        return Err(Error::data("at least one row", "none"));
    }
    let lengths = [
        Some(target.n_rows()),
        context.weights().map(<[f64]>::len),
        context.groups().map(<[u32]>::len),
        context.time().map(<[f64]>::len),
    ];
    match lengths.into_iter().flatten().find(|&length| length != n) {
        Some(length) => Err(Error::data(
            format!("{n} rows, as the features have"),
            length,
        )),
        None => Ok(()),
    }
}

/// The target as one number a row: the class's code, or the value.
pub(crate) fn numbers_of(target: &dyn DynTarget) -> Vec<f64> {
    let all = RowIndex::All(target.n_rows());
    if target.class_names().is_empty() {
        target.output(0, all)
    } else {
        target.strata(all).into_iter().map(f64::from).collect()
    }
}

/// Checks that weights are finite and none is below 0.
pub(crate) fn check_weights(context: &FitContext<'_>) -> Result<()> {
    if let Some(weights) = context.weights()
        && let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite()))
    {
        return Err(Error::data("finite weights of 0 or more", weights[row]).in_row(row));
    }
    Ok(())
}

/// The rows' weights times those of their classes, if there are any.
pub(crate) fn weights_of(
    target: &dyn DynTarget,
    context: &FitContext<'_>,
    class_weight: &ClassWeight,
) -> Result<Option<Vec<f64>>> {
    check_weights(context)?;
    class_weight.apply(target, context.weights().map(<[f64]>::to_vec))
}

/// The rows to train on (all if none) and those to validate, each in ascending order. Rows of weight
/// 0 are in neither.
pub(crate) fn split_of(
    target: &dyn DynTarget,
    context: &FitContext<'_>,
    early_stopping: Option<EarlyStopping>,
    weights: Option<&[f64]>,
) -> Result<(Option<Vec<u32>>, Vec<u32>)> {
    let n = target.n_rows();
    let weighted = weights
        .filter(|weights| weights.iter().any(|w| *w <= 0.0))
        .map(|weights| -> Vec<u32> {
            let rows = (0..).zip(weights).filter(|(_, w)| **w > 0.0);
            rows.map(|(row, _)| row).collect()
        });
    if weighted.as_ref().is_some_and(Vec::is_empty) {
        return Err(Error::data("weights with a positive sum", "only zeros"));
    }
    let Some(stopping) = early_stopping else {
        return Ok((weighted, Vec::new()));
    };
    let rows = weighted.as_deref().map_or(RowIndex::All(n), RowIndex::Some);
    let (train, validation) = inner_split(stopping.share(), target, context, rows)?;
    Ok((Some(train), validation))
}
