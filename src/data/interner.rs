//! Codes for texts, numbered as they first appear.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::{Levels, MISSING_CODE};

/// Gives equal texts one code.
#[derive(Debug)]
pub(crate) struct Interner {
    names: Vec<String>,
    places: Places,
}

impl Default for Interner {
    fn default() -> Self {
        /// Fills a table of 256 bytes of marks and 1 kB of codes: parts of files seldom have more.
        const ROOM: usize = 224;
        Self {
            names: Vec::new(),
            places: Places(HashTable::with_capacity(ROOM)),
        }
    }
}

impl Interner {
    /// The code of a text: that of its first appearance, or the next.
    #[inline]
    pub(crate) fn code(&mut self, text: &str) -> u32 {
        let hash = hash(text);
        match self.places.find(hash, &self.names, text) {
            Some(code) => code,
            None => self.add(hash, text),
        }
    }

    #[cold]
    fn add(&mut self, hash: u64, text: &str) -> u32 {
        self.names.push(text.to_owned());
        let code = u32::try_from(self.names.len() - 1).unwrap_or(MISSING_CODE);
        self.places.insert(hash, code, &self.names);
        code
    }

    /// The texts by their codes.
    pub(crate) fn into_levels(mut self) -> Levels {
        self.names.shrink_to_fit();
        Levels::from_distinct(self.names)
    }
}

/// Where names are in a slice that is kept beside.
#[derive(Debug, Clone)]
pub(super) struct Places(HashTable<u32>);

impl Places {
    pub(super) fn of(names: &[String]) -> Self {
        let mut places = Self(HashTable::with_capacity(names.len()));
        for (name, code) in names.iter().zip(0..) {
            places.insert(hash(name), code, names);
        }
        places
    }

    /// The code of a name, which is its place among those that this was made of.
    pub(super) fn code(&self, names: &[String], name: &str) -> Option<u32> {
        self.find(hash(name), names, name)
    }

    #[inline]
    fn find(&self, hash: u64, names: &[String], name: &str) -> Option<u32> {
        let is_it = |&code: &u32| names[code as usize] == name;
        self.0.find(hash, is_it).copied()
    }

    fn insert(&mut self, hash: u64, code: u32, names: &[String]) {
        let hash_of = |&code: &u32| self::hash(&names[code as usize]);
        self.0.insert_unique(hash, code, hash_of);
    }
}

#[inline]
fn hash(text: &str) -> u64 {
    FixedState::default().hash_one(text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::random::Seed;

    #[test]
    fn codes_are_places_of_first_appearance() {
        let seed = Seed::new(5);
        // Few letters, NUL among them, so that texts differ by length and place alone.
        let texts: Vec<String> = (0..20_000)
            .map(|i| {
                let seed = seed.at(i);
                let len = seed.hash(0) % 21;
                let letter = |k| ["a", "\0", "é"][(seed.hash(1 + k) % 3) as usize];
                (0..len).map(letter).collect()
            })
            .collect();
        let mut interner = Interner::default();
        let mut expected: HashMap<&str, u32> = HashMap::new();
        for text in &texts {
            let next = u32::try_from(expected.len()).unwrap();
            let code = *expected.entry(text).or_insert(next);
            assert_eq!(interner.code(text), code, "{text:?}");
        }
        let places = Places::of(&interner.names);
        for text in &texts {
            assert_eq!(
                places.code(&interner.names, text),
                Some(expected[text.as_str()])
            );
        }
        assert_eq!(places.code(&interner.names, "b"), None);
        let levels = interner.into_levels();
        assert_eq!(levels.len(), expected.len());
        for text in &texts {
            assert_eq!(levels.name(expected[text.as_str()]), Some(text.as_str()));
        }
    }
}
