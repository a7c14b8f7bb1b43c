//! Parquet files written in batches of rows.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use polars_core::prelude::*;

use super::parquet::ParquetWriter;
use super::{backend, features_to_frame, table_to_frame};
use crate::data::csv::temporary_beside;
use crate::data::{Features, Prediction, Provenance, Table};
use crate::error::{Error, Result};

/// Writes features or predictions to a Parquet file batch by batch; each batch is a row group (or
/// several, if it has more than 262,144 rows).
///
/// Columns of the batches' tables, an identifier say, can be written in front, in the types that
/// [`table_to_frame`] gives them; the first batch decides. Where its numbers are not all whole, or
/// all missing, whole numbers of later batches are written as floats; where they are all whole, a
/// later fraction is an error that names the column. Features are `f32`.
///
/// The file is written beside its place under another name and renamed by
/// [`ParquetSink::finish`]; without that, nothing is left.
///
/// ```
/// use stackfold::data::batches::TableBatches;
/// use stackfold::data::polars::{ParquetSink, TableReader};
/// use stackfold::model::baseline::Prior;
/// use stackfold::prelude::*;
/// use stackfold::transform::passthrough::Passthrough;
/// let table = Table::new([("x", Column::numeric(vec![1.0, 2.0, 3.0]))])?;
/// let target = Labels::from_strs(&["no", "yes", "no"])?;
/// let fitted = Pipeline::new(Passthrough::new(), Prior::new()).fit(Train::new(&table, &target)?)?;
/// let path = std::env::temp_dir().join("stackfold_sink.parquet");
/// let mut sink = ParquetSink::create(&path)?.with_columns(["x"]);
/// let batches = TableBatches::new(&table, 2);
/// FittedLearner::<Labels>::predict_batches(&fitted, &batches, &mut |batch, prediction| {
///     sink.write_prediction(batch, &prediction)
/// })?;
/// assert_eq!(sink.finish()?, 3);
/// let written = TableReader::new().read(&path)?;
/// assert_eq!(written.schema().names().collect::<Vec<_>>(), ["x", "no", "yes"]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), stackfold::Error>(())
/// ```
pub struct ParquetSink {
    path: PathBuf,
    temporary: PathBuf,
    columns: Vec<String>,
    open: Option<Open>,
    n_rows: usize,
}

struct Open {
    writer: ParquetWriter<BufWriter<File>>,
    schema: SchemaRef,
}

impl std::fmt::Debug for ParquetSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetSink")
            .field("path", &self.path)
            .field("columns", &self.columns)
            .field("n_rows", &self.n_rows)
            .finish_non_exhaustive()
    }
}

impl ParquetSink {
    /// A file at this path, in place of one that may be there.
    ///
    /// # Errors
    /// If the path names no file.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        Ok(Self {
            temporary: temporary_beside(&path)?,
            path,
            columns: Vec::new(),
            open: None,
            n_rows: 0,
        })
    }

    /// With these columns of the tables in front.
    #[must_use]
    pub fn with_columns<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.columns = names.into_iter().map(Into::into).collect();
        self
    }

    /// Writes features of a table's rows.
    ///
    /// # Errors
    /// If a column is not in the table or stands twice, numbers of rows differ, or the file cannot
    /// be written, which the error names.
    pub fn write_features<P: Provenance>(
        &mut self,
        table: &Table,
        features: &Features<P>,
    ) -> Result<()> {
        self.write(table, &features_to_frame(features)?)
    }

    /// Writes predictions of a table's rows: one column per class, or one named `prediction`.
    ///
    /// # Errors
    /// As [`ParquetSink::write_features`].
    pub fn write_prediction(&mut self, table: &Table, prediction: &impl Prediction) -> Result<()> {
        let columns = (0..prediction.n_columns()).map(|j| {
            let name = prediction.column_name(j).unwrap_or("prediction");
            Series::new(name.into(), prediction.column(j)).into_column()
        });
        let frame = DataFrame::new(prediction.n_rows(), columns.collect());
        self.write(table, &frame.map_err(|e| backend(&e))?)
    }

    /// Writes a frame beside the chosen columns of a table, whose rows it has.
    ///
    /// # Errors
    /// As [`ParquetSink::write_features`], and if the frame's columns are not those, or of the
    /// types, of the first one.
    pub fn write(&mut self, table: &Table, frame: &DataFrame) -> Result<()> {
        let refused = |e: &PolarsError| backend(e).in_file(self.path.display());
        let chosen = self.columns.iter().map(|name| {
            let column = table.column(name)?.clone();
            Ok((name.clone(), column))
        });
        let chosen = Table::new(chosen.collect::<Result<Vec<_>>>()?)?;
        let mut columns = Vec::new();
        for column in table_to_frame(&chosen)?.columns() {
            columns.push(self.as_before(column).map_err(|e| refused(&e))?);
        }
        columns.extend_from_slice(frame.columns());
        let mut frame = DataFrame::new(frame.height(), columns).map_err(|e| refused(&e))?;
        if frame.height() == 0 {
            return Ok(());
        }
        if self.open.is_none() {
            let io = |e: std::io::Error| Error::io(self.path.display(), &e).with_source(e);
            let file = BufWriter::new(File::create(&self.temporary).map_err(io)?);
            let writer = ParquetWriter::new(file, &frame).map_err(|e| refused(&e))?;
            let schema = frame.schema().clone();
            self.open = Some(Open { writer, schema });
        }
        if let Some(open) = &mut self.open {
            if open.schema != *frame.schema() {
                return Err(differing(&open.schema, frame.schema()).in_file(self.path.display()));
            }
            open.writer.write(&mut frame).map_err(|e| refused(&e))?;
        }
        self.n_rows += frame.height();
        Ok(())
    }

    /// A column of a batch's table in the type that the first batch had: whole numbers as floats if
    /// there were fractions, or no number at all, which may be followed by either.
    fn as_before(&self, column: &Column) -> PolarsResult<Column> {
        let is_float = match &self.open {
            None => column.null_count() == column.len(),
            Some(open) => open.schema.get(column.name()) == Some(&DataType::Float64),
        };
        if !is_float || *column.dtype() != DataType::Int64 {
            return Ok(column.clone());
        }
        // What would be rounded stays what it is, and is refused.
        let is_exact = |v: i64| v.unsigned_abs() <= 1 << 53;
        if column.i64()?.iter().flatten().all(is_exact) {
            column.cast(&DataType::Float64)
        } else {
            Ok(column.clone())
        }
    }

    /// Ends the file and puts it in its place; returns how many rows it has.
    ///
    /// # Errors
    /// If no row was written, or the file cannot be written.
    pub fn finish(mut self) -> Result<usize> {
        let Some(open) = self.open.take() else {
            return Err(Error::data("at least one row", "none").in_file(self.path.display()));
        };
        let io = |e: std::io::Error| Error::io(self.path.display(), &e).with_source(e);
        let ended = open.writer.finish();
        ended.map_err(|e| backend(&e).in_file(self.path.display()))?;
        std::fs::rename(&self.temporary, &self.path).map_err(io)?;
        Ok(self.n_rows)
    }
}

impl Drop for ParquetSink {
    fn drop(&mut self) {
        // After `finish` there is no such file; a failure here has nobody to hear of it.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// What to say of a batch whose columns are not those of the first one.
fn differing(first: &Schema, batch: &Schema) -> Error {
    let other_type = first
        .iter()
        .zip(batch.iter())
        .find(|(a, b)| a.0 == b.0 && a.1 != b.1);
    match other_type {
        Some(((name, expected), (_, found))) if first.iter_names().eq(batch.iter_names()) => {
            let expected = format!("cells of type {expected}, as in the first batch");
            Error::data(expected, found).in_column(name.as_str())
        }
        _ => Error::data("the columns and types of the first batch", "others"),
    }
}
