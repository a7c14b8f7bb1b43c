//! Stacks any table: reads two files, writes predictions of the second.
//!
//! ```sh
//! cargo run --release --example stack_csv -- \
//!     --train train.csv --test test.csv --target y --out predictions.csv
//! ```
//!
//! Files are written before anything is printed. The last line of the output is JSON; what was met while
//! the files were read goes to standard error. Exit codes: 0 done, 1 bad data, 2 bad usage.
#![allow(
    clippy::disallowed_methods,
    reason = "an example says how long it took"
)]

#[macro_use]
mod common;

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Instant;

use common::args::{Args, Exit, set_threads};
use common::output::{PendingCsv, peak_memory_mb};
use common::progress::Bar;
use common::recipe::{Recipe, Views};
use serde_json::{Value, json};
use stackfold::data::Columns;
use stackfold::data::summary::Summary;
use stackfold::folds::{StratifiedKFold, TimeSeriesSplit};
use stackfold::model::linfa;
use stackfold::prelude::*;
use stackfold::stack::{
    Average, AverageBlender, EstimatorBlender, FittedStack, GreedySelection, LogisticBlender,
    MetaForm, NewRows, NonNegativeBlender, OnFailure, RidgeBlender, Scheme, Stack,
};

const USAGE: &str = "\
stack_csv --train T.csv --test C.csv --target COLUMN --out pred.csv
    [--task auto|binary|multiclass|regression] [--positive CLASS]
    [--id COLUMN] [--ignore A,B] [--weight COLUMN] [--group COLUMN] [--time COLUMN]
    [--categorical A,B]
    [--members LIST|all] [--scheme oof|holdout] [--folds 5] [--share 0.3]
    [--new-rows average|refit] [--on-failure leave-out|stop]
    [--blender auto|logistic|ridge|nnls|greedy|mean|geometric|rank|linfa]
    [--seed 1] [--threads N] [--oof oof.csv] [--summary]
Reading:
";

const BLENDERS: [&str; 9] = [
    "auto",
    "logistic",
    "ridge",
    "nnls",
    "greedy",
    "mean",
    "geometric",
    "rank",
    "linfa",
];

fn main() -> ExitCode {
    common::args::main(&format!("{USAGE}{}", common::reader::USAGE), run)
}

fn run() -> Result<(), Exit> {
    let start = Instant::now();
    let args = Args::read(
        &[
            &common::reader::OPTIONS[..],
            &[
                "train",
                "test",
                "target",
                "out",
                "task",
                "positive",
                "id",
                "ignore",
                "weight",
                "group",
                "time",
                "categorical",
                "members",
                "scheme",
                "folds",
                "share",
                "new-rows",
                "on-failure",
                "blender",
                "seed",
                "threads",
                "oof",
            ],
        ]
        .concat(),
        &["summary"],
    )?;
    let target = args.required("target")?;
    let task = args.choice("task", &["auto", "binary", "multiclass", "regression"])?;
    let (train_path, test_path) = (args.required("train")?, args.required("test")?);
    check_outputs(&args)?;
    set_threads(args.number("threads", 0)?)?;

    // Beside the usual texts, a question mark and a blank stand for a missing cell.
    let mut reader = common::reader::reader(&args)?.with_sentinels(Columns::All, ["?", " "]);
    for name in args.list("categorical") {
        reader = reader.with_kind(name.as_str(), ColumnKind::Categorical);
    }
    let roles = roles(&args)?;
    for (name, role) in &roles {
        // Ids are kept as they are written, and what is ignored may be anything.
        if matches!(role, Role::Id | Role::Ignored) {
            reader = reader.with_role(name, *role);
        }
    }
    let (table, summary) = reader.read_with_summary(train_path)?;
    common::reader::print_notes(train_path, &table);
    let table = with_roles(&roles, table, &summary)?;
    let summary = args.has("summary").then(|| Summary::of(&table));
    // New rows need no weight, group or time; what the test file has of them is not looked at.
    let mut to_follow = table.clone();
    for (name, role) in &roles {
        if matches!(role, Role::Weight | Role::Group | Role::Time) {
            to_follow = to_follow.with_role(name, Role::Ignored)?;
        }
    }
    let test = reader.following(&to_follow).read(test_path)?;
    common::reader::print_notes(test_path, &test);
    check_test(&args, &table, &test)?;

    if is_regression(&table, target, task)? {
        let values = table.values(target)?;
        let test_values = test.values(target).ok();
        stack(
            &args,
            start,
            &table,
            &values,
            &test,
            test_values.as_ref(),
            summary.as_ref(),
        )
    } else {
        let mut labels = table.labels(target)?;
        if let Some(class) = args.text("positive") {
            labels = labels.with_positive(class)?;
        }
        if task == "binary" && labels.n_classes() != 2 {
            return Err(Error::data(
                "two classes for --task binary",
                format!("{} classes", labels.n_classes()),
            )
            .in_column(target)
            .into());
        }
        let test_labels = test
            .labels(target)
            .and_then(|l| l.aligned_to(labels.classes()))
            .ok();
        stack(
            &args,
            start,
            &table,
            &labels,
            &test,
            test_labels.as_ref(),
            summary.as_ref(),
        )
    }
}

/// Checks that the test table has what its predictions need: before the work, not after it.
fn check_test(args: &Args, table: &Table, test: &Table) -> Result<(), Exit> {
    for field in table.schema().fields() {
        if field.role() == Role::Feature || args.text("id") == Some(field.name()) {
            let column = test.column(field.name());
            column.map_err(|e| e.in_file(args.text("test").unwrap_or_default()))?;
        }
    }
    Ok(())
}

/// Checks the places of the output files before the work, not after it.
fn check_outputs(args: &Args) -> Result<(), Exit> {
    let out = args.required("out")?;
    if args.text("oof") == Some(out) {
        return Err(Exit::usage("--out and --oof name one file"));
    }
    [Some(out), args.text("oof")]
        .into_iter()
        .flatten()
        .try_for_each(common::output::check_place)
}

/// The roles that the command line gives.
fn roles(args: &Args) -> Result<Vec<(String, Role)>, Exit> {
    let mut roles: Vec<(String, Role)> = vec![(args.required("target")?.to_owned(), Role::Target)];
    for (option, role) in [
        ("id", Role::Id),
        ("ignore", Role::Ignored),
        ("weight", Role::Weight),
        ("group", Role::Group),
        ("time", Role::Time),
    ] {
        roles.extend(args.list(option).into_iter().map(|name| (name, role)));
    }
    for option in ["id", "weight", "group", "time"] {
        if args.list(option).len() > 1 {
            return Err(Exit::usage(format!("--{option} takes one column")));
        }
    }
    if args.has("time") && args.has("share") {
        return Err(Exit::usage(
            "--share does not go with --time: B is the later half",
        ));
    }
    let mut named = HashSet::new();
    match roles.iter().find(|(name, _)| !named.insert(name.as_str())) {
        Some((name, _)) => Err(Exit::usage(format!("column {name:?} is given two roles"))),
        None => Ok(roles),
    }
}

/// The table with these roles.
fn with_roles(
    roles: &[(String, Role)],
    mut table: Table,
    summary: &Summary,
) -> Result<Table, Exit> {
    for (name, role) in roles {
        table = table.with_role(name, *role)?;
    }
    // A column with a level of its own in each row says nothing about others.
    for column in summary.identifiers() {
        let is_feature = column.role() == Role::Feature;
        if is_feature && roles.iter().all(|(name, _)| name != column.name()) {
            eprintln!(
                "note: column {:?} has a level of its own in nearly each row and is ignored",
                column.name()
            );
            table = table.with_role(column.name(), Role::Ignored)?;
        }
    }
    Ok(table)
}

/// Whether the target is a number: said so, or a numeric column with a fraction or with more than
/// twenty different values.
fn is_regression(table: &Table, target: &str, task: &str) -> Result<bool, Exit> {
    let column = table.column(target)?;
    Ok(match task {
        "regression" => true,
        "binary" | "multiclass" => false,
        _ => {
            column.kind() == ColumnKind::Numeric && {
                let values = column.numbers(stackfold::data::RowIndex::All(column.len()));
                let distinct: HashSet<u64> = values.iter().map(|v| v.to_bits()).collect();
                distinct.len() > 20 || values.iter().any(|v| v.fract() != 0.0 && !v.is_nan())
            }
        }
    })
}

/// What differs between labels and values.
trait Task: Recipe {
    fn name(&self) -> &'static str;
    fn splitter_for(&self, n_folds: usize) -> Scheme;
    fn with_blender(stack: Stack<Self>, name: &str) -> Result<Stack<Self>, Exit>;
}

fn common_blender<Y: Task>(stack: Stack<Y>, name: &str) -> Result<Stack<Y>, Exit> {
    Ok(match name {
        "auto" => stack,
        "nnls" => stack.with_blender(NonNegativeBlender::new()),
        "greedy" => stack.with_blender(GreedySelection::new()),
        "mean" => stack.with_blender(AverageBlender::new(Average::Arithmetic)),
        "geometric" => stack.with_blender(AverageBlender::new(Average::Geometric)),
        "rank" => stack.with_blender(AverageBlender::new(Average::Rank)),
        _ => {
            return Err(Exit::usage(format!(
                "--blender {name} does not serve this task"
            )));
        }
    })
}

impl Task for Labels {
    fn name(&self) -> &'static str {
        if self.n_classes() == 2 {
            "binary"
        } else {
            "multiclass"
        }
    }

    fn splitter_for(&self, n_folds: usize) -> Scheme {
        Scheme::out_of_fold(StratifiedKFold::new(n_folds))
    }

    fn with_blender(stack: Stack<Self>, name: &str) -> Result<Stack<Self>, Exit> {
        match name {
            "logistic" => Ok(stack.with_blender(LogisticBlender::new())),
            "linfa" => {
                Ok(stack.with_blender(EstimatorBlender::new(linfa::LogisticRegression::new())))
            }
            _ => common_blender(stack, name),
        }
    }
}

impl Task for Values {
    fn name(&self) -> &'static str {
        "regression"
    }

    fn splitter_for(&self, n_folds: usize) -> Scheme {
        Scheme::out_of_fold(StratifiedKFold::new(n_folds))
    }

    fn with_blender(stack: Stack<Self>, name: &str) -> Result<Stack<Self>, Exit> {
        match name {
            "ridge" => Ok(stack.with_blender(RidgeBlender::new())),
            "linfa" => Ok(stack.with_blender(
                EstimatorBlender::new(linfa::Ridge::new()).with_form(MetaForm::Plain),
            )),
            _ => common_blender(stack, name),
        }
    }
}

/// The members that were asked for, or the usual ones.
fn members<Y: Task>(args: &Args) -> Result<Vec<String>, Exit> {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let members = args.list("members");
    if members.is_empty() {
        return Ok(owned(Y::DEFAULT));
    }
    if members == ["all"] {
        return Ok(owned(Y::ALL));
    }
    let mut named = HashSet::new();
    match members.iter().find(|name| !named.insert(name.as_str())) {
        Some(name) => Err(Exit::usage(format!("--members: {name} is named twice"))),
        None => Ok(members),
    }
}

fn stack<Y: Task>(
    args: &Args,
    start: Instant,
    table: &Table,
    target: &Y,
    test: &Table,
    test_target: Option<&Y>,
    summary: Option<&Summary>,
) -> Result<(), Exit> {
    let n_folds: usize = args.number("folds", 5)?;
    let scheme = match args.choice("scheme", &["oof", "holdout"])? {
        "holdout" if args.has("time") => Scheme::out_of_fold(TimeSeriesSplit::new(1)),
        "holdout" => Scheme::holdout(args.number("share", 0.3)?),
        _ if args.has("time") => Scheme::out_of_fold(TimeSeriesSplit::new(n_folds)),
        _ => target.splitter_for(n_folds),
    };
    let members = members::<Y>(args)?;
    let views = Views::new(target);
    let mut stack = Stack::new(scheme)
        .with_new_rows(match args.choice("new-rows", &["average", "refit"])? {
            "refit" => NewRows::Refit,
            _ => NewRows::FoldAverage,
        })
        .with_on_failure(match args.choice("on-failure", &["leave-out", "stop"])? {
            "stop" => OnFailure::Stop,
            _ => OnFailure::LeaveOut,
        });
    for name in &members {
        let (view, model) = Y::member(name, &views).ok_or_else(|| {
            Exit::usage(format!(
                "--members: no member {name:?}; there are {}",
                Y::ALL.join(", ")
            ))
        })?;
        stack = stack.with_member(name, view, model);
    }
    let blender = args.choice("blender", &BLENDERS)?;
    if blender == "rank" && target.name() != "binary" {
        return Err(Exit::usage("--blender rank serves two classes alone"));
    }
    stack = Y::with_blender(stack, blender)?;

    let seed = Seed::new(args.number("seed", 1)?);
    let bar = Bar::new("stack");
    let train = Train::new(table, target)?
        .with_seed(seed)
        .with_progress(Some(&bar));
    let fitted = stack.fit(train)?;
    let (prediction, of_members) = fitted.predict_with_members(test.rows())?;
    for note in fitted.coverage(test.rows()).notes() {
        eprintln!("note: {}: {note}", args.text("test").unwrap_or_default());
    }

    let id = args.text("id");
    let mut files = vec![write_predictions(
        args.required("out")?,
        id,
        test,
        &prediction,
    )?];
    if let Some(path) = args.text("oof") {
        files.push(write_out_of_fold(path, id, table, &fitted)?);
    }
    for file in files {
        file.finish()?;
    }
    if let Some(summary) = summary {
        say!("{summary}");
    }
    say!("{}", fitted.report());

    let metric = target.default_metric();
    let score = |prediction: &Y::Prediction| -> Value {
        test_target
            .and_then(|t| metric.score(t, prediction, test.weights()).ok())
            .map_or(Value::Null, |score| json!(score))
    };
    let member_tests: Vec<Value> = of_members.iter().map(&score).collect();
    let report = fitted.report();
    let member_lines: Vec<Value> = report
        .members
        .iter()
        .zip(member_tests)
        .map(|(member, test_score)| {
            json!({
                "name": member.name,
                "oof_score": member.score,
                "oof_score_on_all": member.score_on_all,
                "test_score": test_score,
                "weight": member.weight,
                "seconds": member.fit_seconds + member.predict_seconds,
            })
        })
        .collect();
    let dropped: Vec<&str> = report.dropped.iter().map(|d| d.member.as_str()).collect();
    let line = json!({
        "task": target.name(),
        "rows": table.n_rows(),
        "columns": table.schema().fields().len(),
        "metric": report.metric,
        "members": member_lines,
        "dropped": dropped,
        "rows_scored": report.n_scored,
        "notes": report.notes,
        "stack_score": report.stack.as_ref().map(|s| s.score),
        "stack_interval": report.stack.as_ref().and_then(|s| s.interval.as_ref()).map(|i| [i.low, i.high]),
        "stack_test_score": score(&prediction),
        "seconds": start.elapsed().as_secs_f64(),
        "peak_memory_mb": peak_memory_mb(),
    });
    say!("{line}");
    Ok(())
}

/// The id of a row: the id column's text, or the row's number from 0.
fn id_of(table: &Table, id: Option<&Column>, row: usize) -> String {
    debug_assert!(row < table.n_rows());
    match id {
        Some(column) => column.text(row).unwrap_or_default().into_owned(),
        None => row.to_string(),
    }
}

fn column_titles<P: Prediction>(name: Option<&str>, prediction: &P) -> Vec<String> {
    (0..prediction.n_columns())
        .map(|k| match (name, prediction.column_name(k)) {
            (None, Some(class)) => class.to_owned(),
            (None, None) => "prediction".to_owned(),
            (Some(name), Some(class)) => format!("{name}_{class}"),
            (Some(name), None) => name.to_owned(),
        })
        .collect()
}

fn write_predictions<P: Prediction>(
    path: &str,
    id: Option<&str>,
    test: &Table,
    prediction: &P,
) -> Result<PendingCsv, Exit> {
    let column = id.map(|name| test.column(name)).transpose()?;
    let mut file = PendingCsv::create(path)?;
    let mut titles = vec![id.unwrap_or("row").to_owned()];
    titles.extend(column_titles(None, prediction));
    file.row(&titles)?;
    for row in 0..prediction.n_rows() {
        let mut cells = vec![id_of(test, column, row)];
        cells.extend((0..prediction.n_columns()).map(|k| prediction.column(k)[row].to_string()));
        file.row(&cells)?;
    }
    file.flush()?;
    Ok(file)
}

fn write_out_of_fold<Y: Task>(
    path: &str,
    id: Option<&str>,
    table: &Table,
    fitted: &FittedStack<Y>,
) -> Result<PendingCsv, Exit> {
    let column = id.map(|name| table.column(name)).transpose()?;
    let mut predictions: Vec<(&str, &Y::Prediction, &[u32])> = fitted
        .out_of_fold()
        .iter()
        .map(|(name, p)| (name.as_str(), p, fitted.out_of_fold_rows()))
        .collect();
    let stacked = fitted.out_of_fold_stack();
    predictions.extend(stacked.map(|p| ("stack", p, fitted.out_of_fold_stack_rows())));
    let mut file = PendingCsv::create(path)?;
    let mut titles = vec![id.unwrap_or("row").to_owned()];
    for (name, prediction, _) in &predictions {
        titles.extend(column_titles(Some(name), *prediction));
    }
    file.row(&titles)?;
    for row in fitted.out_of_fold_rows() {
        let mut cells = vec![id_of(table, column, *row as usize)];
        for (_, prediction, rows) in &predictions {
            // Where splits follow time, the first rows have no prediction of the stack.
            let place = rows.binary_search(row).ok();
            let cell = |k| place.map(|i| prediction.column(k)[i].to_string());
            cells.extend((0..prediction.n_columns()).map(|k| cell(k).unwrap_or_default()));
        }
        file.row(&cells)?;
    }
    file.flush()?;
    Ok(file)
}
