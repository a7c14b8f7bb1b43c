//! Networks for tables: early stopping, going on, being watched, and weights.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "helpers of tests, too, may panic; small numbers"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use stackfold::data::Feature;
use stackfold::metrics::{ClassificationMetric, Metric};
use stackfold::model::neural::{
    End, FittedNeuralNetwork, NeuralClassifier, NeuralNetwork, Optimizer, Schedule,
};
use stackfold::model::{ClassWeight, EarlyStopping};
use stackfold::prelude::*;
use stackfold::progress::{Event, Progress, StopFlag};

use crate::neural::{in_sample, labels, plain, table, values};
use crate::support::{assert_close, binary};

fn small<Y: Target>() -> NeuralNetwork<Y> {
    plain()
        .with_hidden([12])
        .with_learning_rate(1e-2)
        .with_batch_size(50)
}

fn json<Y: serde::Serialize>(fitted: &FittedNeuralNetwork<Y>) -> String {
    serde_json::to_string(fitted).unwrap()
}

/// The networks' weights, without the epochs.
fn weights<Y: serde::Serialize>(fitted: &FittedNeuralNetwork<Y>) -> Vec<serde_json::Value> {
    let all = serde_json::to_value(fitted).unwrap();
    let networks = all["networks"].as_array().unwrap();
    networks
        .iter()
        .map(|network| network["network"].clone())
        .collect()
}

/// The last rows by time are validated, and the weights are those of the epoch of their least
/// loss: the same as without early stopping after so many epochs.
#[test]
fn the_best_epoch_is_kept() {
    let n = 400;
    let x = table(n, 1);
    // Every fourth label is another: more epochs learn noise.
    let seed = Seed::new(6);
    let flip = |i: usize| u32::from(seed.uniform(i as u64) < 0.25);
    let codes: Vec<u32> = labels(&x, 2)
        .codes()
        .iter()
        .enumerate()
        .map(|(i, code)| code ^ flip(i))
        .collect();
    let y = binary(&codes);
    // Later rows come first.
    let times: Vec<f64> = (0..n).map(|i| -(i as f64)).collect();
    let context = FitContext::default().with_time(Some(&times));
    let stopping = EarlyStopping::new().with_share(0.25).with_patience(4);
    let model = small::<Labels>()
        .with_hidden([64])
        .with_dropout(0.0)
        // Which rows' levels are dropped is drawn by the row's place in the table.
        .with_level_dropout(0.0)
        .with_n_epochs(200)
        .with_early_stopping(Some(stopping));
    let trained = model.train(&in_sample(&x), &y, &context).unwrap();
    assert_eq!(trained.end, End::StoppedEarly);
    let fitted = trained.fitted;
    let losses: Vec<f64> = fitted
        .history()
        .iter()
        .map(|epoch| epoch.validation_loss.unwrap())
        .collect();
    let best = (0..losses.len())
        .min_by(|&a, &b| losses[a].total_cmp(&losses[b]))
        .unwrap();
    assert_eq!(losses.len(), best + 1 + 4, "{losses:?}");
    assert!(best > 0);

    let validated: Vec<u32> = (0..100).collect();
    let score = |rows: &[u32]| {
        let p = fitted.predict(&x.take(rows)).unwrap();
        ClassificationMetric::LogLoss
            .score(&Target::take(&y, rows), &p, None)
            .unwrap()
    };
    assert_close(score(&validated), losses[best], 1e-9);
    // The other rows alone give the same network.
    let others: Vec<u32> = (100..400).collect();
    let same = model
        .with_early_stopping(None)
        .with_n_epochs(best + 1)
        .fit(
            &in_sample(&x.take(&others)),
            &Target::take(&y, &others),
            &FitContext::default(),
        )
        .unwrap();
    assert!(
        same.history()
            .iter()
            .all(|epoch| epoch.validation_loss.is_none())
    );
    let new = table(50, 9);
    for (a, b) in fitted
        .predict(&new)
        .unwrap()
        .positive()
        .iter()
        .zip(same.predict(&new).unwrap().positive())
    {
        assert_close(*a, *b, 1e-12);
    }
}

/// What an improvement is, and how long to wait for one.
#[test]
fn patience_and_least_improvement() {
    let x = table(300, 1);
    let y = values(&x);
    let model = small::<Values>().with_n_epochs(30);
    let n_epochs = |stopping: EarlyStopping| {
        let model = model.clone().with_early_stopping(Some(stopping));
        model
            .train(&in_sample(&x), &y, &FitContext::default())
            .unwrap()
    };
    // No loss falls by so much, except the first, which is better than none.
    let never = n_epochs(
        EarlyStopping::new()
            .with_patience(3)
            .with_min_improvement(100.0),
    );
    assert_eq!(
        (never.end, never.fitted.history().len()),
        (End::StoppedEarly, 4)
    );
    let always = n_epochs(EarlyStopping::new().with_patience(30));
    assert_eq!(
        (always.end, always.fitted.history().len()),
        (End::Finished, 30)
    );
    let first = model.clone().with_n_epochs(1);
    let first = first.with_early_stopping(Some(EarlyStopping::new()));
    let first = first
        .fit(&in_sample(&x), &y, &FitContext::default())
        .unwrap();
    assert_eq!(weights(&never.fitted), weights(&first));
}

/// Labels that are those of the group alone cannot be validated on rows of the same groups.
#[test]
fn groups_stay_together() {
    let n = 400_u32;
    let groups: Vec<u32> = (0..n).map(|i| i % 40).collect();
    let y: Vec<u32> = groups
        .iter()
        .map(|&g| u32::from(Seed::new(1).uniform(u64::from(g)) < 0.5))
        .collect();
    let codes: Vec<f32> = groups.iter().map(|&g| g as f32).collect();
    let x = Features::new(vec![Feature::code("group", 40)], n as usize, codes).unwrap();
    let stopping = EarlyStopping::new().with_share(0.25).with_patience(30);
    let model = small::<Labels>()
        .with_n_epochs(30)
        .with_early_stopping(Some(stopping));
    let best = |context: &FitContext<'_>| {
        let fitted = model.fit(&in_sample(&x), &binary(&y), context).unwrap();
        let losses = fitted
            .history()
            .iter()
            .map(|epoch| epoch.validation_loss.unwrap());
        losses.fold(f64::INFINITY, f64::min)
    };
    let apart = best(&FitContext::default().with_groups(Some(&groups)));
    let mixed = best(&FitContext::default());
    assert!(apart > 0.6 && mixed < 0.2, "{apart} {mixed}");
    // One group cannot be divided.
    let one = vec![0; n as usize];
    let context = FitContext::default().with_groups(Some(&one));
    let error = model
        .fit(&in_sample(&x), &binary(&y), &context)
        .unwrap_err()
        .to_string();
    assert!(error.contains("divided for early stopping"), "{error}");
}

#[test]
fn epochs_follow_the_schedule() {
    let x = table(100, 1);
    let y = values(&x);
    let rates = |schedule: Schedule| -> Vec<f64> {
        let model = small::<Values>().with_n_epochs(4).with_schedule(schedule);
        let fitted = model
            .fit(&in_sample(&x), &y, &FitContext::default())
            .unwrap();
        fitted
            .history()
            .iter()
            .map(|epoch| epoch.learning_rate)
            .collect()
    };
    let halves = Schedule::Step {
        every: 2,
        factor: 0.5,
    };
    assert_eq!(rates(Schedule::Constant), [1e-2; 4]);
    assert_eq!(rates(halves), [1e-2, 1e-2, 5e-3, 5e-3]);
    // Two steps an epoch: the last step of each of four epochs is 1, 3, 5 and 7 of 8.
    for (epoch, rate) in rates(Schedule::Cosine).into_iter().enumerate() {
        let place = (2 * epoch + 1) as f64 / 8.0;
        let expected = 1e-2 * 0.5 * (1.0 + (std::f64::consts::PI * place).cos());
        assert_close(rate, expected, 1e-12);
    }
}

/// Any number of epochs may be asked for: early stopping ends them.
#[test]
fn no_number_of_epochs_is_too_large() {
    let x = table(100, 1);
    let y = values(&x);
    let stopping = EarlyStopping::new()
        .with_patience(1)
        .with_min_improvement(1e9);
    let watch = Watch::default();
    let context = FitContext::default().with_progress(Some(&watch));
    for schedule in [
        Schedule::Constant,
        Schedule::Cosine,
        Schedule::OneCycle { warm_up: 0.1 },
        Schedule::Step {
            every: 1,
            factor: 0.9,
        },
    ] {
        let model = small::<Values>()
            .with_schedule(schedule)
            .with_n_epochs(usize::MAX)
            .with_early_stopping(Some(stopping));
        let fitted = model.fit(&in_sample(&x), &y, &context).unwrap();
        assert_eq!(fitted.history().len(), 2);
        let more = model
            .continue_from(&fitted, &in_sample(&x), &y, &context)
            .unwrap();
        assert_eq!(more.history().len(), 3);
    }
}

#[test]
fn going_on_makes_a_network_better() {
    let (x, test) = (table(800, 1), table(400, 2));
    let y = labels(&x, 3);
    let context = FitContext::default();
    let model = small::<Labels>().with_n_seeds(2).with_n_epochs(3);
    let first = model.fit(&in_sample(&x), &y, &context).unwrap();
    let more = model.clone().with_n_epochs(10);
    let second = more
        .continue_from(&first, &in_sample(&x), &y, &context)
        .unwrap();
    assert_eq!((first.history().len(), second.history().len()), (3, 13));
    assert_eq!(first.history(), &second.history()[..3]);
    assert!(second.histories().all(|history| history.len() == 13));
    let loss = |fitted: &FittedNeuralNetwork<Labels>| {
        let p = fitted.predict(&test).unwrap();
        ClassificationMetric::LogLoss
            .score(&labels(&test, 3), &p, None)
            .unwrap()
    };
    assert!(
        loss(&second) < 0.8 * loss(&first),
        "{} {}",
        loss(&second),
        loss(&first)
    );
    // A stateless optimizer that goes on is one that never stopped.
    let plain = small::<Labels>().with_optimizer(Optimizer::sgd(0.0));
    let five = plain
        .clone()
        .with_n_epochs(5)
        .fit(&in_sample(&x), &y, &context)
        .unwrap();
    let two = plain
        .clone()
        .with_n_epochs(2)
        .fit(&in_sample(&x), &y, &context)
        .unwrap();
    let rest = plain
        .with_n_epochs(3)
        .continue_from(&two, &in_sample(&x), &y, &context)
        .unwrap();
    assert_eq!(json(&rest), json(&five));
}

#[test]
fn going_on_with_early_stopping_is_no_worse() {
    let x = table(400, 1);
    let y = values(&x);
    let context = FitContext::default();
    let stopping = EarlyStopping::new().with_share(0.25).with_patience(3);
    let model = small::<Values>()
        .with_n_epochs(10)
        .with_early_stopping(Some(stopping));
    let first = model.fit(&in_sample(&x), &y, &context).unwrap();
    let least = |fitted: &FittedNeuralNetwork<Values>| {
        let losses = fitted
            .history()
            .iter()
            .map(|epoch| epoch.validation_loss.unwrap());
        losses.fold(f64::INFINITY, f64::min)
    };
    let second = model
        .continue_from(&first, &in_sample(&x), &y, &context)
        .unwrap();
    assert!(least(&second) < least(&first));
    // Steps that only do harm are not kept, though they are told of.
    let harm = model.clone().with_learning_rate(3.0).with_n_epochs(9);
    let third = harm
        .continue_from(&second, &in_sample(&x), &y, &context)
        .unwrap();
    assert_eq!(weights(&third), weights(&second));
    assert_eq!(third.history().len(), second.history().len() + 3);
}

#[test]
fn going_on_with_something_else_is_refused() {
    let x = table(100, 1);
    let y = labels(&x, 3);
    let context = FitContext::default();
    let model = small::<Labels>().with_n_epochs(1);
    let fitted = model.fit(&in_sample(&x), &y, &context).unwrap();
    let error = |x: &Features<OutOfSample>, y: &Labels| {
        let error = model.continue_from(&fitted, &in_sample(x), y, &context);
        error.unwrap_err().to_string()
    };
    let with = |j: usize, field: Feature| {
        let mut fields = x.fields().to_vec();
        fields[j] = field;
        Features::new(fields, 100, x.as_slice().to_vec()).unwrap()
    };
    assert_eq!(
        error(&with(1, Feature::number("z")), &y),
        r#"expected feature "b", as in fitting, found "z""#
    );
    assert_eq!(
        error(&with(2, Feature::number("c")), &y),
        r#"column "c": expected Code { n_codes: 4 }, as in the fitted model, found Number"#
    );
    assert_eq!(
        error(&x, &labels(&x, 2)),
        "expected classes c0, c1, c2, as in the fitted model, found c0, c1"
    );
    assert_eq!(
        error(&x, &labels(&table(90, 1), 3)),
        "expected 100 rows, as the features have, found 90"
    );
}

/// An epoch and how many there are, the losses of training and of validation.
type Told = (usize, usize, Option<f64>, Option<f64>);

/// Keeps what it is told, and stops a fit after so many epochs.
#[derive(Debug, Default)]
struct Watch {
    events: Mutex<Vec<Told>>,
    stop_after: Option<usize>,
    /// Stops in the middle of an epoch: after so many questions.
    stop_at_question: Option<usize>,
    n_questions: AtomicUsize,
}

impl Progress for Watch {
    fn event(&self, event: &Event<'_>) {
        let Event::Iteration {
            model,
            iteration,
            n_iterations,
            train_loss,
            validation_loss,
        } = event
        else {
            panic!("{event:?}");
        };
        assert_eq!(*model, "network");
        let told = (*iteration, *n_iterations, *train_loss, *validation_loss);
        self.events.lock().unwrap().push(told);
    }

    fn is_stopped(&self) -> bool {
        let n = self.n_questions.fetch_add(1, Ordering::Relaxed);
        let n_epochs = self.events.lock().unwrap().len();
        self.stop_after == Some(n_epochs) || self.stop_at_question.is_some_and(|at| n >= at)
    }
}

#[test]
fn a_fit_can_be_watched_and_stopped() {
    let x = table(200, 1);
    let y = values(&x);
    for early in [None, Some(EarlyStopping::new().with_share(0.25))] {
        let model = small::<Values>()
            .with_n_epochs(6)
            .with_early_stopping(early);
        let watch = Watch::default();
        let context = FitContext::default().with_progress(Some(&watch));
        let fitted = model.fit(&in_sample(&x), &y, &context).unwrap();
        let history = fitted.history().iter().zip(1..);
        let told: Vec<_> = history
            .map(|(epoch, i)| (i, 6, Some(epoch.train_loss), epoch.validation_loss))
            .collect();
        assert_eq!(*watch.events.lock().unwrap(), told);
        // Nobody who watches changes what comes out.
        let alone = model
            .fit(&in_sample(&x), &y, &FitContext::default())
            .unwrap();
        assert_eq!(json(&alone), json(&fitted));
        let n = fitted.history().len();
        let more = model
            .continue_from(&fitted, &in_sample(&x), &y, &context)
            .unwrap();
        let last = watch.events.lock().unwrap().last().copied().unwrap();
        assert_eq!((last.0, last.1), (more.history().len(), n + 6));

        let after_three = Watch {
            stop_after: Some(3),
            ..Watch::default()
        };
        // Four steps an epoch, or three without the rows set aside: in the middle of the third.
        let steps = if early.is_some() { 3 } else { 4 };
        let in_the_third = Watch {
            stop_at_question: Some(2 * steps + 1),
            ..Watch::default()
        };
        for (watch, n) in [(after_three, 3), (in_the_third, 2)] {
            let context = FitContext::default().with_progress(Some(&watch));
            let stopped = model.train(&in_sample(&x), &y, &context).unwrap();
            assert_eq!(stopped.end, End::Stopped);
            let short = model.clone().with_n_epochs(n);
            let short = short
                .fit(&in_sample(&x), &y, &FitContext::default())
                .unwrap();
            assert_eq!(json(&stopped.fitted), json(&short));
        }
    }
}

#[test]
fn a_raised_flag_stops_at_once() {
    let x = table(100, 1);
    let y = values(&x);
    let flag = StopFlag::new();
    flag.stop();
    let context = FitContext::default().with_progress(Some(&flag));
    let error = small().fit(&in_sample(&x), &y, &context).unwrap_err();
    assert_eq!(error.to_string(), "stopped by the caller");
    let trained = small().train(&in_sample(&x), &y, &context).unwrap();
    assert_eq!(
        (trained.end, trained.fitted.history().len()),
        (End::Stopped, 0)
    );
    assert!(trained.fitted.predict(&x).is_ok());
    let fitted = small()
        .fit(&in_sample(&x), &y, &FitContext::default())
        .unwrap();
    let error = small()
        .continue_from(&fitted, &in_sample(&x), &y, &context)
        .unwrap_err();
    assert_eq!(error.to_string(), "stopped by the caller");
}

#[test]
fn class_weights_are_row_weights() {
    let x = table(300, 1);
    let y = labels(&x, 3);
    let model = small::<Labels>().with_n_epochs(3);
    let own: Vec<f64> = (0..300).map(|i| 0.5 + f64::from(i % 3)).collect();
    let fit = |model: &NeuralClassifier, weights: Option<&[f64]>| {
        let context = FitContext::default().with_weights(weights);
        json(&model.fit(&in_sample(&x), &y, &context).unwrap())
    };
    let given = vec![("c0".to_owned(), 3.0), ("c2".to_owned(), 0.25)];
    let by_class = model.clone().with_class_weight(ClassWeight::Given(given));
    for weights in [None, Some(&own[..])] {
        let times = |i: usize| [3.0, 1.0, 0.25][y.codes()[i] as usize];
        let all: Vec<f64> = (0..300)
            .map(|i| weights.map_or(1.0, |w| w[i]) * times(i))
            .collect();
        // Numbers are scaled by the rows' own weights, so that these must be the same ones.
        let codes_only = x.fields()[2..].to_vec();
        let codes = Features::new(codes_only, 300, x.as_slice()[600..].to_vec()).unwrap();
        let fit = |model: &NeuralClassifier, weights: Option<&[f64]>| {
            let context = FitContext::default().with_weights(weights);
            json(&model.fit(&in_sample(&codes), &y, &context).unwrap())
        };
        assert_eq!(fit(&by_class, weights), fit(&model, Some(&all)));
        assert_ne!(fit(&by_class, weights), fit(&model, weights));
    }
    // Only ratios of weights count.
    let tenfold: Vec<f64> = own.iter().map(|w| 16.0 * w).collect();
    assert_eq!(fit(&model, Some(&own)), fit(&model, Some(&tenfold)));
    // A rare class that weighs as much as the others is told more often.
    let rare: Vec<u32> = (0..300).map(|i| u32::from(i % 12 == 0)).collect();
    let mean = |class_weight: ClassWeight| {
        let model = small::<Labels>().with_class_weight(class_weight);
        let fitted = model
            .fit(&in_sample(&x), &binary(&rare), &FitContext::default())
            .unwrap();
        fitted.predict(&x).unwrap().positive().iter().sum::<f64>() / 300.0
    };
    let (equal, balanced) = (mean(ClassWeight::Equal), mean(ClassWeight::Balanced));
    assert!(equal < 0.15 && balanced > 0.3, "{equal} {balanced}");
}

/// However long it is trained, no probability is beyond what labels were smoothed to.
#[test]
fn smoothed_labels_keep_probabilities_from_the_ends() {
    let codes: Vec<f32> = (0..200).map(|i| (i % 4) as f32).collect();
    let x = Features::new(vec![Feature::code("c", 4)], 200, codes).unwrap();
    let y = binary(&(0..200).map(|i| u32::from(i % 4 < 2)).collect::<Vec<u32>>());
    let extremes = |smoothing: f64| {
        let model = small::<Labels>()
            .with_dropout(0.0)
            .with_level_dropout(0.0)
            .with_label_smoothing(smoothing)
            .with_n_epochs(60);
        let fitted = model
            .fit(&in_sample(&x), &y, &FitContext::default())
            .unwrap();
        let p = fitted.predict(&x).unwrap();
        (p.positive()[2], p.positive()[0])
    };
    let (low, high) = extremes(0.2);
    assert!(
        (low - 0.1).abs() < 0.02 && (high - 0.9).abs() < 0.02,
        "{low} {high}"
    );
    let (low, high) = extremes(0.0);
    assert!(low < 0.01 && high > 0.99, "{low} {high}");
}

/// The unknown level is trained by levels that are dropped and by rare ones, and by nothing else.
#[test]
fn the_unknown_level_is_trained() {
    // Level 0 is twice as frequent as the others and lies higher.
    let codes: Vec<f32> = (0..500).map(|i| [0, 0, 1, 2, 3][i % 5] as f32).collect();
    let y: Vec<f64> = codes
        .iter()
        .map(|&c| if c == 0.0 { 10.0 } else { 0.0 })
        .collect();
    let x = Features::new(vec![Feature::code("c", 9)], 500, codes).unwrap();
    let fit = |level_dropout: f64, n_epochs: usize| {
        let model = plain::<Values>()
            .with_hidden([])
            .with_learning_rate(2e-2)
            .with_batch_size(50)
            .with_weight_decay(0.0)
            .with_level_dropout(level_dropout)
            .with_n_epochs(n_epochs);
        let y = Values::new(y.clone()).unwrap();
        model
            .fit(&in_sample(&x), &y, &FitContext::default())
            .unwrap()
    };
    let unknown = |fitted: &FittedNeuralNetwork<Values>| {
        let embedding = fitted.embedding("c").unwrap();
        assert_eq!(embedding.unknown_row(), 0);
        assert_eq!(embedding.counts(), [0, 200, 100, 100, 100]);
        embedding.vector(0).to_vec()
    };
    assert_eq!(unknown(&fit(0.0, 1)), unknown(&fit(0.0, 3)));
    assert_ne!(unknown(&fit(0.2, 1)), unknown(&fit(0.2, 3)));
    // It stands for the mean of all rows.
    let new = Features::new(vec![Feature::code("c", 9)], 2, vec![7.0, 1.0]).unwrap();
    let found = fit(0.2, 60).predict(&new).unwrap();
    assert!((found.as_slice()[0] - 4.0).abs() < 0.7, "{found:?}");
    assert!(found.as_slice()[1].abs() < 0.5, "{found:?}");
}
