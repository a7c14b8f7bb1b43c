//! Gradient boosting.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::binned::Binned;
use super::bins::{Binning, FeatureBins};
use super::grow::{Grown, Growth, Workspace, grow};
use super::histogram::{Cell, Narrow, Wide};
use super::importance::Importance;
use super::loss::{Loss, Objective, weighted_quantile};
use super::options::{Categories, ClassWeight, EarlyStopping, HighCardinality, Monotone, Sampling};
use super::ordered::Statistics;
use super::shap::{ShapValues, shap_values};
use super::split::Criteria;
use super::stop::inner_split;
use super::tree::{Tree, leaves_of_row, sum_trees};
use crate::data::{Feature, Features, FitContext, InSample, OutOfSample, RowIndex, Target};
use crate::error::{Error, Result};
use crate::model::options::{above_zero, at_least_one, at_least_zero, options};
use crate::model::{Estimator, MaxFeatures, Predictor};
use crate::progress::{Event, Progress};
use crate::random::Seed;

/// Rows whose gradients are computed by one task.
const CHUNK: usize = 8192;
/// Up to so many rows, histograms count rows and keep all bits of the gradients.
const FEW_ROWS: usize = 1 << 16;
/// Narrow cells will do where a typical gradient is at least this share of the mean one.
const LEAST_SHARE: f64 = 1.0 / 32.0;

/// Gradient boosting of trees on histograms (Friedman 2001; Chen and Guestrin 2016; Ke et al.
/// 2017): for most tables the strongest single model.
///
/// Scores start at the constant that makes the [`Loss`] smallest. Each round takes, for each row,
/// the loss's first and second derivative `g` and `h` by the row's score, grows a tree on them,
/// and adds [`learning_rate`](Self::with_learning_rate) times its values to the scores. A leaf's
/// value is `w = -T(G) / (H + l2)`, where `G` and `H` are the sums of `g` and `h` over the leaf's
/// rows and `T(G)` takes `l1` off the size of `G`; a split gains
///
/// ```text
/// T(GL)^2 / (HL + l2) + T(GR)^2 / (HR + l2) - T(G)^2 / (H + l2)
/// ```
///
/// and the leaf whose split gains most is split next, until there are
/// [`max_leaves`](Self::with_max_leaves). For [`Loss::Absolute`] and [`Loss::Quantile`] leaf values
/// are quantiles of the residuals instead. With more than two classes a round is one tree a class
/// (softmax).
///
/// * **Missing values** go to the side where they gain most, at each split anew; where a node of
///   the training rows had none, they follow the larger side.
/// * **Codes** ([`FeatureKind::Code`](crate::data::FeatureKind::Code), as
///   [`OrdinalEncoder`](crate::transform::encode::OrdinalEncoder) makes them) are divided in two
///   sets of levels: one level against the rest if there are few, else levels are sorted by their
///   smoothed mean gradient and cut in two (Fisher 1958). Levels that training rows lack, and rare
///   ones beyond 254, share a bin.
/// * **Weights** multiply `g` and `h`; a row of weight 0 counts as a row (for
///   [`min_samples_leaf`](Self::with_min_samples_leaf)) but changes no value.
/// * Scaling changes nothing: only the order of a number's values counts, apart from where between
///   two values a cut lies.
/// * The same bits come out on any number of threads.
///
/// Cost: each tree reads the bin of each feature about twice a row; binning costs about as much as
/// a few trees. Memory: two bytes a value, 12 bytes a row and score, and a histogram of 2 KB a
/// feature for each leaf of one tree.
///
/// # Errors of fitting
///
/// An option outside its domain; a loss that does not suit the target; no row or no feature; other
/// numbers of rows; weights that are all 0; rows that cannot be divided where early stopping needs
/// it. Constant features, missing columns, a single class or a single row are no errors: trees
/// without a split are left out, and what remains is the constant.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::hist::HistGradientBoosting;
/// use stackfold::prelude::*;
/// // Who buys: from 30 on, and those whose age is unknown.
/// let age: Vec<f32> = (0..400).map(|i| if i % 10 == 0 { f32::NAN } else { (i % 60) as f32 }).collect();
/// let buys: Vec<u32> = age.iter().map(|&a| u32::from(a.is_nan() || a >= 30.0)).collect();
/// let x = Features::new(vec![Feature::number("age")], 400, age)?;
/// let y = Labels::new(buys, vec!["no".into(), "yes".into()])?;
///
/// let model = HistGradientBoosting::new().with_n_trees(50);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let p = fitted.predict(&x)?;
/// assert!(p.positive()[29] < 0.05 && p.positive()[31] > 0.95 && p.positive()[0] > 0.95);
///
/// let mut one = [0.0];
/// fitted.predict_row(&[31.0], &mut one)?;
/// assert_eq!(one[0], p.positive()[31]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistGradientBoosting {
    loss: Loss,
    n_trees: usize,
    learning_rate: f64,
    max_leaves: usize,
    max_depth: Option<usize>,
    min_samples_leaf: usize,
    min_hessian: f64,
    min_gain: f64,
    l1: f64,
    l2: f64,
    sampling: Sampling,
    max_features: MaxFeatures,
    max_features_node: MaxFeatures,
    monotone: Vec<(String, Monotone)>,
    class_weight: ClassWeight,
    early_stopping: Option<EarlyStopping>,
    binning: Binning,
    categories: Categories,
    pub(super) high_cardinality: HighCardinality,
}

impl Default for HistGradientBoosting {
    fn default() -> Self {
        Self {
            loss: Loss::Auto,
            n_trees: 100,
            learning_rate: 0.1,
            max_leaves: 31,
            max_depth: None,
            min_samples_leaf: 20,
            min_hessian: 1e-3,
            min_gain: 0.0,
            l1: 0.0,
            l2: 0.0,
            sampling: Sampling::All,
            max_features: MaxFeatures::All,
            max_features_node: MaxFeatures::All,
            monotone: Vec::new(),
            class_weight: ClassWeight::Equal,
            early_stopping: None,
            binning: Binning::new(),
            categories: Categories::default(),
            high_cardinality: HighCardinality::Bins,
        }
    }
}

impl HistGradientBoosting {
    /// 100 trees of 31 leaves and a learning rate of 0.1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    options! {
        /// What is made small; [`Loss::Auto`] by default.
        with_loss(loss: Loss);
        /// How many rounds of trees at most (one tree a round, or one a class if there are more
        /// than two); 100 by default.
        with_n_trees(n_trees: usize);
        /// What each tree's values are multiplied by, above 0; 0.1 by default.
        with_learning_rate(learning_rate: f64);
        /// How many leaves a tree has at most, 2 or more; 31 by default.
        with_max_leaves(max_leaves: usize);
        /// How many splits there may be on a path from the root, if there is a limit; none by
        /// default.
        with_max_depth(max_depth: Option<usize>);
        /// How many rows a leaf has at least; 20 by default.
        with_min_samples_leaf(min_samples_leaf: usize);
        /// The least sum of hessians of a leaf; 0.001 by default.
        with_min_hessian(min_hessian: f64);
        /// What a split must gain at least; 0 by default.
        with_min_gain(min_gain: f64);
        /// The penalty of the size of leaf values (`l1 |w|`); 0 by default.
        with_l1(l1: f64);
        /// The penalty of the square of leaf values (`l2 w^2 / 2`); 0 by default.
        with_l2(l2: f64);
        /// Which rows each tree is grown on; [`Sampling::All`] by default.
        with_sampling(sampling: Sampling);
        /// From how many features a tree may choose; all by default.
        with_max_features(max_features: MaxFeatures);
        /// From how many of the tree's features each split may choose; all by default.
        with_max_features_node(max_features_node: MaxFeatures);
        /// Whether and when to stop before the last round; not by default.
        with_early_stopping(early_stopping: Option<EarlyStopping>);
        /// How features are put into bins.
        with_binning(binning: Binning);
        /// What becomes of codes of many levels; [`HighCardinality::Bins`] by default.
        with_high_cardinality(high_cardinality: HighCardinality);
        /// How features that are codes are split.
        with_categories(categories: Categories);
    }

    /// The features that predictions may only rise, or only fall, with.
    #[must_use]
    pub fn with_monotone<N: Into<String>>(
        mut self,
        constraints: impl IntoIterator<Item = (N, Monotone)>,
    ) -> Self {
        let named = constraints.into_iter().map(|(name, m)| (name.into(), m));
        self.monotone = named.collect();
        self
    }

    /// Weights of classes, by which their rows' weights are multiplied; equal by default.
    #[must_use]
    pub fn with_class_weight(mut self, class_weight: ClassWeight) -> Self {
        self.class_weight = class_weight;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        at_least_one("n_trees", self.n_trees)?;
        above_zero("learning_rate", self.learning_rate)?;
        if self.max_leaves < 2 {
            return Err(Error::parameter("max_leaves", "2 or more", self.max_leaves));
        }
        if self.max_depth == Some(0) {
            return Err(Error::parameter("max_depth", "1 or more", 0));
        }
        at_least_one("min_samples_leaf", self.min_samples_leaf)?;
        at_least_zero("min_hessian", self.min_hessian)?;
        at_least_zero("min_gain", self.min_gain)?;
        at_least_zero("l1", self.l1)?;
        at_least_zero("l2", self.l2)?;
        self.sampling.check()?;
        self.max_features.check("max_features")?;
        self.max_features_node.check("max_features_node")?;
        self.binning.check()?;
        self.categories.check()?;
        self.early_stopping.map_or(Ok(()), EarlyStopping::check)
    }

    fn criteria(&self, fields: &[Feature]) -> Result<Criteria> {
        let mut monotone = Vec::new();
        for (name, constraint) in &self.monotone {
            let found = fields.iter().position(|field| field.name() == name);
            let Some(feature) = found else {
                let names: Vec<&str> = fields.iter().map(Feature::name).take(20).collect();
                let expected = format!("names of features ({}, ..)", names.join(", "));
                return Err(Error::parameter("monotone", expected, name));
            };
            if !matches!(fields[feature].kind(), crate::data::FeatureKind::Number) {
                let expected = "features that are numbers";
                return Err(Error::parameter("monotone", expected, name));
            }
            monotone.resize(fields.len(), 0);
            monotone[feature] = constraint.sign();
        }
        Ok(Criteria {
            l1: self.l1,
            l2: self.l2,
            min_count: self.min_samples_leaf as f64,
            min_hessian: self.min_hessian,
            min_gain: self.min_gain,
            categories: self.categories,
            monotone,
            random: false,
        })
    }

    /// Fits on rows of features that are already in bins (all rows if none are given); the target
    /// and the context are those of the chosen rows, in their order.
    ///
    /// # Errors
    /// As [`Estimator::fit`]; if a row is not below the table's number of rows, or stands twice.
    pub fn fit_rows<Y: Target>(
        &self,
        binned: &Binned,
        rows: Option<&[u32]>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<FittedHistGradientBoosting<Y>> {
        self.check()?;
        if self.high_cardinality != HighCardinality::Bins {
            let what = "ordered target statistics of features that are in bins already";
            return Err(Error::unsupported(what));
        }
        let data = Data::new(self, binned.n_rows(), rows, target, context)?;
        let start = data
            .objective
            .initial(&data.y_train(), data.weights_train().as_deref());
        Rounds::new(self, binned, data, start)?.run(target, context)
    }
}

/// What there is to learn from, by row of the binned table.
pub(super) struct Data {
    pub(super) objective: Objective,
    /// Targets and weights by row of the table; 0 for rows that are not fitted on.
    y: Vec<f64>,
    weights: Option<Vec<f64>>,
    /// The rows to grow trees on, in ascending order; all if none.
    pub(super) train: Option<Vec<u32>>,
    validation: Vec<u32>,
    pub(super) seed: Seed,
}

impl Data {
    pub(super) fn new<Y: Target>(
        spec: &HistGradientBoosting,
        n_rows: usize,
        rows: Option<&[u32]>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        let n = rows.map_or(n_rows, <[u32]>::len);
        check_lengths(n, target, context)?;
        let objective = Objective::new(spec.loss, target)?;
        if objective.renewed_leaf().is_some() && !spec.monotone.is_empty() {
            // Their leaf values are quantiles, which the gradients do not bound.
            let expected = "none where the loss is Absolute or Quantile";
            let found = format!("{:?}", spec.loss);
            return Err(Error::parameter("monotone", expected, found));
        }
        let all = RowIndex::All(n);
        let y: Vec<f64> = if target.class_names().is_empty() {
            target.output(0, all)
        } else {
            target.strata(all).into_iter().map(f64::from).collect()
        };
        objective.check(&y)?;
        if let Some(weights) = context.weights()
            && let Some(row) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite()))
        {
            return Err(Error::data("finite weights of 0 or more", weights[row]).in_row(row));
        }
        let weights = spec
            .class_weight
            .apply(target, context.weights().map(<[f64]>::to_vec))?;
        let (train, validation) = match spec.early_stopping {
            None => (None, Vec::new()),
            Some(stopping) => {
                let split = inner_split(stopping.share(), target, context)?;
                (Some(split.0), split.1)
            }
        };
        if let Some(weights) = &weights {
            // Rows to learn from, and rows to validate if there are any.
            for part in [train.as_deref(), Some(&validation[..])] {
                let weights = Self::at(weights, part);
                if !weights.is_empty() && weights.iter().all(|&weight| weight <= 0.0) {
                    return Err(Error::data("weights with a positive sum", "only zeros"));
                }
            }
        }
        let data = Self {
            objective,
            y,
            weights,
            train,
            validation,
            seed: context.seed().child("boosting"),
        };
        match rows {
            None => Ok(data),
            Some(rows) => data.spread(rows, n_rows),
        }
    }

    /// The same by row of a table, of which these are the given rows.
    fn spread(self, rows: &[u32], n_rows: usize) -> Result<Self> {
        let mut seen = vec![false; n_rows];
        let mut y = vec![0.0; n_rows];
        let mut weights = self.weights.as_ref().map(|_| vec![0.0; n_rows]);
        for (i, &row) in rows.iter().enumerate() {
            match seen.get_mut(row as usize) {
                None => return Err(Error::data(format!("rows below {n_rows}"), row)),
                Some(seen) if *seen => {
                    return Err(Error::data("rows that differ", "a row twice").in_row(row as usize));
                }
                Some(seen) => *seen = true,
            }
            y[row as usize] = self.y[i];
            if let (Some(to), Some(from)) = (&mut weights, &self.weights) {
                to[row as usize] = from[i];
            }
        }
        let of = |positions: &[u32]| {
            let mut rows: Vec<u32> = positions.iter().map(|&p| rows[p as usize]).collect();
            rows.sort_unstable();
            rows
        };
        let train = self.train.as_ref().map_or_else(
            || {
                let mut rows = rows.to_vec();
                rows.sort_unstable();
                rows
            },
            |train| of(train),
        );
        Ok(Self {
            y,
            weights,
            validation: of(&self.validation),
            train: Some(train),
            ..self
        })
    }

    fn at(values: &[f64], rows: Option<&[u32]>) -> Vec<f64> {
        rows.map_or(RowIndex::All(values.len()), RowIndex::Some)
            .gather(values)
            .into_owned()
    }

    fn y_train(&self) -> Vec<f64> {
        Self::at(&self.y, self.train.as_deref())
    }

    pub(super) fn weights_train(&self) -> Option<Vec<f64>> {
        self.weights
            .as_ref()
            .map(|w| Self::at(w, self.train.as_deref()))
    }
}

/// Checks that there are as many rows of each part as of the others, and at least one.
pub(super) fn check_lengths<Y: Target>(
    n: usize,
    target: &Y,
    context: &FitContext<'_>,
) -> Result<()> {
    if n == 0 {
        return Err(Error::data("at least one row", "none"));
    }
    let lengths = [
        Some(target.n_rows()),
        context.weights().map(<[f64]>::len),
        context.groups().map(<[u32]>::len),
        context.time().map(<[f64]>::len),
    ];
    match lengths.into_iter().flatten().find(|&length| length != n) {
        Some(length) => Err(Error::data(
            format!("{n} rows, as the features have"),
            length,
        )),
        None => Ok(()),
    }
}

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
            criteria: spec.criteria(binned.fields())?,
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

    pub(super) fn run<Y: Target>(
        mut self,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<FittedHistGradientBoosting<Y>> {
        let history = if self.needs_wide() {
            self.rounds::<Wide>(context)?
        } else {
            self.rounds::<Narrow>(context)?
        };
        Ok(FittedHistGradientBoosting {
            fields: self.binned.shared_fields(),
            bins: self.binned.shared_bins(),
            outcome: target.take(&[]),
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
        // Not above: a share that is no number asks for nothing.
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
        chunks.par_iter_mut().enumerate().for_each(|(c, out)| {
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
        let features = draw(
            n_features,
            self.spec.max_features.of(n_features)?,
            seed.child("features"),
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
            return grown
                .nodes
                .par_iter()
                .map(|node| {
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
                })
                .collect();
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

    /// Adds a tree's values to the scores of its own rows, and of those to validate or left out.
    fn add(&mut self, k: usize, grown: &Grown, values: &[f64]) {
        let scores = &mut self.scores[k];
        for (leaf, node) in grown.leaves() {
            for &row in &grown.rows[node.rows.clone()] {
                scores[row as usize] += values[leaf];
            }
        }
        if grown.rows.len() == scores.len() || grown.nodes.len() == 1 {
            return;
        }
        let mut others = vec![true; scores.len()];
        for &row in &grown.rows {
            others[row as usize] = false;
        }
        let binned = self.binned;
        scores
            .par_iter_mut()
            .zip(&others)
            .enumerate()
            .filter(|(_, (_, other))| **other)
            .for_each(|(row, (score, _))| *score += values[grown.leaf_of(binned, row)]);
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

/// So many of the features, in ascending order.
fn draw(n_features: usize, n: usize, seed: Seed) -> Vec<usize> {
    let mut features: Vec<usize> = (0..n_features).collect();
    if n >= n_features {
        return features;
    }
    let mut stream = seed.stream();
    for i in 0..n {
        features.swap(i, i + stream.below(n_features - i));
    }
    features.truncate(n);
    features.sort_unstable();
    features
}

/// What one round of boosting came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Round {
    /// The mean loss of the rows that were set aside for early stopping.
    pub validation_loss: Option<f64>,
}

/// A fitted [`HistGradientBoosting`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FittedHistGradientBoosting<Y> {
    pub(super) fields: Arc<[Feature]>,
    pub(super) bins: Arc<[FeatureBins]>,
    /// The target with no row: what to make of scores.
    pub(super) outcome: Y,
    pub(super) objective: Objective,
    pub(super) start: Vec<f64>,
    pub(super) trees: Vec<Tree>,
    pub(super) history: Vec<Round>,
}

impl<Y: Target> FittedHistGradientBoosting<Y> {
    /// The features that the model was fitted on.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.fields
    }

    /// How many trees it has.
    #[must_use]
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// What each round came to.
    #[must_use]
    pub fn history(&self) -> &[Round] {
        &self.history
    }

    /// Raw scores, one column a score: the log-odds of the positive class of two, one score a
    /// class of more (their softmax is the probabilities), the value, or its logarithm for
    /// [`Loss::Poisson`].
    ///
    /// # Errors
    /// If the features are not those of fitting.
    pub fn raw_scores(&self, features: &Features<OutOfSample>) -> Result<Vec<Vec<f64>>> {
        features.check_fields(&self.fields)?;
        Ok(sum_trees(&self.trees, &self.start, &self.bins, features))
    }

    /// What each feature adds to each row's raw scores: one [`ShapValues`] a score.
    ///
    /// Rows are computed in parallel, each with the same bits at any number of threads. Memory: 8
    /// bytes a row, feature and score.
    ///
    /// # Errors
    /// If the features are not those of fitting.
    pub fn shap_values(&self, features: &Features<OutOfSample>) -> Result<Vec<ShapValues>> {
        features.check_fields(&self.fields)?;
        let names = self.outcome.class_names();
        let skipped = names.len().saturating_sub(self.start.len());
        let classes: Vec<Option<String>> = names.iter().skip(skipped).cloned().map(Some).collect();
        Ok(shap_values(
            &self.trees,
            &self.start,
            &self.bins,
            features,
            &classes,
        ))
    }

    /// How much the trees use each feature: `(name, importance)` in the order of the features.
    ///
    /// ```
    /// use stackfold::data::{Feature, FitContext};
    /// use stackfold::model::hist::{HistGradientBoosting, Importance};
    /// use stackfold::prelude::*;
    /// let x: Vec<f32> = (0..100).map(|i| i as f32).collect();
    /// let y: Vec<f64> = x.iter().map(|&x| if x < 50.0 { 0.0 } else { 1.0 }).collect();
    /// let fields = vec![Feature::number("flat"), Feature::number("x")];
    /// let features = Features::from_columns(fields, vec![vec![0.0; 100], x])?.assume_in_sample();
    /// let model = HistGradientBoosting::new().with_n_trees(1);
    /// let fitted = model.fit(&features, &Values::new(y)?, &FitContext::default())?;
    /// assert_eq!(fitted.feature_importance(Importance::Splits), [("flat", 0.0), ("x", 1.0)]);
    /// // Each side has a sum of gradients of 25 and one of hessians of 50; together they have 0.
    /// assert!((fitted.feature_importance(Importance::Gain)[1].1 - 25.0).abs() < 1e-3);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn feature_importance(&self, importance: Importance) -> Vec<(&str, f64)> {
        let names = self.fields.iter().map(Feature::name);
        names
            .zip(importance.of(&self.trees, &self.bins, self.fields.len()))
            .collect()
    }

    /// Predicts one row, given in the order of [`features`](Self::features), without allocating:
    /// writes the probability of the positive class of two, one probability a class of more, or
    /// the value.
    ///
    /// # Errors
    /// If the row or `out` has another length than the features or the outputs.
    pub fn predict_row(&self, row: &[f32], out: &mut [f64]) -> Result<()> {
        if row.len() != self.fields.len() {
            let expected = format!("{} features, as in fitting", self.fields.len());
            return Err(Error::data(expected, row.len()));
        }
        if out.len() != self.start.len() {
            let expected = format!("room for {} outputs", self.start.len());
            return Err(Error::data(expected, out.len()));
        }
        out.copy_from_slice(&self.start);
        let (n_scores, mut k) = (out.len(), 0);
        leaves_of_row(
            &self.trees,
            |tree| tree,
            &self.bins,
            row,
            |tree, leaf| {
                out[k] += tree.values[leaf];
                k = (k + 1) % n_scores;
            },
        );
        self.objective.row_outputs(out);
        Ok(())
    }
}

impl<Y: Target> Predictor<Y> for FittedHistGradientBoosting<Y> {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction> {
        let scores = self.raw_scores(features)?;
        self.outcome.prediction(self.objective.outputs(scores))
    }
}

impl<Y: Target> Estimator<Y> for HistGradientBoosting {
    type Fitted = FittedHistGradientBoosting<Y>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        self.check()?;
        // Of the codes, not of numbers that stand for them.
        self.criteria(features.fields())?;
        let data = Data::new(self, features.n_rows(), None, target, context)?;
        let statistics = Statistics::new(self.high_cardinality, features, &data, target, context);
        let with_statistics = statistics
            .as_ref()
            .map(|s| s.features(features))
            .transpose()?;
        let binned = Binned::weighted(
            with_statistics.as_ref().unwrap_or(features),
            self.binning,
            data.train.as_deref(),
            context.weights(),
            data.seed,
        )?;
        let start = data
            .objective
            .initial(&data.y_train(), data.weights_train().as_deref());
        drop(with_statistics);
        let fitted = Rounds::new(self, &binned, data, start)?.run(target, context)?;
        Ok(match statistics {
            None => fitted,
            Some(statistics) => statistics.put_back(fitted, features),
        })
    }
}
