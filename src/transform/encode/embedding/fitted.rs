//! Vectors looked up by level: what fitting gives, and what was fitted elsewhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::cells::{Cells, fill, named_cells};
use super::EmbeddingMatrix;
use crate::data::UniqueNames;
use crate::data::{Feature, Features, FitContext, OutOfSample, RowIndex, Rows};
use crate::error::{Error, Result};
use crate::transform::{FittedTransformer, Scope, UnsupervisedTransformer};

/// A fitted [`EmbeddingEncoder`](super::EmbeddingEncoder): a matrix of vectors for each column.
///
/// It can be saved and loaded (serde), read ([`matrices`](Self::matrices)), written as a table and
/// read from one ([`to_table`](Self::to_table), [`from_table`](Self::from_table)), and used
/// elsewhere ([`PretrainedEmbedding`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedEmbeddingEncoder {
    matrices: Vec<EmbeddingMatrix>,
    fields: Arc<[Feature]>,
}

impl FittedEmbeddingEncoder {
    /// Looks up these vectors: `size` features named `column_0`, `column_1` … for each matrix.
    ///
    /// # Errors
    /// If two matrices are of one column.
    pub fn from_matrices(matrices: Vec<EmbeddingMatrix>) -> Result<Self> {
        let mut names = UniqueNames::default();
        let mut fields = Vec::new();
        for (j, matrix) in matrices.iter().enumerate() {
            if matrices[..j]
                .iter()
                .any(|other| other.column() == matrix.column())
            {
                let error = Error::new(crate::error::ErrorKind::DuplicateColumn);
                return Err(error.in_column(matrix.column()));
            }
            for place in 0..matrix.size() {
                let name = names.take(format!("{}_{place}", matrix.column()));
                fields.push(Feature::number(name));
            }
        }
        Ok(Self {
            matrices,
            fields: fields.into(),
        })
    }

    /// The vectors of each column.
    #[must_use]
    pub fn matrices(&self) -> &[EmbeddingMatrix] {
        &self.matrices
    }

    /// The vectors of a column.
    #[must_use]
    pub fn matrix(&self, column: &str) -> Option<&EmbeddingMatrix> {
        self.matrices
            .iter()
            .find(|matrix| matrix.column() == column)
    }

    /// The levels nearest to a level of a column; see [`EmbeddingMatrix::nearest`].
    ///
    /// # Errors
    /// If there is no such column, or the level has no vector of its own.
    pub fn nearest(&self, column: &str, level: &str, k: usize) -> Result<Vec<(&str, f64)>> {
        self.matrix(column)
            .ok_or_else(|| self.no_such(column))?
            .nearest(level, k)
    }

    /// A place in the plane for each level of a column; see [`EmbeddingMatrix::map_2d`].
    ///
    /// # Errors
    /// If there is no such column.
    pub fn map_2d(&self, column: &str) -> Result<Vec<[f64; 2]>> {
        let matrix = self.matrix(column).ok_or_else(|| self.no_such(column))?;
        Ok(matrix.map_2d())
    }

    fn no_such(&self, column: &str) -> Error {
        let available = self
            .matrices
            .iter()
            .map(|m| m.column().to_owned())
            .collect();
        Error::new(crate::error::ErrorKind::MissingColumn { available }).in_column(column)
    }
}

impl FittedTransformer for FittedEmbeddingEncoder {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let cells = named_cells(rows, self.matrices.iter().map(EmbeddingMatrix::column))?;
        let widths: Vec<usize> = self.matrices.iter().map(EmbeddingMatrix::size).collect();
        let (values, _) = fill(rows.len(), &widths, |j, out| {
            cells[j].check_kind(self.matrices[j].shared_levels())?;
            write(&self.matrices[j], &cells[j], rows.index(), out);
            Ok(())
        })?;
        Features::from_buffer(Arc::clone(&self.fields), rows.len(), values)
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }
}

/// Writes the vectors of a column's cells, number after number.
fn write(matrix: &EmbeddingMatrix, cells: &Cells<'_>, rows: RowIndex<'_>, out: &mut [f32]) {
    let n_levels = matrix.levels().len();
    // By level of the table, then for missing cells: the matrix's row.
    let mut row_of: Vec<usize> = cells
        .codes_among(matrix.shared_levels())
        .into_iter()
        .map(|code| (code as usize).min(n_levels))
        .collect();
    row_of.push(matrix.missing_row());
    let slots = cells.slots(rows);
    for (place, out) in out.chunks_exact_mut(rows.len().max(1)).enumerate() {
        let number = |&row: &usize| matrix.row(row)[place];
        let numbers: Vec<f32> = row_of.iter().map(number).collect();
        for (out, &slot) in out.iter_mut().zip(&slots) {
            *out = numbers[slot as usize];
        }
    }
}

/// Vectors that were trained elsewhere, as a transformer that learns nothing more: for columns that
/// the tables at hand share with others (transfer).
///
/// It encodes the columns that it is given. Nothing keeps a caller from handing it vectors that
/// were trained on the very rows that a model is now fitted on, which leaks: the constructor's name
/// says what its caller vouches for.
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{EmbeddingMatrix, PretrainedEmbedding};
/// let levels = ["a", "b"].map(String::from).to_vec();
/// let city = EmbeddingMatrix::new("city", levels, vec![vec![1.0, 2.0], vec![3.0, 4.0]], vec![0.0; 2])?;
/// let encoder = PretrainedEmbedding::trained_on_other_rows(vec![city])?;
/// let table = Table::new([("city", Column::categorical([Some("b"), Some("z")]))])?;
/// let target = Values::new(vec![0.0, 1.0])?;
/// let (_, features) = encoder.fit_transform(Train::new(&table, &target)?)?;
/// assert_eq!(features.column(1), [4.0, 0.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PretrainedEmbedding(FittedEmbeddingEncoder);

impl PretrainedEmbedding {
    /// Vectors that were not trained on the rows that a model is to be fitted on.
    ///
    /// # Errors
    /// If two matrices are of one column.
    pub fn trained_on_other_rows(matrices: Vec<EmbeddingMatrix>) -> Result<Self> {
        FittedEmbeddingEncoder::from_matrices(matrices).map(Self)
    }
}

impl UnsupervisedTransformer for PretrainedEmbedding {
    type Fitted = FittedEmbeddingEncoder;

    fn fit_rows(&self, rows: Rows<'_>, _context: &FitContext<'_>) -> Result<Self::Fitted> {
        let matrices = rows
            .features()
            .map(|(field, _)| match self.0.matrix(field.name()) {
                Some(matrix) => Ok(matrix.clone()),
                None => Err(self.0.no_such(field.name())),
            })
            .collect::<Result<_>>()?;
        FittedEmbeddingEncoder::from_matrices(matrices)
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Columns
    }

    fn join(&self, parts: Vec<FittedEmbeddingEncoder>) -> Result<FittedEmbeddingEncoder> {
        let matrices = parts.into_iter().flat_map(|part| part.matrices).collect();
        FittedEmbeddingEncoder::from_matrices(matrices)
    }
}
