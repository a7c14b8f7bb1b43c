use super::*;
use crate::data::{Feature, Features};
use crate::model::hist::bins::Binning;
use crate::model::hist::histogram::Narrow;
use crate::model::hist::options::Categories;

fn binned(columns: Vec<Vec<f32>>) -> Binned {
    let fields = (0..columns.len()).map(|j| Feature::number(format!("x{j}")));
    let features = Features::from_columns(fields.collect(), columns).unwrap();
    Binned::new(&features, Binning::new(), None, Seed::new(0)).unwrap()
}

/// Numbers of `n_values[j % ..]` distinct values, every ninth of some of them missing.
#[allow(clippy::cast_possible_truncation, reason = "small numbers")]
fn columns(n: usize, p: usize, n_values: &[u64]) -> Vec<Vec<f32>> {
    let value = |j: usize, i: usize| {
        let hash = Seed::new(5).at(j).hash(i as u64);
        match hash % 9 {
            0 if j % 3 == 1 => f32::NAN,
            _ => (hash / 9 % n_values[j % n_values.len()]) as f32,
        }
    };
    let column = |j| (0..n).map(|i| value(j, i)).collect();
    (0..p).map(column).collect()
}

fn criteria(min_count: f64) -> Criteria {
    Criteria {
        l1: 0.0,
        l2: 1.0,
        min_count,
        min_hessian: 1e-3,
        min_gain: 0.0,
        categories: Categories::new(),
        min_group: 100.0,
        monotone: Vec::new(),
        random: false,
    }
}

fn grown<C: Cell>(
    binned: &Binned,
    criteria: &Criteria,
    pairs: &[[f32; 2]],
    rows: Option<Vec<u32>>,
    max_leaves: usize,
) -> Grown {
    let features: Vec<usize> = (0..binned.n_features()).collect();
    let growth = Growth {
        binned,
        criteria,
        max_leaves,
        max_depth: usize::MAX,
        features: &features,
        features_a_node: features.len(),
        seed: Seed::new(1),
    };
    grow::<C>(&growth, pairs, rows, &mut Workspace::default())
}

/// Gradients that depend on the first features, and hessians from `hessian`.
#[allow(clippy::cast_possible_truncation, reason = "gradients have 32 bits")]
fn pairs(columns: &[Vec<f32>], hessian: impl Fn(usize) -> f32) -> Vec<[f32; 2]> {
    let noise = Seed::new(9);
    (0..columns[0].len())
        .map(|i| {
            let effect = |x: f32| if x.is_nan() { 0.7 } else { (0.9 * x).sin() };
            let signal: f32 = columns.iter().take(3).map(|x| effect(x[i])).sum();
            let h = hessian(i);
            [h * (signal + 0.3 * noise.normal(i as u64) as f32), h]
        })
        .collect()
}

fn naive_sums(pairs: &[[f32; 2]], rows: impl Iterator<Item = usize>) -> Sums {
    rows.fold(Sums::default(), |sum, row| {
        let [gradient, hessian] = pairs[row].map(f64::from);
        sum + Sums {
            gradient,
            hessian,
            count: 1.0,
        }
    })
}

/// `g^2 / (h + l2)` of a split's sides, from its rows.
fn worth(sums: Sums) -> f64 {
    sums.gradient * sums.gradient / (sums.hessian + 1.0)
}

/// Rows of each node as its rows' bins say, by the splits of the tree alone.
fn rows_of_nodes(grown: &Grown, binned: &Binned, rows: &[u32]) -> Vec<Vec<u32>> {
    let mut of_node = vec![Vec::new(); grown.nodes.len()];
    of_node[0] = rows.to_vec();
    for (i, node) in grown.nodes.iter().enumerate() {
        let Some(split) = &node.split else { continue };
        let place = binned.place(split.split.feature);
        for row in of_node[i].clone() {
            let bin = place.bin(binned.column(place.store)[row as usize]);
            let left = contains(&split.split.left, bin);
            of_node[split.left + usize::from(!left)].push(row);
        }
    }
    of_node
}

/// Sums of every split, and rows of every node, are those of a plain walk.
fn check_sums(grown: &Grown, binned: &Binned, pairs: &[[f32; 2]], rows: &[u32], tolerance: f64) {
    let of_node = rows_of_nodes(grown, binned, rows);
    let total = naive_sums(pairs, rows.iter().map(|&r| r as usize));
    let size = pairs.iter().map(|p| f64::from(p[0].abs())).sum::<f64>();
    for (i, node) in grown.nodes.iter().enumerate() {
        assert_eq!(node.count, of_node[i].len());
        match &node.split {
            None => {
                assert_eq!(grown.rows[node.rows.clone()], of_node[i]);
                for &row in &of_node[i] {
                    assert_eq!(grown.leaf_of(binned, row as usize), i);
                }
            }
            Some(split) => {
                for (child, found) in [
                    (split.left, split.split.left_sums),
                    (split.left + 1, split.split.right_sums),
                ] {
                    let rows = of_node[child].iter().map(|&r| r as usize);
                    let expected = naive_sums(pairs, rows);
                    let close = |a: f64, b: f64, scale: f64| (a - b).abs() <= tolerance * scale;
                    assert!(
                        close(found.gradient, expected.gradient, size)
                            && close(found.hessian, expected.hessian, total.hessian),
                        "{found:?}, {expected:?}"
                    );
                }
            }
        }
    }
}

/// Enough rows to be counted in parts, enough stores for two panels, and bytes of one feature and
/// of many.
#[test]
fn the_root_is_split_as_by_brute_force_whatever_parts_it_is_counted_in() {
    const N: usize = 40_000;
    let columns = columns(N, 140, &[2, 200, 3, 200, 150, 1]);
    let pairs = pairs(&columns, |i| 0.2 + 0.1 * (i % 7) as f32);
    let binned = binned(columns.clone());
    assert!(binned.panels().len() > 1 && binned.stores().iter().any(|s| s.features.len() > 1));
    let some: Vec<u32> = (0..).take(N).filter(|row| row % 11 != 3).collect();
    for rows in [None, Some(some)] {
        let all: Vec<u32> = rows.clone().unwrap_or_else(|| (0..).take(N).collect());
        let total = worth(naive_sums(&pairs, all.iter().map(|&r| r as usize)));
        let mut best = f64::MIN;
        for x in &columns {
            // Of each value, and of missing ones, the sums.
            let mut bins = vec![Sums::default(); 257];
            for &row in &all {
                let x = x[row as usize];
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small"
                )]
                let bin = if x.is_nan() { 256 } else { x as usize };
                bins[bin] = bins[bin] + naive_sums(&pairs, [row as usize].into_iter());
            }
            let whole = bins.iter().fold(Sums::default(), |sum, &bin| sum + bin);
            for start in [Sums::default(), bins[256]] {
                let mut left = start;
                for &bin in &bins[..256] {
                    left = left + bin;
                    let right = whole - left;
                    if left.count.min(right.count) >= 20.0 {
                        best = best.max(worth(left) + worth(right) - total);
                    }
                }
            }
        }
        let wide = grown::<Wide>(&binned, &criteria(20.0), &pairs, rows.clone(), 6);
        let narrow = grown::<Narrow>(&binned, &criteria(20.0), &pairs, rows, 6);
        let gain = |grown: &Grown| grown.nodes[0].split.as_ref().unwrap().split.gain;
        assert!(
            (gain(&wide) / best - 1.0).abs() < 1e-7,
            "{} {best}",
            gain(&wide)
        );
        assert!(
            (gain(&narrow) / best - 1.0).abs() < 1e-3,
            "{} {best}",
            gain(&narrow)
        );
        // 38 bits for the hessians.
        check_sums(&wide, &binned, &pairs, &all, N as f64 * 2_f64.powi(-38));
        // 30 bits for 40,000 rows: each is rounded to 2^-30 of the sum of all.
        check_sums(&narrow, &binned, &pairs, &all, N as f64 * 2_f64.powi(-30));
    }
}

/// With one hessian for all rows, narrow cells know how many rows they have.
#[test]
fn narrow_cells_grow_the_trees_of_wide_ones_where_hessians_are_constant() {
    let columns = columns(3000, 8, &[200, 3, 40, 2]);
    let pairs = pairs(&columns, |_| 1.0);
    let binned = binned(columns);
    for min_count in [1.0, 20.0, 300.0] {
        let criteria = criteria(min_count);
        let wide = grown::<Wide>(&binned, &criteria, &pairs, None, 15);
        let narrow = grown::<Narrow>(&binned, &criteria, &pairs, None, 15);
        assert!(wide.nodes.len() > 9);
        assert_eq!(wide.rows, narrow.rows);
        for (wide, narrow) in wide.nodes.iter().zip(&narrow.nodes) {
            assert_eq!(wide.rows, narrow.rows);
            let split =
                |node: &GrownNode| node.split.as_ref().map(|s| (s.split.feature, s.split.left));
            assert_eq!(split(wide), split(narrow));
        }
        for (_, leaf) in narrow.leaves() {
            assert!(leaf.count as f64 >= min_count);
        }
    }
}

/// Where hessians differ a thousandfold, estimated counts are far off, and leaves still have
/// the rows that they must have.
#[test]
fn no_leaf_is_too_small_where_counts_are_estimated() {
    let columns = columns(3000, 6, &[200, 60, 40]);
    // Values at the upper end weigh much: few rows there look like many.
    let hessian = |i: usize| if columns[0][i] > 196.0 { 1.0 } else { 0.001 };
    let pairs = pairs(&columns, hessian);
    let binned = binned(columns.clone());
    for min_count in [1.0, 25.0, 150.0, 700.0] {
        let mut gains = Vec::new();
        for grown in [
            grown::<Wide>(&binned, &criteria(min_count), &pairs, None, 12),
            grown::<Narrow>(&binned, &criteria(min_count), &pairs, None, 12),
        ] {
            for (_, leaf) in grown.leaves() {
                assert!(
                    leaf.count as f64 >= min_count,
                    "{} of {min_count}",
                    leaf.count
                );
            }
            let sums = grown.leaves().map(|(_, leaf)| {
                let rows = &grown.rows[leaf.rows.clone()];
                worth(naive_sums(&pairs, rows.iter().map(|&r| r as usize)))
            });
            gains.push(sums.sum::<f64>());
        }
        // What estimates cost is little: most of what trees gain is gained.
        assert!(gains[1] > 0.5 * gains[0], "{gains:?} {min_count}");
    }
}
