//! Networks on a mixed table: epochs of training, and predicting a batch and one row.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stackfold::data::Feature;
use stackfold::metrics::{ClassificationMetric, Metric};
use stackfold::model::neural::{
    Activation, EmbeddingSize, FittedNeuralNetwork, NeuralClassifier, Normalization,
    NumericEmbedding, NumericScaling, Optimizer, Schedule,
};
use stackfold::model::{ClassWeight, Estimator, Predictor};
use stackfold::prelude::*;

const N_ROWS: usize = 8_000;
const N_NUMBERS: usize = 24;
/// How many levels each code has.
const LEVELS: [u32; 6] = [3, 8, 20, 60, 200, 1_000];

/// Numbers, then codes. The class is more likely the larger the first number is, as a rule, the
/// other way round for every third level of the fourth code; each fifth number is missing in a
/// tenth of the rows.
#[allow(clippy::cast_possible_truncation, reason = "features are f32")]
fn table() -> (Features<OutOfSample>, Labels) {
    let seed = Seed::new(1);
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for j in 0..N_NUMBERS {
        let (seed, gaps) = (seed.child("number").at(j), seed.child("gap").at(j));
        let value = |i: u64| {
            let is_missing = j % 5 == 4 && gaps.uniform(i) < 0.1;
            if is_missing {
                f32::NAN
            } else {
                seed.normal(i) as f32
            }
        };
        fields.push(Feature::number(format!("x{j}")));
        columns.push((0..N_ROWS as u64).map(value).collect::<Vec<f32>>());
    }
    for (j, n_levels) in LEVELS.into_iter().enumerate() {
        let seed = seed.child("code").at(j);
        // Low levels are more frequent.
        let code = |i: u64| (seed.uniform(i).powi(2) * f64::from(n_levels)).floor() as f32;
        fields.push(Feature::code(format!("c{j}"), n_levels));
        columns.push((0..N_ROWS as u64).map(code).collect());
    }
    let codes: Vec<u32> = (0..N_ROWS)
        .map(|i| {
            let (x, level) = (f64::from(columns[0][i]), columns[N_NUMBERS + 3][i]);
            let score = if level % 3.0 < 0.5 { -2.0 * x } else { 2.0 * x };
            let p = 1.0 / (1.0 + (-score).exp());
            u32::from(seed.child("y").uniform(i as u64) < p)
        })
        .collect();
    let features = Features::from_columns(fields, columns).expect("columns of one length");
    let labels = Labels::new(codes, vec!["no".into(), "yes".into()]).expect("two classes");
    (features, labels)
}

/// A network of which every option is given, so that figures of different versions compare.
fn network(numeric_embedding: NumericEmbedding, n_members: usize) -> NeuralClassifier {
    NeuralClassifier::new()
        .with_hidden([128, 64])
        .with_activation(Activation::Relu)
        .with_dropout(0.1)
        .with_normalization(Normalization::None)
        .with_embedding_size(EmbeddingSize::Half { max: 50 })
        .with_embedding_sizes::<String>([])
        .with_min_level_count(5)
        .with_level_dropout(0.01)
        .with_numeric_scaling(NumericScaling::Quantile)
        .with_numeric_embedding(numeric_embedding)
        .with_optimizer(Optimizer::adamw())
        .with_learning_rate(3e-3)
        .with_weight_decay(1e-4)
        .with_schedule(Schedule::Constant)
        .with_batch_size(256)
        .with_n_epochs(1)
        .with_max_gradient_norm(None)
        .with_early_stopping(None)
        .with_n_seeds(1)
        .with_n_members(n_members)
        .with_label_smoothing(0.0)
        .with_class_weight(ClassWeight::Equal)
}

fn networks() -> [(&'static str, NeuralClassifier); 4] {
    let pieces = NumericEmbedding::PiecewiseLinear {
        n_bins: 16,
        size: 8,
    };
    let waves = NumericEmbedding::Periodic {
        n_frequencies: 8,
        sigma: 0.3,
        size: 8,
    };
    [
        ("numbers", network(NumericEmbedding::None, 1)),
        ("pieces", network(pieces, 1)),
        ("waves", network(waves, 1)),
        ("8 members", network(NumericEmbedding::None, 8)),
    ]
}

fn fit(
    model: &NeuralClassifier,
    train: &Features<InSample>,
    y: &Labels,
) -> FittedNeuralNetwork<Labels> {
    let context = FitContext::default().with_seed(Seed::new(7));
    model.fit(train, y, &context).expect("no bad option")
}

/// The sum of predicted probabilities, which must be the same bits wherever it comes from.
fn checksum(probabilities: &Probabilities) -> f64 {
    probabilities.positive().iter().sum()
}

/// A fit of one epoch, with learning how features become inputs.
fn epoch(criterion: &mut Criterion) {
    let (x, y) = table();
    let train = x.clone().assume_in_sample();
    let n_positive: u32 = y.codes().iter().sum();
    let mut group = criterion.benchmark_group("epoch");
    group.sample_size(10);
    group.throughput(Throughput::Elements(N_ROWS as u64));
    for (name, model) in networks() {
        let mut sums = Vec::new();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("threads");
            let p = pool.install(|| fit(&model, &train, &y).predict(&x));
            let p = p.expect("its own features");
            sums.push(checksum(&p));
            let auc = ClassificationMetric::RocAuc.score(&y, &p, None);
            let auc = auc.expect("two classes");
            assert!(auc > 0.6, "{name}: {auc}");
            let case = format!("{name}, {threads} threads");
            group.bench_function(BenchmarkId::from_parameter(case), |b| {
                b.iter(|| pool.install(|| black_box(fit(&model, &train, &y))));
            });
        }
        assert_eq!(sums[0].to_bits(), sums[1].to_bits(), "{name}");
        // As many are predicted as there are.
        let ratio = sums[0] / f64::from(n_positive);
        assert!((0.8..1.25).contains(&ratio), "{name}: {ratio}");
    }
    group.finish();
}

fn predict(criterion: &mut Criterion) {
    let (x, y) = table();
    let train = x.clone().assume_in_sample();
    let mut group = criterion.benchmark_group("predict");
    for (name, model) in networks() {
        let fitted = fit(&model, &train, &y);
        let mut sums = Vec::new();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("threads");
            let predict = || pool.install(|| fitted.predict(&x)).expect("its features");
            sums.push(checksum(&predict()));
            group.throughput(Throughput::Elements(N_ROWS as u64));
            let case = format!("{name}, {N_ROWS} rows, {threads} threads");
            group.bench_function(BenchmarkId::from_parameter(case), |b| {
                b.iter(|| black_box(predict()));
            });
        }
        assert_eq!(sums[0].to_bits(), sums[1].to_bits(), "{name}");

        let mut out = [0.0];
        let mut sum = 0.0;
        let rows: Vec<Vec<f32>> = (0..N_ROWS)
            .map(|i| (0..x.n_features()).map(|j| x.column(j)[i]).collect())
            .collect();
        for row in &rows {
            fitted.predict_row(row, &mut out).expect("its features");
            sum += out[0];
        }
        // Sums are in another order than those of a batch.
        let error = (sum - sums[0]).abs() / sums[0];
        assert!(error < 1e-6, "{name}: {sum}, not {}", sums[0]);
        group.throughput(Throughput::Elements(1));
        let case = format!("{name}, one row");
        group.bench_function(BenchmarkId::from_parameter(case), |b| {
            let mut rows = rows.iter().cycle();
            b.iter(|| rows.next().map(|row| fitted.predict_row(row, &mut out)));
        });
    }
    group.finish();
}

criterion_group!(benches, epoch, predict);
criterion_main!(benches);
