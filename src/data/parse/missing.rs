//! Which cells are missing, and why.

use super::TextRules;
use super::number::{Number, NumberFormat};

/// The texts that stand for a missing cell, besides an empty one, unless
/// [`TextRules::without_default_missing`] says otherwise: those that pandas 3 takes for missing.
pub const MISSING_TEXTS: [&str; 18] = [
    "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA",
    "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
];

/// Of [`MISSING_TEXTS`], those that a computation wrote which gave no number.
const NAN_TEXTS: [&str; 8] = [
    "NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
];

/// How often cells of a column were missing, by cause.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MissingCounts {
    /// Empty cells of a text file, nulls of a frame.
    pub null: usize,
    /// Numbers that are not a number.
    pub nan: usize,
    /// Infinite numbers, where these are taken as missing.
    pub infinite: usize,
    /// Texts that stand for a missing cell and were met, and how often, in the order of the rules.
    pub sentinels: Vec<(String, usize)>,
    /// Cells that are not of the column's kind, where these are taken as missing
    /// ([`OddCells::AsMissing`](super::OddCells::AsMissing)).
    pub odd: usize,
    /// The first of these, and its row.
    pub first_odd: Option<(usize, String)>,
}

impl MissingCounts {
    /// All causes together.
    #[must_use]
    pub fn total(&self) -> usize {
        let sentinels: usize = self.sentinels.iter().map(|(_, count)| count).sum();
        self.null + self.nan + self.infinite + sentinels + self.odd
    }
}

/// Why a cell is missing: not a number, or the sentinel at a place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Null,
    Nan,
    Infinite,
    Sentinel(usize),
}

/// The texts and numbers that stand for a missing cell.
#[derive(Debug)]
pub(crate) struct Causes<'r> {
    texts: Vec<&'r str>,
    numbers: Vec<(f64, usize)>,
}

impl<'r> Causes<'r> {
    pub(crate) fn new(rules: &'r TextRules) -> Self {
        let mut texts: Vec<&str> = Vec::new();
        let defaults: &[&str] = if rules.has_default_missing {
            &MISSING_TEXTS
        } else {
            &[]
        };
        let added = rules.sentinels.iter().chain(&rules.missing);
        for text in added.map(String::as_str).chain(defaults.iter().copied()) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let value = |text: &str| {
            // As the rules write numbers, or else as programs do.
            let number = NumberFormat::PLAIN.number(text);
            let number = number.or_else(|| rules.number_format().number(text));
            number.map(Number::value)
        };
        let numbers = (0..)
            .zip(&texts)
            .filter_map(|(i, text)| Some((value(text)?, i)))
            .collect();
        Self { texts, numbers }
    }

    /// Whether two of the texts are one number: a cell may then be one as a text and the other as a
    /// number.
    pub(crate) fn are_ambiguous(&self) -> bool {
        let mut numbers = self
            .numbers
            .iter()
            .map(|(value, _)| (value + 0.0).to_bits())
            .collect::<Vec<_>>();
        numbers.sort_unstable();
        numbers.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// Whether a number may be a sentinel.
    #[cfg(feature = "polars")]
    pub(crate) fn have_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    pub(crate) fn of_text(&self, text: &str) -> Option<Cause> {
        if text.is_empty() {
            return Some(Cause::Null);
        }
        let place = self.texts.iter().position(|&s| s == text).or_else(|| {
            let trimmed = text.trim();
            let is = |s: &&str| !s.is_empty() && *s == trimmed;
            (trimmed.len() < text.len())
                .then(|| self.texts.iter().position(is))
                .flatten()
        })?;
        Some(if NAN_TEXTS.contains(&self.texts[place]) {
            Cause::Nan
        } else {
            Cause::Sentinel(place)
        })
    }

    #[allow(clippy::float_cmp, reason = "a sentinel is one exact number")]
    pub(crate) fn of_number(&self, value: f64) -> Option<Cause> {
        let found = self.numbers.iter().find(|(sentinel, _)| *sentinel == value);
        found.map(|&(_, place)| Cause::Sentinel(place))
    }
}

/// Counts of missing cells while a column is read.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    null: usize,
    nan: usize,
    infinite: usize,
    sentinels: Vec<usize>,
}

impl Counts {
    pub(crate) fn add(&mut self, cause: Cause) {
        self.add_cells(cause, 1);
    }

    pub(crate) fn add_cells(&mut self, cause: Cause, n: usize) {
        match cause {
            Cause::Null => self.null += n,
            Cause::Nan => self.nan += n,
            Cause::Infinite => self.infinite += n,
            Cause::Sentinel(place) => {
                // As long as it needs to be: most columns have no sentinel.
                if self.sentinels.len() <= place {
                    self.sentinels.resize(place + 1, 0);
                }
                self.sentinels[place] += n;
            }
        }
    }

    pub(crate) fn has_sentinels(&self) -> bool {
        self.sentinels.iter().any(|&count| count > 0)
    }

    /// How many cells are missing, infinite numbers not counted.
    pub(crate) fn missing_but_infinite(&self) -> usize {
        self.null + self.nan + self.sentinels.iter().sum::<usize>()
    }

    /// Adds the counts of other rows.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.null += other.null;
        self.nan += other.nan;
        self.infinite += other.infinite;
        for (place, &count) in other.sentinels.iter().enumerate() {
            self.add_cells(Cause::Sentinel(place), count);
        }
    }

    /// The counts, and `odd` cells that were not of the column's kind.
    pub(crate) fn finish(self, causes: &Causes<'_>, odd: &Seen) -> MissingCounts {
        MissingCounts {
            null: self.null,
            nan: self.nan,
            infinite: self.infinite,
            sentinels: causes
                .texts
                .iter()
                .zip(self.sentinels)
                .filter(|&(_, count)| count > 0)
                .map(|(&text, count)| (text.to_owned(), count))
                .collect(),
            odd: odd.count,
            first_odd: odd.first.clone(),
        }
    }
}

/// How many cells of one sort there are, and the first of them with its row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) count: usize,
    pub(crate) first: Option<(usize, String)>,
}

impl Seen {
    pub(crate) fn add(&mut self, row: usize, text: &str) {
        self.add_cells(row, text, 1);
    }

    /// Adds `n` cells with one text, the first of which is in `row`.
    pub(crate) fn add_cells(&mut self, row: usize, text: &str, n: usize) {
        self.count += n;
        if self.first.as_ref().is_none_or(|(first, _)| row < *first) {
            self.first = Some((row, text.to_owned()));
        }
    }

    /// Adds what was seen in the rows from `first_row` on.
    pub(crate) fn merge(&mut self, other: &Self, first_row: usize) {
        if let Some((row, text)) = &other.first {
            self.add_cells(first_row + row, text, other.count);
        }
    }

    /// The first of them: `"abc" in row 17`.
    pub(crate) fn example(&self) -> String {
        let text = |(row, text): &(usize, String)| format!("{} in row {row}", quoted(text));
        self.first.as_ref().map(text).unwrap_or_default()
    }
}

/// A cell in quotes, its end cut off if it is long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}..", &text[..end]),
        None => format!("{text:?}"),
    }
}
