//! Products of matrices that lie in slices, row after row.
//!
//! `ndarray`'s product (`matrixmultiply`) sums each element of a result in one order, whatever the
//! shape of the whole: rows of a product do not depend on the rows around them.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// A matrix of so many columns, row after row.
pub(super) fn matrix(values: &[f32], n_columns: usize) -> ArrayView2<'_, f32> {
    strided(
        values,
        values.len() / n_columns.max(1),
        n_columns,
        n_columns,
    )
}

/// A matrix of which each row begins so many values after the one before.
pub(super) fn strided(
    values: &[f32],
    n_rows: usize,
    n_columns: usize,
    stride: usize,
) -> ArrayView2<'_, f32> {
    if n_rows == 0 {
        // Strides are of rows that there are.
        return ArrayView2::from_shape((0, n_columns), &[])
            .unwrap_or_else(|error| panic!("no row has no value: {error}"));
    }
    let shape = (n_rows, n_columns).strides((stride, 1));
    ArrayView2::from_shape(shape, values).unwrap_or_else(|error| panic!("shapes agree: {error}"))
}

fn matrix_mut(values: &mut [f32], n_columns: usize) -> ArrayViewMut2<'_, f32> {
    let n_rows = values.len() / n_columns.max(1);
    strided_mut(values, n_rows, n_columns, n_columns)
}

fn strided_mut(
    values: &mut [f32],
    n_rows: usize,
    n_columns: usize,
    stride: usize,
) -> ArrayViewMut2<'_, f32> {
    let shape = (n_rows, n_columns).strides((stride, 1));
    ArrayViewMut2::from_shape(shape, values).unwrap_or_else(|error| panic!("shapes agree: {error}"))
}

/// What becomes of the values that a product is written over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Into {
    Replace,
    Add,
}

impl Into {
    fn beta(self) -> f32 {
        match self {
            Self::Replace => 0.0,
            Self::Add => 1.0,
        }
    }
}

/// `out = a b`, or `out += a b`.
pub(super) fn product(
    a: &ArrayView2<'_, f32>,
    b: &ArrayView2<'_, f32>,
    into: Into,
    out: &mut [f32],
) {
    if out.is_empty() {
        return;
    }
    general_mat_mul(1.0, a, b, into.beta(), &mut matrix_mut(out, b.ncols()));
}

/// The same, into rows that begin so many values apart.
pub(super) fn product_strided(
    a: &ArrayView2<'_, f32>,
    b: &ArrayView2<'_, f32>,
    into: Into,
    out: &mut [f32],
    stride: usize,
) {
    if out.is_empty() {
        return;
    }
    let mut out = strided_mut(out, a.nrows(), b.ncols(), stride);
    general_mat_mul(1.0, a, b, into.beta(), &mut out);
}
