//! Logistic regression and naive Bayes of our own beside linfa's: fitting and predicting.

#[path = "hist/data.rs"]
mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stackfold::model::{Estimator, Predictor, bayes, linear, linfa};
use stackfold::prelude::*;

/// Rows and features, each with 10,000 distinct values.
const CASES: [(usize, usize); 3] = [(1_000, 10), (30_000, 20), (30_000, 100)];

/// Benches both models' fits and predictions, which differ by at most `tolerance`; ours are the same
/// bits on any number of threads.
fn bench<A: Estimator<Labels>, B: Estimator<Labels>>(
    criterion: &mut Criterion,
    name: &str,
    (ours, theirs): (&A, &B),
    tolerance: f64,
) {
    for (n, p) in CASES {
        let (x, y) = data::table(n, p, 10_000);
        let train = x.clone().assume_in_sample();
        let context = FitContext::default();
        let expected = theirs.fit(&train, &y, &context).expect("no bad option");
        let expected = expected.predict(&x).expect("its own features");
        let mut sums = Vec::new();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("threads");
            let fit = || ours.fit(&train, &y, &context).expect("no bad option");
            let fitted = pool.install(fit);
            let predict = || fitted.predict(&x).expect("its own features");
            let found = pool.install(predict);
            for (a, b) in found.positive().iter().zip(expected.positive()) {
                assert!((a - b).abs() < tolerance, "{name}, {n} x {p}: {a} and {b}");
            }
            sums.push(found.positive().iter().sum::<f64>());
            let mut group = criterion.benchmark_group(name);
            group.sample_size(10);
            group.throughput(Throughput::Elements((n * p) as u64));
            let case = |what| BenchmarkId::new(what, format!("{n}x{p}, {threads} threads"));
            group.bench_function(case("fit"), |b| {
                b.iter(|| pool.install(|| black_box(fit())));
            });
            group.bench_function(case("predict"), |b| {
                b.iter(|| pool.install(|| black_box(predict())));
            });
            group.bench_function(case("fit, linfa"), |b| {
                let fit = || theirs.fit(&train, &y, &context).expect("no bad option");
                b.iter(|| pool.install(|| black_box(fit())));
            });
            let theirs = theirs.fit(&train, &y, &context).expect("no bad option");
            group.bench_function(case("predict, linfa"), |b| {
                b.iter(|| pool.install(|| black_box(theirs.predict(&x))));
            });
            group.finish();
        }
        assert_eq!(sums[0].to_bits(), sums[1].to_bits(), "{name}, {n} x {p}");
    }
}

fn logistic(criterion: &mut Criterion) {
    let models = (
        &linear::LogisticRegression::new(),
        &linfa::LogisticRegression::new(),
    );
    bench(criterion, "logistic", models, 2e-3);
}

fn naive_bayes(criterion: &mut Criterion) {
    let models = (
        &bayes::GaussianNaiveBayes::new(),
        &linfa::GaussianNaiveBayes::new(),
    );
    bench(criterion, "naive_bayes", models, 1e-6);
}

criterion_group!(benches, logistic, naive_bayes);
criterion_main!(benches);
