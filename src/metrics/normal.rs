//! The normal distribution's tails.

/// The chance that a standard normal variable is at least `|z|` from 0.
pub(super) fn two_sided_p(z: f64) -> f64 {
    complementary_error(z.abs() / std::f64::consts::SQRT_2)
}

/// `erfc(x)` for `x` of 0 or more: below 2.5 by the series of `erf`, above by a continued fraction
/// (Abramowitz and Stegun 1964, 7.1.6 and 7.1.14).
fn complementary_error(x: f64) -> f64 {
    const SQRT_PI: f64 = 1.772_453_850_905_516;
    if x > 27.0 {
        return 0.0; // below the smallest positive number
    }
    let tail = (-x * x).exp();
    if x < 2.5 {
        let (mut term, mut sum) = (x, x);
        let mut n = 0.0;
        while term > sum * 1e-17 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - 2.0 / SQRT_PI * tail * sum;
    }
    let fraction = (1..=80)
        .rev()
        .fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    tail / SQRT_PI / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `erfc` from Abramowitz and Stegun 1964, table 7.1 (below 2) and 7.3's relation.
    #[test]
    fn tails_are_those_of_the_tables() {
        for (x, expected) in [
            (0.0, 1.0),
            (0.5, 1.0 - 0.520_499_877_8),
            (1.0, 1.0 - 0.842_700_792_9),
            (1.5, 1.0 - 0.966_105_146_5),
            (2.0, 1.0 - 0.995_322_265_0),
        ] {
            let found = complementary_error(x);
            assert!((found - expected).abs() < 1e-9, "{x}: {found}");
        }
        // The two ways meet.
        let (below, above) = (
            complementary_error(2.5 - 1e-12),
            complementary_error(2.5 + 1e-12),
        );
        assert!(((below - above) / above).abs() < 1e-10);
        assert!((two_sided_p(1.959_963_984_540_054) - 0.05).abs() < 1e-14);
        assert!((two_sided_p(-2.575_829_303_548_901) - 0.01).abs() < 1e-14);
        assert!(two_sided_p(f64::INFINITY) == 0.0);
    }
}
