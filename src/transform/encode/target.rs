//! The mean of the target by level, cross-fitted.

use std::sync::Arc;

use super::cells::fill;
use super::cross_fitted::InnerFolds;
use super::crossing::{Classes, Groups};
use super::lookup::{Lookup, LookupColumn};
use super::targets::{MissingLevel, TrainingColumns, to_feature, transformer_of_target};
use crate::data::{DynTarget, Feature, Features, InSample, OutOfSample, Rows, Train};
use crate::error::{Error, Result};
use crate::folds::Folds;
use crate::numeric::links::sigmoid;
use crate::numeric::moments::{SumMoments, others};
use crate::options::options;
use crate::parallel;
use crate::transform::{FittedTransformer, Placement, Scope};

/// How the mean of a level is drawn towards the prior: the more, the fewer rows the level has.
///
/// In the formulas, of the rows that are learned from, `n` is the weight of those of the level
/// (their number, without weights), `ȳ` the mean of their targets, and `p` the prior: the mean of
/// all targets. A level without rows gets `p`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Smoothing {
    /// `(n ȳ + m p) / (n + m)`: as if `m` rows more had the prior's target (Micci-Barreca 2001,
    /// eq. 7). `m` is 0 or more.
    Fixed(f64),
    /// `λ ȳ + (1 - λ) p` with `λ = 1 / (1 + exp(-(n - k) / f))` (Micci-Barreca 2001, eq. 4).
    Sigmoid {
        /// The weight at which level and prior count alike.
        k: f64,
        /// How slowly that changes with the weight; above 0.
        f: f64,
    },
    /// `λ ȳ + (1 - λ) p` with `λ = v n / (v n + v_l)`: `v` is the variance of all targets, `v_l`
    /// that of the level's (Micci-Barreca 2001, eq. 5 and 6; scikit-learn's `smooth="auto"`).
    EmpiricalBayes,
}

impl Smoothing {
    fn check(self) -> Result<()> {
        let (expected, ok, found) = match self {
            Self::Fixed(m) => ("finite and 0 or more", m.is_finite() && m >= 0.0, m),
            Self::Sigmoid { k, .. } if !k.is_finite() => ("a finite k", false, k),
            Self::Sigmoid { f, .. } => ("an f above 0", f.is_finite() && f > 0.0, f),
            Self::EmpiricalBayes => ("", true, 0.0),
        };
        if ok {
            Ok(())
        } else {
            Err(Error::parameter("smoothing", expected, found))
        }
    }

    /// The smoothed mean of a level; NaN if no row has weight.
    fn apply(self, level: &SumMoments, all: &SumMoments) -> f64 {
        let Some(prior) = all.mean() else {
            return f64::NAN;
        };
        let Some(mean) = level.mean() else {
            return prior;
        };
        let share = match self {
            Self::Fixed(m) => return (level.sum + m * prior) / (level.weight + m),
            Self::Sigmoid { k, f } => sigmoid((level.weight - k) / f),
            Self::EmpiricalBayes => {
                let between = all.variance().unwrap_or(0.0) * level.weight;
                let within = level.variance().unwrap_or(0.0);
                if between + within > 0.0 {
                    between / (between + within)
                } else {
                    return prior;
                }
            }
        };
        share * mean + (1.0 - share) * prior
    }
}

/// Replaces each level by the smoothed mean of its targets, cross-fitted.
///
/// A training row's mean, prior and smoothing come from the rows of the *other* folds; a new
/// row's from all training rows. [`Smoothing`] has the formulas. For two classes the target is 1
/// for the positive class; more classes give one feature a class, named `column_class`; in
/// regression it is the value. Weights count.
///
/// `c` columns and `k` outputs of the target give `(n_rows, c k)` features. A level that the
/// rows learned from do not have gets the prior; so does a missing cell, unless it is
/// [a level of its own](MissingLevel::AsLevel), which is the default. If there are fewer than two
/// rows (or groups, where the table has a group column), or none of those to learn from has
/// weight, features of training rows are missing.
///
/// A regression's target may be far from 0 for its spread: where the median's size is above 4096
/// times the quartiles' distance, `f32` would not tell the means of levels apart. An origin near the
/// median is then taken off the targets of all rows, and off the features with them;
/// [`FittedTransformer::moved`] says which.
///
/// Sums are kept for each level and fold in one scan, whatever the number of folds; those of the
/// other folds are merged, so that a row's own target takes no part even by rounding.
///
/// Over the same folds these are the numbers of scikit-learn's `TargetEncoder`, with its `smooth` a
/// number or `"auto"`. New rows get those of `category_encoders`' `MEstimateEncoder`
/// ([`Smoothing::Fixed`]) and `TargetEncoder` ([`Smoothing::Sigmoid`], where `k` is its
/// `min_samples_leaf` and `f` its `smoothing`); its training rows see their own target.
///
/// Source: Micci-Barreca 2001, "A preprocessing scheme for high-cardinality categorical attributes
/// in classification and prediction problems", SIGKDD Explorations 3(1); cross-fitting as in
/// scikit-learn's `TargetEncoder`.
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::folds::Folds;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{Smoothing, TargetEncoder};
///
/// let table = Table::new([("city", Column::categorical(["a", "a", "a", "b"].map(Some)))])?;
/// let target = Values::new(vec![1.0, 2.0, 3.0, 8.0])?;
/// let encoder = TargetEncoder::new()
///     .with_smoothing(Smoothing::Fixed(1.0))
///     .with_folds(Folds::new(vec![0, 1, 0, 1], 2)?);
/// let (fitted, training) = encoder.fit_transform(Train::new(&table, &target)?)?;
/// // Row 0 learns from rows 1 and 3: the prior is 5, and one row has its level.
/// assert_eq!(training.column(0)[0], (2.0 + 1.0 * 5.0) / (1.0 + 1.0));
/// // A new row learns from all four: the prior is 3.5.
/// assert_eq!(fitted.transform(table.rows())?.column(0)[0], (6.0 + 3.5) / (3.0 + 1.0));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetEncoder {
    smoothing: Smoothing,
    missing: MissingLevel,
    folds: InnerFolds,
}

impl Default for TargetEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl TargetEncoder {
    /// Empirical Bayes smoothing, 5 folds, a missing cell as a level of its own.
    #[must_use]
    pub fn new() -> Self {
        Self {
            smoothing: Smoothing::EmpiricalBayes,
            missing: MissingLevel::AsLevel,
            folds: InnerFolds::default(),
        }
    }

    options! {
        /// With this smoothing.
        with_smoothing(smoothing: Smoothing);
        /// With missing cells treated so.
        with_missing(missing: MissingLevel);
    }

    /// Cross-fitted over this many folds: 2 or more, and no more than there are rows (or groups).
    ///
    /// Folds are stratified by the target and keep groups together.
    #[must_use]
    pub fn with_n_folds(self, n_folds: usize) -> Self {
        Self {
            folds: InnerFolds::Count(n_folds),
            ..self
        }
    }

    /// Cross-fitted over these folds of the training rows.
    #[must_use]
    pub fn with_folds(self, folds: Folds) -> Self {
        Self {
            folds: InnerFolds::Given(folds),
            ..self
        }
    }
}

/// The folds of training rows, and the moments of each output's targets in them.
struct FoldTargets<'a> {
    fold_of_row: &'a [u16],
    n_folds: usize,
    /// By output: the moments of all rows outside each fold, and those of all rows.
    others: Vec<(Vec<SumMoments>, SumMoments)>,
    /// By output, where the target has classes: the class of each row within its fold.
    parts: Vec<Option<Vec<u16>>>,
}

impl<'a> FoldTargets<'a> {
    /// Without folds, all rows are in one, which has no others.
    fn new(columns: &TrainingColumns<'_>, folds: Option<&'a Folds>, one: &'a [u16]) -> Self {
        let fold_of_row = folds.map_or(one, Folds::fold_of_row);
        let n_folds = folds.map_or(1, Folds::n_folds);
        let cells = fold_of_row.iter().map(|&f| usize::from(f));
        let outputs = columns.outputs.iter().map(|target| {
            let of_folds =
                SumMoments::of_cells(n_folds, cells.clone(), target, &columns.weights, true);
            let mut outside = vec![SumMoments::default(); n_folds];
            let all = others(&of_folds, &mut outside);
            (outside, all)
        });
        let part = |classes: &Classes| {
            let n_classes = u16::try_from(classes.values.len()).ok()?;
            u16::try_from(n_folds).ok()?.checked_mul(n_classes)?;
            let rows = fold_of_row.iter().zip(&classes.of_row);
            Some(rows.map(|(fold, class)| fold * n_classes + class).collect())
        };
        let classes = columns.classes.iter();
        Self {
            fold_of_row,
            n_folds,
            others: outputs.collect(),
            parts: classes.map(|classes| part(classes.as_ref()?)).collect(),
        }
    }
}

impl TargetEncoder {
    fn with_fold_targets<T>(
        &self,
        train: Train<'_, dyn DynTarget>,
        f: impl FnOnce(&TrainingColumns<'_>, &FoldTargets<'_>) -> Result<T>,
    ) -> Result<T> {
        self.smoothing.check()?;
        let seed = train.seed().child("target_encoder");
        let folds = self.folds.of(train, seed)?;
        let columns = TrainingColumns::new(train)?;
        let one = vec![0; if folds.is_none() { train.len() } else { 0 }];
        let folds = FoldTargets::new(&columns, folds.as_deref(), &one);
        f(&columns, &folds)
    }

    /// Writes the training rows' features of one column, if there is room for them; returns its
    /// numbers for new rows.
    fn encode(
        &self,
        columns: &TrainingColumns<'_>,
        folds: &FoldTargets<'_>,
        column: usize,
        out: &mut [f32],
    ) -> Result<LookupColumn> {
        let cells = &columns.cells[column];
        let n_folds = folds.n_folds;
        let n_slots = cells.n_levels() + 1;
        if u32::try_from(n_slots * n_folds).is_err() {
            let what = format!("{} levels in {n_folds} folds", cells.n_levels());
            return Err(Error::unsupported(what).in_column(cells.name));
        }
        let codes = columns.rows.gather(cells.codes());
        let in_folds = Groups::new(folds.fold_of_row, n_folds);
        let mut values = Vec::with_capacity(columns.outputs.len());
        let mut outs = out.chunks_exact_mut(columns.n_rows().max(1));
        for (output, (outside, all)) in folds.others.iter().enumerate() {
            let mut moments = self.moments(columns, folds, output, &codes, n_slots);
            if self.missing == MissingLevel::Prior {
                moments[(n_slots - 1) * n_folds..].fill(SumMoments::default());
            }
            let mut in_sample = vec![0.0_f32; moments.len()];
            let mut elsewhere = vec![SumMoments::default(); n_folds];
            let mut new_rows = Vec::with_capacity(n_slots);
            for (level, in_sample) in moments
                .chunks_exact(n_folds)
                .zip(in_sample.chunks_exact_mut(n_folds))
            {
                let whole = others(level, &mut elsewhere);
                for ((value, level), all) in in_sample.iter_mut().zip(&elsewhere).zip(outside) {
                    *value = to_feature(self.smoothing.apply(level, all));
                }
                new_rows.push(self.smoothing.apply(&whole, all));
            }
            if let Some(out) = outs.next() {
                in_folds.look_up(&codes, &in_sample, out, |_, value| value);
            }
            values.push(new_rows);
        }
        let priors: Vec<f64> = folds
            .others
            .iter()
            .map(|(_, all)| all.mean().unwrap_or(f64::NAN))
            .collect();
        Ok(columns.lookup_column(column, values, &priors))
    }

    /// The moments of one output by level and fold; last, those of missing cells.
    fn moments(
        &self,
        columns: &TrainingColumns<'_>,
        folds: &FoldTargets<'_>,
        output: usize,
        codes: &[u32],
        n_slots: usize,
    ) -> Vec<SumMoments> {
        if let (Some(classes), Some(parts)) = (&columns.classes[output], &folds.parts[output]) {
            let n_classes = classes.values.len();
            let counts = Groups::new(parts, folds.n_folds * n_classes).count(codes, n_slots);
            return counts
                .chunks_exact(n_classes)
                .map(|counts| SumMoments::of_counts(counts, &classes.values))
                .collect();
        }
        let missing = n_slots - 1;
        let rows = codes.iter().zip(folds.fold_of_row);
        let cells = rows
            .map(|(&code, &fold)| (code as usize).min(missing) * folds.n_folds + usize::from(fold));
        let spread = self.smoothing == Smoothing::EmpiricalBayes;
        let target = &columns.outputs[output];
        SumMoments::of_cells(
            n_slots * folds.n_folds,
            cells,
            target,
            &columns.weights,
            spread,
        )
    }
}

transformer_of_target!(TargetEncoder, FittedTargetEncoder);

impl TargetEncoder {
    fn fit_transform_any(
        &self,
        train: Train<'_, dyn DynTarget>,
    ) -> Result<(FittedTargetEncoder, Features<InSample>)> {
        self.with_fold_targets(train, |columns, folds| {
            let (values, fitted) = fill(train.len(), &columns.widths(), |j, out| {
                self.encode(columns, folds, j, out)
            })?;
            let features = Features::from_buffer(Arc::clone(&columns.fields), train.len(), values)?;
            Ok((FittedTargetEncoder(columns.lookup(fitted)), features))
        })
    }

    fn fit_part_any(&self, train: Train<'_, dyn DynTarget>) -> Result<FittedTargetEncoder> {
        self.with_fold_targets(train, |columns, folds| {
            let fitted = parallel::map(0..columns.cells.len(), |_, j| {
                self.encode(columns, folds, j, &mut [])
            });
            let fitted = fitted.into_iter().collect::<Result<_>>()?;
            Ok(FittedTargetEncoder(columns.lookup(fitted)))
        })
    }
}

/// A fitted [`TargetEncoder`]: the smoothed mean of each level over all training rows.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedTargetEncoder(Lookup);

impl FittedTargetEncoder {
    fn join(parts: Vec<Self>, target: &dyn DynTarget) -> Self {
        Self(Lookup::join(parts.into_iter().map(|part| part.0), target))
    }
}

impl FittedTransformer for FittedTargetEncoder {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        self.0.transform(rows)
    }

    fn fields(&self) -> &[Feature] {
        self.0.fields()
    }

    fn moved(&self) -> Vec<(String, Placement)> {
        self.0.moved()
    }
}
