//! Ordered target statistics in place of codes of many levels.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use stackfold::data::{Feature, FitContext};
use stackfold::metrics::binary::roc_auc;
use stackfold::model::hist::{
    Binned, Binning, EarlyStopping, FittedHistGradientBoosting, HighCardinality,
    HistGradientBoosting, Importance, Monotone,
};
use stackfold::prelude::*;
use stackfold::random::Seed;

use crate::support::{assert_close, binary, on_threads};

const ORDERED: HighCardinality = HighCardinality::OrderedStatistic { more_than: 50 };

/// A random number, a random code of so many levels, and a code of three.
#[allow(clippy::cast_possible_truncation, reason = "features are f32")]
fn table(n: usize, n_codes: u32, seed: u64) -> Features<OutOfSample> {
    let seed = Seed::new(seed);
    let draw = |name: &str, i: usize| seed.child(name).uniform(i as u64);
    let column = |f: &dyn Fn(usize) -> f64| (0..n).map(|i| f(i) as f32).collect();
    let fields = vec![
        Feature::number("x"),
        Feature::code("many", n_codes),
        Feature::code("few", 3),
    ];
    let columns = vec![
        column(&|i| draw("x", i)),
        column(&|i| (draw("many", i) * f64::from(n_codes)).floor()),
        column(&|i| (draw("few", i) * 3.0).floor()),
    ];
    Features::from_columns(fields, columns).unwrap()
}

fn coins(n: usize, seed: u64) -> Labels {
    let draws = (0..n as u64).map(|i| u32::from(Seed::new(seed).uniform(i) < 0.4));
    binary(&draws.collect::<Vec<u32>>())
}

fn fit<Y: Target>(
    model: &HistGradientBoosting,
    x: &Features<OutOfSample>,
    y: &Y,
) -> FittedHistGradientBoosting<Y> {
    let context = FitContext::default().with_seed(Seed::new(3));
    model
        .fit(&x.clone().assume_in_sample(), y, &context)
        .unwrap()
}

fn auc(fitted: &FittedHistGradientBoosting<Labels>, x: &Features<OutOfSample>, y: &Labels) -> f64 {
    let is_positive: Vec<bool> = y.codes().iter().map(|&code| code == 1).collect();
    roc_auc(&is_positive, &fitted.raw_scores(x).unwrap()[0], None).unwrap()
}

/// Each code has an effect, which a level's rows tell.
fn effect(code: f32) -> f64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a code"
    )]
    Seed::new(77).normal(code as u64)
}

fn effects(x: &Features<OutOfSample>) -> Vec<f64> {
    let row = |i: usize| effect(x.column(1)[i]) + f64::from(x.column(0)[i]);
    (0..x.n_rows()).map(row).collect()
}

fn classes(x: &Features<OutOfSample>, n_classes: u32) -> Labels {
    let class = |v: f64| (1..n_classes).filter(|&k| v > f64::from(k) - 1.0).count();
    let codes: Vec<u32> = effects(x)
        .iter()
        .map(|&v| u32::try_from(class(v)).unwrap())
        .collect();
    Labels::new(codes, (0..n_classes).map(|k| format!("c{k}")).collect()).unwrap()
}

/// A code of 2,000 levels that says nothing is worth no more than a random number, though a
/// statistic with the row's own target in it would tell much of it.
#[test]
fn a_code_of_noise_teaches_nothing() {
    let (x, test) = (table(20_000, 2000, 1), table(20_000, 2000, 2));
    let (y, y_test) = (coins(20_000, 5), coins(20_000, 6));
    let model = HistGradientBoosting::new().with_n_trees(40);
    let fitted = fit(&model.clone().with_high_cardinality(ORDERED), &x, &y);
    let gains = fitted.feature_importance(Importance::Gain);
    assert!(gains[1].1 < 1.2 * gains[0].1, "{gains:?}");
    let found = auc(&fitted, &test, &y_test);
    assert!((found - 0.5).abs() < 0.02, "{found}");

    // With each level's mean over all rows in its place, the model learns its own targets.
    let mut sums = vec![(0.0_f32, 0.0_f32); 2000];
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a code"
    )]
    let level = |i: usize| x.column(1)[i] as usize;
    for (i, &code) in y.codes().iter().enumerate() {
        let sum = &mut sums[level(i)];
        *sum = (sum.0 + 1.0, sum.1 + if code == 1 { 1.0 } else { 0.0 });
    }
    let means = (0..20_000).map(|i| sums[level(i)].1 / sums[level(i)].0);
    let columns = vec![x.column(0).to_vec(), means.collect()];
    let fields = vec![Feature::number("x"), Feature::number("mean")];
    let leaky = fit(
        &model,
        &Features::from_columns(fields, columns).unwrap(),
        &y,
    );
    let gains = leaky.feature_importance(Importance::Gain);
    assert!(gains[1].1 > 3.0 * gains[0].1, "{gains:?}");
}

#[test]
fn levels_that_matter_are_told_apart() {
    let (x, test) = (table(20_000, 1000, 1), table(5000, 1000, 2));
    let (y, truth) = (Values::new(effects(&x)).unwrap(), effects(&test));
    let error = |model: &HistGradientBoosting| {
        let scores = fit(model, &x, &y).raw_scores(&test).unwrap();
        let squares = scores[0].iter().zip(&truth).map(|(s, t)| (s - t) * (s - t));
        squares.sum::<f64>() / truth.len() as f64
    };
    let model = HistGradientBoosting::new();
    let (bins, ordered) = (error(&model), error(&model.with_high_cardinality(ORDERED)));
    assert!(ordered < 0.2 && ordered < 0.5 * bins, "{ordered} {bins}");
}

/// Rows one by one, in batches and after serialisation; codes missing, unseen and none at all.
#[track_caller]
fn check_predictions<Y: Target + serde::Serialize + serde::de::DeserializeOwned>(y: &Y) {
    let x = table(3000, 300, 1);
    let mut many = x.column(1).to_vec();
    for value in many.iter_mut().step_by(7) {
        *value = f32::NAN;
    }
    let with = |many: Vec<f32>| {
        let columns = vec![x.column(0).to_vec(), many, x.column(2).to_vec()];
        Features::from_columns(x.fields().to_vec(), columns).unwrap()
    };
    let train = with(many.clone());
    let fitted = fit(
        &HistGradientBoosting::new()
            .with_n_trees(15)
            .with_high_cardinality(ORDERED),
        &train,
        y,
    );
    let odd = [f32::NAN, 300.0, 1e9, -1.0, 2.5, f32::INFINITY];
    for (value, odd) in many
        .iter_mut()
        .skip(3)
        .step_by(5)
        .zip(odd.into_iter().cycle())
    {
        *value = odd;
    }
    let new = with(many);
    let raw = fitted.raw_scores(&new).unwrap();
    let written = serde_json::to_value(&fitted).unwrap();
    let read: FittedHistGradientBoosting<Y> = serde_json::from_value(written).unwrap();
    assert!(read.raw_scores(&new).unwrap() == raw, "serialised");
    let prediction = fitted.predict(&new).unwrap();
    let outputs = prediction.informative();
    let mut out = vec![0.0; raw.len()];
    for i in 0..new.n_rows() {
        let row: Vec<f32> = (0..3).map(|j| new.column(j)[i]).collect();
        fitted.predict_row(&row, &mut out).unwrap();
        for (k, &value) in outputs.clone().zip(&out) {
            assert_close(value, prediction.column(k)[i], 1e-12);
        }
    }
    // Unseen codes and what is no code are alike; missing values were a level.
    let alike = |i: usize, j: usize| {
        let rows = [i, j].map(|at| {
            let mut out = vec![0.0; raw.len()];
            let row = [0.5, odd[at], 1.0];
            fitted.predict_row(&row, &mut out).map(|()| out).unwrap()
        });
        rows[0] == rows[1]
    };
    assert!(alike(1, 2) && alike(1, 3) && alike(1, 4) && alike(1, 5));

    // Importance and SHAP values are the code's.
    assert_eq!(fitted.features(), x.fields());
    let splits = fitted.feature_importance(Importance::Splits);
    assert!(splits.len() == 3 && splits[1].1 > 0.0);
    let shap = fitted.shap_values(&new).unwrap();
    for (shap, raw) in shap.iter().zip(&raw) {
        assert_eq!(shap.features().len(), 3);
        for (i, &score) in raw.iter().enumerate() {
            let sum: f64 = (0..3).map(|j| shap.column(j)[i]).sum();
            assert_close(shap.base() + sum, score, 1e-12);
        }
    }
}

#[test]
fn a_fitted_model_takes_codes() {
    let x = table(3000, 300, 1);
    check_predictions(&Values::new(effects(&x)).unwrap());
    check_predictions(&classes(&x, 2));
    check_predictions(&classes(&x, 3));
}

#[test]
fn codes_of_few_levels_stay_as_they_are() {
    let x = table(2000, 40, 1);
    let y = classes(&x, 3);
    let model = HistGradientBoosting::new().with_n_trees(10);
    let [bins, ordered] = [HighCardinality::Bins, ORDERED]
        .map(|option| fit(&model.clone().with_high_cardinality(option), &x, &y));
    assert_eq!(
        serde_json::to_string(&bins).unwrap(),
        serde_json::to_string(&ordered).unwrap()
    );
}

/// Late targets do not reach early rows: of two models whose targets differ in the last rows
/// alone, trees grown on the first rows are the same.
#[test]
fn rows_set_aside_and_later_rows_do_not_reach_training_rows() {
    let x = table(4000, 400, 1);
    let time: Vec<f64> = (0..4000).map(f64::from).collect();
    let context = FitContext::default().with_time(Some(&time));
    let model = HistGradientBoosting::new()
        .with_n_trees(5)
        .with_high_cardinality(ORDERED)
        .with_early_stopping(Some(
            EarlyStopping::new().with_share(0.25).with_patience(50),
        ));
    let targets = effects(&x);
    let mut changed = targets.clone();
    for y in &mut changed[3000..] {
        *y *= 1.0 + 1e-9;
    }
    let raw = |y: Vec<f64>| {
        let train = x.clone().assume_in_sample();
        let fitted = model
            .fit(&train, &Values::new(y).unwrap(), &context)
            .unwrap();
        fitted.raw_scores(&x).unwrap()
    };
    assert_eq!(raw(targets), raw(changed));
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let x = table(3000, 300, 1);
    let y = classes(&x, 3);
    let model = HistGradientBoosting::new()
        .with_n_trees(5)
        .with_high_cardinality(ORDERED);
    let on = |n| on_threads(n, || serde_json::to_string(&fit(&model, &x, &y)).unwrap());
    assert_eq!(on(1), on(8));
}

#[test]
fn what_cannot_be_is_refused() {
    let x = table(1000, 300, 1);
    let (train, y) = (x.clone().assume_in_sample(), classes(&x, 2));
    let context = FitContext::default();
    let model = HistGradientBoosting::new()
        .with_n_trees(2)
        .with_high_cardinality(ORDERED);
    let binned = Binned::new(&x, Binning::new(), None, Seed::new(0)).unwrap();
    let error = model.fit_rows(&binned, None, &y, &context).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("not supported: ordered target"),
        "{error}"
    );
    let fitted = model.fit(&train, &y, &context).unwrap();
    for more in [model.clone(), HistGradientBoosting::new()] {
        let error = more
            .continue_from(&fitted, &train, &y, &context)
            .unwrap_err();
        assert!(
            error.to_string().starts_with("not supported: to continue"),
            "{error}"
        );
    }
    let monotone = model.with_monotone([("many", Monotone::Increasing)]);
    let error = monotone.fit(&train, &y, &context).unwrap_err();
    assert_eq!(
        error.to_string(),
        "monotone must be features that are numbers, not many"
    );
}
