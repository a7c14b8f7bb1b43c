//! What must hold of any bytes that are read as a CSV file.

use stackfold::data::parse::{DateFormat, Infinities, OddCells};
use stackfold::data::{ColumnKind, Columns, MISSING_CODE, Table, TableReader};

/// Reads a file with options. The first line of `bytes` has a letter for each option; what follows is
/// the file.
///
/// # Panics
/// If the file is neither read nor refused in words, or if a table that was read is not what the same
/// file is when it is read once more, following that table.
pub(super) fn check(bytes: &[u8]) {
    let end = bytes.iter().position(|&b| b == b'\n');
    let (options, file) = bytes.split_at(end.map_or(0, |end| end + 1));
    let reader = reader(options);
    let table = match reader.read_csv_bytes(file) {
        Ok(table) => table,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let again = reader
        .read_csv_bytes(file)
        .expect("what was read once is read again");
    assert_eq!(format!("{table:?}"), format!("{again:?}"));
    let mut levels = table.clone();
    for name in table.schema().names() {
        levels = levels.with_categorical(name).expect("the column is there");
    }
    // A kind that is asked for goes before that of the table to follow.
    if options.iter().any(|option| b"cnbdt".contains(option)) {
        return;
    }
    for known in [&table, &levels] {
        if let Ok(again) = reader.clone().following(known).read_csv_bytes(file) {
            assert_eq!(again.n_rows(), table.n_rows());
            assert_known(known, &again);
        }
    }
}

/// Each level of the table read again is one of the table.
fn assert_known(table: &Table, again: &Table) {
    for name in table.schema().names() {
        // What had to be rounded is another number now.
        let mut notes = table
            .notes()
            .iter()
            .filter(|note| note.column() == Some(name));
        if notes.any(|note| note.text().contains("rounded")) {
            continue;
        }
        let columns = [table, again].map(|t| t.column(name).expect("the column is there").codes());
        let [Some((_, known)), Some((codes, levels))] = columns else {
            continue;
        };
        let known = known.codes_of(levels);
        let unseen = codes
            .iter()
            .find(|&&code| code != MISSING_CODE && known[code as usize] == MISSING_CODE);
        let unseen = unseen.and_then(|&code| levels.name(code));
        assert_eq!(unseen, None, "column {name:?}");
    }
}

fn reader(options: &[u8]) -> TableReader {
    let mut reader = TableReader::new();
    for option in options {
        reader = match option {
            b';' => reader.with_separator(b';'),
            b'|' => reader.with_separator(b'|'),
            b',' => reader.with_decimal(','),
            b'.' => reader.with_thousands_separator(None),
            b'q' => reader.with_quote(None),
            b'Q' => reader.with_quote(Some(b'\'')),
            b's' => reader.with_skipped_lines(1),
            b'm' => reader.with_missing(["-", "0"]),
            b'M' => reader.without_default_missing(),
            b'S' => reader.with_sentinels(Columns::All, ["-1", "-1.0", " "]),
            b'r' => reader.with_odd_cells(OddCells::Refuse),
            b'o' => reader.with_odd_cells(OddCells::AsMissing),
            b'i' => reader.with_infinities(Infinities::AsMissing),
            b'c' => reader.with_kind(Columns::All, ColumnKind::Categorical),
            b'n' => reader.with_kind(Columns::All, ColumnKind::Numeric),
            b'b' => reader.with_kind(Columns::All, ColumnKind::Boolean),
            b'd' => reader.with_kind(Columns::All, ColumnKind::Datetime),
            b't' => {
                let format = DateFormat::new("%d/%m/%y %H:%M").expect("a format");
                reader.with_date_format(Columns::All, format)
            }
            b'1' => reader.with_encoding("latin1"),
            b'u' => reader.with_encoding("utf-16le"),
            b'j' => reader.with_encoding("shift_jis"),
            _ => reader,
        };
    }
    reader
}
