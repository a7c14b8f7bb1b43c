//! Tests of: encoders.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests panic when they fail, compare exact numbers, and cast small ones"
)]

use proptest::prelude::*;
use stackfold::data::{FeatureKind, MISSING_CODE};
use stackfold::error::ErrorKind;
use stackfold::folds::Folds;
use stackfold::prelude::*;
use stackfold::transform::encode::*;

use crate::support::{assert_close, binary, feature_bits as bits, levels, on_threads, one_column};

/// One column of levels (by number; `None` is missing), a target, weights and folds.
#[derive(Debug, Clone)]
struct Case {
    levels: Vec<Option<u8>>,
    y: Vec<f64>,
    weights: Vec<f64>,
    folds: Vec<u16>,
    row: usize,
}

const N_FOLDS: u16 = 3;

fn cases() -> impl Strategy<Value = Case> {
    (3..30_usize).prop_flat_map(|n| {
        (
            prop::collection::vec(prop::option::weighted(0.85, 0..4_u8), n),
            prop::collection::vec(-3.0..5.0_f64, n),
            prop::collection::vec(prop_oneof![Just(0.0), 0.1..3.0_f64], n),
            prop::collection::vec(0..N_FOLDS, n),
            0..n,
        )
            .prop_map(|(levels, y, mut weights, mut folds, row)| {
                folds[..3].copy_from_slice(&[0, 1, 2]);
                weights[0] = 1.0;
                Case {
                    levels,
                    y,
                    weights,
                    folds,
                    row,
                }
            })
    })
}

impl Case {
    fn column(&self) -> Column {
        let names = ["a", "b", "c", "d"];
        Column::categorical(self.levels.iter().map(|l| l.map(|l| names[usize::from(l)])))
    }

    fn table(&self) -> Table {
        one_column("x", self.column())
    }

    fn weighted(&self) -> Table {
        let weights = Column::numeric(self.weights.clone());
        let table = self.table().with_column("w", weights).unwrap();
        table.with_role("w", Role::Weight).unwrap()
    }

    fn plan(&self) -> Folds {
        Folds::new(self.folds.clone(), N_FOLDS).unwrap()
    }

    fn values(&self) -> Values {
        Values::new(self.y.clone()).unwrap()
    }

    /// 0, 1 and 2 from the target.
    fn classes(&self) -> Labels {
        let codes: Vec<u32> = self.y.iter().map(|&y| (y + 3.0) as u32 % 3).collect();
        Labels::new(codes, vec!["p".into(), "q".into(), "r".into()]).unwrap()
    }

    fn labels(&self) -> Labels {
        binary(
            &self
                .y
                .iter()
                .map(|&y| u32::from(y > 0.5))
                .collect::<Vec<_>>(),
        )
    }

    /// The rows whose level is that of `row`, `row` with them.
    fn same_level(&self, row: usize) -> Vec<usize> {
        let same = |&i: &usize| self.levels[i] == self.levels[row];
        (0..self.y.len()).filter(same).collect()
    }

    fn with_other_target(&self) -> Self {
        let mut other = self.clone();
        other.y[self.row] = if self.y[self.row] > 0.5 { -2.9 } else { 1.7 };
        other
    }
}

fn in_sample<Y: Target>(
    encoder: &dyn stackfold::transform::DynTransformer<Y>,
    table: &Table,
    target: &Y,
) -> Features<InSample> {
    let train = Train::new(table, target).unwrap().with_seed(Seed::new(5));
    encoder.fit_transform_dyn(train).unwrap().1
}

fn out_of_sample<Y: Target>(
    encoder: &dyn stackfold::transform::DynTransformer<Y>,
    table: &Table,
    target: &Y,
    new: &Table,
) -> Features<OutOfSample> {
    let train = Train::new(table, target).unwrap().with_seed(Seed::new(5));
    let fitted = encoder.fit_transform_dyn(train).unwrap().0;
    fitted.transform(new.rows()).unwrap()
}

/// Weighted mean and variance, one sum after the other.
fn mean_and_variance(rows: &[usize], y: &[f64], w: &[f64]) -> Option<(f64, f64, f64)> {
    let weight: f64 = rows.iter().map(|&i| w[i]).sum();
    if weight == 0.0 {
        return None;
    }
    let mean = rows.iter().map(|&i| w[i] * y[i]).sum::<f64>() / weight;
    let spread: f64 = rows.iter().map(|&i| w[i] * (y[i] - mean).powi(2)).sum();
    Some((weight, mean, spread / weight))
}

fn smoothed(smoothing: Smoothing, level: &[usize], all: &[usize], y: &[f64], w: &[f64]) -> f64 {
    let Some((_, prior, variance)) = mean_and_variance(all, y, w) else {
        return f64::NAN;
    };
    let Some((n, mean, within)) = mean_and_variance(level, y, w) else {
        return prior;
    };
    let share = match smoothing {
        Smoothing::Fixed(m) => n / (n + m),
        Smoothing::Sigmoid { k, f } => 1.0 / (1.0 + (-(n - k) / f).exp()),
        Smoothing::EmpiricalBayes => {
            let share = variance * n / (variance * n + within);
            if share.is_nan() { 0.0 } else { share }
        }
        _ => unreachable!(),
    };
    share * mean + (1.0 - share) * prior
}

#[track_caller]
fn assert_features(found: &[f32], expected: impl Fn(usize) -> f64) {
    for (row, &x) in found.iter().enumerate() {
        assert_close(f64::from(x), expected(row), 2e-6);
    }
}

fn smoothings() -> impl Strategy<Value = Smoothing> {
    prop_oneof![
        (0.1..5.0_f64).prop_map(Smoothing::Fixed),
        (0.0..5.0_f64, 0.5..3.0_f64).prop_map(|(k, f)| Smoothing::Sigmoid { k, f }),
        Just(Smoothing::EmpiricalBayes),
    ]
}

proptest! {
    #[test]
    fn target_means_are_those_of_the_other_folds(case in cases(), smoothing in smoothings()) {
        let encoder = TargetEncoder::new().with_smoothing(smoothing).with_folds(case.plan());
        let found = in_sample(&encoder, &case.weighted(), &case.values());
        let other_fold = |row: usize, i: &usize| case.folds[*i] != case.folds[row];
        assert_features(found.column(0), |row| {
            let all: Vec<usize> = (0..case.y.len()).filter(|i| other_fold(row, i)).collect();
            let level = case.same_level(row).into_iter().filter(|i| other_fold(row, i));
            smoothed(smoothing, &level.collect::<Vec<_>>(), &all, &case.y, &case.weights)
        });
        let found = out_of_sample(&encoder, &case.weighted(), &case.values(), &case.table());
        let all: Vec<usize> = (0..case.y.len()).collect();
        assert_features(found.column(0), |row| {
            smoothed(smoothing, &case.same_level(row), &all, &case.y, &case.weights)
        });
    }

    #[test]
    fn leave_one_out_means_are_those_of_the_other_rows(case in cases()) {
        for (table, w) in [(case.weighted(), case.weights.clone()), (case.table(), vec![1.0; case.y.len()])] {
            for lone_row in [LoneRow::OthersMean, LoneRow::OverallMean] {
                let encoder = LeaveOneOutEncoder::new()
                    .with_noise(Noise::None)
                    .with_missing(MissingLevel::AsLevel)
                    .with_lone_row(lone_row);
                let all: Vec<usize> = (0..case.y.len()).collect();
                let mean = |rows: &[usize]| mean_and_variance(rows, &case.y, &w).map(|(_, m, _)| m);
                let others = |rows: Vec<usize>, row: usize| {
                    mean(&rows.into_iter().filter(|&i| i != row).collect::<Vec<_>>())
                };
                let found = in_sample(&encoder, &table, &case.values());
                assert_features(found.column(0), |row| {
                    let lone = if lone_row == LoneRow::OthersMean { others(all.clone(), row) } else { mean(&all) };
                    others(case.same_level(row), row).or(lone).unwrap_or(f64::NAN)
                });
                let found = out_of_sample(&encoder, &table, &case.values(), &case.table());
                assert_features(found.column(0), |row| {
                    let level = case.same_level(row);
                    let n_weighty = level.iter().filter(|&&i| w[i] > 0.0).count();
                    let of_level = mean(&level).filter(|_| n_weighty > 1);
                    of_level.or(mean(&all)).unwrap_or(f64::NAN)
                });
            }
        }
    }

    #[test]
    fn sums_without_rounding_give_what_rounded_ones_do(case in cases()) {
        // The same target scaled by a power of two times three, which is no whole number.
        let encoder = LeaveOneOutEncoder::new().with_noise(Noise::Additive(0.3));
        let whole: Vec<f64> = case.y.iter().map(|y| y.round()).collect();
        let thirds: Vec<f64> = whole.iter().map(|y| y * 0.375).collect();
        let whole = in_sample(&encoder, &case.table(), &Values::new(whole).unwrap());
        let thirds = in_sample(&encoder, &case.table(), &Values::new(thirds).unwrap());
        assert_features(thirds.column(0), |row| f64::from(whole.column(0)[row]) * 0.375);
    }

    #[test]
    fn ordered_means_are_those_of_the_rows_before(case in cases(), a in 0.0..3.0_f64) {
        for prior in [OrderedPrior::EarlierMean, OrderedPrior::OverallMean] {
            let encoder = OrderedTargetEncoder::new()
                .with_order(RowOrder::AsGiven)
                .with_prior_weight(a)
                .with_prior(prior);
            let found = in_sample(&encoder, &case.weighted(), &case.values());
            let all: Vec<usize> = (0..case.y.len()).collect();
            assert_features(found.column(0), |row| {
                ordered(&case, prior, a, &all[..row], &all[row + 1..], row)
            });
        }
    }

    #[test]
    fn rows_of_one_time_do_not_see_one_another(case in cases()) {
        let time: Vec<f64> = case.folds.iter().map(|&f| f64::from(f)).collect();
        let table = case.weighted().with_column("t", Column::numeric(time)).unwrap();
        let table = table.with_role("t", Role::Time).unwrap();
        let encoder = OrderedTargetEncoder::new();
        let found = in_sample(&encoder, &table, &case.values());
        let rows = |keep: &dyn Fn(u16) -> bool| -> Vec<usize> {
            (0..case.y.len()).filter(|&i| keep(case.folds[i])).collect()
        };
        assert_features(found.column(0), |row| {
            let time = case.folds[row];
            let (before, after) = (rows(&|t| t < time), rows(&|t| t > time));
            ordered(&case, OrderedPrior::EarlierMean, 1.0, &before, &after, row)
        });
    }

    #[test]
    fn own_target_is_not_used(case in cases()) {
        let other = case.with_other_target();
        let folds = case.plan();
        let noises = [Noise::None, Noise::Multiplicative(0.05), Noise::Additive(0.5)];
        check_own(&case, &other, &TargetEncoder::new().with_folds(folds.clone()));
        for smoothing in [Smoothing::Fixed(2.0), Smoothing::Sigmoid { k: 2.0, f: 1.0 }] {
            let encoder = TargetEncoder::new().with_folds(folds.clone()).with_smoothing(smoothing);
            check_own(&case, &other, &encoder);
        }
        for noise in noises {
            check_own(&case, &other, &LeaveOneOutEncoder::new().with_noise(noise));
        }
        check_own(&case, &other, &LeaveOneOutEncoder::new().nested().with_folds(folds));
        check_own(&case, &other, &OrderedTargetEncoder::new());
        check_own(&case, &other, &OrderedTargetEncoder::new().with_order(RowOrder::AsGiven));
    }

    #[test]
    fn cross_fitting_agrees_with_the_target_encoder(case in cases()) {
        // The mean of a level, or of all: what a smoothing of (almost) 0 gives. A level seen once
        // has the prior in leave-one-out, so compare where the other folds have two rows or more.
        let nested = LeaveOneOutEncoder::new().with_missing(MissingLevel::AsLevel).nested();
        let nested = in_sample(&nested.with_folds(case.plan()), &case.table(), &case.values());
        let target = TargetEncoder::new().with_smoothing(Smoothing::Fixed(0.0)).with_folds(case.plan());
        let target = in_sample(&target, &case.table(), &case.values());
        for row in 0..case.y.len() {
            let others = case.same_level(row);
            let others = others.iter().filter(|&&i| case.folds[i] != case.folds[row]).count();
            if others != 1 {
                assert_close(nested.column(0)[row].into(), target.column(0)[row].into(), 1e-6);
            }
        }
    }

    #[test]
    fn names_and_numbers_of_levels_play_no_part(case in cases(), shift in 1..4_u8) {
        // Another name for each level, and so another order of codes.
        let mut renamed = case.clone();
        for level in renamed.levels.iter_mut().flatten() {
            *level = (*level + shift) % 4;
        }
        let folds = case.plan();
        for encoder in safe_encoders(folds) {
            let (a, b) = (
                in_sample(&*encoder, &case.table(), &case.values()),
                in_sample(&*encoder, &renamed.table(), &case.values()),
            );
            prop_assert_eq!(bits(&a), bits(&b));
        }
    }

    #[test]
    fn rows_may_come_in_another_order(case in cases()) {
        let n = case.y.len();
        let reversed = Case {
            levels: case.levels.iter().rev().copied().collect(),
            y: case.y.iter().rev().copied().collect(),
            weights: case.weights.iter().rev().copied().collect(),
            folds: case.folds.iter().rev().copied().collect(),
            row: n - 1 - case.row,
        };
        let target = |case: &Case| {
            in_sample(&TargetEncoder::new().with_folds(case.plan()), &case.weighted(), &case.values())
        };
        let plain = LeaveOneOutEncoder::new().with_noise(Noise::None);
        let leave_one_out = |case: &Case| in_sample(&plain, &case.weighted(), &case.values());
        let one_hot = |case: &Case| in_sample(&OneHotEncoder::new(), &case.table(), &case.values());
        for (a, b) in [
            (target(&case), target(&reversed)),
            (leave_one_out(&case), leave_one_out(&reversed)),
            (one_hot(&case), one_hot(&reversed)),
        ] {
            prop_assert_eq!(a.fields(), b.fields());
            for j in 0..a.n_features() {
                assert_features(a.column(j), |row| f64::from(b.column(j)[n - 1 - row]));
            }
        }
    }

    #[test]
    fn chosen_rows_are_as_a_table_of_their_own(case in cases()) {
        // Every second row, through an index and as a table; the noise goes by the table's row.
        let index: Vec<u32> = (0..case.y.len() as u32).step_by(2).collect();
        let pick = |i: &u32| *i as usize;
        let own = Case {
            levels: index.iter().map(|i| case.levels[pick(i)]).collect(),
            y: index.iter().map(|i| case.y[pick(i)]).collect(),
            weights: index.iter().map(|i| case.weights[pick(i)]).collect(),
            folds: vec![],
            row: 0,
        };
        prop_assume!(own.weights.iter().any(|&w| w > 0.0));
        let folds = Folds::new((0..index.len()).map(|i| (i % 2) as u16).collect(), 2).unwrap();
        let encoders: [Box<dyn stackfold::transform::DynTransformer<Values>>; 6] = [
            Box::new(TargetEncoder::new().with_folds(folds.clone())),
            Box::new(LeaveOneOutEncoder::new().with_noise(Noise::None)),
            Box::new(LeaveOneOutEncoder::new().nested().with_folds(folds)),
            Box::new(OrderedTargetEncoder::new()),
            Box::new(FrequencyEncoder::new()),
            Box::new(OneHotEncoder::new()),
        ];
        for encoder in encoders {
            let (table, values) = (case.weighted(), case.values());
            let train = Train::new(&table, &values).unwrap().with_seed(Seed::new(5));
            let (fitted, chosen) = encoder.fit_transform_dyn(train.subset(&index).unwrap()).unwrap();
            let alone = in_sample(&*encoder, &own.weighted(), &own.values());
            prop_assert_eq!(bits(&chosen), bits(&alone));
            let rows = table.rows().subset(&index).unwrap();
            let new = fitted.transform(rows).unwrap();
            prop_assert_eq!(bits(&new), bits(&fitted.transform(own.table().rows()).unwrap()));
        }
    }

    #[test]
    fn one_hot_rows_have_one_one(case in cases()) {
        let found = in_sample(&OneHotEncoder::new(), &case.table(), &case.values());
        for row in 0..case.y.len() {
            let sum: f32 = (0..found.n_features()).map(|j| found.column(j)[row]).sum();
            prop_assert_eq!(sum, 1.0);
        }
        // The feature that is 1 is that of the level.
        for row in 0..case.y.len() {
            let name = match case.levels[row] {
                Some(level) => format!("x_{}", ["a", "b", "c", "d"][usize::from(level)]),
                None => "x_missing".to_owned(),
            };
            let j = found.names().position(|n| n == name).unwrap();
            prop_assert_eq!(found.column(j)[row], 1.0);
        }
    }
}

fn safe_encoders(folds: Folds) -> Vec<Box<dyn stackfold::transform::DynTransformer<Values>>> {
    vec![
        Box::new(TargetEncoder::new().with_folds(folds.clone())),
        Box::new(LeaveOneOutEncoder::new()),
        Box::new(LeaveOneOutEncoder::new().nested().with_folds(folds)),
        Box::new(OrderedTargetEncoder::new()),
        Box::new(FrequencyEncoder::new()),
    ]
}

/// The ordered statistic of a row that sees the rows `before`.
fn ordered(
    case: &Case,
    prior: OrderedPrior,
    a: f64,
    before: &[usize],
    after: &[usize],
    row: usize,
) -> f64 {
    let mean = |rows: &[usize]| mean_and_variance(rows, &case.y, &case.weights).map(|m| m.1);
    let all: Vec<usize> = (0..case.y.len()).collect();
    let prior = match prior {
        OrderedPrior::EarlierMean => mean(before).or(mean(after)),
        _ => mean(&all),
    };
    let prior = prior.unwrap_or(f64::NAN);
    let same = |&&i: &&usize| case.levels[i] == case.levels[row];
    let rows: Vec<usize> = before.iter().filter(same).copied().collect();
    match mean_and_variance(&rows, &case.y, &case.weights) {
        Some((n, mean, _)) => (n * mean + a * prior) / (n + a),
        None => prior,
    }
}

/// Row `case.row` must have the same features, bit by bit, whatever its own target.
#[track_caller]
fn check_own<E>(case: &Case, other: &Case, encoder: &E)
where
    E: Transformer<Values> + Transformer<Labels>,
{
    fn of<Y: Target, E: Transformer<Y>>(e: &E, table: &Table, y: &Y, row: usize) -> Vec<u32> {
        let features = in_sample(e, table, y);
        (0..features.n_features())
            .map(|j| features.column(j)[row].to_bits())
            .collect()
    }
    let row = case.row;
    for table in [case.table(), case.weighted()] {
        assert_eq!(
            of(encoder, &table, &case.values(), row),
            of(encoder, &table, &other.values(), row),
            "{encoder:?}"
        );
        assert_eq!(
            of(encoder, &table, &case.labels(), row),
            of(encoder, &table, &other.labels(), row),
            "{encoder:?}"
        );
        assert_eq!(
            of(encoder, &table, &case.classes(), row),
            of(encoder, &table, &other.classes(), row),
            "{encoder:?}"
        );
    }
}

fn values(y: &[f64]) -> Values {
    Values::new(y.to_vec()).unwrap()
}

#[test]
fn classes_have_a_feature_each() {
    let table = Table::new([
        ("x", levels(&["a", "a", "b", "b", "a", "b"])),
        ("z", levels(&["u", "v", "u", "v", "u", "v"])),
    ])
    .unwrap();
    let target = Labels::from_strs(&["q", "p", "r", "p", "q", "r"]).unwrap();
    let folds = Folds::new(vec![0, 1, 0, 1, 0, 1], 2).unwrap();
    let names = ["x_p", "x_q", "x_r", "z_p", "z_q", "z_r"];
    let target_encoder = TargetEncoder::new()
        .with_smoothing(Smoothing::Fixed(1.0))
        .with_folds(folds);
    let found = in_sample(&target_encoder, &table, &target);
    assert_eq!(found.names().collect::<Vec<_>>(), names);
    // Row 0 learns from rows 1, 3 and 5: classes p, p, r; its level is in row 1 alone.
    assert_close(
        found.column(0)[0].into(),
        f64::midpoint(1.0, 2.0 / 3.0),
        1e-6,
    );
    assert_close(found.column(1)[0].into(), 0.0, 1e-6);
    assert_close(
        found.column(2)[0].into(),
        f64::midpoint(0.0, 1.0 / 3.0),
        1e-6,
    );
    for encoder in [
        &LeaveOneOutEncoder::new() as &dyn stackfold::transform::DynTransformer<Labels>,
        &OrderedTargetEncoder::new(),
    ] {
        let found = in_sample(encoder, &table, &target);
        assert_eq!(found.names().collect::<Vec<_>>(), names);
        let found = out_of_sample(encoder, &table, &target, &table);
        // The indicators of a row's classes sum to one, and so do their means.
        for row in 0..6 {
            let sum: f32 = (0..3).map(|j| found.column(j)[row]).sum();
            assert_close(sum.into(), 1.0, 1e-6);
        }
    }
}

#[test]
fn unseen_missing_and_single_levels_have_the_prior() {
    let table = one_column("x", levels(&["a", "a", "once", "?", "?"]));
    let target = values(&[1.0, 2.0, 6.0, 8.0, 3.0]);
    let new = one_column("x", levels(&["new", "once", "?", "a"]));
    let found = out_of_sample(&LeaveOneOutEncoder::new(), &table, &target, &new);
    assert_eq!(found.column(0), [4.0, 4.0, 4.0, 1.5]);
    let as_level = LeaveOneOutEncoder::new().with_missing(MissingLevel::AsLevel);
    let found = out_of_sample(&as_level, &table, &target, &new);
    assert_eq!(found.column(0), [4.0, 4.0, 5.5, 1.5]);
    let ordered = OrderedTargetEncoder::new().with_min_rows(2);
    let found = out_of_sample(&ordered, &table, &target, &new);
    assert_eq!(found.column(0), [4.0, 4.0, 5.0, (3.0 + 4.0) / 3.0]);
    let plain = TargetEncoder::new().with_smoothing(Smoothing::Fixed(0.0));
    let found = out_of_sample(&plain, &table, &target, &new);
    assert_eq!(found.column(0), [4.0, 6.0, 5.5, 1.5]);
    let found = out_of_sample(
        &plain.with_missing(MissingLevel::Prior),
        &table,
        &target,
        &new,
    );
    assert_eq!(found.column(0), [4.0, 6.0, 4.0, 1.5]);
}

#[test]
fn noise_is_a_draw_a_cell_that_new_rows_do_not_have() {
    let n = 4000;
    let column = || Column::categorical((0..n).map(|i| Some(["a", "b"][i % 2])));
    let table = Table::new([("x", column()), ("z", column())]).unwrap();
    let y: Vec<f64> = (0..n)
        .map(|i| 10.0 + (i % 7) as f64 + (i % 2) as f64)
        .collect();
    let target = values(&y);
    let plain = LeaveOneOutEncoder::new().with_noise(Noise::None);
    let plain = in_sample(&plain, &table, &target);
    let spread = |noise: Noise| {
        let noisy = in_sample(
            &LeaveOneOutEncoder::new().with_noise(noise),
            &table,
            &target,
        );
        assert_ne!(noisy.column(0), noisy.column(1), "columns draw apart");
        let z = noisy.as_slice().iter().zip(plain.as_slice());
        let z: Vec<f64> = z.map(|(a, b)| f64::from(a - b)).collect();
        let mean = z.iter().sum::<f64>() / z.len() as f64;
        (
            mean,
            (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt(),
        )
    };
    // Half of the rows have a mean of 13, half of 14; a level's targets a deviation of 2.
    let (mean, deviation) = spread(Noise::Multiplicative(0.05));
    assert_close(mean, 0.0, 0.03);
    assert_close(
        deviation,
        0.05 * (13.0_f64.powi(2) / 2.0 + 14.0_f64.powi(2) / 2.0).sqrt(),
        0.03,
    );
    let (mean, deviation) = spread(Noise::Additive(0.5));
    assert_close(mean, 0.0, 0.05);
    assert_close(deviation, 0.5 * 2.0, 0.03);
    let noisy = out_of_sample(&LeaveOneOutEncoder::new(), &table, &target, &table);
    assert_eq!(noisy.column(0)[0], noisy.column(0)[2]);
}

#[test]
fn leave_one_out_of_a_constant_column_tells_the_target() {
    let table = one_column("x", levels(&["a"; 5]));
    let target = binary(&[0, 1, 0, 0, 1]);
    let plain = LeaveOneOutEncoder::new().with_noise(Noise::None);
    let found = in_sample(&plain, &table, &target);
    assert_eq!(found.column(0), [0.5, 0.25, 0.5, 0.5, 0.25]);
}

#[test]
fn one_row_has_nobody_to_learn_from() {
    let table = one_column("x", levels(&["a"]));
    let target = values(&[3.0]);
    let encoders: [&dyn stackfold::transform::DynTransformer<Values>; 4] = [
        &TargetEncoder::new(),
        &LeaveOneOutEncoder::new(),
        &OrderedTargetEncoder::new(),
        &LeaveOneOutEncoder::new().nested(),
    ];
    for encoder in encoders {
        assert!(in_sample(encoder, &table, &target).column(0)[0].is_nan());
        let found = out_of_sample(encoder, &table, &target, &table);
        assert_eq!(found.column(0), [3.0]);
    }
}

#[test]
fn constant_and_all_missing_columns_give_finite_features() {
    let target = values(&[1.0, 2.0, 4.0, 0.5, 3.0, 9.0]);
    for column in [levels(&["a"; 6]), levels(&["?"; 6])] {
        let table = one_column("x", column);
        let folds = Folds::new(vec![0, 1, 2, 0, 1, 2], 3).unwrap();
        for encoder in safe_encoders(folds) {
            in_sample(&*encoder, &table, &target)
                .check_finite()
                .unwrap();
            let new = out_of_sample(&*encoder, &table, &target, &table);
            new.check_finite().unwrap();
        }
    }
}

#[test]
fn no_columns_give_no_features_and_all_rows() {
    let table = one_column("x", levels(&["a", "b", "a"]));
    let table = table.with_role("x", Role::Id).unwrap();
    let target = values(&[1.0, 2.0, 4.0]);
    let folds = Folds::new(vec![0, 1, 0], 2).unwrap();
    let mut encoders = safe_encoders(folds);
    encoders.push(Box::new(OneHotEncoder::new()));
    encoders.push(Box::new(OrdinalEncoder::new()));
    for encoder in encoders {
        let found = in_sample(&*encoder, &table, &target);
        assert_eq!((found.n_rows(), found.n_features()), (3, 0));
        let found = out_of_sample(&*encoder, &table, &target, &table);
        assert_eq!((found.n_rows(), found.n_features()), (3, 0));
    }
}

#[test]
fn no_new_rows_give_no_rows() {
    let table = one_column("x", levels(&["a", "b", "a"]));
    let target = values(&[1.0, 2.0, 4.0]);
    let new = one_column("x", levels(&[]));
    let found = out_of_sample(&OneHotEncoder::new(), &table, &target, &new);
    assert_eq!((found.n_rows(), found.n_features()), (0, 2));
    let found = out_of_sample(&TargetEncoder::new(), &table, &target, &new);
    assert_eq!((found.n_rows(), found.n_features()), (0, 1));
}

#[test]
fn columns_are_found_by_name() {
    let table = Table::new([("x", levels(&["a", "b"])), ("z", levels(&["u", "u"]))]).unwrap();
    let target = values(&[1.0, 2.0]);
    let swapped = Table::new([("z", levels(&["u"])), ("x", levels(&["b"]))]).unwrap();
    let train = Train::new(&table, &target).unwrap();
    let (fitted, _) = FrequencyEncoder::new().fit_transform(train).unwrap();
    let found = fitted.transform(swapped.rows()).unwrap();
    assert_eq!(found.as_slice(), [1.0, 2.0]);
    let error = fitted
        .transform(one_column("x", levels(&["a"])).rows())
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::MissingColumn { .. }));
    assert_eq!(error.column(), Some("z"));
}

#[test]
fn booleans_are_levels_and_numbers_are_refused() {
    let booleans = one_column("x", Column::boolean(&[Some(true), None, Some(false)]));
    let target = values(&[1.0, 2.0, 3.0]);
    let found = in_sample(&OneHotEncoder::new(), &booleans, &target);
    assert_eq!(
        found.names().collect::<Vec<_>>(),
        ["x_false", "x_true", "x_missing"]
    );
    assert_eq!(found.column(1), [1.0, 0.0, 0.0]);
    let texts = one_column("x", levels(&["true"]));
    let found = out_of_sample(&OneHotEncoder::new(), &booleans, &target, &texts);
    assert_eq!(found.as_slice(), [0.0, 1.0, 0.0]);

    let numbers = one_column("x", Column::numeric(vec![1.0, 2.0, 3.0]));
    let train = Train::new(&numbers, &target).unwrap();
    let error = TargetEncoder::new().fit_transform(train).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"x\": expected a categorical or boolean (Table::with_categorical declares it so) \
         column, found a numeric one"
    );
    let declared = numbers.with_categorical("x").unwrap();
    in_sample(&TargetEncoder::new(), &declared, &target);
}

#[test]
fn levels_of_the_table_that_training_rows_lack_are_unseen() {
    let table = one_column("x", levels(&["a", "b", "c", "a"]));
    let target = values(&[1.0, 2.0, 3.0, 4.0]);
    let index = [0, 1, 3];
    let train = Train::new(&table, &target).unwrap().subset(&index).unwrap();
    let encoder = OneHotEncoder::new().with_unknown(Unknown::Error);
    let (fitted, features) = encoder.fit_transform(train).unwrap();
    assert_eq!(features.n_features(), 2);
    let error = fitted.transform(table.rows()).unwrap_err();
    assert_eq!(error.to_string(), r#"column "x", row 2: unseen level "c""#);
    let ordinal = OrdinalEncoder::new().with_unknown(UnknownCode::Error);
    let (fitted, _) = ordinal.fit_transform(train).unwrap();
    let error = fitted.transform(table.rows()).unwrap_err();
    assert_eq!((error.column(), error.row()), (Some("x"), Some(2)));
    let (fitted, _) = TargetEncoder::new().fit_transform(train).unwrap();
    let found = fitted.transform(table.rows()).unwrap();
    assert_close(found.column(0)[2].into(), 7.0 / 3.0, 1e-6);
}

#[test]
fn shared_and_equal_levels_give_the_same_features() {
    let table = one_column("x", levels(&["a", "b", "c", "a"]));
    let target = values(&[1.0, 2.0, 3.0, 4.0]);
    let (codes, shared) = table.column("x").unwrap().codes().unwrap();
    let new = Column::from_codes(vec![2, MISSING_CODE, 0], std::sync::Arc::clone(shared)).unwrap();
    assert_eq!(codes, [0, 1, 2, 0]);
    let shared = one_column("x", new);
    let other = one_column("x", levels(&["c", "?", "a"]));
    for encoder in safe_encoders(Folds::new(vec![0, 1, 0, 1], 2).unwrap()) {
        let a = out_of_sample(&*encoder, &table, &target, &shared);
        let b = out_of_sample(&*encoder, &table, &target, &other);
        assert_eq!(bits(&a), bits(&b));
    }
}

#[test]
fn one_hot_groups_rare_levels() {
    let column = levels(&["b", "b", "b", "a", "a", "c", "d", "?"]);
    let table = one_column("x", column);
    let target = values(&[0.0; 8]);
    let names = |encoder: &OneHotEncoder| -> Vec<String> {
        let found = in_sample(encoder, &table, &target);
        found.names().map(str::to_owned).collect()
    };
    let new = OneHotEncoder::new;
    assert_eq!(names(&new()), ["x_a", "x_b", "x_c", "x_d", "x_missing"]);
    let rare = ["x_a", "x_b", "x_missing", "x_infrequent"];
    assert_eq!(
        names(&new().with_min_frequency(MinFrequency::Count(2))),
        rare
    );
    assert_eq!(
        names(&new().with_min_frequency(MinFrequency::Share(0.2))),
        rare
    );
    assert_eq!(names(&new().with_max_levels(Some(3))), rare);
    assert_eq!(
        names(&new().with_max_levels(Some(4))),
        ["x_a", "x_b", "x_c", "x_d", "x_missing"]
    );
    assert_eq!(
        names(&new().with_max_levels(Some(1))),
        ["x_missing", "x_infrequent"]
    );
    assert_eq!(
        names(&new().with_drop(Drop::First)),
        ["x_b", "x_c", "x_d", "x_missing"]
    );
    assert_eq!(
        names(&new().with_missing(Missing::Zeros)),
        ["x_a", "x_b", "x_c", "x_d"]
    );

    let unseen = one_column("x", levels(&["z", "c", "?"]));
    let encoder = new()
        .with_max_levels(Some(3))
        .with_unknown(Unknown::Infrequent);
    let found = out_of_sample(&encoder, &table, &target, &unseen);
    assert_eq!(found.column(3), [1.0, 1.0, 0.0]);
    let found = out_of_sample(&new(), &table, &target, &unseen);
    let sums = |row: usize| (0..5).map(|j| found.column(j)[row]).sum::<f32>();
    assert_eq!([sums(0), sums(1), sums(2)], [0.0, 1.0, 1.0]);
}

#[test]
fn one_hot_drops_one_of_two() {
    let target = values(&[0.0; 3]);
    let encoder = OneHotEncoder::new().with_drop(Drop::IfBinary);
    let two = one_column("x", levels(&["b", "a", "b"]));
    let found = in_sample(&encoder, &two, &target);
    assert_eq!(found.names().collect::<Vec<_>>(), ["x_b"]);
    assert_eq!(found.column(0), [1.0, 0.0, 1.0]);
    let three = one_column("x", levels(&["b", "a", "?"]));
    assert_eq!(in_sample(&encoder, &three, &target).n_features(), 3);
}

#[test]
fn one_hot_names_differ() {
    let table = Table::new([
        ("a", levels(&["b_c", "missing", "?"])),
        ("a_b", levels(&["c", "c", "c"])),
    ])
    .unwrap();
    let found = in_sample(&OneHotEncoder::new(), &table, &values(&[0.0; 3]));
    let names: Vec<&str> = found.names().collect();
    assert_eq!(names, ["a_b_c", "a_missing", "a_missing_2", "a_b_c_2"]);
}

#[test]
fn one_hot_refuses_to_explode() {
    let n = 20_000;
    let names: Vec<String> = (0..n).map(|i| format!("id{i}")).collect();
    let ids = Column::categorical(names.iter().map(|s| Some(s.as_str())));
    let table = Table::new([
        ("few", Column::categorical(vec![Some("a"); n])),
        ("id", ids),
    ])
    .unwrap();
    let target = values(&vec![0.0; n]);
    let train = Train::new(&table, &target).unwrap();
    let error = OneHotEncoder::new().fit_transform(train).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"id\": expected at most 10000 one-hot features (with_max_levels or \
         with_min_frequency make fewer, with_max_features allows more), found 20001, 20000 of \
         them for this column"
    );
    let few = OneHotEncoder::new().with_max_levels(Some(10));
    assert_eq!(in_sample(&few, &table, &target).n_features(), 11);
}

#[test]
fn missing_cells_are_refused_where_told() {
    let table = one_column("x", levels(&["a", "?", "a"]));
    let target = values(&[0.0; 3]);
    let train = Train::new(&table, &target).unwrap();
    let errors = [
        OneHotEncoder::new()
            .with_missing(Missing::Error)
            .fit_transform(train)
            .unwrap_err(),
        OrdinalEncoder::new()
            .with_missing(MissingCode::Error)
            .fit_transform(train)
            .unwrap_err(),
        FrequencyEncoder::new()
            .with_missing(MissingFrequency::Error)
            .fit_transform(train)
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), r#"column "x", row 1: missing value"#);
    }
    // A missing cell that fitting never met is unknown.
    let whole = one_column("x", levels(&["a", "b", "a"]));
    let train = Train::new(&whole, &target).unwrap();
    let encoder = OneHotEncoder::new().with_unknown(Unknown::Error);
    let (fitted, _) = encoder.fit_transform(train).unwrap();
    let error = fitted.transform(table.rows()).unwrap_err();
    assert_eq!(error.to_string(), r#"column "x", row 1: missing value"#);
}

#[test]
fn ordinal_codes_follow_names_or_a_given_order() {
    let table = one_column("x", levels(&["10", "9", "?", "2"]));
    let target = values(&[0.0; 4]);
    let encoder = OrdinalEncoder::new()
        .with_missing(MissingCode::Own)
        .with_unknown(UnknownCode::Own);
    let found = in_sample(&encoder, &table, &target);
    assert_eq!(found.column(0), [2.0, 1.0, 3.0, 0.0]);
    assert_eq!(found.fields()[0].kind(), FeatureKind::Code { n_codes: 5 });
    let new = one_column("x", levels(&["7", "2"]));
    assert_eq!(
        out_of_sample(&encoder, &table, &target, &new).column(0),
        [4.0, 0.0]
    );

    let given = OrdinalEncoder::new()
        .with_order("x", ["9", "10", "11"])
        .with_unknown(UnknownCode::Value(-1.0))
        .with_missing(MissingCode::Own);
    let found = in_sample(&given, &table, &target);
    assert_eq!(found.column(0), [1.0, 0.0, 3.0, -1.0]);
    assert_eq!(found.fields()[0].kind(), FeatureKind::Number);
    let eleven = one_column("x", levels(&["11"]));
    let twice = OrdinalEncoder::new().with_order("x", ["9", "9"]);
    let train = Train::new(&table, &target).unwrap();
    assert_eq!(twice.fit_transform(train).unwrap_err().column(), Some("x"));
    // A level of the given order that no training row has keeps its code.
    assert_eq!(
        out_of_sample(&given, &table, &target, &eleven).column(0),
        [2.0]
    );
}

#[test]
fn frequencies_are_counts_shares_and_logarithms() {
    let table = one_column("x", levels(&["a", "b", "a", "?"]));
    let target = values(&[0.0; 4]);
    let encoder = FrequencyEncoder::new();
    assert_eq!(
        in_sample(&encoder, &table, &target).column(0),
        [2.0, 1.0, 2.0, 1.0]
    );
    let encoder = encoder
        .with_frequency(Frequency::LogCount)
        .with_missing(MissingFrequency::Zero);
    let found = in_sample(&encoder, &table, &target);
    assert_features(found.column(0), |row| {
        [3.0_f64.ln(), 2.0_f64.ln(), 3.0_f64.ln(), 0.0][row]
    });
    let encoder = encoder.with_missing(MissingFrequency::Nan);
    assert!(in_sample(&encoder, &table, &target).column(0)[3].is_nan());
}

#[test]
fn options_are_checked() {
    let table = one_column("x", levels(&["a", "b", "a"]));
    let target = values(&[0.0, 1.0, 2.0]);
    let train = Train::new(&table, &target).unwrap();
    let parameter = |error: Error| match error.kind() {
        ErrorKind::Parameter { parameter, .. } => parameter.clone(),
        other => panic!("{other:?}"),
    };
    let target = |encoder: TargetEncoder| parameter(encoder.fit_transform(train).unwrap_err());
    for smoothing in [
        Smoothing::Fixed(-1.0),
        Smoothing::Fixed(f64::NAN),
        Smoothing::Sigmoid {
            k: f64::NAN,
            f: 1.0,
        },
        Smoothing::Sigmoid { k: 1.0, f: 0.0 },
    ] {
        assert_eq!(
            target(TargetEncoder::new().with_smoothing(smoothing)),
            "smoothing"
        );
    }
    assert_eq!(target(TargetEncoder::new().with_n_folds(1)), "n_folds");
    let folds = Folds::new(vec![0, 1], 2).unwrap();
    assert_eq!(target(TargetEncoder::new().with_folds(folds)), "folds");
    let noise = LeaveOneOutEncoder::new().with_noise(Noise::Additive(-0.1));
    assert_eq!(parameter(noise.fit_transform(train).unwrap_err()), "noise");
    assert_eq!(
        parameter(noise.nested().fit_transform(train).unwrap_err()),
        "noise"
    );
    let ordered = OrderedTargetEncoder::new().with_n_permutations(0);
    assert_eq!(
        parameter(ordered.fit_transform(train).unwrap_err()),
        "n_permutations"
    );
    let ordered = OrderedTargetEncoder::new().with_prior_weight(f64::INFINITY);
    assert_eq!(
        parameter(ordered.fit_transform(train).unwrap_err()),
        "prior_weight"
    );
    let one_hot = OneHotEncoder::new().with_max_levels(Some(0));
    assert_eq!(
        parameter(one_hot.fit_transform(train).unwrap_err()),
        "max_levels"
    );
    let one_hot = OneHotEncoder::new().with_min_frequency(MinFrequency::Share(1.5));
    assert_eq!(
        parameter(one_hot.fit_transform(train).unwrap_err()),
        "min_frequency"
    );
    let no_time = OrderedTargetEncoder::new().with_order(RowOrder::Time);
    no_time.fit_transform(train).unwrap_err();
}

#[test]
fn groups_stay_in_one_fold() {
    // Each level is one group: the other folds have no row of it, and so it gets the prior.
    let table = Table::new([
        ("x", levels(&["a", "a", "b", "b", "c", "c"])),
        ("g", levels(&["1", "1", "2", "2", "3", "3"])),
    ])
    .unwrap()
    .with_role("g", Role::Group)
    .unwrap();
    let target = values(&[1.0, 1.0, 2.0, 2.0, 6.0, 6.0]);
    let found = in_sample(&TargetEncoder::new(), &table, &target);
    assert_eq!(found.column(0), [4.0, 4.0, 3.5, 3.5, 1.5, 1.5]);
}

/// A statistic whose names depend on the rows that it is fitted on.
#[derive(Debug)]
struct FickleNames;

impl TargetStatistic<Values> for FickleNames {
    type Fitted = FittedOneHotEncoder;

    fn fit(&self, train: Train<'_, Values>) -> Result<FittedOneHotEncoder> {
        Ok(OneHotEncoder::new().fit_transform(train)?.0)
    }
}

#[test]
fn cross_fitting_needs_the_same_names_in_each_fold() {
    let table = one_column("x", levels(&["a", "b", "a", "b"]));
    let target = values(&[0.0, 1.0, 2.0, 3.0]);
    let folds = Folds::new(vec![0, 1, 0, 1], 2).unwrap();
    let encoder = CrossFitted::new(FickleNames).with_folds(folds);
    let error = encoder
        .fit_transform(Train::new(&table, &target).unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "fold 0: expected feature \"x_a\", as in fitting, found \"x_b\""
    );
}

#[test]
fn further_tables_give_levels_and_no_counts() {
    let table = one_column("x", levels(&["b", "c", "b"]));
    let test = one_column("x", levels(&["a", "b"]));
    let other = one_column("x", Column::numeric(vec![1.0]));
    let target = values(&[0.0; 3]);
    let encoder = OneHotEncoder::new().with_levels_from(&[&test, &other, &test]);
    let found = out_of_sample(&encoder, &table, &target, &test);
    assert_eq!(found.names().collect::<Vec<_>>(), ["x_a", "x_b", "x_c"]);
    assert_eq!(found.as_slice(), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    let rare = encoder.with_min_frequency(MinFrequency::Count(1));
    let found = out_of_sample(&rare, &table, &target, &test);
    assert_eq!(
        found.names().collect::<Vec<_>>(),
        ["x_b", "x_c", "x_infrequent"]
    );
    assert_eq!(found.column(2), [1.0, 0.0]);
}

#[test]
fn one_thread_or_many_give_the_same_bits() {
    let n = 3000;
    let seed = Seed::new(2);
    let names: Vec<String> = (0..40).map(|i| i.to_string()).collect();
    let column = |j: usize| {
        let seed = seed.at(j);
        Column::categorical((0..n).map(|i| Some(names[(seed.hash(i) % 40) as usize].as_str())))
    };
    let table = Table::new((0..9).map(|j| (format!("x{j}"), column(j)))).unwrap();
    let target = values(&(0..n).map(|i| seed.normal(i)).collect::<Vec<_>>());
    let all = || -> Vec<Vec<u32>> {
        let encoders: [&dyn stackfold::transform::DynTransformer<Values>; 5] = [
            &TargetEncoder::new(),
            &LeaveOneOutEncoder::new(),
            &LeaveOneOutEncoder::new().nested(),
            &OrderedTargetEncoder::new(),
            &OneHotEncoder::new(),
        ];
        encoders
            .map(|e| bits(&in_sample(e, &table, &target)))
            .to_vec()
    };
    let one = on_threads(1, all);
    assert_eq!(one, on_threads(2, all));
    assert_eq!(one, on_threads(8, all));
}

#[test]
fn booleans_for_texts_are_the_wrong_kind_and_no_unseen_level() {
    let texts = one_column("x", levels(&["own", "rent", "rent", "own"]));
    let words = one_column("x", levels(&["true", "false", "?", "true"]));
    let flags = one_column(
        "x",
        Column::boolean(&[Some(true), Some(false), None, Some(true)]),
    );
    let target = binary(&[0, 1, 1, 0]);
    let encoders: [Box<dyn stackfold::transform::DynTransformer<Labels>>; 4] = [
        Box::new(OneHotEncoder::new()),
        Box::new(OrdinalEncoder::new()),
        Box::new(FrequencyEncoder::new()),
        Box::new(TargetEncoder::new()),
    ];
    for encoder in encoders {
        let fit = |table| {
            let train = Train::new(table, &target).unwrap();
            encoder.fit_transform_dyn(train).unwrap().0
        };
        for (learned, new) in [(&texts, &flags), (&flags, &texts)] {
            let error = fit(learned).transform(new.rows()).unwrap_err();
            assert_eq!(error.column(), Some("x"));
            assert!(
                matches!(error.kind(), ErrorKind::WrongKind { .. }),
                "{error}"
            );
        }
        // The same levels, however they were read; and no level at all.
        for (learned, new) in [(&words, &flags), (&flags, &words)] {
            let fitted = fit(learned);
            let [a, b] = [learned, new].map(|table| fitted.transform(table.rows()).unwrap());
            let bits = |features: &Features<OutOfSample>| -> Vec<u32> {
                features.as_slice().iter().map(|x| x.to_bits()).collect()
            };
            assert_eq!(bits(&a), bits(&b), "{encoder:?}");
        }
        let none = one_column("x", Column::boolean(&[None; 4]));
        assert!(fit(&texts).transform(none.rows()).is_ok());
    }
}

#[test]
fn an_unknown_level_is_what_training_rows_are_on_average() {
    let table = one_column("x", levels(&["a", "b", "b", "?", "c", "b", "a", "d"]));
    let new = one_column("x", levels(&["z", "b", "?"]));
    let target = binary(&[0, 1, 1, 0, 1, 0, 0, 1]);
    for (drop, n_dropped) in [(Drop::None, 0), (Drop::First, 1)] {
        let encoder = OneHotEncoder::new()
            .with_unknown(Unknown::Shares)
            .with_min_frequency(MinFrequency::Count(2))
            .with_drop(drop);
        let (fitted, train) = encoder
            .fit_transform(Train::new(&table, &target).unwrap())
            .unwrap();
        let features = fitted.transform(new.rows()).unwrap();
        // a, b, missing, infrequent: 2, 3, 1 and 2 of 8.
        let expected = [0.25, 0.375, 0.125, 0.25];
        assert_eq!(train.n_features(), 4 - n_dropped);
        for (j, expected) in expected[n_dropped..].iter().enumerate() {
            let mean = train.column(j).iter().sum::<f32>() / 8.0;
            assert_eq!([features.column(j)[0], mean], [*expected; 2]);
        }
        let b = fitted.transform(new.rows().subset(&[1]).unwrap()).unwrap();
        assert_eq!(b.as_slice().iter().sum::<f32>(), 1.0);
    }
}
