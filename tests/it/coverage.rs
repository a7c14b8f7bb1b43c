//! Coverage of new rows by training rows: against counts by hand.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "helpers of tests, too, may panic, and compare exact numbers"
)]

use std::collections::HashSet;

use proptest::prelude::*;
use stackfold::data::RowIndex;
use stackfold::data::batches::TableBatches;
use stackfold::data::coverage::{Coverage, Profile};
use stackfold::folds::KFold;
use stackfold::model::baseline::Prior;
use stackfold::prelude::*;
use stackfold::stack::{Scheme, Stack, View};
use stackfold::transform::encode::TargetEncoder;
use stackfold::transform::impute::Imputer;
use stackfold::transform::{ColumnTransformer, Selector};

use crate::support::{binary, levels, one_column};

/// Cells by number: a level each, of which 0 is missing.
fn column(cells: &[u8]) -> Column {
    let names: Vec<String> = cells.iter().map(|c| format!("level {c}")).collect();
    let cells = cells.iter().zip(&names);
    Column::categorical(cells.map(|(&c, name)| (c > 0).then_some(name.as_str())))
}

fn numbers(cells: &[u8]) -> Column {
    let numbers = cells
        .iter()
        .map(|&c| if c > 0 { f64::from(c) } else { f64::NAN });
    Column::numeric(numbers.collect::<Vec<_>>())
}

fn table(cells: &[u8]) -> Table {
    Table::new([("level", column(cells)), ("number", numbers(cells))]).unwrap()
}

proptest! {
    #[test]
    fn shares_are_those_counted_by_hand(
        train in proptest::collection::vec(0_u8..30, 1..60),
        new in proptest::collection::vec(0_u8..30, 0..60),
        step in 1_usize..4,
    ) {
        // Every so many rows of one table are training rows, and of the other new ones.
        let every = |n: usize| -> Vec<u32> { (0..u32::try_from(n).unwrap()).step_by(step).collect() };
        let (fit_rows, new_rows) = (every(train.len()), every(new.len()));
        let (train_table, new_table) = (table(&train), table(&new));
        let profile = Profile::of(train_table.rows().subset(&fit_rows).unwrap());
        let found = profile.coverage(new_table.rows().subset(&new_rows).unwrap());
        let seen: HashSet<u8> = fit_rows.iter().map(|&row| train[row as usize]).collect();
        let cells: Vec<u8> = new_rows.iter().map(|&row| new[row as usize]).collect();
        let unseen: Vec<u8> = cells.iter().copied().filter(|c| *c > 0 && !seen.contains(c)).collect();
        let n_missing = cells.len() - cells.iter().filter(|&&c| c > 0).count();
        let lacked = fit_rows.iter().filter(|&&row| train[row as usize] == 0).count();
        for name in ["level", "number"] {
            let column = found.column(name).unwrap();
            prop_assert_eq!(column.n_rows(), cells.len());
            prop_assert_eq!(column.n_missing(), n_missing);
            prop_assert_eq!(column.training_missing_share(), lacked as f64 / fit_rows.len() as f64);
            prop_assert_eq!(column.n_unseen(), if name == "level" { unseen.len() } else { 0 });
        }
        let mut first: Vec<String> = Vec::new();
        for level in unseen.iter().map(|c| format!("level {c}")) {
            if first.len() < 5 && !first.contains(&level) {
                first.push(level);
            }
        }
        prop_assert_eq!(found.column("level").unwrap().unseen_levels(), first);
        // The same in batches, and after a profile has been written and read.
        let mut sum: Option<Coverage> = None;
        for rows in new_rows.chunks(7) {
            let part = profile.coverage(new_table.rows().subset(rows).unwrap());
            match &mut sum {
                Some(sum) => sum.add(&part).unwrap(),
                None => sum = Some(part),
            }
        }
        if let Some(sum) = sum {
            prop_assert_eq!(&sum, &found);
        }
        // The training rows cover themselves.
        let own = profile.coverage(train_table.rows().subset(&fit_rows).unwrap());
        prop_assert!(own.notes().is_empty());
        prop_assert_eq!(own.column("level").unwrap().n_unseen(), 0);
    }
}

#[test]
fn large_shares_are_told_and_small_ones_not() {
    let known = |n: usize| levels(&vec!["a"; n]);
    let notes = |train: Column, new: Column| {
        let (train, new) = (one_column("c", train), one_column("c", new));
        Profile::of(train.rows()).coverage(new.rows()).notes()
    };
    let some = |n: usize, of: usize, cell: &str| {
        levels(
            &(0..of)
                .map(|i| if i < n { cell } else { "a" })
                .collect::<Vec<_>>(),
        )
    };
    // Above 5 %.
    assert!(notes(known(9), some(5, 100, "z")).is_empty());
    assert_eq!(
        notes(known(9), some(6, 100, "z")),
        [r#"column "c": 6.0 % of 100 rows have a level that no training row had ("z")"#]
    );
    // More than ten points above the training rows' share, and more than chance.
    assert!(notes(known(9), some(10, 100, "?")).is_empty());
    assert_eq!(
        notes(known(9), some(11, 100, "?")),
        [r#"column "c": 11.0 % of 100 rows have no value, of training rows 0.0 %"#]
    );
    let half = || some(50, 100, "?");
    assert!(notes(half(), some(3, 4, "?")).is_empty());
    assert!(notes(half(), some(1, 1, "?")).is_empty());
    assert_eq!(notes(half(), some(75, 100, "?")).len(), 1);
    // Fewer missing cells than in training are no matter.
    assert!(notes(half(), known(100)).is_empty());
    // One row tells what it can.
    assert_eq!(
        notes(known(9), levels(&["z"])),
        [r#"column "c": 100.0 % of 1 row has a level that no training row had ("z")"#]
    );
    // A column without a value in training has no levels to miss.
    assert!(notes(levels(&["?", "?"]), levels(&["z", "z"])).is_empty());
}

#[test]
fn columns_that_are_absent_or_of_another_kind_are_named() {
    let train = table(&[1, 2, 3]);
    let profile = Profile::of(train.rows());
    let new = Table::new([("more", column(&[1, 9])), ("level", numbers(&[1, 2]))]).unwrap();
    let found = profile.coverage(new.rows());
    assert_eq!(found.not_compared(), ["level", "number"]);
    assert!(found.columns().is_empty() && found.notes().is_empty());
    assert!(
        found
            .to_string()
            .ends_with("not there, or of another kind: level, number\n")
    );
    let mut one = found;
    let message = one
        .add(&profile.coverage(train.rows()))
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "expected a coverage of columns none, found one of level, number"
    );
    // Columns that are no features are not looked at.
    let train = train.with_role("level", Role::Id).unwrap();
    let found = Profile::of(train.rows()).coverage(train.rows());
    assert_eq!(found.columns().len(), 1);
}

#[test]
fn pipelines_and_stacks_tell_of_their_training_rows() {
    let cells: Vec<u8> = (0..60).map(|i| i % 7).collect();
    let train_table = table(&cells);
    let target = binary(&(0..60).map(|i| u32::from(i % 3 == 0)).collect::<Vec<_>>());
    let columns = || {
        ColumnTransformer::new()
            .with(
                "l",
                Selector::kind(ColumnKind::Categorical),
                TargetEncoder::new(),
            )
            .with("n", Selector::kind(ColumnKind::Numeric), Imputer::mean())
    };
    let train = Train::new(&train_table, &target).unwrap();
    let new = table(&[1, 8, 0, 2]);
    let expected = Profile::of(train_table.rows()).coverage(new.rows());
    assert_eq!(expected.column("level").unwrap().n_unseen(), 1);

    let pipeline = Pipeline::new(columns(), Prior::new()).fit(train).unwrap();
    let (prediction, coverage) = pipeline
        .predict_with_coverage::<Labels>(new.rows())
        .unwrap();
    assert_eq!(prediction, pipeline.predict(new.rows()).unwrap());
    assert_eq!(
        (&coverage, &pipeline.coverage(new.rows())),
        (&expected, &expected)
    );

    let stack = Stack::new(Scheme::out_of_fold(KFold::new(3)))
        .with_member("prior", &View::new("all", columns()), Prior::new())
        .with_learner("pipeline", Pipeline::new(columns(), Prior::new()))
        .fit(train)
        .unwrap();
    let (prediction, coverage) = stack.predict_with_coverage(new.rows()).unwrap();
    assert_eq!(prediction, stack.predict(new.rows()).unwrap());
    assert_eq!(
        (&coverage, &stack.coverage(new.rows())),
        (&expected, &expected)
    );
    assert_eq!(stack.profile().n_rows(), 60);
    // Through the trait, and in batches.
    let fitted: &dyn FittedLearner<Labels> = &stack;
    let mut sum: Option<Coverage> = None;
    fitted
        .predict_batches(&TableBatches::new(&new, 3), &mut |batch, _| {
            let part = fitted.profile().unwrap().coverage(batch.rows());
            match &mut sum {
                Some(sum) => sum.add(&part)?,
                None => sum = Some(part),
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(sum.unwrap(), expected);
    // A stack that is fitted on some rows of a table knows these alone.
    let rows: Vec<u32> = (0..60).filter(|i| i % 7 != 6).collect();
    let part = train.subset(&rows).unwrap();
    let pipeline = Pipeline::new(columns(), Prior::new()).fit(part).unwrap();
    let all = pipeline.coverage(train_table.rows());
    assert_eq!(all.column("level").unwrap().unseen_levels(), ["level 6"]);
    assert_eq!(RowIndex::Some(&rows).len(), pipeline.profile().n_rows());
}
