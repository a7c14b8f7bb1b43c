//! The mean of the target over the rows of the level that came before.

use std::borrow::Cow;
use std::sync::Arc;

use super::cells::fill;
use super::lookup::{Lookup, LookupColumn};
use super::targets::{MissingLevel, TrainingColumns, to_feature, transformer_of_target};
use crate::data::{DynTarget, Feature, Features, InSample, OutOfSample, Rows, Train};
use crate::error::{Error, Result};
use crate::numeric::moments::SumMoments;
use crate::numeric::ordered::{Pass, by_time, smoothed_mean};
use crate::options::{at_least_one, at_least_zero, options};
use crate::parallel;
use crate::random::Seed;
use crate::transform::{FittedTransformer, Placement, Scope};

/// The order in which an [`OrderedTargetEncoder`] meets the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum RowOrder {
    /// By time if the table has a time column, else random.
    TimeOrRandom,
    /// Random permutations, whether or not there is a time.
    Random,
    /// By time; an error if the table has no time column.
    Time,
    /// The order of the training rows. Sorted rows then leak what they are sorted by.
    AsGiven,
}

/// What a level's mean is drawn towards in the training rows of an [`OrderedTargetEncoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum OrderedPrior {
    /// The mean over all earlier rows, whatever their level: the row's own target takes no part.
    ///
    /// Rows with no row (of any weight) before them get the mean over all later rows.
    EarlierMean,
    /// The mean over all rows, as CatBoost and `category_encoders` have it: a constant, in which
    /// each row's own target has a share of one in `n`.
    OverallMean,
}

/// Replaces each level by the mean target of the rows of that level that came *before*.
///
/// Training rows are put in a random order; a row gets `(S + a p) / (W + a)`, where `S` and `W`
/// are the weighted sum of targets and the sum of weights over the *earlier* rows of its level
/// (weights of one, without), `a` is the prior's weight and `p` the prior, see [`OrderedPrior`].
/// This is averaged over several orders. If the table has a time column, its order is taken
/// instead; rows of the same time do not see one another. A new row gets `(S + a p) / (W + a)`
/// over all training rows, with `p` the mean of all. [`RowOrder::AsGiven`],
/// [`OrderedPrior::OverallMean`] and [`with_min_rows(2)`](Self::with_min_rows) give the numbers of
/// `category_encoders`' `CatBoostEncoder`.
///
/// Missing cells are a level, unless told [otherwise](MissingLevel::Prior); unseen levels get the
/// prior. If there is no other row to learn from, or none has weight, the feature is missing. For
/// two classes the target is 1 for the positive class; more classes give one feature a class,
/// named `column_class`; in regression it is the value. `c` columns and `k` outputs of the target
/// give `(n_rows, c k)` features. From a regression's target that is far from 0 for its spread an
/// origin is taken off, as by [`TargetEncoder`](super::TargetEncoder). Rows of one group see one another: groups want
/// [`TargetEncoder`](super::TargetEncoder).
///
/// Source: Prokhorenkova et al. 2018, "CatBoost: unbiased boosting with categorical features",
/// `NeurIPS` 31, §3.2 and eq. 5.
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{OrderedTargetEncoder, RowOrder};
///
/// let table = Table::new([("city", Column::categorical(["a", "b", "a", "a"].map(Some)))])?;
/// let target = Values::new(vec![2.0, 4.0, 6.0, 0.0])?;
/// let encoder = OrderedTargetEncoder::new().with_order(RowOrder::AsGiven);
/// let (fitted, training) = encoder.fit_transform(Train::new(&table, &target)?)?;
/// // Row 3: the rows before it have the mean 4, those of level "a" among them are 2 and 6.
/// assert_eq!(training.column(0)[3], (2.0 + 6.0 + 4.0) / (2.0 + 1.0));
/// // A new row: the mean of all is 3, three rows have level "a".
/// assert_eq!(fitted.transform(table.rows())?.column(0)[3], (8.0 + 3.0) / (3.0 + 1.0));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrderedTargetEncoder {
    n_permutations: usize,
    prior_weight: f64,
    order: RowOrder,
    prior: OrderedPrior,
    missing: MissingLevel,
    min_rows: usize,
}

impl Default for OrderedTargetEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl OrderedTargetEncoder {
    /// Time or else 4 random orders, a prior of weight 1 from earlier rows, missing as a level.
    #[must_use]
    pub fn new() -> Self {
        Self {
            n_permutations: 4,
            prior_weight: 1.0,
            order: RowOrder::TimeOrRandom,
            prior: OrderedPrior::EarlierMean,
            missing: MissingLevel::AsLevel,
            min_rows: 1,
        }
    }

    options! {
        /// Averaged over this many random orders, 1 or more; other orders have one.
        ///
        /// Keep it small: the mean over very many orders comes close to that of all other rows, and
        /// so to the leak of [`LeaveOneOutEncoder`](super::LeaveOneOutEncoder).
        with_n_permutations(n_permutations: usize);
        /// With this weight `a` of the prior: finite, 0 or more.
        with_prior_weight(prior_weight: f64);
        /// In this order.
        with_order(order: RowOrder);
        /// With this prior for training rows.
        with_prior(prior: OrderedPrior);
        /// With missing cells treated so.
        with_missing(missing: MissingLevel);
        /// With the plain prior for new rows whose level was in fewer training rows than this
        /// (`category_encoders` has 2).
        with_min_rows(min_rows: usize);
    }

    fn check(&self) -> Result<()> {
        at_least_one("n_permutations", self.n_permutations)?;
        at_least_zero("prior_weight", self.prior_weight)
    }

    /// The time of each row, if there is one.
    fn time<'a>(&self, train: Train<'a, dyn DynTarget>) -> Result<Option<Cow<'a, [f64]>>> {
        let time = train.rows().time();
        if self.order == RowOrder::Time && time.is_none() {
            return Err(Error::data("a time column, as the order asks for", "none"));
        }
        Ok(time)
    }

    fn passes(
        &self,
        columns: &TrainingColumns<'_>,
        totals: &[SumMoments],
        time: Option<&[f64]>,
        seed: Seed,
    ) -> Vec<Pass> {
        let orders: Vec<(Vec<u32>, Vec<u32>)> = match (self.order, time) {
            (RowOrder::Time | RowOrder::TimeOrRandom, Some(time)) => vec![by_time(time)],
            (RowOrder::AsGiven, _) => vec![((0..).take(columns.n_rows()).collect(), Vec::new())],
            (RowOrder::Random | RowOrder::Time | RowOrder::TimeOrRandom, _) => {
                parallel::map(0..self.n_permutations, |_, permutation| {
                    let mut order: Vec<u32> = (0..).take(columns.n_rows()).collect();
                    seed.at(permutation).stream().shuffle(&mut order);
                    (order, Vec::new())
                })
            }
        };
        let constants: Option<Vec<f64>> = match self.prior {
            OrderedPrior::EarlierMean => None,
            OrderedPrior::OverallMean => {
                let mean = |all: &SumMoments| all.mean().unwrap_or(f64::NAN);
                Some(totals.iter().map(mean).collect())
            }
        };
        parallel::map(orders, |_, (order, ends)| {
            Pass::new(
                &columns.outputs,
                &columns.weights,
                constants.as_deref(),
                order,
                ends,
            )
        })
    }

    /// Writes the training rows' features of one column.
    fn encode(
        &self,
        columns: &TrainingColumns<'_>,
        passes: &[Pass],
        column: usize,
        out: &mut [f32],
    ) {
        let cells = &columns.cells[column];
        let n_rows = columns.n_rows();
        let slots = cells.slots(columns.rows);
        let missing = u32::try_from(cells.n_levels())
            .ok()
            .filter(|_| self.missing == MissingLevel::Prior);
        for (output, out) in out.chunks_exact_mut(n_rows.max(1)).enumerate() {
            let mut sums = vec![0.0_f64; n_rows];
            for pass in passes {
                pass.add(
                    &slots,
                    cells.n_levels() + 1,
                    missing,
                    output,
                    self.prior_weight,
                    &mut sums,
                );
            }
            for (o, sum) in out.iter_mut().zip(sums) {
                *o = to_feature(sum / passes.len() as f64);
            }
        }
    }

    /// The numbers of one column for new rows.
    fn new_rows(
        &self,
        columns: &TrainingColumns<'_>,
        totals: &[SumMoments],
        column: usize,
    ) -> LookupColumn {
        let cells = &columns.cells[column];
        let counts = cells.counts(columns.rows, columns.weights());
        let slots = cells.slots(columns.rows);
        let mut values = Vec::with_capacity(columns.outputs.len());
        let mut priors = Vec::with_capacity(columns.outputs.len());
        for (target, all) in columns.outputs.iter().zip(totals) {
            let rows = slots.iter().map(|&slot| slot as usize);
            let mut levels =
                SumMoments::of_cells(counts.len(), rows, target, &columns.weights, false);
            if let Some(missing) = levels.last_mut()
                && self.missing == MissingLevel::Prior
            {
                *missing = SumMoments::default();
            }
            let prior = all.mean().unwrap_or(f64::NAN);
            let value = |(level, &count): (&SumMoments, &u32)| {
                if (count as usize) < self.min_rows {
                    prior
                } else {
                    smoothed_mean(level.weight, level.sum, self.prior_weight, prior)
                }
            };
            values.push(levels.iter().zip(&counts).map(value).collect());
            priors.push(prior);
        }
        columns.lookup_column(column, values, &priors)
    }
}

transformer_of_target!(OrderedTargetEncoder, FittedOrderedTargetEncoder);

impl OrderedTargetEncoder {
    fn fit_transform_any(
        &self,
        train: Train<'_, dyn DynTarget>,
    ) -> Result<(FittedOrderedTargetEncoder, Features<InSample>)> {
        self.check()?;
        let columns = TrainingColumns::new(train)?;
        let time: Option<Cow<'_, [f64]>> = self.time(train)?;
        let seed = train.seed().child("ordered_target");
        let totals = columns.totals();
        let passes = self.passes(&columns, &totals, time.as_deref(), seed);
        let (values, fitted) = fill(train.len(), &columns.widths(), |j, out| {
            self.encode(&columns, &passes, j, out);
            Ok(self.new_rows(&columns, &totals, j))
        })?;
        let features = Features::from_buffer(Arc::clone(&columns.fields), train.len(), values)?;
        Ok((FittedOrderedTargetEncoder(columns.lookup(fitted)), features))
    }

    fn fit_part_any(&self, train: Train<'_, dyn DynTarget>) -> Result<FittedOrderedTargetEncoder> {
        self.check()?;
        let columns = TrainingColumns::new(train)?;
        self.time(train)?;
        let totals = columns.totals();
        let fitted = parallel::map(0..columns.cells.len(), |_, j| {
            self.new_rows(&columns, &totals, j)
        });
        Ok(FittedOrderedTargetEncoder(columns.lookup(fitted)))
    }
}

/// A fitted [`OrderedTargetEncoder`]: the statistic of each level over all training rows.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedOrderedTargetEncoder(Lookup);

impl FittedOrderedTargetEncoder {
    fn join(parts: Vec<Self>, target: &dyn DynTarget) -> Self {
        Self(Lookup::join(parts.into_iter().map(|part| part.0), target))
    }
}

impl FittedTransformer for FittedOrderedTargetEncoder {
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
