//! Tests of what a fit is told of its caller's wishes, and tells.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use stackfold::error::ErrorKind;
use stackfold::folds::KFold;
use stackfold::model::Subsampled;
use stackfold::model::baseline::{FittedPrior, Prior};
use stackfold::model_selection::cross_validate;
use stackfold::prelude::*;
use stackfold::progress::{Event, Progress};
use stackfold::stack::{EstimatorBlender, Level, OnFailure, Scheme, Stack, View};
use stackfold::transform::passthrough::Passthrough;

const ROWS: u32 = 60;
const FOLDS: usize = 3;

/// Takes so many steps, asks before each and tells of each, and predicts the prior.
#[derive(Debug, Clone)]
struct Steps {
    n: usize,
    taken: Arc<AtomicUsize>,
}

impl Steps {
    fn new(n: usize) -> Self {
        Self {
            n,
            taken: Arc::default(),
        }
    }
}

impl Estimator<Labels> for Steps {
    type Fitted = FittedPrior<Labels>;

    fn fit(
        &self,
        x: &Features<InSample>,
        y: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        for iteration in 1..=self.n {
            if context.progress().is_some_and(Progress::is_stopped) {
                return Err(Error::stopped());
            }
            self.taken.fetch_add(1, Ordering::SeqCst);
            if let Some(progress) = context.progress() {
                progress.event(&Event::Iteration {
                    model: "steps",
                    iteration,
                    n_iterations: self.n,
                    train_loss: Some(1.0 / iteration as f64),
                    validation_loss: None,
                });
            }
        }
        Prior::new().fit(x, y, context)
    }
}

/// Stops as soon as one step has been taken.
#[derive(Debug)]
struct StopAfterOne(Arc<AtomicUsize>);

impl Progress for StopAfterOne {
    fn event(&self, _event: &Event<'_>) {}

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

fn data() -> (Table, Labels) {
    let x: Vec<f64> = (0..ROWS).map(f64::from).collect();
    let codes: Vec<u32> = (0..ROWS).map(|i| i % 2).collect();
    (
        Table::new([("x", Column::numeric(x))]).unwrap(),
        Labels::new(codes, vec!["no".into(), "yes".into()]).unwrap(),
    )
}

fn folds() -> Scheme {
    Scheme::out_of_fold(KFold::new(FOLDS))
}

fn view() -> View<Labels> {
    View::new("x", Passthrough::new())
}

fn with_prior() -> Stack<Labels> {
    Stack::new(folds()).with_member("prior", &view(), Prior::new())
}

fn pipeline<E>(estimator: E) -> Pipeline<Passthrough, E> {
    Pipeline::new(Passthrough::new(), estimator)
}

#[test]
fn a_fit_is_stopped_wherever_it_runs_in_a_stack() {
    const MANY: usize = 1_000_000;
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    for on_failure in [OnFailure::Stop, OnFailure::LeaveOut] {
        for place in 0..6 {
            let steps = Steps::new(MANY);
            let taken = Arc::clone(&steps.taken);
            let stack = match place {
                0 => with_prior().with_member("steps", &view(), steps),
                1 => with_prior().with_member("steps", &view(), Subsampled::new(steps, 10)),
                2 => with_prior().with_learner("steps", pipeline(steps)),
                3 => {
                    let inner = with_prior().with_member("steps", &view(), steps);
                    with_prior().with_learner("stack", inner)
                }
                4 => with_prior().with_level(Level::new().with_member("steps", steps)),
                _ => with_prior().with_blender(EstimatorBlender::new(steps)),
            };
            let stack = stack.with_on_failure(on_failure);
            let progress = StopAfterOne(Arc::clone(&taken));
            let train = train.with_progress(Some(&progress));
            let error = stack.fit(train).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Stopped, "place {place}: {error}");
            // Other threads may have asked before the first step was counted.
            let taken = taken.load(Ordering::SeqCst);
            assert!((1..MANY).contains(&taken), "place {place}: {taken} steps");
        }
    }
}

#[test]
fn progress_comes_with_the_rows() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    for place in 0..3 {
        let steps = Steps::new(1_000_000);
        let progress = StopAfterOne(Arc::clone(&steps.taken));
        let train = train.with_progress(Some(&progress));
        let error = match place {
            0 => pipeline(steps).fit(train).unwrap_err(),
            1 => cross_validate(&pipeline(steps), train, &KFold::new(FOLDS), &[]).unwrap_err(),
            _ => with_prior()
                .with_member("steps", &view(), steps)
                .fit(train)
                .unwrap_err(),
        };
        assert_eq!(error.kind(), &ErrorKind::Stopped, "place {place}: {error}");
    }
}

/// Keeps each iteration and its loss.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<(usize, f64)>>);

impl Progress for Recorder {
    fn event(&self, event: &Event<'_>) {
        if let Event::Iteration {
            model,
            iteration,
            n_iterations: 4,
            train_loss: Some(loss),
            validation_loss: None,
            ..
        } = event
        {
            assert_eq!(*model, "steps");
            self.0.lock().unwrap().push((*iteration, *loss));
        }
    }
}

#[test]
fn a_stack_passes_iterations_on() {
    let (table, target) = data();
    let recorder = Recorder::default();
    let train = Train::new(&table, &target).unwrap();
    with_prior()
        .with_member("steps", &view(), Steps::new(4))
        .fit(train.with_progress(Some(&recorder)))
        .unwrap();
    let mut found = recorder.0.lock().unwrap().clone();
    found.sort_by_key(|(iteration, _)| *iteration);
    let expected: Vec<(usize, f64)> = [(1, 1.0), (2, 0.5), (3, 1.0 / 3.0), (4, 0.25)]
        .into_iter()
        .flat_map(|step| vec![step; FOLDS])
        .collect();
    assert_eq!(found, expected);
}

/// Keeps what is told of: members as they are named, iterations by the model's name.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn event(&self, event: &Event<'_>) {
        let text = match event {
            Event::Fitted { member, .. } => (*member).to_owned(),
            Event::Iteration { model, .. } => format!("{model}.."),
            Event::Planned { n_fits } => format!("{n_fits} fits"),
            Event::Blended => "blended".to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

#[test]
fn a_stack_within_a_stack_passes_on_iterations_alone() {
    let (table, target) = data();
    let heard = Heard::default();
    let train = Train::new(&table, &target).unwrap();
    let inner = with_prior().with_member("steps", &view(), Steps::new(1));
    with_prior()
        .with_learner("inner", inner)
        .fit(train.with_progress(Some(&heard)))
        .unwrap();
    let mut heard = heard.0.into_inner().unwrap();
    heard.sort_unstable();
    let of = |text: &str| heard.iter().filter(|&other| other == text).count();
    assert_eq!(of("inner"), FOLDS);
    assert_eq!(of("prior"), FOLDS);
    assert_eq!(of("steps.."), FOLDS * FOLDS);
    assert_eq!(of(&format!("{} fits", 2 * FOLDS)), 1);
    assert_eq!(of("blended"), 1);
    assert_eq!(heard.len(), 2 * FOLDS + FOLDS * FOLDS + 2);
}

#[test]
fn nobody_watches_unless_asked_to() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    assert!(train.progress().is_none());
    assert!(FitContext::default().progress().is_none());
    let steps = Steps::new(7);
    pipeline(steps.clone()).fit(train).unwrap();
    assert_eq!(steps.taken.load(Ordering::SeqCst), 7);
}
