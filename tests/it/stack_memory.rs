//! Tests of memory limits: results do not depend on them, and they bound what runs at once.
//! What is really allocated is counted in `tests/memory.rs`.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test waits so long and no longer"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stackfold::error::ErrorKind;
use stackfold::folds::{KFold, StratifiedKFold};
use stackfold::metrics::ClassificationMetric;
use stackfold::model::Subsampled;
use stackfold::model::baseline::{FittedPrior, Prior};
use stackfold::model::hist::{HistGradientBoosting, RandomForest};
use stackfold::model_selection::{CrossValidator, cross_validate};
use stackfold::prelude::*;
use stackfold::progress::{Event, Progress, StopFlag};
use stackfold::stack::{FittedStack, Level, NewRows, OnFailure, Scheme, Stack, View};
use stackfold::transform::encode::{OneHotEncoder, TargetEncoder};
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::{ColumnTransformer, Selector};

use crate::support::{bits, on_threads};

const ROWS: usize = 300;
const FOLDS: usize = 4;
/// None; room for a task or two of some views; less than any task needs.
const LIMITS: [Option<u64>; 4] = [None, Some(1 << 20), Some(60_000), Some(1)];

/// Four numbers and a column of ten levels.
fn data() -> (Table, Labels) {
    let seed = Seed::new(5);
    let names: Vec<String> = (0..10).map(|l| format!("level {l}")).collect();
    let mut columns: Vec<(String, Column)> = (0..4)
        .map(|j| {
            let values: Vec<f64> = (0..ROWS as u64).map(|i| seed.at(j).normal(i)).collect();
            (format!("x{j}"), Column::numeric(values))
        })
        .collect();
    let mut stream = seed.child("levels").stream();
    let cells: Vec<usize> = (0..ROWS).map(|_| stream.below(names.len())).collect();
    let cells = cells.into_iter().map(|l| Some(names[l].as_str()));
    columns.push(("c".to_owned(), Column::categorical(cells)));
    let noise = seed.child("noise");
    let positive = |i: u64| seed.at(0).normal(i) + noise.normal(i) > 0.3;
    let codes: Vec<u32> = (0..ROWS as u64).map(|i| u32::from(positive(i))).collect();
    (
        Table::new(columns).unwrap(),
        Labels::new(codes, vec!["no".into(), "yes".into()]).unwrap(),
    )
}

fn numbers() -> View<Labels> {
    let numeric = Selector::kind(ColumnKind::Numeric);
    View::new(
        "numbers",
        ColumnTransformer::new().with("x", numeric, Passthrough::new()),
    )
}

fn levels() -> View<Labels> {
    let categorical = Selector::kind(ColumnKind::Categorical);
    let columns = ColumnTransformer::new()
        .with("mean", categorical.clone(), TargetEncoder::new())
        .with("hot", categorical, OneHotEncoder::new());
    View::new("levels", columns)
}

/// Members of every kind, two views, a learner, a stack, a further level, and refits.
fn everything() -> Stack<Labels> {
    let (numbers, levels) = (numbers(), levels());
    let forest = RandomForest::new().with_n_trees(12);
    let boosting = HistGradientBoosting::new().with_n_trees(5);
    let inner = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(3)))
        .with_member("inner forest", &numbers, forest.clone())
        .with_member("inner prior", &levels, Prior::new())
        .with_memory_limit(Some(10_000));
    Stack::new(Scheme::out_of_fold(StratifiedKFold::new(FOLDS)))
        .with_member("forest", &numbers, forest.clone())
        .with_member("boosting", &levels, boosting.clone())
        .with_member("sampled", &numbers, Subsampled::new(boosting.clone(), 100))
        .with_member("prior", &levels, Prior::new())
        .with_out_of_bag_member("bags", &numbers, forest.with_n_trees(60))
        .with_learner("pipeline", Pipeline::new(numbers_alone(), boosting))
        .with_learner("stack", inner)
        .with_level(Level::new().with_member("second", Prior::new()))
        .with_new_rows(NewRows::Both)
}

fn found(fitted: &FittedStack<Labels>, table: &Table) -> Vec<Vec<u64>> {
    let mut found: Vec<Vec<u64>> = fitted.out_of_fold().iter().map(|(_, p)| bits(p)).collect();
    for new_rows in [NewRows::FoldAverage, NewRows::Refit] {
        let prediction = fitted.predict_with(table.rows(), new_rows).unwrap();
        found.push(bits(&prediction));
    }
    found
}

#[test]
fn limits_and_threads_change_no_bit() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(9));
    let mut first = None;
    for n_threads in [1, 2, 8] {
        for limit in LIMITS {
            let stack = everything().with_memory_limit(limit);
            let fitted = on_threads(n_threads, || stack.fit(train).unwrap());
            let report = fitted.report();
            assert_eq!(report.memory_limit, limit);
            assert!(report.peak_estimate > 0);
            let found = found(&fitted, &table);
            assert_eq!(
                first.get_or_insert_with(|| found.clone()),
                &found,
                "{n_threads} threads, {limit:?}"
            );
        }
    }
}

#[test]
fn the_report_says_what_was_planned() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    let stack = Stack::new(Scheme::out_of_fold(KFold::new(3)))
        .with_member("prior", &numbers(), Prior::new())
        .with_member("another", &numbers(), Prior::new());
    // 200 of 300 rows, 4 features, 4 bytes a value; as many tasks as threads.
    let one = 200 * 4 * 4;
    let peak = |n_threads: usize, limit: Option<u64>| {
        let stack = stack.clone().with_memory_limit(limit);
        on_threads(n_threads, || stack.fit(train).unwrap())
            .report()
            .peak_estimate
    };
    // Before a view was fitted, the table's 5 columns stand for its features.
    let guess = 200 * 5 * 4;
    assert_eq!(peak(1, None), guess);
    assert_eq!(peak(1, Some(2 * one)), guess);
    for _ in 0..5 {
        assert!(peak(4, Some(guess)) <= guess);
        assert!(peak(4, Some(2 * guess)) <= 2 * guess);
        assert!(peak(2, None) <= 2 * guess);
    }
    assert_eq!(peak(4, Some(1)), guess);
    let limited = stack.with_memory_limit(Some(1)).fit(train).unwrap();
    let text = limited.report().to_string();
    assert!(
        text.contains("above the memory limit: about 0.0 MB of 0.0 MB"),
        "{text}"
    );
}

#[test]
fn a_limit_of_nothing_is_an_error() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    let error = everything()
        .with_memory_limit(Some(0))
        .fit(train)
        .unwrap_err();
    let splitter = KFold::new(3);
    let cross_validator = CrossValidator::new(&splitter).with_memory_limit(Some(0));
    let other = cross_validator.run(&everything(), train).unwrap_err();
    for error in [error, other] {
        let ErrorKind::Parameter { parameter, .. } = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(parameter, "memory_limit");
    }
}

#[test]
fn cross_validation_under_a_limit_is_the_same() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(4));
    let learner = everything();
    let splitter = StratifiedKFold::new(3);
    let metric = &ClassificationMetric::LogLoss;
    let expected = cross_validate(&learner, train, &splitter, &[metric]).unwrap();
    for n_threads in [1, 2, 8] {
        for limit in LIMITS {
            let found = on_threads(n_threads, || {
                CrossValidator::new(&splitter)
                    .with_metrics(&[metric])
                    .with_memory_limit(limit)
                    .run(&learner, train)
                    .unwrap()
            });
            assert_eq!(found.all_scores(), expected.all_scores());
            assert_eq!(
                bits(found.out_of_fold().prediction()),
                bits(expected.out_of_fold().prediction())
            );
        }
    }
}

/// Counts events by what they say.
#[derive(Debug, Default)]
struct Counts(Mutex<BTreeMap<String, usize>>);

impl Progress for Counts {
    fn event(&self, event: &Event<'_>) {
        let text = match event {
            Event::Planned { n_fits } => format!("planned {n_fits}"),
            Event::Transformed { view, split, .. } => format!("view {view} {split:?}"),
            Event::Fitted {
                member,
                level,
                split,
                ..
            } => format!("{level} {member} {split:?}"),
            Event::Failed { member, split, .. } => format!("failed {member} {split:?}"),
            Event::AboveMemoryLimit {
                task,
                split,
                bytes,
                limit,
            } => {
                assert!(bytes > limit);
                format!("above {task} {split:?}")
            }
            Event::Blended => "blended".to_owned(),
            _ => return,
        };
        *self.0.lock().unwrap().entry(text).or_default() += 1;
    }
}

#[test]
fn each_event_is_told_once_under_any_limit() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    for limit in [None, Some(1 << 20), Some(1)] {
        let counts = Counts::default();
        let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(2)))
            .with_member("forest", &numbers(), RandomForest::new().with_n_trees(3))
            .with_member("prior", &levels(), Prior::new())
            .with_learner("learner", Pipeline::new(numbers_alone(), Prior::new()))
            .with_out_of_bag_member("bags", &numbers(), RandomForest::new().with_n_trees(60))
            .with_memory_limit(limit);
        on_threads(2, || stack.fit(train.with_progress(Some(&counts))).unwrap());
        let mut expected = vec!["planned 7".to_owned(), "blended".to_owned()];
        let (whole, splits) = ([None], [Some(0), Some(1)]);
        let is_tight = limit == Some(1);
        for (view, member, splits) in [
            (Some("numbers"), "forest", &splits[..]),
            (Some("levels"), "prior", &splits[..]),
            (None, "learner", &splits[..]),
            (Some("numbers"), "bags", &whole[..]),
        ] {
            for split in splits {
                expected.push(format!("1 {member} {split:?}"));
                expected.extend(view.map(|view| format!("view {view} {split:?}")));
                if is_tight {
                    expected.push(format!("above {} {split:?}", view.unwrap_or(member)));
                }
            }
        }
        let found = counts.0.lock().unwrap().clone();
        let expected: BTreeMap<String, usize> = expected.into_iter().map(|e| (e, 1)).collect();
        assert_eq!(found, expected, "{limit:?}");
    }
    // Cross-validation tells whoever came with the rows.
    let counts = Counts::default();
    let splitter = KFold::new(3);
    CrossValidator::new(&splitter)
        .with_memory_limit(Some(1))
        .run(
            &Pipeline::new(numbers_alone(), Prior::new()),
            train.with_progress(Some(&counts)),
        )
        .unwrap();
    let told = counts.0.into_inner().unwrap();
    assert_eq!(told.values().sum::<usize>(), 3, "{told:?}");
}

fn numbers_alone() -> ColumnTransformer<Labels> {
    let numeric = Selector::kind(ColumnKind::Numeric);
    ColumnTransformer::new().with("x", numeric, Passthrough::new())
}

/// Cannot be fitted.
#[derive(Debug, Clone)]
struct Fails;

impl Estimator<Labels> for Fails {
    type Fitted = FittedPrior<Labels>;

    fn fit(
        &self,
        _x: &Features<InSample>,
        _y: &Labels,
        _context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        Err(Error::data("another mood", "this one"))
    }
}

#[test]
fn failures_are_the_same_under_any_limit() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    let stack = Stack::new(Scheme::out_of_fold(KFold::new(FOLDS)))
        .with_member("prior", &numbers(), Prior::new())
        .with_member("fails", &levels(), Fails)
        .with_learner("learner", Pipeline::new(numbers_alone(), Fails));
    for n_threads in [1, 2, 8] {
        for limit in LIMITS {
            let stack = stack.clone().with_memory_limit(limit);
            let error = on_threads(n_threads, || stack.fit(train).unwrap_err());
            let text = error.to_string();
            assert!(
                text.contains("\"fails\"") && text.contains("fold 0"),
                "{text}"
            );
            let stack = stack.with_on_failure(OnFailure::LeaveOut);
            let fitted = on_threads(n_threads, || stack.fit(train).unwrap());
            assert_eq!(fitted.member_names(), ["prior"]);
            let dropped: Vec<&str> = fitted
                .report()
                .dropped
                .iter()
                .map(|d| d.member.as_str())
                .collect();
            assert_eq!(dropped, ["fails", "learner"]);
        }
    }
}

/// Raises the flag, and predicts the prior.
#[derive(Debug)]
struct Stops {
    flag: Arc<StopFlag>,
    n_fits: Arc<AtomicUsize>,
}

impl Estimator<Labels> for Stops {
    type Fitted = FittedPrior<Labels>;

    fn fit(
        &self,
        x: &Features<InSample>,
        y: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        self.flag.stop();
        self.n_fits.fetch_add(1, Ordering::SeqCst);
        Prior::new().fit(x, y, context)
    }
}

#[test]
fn a_flag_stops_what_waits_for_memory() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    for n_threads in [1, 2] {
        let (flag, n_fits) = (Arc::new(StopFlag::new()), Arc::new(AtomicUsize::new(0)));
        let stops = Stops {
            flag: Arc::clone(&flag),
            n_fits: Arc::clone(&n_fits),
        };
        let stack = Stack::new(Scheme::out_of_fold(KFold::new(20)))
            .with_member("stops", &numbers(), stops)
            .with_memory_limit(Some(1));
        let error = on_threads(n_threads, || {
            let train = train.with_progress(Some(flag.as_ref()));
            stack.fit(train).unwrap_err()
        });
        assert_eq!(error.kind(), &ErrorKind::Stopped);
        assert_eq!(n_fits.load(Ordering::SeqCst), 1);
    }
}

/// Has two parts, each of which waits until the other runs, too.
#[derive(Debug)]
struct Pair;

impl Estimator<Labels> for Pair {
    type Fitted = FittedPrior<Labels>;

    fn fit(
        &self,
        x: &Features<InSample>,
        y: &Labels,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let n_running = AtomicUsize::new(0);
        let part = || {
            n_running.fetch_add(1, Ordering::SeqCst);
            let end = Instant::now() + Duration::from_secs(20);
            while n_running.load(Ordering::SeqCst) < 2 && Instant::now() < end {
                std::thread::yield_now();
            }
            Instant::now() < end
        };
        let (a, b) = rayon::join(part, part);
        if !(a && b) {
            return Err(Error::data("two threads", "one"));
        }
        Prior::new().fit(x, y, context)
    }
}

/// No thread waits for memory: those that find no task help in the one that runs.
#[test]
fn a_task_that_runs_alone_has_all_threads() {
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    on_threads(2, || {
        let stack = Stack::new(Scheme::out_of_fold(KFold::new(3)))
            .with_member("pair", &numbers(), Pair)
            .with_memory_limit(Some(1));
        stack.fit(train).unwrap();
        let learner = Pipeline::new(numbers_alone(), Pair);
        let splitter = KFold::new(3);
        let cross_validator = CrossValidator::new(&splitter).with_memory_limit(Some(1));
        cross_validator.run(&learner, train).unwrap();
    });
}

#[test]
fn estimates_add_up() {
    fn of<L: Learner<Labels>>(learner: &L, n_rows: usize, n_columns: usize) -> u64 {
        learner.memory(n_rows, n_columns, 1)
    }
    let boosting = HistGradientBoosting::new();
    let own = |n: usize, p: usize| Estimator::<Labels>::memory(&boosting, n, p, 1);
    assert!(own(1000, 50) > 2 * 1000 * 50);
    assert!(own(2000, 50) > own(1000, 50) && own(1000, 100) > own(1000, 50));
    let learner = Pipeline::new(Passthrough::new(), boosting.clone());
    assert_eq!(of(&learner, 1000, 50), 4 * 1000 * 50 + own(1000, 50));
    let sampled = Subsampled::new(boosting.clone(), 100);
    let sampled = |n: usize| Estimator::<Labels>::memory(&sampled, n, 50, 1);
    assert_eq!(sampled(100), own(100, 50));
    assert_eq!(sampled(1000), 4 * 100 * 50 + own(100, 50));
    // A stack: its largest task, as often as there are threads, or as its limit allows.
    on_threads(2, || {
        let stack = Stack::new(Scheme::holdout(0.5))
            .with_member("boosting", &numbers(), boosting.clone())
            .with_member("prior", &levels(), Prior::new());
        let task = 4 * 1000 * 50 + own(1000, 50);
        assert_eq!(of(&stack, 1000, 50), 2 * task);
        let tight = stack.clone().with_memory_limit(Some(1));
        assert_eq!(of(&tight, 1000, 50), task);
        let loose = stack.with_memory_limit(Some(task + 5));
        assert_eq!(of(&loose, 1000, 50), task + 5);
    });
    assert_eq!(of(&learner, usize::MAX, usize::MAX), u64::MAX);
}
