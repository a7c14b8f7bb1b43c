//! Jobs of encoders, imputers and scalers: fit and transform of the training rows.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use rayon::prelude::*;
use stackfold::data::{Column, Feature, Features, Provenance, Table, Target, Train};
use stackfold::error;
use stackfold::folds::Folds;
use stackfold::random::Seed;
use stackfold::transform::encode::{
    LeaveOneOutEncoder, LoneRow, MissingLevel, Noise, OneHotEncoder, TargetEncoder,
};
use stackfold::transform::impute::Imputer;
use stackfold::transform::scale::{QuantileScaler, RobustScaler, StandardScaler};
use stackfold::transform::{Chain, Transformer};

use crate::Result;
use crate::folder::Folder;
use crate::job::{Input, Job, Work};
use crate::measure::{hash, measured};

#[derive(serde::Serialize)]
pub struct Report {
    seconds: f64,
    mb: f64,
    hash: String,
    /// Of the features that come out.
    names: Vec<String>,
}

/// Columns in memory.
enum Columns {
    Strings(Vec<Texts>),
    Numbers(Vec<Vec<f64>>),
}

/// Strings one behind the other, as Arrow has them.
#[derive(Default)]
pub struct Texts {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
    is_missing: Vec<bool>,
}

impl Texts {
    pub fn push(&mut self, text: Option<&str>) {
        self.text.push_str(text.unwrap_or_default());
        self.ends.push(self.text.len());
        self.is_missing.push(text.is_none());
    }

    fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let mut start = 0;
        let cells = self.ends.iter().zip(&self.is_missing);
        cells.map(move |(&end, &is_missing)| {
            let text = &self.text[start..end];
            start = end;
            (!is_missing).then_some(text)
        })
    }
}

impl Columns {
    fn read(folder: &Folder) -> Result<Self> {
        Ok(if folder.has_strings() {
            Self::Strings(folder.texts()?)
        } else {
            Self::Numbers(folder.numbers()?)
        })
    }

    /// The table, which takes the columns over.
    fn into_table(self, names: &[String]) -> error::Result<Table> {
        let columns: Vec<Column> = match self {
            Self::Strings(columns) => {
                let columns = columns.par_iter();
                columns
                    .map(|texts| Column::categorical(texts.iter()))
                    .collect()
            }
            Self::Numbers(columns) => columns.into_par_iter().map(Column::numeric).collect(),
        };
        Table::new(names.iter().cloned().zip(columns))
    }
}

pub fn run<Y: Target>(job: &Job, folder: &Folder, target: &Y) -> Result<Report> {
    let noise = if job.noise > 0.0 {
        Noise::Multiplicative(job.noise)
    } else {
        Noise::None
    };
    match job.transform.ok_or("which transform")? {
        Work::OneHot => fit(job, folder, target, &OneHotEncoder::new()),
        Work::LeaveOneOut => {
            let encoder = LeaveOneOutEncoder::new()
                .with_noise(noise)
                .with_missing(MissingLevel::AsLevel)
                .with_lone_row(LoneRow::OverallMean);
            fit(job, folder, target, &encoder)
        }
        Work::Target => {
            let encoder = TargetEncoder::new();
            let report = fit(&job.without_output(), folder, target, &encoder)?;
            if job.output.as_os_str().is_empty() {
                return Ok(report);
            }
            // The peer's folds, to compare numbers.
            let folds = folder.fold_of_row()?;
            let folds = Folds::new(folds.into_iter().map(u16::from).collect::<Vec<_>>(), 5)?;
            fit(job, folder, target, &encoder.with_folds(folds))?;
            Ok(report)
        }
        Work::Median => fit(job, folder, target, &Imputer::median()),
        Work::Robust => fit(job, folder, target, &RobustScaler::new()),
        Work::Quantile => fit(job, folder, target, &QuantileScaler::new()),
        Work::MeanStandard => {
            let scaled = Imputer::mean().then(StandardScaler::new());
            fit(job, folder, target, &scaled)
        }
        Work::Standard => fit(job, folder, target, &StandardScaler::new()),
        Work::Copy => copy(job, folder),
    }
}

/// Fits and transforms, timed, from columns or from a table of them.
fn fit<Y: Target, T: Transformer<Y>>(
    job: &Job,
    folder: &Folder,
    target: &Y,
    transformer: &T,
) -> Result<Report> {
    let columns = Columns::read(folder)?;
    let names = folder.names();
    let fit = |table: &Table| {
        let train = Train::new(table, target)?.with_seed(Seed::new(job.seed));
        transformer.fit_transform(train)
    };
    let ((_, features), seconds, mb) = match job.input {
        Input::Plain => measured(|| fit(&columns.into_table(&names)?))?,
        Input::Table => {
            let table = columns.into_table(&names)?;
            measured(|| fit(&table))?
        }
    };
    write(&job.output, &features)?;
    let bytes = features.as_slice().iter().flat_map(|v| v.to_le_bytes());
    Ok(Report {
        seconds,
        mb,
        hash: hash(bytes),
        names: features.names().map(str::to_owned).collect(),
    })
}

/// Copies the columns, to see how long that takes.
fn copy(job: &Job, folder: &Folder) -> Result<Report> {
    let columns = folder.numbers()?;
    let (copied, seconds, mb) = measured(|| Ok(columns.par_iter().cloned().collect::<Vec<_>>()))?;
    let values = copied.concat().into_iter().map(|v| v as f32).collect();
    let fields: Vec<Feature> = folder.names().into_iter().map(Feature::number).collect();
    let features = Features::new(fields, copied[0].len(), values)?;
    write(&job.output, &features)?;
    Ok(Report {
        seconds,
        mb,
        hash: hash(copied.iter().flatten().flat_map(|v| v.to_le_bytes())),
        names: folder.names(),
    })
}

/// Writes features column after column, if somewhere.
fn write<P: Provenance>(path: &Path, features: &Features<P>) -> Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let mut file = BufWriter::new(fs::File::create(path)?);
    for value in features.as_slice() {
        file.write_all(&value.to_le_bytes())?;
    }
    Ok(file.flush()?)
}
