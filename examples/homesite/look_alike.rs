//! A look-alike of the Homesite Quote Conversion data, made from published summary statistics.
//!
//! The real files may not be passed on. This generator knows of them what `columns.csv` says
//! (type, levels, quartiles, mean, missing cells of each column) and `factor_loadings.csv` (48
//! factor loadings a column, fitted to the published correlations), and nothing more.
//!
//! A numeric column is a Gaussian copula: with `f` 48 standard normal factors of the row,
//! `z = L f + sqrt(u) e` is standard normal, and is pushed through the column's quantiles. The two
//! columns of a pair `…A`, `…B` bin one and the same `z`. Columns of levels do the same with shares.
//!
//! The target follows a rule on the observed columns, which is known exactly:
//!
//! * rows with `PropertyField37` = Y and `PersonalField12` below 5 (7.7 % of all) convert with
//!   probability 0.993: the leak of the original;
//! * any other row with the logistic of `intercept + scale * s`, where `s` is a sum of effects of
//!   single columns (numbers, levels, missing cells) and of pairs of columns.
//!
//! `intercept` and `scale` are found by bisection such that 18.75 % of the rows convert, and that
//! the best AUC that any model can expect is 0.970. All draws depend on the seed, the column and
//! the row alone, so results are the same on any number of threads.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use rayon::prelude::*;
use stackfold::data::{Column, RowIndex, Table};
use stackfold::error::{Error, Result};
use stackfold::random::Seed;

const COLUMNS: &str = include_str!("columns.csv");
const LOADINGS: &str = include_str!("factor_loadings.csv");

/// The rows of the real training file.
pub(crate) const TRAIN_ROWS: usize = 260_753;
/// The rows of the real test file.
pub(crate) const TEST_ROWS: usize = 173_836;
/// The name of the target.
pub(crate) const TARGET: &str = "QuoteConversion_Flag";
/// The features of the real files.
pub(crate) const N_FEATURES: usize = 296;

const POSITIVE_RATE: f64 = 0.1875;
const BEST_AUC: f64 = 0.970;
const LEAK_RATE: f64 = 0.993;
const N_FACTORS: usize = 48;
const FIRST_DAY: i32 = 15_706; // 2013-01-01
const N_DAYS: u16 = 868;

/// A training and a test file's worth of rows, and what is known about them.
#[derive(Debug)]
pub(crate) struct LookAlike {
    /// Rows with their target, ordered by `QuoteNumber`.
    pub(crate) train: Part,
    /// Rows whose table lacks the target, ordered by `QuoteNumber`.
    pub(crate) test: Part,
    /// What [`best_auc`] gives for all rows.
    pub(crate) best_auc: f64,
}

/// Some of the rows.
#[derive(Debug)]
pub(crate) struct Part {
    /// The columns as a file has them: `-1` and blanks are no missing cells yet.
    pub(crate) table: Table,
    /// The probability that the rule gives each row.
    pub(crate) probabilities: Vec<f64>,
    /// 1 for the rows that converted, 0 for the others.
    pub(crate) converted: Vec<u32>,
}

impl LookAlike {
    /// Draws rows with the given number of features.
    ///
    /// The columns of the rule are always there; others follow in the order of the real header.
    pub(crate) fn generate(
        train_rows: usize,
        test_rows: usize,
        n_features: usize,
        seed: Seed,
    ) -> Result<Self> {
        let n_rows = train_rows + test_rows;
        let described = described()?;
        let chosen = choose(&described, n_features);
        let world = World::new(n_rows, seed)?;
        let drawn: Vec<Drawn> = chosen.par_iter().map(|column| world.draw(column)).collect();
        let by_name: HashMap<&str, &Drawn> = chosen.iter().map(|c| c.name).zip(&drawn).collect();
        let probabilities = Rule::new(&by_name)?.probabilities(n_rows);
        let converted: Vec<u32> = probabilities
            .iter()
            .zip(0..)
            .map(|(&p, row)| u32::from(seed.child("target").uniform(row) < p))
            .collect();
        let quotes = quote_numbers(train_rows, test_rows, seed);
        let days = world.days();
        let part = |rows: std::ops::Range<usize>, with_target: bool| -> Result<Part> {
            let numbers: Vec<f64> = quotes[rows.clone()].iter().map(|&q| f64::from(q)).collect();
            let mut columns = vec![
                ("QuoteNumber", Column::numeric(numbers)),
                ("Original_Quote_Date", Column::dates(&days[rows.clone()])),
            ];
            if with_target {
                let flags = converted[rows.clone()].iter().map(|&c| f64::from(c));
                columns.push((TARGET, Column::numeric(flags.collect::<Vec<f64>>())));
            }
            let features: Vec<(&str, Column)> = chosen
                .par_iter()
                .zip(&drawn)
                .map(|(column, drawn)| (column.name, drawn.column(rows.clone())))
                .collect();
            columns.extend(features);
            Ok(Part {
                table: Table::new(columns)?,
                probabilities: probabilities[rows.clone()].to_vec(),
                converted: converted[rows].to_vec(),
            })
        };
        Ok(Self {
            train: part(0..train_rows, true)?,
            test: part(train_rows..n_rows, false)?,
            best_auc: best_auc(&probabilities),
        })
    }
}

/// The AUC that ranking by the true probabilities can expect, which no other ranking exceeds:
/// the sum over pairs of rows `i`, `j` of `p_i (1 - p_j) [p_i > p_j]` (a half for equals), over
/// the sum of `p_i (1 - p_j)`.
pub(crate) fn best_auc(probabilities: &[f64]) -> f64 {
    let mut sorted = probabilities.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (mut won, mut below, mut itself) = (0.0, 0.0, 0.0);
    for group in sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()) {
        let p = group[0];
        let n = group.len() as f64;
        won += n * p * below + 0.5 * n * (n - 1.0) * p * (1.0 - p);
        itself += n * p * (1.0 - p);
        below += n * (1.0 - p);
    }
    let positives: f64 = sorted.iter().sum();
    won / (positives * below - itself)
}

/// Writes a table as Kaggle writes it: missing cells empty, `"1,113"` with its comma.
pub(crate) fn write_csv(path: &Path, table: &Table) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
        let names: Vec<&str> = table.schema().names().collect();
        let columns: Vec<&Column> = names
            .iter()
            .filter_map(|name| table.column(name).ok())
            .collect();
        writeln!(out, "{}", names.join(","))?;
        let n_rows = u32::try_from(table.n_rows()).unwrap_or(u32::MAX);
        for start in (0..n_rows).step_by(2_048) {
            let rows: Vec<u32> = (start..n_rows.min(start + 2_048)).collect();
            let numbers: Vec<Vec<f64>> = columns
                .iter()
                .map(|c| c.numbers(RowIndex::Some(&rows)))
                .collect();
            for (i, &row) in rows.iter().enumerate() {
                for (j, column) in columns.iter().enumerate() {
                    if j > 0 {
                        out.write_all(b",")?;
                    }
                    write_cell(&mut out, names[j], column, row as usize, numbers[j][i])?;
                }
                out.write_all(b"\n")?;
            }
        }
        out.flush()
    };
    write().map_err(|e| Error::io(path.display(), e))
}

fn write_cell(
    out: &mut impl Write,
    name: &str,
    column: &Column,
    row: usize,
    number: f64,
) -> io::Result<()> {
    if number.is_nan() {
        return Ok(());
    }
    if name == "Original_Quote_Date" || column.codes().is_some() {
        return out.write_all(column.text(row).unwrap_or_default().as_bytes());
    }
    if name == "Field10" && number >= 1_000.0 {
        return write!(
            out,
            "\"{},{:03}\"",
            (number / 1_000.0).floor(),
            number % 1_000.0
        );
    }
    write!(out, "{number}")
}

/// Quote numbers 1 to n, dealt at random to the two files, ascending in each.
fn quote_numbers(train_rows: usize, test_rows: usize, seed: Seed) -> Vec<u32> {
    let mut quotes: Vec<u32> = (1..).take(train_rows + test_rows).collect();
    seed.child("quotes").stream().shuffle(&mut quotes);
    let (train, test) = quotes.split_at_mut(train_rows);
    train.sort_unstable();
    test.sort_unstable();
    quotes
}

// What is published.

/// One line of `columns.csv`.
#[derive(Debug, Clone)]
struct Described {
    name: &'static str,
    n_levels: usize,
    /// Smallest, first quartile, median, third quartile, largest; none for columns of levels.
    quartiles: Option<[f64; 5]>,
    mean: f64,
    missing: f64,
    top_levels: &'static str,
}

fn described() -> Result<Vec<Described>> {
    let lines = COLUMNS.lines().skip(1);
    lines
        .filter(|line| !line.is_empty())
        .map(describe)
        .collect()
}

fn describe(line: &'static str) -> Result<Described> {
    let bad = || Error::data("ten commas outside quotes", format!("{line:?}"));
    // Only the levels are ever quoted.
    let mut quoted = line.splitn(3, '"');
    let head = quoted.next().unwrap_or_default();
    let levels_in_quotes = quoted.next();
    let cells: Vec<&str> = head.split(',').collect();
    let cell = |i: usize| cells.get(i).copied().ok_or_else(bad);
    let number = |i: usize| Ok(cell(i)?.parse::<f64>().unwrap_or(f64::NAN));
    let is_number = cell(1)? == "numeric";
    let quartiles = [number(3)?, number(4)?, number(5)?, number(7)?, number(8)?];
    Ok(Described {
        name: cell(0)?,
        n_levels: cell(2)?.parse().unwrap_or(0),
        quartiles: is_number.then_some(quartiles),
        mean: number(6)?,
        missing: number(9)? / TRAIN_ROWS as f64,
        top_levels: levels_in_quotes.unwrap_or(cells.get(10).copied().unwrap_or_default()),
    })
}

/// The columns of the rule and as many others as asked for, in the order of the header.
fn choose(described: &[Described], n_features: usize) -> Vec<&Described> {
    let features = &described[3..];
    let in_rule = |column: &&Described| Rule::names().any(|name| name == column.name);
    let mut spare = n_features.saturating_sub(features.iter().filter(in_rule).count());
    features
        .iter()
        .filter(|column| {
            let take = in_rule(column) || spare > 0;
            if take && !in_rule(column) {
                spare -= 1;
            }
            take
        })
        .collect()
}

// Drawing columns.

/// A column: for each row the place of its value, or one place further if it is missing.
#[derive(Debug)]
struct Drawn {
    places: Vec<u16>,
    values: Values,
    /// The share of rows that each value is meant to have.
    shares: Vec<f64>,
}

#[derive(Debug)]
enum Values {
    Numbers(Vec<f64>),
    Levels(Vec<String>),
    /// `SalesField8`, whose values are too many to list: places are `value - 1`, in two parts.
    Counting(Vec<u16>),
}

impl Drawn {
    fn column(&self, rows: std::ops::Range<usize>) -> Column {
        let places = self.places[rows.clone()].iter();
        match &self.values {
            Values::Numbers(values) => {
                let number = |&p: &u16| values.get(usize::from(p)).copied().unwrap_or(f64::NAN);
                Column::numeric(places.map(number).collect::<Vec<f64>>())
            }
            Values::Levels(levels) => {
                Column::categorical(places.map(|&p| levels.get(usize::from(p)).map(String::as_str)))
            }
            Values::Counting(high) => {
                let whole =
                    |(&low, &high): (&u16, &u16)| 1.0 + f64::from(high) * 65_536.0 + f64::from(low);
                Column::numeric(places.zip(&high[rows]).map(whole).collect::<Vec<f64>>())
            }
        }
    }

    /// The values with mean 0 and variance 1 by their shares; 0 in the place of a missing cell.
    fn standardised(&self) -> Vec<f64> {
        let values: Vec<f64> = match &self.values {
            Values::Numbers(values) => values.clone(),
            _ => (0..self.shares.len()).map(|i| i as f64).collect(),
        };
        let moment = |f: &dyn Fn(f64) -> f64| -> f64 {
            let pairs = values.iter().zip(&self.shares);
            pairs.map(|(&v, &share)| share * f(v)).sum()
        };
        let total = moment(&|_| 1.0);
        let mean = moment(&|v| v) / total;
        let spread = (moment(&|v| (v - mean).powi(2)) / total).sqrt().max(1e-9);
        let mut standardised: Vec<f64> = values.iter().map(|v| (v - mean) / spread).collect();
        standardised.push(0.0);
        standardised
    }

    fn n_places(&self) -> usize {
        self.shares.len() + 1
    }
}

/// What all columns of a row have in common.
struct World {
    seed: Seed,
    n_rows: usize,
    factors: Vec<Vec<f32>>,
    loadings: HashMap<&'static str, Vec<f32>>,
    normal: Normal,
}

impl World {
    fn new(n_rows: usize, seed: Seed) -> Result<Self> {
        let mut loadings = HashMap::new();
        for line in LOADINGS.lines().skip(1).filter(|line| !line.is_empty()) {
            let mut cells = line.split(',');
            let name = cells.next().unwrap_or_default();
            let numbers: Vec<f32> = cells.filter_map(|cell| cell.parse().ok()).collect();
            if numbers.len() != N_FACTORS + 1 {
                return Err(Error::data("49 numbers a line", numbers.len()).in_column(name));
            }
            loadings.insert(name, numbers);
        }
        let factors = (0..N_FACTORS)
            .into_par_iter()
            .map(|factor| {
                let seed = seed.child("factor").at(factor);
                (0..)
                    .take(n_rows)
                    .map(|row| narrow(seed.normal(row)))
                    .collect()
            })
            .collect();
        Ok(Self {
            seed,
            n_rows,
            factors,
            loadings,
            normal: Normal::new(),
        })
    }

    /// Days of 2013-01-01 to 2015-05-18, fewer at weekends.
    fn days(&self) -> Vec<Option<i32>> {
        let seed = self.seed.child("date");
        let weight = |day: u16| match (i32::from(day) + FIRST_DAY + 3) % 7 {
            5 => 0.45, // Saturday: 1970-01-01 was a Thursday
            6 => 0.3,
            _ => 1.25,
        };
        let mut sum = 0.0;
        let sums: Vec<f64> = (0..N_DAYS)
            .map(|day| {
                sum += weight(day);
                sum
            })
            .collect();
        (0..)
            .take(self.n_rows)
            .map(|row| {
                let u = seed.uniform(row) * sum;
                let day = sums
                    .partition_point(|&s| s <= u)
                    .min(usize::from(N_DAYS) - 1);
                i32::try_from(day).ok().map(|day| FIRST_DAY + day)
            })
            .collect()
    }

    fn draw(&self, column: &Described) -> Drawn {
        match column.name {
            "SalesField8" => self.draw_counting(column),
            "PropertyField37" => {
                let twelve = shares_of_personal_field_12();
                let other = places(&self.scores("PersonalField12"), &self.thresholds(&twelve));
                self.draw_property_field_37(column, &other)
            }
            "PersonalField16" | "PersonalField17" | "PersonalField18" | "PersonalField19" => {
                self.draw_vehicle(column)
            }
            name => {
                let (values, shares) = if name == "PersonalField12" {
                    let shares = shares_of_personal_field_12();
                    (Values::Numbers(vec![1.0, 2.0, 3.0, 4.0, 5.0]), shares)
                } else if let Some(quartiles) = column.quartiles {
                    let (values, shares) = marginal(column, quartiles);
                    (Values::Numbers(values), shares)
                } else {
                    levels(column)
                };
                let mut places = places(&self.scores(name), &self.thresholds(&shares));
                self.strike_out(column, &values, &mut places);
                Drawn {
                    places,
                    values,
                    shares,
                }
            }
        }
    }

    /// The standard normal scores of a column; both columns of a pair have those of its `…B`.
    fn scores(&self, name: &str) -> Vec<f32> {
        const BLOCK: usize = 4_096;
        let partner = name.strip_suffix('A').map(|base| format!("{base}B"));
        let name = partner
            .filter(|partner| self.loadings.contains_key(partner.as_str()))
            .unwrap_or_else(|| name.to_owned());
        let seed = self.seed.child("noise").child(&name);
        let mut loadings = self
            .loadings
            .get(name.as_str())
            .cloned()
            .unwrap_or_else(|| {
                // A column of levels hangs on two factors.
                let mut loadings = vec![0.0; N_FACTORS + 1];
                for (i, loading) in [(0, 0.5), (1, 0.4)] {
                    loadings[Seed::new(i).child(&name).stream().below(N_FACTORS)] += loading;
                }
                loadings[N_FACTORS] = 0.6;
                loadings
            });
        loadings[N_FACTORS] = loadings[N_FACTORS].max(0.0).sqrt();
        let length = loadings.iter().map(|l| l * l).sum::<f32>().sqrt();
        let mut scores = vec![0.0_f32; self.n_rows];
        for (block, scores) in scores.chunks_mut(BLOCK).enumerate() {
            let start = block * BLOCK;
            let noise = loadings[N_FACTORS] / length;
            for (score, row) in scores.iter_mut().zip(start as u64..) {
                *score = noise * narrow(seed.normal(row));
            }
            for (factor, loading) in self.factors.iter().zip(&loadings) {
                let loading = loading / length;
                for (score, f) in scores.iter_mut().zip(&factor[start..]) {
                    *score += loading * f;
                }
            }
        }
        scores
    }

    /// The scores at which one value ends and the next begins.
    fn thresholds(&self, shares: &[f64]) -> Vec<f32> {
        let total: f64 = shares.iter().sum();
        let mut sum = 0.0;
        let ends = shares.iter().take(shares.len() - 1);
        ends.map(|share| {
            sum += share / total;
            narrow(self.normal.quantile(sum))
        })
        .collect()
    }

    /// Makes cells missing, and gives the code `-1` to the columns of a family together.
    fn strike_out(&self, column: &Described, values: &Values, places: &mut [u16]) {
        let Values::Numbers(numbers) = values else {
            return;
        };
        let is_code = numbers.len() > 2 && numbers[0] < 0.0;
        let share = if is_code {
            share_of_code(column)
        } else {
            column.missing
        };
        if share <= 0.0 {
            return;
        }
        let family = column
            .name
            .trim_end_matches(|c: char| !c.is_ascii_lowercase());
        let seed = match column.name {
            // Missing where there is no second vehicle: see `draw_vehicle`.
            "PersonalField84" => self.seed.child("vehicle"),
            _ if is_code => self.seed.child("code").child(family),
            name => self.seed.child("missing").child(name),
        };
        let struck = if is_code { 0 } else { place(numbers.len()) };
        for (p, row) in places.iter_mut().zip(0..) {
            if seed.uniform(row) < share {
                *p = struck;
            }
        }
    }

    fn draw_counting(&self, column: &Described) -> Drawn {
        let largest = column.quartiles.map_or(1.0, |q| q[4]);
        let seed = self.seed.child(column.name);
        let values = (0..).take(self.n_rows).map(|row| {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 67163"
            )]
            let value = (seed.uniform(row) * largest) as u32;
            (
                place(value as usize % 65_536),
                place(value as usize / 65_536),
            )
        });
        let (places, high) = values.unzip();
        Drawn {
            places,
            values: Values::Counting(high),
            shares: vec![1.0],
        }
    }

    /// Y for 95 % of the rows with `PersonalField12` = 5, and for 9.9 % of the others: these are
    /// 7.7 % of all rows.
    fn draw_property_field_37(&self, column: &Described, twelve: &[u16]) -> Drawn {
        let (values, shares) = levels(column);
        let seed = self.seed.child(column.name);
        let is_yes = |(&p, row): (&u16, u64)| {
            u16::from(seed.uniform(row) < if p == 4 { 0.95 } else { 0.0987 })
        };
        Drawn {
            places: twelve.iter().zip(0..).map(is_yes).collect(),
            values,
            shares,
        }
    }

    /// `PersonalField16` to 19: the first level of each in the same rows, where there is no second
    /// vehicle; elsewhere mostly functions of one hidden number.
    fn draw_vehicle(&self, column: &Described) -> Drawn {
        let (values, shares) = levels(column);
        let (none, hidden) = (self.seed.child("vehicle"), self.seed.child("vehicle kind"));
        let own = self.seed.child(column.name);
        let total: f64 = shares.iter().sum();
        let first = shares[0] / total;
        let mut sum = 0.0;
        let ends: Vec<f64> = shares[1..]
            .iter()
            .map(|share| {
                sum += share / (total - shares[0]);
                sum
            })
            .collect();
        let place_of = |row: u64| {
            if none.uniform(row) < first {
                return 0;
            }
            let bits = own.at(0).uniform(row);
            let u = if bits < 0.85 {
                hidden.uniform(row)
            } else {
                own.at(1).uniform(row)
            };
            place(1 + ends.partition_point(|&end| end <= u).min(ends.len() - 1))
        };
        Drawn {
            places: (0..).take(self.n_rows).map(place_of).collect(),
            values,
            shares,
        }
    }
}

/// The place of each score between the thresholds.
fn places(scores: &[f32], thresholds: &[f32]) -> Vec<u16> {
    let of = |z: &f32| place(thresholds.partition_point(|t| t <= z));
    scores.iter().map(of).collect()
}

/// The share of `-1` in an A/B column: near-uniform bins 1 to 25 have mean 13 without it.
fn share_of_code(column: &Described) -> f64 {
    if column.name.ends_with('B') {
        ((13.0 - column.mean) / 14.0).clamp(0.0005, 0.03)
    } else {
        0.002
    }
}

/// 22 % have 5: with `PropertyField37` this gives the leak its 7.7 % of the rows.
fn shares_of_personal_field_12() -> Vec<f64> {
    vec![0.64, 0.04, 0.035, 0.065, 0.22]
}

/// The values of a numeric column and their shares.
///
/// Its distribution function goes through the quartiles, and bends between them by a power such
/// that the mean comes out; a value gets what lies between the midpoints to its neighbours.
fn marginal(column: &Described, quartiles: [f64; 5]) -> (Vec<f64>, Vec<f64>) {
    let [min, q1, median, q3, max] = quartiles;
    let n = column.n_levels - usize::from(column.missing > 0.0);
    let values = support(n.max(1), quartiles);
    if values.len() == 1 {
        return (values, vec![1.0]);
    }
    if values.len() == 2 {
        let upper = ((column.mean - min) / (max - min)).clamp(0.0, 1.0);
        return (values, vec![1.0 - upper, upper]);
    }
    let is_coded = min < 0.0;
    let low = if is_coded { values[1] } else { min };
    let knots = [low, q1.max(low), median.max(low), q3.max(low), max];
    let shares = |bend: f64| -> Vec<f64> {
        let present = &values[usize::from(is_coded)..];
        let ends = present
            .windows(2)
            .map(|pair| share_below(0.5 * (pair[0] + pair[1]), knots, bend));
        let ends: Vec<f64> = ends.chain([1.0]).collect();
        let mut last = 0.0;
        let mut shares = vec![0.0; usize::from(is_coded)];
        for end in ends {
            shares.push(end - last);
            last = end;
        }
        shares
    };
    let mean = |bend: f64| -> f64 {
        values
            .iter()
            .zip(shares(bend))
            .map(|(v, share)| v * share)
            .sum()
    };
    let (mut below, mut above) = (-9.0, 9.0);
    for _ in 0..50 {
        let middle = 0.5 * (below + above);
        if mean(middle) < column.mean {
            below = middle;
        } else {
            above = middle;
        }
    }
    let shares = shares(below);
    (values, shares)
}

/// The share of values below `x`; more `bend` moves values up within each quarter.
fn share_below(x: f64, [min, q1, median, q3, max]: [f64; 5], bend: f64) -> f64 {
    let part = |low: f64, high: f64| ((x - low) / (high - low)).clamp(0.0, 1.0);
    // With t from 0 to 1 over a quarter, x = high - (high - low) (1 - t)^exp(bend) below the
    // median, and x = low + (high - low) t^exp(-bend) above it.
    let lower = |part: f64| 0.25 * (1.0 - (1.0 - part).powf((-bend).exp()));
    let upper = |part: f64| 0.25 * part.powf(bend.exp());
    if x < q1 {
        lower(part(min, q1))
    } else if x < median {
        0.25 + lower(part(q1, median))
    } else if x < q3 {
        0.5 + upper(part(median, q3))
    } else {
        0.75 + upper(part(q3, max))
    }
}

/// The quartiles and further values evenly between the extremes, `n` in all.
fn support(n: usize, quartiles: [f64; 5]) -> Vec<f64> {
    let mut values = quartiles.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let [min, .., max] = quartiles;
    let is_whole = values.iter().all(|v| v.fract() == 0.0);
    let step = if is_whole {
        1.0
    } else {
        ((max - min) / (n.max(2) - 1) as f64 * 1e4).round().max(1.0) / 1e4
    };
    // Nothing lies between the code -1 and 1.
    let mut candidate = if min < 0.0 { 0.0 } else { min };
    while values.len() < n && candidate < max {
        candidate += step;
        let rounded = (candidate * 1e4).round() / 1e4;
        if rounded < max && values.iter().all(|v| (v - rounded).abs() > 0.4 * step) {
            values.push(rounded);
        }
    }
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The levels of a column, most frequent first, and their shares; Field10's are numbers.
fn levels(column: &Described) -> (Values, Vec<f64>) {
    let mut names: Vec<String> = Vec::new();
    let mut shares: Vec<f64> = Vec::new();
    let mut other = 0.0;
    for entry in column.top_levels.split("; ") {
        let Some((name, count)) = entry.rsplit_once('=') else {
            continue;
        };
        let share = count.parse().unwrap_or(0.0) / TRAIN_ROWS as f64;
        match name {
            "(Other)" => other = share,
            "(blank)" => {
                names.push(" ".to_owned());
                shares.push(share);
            }
            _ => {
                names.push(name.to_owned());
                shares.push(share);
            }
        }
    }
    let n_rare = column.n_levels.saturating_sub(names.len());
    let weights: Vec<f64> = (0..n_rare)
        .map(|i| 0.93_f64.powi(i32::try_from(i).unwrap_or(0)))
        .collect();
    let total: f64 = weights.iter().sum();
    let rare = if column.name == "Field10" {
        vec!["1,480".to_owned(), "1,487".to_owned()]
    } else {
        unused_names(&names, n_rare)
    };
    names.extend(rare);
    shares.extend(weights.iter().map(|weight| other * weight / total));
    if column.name != "Field10" {
        return (Values::Levels(names), shares);
    }
    let number = |name: &String| name.replace(',', "").parse().unwrap_or(f64::NAN);
    (Values::Numbers(names.iter().map(number).collect()), shares)
}

/// Names in the manner of the given ones: one letter, or two of which the first is X, Y or Z.
fn unused_names(used: &[String], n: usize) -> Vec<String> {
    let is_long = used.first().is_some_and(|name| name.len() == 2);
    let heads: &[&str] = if is_long { &["X", "Y", "Z"] } else { &[""] };
    heads
        .iter()
        .flat_map(|head| ('A'..='Z').map(move |letter| format!("{head}{letter}")))
        .filter(|name| !used.contains(name))
        .take(n)
        .collect()
}

// The rule.

/// Effects of numbers: column, linear and squared weight.
const NUMBERS: [(&str, f64, f64); 12] = [
    ("SalesField5", -0.9, 0.3),
    ("SalesField1B", -0.5, -0.3),
    ("PersonalField9", -0.6, 0.0),
    ("PersonalField13", -0.3, 0.0),
    ("PersonalField10B", 0.1, 0.4),
    ("SalesField4", -0.4, 0.0),
    ("Field9", 0.3, 0.3),
    ("Field7", -0.2, 0.3),
    ("PropertyField35", 0.4, 0.0),
    ("CoverageField11B", 0.4, 0.0),
    ("GeographicField6A", -0.4, 0.2),
    ("PersonalField82", 0.3, 0.0),
];

/// Effects of levels: column, spread.
const LEVELS: [(&str, f64); 7] = [
    ("PersonalField16", 0.5),
    ("PropertyField7", 0.4),
    ("CoverageField9", 0.4),
    ("Field6", 0.3),
    ("SalesField7", 0.4),
    ("GeographicField64", 0.3),
    ("CoverageField8", 0.3),
];

/// What missing cells add.
const MISSING: [(&str, f64); 2] = [("PropertyField29", 0.6), ("PersonalField84", 0.4)];

/// Effects of the product of two numbers.
const PRODUCTS: [(&str, &str, f64); 4] = [
    ("SalesField5", "PersonalField9", 0.5),
    ("SalesField1B", "PersonalField10B", 0.5),
    ("Field9", "SalesField4", 0.4),
    ("PropertyField39B", "GeographicField17B", 0.5),
];

/// Effects of the difference of two numbers, by its sign and size.
const DIFFERENCES: [(&str, &str, f64); 2] = [
    ("CoverageField1B", "PropertyField21B", 0.6),
    ("GeographicField6A", "GeographicField13A", 0.5),
];

/// Effects of each pair of levels: columns, spread.
const CELLS: [(&str, &str, f64); 3] = [
    ("SalesField7", "PropertyField7", 0.6),
    ("GeographicField64", "Field6", 0.4),
    ("SalesField7", "SalesField5", 0.4),
];

/// The sum of effects of columns and pairs of columns, each as a table over places.
struct Rule<'a> {
    single: Vec<(&'a [u16], Vec<f64>)>,
    pairs: Vec<Pair<'a>>,
    thirty_seven: &'a [u16],
    twelve: &'a [u16],
}

/// The places of two columns, how many the second has, and the effect of each pair of places.
type Pair<'a> = (&'a [u16], &'a [u16], usize, Vec<f64>);

impl<'a> Rule<'a> {
    /// The columns that the rule looks at.
    fn names() -> impl Iterator<Item = &'static str> {
        let pairs = PRODUCTS.iter().chain(&DIFFERENCES).chain(&CELLS);
        NUMBERS
            .iter()
            .map(|&(name, ..)| name)
            .chain(LEVELS.iter().chain(&MISSING).map(|&(name, _)| name))
            .chain(pairs.flat_map(|&(a, b, _)| [a, b]))
            .chain(["PropertyField37", "PersonalField12"])
    }

    fn new(drawn: &HashMap<&str, &'a Drawn>) -> Result<Self> {
        // The rule is one and the same whatever the seed of the rows.
        let seed = Seed::new(37).child("rule");
        let find = |name: &str| {
            let found = drawn.get(name).copied();
            found.ok_or_else(|| Error::data("a column of the rule", "none").in_column(name))
        };
        let mut single = Vec::new();
        for (name, linear, squared) in NUMBERS {
            let column = find(name)?;
            let table: Vec<f64> = column
                .standardised()
                .iter()
                .map(|x| x.clamp(-2.5, 2.5))
                .map(|x| linear * x + squared * (x * x - 1.0))
                .collect();
            single.push((column.places.as_slice(), table));
        }
        for (name, effect) in MISSING {
            let column = find(name)?;
            let mut table = vec![0.0; column.n_places()];
            table[column.n_places() - 1] = effect;
            single.push((column.places.as_slice(), table));
        }
        for (name, spread) in LEVELS {
            let column = find(name)?;
            let seed = seed.child(name);
            let effects = (0..)
                .take(column.n_places())
                .map(|i| spread * seed.normal(i));
            single.push((column.places.as_slice(), effects.collect()));
        }
        let mut pairs = Vec::new();
        let mut pair = |a: &str, b: &str, effect: &dyn Fn(f64, f64, u64) -> f64| -> Result<()> {
            let (a, b) = (find(a)?, find(b)?);
            let (x, y) = (a.standardised(), b.standardised());
            let table = x.iter().flat_map(|x| y.iter().map(move |y| (*x, *y)));
            let table = table.zip(0..).map(|((x, y), i)| effect(x, y, i)).collect();
            pairs.push((
                a.places.as_slice(),
                b.places.as_slice(),
                b.n_places(),
                table,
            ));
            Ok(())
        };
        for (a, b, weight) in PRODUCTS {
            pair(a, b, &|x, y, _| {
                weight * x.clamp(-2.5, 2.5) * y.clamp(-2.5, 2.5)
            })?;
        }
        for (a, b, weight) in DIFFERENCES {
            pair(a, b, &|x, y, _| weight * (2.0 * (x - y)).tanh())?;
        }
        for (a, b, spread) in CELLS {
            let seed = seed.child(a).child(b);
            pair(a, b, &|_, _, i| spread * seed.normal(i))?;
        }
        Ok(Self {
            single,
            pairs,
            thirty_seven: &find("PropertyField37")?.places,
            twelve: &find("PersonalField12")?.places,
        })
    }

    /// The sum of effects, or none where the leak decides.
    fn score(&self, row: usize) -> Option<f64> {
        if self.thirty_seven[row] == 1 && self.twelve[row] < 4 {
            return None;
        }
        let single = self.single.iter();
        let single: f64 = single
            .map(|(places, table)| table[usize::from(places[row])])
            .sum();
        let pairs = self.pairs.iter();
        let pairs: f64 = pairs
            .map(|(a, b, n, table)| table[usize::from(a[row]) * n + usize::from(b[row])])
            .sum();
        Some(single + pairs)
    }

    fn probabilities(&self, n_rows: usize) -> Vec<f64> {
        const SAMPLE: usize = 40_000;
        let scores: Vec<Option<f64>> = (0..n_rows)
            .into_par_iter()
            .map(|row| self.score(row))
            .collect();
        let step = n_rows.div_ceil(SAMPLE).max(1);
        let sample: Vec<Option<f64>> = scores.iter().step_by(step).copied().collect();
        let scale = bisect(0.05, 20.0, |scale| {
            let intercept = intercept(&sample, scale);
            let p: Vec<f64> = sample
                .iter()
                .map(|&s| probability(s, intercept, scale))
                .collect();
            best_auc(&p) - BEST_AUC
        });
        let intercept = intercept(&scores, scale);
        scores
            .par_iter()
            .map(|&s| probability(s, intercept, scale))
            .collect()
    }
}

/// The intercept with which the mean probability is the rate of positives.
fn intercept(scores: &[Option<f64>], scale: f64) -> f64 {
    bisect(-60.0, 60.0, |intercept| {
        let sum: f64 = scores
            .iter()
            .map(|&s| probability(s, intercept, scale))
            .sum();
        sum / scores.len().max(1) as f64 - POSITIVE_RATE
    })
}

fn probability(score: Option<f64>, intercept: f64, scale: f64) -> f64 {
    score.map_or(LEAK_RATE, |s| {
        1.0 / (1.0 + (-(intercept + scale * s)).exp())
    })
}

/// Where an increasing function crosses zero.
fn bisect(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if f(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The standard normal distribution function from -8 to 8, by summing its density.
struct Normal {
    sums: Vec<f64>,
}

impl Normal {
    const STEP: f64 = 1e-3;

    fn new() -> Self {
        let mut sum = 0.0;
        let sums: Vec<f64> = (0..16_000)
            .map(|i| {
                let z = -8.0 + (f64::from(i) + 0.5) * Self::STEP;
                sum += (-0.5 * z * z).exp();
                sum
            })
            .collect();
        Self {
            sums: sums.iter().map(|s| s / sum).collect(),
        }
    }

    fn quantile(&self, p: f64) -> f64 {
        -8.0 + (self.sums.partition_point(|&sum| sum < p) as f64 + 0.5) * Self::STEP
    }
}

/// Draws are kept as f32.
#[allow(
    clippy::cast_possible_truncation,
    reason = "scores need no more digits"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn place(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
