//! Tests of imputers, scalers, dates, row counts and the passthrough.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]
#![allow(clippy::float_cmp, reason = "many of these numbers are exact")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::large_stack_arrays,
    reason = "small numbers and short arrays"
)]

use proptest::prelude::*;
use stackfold::ErrorKind;
use stackfold::data::batches::{BatchedTable, TableBatches};
use stackfold::data::{Feature, FeatureKind, RowIndex};
use stackfold::prelude::*;
use stackfold::transform::dates::{DatePart, DateParts, Origin};
use stackfold::transform::impute::{Fill, Imputer, Indicators};
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::row_counts::RowCounts;
use stackfold::transform::scale::{
    Beyond, Log1p, MaxAbsScaler, MinMaxScaler, Negatives, QuantileOutput, QuantileScaler,
    RobustScaler, StandardScaler, Winsorizer,
};
use stackfold::transform::{FeatureStep, FittedFeatureStep, UnsupervisedTransformer};

use crate::support::{assert_close, feature_bits, levels, on_threads, one_column};

const NAN: f64 = f64::NAN;

/// Calls a generic function with each imputer.
macro_rules! each_imputer {
    ($f:ident($($argument:expr),*)) => {
        $f("mean", &Imputer::mean() $(, $argument)*);
        $f("median", &Imputer::median() $(, $argument)*);
        $f("most frequent", &Imputer::most_frequent() $(, $argument)*);
        $f("constant", &Imputer::constant(-7.0) $(, $argument)*);
    };
}

/// Calls a generic function with each scaler.
macro_rules! each_scaler {
    ($f:ident($($argument:expr),*)) => {
        let quantile = QuantileScaler::new().with_n_quantiles(5);
        $f("standard", &StandardScaler::new() $(, $argument)*);
        $f("min-max", &MinMaxScaler::new().with_beyond(Beyond::Clip) $(, $argument)*);
        $f("max-abs", &MaxAbsScaler::new() $(, $argument)*);
        $f("robust", &RobustScaler::new() $(, $argument)*);
        $f("robust 10", &RobustScaler::new().with_quantile_range(0.1, 0.3) $(, $argument)*);
        $f("winsorizer", &Winsorizer::new().with_quantiles(0.2, 0.9) $(, $argument)*);
        $f("quantile", &quantile $(, $argument)*);
        $f("normal", &quantile.with_output(QuantileOutput::Normal) $(, $argument)*);
        $f("log1p", &Log1p::new().with_negatives(Negatives::Signed) $(, $argument)*);
    };
}

fn fit<T: UnsupervisedTransformer>(transformer: &T, table: &Table) -> Features<OutOfSample> {
    let fitted = transformer
        .fit_rows(table.rows(), &FitContext::default())
        .unwrap();
    let features = fitted.transform(table.rows()).unwrap();
    assert_eq!(features.fields(), fitted.fields());
    features
}

fn numeric(values: &[f64]) -> Table {
    one_column("x", Column::numeric(values))
}

#[track_caller]
fn assert_all_close(name: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (i, (&a, &b)) in found.iter().zip(expected).enumerate() {
        let (a, b) = (f64::from(a), f64::from(b));
        let close = (a - b).abs() <= tolerance * b.abs().max(1.0) || (a.is_nan() && b.is_nan());
        assert!(close, "{name}, value {i}: found {a}, expected {b}");
    }
}

/// Integers with ties, reals, reals with a large mean, booleans: 5,000 rows, some cells missing.
fn large_table() -> Table {
    let seed = Seed::new(5);
    let column = |name: &str, f: &dyn Fn(Seed, u64) -> f64| {
        let seed = seed.child(name);
        let values: Vec<f64> = (0..5_000)
            .map(|i| {
                if seed.child("missing").uniform(i) < 0.1 {
                    NAN
                } else {
                    f(seed, i)
                }
            })
            .collect();
        Column::numeric(values)
    };
    Table::new([
        (
            "small",
            column("small", &|s, i| (s.uniform(i) * 20.0).floor() - 3.0),
        ),
        ("wide", column("wide", &|s, i| (s.normal(i) * 1e4).round())),
        ("real", column("real", &Seed::normal)),
        (
            "skewed",
            column("skewed", &|s, i| (6.0 * s.normal(i)).exp()),
        ),
        (
            "rounded",
            column("rounded", &|s, i| (s.normal(i) * 8.0).round() / 8.0),
        ),
        ("far", column("far", &|s, i| 1e7 + s.uniform(i))),
    ])
    .unwrap()
}

// Values of scikit-learn 1.9.1, written by tests/parity/numeric.py.

const PARITY: &str = include_str!("../parity/numeric.txt");

fn parity_table() -> Table {
    let b = [
        0.25, 3.5, 2.125, NAN, 0.5, 8.75, 4.0, 1.5, 1.0, 6.25, 7.0, 5.75,
    ];
    Table::new([
        (
            "a",
            Column::numeric(vec![
                3.0, 1.0, NAN, 2.0, 2.0, 7.0, 0.0, -4.0, 2.0, 9.0, 1.0, NAN,
            ]),
        ),
        ("b", Column::numeric(b.map(|x| 1e6 + x))),
        (
            "c",
            Column::numeric(
                (0..12)
                    .map(|i| if i == 2 || i == 6 { NAN } else { 5.0 })
                    .collect::<Vec<_>>(),
            ),
        ),
    ])
    .unwrap()
}

fn parity_values(case: &str) -> Vec<f32> {
    let line = PARITY
        .lines()
        .find(|line| line.split(' ').next() == Some(case))
        .unwrap();
    line.split(' ')
        .skip(1)
        .map(|text| text.parse().unwrap())
        .collect()
}

fn check_parity<T: UnsupervisedTransformer>(case: &str, transformer: &T) {
    let features = fit(transformer, &parity_table());
    assert_all_close(case, features.as_slice(), &parity_values(case), 1e-6);
}

#[test]
fn scikit_learn_gives_the_same_values() {
    check_parity("impute_mean", &Imputer::mean());
    check_parity("impute_median", &Imputer::median());
    check_parity("impute_most_frequent", &Imputer::most_frequent());
    check_parity("impute_constant", &Imputer::constant(-9.0));
    check_parity("standard", &StandardScaler::new());
    check_parity("min_max", &MinMaxScaler::new());
    check_parity("min_max_range", &MinMaxScaler::new().with_range(-2.0, 3.0));
    check_parity("max_abs", &MaxAbsScaler::new());
    check_parity("robust", &RobustScaler::new());
    let robust = RobustScaler::new().with_quantile_range(0.1, 0.8);
    check_parity("robust_10_80", &robust);
    for n in [5, 12, 1000] {
        let uniform = QuantileScaler::new().with_n_quantiles(n);
        check_parity(&format!("quantile_{n}_uniform"), &uniform);
        let normal = uniform.with_output(QuantileOutput::Normal);
        check_parity(&format!("quantile_{n}_normal"), &normal);
    }
}

#[test]
fn scikit_learn_gives_the_same_indicators() {
    let features = fit(
        &Imputer::mean().with_indicators(Indicators::IfMissing),
        &parity_table(),
    );
    let indicators = &features.as_slice()[3 * 12..];
    assert_eq!(indicators, parity_values("indicators"));
}

#[test]
fn scikit_learn_gives_the_same_weighted_standard_scaling() {
    let table = parity_table();
    let weights = [1.0, 2.0, 1.0, 3.0, 1.0, 1.0, 2.0, 1.0, 4.0, 1.0, 2.0, 1.0];
    let context = FitContext::default().with_weights(Some(&weights));
    let fitted = StandardScaler::new()
        .fit_rows(table.rows(), &context)
        .unwrap();
    let features = fitted.transform(table.rows()).unwrap();
    let expected = parity_values("standard_weighted");
    assert_all_close("weighted", features.as_slice(), &expected, 1e-6);
}

#[test]
fn scikit_learn_gives_new_values_the_same_quantiles() {
    let b = [-1.0, 0.3, 2.2, 4.0, 5.0, 8.7, 9.0];
    let new = Table::new([
        (
            "a",
            Column::numeric(vec![-9.0, -4.0, 0.5, 2.0, 2.5, 8.0, 100.0]),
        ),
        ("b", Column::numeric(b.map(|x| 1e6 + x))),
        (
            "c",
            Column::numeric(vec![4.0, 5.0, 6.0, 5.0, 4.0, 5.0, 6.0]),
        ),
    ])
    .unwrap();
    let fitted = QuantileScaler::new()
        .with_n_quantiles(7)
        .fit_rows(parity_table().rows(), &FitContext::default())
        .unwrap();
    let features = fitted.transform(new.rows()).unwrap();
    let expected = parity_values("quantile_new");
    assert_all_close("new", features.as_slice(), &expected, 1e-6);
}

// Naive references.

fn sorted_present(column: &Column) -> Vec<f64> {
    let mut values = column.numbers(RowIndex::All(column.len()));
    values.retain(|v| !v.is_nan());
    values.sort_by(f64::total_cmp);
    values
}

fn naive_quantile(sorted: &[f64], q: f64) -> f64 {
    let h = (sorted.len() - 1) as f64 * q;
    let (low, high) = (sorted[h.floor() as usize], sorted[h.ceil() as usize]);
    low + (high - low) * (h - h.floor())
}

/// `numpy.interp`, by a scan.
fn naive_interpolation(x: f64, xs: &[f64], ys: &[f64]) -> f64 {
    if x < xs[0] {
        return ys[0];
    }
    let j = xs.iter().rposition(|&v| v <= x).unwrap();
    if j + 1 == xs.len() {
        return ys[j];
    }
    ys[j] + (ys[j + 1] - ys[j]) / (xs[j + 1] - xs[j]) * (x - xs[j])
}

#[test]
fn quantile_scaling_is_the_mean_of_interpolation_from_both_sides() {
    let table = large_table();
    let features = fit(&QuantileScaler::new().with_n_quantiles(300), &table);
    for (j, field) in features.fields().iter().enumerate() {
        let column = table.column(field.name()).unwrap();
        let sorted = sorted_present(column);
        let orders: Vec<f64> = (0..300).map(|k| f64::from(k) / 299.0).collect();
        let mut quantiles: Vec<f64> = orders.iter().map(|&q| naive_quantile(&sorted, q)).collect();
        for k in 1..300 {
            quantiles[k] = quantiles[k].max(quantiles[k - 1]);
        }
        let negative: Vec<f64> = quantiles.iter().rev().map(|v| -v).collect();
        let negative_orders: Vec<f64> = orders.iter().rev().map(|v| -v).collect();
        let numbers = column.numbers(RowIndex::All(column.len()));
        for (&x, &found) in numbers.iter().zip(features.column(j)) {
            let expected = if x.is_nan() {
                NAN
            } else if x <= sorted[0] {
                0.0
            } else if x >= sorted[sorted.len() - 1] {
                1.0
            } else {
                (naive_interpolation(x, &quantiles, &orders)
                    - naive_interpolation(-x, &negative, &negative_orders))
                    / 2.0
            };
            assert_close(f64::from(found), expected, 1e-6);
        }
    }
}

/// The quantile of order 7 / 10 of 91 values has rank 63, though `90 * (7.0 / 10.0)` is less: it is
/// 1, and so are those of orders 8 / 10 and 9 / 10.
#[test]
fn a_quantile_of_whole_rank_is_a_value() {
    let values = [0.0; 63].into_iter().chain([1.0; 20]).chain([2.0; 8]);
    let table = Table::new([("x", Column::numeric(values.collect::<Vec<_>>()))]).unwrap();
    let features = fit(&QuantileScaler::new().with_n_quantiles(11), &table);
    let values = features.column(0);
    assert_eq!([values[0], values[63], values[83]], [0.0, 0.8, 1.0]);
    let reals = Column::numeric((0..91).map(|i| f64::from(i) * 0.1).collect::<Vec<_>>());
    let table = Table::new([("x", reals)]).unwrap();
    let context = FitContext::default();
    let scaler = QuantileScaler::new().with_n_quantiles(11);
    let fitted = scaler.fit_rows(table.rows(), &context).unwrap();
    assert_eq!(fitted.quantiles()[0][7], 63.0 * 0.1);
}

#[test]
fn learned_statistics_equal_naive_ones() {
    let table = large_table();
    let context = FitContext::default();
    let rows = table.rows();
    let medians = Imputer::median().fit_rows(rows, &context).unwrap();
    let modes = Imputer::most_frequent().fit_rows(rows, &context).unwrap();
    let standard = StandardScaler::new().fit_rows(rows, &context).unwrap();
    let robust = RobustScaler::new().fit_rows(rows, &context).unwrap();
    let limits = Winsorizer::new().fit_rows(rows, &context).unwrap();
    for (j, field) in table.schema().fields().iter().enumerate() {
        let sorted = sorted_present(table.column(field.name()).unwrap());
        let n = sorted.len() as f64;
        let shifted: Vec<f64> = sorted.iter().map(|v| v - sorted[0]).collect();
        let mean = shifted.iter().sum::<f64>() / n;
        let variance = shifted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        let quantile = |q| naive_quantile(&sorted, q);
        assert_close(standard.means()[j], mean + sorted[0], 1e-12);
        assert_close(standard.scales()[j], variance.sqrt(), 1e-9);
        assert_close(medians.fills()[j], quantile(0.5), 1e-12);
        assert_close(robust.medians()[j], quantile(0.5), 1e-12);
        assert_close(robust.scales()[j], quantile(0.75) - quantile(0.25), 1e-9);
        let (low, high) = limits.limits()[j].unwrap();
        assert_close(low, quantile(0.01), 1e-12);
        assert_close(high, quantile(0.99), 1e-12);
        let count = |v: f64| sorted.iter().filter(|&&u| u == v).count();
        let most = sorted.iter().map(|&v| count(v)).max().unwrap();
        let mode = sorted.iter().copied().find(|&v| count(v) == most);
        assert_eq!(Some(modes.fills()[j]), mode, "{}", field.name());
    }
}

// Laws.

fn same_as_a_step<T: UnsupervisedTransformer + FeatureStep>(name: &str, step: &T, table: &Table) {
    let direct = fit(step, table);
    let features = fit(&Passthrough::new(), table).assume_in_sample();
    let fitted = step
        .fit_features(&features, &FitContext::default())
        .unwrap();
    let found = fitted.apply(features).unwrap();
    assert_eq!(FittedFeatureStep::fields(&fitted), found.fields());
    assert_eq!(direct.fields(), found.fields(), "{name}");
    assert_all_close(name, found.as_slice(), direct.as_slice(), 2e-6);
}

#[test]
fn a_step_gives_what_the_transformer_gives() {
    let seed = Seed::new(2);
    let cell = |s: Seed, i, x: f64| if s.uniform(i) < 0.2 { NAN } else { x };
    let column = |s: Seed, f: &dyn Fn(u64) -> f64| {
        Column::numeric((0..6_000).map(|i| cell(s, i, f(i))).collect::<Vec<_>>())
    };
    let bits: Vec<Option<bool>> = (0..6_000).map(|i| Some(seed.uniform(i) < 0.3)).collect();
    let table = Table::new([
        ("i8", column(seed.at(1), &|i| (i % 37) as f64 - 9.0)),
        ("i16", column(seed.at(2), &|i| (i * i % 3_001) as f64)),
        ("i32", column(seed.at(3), &|i| (i * 7_919 % 100_003) as f64)),
        ("f32", column(seed.at(4), &|i| (i * 31 % 499) as f64 / 8.0)),
        ("bool", Column::boolean(&bits)),
        ("date", Column::dates(&[Some(7); 6_000])),
    ])
    .unwrap();
    each_imputer!(same_as_a_step(&table));
    each_scaler!(same_as_a_step(&table));
    let indicators = Imputer::median().with_indicators(Indicators::All);
    same_as_a_step("indicators", &indicators, &table);
}

fn same_bits_on_any_threads<T: UnsupervisedTransformer>(name: &str, t: &T, table: &Table) {
    let bits = |threads| feature_bits(&on_threads(threads, || fit(t, table)));
    let one = bits(1);
    assert_eq!(one, bits(2), "{name}");
    assert_eq!(one, bits(8), "{name}");
}

#[test]
fn threads_change_no_bit() {
    let table = large_table();
    each_imputer!(same_bits_on_any_threads(&table));
    each_scaler!(same_bits_on_any_threads(&table));
    let drawn = QuantileScaler::new().with_max_rows(Some(500));
    same_bits_on_any_threads("subsample", &drawn, &table);
    let counts = RowCounts::new("n").missing().zeros();
    same_bits_on_any_threads("row counts", &counts, &table);
}

/// Columns that are hard: one value, all missing, few rows. No panic, and the right shape.
fn hard_columns<T: UnsupervisedTransformer>(name: &str, transformer: &T) {
    for n in [0_u32, 1, 2, 3] {
        let all = n as usize;
        let table = Table::new([
            ("gone", Column::numeric(vec![NAN; 3])),
            ("one", Column::numeric(vec![4.0; 3])),
            ("tenth", Column::numeric(vec![0.1; 3])),
            ("mixed", Column::numeric(vec![-3.0, NAN, 9.5])),
        ])
        .unwrap();
        let index: Vec<u32> = (0..n).collect();
        let rows = table.rows().subset(&index).unwrap();
        let fitted = transformer.fit_rows(rows, &FitContext::default()).unwrap();
        for rows in [rows, table.rows()] {
            let features = fitted.transform(rows).unwrap();
            assert_eq!(features.n_rows(), rows.len(), "{name}");
            assert_eq!(features.n_features(), 4, "{name}");
            for v in features.as_slice() {
                assert!(!v.is_infinite(), "{name} fitted on {all} rows");
            }
        }
        let empty = table.rows().subset(&[]).unwrap();
        assert_eq!(fitted.transform(empty).unwrap().n_rows(), 0);
    }
    let ids = numeric(&[1.0, 2.0]).with_role("x", Role::Id).unwrap();
    let features = fit(transformer, &ids);
    assert_eq!((features.n_rows(), features.n_features()), (2, 0), "{name}");
}

#[test]
fn few_rows_constant_and_missing_columns_are_no_trouble() {
    each_imputer!(hard_columns());
    each_scaler!(hard_columns());
    hard_columns("passthrough", &Passthrough::new());
}

fn refuses_other_columns<T: UnsupervisedTransformer>(name: &str, transformer: &T) {
    let context = FitContext::default();
    let text = one_column("state", levels(&["a", "b"]));
    let error = transformer.fit_rows(text.rows(), &context).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WrongKind { .. }),
        "{name}"
    );
    assert_eq!(error.column(), Some("state"));

    let fitted = transformer
        .fit_rows(numeric(&[1.0, 2.0]).rows(), &context)
        .unwrap();
    let error = fitted.transform(text.rows()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::MissingColumn { .. }));
    assert_eq!(error.column(), Some("x"));
    for other in [levels(&["a"]), Column::dates(&[Some(1)])] {
        let error = fitted.transform(one_column("x", other).rows()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::WrongKind { .. }),
            "{name}"
        );
        assert_eq!(error.column(), Some("x"));
    }
    let boolean = one_column("x", Column::boolean(&[Some(true)]));
    assert_eq!(fitted.transform(boolean.rows()).unwrap().n_rows(), 1);
}

#[test]
fn columns_of_another_kind_are_refused_by_name() {
    each_imputer!(refuses_other_columns());
    each_scaler!(refuses_other_columns());
    refuses_other_columns("passthrough", &Passthrough::new());
}

fn weights_repeat_rows<T: UnsupervisedTransformer>(
    name: &str,
    transformer: &T,
    table: &Table,
    weights: &[u8],
) {
    let repeated: Vec<u32> = (0_u32..)
        .zip(weights)
        .flat_map(|(i, &w)| std::iter::repeat_n(i, usize::from(w)))
        .collect();
    let ones = vec![1.0; repeated.len()];
    let tenths: Vec<f64> = weights.iter().map(|&w| f64::from(w) / 10.0).collect();
    let rows = table.rows();
    let fit = |rows, weights| {
        let context = FitContext::default().with_weights(Some(weights));
        let fitted = transformer.fit_rows(rows, &context).unwrap();
        fitted.transform(table.rows()).unwrap()
    };
    let weighted = fit(rows, &tenths);
    let unweighted = fit(rows.subset(&repeated).unwrap(), &ones);
    assert_all_close(name, weighted.as_slice(), unweighted.as_slice(), 1e-5);
}

fn in_any_order<T: UnsupervisedTransformer>(name: &str, t: &T, table: &Table, order: &[u32]) {
    let rows = table.rows();
    let context = FitContext::default();
    let straight = t.fit_rows(rows, &context).unwrap().transform(rows).unwrap();
    let rows = rows.subset(order).unwrap();
    let shuffled = t.fit_rows(rows, &context).unwrap().transform(rows).unwrap();
    let expected = straight.take(order);
    assert_all_close(name, shuffled.as_slice(), expected.as_slice(), 1e-6);
}

fn keeps_missing<T: UnsupervisedTransformer>(name: &str, transformer: &T, table: &Table) {
    let (before, after) = (fit(&Passthrough::new(), table), fit(transformer, table));
    for (b, a) in before.as_slice().iter().zip(after.as_slice()) {
        assert_eq!(b.is_nan(), a.is_nan(), "{name}");
        assert!(!a.is_infinite(), "{name}");
    }
}

fn fills_what_is_missing<T: UnsupervisedTransformer + FeatureStep>(
    name: &str,
    imputer: &T,
    table: &Table,
) {
    let (before, after) = (fit(&Passthrough::new(), table), fit(imputer, table));
    for (b, a) in before.as_slice().iter().zip(after.as_slice()) {
        assert!(a.is_finite(), "{name}");
        assert!(b.is_nan() || b.to_bits() == a.to_bits(), "{name}");
    }
    // Once more changes nothing.
    let after = after.assume_in_sample();
    let again = imputer
        .fit_features(&after, &FitContext::default())
        .unwrap();
    let twice = again.apply(after.clone()).unwrap();
    assert_eq!(twice.as_slice(), after.as_slice(), "{name}");
}

fn scaled_twice<T: FeatureStep>(name: &str, scaler: &T, table: &Table) {
    let context = FitContext::default();
    let features = fit(&Passthrough::new(), table).assume_in_sample();
    let once = scaler.fit_features(&features, &context).unwrap();
    let once = once.apply(features).unwrap();
    let twice = scaler.fit_features(&once, &context).unwrap();
    let twice = twice.apply(once.clone()).unwrap();
    assert_all_close(name, twice.as_slice(), once.as_slice(), 1e-4);
}

/// Two columns: halves with ties, and integers; some cells missing.
fn cells() -> impl Strategy<Value = Table> {
    let cell = prop_oneof![1 => Just(NAN), 4 => (-40_i32..40).prop_map(|v| f64::from(v) / 2.0)];
    let whole = prop_oneof![1 => Just(NAN), 4 => (-9_i32..90).prop_map(f64::from)];
    (5_usize..40)
        .prop_flat_map(move |n| {
            (
                prop::collection::vec(cell.clone(), n),
                prop::collection::vec(whole.clone(), n),
            )
        })
        .prop_map(|(halves, whole)| {
            Table::new([
                ("halves", Column::numeric(halves)),
                ("whole", Column::numeric(whole)),
            ])
            .unwrap()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_of_rows_is_irrelevant(table in cells(), seed in 0_u64..1_000) {
        let mut order: Vec<u32> = (0..).take(table.n_rows()).collect();
        Seed::new(seed).stream().shuffle(&mut order);
        each_imputer!(in_any_order(&table, &order));
        each_scaler!(in_any_order(&table, &order));
    }

    #[test]
    fn scalers_keep_missing_cells_and_imputers_fill_them(table in cells()) {
        each_scaler!(keeps_missing(&table));
        each_imputer!(fills_what_is_missing(&table));
    }

    #[test]
    fn weights_do_what_repeated_rows_do(
        (table, weights) in cells().prop_flat_map(|table| {
            let n = table.n_rows();
            (Just(table), prop::collection::vec(0_u8..4, n))
        })
    ) {
        prop_assume!(weights.iter().filter(|&&w| w > 0).count() >= 5);
        each_imputer!(weights_repeat_rows(&table, &weights));
        each_scaler!(weights_repeat_rows(&table, &weights));
    }

    #[test]
    fn linear_scalers_do_nothing_the_second_time(table in cells()) {
        scaled_twice("standard", &StandardScaler::new(), &table);
        scaled_twice("min-max", &MinMaxScaler::new(), &table);
        scaled_twice("max-abs", &MaxAbsScaler::new(), &table);
        scaled_twice("robust", &RobustScaler::new(), &table);
    }

    #[test]
    fn counts_of_rows_equal_a_naive_count(table in cells()) {
        let features = fit(&RowCounts::new("n").missing().zeros().equal(-4.0), &table);
        let numbers: Vec<Vec<f64>> = ["halves", "whole"]
            .map(|name| table.column(name).unwrap().numbers(table.rows().index()))
            .to_vec();
        for i in 0..table.n_rows() {
            let count = |is_so: &dyn Fn(f64) -> bool| {
                numbers.iter().filter(|column| is_so(column[i])).count() as f32
            };
            prop_assert_eq!(features.column(0)[i], count(&f64::is_nan));
            prop_assert_eq!(features.column(1)[i], count(&|v| v == 0.0));
            prop_assert_eq!(features.column(2)[i], count(&|v| v == -4.0));
        }
    }

    #[test]
    fn dates_can_be_put_together_again(days in prop::collection::vec(-700_000_i32..2_900_000, 1..30)) {
        let cells: Vec<Option<i32>> = days.iter().copied().map(Some).collect();
        let table = one_column("d", Column::dates(&cells));
        let features = fit(&DateParts::new(), &table);
        for (i, cell) in cells.iter().enumerate() {
            let part = |j: usize| features.column(j)[i];
            let text = format!("{:04}-{:02}-{:02}", part(0), part(1), part(2));
            let column = table.column("d").unwrap();
            prop_assert_eq!(column.text(i).unwrap(), text);
            prop_assert_eq!(part(5), cell.unwrap() as f32);
            // Monday 1 to Sunday 7; 1970-01-05 was a Monday.
            prop_assert_eq!(part(3), ((cell.unwrap() - 4).rem_euclid(7) + 1) as f32);
        }
    }
}

// Imputers.

#[test]
fn ties_of_the_most_frequent_value_go_to_the_smallest() {
    for values in [[2.0, 2.0, 1.0, 1.0, 9.0], [0.5, 0.25, 0.25, 0.5, NAN]] {
        let fitted = Imputer::most_frequent()
            .fit_rows(numeric(&values).rows(), &FitContext::default())
            .unwrap();
        let expected = if values[0] > 1.0 { 1.0 } else { 0.25 };
        assert_eq!(fitted.fills(), [expected]);
    }
}

#[test]
fn the_weighted_median_halves_the_weight() {
    let table = numeric(&[1.0, 2.5, 10.0, NAN]);
    for (weights, expected) in [
        ([1.0, 1.0, 1.0, 50.0], 2.5),
        ([3.0, 1.0, 1.0, 50.0], 1.0),
        ([2.0, 1.0, 1.0, 50.0], 1.75),
        ([0.2, 0.1, 0.1, 50.0], 1.75),
        ([0.0, 1.0, 1.0, 50.0], 6.25),
    ] {
        let context = FitContext::default().with_weights(Some(&weights));
        let fitted = Imputer::median().fit_rows(table.rows(), &context).unwrap();
        assert_close(fitted.fills()[0], expected, 1e-12);
    }
}

#[test]
fn a_group_without_a_value_gets_what_the_column_gives() {
    let train = Table::new([
        ("g", levels(&["a", "a", "a", "b", "?", "c"])),
        ("x", Column::numeric(vec![1.0, 2.0, 6.0, 40.0, 100.0, NAN])),
    ])
    .unwrap()
    .with_role("g", Role::Ignored)
    .unwrap();
    let weights = [1.0, 1.0, 2.0, 1.0, 1.0, 1.0];
    let context = FitContext::default().with_weights(Some(&weights));
    let imputer = Imputer::mean().by_group("g");
    let fitted = imputer.fit_rows(train.rows(), &context).unwrap();
    let of_column = (1.0 + 2.0 + 12.0 + 40.0 + 100.0) / 6.0;
    assert_eq!(fitted.fill_of_level("x", "a"), Some(3.75));
    assert_eq!(fitted.fill_of_level("x", "b"), Some(40.0));
    assert_close(fitted.fill_of_level("x", "c").unwrap(), of_column, 1e-12);
    assert_eq!(fitted.fill_of_level("x", "z"), None);
    let new = Table::new([
        ("x", Column::numeric(vec![NAN, NAN, NAN, NAN, 5.0, NAN])),
        ("g", levels(&["z", "b", "?", "c", "a", "a"])),
    ])
    .unwrap();
    let features = fitted.transform(new.rows()).unwrap();
    let column = of_column as f32;
    let expected = [column, 40.0, column, column, 5.0, 3.75];
    assert_all_close("groups", features.column(0), &expected, 1e-6);
}

#[test]
fn groups_are_refused_where_they_cannot_be() {
    let context = FitContext::default();
    let table = Table::new([
        ("g", Column::numeric(vec![1.0, 2.0])),
        ("x", Column::numeric(vec![1.0, NAN])),
    ])
    .unwrap();
    let imputer = Imputer::mean().by_group("g");
    let error = imputer.fit_rows(table.rows(), &context).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WrongKind { .. }));
    assert_eq!(error.column(), Some("g"));
    let error = Imputer::mean()
        .by_group("h")
        .fit_rows(table.rows(), &context)
        .unwrap_err();
    assert_eq!(error.column(), Some("h"));
    let features = fit(&Passthrough::new(), &table).assume_in_sample();
    let error = imputer.fit_features(&features, &context).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }));
}

#[test]
fn a_column_all_missing_keeps_its_place_and_says_so() {
    let table = Table::new([
        ("gone", Column::numeric(vec![NAN, NAN])),
        ("x", Column::numeric(vec![1.0, NAN])),
    ])
    .unwrap();
    for (imputer, fill) in [
        (Imputer::median(), 0.0),
        (Imputer::mean().with_all_missing(-5.0), -5.0),
        (Imputer::constant(3.0), 3.0),
    ] {
        let fitted = imputer
            .fit_rows(table.rows(), &FitContext::default())
            .unwrap();
        assert_eq!(fitted.all_missing(), ["gone"]);
        let features = fitted.transform(table.rows()).unwrap();
        assert_eq!(features.column(0), [fill, fill]);
    }
}

#[test]
fn codes_are_filled_with_the_most_frequent_code_and_stay_codes() {
    let fields = vec![Feature::code("c", 4), Feature::number("x")];
    let columns = vec![vec![3.0, 1.0, 1.0, f32::NAN], vec![3.0, 1.0, 1.0, f32::NAN]];
    let features = Features::from_columns(fields, columns)
        .unwrap()
        .assume_in_sample();
    let imputer = Imputer::new(Fill::Mean).with_indicators(Indicators::IfMissing);
    let fitted = imputer
        .fit_features(&features, &FitContext::default())
        .unwrap();
    let filled = fitted.apply(features).unwrap();
    assert_eq!(filled.column(0), [3.0, 1.0, 1.0, 1.0]);
    assert_eq!(filled.column(1)[3], 5.0 / 3.0);
    assert_eq!(filled.column(2), [0.0, 0.0, 0.0, 1.0]);
    let kinds: Vec<FeatureKind> = filled.fields().iter().map(Feature::kind).collect();
    assert_eq!(kinds[0], FeatureKind::Code { n_codes: 4 });
    assert_eq!(kinds[1], FeatureKind::Number);
}

// Scalers.

#[test]
fn a_subsample_is_seeded_and_close() {
    let table = large_table();
    let fit = |scaler: QuantileScaler, seed| {
        let context = FitContext::default().with_seed(Seed::new(seed));
        let fitted = scaler.fit_rows(table.rows(), &context).unwrap();
        fitted.transform(table.rows()).unwrap()
    };
    let all = fit(QuantileScaler::new(), 1);
    let scaler = QuantileScaler::new().with_max_rows(Some(2_000));
    let (once, again, other) = (fit(scaler, 1), fit(scaler, 1), fit(scaler, 2));
    assert_all_close("again", once.as_slice(), again.as_slice(), 0.0);
    assert!(once.column(2)[..9] != other.column(2)[..9]);
    // Kolmogorov's bound at 1 in 10^6: 2.7 / sqrt(1800).
    assert_all_close(
        "all",
        &once.as_slice()[10_000..15_000],
        &all.as_slice()[10_000..15_000],
        0.064,
    );
}

#[test]
fn infinite_features_are_refused_with_column_and_row() {
    let features =
        Features::from_columns(vec![Feature::number("x")], vec![vec![1.0, f32::INFINITY]])
            .unwrap()
            .assume_in_sample();
    let error = StandardScaler::new()
        .fit_features(&features, &FitContext::default())
        .unwrap_err();
    assert_eq!((error.column(), error.row()), (Some("x"), Some(1)));
}

#[test]
fn logarithms_of_new_values_are_refused_with_the_row_of_the_table() {
    let train = numeric(&[0.0, 1.0]);
    let fitted = Log1p::new()
        .fit_rows(train.rows(), &FitContext::default())
        .unwrap();
    let new = numeric(&[5.0, 6.0, -1.0, 7.0]);
    let rows = new.rows().subset(&[3, 2]).unwrap();
    let error = fitted.transform(rows).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"column "x", row 2: expected values above -1, found -1"#
    );
}

#[test]
fn options_outside_their_domain_are_refused() {
    #[track_caller]
    fn refused<T: UnsupervisedTransformer>(transformer: &T, parameter: &str) {
        let table = numeric(&[1.0, 2.0]);
        let fitted = transformer.fit_rows(table.rows(), &FitContext::default());
        match fitted.unwrap_err().kind() {
            ErrorKind::Parameter {
                parameter: found, ..
            } => assert_eq!(found, parameter),
            other => panic!("{other}"),
        }
    }
    refused(&Imputer::constant(NAN), "constant");
    refused(
        &Imputer::mean().with_all_missing(f64::INFINITY),
        "all_missing",
    );
    refused(&MinMaxScaler::new().with_range(1.0, 1.0), "range");
    let robust = RobustScaler::new().with_quantile_range(0.5, 1.5);
    refused(&robust, "quantile range");
    refused(&Winsorizer::new().with_quantiles(0.9, 0.1), "quantiles");
    refused(&QuantileScaler::new().with_n_quantiles(0), "n_quantiles");
    refused(&QuantileScaler::new().with_max_rows(Some(0)), "max_rows");
    refused(&RowCounts::new("n"), "counts");
    refused(&RowCounts::new("n").equal(NAN), "equal");
}

#[test]
fn weights_of_another_length_are_refused() {
    let context = FitContext::default().with_weights(Some(&[1.0]));
    let table = numeric(&[1.0, 2.0]);
    assert!(Imputer::mean().fit_rows(table.rows(), &context).is_err());
    assert!(
        StandardScaler::new()
            .fit_rows(table.rows(), &context)
            .is_err()
    );
}

// Dates, row counts.

#[test]
fn a_datetime_has_an_hour_before_1970_too() {
    // 1969-12-31T22:30 (a Wednesday) and 2024-02-29T05:07 (a Thursday).
    let minutes = [-90_i64, (19_782 * 24 + 5) * 60 + 7];
    let cells = minutes.map(|m| Some(m * 60_000));
    let table = one_column("t", Column::datetimes(&cells));
    let features = fit(&DateParts::new(), &table);
    let names: Vec<&str> = features.names().collect();
    assert_eq!(
        names,
        [
            "t_year",
            "t_month",
            "t_day",
            "t_weekday",
            "t_day_of_year",
            "t_days",
            "t_hour",
            "t_minute"
        ]
    );
    let row = |i: u32| features.take(&[i]).as_slice().to_vec();
    assert_eq!(row(0), [1969.0, 12.0, 31.0, 3.0, 365.0, -1.0, 22.0, 30.0]);
    assert_eq!(row(1), [2024.0, 2.0, 29.0, 4.0, 60.0, 19_782.0, 5.0, 7.0]);
}

#[test]
fn days_count_from_the_origin() {
    let parts = DateParts::new().with_parts([DatePart::Days, DatePart::Hour, DatePart::Days]);
    let table = Table::new([
        ("d", Column::dates(&[Some(12), None, Some(10)])),
        ("gone", Column::dates(&[None, None, None])),
    ])
    .unwrap();
    for (origin, expected) in [
        (Origin::Epoch, 12.0),
        (Origin::FirstDay, 2.0),
        (Origin::Day(-3), 15.0),
    ] {
        let features = fit(&parts.clone().with_origin(origin), &table);
        assert_eq!(features.n_features(), 2);
        assert_eq!(features.column(0)[0], expected);
        assert!(features.column(0)[1].is_nan() && features.column(1)[0].is_nan());
    }
}

#[test]
fn dates_out_of_range_are_refused_with_column_and_row() {
    let context = FitContext::default();
    for (good, bad) in [(2_932_896, 2_932_897), (-719_162, -719_163)] {
        let column = Column::dates(&[None, Some(good)]);
        fit(&DateParts::new(), &one_column("d", column));
        let column = Column::dates(&[None, Some(bad)]);
        let error = DateParts::new()
            .fit_rows(one_column("d", column).rows(), &context)
            .unwrap_err();
        assert_eq!((error.column(), error.row()), (Some("d"), Some(1)));
    }
    let error = DateParts::new()
        .fit_rows(numeric(&[1.0]).rows(), &context)
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WrongKind { .. }));
}

#[test]
fn counts_look_at_kinds() {
    let table = Table::new([
        ("n", Column::numeric(vec![0.0, 1.0, NAN])),
        ("b", Column::boolean(&[Some(false), Some(true), None])),
        ("d", Column::dates(&[Some(0), Some(1), None])),
        ("s", levels(&["0", "1", "?"])),
    ])
    .unwrap();
    let counts = RowCounts::new("n").missing().zeros().equal(1.0);
    let features = fit(&counts.clone().equal_level("0"), &table);
    assert_eq!(features.column(0), [0.0, 0.0, 4.0]);
    assert_eq!(features.column(1), [2.0, 0.0, 0.0]);
    assert_eq!(features.column(2), [0.0, 2.0, 0.0]);
    assert_eq!(features.column(3), [1.0, 0.0, 0.0]);
    let error = counts
        .equal_level("1")
        .fit_rows(table.rows(), &FitContext::default())
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DuplicateColumn));
    assert_eq!(error.column(), Some("n_eq_1"));
}

#[test]
fn counts_go_on_over_chunks_and_subsets() {
    let n = 20_000;
    let values: Vec<f64> = (0..n).map(|i| f64::from(i % 3)).collect();
    let table = numeric(&values);
    let odd: Vec<u32> = (0..n as u32).filter(|i| i % 2 == 1).collect();
    let counts = RowCounts::new("n").zeros();
    let all = fit(&counts, &table);
    let fitted = counts
        .fit_rows(table.rows(), &FitContext::default())
        .unwrap();
    let some = fitted
        .transform(table.rows().subset(&odd).unwrap())
        .unwrap();
    for i in 0..n as usize {
        assert_eq!(all.column(0)[i] == 1.0, i % 3 == 0);
    }
    assert_eq!(some.as_slice(), all.take(&odd).as_slice());
}

#[test]
fn spreads_that_are_rounding_alone_are_none() {
    let context = FitContext::default();
    let transformed =
        |scaler: &dyn stackfold::transform::DynTransformer<Values>, x: &[f64], new: &[f64]| {
            let (table, new) = (numeric(x), numeric(new));
            let target = Values::new((0..x.len()).map(|i| i as f64).collect::<Vec<_>>()).unwrap();
            let train = Train::new(&table, &target).unwrap();
            let (fitted, _) = scaler.fit_transform_dyn(train).unwrap();
            fitted.transform(new.rows()).unwrap().column(0).to_vec()
        };
    let robust = RobustScaler::new();
    let scalers: [&dyn stackfold::transform::DynTransformer<Values>; 3] =
        [&StandardScaler::new(), &MinMaxScaler::new(), &robust];
    // scikit-learn 1.9: 14.62 becomes 0; 0.3 and 0.1 + 0.2 are one number; tiny ones have no spread.
    let same = [14.62; 1000];
    let rounded: Vec<f64> = (0..1000)
        .map(|i| if i % 2 == 0 { 0.3 } else { 0.1 + 0.2 })
        .collect();
    let tiny = [0.0, 1e-310, 2e-310, 5e-310];
    for scaler in scalers {
        let found = transformed(scaler, &same, &[14.62, 15.0]);
        assert_eq!(found[0], 0.0, "{scaler:?}");
        assert_close(f64::from(found[1]), 0.38, 1e-6);
        let found = transformed(scaler, &rounded, &[0.3, 0.1 + 0.2, 0.4]);
        for (found, expected) in found.into_iter().zip([0.0, 0.0, 0.1]) {
            assert_close(f64::from(found), expected, 1e-7);
        }
        assert_eq!(transformed(scaler, &tiny, &tiny), [0.0; 4], "{scaler:?}");
    }
    let wide = MinMaxScaler::new().with_range(-1e10, 1e10);
    let found = transformed(&wide, &[0.0, 1e-300], &[0.0, 1e-300]);
    assert!(found.iter().all(|x| x.is_finite()), "{found:?}");
    assert_eq!(
        transformed(&MaxAbsScaler::new(), &tiny, &tiny),
        [0.0, 0.2, 0.4, 1.0]
    );
    // Small numbers, and small spreads of large ones, are more than rounding.
    let fitted = StandardScaler::new().fit_rows(numeric(&[1e-100, 3e-100]).rows(), &context);
    assert_close(fitted.unwrap().scales()[0] / 1e-100, 1.0, 1e-12);
    let fitted = StandardScaler::new().fit_rows(numeric(&[1e9, 1e9 + 2e-4]).rows(), &context);
    assert_close(fitted.unwrap().scales()[0], 1e-4, 1e-3);
}

#[test]
fn made_names_differ_from_those_that_are_there() {
    let context = FitContext::default();
    let table = Table::new([
        ("age", Column::numeric(vec![1.0, NAN, 3.0])),
        ("age_missing", Column::numeric(vec![NAN, 1.0, 0.0])),
    ])
    .unwrap();
    let imputer = Imputer::median().with_indicators(Indicators::IfMissing);
    let fitted = imputer.fit_rows(table.rows(), &context).unwrap();
    let features = fitted.transform(table.rows()).unwrap();
    let names: Vec<&str> = features.names().collect();
    assert_eq!(
        names,
        ["age", "age_missing", "age_missing_2", "age_missing_missing"]
    );
    assert_eq!(features.column(1), [0.5, 1.0, 0.0]);
    assert_eq!(features.column(2), [0.0, 1.0, 0.0]);
    // In batches, with the columns apart.
    let source = TableBatches::new(&table, 2);
    for limit in [None, Some(200)] {
        let batched = BatchedTable::new(&source).unwrap().with_memory_limit(limit);
        let fitted = imputer.fit_batched_rows(&batched, &context).unwrap();
        let found = fitted.transform(table.rows()).unwrap();
        assert_eq!(found.names().collect::<Vec<_>>(), names);
        assert_eq!(found.as_slice(), features.as_slice());
    }
    // In a table's model.
    let target = Labels::from_strs(&["a", "b", "a"]).unwrap();
    let model = Pipeline::new(imputer, stackfold::model::baseline::Prior::new());
    assert!(model.fit(Train::new(&table, &target).unwrap()).is_ok());

    let table = Table::new([
        ("c", Column::dates(&[Some(1)])),
        ("c_day_of", Column::dates(&[Some(1)])),
    ])
    .unwrap();
    let parts = DateParts::new().with_parts([DatePart::DayOfYear, DatePart::Year]);
    let fitted = parts.fit_rows(table.rows(), &context).unwrap();
    let names: Vec<&str> = fitted.fields().iter().map(Feature::name).collect();
    assert_eq!(
        names,
        [
            "c_day_of_year",
            "c_year",
            "c_day_of_day_of_year",
            "c_day_of_year_2"
        ]
    );
}
