//! Where the knots of piecewise linear embeddings are.

use proptest::prelude::*;

use crate::data::RowIndex;
use crate::model::neural::inputs::Knots;

const GAP: f32 = f32::NAN;

fn knots(values: &[f32], n_bins: usize) -> Vec<f32> {
    Knots::new(values, RowIndex::All(values.len()), None, n_bins).0
}

fn weighted(pairs: &[(f32, f64)], n_bins: usize) -> Vec<f32> {
    let (values, weights): (Vec<f32>, Vec<f64>) = pairs.iter().copied().unzip();
    let rows = RowIndex::All(values.len());
    Knots::new(&values, rows, Some(&weights), n_bins).0
}

/// Few values are a knot each, however many rows they have, and in whatever order they are.
#[test]
fn of_few_values() {
    assert_eq!(knots(&[3.0, 1.0, 3.0, 2.0, GAP, 3.0], 2), [1.0, 2.0, 3.0]);
    assert_eq!(knots(&[7.0; 9], 1), [7.0]);
    assert_eq!(
        knots(&[f32::MAX, f32::MIN, f32::MAX], 8),
        [f32::MIN, f32::MAX]
    );
    assert_eq!(knots(&[1.0, 2.0, 3.0], usize::MAX), [1.0, 2.0, 3.0]);
    // No value at all: a place for what comes in prediction.
    assert_eq!(knots(&[GAP, GAP], 3), [0.0]);
    assert_eq!(knots(&[], 3), [0.0]);
}

/// 0 and -0 are the same number.
#[test]
fn of_both_zeros() {
    assert_eq!(knots(&[0.0, -0.0, 1.0, 0.0, -0.0], 1), [0.0, 1.0]);
    let both = knots(&[-0.0, 0.0, 1.0, 2.0, 3.0], 3);
    assert_eq!(both, [0.0, 1.0, 2.0, 3.0]);
    // Together they have a third of six rows, which alone neither has.
    assert_eq!(
        knots(&[-1.0, 0.0, -0.0, 1.0, 2.0, 3.0], 3),
        [-1.0, 0.0, 1.0, 3.0]
    );
}

/// Ten values of one row each in four pieces: 2.5, 5 and 7.5 of ten rows are passed at the third,
/// the fifth and the eighth.
#[test]
fn divide_rows_evenly() {
    let values: Vec<f32> = (0..10).map(|i| (i * 7 % 10) as f32).collect();
    assert_eq!(knots(&values, 4), [0.0, 2.0, 4.0, 7.0, 9.0]);
    assert_eq!(knots(&values, 2), [0.0, 4.0, 9.0]);
    assert_eq!(knots(&values, 1), [0.0, 9.0]);
    // The rows that are not learned from do not count.
    let learned: Vec<u32> = (0..5).collect();
    let some = Knots::new(&values, RowIndex::Some(&learned), None, 2).0;
    // 0, 7, 4, 1 and 8.
    assert_eq!(some, [0.0, 4.0, 8.0]);
}

/// Of 100 rows 90 are 0, which is a knot; three pieces remain for the other ten rows, a third of
/// which are passed at the fourth and at the seventh.
#[test]
fn of_values_that_are_mostly_zero() {
    let values: Vec<f32> = (0..90)
        .map(|_| 0.0)
        .chain((1..=10).map(|i| i as f32))
        .collect();
    assert_eq!(knots(&values, 4), [0.0, 1.0, 4.0, 7.0, 10.0]);
    // On either side of 0.
    let values: Vec<f32> = (-5..=5)
        .flat_map(|i| std::iter::repeat_n(i as f32, if i == 0 { 90 } else { 1 }))
        .collect();
    assert_eq!(knots(&values, 4), [-5.0, -2.0, 0.0, 2.0, 5.0]);
}

/// A weight counts as so many rows, and none as no row.
#[test]
fn of_weights() {
    let pairs: Vec<(f32, f64)> = (0..8).map(|i| (i as f32, f64::from(i % 3))).collect();
    let rows: Vec<f32> = pairs
        .iter()
        .flat_map(|&(value, weight)| std::iter::repeat_n(value, weight as usize))
        .collect();
    for n_bins in 1..6 {
        assert_eq!(weighted(&pairs, n_bins), knots(&rows, n_bins), "{n_bins}");
    }
    assert_eq!(weighted(&[(1.0, 0.0), (2.0, 0.0)], 2), [0.0]);
}

/// A weight beside which the others vanish takes one knot; they divide the others.
#[test]
fn of_extreme_weights() {
    let mut pairs: Vec<(f32, f64)> = (0..9).map(|i| (i as f32, 1e-30)).collect();
    pairs[4].1 = 1e10;
    // Eight light values in two pieces: the fourth passes half of the weight.
    assert_eq!(weighted(&pairs, 3), [0.0, 3.0, 4.0, 8.0]);
    // The light ones are among themselves as any other.
    let light: Vec<(f32, f64)> = (0..10).map(|i| (i as f32, 1e-30)).collect();
    assert_eq!(weighted(&light, 4), [0.0, 2.0, 4.0, 7.0, 9.0]);
    // One that is nothing beside the last part's, whose end it would be.
    let pairs = [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1e-30)];
    assert_eq!(weighted(&pairs, 2), [0.0, 1.0, 3.0]);
}

/// Where values lie among knots 0, 2, 4, 7 and 9.
#[test]
fn give_places() {
    let values: Vec<f32> = (0..10).map(|i| i as f32).collect();
    let knots = Knots::new(&values, RowIndex::All(10), None, 4);
    for (value, place) in [(0.0, 0.0), (1.0, 0.5), (2.0, 1.0), (5.5, 2.5), (7.0, 3.0)] {
        assert_eq!(knots.place(value), place, "{value}");
    }
    for (value, place) in [(-1.0, 0.0), (9.0, 4.0), (1e30, 4.0), (f32::MIN, 0.0)] {
        assert_eq!(knots.place(value), place, "{value}");
    }
    assert!(knots.place(GAP).is_nan());
    // Next to each other, as close as numbers can be.
    let least = f32::from_bits(1);
    let knots = Knots::new(&[0.0, least, 3.0 * least], RowIndex::All(3), None, 4);
    let places = [0.0, least, 2.0 * least, 3.0 * least].map(|value| knots.place(value));
    assert_eq!(places, [0.0, 1.0, 1.5, 2.0]);
}

fn value() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => (-4_i8..5).prop_map(f32::from),
        2 => any::<f32>().prop_filter("finite", |v| v.is_finite()),
        1 => prop_oneof![Just(GAP), Just(-0.0), Just(f32::MIN_POSITIVE), Just(f32::MAX)],
    ]
}

fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => Just(1.0),
        1 => prop_oneof![Just(0.0), Just(1e-30), Just(1e10), Just(1e-300), Just(1e300)],
        2 => 0.0..3.0_f64,
    ]
}

proptest! {
    /// Whatever the values and weights: knots are values in ascending order, from the least to the
    /// largest, with every heavy one; each knot's place is its number.
    #[test]
    fn ascend_from_the_least_value_to_the_largest(
        pairs in proptest::collection::vec((value(), weight()), 0..80),
        n_bins in 1_usize..12,
    ) {
        let found = weighted(&pairs, n_bins);
        let mut counted: Vec<(f32, f64)> = Vec::new();
        for &(value, weight) in &pairs {
            if value.is_nan() || weight == 0.0 {
                continue;
            }
            match counted.iter_mut().find(|(v, _)| *v == value) {
                Some((_, sum)) => *sum += weight,
                None => counted.push((value, weight)),
            }
        }
        counted.sort_by(|a, b| a.0.total_cmp(&b.0));
        prop_assert!(found.is_sorted_by(|a, b| a < b), "{found:?}");
        if counted.is_empty() {
            prop_assert_eq!(found, [0.0]);
            return Ok(());
        }
        prop_assert_eq!((found[0], found[found.len() - 1]),
            (counted[0].0, counted[counted.len() - 1].0));
        let is_knot = |value: f32| found.contains(&value);
        prop_assert!(found.iter().all(|&knot| counted.iter().any(|&(v, _)| v == knot)));
        let total: f64 = counted.iter().map(|(_, weight)| weight).sum();
        let part = total / n_bins as f64;
        prop_assert!(counted.iter().all(|&(v, weight)| weight < 1.0001 * part || is_knot(v)));
        if counted.len() <= n_bins + 1 {
            prop_assert_eq!(found.len(), counted.len());
        }
        prop_assert!(found.len() <= n_bins + 2, "{found:?}");
        let places = Knots(found.clone());
        for (k, &knot) in found.iter().enumerate() {
            prop_assert_eq!(places.place(knot), k as f32);
        }
        let all: Vec<f32> = counted.iter().map(|&(v, _)| places.place(v)).collect();
        prop_assert!(all.is_sorted(), "{all:?}");
    }

    /// Of values that are light, no more than the weight of a part is between two knots.
    #[test]
    fn leave_no_more_than_a_part_between_them(
        weights in proptest::collection::vec(0.5..1.5_f64, 20..90),
        n_bins in 1_usize..7,
    ) {
        let pairs: Vec<(f32, f64)> = (0_u8..).map(f32::from).zip(weights).collect();
        let total: f64 = pairs.iter().map(|(_, weight)| weight).sum();
        let found = weighted(&pairs, n_bins);
        prop_assert_eq!(found.len(), n_bins + 1);
        for knots in found.windows(2) {
            let between = pairs.iter().filter(|(v, _)| knots[0] < *v && *v < knots[1]);
            let sum: f64 = between.map(|(_, weight)| weight).sum();
            prop_assert!(sum < total / n_bins as f64, "{sum} of {total}: {found:?}");
        }
    }
}
