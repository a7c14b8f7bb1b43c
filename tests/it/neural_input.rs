//! Networks for tables: input and options that are not as they should be.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "helpers of tests, too, may panic; small numbers; the same bits"
)]

use stackfold::data::Feature;
use stackfold::error::ErrorKind;
use stackfold::model::neural::{
    EmbeddingSize, End, NeuralClassifier, NeuralNetwork, Normalization, NumericEmbedding,
    NumericScaling, Optimizer, Schedule,
};
use stackfold::model::{ClassWeight, EarlyStopping};
use stackfold::prelude::*;

use crate::neural::{in_sample, labels, plain, table, value, values};
use crate::support::binary;

const PIECES: NumericEmbedding = NumericEmbedding::PiecewiseLinear { n_bins: 5, size: 2 };
const WAVES: NumericEmbedding = NumericEmbedding::Periodic {
    n_frequencies: 3,
    sigma: 0.5,
    size: 2,
};

fn small<Y: Target>() -> NeuralNetwork<Y> {
    plain()
        .with_hidden([6])
        .with_n_epochs(2)
        .with_learning_rate(1e-2)
}

/// The probability of the second class for one column, after a fit on another.
fn predict_one(field: &Feature, train: &[f32], test: &[f32]) -> Vec<f64> {
    let x = |v: &[f32]| Features::from_columns(vec![field.clone()], vec![v.to_vec()]).unwrap();
    let y: Vec<u32> = (0..train.len()).map(|i| u32::from(i % 3 == 0)).collect();
    let fitted = small()
        .fit(&in_sample(&x(train)), &binary(&y), &FitContext::default())
        .unwrap();
    fitted.predict(&x(test)).unwrap().positive().to_vec()
}

#[test]
fn levels_that_were_not_there_are_the_unknown_one() {
    let train: Vec<f32> = (0..120).map(|i| (i % 4) as f32).collect();
    let odd = [4.0, 5.0, 6.0, 1e9, -1.0, 0.5, f32::NAN];
    let found = predict_one(&Feature::code("c", 6), &train, &odd);
    // Missing is unknown, too, where there was none in training.
    assert!(found.iter().all(|&p| p == found[0]), "{found:?}");
    let with_gaps: Vec<f32> = train
        .iter()
        .map(|&c| if c == 3.0 { f32::NAN } else { c })
        .collect();
    let found = predict_one(&Feature::code("c", 6), &with_gaps, &odd);
    assert!(found[6] != found[0] && found[1] == found[0], "{found:?}");
}

#[test]
fn columns_that_say_nothing_do_no_harm() {
    let gap = f32::NAN;
    for (field, value) in [
        (Feature::code("c", 1), 0.0),
        (Feature::code("c", 0), 0.0),
        (Feature::code("c", 3), gap),
        (Feature::number("x"), 7.0),
        (Feature::number("x"), gap),
        (Feature::number("x"), f32::MAX),
    ] {
        let found = predict_one(&field, &[value; 60], &[value, gap, 0.0, 7.0, -1e30]);
        assert!(
            found.iter().all(|p| (0.01..0.99).contains(p)),
            "{value}: {found:?}"
        );
    }
    for embedding in [PIECES, WAVES] {
        for value in [7.0, gap, f32::MAX] {
            let x = Features::new(vec![Feature::number("x")], 30, vec![value; 30]).unwrap();
            let y = Values::new((0..30).map(f64::from).collect::<Vec<f64>>()).unwrap();
            for scaling in [NumericScaling::Standard, NumericScaling::Quantile] {
                let model = small::<Values>()
                    .with_numeric_embedding(embedding)
                    .with_numeric_scaling(scaling);
                let fitted = model
                    .fit(&in_sample(&x), &y, &FitContext::default())
                    .unwrap();
                let other = Features::new(vec![Feature::number("x")], 2, vec![gap, 1.0]).unwrap();
                fitted.predict(&other).unwrap();
            }
        }
    }
}

/// Numbers far beyond those of training give some prediction, be the training ones of any size.
#[test]
fn numbers_of_any_size_are_predicted() {
    let x = table(200, 1);
    let y = labels(&x, 2);
    let tiny: Vec<f32> = x.as_slice()[..400].iter().map(|v| v * 1e-36).collect();
    let tiny = [&tiny[..], &x.as_slice()[400..]].concat();
    let tiny = Features::new(x.fields().to_vec(), 200, tiny).unwrap();
    let sizes = [1e3, 1e6, 1e7, 3e8, 1e10, 1e15, 1e20, 1e30, f32::MAX];
    let far: Vec<f32> = sizes.iter().flat_map(|&v| [v, -v]).collect();
    let n = far.len();
    let columns = vec![far.clone(), far, vec![0.0; n], vec![0.0; n]];
    let far = Features::from_columns(x.fields().to_vec(), columns).unwrap();
    for embedding in [NumericEmbedding::None, PIECES, WAVES] {
        for scaling in [NumericScaling::Standard, NumericScaling::Quantile] {
            for hidden in [&[][..], &[6], &[6, 4]] {
                let model = small()
                    .with_hidden(hidden)
                    .with_numeric_embedding(embedding)
                    .with_numeric_scaling(scaling);
                for train in [&x, &tiny] {
                    let context = FitContext::default();
                    let fitted = model.fit(&in_sample(train), &y, &context).unwrap();
                    let found = fitted.predict(&far);
                    assert!(found.is_ok(), "{model:?}: {found:?}");
                }
            }
        }
    }
}

/// A hundred thousand levels of two rows each have a vector each, or one together.
#[test]
fn a_hundred_thousand_levels() {
    let n = 200_000_u32;
    let code = |i: u32| i * 37 % 100_000;
    let codes: Vec<f32> = (0..n).map(|i| code(i) as f32).collect();
    let y = binary(&(0..n).map(|i| code(i) % 2).collect::<Vec<u32>>());
    let x = Features::new(vec![Feature::code("c", 100_000)], n as usize, codes).unwrap();
    let model = small()
        .with_min_level_count(2)
        .with_embedding_size(EmbeddingSize::Fixed(2))
        .with_level_dropout(0.0)
        .with_learning_rate(0.1)
        .with_batch_size(10_000)
        .with_n_epochs(2);
    let fit = |model: &NeuralClassifier| {
        let fitted = model.fit(&in_sample(&x), &y, &FitContext::default());
        fitted.unwrap()
    };
    let fitted = fit(&model);
    let embedding = fitted.embedding("c").unwrap();
    assert_eq!(embedding.n_rows(), 100_000 + 1);
    let counts = embedding.counts();
    assert!(counts[0] == 0 && counts[1..].iter().all(|&count| count == 2));
    // The class is the level's alone.
    let p = fitted.predict(&x).unwrap();
    let hits = p.positive().iter().zip(y.codes());
    let hits = hits.filter(|&(&p, &code)| (p > 0.5) == (code == 1)).count();
    assert!(hits > 190_000, "{hits}");
    // All of them rare: one level.
    let fitted = fit(&model.with_min_level_count(3).with_n_epochs(1));
    let embedding = fitted.embedding("c").unwrap();
    assert_eq!(
        (embedding.n_rows(), embedding.counts()),
        (1, &[200_000][..])
    );
    let p = fitted.predict(&x).unwrap();
    assert!(p.positive().iter().all(|&q| q == p.positive()[0]));
}

#[test]
fn infinite_numbers_are_named() {
    let x = table(50, 1);
    let y = labels(&x, 2);
    let with = |value: f32, column: usize| {
        let mut values = x.as_slice().to_vec();
        values[column * 50 + 17] = value;
        Features::new(x.fields().to_vec(), 50, values).unwrap()
    };
    for embedding in [NumericEmbedding::None, PIECES, WAVES] {
        let model = small().with_numeric_embedding(embedding);
        let fitted = model
            .fit(&in_sample(&x), &y, &FitContext::default())
            .unwrap();
        for value in [f32::INFINITY, f32::NEG_INFINITY] {
            for (column, name) in [(1, "b"), (3, "d")] {
                let bad = with(value, column);
                for error in [
                    model
                        .fit(&in_sample(&bad), &y, &FitContext::default())
                        .unwrap_err(),
                    model
                        .continue_from(&fitted, &in_sample(&bad), &y, &FitContext::default())
                        .unwrap_err(),
                    fitted.predict(&bad).unwrap_err(),
                ] {
                    assert_eq!((error.column(), error.row()), (Some(name), Some(17)));
                    assert!(matches!(error.kind(), ErrorKind::NotFinite { .. }));
                }
                let row: Vec<f32> = (0..4).map(|j| bad.column(j)[17]).collect();
                let error = fitted.predict_row(&row, &mut [0.0]).unwrap_err();
                assert_eq!(error.column(), Some(name));
            }
        }
    }
}

#[test]
fn few_rows_are_enough() {
    let x = table(60, 1);
    for n in [1, 2, 3, 60] {
        let rows: Vec<u32> = (0..n).collect();
        let x = x.take(&rows);
        for normalization in [Normalization::None, Normalization::Batch] {
            for embedding in [NumericEmbedding::None, PIECES, WAVES] {
                let model = small::<Values>()
                    .with_batch_size(1 << 40)
                    .with_normalization(normalization)
                    .with_numeric_embedding(embedding);
                let fitted = model.fit(&in_sample(&x), &values(&x), &FitContext::default());
                let found = fitted.unwrap().predict(&x).unwrap();
                assert_eq!(found.as_slice().len(), n as usize);
            }
        }
    }
    let none = x.take(&[]);
    let error = small()
        .fit(&in_sample(&none), &values(&none), &FitContext::default())
        .unwrap_err();
    assert_eq!(error.to_string(), "expected at least one row, found none");
    // No row to predict is no error.
    for embedding in [NumericEmbedding::None, PIECES, WAVES] {
        for members in [1, 2] {
            let model = small()
                .with_numeric_embedding(embedding)
                .with_n_members(members);
            let fitted = model.fit(&in_sample(&x), &labels(&x, 3), &FitContext::default());
            assert_eq!(fitted.unwrap().predict(&none).unwrap().n_rows(), 0);
        }
    }
    let empty = Features::new(vec![], 60, vec![]).unwrap();
    let error = small().fit(&in_sample(&empty), &values(&x), &FitContext::default());
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "expected at least one feature, found none");
}

/// One class only, or a class that no row has, is no error: it is what there is.
/// Squares of such values are infinite, or 0.
#[test]
fn values_of_any_size_are_learned() {
    let x = table(200, 3);
    let model = small::<Values>().with_n_epochs(30).with_learning_rate(2e-2);
    let fit = |unit: f64| {
        let y = (0..200).map(|i| unit * value(&x, i)).collect::<Vec<_>>();
        let y = Values::new(y).unwrap();
        let fitted = model.fit(&in_sample(&x), &y, &FitContext::default());
        let mut one = [0.0];
        let row: Vec<f32> = (0..4).map(|j| x.column(j)[0]).collect();
        fitted.unwrap().predict_row(&row, &mut one).unwrap();
        one[0] / unit
    };
    let plain = fit(1.0);
    for unit in [1e-200, 1e200] {
        let found = fit(unit);
        assert!(
            (found - plain).abs() < 0.05,
            "{unit:e}: {found}, not {plain}"
        );
    }
}

#[test]
fn one_class_and_one_value() {
    let x = table(60, 1);
    let context = FitContext::default();
    let model = small::<Labels>().with_n_epochs(30).with_learning_rate(2e-2);
    let fitted = model
        .fit(&in_sample(&x), &binary(&[1; 60]), &context)
        .unwrap();
    assert!(
        fitted
            .predict(&x)
            .unwrap()
            .positive()
            .iter()
            .all(|&p| p > 0.9)
    );
    let three = Labels::new(vec![0; 60], vec!["a".into(), "b".into(), "c".into()]).unwrap();
    let fitted = model.fit(&in_sample(&x), &three, &context).unwrap();
    assert!(
        fitted
            .predict(&x)
            .unwrap()
            .column(0)
            .iter()
            .all(|&p| p > 0.8)
    );
    let constant = Values::new(vec![1e6; 60]).unwrap();
    let model = small::<Values>().with_n_epochs(30).with_learning_rate(2e-2);
    let fitted = model.fit(&in_sample(&x), &constant, &context).unwrap();
    let found = fitted.predict(&x).unwrap();
    assert!(found.as_slice().iter().all(|y| (y - 1e6).abs() < 1.0));
}

/// What rows of weight 0 hold does not matter, be they trained on or validated.
#[test]
fn rows_without_weight_take_no_part() {
    let x = table(200, 1);
    let y = values(&x).as_slice().to_vec();
    let weights: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i % 4 != 1))).collect();
    let numbers = x.as_slice().to_vec();
    let stopping = EarlyStopping::new().with_share(0.2);
    let times: Vec<f64> = (0..200).map(f64::from).collect();
    let (mut wild_y, mut wild_numbers) = (y.clone(), numbers.clone());
    for i in (1..200).step_by(4) {
        wild_y[i] += 100.0;
        wild_numbers[i] += 3.0;
        wild_numbers[400 + i] = 3.0;
    }
    for (early, times) in [
        (None, None),
        (Some(stopping), None),
        (Some(stopping), Some(&times[..])),
    ] {
        let context = FitContext::default()
            .with_weights(Some(&weights))
            .with_time(times);
        let model = small::<Values>().with_early_stopping(early);
        let fit = |numbers: &[f32], y: &[f64]| {
            let x = Features::new(x.fields().to_vec(), 200, numbers.to_vec()).unwrap();
            let fitted = model.fit(&in_sample(&x), &Values::new(y.to_vec()).unwrap(), &context);
            serde_json::to_string(&fitted.unwrap()).unwrap()
        };
        assert_eq!(fit(&wild_numbers, &wild_y), fit(&numbers, &y));
    }
    let zeros = vec![0.0; 200];
    let context = FitContext::default().with_weights(Some(&zeros));
    let error = small()
        .fit(&in_sample(&x), &values(&x), &context)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected weights with a positive sum, found only zeros"
    );
    let negative: Vec<f64> = (0..200).map(|i| if i == 7 { -1.0 } else { 1.0 }).collect();
    let context = FitContext::default().with_weights(Some(&negative));
    let error = small()
        .fit(&in_sample(&x), &values(&x), &context)
        .unwrap_err();
    assert_eq!(error.row(), Some(7));
}

#[test]
fn a_rate_that_diverges_is_named() {
    let x = table(300, 1);
    let y = values(&x);
    let model = small::<Values>()
        .with_optimizer(Optimizer::sgd(0.9))
        .with_learning_rate(30.0)
        .with_batch_size(50)
        .with_n_epochs(20);
    let error = model
        .fit(&in_sample(&x), &y, &FitContext::default())
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("learning_rate must be one at which"),
        "{text}"
    );
    let trained = model
        .train(&in_sample(&x), &y, &FitContext::default())
        .unwrap();
    let End::Diverged { epoch, step } = trained.end else {
        panic!("{:?}", trained.end);
    };
    assert!((1..=20).contains(&epoch) && (1..=6).contains(&step));
    let named = format!("30, which diverged in epoch {epoch}, step {step}");
    assert!(text.ends_with(&named), "{text}, not {named}");
    assert_eq!(trained.fitted.history().len(), epoch - 1);
    assert!(
        trained
            .fitted
            .history()
            .iter()
            .all(|epoch| epoch.train_loss.is_finite())
    );
    // Weights are still finite, so that it predicts.
    let found = trained.fitted.predict(&x).unwrap();
    assert!(found.as_slice().iter().all(|y| y.is_finite()));

    // Divergence after some good epochs: the last good weights are kept.
    let rising = Schedule::Step {
        every: 3,
        factor: 1e8,
    };
    let model = model.with_learning_rate(1e-2).with_schedule(rising);
    let trained = model
        .train(&in_sample(&x), &y, &FitContext::default())
        .unwrap();
    assert!(
        matches!(trained.end, End::Diverged { epoch: 4, .. }),
        "{:?}",
        trained.end
    );
    let good = model
        .with_n_epochs(3)
        .fit(&in_sample(&x), &y, &FitContext::default())
        .unwrap();
    let json = |fitted| serde_json::to_string(fitted).unwrap();
    assert_eq!(json(&trained.fitted), json(&good));
}

#[test]
fn features_with_other_names_are_refused() {
    let x = table(60, 1);
    let fitted = small()
        .fit(&in_sample(&x), &values(&x), &FitContext::default())
        .unwrap();
    let mut fields = x.fields().to_vec();
    fields[1] = Feature::number("z");
    let other = Features::new(fields, 60, x.as_slice().to_vec()).unwrap();
    let error = fitted.predict(&other).unwrap_err().to_string();
    assert_eq!(error, r#"expected feature "b", as in fitting, found "z""#);
    let mut out = [0.0];
    let error = fitted
        .predict_row(&[0.0; 3], &mut out)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "expected 4 features, as in fitting, found 3");
    let error = fitted
        .predict_row(&[0.0; 4], &mut [0.0; 2])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "expected room for 1 outputs, found 2");
    let short = values(&table(50, 1));
    let error = small()
        .fit(&in_sample(&x), &short, &FitContext::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected 60 rows, as the features have, found 50"
    );
    assert!(fitted.embedding("z").is_none() && fitted.embedding("a").is_none());
    assert!(fitted.embedding("c").is_some());
}

/// The fit of an option outside its domain is refused, and the option named.
#[track_caller]
fn refused<Y: Target>(model: &NeuralNetwork<Y>, y: &Y, parameter: &str) {
    let x = in_sample(&table(40, 1));
    let error = model.fit(&x, y, &FitContext::default()).unwrap_err();
    match error.kind() {
        ErrorKind::Parameter {
            parameter: found, ..
        } => assert_eq!(found, parameter),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(model: &NeuralClassifier, parameter: &str) {
    refused(model, &labels(&table(40, 1), 2), parameter);
}

fn model() -> NeuralClassifier {
    small()
}

#[test]
fn numbers_of_things_are_one_or_more() {
    check(&model().with_n_epochs(0), "n_epochs");
    let regressor = small::<Values>().with_n_epochs(0);
    refused(&regressor, &values(&table(40, 1)), "n_epochs");
    check(&model().with_batch_size(0), "batch_size");
    check(&model().with_hidden([4, 0]), "hidden");
    check(&model().with_n_seeds(0), "n_seeds");
    check(&model().with_n_members(0), "n_members");
    check(&model().with_hidden([]).with_n_members(2), "n_members");
    check(&model().with_min_level_count(0), "min_level_count");
    for size in [EmbeddingSize::Fixed(0), EmbeddingSize::Half { max: 0 }] {
        check(&model().with_embedding_size(size), "embedding_size");
    }
    for sizes in [("d", 0), ("a", 3), ("z", 3)] {
        check(&model().with_embedding_sizes([sizes]), "embedding_sizes");
    }
    for (n_bins, size, name) in [(0, 1, "n_bins"), (1, 0, "size")] {
        let pieces = NumericEmbedding::PiecewiseLinear { n_bins, size };
        let name = format!("numeric_embedding.{name}");
        check(&model().with_numeric_embedding(pieces), &name);
    }
    for (n_frequencies, size, name) in [(0, 1, "n_frequencies"), (1, 0, "size")] {
        let waves = NumericEmbedding::Periodic {
            n_frequencies,
            sigma: 1.0,
            size,
        };
        let name = format!("numeric_embedding.{name}");
        check(&model().with_numeric_embedding(waves), &name);
    }
    let never = Schedule::Step {
        every: 0,
        factor: 0.5,
    };
    check(&model().with_schedule(never), "schedule.every");
    let patience = EarlyStopping::new().with_patience(0);
    check(&model().with_early_stopping(Some(patience)), "patience");
}

#[test]
fn shares_are_below_one() {
    for bad in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
        check(&model().with_dropout(bad), "dropout");
        check(&model().with_level_dropout(bad), "level_dropout");
        check(&model().with_label_smoothing(bad), "label_smoothing");
        let sgd = Optimizer::sgd(bad);
        check(&model().with_optimizer(sgd), "optimizer.momentum");
        let adam = |beta1, beta2| Optimizer::Adam {
            beta1,
            beta2,
            epsilon: 1e-8,
        };
        check(&model().with_optimizer(adam(bad, 0.9)), "optimizer.beta1");
        check(&model().with_optimizer(adam(0.9, bad)), "optimizer.beta2");
    }
    for share in [0.0, 0.6, f64::NAN] {
        let stopping = EarlyStopping::new().with_share(share);
        check(&model().with_early_stopping(Some(stopping)), "share");
    }
}

#[test]
fn sizes_are_above_zero() {
    // The last is above 0, but not with 32 bits.
    let adamw = |epsilon| Optimizer::AdamW {
        beta1: 0.9,
        beta2: 0.9,
        epsilon,
    };
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-60] {
        check(&model().with_optimizer(adamw(bad)), "optimizer.epsilon");
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        check(&model().with_learning_rate(bad), "learning_rate");
        let norm = model().with_max_gradient_norm(Some(bad));
        check(&norm, "max_gradient_norm");
        let step = Schedule::Step {
            every: 1,
            factor: bad,
        };
        check(&model().with_schedule(step), "schedule.factor");
        let waves = NumericEmbedding::Periodic {
            n_frequencies: 1,
            sigma: bad,
            size: 1,
        };
        let waves = model().with_numeric_embedding(waves);
        check(&waves, "numeric_embedding.sigma");
    }
    for bad in [0.0, 1.0, -1.0, f64::NAN, f64::INFINITY] {
        let cycle = Schedule::OneCycle { warm_up: bad };
        check(&model().with_schedule(cycle), "schedule.warm_up");
    }
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        check(&model().with_weight_decay(bad), "weight_decay");
        let stopping = EarlyStopping::new().with_min_improvement(bad);
        let stopping = model().with_early_stopping(Some(stopping));
        check(&stopping, "min_improvement");
    }
    let given = |name: &str, weight| ClassWeight::Given(vec![(name.to_owned(), weight)]);
    check(&model().with_class_weight(given("z", 1.0)), "class_weight");
    check(
        &model().with_class_weight(given("c1", -1.0)),
        "class_weight",
    );
}
