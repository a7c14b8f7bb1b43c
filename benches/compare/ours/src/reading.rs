//! Reading a file to a table.

use stackfold::data::TableReader;
use stackfold::data::{Column, ColumnKind, RowIndex, Table};

use crate::Result;
use crate::job::Job;
use crate::measure::measured;

#[derive(serde::Serialize)]
pub struct Report {
    seconds: f64,
    /// Peak of memory above what was there before, in MB.
    mb: f64,
    table_mb: f64,
    /// Missing cells; the sum of numbers, days or lengths of texts; levels.
    columns: Vec<(usize, f64, usize)>,
}

pub fn run(job: &Job) -> Result<Report> {
    let name = job.file.as_ref().ok_or("a file is needed")?;
    let path = job.data.join(name);
    let (table, seconds, mb) = measured(|| TableReader::new().read(&path))?;
    let columns = columns(&table)?;
    let n_bytes: usize = columns.iter().map(|column| width(column)).sum();
    Ok(Report {
        seconds,
        mb,
        table_mb: (n_bytes * table.n_rows()) as f64 / (1 << 20) as f64,
        columns: columns.into_iter().map(sums).collect(),
    })
}

fn columns(table: &Table) -> Result<Vec<&Column>> {
    let columns = table.schema().names().map(|name| table.column(name));
    Ok(columns.collect::<stackfold::error::Result<_>>()?)
}

fn sums(column: &Column) -> (usize, f64, usize) {
    let n_missing = column.n_missing();
    if let Some((codes, levels)) = column.codes() {
        let names = codes.iter().filter_map(|&code| levels.name(code));
        return (
            n_missing,
            names.map(str::len).sum::<usize>() as f64,
            levels.len(),
        );
    }
    let numbers = column.numbers(RowIndex::All(column.len()));
    (n_missing, numbers.iter().filter(|v| !v.is_nan()).sum(), 0)
}

/// Bytes a cell: those of the narrowest type for numbers.
fn width(column: &Column) -> usize {
    match column.kind() {
        ColumnKind::Boolean => return 1,
        ColumnKind::Categorical | ColumnKind::Date => return 4,
        ColumnKind::Datetime => return 8,
        _ => {}
    }
    let mut numbers = column.numbers(RowIndex::All(column.len()));
    numbers.retain(|v| !v.is_nan());
    let within = |limit: f64| numbers.iter().all(|v| v.trunc() == *v && v.abs() <= limit);
    if within(127.0) {
        1
    } else if within(32_767.0) {
        2
    } else if within(2_147_483_647.0) || numbers.iter().all(|&v| f64::from(v as f32) == v) {
        4
    } else {
        8
    }
}
