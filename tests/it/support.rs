//! What several tests share.
#![allow(dead_code, reason = "not every set of features uses all of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use stackfold::prelude::*;

/// A categorical column from texts; `"?"` is a missing cell.
pub(crate) fn levels(texts: &[&str]) -> Column {
    Column::categorical(texts.iter().map(|&t| (t != "?").then_some(t)))
}

/// A table of one feature.
pub(crate) fn one_column(name: &str, column: Column) -> Table {
    Table::new([(name, column)]).unwrap()
}

/// Labels from 0 and 1.
pub(crate) fn binary(labels: &[u32]) -> Labels {
    Labels::new(labels.to_vec(), vec!["no".into(), "yes".into()]).unwrap()
}

/// Asserts that two numbers agree to a relative (below 1: absolute) tolerance; NaN equals NaN.
#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64, tolerance: f64) {
    let close = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
    // An infinite number is close to itself, though its difference from itself is no number.
    let same = found.total_cmp(&expected).is_eq();
    assert!(
        close || same || (found.is_nan() && expected.is_nan()),
        "found {found}, expected {expected}"
    );
}

/// The files of an extension in a folder and in those below it, in order, but for what is built.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.join("CACHEDIR.TAG").exists() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|of_file| of_file == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines of the code in `src` with their numbers from 1, file by file (`model/bayes.rs`):
/// without comments, and without what is there for tests alone.
pub(crate) fn source() -> Vec<(String, Vec<(usize, String)>)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in files(&src, "rs") {
        let name = path.strip_prefix(&src).unwrap().iter();
        let name: Vec<&str> = name.map(|part| part.to_str().unwrap()).collect();
        if name.iter().any(|part| *part == "tests" || *part == "tests.rs") {
            continue;
        }
        found.push((name.join("/"), code(&fs::read_to_string(&path).unwrap())));
    }
    found
}

/// Lines of code with their numbers from 1, without comments and without modules of tests.
pub(crate) fn code(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut in_tests = false;
    for (number, line) in (1..).zip(text.lines()) {
        in_tests |= line == "#[cfg(test)]";
        if !in_tests {
            let line = line.split("//").next().unwrap_or(line);
            lines.push((number, line.to_owned()));
        }
        in_tests &= line != "}" && line != "mod tests;";
    }
    lines
}
