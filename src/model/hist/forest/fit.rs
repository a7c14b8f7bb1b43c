//! From targets and bags to trees.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::binned::Binned;
use super::super::grow::Grown;
use super::super::histogram::{Cell, Scale, Wide};
use super::super::split::Criteria;
use super::super::tree::Tree;
use super::classes::{Classes, Row};
use super::fitted::{FittedForest, ForestTree, OutOfBagPredictions, OutOfBagSums};
use super::grow::{Growth, grow};
use super::pairs::{Counts, Pairs};
use super::{Bag, OutOfBag, Spec};
use crate::data::{DynTarget, Features, FitContext, InSample, RowIndex, Target};
use crate::error::{Error, Result};
use crate::model::bytes;
use crate::model::common::training::check_lengths;
use crate::parallel;
use crate::progress::{Event, Progress};
use crate::random::Seed;

/// Rows beyond which histograms could not count them.
const MOST_ROWS: usize = (1 << 24) - 1;
/// Trees whose out-of-bag leaves are kept until they are added up, in the order of the trees.
const TREES_A_BATCH: usize = 32;
/// Bits of the sum of all weights, where they are made whole numbers.
const WEIGHT_BITS: i32 = 30;

pub(super) fn fit(
    spec: Spec<'_>,
    features: &Features<InSample>,
    target: &dyn DynTarget,
    context: &FitContext<'_>,
) -> Result<FittedForest<()>> {
    spec.check()?;
    let data = Data::new(spec, features.n_rows(), None, target, context)?;
    let rows = (data.eligible.len() < features.n_rows()).then_some(data.eligible.as_slice());
    let binned = Binned::weighted(
        features,
        spec.options.binning,
        rows,
        context.weights(),
        data.seed,
    )?;
    fit_data(spec, &binned, &data, target, context)
}

/// Two bytes a value for the bins, and of each row its target, the places that the trees that are
/// grown at one time give it, and where each of a batch of trees puts it, out of bag.
pub(super) fn memory(spec: Spec<'_>, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
    let n_trees = spec.options.n_trees;
    let grown = n_trees.min(rayon::current_num_threads());
    let leaves = n_trees.min(TREES_A_BATCH);
    let a_row = 24 * (1 + grown) + 4 * leaves + 16 * n_outputs;
    bytes(n_rows, n_features, 2).saturating_add(bytes(n_rows, a_row, 1))
}

/// As [`fit`], with the out-of-bag predictions of all rows, whether the options ask for them or not.
pub(super) fn fit_out_of_bag<Y: Target>(
    spec: Spec<'_>,
    features: &Features<InSample>,
    target: &Y,
    context: &FitContext<'_>,
) -> Result<(FittedForest<Y>, Y::Prediction)> {
    if spec.bag == Bag::All {
        let expected = "Bootstrap or a Share, so that trees leave rows out";
        return Err(Error::parameter("bag", expected, "All"));
    }
    let mut options = spec.options.clone();
    options.out_of_bag = OutOfBag::Predict;
    let options = &options;
    let fitted = fit(Spec { options, ..spec }, features, target.as_dyn(), context)?.of(target);
    let all = fitted.out_of_bag().map(OutOfBagPredictions::all);
    let prediction = all.ok_or_else(|| Error::unsupported("a forest without bags"))??;
    Ok((fitted, prediction))
}

pub(super) fn fit_binned(
    spec: Spec<'_>,
    binned: &Binned,
    rows: Option<&[u32]>,
    target: &dyn DynTarget,
    context: &FitContext<'_>,
) -> Result<FittedForest<()>> {
    spec.check()?;
    let data = Data::new(spec, binned.n_rows(), rows, target, context)?;
    fit_data(spec, binned, &data, target, context)
}

/// What there is to learn from, by row of the binned table.
struct Data {
    /// Codes of classes, or values divided by `unit`.
    y: Vec<f64>,
    /// A power of two, so that dividing by it loses nothing: sums of quotients stay finite.
    unit: f64,
    /// Divided by `weight_unit`, likewise; none if all that are not 0 are 1.
    weights: Option<Vec<f64>>,
    weight_unit: f64,
    /// The rows to fit on that have a weight above 0, in ascending order.
    eligible: Vec<u32>,
    /// The unit of the bag that each of them belongs to: itself, or its group.
    groups: Option<(Vec<u32>, usize)>,
    /// The table's rows of the target's rows; all if none.
    rows: Option<Vec<u32>>,
    n_classes: usize,
    seed: Seed,
}

/// The largest power of two that is not above a number; 1 for 0.
fn power_of_two(largest: f64) -> f64 {
    if largest > 0.0 {
        largest.log2().floor().clamp(-1000.0, 1023.0).exp2()
    } else {
        1.0
    }
}

impl Data {
    fn new(
        spec: Spec<'_>,
        n_rows: usize,
        rows: Option<&[u32]>,
        target: &dyn DynTarget,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        let n = rows.map_or(n_rows, <[u32]>::len);
        check_lengths(n, target, context)?;
        if n > MOST_ROWS {
            return Err(Error::data(format!("at most {MOST_ROWS} rows"), n));
        }
        let all = RowIndex::All(n);
        let n_classes = target.class_names().len();
        let mut y: Vec<f64> = match n_classes {
            0 => target.output(0, all),
            _ => target.strata(all).into_iter().map(f64::from).collect(),
        };
        let mut unit = 1.0;
        if n_classes == 0 {
            unit = power_of_two(y.iter().fold(0.0, |largest, y| y.abs().max(largest)));
            for y in &mut y {
                *y /= unit;
            }
        }
        if let Some(weights) = context.weights()
            && let Some(row) = weights.iter().position(|w| !w.is_finite() || *w < 0.0)
        {
            let expected = "weights that are finite and 0 or more";
            return Err(Error::data(expected, weights[row]).in_row(row));
        }
        let weights = context.weights().map(<[f64]>::to_vec);
        let mut weights = spec.options.class_weight.apply(target, weights)?;
        let mut weight_unit = 1.0;
        let mut eligible: Vec<usize> = (0..n).collect();
        if let Some(w) = &mut weights {
            eligible.retain(|&i| w[i] > 0.0);
            if eligible.is_empty() {
                return Err(Error::data("weights with a positive sum", "only zeros"));
            }
            weight_unit = power_of_two(w.iter().fold(0.0, |largest, w| w.max(largest)));
            for w in w.iter_mut() {
                *w /= weight_unit;
            }
            #[allow(clippy::float_cmp, reason = "equality is what is asked for")]
            let same = weight_unit == 1.0 && eligible.iter().all(|&i| w[i] == 1.0);
            if same {
                weights = None;
            }
        }
        let mut data = Self {
            y,
            unit,
            weights,
            weight_unit,
            eligible: Vec::new(),
            groups: None,
            rows: None,
            n_classes,
            seed: context.seed().child("forest"),
        };
        let mut places: Vec<(u32, usize)> = match rows {
            None => (0..).zip(0..n).collect(),
            Some(rows) => rows.iter().copied().zip(0..).collect(),
        };
        if let Some(rows) = rows {
            data.spread(rows, n_rows)?;
            data.rows = Some(rows.to_vec());
        }
        places = eligible.into_iter().map(|i| places[i]).collect();
        places.sort_unstable();
        data.groups = context.groups().map(|groups| units(groups, &places));
        data.eligible = places.into_iter().map(|(row, _)| row).collect();
        Ok(data)
    }

    /// Puts targets and weights to the table's rows that they are of.
    fn spread(&mut self, rows: &[u32], n_rows: usize) -> Result<()> {
        let mut seen = vec![false; n_rows];
        for &row in rows {
            match seen.get_mut(row as usize) {
                None => return Err(Error::data(format!("rows below {n_rows}"), row)),
                Some(seen) if *seen => {
                    return Err(Error::data("rows that differ", "a row twice").in_row(row as usize));
                }
                Some(seen) => *seen = true,
            }
        }
        self.y = spread(&self.y, rows, n_rows);
        self.weights = self.weights.as_ref().map(|w| spread(w, rows, n_rows));
        Ok(())
    }

    fn n_outputs(&self) -> usize {
        match self.n_classes {
            0 | 2 => 1,
            k => k,
        }
    }

    /// The table's row of a row of the target.
    fn row(&self, position: usize) -> usize {
        self.rows
            .as_ref()
            .map_or(position, |rows| rows[position] as usize)
    }

    fn n_target_rows(&self) -> usize {
        self.rows.as_ref().map_or(self.y.len(), Vec::len)
    }

    fn weight(&self, row: u32) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[row as usize])
    }

    /// What gains are multiples of.
    fn gain_unit(&self) -> f64 {
        self.unit * self.unit * self.weight_unit
    }

    fn bag(&self, bag: Bag, seed: Seed) -> InBag {
        let (units, n_units) = match &self.groups {
            None => (None, self.eligible.len()),
            Some((units, n)) => (Some(units), *n),
        };
        let drawn = bag.draw(n_units, seed);
        let mut times = vec![0; self.y.len()];
        let mut rows = Vec::with_capacity(self.eligible.len());
        for (i, &row) in self.eligible.iter().enumerate() {
            let unit = units.map_or(i, |units| units[i] as usize);
            if drawn[unit] > 0 {
                times[row as usize] = drawn[unit];
                rows.push(row);
            }
        }
        InBag { rows, times }
    }
}

/// Values by row of the table, 0 where there is none.
fn spread(values: &[f64], rows: &[u32], n_rows: usize) -> Vec<f64> {
    let mut spread = vec![0.0; n_rows];
    for (&row, &value) in rows.iter().zip(values) {
        spread[row as usize] = value;
    }
    spread
}

/// Groups numbered without gaps, by eligible row; and their number.
fn units(groups: &[u32], places: &[(u32, usize)]) -> (Vec<u32>, usize) {
    let mut present: Vec<u32> = places.iter().map(|&(_, i)| groups[i]).collect();
    let of_row = present.clone();
    present.sort_unstable();
    present.dedup();
    let unit = |group: &u32| present.partition_point(|g| g < group);
    let units = of_row.iter().map(unit);
    (
        units.map(|u| u32::try_from(u).unwrap_or(0)).collect(),
        present.len(),
    )
}

/// The rows that a tree is grown on.
struct InBag {
    /// In ascending order.
    rows: Vec<u32>,
    /// How many times each row of the table was drawn.
    times: Vec<u32>,
}

fn fit_data(
    spec: Spec<'_>,
    binned: &Binned,
    data: &Data,
    target: &dyn DynTarget,
    context: &FitContext<'_>,
) -> Result<FittedForest<()>> {
    let criteria = spec.criteria(data.gain_unit());
    let grower = Grower {
        spec,
        binned,
        data,
        criteria: &criteria,
        features_a_node: spec.options.features_a_node(target, binned.n_features())?,
    };
    let n_trees = spec.options.n_trees;
    let out_of_bag = spec.options.out_of_bag == OutOfBag::Predict;
    let n_done = AtomicUsize::new(0);
    let tree = |index: usize| {
        if context.progress().is_some_and(Progress::is_stopped) {
            return Err(Error::stopped());
        }
        let grown = grower.tree(data.seed.child("tree").at(index), out_of_bag);
        let iteration = n_done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(progress) = context.progress() {
            progress.event(&Event::Iteration {
                model: spec.name,
                iteration,
                n_iterations: n_trees,
                train_loss: None,
                validation_loss: None,
            });
        }
        Ok(grown)
    };
    let mut sums = out_of_bag.then(|| OutOfBagSums::new(data.n_target_rows(), data.n_outputs()));
    let batch = if out_of_bag { TREES_A_BATCH } else { n_trees };
    let mut trees = Vec::with_capacity(n_trees);
    for first in (0..n_trees).step_by(batch) {
        let grown = parallel::map(first..n_trees.min(first + batch), |_, t| tree(t));
        for grown in grown {
            let (tree, leaves) = grown?;
            if let (Some(sums), Some(leaves)) = (&mut sums, leaves) {
                sums.add(&tree, &leaves);
            }
            trees.push(tree);
        }
    }
    Ok(FittedForest::new(binned, target, trees, sums))
}

/// Grows the trees of a forest.
struct Grower<'a> {
    spec: Spec<'a>,
    binned: &'a Binned,
    data: &'a Data,
    criteria: &'a Criteria,
    features_a_node: usize,
}

impl Grower<'_> {
    /// A tree and, if wanted, the leaf of each of the target's rows, [`OutOfBagSums::IN_BAG`] for
    /// those that it was grown on.
    fn tree(&self, seed: Seed, out_of_bag: bool) -> (ForestTree, Option<Vec<u32>>) {
        let data = self.data;
        let bag = data.bag(self.spec.bag, seed.child("bag"));
        let growth = Growth {
            binned: self.binned,
            max_depth: self.spec.options.max_depth.unwrap_or(usize::MAX),
            min_samples_leaf: self.spec.options.min_samples_leaf,
            features_a_node: self.features_a_node,
            seed: seed.child("nodes"),
        };
        let weight_of = |row: u32| data.weight(row) * f64::from(bag.times[row as usize]);
        let n_drawn: u64 = bag
            .rows
            .iter()
            .map(|&r| u64::from(bag.times[r as usize]))
            .sum();
        let few = n_drawn < Counts::LIMIT as u64;
        let mut grown = match data.n_classes {
            2 if data.weights.is_none() && few => self.pairs::<Counts>(growth, &bag, 0.0),
            0 => {
                let (sum, weight) = bag.rows.iter().fold((0.0, 0.0), |(sum, weight), &row| {
                    let w = weight_of(row);
                    (sum + w * data.y[row as usize], weight + w)
                });
                self.pairs::<Wide>(growth, &bag, sum / weight)
            }
            2 => self.pairs::<Wide>(growth, &bag, 0.0),
            k => self.classes(growth, &bag, k),
        };
        for node in &mut grown.nodes {
            if let Some(split) = &mut node.split {
                // Finite, so that it can be written as text.
                split.split.gain = (split.split.gain * data.gain_unit()).min(f64::MAX);
            }
        }
        let leaves = out_of_bag.then(|| {
            let leaf = |position: usize| {
                let row = data.row(position);
                match bag.times[row] {
                    0 => u32::try_from(grown.leaf_of(self.binned, row)).unwrap_or(0),
                    _ => OutOfBagSums::IN_BAG,
                }
            };
            (0..data.n_target_rows()).map(leaf).collect()
        });
        (self.with_values(&grown, &bag), leaves)
    }

    /// For two classes, or for values less their `centre`.
    fn pairs<C: Cell>(&self, growth: Growth<'_>, bag: &InBag, centre: f64) -> Grown {
        let data = self.data;
        #[allow(
            clippy::cast_possible_truncation,
            reason = "rounded for the search only"
        )]
        let pair = |row: u32| {
            let weight = data.weight(row) * f64::from(bag.times[row as usize]);
            let gradient = -weight * (data.y[row as usize] - centre);
            [gradient as f32, weight as f32]
        };
        let (mut gradients, mut hessians) = (0.0, 0.0);
        for &row in &bag.rows {
            let [gradient, hessian] = pair(row).map(f64::from);
            gradients += gradient.abs();
            hessians += hessian;
        }
        let scale = Scale::new::<C>(gradients, hessians, bag.rows.len());
        let mut cells = vec![C::default(); self.binned.n_rows()];
        for &row in &bag.rows {
            cells[row as usize] = C::row(pair(row), &scale);
        }
        let mut pairs = Pairs::new(self.binned, self.criteria, scale, &data.y, cells);
        grow(growth, &mut pairs, bag.rows.clone())
    }

    fn classes(&self, growth: Growth<'_>, bag: &InBag, n_classes: usize) -> Grown {
        let data = self.data;
        let sum: f64 = bag
            .rows
            .iter()
            .map(|&row| data.weight(row) * f64::from(bag.times[row as usize]))
            .sum();
        let scale = 2_f64.powi(WEIGHT_BITS) / (2.0 * power_of_two(sum));
        let mut rows = vec![Row::default(); self.binned.n_rows()];
        for &row in &bag.rows {
            let times = bag.times[row as usize];
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "codes of classes; weights that sum to at most 2^30"
            )]
            let (class, weight) = (
                data.y[row as usize] as u32,
                match &data.weights {
                    None => times,
                    Some(w) => (w[row as usize] * f64::from(times) * scale)
                        .round()
                        .max(1.0) as u32,
                },
            );
            rows[row as usize] = Row { class, weight };
        }
        let mut classes = Classes::new(self.binned, self.criteria, n_classes, rows);
        grow(growth, &mut classes, bag.rows.clone())
    }

    /// The tree with the means of its leaves' targets.
    fn with_values(&self, grown: &Grown, bag: &InBag) -> ForestTree {
        let data = self.data;
        let n_outputs = data.n_outputs();
        let mut values = vec![0.0; grown.nodes.len()];
        let mut shares = match n_outputs {
            1 => Vec::new(),
            k => vec![0.0; k * grown.nodes.len()],
        };
        for (leaf, node) in grown.leaves() {
            let mut total = 0.0;
            let mut sum = 0.0;
            let shares = match n_outputs {
                1 => &mut [][..],
                k => &mut shares[leaf * k..][..k],
            };
            for &row in &grown.rows[node.rows.clone()] {
                let weight = data.weight(row) * f64::from(bag.times[row as usize]);
                let y = data.y[row as usize];
                total += weight;
                if n_outputs == 1 {
                    sum += weight * y;
                } else {
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "the code of a class"
                    )]
                    let class = y as usize;
                    shares[class] += weight;
                }
            }
            values[leaf] = sum / total * data.unit;
            for share in shares {
                *share /= total;
            }
        }
        ForestTree {
            tree: Tree::new(grown, self.binned, values),
            shares,
        }
    }
}
