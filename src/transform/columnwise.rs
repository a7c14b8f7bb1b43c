//! What imputers and scalers share: numbers of a table's column or of a feature, fitted column by
//! column, and written straight into the features that come out.

use std::sync::Arc;

use super::batches::in_order_of;
use super::placement::{Placement, moved};
use super::sample::{Sample, mean_variance};
use crate::data::Number;
use crate::data::{Column, ColumnData, ColumnKind, Feature, Features, FitContext, InSample};
use crate::data::{OutOfSample, RowIndex, Rows, for_each_numbers, weighty};
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

/// The numbers of one column at some rows; NaN is a missing cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers<'a> {
    source: Source<'a>,
    rows: RowIndex<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    /// Never a categorical column.
    Column(&'a Column),
    Feature(&'a [f32]),
}

impl<'a> Numbers<'a> {
    /// The numbers of a column, which must not be categorical.
    pub(crate) fn of_column(column: &'a Column, rows: RowIndex<'a>) -> Result<Self> {
        if column.kind() == ColumnKind::Categorical {
            return Err(Error::wrong_kind("numeric", column.kind()));
        }
        Ok(Self {
            source: Source::Column(column),
            rows,
        })
    }

    pub(crate) fn of_feature(values: &'a [f32]) -> Self {
        Self {
            source: Source::Feature(values),
            rows: RowIndex::All(values.len()),
        }
    }

    pub(crate) fn len(self) -> usize {
        self.rows.len()
    }

    /// Which rows of the table or of the features.
    pub(crate) fn rows(self) -> RowIndex<'a> {
        self.rows
    }

    /// The same column at other rows of the table or of the features.
    pub(crate) fn at(self, rows: RowIndex<'a>) -> Self {
        Self { rows, ..self }
    }

    /// Whether a cell is missing.
    pub(crate) fn any_missing(self) -> bool {
        self.position(f64::is_nan).is_some()
    }

    /// Whether a cell is missing in a row of weight above 0.
    pub(crate) fn any_missing_of(self, weights: Option<&[f64]>) -> bool {
        match weighty(weights) {
            Some(positions) => {
                let index = self.rows.compose(&positions);
                self.at(RowIndex::Some(&index)).any_missing()
            }
            None => self.any_missing(),
        }
    }

    /// The first position whose number is so.
    pub(crate) fn position(self, is_so: impl Fn(f64) -> bool) -> Option<usize> {
        fn find<T: Number>(
            values: &[T],
            rows: RowIndex<'_>,
            is_so: impl Fn(f64) -> bool,
        ) -> Option<usize> {
            match rows {
                RowIndex::All(_) => any(values, &is_so)
                    .then(|| values.iter().position(|v| is_so(v.to_f64())))
                    .flatten(),
                RowIndex::Some(index) => index
                    .iter()
                    .position(|&i| is_so(values[i as usize].to_f64())),
            }
        }
        match self.source {
            Source::Column(column) => for_each_numbers!(column.data(),
                values => find(values, self.rows, is_so), else => None),
            Source::Feature(values) => find(values, self.rows, is_so),
        }
    }

    /// The first number that is so, after its row in the table or the features.
    pub(crate) fn find(self, is_so: impl Fn(f64) -> bool) -> Option<(usize, f64)> {
        let row = self.rows.row(self.position(is_so)?);
        let index = [u32::try_from(row).ok()?];
        let number = self.at(RowIndex::Some(&index)).to_vec();
        Some((row, number[0]))
    }

    /// The numbers, NaN where missing.
    pub(crate) fn to_vec(self) -> Vec<f64> {
        match self.source {
            Source::Column(column) => column.numbers(self.rows),
            Source::Feature(values) => self.rows.map(values, f64::from),
        }
    }

    /// The number at a position, NaN where missing.
    pub(crate) fn get(self, position: usize) -> f64 {
        let row = self.rows.row(position);
        match self.source {
            Source::Column(column) => for_each_numbers!(column.data(),
                values => values[row].to_f64(), else => f64::NAN),
            Source::Feature(values) => f64::from(values[row]),
        }
    }

    /// Whether each number is exact in `f32`, as the type tells in which it is stored.
    pub(crate) fn is_single(self) -> bool {
        match self.source {
            Source::Column(column) => matches!(
                column.data(),
                ColumnData::I8(_) | ColumnData::I16(_) | ColumnData::F32(_)
            ),
            Source::Feature(_) => true,
        }
    }

    /// The present values; `weights` are those of the rows, in the same order.
    ///
    /// Integers of a small range are counted, so that nothing has to be sorted. Rows of weight 0
    /// are as if they were not there.
    pub(crate) fn sample(self, weights: Option<&[f64]>) -> Sample {
        if let Some(positions) = weighty(weights) {
            let index = self.rows.compose(&positions);
            let weights = weights.map(|weights| RowIndex::Some(&positions).gather(weights));
            return self.at(RowIndex::Some(&index)).present(weights.as_deref());
        }
        self.present(weights)
    }

    /// See [`Numbers::sample`]; weights are above 0.
    fn present(self, weights: Option<&[f64]>) -> Sample {
        if self.is_integer()
            && let Some((low, n)) = self.small_range()
        {
            return self.counted(low, n, weights);
        }
        match weights {
            Some(weights) => Sample::Weighted(
                self.to_vec()
                    .into_iter()
                    .zip(weights.iter().copied())
                    .filter(|&(v, w)| !v.is_nan() && w > 0.0)
                    .collect(),
            ),
            None => Sample::Values(match self.source {
                Source::Column(column) => for_each_numbers!(column.data(),
                    values => present(values, self.rows), else => Vec::new()),
                Source::Feature(values) => present(values, self.rows),
            }),
        }
    }

    /// The mean and the variance of the present values; see [`Sample::mean_variance`].
    pub(crate) fn mean_variance(self, weights: Option<&[f64]>) -> Option<(f64, f64)> {
        // Floats of which none is missing need not be copied.
        match (self.source, self.rows, weights) {
            (Source::Feature(values), RowIndex::All(_), None) if !any(values, f64::is_nan) => {
                return mean_variance(values);
            }
            (Source::Column(column), RowIndex::All(_), None) => match column.data() {
                ColumnData::F32(values) if !any(values, f64::is_nan) => {
                    return mean_variance(values);
                }
                ColumnData::F64(values) if !any(values, f64::is_nan) => {
                    return mean_variance(values);
                }
                _ => (),
            },
            _ => (),
        }
        self.sample(weights).mean_variance()
    }

    /// Whether the numbers are stored as integers.
    fn is_integer(self) -> bool {
        match self.source {
            Source::Column(column) => matches!(
                column.data(),
                ColumnData::I8(_) | ColumnData::I16(_) | ColumnData::I32(_) | ColumnData::I64(_)
            ),
            Source::Feature(_) => false,
        }
    }

    /// The smallest number and how many integers lie from it to the largest, if these are fewer
    /// than the rows, or few.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers, compared with the bound first"
    )]
    fn small_range(self) -> Option<(f64, usize)> {
        const FEW: usize = 256;
        if let Source::Column(column) = self.source
            && matches!(column.data(), ColumnData::I8(_))
        {
            return Some((f64::from(i8::MIN), FEW));
        }
        let mut low = f64::INFINITY;
        let mut high = f64::NEG_INFINITY;
        self.for_each(|v| {
            // A comparison with NaN is false: a missing cell changes nothing.
            if v < low {
                low = v;
            }
            if v > high {
                high = v;
            }
        });
        let span = high - low;
        (span >= 0.0 && span < self.len().max(FEW) as f64).then(|| (low, span as usize + 1))
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 0 to below n"
    )]
    fn counted(self, low: f64, n: usize, weights: Option<&[f64]>) -> Sample {
        let mut totals = vec![0.0; n];
        if let Some(weights) = weights {
            let mut position = 0;
            self.for_each(|v| {
                if !v.is_nan() {
                    totals[(v - low) as usize] += weights[position];
                }
                position += 1;
            });
        } else if let Source::Column(column) = self.source
            && let ColumnData::I8(values) = column.data()
        {
            let counts = count_bytes(values, self.rows);
            for (total, count) in totals.iter_mut().zip(counts) {
                *total = f64::from(count);
            }
            // The smallest integer is a missing cell.
            totals[0] = 0.0;
        } else {
            let mut counts = vec![0_u32; n];
            self.for_each(|v| {
                if !v.is_nan() {
                    counts[(v - low) as usize] += 1;
                }
            });
            totals = counts.into_iter().map(f64::from).collect();
        }
        let pairs = totals
            .into_iter()
            .enumerate()
            .filter(|&(_, total)| total > 0.0)
            .map(|(i, total)| (low + i as f64, total))
            .collect();
        if weights.is_some() {
            Sample::Weighted(pairs)
        } else {
            Sample::Counted(pairs)
        }
    }

    fn for_each(self, mut f: impl FnMut(f64)) {
        fn each<T: Number>(values: &[T], rows: RowIndex<'_>, mut f: impl FnMut(f64)) {
            match rows {
                RowIndex::All(_) => values.iter().for_each(|v| f(v.to_f64())),
                RowIndex::Some(index) => {
                    for &i in index {
                        f(values[i as usize].to_f64());
                    }
                }
            }
        }
        match self.source {
            Source::Column(column) => for_each_numbers!(column.data(),
                values => each(values, self.rows, f), else => ()),
            Source::Feature(values) => each(values, self.rows, &mut f),
        }
    }

    /// Writes each number, changed by `f`.
    #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
    fn write(self, out: &mut [f32], f: impl Fn(f64) -> f64) {
        match self.source {
            Source::Column(column) => match column.data() {
                // As many results as there are bytes.
                ColumnData::I8(values) if self.len() > 512 => {
                    let table: Vec<f32> = (0..=u8::MAX)
                        .map(|byte| f(byte.cast_signed().to_f64()) as f32)
                        .collect();
                    let result = |v: i8| table[usize::from(v.cast_unsigned())];
                    match self.rows {
                        RowIndex::All(_) => {
                            for (o, &v) in out.iter_mut().zip(&**values) {
                                *o = result(v);
                            }
                        }
                        RowIndex::Some(index) => {
                            for (o, &i) in out.iter_mut().zip(index) {
                                *o = result(values[i as usize]);
                            }
                        }
                    }
                }
                _ => column.write_f32(self.rows, out, f),
            },
            Source::Feature(values) => match self.rows {
                RowIndex::All(_) => {
                    for (o, &v) in out.iter_mut().zip(values) {
                        *o = f(f64::from(v)) as f32;
                    }
                }
                RowIndex::Some(index) => {
                    for (o, &i) in out.iter_mut().zip(index) {
                        *o = f(f64::from(values[i as usize])) as f32;
                    }
                }
            },
        }
    }
}

/// Whether a number is so; in pieces, which the compiler can look at side by side.
fn any<T: Number>(values: &[T], is_so: impl Fn(f64) -> bool) -> bool {
    values.chunks(512).any(|values| {
        let so = values.iter().map(|v| is_so(v.to_f64()));
        so.fold(false, |any, so| any | so)
    })
}

/// How often each i8 occurs, from the smallest on; two tables, for neighbours are often equal and
/// adding to one place twice waits for the first addition.
fn count_bytes(values: &[i8], rows: RowIndex<'_>) -> Vec<u32> {
    let mut tables = [[0_u32; 256]; 2];
    let place = |v: i8| usize::from(v.cast_unsigned() ^ 0x80);
    match rows {
        RowIndex::All(_) => {
            let (pairs, rest) = values.as_chunks::<2>();
            for &[a, b] in pairs {
                tables[0][place(a)] += 1;
                tables[1][place(b)] += 1;
            }
            for &v in rest {
                tables[0][place(v)] += 1;
            }
        }
        RowIndex::Some(index) => {
            for &i in index {
                tables[0][place(values[i as usize])] += 1;
            }
        }
    }
    tables[0]
        .iter()
        .zip(tables[1])
        .map(|(a, b)| a + b)
        .collect()
}

fn present<T: Number>(values: &[T], rows: RowIndex<'_>) -> Vec<f64> {
    match rows {
        RowIndex::All(_) => compact(values.iter().map(|v| v.to_f64()), values.len()),
        RowIndex::Some(index) => compact(
            index.iter().map(|&i| values[i as usize].to_f64()),
            index.len(),
        ),
    }
}

/// The numbers that are not NaN, with no branch on them.
fn compact(numbers: impl Iterator<Item = f64>, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    let mut end = 0;
    for number in numbers {
        out[end] = number;
        end += usize::from(!number.is_nan());
    }
    out.truncate(end);
    out
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
        let column = features.column(j);
        if any(column, f64::is_infinite)
            && let Some(row) = column.iter().position(|v| v.is_infinite())
        {
            return Err(Error::not_finite(f64::from(column[row]))
                .in_row(row)
                .in_column(field.name()));
        }
        let input = Input {
            name: field.name().to_owned(),
            kind: ColumnKind::Numeric,
        };
        Ok((input, Numbers::of_feature(column)))
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
