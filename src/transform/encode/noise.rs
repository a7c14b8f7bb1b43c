//! Standard normal draws, many and cheap, by index.

use std::sync::LazyLock;

use crate::random::Seed;

const LAYERS: usize = 256;
/// Where the tail begins, for 256 layers of equal area.
const TAIL: f64 = 3.654_152_885_361_009;

static TABLES: LazyLock<Ziggurat> = LazyLock::new(Ziggurat::new);

/// Layers of equal area under `exp(-x^2 / 2)` (Marsaglia and Tsang 2000, "The ziggurat method for
/// generating random variables").
#[derive(Debug)]
pub(super) struct Ziggurat {
    /// Right edge of each layer; the last is 0.
    x: [f64; LAYERS + 1],
    /// The density there.
    y: [f64; LAYERS + 1],
}

impl Ziggurat {
    pub(super) fn get() -> &'static Self {
        &TABLES
    }

    fn new() -> Self {
        let density = |x: f64| (-0.5 * x * x).exp();
        // The base layer is a rectangle and the tail, which has the area of `tail_area()`.
        let area = TAIL * density(TAIL) + tail_area();
        let mut x = [0.0; LAYERS + 1];
        x[0] = area / density(TAIL);
        x[1] = TAIL;
        for i in 1..LAYERS - 1 {
            x[i + 1] = (-2.0 * (area / x[i] + density(x[i])).ln()).sqrt();
        }
        let y = x.map(density);
        Self { x, y }
    }

    /// The draw of an index: no state, so rows can be drawn in any order.
    #[inline]
    #[allow(
        clippy::cast_possible_wrap,
        reason = "the bits of a random integer make a signed one"
    )]
    pub(super) fn normal(&self, seed: Seed, index: usize) -> f64 {
        let bits = seed.hash(index as u64);
        // 8 bits for the layer and, from other bits, a uniform draw from [-1, 1).
        let layer = (bits & 0xff) as usize;
        let x = ((bits as i64) >> 10) as f64 * (1.0 / (1_i64 << 53) as f64) * self.x[layer];
        if x.abs() < self.x[layer + 1] {
            return x;
        }
        self.edge(seed.child("edge").at(index), layer, x)
    }

    /// The one draw in a hundred that a layer's rectangle does not decide.
    #[cold]
    fn edge(&self, seed: Seed, mut layer: usize, mut x: f64) -> f64 {
        let mut stream = seed.stream();
        loop {
            if x.abs() < self.x[layer + 1] {
                return x;
            }
            if layer == 0 {
                loop {
                    let beyond = -(1.0 - stream.uniform()).ln() / TAIL;
                    let height = -(1.0 - stream.uniform()).ln();
                    if height + height > beyond * beyond {
                        return (TAIL + beyond).copysign(x);
                    }
                }
            }
            let height = self.y[layer] + stream.uniform() * (self.y[layer + 1] - self.y[layer]);
            if height < (-0.5 * x * x).exp() {
                return x;
            }
            layer = stream.below(LAYERS);
            x = (2.0 * stream.uniform() - 1.0) * self.x[layer];
        }
    }
}

/// The area of `exp(-x^2 / 2)` right of [`TAIL`], by its continued fraction.
fn tail_area() -> f64 {
    let mut fraction = TAIL;
    for k in (1..=200).rev() {
        fraction = TAIL + f64::from(k) / fraction;
    }
    (-0.5 * TAIL * TAIL).exp() / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_close_at_the_top() {
        let tables = Ziggurat::new();
        assert!(tables.x[LAYERS - 1] > 0.0);
        assert!(tables.x[LAYERS].abs() < f64::EPSILON);
        let area = tables.x[LAYERS - 1] * (1.0 - tables.y[LAYERS - 1]);
        assert!((area - tables.x[0] * tables.y[1]).abs() < 1e-9, "{area}");
    }

    #[test]
    fn moments_and_tails_are_those_of_the_normal_distribution() {
        let n = 400_000;
        let seed = Seed::new(3);
        let draws: Vec<f64> = (0..n).map(|i| Ziggurat::get().normal(seed, i)).collect();
        let moment = |k: i32| draws.iter().map(|z| z.powi(k)).sum::<f64>() / n as f64;
        // Four standard errors: sqrt(Var(z^k) / n) with Var = 1, 2, 15, 96.
        let close = |found: f64, expected: f64, variance: f64| {
            (found - expected).abs() < 4.0 * (variance / n as f64).sqrt()
        };
        assert!(close(moment(1), 0.0, 1.0));
        assert!(close(moment(2), 1.0, 2.0));
        assert!(close(moment(3), 0.0, 15.0));
        assert!(close(moment(4), 3.0, 96.0));
        let beyond = |x: f64| draws.iter().filter(|z| **z > x).count() as f64 / n as f64;
        assert!(close(beyond(1.0), 0.158_655, 0.1335));
        assert!(close(beyond(TAIL), 1.29e-4, 1.29e-4));
        assert!(close(beyond(0.0), 0.5, 0.25));
    }
}
