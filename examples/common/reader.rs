//! The options of a command line that say how files are read.

use stackfold::data::parse::{DateFormat, OddCells};
use stackfold::data::{Columns, Table, TableReader};

use super::args::{Args, Exit};

/// Names of the options, for [`Args::read`].
pub const OPTIONS: [&str; 9] = [
    "missing",
    "separator",
    "decimal",
    "thousands",
    "encoding",
    "skip-lines",
    "date-format",
    "odd-cells",
    "quote",
];

/// The lines of a usage text that are about them.
pub const USAGE: &str = "\
    [--missing TEXT ...] [--separator ,] [--decimal .] [--thousands CHARACTER|none] [--quote CHARACTER|none]
    [--encoding utf-8] [--skip-lines 0] [--date-format COLUMN=%d/%m/%Y ...] [--odd-cells missing|refuse]";

/// A reader with these options.
pub fn reader(args: &Args) -> Result<TableReader, Exit> {
    let mut reader = TableReader::new().with_missing(args.all("missing").to_vec());
    if let Some(separator) = args.text("separator") {
        let separator = if separator == "\\t" { "\t" } else { separator };
        reader = reader.with_separator(byte("separator", separator)?);
    }
    if let Some(decimal) = args.text("decimal") {
        reader = reader.with_decimal(character("decimal", decimal)?);
    }
    match args.text("thousands") {
        None => {}
        Some("none") => reader = reader.with_thousands_separator(None),
        Some(text) => {
            reader = reader.with_thousands_separator(Some(character("thousands", text)?));
        }
    }
    match args.text("quote") {
        None => {}
        Some("none") => reader = reader.with_quote(None),
        Some(text) => reader = reader.with_quote(Some(byte("quote", text)?)),
    }
    if let Some(encoding) = args.text("encoding") {
        reader = reader.with_encoding(encoding);
    }
    reader = reader.with_skipped_lines(args.number("skip-lines", 0)?);
    for text in args.all("date-format") {
        let (column, format) = text
            .split_once('=')
            .ok_or_else(|| Exit::usage("--date-format must be COLUMN=FORMAT"))?;
        reader = reader.with_date_format(Columns::names([column]), DateFormat::new(format)?);
    }
    if args.text("odd-cells").is_some() {
        reader = reader.with_odd_cells(match args.choice("odd-cells", &["missing", "refuse"])? {
            "refuse" => OddCells::Refuse,
            _ => OddCells::AsMissing,
        });
    }
    Ok(reader)
}

/// Prints what was met while a file was read.
pub fn print_notes(path: &str, table: &Table) {
    for note in table.notes() {
        eprintln!("note: {path}: {note}");
    }
}

fn character(option: &str, text: &str) -> Result<char, Exit> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(character), None) => Ok(character),
        _ => Err(Exit::usage(format!(
            "--{option} must be one character, not {text:?}"
        ))),
    }
}

fn byte(option: &str, text: &str) -> Result<u8, Exit> {
    u8::try_from(character(option, text)?)
        .ok()
        .filter(u8::is_ascii)
        .ok_or_else(|| {
            Exit::usage(format!(
                "--{option} must be one ASCII character, not {text:?}"
            ))
        })
}
