//! Tests of: cross-validation.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails where a helper cannot go on, and has a clock"
)]

use std::collections::BTreeMap;
use std::time::Instant;

use stackfold::data::RowIndex;
use stackfold::error::ErrorKind;
use stackfold::folds::{
    FoldPlan, HoldOut, KFold, Predefined, Repeated, Split, SplitContext, Splitter, StratifiedKFold,
    TimeSeriesSplit,
};
use stackfold::metrics::{ClassificationMetric, Metric, RegressionMetric, binary};
use stackfold::model_selection::{CrossValidation, cross_val_predict, cross_validate};
use stackfold::prelude::*;

use crate::support::{assert_close, on_threads};

/// The weighted share of the positive class on each side of `x = 0`, drawn towards a random number
/// from the seed.
#[derive(Debug)]
struct Sides;

#[derive(Debug)]
struct FittedSides([f64; 2]);

fn side(x: f64) -> usize {
    usize::from(x >= 0.0)
}

impl Learner<Labels> for Sides {
    type Fitted = FittedSides;

    fn fit(&self, train: Train<'_, Labels>) -> Result<FittedSides> {
        let x = train.rows().column("x")?.numbers(train.rows().index());
        let (mut sums, mut totals) = ([train.seed().uniform(0); 2], [1.0; 2]);
        let weights = train.weights();
        for (row, &x) in x.iter().enumerate() {
            let weight = weights.as_ref().map_or(1.0, |w| w[row]);
            sums[side(x)] += weight * f64::from(train.target().codes()[row]);
            totals[side(x)] += weight;
        }
        Ok(FittedSides([sums[0] / totals[0], sums[1] / totals[1]]))
    }
}

impl FittedLearner<Labels> for FittedSides {
    fn predict(&self, rows: Rows<'_>) -> Result<Probabilities> {
        let x = rows.column("x")?.numbers(rows.index());
        let p: Vec<f64> = x.iter().map(|&x| self.0[side(x)]).collect();
        let q = p.iter().map(|p| 1.0 - p).collect();
        Probabilities::new(["no".to_owned(), "yes".to_owned()].into(), vec![q, p])
    }
}

fn data(n: u64) -> (Table, Labels) {
    let seed = Seed::new(11);
    let x: Vec<f64> = (0..n).map(|i| seed.child("x").normal(i)).collect();
    let noise = |i: usize| seed.child("y").normal(i as u64);
    let codes: Vec<u32> = (0..)
        .zip(&x)
        .map(|(i, x)| u32::from(x + noise(i) > 0.3))
        .collect();
    let weights: Vec<f64> = (0..n).map(|i| 0.5 + seed.child("w").uniform(i)).collect();
    let table = Table::new([("x", Column::numeric(x)), ("w", Column::numeric(weights))]).unwrap();
    (table, crate::support::binary(&codes))
}

const METRICS: [&dyn Metric<Labels>; 3] = [
    &ClassificationMetric::RocAuc,
    &ClassificationMetric::LogLoss,
    &ClassificationMetric::Accuracy,
];

#[test]
fn it_is_the_loop_written_by_hand() {
    let (table, labels) = data(300);
    let table = table.with_role("w", Role::Weight).unwrap();
    let weights = table.weights().unwrap().to_vec();
    // Some of the table's rows, in another order.
    let rows: Vec<u32> = (0..300).rev().filter(|row| row % 7 != 0).collect();
    let train = Train::new(&table, &labels)
        .unwrap()
        .subset(&rows)
        .unwrap()
        .with_seed(Seed::new(4));
    let splitter = StratifiedKFold::new(4);
    let start = Instant::now();
    let found = cross_validate(&Sides, train, &splitter, &METRICS).unwrap();
    let seconds = start.elapsed().as_secs_f64();

    let plan = splitter.plan(&SplitContext::of(train)).unwrap();
    assert_eq!(found.plan(), &plan);
    let mut pooled = vec![f64::NAN; rows.len()];
    for fold in 0..4 {
        let split = plan.split(fold);
        let of = |positions: &[u32]| -> Vec<u32> {
            positions
                .iter()
                .map(|&position| rows[position as usize])
                .collect()
        };
        let (fit, validation) = (of(split.train()), of(split.validation()));
        let seed = Seed::new(4).child("fold").at(fold);
        let fitted = Sides
            .fit(train.subset(&fit).unwrap().with_seed(seed))
            .unwrap();
        let prediction = fitted
            .predict(train.subset(&validation).unwrap().rows())
            .unwrap();
        for (&position, &p) in split.validation().iter().zip(prediction.positive()) {
            pooled[position as usize] = p;
        }
        let positive: Vec<bool> = validation
            .iter()
            .map(|&row| labels.codes()[row as usize] == 1)
            .collect();
        let weights: Vec<f64> = validation
            .iter()
            .map(|&row| weights[row as usize])
            .collect();
        let auc = binary::roc_auc(&positive, prediction.positive(), Some(&weights)).unwrap();
        let loss = binary::log_loss(&positive, prediction.positive(), Some(&weights)).unwrap();
        let score = |metric: &str| found.scores(metric).unwrap().per_fold()[fold].unwrap();
        assert_close(score("roc_auc"), auc, 0.0);
        assert_close(score("log_loss"), loss, 1e-14);
        assert_eq!(found.folds()[fold].n_train(), fit.len());
        assert_eq!(found.folds()[fold].n_validation(), validation.len());
        let of_fit = found.folds()[fold].fit_seconds();
        assert!(of_fit > 0.0 && of_fit < seconds, "{of_fit} of {seconds} s");
    }
    assert_eq!(found.out_of_fold().prediction().positive(), pooled);
    assert!(found.out_of_fold().left_out().is_empty());
    let positive: Vec<bool> = rows
        .iter()
        .map(|&row| labels.codes()[row as usize] == 1)
        .collect();
    let weights: Vec<f64> = rows.iter().map(|&row| weights[row as usize]).collect();
    let auc = binary::roc_auc(&positive, &pooled, Some(&weights)).unwrap();
    assert_close(found.scores("roc_auc").unwrap().pooled(), auc, 0.0);
    let predicted = cross_val_predict(&Sides, train, &splitter).unwrap();
    assert_eq!(predicted.prediction(), found.out_of_fold().prediction());
}

#[test]
fn threads_change_no_bit_and_seeds_do() {
    let (table, labels) = data(200);
    let run = |threads: usize, seed: u64| {
        let train = Train::new(&table, &labels)
            .unwrap()
            .with_seed(Seed::new(seed));
        let splitter = Repeated::new(StratifiedKFold::new(5), 2);
        let found = on_threads(threads, || {
            cross_validate(&Sides, train, &splitter, &METRICS)
        });
        let found = found.unwrap();
        let scores: Vec<u64> = found
            .all_scores()
            .iter()
            .flat_map(|s| {
                s.per_fold()
                    .iter()
                    .chain([&Some(s.pooled())])
                    .map(|x| x.unwrap().to_bits())
                    .collect::<Vec<_>>()
            })
            .collect();
        (scores, found.out_of_fold().prediction().clone())
    };
    let one = run(1, 3);
    assert_eq!(one, run(2, 3));
    assert_eq!(one, run(8, 3));
    assert_ne!(one, run(1, 4));
}

/// Knows the target of each row that it was fitted on, and says 0 of others.
#[derive(Debug)]
struct Memory;

#[derive(Debug)]
struct Memorised(BTreeMap<usize, f64>);

impl Learner<Values> for Memory {
    type Fitted = Memorised;

    fn fit(&self, train: Train<'_, Values>) -> Result<Memorised> {
        let target = train.target();
        let rows = train.rows().index().iter().zip(target.as_slice());
        Ok(Memorised(rows.map(|(row, &y)| (row, y)).collect()))
    }
}

impl FittedLearner<Values> for Memorised {
    fn predict(&self, rows: Rows<'_>) -> Result<Values> {
        let known = |row| self.0.get(&row).copied().unwrap_or(0.0);
        Values::new(rows.index().iter().map(known).collect::<Vec<f64>>())
    }
}

#[test]
fn no_row_is_predicted_by_a_model_that_saw_it() {
    let n = 60;
    let time = (0..n).map(f64::from).collect::<Vec<f64>>();
    let cells: Vec<Option<i64>> = (0..i64::from(n)).map(|i| Some(i % 20)).collect();
    let plain = Table::new([
        ("t", Column::numeric(time)),
        ("g", Column::integers(&cells)),
    ])
    .unwrap();
    let target = Values::new((1..=n).map(f64::from).collect::<Vec<f64>>()).unwrap();
    let timed = plain.clone().with_role("t", Role::Time).unwrap();
    let grouped = plain.clone().with_role("g", Role::Group).unwrap();
    let cases: [(&Table, &dyn Splitter); 5] = [
        (&plain, &KFold::new(7)),
        (&grouped, &StratifiedKFold::new(4)),
        (&plain, &Repeated::new(HoldOut::new(0.4), 3)),
        (&timed, &TimeSeriesSplit::new(4)),
        (&grouped, &HoldOut::new(0.3)),
    ];
    for (table, splitter) in cases {
        let rows: Vec<u32> = (10..50).collect();
        for index in [None, Some(&rows[..])] {
            let train = Train::new(table, &target).unwrap();
            let train = index.map_or(train, |index| train.subset(index).unwrap());
            let found = cross_val_predict(&Memory, train, splitter).unwrap();
            assert!(found.prediction().as_slice().iter().all(|&p| p == 0.0));
            let mut all = [found.rows(), found.left_out()].concat();
            all.sort_unstable();
            assert_eq!(train.len(), all.len());
            assert!(all.into_iter().eq((0..).take(train.len())));
        }
    }
}

#[test]
fn rows_predicted_several_times_get_the_mean() {
    let (table, labels) = data(120);
    let train = Train::new(&table, &labels).unwrap();
    let splitter = Repeated::new(KFold::new(3), 2);
    let both = cross_val_predict(&Sides, train, &splitter).unwrap();
    let plan = splitter.plan(&SplitContext::of(train)).unwrap();
    let mut sums = vec![0.0; 120];
    for split in 0..6 {
        let seed = train.seed().child("fold").at(split);
        let split = plan.split(split);
        let fitted = Sides
            .fit(train.subset(split.train()).unwrap().with_seed(seed))
            .unwrap();
        let prediction = fitted
            .predict(train.rows().subset(split.validation()).unwrap())
            .unwrap();
        for (&row, p) in split.validation().iter().zip(prediction.positive()) {
            sums[row as usize] += p / 2.0;
        }
    }
    for (found, expected) in both.prediction().positive().iter().zip(sums) {
        assert_close(*found, expected, 1e-15);
    }
}

#[test]
fn what_no_split_validates_is_left_out_and_said() {
    let (table, _) = data(50);
    let table = table
        .with_column(
            "t",
            Column::numeric((0..50).map(f64::from).collect::<Vec<f64>>()),
        )
        .unwrap();
    let table = table.with_role("t", Role::Time).unwrap();
    let target = Values::new((0..50).map(f64::from).collect::<Vec<f64>>()).unwrap();
    let train = Train::new(&table, &target).unwrap();
    let metrics: [&dyn Metric<Values>; 2] = [&RegressionMetric::Mae, &RegressionMetric::R2];
    let found = cross_validate(&Memory, train, &TimeSeriesSplit::new(4), &metrics).unwrap();
    assert_eq!(
        found.out_of_fold().left_out(),
        (0..10).collect::<Vec<u32>>()
    );
    // All predictions are 0, so the error is the mean of 10 to 49.
    let mae = found.scores("mae").unwrap();
    assert_close(mae.pooled(), 29.5, 1e-12);
    assert_eq!(mae.per_fold(), [14.5, 24.5, 34.5, 44.5].map(Some));
    assert_close(mae.mean().unwrap(), 29.5, 1e-12);
    assert_close(mae.deviation().unwrap(), (500.0_f64 / 3.0).sqrt(), 1e-12);
    assert!(mae.interval().unwrap().low < 29.5);
    assert_eq!(found.scores("r2").unwrap().interval(), None);
    assert_eq!(
        found.scores("auc").unwrap_err().to_string(),
        "metric must be one of mae, r2, not auc"
    );
    let table = without_seconds(&found);
    let expected = "
fold         train  validation  mae       r2
0            10     10          14.50000  -25.48485
1            20     10          24.50000  -72.75758
2            30     10          34.50000  -144.27273
3            40     10          44.50000  -240.03030
mean                            29.50000  -120.63636
deviation                       12.90994  93.38055
pooled                          29.50000  -6.53096
  95 % from                     25.87716
  to                            33.12284
10 of 50 rows were never validated";
    let squeeze = |text: &str| -> Vec<Vec<String>> {
        let lines = text.trim().lines();
        lines
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect()
    };
    assert_eq!(squeeze(&table), squeeze(expected), "{found}");
}

/// The table without the two columns that no two runs share.
fn without_seconds<Y: Target>(found: &CrossValidation<Y>) -> String {
    let text = found.to_string();
    let head = text.lines().next().unwrap();
    let (start, end) = (
        head.find("validation").unwrap() + "validation".len(),
        head.find("predict s").unwrap() + "predict s".len(),
    );
    let cut = |line: &str| {
        if line.len() > end && !line.contains("never") {
            format!("{} {}", &line[..start], &line[end..])
        } else {
            line.to_owned()
        }
    };
    text.lines().map(|line| cut(line) + "\n").collect()
}

/// Fails where the row 5 is to be predicted, or, if it is to be so, gives too few rows.
#[derive(Debug, Clone, Copy)]
enum Bad {
    Fails,
    Short,
    OtherClasses,
}

impl Learner<Labels> for Bad {
    type Fitted = Self;

    fn fit(&self, _: Train<'_, Labels>) -> Result<Self> {
        Ok(*self)
    }
}

impl FittedLearner<Labels> for Bad {
    fn predict(&self, rows: Rows<'_>) -> Result<Probabilities> {
        let here = rows.index().iter().any(|row| row == 5);
        let (mut n, mut classes) = (rows.len(), vec!["no".to_owned(), "yes".to_owned()]);
        match self {
            Self::Fails if here => return Err(Error::unseen_level("ZZ").in_column("x")),
            Self::Short if here => n -= 1,
            Self::OtherClasses if here => classes = vec!["a".into(), "b".into(), "c".into()],
            _ => {}
        }
        let mut columns = vec![vec![0.0; n]; classes.len()];
        columns[0] = vec![1.0; n];
        Probabilities::new(classes.into(), columns)
    }
}

#[test]
fn an_error_names_the_fold() {
    let (table, labels) = data(9);
    let train = Train::new(&table, &labels).unwrap();
    let splitter = Predefined::from_folds(vec![0, 1, 2, 0, 1, 2, 0, 1, 2]).unwrap();
    let message = |bad: Bad| {
        cross_val_predict(&bad, train, &splitter)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message(Bad::Fails),
        "fold 2, column \"x\": unseen level \"ZZ\""
    );
    assert_eq!(
        message(Bad::Short),
        "fold 2: expected a prediction of 3 rows, found 2"
    );
    assert_eq!(
        message(Bad::OtherClasses),
        "fold 2: expected a prediction of classes no, yes, found one of a, b, c"
    );
    // A fold of one class has no AUC: that is a note. Where no fold has one, it is an error.
    let labels = crate::support::binary(&[0, 1, 1, 1, 0, 1, 0, 1, 1]);
    let train = Train::new(&table, &labels).unwrap();
    let found = cross_validate(&Sides, train, &splitter, &METRICS).unwrap();
    let auc = found.scores("roc_auc").unwrap();
    assert_eq!(auc.per_fold()[2], None);
    let defined = [auc.per_fold()[0].unwrap(), auc.per_fold()[1].unwrap()];
    assert_close(
        auc.mean().unwrap(),
        f64::midpoint(defined[0], defined[1]),
        0.0,
    );
    let apart = (defined[0] - defined[1]).abs() / 2.0_f64.sqrt();
    assert_close(auc.deviation().unwrap(), apart, 1e-12);
    let notes = [
        r#"class "no" has 3 rows: none to validate in 1 of 3 splits"#,
        "roc_auc is not defined in fold 2: expected rows of both classes, found only positive ones",
    ];
    assert_eq!(found.notes(), notes);
    let table = found.to_string();
    assert!(table.ends_with(&format!("note: {}\nnote: {}\n", notes[0], notes[1])));
    let one_fold = Predefined::new(
        FoldPlan::from_splits(vec![Split::new(vec![0, 1, 2], vec![7, 8], 9).unwrap()], 9).unwrap(),
    );
    let error = cross_validate(&Sides, train, &one_fold, &METRICS).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"metric "roc_auc": expected rows of both classes, found only positive ones"#
    );
    let twice: [&dyn Metric<Labels>; 2] = [&ClassificationMetric::F1, &ClassificationMetric::F1];
    let error = cross_validate(&Sides, train, &splitter, &twice).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Parameter { .. }));
    // More folds than rows.
    assert!(cross_val_predict(&Sides, train, &KFold::new(10)).is_err());
}

#[test]
fn weights_reach_fit_and_score() {
    let (table, labels) = data(200);
    let splitter = KFold::new(4);
    let of = |table: &Table| {
        let train = Train::new(table, &labels).unwrap();
        cross_validate(&Sides, train, &splitter, &METRICS).unwrap()
    };
    let plain = of(&table);
    let ones = Column::numeric(vec![1.0; 200]);
    let equal = table
        .clone()
        .with_column("w", ones)
        .unwrap()
        .with_role("w", Role::Weight)
        .unwrap();
    let equal = of(&equal);
    assert_eq!(
        plain.out_of_fold().prediction(),
        equal.out_of_fold().prediction()
    );
    let weighted = of(&table.clone().with_role("w", Role::Weight).unwrap());
    assert_ne!(
        plain.out_of_fold().prediction(),
        weighted.out_of_fold().prediction()
    );
    let weights = table.column("w").unwrap().numbers(RowIndex::All(200));
    let prediction = weighted.out_of_fold().prediction();
    let expected = ClassificationMetric::LogLoss
        .score(&labels, prediction, Some(&weights))
        .unwrap();
    assert_close(weighted.scores("log_loss").unwrap().pooled(), expected, 0.0);
}
