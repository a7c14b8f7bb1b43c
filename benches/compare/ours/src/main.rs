//! Runs one job of a comparison: `ours JOB.json`.
//!
//! Prints one JSON object with `seconds`, `mb` and `predictions_hash`, and writes the predictions
//! for the test rows, column after column, where the job says.

mod encode;
mod folder;
mod job;
mod linear;
mod measure;
mod memory;
mod network;
#[cfg(feature = "reading")]
mod reading;
mod stack;
mod transform;
mod trees;

use std::error::Error;
use std::fs;

use rayon::ThreadPoolBuilder;
use stackfold::data::Target;

use folder::{Folder, TargetKind};
use job::{Job, Model};
use measure::Report;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).ok_or("usage: ours JOB.json")?;
    let job: Job = serde_json::from_str(&fs::read_to_string(path)?)?;
    ThreadPoolBuilder::new()
        .num_threads(job.threads)
        .build_global()?;
    if let Model::Reading = job.model {
        return read(&job);
    }
    let folder = Folder::open(&job.data)?;
    if let Model::Transform = job.model {
        let report = transform::run(&job, &folder, &folder.labels()?)?;
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    if let Model::Stack = job.model {
        println!("{}", serde_json::to_string(&stack::run(&job, &folder)?)?);
        return Ok(());
    }
    if let Model::Logistic | Model::NaiveBayes = job.model {
        let report = linear::run(&job, &folder, &folder.labels()?)?;
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    let report = match folder.target_kind() {
        TargetKind::Regression => run(&job, &folder, &folder.values()?)?,
        TargetKind::Binary | TargetKind::Multiclass => run(&job, &folder, &folder.labels()?)?,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

#[cfg(feature = "reading")]
fn read(job: &Job) -> Result<()> {
    println!("{}", serde_json::to_string(&reading::run(job)?)?);
    Ok(())
}

#[cfg(not(feature = "reading"))]
fn read(_job: &Job) -> Result<()> {
    Err("the feature `reading` is off".into())
}

fn run<Y: Target>(job: &Job, folder: &Folder, target: &Y) -> Result<Report> {
    match job.model {
        Model::Boosting => trees::boosting(job, folder, target),
        Model::RandomForest => trees::random_forest(job, folder, target),
        Model::ExtraTrees => trees::extra_trees(job, folder, target),
        Model::Logistic | Model::NaiveBayes => Err("classes are wanted".into()),
        Model::Network => network::run(job, folder, target),
        Model::Features => encode::run(job, folder, target),
        Model::Transform => Err("a transformer gives no predictions".into()),
        Model::Stack => Err("a stack is of labels".into()),
        Model::Reading => Err("reading gives no predictions".into()),
    }
}
