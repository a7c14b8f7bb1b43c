//! Jobs of trees on histograms.

use stackfold::data::Target;
use stackfold::model::Estimator;
use stackfold::model::hist::{ExtraTrees, HistGradientBoosting, RandomForest};

use crate::Result;
use crate::folder::Folder;
use crate::job::{Job, Measure};
use crate::measure::{Report, context, fit_and_predict, predict_rows};

pub fn boosting<Y: Target>(job: &Job, folder: &Folder, target: &Y) -> Result<Report> {
    let mut boosting = HistGradientBoosting::new();
    if let Some(n) = job.n_trees {
        boosting = boosting.with_n_trees(n);
    }
    if let Some(leaves) = job.max_leaves {
        boosting = boosting.with_max_leaves(leaves);
    }
    if let Some(rate) = job.learning_rate {
        boosting = boosting.with_learning_rate(rate);
    }
    if !matches!(job.measure, Measure::PredictRow) {
        return fit_and_predict(job, folder, target, &boosting);
    }
    let features = folder.features("train", job.categories)?.assume_in_sample();
    let fitted = boosting.fit(&features, target, &context(job))?;
    drop(features);
    predict_rows::<Y, _>(job, folder, &fitted, |row, out| {
        fitted.predict_row(row, out)
    })
}

pub fn random_forest<Y: Target>(job: &Job, folder: &Folder, target: &Y) -> Result<Report> {
    let mut forest = RandomForest::new().with_max_depth(job.max_depth);
    if let Some(n) = job.n_trees {
        forest = forest.with_n_trees(n);
    }
    fit_and_predict(job, folder, target, &forest)
}

pub fn extra_trees<Y: Target>(job: &Job, folder: &Folder, target: &Y) -> Result<Report> {
    let mut forest = ExtraTrees::new().with_max_depth(job.max_depth);
    if let Some(n) = job.n_trees {
        forest = forest.with_n_trees(n);
    }
    fit_and_predict(job, folder, target, &forest)
}
