//! Specifications are written to a file and read back, and a file may leave options out.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use stackfold::folds::{
    FoldPlan, Folds, Predefined, Repeated, Split, StratifiedGroupKFold, Window,
};
use stackfold::inspection::PermutationImportance;
use stackfold::metrics::multiclass;
use stackfold::model::hist::{Bag, Binning, Categories, Loss, Monotone, OutOfBag, Sampling};
use stackfold::model::neural::{Activation, NumericEmbedding};
use stackfold::model::{
    ClassWeight, EarlyStopping, ExtraTrees, GaussianNaiveBayes, HistGradientBoosting, LogTarget,
    LogisticRegression, MaxFeatures, NeuralNetwork, Prior, RandomForest, Subsampled,
    TransformedTarget,
};
use stackfold::prelude::*;
use stackfold::stack::{
    Average, AverageBlender, LogisticBlender, MetaForm, NewRows, NonNegativeBlender, OnFailure,
    RidgeBlender, Weights,
};
use stackfold::transform::dates::{DateParts, Origin};
use stackfold::transform::encode::{
    CrossFitted, Drop, EmbeddingEncoder, Frequency, FrequencyEncoder, LoneRow, MinFrequency,
    MissingLevel, Noise, OrderedTargetEncoder, RowOrder, Smoothing, Unknown, UnknownCode,
};
use stackfold::transform::impute::Indicators;
use stackfold::transform::row_counts::RowCounts;
use stackfold::transform::scale::{
    Log1p, MaxAbsScaler, MinMaxScaler, Negatives, QuantileOutput, QuantileScaler, RobustScaler,
    Winsorizer,
};
use stackfold::transform::{Naming, Remainder};

/// Asserts that JSON gives back what was written.
#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + Debug>(specification: &T) {
    let text = serde_json::to_string(specification).unwrap();
    let back: T = serde_json::from_str(&text).unwrap();
    assert_eq!(format!("{back:?}"), format!("{specification:?}"), "{text}");
}

/// The same; and that a file that says nothing is the default, and one of an option that there is
/// not is refused.
#[track_caller]
fn has_defaults<T: Serialize + DeserializeOwned + Debug + Default>(specification: &T) {
    comes_back(specification);
    let empty: T = serde_json::from_str("{}").unwrap();
    assert_eq!(format!("{empty:?}"), format!("{:?}", T::default()));
    let wrong = serde_json::from_str::<T>(r#"{"n_treees": 3}"#).unwrap_err();
    assert!(wrong.to_string().contains("n_treees"), "{wrong}");
}

#[test]
fn learners() {
    has_defaults(&Prior::new());
    has_defaults(&LogisticRegression::new().with_alpha(0.25));
    has_defaults(&GaussianNaiveBayes::new().with_smoothing(0.5));
    has_defaults(
        &HistGradientBoosting::new()
            .with_loss(Loss::Absolute)
            .with_max_depth(Some(3))
            .with_sampling(Sampling::Share(0.5))
            .with_max_features(MaxFeatures::Count(2))
            .with_monotone([("age", Monotone::Increasing)])
            .with_categories(Categories::new().with_max_levels(3))
            .with_binning(Binning::new().with_max_rows(None))
            .with_class_weight(ClassWeight::Given(vec![("yes".into(), 2.0)]))
            .with_early_stopping(Some(EarlyStopping::new().with_patience(3))),
    );
    has_defaults(&RandomForest::new().with_out_of_bag(OutOfBag::Predict));
    has_defaults(&ExtraTrees::new().with_bag(Bag::Share(0.5)));
    has_defaults(
        &NeuralNetwork::<Labels>::new()
            .with_hidden([7, 5])
            .with_activation(Activation::Relu)
            .with_numeric_embedding(NumericEmbedding::None)
            .with_embedding_sizes([("city", 3)]),
    );
    comes_back(&Subsampled::new(RandomForest::new(), 100));
    comes_back(&Pipeline::new(
        StandardScaler::new(),
        Subsampled::new(Prior::new(), 9),
    ));
    let of_log = TransformedTarget::new(HistGradientBoosting::new(), LogTarget);
    comes_back(&of_log);
    has_defaults(&PermutationImportance::new().with_n_repeats(3));
}

#[test]
#[cfg(feature = "linfa")]
fn learners_of_linfa() {
    use stackfold::model::linfa as l;
    has_defaults(&l::LogisticRegression::new().with_max_iterations(7));
    has_defaults(&l::GaussianNaiveBayes::new().with_smoothing(0.5));
    has_defaults(&l::DecisionTree::new().with_max_depth(None));
    has_defaults(&l::LinearRegression::new().with_max_bytes(1000));
    has_defaults(&l::Ridge::new().with_alpha(0.5));
    has_defaults(&l::ElasticNet::new().with_l1_ratio(0.75));
    #[cfg(feature = "svm")]
    has_defaults(
        &l::SupportVectorMachine::new().with_kernel(l::Kernel::GaussianWith { gamma: 2.0 }),
    );
}

#[test]
#[cfg(feature = "smartcore")]
fn learners_of_smartcore() {
    use stackfold::model::smartcore as s;
    has_defaults(&s::LogisticRegression::new().with_alpha(0.5));
    has_defaults(&s::GaussianNaiveBayes::new().with_smoothing(0.5));
    has_defaults(&s::DecisionTree::new().with_max_depth(None));
    has_defaults(&s::RandomForest::new().with_n_trees(7));
    has_defaults(&s::ExtraTrees::new().with_max_features(MaxFeatures::Sqrt));
    has_defaults(&s::KNearestNeighbors::new().with_n_neighbors(3));
    has_defaults(&s::GradientBoosting::new().with_max_rows(None));
    has_defaults(&s::Ridge::new().with_alpha(0.5));
}

/// What a file leaves out of a kind of forest is that kind's.
#[test]
fn forests_keep_their_own_defaults() {
    let forest: RandomForest = serde_json::from_str(r#"{"n_trees": 7}"#).unwrap();
    assert_eq!((forest.n_trees(), forest.bag()), (7, Bag::Bootstrap));
    let trees: ExtraTrees = serde_json::from_str(r#"{"n_trees": 7}"#).unwrap();
    assert_eq!((trees.n_trees(), trees.bag()), (7, Bag::All));
}

/// Where a bound is there by default, none is a word: a format without null can say it.
#[test]
fn no_bound_is_written_as_a_word() {
    let text = serde_json::to_string(&Binning::new().with_max_rows(None)).unwrap();
    assert_eq!(text, r#"{"max_bins":255,"max_rows":"none"}"#);
    let read = |text| serde_json::from_str::<Binning>(text).unwrap().max_rows();
    assert_eq!(read(r#"{"max_rows": "none"}"#), None);
    assert_eq!(read(r#"{"max_rows": null}"#), None);
    assert_eq!(read(r#"{"max_rows": 9}"#), Some(9));
    assert_eq!(read("{}"), Some(200_000));
}

#[test]
fn encoders() {
    has_defaults(
        &OneHotEncoder::new()
            .with_drop(Drop::IfBinary)
            .with_unknown(Unknown::Shares)
            .with_min_frequency(MinFrequency::Share(0.25))
            .with_max_levels(Some(9)),
    );
    let order = ["S", "M", "L"];
    has_defaults(
        &OrdinalEncoder::new()
            .with_order("size", order)
            .with_unknown(UnknownCode::Value(-1.5)),
    );
    has_defaults(&FrequencyEncoder::new().with_frequency(Frequency::LogCount));
    let smoothing = Smoothing::Sigmoid { k: 3.0, f: 2.0 };
    has_defaults(
        &TargetEncoder::new()
            .with_smoothing(smoothing)
            .with_missing(MissingLevel::Prior),
    );
    let folds = Folds::new(vec![0, 1, 2, 0], 3).unwrap();
    comes_back(&TargetEncoder::new().with_folds(folds));
    has_defaults(
        &LeaveOneOutEncoder::new()
            .with_noise(Noise::Additive(0.1))
            .with_lone_row(LoneRow::OverallMean),
    );
    comes_back(&CrossFitted::new(LeaveOneOutEncoder::new()).with_n_folds(3));
    has_defaults(&OrderedTargetEncoder::new().with_order(RowOrder::AsGiven));
    let network = NeuralNetwork::new().with_n_epochs(3);
    has_defaults(
        &EmbeddingEncoder::<Values>::new()
            .with_network(network)
            .with_context(["age"]),
    );
}

#[test]
fn other_transformers() {
    comes_back(&Imputer::mean().with_indicators(Indicators::All));
    comes_back(&Imputer::constant(-7.0).by_group("state"));
    has_defaults(&StandardScaler::new());
    has_defaults(&MinMaxScaler::new().with_range(-1.0, 1.0));
    has_defaults(&MaxAbsScaler::new());
    has_defaults(&RobustScaler::new());
    has_defaults(&Winsorizer::new());
    has_defaults(
        &QuantileScaler::new()
            .with_output(QuantileOutput::Normal)
            .with_max_rows(Some(15)),
    );
    has_defaults(&Log1p::new().with_negatives(Negatives::Signed));
    has_defaults(&DateParts::new().with_origin(Origin::FirstDay));
    comes_back(&RowCounts::new("n").missing().equal(3.0).equal_level("TX"));
    has_defaults(&Passthrough::new());
    comes_back(&Imputer::median().then(StandardScaler::new()));
    comes_back(&(Remainder::Pass, Naming::Plain));
}

#[test]
fn selectors() {
    let numbers = Selector::kind(ColumnKind::Numeric) & !Selector::cardinality(0..=10);
    let others = Selector::names(["a", "b"]) | Selector::regex("^x[0-9]+$").unwrap();
    let named = Selector::role(Role::Time) | Selector::prefix("q");
    comes_back(&(numbers | others | named));
    let error = serde_json::from_str::<Selector>(r#"{"Regex": "("}"#).unwrap_err();
    assert!(error.to_string().contains("regex parse error"), "{error}");
}

#[test]
fn splitters() {
    comes_back(&KFold::new(3));
    comes_back(&StratifiedKFold::new(4));
    comes_back(&GroupKFold::new(5));
    comes_back(&Repeated::new(StratifiedGroupKFold::new(6), 2));
    comes_back(&HoldOut::new(0.25));
    let sliding = Window::Sliding { length: 2.0 };
    comes_back(&TimeSeriesSplit::new(3).with_window(sliding).with_gap(1.0));
    let short: TimeSeriesSplit = serde_json::from_str(r#"{"n_splits": 3}"#).unwrap();
    assert_eq!(short, TimeSeriesSplit::new(3));
    comes_back(&Predefined::from_folds(vec![0, 1, 1, 0]).unwrap());
    let split = Split::new(vec![0, 2], vec![1], 4).unwrap();
    comes_back(&Predefined::new(
        FoldPlan::from_splits(vec![split], 4).unwrap(),
    ));
}

/// What could not be made is not read either.
#[test]
fn plans_that_are_none_are_refused() {
    let error = serde_json::from_str::<Folds>("[0, 2, 2]").unwrap_err();
    assert!(error.to_string().contains("a row in each fold"), "{error}");
    assert!(serde_json::from_str::<Folds>("[65535, 0]").is_err());
    assert!(serde_json::from_str::<Folds>("[]").is_err());
    let plan = Predefined::from_folds(vec![0, 1, 1, 0]).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    let changed = text.replace("2,1", "2,0");
    assert_ne!(changed, text);
    let error = serde_json::from_str::<Predefined>(&changed).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn scores_and_stacks() {
    comes_back(&ClassificationMetric::RocAucOneVsOne(
        multiclass::Average::Prevalence,
    ));
    comes_back(&(ClassificationMetric::LogLoss, RegressionMetric::Mape));
    has_defaults(&AverageBlender::new(Average::Geometric));
    has_defaults(&LogisticBlender::new().with_weights(Weights::Any));
    has_defaults(&RidgeBlender::new().with_alpha(0.5));
    has_defaults(&NonNegativeBlender::new());
    comes_back(&(NewRows::Both, OnFailure::LeaveOut, MetaForm::Plain));
}
