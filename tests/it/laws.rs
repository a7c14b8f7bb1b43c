//! Laws that each transformer obeys, or says that it does not.
//!
//! [`cases`] lists each transformer once, with columns that it can take; a new one belongs there.
//! A case names the laws from which it is exempt, and an exemption that is not needed fails too.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests panic when they fail, and cast small numbers"
)]

use std::sync::Arc;

use stackfold::ErrorKind;
use stackfold::data::Provenance;
use stackfold::folds::Folds;
use stackfold::prelude::*;
use stackfold::transform::dates::{DateParts, Origin};
use stackfold::transform::encode::{
    Drop, EmbeddingEncoder, EmbeddingMatrix, Frequency, FrequencyEncoder, LeaveOneOutEncoder,
    LoneRow, MinFrequency, Missing, MissingCode, MissingLevel, Noise, OneHotEncoder, OrderedPrior,
    OrderedTargetEncoder, OrdinalEncoder, PretrainedEmbedding, RowOrder, Smoothing, TargetEncoder,
    Unknown,
};
use stackfold::transform::impute::{Imputer, Indicators};
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::row_counts::RowCounts;
use stackfold::transform::scale::{
    Log1p, MaxAbsScaler, MinMaxScaler, Negatives, QuantileOutput, QuantileScaler, RobustScaler,
    StandardScaler, Winsorizer,
};
use stackfold::transform::{ColumnTransformer, DynTransformer, Naming, Remainder, Selector};

use crate::support::{assert_all_listed, feature_bits as bits, on_threads, type_of};

const N: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Law {
    /// Which rows are transformed together, and in which order, does not matter.
    RowByRow,
    /// `fields()` says what comes out, for any rows; names differ.
    Names,
    /// As many threads as you like.
    Threads,
    /// A row's features are not computed from its own target.
    OwnTarget,
    /// No column gives no feature.
    NoColumn,
    /// One training row is enough.
    OneRow,
    /// Cells that are all missing, or all the same, give no infinity.
    HardCells,
    /// Columns are found by name.
    ColumnOrder,
    /// An absent column is named.
    AbsentColumn,
    /// A column of another kind is named.
    OtherKind,
    /// What levels are called does not matter as long as their order stays.
    LevelNames,
    /// The seed does not matter.
    Seed,
    /// Fitted without features of the training rows it transforms new ones just the same.
    WithoutFeatures,
    /// Alone in a column transformer it does what it does by itself.
    AsStep,
    /// Rows of weight 0 take no part in fitting.
    ZeroWeight,
    /// In a pipeline new rows are predicted row by row, by name, on any number of threads.
    InPipeline,
}

/// A transformer that says which it is.
trait Listed: DynTransformer<Labels> {
    fn type_of(&self) -> &'static str;
}

impl<T: Transformer<Labels>> Listed for T {
    fn type_of(&self) -> &'static str {
        type_of(self)
    }
}

type Boxed = Box<dyn Listed>;
type Columns = Vec<(&'static str, Column, Role)>;

/// A transformer with columns for it.
struct Case {
    name: &'static str,
    columns: fn(usize) -> Columns,
    /// Cross-fitting ones are given folds: their own follow the target.
    build: fn(Option<&Folds>) -> Boxed,
    exempt: &'static [Law],
}

fn targets(folds: Option<&Folds>, encoder: TargetEncoder) -> TargetEncoder {
    match folds {
        Some(folds) => encoder.with_folds(folds.clone()),
        None => encoder,
    }
}

/// Its network is small; it depends on the order of its inputs.
fn embedding(folds: Option<&Folds>) -> Boxed {
    let encoder = EmbeddingEncoder::new().with_rows_per_number(5);
    let network = encoder.network().clone();
    let network = network.with_hidden([4]).with_n_epochs(2).with_n_seeds(2);
    let encoder = encoder.with_network(network.with_batch_size(64));
    Box::new(match folds {
        Some(folds) => encoder.with_folds(folds.clone()),
        None => encoder,
    })
}

fn nested(folds: Option<&Folds>, encoder: LeaveOneOutEncoder) -> Boxed {
    let nested = encoder.nested();
    Box::new(match folds {
        Some(folds) => nested.with_folds(folds.clone()),
        None => nested,
    })
}

/// A table for several transformers, for [`ColumnTransformer`].
fn side_by_side(folds: Option<&Folds>) -> ColumnTransformer<Labels> {
    let texts = || Selector::kind(ColumnKind::Categorical);
    ColumnTransformer::new()
        .with(
            "fill",
            Selector::kind(ColumnKind::Numeric),
            Imputer::median().then(StandardScaler::new()),
        )
        .with(
            "hot",
            texts() & Selector::cardinality(0..=4),
            OneHotEncoder::new(),
        )
        .with("mean", texts(), targets(folds, TargetEncoder::new()))
        .with("dates", Selector::kind(ColumnKind::Date), DateParts::new())
        .with("counts", Selector::all(), RowCounts::new("n").missing())
        .with("nothing", Selector::prefix("no such"), Imputer::mean())
}

fn case(
    name: &'static str,
    columns: fn(usize) -> Columns,
    exempt: &'static [Law],
    build: fn(Option<&Folds>) -> Boxed,
) -> Case {
    Case {
        name,
        columns,
        build,
        exempt,
    }
}

fn cases() -> Vec<Case> {
    let mut cases = encoders();
    cases.extend(imputers_and_scalers());
    cases.extend(others());
    cases
}

fn encoders() -> Vec<Case> {
    use Law::{ColumnOrder, LevelNames, OwnTarget, Seed, ZeroWeight};
    vec![
        case("one-hot", texts, &[], |_| Box::new(OneHotEncoder::new())),
        case("one-hot without first", texts, &[], |_| {
            Box::new(OneHotEncoder::new().with_drop(Drop::First))
        }),
        case("one-hot of frequent levels", texts, &[], |_| {
            let encoder = OneHotEncoder::new()
                .with_min_frequency(MinFrequency::Count(6))
                .with_unknown(Unknown::Infrequent)
                .with_drop(Drop::IfBinary);
            Box::new(encoder.with_missing(Missing::Zeros))
        }),
        case("one-hot of some levels", texts, &[], |_| {
            Box::new(OneHotEncoder::new().with_max_levels(Some(3)))
        }),
        case("ordinal", texts, &[], |_| Box::new(OrdinalEncoder::new())),
        case("ordinal with missing", texts, &[], |_| {
            Box::new(OrdinalEncoder::new().with_missing(MissingCode::Own))
        }),
        case("ordinal in order", texts, &[LevelNames], |_| {
            Box::new(OrdinalEncoder::new().with_order("state", ["TX", "CA"]))
        }),
        case("count", texts, &[], |_| Box::new(FrequencyEncoder::new())),
        case("log count", texts, &[], |_| {
            Box::new(FrequencyEncoder::new().with_frequency(Frequency::LogCount))
        }),
        case("target", texts, &[], |folds| {
            Box::new(targets(folds, TargetEncoder::new()))
        }),
        case("target, fixed", texts, &[], |folds| {
            let encoder = TargetEncoder::new().with_smoothing(Smoothing::Fixed(3.0));
            Box::new(targets(folds, encoder))
        }),
        case("target, sigmoid", texts, &[], |folds| {
            let smoothing = Smoothing::Sigmoid { k: 3.0, f: 2.0 };
            let encoder = TargetEncoder::new().with_smoothing(smoothing);
            let encoder = encoder.with_missing(MissingLevel::Prior);
            Box::new(targets(folds, encoder))
        }),
        case(
            "target in folds of its own",
            texts,
            &[OwnTarget, Seed],
            |_| Box::new(TargetEncoder::new()),
        ),
        case("leave-one-out", texts, &[Seed], |_| {
            Box::new(LeaveOneOutEncoder::new())
        }),
        case("leave-one-out without noise", texts, &[], |_| {
            Box::new(LeaveOneOutEncoder::new().with_noise(Noise::None))
        }),
        case("leave-one-out with additive noise", texts, &[Seed], |_| {
            Box::new(LeaveOneOutEncoder::new().with_noise(Noise::Additive(0.1)))
        }),
        case(
            "leave-one-out, overall mean",
            texts,
            &[OwnTarget, Seed],
            |_| Box::new(LeaveOneOutEncoder::new().with_lone_row(LoneRow::OverallMean)),
        ),
        case("nested leave-one-out", texts, &[], |folds| {
            nested(folds, LeaveOneOutEncoder::new().with_noise(Noise::None))
        }),
        case("ordered", texts, &[Seed], |_| {
            Box::new(OrderedTargetEncoder::new())
        }),
        case("ordered as given", texts, &[], |_| {
            Box::new(OrderedTargetEncoder::new().with_order(RowOrder::AsGiven))
        }),
        case("ordered, overall mean", texts, &[OwnTarget, Seed], |_| {
            Box::new(OrderedTargetEncoder::new().with_prior(OrderedPrior::OverallMean))
        }),
        case("vectors of other rows", two_texts, &[LevelNames], |_| {
            let vectors = |column: &str, levels: &[&str]| {
                let names = levels.iter().map(ToString::to_string).collect();
                let numbers = (0..levels.len()).map(|level| vec![level as f32, 0.5]);
                EmbeddingMatrix::new(column, names, numbers.collect(), vec![0.25; 2]).unwrap()
            };
            let matrices = vec![
                vectors("state", &["CA", "NY"]),
                vectors("city", &["Oslo", "Rome", "Riga"]),
            ];
            Box::new(PretrainedEmbedding::trained_on_other_rows(matrices).unwrap())
        }),
        // Contexts and gauges of its vectors are taken from all rows.
        case(
            "embedding",
            texts,
            &[ColumnOrder, Seed, ZeroWeight],
            embedding,
        ),
        case(
            "embedding in folds of its own",
            texts,
            &[ColumnOrder, OwnTarget, Seed, ZeroWeight],
            |_| embedding(None),
        ),
    ]
}

fn imputers_and_scalers() -> Vec<Case> {
    use Law::Seed;
    vec![
        // Imputers.
        case("mean", numbers, &[], |_| Box::new(Imputer::mean())),
        case("median", numbers, &[], |_| {
            Box::new(Imputer::median().with_indicators(Indicators::All))
        }),
        case("most frequent", numbers, &[], |_| {
            Box::new(Imputer::most_frequent().with_indicators(Indicators::IfMissing))
        }),
        case("constant", numbers, &[], |_| {
            Box::new(Imputer::constant(-7.0))
        }),
        case("mean by group", grouped, &[], |_| {
            Box::new(Imputer::mean().by_group("state"))
        }),
        case("median by group", grouped, &[], |_| {
            Box::new(Imputer::median().by_group("state"))
        }),
        // Scalers.
        case(
            "standard",
            numbers,
            &[],
            |_| Box::new(StandardScaler::new()),
        ),
        case("min-max", numbers, &[], |_| Box::new(MinMaxScaler::new())),
        case("max-abs", numbers, &[], |_| Box::new(MaxAbsScaler::new())),
        case("robust", numbers, &[], |_| Box::new(RobustScaler::new())),
        case("winsorizer", numbers, &[], |_| Box::new(Winsorizer::new())),
        case("uniform", numbers, &[], |_| Box::new(QuantileScaler::new())),
        case("normal", numbers, &[], |_| {
            Box::new(QuantileScaler::new().with_output(QuantileOutput::Normal))
        }),
        case("uniform from a sample", numbers, &[Seed], |_| {
            Box::new(QuantileScaler::new().with_max_rows(Some(15)))
        }),
        case("logarithm", numbers, &[], |_| Box::new(Log1p::new())),
        case("signed logarithm", numbers, &[], |_| {
            Box::new(Log1p::new().with_negatives(Negatives::Signed))
        }),
    ]
}

fn others() -> Vec<Case> {
    use Law::{LevelNames, NoColumn, OwnTarget};
    vec![
        // The rest.
        case(
            "passthrough",
            numbers,
            &[],
            |_| Box::new(Passthrough::new()),
        ),
        case("date parts", dates, &[], |_| Box::new(DateParts::new())),
        case("days since the first", dates, &[], |_| {
            Box::new(DateParts::new().with_origin(Origin::FirstDay))
        }),
        case("counts", mixed, &[NoColumn], |_| {
            Box::new(RowCounts::new("n").missing().zeros().equal(3.0))
        }),
        case("counts of a level", mixed, &[NoColumn, LevelNames], |_| {
            Box::new(RowCounts::new("n").equal_level("TX"))
        }),
        // Compositions. A scaler behind a target encoder learns from what all rows' targets say.
        case("filled, then scaled", numbers, &[], |_| {
            Box::new(
                Imputer::mean()
                    .then(StandardScaler::new())
                    .then(MaxAbsScaler::new()),
            )
        }),
        case("target, then filled", texts, &[], |folds| {
            Box::new(targets(folds, TargetEncoder::new()).then(Imputer::constant(0.5)))
        }),
        case("target, then scaled", texts, &[OwnTarget], |folds| {
            Box::new(targets(folds, TargetEncoder::new()).then(StandardScaler::new()))
        }),
        case("side by side", mixed, &[NoColumn], |folds| {
            Box::new(side_by_side(folds))
        }),
        case("side by side, the rest passed", numbers, &[], |_| {
            let columns = ColumnTransformer::new()
                .with("fill", Selector::prefix("x"), Imputer::mean())
                .with_remainder(Remainder::Pass);
            Box::new(columns.with_naming(Naming::Plain))
        }),
    ]
}

/// One of `of` that depends on the row and the column alone.
fn draw(column: usize, row: usize, of: u64) -> u64 {
    Seed::new(5).at(column).hash(row as u64) % of
}

/// A float with three missing cells of ten.
fn real(column: usize, n: usize) -> Column {
    let cell = |row| match draw(column, row, 10) {
        0..3 => f64::NAN,
        _ => draw(column + 100, row, 1000) as f64 / 64.0,
    };
    Column::numeric((0..n).map(cell).collect::<Vec<_>>())
}

fn whole(column: usize, n: usize) -> Column {
    let cell =
        |row| (draw(column, row, 7) > 0).then(|| i64::try_from(draw(column, row, 7)).unwrap());
    Column::integers(&(0..n).map(cell).collect::<Vec<_>>())
}

fn flags(column: usize, n: usize) -> Column {
    let cell = |row| (draw(column, row, 5) > 0).then(|| draw(column, row, 5) > 2);
    Column::boolean(&(0..n).map(cell).collect::<Vec<_>>())
}

fn text(column: usize, n: usize, names: &[&'static str]) -> Column {
    // Levels beyond the first few are rare, and some rows have none.
    let cell = |row| {
        let level = draw(column, row, 100).isqrt() as usize;
        names.get(level * (names.len() + 1) / 10).copied()
    };
    Column::categorical((0..n).map(cell))
}

fn numbers(n: usize) -> Columns {
    vec![
        ("x", real(0, n), Role::Feature),
        ("whole", whole(1, n), Role::Feature),
        ("flag", flags(2, n), Role::Feature),
        ("same", Column::numeric(vec![4.0; n]), Role::Feature),
        ("gone", Column::numeric(vec![f64::NAN; n]), Role::Feature),
    ]
}

fn texts(n: usize) -> Columns {
    let cities = [
        "Rome", "Oslo", "Bonn", "Lyon", "Graz", "Cork", "Riga", "Kyiv", "Bern",
    ];
    vec![
        ("state", text(3, n, &["CA", "NY", "TX"]), Role::Feature),
        ("city", text(4, n, &cities), Role::Feature),
        ("flag", flags(5, n), Role::Feature),
        (
            "same",
            Column::categorical(vec![Some("one"); n]),
            Role::Feature,
        ),
        ("gone", Column::categorical(vec![None; n]), Role::Feature),
    ]
}

fn two_texts(n: usize) -> Columns {
    let mut columns = texts(n);
    columns.truncate(2);
    columns
}

fn dates(n: usize) -> Columns {
    let day = |row| (draw(6, row, 8) > 0).then(|| i32::try_from(draw(6, row, 30_000)).unwrap());
    let moment = |row| (draw(7, row, 8) > 0).then(|| i64::try_from(draw(7, row, 1 << 42)).unwrap());
    let days: Vec<_> = (0..n).map(day).collect();
    let moments: Vec<_> = (0..n).map(moment).collect();
    vec![
        ("day", Column::dates(&days), Role::Feature),
        ("moment", Column::datetimes(&moments), Role::Feature),
        ("same", Column::dates(&vec![Some(9); n]), Role::Feature),
        ("gone", Column::dates(&vec![None; n]), Role::Feature),
    ]
}

fn grouped(n: usize) -> Columns {
    let mut columns = numbers(n);
    columns.push(("state", text(3, n, &["CA", "NY", "TX"]), Role::Ignored));
    columns
}

fn mixed(n: usize) -> Columns {
    let mut columns = numbers(n);
    columns.retain(|(name, ..)| *name != "same" && *name != "gone");
    columns.extend(texts(n).into_iter().filter(|(name, ..)| *name != "flag"));
    columns.extend(dates(n).into_iter().filter(|(name, ..)| *name == "day"));
    columns
}

fn labels(n: usize) -> Labels {
    let codes: Vec<u32> = (0..n).map(|row| u32::from(draw(9, row, 5) < 2)).collect();
    crate::support::binary(&codes)
}

fn folds(n: usize) -> Folds {
    Folds::new((0..4).cycle().take(n).collect(), 4).unwrap()
}

fn table(columns: &Columns) -> Table {
    let plain = columns
        .iter()
        .map(|(name, column, _)| (*name, column.clone()));
    columns
        .iter()
        .fold(Table::new(plain).unwrap(), |table, (name, _, role)| {
            table.with_role(name, *role).unwrap()
        })
}

type Both = (Arc<dyn FittedTransformer>, Features<InSample>);

impl Case {
    fn columns(&self) -> Columns {
        (self.columns)(N)
    }

    fn build(&self, folds: Option<&Folds>) -> Box<dyn DynTransformer<Labels>> {
        (self.build)(folds)
    }

    fn fit(&self, table: &Table, target: &Labels, seed: Seed) -> Both {
        let folds = folds(table.n_rows());
        let train = Train::new(table, target).unwrap().with_seed(seed);
        self.build(Some(&folds)).fit_transform_dyn(train).unwrap()
    }

    fn fitted(&self) -> (Table, Both) {
        let table = table(&self.columns());
        let both = self.fit(&table, &labels(N), Seed::new(1));
        (table, both)
    }
}

/// Checks a law for each case, and that exemptions are needed.
#[track_caller]
fn check(law: Law, holds: impl Fn(&Case) -> Result<(), String>) {
    let mut failures = Vec::new();
    for case in cases() {
        match (case.exempt.contains(&law), holds(&case)) {
            (false, Err(why)) => failures.push(format!("{}: {why}", case.name)),
            (true, Ok(())) => failures.push(format!("{}: needs no exemption", case.name)),
            _ => {}
        }
    }
    assert!(failures.is_empty(), "{law:?}\n{}", failures.join("\n"));
}

fn ensure(holds: bool, why: impl Fn() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

fn row_bits<P: Provenance>(features: &Features<P>, row: usize) -> Vec<u32> {
    (0..features.n_features())
        .map(|j| features.column(j)[row].to_bits())
        .collect()
}

/// Each feature's name and bits, sorted by name.
fn by_name<P: Provenance>(features: &Features<P>) -> Vec<(String, Vec<u32>)> {
    let mut all: Vec<(String, Vec<u32>)> = features
        .names()
        .enumerate()
        .map(|(j, name)| {
            let column = features.column(j).iter().map(|v| v.to_bits());
            (name.to_owned(), column.collect())
        })
        .collect();
    all.sort();
    all
}

/// Some rows: none, one, a stretch, backwards, one of them twice.
fn selections() -> Vec<Vec<u32>> {
    let n = u32::try_from(N).unwrap();
    vec![
        vec![],
        vec![7],
        (5..n - 9).collect(),
        (0..n).rev().collect(),
        vec![3, 30, 3, 3],
    ]
}

#[test]
fn every_transformer_is_listed() {
    let cases = cases();
    let listed: Vec<&str> = cases
        .iter()
        .map(|case| (case.build)(None).as_ref().type_of())
        .collect();
    assert_all_listed("Transformer", 5, listed.iter().copied());
    assert_all_listed("UnsupervisedTransformer", 12, listed);
}

#[test]
fn rows_are_transformed_one_by_one() {
    check(Law::RowByRow, |case| {
        let (table, (fitted, _)) = case.fitted();
        let all = fitted.transform(table.rows()).unwrap();
        for rows in selections() {
            let found = fitted
                .transform(table.rows().subset(&rows).unwrap())
                .unwrap();
            ensure(bits(&found) == bits(&all.take(&rows)), || {
                format!("{rows:?}")
            })?;
        }
        Ok(())
    });
}

#[test]
fn names_are_known_before_rows_and_differ() {
    check(Law::Names, |case| {
        let (table, (fitted, train)) = case.fitted();
        let fields = fitted.fields();
        ensure(train.fields() == fields, || "training rows".to_owned())?;
        for rows in selections() {
            let found = fitted
                .transform(table.rows().subset(&rows).unwrap())
                .unwrap();
            ensure(found.fields() == fields, || format!("{rows:?}"))?;
            ensure(found.n_rows() == rows.len(), || format!("{rows:?}"))?;
        }
        let mut names: Vec<&str> = train.names().collect();
        names.sort_unstable();
        names.dedup();
        ensure(names.len() == fields.len(), || format!("{names:?}"))
    });
}

#[test]
fn threads_change_no_bit() {
    check(Law::Threads, |case| {
        let n = 2_500;
        let (table, target) = (table(&(case.columns)(n)), labels(n));
        let on = |threads| {
            on_threads(threads, || {
                let (fitted, train) = case.fit(&table, &target, Seed::new(1));
                let new = fitted.transform(table.rows()).unwrap();
                [bits(&train), bits(&new)]
            })
        };
        let one = on(1);
        ensure(one == on(2) && one == on(8), || "bits differ".to_owned())
    });
}

#[test]
fn own_targets_are_not_used() {
    check(Law::OwnTarget, |case| {
        let (table, (_, expected)) = case.fitted();
        for row in 0..N {
            let mut codes = labels(N).codes().to_vec();
            codes[row] = 1 - codes[row];
            let flipped = crate::support::binary(&codes);
            let (_, found) = case.fit(&table, &flipped, Seed::new(1));
            ensure(found.fields() == expected.fields(), || {
                format!("names, row {row}")
            })?;
            ensure(row_bits(&found, row) == row_bits(&expected, row), || {
                format!("row {row}")
            })?;
        }
        Ok(())
    });
}

#[test]
fn no_column_gives_no_feature() {
    check(Law::NoColumn, |case| {
        let mut columns = case.columns();
        for (.., role) in &mut columns {
            *role = Role::Id;
        }
        let table = table(&columns);
        let (fitted, train) = case.fit(&table, &labels(N), Seed::new(1));
        let new = fitted.transform(table.rows()).unwrap();
        ensure(train.n_rows() == N && new.n_rows() == N, || {
            "rows".to_owned()
        })?;
        ensure(train.n_features() == 0 && new.n_features() == 0, || {
            format!("{} features", train.n_features())
        })
    });
}

#[test]
fn one_training_row_is_enough() {
    check(Law::OneRow, |case| {
        let (table, target) = (table(&case.columns()), labels(N));
        for row in [0, 11] {
            let rows = [row];
            let train = Train::new(&table, &target).unwrap().subset(&rows).unwrap();
            let (fitted, features) = case
                .build(None)
                .fit_transform_dyn(train)
                .map_err(|e| e.to_string())?;
            let new = fitted.transform(table.rows()).map_err(|e| e.to_string())?;
            ensure(features.n_rows() == 1 && new.n_rows() == N, || {
                "rows".to_owned()
            })?;
            let infinite = |v: &f32| v.is_infinite();
            ensure(
                !features.as_slice().iter().any(infinite) && !new.as_slice().iter().any(infinite),
                || format!("an infinity from row {row}"),
            )?;
        }
        Ok(())
    });
}

#[test]
fn hard_cells_give_no_infinity() {
    check(Law::HardCells, |case| {
        // Columns that are constant or all missing are among the training columns.
        let (_, (fitted, train)) = case.fitted();
        let mut columns = case.columns();
        for (_, column, _) in &mut columns {
            *column = missing(column.kind(), N);
        }
        let new = fitted
            .transform(table(&columns).rows())
            .map_err(|e| e.to_string())?;
        for features in [train.as_slice(), new.as_slice()] {
            ensure(!features.iter().any(|v| v.is_infinite()), || {
                "an infinity".to_owned()
            })?;
        }
        // Nothing but missing cells in training, too.
        let (fitted, train) = case.fit(&table(&columns), &labels(N), Seed::new(1));
        let new = fitted.transform(table(&case.columns()).rows());
        for features in [train.as_slice(), new.map_err(|e| e.to_string())?.as_slice()] {
            ensure(!features.iter().any(|v| v.is_infinite()), || {
                "an infinity".to_owned()
            })?;
        }
        Ok(())
    });
}

fn missing(kind: ColumnKind, n: usize) -> Column {
    match kind {
        ColumnKind::Numeric => Column::numeric(vec![f64::NAN; n]),
        ColumnKind::Boolean => Column::boolean(&vec![None; n]),
        ColumnKind::Date => Column::dates(&vec![None; n]),
        ColumnKind::Datetime => Column::datetimes(&vec![None; n]),
        _ => Column::categorical(vec![None; n]),
    }
}

#[test]
fn columns_are_found_by_name_in_any_order_among_others() {
    check(Law::ColumnOrder, |case| {
        let (original, (fitted, train)) = case.fitted();
        let expected = fitted.transform(original.rows()).unwrap();
        let mut columns = case.columns();
        columns.reverse();
        // Fitted on columns in another order: the same features, perhaps in another order.
        let (_, other) = case.fit(&table(&columns), &labels(N), Seed::new(1));
        ensure(by_name(&other) == by_name(&train), || {
            "in training".to_owned()
        })?;
        columns.insert(
            0,
            ("further", Column::dates(&vec![Some(1); N]), Role::Feature),
        );
        let found = fitted.transform(table(&columns).rows()).unwrap();
        ensure(found.fields() == expected.fields(), || "names".to_owned())?;
        ensure(bits(&found) == bits(&expected), || "new rows".to_owned())
    });
}

#[test]
fn absent_columns_are_named() {
    check(Law::AbsentColumn, |case| {
        let (_, (fitted, _)) = case.fitted();
        for (i, (name, ..)) in case.columns().into_iter().enumerate() {
            let mut columns = case.columns();
            columns.remove(i);
            let Err(error) = fitted.transform(table(&columns).rows()) else {
                return Err(format!("no error without {name}"));
            };
            ensure(error.column() == Some(name), || error.to_string())?;
            ensure(
                matches!(error.kind(), ErrorKind::MissingColumn { .. }),
                || error.to_string(),
            )?;
        }
        Ok(())
    });
}

#[test]
fn columns_of_another_kind_are_named() {
    check(Law::OtherKind, |case| {
        let (_, (fitted, _)) = case.fitted();
        for i in 0..case.columns().len() {
            let mut columns = case.columns();
            let (name, column, _) = &mut columns[i];
            let name = *name;
            *column = match column.kind() {
                ColumnKind::Categorical | ColumnKind::Boolean => Column::dates(&vec![Some(1); N]),
                _ => Column::categorical(vec![Some("1"); N]),
            };
            let Err(error) = fitted.transform(table(&columns).rows()) else {
                return Err(format!("no error for another kind of {name}"));
            };
            ensure(error.column() == Some(name), || error.to_string())?;
            ensure(matches!(error.kind(), ErrorKind::WrongKind { .. }), || {
                error.to_string()
            })?;
        }
        Ok(())
    });
}

#[test]
fn level_names_do_not_matter_but_for_their_order() {
    check(Law::LevelNames, |case| {
        let (original, (fitted, train)) = case.fitted();
        let mut columns = case.columns();
        for (_, column, _) in &mut columns {
            if column.kind() == ColumnKind::Categorical {
                let texts: Vec<Option<String>> = (0..N)
                    .map(|row| column.text(row).map(|text| format!("level {text}")))
                    .collect();
                *column = Column::categorical(texts.iter().map(Option::as_deref));
            }
        }
        let renamed = table(&columns);
        let (other, other_train) = case.fit(&renamed, &labels(N), Seed::new(1));
        ensure(bits(&train) == bits(&other_train), || {
            "training rows".to_owned()
        })?;
        let [a, b] = [(fitted, original), (other, renamed)]
            .map(|(fitted, table)| bits(&fitted.transform(table.rows()).unwrap()));
        ensure(a == b, || "new rows".to_owned())
    });
}

#[test]
fn seeds_matter_only_to_what_draws() {
    check(Law::Seed, |case| {
        let (table, (fitted, train)) = case.fitted();
        // The same seed gives the same, whether or not others do.
        let (_, again) = case.fit(&table, &labels(N), Seed::new(1));
        assert_eq!(bits(&again), bits(&train), "{}", case.name);
        let (other, other_train) = case.fit(&table, &labels(N), Seed::new(2));
        ensure(bits(&other_train) == bits(&train), || {
            "training rows".to_owned()
        })?;
        let [a, b] = [fitted, other].map(|f| bits(&f.transform(table.rows()).unwrap()));
        ensure(a == b, || "new rows".to_owned())
    });
}

#[test]
fn what_is_fitted_is_the_same_without_features() {
    check(Law::WithoutFeatures, |case| {
        let (table, target) = (table(&case.columns()), labels(N));
        let (fitted, _) = case.fit(&table, &target, Seed::new(1).child("step"));
        let build = || case.build(Some(&folds(N)));
        let train = Train::new(&table, &target).unwrap();
        let alone = train.with_seed(Seed::new(1).child("step"));
        let alone = build().fit_part(alone).unwrap();
        let step = ColumnTransformer::new().with("step", Selector::all(), build());
        let step = step.fit_part(train.with_seed(Seed::new(1))).unwrap();
        let names: Vec<String> = fitted
            .fields()
            .iter()
            .map(|f| format!("step__{}", f.name()))
            .collect();
        ensure(
            step.fields()
                .iter()
                .map(stackfold::data::Feature::name)
                .eq(names.iter()),
            || format!("{names:?}"),
        )?;
        let [a, b, c] = [&*fitted, &alone as &dyn FittedTransformer, &step]
            .map(|f| bits(&f.transform(table.rows()).unwrap()));
        ensure(a == b, || "alone".to_owned())?;
        ensure(a == c, || "as a step".to_owned())
    });
}

#[test]
fn a_step_does_what_its_transformer_does() {
    check(Law::AsStep, |case| {
        let (table, target) = (table(&case.columns()), labels(N));
        let (fitted, train) = case.fit(&table, &target, Seed::new(1).child("step"));
        let step = case.build(Some(&folds(N)));
        let columns = ColumnTransformer::new().with("step", Selector::all(), step);
        let rows = Train::new(&table, &target).unwrap().with_seed(Seed::new(1));
        let (columns, features) = columns.fit_transform(rows).unwrap();
        ensure(bits(&features) == bits(&train), || {
            "training rows".to_owned()
        })?;
        let names: Vec<String> = train.names().map(|name| format!("step__{name}")).collect();
        ensure(features.names().eq(names.iter()), || format!("{names:?}"))?;
        let [a, b] = [&*fitted, &columns as &dyn FittedTransformer]
            .map(|f| bits(&f.transform(table.rows()).unwrap()));
        ensure(a == b, || "new rows".to_owned())
    });
}

/// The logistic of a row's sum: a model that shows each of its features.
#[derive(Debug)]
struct Sum;

#[derive(Debug)]
struct FittedSum(Labels);

impl Estimator<Labels> for Sum {
    type Fitted = FittedSum;

    fn fit(&self, _: &Features<InSample>, y: &Labels, _: &FitContext<'_>) -> Result<FittedSum> {
        Ok(FittedSum(y.take(&[])))
    }
}

impl Predictor<Labels> for FittedSum {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Probabilities> {
        let mut sums = vec![0.0; features.n_rows()];
        for j in 0..features.n_features() {
            for (sum, &x) in sums.iter_mut().zip(features.column(j)) {
                *sum += if x.is_nan() { 0.5 } else { f64::from(x.tanh()) };
            }
        }
        let logistic = sums.iter().map(|sum| 1.0 / (1.0 + (-sum).exp()));
        self.0.prediction(vec![logistic.collect()])
    }
}

#[test]
fn pipelines_keep_the_laws_of_their_transformers() {
    check(Law::InPipeline, |case| {
        let (original, target) = (table(&case.columns()), labels(N));
        let fit = || {
            let transformer = case.build(Some(&folds(N)));
            let train = Train::new(&original, &target)
                .unwrap()
                .with_seed(Seed::new(1));
            Pipeline::new(transformer, Sum).fit(train).unwrap()
        };
        let fitted = fit();
        let all = fitted.predict(original.rows()).unwrap();
        for rows in selections() {
            let found = fitted
                .predict(original.rows().subset(&rows).unwrap())
                .unwrap();
            ensure(found == all.take(&rows), || format!("{rows:?}"))?;
        }
        for n_threads in [1, 8] {
            let found = on_threads(n_threads, || fit().predict(original.rows()).unwrap());
            ensure(found == all, || "threads".to_owned())?;
        }
        let mut columns = case.columns();
        columns.reverse();
        let found = fitted.predict(table(&columns).rows()).unwrap();
        ensure(found == all, || "columns in another order".to_owned())?;
        let (absent, ..) = columns.pop().unwrap();
        let error = fitted.predict(table(&columns).rows()).unwrap_err();
        ensure(error.column() == Some(absent), || error.to_string())
    });
}

#[test]
fn rows_of_weight_0_take_no_part() {
    check(Law::ZeroWeight, |case| {
        let n = 2 * N;
        let weight = |row: usize| {
            if row % 4 == 3 {
                0.0
            } else {
                1.0 + (row % 3) as f64
            }
        };
        let mut columns = (case.columns)(n);
        let weights = Column::numeric((0..n).map(weight).collect::<Vec<_>>());
        columns.push(("weight", weights, Role::Weight));
        // Levels that rows of weight 0 alone have.
        for (_, column, _) in &mut columns {
            if column.kind() == ColumnKind::Categorical {
                let text = |row: usize| match column.text(row) {
                    Some(_) if row >= N && row % 4 == 3 => Some("AA".to_owned()),
                    text => text.map(std::borrow::Cow::into_owned),
                };
                let texts: Vec<Option<String>> = (0..n).map(text).collect();
                *column = Column::categorical(texts.iter().map(Option::as_deref));
            }
        }
        let (table, target) = (table(&columns), labels(n));
        // The same rows, but others in place of those of weight 0.
        let rows: Vec<u32> = (0..).take(N).collect();
        let other = |&row: &u32| if row % 4 == 3 { row + N as u32 } else { row };
        let others: Vec<u32> = rows.iter().map(other).collect();
        let fit = |rows: &[u32]| {
            let train = Train::new(&table, &target).unwrap().with_seed(Seed::new(1));
            let train = train.subset(rows).unwrap();
            let (fitted, features) = case.build(None).fit_transform_dyn(train).unwrap();
            let new = fitted.transform(table.rows()).unwrap();
            let rows = (0..N).filter(|row| row % 4 < 3);
            let of_training: Vec<Vec<u32>> = rows.map(|row| row_bits(&features, row)).collect();
            (new.fields().to_vec(), bits(&new), of_training)
        };
        let (one, two) = (fit(&rows), fit(&others));
        ensure(one.0 == two.0, || format!("{:?}, {:?}", one.0, two.0))?;
        ensure(one.1 == two.1, || "new rows".to_owned())?;
        ensure(one.2 == two.2, || "training rows".to_owned())
    });
}
