//! Where bytes of some values are in a slice.

const ONES: u64 = 0x0101_0101_0101_0101;
const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Calls `visit` with each place where one of these bytes is, and the byte, in order, until it
/// breaks off.
///
/// Eight bytes at a time are compared as one integer, and 64 results are put in one more, whose
/// bits are gone through.
#[inline]
pub(super) fn for_each_place<const N: usize>(
    bytes: &[u8],
    needles: [u8; N],
    mut visit: impl FnMut(usize, u8) -> std::ops::ControlFlow<()>,
) {
    let patterns = needles.map(|needle| ONES * u64::from(needle));
    let (chunks, rest) = bytes.as_chunks::<64>();
    for (i, chunk) in chunks.iter().enumerate() {
        let mut found = 0_u64;
        let (words, _) = chunk.as_chunks::<8>();
        for (j, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let mut equal = 0;
            for pattern in patterns {
                let difference = word ^ pattern;
                // The first bit of a byte is set if the byte is zero.
                equal |= !(((difference & LOW_BITS) + LOW_BITS) | difference | LOW_BITS);
            }
            // Brings these eight bits together: the product's last byte has them in their order.
            let bits = (equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            found |= bits << (8 * j);
        }
        while found != 0 {
            let place = found.trailing_zeros() as usize;
            found &= found - 1;
            if visit(64 * i + place, chunk[place]).is_break() {
                return;
            }
        }
    }
    let start = 64 * chunks.len();
    for (i, &byte) in rest.iter().enumerate() {
        if needles.contains(&byte) && visit(start + i, byte).is_break() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::random::Seed;

    #[test]
    fn all_places_are_found_in_order() {
        let seed = Seed::new(1);
        for n in (0..200).chain([1_000]) {
            let byte = |i: u64| {
                [b',', b'\n', b'"', b'-', 0, 0x80, 0xac, b'+'][(seed.at(n).hash(i) % 8) as usize]
            };
            let bytes: Vec<u8> = (0..n as u64).map(byte).collect();
            let mut found = Vec::new();
            for_each_place(&bytes, [b',', b'\n'], |place, byte| {
                found.push((place, byte));
                ControlFlow::Continue(())
            });
            let all = bytes.iter().copied().enumerate();
            let expected: Vec<_> = all.filter(|(_, b)| [b',', b'\n'].contains(b)).collect();
            assert_eq!(found, expected);
            let mut n_visited = 0;
            for_each_place(&bytes, [b','], |_, _| {
                n_visited += 1;
                ControlFlow::Break(())
            });
            assert!(n_visited <= 1);
        }
    }
}
