//! Names that are made up, beside those that are given.

use std::collections::HashSet;

/// Makes names differ: a name that stands already gets the first of `_2`, `_3` … that does not.
#[derive(Debug, Default)]
pub(crate) struct UniqueNames(HashSet<String>);

impl UniqueNames {
    /// Beside these names, which stand.
    pub(crate) fn beside<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }

    pub(crate) fn take(&mut self, name: String) -> String {
        if self.0.insert(name.clone()) {
            return name;
        }
        let mut number = 2;
        loop {
            let unique = format!("{name}_{number}");
            if self.0.insert(unique.clone()) {
                return unique;
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_to_differ() {
        let mut names = UniqueNames::beside(["a_2"]);
        let taken = ["a", "a_2", "a", "a"].map(|name| names.take(name.to_owned()));
        assert_eq!(taken, ["a", "a_2_2", "a_3", "a_4"]);
    }
}
