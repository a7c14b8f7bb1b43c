//! Bad input: an error that names the place, never a panic.
//!
//! Each kind of bad input has a test. Those that are not here:
//!
//! * an empty file, a header only, two columns of one name, a column without a name, ragged rows,
//!   wrong encoding, infinite values and dates out of range in a file:
//!   `data::files::bad_files_name_the_place`; other texts of infinities and dates:
//!   `data::infinite_numbers_are_refused_or_missing`, `data::cells_that_do_not_fit_name_their_row`;
//! * dates out of range in memory: `numeric::dates_out_of_range_are_refused_with_column_and_row`;
//! * a level seen once: `encoders::unseen_missing_and_single_levels_have_the_prior`;
//! * splitters without enough rows, groups or rows of a class: `folds::what_cannot_be_split_is_an_error`
//!   (here: through a stack);
//! * missing and infinite features of each learner:
//!   `learners::missing_and_infinite_values_are_errors_that_name_the_feature`;
//! * new rows whose columns are absent, of another kind or in another order, for each transformer:
//!   `laws` (here: through a stack).
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "helpers of tests, too, may panic, and compare exact numbers"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use stackfold::ErrorKind;
use stackfold::data::RowIndex;
use stackfold::folds::{FoldPlan, GroupKFold, KFold, Predefined, Split, StratifiedKFold};
use stackfold::model::Subsampled;
use stackfold::model::baseline::Prior;
use stackfold::model_selection::cross_validate;
use stackfold::prelude::*;
use stackfold::stack::{
    EstimatorBlender, Event, Level, OnFailure, Progress, Scheme, Stack, StackTarget, StopFlag, View,
};
use stackfold::transform::encode::{
    FrequencyEncoder, LeaveOneOutEncoder, OneHotEncoder, OrderedTargetEncoder, OrdinalEncoder,
    TargetEncoder, Unknown,
};
use stackfold::transform::impute::Imputer;
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::scale::Log1p;
use stackfold::transform::{ColumnTransformer, DynTransformer, Selector};

use crate::support::{levels, on_threads, one_column};

const N: u16 = 60;
const FOLDS: u16 = 4;

/// What is wrong with a model.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// It cannot be fitted.
    Fit,
    /// It predicts NaN for the row whose first feature is this.
    NanWhere(f32),
    /// It cannot take a missing value.
    Missing,
}

#[derive(Debug)]
struct Troubled<Y> {
    trouble: Trouble,
    shape: Y,
}

impl<Y: Target> Estimator<Y> for Trouble {
    type Fitted = Troubled<Y>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        _: &FitContext<'_>,
    ) -> Result<Troubled<Y>> {
        match self {
            Self::Fit => return Err(Error::backend("trouble", "no convergence")),
            Self::Missing => features.check_finite()?,
            Self::NanWhere(_) => {}
        }
        Ok(Troubled {
            trouble: *self,
            shape: target.take(&[]),
        })
    }
}

impl<Y: Target> Predictor<Y> for Troubled<Y> {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Y::Prediction> {
        if matches!(self.trouble, Trouble::Missing) {
            features.check_finite()?;
        }
        let mut column = vec![0.5; features.n_rows()];
        if let Trouble::NanWhere(value) = self.trouble {
            let cells = features.column(0).iter();
            for (p, _) in column.iter_mut().zip(cells).filter(|(_, x)| **x == value) {
                *p = f64::NAN;
            }
        }
        self.shape.prediction(vec![column])
    }
}

/// Row i has x = i, one of five states, and is in fold i modulo 4.
fn table() -> Table {
    let states = ["CA", "TX", "NY", "WA", "OR"];
    let states = (0..usize::from(N)).map(|i| Some(states[i * i % 5]));
    Table::new([
        (
            "x",
            Column::numeric((0..N).map(f64::from).collect::<Vec<_>>()),
        ),
        ("state", Column::categorical(states)),
    ])
    .unwrap()
}

fn labels() -> Labels {
    let codes: Vec<u32> = (0..u32::from(N)).map(|i| u32::from(i % 3 == 0)).collect();
    crate::support::binary(&codes)
}

fn folds() -> Scheme {
    let folds = (0..N).map(|i| i % FOLDS).collect();
    Scheme::out_of_fold(Predefined::from_folds(folds).unwrap())
}

fn numbers<Y: Target>() -> View<Y> {
    let numbers = ColumnTransformer::new().with(
        "numbers",
        Selector::kind(ColumnKind::Numeric),
        Passthrough::new(),
    );
    View::new("numbers", numbers)
}

fn fit<Y: StackTarget>(stack: &Stack<Y>, table: &Table, target: &Y) -> Result<Vec<String>> {
    fit_on(stack, Train::new(table, target)?)
}

fn fit_on<Y: StackTarget>(stack: &Stack<Y>, train: Train<'_, Y>) -> Result<Vec<String>> {
    let fitted = stack.fit(train)?;
    let dropped = fitted.report().dropped.iter();
    Ok(dropped.map(|d| d.reason.clone()).collect())
}

#[track_caller]
fn assert_message<T>(result: Result<T>, expected: &str) {
    match result {
        Ok(_) => panic!("no error, expected: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn one_row_is_too_few_to_learn_from_and_enough_to_predict() {
    assert_message(
        Labels::from_strs(&["yes"]),
        r#"expected a target of two classes or more, found only class "yes""#,
    );
    let row = table();
    let one = Table::new([("x", Column::numeric(vec![7.0]))]).unwrap();
    let stack = Stack::new(Scheme::holdout(0.5)).with_member("prior", &numbers(), Prior::new());
    let label = Labels::new(vec![0], vec!["no".into(), "yes".into()]).unwrap();
    assert_message(
        fit(&stack, &one, &label),
        r#"expected a target of two classes or more, found only class "no""#,
    );
    let value = Values::new(vec![3.0]).unwrap();
    assert_message(
        Pipeline::new(Passthrough::new(), Prior::new()).fit(Train::new(&one, &value).unwrap()),
        "expected a target that varies, found only the value 3",
    );
    let fitted = stack.fit(Train::new(&row, &labels()).unwrap()).unwrap();
    assert_eq!(fitted.predict(one.rows()).unwrap().positive().len(), 1);
    let none = one.rows().subset(&[]).unwrap();
    assert_eq!(fitted.predict(none).unwrap().positive().len(), 0);
}

#[test]
fn a_table_without_rows_or_with_another_number_of_them_is_refused() {
    let nothing = Table::new([("x", Column::numeric(vec![]))]).unwrap();
    let no_values = Values::new(vec![]).unwrap();
    assert_message(
        Train::new(&nothing, &no_values),
        "expected at least one row, found none",
    );
    assert_message(
        Train::new(&table(), &no_values),
        "expected a target of 60 rows, as the table has, found 0 rows",
    );
    assert_message(
        Table::new([
            ("x", Column::numeric(vec![1.0, 2.0])),
            ("z", Column::numeric(vec![1.0])),
        ]),
        r#"column "z": expected 2 rows, as the first column has, found 1 rows"#,
    );
    assert_message(
        Table::new([
            ("x", Column::numeric(vec![1.0])),
            ("x", Column::numeric(vec![1.0])),
        ]),
        r#"column "x": the name stands for two columns"#,
    );
}

#[test]
fn a_target_must_be_there_vary_and_be_whole() {
    assert_message(
        table().split_labels("y"),
        r#"column "y": no such column; the table has x, state"#,
    );
    assert_message(
        table().split_values("y"),
        r#"column "y": no such column; the table has x, state"#,
    );
    let with = |column: Column| one_column("y", column);
    for (column, labels, values) in [
        (
            levels(&["no", "no", "no"]),
            r#"column "y": expected a target of two classes or more, found only class "no""#,
            r#"column "y": expected a numeric column, found a categorical one; a target of classes has labels, not values (`Table::labels`)"#,
        ),
        (
            levels(&["a", "b", "c"]),
            r#"column "y": expected classes that several rows share, found 3 rows, each with a class of its own; a target of numbers has values, not labels (`Table::values`)"#,
            r#"column "y": expected a numeric column, found a categorical one; a target of classes has labels, not values (`Table::labels`)"#,
        ),
        (
            levels(&["a", "b", "?", "a"]),
            r#"column "y", row 2: expected a label in each row, found a missing value; leave out the rows that have none, or fill them in"#,
            r#"column "y": expected a numeric column, found a categorical one; a target of classes has labels, not values (`Table::labels`)"#,
        ),
        (
            levels(&["?", "?"]),
            r#"column "y", row 0: expected a label in each row, found a missing value; leave out the rows that have none, or fill them in"#,
            r#"column "y": expected a numeric column, found a categorical one; a target of classes has labels, not values (`Table::labels`)"#,
        ),
        (
            Column::numeric(vec![1.0, 0.0, f64::NAN]),
            r#"column "y", row 2: expected a label in each row, found a missing value; leave out the rows that have none, or fill them in"#,
            r#"column "y", row 2: expected a value in each row, found a missing value; leave out the rows that have none, or fill them in"#,
        ),
        (
            Column::boolean(&[Some(true), None]),
            r#"column "y", row 1: expected a label in each row, found a missing value; leave out the rows that have none, or fill them in"#,
            r#"column "y", row 1: expected a value in each row, found a missing value; leave out the rows that have none, or fill them in"#,
        ),
    ] {
        assert_message(with(column.clone()).labels("y"), labels);
        assert_message(with(column).values("y"), values);
    }
    assert_message(
        with(Column::numeric(vec![1.0, 0.0, 0.5])).labels("y"),
        r#"column "y", row 2: expected class labels: texts, booleans or whole numbers, found 0.5"#,
    );
    assert_message(
        Values::new(vec![1.0, f64::INFINITY]),
        "row 1: expected a finite value, found inf",
    );
    // A constant target of several rows is found where it is fitted, not where it is made.
    let constant = Values::new(vec![2.0; usize::from(N)]).unwrap();
    let stack = Stack::new(folds()).with_member("prior", &numbers(), Prior::new());
    let expected = "expected a target that varies, found only the value 2";
    assert_message(fit(&stack, &table(), &constant), expected);
    let pipeline = Pipeline::new(Passthrough::new(), Prior::new());
    let table = table();
    let train = Train::new(&table, &constant).unwrap();
    assert_message(pipeline.fit(train), expected);
}

#[test]
fn infinite_cells_never_enter_a_table() {
    for value in [f64::INFINITY, f64::NEG_INFINITY] {
        let column = Column::numeric(vec![1.0, f64::NAN, value]);
        let expected = format!(r#"column "x", row 2: expected a finite value, found {value}"#);
        assert_message(Table::new([("x", column.clone())]), &expected);
        let table = one_column("y", Column::numeric(vec![0.0; 3]));
        assert_message(table.with_column("x", column), &expected);
    }
}

#[test]
fn a_column_all_missing_is_used_where_it_can_be_and_named_where_it_cannot() {
    let n = usize::from(N);
    let table = table()
        .with_column("gone", Column::numeric(vec![f64::NAN; n]))
        .unwrap()
        .with_column("lost", Column::categorical(vec![None; n]))
        .unwrap();
    let columns = || {
        ColumnTransformer::new()
            .with(
                "numbers",
                Selector::kind(ColumnKind::Numeric),
                Imputer::median(),
            )
            .with(
                "means",
                Selector::kind(ColumnKind::Categorical),
                TargetEncoder::new(),
            )
            .with(
                "counts",
                Selector::kind(ColumnKind::Categorical),
                FrequencyEncoder::new(),
            )
            .with(
                "hot",
                Selector::kind(ColumnKind::Categorical),
                OneHotEncoder::new(),
            )
    };
    let stack =
        Stack::new(folds()).with_member("strict", &View::new("all", columns()), Trouble::Missing);
    assert_eq!(fit(&stack, &table, &labels()).unwrap(), [""; 0]);
    let stack = Stack::new(folds()).with_member("strict", &numbers(), Trouble::Missing);
    let error = fit(&stack, &table, &labels()).unwrap_err();
    assert_eq!(error.column(), Some("numbers__gone"));
    assert!(matches!(error.kind(), ErrorKind::MissingValue), "{error}");
}

#[test]
fn a_hundred_thousand_levels_are_encoded_or_refused_with_the_column() {
    let n = 100_000;
    let names: Vec<String> = (0..n).map(|i| format!("level {i}")).collect();
    let table = one_column(
        "id",
        Column::categorical(names.iter().map(|n| Some(n.as_str()))),
    );
    let target = crate::support::binary(&(0..n).map(|i| i % 2).collect::<Vec<_>>());
    let train = Train::new(&table, &target).unwrap();
    let encoders: [&dyn DynTransformer<Labels>; 5] = [
        &FrequencyEncoder::new(),
        &OrdinalEncoder::new(),
        &TargetEncoder::new(),
        &LeaveOneOutEncoder::new(),
        &OrderedTargetEncoder::new().with_n_permutations(1),
    ];
    for encoder in encoders {
        let (_, features) = encoder.fit_transform_dyn(train).unwrap();
        assert_eq!((features.n_rows(), features.n_features()), (100_000, 1));
        features.check_finite().unwrap();
    }
    let error = OneHotEncoder::new().fit_transform(train).unwrap_err();
    assert!(error.to_string().contains("100000"), "{error}");
    assert_eq!(error.column(), Some("id"), "{error}");
    let few = OneHotEncoder::new().with_max_levels(Some(5));
    assert_eq!(few.fit_transform(train).unwrap().1.n_features(), 5);
}

/// A stack on the states as one-hot, where an unseen one is refused.
fn strict_stack() -> Stack<Labels> {
    let encoder = OneHotEncoder::new().with_unknown(Unknown::Error);
    let columns = ColumnTransformer::new()
        .with("states", Selector::names(["state"]), encoder)
        .with("numbers", Selector::names(["x"]), Imputer::mean());
    Stack::new(folds()).with_member("prior", &View::new("columns", columns), Prior::new())
}

#[test]
fn new_rows_must_have_the_columns_and_kinds_of_training_rows() {
    let (table, target) = (table(), labels());
    let fitted = strict_stack()
        .fit(Train::new(&table, &target).unwrap())
        .unwrap();
    let x = || Column::numeric(vec![1.0, 2.0, 3.0]);
    let state = || levels(&["CA", "TX", "CA"]);
    let predict =
        |columns: Vec<(&str, Column)>| fitted.predict(Table::new(columns).unwrap().rows());
    let plain = predict(vec![("x", x()), ("state", state())]).unwrap();
    let moved = predict(vec![("new", x()), ("state", state()), ("x", x())]).unwrap();
    assert_eq!(plain, moved);
    assert_message(
        predict(vec![("x", x()), ("state", levels(&["CA", "TX", "ZZ"]))]),
        r#"view "columns", step "states", column "state", row 2: unseen level "ZZ""#,
    );
    assert_message(
        predict(vec![("x", x())]),
        r#"view "columns", step "states", column "state": no such column; the table has x"#,
    );
    assert_message(
        predict(vec![("x", x()), ("state", x())]),
        r#"view "columns", step "states", column "state": expected a categorical or boolean (Table::with_categorical declares it so) column, found a numeric one"#,
    );
    assert_message(
        predict(vec![("x", state()), ("state", state())]),
        r#"view "columns", step "numbers", column "x": expected a numeric column, found a categorical one"#,
    );
}

#[test]
fn a_target_among_new_rows_plays_no_part() {
    let y = (0..N).map(|i| Some(if i % 3 == 0 { "yes" } else { "no" }));
    let with_target = table().with_column("y", Column::categorical(y)).unwrap();
    let (train, target) = with_target.clone().split_labels("y").unwrap();
    let all = ColumnTransformer::new()
        .with(
            "numbers",
            Selector::kind(ColumnKind::Numeric),
            Imputer::mean(),
        )
        .with(
            "texts",
            Selector::kind(ColumnKind::Categorical),
            LeaveOneOutEncoder::new(),
        );
    let view = View::new("all", all);
    let stack = Stack::new(folds()).with_member("prior", &view, Prior::new());
    let fitted = stack.fit(Train::new(&train, &target).unwrap()).unwrap();
    let expected = fitted.predict(table().rows()).unwrap();
    let n = usize::from(N);
    for table in [
        with_target,
        train,
        table()
            .with_column("y", Column::categorical(vec![None; n]))
            .unwrap(),
        table()
            .with_column("y", Column::numeric(vec![1.0; n]))
            .unwrap(),
    ] {
        assert_eq!(fitted.predict(table.rows()).unwrap(), expected);
    }
}

#[test]
fn folds_that_the_rows_cannot_fill_are_refused() {
    let (table, target) = (table(), labels());
    let member = |scheme| Stack::new(scheme).with_member("prior", &numbers(), Prior::new());
    assert_message(
        fit(
            &member(Scheme::out_of_fold(KFold::new(61))),
            &table,
            &target,
        ),
        "n_folds must be at most the number of rows, 60, not 61",
    );
    assert_message(
        fit(
            &member(Scheme::out_of_fold(StratifiedKFold::new(41))),
            &table,
            &target,
        ),
        r#"n_folds must be at most 40, the number of rows of the largest class, "no", not 41"#,
    );
    let grouped = table.clone().with_role("state", Role::Group).unwrap();
    assert_message(
        fit(
            &member(Scheme::out_of_fold(GroupKFold::new(5))),
            &grouped,
            &target,
        ),
        "n_folds must be at most the number of groups, 3, not 5",
    );
    assert_message(
        fit(
            &member(Scheme::out_of_fold(GroupKFold::new(2))),
            &table,
            &target,
        ),
        "expected a table with a group column, found none",
    );
    assert_message(
        fit(&member(Scheme::holdout(1.5)), &table, &target),
        "fraction must be between 0 and 1, not 1.5",
    );
    let short = Scheme::out_of_fold(Predefined::from_folds(vec![0, 1]).unwrap());
    assert_message(
        fit(&member(short), &table, &target),
        "expected a fold plan for 60 rows, found one for 2",
    );
}

#[test]
fn weights_groups_and_times_must_be_whole() {
    let role = |column: Column, role: Role| one_column("w", column).with_role("w", role);
    let nan = f64::NAN;
    for (cells, expected) in [
        (
            vec![1.0, -0.5, 1.0],
            r#"column "w", row 1: expected weights of 0 or more, found -0.5"#,
        ),
        (vec![1.0, 1.0, nan], r#"column "w", row 2: missing value"#),
        (
            vec![0.0, 0.0, 0.0],
            r#"column "w": expected a weight above 0, found only zeros"#,
        ),
    ] {
        assert_message(role(Column::numeric(cells), Role::Weight), expected);
    }
    assert_message(
        role(levels(&["heavy"]), Role::Weight),
        r#"column "w": expected a numeric column, found a categorical one"#,
    );
    assert_message(
        role(levels(&["a", "?"]), Role::Group),
        r#"column "w", row 1: missing value"#,
    );
    assert_message(
        role(Column::numeric(vec![nan]), Role::Time),
        r#"column "w", row 0: missing value"#,
    );
    assert_message(
        role(levels(&["late"]), Role::Time),
        r#"column "w": expected a date, datetime or numeric column, found a categorical one; `with_date_format` says how dates are written"#,
    );
    assert_message(
        one_column("w", levels(&["a"])).with_role("weight", Role::Weight),
        r#"column "weight": no such column; the table has w"#,
    );
}

#[test]
fn weights_that_are_zero_for_all_rows_of_a_fold_name_it() {
    // Only rows of fold 0 weigh anything, so the other folds' models have something to learn
    // from, and that of fold 0 has not.
    let weights: Vec<f64> = (0..N)
        .map(|i| if i % FOLDS == 0 { 1.0 } else { 0.0 })
        .collect();
    let table = table()
        .with_column("w", Column::numeric(weights))
        .unwrap()
        .with_role("w", Role::Weight)
        .unwrap();
    let stack = Stack::new(folds()).with_member("prior", &numbers(), Prior::new());
    assert_message(
        fit(&stack, &table, &labels()),
        r#"stack level 1, member "prior", fold 0: expected weights with a positive sum, found only zeros"#,
    );
}

#[test]
fn a_prediction_of_nan_names_member_fold_and_row() {
    let (table, target) = (table(), labels());
    let nan = Trouble::NanWhere(51.0);
    let stack = Stack::new(folds())
        .with_member("prior", &numbers(), Prior::new())
        .with_member("nan", &numbers(), nan);
    assert_message(
        fit(&stack, &table, &target),
        r#"stack level 1, member "nan", fold 3, row 51: expected probabilities from 0 to 1, found NaN"#,
    );
    let values = Values::new((0..N).map(f64::from).collect::<Vec<_>>()).unwrap();
    let stack = Stack::new(folds()).with_member("nan", &numbers(), nan);
    assert_message(
        fit(&stack, &table, &values),
        r#"stack level 1, member "nan", fold 3, row 51: expected a finite value, found NaN"#,
    );
    let numbers = ColumnTransformer::new().with("x", Selector::names(["x"]), Passthrough::new());
    let pipeline = Pipeline::new(numbers, nan);
    let train = Train::new(&table, &target).unwrap();
    let splitter = Predefined::from_folds((0..N).map(|i| i % FOLDS).collect()).unwrap();
    let metric = target_metric();
    assert_message(
        cross_validate(&pipeline, train, &splitter, &[metric.as_ref()]),
        "fold 3, row 51: expected probabilities from 0 to 1, found NaN",
    );
    // New rows.
    let far = table.rows().subset(&[3, 59, 51]).unwrap();
    let near: Vec<u32> = (0..40).collect();
    let fitted = pipeline.fit(train.subset(&near).unwrap()).unwrap();
    assert_message(
        fitted.predict(far),
        "row 51: expected probabilities from 0 to 1, found NaN",
    );
}

fn target_metric() -> Box<dyn Metric<Labels>> {
    use stackfold::metrics::DefaultMetric;
    labels().default_metric()
}

#[test]
fn members_must_be_there_and_have_names_of_their_own() {
    let (table, target) = (table(), labels());
    let empty: Stack<Labels> = Stack::new(folds());
    assert_message(
        fit(&empty, &table, &target),
        "members must be one or more, not none",
    );
    let one = || Stack::new(folds()).with_member("a", &numbers(), Prior::new());
    assert_message(
        fit(
            &one().with_member("a", &numbers(), Prior::new()),
            &table,
            &target,
        ),
        r#"member names must be different, not "a" twice"#,
    );
    assert_message(
        fit(&one().with_level(Level::new()), &table, &target),
        "stack level 2: members must be one or more, not none",
    );
    let same = Level::new().with_member("a", Prior::new());
    assert_message(
        fit(&one().with_level(same), &table, &target),
        r#"member names must be different, not "a" twice"#,
    );
}

/// Stops when it has been told of so many fits.
#[derive(Debug)]
struct StopAfter(AtomicUsize);

impl Progress for StopAfter {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Fitted { .. }) {
            let _ = self
                .0
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        }
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

#[test]
fn a_run_can_be_stopped_at_any_time() {
    let (table, target) = (table(), labels());
    let stack = |on_failure| {
        Stack::new(folds())
            .with_member("a", &numbers(), Prior::new())
            .with_member("b", &numbers(), Prior::new())
            .with_learner("c", Pipeline::new(Imputer::mean(), Prior::new()))
            .with_level(
                Level::new()
                    .with_member("d", Prior::new())
                    .with_member("e", Prior::new()),
            )
            .with_on_failure(on_failure)
    };
    let table = table.with_role("state", Role::Ignored).unwrap();
    let n_fits = 3 * usize::from(FOLDS) + 2;
    for on_failure in [OnFailure::Stop, OnFailure::LeaveOut] {
        let stack = stack(on_failure);
        let train = Train::new(&table, &target).unwrap();
        let stopped = StopFlag::new();
        stopped.stop();
        assert_message(
            fit_on(&stack, train.with_progress(Some(&stopped))),
            "stopped by the caller",
        );
        for n in 1..=n_fits {
            let progress = StopAfter(AtomicUsize::new(n));
            assert_message(
                fit_on(&stack, train.with_progress(Some(&progress))),
                "stopped by the caller",
            );
        }
        let progress = StopAfter(AtomicUsize::new(n_fits + 1));
        let train = train.with_progress(Some(&progress));
        assert_eq!(fit_on(&stack, train).unwrap(), [""; 0]);
    }
}

#[test]
fn a_failing_member_is_named_with_level_fold_column_and_row() {
    let (table, target) = (table(), labels());
    let mut x: Vec<f64> = (0..N).map(f64::from).collect();
    x[17] = f64::NAN; // in fold 1: the models of the other folds are fitted on it
    let holes = table.clone().with_column("x", Column::numeric(x)).unwrap();
    let view = numbers();
    let stack = Stack::new(folds())
        .with_member("prior", &view, Prior::new())
        .with_member("other prior", &view, Prior::new())
        .with_member("strict", &view, Trouble::Missing);
    // One thread, for the first of the errors. What was stopped because of it is not named.
    assert_message(
        on_threads(1, || fit(&stack, &holes, &target)),
        r#"stack level 1, member "strict", fold 0, column "numbers__x", row 17: missing value"#,
    );
    let error = fit(&stack, &holes, &target).unwrap_err();
    assert_eq!(
        (error.column(), error.row()),
        (Some("numbers__x"), Some(17))
    );

    // Behind a sample of the rows it is the table's row still, and for a learner.
    let sampled = Subsampled::new(Trouble::Missing, 40);
    let learner = Pipeline::new(
        ColumnTransformer::new().with("x", Selector::names(["x"]), Passthrough::new()),
        Trouble::Missing,
    );
    for stack in [
        Stack::new(folds()).with_member("sampled", &numbers(), sampled),
        Stack::new(folds()).with_learner("learner", learner),
    ] {
        assert_eq!(fit(&stack, &holes, &target).unwrap_err().row(), Some(17));
    }
    // Of a step behind a transformer, too.
    let mut low: Vec<f64> = (0..N).map(f64::from).collect();
    low[17] = -2.0;
    let low = table
        .clone()
        .with_column("x", Column::numeric(low))
        .unwrap();
    let logarithm = ColumnTransformer::new()
        .with("x", Selector::names(["x"]), Passthrough::new())
        .then(Log1p::new());
    let stack =
        Stack::new(folds()).with_member("prior", &View::new("log", logarithm), Prior::new());
    let error = on_threads(1, || fit(&stack, &low, &target)).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"stack level 1, member "prior", fold 0, view "log", column "x__x", row 17: expected values above -1, found -2"#
    );

    // At a further level and in the blender the raw column passes through.
    let one = || {
        Stack::new(folds())
            .with_member("prior", &numbers(), Prior::new())
            .with_pass_through(Selector::names(["x"]))
    };
    let level = Level::new().with_member("strict", Trouble::Missing);
    assert_message(
        on_threads(1, || fit(&one().with_level(level), &holes, &target)),
        r#"stack level 2, member "strict", fold 0, column "raw__x", row 17: missing value"#,
    );
    let blender = EstimatorBlender::new(Trouble::Missing);
    assert_message(
        fit(&one().with_blender(blender), &holes, &target),
        r#"stack level 2, member "blender", column "raw__x", row 17: missing value"#,
    );
}

#[test]
fn a_failing_member_is_left_out_and_reported_where_allowed() {
    let (table, target) = (table(), labels());
    let stack = |trouble| {
        Stack::new(folds())
            .with_member("trouble", &numbers(), trouble)
            .with_on_failure(OnFailure::LeaveOut)
    };
    let fit_reason = r#"stack level 1, member "trouble", fold 0: trouble: no convergence"#;
    let nan_reason = r#"stack level 1, member "trouble", fold 3, row 51: expected probabilities from 0 to 1, found NaN"#;
    for (trouble, reason) in [
        (Trouble::Fit, fit_reason),
        (Trouble::NanWhere(51.0), nan_reason),
    ] {
        let with_another = stack(trouble).with_member("prior", &numbers(), Prior::new());
        let fitted = with_another
            .fit(Train::new(&table, &target).unwrap())
            .unwrap();
        let dropped = &fitted.report().dropped;
        assert_eq!(dropped.len(), 1);
        assert_eq!(
            (dropped[0].member.as_str(), dropped[0].reason.as_str()),
            ("trouble", reason)
        );
        assert!(
            fitted
                .report()
                .to_string()
                .contains(&format!("left out: {reason}"))
        );
        assert_eq!(fitted.member_names(), ["prior"]);
        fitted.predict(table.rows()).unwrap();
        assert_message(
            fit(&stack(trouble), &table, &target),
            &format!("expected a member that can be fitted, found {reason}"),
        );
    }
    // A view that fails takes all its members with it.
    let view = View::new("view", Passthrough::new());
    let stack = Stack::new(folds())
        .with_member("a", &view, Prior::new())
        .with_member("b", &view, Prior::new())
        .with_member("prior", &numbers(), Prior::new())
        .with_on_failure(OnFailure::LeaveOut);
    let of = |name: &str| {
        format!(
            r#"stack level 1, member "{name}", fold 0, view "view", column "state": expected a numeric column, found a categorical one"#,
        )
    };
    assert_eq!(fit(&stack, &table, &target).unwrap(), [of("a"), of("b")]);
    // A member of a further level.
    let one = || Stack::new(folds()).with_member("prior", &numbers(), Prior::new());
    let level = |level: Level<Labels>| {
        let level = level.with_member("trouble", Trouble::Fit);
        one().with_level(level).with_on_failure(OnFailure::LeaveOut)
    };
    let reason = r#"stack level 2, member "trouble", fold 0: trouble: no convergence"#;
    let both = level(Level::new().with_member("second", Prior::new()));
    let fitted = both.fit(Train::new(&table, &target).unwrap()).unwrap();
    assert_eq!(fitted.report().dropped[0].reason, reason);
    fitted.predict(table.rows()).unwrap();
    assert_message(
        fit(&level(Level::new()), &table, &target),
        &format!("expected a member that can be fitted, found {reason}"),
    );
}

#[test]
fn columns_are_indexed_by_the_table() {
    // Rows of errors are rows of the table, whichever rows are transformed.
    let table = one_column("x", Column::numeric(vec![0.0, 1.0, -7.0, 2.0]));
    let fit_on = |rows: &[u32]| {
        let target = Values::new(vec![0.0, 1.0, 2.0, 3.0]).unwrap();
        let train = Train::new(&table, &target).unwrap().subset(rows).map(drop);
        train.unwrap();
        let train = Train::new(&table, &target).unwrap();
        Log1p::new()
            .fit_transform(train.subset(rows).unwrap())
            .map(drop)
    };
    fit_on(&[0, 1, 3]).unwrap();
    assert_eq!(fit_on(&[3, 2]).unwrap_err().row(), Some(2));
    assert_message(
        table.rows().subset(&[0, 4]),
        "expected row indices below 4, found index 4",
    );
    assert_eq!(RowIndex::Some(&[3, 2]).row(1), 2);
}

#[cfg(feature = "polars")]
mod files {
    use std::path::Path;

    use stackfold::data::TableReader;

    use super::*;

    fn read(reader: &TableReader, name: &str, text: &str) -> Result<Table> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("messages");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.csv"));
        std::fs::write(&path, text).unwrap();
        reader.read(path)
    }

    #[test]
    fn a_file_of_one_row_is_read_and_cannot_be_learned_from() {
        let table = read(&TableReader::new(), "one_row", "x,y\n1,yes\n").unwrap();
        assert_eq!(table.n_rows(), 1);
        assert_message(
            table.split_labels("y"),
            r#"column "y": expected a target of two classes or more, found only class "yes""#,
        );
    }

    #[test]
    fn a_test_file_may_have_its_target_and_must_have_its_columns() {
        let lines: Vec<String> = (0..60)
            .map(|i| format!("{i},{},{}", ["CA", "TX"][i % 2], ["no", "yes"][i / 2 % 2]))
            .collect();
        let text = lines.join("\n");
        let reader = TableReader::new().with_role("y", Role::Target);
        let train = read(&reader, "train", &format!("x,state,y\n{text}")).unwrap();
        let target = train.labels("y").unwrap();
        let fitted = strict_stack()
            .fit(Train::new(&train, &target).unwrap())
            .unwrap();
        let reader = reader
            .following(&train)
            .with_odd_cells(stackfold::data::parse::OddCells::Refuse);
        let predict = |name: &str, text: &str| fitted.predict(read(&reader, name, text)?.rows());
        let plain = predict("plain", "x,state\n1,CA\n2,TX\n").unwrap();
        let with = predict("with_target", "y,state,x\nno,CA,1\nmaybe,TX,2\n").unwrap();
        assert_eq!(plain, with);
        assert_message(
            predict("absent", "x,y\n1,no\n"),
            r#"view "columns", step "states", column "state": no such column; the table has x, y"#,
        );
        let error = predict("other_type", "x,state\n1,CA\nmany,TX\n").unwrap_err();
        assert!(
            error
                .to_string()
                .contains(r#"column "x", row 1: expected a number, found "many""#),
            "{error}"
        );
    }
}

/// A model that needs a feature, and a stack and a pipeline of it, on tables that have none.
#[test]
fn a_model_without_features_says_why_there_are_none() {
    use stackfold::model::bayes::GaussianNaiveBayes;
    let target = labels();
    let view = numbers();
    let stack = Stack::new(folds()).with_member("bayes", &view, GaussianNaiveBayes::new());
    let numbers = ColumnTransformer::new().with(
        "numbers",
        Selector::kind(ColumnKind::Numeric),
        Passthrough::new(),
    );
    let pipeline = Pipeline::new(numbers, GaussianNaiveBayes::new());
    let roles = table()
        .with_role("x", Role::Id)
        .and_then(|t| t.with_role("state", Role::Ignored))
        .unwrap();
    let no_role = r#"expected at least one feature, found none: no column of the table has the role of a feature, of "x" (id), "state" (ignored); give it to one (Table::with_role)"#;
    let no_kind = r#"expected at least one feature, found none: the transformer makes none of the columns "state" (categorical); let it select columns of their kinds, and not only constant ones"#;
    let levels_only = table().with_role("x", Role::Ignored).unwrap();
    for (table, reason) in [(roles, no_role), (levels_only, no_kind)] {
        assert_message(
            on_threads(1, || fit(&stack, &table, &target)),
            &format!(r#"stack level 1, member "bayes", fold 0: {reason}"#),
        );
        let train = Train::new(&table, &target).unwrap();
        assert_message(pipeline.fit(train), reason);
    }
}

/// Before any member is fitted.
#[test]
fn a_hold_out_of_one_class_is_refused_with_what_would_help() {
    let (table, target) = (table(), labels());
    // Rows 1 and 2 are negative.
    let split = Split::new((3..60).collect(), vec![1, 2], usize::from(N)).unwrap();
    let plan = FoldPlan::from_splits(vec![split], usize::from(N)).unwrap();
    let stack = Stack::new(Scheme::from(plan)).with_member("trouble", &numbers(), Trouble::Fit);
    assert_message(
        fit(&stack, &table, &target),
        r#"expected a target of two classes or more among the rows that the blender learns from, found only class "no" among 2 of 60 rows; a larger share or more folds take in others"#,
    );
}
