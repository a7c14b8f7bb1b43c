//! The first level's fits as tasks: which there are, and what memory each needs.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use super::{MemberKind, NewRows, Stack, ViewMember};
use crate::data::{TableRows, Target, Train};
use crate::folds::FoldPlan;
use crate::model::{DynLearner, bytes};

/// The rows of a split, or all rows.
pub(super) struct Sides {
    /// To fit on.
    pub(super) train: TableRows,
    /// The split's number, and the rows that it holds out to be predicted; none for all rows.
    pub(super) held_out: Option<(usize, TableRows)>,
}

/// What one task fits.
pub(super) enum Work<'a, Y: Target> {
    /// A view, by its place in the stack, and members on it, with theirs.
    OnView(usize, Vec<(usize, &'a ViewMember<Y>)>),
    /// A learner, with its place among the stack's members.
    Learner(usize, &'a dyn DynLearner<Y>),
}

/// Some work on one side of the plan.
pub(super) struct Task<'a, Y: Target> {
    pub(super) sides: Arc<Sides>,
    pub(super) work: Work<'a, Y>,
}

/// The bytes of a task, by estimate.
#[derive(Debug)]
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
    pub(super) list: Vec<Task<'a, Y>>,
    /// How many features each view has: known as soon as it has been fitted once.
    pub(super) n_features: Vec<OnceLock<usize>>,
    n_columns: usize,
    n_threads: usize,
    /// The first task, in order, that has failed: later ones need not run, earlier ones must, so
    /// that it is the same error whichever comes first.
    pub(super) failed: AtomicUsize,
}

impl<Y: Target> Work<'_, Y> {
    pub(super) fn n_members(&self) -> usize {
        match self {
            Self::OnView(_, members) => members.len(),
            Self::Learner(..) => 1,
        }
    }

    /// What the work needs: a view's features, and as many members beside them as there are threads,
    /// or as the limit allows; a learner says what it needs itself.
    fn needs(
        &self,
        [n_rows, n_columns, n_outputs]: [usize; 3],
        memory_limit: Option<u64>,
        n_threads: usize,
    ) -> Needs {
        let (features, members) = match self {
            Self::OnView(_, members) => {
                let of = |(_, member): &(usize, &ViewMember<Y>)| match member {
                    ViewMember::PerSplit(model) => model.memory_dyn(n_rows, n_columns, n_outputs),
                    ViewMember::OutOfBag(model) => model.memory_dyn(n_rows, n_columns, n_outputs),
                };
                let members: Vec<u64> = members.iter().map(of).collect();
                (bytes(n_rows, n_columns, 4), members)
            }
            Self::Learner(_, learner) => {
                (0, vec![learner.memory_dyn(n_rows, n_columns, n_outputs)])
            }
        };
        let mut largest = members.clone();
        largest.sort_unstable_by(|a, b| b.cmp(a));
        let mut at_once: u64 = 0;
        for (i, member) in largest.into_iter().take(n_threads).enumerate() {
            let more = at_once.saturating_add(member);
            let limit = memory_limit.unwrap_or(u64::MAX);
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
}

impl<Y: Target> Task<'_, Y> {
    /// The number of its split; none if it fits on all rows.
    pub(super) fn split(&self) -> Option<usize> {
        self.sides.held_out.as_ref().map(|(split, _)| *split)
    }

    pub(super) fn view(&self) -> Option<usize> {
        match self.work {
            Work::OnView(view, _) => Some(view),
            Work::Learner(..) => None,
        }
    }
}

impl<'a, Y: Target> Tasks<'a, Y> {
    /// Each member in each split, and, where asked, on all rows; those that are fitted once on all
    /// rows alone.
    pub(super) fn new(stack: &'a Stack<Y>, train: Train<'a, Y>, plan: &FoldPlan) -> Self {
        let rows = train.rows();
        let mut list = Vec::new();
        let mut add = |sides: Sides, takes_part: &dyn Fn(&MemberKind<Y>) -> bool| {
            let sides = Arc::new(sides);
            list.extend(works_of(stack, takes_part).into_iter().map(|work| Task {
                sides: Arc::clone(&sides),
                work,
            }));
        };
        for s in 0..plan.n_splits() {
            let split = plan.split(s);
            let sides = Sides {
                train: rows.table_rows(split.train()),
                held_out: Some((s, rows.table_rows(split.validation()))),
            };
            add(sides, &|kind| !kind.is_fitted_once());
        }
        let refit = stack.new_rows != NewRows::FoldAverage;
        let all: Vec<u32> = (0..).take(train.len()).collect();
        let sides = Sides {
            train: rows.table_rows(&all),
            held_out: None,
        };
        add(sides, &|kind| refit || kind.is_fitted_once());
        Self {
            stack,
            train,
            list,
            n_features: stack.views.iter().map(|_| OnceLock::new()).collect(),
            n_columns: rows.features().count(),
            n_threads: rayon::current_num_threads(),
            failed: AtomicUsize::new(usize::MAX),
        }
    }

    /// How many fits of members.
    pub(super) fn n_fits(&self) -> usize {
        self.list.iter().map(|task| task.work.n_members()).sum()
    }

    /// How many features a task's view has; as many as the table has columns until it is known.
    pub(super) fn features_of(&self, task: &Task<'_, Y>) -> usize {
        let known = task.view().and_then(|v| self.n_features[v].get());
        known.copied().unwrap_or(self.n_columns)
    }

    /// What a task needs, for the rows that are fitted on, or those held out if they are more.
    pub(super) fn needs(&self, task: &Task<'_, Y>) -> Needs {
        let held_out = task.sides.held_out.as_ref();
        let n_rows = held_out.map_or(0, |(_, rows)| rows.len());
        let n_rows = task.sides.train.len().max(n_rows);
        let n_outputs = self.train.table_target().n_outputs();
        let sizes = [n_rows, self.features_of(task), n_outputs];
        task.work
            .needs(sizes, self.stack.memory_limit, self.n_threads)
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
    let sizes = [n_rows, n_columns, n_outputs];
    let works = works_of(stack, &|_| true);
    let needs = works
        .iter()
        .map(|work| work.needs(sizes, stack.memory_limit, n_threads).total);
    let largest = needs.max().unwrap_or(0);
    let all = largest.saturating_mul(n_threads as u64);
    all.min(stack.memory_limit.unwrap_or(u64::MAX)).max(largest)
}

/// Of the members that take part, those of each view together, then each learner by itself.
fn works_of<'a, Y: Target>(
    stack: &'a Stack<Y>,
    takes_part: &dyn Fn(&MemberKind<Y>) -> bool,
) -> Vec<Work<'a, Y>> {
    let mut on_views: Vec<Vec<(usize, &ViewMember<Y>)>> = vec![Vec::new(); stack.views.len()];
    let mut learners = Vec::new();
    for (m, member) in stack.members.iter().enumerate() {
        match &member.kind {
            kind if !takes_part(kind) => {}
            MemberKind::OnView(view, model) => on_views[*view].push((m, model)),
            MemberKind::Learner(learner) => learners.push(Work::Learner(m, learner.as_ref())),
        }
    }
    let on_views = on_views.into_iter().enumerate();
    on_views
        .filter(|(_, members)| !members.is_empty())
        .map(|(view, members)| Work::OnView(view, members))
        .chain(learners)
        .collect()
}
