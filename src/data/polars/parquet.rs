//! Parquet files, read column by column and written row group by row group.
//!
//! A column is read by itself and made narrow at once, so that no frame of the file is made.

use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use polars_core::frame::chunk_df_for_writing;
use polars_core::prelude::{
    ArrayRef, ArrowField, ArrowSchema, CompatLevel, DataFrame, PolarsResult, SchemaExt,
};
use polars_parquet::read::{
    BasicDecompressor, FileMetadata, Filter, PageReader, RowGroupMetadata, column_iter_to_arrays,
    infer_schema, read_metadata,
};
use polars_parquet::write::{
    CompressionOptions, Encoding, FileWriter, StatisticsOptions, Version, WriteOptions,
    get_dtype_encoding, row_group_iter,
};

use super::backend;
use super::reader::open;
use crate::error::{Error, Result};

/// Most rows of a row group of a file that is written at once.
const GROUP_ROWS: usize = 1 << 18;

/// A file to read columns of.
pub(super) struct ParquetFile {
    path: PathBuf,
    metadata: FileMetadata,
    schema: ArrowSchema,
}

impl ParquetFile {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let metadata = read_metadata(&mut open(path)?).map_err(|e| backend(&e))?;
        let schema = infer_schema(&metadata).map_err(|e| backend(&e))?;
        Ok(Self {
            path: path.to_owned(),
            metadata,
            schema,
        })
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.schema.iter_names().map(ToString::to_string).collect()
    }

    pub(super) fn n_rows(&self) -> usize {
        self.metadata.num_rows
    }

    /// How many rows each row group has.
    pub(super) fn row_groups(&self) -> impl Iterator<Item = usize> {
        self.metadata
            .row_groups
            .iter()
            .map(RowGroupMetadata::num_rows)
    }

    /// The column at a place, with all its rows.
    pub(super) fn column(&self, place: usize) -> Result<(&ArrowField, Vec<ArrayRef>)> {
        let field = self.field(place)?;
        let mut arrays = Vec::new();
        for group in &self.metadata.row_groups {
            arrays.extend(self.arrays(field, group, None)?);
        }
        Ok((field, arrays))
    }

    /// Some rows of one row group, of the column at a place.
    pub(super) fn part(
        &self,
        place: usize,
        group: usize,
        rows: Range<usize>,
    ) -> Result<(&ArrowField, Vec<ArrayRef>)> {
        let field = self.field(place)?;
        let filter = Filter::new_ranged(rows.start, rows.end);
        let group = &self.metadata.row_groups[group];
        Ok((field, self.arrays(field, group, Some(filter))?))
    }

    fn field(&self, place: usize) -> Result<&ArrowField> {
        let found = self.schema.get_at_index(place);
        match found.map(|(_, field)| field) {
            Some(field) if !field.dtype().is_nested() => Ok(field),
            Some(field) => {
                let dtype = field.dtype();
                Err(Error::unsupported(format!("a column of type {dtype:?}")))
            }
            None => Err(Error::data("a column of the file", place)),
        }
    }

    fn arrays(
        &self,
        field: &ArrowField,
        group: &RowGroupMetadata,
        filter: Option<Filter>,
    ) -> Result<Vec<ArrayRef>> {
        let io = |e| Error::io(self.path.display(), &e).with_source(e);
        let mut file = open(&self.path)?;
        let n_bytes = file.metadata().map_err(io)?.len();
        let (mut pages, mut types) = (Vec::new(), Vec::new());
        for chunk in group
            .columns_under_root_iter(&field.name)
            .into_iter()
            .flatten()
        {
            let range = chunk.byte_range();
            let len = range.end.checked_sub(range.start);
            let Some(len) = len.filter(|_| range.end <= n_bytes) else {
                return Err(Error::data(
                    format!("a column within the {n_bytes} bytes of the file"),
                    format!("one that ends at byte {}", range.end),
                ));
            };
            let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
            file.seek(SeekFrom::Start(range.start)).map_err(io)?;
            let mut chunk_bytes = (&mut file).take(len);
            chunk_bytes.read_to_end(&mut bytes).map_err(io)?;
            let reader = PageReader::new(Cursor::new(bytes.into()), chunk, Vec::new(), usize::MAX);
            pages.push(BasicDecompressor::new(reader, Vec::new()));
            types.push(&chunk.descriptor().descriptor.primitive_type);
        }
        if pages.is_empty() {
            return Err(Error::data("a column in each row group", "none in one"));
        }
        column_iter_to_arrays(pages, types, field.clone(), filter)
            .map(|(arrays, _)| arrays)
            .map_err(|e| backend(&e))
    }
}

/// Writes frames of one schema to a file, a row group or more each.
pub(super) struct ParquetWriter<W: Write> {
    writer: FileWriter<W>,
    encodings: Vec<Vec<Encoding>>,
}

impl<W: Write> ParquetWriter<W> {
    /// A file of frames like this one.
    pub(super) fn new(writer: W, frame: &DataFrame) -> PolarsResult<Self> {
        let schema = frame.schema().to_arrow(CompatLevel::newest());
        let encodings = schema.iter_values();
        let encodings = encodings.map(|field| get_dtype_encoding(&field.dtype));
        let options = WriteOptions {
            statistics: StatisticsOptions::default(),
            version: Version::V1,
            compression: CompressionOptions::Snappy,
            data_page_size: None,
        };
        Ok(Self {
            encodings: encodings.collect(),
            writer: FileWriter::try_new(writer, schema, options)?,
        })
    }

    pub(super) fn write(&mut self, frame: &mut DataFrame) -> PolarsResult<()> {
        let frame = chunk_df_for_writing(frame, GROUP_ROWS)?;
        let options = self.writer.options();
        for batch in frame.iter_chunks(CompatLevel::newest(), false) {
            let n_rows = batch.len() as u64;
            let types = self.writer.parquet_schema().fields().to_vec();
            let columns = row_group_iter(batch, self.encodings.clone().into(), types, options);
            self.writer.write(n_rows, columns)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> PolarsResult<()> {
        self.writer.end(None).map(|_| ())
    }
}
