//! Command lines: `--name value` pairs and flags, checked against what the program knows.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// Why a program ends early: what to print, and the exit code.
#[derive(Debug)]
pub struct Exit {
    pub code: u8,
    pub message: String,
}

impl Exit {
    /// Bad usage: exit code 2.
    pub fn usage(message: impl Display) -> Self {
        Self {
            code: 2,
            message: message.to_string(),
        }
    }
}

/// Bad data: exit code 1.
impl From<stackfold::Error> for Exit {
    fn from(error: stackfold::Error) -> Self {
        Self {
            code: 1,
            message: error.to_string(),
        }
    }
}

/// Runs a program: its message goes to stderr, its code to the caller.
pub fn main(usage: &str, program: impl FnOnce() -> Result<(), Exit>) -> std::process::ExitCode {
    match program() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(exit) => {
            if exit.message.is_empty() {
                super::output::say(format_args!("{usage}"));
            } else {
                eprintln!("error: {}", exit.message);
                if exit.code == 2 {
                    eprintln!("\n{usage}");
                }
            }
            exit.code.into()
        }
    }
}

/// The options of a command line.
#[derive(Debug)]
pub struct Args {
    values: BTreeMap<String, Vec<String>>,
}

impl Args {
    /// Reads `--name value` for `options`, which may come several times, and `--name` for `flags`.
    pub fn read(options: &[&str], flags: &[&str]) -> Result<Self, Exit> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            if word == "--help" || word == "-h" {
                return Err(Exit {
                    code: 0,
                    message: String::new(),
                });
            }
            let Some(name) = word.strip_prefix("--") else {
                return Err(Exit::usage(format!("unexpected argument {word:?}")));
            };
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            let value = if flags.contains(&name) {
                match value {
                    None => String::new(),
                    Some(_) => return Err(Exit::usage(format!("--{name} takes no value"))),
                }
            } else if options.contains(&name) {
                match value.or_else(|| words.next()) {
                    Some(value) => value,
                    None => return Err(Exit::usage(format!("--{name} needs a value"))),
                }
            } else {
                return Err(Exit::usage(format!("unknown option --{name}")));
            };
            values.entry(name.to_owned()).or_default().push(value);
        }
        Ok(Self { values })
    }

    /// Whether a flag is there.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// All values of an option.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// The last value of an option.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).last().map(String::as_str)
    }

    /// The last value of an option that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Exit> {
        self.text(name)
            .ok_or_else(|| Exit::usage(format!("--{name} is needed")))
    }

    /// The last value of an option as a number, or the default.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, Exit> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| Exit::usage(format!("--{name} must be a number, not {text:?}"))),
        }
    }

    /// The values of an option, divided at commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.all(name)
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The last value of an option, which must be one of the choices.
    pub fn choice<'a>(&'a self, name: &str, choices: &[&'a str]) -> Result<&'a str, Exit> {
        let text = self.text(name).unwrap_or(choices[0]);
        if choices.contains(&text) {
            Ok(text)
        } else {
            Err(Exit::usage(format!(
                "--{name} must be one of {}, not {text:?}",
                choices.join(", ")
            )))
        }
    }
}

/// Sets the number of threads of the one pool; 0 stands for one a core.
pub fn set_threads(n: usize) -> Result<(), Exit> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build_global()
        .map_err(|error| Exit::usage(format!("--threads: {error}")))
}
