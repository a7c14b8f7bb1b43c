//! SHAP values and importance of trees, against a walk over all subsets of features.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use serde_json::Value;
use stackfold::data::{Feature, FeatureKind, FitContext};
use stackfold::model::hist::{FittedHistGradientBoosting, HistGradientBoosting, Importance, Loss};
use stackfold::prelude::*;
use stackfold::random::Seed;

use crate::support::{assert_close, on_threads};

/// Numbers, one of them with missing values, and codes of which some are missing.
#[allow(clippy::cast_possible_truncation, reason = "features are f32")]
fn table(n: usize, seed: u64) -> Features<OutOfSample> {
    let seed = Seed::new(seed);
    let draw = |name: &str, row: usize| seed.child(name).uniform(row as u64);
    let rows = 0..n;
    let a = rows.clone().map(|i| draw("a", i) as f32).collect();
    let b = rows.clone().map(|i| {
        if draw("b missing", i) < 0.2 {
            f32::NAN
        } else {
            (draw("b", i) * 7.0).floor() as f32
        }
    });
    let code = rows.clone().map(|i| {
        if draw("code missing", i) < 0.1 {
            f32::NAN
        } else {
            (draw("code", i) * 6.0).floor() as f32
        }
    });
    let c = rows.clone().map(|i| draw("c", i) as f32).collect();
    Features::from_columns(
        vec![
            Feature::number("a"),
            Feature::number("b"),
            Feature::code("code", 6),
            Feature::number("flat"),
            Feature::number("c"),
        ],
        vec![a, b.collect(), code.collect(), vec![1.0; n], c],
    )
    .unwrap()
}

/// A signal with interactions of all features but the flat one.
fn signal(x: &Features<OutOfSample>) -> Vec<f64> {
    let at = |j: usize, i: usize| f64::from(x.column(j)[i]);
    let signal = |i: usize| {
        let b = if at(1, i).is_nan() { 4.0 } else { at(1, i) };
        let odd = f64::from(u8::from(at(2, i) % 2.0 >= 1.0));
        let level = if at(2, i).is_nan() { 1.5 } else { odd };
        at(0, i) * b + level * (b - 3.0) + (at(4, i) * 6.0).sin() * (1.0 + level)
    };
    (0..x.n_rows()).map(signal).collect()
}

fn labels(x: &Features<OutOfSample>, n_classes: u32) -> Labels {
    let signal = signal(x);
    let (low, high) = signal.iter().fold((f64::MAX, f64::MIN), |(low, high), &s| {
        (low.min(s), high.max(s))
    });
    let class = |s: f64| {
        let place = (s - low) / (high - low);
        (1..n_classes)
            .filter(|&k| place >= f64::from(k) / f64::from(n_classes))
            .count()
    };
    let codes = signal.iter().map(|&s| u32::try_from(class(s)).unwrap());
    let names = (0..n_classes).map(|k| format!("class {k}")).collect();
    Labels::new(codes.collect::<Vec<u32>>(), names).unwrap()
}

fn fit<Y: Target>(
    model: &HistGradientBoosting,
    x: &Features<OutOfSample>,
    y: &Y,
) -> FittedHistGradientBoosting<Y> {
    let context = FitContext::default();
    model
        .fit(&x.clone().assume_in_sample(), y, &context)
        .unwrap()
}

#[track_caller]
fn check_additivity<Y: Target>(fitted: &FittedHistGradientBoosting<Y>, x: &Features<OutOfSample>) {
    let raw = fitted.raw_scores(x).unwrap();
    let shap = fitted.shap_values(x).unwrap();
    assert_eq!(raw.len(), shap.len());
    for (raw, shap) in raw.iter().zip(&shap) {
        assert_eq!(shap.features(), fitted.features());
        for (row, &score) in raw.iter().enumerate() {
            let sum: f64 = (0..x.n_features()).map(|j| shap.column(j)[row]).sum();
            assert_close(shap.base() + sum, score, 1e-12);
        }
        assert!(
            shap.column(3).iter().all(|&value| value == 0.0),
            "the flat feature"
        );
    }
}

#[test]
fn values_add_up_to_the_raw_scores() {
    let x = table(600, 1);
    let new = table(150, 2);
    let model = HistGradientBoosting::new()
        .with_n_trees(30)
        .with_min_samples_leaf(5);
    let values = Values::new(signal(&x)).unwrap();
    for x_of in [&x, &new] {
        check_additivity(&fit(&model, &x, &values), x_of);
        check_additivity(&fit(&model, &x, &labels(&x, 2)), x_of);
        check_additivity(&fit(&model, &x, &labels(&x, 4)), x_of);
    }
    let median = model.clone().with_loss(Loss::Absolute);
    check_additivity(&fit(&median, &x, &values), &new);
}

/// Long paths, on each split of which a few rows of thousands go.
#[test]
fn values_of_deep_trees_add_up() {
    let n = 4000;
    let p = 60;
    let columns: Vec<Vec<f32>> = (0..p)
        .map(|j| {
            (0..n)
                .map(|i| f32::from(u8::from(i % p == j && i / p < 2)))
                .collect()
        })
        .collect();
    let y: Vec<f64> = (0..n)
        .map(|i| {
            if i / p < 2 {
                40.0 + (i % p) as f64
            } else {
                0.0
            }
        })
        .collect();
    let fields = (0..p).map(|j| Feature::number(format!("x{j}"))).collect();
    let x = Features::from_columns(fields, columns).unwrap();
    let model = HistGradientBoosting::new()
        .with_n_trees(3)
        .with_max_leaves(100)
        .with_min_samples_leaf(1);
    let fitted = fit(&model, &x, &Values::new(y).unwrap());
    let shap = &fitted.shap_values(&x).unwrap()[0];
    let raw = &fitted.raw_scores(&x).unwrap()[0];
    assert!(
        fitted
            .feature_importance(Importance::Splits)
            .iter()
            .all(|&(_, n)| n >= 3.0)
    );
    for (row, &score) in raw.iter().enumerate() {
        let sum: f64 = (0..p).map(|j| shap.column(j)[row]).sum();
        assert_close(shap.base() + sum, score, 1e-12);
    }
    // Where a feature is off, it takes off, by one split, next to nothing.
    assert!((0..p).all(|j| shap.column(j)[j] > 5.0 && shap.column(j)[n - 1] < 0.0));
}

/// A node of a tree, as written by serde.
struct Naive<'a> {
    model: &'a Value,
    tree: &'a Value,
}

impl Naive<'_> {
    fn number(&self, part: &str, node: usize) -> f64 {
        self.tree[part][node].as_f64().unwrap()
    }

    fn goes_left(&self, node: usize, feature: usize, x: f32) -> bool {
        let step = &self.tree["nodes"][node];
        let rule = usize::try_from(step["rule"].as_u64().unwrap()).unwrap();
        if rule < 2 {
            let missing_left = rule == 1;
            return if x.is_nan() {
                missing_left
            } else {
                f64::from(x) <= step["threshold"].as_f64().unwrap()
            };
        }
        let code = &self.model["bins"][feature]["kind"]["Code"];
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a code"
        )]
        let bin = if x.is_nan() {
            &code["n_bins"]
        } else {
            code["bin_of_code"]
                .get(x as usize)
                .unwrap_or(&code["unseen"])
        };
        let bin = usize::try_from(bin.as_u64().unwrap()).unwrap();
        let word = self.tree["sets"][rule / 2 - 1][bin / 64].as_u64().unwrap();
        word >> (bin % 64) & 1 == 1
    }

    /// What the tree gives if only some features are known.
    fn value(&self, node: usize, row: &[f32], known: u32) -> f64 {
        let step = &self.tree["nodes"][node];
        let index = |name: &str| usize::try_from(step[name].as_u64().unwrap()).unwrap();
        let (left, feature) = (index("left"), index("feature"));
        if left == node {
            return self.number("values", node);
        }
        if known >> feature & 1 == 1 {
            let right = usize::from(!self.goes_left(node, feature, row[feature]));
            return self.value(left + right, row, known);
        }
        let part = |child| self.number("covers", child) * self.value(child, row, known);
        (part(left) + part(left + 1)) / self.number("covers", node)
    }
}

/// Shapley values from their definition: `(base, values)`.
fn brute_force(model: &Value, score: usize, row: &[f32]) -> (f64, Vec<f64>) {
    let n = row.len();
    let start = model["start"].as_array().unwrap();
    let trees = model["trees"].as_array().unwrap();
    let game: Vec<f64> = (0..1_u32 << n)
        .map(|known| {
            let trees = trees.iter().skip(score).step_by(start.len());
            let sum: f64 = trees
                .map(|tree| Naive { model, tree }.value(0, row, known))
                .sum();
            start[score].as_f64().unwrap() + sum
        })
        .collect();
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    let values = (0..n).map(|i| {
        let without = (0..1_usize << n).filter(|known| known >> i & 1 == 0);
        let terms = without.map(|known| {
            let size = known.count_ones() as usize;
            let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
            weight * (game[known | 1 << i] - game[known])
        });
        terms.sum()
    });
    let values = values.collect();
    (game[0], values)
}

#[track_caller]
fn check_brute_force<Y: Target + serde::Serialize>(
    fitted: &FittedHistGradientBoosting<Y>,
    x: &Features<OutOfSample>,
) {
    let model = serde_json::to_value(fitted).unwrap();
    let shap = fitted.shap_values(x).unwrap();
    for (score, shap) in shap.iter().enumerate() {
        for i in 0..x.n_rows() {
            let row: Vec<f32> = (0..x.n_features()).map(|j| x.column(j)[i]).collect();
            let (base, values) = brute_force(&model, score, &row);
            assert_close(shap.base(), base, 1e-12);
            for (j, value) in values.into_iter().enumerate() {
                assert_close(shap.column(j)[i], value, 1e-12);
            }
        }
    }
}

#[test]
fn values_are_those_of_all_subsets() {
    let x = table(300, 3);
    let new = table(20, 4);
    for leaves in [2, 3, 8, 31] {
        let model = HistGradientBoosting::new()
            .with_n_trees(3)
            .with_max_leaves(leaves)
            .with_min_samples_leaf(3);
        check_brute_force(&fit(&model, &x, &Values::new(signal(&x)).unwrap()), &new);
        check_brute_force(&fit(&model, &x, &labels(&x, 2)), &new);
        check_brute_force(&fit(&model, &x, &labels(&x, 3)), &new);
    }
}

/// With `y = a and b`, both play the same part.
#[test]
fn features_that_play_the_same_part_have_the_same_values() {
    let column = |bit: usize| {
        (0..400)
            .map(|i| (i >> bit & 1) as f32)
            .collect::<Vec<f32>>()
    };
    let y: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i & 3 == 3))).collect();
    let fields = vec![Feature::number("a"), Feature::number("b")];
    let x = Features::from_columns(fields, vec![column(0), column(1)]).unwrap();
    let model = HistGradientBoosting::new()
        .with_n_trees(1)
        .with_learning_rate(1.0);
    let fitted = fit(&model, &x, &Values::new(y).unwrap());
    let shap = &fitted.shap_values(&x).unwrap()[0];
    assert_close(shap.base(), 0.25, 1e-6);
    // By hand: v(a) = v(b) = 1/2 and v(a, b) = 1 where both are 1.
    for (row, expected) in [
        (3, [0.375, 0.375]),
        (0, [-0.125, -0.125]),
        (1, [0.125, -0.375]),
    ] {
        for (j, expected) in expected.into_iter().enumerate() {
            assert_close(shap.column(j)[row], expected, 1e-6);
        }
    }
    let means = shap.mean_absolute();
    assert_eq!((means[0].0, means[1].0), ("a", "b"));
    assert_close(means[0].1, means[1].1, 1e-12);
}

#[test]
fn scores_are_named_after_classes() {
    let x = table(200, 5);
    let model = HistGradientBoosting::new().with_n_trees(2);
    let two = fit(&model, &x, &labels(&x, 2)).shap_values(&x).unwrap();
    assert_eq!(
        two.iter().map(|s| s.class()).collect::<Vec<_>>(),
        [Some("class 1")]
    );
    let three = fit(&model, &x, &labels(&x, 3)).shap_values(&x).unwrap();
    let names: Vec<_> = three.iter().filter_map(|s| s.class()).collect();
    assert_eq!(names, ["class 0", "class 1", "class 2"]);
    let values = Values::new(signal(&x)).unwrap();
    assert_eq!(
        fit(&model, &x, &values).shap_values(&x).unwrap()[0].class(),
        None
    );
}

#[test]
fn values_have_the_same_bits_at_any_number_of_threads_and_rows() {
    let x = table(500, 6);
    let fitted = fit(
        &HistGradientBoosting::new().with_n_trees(10),
        &x,
        &labels(&x, 3),
    );
    let on = |n_threads| on_threads(n_threads, || fitted.shap_values(&x).unwrap());
    assert_eq!(on(1), on(8));
    let one = fitted.shap_values(&x.take(&[77])).unwrap();
    for (one, all) in one.iter().zip(on(2)) {
        for j in 0..x.n_features() {
            assert_eq!(one.column(j)[0].to_bits(), all.column(j)[77].to_bits());
        }
    }
}

#[test]
fn other_features_are_refused_and_no_rows_have_no_values() {
    let x = table(100, 7);
    let fitted = fit(
        &HistGradientBoosting::new().with_n_trees(2),
        &x,
        &labels(&x, 2),
    );
    let fields = vec![Feature::number("a"), Feature::number("z")];
    let other = Features::from_columns(fields, vec![vec![0.0], vec![0.0]]).unwrap();
    let error = fitted.shap_values(&other).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"expected feature "b", as in fitting, found "z""#
    );
    let none = fitted.shap_values(&x.take(&[])).unwrap();
    assert!(none[0].column(0).is_empty() && none[0].mean_absolute()[0].1.is_nan());
}

#[test]
fn a_model_without_splits_has_its_base_alone() {
    let x = table(50, 8);
    let fitted = fit(
        &HistGradientBoosting::new(),
        &x,
        &Values::new(vec![2.5; 50]).unwrap(),
    );
    let shap = &fitted.shap_values(&x).unwrap()[0];
    assert_close(shap.base(), 2.5, 1e-12);
    assert!((0..5).all(|j| shap.column(j).iter().all(|&v| v == 0.0)));
    assert!(
        fitted
            .feature_importance(Importance::Splits)
            .iter()
            .all(|&(_, n)| n == 0.0)
    );
}

#[test]
fn importance_is_counted_by_hand() {
    // Rows 0..30 have the mean 1, the others 4: gradients of a stump at the mean 2.5.
    let x: Vec<f32> = (0..60).map(|i| i as f32).collect();
    let code: Vec<f32> = (0..60).map(|i| (i % 3) as f32).collect();
    let y: Vec<f64> = (0..60).map(|i| if i < 30 { 1.0 } else { 4.0 }).collect();
    let fields = vec![Feature::code("code", 3), Feature::number("x")];
    let features = Features::from_columns(fields, vec![code, x]).unwrap();
    assert_eq!(
        features.fields()[0].kind(),
        FeatureKind::Code { n_codes: 3 }
    );
    let model = HistGradientBoosting::new()
        .with_n_trees(2)
        .with_learning_rate(0.5);
    let fitted = fit(&model, &features, &Values::new(y).unwrap());
    let gains = fitted.feature_importance(Importance::Gain);
    assert_eq!((gains[0], gains[1].0), (("code", 0.0), "x"));
    // 2 * (30 * 1.5)^2 / 30, and at half the residuals a quarter of it.
    assert_close(gains[1].1, 135.0 + 135.0 / 4.0, 1e-6);
    let splits = fitted.feature_importance(Importance::Splits);
    assert_eq!(splits, [("code", 0.0), ("x", 2.0)]);
}
