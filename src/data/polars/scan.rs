//! Parquet files read in batches of rows.

use std::path::{Path, PathBuf};

use polars::prelude::{ParquetReader, SerReader};

use super::backend;
use super::reader::open;
use crate::data::Table;
use crate::data::batches::Batches;
use crate::data::reader::{TableReader, in_file};
use crate::error::{Error, Result};

/// A Parquet file as batches of rows: what is read at a time is one batch, and the columns asked
/// for.
///
/// A batch is a row group of the file, or a part of one that has more rows than a batch may have.
/// A part of a row group is found by unpacking what stands before it, so row groups of at most some
/// 100,000 rows are read best; [`ParquetSink`](super::ParquetSink) writes such a file.
///
/// Kinds follow from the types in the file and from the [`TableReader`]'s options, which are for
/// each batch what they are for a whole file, with one exception: identifiers are not looked for.
/// Roles are given by [`TableReader::with_role`] or by
/// [`BatchedTable::with_role`](crate::data::batches::BatchedTable::with_role).
///
/// ```
/// use stackfold::data::batches::{BatchedTable, TrainBatches};
/// use stackfold::data::polars::{ParquetBatches, ParquetSink, TableReader, write_parquet};
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::TargetEncoder;
/// let directory = std::env::temp_dir();
/// let path = directory.join("stackfold_batches.parquet");
/// let table = Table::new([
///     ("id", Column::integers(&[Some(7), Some(8), Some(300)])),
///     ("state", Column::categorical(["CA", "NJ", "CA"].map(Some))),
///     ("price", Column::numeric(vec![1.0, 2.0, 4.0])),
/// ])?;
/// write_parquet(&path, &table)?;
///
/// // Two rows at a time, and never more.
/// let source = ParquetBatches::new(&path).with_reader(TableReader::new().with_role("id", Role::Id));
/// let source = source.with_max_rows(2);
/// let batched = BatchedTable::new(&source)?.with_role("price", Role::Target)?;
/// let target = batched.values("price")?;
/// let encoder = TargetEncoder::new().fit_batches(TrainBatches::new(&batched, &target)?)?;
///
/// // Features go to a file in batches, too.
/// let out = directory.join("stackfold_batches_features.parquet");
/// let mut sink = ParquetSink::create(&out)?.with_columns(["id"]);
/// encoder.transform_batches(&source, &mut |batch, features| sink.write_features(batch, &features))?;
/// assert_eq!(sink.finish()?, 3);
/// let features = TableReader::new().read(&out)?;
/// assert_eq!(features.schema().names().collect::<Vec<_>>(), ["id", "state"]);
/// # std::fs::remove_file(&path).unwrap();
/// # std::fs::remove_file(&out).unwrap();
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ParquetBatches {
    path: PathBuf,
    reader: TableReader,
    max_rows: usize,
}

impl ParquetBatches {
    /// The rows of a file, 65,536 at most at a time, read as [`TableReader::new`] reads.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            reader: TableReader::new(),
            max_rows: 1 << 16,
        }
    }

    /// The same rows, read with these options.
    #[must_use]
    pub fn with_reader(self, reader: TableReader) -> Self {
        Self { reader, ..self }
    }

    /// The same rows, so many at most at a time, one at least.
    #[must_use]
    pub fn with_max_rows(self, max_rows: usize) -> Self {
        Self {
            max_rows: max_rows.max(1),
            ..self
        }
    }

    /// The first row and the number of rows of each batch.
    fn slices(&self, row_groups: &[usize]) -> Vec<(usize, usize)> {
        let mut slices = Vec::new();
        let mut start = 0;
        for &n_rows in row_groups {
            let end = start + n_rows;
            while start < end {
                let n = self.max_rows.min(end - start);
                slices.push((start, n));
                start += n;
            }
        }
        slices
    }
}

impl Batches for ParquetBatches {
    fn scan(
        &self,
        columns: Option<&[&str]>,
        visit: &mut dyn FnMut(Table) -> Result<()>,
    ) -> Result<()> {
        let failed = |e: Error| in_file(e, &self.path);
        let mut first = ParquetReader::new(open(&self.path)?);
        let metadata = first.get_metadata().map_err(|e| failed(backend(&e)))?;
        let metadata = std::sync::Arc::clone(metadata);
        let columns: Option<Vec<String>> =
            columns.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let mut row_groups = Vec::with_capacity(metadata.row_groups.len());
        for group in &metadata.row_groups {
            row_groups.push(group.num_rows());
        }
        for (number, slice) in self.slices(&row_groups).into_iter().enumerate() {
            // What a reader maps into memory is given back with it.
            let mut reader = ParquetReader::new(open(&self.path)?);
            reader.set_metadata(std::sync::Arc::clone(&metadata));
            let frame = reader
                .with_slice(Some(slice))
                .with_columns(columns.clone())
                .finish()
                .map_err(|e| failed(backend(&e)))?;
            let table = self.reader.part_of_frame(&frame);
            visit(table.map_err(|e| failed(e.in_batch(number)))?)?;
        }
        Ok(())
    }
}
