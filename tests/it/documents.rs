//! The documents beside the source: what they point to is there.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::support::files;

/// The targets of a text's links (`[text](target)`) to files, without their anchors.
fn linked(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split([')', ' ']).next())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|path| !path.is_empty())
        .collect()
}

/// The paths of this repository that a text names in backticks.
fn named(text: &str) -> Vec<&str> {
    let folders = [
        "src/",
        "tests/",
        "docs/",
        "examples/",
        "benches/",
        ".ci/",
        ".cargo/",
    ];
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|path| folders.iter().any(|folder| path.starts_with(folder)))
        .filter(|path| !path.contains([' ', '*', '{', '\n']))
        .collect()
}

#[test]
fn documents_point_to_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for name in ["README", "CONTRIBUTING", "SECURITY", "CHANGELOG"] {
        paths.push(root.join(name).with_extension("md"));
    }
    for folder in ["docs", "examples", "benches"] {
        paths.extend(files(&root.join(folder), "md"));
    }
    let (mut wrong, mut n_links) = (String::new(), 0);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let shown = path.strip_prefix(root).unwrap().display();
        for target in linked(&text) {
            n_links += 1;
            if !path.parent().unwrap().join(target).exists() {
                writeln!(wrong, "{shown} links to {target}").unwrap();
            }
        }
        // The changelog and the records of decisions may name what once was, and others name what
        // other repositories have.
        let of_today = [root, &root.join("docs")].contains(&path.parent().unwrap());
        if !of_today || path.ends_with("CHANGELOG.md") {
            continue;
        }
        for name in named(&text) {
            if !root.join(name).exists() {
                writeln!(wrong, "{shown} names {name}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "not there:\n{wrong}");
    assert!(n_links > 30, "only {n_links} links were found");
}

/// What the test itself goes by.
#[test]
fn links_and_paths_are_found() {
    let text = "[a](b.md), [c](d.md#e), [f](#g), [h](https://i), `src/j.rs`, k, `l`, `tests/*.rs`";
    assert_eq!(linked(text), ["b.md", "d.md"]);
    assert_eq!(named(text), ["src/j.rs"]);
}
