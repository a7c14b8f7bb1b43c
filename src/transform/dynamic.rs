//! Transformers whose types are not known: the object-safe twin of the trait, and transformers
//! behind [`Arc`] and [`Box`], which are transformers like any other.

use std::sync::Arc;

use super::{Chain, FittedFeatureStep, FittedTransformer, Placement, Transformer};
use crate::data::batches::{Batches, TrainBatches};
use crate::data::{Feature, Features, InSample, OutOfSample, Rows, Table, Target, Train};
use crate::error::Result;

/// The object-safe twin of [`Transformer`]; every transformer has it.
pub trait DynTransformer<Y: Target>: std::fmt::Debug + Send + Sync {
    /// See [`Transformer::fit_transform`].
    ///
    /// # Errors
    /// As there.
    fn fit_transform_dyn(
        &self,
        train: Train<'_, Y>,
    ) -> Result<(Arc<dyn FittedTransformer>, Features<InSample>)>;

    /// See [`Transformer::fit_part`].
    ///
    /// # Errors
    /// As there.
    fn fit_part_dyn(&self, train: Train<'_, Y>) -> Result<Arc<dyn FittedTransformer>>;

    /// See [`Transformer::fit_batches`].
    ///
    /// # Errors
    /// As there.
    fn fit_batches_dyn(&self, train: TrainBatches<'_, Y>) -> Result<Arc<dyn FittedTransformer>>;
}

impl<Y: Target, T: Transformer<Y>> DynTransformer<Y> for T {
    fn fit_transform_dyn(
        &self,
        train: Train<'_, Y>,
    ) -> Result<(Arc<dyn FittedTransformer>, Features<InSample>)> {
        let (fitted, features) = self.fit_transform(train)?;
        Ok((Arc::new(fitted), features))
    }

    fn fit_part_dyn(&self, train: Train<'_, Y>) -> Result<Arc<dyn FittedTransformer>> {
        Ok(Arc::new(self.fit_part(train)?))
    }

    fn fit_batches_dyn(&self, train: TrainBatches<'_, Y>) -> Result<Arc<dyn FittedTransformer>> {
        Ok(Arc::new(self.fit_batches(train)?))
    }
}

macro_rules! behind {
    ($($pointer:ident),*) => {$(
        impl<Y: Target> Transformer<Y> for $pointer<dyn DynTransformer<Y>> {
            type Fitted = Arc<dyn FittedTransformer>;

            fn fit_transform(
                &self,
                train: Train<'_, Y>,
            ) -> Result<(Self::Fitted, Features<InSample>)> {
                (**self).fit_transform_dyn(train)
            }

            fn fit_part(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
                (**self).fit_part_dyn(train)
            }

            fn fit_batches(&self, train: TrainBatches<'_, Y>) -> Result<Self::Fitted> {
                (**self).fit_batches_dyn(train)
            }
        }

        impl<Y: Target> Chain for $pointer<dyn DynTransformer<Y>> {}

        impl<S: FittedFeatureStep + ?Sized> FittedFeatureStep for $pointer<S> {
            fn transform_features(
                &self,
                features: Features<OutOfSample>,
            ) -> Result<Features<OutOfSample>> {
                (**self).transform_features(features)
            }

            fn fields(&self) -> &[Feature] {
                (**self).fields()
            }
        }

        impl<T: FittedTransformer + ?Sized> FittedTransformer for $pointer<T> {
            fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
                (**self).transform(rows)
            }

            fn fields(&self) -> &[Feature] {
                (**self).fields()
            }

            fn moved(&self) -> Vec<(String, Placement)> {
                (**self).moved()
            }

            fn transform_batches(
                &self,
                batches: &dyn Batches,
                sink: &mut dyn FnMut(&Table, Features<OutOfSample>) -> Result<()>,
            ) -> Result<()> {
                (**self).transform_batches(batches, sink)
            }
        }
    )*};
}
behind!(Arc, Box);
