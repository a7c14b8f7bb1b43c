//! The rounds of boosting: gradients, a tree, its values, new scores.

use super::super::binned::Binned;
use super::super::grow::{Grown, Growth, Workspace, grow};
use super::super::histogram::{Cell, Narrow, Wide};
use super::super::options::Sampling;
use super::super::split::Criteria;
use super::super::tree::Tree;
use super::{Data, FittedHistGradientBoosting, HistGradientBoosting, Round};
use crate::data::FitContext;
use crate::error::{Error, Result};
use crate::model::MaxFeatures;
use crate::numeric::choose;
use crate::numeric::quantile::weighted_quantile;
use crate::parallel;
use crate::progress::{Event, Progress};
use crate::random::Seed;

/// Rows whose gradients are computed by one task.
const CHUNK: usize = 8192;
/// Up to so many rows, histograms count rows and keep all bits of the gradients.
const FEW_ROWS: usize = 1 << 16;
/// Narrow cells will do where a typical gradient is at least this share of the mean one.
const LEAST_SHARE: f64 = 1.0 / 32.0;

/// The rounds of a fit.
pub(super) struct Rounds<'a> {
    spec: &'a HistGradientBoosting,
    binned: &'a Binned,
    criteria: Criteria,
    data: Data,
    start: Vec<f64>,
    /// The raw scores so far, by score and row of the table.
    scores: Vec<Vec<f64>>,
    trees: Vec<Tree>,
    /// How many rounds there were before, which the scores come from.
    n_before: usize,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(
        spec: &'a HistGradientBoosting,
        binned: &'a Binned,
        data: Data,
        start: Vec<f64>,
    ) -> Result<Self> {
        let n = binned.n_rows();
        let scores = start.iter().map(|&score| vec![score; n]).collect();
        Ok(Self {
            spec,
            binned,
            criteria: spec.criteria(binned.fields(), &data)?,
            data,
            start,
            scores,
            trees: Vec::new(),
            n_before: 0,
        })
    }

    /// The same after so many rounds, which gave the rows these scores.
    pub(super) fn after(self, n_before: usize, scores: Vec<Vec<f64>>) -> Self {
        Self {
            scores,
            n_before,
            ..self
        }
    }

    pub(super) fn run(
        mut self,
        context: &FitContext<'_>,
    ) -> Result<FittedHistGradientBoosting<()>> {
        let history = if self.needs_wide() {
            self.rounds::<Wide>(context)?
        } else {
            self.rounds::<Narrow>(context)?
        };
        Ok(FittedHistGradientBoosting {
            fields: self.binned.shared_fields(),
            bins: self.binned.shared_bins(),
            outcome: (),
            objective: self.data.objective,
            start: self.start,
            trees: self.trees,
            history,
        })
    }

    /// Whether histograms keep all bits of the gradients: for few rows, and where the gradients of
    /// a few rows (by the target's tail, or by weights) are so large that the typical ones would
    /// be rounded away.
    fn needs_wide(&self) -> bool {
        let rows = self.data.train.as_deref();
        let n_rows = rows.map_or(self.data.y.len(), <[u32]>::len);
        if n_rows <= FEW_ROWS {
            return true;
        }
        if n_rows >= Wide::MOST_ROWS {
            return false;
        }
        let n_scores = self.data.objective.n_scores();
        let mut pairs = vec![vec![[0.0_f32; 2]; self.binned.n_rows()]; n_scores];
        self.gradients(&mut pairs);
        // The mean of roots, squared, is near the typical size and never above the mean.
        let typical_share = |part: usize| {
            let sizes = || {
                pairs
                    .iter()
                    .flatten()
                    .map(|pair| f64::from(pair[part].abs()))
            };
            let roots: f64 = sizes().map(f64::sqrt).sum();
            roots * roots / sizes().sum::<f64>() / (n_scores * n_rows) as f64
        };
        // NaN, where all gradients are 0, compares false.
        typical_share(0) < LEAST_SHARE || typical_share(1) < LEAST_SHARE
    }

    fn rounds<C: Cell>(&mut self, context: &FitContext<'_>) -> Result<Vec<Round>> {
        let spec = self.spec;
        let n_scores = self.data.objective.n_scores();
        let n = self.binned.n_rows();
        let mut pairs = vec![vec![[0.0_f32; 2]; n]; n_scores];
        let mut work = Workspace::<C>::default();
        let mut history = Vec::new();
        // A first round is better than none; further ones must be better than those before.
        let before = (self.n_before > 0)
            .then(|| self.validation_loss())
            .flatten();
        let mut best = (before.unwrap_or(f64::INFINITY), 0);
        let is_sampled = spec.sampling != Sampling::All
            || spec.max_features != MaxFeatures::All
            || spec.max_features_node != MaxFeatures::All;
        for round in 0..spec.n_trees {
            if context.progress().is_some_and(Progress::is_stopped) {
                return Err(Error::stopped());
            }
            self.gradients(&mut pairs);
            let seed = self.data.seed.child("round").at(self.n_before + round);
            let mut rows = self.sample(&mut pairs, seed);
            let mut any = false;
            for (k, pairs) in pairs.iter().enumerate() {
                let rows = if k + 1 == n_scores {
                    rows.take()
                } else {
                    rows.clone()
                };
                any |= self.tree(k, pairs, rows, seed.child("tree").at(k), &mut work)?;
            }
            if !any && !is_sampled {
                // Every further round would find the same.
                self.trees.truncate(round * n_scores);
                break;
            }
            let validation = self.validation_loss();
            history.push(Round {
                validation_loss: validation,
            });
            if let Some(progress) = context.progress() {
                progress.event(&Event::Iteration {
                    model: "boosting",
                    iteration: self.n_before + round + 1,
                    n_iterations: self.n_before + spec.n_trees,
                    train_loss: None,
                    validation_loss: validation,
                });
            }
            if let (Some(loss), Some(stopping)) = (validation, spec.early_stopping) {
                if loss < best.0 - stopping.min_improvement() {
                    best = (loss, round + 1);
                } else if round + 1 - best.1 >= stopping.patience() {
                    break;
                }
            }
        }
        if spec.early_stopping.is_some() {
            self.trees.truncate(best.1 * n_scores);
        }
        Ok(history)
    }

    /// The gradients and hessians of all rows, at the scores so far.
    fn gradients(&self, pairs: &mut [Vec<[f32; 2]>]) {
        let (y, weights) = (&self.data.y, self.data.weights.as_deref());
        let mut chunks: Vec<Vec<&mut [[f32; 2]]>> = Vec::new();
        for column in pairs.iter_mut() {
            for (c, chunk) in column.chunks_mut(CHUNK).enumerate() {
                if chunks.len() == c {
                    chunks.push(Vec::new());
                }
                chunks[c].push(chunk);
            }
        }
        parallel::for_each(&mut chunks, |c, out| {
            let range = c * CHUNK..(c * CHUNK + out[0].len());
            let scores: Vec<&[f64]> = self.scores.iter().map(|s| &s[range.clone()]).collect();
            let weights = weights.map(|w| &w[range.clone()]);
            self.data
                .objective
                .gradients(&scores, &y[range.clone()], weights, out);
        });
    }

    /// The rows to grow the round's trees on; gradients of rows that stand for others are
    /// multiplied.
    fn sample(&self, pairs: &mut [Vec<[f32; 2]>], seed: Seed) -> Option<Vec<u32>> {
        let train = self.data.train.as_deref();
        self.spec.sampling.rows(train, pairs, seed.child("rows"))
    }

    /// Grows a tree on the gradients of score `k`, and adds its values to the scores; tells whether
    /// it has a split.
    fn tree<C: Cell>(
        &mut self,
        k: usize,
        pairs: &[[f32; 2]],
        rows: Option<Vec<u32>>,
        seed: Seed,
        work: &mut Workspace<C>,
    ) -> Result<bool> {
        let n_features = self.binned.n_features();
        let features = choose::sorted(
            (0..n_features).collect(),
            self.spec.max_features.of(n_features)?,
            &mut seed.child("features").stream(),
        );
        let growth = Growth {
            binned: self.binned,
            criteria: &self.criteria,
            max_leaves: self.spec.max_leaves,
            max_depth: self.spec.max_depth.unwrap_or(usize::MAX),
            features: &features,
            features_a_node: self.spec.max_features_node.of(features.len())?,
            seed,
        };
        let grown = grow(&growth, pairs, rows, work);
        let values = self.leaf_values(k, &grown, pairs);
        self.add(k, &grown, &values);
        let tree = Tree::new(&grown, self.binned, values);
        let splits = !tree.is_stump();
        self.trees.push(tree);
        Ok(splits)
    }

    /// The value of each leaf, by node, times the learning rate.
    fn leaf_values(&self, k: usize, grown: &Grown, pairs: &[[f32; 2]]) -> Vec<f64> {
        let rate = self.spec.learning_rate;
        if grown.nodes.len() == 1 {
            return vec![0.0];
        }
        if let Some(level) = self.data.objective.renewed_leaf() {
            let weight = |row: usize| self.data.weights.as_ref().map_or(1.0, |w| w[row]);
            return parallel::map(&grown.nodes, |_, node| {
                if node.split.is_some() {
                    return 0.0;
                }
                let rows = &grown.rows[node.rows.clone()];
                let mut residuals: Vec<(f64, f64)> = rows
                    .iter()
                    .map(|&row| row as usize)
                    .map(|row| (self.data.y[row] - self.scores[k][row], weight(row)))
                    .collect();
                let value = weighted_quantile(&mut residuals, level);
                rate * value.clamp(node.bounds.0, node.bounds.1)
            });
        }
        let sums = grown.leaf_sums(pairs);
        grown
            .nodes
            .iter()
            .zip(sums)
            .map(|(node, sums)| match node.split {
                Some(_) => 0.0,
                None => rate * self.criteria.leaf(sums, node.l2, node.bounds),
            })
            .collect()
    }

    /// Adds a tree's values to the scores of its own rows, and of those that it was not grown on but
    /// other trees are, or that are set aside.
    fn add(&mut self, k: usize, grown: &Grown, values: &[f64]) {
        let scores = &mut self.scores[k];
        for (leaf, node) in grown.leaves() {
            for &row in &grown.rows[node.rows.clone()] {
                scores[row as usize] += values[leaf];
            }
        }
        let (train, validation) = (self.data.train.as_deref(), &self.data.validation);
        let n_train = train.map_or(scores.len(), <[u32]>::len);
        if (grown.rows.len() == n_train && validation.is_empty()) || grown.nodes.len() == 1 {
            return;
        }
        let mut others = vec![train.is_none(); scores.len()];
        for &row in train.unwrap_or_default().iter().chain(validation) {
            others[row as usize] = true;
        }
        for &row in &grown.rows {
            others[row as usize] = false;
        }
        let binned = self.binned;
        let chunks = scores.chunks_mut(CHUNK).zip(others.chunks(CHUNK));
        parallel::for_each(chunks, |c, (scores, others)| {
            let rows = scores.iter_mut().zip(others).zip(c * CHUNK..);
            for ((score, _), row) in rows.filter(|((_, other), _)| **other) {
                *score += values[grown.leaf_of(binned, row)];
            }
        });
    }

    fn validation_loss(&self) -> Option<f64> {
        let rows = &self.data.validation;
        if rows.is_empty() {
            return None;
        }
        let scores: Vec<Vec<f64>> = self
            .scores
            .iter()
            .map(|column| Data::at(column, Some(rows)))
            .collect();
        let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
        let y = Data::at(&self.data.y, Some(rows));
        let weights = self.data.weights.as_ref().map(|w| Data::at(w, Some(rows)));
        Some(self.data.objective.loss(&scores, &y, weights.as_deref()))
    }
}
