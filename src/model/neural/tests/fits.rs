//! What fits are made of.

use super::*;
use crate::data::{Feature, Features, FitContext, Labels, OutOfSample, Prediction, Target, Values};
use crate::model::neural::{
    FittedNeuralNetwork, NeuralNetwork, NumericScaling, Optimizer, Schedule,
};
use crate::model::{Estimator, Predictor};

/// A model of which no option that matters here is left to what is the default.
fn small<Y: Target>() -> NeuralNetwork<Y> {
    NeuralNetwork::new()
        .with_hidden([6])
        .with_activation(Activation::Tanh)
        .with_normalization(Normalization::None)
        .with_numeric_scaling(NumericScaling::Standard)
        .with_numeric_embedding(NumericEmbedding::None)
        .with_schedule(Schedule::Constant)
        .with_weight_decay(1e-4)
        .with_max_gradient_norm(None)
        .with_early_stopping(None)
        .with_n_members(1)
        .with_n_epochs(2)
}

fn table(n: usize) -> Features<OutOfSample> {
    let seed = Seed::new(3);
    let number = (0..n).map(|i| seed.child("number").normal(i as u64) as f32);
    let code = (0..n).map(|i| (seed.child("code").hash(i as u64) % 7) as f32);
    let fields = vec![Feature::number("number"), Feature::code("code", 7)];
    Features::from_columns(fields, vec![number.collect(), code.collect()]).unwrap()
}

fn classes(x: &Features<OutOfSample>, n_classes: u32) -> Labels {
    let pairs = x.column(0).iter().zip(x.column(1));
    let class = |(&a, &b): (&f32, &f32)| (b as u32 + u32::from(a > 0.0)) % n_classes;
    let codes: Vec<u32> = pairs.map(class).collect();
    Labels::new(codes, (0..n_classes).map(|k| k.to_string()).collect()).unwrap()
}

fn values(x: &Features<OutOfSample>) -> Values {
    let pairs = x.column(0).iter().zip(x.column(1));
    let y: Vec<f64> = pairs.map(|(&a, &b)| f64::from(5.0 + a * b)).collect();
    Values::new(y).unwrap()
}

/// Several seeds are several networks, whose predictions are averaged; the first is that of one
/// seed.
#[test]
fn several_seeds_are_averaged() {
    #[track_caller]
    fn check<Y: Target>(model: &NeuralNetwork<Y>, x: &Features<OutOfSample>, y: &Y) {
        let train = x.clone().assume_in_sample();
        let context = FitContext::default().with_seed(Seed::new(5));
        let fit = |n| {
            model
                .clone()
                .with_n_seeds(n)
                .fit(&train, y, &context)
                .unwrap()
        };
        let three = fit(3);
        assert_eq!(three.networks.len(), 3);
        assert_eq!(three.networks[0], fit(1).networks[0]);
        assert_ne!(three.networks[0].network, three.networks[1].network);
        assert_ne!(three.networks[1].network, three.networks[2].network);
        let alone = |i: usize| FittedNeuralNetwork {
            networks: vec![three.networks[i].clone()],
            ..three.clone()
        };
        let each = [0, 1, 2].map(|i| alone(i).predict(x).unwrap());
        let mean = three.predict(x).unwrap();
        for k in 0..mean.n_columns() {
            for (row, mean) in mean.column(k).iter().enumerate() {
                let sum: f64 = each.iter().map(|p| p.column(k)[row]).sum();
                assert!((sum / 3.0 - mean).abs() < 1e-12 * mean.abs().max(1.0));
            }
        }
    }
    let x = table(200);
    check(&small::<Labels>(), &x, &classes(&x, 2));
    check(&small::<Labels>(), &x, &classes(&x, 3));
    check(&small::<Values>(), &x, &values(&x));
}

/// Gradient descent on all rows at once: a row of weight 2 is the row twice, from the scaling of
/// numbers on.
#[test]
fn a_row_of_weight_two_is_two_rows() {
    let n = 60;
    let x = table(n);
    let y = values(&x);
    let twice: Vec<u32> = (0..60).chain([7, 8, 9]).collect();
    let weights: Vec<f64> = (0..n)
        .map(|i| if (7..10).contains(&i) { 2.0 } else { 1.0 })
        .collect();
    let model = small::<Values>()
        .with_dropout(0.0)
        .with_level_dropout(0.0)
        .with_min_level_count(1)
        .with_optimizer(Optimizer::sgd(0.5))
        .with_learning_rate(0.05)
        .with_batch_size(1_000)
        .with_n_epochs(30);
    let context = FitContext::default();
    let weighted = context.with_weights(Some(&weights));
    let by_weight = model
        .fit(&x.clone().assume_in_sample(), &y, &weighted)
        .unwrap();
    let by_row = model
        .fit(
            &x.take(&twice).assume_in_sample(),
            &Target::take(&y, &twice),
            &context,
        )
        .unwrap();
    let unweighted = model
        .fit(&x.clone().assume_in_sample(), &y, &context)
        .unwrap();
    let parameters_of = |fitted: &FittedNeuralNetwork<Values>| -> Vec<f32> {
        let mut network = fitted.networks[0].network.clone();
        parameters(&mut network).into_iter().map(|p| *p).collect()
    };
    let difference = |a: &[f32], b: &[f32]| {
        let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max)
    };
    let (a, b, c) = (
        parameters_of(&by_weight),
        parameters_of(&by_row),
        parameters_of(&unweighted),
    );
    assert!(difference(&a, &b) < 1e-4, "{}", difference(&a, &b));
    assert!(difference(&a, &c) > 1e-3, "{}", difference(&a, &c));
    let loss = |fitted: &FittedNeuralNetwork<Values>| fitted.history()[29].train_loss;
    assert!((loss(&by_weight) / loss(&by_row) - 1.0).abs() < 1e-4);
}

/// The share `ε` of a label is spread over all classes.
#[test]
fn smoothed_labels_are_shares() {
    let scores = [0.3_f64, -1.2, 2.0];
    let p = scores.map(|s| s.exp() / scores.iter().map(|s| s.exp()).sum::<f64>());
    let mut gradients = scores.map(|s| s as f32);
    let loss = Head::Classes(3).loss(&mut gradients, 1.0, 0.3);
    let shares = [0.1, 0.8, 0.1];
    let expected: f64 = shares.iter().zip(p).map(|(share, p)| -share * p.ln()).sum();
    assert!((loss - expected).abs() < 1e-6, "{loss} {expected}");
    for ((gradient, p), share) in gradients.iter().zip(p).zip(shares) {
        assert!((f64::from(*gradient) - (p - share)).abs() < 1e-6);
    }
    // Two classes by softmax are one log-odds.
    for y in [0.0, 1.0] {
        let (mut one, mut two) = ([0.7_f32], [0.0, 0.7_f32]);
        let loss = Head::Binary.loss(&mut one, y, 0.3);
        assert!((loss - Head::Classes(2).loss(&mut two, y, 0.3)).abs() < 1e-6);
        assert!((one[0] - two[1]).abs() < 1e-6 && (two[0] + two[1]).abs() < 1e-6);
    }
}

/// Scores of any size have a loss, and the gradient that goes with it.
#[test]
fn large_scores_do_not_overflow() {
    for score in [-1e4_f32, -50.0, 50.0, 1e4] {
        let mut scores = [score];
        let loss = Head::Binary.loss(&mut scores, 1.0, 0.0);
        assert!((loss - f64::from((-score).max(0.0))).abs() < 1e-6);
        assert_eq!(scores[0], if score < 0.0 { -1.0 } else { 0.0 });
        let mut scores = [0.0, score];
        let loss = Head::Classes(2).loss(&mut scores, 1.0, 0.0);
        assert!((loss - f64::from((-score).max(0.0))).abs() < 1e-6);
        let mut out = [0.0, 0.0];
        Head::Classes(2).add_prediction(&[0.0, score], 1.0, &mut out);
        assert!((out[0] + out[1] - 1.0).abs() < 1e-12);
    }
}

/// Units are dropped with about the given probability, and what is left makes up for it; other
/// steps and layers drop others.
#[test]
fn dropped_units_keep_the_mean() {
    use super::super::chunk::{Chunk, Dropout};
    let architecture = Architecture {
        n_numbers: 1,
        n_scaled: 1,
        hidden: &[401, 401],
        ..plain()
    };
    let mut case = Case::new(&architecture, VALUE, 100, 1);
    // Everything that comes out of the layers is 1, but for what is dropped.
    for layer in &mut case.network.layers {
        layer.weights.fill(0.0);
        layer.bias.fill(30.0);
    }
    let rows = case.all_rows();
    for probability in [0.1, 0.5, 0.9] {
        let active = |seed: u64, layer: usize| {
            let dropout = Dropout {
                seed: Seed::new(seed),
                probability,
            };
            let mut chunk = Chunk::new(&case.network);
            chunk.enter(&case.network, &case.data.inputs, rows.iter().copied(), &[]);
            chunk.activate(&case.network, 0, Some(dropout));
            chunk.sum(&case.network, 1);
            chunk.activate(&case.network, 1, Some(dropout));
            chunk.layers[layer].active.clone()
        };
        let first = active(1, 0);
        let n = first.len() as f64;
        let mean = first.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let dropped = first.iter().filter(|&&v| v == 0.0).count() as f64 / n;
        // Four standard errors.
        let error = 4.0 * (probability * (1.0 - probability) / n).sqrt();
        assert!((dropped - probability).abs() < error, "{dropped}");
        assert!((mean - 1.0).abs() < error / (1.0 - probability), "{mean}");
        // Rows differ, layers differ, steps differ; how often is as if they were independent.
        let same = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len() as f64
        };
        let by_chance = probability * probability + (1.0 - probability).powi(2);
        for share in [
            same(&first[401..], &first[..99 * 401]),
            same(&first[1..], &first[..first.len() - 1]),
            same(&first, &active(1, 1)),
            same(&first, &active(2, 0)),
        ] {
            assert!((share - by_chance).abs() < 0.02, "{share} {by_chance}");
        }
    }
}

/// The loss of a normalized network from its sums' moments over the batch, and a tenth of these in
/// the running ones, written down in 64 bits.
#[test]
fn a_batch_is_normalized_by_its_moments() {
    let architecture = Architecture {
        normalization: Normalization::Batch,
        hidden: &[4],
        ..plain()
    };
    // More rows than go together.
    let mut case = Case::new(&architecture, VALUE, 200, 3);
    case.network.norms[0].gamma = vec![0.5, -1.0, 2.0, 1.5];
    case.network.norms[0].beta = vec![0.1, 0.0, -0.3, 1.0];
    let network = case.network.clone();
    let rows = case.all_rows();
    let n = rows.len() as f64;
    let dense = |layer: usize, inputs: &[f64], unit: usize| -> f64 {
        let layer = &network.layers[layer];
        let terms = inputs.iter().enumerate();
        let terms = terms.map(|(i, x)| x * f64::from(layer.weights[i * layer.n_out + unit]));
        f64::from(layer.bias[unit]) + terms.sum::<f64>()
    };
    let inputs = case.data.inputs.numbers.chunks(3);
    let inputs: Vec<Vec<f64>> = inputs
        .map(|row| row.iter().copied().map(f64::from).collect())
        .collect();
    let mut hidden = vec![vec![0.0; 4]; 200];
    let mut moments = Vec::new();
    for unit in 0..4 {
        let sums: Vec<f64> = inputs.iter().map(|row| dense(0, row, unit)).collect();
        let mean = sums.iter().sum::<f64>() / n;
        let squares: f64 = sums.iter().map(|sum| (sum - mean).powi(2)).sum();
        let norm = &network.norms[0];
        let (gamma, beta) = (f64::from(norm.gamma[unit]), f64::from(norm.beta[unit]));
        for (hidden, sum) in hidden.iter_mut().zip(sums) {
            let normal = (sum - mean) / (squares / n + 1e-5).sqrt();
            hidden[unit] = (gamma * normal + beta).tanh();
        }
        moments.push((0.1 * mean, 0.9 + 0.1 * squares / (n - 1.0)));
    }
    let scores = hidden.iter().map(|row| dense(1, row, 0));
    let errors = scores.zip(&case.data.y).map(|(s, &y)| s - f64::from(y));
    let expected: f64 = errors.map(|error| error * error).sum();
    let mut trainer = Trainer::new(&case.network);
    let loss = case.step(&mut trainer, &rows, None, None);
    assert!((loss / expected - 1.0).abs() < 1e-5, "{loss} {expected}");
    let norm = &case.network.norms[0];
    for (unit, (mean, variance)) in moments.into_iter().enumerate() {
        assert!((f64::from(norm.mean[unit]) - mean).abs() < 1e-6);
        assert!((f64::from(norm.variance[unit]) - variance).abs() < 1e-5);
    }
}

/// Running moments that are not finite are found, as weights are.
#[test]
fn a_network_that_is_not_finite_is_found() {
    let architecture = Architecture {
        tables: &[levels(3, 2), knots(3, 2)],
        normalization: Normalization::Batch,
        n_members: 2,
        ..plain()
    };
    let mut network = Case::new(&architecture, VALUE, 2, 1).network;
    assert!(network.is_finite());
    for bad in [f32::NAN, f32::INFINITY] {
        for i in 0..parameters(&mut network).len() {
            let value = std::mem::replace(parameters(&mut network)[i], bad);
            assert!(!network.is_finite(), "parameter {i}");
            *parameters(&mut network)[i] = value;
        }
        for moment in 0..2 {
            let mut network = network.clone();
            let norm = &mut network.norms[0];
            [&mut norm.mean, &mut norm.variance][moment][1] = bad;
            assert!(!network.is_finite());
        }
    }
}
