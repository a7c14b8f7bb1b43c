//! Tables that come in batches of rows, and may be larger than memory.
//!
//! A source of [`Batches`] can be gone through more than once. A [`BatchedTable`] goes through it
//! to learn what its columns are, and can then bring chosen columns together in memory
//! ([`BatchedTable::gather`]): as kinds, levels, codes and types of numbers are those of all
//! batches, the columns are the ones that a table of all rows would have. With a target beside it
//! ([`TrainBatches`]) transformers are fitted on it
//! ([`Transformer::fit_batches`](crate::transform::Transformer::fit_batches)).
//!
//! ```
//! use stackfold::data::batches::{BatchedTable, TrainBatches, from_fn};
//! use stackfold::prelude::*;
//! use stackfold::transform::encode::TargetEncoder;
//! // Any iterator of tables will do, if it can be made again and again.
//! let source = from_fn(|| {
//!     [(["CA", "TX"], [1.0, 0.0]), (["NJ", "CA"], [0.0, 1.0])].into_iter().map(|(state, bought)| {
//!         Table::new([
//!             ("state", Column::categorical(state.map(Some))),
//!             ("bought", Column::numeric(bought)),
//!         ])
//!     })
//! });
//! let table = BatchedTable::new(&source)?.with_role("bought", Role::Target)?;
//! assert_eq!(table.n_rows(), 4);
//! let target = table.labels("bought")?;
//! let encoder = TargetEncoder::new().fit_batches(TrainBatches::new(&table, &target)?)?;
//!
//! // Features come batch by batch, too.
//! let mut means = Vec::new();
//! encoder.transform_batches(&source, &mut |_, features| {
//!     means.extend_from_slice(features.column(0));
//!     Ok(())
//! })?;
//! assert_eq!(means, [1.0, 0.0, 0.0, 1.0]);
//! # Ok::<(), stackfold::Error>(())
//! ```

mod batched;
mod gather;
mod source;
mod survey;
mod train;

pub use batched::BatchedTable;
pub use source::{Batches, FromFn, TableBatches, for_each_batch, from_fn};
pub use train::TrainBatches;
