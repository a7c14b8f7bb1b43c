//! Encoders over rows and levels; throughput in rows.
//!
//! `cargo bench -p stackfold-benches --no-default-features --bench encode`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stackfold::data::{Column, Labels, Table, Train};
use stackfold::prelude::{FittedTransformer, Transformer};
use stackfold::random::Seed;
use stackfold::transform::encode::{
    FrequencyEncoder, LeaveOneOutEncoder, OneHotEncoder, OrderedTargetEncoder, OrdinalEncoder,
    TargetEncoder,
};

/// How many levels each of the 28 text columns of the Homesite data has.
const HOMESITE: [usize; 28] = [
    8, 8, 2, 7, 12, 7, 2, 50, 60, 58, 55, 2, 2, 2, 19, 3, 4, 4, 2, 4, 2, 4, 2, 2, 2, 2, 3, 4,
];

/// Columns with the given numbers of levels, the first level the most frequent, and labels that
/// depend on the first column.
fn data(n_rows: usize, n_levels: &[usize]) -> (Table, Labels) {
    let seed = Seed::new(1);
    let columns = n_levels.iter().enumerate().map(|(j, &n_levels)| {
        let seed = seed.child("levels").at(j);
        let names: Vec<String> = (0..n_levels).map(|level| format!("level{level}")).collect();
        let level = |row: u64| {
            let (a, b) = (seed.hash(2 * row), seed.hash(2 * row + 1));
            usize::try_from((a % n_levels as u64).min(b % n_levels as u64)).unwrap_or(0)
        };
        let cells = (0..n_rows as u64).map(|row| Some(names[level(row)].as_str()));
        (format!("column{j}"), Column::categorical(cells))
    });
    let table = Table::new(columns.collect::<Vec<_>>()).expect("columns of one length");
    let codes: Vec<u32> = (0..n_rows as u64)
        .map(|row| u32::from(seed.child("labels").uniform(row) < 0.19))
        .collect();
    let labels = Labels::new(codes, vec!["0".into(), "1".into()]).expect("two classes");
    (table, labels)
}

/// Benches fit and transform of the training rows; the features' sum must repeat, and be as far
/// from `expected`, their sum a row and column, as `tolerance`.
fn bench<T: Transformer<Labels>>(
    criterion: &mut Criterion,
    name: &str,
    encoder: &T,
    expected: Option<(f64, f64)>,
) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    let cases: [(&str, usize, &[usize]); 4] = [
        ("20000x1 of 20 levels", 20_000, &[20]),
        ("20000x1 of 2000 levels", 20_000, &[2000]),
        ("200000x1 of 2000 levels", 200_000, &[2000]),
        ("260753x28 as Homesite", 260_753, &HOMESITE),
    ];
    for (case, n_rows, n_levels) in cases {
        let (table, labels) = data(n_rows, n_levels);
        let train = Train::new(&table, &labels).expect("as many labels as rows");
        let sum = || {
            let (fitted, features) = encoder.fit_transform(train).expect("no bad option");
            assert_eq!(fitted.fields(), features.fields());
            features
                .as_slice()
                .iter()
                .map(|&x| f64::from(x))
                .sum::<f64>()
        };
        let checksum = sum();
        assert_eq!(checksum.to_bits(), sum().to_bits(), "{name}, {case}");
        if let Some((expected, tolerance)) = expected {
            let mean = checksum / (n_rows * n_levels.len()) as f64;
            assert!(
                (mean - expected).abs() < tolerance,
                "{name}, {case}: {mean}"
            );
        }
        group.throughput(Throughput::Elements(n_rows as u64));
        group.bench_function(BenchmarkId::from_parameter(case), |b| {
            b.iter(|| encoder.fit_transform(black_box(train)).expect("as before"));
        });
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    // Means of the target are near its rate; each row has exactly one level; shares of frequency
    // and codes have no such law.
    let rate = Some((0.19, 0.02));
    bench(criterion, "leave_one_out", &LeaveOneOutEncoder::new(), rate);
    bench(criterion, "target", &TargetEncoder::new(), rate);
    bench(criterion, "ordered", &OrderedTargetEncoder::new(), rate);
    bench(
        criterion,
        "one_hot",
        &OneHotEncoder::new(),
        Some((1.0, 1e-9)),
    );
    bench(criterion, "ordinal", &OrdinalEncoder::new(), None);
    bench(criterion, "frequency", &FrequencyEncoder::new(), None);
}

criterion_group!(benches, encode);
criterion_main!(benches);
