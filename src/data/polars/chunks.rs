//! Parquet and IPC files read some columns at a time, so that no frame of the whole file is made.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::{DataFrame, IpcReader, ParquetReader, SerReader};

use super::backend;
use super::reader::open;
use crate::error::Result;

/// Cells of a frame are of eight bytes or so; columns read at a time have as many as this.
const CELLS_AT_A_TIME: usize = 1 << 21;

/// A file whose columns can be read some at a time.
pub(super) struct ColumnFile {
    pub(super) names: Vec<String>,
    n_rows: usize,
    read: Box<dyn Fn(Vec<usize>) -> Result<DataFrame>>,
}

impl ColumnFile {
    pub(super) fn parquet(path: &Path) -> Result<Self> {
        let mut first = ParquetReader::new(open(path)?);
        let metadata = Arc::clone(first.get_metadata().map_err(|e| backend(&e))?);
        let schema = first.schema().map_err(|e| backend(&e))?;
        let path = path.to_owned();
        Ok(Self {
            names: schema.iter_names().map(ToString::to_string).collect(),
            n_rows: metadata.num_rows,
            read: Box::new(move |columns| {
                // What a reader maps into memory is given back with it.
                let mut reader = ParquetReader::new(open(&path)?);
                reader.set_metadata(Arc::clone(&metadata));
                let frame = reader.with_projection(Some(columns)).finish();
                frame.map_err(|e| backend(&e))
            }),
        })
    }

    pub(super) fn ipc(path: &Path) -> Result<Self> {
        let schema = IpcReader::new(open(path)?).schema();
        let schema = schema.map_err(|e| backend(&e))?;
        let count = IpcReader::new(open(path)?).with_projection(Some(Vec::new()));
        let path = path.to_owned();
        Ok(Self {
            names: schema.iter_names().map(ToString::to_string).collect(),
            n_rows: count.finish().map_err(|e| backend(&e))?.height(),
            read: Box::new(move |columns| {
                let reader = IpcReader::new(open(&path)?).with_projection(Some(columns));
                reader.finish().map_err(|e| backend(&e))
            }),
        })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns at some places, with all their rows.
    pub(super) fn read(&self, columns: Range<usize>) -> Result<DataFrame> {
        (self.read)(columns.collect())
    }

    /// Places of columns that are read together: one a thread at least.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Range<usize>> {
        let n = self.names.len();
        let at_a_time = CELLS_AT_A_TIME / self.n_rows.max(1);
        let at_a_time = at_a_time.max(rayon::current_num_threads());
        let starts = (0..n).step_by(at_a_time);
        starts.map(move |start| start..n.min(start + at_a_time))
    }
}
