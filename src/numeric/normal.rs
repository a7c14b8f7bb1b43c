//! The standard normal distribution: its tails, and its quantiles.

/// The chance that a standard normal variable is at least `|z|` from 0.
pub(crate) fn two_sided_p(z: f64) -> f64 {
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

/// The `x` for which a standard normal draw is below `x` with probability `p`, `0 < p < 1`.
///
/// Wichura 1988, *Algorithm AS 241: the percentage points of the normal distribution*, PPND16:
/// rational approximations in three regions, about 16 digits.
#[allow(
    clippy::excessive_precision,
    clippy::unreadable_literal,
    reason = "coefficients as they were published"
)]
pub(crate) fn inverse_normal(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * polynomial(
            r,
            &[
                3.3871328727963666080e0,
                1.3314166789178437745e2,
                1.9715909503065514427e3,
                1.3731693765509461125e4,
                4.5921953931549871457e4,
                6.7265770927008700853e4,
                3.3430575583588128105e4,
                2.5090809287301226727e3,
            ],
        ) / polynomial(
            r,
            &[
                1.0,
                4.2313330701600911252e1,
                6.8718700749205790830e2,
                5.3941960214247511077e3,
                2.1213794301586595867e4,
                3.9307895800092710610e4,
                2.8729085735721942674e4,
                5.2264952788528545610e3,
            ],
        );
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-tail.ln()).sqrt();
    let x = if r <= 5.0 {
        let r = r - 1.6;
        polynomial(
            r,
            &[
                1.42343711074968357734e0,
                4.63033784615654529590e0,
                5.76949722146069140550e0,
                3.64784832476320460504e0,
                1.27045825245236838258e0,
                2.41780725177450611770e-1,
                2.27238449892691845833e-2,
                7.74545014278341407640e-4,
            ],
        ) / polynomial(
            r,
            &[
                1.0,
                2.05319162663775882187e0,
                1.67638483018380384940e0,
                6.89767334985100004550e-1,
                1.48103976427480074590e-1,
                1.51986665636164571966e-2,
                5.47593808499534494600e-4,
                1.05075007164441684324e-9,
            ],
        )
    } else {
        let r = r - 5.0;
        polynomial(
            r,
            &[
                6.65790464350110377720e0,
                5.46378491116411436990e0,
                1.78482653991729133580e0,
                2.96560571828504891230e-1,
                2.65321895265761230930e-2,
                1.24266094738807843860e-3,
                2.71155556874348757815e-5,
                2.01033439929228813265e-7,
            ],
        ) / polynomial(
            r,
            &[
                1.0,
                5.99832206555887937690e-1,
                1.36929880922735805310e-1,
                1.48753612908506148525e-2,
                7.86869131145613259100e-4,
                1.84631831751005468180e-5,
                1.42151175831644588870e-7,
                2.04426310338993978564e-15,
            ],
        )
    };
    x.copysign(q)
}

/// Horner's rule; coefficients from the constant on.
#[inline]
fn polynomial(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
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

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.norm.ppf(p), scipy 1.17.1
        for (p, x) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.1, -1.281_551_565_544_600_4),
            (0.001, -3.090_232_306_167_813),
            (1e-7, -5.199_337_582_192_816),
            (1e-20, -9.262_340_089_798_408),
        ] {
            assert!(
                (inverse_normal(p) - x).abs() < 1e-13 * (1.0 + x.abs()),
                "{p}"
            );
        }
    }

    #[test]
    fn quantiles_have_their_tails() {
        for p in [1e-12, 1e-7, 0.003, 0.2, 0.49] {
            let found = two_sided_p(inverse_normal(p));
            assert!((found / (2.0 * p) - 1.0).abs() < 1e-9, "{p}: {found}");
        }
    }
}
