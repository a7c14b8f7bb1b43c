//! Out-of-fold and A/B/C stacks of cheap members over n and cardinality, in rows a second.
//!
//! The members are priors, so what is timed is the stack itself: folds,
//! views with encoders of the target, gathering, meta-features, scores.
#![allow(clippy::unwrap_used, reason = "a bench fails by a panic")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stackfold::folds::StratifiedKFold;
use stackfold::model::baseline::Prior;
use stackfold::prelude::*;
use stackfold::stack::{LogisticBlender, Scheme, Stack, View};
use stackfold::transform::encode::TargetEncoder;
use stackfold::transform::impute::Imputer;
use stackfold::transform::{ColumnTransformer, Selector};

/// Ten numbers and four columns of levels.
fn data(n_rows: usize, n_levels: usize) -> (Table, Labels) {
    let seed = Seed::new(1);
    let names: Vec<String> = (0..n_levels).map(|l| format!("level {l}")).collect();
    let mut columns = Vec::new();
    for j in 0..10 {
        let seed = seed.child("number").at(j);
        let values = (0..n_rows as u64).map(|i| seed.normal(i));
        columns.push((
            format!("x{j}"),
            Column::numeric(values.collect::<Vec<f64>>()),
        ));
    }
    for j in 0..4 {
        let mut stream = seed.child("level").at(j).stream();
        let cells: Vec<usize> = (0..n_rows).map(|_| stream.below(n_levels)).collect();
        let column = Column::categorical(cells.into_iter().map(|l| Some(names[l].as_str())));
        columns.push((format!("c{j}"), column));
    }
    let target = seed.child("target");
    let codes = (0..n_rows as u64).map(|i| u32::from(target.uniform(i) < 0.2));
    let labels = Labels::new(codes.collect::<Vec<u32>>(), vec!["no".into(), "yes".into()]);
    (Table::new(columns).unwrap(), labels.unwrap())
}

fn stack(scheme: Scheme) -> Stack<Labels> {
    let numbers = View::new(
        "numbers",
        ColumnTransformer::new().with("x", Selector::kind(ColumnKind::Numeric), Imputer::median()),
    );
    let means = View::new(
        "means",
        ColumnTransformer::new()
            .with("x", Selector::kind(ColumnKind::Numeric), Imputer::median())
            .with(
                "c",
                Selector::kind(ColumnKind::Categorical),
                TargetEncoder::new(),
            ),
    );
    Stack::new(scheme)
        .with_member("prior of numbers", &numbers, Prior::new())
        .with_member("prior of means", &means, Prior::new())
        .with_blender(LogisticBlender::new())
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stack");
    group.sample_size(10);
    for (n_rows, n_levels) in [(1_000, 20), (10_000, 20), (100_000, 20), (100_000, 10_000)] {
        let (table, target) = data(n_rows, n_levels);
        let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(2));
        let share = target.codes().iter().filter(|&&c| c == 1).count() as f64 / n_rows as f64;
        group.throughput(Throughput::Elements(n_rows as u64));
        for (name, scheme) in [
            ("out_of_fold", Scheme::out_of_fold(StratifiedKFold::new(5))),
            ("a_b_c", Scheme::holdout(0.3)),
        ] {
            let stack = stack(scheme);
            let id = BenchmarkId::new(name, format!("{n_rows} rows, {n_levels} levels"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let fitted = black_box(&stack).fit(train).unwrap();
                    let mean = fitted.out_of_fold()[0].1.positive().iter().sum::<f64>()
                        / fitted.out_of_fold_rows().len() as f64;
                    // Priors of stratified folds: the share of the positive class.
                    assert!((mean - share).abs() < 1e-3, "{mean} and {share}");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
