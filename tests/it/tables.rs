//! Rows of tables as tables, one row from names and values, rows held out.

#![allow(clippy::unwrap_used, reason = "tests fail so")]

use std::sync::Arc;

use proptest::prelude::*;
use stackfold::data::Cell;
use stackfold::error::ErrorKind;
use stackfold::model::hist::HistGradientBoosting;
use stackfold::model::{DynEstimator, DynLearner, LogTarget, TransformedTarget};
use stackfold::prelude::*;
use stackfold::transform::DynTransformer;

/// Numbers of several widths, levels, booleans and days; some missing.
fn table(n: usize) -> Table {
    let rows = || (0..n).map(|i| i32::try_from(i).unwrap_or(i32::MAX));
    let every = |k: i32| move |i: i32| (i % k != 0).then_some(i);
    let small: Vec<_> = rows()
        .map(|i| every(5)(i).map(|i| i64::from(i) - 3))
        .collect();
    let large: Vec<_> = rows().map(|i| i64::from(i) << 40).collect();
    let real: Vec<_> = rows()
        .map(|i| every(7)(i).map(|i| f64::from(i) / 3.0))
        .collect();
    let level: Vec<_> = rows()
        .map(|i| every(4)(i).map(|i| format!("l{}", i % 9)))
        .collect();
    let flag: Vec<_> = rows().map(|i| i % 3 == 0).collect();
    let day: Vec<_> = rows().map(|i| Some(40 * i)).collect();
    let group: Vec<_> = rows().map(|i| i / 3).collect();
    Table::new([
        ("small", Column::from(small)),
        ("large", Column::from(large)),
        ("real", Column::from(real)),
        ("level", Column::from(level)),
        ("flag", Column::from(flag)),
        ("day", Column::dates(&day)),
        ("group", Column::from(group)),
    ])
    .unwrap()
}

fn levels(n: usize) -> Table {
    let level: Vec<String> = (0..n).map(|i| format!("l{}", i % 9)).collect();
    Table::new([("level", Column::from(level))]).unwrap()
}

/// All cells as texts, row after row.
fn cells(table: &Table) -> Vec<Vec<Option<String>>> {
    let names: Vec<&str> = table.schema().names().collect();
    let cell = |name: &str, row| table.column(name).unwrap().text(row).map(String::from);
    (0..table.n_rows())
        .map(|row| names.iter().map(|name| cell(name, row)).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn taken_rows_are_those_rows(rows in prop::collection::vec(0_u32..40, 0..60)) {
        let all = table(40).with_role("group", Role::Group).unwrap();
        let taken = all.take(&rows).unwrap();
        let expected: Vec<_> = rows.iter().map(|&row| cells(&all)[row as usize].clone()).collect();
        prop_assert_eq!(cells(&taken), expected);
        prop_assert_eq!(taken.schema(), all.schema());
        let groups: Vec<u32> = rows.iter().map(|&row| all.groups().unwrap()[row as usize]).collect();
        prop_assert_eq!(taken.groups().unwrap(), &groups[..]);
    }

    #[test]
    fn parts_one_below_the_other_are_the_whole(cut in 1_usize..39, keep in 2_usize..6) {
        let all = table(40);
        let rest = all.filter(|row| row >= cut);
        prop_assert_eq!(cells(&Table::concat(&[&all.head(cut), &rest]).unwrap()), cells(&all));
        let (some, others) = (all.filter(|row| row % keep == 0), all.filter(|row| row % keep != 0));
        prop_assert_eq!(some.n_rows() + others.n_rows(), 40);
    }

    #[test]
    fn each_row_is_trained_on_or_held_out(n in 12_usize..60, fraction in 0.1_f64..0.9, seed in 0_u64..9) {
        let table = table(n);
        let labels: Vec<u32> = (0..n).map(|i| u32::from(i % 3 == 1)).collect();
        let target = Labels::new(labels, vec!["no".into(), "yes".into()]).unwrap();
        let split = train_test_split(&table, &target, fraction, Seed::new(seed)).unwrap();
        let mut rows = [split.train_index(), split.test_index()].concat();
        rows.sort_unstable();
        prop_assert!(rows.into_iter().eq((0..).take(n)));
        prop_assert!((split.test().len() as f64 - fraction * n as f64).abs() <= 1.0);
        let held_out = split.test_target();
        let yes = held_out.codes().iter().filter(|&&code| code == 1).count();
        let all = target.codes().iter().filter(|&&code| code == 1).count();
        prop_assert!((yes as f64 - fraction * all as f64).abs() <= 1.5);

        // Groups stay whole.
        let grouped = table.clone().with_role("group", Role::Group).unwrap();
        let split = train_test_split(&grouped, &target, fraction, Seed::new(seed)).unwrap();
        let sides = |rows: &[u32]| -> Vec<u32> { rows.iter().map(|row| row / 3).collect() };
        let (train, test) = (sides(split.train_index()), sides(split.test_index()));
        prop_assert!(train.iter().all(|group| !test.contains(group)));

        // What is held out is later.
        let timed = table.with_role("day", Role::Time).unwrap();
        let split = train_test_split(&timed, &target, fraction, Seed::new(seed)).unwrap();
        prop_assert!(split.train_index().last() < split.test_index().first());
        prop_assert!((split.test().len() as f64 - fraction * n as f64).abs() <= 1.0);
    }
}

#[test]
fn a_split_of_some_rows_is_of_these_rows() {
    let table = table(30);
    let target = Values::new((0..30).map(f64::from).collect::<Vec<_>>()).unwrap();
    let rows: Vec<u32> = (10..30).collect();
    let train = Train::new(&table, &target).unwrap().subset(&rows).unwrap();
    let split = train.split(0.25).unwrap();
    let mut all = [split.train_index(), split.test_index()].concat();
    all.sort_unstable();
    assert_eq!(all, rows);
    assert_eq!(split.train().target().as_slice().len(), 15);
    let held_out = split.test_index().iter().map(|&row| f64::from(row));
    assert!(held_out.eq(split.test_target().as_slice().iter().copied()));
}

#[test]
fn bad_fractions_tables_and_indices_are_refused() {
    let table = table(30);
    let target = Values::new(vec![1.0; 30]).unwrap();
    let train = Train::new(&table, &target).unwrap();
    for fraction in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(matches!(
            train.split(fraction).unwrap_err().kind(),
            ErrorKind::Parameter { .. }
        ));
    }
    let error = table.take(&[3, 30]).unwrap_err().to_string();
    assert_eq!(error, "expected row indices below 30, found index 30");
    let error = Table::concat(&[]).unwrap_err().to_string();
    assert_eq!(error, "expected at least one row, found none");
    let other = Table::new([("small", Column::from(vec!["a"]))]).unwrap();
    assert!(Table::concat(&[&table, &other]).is_err());
    let one_time = table
        .with_column("day", Column::dates(&[Some(1); 30]))
        .unwrap();
    let one_time = one_time.with_role("day", Role::Time).unwrap();
    let error = Train::new(&one_time, &target)
        .unwrap()
        .split(0.5)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected at least two times, found one time"
    );
}

#[test]
fn a_row_is_read_as_a_file_would_be() {
    let training = table(30);
    let schema = training.schema();
    let values = |level: Cell| {
        [
            ("level", level),
            ("small", 2.into()),
            ("large", Cell::Missing),
            ("real", 0.5.into()),
            ("flag", true.into()),
            ("day", "2014-03-03".into()),
            ("group", 7_i64.into()),
        ]
    };
    let row = schema.row(values("l3".into())).unwrap();
    assert_eq!(row.n_rows(), 1);
    let kinds = |schema: &stackfold::data::Schema| -> Vec<(String, ColumnKind)> {
        let fields = schema.fields().iter();
        fields
            .map(|field| (field.name().to_owned(), field.kind()))
            .collect()
    };
    assert_eq!(kinds(row.schema()), kinds(schema));
    let text = |name: &str| row.column(name).unwrap().text(0).map(String::from);
    assert_eq!(text("day").as_deref(), Some("2014-03-03"));
    assert_eq!(text("flag").as_deref(), Some("true"));
    assert_eq!(text("large"), None);

    let message = |values: Vec<(&str, Cell)>| schema.row(values).unwrap_err().to_string();
    let with = |name: &'static str, cell: Cell| {
        let mut values = values("l3".into()).to_vec();
        values.iter_mut().find(|(n, _)| *n == name).unwrap().1 = cell;
        values
    };
    assert!(message(with("small", "many".into())).starts_with("column \"small\""));
    assert!(message(with("day", "soon".into())).starts_with("column \"day\""));
    let mut twice = values("l3".into()).to_vec();
    twice.push(("real", 1.0.into()));
    assert_eq!(
        message(twice),
        "column \"real\": the name stands for two columns"
    );
    let mut unknown = values("l3".into()).to_vec();
    unknown.push(("tenure", 1.0.into()));
    assert!(message(unknown).starts_with("column \"tenure\": no such column; the table has small"));
    assert_eq!(
        message(values("l3".into())[..6].to_vec()),
        "column \"group\": expected a value, found none; give `Cell::Missing` if there is none"
    );
}

#[test]
fn behind_pointers_models_and_transformers_are_the_same() {
    let table = levels(60);
    let target = Values::new((0..60).map(|i| f64::from(i % 9)).collect::<Vec<_>>()).unwrap();
    let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(3));
    let encoder = TargetEncoder::new;
    let plain = Pipeline::new(encoder(), HistGradientBoosting::new());
    let dynamic = || -> Pipeline<Box<dyn DynTransformer<Values>>, Arc<dyn DynEstimator<Values>>> {
        Pipeline::new(Box::new(encoder()), Arc::new(HistGradientBoosting::new()))
    };
    let learner: Arc<dyn DynLearner<Values>> = Arc::new(dynamic());
    let expected: Values = plain.fit(train).unwrap().predict(&table).unwrap();
    assert_eq!(
        dynamic().fit(train).unwrap().predict(&table).unwrap(),
        expected
    );
    assert_eq!(
        learner.fit(train).unwrap().predict(table.rows()).unwrap(),
        expected
    );
}

#[test]
fn a_transformed_target_is_one_around_estimators_and_learners_alike() {
    let table = levels(80);
    let target = Values::new((0..80).map(|i| f64::from(i % 9).exp()).collect::<Vec<_>>()).unwrap();
    let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(3));
    let model = HistGradientBoosting::new();
    let inside = Pipeline::new(
        OrdinalEncoder::new(),
        TransformedTarget::new(model.clone(), LogTarget),
    );
    let around = TransformedTarget::new(Pipeline::new(OrdinalEncoder::new(), model), LogTarget);
    let inside: Values = inside.fit(train).unwrap().predict(&table).unwrap();
    let around = around.fit(train).unwrap().predict(table.rows()).unwrap();
    assert_eq!(inside, around);
    assert!(around.as_slice().iter().all(|&y| y > -1.0));
}
