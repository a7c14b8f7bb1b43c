//! A method that sets an option and one that reads it, for each option; and checks of
//! options.

/// Writes `with_x(self, x) -> Self` under the given documentation, and the getter `x(&self)`; after
/// `in inner;` for options that are fields of a field.
macro_rules! options {
    (in $inner:ident; $($(#[$doc:meta])* $with:ident($field:ident: $kind:ty);)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $with(mut self, $field: $kind) -> Self {
                self.$inner.$field = $field;
                self
            }

            #[doc = concat!("See [`", stringify!($with), "`](Self::", stringify!($with), ").")]
            #[must_use]
            pub fn $field(&self) -> $kind {
                self.$inner.$field
            }
        )*
    };
    ($($(#[$doc:meta])* $with:ident($field:ident: $kind:ty);)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $with(mut self, $field: $kind) -> Self {
                self.$field = $field;
                self
            }

            #[doc = concat!("See [`", stringify!($with), "`](Self::", stringify!($with), ").")]
            #[must_use]
            pub fn $field(&self) -> $kind {
                self.$field
            }
        )*
    };
}
pub(crate) use options;

use crate::error::{Error, Result};

/// Checks that an option is finite and at least zero.
pub(crate) fn at_least_zero(name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::parameter(name, "finite and 0 or more", value))
}

/// Checks that an option is finite and above zero.
pub(crate) fn above_zero(name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::parameter(name, "finite and above 0", value))
}

/// Checks that a bound on a count, if there is one, is at least one.
pub(crate) fn none_or_at_least_one(name: &str, value: Option<usize>) -> Result<()> {
    value.map_or(Ok(()), |value| at_least_one(name, value))
}

/// Checks that a count is at least one.
pub(crate) fn at_least_one(name: &str, value: usize) -> Result<()> {
    if value >= 1 {
        return Ok(());
    }
    Err(Error::parameter(name, "1 or more", value))
}
