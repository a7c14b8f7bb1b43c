//! Tests of stacks: against loops written by hand, and of what a fitted stack can tell.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stackfold::data::{Feature, RowIndex};
use stackfold::folds::{
    FoldPlan, HoldOut, KFold, Predefined, Repeated, SplitContext, Splitter, StratifiedKFold,
    TimeSeriesSplit,
};
use stackfold::metrics::{ClassificationMetric, Metric, RegressionMetric, binary};
use stackfold::model::baseline::Prior;
use stackfold::model_selection::cross_validate;
use stackfold::prelude::*;
use stackfold::stack::{
    Average, AverageBlender, Blender, EstimatorBlender, Event, FittedStack, GreedySelection, Level,
    LogisticBlender, MetaForm, NewRows, NonNegativeBlender, Progress, RidgeBlender, Scheme, Stack,
    View,
};
use stackfold::transform::impute::Imputer;
use stackfold::transform::{Selector, UnsupervisedTransformer};

use crate::support::{assert_close, binary};

/// A two-class model of one feature: the logistic of the distance to the middle of the class
/// means, or for many classes the nearness to each class's mean; a regression of one feature.
#[derive(Debug, Clone)]
struct OneFeature(usize);

#[derive(Debug)]
struct FittedOneFeature<Y> {
    feature: usize,
    /// The mean of the feature in each class, or offset and slope.
    numbers: Vec<f64>,
    shape: Y,
}

impl Estimator<Labels> for OneFeature {
    type Fitted = FittedOneFeature<Labels>;

    fn fit(
        &self,
        x: &Features<InSample>,
        y: &Labels,
        _context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let column = x.column(self.0);
        let mean = |class: usize| {
            let of_class: Vec<f64> = column
                .iter()
                .zip(y.codes())
                .filter(|(_, c)| **c as usize == class)
                .map(|(v, _)| f64::from(*v))
                .collect();
            of_class.iter().sum::<f64>() / of_class.len().max(1) as f64
        };
        Ok(FittedOneFeature {
            feature: self.0,
            numbers: (0..y.n_classes()).map(mean).collect(),
            shape: y.take(&[]),
        })
    }
}

impl Predictor<Labels> for FittedOneFeature<Labels> {
    fn predict(&self, x: &Features<OutOfSample>) -> Result<Probabilities> {
        let mut columns: Vec<Vec<f64>> = self
            .numbers
            .iter()
            .map(|mean| {
                let column = x.column(self.feature).iter();
                column.map(|&v| -(f64::from(v) - mean).powi(2)).collect()
            })
            .collect();
        for row in 0..x.n_rows() {
            // Less the nearest's, so that far rows, too, keep their order.
            let nearest = columns.iter().map(|c| c[row]).fold(f64::MIN, f64::max);
            for column in &mut columns {
                column[row] = (column[row] - nearest).exp();
            }
            let total: f64 = columns.iter().map(|c| c[row]).sum();
            for column in &mut columns {
                column[row] /= total;
            }
        }
        self.shape.prediction(columns)
    }
}

impl Estimator<Values> for OneFeature {
    type Fitted = FittedOneFeature<Values>;

    fn fit(
        &self,
        x: &Features<InSample>,
        y: &Values,
        _context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let n = x.n_rows() as f64;
        let column: Vec<f64> = x.column(self.0).iter().map(|&v| f64::from(v)).collect();
        let (mx, my) = (
            column.iter().sum::<f64>() / n,
            y.as_slice().iter().sum::<f64>() / n,
        );
        let cross: f64 = column
            .iter()
            .zip(y.as_slice())
            .map(|(x, y)| (x - mx) * (y - my))
            .sum();
        let slope = cross / column.iter().map(|x| (x - mx).powi(2)).sum::<f64>();
        Ok(FittedOneFeature {
            feature: self.0,
            numbers: vec![my - slope * mx, slope],
            shape: Target::take(y, &[]),
        })
    }
}

impl Predictor<Values> for FittedOneFeature<Values> {
    fn predict(&self, x: &Features<OutOfSample>) -> Result<Values> {
        let line = |&v: &f32| self.numbers[0] + self.numbers[1] * f64::from(v);
        self.shape
            .prediction(vec![x.column(self.feature).iter().map(line).collect()])
    }
}

/// Two features, each of which knows half of the answer.
fn halves(n: usize) -> (Table, Vec<f64>) {
    let mut stream = Seed::new(11).stream();
    let a: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
    let b: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
    let sum = a
        .iter()
        .zip(&b)
        .map(|(a, b)| a + b + 0.3 * stream.normal())
        .collect();
    let table = Table::new([("a", Column::numeric(a)), ("b", Column::numeric(b))]).unwrap();
    (table, sum)
}

fn labels(sum: &[f64]) -> Labels {
    binary(&sum.iter().map(|&s| u32::from(s > 0.3)).collect::<Vec<_>>())
}

fn view<Y: Target>() -> View<Y> {
    View::new("numbers", Imputer::median())
}

fn two_members(scheme: Scheme) -> Stack<Labels> {
    let view = view();
    Stack::new(scheme)
        .with_member("a", &view, OneFeature(0))
        .with_member("b", &view, OneFeature(1))
}

/// Fits on some rows and predicts others, with no stack around.
fn by_hand(
    feature: usize,
    table: &Table,
    target: &Labels,
    train: &[u32],
    rows: &[u32],
) -> Vec<f64> {
    let part = Train::new(table, target).unwrap().subset(train).unwrap();
    let (fitted, x) = Imputer::median().fit_transform(part).unwrap();
    let model = OneFeature(feature)
        .fit(&x, &target.take(train), &FitContext::default())
        .unwrap();
    let new = fitted
        .transform(table.rows().subset(rows).unwrap())
        .unwrap();
    model.predict(&new).unwrap().positive().to_vec()
}

#[test]
fn a_b_c_is_the_loop_written_by_hand() {
    let (table, sum) = halves(600);
    let target = labels(&sum);
    let known: Vec<u32> = (0..400).collect();
    let c: Vec<u32> = (400..600).collect();
    let train = Train::new(&table, &target).unwrap().subset(&known).unwrap();
    let plan = HoldOut::new(0.25).plan(&SplitContext::of(train)).unwrap();
    let fitted = two_members(Scheme::from(plan.clone()))
        .with_blender(LogisticBlender::new().with_alpha(0.5))
        .fit(train)
        .unwrap();

    let split = plan.split(0);
    let (a, b) = (split.train(), split.validation());
    assert_eq!((a.len(), b.len()), (300, 100));
    assert_eq!(fitted.out_of_fold_rows(), b);
    let b1: Vec<Vec<f64>> = (0..2).map(|f| by_hand(f, &table, &target, a, b)).collect();
    let c1: Vec<Vec<f64>> = (0..2).map(|f| by_hand(f, &table, &target, a, &c)).collect();
    for (m, column) in b1.iter().enumerate() {
        assert_eq!(
            fitted.out_of_fold()[m].1.positive(),
            column,
            "B1 of member {m}"
        );
    }
    let new = table.rows().subset(&c).unwrap();
    for (m, prediction) in fitted.predict_members(new).unwrap().iter().enumerate() {
        assert_eq!(prediction.positive(), c1[m], "C1 of member {m}");
    }
    // The meta model by hand: gradient descent on the same penalised loss.
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let y: Vec<f64> = b
        .iter()
        .map(|&row| f64::from(target.codes()[row as usize]))
        .collect();
    let mut theta = [0.5, 0.5, 0.0];
    for _ in 0..40_000 {
        let mut gradient = [0.5 * (theta[0] - 0.5), 0.5 * (theta[1] - 0.5), 0.0];
        for row in 0..b.len() {
            let (z0, z1) = (logit(b1[0][row]), logit(b1[1][row]));
            let p = 1.0 / (1.0 + (-(theta[0] * z0 + theta[1] * z1 + theta[2])).exp());
            gradient[0] += (p - y[row]) * z0;
            gradient[1] += (p - y[row]) * z1;
            gradient[2] += p - y[row];
        }
        for (t, g) in theta.iter_mut().zip(gradient) {
            *t -= 0.005 * g;
        }
    }
    let answer = fitted.predict(new).unwrap();
    for (row, &p) in answer.positive().iter().enumerate() {
        let score = theta[0] * logit(c1[0][row]) + theta[1] * logit(c1[1][row]) + theta[2];
        assert_close(p, 1.0 / (1.0 + (-score).exp()), 1e-6);
    }
}

#[test]
fn out_of_fold_is_the_loop_written_by_hand() {
    let (table, sum) = halves(203);
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(5));
    let fitted = two_members(Scheme::out_of_fold(StratifiedKFold::new(4)))
        .with_blender(AverageBlender::new(Average::Arithmetic))
        .fit(train)
        .unwrap();
    let plan = StratifiedKFold::new(4)
        .plan(&SplitContext::of(train))
        .unwrap();
    assert_eq!(fitted.plan(), &plan);
    let mut expected = vec![[f64::NAN; 2]; 203];
    let mut new = vec![[0.0; 2]; 203];
    let all: Vec<u32> = (0..203).collect();
    for s in 0..4 {
        let split = plan.split(s);
        for f in 0..2 {
            let held_out = by_hand(f, &table, &target, split.train(), split.validation());
            for (&row, p) in split.validation().iter().zip(held_out) {
                expected[row as usize][f] = p;
            }
            for (row, p) in by_hand(f, &table, &target, split.train(), &all)
                .iter()
                .enumerate()
            {
                new[row][f] += p / 4.0;
            }
        }
    }
    for f in 0..2 {
        let column: Vec<f64> = expected.iter().map(|row| row[f]).collect();
        assert_eq!(fitted.out_of_fold()[f].1.positive(), column);
    }
    // Fold average for new rows, then the mean of the members.
    let answer = fitted.predict(table.rows()).unwrap();
    for (row, &p) in answer.positive().iter().enumerate() {
        assert_close(p, f64::midpoint(new[row][0], new[row][1]), 1e-12);
    }
}

#[test]
fn a_stack_solves_what_no_member_solves_alone() {
    let (table, sum) = halves(2000);
    let target = labels(&sum);
    let known: Vec<u32> = (0..1000).collect();
    let new: Vec<u32> = (1000..2000).collect();
    let train = Train::new(&table, &target).unwrap().subset(&known).unwrap();
    let fitted = two_members(Scheme::out_of_fold(StratifiedKFold::new(5)))
        .fit(train)
        .unwrap();
    let truth: Vec<bool> = new
        .iter()
        .map(|&row| target.codes()[row as usize] == 1)
        .collect();
    let rows = table.rows().subset(&new).unwrap();
    let auc = |p: &Probabilities| binary::roc_auc(&truth, p.positive(), None).unwrap();
    let stack = auc(&fitted.predict(rows).unwrap());
    for member in fitted.predict_members(rows).unwrap() {
        assert!(
            stack > auc(&member) + 0.1,
            "{stack} against {}",
            auc(&member)
        );
    }
    // What it said of itself beforehand holds.
    let report = fitted.report();
    let own = report.stack.as_ref().unwrap();
    let interval = own.interval.as_ref().unwrap();
    assert!(interval.low <= own.score && own.score <= interval.high);
    assert!(
        (own.score - stack).abs() < 0.03,
        "{} and {stack}",
        own.score
    );
    assert_eq!(report.best_member().unwrap().level, 1);
}

/// Counts how often it is fitted.
#[derive(Debug)]
struct Counting(Arc<AtomicUsize>);

impl UnsupervisedTransformer for Counting {
    type Fitted = <Imputer as UnsupervisedTransformer>::Fitted;

    fn fit_rows(&self, rows: Rows<'_>, context: &FitContext<'_>) -> Result<Self::Fitted> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Imputer::median().fit_rows(rows, context)
    }
}

#[test]
fn members_share_one_transform_a_view_and_split() {
    let (table, sum) = halves(100);
    let target = labels(&sum);
    let count = Arc::new(AtomicUsize::new(0));
    let view = View::new("counted", Counting(Arc::clone(&count)));
    let stack = Stack::new(Scheme::out_of_fold(KFold::new(4)))
        .with_member("a", &view, OneFeature(0))
        .with_member("b", &view.clone(), OneFeature(1))
        .with_member("prior", &view, Prior::new());
    let train = Train::new(&table, &target).unwrap();
    stack.fit(train).unwrap();
    assert_eq!(count.swap(0, Ordering::Relaxed), 4);
    stack.with_new_rows(NewRows::Refit).fit(train).unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 5);
}

#[test]
fn refit_and_fold_average_come_from_one_stack() {
    let (table, sum) = halves(120);
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    let stack = two_members(Scheme::out_of_fold(KFold::new(3)));
    let both = stack
        .clone()
        .with_new_rows(NewRows::Both)
        .fit(train)
        .unwrap();
    let average = stack.clone().fit(train).unwrap();
    let refit = stack.with_new_rows(NewRows::Refit).fit(train).unwrap();
    let rows = table.rows();
    assert_eq!(both.predict(rows).unwrap(), average.predict(rows).unwrap());
    assert_eq!(
        both.predict_with(rows, NewRows::Refit).unwrap(),
        refit.predict(rows).unwrap()
    );
    let all: Vec<u32> = (0..120).collect();
    assert_eq!(
        refit.predict_members(rows).unwrap()[0].positive(),
        by_hand(0, &table, &target, &all, &all)
    );
    let error = average.predict_with(rows, NewRows::Refit).unwrap_err();
    assert!(error.to_string().contains("new_rows"), "{error}");
}

#[test]
fn levels_and_raw_columns_are_used() {
    let (table, sum) = halves(400);
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    // Level 1 knows only `a`; level 2 sees it, and `b` as it is.
    let view = view();
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(4)))
        .with_member("a", &view, OneFeature(0))
        .with_member("prior", &view, Prior::new())
        .with_pass_through(Selector::names(["b"]));
    let fitted = stack.clone().fit(train).unwrap();
    let only_a = fitted.report().members[0].score;
    let with_b = fitted.report().stack.as_ref().unwrap().score;
    assert!(with_b > only_a + 0.1, "{with_b} against {only_a}");

    // Features of level 2: two members, then the raw column.
    let level = Level::new()
        .with_member("first", OneFeature(0))
        .with_member("raw", OneFeature(2));
    let fitted = stack.with_level(level).fit(train).unwrap();
    let names: Vec<&str> = fitted
        .out_of_fold()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["a", "prior", "first", "raw"]);
    let levels: Vec<usize> = fitted.report().members.iter().map(|m| m.level).collect();
    assert_eq!(levels, [1, 1, 2, 2]);
    let above = fitted.report().stack.as_ref().unwrap().score;
    assert!(
        above > only_a + 0.1,
        "{above} against {only_a}\n{}",
        fitted.report()
    );
    assert_eq!(fitted.predict(table.rows()).unwrap().n_rows(), 400);
    let weights: Vec<bool> = fitted
        .report()
        .members
        .iter()
        .map(|m| m.weight.is_some())
        .collect();
    assert_eq!(weights, [false, false, true, true]);
}

type Blended = Arc<dyn Fn(Stack<Values>) -> Stack<Values>>;

#[test]
fn values_are_stacked() {
    let (table, sum) = halves(500);
    let target = Values::new(sum).unwrap();
    let view = view();
    let blenders: Vec<(&str, Blended)> = vec![
        ("ridge", Arc::new(|s| s.with_blender(RidgeBlender::new()))),
        (
            "nnls",
            Arc::new(|s| s.with_blender(NonNegativeBlender::new())),
        ),
        (
            "greedy",
            Arc::new(|s| s.with_blender(GreedySelection::new().with_bags(1, 1.0))),
        ),
        (
            "mean",
            Arc::new(|s| s.with_blender(AverageBlender::new(Average::Arithmetic))),
        ),
        (
            "estimator",
            Arc::new(|s| {
                s.with_blender(EstimatorBlender::new(OneFeature(0)).with_form(MetaForm::Plain))
            }),
        ),
    ];
    for (name, with_blender) in blenders {
        let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
            .with_member("a", &view, OneFeature(0))
            .with_member("b", &view, OneFeature(1));
        let fitted = with_blender(stack)
            .fit(Train::new(&table, &target).unwrap())
            .unwrap();
        let report = fitted.report();
        assert_eq!(report.metric, RegressionMetric::Rmse.name());
        let score = report.stack.as_ref().unwrap().score;
        let best = report.best_member().unwrap().score;
        if name == "ridge" {
            // Each member is a slope of one; their sum is the answer, up to the noise of 0.3.
            assert!(score < 0.35, "{name}: {score}");
        } else if name != "estimator" {
            assert!(score < best, "{name}: {score} against {best}");
        }
    }
}

#[test]
fn many_classes_are_stacked() {
    let (table, sum) = halves(900);
    let codes: Vec<u32> = sum
        .iter()
        .map(|&s| if s < -0.7 { 0 } else { u32::from(s > 0.7) + 1 })
        .collect();
    let target = Labels::new(codes, vec!["low".into(), "middle".into(), "high".into()]).unwrap();
    let train = Train::new(&table, &target).unwrap();
    let stack = |blender: Arc<dyn Fn(Stack<Labels>) -> Stack<Labels>>| {
        let view = view();
        let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
            .with_member("a", &view, OneFeature(0))
            .with_member("b", &view, OneFeature(1))
            .with_metric(ClassificationMetric::LogLoss);
        blender(stack).fit(train)
    };
    let fitted = stack(Arc::new(|s| s)).unwrap();
    let score = fitted.report().stack.as_ref().unwrap().score;
    let best = fitted.report().best_member().unwrap().score;
    assert!(score < best - 0.1, "{score} against {best}");
    assert_eq!(
        fitted.predict(table.rows()).unwrap().classes(),
        ["low", "middle", "high"]
    );

    for blender in [
        Arc::new(|s: Stack<Labels>| s.with_blender(NonNegativeBlender::new()))
            as Arc<dyn Fn(_) -> _>,
        Arc::new(|s: Stack<Labels>| s.with_blender(AverageBlender::new(Average::Geometric))),
        Arc::new(|s: Stack<Labels>| s.with_blender(GreedySelection::new())),
        Arc::new(|s: Stack<Labels>| s.with_blender(EstimatorBlender::new(OneFeature(0)))),
    ] {
        let prediction = stack(blender).unwrap().predict(table.rows()).unwrap();
        assert_eq!(prediction.n_columns(), 3);
    }
    let error = stack(Arc::new(|s| {
        s.with_blender(AverageBlender::new(Average::Rank))
    }))
    .unwrap_err();
    assert!(error.to_string().contains("rank mean"), "{error}");
}

#[test]
fn weights_of_blenders_are_convex_and_prefer_the_better_member() {
    let (table, sum) = halves(600);
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    let view = view();
    let base = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
        .with_member("a", &view, OneFeature(0))
        .with_member("prior", &view, Prior::new());
    for (name, stack) in [
        ("nnls", base.clone().with_blender(NonNegativeBlender::new())),
        (
            "greedy",
            base.clone()
                .with_blender(GreedySelection::new().with_bags(1, 1.0)),
        ),
        (
            "greedy by AUC",
            base.with_blender(
                GreedySelection::new()
                    .with_bags(1, 1.0)
                    .with_metric(ClassificationMetric::RocAuc),
            ),
        ),
    ] {
        let fitted = stack.fit(train).unwrap();
        let weights = fitted.blender().weights().unwrap();
        assert_close(weights.iter().sum(), 1.0, 1e-12);
        assert!(
            weights[0] > weights[1] && weights[1] >= 0.0,
            "{name}: {weights:?}"
        );
    }
}

#[test]
fn the_rank_mean_orders_like_its_members() {
    let (table, sum) = halves(300);
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    let fitted = two_members(Scheme::out_of_fold(StratifiedKFold::new(3)))
        .with_blender(AverageBlender::new(Average::Rank))
        .fit(train)
        .unwrap();
    // Ranks come from training, so a row alone is predicted as it is among others.
    let all = fitted.predict(table.rows()).unwrap();
    let alone = fitted.predict(table.rows().subset(&[7]).unwrap()).unwrap();
    assert_eq!(all.positive()[7].to_bits(), alone.positive()[0].to_bits());
    assert!(fitted.report().stack.as_ref().unwrap().score > 0.9);
}

#[test]
fn time_windows_leave_the_first_rows_without_predictions() {
    let (table, sum) = halves(200);
    let times: Vec<f64> = (0..200).map(f64::from).collect();
    let table = table
        .with_column("day", Column::numeric(times))
        .unwrap()
        .with_role("day", Role::Time)
        .unwrap();
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    let fitted = two_members(Scheme::out_of_fold(TimeSeriesSplit::new(4)))
        .fit(train)
        .unwrap();
    let rows = fitted.out_of_fold_rows();
    assert!(!rows.is_empty() && rows[0] > 0 && rows.len() < 200);
    assert_eq!(fitted.out_of_fold()[0].1.n_rows(), rows.len());
    assert_eq!(fitted.report().n_out_of_fold, rows.len());
    assert_eq!(fitted.predict(table.rows()).unwrap().n_rows(), 200);
}

#[test]
fn a_stack_over_time_is_scored_forwards() {
    // The members are right at first and wrong later: a blender that saw later rows would know.
    let (table, sum) = halves(400);
    let times: Vec<f64> = (0..400).map(f64::from).collect();
    let table = table
        .with_column("day", Column::numeric(times))
        .unwrap()
        .with_role("day", Role::Time)
        .unwrap();
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    let stack = two_members(Scheme::out_of_fold(TimeSeriesSplit::new(4)));
    let fitted = stack.clone().fit(train).unwrap();
    let score = fitted.report().stack.as_ref().unwrap().score;
    // By hand: each stretch but the first, by a blender of the stretches before.
    let plan = fitted.plan();
    let rows = fitted.out_of_fold_rows();
    let place = |row: u32| rows.iter().position(|&r| r == row).unwrap();
    let first = plan.split(0).validation().len();
    let later: Vec<u32> = (1..4)
        .flat_map(|s| plan.split(s).validation().to_vec())
        .collect();
    assert_eq!(first + later.len(), rows.len());
    assert!(later.iter().all(|&row| place(row) >= first));
    assert!(score > 0.9, "{score}");
    assert_eq!(fitted.out_of_fold_stack_rows(), later);
    // Each stretch is blended by what was fitted on the stretches before.
    let stacked = fitted.out_of_fold_stack().unwrap();
    let meta = |rows: &[u32]| -> Vec<Probabilities> {
        let places: Vec<u32> = rows
            .iter()
            .map(|&row| u32::try_from(place(row)).unwrap())
            .collect();
        fitted
            .out_of_fold()
            .iter()
            .map(|(_, p)| p.take(&places))
            .collect()
    };
    assert_eq!(stacked.n_rows(), later.len());
    let average = AverageBlender::new(Average::Arithmetic);
    let averaged = stack.clone().with_blender(average).fit(train).unwrap();
    let of_members = meta(&later);
    let mean = averaged.out_of_fold_stack().unwrap().positive();
    for (row, &found) in mean.iter().enumerate() {
        let expected = f64::midpoint(of_members[0].positive()[row], of_members[1].positive()[row]);
        assert_close(found, expected, 1e-12);
    }
    // Members and stack are scored on the same rows; members' scores on all rows are kept.
    let metric = ClassificationMetric::RocAuc;
    let on = |rows: &[u32], p: &Probabilities| metric.score(&target.take(rows), p, None).unwrap();
    let report = fitted.report();
    assert_eq!(
        (report.n_out_of_fold, report.n_scored),
        (rows.len(), later.len())
    );
    assert_close(score, on(&later, stacked), 0.0);
    for (m, member) in report.members.iter().enumerate() {
        assert_close(member.score, on(&later, &of_members[m]), 0.0);
        assert_close(
            member.score_on_all,
            on(rows, &fitted.out_of_fold()[m].1),
            0.0,
        );
        assert_ne!(member.score.to_bits(), member.score_on_all.to_bits());
        let interval = member.interval.unwrap();
        assert!(interval.low < member.score && member.score < interval.high);
    }
    let table_of = report.to_string();
    let line = format!(
        "roc_auc of members and stack on the {} rows that the stack predicts; of members on all {}",
        later.len(),
        rows.len()
    );
    assert!(
        table_of.contains(&line) && table_of.contains("on all"),
        "{table_of}"
    );
    let error = stack
        .with_level(Level::new().with_member("next", OneFeature(0)))
        .fit(train)
        .unwrap_err();
    assert!(error.to_string().contains("follow time"), "{error}");
}

/// Predicts one row too few.
#[derive(Debug)]
struct Short;

#[derive(Debug)]
struct FittedShort;

impl Estimator<Values> for Short {
    type Fitted = FittedShort;
    fn fit(
        &self,
        _x: &Features<InSample>,
        _y: &Values,
        _context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        Ok(FittedShort)
    }
}

impl Predictor<Values> for FittedShort {
    fn predict(&self, x: &Features<OutOfSample>) -> Result<Values> {
        Values::new(vec![0.0; x.n_rows() - 1])
    }
}

#[test]
fn a_prediction_of_too_few_rows_is_an_error() {
    let (table, sum) = halves(90);
    let target = Values::new(sum).unwrap();
    let error = Stack::new(Scheme::out_of_fold(KFold::new(3)))
        .with_member("a", &view(), OneFeature(0))
        .with_member("short", &view(), Short)
        .fit(Train::new(&table, &target).unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "stack level 1, member \"short\", fold 0: expected a prediction of 30 rows, found 29"
    );
}

#[test]
fn repeated_folds_average_their_predictions() {
    let (table, sum) = halves(90);
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    let fitted = two_members(Scheme::out_of_fold(Repeated::new(KFold::new(3), 2)))
        .fit(train)
        .unwrap();
    let plan = fitted.plan();
    assert_eq!(plan.n_splits(), 6);
    let mut expected = vec![0.0; 90];
    for s in 0..6 {
        let split = plan.split(s);
        let p = by_hand(0, &table, &target, split.train(), split.validation());
        for (&row, p) in split.validation().iter().zip(p) {
            expected[row as usize] += p / 2.0;
        }
    }
    for (found, expected) in fitted.out_of_fold()[0].1.positive().iter().zip(expected) {
        assert_close(*found, expected, 1e-12);
    }
}

#[test]
fn a_stack_is_a_learner() {
    let (table, sum) = halves(200);
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    let inner = two_members(Scheme::out_of_fold(StratifiedKFold::new(3)));
    let validated = cross_validate(
        &inner,
        train,
        &StratifiedKFold::new(3),
        &[&ClassificationMetric::RocAuc],
    )
    .unwrap();
    assert_eq!(validated.out_of_fold().prediction().n_rows(), 200);
    let outer = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(3)))
        .with_learner("stack", inner)
        .with_member("prior", &view(), Prior::new());
    let fitted = outer.fit(train).unwrap();
    assert!(fitted.report().members[0].score > 0.9);
    assert_eq!(fitted.predict(table.rows()).unwrap().n_rows(), 200);
}

#[test]
fn a_plan_from_elsewhere_is_followed() {
    let (table, sum) = halves(100);
    let target = labels(&sum);
    let train = Train::new(&table, &target).unwrap();
    let folds: Vec<u16> = (0..100).map(|i| i % 5).collect();
    let fitted = two_members(Scheme::out_of_fold(Predefined::from_folds(folds).unwrap()))
        .fit(train)
        .unwrap();
    assert_eq!(fitted.plan().split(2).validation()[..3], [2, 7, 12]);
    let too_short: FoldPlan = fitted.plan().clone();
    let rows: Vec<u32> = (0..50).collect();
    let error = two_members(Scheme::from(too_short))
        .fit(train.subset(&rows).unwrap())
        .unwrap_err();
    assert!(error.to_string().contains("50"), "{error}");
}

#[derive(Debug, Default)]
struct Recorder {
    planned: AtomicUsize,
    fitted: AtomicUsize,
    blended: AtomicUsize,
}

impl Progress for Recorder {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Planned { n_fits } => self.planned.store(*n_fits, Ordering::Relaxed),
            Event::Fitted { level: 1, .. } => {
                self.fitted.fetch_add(1, Ordering::Relaxed);
            }
            Event::Blended => {
                self.blended.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

#[test]
fn progress_tells_each_fit() {
    let (table, sum) = halves(100);
    let target = labels(&sum);
    let recorder = Recorder::default();
    let train = Train::new(&table, &target).unwrap();
    two_members(Scheme::out_of_fold(KFold::new(3)))
        .with_new_rows(NewRows::Both)
        .fit(train.with_progress(Some(&recorder)))
        .unwrap();
    assert_eq!(recorder.planned.load(Ordering::Relaxed), 8);
    assert_eq!(recorder.fitted.load(Ordering::Relaxed), 8);
    assert_eq!(recorder.blended.load(Ordering::Relaxed), 1);
}

#[test]
fn the_report_prints_as_a_table() {
    let (table, sum) = halves(150);
    let target = labels(&sum);
    let fitted: FittedStack<Labels> = two_members(Scheme::holdout(0.4))
        .fit(Train::new(&table, &target).unwrap())
        .unwrap();
    let text = fitted.report().to_string();
    assert!(
        text.starts_with("150 rows, 60 with out-of-fold predictions from 1 split,"),
        "{text}"
    );
    for word in ["member", "roc_auc", "95 % interval", "stack", "correlation"] {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
    // The stack is scored on the rows of its members.
    assert_eq!(fitted.report().n_scored, 60);
    assert_eq!(fitted.out_of_fold_stack_rows(), fitted.out_of_fold_rows());
    assert!(!text.contains("on all"), "{text}");
    let correlations = &fitted.report().correlations;
    assert_close(correlations[0][0], 1.0, 1e-12);
    assert_close(correlations[0][1], correlations[1][0], 1e-12);
}

/// A blender from outside sees out-of-fold predictions only, and may use names.
#[derive(Debug)]
struct FirstMember;

#[derive(Debug)]
struct FittedFirstMember;

impl Blender<Labels> for FirstMember {
    fn fit(
        &self,
        meta: &stackfold::stack::Meta<Labels, InSample>,
        target: &Labels,
        _context: &FitContext<'_>,
    ) -> Result<Arc<dyn stackfold::stack::FittedBlender<Labels>>> {
        assert_eq!(meta.names(), ["a", "b"]);
        assert_eq!(meta.n_rows(), target.n_rows());
        Ok(Arc::new(FittedFirstMember))
    }
}

impl stackfold::stack::FittedBlender<Labels> for FittedFirstMember {
    fn blend(&self, meta: &stackfold::stack::Meta<Labels, OutOfSample>) -> Result<Probabilities> {
        Ok(meta.predictions()[0].clone())
    }
}

#[test]
fn a_blender_may_come_from_outside() {
    let (table, sum) = halves(100);
    let target = labels(&sum);
    let fitted = two_members(Scheme::out_of_fold(KFold::new(4)))
        .with_blender(FirstMember)
        .fit(Train::new(&table, &target).unwrap())
        .unwrap();
    assert_eq!(
        fitted.predict(table.rows()).unwrap(),
        fitted.predict_members(table.rows()).unwrap()[0]
    );
    assert_eq!(
        fitted.out_of_fold_stack().unwrap(),
        &fitted.out_of_fold()[0].1
    );
}

#[test]
fn row_weights_reach_blender_and_score() {
    let (table, sum) = halves(300);
    let target = labels(&sum);
    // Rows of weight 0 carry inverted labels: with the weights they do no harm.
    let codes: Vec<u32> = target
        .codes()
        .iter()
        .enumerate()
        .map(|(row, &c)| if row % 3 == 0 { 1 - c } else { c })
        .collect();
    let spoilt = binary(&codes);
    let weights: Vec<f64> = (0..300)
        .map(|row| f64::from(u8::from(row % 3 != 0)))
        .collect();
    let weighted = table
        .clone()
        .with_column("w", Column::numeric(weights.clone()))
        .unwrap()
        .with_role("w", Role::Weight)
        .unwrap();
    let stack = two_members(Scheme::out_of_fold(KFold::new(3)));
    let with = stack.fit(Train::new(&weighted, &spoilt).unwrap()).unwrap();
    let without = stack.fit(Train::new(&table, &spoilt).unwrap()).unwrap();
    let score = |fitted: &FittedStack<Labels>| fitted.report().stack.as_ref().unwrap().score;
    assert!(score(&with) > score(&without) + 0.1);
    let expected = ClassificationMetric::RocAuc
        .score(&spoilt, with.out_of_fold_stack().unwrap(), Some(&weights))
        .unwrap();
    assert_close(score(&with), expected, 1e-12);
}

#[test]
fn fields_of_meta_features_are_named_after_members() {
    #[derive(Debug)]
    struct Names;
    impl Estimator<Labels> for Names {
        type Fitted = <Prior as Estimator<Labels>>::Fitted;
        fn fit(
            &self,
            x: &Features<InSample>,
            y: &Labels,
            context: &FitContext<'_>,
        ) -> Result<Self::Fitted> {
            assert_eq!(x.fields(), [Feature::number("a"), Feature::number("b")]);
            Prior::new().fit(x, y, context)
        }
    }
    let (table, sum) = halves(100);
    let target = labels(&sum);
    let fitted = two_members(Scheme::out_of_fold(KFold::new(4)))
        .with_blender(EstimatorBlender::new(Names))
        .fit(Train::new(&table, &target).unwrap())
        .unwrap();
    let share = target.output(0, RowIndex::All(100)).iter().sum::<f64>() / 100.0;
    assert_close(
        fitted.predict(table.rows()).unwrap().positive()[0],
        share,
        1e-12,
    );
}
