//! Records cut into cells.

use std::ops::ControlFlow;

use memchr::memchr;

use super::Dialect;
use super::blocks::for_each_end;
use super::bytes::for_each_place;
use super::header::Header;
use crate::data::parse::{Bounds, Cut, UNESCAPED};
use crate::error::{Error, Result};

/// The cells of some records, each of which has as many as there are columns.
pub(super) struct Cells<'a> {
    text: &'a str,
    /// The cells that have quotes inside.
    unescaped: String,
    bounds: &'a [Bounds],
    n_columns: usize,
    /// The rows before which the header was met again, which is no row.
    pub(super) repeated_headers: Vec<usize>,
}

/// What the place of the cell that is being read is.
#[derive(Clone, Copy)]
enum At {
    /// Not inside of quotes.
    Plain,
    Open,
    /// After the quote at this place.
    Closed(usize),
}

impl<'a> Cells<'a> {
    /// Cuts records; `room` is for the bounds of cells.
    ///
    /// A record that repeats the header, of two columns or more, is left out.
    ///
    /// # Errors
    /// If the records are not UTF-8 or one has another number of cells; rows are counted from the
    /// first of these records.
    pub(super) fn cut(
        bytes: &'a [u8],
        header: &Header,
        dialect: Dialect,
        room: &'a mut Vec<Bounds>,
    ) -> Result<Self> {
        let n_columns = header.names.len();
        if bytes.len() >= UNESCAPED as usize {
            return Err(Error::unsupported("a record of more than 2 GiB"));
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let end = error.valid_up_to();
                let row = n_rows(&bytes[..end], n_columns, dialect);
                return Err(not_utf8(bytes[end]).in_row(row));
            }
        };
        room.clear();
        let mut cutter = Cutter {
            text,
            dialect,
            n_columns,
            bounds: room,
            unescaped: String::new(),
            start: 0,
            first: 0,
            at: At::Plain,
            has_doubled: false,
            header: &header.cells,
            repeated_headers: Vec::new(),
            error: None,
        };
        let separator = dialect.separator;
        let quote = dialect
            .quote
            .filter(|&quote| memchr(quote, bytes).is_some());
        match quote {
            None => for_each_place(bytes, [separator, b'\n'], |place, byte| {
                cutter.end_of_cell(place, byte)
            }),
            Some(quote) => for_each_place(bytes, [separator, b'\n', quote], |place, byte| {
                cutter.byte(place, byte, quote)
            }),
        }
        cutter.end_of_text();
        if let Some(error) = cutter.error {
            return Err(error);
        }
        let (unescaped, repeated_headers) = (cutter.unescaped, cutter.repeated_headers);
        Ok(Self {
            text,
            unescaped,
            bounds: room,
            n_columns,
            repeated_headers,
        })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.bounds.len() / self.n_columns
    }

    pub(super) fn column(&self, column: usize) -> Cut<'_> {
        Cut::new(
            self.text,
            &self.unescaped,
            self.bounds,
            self.n_columns,
            column,
        )
    }
}

struct Cutter<'a, 'b> {
    text: &'a str,
    dialect: Dialect,
    n_columns: usize,
    bounds: &'b mut Vec<Bounds>,
    unescaped: String,
    /// Where the cell starts, and the bounds of its record.
    start: usize,
    first: usize,
    at: At,
    /// Whether the cell has two quotes for one.
    has_doubled: bool,
    /// The cells of the header.
    header: &'b [String],
    repeated_headers: Vec<usize>,
    error: Option<Error>,
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "texts are shorter than 2 GiB"
)]
impl Cutter<'_, '_> {
    /// A separator, a line break or a quote.
    #[inline]
    fn byte(&mut self, place: usize, byte: u8, quote: u8) -> ControlFlow<()> {
        match self.at {
            At::Plain if byte != quote => return self.end_of_cell(place, byte),
            At::Plain => {
                let before = &self.text.as_bytes()[self.start..place];
                // Blanks before a quote are no part of the cell.
                if before.iter().all(|&b| b == b' ') {
                    self.start = place;
                    self.at = At::Open;
                    self.has_doubled = false;
                }
            }
            At::Open => {
                if byte == quote {
                    self.at = At::Closed(place);
                }
            }
            At::Closed(close) if byte != quote => return self.end_of_quoted(close, place, byte),
            At::Closed(close) => {
                if place != close + 1 {
                    return self.after_quotes();
                }
                self.at = At::Open;
                self.has_doubled = true;
            }
        }
        ControlFlow::Continue(())
    }

    /// A separator or a line break outside of quotes.
    #[inline]
    fn end_of_cell(&mut self, place: usize, byte: u8) -> ControlFlow<()> {
        let start = self.start;
        self.start = place + 1;
        if byte != b'\n' {
            self.bounds.push((start as u32, place as u32));
            return ControlFlow::Continue(());
        }
        self.end_of_record(start, place)
    }

    fn end_of_record(&mut self, start: usize, place: usize) -> ControlFlow<()> {
        let is_return = place > start && self.text.as_bytes()[place - 1] == b'\r';
        let end = place - usize::from(is_return);
        // An empty line is no row, unless it is the one empty cell of the one column.
        if end == start && self.bounds.len() == self.first && self.n_columns > 1 {
            return ControlFlow::Continue(());
        }
        self.bounds.push((start as u32, end as u32));
        self.check_record()
    }

    /// A cell whose closing quote is at `close`.
    fn end_of_quoted(&mut self, close: usize, place: usize, byte: u8) -> ControlFlow<()> {
        let after = &self.text.as_bytes()[close + 1..place];
        let is_record = byte == b'\n';
        let after = match after {
            [blanks @ .., b'\r'] if is_record => blanks,
            _ => after,
        };
        if !after.iter().all(|&b| b == b' ') {
            return self.after_quotes();
        }
        let start = self.start + 1;
        self.start = place + 1;
        self.at = At::Plain;
        if self.has_doubled {
            let quote = char::from(self.dialect.quote.unwrap_or_default());
            let from = self.unescaped.len();
            let mut doubled = [0; 8];
            let doubled: &str = {
                let n = quote.encode_utf8(&mut doubled).len();
                doubled.copy_within(..n, n);
                std::str::from_utf8(&doubled[..2 * n]).unwrap_or_default()
            };
            let cell = self.text.get(start..close).unwrap_or_default();
            for (i, piece) in cell.split(doubled).enumerate() {
                if i > 0 {
                    self.unescaped.push(quote);
                }
                self.unescaped.push_str(piece);
            }
            let to = self.unescaped.len() as u32;
            self.bounds.push((from as u32 | UNESCAPED, to));
        } else {
            self.bounds.push((start as u32, close as u32));
        }
        if is_record {
            return self.check_record();
        }
        ControlFlow::Continue(())
    }

    fn check_record(&mut self) -> ControlFlow<()> {
        let n_cells = self.bounds.len() - self.first;
        if n_cells == self.n_columns {
            if self.is_header() {
                self.repeated_headers.push(self.first / self.n_columns);
                self.bounds.truncate(self.first);
            }
            self.first = self.bounds.len();
            return ControlFlow::Continue(());
        }
        let cells = |n: usize| format!("{n} cell{}", if n == 1 { "" } else { "s" });
        let expected = format!("{}, as the header has", cells(self.n_columns));
        let error = Error::data(expected, cells(n_cells));
        self.refuse(
            if self
                .header
                .first()
                .is_some_and(|name| name.starts_with('#'))
            {
                error.with_remedy("`with_skipped_lines` passes over lines before the header")
            } else {
                error.with_remedy(
                    "a cell with separators, quotes or line breaks in it stands in quotes; \
                     `with_separator` and `with_quote` say which",
                )
            },
        )
    }

    /// Whether the record that has just been cut is the header once more.
    #[inline]
    fn is_header(&self) -> bool {
        let record = &self.bounds[self.first..];
        // Cells with quotes inside are taken for others.
        let is = |(bounds, name): (&Bounds, &String)| {
            let (start, end) = (bounds.0 as usize, bounds.1 as usize);
            end.wrapping_sub(start) == name.len() && self.text.get(start..end) == Some(name)
        };
        self.n_columns > 1 && record.iter().zip(self.header).all(is)
    }

    fn after_quotes(&mut self) -> ControlFlow<()> {
        let found = "a cell that goes on after its closing quote";
        let error = Error::data("quotes only around whole cells", found);
        self.refuse(error.with_remedy(
            "a quote in a quoted cell is written twice; `with_quote(None)` takes quotes as they are",
        ))
    }

    fn refuse(&mut self, error: Error) -> ControlFlow<()> {
        self.error = Some(error.in_row(self.first / self.n_columns));
        ControlFlow::Break(())
    }

    /// The last record may do without a line break.
    fn end_of_text(&mut self) {
        let end = self.text.len();
        let is_done = self.start == end && self.bounds.len() == self.first;
        if self.error.is_some() || is_done {
            return;
        }
        // Nothing follows, so whether it breaks off does not matter.
        let _ = match self.at {
            At::Plain => self.end_of_record(self.start, end),
            At::Closed(close) => self.end_of_quoted(close, end, b'\n'),
            At::Open => {
                let error = Error::data("a closing quote", "the end of the file");
                self.refuse(error.with_remedy("`with_quote(None)` takes quotes as they are"))
            }
        };
    }
}

pub(super) fn not_utf8(byte: u8) -> Error {
    let error = Error::data("text in UTF-8", format!("byte 0x{byte:02x}"));
    error.with_remedy("`with_encoding` names another encoding, such as \"windows-1252\"")
}

/// How many rows end in these bytes.
fn n_rows(bytes: &[u8], n_columns: usize, dialect: Dialect) -> usize {
    let (mut n, mut start) = (0, 0);
    for_each_end(bytes, dialect, |end| {
        let is_blank = matches!(&bytes[start..end], b"\n" | b"\r\n");
        n += usize::from(!is_blank || n_columns == 1);
        start = end;
        ControlFlow::Continue(())
    });
    n
}
