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

/// How a bound is written that there is by default and need not be: `None` has a word of its own.
/// TOML knows no null, and an option that a file leaves out is the default.
pub(crate) mod or_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Bound {
        Number(usize),
        Word(Word),
    }

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        None,
    }

    #[allow(clippy::ref_option, reason = "serde gives the field")]
    pub(crate) fn serialize<S: Serializer>(
        value: &Option<usize>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        if !to.is_human_readable() {
            return value.serialize(to);
        }
        value
            .map_or(Bound::Word(Word::None), Bound::Number)
            .serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<usize>, D::Error> {
        if !from.is_human_readable() {
            return Option::deserialize(from);
        }
        Ok(match Option::deserialize(from)? {
            Some(Bound::Number(number)) => Some(number),
            Some(Bound::Word(Word::None)) | None => None,
        })
    }
}

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
