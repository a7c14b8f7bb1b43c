//! A CSV file as blocks of whole records.

use std::io::Read;
use std::ops::{ControlFlow, Range};

use memchr::{memchr, memchr_iter};

use super::Dialect;
use super::bytes::for_each_place;
use super::source::Bytes;

/// How many bytes are read at a time, and how many of them one task parses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) block: usize,
    pub(super) tile: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            block: 4 << 20,
            tile: 1 << 17,
        }
    }
}

/// Bytes of whole records, and where the tiles of these are: whole records again.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) tiles: Vec<Range<usize>>,
}

/// Blocks of a file, one after the other.
pub(super) struct Blocks<'a> {
    reader: Bytes<'a>,
    dialect: Dialect,
    sizes: Sizes,
    /// What follows the last block.
    rest: Vec<u8>,
    is_first: bool,
    is_at_end: bool,
}

impl<'a> Blocks<'a> {
    /// Passes over a byte order mark.
    pub(super) fn new(reader: Bytes<'a>, dialect: Dialect, sizes: Sizes) -> std::io::Result<Self> {
        let mut blocks = Self {
            reader,
            dialect,
            sizes,
            rest: Vec::new(),
            is_first: true,
            is_at_end: false,
        };
        blocks.rest = blocks.filled(Vec::new(), 3)?;
        if blocks.rest.starts_with(b"\xef\xbb\xbf") {
            blocks.rest.clear();
        }
        Ok(blocks)
    }

    /// Passes over the lines before the header.
    fn skip_lines(&mut self) -> std::io::Result<()> {
        for _ in 0..self.dialect.n_skipped_lines {
            loop {
                let bytes = std::mem::take(&mut self.rest);
                if let Some(end) = memchr(b'\n', &bytes) {
                    self.rest = bytes[end + 1..].to_vec();
                    break;
                }
                if self.is_at_end {
                    return Ok(());
                }
                let least = 2 * bytes.len().max(self.sizes.tile);
                self.rest = self.filled(bytes, least)?;
            }
        }
        Ok(())
    }

    /// The next records, `n` of them if there are as many near by; they stay to be read.
    pub(super) fn peek(&mut self, n: usize) -> std::io::Result<Vec<Vec<u8>>> {
        const NEAR: usize = 1 << 20;
        let mut least = 1 << 12;
        loop {
            let bytes = std::mem::take(&mut self.rest);
            self.rest = self.filled(bytes, least)?;
            let (mut records, mut start) = (Vec::new(), 0);
            for_each_end(&self.rest, self.dialect, |end| {
                records.push(self.rest[start..end].trim_ascii_end().to_vec());
                start = end;
                if records.len() < n {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            if records.len() < n && self.is_at_end && start < self.rest.len() {
                records.push(self.rest[start..].trim_ascii_end().to_vec());
            }
            if records.len() == n || self.is_at_end || self.rest.len() >= NEAR {
                return Ok(records);
            }
            least = 2 * self.rest.len().max(least);
        }
    }

    /// The header's bytes without the line break; none if the file is empty.
    pub(super) fn header(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        self.skip_lines()?;
        let Some(mut block) = self.next()? else {
            return Ok(None);
        };
        let mut end = block.bytes.len();
        for_each_end(&block.bytes, self.dialect, |place| {
            end = place;
            ControlFlow::Break(())
        });
        self.rest.splice(..0, block.bytes.drain(end..));
        self.is_first = true;
        let mut header = block.bytes;
        if header.last() == Some(&b'\n') {
            header.pop();
        }
        if header.last() == Some(&b'\r') {
            header.pop();
        }
        Ok(Some(header))
    }

    /// The next block; none at the end.
    ///
    /// A block has more bytes than asked for only if a record has. The first is a single tile, to
    /// learn from it.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Block>> {
        let mut least = if self.is_first {
            self.sizes.tile
        } else {
            self.sizes.block
        };
        let mut bytes = std::mem::take(&mut self.rest);
        loop {
            bytes = self.filled(bytes, least)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let (mut tiles, mut end) = (Vec::new(), 0);
            let mut start = 0;
            for_each_end(&bytes, self.dialect, |place| {
                end = place;
                if end - start >= self.sizes.tile {
                    tiles.push(start..end);
                    start = end;
                }
                ControlFlow::Continue(())
            });
            if self.is_at_end {
                end = bytes.len();
            }
            if end > 0 {
                if start < end {
                    tiles.push(start..end);
                }
                self.rest = bytes[end..].to_vec();
                bytes.truncate(end);
                self.is_first = false;
                return Ok(Some(Block { bytes, tiles }));
            }
            least = 2 * bytes.len().max(least);
        }
    }

    /// Reads on until there are so many bytes, or no more.
    fn filled(&mut self, mut bytes: Vec<u8>, least: usize) -> std::io::Result<Vec<u8>> {
        if !self.is_at_end && bytes.len() < least {
            let missing = least - bytes.len();
            bytes.reserve_exact(missing);
            let n = self
                .reader
                .by_ref()
                .take(missing as u64)
                .read_to_end(&mut bytes)?;
            self.is_at_end = n < missing;
        }
        Ok(bytes)
    }
}

/// Calls `visit` with the place after each record that a line break ends; one inside quotes is none.
pub(super) fn for_each_end(
    bytes: &[u8],
    dialect: Dialect,
    mut visit: impl FnMut(usize) -> ControlFlow<()>,
) {
    let Some(quote) = dialect
        .quote
        .filter(|&quote| memchr(quote, bytes).is_some())
    else {
        let _ = memchr_iter(b'\n', bytes).try_for_each(|place| visit(place + 1));
        return;
    };
    let (mut is_open, mut last_quote) = (false, None);
    for_each_place(bytes, [b'\n', quote], |place, byte| {
        if byte == quote {
            let before = place.checked_sub(1);
            let mut head = bytes[..place].iter().rev().skip_while(|&&b| b == b' ');
            let is_first = head
                .next()
                .is_none_or(|b| [b'\n', dialect.separator].contains(b));
            // A quote after the one that seemed to close the cell: they stand for one in the cell.
            let is_doubled = before.is_some() && before == last_quote;
            if is_open {
                is_open = false;
                last_quote = Some(place);
            } else if is_first || is_doubled {
                is_open = true;
                last_quote = None;
            }
        } else if !is_open {
            return visit(place + 1);
        }
        ControlFlow::Continue(())
    });
}
