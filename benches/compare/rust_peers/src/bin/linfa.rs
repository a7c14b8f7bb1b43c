//! linfa alone.

use compare_rust_peers::folder::{Folder, Numbers};
use compare_rust_peers::job::{Job, Model, Work};
use compare_rust_peers::report::Report;
use compare_rust_peers::{Result, run};
use linfa::DatasetBase;
use linfa::traits::{Fit, Predict, Transformer};
use linfa_bayes::{GaussianNb, NaiveBayes};
use linfa_ensemble::{EnsembleLearnerParams, RandomForest};
use linfa_logistic::LogisticRegression;
use linfa_preprocessing::linear_scaling::LinearScaler;
use linfa_trees::DecisionTree;
use ndarray016::{Array1, Array2, Axis};
use rand08::SeedableRng;
use rand08::rngs::SmallRng;

fn main() -> Result<()> {
    run(learn, transform)
}

fn learn(job: &Job, folder: &Folder) -> Result<Report> {
    let x = matrix(&folder.features("train")?)?;
    let test = matrix(&folder.features("test")?)?;
    let data = DatasetBase::new(x, Array1::from(folder.classes()?));
    Report::of_predictions(job, || match job.model {
        Model::RandomForest => {
            let tree = DecisionTree::params().max_depth(Some(job.max_depth.into()));
            // Columns are drawn for a tree, not for a split: the root of their number is too few.
            let forest =
                EnsembleLearnerParams::new_fixed_rng(tree, SmallRng::seed_from_u64(job.seed))
                    .ensemble_size(job.n_trees)
                    .bootstrap_proportion(1.0)
                    .feature_proportion(0.5)
                    .fit(&data)?;
            Ok(votes(&forest, &test))
        }
        Model::Logistic => {
            let fitted = LogisticRegression::default()
                .max_iterations(200)
                .fit(&data)?;
            let p = fitted.predict_probabilities(&test);
            // Of the more frequent class.
            let is_positive = fitted.labels().pos.class == 1;
            Ok(p.mapv(|p| if is_positive { p } else { 1.0 - p }).to_vec())
        }
        Model::NaiveBayes => {
            let fitted = GaussianNb::<f64, usize>::params().fit(&data)?;
            // Its probabilities are infinite for many columns; the difference of logarithms is not.
            let logs = fitted.joint_log_likelihood(test.view());
            Ok((&logs[&1] - &logs[&0])
                .mapv(|z| 1.0 / (1.0 + (-z).exp()))
                .to_vec())
        }
        _ => Err("linfa has no such learner".into()),
    })
}

/// The share of trees that vote for the positive class: the forest itself gives labels.
fn votes(forest: &RandomForest<f64, usize>, test: &Array2<f64>) -> Vec<f64> {
    let mut votes = Array1::<f64>::zeros(test.nrows());
    for (tree, columns) in forest.models.iter().zip(&forest.model_features) {
        let labels: Array1<usize> = tree.predict(&test.select(Axis(1), columns));
        votes.zip_mut_with(&labels, |votes, &label| *votes += label as f64);
    }
    (votes / forest.models.len() as f64).to_vec()
}

fn transform(job: &Job, folder: &Folder) -> Result<Report> {
    let Work::Standard = job.transform()? else {
        return Err("linfa has no such transformer".into());
    };
    let data = DatasetBase::from(matrix(&folder.numbers()?)?);
    Report::of_features(
        job,
        || {
            let scaler = LinearScaler::standard().fit(&data)?;
            Ok(scaler.transform(data.records))
        },
        |_| Ok(folder.names()),
        |scaled, j| Ok(scaled.column(j).to_vec()),
    )
}

fn matrix(numbers: &Numbers) -> Result<Array2<f64>> {
    let shape = (numbers.n_rows, numbers.n_columns);
    Ok(Array2::from_shape_vec(shape, numbers.by_rows())?)
}
