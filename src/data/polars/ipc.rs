//! IPC files, read some columns at a time.

use std::ops::Range;
use std::path::{Path, PathBuf};

use polars_arrow::io::ipc::read::{FileMetadata, FileReader, get_row_count, read_file_metadata};
use polars_core::prelude::{ArrayRef, ArrowField};

use super::backend;
use super::reader::open;
use crate::error::{Error, Result};

/// Cells of arrays are of eight bytes or so; columns read at a time have as many as this.
const CELLS_AT_A_TIME: usize = 1 << 20;

/// A file to read columns of.
pub(super) struct IpcFile {
    path: PathBuf,
    metadata: FileMetadata,
    n_rows: usize,
}

impl IpcFile {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut file = open(path)?;
        let n_rows = get_row_count(&mut file).map_err(|e| backend(&e))?;
        Ok(Self {
            path: path.to_owned(),
            metadata: read_file_metadata(&mut open(path)?).map_err(|e| backend(&e))?,
            n_rows: usize::try_from(n_rows).unwrap_or(0),
        })
    }

    pub(super) fn names(&self) -> Vec<String> {
        let names = self.metadata.schema.iter_names();
        names.map(ToString::to_string).collect()
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Places of columns that are read together: one a thread at least.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Range<usize>> + Send + use<> {
        let n = self.metadata.schema.len();
        let at_a_time = CELLS_AT_A_TIME / self.n_rows.max(1);
        let at_a_time = at_a_time.max(rayon::current_num_threads());
        let starts = (0..n).step_by(at_a_time);
        starts.map(move |start| start..n.min(start + at_a_time))
    }

    /// The columns at some places, with all their rows.
    pub(super) fn columns(
        &self,
        places: Range<usize>,
    ) -> Result<Vec<(&ArrowField, Vec<ArrayRef>)>> {
        let fields = places.clone().map(|place| {
            let found = self.metadata.schema.get_at_index(place);
            match found.map(|(_, field)| field) {
                Some(field) if !field.dtype().is_nested() => Ok(field),
                Some(field) => {
                    let dtype = field.dtype();
                    let error = Error::unsupported(format!("a column of type {dtype:?}"));
                    Err(error.in_column(field.name.as_str()))
                }
                None => Err(Error::data("a column of the file", place)),
            }
        });
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let file = open(&self.path)?;
        let batches = FileReader::new(file, self.metadata.clone(), Some(places.collect()), None);
        let mut arrays: Vec<Vec<ArrayRef>> = vec![Vec::new(); fields.len()];
        for batch in batches {
            let batch = batch.map_err(|e| backend(&e))?.into_arrays();
            for (arrays, array) in arrays.iter_mut().zip(batch) {
                arrays.push(array);
            }
        }
        Ok(fields.into_iter().zip(arrays).collect())
    }
}
