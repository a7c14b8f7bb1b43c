//! Fitting trees on histograms over rows, features, bins and threads.

#[path = "hist/data.rs"]
mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stackfold::metrics::{ClassificationMetric, Metric};
use stackfold::model::hist::{Binned, Binning, ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::model::{Estimator, Predictor};
use stackfold::prelude::*;

/// Rows, features and distinct values of each.
const CASES: [(usize, usize, u32); 5] = [
    (5_000, 10, 10_000),
    (50_000, 10, 10_000),
    (5_000, 100, 10_000),
    (50_000, 30, 12),
    (50_000, 30, 2),
];

/// Benches a fit: on any number of threads its predictions sum to the same bits, and they rank rows
/// better than `least`.
fn bench<E: Estimator<Labels>>(criterion: &mut Criterion, name: &str, estimator: &E, least: f64) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    for (n, p, values) in CASES {
        let (x, y) = data::table(n, p, values);
        let train = x.clone().assume_in_sample();
        let context = FitContext::default();
        let fit = || estimator.fit(&train, &y, &context).expect("no bad option");
        let mut sums = Vec::new();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("threads");
            let prediction = pool
                .install(|| fit().predict(&x))
                .expect("its own features");
            sums.push(prediction.positive().iter().sum::<f64>());
            let auc = ClassificationMetric::RocAuc.score(&y, &prediction, None);
            let auc = auc.expect("two classes");
            assert!(auc > least, "{name}, {n} x {p} of {values}: {auc}");
            group.throughput(Throughput::Elements((n * p) as u64));
            let case = format!("{n}x{p} of {values} values, {threads} threads");
            group.bench_function(BenchmarkId::from_parameter(case), |b| {
                b.iter(|| pool.install(|| black_box(fit())));
            });
        }
        assert_eq!(sums[0].to_bits(), sums[1].to_bits(), "{name}, {n} x {p}");
    }
    group.finish();
}

fn bins(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("binned");
    group.sample_size(10);
    for (n, p, values) in CASES {
        let (x, _) = data::table(n, p, values);
        let new = || Binned::new(&x, Binning::new(), None, Seed::new(0)).expect("features");
        let n_bins: usize = (0..p).map(|j| new().n_bins(j)).max().expect("features");
        assert_eq!(n_bins, 255.min(values as usize), "{n} x {p} of {values}");
        group.throughput(Throughput::Elements((n * p) as u64));
        let case = format!("{n}x{p} of {values} values");
        group.bench_function(BenchmarkId::from_parameter(case), |b| {
            b.iter(|| black_box(new()));
        });
    }
    group.finish();
}

fn hist_fit(criterion: &mut Criterion) {
    let boosting = HistGradientBoosting::new().with_n_trees(10);
    bench(criterion, "boosting", &boosting, 0.7);
    let forest = RandomForest::new().with_n_trees(5).with_max_depth(Some(8));
    bench(criterion, "random_forest", &forest, 0.7);
    let extra = ExtraTrees::new().with_n_trees(5).with_max_depth(Some(8));
    bench(criterion, "extra_trees", &extra, 0.65);
}

criterion_group!(benches, bins, hist_fit);
criterion_main!(benches);
