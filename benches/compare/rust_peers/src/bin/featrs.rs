//! featrs, which works on polars' data frames.

use compare_rust_peers::folder::Folder;
use compare_rust_peers::job::{Job, Work};
use compare_rust_peers::report::Report;
use compare_rust_peers::{Result, run};
use featrs::preprocessing::encoder::OneHotEncoder;
use featrs::preprocessing::encoder_loo::LeaveOneOutEncoder;
use featrs::preprocessing::imputer::SimpleImputer;
use featrs::preprocessing::quantile_transformer::QuantileTransformer;
use featrs::preprocessing::scaler::{RobustScaler, StandardScaler};
use featrs::traits::{FitSupervised, FitTransform, Transform};
use polars::prelude::{Column, DataFrame};

fn main() -> Result<()> {
    run(|_, _| Err("featrs has no learners".into()), transform)
}

fn transform(job: &Job, folder: &Folder) -> Result<Report> {
    let names = |frame: &DataFrame| {
        let names = frame.get_column_names();
        Ok(names.into_iter().map(ToString::to_string).collect())
    };
    match job.transform()? {
        Work::OneHot => {
            let frame = strings(folder)?;
            let one_hot = || Ok(OneHotEncoder::new().fit_transform(frame)?);
            Report::of_features(job, one_hot, names, column)
        }
        Work::LeaveOneOut => {
            let (frame, y) = (strings(folder)?, folder.target()?);
            let y = DataFrame::new(y.len(), vec![Column::new("y".into(), y)])?;
            let encoded = || {
                let mut encoder = LeaveOneOutEncoder::new();
                encoder.fit(frame.clone(), y)?;
                Ok(encoder.transform(frame)?)
            };
            Report::of_features(job, encoded, names, column)
        }
        Work::Target => Err("featrs' target means are not cross-fitted".into()),
        work => {
            let frame = numbers(folder)?;
            Report::of_features(job, || scaled(work, frame), names, column)
        }
    }
}

fn scaled(work: Work, frame: DataFrame) -> Result<DataFrame> {
    Ok(match work {
        Work::Median => SimpleImputer::median().fit_transform(frame)?,
        Work::Robust => RobustScaler::new().fit_transform(frame)?,
        Work::Quantile => QuantileTransformer::new().fit_transform(frame)?,
        Work::MeanStandard => {
            let filled = SimpleImputer::mean().fit_transform(frame)?;
            StandardScaler::new().fit_transform(filled)?
        }
        _ => StandardScaler::new().fit_transform(frame)?,
    })
}

fn strings(folder: &Folder) -> Result<DataFrame> {
    let codes = folder.codes()?;
    let columns = folder.columns().iter().zip(codes.chunks(folder.n_train()));
    let columns = columns.map(|(field, codes)| {
        let texts: Vec<&str> = codes
            .iter()
            .map(|&code| field.levels[code].as_str())
            .collect();
        Column::new(field.name.as_str().into(), texts)
    });
    Ok(DataFrame::new(folder.n_train(), columns.collect())?)
}

/// Missing cells are null.
fn numbers(folder: &Folder) -> Result<DataFrame> {
    let numbers = folder.numbers()?;
    let columns = folder
        .columns()
        .iter()
        .zip(numbers.values.chunks(numbers.n_rows));
    let columns = columns.map(|(field, values)| {
        let cells: Vec<Option<f64>> = values.iter().map(|&v| (!v.is_nan()).then_some(v)).collect();
        Column::new(field.name.as_str().into(), cells)
    });
    Ok(DataFrame::new(numbers.n_rows, columns.collect())?)
}

fn column(frame: &DataFrame, j: usize) -> Result<Vec<f64>> {
    let column = frame.select_at_idx(j).ok_or("no such column")?;
    let values = column.as_materialized_series();
    Ok(values
        .f64()?
        .iter()
        .map(|v| v.unwrap_or(f64::NAN))
        .collect())
}
