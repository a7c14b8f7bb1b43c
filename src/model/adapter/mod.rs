//! What the adapters of all back ends share: checks before a fit, and what a fit gives.
//!
//! An adapter turns features and target into what its back end wants, fits one model an *output*
//! (see [`Target`]: the positive class's indicator, one indicator a class, or the value), and
//! returns it as an [`OutputModel`]. [`Fitted`] does the rest: it checks the features, turns
//! outputs into a prediction, and catches what the back end does wrong.

pub(crate) mod limits;
mod linear;
pub(crate) mod standard;

use std::any::TypeId;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use super::MaxFeatures;
pub use linear::LinearModel;
pub(crate) use linear::Link;

use super::Predictor;
use crate::data::{
    DynTarget, Feature, Features, FitContext, InSample, Labels, OutOfSample, RowIndex, Target,
};
use crate::error::{Error, Result};
#[cfg(any(feature = "svm", feature = "smartcore"))]
use crate::random::Seed;

/// A library that models come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Backend {
    /// linfa.
    Linfa,
    /// smartcore.
    Smartcore,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linfa => "linfa",
            Self::Smartcore => "smartcore",
        })
    }
}

/// A model that predicts the outputs of a target.
pub trait OutputModel: fmt::Debug + Send + Sync {
    /// The library that the model comes from.
    fn backend(&self) -> Backend;

    /// One column per output: the positive-class probability (binary), one probability per class (up
    /// to a factor per row; multiclass), or the value (regression).
    ///
    /// # Errors
    /// If the back end fails.
    fn outputs(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>>;
}

/// What fitting a model of a back end gives.
///
/// If the target was constant over the training rows (one class only, say), there is no model and
/// each row gets that constant: a probability of one for the only class.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Fitted<Y, M> {
    fields: Arc<[Feature]>,
    /// The target with no row: what to make of outputs.
    outcome: Y,
    /// The (weighted) mean of each output over the training rows.
    means: Vec<f64>,
    model: Option<M>,
}

impl<Y, M> Fitted<Y, M> {
    /// The features that the model was fitted on.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.fields
    }

    /// The model; none if the target was constant.
    #[must_use]
    pub fn model(&self) -> Option<&M> {
        self.model.as_ref()
    }
}

impl<Y: Target, M: OutputModel> Predictor<Y> for Fitted<Y, M> {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction> {
        let model = self.model.as_ref().map(|model| model as &dyn OutputModel);
        let classes = predicts_classes::<Y>();
        let columns = outputs(&self.fields, &self.means, model, classes, features)?;
        self.outcome.prediction(columns)
    }
}

fn outputs(
    fields: &[Feature],
    means: &[f64],
    model: Option<&dyn OutputModel>,
    classes: bool,
    features: &Features<OutOfSample>,
) -> Result<Vec<Vec<f64>>> {
    features.check_fields(fields)?;
    features.check_finite()?;
    let n_rows = features.n_rows();
    let Some(model) = model else {
        return Ok(means.iter().map(|&m| vec![m; n_rows]).collect());
    };
    let mut outputs = if n_rows == 0 {
        vec![Vec::new(); means.len()]
    } else {
        guarded(model.backend(), || model.outputs(features))??
    };
    for column in &outputs {
        if let Some(row) = column.iter().position(|v| !v.is_finite()) {
            let message = format!("a prediction of {}", column[row]);
            return Err(Error::backend(model.backend().to_string(), message).in_row(row));
        }
    }
    if classes {
        into_probabilities(&mut outputs, means);
    }
    Ok(outputs)
}

/// What an adapter may look at when it fits, after the checks that all of them need.
#[derive(Debug)]
pub(crate) struct Training {
    pub(crate) features: Features<InSample>,
    /// The columns of the target's outputs.
    pub(crate) outputs: Vec<Vec<f64>>,
    pub(crate) weights: Option<Vec<f64>>,
    #[cfg(feature = "svm")]
    pub(crate) groups: Option<Vec<u32>>,
    #[cfg(any(feature = "svm", feature = "smartcore"))]
    pub(crate) strata: Vec<u32>,
    #[cfg(any(feature = "svm", feature = "smartcore"))]
    pub(crate) seed: Seed,
    means: Vec<f64>,
}

impl Training {
    /// Checks that there are rows and features, as many rows of each as of the other, all finite.
    pub(crate) fn new(
        features: &Features<InSample>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        let n = target.n_rows();
        if features.n_rows() != n {
            return Err(Error::data(
                format!("features of {n} rows, as the target has"),
                format!("{} rows", features.n_rows()),
            ));
        }
        if n == 0 {
            return Err(Error::data("at least one row", "none"));
        }
        if features.n_features() == 0 {
            return Err(Error::no_features());
        }
        features.check_finite()?;
        let weights = context.weights().map(<[f64]>::to_vec);
        if let Some(weights) = &weights
            && weights.iter().sum::<f64>() <= 0.0
        {
            return Err(Error::data("weights with a positive sum", "only zeros"));
        }
        let outputs: Vec<Vec<f64>> = (0..target.n_outputs())
            .map(|k| target.output(k, RowIndex::All(n)))
            .collect();
        Ok(Self {
            features: features.clone(),
            means: outputs
                .iter()
                .map(|output| mean(output, weights.as_deref()))
                .collect(),
            outputs,
            weights,
            #[cfg(feature = "svm")]
            groups: context.groups().map(<[u32]>::to_vec),
            #[cfg(any(feature = "svm", feature = "smartcore"))]
            strata: crate::folds::strata_of(target, RowIndex::All(n), context.weights()),
            #[cfg(any(feature = "svm", feature = "smartcore"))]
            seed: context.seed(),
        })
    }

    /// The same with an error if there are weights, which the named model does not take.
    pub(crate) fn unweighted(self, model: &str) -> Result<Self> {
        if self.weights.is_some() {
            return Err(Error::unsupported(format!("{model} takes no weights")));
        }
        Ok(self)
    }

    /// The same with at most so many rows: a seeded sample, stratified by class (or by tenths of
    /// the values).
    #[cfg(any(feature = "svm", feature = "smartcore"))]
    pub(crate) fn at_most(mut self, max_rows: Option<usize>) -> Result<Self> {
        crate::options::none_or_at_least_one("max_rows", max_rows)?;
        let Some(max_rows) = max_rows else {
            return Ok(self);
        };
        if let Some(rows) = crate::model::common::subsample::rows(
            &self.strata,
            max_rows,
            self.seed.child("max_rows"),
        ) {
            let index = RowIndex::Some(&rows);
            self.features = self.features.take(&rows);
            for output in &mut self.outputs {
                *output = index.gather(output).into_owned();
            }
            self.weights = self.weights.map(|w| index.gather(&w).into_owned());
            #[cfg(feature = "svm")]
            {
                self.groups = self.groups.map(|g| index.gather(&g).into_owned());
            }
            self.strata = index.gather(&self.strata).into_owned();
        }
        Ok(self)
    }

    /// Whether no output varies: there is nothing to fit.
    pub(crate) fn is_constant(&self) -> bool {
        self.outputs.iter().all(|output| all_equal(output))
    }

    /// The outputs that vary: positions among all outputs. A class that is absent from the
    /// training rows does not.
    #[cfg(feature = "svm")]
    pub(crate) fn varying(&self) -> Vec<usize> {
        (0..self.outputs.len())
            .filter(|&k| !all_equal(&self.outputs[k]))
            .collect()
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.features.n_rows()
    }

    pub(crate) fn n_features(&self) -> usize {
        self.features.n_features()
    }

    /// What the fit gives; `None` for a constant target.
    pub(crate) fn finish<Y: Target, M>(self, target: &Y, model: Option<M>) -> Fitted<Y, M> {
        Fitted {
            fields: self.features.shared_fields(),
            outcome: target.take(&[]),
            means: self.means,
            model,
        }
    }
}

/// Runs a back end's code; a panic in it becomes an error.
pub(crate) fn guarded<T>(backend: Backend, f: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|cause| {
        let message = cause
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| cause.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Error::backend(backend.to_string(), format!("panicked: {message}"))
    })
}

/// An error of a back end.
pub(crate) fn failed(backend: Backend, cause: &dyn fmt::Display) -> Error {
    Error::backend(backend.to_string(), cause)
}

/// Whether there are no two values that differ.
pub(crate) fn all_equal<T: PartialEq>(values: &[T]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

fn mean(values: &[f64], weights: Option<&[f64]>) -> f64 {
    match weights {
        None => values.iter().sum::<f64>() / values.len() as f64,
        Some(weights) => {
            let sum: f64 = values.iter().zip(weights).map(|(v, w)| v * w).sum();
            sum / weights.iter().sum::<f64>()
        }
    }
}

pub(crate) fn predicts_classes<Y: Target>() -> bool {
    TypeId::of::<Y>() == TypeId::of::<Labels>()
}

/// Outputs of classes to probabilities: into 0 to 1, and, for more than two classes, to a sum of
/// one; a row without any gets the shares of the training rows.
fn into_probabilities(outputs: &mut [Vec<f64>], shares: &[f64]) {
    for column in outputs.iter_mut() {
        for p in column.iter_mut() {
            *p = p.clamp(0.0, 1.0);
        }
    }
    if outputs.len() < 2 {
        return;
    }
    for row in 0..outputs[0].len() {
        let sum: f64 = outputs.iter().map(|column| column[row]).sum();
        for (column, &share) in outputs.iter_mut().zip(shares) {
            column[row] = if sum > 0.0 { column[row] / sum } else { share };
        }
    }
}
