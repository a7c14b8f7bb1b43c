//! Ridge regression.

use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::ridge_regression::{
    RidgeRegression as Smartcore, RidgeRegressionParameters, RidgeRegressionSolverName,
};

use super::matrix::{Layout, matrix};
use crate::data::{Features, FitContext, InSample, Values};
use crate::error::{Error, Result};
use crate::model::adapter::limits::{DEFAULT_MAX_BYTES, check_memory};
use crate::model::adapter::standard::Standard;
use crate::model::adapter::{Backend, Fitted, LinearModel, Link, Training, failed, guarded};
use crate::model::{Estimator, bytes};
use crate::options::{above_zero, options};

/// Ridge regression (smartcore's, by Cholesky decomposition of the normal equations).
///
/// Minimises `sum_i (y_i - b - w x_i)^2 + alpha * sum_j w_j^2` over coefficients of features that
/// are standardised first (mean 0, deviation 1; constant ones get no coefficient); the intercept
/// is not penalised (Hoerl and Kennard 1970). Missing values are an error that names the feature.
/// It takes no weights, and more rows than features that vary.
///
/// Cost: `n p^2`; 24 bytes a value of memory.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::smartcore::Ridge;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 4, vec![0.0, 1.0, 2.0, 3.0])?;
/// let y = Values::new(vec![1.0, 3.0, 5.0, 7.0])?;
/// let ridge = Ridge::new().with_alpha(1e-9);
/// let fitted = ridge.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// assert!((fitted.predict(&x)?.as_slice()[3] - 7.0).abs() < 1e-6);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ridge {
    alpha: f64,
    max_bytes: u64,
}

impl Default for Ridge {
    fn default() -> Self {
        Self {
            alpha: 1.0,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl Ridge {
    /// Ridge regression with a penalty of 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// The penalty on the squares of the coefficients, above 0; 1 by default.
        with_alpha(alpha: f64);
        /// How many bytes a fit may use by estimate; 8 GiB by default.
        with_max_bytes(max_bytes: u64);
    }
}

impl Estimator<Values> for Ridge {
    type Fitted = Fitted<Values, LinearModel>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Values,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        const BYTES: u32 = 24;
        above_zero("alpha", self.alpha)?;
        let training =
            Training::new(features, target, context)?.unweighted("smartcore's ridge regression")?;
        let (n, p) = (training.n_rows(), training.n_features());
        check_memory(
            "smartcore's ridge regression",
            n as u128 * p as u128,
            BYTES,
            self.max_bytes,
        )?;
        let standard = Standard::fit(&training.features);
        let n_kept = standard.n_kept();
        if training.is_constant() || n_kept == 0 {
            return Ok(training.finish(target, None));
        }
        if n <= n_kept {
            return Err(Error::data(
                format!("more rows than the {n_kept} features that vary"),
                format!("{n} rows"),
            ));
        }
        let x = matrix(
            n,
            n_kept,
            standard.columns(&training.features),
            Layout::Columns,
        )?;
        let mean = training.outputs[0].iter().sum::<f64>() / n as f64;
        let y: Vec<f64> = training.outputs[0].iter().map(|v| v - mean).collect();
        let parameters = RidgeRegressionParameters {
            solver: RidgeRegressionSolverName::Cholesky,
            alpha: self.alpha,
            normalize: false,
        };
        let fitted = guarded(Backend::Smartcore, || {
            Smartcore::<f64, f64, DenseMatrix<f64>, Vec<f64>>::fit(&x, &y, parameters)
        })?
        .map_err(|cause| failed(Backend::Smartcore, &cause))?;
        let coefficients = fitted.coefficients();
        let scaled = (0..n_kept).map(|j| *coefficients.get((j, 0)));
        let score = (standard.unscaled(scaled), mean);
        let model = LinearModel::new(
            Backend::Smartcore,
            Link::Identity,
            standard.centre(),
            vec![score],
            vec![0],
            1,
        );
        Ok(training.finish(target, Some(model)))
    }

    /// As it says under cost.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        bytes(n_rows, n_features, 24)
    }
}
