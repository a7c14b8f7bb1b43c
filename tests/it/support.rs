//! What several tests share.
#![allow(dead_code, reason = "not every set of features uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "helpers of tests, too, may panic, and tell equal scores from others"
)]

use std::any::type_name;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use stackfold::data::Provenance;
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

/// The bits of a prediction, column by column.
pub(crate) fn bits<P: Prediction>(prediction: &P) -> Vec<u64> {
    let columns = (0..prediction.n_columns()).flat_map(|k| prediction.column(k));
    columns.map(|v| v.to_bits()).collect()
}

/// The bits of features, column by column.
pub(crate) fn feature_bits<P: Provenance>(features: &Features<P>) -> Vec<u32> {
    features.as_slice().iter().map(|v| v.to_bits()).collect()
}

/// What a function gives in a pool of so many threads.
pub(crate) fn on_threads<T: Send>(n_threads: usize, f: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
    pool.build().unwrap().install(f)
}

/// Mann and Whitney's statistic of labels of 0 and 1: the share of pairs of a positive and a negative
/// row that are in order, ties counted by half.
pub(crate) fn auc<L: Copy + Into<f64>>(scores: &[f64], labels: &[L]) -> f64 {
    let y: Vec<f64> = labels.iter().map(|&label| label.into()).collect();
    let mut order: Vec<usize> = (0..y.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut below, mut wins, mut start) = (0.0, 0.0, 0);
    while start < order.len() {
        let same = order[start..]
            .iter()
            .take_while(|&&i| scores[i] == scores[order[start]]);
        let end = start + same.count();
        let positives: f64 = order[start..end].iter().map(|&i| y[i]).sum();
        let negatives = (end - start) as f64 - positives;
        wins += positives * (below + negatives / 2.0);
        below += negatives;
        start = end;
    }
    wins / (below * (y.len() as f64 - below))
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
        if name
            .iter()
            .any(|part| *part == "tests" || *part == "tests.rs")
        {
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

/// Parts of the source that are built only with a feature.
const OPTIONAL: [(&str, bool); 3] = [
    ("model/linfa/", cfg!(feature = "linfa")),
    ("model/linfa/svm", cfg!(feature = "svm")),
    ("model/smartcore/", cfg!(feature = "smartcore")),
];

/// The path of a value's type, without its arguments.
pub(crate) fn type_of<T>(_: &T) -> &'static str {
    type_name::<T>().split('<').next().unwrap()
}

/// Fails if the source implements a trait for a type that is not listed (by its [`type_of`]), so that
/// none escapes the laws of that list.
#[track_caller]
pub(crate) fn assert_all_listed<'a>(
    implemented: &str,
    least: usize,
    listed: impl IntoIterator<Item = &'a str>,
) {
    let all = implementors(implemented);
    let count = all.len();
    assert!(count >= least, "only {count} {implemented}s are found");
    let listed: BTreeSet<&str> = listed.into_iter().collect();
    let missing: Vec<&String> = all
        .iter()
        .filter(|t| !listed.contains(t.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in the list of laws: {missing:#?}");
}

/// The paths of the types for which the source implements a trait, but for pointers and for all types
/// at once. A type that a macro is given is its first argument.
fn implementors(of: &str) -> BTreeSet<String> {
    let built = |(file, _): &(String, _)| {
        let off = |(part, on): &(&str, bool)| !on && file.starts_with(part);
        !OPTIONAL.iter().any(off)
    };
    let texts: Vec<(String, String)> = source()
        .into_iter()
        .filter(built)
        .map(|(file, lines)| {
            let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
            let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
            (file.replace('/', "::"), lines.join("\n"))
        })
        .collect();
    let mut found = BTreeSet::new();
    for (module, text) in &texts {
        for (before, name) in implementations(text, of) {
            if let Some(variable) = name.strip_prefix('$') {
                if variable.ends_with('<') {
                    continue;
                }
                let (_, definition) = before.rsplit_once("macro_rules! ").unwrap();
                let call = format!("{}!(", ident(definition));
                for (module, text) in &texts {
                    let calls = text.split(&call).skip(1).map(str::trim_start);
                    found.extend(calls.map(|call| format!("stackfold::{module}::{}", ident(call))));
                }
            } else if ident(name).len() > 1 {
                found.insert(format!("stackfold::{module}::{}", ident(name)));
            }
        }
    }
    found
}

/// What stands before each implementation of a trait, and the type that has it.
fn implementations<'a>(text: &'a str, of: &str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("impl") {
        let (before, rest) = text.split_at(at);
        let header = rest.split('{').next().unwrap();
        let starts_line = before
            .lines()
            .next_back()
            .is_none_or(|line| line.trim().is_empty());
        let Some((implemented, name)) = header.split_once(" for ") else {
            continue;
        };
        // Without the trait's arguments, which end at the `<` of the last `>`.
        let mut depth = 0;
        let path = implemented.trim_end_matches(|c: char| {
            depth += i32::from(c == '>') - i32::from(c == '<');
            c == '<' || depth > 0
        });
        let is_it = path
            .strip_suffix(of)
            .is_some_and(|path| path.ends_with([' ', ':']));
        if starts_line && is_it {
            let length = name.find(|c: char| !is_of_ident(c) && c != '$');
            let keep = length.map_or(name.len(), |length| length + 1);
            found.push((before, &name[..keep]));
        }
    }
    found
}

pub(crate) fn is_of_ident(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The identifier at the start of a text.
pub(crate) fn ident(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches(is_of_ident).len()]
}
