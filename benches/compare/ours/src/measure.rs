//! What is timed, and what is said of it.

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use stackfold::data::{FitContext, Prediction, Target};
use stackfold::model::{Estimator, Predictor};
use stackfold::random::Seed;

use crate::folder::Folder;
use crate::job::{Job, Measure};
use crate::{Result, memory};

#[derive(serde::Serialize)]
pub struct Report {
    pub seconds: f64,
    /// Peak of memory above what was there before, in MB.
    pub mb: Option<f64>,
    pub predictions_hash: Option<String>,
    /// Of a stack that predicts rows one after another: all of them at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
}

#[derive(serde::Serialize)]
pub struct Batch {
    pub seconds: f64,
    pub mb: f64,
}

impl Report {
    /// Writes the predictions.
    pub fn new(
        job: &Job,
        seconds: f64,
        mb: Option<f64>,
        predictions: &impl Prediction,
    ) -> Result<Self> {
        Ok(Self {
            seconds,
            mb,
            predictions_hash: Some(write_predictions(job, predictions)?),
            batch: None,
        })
    }
}

pub fn context(job: &Job) -> FitContext<'static> {
    FitContext::default().with_seed(Seed::new(job.seed))
}

/// Fits and predicts; one of them is timed, or both together.
pub fn fit_and_predict<Y: Target, E: Estimator<Y>>(
    job: &Job,
    folder: &Folder,
    target: &Y,
    estimator: &E,
) -> Result<Report> {
    let features = folder.features("train", job.categories)?.assume_in_sample();
    if matches!(job.measure, Measure::FitPredict) {
        let test = folder.features("test", job.categories)?;
        let (predictions, seconds, mb) = measured(|| {
            let fitted = estimator.fit(&features, target, &context(job))?;
            fitted.predict(&test)
        })?;
        return Report::new(job, seconds, Some(mb), &predictions);
    }
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
    Report::new(job, seconds, Some(mb), &fitted.predict(&features)?)
}

/// The median over calls with one row each, the rows in turn, of a model with one output.
pub fn predict_rows<Y: Target, P: Predictor<Y>>(
    job: &Job,
    folder: &Folder,
    fitted: &P,
    predict_row: impl Fn(&[f32], &mut [f64]) -> stackfold::error::Result<()>,
) -> Result<Report> {
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
        predict_row(black_box(row), &mut answer)?;
        black_box(&answer);
        times.push(start.elapsed().as_secs_f64());
    }
    let predictions = fitted.predict(&features)?;
    let last = (job.calls - 1) % rows.len();
    let expected = predictions.column(predictions.n_columns() - 1)[last];
    assert!((answer[0] - expected).abs() < 1e-5);
    Report::new(job, median(times), None, &predictions)
}

/// The result of the work, its seconds, and its peak of memory above what was there before.
pub fn measured<T>(work: impl FnOnce() -> stackfold::error::Result<T>) -> Result<(T, f64, f64)> {
    memory::reset_peak()?;
    let before = memory::resident_mb()?;
    let start = Instant::now();
    let result = work()?;
    let seconds = start.elapsed().as_secs_f64();
    Ok((result, seconds, memory::peak_mb()? - before))
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    f64::midpoint(values[(n - 1) / 2], values[n / 2])
}

/// Writes the probability of the positive class, of each of more classes, or the value; gives the
/// FNV-1a hash of the bytes.
fn write_predictions(job: &Job, predictions: &impl Prediction) -> Result<String> {
    let n_columns = predictions.n_columns();
    let columns = usize::from(n_columns == 2)..n_columns;
    let bytes: Vec<u8> = columns
        .flat_map(|column| predictions.column(column).iter())
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(&job.predictions, &bytes)?;
    Ok(hash(bytes))
}

/// The FNV-1a hash.
pub fn hash(bytes: impl IntoIterator<Item = u8>) -> String {
    let hash = bytes
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}
