//! Boosting on histograms against a booster without any: plain sums over rows, every split of every
//! feature tried by itself.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "helpers of tests, too, may panic, draw small numbers, and compare whole ones"
)]

use stackfold::data::{Feature, FeatureKind};
use stackfold::model::hist::{Categories, FittedHistGradientBoosting, HistGradientBoosting, Loss};
use stackfold::prelude::*;

/// Options of both boosters.
#[derive(Debug, Clone, Copy)]
struct Options {
    objective: Objective,
    n_trees: usize,
    rate: f64,
    max_leaves: usize,
    max_depth: usize,
    min_rows: usize,
    min_hessian: f64,
    min_gain: f64,
    l1: f64,
    l2: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Objective {
    Squared,
    Absolute,
    Quantile(f64),
    Poisson,
    Logistic,
    Softmax(usize),
}

/// A table small enough for brute force.
#[derive(Debug)]
struct Small {
    fields: Vec<Feature>,
    columns: Vec<Vec<f32>>,
    y: Vec<f64>,
    weights: Vec<f64>,
}

/// Which values go left.
#[derive(Debug, Clone)]
enum Rule {
    UpTo(f32),
    /// Of codes.
    Among(Vec<f32>),
}

#[derive(Debug, Clone)]
struct OracleSplit {
    gain: f64,
    feature: usize,
    rule: Rule,
    missing_left: bool,
}

#[derive(Debug)]
struct OracleNode {
    rows: Vec<usize>,
    depth: usize,
    split: Option<(OracleSplit, usize)>,
    value: f64,
}

impl OracleSplit {
    fn goes_left(&self, x: f32) -> bool {
        match &self.rule {
            _ if x.is_nan() => self.missing_left,
            Rule::UpTo(cut) => x <= *cut,
            Rule::Among(codes) => codes.contains(&x),
        }
    }
}

/// The smallest value at which the cumulative weight reaches the level.
fn quantile(mut pairs: Vec<(f64, f64)>, level: f64) -> f64 {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = pairs.iter().map(|p| p.1).sum();
    let mut sum = 0.0;
    for &(value, weight) in &pairs {
        sum += weight;
        if sum >= total * (level - 1e-12) {
            return value;
        }
    }
    pairs.last().unwrap().0
}

impl Options {
    fn start(&self, data: &Small) -> Vec<f64> {
        let total: f64 = data.weights.iter().sum();
        let share = |f: &dyn Fn(f64) -> f64| {
            let sum: f64 = data
                .y
                .iter()
                .zip(&data.weights)
                .map(|(&y, w)| f(y) * w)
                .sum();
            sum / total
        };
        let mean = share(&|y| y);
        match self.objective {
            Objective::Squared => vec![mean],
            Objective::Absolute | Objective::Quantile(_) => {
                let level = self.level().unwrap();
                let pairs = data.y.iter().copied().zip(data.weights.iter().copied());
                vec![quantile(pairs.collect(), level)]
            }
            Objective::Poisson => vec![mean.ln()],
            Objective::Logistic => vec![(mean / (1.0 - mean)).ln()],
            Objective::Softmax(n) => (0..n)
                .map(|k| share(&|y| f64::from(u8::from(y == k as f64))).ln())
                .collect(),
        }
    }

    /// For each score, each row's gradient and hessian. They are 32 bits wide by design.
    fn gradients(&self, data: &Small, scores: &[Vec<f64>]) -> Vec<Vec<[f64; 2]>> {
        let of_row = |k: usize, i: usize| -> [f64; 2] {
            let (s, y) = (scores[k][i], data.y[i]);
            match self.objective {
                Objective::Squared => [s - y, 1.0],
                Objective::Absolute if s < y => [-1.0, 1.0],
                Objective::Absolute if s > y => [1.0, 1.0],
                Objective::Quantile(q) if s < y => [-q, 1.0],
                Objective::Quantile(q) if s > y => [1.0 - q, 1.0],
                Objective::Absolute | Objective::Quantile(_) => [0.0, 1.0],
                Objective::Poisson => [s.exp() - y, (s + 0.7).exp()],
                Objective::Logistic => {
                    let p = 1.0 / (1.0 + (-s).exp());
                    [p - y, p * (1.0 - p)]
                }
                Objective::Softmax(n) => {
                    let sum: f64 = scores.iter().map(|s| s[i].exp()).sum();
                    let p = s.exp() / sum;
                    let factor = n as f64 / (n as f64 - 1.0);
                    [
                        p - f64::from(u8::from(y == k as f64)),
                        factor * p * (1.0 - p),
                    ]
                }
            }
        };
        let narrow = |x: f64| f64::from(x as f32);
        // Only ratios of weights count.
        let mean = data.weights.iter().sum::<f64>() / data.weights.len() as f64;
        (0..scores.len())
            .map(|k| {
                let weight = |i: usize| data.weights[i] / mean;
                let pair = |i: usize| of_row(k, i).map(|x| narrow(x * weight(i)));
                (0..data.y.len()).map(pair).collect()
            })
            .collect()
    }

    fn shrunk(&self, g: f64) -> f64 {
        g.signum() * (g.abs() - self.l1).max(0.0)
    }

    fn worth(&self, [g, h]: [f64; 2]) -> f64 {
        self.shrunk(g).powi(2) / (h + self.l2)
    }

    /// The best split of these rows, by trying all of them.
    fn best(&self, data: &Small, pairs: &[[f64; 2]], rows: &[usize]) -> Option<OracleSplit> {
        let sum = |rows: &[usize]| {
            rows.iter()
                .fold([0.0, 0.0], |[g, h], &i| [g + pairs[i][0], h + pairs[i][1]])
        };
        let mut best: Option<OracleSplit> = None;
        for feature in 0..data.columns.len() {
            for mut split in candidates(data, feature, rows) {
                let x = &data.columns[feature];
                let (left, right): (Vec<usize>, Vec<usize>) =
                    rows.iter().partition(|&&i| split.goes_left(x[i]));
                let sums = [sum(&left), sum(&right)];
                if left.len().min(right.len()) < self.min_rows
                    || sums[0][1].min(sums[1][1]) < self.min_hessian
                {
                    continue;
                }
                split.gain = self.worth(sums[0]) + self.worth(sums[1]) - self.worth(sum(rows));
                if !rows.iter().any(|&i| x[i].is_nan()) {
                    split.missing_left = left.len() >= right.len();
                }
                let least = self.min_gain.max(1e-12 * self.worth(sum(rows)));
                if split.gain > least && best.as_ref().is_none_or(|b| split.gain > b.gain) {
                    best = Some(split);
                }
            }
        }
        best
    }

    fn tree(&self, data: &Small, pairs: &[[f64; 2]], scores: &[f64]) -> Vec<OracleNode> {
        let node = |rows: Vec<usize>, depth| OracleNode {
            rows,
            depth,
            split: None,
            value: 0.0,
        };
        let mut nodes = vec![node((0..data.y.len()).collect(), 0)];
        // All splits are found anew for each leaf to split: slow, and nothing to get wrong.
        for _ in 1..self.max_leaves {
            let mut best: Option<(usize, OracleSplit)> = None;
            for (i, node) in nodes.iter().enumerate() {
                if node.split.is_some() || node.depth >= self.max_depth {
                    continue;
                }
                if let Some(split) = self.best(data, pairs, &node.rows)
                    && best.as_ref().is_none_or(|(_, b)| split.gain > b.gain)
                {
                    best = Some((i, split));
                }
            }
            let Some((i, split)) = best else { break };
            let x = &data.columns[split.feature];
            let (left, right) = nodes[i]
                .rows
                .iter()
                .partition(|&&row| split.goes_left(x[row]));
            let (first, depth) = (nodes.len(), nodes[i].depth + 1);
            nodes[i].split = Some((split, first));
            nodes.push(node(left, depth));
            nodes.push(node(right, depth));
        }
        if nodes.len() > 1 {
            for node in nodes.iter_mut().filter(|node| node.split.is_none()) {
                node.value = self.rate * self.leaf(data, pairs, scores, &node.rows);
            }
        }
        nodes
    }

    fn leaf(&self, data: &Small, pairs: &[[f64; 2]], scores: &[f64], rows: &[usize]) -> f64 {
        if let Some(level) = self.level() {
            let residual = |&i: &usize| (data.y[i] - scores[i], data.weights[i]);
            return quantile(rows.iter().map(residual).collect(), level);
        }
        let sum = |k: usize| rows.iter().map(|&i| pairs[i][k]).sum::<f64>();
        -self.shrunk(sum(0)) / (sum(1) + self.l2)
    }

    fn level(&self) -> Option<f64> {
        match self.objective {
            Objective::Absolute => Some(0.5),
            Objective::Quantile(level) => Some(level),
            _ => None,
        }
    }

    fn loss(&self) -> Loss {
        match self.objective {
            Objective::Squared => Loss::Squared,
            Objective::Absolute => Loss::Absolute,
            Objective::Quantile(level) => Loss::Quantile(level),
            Objective::Poisson => Loss::Poisson,
            Objective::Logistic | Objective::Softmax(_) => Loss::LogLoss,
        }
    }

    fn model(&self) -> HistGradientBoosting {
        HistGradientBoosting::new()
            .with_loss(self.loss())
            .with_n_trees(self.n_trees)
            .with_learning_rate(self.rate)
            .with_max_leaves(self.max_leaves)
            .with_max_depth(Some(self.max_depth))
            .with_min_samples_leaf(self.min_rows)
            .with_min_hessian(self.min_hessian)
            .with_min_gain(self.min_gain)
            .with_l1(self.l1)
            .with_l2(self.l2)
    }
}

/// All splits of a feature: each cut of numbers with missing values on either side, each division
/// of codes, of which missing ones are one.
fn candidates(data: &Small, feature: usize, rows: &[usize]) -> Vec<OracleSplit> {
    let distinct = |rows: &mut dyn Iterator<Item = usize>| {
        let mut values: Vec<f32> = rows.map(|i| data.columns[feature][i]).collect();
        values.sort_by(f32::total_cmp);
        values.dedup_by(|a, b| a.total_cmp(b).is_eq());
        values
    };
    let values = distinct(&mut rows.iter().copied());
    let has_missing = values.last().is_some_and(|v| v.is_nan());
    let split = |rule, missing_left| OracleSplit {
        gain: 0.0,
        feature,
        rule,
        missing_left,
    };
    if matches!(data.fields[feature].kind(), FeatureKind::Code { .. }) {
        // The last level is on the right, so that no division comes up twice.
        return (1..1_u32 << (values.len() - 1))
            .map(|set| {
                let chosen = (0..values.len()).filter(|k| set >> k & 1 == 1);
                let chosen: Vec<f32> = chosen.map(|k| values[k]).collect();
                split(Rule::Among(chosen), false)
            })
            .collect();
    }
    let values = &values[..values.len() - usize::from(has_missing)];
    // A cut is midway to the next value of the table, whether or not the node has that one.
    let all = distinct(&mut (0..data.y.len()));
    let cut_after = |v: f32| match all.iter().find(|&&next| next > v) {
        Some(&next) => v.midpoint(next),
        None => f32::MAX,
    };
    let mut splits = Vec::new();
    for (k, &v) in values.iter().enumerate() {
        let is_last = k + 1 == values.len();
        if has_missing || !is_last {
            splits.push(split(Rule::UpTo(cut_after(v)), false));
        }
        if has_missing && !is_last {
            splits.push(split(Rule::UpTo(cut_after(v)), true));
        }
    }
    splits
}

/// All trees, those of a round one after the other, and the scores of the training rows.
fn boost(options: &Options, data: &Small) -> (Vec<Vec<OracleNode>>, Vec<Vec<f64>>) {
    let start = options.start(data);
    let mut scores: Vec<Vec<f64>> = start.iter().map(|&s| vec![s; data.y.len()]).collect();
    let mut trees = Vec::new();
    for _ in 0..options.n_trees {
        let pairs = options.gradients(data, &scores);
        let mut any = false;
        let mut round = Vec::new();
        for (pairs, scores) in pairs.iter().zip(&mut scores) {
            let nodes = options.tree(data, pairs, scores);
            any |= nodes.len() > 1;
            for node in nodes.iter().filter(|node| node.split.is_none()) {
                for &row in &node.rows {
                    scores[row] += node.value;
                }
            }
            round.push(nodes);
        }
        if !any {
            break;
        }
        trees.extend(round);
    }
    (trees, scores)
}

/// Draws from `from` on.
struct Draws(Seed, u64);

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.1 += 1;
        self.0.uniform(self.1)
    }

    fn normal(&mut self) -> f64 {
        self.1 += 1;
        self.0.normal(self.1)
    }

    #[allow(clippy::cast_sign_loss, reason = "not negative")]
    fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// Numbers, of few and of many values, with and without missing ones.
fn numbers(draws: &mut Draws, n: usize) -> (Feature, Vec<f32>) {
    let n_values = draws.pick(&[1, 2, 7, 60, 200]);
    let missing = draws.pick(&[0.0, 0.0, 0.15, 0.6]);
    let name = format!("numbers {}", draws.1);
    let value = |_| {
        if draws.uniform() < missing {
            f32::NAN
        } else {
            (draws.below(n_values) as f32 - n_values as f32 / 2.0) * 0.37
        }
    };
    (Feature::number(name), (0..n).map(value).collect())
}

/// Codes, the first ones far more frequent than the last.
fn codes(draws: &mut Draws, n: usize) -> (Feature, Vec<f32>) {
    let n_codes = 2 + draws.below(6);
    let missing = draws.pick(&[0.0, 0.2]);
    let name = format!("codes {}", draws.1);
    let value = |_| {
        if draws.uniform() < missing {
            f32::NAN
        } else {
            (draws.uniform().powi(3) * n_codes as f64).floor() as f32
        }
    };
    (
        Feature::code(name, n_codes as u32),
        (0..n).map(value).collect(),
    )
}

/// A target that depends on the features, missing or not, and on noise.
fn targets(draws: &mut Draws, objective: Objective, columns: &[Vec<f32>]) -> Vec<f64> {
    let effect = |x: f32, j: usize| {
        if x.is_nan() {
            0.8
        } else {
            f64::from((x * (1.3 + j as f32)).sin()) + f64::from(x) * 0.05
        }
    };
    (0..columns[0].len())
        .map(|i| {
            let parts = columns.iter().enumerate().map(|(j, x)| effect(x[i], j));
            let score = parts.sum::<f64>() + 0.5 * draws.normal();
            match objective {
                Objective::Squared | Objective::Absolute | Objective::Quantile(_) => score,
                Objective::Poisson => (score.exp() * draws.uniform()).round(),
                Objective::Logistic => f64::from(u8::from(score > 0.2)),
                Objective::Softmax(n) => (score + 1.0).floor().clamp(0.0, n as f64 - 1.0),
            }
        })
        .collect()
}

fn options(draws: &mut Draws) -> Options {
    Options {
        objective: draws.pick(&[
            Objective::Squared,
            Objective::Absolute,
            Objective::Quantile(0.8),
            Objective::Poisson,
            Objective::Logistic,
            Objective::Softmax(3),
        ]),
        n_trees: 1 + draws.below(4),
        rate: draws.pick(&[0.1, 0.3, 1.0]),
        max_leaves: 2 + draws.below(8),
        max_depth: draws.pick(&[1, 2, 3, 100]),
        min_rows: draws.pick(&[1, 3, 10, 25]),
        min_hessian: draws.pick(&[0.0, 1e-3, 2.0, 8.0]),
        min_gain: draws.pick(&[0.0, 0.0, 1.5]),
        l1: draws.pick(&[0.0, 0.7, 3.0]),
        l2: draws.pick(&[0.0, 1.0, 10.0]),
    }
}

/// A fitted model of either target.
enum Fitted {
    Values(FittedHistGradientBoosting<Values>),
    Labels(FittedHistGradientBoosting<Labels>),
}

impl Fitted {
    fn new(model: &HistGradientBoosting, options: &Options, data: &Small) -> Self {
        let features = Features::from_columns(data.fields.clone(), data.columns.clone());
        let features = features.unwrap().assume_in_sample();
        let context = FitContext::default().with_weights(Some(&data.weights));
        let n_classes = match options.objective {
            Objective::Logistic => 2,
            Objective::Softmax(n) => n,
            _ => {
                let y = Values::new(data.y.clone()).unwrap();
                return Self::Values(model.fit(&features, &y, &context).unwrap());
            }
        };
        #[allow(clippy::cast_sign_loss, reason = "classes")]
        let codes: Vec<u32> = data.y.iter().map(|&y| y as u32).collect();
        let names = (0..n_classes).map(|k| format!("class {k}")).collect();
        let y = Labels::new(codes, names).unwrap();
        Self::Labels(model.fit(&features, &y, &context).unwrap())
    }

    fn scores(&self, fields: &[Feature], columns: Vec<Vec<f32>>) -> Vec<Vec<f64>> {
        let features = Features::from_columns(fields.to_vec(), columns).unwrap();
        match self {
            Self::Values(fitted) => fitted.raw_scores(&features).unwrap(),
            Self::Labels(fitted) => fitted.raw_scores(&features).unwrap(),
        }
    }

    /// What is kept of each tree: gains, leaf values, rows by node.
    fn trees(&self) -> Vec<[Vec<f64>; 3]> {
        let json = match self {
            Self::Values(fitted) => serde_json::to_value(fitted),
            Self::Labels(fitted) => serde_json::to_value(fitted),
        };
        let json = json.unwrap();
        let list = |tree: &serde_json::Value, name: &str| -> Vec<f64> {
            let items = tree[name].as_array().unwrap();
            items.iter().map(|x| x.as_f64().unwrap()).collect()
        };
        let trees = json["trees"].as_array().unwrap().iter();
        trees
            .map(|tree| ["gains", "values", "covers"].map(|name| list(tree, name)))
            .collect()
    }
}

/// Sums of hessians have 38 bits in all, so each row's is good to about 1e-9 of the mean; gains
/// are differences of such sums.
const TOLERANCE: f64 = 1e-7;

#[track_caller]
fn assert_near(found: f64, expected: f64, scale: f64, what: &dyn std::fmt::Debug) {
    assert!(
        (found - expected).abs() <= TOLERANCE * scale.max(1.0),
        "found {found}, expected {expected}: {what:?}"
    );
}

/// Ascending: which side of a division is the left one is not fixed, nor so the order of nodes.
fn in_order(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Both boosters agree on every node, and on what rows of training and others score.
fn compare(
    options: &Options,
    model: &HistGradientBoosting,
    data: &Small,
    others: &[Vec<f32>],
) -> usize {
    let (trees, scores) = boost(options, data);
    let fitted = Fitted::new(model, options, data);
    let found = fitted.trees();
    assert_eq!(found.len(), trees.len(), "number of trees: {options:?}");
    let mut n_splits = 0;
    for (t, (found, tree)) in found.iter().zip(&trees).enumerate() {
        assert_eq!(found[0].len(), tree.len(), "nodes of tree {t}: {options:?}");
        let gain = |node: &OracleNode| node.split.as_ref().map_or(0.0, |(split, _)| split.gain);
        let expected = [
            tree.iter().map(gain).collect(),
            tree.iter().map(|node| node.value).collect(),
            tree.iter().map(|node| node.rows.len() as f64).collect(),
        ];
        let largest = tree[0].rows.len() as f64;
        for (kind, (found, expected)) in found.iter().zip(expected).enumerate() {
            let (found, expected) = (in_order(found.clone()), in_order(expected));
            for (&found, &expected) in found.iter().zip(&expected) {
                let scale = if kind == 0 { largest } else { expected.abs() };
                assert_near(found, expected, scale, &(t, kind, options));
            }
        }
        n_splits += tree.iter().filter(|node| node.split.is_some()).count();
    }
    let fitted_scores = fitted.scores(&data.fields, data.columns.clone());
    for (found, expected) in fitted_scores.iter().zip(&scores) {
        for (row, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            assert_near(found, expected, expected.abs(), &("row", row, options));
        }
    }
    let (start, n_others) = (options.start(data), others[0].len());
    let found = fitted.scores(&data.fields, others.to_vec());
    for row in 0..n_others {
        let mut expected = start.clone();
        for (t, tree) in trees.iter().enumerate() {
            let mut node = &tree[0];
            while let Some((split, first)) = &node.split {
                let left = split.goes_left(others[split.feature][row]);
                node = &tree[first + usize::from(!left)];
            }
            expected[t % start.len()] += node.value;
        }
        for (found, expected) in found.iter().zip(expected) {
            assert_near(
                found[row],
                expected,
                expected.abs(),
                &("other row", row, options),
            );
        }
    }
    n_splits
}

/// A table of `n` rows whose weights are such that no two splits gain the same.
fn small(draws: &mut Draws, objective: Objective, parts: Vec<(Feature, Vec<f32>)>) -> Small {
    let (fields, columns): (Vec<Feature>, Vec<Vec<f32>>) = parts.into_iter().unzip();
    let y = targets(draws, objective, &columns);
    let weights = y.iter().map(|_| 0.5 + draws.uniform()).collect();
    Small {
        fields,
        columns,
        y,
        weights,
    }
}

#[test]
fn numbers_are_split_as_by_brute_force() {
    let mut n_splits = 0;
    for seed in 0..60 {
        let mut draws = Draws(Seed::new(seed), 0);
        let options = options(&mut draws);
        let (n, p) = (40 + draws.below(160), 1 + draws.below(5));
        let parts: Vec<_> = (0..p).map(|_| numbers(&mut draws, n)).collect();
        let data = small(&mut draws, options.objective, parts);
        // New rows: missing where training had none, between and beyond the values of training.
        let others: Vec<Vec<f32>> = (0..p)
            .map(|_| {
                let value = |_| {
                    if draws.uniform() < 0.2 {
                        f32::NAN
                    } else {
                        20.0 * draws.normal() as f32
                    }
                };
                (0..70).map(value).collect()
            })
            .collect();
        n_splits += compare(&options, &options.model(), &data, &others);
    }
    assert!(n_splits > 300, "{n_splits} splits say little");
}

/// With the order of levels unsmoothed and no leaf too small, the best of all divisions is found:
/// a split's worth is convex in the sums of its left side, so it is greatest where levels on one
/// side all have a greater `g / h` than those on the other.
#[test]
fn codes_are_split_as_by_all_divisions() {
    let mut n_splits = 0;
    for seed in 100..140 {
        let mut draws = Draws(Seed::new(seed), 0);
        let options = Options {
            min_rows: 1,
            min_hessian: 0.0,
            ..options(&mut draws)
        };
        let n = 60 + draws.below(140);
        let parts = vec![
            codes(&mut draws, n),
            numbers(&mut draws, n),
            codes(&mut draws, n),
        ];
        let data = small(&mut draws, options.objective, parts);
        let exact = Categories::new()
            .with_smoothing(0.0)
            .with_l2(0.0)
            .with_max_one_against_rest(0)
            .with_min_count(0);
        let model = options.model().with_categories(exact);
        // Which side a division's levels are on is not fixed, and neither is where a level goes
        // that the node lacks: only rows of training are compared.
        let others = vec![Vec::new(); 3];
        n_splits += compare(&options, &model, &data, &others);
    }
    assert!(n_splits > 200, "{n_splits} splits say little");
}
