//! Any estimator as a blender.

use std::sync::Arc;

use super::{Blender, FittedBlender};
use crate::data::{FitContext, InSample, OutOfSample, Target};
use crate::error::Result;
use crate::model::{DynEstimator, Estimator, Predictor};
use crate::stack::meta::FittedForm;
use crate::stack::{Meta, MetaForm};

/// Any estimator, fitted on the members' predictions as features.
///
/// A feature is named after its member (and class, for more than two), features passed through
/// keep their names.
#[derive(Debug)]
pub struct EstimatorBlender<Y: Target> {
    estimator: Arc<dyn DynEstimator<Y>>,
    form: MetaForm,
}

impl<Y: Target> EstimatorBlender<Y> {
    /// This estimator, on logits of probabilities or on values as they are.
    #[must_use]
    pub fn new(estimator: impl Estimator<Y> + 'static) -> Self {
        Self {
            estimator: Arc::new(estimator),
            form: MetaForm::Logit,
        }
    }

    /// How predictions become features.
    #[must_use]
    pub fn with_form(self, form: MetaForm) -> Self {
        Self { form, ..self }
    }
}

impl<Y: Target> Blender<Y> for EstimatorBlender<Y> {
    fn fit(
        &self,
        meta: &Meta<Y, InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>> {
        Y::fit_estimator_blender(self, meta, target, context)
    }
}

impl<Y: Target> EstimatorBlender<Y> {
    pub(crate) fn fit_here(
        &self,
        meta: &Meta<Y, InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>> {
        let form = FittedForm::fit(self.form, meta, context.weights());
        let predictor = self
            .estimator
            .fit_dyn(&form.features(meta)?, target, context)?;
        Ok(Arc::new(FittedEstimator { form, predictor }))
    }
}

#[derive(Debug)]
struct FittedEstimator<Y: Target> {
    form: FittedForm,
    predictor: Arc<dyn Predictor<Y>>,
}

impl<Y: Target> FittedBlender<Y> for FittedEstimator<Y> {
    fn blend(&self, meta: &Meta<Y, OutOfSample>) -> Result<Y::Prediction> {
        self.predictor.predict(&self.form.features(meta)?)
    }
}
