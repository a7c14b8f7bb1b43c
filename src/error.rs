//! One error type: what was expected, what was found, and where.
//!
//! An [`Error`] is one word wide. Its [`ErrorKind`] can be matched; its places (stack level,
//! member, fold, column, row …) are added on the way up, outermost last added and first printed:
//!
//! ```
//! use stackfold::error::{Error, ErrorKind};
//! let error = Error::unseen_level("ZZ").in_row(41).in_column("state").in_fold(3).in_member("forest");
//! assert_eq!(
//!     error.to_string(),
//!     r#"member "forest", fold 3, column "state", row 41: unseen level "ZZ""#
//! );
//! assert!(matches!(error.kind(), ErrorKind::UnseenLevel { .. }));
//! ```

use std::fmt;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What went wrong, and where.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// Innermost first.
    places: Vec<Place>,
    remedy: Option<String>,
    source: Option<Source>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option has a value outside its domain.
    Parameter {
        /// The option's name, as in its `with_…` method.
        parameter: String,
        /// The values that are allowed.
        expected: String,
        /// The value that was given.
        found: String,
    },
    /// The data are not what the operation needs.
    Data {
        /// What the operation needs.
        expected: String,
        /// What was there.
        found: String,
    },
    /// A score is not defined for these rows: they lack a class, say. In another fold it may be.
    Undefined {
        /// What the score needs.
        expected: String,
        /// What was there.
        found: String,
    },
    /// A column that is needed is not in the table.
    MissingColumn {
        /// The columns that the table has.
        available: Vec<String>,
    },
    /// Two columns have one name.
    DuplicateColumn,
    /// A column has another kind than the one that is needed.
    WrongKind {
        /// The kind that is needed.
        expected: String,
        /// The column's kind.
        found: String,
    },
    /// A level that was not among the training rows, where unseen levels are refused.
    UnseenLevel {
        /// The level.
        level: String,
    },
    /// A missing cell, where missing cells are refused.
    MissingValue,
    /// An infinite or not-a-number value, where a finite one is needed.
    NotFinite {
        /// The value.
        found: f64,
    },
    /// A back end (linfa, smartcore, polars …) refused or failed.
    Backend {
        /// The back end's name.
        backend: String,
        /// What it said.
        message: String,
    },
    /// The combination of options or data is not supported.
    Unsupported {
        /// What was asked for.
        what: String,
    },
    /// The caller asked for the run to be stopped.
    Stopped,
    /// A file could not be read or written.
    Io {
        /// What the system said.
        message: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
enum Place {
    File(String),
    Level(usize),
    Member(String),
    View(String),
    Step(String),
    Fold(usize),
    Metric(String),
    Batch(usize),
    Column(String),
    Row(usize),
}

impl Error {
    /// An error of the given kind, with no place yet.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            places: Vec::new(),
            remedy: None,
            source: None,
        }))
    }

    /// An option outside its domain.
    #[must_use]
    pub fn parameter(
        parameter: impl Into<String>,
        expected: impl Into<String>,
        found: impl fmt::Display,
    ) -> Self {
        Self::new(ErrorKind::Parameter {
            parameter: parameter.into(),
            expected: expected.into(),
            found: found.to_string(),
        })
    }

    /// Data that are not what the operation needs.
    #[must_use]
    pub fn data(expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Data {
            expected: expected.into(),
            found: found.to_string(),
        })
    }

    /// A score that is not defined for the rows at hand. Cross-validation goes on without it: see
    /// [`MetricScores::per_fold`](crate::model_selection::MetricScores::per_fold).
    ///
    /// ```
    /// use stackfold::error::{Error, ErrorKind};
    /// let error = Error::undefined("rows of both classes", "only positive ones");
    /// assert_eq!(error.to_string(), "expected rows of both classes, found only positive ones");
    /// assert!(matches!(error.kind(), ErrorKind::Undefined { .. }));
    /// ```
    #[must_use]
    pub fn undefined(expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Undefined {
            expected: expected.into(),
            found: found.to_string(),
        })
    }

    /// A model without a feature to learn from.
    pub(crate) fn no_features() -> Self {
        Self::data(A_FEATURE, "none")
    }

    /// The same error; if it is that of a model without features, with the reason why there is none.
    pub(crate) fn no_features_because(mut self, why: impl FnOnce() -> String) -> Self {
        if let ErrorKind::Data { expected, found } = &mut self.0.kind
            && expected == A_FEATURE
        {
            *found = format!("none: {}", why());
        }
        self
    }

    /// A column of another kind than the one that is needed.
    #[must_use]
    pub fn wrong_kind(expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(ErrorKind::WrongKind {
            expected: expected.into(),
            found: found.to_string(),
        })
    }

    /// A level that training rows did not have.
    #[must_use]
    pub fn unseen_level(level: impl Into<String>) -> Self {
        Self::new(ErrorKind::UnseenLevel {
            level: level.into(),
        })
    }

    /// A missing cell where none is allowed.
    #[must_use]
    pub fn missing_value() -> Self {
        Self::new(ErrorKind::MissingValue)
    }

    /// A value that is infinite or not a number where a finite one is needed.
    #[must_use]
    pub fn not_finite(found: f64) -> Self {
        Self::new(ErrorKind::NotFinite { found })
    }

    /// A failure inside a back end.
    #[must_use]
    pub fn backend(backend: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Backend {
            backend: backend.into(),
            message: message.to_string(),
        })
    }

    /// Something that is not supported.
    #[must_use]
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported { what: what.into() })
    }

    /// The run was stopped by its caller.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(ErrorKind::Stopped)
    }

    /// A file that could not be read or written.
    #[must_use]
    pub fn io(path: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Io {
            message: message.to_string(),
        })
        .in_file(path)
    }

    /// The same error again, without its source.
    pub(crate) fn duplicate(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind.clone(),
            places: self.0.places.clone(),
            remedy: self.0.remedy.clone(),
            source: None,
        }))
    }

    /// Says what to do about it: an option that helps, or what to change in the data.
    ///
    /// ```
    /// use stackfold::Error;
    /// let error = Error::missing_value().in_column("age").with_remedy("impute the column first");
    /// assert_eq!(error.to_string(), r#"column "age": missing value; impute the column first"#);
    /// ```
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.0.remedy.as_deref()
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Names the file.
    #[must_use]
    pub fn in_file(self, path: impl fmt::Display) -> Self {
        self.at(Place::File(path.to_string()))
    }

    /// Names the column.
    #[must_use]
    pub fn in_column(self, name: impl Into<String>) -> Self {
        self.at(Place::Column(name.into()))
    }

    /// Names the row: its index in the table, from 0.
    #[must_use]
    pub fn in_row(self, row: usize) -> Self {
        self.at(Place::Row(row))
    }

    /// Turns the row, a position in a part of a table, into the table's row.
    #[must_use]
    pub(crate) fn after_rows(self, n_rows: usize) -> Self {
        self.with_row(|row| row + n_rows)
    }

    /// Names another row where one is named.
    #[must_use]
    pub(crate) fn with_row(mut self, row_of: impl Fn(usize) -> usize) -> Self {
        for place in &mut self.0.places {
            if let Place::Row(row) = place {
                *row = row_of(*row);
            }
        }
        self
    }

    /// Names the fold, from 0.
    #[must_use]
    pub fn in_fold(self, fold: usize) -> Self {
        self.at(Place::Fold(fold))
    }

    /// Names the metric.
    #[must_use]
    pub fn in_metric(self, name: impl Into<String>) -> Self {
        self.at(Place::Metric(name.into()))
    }

    /// Names the batch, from 0; rows are then counted from the batch's first.
    #[must_use]
    pub fn in_batch(self, batch: usize) -> Self {
        self.at(Place::Batch(batch))
    }

    /// Names the stack's member.
    #[must_use]
    pub fn in_member(self, name: impl Into<String>) -> Self {
        self.at(Place::Member(name.into()))
    }

    /// Names the stack's view (the transformer that members share).
    #[must_use]
    pub fn in_view(self, name: impl Into<String>) -> Self {
        self.at(Place::View(name.into()))
    }

    /// Names the step of a column transformer.
    #[must_use]
    pub fn in_step(self, name: impl Into<String>) -> Self {
        self.at(Place::Step(name.into()))
    }

    /// Names the level of a stack, from 1.
    #[must_use]
    pub fn in_level(self, level: usize) -> Self {
        self.at(Place::Level(level))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The column that the error names, if any.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        self.0.places.iter().find_map(|place| match place {
            Place::Column(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The row that the error names, if any.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        self.0.places.iter().find_map(|place| match place {
            Place::Row(row) => Some(*row),
            _ => None,
        })
    }

    fn at(mut self, place: Place) -> Self {
        self.0.places.push(place);
        self
    }
}

/// What a model without features needs.
const A_FEATURE: &str = "at least one feature";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, place) in self.0.places.iter().rev().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{place}")?;
        }
        if !self.0.places.is_empty() {
            f.write_str(": ")?;
        }
        write!(f, "{}", self.0.kind)?;
        match &self.0.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {path:?}"),
            Self::Level(level) => write!(f, "stack level {level}"),
            Self::Member(name) => write!(f, "member {name:?}"),
            Self::View(name) => write!(f, "view {name:?}"),
            Self::Step(name) => write!(f, "step {name:?}"),
            Self::Fold(fold) => write!(f, "fold {fold}"),
            Self::Metric(name) => write!(f, "metric {name:?}"),
            Self::Batch(batch) => write!(f, "batch {batch}"),
            Self::Column(name) => write!(f, "column {name:?}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter {
                parameter,
                expected,
                found,
            } => write!(f, "{parameter} must be {expected}, not {found}"),
            Self::Data { expected, found } | Self::Undefined { expected, found } => {
                write!(f, "expected {expected}, found {found}")
            }
            Self::MissingColumn { available } => {
                const SHOWN: usize = 8;
                write!(f, "no such column; the table has ")?;
                if available.is_empty() {
                    return f.write_str("none");
                }
                write!(f, "{}", available[..available.len().min(SHOWN)].join(", "))?;
                if available.len() > SHOWN {
                    write!(f, " and {} more", available.len() - SHOWN)?;
                }
                Ok(())
            }
            Self::DuplicateColumn => f.write_str("the name stands for two columns"),
            Self::WrongKind { expected, found } => {
                write!(f, "expected a {expected} column, found a {found} one")
            }
            Self::UnseenLevel { level } => write!(f, "unseen level {level:?}"),
            Self::MissingValue => f.write_str("missing value"),
            Self::NotFinite { found } => write!(f, "expected a finite value, found {found}"),
            Self::Backend { backend, message } => write!(f, "{backend}: {message}"),
            Self::Unsupported { what } => write!(f, "not supported: {what}"),
            Self::Stopped => f.write_str("stopped by the caller"),
            Self::Io { message } => f.write_str(message),
        }
    }
}

/// The message, as [`Display`](fmt::Display) has it, so that it can be read where `main` returns it;
/// with `{:#?}` the parts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("places", &self.0.places)
            .field("remedy", &self.0.remedy)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
