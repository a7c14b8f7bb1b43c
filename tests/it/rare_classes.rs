//! Stacks and cross-validation of classes with fewer rows than there are folds: they go on, say so,
//! and no score or probability is not a number.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::sync::Mutex;

use proptest::prelude::*;
use stackfold::data::batches::TableBatches;
use stackfold::folds::{
    FoldPlan, HoldOut, KFold, Predefined, Repeated, SplitContext, Splitter, StratifiedGroupKFold,
    StratifiedKFold,
};
use stackfold::metrics::ClassificationMetric;
use stackfold::metrics::multiclass::Average as ClassAverage;
use stackfold::model::baseline::Prior;
use stackfold::model::bayes::GaussianNaiveBayes;
use stackfold::model::hist::{ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::model::linear::LogisticRegression;
use stackfold::model::neural::NeuralNetwork;
use stackfold::model_selection::cross_validate;
use stackfold::prelude::*;
use stackfold::stack::{
    Average, AverageBlender, Event, FittedStack, GreedySelection, Level, LogisticBlender,
    NonNegativeBlender, Progress, Scheme, Stack, View,
};
use stackfold::transform::encode::TargetEncoder;
use stackfold::transform::{ColumnTransformer, Selector, passthrough::Passthrough};

/// So many rows of each class, one after the other, which `x` tells apart, and `level` a little.
fn problem(sizes: &[usize]) -> (Table, Labels) {
    let mut stream = Seed::new(3).stream();
    let codes: Vec<u32> = (0..)
        .zip(sizes)
        .flat_map(|(class, &size)| std::iter::repeat_n(class, size))
        .collect();
    let x: Vec<f64> = codes
        .iter()
        .map(|&c| 2.0 * f64::from(c) + stream.normal())
        .collect();
    let noise: Vec<f64> = codes.iter().map(|_| stream.normal()).collect();
    let level = codes.iter().zip(0_u32..).map(|(c, i)| {
        if i % 3 == 0 {
            "odd"
        } else {
            ["a", "b", "c", "d"][*c as usize]
        }
    });
    let table = Table::new([
        ("x", Column::numeric(x)),
        ("noise", Column::numeric(noise)),
        ("level", Column::categorical(level.map(Some))),
    ])
    .unwrap();
    let names = ["often", "seldom", "rare", "rarest"];
    let names = names[..sizes.len()].iter().map(|&n| n.to_owned()).collect();
    (table, Labels::new(codes, names).unwrap())
}

fn view() -> View<Labels> {
    let columns = ColumnTransformer::new()
        .with(
            "numbers",
            Selector::kind(ColumnKind::Numeric),
            Passthrough::new(),
        )
        .with(
            "levels",
            Selector::kind(ColumnKind::Categorical),
            TargetEncoder::new(),
        );
    View::new("all", columns)
}

/// Every kind of member that the core has.
fn stack(scheme: Scheme) -> Stack<Labels> {
    let view = view();
    let network = NeuralNetwork::new().with_hidden([8]).with_n_epochs(5);
    Stack::new(scheme)
        .with_member("prior", &view, Prior::new())
        .with_member("bayes", &view, GaussianNaiveBayes::new())
        .with_member("logistic", &view, LogisticRegression::new())
        .with_member(
            "boosting",
            &view,
            HistGradientBoosting::new().with_n_trees(20),
        )
        .with_member("forest", &view, RandomForest::new().with_n_trees(20))
        .with_member("extra trees", &view, ExtraTrees::new().with_n_trees(20))
        .with_member("network", &view, network)
}

fn check(target: &Labels, prediction: &Probabilities) {
    assert_eq!(prediction.classes(), target.classes());
    for row in 0..prediction.n_rows() {
        let p = |class| prediction.column(class)[row];
        let sum: f64 = (0..prediction.n_columns()).map(p).sum();
        assert!((sum - 1.0).abs() < 1e-6, "row {row}: {sum}");
        assert!((0..prediction.n_columns()).all(|c| (0.0..=1.0).contains(&p(c))));
    }
}

fn check_stack(table: &Table, target: &Labels, fitted: &FittedStack<Labels>) {
    let report = fitted.report();
    for member in report.members.iter().chain(&report.stack) {
        assert!(
            member.score.is_finite(),
            "{}: {}",
            member.name,
            member.score
        );
        if let Some(interval) = member.interval {
            assert!(
                interval.low.is_finite() && interval.high.is_finite(),
                "{}",
                member.name
            );
        }
        assert!(member.weight.is_none_or(f64::is_finite), "{}", member.name);
    }
    assert!(report.stack.is_some());
    for (_, prediction) in fitted.out_of_fold() {
        check(target, prediction);
    }
    check(target, fitted.out_of_fold_stack().unwrap());
    check(target, &fitted.predict(table.rows()).unwrap());
    assert!(!report.to_string().contains("NaN"), "{report}");
}

#[test]
fn a_stack_goes_on_with_a_note() {
    for (sizes, notes) in [
        (
            vec![60, 30, 1],
            vec![
                r#"class "rare" has 1 row: none to validate in 4 of 5 splits, none to fit on in 1"#,
            ],
        ),
        (
            vec![60, 30, 2],
            vec![r#"class "rare" has 2 rows: none to validate in 3 of 5 splits"#],
        ),
        (
            vec![60, 3],
            vec![r#"class "seldom" has 3 rows: none to validate in 2 of 5 splits"#],
        ),
        (
            vec![60, 30, 1, 2],
            vec![
                r#"class "rare" has 1 row: none to validate in 4 of 5 splits, none to fit on in 1"#,
                r#"class "rarest" has 2 rows: none to validate in 3 of 5 splits"#,
            ],
        ),
        (vec![60, 30, 5], vec![]),
    ] {
        let (table, target) = problem(&sizes);
        let train = Train::new(&table, &target).unwrap();
        let fitted = stack(Scheme::out_of_fold(StratifiedKFold::new(5)))
            .fit(train)
            .unwrap();
        assert_eq!(fitted.report().notes, notes, "{sizes:?}");
        for note in notes {
            assert!(
                fitted
                    .report()
                    .to_string()
                    .contains(&format!("\nnote: {note}\n"))
            );
        }
        check_stack(&table, &target, &fitted);
    }
}

/// A class that no row to fit on has is all but impossible where it is held out.
#[test]
fn the_class_of_one_row_cannot_be_learned_out_of_fold() {
    let (table, target) = problem(&[60, 30, 1]);
    let train = Train::new(&table, &target).unwrap();
    let fitted = stack(Scheme::out_of_fold(StratifiedKFold::new(5)))
        .fit(train)
        .unwrap();
    for (name, prediction) in fitted.out_of_fold() {
        let own = prediction.column(2)[90];
        assert!(own < 0.05, "{name}: {own}");
    }
}

#[test]
fn all_blenders_and_further_levels_go_on() {
    for sizes in [vec![60, 30, 1], vec![40, 40, 2], vec![60, 3]] {
        let (table, target) = problem(&sizes);
        let train = Train::new(&table, &target).unwrap();
        let one = || {
            let view = view();
            Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5)))
                .with_member("bayes", &view, GaussianNaiveBayes::new())
                .with_out_of_bag_member("forest", &view, RandomForest::new().with_n_trees(60))
        };
        let stacks = [
            one().with_blender(LogisticBlender::new()),
            one().with_blender(NonNegativeBlender::new()),
            one().with_blender(GreedySelection::new()),
            one().with_blender(AverageBlender::new(Average::Arithmetic)),
            one().with_blender(AverageBlender::new(Average::Geometric)),
            one().with_level(
                Level::new()
                    .with_member("logistic", LogisticRegression::new())
                    .with_member("trees", HistGradientBoosting::new().with_n_trees(10)),
            ),
            one().with_learner("inner", one()),
        ];
        for stack in stacks {
            check_stack(&table, &target, &stack.fit(train).unwrap());
        }
    }
}

#[test]
fn a_hold_out_and_other_splits_are_noted_too() {
    let (table, target) = problem(&[60, 30, 1]);
    let train = Train::new(&table, &target).unwrap();
    let fitted = stack(Scheme::holdout(0.4)).fit(train).unwrap();
    let [note] = fitted.report().notes.as_slice() else {
        panic!("{:?}", fitted.report().notes)
    };
    assert!(
        note.starts_with(r#"class "rare" has 1 row: none to "#),
        "{note}"
    );
    check_stack(&table, &target, &fitted);
    let context = SplitContext::of(train);
    let repeated = Repeated::new(StratifiedKFold::new(3), 2)
        .plan(&context)
        .unwrap();
    assert_eq!(
        repeated.notes(&context),
        [r#"class "rare" has 1 row: none to validate in 4 of 6 splits, none to fit on in 2"#]
    );
    // A plan keeps what it is, and its notes, on its way through a file.
    let path = std::env::temp_dir().join(format!("stackfold_notes_{}.csv", std::process::id()));
    repeated.write(&path).unwrap();
    let read = FoldPlan::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read.notes(&context), repeated.notes(&context));
    let read = Predefined::new(read).plan(&context).unwrap();
    assert_eq!(read, repeated);
    // Values have no classes.
    let values = Values::new((0..91).map(f64::from).collect::<Vec<_>>()).unwrap();
    let context = SplitContext::of(Train::new(&table, &values).unwrap());
    assert!(
        HoldOut::new(0.1)
            .plan(&context)
            .unwrap()
            .notes(&context)
            .is_empty()
    );
}

#[test]
fn groups_are_dealt_though_a_class_is_rare() {
    let (table, target) = problem(&[60, 30, 2]);
    let groups: Vec<f64> = (0..92).map(|i| f64::from(i / 4)).collect();
    let table = table
        .with_column("who", Column::numeric(groups))
        .and_then(|t| t.with_role("who", Role::Group))
        .unwrap();
    let train = Train::new(&table, &target).unwrap();
    let fitted = stack(Scheme::out_of_fold(StratifiedGroupKFold::new(5)))
        .fit(train)
        .unwrap();
    // Both rows of the class are of one group.
    assert_eq!(
        fitted.report().notes,
        [r#"class "rare" has 2 rows: none to validate in 4 of 5 splits, none to fit on in 1"#]
    );
    check_stack(&table, &target, &fitted);
}

#[test]
fn many_rare_classes_are_counted() {
    let codes: Vec<u32> = (0..20).map(|i| if i < 10 { 0 } else { i - 9 }).collect();
    let names = (0..11).map(|c| format!("c{c}")).collect();
    let target = Labels::new(codes, names).unwrap();
    let table = Table::new([("x", Column::numeric(vec![0.0; 20]))]).unwrap();
    let context = SplitContext::of(Train::new(&table, &target).unwrap());
    let notes = StratifiedKFold::new(5)
        .plan(&context)
        .unwrap()
        .notes(&context);
    assert_eq!(notes.len(), 6);
    assert_eq!(notes[5], "so it is with 5 more classes");
}

#[test]
fn cross_validation_goes_on_and_tells_undefined_scores() {
    let metrics: [&dyn Metric<Labels>; 4] = [
        &ClassificationMetric::LogLoss,
        &ClassificationMetric::RocAucOneVsRest(ClassAverage::Macro),
        &ClassificationMetric::BalancedAccuracy,
        &ClassificationMetric::MacroF1,
    ];
    for n in [1, 2] {
        let (table, target) = problem(&[60, 30, n]);
        let notes = Notes::default();
        let train = Train::new(&table, &target)
            .unwrap()
            .with_progress(Some(&notes));
        let numbers = ColumnTransformer::new().with(
            "numbers",
            Selector::kind(ColumnKind::Numeric),
            Passthrough::new(),
        );
        let learner = Pipeline::new(numbers, GaussianNaiveBayes::new());
        let found = cross_validate(&learner, train, &StratifiedKFold::new(5), &metrics).unwrap();
        let one_vs_rest = found.scores("roc_auc_ovr").unwrap();
        let defined: Vec<f64> = one_vs_rest.per_fold().iter().flatten().copied().collect();
        assert_eq!(defined.len(), n);
        assert!(one_vs_rest.pooled().is_finite());
        let mean = defined.iter().sum::<f64>() / n as f64;
        assert!((one_vs_rest.mean().unwrap() - mean).abs() < 1e-12);
        assert_eq!(one_vs_rest.deviation().is_some(), n > 1);
        for name in ["log_loss", "balanced_accuracy", "macro_f1"] {
            let scores = found.scores(name).unwrap();
            assert!(
                scores
                    .per_fold()
                    .iter()
                    .all(|s| s.is_some_and(f64::is_finite))
            );
        }
        assert_eq!(found.notes().len(), 2);
        assert!(found.notes()[1].starts_with("roc_auc_ovr is not defined in fold "));
        assert!(found.notes()[1].ends_with(": expected rows of each class, found none of class 2"));
        assert_eq!(*notes.0.lock().unwrap(), found.notes());
        assert!(!found.to_string().contains("NaN"), "{found}");
        check(&target, found.out_of_fold().prediction());
    }
    // Of two classes.
    let (table, target) = problem(&[60, 3]);
    let table = table.with_role("level", Role::Ignored).unwrap();
    let train = Train::new(&table, &target).unwrap();
    let learner = Pipeline::new(Passthrough::new(), GaussianNaiveBayes::new());
    let auc = ClassificationMetric::RocAuc;
    let found = cross_validate(&learner, train, &StratifiedKFold::new(5), &[&auc]).unwrap();
    let scores = found.scores("roc_auc").unwrap();
    assert_eq!(scores.per_fold().iter().flatten().count(), 3);
    assert!(scores.interval().is_some());
    // Leave one out: no fold has an AUC, all together have.
    let found = cross_validate(&learner, train, &KFold::new(63), &[&auc]).unwrap();
    let scores = found.scores("roc_auc").unwrap();
    assert_eq!((scores.mean(), scores.deviation()), (None, None));
    assert!(scores.pooled().is_finite() && scores.per_fold() == [None; 63]);
}

/// Where the only row of one of two classes is held out, members know of the other class alone.
#[test]
fn one_row_of_two_classes() {
    let (table, target) = problem(&[60, 1]);
    let train = Train::new(&table, &target).unwrap();
    let fitted = stack(Scheme::out_of_fold(StratifiedKFold::new(5)))
        .fit(train)
        .unwrap();
    check_stack(&table, &target, &fitted);
    assert_eq!(
        fitted.report().notes,
        [r#"class "seldom" has 1 row: none to validate in 4 of 5 splits, none to fit on in 1"#]
    );
    for (name, prediction) in fitted.out_of_fold() {
        let own = prediction.positive()[60];
        assert!(own < 0.05, "{name}: {own}");
    }
}

/// Hears notes.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn event(&self, event: &Event<'_>) {
        if let Event::Note { text } = event {
            self.0.lock().unwrap().push((*text).to_owned());
        }
    }
}

#[test]
fn notes_are_told_while_a_stack_is_fitted() {
    let (table, target) = problem(&[60, 30, 2]);
    let notes = Notes::default();
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(5))).with_member(
        "prior",
        &view(),
        Prior::new(),
    );
    let train = Train::new(&table, &target).unwrap();
    let fitted = stack.fit(train.with_progress(Some(&notes))).unwrap();
    assert_eq!(*notes.0.lock().unwrap(), fitted.report().notes);
    // Batches are predicted as all rows are.
    let mut rows = 0;
    let source = TableBatches::new(&table, 50);
    fitted
        .predict_batches(&source, &mut |_, prediction| {
            rows += prediction.n_rows();
            Ok(())
        })
        .unwrap();
    assert_eq!(rows, 92);
}

proptest! {
    /// Notes are what a count of each split's rows says, for any plan.
    #[test]
    fn notes_count_splits_without_a_class(
        codes in proptest::collection::vec(0_u32..4, 6..40),
        n_folds in 2_usize..6,
        seed in any::<u64>(),
        hold_out in any::<bool>(),
    ) {
        let names: Vec<String> = (0..4).map(|c| format!("c{c}")).collect();
        let target = Labels::new(codes.clone(), names.clone()).unwrap();
        let table = Table::new([("x", Column::numeric(vec![0.0; codes.len()]))]).unwrap();
        let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(seed));
        let context = SplitContext::of(train);
        let plan = if hold_out {
            HoldOut::new(0.3).plan(&context)
        } else {
            KFold::new(n_folds).plan(&context)
        }
        .unwrap();
        let notes = plan.notes(&context);
        let mut noted = notes.iter();
        for (class, name) in (0..4).zip(&names) {
            let has = |rows: &[u32]| rows.iter().any(|&row| codes[row as usize] == class);
            let splits: Vec<_> = (0..plan.n_splits()).map(|s| plan.split(s)).collect();
            let unvalidated = splits.iter().filter(|s| !has(s.validation())).count();
            let unfitted = splits.iter().filter(|s| !has(s.train())).count();
            if codes.contains(&class) && unvalidated + unfitted > 0 {
                let note = noted.next().unwrap();
                prop_assert!(note.contains(&format!("{name:?}")), "{note}");
                let validate = format!("none to validate in {unvalidated} of {}", plan.n_splits());
                prop_assert_eq!(note.contains(&validate), unvalidated > 0, "{}", note);
                prop_assert_eq!(note.contains("none to fit on in"), unfitted > 0, "{}", note);
            }
        }
        prop_assert_eq!(noted.next(), None);
    }
}
