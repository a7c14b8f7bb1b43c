//! One column of a CSV file, made from the cells of one part of the file after the other.

use super::cells::Cut;
use super::grow::{Grow, Names};
use super::number::{Numbers, Reader};
use crate::data::interner::Interner;
use crate::data::parse::{
    Cause, Causes, Counts, Infinities, MissingCounts, Refused, TextRules, boolean, has_date_shape,
    iso_date, iso_moment, moments, number, true_or_false,
};
use crate::data::{Column, ColumnKind, Levels, MISSING_CODE};
use crate::error::{Error, Result};

/// How cells are read.
#[derive(Debug, Clone, Copy)]
enum Plan {
    /// The first cell that is not missing decides, as for a whole column.
    Infer,
    /// Cells before told the kind.
    Is(ColumnKind),
    /// The rules tell it.
    Asked,
}

/// A column as far as it has been read.
///
/// What the cells so far say of the kind is a guess until the last cell has been read. Cells that
/// do not agree with it end the work; the column is then read once more, from the start of the
/// file, as the kind that it must be.
pub(super) struct ColumnReader<'r> {
    /// Where the column is in the file.
    pub(super) place: usize,
    rules: &'r TextRules,
    causes: Causes<'r>,
    plan: Plan,
    kind: Option<ColumnKind>,
    cells: Grow,
    names: Names,
    counts: Counts,
    all_whole: bool,
    any_large: bool,
    first_infinite: Option<(usize, f64)>,
    /// Whether sentinels were counted before the kind was known.
    has_untold_sentinels: bool,
    /// A day that does not exist: an error if all cells look like days.
    bad_date: Option<Error>,
    error: Option<Error>,
    /// How to read the column when it has to be read again.
    again: Option<ColumnKind>,
}

/// What some rows of a column are.
pub(super) struct Part {
    found: Found,
    counts: Counts,
}

enum Found {
    /// It was not looked at: the column will be read again, or is an error.
    Nothing,
    /// Numbers, or missing cells only, which tell no kind.
    Numbers {
        numbers: Numbers,
        is_told: bool,
    },
    /// Booleans, dates or datetimes.
    Cells(Column),
    /// Days, one of which does not exist.
    BadDate(Error),
    Texts(Texts),
    /// Not what earlier cells were.
    Refused(Error),
    /// Not what was asked for.
    Bad(Error),
}

struct Texts {
    codes: Vec<u32>,
    levels: Levels,
    /// Which of the levels stand for a missing cell; empty if none does.
    are_missing: Vec<bool>,
}

impl Part {
    fn new(found: Found, counts: Counts) -> Self {
        Self { found, counts }
    }

    fn without_counts(found: Found) -> Self {
        Self::new(found, Counts::default())
    }
}

impl<'r> ColumnReader<'r> {
    pub(super) fn new(place: usize, rules: &'r TextRules) -> Self {
        let plan = match (rules.kind, &rules.date_format) {
            (Some(kind @ (ColumnKind::Numeric | ColumnKind::Categorical)), _) => Plan::Is(kind),
            (None, None) => Plan::Infer,
            _ => Plan::Asked,
        };
        Self::with_plan(place, rules, plan)
    }

    fn with_plan(place: usize, rules: &'r TextRules, plan: Plan) -> Self {
        Self {
            place,
            rules,
            causes: Causes::new(rules),
            plan,
            kind: match plan {
                Plan::Is(kind) => Some(kind),
                _ => None,
            },
            cells: Grow::default(),
            names: Names::default(),
            counts: Counts::default(),
            all_whole: true,
            any_large: false,
            first_infinite: None,
            has_untold_sentinels: false,
            bad_date: None,
            error: None,
            again: None,
        }
    }

    /// Says how many rows there may be.
    pub(super) fn expect(&mut self, n_rows: usize) {
        self.cells.expect(n_rows);
    }

    /// What some rows are.
    pub(super) fn part(&self, cut: Cut<'_>) -> Part {
        if self.again.is_some() || self.error.is_some() {
            return Part::without_counts(Found::Nothing);
        }
        match self.plan {
            Plan::Infer => self.infer(cut),
            Plan::Is(kind) => self.read_as(kind, cut, Found::Refused),
            Plan::Asked => match self.rules.parse(cut.iter()) {
                Ok((column, missing)) => {
                    Part::new(Found::Cells(column), self.causes.counts_of(&missing))
                }
                Err(error) => Part::without_counts(Found::Bad(error)),
            },
        }
    }

    fn infer(&self, cut: Cut<'_>) -> Part {
        let is_told = |text: &&str| self.causes.of_text(text).is_none();
        let Some(first) = cut.iter().flatten().find(is_told) else {
            return self.numbers(cut, false, |_| Part::without_counts(Found::Nothing));
        };
        let or_texts = |kind| {
            let part = self.read_as(kind, cut, Found::Refused);
            match part.found {
                Found::Refused(_) => None,
                _ => Some(part),
            }
        };
        let part = if number(first, self.rules.thousands).is_some() {
            or_texts(ColumnKind::Numeric)
        } else if true_or_false(first).is_some() {
            or_texts(ColumnKind::Boolean)
        } else if has_date_shape(first) {
            or_texts(ColumnKind::Date).or_else(|| or_texts(ColumnKind::Datetime))
        } else if iso_moment(first).is_some() {
            or_texts(ColumnKind::Datetime)
        } else {
            None
        };
        part.unwrap_or_else(|| self.texts(cut))
    }

    fn read_as(&self, kind: ColumnKind, cut: Cut<'_>, refuse: impl Fn(Error) -> Found) -> Part {
        let refused = |refused: Refused, expected: &str| {
            Part::without_counts(refuse(refused.error(expected)))
        };
        let cells = |(column, missing): (Column, MissingCounts)| {
            Part::new(Found::Cells(column), self.causes.counts_of(&missing))
        };
        match kind {
            ColumnKind::Numeric => self.numbers(cut, true, |r| refused(r, "a number")),
            ColumnKind::Categorical => self.texts(cut),
            ColumnKind::Boolean => match boolean(cut.iter(), &self.causes, true_or_false) {
                Ok(parsed) => cells(parsed),
                Err(r) => refused(r, "true or false"),
            },
            ColumnKind::Date => {
                let looks_otherwise =
                    |text: &&str| self.causes.of_text(text).is_none() && !has_date_shape(text);
                if let Some(text) = cut.iter().flatten().find(looks_otherwise) {
                    return refused(Refused::new(0, text), "a date");
                }
                match moments(cut.iter(), &self.causes, true, iso_date) {
                    Ok(parsed) => cells(parsed),
                    Err(r) => Part::without_counts(Found::BadDate(r.error("a date"))),
                }
            }
            ColumnKind::Datetime => match moments(cut.iter(), &self.causes, false, iso_moment) {
                Ok(parsed) => cells(parsed),
                Err(r) => refused(r, "a datetime"),
            },
        }
    }

    fn numbers(&self, cut: Cut<'_>, is_told: bool, refuse: impl Fn(Refused) -> Part) -> Part {
        match Reader::new(self.rules, &self.causes).read(cut) {
            Ok(mut numbers) => {
                let counts = std::mem::take(&mut numbers.counts);
                Part::new(Found::Numbers { numbers, is_told }, counts)
            }
            Err(refused) => refuse(refused),
        }
    }

    fn texts(&self, cut: Cut<'_>) -> Part {
        let mut counts = Counts::default();
        let mut interner = Interner::new();
        let mut codes = Vec::with_capacity(cut.len());
        for bounds in cut.bounds() {
            codes.push(if bounds.0 == bounds.1 {
                counts.add(Cause::Null);
                MISSING_CODE
            } else {
                interner.code(cut.text(bounds))
            });
        }
        let levels = interner.into_levels();
        let causes = levels.names().iter().map(|name| self.causes.of_text(name));
        let causes: Vec<Option<Cause>> = causes.collect();
        let mut are_missing = Vec::new();
        if causes.iter().any(Option::is_some) {
            are_missing = causes.iter().map(Option::is_some).collect();
            for &code in &codes {
                if let Some(&Some(cause)) = causes.get(code as usize) {
                    counts.add(cause);
                }
            }
        }
        let texts = Texts {
            codes,
            levels,
            are_missing,
        };
        Part::new(Found::Texts(texts), counts)
    }

    /// Adds the rows from `first_row` on.
    pub(super) fn add(&mut self, part: Part, first_row: usize) {
        if self.again.is_some() || self.error.is_some() {
            return;
        }
        self.counts.merge(&part.counts);
        match part.found {
            Found::Nothing => {}
            Found::Numbers { numbers, is_told } => {
                if !is_told && !matches!(self.kind, None | Some(ColumnKind::Numeric)) {
                    // Missing cells of a column whose kind was told beside these cells.
                    self.has_untold_sentinels |= part.counts.has_sentinels();
                    self.cells.missing(numbers.len());
                } else if !is_told || self.tell(ColumnKind::Numeric) {
                    self.has_untold_sentinels |= !is_told && part.counts.has_sentinels();
                    self.add_numbers(&numbers, is_told, first_row);
                }
            }
            Found::Cells(column) => {
                if self.tell(column.kind()) {
                    self.cells.numbers(column.data(), true);
                }
            }
            Found::BadDate(error) => {
                if self.tell(ColumnKind::Date) && self.bad_date.is_none() {
                    self.bad_date = Some(error.after_rows(first_row));
                }
            }
            Found::Texts(texts) => {
                if self.tell(ColumnKind::Categorical) {
                    self.add_texts(&texts);
                }
            }
            Found::Refused(error) if self.rules.kind.is_some() => {
                self.error = Some(error.after_rows(first_row));
            }
            Found::Refused(_) => self.fail(None),
            Found::Bad(error) => self.error = Some(error.after_rows(first_row)),
        }
    }

    fn add_numbers(&mut self, numbers: &Numbers, is_told: bool, first_row: usize) {
        self.all_whole &= numbers.all_whole;
        self.any_large |= numbers.any_large;
        if let Some((row, value)) = numbers.first_infinite {
            self.first_infinite = self.first_infinite.or(Some((first_row + row, value)));
        }
        if is_told {
            self.cells.numbers(&numbers.data, self.all_whole);
        } else {
            self.cells.missing(numbers.len());
        }
    }

    fn add_texts(&mut self, texts: &Texts) {
        let is_missing = |i: usize| texts.are_missing.get(i).copied().unwrap_or_default();
        let mut codes = Vec::with_capacity(texts.levels.len());
        for (i, name) in texts.levels.names().iter().enumerate() {
            codes.push(if is_missing(i) {
                MISSING_CODE
            } else {
                self.names.code(name)
            });
        }
        let code = |code: u32| codes.get(code as usize).copied().unwrap_or(MISSING_CODE);
        self.cells.codes(&texts.codes, code);
    }

    /// Takes note of what some cells are; whether the cells before agree.
    fn tell(&mut self, kind: ColumnKind) -> bool {
        match self.kind {
            None => {
                self.kind = Some(kind);
                if let Plan::Infer = self.plan {
                    self.plan = Plan::Is(kind);
                }
                true
            }
            Some(told) if told == kind => true,
            Some(_) => {
                self.fail(Some(kind));
                false
            }
        }
    }

    /// Gives up, as some cells are of another kind, or of none that is known.
    fn fail(&mut self, other: Option<ColumnKind>) {
        use ColumnKind::{Categorical, Date, Datetime};
        let may_be_moments = matches!(
            (self.kind, other),
            (Some(Date), None | Some(Datetime)) | (Some(Datetime), Some(Date))
        );
        self.again = Some(if may_be_moments {
            Datetime
        } else {
            Categorical
        });
        self.cells = Grow::default();
        self.names = Names::default();
    }

    /// The column from its first row on, if it has to be read again.
    pub(super) fn restarted(&self) -> Option<Self> {
        // Counts are by numbers where the kind was not known; texts may count otherwise.
        let recount = self.kind.filter(|&kind| {
            kind != ColumnKind::Numeric && self.has_untold_sentinels && self.causes.are_ambiguous()
        });
        let kind = self.again.or(recount).filter(|_| self.error.is_none())?;
        Some(Self::with_plan(self.place, self.rules, Plan::Is(kind)))
    }

    /// The column of all rows, and how many cells are missing for which cause.
    pub(super) fn finish(mut self) -> Result<(Column, MissingCounts)> {
        if let Some(error) = self.error.or(self.bad_date) {
            return Err(error);
        }
        let kind = self.kind.unwrap_or(ColumnKind::Numeric);
        if kind == ColumnKind::Numeric {
            if let Some((row, value)) = self.first_infinite
                && self.rules.infinities == Infinities::Refuse
            {
                return Err(Error::not_finite(value).in_row(row));
            }
            if self.all_whole && self.any_large {
                self.cells.make_integers();
            } else {
                self.cells.make_floats();
            }
        }
        let column = self.cells.finish(kind, self.names.into_levels());
        Ok((column, self.counts.finish(&self.causes)))
    }
}
