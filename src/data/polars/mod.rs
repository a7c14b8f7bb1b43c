//! Tables from and to polars: frames, Parquet, IPC.
//!
//! [`TableReader`] makes tables; [`table_to_frame`], [`features_to_frame`] and [`write_parquet`]
//! give them back; [`ParquetBatches`] and [`ParquetSink`] do so batch by batch. Types of polars appear
//! nowhere else in the crate; frames are those of polars 0.55.
//!
//! ```
//! use stackfold::data::polars::write_parquet;
//! use stackfold::data::{Column, ColumnKind, Table, TableReader};
//! let table = Table::new([
//!     ("price", Column::numeric(vec![1.5, f64::NAN])),
//!     ("state", Column::categorical(["CA", "NJ"].map(Some))),
//! ])?;
//! let path = std::env::temp_dir().join("stackfold_polars.parquet");
//! write_parquet(&path, &table)?;
//! let again = TableReader::new().read(&path)?;
//! assert_eq!(again.column("price")?.n_missing(), 1);
//! assert_eq!(again.column("state")?.kind(), ColumnKind::Categorical);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), stackfold::Error>(())
//! ```

mod frame;
mod ipc;
mod narrow;
mod parquet;
mod reader;
mod scan;
mod sink;
mod write;

pub use crate::data::{Columns, Identifiers, TableReader, write_csv};
pub use frame::{features_to_frame, table_to_frame};
pub use scan::ParquetBatches;
pub use sink::ParquetSink;
pub use write::{write_frame_csv, write_parquet};

use crate::error::Error;

fn backend(cause: &polars_core::error::PolarsError) -> Error {
    Error::backend("polars", cause)
}
