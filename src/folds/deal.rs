//! Deals rows out to folds: the one place where partitions with strata and groups are made.

use super::Folds;
use crate::data::{Target, Train};
use crate::error::{Error, Result};
use crate::random::Seed;

/// Deals rows to `n_folds` folds so that each stratum is spread evenly.
///
/// Rows are shuffled within their stratum, strata follow one another, and row after row goes to
/// the next fold in turn: fold sizes differ by at most one, and so do those of each stratum.
pub(crate) fn deal_rows(strata: &[u32], n_folds: usize, seed: Seed) -> Result<Folds> {
    let n_folds = checked(n_folds, strata.len(), "rows")?;
    let mut rows: Vec<u32> = (0..).take(strata.len()).collect();
    seed.stream().shuffle(&mut rows);
    rows.sort_by_key(|&row| strata[row as usize]);
    let mut fold_of_row = vec![0_u16; strata.len()];
    let mut fold = 0;
    for &row in &rows {
        fold_of_row[row as usize] = fold;
        fold = (fold + 1) % n_folds;
    }
    Folds::new(fold_of_row, n_folds)
}

/// Deals whole groups to `n_folds` folds, the largest first, each to the fold where it leaves
/// sizes, and with them the strata, most even.
///
/// With one stratum this is the greedy rule of the longest processing time first.
pub(crate) fn deal_groups(
    strata: &[u32],
    groups: &[u32],
    n_folds: usize,
    seed: Seed,
) -> Result<Folds> {
    let n_strata = strata.iter().max().map_or(1, |&s| s as usize + 1);
    let codes = compact(groups);
    let n_groups = codes.iter().max().map_or(0, |&g| g as usize + 1);
    let n_folds_u16 = checked(n_folds, n_groups, "groups")?;
    let mut counts = vec![0_usize; n_groups * n_strata];
    let mut totals = vec![0_usize; n_strata];
    for (&group, &stratum) in codes.iter().zip(strata) {
        counts[group as usize * n_strata + stratum as usize] += 1;
        totals[stratum as usize] += 1;
    }
    let of_group = |g: u32| &counts[g as usize * n_strata..(g as usize + 1) * n_strata];
    let mut order: Vec<u32> = (0..).take(n_groups).collect();
    seed.stream().shuffle(&mut order);
    order.sort_by_key(|&g| std::cmp::Reverse(of_group(g).iter().sum::<usize>()));
    let mut filled = vec![0_usize; n_folds * n_strata];
    let mut fold_of_group = vec![0_u16; n_groups];
    for &group in &order {
        // The fold whose shares of the strata, after taking the group, grow the least in squares.
        let cost = |fold: usize| -> f64 {
            of_group(group)
                .iter()
                .enumerate()
                .map(|(s, &count)| {
                    let total = totals[s].max(1) as f64;
                    let (old, new) = (
                        filled[fold * n_strata + s],
                        filled[fold * n_strata + s] + count,
                    );
                    ((new as f64 / total).powi(2)) - ((old as f64 / total).powi(2))
                })
                .sum()
        };
        let size =
            |fold: usize| -> usize { filled[fold * n_strata..(fold + 1) * n_strata].iter().sum() };
        let best = (0..n_folds)
            .min_by(|&a, &b| cost(a).total_cmp(&cost(b)).then(size(a).cmp(&size(b))))
            .unwrap_or(0);
        for (s, &count) in of_group(group).iter().enumerate() {
            filled[best * n_strata + s] += count;
        }
        fold_of_group[group as usize] = u16::try_from(best).unwrap_or(0);
    }
    let fold_of_row = codes.iter().map(|&g| fold_of_group[g as usize]).collect();
    Folds::new(fold_of_row, n_folds_u16)
}

/// Folds inside training rows, for cross-fitting: stratified, whole groups if the table has a
/// group column, as many as asked for or as there are rows or groups; `None` if that is below two.
pub(crate) fn inner_folds<Y: Target>(
    train: Train<'_, Y>,
    n_folds: usize,
    seed: Seed,
) -> Result<Option<Folds>> {
    let rows = train.rows();
    let strata = train.table_target().strata(rows.index());
    deal(&strata, rows.groups().as_deref(), n_folds, seed)
}

/// Deals rows, or whole groups, to `n_folds` folds or as many as there are rows or groups; `None`
/// if that is below two.
pub(crate) fn deal(
    strata: &[u32],
    groups: Option<&[u32]>,
    n_folds: usize,
    seed: Seed,
) -> Result<Option<Folds>> {
    let most = groups.map_or(strata.len(), |groups| {
        compact(groups).iter().max().map_or(0, |&g| g as usize + 1)
    });
    match (n_folds.min(most), groups) {
        (0 | 1, _) => Ok(None),
        (k, Some(groups)) => deal_groups(strata, groups, k, seed).map(Some),
        (k, None) => deal_rows(strata, k, seed).map(Some),
    }
}

/// Codes numbered from 0 as they first appear, none left out.
pub(crate) fn compact(codes: &[u32]) -> Vec<u32> {
    let size = codes.iter().max().map_or(0, |&c| c as usize + 1);
    let mut new_code = vec![u32::MAX; size];
    let mut next = 0;
    codes
        .iter()
        .map(|&code| {
            let new = &mut new_code[code as usize];
            if *new == u32::MAX {
                *new = next;
                next += 1;
            }
            *new
        })
        .collect()
}

fn checked(n_folds: usize, n: usize, what: &str) -> Result<u16> {
    if n_folds < 2 {
        return Err(Error::parameter("n_folds", "2 or more", n_folds));
    }
    if n_folds > n {
        return Err(Error::parameter(
            "n_folds",
            format!("at most the number of {what}, {n}"),
            n_folds,
        ));
    }
    u16::try_from(n_folds).map_err(|_| Error::parameter("n_folds", "at most 65535", n_folds))
}
