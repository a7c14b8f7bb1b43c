//! ferrolearn.

use std::collections::BTreeSet;

use compare_rust_peers::folder::{Folder, Numbers};
use compare_rust_peers::job::{Job, Model, Work};
use compare_rust_peers::report::Report;
use compare_rust_peers::{Result, run};
use ferrolearn_bayes::GaussianNB;
use ferrolearn_core::traits::{Fit, FitTransform, Transform};
use ferrolearn_linear::LogisticRegression;
use ferrolearn_preprocess::imputer::{ImputeStrategy, SimpleImputer};
use ferrolearn_preprocess::quantile_transformer::{OutputDistribution, QuantileTransformer};
use ferrolearn_preprocess::target_encoder::{Smooth, TargetEncoder};
use ferrolearn_preprocess::{OneHotEncoder, RobustScaler, StandardScaler};
use ferrolearn_tree::{
    ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier,
};
use ndarray::{Array1, Array2};

fn main() -> Result<()> {
    run(learn, transform)
}

fn learn(job: &Job, folder: &Folder) -> Result<Report> {
    let x = matrix(&folder.features("train")?)?;
    let test = matrix(&folder.features("test")?)?;
    let y = Array1::from(folder.classes()?);
    Report::of_predictions(job, || {
        let depth = Some(job.max_depth.into());
        let probabilities = match job.model {
            Model::RandomForest => RandomForestClassifier::<f64>::new()
                .with_n_estimators(job.n_trees)
                .with_max_depth(depth)
                .with_random_state(job.seed)
                .fit(&x, &y)?
                .predict_proba(&test)?,
            Model::ExtraTrees => ExtraTreesClassifier::<f64>::new()
                .with_n_estimators(job.n_trees)
                .with_max_depth(depth)
                .with_random_state(job.seed)
                .fit(&x, &y)?
                .predict_proba(&test)?,
            Model::Boosting => HistGradientBoostingClassifier::<f64>::new()
                .with_n_estimators(job.n_trees)
                .with_random_state(job.seed)
                .fit(&x, &y)?
                .predict_proba(&test)?,
            Model::Logistic => LogisticRegression::<f64>::new()
                .with_max_iter(200)
                .fit(&x, &y)?
                .predict_proba(&test)?,
            Model::NaiveBayes => GaussianNB::<f64>::new().fit(&x, &y)?.predict_proba(&test)?,
            Model::Transform => return Err("a transformer gives no predictions".into()),
        };
        Ok(probabilities.column(1).to_vec())
    })
}

fn transform(job: &Job, folder: &Folder) -> Result<Report> {
    let names = |_: &Array2<f64>| Ok(folder.names());
    match job.transform()? {
        Work::OneHot => {
            let codes = codes(folder)?.mapv(|code| code as f64);
            let one_hot = || Ok(OneHotEncoder::<f64>::new().fit_transform(&codes)?);
            Report::of_features(job, one_hot, |_| Ok(one_hot_names(folder, &codes)), column)
        }
        Work::Target => {
            let (codes, y) = (codes(folder)?, Array1::from(folder.target()?));
            let encoder = TargetEncoder::<f64>::with_smooth(Smooth::Auto);
            let encoded = || Ok(encoder.fit_transform(&codes, &y)?);
            Report::of_features(job, encoded, names, column)
        }
        Work::LeaveOneOut => Err("ferrolearn has no leave-one-out means".into()),
        work => {
            let x = matrix(&folder.numbers()?)?;
            Report::of_features(job, || scaled(work, &x), names, column)
        }
    }
}

fn scaled(work: Work, x: &Array2<f64>) -> Result<Array2<f64>> {
    Ok(match work {
        Work::Median => SimpleImputer::new(ImputeStrategy::Median).fit_transform(x)?,
        Work::Robust => RobustScaler::new().fit_transform(x)?,
        Work::Quantile => {
            let uniform = OutputDistribution::Uniform;
            QuantileTransformer::new(1000, uniform, x.nrows()).fit_transform(x)?
        }
        Work::MeanStandard => {
            let filled = SimpleImputer::new(ImputeStrategy::Mean).fit_transform(x)?;
            StandardScaler::new().fit_transform(&filled)?
        }
        _ => StandardScaler::new().fit(x, &())?.transform(x)?,
    })
}

/// Those levels that there are, sorted.
fn one_hot_names(folder: &Folder, codes: &Array2<f64>) -> Vec<String> {
    let columns = folder.columns().iter().zip(codes.columns());
    columns
        .flat_map(|(field, codes)| {
            let present: BTreeSet<usize> = codes.iter().map(|&code| code as usize).collect();
            let name = |code: usize| format!("{}_{}", field.name, field.levels[code]);
            present.into_iter().map(name).collect::<Vec<_>>()
        })
        .collect()
}

fn codes(folder: &Folder) -> Result<Array2<usize>> {
    let shape = (folder.columns().len(), folder.n_train());
    let columns = Array2::from_shape_vec(shape, folder.codes()?)?;
    Ok(columns.t().as_standard_layout().into_owned())
}

fn column(x: &Array2<f64>, j: usize) -> Result<Vec<f64>> {
    Ok(x.column(j).to_vec())
}

fn matrix(numbers: &Numbers) -> Result<Array2<f64>> {
    let shape = (numbers.n_rows, numbers.n_columns);
    Ok(Array2::from_shape_vec(shape, numbers.by_rows())?)
}
