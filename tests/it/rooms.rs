//! Imports run one way: what stands below does not know what stands above it.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use std::fmt::Write;

use crate::support::{code, ident, is_of_ident, source};

/// The modules at the root, lowest first. A module imports from lines above its own alone; those of one
/// line do not know one another.
const ROOMS: &[&[&str]] = &[
    &["error", "random", "clock", "text_table"],
    &["options", "parallel", "progress", "schedule"],
    &["numeric"],
    &["data"],
    &["folds", "metrics"],
    &["transform"],
    &["model"],
    &["pipeline", "inspection"],
    &["model_selection"],
    &["stack"],
    &["instances"],
    &["prelude"],
];

/// Files (or folders) that import from above, what they import, and why they may.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "data/target.rs",
        "instances",
        "only `Labels` and `Values` are targets: the seal names what is compiled for both",
    ),
    (
        "transform/encode/embedding/",
        "model",
        "the vectors of an embedding encoder are those of a network, which it fits",
    ),
];

fn level(room: &str) -> Option<usize> {
    ROOMS.iter().position(|level| level.contains(&room))
}

/// What a line names of the root: what follows `crate::`, or so many `super::` that they lead there
/// from a module so deep.
fn named(line: &str, depth: usize) -> Vec<&str> {
    let to_root = "super::".repeat(depth);
    let paths = ["crate::", to_root.as_str()];
    let mut found = Vec::new();
    for path in paths {
        for (at, _) in line.match_indices(path) {
            let rest = &line[at + path.len()..];
            if !line[..at].ends_with(is_of_ident) && !line[..at].ends_with("::") {
                found.push(ident(rest));
            }
        }
    }
    found
}

#[test]
fn imports_run_one_way() {
    let mut used = vec![false; EXCEPTIONS.len()];
    let (mut wrong, mut n_named) = (String::new(), 0);
    for (file, lines) in source() {
        let modules: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
        let depth = modules.len() - usize::from(modules.ends_with(&["mod"]));
        let room = modules[0];
        if room == "lib" {
            continue;
        }
        for (number, line) in &lines {
            for name in named(line, depth) {
                n_named += 1;
                let (from, to) = (level(room), level(name));
                let exception = EXCEPTIONS
                    .iter()
                    .position(|(place, to, _)| file.starts_with(place) && *to == name);
                if let Some(exception) = exception {
                    used[exception] = true;
                } else if from.is_none() || to.is_none() {
                    writeln!(
                        wrong,
                        "src/{file}:{number}: `{room}` or `{name}` is no room"
                    )
                    .unwrap();
                } else if name != room && to >= from {
                    writeln!(wrong, "src/{file}:{number}: {room} imports {name}").unwrap();
                }
            }
        }
    }
    for ((place, to, reason), used) in EXCEPTIONS.iter().zip(used) {
        if !used {
            writeln!(
                wrong,
                "src/{place} does not import {to} any longer: {reason}"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(n_named > 500, "only {n_named} imports were found");
}

/// What the test itself goes by.
#[test]
fn imports_are_found() {
    let lines =
        code("use crate::data;\n// crate::a\n#[cfg(test)]\nmod tests {\n}\nfn f() {} // b\n");
    let expected = [(1, "use crate::data;"), (2, ""), (6, "fn f() {} ")];
    assert_eq!(
        lines,
        expected.map(|(number, line)| (number, line.to_owned()))
    );
    assert_eq!(named("use crate::data::{Rows, Table};", 2), ["data"]);
    assert_eq!(
        named("$crate::stack::S<crate::model::M>", 1),
        ["stack", "model"]
    );
    assert_eq!(named("use super::super::model::M;", 2), ["model"]);
    assert_eq!(named("use super::model::M;", 1), ["model"]);
    assert_eq!(named("use super::model::M;", 2), [""; 0]);
    assert_eq!(named("use crate::{data, stack};", 2), [""]);
}
