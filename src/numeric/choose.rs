//! Choosing k of n.
//!
//! The draws of each way are its own, so that none stands for another where a seed must choose as it
//! did before.

use crate::random::Stream;

/// Brings `k` of the items to the front, drawn without replacement and in the order of the draws
/// (Fisher and Yates, stopped after `k` steps); all of them if there are no more.
pub(crate) fn to_front<T>(items: &mut [T], k: usize, stream: &mut Stream) {
    let n = items.len();
    for i in 0..k.min(n) {
        items.swap(i, i + stream.below(n - i));
    }
}

/// `k` of the items, which ascend, drawn by [`to_front`] and in ascending order.
pub(crate) fn sorted<T: Ord>(mut items: Vec<T>, k: usize, stream: &mut Stream) -> Vec<T> {
    if k < items.len() {
        to_front(&mut items, k, stream);
        items.truncate(k);
        items.sort_unstable();
    }
    items
}

/// For each of `n` in turn, whether it is one of the `k` that are drawn without replacement: it is
/// with the probability that as many as are still wanted are among those left (Knuth, *The Art of
/// Computer Programming* 2, 3.4.2, algorithm S).
pub(crate) fn in_turn(n: usize, k: usize, mut stream: Stream) -> impl Iterator<Item = bool> {
    let mut wanted = k;
    (1..=n).rev().map(move |left| {
        let is_drawn = stream.below(left) < wanted;
        wanted -= usize::from(is_drawn);
        is_drawn
    })
}

/// How often each of `n` is drawn in `k` draws with replacement.
pub(crate) fn with_replacement(n: usize, k: usize, mut stream: Stream) -> Vec<u32> {
    let mut times = vec![0; n];
    for _ in 0..k {
        times[stream.below(n)] += 1;
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;

    /// Each way draws `k` different ones, and each of `n` equally often.
    #[test]
    fn all_are_drawn_alike() {
        const REPEATS: usize = 20_000;
        let n = 7;
        for k in 0..=n {
            let mut times = [[0_usize; 7]; 3];
            for repeat in 0..REPEATS {
                let seed = Seed::new(1).at(repeat);
                let front = {
                    let mut items: Vec<usize> = (0..n).collect();
                    to_front(&mut items, k, &mut seed.stream());
                    items[..k].to_vec()
                };
                let ascending = sorted((0..n).collect(), k, &mut seed.stream());
                let turns = in_turn(n, k, seed.stream());
                let turns: Vec<usize> = (0..n).zip(turns).filter(|t| t.1).map(|t| t.0).collect();
                assert!(ascending.is_sorted_by(|a, b| a < b));
                for (times, drawn) in times.iter_mut().zip([front, ascending, turns]) {
                    assert_eq!(drawn.len(), k);
                    for i in drawn {
                        times[i] += 1;
                    }
                }
            }
            let share = k as f64 / n as f64;
            let error = 5.0 * (share * (1.0 - share) / REPEATS as f64).sqrt();
            for times in times.into_iter().flatten() {
                assert!((times as f64 / REPEATS as f64 - share).abs() <= error);
            }
        }
    }

    #[test]
    fn more_than_there_are_is_all() {
        let stream = || Seed::new(2).stream();
        assert_eq!(sorted(vec![3, 5, 8], 9, &mut stream()), [3, 5, 8]);
        let mut items = [3, 5, 8];
        to_front(&mut items, 9, &mut stream());
        items.sort_unstable();
        assert_eq!(items, [3, 5, 8]);
        assert!(in_turn(3, 9, stream()).all(|is_drawn| is_drawn));
    }

    #[test]
    fn draws_with_replacement_add_up() {
        let times = with_replacement(50, 4_000, Seed::new(3).stream());
        assert_eq!(times.iter().sum::<u32>(), 4_000);
        // 80 each, give or take five standard deviations of 8.9.
        assert!(times.iter().all(|&n| (36..=124).contains(&n)));
        assert!(with_replacement(0, 0, Seed::new(3).stream()).is_empty());
    }
}
