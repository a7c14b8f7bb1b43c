//! Cross-validation: how well a learner predicts rows that it was not fitted on.
//!
//! [`cross_validate`] fits a learner once for each split of a plan, encoders and all, and scores it
//! on the rows that the split held out. [`cross_val_predict`] gives the predictions alone.
//!
//! # Which score
//!
//! * **Per fold**: each fit is scored on its own validation rows. The mean over folds estimates the
//!   score of *one* fit on that many rows; its spread shows how much a fit varies, and is no standard
//!   error of the mean, since fits share rows (Bengio and Grandvalet 2004).
//! * **Pooled**: the predictions of all folds are put together and scored once, over all rows. It
//!   uses each row once and is the steadier number for small folds and rare classes, and it alone
//!   has an interval. For metrics that are means over rows (log loss, accuracy, mean absolute
//!   error) and folds of one size, the two agree. For metrics that compare rows with one another
//!   (AUC, average precision), pooling compares rows that different fits predicted: it also asks
//!   whether the fits agree on their level, as a stack that learns from these predictions does, and
//!   is a little lower when they do not.
//!
//! Which splitter to choose is said in [`folds`](crate::folds).

mod cross_validate;
mod report;

pub use cross_validate::{CrossValidator, cross_val_predict, cross_validate};
pub use report::{CrossValidation, FoldReport, MetricScores, OutOfFold};
