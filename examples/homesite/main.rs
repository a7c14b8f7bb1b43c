//! The Homesite look-alike: makes it, and says what it is.

mod look_alike;

use std::path::Path;

use look_alike::{LookAlike, N_FEATURES, TEST_ROWS, TRAIN_ROWS};
use stackfold::random::Seed;

fn main() -> stackfold::Result<()> {
    let data = LookAlike::generate(TRAIN_ROWS, TEST_ROWS, N_FEATURES, Seed::new(1))?;
    look_alike::write_csv(Path::new("train.csv"), &data.train.table)?;
    look_alike::write_csv(Path::new("test.csv"), &data.test.table)?;
    eprintln!("best possible AUC {:.4}", data.best_auc);
    Ok(())
}
