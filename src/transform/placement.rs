//! Numbers that `f32` would not tell apart, moved before they become features.

use super::columnwise::{Cells, ColumnMap};
use crate::data::{Feature, Numbers, RowIndex, weighty};
use crate::error::Result;
use crate::numeric::quantile::spread_positions;

/// How a column's numbers become features.
///
/// Features are `f32`: 24 binary digits. Of Unix seconds near 1.7e9 those of two minutes are one
/// `f32`, and so are target means near 1.7e9 that differ by less. Transformers that keep a
/// column's scale ([`Passthrough`](super::passthrough::Passthrough),
/// [`Imputer`](super::impute::Imputer), [`Winsorizer`](super::scale::Winsorizer),
/// [`Log1p`](super::scale::Log1p)) look at the training values (present, of weight above 0): they
/// *fall together* if as `f32` more than a fifth of the different values is lost, or more than a
/// fifth of the rows get a number that stands for a more frequent value, while fewer than 2^20
/// different numbers are left. Values that differ by rounding alone (64 units in the last place of
/// an `f64`) count as one. Columns of more than 256 rows are looked at through as many of their
/// values first, and wholly if neighbours among these are close. Encoders by the target's mean take
/// an origin off the target in the same spirit; see
/// [`TargetEncoder`](super::encode::TargetEncoder).
///
/// What is learned is kept, and new rows get the same. A missing cell stays missing.
/// [`FittedTransformer::moved`](super::FittedTransformer::moved) lists the features of a fitted
/// transformer that are not their columns' own numbers.
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::passthrough::Passthrough;
/// use stackfold::transform::{Placement, UnsupervisedTransformer};
/// let seconds: Vec<f64> = (0..5).map(|i| 1.7e9 + f64::from(i)).collect();
/// let table = Table::new([("t", Column::numeric(seconds))])?;
/// let fitted = Passthrough::new().fit_rows(table.rows(), &FitContext::default())?;
/// assert_eq!(fitted.transform(table.rows())?.column(0), [-2.0, -1.0, 0.0, 1.0, 2.0]);
/// assert_eq!(fitted.moved(), [("t".to_owned(), Placement::Less(1_700_000_002.0))]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Placement {
    /// As they are: `f32` tells the training values apart.
    #[default]
    AsIs,
    /// Less this number: the middle one of the different training values (the lower of two).
    Less(f64),
    /// By place among these different training values, in ascending order, where even then they
    /// would fall together: 0 for the first, 1 for the second, in between linearly, and beyond the
    /// ends by one place at most. Of more than 2^20 values every second, third … is kept.
    Among(Vec<f64>),
}

/// Values that are looked at first.
const SAMPLE: usize = 256;
/// So many different numbers are enough, whatever falls together.
const MANY: usize = 1 << 20;

impl Placement {
    /// Learned from the numbers of rows of weight above 0.
    pub(crate) fn fit(numbers: Numbers<'_>, weights: Option<&[f64]>) -> Self {
        if numbers.is_single() {
            return Self::AsIs;
        }
        Self::fit_changed(numbers, weights, |x| x)
    }

    /// The same of the numbers changed by `f`.
    pub(crate) fn fit_changed(
        numbers: Numbers<'_>,
        weights: Option<&[f64]>,
        f: impl Fn(f64) -> f64,
    ) -> Self {
        let weighty = weighty(weights).map(|positions| numbers.rows().compose(&positions));
        let numbers = match &weighty {
            Some(index) => numbers.at(RowIndex::Some(index)),
            None => numbers,
        };
        let value = |position| f(numbers.get(position));
        Self::of(numbers.len(), value, || {
            let mut values = numbers.to_vec();
            for value in &mut values {
                *value = f(*value);
            }
            values
        })
    }

    /// Learned from these values.
    pub(crate) fn of_values(values: &[f64]) -> Self {
        Self::of(values.len(), |i| values[i], || values.to_vec())
    }

    fn of(n: usize, value: impl Fn(usize) -> f64, all: impl FnOnce() -> Vec<f64>) -> Self {
        if n > SAMPLE && !may_fall_together(n, value) {
            return Self::AsIs;
        }
        let mut values = all();
        values.retain(|value| value.is_finite());
        values.sort_unstable_by(f64::total_cmp);
        if !fall_together(&values, |x| x) {
            return Self::AsIs;
        }
        let mut different = values.clone();
        different.dedup_by(|next, kept| is_same(*kept, *next));
        let origin = different[(different.len() - 1) / 2];
        if !fall_together(&values, |x| x - origin) {
            return Self::Less(origin);
        }
        let step = different.len().div_ceil(MANY);
        let last = different.len() - 1;
        let kept = different.iter().enumerate();
        let kept = kept.filter(|(i, _)| i % step == 0 || *i == last);
        Self::Among(kept.map(|(_, &value)| value).collect())
    }

    /// The number that becomes the feature.
    #[must_use]
    pub fn place(&self, x: f64) -> f64 {
        match self {
            Self::AsIs => x,
            Self::Less(origin) => x - origin,
            Self::Among(values) => among(values, x),
        }
    }

    /// Whether numbers stay as they are.
    #[must_use]
    pub fn is_as_is(&self) -> bool {
        matches!(self, Self::AsIs)
    }

    /// Changes each number by `f` and places what comes out.
    pub(crate) fn map(&self, cells: Cells<'_>, f: impl Fn(f64) -> f64) {
        match self {
            Self::AsIs => cells.map(f),
            _ => cells.map(|x| self.place(f(x))),
        }
    }

    /// The same for a costly `f`.
    pub(crate) fn map_costly(&self, cells: Cells<'_>, f: impl Fn(f64) -> f64) {
        match self {
            Self::AsIs => cells.map_costly(f),
            _ => cells.map_costly(|x| self.place(f(x))),
        }
    }
}

impl ColumnMap for Placement {
    fn apply(&self, cells: Cells<'_>) -> Result<()> {
        self.map(cells, |x| x);
        Ok(())
    }

    fn placement(&self) -> &Self {
        self
    }
}

/// The features whose numbers are moved; see
/// [`FittedTransformer::moved`](super::FittedTransformer::moved).
pub(crate) fn moved<'a>(
    fields: &[Feature],
    placements: impl Iterator<Item = &'a Placement>,
) -> Vec<(String, Placement)> {
    let placed = fields.iter().zip(placements);
    let moved = placed.filter(|(_, placement)| !placement.is_as_is());
    moved
        .map(|(field, placement)| (field.name().to_owned(), placement.clone()))
        .collect()
}

fn among(values: &[f64], x: f64) -> f64 {
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else {
        return x;
    };
    let n_steps = (values.len() - 1) as f64;
    let step = (last - first) / n_steps;
    if x.is_nan() {
        x
    } else if x < first {
        -((first - x) / step).min(1.0)
    } else if x >= last {
        n_steps + ((x - last) / step).min(1.0)
    } else {
        let above = values.partition_point(|&value| value <= x);
        let (low, high) = (values[above - 1], values[above]);
        (above - 1) as f64 + (x - low) / (high - low)
    }
}

/// Whether two numbers differ by rounding alone, the second not below the first.
fn is_same(a: f64, b: f64) -> bool {
    b - a <= 64.0 * f64::EPSILON * a.abs()
}

/// Whether sorted finite values fall together as `f32`, each changed by `place`, which ascends.
#[allow(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "as features are made"
)]
fn fall_together(sorted: &[f64], place: impl Fn(f64) -> f64) -> bool {
    let (mut n_values, mut n_numbers, mut n_taken) = (0, 0, 0);
    for together in sorted.chunk_by(|&a, &b| place(a) as f32 == place(b) as f32) {
        n_numbers += 1;
        let mut most = 0;
        let mut rest = together;
        while let Some(&first) = rest.first() {
            let n = rest.partition_point(|&value| is_same(first, value));
            n_values += 1;
            most = most.max(n);
            rest = &rest[n..];
        }
        n_taken += together.len() - most;
    }
    n_numbers < MANY && (5 * (n_values - n_numbers) > n_values || 5 * n_taken > sorted.len())
}

/// Whether values may fall together, as far as some of them tell: neighbours among these are next to
/// each other as `f32` too, or in an eighth of their range there are hardly more `f32` than rows.
/// They do not if all of these are exact in `f32`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "the cast is compared with what it came from"
)]
fn may_fall_together(n: usize, value: impl Fn(usize) -> f64) -> bool {
    const RUN: usize = 16;
    let mut sample = Vec::with_capacity(SAMPLE);
    let mut n_visited = 0;
    for position in spread_positions(n).take(4 * SAMPLE) {
        n_visited += 1;
        let value = value(position);
        if value.is_finite() {
            sample.push(value);
        }
        if sample.len() == SAMPLE {
            break;
        }
    }
    if sample.len() < SAMPLE / 4 {
        return true;
    }
    if sample.iter().all(|&value| f64::from(value as f32) == value) {
        return false;
    }
    sample.sort_unstable_by(f64::total_cmp);
    let numbers = |low: f64, high: f64| (high - low) / spacing(low.abs().max(high.abs()));
    let different = |pair: &&[f64]| !is_same(pair[0], pair[1]);
    let close = |pair: &&[f64]| numbers(pair[0], pair[1]) < 2.0;
    let n_pairs = sample.windows(2).filter(different).count();
    let n_close = sample.windows(2).filter(different).filter(close).count();
    // Distances of neighbours vary much, those of every sixteenth value little.
    let rows = RUN as f64 * n as f64 / f64::from(n_visited);
    let (mut n_runs, mut n_crowded, mut n_numbers) = (0, 0, 0.0);
    for run in sample.chunks(RUN) {
        let (low, high) = (run[0], run[run.len() - 1]);
        if !is_same(low, high) {
            n_runs += 1;
            n_crowded += usize::from(numbers(low, high) < 4.0 * rows);
            n_numbers += numbers(low, high).min(rows);
        }
    }
    let few = n_numbers < 2.0 * MANY as f64;
    20 * n_close > n_pairs || (8 * n_crowded > n_runs && few)
}

/// How far the `f32` from this size on are apart.
fn spacing(size: f64) -> f64 {
    (size * f64::from(f32::EPSILON) / 2.0).max(f64::from(f32::from_bits(1)))
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use crate::random::Seed;

    fn draw(n: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
        let seed = Seed::new(3);
        (0..n).map(|i| f(seed.normal(i as u64))).collect()
    }

    #[test]
    fn ordinary_numbers_stay() {
        for n in [2, 30, 256, 3_000, 200_000] {
            let uniform = |z: f64| (z * 1e6).rem_euclid(1.0);
            let cents = |z: f64| (z.abs() * 1e4).round() / 100.0;
            for values in [
                draw(n, |z| z),
                draw(n, |z| 100.0 + 15.0 * z),
                draw(n, f64::exp),
                draw(n, uniform),
                draw(n, cents),
                draw(n, |z| (z * 10.0).round() + 0.1),
                draw(n, |z| if z > 0.0 { 0.3 } else { 0.1 + 0.2 }),
                vec![1.7e9 + 1.0; n],
                vec![f64::NAN; n],
            ] {
                assert!(Placement::of_values(&values).is_as_is());
            }
        }
    }

    #[test]
    fn large_numbers_are_moved() {
        for n in [60, 3_000, 100_000] {
            let seconds: Vec<f64> = (0..n).map(|i| 1.7e9 + f64::from(i % 1_200)).collect();
            let Placement::Less(origin) = Placement::of_values(&seconds) else {
                panic!("{n}");
            };
            assert!((1.7e9..1.7e9 + 1_200.0).contains(&origin) && origin.fract() == 0.0);
            // Neither missing cells nor a value for them matter.
            let mut odd = seconds.clone();
            for i in (0..odd.len()).step_by(3) {
                odd[i] = if i % 2 == 0 { f64::NAN } else { 0.0 };
            }
            assert!(matches!(Placement::of_values(&odd), Placement::Less(o) if o > 1.6e9));
        }
        // One in twenty rows has the other of two values.
        let rare: Vec<f64> = (0..1_000)
            .map(|i| 1e9 + f64::from(u8::from(i % 20 == 0)))
            .collect();
        assert_eq!(Placement::of_values(&rare), Placement::Less(1e9));
    }

    #[test]
    fn numbers_far_apart_and_close_together_get_their_places() {
        let values: Vec<f64> = (0..900)
            .map(|i| f64::from(i % 3) * 1e12 + f64::from(i) / 8.0)
            .collect();
        let placement = Placement::of_values(&values);
        let Placement::Among(kept) = &placement else {
            panic!("{placement:?}");
        };
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        assert_eq!(*kept, sorted);
        for (k, &value) in sorted.iter().enumerate() {
            assert_eq!(placement.place(value), k as f64);
        }
        assert_eq!(placement.place(f64::midpoint(sorted[1], sorted[2])), 1.5);
        assert_eq!(placement.place(f64::NEG_INFINITY), -1.0);
        assert_eq!(placement.place(f64::INFINITY), 900.0);
        assert!(placement.place(f64::NAN).is_nan());
    }
}
