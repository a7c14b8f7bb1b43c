//! Arbitrary bytes as a CSV file, read with arbitrary options:
//! `cargo fuzz run --fuzz-dir tests/fuzz csv tests/fuzz/corpus/csv`.
#![no_main]

mod reading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reading::check(bytes));
