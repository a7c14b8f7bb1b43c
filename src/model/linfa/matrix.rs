//! linfa's matrices (of an older ndarray) from ours.

use ndarray016::{Array2, ArrayView2, ShapeBuilder};

use crate::error::Result;
use crate::model::adapter::{Backend, failed};

/// A matrix of values that follow one another column by column: no copy.
pub(crate) fn columns<T>(n_rows: usize, n_columns: usize, values: Vec<T>) -> Result<Array2<T>> {
    Array2::from_shape_vec((n_rows, n_columns).f(), values)
        .map_err(|cause| failed(Backend::Linfa, &cause))
}

/// The same of borrowed values.
pub(crate) fn column_view<T>(
    n_rows: usize,
    n_columns: usize,
    values: &[T],
) -> Result<ArrayView2<'_, T>> {
    ArrayView2::from_shape((n_rows, n_columns).f(), values)
        .map_err(|cause| failed(Backend::Linfa, &cause))
}

/// A matrix of borrowed values that follow one another row by row.
pub(crate) fn row_view<T>(
    n_rows: usize,
    n_columns: usize,
    values: &[T],
) -> Result<ArrayView2<'_, T>> {
    ArrayView2::from_shape((n_rows, n_columns), values)
        .map_err(|cause| failed(Backend::Linfa, &cause))
}
