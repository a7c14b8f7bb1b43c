//! The blender: fitted on all rows with out-of-fold predictions for new rows, and on some of them for
//! the others, so that the stack has a score that no row's own target had a part in.

use std::sync::Arc;

use super::blend::FittedBlender;
use super::checks::follows_time;
use super::fitted::Stacked;
use super::meta_rows::{MetaRows, cross_fit, held_out};
use super::{Meta, Stack, StackTarget};
use crate::data::{InSample, RowIndex, Target, check_prediction};
use crate::error::{Error, Result};
use crate::folds::{FoldPlan, Folds, pool};
use crate::random::Seed;

/// What the blender is fitted on.
pub(super) struct Blending<'a, Y: Target> {
    pub(super) stack: &'a Stack<Y>,
    pub(super) meta: &'a Meta<Y, InSample>,
    pub(super) rows: &'a MetaRows<'a, Y>,
    /// The positions of these rows among the training rows.
    pub(super) positions: &'a [u32],
    pub(super) seed: Seed,
}

impl<Y: StackTarget> Blending<'_, Y> {
    /// The blender fitted on all rows.
    pub(super) fn fit(&self) -> Result<Arc<dyn FittedBlender<Y>>> {
        self.rows.train.check_stopped()?;
        let context = self.rows.context(self.seed);
        let blender = self
            .stack
            .blender
            .fit(self.meta, self.rows.target(), &context);
        blender.map_err(|e| self.place(self.rows.place(e)))
    }

    /// The predictions of blenders that are cross-fitted over the folds, or forwards where the plan
    /// follows time.
    pub(super) fn out_of_fold(
        &self,
        plan: &FoldPlan,
        folds: Option<&Folds>,
    ) -> Result<Option<Stacked<Y>>> {
        if follows_time(self.rows.train, plan) {
            return self.forwards(plan);
        }
        let Some(folds) = folds else {
            return Ok(None);
        };
        let prediction = cross_fit(folds, self.rows.target(), |fold, others, own| {
            self.fit_and_blend(others, own, self.seed.at(fold))
        });
        Ok(Some(Stacked {
            rows: self.positions.to_vec(),
            prediction: prediction.map_err(|e| self.place(e))?,
        }))
    }

    /// Each split's rows are blended by a blender fitted on those that came before all of them; the
    /// first such rows have no prediction.
    fn forwards(&self, plan: &FoldPlan) -> Result<Option<Stacked<Y>>> {
        let (rows, n_rows) = (self.rows, self.positions.len());
        let Some(time) = rows.sample.time() else {
            return Ok(None);
        };
        let mut place_of = vec![u32::MAX; plan.n_rows()];
        for (place, &position) in (0_u32..).zip(self.positions) {
            place_of[position as usize] = place;
        }
        let mut is_blended = vec![false; n_rows];
        let mut parts = Vec::new();
        for s in 0..plan.n_splits() {
            let split = plan.split(s);
            let own = split.validation().iter().map(|&row| place_of[row as usize]);
            let own: Vec<u32> = own.filter(|&p| !is_blended[p as usize]).collect();
            let times = own.iter().map(|&p| time[p as usize]);
            let first = times.fold(f64::INFINITY, f64::min);
            let before = |&p: &u32| time[p as usize] < first;
            let others: Vec<u32> = (0..).take(n_rows).filter(before).collect();
            if own.is_empty() || !is_varied(&rows.target().take(&others)) {
                continue;
            }
            let prediction = self
                .fit_and_blend(&others, &own, self.seed.at(s))
                .and_then(|p| check_prediction(rows.target(), &p, own.len()).map(|()| p))
                .map_err(|e| self.place(e.in_fold(s)))?;
            for &p in &own {
                is_blended[p as usize] = true;
            }
            parts.push((own, prediction));
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let parts = parts.iter().map(|(rows, p)| (rows.as_slice(), p));
        let (blended, prediction) = pool(rows.target(), n_rows, parts)?;
        if !is_varied(&rows.target().take(&blended)) {
            return Ok(None);
        }
        let positions = RowIndex::Some(self.positions).compose(&blended);
        Ok(Some(Stacked {
            rows: positions,
            prediction,
        }))
    }

    /// What a blender that is fitted on other rows makes of these rows' predictions.
    fn fit_and_blend(&self, others: &[u32], own: &[u32], seed: Seed) -> Result<Y::Prediction> {
        let part = self.rows.take(others);
        let blender = self
            .stack
            .blender
            .fit(&self.meta.take(others), part.target(), &part.context(seed))
            .map_err(|e| part.place(e))?;
        blender
            .blend(&held_out(self.meta, own))
            .map_err(|e| self.rows.take(own).place(e))
    }

    fn place(&self, error: Error) -> Error {
        let level = self.stack.levels.len() + 2;
        error.in_member("blender").in_level(level)
    }
}

/// Whether a target can be learned from, and predictions of it scored.
fn is_varied<Y: Target>(target: &Y) -> bool {
    target.n_rows() > 0 && target.check(RowIndex::All(target.n_rows())).is_ok()
}
