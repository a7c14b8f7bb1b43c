//! What several rooms compute: links and losses, moments, quantiles, the normal distribution, small
//! linear algebra, passes over ordered rows, k of n.
//!
//! The ground room: numbers and slices come in, numbers and slices go out. Nothing here knows a table,
//! a feature or a model.

pub(crate) mod choose;
pub(crate) mod linalg;
pub(crate) mod links;
pub(crate) mod moments;
pub(crate) mod normal;
pub(crate) mod ordered;
pub(crate) mod products;
pub(crate) mod quantile;
pub(crate) mod sums;
