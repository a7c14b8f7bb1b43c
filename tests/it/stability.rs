//! A whole stack gives the same bits on any number of threads, whatever else is in it.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]
#![cfg(all(feature = "linfa", feature = "smartcore"))]

use stackfold::folds::{Predefined, StratifiedKFold};
use stackfold::model::{linfa, smartcore};
use stackfold::prelude::*;
use stackfold::stack::{
    FittedStack, GreedySelection, Level, NewRows, Scheme, Stack, StackTarget, View,
};
use stackfold::transform::encode::{LeaveOneOutEncoder, OneHotEncoder, TargetEncoder};
use stackfold::transform::impute::{Imputer, Indicators};
use stackfold::transform::scale::StandardScaler;
use stackfold::transform::{ColumnTransformer, Selector};

use crate::support::{bits, on_threads};

const N: u16 = 360;

/// Numbers, flags and levels, all with missing cells.
fn table() -> Table {
    let seed = Seed::new(3);
    let number = |s: Seed, row: u16| match s.uniform(row.into()) {
        u if u < 0.1 => f64::NAN,
        _ => s.normal(row.into()),
    };
    let numbers = |s: Seed| Column::numeric((0..N).map(|i| number(s, i)).collect::<Vec<_>>());
    let names: Vec<String> = (0..30).map(|i| format!("level {i}")).collect();
    let texts = |s: Seed, n: u64| {
        Column::categorical((0..N).map(|i| {
            let level = s.hash(i.into()) % (n + 1);
            names[..usize::try_from(n).unwrap()]
                .get(usize::try_from(level).unwrap())
                .map(String::as_str)
        }))
    };
    let flags: Vec<_> = (0..N)
        .map(|i| match seed.child("flag").hash(i.into()) % 5 {
            0 => None,
            bits => Some(bits > 2),
        })
        .collect();
    Table::new([
        ("x", numbers(seed.at(0))),
        ("z", numbers(seed.at(1))),
        ("flag", Column::boolean(&flags)),
        ("few", texts(seed.at(2), 4)),
        ("many", texts(seed.at(3), 30)),
    ])
    .unwrap()
}

/// What x, the flag and the level say, with much noise.
fn scores() -> Vec<f64> {
    let table = table();
    let all = stackfold::data::RowIndex::All(N.into());
    let [x, flag, few] = ["x", "flag", "few"].map(|name| {
        let column = table.column(name).unwrap();
        match column.codes() {
            Some((codes, _)) => codes.iter().map(|&c| f64::from(c % 3)).collect(),
            None => column.numbers(all),
        }
    });
    let or_zero = |v: f64| if v.is_nan() { 0.0 } else { v };
    (0..usize::from(N))
        .map(|i| {
            let noise = Seed::new(4).normal(i as u64);
            1.5 * or_zero(x[i]) + or_zero(flag[i]) + few[i] - 1.3 + noise
        })
        .collect()
}

fn labels() -> Labels {
    let codes: Vec<u32> = scores().iter().map(|&s| u32::from(s > 0.5)).collect();
    crate::support::binary(&codes)
}

fn classes() -> Labels {
    let code = |&s: &f64| u32::from(s > -0.5) + u32::from(s > 1.5);
    let names = ["low", "middle", "high"].map(str::to_owned).to_vec();
    Labels::new(scores().iter().map(code).collect::<Vec<_>>(), names).unwrap()
}

fn numbers() -> Selector {
    Selector::kind(ColumnKind::Numeric) | Selector::kind(ColumnKind::Boolean)
}

fn few() -> Selector {
    Selector::kind(ColumnKind::Categorical) & Selector::cardinality(0..=10)
}

fn linear<Y: Target>() -> View<Y> {
    let columns = ColumnTransformer::new()
        .with(
            "numbers",
            numbers(),
            Imputer::median()
                .with_indicators(Indicators::IfMissing)
                .then(StandardScaler::new()),
        )
        .with("few", few(), OneHotEncoder::new())
        .with("many", !few() & !numbers(), TargetEncoder::new());
    View::new("linear", columns)
}

fn tree<Y: Target>() -> View<Y> {
    let columns = ColumnTransformer::new()
        .with("numbers", numbers(), Imputer::constant(-9.0))
        .with("levels", !numbers(), LeaveOneOutEncoder::new());
    View::new("tree", columns)
}

fn forest() -> smartcore::RandomForest {
    smartcore::RandomForest::new().with_n_trees(10)
}

fn extra_trees() -> smartcore::ExtraTrees {
    smartcore::ExtraTrees::new().with_n_trees(10)
}

const NAMES: [&str; 5] = ["logistic", "bayes", "forest", "extra trees", "pipeline"];

fn with_member(
    stack: Stack<Labels>,
    name: &str,
    linear: &View<Labels>,
    tree: &View<Labels>,
) -> Stack<Labels> {
    match name {
        "logistic" => stack.with_member(name, linear, linfa::LogisticRegression::new()),
        "bayes" => stack.with_member(name, linear, linfa::GaussianNaiveBayes::new()),
        "forest" => stack.with_member(name, tree, forest()),
        "extra trees" => stack.with_member(name, tree, extra_trees()),
        _ => {
            let columns = ColumnTransformer::new()
                .with("numbers", numbers(), Imputer::mean())
                .with("levels", !numbers(), LeaveOneOutEncoder::new().nested());
            let pipeline = Pipeline::new(columns, smartcore::KNearestNeighbors::new());
            stack.with_learner(name, pipeline)
        }
    }
}

/// Four folds, these members, and a further level.
fn stack(names: &[&str]) -> Stack<Labels> {
    let level = Level::new()
        .with_member("second logistic", linfa::LogisticRegression::new())
        .with_member("second forest", forest());
    let (linear, tree) = (linear(), tree());
    names
        .iter()
        .fold(
            Stack::new(Scheme::out_of_fold(StratifiedKFold::new(4))),
            |stack, name| with_member(stack, name, &linear, &tree),
        )
        .with_level(level)
        .with_new_rows(NewRows::Both)
}

fn fit<Y: StackTarget>(stack: &Stack<Y>, target: &Y, seed: u64) -> FittedStack<Y> {
    let table = table();
    let train = Train::new(&table, target).unwrap();
    stack.fit(train.with_seed(Seed::new(seed))).unwrap()
}

/// Name and bits of all that the stack predicts: of each member out-of-fold, of the stack
/// out-of-fold, and of new rows.
fn everything<Y: StackTarget>(fitted: &FittedStack<Y>) -> Vec<(String, Vec<u64>)> {
    let mut all: Vec<(String, Vec<u64>)> = fitted
        .out_of_fold()
        .iter()
        .map(|(name, prediction)| (name.clone(), bits(prediction)))
        .collect();
    all.push((
        "stack".to_owned(),
        bits(fitted.out_of_fold_stack().unwrap()),
    ));
    let table = table();
    for new_rows in [NewRows::FoldAverage, NewRows::Refit] {
        let prediction = fitted.predict_with(table.rows(), new_rows).unwrap();
        all.push((format!("{new_rows:?}"), bits(&prediction)));
    }
    all
}

/// What the members of the first level predict, by name: out-of-fold and for new rows.
fn members(fitted: &FittedStack<Labels>) -> Vec<(String, Vec<u64>, Vec<u64>)> {
    let new = fitted.predict_members(table().rows()).unwrap();
    let mut all: Vec<_> = fitted
        .member_names()
        .iter()
        .zip(fitted.out_of_fold())
        .zip(&new)
        .map(|((name, (_, oof)), new)| (name.clone(), bits(oof), bits(new)))
        .collect();
    all.sort();
    all
}

#[track_caller]
fn assert_same_on_any_threads<Y: StackTarget>(stack: &Stack<Y>, target: &Y) {
    let on = |threads| on_threads(threads, || everything(&fit(stack, target, 1)));
    let one = on(1);
    for (threads, found) in [(1, on(1)), (2, on(2)), (8, on(8))] {
        for ((name, expected), (other_name, found)) in one.iter().zip(&found) {
            assert_eq!(name, other_name);
            assert!(expected == found, "{name} on {threads} threads");
        }
    }
}

#[test]
fn two_classes_have_the_same_bits_on_any_threads_and_again() {
    assert_same_on_any_threads(&stack(&NAMES), &labels());
}

#[test]
fn many_classes_have_the_same_bits_on_any_threads_and_again() {
    let greedy = stack(&["logistic", "forest"]).with_blender(GreedySelection::new());
    assert_same_on_any_threads(&greedy, &classes());
}

#[test]
fn values_have_the_same_bits_on_any_threads_and_again() {
    let (linear, tree) = (linear(), tree());
    let level = Level::new().with_member("second ridge", linfa::Ridge::new());
    let stack = Stack::new(Scheme::holdout(0.4))
        .with_member("ridge", &linear, linfa::Ridge::new())
        .with_member("forest", &tree, forest())
        .with_member("extra trees", &tree, extra_trees())
        .with_level(level)
        .with_new_rows(NewRows::Both);
    assert_same_on_any_threads(&stack, &Values::new(scores()).unwrap());
}

#[test]
fn another_seed_gives_other_bits_even_with_the_same_folds() {
    let folds = Predefined::from_folds((0..N).map(|i| i % 4).collect()).unwrap();
    let (linear, tree) = (linear(), tree());
    let stack = ["forest", "extra trees"]
        .iter()
        .fold(Stack::new(Scheme::out_of_fold(folds)), |stack, name| {
            with_member(stack, name, &linear, &tree)
        });
    let [one, other] = [1, 2].map(|seed| members(&fit(&stack, &labels(), seed)));
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one.0, other.0);
        assert_ne!(one.1, other.1, "{}", one.0);
        assert_ne!(one.2, other.2, "{}", one.0);
    }
    let [one, other] = [1, 2].map(|seed| fit(&self::stack(&["bayes"]), &labels(), seed));
    assert_ne!(one.plan().partitions(), other.plan().partitions());
}

#[test]
fn members_do_not_depend_on_one_another_nor_on_their_order() {
    let labels = labels();
    let all = fit(&stack(&NAMES), &labels, 1);
    let mut backwards = NAMES;
    backwards.reverse();
    let turned = fit(&stack(&backwards), &labels, 1);
    assert_eq!(turned.member_names()[0], "pipeline");
    assert!(members(&all) == members(&turned));
    // Without those that are second and fourth, the others are as before.
    let some = fit(&stack(&["logistic", "forest", "pipeline"]), &labels, 1);
    let all = members(&all);
    for member in members(&some) {
        assert!(all.contains(&member), "{}", member.0);
    }
}
