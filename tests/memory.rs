//! How much is allocated at most while a stack, or a cross-validation, is fitted: an allocator that
//! counts stands in for the usual one, so this is a binary of its own.
//!
//! Bounds are in units of the features of one fold's training rows. A second matrix that creeps in
//! (one a fold, one a member, the held-out rows' beside the training rows') breaks one of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;
use stackfold::data::Feature;
use stackfold::folds::KFold;
use stackfold::model_selection::CrossValidator;
use stackfold::prelude::*;
use stackfold::stack::{NewRows, Scheme, Stack, View};
use stackfold::transform::passthrough::Passthrough;
use stackfold::transform::{ColumnTransformer, Selector};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const ROWS: usize = 4_000;
const COLUMNS: usize = 500;
const FOLDS: usize = 5;
/// The features of one fold's training rows.
const FEATURES: usize = 4 * (ROWS - ROWS / FOLDS) * COLUMNS;
/// What all else may take: targets, weights, predictions, the blender.
const SMALL: f64 = 0.15;

/// Predicts a multiple of the first feature; it may copy all of them to f64 on the way.
#[derive(Debug, Clone, Copy)]
struct Slope {
    copies: usize,
}

#[derive(Debug)]
struct FittedSlope(f64);

impl Estimator<Values> for Slope {
    type Fitted = FittedSlope;

    fn fit(
        &self,
        x: &Features<InSample>,
        y: &Values,
        _context: &FitContext<'_>,
    ) -> Result<FittedSlope> {
        let copies: Vec<Vec<f64>> = (0..self.copies)
            .map(|_| x.as_slice().iter().map(|&v| f64::from(v)).collect())
            .collect();
        let sum: f64 = copies.iter().flatten().sum();
        let products = x.column(0).iter().zip(y.as_slice());
        let (xy, xx) = products.fold((sum / 1e9, 1.0), |(xy, xx), (&x, y)| {
            (xy + f64::from(x) * y, xx + f64::from(x * x))
        });
        Ok(FittedSlope(xy / xx))
    }

    fn memory(&self, n_rows: usize, n_features: usize, _n_outputs: usize) -> u64 {
        (8 * self.copies * n_rows * n_features) as u64
    }
}

impl Predictor<Values> for FittedSlope {
    fn predict(&self, x: &Features<OutOfSample>) -> Result<Values> {
        Values::new(
            x.column(0)
                .iter()
                .map(|&v| self.0 * f64::from(v))
                .collect::<Vec<_>>(),
        )
    }
}

/// The allocator counts for the whole process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn data() -> (Table, Values) {
    let seed = Seed::new(3);
    let column = |j: usize| {
        let seed = seed.at(j);
        let values: Vec<f64> = (0..ROWS as u64).map(|i| seed.normal(i)).collect();
        (
            Feature::number(format!("x{j}")).name().to_owned(),
            Column::numeric(values),
        )
    };
    let table = Table::new((0..COLUMNS).map(column)).unwrap();
    let y: Vec<f64> = (0..ROWS as u64)
        .map(|i| seed.at(0).normal(i) + seed.child("noise").normal(i))
        .collect();
    (table, Values::new(y).unwrap())
}

fn folds() -> KFold {
    KFold::new(FOLDS)
}

fn stack(copies: usize) -> Stack<Values> {
    // One step of a column transformer: its features are not copied.
    let columns = ColumnTransformer::new().with("x", Selector::all(), Passthrough::new());
    let view = View::new("all", columns);
    Stack::new(Scheme::out_of_fold(folds()))
        .with_member("one", &view, Slope { copies })
        .with_member("two", &view, Slope { copies })
}

/// What a function gives on so many threads, and the most it allocated at one time beyond what
/// there was, in units of one fold's features.
fn measured<T: Send>(n_threads: usize, f: impl FnOnce() -> T + Send) -> (T, f64) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()
        .unwrap();
    pool.install(|| {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let output = f();
        let peak = ALLOCATOR.peak_usage().saturating_sub(before);
        (output, peak as f64 / FEATURES as f64)
    })
}

/// So many times the features of a fold, in bytes, and a bit.
fn limit(features: usize) -> u64 {
    (features * FEATURES) as u64 + 1_000
}

/// The out-of-fold predictions and those of the table's rows: what must not depend on anything.
type Found = (Vec<Vec<u64>>, Vec<u64>);

fn bits(values: &Values) -> Vec<u64> {
    values.as_slice().iter().map(|v| v.to_bits()).collect()
}

fn fit_stack(stack: &Stack<Values>, train: Train<'_, Values>) -> Found {
    let fitted = stack.fit(train).unwrap();
    let out_of_fold = fitted.out_of_fold().iter().map(|(_, p)| bits(p)).collect();
    // A few rows: what predicting allocates is another matter.
    let few: Vec<u32> = (0..20).collect();
    let rows = train.rows().subset(&few).unwrap();
    (out_of_fold, bits(&fitted.predict(rows).unwrap()))
}

/// Threads, memory limit, and the most that may be allocated, in units of one fold's features.
type Case = (usize, Option<u64>, f64);

fn check_stack(copies: usize, refit: NewRows, cases: &[Case]) {
    let _alone = alone();
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    let mut first = None;
    for &(n_threads, memory_limit, most) in cases {
        let stack = stack(copies)
            .with_new_rows(refit)
            .with_memory_limit(memory_limit);
        let (found, peak) = measured(n_threads, || fit_stack(&stack, train));
        assert!(
            peak >= 1.0 && peak <= most + SMALL,
            "{peak:.3} times a fold's features, not {most}: {n_threads} threads, {memory_limit:?}"
        );
        assert_eq!(first.get_or_insert_with(|| found.clone()), &found);
    }
}

#[test]
fn a_stack_holds_one_folds_features_a_task() {
    check_stack(
        0,
        NewRows::FoldAverage,
        &[
            (1, None, 1.0),
            (1, Some(limit(1)), 1.0),
            (2, Some(limit(1)), 1.0),
            // A limit that no task fits under: one at a time.
            (2, Some(1_000), 1.0),
            (2, None, 2.0),
            (3, Some(limit(2)), 2.0),
            (4, Some(limit(2)), 2.0),
        ],
    );
}

/// Each member copies the features to f64: twice their size, or as much for each copy.
#[test]
fn members_are_counted() {
    check_stack(
        1,
        NewRows::FoldAverage,
        &[
            (1, None, 3.0),
            // One task, one member after the other.
            (2, Some(limit(3)), 3.0),
            // One task, both members at once.
            (2, Some(limit(5)), 5.0),
            // Two tasks with a member each, or one with both.
            (2, None, 6.0),
            (4, Some(limit(6)), 6.0),
        ],
    );
}

#[test]
fn a_refit_holds_the_features_of_all_rows() {
    let all = FOLDS as f64 / (FOLDS - 1) as f64;
    check_stack(
        0,
        NewRows::Refit,
        &[
            (1, None, all),
            (2, Some(limit(1)), all),
            (2, None, 1.0 + all),
        ],
    );
}

#[test]
fn cross_validation_holds_one_folds_features_a_task() {
    let _alone = alone();
    let (table, target) = data();
    let train = Train::new(&table, &target).unwrap();
    for copies in [0, 1] {
        let learner = Pipeline::new(Passthrough::new(), Slope { copies });
        let one = 1 + 2 * copies;
        let mut first = None;
        for (n_threads, memory_limit, most) in [
            (1, None, one),
            (2, Some(limit(one)), one),
            (2, Some(1_000), one),
            (2, None, 2 * one),
            (4, Some(limit(2 * one)), 2 * one),
        ] {
            let splitter = folds();
            let cross_validator = CrossValidator::new(&splitter).with_memory_limit(memory_limit);
            let (found, peak) = measured(n_threads, || {
                let found = cross_validator.run(&learner, train).unwrap();
                bits(found.out_of_fold().prediction())
            });
            assert!(
                peak >= one as f64 && peak <= most as f64 + SMALL,
                "{peak:.3} times a fold's features, not {most}: {n_threads} threads"
            );
            assert_eq!(first.get_or_insert_with(|| found.clone()), &found);
        }
    }
}

/// Columns of texts, floats and small integers, and what a table of them takes.
#[cfg(feature = "polars")]
fn to_be_read() -> (Table, usize) {
    const ROWS: u64 = 60_000;
    let (n_texts, n_reals, n_integers) = (20, 30, 150);
    let seed = Seed::new(5);
    let mut columns = Vec::new();
    for j in 0..n_texts + n_reals + n_integers {
        let seed = seed.at(j);
        let column = if j < n_texts {
            let level = |i| ["a", "bc", "def"][(seed.hash(i) % 3) as usize];
            Column::categorical((0..ROWS).map(|i| Some(level(i))))
        } else if j < n_texts + n_reals {
            Column::numeric((0..ROWS).map(|i| seed.normal(i)).collect::<Vec<_>>())
        } else {
            let cell = |i| Some((seed.hash(i) % 27).cast_signed() - 1);
            Column::integers(&(0..ROWS).map(cell).collect::<Vec<_>>())
        };
        columns.push((format!("x{j}"), column));
    }
    let width = 4 * n_texts + 8 * n_reals + n_integers;
    let table = Table::new(columns).unwrap();
    let size = table.n_rows() * width;
    (table, size)
}

/// Not the file's text, nor a frame of it: half of the table at most, and some blocks.
#[test]
#[cfg(feature = "polars")]
fn reading_holds_little_more_than_the_table() {
    use stackfold::data::polars::{TableReader, write_csv, write_parquet};
    const BLOCKS: usize = 16 << 20;
    let _alone = alone();
    let (table, size) = to_be_read();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (csv, parquet) = (folder.join("memory.csv"), folder.join("memory.parquet"));
    write_csv(&csv, &table).unwrap();
    write_parquet(&parquet, &table).unwrap();
    let n_rows = table.n_rows();
    drop(table);
    for (path, blocks) in [(csv, BLOCKS), (parquet, 0)] {
        let (read, peak) = measured(2, || TableReader::new().read(&path).unwrap());
        assert_eq!(read.n_rows(), n_rows);
        let peak = peak * FEATURES as f64;
        let most = 1.5 * size as f64 + blocks as f64;
        assert!(
            peak >= size as f64 && peak <= most,
            "{}: {:.2} times the table",
            path.display(),
            peak / size as f64
        );
        std::fs::remove_file(&path).unwrap();
    }
}

/// Files that are mostly something else than cells: four times the file at most, and 64 MB.
#[test]
fn reading_odd_files_holds_little() {
    use stackfold::data::TableReader;
    const MORE: f64 = 64e6;
    let _alone = alone();
    let lines = |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<String>();
    for (name, file) in [
        (
            "many columns",
            format!("{}\n{}\n", ",".repeat(20_000), ",".repeat(20_000)),
        ),
        (
            "one long cell",
            format!("x,y\n\"{}\",1\n", "a\n".repeat(2_000_000)),
        ),
        (
            "a cell that is not closed",
            format!("x,y\n\"{}", "a,b\n".repeat(1_000_000)),
        ),
        (
            "different texts",
            format!("x\n{}", lines(400_000, &|i| format!("t{i}\n"))),
        ),
        (
            "different numbers",
            format!("x\n{}", lines(400_000, &|i| format!("{i}.5\n"))),
        ),
        ("empty cells", format!("x,y\n{}", ",\n".repeat(1_000_000))),
        (
            "empty lines",
            format!("x,y\n1,2\n{}", "\n".repeat(2_000_000)),
        ),
        (
            "late texts",
            format!("x\n{}a\nb\n", lines(400_000, &|i| format!("{}\n", i % 9))),
        ),
    ] {
        let (_, peak) = measured(2, || {
            TableReader::new().read_csv_bytes(file.as_bytes()).ok()
        });
        let peak = peak * FEATURES as f64;
        let most = 4.0 * file.len() as f64 + MORE;
        assert!(
            peak <= most,
            "{name}: {peak:.0} of {most:.0} bytes, {} in all",
            file.len()
        );
    }
}
