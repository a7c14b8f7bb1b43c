//! What imputers and scalers share: [`Numbers`] of a table's column or of a feature, fitted column by
//! column, and written straight into the features that come out.

use std::sync::Arc;

use super::batches::in_order_of;
use super::placement::{Placement, moved};
use crate::data::{ColumnKind, Feature, Features, FitContext, InSample};
use crate::data::{Numbers, OutOfSample, Rows};
use crate::error::{Error, Result};
use crate::parallel;

/// Learns from one column.
pub(crate) trait FitColumn: Sync {
    /// What is learned.
    type Map: ColumnMap;

    /// Checks the options.
    fn check(&self) -> Result<()>;

    /// Learns; errors name the row, the caller adds the column.
    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<Self::Map>;
}

/// What was learned from one column: how to change its numbers.
pub(crate) trait ColumnMap: Send + Sync {
    /// Changes the cells; errors name the row, the caller adds the column.
    fn apply(&self, cells: Cells<'_>) -> Result<()>;

    /// How numbers that keep their scale become features.
    fn placement(&self) -> &Placement {
        &Placement::AsIs
    }
}

/// Cells of one column of features, to be changed where they lie or on the way in.
#[derive(Debug)]
pub(crate) enum Cells<'a> {
    /// Numbers, and where to write them.
    From(Numbers<'a>, &'a mut [f32]),
    /// Features to be changed in place.
    InPlace(&'a mut [f32]),
}

impl Cells<'_> {
    /// Changes each number by `f`, which sees NaN for a missing cell.
    #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
    pub(crate) fn map(self, f: impl Fn(f64) -> f64) {
        match self {
            Self::From(numbers, out) => numbers.write(out, f),
            Self::InPlace(values) => {
                for v in values {
                    *v = f(f64::from(*v)) as f32;
                }
            }
        }
    }

    /// The same for a costly `f`: integers of a small range are looked up in a table of results.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 0 to below n"
    )]
    pub(crate) fn map_costly(self, f: impl Fn(f64) -> f64) {
        if let Self::From(numbers, _) = &self
            && numbers.is_integer()
            && numbers.len() > 512
            && let Some((low, n)) = numbers.small_range()
            && n < numbers.len() / 2
        {
            let table: Vec<f64> = (0..n).map(|i| f(low + i as f64)).collect();
            return self.map(|v| {
                if v.is_nan() {
                    v
                } else {
                    table[(v - low) as usize]
                }
            });
        }
        self.map(f);
    }

    /// See [`Numbers::find`].
    pub(crate) fn find(&self, is_so: impl Fn(f64) -> bool) -> Option<(usize, f64)> {
        self.numbers().find(is_so)
    }

    /// How many cells.
    pub(crate) fn len(&self) -> usize {
        self.numbers().len()
    }

    fn numbers(&self) -> Numbers<'_> {
        match self {
            Self::From(numbers, _) => *numbers,
            Self::InPlace(values) => Numbers::of_feature(values),
        }
    }
}

/// A column that something was fitted on.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Input {
    name: String,
    kind: ColumnKind,
}

impl Input {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn kind(&self) -> ColumnKind {
        self.kind
    }
}

/// The columns to fit on, and their numbers.
///
/// # Errors
/// If a column is categorical.
pub(crate) fn numbers_to_fit(rows: Rows<'_>) -> Result<(Vec<Input>, Vec<Numbers<'_>>)> {
    let mut inputs = Vec::new();
    let mut numbers = Vec::new();
    for (field, column) in rows.features() {
        let of_column = Numbers::of_column(column, rows.index());
        numbers.push(of_column.map_err(|e| e.in_column(field.name()))?);
        inputs.push(Input {
            name: field.name().to_owned(),
            kind: column.kind(),
        });
    }
    Ok((inputs, numbers))
}

/// The features to fit on, and their numbers.
///
/// # Errors
/// If a value is infinite.
pub(crate) fn features_to_fit(
    features: &Features<InSample>,
) -> Result<(Vec<Input>, Vec<Numbers<'_>>)> {
    let columns = parallel::map(features.fields(), |j, field| {
        let numbers = Numbers::of_feature(features.column(j));
        if let Some((row, value)) = numbers.find(f64::is_infinite) {
            return Err(Error::not_finite(value).in_row(row).in_column(field.name()));
        }
        let input = Input {
            name: field.name().to_owned(),
            kind: ColumnKind::Numeric,
        };
        Ok((input, numbers))
    });
    columns.into_iter().collect()
}

/// The numbers of the columns that something was fitted on.
///
/// # Errors
/// If a column is absent, or of another kind; a boolean is as good as a number.
pub(crate) fn numbers_to_transform<'a>(
    inputs: &[Input],
    rows: Rows<'a>,
) -> Result<Vec<Numbers<'a>>> {
    let as_number = |kind| match kind {
        ColumnKind::Boolean => ColumnKind::Numeric,
        other => other,
    };
    let columns = rows.columns_in_order(inputs.iter().map(|input| input.name.as_str()));
    inputs
        .iter()
        .zip(columns)
        .map(|(input, (_, column))| {
            let column = column?;
            if as_number(column.kind()) != as_number(input.kind) {
                return Err(Error::wrong_kind(input.kind.to_string(), column.kind())
                    .in_column(input.name.as_str()));
            }
            Numbers::of_column(column, rows.index()).map_err(|e| e.in_column(input.name.as_str()))
        })
        .collect()
}

/// Checks that there is one weight a row.
pub(crate) fn check_weights(context: &FitContext<'_>, n_rows: usize) -> Result<()> {
    match context.weights() {
        Some(weights) if weights.len() != n_rows => Err(Error::data(
            format!("{n_rows} weights, one a row"),
            weights.len(),
        )),
        _ => Ok(()),
    }
}

/// One map a column.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Columnwise<M> {
    inputs: Vec<Input>,
    maps: Vec<M>,
    fields: Arc<[Feature]>,
}

impl<M: ColumnMap> Columnwise<M> {
    pub(crate) fn fit_rows(
        specification: &impl FitColumn<Map = M>,
        rows: Rows<'_>,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        specification.check()?;
        check_weights(context, rows.len())?;
        let (inputs, numbers) = numbers_to_fit(rows)?;
        Self::fit(specification, inputs, &numbers, context)
    }

    pub(crate) fn fit_features(
        specification: &impl FitColumn<Map = M>,
        features: &Features<InSample>,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        specification.check()?;
        check_weights(context, features.n_rows())?;
        let (inputs, numbers) = features_to_fit(features)?;
        Self::fit(specification, inputs, &numbers, context)
    }

    fn fit(
        specification: &impl FitColumn<Map = M>,
        inputs: Vec<Input>,
        numbers: &[Numbers<'_>],
        context: &FitContext<'_>,
    ) -> Result<Self> {
        let maps = parallel::map(inputs.iter().zip(numbers), |_, (input, &numbers)| {
            specification
                .fit_column(numbers, context)
                .map_err(|e| e.in_column(input.name.as_str()))
        });
        let maps = maps.into_iter().collect::<Result<_>>()?;
        let fields = inputs.iter().map(|i| Feature::number(&i.name)).collect();
        Ok(Self {
            inputs,
            maps,
            fields,
        })
    }

    /// One of parts that were fitted on some of the columns each.
    pub(crate) fn join(parts: impl Iterator<Item = Self>) -> Self {
        let (mut inputs, mut maps, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            inputs.extend(part.inputs);
            maps.extend(part.maps);
            fields.extend_from_slice(&part.fields);
        }
        Self {
            inputs,
            maps,
            fields: fields.into(),
        }
    }

    /// The same with the columns in the order of these features.
    pub(crate) fn in_order_of(self, fields: &[Feature]) -> Result<Self> {
        let columns = self.inputs.into_iter().zip(self.maps);
        let columns = columns.zip(self.fields.iter().cloned());
        let columns = columns.map(|column| (column.0.0.name.clone(), column));
        let parts = in_order_of(fields, columns)?;
        let (parts, fields): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let (inputs, maps) = parts.into_iter().unzip();
        Ok(Self {
            inputs,
            maps,
            fields: fields.into(),
        })
    }

    pub(crate) fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let numbers = numbers_to_transform(&self.inputs, rows)?;
        let n_rows = rows.len();
        let mut values = vec![0.0; n_rows * numbers.len()];
        let cells = values.chunks_mut(n_rows.max(1)).zip(numbers);
        let cells = cells.map(|(out, numbers)| Cells::From(numbers, out));
        self.change(n_rows, cells)?;
        Features::from_buffer(Arc::clone(&self.fields), n_rows, values)
    }

    pub(crate) fn apply(&self, features: Features<OutOfSample>) -> Result<Features<OutOfSample>> {
        features.check_fields(&self.fields)?;
        let n_rows = features.n_rows();
        let mut values = features.into_buffer();
        let cells = values.chunks_mut(n_rows.max(1));
        self.change(n_rows, cells.map(Cells::InPlace))?;
        Features::from_buffer(Arc::clone(&self.fields), n_rows, values)
    }

    fn change<'a>(&self, n_rows: usize, cells: impl Iterator<Item = Cells<'a>>) -> Result<()> {
        let columns = cells.zip(&self.maps).zip(&self.inputs);
        let results = parallel::map_small(n_rows, columns, |_, ((cells, map), input)| {
            map.apply(cells)
                .map_err(|e| e.in_column(input.name.as_str()))
        });
        results.into_iter().collect()
    }

    pub(crate) fn fields(&self) -> &[Feature] {
        &self.fields
    }

    /// See [`FittedTransformer::moved`](super::FittedTransformer::moved).
    pub(crate) fn moved(&self) -> Vec<(String, Placement)> {
        moved(&self.fields, self.maps.iter().map(M::placement))
    }

    /// What was learned, column by column.
    pub(crate) fn maps(&self) -> &[M] {
        &self.maps
    }
}

/// Makes a [`FitColumn`] a transformer; its fitted type is a newtype of a [`Columnwise`].
macro_rules! columnwise_transformer {
    ($specification:ty, $fitted:ident) => {
        impl $crate::transform::UnsupervisedTransformer for $specification {
            type Fitted = $fitted;

            fn fit_rows(
                &self,
                rows: $crate::data::Rows<'_>,
                context: &$crate::data::FitContext<'_>,
            ) -> $crate::error::Result<Self::Fitted> {
                Ok($fitted(
                    $crate::transform::columnwise::Columnwise::fit_rows(self, rows, context)?,
                ))
            }

            fn scope(&self) -> $crate::transform::Scope<'_> {
                $crate::transform::Scope::Columns
            }

            fn join(&self, parts: Vec<Self::Fitted>) -> $crate::error::Result<Self::Fitted> {
                let parts = parts.into_iter().map(|part| part.0);
                Ok($fitted($crate::transform::columnwise::Columnwise::join(
                    parts,
                )))
            }
        }

        impl $crate::transform::FittedTransformer for $fitted {
            fn transform(
                &self,
                rows: $crate::data::Rows<'_>,
            ) -> $crate::error::Result<$crate::data::Features<$crate::data::OutOfSample>> {
                self.0.transform(rows)
            }

            fn fields(&self) -> &[$crate::data::Feature] {
                self.0.fields()
            }

            fn moved(&self) -> Vec<(String, $crate::transform::Placement)> {
                self.0.moved()
            }
        }
    };
}
pub(crate) use columnwise_transformer;

/// Makes a [`FitColumn`] a step from features to features as well.
macro_rules! columnwise_step {
    ($specification:ty, $fitted:ident) => {
        impl $crate::transform::FeatureStep for $specification {
            type Fitted = $fitted;

            fn fit_features(
                &self,
                features: &$crate::data::Features<$crate::data::InSample>,
                context: &$crate::data::FitContext<'_>,
            ) -> $crate::error::Result<Self::Fitted> {
                Ok($fitted(
                    $crate::transform::columnwise::Columnwise::fit_features(
                        self, features, context,
                    )?,
                ))
            }

            fn scope(&self) -> $crate::transform::Scope<'_> {
                $crate::transform::Scope::Columns
            }

            fn join(
                &self,
                parts: Vec<Self::Fitted>,
                fields: &[$crate::data::Feature],
            ) -> $crate::error::Result<Self::Fitted> {
                let parts = parts.into_iter().map(|part| part.0);
                let all = $crate::transform::columnwise::Columnwise::join(parts);
                Ok($fitted(all.in_order_of(fields)?))
            }
        }

        impl $crate::transform::FittedFeatureStep for $fitted {
            fn transform_features(
                &self,
                features: $crate::data::Features<$crate::data::OutOfSample>,
            ) -> $crate::error::Result<$crate::data::Features<$crate::data::OutOfSample>> {
                self.0.apply(features)
            }

            fn fields(&self) -> &[$crate::data::Feature] {
                self.0.fields()
            }
        }
    };
}
pub(crate) use columnwise_step;
