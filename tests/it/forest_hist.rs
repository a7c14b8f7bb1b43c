//! Random forests and extra trees on histograms.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use stackfold::data::Feature;
use stackfold::error::ErrorKind;
use stackfold::metrics::{ClassificationMetric, Metric};
use stackfold::model::MaxFeatures;
use stackfold::model::hist::{
    Bag, Binned, Binning, ClassWeight, ExtraTrees, FittedForest, Importance, OutOfBag, RandomForest,
};
use stackfold::prelude::*;
use stackfold::progress::{Event, Progress, StopFlag};
use stackfold::random::Seed;

use crate::support::{assert_close, binary, bits, on_threads};

/// Uniform draws, by column and row; one in `missing` is missing, if not 0.
#[allow(clippy::cast_possible_truncation, reason = "features are f32")]
fn columns(
    n_rows: usize,
    n_columns: usize,
    levels: f64,
    missing: u64,
    seed: Seed,
) -> Vec<Vec<f32>> {
    (0..n_columns)
        .map(|j| {
            let seed = seed.child("columns").at(j);
            (0..n_rows as u64)
                .map(|i| {
                    if missing > 0 && seed.child("missing").hash(i).is_multiple_of(missing) {
                        f32::NAN
                    } else {
                        (seed.uniform(i) * levels).floor() as f32
                    }
                })
                .collect()
        })
        .collect()
}

fn numbers(columns: Vec<Vec<f32>>) -> Features<OutOfSample> {
    let fields = (0..columns.len()).map(|j| Feature::number(format!("x{j}")));
    Features::from_columns(fields.collect(), columns).unwrap()
}

fn classes(n: usize, n_classes: usize, seed: Seed) -> Labels {
    let seed = seed.child("classes");
    let codes = (0..n as u64).map(|i| u32::try_from(seed.hash(i) % n_classes as u64).unwrap());
    let names = (0..n_classes).map(|k| format!("c{k}")).collect();
    Labels::new(codes.collect::<Vec<_>>(), names).unwrap()
}

fn values(n: usize, seed: Seed) -> Values {
    let seed = seed.child("values");
    Values::new(
        (0..n as u64)
            .map(|i| 10.0 + seed.normal(i))
            .collect::<Vec<_>>(),
    )
    .unwrap()
}

fn one_tree() -> RandomForest {
    RandomForest::new()
        .with_n_trees(1)
        .with_bag(Bag::All)
        .with_max_features(MaxFeatures::All)
}

fn fit<Y: Target, E: Estimator<Y>>(
    estimator: &E,
    x: &Features<OutOfSample>,
    y: &Y,
    weights: Option<&[f64]>,
) -> E::Fitted {
    let context = FitContext::default()
        .with_weights(weights)
        .with_seed(Seed::new(3));
    estimator
        .fit(&x.clone().assume_in_sample(), y, &context)
        .unwrap()
}

/// The naive tree: outputs of each row by the best of all splits on distinct values.
struct Naive<'a> {
    columns: &'a [Vec<f32>],
    /// One column an output.
    targets: &'a [Vec<f64>],
    weights: &'a [f64],
    max_depth: usize,
    min_samples_leaf: usize,
}

impl Naive<'_> {
    /// The weighted sum of squared differences from the mean, over all outputs.
    fn impurity(&self, rows: &[usize]) -> f64 {
        let weight: f64 = rows.iter().map(|&i| self.weights[i]).sum();
        let of = |target: &Vec<f64>| {
            let mean = rows
                .iter()
                .map(|&i| self.weights[i] * target[i])
                .sum::<f64>()
                / weight;
            let square = |&i: &usize| self.weights[i] * (target[i] - mean).powi(2);
            rows.iter().map(square).sum::<f64>()
        };
        self.targets.iter().map(of).sum()
    }

    fn grow(&self, rows: &[usize], depth: usize, out: &mut [Vec<f64>]) {
        let before = self.impurity(rows);
        let mut best: Option<(f64, Vec<usize>, Vec<usize>)> = None;
        if depth < self.max_depth {
            for column in self.columns {
                for &threshold in column.iter().chain([&f32::INFINITY]) {
                    for missing_left in [false, true] {
                        let goes_left = |&i: &usize| {
                            column[i] <= threshold || (column[i].is_nan() && missing_left)
                        };
                        let (left, right): (Vec<usize>, Vec<usize>) =
                            rows.iter().partition(|i| goes_left(i));
                        if left.len().min(right.len()) < self.min_samples_leaf {
                            continue;
                        }
                        let gain = before - self.impurity(&left) - self.impurity(&right);
                        if gain > 1e-9 && best.as_ref().is_none_or(|b| gain > b.0 + 1e-9) {
                            best = Some((gain, left, right));
                        }
                    }
                }
            }
        }
        if let Some((_, left, right)) = best {
            self.grow(&left, depth + 1, out);
            self.grow(&right, depth + 1, out);
            return;
        }
        let weight: f64 = rows.iter().map(|&i| self.weights[i]).sum();
        for (out, target) in out.iter_mut().zip(self.targets) {
            let mean = rows
                .iter()
                .map(|&i| self.weights[i] * target[i])
                .sum::<f64>()
                / weight;
            for &i in rows {
                out[i] = mean;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Weights that are all different leave no two ways of dividing a node worth the same.
    #[test]
    fn one_tree_on_all_rows_and_features_is_the_naive_tree(
        seed in any::<u64>(),
        n in 2_usize..60,
        n_classes in 0_usize..5,
        max_depth in 1_usize..5,
        min_samples_leaf in 1_usize..6,
        missing in prop::sample::select(vec![0_u64, 2, 5]),
        levels in prop::sample::select(vec![3.0, 8.0, 1e6]),
    ) {
        let seed = Seed::new(seed);
        let columns = columns(n, 3, levels, missing, seed);
        let x = numbers(columns.clone());
        let weights: Vec<f64> = (0..n as u64).map(|i| 0.5 + seed.child("w").uniform(i)).collect();
        let forest = one_tree()
            .with_max_depth(Some(max_depth))
            .with_min_samples_leaf(min_samples_leaf);
        let (targets, found): (Vec<Vec<f64>>, Vec<Vec<f64>>) = if n_classes < 2 {
            let y = values(n, seed);
            let fitted = fit(&forest, &x, &y, Some(&weights));
            let found = fitted.predict(&x).unwrap().as_slice().to_vec();
            (vec![y.as_slice().to_vec()], vec![found])
        } else {
            let y = classes(n, n_classes, seed);
            let fitted = fit(&forest, &x, &y, Some(&weights));
            let prediction = fitted.predict(&x).unwrap();
            let indicator = |k: usize| y.codes().iter().map(move |&c| f64::from(u8::from(c as usize == k)));
            (0..n_classes)
                .map(|k| (indicator(k).collect(), prediction.column(k).to_vec()))
                .unzip()
        };
        let naive = Naive { columns: &columns, targets: &targets, weights: &weights, max_depth, min_samples_leaf };
        let mut expected = vec![vec![0.0; n]; targets.len()];
        naive.grow(&(0..n).collect::<Vec<_>>(), 0, &mut expected);
        for (found, expected) in found.iter().zip(&expected) {
            for (&found, &expected) in found.iter().zip(expected) {
                assert_close(found, expected, 1e-9);
            }
        }
    }

    #[test]
    fn levels_are_divided_in_the_best_of_all_ways(seed in any::<u64>(), n in 8_usize..80, two in any::<bool>()) {
        const LEVELS: u32 = 6;
        let seed = Seed::new(seed);
        let column = columns(n, 1, f64::from(LEVELS), 7, seed).remove(0);
        let fields = vec![Feature::code("c", LEVELS)];
        let x = Features::from_columns(fields, vec![column.clone()]).unwrap();
        let stump = one_tree().with_max_depth(Some(1));
        let (target, found) = if two {
            let y = classes(n, 2, seed);
            let found = fit(&stump, &x, &y, None).predict(&x).unwrap().positive().to_vec();
            (y.output(0, stackfold::data::RowIndex::All(n)), found)
        } else {
            let y = values(n, seed);
            let found = fit(&stump, &x, &y, None).predict(&x).unwrap().as_slice().to_vec();
            (y.as_slice().to_vec(), found)
        };
        let squares = |found: &[f64]| -> f64 {
            found.iter().zip(&target).map(|(a, b)| (a - b).powi(2)).sum()
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a code")]
        let level = |v: f32| if v.is_nan() { LEVELS } else { v as u32 };
        let best = (0..1_u32 << LEVELS)
            .map(|set| {
                let left = |i: usize| set >> level(column[i]) & 1 == 1;
                let mean = |side: bool| {
                    let rows: Vec<f64> = (0..n).filter(|&i| left(i) == side).map(|i| target[i]).collect();
                    rows.iter().sum::<f64>() / rows.len().max(1) as f64
                };
                let means = [mean(false), mean(true)];
                squares(&(0..n).map(|i| means[usize::from(left(i))]).collect::<Vec<_>>())
            })
            .fold(f64::INFINITY, f64::min);
        assert_close(squares(&found), best, 1e-9);
    }

    /// Whole weights are counted in another kind of cell than other ones.
    #[test]
    fn doubled_weights_change_nothing(seed in any::<u64>(), n in 2_usize..400, n_classes in 2_usize..4) {
        let seed = Seed::new(seed);
        let x = numbers(columns(n, 4, 50.0, 9, seed));
        let y = classes(n, n_classes, seed);
        let forest = RandomForest::new().with_n_trees(3);
        let plain = fit(&forest, &x, &y, None).predict(&x).unwrap();
        let doubled = fit(&forest, &x, &y, Some(&vec![2.0; n])).predict(&x).unwrap();
        prop_assert_eq!(bits(&plain), bits(&doubled));
        let sums = (0..n).map(|i| (0..n_classes).map(|k| plain.column(k)[i]).sum::<f64>());
        for sum in sums {
            assert_close(sum, 1.0, 1e-12);
        }
    }

    #[test]
    fn rows_of_weight_zero_are_as_absent(seed in any::<u64>(), n in 4_usize..80, extra in any::<bool>()) {
        let seed = Seed::new(seed);
        let x = numbers(columns(n, 3, 20.0, 0, seed));
        let y = values(n, seed);
        let kept: Vec<u32> = (0..).take(n).filter(|i| i % 3 != 1).collect();
        let weights: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 != 1))).collect();
        let few = x.take(&kept);
        let [all, without] = if extra {
            let forest = ExtraTrees::new().with_n_trees(3);
            [fit(&forest, &x, &y, Some(&weights)), fit(&forest, &few, &Target::take(&y, &kept), None)]
        } else {
            let forest = RandomForest::new().with_n_trees(3);
            [fit(&forest, &x, &y, Some(&weights)), fit(&forest, &few, &Target::take(&y, &kept), None)]
        };
        prop_assert_eq!(bits(&all.predict(&x).unwrap()), bits(&without.predict(&x).unwrap()));
    }
}

#[test]
fn one_row_is_predicted_as_in_a_batch_and_after_saving() {
    let n = 300;
    let seed = Seed::new(8);
    let mut columns = columns(n, 5, 40.0, 6, seed);
    let fields = vec![
        Feature::number("a"),
        Feature::number("b"),
        Feature::code("c", 40),
        Feature::number("d"),
        Feature::number("e"),
    ];
    columns[3].iter_mut().for_each(|v| *v = v.min(1.0));
    columns[4].iter_mut().for_each(|v| *v = v.min(2.0));
    let x = Features::from_columns(fields, columns).unwrap();
    for n_classes in [2, 5] {
        let y = classes(n, n_classes, seed);
        let fitted = fit(&RandomForest::new().with_n_trees(7), &x, &y, None);
        let batch = fitted.predict(&x).unwrap();
        let text = serde_json::to_string(&fitted).unwrap();
        let back: FittedForest<Labels> = serde_json::from_str(&text).unwrap();
        assert_eq!(bits(&batch), bits(&back.predict(&x).unwrap()));
        let n_outputs = if n_classes == 2 { 1 } else { n_classes };
        let mut out = vec![0.0; n_outputs];
        for i in 0..n {
            let row: Vec<f32> = (0..5).map(|j| x.column(j)[i]).collect();
            fitted.predict_row(&row, &mut out).unwrap();
            for (k, found) in out.iter().enumerate() {
                let column = if n_classes == 2 { 1 } else { k };
                assert_eq!(found.to_bits(), batch.column(column)[i].to_bits());
            }
        }
        assert!(fitted.predict_row(&[0.0; 4], &mut out).is_err());
        assert!(fitted.predict_row(&[0.0; 5], &mut [0.0; 9]).is_err());
    }
}

#[test]
fn threads_change_nothing() {
    let n = 9000;
    let seed = Seed::new(4);
    let x = numbers(columns(n, 12, 1000.0, 10, seed));
    let (labels, many, numbers) = (classes(n, 2, seed), classes(n, 4, seed), values(n, seed));
    let run = || {
        let forest = RandomForest::new()
            .with_n_trees(6)
            .with_out_of_bag(OutOfBag::Predict);
        let extra = ExtraTrees::new().with_n_trees(4);
        let first = fit(&forest, &x, &labels, None);
        let mut all = bits(&first.predict(&x).unwrap());
        all.extend(bits(&first.out_of_bag().unwrap().predictions().unwrap()));
        all.extend(bits(&fit(&forest, &x, &many, None).predict(&x).unwrap()));
        all.extend(bits(&fit(&extra, &x, &numbers, None).predict(&x).unwrap()));
        all
    };
    let expected = on_threads(1, run);
    assert!(on_threads(2, run) == expected);
    assert!(on_threads(8, run) == expected);
}

#[test]
fn noise_is_learned_by_heart_but_not_out_of_bag() {
    let n = 600;
    let seed = Seed::new(5);
    let x = numbers(columns(n, 8, 1e6, 0, seed));
    let y = classes(n, 2, seed);
    let forest = RandomForest::new()
        .with_n_trees(100)
        .with_out_of_bag(OutOfBag::Predict);
    let fitted = fit(&forest, &x, &y, None);
    let auc = |p: &Probabilities| ClassificationMetric::RocAuc.score(&y, p, None).unwrap();
    assert!(auc(&fitted.predict(&x).unwrap()) > 0.999);
    let out_of_bag = fitted.out_of_bag().unwrap();
    let found = auc(&out_of_bag.all().unwrap());
    assert!((0.4..0.6).contains(&found), "{found}");
    // A row is out of a bag with probability (1 - 1/n)^n, about 0.368.
    let mean = out_of_bag.n_trees().iter().sum::<u32>();
    assert_close(f64::from(mean) / (n as f64 * 100.0), 0.3676, 0.02);
}

#[test]
fn an_out_of_bag_prediction_has_not_seen_its_own_target_nor_its_group() {
    let n = 120;
    let seed = Seed::new(6);
    let x = numbers(columns(n, 4, 30.0, 0, seed)).assume_in_sample();
    let y = classes(n, 2, seed);
    let groups: Vec<u32> = (0..).take(n).map(|i| 7 * (i / 5)).collect();
    for bag in [Bag::Bootstrap, Bag::Share(0.6)] {
        let forest = RandomForest::new()
            .with_n_trees(40)
            .with_bag(bag)
            .with_out_of_bag(OutOfBag::Predict);
        for grouped in [false, true] {
            let context = FitContext::default().with_groups(grouped.then_some(&groups));
            let before = forest.fit(&x, &y, &context).unwrap();
            let before = before.out_of_bag().unwrap();
            for row in [0, 57, 118] {
                let together = |i: usize| {
                    if grouped {
                        groups[i] == groups[row]
                    } else {
                        i == row
                    }
                };
                let codes = y.codes().iter().enumerate();
                let flipped = codes.map(|(i, &c)| if together(i) { 1 - c } else { c });
                let flipped = binary(&flipped.collect::<Vec<_>>());
                let after = forest.fit(&x, &flipped, &context).unwrap();
                let after = after.out_of_bag().unwrap();
                assert_eq!(before.n_trees(), after.n_trees());
                let [a, b] = [before, after].map(|o| o.all().unwrap().positive().to_vec());
                for i in (0..n).filter(|&i| together(i)) {
                    assert_eq!(a[i].to_bits(), b[i].to_bits());
                }
                assert!(a != b);
            }
        }
    }
}

#[test]
fn rows_that_were_in_every_bag_are_not_predicted() {
    let n = 50;
    let x = numbers(columns(n, 2, 30.0, 0, Seed::new(1)));
    let forest = RandomForest::new()
        .with_n_trees(2)
        .with_out_of_bag(OutOfBag::Predict);
    let fitted = fit(&forest, &x, &values(n, Seed::new(1)), None);
    let out_of_bag = fitted.out_of_bag().unwrap();
    assert!(out_of_bag.rows().len() < n);
    assert_eq!(
        out_of_bag.predictions().unwrap().as_slice().len(),
        out_of_bag.rows().len()
    );
    for (i, &n_trees) in (0..).zip(out_of_bag.n_trees()) {
        assert_eq!(n_trees > 0, out_of_bag.rows().contains(&i));
    }
    let error = out_of_bag.all().unwrap_err();
    assert!(error.to_string().contains("more trees"), "{error}");
    assert!(error.row().is_some());
}

#[test]
fn rows_of_a_shared_table_are_fitted_as_a_table_of_their_own() {
    let n = 200;
    let seed = Seed::new(2);
    // Each value has a bin of its own in either table.
    let x = numbers(columns(n, 3, 12.0, 0, seed)).assume_in_sample();
    let y = classes(n, 3, seed);
    let binned = Binned::new(&x, Binning::new(), None, Seed::new(0)).unwrap();
    let rows: Vec<u32> = (0..150).rev().collect();
    let forest = RandomForest::new()
        .with_n_trees(5)
        .with_out_of_bag(OutOfBag::Predict);
    let context = FitContext::default();
    let part = y.take(&rows);
    let shared = forest
        .fit_rows(&binned, Some(&rows), &part, &context)
        .unwrap();
    let ascending: Vec<u32> = (0..150).collect();
    let own = forest
        .fit(&x.take(&ascending), &y.take(&ascending), &context)
        .unwrap();
    let test = numbers(columns(n, 3, 12.0, 0, seed));
    assert_eq!(
        bits(&shared.predict(&test).unwrap()),
        bits(&own.predict(&test).unwrap())
    );
    // Out-of-bag rows are in the order of the target.
    let [a, b] = [&shared, &own].map(|f| f.out_of_bag().unwrap().n_trees().to_vec());
    assert_eq!(a, b.into_iter().rev().collect::<Vec<_>>());
    for (rows, message) in [(vec![0, 0], "a row twice"), (vec![0, 999], "999")] {
        let y = y.take(&[0, 1]);
        let error = forest
            .fit_rows(&binned, Some(&rows), &y, &context)
            .unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn odd_tables_give_something_defined() {
    let context = FitContext::default();
    let fields = |n| -> Vec<Feature> { (0..n).map(|j| Feature::number(format!("x{j}"))).collect() };
    let extra = ExtraTrees::new().with_n_trees(3);
    let forest = RandomForest::new().with_n_trees(3);
    // Constant and missing columns: the mean.
    let x = Features::from_columns(fields(2), vec![vec![1.0; 4], vec![f32::NAN; 4]]).unwrap();
    let y = Values::new(vec![1.0, 2.0, 3.0, 6.0]).unwrap();
    let found = fit(&extra, &x, &y, None).predict(&x).unwrap();
    assert!(found.as_slice().iter().all(|&v| (v - 3.0).abs() < 1e-12));
    fit(&forest, &x, &y, None).predict(&x).unwrap();
    // One row, and one class.
    let one = Features::from_columns(fields(1), vec![vec![1.0]]).unwrap();
    let y = Values::new(vec![7.0]).unwrap();
    assert_close(
        fit(&forest, &one, &y, None)
            .predict(&one)
            .unwrap()
            .as_slice()[0],
        7.0,
        0.0,
    );
    let same = binary(&[1, 1, 1, 1]);
    assert_eq!(
        fit(&forest, &x, &same, None)
            .predict(&x)
            .unwrap()
            .positive(),
        [1.0; 4]
    );
    // A class without weight.
    let y = binary(&[0, 1, 0, 1]);
    let found = fit(&forest, &x, &y, Some(&[1.0, 0.0, 1.0, 0.0]));
    assert_eq!(found.predict(&x).unwrap().positive(), [0.0; 4]);
    let unweighted = forest
        .clone()
        .with_class_weight(ClassWeight::Given(vec![("yes".into(), 0.0)]));
    assert_eq!(
        fit(&unweighted, &x, &y, None)
            .predict(&x)
            .unwrap()
            .positive(),
        [0.0; 4]
    );
    let error = forest
        .fit(
            &x.clone().assume_in_sample(),
            &y,
            &context.with_weights(Some(&[0.0; 4])),
        )
        .unwrap_err();
    assert!(error.to_string().contains("only zeros"), "{error}");
    // Leaves larger than the table: no split.
    let large = extra.clone().with_min_samples_leaf(99);
    assert_eq!(
        fit(&large, &x, &y, None).predict(&x).unwrap().positive(),
        [0.5; 4]
    );
    // Values and weights whose sums and squares no number holds.
    let x = numbers(columns(40, 2, 1e6, 0, Seed::new(0)));
    let huge = Values::new(
        (0..40)
            .map(|i| f64::from(i - 20) * 8e306)
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let fitted = fit(&one_tree(), &x, &huge, Some(&[1e300; 40]));
    for (found, expected) in fitted
        .predict(&x)
        .unwrap()
        .as_slice()
        .iter()
        .zip(huge.as_slice())
    {
        assert!((found / 1e300 - expected / 1e300).abs() < 1.0);
    }
    // A hundred thousand levels.
    let n = 2000;
    let codes = columns(n, 1, 100_000.0, 0, Seed::new(0));
    let x = Features::from_columns(vec![Feature::code("c", 100_000)], codes).unwrap();
    for n_classes in [2, 3] {
        let y = classes(n, n_classes, Seed::new(0));
        fit(&forest, &x, &y, None).predict(&x).unwrap();
        fit(&extra, &x, &y, None).predict(&x).unwrap();
    }
}

#[test]
fn options_outside_their_domain_are_refused_by_name() {
    let x = numbers(vec![vec![1.0, 2.0]]).assume_in_sample();
    let y = Values::new(vec![1.0, 2.0]).unwrap();
    let new = RandomForest::new;
    for (forest, name) in [
        (new().with_n_trees(0), "n_trees"),
        (new().with_max_depth(Some(0)), "max_depth"),
        (new().with_min_samples_leaf(0), "min_samples_leaf"),
        (new().with_min_gain(f64::NAN), "min_gain"),
        (
            new().with_max_features(MaxFeatures::Share(0.0)),
            "max_features",
        ),
        (new().with_bag(Bag::Share(1.5)), "bag"),
        (
            new().with_binning(Binning::new().with_max_bins(1)),
            "max_bins",
        ),
        (
            new().with_class_weight(ClassWeight::Balanced),
            "class_weight",
        ),
        (
            new().with_bag(Bag::All).with_out_of_bag(OutOfBag::Predict),
            "out_of_bag",
        ),
    ] {
        let error = forest.fit(&x, &y, &FitContext::default()).unwrap_err();
        match error.kind() {
            ErrorKind::Parameter { parameter, .. } => assert_eq!(parameter, name),
            kind => panic!("{name}: {kind:?}"),
        }
    }
    for weights in [[1.0, f64::NAN], [1.0, -1.0]] {
        let context = FitContext::default().with_weights(Some(&weights));
        let error = new().fit(&x, &y, &context).unwrap_err();
        assert_eq!(error.row(), Some(1));
    }
    let short = Values::new(vec![1.0]).unwrap();
    assert!(new().fit(&x, &short, &FitContext::default()).is_err());
}

#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Progress for Count {
    fn event(&self, event: &Event<'_>) {
        if let Event::Iteration {
            model: "extra trees",
            n_iterations: 5,
            ..
        } = event
        {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn each_tree_is_told_of_and_none_is_grown_after_a_stop() {
    let x = numbers(columns(50, 2, 9.0, 0, Seed::new(0))).assume_in_sample();
    let y = values(50, Seed::new(0));
    let trees = ExtraTrees::new().with_n_trees(5);
    let count = Count::default();
    trees
        .fit(&x, &y, &FitContext::default().with_progress(Some(&count)))
        .unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 5);
    let flag = StopFlag::new();
    flag.stop();
    let error = trees
        .fit(&x, &y, &FitContext::default().with_progress(Some(&flag)))
        .unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Stopped);
}

/// A cut is uniform between the least and the greatest value: of two clusters far apart, most cuts
/// part one from the other; of evenly spread values, all cuts are as likely.
#[test]
fn extra_trees_cut_uniformly_by_value() {
    let column: Vec<f32> = (0..100_u8).map(f32::from).chain([1e4]).collect();
    let x = numbers(vec![column]);
    let y = Values::new(
        (0..101)
            .map(|i| f64::from(i) * f64::from(i))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let stumps = ExtraTrees::new().with_n_trees(400).with_max_depth(Some(1));
    let found = fit(&stumps, &x, &y, None).predict(&x).unwrap();
    // Nearly all stumps give the far row a leaf of its own.
    assert!(found.as_slice()[100] > 0.97 * 100.0 * 100.0);
}

/// Each output of each row is the base and the values of the features.
fn check_shap<Y: Target>(fitted: &FittedForest<Y>, x: &Features<OutOfSample>) {
    let prediction = fitted.predict(x).unwrap();
    let shap = fitted.shap_values(x).unwrap();
    let first = prediction.n_columns() - shap.len();
    for (k, shap) in shap.iter().enumerate() {
        for (row, &p) in prediction.column(first + k).iter().enumerate() {
            let sum: f64 = (0..x.n_features()).map(|j| shap.column(j)[row]).sum();
            assert_close(shap.base() + sum, p, 1e-9);
        }
    }
}

#[test]
fn shap_values_add_up_to_the_prediction() {
    let x = numbers(columns(200, 4, 12.0, 9, Seed::new(5)));
    let two = classes(200, 2, Seed::new(6));
    let three = classes(200, 3, Seed::new(7));
    let forest = RandomForest::new().with_n_trees(7);
    let extra = ExtraTrees::new().with_n_trees(7);
    check_shap(&fit(&forest, &x, &two, None), &x);
    check_shap(&fit(&forest, &x, &three, None), &x);
    check_shap(&fit(&extra, &x, &values(200, Seed::new(8)), None), &x);
}

#[test]
fn importance_goes_to_the_feature_that_tells() {
    let x = numbers(columns(400, 3, 20.0, 0, Seed::new(9)));
    let y: Vec<f64> = x.column(1).iter().map(|&v| f64::from(v)).collect();
    let fitted = fit(
        &RandomForest::new().with_n_trees(10),
        &x,
        &Values::new(y).unwrap(),
        None,
    );
    let gains = fitted.feature_importance(Importance::Gain);
    assert!(gains[1].1 > 5.0 * (gains[0].1 + gains[2].1), "{gains:?}");
}
