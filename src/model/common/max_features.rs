//! How many features a tree may choose from.

use crate::error::{Error, Result};

/// How many features a tree (or a split of it) may choose from.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum MaxFeatures {
    /// The square root of their number, rounded down.
    Sqrt,
    /// A share of them, above 0 and at most 1, rounded down.
    Share(f64),
    /// So many, or all if there are fewer.
    Count(usize),
    /// All of them.
    All,
}

impl MaxFeatures {
    /// How many of `n_features`: at least one.
    pub(crate) fn of(self, n_features: usize) -> Result<usize> {
        self.check("max_features")?;
        let count = match self {
            Self::Sqrt => n_features.isqrt(),
            Self::Share(share) => {
                let wanted = share * n_features as f64;
                (1..=n_features).take_while(|&k| k as f64 <= wanted).count()
            }
            Self::Count(count) => count,
            Self::All => n_features,
        };
        Ok(count.clamp(1, n_features.max(1)))
    }

    /// Checks the share or the count of the option of this name.
    pub(crate) fn check(self, name: &str) -> Result<()> {
        match self {
            Self::Share(share) if !(share > 0.0 && share <= 1.0) => Err(Error::parameter(
                name,
                "a share above 0 and at most 1",
                share,
            )),
            Self::Count(0) => Err(Error::parameter(name, "1 or more", 0)),
            _ => Ok(()),
        }
    }
}
