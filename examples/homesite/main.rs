//! The whole way on 260,753 rows: a look-alike of Homesite Quote Conversion, or the real files.
//!
//! ```sh
//! cargo run --release --example homesite
//! cargo run --release --example homesite -- --train train.csv --test test.csv
//! ```
//!
//! Without files it makes a look-alike whose best possible AUC is known (`look_alike.rs`), writes
//! it as the competition's files are written, and reads it back: from there on both ways are one.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints, and how long it took"
)]

#[path = "../common/mod.rs"]
mod common;
mod look_alike;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use common::args::{Args, Exit, set_threads};
use common::output::{PendingCsv, peak_memory_mb};
use common::progress::Bar;
use look_alike::{LookAlike, N_FEATURES, TARGET, TEST_ROWS, TRAIN_ROWS};
use stackfold::data::RowIndex;
use stackfold::data::summary::{ColumnSummary, Summary};
use stackfold::data::{Columns, TableReader};
use stackfold::folds::StratifiedKFold;
use stackfold::metrics::binary::{delong_test, roc_auc};
use stackfold::model::hist::{Bag, ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::model::linfa::{GaussianNaiveBayes, LogisticRegression};
use stackfold::model::neural::{NeuralClassifier, NumericEmbedding};
use stackfold::model::{MaxFeatures, Subsampled};
use stackfold::prelude::*;
use stackfold::stack::{FittedStack, Scheme, Stack, View};
use stackfold::transform::dates::{DatePart, DateParts};
use stackfold::transform::encode::{
    Drop, FrequencyEncoder, MinFrequency, OneHotEncoder, OrdinalEncoder, TargetEncoder,
};
use stackfold::transform::impute::Imputer;
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::row_counts::RowCounts;
use stackfold::transform::scale::StandardScaler;
use stackfold::transform::{ColumnTransformer, Selector};

const USAGE: &str = "\
homesite [--rows 260753] [--features 296] [--full] [--threads N] [--seed 1] [--folds 5]
    [--out submission.csv] [--train train.csv --test test.csv]

--rows      rows of the look-alike's training file; its test file has two thirds of that
--full      the linear model and the network on all rows, and more trees: takes longer
--train, --test   the competition's own files";

fn main() -> ExitCode {
    common::args::main(USAGE, run)
}

fn run() -> Result<(), Exit> {
    let args = Args::read(
        &[
            "rows", "features", "threads", "seed", "folds", "out", "train", "test",
        ],
        &["full"],
    )?;
    set_threads(args.number("threads", 0)?)?;
    let seed: u64 = args.number("seed", 1)?;
    let n_folds: usize = args.number("folds", 5)?;

    // 1. The files: the user's own, or a look-alike's.
    let folder = std::env::temp_dir().join("stackfold-homesite");
    let (train_path, test_path, truth) = match (args.text("train"), args.text("test")) {
        (Some(train), Some(test)) => (PathBuf::from(train), PathBuf::from(test), None),
        (None, None) => {
            let rows: usize = args.number("rows", TRAIN_ROWS)?;
            let test_rows = rows * TEST_ROWS / TRAIN_ROWS;
            let features: usize = args.number("features", N_FEATURES)?;
            let clock = Instant::now();
            let data = LookAlike::generate(rows, test_rows, features, Seed::new(seed))?;
            std::fs::create_dir_all(&folder).map_err(|error| Error::io(folder.display(), error))?;
            let (train, test) = (folder.join("train.csv"), folder.join("test.csv"));
            look_alike::write_csv(&train, &data.train.table)?;
            look_alike::write_csv(&test, &data.test.table)?;
            println!(
                "made a look-alike of {rows} + {test_rows} rows in {:.1} s; best possible AUC {:.4}",
                clock.elapsed().as_secs_f64(),
                data.best_auc
            );
            (train, test, Some(data.test))
        }
        _ => return Err(Exit::usage("--train and --test go together")),
    };

    // 2. Reading: -1 stands for a missing number, a blank for a missing level, and 1,113 is 1113.
    let clock = Instant::now();
    let reader = TableReader::new()
        .with_sentinels(Columns::All, ["-1", " "])
        .with_role("QuoteNumber", Role::Id);
    let (table, summary) = reader.read_with_summary(&train_path)?;
    let (table, target) = table.split_labels(TARGET)?;
    let test = reader.following(&table).read(&test_path)?;
    println!("read both files in {:.1} s", clock.elapsed().as_secs_f64());
    describe(&table, &summary);

    // 3. A field that knows too much.
    leak(&table, &target)?;

    // 4. A/B/C and out-of-fold, side by side, with the same views and members.
    let train = Train::new(&table, &target)?.with_seed(Seed::new(seed));
    let full = args.has("full");
    let schemes = [
        ("A/B/C", Scheme::holdout(0.3)),
        (
            "out-of-fold",
            Scheme::out_of_fold(StratifiedKFold::new(n_folds)),
        ),
    ];
    let mut predictions = Vec::new();
    for (name, scheme) in schemes {
        let stack = members(Stack::new(scheme), full);
        let bar = Bar::new(name);
        let clock = Instant::now();
        let fitted = stack.fit(train.with_progress(Some(&bar)))?;
        let (prediction, of_members) = fitted.predict_with_members(test.rows())?;
        println!(
            "\n{name}: {:.1} s with predictions of {} new rows",
            clock.elapsed().as_secs_f64(),
            test.n_rows()
        );
        println!("{}", fitted.report());
        if let Some(truth) = &truth {
            score(name, &fitted, &prediction, &of_members, &truth.converted)?;
        }
        predictions.push(prediction);
    }
    if let Some(truth) = &truth {
        let converted: Vec<bool> = truth.converted.iter().map(|&c| c == 1).collect();
        let test = delong_test(
            &converted,
            predictions[1].positive(),
            predictions[0].positive(),
        )?;
        println!(
            "out-of-fold against A/B/C on the test file: difference {:+.5}, p {:.2e}",
            test.difference(),
            test.p_value()
        );
        println!(
            "best possible on the test file: {:.5}",
            roc_auc(&converted, &truth.probabilities, None)?
        );
    }

    // 5. The submission, and where the time and memory went.
    let out = args
        .text("out")
        .map_or_else(|| folder.join("submission.csv"), PathBuf::from);
    if let Some(parent) = out.parent() {
        std::fs::create_dir_all(parent).map_err(|error| Error::io(parent.display(), error))?;
    }
    write_submission(&out, &test, predictions[1].positive())?;
    println!("wrote {}", out.display());
    if let Some(peak) = peak_memory_mb() {
        println!("peak memory {peak:.0} MiB");
    }
    Ok(())
}

fn describe(table: &Table, summary: &Summary) {
    let constants: Vec<&str> = summary.constants().map(ColumnSummary::name).collect();
    let missing: usize = summary.columns().iter().map(|c| c.missing().total()).sum();
    println!(
        "{} rows, {} columns, {missing} missing cells; constant: {}",
        table.n_rows(),
        table.schema().fields().len(),
        if constants.is_empty() {
            "none".to_owned()
        } else {
            constants.join(", ")
        }
    );
}

/// `PropertyField37` with `PersonalField12` tells the outcome of a group of quotes: it was probably
/// filled in after the sale. A model that uses it looks better than it would be in service.
fn leak(table: &Table, target: &Labels) -> Result<()> {
    let all = RowIndex::All(table.n_rows());
    let field = table.column("PropertyField37")?.to_categorical();
    let number = table.column("PersonalField12")?.numbers(all);
    let Some((codes, levels)) = field.codes() else {
        return Ok(());
    };
    let (mut n, mut converted) = (0_usize, 0_usize);
    for (row, &code) in codes.iter().enumerate() {
        if matches!(levels.name(code), Some("Y" | "true")) && (1.0..=4.0).contains(&number[row]) {
            n += 1;
            converted += target.codes()[row] as usize;
        }
    }
    let all_converted = target.codes().iter().filter(|&&c| c == 1).count();
    println!(
        "PropertyField37 = Y with PersonalField12 from 1 to 4: {n} quotes, {:.1} % of them convert, \
         {:.1} % of all conversions",
        100.0 * converted as f64 / n.max(1) as f64,
        100.0 * converted as f64 / all_converted.max(1) as f64
    );
    // What it is worth to a model: the same one with and without the two fields, on few rows.
    let rows: Vec<u32> = (0..).take(table.n_rows().min(40_000)).collect();
    let train = Train::new(table, target)?.subset(&rows)?;
    let fields = Selector::names(["PropertyField37", "PersonalField12"]);
    for (name, view) in [
        ("with both fields", trees_view(Selector::all())),
        ("without them", trees_view(!fields)),
    ] {
        let view = View::new("trees", view);
        let forest = RandomForest::new().with_n_trees(20);
        let fitted = Stack::new(Scheme::holdout(0.3))
            .with_member("forest", &view, forest)
            .fit(train)?;
        let report = fitted.report();
        println!("  a forest {name}: AUC {:.4}", report.members[0].score);
    }
    Ok(())
}

fn levels() -> Selector {
    Selector::kind(ColumnKind::Categorical) | Selector::kind(ColumnKind::Boolean)
}

fn dates() -> DateParts {
    DateParts::new().with_parts([
        DatePart::Year,
        DatePart::Month,
        DatePart::Weekday,
        DatePart::DayOfYear,
        DatePart::Days,
    ])
}

/// How many cells of a row are missing or zero: the cheapest trick on this data.
fn counts() -> RowCounts {
    RowCounts::new("row").missing().zeros()
}

/// For the linear model and naive Bayes: scaled numbers, one-hot levels. A column named `…A` bins
/// the same variable as its `…B`, more coarsely, and is left out.
fn linear_view() -> ColumnTransformer<Labels> {
    let numbers = Selector::kind(ColumnKind::Numeric) & !Selector::suffix("A");
    ColumnTransformer::new()
        .with(
            "number",
            numbers,
            Imputer::median().then(StandardScaler::new()),
        )
        .with(
            "date",
            Selector::kind(ColumnKind::Date),
            dates().then(StandardScaler::new()),
        )
        .with(
            "count",
            Selector::all(),
            counts().then(StandardScaler::new()),
        )
        .with(
            "level",
            levels(),
            OneHotEncoder::new()
                .with_drop(Drop::IfBinary)
                .with_min_frequency(MinFrequency::Share(0.002)),
        )
        .with(
            "mean",
            Selector::kind(ColumnKind::Categorical),
            TargetEncoder::new().then(StandardScaler::new()),
        )
}

/// For trees: numbers and missing values as they are, levels as codes, and levels as their
/// cross-fitted means and frequencies.
fn trees_view(columns: Selector) -> ColumnTransformer<Labels> {
    let numbers = Selector::kind(ColumnKind::Numeric) | Selector::kind(ColumnKind::Boolean);
    let levels = Selector::kind(ColumnKind::Categorical);
    ColumnTransformer::new()
        .with("number", numbers & columns.clone(), Passthrough::new())
        .with("date", Selector::kind(ColumnKind::Date), dates())
        .with("count", columns.clone(), counts())
        .with(
            "level",
            levels.clone() & columns.clone(),
            OrdinalEncoder::new(),
        )
        .with(
            "mean",
            levels.clone() & columns.clone(),
            TargetEncoder::new(),
        )
        .with(
            "frequency",
            levels & Selector::cardinality(5..=1000) & columns,
            FrequencyEncoder::new(),
        )
}

/// Two models of linfa; four of trees: two sizes of boosting, and a forest and extra trees that are
/// fitted once, with out-of-bag predictions instead of out-of-fold ones; and a network. The linear
/// model and the network learn on a seeded, stratified sample of their rows, unless all of them are
/// asked for.
fn members(stack: Stack<Labels>, full: bool) -> Stack<Labels> {
    let linear = View::new("linear", linear_view());
    let trees = View::new("trees", trees_view(Selector::all()));
    let sample = |n_rows| if full { usize::MAX } else { n_rows };
    let logistic = Subsampled::new(LogisticRegression::new(), sample(20_000));
    let times = if full { 3 } else { 1 };
    let boosting = HistGradientBoosting::new()
        .with_n_trees(150 * times)
        .with_learning_rate(0.1 / times as f64)
        .with_l2(1.0);
    let small = boosting
        .clone()
        .with_n_trees(400 * times)
        .with_max_leaves(8);
    let forest = RandomForest::new()
        .with_n_trees(50 * times)
        .with_max_depth(Some(14))
        .with_min_samples_leaf(5);
    let extra = ExtraTrees::new()
        .with_n_trees(50 * times)
        .with_max_depth(Some(16))
        .with_max_features(MaxFeatures::Share(0.15))
        .with_min_samples_leaf(5)
        .with_bag(Bag::Bootstrap);
    let network = NeuralClassifier::new()
        .with_numeric_embedding(NumericEmbedding::PiecewiseLinear {
            n_bins: 16,
            size: 4,
        })
        .with_dropout(0.2)
        .with_batch_size(512)
        .with_learning_rate(2e-3)
        .with_n_epochs(8);
    let network = Subsampled::new(network, sample(60_000));
    stack
        .with_member("logistic", &linear, logistic)
        .with_member("bayes", &linear, GaussianNaiveBayes::new())
        .with_member("boosting", &trees, boosting)
        .with_member("small boosting", &trees, small)
        .with_out_of_bag_member("forest", &trees, forest)
        .with_out_of_bag_member("extra trees", &trees, extra)
        .with_member("network", &trees, network)
}

fn score(
    name: &str,
    fitted: &FittedStack<Labels>,
    prediction: &Probabilities,
    members: &[Probabilities],
    converted: &[u32],
) -> Result<()> {
    let converted: Vec<bool> = converted.iter().map(|&c| c == 1).collect();
    let auc = |p: &Probabilities| roc_auc(&converted, p.positive(), None);
    println!("{name} on the test file: AUC {:.5}", auc(prediction)?);
    for (member, prediction) in fitted.member_names().iter().zip(members) {
        println!("    {member}: {:.5}", auc(prediction)?);
    }
    Ok(())
}

fn write_submission(path: &Path, test: &Table, positive: &[f64]) -> Result<(), Exit> {
    let id = test.column("QuoteNumber")?;
    let mut file = PendingCsv::create(path)?;
    file.row(["QuoteNumber", TARGET])?;
    for (row, p) in positive.iter().enumerate() {
        file.row([id.text(row).unwrap_or_default().as_ref(), &p.to_string()])?;
    }
    file.finish()
}
