//! Logistic regression.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{LogisticRegression as Binary, MultiLogisticRegression as Multi};
use ndarray016::Array1;

use super::matrix::columns;
use crate::data::{Features, FitContext, InSample, Labels};
use crate::error::Result;
use crate::model::adapter::standard::Standard;
use crate::model::adapter::{Backend, Fitted, LinearModel, Link, Training, failed, guarded};
use crate::model::{Estimator, bytes};
use crate::options::{above_zero, at_least_one, at_least_zero, options};

/// Logistic regression for two classes or more (linfa's, by L-BFGS).
///
/// Minimises `-sum_i log p(y_i | x_i) + alpha / 2 * sum_j w_j^2` over coefficients of features
/// that are standardised first (mean 0, deviation 1; constant ones get no coefficient); the
/// intercept is not penalised. The probability is the logistic function of the score for two
/// classes, the softmax of the scores of those present among the training rows for more.
///
/// linfa takes the *more frequent* of two classes as the positive one; here the coefficients are
/// turned round where it does. With three classes or more, it computes the log of a sum of
/// exponentials relative to the largest score of all rows, so scores that lie more than some 34
/// below that are off; standardised features and a penalty above 0 keep clear of it.
///
/// Missing values are an error that names the feature. It takes no weights;
/// [`linear::LogisticRegression`](crate::model::linear::LogisticRegression) minimises the same, takes
/// them, and copies nothing.
///
/// Cost: `n p` a step, up to [`LogisticRegression::with_max_iterations`]; 8 bytes a value of
/// memory. Measured: 0.5 CPU seconds for 30,000 x 100.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::linfa::LogisticRegression;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 6, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])?;
/// let y = Labels::from_strs(&["no", "no", "no", "no", "yes", "yes"])?;
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
    max_iterations: usize,
    tolerance: f64,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self {
            alpha: 1.0,
            max_iterations: 100,
            tolerance: 1e-4,
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
        /// The most steps; 100 by default.
        with_max_iterations(max_iterations: usize);
        /// The length of the gradient at which to stop; 1e-4 by default.
        with_tolerance(tolerance: f64);
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
        at_least_one("max_iterations", self.max_iterations)?;
        above_zero("tolerance", self.tolerance)?;
        let training =
            Training::new(features, target, context)?.unweighted("linfa's logistic regression")?;
        let standard = Standard::fit(&training.features);
        if training.is_constant() || standard.n_kept() == 0 {
            return Ok(training.finish(target, None));
        }
        let mut present = target.codes().to_vec();
        present.sort_unstable();
        present.dedup();
        let x = columns(
            training.n_rows(),
            standard.n_kept(),
            standard.columns(&training.features),
        )?;
        let data = DatasetBase::new(x, Array1::from(target.codes().to_vec()));
        let scores = guarded(Backend::Linfa, || {
            if let [_, positive] = present[..] {
                self.binary(&data, positive)
            } else {
                self.multi(&data)
            }
        })??;
        let scores: Vec<(Vec<f64>, f64)> = scores
            .into_iter()
            .map(|(scaled, intercept)| (standard.unscaled(scaled.into_iter()), intercept))
            .collect();
        let n_outputs = training.outputs.len();
        let (link, scores, output) = if n_outputs == 1 {
            (Link::Logistic, scores, vec![0])
        } else {
            // Two classes among the training rows have one score, that of the later one.
            let mut all = Vec::new();
            if scores.len() == 1 {
                all.push((vec![0.0; training.n_features()], 0.0));
            }
            all.extend(scores);
            let output = present.iter().map(|&c| c as usize).collect();
            (Link::Softmax, all, output)
        };
        let model = LinearModel::new(
            Backend::Linfa,
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

type Data = DatasetBase<ndarray016::Array2<f64>, Array1<u32>>;

/// Coefficients of standardised features, and an intercept.
type Score = (Vec<f64>, f64);

impl LogisticRegression {
    /// The score of the positive one of two classes.
    fn binary(&self, data: &Data, positive: u32) -> Result<Vec<Score>> {
        let fitted = Binary::default()
            .alpha(self.alpha)
            .max_iterations(self.max_iterations as u64)
            .gradient_tolerance(self.tolerance)
            .fit(data)
            .map_err(|cause| failed(Backend::Linfa, &cause))?;
        // linfa's positive class is the more frequent one.
        let sign = if fitted.labels().pos.class == positive {
            1.0
        } else {
            -1.0
        };
        let coefficients = fitted.params().iter().map(|c| sign * c).collect();
        Ok(vec![(coefficients, sign * fitted.intercept())])
    }

    /// The score of each class that is present, in order.
    fn multi(&self, data: &Data) -> Result<Vec<Score>> {
        let fitted = Multi::default()
            .alpha(self.alpha)
            .max_iterations(self.max_iterations as u64)
            .gradient_tolerance(self.tolerance)
            .fit(data)
            .map_err(|cause| failed(Backend::Linfa, &cause))?;
        Ok(fitted
            .params()
            .columns()
            .into_iter()
            .zip(fitted.intercept())
            .map(|(column, &intercept)| (column.to_vec(), intercept))
            .collect())
    }
}
