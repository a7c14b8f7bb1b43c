//! The numbers of a table's column or of a feature, read where they lie.

use super::column::{Column, ColumnData, ColumnKind, Number, for_each_numbers};
use super::rows::{RowIndex, weighty};
use crate::error::{Error, Result};
use crate::numeric::moments::Moments;
use crate::numeric::quantile::Sample;

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

    /// The moments of the present values; see [`Sample::moments`].
    pub(crate) fn moments(self, weights: Option<&[f64]>) -> Moments {
        // Floats of which none is missing need not be copied.
        match (self.source, self.rows, weights) {
            (Source::Feature(values), RowIndex::All(_), None) if !any(values, f64::is_nan) => {
                return Moments::of_all(values, Number::to_f64);
            }
            (Source::Column(column), RowIndex::All(_), None) => match column.data() {
                ColumnData::F32(values) if !any(values, f64::is_nan) => {
                    return Moments::of_all(values, Number::to_f64);
                }
                ColumnData::F64(values) if !any(values, f64::is_nan) => {
                    return Moments::of_all(values, Number::to_f64);
                }
                _ => (),
            },
            _ => (),
        }
        self.sample(weights).moments()
    }

    /// Whether the numbers are stored as integers.
    pub(crate) fn is_integer(self) -> bool {
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
    pub(crate) fn small_range(self) -> Option<(f64, usize)> {
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
    pub(crate) fn write(self, out: &mut [f32], f: impl Fn(f64) -> f64) {
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
