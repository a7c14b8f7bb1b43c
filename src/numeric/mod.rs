//! What several rooms compute of plain numbers.
//!
//! The ground room: numbers and slices come in, numbers and slices go out. Nothing here knows a table,
//! a feature or a model.

pub(crate) mod choose;
pub(crate) mod links;
