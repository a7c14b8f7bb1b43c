//! A stack on real data: UCI Adult, official split, bundled.
//!
//! ```sh
//! cargo run --release --example adult
//! ```
//!
//! What others report on this data (AUC; ten-fold means of the AutoML benchmark of 2019 on all
//! rows, so not the same test set): random forest 0.909, TPOT 0.929, H2O AutoML 0.930,
//! auto-sklearn 0.930.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints, and how long it took"
)]

mod common;

use std::process::ExitCode;
use std::time::Instant;

use common::args::{Args, Exit, set_threads};
use common::progress::Bar;
use common::recipe::{hist_view, linear_view};
use stackfold::data::TableReader;
use stackfold::data::summary::Summary;
use stackfold::folds::StratifiedKFold;
use stackfold::metrics::binary::{delong, delong_test};
use stackfold::model::hist::{ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::model::linfa::{GaussianNaiveBayes, LogisticRegression};
use stackfold::prelude::*;
use stackfold::stack::{Scheme, Stack, View};

const USAGE: &str = "adult [--rows N] [--seed 1] [--threads N]";
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/adult.csv.gz");

fn main() -> ExitCode {
    common::args::main(USAGE, run)
}

fn run() -> Result<(), Exit> {
    let args = Args::read(&["rows", "seed", "threads"], &[])?;
    set_threads(args.number("threads", 0)?)?;
    let clock = Instant::now();

    // The file holds both parts of the official split; `?` is a missing cell.
    let (table, target) = TableReader::new()
        .with_missing(["?"])
        .with_role("split", Role::Ignored)
        .read(DATA)?
        .split_labels("income")?;
    println!("{}", Summary::of(&table));
    let split = table.column("split")?;
    let (mut train_rows, test_rows): (Vec<u32>, Vec<u32>) = (0..)
        .take(table.n_rows())
        .partition(|&row| split.text(row as usize).as_deref() == Some("train"));
    train_rows.truncate(args.number("rows", usize::MAX)?);

    let linear = View::new("linear", linear_view());
    let trees = View::new("trees", hist_view());
    let forest = RandomForest::new().with_min_samples_leaf(3);
    let extra = ExtraTrees::new().with_min_samples_leaf(3);
    let small = HistGradientBoosting::new()
        .with_n_trees(400)
        .with_max_leaves(8);
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
        .with_member("logistic", &linear, LogisticRegression::new())
        .with_member("bayes", &linear, GaussianNaiveBayes::new())
        .with_member("forest", &trees, forest)
        .with_member("extra trees", &trees, extra)
        .with_member("boosting", &trees, HistGradientBoosting::new())
        .with_member("small boosting", &trees, small);

    let seed = Seed::new(args.number("seed", 1)?);
    let bar = Bar::new("adult");
    let train = Train::new(&table, &target)?
        .subset(&train_rows)?
        .with_seed(seed)
        .with_progress(Some(&bar));
    let fitted = stack.fit(train)?;
    println!("{}", fitted.report());

    // The official test set, which nothing above has seen.
    let new = table.rows().subset(&test_rows)?;
    let rich: Vec<bool> = test_rows
        .iter()
        .map(|&row| target.codes()[row as usize] == 1)
        .collect();
    let (prediction, of_members) = fitted.predict_with_members(new)?;
    let interval = delong(&rich, prediction.positive())?;
    println!(
        "test AUC of the stack: {:.4} ({:.4} .. {:.4})",
        interval.auc(),
        interval.interval().low,
        interval.interval().high
    );
    for (name, member) in fitted.member_names().iter().zip(&of_members) {
        let test = delong_test(&rich, prediction.positive(), member.positive())?;
        println!(
            "    against {name}: difference {:+.4}, p {:.2e}",
            test.difference(),
            test.p_value()
        );
    }
    println!("{:.1} s", clock.elapsed().as_secs_f64());
    Ok(())
}
