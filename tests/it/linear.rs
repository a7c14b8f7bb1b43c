//! The linear models and the naive Bayes of our own: against definitions, peers and hard input.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "tests unwrap in helpers too, and mean exact values where they compare them"
)]

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use stackfold::data::Feature;
use stackfold::model::ClassWeight;
use stackfold::model::bayes::{FittedGaussianNaiveBayes, GaussianNaiveBayes};
use stackfold::model::linear::{FittedLogisticRegression, LogisticRegression};
use stackfold::prelude::*;
use stackfold::progress::{Event, Progress};

use crate::support::{assert_close, binary, on_threads};

fn as_f32(value: f64) -> f32 {
    #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
    let narrow = value as f32;
    narrow
}

fn features(columns: Vec<Vec<f32>>) -> Features<OutOfSample> {
    let names = (0..columns.len()).map(|j| Feature::number(format!("x{j}")));
    Features::from_columns(names.collect(), columns).unwrap()
}

fn labels(codes: &[u32], n_classes: usize) -> Labels {
    let names = (0..n_classes).map(|k| format!("c{k}")).collect();
    Labels::new(codes.to_vec(), names).unwrap()
}

fn fit<E: Estimator<Labels>>(model: &E, x: &Features<OutOfSample>, y: &Labels) -> E::Fitted {
    let context = FitContext::default();
    model
        .fit(&x.clone().assume_in_sample(), y, &context)
        .unwrap()
}

fn fit_weighted<E: Estimator<Labels>>(
    model: &E,
    x: &Features<OutOfSample>,
    y: &Labels,
    weights: &[f64],
) -> E::Fitted {
    let context = FitContext::default().with_weights(Some(weights));
    model
        .fit(&x.clone().assume_in_sample(), y, &context)
        .unwrap()
}

fn error<E: Estimator<Labels>>(model: &E, x: &Features<OutOfSample>, y: &Labels) -> Error {
    let x = x.clone().assume_in_sample();
    model.fit(&x, y, &FitContext::default()).unwrap_err()
}

/// Correlated features on very different scales, and classes that hang on some of them by chance.
fn problem(n: usize, p: usize, n_classes: usize) -> (Features<OutOfSample>, Labels) {
    let seed = Seed::new(8);
    let rows = 0..n as u64;
    let common: Vec<f64> = rows.clone().map(|i| seed.child("f").normal(i)).collect();
    let columns: Vec<Vec<f32>> = (0..p)
        .map(|j| {
            let (seed, scale) = (seed.at(j), 10_f64.powi(i32::try_from(j % 7).unwrap() - 3));
            let values = rows.clone().zip(&common);
            values
                .map(|(i, f)| as_f32(scale * (f + seed.normal(i) + 50.0)))
                .collect()
        })
        .collect();
    let codes: Vec<u32> = rows
        .map(|i| {
            let signal = common[usize::try_from(i).unwrap()] + seed.child("noise").normal(i);
            let cuts = (1..n_classes).map(|k| k as f64 - n_classes as f64 / 2.0);
            u32::try_from(cuts.filter(|&cut| signal > cut).count()).unwrap()
        })
        .collect();
    (features(columns), labels(&codes, n_classes))
}

fn tight() -> LogisticRegression {
    LogisticRegression::new()
        .with_tolerance(1e-10)
        .with_max_iterations(10_000)
}

fn columns_of(p: &Probabilities) -> Vec<Vec<f64>> {
    (0..p.n_columns()).map(|k| p.column(k).to_vec()).collect()
}

fn assert_same(a: &Probabilities, b: &Probabilities, tolerance: f64) {
    for (a, b) in columns_of(a).iter().zip(columns_of(b)) {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= tolerance, "{a} and {b}");
        }
    }
}

fn moments(column: &[f32], weights: &[f64]) -> (f64, f64) {
    let pairs = || column.iter().map(|&v| f64::from(v)).zip(weights);
    let total: f64 = weights.iter().sum();
    let mean = pairs().map(|(v, w)| w * v).sum::<f64>() / total;
    let variance = pairs().map(|(v, w)| w * (v - mean).powi(2)).sum::<f64>() / total;
    (mean, variance)
}

mod peer {
    use super::*;

    const SHOWN: [usize; 5] = [0, 7, 19, 33, 59];

    /// The values of `tests/parity/linear.py`, by name.
    fn values() -> HashMap<&'static str, Vec<f64>> {
        let text = include_str!("../parity/linear.txt");
        assert!(text.starts_with("# scikit-learn 1.9.1"));
        let line = |line: &'static str| {
            let mut parts = line.split(' ');
            let name = parts.next().unwrap();
            (name, parts.map(|v| v.parse().unwrap()).collect())
        };
        text.lines().skip(1).map(line).collect()
    }

    /// The features, the targets by name, and weights of that program.
    fn data() -> (Features<OutOfSample>, [(&'static str, Labels); 2], Vec<f64>) {
        let rows = || (0..60).map(f64::from);
        let column = |f: &dyn Fn(f64) -> f64| rows().map(f).collect::<Vec<f64>>();
        let first = column(&|i| i * 37.0 % 61.0 - 30.0);
        let second = column(&|i| 1000.0 + (i * 17.0 % 23.0) * 2.5);
        let third = column(&|i| (i * 11.0 % 7.0) / 8.0);
        let score = |i: usize| first[i] / 15.0 + (second[i] - 1027.0) / 30.0;
        let noise = column(&|i| (i * 29.0 % 41.0) / 20.0 - 1.0);
        let is_below = |i: usize, shift: f64| u32::from(noise[i] < score(i) + shift);
        let two: Vec<u32> = (0..60).map(|i| is_below(i, 0.0)).collect();
        let three: Vec<u32> = (0..60)
            .map(|i| is_below(i, -0.5) + is_below(i, 0.7))
            .collect();
        let targets = [("two", labels(&two, 2)), ("three", labels(&three, 3))];
        let x = [&first, &second, &third].map(|c| c.iter().map(|&v| as_f32(v)).collect());
        (features(x.to_vec()), targets, column(&|i| i % 3.0 + 0.5))
    }

    fn compare(expected: &[f64], found: &Probabilities, tolerance: f64) {
        let shown = columns_of(found)
            .into_iter()
            .flat_map(|column| SHOWN.map(|row| column[row]));
        let shown: Vec<f64> = shown.collect();
        assert_eq!(shown.len(), expected.len());
        for (found, expected) in shown.iter().zip(expected) {
            assert!(
                (found - expected).abs() < tolerance,
                "found {found}, expected {expected}"
            );
        }
    }

    #[test]
    fn logistic_regression_agrees_with_scikit_learns() {
        let (values, (x, targets, weights)) = (values(), data());
        for (name, y) in &targets {
            for alpha in [1, 20] {
                let model = tight().with_alpha(f64::from(alpha));
                let plain = fit(&model, &x, y).predict(&x).unwrap();
                compare(&values[&*format!("logistic_{name}_{alpha}")], &plain, 1e-6);
                let weighted = fit_weighted(&model, &x, y, &weights).predict(&x).unwrap();
                let name = format!("logistic_{name}_{alpha}_weighted");
                compare(&values[&*name], &weighted, 1e-6);
            }
            let model = tight().with_class_weight(ClassWeight::Balanced);
            let balanced = fit(&model, &x, y).predict(&x).unwrap();
            compare(
                &values[&*format!("logistic_{name}_1_balanced")],
                &balanced,
                1e-6,
            );
        }
    }

    #[test]
    fn naive_bayes_agrees_with_scikit_learns() {
        let (values, (x, targets, weights)) = (values(), data());
        for (name, y) in &targets {
            for (exponent, smoothing) in [(3, 1e-3), (9, 1e-9)] {
                let model = GaussianNaiveBayes::new().with_smoothing(smoothing);
                let plain = fit(&model, &x, y).predict(&x).unwrap();
                compare(&values[&*format!("bayes_{name}_{exponent}")], &plain, 1e-9);
                let weighted = fit_weighted(&model, &x, y, &weights).predict(&x).unwrap();
                let name = format!("bayes_{name}_{exponent}_weighted");
                compare(&values[&*name], &weighted, 1e-9);
            }
        }
    }
}

#[test]
fn at_the_optimum_the_gradient_is_zero() {
    // sum_i w_i (p_ik - y_ik) z_ij + alpha c_kj = 0, and without the penalty for intercepts.
    let weights: Vec<f64> = (0..5_000).map(|i| 0.25 * f64::from(1 + i % 6)).collect();
    for (n_classes, alpha) in [(2, 3.0), (3, 3.0), (4, 500.0)] {
        let (x, y) = problem(5_000, 9, n_classes);
        let fitted = fit_weighted(&tight().with_alpha(alpha), &x, &y, &weights);
        let p = fitted.predict(&x).unwrap();
        let scores = fitted.coefficients();
        assert_eq!(scores.len(), if n_classes == 2 { 1 } else { n_classes });
        for (k, coefficients) in scores.iter().enumerate() {
            let class = if n_classes == 2 { 1 } else { k };
            let rows = p.column(class).iter().zip(y.codes()).zip(&weights);
            let residuals: Vec<f64> = rows
                .map(|((p, &c), w)| w * (p - f64::from(u8::from(c as usize == class))))
                .collect();
            assert_close(residuals.iter().sum(), 0.0, 1e-5);
            for (j, coefficient) in coefficients.iter().enumerate() {
                let (mean, variance) = moments(x.column(j), &weights);
                let deviation = variance.sqrt();
                let rows = x.column(j).iter().zip(&residuals);
                let sum: f64 = rows.map(|(&v, r)| r * (f64::from(v) - mean)).sum();
                let gradient = sum / deviation + alpha * coefficient * deviation;
                assert_close(gradient, 0.0, 1e-5);
            }
        }
    }
}

#[test]
fn the_default_tolerance_ends_close_to_the_optimum() {
    for n_classes in [2, 4] {
        let (x, y) = problem(4_000, 12, n_classes);
        let loss = |model: &LogisticRegression| {
            let p = fit(model, &x, &y).predict(&x).unwrap();
            let rows = y.codes().iter().enumerate();
            rows.map(|(i, &c)| -p.column(c as usize)[i].ln())
                .sum::<f64>()
                / 4_000.0
        };
        let (found, best) = (loss(&LogisticRegression::new()), loss(&tight()));
        assert!((found - best).abs() < 1e-5, "{found} and {best}");
    }
}

#[test]
fn two_classes_among_more_are_two_classes() {
    let (x, y) = problem(500, 4, 2);
    let among: Vec<u32> = y.codes().iter().map(|c| 1 + 2 * c).collect();
    let among = labels(&among, 5);
    let same = |two: Probabilities, five: Probabilities| {
        assert_eq!(five.column(1), two.column(0));
        assert_eq!(five.column(3), two.column(1));
        for absent in [0, 2, 4] {
            assert!(five.column(absent).iter().all(|&p| p == 0.0));
        }
    };
    let model = LogisticRegression::new();
    same(
        fit(&model, &x, &y).predict(&x).unwrap(),
        fit(&model, &x, &among).predict(&x).unwrap(),
    );
    let model = GaussianNaiveBayes::new();
    same(
        fit(&model, &x, &y).predict(&x).unwrap(),
        fit(&model, &x, &among).predict(&x).unwrap(),
    );
}

#[test]
fn weights_are_repeated_rows() {
    let (x, y) = problem(300, 5, 3);
    let times: Vec<u32> = (0..300).map(|i| i % 4).collect();
    let weights: Vec<f64> = times.iter().map(|&t| f64::from(t)).collect();
    let rows: Vec<u32> = (0..300)
        .flat_map(|i| std::iter::repeat_n(i, times[i as usize] as usize))
        .collect();
    let (x_repeated, y_repeated) = (x.take(&rows), y.take(&rows));
    assert_same(
        &fit_weighted(&tight(), &x, &y, &weights)
            .predict(&x)
            .unwrap(),
        &fit(&tight(), &x_repeated, &y_repeated).predict(&x).unwrap(),
        1e-7,
    );
    let model = GaussianNaiveBayes::new();
    assert_same(
        &fit_weighted(&model, &x, &y, &weights).predict(&x).unwrap(),
        &fit(&model, &x_repeated, &y_repeated).predict(&x).unwrap(),
        1e-9,
    );
    // Rows of weight 0 make neither a class nor the range of a feature.
    let y_other: Vec<u32> = (0..300)
        .map(|i| if i % 4 == 0 { 3 } else { y.codes()[i] })
        .collect();
    let other = labels(&y_other, 4);
    let p = fit_weighted(&model, &x, &other, &weights)
        .predict(&x)
        .unwrap();
    assert!(p.column(3).iter().all(|&p| p == 0.0));
    let p = fit_weighted(&tight(), &x, &other, &weights)
        .predict(&x)
        .unwrap();
    assert!(p.column(3).iter().all(|&p| p == 0.0));
    let q = fit_weighted(&tight(), &x, &y, &weights)
        .predict(&x)
        .unwrap();
    assert_eq!(p.column(1), q.column(1));
}

#[test]
fn class_weights_are_weights_of_rows_but_for_the_scales() {
    let (x, y) = problem(300, 5, 2);
    let factor = ClassWeight::Given(vec![("c1".into(), 3.0)]);
    let given = fit(&tight().with_alpha(0.0).with_class_weight(factor), &x, &y);
    let weights: Vec<f64> = y.codes().iter().map(|&c| f64::from(1 + 2 * c)).collect();
    // Without a penalty scales do not matter.
    let weighted = fit_weighted(&tight().with_alpha(0.0), &x, &y, &weights);
    assert_same(
        &given.predict(&x).unwrap(),
        &weighted.predict(&x).unwrap(),
        1e-6,
    );
    // A class of weight 0 is one that is not there.
    let none = ClassWeight::Given(vec![("c1".into(), 0.0)]);
    let p = fit(&tight().with_class_weight(none), &x, &y)
        .predict(&x)
        .unwrap();
    assert!(p.positive().iter().all(|&p| p == 0.0));
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_in_any_company() {
    let (x, y) = problem(30_000, 6, 3);
    let run = || {
        let logistic = fit(&LogisticRegression::new(), &x, &y);
        let bayes = fit(&GaussianNaiveBayes::new(), &x, &y);
        (logistic.predict(&x).unwrap(), bayes.predict(&x).unwrap())
    };
    let one = on_threads(1, run);
    for n_threads in [2, 8] {
        assert!(one == on_threads(n_threads, run), "{n_threads} threads");
    }
    let rows = [29_999, 5, 5, 1_023, 1_024, 17];
    let logistic = fit(&LogisticRegression::new(), &x, &y);
    let bayes = fit(&GaussianNaiveBayes::new(), &x, &y);
    assert_eq!(logistic.predict(&x.take(&rows)).unwrap(), one.0.take(&rows));
    assert_eq!(bayes.predict(&x.take(&rows)).unwrap(), one.1.take(&rows));
}

#[test]
fn what_was_saved_predicts_the_same() {
    let (x, y) = problem(200, 4, 3);
    let logistic = fit(&LogisticRegression::new(), &x, &y);
    let text = serde_json::to_string(&logistic).unwrap();
    let read: FittedLogisticRegression = serde_json::from_str(&text).unwrap();
    assert_eq!(read.predict(&x).unwrap(), logistic.predict(&x).unwrap());
    let bayes = fit(&GaussianNaiveBayes::new(), &x, &y);
    let text = serde_json::to_string(&bayes).unwrap();
    let read: FittedGaussianNaiveBayes = serde_json::from_str(&text).unwrap();
    assert_eq!(read.predict(&x).unwrap(), bayes.predict(&x).unwrap());
    let model = tight().with_alpha(0.3);
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(
        serde_json::from_str::<LogisticRegression>(&text).unwrap(),
        model
    );
}

#[test]
fn a_constant_feature_changes_nothing() {
    let (x, y) = problem(400, 3, 2);
    let mut columns: Vec<Vec<f32>> = (0..3).map(|j| x.column(j).to_vec()).collect();
    columns.insert(1, vec![0.1; 400]);
    columns.push(vec![-7e8; 400]);
    let with = features(columns);
    let weights: Vec<f64> = (0..400)
        .map(|i| f64::from(u8::from(i == 4) + 2 * u8::from(i > 9)))
        .collect();
    let logistic = fit(&tight(), &with, &y);
    assert_eq!(logistic.coefficients()[0][1], 0.0);
    assert_eq!(logistic.coefficients()[0][4], 0.0);
    assert_same(
        &logistic.predict(&with).unwrap(),
        &fit(&tight(), &x, &y).predict(&x).unwrap(),
        1e-9,
    );
    let model = GaussianNaiveBayes::new();
    let bayes = fit_weighted(&model, &with, &y, &weights);
    assert_eq!(bayes.used_features().len(), 3);
    let expected = fit_weighted(&model, &x, &y, &weights).predict(&x).unwrap();
    assert_eq!(bayes.predict(&with).unwrap(), expected);
    // Nothing but constants: the shares.
    let nothing = features(vec![vec![3.0; 4]]);
    let y = binary(&[0, 1, 0, 0]);
    for p in [
        fit(&LogisticRegression::new(), &nothing, &y)
            .predict(&nothing)
            .unwrap(),
        fit(&model, &nothing, &y).predict(&nothing).unwrap(),
    ] {
        assert_close(p.positive()[2], 0.25, 1e-12);
    }
}

#[test]
fn one_class_and_one_row() {
    let x = features(vec![vec![1.0, 2.0], vec![5.0, 4.0]]);
    for y in [labels(&[1, 1], 2), labels(&[1, 1], 3)] {
        for rows in [vec![0], vec![0, 1]] {
            let (x_some, y) = (x.take(&rows), y.take(&rows));
            let logistic = fit(&LogisticRegression::new(), &x_some, &y);
            assert!(logistic.coefficients().is_empty());
            let bayes = fit(&GaussianNaiveBayes::new(), &x_some, &y);
            for p in [logistic.predict(&x).unwrap(), bayes.predict(&x).unwrap()] {
                assert_eq!(p.column(1), [1.0, 1.0]);
            }
        }
    }
    // A class of one row is a normal distribution as wide as the smoothing.
    let x = features(vec![vec![0.0, 2.0, 10.0]]);
    let p = fit(&GaussianNaiveBayes::new(), &x, &labels(&[0, 0, 1], 2));
    assert_eq!(p.predict(&x).unwrap().most_probable(), [0, 0, 1]);
}

#[test]
fn classes_that_a_feature_tells_apart_end_without_a_penalty() {
    let n = 200_u16;
    let column: Vec<f32> = (0..n).map(f32::from).collect();
    let other: Vec<f32> = (0..n).map(|i| f32::from(i * 7 % 13)).collect();
    let x = features(vec![column, other]);
    for n_classes in [2_u16, 4] {
        let codes: Vec<u32> = (0..n).map(|i| u32::from(i * n_classes / n)).collect();
        let y = labels(&codes, usize::from(n_classes));
        for tolerance in [1e-4, 1e-300] {
            let model = LogisticRegression::new().with_alpha(0.0);
            let fitted = fit(&model.with_tolerance(tolerance), &x, &y);
            assert!(fitted.coefficients().concat().iter().all(|c| c.is_finite()));
            let p = fitted.predict(&x).unwrap();
            assert_eq!(p.most_probable(), codes);
        }
    }
}

#[test]
fn columns_that_repeat_each_other_share_their_coefficient() {
    let (x, y) = problem(300, 1, 2);
    let twice = features(vec![x.column(0).to_vec(), x.column(0).to_vec()]);
    for alpha in [0.0, 1.0] {
        let fitted = fit(&tight().with_alpha(alpha), &twice, &y);
        let coefficients = fitted.coefficients()[0].to_vec();
        assert_close(coefficients[0] / coefficients[1], 1.0, 1e-6);
    }
}

#[test]
fn values_far_from_zero_cost_few_digits() {
    // The spread is 2^-20 of the mean, and each value an f32 exactly.
    let near: Vec<f32> = (0..256)
        .map(|i| f32::from(u8::try_from(i * 37 % 16).unwrap()))
        .collect();
    let far: Vec<f32> = near.iter().map(|v| v + 8_388_608.0).collect();
    let codes: Vec<u32> = (0..256)
        .map(|i| u32::from(near[i] + (i * 11 % 9) as f32 > 11.0))
        .collect();
    let y = binary(&codes);
    let (near, far) = (features(vec![near]), features(vec![far]));
    assert_same(
        &fit(&tight(), &near, &y).predict(&near).unwrap(),
        &fit(&tight(), &far, &y).predict(&far).unwrap(),
        1e-8,
    );
    let model = GaussianNaiveBayes::new().with_smoothing(1e-9);
    assert_same(
        &fit(&model, &near, &y).predict(&near).unwrap(),
        &fit(&model, &far, &y).predict(&far).unwrap(),
        1e-9,
    );
}

#[test]
fn missing_values_are_left_out_of_naive_bayes() {
    let (x, y) = problem(5_000, 3, 3);
    let mut columns: Vec<Vec<f32>> = (0..3).map(|j| x.column(j).to_vec()).collect();
    for (j, column) in columns.iter_mut().enumerate() {
        for (i, v) in column.iter_mut().enumerate() {
            if i % (j + 3) == 0 {
                *v = f32::NAN;
            }
        }
    }
    // This one no row of the first class has.
    let late = y
        .codes()
        .iter()
        .map(|&c| if c == 0 { f32::NAN } else { 1.0 + c as f32 });
    columns.push(late.collect());
    let x = features(columns);
    let weights: Vec<f64> = (0..5_000).map(|i| f64::from(i % 3)).collect();
    let fitted = fit_weighted(&GaussianNaiveBayes::new(), &x, &y, &weights);
    assert_eq!(fitted.used_features().len(), 3);
    let p = fitted.predict(&x).unwrap();
    // The definition, one row after the other.
    let of = |j: usize, class: Option<u32>| {
        let is_in = |i: usize| class.is_none_or(|c| y.codes()[i] == c) && !x.column(j)[i].is_nan();
        let rows: Vec<usize> = (0..5_000).filter(|&i| is_in(i)).collect();
        let values: Vec<f32> = rows.iter().map(|&i| x.column(j)[i]).collect();
        let weights: Vec<f64> = rows.iter().map(|&i| weights[i]).collect();
        moments(&values, &weights)
    };
    let overall: Vec<f64> = (0..3).map(|j| of(j, None).1).collect();
    let within: Vec<Vec<(f64, f64)>> = (0..3)
        .map(|c| (0..3).map(|j| of(j, Some(c))).collect())
        .collect();
    let total: f64 = weights.iter().sum();
    let shares: Vec<f64> = (0..3)
        .map(|c| {
            let rows = weights
                .iter()
                .zip(y.codes())
                .filter(|(_, code)| **code == c);
            rows.map(|(w, _)| w).sum::<f64>() / total
        })
        .collect();
    for i in (0..5_000).step_by(60) {
        let densities: Vec<f64> = (0..3)
            .map(|c| {
                let mut density = shares[c];
                for j in (0..3).filter(|&j| !x.column(j)[i].is_nan()) {
                    let (mean, variance) = within[c][j];
                    let variance = variance + 1e-3 * overall[j];
                    let away = f64::from(x.column(j)[i]) - mean;
                    density *= (-0.5 * away * away / variance).exp()
                        / (2.0 * std::f64::consts::PI * variance).sqrt();
                }
                density
            })
            .collect();
        let sum: f64 = densities.iter().sum();
        for (c, density) in densities.iter().enumerate() {
            assert_close(p.column(c)[i], density / sum, 1e-9);
        }
    }
    // A row without any value gets the shares; row 0 is one but for the feature left out.
    for (c, share) in shares.iter().enumerate() {
        assert_close(p.column(c)[0], *share, 1e-12);
    }
}

#[test]
fn naive_bayes_of_a_thousand_features_is_finite() {
    let (x, y) = problem(200, 1_000, 2);
    let p = fit(&GaussianNaiveBayes::new(), &x, &y).predict(&x).unwrap();
    let right = p
        .most_probable()
        .iter()
        .zip(y.codes())
        .filter(|(a, b)| a == b)
        .count();
    assert!(right > 140, "{right}");
}

#[test]
fn bad_values_are_named() {
    let (x, y) = problem(5_000, 3, 2);
    for (bad, naive_bayes_takes_it) in [(f32::NAN, true), (f32::INFINITY, false)] {
        let mut columns: Vec<Vec<f32>> = (0..3).map(|j| x.column(j).to_vec()).collect();
        columns[1][4_321] = bad;
        columns[2][7] = bad;
        let x_bad = features(columns);
        let check = |error: &Error| {
            assert_eq!(
                (error.column(), error.row()),
                (Some("x1"), Some(4_321)),
                "{error}"
            );
        };
        check(&error(&LogisticRegression::new(), &x_bad, &y));
        let fitted = fit(&LogisticRegression::new(), &x, &y);
        check(&fitted.predict(&x_bad).unwrap_err());
        let fitted = fit(&GaussianNaiveBayes::new(), &x, &y);
        if naive_bayes_takes_it {
            fit(&GaussianNaiveBayes::new(), &x_bad, &y);
            fitted.predict(&x_bad).unwrap();
        } else {
            check(&error(&GaussianNaiveBayes::new(), &x_bad, &y));
            check(&fitted.predict(&x_bad).unwrap_err());
        }
    }
}

#[test]
fn bad_options_and_weights_are_named() {
    let (x, y) = problem(50, 2, 2);
    let new = LogisticRegression::new;
    for (name, model) in [
        ("alpha", new().with_alpha(-1.0)),
        ("alpha", new().with_alpha(f64::INFINITY)),
        ("max_iterations", new().with_max_iterations(0)),
        ("tolerance", new().with_tolerance(0.0)),
        (
            "class_weight",
            new().with_class_weight(ClassWeight::Given(vec![("other".into(), 1.0)])),
        ),
    ] {
        let error = error(&model, &x, &y);
        assert!(error.to_string().starts_with(name), "{error}");
    }
    let bad = GaussianNaiveBayes::new().with_smoothing(0.0);
    assert!(error(&bad, &x, &y).to_string().starts_with("smoothing"));
    let x = x.assume_in_sample();
    for (weights, text) in [
        ([0.0; 50], "positive sum"),
        ([f64::NAN; 50], "finite weights"),
    ] {
        let context = FitContext::default().with_weights(Some(&weights));
        for error in [
            new().fit(&x, &y, &context).unwrap_err(),
            GaussianNaiveBayes::new().fit(&x, &y, &context).unwrap_err(),
        ] {
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}

/// Keeps the losses, and stops after so many.
#[derive(Debug)]
struct Watch {
    losses: Mutex<Vec<f64>>,
    left: AtomicUsize,
}

impl Watch {
    fn new(n: usize) -> Self {
        Self {
            losses: Mutex::default(),
            left: AtomicUsize::new(n),
        }
    }
}

impl Progress for Watch {
    fn event(&self, event: &Event<'_>) {
        if let Event::Iteration { train_loss, .. } = event {
            self.losses.lock().unwrap().push(train_loss.unwrap());
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn is_stopped(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn a_fit_is_watched_and_stopped() {
    let (x, y) = problem(1_000, 6, 2);
    let x = x.assume_in_sample();
    let watch = Watch::new(1_000);
    let context = FitContext::default().with_progress(Some(&watch));
    tight().fit(&x, &y, &context).unwrap();
    let losses = watch.losses.lock().unwrap();
    assert!(losses.len() > 3);
    assert!(
        losses.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12),
        "{losses:?}"
    );
    let watch = Watch::new(2);
    let context = FitContext::default().with_progress(Some(&watch));
    let error = tight().fit(&x, &y, &context).unwrap_err();
    assert!(
        matches!(error.kind(), stackfold::ErrorKind::Stopped),
        "{error}"
    );
    assert_eq!(watch.losses.lock().unwrap().len(), 2);
    // Steps that are not enough are no error.
    fit(
        &tight().with_max_iterations(1),
        &problem(100, 2, 3).0,
        &problem(100, 2, 3).1,
    );
}

#[cfg(feature = "linfa")]
#[test]
fn linfas_models_give_the_same_probabilities() {
    use stackfold::model::linfa as l;
    for n_classes in [2, 3] {
        let (x, y) = problem(2_000, 8, n_classes);
        for alpha in [0.1, 1.0, 100.0] {
            let theirs = l::LogisticRegression::new()
                .with_alpha(alpha)
                .with_tolerance(1e-6)
                .with_max_iterations(1_000);
            let p = fit(&theirs, &x, &y).predict(&x).unwrap();
            let q = fit(&tight().with_alpha(alpha), &x, &y).predict(&x).unwrap();
            assert_same(&p, &q, 1e-4);
        }
        for smoothing in [1e-9, 1e-3, 0.5] {
            let theirs = l::GaussianNaiveBayes::new().with_smoothing(smoothing);
            let p = fit(&theirs, &x, &y).predict(&x).unwrap();
            let ours = GaussianNaiveBayes::new().with_smoothing(smoothing);
            assert_same(&p, &fit(&ours, &x, &y).predict(&x).unwrap(), 1e-6);
        }
    }
}
