//! A column for each level.

use std::sync::Arc;

use super::cells::{Cells, feature_cells, fill, named_cells};
use super::names::sort_by_name;
use super::targets::to_feature;
use crate::data::UniqueNames;
use crate::data::{Feature, Features, FitContext, Levels, OutOfSample, RowIndex, Rows, Table};
use crate::error::{Error, Result};
use crate::options::{none_or_at_least_one, options};
use crate::parallel;
use crate::transform::columnwise::check_weights;
use crate::transform::{FittedTransformer, Scope, UnsupervisedTransformer};

/// Which of a column's features a [`OneHotEncoder`] leaves out.
///
/// All zeros then stand for the level whose feature is left out. A level that fitting did not meet
/// has all zeros too under [`Unknown::Zeros`], the default (and scikit-learn's, which warns of it):
/// models take it for the level left out, and confidently so. [`Unknown::Shares`] tells the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Drop {
    /// None of them.
    None,
    /// The first: the others tell it, which linear models without a penalty need.
    First,
    /// The first if there are two.
    IfBinary,
}

/// What a level is to a [`OneHotEncoder`] that fitting did not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Unknown {
    /// An error that names the column, the row and the level.
    Error,
    /// All of the column's features are 0: as at the level whose feature [`Drop`] leaves out, if it
    /// leaves out one.
    Zeros,
    /// An infrequent level, if there are any; else all features are 0.
    Infrequent,
    /// Each of the column's features is its mean over the training rows of weight above 0: the share
    /// of them that have the level. A linear model then predicts what it does on average.
    Shares,
}

/// What a missing cell is to a [`OneHotEncoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Missing {
    /// A level, with the feature `column_missing` if training rows have missing cells; if they
    /// have none, it is unknown later.
    AsLevel,
    /// All of the column's features are 0.
    Zeros,
    /// An error that names the column and the row.
    Error,
}

/// From how many training rows of weight above 0 on a level has a feature of its own.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum MinFrequency {
    /// From this number of rows on.
    Count(usize),
    /// From this share of the rows on, 0 to 1.
    Share(f64),
}

/// Gives each level a feature that is 1 where the level is, and 0 elsewhere.
///
/// The levels are those of the training rows of weight above 0, in the order of their names (by
/// value if all are numbers, else by characters), so that the order of rows plays no part. Each such
/// row counts as one, whatever its weight. Features are named
/// `column_level`; then come `column_missing` and `column_infrequent` where there are such. A
/// name that would stand twice gets `_2`, `_3` … `c` columns with `k_j` features each give
/// `(n_rows, k_1 + … + k_c)` features.
///
/// Levels below [`with_min_frequency`](Self::with_min_frequency), and the rarest above
/// [`with_max_levels`](Self::with_max_levels), share the feature `column_infrequent`. Missing
/// cells are never among them.
///
/// An unknown level and the one left out by [`Drop`] are told apart with [`Unknown::Shares`]:
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{Drop, OneHotEncoder, Unknown};
///
/// let column = |levels: [&str; 4]| Column::categorical(levels.map(Some));
/// let table = Table::new([("tenure", column(["own", "rent", "rent", "rent"]))])?;
/// let new = Table::new([("tenure", column(["own", "rent", "lodger", "rent"]))])?;
/// let target = Values::new(vec![0.0; 4])?;
/// let encoder = OneHotEncoder::new().with_drop(Drop::IfBinary).with_unknown(Unknown::Shares);
/// let (fitted, training) = encoder.fit_transform(Train::new(&table, &target)?)?;
/// assert_eq!(training.names().collect::<Vec<_>>(), ["tenure_rent"]);
/// assert_eq!(fitted.transform(new.rows())?.column(0), [0.0, 1.0, 0.75, 1.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// The features are those of scikit-learn's `OneHotEncoder`, in its order, but for this: there texts
/// that are numbers are in the order of characters, missing cells may be infrequent, and of equally
/// frequent levels the last by name stay.
///
/// ```
/// use stackfold::data::Column;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{MinFrequency, OneHotEncoder};
///
/// let column = Column::categorical([Some("b"), Some("a"), None, Some("b"), Some("c")]);
/// let table = Table::new([("x", column)])?;
/// let target = Values::new(vec![0.0; 5])?;
/// let encoder = OneHotEncoder::new().with_min_frequency(MinFrequency::Count(2));
/// let (fitted, training) = encoder.fit_transform(Train::new(&table, &target)?)?;
/// let names: Vec<&str> = training.names().collect();
/// assert_eq!(names, ["x_b", "x_missing", "x_infrequent"]);
/// assert_eq!(training.column(0), [1.0, 0.0, 0.0, 1.0, 0.0]);
/// assert_eq!(training.column(2), [0.0, 1.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneHotEncoder {
    drop: Drop,
    min_frequency: MinFrequency,
    max_levels: Option<usize>,
    max_features: usize,
    unknown: Unknown,
    missing: Missing,
    /// Further levels, by column.
    further: Vec<(String, Vec<String>)>,
}

impl Default for OneHotEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl OneHotEncoder {
    /// All levels, none dropped; zeros for an unknown level; a missing cell as a level; at most
    /// 10,000 features.
    #[must_use]
    pub fn new() -> Self {
        Self {
            drop: Drop::None,
            min_frequency: MinFrequency::Count(0),
            max_levels: None,
            max_features: 10_000,
            unknown: Unknown::Zeros,
            missing: Missing::AsLevel,
            further: Vec::new(),
        }
    }

    options! {
        /// Leaving out these features.
        with_drop(drop: Drop);
        /// With rarer levels sharing a feature.
        with_min_frequency(min_frequency: MinFrequency);
        /// With at most this many features a column for its levels, 1 or more, that of the
        /// infrequent levels among them; of equally frequent levels the first by name stay. `None`
        /// by default.
        with_max_levels(max_levels: Option<usize>);
        /// With an error in fitting if there would be more features than this, in all.
        with_max_features(max_features: usize);
        /// With unknown levels treated so.
        with_unknown(unknown: Unknown);
        /// With missing cells treated so.
        with_missing(missing: Missing);
    }

    /// *Transductive*: levels that occur in these tables have features too, as if they had been
    /// seen in fitting (in no row).
    ///
    /// For competitions in which the rows to be predicted are given. What is fitted then depends
    /// on rows beyond the training rows: scores of a cross-validation do not tell what such a
    /// model does on levels that nobody has seen.
    ///
    /// ```
    /// use stackfold::data::Column;
    /// use stackfold::prelude::*;
    /// use stackfold::transform::encode::OneHotEncoder;
    ///
    /// let table = Table::new([("x", Column::categorical([Some("b"), Some("c")]))])?;
    /// let test = Table::new([("x", Column::categorical([Some("a"), Some("b")]))])?;
    /// let target = Values::new(vec![0.0, 1.0])?;
    /// let encoder = OneHotEncoder::new().with_levels_from(&[&test]);
    /// let (fitted, training) = encoder.fit_transform(Train::new(&table, &target)?)?;
    /// assert_eq!(training.names().collect::<Vec<_>>(), ["x_a", "x_b", "x_c"]);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn with_levels_from(mut self, tables: &[&Table]) -> Self {
        for table in tables {
            // Columns of other kinds are no levels; should one be encoded, fitting says so.
            let columns = table.rows().features().filter_map(|(field, column)| {
                named_cells(table.rows(), [field.name()].into_iter())
                    .ok()
                    .map(|cells| (field.name(), cells, column))
            });
            for (name, cells, column) in columns {
                for cells in cells {
                    let counts = cells.counts(RowIndex::All(column.len()), None);
                    let levels = cells.levels();
                    let present = levels.names().iter().zip(counts).filter(|(_, n)| *n > 0);
                    let present = present.map(|(level, _)| level.clone()).collect();
                    self.further.push((name.to_owned(), present));
                }
            }
        }
        self
    }

    fn check(&self) -> Result<()> {
        none_or_at_least_one("max_levels", self.max_levels)?;
        match self.min_frequency {
            MinFrequency::Share(share) if !(0.0..=1.0).contains(&share) => Err(Error::parameter(
                "min_frequency",
                "a share from 0 to 1",
                share,
            )),
            _ => Ok(()),
        }
    }

    /// One column's levels and features.
    fn fit_column(
        &self,
        cells: &Cells<'_>,
        rows: RowIndex<'_>,
        weights: Option<&[f64]>,
    ) -> Result<OneHotColumn> {
        let mut counts = cells.counts(rows, weights);
        let n_rows: u32 = counts.iter().sum();
        let n_missing = counts.pop().unwrap_or(0);
        let (levels, is_further) = self.all_levels(cells)?;
        counts.resize(levels.len(), 0);
        let known = |&code: &u32| counts[code as usize] > 0 || is_further[code as usize];
        let mut codes: Vec<u32> = (0..).take(levels.len()).filter(known).collect();
        sort_by_name(&mut codes, &levels);

        let frequent = self.frequent(&codes, &counts, n_rows);
        let name = |text: &str| format!("{}_{text}", cells.name);
        let mut names: Vec<String> = Vec::new();
        let mut next = 0_u32;
        let mut of_features: Vec<u32> = Vec::new();
        let mut feature_of_level = vec![Cell::Unknown; levels.len()];
        for (&code, &frequent) in codes.iter().zip(&frequent) {
            if frequent {
                feature_of_level[code as usize] = Cell::One(next);
                names.push(name(levels.name(code).unwrap_or_default()));
                of_features.push(counts[code as usize]);
                next += 1;
            }
        }
        let missing = match self.missing {
            Missing::AsLevel if n_missing > 0 => {
                names.push(name("missing"));
                of_features.push(n_missing);
                next += 1;
                Cell::One(next - 1)
            }
            Missing::AsLevel => Cell::Unknown,
            Missing::Zeros => Cell::Zeros,
            Missing::Error => Cell::Refused,
        };
        let infrequent = frequent.contains(&false).then(|| {
            names.push(name("infrequent"));
            Cell::One(next)
        });
        let mut n_infrequent = 0;
        for (&code, &frequent) in codes.iter().zip(&frequent) {
            if let Some(infrequent) = infrequent.filter(|_| !frequent) {
                feature_of_level[code as usize] = infrequent;
                n_infrequent += counts[code as usize];
            }
        }
        of_features.extend(infrequent.map(|_| n_infrequent));
        let unknown = match self.unknown {
            Unknown::Error => Cell::Refused,
            Unknown::Zeros => Cell::Zeros,
            Unknown::Infrequent => infrequent.unwrap_or(Cell::Zeros),
            Unknown::Shares => Cell::Shares,
        };
        let share = |n: u32| to_feature(f64::from(n) / f64::from(n_rows.max(1)));
        let mut column = OneHotColumn {
            name: cells.name.to_owned(),
            levels,
            feature_of_level,
            missing,
            unknown,
            features: names,
            shares: of_features.into_iter().map(share).collect(),
        };
        let drops = match self.drop {
            Drop::None => false,
            Drop::First => !column.features.is_empty(),
            Drop::IfBinary => column.features.len() == 2,
        };
        if drops {
            column.drop_first();
        }
        Ok(column)
    }

    /// The table's levels and, behind them, the further ones; and which of all are further ones.
    fn all_levels(&self, cells: &Cells<'_>) -> Result<(Arc<Levels>, Vec<bool>)> {
        let own = cells.levels();
        let mut is_further = vec![false; own.len()];
        let further = self.further.iter().filter(|(name, _)| name == cells.name);
        let mut names: Option<Vec<String>> = None;
        for (_, levels) in further {
            let names = names.get_or_insert_with(|| own.names().to_vec());
            let known = Levels::new(names.clone())?;
            let codes = known.codes_of(&Levels::new(levels.clone())?);
            for (level, code) in levels.iter().zip(codes) {
                if let Some(is_further) = is_further.get_mut(code as usize) {
                    *is_further = true;
                } else {
                    names.push(level.clone());
                    is_further.push(true);
                }
            }
        }
        match names {
            Some(names) if names.len() > own.len() => {
                Ok((Arc::new(Levels::new(names)?), is_further))
            }
            _ => Ok((own, is_further)),
        }
    }

    /// For each of the sorted codes, whether it has a feature of its own.
    fn frequent(&self, codes: &[u32], counts: &[u32], n_rows: u32) -> Vec<bool> {
        let count = |code: u32| counts[code as usize];
        let mut frequent: Vec<bool> = match self.min_frequency {
            MinFrequency::Count(min) => codes.iter().map(|&c| count(c) as usize >= min).collect(),
            MinFrequency::Share(share) => codes
                .iter()
                .map(|&c| f64::from(count(c)) >= share * f64::from(n_rows))
                .collect(),
        };
        let n_frequent = frequent.iter().filter(|&&f| f).count();
        let n_features = n_frequent + usize::from(n_frequent < codes.len());
        if let Some(max) = self.max_levels.filter(|&max| max < n_features) {
            let mut places: Vec<usize> = (0..codes.len()).filter(|&i| frequent[i]).collect();
            places.sort_by_key(|&i| std::cmp::Reverse(count(codes[i])));
            for &place in &places[max - 1..] {
                frequent[place] = false;
            }
        }
        frequent
    }
}

impl UnsupervisedTransformer for OneHotEncoder {
    type Fitted = FittedOneHotEncoder;

    fn fit_rows(&self, rows: Rows<'_>, context: &FitContext<'_>) -> Result<Self::Fitted> {
        self.check()?;
        check_weights(context, rows.len())?;
        let columns = parallel::map(&feature_cells(rows)?, |_, cells| {
            self.fit_column(cells, rows.index(), context.weights())
        });
        self.of_columns(columns.into_iter().collect::<Result<Vec<_>>>()?)
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Columns
    }

    fn join(&self, parts: Vec<FittedOneHotEncoder>) -> Result<FittedOneHotEncoder> {
        self.of_columns(parts.into_iter().flat_map(|part| part.columns).collect())
    }
}

impl OneHotEncoder {
    fn of_columns(&self, columns: Vec<OneHotColumn>) -> Result<FittedOneHotEncoder> {
        let n_features: usize = columns.iter().map(|column| column.features.len()).sum();
        if n_features > self.max_features {
            let widest = columns.iter().max_by_key(|column| column.features.len());
            let (name, width) = widest.map_or(("", 0), |c| (c.name.as_str(), c.features.len()));
            return Err(Error::data(
                format!(
                    "at most {} one-hot features (with_max_levels or with_min_frequency make \
                     fewer, with_max_features allows more)",
                    self.max_features
                ),
                format!("{n_features}, {width} of them for this column"),
            )
            .in_column(name));
        }
        let mut names = UniqueNames::default();
        let features = columns.iter().flat_map(|column| &column.features);
        let fields = features.map(|f| Feature::number(names.take(f.clone())));
        Ok(FittedOneHotEncoder {
            fields: fields.collect(),
            columns,
        })
    }
}

/// What becomes of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Cell {
    /// This feature of the column is 1.
    One(u32),
    Zeros,
    /// Each feature of the column is its share.
    Shares,
    /// As for a level that fitting did not meet.
    Unknown,
    Refused,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct OneHotColumn {
    name: String,
    levels: Arc<Levels>,
    /// By code.
    feature_of_level: Vec<Cell>,
    missing: Cell,
    unknown: Cell,
    /// The names of its features, which may be those of another column's as well.
    features: Vec<String>,
    /// The mean of each of them over the training rows.
    shares: Vec<f32>,
}

impl OneHotColumn {
    fn drop_first(&mut self) {
        self.features.remove(0);
        self.shares.remove(0);
        let cells = self.feature_of_level.iter_mut();
        for cell in cells.chain([&mut self.missing, &mut self.unknown]) {
            *cell = match *cell {
                Cell::One(0) => Cell::Zeros,
                Cell::One(feature) => Cell::One(feature - 1),
                other => other,
            };
        }
    }

    fn write(&self, cells: &Cells<'_>, rows: RowIndex<'_>, out: &mut [f32]) -> Result<()> {
        cells.check_kind(&self.levels)?;
        let of_level = |code: &u32| {
            let cell = self.feature_of_level.get(*code as usize);
            cell.copied().unwrap_or(Cell::Unknown)
        };
        // One entry a level of this table and, last, one for missing cells.
        let table: Vec<Cell> = cells
            .codes_among(&self.levels)
            .iter()
            .map(of_level)
            .chain([self.missing])
            .map(|cell| {
                if cell == Cell::Unknown {
                    self.unknown
                } else {
                    cell
                }
            })
            .collect();
        let refused: Vec<bool> = table.iter().map(|&cell| cell == Cell::Refused).collect();
        cells.check(rows, &refused)?;
        // Where the 1 of each entry goes; past the end for none.
        let offsets: Vec<usize> = table
            .iter()
            .map(|cell| match cell {
                Cell::One(feature) => *feature as usize * rows.len(),
                _ => out.len(),
            })
            .collect();
        let missing = table.len() - 1;
        for (row, &code) in rows.gather(cells.codes()).iter().enumerate() {
            let slot = (code as usize).min(missing);
            if let Some(cell) = out.get_mut(offsets[slot] + row) {
                *cell = 1.0;
            }
        }
        if table.contains(&Cell::Shares) {
            for (row, &code) in rows.gather(cells.codes()).iter().enumerate() {
                if table[(code as usize).min(missing)] == Cell::Shares {
                    let features = out.iter_mut().skip(row).step_by(rows.len());
                    for (cell, &share) in features.zip(&self.shares) {
                        *cell = share;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A fitted [`OneHotEncoder`]: which feature each level has.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedOneHotEncoder {
    columns: Vec<OneHotColumn>,
    fields: Arc<[Feature]>,
}

impl FittedTransformer for FittedOneHotEncoder {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let cells = named_cells(rows, self.columns.iter().map(|c| c.name.as_str()))?;
        let widths: Vec<usize> = self.columns.iter().map(|c| c.features.len()).collect();
        let (values, _) = fill(rows.len(), &widths, |j, out| {
            self.columns[j].write(&cells[j], rows.index(), out)
        })?;
        Features::from_buffer(Arc::clone(&self.fields), rows.len(), values)
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }
}
