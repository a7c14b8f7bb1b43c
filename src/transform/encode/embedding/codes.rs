//! The columns as a network takes them: a code for each level that has enough rows.

use std::sync::Arc;

use super::super::cells::{Cells, feature_cells};
use super::super::names::sort_by_name;
use crate::data::{ColumnKind, Feature, Features, InSample, Levels, Numbers, RowIndex, Rows};
use crate::error::{Error, Result};
use crate::parallel;
use crate::transform::Placement;
use crate::transform::columnwise::{self as numbers, ColumnMap};

/// Training rows as codes, and the context's columns as numbers.
#[derive(Debug)]
pub(super) struct Coded {
    columns: Vec<CodedColumn>,
    features: Features<InSample>,
}

/// The levels of a column.
#[derive(Debug)]
pub(super) struct CodedColumn {
    pub(super) name: String,
    /// By code: those that have enough rows, in the order of their names.
    pub(super) levels: Arc<Levels>,
    /// By code, then how many rows (of weight above 0) have other levels, then how many have none.
    pub(super) counts: Vec<u64>,
    /// By row: the code, or the place of the other two.
    pub(super) slots: Vec<u32>,
}

impl Coded {
    /// Levels of fewer rows (of weight above 0) than `min_count` have no code. Targets play no part.
    pub(super) fn new(
        rows: Rows<'_>,
        weights: Option<&[f64]>,
        min_count: usize,
        context: &[String],
    ) -> Result<Self> {
        let columns = parallel::map(feature_cells(rows)?, |_, cells| {
            CodedColumn::new(&cells, rows.index(), weights, min_count as u64)
        });
        let columns = columns.into_iter().collect::<Result<Vec<_>>>()?;
        let n_rows = rows.len();
        let mut fields = Vec::with_capacity(columns.len() + context.len());
        let mut values = vec![0.0; n_rows * (columns.len() + context.len())];
        for (j, column) in columns.iter().enumerate() {
            let n_codes = column.levels.len();
            fields.push(Feature::code(column.name.as_str(), number(n_codes)));
            let table: Vec<f32> = (0..n_codes + 2)
                .map(|slot| Self::value(slot, n_codes))
                .collect();
            for (value, &slot) in values[j * n_rows..].iter_mut().zip(&column.slots) {
                *value = table[slot as usize];
            }
        }
        for (j, name) in (columns.len()..).zip(context) {
            let column = rows.column(name)?;
            if column.kind() == ColumnKind::Categorical {
                let expected = "numeric, boolean or date (a categorical one can be encoded)";
                return Err(Error::wrong_kind(expected, column.kind()).in_column(name));
            }
            if fields.iter().any(|field: &Feature| field.name() == name) {
                let expected = "columns that are not encoded, each once";
                return Err(Error::parameter("context", expected, format!("{name:?}")));
            }
            fields.push(Feature::number(name.as_str()));
            let out = &mut values[j * n_rows..(j + 1) * n_rows];
            let numbers =
                Numbers::of_column(column, rows.index()).map_err(|e| e.in_column(name))?;
            Placement::fit(numbers, weights).apply(numbers::Cells::From(numbers, out))?;
        }
        let features = Features::from_buffer(fields, n_rows, values)?;
        Ok(Self { columns, features })
    }

    pub(super) fn columns(&self) -> &[CodedColumn] {
        &self.columns
    }

    pub(super) fn features(&self) -> &Features<InSample> {
        &self.features
    }

    pub(super) fn n_codes(&self, column: usize) -> usize {
        self.columns[column].levels.len()
    }

    /// What a network sees of a slot: the code; no code if it is one after them; then missing.
    #[allow(clippy::cast_precision_loss, reason = "checked to be exact")]
    pub(super) fn value(slot: usize, n_codes: usize) -> f32 {
        if slot > n_codes {
            f32::NAN
        } else {
            slot as f32
        }
    }
}

impl CodedColumn {
    fn new(
        cells: &Cells<'_>,
        rows: RowIndex<'_>,
        weights: Option<&[f64]>,
        min_count: u64,
    ) -> Result<Self> {
        let levels = cells.levels();
        if levels.len() >= 1 << 24 {
            let error = Error::data("fewer than 16777216 levels", levels.len());
            return Err(error.in_column(cells.name));
        }
        let all = cells.counts(rows, weights);
        let n_rows: u64 = all.iter().map(|&n| u64::from(n)).sum();
        let count = |code: u32| u64::from(all[code as usize]);
        let is_kept = |&code: &u32| count(code) >= min_count.max(1);
        let mut kept: Vec<u32> = (0..).take(levels.len()).filter(is_kept).collect();
        sort_by_name(&mut kept, &levels);
        let n_codes = number(kept.len());
        let mut slot_of = vec![n_codes; levels.len()];
        let mut counts = Vec::with_capacity(kept.len() + 2);
        let mut names = Vec::with_capacity(kept.len());
        for (slot, &code) in (0..).zip(&kept) {
            slot_of[code as usize] = slot;
            counts.push(count(code));
            names.push(levels.name(code).unwrap_or_default().to_owned());
        }
        let missing = u64::from(all.last().copied().unwrap_or(0));
        counts.push(n_rows - counts.iter().sum::<u64>() - missing);
        counts.push(missing);
        // Too few missing cells are like a rare level.
        slot_of.push(if missing >= min_count {
            n_codes + 1
        } else {
            n_codes
        });
        let slots = cells.slots(rows);
        Ok(Self {
            name: cells.name.to_owned(),
            levels: Arc::new(Levels::from_distinct(names)),
            counts,
            slots: slots
                .into_iter()
                .map(|slot| slot_of[slot as usize])
                .collect(),
        })
    }

    /// The sum of the weights of each slot's rows among those given; their number, without weights.
    pub(super) fn weights_of(&self, rows: &[u32], weights: Option<&[f64]>) -> Vec<f64> {
        let mut sums = vec![0.0; self.counts.len()];
        for &row in rows {
            sums[self.slots[row as usize] as usize] += weights.map_or(1.0, |w| w[row as usize]);
        }
        sums
    }

    /// How many levels there are with rows of their own, missing one of them if there are enough.
    pub(super) fn n_known(&self, min_count: usize) -> usize {
        let missing = self.counts[self.levels.len() + 1];
        self.levels.len() + usize::from(missing >= min_count.max(1) as u64)
    }

    /// How many rows (of weight above 0) these levels have.
    pub(super) fn n_known_rows(&self, min_count: usize) -> u64 {
        let n_codes = self.levels.len();
        let missing = self.counts[n_codes + 1];
        let n_missing = if missing >= min_count as u64 {
            missing
        } else {
            0
        };
        self.counts[..n_codes].iter().sum::<u64>() + n_missing
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
