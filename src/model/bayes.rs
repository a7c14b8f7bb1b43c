//! Gaussian naive Bayes, one pass over each feature.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::common::blocks::fill_in_blocks;
use super::common::training::{check_lengths, weights_of};
use super::{ClassWeight, Estimator, Predictor};
use crate::data::{
    Feature, Features, FitContext, InSample, Labels, OutOfSample, Probabilities, Target,
};
use crate::error::{Error, Result};
use crate::numeric::links::softmax_columns;
use crate::numeric::moments::Moments;
use crate::numeric::sums::RUN;
use crate::options::{above_zero, options};
use crate::parallel;

/// Rows that are predicted together.
const BLOCK: usize = 1024;

/// Gaussian naive Bayes for two classes or more, on features as they are.
///
/// Within class `c`, which has the share `p_c` of the training rows, features are taken as
/// independent and normal: the probability of `c` is `p_c prod_j N(x_j; m_cj, v_cj + s v_j)` divided
/// by the sum over classes, computed from logarithms relative to the row's largest. `m_cj` and `v_cj`
/// are the mean and the variance of feature `j` within the class (divided by the number of rows, or
/// by their weights if they have any), `v_j` is its variance over all rows and `s` the smoothing. On
/// standardised features this is scikit-learn's `GaussianNB(var_smoothing=s)`.
///
/// A missing value is left out of the feature's means and variances, and of the product of its row
/// when it is predicted: a row without any value gets the shares. A feature that is constant, or that
/// some class has no value of, is left out of the model. An infinite value is an error that names the
/// feature and the row.
///
/// Where features are not independent, the probabilities are far too close to 0 and 1, but rank
/// well: a blender puts that right.
///
/// Cost: `n p`, the cheapest model here, on all threads. A fit goes once over the features and holds
/// nothing of their size.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::bayes::GaussianNaiveBayes;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 5, vec![-1.0, 1.0, f32::NAN, 9.0, 11.0])?;
/// let y = Labels::from_strs(&["a", "a", "a", "b", "b"])?;
/// let model = GaussianNaiveBayes::new();
/// let fitted = model.fit(&x.assume_in_sample(), &y, &FitContext::default())?;
/// // In the middle, and without a value, the shares are all there is.
/// let new = Features::new(vec![Feature::number("x")], 2, vec![5.0, f32::NAN])?;
/// for p in fitted.predict(&new)?.positive() {
///     assert!((p - 0.4).abs() < 1e-9);
/// }
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianNaiveBayes {
    smoothing: f64,
}

impl Default for GaussianNaiveBayes {
    fn default() -> Self {
        Self { smoothing: 1e-3 }
    }
}

impl GaussianNaiveBayes {
    /// Gaussian naive Bayes with a smoothing of 0.001.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// What is added to the variance of each feature within a class, as a share of the
        /// feature's variance over all rows; 0.001 by default.
        with_smoothing(smoothing: f64);
    }
}

/// A fitted [`GaussianNaiveBayes`].
///
/// The probabilities of a row do not depend on the rows that are predicted with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FittedGaussianNaiveBayes {
    fields: Arc<[Feature]>,
    /// The target with no row: what to make of probabilities.
    outcome: Labels,
    /// The classes among the training rows.
    classes: Vec<Class>,
    /// The position of each feature that is not left out, in order.
    kept: Vec<usize>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Class {
    code: usize,
    log_share: f64,
    /// One a feature that is not left out.
    normals: Vec<Normal>,
}

/// A normal distribution: the logarithm of its density at `x` is `top - half (x - mean)^2`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Normal {
    mean: f64,
    half: f64,
    top: f64,
}

impl Normal {
    fn new(mean: f64, variance: f64) -> Self {
        Self {
            mean,
            half: 0.5 / variance,
            top: -0.5 * (2.0 * std::f64::consts::PI * variance).ln(),
        }
    }
}

impl Estimator<Labels> for GaussianNaiveBayes {
    type Fitted = FittedGaussianNaiveBayes;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        above_zero("smoothing", self.smoothing)?;
        check_lengths(features.n_rows(), target, context)?;
        if features.n_features() == 0 {
            return Err(Error::no_features());
        }
        let weights = weights_of(target, context, &ClassWeight::Equal)?.unwrap_or_default();
        let rows = RowsByClass::new(target, &weights);
        let total: f64 = rows.class_weights.iter().sum();
        if total <= 0.0 {
            return Err(Error::data("weights with a positive sum", "only zeros"));
        }
        features.check_not_infinite()?;
        let present: Vec<usize> = (0..rows.class_weights.len())
            .filter(|&class| rows.class_weights[class] > 0.0)
            .collect();
        let normals = parallel::map(0..features.n_features(), |_, j| {
            let (shift, moments) = rows.moments(features.column(j));
            self.normals(shift, &moments, &present)
        });
        let kept = (0..normals.len()).filter(|&j| normals[j].is_some());
        let classes = present.iter().enumerate().map(|(at, &code)| Class {
            code,
            log_share: (rows.class_weights[code] / total).ln(),
            normals: normals.iter().flatten().map(|normal| normal[at]).collect(),
        });
        Ok(FittedGaussianNaiveBayes {
            fields: features.shared_fields(),
            outcome: target.take(&[]),
            kept: kept.collect(),
            classes: classes.collect(),
        })
    }
}

impl GaussianNaiveBayes {
    /// One distribution a class that is present; none for a feature that is left out.
    fn normals(self, shift: f64, moments: &[Moments], present: &[usize]) -> Option<Vec<Normal>> {
        let overall = moments.iter().fold(Moments::default(), |a, &b| a.merge(b));
        let added = self.smoothing * overall.variance();
        let has_all = present.iter().all(|&class| moments[class].weight > 0.0);
        (added > 0.0 && has_all).then(|| {
            let moments = present.iter().map(|&class| moments[class]);
            moments
                .map(|m| Normal::new(shift + m.mean, m.variance() + added))
                .collect()
        })
    }
}

/// The rows of weight above 0 of each run, by class.
struct RowsByClass {
    /// Positions within a run, run by run and class by class.
    positions: Vec<u16>,
    /// Where the positions of a class of a run end, at `run * n_classes + class`.
    ends: Vec<usize>,
    /// The weights of these rows; empty if all are one.
    weights: Vec<f64>,
    class_weights: Vec<f64>,
}

impl RowsByClass {
    fn new(target: &Labels, weights: &[f64]) -> Self {
        let n_classes = target.n_classes();
        let mut rows = Self {
            positions: Vec::with_capacity(target.n_rows()),
            ends: Vec::with_capacity(target.n_rows().div_ceil(RUN) * n_classes),
            weights: Vec::with_capacity(weights.len()),
            class_weights: vec![0.0; n_classes],
        };
        let mut of_class = vec![Vec::new(); n_classes];
        for (run, codes) in target.codes().chunks(RUN).enumerate() {
            for (position, &code) in (0_u16..).zip(codes) {
                of_class[code as usize].push(position);
            }
            for (class, positions) in of_class.iter_mut().enumerate() {
                if weights.is_empty() {
                    rows.class_weights[class] += positions.len() as f64;
                    rows.positions.append(positions);
                } else {
                    for position in positions.drain(..) {
                        let weight = weights[run * RUN + usize::from(position)];
                        if weight > 0.0 {
                            rows.class_weights[class] += weight;
                            rows.positions.push(position);
                            rows.weights.push(weight);
                        }
                    }
                }
                rows.ends.push(rows.positions.len());
            }
        }
        rows
    }

    /// The moments of the values of each class that are not missing, and the number that they are
    /// distances from.
    fn moments(&self, column: &[f32]) -> (f64, Vec<Moments>) {
        let n_classes = self.class_weights.len();
        let mut moments = vec![Moments::default(); n_classes];
        let mut distances = Vec::with_capacity(RUN);
        let mut weights = Vec::with_capacity(if self.weights.is_empty() { 0 } else { RUN });
        let mut shift = None;
        let mut start = 0;
        for (run, ends) in column.chunks(RUN).zip(self.ends.chunks_exact(n_classes)) {
            for (moments, &end) in moments.iter_mut().zip(ends) {
                let positions = &self.positions[start..end];
                let value = |&position: &u16| run[usize::from(position)];
                if shift.is_none() {
                    shift = positions.iter().map(value).find(|v| !v.is_nan());
                }
                let from = f64::from(shift.unwrap_or(0.0));
                distances.clear();
                distances.extend(positions.iter().map(|p| f64::from(value(p)) - from));
                weights.clear();
                weights.extend_from_slice(self.weights.get(start..end).unwrap_or_default());
                drop_missing(&mut distances, &mut weights);
                *moments = moments.merge(Moments::of(&distances, &weights));
                start = end;
            }
        }
        (f64::from(shift.unwrap_or(0.0)), moments)
    }
}

/// Drops the missing values and, if there are weights, theirs.
fn drop_missing(values: &mut Vec<f64>, weights: &mut Vec<f64>) {
    if !values.iter().fold(false, |found, v| found | v.is_nan()) {
        return;
    }
    let mut value = values.iter();
    weights.retain(|_| value.next().is_some_and(|v| !v.is_nan()));
    values.retain(|v| !v.is_nan());
}

impl FittedGaussianNaiveBayes {
    /// The features that the model was fitted on.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.fields
    }

    /// The features that are in the model: neither constant nor without a value in some class.
    #[must_use]
    pub fn used_features(&self) -> Vec<&Feature> {
        self.kept.iter().map(|&j| &self.fields[j]).collect()
    }

    /// Writes the logarithm of each class's share and densities, up to a number that is the same for
    /// all classes of a row.
    fn log_densities(
        &self,
        features: &Features<OutOfSample>,
        first: usize,
        logs: &mut [&mut [f64]],
    ) {
        for (log, class) in logs.iter_mut().zip(&self.classes) {
            log.fill(class.log_share);
        }
        for (at, &j) in self.kept.iter().enumerate() {
            let column = &features.column(j)[first..];
            for (log, class) in logs.iter_mut().zip(&self.classes) {
                let Normal { mean, half, top } = class.normals[at];
                for (log, &x) in log.iter_mut().zip(column) {
                    let distance = f64::from(x) - mean;
                    let density = top - half * (distance * distance);
                    *log += if density.is_nan() { 0.0 } else { density };
                }
            }
        }
    }
}

impl Predictor<Labels> for FittedGaussianNaiveBayes {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Probabilities> {
        features.check_fields(&self.fields)?;
        features.check_not_infinite()?;
        let n_rows = features.n_rows();
        let mut columns = vec![vec![0.0; n_rows]; self.classes.len()];
        fill_in_blocks(&mut columns, BLOCK, |first, logs| {
            self.log_densities(features, first, logs);
            softmax_columns(logs);
        });
        let mut outputs = vec![Vec::new(); self.outcome.n_classes()];
        for (column, class) in columns.into_iter().zip(&self.classes) {
            outputs[class.code] = column;
        }
        for output in &mut outputs {
            output.resize(n_rows, 0.0);
        }
        self.outcome.prediction(outputs)
    }
}
