//! Numbers that lie farther from 0 than `f32` can tell them apart: Unix times, stamps, coordinates,
//! targets with an offset.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tests panic when they fail, and cast small numbers"
)]

use stackfold::data::batches::{BatchedTable, TableBatches, TrainBatches};
use stackfold::data::{Feature, FitContext};
use stackfold::metrics::binary::roc_auc;
use stackfold::model::hist::{HighCardinality, HistGradientBoosting};
use stackfold::prelude::*;
use stackfold::transform::encode::{
    LeaveOneOutEncoder, Noise, OrderedTargetEncoder, Smoothing, TargetEncoder,
};
use stackfold::transform::impute::{Imputer, Indicators};
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::scale::{Log1p, StandardScaler, Winsorizer};
use stackfold::transform::{
    ColumnTransformer, DynTransformer, Placement, Selector, UnsupervisedTransformer,
};

use crate::support::{assert_close, binary, one_column};

/// Seconds.
const N: i64 = 1_200;
/// What is added to targets.
const OFFSET: f64 = 1.7e9;

/// Twenty minutes as numbers of several kinds, by second, from 2023-11-14 22:13:20 on.
fn times() -> Vec<(&'static str, Vec<i64>)> {
    let seconds = |factor: i64| (0..N).map(|i| factor * (1_700_000_000 + i)).collect();
    // Every ten minutes as YYYYMMDDhhmmss.
    let stamp = |i: i64| {
        let minute = 22 * 60 + 13 + 10 * i;
        let (day, minute) = (14 + minute / 1440, minute % 1440);
        20_231_100_000_020 + day * 1_000_000 + minute / 60 * 10_000 + minute % 60 * 100
    };
    vec![
        ("seconds", seconds(1)),
        ("milliseconds", seconds(1_000)),
        ("nanoseconds", seconds(1_000_000_000)),
        ("stamp", (0..N).map(stamp).collect()),
        ("coordinate", (0..N).map(|i| 54_000_000 + i).collect()),
    ]
}

fn integers(values: impl Iterator<Item = i64>) -> Column {
    Column::integers(&values.map(Some).collect::<Vec<_>>())
}

/// The class changes from minute to minute, at random.
fn labels(rows: &[usize]) -> Labels {
    let class = |&i: &usize| u32::from(Seed::new(8).hash(i as u64 / 60).is_multiple_of(2));
    binary(&rows.iter().map(class).collect::<Vec<_>>())
}

#[test]
fn boosting_tells_minutes_apart_whatever_numbers_count_them() {
    // Every third second or so is new.
    let (train, new): (Vec<usize>, Vec<usize>) =
        (0..N as usize).partition(|&i| !Seed::new(1).hash(i as u64).is_multiple_of(3));
    let (y, expected) = (labels(&train), labels(&new));
    let positive: Vec<bool> = expected.codes().iter().map(|&code| code == 1).collect();
    for (name, t) in times() {
        let table = |rows: &[usize]| one_column("t", integers(rows.iter().map(|&i| t[i])));
        let (table, new) = (table(&train), table(&new));
        let train = Train::new(&table, &y).unwrap();
        let auc = |predicted: Probabilities| roc_auc(&positive, predicted.column(1), None).unwrap();
        // LightGBM and scikit-learn's HistGradientBoosting, which bin 64 bits, get 0.986 to 1.
        let model = Pipeline::new(Passthrough::new(), HistGradientBoosting::new());
        let found = auc(model.fit(train).unwrap().predict(new.rows()).unwrap());
        assert!(found > 0.98, "{name}: {found}");
        let filled = Imputer::median().with_indicators(Indicators::All);
        let model = Pipeline::new(filled, HistGradientBoosting::new());
        let found = auc(model.fit(train).unwrap().predict(new.rows()).unwrap());
        assert!(found > 0.98, "{name}, filled: {found}");
    }
}

#[test]
fn features_are_less_an_origin_that_new_rows_share() {
    let context = FitContext::default();
    for (name, t) in times() {
        let mut cells: Vec<Option<i64>> = t.into_iter().map(Some).collect();
        for cell in cells.iter_mut().step_by(7) {
            *cell = None;
        }
        let table = one_column("t", Column::integers(&cells));
        let fitted = Passthrough::new().fit_rows(table.rows(), &context).unwrap();
        let moved = fitted.moved();
        let [(feature, Placement::Less(origin))] = &moved[..] else {
            panic!("{name}: {moved:?}");
        };
        assert_eq!(feature, "t");
        let features = fitted.transform(table.rows()).unwrap();
        for (cell, &x) in cells.iter().zip(features.column(0)) {
            let expected = cell.map_or(f64::NAN, |t| t as f64 - origin);
            assert_close(f64::from(x), expected, 1e-7);
        }
        // One row alone, and the rows in batches.
        let one = fitted
            .transform(table.rows().subset(&[5]).unwrap())
            .unwrap();
        assert_eq!(one.column(0)[0].to_bits(), features.column(0)[5].to_bits());
        let target = Values::new((0..N).map(|i| i as f64).collect::<Vec<_>>()).unwrap();
        let source = TableBatches::new(&table, 100);
        let batched = BatchedTable::new(&source).unwrap();
        let train = TrainBatches::new(&batched, &target).unwrap();
        assert_eq!(
            Passthrough::new().fit_batches(train).unwrap().moved(),
            moved
        );
        // What is fitted can be written down.
        let text = serde_json::to_string(&fitted).unwrap();
        let read: stackfold::transform::passthrough::FittedPassthrough =
            serde_json::from_str(&text).unwrap();
        assert_eq!(read.moved(), moved);
    }
}

#[test]
fn what_keeps_its_scale_keeps_its_numbers() {
    let context = FitContext::default();
    let cells = (0..N).map(|i| (i % 9 > 0).then_some(1_700_000_000 + i));
    let table = one_column("t", Column::integers(&cells.collect::<Vec<_>>()));
    let fitted = Imputer::median().fit_rows(table.rows(), &context).unwrap();
    let [fill] = fitted.fills() else { panic!() };
    let [(_, Placement::Less(origin))] = fitted.moved()[..] else {
        panic!()
    };
    let features = fitted.transform(table.rows()).unwrap();
    assert_close(f64::from(features.column(0)[0]), fill - origin, 1e-7);

    // A scaler behind an imputer sees what one without sees, missing cells aside.
    let target = Values::new((0..N).map(|i| i as f64).collect::<Vec<_>>()).unwrap();
    let train = Train::new(&table, &target).unwrap();
    let chain = Imputer::mean().then(StandardScaler::new());
    let (chain, _) = chain.fit_transform(train).unwrap();
    let found = chain.transform(table.rows()).unwrap();
    let direct = StandardScaler::new()
        .fit_rows(table.rows(), &context)
        .unwrap();
    let direct = direct.transform(table.rows()).unwrap();
    // Cells filled with the mean make the deviation smaller.
    let share = (0..N).filter(|i| i % 9 > 0).count() as f64 / N as f64;
    for row in (0..N as usize).filter(|row| row % 9 > 0) {
        let expected = f64::from(direct.column(0)[row]) / share.sqrt();
        assert_close(f64::from(found.column(0)[row]), expected, 1e-5);
    }

    let distinct = |fitted: &dyn FittedTransformer| {
        let features = fitted.transform(table.rows()).unwrap();
        let mut column: Vec<u32> = features.column(0).iter().map(|x| x.to_bits()).collect();
        column.sort_unstable();
        column.dedup();
        column.len()
    };
    // One for each present value, and one for missing cells.
    let n = (0..N).filter(|i| i % 9 > 0).count();
    let winsorizer = Winsorizer::new().with_quantiles(0.0, 1.0);
    let winsorizer = winsorizer.fit_rows(table.rows(), &context).unwrap();
    assert_eq!(distinct(&winsorizer), n + 1);
    let logarithm = Log1p::new().fit_rows(table.rows(), &context).unwrap();
    assert_eq!(distinct(&logarithm), n + 1);

    // Steps by side tell the names under which features come out.
    let all = ColumnTransformer::new()
        .with("small", Selector::prefix("no"), Passthrough::new())
        .with("time", Selector::all(), Passthrough::new());
    let (all, _) = all.fit_transform(train).unwrap();
    assert_eq!(
        all.moved(),
        [("time__t".to_owned(), Placement::Less(origin))]
    );
}

/// 60 levels, the target of each around a mean of its own, and what is added to it.
fn levels_and_values(offset: f64) -> (Table, Values) {
    let n = 3_000;
    let draw = |name: &str, i: usize| Seed::new(4).child(name).at(i);
    let level = |i: usize| (draw("level", i).value() % 60) as usize;
    let names: Vec<String> = (0..60).map(|level| format!("L{level}")).collect();
    let column = Column::categorical((0..n).map(|i| Some(names[level(i)].as_str())));
    let mean = |level: usize| 8.0 * Seed::new(5).normal(level as u64);
    let value = |i: usize| offset + mean(level(i)) + draw("noise", i).normal(0);
    (
        one_column("level", column),
        Values::new((0..n).map(value).collect::<Vec<_>>()).unwrap(),
    )
}

/// The root of the mean squared distance of values from their least-squares line over a feature.
fn error_of_line(x: &[f32], y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n;
    let (x_mean, y_mean) = (
        mean(&mut x.iter().map(|&x| f64::from(x))),
        mean(&mut y.iter().copied()),
    );
    let pairs = || {
        x.iter()
            .map(|&x| f64::from(x) - x_mean)
            .zip(y.iter().map(|y| y - y_mean))
    };
    let slope = pairs().map(|(x, y)| x * y).sum::<f64>() / pairs().map(|(x, _)| x * x).sum::<f64>();
    mean(&mut pairs().map(|(x, y)| (y - slope * x).powi(2))).sqrt()
}

#[test]
fn encoders_of_a_target_far_from_0_give_what_they_give_of_one_around_0() {
    let loo = || LeaveOneOutEncoder::new().with_noise(Noise::None);
    let encoders: Vec<(&str, Box<dyn DynTransformer<Values>>)> = vec![
        ("target", Box::new(TargetEncoder::new())),
        (
            "fixed",
            Box::new(TargetEncoder::new().with_smoothing(Smoothing::Fixed(3.0))),
        ),
        ("leave-one-out", Box::new(loo())),
        (
            "noise",
            Box::new(LeaveOneOutEncoder::new().with_noise(Noise::Additive(0.1))),
        ),
        ("nested", Box::new(loo().nested())),
        ("ordered", Box::new(OrderedTargetEncoder::new())),
    ];
    let (table, near) = levels_and_values(0.0);
    let (_, far) = levels_and_values(OFFSET);
    for (name, encoder) in encoders {
        let fit = |target: &Values| {
            let train = Train::new(&table, target).unwrap();
            let (fitted, train) = encoder.fit_transform_dyn(train).unwrap();
            let new = fitted.transform(table.rows()).unwrap();
            (fitted.moved(), train, new)
        };
        let (moved, train_near, new_near) = fit(&near);
        assert!(moved.is_empty(), "{name}");
        let (moved, train_far, new_far) = fit(&far);
        let [(_, Placement::Less(origin))] = moved[..] else {
            panic!("{name}: {moved:?}");
        };
        // The same distance for all rows, in training or not.
        let distance = OFFSET - origin;
        let pairs = |near: &[f32], far: &[f32]| {
            for (&near, &far) in near.iter().zip(far) {
                assert_close(f64::from(far), f64::from(near) + distance, 1e-4);
            }
        };
        pairs(train_near.column(0), train_far.column(0));
        pairs(new_near.column(0), new_far.column(0));
        for (features, y) in [(&new_near, &near), (&new_far, &far)] {
            let error = error_of_line(features.column(0), y.as_slice());
            assert!((0.97..1.05).contains(&error), "{name}: {error}");
        }
    }
}

#[test]
fn learners_of_a_target_far_from_0_do_as_well() {
    let (table, far) = levels_and_values(OFFSET);
    let (codes, _) = table.column("level").unwrap().codes().unwrap();
    let codes: Vec<f32> = codes.iter().map(|&code| code as f32).collect();
    let x = Features::from_columns(vec![Feature::code("level", 60)], vec![codes]).unwrap();
    let ordered = HighCardinality::OrderedStatistic { more_than: 20 };
    for model in [
        HistGradientBoosting::new(),
        HistGradientBoosting::new().with_high_cardinality(ordered),
    ] {
        let fitted = model
            .fit(&x.clone().assume_in_sample(), &far, &FitContext::default())
            .unwrap();
        let predicted = fitted.predict(&x).unwrap();
        let rows = predicted.as_slice().iter().zip(far.as_slice());
        let squares: f64 = rows.map(|(p, y)| (p - y) * (p - y)).sum();
        let error = (squares / far.as_slice().len() as f64).sqrt();
        assert!((0.9..1.1).contains(&error), "{error}");
    }
}
