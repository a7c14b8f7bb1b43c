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
