//! Fitted encoders that replace each level by one number, or one number per output.

use std::sync::Arc;

use super::cells::{Cells, fill, named_cells};
use super::names::output_fields;
use crate::data::{DynTarget, Feature, Features, Levels, OutOfSample, RowIndex, Rows};
use crate::error::Result;
use crate::transform::Placement;

/// What becomes of a cell without a value of its own.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) enum Otherwise {
    Value(f32),
    Nan,
    Refuse,
}

impl Otherwise {
    fn value(self) -> f32 {
        match self {
            Self::Value(value) => value,
            Self::Nan | Self::Refuse => f32::NAN,
        }
    }
}

/// The numbers of one column's levels.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct LookupColumn {
    pub(super) name: String,
    pub(super) levels: Arc<Levels>,
    /// Whether a level is known, by code: the table may have levels that fitting did not meet.
    pub(super) known: Vec<bool>,
    /// One an output.
    pub(super) outputs: Vec<LookupOutput>,
}

/// The numbers of one output.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct LookupOutput {
    /// By code.
    pub(super) values: Vec<f32>,
    pub(super) unseen: Otherwise,
    pub(super) missing: Otherwise,
}

/// The numbers of all columns' levels.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Lookup {
    columns: Vec<LookupColumn>,
    fields: Arc<[Feature]>,
    /// What was taken off all of them.
    origin: f64,
}

impl Lookup {
    pub(super) fn new(columns: Vec<LookupColumn>, fields: impl Into<Arc<[Feature]>>) -> Self {
        Self {
            columns,
            fields: fields.into(),
            origin: 0.0,
        }
    }

    /// The same numbers, from which this was taken off.
    pub(super) fn less(self, origin: f64) -> Self {
        Self { origin, ..self }
    }

    /// See [`FittedTransformer::moved`](crate::transform::FittedTransformer::moved).
    pub(super) fn moved(&self) -> Vec<(String, Placement)> {
        if self.origin == 0.0 {
            return Vec::new();
        }
        let name = |field: &Feature| field.name().to_owned();
        let moved = |field| (name(field), Placement::Less(self.origin));
        self.fields.iter().map(moved).collect()
    }

    /// The columns of several, and their features.
    pub(super) fn into_columns(
        parts: impl Iterator<Item = Self>,
    ) -> (Vec<LookupColumn>, Vec<Feature>) {
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for part in parts {
            columns.extend(part.columns);
            fields.extend_from_slice(&part.fields);
        }
        (columns, fields)
    }

    /// One of several that were fitted on some of the columns each, with the same target.
    pub(super) fn join(parts: impl Iterator<Item = Self>, target: &dyn DynTarget) -> Self {
        let mut origin = 0.0;
        let parts = parts.inspect(|part| origin = part.origin);
        let (columns, _) = Self::into_columns(parts);
        // Names of features are made to differ over all columns.
        let fields = output_fields(columns.iter().map(|c| c.name.as_str()), target);
        Self::new(columns, fields).less(origin)
    }

    pub(super) fn fields(&self) -> &[Feature] {
        &self.fields
    }

    pub(super) fn shared_fields(&self) -> Arc<[Feature]> {
        Arc::clone(&self.fields)
    }

    pub(super) fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let cells = named_cells(rows, self.columns.iter().map(|column| column.name.as_str()))?;
        let widths: Vec<usize> = self.columns.iter().map(|c| c.outputs.len()).collect();
        let (values, _) = fill(rows.len(), &widths, |j, part| {
            self.columns[j].write(&cells[j], rows.index(), part)
        })?;
        Features::from_buffer(self.shared_fields(), rows.len(), values)
    }
}

impl LookupColumn {
    fn write(&self, cells: &Cells<'_>, rows: RowIndex<'_>, out: &mut [f32]) -> Result<()> {
        cells.check_kind(&self.levels)?;
        let code = cells.codes_among(&self.levels);
        let known = |&code: &u32| self.known.get(code as usize).copied().unwrap_or(false);
        for (output, out) in self
            .outputs
            .iter()
            .zip(out.chunks_exact_mut(rows.len().max(1)))
        {
            if [output.unseen, output.missing].contains(&Otherwise::Refuse) {
                let refused: Vec<bool> = code
                    .iter()
                    .map(|code| output.unseen == Otherwise::Refuse && !known(code))
                    .chain([output.missing == Otherwise::Refuse])
                    .collect();
                cells.check(rows, &refused)?;
            }
            let table: Vec<f32> = code
                .iter()
                .map(|code| match output.values.get(*code as usize) {
                    Some(&value) if known(code) => value,
                    _ => output.unseen.value(),
                })
                .chain([output.missing.value()])
                .collect();
            look_up(cells.codes(), rows, &table, out);
        }
        Ok(())
    }
}

/// Writes `table[code]`; its last entry is for missing cells.
fn look_up(codes: &[u32], rows: RowIndex<'_>, table: &[f32], out: &mut [f32]) {
    let missing = table.len() - 1;
    match rows {
        RowIndex::All(_) => {
            for (o, &code) in out.iter_mut().zip(codes) {
                *o = table[(code as usize).min(missing)];
            }
        }
        RowIndex::Some(index) => {
            for (o, &row) in out.iter_mut().zip(index) {
                *o = table[(codes[row as usize] as usize).min(missing)];
            }
        }
    }
}
