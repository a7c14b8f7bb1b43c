//! Tests of selectors and column transformers.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use stackfold::prelude::*;
use stackfold::transform::encode::{OneHotEncoder, OrdinalEncoder, TargetEncoder};
use stackfold::transform::impute::Imputer;
use stackfold::transform::scale::StandardScaler;
use stackfold::transform::{ColumnTransformer, Naming, Remainder, Selector};

use crate::support::{assert_close, binary, levels};

fn table() -> Table {
    Table::new([
        (
            "id",
            Column::integers(&[Some(1), Some(2), Some(3), Some(4)]),
        ),
        ("age", Column::numeric(vec![20.0, f64::NAN, 40.0, 60.0])),
        ("income", Column::numeric(vec![1.0, 2.0, 3.0, 4.0])),
        ("home_state", levels(&["CA", "TX", "CA", "?"])),
        ("home_city", levels(&["A", "B", "C", "D"])),
        (
            "member",
            Column::boolean(&[Some(true), Some(false), None, Some(true)]),
        ),
        ("y", Column::integers(&[Some(0), Some(1), Some(0), Some(1)])),
    ])
    .unwrap()
    .with_role("id", Role::Id)
    .unwrap()
    .with_role("y", Role::Target)
    .unwrap()
}

fn chosen(selector: &Selector) -> Vec<String> {
    selector.select(table().rows()).unwrap()
}

#[test]
fn selectors_choose_by_name_kind_role_and_cardinality() {
    assert_eq!(
        chosen(&Selector::all()),
        ["age", "income", "home_state", "home_city", "member"]
    );
    assert_eq!(
        chosen(&Selector::prefix("home_")),
        ["home_state", "home_city"]
    );
    assert_eq!(
        chosen(&Selector::suffix("e")),
        ["age", "income", "home_state"]
    );
    assert_eq!(
        chosen(&Selector::regex("^(age|.*city)$").unwrap()),
        ["age", "home_city"]
    );
    assert_eq!(chosen(&Selector::kind(ColumnKind::Boolean)), ["member"]);
    assert_eq!(chosen(&Selector::role(Role::Id)), ["id"]);
    assert!(chosen(&Selector::role(Role::Target)).is_empty());
    assert_eq!(
        chosen(&Selector::cardinality(2..=3)),
        ["age", "home_state", "member"]
    );
    // In the table's order, whatever the order of the names; an id may be named.
    assert_eq!(chosen(&Selector::names(["income", "id"])), ["id", "income"]);
}

#[test]
fn selectors_combine() {
    let home = Selector::prefix("home_");
    let few = Selector::cardinality(0..=3);
    assert_eq!(chosen(&(home.clone() & few.clone())), ["home_state"]);
    assert_eq!(
        chosen(&(home.clone() | few)),
        ["age", "home_state", "home_city", "member"]
    );
    assert_eq!(chosen(&!home), ["age", "income", "member"]);
}

#[test]
fn selectors_refuse_what_is_not_there() {
    for name in ["y", "nothing"] {
        let error = Selector::names([name]).select(table().rows()).unwrap_err();
        assert_eq!(error.column(), Some(name));
        let why = match name {
            "y" => "expected a column other than the target",
            _ => "no such column",
        };
        assert!(error.to_string().contains(why), "{error}");
    }
    let error = Selector::regex("(").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("regex must be a regular expression"),
        "{error}"
    );
}

#[test]
fn cardinality_counts_the_rows_in_hand() {
    let table = table();
    let rows = table.rows().subset(&[0, 2]).unwrap();
    assert_eq!(
        Selector::cardinality(1..=1).select(rows).unwrap(),
        ["home_state", "member"]
    );
}

#[test]
fn steps_stand_side_by_side_in_their_order() {
    let table = table();
    let target = binary(&[0, 1, 0, 1]);
    let transformer = ColumnTransformer::new()
        .with("codes", Selector::prefix("home_"), OrdinalEncoder::new())
        .with(
            "numbers",
            Selector::kind(ColumnKind::Numeric),
            Imputer::mean().then(StandardScaler::new()),
        )
        .with_remainder(Remainder::Pass);
    let (fitted, features) = transformer
        .fit_transform(Train::new(&table, &target).unwrap())
        .unwrap();
    let names: Vec<&str> = features.names().collect();
    assert_eq!(
        names,
        [
            "codes__home_state",
            "codes__home_city",
            "numbers__age",
            "numbers__income",
            "remainder__member"
        ]
    );
    assert_eq!(fitted.fields(), features.fields());
    // The missing age is 40, the mean, and so 0 when scaled.
    assert_close(f64::from(features.column(2)[1]), 0.0, 1e-7);
    assert_eq!(features.column(4)[0].to_bits(), 1.0_f32.to_bits());
    assert!(features.column(4)[2].is_nan());
    assert!(fitted.step("numbers").is_some() && fitted.step("remainder").is_some());

    // Columns in another order give the same; a column less is an error that names it.
    let shuffled = Table::new([
        ("member", table.column("member").unwrap().clone()),
        ("home_city", table.column("home_city").unwrap().clone()),
        ("income", table.column("income").unwrap().clone()),
        ("age", table.column("age").unwrap().clone()),
        ("home_state", table.column("home_state").unwrap().clone()),
    ])
    .unwrap();
    let again = fitted.transform(shuffled.rows()).unwrap();
    let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(again.as_slice()), bits(features.as_slice()));
    let less = Table::new([("age", table.column("age").unwrap().clone())]).unwrap();
    let error = fitted.transform(less.rows()).unwrap_err();
    assert_eq!(error.column(), Some("home_state"));
    assert!(
        error
            .to_string()
            .starts_with("step \"codes\", column \"home_state\""),
        "{error}"
    );
}

#[test]
fn the_remainder_cannot_pass_levels() {
    let table = table();
    let target = binary(&[0, 1, 0, 1]);
    let transformer = ColumnTransformer::new().with_remainder(Remainder::Pass);
    let error = transformer
        .fit_transform(Train::new(&table, &target).unwrap())
        .unwrap_err();
    assert_eq!(error.column(), Some("home_state"));
}

#[test]
fn one_column_may_be_used_twice_under_two_names() {
    let table = table();
    let target = binary(&[0, 1, 0, 1]);
    let steps = |naming| {
        ColumnTransformer::new()
            .with("raw", Selector::names(["income"]), Imputer::mean())
            .with("scaled", Selector::names(["income"]), StandardScaler::new())
            .with_naming(naming)
    };
    let train = Train::new(&table, &target).unwrap();
    let (_, features) = steps(Naming::Prefixed).fit_transform(train).unwrap();
    assert_eq!(
        features.names().collect::<Vec<_>>(),
        ["raw__income", "scaled__income"]
    );
    let error = steps(Naming::Plain).fit_transform(train).unwrap_err();
    assert_eq!(error.column(), Some("income"));
    let twice = ColumnTransformer::new()
        .with("step", Selector::names(["income"]), Imputer::mean())
        .with("step", Selector::names(["age"]), Imputer::mean());
    let error = twice.fit_transform(train).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step names must be different, not \"step\" twice"
    );
}

#[test]
fn an_empty_selection_is_a_no_op_that_warns() {
    let table = table();
    let target = binary(&[0, 1, 0, 1]);
    let transformer = ColumnTransformer::new()
        .with(
            "dates",
            Selector::kind(ColumnKind::Date),
            OneHotEncoder::new(),
        )
        .with("numbers", Selector::names(["income"]), Imputer::mean());
    let train = Train::new(&table, &target).unwrap();
    let (fitted, features) = transformer.fit_transform(train).unwrap();
    assert_eq!(fitted.warnings(), ["step \"dates\" chose no column"]);
    assert_eq!(features.n_features(), 1);
    assert_eq!(fitted.transform(table.rows()).unwrap().n_rows(), 4);
    // Nothing at all is chosen: no feature, and still four rows.
    let none = ColumnTransformer::new().with("none", Selector::prefix("zz"), Imputer::mean());
    let (_, features) = none.fit_transform(train).unwrap();
    assert_eq!((features.n_rows(), features.n_features()), (4, 0));
}

#[test]
fn a_step_does_not_change_another_one() {
    let table = table();
    let target = binary(&[0, 1, 0, 1]);
    let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(3));
    let mean = || TargetEncoder::new().with_n_folds(2);
    let alone = ColumnTransformer::new().with("mean", Selector::names(["home_state"]), mean());
    let beside = ColumnTransformer::new()
        .with("numbers", Selector::names(["income"]), Imputer::mean())
        .with("mean", Selector::names(["home_state"]), mean());
    let (_, alone) = alone.fit_transform(train).unwrap();
    let (_, beside) = beside.fit_transform(train).unwrap();
    assert_eq!(alone.column(0), beside.column(1));
}

#[test]
fn a_step_inside_a_step_sees_that_steps_columns() {
    let table = table();
    let target = binary(&[0, 1, 0, 1]);
    let inner = ColumnTransformer::new().with("b", Selector::all(), Imputer::mean());
    let outer = ColumnTransformer::new().with("a", Selector::names(["age"]), inner);
    let (_, features) = outer
        .fit_transform(Train::new(&table, &target).unwrap())
        .unwrap();
    assert_eq!(features.names().collect::<Vec<_>>(), ["a__b__age"]);
}

#[test]
fn a_training_row_stands_once() {
    let table = table();
    let target = binary(&[0, 1, 0, 1]);
    let train = Train::new(&table, &target).unwrap();
    let error = train.subset(&[0, 2, 0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 0: expected rows that differ, found a row twice"
    );
    // Rows to predict may.
    assert_eq!(table.rows().subset(&[0, 2, 0]).unwrap().len(), 3);
}

#[test]
fn a_replaced_column_keeps_its_role_in_earnest() {
    let table = table().with_role("income", Role::Weight).unwrap();
    let new = Column::numeric(vec![4.0, 3.0, 2.0, 1.0]);
    let replaced = table.clone().with_column("income", new).unwrap();
    assert_eq!(replaced.weights().unwrap(), [4.0, 3.0, 2.0, 1.0]);
    let bad = Column::numeric(vec![4.0, -3.0, 2.0, 1.0]);
    let error = table.with_column("income", bad).unwrap_err();
    assert_eq!((error.column(), error.row()), (Some("income"), Some(1)));
}

#[test]
fn large_integers_stay_apart() {
    let large = 9_007_199_254_740_992_i64;
    let column = Column::integers(&[Some(large), Some(large + 1), None, Some(large)]);
    assert_eq!(column.text(1).as_deref(), Some("9007199254740993"));
    assert_eq!(column.text(2), None);
    let levels = column.to_categorical();
    let (codes, levels) = levels.codes().unwrap();
    assert_eq!(codes, [0, 1, u32::MAX, 0]);
    assert_eq!(levels.names(), ["9007199254740992", "9007199254740993"]);
}
