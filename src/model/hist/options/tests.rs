use super::*;

const N: u32 = 500;

/// Gradients of many sizes, of two scores.
#[allow(clippy::cast_possible_truncation, reason = "gradients have 32 bits")]
fn pairs() -> Vec<Vec<[f32; 2]>> {
    let seed = Seed::new(3);
    let pair = |k: usize, i: u64| {
        [
            seed.at(k).normal(i) as f32,
            0.1 + seed.at(k).uniform(i) as f32,
        ]
    };
    (0..2)
        .map(|k| (0..u64::from(N)).map(|i| pair(k, i)).collect())
        .collect()
}

fn sum(pairs: &[Vec<[f32; 2]>], rows: &[u32], k: usize, part: usize) -> f64 {
    let of = |&row: &u32| f64::from(pairs[k][row as usize][part]);
    rows.iter().map(of).sum()
}

#[test]
fn sampled_sums_are_those_of_all_rows_on_average() {
    let train: Vec<u32> = (0..N).filter(|row| row % 7 != 2).collect();
    let sampling = Sampling::Gradient {
        top: 0.2,
        other: 0.1,
    };
    for k in 0..2 {
        for part in 0..2 {
            let expected = sum(&pairs(), &train, k, part);
            let draws: Vec<f64> = (0..2000)
                .map(|draw| {
                    let mut pairs = pairs();
                    let rows = sampling.rows(Some(&train), &mut pairs, Seed::new(8).at(draw));
                    sum(&pairs, &rows.unwrap(), k, part)
                })
                .collect();
            let n = draws.len() as f64;
            let mean = draws.iter().sum::<f64>() / n;
            let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
            // Five standard errors: a right sampler fails once in a million seeds.
            let error = (variance / n).sqrt();
            assert!(
                variance > 0.0 && (mean - expected).abs() < 5.0 * error,
                "{mean} {expected}"
            );
        }
    }
}

#[test]
fn the_largest_gradients_are_kept_as_they_are() {
    let before = pairs();
    let mut after = before.clone();
    let sampling = Sampling::Gradient {
        top: 0.3,
        other: 0.2,
    };
    let rows = sampling.rows(None, &mut after, Seed::new(0)).unwrap();
    assert!(rows.is_sorted_by(|a, b| a < b) && rows.iter().all(|&row| row < N));
    // 150 of the top, and of 350 others each with probability 2 / 7: 100, give or take 5 sigma.
    assert!(
        (150 + 58..=150 + 142).contains(&rows.len()),
        "{}",
        rows.len()
    );
    let size = |row: u32| -> f64 {
        let of = |c: &Vec<[f32; 2]>| f64::from(c[row as usize][0] * c[row as usize][1]).abs();
        before.iter().map(of).sum()
    };
    let mut by_size: Vec<u32> = (0..N).collect();
    by_size.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    for (rank, &row) in by_size.iter().enumerate() {
        let factor = after[0][row as usize][0] / before[0][row as usize][0];
        let kept = rows.contains(&row);
        let expected = if rank >= 150 && kept { 3.5 } else { 1.0 };
        assert!(kept || rank >= 150, "row {row} of rank {rank} is lost");
        assert!((factor - expected).abs() < 1e-5, "{factor} {expected}");
    }
}

#[test]
fn a_share_is_drawn_and_never_none() {
    let rows = |share: f64, seed| Sampling::Share(share).rows(None, &mut pairs(), Seed::new(seed));
    // Five standard deviations of a binomial.
    assert!((183..=317).contains(&rows(0.5, 1).unwrap().len()));
    assert_ne!(rows(0.5, 1), rows(0.5, 2));
    assert_eq!(rows(1.0, 1).unwrap().len(), 500);
    assert_eq!(rows(1e-9, 1).unwrap().len(), 500);
}
