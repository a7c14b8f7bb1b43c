//! The program of the README: a stack on bundled data, in some thirty lines.
#![allow(clippy::print_stdout, reason = "an example prints")]

use stackfold::data::TableReader;
use stackfold::folds::StratifiedKFold;
use stackfold::model::hist::HistGradientBoosting;
use stackfold::model::linfa;
use stackfold::prelude::*;
use stackfold::stack::{Scheme, Stack, View};
use stackfold::transform::encode::{OneHotEncoder, TargetEncoder};
use stackfold::transform::impute::Imputer;
use stackfold::transform::scale::StandardScaler;
use stackfold::transform::{ColumnTransformer, Selector};

fn main() -> Result<()> {
    let reader = TableReader::new()
        .with_missing(["?"])
        .with_role("split", Role::Ignored);
    let (table, target) = reader
        .read("examples/data/adult.csv.gz")?
        .split_labels("income")?;
    let (numbers, levels) = (
        Selector::kind(ColumnKind::Numeric),
        Selector::kind(ColumnKind::Categorical),
    );
    let scaled = Imputer::median().then(StandardScaler::new());
    let linear = View::new(
        "linear",
        ColumnTransformer::new()
            .with("number", numbers.clone(), scaled)
            .with("level", levels.clone(), OneHotEncoder::new()),
    );
    let trees = View::new(
        "trees",
        ColumnTransformer::new()
            .with("number", numbers, Imputer::median())
            .with("mean", levels, TargetEncoder::new()),
    );
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
        .with_member("logistic", &linear, linfa::LogisticRegression::new())
        .with_member("bayes", &linear, linfa::GaussianNaiveBayes::new())
        .with_member("boosting", &trees, HistGradientBoosting::new());
    let fitted = stack.fit(Train::new(&table, &target)?.with_seed(Seed::new(1)))?;
    println!("{}", fitted.report()); // scores with intervals, weights, correlations, seconds
    let probabilities = fitted.predict(table.rows())?; // new rows: the same columns, in any order
    println!("{:?}", &probabilities.positive()[..3]);
    Ok(())
}
