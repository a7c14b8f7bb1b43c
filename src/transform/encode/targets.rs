//! What every encoder that looks at the target needs from the training rows, gathered once.

use std::sync::Arc;

use super::cells::{Cells, feature_cells};
use super::crossing::Classes;
use super::lookup::{Lookup, LookupColumn, LookupOutput, Otherwise};
use super::names::output_fields;
use crate::data::{DynTarget, Feature, RowIndex, Train, weighty};
use crate::error::Result;
use crate::numeric::moments::SumMoments;
use crate::numeric::quantile::origin_of_means;

/// Makes a transformer of an encoder that is fitted on targets of any type by `fit_transform_any` and
/// `fit_part_any`, and whose fitted parts join.
macro_rules! transformer_of_target {
    ($encoder:ty, $fitted:ty) => {
        impl $crate::transform::Chain for $encoder {}

        impl<Y: $crate::data::Target> $crate::transform::Transformer<Y> for $encoder {
            type Fitted = $fitted;

            fn fit_transform(
                &self,
                train: Train<'_, Y>,
            ) -> Result<(Self::Fitted, Features<InSample>)> {
                self.fit_transform_any(train.as_dyn())
            }

            fn fit_part(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
                self.fit_part_any(train.as_dyn())
            }

            fn scope(&self) -> Scope<'_> {
                Scope::Columns
            }

            fn join(&self, parts: Vec<Self::Fitted>, target: &Y) -> Result<Self::Fitted> {
                Ok(<$fitted>::join(parts, target.as_dyn()))
            }
        }
    };
}
pub(super) use transformer_of_target;

/// What a missing cell is to an encoder that looks at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum MissingLevel {
    /// A level like any other: that a cell is missing may say something about the target.
    AsLevel,
    /// Nothing: the row gets the prior.
    Prior,
}

/// The columns, targets and weights of training rows.
#[derive(Debug)]
pub(super) struct TrainingColumns<'a> {
    pub(super) cells: Vec<Cells<'a>>,
    pub(super) rows: RowIndex<'a>,
    /// One vector an output, less the origin.
    pub(super) outputs: Vec<Vec<f64>>,
    /// See [`origin`].
    origin: f64,
    /// Of each output, if it has few values and rows have no weights.
    pub(super) classes: Vec<Option<Classes>>,
    /// Empty if all are one.
    pub(super) weights: Vec<f64>,
    pub(super) fields: Arc<[Feature]>,
}

impl<'a> TrainingColumns<'a> {
    pub(super) fn new(train: Train<'a, dyn DynTarget>) -> Result<Self> {
        let cells = feature_cells(train.rows())?;
        let target = train.table_target();
        let rows = train.rows().index();
        let mut outputs: Vec<Vec<f64>> = (0..target.n_outputs())
            .map(|output| target.output(output, rows))
            .collect();
        let origin = outputs.first().map_or(0.0, |values| origin(train, values));
        if origin != 0.0 {
            for y in outputs.iter_mut().flatten() {
                *y -= origin;
            }
        }
        let unweighted = train.weights().is_none();
        let classes = |output: &Vec<f64>| unweighted.then(|| Classes::of(output)).flatten();
        Ok(Self {
            rows,
            classes: outputs.iter().map(classes).collect(),
            outputs,
            origin,
            weights: train
                .weights()
                .map(std::borrow::Cow::into_owned)
                .unwrap_or_default(),
            fields: output_fields(cells.iter().map(|c| c.name), target).into(),
            cells,
        })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// The weight of each row, if there are any.
    pub(super) fn weights(&self) -> Option<&[f64]> {
        (!self.weights.is_empty()).then_some(&self.weights)
    }

    /// How many features each column gives.
    pub(super) fn widths(&self) -> Vec<usize> {
        vec![self.outputs.len(); self.cells.len()]
    }

    /// The moments of all rows, for each output.
    pub(super) fn totals(&self) -> Vec<SumMoments> {
        let all = std::iter::repeat_n(0, self.n_rows());
        self.outputs
            .iter()
            .map(|target| SumMoments::of_cells(1, all.clone(), target, &self.weights, true)[0])
            .collect()
    }

    pub(super) fn lookup(&self, columns: Vec<LookupColumn>) -> Lookup {
        Lookup::new(columns, Arc::clone(&self.fields)).less(self.origin)
    }

    /// The numbers for new rows of a column: `values` has, for each output, one number a level
    /// and, last, one for missing cells.
    pub(super) fn lookup_column(
        &self,
        column: usize,
        values: Vec<Vec<f64>>,
        priors: &[f64],
    ) -> LookupColumn {
        let cells = &self.cells[column];
        let outputs = values.into_iter().zip(priors).map(|(mut values, &prior)| {
            let missing = values.pop().unwrap_or(f64::NAN);
            LookupOutput {
                values: values.into_iter().map(to_feature).collect(),
                unseen: otherwise(prior),
                missing: otherwise(missing),
            }
        });
        LookupColumn {
            name: cells.name.to_owned(),
            levels: cells.levels(),
            known: vec![true; cells.n_levels()],
            outputs: outputs.collect(),
        }
    }
}

/// What is taken off the values of a regression's target before they are encoded: 0, unless `f32`
/// would not tell the means of levels apart.
pub(super) fn origin(train: Train<'_, dyn DynTarget>, values: &[f64]) -> f64 {
    if !train.table_target().class_names().is_empty() {
        return 0.0;
    }
    train
        .target_origin()
        .unwrap_or_else(|| origin_of_means(values, weighty(train.weights().as_deref()).as_deref()))
}

fn otherwise(value: f64) -> Otherwise {
    if value.is_nan() {
        Otherwise::Nan
    } else {
        Otherwise::Value(to_feature(value))
    }
}

/// A statistic as a feature.
#[allow(clippy::cast_possible_truncation, reason = "features are f32")]
pub(super) fn to_feature(value: f64) -> f32 {
    value as f32
}
