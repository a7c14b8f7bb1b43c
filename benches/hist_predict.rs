//! Predicting with trees on histograms: batches over rows and threads, and one row.

#[path = "hist/data.rs"]
mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stackfold::model::hist::HistGradientBoosting;
use stackfold::model::{Estimator, Predictor};
use stackfold::prelude::*;

fn hist_predict(criterion: &mut Criterion) {
    let (x, y) = data::table(20_000, 30, 10_000);
    let model = HistGradientBoosting::new().with_n_trees(100);
    let fitted = model
        .fit(&x.clone().assume_in_sample(), &y, &FitContext::default())
        .expect("no bad option");

    let mut group = criterion.benchmark_group("predict, 100 trees");
    let mut sums = Vec::new();
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.expect("threads");
        let predict = || pool.install(|| fitted.predict(&x)).expect("its features");
        sums.push(predict().positive().iter().sum::<f64>());
        group.throughput(Throughput::Elements(x.n_rows() as u64));
        let case = format!("20000x30, {threads} threads");
        group.bench_function(BenchmarkId::from_parameter(case), |b| {
            b.iter(|| black_box(predict()));
        });
    }
    assert_eq!(sums[0].to_bits(), sums[1].to_bits());

    let row: Vec<f32> = (0..x.n_features()).map(|j| x.column(j)[7]).collect();
    let mut out = [0.0];
    fitted.predict_row(&row, &mut out).expect("its features");
    let batch = fitted.predict(&x).expect("its features");
    assert_eq!(out[0].to_bits(), batch.positive()[7].to_bits());
    group.throughput(Throughput::Elements(1));
    group.bench_function("one row", |b| {
        b.iter(|| fitted.predict_row(black_box(&row), &mut out));
    });
    group.finish();
}

criterion_group!(benches, hist_predict);
criterion_main!(benches);
