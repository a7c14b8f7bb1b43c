//! The names of a CSV file's columns.

use std::collections::HashSet;

use super::Dialect;
use super::cells::not_utf8;
use crate::data::{Note, Role, UniqueNames};
use crate::error::{Error, ErrorKind, Result};

/// What the first line and the records after it say of the columns.
#[derive(Debug)]
pub(super) struct Header {
    /// The cells of the first line, without blanks around them.
    pub(super) cells: Vec<String>,
    /// A name for each column.
    pub(super) names: Vec<String>,
    /// The role of a column that names the rows.
    pub(super) index: Option<(String, Role)>,
    pub(super) notes: Vec<Note>,
}

impl Header {
    /// The names in the first line, `line`, given some records after it as their cells.
    ///
    /// # Errors
    /// If a name stands twice, or the line is not UTF-8 or looks like one with another separator.
    pub(super) fn new(line: &[u8], records: &[Vec<String>], dialect: Dialect) -> Result<Self> {
        if let Err(error) = std::str::from_utf8(line) {
            return Err(not_utf8(line[error.valid_up_to()]));
        }
        if line.contains(&0) {
            let error = Error::data("names in the first line", "a byte of value 0");
            return Err(error.with_remedy(
                "if the file is written in UTF-16, `with_encoding(\"utf-16le\")` says so",
            ));
        }
        let cells = split(line, dialect)?;
        check_separator(&cells, dialect)?;
        let mut header = Self {
            names: cells.clone(),
            cells,
            index: None,
            notes: Vec::new(),
        };
        let n = header.cells.len();
        let is_comment = header.cells[0].starts_with('#');
        let has_more = |cells: &Vec<String>| cells.len() == n + 1 && !is_comment;
        let mut names = UniqueNames::beside(header.cells.iter().map(String::as_str));
        if !records.is_empty() && records.iter().all(has_more) {
            if records.iter().all(|cells| cells[n].is_empty()) {
                header.names.push(String::new());
            } else {
                header.names.insert(0, names.take("row_names".to_owned()));
                header.set_index("there is one name fewer than columns, as R writes row names");
            }
        }
        let n_columns = header.names.len();
        for i in 0..n_columns {
            if !header.names[i].is_empty() {
                continue;
            }
            header.names[i] = names.take(format!("Unnamed: {i}"));
            if i == 0 && n_columns > 1 {
                header.set_index("the first column has no name, as pandas writes its index");
            } else {
                let note = Note::new("the column has no name in the first line");
                header.notes.push(note.in_column(&header.names[i]));
            }
        }
        let mut seen = HashSet::new();
        if let Some(name) = header.names.iter().find(|name| !seen.insert(name.as_str())) {
            let error = Error::new(ErrorKind::DuplicateColumn).in_column(name);
            return Err(error.with_remedy("one of them needs another name in the first line"));
        }
        Ok(header)
    }

    /// The first column names the rows.
    fn set_index(&mut self, why: &str) {
        let note = Note::new(format!("{why}; the column gets the role id"));
        self.notes.push(note.in_column(&self.names[0]));
        self.index = Some((self.names[0].clone(), Role::Id));
    }
}

/// Refuses a header of one name in which another separator stands, unless one was asked for.
fn check_separator(cells: &[String], dialect: Dialect) -> Result<()> {
    let [cell] = cells else {
        return Ok(());
    };
    let others = [b';', b'\t', b'|', b','].into_iter();
    let mut others = others.filter(|&b| b != dialect.separator && cell.contains(char::from(b)));
    let Some(other) = others.next().filter(|_| !dialect.is_separator_given) else {
        return Ok(());
    };
    let shown = |byte: u8| format!("{:?}", char::from(byte));
    Err(Error::data(
        format!("names separated by {}", shown(dialect.separator)),
        format!("one name with {} in it, {cell:?}", shown(other)),
    )
    .with_remedy(format!(
        "`with_separator` says what separates cells: b{} or, if there is one column, b{}",
        shown(other),
        shown(dialect.separator)
    )))
}

/// The cells of a line, without blanks around them.
///
/// # Errors
/// If a quote is not closed.
pub(super) fn split(line: &[u8], dialect: Dialect) -> Result<Vec<String>> {
    let mut cells = Vec::new();
    let mut cell = Vec::new();
    let (mut is_open, mut at_start) = (false, true);
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if Some(byte) == dialect.quote && (is_open || at_start) {
            if is_open && bytes.peek() == Some(&byte) {
                bytes.next();
                cell.push(byte);
            } else {
                is_open = !is_open;
            }
            at_start = false;
        } else if byte == dialect.separator && !is_open {
            cells.push(std::mem::take(&mut cell));
            at_start = true;
        } else {
            cell.push(byte);
            at_start &= byte == b' ';
        }
    }
    if is_open {
        return Err(Error::data("a closing quote", "the end of the file"));
    }
    cells.push(cell);
    let text = |cell: &Vec<u8>| String::from_utf8_lossy(cell).trim().to_owned();
    Ok(cells.iter().map(text).collect())
}
