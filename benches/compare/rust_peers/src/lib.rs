//! What the programs of all libraries have in common: `LIBRARY_peer JOB.json` runs one job and prints
//! one JSON object, as `ours` does.

pub mod folder;
pub mod job;
#[path = "../../ours/src/memory.rs"]
pub mod memory;
pub mod report;

use std::error::Error;
use std::fs;

use rayon::ThreadPoolBuilder;

use folder::Folder;
use job::{Job, Model};
use report::Report;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs the job that the command line names.
pub fn run(
    learn: fn(&Job, &Folder) -> Result<Report>,
    transform: fn(&Job, &Folder) -> Result<Report>,
) -> Result<()> {
    let path = std::env::args().nth(1).ok_or("usage: PROGRAM JOB.json")?;
    let job: Job = serde_json::from_str(&fs::read_to_string(path)?)?;
    ThreadPoolBuilder::new()
        .num_threads(job.threads)
        .build_global()?;
    let folder = Folder::open(&job.data)?;
    let report = match job.model {
        Model::Transform => transform(&job, &folder)?,
        _ => learn(&job, &folder)?,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
