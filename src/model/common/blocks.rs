//! Columns of outputs, in blocks of rows: several threads fill them, and what is being filled stays
//! in a cache.

use crate::parallel;

/// The columns with `block` rows at a time, each run of rows on one thread: `fill` is given the
/// first row of a run and each column's part of it.
pub(crate) fn fill_in_blocks(
    columns: &mut [Vec<f64>],
    block: usize,
    fill: impl Fn(usize, &mut [&mut [f64]]) + Sync,
) {
    let n_rows = columns.first().map_or(0, Vec::len);
    let mut blocks: Vec<Vec<&mut [f64]>> = (0..n_rows.div_ceil(block)).map(|_| vec![]).collect();
    for column in columns {
        for (parts, part) in blocks.iter_mut().zip(column.chunks_mut(block)) {
            parts.push(part);
        }
    }
    parallel::for_each(&mut blocks, |at, parts| fill(at * block, parts));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_filled_once_whatever_the_block() {
        for block in [1, 3, 10, 64] {
            let mut columns = vec![vec![0.0; 10], vec![0.0; 10]];
            fill_in_blocks(&mut columns, block, |first, parts| {
                for (k, part) in parts.iter_mut().enumerate() {
                    for (i, value) in part.iter_mut().enumerate() {
                        *value += (100 * k + first + i) as f64;
                    }
                }
            });
            for (k, column) in columns.iter().enumerate() {
                let expected: Vec<f64> = (0..10).map(|i| (100 * k + i) as f64).collect();
                assert_eq!(*column, expected, "blocks of {block}");
            }
        }
    }
}
