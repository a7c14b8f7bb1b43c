//! Parquet files read in batches of rows.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::frame::column_of_arrays;
use super::parquet::ParquetFile;
use crate::data::Table;
use crate::data::batches::Batches;
use crate::data::reader::{TableReader, in_file};
use crate::error::{Error, ErrorKind, Result};

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

    /// The row group of each batch, and which of its rows.
    fn slices(&self, row_groups: impl Iterator<Item = usize>) -> Vec<(usize, Range<usize>)> {
        let slices = row_groups.enumerate().flat_map(|(group, n_rows)| {
            let starts = (0..n_rows).step_by(self.max_rows);
            starts.map(move |start| (group, start..n_rows.min(start + self.max_rows)))
        });
        slices.collect()
    }
}

impl Batches for ParquetBatches {
    fn scan(
        &self,
        columns: Option<&[&str]>,
        visit: &mut dyn FnMut(Table) -> Result<()>,
    ) -> Result<()> {
        let failed = |e: Error| in_file(e, &self.path);
        let file = ParquetFile::open(&self.path).map_err(failed)?;
        let available = file.names();
        let (names, places) = match columns {
            None => (available.clone(), (0..available.len()).collect()),
            Some(columns) => {
                let place = |name: &&str| available.iter().position(|n| n == name);
                let missing = |name: &str| {
                    let available = available.clone();
                    failed(Error::new(ErrorKind::MissingColumn { available }).in_column(name))
                };
                let places = columns
                    .iter()
                    .map(|name| place(name).ok_or_else(|| missing(name)));
                let names = columns.iter().map(|&name| name.to_owned()).collect();
                (names, places.collect::<Result<Vec<_>>>()?)
            }
        };
        for (number, (group, of_group)) in self.slices(file.row_groups()).into_iter().enumerate() {
            let table = self.reader.part(&names, |i, rules| {
                let (field, arrays) = file.part(places[i], group, of_group.clone())?;
                column_of_arrays(field, arrays, rules)
            });
            visit(table.map_err(|e| failed(e.in_batch(number)))?)?;
        }
        Ok(())
    }
}
