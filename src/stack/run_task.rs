//! How a task runs: a view is fitted, its members are, and both answer the rows that were held out;
//! or a learner does by itself.
//!
//! The features of the training rows are dropped before those of the held-out rows are made, so
//! that one of the two matrices is alive at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::fitted::FittedMember;
use super::tasks::{Needs, Task, Tasks, Work};
use super::{Event, OnFailure, StackTarget, ViewMember};
use crate::clock::Stopwatch;
use crate::data::{
    Features, InSample, OutOfSample, Sample, TableRows, Target, Train, check_prediction,
};
use crate::error::{Error, Result};
use crate::model::{DynLearner, Predictor, bytes};
use crate::progress::{IterationsAlone, Progress};
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

/// What came of each member of a task, by its place among the stack's.
type Outcomes<Y> = Vec<(usize, Result<MemberFit<Y>>)>;

/// The fitted view, if there is one, and what came of each member.
pub(super) type TaskOutcome<Y> = (Option<Arc<dyn FittedTransformer>>, Outcomes<Y>);

/// A member on a view once it is fitted.
struct ViewFit<Y: Target> {
    predictor: Arc<dyn Predictor<Y>>,
    /// Of the training rows, out-of-bag.
    prediction: Option<Y::Prediction>,
    seconds: f64,
}

impl<Y: StackTarget> Jobs for Tasks<'_, Y> {
    type Output = TaskOutcome<Y>;

    fn len(&self) -> usize {
        self.list.len()
    }

    fn cost(&self, job: usize) -> u64 {
        let task = &self.list[job];
        let cells = bytes(task.sides.train.len(), self.features_of(task), 1);
        cells.saturating_mul(task.work.n_members() as u64)
    }

    fn memory(&self, job: usize) -> u64 {
        self.needs(&self.list[job]).total
    }

    /// The first fit of a view tells how many features it has.
    fn waits_for(&self, job: usize, running: &[usize]) -> bool {
        let view = self.list[job].view();
        let is_known = |v: usize| self.n_features[v].get().is_some();
        let same = |&other: &usize| self.list[other].view() == view;
        !view.is_none_or(is_known) && running.iter().any(same)
    }

    fn run(&self, job: usize, resize: &dyn Fn(u64)) -> TaskOutcome<Y> {
        let task = &self.list[job];
        let run = Run {
            tasks: self,
            task,
            job,
        };
        let outcome = match &task.work {
            Work::OnView(view, members) => run.on_view(*view, members, resize),
            Work::Learner(m, learner) => {
                run.needs(resize);
                (None, vec![(*m, run.learner(*m, *learner))])
            }
        };
        if self.stack.on_failure == OnFailure::Stop && outcome.1.iter().any(|(_, r)| r.is_err()) {
            self.failed.fetch_min(job, Ordering::Relaxed);
        }
        outcome
    }
}

struct Run<'a, Y: Target> {
    tasks: &'a Tasks<'a, Y>,
    task: &'a Task<'a, Y>,
    job: usize,
}

impl<'a, Y: StackTarget> Run<'a, Y> {
    /// The rows that are fitted on.
    fn train(&self) -> Train<'a, Y> {
        self.tasks.train.at(&self.task.sides.train)
    }

    fn name(&self, m: usize) -> &'a str {
        &self.tasks.stack.members[m].name
    }

    /// The seed of what has this name in this split.
    fn seed(&self, kind: &str, name: &str) -> Seed {
        let seed = self.tasks.train.seed().child(kind).child(name);
        self.task.split().map_or(seed, |split| seed.at(split))
    }

    /// An error once the fit is stopped, or a task before this one has failed.
    fn check_stopped(&self) -> Result<()> {
        if self.tasks.failed.load(Ordering::Relaxed) < self.job {
            return Err(Error::stopped());
        }
        self.tasks.train.check_stopped()
    }

    /// What the task needs as far as is known by now, which the schedule is told.
    fn needs(&self, resize: &dyn Fn(u64)) -> Needs {
        let needs = self.tasks.needs(self.task);
        resize(needs.total);
        if let Some(limit) = self.tasks.stack.memory_limit.filter(|&l| l < needs.total) {
            self.tasks.train.tell(&Event::AboveMemoryLimit {
                task: match &self.task.work {
                    Work::OnView(view, _) => self.tasks.stack.views[*view].name(),
                    Work::Learner(m, _) => self.name(*m),
                },
                split: self.task.split(),
                bytes: needs.total,
                limit,
            });
        }
        needs
    }

    fn on_view(
        &self,
        v: usize,
        members: &[(usize, &ViewMember<Y>)],
        resize: &dyn Fn(u64),
    ) -> TaskOutcome<Y> {
        let all_failed = |error: &Error| -> Outcomes<Y> {
            let failed = |&(m, _): &_| (m, Err(self.place(error.duplicate(), m)));
            members.iter().map(failed).collect()
        };
        let (view, features) = match self.fit_view(v) {
            Ok(fit) => fit,
            Err(error) => return (None, all_failed(&error)),
        };
        // In another split there may be a few more or fewer.
        self.tasks.n_features[v].get_or_init(|| features.n_features());
        let needs = self.needs(resize);
        let limit = self.tasks.stack.memory_limit.map(|_| needs.at_once);
        let fits = Fits {
            run: self,
            members,
            memory: &needs.members,
            features,
            sample: self.train().sample(),
        };
        let fitted = schedule::run(&fits, limit).outputs;
        drop(fits);
        let predictions = match &self.task.sides.held_out {
            Some((_, rows)) if fitted.iter().any(Result::is_ok) => {
                let features = match self.transform(v, view.as_ref(), rows) {
                    Ok(features) => features,
                    Err(error) => return (Some(view), all_failed(&error)),
                };
                let predictions = Predictions {
                    run: self,
                    members,
                    memory: &needs.members,
                    fitted: &fitted,
                    features,
                    rows,
                };
                schedule::run(&predictions, limit).outputs
            }
            _ => members.iter().map(|_| None).collect(),
        };
        let fits = fitted.into_iter().zip(predictions);
        let fits = fits.map(|(fit, prediction)| {
            let fit = fit?;
            let (prediction, predict_seconds) = match prediction.transpose()? {
                Some((prediction, seconds)) => (Some(prediction), seconds),
                None => (fit.prediction, 0.0),
            };
            Ok(MemberFit {
                fitted: FittedMember::Predictor(v, fit.predictor),
                prediction,
                fit_seconds: fit.seconds,
                predict_seconds,
            })
        });
        let places = members.iter().map(|&(m, _)| m);
        (Some(view), places.zip(fits).collect())
    }

    fn fit_view(&self, v: usize) -> Result<(Arc<dyn FittedTransformer>, Features<InSample>)> {
        self.check_stopped()?;
        let start = Stopwatch::start();
        let view = &self.tasks.stack.views[v];
        let (fitted, features) = view
            .transformer
            .fit_transform_dyn(self.train().with_seed(self.seed("view", view.name())))
            .map_err(|e| e.in_view(view.name()))?;
        self.tasks.train.tell(&Event::Transformed {
            view: view.name(),
            split: self.task.split(),
            seconds: start.seconds(),
        });
        Ok((fitted, features))
    }

    /// The view's features of the rows that were held out.
    fn transform(
        &self,
        v: usize,
        view: &dyn FittedTransformer,
        rows: &TableRows,
    ) -> Result<Features<OutOfSample>> {
        self.check_stopped()?;
        view.transform(self.tasks.train.rows().at(rows))
            .map_err(|e| e.in_view(self.tasks.stack.views[v].name()))
    }

    fn learner(&self, m: usize, learner: &dyn DynLearner<Y>) -> Result<MemberFit<Y>> {
        let fit = || {
            self.check_stopped()?;
            let progress = self.tasks.train.progress().map(IterationsAlone);
            let progress = progress.as_ref().map(|p| p as &dyn Progress);
            let start = Stopwatch::start();
            let seed = self.seed("member", self.name(m));
            let fitted = learner.fit_dyn(self.train().with_seed(seed).with_progress(progress))?;
            let fit_seconds = start.seconds();
            let start = Stopwatch::start();
            let prediction = match &self.task.sides.held_out {
                Some((_, rows)) => {
                    let prediction = fitted.predict(self.tasks.train.rows().at(rows))?;
                    self.check_prediction(&prediction, rows)?;
                    Some(prediction)
                }
                None => None,
            };
            Ok(MemberFit {
                fitted: FittedMember::Learner(fitted),
                prediction,
                fit_seconds,
                predict_seconds: start.seconds(),
            })
        };
        self.tell(m, fit(), |fit| fit.fit_seconds + fit.predict_seconds)
    }

    fn check_prediction(&self, prediction: &Y::Prediction, rows: &TableRows) -> Result<()> {
        check_prediction(self.tasks.train.table_target(), prediction, rows.len())
    }

    /// Tells how a member fared, and how many seconds it took; its error names the place.
    fn tell<T>(&self, m: usize, result: Result<T>, seconds: impl Fn(&T) -> f64) -> Result<T> {
        let result = result.map_err(|e| self.place(e, m));
        let (member, split) = (self.name(m), self.task.split());
        self.tasks.train.tell(&match &result {
            Ok(fit) => Event::Fitted {
                member,
                level: 1,
                split,
                seconds: seconds(fit),
            },
            Err(error) => Event::Failed {
                member,
                split,
                error,
            },
        });
        result
    }

    fn place(&self, error: Error, m: usize) -> Error {
        let error = match self.task.split() {
            Some(split) => error.in_fold(split),
            None => error,
        };
        error.in_member(self.name(m)).in_level(1)
    }
}

/// Fits the members on a view, as jobs of their own: as many at once as were planned for.
struct Fits<'a, Y: Target> {
    run: &'a Run<'a, Y>,
    members: &'a [(usize, &'a ViewMember<Y>)],
    memory: &'a [u64],
    features: Features<InSample>,
    sample: Sample<'a, Y>,
}

impl<Y: StackTarget> Jobs for Fits<'_, Y> {
    type Output = Result<ViewFit<Y>>;

    fn len(&self) -> usize {
        self.members.len()
    }

    fn memory(&self, job: usize) -> u64 {
        self.memory[job]
    }

    fn run(&self, job: usize, _resize: &dyn Fn(u64)) -> Self::Output {
        let (run, (m, member)) = (self.run, self.members[job]);
        let fit = || {
            run.check_stopped()?;
            let start = Stopwatch::start();
            let train = run.train();
            let seed = run.seed("member", run.name(m));
            let context = self.sample.context(seed, train.progress());
            let (features, target) = (&self.features, self.sample.target());
            let place = |e: Error| e.among(train.rows().index()).explained_by(train.rows());
            let (predictor, prediction) = match member {
                ViewMember::PerSplit(estimator) => {
                    let predictor = estimator.fit_dyn(features, target, &context);
                    (predictor.map_err(place)?, None)
                }
                ViewMember::OutOfBag(estimator) => {
                    let fit = estimator.fit_out_of_bag_dyn(features, target, &context);
                    let (predictor, prediction) = fit.map_err(place)?;
                    run.check_prediction(&prediction, &run.task.sides.train)?;
                    (predictor, Some(prediction))
                }
            };
            Ok(ViewFit {
                predictor,
                prediction,
                seconds: start.seconds(),
            })
        };
        let fit = fit();
        // A fit that is to predict is told of once it has.
        if fit.is_ok() && run.task.sides.held_out.is_some() {
            return fit;
        }
        run.tell(m, fit, |fit| fit.seconds)
    }
}

/// Predicts the rows that were held out by the members that could be fitted, likewise.
struct Predictions<'a, Y: Target> {
    run: &'a Run<'a, Y>,
    members: &'a [(usize, &'a ViewMember<Y>)],
    memory: &'a [u64],
    fitted: &'a [Result<ViewFit<Y>>],
    features: Features<OutOfSample>,
    rows: &'a TableRows,
}

impl<Y: StackTarget> Jobs for Predictions<'_, Y> {
    /// The prediction, and the seconds it took.
    type Output = Option<Result<(Y::Prediction, f64)>>;

    fn len(&self) -> usize {
        self.members.len()
    }

    fn memory(&self, job: usize) -> u64 {
        self.memory[job]
    }

    fn run(&self, job: usize, _resize: &dyn Fn(u64)) -> Self::Output {
        let (run, fit) = (self.run, self.fitted[job].as_ref().ok()?);
        let predict = || {
            run.check_stopped()?;
            let start = Stopwatch::start();
            let prediction = fit.predictor.predict(&self.features);
            let prediction = prediction.map_err(|e| e.among(self.rows.index()))?;
            run.check_prediction(&prediction, self.rows)?;
            Ok((prediction, start.seconds()))
        };
        let (m, _) = self.members[job];
        Some(run.tell(m, predict(), |(_, seconds)| fit.seconds + seconds))
    }
}
