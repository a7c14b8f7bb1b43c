//! One column, made from the texts of its cells, some rows at a time.

use std::collections::HashMap;
use std::sync::Arc;

use super::cut::Cut;
use super::infer::{Look, Tally, Verdict};
use super::missing::{Cause, Causes, Counts, MissingCounts, Seen, quoted};
use super::moment::{A_DAY, DateOrder, Unordered, has_date_shape, iso_date, iso_moment};
use super::number::{Code, EXACT, Number, NumberSorts, Numbers, Reader};
use super::{Infinities, Naming, OddCells, TextRules, boolean_word, true_or_false};
use crate::data::grow::Grow;
use crate::data::interner::Interner;
use crate::data::{Column, ColumnData, ColumnKind, Levels, MISSING_CODE};
use crate::error::{Error, Result};

/// A column, and what was met while it was read.
#[derive(Debug, Clone)]
pub(crate) struct ReadColumn {
    pub(crate) column: Column,
    pub(crate) missing: MissingCounts,
    /// What there is to say of how the column was read.
    pub(crate) note: Option<String>,
    /// How its dates are written, where that had to be found out.
    pub(crate) date_order: Option<DateOrder>,
}

impl ReadColumn {
    /// A column of which there is nothing to say.
    #[cfg(feature = "polars")]
    pub(crate) fn plain(column: Column, missing: MissingCounts) -> Self {
        Self {
            column,
            missing,
            note: None,
            date_order: None,
        }
    }
}

/// How cells are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// As the first cell that is not missing seems to be. If the others do not agree, the column is
    /// read again, as texts.
    Guess,
    /// As texts, of which the kind is inferred in the end.
    Texts,
    /// As texts that are levels.
    Levels,
    /// As the kind that the rules give.
    Is(ColumnKind),
}

/// A column as far as it has been read.
///
/// Any parts of a column, of any size, give the same column as all of its cells in one part.
#[derive(Debug)]
pub(crate) struct ColumnReader<'r> {
    /// Where the column is in the file.
    pub(crate) place: usize,
    rules: &'r TextRules,
    causes: Causes<'r>,
    plan: Plan,
    /// Whether the first cells tell how the others are read.
    is_guess: bool,
    /// What the first cells are, or what is asked for.
    kind: Option<ColumnKind>,
    cells: Grow,
    names: Interner,
    n_rows: usize,
    counts: Counts,
    sorts: NumberSorts,
    /// How many of the moments are days.
    n_days: usize,
    odd: Seen,
    first_infinite: Option<(usize, f64)>,
    error: Option<Error>,
    /// Whether sentinels were counted before the kind was known.
    has_early_sentinels: bool,
    must_read_texts: bool,
}

/// What some rows of a column are.
#[derive(Debug)]
pub(crate) struct Part {
    found: PartCells,
    counts: Counts,
    n_rows: usize,
}

#[derive(Debug)]
enum PartCells {
    /// It was not looked at, or is not what was guessed.
    Nothing,
    /// Missing cells only, which tell no kind.
    Missing,
    Numbers(Box<Numbers>),
    /// Booleans, dates or datetimes.
    Cells {
        column: Column,
        n_days: usize,
        odd: Seen,
    },
    Texts(Texts),
    /// Not what was asked for.
    Bad(Error),
}

#[derive(Debug)]
struct Texts {
    codes: Vec<u32>,
    levels: Levels,
}

impl<'r> ColumnReader<'r> {
    pub(crate) fn new(place: usize, rules: &'r TextRules) -> Self {
        let plan = match (rules.kind, &rules.date_format) {
            (Some(ColumnKind::Categorical), _) => Plan::Levels,
            (Some(kind), _) => Plan::Is(kind),
            (None, Some(format)) if format.has_time => Plan::Is(ColumnKind::Datetime),
            (None, Some(_)) => Plan::Is(ColumnKind::Date),
            (None, None) => Plan::Guess,
        };
        Self::with_plan(place, rules, plan)
    }

    fn with_plan(place: usize, rules: &'r TextRules, plan: Plan) -> Self {
        Self {
            place,
            rules,
            causes: Causes::new(rules),
            plan,
            is_guess: plan == Plan::Guess,
            kind: match plan {
                Plan::Is(kind) => Some(kind),
                _ => None,
            },
            cells: Grow::default(),
            names: Interner::default(),
            n_rows: 0,
            counts: Counts::default(),
            sorts: NumberSorts::default(),
            n_days: 0,
            odd: Seen::default(),
            first_infinite: None,
            error: None,
            has_early_sentinels: false,
            must_read_texts: false,
        }
    }

    /// Says how many rows there may be.
    pub(crate) fn expect(&mut self, n_rows: usize) {
        self.cells.expect(n_rows);
    }

    fn is_done(&self) -> bool {
        self.must_read_texts || self.error.is_some()
    }

    /// What some rows are.
    pub(crate) fn part(&self, cut: Cut<'_>) -> Part {
        let mut counts = Counts::default();
        let found = if self.is_done() {
            PartCells::Nothing
        } else {
            match self.plan {
                Plan::Guess => self.guess(cut, &mut counts),
                Plan::Texts | Plan::Levels => PartCells::Texts(texts(cut, &mut counts)),
                Plan::Is(kind) => self.read_as(kind, cut, &mut counts),
            }
        };
        Part {
            found,
            counts,
            n_rows: cut.len(),
        }
    }

    fn guess(&self, cut: Cut<'_>, counts: &mut Counts) -> PartCells {
        let first = || {
            let mut cells = cut.iter().flatten();
            let first = cells.find(|text| self.causes.of_text(text).is_none())?;
            Some(match Look::of(first, self.rules) {
                Look::Number(_) => ColumnKind::Numeric,
                Look::Boolean => ColumnKind::Boolean,
                Look::Date | Look::NoSuchDay => ColumnKind::Date,
                Look::Datetime => ColumnKind::Datetime,
                Look::Unordered(_) | Look::DecimalComma | Look::Text => ColumnKind::Categorical,
            })
        };
        match self.kind.or_else(first) {
            Some(ColumnKind::Categorical) => PartCells::Texts(texts(cut, counts)),
            Some(kind) => self.read_as(kind, cut, counts),
            None => {
                for text in cut.iter() {
                    counts.add(
                        self.causes
                            .of_text(text.unwrap_or_default())
                            .unwrap_or(Cause::Null),
                    );
                }
                PartCells::Missing
            }
        }
    }

    fn read_as(&self, kind: ColumnKind, cut: Cut<'_>, counts: &mut Counts) -> PartCells {
        let is_guess = self.plan == Plan::Guess;
        let rules = self.rules;
        match kind {
            ColumnKind::Categorical => PartCells::Texts(texts(cut, counts)),
            ColumnKind::Numeric => {
                let Some(mut numbers) = Reader::new(rules, &self.causes, is_guess).read(cut) else {
                    return PartCells::Nothing;
                };
                if !is_guess && let Some(error) = self.refusal(&numbers.sorts.odd, "a number") {
                    return PartCells::Bad(error);
                }
                *counts = std::mem::take(&mut numbers.counts);
                PartCells::Numbers(Box::new(numbers))
            }
            ColumnKind::Boolean => {
                let value = |text: &str| {
                    if is_guess {
                        true_or_false(text)
                    } else {
                        boolean_word(text, rules.is_followed)
                    }
                };
                let mut odd = Seen::default();
                let cells = self.cells_of(cut, value, counts, &mut odd);
                if is_guess && odd.count > 0 {
                    return PartCells::Nothing;
                }
                self.found(Column::boolean(&cells), 0, odd, "true or false")
            }
            ColumnKind::Date | ColumnKind::Datetime => self.moments(kind, cut, counts),
        }
    }

    fn moments(&self, kind: ColumnKind, cut: Cut<'_>, counts: &mut Counts) -> PartCells {
        let is_guess = self.plan == Plan::Guess;
        let (mut n_days, mut has_moment) = (0, false);
        let mut odd = Seen::default();
        let order = self.rules.date_order;
        let value = |text: &str| {
            if let Some(format) = &self.rules.date_format {
                return format.parse(text);
            }
            let Some(moment) = iso_moment(text) else {
                return Unordered::of(text)?.moment(order?);
            };
            if has_date_shape(text) {
                n_days += 1;
            } else {
                has_moment = true;
            }
            Some(moment)
        };
        let cells = self.cells_of(cut, value, counts, &mut odd);
        if is_guess && kind == ColumnKind::Date && has_moment {
            return PartCells::Nothing;
        }
        let expected = match &self.rules.date_format {
            Some(format) => format!("a date written as {}", format.text),
            None => format!("a {kind}"),
        };
        let column = if kind == ColumnKind::Date {
            let day = |ms: &Option<i64>| ms.and_then(|ms| i32::try_from(ms.div_euclid(A_DAY)).ok());
            Column::dates(&cells.iter().map(day).collect::<Vec<_>>())
        } else {
            Column::datetimes(&cells)
        };
        self.found(column, n_days, odd, &expected)
    }

    /// Cells of a kind; what is not of it is missing, and counted.
    fn cells_of<T>(
        &self,
        cut: Cut<'_>,
        mut value_of: impl FnMut(&str) -> Option<T>,
        counts: &mut Counts,
        odd: &mut Seen,
    ) -> Vec<Option<T>> {
        let cells = cut.iter().enumerate().map(|(row, cell)| {
            let text = cell.unwrap_or_default();
            if let Some(cause) = self.causes.of_text(text) {
                counts.add(cause);
                return None;
            }
            let value = value_of(text);
            if value.is_none() {
                odd.add(row, text);
            }
            value
        });
        cells.collect()
    }

    fn found(&self, column: Column, n_days: usize, odd: Seen, expected: &str) -> PartCells {
        if self.plan != Plan::Guess
            && let Some(error) = self.refusal(&odd, expected)
        {
            return PartCells::Bad(error);
        }
        PartCells::Cells {
            column,
            n_days,
            odd,
        }
    }

    /// The error of a cell that is not of the kind that was asked for.
    fn refusal(&self, odd: &Seen, expected: &str) -> Option<Error> {
        if self.rules.odd_cells() == OddCells::AsMissing {
            return None;
        }
        let (row, text) = odd.first.as_ref()?;
        let error = Error::data(expected, quoted(text)).in_row(*row);
        let is_comma = self.rules.number_format().looks_like_decimal_comma(text);
        Some(if self.kind == Some(ColumnKind::Numeric) && is_comma {
            error.with_remedy("`with_decimal(',')` reads decimal commas")
        } else {
            error.with_remedy("`with_odd_cells(OddCells::AsMissing)` takes such cells for missing")
        })
    }

    /// Adds the rows from `first_row` on.
    pub(crate) fn add(&mut self, part: Part, first_row: usize) {
        self.n_rows += part.n_rows;
        if self.is_done() {
            return;
        }
        self.counts.merge(&part.counts);
        let kind = match &part.found {
            PartCells::Nothing => {
                self.must_read_texts = true;
                return;
            }
            PartCells::Missing => {
                self.has_early_sentinels |= part.counts.has_sentinels();
                self.cells.missing(part.n_rows);
                return;
            }
            PartCells::Numbers(_) => ColumnKind::Numeric,
            PartCells::Cells { column, .. } => column.kind(),
            PartCells::Texts(_) => ColumnKind::Categorical,
            PartCells::Bad(_) => self.kind.unwrap_or(ColumnKind::Numeric),
        };
        // Parts that were read side by side may have guessed otherwise than those before.
        if self.is_guess && *self.kind.get_or_insert(kind) != kind {
            self.must_read_texts = true;
            return;
        }
        if self.is_guess && kind == ColumnKind::Categorical {
            self.plan = Plan::Texts;
        }
        match part.found {
            PartCells::Nothing | PartCells::Missing => {}
            PartCells::Numbers(numbers) => {
                self.sorts.merge(&numbers.sorts, first_row);
                if let Some((row, value)) = numbers.first_infinite {
                    self.first_infinite = self.first_infinite.or(Some((first_row + row, value)));
                }
                self.cells.numbers(
                    &numbers.data,
                    !self.sorts.has_real && self.sorts.huge.count == 0,
                );
            }
            PartCells::Cells {
                column,
                n_days,
                odd,
            } => {
                self.n_days += n_days;
                self.odd.merge(&odd, first_row);
                self.cells.numbers(column.data(), true);
            }
            PartCells::Texts(texts) => self.add_texts(&texts),
            PartCells::Bad(error) => self.error = Some(error.after_rows(first_row)),
        }
    }

    fn add_texts(&mut self, texts: &Texts) {
        let names = texts.levels.names().iter();
        let codes: Vec<u32> = names.map(|name| self.names.code(name)).collect();
        let code = |code: u32| codes.get(code as usize).copied().unwrap_or(MISSING_CODE);
        self.cells.codes(&texts.codes, code);
    }

    /// What the cells so far are, if they were read by a guess.
    fn verdict(&self) -> Verdict {
        let n_present = self.n_rows - self.counts.missing_but_infinite();
        let tally = match self.kind {
            None | Some(ColumnKind::Numeric) => Tally::of_numbers(n_present, self.sorts.clone()),
            _ => Tally::of_moments(n_present, self.n_days, self.odd.clone()),
        };
        tally.verdict(self.rules.odd_cells())
    }

    /// The column from its first row on, if it has to be read again: as texts.
    pub(crate) fn restarted(&self) -> Option<Self> {
        if !self.is_guess || self.error.is_some() {
            return None;
        }
        // Counts are by texts where the kind was not known; numbers may count otherwise.
        let must_recount = self.has_early_sentinels && self.causes.are_ambiguous();
        let is_right = !self.must_read_texts
            && match self.kind {
                None | Some(ColumnKind::Categorical) => true,
                Some(_) if must_recount => false,
                Some(ColumnKind::Boolean) => true,
                Some(kind) => self.verdict().kind == kind,
            };
        (!is_right).then(|| Self::with_plan(self.place, self.rules, Plan::Texts))
    }

    /// The column of all rows.
    pub(crate) fn finish(mut self) -> Result<ReadColumn> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if matches!(self.plan, Plan::Texts | Plan::Levels) {
            return self.finish_texts();
        }
        let kind = self.kind.unwrap_or(ColumnKind::Numeric);
        let is_guess = self.is_guess;
        let mut note = None;
        if is_guess && kind != ColumnKind::Boolean {
            note = self.verdict().note;
        }
        if kind == ColumnKind::Numeric {
            self.refuse_infinite()?;
            if !is_guess && self.sorts.are_rounded() {
                note =
                    Some("whole numbers beyond 2^53 are rounded to the nearest float".to_owned());
            }
            if self.sorts.are_integers() {
                self.cells.make_integers();
            } else {
                self.cells.make_floats();
            }
            self.odd = std::mem::take(&mut self.sorts.odd);
        }
        if !is_guess && self.odd.count > 0 {
            note = Some(not_of_kind(kind, &self.odd));
        }
        let column = self.cells.finish(kind, Arc::default());
        Ok(ReadColumn {
            column,
            missing: self.counts.finish(&self.causes, &self.odd),
            note,
            date_order: self.rules.date_order.filter(|_| self.rules.is_followed),
        })
    }

    fn refuse_infinite(&self) -> Result<()> {
        match self.first_infinite {
            Some((row, value)) if self.rules.infinities() == Infinities::Refuse => {
                Err(infinite(value).in_row(row))
            }
            _ => Ok(()),
        }
    }

    /// A column whose cells are all known as texts: their kind, and the column of that kind.
    fn finish_texts(mut self) -> Result<ReadColumn> {
        let levels = std::mem::take(&mut self.names).into_levels();
        let column =
            std::mem::take(&mut self.cells).finish(ColumnKind::Categorical, Arc::default());
        let codes: Arc<[u32]> = match column.data() {
            ColumnData::Codes(codes, _) => Arc::clone(codes),
            _ => Arc::default(),
        };
        drop(column);
        self.finish_levels(codes, levels)
    }

    /// The same of a column whose texts have codes already, and no other rows.
    #[cfg(feature = "polars")]
    pub(crate) fn finish_codes(mut self, codes: Arc<[u32]>, levels: Levels) -> Result<ReadColumn> {
        let n_null = codes.iter().filter(|&&code| code == MISSING_CODE).count();
        self.counts.add_cells(Cause::Null, n_null);
        self.finish_levels(codes, levels)
    }

    fn finish_levels(self, codes: Arc<[u32]>, levels: Levels) -> Result<ReadColumn> {
        let mut of_level = vec![(0_usize, usize::MAX); levels.len()];
        for (row, &code) in codes.iter().enumerate() {
            if let Some((count, first_row)) = of_level.get_mut(code as usize) {
                *count += 1;
                *first_row = row.min(*first_row);
            }
        }
        let texts = Levelled {
            levels,
            codes,
            of_level,
        };
        let rules = self.rules;
        let is_level = self.plan == Plan::Levels;
        if is_level && rules.naming != Naming::Inferred {
            return self.levels(texts, rules.naming, None);
        }
        let verdict = texts.tally(rules, &self.causes).verdict(rules.odd_cells());
        if is_level {
            let naming = texts.naming(&verdict, rules);
            return self.levels(texts, naming, None);
        }
        if let Some((row, text)) = &verdict.no_such_day
            && !rules.is_unused
        {
            return Err(Error::data("a date", quoted(text))
                .in_row(*row)
                .with_remedy("`with_kind` makes the column categorical"));
        }
        match verdict.kind {
            ColumnKind::Categorical => self.levels(texts, Naming::Texts, verdict.note),
            ColumnKind::Numeric => self.numbers_of(&texts, verdict),
            kind => Ok(self.cells_of_levels(kind, &texts, verdict)),
        }
    }

    /// A categorical column, its levels named in one way however they were written.
    ///
    /// # Errors
    /// If a level that is the name of a number is infinite, unless these are missing.
    fn levels(
        mut self,
        texts: Levelled,
        naming: Naming,
        note: Option<String>,
    ) -> Result<ReadColumn> {
        let mut counts = std::mem::take(&mut self.counts);
        let format = self.rules.number_format();
        let number = |text: &str| {
            let is_number = naming.kind() == Some(ColumnKind::Numeric);
            format.number(text).filter(|_| is_number).map(Number::value)
        };
        let cause_of = |text: &str, name: Option<&str>| {
            if naming == Naming::Raw {
                return None;
            }
            let of_name = || self.causes.of_text(name.filter(|name| *name != text)?);
            let of_number = || {
                let value = number(text)?;
                let infinite = value.is_infinite().then_some(Cause::Infinite);
                self.causes.of_number(value).or(infinite)
            };
            let of_text = self.causes.of_text(text);
            of_text.or_else(of_name).or_else(of_number)
        };
        if self.rules.infinities() == Infinities::Refuse {
            for (text, &(_, row)) in texts.levels.names().iter().zip(&texts.of_level) {
                if let Some(value) = number(text).filter(|value| value.is_infinite()) {
                    return Err(infinite(value).in_row(row));
                }
            }
        }
        let is_same = |text: &String| {
            let name = naming.name(text, self.rules);
            name.as_deref() == Some(text) && cause_of(text, name.as_deref()).is_none()
        };
        let mut odd = Seen::default();
        let (codes, levels) = if texts.levels.names().iter().all(is_same) {
            (texts.codes, texts.levels)
        } else {
            let mut names = Interner::default();
            let mut new_codes = Vec::with_capacity(texts.levels.len());
            for (text, &(count, row)) in texts.levels.names().iter().zip(&texts.of_level) {
                let name = naming.name(text, self.rules);
                let cause = cause_of(text, name.as_deref());
                new_codes.push(match (cause, name) {
                    (Some(cause), _) => {
                        counts.add_cells(cause, count);
                        MISSING_CODE
                    }
                    (None, Some(name)) => names.code(&name),
                    (None, None) => {
                        odd.add_cells(row, text, count);
                        MISSING_CODE
                    }
                });
            }
            let new = |&code: &u32| {
                new_codes
                    .get(code as usize)
                    .copied()
                    .unwrap_or(MISSING_CODE)
            };
            (texts.codes.iter().map(new).collect(), names.into_levels())
        };
        let expected = naming.kind().unwrap_or(ColumnKind::Categorical);
        if let Some(error) = self.refusal(&odd, &format!("a level that is {expected}")) {
            return Err(error);
        }
        let note = note.or_else(|| (odd.count > 0).then(|| not_of_kind(expected, &odd)));
        let levels = Arc::new(levels.naming(naming.kind()));
        Ok(ReadColumn {
            column: Column::from_data(ColumnKind::Categorical, ColumnData::Codes(codes, levels)),
            missing: counts.finish(&self.causes, &odd),
            note,
            date_order: naming.date_order(),
        })
    }

    /// A numeric column of the numbers that the levels are.
    fn numbers_of(mut self, texts: &Levelled, verdict: Verdict) -> Result<ReadColumn> {
        let format = self.rules.number_format();
        let mut counts = std::mem::take(&mut self.counts);
        let mut sorts = NumberSorts::default();
        let mut numbers: Vec<Option<Number>> = Vec::with_capacity(texts.levels.len());
        for (text, &(count, row)) in texts.levels.names().iter().zip(&texts.of_level) {
            let numeral = format.numeral(text);
            let is_code = numeral.is_some_and(|n| n.code != Code::No);
            let cause = match numeral {
                Some(_) if !is_code => None,
                _ => self.causes.of_text(text),
            };
            let number = numeral.filter(|_| cause.is_none());
            let cause = cause.or_else(|| {
                let numeral = number?;
                sorts.add(numeral, row, text, count);
                let value = numeral.number.value();
                self.causes.of_number(value).or_else(|| {
                    let is_infinite = value.is_infinite();
                    if is_infinite && self.first_infinite.is_none_or(|(first, _)| row < first) {
                        self.first_infinite = Some((row, value));
                    }
                    is_infinite.then_some(Cause::Infinite)
                })
            });
            if let Some(cause) = cause {
                counts.add_cells(cause, count);
            }
            numbers.push(number.filter(|_| cause.is_none()).map(|n| n.number));
        }
        self.refuse_infinite()?;
        let number = |&code: &u32| numbers.get(code as usize).copied().flatten();
        let column = if sorts.are_integers() {
            let whole = |number| match number {
                Number::Whole(whole) => Some(whole),
                Number::Real(_) | Number::Huge(_) => None,
            };
            let cells = texts.codes.iter().map(|code| number(code).and_then(whole));
            Column::integers(&cells.collect::<Vec<_>>())
        } else {
            let cells = texts
                .codes
                .iter()
                .map(|code| number(code).map_or(f64::NAN, Number::value));
            Column::numeric(cells.collect::<Vec<_>>())
        };
        Ok(ReadColumn {
            column,
            missing: counts.finish(&self.causes, &verdict.odd),
            note: verdict.note,
            date_order: None,
        })
    }

    /// A column of the booleans, days or moments that the levels are.
    fn cells_of_levels(
        mut self,
        kind: ColumnKind,
        texts: &Levelled,
        verdict: Verdict,
    ) -> ReadColumn {
        let mut counts = std::mem::take(&mut self.counts);
        let order = verdict.order;
        let mut values: Vec<Option<i64>> = Vec::with_capacity(texts.levels.len());
        for (text, &(count, _)) in texts.levels.names().iter().zip(&texts.of_level) {
            if let Some(cause) = self.causes.of_text(text) {
                counts.add_cells(cause, count);
                values.push(None);
                continue;
            }
            values.push(match (kind, order) {
                (ColumnKind::Boolean, _) => true_or_false(text).map(i64::from),
                (_, Some(order)) => Unordered::of(text).and_then(|moment| moment.moment(order)),
                (ColumnKind::Date, None) => iso_date(text),
                _ => iso_moment(text),
            });
        }
        let value = |&code: &u32| values.get(code as usize).copied().flatten();
        let cells = texts.codes.iter().map(value);
        let column = match kind {
            ColumnKind::Boolean => {
                Column::boolean(&cells.map(|cell| Some(cell? != 0)).collect::<Vec<_>>())
            }
            ColumnKind::Date => {
                let day = |ms: i64| i32::try_from(ms.div_euclid(A_DAY)).ok();
                Column::dates(&cells.map(|cell| cell.and_then(day)).collect::<Vec<_>>())
            }
            _ => Column::datetimes(&cells.collect::<Vec<_>>()),
        };
        ReadColumn {
            column,
            missing: counts.finish(&self.causes, &verdict.odd),
            note: verdict.note,
            date_order: order,
        }
    }
}

/// The error of an infinite number that was read.
pub(crate) fn infinite(value: f64) -> Error {
    Error::not_finite(value)
        .with_remedy("`with_infinities(Infinities::AsMissing)` takes infinite numbers for missing")
}

fn not_of_kind(kind: ColumnKind, odd: &Seen) -> String {
    let (cells, are) = if odd.count == 1 {
        ("cell", "is")
    } else {
        ("cells", "are")
    };
    format!(
        "{} {cells} of a {kind} column could not be read and {are} taken for missing: {}",
        odd.count,
        odd.example()
    )
}

fn texts(cut: Cut<'_>, counts: &mut Counts) -> Texts {
    let mut interner = Interner::default();
    let mut codes = Vec::with_capacity(cut.len());
    for bounds in cut.bounds() {
        codes.push(if bounds.0 == bounds.1 {
            counts.add(Cause::Null);
            MISSING_CODE
        } else {
            interner.code(cut.text(bounds))
        });
    }
    Texts {
        codes,
        levels: interner.into_levels(),
    }
}

/// A whole column as codes of its texts.
struct Levelled {
    levels: Levels,
    codes: Arc<[u32]>,
    /// How many cells have each text, and the first row that has.
    of_level: Vec<(usize, usize)>,
}

impl Levelled {
    fn tally(&self, rules: &TextRules, causes: &Causes<'_>) -> Tally {
        let mut tally = Tally::default();
        for (text, &(count, row)) in self.levels.names().iter().zip(&self.of_level) {
            let look = Look::of(text, rules);
            let is_number = matches!(look, Look::Number(n) if n.code == Code::No);
            if is_number || causes.of_text(text).is_none() {
                tally.add(look, causes, row, text, count);
            }
        }
        tally
    }

    /// How to name levels that were asked for where the kind of all texts would be another one.
    fn naming(&self, verdict: &Verdict, rules: &TextRules) -> Naming {
        match verdict.kind {
            ColumnKind::Categorical => Naming::Texts,
            _ if verdict.odd.count > 0 => Naming::Texts,
            ColumnKind::Numeric if !self.are_numbers_alone(rules) => Naming::Texts,
            kind => Naming::Of(kind, verdict.order),
        }
    }

    /// Whether no two texts are one number unless one of them has `.0` where the other has nothing.
    fn are_numbers_alone(&self, rules: &TextRules) -> bool {
        let format = rules.number_format();
        let mut plain_of: HashMap<u64, &str> = HashMap::new();
        self.levels.names().iter().all(|text| {
            let Some(number) = format.number(text) else {
                return true;
            };
            let text = text.trim();
            let plain = text.strip_suffix(".0").unwrap_or(text);
            let key = match number {
                Number::Whole(whole) if whole.abs() > EXACT => whole.cast_unsigned(),
                number => (number.value() + 0.0).to_bits(),
            };
            *plain_of.entry(key).or_insert(plain) == plain
        })
    }
}
