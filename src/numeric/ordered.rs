//! Passes over rows in an order: each row gets the mean over the rows of its level that came before.

/// `(sum + a prior) / (weight + a)`, and the prior where that is `0 / 0`.
pub(crate) fn smoothed_mean(weight: f64, sum: f64, a: f64, prior: f64) -> f64 {
    if weight + a > 0.0 {
        (sum + a * prior) / (weight + a)
    } else {
        prior
    }
}

/// Positions of rows by time, and where each block of the same time ends.
pub(crate) fn by_time(time: &[f64]) -> (Vec<u32>, Vec<u32>) {
    let mut order: Vec<u32> = (0..).take(time.len()).collect();
    order.sort_by(|&a, &b| {
        time[a as usize]
            .total_cmp(&time[b as usize])
            .then(a.cmp(&b))
    });
    let mut ends: Vec<u32> = Vec::new();
    for (place, pair) in (1..).zip(order.windows(2)) {
        if time[pair[0] as usize] < time[pair[1] as usize] {
            ends.push(place);
        }
    }
    ends.extend(u32::try_from(order.len()).ok().filter(|&n| n > 0));
    (order, ends)
}

/// One order of the rows; what is listed by place is in that order.
pub(crate) struct Pass {
    order: Vec<u32>,
    /// The place after the last of each block, whose rows do not see one another; empty if each
    /// row is a block of its own.
    ends: Vec<u32>,
    /// By place: weights; empty if all are one.
    weights: Vec<f64>,
    /// By output.
    outputs: Vec<PassOutput>,
}

/// By place: the weighted target, and the prior.
struct PassOutput {
    targets: Vec<f64>,
    priors: Vec<f64>,
}

impl Pass {
    /// Of targets by output, with weights (empty if all are one). Priors are these constants by
    /// output, or else the means over earlier rows.
    pub(crate) fn new(
        outputs: &[Vec<f64>],
        weights: &[f64],
        constants: Option<&[f64]>,
        order: Vec<u32>,
        ends: Vec<u32>,
    ) -> Self {
        let by_place = |values: &[f64]| -> Vec<f64> {
            order.iter().map(|&row| values[row as usize]).collect()
        };
        let weights = if weights.is_empty() {
            Vec::new()
        } else {
            by_place(weights)
        };
        let outputs = outputs.iter().enumerate().map(|(output, target)| {
            let mut targets = by_place(target);
            for (y, w) in targets.iter_mut().zip(&weights) {
                *y *= w;
            }
            let priors = match constants {
                None => earlier_means(&targets, &weights, &ends),
                Some(constants) => vec![constants[output]; targets.len()],
            };
            PassOutput { targets, priors }
        });
        Self {
            outputs: outputs.collect(),
            weights,
            order,
            ends,
        }
    }

    /// Adds each row's statistic to `sums`, by row. Rows of the slot `missing` get the prior.
    pub(crate) fn add(
        &self,
        slots: &[u32],
        n_slots: usize,
        missing: Option<u32>,
        output: usize,
        a: f64,
        sums: &mut [f64],
    ) {
        let PassOutput { targets, priors } = &self.outputs[output];
        let mut levels = vec![(0.0_f64, 0.0_f64); n_slots];
        // The missing slot is never added to where missing cells get the prior.
        let learn = |levels: &mut [(f64, f64)], slot: u32, place: usize| {
            if Some(slot) != missing {
                let level = &mut levels[slot as usize];
                level.0 += self.weights.get(place).copied().unwrap_or(1.0);
                level.1 += targets[place];
            }
        };
        if self.ends.is_empty() {
            for (place, (&row, &prior)) in self.order.iter().zip(priors).enumerate() {
                let slot = slots[row as usize];
                let (weight, sum) = levels[slot as usize];
                sums[row as usize] += smoothed_mean(weight, sum, a, prior);
                learn(&mut levels, slot, place);
            }
            return;
        }
        let mut start = 0;
        for &end in &self.ends {
            let block = start..end as usize;
            for place in block.clone() {
                let row = self.order[place] as usize;
                let (weight, sum) = levels[slots[row] as usize];
                sums[row] += smoothed_mean(weight, sum, a, priors[place]);
            }
            for place in block {
                learn(&mut levels, slots[self.order[place] as usize], place);
            }
            start = end as usize;
        }
    }
}

/// By place, the mean over all earlier blocks; where those have no weight, over all later ones.
fn earlier_means(targets: &[f64], weights: &[f64], ends: &[u32]) -> Vec<f64> {
    let each: Vec<u32>;
    let ends = if ends.is_empty() {
        each = (1..).take(targets.len()).collect();
        &each
    } else {
        ends
    };
    let mut means = vec![f64::NAN; targets.len()];
    let total = |block: std::ops::Range<usize>| {
        block.fold((0.0, 0.0), |(weight, sum), place| {
            let w = weights.get(place).copied().unwrap_or(1.0);
            (weight + w, sum + targets[place])
        })
    };
    let (mut weight, mut sum) = (0.0, 0.0);
    let (mut start, mut n_first) = (0, 0);
    for &end in ends {
        let block = start..end as usize;
        if weight > 0.0 {
            means[block.clone()].fill(sum / weight);
        } else {
            n_first += 1;
        }
        let (w, s) = total(block);
        (weight, sum, start) = (weight + w, sum + s, end as usize);
    }
    let (mut weight, mut sum) = (0.0, 0.0);
    for (i, &end) in ends.iter().enumerate().rev() {
        let start = if i == 0 { 0 } else { ends[i - 1] as usize };
        let block = start..end as usize;
        if i < n_first && weight > 0.0 {
            means[block.clone()].fill(sum / weight);
        }
        let (w, s) = total(block);
        (weight, sum) = (weight + w, sum + s);
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row against a loop over all rows before it.
    #[test]
    fn a_row_sees_the_blocks_before_its_own() {
        let y = [3.0, 1.0, 4.0, 1.5, 9.0, 2.5, 6.0];
        let w = [1.0, 0.5, 2.0, 0.0, 1.0, 3.0, 1.0];
        let slots = [0_u32, 1, 0, 1, 0, 2, 1];
        let time = [5.0, 1.0, 2.0, 1.0, 5.0, 7.0, 2.0];
        let a = 1.5;
        for weights in [&[][..], &w] {
            let weight = |row: usize| weights.get(row).copied().unwrap_or(1.0);
            let (order, ends) = by_time(&time);
            assert_eq!(order, [1, 3, 2, 6, 0, 4, 5]);
            assert_eq!(ends, [2, 4, 6, 7]);
            let pass = Pass::new(&[y.to_vec()], weights, None, order, ends);
            let mut found = vec![0.0; y.len()];
            pass.add(&slots, 3, None, 0, a, &mut found);
            for (row, found) in found.into_iter().enumerate() {
                let sums = |keep: &dyn Fn(usize) -> bool| {
                    let rows = (0..y.len()).filter(|&i| keep(i));
                    rows.fold((0.0, 0.0), |(n, s), i| {
                        (n + weight(i), s + weight(i) * y[i])
                    })
                };
                let mut all = sums(&|i| time[i] < time[row]);
                if all.0 == 0.0 {
                    all = sums(&|i| time[i] > time[row]);
                }
                let (n, s) = sums(&|i| time[i] < time[row] && slots[i] == slots[row]);
                assert!(
                    (found - (s + a * all.1 / all.0) / (n + a)).abs() < 1e-12,
                    "{row}"
                );
            }
        }
    }

    #[test]
    fn a_smoothed_mean_of_nothing_is_the_prior() {
        assert!((smoothed_mean(0.0, 0.0, 0.0, 7.0) - 7.0).abs() < f64::EPSILON);
        assert!((smoothed_mean(3.0, 6.0, 0.0, 7.0) - 2.0).abs() < f64::EPSILON);
        assert!((smoothed_mean(3.0, 6.0, 2.0, 7.0) - 4.0).abs() < f64::EPSILON);
    }
}
