//! A fitted stack: predictions of new rows, and everything out-of-fold.

use std::sync::Arc;

use super::blend::{FittedBlender, weighted_mean};
use super::meta::FittedForm;
use super::{Meta, NewRows, StackReport};
use crate::data::coverage::{Coverage, Profile};
use crate::data::{OutOfSample, Rows, Target, check_prediction};
use crate::error::{Error, Result};
use crate::folds::FoldPlan;
use crate::model::{FittedLearner, Predictor};
use crate::parallel;
use crate::transform::FittedTransformer;

/// A fitted [`Stack`](super::Stack).
#[derive(Debug, Clone)]
pub struct FittedStack<Y: Target> {
    pub(super) shape: Y,
    pub(super) names: Arc<[String]>,
    pub(super) splits: Vec<SplitModels<Y>>,
    /// Members that are fitted once, and the others where a refit was asked for.
    pub(super) whole: Option<SplitModels<Y>>,
    /// By the first level's members: whether only `whole` has them.
    pub(super) fitted_once: Vec<bool>,
    pub(super) new_rows: NewRows,
    pub(super) levels: Vec<FittedLevel<Y>>,
    pub(super) pass_through: Option<Arc<dyn FittedTransformer>>,
    pub(super) blender: Arc<dyn FittedBlender<Y>>,
    pub(super) plan: FoldPlan,
    pub(super) out_of_fold_rows: Vec<u32>,
    pub(super) out_of_fold: Vec<(String, Y::Prediction)>,
    pub(super) stacked: Option<Stacked<Y>>,
    pub(super) report: StackReport,
    pub(super) profile: Profile,
}

/// The stack's own out-of-fold predictions.
#[derive(Debug, Clone)]
pub(super) struct Stacked<Y: Target> {
    /// Positions among the training rows, in order.
    pub(super) rows: Vec<u32>,
    pub(super) prediction: Y::Prediction,
}

/// The views and members fitted on one set of rows.
#[derive(Debug, Clone)]
pub(super) struct SplitModels<Y: Target> {
    pub(super) views: Vec<Option<FittedView>>,
    /// Each with its place among the stack's member names, ascending.
    pub(super) members: Vec<(usize, FittedMember<Y>)>,
}

#[derive(Debug, Clone)]
pub(super) struct FittedView {
    pub(super) name: Arc<str>,
    pub(super) transformer: Arc<dyn FittedTransformer>,
}

#[derive(Debug, Clone)]
pub(super) enum FittedMember<Y: Target> {
    Predictor(usize, Arc<dyn Predictor<Y>>),
    Learner(Arc<dyn FittedLearner<Y>>),
}

#[derive(Debug, Clone)]
pub(super) struct FittedLevel<Y: Target> {
    pub(super) form: FittedForm,
    pub(super) names: Arc<[String]>,
    pub(super) predictors: Vec<Arc<dyn Predictor<Y>>>,
}

/// About as many cells as a row's prediction by a member is work.
const CELLS_A_PREDICTION: usize = 1 << 13;

/// Predictions, each with its member's place.
type Placed<Y> = Vec<(usize, <Y as Target>::Prediction)>;

impl<Y: Target> SplitModels<Y> {
    /// What the members at the wanted places predict, with their places.
    fn predict(
        &self,
        wanted: impl Fn(usize) -> bool,
        names: &[String],
        shape: &Y,
        rows: Rows<'_>,
    ) -> Result<Placed<Y>> {
        let members: Vec<&(usize, FittedMember<Y>)> =
            self.members.iter().filter(|m| wanted(m.0)).collect();
        let cells = rows.len() * CELLS_A_PREDICTION;
        let used = |view: usize| {
            members
                .iter()
                .any(|(_, m)| matches!(m, FittedMember::Predictor(v, _) if *v == view))
        };
        let views = parallel::map_small(cells, &self.views, |v, view| match view {
            Some(view) if used(v) => view
                .transformer
                .transform(rows)
                .map(Some)
                .map_err(|e| e.in_view(&*view.name)),
            _ => Ok(None),
        });
        let views = views.into_iter().collect::<Result<Vec<_>>>()?;
        let predictions = parallel::map_small(cells, members, |_, (place, member)| {
            let result = match member {
                FittedMember::Learner(learner) => learner.predict(rows),
                FittedMember::Predictor(view, predictor) => match &views[*view] {
                    Some(features) => predictor
                        .predict(features)
                        .map_err(|e| e.among(rows.index())),
                    None => Err(Error::unsupported("a member without its view")),
                },
            };
            result
                .and_then(|p| check_prediction(shape, &p, rows.len()).map(|()| (*place, p)))
                .map_err(|e| e.in_member(&names[*place]).in_level(1))
        });
        predictions.into_iter().collect()
    }
}

impl<Y: Target> FittedStack<Y> {
    /// Predicts each row, of a table or of some of its rows: `predict(&table)`,
    /// `predict(split.test())`.
    ///
    /// # Errors
    /// If a column is absent or of another kind, or anything below fails.
    pub fn predict<'a>(&self, rows: impl Into<Rows<'a>>) -> Result<Y::Prediction> {
        self.predict_with(rows.into(), self.new_rows)
    }

    /// Predicts rows with the models of the given choice.
    ///
    /// # Errors
    /// If those models were not kept ([`NewRows::Refit`] and [`NewRows::FoldAverage`] need what
    /// was asked for in fitting), or anything below fails.
    pub fn predict_with(&self, rows: Rows<'_>, new_rows: NewRows) -> Result<Y::Prediction> {
        Y::predict_stack(self, rows, new_rows)
    }

    pub(crate) fn predict_here(&self, rows: Rows<'_>, new_rows: NewRows) -> Result<Y::Prediction> {
        parallel::in_pool(self.work(rows), || {
            self.blend(rows, self.members_with(rows, new_rows)?)
        })
    }

    /// About as many cells as a prediction of rows is work.
    fn work(&self, rows: Rows<'_>) -> usize {
        rows.len() * self.names.len() * CELLS_A_PREDICTION
    }

    /// The prediction of rows, and what each member of the first level predicts for them, in the
    /// order of [`FittedStack::member_names`]: the answer and the C1 of A/B/C, at the cost of one.
    ///
    /// # Errors
    /// As [`FittedStack::predict_with`].
    pub fn predict_with_members(
        &self,
        rows: Rows<'_>,
    ) -> Result<(Y::Prediction, Vec<Y::Prediction>)> {
        Y::predict_stack_and_members(self, rows)
    }

    pub(crate) fn predict_both_here(
        &self,
        rows: Rows<'_>,
    ) -> Result<(Y::Prediction, Vec<Y::Prediction>)> {
        parallel::in_pool(self.work(rows), || {
            let members = self.members_with(rows, self.new_rows)?;
            Ok((self.blend(rows, members.clone())?, members))
        })
    }

    fn blend(&self, rows: Rows<'_>, members: Vec<Y::Prediction>) -> Result<Y::Prediction> {
        let extra = match &self.pass_through {
            None => None,
            Some(view) => Some(
                view.transform(rows)
                    .map_err(|e| e.in_view("pass-through"))?,
            ),
        };
        let mut meta: Meta<Y, OutOfSample> = Meta::new(Arc::clone(&self.names), members, extra);
        for (l, level) in self.levels.iter().enumerate() {
            let features = level.form.features(&meta)?;
            let predictions = level
                .names
                .iter()
                .zip(&level.predictors)
                .map(|(name, predictor)| {
                    predictor
                        .predict(&features)
                        .map_err(|e| e.among(rows.index()).in_member(name).in_level(l + 2))
                })
                .collect::<Result<_>>()?;
            meta = Meta::new(Arc::clone(&level.names), predictions, meta.extra().cloned());
        }
        self.blender.blend(&meta).map_err(|e| {
            let level = self.levels.len() + 2;
            e.among(rows.index()).in_member("blender").in_level(level)
        })
    }

    /// What each member of the first level predicts for rows, in the order of
    /// [`FittedStack::member_names`]: the C1 of A/B/C.
    ///
    /// # Errors
    /// As [`FittedStack::predict_with`].
    pub fn predict_members(&self, rows: Rows<'_>) -> Result<Vec<Y::Prediction>> {
        Y::predict_stack_members(self, rows)
    }

    pub(crate) fn members_here(&self, rows: Rows<'_>) -> Result<Vec<Y::Prediction>> {
        parallel::in_pool(self.work(rows), || self.members_with(rows, self.new_rows))
    }

    fn members_with(&self, rows: Rows<'_>, new_rows: NewRows) -> Result<Vec<Y::Prediction>> {
        let all = |whole: &&SplitModels<Y>| whole.members.len() == self.names.len();
        match (new_rows, self.whole.as_ref().filter(all)) {
            (NewRows::Refit, Some(whole)) => {
                let predictions = whole.predict(|_| true, &self.names, &self.shape, rows)?;
                Ok(predictions.into_iter().map(|(_, p)| p).collect())
            }
            (NewRows::Refit, None) => Err(Error::parameter(
                "new_rows",
                "fold average, since no model was refitted",
                "refit",
            )),
            (NewRows::FoldAverage | NewRows::Both, _) => {
                let splits = parallel::map_small(self.work(rows), &self.splits, |_, split| {
                    split.predict(|_| true, &self.names, &self.shape, rows)
                });
                let mut of_member: Vec<Vec<Y::Prediction>> = vec![Vec::new(); self.names.len()];
                for split in splits {
                    for (m, prediction) in split? {
                        of_member[m].push(prediction);
                    }
                }
                if let Some(whole) = &self.whole {
                    let once = |m: usize| self.fitted_once[m];
                    for (m, prediction) in whole.predict(once, &self.names, &self.shape, rows)? {
                        of_member[m].push(prediction);
                    }
                }
                of_member
                    .iter()
                    .map(|predictions| {
                        let weights = vec![1.0 / predictions.len() as f64; predictions.len()];
                        weighted_mean(&self.shape, &weights, predictions)
                    })
                    .collect()
            }
        }
    }

    /// The names of the first level's members that were kept.
    #[must_use]
    pub fn member_names(&self) -> &[String] {
        &self.names
    }

    /// Scores, weights, correlations, seconds and what was left out; prints as a table.
    #[must_use]
    pub fn report(&self) -> &StackReport {
        &self.report
    }

    /// Who was fitted on what.
    #[must_use]
    pub fn plan(&self) -> &FoldPlan {
        &self.plan
    }

    /// The rows with out-of-fold predictions: positions among the training rows, in order. All of
    /// them for folds, B for A/B/C.
    #[must_use]
    pub fn out_of_fold_rows(&self) -> &[u32] {
        &self.out_of_fold_rows
    }

    /// The out-of-fold predictions of each member of each level, for
    /// [`FittedStack::out_of_fold_rows`].
    #[must_use]
    pub fn out_of_fold(&self) -> &[(String, Y::Prediction)] {
        &self.out_of_fold
    }

    /// The stack's own out-of-fold predictions, for [`FittedStack::out_of_fold_stack_rows`]: of each
    /// row by a blender that was fitted on other rows' out-of-fold predictions; `None` if there were
    /// too few rows or groups for two folds.
    ///
    /// Where the splits follow time, a row's blender is fitted on rows that came before, so that the
    /// rows of the first split have none. Such a split is passed over, too, as long as the rows
    /// before it are of one class.
    #[must_use]
    pub fn out_of_fold_stack(&self) -> Option<&Y::Prediction> {
        self.stacked.as_ref().map(|stacked| &stacked.prediction)
    }

    /// The rows that [`FittedStack::out_of_fold_stack`] covers: positions among the training rows, in
    /// order. All of [`FittedStack::out_of_fold_rows`], unless the splits follow time; none if there
    /// is no such prediction.
    #[must_use]
    pub fn out_of_fold_stack_rows(&self) -> &[u32] {
        self.stacked
            .as_ref()
            .map_or(&[], |stacked| stacked.rows.as_slice())
    }

    /// What the training rows held.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// How new rows differ from training rows: unseen levels and missing cells, column by column.
    #[must_use]
    pub fn coverage(&self, rows: Rows<'_>) -> Coverage {
        self.profile.coverage(rows)
    }

    /// The prediction of each row, and how the rows differ from training rows.
    ///
    /// # Errors
    /// As [`FittedStack::predict_with`].
    pub fn predict_with_coverage(&self, rows: Rows<'_>) -> Result<(Y::Prediction, Coverage)> {
        Ok((self.predict_with(rows, self.new_rows)?, self.coverage(rows)))
    }

    /// The fitted blender.
    #[must_use]
    pub fn blender(&self) -> &dyn FittedBlender<Y> {
        self.blender.as_ref()
    }
}

impl<Y: Target> FittedLearner<Y> for FittedStack<Y> {
    fn predict(&self, rows: Rows<'_>) -> Result<Y::Prediction> {
        self.predict_with(rows, self.new_rows)
    }

    fn profile(&self) -> Option<&Profile> {
        Some(&self.profile)
    }
}
