//! Weight, sum and spread of targets, for any set of rows that was met cell by cell.

/// Sums over the rows of a cell (a level in a fold, say).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Moments {
    /// The sum of weights: the number of rows if there are none.
    pub(super) weight: f64,
    /// The weighted sum of targets.
    pub(super) sum: f64,
    /// The weighted sum of squared distances from the mean, where it was asked for.
    pub(super) spread: f64,
}

impl Moments {
    /// Moments of the cells that rows fall into. `weights` is empty if all are one; with `spread`
    /// the rows are gone through twice, so that a large mean costs no digits.
    pub(super) fn of_cells(
        n_cells: usize,
        cells: impl Iterator<Item = usize> + Clone,
        target: &[f64],
        weights: &[f64],
        spread: bool,
    ) -> Vec<Self> {
        let mut moments = vec![Self::default(); n_cells];
        if weights.is_empty() {
            for (cell, &y) in cells.clone().zip(target) {
                let moment = &mut moments[cell];
                moment.weight += 1.0;
                moment.sum += y;
            }
        } else {
            for ((cell, &y), &w) in cells.clone().zip(target).zip(weights) {
                let moment = &mut moments[cell];
                moment.weight += w;
                moment.sum += w * y;
            }
        }
        if spread {
            let means: Vec<f64> = moments.iter().map(|m| m.mean().unwrap_or(0.0)).collect();
            for (row, (cell, &y)) in cells.zip(target).enumerate() {
                let distance = y - means[cell];
                moments[cell].spread += weights.get(row).unwrap_or(&1.0) * distance * distance;
            }
        }
        moments
    }

    /// Moments of rows that have these targets so many times.
    pub(super) fn of_counts(counts: &[u32], targets: &[f64]) -> Self {
        let rows = || counts.iter().map(|&n| f64::from(n)).zip(targets);
        let mut moment = Self {
            weight: rows().map(|(n, _)| n).sum(),
            sum: rows().map(|(n, y)| n * y).sum(),
            spread: 0.0,
        };
        let mean = moment.mean().unwrap_or(0.0);
        moment.spread = rows().map(|(n, y)| n * (y - mean) * (y - mean)).sum();
        moment
    }

    /// The weighted mean; `None` without weight.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    /// The weighted variance (divided by the weight); `None` without weight.
    pub(super) fn variance(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.spread / self.weight)
    }

    /// The moments of both sets of rows (Chan, Golub and `LeVeque` 1979).
    pub(super) fn merge(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        let between = match (self.mean(), other.mean()) {
            (Some(a), Some(b)) => (b - a) * (b - a) * (self.weight * other.weight / weight),
            _ => 0.0,
        };
        Self {
            weight,
            sum: self.sum + other.sum,
            spread: self.spread + other.spread + between,
        }
    }
}

/// For each cell, the moments of all *other* cells; returns the moments of all.
///
/// Others are merged from those before and those after, never subtracted from the whole: a cell
/// takes no part in its own result, not even by rounding.
pub(super) fn others(cells: &[Moments], out: &mut [Moments]) -> Moments {
    let mut before = Moments::default();
    for (o, &cell) in out.iter_mut().zip(cells) {
        *o = before;
        before = before.merge(cell);
    }
    let mut after = Moments::default();
    for (o, &cell) in out.iter_mut().zip(cells).rev() {
        *o = o.merge(after);
        after = cell.merge(after);
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_all_but_one() {
        let target = [3.0, 5.0, 8.0, 1.0, 1.0];
        let weights = [1.0, 2.0, 0.5, 0.0, 4.0];
        let cells = [0_usize, 1, 0, 3, 2];
        let moments = Moments::of_cells(4, cells.iter().copied(), &target, &weights, true);
        let mut out = vec![Moments::default(); 4];
        others(&moments, &mut out);
        for (cell, found) in out.iter().enumerate() {
            let keep: Vec<usize> = (0..5).filter(|&i| cells[i] != cell).collect();
            let w: f64 = keep.iter().map(|&i| weights[i]).sum();
            let mean = keep.iter().map(|&i| weights[i] * target[i]).sum::<f64>() / w;
            let spread: f64 = keep
                .iter()
                .map(|&i| weights[i] * (target[i] - mean).powi(2))
                .sum();
            assert!((found.weight - w).abs() < 1e-12);
            assert!((found.mean().unwrap() - mean).abs() < 1e-12);
            assert!((found.spread - spread).abs() < 1e-12);
        }
    }

    #[test]
    fn nothing_has_no_mean() {
        assert_eq!(Moments::default().mean(), None);
        assert_eq!(Moments::default().variance(), None);
        let empty = Moments::default().merge(Moments::default());
        assert_eq!(empty, Moments::default());
    }
}
