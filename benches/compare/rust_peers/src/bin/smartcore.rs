//! smartcore alone.

use compare_rust_peers::folder::{Folder, Numbers};
use compare_rust_peers::job::{Job, Model, Work};
use compare_rust_peers::report::Report;
use compare_rust_peers::{Result, run};
use smartcore::api::{Transformer, UnsupervisedEstimator};
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};
use smartcore::naive_bayes::gaussian::{GaussianNB, GaussianNBParameters};
use smartcore::preprocessing::categorical::{OneHotEncoder, OneHotEncoderParams};
use smartcore::preprocessing::numerical::{StandardScaler, StandardScalerParameters};
use smartcore::xgboost::{XGRegressor, XGRegressorParameters};

fn main() -> Result<()> {
    run(learn, transform)
}

/// Labels, but of boosting, which is fitted on 0 and 1 as values.
fn learn(job: &Job, folder: &Folder) -> Result<Report> {
    let x = matrix(folder.features("train")?)?;
    let test = matrix(folder.features("test")?)?;
    let classes: Vec<u32> = folder.classes()?.into_iter().map(|y| y as u32).collect();
    let labels = |labels: Vec<u32>| Ok(labels.into_iter().map(f64::from).collect());
    Report::of_predictions(job, || match job.model {
        Model::RandomForest => {
            let parameters = RandomForestClassifierParameters::default()
                .with_n_trees(u16::try_from(job.n_trees)?)
                .with_max_depth(job.max_depth)
                .with_seed(job.seed);
            labels(RandomForestClassifier::fit(&x, &classes, parameters)?.predict(&test)?)
        }
        Model::Logistic => {
            let parameters = LogisticRegressionParameters::default().with_alpha(1.0);
            labels(LogisticRegression::fit(&x, &classes, parameters)?.predict(&test)?)
        }
        Model::NaiveBayes => {
            labels(GaussianNB::fit(&x, &classes, GaussianNBParameters::default())?.predict(&test)?)
        }
        Model::Boosting => {
            let values = classes.iter().map(|&y| f64::from(y)).collect::<Vec<f64>>();
            let parameters = XGRegressorParameters::default()
                .with_n_estimators(job.n_trees)
                .with_learning_rate(0.1)
                .with_max_depth(5)
                .with_seed(job.seed);
            Ok(XGRegressor::fit(&x, &values, parameters)?.predict(&test)?)
        }
        _ => Err("smartcore has no such classifier".into()),
    })
}

fn transform(job: &Job, folder: &Folder) -> Result<Report> {
    match job.transform()? {
        Work::Standard => {
            let x = matrix(folder.numbers()?)?;
            Report::of_features(
                job,
                || {
                    let scaler: StandardScaler<f64> =
                        UnsupervisedEstimator::fit(&x, StandardScalerParameters::default())?;
                    Ok(scaler.transform(&x)?)
                },
                |_| Ok(folder.names()),
                column,
            )
        }
        Work::OneHot => one_hot(job, folder),
        _ => Err("smartcore has no such transformer".into()),
    }
}

/// One column after another: of columns side by side, smartcore 0.7 lays the indicators over one
/// another.
fn one_hot(job: &Job, folder: &Folder) -> Result<Report> {
    let n_rows = folder.n_train();
    let codes = folder.codes()?;
    let columns: Vec<DenseMatrix<f64>> = codes
        .chunks(n_rows)
        .map(|codes| {
            matrix(Numbers {
                n_rows,
                n_columns: 1,
                values: codes.iter().map(|&code| code as f64).collect(),
            })
        })
        .collect::<Result<_>>()?;
    let encode = |x: &DenseMatrix<f64>| {
        let parameters = OneHotEncoderParams::from_cat_idx(&[0]);
        Ok(OneHotEncoder::fit(x, parameters)?.transform(x)?)
    };
    Report::of_features(
        job,
        || columns.iter().map(encode).collect::<Result<Vec<_>>>(),
        |_| Ok(one_hot_names(folder, &codes)),
        |blocks, j| {
            let mut place = j;
            for block in blocks {
                let width = block.shape().1;
                if place < width {
                    return column(block, place);
                }
                place -= width;
            }
            Err("no such column".into())
        },
    )
}

/// Levels are numbered as they come.
fn one_hot_names(folder: &Folder, codes: &[usize]) -> Vec<String> {
    let mut names = Vec::new();
    for (field, codes) in folder.columns().iter().zip(codes.chunks(folder.n_train())) {
        let mut is_known = vec![false; field.levels.len()];
        for &code in codes {
            if !std::mem::replace(&mut is_known[code], true) {
                names.push(format!("{}_{}", field.name, field.levels[code]));
            }
        }
    }
    names
}

fn column(x: &DenseMatrix<f64>, j: usize) -> Result<Vec<f64>> {
    Ok((0..x.shape().0).map(|i| *x.get((i, j))).collect())
}

fn matrix(numbers: Numbers) -> Result<DenseMatrix<f64>> {
    let (n_rows, n_columns) = (numbers.n_rows, numbers.n_columns);
    Ok(DenseMatrix::new(n_rows, n_columns, numbers.values, true)?)
}
