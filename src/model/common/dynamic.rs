//! Models whose types are not known: the object-safe twins of the traits, and models behind
//! [`Arc`] and [`Box`], which are models like any other.

use std::sync::Arc;

use crate::data::batches::Batches;
use crate::data::coverage::Profile;
use crate::data::{Features, FitContext, InSample, OutOfSample, Rows, Table, Target, Train};
use crate::error::Result;
use crate::model::{Estimator, FittedLearner, Learner, OutOfBagEstimator, Predictor};

/// The object-safe twin of [`Estimator`]; every estimator has it.
pub trait DynEstimator<Y: Target>: std::fmt::Debug + Send + Sync {
    /// See [`Estimator::fit`].
    ///
    /// # Errors
    /// As there.
    fn fit_dyn(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn Predictor<Y>>>;

    /// See [`Estimator::memory`].
    fn memory_dyn(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64;
}

impl<Y: Target, E: Estimator<Y>> DynEstimator<Y> for E {
    fn fit_dyn(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn Predictor<Y>>> {
        Ok(Arc::new(self.fit(features, target, context)?))
    }

    fn memory_dyn(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
        self.memory(n_rows, n_features, n_outputs)
    }
}

/// The object-safe twin of [`OutOfBagEstimator`]; every one of them has it.
pub trait DynOutOfBagEstimator<Y: Target>: DynEstimator<Y> {
    /// See [`OutOfBagEstimator::fit_out_of_bag`].
    ///
    /// # Errors
    /// As there.
    fn fit_out_of_bag_dyn(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<(Arc<dyn Predictor<Y>>, Y::Prediction)>;
}

impl<Y: Target, E: OutOfBagEstimator<Y>> DynOutOfBagEstimator<Y> for E {
    fn fit_out_of_bag_dyn(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<(Arc<dyn Predictor<Y>>, Y::Prediction)> {
        let (fitted, prediction) = self.fit_out_of_bag(features, target, context)?;
        Ok((Arc::new(fitted), prediction))
    }
}

/// The object-safe twin of [`Learner`]; every learner has it.
pub trait DynLearner<Y: Target>: std::fmt::Debug + Send + Sync {
    /// See [`Learner::fit`].
    ///
    /// # Errors
    /// As there.
    fn fit_dyn(&self, train: Train<'_, Y>) -> Result<Arc<dyn FittedLearner<Y>>>;

    /// See [`Learner::memory`].
    fn memory_dyn(&self, n_rows: usize, n_columns: usize, n_outputs: usize) -> u64;
}

impl<Y: Target, L: Learner<Y>> DynLearner<Y> for L {
    fn fit_dyn(&self, train: Train<'_, Y>) -> Result<Arc<dyn FittedLearner<Y>>> {
        Ok(Arc::new(self.fit(train)?))
    }

    fn memory_dyn(&self, n_rows: usize, n_columns: usize, n_outputs: usize) -> u64 {
        self.memory(n_rows, n_columns, n_outputs)
    }
}

/// An estimator behind a pointer, through the twin of its trait.
macro_rules! estimator_behind {
    ($($pointer:ident<dyn $twin:ident>),*) => {$(
        impl<Y: Target> Estimator<Y> for $pointer<dyn $twin<Y>> {
            type Fitted = Arc<dyn Predictor<Y>>;

            fn fit(
                &self,
                features: &Features<InSample>,
                target: &Y,
                context: &FitContext<'_>,
            ) -> Result<Self::Fitted> {
                (**self).fit_dyn(features, target, context)
            }

            fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
                (**self).memory_dyn(n_rows, n_features, n_outputs)
            }
        }
    )*};
}
estimator_behind!(
    Arc<dyn DynEstimator>,
    Box<dyn DynEstimator>,
    Arc<dyn DynOutOfBagEstimator>,
    Box<dyn DynOutOfBagEstimator>
);

macro_rules! behind {
    ($($pointer:ident),*) => {$(
        impl<Y: Target> OutOfBagEstimator<Y> for $pointer<dyn DynOutOfBagEstimator<Y>> {
            fn fit_out_of_bag(
                &self,
                features: &Features<InSample>,
                target: &Y,
                context: &FitContext<'_>,
            ) -> Result<(Self::Fitted, Y::Prediction)> {
                (**self).fit_out_of_bag_dyn(features, target, context)
            }
        }

        impl<Y: Target> Learner<Y> for $pointer<dyn DynLearner<Y>> {
            type Fitted = Arc<dyn FittedLearner<Y>>;

            fn fit(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
                (**self).fit_dyn(train)
            }

            fn memory(&self, n_rows: usize, n_columns: usize, n_outputs: usize) -> u64 {
                (**self).memory_dyn(n_rows, n_columns, n_outputs)
            }
        }

        impl<Y: Target, P: Predictor<Y> + ?Sized> Predictor<Y> for $pointer<P> {
            fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction> {
                (**self).predict(features)
            }
        }

        impl<Y: Target, L: FittedLearner<Y> + ?Sized> FittedLearner<Y> for $pointer<L> {
            fn predict(&self, rows: Rows<'_>) -> Result<Y::Prediction> {
                (**self).predict(rows)
            }

            fn profile(&self) -> Option<&Profile> {
                (**self).profile()
            }

            fn predict_batches(
                &self,
                batches: &dyn Batches,
                sink: &mut dyn FnMut(&Table, Y::Prediction) -> Result<()>,
            ) -> Result<()> {
                (**self).predict_batches(batches, sink)
            }
        }
    )*};
}
behind!(Arc, Box);
