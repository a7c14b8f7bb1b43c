//! The minimum of a smooth convex function of many parameters, by L-BFGS.

use std::collections::VecDeque;
use std::ops::ControlFlow;

/// How many of the last steps shape the next one.
const MEMORY: usize = 10;
/// A step must lower the function by this share of what its slope promises.
const DECREASE: f64 = 1e-4;
/// The slope where a step ends may be at most this share of the one where it begins.
const CURVATURE: f64 = 0.9;
/// How many lengths of a step are tried at most.
const TRIALS: usize = 40;
/// The share of the function that rounding may add to it.
const ROUNDING: f64 = 1e-14;

/// How to begin, and when to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// The largest derivative in size at which to end.
    pub(super) tolerance: f64,
    pub(super) max_iterations: usize,
    /// About the second derivative at the start.
    pub(super) curvature: f64,
}

/// The minimum of `function`, which gives the value at its first argument and writes the gradient to
/// its second, from `start` on.
///
/// `watch` is told the number of each step, from 1, and the value that it led to, and may end all. Steps are
/// those of Nocedal (1980), their lengths such that the weak Wolfe conditions hold. The last
/// parameters are returned also if there was no end to it within `max_iterations`, or if rounding
/// ended it first.
pub(super) fn minimise<E>(
    start: Vec<f64>,
    settings: Settings,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    mut watch: impl FnMut(usize, f64) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    let n = start.len();
    let mut point = Point {
        value: 0.0,
        at: start,
        gradient: vec![0.0; n],
    };
    point.value = function(&point.at, &mut point.gradient);
    let mut next = point.clone();
    let mut history = History::new(settings.curvature);
    let mut direction = vec![0.0; n];
    for iteration in 1..=settings.max_iterations {
        if largest(&point.gradient) <= settings.tolerance {
            break;
        }
        history.direction(&point.gradient, &mut direction);
        if search(&point, &direction, &mut function, &mut next).is_break() {
            break;
        }
        history.add(&point, &next);
        std::mem::swap(&mut point, &mut next);
        watch(iteration, point.value)?;
    }
    Ok(point.at)
}

/// Parameters, and the function there.
#[derive(Debug, Clone)]
struct Point {
    value: f64,
    at: Vec<f64>,
    gradient: Vec<f64>,
}

/// Finds `next` along the direction; breaks if there is none that is lower.
fn search(
    from: &Point,
    direction: &[f64],
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
    next: &mut Point,
) -> ControlFlow<()> {
    let slope = dot(&from.gradient, direction);
    if slope.is_nan() || slope >= 0.0 {
        return ControlFlow::Break(());
    }
    let slack = ROUNDING * from.value.abs();
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..TRIALS {
        for ((next, &at), &d) in next.at.iter_mut().zip(&from.at).zip(direction) {
            *next = at + length * d;
        }
        next.value = function(&next.at, &mut next.gradient);
        let end_slope = dot(&next.gradient, direction);
        let is_low = next.value <= from.value + DECREASE * length * slope + slack;
        if !is_low || !end_slope.is_finite() {
            high = length;
            length = shorter(from.value, slope, next.value, end_slope, low, length);
        } else if end_slope < CURVATURE * slope {
            low = length;
            length = if high.is_finite() {
                f64::midpoint(low, high)
            } else {
                2.0 * length
            };
        } else {
            return ControlFlow::Continue(());
        }
    }
    ControlFlow::Break(())
}

/// A length below one that is too long: the minimum of the cubic through both ends' values and
/// slopes, kept away from either end.
fn shorter(
    value: f64,
    slope: f64,
    end_value: f64,
    end_slope: f64,
    shortest: f64,
    length: f64,
) -> f64 {
    let middle = f64::midpoint(shortest, length);
    let theta = 3.0 * (value - end_value) / length + slope + end_slope;
    let root = (theta * theta - slope * end_slope).sqrt();
    let minimum = length * (1.0 - (end_slope + root - theta) / (end_slope - slope + 2.0 * root));
    let margin = 0.1 * (length - shortest);
    if minimum.is_finite() {
        minimum.clamp(shortest + margin, length - margin)
    } else {
        middle
    }
}

/// The last steps and the changes of the gradient along them.
struct History {
    pairs: VecDeque<Pair>,
    curvature: f64,
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Their product.
    product: f64,
}

impl History {
    fn new(curvature: f64) -> Self {
        Self {
            pairs: VecDeque::with_capacity(MEMORY),
            curvature,
        }
    }

    fn add(&mut self, from: &Point, to: &Point) {
        let mut pair = if self.pairs.len() == MEMORY {
            self.pairs.pop_front()
        } else {
            None
        }
        .unwrap_or_else(|| Pair {
            step: vec![0.0; from.at.len()],
            change: vec![0.0; from.at.len()],
            product: 0.0,
        });
        difference(&to.at, &from.at, &mut pair.step);
        difference(&to.gradient, &from.gradient, &mut pair.change);
        pair.product = dot(&pair.step, &pair.change);
        let squares = dot(&pair.change, &pair.change);
        if pair.product > 1e-14 * squares.sqrt() * dot(&pair.step, &pair.step).sqrt() {
            self.curvature = squares / pair.product;
            self.pairs.push_back(pair);
        }
    }

    /// Minus the gradient times an estimate of the inverse of the second derivatives.
    fn direction(&self, gradient: &[f64], direction: &mut [f64]) {
        for (d, g) in direction.iter_mut().zip(gradient) {
            *d = -g;
        }
        let mut shares = [0.0; MEMORY];
        for (pair, share) in self.pairs.iter().zip(&mut shares).rev() {
            *share = dot(&pair.step, direction) / pair.product;
            add_multiple(direction, -*share, &pair.change);
        }
        for d in direction.iter_mut() {
            *d /= self.curvature;
        }
        for (pair, share) in self.pairs.iter().zip(shares) {
            let other = dot(&pair.change, direction) / pair.product;
            add_multiple(direction, share - other, &pair.step);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| v.abs().max(most))
}

fn difference(a: &[f64], b: &[f64], out: &mut [f64]) {
    for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
        *out = a - b;
    }
}

fn add_multiple(to: &mut [f64], factor: f64, values: &[f64]) {
    for (to, v) in to.iter_mut().zip(values) {
        *to += factor * v;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        tolerance: 1e-9,
        max_iterations: 500,
        curvature: 1.0,
    };

    /// The parameters at the end, and how often the function was evaluated.
    fn minimum(
        start: Vec<f64>,
        settings: Settings,
        function: impl Fn(&[f64], &mut [f64]) -> f64,
    ) -> (Vec<f64>, usize) {
        let mut n_evaluations = 0;
        let counted = |at: &[f64], gradient: &mut [f64]| {
            n_evaluations += 1;
            function(at, gradient)
        };
        let end: Result<_, ()> = minimise(start, settings, counted, |_, _| Ok(()));
        (end.unwrap(), n_evaluations)
    }

    #[test]
    fn a_quadratic_of_uneven_curvature_is_solved() {
        let curvatures: Vec<f64> = (0..30).map(|i| 1.5_f64.powi(i % 15)).collect();
        let quadratic = |at: &[f64], gradient: &mut [f64]| {
            let mut value = 0.0;
            for (j, g) in gradient.iter_mut().enumerate() {
                let away = at[j] - j as f64;
                value += 0.5 * curvatures[j] * away * away;
                *g = curvatures[j] * away;
            }
            value
        };
        let (end, n_evaluations) = minimum(vec![0.0; 30], SETTINGS, quadratic);
        for (j, v) in end.iter().enumerate() {
            assert!((v - j as f64).abs() < 1e-8, "{j}: {v}");
        }
        // scipy 1.17 (`L-BFGS-B`) needs 181.
        assert!(n_evaluations < 200, "{n_evaluations}");
    }

    #[test]
    fn first_steps_that_are_far_too_long_or_short_are_mended() {
        let bowl = |at: &[f64], gradient: &mut [f64]| {
            let root = (1.0 + at[0] * at[0]).sqrt();
            gradient[0] = at[0] / root;
            root
        };
        for curvature in [1e-6, 1.0, 1e6] {
            let settings = Settings {
                curvature,
                ..SETTINGS
            };
            let (end, n_evaluations) = minimum(vec![1e3], settings, bowl);
            assert!(end[0].abs() < 1e-8, "{}", end[0]);
            assert!(n_evaluations < 100, "{n_evaluations}");
        }
    }

    #[test]
    fn a_step_into_no_number_is_shortened() {
        // -ln(x) + x is not defined below 0.
        let barrier = |at: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0 - 1.0 / at[0];
            at[0] - at[0].ln()
        };
        let settings = Settings {
            curvature: 1e-3,
            ..SETTINGS
        };
        let (end, _) = minimum(vec![5.0], settings, barrier);
        assert!((end[0] - 1.0).abs() < 1e-8, "{}", end[0]);
    }

    #[test]
    fn what_has_no_minimum_ends() {
        let (end, n_evaluations) = minimum(vec![0.0], SETTINGS, |at, gradient| {
            gradient[0] = -(-at[0]).exp();
            (-at[0]).exp()
        });
        assert!(end[0] > 15.0 && end[0].is_finite() && n_evaluations < 200);
        let (end, n_evaluations) = minimum(vec![0.0], SETTINGS, |at, gradient| {
            gradient[0] = -1.0;
            -at[0]
        });
        assert!(end[0].is_finite() && n_evaluations <= TRIALS + 1);
    }

    #[test]
    fn whoever_watches_may_end_it() {
        let slope = |at: &[f64], gradient: &mut [f64]| {
            gradient[0] = at[0];
            0.5 * at[0] * at[0]
        };
        let settings = Settings {
            curvature: 3.0,
            ..SETTINGS
        };
        let end = minimise(vec![1.0], settings, slope, |iteration, _| {
            if iteration == 2 {
                Err("enough")
            } else {
                Ok(())
            }
        });
        assert_eq!(end, Err("enough"));
    }
}
