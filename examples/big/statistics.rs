//! What is learned of every column, batch by batch and in memory: the same bits.

use std::path::Path;

use stackfold::data::batches::{BatchedTable, TableBatches, TrainBatches};
use stackfold::data::polars::ParquetBatches;
use stackfold::prelude::*;
use stackfold::transform::encode::{LeaveOneOutEncoder, TargetEncoder};
use stackfold::transform::impute::Imputer;
use stackfold::transform::scale::{QuantileScaler, RobustScaler, StandardScaler};
use stackfold::transform::{ColumnTransformer, FittedColumnTransformer, Selector, Transformer};

use crate::wide::TARGET;

/// Medians, means, variances, quartiles and 1,000 quantiles of numbers; means of the target for
/// levels.
fn transformer() -> ColumnTransformer<Labels> {
    let numbers = || Selector::kind(ColumnKind::Numeric);
    let categories = || Selector::kind(ColumnKind::Categorical);
    ColumnTransformer::new()
        .with(
            "standard",
            numbers(),
            Imputer::median().then(StandardScaler::new()),
        )
        .with("robust", numbers(), RobustScaler::new())
        .with("quantiles", numbers(), QuantileScaler::new())
        .with("target", categories(), TargetEncoder::new())
        .with("leave-one-out", categories(), LeaveOneOutEncoder::new())
}

/// From the file, so many rows at a time; fits hold no more than `limit` bytes.
pub(crate) fn from_batches(
    path: &Path,
    n_rows: usize,
    limit: u64,
) -> Result<FittedColumnTransformer> {
    let source = ParquetBatches::new(path).with_max_rows(n_rows);
    let table = BatchedTable::new(&source)?
        .with_role(TARGET, Role::Target)?
        .with_memory_limit(Some(limit));
    let target = table.labels(TARGET)?;
    transformer().fit_batches(TrainBatches::new(&table, &target)?)
}

/// From the table in memory.
pub(crate) fn in_memory(table: &Table, target: &Labels) -> Result<FittedColumnTransformer> {
    transformer().fit_part(Train::new(table, target)?)
}

/// How many features of the table are the same to the bit by both, of how many.
pub(crate) fn compare(
    fitted: [&FittedColumnTransformer; 2],
    table: &Table,
    n_rows: usize,
) -> Result<(usize, usize)> {
    let (mut n_same, mut n) = (0, 0);
    let [one, other] = fitted;
    one.transform_batches(&TableBatches::new(table, n_rows), &mut |batch, features| {
        let others = other.transform(batch.rows())?;
        let pairs = features.as_slice().iter().zip(others.as_slice());
        n_same += pairs.filter(|(a, b)| a.to_bits() == b.to_bits()).count();
        n += others.as_slice().len();
        Ok(())
    })?;
    Ok((n_same, n))
}
