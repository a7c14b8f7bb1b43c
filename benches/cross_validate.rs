//! Cross-validation of a cheap learner over the number of rows: plans, fits, pooling, scores.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stackfold::data::RowIndex;
use stackfold::folds::{SplitContext, Splitter, StratifiedKFold};
use stackfold::metrics::{ClassificationMetric, Metric, binary};
use stackfold::model_selection::cross_validate;
use stackfold::prelude::*;
use std::hint::black_box;

/// The share of the positive class in each of 64 bins of a column.
#[derive(Debug)]
struct Histogram;

#[derive(Debug)]
struct Bins(Vec<f64>);

fn bins(rows: Rows<'_>) -> Result<Vec<usize>> {
    let x = rows.column("x")?.numbers(rows.index());
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below 64"
    )]
    Ok(x.iter().map(|x| (x * 64.0) as usize).collect())
}

impl Learner<Labels> for Histogram {
    type Fitted = Bins;

    fn fit(&self, train: Train<'_, Labels>) -> Result<Bins> {
        let target = train.target();
        let (mut sums, mut counts) = (vec![0.5; 64], vec![1.0; 64]);
        for (bin, &code) in bins(train.rows())?.into_iter().zip(target.codes()) {
            sums[bin] += f64::from(code);
            counts[bin] += 1.0;
        }
        Ok(Bins(sums.iter().zip(&counts).map(|(s, n)| s / n).collect()))
    }
}

impl FittedLearner<Labels> for Bins {
    fn predict(&self, rows: Rows<'_>) -> Result<Probabilities> {
        let p: Vec<f64> = bins(rows)?.into_iter().map(|bin| self.0[bin]).collect();
        let q = p.iter().map(|p| 1.0 - p).collect();
        Probabilities::new(["no".to_owned(), "yes".to_owned()].into(), vec![q, p])
    }
}

/// The positive class is as likely as `x` says: the best AUC is 5/6.
fn data(n: u64) -> (Table, Labels) {
    let seed = Seed::new(1);
    let x: Vec<f64> = (0..n).map(|i| seed.child("x").uniform(i)).collect();
    let y = |(i, x): (u64, &f64)| u32::from(seed.child("y").uniform(i) < *x);
    let codes: Vec<u32> = (0..n).zip(&x).map(y).collect();
    let labels = Labels::new(codes, vec!["no".into(), "yes".into()]);
    let table = Table::new([("x", Column::numeric(x))]);
    (table.expect("a table"), labels.expect("two classes"))
}

fn benches(c: &mut Criterion) {
    let metrics: [&dyn Metric<Labels>; 2] = [
        &ClassificationMetric::RocAuc,
        &ClassificationMetric::LogLoss,
    ];
    let mut group = c.benchmark_group("cross_validate");
    group.sample_size(10);
    let sizes = [
        (1_000, 0x55ce_6289_475a_4b39),
        (10_000, 0x43fe_8f12_e379_6c1d),
        (100_000, 0x9755_75a0_fd96_334f_u64),
    ];
    for (n, checksum) in sizes {
        let (table, labels) = data(n);
        let train = Train::new(&table, &labels).expect("rows");
        let splitter = StratifiedKFold::new(5);
        group.throughput(Throughput::Elements(n));

        let plan = || splitter.plan(&SplitContext::of(train)).expect("a plan");
        assert_eq!(plan().checksum(), checksum, "{n} rows");
        group.bench_function(BenchmarkId::new("plan", n), |b| {
            b.iter(|| black_box(plan()));
        });

        let run = || cross_validate(&Histogram, train, &splitter, &metrics).expect("scores");
        let auc = run().scores("roc_auc").expect("a score").pooled();
        let deviation = 0.5 / (n as f64).sqrt();
        assert!((auc - 5.0 / 6.0).abs() < 4.0 * deviation + 0.005, "{auc}");
        group.bench_function(BenchmarkId::new("five_folds", n), |b| {
            b.iter(|| black_box(run()));
        });

        let x = table
            .column("x")
            .expect("x")
            .numbers(RowIndex::All(table.n_rows()));
        let positive: Vec<bool> = labels.codes().iter().map(|&code| code == 1).collect();
        let auc = || binary::delong(&positive, &x).expect("an AUC").auc();
        assert!((auc() - 5.0 / 6.0).abs() < 4.0 * deviation, "{}", auc());
        group.bench_function(BenchmarkId::new("delong", n), |b| {
            b.iter(|| black_box(auc()));
        });
    }
    group.finish();
}

criterion_group!(cross_validation, benches);
criterion_main!(cross_validation);
