//! Tests of: permutation importance.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails where a helper cannot go on"
)]

use stackfold::data::Feature;
use stackfold::inspection::{Importance, PermutationImportance};
use stackfold::metrics::{ClassificationMetric, Metric, RegressionMetric};
use stackfold::prelude::*;

use crate::support::{assert_close, binary, on_threads};

/// Predicts `sum of weight * value` over the features that it names; NaN counts as 0.
#[derive(Debug)]
struct Linear(&'static [(&'static str, f64)]);

impl Linear {
    fn values(&self, features: &Features<OutOfSample>) -> Result<Vec<f64>> {
        let mut sums = vec![0.0; features.n_rows()];
        for (name, weight) in self.0 {
            let column = features.names().position(|n| n == *name);
            let column = column.ok_or_else(|| Error::data("a feature", name))?;
            for (sum, &value) in sums.iter_mut().zip(features.column(column)) {
                *sum += weight
                    * if value.is_nan() {
                        0.0
                    } else {
                        f64::from(value)
                    };
            }
        }
        Ok(sums)
    }
}

impl Predictor<Values> for Linear {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Values> {
        Values::new(self.values(features)?)
    }
}

impl Predictor<Labels> for Linear {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Probabilities> {
        let values = self.values(features)?;
        let p = values.iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect();
        binary(&[0, 1]).prediction(vec![p])
    }
}

/// The mean of the squared errors.
#[derive(Debug)]
struct Mse;

impl Metric<Values> for Mse {
    fn name(&self) -> &'static str {
        "mse"
    }

    fn greater_is_better(&self) -> bool {
        false
    }

    fn score(&self, y: &Values, p: &Values, weights: Option<&[f64]>) -> Result<f64> {
        Ok(RegressionMetric::Rmse.score(y, p, weights)?.powi(2))
    }
}

const NAMES: [&str; 3] = ["a", "b", "c"];

#[allow(clippy::cast_possible_truncation, reason = "features are f32")]
fn column(name: &str, n: u64) -> Vec<f32> {
    let seed = Seed::new(3).child(name);
    (0..n).map(|i| seed.normal(i) as f32).collect()
}

fn features(names: &[&str], n: u64) -> Features<OutOfSample> {
    let fields = names.iter().map(|&name| Feature::number(name)).collect();
    Features::from_columns(fields, names.iter().map(|name| column(name, n)).collect()).unwrap()
}

fn target(n: u64) -> Values {
    let pairs = column("a", n).into_iter().zip(column("b", n));
    Values::new(
        pairs
            .map(|(a, b)| f64::from(2.0 * a - b))
            .collect::<Vec<_>>(),
    )
    .unwrap()
}

const MODEL: Linear = Linear(&[("a", 2.0), ("b", -1.0)]);

fn values_of(names: &[&str], options: PermutationImportance) -> Vec<Importance> {
    let n = 200;
    options
        .of(&MODEL, &features(names, n), &target(n), &Mse, None)
        .unwrap()
}

#[test]
fn a_feature_without_a_part_in_predictions_has_none() {
    let found = values_of(&NAMES, PermutationImportance::new());
    assert_eq!(
        found.iter().map(Importance::feature).collect::<Vec<_>>(),
        NAMES
    );
    assert_eq!(found[2].drops(), [0.0; 5]);
    assert_eq!((found[2].mean(), found[2].deviation()), (0.0, Some(0.0)));
    assert!(found[0].mean() > found[1].mean() && found[1].mean() > 0.0);
}

/// With `y = 2 a - b` predicted without error, shuffling `a` gives an error of `2 (a_i - a_j)` in
/// row `i`, whose square is `4 * 2 * variance of a` on average over all orders.
#[test]
fn the_mean_drop_of_a_linear_model_is_twice_its_part_of_the_variance() {
    let found = values_of(&NAMES, PermutationImportance::new().with_n_repeats(400));
    for (importance, weight) in found.iter().zip([2.0, -1.0, 0.0_f64]) {
        let x: Vec<f64> = column(importance.feature(), 200)
            .into_iter()
            .map(f64::from)
            .collect();
        let mean = x.iter().sum::<f64>() / 200.0;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 200.0;
        let expected = 2.0 * weight.powi(2) * variance;
        let error = importance.deviation().unwrap() / 400_f64.sqrt();
        assert!((importance.mean() - expected).abs() <= 4.0 * error);
    }
}

#[test]
fn drops_are_those_of_shuffling_by_hand() {
    let (n, seed) = (60, Seed::new(8));
    let (x, y) = (features(&NAMES, n), target(n));
    let weights: Vec<f64> = (0..n).map(|i| (i % 4) as f64).collect();
    let labels: Vec<u32> = y.as_slice().iter().map(|&v| u32::from(v > 0.3)).collect();
    let labels = binary(&labels);
    let options = PermutationImportance::new()
        .with_n_repeats(3)
        .with_seed(seed);
    let auc = &ClassificationMetric::RocAuc;
    let mae = &RegressionMetric::Mae;
    let by_auc = options
        .of(&MODEL, &x, &labels, auc, Some(&weights))
        .unwrap();
    let by_mae = options.of(&MODEL, &x, &y, mae, Some(&weights)).unwrap();
    for (j, name) in NAMES.iter().enumerate() {
        for repeat in 0..3 {
            let mut columns: Vec<Vec<f32>> = (0..3).map(|j| x.column(j).to_vec()).collect();
            seed.child(name)
                .at(repeat)
                .stream()
                .shuffle(&mut columns[j]);
            let shuffled = Features::from_columns(x.fields().to_vec(), columns).unwrap();
            let auc = |x| {
                let prediction = Predictor::<Labels>::predict(&MODEL, x).unwrap();
                auc.score(&labels, &prediction, Some(&weights)).unwrap()
            };
            let mae = |x| {
                let prediction = Predictor::<Values>::predict(&MODEL, x).unwrap();
                mae.score(&y, &prediction, Some(&weights)).unwrap()
            };
            assert_close(by_auc[j].drops()[repeat], auc(&x) - auc(&shuffled), 1e-15);
            assert_close(by_mae[j].drops()[repeat], mae(&shuffled) - mae(&x), 1e-15);
        }
    }
    assert!(by_auc[0].mean() > 0.0 && by_mae[0].mean() > 0.0);
}

#[test]
fn neither_the_order_of_features_nor_the_threads_matter() {
    let options = PermutationImportance::new().with_seed(Seed::new(5));
    let found = values_of(&NAMES, options);
    for names in [["c", "b", "a"], ["b", "c", "a"]] {
        for importance in values_of(&names, options) {
            let place = NAMES
                .iter()
                .position(|n| *n == importance.feature())
                .unwrap();
            assert_eq!(importance, found[place]);
        }
    }
    for threads in [1, 2, 8] {
        assert_eq!(on_threads(threads, || values_of(&NAMES, options)), found);
    }
    assert_ne!(values_of(&NAMES, options.with_seed(Seed::new(6))), found);
}

/// Constant features shuffle to themselves, and missing values move with the rest.
#[test]
fn constant_and_missing_values_are_shuffled_too() {
    let fields = vec![Feature::number("a"), Feature::number("b")];
    let a: Vec<f32> = (0..40)
        .map(|i| if i % 2 == 0 { f32::NAN } else { 3.0 })
        .collect();
    let x = Features::from_columns(fields, vec![a.clone(), vec![7.0; 40]]).unwrap();
    let y: Vec<f64> = a
        .iter()
        .map(|v| if v.is_nan() { -7.0 } else { -1.0 })
        .collect();
    let y = Values::new(y).unwrap();
    let found = PermutationImportance::new()
        .of(&MODEL, &x, &y, &Mse, None)
        .unwrap();
    assert!(found[0].mean() > 0.0);
    assert_eq!(found[1].drops(), [0.0; 5]);
}

#[test]
fn one_repeat_has_no_deviation() {
    let found = values_of(&NAMES, PermutationImportance::new().with_n_repeats(1));
    assert!(
        found
            .iter()
            .all(|f| f.drops().len() == 1 && f.deviation().is_none())
    );
    // Without features there is nothing to shuffle.
    let nothing = Features::new(vec![], 4, vec![]).unwrap();
    let none = Linear(&[]);
    let found = PermutationImportance::new().of(&none, &nothing, &target(4), &Mse, None);
    assert!(found.unwrap().is_empty());
}

/// Fails once `b` is shuffled.
#[derive(Debug)]
struct Fragile;

impl Predictor<Values> for Fragile {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Values> {
        if features.column(1) == column("b", 9) {
            Values::new(MODEL.values(features)?)
        } else {
            Err(Error::data("the features of fitting", "others"))
        }
    }
}

/// Predicts one row too few.
#[derive(Debug)]
struct Short;

impl Predictor<Values> for Short {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Values> {
        Values::new(vec![0.0; features.n_rows() - 1])
    }
}

#[test]
fn bad_input_is_refused() {
    let (x, y) = (features(&NAMES, 9), target(9));
    let options = PermutationImportance::new();
    let message = |found: Result<Vec<Importance>>| found.unwrap_err().to_string();
    assert_eq!(
        message(options.with_n_repeats(0).of(&MODEL, &x, &y, &Mse, None)),
        "n_repeats must be 1 or more, not 0"
    );
    assert_eq!(
        message(options.of(&MODEL, &x, &target(8), &Mse, None)),
        "expected a target of 9 rows, as the features, found 8"
    );
    assert_eq!(
        message(options.of(&MODEL, &x, &y, &Mse, Some(&[1.0]))),
        "expected 9 weights, one a row, found 1"
    );
    assert_eq!(
        message(options.of(&Fragile, &x, &y, &Mse, None)),
        "column \"b\": expected the features of fitting, found others"
    );
    assert_eq!(
        message(options.of(&Short, &x, &y, &Mse, None)),
        "expected a prediction of 9 rows, found 8"
    );
    let nothing = features(&NAMES, 0);
    assert!(
        options
            .of(&MODEL, &nothing, &target(0), &Mse, None)
            .is_err()
    );
}
