//! Laws that each blender obeys.
//!
//! [`of_labels`] and [`of_values`] list each blender; a new one belongs there.
#![allow(
    clippy::unwrap_used,
    reason = "tests panic when they fail, in helpers too"
)]

use std::sync::Arc;

use stackfold::folds::StratifiedKFold;
use stackfold::metrics::Metric;
use stackfold::model::baseline::Prior;
use stackfold::model::hist::{HistGradientBoosting, RandomForest};
use stackfold::model::linear::LogisticRegression;
use stackfold::prelude::*;
use stackfold::stack::{
    Average, AverageBlender, Blender, EstimatorBlender, FittedStack, GreedySelection,
    LogisticBlender, NonNegativeBlender, RidgeBlender, Scheme, Stack, StackTarget, View,
};
use stackfold::transform::passthrough::Passthrough;

use crate::support::{assert_all_listed, assert_close, binary, bits, on_threads, type_of};

const N: usize = 200;

/// A blender with its name and the path of its type.
type Listed<Y> = (&'static str, &'static str, Arc<dyn Blender<Y>>);

fn listed<Y: Target, B: Blender<Y> + 'static>(name: &'static str, blender: B) -> Listed<Y> {
    (name, type_of(&blender), Arc::new(blender))
}

/// Those that serve any number of classes, then those for two.
fn of_labels() -> (Vec<Listed<Labels>>, Vec<Listed<Labels>>) {
    let trees = HistGradientBoosting::new().with_n_trees(10);
    let any = vec![
        listed("logistic", LogisticBlender::new()),
        listed("non-negative", NonNegativeBlender::new()),
        listed("greedy", GreedySelection::new()),
        listed("mean", AverageBlender::new(Average::Arithmetic)),
        listed("geometric mean", AverageBlender::new(Average::Geometric)),
        listed("trees", EstimatorBlender::new(trees)),
    ];
    let two = vec![listed("rank mean", AverageBlender::new(Average::Rank))];
    (any, two)
}

fn of_values() -> Vec<Listed<Values>> {
    let trees = HistGradientBoosting::new().with_n_trees(30);
    vec![
        listed("ridge", RidgeBlender::new()),
        listed("non-negative", NonNegativeBlender::new()),
        listed("greedy", GreedySelection::new()),
        listed("mean", AverageBlender::new(Average::Arithmetic)),
        listed("trees", EstimatorBlender::new(trees)),
    ]
}

/// Two numbers, and their sum with noise.
fn problem() -> (Table, Vec<f64>) {
    let seed = Seed::new(3);
    let column = |j: usize| (0..N as u64).map(|i| seed.at(j).normal(i)).collect();
    let [a, b, noise]: [Vec<f64>; 3] = [0, 1, 2].map(column);
    let sum = (0..N).map(|i| a[i] + b[i] + 0.5 * noise[i]).collect();
    let columns = [("a", Column::numeric(a)), ("b", Column::numeric(b))];
    (Table::new(columns).unwrap(), sum)
}

/// Labels of two and of three classes.
fn labels(sum: &[f64]) -> [Labels; 2] {
    let two: Vec<u32> = sum.iter().map(|&s| u32::from(s > 0.3)).collect();
    let three = sum
        .iter()
        .map(|&s| u32::from(s > -0.7) + u32::from(s > 0.7));
    let names = ["low", "middle", "high"].map(String::from).to_vec();
    [
        binary(&two),
        Labels::new(three.collect::<Vec<_>>(), names).unwrap(),
    ]
}

/// A stack of a member that knows nothing and two that know something.
fn stack<Y: StackTarget>(
    blender: &Arc<dyn Blender<Y>>,
    model: impl Estimator<Y> + 'static,
) -> Stack<Y> {
    let view = View::new("numbers", Passthrough::new());
    Stack::new(Scheme::out_of_fold(StratifiedKFold::new(4)))
        .with_member("prior", &view, Prior::new())
        .with_member("forest", &view, RandomForest::new().with_n_trees(10))
        .with_member("model", &view, model)
        .with_blender(Arc::clone(blender))
}

/// Each blender's stack of each target that it serves, fitted.
fn fitted_on_labels() -> Vec<(&'static str, FittedStack<Labels>)> {
    let (table, sum) = problem();
    let (any, only_two) = of_labels();
    let [two, three] = labels(&sum);
    let of_any = [&two, &three]
        .into_iter()
        .flat_map(|y| any.iter().map(move |b| (y, b)));
    of_any
        .chain(only_two.iter().map(|b| (&two, b)))
        .map(|(y, (name, _, blender))| {
            let stack = stack(blender, LogisticRegression::new());
            let fitted = stack.fit(Train::new(&table, y).unwrap());
            (*name, fitted.unwrap_or_else(|e| panic!("{name}: {e}")))
        })
        .collect()
}

fn fitted_on_values() -> Vec<(&'static str, FittedStack<Values>)> {
    let (table, sum) = problem();
    let y = Values::new(sum).unwrap();
    of_values()
        .iter()
        .map(|(name, _, blender)| {
            let stack = stack(blender, HistGradientBoosting::new().with_n_trees(20));
            let fitted = stack.fit(Train::new(&table, &y).unwrap());
            (*name, fitted.unwrap_or_else(|e| panic!("{name}: {e}")))
        })
        .collect()
}

#[test]
fn every_blender_is_listed() {
    let (any, two) = of_labels();
    let of_labels = any.iter().chain(&two).map(|(_, path, _)| *path);
    let values = of_values();
    let of_values = values.iter().map(|(_, path, _)| *path);
    assert_all_listed("Blender", 6, of_labels.chain(of_values));
}

#[test]
fn a_row_is_blended_alone_as_among_others() {
    fn check<Y: StackTarget>(name: &str, fitted: &FittedStack<Y>) {
        let (table, _) = problem();
        let all = fitted.predict(table.rows()).unwrap();
        for rows in [vec![], vec![7], (0..200).rev().collect(), vec![3, 150, 3]] {
            let some = fitted.predict(table.rows().subset(&rows).unwrap());
            assert_eq!(bits(&some.unwrap()), bits(&all.take(&rows)), "{name}");
        }
    }
    for (name, fitted) in fitted_on_labels() {
        check(name, &fitted);
    }
    for (name, fitted) in fitted_on_values() {
        check(name, &fitted);
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let (table, _) = problem();
    let run = || -> Vec<(&str, Vec<u64>)> {
        let of_labels = fitted_on_labels().into_iter();
        let of_labels = of_labels.map(|(name, f)| (name, bits(&f.predict(table.rows()).unwrap())));
        let of_values = fitted_on_values().into_iter();
        let of_values = of_values.map(|(name, f)| (name, bits(&f.predict(table.rows()).unwrap())));
        of_labels.chain(of_values).collect()
    };
    let one = on_threads(1, run);
    for n_threads in [2, 8] {
        assert_eq!(on_threads(n_threads, run), one, "{n_threads} threads");
    }
}

#[test]
fn a_blend_beats_the_member_that_knows_nothing() {
    fn check<Y: StackTarget>(name: &str, fitted: &FittedStack<Y>, metric: &dyn Metric<Y>, y: &Y) {
        let [stack, prior] = [
            fitted.out_of_fold_stack().unwrap(),
            &fitted.out_of_fold()[0].1,
        ]
        .map(|p| metric.score(y, p, None).unwrap());
        assert!(stack < prior, "{name}: {stack}, of the prior {prior}");
    }
    let (_, sum) = problem();
    let [two, three] = labels(&sum);
    for (name, fitted) in fitted_on_labels() {
        // Ranks order, and are no probabilities.
        if name != "rank mean" {
            let n_classes = fitted.out_of_fold()[0].1.classes().len();
            let y = if n_classes == 2 { &two } else { &three };
            check(name, &fitted, &ClassificationMetric::LogLoss, y);
        }
    }
    let y = Values::new(sum).unwrap();
    for (name, fitted) in fitted_on_values() {
        check(name, &fitted, &RegressionMetric::Rmse, &y);
    }
}

#[test]
fn probabilities_are_those_of_the_targets_classes() {
    let (table, sum) = problem();
    let [two, three] = labels(&sum);
    for (name, fitted) in fitted_on_labels() {
        let p = fitted.predict(table.rows()).unwrap();
        let y = if p.classes().len() == 2 { &two } else { &three };
        assert_eq!(p.classes(), y.classes(), "{name}");
        for row in 0..N {
            let of_row: Vec<f64> = (0..p.n_columns()).map(|k| p.column(k)[row]).collect();
            assert!(of_row.iter().all(|p| (0.0..=1.0).contains(p)), "{name}");
            assert_close(of_row.iter().sum(), 1.0, 1e-9);
        }
    }
}

#[test]
fn weights_are_finite_and_one_per_member() {
    fn check<Y: StackTarget>(name: &str, fitted: &FittedStack<Y>) {
        if let Some(weights) = fitted.blender().weights() {
            assert_eq!(weights.len(), 3, "{name}");
            assert!(weights.iter().all(|w| w.is_finite()), "{name}: {weights:?}");
            // These are averages.
            if name == "non-negative" || name == "greedy" || name.ends_with("mean") {
                assert!(weights.iter().all(|&w| w >= 0.0), "{name}: {weights:?}");
                assert_close(weights.iter().sum(), 1.0, 1e-9);
            }
        }
    }
    for (name, fitted) in fitted_on_labels() {
        check(name, &fitted);
    }
    for (name, fitted) in fitted_on_values() {
        check(name, &fitted);
    }
}

#[test]
fn what_members_predict_depends_on_no_blender() {
    let of_labels = fitted_on_labels();
    let (_, first) = &of_labels[0];
    let two = of_labels
        .iter()
        .filter(|(_, f)| f.out_of_fold()[0].1.classes().len() == 2);
    for (name, fitted) in two {
        for ((_, a), (_, b)) in fitted.out_of_fold().iter().zip(first.out_of_fold()) {
            assert_eq!(bits(a), bits(b), "{name}");
        }
    }
}
