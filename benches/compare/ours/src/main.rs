//! Runs one job of the comparison: `trees JOB.json`.
//!
//! Prints one JSON object with `seconds`, `mb` and `predictions_hash`, and writes the predictions
//! for the test rows, column after column, where the job says.

mod folder;
mod job;
mod memory;

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use rayon::ThreadPoolBuilder;
use stackfold::data::{FitContext, Labels, Prediction, Target};
use stackfold::model::hist::{ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::model::{Estimator, Predictor};
use stackfold::random::Seed;

use folder::{Folder, TargetKind};
use job::{Job, Measure, Model};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).ok_or("usage: trees JOB.json")?;
    let job: Job = serde_json::from_str(&fs::read_to_string(path)?)?;
    ThreadPoolBuilder::new()
        .num_threads(job.threads)
        .build_global()?;
    let folder = Folder::open(&job.data)?;
    let report = match folder.target_kind() {
        TargetKind::Regression => run(&job, &folder, &folder.values()?)?,
        TargetKind::Binary if matches!(job.measure, Measure::PredictRow) => {
            predict_row(&job, &folder, &folder.labels()?)?
        }
        TargetKind::Binary | TargetKind::Multiclass => run(&job, &folder, &folder.labels()?)?,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

#[derive(serde::Serialize)]
struct Report {
    seconds: f64,
    /// Peak of memory above what was there before, in MB.
    mb: Option<f64>,
    predictions_hash: String,
}

fn run<Y: Target>(job: &Job, folder: &Folder, target: &Y) -> Result<Report>
where
    HistGradientBoosting: Estimator<Y>,
    RandomForest: Estimator<Y>,
    ExtraTrees: Estimator<Y>,
{
    match job.model {
        Model::Boosting => fit_and_predict(job, folder, target, &boosting(job)),
        Model::RandomForest => {
            let forest = RandomForest::new().with_n_trees(job.n_trees);
            fit_and_predict(job, folder, target, &forest.with_max_depth(job.max_depth))
        }
        Model::ExtraTrees => {
            let forest = ExtraTrees::new().with_n_trees(job.n_trees);
            fit_and_predict(job, folder, target, &forest.with_max_depth(job.max_depth))
        }
    }
}

fn boosting(job: &Job) -> HistGradientBoosting {
    let mut boosting = HistGradientBoosting::new().with_n_trees(job.n_trees);
    if let Some(leaves) = job.max_leaves {
        boosting = boosting.with_max_leaves(leaves);
    }
    if let Some(rate) = job.learning_rate {
        boosting = boosting.with_learning_rate(rate);
    }
    boosting
}

fn context(job: &Job) -> FitContext<'static> {
    FitContext::default().with_seed(Seed::new(job.seed))
}

fn fit_and_predict<Y: Target, E: Estimator<Y>>(
    job: &Job,
    folder: &Folder,
    target: &Y,
    estimator: &E,
) -> Result<Report> {
    let features = folder.features("train", job.categories)?.assume_in_sample();
    let (fitted, mut seconds, mut mb) =
        measured(|| estimator.fit(&features, target, &context(job)))?;
    drop(features);
    let features = folder.features("test", job.categories)?;
    if matches!(job.measure, Measure::Predict) {
        let mut runs = Vec::new();
        for _ in 0..job.calls {
            let (_, seconds, mb) = measured(|| fitted.predict(&features))?;
            runs.push((seconds, mb));
        }
        seconds = median(runs.iter().map(|run| run.0).collect());
        mb = median(runs.iter().map(|run| run.1).collect());
    }
    let predictions_hash = write_predictions(job, &fitted.predict(&features)?)?;
    Ok(Report {
        seconds,
        mb: Some(mb),
        predictions_hash,
    })
}

/// The median over calls with one row each, the rows in turn.
fn predict_row(job: &Job, folder: &Folder, target: &Labels) -> Result<Report> {
    let features = folder.features("train", job.categories)?.assume_in_sample();
    let fitted = boosting(job).fit(&features, target, &context(job))?;
    drop(features);
    let features = folder.features("test", job.categories)?;
    let rows: Vec<Vec<f32>> = (0..features.n_rows().min(job.calls))
        .map(|i| {
            (0..features.n_features())
                .map(|j| features.column(j)[i])
                .collect()
        })
        .collect();
    let mut answer = [0.0];
    let mut times = Vec::with_capacity(job.calls);
    for row in rows.iter().cycle().take(job.calls) {
        let start = Instant::now();
        fitted.predict_row(black_box(row), &mut answer)?;
        black_box(&answer);
        times.push(start.elapsed().as_secs_f64());
    }
    let predictions = Predictor::<Labels>::predict(&fitted, &features)?;
    let last = (job.calls - 1) % rows.len();
    assert_eq!(answer[0].to_bits(), predictions.column(1)[last].to_bits());
    Ok(Report {
        seconds: median(times),
        mb: None,
        predictions_hash: write_predictions(job, &predictions)?,
    })
}

/// The result of the work, its seconds, and its peak of memory above what was there before.
fn measured<T>(work: impl FnOnce() -> stackfold::error::Result<T>) -> Result<(T, f64, f64)> {
    memory::reset_peak()?;
    let before = memory::resident_mb()?;
    let start = Instant::now();
    let result = work()?;
    let seconds = start.elapsed().as_secs_f64();
    Ok((result, seconds, memory::peak_mb()? - before))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    f64::midpoint(values[(n - 1) / 2], values[n / 2])
}

/// Writes the probability of the positive class, of each of more classes, or the value; gives the
/// FNV-1a hash of the bytes.
fn write_predictions(job: &Job, predictions: &impl Prediction) -> Result<String> {
    let n_columns = predictions.n_columns();
    let mut file = std::io::BufWriter::new(fs::File::create(&job.predictions)?);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for column in usize::from(n_columns == 2)..n_columns {
        for value in predictions.column(column) {
            let bytes = value.to_le_bytes();
            for byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            file.write_all(&bytes)?;
        }
    }
    file.flush()?;
    Ok(format!("{hash:016x}"))
}
