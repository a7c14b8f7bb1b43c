//! The prior: a model that looks at no feature.

use std::sync::Arc;

use super::{Estimator, Predictor};
use crate::data::{Feature, Features, FitContext, InSample, OutOfSample, RowIndex, Target};
use crate::error::{Error, Result};

/// Predicts the same for each row: the classes' shares of the training rows, or their mean.
///
/// With weights `w`, the share of class `c` is `sum(w_i [y_i = c]) / sum(w_i)`, the mean
/// `sum(w_i y_i) / sum(w_i)`. Features may be missing, or absent altogether: it is what any other
/// model has to beat.
///
/// ```
/// use stackfold::model::baseline::Prior;
/// use stackfold::prelude::*;
/// let nothing = Features::new(vec![], 4, vec![])?;
/// let target = Labels::from_strs(&["no", "no", "yes", "no"])?;
/// let fitted = Prior::new().fit(
///     &nothing.clone().assume_in_sample(),
///     &target,
///     &FitContext::default(),
/// )?;
/// assert_eq!(fitted.predict(&nothing)?.positive(), [0.25; 4]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct Prior {}

impl Prior {
    /// The prior has no options.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }
}

/// A fitted [`Prior`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedPrior<Y> {
    fields: Arc<[Feature]>,
    outcome: Y,
    means: Vec<f64>,
}

impl<Y: Target> Estimator<Y> for Prior {
    type Fitted = FittedPrior<Y>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let n = target.n_rows();
        if n == 0 {
            return Err(Error::data("at least one row", "none"));
        }
        let ones = vec![1.0; n];
        let weights = context.weights().unwrap_or(&ones);
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return Err(Error::data("weights with a positive sum", "only zeros"));
        }
        let mean = |output: usize| {
            let values = target.output(output, RowIndex::All(n));
            values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total
        };
        Ok(FittedPrior {
            fields: features.shared_fields(),
            outcome: target.take(&[]),
            means: (0..target.n_outputs()).map(mean).collect(),
        })
    }
}

impl<Y> FittedPrior<Y> {
    /// The share of each class (binary: that of the positive class alone), or the mean.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }
}

impl<Y: Target> Predictor<Y> for FittedPrior<Y> {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction> {
        features.check_fields(&self.fields)?;
        let n = features.n_rows();
        self.outcome
            .prediction(self.means.iter().map(|&mean| vec![mean; n]).collect())
    }
}
