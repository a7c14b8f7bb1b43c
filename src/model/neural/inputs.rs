//! From features to inputs: levels to rows of tables, numbers to a common scale. Learned from the
//! rows that the network is trained on.

use serde::{Deserialize, Serialize};

use super::options::{NumericEmbedding, NumericScaling};
use super::tables::{Kind, TableShape};
use crate::data::{FeatureKind, Features, Numbers, Provenance, RowIndex};
use crate::error::Result;
use crate::numeric::normal::inverse_normal;
use crate::numeric::quantile::even_orders;
use crate::parallel;

/// How many quantiles a curve of normal scores has at most.
const N_QUANTILES: usize = 1000;
/// The most standard deviations that a number is from the mean, so that sums stay finite.
const FARTHEST: f64 = 1e6;
/// Rows that are encoded by one task.
const CHUNK: usize = 256;

/// How the features become inputs, one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Inputs {
    sources: Vec<Source>,
    /// How many numbers there are a row: scaled features, then marks of missing ones.
    n_numbers: usize,
    n_scaled: usize,
}

/// What becomes of a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Source {
    /// A row of a table.
    Levels(Levels),
    /// A place between rows of a table.
    Knots(Knots),
    /// A number, and a mark if it is missing.
    Number {
        curve: Curve,
        column: usize,
        mark: Option<usize>,
    },
}

/// The table rows of a feature's codes. Row 0 is for codes that are rare or were not trained on;
/// others are numbered in the order in which they first occur, so that it does not matter what
/// code a level has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Levels {
    row_of_code: Vec<u32>,
    pub(super) missing_row: u32,
    /// How many training rows each table row stands for.
    pub(super) counts: Vec<u64>,
}

impl Levels {
    fn new(values: &[f32], rows: RowIndex<'_>, n_codes: u32, min_count: usize) -> Self {
        // Missing values come last.
        let mut counts = vec![0_u64; n_codes as usize + 1];
        let mut order = Vec::new();
        let unseen = u64::default();
        let mut n_unknown = 0;
        for row in rows.iter() {
            let Some(slot) = slot(values[row], n_codes) else {
                n_unknown += 1;
                continue;
            };
            if counts[slot] == unseen {
                order.push(slot);
            }
            counts[slot] += 1;
        }
        let mut row_of_slot = vec![0_u32; counts.len()];
        let mut kept = vec![n_unknown];
        for slot in order {
            if counts[slot] >= min_count as u64 {
                row_of_slot[slot] = u32::try_from(kept.len()).unwrap_or(0);
                kept.push(counts[slot]);
            } else {
                kept[0] += counts[slot];
            }
        }
        let missing_row = row_of_slot.pop().unwrap_or(0);
        Self {
            row_of_code: row_of_slot,
            missing_row,
            counts: kept,
        }
    }

    pub(super) fn row_of_code(&self, code: u32) -> u32 {
        self.row_of_code.get(code as usize).copied().unwrap_or(0)
    }

    fn row(&self, value: f32) -> u32 {
        if value.is_nan() {
            return self.missing_row;
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "codes are below 2^32 by their type"
        )]
        slot(value, self.row_of_code.len() as u32).map_or(0, |slot| self.row_of_code[slot])
    }
}

/// The code as an index, `n_codes` for a missing value, `None` for what is no code.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "whole and within bounds where it is used"
)]
fn slot(value: f32, n_codes: u32) -> Option<usize> {
    if value.is_nan() {
        return Some(n_codes as usize);
    }
    let code = value as u32;
    (code < n_codes && code as f32 == value).then_some(code as usize)
}

/// The values of a feature at which its vector is trained, in ascending order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Knots(pub(super) Vec<f32>);

impl Knots {
    /// One knot more than pieces, at most: a value that by itself has the weight of a piece is a
    /// knot, and the other knots divide the weight of the other values evenly. So a feature that is
    /// mostly 0 has its knots where it is not. (One more still if values of next to no weight are
    /// beside as many heavy ones as there are pieces.)
    pub(super) fn new(
        values: &[f32],
        rows: RowIndex<'_>,
        weights: Option<&[f64]>,
        n_bins: usize,
    ) -> Self {
        let weight = |i: usize| weights.map_or(1.0, |weights| weights[i]);
        let mut pairs: Vec<(f32, f64)> = rows
            .iter()
            .enumerate()
            .map(|(i, row)| (values[row], weight(i)))
            .filter(|(value, weight)| !value.is_nan() && *weight > 0.0)
            .collect();
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        // Distinct values; 0 and -0 are one.
        pairs.dedup_by(|next, kept| {
            let is_same = next.0 <= kept.0;
            if is_same {
                kept.1 += next.1;
            }
            is_same
        });
        if pairs.len().saturating_sub(1) <= n_bins {
            let mut knots: Vec<f32> = pairs.iter().map(|pair| pair.0).collect();
            if knots.is_empty() {
                knots.push(0.0);
            }
            return Self(knots);
        }
        let total: f64 = pairs.iter().map(|pair| pair.1).sum();
        let is_heavy = |pair: &(f32, f64)| pair.1 >= total / n_bins as f64;
        let n_heavy = pairs.iter().filter(|pair| is_heavy(pair)).count();
        let n_light = pairs.len() - n_heavy;
        let light: f64 = pairs
            .iter()
            .filter(|pair| !is_heavy(pair))
            .map(|pair| pair.1)
            .sum();
        // The ends of this many parts of the weight of light values.
        let n_parts = n_bins.saturating_sub(n_heavy).max(1) as f64;
        let (mut knots, mut seen, mut part, mut place) = (Vec::new(), 0.0, 0.0, 0);
        for pair in &pairs {
            if is_heavy(pair) {
                knots.push(pair.0);
                continue;
            }
            place += 1;
            seen += pair.1;
            // The first, the last, and those that pass the end of a part before the last.
            let passes = part < n_parts && seen >= light * part / n_parts;
            if place == 1 || place == n_light || passes {
                knots.push(pair.0);
                part = (seen / light * n_parts).floor() + 1.0;
            }
        }
        Self(knots)
    }

    /// The place of a number among the knots: 0 up to the first, 1.5 midway from the second to the
    /// third; NaN for a missing one.
    pub(super) fn place(&self, value: f32) -> f32 {
        let last = self.0.len() - 1;
        if value.is_nan() {
            return f32::NAN;
        }
        let above = self.0.partition_point(|&knot| knot <= value);
        if above == 0 {
            return 0.0;
        }
        if above > last {
            return last as f32;
        }
        let share = share_between(self.0[above - 1], self.0[above], value);
        (above - 1) as f32 + share.min(1.0 - f32::EPSILON)
    }
}

/// How far a value is from one number to the next: in 64 bits, as differences of 32 may be too large
/// or too small for them.
#[allow(clippy::cast_possible_truncation, reason = "a share")]
fn share_between(low: f32, high: f32, value: f32) -> f32 {
    let (low, high, value) = (f64::from(low), f64::from(high), f64::from(value));
    ((value - low) / (high - low)) as f32
}

/// A piecewise linear function, flat beyond its ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Curve {
    /// `(x - mean) * factor`.
    Line { mean: f64, factor: f64 },
    /// Between these points, in ascending order.
    Points(Vec<(f32, f32)>),
}

impl Curve {
    fn new(numbers: Numbers<'_>, weights: Option<&[f64]>, scaling: NumericScaling) -> Self {
        let mut sample = numbers.sample(weights);
        match scaling {
            NumericScaling::Standard => {
                let (mean, factor) = sample.moments().mean_and_scale();
                Self::Line { mean, factor }
            }
            NumericScaling::Quantile => {
                let m = N_QUANTILES.min(numbers.len()).max(2);
                Self::Points(normal_scores(&sample.quantiles(&even_orders(m))))
            }
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "inputs have 32 bits")]
    fn at(&self, x: f32) -> f32 {
        if x.is_nan() {
            return 0.0;
        }
        match self {
            Self::Line { mean, factor } => {
                let scaled = (f64::from(x) - mean) * factor;
                scaled.clamp(-FARTHEST, FARTHEST) as f32
            }
            Self::Points(points) => {
                let above = points.partition_point(|&(value, _)| value <= x);
                match (above.checked_sub(1).map(|k| points[k]), points.get(above)) {
                    (None, None) => 0.0,
                    (Some((_, y)), None) | (None, Some(&(_, y))) => y,
                    (Some((low, y_low)), Some(&(high, y_high))) => {
                        y_low + (y_high - y_low) * share_between(low, high, x)
                    }
                }
            }
        }
    }
}

/// The normal score of each distinct quantile's middle place; the ends are half a place in.
#[allow(clippy::cast_possible_truncation, reason = "inputs have 32 bits")]
fn normal_scores(quantiles: &[f64]) -> Vec<(f32, f32)> {
    let n = quantiles.len() as f64;
    let mut points: Vec<(f32, f32)> = Vec::new();
    let mut start = 0;
    while start < quantiles.len() {
        let value = quantiles[start] as f32;
        let same = |&&q: &&f64| q as f32 <= value;
        let end = start + quantiles[start..].iter().take_while(same).count().max(1);
        // Places are 0.5, 1.5, .. of n.
        let middle = f64::midpoint(start as f64, end as f64) / n;
        points.push((value, inverse_normal(middle) as f32));
        start = end;
    }
    points
}

/// Features of rows as inputs.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) n_rows: usize,
    /// `n_rows` times `n_numbers`, row after row.
    pub(super) numbers: Vec<f32>,
    /// By table.
    pub(super) lookups: Vec<Lookup>,
}

/// Where a table is read, by row.
#[derive(Debug)]
pub(super) enum Lookup {
    Rows(Vec<u32>),
    Places(Vec<f32>),
}

/// The options that say how features become inputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputOptions {
    pub(super) scaling: NumericScaling,
    pub(super) embedding: NumericEmbedding,
    pub(super) min_level_count: usize,
}

impl Inputs {
    /// Learns from the given rows of features, of these weights by row of the features.
    pub(super) fn new<P: Provenance>(
        features: &Features<P>,
        rows: RowIndex<'_>,
        weights: Option<&[f64]>,
        options: InputOptions,
    ) -> Result<Self> {
        features.check_not_infinite()?;
        let weights = weights.map(|weights| rows.gather(weights));
        let weights = weights.as_deref();
        let learned = parallel::map(0..features.n_features(), |_, j| {
            let values = features.column(j);
            if let FeatureKind::Code { n_codes } = features.fields()[j].kind() {
                let levels = Levels::new(values, rows, n_codes, options.min_level_count);
                return (Source::Levels(levels), false);
            }
            let numbers = Numbers::of_feature(values).at(rows);
            if let NumericEmbedding::PiecewiseLinear { n_bins, .. } = options.embedding {
                return (
                    Source::Knots(Knots::new(values, rows, weights, n_bins)),
                    false,
                );
            }
            let curve = Curve::new(numbers, weights, options.scaling);
            let source = Source::Number {
                curve,
                column: 0,
                mark: None,
            };
            (source, numbers.any_missing())
        });
        let is_number = |(source, _): &&(Source, bool)| matches!(source, Source::Number { .. });
        let n_scaled = learned.iter().filter(is_number).count();
        let (mut n_columns, mut n_numbers) = (0, n_scaled);
        let place = |(mut source, has_missing): (Source, bool)| {
            if let Source::Number { column, mark, .. } = &mut source {
                *column = n_columns;
                n_columns += 1;
                if has_missing {
                    *mark = Some(n_numbers);
                    n_numbers += 1;
                }
            }
            source
        };
        let sources = learned.into_iter().map(place).collect();
        Ok(Self {
            sources,
            n_numbers,
            n_scaled,
        })
    }

    /// How many numbers there are a row.
    pub(super) fn n_numbers(&self) -> usize {
        self.n_numbers
    }

    /// How many of them, the first ones, are scaled features.
    pub(super) fn n_scaled(&self) -> usize {
        self.n_scaled
    }

    /// The rows of each table, in the order of the features, and how their vectors are sized.
    pub(super) fn tables(&self, size_of: impl Fn(usize, usize) -> usize) -> Vec<TableShape> {
        let shape = |(feature, source): (usize, &Source)| {
            let (n_rows, kind) = match source {
                Source::Levels(levels) => (levels.counts.len(), Kind::Levels),
                // One for missing values.
                Source::Knots(knots) => (knots.0.len() + 1, Kind::Knots),
                Source::Number { .. } => return None,
            };
            Some(TableShape {
                n_rows,
                kind,
                size: size_of(feature, n_rows),
            })
        };
        self.sources.iter().enumerate().filter_map(shape).collect()
    }

    /// The table of a feature and its levels, if it has a table of levels.
    pub(super) fn levels(&self, feature: usize) -> Option<(usize, &Levels)> {
        let is_table = |source: &&Source| !matches!(source, Source::Number { .. });
        let table = self.sources[..feature].iter().filter(is_table).count();
        match &self.sources[feature] {
            Source::Levels(levels) => Some((table, levels)),
            _ => None,
        }
    }

    /// The inputs of all rows.
    pub(super) fn encode<P: Provenance>(&self, features: &Features<P>) -> Result<Encoded> {
        features.check_not_infinite()?;
        let n_rows = features.n_rows();
        let lookups = parallel::map(&self.sources, |j, source| {
            let values = features.column(j).iter();
            match source {
                Source::Levels(levels) => {
                    Some(Lookup::Rows(values.map(|&v| levels.row(v)).collect()))
                }
                Source::Knots(knots) => {
                    Some(Lookup::Places(values.map(|&v| knots.place(v)).collect()))
                }
                Source::Number { .. } => None,
            }
        });
        let mut numbers = vec![0.0; n_rows * self.n_numbers];
        if self.n_numbers > 0 {
            let chunks = numbers.chunks_mut(CHUNK * self.n_numbers);
            parallel::for_each(chunks, |chunk, out| {
                let first = chunk * CHUNK;
                let n = out.len() / self.n_numbers;
                for (j, source) in self.sources.iter().enumerate() {
                    let Source::Number {
                        curve,
                        column,
                        mark,
                    } = source
                    else {
                        continue;
                    };
                    let values = &features.column(j)[first..first + n];
                    for (out, &value) in out.chunks_exact_mut(self.n_numbers).zip(values) {
                        out[*column] = curve.at(value);
                        if let Some(mark) = mark {
                            out[*mark] = f32::from(u8::from(value.is_nan()));
                        }
                    }
                }
            });
        }
        Ok(Encoded {
            n_rows,
            numbers,
            lookups: lookups.into_iter().flatten().collect(),
        })
    }

    /// The inputs of one row: writes its numbers, and gives where each table is read.
    pub(super) fn encode_row(
        &self,
        row: &[f32],
        numbers: &mut [f32],
        mut place: impl FnMut(usize, Place),
    ) {
        let mut table = 0;
        for (source, &value) in self.sources.iter().zip(row) {
            match source {
                Source::Levels(levels) => {
                    place(table, Place::Row(levels.row(value)));
                    table += 1;
                }
                Source::Knots(knots) => {
                    place(table, Place::Between(knots.place(value)));
                    table += 1;
                }
                Source::Number {
                    curve,
                    column,
                    mark,
                } => {
                    numbers[*column] = curve.at(value);
                    if let Some(mark) = mark {
                        numbers[*mark] = f32::from(u8::from(value.is_nan()));
                    }
                }
            }
        }
    }
}

/// Where one row reads a table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Row(u32),
    Between(f32),
}
