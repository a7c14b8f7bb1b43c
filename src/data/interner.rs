//! Codes for texts, numbered as they first appear.

use rustc_hash::FxHashMap;

use super::{Levels, MISSING_CODE};

/// Gives equal texts one code.
///
/// A text of at most 16 bytes is two integers and a length, which a table of its own compares; longer
/// ones are hashed.
#[derive(Debug)]
pub(crate) struct Interner<'a> {
    names: Vec<String>,
    /// A power of two of places, at most half of them taken; a text is at the first free place from
    /// its hash on.
    short: Vec<Option<Short>>,
    n_short: usize,
    long: FxHashMap<&'a str, u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    start: u64,
    end: u64,
    len: u32,
}

#[derive(Debug, Clone, Copy)]
struct Short {
    key: Key,
    code: u32,
}

impl Key {
    /// None if the text is too long.
    #[inline]
    fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        // The pieces overlap, or are one and the same: with the length they tell the text.
        let (start, end) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(start), Some(end)) if bytes.len() <= 16 => {
                (u64::from_le_bytes(*start), u64::from_le_bytes(*end))
            }
            (Some(_), _) => return None,
            _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                (Some(start), Some(end)) => (
                    u64::from(u32::from_le_bytes(*start)),
                    u64::from(u32::from_le_bytes(*end)),
                ),
                _ => match *bytes {
                    [] => (0, 0),
                    [a] => (u64::from(a), 0),
                    [a, b] => (u64::from(a), u64::from(b)),
                    [a, b, c, ..] => (u64::from(a), u64::from(b) | u64::from(c) << 8),
                },
            },
        };
        let len = u32::try_from(bytes.len()).ok()?;
        Some(Self { start, end, len })
    }

    #[inline]
    fn hash(self) -> usize {
        let mixed = self.start.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ self.end.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        let mixed =
            (mixed ^ (mixed >> 32) ^ u64::from(self.len)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        usize::try_from(mixed >> 32).unwrap_or_default()
    }
}

impl<'a> Interner<'a> {
    pub(crate) fn new() -> Self {
        Self {
            names: Vec::new(),
            short: vec![None; 128],
            n_short: 0,
            long: FxHashMap::default(),
        }
    }

    /// The code of a text: that of its first appearance, or the next.
    #[inline]
    pub(crate) fn code(&mut self, text: &'a str) -> u32 {
        let Some(key) = Key::of(text) else {
            if let Some(&code) = self.long.get(text) {
                return code;
            }
            let code = self.push(text);
            self.long.insert(text, code);
            return code;
        };
        let mut place = key.hash() & (self.short.len() - 1);
        loop {
            match self.short[place] {
                Some(found) if found.key == key => return found.code,
                Some(_) => place = (place + 1) & (self.short.len() - 1),
                None => return self.add(key, place, text),
            }
        }
    }

    #[cold]
    fn add(&mut self, key: Key, place: usize, text: &str) -> u32 {
        let code = self.push(text);
        self.short[place] = Some(Short { key, code });
        self.n_short += 1;
        if self.n_short * 2 > self.short.len() {
            let places = vec![None; self.short.len() * 4];
            let texts = std::mem::replace(&mut self.short, places);
            let mask = self.short.len() - 1;
            for text in texts.into_iter().flatten() {
                let mut place = text.key.hash() & mask;
                while self.short[place].is_some() {
                    place = (place + 1) & mask;
                }
                self.short[place] = Some(text);
            }
        }
        code
    }

    fn push(&mut self, text: &str) -> u32 {
        self.names.push(text.to_owned());
        u32::try_from(self.names.len() - 1).unwrap_or(MISSING_CODE)
    }

    /// The texts by their codes.
    pub(crate) fn into_levels(self) -> Levels {
        Levels::from_distinct(self.names)
    }
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
        let mut interner = Interner::new();
        let mut expected: HashMap<&str, u32> = HashMap::new();
        for text in &texts {
            let next = u32::try_from(expected.len()).unwrap();
            let code = *expected.entry(text).or_insert(next);
            assert_eq!(interner.code(text), code, "{text:?}");
        }
        let levels = interner.into_levels();
        assert_eq!(levels.len(), expected.len());
        for text in &texts {
            assert_eq!(levels.name(expected[text.as_str()]), Some(text.as_str()));
        }
    }
}
