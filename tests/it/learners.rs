//! Laws that every learner obeys, and the defects of back ends that their docs name.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "tests unwrap in helpers too, and mean exact values where they compare them"
)]

use std::sync::Arc;

use stackfold::ErrorKind;
use stackfold::data::Feature;
use stackfold::model::baseline::Prior;
use stackfold::model::bayes::GaussianNaiveBayes;
use stackfold::model::hist::{ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::model::linear::LogisticRegression;
use stackfold::model::neural::NeuralNetwork;
use stackfold::model::{DynEstimator, Predictor, Subsampled, TransformedTarget};
use stackfold::prelude::*;

use crate::support::{assert_all_listed, assert_close, auc, on_threads, type_of};

/// An estimator that says which it is.
trait Listed<Y: Target>: DynEstimator<Y> {
    fn type_of(&self) -> &'static str;
}

impl<Y: Target, M: Estimator<Y>> Listed<Y> for M {
    fn type_of(&self) -> &'static str {
        type_of(self)
    }
}

type Classifier = Arc<dyn Listed<Labels>>;
type Regressor = Arc<dyn Listed<Values>>;

/// A network that learns the problems of this file in a moment.
fn network<Y: Target>() -> NeuralNetwork<Y> {
    NeuralNetwork::new()
        .with_hidden([8])
        .with_learning_rate(0.02)
        .with_batch_size(50)
        .with_n_epochs(20)
        .with_n_seeds(1)
}

/// Every classifier, small enough for a test.
fn classifiers() -> Vec<(&'static str, Classifier)> {
    #[allow(unused_mut, reason = "without a back end these are all")]
    let mut all: Vec<(&'static str, Classifier)> = vec![
        ("prior", Arc::new(Prior::new())),
        ("logistic", Arc::new(LogisticRegression::new())),
        ("naive Bayes", Arc::new(GaussianNaiveBayes::new())),
        (
            "boosting",
            Arc::new(HistGradientBoosting::new().with_n_trees(30)),
        ),
        ("forest", Arc::new(RandomForest::new().with_n_trees(30))),
        ("extra trees", Arc::new(ExtraTrees::new().with_n_trees(30))),
        ("network", Arc::new(network())),
        (
            "logistic of some rows",
            Arc::new(Subsampled::new(LogisticRegression::new(), 250)),
        ),
    ];
    #[cfg(feature = "linfa")]
    {
        use stackfold::model::linfa as l;
        all.push(("linfa logistic", Arc::new(l::LogisticRegression::new())));
        all.push(("linfa naive Bayes", Arc::new(l::GaussianNaiveBayes::new())));
        all.push(("linfa tree", Arc::new(l::DecisionTree::new())));
    }
    #[cfg(feature = "svm")]
    {
        use stackfold::model::linfa as l;
        all.push(("linfa svm", Arc::new(l::SupportVectorMachine::new())));
        let linear = l::SupportVectorMachine::new().with_kernel(l::Kernel::Linear);
        all.push(("linfa linear svm", Arc::new(linear)));
    }
    #[cfg(feature = "smartcore")]
    {
        use stackfold::model::smartcore as s;
        all.push(("smartcore logistic", Arc::new(s::LogisticRegression::new())));
        all.push((
            "smartcore naive Bayes",
            Arc::new(s::GaussianNaiveBayes::new()),
        ));
        all.push(("smartcore tree", Arc::new(s::DecisionTree::new())));
        let forest = s::RandomForest::new().with_n_trees(20);
        all.push(("smartcore forest", Arc::new(forest)));
        let extra = s::ExtraTrees::new().with_n_trees(20);
        all.push(("smartcore extra trees", Arc::new(extra)));
        all.push((
            "smartcore neighbours",
            Arc::new(s::KNearestNeighbors::new()),
        ));
        let boosting = s::GradientBoosting::new().with_n_trees(30);
        all.push(("smartcore boosting", Arc::new(boosting)));
    }
    all
}

/// Every regressor, small enough for a test.
fn regressors() -> Vec<(&'static str, Regressor)> {
    #[allow(unused_mut, reason = "without a back end these are all")]
    let mut all: Vec<(&'static str, Regressor)> = vec![
        ("prior", Arc::new(Prior::new())),
        (
            "boosting",
            Arc::new(HistGradientBoosting::new().with_n_trees(30)),
        ),
        ("forest", Arc::new(RandomForest::new().with_n_trees(30))),
        ("extra trees", Arc::new(ExtraTrees::new().with_n_trees(30))),
        ("network", Arc::new(network())),
        (
            "forest of twice the target",
            Arc::new(TransformedTarget::new(
                RandomForest::new().with_n_trees(30),
                (|y: f64| 2.0 * y, |z: f64| z / 2.0),
            )),
        ),
    ];
    #[cfg(feature = "linfa")]
    {
        use stackfold::model::linfa as l;
        all.push(("linfa linear", Arc::new(l::LinearRegression::new())));
        all.push(("linfa ridge", Arc::new(l::Ridge::new())));
        all.push(("linfa elastic net", Arc::new(l::ElasticNet::new())));
    }
    #[cfg(feature = "smartcore")]
    {
        use stackfold::model::smartcore as s;
        all.push(("smartcore ridge", Arc::new(s::Ridge::new())));
        all.push(("smartcore tree", Arc::new(s::DecisionTree::new())));
        let forest = s::RandomForest::new().with_n_trees(20);
        all.push(("smartcore forest", Arc::new(forest)));
        let extra = s::ExtraTrees::new().with_n_trees(20);
        all.push(("smartcore extra trees", Arc::new(extra)));
        all.push((
            "smartcore neighbours",
            Arc::new(s::KNearestNeighbors::new()),
        ));
        let boosting = s::GradientBoosting::new().with_n_trees(30);
        all.push(("smartcore boosting", Arc::new(boosting)));
    }
    all
}

fn fields(n: usize) -> Vec<Feature> {
    (0..n).map(|j| Feature::number(format!("x{j}"))).collect()
}

fn as_f32(value: f64) -> f32 {
    #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
    let narrow = value as f32;
    narrow
}

/// Four columns: two normal ones on very different scales, one of whole numbers, one of 0 and 1;
/// and a score that hangs on three of them.
fn problem(n: usize, seed: u64) -> (Features<OutOfSample>, Vec<f64>) {
    let seed = Seed::new(seed);
    let column = |j: usize, f: &dyn Fn(f64) -> f64| -> Vec<f64> {
        (0..n as u64).map(|i| f(seed.at(j).normal(i))).collect()
    };
    let wide = column(0, &|z| 1e4 + 1e3 * z);
    let narrow = column(1, &|z| 1e-3 * z);
    let whole = column(2, &|z| (2.0 * z).round());
    let flag = column(3, &|z| f64::from(u8::from(z > 0.5)));
    let score = (0..n)
        .map(|i| (wide[i] - 1e4) / 1e3 + 0.8 * whole[i] / 2.0 + 1.5 * flag[i])
        .collect();
    let columns = [wide, narrow, whole, flag]
        .map(|c| c.into_iter().map(as_f32).collect())
        .to_vec();
    (Features::from_columns(fields(4), columns).unwrap(), score)
}

/// Two classes: the positive one has the given share, and is likelier where the score is high.
fn two_classes(score: &[f64], positive_share: f64, seed: u64) -> Labels {
    let noise = Seed::new(seed).child("noise");
    let noisy: Vec<f64> = score
        .iter()
        .zip(0..)
        .map(|(s, i)| s + 0.5 * noise.normal(i))
        .collect();
    let mut sorted = noisy.clone();
    sorted.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length"
    )]
    let cut = sorted[((1.0 - positive_share) * score.len() as f64) as usize];
    let codes = noisy
        .iter()
        .map(|v| u32::from(*v >= cut))
        .collect::<Vec<_>>();
    Labels::new(codes, vec!["low".into(), "high".into()]).unwrap()
}

fn fit(
    model: &Classifier,
    x: &Features<OutOfSample>,
    y: &Labels,
) -> Result<Arc<dyn Predictor<Labels>>> {
    let context = FitContext::default().with_seed(Seed::new(5));
    model.fit_dyn(&x.clone().assume_in_sample(), y, &context)
}

fn fit_values(
    model: &Regressor,
    x: &Features<OutOfSample>,
    y: &Values,
) -> Result<Arc<dyn Predictor<Values>>> {
    let context = FitContext::default().with_seed(Seed::new(5));
    model.fit_dyn(&x.clone().assume_in_sample(), y, &context)
}

fn n_equal(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a == b).count()
}

fn assert_probabilities(name: &str, p: &Probabilities, n_rows: usize, classes: &[String]) {
    assert_eq!(p.n_rows(), n_rows, "{name}");
    assert_eq!(p.classes(), classes, "{name}");
    for row in 0..n_rows {
        let mut sum = 0.0;
        for k in 0..p.n_columns() {
            let value = p.column(k)[row];
            assert!((0.0..=1.0).contains(&value), "{name}: {value}");
            sum += value;
        }
        assert_close(sum, 1.0, 1e-9);
    }
}

#[test]
fn every_learner_is_listed() {
    let (classifiers, regressors) = (classifiers(), regressors());
    let listed = classifiers
        .iter()
        .map(|(_, model)| model.as_ref().type_of());
    let others = regressors.iter().map(|(_, model)| model.as_ref().type_of());
    assert_all_listed("Estimator", 9, listed.chain(others));
}

/// The probability that a class may get that no training row has: a loss that is minimised by steps
/// approaches zero, and the others give it.
fn for_absent(name: &str) -> f64 {
    match name {
        "boosting" => 1e-9,
        "network" => 0.01,
        _ => 0.0,
    }
}

/// Whether a learner takes a value that is no finite number: for trees on bins an infinite one is the
/// outermost.
fn takes(name: &str, value: f32) -> bool {
    match name {
        "boosting" | "forest" | "extra trees" | "forest of twice the target" => true,
        "naive Bayes" | "network" => value.is_nan(),
        _ => false,
    }
}

#[test]
fn classifiers_beat_the_prior_whichever_class_is_rare() {
    let (x, score) = problem(600, 1);
    let (x_new, score_new) = problem(400, 2);
    for share in [0.15, 0.5, 0.85] {
        let y = two_classes(&score, share, 3);
        let y_new = two_classes(&score_new, share, 4);
        for (name, model) in classifiers().into_iter().skip(1) {
            let fitted = fit(&model, &x, &y).unwrap_or_else(|e| panic!("{name}: {e}"));
            let p = fitted.predict(&x_new).unwrap();
            assert_probabilities(name, &p, 400, y.classes());
            let found = auc(p.positive(), y_new.codes());
            let floor = if name == "linfa tree" { 0.7 } else { 0.8 };
            assert!(found > floor, "{name} at {share}: AUC {found}");
            // Probabilities, not scores: on average they are the share. Naive Bayes is excused
            // by its docs.
            let mean = p.positive().iter().sum::<f64>() / 400.0;
            let allowed = if name.contains("Bayes") { 0.15 } else { 0.07 };
            assert!(
                (mean - share).abs() < allowed,
                "{name} at {share}: mean {mean}"
            );
        }
    }
}

#[test]
fn class_order_is_the_targets() {
    let (x, score) = problem(400, 1);
    let y = two_classes(&score, 0.3, 3);
    let turned = y.clone().with_positive("low").unwrap();
    for (name, model) in classifiers() {
        let p = fit(&model, &x, &y).unwrap().predict(&x).unwrap();
        let q = fit(&model, &x, &turned).unwrap().predict(&x).unwrap();
        assert_eq!(q.classes(), ["high", "low"]);
        // Forests of 0/1 and of 1/0 draw the same trees; the linear models converge to the same.
        // linfa's trees merge leaves by class, and break ties by it; which rows are together in a
        // fold of Platt's scale hangs on the order of the classes.
        // Rows are drawn class by class. A network's weights start elsewhere.
        let allowed = match name {
            "linfa tree" | "linfa bagged trees" => 0.2,
            "linfa svm" | "linfa linear svm" | "logistic of some rows" => 0.1,
            "network" => 0.25,
            _ => 0.02,
        };
        for (a, b) in p.positive().iter().zip(q.column(0)) {
            assert!((a - b).abs() < allowed, "{name}: {a} and {b}");
        }
    }
}

#[test]
fn many_classes_of_which_one_is_absent() {
    let (x, score) = problem(600, 1);
    let code = |s: f64| -> u32 {
        if s < -0.5 {
            0
        } else if s < 1.0 {
            2
        } else {
            3
        }
    };
    let names = ["a", "never", "c", "d"].map(String::from).to_vec();
    let codes: Vec<u32> = score.iter().map(|&s| code(s)).collect();
    let y = Labels::new(codes.clone(), names.clone()).unwrap();
    for (name, model) in classifiers() {
        let fitted = fit(&model, &x, &y).unwrap_or_else(|e| panic!("{name}: {e}"));
        let p = fitted.predict(&x).unwrap();
        assert_probabilities(name, &p, 600, &names);
        let largest = p.column(1).iter().copied().fold(0.0, f64::max);
        assert!(largest <= for_absent(name), "{name}: {largest}");
        if name != "prior" {
            let right = n_equal(&p.most_probable(), &codes);
            assert!(right > 400, "{name}: {right} of 600");
        }
    }
    // Two of four classes among the training rows.
    let codes: Vec<u32> = score.iter().map(|&s| if s < 0.5 { 1 } else { 3 }).collect();
    let y = Labels::new(codes.clone(), names.clone()).unwrap();
    for (name, model) in classifiers() {
        let p = fit(&model, &x, &y).unwrap().predict(&x).unwrap();
        assert_probabilities(name, &p, 600, &names);
        let largest = p.column(0).iter().copied().fold(0.0, f64::max);
        assert!(largest <= for_absent(name), "{name}: {largest}");
        if name != "prior" {
            let right = n_equal(&p.most_probable(), &codes);
            assert!(right > 480, "{name}: {right} of 600");
        }
    }
}

#[test]
fn one_class_among_the_training_rows_is_predicted_for_certain() {
    let (x, _) = problem(50, 1);
    for classes in [2, 3] {
        let names: Vec<String> = (0..classes).map(|c| format!("c{c}")).collect();
        let y = Labels::new(vec![1; 50], names).unwrap();
        for (name, model) in classifiers() {
            let p = fit(&model, &x, &y).unwrap().predict(&x).unwrap();
            let least = p.column(1).iter().copied().fold(1.0, f64::min);
            assert!(1.0 - least <= for_absent(name), "{name}: {least}");
        }
    }
}

#[test]
fn regressors_beat_the_mean() {
    let (x, score) = problem(600, 1);
    let (x_new, score_new) = problem(400, 2);
    let far = |s: &[f64]| -> Vec<f64> { s.iter().map(|v| 1e3 + 10.0 * v).collect() };
    let y = Values::new(far(&score)).unwrap();
    let expected = far(&score_new);
    let rmse = |p: &Values| {
        let squares = p.as_slice().iter().zip(&expected);
        (squares.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 400.0).sqrt()
    };
    let prior = fit_values(&regressors()[0].1, &x, &y).unwrap();
    let base = rmse(&prior.predict(&x_new).unwrap());
    for (name, model) in regressors().into_iter().skip(1) {
        let fitted = fit_values(&model, &x, &y).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = rmse(&fitted.predict(&x_new).unwrap());
        assert!(
            found < 0.7 * base,
            "{name}: RMSE {found}, of the mean {base}"
        );
        let flat = Values::new(vec![3.0; 600]).unwrap();
        let p = fit_values(&model, &x, &flat)
            .unwrap()
            .predict(&x_new)
            .unwrap();
        // A network approaches it.
        let allowed = if name == "network" { 0.01 } else { 0.0 };
        for &v in p.as_slice() {
            assert!((v - 3.0).abs() <= allowed, "{name}: {v}");
        }
    }
}

#[test]
fn one_feature_and_constant_features() {
    let (x, score) = problem(200, 1);
    let y = two_classes(&score, 0.4, 3);
    let values = Values::new(score.clone()).unwrap();
    let one = Features::from_columns(fields(1), vec![x.column(0).to_vec()]).unwrap();
    let constant =
        Features::from_columns(fields(2), vec![x.column(0).to_vec(), vec![0.1; 200]]).unwrap();
    let nothing = Features::from_columns(fields(1), vec![vec![0.1; 200]]).unwrap();
    for (name, model) in classifiers() {
        for x in [&one, &constant] {
            let p = fit(&model, x, &y).unwrap_or_else(|e| panic!("{name}: {e}"));
            let found = auc(p.predict(x).unwrap().positive(), y.codes());
            assert!(name == "prior" || found > 0.7, "{name}: AUC {found}");
        }
        let p = fit(&model, &nothing, &y).unwrap_or_else(|e| panic!("{name}: {e}"));
        for &p in p.predict(&nothing).unwrap().positive() {
            assert!((p - 0.4).abs() < 0.05, "{name}: {p}");
        }
    }
    for (name, model) in regressors() {
        for x in [&one, &constant, &nothing] {
            let fitted = fit_values(&model, x, &values).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(fitted.predict(x).unwrap().as_slice().len(), 200);
        }
    }
}

#[test]
fn few_rows_give_a_prediction_or_an_error() {
    for n in 1_u32..=5 {
        let (x, score) = problem(n as usize, 1);
        let codes: Vec<u32> = (0..n).map(|i| i % 2).collect();
        let y = Labels::new(codes, vec!["a".into(), "b".into()]).unwrap();
        let many: Vec<u32> = (0..n).map(|i| i % 3).collect();
        let many = Labels::new(many, vec!["a".into(), "b".into(), "c".into()]).unwrap();
        for (name, model) in classifiers() {
            for y in [&y, &many] {
                match fit(&model, &x, y).and_then(|fitted| fitted.predict(&x)) {
                    Ok(p) => assert_probabilities(name, &p, n as usize, y.classes()),
                    Err(e) => assert!(!e.to_string().contains("panicked"), "{name}, {n}: {e}"),
                }
            }
        }
        let y = Values::new(score).unwrap();
        for (name, model) in regressors() {
            match fit_values(&model, &x, &y).and_then(|fitted| fitted.predict(&x)) {
                Ok(p) => assert_eq!(p.as_slice().len(), n as usize),
                Err(e) => assert!(!e.to_string().contains("panicked"), "{name}, {n}: {e}"),
            }
        }
    }
}

#[test]
fn no_rows_to_predict_is_fine() {
    let (x, score) = problem(100, 1);
    let y = two_classes(&score, 0.4, 3);
    for (name, model) in classifiers() {
        let p = fit(&model, &x, &y).unwrap().predict(&x.take(&[])).unwrap();
        assert_eq!(p.n_rows(), 0, "{name}");
    }
}

#[test]
fn missing_and_infinite_values_are_taken_or_errors_that_name_the_feature() {
    let (x, score) = problem(100, 1);
    let y = two_classes(&score, 0.4, 3);
    let values = Values::new(score).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let mut columns: Vec<Vec<f32>> = (0..4).map(|j| x.column(j).to_vec()).collect();
        columns[2][7] = bad;
        let x_bad = Features::from_columns(fields(4), columns).unwrap();
        let check = |name: &str, error: Error| {
            assert_eq!(error.column(), Some("x2"), "{name}: {error}");
            assert_eq!(error.row(), Some(7), "{name}: {error}");
        };
        for (name, model) in classifiers().into_iter().skip(1) {
            let fitted = fit(&model, &x, &y).unwrap();
            if takes(name, bad) {
                assert_probabilities(name, &fitted.predict(&x_bad).unwrap(), 100, y.classes());
                let fitted = fit(&model, &x_bad, &y).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_probabilities(name, &fitted.predict(&x_bad).unwrap(), 100, y.classes());
                continue;
            }
            let error = fit(&model, &x_bad, &y).map(|_| ());
            check(name, error.expect_err(name));
            check(name, fitted.predict(&x_bad).unwrap_err());
        }
        for (name, model) in regressors().into_iter().skip(1) {
            let fitted = fit_values(&model, &x, &values).unwrap();
            if takes(name, bad) {
                assert!(fitted.predict(&x_bad).is_ok(), "{name}");
                assert!(fit_values(&model, &x_bad, &values).is_ok(), "{name}");
                continue;
            }
            let error = fit_values(&model, &x_bad, &values).map(|_| ());
            check(name, error.expect_err(name));
            check(name, fitted.predict(&x_bad).unwrap_err());
        }
    }
}

#[test]
fn no_feature_is_an_error_but_for_the_prior() {
    let x = Features::new(vec![], 4, vec![]).unwrap();
    let y = Labels::new(vec![0, 1, 0, 1], vec!["a".into(), "b".into()]).unwrap();
    for (name, model) in classifiers() {
        match fit(&model, &x, &y) {
            Ok(_) => assert_eq!(name, "prior"),
            Err(e) => assert!(
                e.to_string().contains("at least one feature"),
                "{name}: {e}"
            ),
        }
    }
}

#[test]
fn other_features_or_lengths_are_errors() {
    let (x, score) = problem(100, 1);
    let y = two_classes(&score, 0.4, 3);
    let columns = (0..4).map(|j| x.column(j).to_vec()).collect();
    let names = ["x0", "other", "x2", "x3"].map(Feature::number).to_vec();
    let other = Features::from_columns(names, columns).unwrap();
    let (longer, _) = problem(101, 1);
    for (name, model) in classifiers() {
        let error = fit(&model, &x, &y).unwrap().predict(&other).unwrap_err();
        assert!(error.to_string().contains("x1"), "{name}: {error}");
        if name != "prior" {
            assert!(fit(&model, &longer, &y).is_err(), "{name}");
        }
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let (x, score) = problem(300, 1);
    let two = two_classes(&score, 0.3, 3);
    let three = Labels::new(
        score
            .iter()
            .map(|&s| u32::from(s > 0.0) + u32::from(s > 1.0))
            .collect::<Vec<_>>(),
        vec!["a".into(), "b".into(), "c".into()],
    )
    .unwrap();
    let values = Values::new(score).unwrap();
    let run = || {
        let mut bits: Vec<(&str, Vec<u64>)> = Vec::new();
        for y in [&two, &three] {
            for (name, model) in classifiers() {
                let p = fit(&model, &x, y).unwrap().predict(&x).unwrap();
                bits.push((name, p.positive().iter().map(|v| v.to_bits()).collect()));
            }
        }
        for (name, model) in regressors() {
            let p = fit_values(&model, &x, &values)
                .unwrap()
                .predict(&x)
                .unwrap();
            bits.push((name, p.as_slice().iter().map(|v| v.to_bits()).collect()));
        }
        bits
    };
    let one = on_threads(1, run);
    for n_threads in [2, 8] {
        for (a, b) in one.iter().zip(on_threads(n_threads, run)) {
            assert!(*a == b, "{} on {n_threads} threads", a.0);
        }
    }
}

#[test]
fn weights_count_or_are_refused() {
    let (x, score) = problem(300, 1);
    let y = two_classes(&score, 0.3, 3);
    let values = Values::new(score.clone()).unwrap();
    let weights: Vec<f64> = score
        .iter()
        .map(|&s| if s > 0.0 { 3.0 } else { 0.5 })
        .collect();
    let context = FitContext::default()
        .with_seed(Seed::new(5))
        .with_weights(Some(&weights));
    let x_in = x.clone().assume_in_sample();
    let refused = |name: &str, error: &Error| {
        assert!(
            matches!(error.kind(), ErrorKind::Unsupported { .. }),
            "{name}: {error}"
        );
        assert!(
            error.to_string().contains("takes no weights"),
            "{name}: {error}"
        );
    };
    for (name, model) in classifiers() {
        match model.fit_dyn(&x_in, &y, &context) {
            Ok(fitted) => {
                let plain = fit(&model, &x, &y).unwrap().predict(&x).unwrap();
                let p = fitted.predict(&x).unwrap();
                let rise = |p: &Probabilities| p.positive().iter().sum::<f64>();
                assert!(rise(&p) > rise(&plain), "{name}");
            }
            Err(error) => refused(name, &error),
        }
    }
    for (name, model) in regressors() {
        match model.fit_dyn(&x_in, &values, &context) {
            Ok(fitted) => {
                let plain = fit_values(&model, &x, &values)
                    .unwrap()
                    .predict(&x)
                    .unwrap();
                assert_ne!(fitted.predict(&x).unwrap(), plain, "{name}");
            }
            Err(error) => refused(name, &error),
        }
    }
}

#[test]
fn the_prior_is_the_weighted_share() {
    let (x, _) = problem(4, 1);
    let y = Labels::new(vec![0, 1, 1, 2], ["a", "b", "c"].map(String::from).to_vec()).unwrap();
    let weights = [1.0, 2.0, 3.0, 4.0];
    let context = FitContext::default().with_weights(Some(&weights));
    let x_in = x.clone().assume_in_sample();
    let fitted = Prior::new().fit(&x_in, &y, &context).unwrap();
    let p = fitted.predict(&x).unwrap();
    assert_close(p.column(0)[0], 0.1, 1e-12);
    assert_close(p.column(1)[3], 0.5, 1e-12);
    let y = Values::new(vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let fitted = Prior::new().fit(&x_in, &y, &context).unwrap();
    assert_close(fitted.predict(&x).unwrap().as_slice()[0], 3.0, 1e-12);
}

#[cfg(feature = "linfa")]
mod linfa {
    use super::*;
    use stackfold::model::linfa as l;

    #[test]
    fn logistic_finds_the_optimum() {
        // At the optimum the gradient is zero: sum_i (p_i - y_i) z_ij + alpha w_j = 0.
        let (x, score) = problem(500, 1);
        for share in [0.2, 0.8] {
            let y = two_classes(&score, share, 3);
            let model = l::LogisticRegression::new().with_tolerance(1e-8);
            let x_in = x.clone().assume_in_sample();
            let fitted = model.fit(&x_in, &y, &FitContext::default()).unwrap();
            let p = fitted.predict(&x).unwrap();
            let errors: Vec<f64> = p
                .positive()
                .iter()
                .zip(y.codes())
                .map(|(p, &c)| p - f64::from(c))
                .collect();
            assert_close(errors.iter().sum::<f64>(), 0.0, 1e-4);
            for j in 0..4 {
                let column: Vec<f64> = x.column(j).iter().map(|&v| f64::from(v)).collect();
                let mean = column.iter().sum::<f64>() / 500.0;
                let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 500.0;
                let deviation = variance.sqrt();
                let slope = fitted.model().unwrap().coefficients()[0][j] * deviation;
                let gradient: f64 = column
                    .iter()
                    .zip(&errors)
                    .map(|(v, e)| e * (v - mean) / deviation)
                    .sum();
                assert_close(gradient + slope, 0.0, 1e-4);
            }
        }
    }

    #[test]
    fn naive_bayes_is_finite_for_a_thousand_features() {
        let seed = Seed::new(3);
        let columns: Vec<Vec<f32>> = (0..1000)
            .map(|j| (0..60).map(|i| as_f32(seed.at(j).normal(i))).collect())
            .collect();
        let x = Features::from_columns(fields(1000), columns).unwrap();
        let codes: Vec<u32> = (0..60).map(|i| i % 2).collect();
        let y = Labels::new(codes, vec!["a".into(), "b".into()]).unwrap();
        let model: Classifier = Arc::new(l::GaussianNaiveBayes::new());
        let p = fit(&model, &x, &y).unwrap().predict(&x).unwrap();
        assert!(auc(p.positive(), y.codes()) > 0.99);
    }

    #[cfg(feature = "smartcore")]
    #[test]
    fn naive_bayes_agrees_with_smartcores() {
        use stackfold::model::smartcore as s;
        let (x, score) = problem(400, 1);
        let y = two_classes(&score, 0.3, 3);
        let ours: Classifier = Arc::new(l::GaussianNaiveBayes::new().with_smoothing(1e-9));
        let theirs: Classifier = Arc::new(s::GaussianNaiveBayes::new().with_smoothing(1e-9));
        let p = fit(&ours, &x, &y).unwrap().predict(&x).unwrap();
        let q = fit(&theirs, &x, &y).unwrap().predict(&x).unwrap();
        for (a, b) in p.positive().iter().zip(q.positive()) {
            assert_close(*a, *b, 1e-6);
        }
    }

    #[cfg(feature = "smartcore")]
    #[test]
    fn ridge_agrees_with_smartcores() {
        use stackfold::model::smartcore as s;
        let (x, score) = problem(400, 1);
        let y = Values::new(score).unwrap();
        let ours: Regressor = Arc::new(l::Ridge::new().with_alpha(20.0));
        let theirs: Regressor = Arc::new(s::Ridge::new().with_alpha(20.0));
        let p = fit_values(&ours, &x, &y).unwrap().predict(&x).unwrap();
        let q = fit_values(&theirs, &x, &y).unwrap().predict(&x).unwrap();
        for (a, b) in p.as_slice().iter().zip(q.as_slice()) {
            assert_close(*a, *b, 1e-6);
        }
    }

    #[cfg(feature = "smartcore")]
    #[test]
    fn logistic_agrees_with_smartcores_for_two_and_three_classes() {
        use stackfold::model::smartcore as s;
        let (x, score) = problem(400, 1);
        let two = two_classes(&score, 0.3, 3);
        let codes: Vec<u32> = score
            .iter()
            .map(|&s| u32::from(s > 0.0) + u32::from(s > 1.0))
            .collect();
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let three = Labels::new(codes, names).unwrap();
        let tight = l::LogisticRegression::new().with_tolerance(1e-7);
        let ours: Classifier = Arc::new(tight.with_max_iterations(1000));
        let theirs: Classifier = Arc::new(s::LogisticRegression::new());
        for y in [&two, &three] {
            let p = fit(&ours, &x, y).unwrap().predict(&x).unwrap();
            let q = fit(&theirs, &x, y).unwrap().predict(&x).unwrap();
            for (a, b) in p.positive().iter().zip(q.positive()) {
                assert!((a - b).abs() < 1e-3, "{a} and {b}");
            }
        }
    }

    /// Two columns of 0 and 1, four cells of which one alone is mostly positive.
    fn cells() -> (Features<OutOfSample>, Labels) {
        let mut columns = vec![Vec::new(), Vec::new()];
        let mut codes = Vec::new();
        for i in 0..400_u16 {
            let (a, b) = (i % 2, (i / 2) % 2);
            columns[0].push(f32::from(a));
            columns[1].push(f32::from(b));
            let positive = match (a, b) {
                (1, 1) => i % 40 != 3,
                (1, 0) => i % 40 < 8,
                (0, 1) => i % 40 < 24,
                _ => i % 40 == 0,
            };
            codes.push(u32::from(positive));
        }
        let y = Labels::new(codes, vec!["no".into(), "yes".into()]).unwrap();
        (Features::from_columns(fields(2), columns).unwrap(), y)
    }

    /// How many of the four cells get a probability of their own.
    fn distinct_cells(model: &Classifier) -> usize {
        let (x, y) = cells();
        let p = fit(model, &x, &y).unwrap().predict(&x).unwrap();
        let mut distinct: Vec<u64> = p.positive().iter().map(|v| v.to_bits()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.len()
    }

    /// The documented defect: if this fails, linfa has mended its tree, and the docs should say
    /// so.
    #[test]
    fn the_tree_misses_splits_on_tied_values() {
        let model = l::DecisionTree::new().with_min_weight_leaf(1.0);
        assert!(distinct_cells(&(Arc::new(model) as Classifier)) < 4);
    }

    #[cfg(feature = "smartcore")]
    #[test]
    fn smartcores_tree_splits_tied_values() {
        let model = stackfold::model::smartcore::DecisionTree::new().with_min_samples_leaf(1);
        assert_eq!(distinct_cells(&(Arc::new(model) as Classifier)), 4);
    }

    #[test]
    fn repeated_trees_are_the_same() {
        let (x, y) = cells();
        let model: Classifier = Arc::new(l::DecisionTree::new());
        let first = fit(&model, &x, &y).unwrap().predict(&x).unwrap();
        for _ in 0..20 {
            assert_eq!(fit(&model, &x, &y).unwrap().predict(&x).unwrap(), first);
        }
    }

    #[test]
    #[cfg(feature = "svm")]
    fn a_kernel_that_does_not_fit_in_memory_is_refused() {
        let (x, score) = problem(2000, 1);
        let y = two_classes(&score, 0.4, 3);
        let model = l::SupportVectorMachine::new().with_max_bytes(1 << 20);
        let error = fit(&(Arc::new(model) as Classifier), &x, &y).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("memory limit") && text.contains("2000 rows"),
            "{text}"
        );
        let small = model.with_max_rows(Some(300));
        fit(&(Arc::new(small) as Classifier), &x, &y).unwrap();
    }

    #[test]
    #[cfg(feature = "svm")]
    fn svm_margins_are_calibrated_without_splitting_groups() {
        // Each row is there twice under one group, its label by chance. Margins of rows whose twin
        // was fitted on would look informative; those of whole groups do not.
        let seed = Seed::new(11);
        let n = 200_usize;
        let column: Vec<Vec<f32>> = (0..30)
            .map(|j| {
                (0..n)
                    .map(|i| as_f32(seed.at(j).normal(i as u64 / 2)))
                    .collect()
            })
            .collect();
        let x = Features::from_columns(fields(30), column).unwrap();
        let codes: Vec<u32> = (0..n)
            .map(|i| u32::from(seed.child("y").uniform(i as u64 / 2) < 0.5))
            .collect();
        let y = Labels::new(codes, vec!["a".into(), "b".into()]).unwrap();
        let groups: Vec<u32> = (0_u32..).take(n).map(|i| i / 2).collect();
        let model = l::SupportVectorMachine::new();
        let spread = |groups: Option<&[u32]>| {
            let context = FitContext::default().with_groups(groups);
            let x_in = x.clone().assume_in_sample();
            let p = model.fit(&x_in, &y, &context).unwrap().predict(&x).unwrap();
            p.positive().iter().map(|p| (p - 0.5).abs()).sum::<f64>() / n as f64
        };
        assert!(spread(Some(&groups)) < 0.2, "{}", spread(Some(&groups)));
        assert!(spread(None) > 0.35, "{}", spread(None));
    }

    #[test]
    fn options_outside_their_domain_are_named() {
        let (x, score) = problem(50, 1);
        let y = two_classes(&score, 0.4, 3);
        let bad: Vec<(&str, Classifier)> = vec![
            (
                "alpha",
                Arc::new(l::LogisticRegression::new().with_alpha(-1.0)),
            ),
            (
                "smoothing",
                Arc::new(l::GaussianNaiveBayes::new().with_smoothing(f64::NAN)),
            ),
            (
                "max_depth",
                Arc::new(l::DecisionTree::new().with_max_depth(Some(0))),
            ),
            #[cfg(feature = "svm")]
            ("c", Arc::new(l::SupportVectorMachine::new().with_c(0.0))),
        ];
        for (parameter, model) in bad {
            let error = fit(&model, &x, &y).unwrap_err();
            assert!(error.to_string().starts_with(parameter), "{error}");
        }
    }
}

#[cfg(feature = "smartcore")]
mod smartcore {
    use super::*;
    use stackfold::model::adapter::MaxFeatures;
    use stackfold::model::smartcore as s;

    /// The documented defects of what is not offered: if this fails, smartcore has mended its
    /// classification tree.
    #[test]
    fn the_classification_tree_knows_no_probability_and_misses_ties() {
        use ::smartcore::linalg::basic::arrays::Array;
        use ::smartcore::linalg::basic::matrix::DenseMatrix;
        use ::smartcore::tree::decision_tree_classifier::DecisionTreeClassifier;
        use ::smartcore::tree::decision_tree_classifier::DecisionTreeClassifierParameters;
        // One column of 0 and 1: 3 of 4 positive rows at 1, 1 of 4 at 0. Whatever the order of
        // equal labels at the boundary, a split there is best.
        let values = vec![0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        let x = DenseMatrix::new(8, 1, values, true).unwrap();
        let y = vec![1_u32, 0, 0, 0, 0, 1, 1, 1];
        let parameters = DecisionTreeClassifierParameters::default();
        let tree = DecisionTreeClassifier::fit(&x, &y, parameters).unwrap();
        let p = tree.predict_proba(&x).unwrap();
        assert!(p.iterator(0).all(|&v: &f64| v == 0.0 || v == 1.0));
        // The regression tree on 0 and 1: the shares.
        let x = Features::from_columns(
            fields(1),
            vec![vec![0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]],
        )
        .unwrap();
        let y = Labels::new(y, vec!["a".into(), "b".into()]).unwrap();
        let model = s::DecisionTree::new().with_min_samples_leaf(1);
        let p = fit(&(Arc::new(model) as Classifier), &x, &y).unwrap();
        let p = p.predict(&x).unwrap();
        assert_eq!(
            p.positive(),
            [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75]
        );
    }

    #[test]
    fn neighbours_agree_with_a_naive_search() {
        let (x, score) = problem(150, 1);
        let y = two_classes(&score, 0.4, 3);
        let model = s::KNearestNeighbors::new().with_n_neighbors(7);
        let p = fit(&(Arc::new(model) as Classifier), &x, &y).unwrap();
        let (x_new, _) = problem(20, 2);
        let p = p.predict(&x_new).unwrap();
        let moments: Vec<(f64, f64)> = (0..4)
            .map(|j| {
                let v: Vec<f64> = x.column(j).iter().map(|&v| f64::from(v)).collect();
                let mean = v.iter().sum::<f64>() / 150.0;
                let variance = v.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 150.0;
                (mean, variance.sqrt())
            })
            .collect();
        for row in 0..20 {
            let mut distances: Vec<(f64, u32)> = (0..150)
                .map(|i| {
                    let squares = (0..4).map(|j| {
                        let gap = f64::from(x.column(j)[i]) - f64::from(x_new.column(j)[row]);
                        (gap / moments[j].1).powi(2)
                    });
                    (squares.sum::<f64>(), y.codes()[i])
                })
                .collect();
            distances.sort_by(|a, b| a.0.total_cmp(&b.0));
            let positive: u32 = distances[..7].iter().map(|d| d.1).sum();
            assert_close(p.positive()[row], f64::from(positive) / 7.0, 1e-12);
        }
    }

    #[test]
    fn naive_bayes_survives_many_rows() {
        // On smartcore's own matrix, this many rows overflow the stack.
        let n = 60_000;
        let column: Vec<f32> = (0..n).map(|i| as_f32(Seed::new(1).normal(i))).collect();
        let codes: Vec<u32> = column.iter().map(|v| u32::from(*v > 0.3)).collect();
        let x = Features::from_columns(fields(1), vec![column]).unwrap();
        let y = Labels::new(codes, vec!["a".into(), "b".into()]).unwrap();
        let model: Classifier = Arc::new(s::GaussianNaiveBayes::new());
        let p = fit(&model, &x, &y).unwrap().predict(&x).unwrap();
        assert!(n_equal(&p.most_probable(), y.codes()) > 57_000);
    }

    #[test]
    fn a_forest_that_does_not_fit_in_memory_is_refused() {
        let (x, score) = problem(2000, 1);
        let y = two_classes(&score, 0.4, 3);
        let model = s::RandomForest::new().with_max_bytes(1000);
        let error = fit(&(Arc::new(model) as Classifier), &x, &y).unwrap_err();
        assert!(error.to_string().contains("memory limit"), "{error}");
    }

    #[test]
    fn ridge_wants_more_rows_than_features() {
        let (x, score) = problem(4, 1);
        let y = Values::new(score).unwrap();
        let model: Regressor = Arc::new(s::Ridge::new());
        let error = fit_values(&model, &x, &y).unwrap_err();
        assert!(error.to_string().contains("more rows than"), "{error}");
    }

    #[test]
    fn options_outside_their_domain_are_named() {
        let (x, score) = problem(50, 1);
        let y = two_classes(&score, 0.4, 3);
        let share = MaxFeatures::Share(1.5);
        let bad: Vec<(&str, Classifier)> = vec![
            (
                "alpha",
                Arc::new(s::LogisticRegression::new().with_alpha(f64::NAN)),
            ),
            (
                "max_depth",
                Arc::new(s::DecisionTree::new().with_max_depth(Some(0))),
            ),
            ("n_trees", Arc::new(s::RandomForest::new().with_n_trees(0))),
            (
                "max_features",
                Arc::new(s::ExtraTrees::new().with_max_features(share)),
            ),
            (
                "n_neighbors",
                Arc::new(s::KNearestNeighbors::new().with_n_neighbors(0)),
            ),
            (
                "max_rows",
                Arc::new(s::KNearestNeighbors::new().with_max_rows(Some(0))),
            ),
            (
                "subsample",
                Arc::new(s::GradientBoosting::new().with_subsample(0.0)),
            ),
        ];
        for (parameter, model) in bad {
            let error = fit(&model, &x, &y).unwrap_err();
            assert!(error.to_string().starts_with(parameter), "{error}");
        }
    }
}
