//! Networks for tables: what they learn, and that they are the same however they are computed.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "helpers of tests, too, may panic; small whole numbers"
)]

use serde::de::DeserializeOwned;
use stackfold::data::Feature;
use stackfold::metrics::{ClassificationMetric, Metric, RegressionMetric};
use stackfold::model::EarlyStopping;
use stackfold::model::neural::{
    Activation, EmbeddingSize, FittedNeuralNetwork, NeuralClassifier, NeuralNetwork,
    NeuralRegressor, Normalization, NumericEmbedding, NumericScaling, Optimizer, Schedule,
};
use stackfold::prelude::*;

use crate::support::{assert_close, bits, on_threads};

/// Two numbers, the second with missing values, and two codes, the second with missing values too.
pub(crate) fn table(n: usize, seed: u64) -> Features<OutOfSample> {
    let seed = Seed::new(seed);
    let draw = |name: &str, i: usize| seed.child(name).uniform(i as u64);
    let column = |f: &dyn Fn(usize) -> f64| (0..n).map(|i| f(i) as f32).collect();
    let or_gap = |name: &str, i: usize, value: f64| {
        if draw(name, i) < 0.1 { f64::NAN } else { value }
    };
    let fields = vec![
        Feature::number("a"),
        Feature::number("b"),
        Feature::code("c", 4),
        Feature::code("d", 12),
    ];
    let columns = vec![
        column(&|i| 4.0 * draw("a", i) - 2.0),
        column(&|i| or_gap("gap b", i, draw("b", i))),
        column(&|i| (draw("c", i) * 4.0).floor()),
        column(&|i| or_gap("gap d", i, (draw("d", i) * 12.0).floor())),
    ];
    Features::from_columns(fields, columns).unwrap()
}

/// No sum of functions of one feature: the sign of one depends on another.
pub(crate) fn value(x: &Features<OutOfSample>, i: usize) -> f64 {
    let [a, b, c, d] = [0, 1, 2, 3].map(|j| f64::from(x.column(j)[i]));
    let b = if b.is_nan() { 0.3 } else { b };
    let sign = if c < 2.0 { 1.0 } else { -1.0 };
    let d = if d.is_nan() { 1.0 } else { (d * 2.3).sin() };
    sign * a + b + d
}

pub(crate) fn values(x: &Features<OutOfSample>) -> Values {
    Values::new((0..x.n_rows()).map(|i| value(x, i)).collect::<Vec<f64>>()).unwrap()
}

pub(crate) fn labels(x: &Features<OutOfSample>, n_classes: u32) -> Labels {
    let above = |i: usize| {
        let step = 2.4 / f64::from(n_classes);
        (1..n_classes)
            .filter(|&k| value(x, i) > step * f64::from(k) - 0.7)
            .count()
    };
    let codes: Vec<u32> = (0..x.n_rows()).map(|i| above(i) as u32).collect();
    Labels::new(codes, (0..n_classes).map(|k| format!("c{k}")).collect()).unwrap()
}

pub(crate) fn in_sample(x: &Features<OutOfSample>) -> Features<InSample> {
    x.clone().assume_in_sample()
}

/// All options given, so that tests do not depend on which are the best for most tables.
pub(crate) fn plain<Y: Target>() -> NeuralNetwork<Y> {
    NeuralNetwork::new()
        .with_hidden([16])
        .with_activation(Activation::Relu)
        .with_dropout(0.1)
        .with_normalization(Normalization::None)
        .with_embedding_size(EmbeddingSize::Half { max: 50 })
        .with_min_level_count(5)
        .with_level_dropout(0.01)
        .with_numeric_scaling(NumericScaling::Quantile)
        .with_numeric_embedding(NumericEmbedding::None)
        .with_optimizer(Optimizer::adamw())
        .with_learning_rate(1e-3)
        .with_weight_decay(1e-4)
        .with_schedule(Schedule::Constant)
        .with_batch_size(256)
        .with_n_epochs(20)
        .with_max_gradient_norm(None)
        .with_early_stopping(None)
        .with_n_seeds(1)
        .with_n_members(1)
}

#[test]
fn classes_are_learned() {
    let (train, test) = (table(1_500, 1), table(500, 2));
    for n_classes in [2, 3] {
        let y = labels(&train, n_classes);
        let model = plain::<Labels>()
            .with_hidden([32])
            .with_learning_rate(5e-3)
            .with_batch_size(64)
            .with_n_epochs(20);
        let fitted = model
            .fit(&in_sample(&train), &y, &FitContext::default())
            .unwrap();
        let p = fitted.predict(&test).unwrap();
        let truth = labels(&test, n_classes);
        let loss = ClassificationMetric::LogLoss
            .score(&truth, &p, None)
            .unwrap();
        let accuracy = ClassificationMetric::Accuracy
            .score(&truth, &p, None)
            .unwrap();
        // Guessing the shares of the classes gives about 0.69 and 1.1.
        assert!(loss < 0.3, "{n_classes} classes: {loss}");
        assert!(accuracy > 0.88, "{n_classes} classes: {accuracy}");
        let losses: Vec<f64> = fitted
            .history()
            .iter()
            .map(|epoch| epoch.train_loss)
            .collect();
        assert!(losses[19] < 0.5 * losses[0], "{losses:?}");
    }
}

#[test]
fn values_are_learned_with_any_optimizer() {
    let (train, test) = (table(1_500, 1), table(500, 2));
    let y = values(&train);
    // Far from 0, and of another size than 1.
    let y = Values::new(
        y.as_slice()
            .iter()
            .map(|y| 1e4 + 50.0 * y)
            .collect::<Vec<f64>>(),
    )
    .unwrap();
    for (optimizer, rate) in [
        (Optimizer::adam(), 5e-3),
        (Optimizer::adamw(), 5e-3),
        (Optimizer::sgd(0.9), 2e-2),
    ] {
        let model = plain::<Values>()
            .with_hidden([32])
            .with_dropout(0.0)
            .with_level_dropout(0.0)
            .with_optimizer(optimizer)
            .with_learning_rate(rate)
            .with_batch_size(64)
            .with_n_epochs(20);
        let fitted = model
            .fit(&in_sample(&train), &y, &FitContext::default())
            .unwrap();
        let predicted = fitted.predict(&test).unwrap();
        let predicted: Vec<f64> = predicted
            .as_slice()
            .iter()
            .map(|y| (y - 1e4) / 50.0)
            .collect();
        let predicted = Values::new(predicted).unwrap();
        let r2 = RegressionMetric::R2
            .score(&values(&test), &predicted, None)
            .unwrap();
        assert!(r2 > 0.95, "{optimizer:?}: {r2}");
        // The loss is in the units of the target.
        let last = fitted.history()[19].train_loss;
        let own = fitted.predict(&train).unwrap();
        let errors = own
            .as_slice()
            .iter()
            .zip(y.as_slice())
            .map(|(p, y)| (p - y).powi(2));
        let mean = errors.sum::<f64>() / 1_500.0;
        assert!(last > 0.5 * mean && last < 3.0 * mean, "{last} {mean}");
    }
}

/// One number, of which a network of so few epochs sees no more than a line; pieces and waves see
/// its steps and turns.
#[test]
fn embeddings_of_numbers_see_what_the_plain_number_hides() {
    let n = 1_000;
    let x: Vec<f32> = (0..n).map(|i| Seed::new(4).uniform(i) as f32).collect();
    let step = |x: f32| f64::from(u8::from((x * 7.0) as u32 % 2 == 1));
    let wave = |x: f32| f64::from(20.0 * x).sin();
    for target in [&step as &dyn Fn(f32) -> f64, &wave] {
        let y = Values::new(x.iter().map(|&x| target(x)).collect::<Vec<f64>>()).unwrap();
        let features = Features::from_columns(vec![Feature::number("x")], vec![x.clone()]).unwrap();
        let r2 = |embedding: NumericEmbedding| {
            let model = plain::<Values>()
                .with_hidden([16])
                .with_dropout(0.0)
                .with_numeric_embedding(embedding)
                .with_learning_rate(1e-2)
                .with_batch_size(50)
                .with_n_epochs(12);
            let context = FitContext::default();
            let fitted = model.fit(&in_sample(&features), &y, &context).unwrap();
            let predicted = fitted.predict(&features).unwrap();
            RegressionMetric::R2.score(&y, &predicted, None).unwrap()
        };
        let plain = r2(NumericEmbedding::None);
        let pieces = r2(NumericEmbedding::PiecewiseLinear {
            n_bins: 40,
            size: 6,
        });
        let waves = r2(NumericEmbedding::Periodic {
            n_frequencies: 16,
            sigma: 0.6,
            size: 8,
        });
        assert!(
            plain < 0.5 && pieces > 0.8 && waves > 0.8,
            "{plain} {pieces} {waves}"
        );
    }
}

/// What a level adds to the value is in its one number, up to a line; combinations that were not
/// there are predicted.
#[test]
fn a_model_of_factors_is_recovered() {
    let of_a = [0.0, 3.0, -1.5, 0.7, -2.2, 1.1];
    let of_b = [1.0, -1.0, 0.25, 2.5, -0.6];
    let pairs = (0..6_u8).flat_map(|a| (0..5_u8).map(move |b| (a, b)));
    let is_left_out = |&(a, b): &(u8, u8)| (a + b) % 5 == 0;
    let features = |pairs: &[(u8, u8)]| {
        let fields = vec![Feature::code("a", 6), Feature::code("b", 5)];
        let columns = vec![
            pairs.iter().map(|&(a, _)| f32::from(a)).collect(),
            pairs.iter().map(|&(_, b)| f32::from(b)).collect(),
        ];
        Features::from_columns(fields, columns).unwrap()
    };
    let truth = |(a, b): (u8, u8)| 10.0 + of_a[usize::from(a)] + of_b[usize::from(b)];
    let (out, kept): (Vec<_>, Vec<_>) = pairs.partition(is_left_out);
    let kept: Vec<(u8, u8)> = kept.iter().copied().cycle().take(20 * kept.len()).collect();
    let y: Vec<f64> = kept.iter().copied().map(truth).collect();
    let model = plain::<Values>()
        .with_hidden([])
        .with_embedding_size(EmbeddingSize::Fixed(1))
        .with_level_dropout(0.0)
        .with_weight_decay(0.0)
        .with_learning_rate(2e-2)
        .with_schedule(Schedule::Cosine)
        .with_batch_size(48)
        .with_n_epochs(60);
    let train = in_sample(&features(&kept));
    let fitted = model
        .fit(&train, &Values::new(y).unwrap(), &FitContext::default())
        .unwrap();
    let predicted = fitted.predict(&features(&out)).unwrap();
    for (&pair, &found) in out.iter().zip(predicted.as_slice()) {
        assert!(
            (found - truth(pair)).abs() < 0.02,
            "{pair:?}: {found}, not {}",
            truth(pair)
        );
    }
    for (name, effects) in [("a", &of_a[..]), ("b", &of_b)] {
        let embedding = fitted.embedding(name).unwrap();
        assert_eq!(
            (embedding.size(), embedding.n_rows()),
            (1, effects.len() + 1)
        );
        let number = |code: u32| f64::from(embedding.vector(embedding.row_of_code(code))[0]);
        let slope = (number(1) - number(0)) / (effects[1] - effects[0]);
        for (code, effect) in (0..).zip(effects) {
            let expected = number(0) + slope * (effect - effects[0]);
            assert!((number(code) - expected).abs() < 0.02 * slope.abs() * 5.0);
        }
    }
}

/// A model of everything that takes part in sums.
fn members() -> NeuralClassifier {
    plain::<Labels>()
        .with_hidden([24, 16])
        .with_dropout(0.2)
        .with_level_dropout(0.05)
        .with_normalization(Normalization::Batch)
        .with_n_members(3)
        .with_n_seeds(2)
        .with_max_gradient_norm(Some(0.5))
        .with_label_smoothing(0.05)
        .with_batch_size(300)
        .with_learning_rate(1e-2)
        .with_n_epochs(4)
        .with_early_stopping(Some(EarlyStopping::new().with_patience(2).with_share(0.2)))
}

fn with_embeddings<Y: Target>(model: NeuralNetwork<Y>) -> [NeuralNetwork<Y>; 3] {
    let pieces = NumericEmbedding::PiecewiseLinear { n_bins: 9, size: 3 };
    let waves = NumericEmbedding::Periodic {
        n_frequencies: 5,
        sigma: 0.5,
        size: 4,
    };
    let small = model.with_n_epochs(2);
    [NumericEmbedding::None, pieces, waves].map(|e| small.clone().with_numeric_embedding(e))
}

/// Fits of all kinds.
fn regressors() -> Vec<NeuralRegressor> {
    let base = plain::<Values>().with_hidden([20]).with_batch_size(200);
    let mut all: Vec<NeuralRegressor> = with_embeddings(base.clone()).into();
    for activation in [Activation::Tanh, Activation::Sigmoid, Activation::Gelu] {
        all.push(base.clone().with_activation(activation).with_n_epochs(2));
    }
    let base = base.with_n_epochs(3);
    all.push(base.clone().with_hidden([]));
    all.push(base.clone().with_numeric_scaling(NumericScaling::Standard));
    all.push(
        base.clone()
            .with_normalization(Normalization::Batch)
            .with_hidden([12, 8]),
    );
    all.push(base.with_n_members(4).with_n_seeds(2).with_hidden([12, 8]));
    all
}

#[track_caller]
fn check_threads<Y: Target + serde::Serialize>(
    model: &NeuralNetwork<Y>,
    x: &Features<OutOfSample>,
    y: &Y,
) {
    let on = |threads: usize| {
        on_threads(threads, || {
            let fitted = model.fit(&in_sample(x), y, &FitContext::default()).unwrap();
            let prediction = fitted.predict(x).unwrap();
            (serde_json::to_string(&fitted).unwrap(), bits(&prediction))
        })
    };
    let one = on(1);
    assert!(one == on(2) && one == on(8), "{model:?}");
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let x = table(900, 1);
    check_threads(&members(), &x, &labels(&x, 3));
    check_threads(&members(), &x, &labels(&x, 2));
    for model in regressors() {
        check_threads(&model, &x, &values(&x));
    }
}

/// Other seeds are other networks.
#[test]
fn the_seed_decides() {
    let x = table(200, 1);
    let y = values(&x);
    let model = plain::<Values>().with_hidden([6]).with_n_epochs(1);
    let predict = |seed: u64| {
        let context = FitContext::default().with_seed(Seed::new(seed));
        bits(
            &model
                .fit(&in_sample(&x), &y, &context)
                .unwrap()
                .predict(&x)
                .unwrap(),
        )
    };
    assert_eq!(predict(1), predict(1));
    assert_ne!(predict(1), predict(2));
}

#[track_caller]
fn check_saved<Y: Target + serde::Serialize + DeserializeOwned>(
    model: &NeuralNetwork<Y>,
    x: &Features<OutOfSample>,
    y: &Y,
) {
    let fitted = model.fit(&in_sample(x), y, &FitContext::default()).unwrap();
    let text = serde_json::to_string(&fitted).unwrap();
    let read: FittedNeuralNetwork<Y> = serde_json::from_str(&text).unwrap();
    assert_eq!(
        bits(&read.predict(x).unwrap()),
        bits(&fitted.predict(x).unwrap())
    );
    assert_eq!(read.history(), fitted.history());
    assert_eq!(read.features(), fitted.features());
    let text = serde_json::to_string(model).unwrap();
    let read: NeuralNetwork<Y> = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, model);
}

#[test]
fn what_is_saved_and_read_predicts_the_same_bits() {
    let x = table(400, 1);
    for n_classes in [2, 3] {
        check_saved(&members(), &x, &labels(&x, n_classes));
    }
    for model in regressors() {
        check_saved(&model, &x, &values(&x));
    }
}

/// Rows alone, by twos, and among all the others; and by the other way for one row.
#[track_caller]
fn check_rows<Y: Target>(model: &NeuralNetwork<Y>, x: &Features<OutOfSample>, y: &Y) {
    let fitted = model.fit(&in_sample(x), y, &FitContext::default()).unwrap();
    let all = fitted.predict(x).unwrap();
    let n_columns = all.n_columns();
    for n in [1, 2, 7, 150] {
        let rows: Vec<u32> = (0..n).map(|i| 299 - i * 41 % 300).collect();
        let some = fitted.predict(&x.take(&rows)).unwrap();
        assert_eq!(bits(&some), bits(&all.take(&rows)), "{n} rows, {model:?}");
    }
    let mut out = vec![0.0; if n_columns == 2 { 1 } else { n_columns }];
    for i in 0..x.n_rows() {
        let row: Vec<f32> = (0..x.n_features()).map(|j| x.column(j)[i]).collect();
        fitted.predict_row(&row, &mut out).unwrap();
        for (k, &found) in all.informative().zip(&out) {
            assert_close(found, all.column(k)[i], 2e-6);
        }
    }
}

#[test]
fn a_row_is_predicted_the_same_whatever_rows_are_beside_it() {
    let x = table(300, 1);
    for n_classes in [2, 3] {
        for model in with_embeddings(members()) {
            check_rows(&model, &x, &labels(&x, n_classes));
        }
    }
    for model in regressors() {
        check_rows(&model, &x, &values(&x));
    }
    // Larger than what goes together, in each direction.
    let wide = (0..150)
        .map(|j| Feature::number(format!("x{j}")))
        .collect::<Vec<_>>();
    let numbers = (0..300 * 150)
        .map(|i| Seed::new(7).normal(i) as f32)
        .collect();
    let wide = Features::new(wide, 300, numbers).unwrap();
    let y = Values::new(
        wide.column(0)
            .iter()
            .map(|&x| f64::from(x))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let model = plain::<Values>().with_hidden([150, 70]).with_n_epochs(1);
    check_rows(&model, &wide, &y);
}

/// Which code a level has changes no bit: neither of the fit, nor of predictions.
#[test]
fn codes_are_only_names() {
    let x = table(400, 1);
    let recoded = |x: &Features<OutOfSample>| {
        let mut columns: Vec<Vec<f32>> = (0..4).map(|j| x.column(j).to_vec()).collect();
        let mut fields = x.fields().to_vec();
        // Gaps among codes do not matter either.
        for code in &mut columns[3] {
            *code = (*code * 5.0) % 12.0 * 2.0 + 1.0;
        }
        fields[3] = Feature::code("d", 30);
        Features::from_columns(fields, columns).unwrap()
    };
    let context = FitContext::default();
    for min_count in [1, 33] {
        let model = members().with_min_level_count(min_count);
        let y = labels(&x, 3);
        let fitted = model.fit(&in_sample(&x), &y, &context).unwrap();
        let other = model.fit(&in_sample(&recoded(&x)), &y, &context).unwrap();
        let new = table(100, 5);
        let (a, b) = (
            fitted.predict(&new).unwrap(),
            other.predict(&recoded(&new)).unwrap(),
        );
        assert_eq!(bits(&a), bits(&b));
        let (a, b) = (
            fitted.embedding("d").unwrap(),
            other.embedding("d").unwrap(),
        );
        assert_eq!(a.counts(), b.counts());
        // Some levels are rare at the larger bound.
        assert_eq!(a.n_rows() < 14, min_count > 1, "{}", a.n_rows());
        for code in 0..12 {
            let row = b.row_of_code(code * 5 % 12 * 2 + 1);
            assert_eq!(a.vector(a.row_of_code(code)), b.vector(row));
        }
    }
}
