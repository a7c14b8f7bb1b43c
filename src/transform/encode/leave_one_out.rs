//! The mean of the target over the other rows of the level.

use std::sync::Arc;

use super::cells::fill;
use super::cross_fitted::{CrossFitted, TargetStatistic};
use super::crossing::{Classes, Groups};
use super::lookup::{Lookup, LookupColumn};
use super::noise::Ziggurat;
use super::targets::{MissingLevel, TrainingColumns, to_feature, transformer_of_target};
use crate::data::{DynTarget, Target, Train};
use crate::data::{Feature, Features, InSample, MISSING_CODE, OutOfSample, RowIndex, Rows};
use crate::error::{Error, Result};
use crate::options::options;
use crate::parallel;
use crate::random::Seed;
use crate::transform::{FittedTransformer, Placement, Scope};

/// Noise on the training rows' features of a [`LeaveOneOutEncoder`]; new rows have none.
///
/// Each cell has a draw `z` of its own from the standard normal distribution, which depends on
/// the seed, the column's name and the row's index in the table.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Noise {
    /// None: the feature then gives its row's target away.
    None,
    /// The feature times `1 + σ z`. It vanishes where the feature is near 0, and grows with the
    /// size of a regression's target.
    Multiplicative(f64),
    /// The feature plus `σ s z`, where `s` is the standard deviation of the targets that the
    /// feature is the mean of: those of the other rows of the level, or of the prior.
    Additive(f64),
}

/// What a training row gets that has no other row of its level to learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum LoneRow {
    /// The mean over all *other* rows: the row's own target takes no part.
    OthersMean,
    /// The mean over all rows, its own target with them, as `category_encoders` has it: one number
    /// for all such rows.
    OverallMean,
}

/// Replaces each level by the mean target of the *other* rows of that level.
///
/// A training row `i` of level `l` gets `(S_l - w_i y_i) / (W_l - w_i)`, where `S_l` and `W_l`
/// are the weighted sum of targets and the sum of weights of the level (weights of one, without),
/// changed by [`Noise`]: by default it is multiplied by a draw from N(1, 0.05²). A new row gets
/// `S_l / W_l`, without noise. The prior, the mean of all targets, stands for levels that were
/// seen in one training row, unseen levels and, unless they are made
/// [a level](MissingLevel::AsLevel), missing cells; a training row without another of its level
/// gets what [`LoneRow`] says. If there is no other row at all, or none has weight, its feature
/// is missing. With [`Noise::None`], [`MissingLevel::AsLevel`] and [`LoneRow::OverallMean`] these
/// are the numbers of `category_encoders`' `LeaveOneOutEncoder` without sigma.
///
/// For two classes the target is 1 for the positive class; more classes give one feature a
/// class, named `column_class`; in regression it is the value. `c` columns and `k` outputs of the
/// target give `(n_rows, c k)` features. From a regression's target that is far from 0 for its spread
/// an origin is taken off, as by [`TargetEncoder`](super::TargetEncoder), and noise multiplies what
/// is left.
///
/// # Leave-one-out leaks by itself
/// No feature uses its own target, yet together they give it away: within a level the sum is the
/// same for all, so those rows whose own target is *larger* have the *smaller* mean of others. In
/// a column with a single level the feature takes two values, `(S - 1) / (n - 1)` and
/// `S / (n - 1)`, and one split tells the classes apart: AUC 1.000 in training, 0.500 on new rows.
/// Noise covers this up where it is large against `1 / (n_l - 1)`, and not in small levels: with
/// 20,000 rows of noise as target, a tree's training AUC exceeded that on random numbers by 0.50,
/// 0.46, 0.29 and 0.05 for 1, 20, 200 and 2,000 levels without noise, and by 0.00, 0.00, 0.02 and
/// 0.03 with the default noise. Cross-fitting removes it: use [`LeaveOneOutEncoder::nested`], [`TargetEncoder`](super::TargetEncoder) or
/// [`OrderedTargetEncoder`](super::OrderedTargetEncoder) where it matters. Rows of one group are
/// *other* rows here; only the cross-fitted encoders keep groups apart.
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{LeaveOneOutEncoder, Noise};
///
/// let constant = Table::new([("x", Column::categorical([Some("a"); 6]))])?;
/// let target = Labels::from_strs(&["0", "1", "0", "0", "1", "0"])?;
/// let train = Train::new(&constant, &target)?;
/// let plain = LeaveOneOutEncoder::new().with_noise(Noise::None);
/// let (fitted, training) = plain.fit_transform(train)?;
/// // The feature of a constant column tells each training row's class.
/// let tells: Vec<bool> = training.column(0).iter().map(|&x| x < 0.3).collect();
/// assert_eq!(tells, [false, true, false, false, true, false]);
/// // New rows all get the plain mean.
/// assert!(fitted.transform(constant.rows())?.column(0).iter().all(|&x| x == 2.0 / 6.0));
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// Source: Zhang, winner's post of the Amazon Employee Access challenge, 2013; the leak:
/// Prokhorenkova et al. 2018, "CatBoost: unbiased boosting with categorical features", §3.2.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeaveOneOutEncoder {
    noise: Noise,
    missing: MissingLevel,
    lone_row: LoneRow,
}

impl Default for LeaveOneOutEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl LeaveOneOutEncoder {
    /// Noise from N(1, 0.05²), missing cells and lone rows with the prior.
    #[must_use]
    pub fn new() -> Self {
        Self {
            noise: Noise::Multiplicative(0.05),
            missing: MissingLevel::Prior,
            lone_row: LoneRow::OthersMean,
        }
    }

    options! {
        /// With this noise on training rows.
        with_noise(noise: Noise);
        /// With missing cells treated so.
        with_missing(missing: MissingLevel);
        /// With training rows alone in their level treated so.
        with_lone_row(lone_row: LoneRow);
    }

    /// The same means, cross-fitted over 5 folds: a training row gets the plain mean of its level
    /// in the other folds, without noise, and so what a new row gets.
    #[must_use]
    pub fn nested(self) -> CrossFitted<Self> {
        CrossFitted::new(self)
    }

    fn check(&self) -> Result<()> {
        match self.noise {
            Noise::Multiplicative(sigma) | Noise::Additive(sigma)
                if !(sigma.is_finite() && sigma >= 0.0) =>
            {
                Err(Error::parameter("noise", "finite and 0 or more", sigma))
            }
            _ => Ok(()),
        }
    }

    fn targets<'a>(&self, columns: &'a TrainingColumns<'_>) -> Vec<OutputTarget<'a>> {
        let outputs = columns.outputs.iter().zip(&columns.classes);
        outputs
            .map(|(target, classes)| {
                OutputTarget::new(target, classes.as_ref(), &columns.weights, self.lone_row)
            })
            .collect()
    }

    /// The numbers of one column for new rows; for each output, the sums of each level and, last,
    /// of missing cells.
    fn new_rows(
        &self,
        columns: &TrainingColumns<'_>,
        column: usize,
        targets: &[OutputTarget<'_>],
        sums: &[Vec<Sums>],
    ) -> LookupColumn {
        let priors: Vec<f64> = targets.iter().map(|target| target.all.mean()).collect();
        let values = sums.iter().zip(&priors).map(|(sums, &prior)| {
            let mean = |level: &Sums| {
                if level.rows > 1.0 && level.weight > 0.0 {
                    level.mean()
                } else {
                    prior
                }
            };
            let mut means: Vec<f64> = sums.iter().map(mean).collect();
            if let Some(missing) = means.last_mut()
                && self.missing == MissingLevel::Prior
            {
                *missing = prior;
            }
            means
        });
        columns.lookup_column(column, values.collect(), &priors)
    }
}

impl<Y: Target> TargetStatistic<Y> for LeaveOneOutEncoder {
    type Fitted = FittedLeaveOneOutEncoder;

    fn fit(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
        self.fit_part_any(train.as_dyn())
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Columns
    }

    fn join(&self, parts: Vec<Self::Fitted>, target: &Y) -> Result<Self::Fitted> {
        Ok(FittedLeaveOneOutEncoder::join(parts, target.as_dyn()))
    }
}

transformer_of_target!(LeaveOneOutEncoder, FittedLeaveOneOutEncoder);

impl LeaveOneOutEncoder {
    fn fit_part_any(&self, train: Train<'_, dyn DynTarget>) -> Result<FittedLeaveOneOutEncoder> {
        self.check()?;
        let columns = TrainingColumns::new(train)?;
        let targets = self.targets(&columns);
        let fitted = parallel::map(&columns.cells, |j, cells| {
            let codes = columns.rows.gather(cells.codes());
            let sums: Vec<Vec<Sums>> = targets
                .iter()
                .map(|target| target.level_sums(&codes, cells.n_levels() + 1))
                .collect();
            self.new_rows(&columns, j, &targets, &sums)
        });
        Ok(FittedLeaveOneOutEncoder(columns.lookup(fitted)))
    }

    fn fit_transform_any(
        &self,
        train: Train<'_, dyn DynTarget>,
    ) -> Result<(FittedLeaveOneOutEncoder, Features<InSample>)> {
        self.check()?;
        let columns = TrainingColumns::new(train)?;
        let seed = train.seed().child("leave_one_out");
        let targets = self.targets(&columns);
        let (values, fitted) = fill(train.len(), &columns.widths(), |j, out| {
            let cells = &columns.cells[j];
            let codes = columns.rows.gather(cells.codes());
            let seed = seed.child(cells.name);
            let mut sums = Vec::with_capacity(targets.len());
            let outs = out.chunks_exact_mut(train.len().max(1));
            for (output, (target, out)) in targets.iter().zip(outs).enumerate() {
                let of_levels = target.level_sums(&codes, cells.n_levels() + 1);
                let seed = seed.at(output);
                match columns.rows {
                    RowIndex::All(_) => {
                        self.encode(&codes, &of_levels, target, seed, |position| position, out);
                    }
                    RowIndex::Some(index) => {
                        let row = |position: usize| index[position] as usize;
                        self.encode(&codes, &of_levels, target, seed, row, out);
                    }
                }
                sums.push(of_levels);
            }
            Ok(self.new_rows(&columns, j, &targets, &sums))
        })?;
        let features = Features::from_buffer(Arc::clone(&columns.fields), train.len(), values)?;
        Ok((FittedLeaveOneOutEncoder(columns.lookup(fitted)), features))
    }
}

impl LeaveOneOutEncoder {
    /// Writes the training rows' feature of one column and output; `row` gives a position's row
    /// of the table.
    fn encode(
        &self,
        codes: &[u32],
        sums: &[Sums],
        target: &OutputTarget<'_>,
        seed: Seed,
        row: impl Fn(usize) -> usize,
        out: &mut [f32],
    ) {
        let normal = |position| Ziggurat::get().normal(seed, row(position));
        match self.noise {
            Noise::None => {
                let feature = |others: &Sums| to_feature(others.mean());
                self.write(codes, sums, target, out, feature, |_, feature| feature);
            }
            Noise::Multiplicative(sigma) => {
                self.write(codes, sums, target, out, Sums::mean, |position, mean| {
                    to_feature(mean * (1.0 + sigma * normal(position)))
                });
            }
            Noise::Additive(sigma) => {
                let moments = |others: &Sums| (others.mean(), sigma * others.deviation());
                self.write(
                    codes,
                    sums,
                    target,
                    out,
                    moments,
                    |position, (mean, scale)| to_feature(mean + scale * normal(position)),
                );
            }
        }
    }

    /// Writes `feature` of each position and of `learned`: what is learned from the sums over the other
    /// rows, or over what stands in for them.
    fn write<T: Copy>(
        &self,
        codes: &[u32],
        sums: &[Sums],
        target: &OutputTarget<'_>,
        out: &mut [f32],
        learned: impl Fn(&Sums) -> T,
        feature: impl Fn(usize, T) -> f32,
    ) {
        let missing = match self.missing {
            MissingLevel::Prior => sums.len() - 1,
            MissingLevel::AsLevel => usize::MAX,
        };
        if let Some(classes) = target.classes {
            // Rows of one level and one class have the same others.
            let rows: Vec<Sums> = classes
                .values
                .iter()
                .map(|&y| Sums::of_row(y, 1.0))
                .collect();
            let mut table = Vec::with_capacity(sums.len() * rows.len());
            for (slot, level) in sums.iter().enumerate() {
                table.extend(rows.iter().map(|&row| {
                    let others = level.minus(row);
                    learned(&if others.weight <= 0.0 || slot == missing {
                        target.prior_of(row)
                    } else {
                        others
                    })
                }));
            }
            Groups::new(&classes.of_row, rows.len()).look_up(codes, &table, out, feature);
            return;
        }
        let slots = slots(codes, sums.len());
        target.visit_others(&slots, sums, |position, slot, mut others| {
            if others.weight <= 0.0 || slot == missing {
                others = target.prior(position);
            }
            out[position] = feature(position, learned(&others));
        });
    }
}

/// The place of each code among levels and, last, missing cells.
fn slots(codes: &[u32], n_slots: usize) -> Vec<u32> {
    let missing = u32::try_from(n_slots - 1).unwrap_or(MISSING_CODE);
    codes.iter().map(|&code| code.min(missing)).collect()
}

/// Sums over some rows.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// How many of them have weight.
    rows: f64,
    weight: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn of_row(y: f64, weight: f64) -> Self {
        Self {
            rows: f64::from(u8::from(weight > 0.0)),
            weight,
            sum: weight * y,
            squares: weight * y * y,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            weight: self.weight + other.weight,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            rows: self.rows - other.rows,
            weight: self.weight - other.weight,
            sum: self.sum - other.sum,
            squares: self.squares - other.squares,
        }
    }

    fn times(self, n: f64) -> Self {
        Self {
            rows: self.rows * n,
            weight: self.weight * n,
            sum: self.sum * n,
            squares: self.squares * n,
        }
    }

    /// NaN without weight.
    fn mean(&self) -> f64 {
        self.sum / self.weight
    }

    fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.weight - mean * mean).max(0.0).sqrt()
    }
}

/// One output of the target, and what stands in for a level without other rows.
struct OutputTarget<'a> {
    target: &'a [f64],
    /// If it has few values and rows have no weights.
    classes: Option<&'a Classes>,
    weights: &'a [f64],
    /// Whether sums are exact, so that subtracting a row leaves no trace of it.
    exact: bool,
    all: Sums,
    lone_row: LoneRow,
    /// The sums of all other rows, for each row; empty where subtraction gives them.
    others: Vec<Sums>,
}

impl<'a> OutputTarget<'a> {
    fn new(
        target: &'a [f64],
        classes: Option<&'a Classes>,
        weights: &'a [f64],
        lone_row: LoneRow,
    ) -> Self {
        let mut this = Self {
            target,
            classes,
            weights,
            exact: false,
            all: Sums::default(),
            lone_row,
            others: Vec::new(),
        };
        for row in 0..target.len() {
            this.all = this.all.plus(this.of_row(row));
        }
        // Whole numbers are added without rounding while sums are below 2^53.
        this.exact = weights.is_empty()
            && this.all.squares < 9e15
            && target.iter().all(|y| y.fract() == 0.0);
        if !this.exact && lone_row == LoneRow::OthersMean {
            let mut others = vec![Sums::default(); target.len()];
            let one_slot = vec![0; target.len()];
            this.visit_others(&one_slot, &[this.all], |row, _, sums| others[row] = sums);
            this.others = others;
        }
        this
    }

    #[inline]
    fn of_row(&self, row: usize) -> Sums {
        Sums::of_row(
            self.target[row],
            self.weights.get(row).copied().unwrap_or(1.0),
        )
    }

    fn prior(&self, row: usize) -> Sums {
        match self.others.get(row) {
            Some(&others) => others,
            None => self.prior_of(self.of_row(row)),
        }
    }

    /// What stands in for the others of a row, where sums are exact.
    fn prior_of(&self, row: Sums) -> Sums {
        match self.lone_row {
            LoneRow::OverallMean => self.all,
            LoneRow::OthersMean => self.all.minus(row),
        }
    }

    /// The sums over the rows of each level and, last, of missing cells.
    fn level_sums(&self, codes: &[u32], n_slots: usize) -> Vec<Sums> {
        if let Some(classes) = self.classes {
            let n_classes = classes.values.len();
            let counts = Groups::new(&classes.of_row, n_classes).count(codes, n_slots);
            let level = |counts: &[u32]| {
                let classes = counts.iter().zip(&classes.values);
                classes.fold(Sums::default(), |sums, (&n, &y)| {
                    sums.plus(Sums::of_row(y, 1.0).times(f64::from(n)))
                })
            };
            return counts.chunks_exact(n_classes).map(level).collect();
        }
        let mut sums = vec![Sums::default(); n_slots];
        for (row, slot) in slots(codes, n_slots).into_iter().enumerate() {
            let slot = &mut sums[slot as usize];
            *slot = slot.plus(self.of_row(row));
        }
        sums
    }

    /// Calls `f` with each row, its slot and the sums over the other rows in that slot; `all` has
    /// the sums over the rows of each slot.
    ///
    /// Where sums round, those before and those after the row are added, so that the row takes no
    /// part in the result, not even by rounding.
    fn visit_others(&self, slots: &[u32], all: &[Sums], mut f: impl FnMut(usize, usize, Sums)) {
        if self.exact {
            for (row, &slot) in slots.iter().enumerate() {
                let slot = slot as usize;
                f(row, slot, all[slot].minus(self.of_row(row)));
            }
            return;
        }
        let mut sums = vec![Sums::default(); all.len()];
        let mut before = Vec::with_capacity(slots.len());
        for (row, &slot) in slots.iter().enumerate() {
            let slot = &mut sums[slot as usize];
            before.push(*slot);
            *slot = slot.plus(self.of_row(row));
        }
        sums.fill(Sums::default());
        for (row, &slot) in slots.iter().enumerate().rev() {
            let slot = slot as usize;
            f(row, slot, before[row].plus(sums[slot]));
            sums[slot] = sums[slot].plus(self.of_row(row));
        }
    }
}

/// A fitted [`LeaveOneOutEncoder`]: the plain mean of each level over all training rows.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedLeaveOneOutEncoder(Lookup);

impl FittedLeaveOneOutEncoder {
    fn join(parts: Vec<Self>, target: &dyn DynTarget) -> Self {
        Self(Lookup::join(parts.into_iter().map(|part| part.0), target))
    }
}

impl FittedTransformer for FittedLeaveOneOutEncoder {
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
