//! Boosting that goes on from a fitted model.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use stackfold::data::{Feature, FitContext};
use stackfold::model::MaxFeatures;
use stackfold::model::hist::{
    EarlyStopping, FittedHistGradientBoosting, HistGradientBoosting, Loss, Sampling,
};
use stackfold::prelude::*;
use stackfold::random::Seed;

/// Two numbers, the second with missing values, and three codes.
#[allow(clippy::cast_possible_truncation, reason = "features are f32")]
fn table(n: usize, seed: u64) -> Features<OutOfSample> {
    let seed = Seed::new(seed);
    let draw = |name: &str, i: usize| seed.child(name).uniform(i as u64);
    let column = |f: &dyn Fn(usize) -> f64| (0..n).map(|i| f(i) as f32).collect();
    let b = |i: usize| {
        if draw("gap", i) < 0.1 {
            f64::NAN
        } else {
            draw("b", i)
        }
    };
    let fields = vec![
        Feature::number("a"),
        Feature::number("b"),
        Feature::code("code", 3),
    ];
    let columns = vec![
        column(&|i| draw("a", i)),
        column(&b),
        column(&|i| (draw("code", i) * 3.0).floor()),
    ];
    Features::from_columns(fields, columns).unwrap()
}

fn value(x: &Features<OutOfSample>, i: usize) -> f64 {
    let [a, b, code] = [0, 1, 2].map(|j| f64::from(x.column(j)[i]));
    let b = if b.is_nan() { 0.3 } else { b };
    (5.0 * a).sin() + b * code + f64::from(u8::from(code > 1.5)) * a
}

fn values(x: &Features<OutOfSample>) -> Values {
    Values::new((0..x.n_rows()).map(|i| value(x, i)).collect::<Vec<f64>>()).unwrap()
}

fn labels(x: &Features<OutOfSample>, n_classes: u32) -> Labels {
    let class = |i| {
        (1..n_classes)
            .filter(|&k| value(x, i) > 0.8 * f64::from(k))
            .count()
    };
    let codes: Vec<u32> = (0..x.n_rows())
        .map(|i| u32::try_from(class(i)).unwrap())
        .collect();
    Labels::new(codes, (0..n_classes).map(|k| format!("c{k}")).collect()).unwrap()
}

fn in_sample(x: &Features<OutOfSample>) -> Features<InSample> {
    x.clone().assume_in_sample()
}

#[track_caller]
fn check_same_bits<Y: Target + serde::Serialize>(
    model: &HistGradientBoosting,
    x: &Features<OutOfSample>,
    y: &Y,
) {
    let context = FitContext::default().with_seed(Seed::new(9));
    let train = in_sample(x);
    let fit = |n| {
        model
            .clone()
            .with_n_trees(n)
            .fit(&train, y, &context)
            .unwrap()
    };
    let more = model.clone().with_n_trees(20);
    let continued = more.continue_from(&fit(30), &train, y, &context).unwrap();
    let json = |fitted: &FittedHistGradientBoosting<Y>| serde_json::to_string(fitted).unwrap();
    assert_eq!(json(&continued), json(&fit(50)));
    assert_ne!(json(&continued), json(&fit(30)));
}

#[test]
fn thirty_rounds_and_twenty_are_fifty() {
    let x = table(700, 1);
    let plain = HistGradientBoosting::new().with_min_samples_leaf(5);
    let drawn = plain
        .clone()
        .with_sampling(Sampling::Share(0.6))
        .with_max_features(MaxFeatures::Count(2))
        .with_max_features_node(MaxFeatures::Count(1));
    let one_sided = plain.clone().with_sampling(Sampling::Gradient {
        top: 0.2,
        other: 0.2,
    });
    for model in [&plain, &drawn, &one_sided] {
        check_same_bits(model, &x, &values(&x));
        check_same_bits(model, &x, &labels(&x, 2));
        check_same_bits(model, &x, &labels(&x, 3));
    }
    check_same_bits(&plain.with_loss(Loss::Absolute), &x, &values(&x));
}

fn squared_error(fitted: &FittedHistGradientBoosting<Values>, x: &Features<OutOfSample>) -> f64 {
    let raw = &fitted.raw_scores(x).unwrap()[0];
    let errors = raw
        .iter()
        .enumerate()
        .map(|(i, score)| (score - value(x, i)).powi(2));
    errors.sum::<f64>() / x.n_rows() as f64
}

#[test]
fn new_rows_and_other_options_make_a_model_better() {
    let (old, new, test) = (table(300, 1), table(2000, 2), table(1000, 3));
    let context = FitContext::default();
    let model = HistGradientBoosting::new().with_n_trees(30);
    let first = model
        .fit(&in_sample(&old), &values(&old), &context)
        .unwrap();
    let more = model
        .with_n_trees(40)
        .with_learning_rate(0.2)
        .with_max_leaves(8);
    let second = more
        .continue_from(&first, &in_sample(&new), &values(&new), &context)
        .unwrap();
    assert_eq!(
        (first.n_trees(), second.n_trees(), second.history().len()),
        (30, 70, 70)
    );
    let errors = [&first, &second].map(|fitted| squared_error(fitted, &test));
    assert!(errors[1] < 0.5 * errors[0], "{errors:?}");
    // The fitted model is as it was, and its trees come first.
    let json = |fitted| serde_json::to_value(fitted).unwrap();
    let trees = |fitted| json(fitted)["trees"].as_array().unwrap().clone();
    assert_eq!(trees(&second)[..30], trees(&first)[..]);
}

/// Bins for missing values, and for what is no code, that the fitted model lacks.
#[test]
fn values_that_only_new_rows_have_are_learned() {
    let n = 300;
    let number: Vec<f32> = (0..n).map(|i| (i % 10) as f32).collect();
    let code: Vec<f32> = (0..n).map(|i| (i % 3) as f32).collect();
    let fields = vec![Feature::number("number"), Feature::code("code", 3)];
    let features = |number: Vec<f32>, code: Vec<f32>| {
        Features::from_columns(fields.clone(), vec![number, code]).unwrap()
    };
    let full = features(number.clone(), code.clone());
    let context = FitContext::default();
    let y: Vec<f64> = number.iter().map(|&x| f64::from(x)).collect();
    let model = HistGradientBoosting::new().with_learning_rate(0.3);
    let first = model
        .fit(&in_sample(&full), &Values::new(y).unwrap(), &context)
        .unwrap();

    for odd in [f32::NAN, 7.5] {
        let is_odd = |i: usize| i % 4 == 1;
        let gaps = (0..n).map(|i| if is_odd(i) { f32::NAN } else { number[i] });
        let no_codes = (0..n).map(|i| if is_odd(i + 1) { odd } else { code[i] });
        let new = features(gaps.collect(), no_codes.collect());
        let value = |i| match (is_odd(i), is_odd(i + 1)) {
            (true, _) => 30.0,
            (_, true) => -20.0,
            _ => f64::from(number[i]),
        };
        let y: Vec<f64> = (0..n).map(value).collect();
        let target = Values::new(y.clone()).unwrap();
        let second = model
            .continue_from(&first, &in_sample(&new), &target, &context)
            .unwrap();
        let scores = second.raw_scores(&new).unwrap();
        for (score, y) in scores[0].iter().zip(&y) {
            assert!((score - y).abs() < 0.5, "{score} {y}");
        }
        // One row at a time gives the same.
        let mut out = [0.0];
        for (i, score) in scores[0].iter().enumerate() {
            let row = [new.column(0)[i], new.column(1)[i]];
            second.predict_row(&row, &mut out).unwrap();
            assert_eq!(out[0].to_bits(), score.to_bits());
        }
    }
}

#[test]
fn early_stopping_may_keep_no_new_round() {
    let x = table(1000, 1);
    let context = FitContext::default().with_seed(Seed::new(4));
    let model = HistGradientBoosting::new()
        .with_n_trees(60)
        .with_early_stopping(Some(EarlyStopping::new().with_patience(5).with_share(0.3)));
    let first = model.fit(&in_sample(&x), &values(&x), &context).unwrap();
    assert_eq!(first.n_trees(), 60);
    // All that is left is noise.
    let noise = (0..).map(|i| Seed::new(8).normal(i));
    let scores = first.raw_scores(&x).unwrap();
    let targets: Vec<f64> = scores[0].iter().zip(noise).map(|(s, e)| s + e).collect();
    let stopped = model
        .with_learning_rate(1.0)
        .continue_from(
            &first,
            &in_sample(&x),
            &Values::new(targets).unwrap(),
            &context,
        )
        .unwrap();
    assert_eq!((stopped.n_trees(), stopped.history().len()), (60, 65));
    assert_eq!(
        stopped.raw_scores(&x).unwrap(),
        first.raw_scores(&x).unwrap()
    );
}

#[test]
fn a_class_that_is_gone_loses_probability() {
    let x = table(600, 1);
    let context = FitContext::default();
    let model = HistGradientBoosting::new().with_n_trees(20);
    let y = labels(&x, 3);
    let first = model.fit(&in_sample(&x), &y, &context).unwrap();
    let rows: Vec<u32> = (0..600).filter(|&i| y.codes()[i as usize] != 2).collect();
    let (few, y_few) = (x.take(&rows), y.take(&rows));
    let second = model
        .continue_from(&first, &in_sample(&few), &y_few, &context)
        .unwrap();
    let mean = |fitted: &FittedHistGradientBoosting<Labels>| {
        fitted.predict(&few).unwrap().column(2).iter().sum::<f64>() / few.n_rows() as f64
    };
    assert!(mean(&second) < 0.5 * mean(&first) && mean(&second) > 0.0);
}

#[test]
fn what_does_not_fit_the_model_is_refused() {
    let x = table(200, 1);
    let context = FitContext::default();
    let model = HistGradientBoosting::new().with_n_trees(3);
    let fitted = model.fit(&in_sample(&x), &labels(&x, 3), &context).unwrap();
    let error = |model: &HistGradientBoosting, x: &Features<OutOfSample>, y: &Labels| {
        let error = model.continue_from(&fitted, &in_sample(x), y, &context);
        error.unwrap_err().to_string()
    };
    let columns = |j: usize, field: Feature| {
        let mut fields = x.fields().to_vec();
        fields[j] = field;
        Features::new(fields, x.n_rows(), x.as_slice().to_vec()).unwrap()
    };
    let y = labels(&x, 3);
    assert_eq!(
        error(&model, &columns(1, Feature::number("z")), &y),
        r#"expected feature "b", as in fitting, found "z""#
    );
    assert_eq!(
        error(&model, &columns(2, Feature::code("code", 4)), &y),
        r#"column "code": expected Code { n_codes: 3 }, as in the fitted model, found Code { n_codes: 4 }"#
    );
    assert_eq!(
        error(&model, &x, &labels(&x, 2)),
        "expected classes c0, c1, c2, as in the fitted model, found c0, c1"
    );
    assert_eq!(
        error(&model.clone().with_n_trees(0), &x, &y),
        "n_trees must be 1 or more, not 0"
    );
    assert_eq!(
        error(&model, &x, &labels(&table(100, 2), 3)),
        "expected 200 rows, as the features have, found 100"
    );
    let regression = model.fit(&in_sample(&x), &values(&x), &context).unwrap();
    let other = model
        .with_loss(Loss::Absolute)
        .continue_from(&regression, &in_sample(&x), &values(&x), &context)
        .unwrap_err();
    assert!(other.to_string().starts_with("loss must be"), "{other}");
}
