//! One encoder, imputer or scaler from the command line, to compare with another library.
//!
//! ```sh
//! cargo run --release --example encode_csv -- --train train.csv --test test.csv --target y \
//!     --encoder leave-one-out --param sigma=0.05 --columns a,b \
//!     --out-train a.csv --out-test b.csv
//! ```
//!
//! Defaults follow scikit-learn or `category_encoders` where they have the encoder, but a new level
//! is no error; the library's own defaults are the safer ones. Exit codes: 0 done, 1 bad data,
//! 2 bad usage.
#![allow(clippy::print_stdout, reason = "an example prints")]

mod common;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::str::FromStr;

use common::args::{Args, Exit, set_threads};
use common::output::PendingCsv;
use stackfold::data::Provenance;
use stackfold::folds::Folds;
use stackfold::prelude::*;
use stackfold::transform::dates::DateParts;
use stackfold::transform::encode::{
    Drop, Frequency, FrequencyEncoder, LeaveOneOutEncoder, LoneRow, MinFrequency, Missing,
    MissingCode, MissingFrequency, MissingLevel, Noise, OneHotEncoder, OrderedPrior,
    OrderedTargetEncoder, OrdinalEncoder, RowOrder, Smoothing, TargetEncoder, Unknown, UnknownCode,
};
use stackfold::transform::impute::{Imputer, Indicators};
use stackfold::transform::row_counts::RowCounts;
use stackfold::transform::scale::{
    Beyond, Log1p, MaxAbsScaler, MinMaxScaler, Negatives, QuantileOutput, QuantileScaler,
    RobustScaler, StandardScaler, Winsorizer,
};
use stackfold::transform::{ColumnTransformer, Naming, Selector};

const USAGE: &str = "\
encode_csv --train T.csv --test C.csv --encoder NAME --out-train A.csv --out-test B.csv
    [--target COLUMN] [--task auto|labels|values] [--columns A,B] [--param NAME=VALUE ...]
    [--fold-column COLUMN] [--weight COLUMN] [--seed 1] [--threads N]

encoders and their parameters (the first value is the default; defaults follow scikit-learn or
category_encoders where they have the encoder, but a new level is no error; the library's own
defaults are the safer ones):
    one-hot        drop=none|first|if-binary  min-frequency=1 (a count, or a share below 1)
                   max-levels=  unknown=zeros|error|infrequent  missing=level|zeros|error
    ordinal        unknown=nan|own|error|NUMBER  missing=nan|own|error
    frequency      form=share|count|log-count  missing=level|zero|nan|error
    count          the same with form=count
    target         smoothing=auto|NUMBER|sigmoid  k=20  f=10  missing=level|prior  folds=5
    leave-one-out  sigma=0  noise=multiplicative|additive  missing=level|prior
                   lone-row=overall|others
    ordered        permutations=1  prior-weight=1  order=given|random|time
                   prior=overall|earlier  min-rows=2  missing=level|prior
    mean, median, most-frequent, constant (value=0): imputers, indicators=none|if-missing|all
    standard, max-abs
    min-max        low=0  high=1  clip=no|yes
    robust         low=0.25  high=0.75
    quantile       n-quantiles=1000  output=uniform|normal
    log1p          negatives=plain|signed
    winsorize      low=0.01  high=0.99
    dates
    row-counts     equal=VALUE";

fn main() -> ExitCode {
    common::args::main(&format!("{USAGE}\n{}", common::reader::USAGE), run)
}

fn run() -> Result<(), Exit> {
    let args = Args::read(
        &[
            &common::reader::OPTIONS[..],
            &[
                "train",
                "test",
                "target",
                "task",
                "encoder",
                "param",
                "columns",
                "fold-column",
                "weight",
                "seed",
                "threads",
                "out-train",
                "out-test",
            ],
        ]
        .concat(),
        &[],
    )?;
    let encoder = args.required("encoder")?.replace('_', "-");
    let (train_path, test_path) = (args.required("train")?, args.required("test")?);
    args.required("out-train")?;
    args.required("out-test")?;
    set_threads(args.number("threads", 0)?)?;
    let columns = args.list("columns");
    let kind = kind_of(&encoder)?;

    let mut reader = common::reader::reader(&args)?;
    if let Some(kind) = kind {
        for name in &columns {
            reader = reader.with_kind(name.as_str(), kind);
        }
    }
    let mut table = reader.read(train_path)?;
    common::reader::print_notes(train_path, &table);
    for (option, role) in [
        ("target", Role::Target),
        ("fold-column", Role::Ignored),
        ("weight", Role::Weight),
    ] {
        if let Some(name) = args.text(option) {
            table = table.with_role(name, role)?;
        }
    }
    let test = reader.following(&table).read(test_path)?;
    common::reader::print_notes(test_path, &test);
    let selector = match (columns.is_empty(), kind) {
        (false, _) => Selector::names(columns),
        (true, Some(kind)) => Selector::kind(kind),
        (true, None) => Selector::all(),
    };
    let folds = match args.text("fold-column") {
        Some(name) => Some(folds_of(&table, name)?),
        None => None,
    };
    let seed = Seed::new(args.number("seed", 1)?);

    let task = args.choice("task", &["auto", "labels", "values"])?;
    let target = args.text("target");
    let labels = match (target, task) {
        (Some(name), "labels") => Some(table.labels(name)?),
        // Two classes are labels; a column of numbers is values; other texts are labels.
        (Some(name), "auto") => match table.labels(name) {
            Ok(l) if l.n_classes() == 2 || table.column(name)?.codes().is_some() => Some(l),
            Err(error) if table.column(name)?.codes().is_some() => return Err(error.into()),
            _ => None,
        },
        _ => None,
    };
    let job = Job {
        args: &args,
        encoder: &encoder,
        table: &table,
        test: &test,
        test_path,
        selector,
        seed,
    };
    if let Some(labels) = labels {
        job.run(&labels, folds)
    } else {
        let values = match target {
            Some(name) => table.values(name)?,
            // Nothing looks at it: encoders of the target are refused below.
            None => Values::new(vec![0.0; table.n_rows()])?,
        };
        job.run(&values, folds)
    }
}

fn no_encoder(name: &str) -> Exit {
    Exit::usage(format!("--encoder: there is no {name:?}"))
}

/// The kind of column that an encoder works on, if only one.
fn kind_of(encoder: &str) -> Result<Option<ColumnKind>, Exit> {
    Ok(match encoder {
        "one-hot" | "ordinal" | "frequency" | "count" | "target" | "leave-one-out" | "ordered" => {
            Some(ColumnKind::Categorical)
        }
        "mean" | "median" | "most-frequent" | "constant" | "standard" | "max-abs" | "min-max"
        | "robust" | "quantile" | "log1p" | "winsorize" => Some(ColumnKind::Numeric),
        "dates" => Some(ColumnKind::Date),
        "row-counts" => None,
        _ => return Err(no_encoder(encoder)),
    })
}

fn folds_of(table: &Table, name: &str) -> Result<Folds, Exit> {
    let column = table.column(name)?.to_categorical();
    let (codes, levels) = column
        .codes()
        .ok_or_else(|| Exit::usage("--fold-column: not a column of folds"))?;
    let too_many = |_| Exit::usage("--fold-column: at most 65535 folds");
    let folds = codes
        .iter()
        .map(|&code| u16::try_from(code).map_err(too_many))
        .collect::<Result<Vec<u16>, Exit>>()?;
    Ok(Folds::new(
        folds,
        u16::try_from(levels.len()).map_err(too_many)?,
    )?)
}

struct Job<'a> {
    args: &'a Args,
    encoder: &'a str,
    table: &'a Table,
    test: &'a Table,
    test_path: &'a str,
    selector: Selector,
    seed: Seed,
}

impl Job<'_> {
    fn run<Y: Target>(self, target: &Y, folds: Option<Folds>) -> Result<(), Exit> {
        let mut params = Params::read(self.args.all("param"))?;
        let transformer = transformer::<Y>(
            self.encoder,
            self.args.text("target").is_some(),
            &mut params,
            self.selector,
            folds,
        )?;
        params.finish()?;
        let train = Train::new(self.table, target)?.with_seed(self.seed);
        let (fitted, train_features) = transformer.fit_transform(train)?;
        let test_features = fitted
            .transform(self.test.rows())
            .map_err(|error| error.in_file(self.test_path))?;
        for warning in fitted.warnings() {
            eprintln!("note: {warning}");
        }
        let train_file = write(self.args.required("out-train")?, &train_features)?;
        let test_file = write(self.args.required("out-test")?, &test_features)?;
        train_file.finish()?;
        test_file.finish()
    }
}

/// `name=value` parameters, each of which must be used.
struct Params(BTreeMap<String, String>);

impl Params {
    fn read(pairs: &[String]) -> Result<Self, Exit> {
        let pairs = pairs.iter().map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Exit::usage(format!("--param {pair:?} is not NAME=VALUE")))?;
            Ok((name.replace('_', "-"), value.to_owned()))
        });
        Ok(Self(pairs.collect::<Result<_, Exit>>()?))
    }

    fn text(&mut self, name: &str, default: &str) -> String {
        self.0.remove(name).unwrap_or_else(|| default.to_owned())
    }

    fn number<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, Exit> {
        match self.0.remove(name) {
            None => Ok(default),
            Some(text) => number(name, &text),
        }
    }

    /// One of the named choices; the first is the default.
    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<T, Exit> {
        let text = self.text(name, choices[0].0);
        choices
            .iter()
            .find(|(choice, _)| *choice == text)
            .map(|&(_, value)| value)
            .ok_or_else(|| {
                let names: Vec<&str> = choices.iter().map(|&(choice, _)| choice).collect();
                Exit::usage(format!(
                    "--param {name} must be one of {}, not {text:?}",
                    names.join(", ")
                ))
            })
    }

    fn finish(self) -> Result<(), Exit> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Exit::usage(format!(
                "--param {name} is no parameter of this encoder"
            ))),
        }
    }
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, Exit> {
    text.parse()
        .map_err(|_| Exit::usage(format!("--param {name} must be a number, not {text:?}")))
}

fn transformer<Y: Target>(
    encoder: &str,
    has_target: bool,
    params: &mut Params,
    selector: Selector,
    folds: Option<Folds>,
) -> Result<ColumnTransformer<Y>, Exit> {
    if matches!(encoder, "target" | "leave-one-out" | "ordered") && !has_target {
        return Err(Exit::usage(format!("--encoder {encoder} needs --target")));
    }
    let columns = ColumnTransformer::new().with_naming(Naming::Plain);
    Ok(match encoder {
        "one-hot" => columns.with(encoder, selector, one_hot(params)?),
        "ordinal" => columns.with(encoder, selector, ordinal(params)?),
        "frequency" => columns.with(encoder, selector, frequency(params, Frequency::Share)?),
        "count" => columns.with(encoder, selector, frequency(params, Frequency::Count)?),
        "target" => columns.with(encoder, selector, target_encoder(params, folds)?),
        "leave-one-out" => columns.with(encoder, selector, leave_one_out(params)?),
        "ordered" => columns.with(encoder, selector, ordered(params)?),
        "mean" => columns.with(encoder, selector, imputer(params, Imputer::mean())?),
        "median" => columns.with(encoder, selector, imputer(params, Imputer::median())?),
        "most-frequent" => columns.with(
            encoder,
            selector,
            imputer(params, Imputer::most_frequent())?,
        ),
        "constant" => {
            let constant = Imputer::constant(params.number("value", 0.0)?);
            columns.with(encoder, selector, imputer(params, constant)?)
        }
        "standard" => columns.with(encoder, selector, StandardScaler::new()),
        "max-abs" => columns.with(encoder, selector, MaxAbsScaler::new()),
        "min-max" => columns.with(encoder, selector, min_max(params)?),
        "robust" => {
            let (low, high) = (params.number("low", 0.25)?, params.number("high", 0.75)?);
            let scaler = RobustScaler::new().with_quantile_range(low, high);
            columns.with(encoder, selector, scaler)
        }
        "quantile" => columns.with(encoder, selector, quantile(params)?),
        "log1p" => {
            let negatives = params.choice(
                "negatives",
                &[("plain", Negatives::Plain), ("signed", Negatives::Signed)],
            )?;
            columns.with(encoder, selector, Log1p::new().with_negatives(negatives))
        }
        "winsorize" => {
            let (low, high) = (params.number("low", 0.01)?, params.number("high", 0.99)?);
            let winsorizer = Winsorizer::new().with_quantiles(low, high);
            columns.with(encoder, selector, winsorizer)
        }
        "dates" => columns.with(encoder, selector, DateParts::new()),
        "row-counts" => columns.with(encoder, selector, row_counts(params)),
        _ => return Err(no_encoder(encoder)),
    })
}

fn one_hot(params: &mut Params) -> Result<OneHotEncoder, Exit> {
    let least = params.text("min-frequency", "1");
    let least = match (least.parse::<usize>(), least.parse::<f64>()) {
        (Ok(count), _) if count > 0 => MinFrequency::Count(count),
        (_, Ok(share)) if share < 1.0 => MinFrequency::Share(share),
        _ => {
            return Err(Exit::usage(format!(
                "--param min-frequency must be a count, or a share below 1, not {least:?}"
            )));
        }
    };
    let encoder = OneHotEncoder::new()
        .with_drop(params.choice(
            "drop",
            &[
                ("none", Drop::None),
                ("first", Drop::First),
                ("if-binary", Drop::IfBinary),
            ],
        )?)
        .with_min_frequency(least)
        .with_unknown(params.choice(
            "unknown",
            &[
                ("zeros", Unknown::Zeros),
                ("error", Unknown::Error),
                ("infrequent", Unknown::Infrequent),
            ],
        )?)
        .with_missing(params.choice(
            "missing",
            &[
                ("level", Missing::AsLevel),
                ("zeros", Missing::Zeros),
                ("error", Missing::Error),
            ],
        )?);
    let max_levels = Some(params.number("max-levels", 0)?).filter(|&max_levels| max_levels > 0);
    Ok(encoder.with_max_levels(max_levels))
}

fn ordinal(params: &mut Params) -> Result<OrdinalEncoder, Exit> {
    let unknown = match params.text("unknown", "nan").as_str() {
        "nan" => UnknownCode::Nan,
        "own" => UnknownCode::Own,
        "error" => UnknownCode::Error,
        text => UnknownCode::Value(number("unknown", text)?),
    };
    let missing = params.choice(
        "missing",
        &[
            ("nan", MissingCode::Nan),
            ("own", MissingCode::Own),
            ("error", MissingCode::Error),
        ],
    )?;
    Ok(OrdinalEncoder::new()
        .with_unknown(unknown)
        .with_missing(missing))
}

fn frequency(params: &mut Params, default: Frequency) -> Result<FrequencyEncoder, Exit> {
    let mut forms = [
        ("share", Frequency::Share),
        ("count", Frequency::Count),
        ("log-count", Frequency::LogCount),
    ];
    // The first is the default.
    forms.sort_by_key(|&(_, form)| form != default);
    Ok(FrequencyEncoder::new()
        .with_frequency(params.choice("form", &forms)?)
        .with_missing(params.choice(
            "missing",
            &[
                ("level", MissingFrequency::AsLevel),
                ("zero", MissingFrequency::Zero),
                ("nan", MissingFrequency::Nan),
                ("error", MissingFrequency::Error),
            ],
        )?))
}

/// What an encoder of the target does with missing cells.
fn missing_level(params: &mut Params) -> Result<MissingLevel, Exit> {
    params.choice(
        "missing",
        &[
            ("level", MissingLevel::AsLevel),
            ("prior", MissingLevel::Prior),
        ],
    )
}

fn target_encoder(params: &mut Params, folds: Option<Folds>) -> Result<TargetEncoder, Exit> {
    let smoothing = match params.text("smoothing", "auto").as_str() {
        "auto" => Smoothing::EmpiricalBayes,
        "sigmoid" => Smoothing::Sigmoid {
            k: params.number("k", 20.0)?,
            f: params.number("f", 10.0)?,
        },
        text => Smoothing::Fixed(number("smoothing", text)?),
    };
    let encoder = TargetEncoder::new()
        .with_smoothing(smoothing)
        .with_missing(missing_level(params)?)
        .with_n_folds(params.number("folds", 5)?);
    Ok(match folds {
        Some(folds) => encoder.with_folds(folds),
        None => encoder,
    })
}

fn leave_one_out(params: &mut Params) -> Result<LeaveOneOutEncoder, Exit> {
    let sigma: f64 = params.number("sigma", 0.0)?;
    let noise = params.choice(
        "noise",
        &[
            ("multiplicative", Noise::Multiplicative(sigma)),
            ("additive", Noise::Additive(sigma)),
        ],
    )?;
    Ok(LeaveOneOutEncoder::new()
        .with_noise(if sigma == 0.0 { Noise::None } else { noise })
        .with_missing(missing_level(params)?)
        .with_lone_row(params.choice(
            "lone-row",
            &[
                ("overall", LoneRow::OverallMean),
                ("others", LoneRow::OthersMean),
            ],
        )?))
}

fn ordered(params: &mut Params) -> Result<OrderedTargetEncoder, Exit> {
    Ok(OrderedTargetEncoder::new()
        .with_n_permutations(params.number("permutations", 1)?)
        .with_prior_weight(params.number("prior-weight", 1.0)?)
        .with_min_rows(params.number("min-rows", 2)?)
        .with_order(params.choice(
            "order",
            &[
                ("given", RowOrder::AsGiven),
                ("random", RowOrder::TimeOrRandom),
                ("time", RowOrder::Time),
            ],
        )?)
        .with_prior(params.choice(
            "prior",
            &[
                ("overall", OrderedPrior::OverallMean),
                ("earlier", OrderedPrior::EarlierMean),
            ],
        )?)
        .with_missing(missing_level(params)?))
}

fn imputer(params: &mut Params, imputer: Imputer) -> Result<Imputer, Exit> {
    Ok(imputer.with_indicators(params.choice(
        "indicators",
        &[
            ("none", Indicators::None),
            ("if-missing", Indicators::IfMissing),
            ("all", Indicators::All),
        ],
    )?))
}

fn min_max(params: &mut Params) -> Result<MinMaxScaler, Exit> {
    let (low, high) = (params.number("low", 0.0)?, params.number("high", 1.0)?);
    let beyond = params.choice("clip", &[("no", Beyond::Keep), ("yes", Beyond::Clip)])?;
    Ok(MinMaxScaler::new()
        .with_range(low, high)
        .with_beyond(beyond))
}

fn quantile(params: &mut Params) -> Result<QuantileScaler, Exit> {
    Ok(QuantileScaler::new()
        .with_n_quantiles(params.number("n-quantiles", 1000)?)
        .with_output(params.choice(
            "output",
            &[
                ("uniform", QuantileOutput::Uniform),
                ("normal", QuantileOutput::Normal),
            ],
        )?))
}

fn row_counts(params: &mut Params) -> RowCounts {
    let counts = RowCounts::new("n").missing().zeros();
    let text = params.text("equal", "");
    match text.parse::<f64>() {
        _ if text.is_empty() => counts,
        Ok(value) => counts.equal(value),
        Err(_) => counts.equal_level(text),
    }
}

/// Writes features as they are; a missing one is an empty cell.
fn write<P: Provenance>(path: &str, features: &Features<P>) -> Result<PendingCsv, Exit> {
    let mut file = PendingCsv::create(path)?;
    file.row(features.names())?;
    for row in 0..features.n_rows() {
        file.row((0..features.n_features()).map(|j| {
            let value = features.column(j)[row];
            if value.is_nan() {
                String::new()
            } else {
                value.to_string()
            }
        }))?;
    }
    file.flush()?;
    Ok(file)
}
