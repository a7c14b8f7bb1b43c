//! Imputation of missing values.

use std::sync::Arc;

use super::batches::in_order_of;
use super::columnwise::{Cells, Input, check_weights};
use super::columnwise::{features_to_fit, numbers_to_fit, numbers_to_transform};
use super::placement::{Placement, moved};
use super::{FeatureStep, FittedFeatureStep, FittedTransformer, Scope, UnsupervisedTransformer};
use crate::data::{ColumnKind, Feature, FeatureKind, Features, FitContext, InSample, Levels};
use crate::data::{MISSING_CODE, OutOfSample, RowIndex, Rows};
use crate::data::{Numbers, UniqueNames};
use crate::error::{Error, Result};
use crate::options::options;
use crate::parallel;

/// What a missing cell is filled with.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Fill {
    /// The mean of the column's values, weighted if there are weights.
    Mean,
    /// The median: the mean of the two middle values where their number is even. With weights, the
    /// smallest value at which the cumulative weight is above half the sum of weights, averaged
    /// with the value before if that one just reaches the half.
    Median,
    /// The value that occurs most often, or has the largest sum of weights; the smallest of
    /// several.
    MostFrequent,
    /// This value.
    Constant(f64),
}

/// Which columns get a further one that says where cells were missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Indicators {
    /// None.
    #[default]
    None,
    /// Those with a missing cell among the training rows (of weight above 0).
    IfMissing,
    /// All.
    All,
}

/// Fills missing cells with the mean, the median, the most frequent value or a constant.
///
/// `(n_rows, k)` numeric, boolean, date or datetime columns give `(n_rows, k)` features of the
/// same names, and then, by [`Imputer::with_indicators`], one of 0 and 1 named `{column}_missing`
/// for each column chosen (`_2`, `_3` … behind it where a feature has that name). A categorical
/// column is an error that names it. What is learned comes from the training rows of weight above
/// 0; new rows get the same fill, also in columns that had no missing cell in training. Features of
/// a column whose values `f32` would not tell apart (Unix seconds, say) are centred, fills with
/// them; see [`Placement`].
///
/// A column that is all missing in training keeps its place: it is filled with 0
/// ([`Imputer::with_all_missing`]; the constant under [`Fill::Constant`]) and
/// [`FittedImputer::all_missing`] names it.
///
/// [`Imputer::by_group`] learns within each level of a categorical column. As a step behind another
/// transformer an imputer cannot do this, for features have no such column. There it fills
/// features that are codes with the most frequent code, whatever is chosen for numbers.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::impute::{Imputer, Indicators};
/// let nan = f64::NAN;
/// let table = Table::new([
///     ("a", Column::numeric(vec![1.0, nan, 2.0, 7.0])),
///     ("b", Column::numeric(vec![5.0, 6.0, 7.0, 8.0])),
/// ])?;
/// let imputer = Imputer::median().with_indicators(Indicators::IfMissing);
/// let fitted = imputer.fit_rows(table.rows(), &FitContext::default())?;
/// let features = fitted.transform(table.rows())?;
/// assert_eq!(features.names().collect::<Vec<_>>(), ["a", "b", "a_missing"]);
/// assert_eq!(features.column(0), [1.0, 2.0, 2.0, 7.0]);
/// assert_eq!(features.column(2), [0.0, 1.0, 0.0, 0.0]);
/// assert_eq!(fitted.fills(), [2.0, 6.5]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imputer {
    fill: Fill,
    #[serde(default)]
    indicators: Indicators,
    #[serde(default)]
    all_missing: f64,
    #[serde(default)]
    group: Option<String>,
}

impl Imputer {
    /// An imputer without indicators and without groups.
    #[must_use]
    pub fn new(fill: Fill) -> Self {
        Self {
            fill,
            indicators: Indicators::None,
            all_missing: 0.0,
            group: None,
        }
    }

    /// Fills with the mean.
    #[must_use]
    pub fn mean() -> Self {
        Self::new(Fill::Mean)
    }

    /// Fills with the median.
    #[must_use]
    pub fn median() -> Self {
        Self::new(Fill::Median)
    }

    /// Fills with the most frequent value.
    #[must_use]
    pub fn most_frequent() -> Self {
        Self::new(Fill::MostFrequent)
    }

    /// Fills with a constant.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self::new(Fill::Constant(value))
    }

    options! {
        /// Which columns get an indicator.
        with_indicators(indicators: Indicators);
    }

    /// What a column is filled with that has no value in training, unless a constant is chosen.
    #[must_use]
    pub fn with_all_missing(self, value: f64) -> Self {
        Self {
            all_missing: value,
            ..self
        }
    }

    /// Learns within each level of this categorical column, which need not be one of those to
    /// impute. Cells whose level is missing, unseen, or without a value get what the whole column
    /// gives.
    ///
    /// ```
    /// use stackfold::prelude::*;
    /// use stackfold::transform::UnsupervisedTransformer;
    /// use stackfold::transform::impute::Imputer;
    /// let table = Table::new([
    ///     ("state", Column::categorical([Some("CA"), Some("CA"), Some("NY"), Some("NY")])),
    ///     ("price", Column::numeric(vec![1.0, f64::NAN, 9.0, f64::NAN])),
    /// ])?
    /// .with_role("state", Role::Ignored)?;
    /// let fitted = Imputer::mean().by_group("state").fit_rows(table.rows(), &FitContext::default())?;
    /// assert_eq!(fitted.transform(table.rows())?.column(0), [1.0, 1.0, 9.0, 9.0]);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn by_group(self, column: impl Into<String>) -> Self {
        Self {
            group: Some(column.into()),
            ..self
        }
    }

    fn check(&self) -> Result<()> {
        if let Fill::Constant(value) = self.fill
            && !value.is_finite()
        {
            return Err(Error::parameter("constant", "finite", value));
        }
        if !self.all_missing.is_finite() {
            return Err(Error::parameter("all_missing", "finite", self.all_missing));
        }
        Ok(())
    }

    fn fit(
        &self,
        inputs: Vec<Input>,
        numbers: &[Numbers<'_>],
        kinds: &[FeatureKind],
        groups: Option<Groups<'_>>,
        context: &FitContext<'_>,
    ) -> FittedImputer {
        let columns = parallel::map(numbers.iter().zip(kinds), |_, (&numbers, kind)| {
            let fill = match kind {
                FeatureKind::Code { .. } => Fill::MostFrequent,
                FeatureKind::Number => self.fill,
            };
            self.fit_column(fill, numbers, groups.as_ref(), context.weights())
        });
        let columns = inputs.into_iter().zip(kinds).zip(columns);
        let columns = columns.map(|((input, kind), column)| FittedColumn {
            field: match *kind {
                FeatureKind::Code { n_codes } => Feature::code(input.name(), n_codes),
                FeatureKind::Number => Feature::number(input.name()),
            },
            has_indicator: match self.indicators {
                Indicators::None => false,
                Indicators::IfMissing => column.any_missing,
                Indicators::All => true,
            },
            all_missing: column.all_missing,
            fill: column.fill,
            fill_of_level: column.fill_of_level,
            placement: column.placement,
            input,
        });
        let group = groups.map(|groups| (groups.column.to_owned(), (**groups.levels).clone()));
        FittedImputer::of_columns(columns, group)
    }

    fn fit_column(
        &self,
        fill: Fill,
        numbers: Numbers<'_>,
        groups: Option<&Groups<'_>>,
        weights: Option<&[f64]>,
    ) -> LearnedColumn {
        let learned = fill_of(fill, numbers, weights);
        let all_missing = match fill {
            Fill::Constant(_) => numbers.sample(weights).is_empty(),
            _ => learned.is_none(),
        };
        let value = learned.unwrap_or(self.all_missing);
        let fill_of_level = groups.map_or_else(Vec::new, |groups| {
            groups
                .rows_of_level
                .iter()
                .map(|positions| {
                    let weights: Option<Vec<f64>> =
                        weights.map(|w| positions.iter().map(|&i| w[i as usize]).collect());
                    let index = numbers.rows().compose(positions);
                    let numbers = numbers.at(RowIndex::Some(&index));
                    fill_of(fill, numbers, weights.as_deref()).unwrap_or(value)
                })
                .collect()
        });
        LearnedColumn {
            fill: value,
            fill_of_level,
            any_missing: numbers.any_missing_of(weights),
            all_missing,
            placement: Placement::fit(numbers, weights),
        }
    }
}

struct LearnedColumn {
    fill: f64,
    fill_of_level: Vec<f64>,
    any_missing: bool,
    all_missing: bool,
    placement: Placement,
}

/// All that a fitted imputer has of one column.
struct FittedColumn {
    input: Input,
    field: Feature,
    fill: f64,
    fill_of_level: Vec<f64>,
    has_indicator: bool,
    all_missing: bool,
    placement: Placement,
}

fn fill_of(fill: Fill, numbers: Numbers<'_>, weights: Option<&[f64]>) -> Option<f64> {
    match fill {
        Fill::Mean => {
            let moments = numbers.moments(weights);
            (moments.weight > 0.0).then_some(moments.mean)
        }
        Fill::Median => numbers.sample(weights).median(),
        Fill::MostFrequent => numbers.sample(weights).most_frequent(),
        Fill::Constant(value) => Some(value),
    }
}

/// The training rows by group.
struct Groups<'a> {
    column: &'a str,
    levels: &'a Arc<Levels>,
    /// Positions of the rows of each level.
    rows_of_level: Vec<Vec<u32>>,
}

impl<'a> Groups<'a> {
    fn of(column: &'a str, rows: Rows<'a>) -> Result<Self> {
        let (codes, levels) = group_codes(column, rows)?;
        let mut rows_of_level = vec![Vec::new(); levels.len()];
        for (position, &code) in (0_u32..).zip(rows.index().gather(codes).iter()) {
            if code != MISSING_CODE {
                rows_of_level[code as usize].push(position);
            }
        }
        Ok(Self {
            column,
            levels,
            rows_of_level,
        })
    }
}

fn group_codes<'a>(column: &str, rows: Rows<'a>) -> Result<(&'a [u32], &'a Arc<Levels>)> {
    let found = rows.column(column)?;
    found.codes().ok_or_else(|| {
        Error::wrong_kind(ColumnKind::Categorical.to_string(), found.kind()).in_column(column)
    })
}

/// A fitted [`Imputer`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedImputer {
    inputs: Vec<Input>,
    fills: Vec<f64>,
    placements: Vec<Placement>,
    group: Option<FittedGroups>,
    /// The inputs that have an indicator.
    indicated: Vec<usize>,
    all_missing: Vec<String>,
    fields: Arc<[Feature]>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct FittedGroups {
    column: String,
    levels: Levels,
    /// By input, then by level.
    fills: Vec<Vec<f64>>,
}

impl FittedImputer {
    /// What each column is filled with, as a number of the column; with groups, where its level has
    /// nothing better.
    #[must_use]
    pub fn fills(&self) -> &[f64] {
        &self.fills
    }

    /// What a column is filled with at a level of the group's column, if there are groups and both
    /// were there in training.
    #[must_use]
    pub fn fill_of_level(&self, column: &str, level: &str) -> Option<f64> {
        let group = self.group.as_ref()?;
        let j = self.inputs.iter().position(|i| i.name() == column)?;
        let code = group.levels.names().iter().position(|l| l == level)?;
        group.fills[j].get(code).copied()
    }

    /// The columns that had no value in training.
    #[must_use]
    pub fn all_missing(&self) -> &[String] {
        &self.all_missing
    }

    fn of_columns(
        columns: impl IntoIterator<Item = FittedColumn>,
        group: Option<(String, Levels)>,
    ) -> Self {
        let mut all = Self {
            inputs: Vec::new(),
            fills: Vec::new(),
            placements: Vec::new(),
            group: group.map(|(column, levels)| FittedGroups {
                column,
                levels,
                fills: Vec::new(),
            }),
            indicated: Vec::new(),
            all_missing: Vec::new(),
            fields: Arc::default(),
        };
        let (mut fields, mut names) = (Vec::new(), UniqueNames::default());
        for (j, column) in columns.into_iter().enumerate() {
            let name = column.input.name();
            names.take(name.to_owned());
            if column.has_indicator {
                all.indicated.push(j);
            }
            if column.all_missing {
                all.all_missing.push(name.to_owned());
            }
            if let Some(group) = &mut all.group {
                group.fills.push(column.fill_of_level);
            }
            all.fills.push(column.fill);
            all.placements.push(column.placement);
            all.inputs.push(column.input);
            fields.push(column.field);
        }
        // Once all of the columns' names are taken.
        let indicator = |&j: &usize| names.take(format!("{}_missing", all.inputs[j].name()));
        fields.extend(all.indicated.iter().map(indicator).map(Feature::number));
        all.fields = fields.into();
        all
    }

    /// What [`FittedImputer::of_columns`] was made of.
    fn into_columns(self) -> impl Iterator<Item = FittedColumn> {
        let mut fills_of_levels = self.group.map(|group| group.fills.into_iter());
        let columns = self.inputs.into_iter().zip(self.fills);
        columns
            .zip(self.placements)
            .enumerate()
            .map(move |(j, ((input, fill), placement))| FittedColumn {
                has_indicator: self.indicated.contains(&j),
                all_missing: self.all_missing.iter().any(|name| name == input.name()),
                fill_of_level: fills_of_levels
                    .as_mut()
                    .and_then(Iterator::next)
                    .unwrap_or_default(),
                input,
                field: self.fields[j].clone(),
                fill,
                placement,
            })
    }

    /// Writes the indicators of these numbers, column after column.
    fn write_indicators(&self, numbers: &[Numbers<'_>], out: &mut [f32], n_rows: usize) {
        let columns = out.chunks_mut(n_rows.max(1)).zip(&self.indicated);
        parallel::for_each_small(n_rows, columns, |_, (out, &j)| {
            Cells::From(numbers[j], out).map(|x| f64::from(u8::from(x.is_nan())));
        });
    }
}

impl UnsupervisedTransformer for Imputer {
    type Fitted = FittedImputer;

    fn fit_rows(&self, rows: Rows<'_>, context: &FitContext<'_>) -> Result<FittedImputer> {
        self.check()?;
        check_weights(context, rows.len())?;
        let (inputs, numbers) = numbers_to_fit(rows)?;
        let groups = match &self.group {
            Some(column) => Some(Groups::of(column, rows)?),
            None => None,
        };
        let kinds = vec![FeatureKind::Number; inputs.len()];
        Ok(self.fit(inputs, &numbers, &kinds, groups, context))
    }

    fn scope(&self) -> Scope<'_> {
        match &self.group {
            Some(column) => Scope::ColumnsBeside(column),
            None => Scope::Columns,
        }
    }

    fn join(&self, parts: Vec<FittedImputer>) -> Result<FittedImputer> {
        let group = parts.first().and_then(|part| part.group.as_ref());
        let group = group.map(|group| (group.column.clone(), group.levels.clone()));
        let columns = parts.into_iter().flat_map(FittedImputer::into_columns);
        Ok(FittedImputer::of_columns(columns, group))
    }
}

impl FittedTransformer for FittedImputer {
    #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let numbers = numbers_to_transform(&self.inputs, rows)?;
        let n_rows = rows.len();
        let codes = match &self.group {
            Some(group) => {
                let (codes, levels) = group_codes(&group.column, rows)?;
                let code_here = group.levels.codes_of(levels);
                let here = |code: u32| code_here.get(code as usize).copied();
                Some(rows.index().map(codes, |c| here(c).unwrap_or(MISSING_CODE)))
            }
            None => None,
        };
        let mut values = vec![0.0; n_rows * self.fields.len()];
        let (filled, indicators) = values.split_at_mut(n_rows * numbers.len());
        let columns = filled.chunks_mut(n_rows.max(1)).zip(&numbers);
        parallel::for_each_small(n_rows, columns, |j, (out, &numbers)| {
            let (fill, placement) = (self.fills[j], &self.placements[j]);
            if let (Some(group), Some(codes)) = (&self.group, &codes) {
                placement.map(Cells::From(numbers, &mut *out), |x| x);
                let fill_of_level = &group.fills[j];
                for (x, &code) in out.iter_mut().zip(codes) {
                    if x.is_nan() {
                        let fill = fill_of_level.get(code as usize).map_or(fill, |&f| f);
                        *x = placement.place(fill) as f32;
                    }
                }
            } else {
                let filled = |x: f64| if x.is_nan() { fill } else { x };
                placement.map(Cells::From(numbers, out), filled);
            }
        });
        self.write_indicators(&numbers, indicators, n_rows);
        Features::from_buffer(Arc::clone(&self.fields), n_rows, values)
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }

    fn moved(&self) -> Vec<(String, Placement)> {
        moved(&self.fields, self.placements.iter())
    }
}

impl FeatureStep for Imputer {
    type Fitted = FittedImputer;

    fn fit_features(
        &self,
        features: &Features<InSample>,
        context: &FitContext<'_>,
    ) -> Result<FittedImputer> {
        self.check()?;
        check_weights(context, features.n_rows())?;
        if let Some(column) = &self.group {
            return Err(Error::unsupported(format!(
                "imputing features by the group in column {column:?}: impute the table's columns"
            )));
        }
        let (inputs, numbers) = features_to_fit(features)?;
        let kinds: Vec<FeatureKind> = features.fields().iter().map(Feature::kind).collect();
        Ok(self.fit(inputs, &numbers, &kinds, None, context))
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Columns
    }

    fn join(&self, parts: Vec<FittedImputer>, fields: &[Feature]) -> Result<FittedImputer> {
        let columns = parts.into_iter().flat_map(FittedImputer::into_columns);
        let columns = columns.map(|column| (column.input.name().to_owned(), column));
        Ok(FittedImputer::of_columns(
            in_order_of(fields, columns)?,
            None,
        ))
    }
}

impl FittedFeatureStep for FittedImputer {
    fn transform_features(&self, features: Features<OutOfSample>) -> Result<Features<OutOfSample>> {
        if self.group.is_some() {
            return Err(Error::unsupported(
                "filling features with an imputer fitted by group",
            ));
        }
        features.check_fields(&self.fields[..self.inputs.len()])?;
        let n_rows = features.n_rows();
        let mut indicators = vec![0.0; n_rows * self.indicated.len()];
        let numbers: Vec<Numbers<'_>> = (0..self.inputs.len())
            .map(|j| Numbers::of_feature(features.column(j)))
            .collect();
        self.write_indicators(&numbers, &mut indicators, n_rows);
        let mut values = features.into_buffer();
        let columns = values.chunks_mut(n_rows.max(1)).zip(&self.fills);
        parallel::for_each_small(n_rows, columns, |_, (cells, &fill)| {
            Cells::InPlace(cells).map(|x| if x.is_nan() { fill } else { x });
        });
        values.append(&mut indicators);
        Features::from_buffer(Arc::clone(&self.fields), n_rows, values)
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }
}
