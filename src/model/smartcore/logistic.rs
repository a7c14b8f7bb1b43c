//! Logistic regression.

use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{
    LogisticRegression as Smartcore, LogisticRegressionParameters,
};

use super::matrix::{Layout, matrix};
use crate::data::{Features, FitContext, InSample, Labels};
use crate::error::Result;
use crate::model::adapter::standard::Standard;
use crate::model::adapter::{Backend, Fitted, LinearModel, Link, Training, failed, guarded};
use crate::model::{Estimator, bytes};
use crate::options::{at_least_zero, options};

/// Logistic regression for two classes or more (smartcore's, by L-BFGS).
///
/// Minimises `-sum_i log p(y_i | x_i) + alpha / 2 * sum_j w_j^2` over coefficients of features
/// that are standardised first (mean 0, deviation 1; constant ones get no coefficient); the
/// intercept is not penalised. The probability is the logistic function of the score for two
/// classes, the softmax of the scores of those present among the training rows for more.
///
/// smartcore fits on missing values without a word; here they are an error that names the
/// feature. It takes no weights, and neither does this.
///
/// Cost: `n p` a step, up to 1,000 steps; 8 bytes a value of memory. Measured: 0.8 CPU seconds for
/// 30,000 x 100.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::smartcore::LogisticRegression;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 6, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])?;
/// let y = Labels::from_strs(&["no", "no", "yes", "no", "yes", "yes"])?;
/// let model = LogisticRegression::new();
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let prediction = fitted.predict(&x)?;
/// assert!(prediction.positive().windows(2).all(|pair| pair[0] < pair[1]));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    alpha: f64,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self { alpha: 1.0 }
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
    }
}

impl Estimator<Labels> for LogisticRegression {
    type Fitted = Fitted<Labels, LinearModel>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        at_least_zero("alpha", self.alpha)?;
        let training = Training::new(features, target, context)?
            .unweighted("smartcore's logistic regression")?;
        let standard = Standard::fit(&training.features);
        if training.is_constant() || standard.n_kept() == 0 {
            return Ok(training.finish(target, None));
        }
        let n_kept = standard.n_kept();
        let x = matrix(
            training.n_rows(),
            n_kept,
            standard.rows(&training.features),
            Layout::Rows,
        )?;
        let codes = target.codes().to_vec();
        let parameters = LogisticRegressionParameters::default().with_alpha(self.alpha);
        let fitted = guarded(Backend::Smartcore, || {
            Smartcore::<f64, u32, DenseMatrix<f64>, Vec<u32>>::fit(&x, &codes, parameters)
        })?
        .map_err(|cause| failed(Backend::Smartcore, &cause))?;
        let (coefficients, intercepts) = (fitted.coefficients(), fitted.intercept());
        let scores: Vec<(Vec<f64>, f64)> = (0..coefficients.shape().0)
            .map(|row| {
                let scaled = (0..n_kept).map(|j| *coefficients.get((row, j)));
                (standard.unscaled(scaled), *intercepts.get((row, 0)))
            })
            .collect();
        // Two classes among the training rows have one score, that of the later one.
        let present: Vec<usize> = fitted.classes().iter().map(|&c| c as usize).collect();
        let (link, scores) = match (training.outputs.len(), scores.len()) {
            (1, _) => (Link::Logistic, scores),
            (_, 1) => {
                let zero = (vec![0.0; training.n_features()], 0.0);
                (Link::Softmax, [vec![zero], scores].concat())
            }
            _ => (Link::Softmax, scores),
        };
        let n_outputs = training.outputs.len();
        let output = if n_outputs == 1 { vec![0] } else { present };
        let model = LinearModel::new(
            Backend::Smartcore,
            link,
            standard.centre(),
            scores,
            output,
            n_outputs,
        );
        Ok(training.finish(target, Some(model)))
    }

    /// As it says under cost.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        bytes(n_rows, n_features, 8)
    }
}
