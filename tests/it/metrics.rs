//! Tests of: metrics.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails where a helper cannot go on"
)]

use proptest::prelude::*;
use stackfold::metrics::multiclass::Average;
use stackfold::metrics::{
    ClassificationMetric, DefaultMetric, Metric, RegressionMetric, binary, multiclass, regression,
};
use stackfold::prelude::*;

use crate::support::assert_close;

/// The definition, pair by pair.
fn naive_auc(positive: &[bool], scores: &[f64], weights: &[f64]) -> f64 {
    let (mut right, mut all) = (0.0, 0.0);
    for i in 0..scores.len() {
        for j in 0..scores.len() {
            if positive[i] && !positive[j] {
                let pair = weights[i] * weights[j];
                all += pair;
                right += pair * above(scores[i], scores[j]);
            }
        }
    }
    right / all
}

/// 1, a half or 0.
fn above(a: f64, b: f64) -> f64 {
    f64::midpoint(f64::from(u8::from(a > b)), f64::from(u8::from(a >= b)))
}

/// Sample covariance of the means of two predictions' structural components, pair by pair.
fn naive_delong_covariance(positive: &[bool], a: &[f64], b: &[f64]) -> f64 {
    let rows = |class: bool| -> Vec<usize> {
        (0..positive.len())
            .filter(|&i| positive[i] == class)
            .collect()
    };
    let (up, down) = (rows(true), rows(false));
    let of_positive = |s: &[f64]| -> Vec<f64> {
        let share =
            |&i: &usize| down.iter().map(|&j| above(s[i], s[j])).sum::<f64>() / down.len() as f64;
        up.iter().map(share).collect()
    };
    let of_negative = |s: &[f64]| -> Vec<f64> {
        let share =
            |&j: &usize| up.iter().map(|&i| above(s[i], s[j])).sum::<f64>() / up.len() as f64;
        down.iter().map(share).collect()
    };
    let covariance = |x: &[f64], y: &[f64]| {
        let n = x.len() as f64;
        let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        x.iter()
            .zip(y)
            .map(|(x, y)| (x - mx) * (y - my))
            .sum::<f64>()
            / (n - 1.0)
    };
    covariance(&of_positive(a), &of_positive(b)) / up.len() as f64
        + covariance(&of_negative(a), &of_negative(b)) / down.len() as f64
}

/// Rows with a class, a score with many ties, another one, and a weight.
fn rows() -> impl Strategy<Value = Vec<(bool, f64, f64, f64)>> {
    let score = (0_u8..12).prop_map(|s| f64::from(s) / 8.0 - 0.5);
    let other = (0_u8..40).prop_map(|s| f64::from(s) / 16.0);
    let weight = (0_u8..6).prop_map(|w| f64::from(w) / 2.0);
    prop::collection::vec((any::<bool>(), score, other, weight), 4..60)
}

proptest! {
    #[test]
    fn auc_is_the_share_of_pairs_in_order(rows in rows()) {
        let (positive, scores): (Vec<bool>, Vec<f64>) = rows.iter().map(|r| (r.0, r.1)).unzip();
        let weights: Vec<f64> = rows.iter().map(|r| r.3).collect();
        let has = |class: bool| rows.iter().any(|r| r.0 == class);
        let weighs = |class: bool| rows.iter().any(|r| r.0 == class && r.3 > 0.0);
        let found = binary::roc_auc(&positive, &scores, None);
        if has(true) && has(false) {
            assert_close(found.unwrap(), naive_auc(&positive, &scores, &vec![1.0; rows.len()]), 1e-14);
        } else {
            prop_assert!(found.is_err());
        }
        let found = binary::roc_auc(&positive, &scores, Some(&weights));
        if weighs(true) && weighs(false) {
            assert_close(found.unwrap(), naive_auc(&positive, &scores, &weights), 1e-14);
        } else {
            prop_assert!(found.is_err());
        }
    }

    #[test]
    fn delong_agrees_with_its_definition(rows in rows()) {
        let positive: Vec<bool> = rows.iter().map(|r| r.0).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| (r.1, r.2)).unzip();
        let n_positive = positive.iter().filter(|&&p| p).count();
        let found = binary::delong_test(&positive, &a, &b);
        if n_positive < 2 || rows.len() - n_positive < 2 {
            prop_assert!(found.is_err());
            return Ok(());
        }
        let test = found.unwrap();
        let cov = |a: &[f64], b: &[f64]| naive_delong_covariance(&positive, a, b);
        let one = binary::delong(&positive, &a).unwrap();
        assert_close(one.standard_error().powi(2), cov(&a, &a), 1e-12);
        let variance = cov(&a, &a) + cov(&b, &b) - 2.0 * cov(&a, &b);
        assert_close(test.standard_error().powi(2), variance, 1e-12);
        let ones = vec![1.0; rows.len()];
        assert_close(test.first(), naive_auc(&positive, &a, &ones), 1e-13);
        assert_close(test.second(), naive_auc(&positive, &b, &ones), 1e-13);
        prop_assert!((0.0..=1.0).contains(&test.p_value()));
        // Swapping the two changes the sign and nothing else.
        let swapped = binary::delong_test(&positive, &b, &a).unwrap();
        assert_close(swapped.z(), -test.z(), 1e-12);
        assert_close(swapped.p_value(), test.p_value(), 1e-12);
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice(rows in rows()) {
        let positive: Vec<bool> = rows.iter().map(|r| r.0).collect();
        prop_assume!(rows.iter().any(|r| r.0) && rows.iter().any(|r| !r.0));
        let scores: Vec<f64> = rows.iter().map(|r| r.2 / 2.5).collect();
        let predicted: Vec<bool> = scores.iter().map(|&s| s > 0.5).collect();
        let (mut twice, mut twice_scores, mut twice_predicted) = (vec![], vec![], vec![]);
        let mut weights = vec![];
        for (i, row) in rows.iter().enumerate() {
            let times = if i % 3 == 0 { 2 } else { 1 };
            weights.push(f64::from(times));
            for _ in 0..times {
                twice.push(row.0);
                twice_scores.push(scores[i]);
                twice_predicted.push(predicted[i]);
            }
        }
        for metric in [binary::roc_auc, binary::average_precision, binary::log_loss, binary::brier] {
            assert_close(
                metric(&positive, &scores, Some(&weights)).unwrap(),
                metric(&twice, &twice_scores, None).unwrap(),
                1e-12,
            );
        }
        for metric in [binary::accuracy, binary::balanced_accuracy, binary::f1, binary::matthews] {
            assert_close(
                metric(&positive, &predicted, Some(&weights)).unwrap(),
                metric(&twice, &twice_predicted, None).unwrap(),
                1e-12,
            );
        }
    }

    #[test]
    fn many_class_metrics_of_two_classes_are_the_binary_ones(rows in rows()) {
        let positive: Vec<bool> = rows.iter().map(|r| r.0).collect();
        prop_assume!(rows.iter().any(|r| r.0) && rows.iter().any(|r| !r.0));
        let truth: Vec<u32> = positive.iter().map(|&p| u32::from(p)).collect();
        let p: Vec<f64> = rows.iter().map(|r| r.2 / 2.5).collect();
        let q: Vec<f64> = p.iter().map(|p| 1.0 - p).collect();
        let columns = [&q[..], &p[..]];
        let auc = binary::roc_auc(&positive, &p, None).unwrap();
        for average in [Average::Macro, Average::Prevalence] {
            assert_close(multiclass::roc_auc_one_vs_rest(&truth, &columns, average, None).unwrap(), auc, 1e-12);
            assert_close(multiclass::roc_auc_one_vs_one(&truth, &columns, average, None).unwrap(), auc, 1e-12);
        }
        assert_close(
            multiclass::log_loss(&truth, &columns, None).unwrap(),
            binary::log_loss(&positive, &p, None).unwrap(),
            1e-12,
        );
        assert_close(
            multiclass::brier(&truth, &columns, None).unwrap(),
            2.0 * binary::brier(&positive, &p, None).unwrap(),
            1e-12,
        );
    }
}

/// The same numbers as tests/parity/metrics.py makes, from integers alone.
fn unit(i: u64, a: u64, b: u64) -> f64 {
    ((i * a + i * i * b) % 1009) as f64 / 1009.0
}

#[test]
fn scores_are_those_of_scikit_learn() {
    let rows = || 0..300_u64;
    let weights: Vec<f64> = rows().map(|i| 0.25 + (i * 37 % 11) as f64 / 4.0).collect();
    let positive: Vec<bool> = rows().map(|i| unit(i, 17, 3) < 0.4).collect();
    let score = |(i, &y): (u64, &bool)| {
        let raw = 0.6 * unit(i, 29, 7) + 0.4 * f64::from(u8::from(y));
        (32.0 * raw).floor() / 32.0
    };
    let scores: Vec<f64> = rows().zip(&positive).map(score).collect();
    let predicted: Vec<bool> = scores.iter().map(|&s| s >= 0.5).collect();
    let class = |i: u64| u32::try_from(i % 3).unwrap();
    let truth: Vec<u32> = rows()
        .map(|i| if unit(i, 5, 11) < 0.8 { class(i) } else { 0 })
        .collect();
    let mut columns = vec![Vec::new(), Vec::new(), Vec::new()];
    for i in rows() {
        let raw = [0, 1, 2].map(|k| {
            let own = f64::from(u8::from(k == i % 3));
            1.0 + own + 3.0 * unit(i, 101 + 7 * k, 31 + k)
        });
        let sum: f64 = raw.iter().sum();
        for (column, value) in columns.iter_mut().zip(raw) {
            column.push(value / sum);
        }
    }
    let y: Vec<f64> = rows().map(|i| 10.0 * unit(i, 41, 13) + 1.0).collect();
    let p: Vec<f64> = rows()
        .zip(&y)
        .map(|(i, y)| y + unit(i, 43, 19) - 0.5)
        .collect();

    let names = vec!["a".into(), "b".into(), "c".into()];
    let labels = Labels::new(truth.clone(), names).unwrap();
    let many = labels.prediction(columns).unwrap();
    let flags: Vec<u32> = positive.iter().map(|&p| u32::from(p)).collect();
    let two = Labels::new(flags, vec!["no".into(), "yes".into()]).unwrap();
    let two_prediction = two.prediction(vec![scores.clone()]).unwrap();
    let (y, p) = (Values::new(y).unwrap(), Values::new(p).unwrap());

    let mut checked = 0;
    for line in include_str!("../parity/metrics.txt").lines() {
        let Some((name, expected)) = line.split_once(' ').filter(|(name, _)| *name != "#") else {
            assert_eq!(line, "# scikit-learn 1.9.1");
            continue;
        };
        let weights = name.ends_with("_weighted").then_some(&weights[..]);
        let of_many = |metric: ClassificationMetric| metric.score(&labels, &many, weights);
        let of_two = |metric: ClassificationMetric| metric.score(&two, &two_prediction, weights);
        let of_values = |metric: RegressionMetric| metric.score(&y, &p, weights);
        let found = match name.trim_end_matches("_weighted") {
            "roc_auc" => of_two(ClassificationMetric::RocAuc),
            "average_precision" => of_two(ClassificationMetric::AveragePrecision),
            "log_loss" => of_two(ClassificationMetric::LogLoss),
            "brier" => of_two(ClassificationMetric::Brier),
            "accuracy" => binary::accuracy(&positive, &predicted, weights),
            "balanced_accuracy" => binary::balanced_accuracy(&positive, &predicted, weights),
            "f1" => binary::f1(&positive, &predicted, weights),
            "matthews" => binary::matthews(&positive, &predicted, weights),
            "ovr" => of_many(ClassificationMetric::RocAucOneVsRest(Average::Macro)),
            "ovr_prevalence" => of_many(ClassificationMetric::RocAucOneVsRest(Average::Prevalence)),
            "ovo" => of_many(ClassificationMetric::RocAucOneVsOne(Average::Macro)),
            "ovo_prevalence" => of_many(ClassificationMetric::RocAucOneVsOne(Average::Prevalence)),
            "many_log_loss" => of_many(ClassificationMetric::LogLoss),
            "many_brier" => of_many(ClassificationMetric::Brier),
            "many_accuracy" => of_many(ClassificationMetric::Accuracy),
            "many_balanced_accuracy" => of_many(ClassificationMetric::BalancedAccuracy),
            "macro_f1" => of_many(ClassificationMetric::MacroF1),
            "many_matthews" => of_many(ClassificationMetric::Matthews),
            "rmse" => of_values(RegressionMetric::Rmse),
            "mae" => of_values(RegressionMetric::Mae),
            "mape" => of_values(RegressionMetric::Mape),
            "r2" => of_values(RegressionMetric::R2),
            other => panic!("{other}"),
        };
        let (found, expected): (f64, f64) = (found.unwrap(), expected.parse().unwrap());
        assert!(
            (found - expected).abs() < 1e-12,
            "{name}: {found}, {expected}"
        );
        checked += 1;
    }
    assert_eq!(checked, 42);
}

#[test]
fn auc_is_exact_where_single_precision_is_not() {
    // One tie in 10^10 pairs.
    let n = 100_000;
    let positive: Vec<bool> = (0..2 * n).map(|i| i >= n).collect();
    let scores: Vec<f64> = (0..2 * n)
        .map(|i| f64::from(if i == n { n - 1 } else { i }))
        .collect();
    let found = binary::roc_auc(&positive, &scores, None).unwrap();
    let pairs = f64::from(n).powi(2);
    assert_close(found, (pairs - 0.5) / pairs, 1e-16);
    // Minus zero is zero.
    let found = binary::roc_auc(&[true, false], &[-0.0, 0.0], None).unwrap();
    assert_close(found, 0.5, 0.0);
}

#[test]
fn the_interval_of_an_auc_covers_it() {
    // Scores of positive rows are N(1, 1), of others N(0, 1): the AUC is Phi(1 / sqrt(2)).
    let truth = 0.760_249_938_906_523_4;
    let (mut covered, mut rejected, repeats) = (0, 0, 400);
    for repeat in 0..repeats {
        let seed = Seed::new(9).at(repeat);
        let positive: Vec<bool> = (0..150).map(|i| i % 3 == 0).collect();
        let draw = |noise: &str| -> Vec<f64> {
            let own = |i: u64| seed.child(noise).normal(i);
            let shift = |i: usize| f64::from(u8::from(positive[i]));
            (0..150_u64)
                .zip(0..)
                .map(|(i, j)| shift(j) + own(i))
                .collect()
        };
        let (a, b) = (draw("a"), draw("b"));
        let interval = binary::delong(&positive, &a).unwrap().interval();
        covered += usize::from(interval.low <= truth && truth <= interval.high);
        rejected += usize::from(binary::delong_test(&positive, &a, &b).unwrap().p_value() < 0.05);
    }
    // 95 % and 5 % of 400, with a standard deviation of 4.4.
    assert!((362..=396).contains(&covered), "{covered}");
    assert!((5..=38).contains(&rejected), "{rejected}");
}

#[test]
fn intervals_of_means_are_those_of_row_losses() {
    let (y, p) = ([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 5.0, 4.5]);
    let (y, p) = (
        Values::new(y.to_vec()).unwrap(),
        Values::new(p.to_vec()).unwrap(),
    );
    // Absolute errors 0, 1, 2, 0.5: mean 0.875, sample variance 2.1875 / 3.
    let found = RegressionMetric::Mae
        .interval(&y, &p, None)
        .unwrap()
        .unwrap();
    let error = (2.1875_f64 / 3.0 / 4.0).sqrt();
    assert_close(found.low, 0.875 - 1.959_963_984_540_054 * error, 1e-12);
    // Squares 0, 1, 4, 0.25: mean 1.3125; the root's slope is 1 / (2 sqrt(1.3125)).
    let found = RegressionMetric::Rmse
        .interval(&y, &p, None)
        .unwrap()
        .unwrap();
    let squares = [0.0, 1.0, 4.0, 0.25_f64];
    let variance = squares.iter().map(|s| (s - 1.3125).powi(2)).sum::<f64>() / 3.0;
    let root = 1.3125_f64.sqrt();
    assert_close(found.estimate, root, 1e-15);
    let error = (variance / 4.0).sqrt() / (2.0 * root);
    assert_close(found.high, root + 1.959_963_984_540_054 * error, 1e-12);
    // Equal weights change nothing, and R² has no interval.
    let weighted = RegressionMetric::Rmse
        .interval(&y, &p, Some(&[3.0; 4]))
        .unwrap()
        .unwrap();
    assert_close(weighted.low, found.low, 1e-12);
    assert_eq!(RegressionMetric::R2.interval(&y, &p, None).unwrap(), None);

    let labels = crate::support::binary(&[0, 1, 1, 0, 1]);
    let probabilities = [0.2, 0.9, 0.4, 0.3, 0.8];
    let prediction = labels.prediction(vec![probabilities.to_vec()]).unwrap();
    let found = |metric: ClassificationMetric| metric.interval(&labels, &prediction, None).unwrap();
    // Brier losses 0.04, 0.01, 0.36, 0.09, 0.04.
    let losses = [0.04, 0.01, 0.36, 0.09, 0.04_f64];
    let mean = losses.iter().sum::<f64>() / 5.0;
    let variance = losses.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / 4.0;
    let brier = found(ClassificationMetric::Brier).unwrap();
    assert_close(brier.estimate, mean, 1e-12);
    assert_close(
        brier.high - mean,
        1.959_963_984_540_054 * (variance / 5.0).sqrt(),
        1e-12,
    );
    assert!(found(ClassificationMetric::LogLoss).is_some());
    assert!(found(ClassificationMetric::RocAuc).is_some());
    assert_eq!(found(ClassificationMetric::Matthews), None);
    let weights = [1.0, 2.0, 1.0, 1.0, 1.0];
    let weighted = ClassificationMetric::RocAuc.interval(&labels, &prediction, Some(&weights));
    assert_eq!(weighted.unwrap(), None);
}

#[test]
fn a_score_that_is_not_defined_is_an_error() {
    let error = |result: Result<f64>| result.unwrap_err().to_string();
    let yes = [true, true];
    assert_eq!(
        error(binary::roc_auc(&yes, &[0.1, 0.2], None)),
        "expected rows of both classes, found only positive ones"
    );
    assert_eq!(
        error(binary::roc_auc(&[false, false], &[0.1, 0.2], None)),
        "expected rows of both classes, found only negative ones"
    );
    assert_eq!(
        error(binary::roc_auc(
            &[true, false],
            &[0.1, 0.2],
            Some(&[0.0, 1.0])
        )),
        "expected rows of both classes, found only negative ones"
    );
    assert_eq!(
        error(binary::roc_auc(&[], &[], None)),
        "expected at least one row to score, found none"
    );
    assert_eq!(
        error(binary::roc_auc(&[true, false], &[0.1], None)),
        "expected 2 scores, one a row, found 1"
    );
    assert_eq!(
        error(binary::roc_auc(&[true, false], &[0.1, f64::NAN], None)),
        "row 1: expected a finite value, found NaN"
    );
    assert_eq!(
        error(binary::log_loss(&yes, &[0.1, 1.5], None)),
        "row 1: expected probabilities from 0 to 1, found 1.5"
    );
    assert_eq!(
        error(binary::log_loss(&yes, &[0.1, 0.5], Some(&[1.0, -1.0]))),
        "row 1: expected finite weights of 0 or more, found -1"
    );
    assert_eq!(
        error(binary::brier(&yes, &[0.1, 0.5], Some(&[0.0, 0.0]))),
        "expected a weight above 0, found only zeros"
    );
    assert_eq!(
        error(binary::brier(&yes, &[0.1, 0.5], Some(&[1.0]))),
        "expected 2 weights, one a row, found 1"
    );
    assert_eq!(
        error(binary::matthews(&yes, &[true, false], None)),
        "expected rows of two classes or more, found one class"
    );
    assert_eq!(
        error(binary::f1(&[false], &[false], None)),
        "expected a row that is positive or predicted to be, found none"
    );
    assert_eq!(
        error(binary::delong(&[true, false, false], &[0.1, 0.2, 0.3]).map(|d| d.auc())),
        "expected two rows or more of each class, found 1 positive and 2 negative"
    );
    assert_eq!(
        error(multiclass::log_loss(
            &[0, 3],
            &[&[0.5, 0.5], &[0.5, 0.5]],
            None
        )),
        "row 1: expected class codes below 2, found 3"
    );
    assert_eq!(
        error(multiclass::roc_auc_one_vs_one(
            &[0, 1],
            &[&[0.5, 0.5], &[0.5, 0.5], &[0.0, 0.0]],
            Average::Macro,
            None
        )),
        "expected rows of each class, found none of class 2"
    );
    assert_eq!(
        error(regression::r2(&[1.0, 1.0], &[1.0, 2.0], None)),
        "expected true values that vary, found 1"
    );
    assert_eq!(
        error(regression::mape(&[1.0, 0.0], &[1.0, 2.0], None)),
        "row 1: expected true values other than 0, found 0"
    );
    assert_eq!(
        error(regression::rmse(&[1.0, f64::INFINITY], &[1.0, 2.0], None)),
        "row 1: expected a finite value, found inf"
    );
    let three = Labels::from_strs(&["a", "b", "c", "c"]).unwrap();
    let flat = three
        .prediction(vec![vec![0.5; 4], vec![0.25; 4], vec![0.25; 4]])
        .unwrap();
    assert_eq!(
        error(ClassificationMetric::RocAuc.score(&three, &flat, None)),
        "not supported: roc_auc of 3 classes, it is for two"
    );
    let two = crate::support::binary(&[0, 1, 1, 0]);
    assert_eq!(
        error(ClassificationMetric::LogLoss.score(&two, &flat, None)),
        "expected a prediction of classes no, yes, found one of a, b, c"
    );
}

#[test]
fn each_target_has_its_metric() {
    assert_eq!(
        crate::support::binary(&[0, 1]).default_metric().name(),
        "roc_auc"
    );
    let three = Labels::from_strs(&["a", "b", "c", "c"]).unwrap();
    assert_eq!(three.default_metric().name(), "log_loss");
    assert!(!three.default_metric().greater_is_better());
    assert_eq!(
        Values::new(vec![1.0]).unwrap().default_metric().name(),
        "rmse"
    );
}
