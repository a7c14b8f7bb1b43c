//! What came of the first level's tasks: which members are kept, and their out-of-fold predictions.

use std::sync::Arc;

use super::checks::check_any_left;
use super::fitted::{FittedMember, FittedView, SplitModels};
use super::report::{Dropped, MemberReport, Scorer};
use super::run_task::{MemberFit, TaskOutcome};
use super::tasks::Tasks;
use super::{OnFailure, Stack, StackTarget};
use crate::data::{Prediction, Target};
use crate::error::{Error, Result};
use crate::folds::{FoldPlan, pool};
use crate::schedule::Done;

/// What came of one split: of each view and each member, or why not.
struct SplitFit<Y: Target> {
    views: Vec<Option<FittedView>>,
    members: Vec<Option<Result<MemberFit<Y>>>>,
}

/// The fitted first level.
pub(super) struct FirstLevel<'a, Y: Target> {
    stack: &'a Stack<Y>,
    splits: Vec<SplitFit<Y>>,
    /// Fits on all rows, where there are any.
    whole: Option<SplitFit<Y>>,
    /// The places of the members that were fitted everywhere.
    kept: Vec<usize>,
    /// Those that are left out.
    pub(super) dropped: Vec<Dropped>,
}

impl<Y: Target> SplitFit<Y> {
    fn new(stack: &Stack<Y>) -> Self {
        Self {
            views: vec![None; stack.views.len()],
            members: stack.members.iter().map(|_| None).collect(),
        }
    }

    fn fit(&self, m: usize) -> Option<&MemberFit<Y>> {
        self.members[m].as_ref()?.as_ref().ok()
    }

    fn error(&self, m: usize) -> Option<&Error> {
        self.members[m].as_ref()?.as_ref().err()
    }

    fn into_models(self, kept: &[usize]) -> SplitModels<Y> {
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

impl<'a, Y: StackTarget> FirstLevel<'a, Y> {
    /// What came of the tasks.
    ///
    /// # Errors
    /// If the fit was stopped; if a member failed and the stack asks to stop then; if all did.
    pub(super) fn of(
        tasks: &Tasks<'a, Y>,
        plan: &FoldPlan,
        done: Done<TaskOutcome<Y>>,
    ) -> Result<Self> {
        tasks.train.check_stopped()?;
        let stack = tasks.stack;
        let mut splits: Vec<_> = (0..plan.n_splits()).map(|_| SplitFit::new(stack)).collect();
        let mut whole = None;
        for (task, (transformer, members)) in tasks.list.iter().zip(done.outputs) {
            let split = match task.split() {
                Some(split) => &mut splits[split],
                None => whole.get_or_insert_with(|| SplitFit::new(stack)),
            };
            if let (Some(v), Some(transformer)) = (task.view(), transformer) {
                let name = Arc::clone(&stack.views[v].name);
                split.views[v] = Some(FittedView { name, transformer });
            }
            for (m, result) in members {
                if let (OnFailure::Stop, Err(error)) = (stack.on_failure, &result) {
                    return Err(error.duplicate());
                }
                split.members[m] = Some(result);
            }
        }
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for (m, member) in stack.members.iter().enumerate() {
            let mut all = splits.iter().chain(&whole);
            match all.find_map(|split| split.error(m)) {
                None => kept.push(m),
                Some(error) => dropped.push(Dropped {
                    member: member.name.clone(),
                    reason: error.to_string(),
                }),
            }
        }
        check_any_left(&kept, &dropped)?;
        Ok(Self {
            stack,
            splits,
            whole,
            kept,
            dropped,
        })
    }

    /// The names of the members that are kept.
    pub(super) fn names(&self) -> Arc<[String]> {
        let names = self.kept.iter().map(|&m| &self.stack.members[m].name);
        names.cloned().collect()
    }

    /// Whether each of them was fitted once, on all rows.
    pub(super) fn fitted_once(&self) -> Vec<bool> {
        let kept = self.kept.iter();
        kept.map(|&m| self.is_fitted_once(m)).collect()
    }

    fn is_fitted_once(&self, m: usize) -> bool {
        self.stack.members[m].kind.is_fitted_once()
    }

    /// What each of them predicts for the rows that some split holds out: the mean, or the out-of-bag
    /// prediction of a member that was fitted once.
    pub(super) fn out_of_fold(
        &self,
        target: &Y,
        plan: &FoldPlan,
        predicted: &[u32],
    ) -> Result<Vec<Y::Prediction>> {
        let held_out: Vec<Vec<u32>> = (0..plan.n_splits())
            .map(|s| plan.split(s).validation().to_vec())
            .collect();
        let of_member = |&m: &usize| {
            if self.is_fitted_once(m)
                && let Some(fit) = self.whole.as_ref().and_then(|whole| whole.fit(m))
                && let Some(prediction) = &fit.prediction
            {
                return Ok(prediction.take(predicted));
            }
            let parts = self.splits.iter().zip(&held_out);
            let parts = parts.filter_map(|(split, rows)| {
                Some((rows.as_slice(), split.fit(m)?.prediction.as_ref()?))
            });
            pool(target, plan.n_rows(), parts).map(|(_, prediction)| prediction)
        };
        self.kept.iter().map(of_member).collect()
    }

    /// Their scores, and the seconds that they took in all.
    pub(super) fn reports(
        &self,
        scorer: &Scorer<'_, Y>,
        predictions: &[Y::Prediction],
    ) -> Result<Vec<MemberReport>> {
        let members = self.kept.iter().zip(predictions);
        let reports = members.map(|(&m, prediction)| {
            let mut report = scorer.report(&self.stack.members[m].name, 1, prediction)?;
            let once = self.whole.iter().filter(|_| self.is_fitted_once(m));
            for fit in self.splits.iter().chain(once).filter_map(|s| s.fit(m)) {
                report.fit_seconds += fit.fit_seconds;
                report.predict_seconds += fit.predict_seconds;
            }
            Ok(report)
        });
        reports.collect()
    }

    /// The models of the splits, and those that were fitted on all rows.
    pub(super) fn into_models(self) -> (Vec<SplitModels<Y>>, Option<SplitModels<Y>>) {
        let kept = &self.kept;
        let splits = self.splits.into_iter().map(|s| s.into_models(kept));
        (splits.collect(), self.whole.map(|s| s.into_models(kept)))
    }
}
