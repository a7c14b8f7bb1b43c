//! Vectors as a table, to write to a file and read from one.

use super::{EmbeddingMatrix, FittedEmbeddingEncoder};
use crate::data::{Column, RowIndex, Table};
use crate::error::{Error, Result};

impl FittedEmbeddingEncoder {
    /// All vectors as a table, one row a vector: `column`, `kind` (`level`, `unknown` or
    /// `missing`), `level` (missing if it is none), `count` (training rows), and `e0`, `e1` …
    /// (missing beyond the column's size).
    ///
    /// ```
    /// use stackfold::transform::encode::{EmbeddingMatrix, FittedEmbeddingEncoder};
    /// let levels = vec!["Rome".to_owned()];
    /// let city = EmbeddingMatrix::new("city", levels, vec![vec![1.0, 2.0]], vec![0.0, 0.0])?;
    /// let encoder = FittedEmbeddingEncoder::from_matrices(vec![city])?;
    /// let table = encoder.to_table()?;
    /// assert_eq!(table.n_rows(), 3);
    /// assert_eq!(table.column("e1")?.text(0).as_deref(), Some("2"));
    /// assert_eq!(FittedEmbeddingEncoder::from_table(&table)?, encoder);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// None that is known of.
    pub fn to_table(&self) -> Result<Table> {
        let (mut columns, mut kinds, mut levels, mut counts) = (vec![], vec![], vec![], vec![]);
        let sizes = self.matrices().iter().map(EmbeddingMatrix::size);
        let mut numbers = vec![Vec::new(); sizes.max().unwrap_or(0)];
        for matrix in self.matrices() {
            for row in 0..matrix.levels().len() + 2 {
                let level = matrix.levels().get(row).map(String::as_str);
                let kind = match level {
                    Some(_) => "level",
                    None if row == matrix.unknown_row() => "unknown",
                    None => "missing",
                };
                columns.push(Some(matrix.column()));
                kinds.push(Some(kind));
                levels.push(level);
                counts.push(matrix.count(row) as f64);
                let vector = matrix.row(row);
                for (place, numbers) in numbers.iter_mut().enumerate() {
                    numbers.push(vector.get(place).map_or(f64::NAN, |&x| f64::from(x)));
                }
            }
        }
        let texts = [("column", columns), ("kind", kinds), ("level", levels)];
        let texts = texts.map(|(name, texts)| (name.to_owned(), Column::categorical(texts)));
        let counts = [("count".to_owned(), Column::numeric(counts))];
        let numbers = numbers.into_iter().enumerate();
        let numbers = numbers.map(|(place, x)| (number_name(place), Column::numeric(x)));
        Table::new(texts.into_iter().chain(counts).chain(numbers))
    }

    /// Reads a table as [`to_table`](Self::to_table) makes it. Rows may come in any order; `count`
    /// may be left out, and so may the row of missing cells, which then share the vector of unknown
    /// levels.
    ///
    /// Levels are compared as texts: in a file, `07` remains that only if the reader is told that
    /// the column `level` is categorical.
    ///
    /// # Errors
    /// If a column is missing, a kind is none of the three, a level is missing or stands twice, a
    /// column has not just one vector of unknown levels, or vectors of one column differ in length
    /// or hold a number that is not finite.
    pub fn from_table(table: &Table) -> Result<Self> {
        let text = |name: &str, row: usize| -> Result<String> {
            let text = table.column(name)?.text(row);
            let text = text.ok_or_else(|| Error::missing_value().in_row(row).in_column(name))?;
            Ok(text.into_owned())
        };
        let mut numbers = Vec::new();
        while let Ok(column) = table.column(&number_name(numbers.len())) {
            numbers.push(column.numbers(RowIndex::All(table.n_rows())));
        }
        let counts = table.column("count").ok();
        let counts = counts.map(|column| column.numbers(RowIndex::All(table.n_rows())));
        let mut parts: Vec<Part> = Vec::new();
        for row in 0..table.n_rows() {
            let name = text("column", row)?;
            let place = parts.iter().position(|part| part.column == name);
            let place = place.unwrap_or_else(|| {
                parts.push(Part::new(name));
                parts.len() - 1
            });
            let entry = Entry {
                count: counts.as_ref().map_or(0, |counts| whole(counts[row])),
                vector: vector(&numbers, row)?,
            };
            let part = &mut parts[place];
            let kind = text("kind", row)?;
            let before = match kind.as_str() {
                "level" => {
                    part.levels.push((text("level", row)?, entry));
                    None
                }
                "unknown" => part.unknown.replace(entry),
                "missing" => part.missing.replace(entry),
                _ => {
                    let error = Error::data("level, unknown or missing", kind);
                    return Err(error.in_row(row).in_column("kind"));
                }
            };
            if before.is_some() {
                let error = Error::data(format!("one {kind} row a column"), "two");
                return Err(error.in_row(row).in_column(&part.column));
            }
        }
        Self::from_matrices(parts.into_iter().map(Part::matrix).collect::<Result<_>>()?)
    }
}

fn number_name(place: usize) -> String {
    format!("e{place}")
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is no count becomes the nearest one"
)]
fn whole(x: f64) -> u64 {
    x as u64
}

/// The row's numbers up to the first that is missing; later ones must be missing too.
#[allow(clippy::cast_possible_truncation, reason = "features have 32 bits")]
fn vector(numbers: &[Vec<f64>], row: usize) -> Result<Vec<f32>> {
    let cells = numbers.iter().map(|column| column[row]);
    let vector: Vec<f32> = cells
        .clone()
        .take_while(|x| !x.is_nan())
        .map(|x| x as f32)
        .collect();
    if cells.skip(vector.len()).any(|x| !x.is_nan()) {
        let error = Error::missing_value().in_row(row);
        return Err(error.in_column(number_name(vector.len())));
    }
    Ok(vector)
}

/// What a table says of one column.
struct Part {
    column: String,
    levels: Vec<(String, Entry)>,
    unknown: Option<Entry>,
    missing: Option<Entry>,
}

struct Entry {
    count: u64,
    vector: Vec<f32>,
}

impl Part {
    fn new(column: String) -> Self {
        Self {
            column,
            levels: Vec::new(),
            unknown: None,
            missing: None,
        }
    }

    fn matrix(self) -> Result<EmbeddingMatrix> {
        let Some(unknown) = self.unknown else {
            return Err(Error::data("a row of kind unknown", "none").in_column(self.column));
        };
        let missing = self.missing.unwrap_or_else(|| Entry {
            count: 0,
            vector: unknown.vector.clone(),
        });
        let counts = self.levels.iter().map(|(_, entry)| entry.count);
        let counts = counts.chain([unknown.count, missing.count]).collect();
        let (levels, vectors) = self
            .levels
            .into_iter()
            .map(|(level, entry)| (level, entry.vector))
            .unzip();
        let matrix = EmbeddingMatrix::new(self.column, levels, vectors, unknown.vector)?;
        Ok(matrix.with_missing(&missing.vector)?.with_counts(counts))
    }
}
