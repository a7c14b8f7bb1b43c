//! One task: a view is fitted, its members are, and both answer the rows that were held out.
//!
//! The features of the training rows are dropped before those of the held-out rows are made, so
//! that one of the two matrices is alive at a time.

use std::sync::Arc;

use super::fitted::FittedMember;
use super::tasks::{Needs, Task, Tasks};
use super::{Event, MemberKind, StackTarget};
use crate::clock::Stopwatch;
use crate::data::{
    Features, FitContext, InSample, OutOfSample, RowIndex, Target, Train, check_prediction,
};
use crate::error::{Error, Result};
use crate::model::{DynEstimator, DynLearner, DynOutOfBagEstimator};
use crate::random::Seed;
use crate::schedule::{self, Jobs};
use crate::transform::FittedTransformer;

/// What came of one member in one split.
pub(super) struct MemberFit<Y: Target> {
    pub(super) fitted: FittedMember<Y>,
    pub(super) prediction: Option<Y::Prediction>,
    pub(super) fit_seconds: f64,
    pub(super) predict_seconds: f64,
}

type Outcomes<Y> = Vec<(usize, Result<MemberFit<Y>>)>;

/// The fitted view, if there is one, and what came of each member.
pub(super) type TaskOutcome<Y> = (Option<Arc<dyn FittedTransformer>>, Outcomes<Y>);

/// Whether to go on.
type Stopped<'a> = &'a (dyn Fn() -> bool + Sync);

pub(super) fn run<Y: StackTarget>(
    tasks: &Tasks<'_, Y>,
    task: &Task<'_>,
    resize: &dyn Fn(u64),
    stopped: Stopped<'_>,
) -> TaskOutcome<Y> {
    let run = Run {
        tasks,
        task,
        stopped,
    };
    match task.view {
        None => (None, run.learners(&run.needs(resize))),
        Some(view) => match run.fit_view(view) {
            Err(error) => (None, run.all_failed(&error)),
            Ok((fitted, features)) => {
                tasks.tell_features(view, features.n_features());
                let members = run.members(view, &run.needs(resize), fitted.as_ref(), features);
                (Some(fitted), members)
            }
        },
    }
}

struct Run<'a, Y: Target> {
    tasks: &'a Tasks<'a, Y>,
    task: &'a Task<'a>,
    stopped: Stopped<'a>,
}

impl<Y: StackTarget> Run<'_, Y> {
    /// What the task needs as far as is known by now.
    fn needs(&self, resize: &dyn Fn(u64)) -> Needs {
        let needs = self.tasks.needs(self.task);
        resize(needs.total);
        if let Some(limit) = self.tasks.stack.memory_limit.filter(|&l| l < needs.total) {
            self.tasks.progress.event(&Event::AboveMemoryLimit {
                task: match self.task.view {
                    Some(view) => self.tasks.stack.views[view].name(),
                    None => self.name(self.task.members[0]),
                },
                split: self.task.split,
                bytes: needs.total,
                limit,
            });
        }
        needs
    }

    fn name(&self, m: usize) -> &str {
        &self.tasks.stack.members[m].name
    }

    fn place(&self, error: Error, m: usize) -> Error {
        let error = match self.task.split {
            Some(split) => error.in_fold(split),
            None => error,
        };
        error.in_member(self.name(m)).in_level(1)
    }

    fn all_failed(&self, error: &Error) -> Outcomes<Y> {
        let members = self.task.members.iter();
        members
            .map(|&m| (m, Err(self.place(error.duplicate(), m))))
            .collect()
    }

    /// The seed of what has this name in this split.
    fn seed(&self, kind: &str, name: &str) -> Seed {
        let seed = self.tasks.train.seed().child(kind).child(name);
        self.task.split.map_or(seed, |split| seed.at(split))
    }

    fn go_on(&self) -> Result<()> {
        if (self.stopped)() {
            return Err(Error::stopped());
        }
        Ok(())
    }

    fn fit_view(&self, v: usize) -> Result<(Arc<dyn FittedTransformer>, Features<InSample>)> {
        self.go_on()?;
        let start = Stopwatch::start();
        let part = self.tasks.train.subset(self.task.train)?;
        let view = &self.tasks.stack.views[v];
        let (fitted, features) = view
            .transformer
            .fit_transform_dyn(part.with_seed(self.seed("view", view.name())))
            .map_err(|e| e.in_view(view.name()))?;
        self.tasks.progress.event(&Event::Transformed {
            view: view.name(),
            split: self.task.split,
            seconds: start.seconds(),
        });
        Ok((fitted, features))
    }

    fn transform(
        &self,
        view: usize,
        fitted: &dyn FittedTransformer,
    ) -> Result<Features<OutOfSample>> {
        self.go_on()?;
        let rows = self.tasks.train.rows().subset(self.task.validation)?;
        fitted
            .transform(rows)
            .map_err(|e| e.in_view(self.tasks.stack.views[view].name()))
    }

    /// Does something for each member, as many at once as were planned for.
    fn each<T: Send>(&self, needs: &Needs, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let members = Members {
            memory: &needs.members,
            run,
        };
        let limit = self.tasks.stack.memory_limit.map(|_| needs.at_once);
        schedule::run(&members, limit).outputs
    }

    fn members(
        &self,
        view: usize,
        needs: &Needs,
        fitted: &dyn FittedTransformer,
        features: Features<InSample>,
    ) -> Outcomes<Y> {
        let fits = self.each(needs, |i| {
            let m = self.task.members[i];
            let fit = self.go_on().and_then(|()| self.fit(m, view, &features));
            match fit {
                Ok(fit) if self.is_to_predict(m) => Ok(fit),
                fit => self.told(m, fit),
            }
        });
        drop(features);
        let waits = |(&m, fit): (&usize, &Result<_>)| fit.is_ok() && self.is_to_predict(m);
        if !self.task.members.iter().zip(&fits).any(waits) {
            return self.task.members.iter().copied().zip(fits).collect();
        }
        let held_out = match self.transform(view, fitted) {
            Ok(held_out) => held_out,
            Err(error) => return self.all_failed(&error),
        };
        let predictions = self.each(needs, |i| match &fits[i] {
            Ok(fit) if self.is_to_predict(self.task.members[i]) => {
                Some(self.go_on().and_then(|()| self.predict(fit, &held_out)))
            }
            _ => None,
        });
        let members = self.task.members.iter().copied();
        let fits = members.zip(fits).zip(predictions);
        fits.map(|((m, fit), prediction)| match (fit, prediction) {
            (Ok(fit), Some(prediction)) => {
                let fit = prediction.map(|(prediction, predict_seconds)| MemberFit {
                    prediction: Some(prediction),
                    predict_seconds,
                    ..fit
                });
                (m, self.told(m, fit))
            }
            (fit, _) => (m, fit),
        })
        .collect()
    }

    /// Whether a member of a view predicts rows that were held out.
    fn is_to_predict(&self, m: usize) -> bool {
        let kind = &self.tasks.stack.members[m].kind;
        self.task.split.is_some() && !matches!(kind, MemberKind::OutOfBag(..))
    }

    fn learners(&self, needs: &Needs) -> Outcomes<Y> {
        let fits = self.each(needs, |i| {
            let m = self.task.members[i];
            let fit = self
                .go_on()
                .and_then(|()| match &self.tasks.stack.members[m].kind {
                    MemberKind::Learner(learner) => self.fit_learner(learner.as_ref(), m),
                    MemberKind::Estimator(..) | MemberKind::OutOfBag(..) => {
                        Err(Error::unsupported("an estimator without a view"))
                    }
                });
            self.told(m, fit)
        });
        self.task.members.iter().copied().zip(fits).collect()
    }

    /// Checks what a member predicts, and tells how it fared.
    fn told(&self, m: usize, fit: Result<MemberFit<Y>>) -> Result<MemberFit<Y>> {
        let n_rows = match self.tasks.stack.members[m].kind {
            MemberKind::OutOfBag(..) => self.task.train.len(),
            MemberKind::Estimator(..) | MemberKind::Learner(_) => self.task.validation.len(),
        };
        let target = self.tasks.train.table_target();
        let result = fit
            .and_then(|fit| match &fit.prediction {
                Some(prediction) => check_prediction(target, prediction, n_rows).map(|()| fit),
                None => Ok(fit),
            })
            .map_err(|e| self.place(e, m));
        let (member, split) = (self.name(m), self.task.split);
        self.tasks.progress.event(&match &result {
            Ok(fit) => Event::Fitted {
                member,
                level: 1,
                split,
                seconds: fit.fit_seconds + fit.predict_seconds,
            },
            Err(error) => Event::Failed {
                member,
                split,
                error,
            },
        });
        result
    }

    fn fit(&self, m: usize, view: usize, features: &Features<InSample>) -> Result<MemberFit<Y>> {
        let seed = self.seed("member", self.name(m));
        match &self.tasks.stack.members[m].kind {
            MemberKind::Estimator(_, estimator) => {
                self.fit_estimator(estimator.as_ref(), seed, view, features)
            }
            MemberKind::OutOfBag(_, estimator) => {
                self.fit_out_of_bag(estimator.as_ref(), seed, view, features)
            }
            MemberKind::Learner(_) => Err(Error::unsupported("a learner on a view")),
        }
    }

    fn fit_estimator(
        &self,
        estimator: &dyn DynEstimator<Y>,
        seed: Seed,
        view: usize,
        features: &Features<InSample>,
    ) -> Result<MemberFit<Y>> {
        let start = Stopwatch::start();
        let predictor = on_rows(
            self.tasks.train,
            self.task.train,
            seed,
            |target, context| estimator.fit_dyn(features, target, context),
        )?;
        Ok(MemberFit {
            fitted: FittedMember::Predictor(view, predictor),
            prediction: None,
            fit_seconds: start.seconds(),
            predict_seconds: 0.0,
        })
    }

    /// As [`Run::fit_estimator`], but with the prediction of the training rows, out-of-bag.
    fn fit_out_of_bag(
        &self,
        estimator: &dyn DynOutOfBagEstimator<Y>,
        seed: Seed,
        view: usize,
        features: &Features<InSample>,
    ) -> Result<MemberFit<Y>> {
        let start = Stopwatch::start();
        let (predictor, prediction) = on_rows(
            self.tasks.train,
            self.task.train,
            seed,
            |target, context| estimator.fit_out_of_bag_dyn(features, target, context),
        )?;
        Ok(MemberFit {
            fitted: FittedMember::Predictor(view, predictor),
            prediction: Some(prediction),
            fit_seconds: start.seconds(),
            predict_seconds: 0.0,
        })
    }

    /// The prediction of the held-out rows, and the seconds it took.
    fn predict(
        &self,
        fit: &MemberFit<Y>,
        held_out: &Features<OutOfSample>,
    ) -> Result<(Y::Prediction, f64)> {
        let FittedMember::Predictor(_, predictor) = &fit.fitted else {
            return Err(Error::unsupported("a learner on a view"));
        };
        let start = Stopwatch::start();
        let prediction = predictor
            .predict(held_out)
            .map_err(|e| e.among(RowIndex::Some(self.task.validation)))?;
        Ok((prediction, start.seconds()))
    }

    fn fit_learner(&self, learner: &dyn DynLearner<Y>, m: usize) -> Result<MemberFit<Y>> {
        let (train, task) = (self.tasks.train, self.task);
        let seed = self.seed("member", self.name(m));
        let start = Stopwatch::start();
        let fitted = learner.fit_dyn(train.subset(task.train)?.with_seed(seed))?;
        let fit_seconds = start.seconds();
        let start = Stopwatch::start();
        let prediction = match task.split {
            Some(_) => Some(fitted.predict(train.rows().subset(task.validation)?)?),
            None => None,
        };
        Ok(MemberFit {
            fitted: FittedMember::Learner(fitted),
            prediction,
            fit_seconds,
            predict_seconds: start.seconds(),
        })
    }
}

/// Fits with the target and all else that is known of the given rows of the table.
fn on_rows<Y: Target, T>(
    train: Train<'_, Y>,
    rows: &[u32],
    seed: Seed,
    fit: impl FnOnce(&Y, &FitContext<'_>) -> Result<T>,
) -> Result<T> {
    let part = train.subset(rows)?;
    let weights = part.weights();
    let groups = part.rows().groups();
    let time = part.rows().time();
    let context = FitContext::default()
        .with_weights(weights.as_deref())
        .with_groups(groups.as_deref())
        .with_time(time.as_deref())
        .with_seed(seed)
        .with_progress(train.progress());
    fit(&part.target(), &context)
        .map_err(|e| e.among(RowIndex::Some(rows)).explained_by(train.rows()))
}

/// The members of a task, as jobs of their own.
struct Members<'a, F> {
    memory: &'a [u64],
    run: F,
}

impl<T: Send, F: Fn(usize) -> T + Sync> Jobs for Members<'_, F> {
    type Output = T;

    fn len(&self) -> usize {
        self.memory.len()
    }

    /// In their order.
    fn cost(&self, _job: usize) -> u64 {
        0
    }

    fn memory(&self, job: usize) -> u64 {
        self.memory[job]
    }

    fn run(&self, job: usize, _resize: &dyn Fn(u64)) -> T {
        (self.run)(job)
    }
}
