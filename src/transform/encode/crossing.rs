//! Rows in a few groups (classes, folds, or both), crossed with the levels of columns.

use crate::data::MISSING_CODE;

/// Whole-number targets that take few values, as classes.
#[derive(Debug)]
pub(super) struct Classes {
    /// In ascending order.
    pub(super) values: Vec<f64>,
    pub(super) of_row: Vec<u16>,
}

impl Classes {
    /// None if there are more than eight values, or sums of them or of their squares could round.
    pub(super) fn of(target: &[f64]) -> Option<Self> {
        const MOST: usize = 8;
        let mut values: Vec<f64> = Vec::new();
        let mut last = f64::NAN;
        for &y in target {
            // Repeated values are many.
            #[allow(clippy::float_cmp, reason = "equal values are one class")]
            if y != last && !values.contains(&y) {
                if values.len() == MOST || y.fract() != 0.0 {
                    return None;
                }
                values.push(y);
            }
            last = y;
        }
        values.sort_unstable_by(f64::total_cmp);
        let largest = values.iter().fold(0.0, |a: f64, y| a.max(y * y));
        if largest * target.len() as f64 >= 9e15 {
            return None;
        }
        let class = |y: &f64| values.iter().take_while(|v| *v < y).map(|_| 1_u16).sum();
        let of_row = target.iter().map(class).collect();
        Some(Self { values, of_row })
    }
}

/// The group of each row.
#[derive(Debug)]
pub(super) struct Groups<'a> {
    of_row: &'a [u16],
    n: usize,
}

impl<'a> Groups<'a> {
    /// Groups below `n`.
    pub(super) fn new(of_row: &'a [u16], n: usize) -> Self {
        Self { of_row, n }
    }

    /// How many rows are in each cell: group after group for each level, and last for missing cells.
    pub(super) fn count(&self, codes: &[u32], n_slots: usize) -> Vec<u32> {
        const LANES: usize = 4;
        let missing = slot_of_missing(n_slots);
        let cell = |code: u32, group: u16| self.cell(code.min(missing), group);
        // Rows in a row are counted apart: adding to one place again waits for the addition before.
        let mut counts = vec![[0_u32; LANES]; n_slots * self.n];
        let (codes, last_codes) = codes.as_chunks::<LANES>();
        let (groups, last_groups) = self.of_row.as_chunks::<LANES>();
        for (codes, groups) in codes.iter().zip(groups) {
            for lane in 0..LANES {
                counts[cell(codes[lane], groups[lane])][lane] += 1;
            }
        }
        for (&code, &group) in last_codes.iter().zip(last_groups) {
            counts[cell(code, group)][0] += 1;
        }
        counts.into_iter().map(|lanes| lanes.iter().sum()).collect()
    }

    /// Calls `f` with each place of `out` and the entry of `table` for the row's cell, of which there
    /// are as many as [`Groups::count`] gives.
    #[inline]
    pub(super) fn look_up<T: Copy>(
        &self,
        codes: &[u32],
        table: &[T],
        out: &mut [f32],
        f: impl Fn(usize, T) -> f32,
    ) {
        let missing = slot_of_missing(table.len() / self.n.max(1));
        let rows = codes.iter().zip(self.of_row).zip(out).enumerate();
        for (row, ((&code, &group), out)) in rows {
            *out = f(row, table[self.cell(code.min(missing), group)]);
        }
    }

    #[inline]
    fn cell(&self, slot: u32, group: u16) -> usize {
        slot as usize * self.n + usize::from(group)
    }
}

fn slot_of_missing(n_slots: usize) -> u32 {
    u32::try_from(n_slots.saturating_sub(1)).unwrap_or(MISSING_CODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_few_whole_numbers() {
        let classes = Classes::of(&[3.0, 0.0, 3.0, -1.0]).unwrap();
        assert_eq!(classes.values, [-1.0, 0.0, 3.0]);
        assert_eq!(classes.of_row, [2, 1, 2, 0]);
        assert!(Classes::of(&[0.5, 1.0]).is_none());
        assert!(Classes::of(&[0.0, 1e8]).is_none());
        let many: Vec<f64> = (0..9).map(f64::from).collect();
        assert!(Classes::of(&many).is_none());
    }

    #[test]
    fn rows_are_counted_in_their_cells() {
        let codes = [0, 1, MISSING_CODE, 1, 1, 0, 1];
        let groups = Groups::new(&[0, 1, 1, 1, 0, 0, 1], 2);
        let counts = groups.count(&codes, 3);
        assert_eq!(counts, [2, 0, 1, 3, 0, 1]);
        let mut out = [0.0; 7];
        groups.look_up(&codes, &counts, &mut out, |row, n| {
            (10 * row + n as usize) as f32
        });
        let out = out.map(f32::to_bits);
        assert_eq!(
            out,
            [2.0_f32, 13.0, 21.0, 33.0, 41.0, 52.0, 63.0].map(f32::to_bits)
        );
    }
}
