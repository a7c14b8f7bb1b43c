//! scikit-learn's and `category_encoders`' values on real tables, to 1e-6.
//!
//! `tests/parity/encoders.py` makes the values and says which rows and cells are meant. Features
//! are `f32`, which takes 6e-8 of that. Where the libraries differ from each other or from the
//! defaults here, the options that make them agree stand beside the case.
#![cfg(feature = "polars")]
#![allow(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use stackfold::data::TableReader;
use stackfold::data::{Provenance, RowIndex};
use stackfold::folds::{Folds, KFold, SplitContext, Splitter, StratifiedKFold};
use stackfold::metrics::binary;
use stackfold::prelude::*;
use stackfold::transform::encode::{
    Drop, Frequency, FrequencyEncoder, LeaveOneOutEncoder, LoneRow, MinFrequency, MissingLevel,
    Noise, OneHotEncoder, OrderedPrior, OrderedTargetEncoder, OrdinalEncoder, RowOrder, Smoothing,
    TargetEncoder, Unknown, UnknownCode,
};
use stackfold::transform::impute::{Imputer, Indicators};
use stackfold::transform::scale::{
    Beyond, MaxAbsScaler, MinMaxScaler, QuantileOutput, QuantileScaler, RobustScaler,
    StandardScaler,
};
use stackfold::transform::{ColumnTransformer, Naming, Selector};

use crate::support::assert_close;

const TOLERANCE: f64 = 1e-6;
/// Values stand in the file for each row at a multiple of this position.
const STEP: usize = 1499;

/// The lines of the file whose case begins with a name, each to be compared once.
struct Peers {
    prefix: &'static str,
    lines: Vec<Vec<&'static str>>,
    used: RefCell<BTreeSet<&'static str>>,
}

impl Peers {
    fn new(prefix: &'static str) -> Self {
        let text = include_str!("../parity/encoders.tsv");
        let lines = text.lines().map(|line| line.split('\t').collect());
        let lines: Vec<Vec<&str>> = lines
            .filter(|line: &Vec<&str>| line[0].starts_with(&format!("{prefix} ")))
            .collect();
        assert!(!lines.is_empty(), "no line of {prefix}");
        Self {
            prefix,
            lines,
            used: RefCell::default(),
        }
    }

    /// The lines of one case, without the case.
    fn case(&self, name: &str) -> Vec<&[&'static str]> {
        let name = format!("{} {name}", self.prefix);
        let lines = self.lines.iter().filter(|line| line[0] == name);
        let lines: Vec<&[&str]> = lines
            .map(|line| {
                self.used.borrow_mut().insert(line[0]);
                &line[1..]
            })
            .collect();
        assert!(!lines.is_empty(), "no line of {name}");
        lines
    }

    /// Whether each case was compared.
    fn finish(self) {
        let all: BTreeSet<&str> = self.lines.iter().map(|line| line[0]).collect();
        assert_eq!(all, self.used.into_inner());
    }

    fn compare<P: Provenance>(&self, case: &str, features: &Features<P>) {
        let lines = self.case(case);
        let names: Vec<&str> = lines.iter().map(|line| line[0]).collect();
        assert_eq!(features.names().collect::<Vec<_>>(), names, "{case}");
        for (j, line) in lines.iter().enumerate() {
            let column = features.column(j);
            let expected = numbers(&line[1..]);
            compare_column(
                &format!("{} {case}: {}", self.prefix, names[j]),
                column,
                &expected,
            );
        }
    }
}

/// Expected are the number of missing values, the sum of the others, their sum weighted by place,
/// and the values at multiples of the step.
fn compare_column(name: &str, column: &[f32], expected: &[f64]) {
    let missing = column.iter().filter(|v| v.is_nan()).count();
    assert_eq!(
        missing.to_string(),
        expected[0].to_string(),
        "{name}: missing"
    );
    let found = column.iter().step_by(STEP).map(|&v| f64::from(v));
    assert_eq!(found.len(), expected[3..].len(), "{name}");
    for (i, (found, &expected)) in found.zip(&expected[3..]).enumerate() {
        let close = (found - expected).abs() <= TOLERANCE * expected.abs().max(1e-6);
        assert!(
            close || (found.is_nan() && expected.is_nan()),
            "{name}, row {}: found {found}, expected {expected}",
            i * STEP
        );
    }
    for (which, expected) in expected[1..3].iter().enumerate() {
        let place = |row: usize| if which == 0 { 1 } else { row % 101 };
        let terms = column
            .iter()
            .enumerate()
            .filter(|(_, v)| !v.is_nan())
            .map(|(row, &v)| f64::from(v) * place(row) as f64);
        let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()));
        assert!(
            (sum - expected).abs() <= TOLERANCE * f64::max(size, 1.0),
            "{name}, sum {which}: found {sum}, expected {expected}"
        );
    }
}

fn numbers(texts: &[&str]) -> Vec<f64> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Numbers as a peer might have them, and how they stand in the file.
fn example() -> (Vec<f32>, Vec<f64>) {
    let column: Vec<f32> = (0_u8..30).cycle().take(2000).map(f32::from).collect();
    let sum = |place: fn(usize) -> usize| {
        let terms = column.iter().enumerate();
        terms
            .map(|(row, &v)| f64::from(v) * place(row) as f64)
            .sum()
    };
    let expected = vec![0.0, sum(|_| 1), sum(|row| row % 101), 0.0, 29.0];
    (column, expected)
}

#[test]
fn equal_numbers_are_equal() {
    let (column, expected) = example();
    compare_column("example", &column, &expected);
}

#[test]
#[should_panic(expected = "row 1499")]
fn a_small_difference_is_found() {
    let (column, mut expected) = example();
    expected[4] *= 1.0 + 2.0 * TOLERANCE;
    compare_column("example", &column, &expected);
}

#[test]
#[should_panic(expected = "sum 1")]
fn two_rows_in_the_wrong_order_are_found() {
    let (mut column, expected) = example();
    column.swap(5, 7);
    compare_column("example", &column, &expected);
}

#[test]
#[should_panic(expected = "missing")]
fn a_missing_value_is_found() {
    let (mut column, expected) = example();
    column[30] = f32::NAN;
    compare_column("example", &column, &expected);
}

/// A table, the positions of the training rows, and a table of new rows.
struct Data {
    table: Table,
    train: Vec<u32>,
    new: Table,
}

impl Data {
    /// The new rows' table has its columns in another order and levels of its own.
    fn new(table: Table, is_new: impl Fn(&Table, usize) -> bool) -> Self {
        let (new, train): (Vec<u32>, Vec<u32>) = (0_u32..)
            .take(table.n_rows())
            .partition(|&row| is_new(&table, row as usize));
        let of_new = |name: &str| {
            let column = table.column(name).unwrap();
            match column.kind() {
                ColumnKind::Categorical => {
                    let texts: Vec<Option<String>> = new
                        .iter()
                        .map(|&row| column.text(row as usize).map(Into::into))
                        .collect();
                    Column::categorical(texts.iter().map(Option::as_deref))
                }
                _ => Column::numeric(column.numbers(RowIndex::Some(&new))),
            }
        };
        let names: Vec<&str> = table.schema().names().collect();
        let columns = names.iter().rev().map(|&name| (name, of_new(name)));
        let new = Table::new(columns).unwrap();
        Self { table, train, new }
    }

    fn encode<Y: Target>(
        &self,
        columns: &[&str],
        target: &Y,
        transformer: impl Transformer<Y> + 'static,
    ) -> (Features<InSample>, Features<OutOfSample>) {
        let columns = ColumnTransformer::new().with_naming(Naming::Plain).with(
            "step",
            Selector::names(columns.iter().copied()),
            transformer,
        );
        let train = Train::new(&self.table, target).unwrap();
        let train = train.subset(&self.train).unwrap();
        let (fitted, training) = columns.fit_transform(train).unwrap();
        (training, fitted.transform(self.new.rows()).unwrap())
    }

    /// Compares training rows and new rows.
    fn both<Y: Target>(
        &self,
        peers: &Peers,
        case: &str,
        columns: &[&str],
        target: &Y,
        transformer: impl Transformer<Y> + 'static,
    ) {
        let (training, new) = self.encode(columns, target, transformer);
        peers.compare(&format!("{case} train"), &training);
        peers.compare(&format!("{case} new"), &new);
    }

    /// Compares new rows alone, where the other library has no cross-fitting.
    fn new_only<Y: Target>(
        &self,
        peers: &Peers,
        case: &str,
        columns: &[&str],
        target: &Y,
        transformer: impl Transformer<Y> + 'static,
    ) {
        let (_, new) = self.encode(columns, target, transformer);
        peers.compare(&format!("{case} new"), &new);
    }

    /// A target for transformers that do not look at it.
    fn any_target(&self) -> Values {
        Values::new(vec![0.0; self.table.n_rows()]).unwrap()
    }

    /// The folds of the training rows: their position mod 5.
    fn folds(&self) -> Folds {
        let fold_of_row = (0_u16..5).cycle().take(self.train.len()).collect();
        Folds::new(fold_of_row, 5).unwrap()
    }
}

fn read(name: &str, reader: &TableReader) -> Table {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    reader.read(folder.join(format!("{name}.csv.gz"))).unwrap()
}

static ADULT: LazyLock<Data> = LazyLock::new(|| {
    let reader = TableReader::new()
        .with_missing(["?"])
        .with_sentinels("capital_gain", ["99999"]);
    Data::new(read("adult", &reader), |table, row| {
        table.column("split").unwrap().text(row).as_deref() == Some("test")
    })
});
const ADULT_TEXTS: [&str; 8] = [
    "workclass",
    "education",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native_country",
];
const ADULT_NUMBERS: [&str; 6] = [
    "age",
    "fnlwgt",
    "education_num",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
];

static BANK: LazyLock<Data> = LazyLock::new(|| {
    let reader = TableReader::new().with_sentinels("pdays", ["-1"]);
    Data::new(read("bank_full", &reader), |_, row| row % 3 == 0)
});
/// The same with a column of numbers as levels.
static BANK_DAY: LazyLock<Data> = LazyLock::new(|| {
    let table = BANK.table.clone().with_categorical("day").unwrap();
    Data::new(table, |_, row| row % 3 == 0)
});
const BANK_TEXTS: [&str; 9] = [
    "job",
    "marital",
    "education",
    "default",
    "housing",
    "loan",
    "contact",
    "month",
    "poutcome",
];
const BANK_TEXTS_AND_DAY: [&str; 10] = [
    "job",
    "marital",
    "education",
    "default",
    "housing",
    "loan",
    "contact",
    "day",
    "month",
    "poutcome",
];
const BANK_NUMBERS: [&str; 7] = [
    "age", "balance", "day", "duration", "campaign", "pdays", "previous",
];

/// 9,228 rows, levels of one row, levels that new rows alone have, a column nearly all missing.
static SALARIES: LazyLock<Data> = LazyLock::new(|| {
    Data::new(read("employee_salaries", &TableReader::new()), |_, row| {
        row % 3 == 0
    })
});
const SALARIES_TEXTS: [&str; 6] = [
    "Gender",
    "Department",
    "Division",
    "Assignment Category",
    "Employee Position Title",
    "Underfilled Job Title",
];

fn income() -> Labels {
    ADULT.table.labels("income").unwrap()
}

fn subscribed() -> Labels {
    BANK.table.labels("y").unwrap()
}

/// Dollars, from texts such as `$69222.18`.
fn salary() -> Values {
    let column = SALARIES.table.column("Current Annual Salary").unwrap();
    let dollars = (0..column.len()).map(|row| {
        let text = column.text(row).unwrap();
        text.trim_start_matches('$').parse().unwrap()
    });
    Values::new(dollars.collect::<Vec<f64>>()).unwrap()
}

/// Missing cells have a column of their own in both libraries. scikit-learn counts it among the
/// levels, so that it may be infrequent, and where the number of levels is limited it keeps the
/// last by name of equally frequent ones; here missing cells are never infrequent, and the first
/// stay. In these cases missing cells are frequent, or there are none, and no two levels at the
/// limit tie.
#[test]
fn one_hot() {
    let none = OneHotEncoder::new();
    let first = none.clone().with_drop(Drop::First);
    let if_binary = none.clone().with_drop(Drop::IfBinary);
    let count = none.clone().with_min_frequency(MinFrequency::Count(500));
    let share = none.clone().with_min_frequency(MinFrequency::Share(0.04));
    let at_most = none.clone().with_max_levels(Some(5));

    let peers = Peers::new("adult one_hot");
    let y = ADULT.any_target();
    ADULT.both(&peers, "none", &ADULT_TEXTS, &y, none.clone());
    ADULT.both(&peers, "first", &ADULT_TEXTS, &y, first);
    ADULT.both(&peers, "if_binary", &ADULT_TEXTS, &y, if_binary.clone());
    ADULT.both(&peers, "at_least_500", &ADULT_TEXTS, &y, count);
    peers.finish();

    let peers = Peers::new("bank one_hot");
    let y = BANK.any_target();
    BANK.both(&peers, "if_binary", &BANK_TEXTS, &y, if_binary);
    BANK_DAY.both(&peers, "share", &BANK_TEXTS_AND_DAY, &y, share);
    BANK_DAY.both(&peers, "at_most_5", &BANK_TEXTS_AND_DAY, &y, at_most);
    peers.finish();

    let peers = Peers::new("salaries one_hot");
    let y = SALARIES.any_target();
    SALARIES.both(&peers, "none", &["Gender", "Department"], &y, none.clone());
    let infrequent = none
        .with_min_frequency(MinFrequency::Count(50))
        .with_unknown(Unknown::Infrequent);
    let columns = ["Division", "Employee Position Title"];
    SALARIES.both(&peers, "unknown_is_infrequent", &columns, &y, infrequent);
    peers.finish();
}

#[test]
fn ordinal() {
    let number = OrdinalEncoder::new().with_unknown(UnknownCode::Value(-1.0));
    for (prefix, data, columns) in [
        ("adult ordinal", &*ADULT, &ADULT_TEXTS[..]),
        ("bank ordinal", &*BANK_DAY, &BANK_TEXTS_AND_DAY),
        ("salaries ordinal", &*SALARIES, &SALARIES_TEXTS),
    ] {
        let peers = Peers::new(prefix);
        let y = data.any_target();
        data.both(&peers, "nan", columns, &y, OrdinalEncoder::new());
        data.both(&peers, "-1", columns, &y, number.clone());
        peers.finish();
    }
}

#[test]
fn frequency() {
    for (prefix, data, columns) in [
        ("adult frequency", &*ADULT, &ADULT_TEXTS[..]),
        ("bank frequency", &*BANK, &BANK_TEXTS),
        ("salaries frequency", &*SALARIES, &SALARIES_TEXTS),
    ] {
        let peers = Peers::new(prefix);
        let y = data.any_target();
        let count = FrequencyEncoder::new();
        data.both(&peers, "count", columns, &y, count.clone());
        let share = count.with_frequency(Frequency::Share);
        data.both(&peers, "share", columns, &y, share);
        peers.finish();
    }
}

/// `category_encoders` takes missing cells for a level, and gives a training row that is alone in
/// its level the mean of all rows, its own target among them.
#[test]
fn leave_one_out() {
    fn compare<Y: Target>(prefix: &'static str, data: &Data, columns: &[&str], target: &Y) {
        let encoder = LeaveOneOutEncoder::new()
            .with_noise(Noise::None)
            .with_missing(MissingLevel::AsLevel)
            .with_lone_row(LoneRow::OverallMean);
        let peers = Peers::new(prefix);
        data.both(&peers, "sigma=0", columns, target, encoder);
        peers.finish();
    }
    compare("adult leave_one_out", &ADULT, &ADULT_TEXTS, &income());
    compare("bank leave_one_out", &BANK, &BANK_TEXTS, &subscribed());
    compare(
        "salaries leave_one_out",
        &SALARIES,
        &SALARIES_TEXTS,
        &salary(),
    );
}

/// `category_encoders` takes rows as they come, draws them to the mean of all rows, and gives new
/// rows of a level of one row that mean alone.
#[test]
fn ordered() {
    fn compare<Y: Target>(prefix: &'static str, data: &Data, columns: &[&str], target: &Y) {
        let encoder = OrderedTargetEncoder::new()
            .with_order(RowOrder::AsGiven)
            .with_prior(OrderedPrior::OverallMean)
            .with_min_rows(2);
        let peers = Peers::new(prefix);
        data.both(&peers, "a=1", columns, target, encoder.clone());
        let a = encoder.with_prior_weight(3.0);
        data.both(&peers, "a=3", columns, target, a);
        peers.finish();
    }
    compare("adult ordered", &ADULT, &ADULT_TEXTS, &income());
    compare("bank ordered", &BANK, &BANK_TEXTS, &subscribed());
    compare("salaries ordered", &SALARIES, &SALARIES_TEXTS, &salary());
}

/// `category_encoders` has no cross-fitting: its training rows see their own target. New rows
/// agree.
#[test]
fn smoothed_means_of_new_rows() {
    fn compare<Y: Target>(prefix: &'static str, data: &Data, columns: &[&str], target: &Y) {
        let peers = Peers::new(prefix);
        let with = |smoothing| TargetEncoder::new().with_smoothing(smoothing);
        for m in [1.0, 25.5] {
            let encoder = with(Smoothing::Fixed(m));
            data.new_only(&peers, &format!("m={m}"), columns, target, encoder);
        }
        let encoder = with(Smoothing::Sigmoid { k: 20.0, f: 10.0 });
        data.new_only(&peers, "sigmoid", columns, target, encoder);
        peers.finish();
    }
    compare("adult smoothed", &ADULT, &ADULT_TEXTS, &income());
    compare("bank smoothed", &BANK, &BANK_TEXTS, &subscribed());
    compare("salaries smoothed", &SALARIES, &SALARIES_TEXTS, &salary());
}

/// scikit-learn over the same folds; missing cells are a level in both.
#[test]
fn cross_fitted_target() {
    fn compare<Y: Target>(prefix: &'static str, data: &Data, columns: &[&str], target: &Y, m: f64) {
        let peers = Peers::new(prefix);
        let encoder = TargetEncoder::new().with_folds(data.folds());
        data.both(&peers, "auto", columns, target, encoder.clone());
        let encoder = encoder.with_smoothing(Smoothing::Fixed(m));
        data.both(&peers, &format!("m={m:?}"), columns, target, encoder);
        peers.finish();
    }
    let schooling = ADULT.table.column("education_num").unwrap();
    let schooling = schooling.numbers(RowIndex::All(schooling.len()));
    let schooling: Vec<&str> = schooling
        .iter()
        .map(|&years| match years {
            ..9.0 => "low",
            9.0..13.0 => "mid",
            _ => "high",
        })
        .collect();
    let schooling = Labels::from_strs(&schooling).unwrap();
    let three = ["workclass", "occupation", "native_country"];

    compare("adult target", &ADULT, &ADULT_TEXTS, &income(), 12.5);
    compare("adult many_classes", &ADULT, &three, &schooling, 12.5);
    compare(
        "bank target",
        &BANK_DAY,
        &BANK_TEXTS_AND_DAY,
        &subscribed(),
        0.0,
    );
    compare(
        "salaries target",
        &SALARIES,
        &SALARIES_TEXTS,
        &salary(),
        3.0,
    );
}

#[test]
fn imputers() {
    for (prefix, data, columns) in [
        ("adult impute", &*ADULT, &ADULT_NUMBERS[..]),
        ("bank impute", &*BANK, &BANK_NUMBERS),
    ] {
        let peers = Peers::new(prefix);
        let y = data.any_target();
        data.both(&peers, "mean", columns, &y, Imputer::mean());
        data.both(&peers, "median", columns, &y, Imputer::median());
        data.both(
            &peers,
            "most_frequent",
            columns,
            &y,
            Imputer::most_frequent(),
        );
        data.both(&peers, "constant", columns, &y, Imputer::constant(-7.0));
        let indicators = Imputer::median().with_indicators(Indicators::IfMissing);
        data.both(&peers, "indicators", columns, &y, indicators);
        peers.finish();
    }
}

#[test]
fn scalers() {
    for (prefix, data, columns) in [
        ("adult scale", &*ADULT, &ADULT_NUMBERS[..]),
        ("bank scale", &*BANK, &BANK_NUMBERS),
    ] {
        let peers = Peers::new(prefix);
        let y = data.any_target();
        data.both(&peers, "standard", columns, &y, StandardScaler::new());
        let min_max = MinMaxScaler::new();
        data.both(&peers, "min_max", columns, &y, min_max);
        let clipped = min_max.with_range(-1.0, 2.0).with_beyond(Beyond::Clip);
        data.both(&peers, "min_max clipped", columns, &y, clipped);
        data.both(&peers, "max_abs", columns, &y, MaxAbsScaler::new());
        let robust = RobustScaler::new();
        data.both(&peers, "robust", columns, &y, robust);
        let wide = robust.with_quantile_range(0.05, 0.9);
        data.both(&peers, "robust 5 to 90", columns, &y, wide);
        for n in [1000, 50] {
            let uniform = QuantileScaler::new().with_n_quantiles(n);
            data.both(
                &peers,
                &format!("quantile {n} uniform"),
                columns,
                &y,
                uniform,
            );
            let normal = uniform.with_output(QuantileOutput::Normal);
            data.both(&peers, &format!("quantile {n} normal"), columns, &y, normal);
        }
        peers.finish();
    }
}

/// Which row falls where is chance; how many rows and how many of each class a fold has is not.
#[test]
fn folds_have_the_same_sizes() {
    for (prefix, data, target) in [
        ("adult folds", &*ADULT, "income"),
        ("adult folds_of_education", &*ADULT, "education"),
        ("bank folds", &*BANK, "y"),
    ] {
        let peers = Peers::new(prefix);
        let labels = data.table.labels(target).unwrap();
        let context = SplitContext::of(Train::new(&data.table, &labels).unwrap());
        let compare = |case: &str, plan: &stackfold::folds::FoldPlan, class: Option<&str>| {
            let count = |fold| {
                let rows = plan.split(fold);
                let is_counted = |&&row: &&u32| {
                    let code = labels.codes()[row as usize];
                    class.is_none_or(|class| class == labels.classes()[code as usize])
                };
                rows.validation().iter().filter(is_counted).count() as f64
            };
            let mut found: Vec<f64> = (0..5).map(count).collect();
            found.sort_by(f64::total_cmp);
            for (found, expected) in found.iter().zip(numbers(peers.case(case)[0])) {
                assert!((found - expected).abs() <= 1.0, "{prefix} {case}");
            }
        };
        compare("k_fold", &KFold::new(5).plan(&context).unwrap(), None);
        let plan = StratifiedKFold::new(5).plan(&context).unwrap();
        compare("stratified", &plan, None);
        for class in labels.classes() {
            compare(&format!("stratified {class}"), &plan, Some(class));
        }
        peers.finish();
    }
}

/// A score with many ties, without weights and with those of the census.
#[test]
fn metrics() {
    let peers = Peers::new("adult metrics");
    let column = |name| {
        let column = ADULT.table.column(name).unwrap();
        column.numbers(RowIndex::All(column.len()))
    };
    let (schooling, age, hours) = (
        column("education_num"),
        column("age"),
        column("hours_per_week"),
    );
    let score = schooling.iter().zip(&age).zip(&hours);
    let score: Vec<f64> = score
        .map(|((schooling, age), hours)| (8.0 * schooling + age.min(60.0) + hours) / 320.0)
        .collect();
    let positive: Vec<bool> = income().codes().iter().map(|&code| code == 1).collect();
    let weights = column("fnlwgt");
    for (case, w) in [("plain", None), ("weighted", Some(&weights[..]))] {
        let found = [
            binary::roc_auc(&positive, &score, w).unwrap(),
            binary::average_precision(&positive, &score, w).unwrap(),
            binary::log_loss(&positive, &score, w).unwrap(),
            binary::brier(&positive, &score, w).unwrap(),
        ];
        for (found, expected) in found.into_iter().zip(numbers(peers.case(case)[0])) {
            assert_close(found, expected, 1e-12);
        }
    }
    peers.finish();
}
