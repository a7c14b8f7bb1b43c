//! Random forests and extra trees.

mod bag;
mod classes;
mod cut;
mod fit;
mod fitted;
mod grow;
mod pairs;

use serde::{Deserialize, Serialize};

pub use bag::Bag;
pub use fitted::{FittedForest, OutOfBagPredictions};

use super::binned::Binned;
use super::bins::Binning;
use super::options::Categories;

use super::split::Criteria;
use crate::data::{DynTarget, Features, FitContext, InSample, Target};
use crate::error::{Error, Result};
use crate::model::ClassWeight;
use crate::model::{Estimator, MaxFeatures, OutOfBagEstimator};
use crate::options::{at_least_one, at_least_zero, none_or_at_least_one, options};

/// Whether a fit predicts its own training rows from the trees that have not seen them.
///
/// ```
/// use stackfold::model::hist::{ExtraTrees, OutOfBag};
/// use stackfold::prelude::*;
/// assert_eq!(OutOfBag::default(), OutOfBag::Skip);
/// // Each of the extra trees sees all rows.
/// let x = Features::new(vec![stackfold::data::Feature::number("x")], 2, vec![1.0, 2.0])?;
/// let y = Values::new(vec![1.0, 2.0])?;
/// let trees = ExtraTrees::new().with_out_of_bag(OutOfBag::Predict);
/// assert!(trees.fit(&x.assume_in_sample(), &y, &FitContext::default()).is_err());
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum OutOfBag {
    /// It does not.
    #[default]
    Skip,
    /// It does: see [`FittedForest::out_of_bag`]. An error with [`Bag::All`], which leaves no row
    /// out.
    Predict,
}

/// What both kinds of forest have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    n_trees: usize,
    max_depth: Option<usize>,
    min_samples_leaf: usize,
    min_gain: f64,
    max_features: Option<MaxFeatures>,
    bag: Option<Bag>,
    out_of_bag: OutOfBag,
    class_weight: ClassWeight,
    binning: Binning,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            n_trees: 100,
            max_depth: None,
            min_samples_leaf: 1,
            min_gain: 0.0,
            max_features: None,
            bag: None,
            out_of_bag: OutOfBag::Skip,
            class_weight: ClassWeight::Equal,
            binning: Binning::new(),
        }
    }
}

impl Options {
    /// How many features each node draws.
    fn features_a_node(&self, target: &dyn DynTarget, n_features: usize) -> Result<usize> {
        let auto = match target.class_names() {
            [] => MaxFeatures::Share(1.0 / 3.0),
            _ => MaxFeatures::Sqrt,
        };
        self.max_features.unwrap_or(auto).of(n_features)
    }
}

/// A kind of forest, to be fitted.
#[derive(Debug, Clone, Copy)]
struct Spec<'a> {
    options: &'a Options,
    bag: Bag,
    name: &'static str,
    /// Whether cuts are drawn at random.
    random: bool,
}

impl Spec<'_> {
    fn check(&self) -> Result<()> {
        let options = self.options;
        at_least_one("n_trees", options.n_trees)?;
        none_or_at_least_one("max_depth", options.max_depth)?;
        at_least_one("min_samples_leaf", options.min_samples_leaf)?;
        at_least_zero("min_gain", options.min_gain)?;
        self.bag.check()?;
        options.binning.check()?;
        if options.out_of_bag == OutOfBag::Predict && self.bag == Bag::All {
            let expected = "Skip where each tree is grown on all rows (bag All)";
            return Err(Error::parameter("out_of_bag", expected, "Predict"));
        }
        Ok(())
    }

    /// Here a node's gradients are its targets' negative sum and its hessian is its weight, so that
    /// `g^2 / h` is what the mean takes off the sum of squares.
    fn criteria(&self, gain_unit: f64) -> Criteria {
        Criteria {
            l1: 0.0,
            l2: 0.0,
            min_count: self.options.min_samples_leaf as f64,
            min_hessian: 0.0,
            min_gain: self.options.min_gain / gain_unit,
            categories: Categories::new()
                .with_smoothing(0.0)
                .with_l2(0.0)
                .with_max_one_against_rest(0)
                .with_max_levels(usize::MAX),
            min_group: 0.0,
            monotone: Vec::new(),
            random: self.random,
        }
    }
}

/// The options of both kinds of forest.
macro_rules! forest {
    ($type:ident, $name:literal, $random:expr, $bag:expr, $bag_doc:literal) => {
        impl $type {
            options! {
                in options;
                /// How many trees; 100 by default.
                with_n_trees(n_trees: usize);
                /// How many splits there may be on a path from the root, if there is a limit; none
                /// by default.
                with_max_depth(max_depth: Option<usize>);
                /// How many rows a leaf has at least (a row that was drawn several times is one); 1
                /// by default.
                with_min_samples_leaf(min_samples_leaf: usize);
                /// What a split must gain at least: by how much it lowers the weighted sum of
                /// squared differences between targets and leaf means; 0 by default.
                ///
                /// For two classes the targets are 0 and 1; for more, the indicators of all
                /// classes.
                with_min_gain(min_gain: f64);
                /// Whether the training rows are predicted by the trees that have not seen them;
                /// not by default.
                with_out_of_bag(out_of_bag: OutOfBag);
                /// How features are put into bins.
                with_binning(binning: Binning);
            }

            /// How many features each node draws, among which it looks for its best split; by
            /// default [`MaxFeatures::Sqrt`] for classes and a third of them for values (as Breiman
            /// 2001 advises).
            ///
            /// Where a node's rows are all alike in those, it draws more.
            #[must_use]
            pub fn with_max_features(mut self, max_features: MaxFeatures) -> Self {
                self.options.max_features = Some(max_features);
                self
            }

            /// Which rows each tree is grown on;
            #[doc = $bag_doc]
            #[must_use]
            pub fn with_bag(mut self, bag: Bag) -> Self {
                self.options.bag = Some(bag);
                self
            }

            /// See [`with_bag`](Self::with_bag).
            #[must_use]
            pub fn bag(&self) -> Bag {
                self.options.bag.unwrap_or($bag)
            }

            /// Weights of classes, by which their rows' weights are multiplied; equal by default.
            #[must_use]
            pub fn with_class_weight(mut self, class_weight: ClassWeight) -> Self {
                self.options.class_weight = class_weight;
                self
            }

            /// Fits on rows of features that are already in bins (all rows if none are given); the
            /// target and the context are those of the chosen rows, in their order.
            ///
            /// # Errors
            /// As [`Estimator::fit`]; if a row is not below the table's number of rows, or stands
            /// twice.
            pub fn fit_rows<Y: Target>(
                &self,
                binned: &Binned,
                rows: Option<&[u32]>,
                target: &Y,
                context: &FitContext<'_>,
            ) -> Result<FittedForest<Y>> {
                let target_any = target.as_dyn();
                let fitted = fit::fit_binned(self.spec(), binned, rows, target_any, context)?;
                Ok(fitted.of(target))
            }

            fn spec(&self) -> Spec<'_> {
                Spec {
                    options: &self.options,
                    bag: self.bag(),
                    name: $name,
                    random: $random,
                }
            }
        }

        impl<Y: Target> Estimator<Y> for $type {
            type Fitted = FittedForest<Y>;

            fn fit(
                &self,
                features: &Features<InSample>,
                target: &Y,
                context: &FitContext<'_>,
            ) -> Result<Self::Fitted> {
                let fitted = fit::fit(self.spec(), features, target.as_dyn(), context)?;
                Ok(fitted.of(target))
            }

            fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
                fit::memory(self.spec(), n_rows, n_features, n_outputs)
            }
        }

        impl<Y: Target> OutOfBagEstimator<Y> for $type {
            fn fit_out_of_bag(
                &self,
                features: &Features<InSample>,
                target: &Y,
                context: &FitContext<'_>,
            ) -> Result<(Self::Fitted, Y::Prediction)> {
                fit::fit_out_of_bag(self.spec(), features, target, context)
            }
        }
    };
}

/// A random forest (Breiman 2001) on histograms.
///
/// Each tree is grown on a bootstrap of the rows. Each node draws some features and takes the best
/// of all splits on them: the one that lowers the sum of squared differences from the mean most,
/// `sum_left^2 / weight_left + sum_right^2 / weight_right - sum^2 / weight` (for classes, the sum
/// of this over their indicators, which is the Gini impurity's decrease times the weight). A tree
/// predicts the mean of a leaf's targets: the shares of the classes, or the mean value; the forest
/// the mean of its trees.
///
/// Features are put into bins ([`Binning`]): cuts are those between bins. Where a node has no row
/// in some bins between two others, it cuts in the middle of them. Missing values go to the side
/// where the split gains more (a split may part them from all others), and where a node has none,
/// to the side of more rows. Levels of a code are put in the order of their mean and cut in two,
/// which is the best of all divisions for two classes and for values (Fisher 1958; Breiman et al.
/// 1984, section 4.2); for more classes the order is that of the share of the node's largest
/// class. Missing values are a level of their own.
///
/// Weights count as so many rows, but for `min_samples_leaf`; rows of weight 0 are as absent. The
/// same seed gives the same bits on any number of threads.
///
/// Cost: about `n m d` steps for a tree of `n` rows, `m` features drawn a node and depth `d`;
/// 2 bytes a value for the bins, and 16 bytes a row for each tree being grown.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::hist::RandomForest;
/// use stackfold::prelude::*;
/// let values: Vec<f32> = (0..300).map(|i| i as f32).collect();
/// let x = Features::new(vec![Feature::number("x")], 300, values)?;
/// let codes: Vec<u32> = (0..300).map(|i| i / 100).collect();
/// let y = Labels::new(codes, vec!["low".into(), "middle".into(), "high".into()])?;
/// let forest = RandomForest::new().with_n_trees(20).with_max_depth(Some(4));
/// let fitted = forest.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// let prediction = fitted.predict(&x)?;
/// assert_eq!(prediction.most_probable()[150], 1);
/// assert!(prediction.column(1)[150] > 0.9);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RandomForest {
    options: Options,
}

impl RandomForest {
    /// 100 trees of any depth, each on a bootstrap of the rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

forest!(
    RandomForest,
    "random forest",
    false,
    Bag::Bootstrap,
    "[`Bag::Bootstrap`] by default."
);

/// Extremely randomised trees (Geurts, Ernst and Wehenkel 2006) on histograms.
///
/// Each node draws some features and one random cut for each, uniformly between the least and the
/// greatest value of its rows (by the middles of their bins), and takes the best of these splits;
/// all trees see all rows. Levels of a code, in the order of their mean, are cut at a random place.
/// Everything else is as for [`RandomForest`].
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::model::hist::ExtraTrees;
/// use stackfold::prelude::*;
/// let values: Vec<f32> = (0..200).map(|i| i as f32).collect();
/// let x = Features::new(vec![Feature::number("x")], 200, values)?;
/// let y = Values::new((0..200).map(|i| f64::from(i) * 2.0).collect::<Vec<_>>())?;
/// let trees = ExtraTrees::new().with_n_trees(20);
/// let fitted = trees.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// assert!((fitted.predict(&x)?.as_slice()[100] - 200.0).abs() < 10.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtraTrees {
    options: Options,
}

impl ExtraTrees {
    /// 100 trees of any depth, each on all rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

forest!(
    ExtraTrees,
    "extra trees",
    true,
    Bag::All,
    "[`Bag::All`] by default."
);
