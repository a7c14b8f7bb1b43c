//! Fewer rows, stratified, for learners whose cost grows too fast.

use crate::random::Seed;

/// At most `max_rows` positions, in order, each stratum with its share of them (and at least one
/// row, if there are enough to go round); `None` if there are no more rows than that.
pub(crate) fn rows(strata: &[u32], max_rows: usize, seed: Seed) -> Option<Vec<u32>> {
    let n = strata.len();
    if n <= max_rows {
        return None;
    }
    let mut order: Vec<u32> = (0..).take(n).collect();
    seed.stream().shuffle(&mut order);
    order.sort_by_key(|&row| strata[row as usize]);
    // The first row of each stratum goes first; the others follow at even steps of the sorted
    // order, so that each stratum is met as often as its size says.
    let starts_stratum =
        |i: usize| i == 0 || strata[order[i] as usize] != strata[order[i - 1] as usize];
    let mut chosen: Vec<u32> = (0..n)
        .filter(|&i| starts_stratum(i))
        .map(|i| order[i])
        .take(max_rows)
        .collect();
    let others: Vec<u32> = (0..n)
        .filter(|&i| !starts_stratum(i))
        .map(|i| order[i])
        .collect();
    let wanted = max_rows - chosen.len();
    chosen.extend((0..wanted).map(|i| others[i * others.len() / wanted]));
    chosen.sort_unstable();
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_keep_their_shares() {
        let strata: Vec<u32> = (0..1000).map(|i| u32::from(i % 10 == 0)).collect();
        let chosen = rows(&strata, 100, Seed::new(1)).unwrap();
        assert_eq!(chosen.len(), 100);
        assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
        let rare = chosen.iter().filter(|&&r| strata[r as usize] == 1).count();
        assert!((10..=11).contains(&rare), "{rare}");
        assert_eq!(chosen, rows(&strata, 100, Seed::new(1)).unwrap());
        assert_ne!(chosen, rows(&strata, 100, Seed::new(2)).unwrap());
    }

    #[test]
    fn each_stratum_keeps_a_row() {
        let mut strata = vec![0; 1000];
        strata[777] = 1;
        let chosen = rows(&strata, 5, Seed::new(0)).unwrap();
        assert_eq!(chosen.len(), 5);
        assert!(chosen.contains(&777));
        assert!(rows(&strata, 1000, Seed::new(0)).is_none());
    }
}
