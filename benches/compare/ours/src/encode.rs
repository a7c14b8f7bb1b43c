//! Jobs of encoders: features are written for models that are none of ours.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use stackfold::data::{ColumnKind, Features, Provenance, Target, Train};
use stackfold::random::Seed;
use stackfold::transform::encode::{EmbeddingEncoder, OneHotEncoder, OrdinalEncoder};
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::{ColumnTransformer, FittedTransformer, Selector, Transformer};

use crate::Result;
use crate::folder::Folder;
use crate::job::{Categories, Encoder, Job};
use crate::measure::Report;
use crate::network::with_options;

/// Writes the training rows' features, of which none was computed from its own target, and the test
/// rows' as `x_train.f32` and `x_test.f32`, column after column: encoded categories, then numbers.
pub fn run<Y: Target>(job: &Job, folder: &Folder, target: &Y) -> Result<Report> {
    let encoded = job.encoded.as_ref().ok_or("where to write features")?;
    let (train, test) = (
        folder.table("train", Categories::Native)?,
        folder.table("test", Categories::Native)?,
    );
    let seed = Seed::new(job.seed);
    let encoder = job.encoder.ok_or("which encoder")?;
    let categories = Selector::kind(ColumnKind::Categorical);
    let columns = ColumnTransformer::new();
    let columns = match encoder {
        Encoder::Embedding => {
            let numbers = Selector::kind(ColumnKind::Numeric).select(train.rows())?;
            columns.with("encoded", categories, embedding(job)?.with_context(numbers))
        }
        Encoder::OneHot => columns.with("encoded", categories, OneHotEncoder::new()),
        Encoder::Ordinal => columns.with("encoded", categories, OrdinalEncoder::new()),
    };
    let numbers = Selector::kind(ColumnKind::Numeric);
    let columns = columns.with("numbers", numbers, Passthrough::new());
    let rows = Train::new(&train, target)?.with_seed(seed);
    let start = Instant::now();
    let (fitted, features) = columns.fit_transform(rows)?;
    let seconds = start.elapsed().as_secs_f64();
    fs::create_dir_all(encoded)?;
    write(&encoded.join("x_train.f32"), &features)?;
    write(&encoded.join("x_test.f32"), &fitted.transform(test.rows())?)?;
    Ok(Report {
        seconds,
        mb: None,
        predictions_hash: None,
        batch: None,
    })
}

/// The default encoder, with the job's options in place of the defaults.
fn embedding<Y: Target>(job: &Job) -> Result<EmbeddingEncoder<Y>> {
    let options = &job.embedding;
    let encoder = EmbeddingEncoder::<Y>::new();
    let network = with_options(encoder.network(), &options.network)?;
    let mut encoder = encoder.with_network(network);
    if let Some(n) = options.n_folds {
        encoder = encoder.with_n_folds(n);
    }
    if let Some(n) = options.rows_per_number {
        encoder = encoder.with_rows_per_number(n);
    }
    Ok(encoder)
}

fn write<P: Provenance>(path: &Path, features: &Features<P>) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for value in features.as_slice() {
        file.write_all(&value.to_le_bytes())?;
    }
    Ok(file.flush()?)
}
