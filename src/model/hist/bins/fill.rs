//! The bins of a whole column.

use super::{BinKind, FeatureBins};

/// Up to so many cuts are counted one by one, which goes for several values at a time.
const MOST_COUNTED: usize = 24;

/// Whole numbers are looked up if they span no more than this …
const WIDEST_LOOKED_UP: f32 = 1024.0;

/// … and have so many cuts.
const FEWEST_LOOKED_UP: usize = 8;

/// See [`FeatureBins::fill`].
pub(super) fn fill(bins: &FeatureBins, column: &[f32], rows: Option<&[u32]>, out: &mut [u8]) {
    const CHUNK: usize = 512;
    let search = match rows {
        None => Search::new(bins, column),
        Some(rows) => {
            let first: Vec<f32> = rows.iter().take(64).map(|&i| column[i as usize]).collect();
            Search::new(bins, &first)
        }
    };
    let Some(rows) = rows else {
        search.fill(bins, column, out);
        return;
    };
    let mut values = [0.0; CHUNK];
    for (rows, out) in rows.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
        let values = &mut values[..rows.len()];
        for (value, &row) in values.iter_mut().zip(rows) {
            *value = column[row as usize];
        }
        search.fill(bins, values, out);
    }
}

/// How bins are found; all ways give the same.
enum Search<'a> {
    /// Counts the cuts below a value.
    Count(&'a [f32]),
    /// Halves what is left of the cuts, after which infinities stand, so many times.
    Halve(Box<[f32; 256]>, u32),
    /// Looks up whole numbers from the first one on, and searches others.
    LookUp { first: i32, bin_of: Vec<u8> },
    /// Looks up codes.
    Code,
}

impl<'a> Search<'a> {
    /// The fastest way for a column that starts like this.
    fn new(bins: &'a FeatureBins, start: &[f32]) -> Self {
        let (cuts, &(low, high)) = match bins.kind() {
            BinKind::Number { cuts, range } => (cuts, range),
            BinKind::Code { .. } | BinKind::Statistic { .. } => return Self::Code,
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::float_cmp,
            reason = "whole is what the cast does not change"
        )]
        let whole = |v: f32| (v as i32 as f32 == v).then_some(v as i32);
        if let (Some(first), Some(last)) = (whole(low), whole(high))
            && high - low <= WIDEST_LOOKED_UP
            && cuts.len() >= FEWEST_LOOKED_UP
            && start
                .iter()
                .take(64)
                .all(|&v| v.is_nan() || whole(v).is_some())
        {
            let bin_of = (first..=last).map(|v| bins.bin(v as f32)).collect();
            return Self::LookUp { first, bin_of };
        }
        if cuts.len() <= MOST_COUNTED {
            return Self::Count(cuts);
        }
        let mut table = Box::new([f32::INFINITY; 256]);
        table[..cuts.len()].copy_from_slice(cuts);
        Self::Halve(table, usize::BITS - cuts.len().leading_zeros())
    }

    fn fill(&self, bins: &FeatureBins, values: &[f32], out: &mut [u8]) {
        let missing = bins.after_values();
        match self {
            Self::Count(cuts) => by_lanes(values, out, missing, |v| count(cuts, v)),
            Self::Halve(table, steps) => match steps {
                0..=5 => by_lanes(values, out, missing, |v| halve::<5>(table, v)),
                6 => by_lanes(values, out, missing, |v| halve::<6>(table, v)),
                7 => by_lanes(values, out, missing, |v| halve::<7>(table, v)),
                _ => by_lanes(values, out, missing, |v| halve::<8>(table, v)),
            },
            Self::LookUp { first, bin_of } => {
                for (out, &value) in out.iter_mut().zip(values) {
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        clippy::float_cmp,
                        reason = "whole is what the cast does not change"
                    )]
                    let place = {
                        let whole = value as i32;
                        (whole as f32 == value).then_some(whole.wrapping_sub(*first) as u32)
                    };
                    let bin = place.and_then(|place| bin_of.get(place as usize));
                    *out = bin.copied().unwrap_or_else(|| bins.bin(value));
                }
            }
            Self::Code => {
                for (out, &value) in out.iter_mut().zip(values) {
                    *out = bins.bin(value);
                }
            }
        }
    }
}

/// Values that are dealt with side by side.
const LANES: usize = 16;

/// Applies a function to the values, so many at a time, the last ones filled up with zeros.
fn by_lanes(
    values: &[f32],
    out: &mut [u8],
    missing: u8,
    bins_of: impl Fn(&[f32; LANES]) -> [u8; LANES],
) {
    let bins_of = |values: &[f32; LANES]| {
        let mut bins = bins_of(values);
        for (bin, value) in bins.iter_mut().zip(values) {
            *bin = if value.is_nan() { missing } else { *bin };
        }
        bins
    };
    let (full, rest) = values.as_chunks::<LANES>();
    let (full_out, rest_out) = out.as_chunks_mut::<LANES>();
    for (out, values) in full_out.iter_mut().zip(full) {
        *out = bins_of(values);
    }
    let mut lanes = [0.0; LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    rest_out.copy_from_slice(&bins_of(&lanes)[..rest.len()]);
}

/// Counts the cuts below each value.
fn count(cuts: &[f32], values: &[f32; LANES]) -> [u8; LANES] {
    let mut below = [0_u32; LANES];
    for &cut in cuts {
        for (below, &value) in below.iter_mut().zip(values) {
            *below += u32::from(cut < value);
        }
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "there are at most 254 cuts"
    )]
    below.map(|below| below as u8)
}

/// Finds the number of cuts below each value in `STEPS` steps that do not branch, for at most
/// `2^STEPS - 1` cuts.
fn halve<const STEPS: u32>(table: &[f32; 256], values: &[f32; LANES]) -> [u8; LANES] {
    let mut below = [0_u8; LANES];
    for step in (0..STEPS).rev() {
        for (below, &value) in below.iter_mut().zip(values) {
            // What is below so far is a multiple of twice this half.
            let last_of_half = *below | ((1 << step) - 1);
            let is_below = table[usize::from(last_of_half)] < value;
            *below |= u8::from(is_below) << step;
        }
    }
    below
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fit, noise, number};
    use crate::data::FeatureKind;

    /// Any column that may come at prediction, by any of the ways.
    #[test]
    fn a_filled_column_is_its_values_bins() {
        let odd = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN,
            -0.0,
            0.0,
            1e-10,
            -1.5,
            0.5,
            2.5,
            3.0,
            1e9,
            2_147_483_648.0,
            -3e9,
            16_777_216.0,
            f32::MIN_POSITIVE,
        ];
        for spread in [2.0, 5.0, 9.0, 20.0, 30.0, 40.0, 100.0, 200.0, 3000.0] {
            let whole: Vec<f32> = noise(4000).map(|u| (u * spread).floor() - 4.0).collect();
            let halves: Vec<f32> = whole.iter().map(|v| v / 2.0).collect();
            let real: Vec<f32> = noise(4000).map(|u| u * spread).collect();
            for train in [&whole, &halves, &real] {
                for kind in [FeatureKind::Number, FeatureKind::Code { n_codes: 150 }] {
                    let bins = fit(kind, train);
                    for new in [
                        &whole,
                        &halves,
                        &real,
                        &[odd.to_vec(), whole.clone()].concat(),
                    ] {
                        let expected: Vec<u8> = new.iter().map(|&v| bins.bin(v)).collect();
                        let mut found = vec![0; new.len()];
                        bins.fill(new, None, &mut found);
                        assert_eq!(found, expected);
                        if let FeatureKind::Number = kind {
                            for (&v, &bin) in new.iter().zip(&found).filter(|(v, _)| !v.is_nan()) {
                                let below = bins.cuts().iter().filter(|&&cut| cut < v).count();
                                assert_eq!(usize::from(bin), below, "{v}");
                            }
                        }
                        let rows: Vec<u32> = (0..).take(new.len()).step_by(3).collect();
                        let expected: Vec<u8> =
                            rows.iter().map(|&i| bins.bin(new[i as usize])).collect();
                        let mut found = vec![0; rows.len()];
                        bins.fill(new, Some(&rows), &mut found);
                        assert_eq!(found, expected);
                    }
                }
            }
        }
    }

    /// One cut after each of `n` numbers: all depths of the search, up to its last place.
    #[test]
    fn any_number_of_cuts_is_searched() {
        for n in 1..=254_u8 {
            let column: Vec<f32> = (0..=n).map(|i| f32::from(i) * 0.7).collect();
            let bins = number(&column);
            let mut found = vec![0; column.len()];
            bins.fill(&column, None, &mut found);
            assert_eq!(found, (0..=n).collect::<Vec<u8>>());
        }
    }
}
