//! Bad input to boosting on histograms: an error that says what is wrong, or a result that is
//! defined; never a panic, and never a wait without end.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "helpers of tests, too, may panic, draw small numbers, and compare exact ones"
)]

use stackfold::data::Feature;
use stackfold::model::MaxFeatures;
use stackfold::model::hist::{
    Binning, Categories, ClassWeight, EarlyStopping, HistGradientBoosting, Loss, Monotone, Sampling,
};
use stackfold::prelude::*;

use crate::support::{assert_close, binary};

fn numbers(columns: Vec<Vec<f32>>) -> Features<OutOfSample> {
    let fields = (0..columns.len()).map(|j| Feature::number(format!("x{j}")));
    Features::from_columns(fields.collect(), columns).unwrap()
}

fn column(n: usize, seed: u64) -> Vec<f32> {
    (0..n as u64)
        .map(|i| Seed::new(seed).normal(i) as f32)
        .collect()
}

fn values(n: usize) -> Values {
    Values::new(
        (0..n as u64)
            .map(|i| Seed::new(99).normal(i))
            .collect::<Vec<_>>(),
    )
    .unwrap()
}

fn model() -> HistGradientBoosting {
    HistGradientBoosting::new()
        .with_n_trees(5)
        .with_min_samples_leaf(1)
}

fn fit_predict<Y: Target>(
    model: &HistGradientBoosting,
    x: &Features<OutOfSample>,
    y: &Y,
    context: &FitContext<'_>,
) -> Result<Y::Prediction> {
    model
        .fit(&x.clone().assume_in_sample(), y, context)?
        .predict(x)
}

#[track_caller]
fn refused<Y: Target>(model: &HistGradientBoosting, x: &Features<OutOfSample>, y: &Y, what: &str) {
    let error = fit_predict(model, x, y, &FitContext::default());
    let Err(error) = error else {
        panic!("{model:?} is taken")
    };
    assert!(error.to_string().contains(what), "{error}: not {what}");
}

#[test]
#[allow(clippy::too_many_lines, reason = "a list")]
fn options_outside_their_domain_are_named() {
    let x = numbers(vec![column(30, 1), column(30, 2)]);
    let y = values(30);
    let stopping = |s: EarlyStopping| model().with_early_stopping(Some(s));
    let early = EarlyStopping::new;
    let mut cases = vec![
        ("n_trees", model().with_n_trees(0)),
        ("max_leaves", model().with_max_leaves(1)),
        ("max_leaves", model().with_max_leaves(0)),
        ("max_depth", model().with_max_depth(Some(0))),
        ("min_samples_leaf", model().with_min_samples_leaf(0)),
        (
            "sampling",
            model().with_sampling(Sampling::Gradient {
                top: 0.7,
                other: 0.4,
            }),
        ),
        (
            "sampling",
            model().with_sampling(Sampling::Gradient {
                top: 0.2,
                other: 0.0,
            }),
        ),
        (
            "sampling",
            model().with_sampling(Sampling::Gradient {
                top: f64::NAN,
                other: 0.1,
            }),
        ),
        (
            "max_features",
            model().with_max_features(MaxFeatures::Count(0)),
        ),
        (
            "max_features_node",
            model().with_max_features_node(MaxFeatures::Count(0)),
        ),
        ("patience", stopping(early().with_patience(0))),
        (
            "max_levels",
            model().with_categories(Categories::new().with_max_levels(0)),
        ),
        (
            "max_bins",
            model().with_binning(Binning::new().with_max_bins(1)),
        ),
        (
            "max_bins",
            model().with_binning(Binning::new().with_max_bins(256)),
        ),
        (
            "max_rows",
            model().with_binning(Binning::new().with_max_rows(Some(1))),
        ),
        (
            "monotone",
            model().with_monotone([("absent", Monotone::Increasing)]),
        ),
        (
            "class_weight",
            model().with_class_weight(ClassWeight::Balanced),
        ),
        ("loss", model().with_loss(Loss::LogLoss)),
    ];
    for wrong in [f64::NAN, f64::INFINITY, -1.0] {
        cases.extend([
            ("learning_rate", model().with_learning_rate(wrong)),
            ("min_hessian", model().with_min_hessian(wrong)),
            ("min_gain", model().with_min_gain(wrong)),
            ("l1", model().with_l1(wrong)),
            ("l2", model().with_l2(wrong)),
            (
                "min_improvement",
                stopping(early().with_min_improvement(wrong)),
            ),
            (
                "smoothing",
                model().with_categories(Categories::new().with_smoothing(wrong)),
            ),
            (
                "l2",
                model().with_categories(Categories::new().with_l2(wrong)),
            ),
        ]);
    }
    for wrong in [f64::NAN, f64::INFINITY, -0.1, 0.0, 1.1] {
        cases.extend([
            ("sampling", model().with_sampling(Sampling::Share(wrong))),
            (
                "max_features",
                model().with_max_features(MaxFeatures::Share(wrong)),
            ),
            (
                "max_features_node",
                model().with_max_features_node(MaxFeatures::Share(wrong)),
            ),
            ("share", stopping(early().with_share(wrong))),
            ("loss", model().with_loss(Loss::Quantile(wrong))),
        ]);
    }
    cases.push(("learning_rate", model().with_learning_rate(0.0)));
    cases.push(("loss", model().with_loss(Loss::Quantile(1.0))));
    for (name, model) in cases {
        refused(&model, &x, &y, name);
    }
    let labels = binary(&(0..30).map(|i| i % 2).collect::<Vec<u32>>());
    for loss in [
        Loss::Squared,
        Loss::Absolute,
        Loss::Poisson,
        Loss::Quantile(0.5),
    ] {
        refused(&model().with_loss(loss), &x, &labels, "loss");
    }
    let given = |name: &str, weight| ClassWeight::Given(vec![(name.to_owned(), weight)]);
    for wrong in [
        given("maybe", 1.0),
        given("yes", -1.0),
        given("yes", f64::NAN),
    ] {
        refused(
            &model().with_class_weight(wrong),
            &x,
            &labels,
            "class_weight",
        );
    }
    let code = Features::from_columns(vec![Feature::code("job", 3)], vec![vec![1.0; 30]]).unwrap();
    refused(
        &model().with_monotone([("job", Monotone::Decreasing)]),
        &code,
        &y,
        "job",
    );
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let x = numbers(vec![column(30, 1)]);
    let y = values(30);
    refused(&model(), &x, &values(29), "30 rows");
    refused(&model(), &x.take(&[]), &values(0), "at least one row");
    let none = Features::new(Vec::new(), 30, Vec::new()).unwrap();
    refused(&model(), &none, &y, "at least one feature");
    assert!(Values::new(vec![1.0, f64::NAN]).is_err());
    refused(&model().with_loss(Loss::Poisson), &x, &y, "Poisson");
    let zeros = Values::new(vec![0.0; 30]).unwrap();
    refused(&model().with_loss(Loss::Poisson), &x, &zeros, "Poisson");
    let huge = Values::new(vec![1e300; 30]).unwrap();
    refused(&model(), &x, &huge, "row 0");
    for wrong in [-1.0, f64::NAN, f64::INFINITY] {
        let mut weights = vec![1.0; 30];
        weights[7] = wrong;
        let context = FitContext::default().with_weights(Some(&weights));
        let error = fit_predict(&model(), &x, &y, &context).unwrap_err();
        assert!(
            error.to_string().contains("weights") && error.row() == Some(7),
            "{error}"
        );
    }
    let (weights, groups) = (vec![1.0; 29], vec![1; 31]);
    let context = FitContext::default();
    for context in [
        context.with_weights(Some(&weights)),
        context.with_groups(Some(&groups)),
        context.with_time(Some(&weights)),
    ] {
        assert!(fit_predict(&model(), &x, &y, &context).is_err());
    }
}

#[test]
fn features_of_new_rows_must_be_those_of_fitting() {
    let x = numbers(vec![column(30, 1), column(30, 2)]);
    let fitted = model()
        .fit(
            &x.clone().assume_in_sample(),
            &values(30),
            &FitContext::default(),
        )
        .unwrap();
    let other = Features::from_columns(
        vec![Feature::number("x1"), Feature::number("x0")],
        vec![column(3, 1), column(3, 2)],
    )
    .unwrap();
    assert!(
        fitted
            .predict(&other)
            .unwrap_err()
            .to_string()
            .contains("x0")
    );
    for wrong in [vec![column(3, 1)], vec![column(3, 1); 3]] {
        assert!(fitted.predict(&numbers(wrong)).is_err());
    }
    assert!(fitted.predict(&x.take(&[])).unwrap().as_slice().is_empty());
}

#[test]
fn where_nothing_can_be_split_the_constant_is_predicted() {
    let y = values(30);
    let mean = y.as_slice().iter().sum::<f64>() / 30.0;
    let constant = numbers(vec![vec![3.0; 30], vec![f32::NAN; 30]]);
    let varied = numbers(vec![column(30, 1)]);
    let sampled = model().with_sampling(Sampling::Share(0.5));
    for (model, x) in [
        (model(), &constant),
        (sampled, &constant),
        (model().with_min_samples_leaf(31), &varied),
        (model().with_min_samples_leaf(usize::MAX), &varied),
        (model().with_min_hessian(1e300), &varied),
        (model().with_min_gain(1e300), &varied),
        (model().with_l1(1e300), &varied),
    ] {
        let found = fit_predict(&model, x, &y, &FitContext::default()).unwrap();
        for &found in found.as_slice() {
            assert_close(found, mean, 1e-12);
        }
    }
    // No end of rounds that change nothing.
    let endless = model().with_n_trees(usize::MAX);
    let fitted = endless
        .fit(&constant.assume_in_sample(), &y, &FitContext::default())
        .unwrap();
    assert_eq!((fitted.n_trees(), fitted.history().len()), (0, 0));
}

#[test]
fn a_row_alone_predicts_itself() {
    let x = numbers(vec![vec![1.0], vec![f32::NAN]]);
    let y = Values::new(vec![4.5]).unwrap();
    for loss in [
        Loss::Squared,
        Loss::Absolute,
        Loss::Quantile(0.1),
        Loss::Poisson,
    ] {
        let found = fit_predict(&model().with_loss(loss), &x, &y, &FitContext::default());
        assert_close(found.unwrap().as_slice()[0], 4.5, 1e-12);
    }
    let found = fit_predict(&model(), &x, &binary(&[1]), &FitContext::default()).unwrap();
    assert!(found.positive()[0] > 1.0 - 1e-11);
    let stopping = model().with_early_stopping(Some(EarlyStopping::new()));
    refused(&stopping, &x, &y, "early stopping");
    // Of two rows, one can be set aside.
    let found = fit_predict(
        &stopping,
        &numbers(vec![vec![1.0, 2.0]]),
        &values(2),
        &FitContext::default(),
    );
    assert!(found.is_ok());
}

#[test]
fn classes_without_rows_or_weight_stay_possible() {
    let x = numbers(vec![column(60, 1)]);
    let names = || ["a", "b", "c"].map(str::to_owned).to_vec();
    let without = Labels::new((0..60).map(|i| 2 * (i % 2)).collect::<Vec<u32>>(), names()).unwrap();
    let all = Labels::new((0..60).map(|i| i % 3).collect::<Vec<u32>>(), names()).unwrap();
    let two = binary(&(0..60).map(|i| i % 2).collect::<Vec<u32>>());
    let context = FitContext::default();
    for class_weight in [ClassWeight::Equal, ClassWeight::Balanced] {
        let model = model().with_class_weight(class_weight);
        let found = fit_predict(&model, &x, &without, &context).unwrap();
        assert!((0..60).all(|row| found.column(1)[row] < 1e-6));
    }
    let zero = |name: &str| ClassWeight::Given(vec![(name.to_owned(), 0.0)]);
    let found = fit_predict(&model().with_class_weight(zero("b")), &x, &all, &context).unwrap();
    assert!((0..60).all(|row| found.column(1)[row] < 1e-6 && found.column(0)[row] > 0.1));
    let found = fit_predict(&model().with_class_weight(zero("yes")), &x, &two, &context).unwrap();
    assert!(found.positive().iter().all(|&p| p < 1e-6));
    // Balanced weights of one class.
    let one = binary(&[1; 60]);
    let balanced = model().with_class_weight(ClassWeight::Balanced);
    let found = fit_predict(&balanced, &x, &one, &context).unwrap();
    assert!(found.positive().iter().all(|&p| p > 0.999));
    // Samples of so few rows often have one class.
    let few = binary(&(0..60).map(|i| u32::from(i == 5)).collect::<Vec<u32>>());
    for sampling in [
        Sampling::Share(0.05),
        Sampling::Gradient {
            top: 0.01,
            other: 0.01,
        },
    ] {
        let found = fit_predict(&model().with_sampling(sampling), &x, &few, &context).unwrap();
        assert!(found.positive().iter().all(|p| p.is_finite()));
    }
}

#[test]
fn weights_of_zero_are_refused_where_nothing_is_left() {
    let x = numbers(vec![column(40, 1)]);
    let y = values(40);
    let stopping = model().with_early_stopping(Some(EarlyStopping::new().with_share(0.25)));
    let (none, mut one) = (vec![0.0; 40], vec![0.0; 40]);
    one[7] = 1.0;
    for (weights, model, expected) in [
        (&none, model(), "weights with a positive sum"),
        (&none, stopping.clone(), "weights with a positive sum"),
        (&one, stopping, "can be divided for early stopping"),
    ] {
        let context = FitContext::default().with_weights(Some(weights));
        let error = fit_predict(&model, &x, &y, &context).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn infinities_are_the_outermost_values() {
    let mut x = column(60, 1);
    for row in 0..10 {
        x[row] = f32::INFINITY;
        x[10 + row] = f32::NEG_INFINITY;
        x[20 + row] = f32::NAN;
    }
    // Each kind has a mean of its own.
    let y: Vec<f64> = (0..60).map(|row| f64::from((row / 10).min(3))).collect();
    let model = model().with_n_trees(1).with_learning_rate(1.0);
    let x = numbers(vec![x]);
    let found = fit_predict(
        &model,
        &x,
        &Values::new(y.clone()).unwrap(),
        &FitContext::default(),
    );
    for (&found, &y) in found.unwrap().as_slice().iter().zip(&y) {
        assert_close(found, y, 1e-6);
    }
    let only = numbers(vec![vec![f32::INFINITY; 30], vec![f32::NEG_INFINITY; 30]]);
    assert!(fit_predict(&model, &only, &values(30), &FitContext::default()).is_ok());
}

#[test]
fn shapes_at_the_ends_of_what_there_is() {
    let context = FitContext::default();
    let first = |model: &HistGradientBoosting, x: &Features<OutOfSample>| {
        let y = values(x.n_rows());
        let found = fit_predict(model, x, &y, &context).unwrap();
        let of = |v: &[f64]| {
            v.iter()
                .zip(y.as_slice())
                .map(|(a, b)| (a - b).powi(2))
                .sum::<f64>()
        };
        (of(found.as_slice()), of(&vec![0.0; x.n_rows()]))
    };
    // More bins than values, and more leaves than rows: each row has a leaf of its own.
    let one = model()
        .with_n_trees(1)
        .with_learning_rate(1.0)
        .with_max_leaves(usize::MAX);
    assert!(first(&one, &numbers(vec![column(50, 1)])).0 < 1e-9);
    // A thousand features of ten rows.
    let wide = numbers((0..1000).map(|j| column(10, j)).collect());
    let (found, constant) = first(&model().with_n_trees(50), &wide);
    assert!(found < 0.1 * constant);
    // A hundred thousand levels: the frequent ones are told apart, the others are one.
    let n_codes = 100_000_u32;
    let codes: Vec<f32> = (0..3000_u32)
        .map(|i| {
            if i % 2 == 0 {
                (i % 14) as f32
            } else {
                (i * 33) as f32
            }
        })
        .collect();
    let x =
        Features::from_columns(vec![Feature::code("id", n_codes)], vec![codes.clone()]).unwrap();
    let y: Vec<f64> = codes
        .iter()
        .map(|c| f64::from(u8::from([2.0, 8.0, 12.0].contains(c))))
        .collect();
    let found = fit_predict(
        &model().with_n_trees(100),
        &x,
        &Values::new(y.clone()).unwrap(),
        &context,
    );
    let found = found.unwrap();
    for (row, y) in y.iter().enumerate().filter(|(row, _)| row % 2 == 0) {
        assert!((found.as_slice()[row] - y).abs() < 0.2, "{row}");
    }
}

/// What is too large to be computed with may fail, and then says so.
#[test]
fn huge_numbers_do_not_panic() {
    let x = numbers(vec![column(60, 1), column(60, 2)]);
    let large = f64::from(f32::MAX);
    let y: Vec<f64> = (0..60)
        .map(|i| if i % 3 == 0 { large } else { -large })
        .collect();
    let y = Values::new(y).unwrap();
    let weights = vec![1e300; 60];
    for model in [
        model(),
        model().with_learning_rate(1e300),
        model().with_loss(Loss::Absolute),
        model().with_monotone([("x0", Monotone::Increasing)]),
        model().with_n_trees(30).with_learning_rate(1e10),
    ] {
        for context in [
            FitContext::default(),
            FitContext::default().with_weights(Some(&weights)),
        ] {
            let found = fit_predict(&model, &x, &y, &context);
            assert!(found.is_err() || found.unwrap().as_slice().iter().all(|v| v.is_finite()));
        }
    }
    let labels = binary(&(0..60).map(|i| i % 2).collect::<Vec<u32>>());
    let fast = model().with_learning_rate(1e6).with_n_trees(30);
    let found = fit_predict(&fast, &x, &labels, &FitContext::default());
    assert!(found.is_err() || found.unwrap().positive().iter().all(|p| p.is_finite()));
}
