//! Two halves of the rows that vectors are learned from, and what both of them found.
//!
//! A network gives every level a vector, of a column that has nothing to do with the target too.
//! What tells the two apart is another network, trained on other rows: what the target does to a
//! level comes back there, and noise does not.

use super::gauge::Vectors;

/// An axis is kept if the covariance between halves is so many standard errors above 0.
const N_ERRORS: f64 = 2.0;

/// A half's vectors of a column, and the weight of each slot's rows in the half.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) vectors: Vectors,
    pub(super) weights: Vec<f64>,
}

/// The mean of both halves' vectors, weighted as their rows are; 0 along axes on which the halves
/// have nothing in common.
///
/// Along an axis level `l` has `a` in one half, of rows of weight `n`, and `b` in the other, of `m`,
/// both less their means over levels, weighted by `w = n + m`. Were `a` and `b` a common value and
/// noise of variance `τ / n` and `τ / m`, `τ` would be the mean of `(a - b)² n m / w`, and without a
/// common value the covariance `Σ w a b / Σ w` would have the mean 0 and the standard error
/// `√(Σ w² τ² / (n m)) / Σ w`. Levels that only one half has say nothing.
pub(super) fn in_common(a: &Half, b: &Half) -> Vectors {
    let size = a.vectors.size;
    let mut common = Vectors::zeros_like(&a.vectors);
    for axis in 0..size {
        let levels: Vec<Level> = (0..a.weights.len())
            .map(|slot| Level {
                a: a.vectors.row(slot)[axis],
                b: b.vectors.row(slot)[axis],
                n: a.weights[slot],
                m: b.weights[slot],
            })
            .collect();
        let Some((mean_a, mean_b)) = means_if_in_common(&levels) else {
            continue;
        };
        for (slot, level) in levels.iter().enumerate() {
            let (a, b) = (level.a - mean_a, level.b - mean_b);
            let mean = if level.n + level.m > 0.0 {
                (level.n * a + level.m * b) / (level.n + level.m)
            } else {
                f64::midpoint(a, b)
            };
            common.values[slot * size + axis] = mean;
        }
    }
    common
}

/// A level along an axis, in both halves.
struct Level {
    a: f64,
    b: f64,
    n: f64,
    m: f64,
}

/// The means over levels in both halves, if their covariance stands out.
fn means_if_in_common(levels: &[Level]) -> Option<(f64, f64)> {
    let in_both: Vec<&Level> = levels.iter().filter(|l| l.n > 0.0 && l.m > 0.0).collect();
    let total: f64 = in_both.iter().map(|l| l.n + l.m).sum();
    let mean = |of: fn(&Level) -> f64| {
        let sum: f64 = in_both.iter().map(|l| (l.n + l.m) * of(l)).sum();
        sum / total
    };
    let (mean_a, mean_b) = (mean(|l| l.a), mean(|l| l.b));
    let (mut covariance, mut noise, mut error) = (0.0, 0.0, 0.0);
    for level in &in_both {
        let weight = level.n + level.m;
        let (a, b) = (level.a - mean_a, level.b - mean_b);
        covariance += weight * a * b;
        noise += (a - b).powi(2) * level.n * level.m / weight;
        error += weight.powi(2) / (level.n * level.m);
    }
    noise /= in_both.len().saturating_sub(1).max(1) as f64;
    (covariance > N_ERRORS * noise * error.sqrt()).then_some((mean_a, mean_b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;

    const N_LEVELS: usize = 40;

    /// Vectors of two numbers: the level's value times `signal`, and noise of variance 1 / weight.
    fn half(signal: [f64; 2], seed: Seed, weight: impl Fn(usize) -> f64) -> Half {
        let weights: Vec<f64> = (0..N_LEVELS).map(weight).collect();
        let mut values = Vec::new();
        for (level, weight) in weights.iter().enumerate() {
            for (axis, signal) in signal.iter().enumerate() {
                let value = Seed::new(1).child("levels").at(axis).normal(level as u64);
                let noise = seed.at(axis).normal(level as u64) / weight.max(1.0).sqrt();
                values.push(signal * value + noise);
            }
        }
        let vectors = Vectors { size: 2, values };
        Half { vectors, weights }
    }

    fn is_kept(common: &Vectors, axis: usize) -> bool {
        common.values.chunks_exact(2).any(|x| x[axis] != 0.0)
    }

    #[test]
    fn what_both_halves_have_is_kept_and_noise_is_not() {
        let (mut kept, mut found) = (0, 0);
        for i in 0..400 {
            let seed = Seed::new(2).at(i);
            let weight = |level: usize| 1.0 + (level % 5) as f64;
            let a = half([1.0, 0.0], seed.child("a"), weight);
            let b = half([1.0, 0.0], seed.child("b"), |level| weight(level + 2));
            let common = in_common(&a, &b);
            kept += usize::from(is_kept(&common, 0));
            found += usize::from(is_kept(&common, 1));
        }
        // One in 44 if noise were known; it is estimated from the same levels.
        assert!(kept == 400 && found < 32, "{kept} {found}");
    }

    #[test]
    fn what_is_kept_is_the_weighted_mean() {
        let (seed_a, seed_b) = (Seed::new(3), Seed::new(4));
        // The last two levels are in one half, and in none.
        let a = half([5.0, 5.0], seed_a, |level| match N_LEVELS - level {
            1 => 0.0,
            _ => 2.0 + (level % 3) as f64,
        });
        let b = half([5.0, 5.0], seed_b, |level| match N_LEVELS - level {
            1 | 2 => 0.0,
            _ => 1.0 + (level % 5) as f64,
        });
        let common = in_common(&a, &b);
        for axis in 0..2 {
            let both = 0..N_LEVELS - 2;
            let weight = |l: usize| a.weights[l] + b.weights[l];
            let total: f64 = both.clone().map(weight).sum();
            let centre = |half: &Half| {
                let of = |l: usize| weight(l) * half.vectors.row(l)[axis];
                both.clone().map(of).sum::<f64>() / total
            };
            let (mean_a, mean_b) = (centre(&a), centre(&b));
            for level in 0..N_LEVELS {
                let x = a.vectors.row(level)[axis] - mean_a;
                let y = b.vectors.row(level)[axis] - mean_b;
                let expected = match level {
                    level if level == N_LEVELS - 1 => f64::midpoint(x, y),
                    level if level == N_LEVELS - 2 => x,
                    _ => (a.weights[level] * x + b.weights[level] * y) / weight(level),
                };
                assert!(
                    (common.row(level)[axis] - expected).abs() < 1e-12,
                    "{level}"
                );
            }
        }
    }

    #[test]
    fn levels_of_one_half_say_nothing() {
        let in_a = |level: usize| f64::from(u8::from(level < 20));
        let a = half([1.0, 1.0], Seed::new(5), in_a);
        let b = half([1.0, 1.0], Seed::new(6), |level| 1.0 - in_a(level));
        assert!(in_common(&a, &b).values.iter().all(|&x| x == 0.0));
        // Nor does a single one.
        let one = |level: usize| f64::from(u8::from(level == 3));
        let a = half([1.0, 1.0], Seed::new(5), one);
        let b = half([1.0, 1.0], Seed::new(5), one);
        assert!(in_common(&a, &b).values.iter().all(|&x| x == 0.0));
    }
}
