//! Ranks among the training values.

use crate::data::{FitContext, Numbers, RowIndex, weighty};
use crate::error::{Error, Result};
use crate::numeric::choose;
use crate::numeric::normal::inverse_normal;
use crate::numeric::quantile::even_orders;
use crate::options::{none_or_at_least_one, options};
use crate::transform::columnwise::{Cells, ColumnMap, Columnwise, FitColumn};
use crate::transform::columnwise::{columnwise_step, columnwise_transformer};

/// The distribution that training values get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum QuantileOutput {
    /// Uniform on 0..=1.
    #[default]
    Uniform,
    /// Standard normal, cut off at the quantiles of order 1e-7 and 1 - 1e-7 (-5.2 and 5.2).
    Normal,
}

/// Replaces each value by its place among the training values: from 0 for the smallest to 1 for
/// the largest, or the normal quantile of that order.
///
/// With `m` references the training values have quantiles `q[k]` of order `k / (m - 1)`, by linear
/// interpolation (with weights: by cumulative weight, as in [`RobustScaler`](super::RobustScaler)).
/// A value between two of them gets the order in between, linearly; a value equal to one or to
/// several gets the mean of the smallest and the largest order among these; a value at or beyond
/// the first or last quantile gets 0 or 1. This is the definition of scikit-learn's
/// `QuantileTransformer`, but that for normal output it also takes values within 1e-7 of an end
/// for the end. `m` is 1000, or the number of rows (of weight above 0) if that is smaller. Values of a constant column
/// become 0 (normal: -5.2); of a column with no training value, 0.5 (normal: 0). A missing cell
/// stays missing.
///
/// All rows are used unless [`QuantileScaler::with_max_rows`] says otherwise: fitting sorts, n log
/// n per column; integers of a small range are counted instead.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::UnsupervisedTransformer;
/// use stackfold::transform::scale::QuantileScaler;
/// let table = Table::new([("x", Column::numeric(vec![1.0, 10.0, 100.0]))])?;
/// let fitted = QuantileScaler::new().fit_rows(table.rows(), &FitContext::default())?;
/// let new = Table::new([("x", Column::numeric(vec![-5.0, 1.0, 5.5, 10.0, 55.0, 999.0]))])?;
/// assert_eq!(fitted.transform(new.rows())?.column(0), [0.0, 0.0, 0.25, 0.5, 0.75, 1.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantileScaler {
    n_quantiles: usize,
    output: QuantileOutput,
    max_rows: Option<usize>,
}

impl Default for QuantileScaler {
    fn default() -> Self {
        Self {
            n_quantiles: 1000,
            output: QuantileOutput::Uniform,
            max_rows: None,
        }
    }
}

impl QuantileScaler {
    /// A scaler to a uniform distribution by 1000 quantiles of all rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// How many quantiles are kept, at least 1; never more than rows.
        with_n_quantiles(n_quantiles: usize);
        /// The distribution that comes out.
        with_output(output: QuantileOutput);
        /// The most rows to fit on, 1 or more: drawn without replacement, the same ones for all columns,
        /// by the seed of the fit; all by default.
        with_max_rows(max_rows: Option<usize>);
    }
}

/// A fitted [`QuantileScaler`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedQuantileScaler(Columnwise<Quantiles>);

impl FittedQuantileScaler {
    /// The quantiles of each column in ascending order, repeated ones once; none for a column
    /// with no training value.
    #[must_use]
    pub fn quantiles(&self) -> Vec<&[f64]> {
        self.0.maps().iter().map(|map| &map.values[..]).collect()
    }
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Quantiles {
    /// Distinct quantiles in ascending order.
    values: Vec<f64>,
    /// The place of the first quantile equal to each of `values`, and the number of quantiles.
    first: Vec<u32>,
    output: QuantileOutput,
}

impl FitColumn for QuantileScaler {
    type Map = Quantiles;

    fn check(&self) -> Result<()> {
        if self.n_quantiles == 0 || u32::try_from(self.n_quantiles).is_err() {
            return Err(Error::parameter(
                "n_quantiles",
                "1 or more, below 2^32",
                self.n_quantiles,
            ));
        }
        none_or_at_least_one("max_rows", self.max_rows)
    }

    fn fit_column(&self, numbers: Numbers<'_>, context: &FitContext<'_>) -> Result<Quantiles> {
        let weighty = weighty(context.weights());
        let all = RowIndex::All(numbers.len());
        let weighty = weighty.as_deref().map_or(all, RowIndex::Some);
        let n_rows = weighty.len();
        let mut sample = match self.max_rows {
            Some(size) if size < n_rows => {
                let all_rows: Vec<u32> = (0..).take(n_rows).collect();
                let mut stream = context.seed().child("quantile scaler").stream();
                let positions = weighty.compose(&choose::sorted(all_rows, size, &mut stream));
                let weights = context.weights();
                let weights = weights.map(|weights| RowIndex::Some(&positions).gather(weights));
                let index = numbers.rows().compose(&positions);
                numbers
                    .at(RowIndex::Some(&index))
                    .sample(weights.as_deref())
            }
            _ => numbers.sample(context.weights()),
        };
        let n_rows = self.max_rows.map_or(n_rows, |size| size.min(n_rows));
        let m = self.n_quantiles.min(n_rows).max(1);
        let mut map = Quantiles {
            values: Vec::new(),
            first: Vec::new(),
            output: self.output,
        };
        let quantiles = sample.quantiles(&even_orders(m));
        for (place, &quantile) in (0_u32..).zip(&quantiles) {
            // Rounding may put an interpolated quantile just below the one before.
            if map.values.last().is_none_or(|&last| quantile > last) {
                map.values.push(quantile);
                map.first.push(place);
            }
        }
        map.first.extend(u32::try_from(quantiles.len()));
        Ok(map)
    }
}

impl ColumnMap for Quantiles {
    fn apply(&self, cells: Cells<'_>) -> Result<()> {
        /// Orders at which normal output is cut off.
        const CUT: f64 = 1e-7 - f64::EPSILON;
        let normal = |order: f64| inverse_normal(order.clamp(CUT, 1.0 - CUT));
        let (Some(&lowest), Some(&highest)) = (self.values.first(), self.values.last()) else {
            let middle = match self.output {
                QuantileOutput::Uniform => 0.5,
                QuantileOutput::Normal => 0.0,
            };
            cells.map(|x| if x.is_nan() { x } else { middle });
            return Ok(());
        };
        let a_place = 1.0 / f64::from((self.first[self.values.len()] - 1).max(1));
        let search = Search::new(&self.values, cells.len());
        let order = |x: f64| {
            if x <= lowest {
                0.0
            } else if x >= highest {
                1.0
            } else {
                let k = search.last_not_above(x);
                let (value, next) = (self.values[k], self.values[k + 1]);
                let (start, end) = (f64::from(self.first[k]), f64::from(self.first[k + 1]));
                let place = if x > value {
                    end - 1.0 + (x - value) / (next - value)
                } else {
                    f64::midpoint(start, end - 1.0)
                };
                place * a_place
            }
        };
        match self.output {
            QuantileOutput::Uniform => {
                cells.map_costly(|x| if x.is_nan() { x } else { order(x) });
            }
            QuantileOutput::Normal => {
                cells.map_costly(|x| if x.is_nan() { x } else { normal(order(x)) });
            }
        }
        Ok(())
    }
}

/// Finds the place of a value among sorted ones.
///
/// For many look-ups the range is cut into parts of equal width, and each part into cells, the more
/// the more values it has; a cell knows how many values lie in the cells before, and a search stays
/// within one cell. The cell of a number grows with the number, rounding included, so that this
/// changes no result.
struct Search<'a> {
    values: &'a [f64],
    range: Grid,
    /// The cells of each cell of the range; none if there are few look-ups.
    parts: Vec<Grid>,
    starts: Vec<u32>,
}

/// Cells of equal width; those of several grids are counted through.
struct Grid {
    low: f64,
    cells_per_unit: f64,
    first: usize,
    last: usize,
}

impl Grid {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast to an integer saturates"
    )]
    #[inline]
    fn cell(&self, x: f64) -> usize {
        (self.first + ((x - self.low) * self.cells_per_unit) as u32 as usize).min(self.last)
    }
}

impl<'a> Search<'a> {
    const N_PARTS: usize = 256;
    const CELLS_A_VALUE: usize = 4;
    const MANY: usize = 8192;

    /// `values` must not be empty.
    fn new(values: &'a [f64], n_look_ups: usize) -> Self {
        let low = values[0];
        let width = (values[values.len() - 1] - low) / Self::N_PARTS as f64;
        let range = Grid {
            low,
            cells_per_unit: 1.0 / width,
            first: 0,
            last: Self::N_PARTS - 1,
        };
        let mut search = Self {
            values,
            range,
            parts: Vec::new(),
            starts: Vec::new(),
        };
        if n_look_ups <= Self::MANY || !search.range.cells_per_unit.is_normal() {
            return search;
        }
        let mut n_values = [0_usize; Self::N_PARTS];
        for &value in values {
            n_values[search.range.cell(value)] += 1;
        }
        let mut first = 0;
        for (part, n_values) in n_values.into_iter().enumerate() {
            let n_cells = (n_values * Self::CELLS_A_VALUE).max(1);
            search.parts.push(Grid {
                low: low + part as f64 * width,
                cells_per_unit: n_cells as f64 / width,
                first,
                last: first + n_cells - 1,
            });
            first += n_cells;
        }
        let mut starts = vec![0; first + 1];
        for &value in values {
            starts[search.cell(value) + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        search.starts = starts;
        search
    }

    #[inline]
    fn cell(&self, x: f64) -> usize {
        self.parts[self.range.cell(x)].cell(x)
    }

    /// The place of the last value that is not above `x`; `x` must not be below the first.
    #[inline]
    fn last_not_above(&self, x: f64) -> usize {
        if self.parts.is_empty() {
            return self.values.partition_point(|&v| v <= x) - 1;
        }
        let cell = self.cell(x);
        let (start, end) = (self.starts[cell] as usize, self.starts[cell + 1] as usize);
        // Most cells have one value or none; the first one of a later cell is above `x`.
        let not_above = if end - start <= 1 {
            usize::from(self.values[start.min(self.values.len() - 1)] <= x)
        } else {
            self.values[start..end].partition_point(|&v| v <= x)
        };
        start + not_above - 1
    }
}

columnwise_transformer!(QuantileScaler, FittedQuantileScaler);
columnwise_step!(QuantileScaler, FittedQuantileScaler);
