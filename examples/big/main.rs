//! 800,000 rows x 2,000 columns from end to end: made, kept as Parquet, read, and stacked under a
//! memory limit.
//!
//! ```sh
//! cargo run --release --example big                                  # some 4 GB on disk
//! cargo run --release --example big -- --rows 20000 --cols 200       # a small one
//! ```
//!
//! Half of the columns are small whole numbers, one in a hundred is categorical, the others are
//! continuous; what the target hangs on is known, and so is the best possible AUC (`wide.rs`).
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints, and how long it took"
)]

#[path = "../common/mod.rs"]
mod common;
mod statistics;
mod wide;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use common::args::{Args, Exit, set_threads};
use common::output::{peak_memory_mb, reset_peak_memory};
use common::progress::Bar;
use stackfold::data::batches::BatchedTable;
use stackfold::data::polars::{ParquetBatches, ParquetSink, table_to_frame};
use stackfold::folds::StratifiedKFold;
use stackfold::model::bayes::GaussianNaiveBayes;
use stackfold::model::hist::HistGradientBoosting;
use stackfold::model::linear::LogisticRegression;
use stackfold::prelude::*;
use stackfold::stack::{FittedStack, Scheme, Stack, View};
use stackfold::transform::encode::TargetEncoder;
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::{ColumnTransformer, Selector};
use wide::{TARGET, Wide};

const USAGE: &str = "\
big [--rows 800000] [--cols 2000] [--folds 5] [--trees 100] [--memory-gb 8] [--threads N]
    [--seed 1] [--file wide.parquet] [--again] [--statistics-gb 0]

--memory-gb       what fits that run at one time may need by their estimates, the table aside
--file            where the table is kept; a temporary file otherwise
--again           with the file of an earlier run
--statistics-gb   if above 0, only statistics of every column are learned: from the file in batches
                  under this limit, from the table in memory, and both are compared";

/// Rows that are made, written and read at a time.
const BATCH: usize = 20_000;

fn main() -> ExitCode {
    common::args::main(USAGE, run)
}

fn run() -> Result<(), Exit> {
    let args = Args::read(
        &[
            "rows",
            "cols",
            "folds",
            "trees",
            "memory-gb",
            "threads",
            "seed",
            "file",
            "statistics-gb",
        ],
        &["again"],
    )?;
    set_threads(args.number("threads", 0)?)?;
    let wide = Wide::new(
        args.number("rows", 800_000)?,
        args.number("cols", 2_000)?,
        Seed::new(args.number("seed", 1)?),
    );
    let path = args.text("file").map_or_else(
        || std::env::temp_dir().join("stackfold-wide.parquet"),
        PathBuf::from,
    );

    if !args.has("again") {
        phase("made and written", || write(&path, &wide))?;
    }
    let limit: f64 = args.number("statistics-gb", 0.0)?;
    let in_batches = if limit > 0.0 {
        let learn = || statistics::from_batches(&path, BATCH, bytes(limit));
        Some(phase("statistics, in batches", learn)?)
    } else {
        None
    };
    let (table, target) = phase("read", || read(&path))?;
    println!(
        "{} rows x {} columns",
        table.n_rows(),
        table.schema().fields().len()
    );

    if let Some(in_batches) = in_batches {
        let whole = phase("statistics, in memory", || {
            statistics::in_memory(&table, &target)
        })?;
        let (n_same, n) = statistics::compare([&in_batches, &whole], &table, BATCH)?;
        println!("{n_same} of {n} features are the same to the bit");
        return Ok(());
    }

    let features = View::new("features", features());
    let memory: f64 = args.number("memory-gb", 8.0)?;
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(
        args.number("folds", 5)?,
    )))
    .with_member("logistic", &features, LogisticRegression::new())
    .with_member("naive Bayes", &features, GaussianNaiveBayes::new())
    .with_member(
        "boosting",
        &features,
        HistGradientBoosting::new().with_n_trees(args.number("trees", 100)?),
    )
    .with_memory_limit(Some(bytes(memory)));
    let bar = Bar::new("stack");
    let fitted = phase("stacked", || {
        let train = Train::new(&table, &target)?.with_seed(Seed::new(1));
        stack.fit(train.with_progress(Some(&bar)))
    })?;
    report(&fitted, wide.best_auc());
    Ok(())
}

/// So many bytes; 0 for what is no number above 0, which is refused as a limit.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast stops at the bounds"
)]
fn bytes(gigabytes: f64) -> u64 {
    (gigabytes * 1e9) as u64
}

/// Does a part of the work, and prints how long it took and how much memory the process had.
fn phase<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let is_reset = reset_peak_memory();
    let start = Instant::now();
    let result = work()?;
    let peak = match peak_memory_mb() {
        Some(mb) if is_reset => format!("at most {:.2} GB", mb * 1.048_576e-3),
        _ => "memory unknown".to_owned(),
    };
    println!("{name}: {:.1} s, {peak}", start.elapsed().as_secs_f64());
    Ok(result)
}

/// Makes the table batch by batch; none but one is in memory.
fn write(path: &Path, wide: &Wide) -> Result<()> {
    let mut sink = ParquetSink::create(path)?;
    for batch in wide.batches(BATCH) {
        let batch = batch?;
        let frame = table_to_frame(&batch)?;
        sink.write(&batch, &frame)?;
    }
    sink.finish()?;
    Ok(())
}

/// Reads the table batch by batch straight into columns of the narrowest type.
fn read(path: &Path) -> Result<(Table, Labels)> {
    let source = ParquetBatches::new(path).with_max_rows(BATCH);
    let batched = BatchedTable::new(&source)?;
    batched
        .gather(batched.schema().names())?
        .split_labels(TARGET)
}

/// Numbers as they are, categories by the targets of other folds.
fn features() -> ColumnTransformer<Labels> {
    ColumnTransformer::new()
        .with(
            "numbers",
            Selector::kind(ColumnKind::Numeric),
            Passthrough::new(),
        )
        .with(
            "categories",
            Selector::kind(ColumnKind::Categorical),
            TargetEncoder::new(),
        )
}

fn report(fitted: &FittedStack<Labels>, best_auc: f64) {
    let report = fitted.report();
    println!("out-of-fold {}, of {best_auc:.4} possible:", report.metric);
    for member in report.members.iter().chain(&report.stack) {
        println!(
            "  {:<12} {:.4}  {:.1} s in all",
            member.name,
            member.score,
            member.fit_seconds + member.predict_seconds
        );
    }
}
