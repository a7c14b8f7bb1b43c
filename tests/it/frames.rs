//! Frames, Parquet and IPC files as tables, and back, beside naive references.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]
#![allow(
    clippy::float_cmp,
    clippy::needless_pass_by_value,
    clippy::cast_possible_truncation,
    reason = "values are to be equal to the last bit"
)]
#![allow(
    clippy::default_trait_access,
    reason = "the type is in a crate that nothing else needs"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars_arrow::array::PrimitiveArray;
use polars_arrow::io::ipc::write::{Compression, FileWriter, WriteOptions};
use polars_arrow::record_batch::RecordBatch;
use polars_core::prelude::{
    ArrayRef, ArrowField, ArrowSchema, Column as FrameColumn, CompatLevel, DataFrame, DataType,
    IntoColumn, NamedFrom, SchemaExt, Series,
};
use proptest::prelude::*;
use stackfold::data::batches::Batches;
use stackfold::data::parse::{Infinities, MissingCounts};
use stackfold::data::polars::{
    ParquetBatches, ParquetSink, TableReader, table_to_frame, write_parquet,
};
use stackfold::data::{Column, ColumnKind, Role, Table};
use stackfold::error::{Error, ErrorKind};

fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("frames");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn at(table: &Table, place: usize) -> &Column {
    table.column(table.schema().fields()[place].name()).unwrap()
}

/// The series in chunks that begin at these places.
fn in_chunks(series: &Series, cuts: &[usize]) -> Series {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (series.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(series.len());
    let mut chunked = series.slice(0, cuts[0]);
    for pair in cuts.windows(2) {
        let next = series.slice(i64::try_from(pair[0]).unwrap(), pair[1] - pair[0]);
        chunked.append(&next).unwrap();
    }
    chunked
}

/// A file of one column in batches that begin at these places.
fn write_ipc(file: &Path, compression: Option<Compression>, array: ArrayRef, cuts: &[usize]) {
    let field = ArrowField::new("x".into(), array.dtype().clone(), true);
    let schema: Arc<ArrowSchema> =
        Arc::new([field].into_iter().map(|f| (f.name.clone(), f)).collect());
    let out = std::fs::File::create(file).unwrap();
    let options = WriteOptions { compression };
    let mut writer = FileWriter::try_new(out, schema.clone(), None, options).unwrap();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % array.len()).collect();
    cuts.extend([0, array.len()]);
    cuts.sort_unstable();
    for pair in cuts.windows(2).filter(|pair| pair[0] < pair[1]) {
        let part = array.sliced(pair[0], pair[1] - pair[0]);
        let batch = RecordBatch::new(part.len(), schema.clone(), vec![part]);
        writer.write(&batch, None).unwrap();
    }
    writer.finish().unwrap();
}

fn frame(series: impl IntoIterator<Item = Series>) -> DataFrame {
    let columns: Vec<FrameColumn> = series.into_iter().map(IntoColumn::into_column).collect();
    DataFrame::new(columns[0].len(), columns).unwrap()
}

/// The column that a reader makes of a series, its type of storage included, and what was missing.
fn read(reader: &TableReader, series: &Series) -> (String, MissingCounts) {
    let (table, summary) = reader
        .from_frame_with_summary(&frame([series.clone()]))
        .unwrap();
    let missing = summary.column(series.name()).unwrap().missing().clone();
    (format!("{:?}", at(&table, 0)), missing)
}

fn missing(null: usize, nan: usize, infinite: usize, sentinels: &[(&str, usize)]) -> MissingCounts {
    let sentinels = sentinels.iter().filter(|(_, count)| *count > 0);
    let mut counts = MissingCounts::default();
    (counts.null, counts.nan, counts.infinite) = (null, nan, infinite);
    counts.sentinels = sentinels
        .map(|&(text, count)| (text.to_owned(), count))
        .collect();
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nulls and sentinels taken out one by one, and the rest given to `Column::integers`.
    #[test]
    fn whole_numbers_are_the_same_in_any_type_and_chunks(
        cells in prop_oneof![
            proptest::collection::vec(proptest::option::weighted(0.9, -2..100_i64), 1..3000),
            proptest::collection::vec(proptest::option::weighted(0.99, -300..300_i64), 1..3000),
            proptest::collection::vec(Just(Some(-7)), 1..2000),
            proptest::collection::vec(Just(None), 1..2000),
            proptest::collection::vec(proptest::option::of(any::<i32>().prop_map(i64::from)), 1..100),
            proptest::collection::vec(proptest::option::of(-i64::MAX..), 1..100),
        ],
        cuts in proptest::collection::vec(any::<usize>(), 0..4),
        with_sentinel in any::<bool>(),
    ) {
        let reader = TableReader::new();
        let reader = if with_sentinel { reader.with_sentinels("x", ["-1", "7"]) } else { reader };
        let is = |cell: &Option<i64>, value| with_sentinel && *cell == Some(value);
        let present: Vec<Option<i64>> = cells
            .iter()
            .map(|cell| cell.filter(|_| !is(cell, -1) && !is(cell, 7)))
            .collect();
        let count = |value| cells.iter().filter(|cell| is(cell, value)).count();
        let expected = (
            format!("{:?}", Column::integers(&present)),
            missing(
                cells.iter().filter(|cell| cell.is_none()).count(),
                0,
                0,
                &[("-1", count(-1)), ("7", count(7))],
            ),
        );
        let series = Series::new("x".into(), &cells);
        for dtype in [DataType::Int64, DataType::Int32, DataType::UInt64, DataType::UInt32] {
            if let Ok(series) = series.strict_cast(&dtype) {
                let found = read(&reader, &in_chunks(&series, &cuts));
                prop_assert_eq!(&found, &expected, "{}", dtype);
            }
        }
        // Frames may lack the short types; files have them.
        macro_rules! array {
            ($t:ty) => {{
                let cells = cells.iter().map(|cell| cell.map(<$t>::try_from).transpose());
                let cells: Result<Vec<Option<$t>>, _> = cells.collect();
                cells.ok().map(|cells| PrimitiveArray::<$t>::from(cells).boxed())
            }};
        }
        let arrays = [array!(i8), array!(i16), array!(u8), array!(u16)];
        for array in arrays.into_iter().flatten() {
            let file = path("short.arrow");
            let dtype = array.dtype().clone();
            write_ipc(&file, None, array, &cuts);
            let (table, summary) = reader.read_with_summary(&file).unwrap();
            let missing = summary.column("x").unwrap().missing().clone();
            let found = (format!("{:?}", at(&table, 0)), missing);
            prop_assert_eq!(&found, &expected, "{:?}", dtype);
        }
    }

    /// Nulls, NaN, sentinels and infinities taken out one by one, and the rest given to
    /// `Column::numeric`.
    #[test]
    fn floats_are_the_same_in_any_chunks(
        cells in prop_oneof![
            proptest::collection::vec(proptest::option::weighted(0.9, prop_oneof![
                8 => (-100..100_i32).prop_map(f64::from),
                1 => Just(f64::NAN),
            ]), 1..3000),
            proptest::collection::vec(proptest::option::weighted(0.99, prop_oneof![
                30 => any::<f32>().prop_map(f64::from),
                1 => Just(f64::INFINITY),
            ]), 1..2000),
            proptest::collection::vec(proptest::option::of(any::<f64>()), 1..100),
            proptest::collection::vec(Just(Some(-0.0)), 1..3),
            proptest::collection::vec(Just(Some(f64::NAN)), 1..3),
        ],
        cuts in proptest::collection::vec(any::<usize>(), 0..4),
        with_sentinel in any::<bool>(),
    ) {
        let reader = TableReader::new().with_infinities(Infinities::AsMissing);
        let reader = if with_sentinel { reader.with_sentinels("x", ["-1"]) } else { reader };
        let (mut n_nan, mut n_infinite, mut n_sentinel) = (0, 0, 0);
        let mut present = Vec::new();
        for cell in &cells {
            let value = cell.unwrap_or(f64::NAN);
            let is_sentinel = with_sentinel && value == -1.0;
            n_nan += usize::from(cell.is_some() && value.is_nan());
            n_sentinel += usize::from(is_sentinel);
            n_infinite += usize::from(value.is_infinite());
            present.push(if is_sentinel || value.is_infinite() { f64::NAN } else { value });
        }
        let n_null = cells.iter().filter(|cell| cell.is_none()).count();
        let expected = (
            format!("{:?}", Column::numeric(present)),
            missing(n_null, n_nan, n_infinite, &[("-1", n_sentinel)]),
        );
        let series = in_chunks(&Series::new("x".into(), &cells), &cuts);
        prop_assert_eq!(&read(&reader, &series), &expected);
        let is_single = |cell: &Option<f64>| {
            cell.is_none_or(|v| f64::from(v as f32).to_bits() == v.to_bits())
        };
        if cells.iter().all(is_single) {
            let single = series.cast(&DataType::Float32).unwrap();
            prop_assert_eq!(&read(&reader, &single), &expected);
        }
        // Refused, the first one is named.
        let first = cells.iter().position(|cell| cell.is_some_and(f64::is_infinite));
        let refused = TableReader::new().from_frame(&frame([series]));
        prop_assert_eq!(refused.err().and_then(|e| e.row()), first);
    }

    #[test]
    fn texts_booleans_and_moments_are_the_same_in_any_chunks(
        cells in proptest::collection::vec(proptest::option::weighted(0.9, 0..40_i32), 1..2500),
        cuts in proptest::collection::vec(any::<usize>(), 0..4),
    ) {
        // Views keep up to 12 bytes in place, longer texts elsewhere.
        let text = |cell: i32| format!("{}{cell}", "x".repeat(usize::try_from(cell % 14).unwrap()));
        let texts: Vec<Option<String>> = cells.iter().map(|cell| cell.map(text)).collect();
        let flags: Vec<Option<bool>> = cells.iter().map(|cell| cell.map(|c| c > 20)).collect();
        let reader = TableReader::new();
        let found = |series: Series| read(&reader, &in_chunks(&series, &cuts)).0;
        let whole = Series::new("x".into(), &cells);
        prop_assert_eq!(
            found(Series::new("x".into(), &texts)),
            format!("{:?}", Column::categorical(texts.iter().map(Option::as_deref)))
        );
        prop_assert_eq!(
            found(Series::new("x".into(), &flags)),
            format!("{:?}", Column::boolean(&flags))
        );
        prop_assert_eq!(
            found(whole.cast(&DataType::Date).unwrap()),
            format!("{:?}", Column::dates(&cells))
        );
        let moments: Vec<Option<i64>> = cells.iter().map(|cell| cell.map(|c| i64::from(c) - 20)).collect();
        let ticks: Vec<Option<i64>> = moments.iter().map(|cell| cell.map(|c| c * 1000 + 999)).collect();
        let unit = polars_core::prelude::TimeUnit::Microseconds;
        let ticks = Series::new("x".into(), &ticks).cast(&DataType::Datetime(unit, None)).unwrap();
        prop_assert_eq!(found(ticks), format!("{:?}", Column::datetimes(&moments)));
    }
}

#[test]
fn numbers_beyond_64_bits_with_a_sign_keep_their_digits() {
    let ids = [u64::MAX, 7, u64::MAX - 1, 7];
    let large = frame([Series::new("id".into(), ids)]);
    let table = TableReader::new()
        .with_role("id", Role::Id)
        .from_frame(&large)
        .unwrap();
    let column = table.column("id").unwrap();
    assert_eq!(column.kind(), ColumnKind::Categorical);
    for (row, id) in ids.iter().enumerate() {
        assert_eq!(column.text(row).unwrap(), id.to_string());
    }
    // Two ids that one float stands for are two levels.
    assert_eq!(column.codes().unwrap().1.len(), 3);
    // Asked for numbers, or following a table that has them, it does not round.
    let small = frame([Series::new(
        "id".into(),
        [1_u64, 2, i64::MAX.unsigned_abs()],
    )]);
    let small = TableReader::new().from_frame(&small).unwrap();
    assert_eq!(small.column("id").unwrap().kind(), ColumnKind::Numeric);
    assert_eq!(
        small.column("id").unwrap().text(2).unwrap(),
        i64::MAX.to_string()
    );
    for reader in [
        TableReader::new().with_kind("id", ColumnKind::Numeric),
        TableReader::new().following(&small),
    ] {
        let error = reader.from_frame(&large).unwrap_err();
        assert_eq!((error.column(), error.row()), (Some("id"), Some(0)));
        assert!(
            error.to_string().ends_with(
                "expected whole numbers from -9223372036854775807 to 9223372036854775807, found \
             18446744073709551615; `with_kind` makes the column categorical"
            ),
            "{error}"
        );
    }
    // The smallest number of 64 bits is a number, not a missing cell.
    let least = frame([Series::new("id".into(), [Some(i64::MIN), None, Some(3)])]);
    let least = TableReader::new().from_frame(&least).unwrap();
    let column = least.column("id").unwrap();
    assert_eq!(column.text(0).unwrap(), i64::MIN.to_string());
    assert_eq!(column.n_missing(), 1);
    let days = Series::new("day".into(), [Some(3), None, Some(i32::MIN)]);
    let days = frame([days.cast(&DataType::Date).unwrap()]);
    let error = TableReader::new().from_frame(&days).unwrap_err();
    assert_eq!((error.column(), error.row()), (Some("day"), Some(2)));
}

/// Small and large values of each kind, which are kept in types of different widths.
fn of_all_kinds(large: bool) -> Table {
    let big = i64::from(large) * 3_000_000_000;
    let real = if large { 0.1 } else { 0.5 };
    Table::new([
        ("whole", Column::integers(&[Some(1), None, Some(big)])),
        ("real", Column::numeric(vec![real, f64::NAN, 1.0])),
        ("flag", Column::boolean(&[Some(true), None, Some(false)])),
        ("level", Column::categorical([Some("b"), None, Some("a")])),
        ("day", Column::dates(&[Some(0), None, Some(16_000)])),
        ("moment", Column::datetimes(&[Some(0), None, Some(big)])),
    ])
    .unwrap()
}

#[test]
fn frames_and_files_of_two_tables_have_the_same_types() {
    let (small, large) = (of_all_kinds(false), of_all_kinds(true));
    let frames = [&small, &large].map(|table| table_to_frame(table).unwrap());
    assert_eq!(frames[0].schema(), frames[1].schema());
    let milliseconds = polars_core::prelude::TimeUnit::Milliseconds;
    assert_eq!(
        frames[0].dtypes(),
        [
            DataType::Int64,
            DataType::Float64,
            DataType::Boolean,
            DataType::String,
            DataType::Date,
            DataType::Datetime(milliseconds, None),
        ]
    );
    // One frame of both is a table of both.
    let both = frames[0].vstack(&frames[1]).unwrap();
    let both = TableReader::new().from_frame(&both).unwrap();
    for (i, field) in both.schema().fields().iter().enumerate() {
        assert_eq!(field, &small.schema().fields()[i]);
        for row in 0..6 {
            let from = if row < 3 { &small } else { &large };
            assert_eq!(at(&both, i).text(row), at(from, i).text(row % 3));
        }
    }
}

/// A table of some kinds with more than a block of rows.
fn table(n_rows: usize) -> Table {
    let of = |k: usize| (0..n_rows).map(move |i| (i * k) % 1013);
    let present = |v: usize| !v.is_multiple_of(7);
    let whole = |v: usize| present(v).then(|| i64::try_from(v).unwrap() * 100);
    let level = |v: usize| present(v).then(|| format!("a level with the number {}", v % 50));
    let levels: Vec<Option<String>> = of(3).map(level).collect();
    let real = |v: usize| if present(v) { v as f64 / 3.0 } else { f64::NAN };
    let flag = |v: usize| present(v).then_some(v.is_multiple_of(2));
    let day = |v: usize| present(v).then(|| i32::try_from(v).unwrap());
    Table::new([
        (
            "whole",
            Column::integers(&of(1).map(whole).collect::<Vec<_>>()),
        ),
        ("real", Column::numeric(of(2).map(real).collect::<Vec<_>>())),
        (
            "level",
            Column::categorical(levels.iter().map(Option::as_deref)),
        ),
        (
            "flag",
            Column::boolean(&of(4).map(flag).collect::<Vec<_>>()),
        ),
        ("day", Column::dates(&of(5).map(day).collect::<Vec<_>>())),
        (
            "id",
            Column::integers(
                &of(1)
                    .map(|v| Some(i64::MAX - i64::try_from(v).unwrap()))
                    .collect::<Vec<_>>(),
            ),
        ),
    ])
    .unwrap()
}

fn debug(table: &Table) -> String {
    let columns = (0..table.schema().fields().len()).map(|i| at(table, i));
    format!("{:?}", columns.collect::<Vec<_>>())
}

#[test]
fn a_file_in_row_groups_is_the_table() {
    let table = table(5000);
    let whole = path("whole.parquet");
    write_parquet(&whole, &table).unwrap();
    assert_eq!(
        debug(&TableReader::new().read(&whole).unwrap()),
        debug(&table)
    );
    // Each batch is a row group.
    let grouped = path("grouped.parquet");
    let names: Vec<&str> = table.schema().names().collect();
    let mut sink = ParquetSink::create(&grouped).unwrap().with_columns(names);
    let batches = ParquetBatches::new(&whole).with_max_rows(700);
    let mut sizes = Vec::new();
    batches
        .scan(None, &mut |batch| {
            sizes.push(batch.n_rows());
            sink.write(&batch, &DataFrame::empty_with_height(batch.n_rows()))
        })
        .unwrap();
    assert_eq!(sink.finish().unwrap(), 5000);
    assert_eq!(sizes, [700, 700, 700, 700, 700, 700, 700, 100]);
    assert_eq!(
        debug(&TableReader::new().read(&grouped).unwrap()),
        debug(&table)
    );
    // Parts of row groups, and some columns in another order.
    let mut n_rows = 0;
    ParquetBatches::new(&grouped)
        .with_max_rows(512)
        .scan(Some(&["level", "whole"]), &mut |batch| {
            assert_eq!(
                batch.schema().names().collect::<Vec<_>>(),
                ["level", "whole"]
            );
            for row in 0..batch.n_rows() {
                for name in ["level", "whole"] {
                    let (found, expected) = (batch.column(name)?, table.column(name)?);
                    assert_eq!(found.text(row), expected.text(n_rows + row));
                }
            }
            n_rows += batch.n_rows();
            Ok(())
        })
        .unwrap();
    assert_eq!(n_rows, 5000);
    let error = ParquetBatches::new(&grouped).scan(Some(&["none"]), &mut |_| Ok(()));
    let error = error.unwrap_err();
    assert_eq!(error.column(), Some("none"));
    assert!(matches!(error.kind(), ErrorKind::MissingColumn { .. }));
}

#[test]
fn batches_of_a_file_have_one_type() {
    let out = path("one_type.parquet");
    let batch = |cells: Vec<f64>| Table::new([("x", Column::numeric(cells))]).unwrap();
    let write = |batches: &[Vec<f64>]| -> Result<usize, Error> {
        let mut sink = ParquetSink::create(&out)?.with_columns(["x"]);
        for cells in batches {
            let n_rows = cells.len();
            sink.write(&batch(cells.clone()), &DataFrame::empty_with_height(n_rows))?;
        }
        sink.finish()
    };
    // A fraction first, or nothing: floats are what follows.
    for first in [0.5, f64::NAN] {
        write(&[vec![first], vec![2.0], vec![0.25]]).unwrap();
        let read = TableReader::new().read(&out).unwrap();
        let x = read.column("x").unwrap();
        let texts: Vec<_> = (1..3)
            .map(|row| x.text(row).unwrap().into_owned())
            .collect();
        assert_eq!(texts, ["2", "0.25"]);
    }
    let error = write(&[vec![2.0], vec![0.25]]).unwrap_err();
    assert_eq!(error.column(), Some("x"));
    assert!(
        error
            .to_string()
            .ends_with("expected cells of type i64, as in the first batch, found f64"),
        "{error}"
    );
}

#[test]
fn an_ipc_file_is_the_table() {
    let table = table(3000);
    let frame = table_to_frame(&table).unwrap();
    for (compression, n_batches) in [
        (None, 1),
        (Some(Compression::LZ4), 4),
        (Some(Compression::ZSTD(Default::default())), 3),
    ] {
        let file = path("table.arrow");
        let schema = Arc::new(frame.schema().to_arrow(CompatLevel::newest()));
        let out = std::fs::File::create(&file).unwrap();
        let mut writer =
            FileWriter::try_new(out, schema, None, WriteOptions { compression }).unwrap();
        for i in 0..n_batches {
            let n = 3000_usize.div_ceil(n_batches);
            let mut part = frame.slice(i64::try_from(i * n).unwrap(), n);
            part.rechunk_mut();
            for batch in part.iter_chunks(CompatLevel::newest(), false) {
                writer.write(&batch, None).unwrap();
            }
        }
        writer.finish().unwrap();
        let read = TableReader::new().read(&file).unwrap();
        assert_eq!(debug(&read), debug(&table), "{n_batches}");
    }
}
