//! A fitted model of boosting.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::bins::FeatureBins;
use super::super::importance::Importance;
use super::super::loss::Objective;
use super::super::shap::{ShapValues, shap_values};
use super::super::tree::{Tree, check_row, sum_trees, sum_trees_of_row};
use crate::data::{Feature, Features, OutOfSample, Target};
use crate::error::Result;
use crate::model::Predictor;

/// What one round of boosting came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Round {
    /// The mean loss of the rows that were set aside for early stopping.
    pub validation_loss: Option<f64>,
}

/// A fitted [`HistGradientBoosting`](super::HistGradientBoosting).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FittedHistGradientBoosting<Y> {
    pub(in crate::model::hist) fields: Arc<[Feature]>,
    pub(in crate::model::hist) bins: Arc<[FeatureBins]>,
    /// The target with no row: what to make of scores.
    pub(in crate::model::hist) outcome: Y,
    pub(in crate::model::hist) objective: Objective,
    pub(in crate::model::hist) start: Vec<f64>,
    pub(in crate::model::hist) trees: Vec<Tree>,
    pub(in crate::model::hist) history: Vec<Round>,
}

impl FittedHistGradientBoosting<()> {
    /// As a model of this target.
    pub(super) fn of<Y: Target>(self, target: &Y) -> FittedHistGradientBoosting<Y> {
        FittedHistGradientBoosting {
            fields: self.fields,
            bins: self.bins,
            outcome: target.take(&[]),
            objective: self.objective,
            start: self.start,
            trees: self.trees,
            history: self.history,
        }
    }
}

impl<Y: Target> FittedHistGradientBoosting<Y> {
    /// The features that the model was fitted on.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.fields
    }

    /// How many trees it has.
    #[must_use]
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// What each round came to.
    #[must_use]
    pub fn history(&self) -> &[Round] {
        &self.history
    }

    /// Raw scores, one column per score: the log-odds of the positive class (binary), one score per
    /// class (multiclass; their softmax is the probabilities), the value, or its logarithm for
    /// [`Loss::Poisson`](crate::model::hist::Loss::Poisson).
    ///
    /// # Errors
    /// If the features are not those of fitting.
    pub fn raw_scores(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        raw_scores(&self.fields, &self.trees, &self.start, &self.bins, features)
    }

    /// What each feature adds to each row's raw scores: one [`ShapValues`] a score.
    ///
    /// Rows are computed in parallel, each with the same bits at any number of threads. Memory: 8
    /// bytes a row, feature and score.
    ///
    /// # Errors
    /// If the features are not those of fitting.
    pub fn shap_values(&self, features: &Features<OutOfSample>) -> Result<Vec<ShapValues>> {
        features.check_fields(&self.fields)?;
        let names = self.outcome.class_names();
        let skipped = names.len().saturating_sub(self.start.len());
        let classes: Vec<Option<String>> = names.iter().skip(skipped).cloned().map(Some).collect();
        Ok(shap_values(
            &self.trees,
            &self.start,
            &self.bins,
            features,
            &classes,
        ))
    }

    /// How much the trees use each feature: `(name, importance)` in the order of the features.
    ///
    /// ```
    /// use stackfold::data::{Feature, FitContext};
    /// use stackfold::model::hist::{HistGradientBoosting, Importance};
    /// use stackfold::prelude::*;
    /// let x: Vec<f32> = (0..100).map(|i| i as f32).collect();
    /// let y: Vec<f64> = x.iter().map(|&x| if x < 50.0 { 0.0 } else { 1.0 }).collect();
    /// let fields = vec![Feature::number("flat"), Feature::number("x")];
    /// let features = Features::from_columns(fields, vec![vec![0.0; 100], x])?.assume_in_sample();
    /// let model = HistGradientBoosting::new().with_n_trees(1);
    /// let fitted = model.fit(&features, &Values::new(y)?, &FitContext::default())?;
    /// assert_eq!(fitted.feature_importance(Importance::Splits), [("flat", 0.0), ("x", 1.0)]);
    /// // Each side has a sum of gradients of 25 and one of hessians of 50; together they have 0.
    /// assert!((fitted.feature_importance(Importance::Gain)[1].1 - 25.0).abs() < 1e-3);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn feature_importance(&self, importance: Importance) -> Vec<(&str, f64)> {
        let names = self.fields.iter().map(Feature::name);
        names
            .zip(importance.of(&self.trees, &self.bins, self.fields.len()))
            .collect()
    }

    /// Predicts one row, given in the order of [`features`](Self::features), without allocating:
    /// writes the positive-class probability (binary), one probability per class (multiclass), or
    /// the value (regression).
    ///
    /// # Errors
    /// If the row or `out` has another length than the features or the outputs.
    pub fn predict_row(&self, row: &[f32], out: &mut [f64]) -> Result<()> {
        check_row(row, self.fields.len(), out, self.start.len())?;
        sum_trees_of_row(&self.trees, &self.start, &self.bins, row, out);
        self.objective.row_outputs(out);
        Ok(())
    }
}

fn raw_scores(
    fields: &[Feature],
    trees: &[Tree],
    start: &[f64],
    bins: &[FeatureBins],
    features: &Features<OutOfSample>,
) -> Result<Vec<Vec<f64>>> {
    features.check_fields(fields)?;
    Ok(sum_trees(trees, start, bins, features))
}

impl<Y: Target> Predictor<Y> for FittedHistGradientBoosting<Y> {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction> {
        let scores = self.raw_scores(features)?;
        self.outcome.prediction(self.objective.outputs(scores))
    }
}
