//! The program of the README: a stack on bundled data, and its score on rows held out.
#![allow(clippy::print_stdout, reason = "an example prints")]

use stackfold::model::{ExtraTrees, HistGradientBoosting, NeuralNetwork};
use stackfold::prelude::*;

#[rustfmt::skip] // as short as it is in the README
fn main() -> Result<()> {
    let (table, target) = TableReader::new().read("examples/data/bank_full.csv.gz")?.split_labels("y")?;
    let split = Train::new(&table, &target)?.with_seed(Seed::new(1)).split(0.2)?; // a fifth is held out
    let (numbers, levels) = (Selector::kind(ColumnKind::Numeric), Selector::kind(ColumnKind::Categorical));
    let scaled = View::new("scaled", ColumnTransformer::new()
        .with("number", numbers.clone(), Imputer::median().then(StandardScaler::new()))
        .with("level", levels.clone(), OrdinalEncoder::new()));
    let trees = View::new("trees", ColumnTransformer::new()
        .with("number", numbers, Passthrough::new()).with("level", levels, OrdinalEncoder::new()));
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
        .with_member("network", &scaled, NeuralNetwork::new())
        .with_member("extra trees", &trees, ExtraTrees::new())
        .with_member("boosting", &trees, HistGradientBoosting::new());
    let fitted = stack.fit(split.train())?;
    println!("{}AUC {:.4}", fitted.report(), split.score(&fitted, &ClassificationMetric::RocAuc)?);
    Ok(())
}
