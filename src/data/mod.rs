//! What comes in and what models see: tables, targets, rows, features.
//!
//! A [`Table`] holds typed columns; a [`Labels`] or [`Values`] holds the target beside it. From
//! both, [`Train`] makes the rows that something may be fitted on; [`Rows`] are rows to transform
//! or to predict, with no target within reach. Transformers turn either into [`Features`], whose
//! type says whether they may be used to fit a model: [`InSample`] or [`OutOfSample`].

pub(crate) mod calendar;
mod cell;
mod column;
mod csv;
mod errors;
mod features;
mod grow;
mod interner;
mod names;
mod note;
mod numbers;
mod reader;
mod rows;
mod sample;
mod schema;
mod table;
mod take;
mod target;

pub mod batches;
pub mod coverage;
pub mod parse;
pub mod summary;

#[cfg(feature = "polars")]
pub mod polars;

pub use cell::Cell;
pub use column::{Column, ColumnKind, Levels, MISSING_CODE};
pub(crate) use column::{ColumnData, Number, for_each_numbers};
pub use csv::{write_csv, write_features_csv};
pub use features::{Feature, FeatureKind, Features, InSample, OutOfSample, Provenance};
pub(crate) use names::UniqueNames;
pub use note::Note;
pub(crate) use numbers::Numbers;
pub use reader::{Columns, Identifiers, TableReader};
pub use rows::{FitContext, RowIndex, Rows, Train};
pub(crate) use rows::{TableRows, weighty};
pub use sample::Sample;
pub use schema::{Field, Role, Schema};
pub use table::Table;
pub(crate) use target::{DynTarget, check_prediction};
pub use target::{Labels, Prediction, Probabilities, Target, Values};
