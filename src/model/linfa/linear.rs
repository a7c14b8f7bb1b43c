//! Linear, ridge and elastic-net regression.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_linalg::qr::LeastSquaresQrInto;
use ndarray016::{Array1, Axis};

use super::matrix::columns;
use crate::data::{Features, FitContext, InSample, Values};
use crate::error::{Error, Result};
use crate::model::adapter::limits::{DEFAULT_MAX_BYTES, check_memory};
use crate::model::adapter::standard::Standard;
use crate::model::adapter::{Backend, Fitted, LinearModel, Link, Training, failed, guarded};
use crate::model::{Estimator, bytes};
use crate::options::{at_least_one, at_least_zero, options};

/// Linear regression by least squares (linfa's, by QR decomposition).
///
/// Minimises `sum_i (y_i - b - w x_i)^2`. Features that are constant get no coefficient; those
/// that are combinations of others (all columns of a one-hot encoding, say) make the solution
/// arbitrary or an error: use [`Ridge`] there. Missing values are an error that names the feature.
/// It takes no weights, and more rows than features that vary.
///
/// Cost: `n p^2`; 24 bytes a value of memory.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::linfa::LinearRegression;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 4, vec![0.0, 1.0, 2.0, 3.0])?;
/// let y = Values::new(vec![1.0, 3.0, 5.0, 7.0])?;
/// let model = LinearRegression::new();
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// assert!((fitted.predict(&x)?.as_slice()[3] - 7.0).abs() < 1e-9);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearRegression {
    max_bytes: u64,
}

impl Default for LinearRegression {
    fn default() -> Self {
        Self {
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl LinearRegression {
    /// Least squares.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// How many bytes a fit may use by estimate; 8 GiB by default.
        with_max_bytes(max_bytes: u64);
    }
}

impl Estimator<Values> for LinearRegression {
    type Fitted = Fitted<Values, LinearModel>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Values,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let training =
            Training::new(features, target, context)?.unweighted("linfa's linear regression")?;
        fit_linear(
            "linfa's linear regression",
            training,
            target,
            self.max_bytes,
            |data| {
                let (n, p) = data.records.dim();
                if n <= p {
                    return Err(Error::data(
                        format!("more rows than the {p} features that vary"),
                        format!("{n} rows"),
                    ));
                }
                let targets = data.targets.clone().insert_axis(Axis(1));
                let fitted = data.records.clone().least_squares_into(targets);
                let fitted = fitted.map_err(|cause| failed(Backend::Linfa, &cause))?;
                Ok(fitted.column(0).to_vec())
            },
        )
    }

    /// As it says under cost.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        bytes(n_rows, n_features, 24)
    }
}

/// Ridge regression (linfa's elastic net without its absolute part, by coordinate descent).
///
/// Minimises `sum_i (y_i - b - w x_i)^2 + alpha * sum_j w_j^2` over coefficients of features that
/// are standardised first (mean 0, deviation 1; constant ones get no coefficient); the intercept
/// is not penalised (Hoerl and Kennard 1970). Missing values are an error that names the feature.
/// It takes no weights.
///
/// Cost: `n p` a pass over the coefficients and `n p^2` once (linfa also estimates variances);
/// 24 bytes a value of memory.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::linfa::Ridge;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 4, vec![0.0, 1.0, 2.0, 3.0])?;
/// let y = Values::new(vec![1.0, 3.0, 5.0, 7.0])?;
/// // Standardised, x has a slope of 2 * sqrt(1.25); its sum of squares is 4, so a penalty of 4
/// // halves the slope.
/// let model = Ridge::new().with_alpha(4.0);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// assert!((fitted.predict(&x)?.as_slice()[3] - (4.0 + 1.5)).abs() < 1e-6);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ridge {
    alpha: f64,
    max_iterations: usize,
    max_bytes: u64,
}

impl Default for Ridge {
    fn default() -> Self {
        Self {
            alpha: 1.0,
            max_iterations: 1000,
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
        /// The penalty on the squares of the coefficients; 1 by default.
        with_alpha(alpha: f64);
        /// The most passes over the coefficients; 1,000 by default.
        with_max_iterations(max_iterations: usize);
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
        at_least_zero("alpha", self.alpha)?;
        at_least_one("max_iterations", self.max_iterations)?;
        let training =
            Training::new(features, target, context)?.unweighted("linfa's ridge regression")?;
        let solver = CoordinateDescent {
            alpha: self.alpha / training.n_rows() as f64,
            l1_ratio: 0.0,
            max_iterations: self.max_iterations,
        };
        fit_linear(
            "linfa's ridge regression",
            training,
            target,
            self.max_bytes,
            |data| solver.fit(data),
        )
    }

    /// As it says under cost.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        bytes(n_rows, n_features, 24)
    }
}

/// Elastic-net regression (linfa's, by coordinate descent).
///
/// Minimises `1 / (2 n) * sum_i (y_i - b - w x_i)^2 + alpha * (l1_ratio * sum_j |w_j| +
/// (1 - l1_ratio) / 2 * sum_j w_j^2)` over coefficients of features that are standardised first
/// (mean 0, deviation 1; constant ones get no coefficient); the intercept is not penalised (Zou
/// and Hastie 2005; an `l1_ratio` of 1 is the lasso). Missing values are an error that names the
/// feature. It takes no weights.
///
/// Cost: as for [`Ridge`].
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::linfa::ElasticNet;
/// use stackfold::prelude::*;
/// let x = Features::new(vec![Feature::number("x")], 4, vec![0.0, 1.0, 2.0, 3.0])?;
/// let y = Values::new(vec![1.0, 3.0, 5.0, 7.0])?;
/// // The lasso takes its penalty off the slope of the standardised feature, 2 * sqrt(1.25).
/// let model = ElasticNet::new().with_alpha(1.0).with_l1_ratio(1.0);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let slope = 2.0 - 1.0 / 1.25_f64.sqrt();
/// assert!((fitted.predict(&x)?.as_slice()[3] - (4.0 + 1.5 * slope)).abs() < 1e-6);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticNet {
    alpha: f64,
    l1_ratio: f64,
    max_iterations: usize,
    max_bytes: u64,
}

impl Default for ElasticNet {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            l1_ratio: 0.5,
            max_iterations: 1000,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

impl ElasticNet {
    /// An elastic net with a penalty of 0.01, half of it absolute.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// The penalty, in units of the target; 0.01 by default.
        with_alpha(alpha: f64);
        /// The share of the penalty that is on absolute values, from 0 to 1; 0.5 by default.
        with_l1_ratio(l1_ratio: f64);
        /// The most passes over the coefficients; 1,000 by default.
        with_max_iterations(max_iterations: usize);
        /// How many bytes a fit may use by estimate; 8 GiB by default.
        with_max_bytes(max_bytes: u64);
    }
}

impl Estimator<Values> for ElasticNet {
    type Fitted = Fitted<Values, LinearModel>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Values,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        at_least_zero("alpha", self.alpha)?;
        at_least_one("max_iterations", self.max_iterations)?;
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            return Err(Error::parameter("l1_ratio", "from 0 to 1", self.l1_ratio));
        }
        let training =
            Training::new(features, target, context)?.unweighted("linfa's elastic net")?;
        let solver = CoordinateDescent {
            alpha: self.alpha,
            l1_ratio: self.l1_ratio,
            max_iterations: self.max_iterations,
        };
        fit_linear(
            "linfa's elastic net",
            training,
            target,
            self.max_bytes,
            |data| solver.fit(data),
        )
    }

    /// As it says under cost.
    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        bytes(n_rows, n_features, 24)
    }
}

/// The largest change of a coefficient, and the duality gap, relative, at which to stop.
const TOLERANCE: f64 = 1e-8;

/// linfa's own parameters of an elastic net.
struct CoordinateDescent {
    alpha: f64,
    l1_ratio: f64,
    max_iterations: usize,
}

type Data = DatasetBase<ndarray016::Array2<f64>, Array1<f64>>;

impl CoordinateDescent {
    fn fit(&self, data: &Data) -> Result<Vec<f64>> {
        let fitted = linfa_elasticnet::ElasticNet::<f64>::params()
            .penalty(self.alpha)
            .l1_ratio(self.l1_ratio)
            .with_intercept(false)
            .max_iterations(u32::try_from(self.max_iterations).unwrap_or(u32::MAX))
            .tolerance(TOLERANCE)
            .fit(data)
            .map_err(|cause| failed(Backend::Linfa, &cause))?;
        Ok(fitted.hyperplane().to_vec())
    }
}

/// Fits coefficients of standardised features to the target less its mean, which is the
/// intercept.
fn fit_linear(
    what: &str,
    training: Training,
    target: &Values,
    max_bytes: u64,
    fit: impl FnOnce(&Data) -> Result<Vec<f64>>,
) -> Result<Fitted<Values, LinearModel>> {
    const BYTES: u32 = 24;
    let n = training.n_rows();
    let cells = n as u128 * training.n_features() as u128;
    check_memory(what, cells, BYTES, max_bytes)?;
    let standard = Standard::fit(&training.features);
    if training.is_constant() || standard.n_kept() == 0 {
        return Ok(training.finish(target, None));
    }
    let x = columns(n, standard.n_kept(), standard.columns(&training.features))?;
    let mean = training.outputs[0].iter().sum::<f64>() / n as f64;
    let y: Array1<f64> = training.outputs[0].iter().map(|v| v - mean).collect();
    let data = DatasetBase::new(x, y);
    let scaled = guarded(Backend::Linfa, || fit(&data))??;
    let score = (standard.unscaled(scaled.into_iter()), mean);
    let model = LinearModel::new(
        Backend::Linfa,
        Link::Identity,
        standard.centre(),
        vec![score],
        vec![0],
        1,
    );
    Ok(training.finish(target, Some(model)))
}
