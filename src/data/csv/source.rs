//! The bytes of a CSV file: unpacked, in UTF-8, with lines that end in a line feed.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use encoding_rs::{Decoder, DecoderResult, Encoding};

use crate::error::{Error, Result};

/// How many bytes are looked at to see how lines end.
const HEAD: u64 = 1 << 16;

/// Bytes that are read once.
pub(super) type Bytes<'a> = Box<dyn Read + Send + 'a>;

/// Where a CSV file is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    File(&'a Path),
    Bytes(&'a [u8]),
}

impl Source<'_> {
    /// An error that reading it gave.
    pub(super) fn error(self, error: io::Error) -> Error {
        let name = match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes(_) => "bytes".to_owned(),
        };
        Error::io(name, &error).with_source(error)
    }

    /// How many bytes there are, compressed or not.
    pub(super) fn n_bytes(self) -> u64 {
        match self {
            Self::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// The bytes of a file; `encoding` is what it is written in, or none for UTF-8 or what a byte order
/// mark says.
pub(super) fn open<'a>(source: Source<'a>, encoding: Option<&str>) -> Result<Bytes<'a>> {
    let io = |e: io::Error| source.error(e);
    let bytes: Bytes<'a> = match source {
        Source::File(path) => Box::new(File::open(path).map_err(io)?),
        Source::Bytes(bytes) => Box::new(bytes),
    };
    let (head, source) = peek(bytes, 4).map_err(io)?;
    let source: Bytes<'a> = match head.as_slice() {
        [0x1f, 0x8b, ..] => {
            let packed = BufReader::with_capacity(1 << 16, source);
            Box::new(flate2::bufread::MultiGzDecoder::new(packed))
        }
        [0x28, 0xb5, 0x2f, 0xfd] => return Err(not_supported("zstd")),
        [b'B', b'Z', b'h', ..] => return Err(not_supported("bzip2")),
        [0xfd, b'7', b'z', b'X'] => return Err(not_supported("xz")),
        [b'P', b'K', 3, 4] => return Err(not_supported("zip")),
        _ => source,
    };
    let (head, source) = peek(source, 3).map_err(io)?;
    let source = match encoding_of(&head, encoding)? {
        Some(encoding) => Box::new(Decoded::new(source, encoding)),
        None => source,
    };
    let (head, source) = peek(source, HEAD).map_err(io)?;
    let has = |byte: u8| head.contains(&byte);
    Ok(if has(b'\r') && !has(b'\n') {
        Box::new(Returns(source))
    } else {
        source
    })
}

fn not_supported(what: &str) -> Error {
    Error::unsupported(format!("a CSV file compressed by {what}"))
        .with_remedy("unpack it, or compress it by gzip")
}

/// The first bytes, and a source that still has them.
fn peek(mut source: Bytes<'_>, n: u64) -> io::Result<(Vec<u8>, Bytes<'_>)> {
    let mut head = Vec::new();
    source.by_ref().take(n).read_to_end(&mut head)?;
    let all = Cursor::new(head.clone()).chain(source);
    Ok((head, Box::new(all)))
}

/// What the bytes have to be decoded from; none if they are UTF-8.
fn encoding_of(head: &[u8], label: Option<&str>) -> Result<Option<&'static Encoding>> {
    let encoding = match label {
        None => Encoding::for_bom(head).map_or(encoding_rs::UTF_8, |(encoding, _)| encoding),
        Some(label) => Encoding::for_label(label.as_bytes()).ok_or_else(|| {
            Error::parameter(
                "encoding",
                "a label of the WHATWG encoding standard, such as utf-8, latin1, windows-1252 or \
                 utf-16le",
                format!("{label:?}"),
            )
        })?,
    };
    Ok((encoding != encoding_rs::UTF_8).then_some(encoding))
}

/// Bytes of another encoding as UTF-8.
struct Decoded<'a> {
    source: Bytes<'a>,
    decoder: Decoder,
    text: Cursor<Vec<u8>>,
    is_done: bool,
}

impl<'a> Decoded<'a> {
    fn new(source: Bytes<'a>, encoding: &'static Encoding) -> Self {
        Self {
            source,
            decoder: encoding.new_decoder(),
            text: Cursor::default(),
            is_done: false,
        }
    }

    /// Decodes some more bytes.
    fn decode(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.source.by_ref().take(HEAD).read_to_end(&mut bytes)?;
        self.is_done = (bytes.len() as u64) < HEAD;
        let room = self
            .decoder
            .max_utf8_buffer_length_without_replacement(bytes.len());
        let mut text = String::with_capacity(room.unwrap_or_default());
        let decoder = &mut self.decoder;
        let (result, _) =
            decoder.decode_to_string_without_replacement(&bytes, &mut text, self.is_done);
        if let DecoderResult::Malformed(..) = result {
            let message = format!("bytes that are not {}", decoder.encoding().name());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.text = Cursor::new(text.into_bytes());
        Ok(())
    }
}

impl Read for Decoded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.text.read(out)?;
            if n > 0 || self.is_done || out.is_empty() {
                return Ok(n);
            }
            self.decode()?;
        }
    }
}

/// Lines that end in a carriage return alone, as if they ended in a line feed.
struct Returns<'a>(Bytes<'a>);

impl Read for Returns<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(out)?;
        for byte in &mut out[..n] {
            if *byte == b'\r' {
                *byte = b'\n';
            }
        }
        Ok(n)
    }
}
