//! A stack that is fitted and cross-validated in WebAssembly as anywhere else.
//!
//! ```sh
//! cargo run --example wasm   # here
//! .ci/wasm                   # in node, and compares
//! ```
//!
//! `tests/wasm` is the package that exports [`scores`] from a module for `wasm32-unknown-unknown`.
//! That target has no threads and no clock: all runs on one thread, and reports say 0 seconds.
#![allow(clippy::print_stdout, reason = "an example prints")]

use stackfold::folds::StratifiedKFold;
use stackfold::metrics::ClassificationMetric;
use stackfold::model::hist::{HistGradientBoosting, RandomForest};
use stackfold::model::linear::LogisticRegression;
use stackfold::model_selection::cross_validate;
use stackfold::prelude::*;
use stackfold::stack::{Scheme, Stack, View};
use stackfold::transform::encode::TargetEncoder;
use stackfold::transform::impute::Imputer;
use stackfold::transform::{ColumnTransformer, Selector};

fn main() -> Result<()> {
    let [stack, cross_validated] = scores()?;
    println!("{stack} {cross_validated}");
    Ok(())
}

/// The AUC of a stack's out-of-fold predictions, and that of its boosting by itself.
pub(crate) fn scores() -> Result<[f64; 2]> {
    let n = 600_u32;
    let draws = |name| (0..n).map(move |i| Seed::new(1).child(name).uniform(u64::from(i)));
    let x: Vec<f64> = draws("x").collect();
    let mut stream = Seed::new(1).child("town").stream();
    let town = |_| ["Bergen", "Lund", "Turku"][stream.below(3)];
    let towns: Vec<&str> = (0..n).map(town).collect();
    let odds = |(x, town): (&f64, &&str)| x + 0.3 * f64::from(u8::from(*town == "Lund"));
    let odds = x.iter().zip(&towns).map(odds).zip(draws("label"));
    let codes: Vec<u32> = odds.map(|(odds, u)| u32::from(odds > u + 0.2)).collect();
    let table = Table::new([
        ("x", Column::numeric(x)),
        ("town", Column::categorical(towns.into_iter().map(Some))),
    ])?;
    let target = Labels::new(codes, vec!["no".into(), "yes".into()])?;
    let train = Train::new(&table, &target)?.with_seed(Seed::new(2));

    let columns = ColumnTransformer::new()
        .with("x", Selector::kind(ColumnKind::Numeric), Imputer::median())
        .with(
            "town",
            Selector::kind(ColumnKind::Categorical),
            TargetEncoder::new(),
        );
    let view = View::new("all", columns.clone());
    let boosting = HistGradientBoosting::new().with_n_trees(20);
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(3)))
        .with_member("logistic", &view, LogisticRegression::new())
        .with_member("forest", &view, RandomForest::new().with_n_trees(20))
        .with_member("boosting", &view, boosting.clone());
    let stacked = stack
        .fit(train)?
        .report()
        .stack
        .as_ref()
        .map_or(f64::NAN, |s| s.score);

    let learner = Pipeline::new(columns, boosting);
    let metric = ClassificationMetric::RocAuc;
    let found = cross_validate(&learner, train, &StratifiedKFold::new(3), &[&metric])?;
    Ok([stacked, found.scores("roc_auc")?.pooled()])
}
