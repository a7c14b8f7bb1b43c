//! Rows are predicted alike alone and together, on any thread.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use stackfold::data::RowIndex;
use stackfold::folds::KFold;
use stackfold::model::bayes::GaussianNaiveBayes;
use stackfold::model::hist::{ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::model::linear::LogisticRegression;
use stackfold::prelude::*;
use stackfold::stack::{FittedStack, LogisticBlender, NewRows, Scheme, Stack, View};
use stackfold::transform::encode::TargetEncoder;
use stackfold::transform::impute::Imputer;
use stackfold::transform::scale::StandardScaler;
use stackfold::transform::{Chain, ColumnTransformer, Selector};

use crate::support::on_threads;

const N_ROWS: usize = 400;

/// Numbers, some of them missing, and categories of few and of many levels.
fn table() -> (Table, Labels) {
    let noise = Seed::new(9);
    let mut columns: Vec<(String, Column)> = (0..12)
        .map(|j| {
            let seed = noise.child("numbers").at(j);
            let missing = |i| seed.child("missing").uniform(i) < 0.1;
            let value = |i| if missing(i) { f64::NAN } else { seed.normal(i) };
            let values: Vec<f64> = (0..N_ROWS as u64).map(value).collect();
            (format!("number {j}"), Column::numeric(values))
        })
        .collect();
    for n_levels in [3.0, 40.0] {
        let draws = (0..N_ROWS as u64).map(|i| noise.child("levels").uniform(i) * n_levels);
        let texts: Vec<String> = draws.map(|u| format!("level {}", u.floor())).collect();
        let cells = texts.iter().enumerate();
        let cells = cells.map(|(i, text)| (i % 11 != 0).then_some(text.as_str()));
        columns.push((format!("one of {n_levels}"), Column::categorical(cells)));
    }
    let first = columns[0].1.numbers(RowIndex::All(N_ROWS));
    let codes = first.iter().zip(0..);
    let codes = codes.map(|(&x, i)| u32::from(x + noise.child("target").normal(i) > 0.0));
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let labels = Labels::new(codes.collect::<Vec<u32>>(), classes).unwrap();
    (Table::new(columns).unwrap(), labels)
}

fn fitted(table: &Table, labels: &Labels) -> FittedStack<Labels> {
    let features = ColumnTransformer::new()
        .with("n", Selector::kind(ColumnKind::Numeric), Imputer::mean())
        .with(
            "c",
            Selector::kind(ColumnKind::Categorical),
            TargetEncoder::new(),
        );
    let view = View::new("features", features.then(StandardScaler::new()));
    let forest = RandomForest::new().with_n_trees(40);
    let stack = Stack::new(Scheme::out_of_fold(KFold::new(2)))
        .with_blender(LogisticBlender::new())
        .with_new_rows(NewRows::Both)
        .with_member("logistic", &view, LogisticRegression::new())
        .with_member("forest", &view, forest)
        .with_member("extra", &view, ExtraTrees::new().with_n_trees(10))
        .with_member(
            "boosting",
            &view,
            HistGradientBoosting::new().with_n_trees(20),
        )
        .with_member("bayes", &view, GaussianNaiveBayes::new());
    stack.fit(Train::new(table, labels).unwrap()).unwrap()
}

/// One row as a table of its own: its columns have no other levels, and perhaps other types.
fn alone(table: &Table, row: usize) -> Table {
    let columns = table.schema().fields().iter().map(|field| {
        let column = table.column(field.name()).unwrap();
        let column = if column.kind() == ColumnKind::Categorical {
            Column::categorical([column.text(row).as_deref()])
        } else {
            let row = [u32::try_from(row).unwrap()];
            Column::numeric(column.numbers(RowIndex::Some(&row)))
        };
        (field.name().to_owned(), column)
    });
    Table::new(columns).unwrap()
}

fn bits(probabilities: &Probabilities) -> Vec<u64> {
    let positive = probabilities.positive().iter();
    positive.map(|p| p.to_bits()).collect()
}

#[test]
fn rows_are_predicted_alike_alone_and_together() {
    let (table, labels) = table();
    let stack = fitted(&table, &labels);
    for new_rows in [NewRows::Refit, NewRows::FoldAverage] {
        let predict = |rows: Rows<'_>| bits(&stack.predict_with(rows, new_rows).unwrap());
        let check = || {
            let together = predict(table.rows());
            for (row, &expected) in together.iter().enumerate().step_by(7) {
                assert_eq!(predict(alone(&table, row).rows()), [expected], "row {row}");
            }
            let index: Vec<u32> = (0..).take(N_ROWS).collect();
            for size in [1, 2, 5, 31, 33, 70] {
                let parts = index.chunks(size);
                let parts = parts.flat_map(|part| predict(table.rows().subset(part).unwrap()));
                assert_eq!(parts.collect::<Vec<_>>(), together, "{size} at a time");
            }
            together
        };
        // From outside of any pool, and from within one.
        let expected = check();
        for n_threads in [1, 3] {
            assert_eq!(on_threads(n_threads, check), expected);
        }
    }
}

#[test]
fn members_of_one_row_are_those_of_all() {
    let (table, labels) = table();
    let stack = fitted(&table, &labels);
    let (together, members) = stack.predict_with_members(table.rows()).unwrap();
    for row in [0, 11, 399] {
        let alone = alone(&table, row);
        let (one, of_members) = stack.predict_with_members(alone.rows()).unwrap();
        assert_eq!(bits(&one), [bits(&together)[row]]);
        assert_eq!(of_members.len(), 5);
        let only = stack.predict_members(alone.rows()).unwrap();
        for ((member, one), only) in members.iter().zip(&of_members).zip(&only) {
            assert_eq!(bits(one), [bits(member)[row]]);
            assert_eq!(one, only);
        }
    }
}
