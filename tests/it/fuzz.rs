//! Any bytes as a CSV file: what the fuzz target checks, over its corpus and mutations of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::path::Path;

use stackfold::random::Seed;

#[path = "../fuzz/reading.rs"]
mod reading;

const N_MUTATIONS: usize = 20_000;

/// Pieces that mean something in a CSV file.
const PIECES: [&[u8]; 40] = [
    b",",
    b";",
    b"\"",
    b"\"\"",
    b"\n",
    b"\r",
    b"\r\n",
    b" ",
    b"\t",
    b"'",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x1f\x8b",
    b"0",
    b"-1",
    b"-1.0",
    b"007",
    b"0,125",
    b"1,250",
    b"1.234,56",
    b"1e999",
    b"1E10",
    b"18446744073709551616",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"178000000000500124.0",
    b"inf",
    b"nan",
    b"NaN",
    b"NA",
    b"true",
    b"False",
    b"2014-02-30",
    b"2014-03-03 14:05:00.25+01",
    b"20140303T140500",
    b"13/12/2014",
    b"12/11/2014 7:30 PM",
];

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/csv");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Some changes of a file: bytes flipped, cut out, doubled, moved, and pieces put in.
fn mutated(corpus: &[Vec<u8>], seed: Seed) -> Vec<u8> {
    let pick = |draw: u64, n: usize| usize::try_from(seed.hash(draw) % n as u64).unwrap();
    let mut bytes = corpus[pick(0, corpus.len())].clone();
    for k in 0..=pick(1, 6) as u64 {
        let draw = |i: u64, n: usize| pick(10 * k + 2 + i, n);
        let at = draw(0, bytes.len() + 1);
        let end = at + draw(1, bytes.len() - at + 1).min(24);
        match draw(2, 6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << draw(3, 8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                let other = &corpus[draw(3, corpus.len())];
                let from = draw(4, other.len() + 1);
                let to = from + draw(5, other.len() - from + 1).min(64);
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                let piece = PIECES[draw(3, PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn the_corpus_is_read_or_refused() {
    let corpus = corpus();
    assert!(corpus.len() >= 20);
    for bytes in &corpus {
        reading::check(bytes);
    }
}

#[test]
fn mutated_files_are_read_or_refused() {
    let corpus = corpus();
    for i in 0..N_MUTATIONS {
        let bytes = mutated(&corpus, Seed::new(12).at(i));
        let checked = std::panic::catch_unwind(|| reading::check(&bytes));
        assert!(
            checked.is_ok(),
            "mutation {i}: {:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
}
