//! What models see: an `f32` matrix with named columns, whose type says where it came from.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::parallel;

mod sealed {
    #[allow(unnameable_types, reason = "nobody else shall implement it")]
    pub trait Sealed {}
    impl Sealed for super::InSample {}
    impl Sealed for super::OutOfSample {}
}

/// Where features came from: [`InSample`] or [`OutOfSample`].
pub trait Provenance: sealed::Sealed + Copy + fmt::Debug + Send + Sync + 'static {}

/// Features of training rows, none of which was computed from its own row's target: a model may
/// be fitted on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a mark without values")]
pub enum InSample {}

/// Features of rows whose targets played no part in what was fitted: a model may predict them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a mark without values")]
pub enum OutOfSample {}

impl Provenance for InSample {}
impl Provenance for OutOfSample {}

/// What the numbers of a feature mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum FeatureKind {
    /// An ordered number.
    Number,
    /// A code without an order, below the given number of codes.
    Code {
        /// How many codes there are.
        n_codes: u32,
    },
}

/// A feature's name and kind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Feature {
    name: String,
    kind: FeatureKind,
}

impl Feature {
    /// A feature that is an ordered number.
    #[must_use]
    pub fn number(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: FeatureKind::Number,
        }
    }

    /// A feature that is a code without an order.
    #[must_use]
    pub fn code(name: impl Into<String>, n_codes: u32) -> Self {
        Self {
            name: name.into(),
            kind: FeatureKind::Code { n_codes },
        }
    }

    /// The feature's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its numbers mean.
    #[must_use]
    pub fn kind(&self) -> FeatureKind {
        self.kind
    }

    /// The same feature under another name.
    #[must_use]
    pub fn renamed(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }
}

/// An `(n_rows, n_features)` matrix of `f32`, kept column by column, with named columns.
///
/// NaN is a missing value. `P` says whether a model may be fitted on it ([`InSample`]) or may
/// predict it ([`OutOfSample`]). What anyone can build from numbers is `OutOfSample`; `InSample`
/// comes from [`fit_transform`](crate::transform::Transformer::fit_transform) and from
/// out-of-fold predictions, or from [`Features::assume_in_sample`], whose caller vouches for it.
///
/// Clones share the matrix.
///
/// ```
/// use stackfold::data::{Feature, Features};
/// let features = Features::from_columns(
///     vec![Feature::number("a"), Feature::number("b")],
///     vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, f32::NAN]],
/// )?;
/// assert_eq!((features.n_rows(), features.n_features()), (3, 2));
/// assert_eq!(features.column(0), [1.0, 2.0, 3.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// Features of rows to predict cannot be fitted on:
///
/// ```compile_fail,E0308
/// use stackfold::prelude::*;
/// fn leak<E: Estimator<Labels>>(model: &E, x: &Features<OutOfSample>, y: &Labels) -> Result<()> {
///     model.fit(x, y, &FitContext::default())?;
///     Ok(())
/// }
/// ```
///
/// ```
/// use stackfold::prelude::*;
/// fn sound<E: Estimator<Labels>>(model: &E, x: &Features<InSample>, y: &Labels) -> Result<()> {
///     model.fit(x, y, &FitContext::default())?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Features<P: Provenance> {
    /// Column after column, each of `n_rows`.
    values: Arc<Vec<f32>>,
    n_rows: usize,
    fields: Arc<[Feature]>,
    provenance: PhantomData<P>,
}

impl Features<OutOfSample> {
    /// Features from a flat buffer, column after column.
    ///
    /// # Errors
    /// If the buffer's length is not `n_rows` times the number of fields.
    pub fn new(fields: impl Into<Arc<[Feature]>>, n_rows: usize, values: Vec<f32>) -> Result<Self> {
        Self::from_buffer(fields, n_rows, values)
    }

    /// Features from one vector a column; no column gives no row, so see [`Features::new`].
    ///
    /// # Errors
    /// If the number of columns is not that of the fields, or lengths differ.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "callers write the columns out and have no further use for them"
    )]
    pub fn from_columns(fields: Vec<Feature>, columns: Vec<Vec<f32>>) -> Result<Self> {
        let n_rows = columns.first().map_or(0, Vec::len);
        if columns.len() != fields.len() {
            return Err(Error::data(
                format!("{} columns, one a field", fields.len()),
                columns.len(),
            ));
        }
        for (field, column) in fields.iter().zip(&columns) {
            if column.len() != n_rows {
                return Err(Error::data(format!("{n_rows} rows"), column.len())
                    .in_column(field.name.clone()));
            }
        }
        Self::from_buffer(fields, n_rows, columns.concat())
    }

    /// Features from one slice per row.
    ///
    /// ```
    /// use stackfold::data::{Feature, Features};
    /// let fields = vec![Feature::number("a"), Feature::number("b")];
    /// let features = Features::from_rows(fields, &[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]])?;
    /// assert_eq!(features.column(1), [4.0, 5.0, 6.0]);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a row has another number of values than there are fields; the error names the row.
    pub fn from_rows<R: AsRef<[f32]>>(fields: Vec<Feature>, rows: &[R]) -> Result<Self> {
        let mut values = Vec::with_capacity(fields.len() * rows.len());
        for (i, row) in rows.iter().enumerate() {
            let n = row.as_ref().len();
            if n != fields.len() {
                return Err(Error::data(format!("{} values", fields.len()), n).in_row(i));
            }
        }
        for column in 0..fields.len() {
            values.extend(rows.iter().map(|row| row.as_ref()[column]));
        }
        Self::from_buffer(fields, rows.len(), values)
    }

    /// Declares that no row of these features was computed from its own target.
    ///
    /// This is the one way round the check that keeps a target from leaking into its own
    /// features. Use it for features that were made without any target, outside this crate; never
    /// for `fit` followed by `transform` on the same rows.
    #[must_use]
    pub fn assume_in_sample(self) -> Features<InSample> {
        self.with_provenance()
    }
}

impl<P: Provenance> Features<P> {
    pub(crate) fn from_buffer(
        fields: impl Into<Arc<[Feature]>>,
        n_rows: usize,
        values: Vec<f32>,
    ) -> Result<Self> {
        let fields = fields.into();
        if fields.len().checked_mul(n_rows) != Some(values.len()) {
            return Err(Error::data(
                format!("{n_rows} x {} values", fields.len()),
                format!("{} values", values.len()),
            ));
        }
        Ok(Self {
            values: Arc::new(values),
            n_rows,
            fields,
            provenance: PhantomData,
        })
    }

    pub(crate) fn with_provenance<Q: Provenance>(self) -> Features<Q> {
        Features {
            values: self.values,
            n_rows: self.n_rows,
            fields: self.fields,
            provenance: PhantomData,
        }
    }

    /// The same matrix under other names; there must be as many.
    pub(crate) fn with_fields(self, fields: Arc<[Feature]>) -> Self {
        debug_assert_eq!(fields.len(), self.n_features());
        Self { fields, ..self }
    }

    /// How many rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many features.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.fields.len()
    }

    /// Names and kinds of the features, by column.
    #[must_use]
    pub fn fields(&self) -> &[Feature] {
        &self.fields
    }

    pub(crate) fn shared_fields(&self) -> Arc<[Feature]> {
        Arc::clone(&self.fields)
    }

    /// The names of the features, by column.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(Feature::name)
    }

    /// One column.
    ///
    /// # Panics
    /// If `column` is not below [`Features::n_features`].
    #[must_use]
    pub fn column(&self, column: usize) -> &[f32] {
        &self.values[column * self.n_rows..(column + 1) * self.n_rows]
    }

    /// The whole matrix, column after column.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// The buffer, column after column; copied only if it is shared.
    pub(crate) fn into_buffer(self) -> Vec<f32> {
        Arc::unwrap_or_clone(self.values)
    }

    /// The given rows, in the given order.
    ///
    /// # Panics
    /// If a row is not below [`Features::n_rows`].
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let mut values = Vec::with_capacity(rows.len() * self.n_features());
        for j in 0..self.n_features() {
            let column = self.column(j);
            values.extend(rows.iter().map(|&i| column[i as usize]));
        }
        Self {
            values: Arc::new(values),
            n_rows: rows.len(),
            fields: Arc::clone(&self.fields),
            provenance: PhantomData,
        }
    }

    /// Several sets of features of the same rows, side by side.
    ///
    /// # Errors
    /// If numbers of rows differ, or two features have one name.
    pub fn concat(parts: &[Self], n_rows: usize) -> Result<Self> {
        let fields = Self::fields_of(parts, n_rows)?;
        let mut values = Vec::with_capacity(fields.len() * n_rows);
        for part in parts {
            values.extend_from_slice(part.as_slice());
        }
        Self::from_buffer(fields, n_rows, values)
    }

    /// As [`Features::concat`], but each part is dropped as soon as it is copied, and the first one
    /// grows in its place.
    pub(crate) fn join(parts: Vec<Self>, n_rows: usize) -> Result<Self> {
        let fields = Self::fields_of(&parts, n_rows)?;
        Self::join_as(fields.into(), parts, n_rows)
    }

    /// As [`Features::join`], under names that are known to differ.
    pub(crate) fn join_as(fields: Arc<[Feature]>, parts: Vec<Self>, n_rows: usize) -> Result<Self> {
        let mut parts = parts.into_iter();
        let mut values = parts.next().map_or_else(Vec::new, Self::into_buffer);
        values.reserve_exact((fields.len() * n_rows).saturating_sub(values.len()));
        for part in parts {
            values.extend_from_slice(part.as_slice());
        }
        Self::from_buffer(fields, n_rows, values)
    }

    /// The fields of all parts, which are of so many rows and of different names.
    fn fields_of(parts: &[Self], n_rows: usize) -> Result<Vec<Feature>> {
        let n_features = parts.iter().map(Self::n_features).sum();
        let mut fields: Vec<Feature> = Vec::with_capacity(n_features);
        let mut names = std::collections::HashSet::new();
        for part in parts {
            if part.n_rows() != n_rows {
                return Err(Error::data(format!("{n_rows} rows"), part.n_rows()));
            }
            for field in part.fields() {
                if !names.insert(field.name()) {
                    return Err(Error::new(crate::error::ErrorKind::DuplicateColumn)
                        .in_column(field.name()));
                }
                fields.push(field.clone());
            }
        }
        Ok(fields)
    }

    /// Checks that these features have the names that a model was fitted on, in order.
    ///
    /// # Errors
    /// Names the first feature that differs.
    pub fn check_fields(&self, expected: &[Feature]) -> Result<()> {
        if std::ptr::eq(&raw const *self.fields, expected) {
            return Ok(());
        }
        for (have, want) in self.fields.iter().zip(expected) {
            if have.name != want.name {
                return Err(Error::data(
                    format!("feature {:?}, as in fitting", want.name),
                    format!("{:?}", have.name),
                ));
            }
        }
        if self.n_features() != expected.len() {
            return Err(Error::data(
                format!("{} features, as in fitting", expected.len()),
                self.n_features(),
            ));
        }
        Ok(())
    }

    /// Checks that no value is missing: for learners that cannot take one.
    ///
    /// # Errors
    /// Names the first feature and row with a missing or infinite value.
    pub fn check_finite(&self) -> Result<()> {
        self.check_values(f32::is_finite)
    }

    /// Checks that no value is infinite: for learners that can take a missing one.
    pub(crate) fn check_not_infinite(&self) -> Result<()> {
        self.check_values(|v| !v.is_infinite())
    }

    fn check_values(&self, is_good: impl Fn(f32) -> bool + Sync) -> Result<()> {
        /// Values that are looked at without a branch.
        const RUN: usize = 4096;
        let all_good = |run: &[f32]| run.iter().fold(true, |all, &v| all & is_good(v));
        let first_bad = AtomicUsize::new(self.n_features());
        parallel::for_each_small(self.n_rows, self.fields.iter(), |j, _| {
            let may_be_first = j < first_bad.load(Ordering::Relaxed);
            if may_be_first && !self.column(j).chunks(RUN).all(all_good) {
                first_bad.fetch_min(j, Ordering::Relaxed);
            }
        });
        let j = first_bad.into_inner();
        let bad = self.fields.get(j).and_then(|field| {
            let column = self.column(j);
            let row = column.iter().position(|&v| !is_good(v))?;
            Some((row, field, column[row]))
        });
        let Some((row, field, value)) = bad else {
            return Ok(());
        };
        let error = if value.is_nan() {
            Error::missing_value()
        } else {
            Error::not_finite(f64::from(value))
        };
        Err(error.in_row(row).in_column(field.name()))
    }
}
