//! How sure an AUC is: its standard error, and a test of two.
//!
//! DeLong, DeLong and Clarke-Pearson (1988): the AUC is a mean over positive rows of the chance
//! that the row scores above a negative one, and likewise over negative rows; the variances of
//! these chances give that of the AUC. Sun and Xu (2014) get all chances from ranks in
//! O(n log n).

use super::Interval;
use super::binary;
use crate::error::{Error, Result};
use crate::numeric::normal::two_sided_p;

/// An AUC, its standard error and an approximate 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AucEstimate {
    auc: f64,
    standard_error: f64,
}

impl AucEstimate {
    /// The AUC.
    #[must_use]
    pub fn auc(&self) -> f64 {
        self.auc
    }

    /// Its standard error.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        self.standard_error
    }

    /// The AUC plus and minus 1.96 standard errors, cut off at 0 and 1.
    #[must_use]
    pub fn interval(&self) -> Interval {
        let interval = Interval::from_standard_error(self.auc, self.standard_error);
        Interval {
            low: interval.low.max(0.0),
            high: interval.high.min(1.0),
            ..interval
        }
    }
}

/// The AUC of scores with its standard error.
///
/// With `m` positive and `n` negative rows, and `V10` (one for each positive row) and `V01` (one
/// for each negative row) the shares of rows of the other class that a row is rightly on the side
/// of, ties counting half, the variance is `var(V10) / m + var(V01) / n`; variances are of samples.
///
/// ```
/// use stackfold::metrics::binary::delong;
/// let positive = [false, false, true, true];
/// let found = delong(&positive, &[0.1, 0.4, 0.35, 0.8])?;
/// assert_eq!(found.auc(), 0.75);
/// // V10 is 0.5 and 1, V01 is 1 and 0.5: each has variance 0.125.
/// assert!((found.standard_error() - 0.125_f64.sqrt()).abs() < 1e-15);
/// assert_eq!(found.interval().high, 1.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If one of the classes has fewer than two rows, lengths differ, or a score is not finite.
pub fn delong(positive: &[bool], scores: &[f64]) -> Result<AucEstimate> {
    let placements = Placements::new(positive, scores)?;
    Ok(AucEstimate {
        auc: binary::roc_auc(positive, scores, None)?,
        standard_error: placements.variance_of_mean().sqrt(),
    })
}

/// A paired test of two AUCs on the same rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AucTest {
    first: f64,
    second: f64,
    standard_error: f64,
}

impl AucTest {
    /// The AUC of the first scores.
    #[must_use]
    pub fn first(&self) -> f64 {
        self.first
    }

    /// The AUC of the second scores.
    #[must_use]
    pub fn second(&self) -> f64 {
        self.second
    }

    /// The first AUC minus the second.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.first - self.second
    }

    /// The standard error of the difference.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        self.standard_error
    }

    /// The difference in standard errors; 0 if there is no difference, and infinite if there is one
    /// that does not vary.
    #[must_use]
    pub fn z(&self) -> f64 {
        let difference = self.difference();
        if difference == 0.0 {
            0.0
        } else {
            difference / self.standard_error
        }
    }

    /// The chance of a difference at least as large, in either direction, if there were none: of
    /// a standard normal variable beyond `z`.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        two_sided_p(self.z())
    }

    /// The difference plus and minus 1.96 standard errors.
    #[must_use]
    pub fn interval(&self) -> Interval {
        Interval::from_standard_error(self.difference(), self.standard_error)
    }
}

/// Whether two predictions of the same rows differ in AUC by more than chance.
///
/// The variance of the difference is that of [`delong`] with the differences of `V10` and of `V01`
/// in their place, which holds their covariances.
///
/// ```
/// use stackfold::metrics::binary::delong_test;
/// let positive = [false, true, false, true, false, true];
/// let (good, fair) = ([0.1, 0.9, 0.2, 0.8, 0.3, 0.7], [0.1, 0.9, 0.5, 0.4, 0.6, 0.7]);
/// let test = delong_test(&positive, &good, &fair)?;
/// assert!((test.difference() - 2.0 / 9.0).abs() < 1e-15);
/// assert!(test.p_value() > 0.05); // six rows prove little
/// assert_eq!(delong_test(&positive, &good, &good)?.p_value(), 1.0);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`delong`].
pub fn delong_test(positive: &[bool], first: &[f64], second: &[f64]) -> Result<AucTest> {
    let (a, b) = (
        Placements::new(positive, first)?,
        Placements::new(positive, second)?,
    );
    let minus = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
    let difference = Placements {
        of_positive: minus(&a.of_positive, &b.of_positive),
        of_negative: minus(&a.of_negative, &b.of_negative),
    };
    Ok(AucTest {
        first: binary::roc_auc(positive, first, None)?,
        second: binary::roc_auc(positive, second, None)?,
        standard_error: difference.variance_of_mean().sqrt(),
    })
}

/// For each row, the share of rows of the other class that it is rightly above, or below.
struct Placements {
    of_positive: Vec<f64>,
    of_negative: Vec<f64>,
}

impl Placements {
    fn new(positive: &[bool], scores: &[f64]) -> Result<Self> {
        super::check::check_length("scores", positive.len(), scores.len())?;
        super::check::check_finite(scores)?;
        let of = |class: bool| -> Vec<f64> {
            let rows = scores.iter().zip(positive);
            rows.filter(|&(_, &p)| p == class)
                .map(|(&s, _)| s)
                .collect()
        };
        let (above, below) = (of(true), of(false));
        if above.len() < 2 || below.len() < 2 {
            return Err(Error::data(
                "two rows or more of each class",
                format!("{} positive and {} negative", above.len(), below.len()),
            ));
        }
        let (m, n) = (above.len() as f64, below.len() as f64);
        let all = midranks(&[&above[..], &below].concat());
        let (all_above, all_below) = all.split_at(above.len());
        // A row's rank among all, less its rank in its class, counts the other class's rows below.
        let of_positive = all_above.iter().zip(midranks(&above));
        let of_negative = all_below.iter().zip(midranks(&below));
        Ok(Self {
            of_positive: of_positive.map(|(all, own)| (all - own) / n).collect(),
            of_negative: of_negative
                .map(|(all, own)| 1.0 - (all - own) / m)
                .collect(),
        })
    }

    fn variance_of_mean(&self) -> f64 {
        [&self.of_positive, &self.of_negative]
            .into_iter()
            .map(|values| {
                let n = values.len() as f64;
                let mean = values.iter().sum::<f64>() / n;
                values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n
            })
            .sum()
    }
}

/// The rank of each value, from 1; equal values share the mean of their ranks.
fn midranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    #[allow(clippy::float_cmp, reason = "ties are exact")]
    for tie in order.chunk_by(|a, b| a.0 == b.0) {
        let rank = start as f64 + (tie.len() + 1) as f64 / 2.0;
        for &(_, row) in tie {
            ranks[row] = rank;
        }
        start += tie.len();
    }
    ranks
}
