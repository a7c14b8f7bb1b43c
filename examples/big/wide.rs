//! A wide table whose rule is known, made batch by batch.

use rayon::prelude::*;
use stackfold::prelude::*;

/// The column that is 1 or 0.
pub(crate) const TARGET: &str = "bought";
/// Hidden variables that columns hang together by.
const N_FACTORS: usize = 12;
/// How many of the first columns the target hangs on.
const N_TOLD: usize = 60;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// One of so many levels.
    Categories(usize),
    /// A whole number from 0 to this.
    Integers(i32),
    Continuous,
}

/// Every number is drawn by its column's and its row's number, so that batches can be made in any
/// order.
#[derive(Debug)]
pub(crate) struct Wide {
    n_rows: usize,
    n_columns: usize,
    seed: Seed,
}

impl Wide {
    pub(crate) fn new(n_rows: usize, n_columns: usize, seed: Seed) -> Self {
        Self {
            n_rows,
            n_columns,
            seed,
        }
    }

    /// The table in batches, the target last.
    pub(crate) fn batches(&self, n: usize) -> impl Iterator<Item = Result<Table>> {
        let starts = (0..self.n_rows).step_by(n);
        starts.map(move |start| self.rows(start..(start + n).min(self.n_rows)))
    }

    fn rows(&self, rows: std::ops::Range<usize>) -> Result<Table> {
        let mut columns: Vec<(String, Column)> = (0..self.n_columns)
            .into_par_iter()
            .map(|j| (self.name(j), self.column(j, rows.clone())))
            .collect();
        let probabilities = self.probabilities(rows.clone());
        let draw = self.seed.child("target");
        let bought = rows.zip(probabilities).map(|(row, p)| {
            let is_bought = draw.uniform(row as u64) < p;
            Some(i64::from(is_bought))
        });
        let bought: Vec<Option<i64>> = bought.collect();
        columns.push((TARGET.to_owned(), Column::integers(&bought)));
        Table::new(columns)
    }

    fn name(&self, j: usize) -> String {
        match self.kind(j) {
            Kind::Categories(_) => format!("category_{j}"),
            Kind::Integers(_) => format!("count_{j}"),
            Kind::Continuous => format!("number_{j}"),
        }
    }

    fn kind(&self, j: usize) -> Kind {
        let draw = self.seed.child("kind").hash(j as u64);
        match j % 100 {
            7 => Kind::Categories(3 + (draw % 60) as usize),
            even if even % 2 == 0 => Kind::Integers(1 + (draw % 25) as i32),
            _ => Kind::Continuous,
        }
    }

    /// A column's hidden value in a row, of mean 0 and variance 1: what it shows is made of it.
    fn hidden(&self, j: usize, row: usize) -> f64 {
        let factor = self
            .seed
            .child("factor")
            .at(j % N_FACTORS)
            .normal(row as u64);
        let own = self.seed.child("column").at(j).normal(row as u64);
        0.6 * factor + 0.8 * own
    }

    fn column(&self, j: usize, rows: std::ops::Range<usize>) -> Column {
        let hidden = rows.map(|row| self.hidden(j, row));
        match self.kind(j) {
            Kind::Categories(n) => {
                let levels: Vec<String> = (0..n).map(|level| format!("level {level}")).collect();
                Column::categorical(hidden.map(|x| Some(levels[level(x, n)].as_str())))
            }
            Kind::Integers(max) => {
                let count = |x: f64| Some(i64::from(count(x, max)));
                Column::integers(&hidden.map(count).collect::<Vec<_>>())
            }
            Kind::Continuous => Column::numeric(hidden.map(single).collect::<Vec<_>>()),
        }
    }

    /// The probability of 1: a logistic function of the first columns as they show themselves, with
    /// products of neighbours, and an effect of its own for each level.
    fn probabilities(&self, rows: std::ops::Range<usize>) -> Vec<f64> {
        let told = N_TOLD.min(self.n_columns);
        let slopes = self.seed.child("slopes");
        let scale = 1.6 / (told as f64).sqrt();
        let shown = |j: usize, row: usize| {
            let x = self.hidden(j, row);
            match self.kind(j) {
                Kind::Categories(n) => slopes.at(j).normal(level(x, n) as u64),
                Kind::Integers(max) => f64::from(count(x, max)) * 4.0 / f64::from(max) - 2.0,
                Kind::Continuous => x,
            }
        };
        let logit = |row: usize| {
            let x: Vec<f64> = (0..told).map(|j| shown(j, row)).collect();
            let sum = (0..told).map(|j| {
                let product = x[j] * x[(j + 1) % told];
                slopes.normal(j as u64) * x[j] + 0.7 * slopes.normal((told + j) as u64) * product
            });
            -1.8 + scale * sum.sum::<f64>()
        };
        let probability = |row: usize| (1.0 + (-logit(row)).exp()).recip();
        rows.into_par_iter().map(probability).collect()
    }

    /// The AUC that ranking the rows by their true probability can expect: no model can beat it but
    /// by chance.
    pub(crate) fn best_auc(&self) -> f64 {
        let mut p = self.probabilities(0..self.n_rows);
        p.sort_unstable_by(f64::total_cmp);
        let (mut won, mut below, mut itself) = (0.0, 0.0, 0.0);
        for p in &p {
            won += p * below;
            below += 1.0 - p;
            itself += p * (1.0 - p);
        }
        let (positive, negative) = (p.iter().sum::<f64>(), below);
        won / (positive * negative - itself)
    }
}

/// The nearest number that takes four bytes.
#[allow(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

/// The level that a hidden value falls into: `n` of them, some rarer than others.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below the number of levels"
)]
fn level(x: f64, n: usize) -> usize {
    let place = (1.0 + (-1.7 * x).exp()).recip();
    // Neighbouring values fall into levels that are not neighbours.
    ((place * n as f64) as usize).min(n - 1) * 67 % n
}

#[allow(clippy::cast_possible_truncation, reason = "between 0 and the largest")]
fn count(x: f64, max: i32) -> i32 {
    ((x + 2.0) / 4.0 * f64::from(max))
        .round()
        .clamp(0.0, f64::from(max)) as i32
}
