//! A table whose first features tell the class.

use stackfold::data::Feature;
use stackfold::prelude::*;

/// `n` rows of `p` features, each with so many distinct values, evenly; the positive class is more
/// likely where the first two are large and the third is not in the middle.
pub(crate) fn table(n: usize, p: usize, values: u32) -> (Features<OutOfSample>, Labels) {
    let seed = Seed::new(1);
    let column = |j: usize| {
        let seed = seed.child("x").at(j);
        let level = move |i| (seed.uniform(i) * f64::from(values)).floor() / f64::from(values);
        (0..n as u64).map(level).collect::<Vec<f64>>()
    };
    let columns: Vec<Vec<f64>> = (0..p).map(column).collect();
    let codes: Vec<u32> = (0..n)
        .map(|i| {
            let score = 3.0 * (columns[0][i] + columns[1][i] - 1.0)
                + 4.0 * ((columns[2][i] - 0.5).abs() - 0.25);
            let p = 1.0 / (1.0 + (-score).exp());
            u32::from(seed.child("y").uniform(i as u64) < p)
        })
        .collect();
    #[allow(clippy::cast_possible_truncation, reason = "features are f32")]
    let flat: Vec<f32> = columns.iter().flatten().map(|&v| v as f32).collect();
    let fields: Vec<Feature> = (0..p).map(|j| Feature::number(format!("x{j}"))).collect();
    let features = Features::new(fields, n, flat).expect("n x p values");
    let labels = Labels::new(codes, vec!["no".into(), "yes".into()]).expect("two classes");
    (features, labels)
}
