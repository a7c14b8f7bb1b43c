//! What boosting on histograms keeps to: invariances, constraints, threads, sampling, losses.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "helpers of tests, too, may panic, draw small numbers, and compare exact ones"
)]

use stackfold::data::{Feature, FeatureKind};
use stackfold::model::MaxFeatures;
use stackfold::model::hist::{
    Binned, Binning, Categories, ClassWeight, EarlyStopping, FittedHistGradientBoosting,
    HighCardinality, HistGradientBoosting, Loss, Monotone, Sampling,
};
use stackfold::prelude::*;

use crate::support::{assert_close, binary, on_threads};

type Columns = Vec<Vec<f32>>;

/// Numbers of many and few values and codes, some missing.
fn fields() -> Vec<Feature> {
    let number = Feature::number;
    vec![
        number("normal"),
        number("gaps"),
        number("steps"),
        Feature::code("level", 6),
        number("flag"),
    ]
}

fn columns(n: usize, seed: Seed) -> Columns {
    let missing = |j: usize, i: u64| seed.child("missing").at(j).uniform(i) < 0.1;
    let value = |j: usize, i: u64| {
        let u = seed.at(j).uniform(i);
        match j {
            0 => seed.at(j).normal(i) as f32,
            1 | 3 if missing(j, i) => f32::NAN,
            1 => (4.0 * u) as f32,
            2 => (9.0 * u).floor() as f32,
            3 => (6.0 * u).floor() as f32,
            _ => (2.0 * u).floor() as f32,
        }
    };
    (0..5)
        .map(|j| (0..n as u64).map(|i| value(j, i)).collect())
        .collect()
}

/// What the features say, and noise.
fn scores(columns: &[Vec<f32>], seed: Seed) -> Vec<f64> {
    let noise = seed.child("noise");
    (0..columns[0].len())
        .map(|i| {
            let [a, b, c, level, flag] = [0, 1, 2, 3, 4].map(|j: usize| columns[j][i]);
            let gap = if b.is_nan() { 0.5 } else { (2.0 * b).sin() };
            let level = if level.is_nan() {
                2.5
            } else {
                (level * 7.0) % 5.0
            };
            let signal = a.tanh() + gap + 0.1 * c + 0.3 * level + flag * a;
            f64::from(signal) + 0.4 * noise.normal(i as u64)
        })
        .collect()
}

/// Features, which anyone can build, and the same to fit on.
fn features(fields: &[Feature], columns: &Columns) -> Features<OutOfSample> {
    Features::from_columns(fields.to_vec(), columns.clone()).unwrap()
}

fn data(n: usize, seed: u64) -> (Features<OutOfSample>, Values) {
    let seed = Seed::new(seed);
    let columns = columns(n, seed);
    let y = Values::new(scores(&columns, seed)).unwrap();
    (features(&fields(), &columns), y)
}

/// The targets of these rows.
fn part<Y: Target>(y: &Y, rows: &[u32]) -> Y {
    y.take(rows)
}

fn labels(y: &Values) -> Labels {
    let codes: Vec<u32> = y.as_slice().iter().map(|&y| u32::from(y > 1.0)).collect();
    binary(&codes)
}

fn classes(y: &Values) -> Labels {
    let code = |&y: &f64| u32::from(y > 0.5) + u32::from(y > 1.5);
    let names = ["low", "middle", "high"].map(str::to_owned).to_vec();
    Labels::new(y.as_slice().iter().map(code).collect::<Vec<_>>(), names).unwrap()
}

/// Codes are split as sets, and small leaves are allowed.
fn model() -> HistGradientBoosting {
    let categories = Categories::new()
        .with_smoothing(1.0)
        .with_l2(1.0)
        .with_min_count(5);
    HistGradientBoosting::new()
        .with_n_trees(20)
        .with_max_leaves(8)
        .with_min_samples_leaf(5)
        .with_l2(1.0)
        .with_categories(categories)
}

fn fit<Y: Target>(
    model: &HistGradientBoosting,
    x: &Features<OutOfSample>,
    y: &Y,
) -> FittedHistGradientBoosting<Y> {
    fit_with(model, x, y, &FitContext::default())
}

fn fit_with<Y: Target>(
    model: &HistGradientBoosting,
    x: &Features<OutOfSample>,
    y: &Y,
    context: &FitContext<'_>,
) -> FittedHistGradientBoosting<Y> {
    let x = x.clone().assume_in_sample();
    model.fit(&x, y, context).unwrap()
}

fn raw<Y: Target>(
    fitted: &FittedHistGradientBoosting<Y>,
    x: &Features<OutOfSample>,
) -> Vec<Vec<f64>> {
    fitted.raw_scores(x).unwrap()
}

#[track_caller]
fn assert_near(found: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        for (&found, &expected) in found.iter().zip(expected) {
            assert_close(found, expected, tolerance);
        }
    }
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, n) = values
        .into_iter()
        .fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
    sum / n
}

fn squared_error(found: &[f64], y: &Values) -> f64 {
    let pairs = found.iter().zip(y.as_slice());
    mean(pairs.map(|(a, b)| (a - b).powi(2)))
}

/// Gradients have 32 bits: sums of others' rows, in another order, may round one of them
/// differently, which moves leaf values by about 1e-7 of it.
const ROUNDED: f64 = 1e-5;

#[test]
fn every_loss_learns_what_new_rows_follow() {
    let (x, y) = data(2000, 1);
    let (new_x, new_y) = data(1000, 2);
    let constant = mean(y.as_slice().iter().copied());
    let worst = squared_error(&[constant; 1000], &new_y);
    for loss in [Loss::Squared, Loss::Absolute, Loss::Quantile(0.5)] {
        let fitted = fit(&model().with_n_trees(60).with_loss(loss), &x, &y);
        let error = squared_error(fitted.predict(&new_x).unwrap().as_slice(), &new_y);
        // The noise's variance is 0.16, that of the target 1.2.
        assert!(
            worst > 1.0 && error < 0.3,
            "{loss:?}: {error}, constant {worst}"
        );
    }
    let log_loss = |fitted: &FittedHistGradientBoosting<Labels>, y: &Labels| {
        let p = fitted.predict(&new_x).unwrap();
        let of_row = |(i, &c): (usize, &u32)| -p.column(c as usize)[i].ln();
        mean(y.codes().iter().enumerate().map(of_row))
    };
    let two = fit(&model().with_n_trees(60), &x, &labels(&y));
    let three = fit(&model().with_n_trees(60), &x, &classes(&y));
    assert!(log_loss(&two, &labels(&new_y)) < 0.4);
    assert!(log_loss(&three, &classes(&new_y)) < 0.65);
}

#[test]
fn features_that_share_bytes_are_split_as_in_any_order() {
    // Columns of two and three values share bytes; with the others they fill several panels.
    const N: usize = 1500;
    let value = |j: usize, i: usize| {
        let n_values = [2, 2, 3, 2, 300][j % 5];
        let hash = Seed::new(4).at(j).hash(i as u64);
        if j % 7 == 3 && hash.is_multiple_of(8) {
            f32::NAN
        } else {
            (hash / 8 % n_values) as f32
        }
    };
    let columns: Columns = (0..450)
        .map(|j| (0..N).map(|i| value(j, i)).collect())
        .collect();
    let fields: Vec<Feature> = (0..450).map(|j| Feature::number(format!("x{j}"))).collect();
    let y: Vec<f64> = (0..N)
        .map(|i| {
            let or_half = |j: usize| {
                if columns[j][i].is_nan() {
                    0.5
                } else {
                    f64::from(columns[j][i])
                }
            };
            let signal: f64 = [0, 3, 101, 222, 445].map(or_half).iter().sum();
            signal + (or_half(449) / 50.0).sin() + 0.1 * Seed::new(7).normal(i as u64)
        })
        .collect();
    let y = Values::new(y).unwrap();
    let order = |j: usize| j * 187 % 450;
    let moved_columns: Columns = (0..450).map(|j| columns[order(j)].clone()).collect();
    let moved_fields: Vec<Feature> = (0..450).map(|j| fields[order(j)].clone()).collect();
    let (x, moved) = (
        features(&fields, &columns),
        features(&moved_fields, &moved_columns),
    );
    let [a, b] = [&x, &moved].map(|x| raw(&fit(&model(), x, &y), x));
    assert_near(&a, &b, 1e-9);
    assert!(squared_error(&a[0], &y) < 0.3 * squared_error(&[2.7; N], &y));
    // The features that matter, alone, are split the same as among others that do not.
    let few: Vec<usize> = vec![0, 3, 101, 222, 445, 449];
    let model = model().with_n_trees(2).with_max_leaves(4);
    let pick = |from: &[usize]| {
        let columns = from.iter().map(|&j| columns[j].clone()).collect();
        let fields: Vec<Feature> = from.iter().map(|&j| fields[j].clone()).collect();
        features(&fields, &columns)
    };
    let alone = pick(&few);
    let all = raw(&fit(&model, &x, &y), &x);
    assert_near(&raw(&fit(&model, &alone, &y), &alone), &all, 1e-9);
}

/// Along a constrained feature, other features fixed, scores of no row go the wrong way.
fn wrong_steps<Y: Target>(
    fitted: &FittedHistGradientBoosting<Y>,
    feature: usize,
    sign: f64,
) -> usize {
    let rows = columns(60, Seed::new(77));
    let steps: Vec<f32> = (-40..=40).map(|k| k as f32 * 0.25).collect();
    let mut grid: Columns = vec![Vec::new(); rows.len()];
    for (j, (column, values)) in grid.iter_mut().zip(&rows).enumerate() {
        for &value in values {
            column.extend(
                steps
                    .iter()
                    .map(|&step| if j == feature { step } else { value }),
            );
        }
    }
    let scores = raw(fitted, &features(&fields(), &grid));
    let walks = scores[0].chunks(steps.len());
    let n_wrong = |walk: &[f64]| {
        walk.windows(2)
            .filter(|w| sign * (w[1] - w[0]) < -1e-12)
            .count()
    };
    walks.map(n_wrong).sum()
}

#[test]
fn constrained_features_are_monotone() {
    let (x, y) = data(700, 3);
    let counts: Vec<f64> = y.as_slice().iter().map(|y| y.exp().round()).collect();
    let counts = Values::new(counts).unwrap();
    // Targets that rise and fall with "gaps" and fall and rise with "steps".
    let constraints = [
        ("gaps", Monotone::Increasing),
        ("steps", Monotone::Decreasing),
    ];
    for sampling in [Sampling::All, Sampling::Share(0.6)] {
        let free = model().with_n_trees(30).with_sampling(sampling);
        let bound = free.clone().with_monotone(constraints);
        for loss in [Loss::Absolute, Loss::Quantile(0.8)] {
            let refused = bound.clone().with_loss(loss).fit(
                &x.clone().assume_in_sample(),
                &y,
                &FitContext::default(),
            );
            assert!(refused.unwrap_err().to_string().contains("monotone"));
        }
        for (loss, y) in [(Loss::Squared, &y), (Loss::Poisson, &counts)] {
            let (free, bound) = (free.clone().with_loss(loss), bound.clone().with_loss(loss));
            let (free, bound) = (fit(&free, &x, y), fit(&bound, &x, y));
            assert!(wrong_steps(&free, 1, 1.0) > 0 && wrong_steps(&free, 2, -1.0) > 0);
            assert_eq!(wrong_steps(&bound, 1, 1.0), 0, "{loss:?}");
            assert_eq!(wrong_steps(&bound, 2, -1.0), 0, "{loss:?}");
            assert!(bound.n_trees() > 0);
        }
        let (free, bound) = (fit(&free, &x, &labels(&y)), fit(&bound, &x, &labels(&y)));
        assert!(wrong_steps(&free, 1, 1.0) > 0);
        assert_eq!(
            wrong_steps(&bound, 1, 1.0) + wrong_steps(&bound, 2, -1.0),
            0
        );
    }
    // A constraint that agrees with the target costs nothing: neither feature alone is monotone,
    // but the first rises.
    let rising = model().with_monotone([("normal", Monotone::Increasing)]);
    let error = |model: &HistGradientBoosting| squared_error(&raw(&fit(model, &x, &y), &x)[0], &y);
    assert!(error(&rising) < 1.2 * error(&model()));
}

/// A row of weight `w` is `w` rows, but for penalties and limits: they count by weights of mean 1.
#[test]
fn whole_weights_are_repetitions() {
    let (x, y) = data(300, 4);
    let weight = |i: usize| 1 + i % 3;
    let rows: Vec<u32> = (0..300_u32)
        .flat_map(|i| std::iter::repeat_n(i, weight(i as usize)))
        .collect();
    let weights: Vec<f64> = (0..300).map(|i| weight(i) as f64).collect();
    // Rows, not weights, count towards the size of a leaf.
    let penalised = |min_hessian: f64, mean_weight: f64| {
        let categories = Categories::new()
            .with_smoothing(0.0)
            .with_l2(mean_weight)
            .with_min_count(0)
            .with_max_one_against_rest(0);
        model()
            .with_min_samples_leaf(1)
            .with_min_hessian(min_hessian * mean_weight)
            .with_l2(mean_weight)
            .with_categories(categories)
    };
    let context = FitContext::default().with_weights(Some(&weights));
    for loss in [Loss::Squared, Loss::Absolute, Loss::Quantile(0.3)] {
        let model = |mean_weight| penalised(2.0, mean_weight).with_loss(loss);
        let weighted = raw(&fit_with(&model(1.0), &x, &y, &context), &x);
        let repeated = raw(&fit(&model(2.0), &x.take(&rows), &part(&y, &rows)), &x);
        assert_near(&weighted, &repeated, ROUNDED);
        let plain = raw(&fit(&model(1.0), &x, &y), &x);
        let differs = |(a, b): (&f64, &f64)| (a - b).abs() > 0.01;
        assert!(weighted[0].iter().zip(&plain[0]).any(differs));
    }
    let y = classes(&y);
    let weighted = raw(&fit_with(&penalised(0.5, 1.0), &x, &y, &context), &x);
    let repeated = fit(&penalised(0.5, 2.0), &x.take(&rows), &part(&y, &rows));
    assert_near(&weighted, &raw(&repeated, &x), ROUNDED);
}

/// Weights that are all a thousand times larger or smaller change no bit.
#[test]
fn only_ratios_of_weights_count() {
    let (x, y) = data(400, 11);
    let y = classes(&y);
    let stopping = EarlyStopping::new().with_share(0.2);
    for model in [model(), model().with_early_stopping(Some(stopping))] {
        let fitted = |unit: f64| {
            let weights: Vec<f64> = (0..400).map(|i| unit * f64::from(i % 5)).collect();
            let context = FitContext::default().with_weights(Some(&weights));
            bits(&raw(&fit_with(&model, &x, &y, &context), &x))
        };
        let expected = fitted(1.0);
        for unit in [1024.0, 1.0 / 1024.0, 1e300_f64.log2().floor().exp2()] {
            assert_eq!(fitted(unit), expected, "{unit}");
        }
    }
    let equal = vec![7.0; 400];
    let context = FitContext::default().with_weights(Some(&equal));
    let weighted = raw(&fit_with(&model(), &x, &y, &context), &x);
    assert_near(&weighted, &raw(&fit(&model(), &x, &y), &x), ROUNDED);
}

/// What rows of weight 0 hold changes no bit, and neither does it matter whether they are there:
/// for bins, leaves, sampled rows, and rows that are set aside.
#[test]
fn rows_of_weight_zero_are_absent() {
    fn check<Y: Target>(model: &HistGradientBoosting, y: &Y, wild_y: &Y) {
        let (x, _) = data(400, 5);
        let (new, _) = data(200, 55);
        let (kept, dropped): (Vec<u32>, Vec<u32>) = (0..400).partition(|row| row % 4 != 1);
        let mut wild: Columns = (0..5).map(|j| x.column(j).to_vec()).collect();
        for row in dropped {
            let values = [1e30, f32::NAN, -7.0, 77.0, f32::INFINITY];
            for (column, value) in wild.iter_mut().zip(values) {
                column[row as usize] = value;
            }
        }
        let weights: Vec<f64> = (0..400)
            .map(|row| f64::from(u8::from(row % 4 != 1)))
            .collect();
        let context = FitContext::default().with_weights(Some(&weights));
        let found = raw(&fit_with(model, &x, y, &context), &new);
        let of_wild = fit_with(model, &features(&fields(), &wild), wild_y, &context);
        assert_eq!(bits(&raw(&of_wild, &new)), bits(&found), "{model:?}");
        // Rows are sampled by their numbers, which are others without these rows.
        if model.sampling() == Sampling::All {
            let fewer = fit(model, &x.take(&kept), &part(y, &kept));
            assert_near(&found, &raw(&fewer, &new), ROUNDED);
        }
    }
    let (_, y) = data(400, 5);
    let wild = |y: &Values| {
        let mut y = y.as_slice().to_vec();
        y.iter_mut().skip(1).step_by(4).for_each(|y| *y = -1e300);
        Values::new(y).unwrap()
    };
    let (classes, mut codes) = (classes(&y), classes(&y).codes().to_vec());
    codes
        .iter_mut()
        .skip(1)
        .step_by(4)
        .for_each(|c| *c = 2 - *c);
    let wild_classes = Labels::new(codes, classes.classes().to_vec()).unwrap();
    let categories = Categories::new().with_smoothing(0.0).with_min_count(0);
    let one_row = model().with_min_samples_leaf(1).with_categories(categories);
    let gradient = Sampling::Gradient {
        top: 0.2,
        other: 0.3,
    };
    let statistics = HighCardinality::OrderedStatistic { more_than: 3 };
    for model in [
        HistGradientBoosting::new().with_n_trees(20),
        one_row.clone(),
        one_row
            .clone()
            .with_early_stopping(Some(EarlyStopping::new())),
        one_row.clone().with_sampling(Sampling::Share(0.5)),
        one_row.clone().with_sampling(gradient),
        one_row.clone().with_high_cardinality(statistics),
    ] {
        check(&model, &classes, &wild_classes);
        check(&model.clone().with_loss(Loss::Quantile(0.4)), &y, &wild(&y));
        check(&model, &y, &wild(&y));
    }
    let counts: Vec<f64> = y.as_slice().iter().map(|y| y.abs().floor()).collect();
    let counts = Values::new(counts).unwrap();
    let model = one_row.with_loss(Loss::Poisson);
    check(&model, &counts, &wild(&counts));
}

#[test]
fn class_weights_are_weights_of_rows() {
    let (x, y) = data(400, 6);
    let y = classes(&y);
    let given = [("high", 3.0), ("low", 0.25)].map(|(name, w)| (name.to_owned(), w));
    let of_class = [0.25, 1.0, 3.0];
    let own: Vec<f64> = (0..400).map(|i| 1.0 + f64::from(i % 2)).collect();
    let weights = |factor: &[f64]| -> Vec<f64> {
        let pairs = y.codes().iter().zip(&own);
        pairs.map(|(&c, w)| w * factor[c as usize]).collect()
    };
    // Weights of rows take part in the cuts of bins, those of classes do not.
    let binned = Binned::new(&x, Binning::new(), None, Seed::new(0)).unwrap();
    let weighted = |weights: &[f64], class_weight: ClassWeight| {
        let context = FitContext::default().with_weights(Some(weights));
        let model = model().with_class_weight(class_weight);
        raw(&model.fit_rows(&binned, None, &y, &context).unwrap(), &x)
    };
    let expected = weighted(&weights(&of_class), ClassWeight::Equal);
    let found = weighted(&own, ClassWeight::Given(given.to_vec()));
    assert_near(&found, &expected, 1e-12);
    let mut sums = [0.0; 3];
    for (&c, w) in y.codes().iter().zip(&own) {
        sums[c as usize] += w;
    }
    let balanced = sums.map(|sum| sums.iter().sum::<f64>() / (3.0 * sum));
    let expected = weighted(&weights(&balanced), ClassWeight::Equal);
    assert_near(&weighted(&own, ClassWeight::Balanced), &expected, 1e-9);
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let (x, y) = data(500, 7);
    let mut order: Vec<u32> = (0..500).collect();
    Seed::new(1).stream().shuffle(&mut order);
    for loss in [Loss::Squared, Loss::Absolute] {
        let model = model().with_loss(loss);
        let found = raw(&fit(&model, &x.take(&order), &part(&y, &order)), &x);
        assert_near(&found, &raw(&fit(&model, &x, &y), &x), ROUNDED);
    }
    let y = classes(&y);
    let found = raw(&fit(&model(), &x.take(&order), &part(&y, &order)), &x);
    assert_near(&found, &raw(&fit(&model(), &x, &y), &x), ROUNDED);
}

#[test]
fn renumbered_levels_change_nothing() {
    let (x, y) = data(900, 8);
    let mut columns: Columns = (0..5).map(|j| x.column(j).to_vec()).collect();
    let new_code = [3.0, 5.0, 0.0, 1.0, 4.0, 2.0];
    for code in &mut columns[3] {
        if !code.is_nan() {
            #[allow(clippy::cast_sign_loss, reason = "a code")]
            let old = *code as usize;
            *code = new_code[old];
        }
    }
    let renumbered = features(&fields(), &columns);
    for max_one_against_rest in [0, 10] {
        let categories = model()
            .categories()
            .with_max_one_against_rest(max_one_against_rest);
        let model = model().with_categories(categories);
        let expected = raw(&fit(&model, &x, &y), &x);
        assert_near(
            &raw(&fit(&model, &renumbered, &y), &renumbered),
            &expected,
            1e-9,
        );
        // The levels matter.
        let mut blank = columns.clone();
        blank[3].fill(0.0);
        let without = features(&fields(), &blank);
        let without = raw(&fit(&model, &without, &y), &without);
        assert!(squared_error(&without[0], &y) > 1.05 * squared_error(&expected[0], &y));
    }
}

#[test]
fn increasing_transforms_and_constant_and_twin_columns_change_nothing() {
    let (x, y) = data(240, 9);
    let mut columns: Columns = (0..5).map(|j| x.column(j).to_vec()).collect();
    let expected = raw(&fit(&model(), &x, &y), &x);
    // So few rows have a bin for each value.
    for v in &mut columns[0] {
        *v = v.exp();
    }
    for v in &mut columns[2] {
        *v = v.powi(3) - 1e3;
    }
    let transformed = features(&fields(), &columns);
    assert_eq!(
        raw(&fit(&model(), &transformed, &y), &transformed),
        expected
    );
    let mut more_fields = fields();
    more_fields.push(Feature::number("constant"));
    more_fields.push(Feature::number("none"));
    more_fields.push(Feature::code("one", 1));
    more_fields.push(Feature::number("twin"));
    let mut more: Columns = (0..5).map(|j| x.column(j).to_vec()).collect();
    more.extend([
        vec![7.0; 240],
        vec![f32::NAN; 240],
        vec![0.0; 240],
        more[0].clone(),
    ]);
    let more = features(&more_fields, &more);
    assert_near(&raw(&fit(&model(), &more, &y), &more), &expected, 1e-12);
}

#[test]
fn a_shared_table_of_bins_serves_rows() {
    // Few distinct values: bins of all rows are those of some.
    let n = 600;
    let columns: Columns = columns(n, Seed::new(10))
        .into_iter()
        .map(|column| column.into_iter().map(|v| (v * 2.0).round()).collect())
        .map(|column: Vec<f32>| column.into_iter().map(|v| v.clamp(-3.0, 11.0)).collect())
        .collect();
    let mut fields = fields();
    fields[3] = Feature::code("level", 11);
    let y = Values::new(scores(&columns, Seed::new(10))).unwrap();
    let x = features(&fields, &columns);
    let mut rows: Vec<u32> = (0..600).filter(|row| row % 3 != 0).collect();
    Seed::new(2).stream().shuffle(&mut rows);
    let binned = Binned::new(&x, Binning::new(), None, Seed::new(0)).unwrap();
    let context = FitContext::default();
    for loss in [Loss::Squared, Loss::Absolute] {
        let model = model().with_loss(loss);
        let y = part(&y, &rows);
        let shared = model.fit_rows(&binned, Some(&rows), &y, &context).unwrap();
        let own = fit(&model, &x.take(&rows), &y);
        assert_near(&raw(&shared, &x), &raw(&own, &x), ROUNDED);
    }
    let y3 = part(&y, &[0, 1, 2]);
    for rows in [[0, 1, 600], [5, 6, 5]] {
        assert!(
            model()
                .fit_rows(&binned, Some(&rows), &y3, &context)
                .is_err()
        );
    }
    assert!(
        model()
            .fit_rows(&binned, Some(&[0, 1]), &y3, &context)
            .is_err()
    );
}

fn bits(scores: &[Vec<f64>]) -> Vec<Vec<u64>> {
    let of = |column: &Vec<f64>| column.iter().map(|v| v.to_bits()).collect();
    scores.iter().map(of).collect()
}

/// The same fit on one, two and eight threads.
fn same_on_any_number_of_threads<Y: Target>(
    model: &HistGradientBoosting,
    x: &Features<OutOfSample>,
    y: &Y,
    context: &FitContext<'_>,
) {
    let [one, two, eight] = [1, 2, 8].map(|n| {
        on_threads(n, || {
            let fitted = fit_with(model, x, y, context);
            (bits(&raw(&fitted, x)), fitted.n_trees())
        })
    });
    assert!(one.1 > 0 && one == two && one == eight, "{model:?}");
}

#[test]
fn threads_change_no_bit() {
    let (x, y) = data(300, 11);
    let weights: Vec<f64> = (0..300).map(|i| 0.1 + f64::from(i % 17) / 3.0).collect();
    let context = FitContext::default().with_weights(Some(&weights));
    for sampling in [
        Sampling::All,
        Sampling::Share(0.5),
        Sampling::Gradient {
            top: 0.2,
            other: 0.2,
        },
    ] {
        let model = model()
            .with_sampling(sampling)
            .with_max_features(MaxFeatures::Count(4))
            .with_max_features_node(MaxFeatures::Count(2))
            .with_early_stopping(Some(EarlyStopping::new()));
        same_on_any_number_of_threads(&model, &x, &classes(&y), &context);
        same_on_any_number_of_threads(&model.with_loss(Loss::Absolute), &x, &y, &context);
    }
}

#[test]
fn threads_change_no_bit_where_rows_are_many() {
    let (x, y) = data(100_000, 12);
    let context = FitContext::default();
    let model = model().with_n_trees(3);
    same_on_any_number_of_threads(&model, &x, &labels(&y), &context);
    let model = model.with_n_trees(2);
    same_on_any_number_of_threads(
        &model.clone().with_loss(Loss::Quantile(0.9)),
        &x,
        &y,
        &context,
    );
    let stopped = model
        .with_sampling(Sampling::Gradient {
            top: 0.3,
            other: 0.3,
        })
        .with_early_stopping(Some(EarlyStopping::new().with_share(0.3)));
    same_on_any_number_of_threads(&stopped, &x, &y, &context);
}

/// Rows of any number together, or one by one, written out or read from features.
fn same_in_any_batch<Y: Target>(fitted: &FittedHistGradientBoosting<Y>, x: &Features<OutOfSample>)
where
    Y::Prediction: Prediction,
{
    let n_scores = raw(fitted, x).len();
    let all = fitted.predict(x).unwrap();
    let rows: Vec<u32> = (0..).take(x.n_rows()).collect();
    for size in [1, 7, 63, 64, 65, 130] {
        for part in rows.chunks(size) {
            let some = fitted.predict(&x.take(part)).unwrap();
            for k in 0..all.n_columns() {
                for (i, &row) in part.iter().enumerate() {
                    assert_eq!(some.column(k)[i], all.column(k)[row as usize]);
                }
            }
        }
    }
    let mut out = vec![0.0; n_scores];
    for row in 0..x.n_rows() {
        let values: Vec<f32> = (0..x.n_features()).map(|j| x.column(j)[row]).collect();
        fitted.predict_row(&values, &mut out).unwrap();
        let first = all.n_columns() - n_scores;
        for (k, &found) in out.iter().enumerate() {
            assert_eq!(found, all.column(first + k)[row], "row {row}: {values:?}");
        }
    }
    assert!(fitted.predict_row(&[0.0], &mut out).is_err());
    assert!(
        fitted
            .predict_row(&vec![0.0; x.n_features()], &mut vec![0.0; n_scores + 1])
            .is_err()
    );
    assert_eq!(fitted.predict(&x.take(&[])).unwrap().n_rows(), 0);
}

#[test]
fn any_batch_predicts_the_same() {
    let (x, y) = data(500, 13);
    // New rows: missing and infinite values in every feature, and codes that are none.
    let mut new: Columns = columns(200, Seed::new(14));
    for (j, column) in new.iter_mut().enumerate() {
        for (i, odd) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 2.5, 1e9]
            .iter()
            .enumerate()
        {
            column[20 * j + i] = *odd;
            column[150 + i] = *odd;
        }
    }
    let new = features(&fields(), &new);
    same_in_any_batch(&fit(&model(), &x, &y), &new);
    same_in_any_batch(&fit(&model(), &x, &labels(&y)), &new);
    same_in_any_batch(&fit(&model(), &x, &classes(&y)), &new);
    let counts = y
        .as_slice()
        .iter()
        .map(|y| y.exp().round())
        .collect::<Vec<_>>();
    let counts = Values::new(counts).unwrap();
    same_in_any_batch(&fit(&model().with_loss(Loss::Poisson), &x, &counts), &new);
}

#[test]
fn a_written_model_predicts_the_same() {
    let (x, y) = data(500, 15);
    let mut infinite: Columns = (0..5).map(|j| x.column(j).to_vec()).collect();
    infinite[0][3] = f32::INFINITY;
    infinite[1][4] = f32::NEG_INFINITY;
    let x = features(&fields(), &infinite);
    let model = model().with_sampling(Sampling::Share(0.7));
    let fitted = fit(&model, &x, &classes(&y));
    let text = serde_json::to_string(&fitted).unwrap();
    let read: FittedHistGradientBoosting<Labels> = serde_json::from_str(&text).unwrap();
    // Numbers are read to within a bit of what was written.
    assert_near(&raw(&read, &x), &raw(&fitted, &x), 1e-13);
    assert_eq!(read.features(), fitted.features());
    let read: HistGradientBoosting =
        serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(read, model);
}

/// Features that the trees split on, tree by tree.
fn split_features<Y: Target + serde::Serialize>(
    fitted: &FittedHistGradientBoosting<Y>,
) -> Vec<Vec<u64>> {
    let json = serde_json::to_value(fitted).unwrap();
    let trees = json["trees"].as_array().unwrap().iter();
    trees
        .map(|tree| {
            let nodes = tree["nodes"].as_array().unwrap().iter().enumerate();
            let splits = nodes.filter(|(i, node)| node["left"].as_u64() != Some(*i as u64));
            splits
                .map(|(_, node)| node["feature"].as_u64().unwrap())
                .collect()
        })
        .collect()
}

#[test]
fn features_are_drawn_for_trees_and_nodes() {
    let (x, y) = data(600, 16);
    let distinct = |features: &[u64]| -> std::collections::BTreeSet<u64> {
        features.iter().copied().collect()
    };
    let by_tree = fit(&model().with_max_features(MaxFeatures::Count(2)), &x, &y);
    let trees = split_features(&by_tree);
    assert!(trees.iter().all(|tree| distinct(tree).len() <= 2));
    assert_eq!(distinct(&trees.concat()).len(), 5);
    let by_node = fit(
        &model().with_max_features_node(MaxFeatures::Count(1)),
        &x,
        &y,
    );
    let trees = split_features(&by_node);
    assert!(trees.iter().any(|tree| distinct(tree).len() > 2));
    assert_eq!(distinct(&trees.concat()).len(), 5);
    // The root's feature is drawn evenly: not always the best.
    let roots: Vec<u64> = trees
        .iter()
        .filter_map(|tree| tree.first().copied())
        .collect();
    assert!(distinct(&roots).len() >= 3, "{roots:?}");
    // Both limits together, and other draws for another seed.
    let both = model()
        .with_max_features(MaxFeatures::Count(3))
        .with_max_features_node(MaxFeatures::Count(2));
    let of_seed = |seed| {
        raw(
            &fit_with(
                &both,
                &x,
                &y,
                &FitContext::default().with_seed(Seed::new(seed)),
            ),
            &x,
        )
    };
    assert_eq!(of_seed(1), of_seed(1));
    assert_ne!(of_seed(1), of_seed(2));
}

#[test]
fn sampled_rows_still_teach() {
    let (x, y) = data(2000, 17);
    let (new_x, new_y) = data(1000, 18);
    let error = |sampling| {
        let model = model().with_n_trees(60).with_sampling(sampling);
        let found = fit(&model, &x, &y).predict(&new_x).unwrap();
        squared_error(found.as_slice(), &new_y)
    };
    let all = error(Sampling::All);
    for sampling in [
        Sampling::Share(0.4),
        Sampling::Gradient {
            top: 0.2,
            other: 0.2,
        },
    ] {
        assert!(
            error(sampling) < 1.25 * all,
            "{sampling:?}: {} {all}",
            error(sampling)
        );
    }
    assert_eq!(error(Sampling::Share(1.0)), all);
}

#[test]
fn early_stopping_keeps_the_best_round_and_no_more() {
    let (x, y) = data(400, 19);
    let noise: Vec<f64> = (0..400).map(|i| Seed::new(3).normal(i)).collect();
    let stopping = EarlyStopping::new().with_share(0.25).with_patience(4);
    let model = model()
        .with_n_trees(400)
        .with_early_stopping(Some(stopping));
    for (y, is_noise) in [(y, false), (Values::new(noise).unwrap(), true)] {
        let fitted = fit(&model, &x, &y);
        let losses: Vec<f64> = fitted
            .history()
            .iter()
            .map(|r| r.validation_loss.unwrap())
            .collect();
        let best = (0..losses.len())
            .min_by(|&a, &b| losses[a].total_cmp(&losses[b]))
            .unwrap();
        assert!(losses.len() < 400);
        assert_eq!(losses.len(), best + 1 + 4);
        assert_eq!(fitted.n_trees(), best + 1);
        assert!(!is_noise || best < 15, "{best} rounds of noise");
    }
    let classes = classes(&data(400, 19).1);
    let fitted = fit(&model, &x, &classes);
    let losses = fitted.history().iter().map(|r| r.validation_loss.unwrap());
    let best = losses
        .enumerate()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap()
        .0;
    assert_eq!(fitted.n_trees(), 3 * (best + 1));
    // What must improve by much stops soon.
    let never = stopping.with_min_improvement(1e9).with_patience(1);
    let fitted = fit(&model.with_early_stopping(Some(never)), &x, &classes);
    assert!(fitted.history().len() <= 2 && fitted.n_trees() <= 3);
}

/// Trees come from the other rows alone: whatever is set aside, the trees of as many rounds are
/// the same.
#[test]
fn rows_set_aside_never_change_a_tree() {
    let (x, y) = data(400, 20);
    let time: Vec<f64> = (0..400).map(f64::from).collect();
    let context = FitContext::default().with_time(Some(&time));
    let stopping = EarlyStopping::new().with_share(0.25).with_patience(100);
    let model = model().with_n_trees(30).with_early_stopping(Some(stopping));
    let mut columns: Columns = (0..5).map(|j| x.column(j).to_vec()).collect();
    let mut other = y.as_slice().to_vec();
    for row in 300..400 {
        other[row] = 3.0 - 0.9 * other[row];
        columns[0][row] = 50.0 - columns[0][row];
        columns[2][row] = 0.5;
    }
    let trees = |x: &Features<OutOfSample>, y: &Values| {
        let fitted = fit_with(&model, x, y, &context);
        let json = serde_json::to_value(&fitted).unwrap();
        (
            json["trees"].as_array().unwrap().clone(),
            json["start"].clone(),
        )
    };
    let (a, start) = trees(&x, &y);
    let (b, other_start) = trees(&features(&fields(), &columns), &Values::new(other).unwrap());
    let n = a.len().min(b.len());
    assert!(
        n >= 1 && a.len() != b.len(),
        "{} and {} rounds",
        a.len(),
        b.len()
    );
    assert_eq!((&a[..n], start), (&b[..n], other_start));
    // Nor do they depend on there being such rows: the first 300 alone give the same.
    let rows: Vec<u32> = (0..300).collect();
    let alone = fit(
        &model.clone().with_early_stopping(None),
        &x.take(&rows),
        &part(&y, &rows),
    );
    let alone = serde_json::to_value(&alone).unwrap();
    let values = |tree: &serde_json::Value| tree["values"].as_array().unwrap().clone();
    for (a, b) in a.iter().zip(alone["trees"].as_array().unwrap()) {
        for (a, b) in values(a).iter().zip(values(b)) {
            assert_close(a.as_f64().unwrap(), b.as_f64().unwrap(), 1e-9);
        }
    }
}

/// A target of noise whose spread grows with a feature.
fn spread(n: usize, seed: u64) -> (Features<OutOfSample>, Values) {
    let seed = Seed::new(seed);
    let x: Vec<f32> = (0..n as u64)
        .map(|i| seed.at(0).uniform(i) as f32)
        .collect();
    let y = (0..)
        .zip(&x)
        .map(|(i, &x)| f64::from(x) * 4.0 + (0.3 + f64::from(x)) * seed.at(1).normal(i));
    let y = Values::new(y.collect::<Vec<_>>()).unwrap();
    (features(&[Feature::number("x")], &vec![x]), y)
}

#[test]
fn quantiles_cover_their_share_of_new_rows() {
    let (x, y) = spread(4000, 21);
    let (new_x, new_y) = spread(4000, 22);
    for level in [0.1, 0.5, 0.9] {
        let model = HistGradientBoosting::new()
            .with_loss(Loss::Quantile(level))
            .with_n_trees(60)
            .with_max_leaves(6)
            .with_min_samples_leaf(100);
        let found = fit(&model, &x, &y).predict(&new_x).unwrap();
        let below = |(q, y): (&f64, &f64)| f64::from(u8::from(y <= q));
        let pairs = || found.as_slice().iter().zip(new_y.as_slice());
        // Four standard errors of both samples are 0.03 at most.
        assert!((mean(pairs().map(below)) - level).abs() < 0.04, "{level}");
        // And so it does at either end of the feature, where the spread differs.
        for upper in [false, true] {
            let half = pairs()
                .zip(new_x.column(0))
                .filter(|(_, x)| (**x > 0.5) == upper);
            assert!(
                (mean(half.map(|(pair, _)| below(pair))) - level).abs() < 0.06,
                "{level}"
            );
        }
    }
}

#[test]
fn medians_stand_outliers_that_means_do_not() {
    let (x, y) = spread(1500, 23);
    let (new_x, new_y) = spread(1500, 24);
    let wild = y.as_slice().iter().enumerate();
    let wild = wild.map(|(i, &y)| if i % 20 == 0 { 500.0 } else { y });
    let wild = Values::new(wild.collect::<Vec<_>>()).unwrap();
    let error = |loss| {
        let found = fit(&model().with_loss(loss), &x, &wild)
            .predict(&new_x)
            .unwrap();
        let pairs = found.as_slice().iter().zip(new_y.as_slice());
        mean(pairs.map(|(a, b)| (a - b).abs()))
    };
    // The mean absolute deviation of the noise itself is 0.64; a twentieth of 500 is 25.
    assert!(error(Loss::Absolute) < 0.9 && error(Loss::Squared) > 10.0);
}

/// Poisson draws, of rates that the features say, by the times of arrivals.
fn counts(n: usize, seed: u64) -> (Features<OutOfSample>, Values) {
    let (x, y) = data(n, seed);
    let count = |(i, s): (usize, &f64)| {
        let mut stream = Seed::new(seed).child("counts").at(i).stream();
        let (mut time, mut count) = (0.0, 0.0);
        loop {
            time -= (1.0 - stream.uniform()).ln() / (0.6 * s - 0.5).exp();
            if time > 1.0 {
                break count;
            }
            count += 1.0;
        }
    };
    let counts: Vec<f64> = y.as_slice().iter().enumerate().map(count).collect();
    (x, Values::new(counts).unwrap())
}

#[test]
fn poisson_means_are_positive_and_calibrated() {
    let (x, y) = counts(3000, 25);
    let (new_x, new_y) = counts(3000, 27);
    let model = model()
        .with_loss(Loss::Poisson)
        .with_n_trees(60)
        .with_learning_rate(0.2);
    let found = fit(&model, &x, &y).predict(&new_x).unwrap();
    assert!(found.as_slice().iter().all(|&m| m > 0.0));
    // Thirds of the new rows, by what is predicted; means of counts are good to a twentieth.
    let mut order: Vec<usize> = (0..3000).collect();
    order.sort_by(|&a, &b| found.as_slice()[a].total_cmp(&found.as_slice()[b]));
    let of = |values: &Values, rows: &[usize]| mean(rows.iter().map(|&i| values.as_slice()[i]));
    for third in order.chunks(1000) {
        let (found, expected) = (of(&found, third), of(&new_y, third));
        assert!((found / expected - 1.0).abs() < 0.2, "{found} {expected}");
    }
    assert!(of(&new_y, &order[2000..]) > 2.0 * of(&new_y, &order[..1000]));
}

#[test]
fn probabilities_sum_to_one_and_match_shares() {
    let (x, y) = data(1500, 26);
    let y = classes(&y);
    let p = fit(&model().with_n_trees(50), &x, &y).predict(&x).unwrap();
    for row in 0..1500 {
        let sum: f64 = (0..3).map(|k| p.column(k)[row]).sum();
        assert_close(sum, 1.0, 1e-12);
    }
    for k in 0..3 {
        let share = mean(y.codes().iter().map(|&c| f64::from(u8::from(c == k))));
        let column = p.column(k as usize).iter().copied();
        assert_close(mean(column), share, 0.02);
    }
}

/// Of a class of few rows, none of which the features tell, no held-out row is told for certain: the
/// loss is near that of the classes' shares, the least that can be had.
#[test]
fn rare_classes_are_not_learned_by_heart() {
    const N: usize = 12_000;
    let (x, _) = data(N, 21);
    let (train, test): (Vec<u32>, Vec<u32>) = (0..N as u32).partition(|row| row % 2 == 0);
    let seed = Seed::new(22);
    let is_rare = |row: usize, share: f64| seed.uniform(row as u64) < share;
    let log_loss = |p: &Probabilities, y: &Labels| {
        let row = |(i, &code): (usize, &u32)| -p.column(code as usize)[i].ln();
        mean(y.codes().iter().enumerate().map(row))
    };
    let held_out = |model: &HistGradientBoosting, y: &Labels| {
        let fitted = fit(model, &x.take(&train), &part(y, &train));
        let p = fitted.predict(&x.take(&test)).unwrap();
        log_loss(&p, &part(y, &test))
    };
    let model = HistGradientBoosting::new();
    for share in [0.0005, 0.002] {
        let codes: Vec<u32> = (0..N).map(|i| u32::from(is_rare(i, share))).collect();
        let rows_of = |rows: &[u32]| mean(rows.iter().map(|&row| f64::from(codes[row as usize])));
        let (p, rare) = (rows_of(&train), rows_of(&test));
        let of_share = -rare * p.ln() - (1.0 - rare) * (1.0 - p).ln();
        let found = held_out(&model, &binary(&codes));
        assert!(found < 1.5 * of_share, "{share}: {found} {of_share}");
    }
}

/// Of classes that follow a rule, one of which has two rows: held-out rows of the others are told no
/// worse than without it.
#[test]
fn a_class_of_two_rows_does_no_harm_to_others() {
    const N: usize = 6_000;
    let sizes = [3, 5, 4, 4, 3, 2, 3, 3];
    let seed = Seed::new(31);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is below the size"
    )]
    let level = |j: usize, i: u64| (seed.at(j).uniform(i) * f64::from(sizes[j])).floor() as u32;
    let rows: Vec<[u32; 8]> = (0..N as u64)
        .map(|i| std::array::from_fn(|j| level(j, i)))
        .collect();
    let fields: Vec<Feature> = (0..8)
        .map(|j| Feature::code(format!("level {j}"), sizes[j]))
        .collect();
    let columns: Columns = (0..8)
        .map(|j| rows.iter().map(|row| row[j] as f32).collect())
        .collect();
    let x = features(&fields, &columns);
    let rule = |row: &[u32; 8]| match row {
        [.., 2] => 0,
        [a, b, _, c, ..] if a + b + c > 5 => 1,
        _ => 2,
    };
    let mut codes: Vec<u32> = rows.iter().map(rule).collect();
    let (train, test): (Vec<u32>, Vec<u32>) = (0..N as u32).partition(|row| row % 2 == 0);
    let names = ["never", "priority", "special", "recommended"].map(str::to_owned);
    let held_out = |codes: &[u32], n_classes: usize| {
        let y = Labels::new(codes.to_vec(), names[..n_classes].to_vec()).unwrap();
        let model = HistGradientBoosting::new();
        let fitted = fit(&model, &x.take(&train), &part(&y, &train));
        let p = fitted.predict(&x.take(&test)).unwrap();
        let row = |(i, &row): (usize, &u32)| -p.column(codes[row as usize] as usize)[i].ln();
        mean(test.iter().enumerate().map(row))
    };
    let without = held_out(&codes, 3);
    let mut special = train.iter().filter(|&&row| codes[row as usize] == 2);
    for row in [*special.next().unwrap(), *special.next().unwrap()] {
        codes[row as usize] = 3;
    }
    let with = held_out(&codes, 4);
    assert!(with < without + 0.01, "{with} {without}");
}

/// Levels of a few dozen rows each, all of whose rows are of one class.
#[test]
fn levels_of_a_small_table_are_told_apart() {
    for n in [120, 240, 600, 1_500] {
        let levels: Vec<f32> = (0..n).map(|i| (i % 7) as f32).collect();
        let x = features(&[Feature::code("level", 7)], &vec![levels.clone()]);
        let (train, test): (Vec<u32>, Vec<u32>) = (0..n).partition(|row| row % 5 > 0);
        for positive in [[0.0, 1.0], [2.0, 5.0]] {
            let codes: Vec<u32> = levels
                .iter()
                .map(|level| u32::from(positive.contains(level)))
                .collect();
            let y = binary(&codes);
            let small = HistGradientBoosting::new()
                .with_max_leaves(8)
                .with_l2(1.0)
                .with_max_features(MaxFeatures::Share(0.5));
            for model in [HistGradientBoosting::new(), small] {
                let fitted = fit(&model, &x.take(&train), &part(&y, &train));
                let p = fitted.predict(&x.take(&test)).unwrap();
                for (&row, p) in test.iter().zip(p.positive()) {
                    let is_positive = codes[row as usize] == 1;
                    assert_eq!(*p > 0.5, is_positive, "{n} {positive:?}: {p} of row {row}");
                }
            }
        }
    }
}

/// 100 is LightGBM's number.
#[test]
fn from_1000_rows_on_groups_of_levels_have_100_rows() {
    let with = |categories: Categories| HistGradientBoosting::new().with_categories(categories);
    let hundred = with(Categories::new().with_min_count(100));
    for (n, same) in [(300, false), (1_000, true), (3_000, true)] {
        let (x, y) = data(n, 41);
        let of = |model: &HistGradientBoosting| raw(&fit(model, &x, &y), &x);
        assert_eq!(of(&hundred) == of(&with(Categories::new())), same, "{n}");
    }
    // Rows of weight 0 do not count.
    let (x, y) = data(1_500, 42);
    let weights: Vec<f64> = (0..1_500).map(|i| f64::from(u8::from(i < 300))).collect();
    let context = FitContext::default().with_weights(Some(&weights));
    let of = |min_count| {
        let model = with(Categories::new().with_min_count(min_count));
        raw(&fit_with(&model, &x, &y, &context), &x)
    };
    let found = raw(&fit_with(&with(Categories::new()), &x, &y, &context), &x);
    assert!(found == of(30) && found != of(100));
}

/// What seed 0 gives, draws of rows and features and all. A change of these numbers changes every
/// model of every user: it must be meant, and be told in the list of changes.
#[test]
fn seed_zero_stays_what_it_is() {
    let (x, y) = data(300, 0);
    let model = model()
        .with_sampling(Sampling::Share(0.7))
        .with_max_features(MaxFeatures::Count(4))
        .with_max_features_node(MaxFeatures::Count(3));
    let found = raw(&fit(&model, &x, &y), &x);
    let expected = [
        1.222_712_039_886_434_8,
        0.097_183_709_955_074_44,
        0.226_795_272_593_659_06,
        0.504_952_049_527_756_9,
        2.184_723_039_470_876,
    ];
    for (found, expected) in found[0].iter().zip(expected) {
        assert_close(*found, expected, 1e-12);
    }
    let sampling = Sampling::Gradient {
        top: 0.2,
        other: 0.3,
    };
    let model = model
        .with_sampling(sampling)
        .with_early_stopping(Some(EarlyStopping::new()));
    let found = raw(&fit(&model, &x, &labels(&y)), &x);
    let expected = [
        0.265_006_781_367_721_04,
        -1.402_311_736_327_125,
        -1.881_474_638_374_898_8,
        -1.290_774_719_291_208_2,
        1.624_873_696_925_261_5,
    ];
    for (found, expected) in found[0].iter().zip(expected) {
        assert_close(*found, expected, 1e-12);
    }
    assert!(matches!(
        x.fields()[3].kind(),
        FeatureKind::Code { n_codes: 6 }
    ));
}
//
