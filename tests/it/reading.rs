//! Tables as other programs write them: what a file means is what is read, or is told.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]
#![allow(clippy::format_collect, reason = "files of a few lines")]

use std::path::{Path, PathBuf};

use stackfold::data::parse::{DateFormat, OddCells};
use stackfold::data::summary::{ColumnSummary, Summary};
use stackfold::data::{Columns, Field, Identifiers, MISSING_CODE, TableReader, write_csv};
use stackfold::prelude::*;

/// A file that is there as long as the value.
struct Csv(PathBuf);

impl Csv {
    fn new(test: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self::named(&format!("{test}.csv"), bytes)
    }

    fn named(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reading");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn read(&self) -> Table {
        self.read_with(&TableReader::new())
    }

    fn read_with(&self, reader: &TableReader) -> Table {
        reader.read(&self.0).unwrap()
    }

    fn error(&self, reader: &TableReader) -> String {
        let error = reader.read(&self.0).unwrap_err().to_string();
        let path = format!("file {:?}, ", self.0.display().to_string());
        let alone = format!("file {:?}: ", self.0.display().to_string());
        let error = error.strip_prefix(&path).or(error.strip_prefix(&alone));
        error.unwrap().to_owned()
    }
}

impl Drop for Csv {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn lines(cells: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    cells.into_iter().map(|cell| format!("{cell}\n")).collect()
}

fn kind(table: &Table, column: &str) -> ColumnKind {
    table.column(column).unwrap().kind()
}

fn texts(table: &Table, column: &str) -> Vec<String> {
    let column = table.column(column).unwrap();
    let text = |row| column.text(row).unwrap_or_default().into_owned();
    (0..column.len()).map(text).collect()
}

fn notes(table: &Table) -> Vec<String> {
    table.notes().iter().map(ToString::to_string).collect()
}

/// How many cells of a column of new rows have a level that the training rows lack.
fn n_unseen(train: &Table, new: &Table, column: &str) -> usize {
    let (_, known) = train.column(column).unwrap().codes().unwrap();
    let (codes, levels) = new.column(column).unwrap().codes().unwrap();
    let known = known.codes_of(levels);
    let is_unseen = |&&code: &&u32| code != MISSING_CODE && known[code as usize] == MISSING_CODE;
    codes.iter().filter(is_unseen).count()
}

#[test]
fn ids_are_kept_as_they_are_written() {
    let ids = [
        "1678090149645036077",
        "18446744073709551615",
        "0001",
        "1E10",
        " 7",
        "NA",
        "1.0",
        "1,001",
    ];
    let body: String = ids.iter().map(|id| format!("\"{id}\",1.5\n")).collect();
    let file = Csv::new("ids", format!("id,x\n{body}"));
    let table = file.read_with(&TableReader::new().with_role("id", Role::Id));
    assert_eq!(texts(&table, "id"), ids);
    // A new file, too, whatever it has in place of them.
    let new = Csv::new("ids_new", "id,x\nT-0,1\n0001,2\n");
    let new = new.read_with(&TableReader::new().following(&table));
    assert_eq!(texts(&new, "id"), ["T-0", "0001"]);
}

#[test]
fn whole_numbers_of_64_bits_are_exact() {
    let ids = [
        "1780000000000000000",
        "1780000000000000011",
        "-9223372036854775807",
        "9223372036854775807",
    ];
    let file = Csv::new("exact", format!("id\n{}", lines(ids)));
    let table = file.read();
    assert_eq!(
        (kind(&table, "id"), texts(&table, "id")),
        (ColumnKind::Numeric, ids.map(str::to_owned).to_vec())
    );
    let table = table.with_role("id", Role::Group).unwrap();
    assert_eq!(table.groups().unwrap(), [0, 1, 2, 3]);

    // Beside a missing cell, as pandas writes them once that there is one.
    let file = Csv::new(
        "exact_float",
        "id,k\n178000000000500123,1\n,2\n178000000000500124.0,3\n178000000000500125,4\n",
    );
    let ids = [
        "178000000000500123",
        "",
        "178000000000500124",
        "178000000000500125",
    ];
    assert_eq!(texts(&file.read(), "id"), ids);

    // Beyond 64 bits they are levels, and this is told.
    let ids = [
        "18446744073709551615",
        "18446744073709551614",
        "11898508762506083287",
    ];
    let file = Csv::new("huge", format!("id\n{}", lines(ids)));
    let table = file.read();
    assert_eq!(
        (kind(&table, "id"), texts(&table, "id")),
        (ColumnKind::Categorical, ids.map(str::to_owned).to_vec())
    );
    assert_eq!(
        notes(&table),
        [
            "column \"id\": 3 of 3 cells are whole numbers beyond 64 bits, and the column is read as \
          levels: \"18446744073709551615\" in row 0"
        ]
    );

    // Beside fractions there are no integers.
    let file = Csv::new("rounded", "x\n9007199254740993\n0.5\n");
    let note = &notes(&file.read())[0];
    assert!(note.contains("rounded"), "{note}");
}

#[test]
fn codes_are_not_numbers() {
    for codes in [
        &["001.0", "008.45", "250.0", "250.00", "01.10", "01.1"][..],
        &["01E1", "01E2", "02E1", "09E9"],
        &["1E10", "10E9", "12E3", "12E4", "3E2", "30E1", "7E5"],
        &[
            "0047583311587590003",
            "0047583311587E590003",
            "0012",
            "0013",
        ],
        &["007", "12"],
    ] {
        let file = Csv::new("codes", format!("part\n{}", lines(codes)));
        let table = file.read();
        assert_eq!(kind(&table, "part"), ColumnKind::Categorical, "{codes:?}");
        assert_eq!(texts(&table, "part"), codes);
        let (_, levels) = table.column("part").unwrap().codes().unwrap();
        assert_eq!(levels.len(), codes.len());
    }
    // Numbers as programs write them, and one that was written by hand.
    for numbers in [
        &["1e10", "2.5E+3", "1E-5", "0.5", "0", "-0.25"][..],
        &["1.0E10", "1e16", "3e2"],
    ] {
        let file = Csv::new("no_codes", format!("x\n{}", lines(numbers)));
        assert_eq!(kind(&file.read(), "x"), ColumnKind::Numeric, "{numbers:?}");
    }
    let mut cells: Vec<String> = (0..60).map(|i| format!("{i}.5")).collect();
    cells.push("1E3".to_owned());
    let file = Csv::new("one_code", format!("x\n{}", lines(&cells)));
    assert_eq!(
        file.read().column("x").unwrap().text(60).as_deref(),
        Some("1000")
    );
}

#[test]
fn one_odd_cell_does_not_decide_a_column() {
    let numbers: Vec<String> = (0..239)
        .map(|i| format!("{}", f64::from(i) / 7.0 - 9.0))
        .collect();
    for word in [
        "-nan",
        "None",
        "\\N",
        "#N/A",
        "#DIV/0!",
        "n/a",
        "na",
        "<NA>",
        ".",
        "-",
        "NAN",
        "-1.#IND",
        "missing",
        "nil",
        "nan(ind)",
        "NaN",
        "null",
        "Null",
        "unknown",
        "2014-03-03",
        "0,5",
    ] {
        let mut cells = numbers.clone();
        cells.insert(17, format!("\"{word}\""));
        let file = Csv::new("odd", format!("x\n{}", lines(&cells)));
        let (table, summary) = TableReader::new().read_with_summary(&file.0).unwrap();
        assert_eq!(kind(&table, "x"), ColumnKind::Numeric, "{word}");
        let missing = summary.column("x").unwrap().missing();
        assert_eq!(missing.total(), 1, "{word}");
        if missing.odd == 1 {
            assert_eq!(missing.first_odd, Some((17, word.to_owned())));
            let note = format!(
                "column \"x\": 239 of 240 cells are numbers; 1 is taken for missing: {word:?} in row 17"
            );
            assert_eq!(notes(&table).join("; "), note);
            assert!(summary.to_string().contains(&note));
            // The strict way.
            let strict = TableReader::new().with_odd_cells(OddCells::Refuse);
            assert_eq!(kind(&file.read_with(&strict), "x"), ColumnKind::Categorical);
        } else {
            assert_eq!(notes(&table), Vec::<String>::new());
        }
        let numeric = TableReader::new().with_kind("x", ColumnKind::Numeric);
        assert_eq!(numeric.read(&file.0).is_err(), missing.odd == 1, "{word}");
    }
    // One in twenty is the limit, for days and moments as well.
    for (usual, kind_of_usual) in [
        ("1.5", ColumnKind::Numeric),
        ("2014-03-03", ColumnKind::Date),
        ("2014-03-03 10:00", ColumnKind::Datetime),
    ] {
        for (n_odd, expected) in [(2, kind_of_usual), (3, ColumnKind::Categorical)] {
            let cell = |i| {
                if i % 19 < 1 && i / 19 < n_odd {
                    "odd"
                } else {
                    usual
                }
            };
            let file = Csv::new("limit", format!("x\n{}", lines((0..40).map(cell))));
            let table = file.read();
            assert_eq!(kind(&table, "x"), expected, "{usual}, {n_odd}");
            assert_eq!(table.notes().len(), 1);
        }
    }
}

#[test]
fn a_word_for_missing_is_added_to_the_usual_ones() {
    let file = Csv::new("added", "x,k\n1,a\n-,NA\n3,-\nNA,None\n");
    let table = file.read_with(&TableReader::new().with_missing(["-"]));
    assert_eq!(kind(&table, "x"), ColumnKind::Numeric);
    assert_eq!(texts(&table, "x"), ["1", "", "3", ""]);
    assert_eq!(texts(&table, "k"), ["a", "", "", ""]);
    let table = file.read_with(&TableReader::new().without_default_missing());
    assert_eq!(texts(&table, "k"), ["a", "NA", "-", "None"]);
}

#[test]
fn a_header_in_the_middle_is_left_out_and_told() {
    let body: String = (0..200)
        .map(|i| format!("{},{},{}\n", i % 7, i % 3, i % 2))
        .collect();
    let (first, second) = body.split_at(600);
    let clean = Csv::new("clean", format!("x,k,y\n{body}")).read();
    let table = Csv::new("repeated", format!("x,k,y\n{first}x,k,y\n{second}")).read();
    for name in ["x", "k", "y"] {
        assert_eq!(texts(&table, name), texts(&clean, name));
    }
    assert_eq!(
        notes(&table),
        ["the header stands once more in the file, first before row 100, and is left out there"]
    );
    // A column of one level that is its name is a column.
    let one = Csv::new("one_name", "x\nx\ny\n").read();
    assert_eq!(texts(&one, "x"), ["x", "y"]);
}

#[test]
fn moments_are_read_as_databases_write_them() {
    let expected = ["2023-01-01T00:00:00", "2023-01-01T07:13:00"];
    for (first, second) in [
        ("2023-01-01 00:00:00+00", "2023-01-01 07:13:00+00"),
        ("2023-01-01T00:00:00+0000", "2023-01-01T07:13:00+0000"),
        ("2023-01-01 00:00:00 UTC", "2023-01-01 07:13:00 UTC"),
        ("2023/01/01 00:00", "2023/01/01 07:13"),
        ("2023-01-01T00:00:00Z", "2023-01-01T07:13:00Z"),
        ("20230101T000000", "20230101T071300"),
        ("2023-01-01 00:00:00.000000", "2023-01-01 07:13:00.000391"),
        ("2022-12-31 20:30:00-03:30", "2023-01-01 03:43:00-0330"),
        ("2023-01-01 01:00:00.123456+01", "2023-01-01 08:13:00+01:00"),
        ("01/13/2022 00:00", "01/01/2023 07:13"),
        ("2023-01-01 12:00 AM", "2023-01-01 7:13 AM"),
    ] {
        let file = Csv::new("moments", format!("at\n\"{first}\"\n\"{second}\"\n"));
        let table = file.read();
        assert_eq!(kind(&table, "at"), ColumnKind::Datetime, "{first}");
        let found = texts(&table, "at");
        assert_eq!(found[1][..19], *expected[1], "{second}");
        if !first.contains("13/2022") {
            assert_eq!(found[0][..19], *expected[0], "{first}");
        }
    }
    for (cells, expected) in [
        ("13/12/2014\n01/02/2014\n", ["2014-12-13", "2014-02-01"]),
        ("12/13/2014\n01/02/2014\n", ["2014-12-13", "2014-01-02"]),
        ("13.12.2014\n1.2.2014\n", ["2014-12-13", "2014-02-01"]),
        ("2014/12/13\n2014/02/01\n", ["2014-12-13", "2014-02-01"]),
    ] {
        let table = Csv::new("days", format!("at\n{cells}")).read();
        assert_eq!(kind(&table, "at"), ColumnKind::Date);
        assert_eq!(texts(&table, "at"), expected);
        // New rows are read in the same order, though they do not tell it.
        let new = Csv::new("days_new", "at\n01/02/2014\n")
            .read_with(&TableReader::new().following(&table));
        let (day_first, month_first) = ("2014-02-01", "2014-01-02");
        let expected = match cells.as_bytes() {
            [b'2', ..] => "",
            [b'1', b'3', ..] => day_first,
            _ => month_first,
        };
        assert_eq!(texts(&new, "at"), [expected], "{cells}");
    }
    let table = Csv::new("ambiguous", "at\n01/02/2014\n03/04/2014\n").read();
    assert_eq!(kind(&table, "at"), ColumnKind::Categorical);
    assert!(notes(&table)[0].contains("with_date_format"));
    assert_eq!(Summary::of(&table).identifiers().count(), 0);

    let format = DateFormat::new("%Y-%m-%d %H:%M:%S.%f%z").unwrap();
    let file = Csv::new(
        "format",
        "at\n2023-01-01 00:00:00.745232+00\n2023-01-01 02:00:00.5+0200\n",
    );
    let table = file.read_with(&TableReader::new().with_date_format("at", format));
    assert_eq!(
        texts(&table, "at"),
        ["2023-01-01T00:00:00.745", "2023-01-01T00:00:00.500"]
    );
}

#[test]
fn a_decimal_comma_is_no_separator_of_thousands() {
    let file = Csv::new(
        "comma",
        "a,b\n\"0,125\",\"1,250\"\n\"0,500\",\"-0,250\"\n\"12,345\",\"012,345\"\n",
    );
    let table = file.read_with(&TableReader::new().with_decimal(','));
    assert_eq!(texts(&table, "a"), ["0.125", "0.5", "12.345"]);
    // Without being told they are no numbers, and the option is named.
    let table = file.read();
    assert_eq!(kind(&table, "a"), ColumnKind::Categorical);
    assert_eq!(texts(&table, "a"), ["0,125", "0,500", "12,345"]);
    for (note, name) in notes(&table).iter().zip(["a", "b"]) {
        assert!(note.starts_with(&format!("column {name:?}")), "{note}");
        assert!(note.contains("with_decimal(',')"), "{note}");
    }
    assert_eq!(table.notes().len(), 2);
    assert_eq!(Summary::of(&table).identifiers().count(), 0);

    let semicolons = "x;y\n1.234,56;1\n-0,25;0\n1,500;1\n";
    let file = Csv::new("semicolons", semicolons);
    let error = file.error(&TableReader::new());
    assert!(
        error.contains("with_separator") && error.contains("';'"),
        "{error}"
    );
    let reader = TableReader::new().with_separator(b';');
    let table = file.read_with(&reader);
    assert!(
        notes(&table)[0].contains("with_decimal(',')"),
        "{:?}",
        table.notes()
    );
    let table = file.read_with(&reader.with_decimal(','));
    assert_eq!(texts(&table, "x"), ["1234.56", "-0.25", "1.5"]);

    // Thousands stay what they are.
    let file = Csv::new("thousands", "x\n\"1,113\"\n935\n\"1,234,567.5\"\n");
    assert_eq!(texts(&file.read(), "x"), ["1113", "935", "1234567.5"]);
    let bad = TableReader::new().with_decimal(';');
    assert!(file.error(&bad).contains("decimal must be"));
    let bad = TableReader::new()
        .with_decimal(',')
        .with_thousands_separator(Some(','));
    assert!(file.error(&bad).contains("thousands_separator must be"));
}

#[test]
fn a_table_that_is_read_again_has_no_unseen_level() {
    for cells in [
        ["1", "2", "3"],
        ["1.0", "2.0", "3.0"],
        ["1,001", "2,002", "3,003"],
        [" 1", "2 ", "3"],
        ["1e3", "2e3", "3e3"],
        ["+1", "+2", "+3"],
        ["True", "False", "True"],
        [
            "2014-03-03 14:05:00",
            "2014-03-04 14:05:00",
            "2014-03-05 14:05:00",
        ],
        ["2014-03-03", "2014-03-04", "2014-03-05"],
        ["13/12/2014", "01/02/2014", "05/05/2014"],
        [" a", "b ", "c d"],
        ["007", "1", "12"],
        ["9007199254740993", "9007199254740992", "-1"],
        ["0.1", "-0.0", "1e300"],
    ] {
        let body: String = (0..40)
            .map(|i| format!("\"{}\",{}\n", cells[i % 3], i % 2))
            .collect();
        let file = Csv::new("again", format!("shop,y\n{body}"));
        let reader = TableReader::new();
        let asked = reader.clone().with_kind("shop", ColumnKind::Categorical);
        let made = file.read().with_categorical("shop").unwrap();
        let told = file.read_with(&asked);
        for train in [&made, &told] {
            let again = file.read_with(&reader.clone().following(train));
            assert_eq!(n_unseen(train, &again, "shop"), 0, "{cells:?}");
            assert_eq!(again.column("shop").unwrap().n_missing(), 0);
            // What was written from the table, too.
            let copy = Csv::new("copy", "");
            write_csv(&copy.0, train).unwrap();
            let again = copy.read_with(&reader.clone().following(train));
            assert_eq!(n_unseen(train, &again, "shop"), 0, "{cells:?}");
        }
        // Both ways name levels alike.
        assert_eq!(texts(&made, "shop"), texts(&told, "shop"));
    }
}

#[test]
fn a_level_has_one_name_in_training_and_new_rows() {
    for (train, new, expected) in [
        // A cell that cannot be one of the levels is missing.
        ("1\n2\n3\n", "1.0\n2.0\n \n", ["1", "2", ""]),
        ("1.0\n2.0\n", "1\n02\n2.00\n", ["1", "2", "2"]),
        ("True\nFalse\n", "1.0\n0\ntrue\n", ["true", "false", "true"]),
        ("0\n1\n", "True\nFalse\n1.0\n", ["1", "0", "1"]),
        ("CA\nNJ\n", " CA\nNJ \nTX\n", ["CA", "NJ", "TX"]),
    ] {
        let asked = TableReader::new().with_kind("k", ColumnKind::Categorical);
        let table =
            Csv::new("names", format!("k,y\n{}", train.replace('\n', ",1\n"))).read_with(&asked);
        let new = Csv::new("names_new", format!("k,y\n{}", new.replace('\n', ",1\n")));
        for reader in [TableReader::new(), asked] {
            let new = new.read_with(&reader.following(&table));
            assert_eq!(texts(&new, "k"), expected, "{train:?}");
        }
    }
    // Codes that differ as texts stay apart.
    let file = Csv::new("decimals", "icd,y\n250.0,1\n250.00,0\n");
    let table = file.read_with(&TableReader::new().with_kind("icd", ColumnKind::Categorical));
    assert_eq!(texts(&table, "icd"), ["250.0", "250.00"]);
}

#[test]
fn what_is_not_used_may_be_anything() {
    let train = Csv::new(
        "unused",
        "ref,note,w,y,x,none\n1000,8,2,1,0.5,\n1001,16,1,0,1.5,\n1002,3,1,1,2.5,\n",
    );
    let table = train
        .read_with(
            &TableReader::new()
                .with_role("ref", Role::Id)
                .with_role("note", Role::Ignored),
        )
        .with_role("w", Role::Weight)
        .unwrap()
        .with_role("y", Role::Target)
        .unwrap();
    let new = Csv::new(
        "unused_new",
        "ref,note,w,y,x,none\nT-0,call back,unknown,to be predicted,0.5,SPRING\n0001,inf,,2014-02-30,1.5,\n",
    );
    let reader = TableReader::new().following(&table);
    let new_table = new.read_with(&reader);
    assert_eq!(texts(&new_table, "ref"), ["T-0", "0001"]);
    assert_eq!(texts(&new_table, "x"), ["0.5", "1.5"]);
    assert_eq!(new_table.schema().fields()[2].role(), Role::Ignored);
    // The column without a value: its words are missing, and told.
    let of_none = new_table
        .notes()
        .iter()
        .find(|note| note.column() == Some("none"));
    assert!(
        of_none.unwrap().text().contains("\"SPRING\" in row 0"),
        "{:?}",
        new_table.notes()
    );
    let strict = reader.with_odd_cells(OddCells::Refuse);
    assert_eq!(
        new.error(&strict),
        "column \"none\", row 0: expected a number, found \"SPRING\"; \
         `with_odd_cells(OddCells::AsMissing)` takes such cells for missing"
    );
}

#[test]
fn a_word_in_new_rows_is_missing_and_counted() {
    let table = Csv::new("words", "x,b\n1,TRUE\n2,FALSE\n").read();
    let new = Csv::new("words_new", "x,b\nmany,TRUE\n2,UNKNOWN\nfew,0\n");
    let (new, summary) = TableReader::new()
        .following(&table)
        .read_with_summary(&new.0)
        .unwrap();
    assert_eq!(texts(&new, "x"), ["", "2", ""]);
    assert_eq!(texts(&new, "b"), ["true", "", "false"]);
    let odd = |name: &str| summary.column(name).unwrap().missing().odd;
    assert_eq!((odd("x"), odd("b")), (2, 1));
    assert_eq!(new.notes().len(), 2);
}

#[test]
fn files_are_read_as_other_programs_write_them() {
    let expected = ["0.034", "1.36", "-0.5"];
    let body = "0.034,1\n1.360,1\n-0.5,0\n";
    for (name, bytes) in [
        (
            "returns",
            format!("x,y\n{body}").replace('\n', "\r").into_bytes(),
        ),
        (
            "windows",
            format!("x,y\n{body}").replace('\n', "\r\n").into_bytes(),
        ),
        ("bom", format!("\u{feff}x,y\n{body}").into_bytes()),
        ("blanks", "x, y \n0.034, 1 \n1.360, 1 \n-0.5, 0 \n".into()),
        (
            "quotes",
            "x, y\n \"0.034\" , \"1\"\n\"1.360\",\"1\" \n \"-0.5\",0\n".into(),
        ),
        ("trailing", "x,y,\n0.034,1,\n1.360,1,\n-0.5,0,\n".into()),
        (
            "trailing_cells",
            "x,y\n0.034,1,\n1.360,1,\n-0.5,0,\n".into(),
        ),
        ("pandas", ",x,y\n0,0.034,1\n1,1.360,1\n2,-0.5,0\n".into()),
        (
            "r",
            "\"x\",\"y\"\n\"1\",0.034,1\n\"2\",1.360,1\n\"3\",-0.5,0\n".into(),
        ),
        ("utf16", {
            let text = format!("\u{feff}x,y\n{body}");
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
    ] {
        let file = Csv::new(name, bytes);
        let table = file.read();
        assert_eq!(texts(&table, "x"), expected, "{name}");
        assert_eq!(texts(&table, "y"), ["1", "1", "0"], "{name}");
        let fields = table.schema().fields();
        let index = fields.iter().filter(|f| f.role() == Role::Id).count();
        assert_eq!(
            index,
            usize::from(["pandas", "r"].contains(&name)),
            "{name}"
        );
        // A name that was made up is told.
        assert_eq!(
            table.notes().len(),
            fields.len() - 2,
            "{name}: {:?}",
            table.notes()
        );
        let again = file.read_with(&TableReader::new().following(&table));
        assert_eq!(texts(&again, "x"), expected);
    }
    let pandas = Csv::new("unnamed", ",x\n0,1.5\n1,2.5\n").read();
    assert_eq!(
        pandas.schema().names().collect::<Vec<_>>(),
        ["Unnamed: 0", "x"]
    );
    let comma = Csv::new("doe", "x, name,y\n0.5, \"Doe, J\",1\n").read();
    assert_eq!(texts(&comma, "name"), ["Doe, J"]);
}

#[test]
fn encodings_can_be_told() {
    let latin = Csv::new("latin", b"ville\nOrl\xe9ans\nLyon\n");
    assert_eq!(
        latin.error(&TableReader::new()),
        "row 0: expected text in UTF-8, found byte 0xe9; `with_encoding` names another encoding, \
         such as \"windows-1252\""
    );
    let reader = TableReader::new().with_encoding("latin1");
    assert_eq!(
        texts(&latin.read_with(&reader), "ville"),
        ["Orléans", "Lyon"]
    );
    let bytes: Vec<u8> = "ville\nOrléans\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let utf16 = Csv::new("utf16be", bytes);
    assert!(utf16.error(&TableReader::new()).contains("with_encoding"));
    let reader = TableReader::new().with_encoding("utf-16be");
    assert_eq!(texts(&utf16.read_with(&reader), "ville"), ["Orléans"]);
    assert!(
        latin
            .error(&TableReader::new().with_encoding("latin-9000"))
            .contains("encoding must be")
    );
    let zip = Csv::new("zipped", b"PK\x03\x04 and so on");
    assert!(zip.error(&TableReader::new()).contains("gzip"));
}

#[test]
fn headers_that_cannot_be_meant_are_refused_in_plain_words() {
    for (bytes, expected) in [
        (
            "x,x,y\n1,2,3\n",
            "column \"x\": the name stands for two columns; one of them needs another name in the first line",
        ),
        (
            "x;y\n1;2\n",
            "expected names separated by ',', found one name with ';' in it, \"x;y\"; \
                        `with_separator` says what separates cells: b';' or, if there is one column, b','",
        ),
        (
            "# exported\nx,y\n1,2\n",
            "row 0: expected 1 cell, as the header has, found 2 cells; \
                                    `with_skipped_lines` passes over lines before the header",
        ),
        (
            "x,y\n1,2,3\n4,5\n",
            "row 0: expected 2 cells, as the header has, found 3 cells; \
                 a cell with separators, quotes or line breaks in it stands in quotes; \
                 `with_separator` and `with_quote` say which",
        ),
        (
            "",
            "expected a header and at least one row, found an empty file",
        ),
        ("x,y\n", "expected at least one row, found a header only"),
    ] {
        assert_eq!(
            Csv::new("headers", bytes).error(&TableReader::new()),
            expected
        );
    }
    let skipped = Csv::new("skipped", "# exported\n\nx,y\n1,2\n");
    let table = skipped.read_with(&TableReader::new().with_skipped_lines(2));
    assert_eq!(texts(&table, "y"), ["2"]);
}

#[test]
fn identifiers_are_names_not_numbers_or_moments() {
    let rows: String = (0..40)
        .map(|i| {
            let town = if i == 7 { 6 } else { i };
            format!(
                "{i},{}.5,n{town} a,2014-01-01 10:{i}:00,{:02}/{:02}/2014,id{},{:03}\n",
                i * i,
                i % 12 + 1,
                i % 12 + 1,
                i % 20,
                i
            )
        })
        .collect();
    let file = Csv::new(
        "identifiers",
        format!("count,x,town,at,day,half,code\n{rows}"),
    );
    let (table, summary) = TableReader::new().read_with_summary(&file.0).unwrap();
    let found: Vec<&str> = summary.identifiers().map(ColumnSummary::name).collect();
    assert_eq!(found, ["town", "code"], "{summary}");
    let as_ids = file.read_with(&TableReader::new().with_identifiers(Identifiers::AsIds));
    let roles = as_ids
        .schema()
        .fields()
        .iter()
        .filter(|f| f.role() == Role::Id);
    assert_eq!(roles.map(Field::name).collect::<Vec<_>>(), ["town", "code"]);
    assert_eq!(kind(&table, "count"), ColumnKind::Numeric);
}

#[test]
fn options_for_columns_that_are_not_there_are_refused() {
    let file = Csv::new("absent", "x,y\n1,2\n");
    let reader = TableReader::new().with_kind(Columns::names(["z"]), ColumnKind::Categorical);
    assert_eq!(
        file.error(&reader),
        "column \"z\": no such column; the table has x, y"
    );
}
