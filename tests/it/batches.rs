//! Fits over batches: the same bits as in memory, however rows are cut, whatever the number of
//! threads and the memory limit.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use proptest::prelude::*;
use serde::Serialize;
use stackfold::data::batches::{
    BatchedTable, Batches, TableBatches, TrainBatches, for_each_batch, from_fn,
};
use stackfold::data::{FitContext, Labels};
use stackfold::error::ErrorKind;
use stackfold::model::baseline::Prior;
use stackfold::prelude::*;
use stackfold::transform::dates::{DateParts, Origin};
use stackfold::transform::encode::{
    Drop, FrequencyEncoder, LeaveOneOutEncoder, MinFrequency, OneHotEncoder, OrderedTargetEncoder,
    OrdinalEncoder, Smoothing, TargetEncoder,
};
use stackfold::transform::impute::{Imputer, Indicators};
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::row_counts::RowCounts;
use stackfold::transform::scale::{
    Log1p, MaxAbsScaler, MinMaxScaler, QuantileScaler, RobustScaler, StandardScaler, Winsorizer,
};
use stackfold::transform::{ColumnTransformer, Remainder, Selector, UnsupervisedTransformer};

use crate::support::{feature_bits, on_threads};

const N: usize = 230;
const SIZES: [usize; 4] = [1, 7, 64, N];
/// No limit, one of a few columns at a time, one of a single column at a time.
const BYTES_A_ROW: [Option<usize>; 3] = [None, Some(130), Some(85)];

/// Numbers that look like chance.
fn draw(row: usize, column: u64) -> u64 {
    Seed::new(column).at(row).value()
}

fn real(row: usize, column: u64) -> f64 {
    (draw(row, column) >> 40) as f64 / 1e7
}

fn sparse(row: usize, column: u64, value: f64) -> f64 {
    if draw(row, column + 100).is_multiple_of(5) {
        f64::NAN
    } else {
        value
    }
}

/// The numeric columns: each row's value depends on nothing but the row.
const NUMBERS: [&str; 9] = [
    "byte", "short", "long", "single", "double", "late", "never", "growing", "mixed",
];

fn number(name: &str, row: usize) -> f64 {
    let value = |column| (draw(row, column) % 90) as f64;
    match name {
        "byte" => sparse(row, 1, value(1) - 3.0),
        "short" => value(2) * 300.0,
        "long" => sparse(row, 3, value(3) * 1e6),
        "single" => sparse(row, 4, value(4) / 4.0),
        "double" => sparse(row, 5, real(row, 5).powi(3)),
        "late" if row < 70 => f64::NAN,
        "late" => real(row, 6),
        "never" => f64::NAN,
        // From i8 over i16 and i32 to f64, one after the other.
        "growing" if row < 30 => value(8),
        "growing" if row < 60 => value(8) * 200.0,
        "growing" if row < 100 => 16_777_217.0 + value(8),
        "growing" => value(8) + 0.1,
        // From i32, which is exact in f32, to f32.
        "mixed" if row < 100 => 65_536.0 * value(9),
        "mixed" => value(9) / 2.0,
        other => panic!("{other}"),
    }
}

const TEXTS: [&str; 4] = ["state", "city", "empty", "shy"];

fn text(name: &str, row: usize) -> Option<String> {
    let level = draw(row, 20) % 5;
    match name {
        "state" => Some(["CA", "NJ", "TX", "IL", "10"][level as usize].to_owned()),
        "city" if level == 0 => None,
        "city" => Some(format!("{}", draw(row, 21) % 60)),
        "empty" => None,
        // Missing in the first batches.
        "shy" if row < 65 => None,
        "shy" => Some(format!("l{level}")),
        other => panic!("{other}"),
    }
}

/// The table of these rows, made from their values alone: a batch knows nothing of the others.
fn table_of(rows: impl Iterator<Item = usize> + Clone) -> Table {
    let mut columns: Vec<(&str, Column)> = Vec::new();
    for name in NUMBERS {
        let cells: Vec<f64> = rows.clone().map(|row| number(name, row)).collect();
        columns.push((name, Column::numeric(cells)));
    }
    for name in TEXTS {
        let cells: Vec<Option<String>> = rows.clone().map(|row| text(name, row)).collect();
        columns.push((
            name,
            Column::categorical(cells.iter().map(Option::as_deref)),
        ));
    }
    let cells: Vec<Option<bool>> = rows
        .clone()
        .map(|row| [Some(true), Some(false), None][(draw(row, 30) % 3) as usize])
        .collect();
    columns.push(("flag", Column::boolean(&cells)));
    let cells: Vec<Option<i32>> = rows
        .clone()
        .map(|row| (!draw(row, 31).is_multiple_of(4)).then_some((draw(row, 32) % 20_000) as i32))
        .collect();
    columns.push(("day", Column::dates(&cells)));
    let cells: Vec<Option<i64>> = rows
        .clone()
        .map(|row| Some((draw(row, 33) % 2_000_000_000_000).cast_signed()))
        .collect();
    columns.push(("moment", Column::datetimes(&cells)));
    let weights: Vec<f64> = rows.map(|row| (draw(row, 34) % 4) as f64 + 0.3).collect();
    columns.push(("weight", Column::numeric(weights)));
    let table = Table::new(columns).unwrap();
    table.with_role("weight", Role::Ignored).unwrap()
}

fn whole() -> Table {
    table_of(0..N)
}

/// Batches of so many rows, each made from its rows' values alone.
fn batches(n_rows: usize) -> impl Batches {
    from_fn(move || {
        (0..N)
            .step_by(n_rows)
            .map(move |start| Ok(table_of(start..N.min(start + n_rows))))
    })
}

fn labels() -> Labels {
    let names: Vec<&str> = (0..N)
        .map(|row| ["no", "maybe", "yes"][(draw(row, 40) % 3) as usize])
        .collect();
    Labels::from_strs(&names).unwrap()
}

fn values() -> Values {
    Values::new((0..N).map(|row| real(row, 41) - 0.7).collect::<Vec<f64>>()).unwrap()
}

/// Names and bits.
fn bits<P: stackfold::data::Provenance>(features: &Features<P>) -> (Vec<String>, Vec<u32>) {
    let names = features.names().map(str::to_owned).collect();
    (names, feature_bits(features))
}

/// Every way of cutting rows and columns, and numbers of threads.
fn for_every_way(mut check: impl FnMut(usize, Option<usize>, usize)) {
    for n_rows in SIZES {
        for bytes in BYTES_A_ROW {
            check(n_rows, bytes.map(|bytes| bytes * N), 2);
        }
    }
    for n_threads in [1, 8] {
        check(64, Some(130 * N), n_threads);
    }
}

fn batched(source: &dyn Batches, limit: Option<usize>) -> BatchedTable<'_> {
    let limit = limit.map(|bytes| bytes as u64);
    BatchedTable::new(source).unwrap().with_memory_limit(limit)
}

fn with_columns<'a>(mut table: BatchedTable<'a>, columns: &[&str]) -> BatchedTable<'a> {
    for name in table
        .schema()
        .names()
        .map(str::to_owned)
        .collect::<Vec<_>>()
    {
        let is_chosen = columns.contains(&name.as_str());
        let role = if is_chosen {
            Role::Feature
        } else {
            Role::Ignored
        };
        table = table.with_role(&name, role).unwrap();
    }
    table
}

fn with_columns_in_memory(mut table: Table, columns: &[&str]) -> Table {
    for name in table
        .schema()
        .names()
        .map(str::to_owned)
        .collect::<Vec<_>>()
    {
        let is_chosen = columns.contains(&name.as_str());
        let role = if is_chosen {
            Role::Feature
        } else {
            Role::Ignored
        };
        table = table.with_role(&name, role).unwrap();
    }
    table
}

/// The fitted transformer, written out, and its features are those of a fit in memory.
fn same<Y, T>(transformer: &T, columns: &[&str], target: &Y, weight: bool)
where
    Y: Target,
    T: Transformer<Y>,
    T::Fitted: Serialize,
{
    let mut table = with_columns_in_memory(whole(), columns);
    if weight {
        table = table.with_role("weight", Role::Weight).unwrap();
    }
    let train = Train::new(&table, target).unwrap().with_seed(Seed::new(3));
    let (expected, _) = transformer.fit_transform(train).unwrap();
    let expected_text = serde_json::to_string(&expected).unwrap();
    let expected = bits(&expected.transform(table.rows()).unwrap());
    for_every_way(|n_rows, limit, n_threads| {
        let source = batches(n_rows);
        let mut table = with_columns(batched(&source, limit), columns);
        if weight {
            table = table.with_role("weight", Role::Weight).unwrap();
        }
        let train = TrainBatches::new(&table, target)
            .unwrap()
            .with_seed(Seed::new(3));
        let fitted = on_threads(n_threads, || transformer.fit_batches(train)).unwrap();
        let context = format!("{n_rows} rows, limit {limit:?}, {n_threads} threads");
        assert_eq!(
            serde_json::to_string(&fitted).unwrap(),
            expected_text,
            "{context}"
        );
        assert_eq!(
            bits(&fitted.transform(whole().rows()).unwrap()),
            expected,
            "{context}"
        );
    });
}

fn same_numbers<T>(transformer: &T)
where
    T: UnsupervisedTransformer,
    T::Fitted: Serialize,
{
    let columns = [&NUMBERS[..], &["flag"]].concat();
    same(transformer, &columns, &values(), false);
    same(transformer, &columns, &values(), true);
}

#[test]
fn a_gathered_table_is_the_table() {
    let expected = whole();
    for n_rows in SIZES {
        let source = batches(n_rows);
        let table = BatchedTable::new(&source).unwrap();
        assert_eq!(table.schema(), expected.schema());
        assert_eq!((table.n_rows(), table.n_batches()), (N, N.div_ceil(n_rows)));
        let names: Vec<&str> = expected.schema().names().collect();
        let gathered = table.gather(names.iter().copied()).unwrap();
        for name in names {
            // The same storage, too: what a column's numbers are kept in decides how they are
            // added up.
            let (found, expected) = (gathered.column(name), expected.column(name));
            assert_eq!(
                format!("{:?}", found.unwrap()),
                format!("{:?}", expected.unwrap()),
                "{name}, {n_rows} rows"
            );
        }
    }
}

/// A source that counts its scans, and the columns asked for in each.
#[derive(Debug)]
struct Counting<B> {
    source: B,
    scans: std::sync::Mutex<Vec<Option<usize>>>,
}

impl<B: Batches> Batches for Counting<B> {
    fn scan(
        &self,
        columns: Option<&[&str]>,
        visit: &mut dyn FnMut(Table) -> Result<()>,
    ) -> Result<()> {
        self.scans.lock().unwrap().push(columns.map(<[&str]>::len));
        self.source.scan(columns, visit)
    }
}

#[test]
fn a_memory_limit_costs_scans_of_fewer_columns() {
    let target = labels();
    let scans_of = |limit: Option<usize>| {
        let source = Counting {
            source: batches(64),
            scans: std::sync::Mutex::default(),
        };
        let table = batched(&source, limit.map(|bytes| bytes * N));
        let view = ColumnTransformer::new()
            .with(
                "numbers",
                Selector::kind(ColumnKind::Numeric),
                Imputer::median(),
            )
            .with(
                "means",
                Selector::kind(ColumnKind::Categorical),
                TargetEncoder::new(),
            );
        let train = TrainBatches::new(&table, &target).unwrap();
        on_threads(1, || view.fit_batches(train)).unwrap();
        source.scans.into_inner().unwrap()
    };
    // One scan to learn what there is, one for the columns of both steps.
    assert_eq!(scans_of(None), [None, Some(NUMBERS.len() + TEXTS.len())]);
    // 32 bytes and, a column, 8 and the cell: 1 + 2 + 4 + 4 for the first four.
    assert_eq!(
        scans_of(Some(32 + 4 * 8 + 11)),
        [None, Some(4), Some(3), Some(2), Some(3), Some(1)]
    );
}

#[test]
fn scalers_are_the_same() {
    same_numbers(&StandardScaler::new());
    same_numbers(&MinMaxScaler::new());
    same_numbers(&MaxAbsScaler::new());
    same_numbers(&RobustScaler::new());
    same_numbers(&QuantileScaler::new());
    same_numbers(&QuantileScaler::new().with_max_rows(Some(50)));
    same_numbers(&Winsorizer::new());
    same_numbers(&Passthrough::new());
    same(&Log1p::new(), &["short", "double"], &values(), false);
}

#[test]
fn imputers_are_the_same() {
    same_numbers(&Imputer::mean());
    same_numbers(&Imputer::median().with_indicators(Indicators::IfMissing));
    same_numbers(&Imputer::most_frequent().with_indicators(Indicators::All));
    same_numbers(&Imputer::constant(-7.5));
    same_numbers(&Imputer::median().by_group("state"));
    same_numbers(
        &Imputer::mean()
            .by_group("shy")
            .with_indicators(Indicators::IfMissing),
    );
}

#[test]
fn encoders_without_a_target_are_the_same() {
    let columns = [&TEXTS[..], &["flag"]].concat();
    let y = values();
    same(&OneHotEncoder::new(), &columns, &y, false);
    let frequent = OneHotEncoder::new()
        .with_min_frequency(MinFrequency::Count(4))
        .with_drop(Drop::First);
    same(&frequent, &columns, &y, false);
    same(&OrdinalEncoder::new(), &columns, &y, false);
    same(
        &OrdinalEncoder::new().with_order("state", ["TX", "CA"]),
        &columns,
        &y,
        false,
    );
    same(&FrequencyEncoder::new(), &columns, &y, false);
}

#[test]
fn target_statistics_are_the_same() {
    let columns = [&TEXTS[..], &["flag"]].concat();
    for weight in [false, true] {
        same(&TargetEncoder::new(), &columns, &labels(), weight);
        same(&TargetEncoder::new(), &columns, &values(), weight);
        let fixed = TargetEncoder::new().with_smoothing(Smoothing::Fixed(3.0));
        same(&fixed.with_n_folds(3), &columns, &labels(), weight);
        same(&LeaveOneOutEncoder::new(), &columns, &values(), weight);
        same(
            &LeaveOneOutEncoder::new().nested(),
            &columns,
            &labels(),
            weight,
        );
        same(&OrderedTargetEncoder::new(), &columns, &labels(), weight);
    }
}

#[test]
fn dates_and_counts_are_the_same() {
    let first_day = DateParts::new().with_origin(Origin::FirstDay);
    same(&first_day, &["day", "moment"], &values(), false);
    let counts = RowCounts::new("row").missing().zeros().equal_level("CA");
    same(
        &counts,
        &["byte", "late", "state", "city", "day"],
        &values(),
        false,
    );
}

/// Chains and column transformers, whose fitted types are not written out.
fn same_features<T: Transformer<Labels>>(transformer: &T) {
    let (table, target) = (whole(), labels());
    let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(5));
    let (fitted, _) = transformer.fit_transform(train).unwrap();
    let expected = bits(&fitted.transform(table.rows()).unwrap());
    let expected_fields = fitted.fields().to_vec();
    for_every_way(|n_rows, limit, n_threads| {
        let source = batches(n_rows);
        let table = batched(&source, limit);
        let train = TrainBatches::new(&table, &target)
            .unwrap()
            .with_seed(Seed::new(5));
        let fitted = on_threads(n_threads, || transformer.fit_batches(train)).unwrap();
        assert_eq!(fitted.fields(), expected_fields);
        let found = bits(&fitted.transform(whole().rows()).unwrap());
        assert!(
            found == expected,
            "{n_rows} rows, limit {limit:?}, {n_threads} threads"
        );
    });
}

#[test]
fn chains_and_column_transformers_are_the_same() {
    let numbers = || Selector::kind(ColumnKind::Numeric) & !Selector::names(["never"]);
    let levels = || Selector::kind(ColumnKind::Categorical);
    let imputer = || Imputer::median().with_indicators(Indicators::IfMissing);
    same_features(
        &ColumnTransformer::new()
            .with("numbers", numbers(), imputer().then(StandardScaler::new()))
            .with("gaps", numbers(), StandardScaler::new().then(imputer()))
            .with(
                "means",
                levels(),
                TargetEncoder::new().then(QuantileScaler::new()),
            )
            .with("codes", levels(), OrdinalEncoder::new().then(imputer()))
            .with(
                "flags",
                levels(),
                OneHotEncoder::new().then(MaxAbsScaler::new()),
            )
            .with(
                "few",
                Selector::cardinality(2..=40),
                RowCounts::new("few").missing(),
            )
            .with("none", Selector::prefix("nothing"), Passthrough::new())
            .with_remainder(Remainder::Pass),
    );
    // A column transformer within another sees the outer step's columns alone.
    let inner = ColumnTransformer::new()
        .with("mean", levels(), LeaveOneOutEncoder::new())
        .with("number", numbers(), Imputer::mean());
    let outer = Selector::names(["state", "city", "double", "growing"]);
    same_features(&ColumnTransformer::new().with("inner", outer, inner));
}

#[test]
fn slices_of_a_table_keep_its_coding() {
    // The levels of a table may stand in any order, and some may have no row.
    let levels = ["z", "a", "unused", "m"].map(String::from).to_vec();
    let levels = std::sync::Arc::new(stackfold::data::Levels::new(levels).unwrap());
    let codes: Vec<u32> = (0..20).map(|row| [3, 1, 0][row % 3]).collect();
    let column = Column::from_codes(codes, levels).unwrap();
    let table = Table::new([("x", column)]).unwrap();
    let expected = OneHotEncoder::new()
        .fit_rows(table.rows(), &FitContext::default())
        .unwrap();
    for n_rows in [1, 3, 20] {
        let source = TableBatches::new(&table, n_rows);
        let batched = BatchedTable::new(&source).unwrap();
        let fitted = OneHotEncoder::new()
            .fit_batched_rows(&batched, &FitContext::default())
            .unwrap();
        assert_eq!(
            serde_json::to_string(&fitted).unwrap(),
            serde_json::to_string(&expected).unwrap()
        );
    }
}

#[test]
fn names_that_two_columns_share_are_made_to_differ_as_in_memory() {
    let table = Table::new([
        ("a", Column::categorical(["b_c", "x"].map(Some))),
        ("a_b", Column::categorical(["c", "x"].map(Some))),
    ])
    .unwrap();
    let context = FitContext::default();
    let expected = OneHotEncoder::new()
        .fit_rows(table.rows(), &context)
        .unwrap();
    let names: Vec<&str> = expected
        .fields()
        .iter()
        .map(stackfold::data::Feature::name)
        .collect();
    assert_eq!(names, ["a_b_c", "a_x", "a_b_c_2", "a_b_x"]);
    let source = TableBatches::new(&table, 1);
    let batched = BatchedTable::new(&source)
        .unwrap()
        .with_memory_limit(Some(100));
    let fitted = OneHotEncoder::new()
        .fit_batched_rows(&batched, &context)
        .unwrap();
    assert_eq!(fitted.fields(), expected.fields());
}

#[test]
fn features_and_predictions_come_batch_by_batch() {
    let (table, target) = (whole(), labels());
    let view = ColumnTransformer::new()
        .with(
            "numbers",
            Selector::kind(ColumnKind::Numeric),
            Imputer::mean(),
        )
        .with(
            "means",
            Selector::kind(ColumnKind::Categorical),
            TargetEncoder::new(),
        );
    let pipeline = Pipeline::new(view, Prior::new());
    let fitted = pipeline.fit(Train::new(&table, &target).unwrap()).unwrap();
    let expected_features = fitted.transformer().transform(table.rows()).unwrap();
    let expected = fitted.predict(table.rows()).unwrap();
    for n_rows in SIZES {
        let source = batches(n_rows);
        let mut columns: Vec<Vec<f32>> = vec![Vec::new(); expected_features.n_features()];
        let sink = &mut |batch: &Table, features: Features<OutOfSample>| {
            assert_eq!(batch.n_rows(), features.n_rows());
            for (j, column) in columns.iter_mut().enumerate() {
                column.extend_from_slice(features.column(j));
            }
            Ok(())
        };
        fitted
            .transformer()
            .transform_batches(&source, sink)
            .unwrap();
        let found: Vec<u32> = columns.concat().iter().map(|v| v.to_bits()).collect();
        assert_eq!(found, bits(&expected_features).1);
        let mut probabilities = Vec::new();
        FittedLearner::<Labels>::predict_batches(&fitted, &source, &mut |_, prediction| {
            probabilities.extend_from_slice(prediction.positive());
            Ok(())
        })
        .unwrap();
        assert_eq!(probabilities, expected.positive());
    }
}

#[test]
fn empty_batches_are_passed_over() {
    let source = from_fn(|| {
        [0..0, 0..50, 50..50, 50..N, N..N]
            .into_iter()
            .map(|rows| Ok(table_of(rows)))
    });
    let table = BatchedTable::new(&source).unwrap();
    assert_eq!((table.n_rows(), table.n_batches()), (N, 2));
    let mut numbers = Vec::new();
    for_each_batch(&source, None, &mut |number, _| {
        numbers.push(number);
        Ok(())
    })
    .unwrap();
    assert_eq!(numbers, [1, 3]);
    let none = from_fn(|| [Ok(table_of(0..0))].into_iter());
    let error = BatchedTable::new(&none).unwrap_err().to_string();
    assert_eq!(error, "expected at least one row, found none");
}

/// Batches of the given columns.
fn fixed(batches: Vec<Vec<(&'static str, Column)>>) -> impl Batches {
    from_fn(move || batches.clone().into_iter().map(Table::new))
}

fn error_of(batches: Vec<Vec<(&'static str, Column)>>) -> String {
    BatchedTable::new(&fixed(batches)).unwrap_err().to_string()
}

#[test]
fn errors_name_the_column_and_the_batch() {
    let numbers = || Column::numeric(vec![1.0, 2.0]);
    let texts = || Column::categorical([Some("a"), Some("b")]);
    let kind = error_of(vec![
        vec![("x", numbers()), ("y", texts())],
        vec![("x", numbers()), ("y", numbers())],
    ]);
    assert_eq!(
        kind,
        "batch 1, column \"y\": expected a categorical, as in an earlier batch column, found a \
         numeric one"
    );
    let absent = error_of(vec![
        vec![("x", numbers()), ("y", texts())],
        vec![("y", texts()), ("x", numbers())],
        vec![("x", numbers())],
    ]);
    assert!(absent.starts_with("batch 2, column \"y\": "), "{absent}");
    let further = error_of(vec![
        vec![("x", numbers())],
        vec![("x", numbers()), ("z", numbers())],
    ]);
    assert!(further.starts_with("batch 1, column \"z\": "), "{further}");
    let failing = from_fn(|| [Ok(table_of(0..3)), Err(Error::missing_value())].into_iter());
    let error = BatchedTable::new(&failing).unwrap_err();
    assert!(error.to_string().starts_with("batch 1: "), "{error}");
}

#[test]
fn an_error_while_transforming_names_the_batch() {
    let (table, target) = (whole(), values());
    let train = Train::new(&table, &target).unwrap();
    let view = ColumnTransformer::new().with("x", Selector::names(["byte"]), Imputer::mean());
    let (fitted, _) = view.fit_transform(train).unwrap();
    let numbers = || Column::numeric(vec![1.0]);
    let source = fixed(vec![vec![("byte", numbers())], vec![("other", numbers())]]);
    let error = fitted
        .transform_batches(&source, &mut |_, _| Ok(()))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("batch 1, step \"x\", column \"byte\": "),
        "{error}"
    );
}

#[test]
fn a_column_without_values_is_what_other_batches_say() {
    let missing = || Column::numeric(vec![f64::NAN, f64::NAN]);
    let days = Column::dates(&[Some(3), None]);
    let source = fixed(vec![
        vec![
            ("a", missing()),
            ("b", missing()),
            ("c", Column::categorical([None, None])),
        ],
        vec![
            ("a", Column::categorical([Some("x"), None])),
            ("b", days.clone()),
            ("c", Column::numeric(vec![0.5, 1.0])),
        ],
    ]);
    let table = BatchedTable::new(&source).unwrap();
    let kinds: Vec<ColumnKind> = table
        .schema()
        .fields()
        .iter()
        .map(stackfold::data::Field::kind)
        .collect();
    assert_eq!(
        kinds,
        [
            ColumnKind::Categorical,
            ColumnKind::Date,
            ColumnKind::Numeric
        ]
    );
    let gathered = table.gather(["c", "b", "a"]).unwrap();
    assert_eq!(
        gathered.column("a").unwrap().codes().unwrap().0,
        [u32::MAX, u32::MAX, 0, u32::MAX]
    );
    assert_eq!(gathered.column("b").unwrap().n_missing(), 3);
    assert_eq!(
        gathered.column("c").unwrap().text(2).as_deref(),
        Some("0.5")
    );
}

#[test]
fn batches_that_change_between_scans_are_refused() {
    let scans = std::sync::atomic::AtomicUsize::new(0);
    for change in 0..3 {
        scans.store(0, std::sync::atomic::Ordering::Relaxed);
        let source = from_fn(|| {
            let scan = scans.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let (mut numbers, mut level) = (vec![1.0, 2.0], "a");
            match (scan, change) {
                (0, _) => {}
                (_, 0) => numbers[1] = 0.5,
                (_, 1) => level = "b",
                _ => numbers.push(3.0),
            }
            let levels = vec![Some(level); numbers.len()];
            let columns = [
                ("x", Column::numeric(numbers)),
                ("l", Column::categorical(levels)),
            ];
            [Table::new(columns)].into_iter()
        });
        let table = BatchedTable::new(&source).unwrap();
        let error = table.gather(["x", "l"]).unwrap_err().to_string();
        assert!(
            error.ends_with("expected the same rows in every scan, found others"),
            "{error}"
        );
    }
}

#[test]
fn a_memory_limit_that_is_too_low_says_so() {
    let source = batches(64);
    let table = with_columns(batched(&source, Some(10 * N)), &["double", "byte"]);
    let error = StandardScaler::new()
        .fit_batched_rows(&table, &FitContext::default())
        .unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Parameter { parameter, .. } if parameter == "memory_limit")
    );
    assert_eq!(error.column(), Some("byte"));
    let target = labels();
    let train = Train::new(&whole(), &target).map(drop);
    assert!(train.is_ok());
    let other = BatchedTable::new(&source).unwrap();
    let short = Labels::from_strs(&["a", "b"]).unwrap();
    assert!(TrainBatches::new(&other, &short).is_err());
}

#[test]
fn roles_of_the_batches_are_kept_and_targets_can_be_had() {
    let source = from_fn(|| {
        [0..100, 100..N].into_iter().map(|rows| {
            let n = rows.len();
            let table = table_of(rows.clone());
            let bought: Vec<f64> = rows.map(|row| (draw(row, 50) % 2) as f64).collect();
            assert_eq!(bought.len(), n);
            table
                .with_column("bought", Column::numeric(bought))?
                .with_role("bought", Role::Target)
        })
    });
    let table = BatchedTable::new(&source).unwrap();
    let role = |name: &str| {
        let schema = table.schema();
        schema.fields()[schema.position(name).unwrap()].role()
    };
    assert_eq!(
        (role("bought"), role("weight")),
        (Role::Target, Role::Ignored)
    );
    let labels = table.labels("bought").unwrap();
    assert_eq!(labels.n_rows(), N);
    assert_eq!(table.values("bought").unwrap().as_slice().len(), N);
    // The target is out of reach of steps.
    let target =
        ColumnTransformer::new().with("t", Selector::names(["bought"]), Passthrough::new());
    let error = target
        .fit_batches(TrainBatches::new(&table, &labels).unwrap())
        .unwrap_err();
    assert_eq!(error.column(), Some("bought"));
}

/// What numbers a property test puts into a column.
fn numbers() -> impl Strategy<Value = Vec<f64>> {
    let number = prop_oneof![
        3 => (-100_i32..100).prop_map(f64::from),
        1 => any::<i16>().prop_map(f64::from),
        1 => any::<i32>().prop_map(f64::from),
        1 => (-1e12..1e12_f64).prop_map(f64::trunc),
        1 => any::<f32>().prop_filter("finite", |v| v.is_finite()).prop_map(f64::from),
        1 => -1e3..1e3_f64,
        1 => Just(f64::NAN),
        1 => Just(-0.0),
    ];
    // Runs of few kinds, so that batches differ in type.
    prop::collection::vec(number, 1..60)
}

proptest! {
    #[test]
    fn any_numbers_in_any_batches_are_the_column(
        mut values in numbers(),
        sorted in any::<bool>(),
        n_rows in 1_usize..20,
    ) {
        if sorted {
            values.sort_by(f64::total_cmp);
        }
        let expected = Column::numeric(values.clone());
        let source = from_fn(|| {
            values
                .chunks(n_rows)
                .map(|cells| Table::new([("x", Column::numeric(cells))]))
        });
        let table = BatchedTable::new(&source).unwrap();
        let found = table.gather(["x"]).unwrap();
        let found = found.column("x").unwrap();
        prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
}

#[cfg(feature = "polars")]
mod parquet {
    use stackfold::data::polars::{
        Columns, ParquetBatches, ParquetSink, TableReader, features_to_frame, write_parquet,
    };

    use super::*;

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("stackfold_{}_{name}.parquet", std::process::id()))
    }

    #[test]
    fn a_file_in_batches_is_the_file() {
        let file = path("in_batches");
        write_parquet(&file, &whole()).unwrap();
        let reader = TableReader::new()
            .with_kind("byte", ColumnKind::Categorical)
            .with_sentinels(Columns::names(["short"]), ["0"])
            .with_role("weight", Role::Weight);
        let table = reader.read(&file).unwrap();
        let target = labels();
        let view = ColumnTransformer::new()
            .with(
                "numbers",
                Selector::kind(ColumnKind::Numeric),
                Imputer::median(),
            )
            .with(
                "means",
                Selector::kind(ColumnKind::Categorical),
                TargetEncoder::new(),
            );
        let train = Train::new(&table, &target).unwrap();
        let (expected, _) = view.fit_transform(train).unwrap();
        let expected = bits(&expected.transform(table.rows()).unwrap());
        for (max_rows, limit) in [(1, None), (64, Some(100 * N)), (1000, None)] {
            let source = ParquetBatches::new(&file)
                .with_reader(reader.clone())
                .with_max_rows(max_rows);
            let batched = batched(&source, limit);
            assert_eq!(batched.n_batches(), N.div_ceil(max_rows));
            assert_eq!(batched.schema(), table.schema());
            let train = TrainBatches::new(&batched, &target).unwrap();
            let fitted = view.fit_batches(train).unwrap();
            assert!(
                bits(&fitted.transform(table.rows()).unwrap()) == expected,
                "{max_rows}"
            );

            // Through a file and back, in batches.
            let out = path("features");
            let mut sink = ParquetSink::create(&out)
                .unwrap()
                .with_columns(["long", "state"]);
            fitted
                .transform_batches(&source, &mut |batch, features| {
                    sink.write_features(batch, &features)
                })
                .unwrap();
            assert!(!out.exists());
            assert_eq!(sink.finish().unwrap(), N);
            let written = TableReader::new().read(&out).unwrap();
            let features = fitted.transform(table.rows()).unwrap();
            let names: Vec<&str> = written.schema().names().collect();
            assert_eq!(names[..2], ["long", "state"]);
            for (j, name) in features.names().enumerate() {
                let found = written.column(name).unwrap();
                let found = found.numbers(stackfold::data::RowIndex::All(N));
                let expected = features.column(j).iter().map(|&v| f64::from(v));
                assert!(found.into_iter().eq(expected), "{name}");
            }
            for name in ["long", "state"] {
                let (found, expected) = (written.column(name), table.column(name));
                let (found, expected) = (found.unwrap(), expected.unwrap());
                assert!(
                    (0..N).all(|row| found.text(row) == expected.text(row)),
                    "{name}"
                );
            }
            std::fs::remove_file(&out).unwrap();
        }
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_sink_that_is_not_finished_leaves_nothing() {
        let out = path("unfinished");
        let table = whole();
        let target = values();
        let train = Train::new(&table, &target).unwrap();
        let (_, features) = ColumnTransformer::new()
            .with("x", Selector::names(["byte"]), Imputer::mean())
            .fit_transform(train)
            .unwrap();
        let mut sink = ParquetSink::create(&out).unwrap();
        sink.write_features(&table, &features).unwrap();
        // Other columns than before.
        let frame = features_to_frame(&features).unwrap();
        let mut sink_with = ParquetSink::create(path("other")).unwrap();
        sink_with.write(&table, &frame).unwrap();
        let mut renamed = frame;
        renamed.set_column_names(&["y"]).unwrap();
        let error = sink_with.write(&table, &renamed).unwrap_err().to_string();
        assert!(error.ends_with("expected the columns and types of the first batch, found others"));
        drop(sink);
        drop(sink_with);
        assert!(!out.exists() && !path("other").exists());
        let left = std::fs::read_dir(std::env::temp_dir()).unwrap();
        let ours = format!("stackfold_{}_unfinished", std::process::id());
        assert!(
            !left
                .flatten()
                .any(|f| f.file_name().to_string_lossy().contains(&ours))
        );
        assert!(ParquetSink::create(&out).unwrap().finish().is_err());
    }
}
