//! What several tests share.
#![allow(dead_code, reason = "not every set of features uses all of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use stackfold::prelude::*;

/// A categorical column from texts; `"?"` is a missing cell.
pub(crate) fn levels(texts: &[&str]) -> Column {
    Column::categorical(texts.iter().map(|&t| (t != "?").then_some(t)))
}

/// A table of one feature.
pub(crate) fn one_column(name: &str, column: Column) -> Table {
    Table::new([(name, column)]).unwrap()
}

/// Labels from 0 and 1.
pub(crate) fn binary(labels: &[u32]) -> Labels {
    Labels::new(labels.to_vec(), vec!["no".into(), "yes".into()]).unwrap()
}

/// Asserts that two numbers agree to a relative (below 1: absolute) tolerance; NaN equals NaN.
#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64, tolerance: f64) {
    let close = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
    // An infinite number is close to itself, though its difference from itself is no number.
    let same = found.total_cmp(&expected).is_eq();
    assert!(
        close || same || (found.is_nan() && expected.is_nan()),
        "found {found}, expected {expected}"
    );
}
