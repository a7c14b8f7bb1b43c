//! Views and members that suit most tables.

use std::sync::Arc;

use stackfold::data::{ColumnKind, Labels, Target, Values};
use stackfold::model::{
    DynEstimator, ExtraTrees, HistGradientBoosting, MaxFeatures, NeuralNetwork, Prior,
    RandomForest, linfa, smartcore,
};
use stackfold::stack::{StackTarget, View};
use stackfold::transform::dates::DateParts;
use stackfold::transform::encode::{
    Drop, FrequencyEncoder, MinFrequency, OneHotEncoder, OrdinalEncoder, TargetEncoder, Unknown,
};
use stackfold::transform::impute::{Imputer, Indicators};
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::scale::{QuantileOutput, QuantileScaler, StandardScaler};
use stackfold::transform::{Chain, ColumnTransformer, Selector};

fn dates() -> Selector {
    Selector::kind(ColumnKind::Date) | Selector::kind(ColumnKind::Datetime)
}

fn levels() -> Selector {
    Selector::kind(ColumnKind::Categorical)
}

/// For linear models, neighbours and the like: everything scaled, few levels one-hot, many levels
/// as their cross-fitted target mean.
pub fn linear_view<Y: Target>() -> ColumnTransformer<Y> {
    let numbers = Selector::kind(ColumnKind::Numeric);
    ColumnTransformer::new()
        .with(
            "number",
            numbers.clone(),
            Imputer::median()
                .with_indicators(Indicators::IfMissing)
                .then(StandardScaler::new()),
        )
        .with(
            "shape",
            numbers & Selector::cardinality(11..=usize::MAX),
            QuantileScaler::new()
                .with_n_quantiles(200)
                .with_output(QuantileOutput::Normal)
                .then(Imputer::median())
                .then(StandardScaler::new()),
        )
        .with(
            "flag",
            Selector::kind(ColumnKind::Boolean),
            Imputer::most_frequent().then(StandardScaler::new()),
        )
        .with(
            "date",
            dates(),
            DateParts::new()
                .then(Imputer::median())
                .then(StandardScaler::new()),
        )
        .with(
            "level",
            levels() & Selector::cardinality(0..=50),
            OneHotEncoder::new()
                .with_drop(Drop::IfBinary)
                .with_unknown(Unknown::Shares)
                .with_min_frequency(MinFrequency::Count(5)),
        )
        .with(
            "mean",
            levels() & Selector::cardinality(10..=usize::MAX),
            TargetEncoder::new().then(StandardScaler::new()),
        )
}

/// For trees on histograms and networks, which take missing values and codes: numbers as they are, levels as
/// codes, and many levels as their cross-fitted target mean and frequency as well.
pub fn hist_view<Y: Target>() -> ColumnTransformer<Y> {
    let flags = Selector::kind(ColumnKind::Boolean);
    ColumnTransformer::new()
        .with(
            "number",
            Selector::kind(ColumnKind::Numeric) | flags,
            Passthrough::new(),
        )
        .with("date", dates(), DateParts::new())
        .with("level", levels(), OrdinalEncoder::new())
        .with(
            "mean",
            levels() & Selector::cardinality(9..=usize::MAX),
            TargetEncoder::new(),
        )
        .with(
            "frequency",
            levels() & Selector::cardinality(9..=usize::MAX),
            FrequencyEncoder::new(),
        )
}

/// For the trees of smartcore and linfa, which take no missing values: levels as their cross-fitted
/// target mean and frequency, few levels one-hot as well.
pub fn tree_view<Y: Target>() -> ColumnTransformer<Y> {
    ColumnTransformer::new()
        .with(
            "number",
            Selector::kind(ColumnKind::Numeric),
            Imputer::median().with_indicators(Indicators::IfMissing),
        )
        .with(
            "flag",
            Selector::kind(ColumnKind::Boolean),
            Imputer::most_frequent(),
        )
        .with("date", dates(), DateParts::new().then(Imputer::median()))
        .with(
            "level",
            levels() & Selector::cardinality(0..=8),
            OneHotEncoder::new()
                .with_drop(Drop::IfBinary)
                .with_unknown(Unknown::Shares),
        )
        .with(
            "mean",
            levels() & Selector::cardinality(3..=usize::MAX),
            TargetEncoder::new(),
        )
        .with(
            "frequency",
            levels() & Selector::cardinality(9..=usize::MAX),
            FrequencyEncoder::new(),
        )
}

fn forest() -> RandomForest {
    RandomForest::new().with_min_samples_leaf(3)
}

fn extra_trees() -> ExtraTrees {
    ExtraTrees::new()
        .with_min_samples_leaf(3)
        .with_max_features(MaxFeatures::Share(0.3))
}

fn small_boosting() -> HistGradientBoosting {
    HistGradientBoosting::new()
        .with_n_trees(300)
        .with_learning_rate(0.05)
        .with_max_leaves(8)
        .with_l2(1.0)
        .with_max_features(MaxFeatures::Share(0.5))
}

/// Targets for which there are members by name.
pub trait Recipe: StackTarget {
    /// The members of a stack that names none.
    const DEFAULT: &'static [&'static str];
    /// All members.
    const ALL: &'static [&'static str];

    /// The member of this name: the view that it sees, and its model; `None` if there is no such
    /// member.
    fn member<'a>(name: &str, views: &'a Views<Self>) -> Option<Member<'a, Self>>;
}

/// A view, and a model that sees it.
pub type Member<'a, Y> = (&'a View<Y>, Arc<dyn DynEstimator<Y>>);

/// The members that serve classes and values.
fn for_any_target<'a, Y: StackTarget>(name: &str, views: &'a Views<Y>) -> Option<Member<'a, Y>> {
    let Views {
        linear, tree, hist, ..
    } = views;
    Some(match name {
        "prior" => (linear, Arc::new(Prior::new())),
        "neighbours" => (linear, Arc::new(smartcore::KNearestNeighbors::new())),
        "forest" => (hist, Arc::new(forest())),
        "extra_trees" => (hist, Arc::new(extra_trees())),
        "boosting" => (hist, Arc::new(HistGradientBoosting::new())),
        "small_boosting" => (hist, Arc::new(small_boosting())),
        "network" => (hist, Arc::new(NeuralNetwork::<Y>::new())),
        "smartcore_tree" => (tree, Arc::new(smartcore::DecisionTree::new())),
        "smartcore_forest" => (tree, Arc::new(views.forest())),
        "smartcore_extra_trees" => (tree, Arc::new(views.extra_trees())),
        "smartcore_boosting" => (tree, Arc::new(views.boosting())),
        _ => return None,
    })
}

/// The three views, and how large the ensembles of smartcore's trees are.
#[derive(Debug)]
pub struct Views<Y: Target> {
    pub linear: View<Y>,
    pub tree: View<Y>,
    pub hist: View<Y>,
    forest: usize,
    boosting: usize,
}

impl<Y: Target> Views<Y> {
    /// For many classes the ensembles are smaller, since each class has one of its own.
    pub fn new(target: &Y) -> Self {
        let (forest, boosting) = if target.n_outputs() > 1 {
            (30, 60)
        } else {
            (60, 150)
        };
        Self {
            linear: View::new("linear", linear_view()),
            tree: View::new("tree", tree_view()),
            hist: View::new("hist", hist_view()),
            forest,
            boosting,
        }
    }

    fn forest(&self) -> smartcore::RandomForest {
        smartcore::RandomForest::new().with_n_trees(self.forest)
    }

    fn extra_trees(&self) -> smartcore::ExtraTrees {
        smartcore::ExtraTrees::new().with_n_trees(self.forest)
    }

    fn boosting(&self) -> smartcore::GradientBoosting {
        smartcore::GradientBoosting::new().with_n_trees(self.boosting)
    }
}

impl Recipe for Labels {
    const DEFAULT: &'static [&'static str] = &[
        "logistic",
        "bayes",
        "forest",
        "extra_trees",
        "boosting",
        "small_boosting",
    ];
    const ALL: &'static [&'static str] = &[
        "prior",
        "logistic",
        "bayes",
        "neighbours",
        #[cfg(feature = "svm")]
        "svm",
        "forest",
        "extra_trees",
        "boosting",
        "small_boosting",
        "network",
        "smartcore_logistic",
        "smartcore_forest",
        "smartcore_extra_trees",
        "smartcore_boosting",
        "smartcore_tree",
        "linfa_tree",
    ];

    fn member<'a>(name: &str, views: &'a Views<Self>) -> Option<Member<'a, Self>> {
        let (linear, tree) = (&views.linear, &views.tree);
        Some(match name {
            "logistic" => (linear, Arc::new(linfa::LogisticRegression::new())),
            "bayes" => (linear, Arc::new(linfa::GaussianNaiveBayes::new())),
            #[cfg(feature = "svm")]
            "svm" => (linear, Arc::new(linfa::SupportVectorMachine::new())),
            "smartcore_logistic" => (linear, Arc::new(smartcore::LogisticRegression::new())),
            "linfa_tree" => (tree, Arc::new(linfa::DecisionTree::new())),
            _ => return for_any_target(name, views),
        })
    }
}

impl Recipe for Values {
    const DEFAULT: &'static [&'static str] = &[
        "ridge",
        "forest",
        "extra_trees",
        "boosting",
        "small_boosting",
    ];
    const ALL: &'static [&'static str] = &[
        "prior",
        "linear",
        "ridge",
        "elastic_net",
        "smartcore_ridge",
        "neighbours",
        "smartcore_tree",
        "forest",
        "extra_trees",
        "boosting",
        "small_boosting",
        "network",
        "smartcore_forest",
        "smartcore_extra_trees",
        "smartcore_boosting",
    ];

    fn member<'a>(name: &str, views: &'a Views<Self>) -> Option<Member<'a, Self>> {
        let linear = &views.linear;
        Some(match name {
            "linear" => (linear, Arc::new(linfa::LinearRegression::new())),
            "ridge" => (linear, Arc::new(linfa::Ridge::new())),
            "elastic_net" => (linear, Arc::new(linfa::ElasticNet::new())),
            "smartcore_ridge" => (linear, Arc::new(smartcore::Ridge::new())),
            _ => return for_any_target(name, views),
        })
    }
}
