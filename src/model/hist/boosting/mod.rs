//! Gradient boosting.

mod continued;
mod data;
mod fitted;
mod rounds;

use serde::{Deserialize, Serialize};

pub(super) use data::Data;
pub use fitted::{FittedHistGradientBoosting, Round};

use self::rounds::Rounds;
use super::binned::{Binned, N_SLOTS};
use super::bins::Binning;
use super::loss::Loss;
use super::options::{Categories, HighCardinality, Monotone, Sampling};
use super::ordered::Statistics;
use super::split::Criteria;
use crate::data::{DynTarget, Feature, Features, FitContext, InSample, Target};
use crate::error::{Error, Result};
use crate::model::{ClassWeight, EarlyStopping, Estimator, MaxFeatures, bytes};
use crate::options::{above_zero, at_least_one, at_least_zero, none_or_at_least_one, options};

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
/// * **Weights** multiply `g` and `h` once they are divided by their mean over the rows that trees
///   are grown on: only their ratios count, and penalties and limits mean the same whatever their
///   unit. What rows of weight 0 hold changes nothing. Any other row counts as one for
///   [`min_samples_leaf`](Self::with_min_samples_leaf).
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
#[serde(default, deny_unknown_fields)]
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
    l2: Option<f64>,
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
            l2: None,
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

    /// The penalty of the square of leaf values (`l2 w^2 / 2`). By default it is what the loss asks
    /// for: 1 for the log loss of two classes and for Poisson, 0.1 for more than two classes, and 0
    /// for the squared, absolute and quantile loss.
    ///
    /// Where a class (or a count) is rare, hessians are next to 0 and leaf values `-G / H` without
    /// bound: a few rows, met by chance, are learned by heart, and held-out rows are told the wrong
    /// class for certain. A penalty bounds them. Log loss (of values the RMSE) in 3 to 10 folds at
    /// other defaults:
    ///
    /// | data | l2 = 0 | 0.1 | 1 |
    /// |---|---|---|---|
    /// | adult | 0.2743 | 0.2744 | 0.2744 |
    /// | bank_full, without `duration` | 0.2836 | 0.2834 | 0.2826 |
    /// | german_credit | 0.577 | 0.571 | 0.551 |
    /// | australian_credit | 0.396 | 0.385 | 0.349 |
    /// | adult, 30 rows of the rarer class | 0.0610 | 0.0070 | 0.0058 |
    /// | churn, 20 rows of the rarer class | 0.0551 | 0.0398 | 0.0333 |
    /// | covertype (7 classes, 20,000 rows) | 0.3261 | 0.3276 | 0.3288 |
    /// | car (4 classes, a rule without noise) | 0.0108 | 0.0126 | 0.0255 |
    /// | nursery (5 classes, one of 2 rows) | 1.93 | 0.0053 | 0.0083 |
    /// | covertype, 5 of 7 classes of 2 to 50 rows | 6.59 | 0.305 | 0.296 |
    /// | diamonds | 539.2 | 539.6 | 539.9 |
    /// | california_housing | 47,416 | 47,486 | 47,537 |
    #[must_use]
    pub fn with_l2(mut self, l2: f64) -> Self {
        self.l2 = Some(l2);
        self
    }

    /// See [`with_l2`](Self::with_l2); none: what the loss asks for.
    #[must_use]
    pub fn l2(&self) -> Option<f64> {
        self.l2
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
        none_or_at_least_one("max_depth", self.max_depth)?;
        at_least_one("min_samples_leaf", self.min_samples_leaf)?;
        at_least_zero("min_hessian", self.min_hessian)?;
        at_least_zero("min_gain", self.min_gain)?;
        at_least_zero("l1", self.l1)?;
        self.l2.map_or(Ok(()), |l2| at_least_zero("l2", l2))?;
        self.sampling.check()?;
        self.max_features.check("max_features")?;
        self.max_features_node.check("max_features_node")?;
        self.binning.check()?;
        self.categories.check()?;
        self.early_stopping.map_or(Ok(()), EarlyStopping::check)
    }

    fn criteria(&self, fields: &[Feature], data: &Data) -> Result<Criteria> {
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
            l2: self.l2.unwrap_or_else(|| data.objective.default_l2()),
            min_count: self.min_samples_leaf as f64,
            min_hessian: self.min_hessian,
            min_gain: self.min_gain,
            categories: self.categories,
            min_group: self.categories.group_of(data.n_train()) as f64,
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
        let data = Data::new(self, binned.n_rows(), rows, target.as_dyn(), context)?;
        let start = data.start();
        let fitted = Rounds::new(self, binned, data, start)?.run(context)?;
        Ok(fitted.of(target))
    }

    fn fit_any(
        &self,
        features: &Features<InSample>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<FittedHistGradientBoosting<()>> {
        self.check()?;
        let data = Data::new(self, features.n_rows(), None, target, context)?;
        // Of the codes, not of numbers that stand for them.
        self.criteria(features.fields(), &data)?;
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
        let start = data.start();
        drop(with_statistics);
        let fitted = Rounds::new(self, &binned, data, start)?.run(context)?;
        Ok(match statistics {
            None => fitted,
            Some(statistics) => statistics.put_back(fitted, features),
        })
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
        let fitted = self.fit_any(features, target.as_dyn(), context)?;
        Ok(fitted.of(target))
    }

    /// Two bytes a value for the bins, a histogram a leaf, and targets, weights, scores, gradients and
    /// places of each row; the features once more where codes are replaced by statistics.
    fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
        let bins = bytes(n_rows, n_features, 2);
        let bins_of_all = n_features.saturating_mul(n_rows.min(N_SLOTS));
        let histograms = bytes(self.max_leaves, bins_of_all, 8);
        let rows = bytes(n_rows, 2 + n_outputs, 24);
        let statistics = match self.high_cardinality {
            HighCardinality::Bins => 0,
            HighCardinality::OrderedStatistic { .. } => bytes(n_rows, n_features, 4),
        };
        [histograms, rows, statistics]
            .iter()
            .fold(bins, |sum, &part| sum.saturating_add(part))
    }
}
