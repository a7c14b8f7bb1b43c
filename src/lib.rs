//! From a messy table to a leak-proof stacked model.
//!
//! stackfold turns typed columns into features (encoders, imputation, scaling), fits models of
//! linfa, smartcore or your own on them, cross-validates, and stacks: members learn on some rows
//! and predict others, and a blender learns from what they predicted for rows that they had not
//! seen. What must not be fitted together does not compile, and the same seed gives the same bits
//! on any number of threads.
//!
//! ```
//! use stackfold::folds::StratifiedKFold;
//! use stackfold::model::baseline::Prior;
//! use stackfold::prelude::*;
//! use stackfold::stack::{Scheme, Stack, View};
//! use stackfold::transform::encode::TargetEncoder;
//! use stackfold::transform::impute::Imputer;
//! use stackfold::transform::scale::StandardScaler;
//! use stackfold::transform::{ColumnTransformer, Selector};
//!
//! // A table of typed columns (or read one, see `data::polars`), and the target beside it.
//! let ages: Vec<f64> = (0..40).map(|i| if i % 7 == 0 { f64::NAN } else { f64::from(20 + i) }).collect();
//! let states = (0..40).map(|i| Some(["CA", "NJ", "TX"][i % 3]));
//! let table = Table::new([
//!     ("age", Column::numeric(ages)),
//!     ("state", Column::categorical(states)),
//! ])?;
//! let bought: Vec<&str> = (0..40).map(|i| if i % 3 == 2 { "yes" } else { "no" }).collect();
//! let target = Labels::from_strs(&bought)?;
//!
//! // What a model sees: chosen columns, each through transformers of its own.
//! let view = View::new("all", ColumnTransformer::new()
//!     .with("number", Selector::kind(ColumnKind::Numeric), Imputer::median().then(StandardScaler::new()))
//!     .with("mean", Selector::kind(ColumnKind::Categorical), TargetEncoder::new()));
//!
//! // Members on views, a scheme, a seed. `Prior` stands for a real model here.
//! let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(4)))
//!     .with_member("prior", &view, Prior::new());
//! let fitted = stack.fit(Train::new(&table, &target)?.with_seed(Seed::new(1)))?;
//!
//! // Probabilities of new rows, in whatever order their columns come.
//! let prediction = fitted.predict(table.rows())?;
//! assert_eq!(prediction.classes(), ["no", "yes"]);
//! assert!((prediction.positive()[0] - 13.0 / 40.0).abs() < 0.01);
//! # Ok::<(), stackfold::Error>(())
//! ```
//!
//! # Where things are
//!
//! | module | what |
//! |---|---|
//! | [`data`] | [`Table`](data::Table), targets, rows, features; reading files and frames; summaries |
//! | [`transform`] | column transformers; [`encode`](transform::encode), [`impute`](transform::impute), [`scale`](transform::scale), dates, row counts |
//! | [`folds`] | partitions, plans and the splitters that make them |
//! | [`model`] | the traits of models; trees on histograms, networks, logistic regression, naive Bayes, adapters of linfa and smartcore |
//! | [`pipeline`] | a transformer and a model as one learner |
//! | [`model_selection`] | cross-validation |
//! | [`metrics`] | scores, intervals, paired tests |
//! | [`inspection`] | what a fitted model looks at: permutation importance |
//! | [`stack`] | A/B/C and out-of-fold stacks, blenders |
//! | [`progress`] | watching a fit, and stopping it |
//! | [`random`], [`error`] | seeds, errors |
//!
//! # What keeps a target from leaking
//!
//! [`Features`](data::Features) say in their type whether a model may be fitted on them.
//! [`Transformer::fit_transform`](transform::Transformer::fit_transform) gives
//! `Features<InSample>`, in which no row was computed from its own target;
//! [`FittedTransformer::transform`](transform::FittedTransformer::transform) gives
//! `Features<OutOfSample>`, which [`Estimator::fit`](model::Estimator::fit) does not take:
//!
//! ```compile_fail,E0308
//! # use stackfold::prelude::*;
//! # use stackfold::transform::encode::TargetEncoder;
//! fn leaky<E: Estimator<Labels>>(model: &E, train: Train<'_, Labels>) -> Result<()> {
//!     let (encoder, _) = TargetEncoder::new().fit_transform(train)?;
//!     let x = encoder.transform(train.rows())?; // each row's mean includes its own target …
//!     model.fit(&x, &train.target(), &FitContext::default())?; // … and this does not compile
//!     Ok(())
//! }
//! ```
//!
//! ```
//! # use stackfold::prelude::*;
//! # use stackfold::transform::encode::TargetEncoder;
//! fn sound<E: Estimator<Labels>>(model: &E, train: Train<'_, Labels>) -> Result<()> {
//!     let (encoder, x) = TargetEncoder::new().fit_transform(train)?; // cross-fitted
//!     model.fit(&x, &train.target(), &FitContext::default())?;
//!     Ok(())
//! }
//! ```
//!
//! # Features
//!
//! `polars` (files and frames), `linfa` and `smartcore` (models) are on by default. None of their
//! types shows outside `data::polars`. What takes long to build, or is seldom wanted, is off: `lazy`
//! (tables from polars' lazy frames), `svm` (linfa's support vector machine), `brotli` (Parquet
//! files that are compressed so).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
pub mod data;
pub mod error;
pub mod folds;
pub mod inspection;
mod instances;
pub mod metrics;
pub mod model;
pub mod model_selection;
pub(crate) mod numeric;
pub(crate) mod options;
pub(crate) mod parallel;
pub mod pipeline;
pub mod prelude;
pub mod progress;
pub mod random;
pub(crate) mod schedule;
pub mod stack;
mod text_table;
pub mod transform;

pub use error::{Error, ErrorKind, Result};
