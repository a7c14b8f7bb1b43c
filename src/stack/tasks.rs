//! The fits of the first level as tasks: which there are, what memory each needs, what came of them.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::fit::is_fitted_once;
use super::fitted::{FittedMember, FittedView, SplitModels};
use super::run_task::{MemberFit, TaskOutcome, run};
use super::{Event, MemberKind, NewRows, OnFailure, Stack, StackTarget};
use crate::data::{Target, Train};
use crate::error::{Error, Result};
use crate::folds::FoldPlan;
use crate::model::bytes;
use crate::progress::Progress;
use crate::schedule::{self, Jobs};

/// What came of one split: of each view and each member, or why not.
pub(super) struct SplitFit<Y: Target> {
    views: Vec<Option<FittedView>>,
    pub(super) members: Vec<Option<Result<MemberFit<Y>>>>,
}

impl<Y: Target> SplitFit<Y> {
    pub(super) fn into_models(self, kept: &[usize]) -> SplitModels<Y> {
        let mut members: Vec<Option<FittedMember<Y>>> = self
            .members
            .into_iter()
            .map(|m| m.and_then(Result::ok).map(|m| m.fitted))
            .collect();
        let kept = kept.iter().enumerate();
        SplitModels {
            views: self.views,
            members: kept
                .filter_map(|(place, &m)| Some((place, members[m].take()?)))
                .collect(),
        }
    }
}

/// What came of the first level.
pub(super) struct BaseFits<Y: Target> {
    pub(super) splits: Vec<SplitFit<Y>>,
    /// Fits on all rows, where there are any.
    pub(super) whole: Option<Box<SplitFit<Y>>>,
    /// The most bytes that tasks at one time were thought to need.
    pub(super) peak: u64,
}

/// One view with its members, or one learner, in one split.
pub(super) struct Task<'s> {
    /// The split; none for a fit on all rows.
    pub(super) split: Option<usize>,
    pub(super) view: Option<usize>,
    pub(super) members: Vec<usize>,
    /// Rows of the table.
    pub(super) train: &'s [u32],
    pub(super) validation: &'s [u32],
}

/// The bytes of a task, by estimate.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    /// Of each member, beside the features.
    pub(super) members: Vec<u64>,
    /// Of the members that are fitted at one time.
    pub(super) at_once: u64,
    /// Of all, the features included.
    pub(super) total: u64,
}

/// The tasks of a stack, and what they share.
pub(super) struct Tasks<'a, Y: Target> {
    pub(super) stack: &'a Stack<Y>,
    pub(super) train: Train<'a, Y>,
    pub(super) progress: &'a dyn Progress,
    list: Vec<Task<'a>>,
    /// How many features each view has: known as soon as it has been fitted once.
    n_features: Vec<OnceLock<usize>>,
    n_columns: usize,
    n_threads: usize,
    /// The first task, in order, that has failed: later ones need not run, earlier ones must, so
    /// that it is the same error whichever comes first.
    failed: AtomicUsize,
}

impl<Y: StackTarget> Jobs for Tasks<'_, Y> {
    type Output = TaskOutcome<Y>;

    fn len(&self) -> usize {
        self.list.len()
    }

    fn cost(&self, job: usize) -> u64 {
        let task = &self.list[job];
        let cells = bytes(task.train.len(), self.features_of(task), 1);
        cells.saturating_mul(task.members.len() as u64)
    }

    fn memory(&self, job: usize) -> u64 {
        self.needs(&self.list[job]).total
    }

    /// The first fit of a view tells how many features it has.
    fn waits_for(&self, job: usize, running: &[usize]) -> bool {
        let view = self.list[job].view;
        let is_known = |v: usize| self.n_features[v].get().is_some();
        let same = |&other: &usize| self.list[other].view == view;
        !view.is_none_or(is_known) && running.iter().any(same)
    }

    fn run(&self, job: usize, resize: &dyn Fn(u64)) -> TaskOutcome<Y> {
        let stopped = || self.failed.load(Ordering::Relaxed) < job || self.progress.is_stopped();
        let outcome = run(self, &self.list[job], resize, &stopped);
        if self.stack.on_failure == OnFailure::Stop && outcome.1.iter().any(|(_, r)| r.is_err()) {
            self.failed.fetch_min(job, Ordering::Relaxed);
        }
        outcome
    }
}

impl<Y: Target> Tasks<'_, Y> {
    /// How many features a task's view has; as many as the table has columns until it is known.
    fn features_of(&self, task: &Task<'_>) -> usize {
        let known = task.view.and_then(|v| self.n_features[v].get());
        known.copied().unwrap_or(self.n_columns)
    }

    /// Remembers how many features a view has.
    pub(super) fn tell_features(&self, view: usize, n_features: usize) {
        // In another split there may be a few more or fewer.
        self.n_features[view].get_or_init(|| n_features);
    }

    /// What a task needs: the features of the rows that are fitted on, or held out if those are
    /// more, and as many members beside them as there are threads, or as the limit allows.
    pub(super) fn needs(&self, task: &Task<'_>) -> Needs {
        let n_rows = task.train.len().max(task.validation.len());
        let n_columns = self.features_of(task);
        let members = task.members.iter();
        let kinds: Vec<_> = members.map(|&m| &self.stack.members[m].kind).collect();
        let n_outputs = self.train.table_target().n_outputs();
        needs(
            self.stack,
            &kinds,
            [n_rows, n_columns, n_outputs],
            self.n_threads,
        )
    }
}

fn needs<Y: Target>(
    stack: &Stack<Y>,
    kinds: &[&MemberKind<Y>],
    [n_rows, n_columns, n_outputs]: [usize; 3],
    n_threads: usize,
) -> Needs {
    let mut features = 0;
    let members: Vec<u64> = kinds
        .iter()
        .map(|kind| match kind {
            MemberKind::Estimator(_, estimator) => {
                features = bytes(n_rows, n_columns, 4);
                estimator.memory_dyn(n_rows, n_columns, n_outputs)
            }
            MemberKind::OutOfBag(_, estimator) => {
                features = bytes(n_rows, n_columns, 4);
                estimator.memory_dyn(n_rows, n_columns, n_outputs)
            }
            MemberKind::Learner(learner) => learner.memory_dyn(n_rows, n_columns, n_outputs),
        })
        .collect();
    let mut largest = members.clone();
    largest.sort_unstable_by(|a, b| b.cmp(a));
    let mut at_once: u64 = 0;
    for (i, member) in largest.into_iter().take(n_threads).enumerate() {
        let more = at_once.saturating_add(member);
        let limit = stack.memory_limit.unwrap_or(u64::MAX);
        if i > 0 && features.saturating_add(more) > limit {
            break;
        }
        at_once = more;
    }
    Needs {
        members,
        at_once,
        total: features.saturating_add(at_once),
    }
}

/// What a stack that is fitted on so many rows needs, by estimate: as many of its largest tasks as
/// there are threads, or as its own limit allows.
pub(crate) fn memory_of<Y: Target>(
    stack: &Stack<Y>,
    n_rows: usize,
    n_columns: usize,
    n_outputs: usize,
) -> u64 {
    let n_threads = rayon::current_num_threads();
    let groups = groups_of(stack, |_| true);
    let largest = groups.iter().map(|(_, members)| {
        let kinds: Vec<_> = members.iter().map(|&m| &stack.members[m].kind).collect();
        needs(stack, &kinds, [n_rows, n_columns, n_outputs], n_threads).total
    });
    let largest = largest.max().unwrap_or(0);
    let all = largest.saturating_mul(n_threads as u64);
    all.min(stack.memory_limit.unwrap_or(u64::MAX)).max(largest)
}

/// Fits each member in each split, and, where asked, on all rows; those that are fitted once on all
/// rows alone.
pub(super) fn fit_members<Y: StackTarget>(
    stack: &Stack<Y>,
    train: Train<'_, Y>,
    plan: &FoldPlan,
    progress: &dyn Progress,
) -> Result<BaseFits<Y>> {
    let index = train.rows().index();
    let mut sides: Vec<(Vec<u32>, Vec<u32>)> = (0..plan.n_splits())
        .map(|s| {
            let split = plan.split(s);
            (
                index.compose(split.train()),
                index.compose(split.validation()),
            )
        })
        .collect();
    let n_splits = sides.len();
    let refit = stack.new_rows != NewRows::FoldAverage;
    if refit || (0..stack.members.len()).any(|m| is_fitted_once(stack, m)) {
        let all: Vec<u32> = (0..).take(train.len()).collect();
        sides.push((index.compose(&all), Vec::new()));
    }
    let tasks = Tasks {
        stack,
        train,
        progress,
        list: tasks_of(stack, &sides, n_splits),
        n_features: stack.views.iter().map(|_| OnceLock::new()).collect(),
        n_columns: train.rows().features().count(),
        n_threads: rayon::current_num_threads(),
        failed: AtomicUsize::new(usize::MAX),
    };
    progress.event(&Event::Planned {
        n_fits: tasks.list.iter().map(|t| t.members.len()).sum(),
    });
    let done = schedule::run(&tasks, stack.memory_limit);
    if progress.is_stopped() {
        return Err(Error::stopped());
    }
    if stack.on_failure == OnFailure::Stop {
        let mut results = done.outputs.iter().flat_map(|(_, members)| members);
        if let Some(error) = results.find_map(|(_, result)| result.as_ref().err()) {
            return Err(error.duplicate());
        }
    }
    let mut splits: Vec<SplitFit<Y>> = sides
        .iter()
        .map(|_| SplitFit {
            views: vec![None; stack.views.len()],
            members: stack.members.iter().map(|_| None).collect(),
        })
        .collect();
    for (task, (fitted_view, members)) in tasks.list.iter().zip(done.outputs) {
        let split = &mut splits[task.split.unwrap_or(n_splits)];
        if let Some(view) = task.view {
            split.views[view] = fitted_view.map(|transformer| FittedView {
                name: Arc::clone(&stack.views[view].name),
                transformer,
            });
        }
        for (m, result) in members {
            split.members[m] = Some(result);
        }
    }
    let whole = (sides.len() > n_splits).then(|| splits.pop()).flatten();
    Ok(BaseFits {
        splits,
        whole: whole.map(Box::new),
        peak: done.peak,
    })
}

/// The tasks of all splits, and of the fits on all rows, whose rows follow those of the splits.
fn tasks_of<'s, Y: Target>(
    stack: &Stack<Y>,
    sides: &'s [(Vec<u32>, Vec<u32>)],
    n_splits: usize,
) -> Vec<Task<'s>> {
    let refit = stack.new_rows != NewRows::FoldAverage;
    let mut tasks = Vec::new();
    for (split, (train, validation)) in sides.iter().enumerate() {
        let takes_part = |m| {
            if is_fitted_once(stack, m) {
                split == n_splits
            } else {
                split < n_splits || refit
            }
        };
        for (view, members) in groups_of(stack, takes_part) {
            tasks.push(Task {
                split: (split != n_splits).then_some(split),
                view,
                members,
                train,
                validation,
            });
        }
    }
    tasks
}

/// Of the members that take part, those of each view, and each learner by itself.
fn groups_of<Y: Target>(
    stack: &Stack<Y>,
    takes_part: impl Fn(usize) -> bool,
) -> Vec<(Option<usize>, Vec<usize>)> {
    let mut groups: Vec<(Option<usize>, Vec<usize>)> = (0..stack.views.len())
        .map(|v| (Some(v), Vec::new()))
        .collect();
    for (m, member) in stack
        .members
        .iter()
        .enumerate()
        .filter(|(m, _)| takes_part(*m))
    {
        match member.kind {
            MemberKind::Estimator(view, _) | MemberKind::OutOfBag(view, _) => {
                groups[view].1.push(m);
            }
            MemberKind::Learner(_) => groups.push((None, vec![m])),
        }
    }
    groups.retain(|(_, members)| !members.is_empty());
    groups
}
