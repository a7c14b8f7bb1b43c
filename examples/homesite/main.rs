//! The Homesite look-alike: makes it, and says what it is.

mod look_alike;

use look_alike::{LookAlike, N_FEATURES, TEST_ROWS, TRAIN_ROWS};
use stackfold::random::Seed;

fn main() -> stackfold::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let start = std::time::Instant::now();
    let data = LookAlike::generate(TRAIN_ROWS, TEST_ROWS, N_FEATURES, Seed::new(1))?;
    eprintln!("generated in {:.1} s", start.elapsed().as_secs_f64());
    for (name, part) in [("train", &data.train), ("test", &data.test)] {
        let path = std::path::Path::new(&folder).join(format!("{name}.csv"));
        look_alike::write_csv(&path, &part.table)?;
        let n = part.probabilities.len();
        let positives: u32 = part.converted.iter().sum();
        let expected: f64 = part.probabilities.iter().sum();
        eprintln!("{name}: {n} rows, {positives} converted, {expected:.0} expected");
    }
    eprintln!("best possible AUC {:.4}", data.best_auc);
    Ok(())
}
