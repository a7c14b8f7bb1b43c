//! Tests of: leakage.
//!
//! Categorical columns of pure noise: whatever a model finds in their encoding of the training
//! rows, it found in the rows' own targets. The model is a small tree, which fits noise too; so
//! its AUC on the encoding is compared with that on the same numbers dealt out at random.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "tests panic when they fail, and ties are equal to the bit"
)]

use stackfold::prelude::*;
use stackfold::transform::DynTransformer;
use stackfold::transform::encode::*;

use crate::support::auc;

const N_ROWS: usize = 20_000;
const RATE: f64 = 0.1875;

/// A column of so many levels, and labels that have nothing to do with it.
fn noise(n_levels: usize, seed: Seed) -> (Table, Labels) {
    let names: Vec<String> = (0..n_levels).map(|level| format!("level{level}")).collect();
    let mut stream = seed.child("noise").stream();
    let levels: Vec<usize> = (0..N_ROWS).map(|_| stream.below(n_levels)).collect();
    let column = Column::categorical(levels.iter().map(|&level| Some(names[level].as_str())));
    let labels = (0..N_ROWS).map(|_| u32::from(stream.uniform() < RATE));
    (
        crate::support::one_column("x", column),
        crate::support::binary(&labels.collect::<Vec<_>>()),
    )
}

/// A regression tree on one feature: at most 64 leaves of 20 rows or more, grown best first.
struct Tree {
    /// The largest value of each leaf but the last, ascending.
    edges: Vec<f32>,
    means: Vec<f64>,
}

impl Tree {
    fn fit(x: &[f32], y: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
        let x: Vec<f32> = order.iter().map(|&i| x[i]).collect();
        let mut sums = vec![0.0];
        for &i in &order {
            sums.push(sums[sums.len() - 1] + y[i]);
        }
        let score = |a: usize, b: usize| (sums[b] - sums[a]).powi(2) / (b - a) as f64;
        let best = |a: usize, b: usize| {
            ((a + 20)..(b.max(20) - 20).max(a + 20))
                .filter(|&c| x[c - 1] < x[c])
                .map(|c| (score(a, c) + score(c, b) - score(a, b), c))
                .max_by(|p, q| p.0.total_cmp(&q.0))
                .map_or((f64::NEG_INFINITY, 0), |found| found)
        };
        let mut leaves = vec![(0, x.len(), best(0, x.len()))];
        while leaves.len() < 64 {
            let gain = |i: &usize| leaves[*i].2.0;
            let Some(i) = (0..leaves.len()).max_by(|p, q| gain(p).total_cmp(&gain(q))) else {
                break;
            };
            let (a, b, (gain, c)) = leaves[i];
            if gain <= 0.0 {
                break;
            }
            leaves[i] = (a, c, best(a, c));
            leaves.push((c, b, best(c, b)));
        }
        leaves.sort_by_key(|leaf| leaf.0);
        Self {
            edges: leaves[..leaves.len() - 1]
                .iter()
                .map(|leaf| x[leaf.1 - 1])
                .collect(),
            means: leaves
                .iter()
                .map(|&(a, b, _)| (sums[b] - sums[a]) / (b - a) as f64)
                .collect(),
        }
    }

    fn predict(&self, x: &[f32]) -> Vec<f64> {
        let leaf = |x: &f32| self.edges.partition_point(|edge| edge < x);
        x.iter().map(|x| self.means[leaf(x)]).collect()
    }
}

/// Training AUC less that of the same numbers at random, and the AUC on new rows; means of three.
#[derive(Debug)]
struct Leak {
    train: f64,
    excess: f64,
    test: f64,
}

/// Which features a model is fitted on.
enum Fitted<'a> {
    /// Those of `fit_transform`.
    InSample(&'a dyn DynTransformer<Labels>),
    /// Those of `fit`, then `transform` of the same rows.
    Greedy(&'a dyn DynTransformer<Labels>),
}

fn leak(fitted: &Fitted<'_>, n_levels: usize) -> Leak {
    let mut leak = Leak {
        train: 0.0,
        excess: 0.0,
        test: 0.0,
    };
    for repeat in 0..3 {
        let seed = Seed::new(11).at(repeat);
        let (table, labels) = noise(n_levels, seed);
        let y: Vec<f64> = labels.codes().iter().map(|&c| f64::from(c)).collect();
        let train = Train::new(&table, &labels).unwrap().with_seed(seed);
        let (encoder, x) = match fitted {
            Fitted::InSample(encoder) => {
                let (encoder, features) = encoder.fit_transform_dyn(train).unwrap();
                (encoder, features.column(0).to_vec())
            }
            Fitted::Greedy(encoder) => {
                let encoder = encoder.fit_transform_dyn(train).unwrap().0;
                let features = encoder.transform(table.rows()).unwrap();
                (encoder, features.column(0).to_vec())
            }
        };
        let mut random = x.clone();
        seed.child("random").stream().shuffle(&mut random);
        let tree = Tree::fit(&x, &y);
        let train_auc = auc(&tree.predict(&x), &y);
        let random_auc = auc(&Tree::fit(&random, &y).predict(&random), &y);
        let (new, new_labels) = noise(n_levels, seed.child("new"));
        let new_y: Vec<f64> = new_labels.codes().iter().map(|&c| f64::from(c)).collect();
        let new = encoder.transform(new.rows()).unwrap();
        leak.train += train_auc / 3.0;
        leak.excess += (train_auc - random_auc) / 3.0;
        leak.test += auc(&tree.predict(new.column(0)), &new_y) / 3.0;
    }
    leak
}

const CARDINALITIES: [usize; 4] = [1, 20, 200, 2000];

#[track_caller]
fn assert_safe(encoder: &dyn DynTransformer<Labels>, n_levels: usize) {
    let leak = leak(&Fitted::InSample(encoder), n_levels);
    assert!(
        leak.excess < 0.02,
        "{encoder:?}, {n_levels} levels: {leak:?}"
    );
    assert!(
        (leak.test - 0.5).abs() < 0.015,
        "{encoder:?}, {n_levels} levels: {leak:?}"
    );
}

#[test]
fn cross_fitted_targets_do_not_leak() {
    for smoothing in [
        Smoothing::EmpiricalBayes,
        Smoothing::Fixed(10.0),
        Smoothing::Sigmoid { k: 20.0, f: 10.0 },
    ] {
        for n_levels in CARDINALITIES {
            assert_safe(&TargetEncoder::new().with_smoothing(smoothing), n_levels);
        }
    }
}

#[test]
fn nested_leave_one_out_does_not_leak() {
    for n_levels in CARDINALITIES {
        assert_safe(&LeaveOneOutEncoder::new().nested(), n_levels);
    }
}

#[test]
fn ordered_targets_do_not_leak() {
    for n_levels in CARDINALITIES {
        assert_safe(&OrderedTargetEncoder::new(), n_levels);
        assert_safe(
            &OrderedTargetEncoder::new().with_n_permutations(1),
            n_levels,
        );
    }
}

#[test]
fn vectors_of_other_folds_do_not_leak() {
    for n_levels in CARDINALITIES {
        assert_safe(&EmbeddingEncoder::new(), n_levels);
    }
}

#[test]
fn plain_leave_one_out_leaks_by_itself() {
    let plain = LeaveOneOutEncoder::new().with_noise(Noise::None);
    for (n_levels, excess) in [(1, 0.45), (20, 0.4), (200, 0.2), (2000, 0.03)] {
        let leak = leak(&Fitted::InSample(&plain), n_levels);
        assert!(leak.excess > excess, "{n_levels} levels: {leak:?}");
        assert!(
            (leak.test - 0.5).abs() < 0.015,
            "{n_levels} levels: {leak:?}"
        );
    }
}

#[test]
fn noise_hides_the_leak_of_leave_one_out_where_levels_are_large() {
    for n_levels in [1, 20] {
        assert_safe(&LeaveOneOutEncoder::new(), n_levels);
    }
    // With ten rows a level, a row moves its level's mean by more than the noise does.
    let leak = leak(&Fitted::InSample(&LeaveOneOutEncoder::new()), 2000);
    assert!(leak.excess > 0.02, "{leak:?}");
}

#[test]
fn means_of_the_same_rows_leak() {
    let leak = leak(&Fitted::Greedy(&TargetEncoder::new()), 2000);
    assert!(leak.excess > 0.1, "{leak:?}");
    assert!((leak.test - 0.5).abs() < 0.015, "{leak:?}");
}
