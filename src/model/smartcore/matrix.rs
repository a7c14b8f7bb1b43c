//! smartcore's matrices from ours.

use smartcore::linalg::basic::matrix::DenseMatrix;

use crate::data::{Features, Provenance};
use crate::error::Result;
use crate::model::adapter::{Backend, failed};

/// The features as smartcore's matrix: one copy.
pub(crate) fn dense<P: Provenance>(features: &Features<P>) -> Result<DenseMatrix<f32>> {
    matrix(
        features.n_rows(),
        features.n_features(),
        features.as_slice().to_vec(),
        Layout::Columns,
    )
}

/// The same row by row: for what reads whole rows.
pub(crate) fn dense_rows<P: Provenance>(features: &Features<P>) -> Result<DenseMatrix<f32>> {
    /// Rows that are turned at a time, so that what is written stays in the cache.
    const BLOCK: usize = 256;
    let (n, p) = (features.n_rows(), features.n_features());
    let mut values = vec![0.0; n * p];
    for (block, out) in values.chunks_mut((BLOCK * p).max(1)).enumerate() {
        for j in 0..p {
            let column = &features.column(j)[block * BLOCK..];
            for (row, &v) in out.chunks_exact_mut(p).zip(column) {
                row[j] = v;
            }
        }
    }
    matrix(n, p, values, Layout::Rows)
}

/// How the values of a matrix follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Columns,
    Rows,
}

/// A matrix of these values: no copy.
pub(crate) fn matrix<T: Copy + std::fmt::Debug + std::fmt::Display>(
    n_rows: usize,
    n_columns: usize,
    values: Vec<T>,
    layout: Layout,
) -> Result<DenseMatrix<T>> {
    DenseMatrix::new(n_rows, n_columns, values, layout == Layout::Columns)
        .map_err(|cause| failed(Backend::Smartcore, &cause))
}
