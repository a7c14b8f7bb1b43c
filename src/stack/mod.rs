//! Stacks: A/B/C and out-of-fold, of any number of levels.
//!
//! The seed scheme has three sets of rows. The target is known for A and B. Members learn on A
//! and predict B and C; the blender learns on what they predicted for B, and answers C
//! ([`Scheme::holdout`]). Out-of-fold stacking lets each fold be B in turn, so that the blender
//! learns on all rows ([`Scheme::out_of_fold`]). Both follow one [`FoldPlan`], and one code path
//! serves both.
//!
//! 1. For each split and each [`View`], the view is fitted on the split's training rows, and each of
//!    its members on their features. (A forest may be fitted once on all rows instead, and its
//!    out-of-bag predictions stand for those of step 2: [`Stack::with_out_of_bag_member`].)
//! 2. These features are dropped; the view transforms the split's other rows, once for all members
//!    that share it, and each member predicts them. As many views and splits are at it at once as
//!    there are threads, or as [`Stack::with_memory_limit`] allows.
//! 3. Out-of-fold predictions are the meta-features of the next level, and in the end of the
//!    blender.
//! 4. New rows: each split's models predict them and their mean is taken, or models refitted on
//!    all rows do ([`NewRows`]); the blender makes one prediction of them.
//!
//! What the stack itself is scored on is never what its blender was fitted on: for the score the
//! blender is cross-fitted over the same folds, over folds of B for A/B/C, or forwards in time where
//! the splits follow time (further levels need folds, and are an error there). Then the first split's
//! rows have no score of the stack, and the report scores members on the stack's rows as well
//! ([`MemberReport::score`], [`MemberReport::score_on_all`]).
//!
//! A class of so few rows that some split has none of it to fit on or to validate is no error: the
//! report has a note ([`StackReport::notes`]), and [`Event::Note`] tells of it.

pub mod blend;
mod blending;
mod checks;
mod first_level;
mod fit;
mod fitted;
mod levels;
mod meta;
mod meta_rows;
mod report;
mod run_task;
mod tasks;

use std::sync::Arc;

pub use blend::{
    Average, AverageBlender, Blender, EstimatorBlender, FittedBlender, GreedySelection,
    LogisticBlender, NonNegativeBlender, RidgeBlender, Weights,
};
pub(crate) use fit::fit;
pub use fitted::FittedStack;
pub use meta::{Meta, MetaForm};
pub use report::{Dropped, MemberReport, StackReport};
pub(crate) use tasks::memory_of;

pub use crate::progress::{Event, Progress, StopFlag};

use crate::data::{Labels, Target, Values};
use crate::error::Result;
use crate::folds::{FoldPlan, HoldOut, Splitter};
use crate::metrics::{ClassificationMetric, DefaultMetric, Metric, RegressionMetric};
use crate::model::{
    DynEstimator, DynLearner, DynOutOfBagEstimator, Estimator, Learner, OutOfBagEstimator,
};
use crate::transform::{DynTransformer, Selector, Transformer};

/// What a target needs to be stacked; implemented by [`Labels`] and [`Values`].
pub trait StackTarget: DefaultMetric {
    /// The blender of a stack that names none: [`LogisticBlender`] for labels, [`RidgeBlender`]
    /// for values.
    fn default_blender() -> Arc<dyn Blender<Self>>;

    /// The loss that ensemble selection minimises by default: log loss for labels,
    /// the root of the mean squared error for values.
    fn loss_metric() -> Arc<dyn Metric<Self>>;
}

impl StackTarget for Labels {
    fn default_blender() -> Arc<dyn Blender<Self>> {
        Arc::new(LogisticBlender::new())
    }

    fn loss_metric() -> Arc<dyn Metric<Self>> {
        Arc::new(ClassificationMetric::LogLoss)
    }
}

impl StackTarget for Values {
    fn default_blender() -> Arc<dyn Blender<Self>> {
        Arc::new(RidgeBlender::new())
    }

    fn loss_metric() -> Arc<dyn Metric<Self>> {
        Arc::new(RegressionMetric::Rmse)
    }
}

/// Which rows members learn on, and which the blender learns on.
#[derive(Debug, Clone)]
pub struct Scheme(Arc<dyn Splitter>);

impl Scheme {
    /// A/B/C: a stratified share of the rows (whole groups, if there are any) is B, for the
    /// blender; the rest is A, for the members.
    #[must_use]
    pub fn holdout(share: f64) -> Self {
        Self(Arc::new(HoldOut::new(share)))
    }

    /// Each fold of the splitter's plan is B in turn. A plan of one split gives A/B/C with exactly
    /// those rows.
    #[must_use]
    pub fn out_of_fold(splitter: impl Splitter + 'static) -> Self {
        Self(Arc::new(splitter))
    }

    pub(crate) fn splitter(&self) -> &dyn Splitter {
        self.0.as_ref()
    }
}

impl From<FoldPlan> for Scheme {
    fn from(plan: FoldPlan) -> Self {
        Self(Arc::new(crate::folds::Predefined::new(plan)))
    }
}

/// Which of a member's models predict new rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum NewRows {
    /// The mean of the splits' models: what the blender has seen, and no further fit.
    #[default]
    FoldAverage,
    /// A model refitted on all rows: a further fit per member, more rows in it, predictions a little
    /// sharper than those that the blender has seen.
    Refit,
    /// Both are kept, and [`FittedStack::predict_with`] chooses; fold average by default.
    Both,
}

/// What a member's failure does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum OnFailure {
    /// It is the stack's error.
    #[default]
    Stop,
    /// The member is left out, and the report says so; an error only if none is left.
    LeaveOut,
}

/// A named transformer that members share: it is fitted once per split for all of them.
#[derive(Debug)]
pub struct View<Y: Target> {
    name: Arc<str>,
    transformer: Arc<dyn DynTransformer<Y>>,
}

impl<Y: Target> Clone for View<Y> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            transformer: Arc::clone(&self.transformer),
        }
    }
}

impl<Y: Target> View<Y> {
    /// This transformer, under this name.
    #[must_use]
    pub fn new(name: &str, transformer: impl Transformer<Y> + 'static) -> Self {
        Self {
            name: name.into(),
            transformer: Arc::new(transformer),
        }
    }

    /// The view's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Debug)]
pub(crate) struct Member<Y: Target> {
    pub(crate) name: String,
    pub(crate) kind: MemberKind<Y>,
}

#[derive(Debug)]
pub(crate) enum MemberKind<Y: Target> {
    /// On the view at this place.
    OnView(usize, ViewMember<Y>),
    /// A learner with a transformer of its own.
    Learner(Arc<dyn DynLearner<Y>>),
}

/// What is fitted on a view's features.
#[derive(Debug)]
pub(crate) enum ViewMember<Y: Target> {
    /// An estimator that is fitted in each split.
    PerSplit(Arc<dyn DynEstimator<Y>>),
    /// One that is fitted once, on all rows.
    OutOfBag(Arc<dyn DynOutOfBagEstimator<Y>>),
}

impl<Y: Target> MemberKind<Y> {
    /// Whether it is fitted once, on all rows, whatever the splits.
    fn is_fitted_once(&self) -> bool {
        matches!(self, Self::OnView(_, ViewMember::OutOfBag(_)))
    }
}

impl<Y: Target> Clone for MemberKind<Y> {
    fn clone(&self) -> Self {
        match self {
            Self::OnView(view, member) => Self::OnView(*view, member.clone()),
            Self::Learner(learner) => Self::Learner(Arc::clone(learner)),
        }
    }
}

impl<Y: Target> Clone for ViewMember<Y> {
    fn clone(&self) -> Self {
        match self {
            Self::PerSplit(estimator) => Self::PerSplit(Arc::clone(estimator)),
            Self::OutOfBag(estimator) => Self::OutOfBag(Arc::clone(estimator)),
        }
    }
}

impl<Y: Target> Clone for Member<Y> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            kind: self.kind.clone(),
        }
    }
}

/// Estimators on the predictions of the level below.
///
/// ```
/// use stackfold::model::baseline::Prior;
/// use stackfold::prelude::*;
/// use stackfold::stack::Level;
/// let level: Level<Labels> = Level::new().with_member("prior", Prior::new());
/// assert_eq!(level.names().collect::<Vec<_>>(), ["prior"]);
/// ```
#[derive(Debug)]
pub struct Level<Y: Target> {
    pub(crate) members: Vec<(String, Arc<dyn DynEstimator<Y>>)>,
    pub(crate) form: MetaForm,
}

impl<Y: Target> Clone for Level<Y> {
    fn clone(&self) -> Self {
        Self {
            members: self.members.clone(),
            form: self.form,
        }
    }
}

impl<Y: Target> Default for Level<Y> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Y: Target> Level<Y> {
    /// A level without members, on logits.
    #[must_use]
    pub fn new() -> Self {
        Self {
            members: Vec::new(),
            form: MetaForm::Logit,
        }
    }

    /// With a further member.
    #[must_use]
    pub fn with_member(
        mut self,
        name: impl Into<String>,
        estimator: impl Estimator<Y> + 'static,
    ) -> Self {
        self.members.push((name.into(), Arc::new(estimator)));
        self
    }

    /// How the predictions of the level below become features.
    #[must_use]
    pub fn with_form(self, form: MetaForm) -> Self {
        Self { form, ..self }
    }

    /// The members' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }
}

/// Members, further levels and a blender: a learner like any other.
///
/// The progress observer of the training rows ([`Train::with_progress`](crate::data::Train::with_progress))
/// receives each [`Event`] and may stop the fit. Members and the blender get the observer with their
/// rows, so that a long fit may report its iterations and be stopped between two of them. From a stack
/// that is a member of another the observer receives its models' iterations alone.
///
/// ```
/// use stackfold::folds::StratifiedKFold;
/// use stackfold::model::baseline::Prior;
/// use stackfold::prelude::*;
/// use stackfold::stack::{Scheme, Stack, View};
/// use stackfold::transform::impute::Imputer;
///
/// let n = 60;
/// let table = Table::new([("x", Column::numeric((0..n).map(f64::from).collect::<Vec<_>>()))])?;
/// let labels: Vec<u32> = (0..n).map(|i| u32::from(i % 3 == 0)).collect();
/// let target = Labels::new(labels, vec!["no".into(), "yes".into()])?;
///
/// let numbers = View::new("numbers", Imputer::median());
/// let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
///     .with_member("prior", &numbers, Prior::new())
///     .with_member("another prior", &numbers, Prior::new());
/// let fitted = stack.fit(Train::new(&table, &target)?.with_seed(Seed::new(1)))?;
/// let prediction = fitted.predict(table.rows())?;
/// assert!(prediction.positive().iter().all(|p| (p - 1.0 / 3.0).abs() < 0.01));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug)]
pub struct Stack<Y: Target> {
    pub(crate) scheme: Scheme,
    pub(crate) views: Vec<View<Y>>,
    pub(crate) members: Vec<Member<Y>>,
    pub(crate) levels: Vec<Level<Y>>,
    pub(crate) pass_through: Option<View<Y>>,
    pub(crate) blender: Arc<dyn Blender<Y>>,
    pub(crate) new_rows: NewRows,
    pub(crate) on_failure: OnFailure,
    pub(crate) metric: Option<Arc<dyn Metric<Y>>>,
    pub(crate) memory_limit: Option<u64>,
}

impl<Y: Target> Clone for Stack<Y> {
    fn clone(&self) -> Self {
        Self {
            scheme: self.scheme.clone(),
            views: self.views.clone(),
            members: self.members.clone(),
            levels: self.levels.clone(),
            pass_through: self.pass_through.clone(),
            blender: Arc::clone(&self.blender),
            new_rows: self.new_rows,
            on_failure: self.on_failure,
            metric: self.metric.clone(),
            memory_limit: self.memory_limit,
        }
    }
}

impl<Y: StackTarget> Stack<Y> {
    /// A stack without members yet.
    #[must_use]
    pub fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            views: Vec::new(),
            members: Vec::new(),
            levels: Vec::new(),
            pass_through: None,
            blender: Y::default_blender(),
            new_rows: NewRows::default(),
            on_failure: OnFailure::default(),
            metric: None,
            memory_limit: None,
        }
    }

    /// With a member: this estimator on the features of this view.
    #[must_use]
    pub fn with_member(
        mut self,
        name: impl Into<String>,
        view: &View<Y>,
        estimator: impl Estimator<Y> + 'static,
    ) -> Self {
        let place = self.place_of(view);
        self.members.push(Member {
            name: name.into(),
            kind: MemberKind::OnView(place, ViewMember::PerSplit(Arc::new(estimator))),
        });
        self
    }

    /// With a member that is fitted once, on all rows, whatever the number of folds: a forest
    /// whose out-of-bag predictions stand for its out-of-fold ones.
    ///
    /// The view is fitted on all training rows and gives their features; a row's prediction comes
    /// from the trees that have seen neither it nor another row of its group (the column with that
    /// role; groups that only a predefined plan knows of may be torn apart). For A/B/C this means
    /// that the member has learned on B as well: the prediction of a row of B comes from trees
    /// that have seen A and other rows of B. New rows are predicted by that one model, whatever
    /// [`NewRows`] says.
    ///
    /// It costs one fit instead of one per fold, and is not the same as folds:
    ///
    /// * A row of a bootstrap is out of bag for about 37 % of the trees, and those alone make its
    ///   prediction. The blender learns on predictions that are noisier than those of new rows,
    ///   which all trees make; more trees make the difference small.
    /// * A view with statistics of the target (an encoder of it) is cross-fitted on all rows:
    ///   nothing in a row's features comes from its own target, but a little of that target is in
    ///   the features of rows in other folds, on which the row's trees have learned. A member that
    ///   is fitted in each split has no such trace; views that do not look at the target have none
    ///   either.
    ///
    /// ```
    /// use stackfold::folds::StratifiedKFold;
    /// use stackfold::model::baseline::Prior;
    /// use stackfold::model::hist::RandomForest;
    /// use stackfold::prelude::*;
    /// use stackfold::stack::{Scheme, Stack, View};
    /// use stackfold::transform::passthrough::Passthrough;
    /// let n = 200;
    /// let x: Vec<f64> = (0..n).map(f64::from).collect();
    /// let table = Table::new([("x", Column::numeric(x))])?;
    /// let codes: Vec<u32> = (0..n).map(|i| u32::from(i >= 100)).collect();
    /// let target = Labels::new(codes, vec!["no".into(), "yes".into()])?;
    /// let numbers = View::new("numbers", Passthrough::new());
    /// let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
    ///     .with_member("prior", &numbers, Prior::new())
    ///     .with_out_of_bag_member("forest", &numbers, RandomForest::new().with_n_trees(50));
    /// let fitted = stack.fit(Train::new(&table, &target)?.with_seed(Seed::new(1)))?;
    /// let (name, out_of_bag) = &fitted.out_of_fold()[1];
    /// assert_eq!(name, "forest");
    /// assert!(out_of_bag.positive()[150] > 0.9);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fitting the stack fails if the plan follows time or keeps some rows out of a split's both
    /// sides (out-of-bag predictions know of neither). The member fails if its model leaves no
    /// rows out ([`Bag::All`](crate::model::hist::Bag::All)), or a row is in every tree's bag: it
    /// would have no prediction, and more trees are needed. The error names the row.
    #[must_use]
    pub fn with_out_of_bag_member(
        mut self,
        name: impl Into<String>,
        view: &View<Y>,
        estimator: impl OutOfBagEstimator<Y> + 'static,
    ) -> Self {
        let place = self.place_of(view);
        self.members.push(Member {
            name: name.into(),
            kind: MemberKind::OnView(place, ViewMember::OutOfBag(Arc::new(estimator))),
        });
        self
    }

    /// The place of a view among those of the stack, which it joins if it is new.
    fn place_of(&mut self, view: &View<Y>) -> usize {
        let same = |v: &View<Y>| Arc::ptr_eq(&v.transformer, &view.transformer);
        self.views.iter().position(same).unwrap_or_else(|| {
            self.views.push(view.clone());
            self.views.len() - 1
        })
    }

    /// With a member that has a transformer of its own: a pipeline, or another stack.
    #[must_use]
    pub fn with_learner(
        mut self,
        name: impl Into<String>,
        learner: impl Learner<Y> + 'static,
    ) -> Self {
        self.members.push(Member {
            name: name.into(),
            kind: MemberKind::Learner(Arc::new(learner)),
        });
        self
    }

    /// With a further level of estimators, on the predictions of the one below.
    #[must_use]
    pub fn with_level(mut self, level: Level<Y>) -> Self {
        self.levels.push(level);
        self
    }

    /// Raw columns that further levels and the blender see beside the predictions: numbers,
    /// booleans or dates, as they are. Nothing is fitted on them, so nothing can leak through
    /// them.
    #[must_use]
    pub fn with_pass_through(mut self, selector: Selector) -> Self {
        let columns = crate::transform::ColumnTransformer::new().with(
            "raw",
            selector,
            crate::transform::passthrough::Passthrough::new(),
        );
        self.pass_through = Some(View::new("pass-through", columns));
        self
    }

    /// What makes one prediction of the members'.
    #[must_use]
    pub fn with_blender(mut self, blender: impl Blender<Y> + 'static) -> Self {
        self.blender = Arc::new(blender);
        self
    }

    /// Which models predict new rows.
    #[must_use]
    pub fn with_new_rows(self, new_rows: NewRows) -> Self {
        Self { new_rows, ..self }
    }

    /// What a member's failure does.
    #[must_use]
    pub fn with_on_failure(self, on_failure: OnFailure) -> Self {
        Self { on_failure, ..self }
    }

    /// The score of the report; by default [`DefaultMetric`].
    #[must_use]
    pub fn with_metric(mut self, metric: impl Metric<Y> + 'static) -> Self {
        self.metric = Some(Arc::new(metric));
        self
    }

    /// How many bytes the first level's fits may need at one time, by estimate; no limit by default.
    ///
    /// The first level is a list of tasks: a view with its members, or a learner, in one split or
    /// on all rows. As many tasks run at once as there are threads, and fewer where their estimates
    /// together would pass the limit; likewise the members of a task. The largest starts first. A
    /// task that alone is above the limit runs alone, and
    /// [`Event::AboveMemoryLimit`] and [`StackReport::peak_estimate`] say so. Results have the same
    /// bits whatever the limit.
    ///
    /// Counted are a task's features (4 bytes a value; the table's number of columns stands for a
    /// view's number of features until it has been fitted once, before which no other of its splits
    /// starts) and what its members say they need beside them
    /// ([`Estimator::memory`]). Not counted are the table itself,
    /// what transformers need while they are fitted, the fitted models that are kept, predictions,
    /// and the levels above, which see nothing but predictions.
    ///
    /// Fitting fails if the limit is 0.
    ///
    /// ```
    /// use stackfold::folds::KFold;
    /// use stackfold::model::baseline::Prior;
    /// use stackfold::prelude::*;
    /// use stackfold::stack::{Scheme, Stack, View};
    /// use stackfold::transform::passthrough::Passthrough;
    /// let x: Vec<f64> = (0..1000).map(f64::from).collect();
    /// let target = Values::new(x.clone())?;
    /// let table = Table::new([("x", Column::numeric(x))])?;
    /// let stack = Stack::new(Scheme::out_of_fold(KFold::new(5)))
    ///     .with_member("prior", &View::new("x", Passthrough::new()), Prior::new())
    ///     .with_memory_limit(Some(4_000));
    /// let fitted = stack.fit(Train::new(&table, &target)?)?;
    /// // One fold at a time: 800 rows of one feature of 4 bytes.
    /// assert_eq!(fitted.report().peak_estimate, 3_200);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn with_memory_limit(self, bytes: Option<u64>) -> Self {
        Self {
            memory_limit: bytes,
            ..self
        }
    }
}

impl<Y: StackTarget> Learner<Y> for Stack<Y> {
    type Fitted = FittedStack<Y>;

    fn fit(&self, train: crate::data::Train<'_, Y>) -> Result<Self::Fitted> {
        Y::fit_stack(self, train)
    }

    /// As many of the first level's largest tasks as there are threads, or as the limit allows.
    fn memory(&self, n_rows: usize, n_columns: usize, n_outputs: usize) -> u64 {
        Y::stack_memory(self, n_rows, n_columns, n_outputs)
    }
}
