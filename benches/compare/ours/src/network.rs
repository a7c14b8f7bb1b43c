//! Jobs of networks.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value};
use stackfold::data::Target;
use stackfold::model::neural::NeuralNetwork;
use stackfold::model::{Estimator, Predictor};
use stackfold::progress::{Event, Progress};

use crate::Result;
use crate::folder::Folder;
use crate::job::{Job, Measure};
use crate::measure::{Report, context, fit_and_predict, measured, median, predict_rows};

pub fn run<Y: Target>(job: &Job, folder: &Folder, target: &Y) -> Result<Report> {
    let network = with_options(&NeuralNetwork::new(), &job.network)?;
    match job.measure {
        Measure::Fit | Measure::FitPredict | Measure::Predict => {
            fit_and_predict(job, folder, target, &network)
        }
        Measure::Epoch => fit_by_epoch(job, folder, target, &network),
        Measure::PredictRow => {
            let features = folder.features("train", job.categories)?.assume_in_sample();
            let fitted = network.fit(&features, target, &context(job))?;
            drop(features);
            predict_rows(job, folder, &fitted, |row, out| {
                fitted.predict_row(row, out)
            })
        }
    }
}

/// The network with these options in place of its own.
pub fn with_options<Y: Target>(
    network: &NeuralNetwork<Y>,
    options: &Map<String, Value>,
) -> Result<NeuralNetwork<Y>> {
    let mut network = serde_json::to_value(network)?;
    let own = network["options"].as_object_mut();
    let own = own.ok_or("a network has options")?;
    for (name, value) in options {
        let option = own.get_mut(name);
        *option.ok_or_else(|| format!("a network has no option {name}"))? = value.clone();
    }
    Ok(serde_json::from_value(network)?)
}

/// Fits; the seconds are the median over epochs but the first.
fn fit_by_epoch<Y: Target>(
    job: &Job,
    folder: &Folder,
    target: &Y,
    network: &NeuralNetwork<Y>,
) -> Result<Report> {
    let features = folder.features("train", job.categories)?.assume_in_sample();
    let clock = Clock::default();
    let context = context(job).with_progress(Some(&clock));
    let (fitted, _, mb) = measured(|| network.fit(&features, target, &context))?;
    drop(features);
    let ends = clock.0.lock().unwrap_or_else(PoisonError::into_inner);
    let epochs = ends
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs_f64());
    let predictions = fitted.predict(&folder.features("test", job.categories)?)?;
    Report::new(job, median(epochs.collect()), Some(mb), &predictions)
}

/// When epochs ended.
#[derive(Debug, Default)]
struct Clock(Mutex<Vec<Instant>>);

impl Progress for Clock {
    fn event(&self, event: &Event<'_>) {
        if let Event::Iteration { .. } = event {
            let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            ends.push(Instant::now());
        }
    }
}
