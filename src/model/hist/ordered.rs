//! Numbers in place of codes of many levels.

use super::bins::{FeatureBins, code_of, statistic_slot};
use super::boosting::{Data, FittedHistGradientBoosting};
use super::options::HighCardinality;
use crate::data::weighty;
use crate::data::{DynTarget, Feature, FeatureKind, Features, FitContext, InSample, RowIndex};
use crate::error::Result;
use crate::numeric::ordered::{Pass, by_time, smoothed_mean};
use crate::numeric::quantile::origin_of_means;

/// The weight of the prior.
const PRIOR_WEIGHT: f64 = 1.0;

/// The ordered target statistics of the codes that have many levels.
pub(super) struct Statistics {
    /// By code and output, those of the first output first: it takes the code's place, and the
    /// others stand after all features.
    columns: Vec<Statistic>,
}

struct Statistic {
    /// The code.
    source: usize,
    /// Where it stands.
    place: usize,
    name: String,
    /// By row.
    values: Vec<f32>,
    /// By code, then of missing values, and last of all else, for rows to predict.
    by_slot: Vec<f32>,
}

impl Statistics {
    /// Those of the rows to grow trees on; none if no code has so many levels.
    pub(super) fn new(
        option: HighCardinality,
        features: &Features<InSample>,
        data: &Data,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Option<Self> {
        let HighCardinality::OrderedStatistic { more_than } = option else {
            return None;
        };
        let rows = data.train.as_deref();
        let rows = rows.map_or(RowIndex::All(features.n_rows()), RowIndex::Some);
        let codes: Vec<(usize, usize)> = (0..features.n_features())
            .filter_map(|j| Some((j, n_codes(features, j, rows, more_than)?)))
            .collect();
        if codes.is_empty() {
            return None;
        }
        let n_outputs = target.n_outputs();
        let mut outputs: Vec<Vec<f64>> = (0..n_outputs).map(|k| target.output(k, rows)).collect();
        let weights = data.weights_train().unwrap_or_default();
        if target.class_names().is_empty() {
            // Of values far from 0, f32 would not tell means apart.
            let weighty = weighty((!weights.is_empty()).then_some(&weights));
            for values in &mut outputs {
                let origin = origin_of_means(values, weighty.as_deref());
                for value in values {
                    *value -= origin;
                }
            }
        }
        let (order, ends) = if let Some(time) = context.time() {
            by_time(&rows.gather(time))
        } else {
            let mut order: Vec<u32> = (0..).take(rows.len()).collect();
            let seed = data.seed.child("ordered statistic");
            seed.stream().shuffle(&mut order);
            (order, Vec::new())
        };
        let pass = Pass::new(&outputs, &weights, None, order, ends);
        let mut columns = Vec::with_capacity(codes.len() * n_outputs);
        let mut next = features.n_features();
        for (k, output) in outputs.iter().enumerate() {
            for &(source, n_codes) in &codes {
                let column = features.column(source);
                let n_slots = n_codes + 2;
                let all: Vec<u32> = column.iter().map(|&v| slot(v, n_slots)).collect();
                let slots = rows.gather(&all);
                let by_slot = by_slot(&slots, n_slots, output, &weights);
                let mut values: Vec<f32> = all.iter().map(|&s| by_slot[s as usize]).collect();
                let mut sums = vec![0.0; rows.len()];
                let odd = u32::try_from(n_slots - 1).ok();
                pass.add(&slots, n_slots, odd, k, PRIOR_WEIGHT, &mut sums);
                for (row, sum) in rows.iter().zip(sums) {
                    values[row] = to_feature(sum);
                }
                let name = features.fields()[source].name();
                let (place, name) = if k == 0 {
                    (source, name.to_owned())
                } else {
                    next += 1;
                    (next - 1, format!("{name}, output {k}"))
                };
                columns.push(Statistic {
                    source,
                    place,
                    name,
                    values,
                    by_slot,
                });
            }
        }
        Some(Self { columns })
    }

    /// The features with the statistics of training rows.
    pub(super) fn features(&self, features: &Features<InSample>) -> Result<Features<InSample>> {
        let n_rows = features.n_rows();
        let mut fields = features.fields().to_vec();
        let mut values = features.as_slice().to_vec();
        for statistic in &self.columns {
            let field = Feature::number(statistic.name.clone());
            if let Some(old) = fields.get_mut(statistic.place) {
                *old = field;
                let start = statistic.place * n_rows;
                values[start..start + n_rows].copy_from_slice(&statistic.values);
            } else {
                fields.push(field);
                values.extend_from_slice(&statistic.values);
            }
        }
        Features::from_buffer(fields, n_rows, values)
    }

    /// A model that was fitted on these statistics, as one of the codes.
    pub(super) fn put_back(
        &self,
        mut fitted: FittedHistGradientBoosting<()>,
        features: &Features<InSample>,
    ) -> FittedHistGradientBoosting<()> {
        let numbers = fitted.bins;
        let mut replaced: Vec<Option<&FeatureBins>> = vec![None; numbers.len()];
        let mut bins = numbers.to_vec();
        for statistic in &self.columns {
            let number = &numbers[statistic.place];
            replaced[statistic.place] = Some(number);
            bins[statistic.place] = number.of_statistic(statistic.source, &statistic.by_slot);
        }
        for tree in &mut fitted.trees {
            tree.split_by_sets(&replaced);
        }
        fitted.bins = bins.into();
        fitted.fields = features.shared_fields();
        fitted
    }
}

/// One more than the largest code of the rows, if they have more levels than so many.
fn n_codes(
    features: &Features<InSample>,
    feature: usize,
    rows: RowIndex<'_>,
    more_than: usize,
) -> Option<usize> {
    let FeatureKind::Code { n_codes } = features.fields()[feature].kind() else {
        return None;
    };
    let column = features.column(feature);
    let codes = || rows.iter().filter_map(|row| code_of(column[row]));
    let largest = codes().filter(|&code| code < n_codes).max()? as usize;
    let mut seen = vec![false; largest + 1];
    for code in codes() {
        if let Some(seen) = seen.get_mut(code as usize) {
            *seen = true;
        }
    }
    (seen.into_iter().filter(|&seen| seen).count() > more_than).then_some(largest + 1)
}

/// Codes are below 2^24.
#[allow(clippy::cast_possible_truncation, reason = "as said")]
fn slot(value: f32, n_slots: usize) -> u32 {
    statistic_slot(value, n_slots) as u32
}

/// The statistic of each slot over all of the rows.
fn by_slot(slots: &[u32], n_slots: usize, output: &[f64], weights: &[f64]) -> Vec<f32> {
    let mut sums = vec![(0.0, 0.0); n_slots];
    let (mut weight, mut sum) = (0.0, 0.0);
    for (i, (&slot, y)) in slots.iter().zip(output).enumerate() {
        let w = weights.get(i).copied().unwrap_or(1.0);
        let level: &mut (f64, f64) = &mut sums[slot as usize];
        *level = (level.0 + w, level.1 + w * y);
        (weight, sum) = (weight + w, sum + w * y);
    }
    let prior = sum / weight;
    // What is no code is no level.
    sums[n_slots - 1] = (0.0, 0.0);
    let statistic = |(weight, sum)| to_feature(smoothed_mean(weight, sum, PRIOR_WEIGHT, prior));
    sums.into_iter().map(statistic).collect()
}

#[allow(clippy::cast_possible_truncation, reason = "features are f32")]
fn to_feature(value: f64) -> f32 {
    value as f32
}
