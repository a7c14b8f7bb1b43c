//! Seeds with children by name and index: the same draw on one thread or sixteen.
//!
//! A [`Seed`] is a number. A component never draws from its parent's stream; it asks for a child
//! by name (`seed.child("forest")`), and its parts by index (`.at(fold)`), so that what is drawn
//! depends on the path alone, not on what ran before or beside it.
//!
//! ```
//! use stackfold::random::Seed;
//! let seed = Seed::new(7);
//! assert_eq!(seed.child("forest").at(3), seed.child("forest").at(3));
//! assert_ne!(seed.child("forest").at(3), seed.child("forest").at(4));
//! assert_ne!(seed.child("forest"), seed.child("trees"));
//! let mut rows: Vec<u32> = (0..100).collect();
//! seed.child("folds").stream().shuffle(&mut rows);
//! rows.sort_unstable();
//! assert_eq!(rows, (0..100).collect::<Vec<u32>>());
//! ```

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// The root or an inner node of a tree of seeds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Seed(u64);

impl Seed {
    /// The root of a tree of seeds.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number itself, for a back end that wants one.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// The child with this name: FNV-1a of the name, mixed into the seed.
    #[must_use]
    pub fn child(self, name: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(mix(self.0 ^ mix(hash)))
    }

    /// The child with this index.
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        Self(self.hash(index as u64))
    }

    /// A stream of draws that starts here: for draws made in one fixed order.
    #[must_use]
    pub fn stream(self) -> Stream {
        Stream(Xoshiro256PlusPlus::seed_from_u64(self.0))
    }

    /// 64 random bits for an index, with no state: for draws made in any order.
    #[must_use]
    pub fn hash(self, index: u64) -> u64 {
        mix(self
            .0
            .wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A uniform draw from [0, 1) for an index, with no state.
    #[must_use]
    pub fn uniform(self, index: u64) -> f64 {
        to_unit(self.hash(index))
    }

    /// A standard normal draw for an index, with no state (Box and Muller 1958, the cosine half).
    #[must_use]
    pub fn normal(self, index: u64) -> f64 {
        let bits = self.hash(index);
        box_muller(to_unit(bits), to_unit(mix(bits)))
    }
}

/// Draws in one fixed order.
#[derive(Debug, Clone)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform draw from [0, 1).
    pub fn uniform(&mut self) -> f64 {
        to_unit(self.next_u64())
    }

    /// A standard normal draw (Box and Muller 1958, the cosine half).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (self.uniform(), self.uniform());
        box_muller(u, v)
    }

    /// A uniform draw from `0..n`, by the high half of a 128-bit product; 0 if `n` is 0.
    ///
    /// Its bias is below `n / 2^64`.
    pub fn below(&mut self, n: usize) -> usize {
        let product = u128::from(self.next_u64()) * n as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// Puts the items in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood 2014).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The upper 53 bits as a number in [0, 1).
fn to_unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

fn box_muller(u: f64, v: f64) -> f64 {
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
