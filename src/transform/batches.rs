//! Fitting on rows that come in batches: some columns at a time, and the parts joined.

use std::collections::HashMap;

use super::{FittedTransformer, Transformer, UnsupervisedTransformer};
use crate::data::batches::{BatchedTable, Batches, TrainBatches, for_each_batch};
use crate::data::{Feature, Features, FitContext, OutOfSample, Role, Table, Target, Train};
use crate::error::{Error, Result};

/// What has to lie in memory at a time for a transformer to be fitted.
///
/// A transformer that says [`Scope::Columns`] is fitted on some of its columns, then on others,
/// and its `join` makes one fitted transformer of the parts: the one that fitting on all columns
/// at once gives, to the last bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope<'a> {
    /// All its columns.
    Table,
    /// One column at least: what is learned from a column has to do with no other, weight, group,
    /// time and target aside.
    Columns,
    /// One column at least, and the column of this name with each.
    ColumnsBeside(&'a str),
}

impl<'a> Scope<'a> {
    fn beside(self) -> Option<&'a str> {
        match self {
            Self::ColumnsBeside(name) => Some(name),
            Self::Table | Self::Columns => None,
        }
    }
}

/// See [`Transformer::fit_batches`].
pub(super) fn fit<Y: Target, T: Transformer<Y>>(
    transformer: &T,
    train: TrainBatches<'_, Y>,
) -> Result<T::Fitted> {
    let mut parts = Vec::new();
    Y::for_each_group(train, transformer.scope(), &mut |train| {
        parts.push(transformer.fit_part(train)?);
        Ok(())
    })?;
    transformer.join(parts, train.target())
}

/// Hands the rows with each group of columns that fit into memory together to `f`.
pub(crate) fn for_each_group<Y: Target>(
    train: TrainBatches<'_, Y>,
    scope: Scope<'_>,
    f: &mut dyn FnMut(Train<'_, Y>) -> Result<()>,
) -> Result<()> {
    for group in groups(train.table(), &train.positions(), scope)? {
        train.with_columns(&group, scope.beside(), &mut *f)?;
    }
    Ok(())
}

/// See [`UnsupervisedTransformer::fit_batched_rows`].
pub(super) fn fit_rows<T: UnsupervisedTransformer + ?Sized>(
    transformer: &T,
    table: &BatchedTable<'_>,
    context: &FitContext<'_>,
) -> Result<T::Fitted> {
    let scope = transformer.scope();
    let fields = table.schema().fields();
    let is_feature = |&i: &usize| fields[i].role() == Role::Feature;
    let positions: Vec<usize> = (0..fields.len()).filter(is_feature).collect();
    let parts = groups(table, &positions, scope)?
        .iter()
        .map(|group| {
            let (table, chosen) = table.load(group, scope.beside(), None)?;
            transformer.fit_rows(table.rows().select(&chosen), context)
        })
        .collect::<Result<Vec<_>>>()?;
    transformer.join(parts)
}

/// The columns to be brought together at a time.
pub(super) fn groups(
    table: &BatchedTable<'_>,
    positions: &[usize],
    scope: Scope<'_>,
) -> Result<Vec<Vec<usize>>> {
    let fields = table.schema().fields();
    let besides = (0..fields.len()).filter(|&i| {
        matches!(fields[i].role(), Role::Weight | Role::Group | Role::Time)
            || scope.beside() == Some(fields[i].name())
    });
    let width = besides.map(|i| table.width(i) + 8).sum();
    let groups = table.groups(positions, width)?;
    if scope == Scope::Table && groups.len() > 1 {
        return Err(Error::unsupported(format!(
            "fitting on {} columns at once, as this transformer asks for, under the memory limit",
            positions.len()
        )));
    }
    Ok(groups)
}

/// The part of a transformer that is fitted on all its columns at once.
pub(super) fn only<F>(mut parts: Vec<F>) -> Result<F> {
    match parts.pop() {
        Some(part) if parts.is_empty() => Ok(part),
        _ => Err(Error::unsupported("joining parts of this transformer")),
    }
}

/// What was learned of each feature by name, in the order of `fields`.
pub(crate) fn in_order_of<T>(
    fields: &[Feature],
    parts: impl Iterator<Item = (String, T)>,
) -> Result<Vec<T>> {
    let mut by_name: HashMap<String, T> = parts.collect();
    let take = |field: &Feature| {
        by_name.remove(field.name()).ok_or_else(|| {
            let what = "features whose names change when columns are fitted together";
            Error::unsupported(what).in_column(field.name())
        })
    };
    fields.iter().map(take).collect()
}

/// See [`FittedTransformer::transform_batches`].
pub(super) fn transform<T: FittedTransformer + ?Sized>(
    fitted: &T,
    batches: &dyn Batches,
    sink: &mut dyn FnMut(&Table, Features<OutOfSample>) -> Result<()>,
) -> Result<()> {
    for_each_batch(batches, None, &mut |_, batch| {
        let features = fitted.transform(batch.rows())?;
        sink(&batch, features)
    })
}
