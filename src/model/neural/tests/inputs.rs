//! From features to inputs.

use super::*;
use crate::data::{Feature, Features, OutOfSample, RowIndex};
use crate::model::neural::NumericScaling;
use crate::model::neural::inputs::{InputOptions, Inputs};

const OPTIONS: InputOptions = InputOptions {
    scaling: NumericScaling::Standard,
    embedding: NumericEmbedding::None,
    min_level_count: 2,
};
const PIECES: NumericEmbedding = NumericEmbedding::PiecewiseLinear { n_bins: 4, size: 2 };
const GAP: f32 = f32::NAN;

fn one(field: Feature, values: &[f32]) -> Features<OutOfSample> {
    Features::from_columns(vec![field], vec![values.to_vec()]).unwrap()
}

fn rows_of(inputs: &Inputs, field: &Feature, values: &[f32]) -> Vec<u32> {
    match inputs
        .encode(&one(field.clone(), values))
        .unwrap()
        .lookups
        .remove(0)
    {
        Lookup::Rows(rows) => rows,
        Lookup::Places(_) => panic!("no levels"),
    }
}

/// Rows are numbered as levels first occur; rare, unseen and impossible codes read the first.
#[test]
fn of_levels() {
    let field = Feature::code("code", 6);
    let values = [4.0, 2.0, GAP, 2.0, 4.0, 0.0, GAP, 4.0];
    let x = one(field.clone(), &values);
    let inputs = Inputs::new(&x, RowIndex::All(8), None, OPTIONS).unwrap();
    let (table, levels) = inputs.levels(0).unwrap();
    assert_eq!((table, &levels.counts[..]), (0, &[1, 3, 2, 2][..]));
    assert_eq!(levels.missing_row, 3);
    let odd = [
        4.0, 2.0, GAP, 0.0, 1.0, 5.0, 6.0, 1e9, -1.0, -0.5, 2.5, 4e18, -0.0,
    ];
    let expected = [1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(rows_of(&inputs, &field, &odd), expected);
    // Only of the rows that are learned from: the first level is not among them.
    let learned = [1, 3, 5, 6];
    let inputs = Inputs::new(&x, RowIndex::Some(&learned), None, OPTIONS).unwrap();
    let (_, levels) = inputs.levels(0).unwrap();
    assert_eq!((&levels.counts[..], levels.missing_row), (&[2, 2][..], 0));
    assert_eq!(rows_of(&inputs, &field, &values), [0, 1, 0, 1, 0, 0, 0, 0]);
    // No code at all.
    let none = Feature::code("none", 0);
    let x = one(none.clone(), &[GAP, 1.0, GAP]);
    let inputs = Inputs::new(&x, RowIndex::All(3), None, OPTIONS).unwrap();
    assert_eq!(rows_of(&inputs, &none, &[GAP, 0.0, 1.0]), [1, 0, 0]);
}

#[test]
fn of_numbers() {
    let fields = vec![
        Feature::number("full"),
        Feature::number("gaps"),
        Feature::number("one"),
    ];
    let columns = vec![
        vec![1.0, 2.0, 3.0, 6.0],
        vec![2.0, GAP, 4.0, GAP],
        vec![7.0, 7.0, 7.0, 7.0],
    ];
    let x = Features::from_columns(fields, columns).unwrap();
    let inputs = Inputs::new(&x, RowIndex::All(4), None, OPTIONS).unwrap();
    // A mark for the feature that has missing values.
    assert_eq!((inputs.n_scaled(), inputs.n_numbers()), (3, 4));
    let deviation = 3.5_f32.sqrt();
    let expected = [
        [-2.0 / deviation, -1.0, 0.0, 0.0],
        [-1.0 / deviation, 0.0, 0.0, 1.0],
        [0.0, 1.0, 0.0, 0.0],
        [3.0 / deviation, 0.0, 0.0, 1.0],
    ];
    let encoded = inputs.encode(&x).unwrap();
    for (found, expected) in encoded.numbers.iter().zip(expected.as_flattened()) {
        assert!((found - expected).abs() < 1e-6, "{:?}", encoded.numbers);
    }
    // Missing where training had none, and a constant that is not.
    let (mut numbers, row) = ([9.0; 4], [GAP, GAP, 8.0]);
    inputs.encode_row(&row, &mut numbers, |_, _| panic!("no table"));
    assert_eq!(numbers, [0.0, 0.0, 0.0, 1.0]);
}

/// Numbers that are too far from the training values for 32 bits are far, but finite.
#[test]
fn of_numbers_far_away() {
    let field = Feature::number("x");
    let x = one(field.clone(), &[0.0, 1e-30, 2e-30]);
    let far = one(field, &[f32::MAX, 1e-30, f32::MIN]);
    let inputs = Inputs::new(&x, RowIndex::All(3), None, OPTIONS).unwrap();
    let encoded = inputs.encode(&far).unwrap();
    assert_eq!(encoded.numbers, [1e6, 0.0, -1e6]);
}

/// The least numbers above 0 are told apart from 0, and what is between them is between.
#[test]
fn of_the_smallest_numbers() {
    let field = Feature::number("x");
    let least = f32::from_bits(1);
    let values = [0.0, least, 3.0 * least, 4.0 * least];
    let x = one(field.clone(), &values);
    let options = InputOptions {
        scaling: NumericScaling::Quantile,
        ..OPTIONS
    };
    let inputs = Inputs::new(&x, RowIndex::All(4), None, options).unwrap();
    let numbers = inputs.encode(&x).unwrap().numbers;
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let between = one(field, &[2.0 * least]);
    let between = inputs.encode(&between).unwrap().numbers[0];
    assert!((between - f32::midpoint(numbers[1], numbers[2])).abs() < 1e-6);
}

/// Cosines and sines of numbers are those of 64 bits, whichever quarter of a turn they are in.
#[test]
fn of_waves() {
    use crate::model::neural::periodic::Periodic;
    let mut periodic = Periodic::new(1, 1.0, 1, Seed::new(0));
    periodic.frequencies[0] = 1.0;
    let exact = (-64..=64).map(|i| i as f32 / 16.0);
    let others = (0..1_000).map(|i| 20.0 * Seed::new(2).normal(i) as f32);
    let mut waves = [0.0; 2];
    for t in exact.chain(others) {
        periodic.waves(t, &mut waves);
        let (sin, cos) = (std::f64::consts::TAU * f64::from(t)).sin_cos();
        let error = |found: f32, expected: f64| (f64::from(found) - expected).abs();
        assert!(error(waves[0], cos) < 1e-6, "cos {t}: {}", waves[0]);
        assert!(error(waves[1], sin) < 1e-6, "sin {t}: {}", waves[1]);
    }
}

/// By place among the training values, whatever their scale; weights count.
#[test]
fn of_quantiles() {
    let options = InputOptions {
        scaling: NumericScaling::Quantile,
        ..OPTIONS
    };
    let n = 501;
    let field = Feature::number("x");
    let values: Vec<f32> = (0..n).map(|i| ((i * 37 % n) as f32 / 50.0).exp()).collect();
    let x = one(field.clone(), &values);
    let inputs = Inputs::new(&x, RowIndex::All(n), None, options).unwrap();
    let numbers = inputs.encode(&x).unwrap().numbers;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    for (place, &i) in order.iter().enumerate() {
        let p = (place as f64 + 0.5) / n as f64;
        let normal = crate::numeric::normal::inverse_normal(p) as f32;
        assert!(
            (numbers[i] - normal).abs() < 1e-3,
            "{} {normal}",
            numbers[i]
        );
    }
    // Beyond the ends it stays; a missing value is in the middle.
    let beyond = one(field.clone(), &[-1e30, 1e30, GAP]);
    let ends = inputs.encode(&beyond).unwrap().numbers;
    assert_eq!(ends, [numbers[order[0]], numbers[order[n - 1]], 0.0]);
    // Half of the weight at one value, which is then the middle.
    let weights: Vec<f64> = order
        .iter()
        .map(|&i| if i == 0 { 501.0 } else { 1.0 })
        .collect();
    let heavy = one(
        field,
        &order.iter().map(|&i| i as f32).collect::<Vec<f32>>(),
    );
    let inputs = Inputs::new(&heavy, RowIndex::All(n), Some(&weights), options).unwrap();
    let numbers = inputs.encode(&heavy).unwrap().numbers;
    let first = order.iter().position(|&i| i == 0).unwrap();
    let last = order.iter().position(|&i| i == n - 1).unwrap();
    assert!((numbers[first] + 0.674).abs() < 0.02, "{}", numbers[first]);
    assert!(numbers[last] > 2.5);
}

#[test]
fn of_knots() {
    let field = Feature::number("x");
    let places = |x: &[f32], at: &[f32]| {
        let options = InputOptions {
            embedding: PIECES,
            ..OPTIONS
        };
        let x = one(field.clone(), x);
        let inputs = Inputs::new(&x, RowIndex::All(x.n_rows()), None, options).unwrap();
        match inputs
            .encode(&one(field.clone(), at))
            .unwrap()
            .lookups
            .remove(0)
        {
            Lookup::Places(places) => places,
            Lookup::Rows(_) => panic!("no knots"),
        }
    };
    // Knots are 0, 1, 2, 3 and 4.
    let at = [0.0, 0.5, 1.0, 2.75, 4.0, -9.0, 9.0, -1e38, 3e38];
    let found = places(&[0.0, 1.0, 2.0, 3.0, 4.0], &at);
    assert_eq!(found, [0.0, 0.5, 1.0, 2.75, 4.0, 0.0, 4.0, 0.0, 4.0]);
    // Equal values are one knot: 0, 1 and 5.
    let found = places(&[0.0, 1.0, 1.0, 1.0, 5.0], &[0.5, 1.0, 3.0, 5.0]);
    assert_eq!(found, [0.5, 1.0, 1.5, 2.0]);
    // A constant, and nothing but missing values, have one knot.
    assert_eq!(places(&[7.0, 7.0], &[6.0, 7.0, 8.0]), [0.0, 0.0, 0.0]);
    let found = places(&[GAP, GAP], &[6.0, GAP]);
    assert!(found[0] == 0.0 && found[1].is_nan());
    // The widest numbers there are.
    let found = places(&[-3e38, 3e38], &[-3e38, 0.0, 3e38]);
    assert_eq!(found, [0.0, 0.5, 1.0]);
}

/// The place of a table among those of the features before.
#[test]
fn tables_are_in_the_order_of_features() {
    let fields = vec![
        Feature::number("a"),
        Feature::code("b", 2),
        Feature::number("c"),
        Feature::code("d", 2),
    ];
    let column = vec![0.0, 0.0, 1.0, 1.0];
    let x = Features::from_columns(fields, vec![column; 4]).unwrap();
    for (embedding, tables) in [(NumericEmbedding::None, [0, 1]), (PIECES, [1, 3])] {
        let options = InputOptions {
            embedding,
            ..OPTIONS
        };
        let inputs = Inputs::new(&x, RowIndex::All(4), None, options).unwrap();
        let found = [1, 3].map(|j| inputs.levels(j).unwrap().0);
        assert_eq!(found, tables);
        assert!(inputs.levels(0).is_none() && inputs.levels(2).is_none());
        let shapes = inputs.tables(|feature, _| feature + 1);
        assert_eq!([shapes[tables[0]].size, shapes[tables[1]].size], [2, 4]);
    }
}
