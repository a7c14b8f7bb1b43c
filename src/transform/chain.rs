//! One step behind another.

use super::{
    FeatureStep, FittedFeatureStep, FittedTransformer, Placement, Scope, Transformer,
    UnsupervisedTransformer,
};
use crate::data::{Feature, Features, InSample, OutOfSample, Rows, Target, Train};
use crate::error::{Error, Result};

/// Puts steps from features to features behind a transformer.
///
/// Every transformer of this crate has it, and every [`UnsupervisedTransformer`]; for one of your own
/// that looks at the target, `impl Chain for MyEncoder {}` is all.
pub trait Chain: Sized {
    /// This transformer, then that step.
    #[must_use]
    fn then<S: FeatureStep>(self, step: S) -> Then<Self, S> {
        Then { first: self, step }
    }
}

impl<T: UnsupervisedTransformer> Chain for T {}
impl<T, S> Chain for Then<T, S> {}

/// A transformer, then a step on its features; see [`Chain::then`].
///
/// The step learns from the training rows' features. Behind a transformer that looks at the target
/// (a scaler behind a target encoder, say) it learns from what all rows' targets made of them, so
/// that a row's own target has a share, one of many, in the row's features.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Then<T, S> {
    first: T,
    step: S,
}

impl<Y: Target, T: Transformer<Y>, S: FeatureStep> Transformer<Y> for Then<T, S> {
    type Fitted = FittedThen<T::Fitted, S::Fitted>;

    fn fit_transform(&self, train: Train<'_, Y>) -> Result<(Self::Fitted, Features<InSample>)> {
        let (fitted, features) = self.fit(train)?;
        let among = |e: Error| e.among(train.rows().index());
        let features = fitted.step.apply(features).map_err(among)?;
        Ok((fitted, features))
    }

    fn fit_part(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
        self.fit(train).map(|(fitted, _)| fitted)
    }

    fn scope(&self) -> Scope<'_> {
        match self.step.scope() {
            Scope::Columns => self.first.scope(),
            _ => Scope::Table,
        }
    }

    fn join(&self, parts: Vec<Self::Fitted>, target: &Y) -> Result<Self::Fitted> {
        let (mut firsts, mut steps) = (Vec::new(), Vec::new());
        for part in parts {
            firsts.push(part.first);
            steps.push(part.step);
        }
        let first = self.first.join(firsts, target)?;
        let step = self.step.join(steps, first.fields())?;
        Ok(FittedThen { first, step })
    }
}

/// What is fitted, and the features that the step was fitted on.
type FitOf<T, S> = (FittedThen<T, S>, Features<InSample>);

impl<T, S: FeatureStep> Then<T, S> {
    fn fit<Y: Target>(&self, train: Train<'_, Y>) -> Result<FitOf<T::Fitted, S::Fitted>>
    where
        T: Transformer<Y>,
    {
        let (first, features) = self.first.fit_transform(train)?;
        let sample = train.rows().sample();
        let context = sample.context(train.seed().child("then"), train.progress());
        let among = |e: Error| e.among(train.rows().index());
        let step = self.step.fit_features(&features, &context).map_err(among)?;
        Ok((FittedThen { first, step }, features))
    }
}

/// A fitted [`Then`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedThen<T, S> {
    first: T,
    step: S,
}

impl<T: FittedTransformer, S: FittedFeatureStep> FittedTransformer for FittedThen<T, S> {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let features = self.first.transform(rows)?;
        self.step.apply(features).map_err(|e| e.among(rows.index()))
    }

    fn fields(&self) -> &[Feature] {
        self.step.fields()
    }

    /// What the first moved, which the step then changed further.
    fn moved(&self) -> Vec<(String, Placement)> {
        self.first.moved()
    }
}
