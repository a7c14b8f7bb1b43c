//! What is timed, and what is said of it.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use crate::job::Job;
use crate::{Result, memory};

#[derive(serde::Serialize)]
pub struct Report {
    pub seconds: f64,
    /// Peak of memory above what was there before, in MB.
    pub mb: f64,
    /// Of the features that come out of a transformer.
    pub names: Vec<String>,
}

impl Report {
    /// Fits and predicts, timed; writes the predictions.
    pub fn of_predictions(job: &Job, work: impl FnOnce() -> Result<Vec<f64>>) -> Result<Self> {
        let (predictions, seconds, mb) = measured(work)?;
        write(&job.predictions, predictions)?;
        Ok(Self {
            seconds,
            mb,
            names: Vec::new(),
        })
    }

    /// Fits and transforms, timed; writes the features, the columns of the given names, where the
    /// job says so.
    pub fn of_features<T>(
        job: &Job,
        work: impl FnOnce() -> Result<T>,
        named: impl FnOnce(&T) -> Result<Vec<String>>,
        column: impl Fn(&T, usize) -> Result<Vec<f64>>,
    ) -> Result<Self> {
        let (features, seconds, mb) = measured(work)?;
        let names = named(&features)?;
        if !job.output.as_os_str().is_empty() {
            let columns: Vec<Vec<f64>> = (0..names.len())
                .map(|j| column(&features, j))
                .collect::<Result<_>>()?;
            write(&job.output, columns.into_iter().flatten())?;
        }
        Ok(Self { seconds, mb, names })
    }
}

/// The result of the work, its seconds, and its peak of memory above what was there before.
fn measured<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64, f64)> {
    memory::reset_peak()?;
    let before = memory::resident_mb()?;
    let start = Instant::now();
    let result = work()?;
    let seconds = start.elapsed().as_secs_f64();
    Ok((result, seconds, memory::peak_mb()? - before))
}

fn write(path: &Path, values: impl IntoIterator<Item = f64>) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for value in values {
        file.write_all(&value.to_le_bytes())?;
    }
    Ok(file.flush()?)
}
