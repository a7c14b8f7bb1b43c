//! The vectors of one column's levels.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::Levels;
use crate::error::{Error, Result};
use crate::numeric::linalg::{Matrix, principal_axes};

/// The vectors of one column's levels: one of `size` numbers for each level, and one for levels
/// that are unknown.
///
/// ```
/// use stackfold::transform::encode::EmbeddingMatrix;
/// let levels = ["lake", "sea", "hill"].map(String::from).to_vec();
/// let vectors = vec![vec![1.0, 0.0], vec![0.8, 0.1], vec![-1.0, 0.0]];
/// let matrix = EmbeddingMatrix::new("view", levels, vectors, vec![0.0, 0.0])?;
/// assert_eq!(matrix.vector(Some("sea")), [0.8, 0.1]);
/// assert_eq!(matrix.vector(Some("street")), [0.0, 0.0]);
/// assert_eq!(matrix.nearest("lake", 1)?[0].0, "sea");
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingMatrix {
    column: String,
    levels: Arc<Levels>,
    /// How many training rows each level has; then those of unknown levels, then missing ones.
    counts: Vec<u64>,
    size: usize,
    /// Row after row: one a level, then that of unknown levels, then that of missing cells.
    vectors: Vec<f32>,
}

impl EmbeddingMatrix {
    /// Vectors made elsewhere: one a level in their order, and one for unknown levels, which
    /// missing cells share unless they have [their own](Self::with_missing).
    ///
    /// # Errors
    /// If a level stands twice, their number is not that of the vectors, lengths of vectors differ
    /// or are 0, or a number is not finite.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "callers write vectors out and have no further use for them"
    )]
    pub fn new(
        column: impl Into<String>,
        levels: Vec<String>,
        vectors: Vec<Vec<f32>>,
        unknown: Vec<f32>,
    ) -> Result<Self> {
        let column = column.into();
        let here = |error: Error| error.in_column(column.clone());
        if levels.len() != vectors.len() {
            let expected = format!("{} vectors, one a level", levels.len());
            return Err(here(Error::data(expected, vectors.len())));
        }
        let size = unknown.len();
        if size == 0 {
            return Err(here(Error::data("vectors of one number or more", "none")));
        }
        for (level, vector) in levels.iter().zip(&vectors) {
            check(vector, size, &format!("level {level:?}")).map_err(here)?;
        }
        check(&unknown, size, "unknown levels").map_err(here)?;
        let levels = Levels::new(levels).map_err(here)?;
        let mut vectors = vectors.concat();
        vectors.extend_from_slice(&unknown);
        vectors.extend_from_slice(&unknown);
        Ok(Self {
            counts: vec![0; levels.len() + 2],
            levels: Arc::new(levels),
            column,
            size,
            vectors,
        })
    }

    pub(super) fn from_parts(
        column: String,
        levels: Arc<Levels>,
        counts: Vec<u64>,
        size: usize,
        vectors: Vec<f32>,
    ) -> Self {
        Self {
            column,
            levels,
            counts,
            size,
            vectors,
        }
    }

    /// With this vector for missing cells.
    ///
    /// # Errors
    /// If it has another length than the others, or a number is not finite.
    pub fn with_missing(mut self, missing: &[f32]) -> Result<Self> {
        check(missing, self.size, "missing cells").map_err(|e| e.in_column(self.column.clone()))?;
        let place = self.missing_row() * self.size;
        self.vectors[place..].copy_from_slice(missing);
        Ok(self)
    }

    /// With so many training rows for each row of vectors.
    pub(super) fn with_counts(self, counts: Vec<u64>) -> Self {
        Self { counts, ..self }
    }

    /// The column's name.
    #[must_use]
    pub fn column(&self) -> &str {
        &self.column
    }

    /// How many numbers stand for a level.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The levels that have a vector of their own.
    #[must_use]
    pub fn levels(&self) -> &[String] {
        self.levels.names()
    }

    pub(super) fn shared_levels(&self) -> &Arc<Levels> {
        &self.levels
    }

    /// How many training rows each of [`levels`](Self::levels) had; 0 if the vectors were made
    /// elsewhere.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts[..self.levels.len()]
    }

    /// How many training rows had a level that was too rare for a vector of its own.
    #[must_use]
    pub fn n_rare(&self) -> u64 {
        self.count(self.unknown_row())
    }

    /// How many training rows had none.
    #[must_use]
    pub fn n_missing(&self) -> u64 {
        self.count(self.missing_row())
    }

    pub(super) fn count(&self, row: usize) -> u64 {
        self.counts[row]
    }

    /// The vector of a level, or of a missing cell (`None`). A level that has none of its own gets
    /// that of unknown levels.
    #[must_use]
    pub fn vector(&self, level: Option<&str>) -> &[f32] {
        self.row(match level {
            Some(level) => self.row_of(level).unwrap_or(self.unknown_row()),
            None => self.missing_row(),
        })
    }

    /// The vector of unknown levels.
    #[must_use]
    pub fn unknown(&self) -> &[f32] {
        self.row(self.unknown_row())
    }

    /// The vector of missing cells.
    #[must_use]
    pub fn missing(&self) -> &[f32] {
        self.row(self.missing_row())
    }

    /// The `k` levels nearest to a level by the distance of their vectors (Euclid), nearest first,
    /// without the level itself; of equally near ones the first.
    ///
    /// # Errors
    /// If the level has no vector of its own.
    pub fn nearest(&self, level: &str, k: usize) -> Result<Vec<(&str, f64)>> {
        let Some(own) = self.row_of(level) else {
            return Err(Error::unseen_level(level).in_column(self.column.clone()));
        };
        let from = self.row(own);
        let mut others: Vec<(&str, f64)> = self
            .levels()
            .iter()
            .enumerate()
            .filter(|&(row, _)| row != own)
            .map(|(row, name)| (name.as_str(), distance(from, self.row(row))))
            .collect();
        others.sort_by(|a, b| a.1.total_cmp(&b.1));
        others.truncate(k);
        Ok(others)
    }

    /// A place in the plane for each of [`levels`](Self::levels), for a picture: the first two
    /// principal components of their vectors, each level counted once. The second is 0 if a vector
    /// has one number. An axis points to where its largest weight is positive.
    #[must_use]
    pub fn map_2d(&self) -> Vec<[f64; 2]> {
        let (n, d) = (self.levels.len(), self.size);
        let mut mean = vec![0.0; d];
        for row in 0..n {
            for (mean, &x) in mean.iter_mut().zip(self.row(row)) {
                *mean += f64::from(x) / n as f64;
            }
        }
        let centred = |row: usize| -> Vec<f64> {
            let vector = self.row(row).iter().zip(&mean);
            vector.map(|(&x, mean)| f64::from(x) - mean).collect()
        };
        let mut covariance = Matrix::zeros(d, d);
        for row in 0..n {
            let x = centred(row);
            for (i, a) in x.iter().enumerate() {
                for (j, b) in x.iter().enumerate() {
                    *covariance.at_mut(i, j) += a * b;
                }
            }
        }
        let axes = principal_axes(&covariance);
        let mut scores = vec![0.0; d];
        (0..n)
            .map(|row| {
                axes.apply(&centred(row), &mut scores);
                [scores[0], scores.get(1).copied().unwrap_or(0.0)]
            })
            .collect()
    }

    fn row_of(&self, level: &str) -> Option<usize> {
        self.levels().iter().position(|name| name == level)
    }

    pub(super) fn unknown_row(&self) -> usize {
        self.levels.len()
    }

    pub(super) fn missing_row(&self) -> usize {
        self.levels.len() + 1
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.size..(row + 1) * self.size]
    }
}

/// Checks the vector of `what`.
fn check(vector: &[f32], size: usize, what: &str) -> Result<()> {
    if vector.len() != size {
        let expected = format!("{size} numbers for {what}");
        return Err(Error::data(expected, vector.len()));
    }
    match vector.iter().find(|x| !x.is_finite()) {
        Some(x) => Err(Error::data(format!("finite numbers for {what}"), x)),
        None => Ok(()),
    }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    squares.sum::<f64>().sqrt()
}
