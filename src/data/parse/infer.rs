//! Which kind a column has, from how many of its cells are what.

use super::missing::{Causes, Seen};
use super::moment::{DateOrder, Unordered, has_date_shape, iso_date, iso_moment};
use super::number::{NumberSorts, Numeral};
use super::{OddCells, TextRules, true_or_false};
use crate::data::ColumnKind;

/// Of so many cells that are not missing, one may be of another kind than the column.
pub const CELLS_FOR_AN_ODD_ONE: usize = 20;

/// What a cell that is not missing looks like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    Number(Numeral),
    Boolean,
    Date,
    Datetime,
    /// A day that does not exist.
    NoSuchDay,
    Unordered(Unordered),
    DecimalComma,
    Text,
}

impl Look {
    pub(super) fn of(text: &str, rules: &TextRules) -> Self {
        let format = rules.number_format();
        if let Some(numeral) = format.numeral(text) {
            Self::Number(numeral)
        } else if true_or_false(text).is_some() {
            Self::Boolean
        } else if iso_date(text).is_some() {
            Self::Date
        } else if iso_moment(text).is_some() {
            Self::Datetime
        } else if has_date_shape(text) {
            Self::NoSuchDay
        } else if let Some(moment) = Unordered::of(text) {
            Self::Unordered(moment)
        } else if format.looks_like_decimal_comma(text) {
            Self::DecimalComma
        } else {
            Self::Text
        }
    }
}

/// How many cells of a column that are not missing look like what.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) n_present: usize,
    pub(super) numbers: usize,
    /// How the numbers are written; `odd` is what is no number.
    pub(super) sorts: NumberSorts,
    booleans: usize,
    not_boolean: Seen,
    dates: usize,
    datetimes: usize,
    no_such_days: Seen,
    not_moment: Seen,
    day_first: usize,
    month_first: usize,
    has_times: bool,
    not_unordered: Seen,
}

/// What a column is, and what there is to say about it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) kind: ColumnKind,
    pub(super) order: Option<DateOrder>,
    /// The cells that are not of the kind.
    pub(super) odd: Seen,
    pub(super) note: Option<String>,
    /// All cells look like days, but some of these do not exist.
    pub(super) no_such_day: Option<(usize, String)>,
}

impl Tally {
    /// Takes note of `n` cells with one text, the first of which is in `row`.
    pub(super) fn add(
        &mut self,
        look: Look,
        causes: &Causes<'_>,
        row: usize,
        text: &str,
        n: usize,
    ) {
        if let Look::Number(numeral) = look {
            let value = numeral.number.value();
            self.sorts.add(numeral, row, text, n);
            if causes.of_number(value).is_some() {
                return;
            }
            self.numbers += n;
            self.sorts.has_negative |= value < 0.0 && value.is_finite();
        } else {
            self.sorts.odd.add_cells(row, text, n);
        }
        self.n_present += n;
        if let Look::Boolean = look {
            self.booleans += n;
        } else {
            self.not_boolean.add_cells(row, text, n);
        }
        match look {
            Look::Date => self.dates += n,
            Look::Datetime => self.datetimes += n,
            _ => self.not_moment.add_cells(row, text, n),
        }
        if let Look::NoSuchDay = look {
            self.no_such_days.add_cells(row, text, n);
        }
        if let Look::DecimalComma = look {
            self.sorts.commas.add_cells(row, text, n);
        }
        let mut is_moment = false;
        if let Look::Unordered(moment) = look {
            if moment.moment(DateOrder::DayFirst).is_some() {
                self.day_first += n;
                is_moment = true;
            }
            if moment.moment(DateOrder::MonthFirst).is_some() {
                self.month_first += n;
                is_moment = true;
            }
            self.has_times |= moment.has_time();
        }
        if !is_moment {
            self.not_unordered.add_cells(row, text, n);
        }
    }

    /// A column of numbers alone, and cells that are none.
    pub(super) fn of_numbers(n_present: usize, sorts: NumberSorts) -> Self {
        Self {
            n_present,
            numbers: n_present - sorts.odd.count,
            sorts,
            ..Self::default()
        }
    }

    /// A column of days, or of moments, and cells that are neither.
    pub(super) fn of_moments(n_present: usize, n_days: usize, odd: Seen) -> Self {
        Self {
            n_present,
            dates: n_days,
            datetimes: n_present - n_days - odd.count,
            not_moment: odd,
            ..Self::default()
        }
    }

    pub(super) fn verdict(self, odd_cells: OddCells) -> Verdict {
        use ColumnKind::{Boolean, Categorical, Date, Datetime, Numeric};
        let is_kind = |n: usize| match odd_cells {
            OddCells::AsMissing => (self.n_present - n) * CELLS_FOR_AN_ODD_ONE <= self.n_present,
            OddCells::Refuse => n == self.n_present,
        };
        let verdict = |kind, odd, note| Verdict {
            kind,
            order: None,
            odd,
            note,
            no_such_day: None,
        };
        let of_all = |n: usize, what: &str| format!("{n} of {} cells are {what}", self.n_present);
        let but = |n: usize, what: &str, odd: &Seen| {
            let is = if odd.count == 1 { "is" } else { "are" };
            (odd.count > 0).then(|| {
                let cells = of_all(n, what);
                format!(
                    "{cells}; {} {is} taken for missing: {}",
                    odd.count,
                    odd.example()
                )
            })
        };
        if self.n_present == 0 {
            return verdict(Numeric, Seen::default(), None);
        }
        if is_kind(self.numbers) {
            if let Some(note) = self.codes() {
                return verdict(Categorical, Seen::default(), note);
            }
            let mut note = but(self.numbers, "numbers", &self.sorts.odd);
            if self.sorts.are_rounded() {
                let rounded = "whole numbers beyond 2^53 are rounded to the nearest float, as others \
                               have fractions or are beyond 2^63";
                note = Some(note.map_or(rounded.to_owned(), |note| format!("{note}; {rounded}")));
            }
            return verdict(Numeric, self.sorts.odd, note);
        }
        if self.booleans == self.n_present {
            return verdict(Boolean, Seen::default(), None);
        }
        let moments = self.dates + self.datetimes;
        if is_kind(moments) {
            let kind = if self.datetimes == 0 { Date } else { Datetime };
            let note = but(moments, &format!("{kind}s"), &self.not_moment);
            return verdict(kind, self.not_moment, note);
        }
        if moments + self.no_such_days.count == self.n_present {
            return Verdict {
                no_such_day: self.no_such_days.first.clone(),
                ..verdict(Categorical, Seen::default(), None)
            };
        }
        let ordered = self.day_first.max(self.month_first);
        if ordered > 0 && is_kind(ordered) {
            if self.day_first == self.month_first {
                let note = "dates in which days and months cannot be told apart are read as levels; \
                            `with_date_format` says how they are written";
                return verdict(Categorical, Seen::default(), Some(note.to_owned()));
            }
            let (order, what) = if self.day_first > self.month_first {
                (DateOrder::DayFirst, "dates with the day first")
            } else {
                (DateOrder::MonthFirst, "dates with the month first")
            };
            let odd = self.not_unordered;
            let note = but(ordered, what, &odd).unwrap_or_else(|| of_all(ordered, what));
            return Verdict {
                order: Some(order),
                ..verdict(
                    if self.has_times { Datetime } else { Date },
                    odd,
                    Some(note),
                )
            };
        }
        let note = self.near_miss(is_kind, of_all);
        verdict(Categorical, Seen::default(), note)
    }

    /// Whether numbers are codes, and what to say then.
    #[allow(
        clippy::option_option,
        reason = "codes of which there is nothing to say"
    )]
    fn codes(&self) -> Option<Option<String>> {
        let sorts = &self.sorts;
        let n_codes = sorts.zeros.count + sorts.codes.count;
        let are_all_digits = !sorts.has_plain_real && !sorts.has_negative;
        let share_of_present = |seen: &Seen| format!("{} of {}", seen.count, self.n_present);
        if sorts.commas.count > 0 && sorts.n_thousands > 0 {
            return Some(Some(decimal_comma(&sorts.commas)));
        }
        if sorts.huge.count > 0 && !sorts.has_plain_real {
            let cells = share_of_present(&sorts.huge);
            return Some(Some(format!(
                "{cells} cells are whole numbers beyond 64 bits, and the column is read as levels: {}",
                sorts.huge.example()
            )));
        }
        if n_codes * CELLS_FOR_AN_ODD_ONE > self.n_present
            || sorts.zeros.count > 0 && are_all_digits
        {
            let mut codes = sorts.zeros.clone();
            codes.merge(&sorts.codes, 0);
            let is_plain = codes.count == self.n_present;
            return Some((!is_plain).then(|| {
                format!(
                    "{} cells are codes, whose text a number would lose, and the column is read as \
                     levels: {}; `with_kind` makes it numeric",
                    share_of_present(&codes),
                    codes.example()
                )
            }));
        }
        None
    }

    /// What to say of levels most of which are of another kind.
    fn near_miss(
        &self,
        is_kind: impl Fn(usize) -> bool,
        of_all: impl Fn(usize, &str) -> String,
    ) -> Option<String> {
        let commas = &self.sorts.commas;
        if commas.count > 0 && is_kind(self.numbers + commas.count) {
            return Some(decimal_comma(commas));
        }
        let moments = self.dates + self.datetimes;
        let ordered = self.day_first.max(self.month_first);
        let choices = [
            (self.numbers, "numbers", &self.sorts.odd),
            (self.booleans, "true or false", &self.not_boolean),
            (moments, "dates", &self.not_moment),
            (ordered, "dates", &self.not_unordered),
        ];
        let (n, what, odd) = choices
            .into_iter()
            .find(|(n, ..)| 2 * n >= self.n_present)?;
        Some(format!(
            "{} and the others are not, so all are read as levels: {}",
            of_all(n, what),
            odd.example()
        ))
    }
}

fn decimal_comma(commas: &Seen) -> String {
    format!(
        "cells look like numbers with a decimal comma and are read as levels: {}; \
         `with_decimal(',')` reads numbers",
        commas.example()
    )
}
