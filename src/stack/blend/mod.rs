//! Blenders: from the members' predictions to the stack's.

mod average;
mod estimator;
mod greedy;
mod logistic;
mod non_negative;
mod ridge;

pub use average::{Average, AverageBlender};
pub use estimator::EstimatorBlender;
pub use greedy::GreedySelection;
pub use logistic::{LogisticBlender, Weights};
pub use non_negative::NonNegativeBlender;
pub use ridge::RidgeBlender;

use std::sync::Arc;

use super::Meta;
use crate::data::{FitContext, InSample, OutOfSample, Prediction, Target};
use crate::error::{Error, Result};

/// Learns how to make one prediction of several.
///
/// It is fitted on out-of-fold predictions alone: the type of its argument says so.
pub trait Blender<Y: Target>: std::fmt::Debug + Send + Sync {
    /// Fits on out-of-fold predictions and the target of the same rows.
    ///
    /// # Errors
    /// If an option is outside its domain, or the blender does not serve this target.
    fn fit(
        &self,
        meta: &Meta<Y, InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>>;
}

/// A fitted blender.
pub trait FittedBlender<Y: Target>: std::fmt::Debug + Send + Sync {
    /// One prediction of the members' predictions, which come in the order of fitting.
    ///
    /// # Errors
    /// If the result is not a valid prediction.
    fn blend(&self, meta: &Meta<Y, OutOfSample>) -> Result<Y::Prediction>;

    /// The weight of each member, in the order of fitting, if the blender has one per member.
    fn weights(&self) -> Option<&[f64]> {
        None
    }
}

macro_rules! behind {
    ($($pointer:ident),*) => {$(
        impl<Y: Target, B: Blender<Y> + ?Sized> Blender<Y> for $pointer<B> {
            fn fit(
                &self,
                meta: &Meta<Y, InSample>,
                target: &Y,
                context: &FitContext<'_>,
            ) -> Result<Arc<dyn FittedBlender<Y>>> {
                (**self).fit(meta, target, context)
            }
        }

        impl<Y: Target, B: FittedBlender<Y> + ?Sized> FittedBlender<Y> for $pointer<B> {
            fn blend(&self, meta: &Meta<Y, OutOfSample>) -> Result<Y::Prediction> {
                (**self).blend(meta)
            }

            fn weights(&self) -> Option<&[f64]> {
                (**self).weights()
            }
        }
    )*};
}
behind!(Arc, Box);

/// The weighted mean of the members' predictions.
#[derive(Debug, Clone)]
struct WeightedMean<Y> {
    weights: Vec<f64>,
    /// A target without rows: what a prediction looks like.
    shape: Y,
}

impl<Y: Target> FittedBlender<Y> for WeightedMean<Y> {
    fn blend(&self, meta: &Meta<Y, OutOfSample>) -> Result<Y::Prediction> {
        check_members(meta.predictions().len(), self.weights.len())?;
        weighted_mean(&self.shape, &self.weights, meta.predictions())
    }

    fn weights(&self) -> Option<&[f64]> {
        Some(&self.weights)
    }
}

/// `sum of weight x prediction`, for weights that sum to one.
pub(crate) fn weighted_mean<Y: Target>(
    shape: &Y,
    weights: &[f64],
    predictions: &[Y::Prediction],
) -> Result<Y::Prediction> {
    let first = predictions
        .first()
        .ok_or_else(|| Error::data("at least one member", "none"))?;
    let columns = (0..first.n_columns()).map(|k| {
        let mut sum = vec![0.0; first.n_rows()];
        for (&weight, prediction) in weights.iter().zip(predictions) {
            if weight != 0.0 {
                for (s, &p) in sum.iter_mut().zip(prediction.column(k)) {
                    *s += weight * p;
                }
            }
        }
        if first.column_name(k).is_some() {
            // Weights that sum to 1 + 1e-16 must not give a probability above one.
            for p in &mut sum {
                *p = p.clamp(0.0, 1.0);
            }
        }
        sum
    });
    shape.prediction(columns.collect())
}

fn check_members(found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::data(
        format!("the predictions of {expected} members, as in fitting"),
        found,
    ))
}
