//! Tests of reading and writing tables, of what is inferred, and of the Homesite look-alike.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use proptest::prelude::*;
use stackfold::ErrorKind;
use stackfold::data::parse::{DateFormat, Infinities, MissingCounts, TextRules};
use stackfold::data::summary::{ColumnSummary, Content, Summary};
use stackfold::prelude::*;

#[allow(
    dead_code,
    reason = "the example uses what the tests do not, and the other way round"
)]
#[path = "../../examples/homesite/look_alike.rs"]
mod look_alike;

fn parse(rules: &TextRules, cells: &[&str]) -> Result<(Column, MissingCounts)> {
    rules.parse(cells.iter().map(|&c| (!c.is_empty()).then_some(c)))
}

fn kind(cells: &[&str]) -> ColumnKind {
    parse(&TextRules::new(), cells).unwrap().0.kind()
}

fn texts(column: &Column) -> Vec<String> {
    (0..column.len())
        .map(|row| column.text(row).unwrap_or_default().into_owned())
        .collect()
}

#[test]
fn kinds_are_inferred_from_all_cells() {
    use ColumnKind::{Boolean, Categorical, Date, Datetime, Numeric};
    for (cells, expected) in [
        (&["1", "", "-3", "+4"][..], Numeric),
        (&["1.5", "2e3", ".5", "-0.0"], Numeric),
        (&["935", "1,113", "1,234,567.5"], Numeric),
        (&["935", "1,13"], Categorical),
        (&["1", "2", "3", "x"], Categorical),
        (&["007", "12"], Categorical),
        (&["12", "007"], Categorical),
        (&["0", "0.5"], Numeric),
        (&["true", "False", ""], Boolean),
        (&["true", "maybe"], Categorical),
        (&["T", "F"], Categorical),
        (&["2014-03-03", "", "2013-01-01"], Date),
        (&["2014-03-03", "2014-03-03 14:05"], Datetime),
        (&["2014-03-03T14:05:00.25Z", "2014-03-03"], Datetime),
        (&["2014-03-03", "soon"], Categorical),
        (&["03/03/2014"], Categorical),
        (&["", "NA", ""], Numeric),
        (&["nan", "NaN"], Numeric),
        (&["infinite", "x"], Categorical),
    ] {
        assert_eq!(kind(cells), expected, "{cells:?}");
    }
}

#[test]
fn numbers_keep_their_value_and_levels_their_text() {
    let (column, _) = parse(&TextRules::new(), &["1,113", " 935 ", "-1,000.5"]).unwrap();
    assert_eq!(texts(&column), ["1113", "935", "-1000.5"]);
    let large = ["9007199254740993", "1"];
    let (column, _) = parse(&TextRules::new(), &large).unwrap();
    let as_text = TextRules::new().with_kind(ColumnKind::Categorical);
    assert_eq!(column.kind(), ColumnKind::Numeric);
    let cells = ["1", "1.0", "007", " "];
    let (column, _) = parse(&as_text, &cells).unwrap();
    assert_eq!(texts(&column), cells);
    let plain = TextRules::new().with_thousands_separator(None);
    let (column, _) = parse(&plain, &["1,113", "935"]).unwrap();
    assert_eq!(column.kind(), ColumnKind::Categorical);
}

#[test]
fn missing_cells_are_counted_by_cause() {
    let rules = TextRules::new().with_sentinels(["-1", "?"]);
    let cells = ["3", "-1", "", "-1.0", "?", " ? ", "NA", "NaN", "4"];
    let (column, missing) = parse(&rules, &cells).unwrap();
    assert_eq!(
        (column.kind(), column.n_missing()),
        (ColumnKind::Numeric, 7)
    );
    assert_eq!((missing.null, missing.nan, missing.total()), (1, 1, 7));
    let sentinels = [("-1", 2), ("?", 2), ("NA", 1)].map(|(s, n)| (s.to_owned(), n));
    assert_eq!(missing.sentinels, sentinels);

    let blank = TextRules::new().with_sentinels([" "]);
    let (column, missing) = parse(&blank, &["Y", " ", "N", "-1"]).unwrap();
    assert_eq!(texts(&column), ["Y", "", "N", "-1"]);
    assert_eq!(missing.sentinels, [(" ".to_owned(), 1)]);

    let none = TextRules::new().without_default_missing();
    let (column, _) = parse(&none, &["NA", "x"]).unwrap();
    assert_eq!(column.n_missing(), 0);
}

#[test]
fn cells_that_do_not_fit_name_their_row() {
    let numeric = TextRules::new().with_kind(ColumnKind::Numeric);
    let error = parse(&numeric, &["1", "", "x1"]).unwrap_err();
    let remedy = "`with_odd_cells(OddCells::AsMissing)` takes such cells for missing";
    assert_eq!(
        error.to_string(),
        format!(r#"row 2: expected a number, found "x1"; {remedy}"#)
    );
    let error = parse(&TextRules::new(), &["2014-02-27", "2014-02-30"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"row 1: expected a date, found "2014-02-30"; `with_kind` makes the column categorical"#
    );
    let boolean = TextRules::new().with_kind(ColumnKind::Boolean);
    let (column, _) = parse(&boolean, &["Y", "no", "1", "F"]).unwrap();
    assert_eq!(texts(&column), ["true", "false", "true", "false"]);
    assert_eq!(parse(&boolean, &["1", "2"]).unwrap_err().row(), Some(1));
    let datetime = TextRules::new().with_kind(ColumnKind::Datetime);
    assert_eq!(
        parse(&datetime, &["2014-01-01T25:00"]).unwrap_err().row(),
        Some(0)
    );
}

#[test]
fn infinite_numbers_are_refused_or_missing() {
    let error = parse(&TextRules::new(), &["1", "-inf", "1e999"]).unwrap_err();
    assert_eq!(error.row(), Some(1));
    assert!(matches!(error.kind(), ErrorKind::NotFinite { found } if *found == f64::NEG_INFINITY));
    let rules = TextRules::new().with_infinities(Infinities::AsMissing);
    let (column, missing) = parse(&rules, &["1", "-inf", "1e999"]).unwrap();
    assert_eq!((column.n_missing(), missing.infinite), (2, 2));
}

#[test]
fn dates_follow_their_format() {
    let rules = |format: &str| TextRules::new().with_date_format(DateFormat::new(format).unwrap());
    let (column, _) = parse(&rules("%m/%d/%Y"), &["03/04/2014", "", "12/31/1999"]).unwrap();
    assert_eq!(texts(&column), ["2014-03-04", "", "1999-12-31"]);
    let (column, _) = parse(
        &rules("%d-%b-%y %H:%M"),
        &["5-Jan-68 7:30", "5-jan-69 07:30"],
    )
    .unwrap();
    assert_eq!(
        texts(&column),
        ["2068-01-05T07:30:00", "1969-01-05T07:30:00"]
    );
    let error = parse(&rules("%d/%m/%Y"), &["01/01/2014", "12/31/2014"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1: expected a date written as %d/%m/%Y, found \"12/31/2014\"; \
         `with_odd_cells(OddCells::AsMissing)` takes such cells for missing"
    );
    assert!(DateFormat::new("%d/%m").is_err() && DateFormat::new("%Q").is_err());
    // 14:05 an hour east of Greenwich is 13:05 there.
    let (column, _) = parse(&TextRules::new(), &["2014-03-03T14:05:00+01:00"]).unwrap();
    assert_eq!(texts(&column), ["2014-03-03T13:05:00"]);
}

proptest! {
    #[test]
    fn any_number_survives_its_text(values in proptest::collection::vec(
        prop_oneof![
            any::<i64>().prop_map(|v| v.to_string()),
            any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(|v| v.to_string()),
            any::<i16>().prop_map(|v| v.to_string()),
        ], 1..20,
    )) {
        let cells: Vec<&str> = values.iter().map(String::as_str).collect();
        let (column, missing) = parse(&TextRules::new(), &cells).unwrap();
        prop_assert_eq!(column.kind(), ColumnKind::Numeric);
        prop_assert_eq!(missing.total(), 0);
        for (row, text) in values.iter().enumerate() {
            let found: f64 = column.text(row).unwrap().parse().unwrap();
            prop_assert_eq!(found.to_bits(), text.parse::<f64>().unwrap().to_bits());
        }
    }

    #[test]
    fn any_texts_are_a_column_or_an_error_of_one_of_them(
        cells in proptest::collection::vec("[-+0-9.,eE:TZ /ainfé]{0,12}", 0..8),
    ) {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let format = DateFormat::new("%Y-%m-%d %b %y").unwrap();
        for rules in [
            TextRules::new().with_sentinels(["-1"]),
            TextRules::new().with_date_format(format),
        ] {
            match parse(&rules, &cells) {
                Ok((column, missing)) => {
                    prop_assert_eq!(column.len(), cells.len());
                    prop_assert_eq!(column.n_missing(), missing.total());
                    for (row, cell) in cells.iter().enumerate() {
                        // An empty cell is missing whatever the column holds.
                        prop_assert!(!cell.is_empty() || column.text(row).is_none());
                    }
                }
                Err(error) => {
                    let row = error.row();
                    prop_assert!(row.is_some_and(|row| row < cells.len()), "{error}");
                    prop_assert!(error.to_string().contains("found"), "{error}");
                }
            }
        }
    }
}

#[test]
fn a_summary_says_what_a_table_holds() {
    let table = Table::new([
        ("id", Column::integers(&[Some(5), Some(6), Some(9)])),
        ("age", Column::numeric(vec![20.5, 40.0, f64::NAN])),
        (
            "state",
            Column::categorical([Some("CA"), Some("TX"), Some("CA")]),
        ),
        ("day", Column::dates(&[Some(0), None, Some(2)])),
        ("same", Column::numeric(vec![7.0; 3])),
        ("none", Column::integers(&[None; 3])),
    ])
    .unwrap()
    .with_role("id", Role::Id)
    .unwrap();
    let summary = Summary::of(&table);
    let names = |it: &mut dyn Iterator<Item = &str>| it.collect::<Vec<&str>>().join(",");
    assert_eq!(
        names(&mut summary.constants().map(ColumnSummary::name)),
        "same,none"
    );
    assert_eq!(
        names(&mut summary.identifiers().map(ColumnSummary::name)),
        ""
    );
    let age = summary.column("age").unwrap();
    assert_eq!((age.n_distinct(), age.missing().nan), (2, 1));
    assert_eq!(
        *age.content(),
        Content::Numbers {
            min: 20.5,
            mean: 30.25,
            max: 40.0
        }
    );
    let state = summary.column("state").unwrap();
    let top = vec![("CA".to_owned(), 2), ("TX".to_owned(), 1)];
    assert_eq!(*state.content(), Content::Levels(top));
    assert_eq!(
        summary.to_string(),
        [
            "3 rows, 6 columns",
            "column  kind         role     distinct  missing  min .. mean .. max, or top levels       remark",
            "id      numeric      id       3                  5 .. 6.667 .. 9",
            "age     numeric      feature  2         NaN 1    20.50 .. 30.25 .. 40",
            "state   categorical  feature  2                  \"CA\" 2, \"TX\" 1",
            "day     date         feature  2         null 1   1970-01-01 .. 1970-01-02 .. 1970-01-03",
            "same    numeric      feature  1                  7 .. 7 .. 7                             constant",
            "none    numeric      feature  0         null 3                                           all missing",
            "",
        ]
        .join("\n")
    );
}

mod look_alike_facts {
    use std::sync::OnceLock;

    use super::look_alike::{LookAlike, N_FEATURES, TARGET, best_auc};
    use super::*;

    const TRAIN: usize = 24_000;
    const TEST: usize = 16_000;

    fn data() -> &'static LookAlike {
        static DATA: OnceLock<LookAlike> = OnceLock::new();
        DATA.get_or_init(|| LookAlike::generate(TRAIN, TEST, N_FEATURES, Seed::new(1)).unwrap())
    }

    fn published(column: &str) -> Vec<String> {
        let file = include_str!("../../examples/homesite/columns.csv");
        let line = file.lines().find(|l| l.split(',').next() == Some(column));
        line.unwrap().split(',').map(str::to_owned).collect()
    }

    #[test]
    fn has_the_real_header() {
        let header: Vec<&str> = include_str!("../../examples/homesite/columns.csv")
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap())
            .collect();
        let train: Vec<&str> = data().train.table.schema().names().collect();
        assert_eq!(train, header);
        let test: Vec<&str> = data().test.table.schema().names().collect();
        let without: Vec<&str> = header.into_iter().filter(|&n| n != TARGET).collect();
        assert_eq!(test, without);
        assert_eq!(
            (data().train.table.n_rows(), data().test.table.n_rows()),
            (TRAIN, TEST)
        );
    }

    #[test]
    fn means_are_the_published_ones() {
        let mut worst: Vec<(f64, String)> = Vec::new();
        for field in data().train.table.schema().fields() {
            let line = published(field.name());
            if line[1] != "numeric" || field.name() == "QuoteNumber" {
                continue;
            }
            let [min, mean, max] = [3, 6, 8].map(|i| line[i].parse::<f64>().unwrap());
            let column = data().train.table.column(field.name()).unwrap();
            let values = column.numbers(stackfold::data::RowIndex::All(TRAIN));
            let present: Vec<f64> = values.into_iter().filter(|v| !v.is_nan()).collect();
            let found = present.iter().sum::<f64>() / present.len() as f64;
            assert!(
                present.iter().all(|v| (min..=max).contains(v)),
                "{}",
                field.name()
            );
            worst.push((
                (found - mean).abs() / (max - min).max(1e-9),
                field.name().to_owned(),
            ));
        }
        worst.sort_by(|a, b| b.0.total_cmp(&a.0));
        assert!(worst[0].0 < 0.02, "{:?}", &worst[..12]);
    }

    #[test]
    fn shares_are_the_published_ones() {
        let table = &data().train.table;
        let share = |name: &str, level: &str| {
            let column = table.column(name).unwrap();
            (0..TRAIN)
                .filter(|&r| column.text(r).as_deref() == Some(level))
                .count() as f64
                / TRAIN as f64
        };
        for (name, level, expected) in [
            ("PersonalField16", "ZA", 124_015.0),
            ("PersonalField17", "ZE", 124_015.0),
            ("PropertyField7", "O", 74_326.0),
            ("Field10", "1113", 44_940.0),
            ("GeographicField64", "CA", 94_725.0),
            ("PropertyField38", " ", 1_220.0),
            ("PropertyField37", "Y", 74_777.0),
        ] {
            let expected = expected / 260_753.0;
            assert!(
                (share(name, level) - expected).abs() < 0.012,
                "{name} {level}"
            );
        }
        for (name, expected) in [
            ("PersonalField84", 124_208.0),
            ("PropertyField29", 200_685.0),
        ] {
            let found = table.column(name).unwrap().n_missing() as f64 / TRAIN as f64;
            assert!((found - expected / 260_753.0).abs() < 0.012, "{name}");
        }
        let summary = Summary::of(table);
        let constants: Vec<&str> = summary.constants().map(ColumnSummary::name).collect();
        assert!(constants.contains(&"PropertyField6") && constants.contains(&"GeographicField10A"));
        assert_eq!(summary.column("PersonalField16").unwrap().n_distinct(), 50);
        let Content::Numbers { min, max, .. } =
            *summary.column("Original_Quote_Date").unwrap().content()
        else {
            panic!("dates are numbers");
        };
        assert_eq!((min, max), (15_706.0, 16_573.0));
    }

    #[test]
    fn pairs_are_strongly_correlated() {
        let numbers = |name: &str| {
            let column = data().train.table.column(name).unwrap();
            column.numbers(stackfold::data::RowIndex::All(TRAIN))
        };
        let (a, b) = (numbers("GeographicField46A"), numbers("GeographicField46B"));
        let n = a.len() as f64;
        let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
        let (ma, mb) = (mean(&a), mean(&b));
        let moment = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
            x.iter()
                .zip(y)
                .map(|(x, y)| (x - mx) * (y - my))
                .sum::<f64>()
                / n
        };
        let r = moment(&a, ma, &b, mb) / (moment(&a, ma, &a, ma) * moment(&b, mb, &b, mb)).sqrt();
        assert!(r > 0.93, "published 0.957, found {r}");
    }

    #[test]
    fn the_best_possible_auc_is_known() {
        assert!(
            (0.965..0.975).contains(&data().best_auc),
            "{}",
            data().best_auc
        );
        let all = [&data().train, &data().test];
        let labels: Vec<u32> = all.iter().flat_map(|p| p.converted.clone()).collect();
        let p: Vec<f64> = all.iter().flat_map(|p| p.probabilities.clone()).collect();
        let rate = f64::from(labels.iter().sum::<u32>()) / labels.len() as f64;
        assert!((rate - 0.1875).abs() < 0.005, "{rate}");
        // The AUC of the drawn labels is near the expected one.
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
        let (mut below, mut won) = (0.0, 0.0);
        for i in order {
            if labels[i] == 1 {
                won += below;
            } else {
                below += 1.0;
            }
        }
        let auc = won / (below * (labels.len() as f64 - below));
        assert!((auc - data().best_auc).abs() < 0.004, "{auc}");
    }

    #[test]
    fn the_best_auc_of_a_few_rows_is_their_mean_over_all_labels() {
        // Over all 2^4 labels weighted by their probability: pairs won over pairs, as the
        // formula has it.
        let p = [0.1, 0.4, 0.4, 0.9];
        let (mut won, mut pairs) = (0.0, 0.0);
        for labels in 0_u32..16 {
            let is = |i: usize| labels >> i & 1 == 1;
            let weight: f64 = (0..4)
                .map(|i| if is(i) { p[i] } else { 1.0 - p[i] })
                .product();
            for i in (0..4).filter(|&i| is(i)) {
                for j in (0..4).filter(|&j| !is(j)) {
                    pairs += weight;
                    won += weight
                        * match p[i].total_cmp(&p[j]) {
                            std::cmp::Ordering::Greater => 1.0,
                            std::cmp::Ordering::Equal => 0.5,
                            std::cmp::Ordering::Less => 0.0,
                        };
                }
            }
        }
        crate::support::assert_close(best_auc(&p), won / pairs, 1e-12);
    }

    #[test]
    fn the_leak_converts() {
        let part = &data().train;
        let yes = part.table.column("PropertyField37").unwrap();
        let twelve = part.table.column("PersonalField12").unwrap();
        let leak: Vec<usize> = (0..TRAIN)
            .filter(|&r| {
                yes.text(r).as_deref() == Some("Y") && twelve.text(r).as_deref() != Some("5")
            })
            .collect();
        let share = leak.len() as f64 / TRAIN as f64;
        assert!((share - 0.077).abs() < 0.006, "{share}");
        let converted: u32 = leak.iter().map(|&r| part.converted[r]).sum();
        assert!(f64::from(converted) / leak.len() as f64 > 0.98);
    }

    #[test]
    fn draws_depend_on_the_seed_alone() {
        let few = |seed: u64| LookAlike::generate(600, 400, 60, Seed::new(seed)).unwrap();
        let on_one_thread = crate::support::on_threads(1, || few(1));
        let (a, b, c) = (few(1), on_one_thread, few(2));
        assert_eq!(a.train.probabilities, b.train.probabilities);
        assert_ne!(a.train.probabilities, c.train.probabilities);
        assert_eq!(a.train.table.schema().fields().len(), 63);
        for name in a.test.table.schema().names() {
            let [x, y] = [&a, &b].map(|d| texts(d.test.table.column(name).unwrap()));
            assert_eq!(x, y, "{name}");
        }
    }
}

#[cfg(feature = "polars")]
mod files {
    use std::path::{Path, PathBuf};

    use stackfold::data::polars::{Columns, Identifiers, TableReader, write_csv, write_parquet};
    use stackfold::data::polars::{features_to_frame, table_to_frame, write_frame_csv};

    use super::*;

    /// A folder of one test's own.
    fn folder(test: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("data")
            .join(test);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn file(test: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = folder(test).join("table.csv");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn read(test: &str, text: &str) -> Result<Table> {
        TableReader::new().read(file(test, text))
    }

    /// The error's text without the file's folder.
    fn message(error: &Error) -> String {
        let text = error.to_string();
        let start = text.find("file \"").unwrap();
        let name = text.find("table.csv").unwrap();
        format!("{}{}", &text[..start + 6], &text[name..])
    }

    #[test]
    fn cells_are_cut_as_the_quotes_say() {
        let text =
            "\u{feff}a,\"b,c\",\"d \"\"e\"\"\"\r\n1,\"x,\ny\",\"\"\"q\"\"\"\r\n\r\n2,é,\"\"\r\n";
        let table = read("quotes", text).unwrap();
        let names: Vec<&str> = table.schema().names().collect();
        assert_eq!(names, ["a", "b,c", "d \"e\""]);
        assert_eq!(texts(table.column("a").unwrap()), ["1", "2"]);
        assert_eq!(texts(table.column("b,c").unwrap()), ["x,\ny", "é"]);
        assert_eq!(texts(table.column("d \"e\"").unwrap()), ["\"q\"", ""]);
        // In a table of one column an empty line is a row, its cell missing.
        let table = read("one_column", "a\n1\n\n3").unwrap();
        assert_eq!(texts(table.column("a").unwrap()), ["1", "", "3"]);
        let table = read("one_column_crlf", "a\r\nx\r\n\r\ny\r\n").unwrap();
        assert_eq!(texts(table.column("a").unwrap()), ["x", "", "y"]);
        let path = file("semicolons", "a;b\n1;'x;y'\n");
        let reader = TableReader::new()
            .with_separator(b';')
            .with_quote(Some(b'\''));
        let table = reader.read_csv(path).unwrap();
        assert_eq!(texts(table.column("b").unwrap()), ["x;y"]);
    }

    #[test]
    fn bad_files_name_the_place() {
        for (name, text, expected) in [
            (
                "empty",
                "",
                "expected a header and at least one row, found an empty file",
            ),
            (
                "header",
                "a,b\n",
                "expected at least one row, found a header only",
            ),
            (
                "twice",
                "a,b,a\n1,2,3\n",
                "column \"a\": the name stands for two columns; \
                 one of them needs another name in the first line",
            ),
            (
                "short",
                "a,b\n1,2\n3\n",
                "row 1: expected 2 cells, as the header has, found 1 cell; \
                 a cell with separators, quotes or line breaks in it stands in quotes; \
                 `with_separator` and `with_quote` say which",
            ),
            (
                "long",
                "a,b\n1,2\n\n3,4\n5,6,7\n",
                "row 2: expected 2 cells, as the header has, found 3 cells; \
                 a cell with separators, quotes or line breaks in it stands in quotes; \
                 `with_separator` and `with_quote` say which",
            ),
            (
                "open",
                "a,b\n1,2\n3,\"4\n",
                "row 1: expected a closing quote, found the end of the file; \
                 `with_quote(None)` takes quotes as they are",
            ),
            (
                "infinite",
                "a,b\n1,2\n3,inf\n",
                "column \"b\", row 1: expected a finite value, found inf; \
                 `with_infinities(Infinities::AsMissing)` takes infinite numbers for missing",
            ),
            (
                "date",
                "a\n2014-02-28\n2014-13-01\n",
                "column \"a\", row 1: expected a date, found \"2014-13-01\"; \
                 `with_kind` makes the column categorical",
            ),
        ] {
            let error = read(name, text).unwrap_err();
            let found = message(&error);
            let (place, rest) = found.split_at("file \"table.csv\"".len());
            assert_eq!(place, "file \"table.csv\"");
            assert_eq!(rest.trim_start_matches([',', ':', ' ']), expected);
        }
        let error = TableReader::new()
            .read(file("latin", b"a,b\n1,2\n3,\xe9t\xe9\n"))
            .unwrap_err();
        assert!(
            message(&error).contains("row 1: expected text in UTF-8, found byte 0xe9; "),
            "{error}"
        );
        let error = TableReader::new().read("no/such.csv").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io { .. }));
        assert_eq!(
            error.to_string().matches("no/such.csv").count(),
            1,
            "{error}"
        );
        let error = TableReader::new().read("table.xlsx").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }));
        let path = folder("not_parquet").join("table.parquet");
        std::fs::write(&path, "a,b\n1,2\n").unwrap();
        let error = TableReader::new().read(&path).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Backend { .. }), "{error}");
        let cut = folder("not_gzip").join("table.csv.gz");
        std::fs::write(&cut, [0x1f, 0x8b, 8, 0, 1, 2]).unwrap();
        assert!(TableReader::new().read(&cut).is_err());
    }

    #[test]
    fn options_reach_the_columns_they_name() {
        let path = file(
            "options",
            "id,f1,f2,when\na,-1,-1,03/04/2014\nb,5,?,04/04/2014\nc,6,7,\n",
        );
        let reader = TableReader::new()
            .with_role("id", Role::Id)
            .with_sentinels(Columns::prefix("f"), ["?"])
            .with_sentinels("f1", ["-1"])
            .with_kind(Columns::matching("^f2$").unwrap(), ColumnKind::Categorical)
            .with_date_format("when", DateFormat::new("%d/%m/%Y").unwrap());
        let (table, summary) = reader.read_with_summary(&path).unwrap();
        assert_eq!(texts(table.column("f1").unwrap()), ["", "5", "6"]);
        assert_eq!(texts(table.column("f2").unwrap()), ["-1", "", "7"]);
        assert_eq!(
            texts(table.column("when").unwrap()),
            ["2014-04-03", "2014-04-04", ""]
        );
        assert_eq!(table.schema().fields()[0].role(), Role::Id);
        let missing = |name: &str| summary.column(name).unwrap().missing().clone();
        assert_eq!(missing("f1").sentinels, [("-1".to_owned(), 1)]);
        assert_eq!(missing("f2").sentinels, [("?".to_owned(), 1)]);
        assert_eq!(missing("when").null, 1);
        assert!(Columns::matching("(").is_err());
        let error = TableReader::new()
            .with_role("it", Role::Id)
            .read(&path)
            .unwrap_err();
        assert_eq!(error.column(), Some("it"));
        let found = TableReader::new()
            .with_identifiers(Identifiers::AsIds)
            .read(&path)
            .unwrap();
        assert_eq!(found.schema().fields()[0].role(), Role::Id);
    }

    #[test]
    fn a_second_file_follows_the_first() {
        let train = file("train", "code,x,flag,y\n1.0,1,true,0\nb,2,false,1\n");
        let reader = TableReader::new().with_role("y", Role::Target);
        let train = reader.read(train).unwrap();
        // In another order, with a column more and one less; alone, `code` would be numeric.
        let test = file("test", "x,code,new,y\n3,1.0,u,1\n4,1,v,0\n");
        let test = reader.clone().following(&train).read(test).unwrap();
        assert_eq!(test.column("code").unwrap().kind(), ColumnKind::Categorical);
        assert_eq!(texts(test.column("code").unwrap()), ["1.0", "1"]);
        assert_eq!(test.column("new").unwrap().kind(), ColumnKind::Categorical);
        assert_eq!(test.schema().fields()[3].role(), Role::Target);
        assert!(test.column("flag").is_err());
        let bad = file("bad", "x,code\n3,a\nlots,b\n");
        let strict = reader
            .clone()
            .with_odd_cells(stackfold::data::parse::OddCells::Refuse);
        let error = strict.following(&train).read(bad).unwrap_err();
        assert_eq!((error.column(), error.row()), (Some("x"), Some(1)));
        // A target that the test file lacks is no error.
        let bare = file("bare", "x,code\n3,a\n");
        assert!(reader.following(&train).read(bare).is_ok());
    }

    fn of_all_kinds() -> Table {
        Table::new([
            ("small", Column::integers(&[Some(1), None, Some(-3)])),
            ("large", Column::integers(&[Some(1 << 40), Some(2), None])),
            ("real", Column::numeric(vec![0.1, f64::NAN, -2.5])),
            ("single", Column::numeric(vec![0.5, 0.25, 1.5])),
            (
                "text",
                Column::categorical([Some("a,b"), None, Some("q\"r")]),
            ),
            ("flag", Column::boolean(&[Some(true), Some(false), None])),
            ("day", Column::dates(&[Some(16_132), Some(-1), None])),
            (
                "moment",
                Column::datetimes(&[Some(1_250), None, Some(-60_000)]),
            ),
        ])
        .unwrap()
    }

    #[test]
    fn tables_survive_files_and_frames() {
        let table = of_all_kinds();
        let folder = folder("round_trip");
        let (csv, parquet) = (folder.join("table.csv"), folder.join("table.parquet"));
        write_csv(&csv, &table).unwrap();
        write_parquet(&parquet, &table).unwrap();
        let frame = table_to_frame(&table).unwrap();
        let reader = TableReader::new();
        for other in [
            reader.read(&csv).unwrap(),
            reader.read(&parquet).unwrap(),
            reader.from_frame(&frame).unwrap(),
        ] {
            assert_eq!(other.schema(), table.schema());
            for name in table.schema().names() {
                let [found, expected] = [&other, &table].map(|t| texts(t.column(name).unwrap()));
                assert_eq!(found, expected, "{name}");
            }
        }
        let left = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 2, "nothing but the two files");
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = folder("failed_write");
        let target = folder.join("taken");
        std::fs::create_dir_all(target.join("full")).unwrap();
        let error = write_csv(&target, &of_all_kinds()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io { .. }), "{error}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        assert!(write_csv(folder.join("no/such/folder.csv"), &of_all_kinds()).is_err());
    }

    #[test]
    fn frames_of_all_types_become_tables() {
        use polars_core::prelude::{DataFrame, DataType, IntoColumn, NamedFrom, Series, TimeUnit};
        let whole = Series::new("u8".into(), [Some(3_i64), None, Some(250)]);
        let cast = |name: &str, series: &Series, to: &DataType| {
            series.cast(to).unwrap().with_name(name.into())
        };
        let levels = Series::new("text".into(), [Some("b"), None, Some("a")]);
        let categories = polars_core::prelude::Categories::global();
        let mut columns = vec![
            cast("u32", &whole, &DataType::UInt32),
            cast("i32", &whole, &DataType::Int32),
            cast("u64", &whole, &DataType::UInt64),
            cast("f32", &whole, &DataType::Float32),
            cast("day", &whole, &DataType::Int32)
                .cast(&DataType::Date)
                .unwrap()
                .with_name("day".into()),
            cast(
                "moment",
                &whole,
                &DataType::Datetime(TimeUnit::Microseconds, None),
            ),
            Series::new("u64 large".into(), [u64::MAX, 0, 1]),
            Series::new("nan".into(), [Some(f64::NAN), None, Some(1.0)]),
            Series::new("flag".into(), [Some(true), None, Some(false)]),
            cast("levels", &levels, &DataType::from_categories(categories)),
            levels,
            Series::new_null("none".into(), 3),
        ];
        let frame = |columns: &[Series]| {
            let columns = columns.iter().map(|s| s.clone().into_column()).collect();
            DataFrame::new(3, columns).unwrap()
        };
        let reader = TableReader::new().with_sentinels("i32", ["250"]);
        let (table, summary) = reader.from_frame_with_summary(&frame(&columns)).unwrap();
        for (name, kind, cells) in [
            ("u32", ColumnKind::Numeric, ["3", "", "250"]),
            ("i32", ColumnKind::Numeric, ["3", "", ""]),
            ("u64", ColumnKind::Numeric, ["3", "", "250"]),
            ("f32", ColumnKind::Numeric, ["3", "", "250"]),
            ("day", ColumnKind::Date, ["1970-01-04", "", "1970-09-08"]),
            (
                "u64 large",
                ColumnKind::Categorical,
                ["18446744073709551615", "0", "1"],
            ),
            ("nan", ColumnKind::Numeric, ["", "", "1"]),
            ("flag", ColumnKind::Boolean, ["true", "", "false"]),
            ("levels", ColumnKind::Categorical, ["b", "", "a"]),
            ("text", ColumnKind::Categorical, ["b", "", "a"]),
            ("none", ColumnKind::Numeric, ["", "", ""]),
        ] {
            let column = table.column(name).unwrap();
            assert_eq!(column.kind(), kind, "{name}");
            assert_eq!(texts(column), cells, "{name}");
        }
        let moment = table.column("moment").unwrap();
        assert_eq!(
            (moment.kind(), moment.n_missing()),
            (ColumnKind::Datetime, 1)
        );
        let missing = |name: &str| summary.column(name).unwrap().missing().clone();
        assert_eq!((missing("nan").nan, missing("nan").null), (1, 1));
        assert_eq!(missing("i32").sentinels, [("250".to_owned(), 1)]);
        #[cfg(feature = "lazy")]
        {
            use polars_lazy::frame::IntoLazy;
            let lazy = TableReader::new().from_lazy(frame(&columns).lazy());
            assert_eq!(lazy.unwrap().schema(), table.schema());
        }

        columns.push(Series::new(
            "list".into(),
            vec![Series::new("".into(), [1, 2]); 3],
        ));
        let error = TableReader::new().from_frame(&frame(&columns)).unwrap_err();
        assert_eq!(error.column(), Some("list"));
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }));
        let error = TableReader::new()
            .from_frame(&DataFrame::empty())
            .unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Data { .. }));
    }

    #[test]
    fn features_become_a_frame() {
        use stackfold::data::Feature;
        let fields = vec![Feature::number("a"), Feature::number("b")];
        let features: Features<OutOfSample> =
            Features::from_columns(fields, vec![vec![1.0, f32::NAN], vec![0.5, 2.0]]).unwrap();
        let frame = features_to_frame(&features).unwrap();
        let path = folder("features").join("table.csv");
        write_frame_csv(&path, &frame).unwrap();
        let table = TableReader::new().read(path).unwrap();
        assert_eq!(texts(table.column("a").unwrap()), ["1", ""]);
        assert_eq!(texts(table.column("b").unwrap()), ["0.5", "2"]);
    }

    #[test]
    fn the_look_alike_is_the_same_from_a_file() {
        let data = look_alike::LookAlike::generate(1_500, 10, 296, Seed::new(3)).unwrap();
        let path = folder("look_alike").join("train.csv");
        look_alike::write_csv(&path, &data.train.table).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(",\"1,113\",") && text.contains(", ,"));
        let table = TableReader::new().read(&path).unwrap();
        assert_eq!(table.schema(), data.train.table.schema());
        for name in table.schema().names() {
            let [found, expected] =
                [&table, &data.train.table].map(|t| texts(t.column(name).unwrap()));
            assert_eq!(found, expected, "{name}");
        }
        let reader = TableReader::new().with_sentinels(Columns::All, ["-1", " "]);
        let (table, summary) = reader.read_with_summary(&path).unwrap();
        let coded = table.column("GeographicField10A").unwrap();
        assert_eq!(coded.n_missing(), 1_500);
        let blank = summary.column("PropertyField38").unwrap().missing();
        assert!(blank.sentinels.iter().any(|(sentinel, _)| sentinel == " "));
    }
}

/// Few levels are searched for one by one, many together.
#[test]
fn levels_are_found_among_others_however_many() {
    let names = |codes: &[u32]| {
        let names = codes.iter().map(|code| format!("l{code}")).collect();
        stackfold::data::Levels::new(names).unwrap()
    };
    let known: Vec<u32> = (0..50).map(|i| i * 37 % 50).collect();
    let levels = names(&known);
    for n in [0, 1, 2, 16, 17, 60] {
        let asked: Vec<u32> = (0..n).map(|i| i * 13 % 61).collect();
        let expected = asked.iter().map(|a| known.iter().position(|k| k == a));
        let expected: Vec<u32> = expected
            .map(|place| place.map_or(stackfold::data::MISSING_CODE, |p| u32::try_from(p).unwrap()))
            .collect();
        assert_eq!(levels.codes_of(&names(&asked)), expected);
    }
    assert_eq!(levels, names(&known));
}
