//! Further levels: estimators on the predictions of the level below.

use std::sync::Arc;

use super::checks::check_any_left;
use super::fitted::FittedLevel;
use super::meta::FittedForm;
use super::meta_rows::{MetaRows, cross_fit, held_out};
use super::report::{Dropped, MemberReport, Scorer};
use super::{Event, Level, Meta, OnFailure, StackTarget};
use crate::clock::Stopwatch;
use crate::data::{InSample, Target};
use crate::error::{Error, Result};
use crate::folds::Folds;
use crate::model::{DynEstimator, Predictor};
use crate::parallel;
use crate::random::Seed;

/// What a further level is fitted on.
pub(super) struct LevelFit<'a, Y: Target> {
    /// From 2.
    pub(super) number: usize,
    pub(super) rows: &'a MetaRows<'a, Y>,
    /// None where rows cannot be cross-fitted over folds.
    pub(super) folds: Option<&'a Folds>,
    pub(super) seed: Seed,
    pub(super) on_failure: OnFailure,
}

/// What comes of it.
pub(super) struct NextLevel<Y: Target> {
    pub(super) fitted: FittedLevel<Y>,
    /// Its members' out-of-fold predictions.
    pub(super) meta: Meta<Y, InSample>,
    pub(super) reports: Vec<MemberReport>,
    pub(super) dropped: Vec<Dropped>,
}

/// One member: for new rows, of the training rows, and the seconds that both took.
struct MemberFit<Y: Target> {
    predictor: Arc<dyn Predictor<Y>>,
    out_of_fold: Y::Prediction,
    seconds: f64,
}

impl<Y: StackTarget> LevelFit<'_, Y> {
    /// Fits the level's members on the predictions below: cross-fitted for the next level, and on all
    /// rows for new rows.
    pub(super) fn run(
        &self,
        level: &Level<Y>,
        meta: &Meta<Y, InSample>,
        scorer: &Scorer<'_, Y>,
    ) -> Result<NextLevel<Y>> {
        let folds = self.folds.ok_or_else(|| {
            let expected = "splits that do not follow time, and two folds of rows or groups, for a \
                further level";
            Error::data(expected, "neither").in_level(self.number)
        })?;
        let train = self.rows.train;
        let form = FittedForm::fit(level.form, meta, self.rows.sample.weights());
        let features = form.features(meta)?;
        let fits = parallel::map(&level.members, |_, (name, estimator)| {
            let start = Stopwatch::start();
            let seed = self.seed.child(name);
            let fit = self
                .cross_fit(level, folds, meta, estimator.as_ref(), seed)
                .and_then(|out_of_fold| {
                    let context = self.rows.context(seed);
                    let predictor = estimator
                        .fit_dyn(&features, self.rows.target(), &context)
                        .map_err(|e| self.rows.place(e))?;
                    Ok(MemberFit {
                        predictor,
                        out_of_fold,
                        seconds: start.seconds(),
                    })
                })
                .map_err(|e| e.in_member(name).in_level(self.number));
            train.tell(&match &fit {
                Ok(fit) => Event::Fitted {
                    member: name,
                    level: self.number,
                    split: None,
                    seconds: fit.seconds,
                },
                Err(error) => Event::Failed {
                    member: name,
                    split: None,
                    error,
                },
            });
            fit
        });
        train.check_stopped()?;
        let (mut names, mut predictors, mut predictions) = (Vec::new(), Vec::new(), Vec::new());
        let (mut reports, mut dropped) = (Vec::new(), Vec::new());
        for (name, fit) in level.names().zip(fits) {
            match fit {
                Ok(fit) => {
                    let mut report = scorer.report(name, self.number, &fit.out_of_fold)?;
                    report.fit_seconds = fit.seconds;
                    reports.push(report);
                    names.push(name.to_owned());
                    predictors.push(fit.predictor);
                    predictions.push(fit.out_of_fold);
                }
                Err(error) if self.on_failure == OnFailure::LeaveOut => dropped.push(Dropped {
                    member: name.to_owned(),
                    reason: error.to_string(),
                }),
                Err(error) => return Err(error),
            }
        }
        check_any_left(&names, &dropped)?;
        let names: Arc<[String]> = names.into();
        Ok(NextLevel {
            meta: Meta::new(Arc::clone(&names), predictions, meta.extra().cloned()),
            fitted: FittedLevel {
                form,
                names,
                predictors,
            },
            reports,
            dropped,
        })
    }

    /// A member's prediction of each row by a model of the other folds.
    fn cross_fit(
        &self,
        level: &Level<Y>,
        folds: &Folds,
        meta: &Meta<Y, InSample>,
        estimator: &dyn DynEstimator<Y>,
        seed: Seed,
    ) -> Result<Y::Prediction> {
        cross_fit(folds, self.rows.target(), |fold, others, own| {
            self.rows.train.check_stopped()?;
            // Ranks are learned from the rows that are fitted on.
            let part_meta = meta.take(others);
            let part = self.rows.take(others);
            let form = FittedForm::fit(level.form, &part_meta, part.sample.weights());
            let features = form.features(&part_meta)?;
            let predictor = estimator
                .fit_dyn(&features, part.target(), &part.context(seed.at(fold)))
                .map_err(|e| part.place(e))?;
            predictor
                .predict(&form.features(&held_out(meta, own))?)
                .map_err(|e| self.rows.take(own).place(e))
        })
    }
}
