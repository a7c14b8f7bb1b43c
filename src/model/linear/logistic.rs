//! Logistic regression.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lbfgs::{Settings, minimise};
use super::objective::{Classes, Objective, raw_score};
use super::standard::Standard;
use crate::data::{
    Feature, Features, FitContext, InSample, Labels, OutOfSample, Probabilities, Target,
};
use crate::error::{Error, Result};
use crate::model::common::blocks::fill_in_blocks;
use crate::model::common::training::{check_lengths, weights_of};
use crate::model::{ClassWeight, Estimator, Predictor};
use crate::numeric::links::{binary_softmax, softmax_columns};
use crate::numeric::products::Columns;
use crate::options::{above_zero, at_least_one, at_least_zero, options};
use crate::progress::Event;

/// Rows that are predicted together.
const BLOCK: usize = 1024;

/// Logistic regression for two classes or more, with a penalty on squares.
///
/// Minimises `sum_i w_i -ln p(y_i | x_i) + alpha / 2 * sum_j c_j^2` over the coefficients `c` of
/// standardised features `(x_j - m_j) / d_j` and over intercepts, which are not penalised: `m_j` and
/// `d_j` are the mean and the deviation of the training rows, by their weights if they have any. A
/// feature that is constant among them gets no coefficient. For two classes there is one score, and
/// the probability of the second is `1 / (1 + exp(-score))`; for more there is one a class, and
/// probabilities are `exp(score_k) / sum_l exp(score_l)`. A class that no training row (of weight
/// above 0) has gets the probability 0.
///
/// This is scikit-learn's `LogisticRegression(C=1 / alpha)` on standardised features. Minimised is
/// by L-BFGS (Nocedal 1980) on the mean over rows; if that has not converged after
/// [`with_max_iterations`](Self::with_max_iterations) steps, the coefficients are those of the last
/// one, without an error. With classes that can be told apart without error and `alpha` 0 there is no
/// minimum: coefficients grow until the gradient is below the tolerance.
///
/// Missing and infinite values are an error that names the feature and the row: put an imputer before
/// it. Rows' weights count; groups, times and the seed do not. A fit can be stopped after each step,
/// and tells of it (see [`progress`](crate::progress)): the loss is the mean with its penalty.
///
/// Cost: `2 n p` products a step and score, on all threads. Nothing of the size of the features is
/// held beside them: means and deviations are put into the coefficients.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::linear::LogisticRegression;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 6, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])?;
/// let y = Labels::from_strs(&["no", "no", "yes", "no", "yes", "yes"])?;
/// let model = LogisticRegression::new().with_tolerance(1e-9);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// // By symmetry the probability is one half in the middle.
/// let (slope, intercept) = (fitted.coefficients()[0][0], fitted.intercepts()[0]);
/// assert!(slope > 0.0 && (slope * 2.5 + intercept).abs() < 1e-6);
/// assert_eq!(fitted.predict(&x)?.positive()[5], 1.0 / (1.0 + (-(slope * 5.0 + intercept)).exp()));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    alpha: f64,
    max_iterations: usize,
    tolerance: f64,
    class_weight: ClassWeight,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self {
            alpha: 1.0,
            max_iterations: 200,
            tolerance: 1e-4,
            class_weight: ClassWeight::Equal,
        }
    }
}

impl LogisticRegression {
    /// Logistic regression with a penalty of 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// The penalty on the squares of the coefficients; 1 by default, 0 for none.
        with_alpha(alpha: f64);
        /// The most steps; 200 by default.
        with_max_iterations(max_iterations: usize);
        /// The largest derivative, in size, of the minimised sum divided by the sum of weights, at
        /// which to stop; 1e-4 by default, as in scikit-learn.
        with_tolerance(tolerance: f64);
    }

    /// Weights of classes, by which their rows' weights are multiplied; equal by default. Features
    /// are standardised without them.
    #[must_use]
    pub fn with_class_weight(mut self, class_weight: ClassWeight) -> Self {
        self.class_weight = class_weight;
        self
    }

    /// See [`with_class_weight`](Self::with_class_weight).
    #[must_use]
    pub fn class_weight(&self) -> &ClassWeight {
        &self.class_weight
    }
}

impl Estimator<Labels> for LogisticRegression {
    type Fitted = FittedLogisticRegression;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        at_least_zero("alpha", self.alpha)?;
        at_least_one("max_iterations", self.max_iterations)?;
        above_zero("tolerance", self.tolerance)?;
        check_lengths(features.n_rows(), target, context)?;
        if features.n_features() == 0 {
            return Err(Error::no_features());
        }
        let weights = weights_of(target, context, &self.class_weight)?.unwrap_or_default();
        let shares = class_weights(target, &weights);
        let total_weight: f64 = shares.iter().sum();
        if total_weight <= 0.0 {
            return Err(Error::data("weights with a positive sum", "only zeros"));
        }
        features.check_finite()?;
        let present: Vec<usize> = (0..shares.len()).filter(|&k| shares[k] > 0.0).collect();
        let mut fitted = FittedLogisticRegression {
            fields: features.shared_fields(),
            outcome: target.take(&[]),
            scores: Vec::new(),
            present,
        };
        if fitted.present.len() > 1 {
            let standard = Standard::of(features, context.weights().unwrap_or_default());
            let shares: Vec<f64> = fitted.present.iter().map(|&k| shares[k]).collect();
            let mut position = vec![0; target.n_classes()];
            for (at, &code) in fitted.present.iter().enumerate() {
                position[code] = at;
            }
            let objective = Objective {
                columns: Columns::new(features.as_slice(), features.n_rows()),
                standard: &standard,
                classes: Classes {
                    codes: target.codes(),
                    position: &position,
                    n_scores: n_scores(&fitted.present),
                },
                weights: &weights,
                total_weight,
                alpha: self.alpha,
            };
            let parameters = self.minimise(&objective, &shares, context)?;
            let scores = parameters.chunks_exact(features.n_features() + 1);
            fitted.scores = scores
                .map(|score| raw_score(&standard, score))
                .map(|(coefficients, intercept)| Score {
                    coefficients,
                    intercept,
                })
                .collect();
        }
        Ok(fitted)
    }
}

impl LogisticRegression {
    /// The parameters of the minimum, from the classes' shares alone on.
    fn minimise(
        &self,
        objective: &Objective<'_>,
        class_weights: &[f64],
        context: &FitContext<'_>,
    ) -> Result<Vec<f64>> {
        let logs: Vec<f64> = class_weights.iter().map(|w| w.ln()).collect();
        let intercepts = match logs[..] {
            [first, second] => vec![second - first],
            _ => logs,
        };
        let n_parameters = objective.standard.mean.len() + 1;
        let mut start = vec![0.0; intercepts.len() * n_parameters];
        for (score, intercept) in start.chunks_exact_mut(n_parameters).zip(intercepts) {
            score[n_parameters - 1] = intercept;
        }
        let total = objective.total_weight;
        let shares = class_weights.iter().map(|w| w / total);
        let spread: f64 = shares.map(|share| share * (1.0 - share)).sum();
        let settings = Settings {
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
            curvature: spread / class_weights.len() as f64 + self.alpha / total,
        };
        let go_on = || match context.progress() {
            Some(progress) if progress.is_stopped() => Err(Error::stopped()),
            _ => Ok(()),
        };
        go_on()?;
        minimise(
            start,
            settings,
            |parameters, gradient| objective.value(parameters, gradient),
            |iteration, value| {
                if let Some(progress) = context.progress() {
                    progress.event(&Event::Iteration {
                        model: "logistic regression",
                        iteration,
                        n_iterations: self.max_iterations,
                        train_loss: Some(value),
                        validation_loss: None,
                    });
                }
                go_on()
            },
        )
    }
}

/// How many scores so many classes have.
fn n_scores(present: &[usize]) -> usize {
    if present.len() == 2 { 1 } else { present.len() }
}

/// The sum of weights of each class; `weights` is empty if all are one.
fn class_weights(target: &Labels, weights: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; target.n_classes()];
    for (row, &code) in target.codes().iter().enumerate() {
        sums[code as usize] += weights.get(row).copied().unwrap_or(1.0);
    }
    sums
}

/// A fitted [`LogisticRegression`].
///
/// The probabilities of a row do not depend on the rows that are predicted with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FittedLogisticRegression {
    fields: Arc<[Feature]>,
    /// The target with no row: what to make of probabilities.
    outcome: Labels,
    /// One for two classes, that of the second; one a class for more.
    scores: Vec<Score>,
    /// The codes of the classes among the training rows.
    present: Vec<usize>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Score {
    coefficients: Vec<f64>,
    intercept: f64,
}

impl FittedLogisticRegression {
    /// The features that the model was fitted on.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.fields
    }

    /// The coefficients of the features as they are (not standardised), a slice a score: one score
    /// for two classes among the training rows, that of the second; one a class for more; none for
    /// one class.
    #[must_use]
    pub fn coefficients(&self) -> Vec<&[f64]> {
        let scores = self.scores.iter();
        scores.map(|score| score.coefficients.as_slice()).collect()
    }

    /// The intercept of each score.
    #[must_use]
    pub fn intercepts(&self) -> Vec<f64> {
        self.scores.iter().map(|score| score.intercept).collect()
    }

    /// The columns of probabilities of the classes that are present, from those of scores.
    fn into_probabilities(columns: &mut [&mut [f64]]) {
        if let [first, second] = columns {
            for (first, second) in first.iter_mut().zip(second.iter_mut()) {
                [*first, *second] = binary_softmax(*second);
            }
        } else {
            softmax_columns(columns);
        }
    }
}

impl Predictor<Labels> for FittedLogisticRegression {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Probabilities> {
        features.check_fields(&self.fields)?;
        features.check_finite()?;
        let n_rows = features.n_rows();
        let columns = Columns::new(features.as_slice(), n_rows);
        let mut present = vec![vec![1.0; n_rows]; self.present.len()];
        if !self.scores.is_empty() {
            fill_in_blocks(&mut present, BLOCK, |first, parts| {
                let rows = first..first + parts[0].len();
                // Of two classes, the second has the score.
                let skipped = parts.len() - self.scores.len();
                for (part, score) in parts[skipped..].iter_mut().zip(&self.scores) {
                    part.fill(score.intercept);
                    columns.add_scores(&rows, &score.coefficients, part);
                }
                Self::into_probabilities(parts);
            });
        }
        let mut outputs = vec![Vec::new(); self.outcome.n_classes()];
        for (column, &code) in present.into_iter().zip(&self.present) {
            outputs[code] = column;
        }
        for output in &mut outputs {
            output.resize(n_rows, 0.0);
        }
        self.outcome.prediction(outputs)
    }
}
