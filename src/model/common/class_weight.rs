//! Weights of classes.

use serde::{Deserialize, Serialize};

use crate::data::{DynTarget, RowIndex};
use crate::error::{Error, Result};

/// How much the rows of each class count.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ClassWeight {
    /// As they are.
    #[default]
    Equal,
    /// Each class as much as any other: `n / (K n_k)`, by the rows' weights if they have any.
    ///
    /// Probabilities are then those of a population whose classes are of one size.
    Balanced,
    /// These factors, by class name; 1 for a class that is not named.
    Given(Vec<(String, f64)>),
}

impl ClassWeight {
    /// The rows' weights times those of their classes.
    pub(crate) fn apply(
        &self,
        target: &dyn DynTarget,
        weights: Option<Vec<f64>>,
    ) -> Result<Option<Vec<f64>>> {
        if *self == Self::Equal {
            return Ok(weights);
        }
        let names = target.class_names();
        if names.is_empty() {
            let expected = "Equal, as the target has no classes";
            return Err(Error::parameter(
                "class_weight",
                expected,
                format!("{self:?}"),
            ));
        }
        let codes = target.strata(RowIndex::All(target.n_rows()));
        let mut weights = weights.unwrap_or_else(|| vec![1.0; codes.len()]);
        let factors: Vec<f64> = match self {
            Self::Equal => vec![1.0; names.len()],
            Self::Balanced => {
                let mut sums = vec![0.0; names.len()];
                for (&code, &weight) in codes.iter().zip(&weights) {
                    sums[code as usize] += weight;
                }
                let total: f64 = sums.iter().sum();
                let n_present = sums.iter().filter(|&&sum| sum > 0.0).count() as f64;
                let factor = |sum: f64| {
                    if sum > 0.0 {
                        total / (n_present * sum)
                    } else {
                        0.0
                    }
                };
                sums.into_iter().map(factor).collect()
            }
            Self::Given(given) => {
                let mut factors = vec![1.0; names.len()];
                for (name, factor) in given {
                    let Some(class) = names.iter().position(|n| n == name) else {
                        let expected = format!("names of classes ({})", names.join(", "));
                        return Err(Error::parameter("class_weight", expected, name));
                    };
                    if !factor.is_finite() || *factor < 0.0 {
                        let expected = "finite and 0 or more";
                        return Err(Error::parameter("class_weight", expected, factor));
                    }
                    factors[class] = *factor;
                }
                factors
            }
        };
        for (weight, &code) in weights.iter_mut().zip(&codes) {
            *weight *= factors[code as usize];
        }
        Ok(Some(weights))
    }
}
