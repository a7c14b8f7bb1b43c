//! Greedy ensemble selection with replacement, bagged.

use std::sync::Arc;

use super::{Blender, FittedBlender, WeightedMean, weighted_mean};
use crate::data::{FitContext, InSample, Target};
use crate::error::{Error, Result};
use crate::metrics::Metric;
use crate::options::at_least_one;
use crate::parallel;
use crate::stack::{Meta, StackTarget};

/// Ensemble selection of Caruana, Niculescu-Mizil, Crew and Ksikes (2004), *Ensemble selection
/// from libraries of models*.
///
/// Starting from the best member, the member whose addition (with replacement) makes the score of
/// the mean best is added, again and again; the selection after the step with the best score is
/// kept. Each *bag* does so with a seeded share of the members, and weights are the mean over bags
/// of how often a member was chosen. Features passed through are not supported.
#[derive(Debug, Clone)]
pub struct GreedySelection<Y: Target> {
    n_steps: usize,
    n_bags: usize,
    share: f64,
    metric: Option<Arc<dyn Metric<Y>>>,
}

impl<Y: Target> Default for GreedySelection<Y> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Y: Target> GreedySelection<Y> {
    /// 25 steps, 5 bags of 60 % of the members, scored by log loss or squared error.
    #[must_use]
    pub fn new() -> Self {
        Self {
            n_steps: 25,
            n_bags: 5,
            share: 0.6,
            metric: None,
        }
    }

    /// How many members are added, at most.
    #[must_use]
    pub fn with_n_steps(self, n_steps: usize) -> Self {
        Self { n_steps, ..self }
    }

    /// How many bags, and the share of the members in each, above 0 and at most 1; one bag of all
    /// members is plain greedy selection.
    #[must_use]
    pub fn with_bags(self, n_bags: usize, share: f64) -> Self {
        Self {
            n_bags,
            share,
            ..self
        }
    }

    /// The score to make best.
    #[must_use]
    pub fn with_metric(self, metric: impl Metric<Y> + 'static) -> Self {
        Self {
            metric: Some(Arc::new(metric)),
            ..self
        }
    }
}

impl<Y: StackTarget> Blender<Y> for GreedySelection<Y> {
    fn fit(
        &self,
        meta: &Meta<Y, InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>> {
        Y::fit_greedy(self, meta, target, context)
    }
}

impl<Y: StackTarget> GreedySelection<Y> {
    pub(crate) fn fit_here(
        &self,
        meta: &Meta<Y, InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn FittedBlender<Y>>> {
        at_least_one("n_steps", self.n_steps)?;
        at_least_one("n_bags", self.n_bags)?;
        if !(self.share > 0.0 && self.share <= 1.0) {
            return Err(Error::parameter(
                "share",
                "above 0 and at most 1",
                self.share,
            ));
        }
        if meta.extra().is_some() {
            return Err(Error::unsupported(
                "features passed through to a blender of weights alone",
            ));
        }
        let n_members = meta.predictions().len();
        let metric = self.metric.clone().unwrap_or_else(Y::loss_metric);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a number of members"
        )]
        let size = ((n_members as f64 * self.share).round() as usize).clamp(1, n_members);
        let bags = parallel::map(0..self.n_bags, |_, bag| {
            let mut members: Vec<usize> = (0..n_members).collect();
            context
                .seed()
                .child("greedy")
                .at(bag)
                .stream()
                .shuffle(&mut members);
            members.truncate(size);
            members.sort_unstable();
            self.select(&members, meta, target, context.weights(), metric.as_ref())
        });
        let mut weights = vec![0.0; n_members];
        for bag in bags {
            for (w, b) in weights.iter_mut().zip(bag?) {
                *w += b / self.n_bags as f64;
            }
        }
        Ok(Arc::new(WeightedMean {
            weights,
            shape: target.take(&[]),
        }))
    }
}

impl<Y: Target> GreedySelection<Y> {
    /// The share of the steps in which each member was chosen, among those allowed.
    fn select(
        &self,
        allowed: &[usize],
        meta: &Meta<Y, InSample>,
        target: &Y,
        row_weights: Option<&[f64]>,
        metric: &dyn Metric<Y>,
    ) -> Result<Vec<f64>> {
        let sign = if metric.greater_is_better() {
            1.0
        } else {
            -1.0
        };
        let mut counts = vec![0_usize; meta.predictions().len()];
        let mut best_counts = counts.clone();
        let mut best_score = f64::NEG_INFINITY;
        for step in 1..=self.n_steps {
            let scores = parallel::map(allowed, |_, &candidate| {
                let weights: Vec<f64> = counts
                    .iter()
                    .enumerate()
                    .map(|(m, &c)| (c + usize::from(m == candidate)) as f64 / step as f64)
                    .collect();
                let mean = weighted_mean(target, &weights, meta.predictions())?;
                Ok(sign * metric.score(target, &mean, row_weights)?)
            });
            let mut chosen = (allowed[0], f64::NEG_INFINITY);
            for (&candidate, score) in allowed.iter().zip(scores) {
                let score = score?;
                if score > chosen.1 {
                    chosen = (candidate, score);
                }
            }
            counts[chosen.0] += 1;
            if chosen.1 > best_score {
                best_score = chosen.1;
                best_counts.clone_from(&counts);
            }
        }
        let total = best_counts.iter().sum::<usize>().max(1) as f64;
        Ok(best_counts.iter().map(|&c| c as f64 / total).collect())
    }
}
