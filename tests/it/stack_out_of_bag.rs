//! Tests of stack members that are fitted once, whose out-of-bag predictions stand for
//! out-of-fold ones.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "helpers of tests, too, may panic; small numbers"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use stackfold::data::{Feature, RowIndex};
use stackfold::folds::{FoldPlan, KFold, Repeated, Split, StratifiedKFold, TimeSeriesSplit};
use stackfold::metrics::binary::roc_auc;
use stackfold::model::OutOfBagEstimator;
use stackfold::model::baseline::Prior;
use stackfold::model::hist::{Bag, ExtraTrees, FittedForest, OutOfBag, RandomForest};
use stackfold::prelude::*;
use stackfold::progress::{Event, Progress};
use stackfold::stack::{FittedStack, NewRows, OnFailure, Scheme, Stack, StackTarget, View};
use stackfold::transform::encode::{OrdinalEncoder, TargetEncoder};
use stackfold::transform::passthrough::Passthrough;

use crate::support::{binary, bits, on_threads};

const ROWS: usize = 240;

fn forest() -> RandomForest {
    RandomForest::new().with_n_trees(40)
}

/// Three columns, the first of which knows something of the target.
fn data(n: usize) -> (Table, Vec<u32>) {
    let seed = Seed::new(3);
    let column = |name: &str| -> Vec<f64> {
        let seed = seed.child(name);
        (0..n as u64).map(|i| seed.normal(i)).collect()
    };
    let noise = column("noise");
    let a = column("a");
    let codes = a.iter().zip(&noise).map(|(a, e)| u32::from(a + e > 0.0));
    let codes = codes.collect();
    let columns = [("a", a), ("b", column("b")), ("c", column("c"))];
    let table = Table::new(columns.map(|(name, c)| (name, Column::numeric(c)))).unwrap();
    (table, codes)
}

fn numbers<Y: Target>() -> View<Y> {
    View::new("numbers", Passthrough::new())
}

/// A stack of a prior and a forest that is fitted once.
fn stack<Y: StackTarget>(scheme: Scheme) -> Stack<Y>
where
    Prior: Estimator<Y>,
{
    let view = numbers();
    Stack::new(scheme)
        .with_member("prior", &view, Prior::new())
        .with_out_of_bag_member("forest", &view, forest())
}

fn folds() -> Scheme {
    Scheme::out_of_fold(StratifiedKFold::new(4))
}

fn column_of<'f>(fitted: &'f FittedStack<Labels>, member: &str) -> &'f [f64] {
    let mut columns = fitted.out_of_fold().iter();
    columns
        .find(|(name, _)| name == member)
        .unwrap()
        .1
        .positive()
}

fn column_bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// A forest that keeps what it predicted its training rows, and counts its fits.
#[derive(Debug, Clone)]
struct Kept {
    forest: RandomForest,
    columns: Arc<Mutex<Vec<Vec<f64>>>>,
}

impl Estimator<Labels> for Kept {
    type Fitted = FittedForest<Labels>;

    fn fit(
        &self,
        _x: &Features<InSample>,
        _y: &Labels,
        _context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        Err(Error::unsupported("a fit without out-of-bag predictions"))
    }
}

impl OutOfBagEstimator<Labels> for Kept {
    fn fit_out_of_bag(
        &self,
        x: &Features<InSample>,
        y: &Labels,
        context: &FitContext<'_>,
    ) -> Result<(Self::Fitted, Probabilities)> {
        let forest = self.forest.clone().with_out_of_bag(OutOfBag::Predict);
        let fitted = forest.fit(x, y, context)?;
        let prediction = fitted.out_of_bag().unwrap().all()?;
        let mut columns = self.columns.lock().unwrap();
        columns.push(prediction.positive().to_vec());
        Ok((fitted, prediction))
    }
}

#[test]
fn forests_give_their_out_of_bag_predictions_unasked() {
    let (table, codes) = data(ROWS);
    let names = ["a", "b", "c"];
    let fields = names.map(Feature::number).to_vec();
    let columns = names.map(|name| {
        let column = table.column(name).unwrap().numbers(RowIndex::All(ROWS));
        column.iter().map(|&v| v as f32).collect()
    });
    let x = Features::from_columns(fields, columns.to_vec()).unwrap();
    let x = x.assume_in_sample();
    let labels = binary(&codes);
    let values = Values::new((0..ROWS).map(|i| (i % 17) as f64).collect::<Vec<_>>()).unwrap();
    let context = FitContext::default().with_seed(Seed::new(8));

    let asked = forest().with_out_of_bag(OutOfBag::Predict);
    let expected = asked.fit(&x, &labels, &context).unwrap();
    let expected = expected.out_of_bag().unwrap().all().unwrap();
    let (_, found) = forest().fit_out_of_bag(&x, &labels, &context).unwrap();
    assert_eq!(bits(&found), bits(&expected));

    let trees = ExtraTrees::new().with_n_trees(40).with_bag(Bag::Share(0.5));
    let asked = trees.clone().with_out_of_bag(OutOfBag::Predict);
    let expected = asked.fit(&x, &values, &context).unwrap();
    let expected = expected.out_of_bag().unwrap().all().unwrap();
    let (_, found) = trees.fit_out_of_bag(&x, &values, &context).unwrap();
    assert_eq!(bits(&found), bits(&expected));

    let error = ExtraTrees::new().fit_out_of_bag(&x, &values, &context);
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("bag must be"), "{error}");
}

#[test]
fn the_column_is_the_forests_own_and_it_is_fitted_once() {
    let (table, codes) = data(ROWS);
    let target = binary(&codes);
    // Only some rows of the table, so that positions differ from the table's rows.
    let rows: Vec<u32> = (0..ROWS as u32).filter(|row| row % 5 != 2).collect();
    let train = Train::new(&table, &target).unwrap().subset(&rows).unwrap();
    let schemes = [
        folds(),
        Scheme::out_of_fold(Repeated::new(KFold::new(3), 3)),
        Scheme::holdout(0.4),
    ];
    for (scheme, n_out_of_fold) in schemes.into_iter().zip([192, 192, 77]) {
        for new_rows in [NewRows::FoldAverage, NewRows::Refit, NewRows::Both] {
            let kept = Kept {
                forest: forest(),
                columns: Arc::default(),
            };
            let view = numbers();
            let fitted = Stack::new(scheme.clone())
                .with_out_of_bag_member("forest", &view, kept.clone())
                .with_member("prior", &view, Prior::new())
                .with_new_rows(new_rows)
                .fit(train)
                .unwrap();
            let columns = kept.columns.lock().unwrap();
            assert_eq!(columns.len(), 1);
            let rows = fitted.out_of_fold_rows();
            assert_eq!(rows.len(), n_out_of_fold);
            let expected: Vec<f64> = rows.iter().map(|&r| columns[0][r as usize]).collect();
            assert_eq!(
                column_bits(column_of(&fitted, "forest")),
                column_bits(&expected)
            );
            assert_eq!(fitted.member_names(), ["forest", "prior"]);
            let report = &fitted.report().members[0];
            assert!(report.fit_seconds > 0.0 && report.score > 0.6);
        }
    }
}

#[test]
fn a_rows_own_target_is_not_in_its_column() {
    let (table, codes) = data(ROWS);
    let groups: Vec<f64> = (0..ROWS).map(|i| (i / 3) as f64).collect();
    let grouped = table
        .clone()
        .with_column("customer", Column::numeric(groups))
        .and_then(|t| t.with_role("customer", Role::Group))
        .unwrap();
    let column = |table: &Table, codes: &[u32]| {
        let target = binary(codes);
        let train = Train::new(table, &target).unwrap();
        let fitted = stack(Scheme::out_of_fold(KFold::new(4)))
            .fit(train)
            .unwrap();
        column_bits(column_of(&fitted, "forest"))
    };
    for (table, same_group) in [(&table, 40..41), (&grouped, 39..42)] {
        let before = column(table, &codes);
        let mut flipped = codes.clone();
        flipped[40] = 1 - flipped[40];
        let after = column(table, &flipped);
        assert_eq!(before[same_group.clone()], after[same_group]);
        // Other rows' trees have learned on it.
        assert_ne!(before, after);
    }
}

/// A forest finds in noise what it has seen of it: nothing, out-of-bag.
#[test]
fn noise_stays_noise() {
    let n = 2000;
    let names: Vec<String> = (0..20).map(|level| format!("level{level}")).collect();
    let (mut encoded, mut plain, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..4 {
        let mut stream = Seed::new(run).child("noise").stream();
        let columns: Vec<(String, Column)> = (0..4)
            .map(|c| {
                let levels: Vec<usize> = (0..n).map(|_| stream.below(20)).collect();
                let levels = levels.iter().map(|&level| Some(names[level].as_str()));
                (format!("x{c}"), Column::categorical(levels))
            })
            .collect();
        let codes: Vec<u32> = (0..n).map(|_| u32::from(stream.uniform() < 0.4)).collect();
        let table = Table::new(columns).unwrap();
        let target = binary(&codes);
        let positive: Vec<bool> = codes.iter().map(|&c| c == 1).collect();
        let means = View::new("means", TargetEncoder::new());
        let levels = View::new("levels", OrdinalEncoder::new());
        let fitted = Stack::new(folds())
            .with_out_of_bag_member("on means", &means, forest())
            .with_out_of_bag_member("on levels", &levels, forest())
            .fit(
                Train::new(&table, &target)
                    .unwrap()
                    .with_seed(Seed::new(run)),
            )
            .unwrap();
        let auc = |scores: &[f64]| roc_auc(&positive, scores, None).unwrap();
        encoded.push(auc(column_of(&fitted, "on means")));
        plain.push(auc(column_of(&fitted, "on levels")));
        whole.push(auc(fitted.out_of_fold_stack().unwrap().positive()));
        // The same forest for rows that it has learned on.
        let seen = fitted.predict_members(table.rows()).unwrap();
        assert!(auc(seen[1].positive()) > 0.8);
    }
    // The standard error of one such AUC is 0.013, of four's mean 0.0066.
    for aucs in [encoded, plain, whole] {
        let mean = aucs.iter().sum::<f64>() / 4.0;
        assert!((mean - 0.5).abs() < 0.027, "{aucs:?}");
    }
}

#[test]
fn threads_change_no_bit() {
    let (table, codes) = data(ROWS);
    let target = binary(&codes);
    let run = |threads: usize| {
        on_threads(threads, || {
            let train = Train::new(&table, &target).unwrap();
            let fitted = stack(folds()).fit(train).unwrap();
            let prediction = fitted.predict(table.rows()).unwrap();
            let column = column_bits(column_of(&fitted, "forest"));
            (column, bits(&prediction))
        })
    };
    let one = run(1);
    assert!([2, 8].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn its_one_model_predicts_new_rows_whatever_was_asked_for() {
    let (table, codes) = data(ROWS);
    let target = binary(&codes);
    let train = Train::new(&table, &target).unwrap();
    let members = |new_rows| {
        let fitted = stack(folds()).with_new_rows(new_rows).fit(train).unwrap();
        fitted.predict_members(table.rows()).unwrap()
    };
    let [average, refit, both] = [NewRows::FoldAverage, NewRows::Refit, NewRows::Both].map(members);
    assert_eq!(bits(&average[1]), bits(&refit[1]));
    assert_eq!(bits(&average[1]), bits(&both[1]));
    // And it is fitted as a refit of the same member on all rows would be.
    let view = numbers();
    let usual = Stack::new(folds())
        .with_member("forest", &view, forest())
        .with_new_rows(NewRows::Refit)
        .fit(train)
        .unwrap();
    let usual = usual.predict_members(table.rows()).unwrap();
    assert_eq!(bits(&average[1]), bits(&usual[0]));

    let average = stack(folds()).fit(train).unwrap();
    assert!(average.predict_with(table.rows(), NewRows::Refit).is_err());
    let both = stack(folds())
        .with_new_rows(NewRows::Both)
        .fit(train)
        .unwrap();
    for new_rows in [NewRows::Refit, NewRows::FoldAverage] {
        both.predict_with(table.rows(), new_rows).unwrap();
    }
}

#[test]
fn values_stack_too_and_no_other_member_is_needed() {
    let (table, _) = data(ROWS);
    let target = table.values("a").unwrap();
    let view = numbers();
    let fitted = Stack::new(folds())
        .with_out_of_bag_member("forest", &view, forest())
        .fit(Train::new(&table, &target).unwrap())
        .unwrap();
    let prediction = fitted.predict(table.rows()).unwrap();
    assert_eq!(prediction.as_slice().len(), ROWS);
    assert!(fitted.report().stack.as_ref().unwrap().score < 0.5);
}

#[test]
fn a_row_in_every_bag_is_an_error_that_names_it() {
    let (table, codes) = data(ROWS);
    let target = binary(&codes);
    let rows: Vec<u32> = (100..ROWS as u32).collect();
    let train = Train::new(&table, &target).unwrap().subset(&rows).unwrap();
    let view = numbers();
    let stack = Stack::new(folds())
        .with_member("prior", &view, Prior::new())
        .with_out_of_bag_member("one tree", &view, forest().with_n_trees(1));
    let error = stack.clone().fit(train).unwrap_err();
    assert!(error.row().is_some_and(|row| row >= 100), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("\"one tree\"") && text.contains("bag"),
        "{text}"
    );

    let fitted = stack
        .with_on_failure(OnFailure::LeaveOut)
        .fit(train)
        .unwrap();
    assert_eq!(fitted.member_names(), ["prior"]);
    assert_eq!(fitted.report().dropped[0].member, "one tree");
    fitted.predict(table.rows()).unwrap();
}

#[test]
fn plans_that_it_cannot_follow_are_refused() {
    let (table, codes) = data(ROWS);
    let target = binary(&codes);
    let timed = table
        .clone()
        .with_column(
            "day",
            Column::numeric((0..ROWS).map(|i| i as f64).collect::<Vec<_>>()),
        )
        .and_then(|t| t.with_role("day", Role::Time))
        .unwrap();
    let refused = |table: &Table, scheme: Scheme| {
        let error = stack(scheme).fit(Train::new(table, &target).unwrap());
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("\"forest\"") && error.contains("not supported"),
            "{error}"
        );
    };
    refused(&timed, Scheme::out_of_fold(TimeSeriesSplit::new(3)));
    refused(&timed, Scheme::holdout(0.3));
    // Windows in a table that does not say what its time is.
    let window = |end: u32| Split::new((0..end).collect(), (end..end + 60).collect(), ROWS);
    let splits = vec![window(60).unwrap(), window(120).unwrap()];
    let plan = FoldPlan::from_splits(splits, ROWS).unwrap();
    refused(&table, Scheme::from(plan));
    // Partitions do not follow time.
    stack(folds())
        .fit(Train::new(&timed, &target).unwrap())
        .unwrap();
}

/// Counts, and stops after so many iterations.
#[derive(Debug, Default)]
struct Watch {
    planned: AtomicUsize,
    fitted: Mutex<Vec<(String, Option<usize>)>>,
    transformed: AtomicUsize,
    iterations: AtomicUsize,
    stop_after: Option<usize>,
}

impl Progress for Watch {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Planned { n_fits } => self.planned.store(*n_fits, Ordering::SeqCst),
            Event::Fitted { member, split, .. } => {
                self.fitted
                    .lock()
                    .unwrap()
                    .push(((*member).to_owned(), *split));
            }
            Event::Transformed { .. } => {
                self.transformed.fetch_add(1, Ordering::SeqCst);
            }
            Event::Iteration { .. } => {
                self.iterations.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
    }

    fn is_stopped(&self) -> bool {
        let stop = |after| self.iterations.load(Ordering::SeqCst) >= after;
        self.stop_after.is_some_and(stop)
    }
}

#[test]
fn progress_tells_of_one_fit_and_can_stop_it() {
    let (table, codes) = data(ROWS);
    let target = binary(&codes);
    let train = Train::new(&table, &target).unwrap();
    // Four splits of the prior, the forest, and the prior again if it is refitted; each with its
    // view, which the two share on all rows.
    for (new_rows, n_fits) in [(NewRows::FoldAverage, 5), (NewRows::Refit, 6)] {
        let watch = Watch::default();
        let stack = stack(folds()).with_new_rows(new_rows);
        stack.fit(train.with_progress(Some(&watch))).unwrap();
        assert_eq!(watch.planned.load(Ordering::SeqCst), n_fits);
        assert_eq!(watch.transformed.load(Ordering::SeqCst), 5);
        let fitted = watch.fitted.lock().unwrap();
        assert_eq!(fitted.len(), n_fits);
        let of_forest: Vec<_> = fitted.iter().filter(|(name, _)| name == "forest").collect();
        assert_eq!(of_forest, [&("forest".to_owned(), None)]);
    }
    // A view whose only member is fitted once is not fitted in splits.
    let watch = Watch::default();
    Stack::new(folds())
        .with_member("prior", &numbers(), Prior::new())
        .with_out_of_bag_member("forest", &numbers(), forest())
        .fit(train.with_progress(Some(&watch)))
        .unwrap();
    assert_eq!(watch.transformed.load(Ordering::SeqCst), 5);

    let watch = Watch {
        stop_after: Some(3),
        ..Watch::default()
    };
    let error = stack(folds()).fit(train.with_progress(Some(&watch)));
    let error = error.unwrap_err();
    assert!(
        matches!(error.kind(), stackfold::error::ErrorKind::Stopped),
        "{error}"
    );
    assert!(watch.iterations.load(Ordering::SeqCst) < 40);
}
