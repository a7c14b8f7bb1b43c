//! A fitted linear model, whichever back end found its coefficients.

use super::{Backend, OutputModel};
use crate::data::{Features, OutOfSample};
use crate::error::Result;
use crate::numeric::links::{binary_softmax, softmax_columns};
use crate::parallel;

/// A fitted linear model: one score an output, and what turns scores into outputs.
///
/// The score is `intercept + sum_j coefficient_j * x_j`.
///
/// ```
/// # #[cfg(feature = "smartcore")] {
/// use stackfold::data::Feature;
/// use stackfold::model::smartcore::Ridge;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 3, vec![1.0, 2.0, 3.0])?;
/// let y = Values::new(vec![5.0, 7.0, 9.0])?; // 3 + 2 x
/// let ridge = Ridge::new().with_alpha(1e-6);
/// let fitted = ridge.fit(&x.assume_in_sample(), &y, &FitContext::default())?;
/// let model = fitted.model().expect("the target varies");
/// assert!((model.coefficients()[0][0] - 2.0).abs() < 1e-4);
/// assert!((model.intercepts()[0] - 3.0).abs() < 1e-4);
/// # }
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct LinearModel {
    backend: Backend,
    link: Link,
    centre: Vec<f64>,
    scores: Vec<Score>,
    /// The output that each score stands for.
    output: Vec<usize>,
    n_outputs: usize,
}

/// The coefficients of one score.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Score {
    coefficients: Vec<f64>,
    intercept: f64,
}

/// What turns scores into outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Link {
    /// The score itself.
    Identity,
    /// `1 / (1 + exp(-score))`.
    Logistic,
    /// `exp(score) / sum of exp(scores)` over the scores of a row.
    Softmax,
}

impl LinearModel {
    /// A model of coefficients and intercepts, one pair a score.
    pub(crate) fn new(
        backend: Backend,
        link: Link,
        centre: Vec<f64>,
        scores: Vec<(Vec<f64>, f64)>,
        output: Vec<usize>,
        n_outputs: usize,
    ) -> Self {
        Self {
            backend,
            link,
            centre,
            scores: scores
                .into_iter()
                .map(|(coefficients, intercept)| Score {
                    coefficients,
                    intercept,
                })
                .collect(),
            output,
            n_outputs,
        }
    }

    /// The coefficients of the features, one row a score: one for two classes or values, one a
    /// class present among the training rows for more.
    #[must_use]
    pub fn coefficients(&self) -> Vec<&[f64]> {
        self.scores
            .iter()
            .map(|score| score.coefficients.as_slice())
            .collect()
    }

    /// The intercept of each score, for features that are not centred.
    #[must_use]
    pub fn intercepts(&self) -> Vec<f64> {
        self.scores
            .iter()
            .map(|score| {
                let shift: f64 = score
                    .coefficients
                    .iter()
                    .zip(&self.centre)
                    .map(|(c, m)| c * m)
                    .sum();
                score.intercept - shift
            })
            .collect()
    }

    fn score(&self, features: &Features<OutOfSample>, score: &Score) -> Vec<f64> {
        let mut values = vec![score.intercept; features.n_rows()];
        for (j, (&coefficient, &centre)) in score.coefficients.iter().zip(&self.centre).enumerate()
        {
            if coefficient != 0.0 {
                for (value, &x) in values.iter_mut().zip(features.column(j)) {
                    *value += coefficient * (f64::from(x) - centre);
                }
            }
        }
        values
    }
}

impl OutputModel for LinearModel {
    fn backend(&self) -> Backend {
        self.backend
    }

    fn outputs(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        let cells = features.n_rows() * self.centre.len();
        let mut scores =
            parallel::map_small(cells, &self.scores, |_, score| self.score(features, score));
        match self.link {
            Link::Identity => {}
            Link::Logistic => {
                for value in scores.iter_mut().flatten() {
                    *value = binary_softmax(*value)[1];
                }
            }
            Link::Softmax => softmax_columns(&mut scores),
        }
        let mut outputs = vec![vec![0.0; features.n_rows()]; self.n_outputs];
        for (score, &output) in scores.into_iter().zip(&self.output) {
            outputs[output] = score;
        }
        Ok(outputs)
    }
}
