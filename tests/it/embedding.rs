//! Tests of: vectors of levels.
//!
//! What every transformer must do (row by row, names, threads, own target, one row, no column …) is
//! in `laws`.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests panic when they fail, compare exact numbers, and cast small ones"
)]

use stackfold::data::RowIndex;
use stackfold::error::ErrorKind;
use stackfold::folds::{Folds, GroupKFold, StratifiedKFold};
use stackfold::metrics::ClassificationMetric;
use stackfold::metrics::binary::roc_auc;
use stackfold::model::EarlyStopping;
use stackfold::model::baseline::Prior;
use stackfold::model::hist::HistGradientBoosting;
use stackfold::model::neural::EmbeddingSize;
use stackfold::model_selection::cross_validate;
use stackfold::prelude::*;
use stackfold::stack::{Scheme, Stack, View};
use stackfold::transform::encode::{
    EmbeddingEncoder, EmbeddingMatrix, FittedEmbeddingEncoder, PretrainedEmbedding,
};
use stackfold::transform::{ColumnTransformer, Selector};

use crate::support::{binary, feature_bits as bits, levels, on_threads};

const N: usize = 240;

/// An encoder that is trained quickly.
fn quick<Y: Target>() -> EmbeddingEncoder<Y> {
    let encoder = EmbeddingEncoder::new()
        .with_rows_per_number(10)
        .with_n_folds(2);
    let network = encoder.network().clone();
    encoder.with_network(
        network
            .with_hidden([8])
            .with_batch_size(32)
            .with_learning_rate(0.02)
            .with_n_epochs(30)
            .with_early_stopping(Some(EarlyStopping::new().with_share(0.2).with_patience(5)))
            .with_n_seeds(2),
    )
}

/// One of `of`, by column and row.
fn draw(column: &str, row: usize, of: usize) -> usize {
    (Seed::new(3).child(column).uniform(row as u64) * of as f64) as usize
}

/// Two columns of levels, some rare, some cells missing; a number, groups and weights.
fn table(name: impl Fn(usize) -> String) -> Table {
    let town = |row| match draw("town", row, 10) {
        9 => None,
        8 => Some(name(8 + row)),
        town => Some(name(town)),
    };
    let towns: Vec<Option<String>> = (0..N).map(town).collect();
    let kinds = (0..N).map(|row| Some(["p", "q", "r"][draw("kind", row, 3)]));
    let ages = (0..N).map(|row| draw("age", row, 50) as f64);
    let weights = (0..N).map(|row| 0.5 + draw("weight", row, 4) as f64);
    let groups = (0..N).map(|row| (row / 3) as f64);
    Table::new([
        (
            "town",
            Column::categorical(towns.iter().map(Option::as_deref)),
        ),
        ("kind", Column::categorical(kinds)),
        ("age", Column::numeric(ages.collect::<Vec<_>>())),
        ("weight", Column::numeric(weights.collect::<Vec<_>>())),
        ("group", Column::numeric(groups.collect::<Vec<_>>())),
    ])
    .unwrap()
    .with_role("age", Role::Ignored)
    .unwrap()
    .with_role("weight", Role::Weight)
    .unwrap()
    .with_role("group", Role::Group)
    .unwrap()
}

fn towns() -> Table {
    table(|level| format!("town {level:03}"))
}

/// A value from the row's levels, its number and noise.
fn value(row: usize) -> f64 {
    let town = draw("town", row, 10) as f64;
    town - draw("kind", row, 3) as f64
        + draw("age", row, 50) as f64 / 20.0
        + draw("y", row, 3) as f64
}

fn values() -> Values {
    Values::new((0..N).map(value).collect::<Vec<_>>()).unwrap()
}

fn labels() -> Labels {
    binary(
        &(0..N)
            .map(|row| u32::from(value(row) > 6.0))
            .collect::<Vec<_>>(),
    )
}

/// Three folds of whole groups.
fn folds() -> Folds {
    Folds::new((0..N).map(|row| (row / 3 % 3) as u16).collect(), 3).unwrap()
}

fn train<'a, Y: Target>(table: &'a Table, target: &'a Y) -> Train<'a, Y> {
    Train::new(table, target).unwrap().with_seed(Seed::new(1))
}

fn fit<Y: Target>(
    encoder: &EmbeddingEncoder<Y>,
    table: &Table,
    target: &Y,
) -> (FittedEmbeddingEncoder, Features<InSample>) {
    encoder.fit_transform(train(table, target)).unwrap()
}

fn row_bits<P: stackfold::data::Provenance>(features: &Features<P>, row: usize) -> Vec<u32> {
    (0..features.n_features())
        .map(|j| features.column(j)[row].to_bits())
        .collect()
}

/// A row's features, and those of its fold, depend on other folds' targets alone.
#[track_caller]
fn check_targets<Y: Target>(target: &Y, changed: impl Fn(usize) -> Y) {
    let (table, folds) = (towns(), folds());
    let encoder = quick().with_folds(folds.clone()).with_context(["age"]);
    let (_, before) = fit(&encoder, &table, target);
    for row in [0, 100, 239] {
        let (_, after) = fit(&encoder, &table, &changed(row));
        let is_same = |&other: &usize| row_bits(&after, other) == row_bits(&before, other);
        let own = |&other: &usize| folds.fold_of_row()[other] == folds.fold_of_row()[row];
        assert!((0..N).filter(own).all(|other| is_same(&other)), "row {row}");
        let others = (0..N).filter(|other| !own(other));
        assert!(others.clone().filter(is_same).count() < others.count() / 10);
    }
}

#[test]
fn targets_of_a_fold_do_not_reach_its_features() {
    let flipped = |row: usize| {
        let mut codes = labels().codes().to_vec();
        codes[row] = 1 - codes[row];
        binary(&codes)
    };
    check_targets(&labels(), flipped);
    let moved = |row: usize| {
        let mut values = values().as_slice().to_vec();
        values[row] = 30.0;
        Values::new(values).unwrap()
    };
    check_targets(&values(), moved);
    let classes = |shift: usize, changed: usize| {
        let class = |row| {
            let shift = if row == changed { shift } else { 0 };
            ((value(row).max(0.0) / 3.0) as usize).min(2) + shift
        };
        let codes: Vec<u32> = (0..N).map(|row| (class(row) % 3) as u32).collect();
        Labels::new(codes, ["a", "b", "c"].map(String::from).to_vec()).unwrap()
    };
    check_targets(&classes(0, 0), |row| classes(1, row));
}

/// Twenty customers of twelve rows each.
fn customers(role: Role) -> Table {
    let names: Vec<String> = (0..N).map(|row| format!("c{}", row / 12)).collect();
    let numbers: Vec<f64> = (0..N).map(|row| (row / 12) as f64).collect();
    let customers = Column::categorical(names.iter().map(|name| Some(name.as_str())));
    let columns = [
        ("customer", customers),
        ("number", Column::numeric(numbers)),
    ];
    Table::new(columns)
        .unwrap()
        .with_role("number", role)
        .unwrap()
}

#[test]
fn groups_are_on_one_side_of_folds_and_of_halves() {
    let network = quick::<Values>().network().clone().with_level_dropout(0.0);
    let encoder = quick().with_network(network);
    let distinct = |features: &Features<InSample>| {
        let mut found: Vec<u32> = features.column(0).iter().map(|x| x.to_bits()).collect();
        found.sort_unstable();
        found.dedup();
        found.len()
    };
    // Customers differ by more than their rows do.
    let target = Values::new(
        (0..N)
            .map(|row| (row / 12 * 7 % 20) as f64)
            .collect::<Vec<_>>(),
    );
    let target = target.unwrap();
    let (_, features) = fit(&encoder, &customers(Role::Ignored), &target);
    assert!(distinct(&features) > 35);
    // A customer's rows are all in one fold, and in one half of the others: no two networks that
    // were trained on different rows have met the same customer.
    let (fitted, features) = fit(&encoder, &customers(Role::Group), &target);
    assert!(features.as_slice().iter().all(|&x| x == 0.0));
    let matrix = fitted.matrix("customer").unwrap();
    assert_eq!(matrix.vector(Some("c3")), matrix.unknown());
}

/// Training AUC of boosting on the encoding of noise, less that on a random number a level.
fn excess(n_levels: usize, seed: Seed) -> f64 {
    const ROWS: usize = 20_000;
    let mut stream = seed.child("rows").stream();
    let drawn: Vec<usize> = (0..ROWS).map(|_| stream.below(n_levels)).collect();
    let y: Vec<u32> = (0..ROWS)
        .map(|_| u32::from(stream.uniform() < 0.1875))
        .collect();
    let names: Vec<String> = (0..n_levels).map(|level| level.to_string()).collect();
    let column = Column::categorical(drawn.iter().map(|&level| Some(names[level].as_str())));
    let (table, labels) = (Table::new([("x", column)]).unwrap(), binary(&y));
    let train = Train::new(&table, &labels).unwrap().with_seed(seed);
    let (_, encoded) = EmbeddingEncoder::new().fit_transform(train).unwrap();
    let random = drawn.iter().map(|&level| seed.normal(level as u64) as f32);
    let field = stackfold::data::Feature::number("x");
    let random = Features::new(vec![field], ROWS, random.collect()).unwrap();
    let auc = |x: &Features<InSample>, new: &Features<OutOfSample>| {
        let model = HistGradientBoosting::new().with_n_trees(50);
        let fitted = model.fit(x, &labels, &FitContext::default()).unwrap();
        let positive: Vec<bool> = y.iter().map(|&y| y == 1).collect();
        roc_auc(&positive, fitted.predict(new).unwrap().positive(), None).unwrap()
    };
    let same_rows = |x: &Features<InSample>| {
        Features::new(x.fields().to_vec(), ROWS, x.as_slice().to_vec()).unwrap()
    };
    let of_random = auc(&random.clone().assume_in_sample(), &random);
    auc(&encoded, &same_rows(&encoded)) - of_random
}

#[test]
fn noise_is_not_learned() {
    for n_levels in [1, 20, 200, 2000] {
        let found = excess(n_levels, Seed::new(4));
        assert!(found < 0.02, "{n_levels} levels: {found}");
    }
}

#[test]
fn names_of_levels_play_no_part_nor_does_their_order() {
    let (target, encoder) = (values(), quick().with_context(["age"]));
    let (fitted, training) = fit(&encoder, &towns(), &target);
    let new = bits(&fitted.transform(towns().rows()).unwrap());
    let backwards = |level: usize| format!("t{}", 999 - level);
    let numbers = |level: usize| (level * 7919 % 1009).to_string();
    for name in [&backwards as &dyn Fn(usize) -> String, &numbers] {
        let renamed = table(name);
        let (other, other_training) = fit(&encoder, &renamed, &target);
        assert_eq!(bits(&other_training), bits(&training));
        assert_eq!(bits(&other.transform(renamed.rows()).unwrap()), new);
        let of = |encoder: &FittedEmbeddingEncoder, level: &str| {
            encoder.matrix("town").unwrap().vector(Some(level)).to_vec()
        };
        assert_eq!(of(&fitted, "town 003"), of(&other, &name(3)));
    }
}

#[test]
fn unknown_rare_and_missing_levels_have_trained_vectors() {
    let (fitted, training) = fit(&quick(), &towns(), &values());
    let town = fitted.matrix("town").unwrap();
    // Each rare town has one row.
    assert_eq!(town.levels().len(), 8);
    let n = |level| (0..N).filter(|&row| draw("town", row, 10) == level).count() as u64;
    assert_eq!((town.n_rare(), town.n_missing()), (n(8), n(9)));
    assert_eq!(town.counts()[3], n(3));
    let vectors = [
        town.vector(None),
        town.unknown(),
        town.vector(Some("town 001")),
    ];
    assert!(
        vectors
            .iter()
            .all(|x| x[0] != 0.0 && x.iter().all(|x| x.is_finite()))
    );
    assert!(vectors[0] != vectors[1] && vectors[1] != vectors[2]);
    let new = Table::new([
        ("town", levels(&["?", "Atlantis", "town 001", "town 239"])),
        ("kind", levels(&["p", "?", "z", "q"])),
    ])
    .unwrap();
    let features = fitted.transform(new.rows()).unwrap();
    for (row, vector) in [vectors[0], vectors[1], vectors[2], vectors[1]]
        .iter()
        .enumerate()
    {
        for (place, &x) in vector.iter().enumerate() {
            assert_eq!(features.column(place)[row], x);
        }
    }
    // No cell of `kind` was missing: missing ones are like unknown ones.
    let kind = fitted.matrix("kind").unwrap();
    assert_eq!((kind.n_missing(), kind.missing()), (0, kind.unknown()));
    // All rare towns of a fold have one vector.
    let rare: Vec<usize> = (0..N).filter(|&row| draw("town", row, 10) == 8).collect();
    let mut found: Vec<u32> = rare
        .iter()
        .map(|&row| training.column(0)[row].to_bits())
        .collect();
    found.sort_unstable();
    found.dedup();
    assert!(rare.len() > 10 && found.len() == 2, "{found:?}");
    // One missing cell is not enough for a level.
    let lone = Table::new([("x", levels(&["?", "a", "b", "a", "b", "a", "b", "a"]))]).unwrap();
    let target = Values::new((0..8).map(f64::from).collect::<Vec<_>>()).unwrap();
    let (fitted, _) = fit(&quick(), &lone, &target);
    let lone = fitted.matrix("x").unwrap();
    assert_eq!(
        (lone.n_rare(), lone.n_missing(), lone.missing()),
        (0, 1, lone.unknown())
    );
}

#[test]
fn columns_that_say_nothing_give_one_number() {
    let columns = [
        ("same", Column::categorical(vec![Some("a"); N])),
        ("gone", Column::categorical(vec![None; N])),
        ("rare", {
            let names: Vec<String> = (0..N).map(|row| row.to_string()).collect();
            Column::categorical(names.iter().map(|name| Some(name.as_str())))
        }),
    ];
    let (fitted, training) = fit(&quick(), &Table::new(columns).unwrap(), &labels());
    assert_eq!(
        training.names().collect::<Vec<_>>(),
        ["same_0", "gone_0", "rare_0"]
    );
    for matrix in fitted.matrices() {
        assert_eq!(matrix.size(), 1);
    }
    // Each fold's vectors have mean 0.
    assert!(training.as_slice().iter().all(|x| x.abs() < 1e-6));
    assert_eq!(fitted.matrix("gone").unwrap().n_missing(), N as u64);
    assert_eq!(fitted.matrix("rare").unwrap().n_rare(), N as u64);
}

#[test]
fn small_and_odd_tables_are_no_reason_to_fail() {
    let whole = towns();
    for n in 1..8 {
        let rows: Vec<u32> = (0..n).collect();
        for role in [Role::Group, Role::Ignored, Role::Time] {
            let table = whole.clone().with_role("group", role).unwrap();
            let encoder = quick().with_context(["age"]);
            let (target, labels) = (values(), labels());
            let part = Train::new(&table, &target).unwrap().subset(&rows).unwrap();
            let (_, features) = encoder.fit_transform(part).unwrap();
            let is_missing = features.column(0)[0].is_nan();
            assert_eq!(
                is_missing,
                n == 1 || (role == Role::Group && n <= 3),
                "{n} {role:?}"
            );
            let part = Train::new(&table, &labels).unwrap().subset(&rows).unwrap();
            assert!(quick().fit_transform(part).is_ok());
        }
    }
    // A target that does not vary.
    let same = Values::new(vec![2.5; N]).unwrap();
    let (_, features) = fit(&quick(), &whole, &same);
    assert!(features.as_slice().iter().all(|x| x.is_finite()));
    let (_, features) = fit(&quick(), &whole, &binary(&[1; N]));
    assert!(features.as_slice().iter().all(|x| x.is_finite()));
}

#[test]
fn rows_of_no_weight_play_no_part() {
    let first = |row: usize| f64::from(u8::from(row < 120));
    let weights = Column::numeric((0..N).map(first).collect::<Vec<_>>());
    let table = towns().with_role("group", Role::Ignored).unwrap();
    let table = table.with_role("weight", Role::Ignored).unwrap();
    let table = table.with_column("w", weights).unwrap();
    let table = table.with_role("w", Role::Weight).unwrap();
    let halves = Folds::new((0..N).map(|row| (row % 2) as u16).collect(), 2).unwrap();
    let encoder = quick().with_folds(halves);
    let network = encoder.network().clone().with_early_stopping(None);
    let encoder = encoder.with_network(network);
    let (before, _) = fit(&encoder, &table, &values());
    let mut changed = values().as_slice().to_vec();
    changed[130..].fill(-50.0);
    let (after, _) = fit(&encoder, &table, &Values::new(changed).unwrap());
    assert_eq!(before, after);
    // No fold may have no weight at all in the others.
    let nothing = Folds::new((0..N).map(|row| u16::from(row < 120)).collect(), 2).unwrap();
    let error = quick()
        .with_folds(nothing)
        .fit_transform(train(&table, &values()));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("fold 1: expected weights")
    );
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (table, target) = (towns(), values());
    let encoder = quick().with_context(["age"]);
    let on = |n_threads| {
        on_threads(n_threads, || {
            let (fitted, training) = fit(&encoder, &table, &target);
            (fitted, bits(&training))
        })
    };
    let one = on(1);
    assert!(on(2) == one && on(8) == one);
}

#[test]
fn what_is_saved_is_what_is_loaded() {
    let table = towns();
    let (fitted, _) = fit(&quick(), &table, &labels());
    let text = serde_json::to_string(&fitted).unwrap();
    let loaded: FittedEmbeddingEncoder = serde_json::from_str(&text).unwrap();
    assert_eq!(loaded, fitted);
    let [a, b] = [&fitted, &loaded].map(|f| bits(&f.transform(table.rows()).unwrap()));
    assert_eq!(a, b);
}

#[test]
fn vectors_move_to_another_pipeline_through_a_table() {
    let table = towns();
    let (fitted, _) = fit(&quick(), &table, &values());
    let exported = fitted.to_table().unwrap();
    // Rows in another order, as a file might have them.
    let order: Vec<usize> = (0..exported.n_rows()).rev().collect();
    let shuffled = ["column", "kind", "level", "count", "e0", "e1"].map(|name| {
        let column = exported.column(name).unwrap();
        let texts: Vec<_> = order.iter().map(|&row| column.text(row)).collect();
        let is_text = column.kind() == ColumnKind::Categorical;
        let numbers = column.numbers(RowIndex::All(order.len()));
        let numbers = order.iter().map(|&row| numbers[row]).collect::<Vec<_>>();
        let texts = Column::categorical(texts.iter().map(|text| text.as_deref()));
        (
            name,
            if is_text {
                texts
            } else {
                Column::numeric(numbers)
            },
        )
    });
    let shuffled = Table::new(shuffled).unwrap();
    let expected = fitted.transform(table.rows()).unwrap();
    for exported in [exported, shuffled] {
        let loaded = FittedEmbeddingEncoder::from_table(&exported).unwrap();
        let same = loaded.matrix("town").unwrap();
        assert_eq!(same.n_rare(), fitted.matrix("town").unwrap().n_rare());
        // Other rows, another target; the step asks for one of the columns.
        let step = PretrainedEmbedding::trained_on_other_rows(loaded.matrices().to_vec()).unwrap();
        let columns = ColumnTransformer::new().with("town", Selector::names(["town"]), step);
        let rows: Vec<u32> = (0..50).rev().collect();
        let (labels, other) = (labels(), towns());
        let train = Train::new(&other, &labels).unwrap().subset(&rows).unwrap();
        let (again, features) = columns.fit_transform(train).unwrap();
        let new = again.transform(table.rows()).unwrap();
        assert_eq!(
            features.names().collect::<Vec<_>>(),
            ["town__town_0", "town__town_1"]
        );
        for j in 0..2 {
            assert_eq!(new.column(j), expected.column(j));
            let found = rows.iter().map(|&row| expected.column(j)[row as usize]);
            assert!(features.column(j).iter().copied().eq(found));
        }
    }
    let step = PretrainedEmbedding::trained_on_other_rows(vec![]).unwrap();
    let error = step.fit_transform(train(&table, &values())).unwrap_err();
    assert_eq!(error.column(), Some("town"));
}

#[test]
fn tables_of_vectors_that_make_no_sense_are_refused() {
    let texts = |texts: &[&str]| levels(texts);
    let table = |kinds: &[&str], names: &[&str], e0: &[f64], e1: &[f64]| {
        Table::new([
            ("column", texts(&["x", "x", "x"])),
            ("kind", texts(kinds)),
            ("level", texts(names)),
            ("e0", Column::numeric(e0.to_vec())),
            ("e1", Column::numeric(e1.to_vec())),
        ])
        .unwrap()
    };
    let nan = f64::NAN;
    let (kinds, names) = (["level", "level", "unknown"], ["a", "b", "?"]);
    let (ones, none) = ([1.0; 3], [nan; 3]);
    assert!(FittedEmbeddingEncoder::from_table(&table(&kinds, &names, &ones, &none)).is_ok());
    for (table, expected) in [
        (
            table(&kinds, &["a", "a", "?"], &ones, &none),
            "column \"x\": expected",
        ),
        (
            table(&kinds, &["a", "?", "?"], &ones, &none),
            "column \"level\", row 1: missing value",
        ),
        (
            table(&["level", "levels", "unknown"], &names, &ones, &none),
            "column \"kind\", row 1: expected level, unknown or missing, found levels",
        ),
        (
            table(&["level", "unknown", "unknown"], &names, &ones, &none),
            "column \"x\", row 2: expected one unknown row a column, found two",
        ),
        (
            table(&["level", "level", "missing"], &names, &ones, &none),
            "column \"x\": expected a row of kind unknown, found none",
        ),
        (
            table(&kinds, &names, &[1.0, nan, 1.0], &ones),
            "column \"e0\", row 1: missing value",
        ),
        (
            table(&kinds, &names, &ones, &[1.0, nan, 1.0]),
            "column \"x\": expected 2 numbers for level \"b\", found 1",
        ),
        (
            table(&kinds, &names, &none, &none),
            "column \"x\": expected vectors of one number or more, found none",
        ),
    ] {
        let error = FittedEmbeddingEncoder::from_table(&table).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let error = FittedEmbeddingEncoder::from_table(&towns()).unwrap_err();
    assert_eq!(error.column(), Some("column"));
}

/// Twelve levels around a circle: what a row's numbers `u` and `v` count depends on the place.
fn circle() -> (Table, Values, Vec<String>) {
    const ROWS: usize = 6000;
    let names: Vec<String> = (0..12)
        .map(|level| format!("{} o'clock", level * 5 % 12))
        .collect();
    let level: Vec<usize> = (0..ROWS).map(|row| draw("level", row, 12)).collect();
    let number = |name: &str| -> Vec<f64> {
        (0..ROWS)
            .map(|row| Seed::new(8).child(name).normal(row as u64))
            .collect()
    };
    let (u, v, noise) = (number("u"), number("v"), number("noise"));
    let y = (0..ROWS).map(|row| {
        let hour = (level[row] * 5 % 12) as f64;
        let (sin, cos) = (hour * std::f64::consts::TAU / 12.0).sin_cos();
        cos * u[row] + sin * v[row] + 0.1 * noise[row]
    });
    let target = Values::new(y.collect::<Vec<_>>()).unwrap();
    let hours = Column::categorical(level.iter().map(|&level| Some(names[level].as_str())));
    let table = Table::new([
        ("hour", hours),
        ("u", Column::numeric(u)),
        ("v", Column::numeric(v)),
    ]);
    let table = table.unwrap().with_role("u", Role::Ignored).unwrap();
    (table.with_role("v", Role::Ignored).unwrap(), target, names)
}

#[test]
fn factors_are_found_again() {
    let (table, target, _) = circle();
    let encoder = EmbeddingEncoder::new().with_context(["u", "v"]);
    let network = encoder.network().clone().with_n_epochs(10).with_n_seeds(2);
    let network = network.with_embedding_size(EmbeddingSize::Fixed(2));
    let (fitted, _) = fit(&encoder.with_network(network), &table, &target);
    let name = |hour: usize| format!("{} o'clock", hour % 12);
    for hour in 0..12 {
        let near = fitted.nearest("hour", &name(hour), 2).unwrap();
        assert!(near[0].1 <= near[1].1);
        let mut near = near
            .iter()
            .map(|(level, _)| (*level).to_owned())
            .collect::<Vec<_>>();
        let mut expected = vec![name(hour + 1), name(hour + 11)];
        near.sort();
        expected.sort();
        assert_eq!(near, expected, "{hour}");
    }
    assert_eq!(fitted.nearest("hour", "3 o'clock", 99).unwrap().len(), 11);
    // A circle in the plane, too: opposite hours are opposite, and equally far from the middle.
    let map = fitted.map_2d("hour").unwrap();
    let levels = fitted.matrix("hour").unwrap().levels();
    let place = |hour: usize| map[levels.iter().position(|l| *l == name(hour)).unwrap()];
    let length = |[x, y]: [f64; 2]| x.hypot(y);
    let radius = (0..12).map(|hour| length(place(hour))).sum::<f64>() / 12.0;
    for hour in 0..12 {
        let ([a, b], [c, d]) = (place(hour), place(hour + 6));
        assert!((length([a, b]) / radius - 1.0).abs() < 0.3, "{map:?}");
        assert!(length([a + c, b + d]) < 0.5 * radius, "{map:?}");
    }
}

#[test]
fn what_cannot_be_fitted_says_where() {
    let (table, target) = (towns(), values());
    let message = |encoder: EmbeddingEncoder<Values>| {
        encoder
            .fit_transform(train(&table, &target))
            .unwrap_err()
            .to_string()
    };
    let with = |f: fn(
        stackfold::model::neural::NeuralRegressor,
    ) -> stackfold::model::neural::NeuralRegressor| {
        let encoder = quick();
        let network = f(encoder.network().clone());
        message(encoder.with_network(network))
    };
    for (message, expected) in [
        (
            message(quick().with_n_folds(1)),
            "n_folds must be 2 or more",
        ),
        (
            message(quick().with_rows_per_number(0)),
            "rows_per_number must be 1 or more",
        ),
        (
            message(quick().with_context(["kind"])),
            "column \"kind\": expected a numeric, boolean",
        ),
        (
            message(quick().with_context(["age", "age"])),
            "context must be columns",
        ),
        (
            message(quick().with_context(["gone"])),
            "column \"gone\": no such column",
        ),
        (
            with(|network| network.with_n_seeds(0)),
            "n_seeds must be 1 or more",
        ),
        (
            with(|network| network.with_early_stopping(Some(EarlyStopping::new().with_share(2.0)))),
            "share must be above 0",
        ),
        (
            with(|network| network.with_embedding_sizes([("gone", 3)])),
            "fold 0: embedding_sizes must be names of features",
        ),
        (
            with(|network| network.with_embedding_sizes([("town", 0)])),
            "fold 0: embedding_sizes must be 1 or more",
        ),
        (
            with(|network| network.with_learning_rate(1e30)),
            "fold 0: learning_rate must be one at which",
        ),
    ] {
        assert!(message.starts_with(expected), "{message}");
    }
    let halves = Folds::new(vec![0, 1], 2).unwrap();
    assert!(
        message(quick().with_folds(halves)).starts_with("folds must be a partition of the 240")
    );
    let numeric = table.clone().with_role("age", Role::Feature).unwrap();
    let error = quick().fit_transform(train(&numeric, &target)).unwrap_err();
    assert_eq!(error.column(), Some("age"));
    assert!(matches!(error.kind(), ErrorKind::WrongKind { .. }));

    let (fitted, _) = fit(&quick(), &table, &target);
    let error = fitted.nearest("town", "Atlantis", 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"town\": unseen level \"Atlantis\""
    );
    assert_eq!(
        fitted.nearest("hamlet", "x", 1).unwrap_err().column(),
        Some("hamlet")
    );
    assert_eq!(
        fitted.map_2d("hamlet").unwrap_err().column(),
        Some("hamlet")
    );
}

#[test]
fn sizes_that_are_given_are_taken() {
    let encoder = quick().with_rows_per_number(1000);
    let network = encoder
        .network()
        .clone()
        .with_embedding_sizes([("town", 3)]);
    let (fitted, _) = fit(&encoder.with_network(network), &towns(), &values());
    assert_eq!(fitted.matrix("town").unwrap().size(), 3);
    assert_eq!(fitted.matrix("kind").unwrap().size(), 1);
}

#[test]
fn matrices_are_checked() {
    let matrix = |levels: &[&str], vectors: Vec<Vec<f32>>, unknown: Vec<f32>| {
        let levels = levels.iter().map(|&level| level.to_owned()).collect();
        EmbeddingMatrix::new("x", levels, vectors, unknown)
    };
    let error = |found: Result<EmbeddingMatrix>| found.unwrap_err().to_string();
    assert!(error(matrix(&["a"], vec![], vec![0.0])).contains("1 vectors"));
    assert!(error(matrix(&["a"], vec![vec![1.0, 2.0]], vec![0.0])).contains("level \"a\""));
    assert!(error(matrix(&["a"], vec![vec![f32::NAN]], vec![0.0])).contains("level \"a\""));
    assert!(error(matrix(&["a"], vec![vec![1.0]], vec![f32::INFINITY])).contains("unknown"));
    assert!(error(matrix(&[], vec![], vec![])).contains("one number or more"));
    assert!(matrix(&["a", "a"], vec![vec![1.0], vec![2.0]], vec![0.0]).is_err());
    let one = matrix(&["a"], vec![vec![1.0]], vec![0.0]).unwrap();
    assert!(one.clone().with_missing(&[1.0, 2.0]).is_err());
    assert_eq!(
        one.clone().with_missing(&[7.0]).unwrap().vector(None),
        [7.0]
    );
    assert_eq!(one.map_2d(), [[0.0, 0.0]]);
    let error = FittedEmbeddingEncoder::from_matrices(vec![one.clone(), one]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DuplicateColumn));
}

#[test]
fn it_is_a_step_of_pipelines_and_stacks() {
    let (table, target) = (towns(), labels());
    let columns = || {
        let texts = Selector::kind(ColumnKind::Categorical);
        ColumnTransformer::new().with("vectors", texts, quick().with_context(["age"]))
    };
    let model = || HistGradientBoosting::new().with_n_trees(10);
    let pipeline = Pipeline::new(columns(), model());
    let metric = ClassificationMetric::RocAuc;
    let result = cross_validate(
        &pipeline,
        train(&table, &target),
        &GroupKFold::new(3),
        &[&metric],
    );
    assert!(result.unwrap().all_scores()[0].mean().unwrap() > 0.75);
    let view = View::new("vectors", columns());
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(3)))
        .with_member("boosting", &view, model())
        .with_member("prior", &view, Prior::new());
    let fitted = stack.fit(train(&table, &target)).unwrap();
    assert_eq!(fitted.predict(table.rows()).unwrap().n_rows(), N);
}
