//! Imputation and scaling: fit and transform of ten columns, in rows a second.
//!
//! `cargo bench -p stackfold-benches --no-default-features --bench impute_scale`
#![allow(clippy::unwrap_used, reason = "a bench fails by a panic")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stackfold::prelude::*;
use stackfold::transform::UnsupervisedTransformer;
use stackfold::transform::impute::Imputer;
use stackfold::transform::scale::{QuantileOutput, QuantileScaler, RobustScaler, StandardScaler};

const N_COLUMNS: usize = 10;

/// Ten columns, 5 % of whose cells are missing: normal draws, or integers from -1 to 23.
fn table(n: usize, draw: impl Fn(Seed, u64) -> f64) -> Table {
    let column = |j: usize| {
        let seed = Seed::new(1).at(j);
        let missing = seed.child("missing");
        let values: Vec<f64> = (0..n as u64)
            .map(|i| {
                if missing.uniform(i) < 0.05 {
                    f64::NAN
                } else {
                    draw(seed, i)
                }
            })
            .collect();
        (format!("x{j}"), Column::numeric(values))
    };
    Table::new((0..N_COLUMNS).map(column)).unwrap()
}

fn run<T: UnsupervisedTransformer>(transformer: &T, table: &Table) -> Features<OutOfSample> {
    let context = FitContext::default();
    let fitted = transformer.fit_rows(table.rows(), &context).unwrap();
    fitted.transform(table.rows()).unwrap()
}

/// The mean of the first column's present values: what scaling or imputing must make of it.
fn mean_of_first(features: &Features<OutOfSample>) -> f64 {
    let present: Vec<f64> = features
        .column(0)
        .iter()
        .filter(|v| !v.is_nan())
        .map(|&v| f64::from(v))
        .collect();
    present.iter().sum::<f64>() / present.len() as f64
}

fn bench_one<T: UnsupervisedTransformer>(
    criterion: &mut Criterion,
    name: &str,
    transformer: &T,
    mean: f64,
    tolerance: f64,
) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for n in [10_000, 100_000] {
        let tables = [
            ("reals", table(n, |seed, i| 11.0 + 3.0 * seed.normal(i))),
            (
                "integers",
                table(n, |seed, i| (25.0 * seed.uniform(i)).floor() - 1.0),
            ),
        ];
        for (kind, table) in tables {
            let checksum = mean_of_first(&run(transformer, &table));
            assert!(
                (checksum - mean).abs() < tolerance,
                "{name} of {kind}: {checksum}"
            );
            group.throughput(Throughput::Elements(n as u64));
            group.bench_with_input(BenchmarkId::new(kind, n), &table, |bencher, table| {
                bencher.iter(|| run(transformer, black_box(table)));
            });
        }
    }
    group.finish();
}

fn bench(criterion: &mut Criterion) {
    let quantile = QuantileScaler::new();
    let normal = quantile.with_output(QuantileOutput::Normal);
    bench_one(criterion, "impute mean", &Imputer::mean(), 11.0, 0.3);
    bench_one(criterion, "impute median", &Imputer::median(), 11.0, 0.3);
    bench_one(criterion, "standard", &StandardScaler::new(), 0.0, 1e-5);
    bench_one(criterion, "robust", &RobustScaler::new(), 0.0, 0.1);
    bench_one(criterion, "quantile uniform", &quantile, 0.5, 0.01);
    bench_one(criterion, "quantile normal", &normal, 0.0, 0.1);
}

criterion_group!(benches, bench);
criterion_main!(benches);
