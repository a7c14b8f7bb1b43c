//! Tables from and to polars: frames, CSV, Parquet, IPC.
//!
//! [`TableReader`] makes tables; [`table_to_frame`], [`features_to_frame`], [`write_csv`] and
//! [`write_parquet`] give them back; [`ParquetBatches`] and [`ParquetSink`] do so batch by batch.
//! Types of polars appear nowhere else in the crate; frames are those of polars 0.55.
//!
//! ```
//! use stackfold::data::polars::{Columns, TableReader};
//! use stackfold::data::{ColumnKind, Role};
//! let path = std::env::temp_dir().join("stackfold_reader.csv");
//! std::fs::write(&path, "id,price,zip\n1,\"1,113\",01234\n2,-1,00501\n").unwrap();
//! let reader = TableReader::new()
//!     .with_role("id", Role::Id)
//!     .with_sentinels(Columns::prefix("pri"), ["-1"]);
//! let (table, summary) = reader.read_with_summary(&path)?;
//! assert_eq!(table.column("price")?.text(0).as_deref(), Some("1113"));
//! assert_eq!(table.column("zip")?.kind(), ColumnKind::Categorical);
//! assert_eq!(summary.column("price").unwrap().missing().total(), 1);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), stackfold::Error>(())
//! ```

mod csv;
mod frame;
mod ipc;
mod narrow;
mod parquet;
mod reader;
mod scan;
mod sink;
mod write;

pub use frame::{features_to_frame, table_to_frame};
pub use reader::{Columns, Identifiers, TableReader};
pub use scan::ParquetBatches;
pub use sink::ParquetSink;
pub use write::{write_csv, write_frame_csv, write_parquet};

use crate::error::Error;

fn backend(cause: &polars_core::error::PolarsError) -> Error {
    Error::backend("polars", cause)
}
