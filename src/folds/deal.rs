//! Deals rows out to folds: the one place where partitions with strata and groups are made.

use super::Folds;
use crate::data::{DynTarget, RowIndex, Train, weighty};
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
    let codes = compact(groups);
    let n_folds_u16 = checked(n_folds, n_codes(&codes), "groups")?;
    let shares = vec![1.0; n_folds];
    Folds::new(deal_to_shares(strata, &codes, &shares, seed), n_folds_u16)
}

/// Deals whole groups, coded without gaps and at least as many as there are folds, to folds that
/// are to hold rows, and rows of each stratum, in proportion to `shares`.
///
/// A group goes to the fold where the sum over strata of (part of the stratum)² / share grows the
/// least: that sum is smallest where each part equals its share. No fold stays empty.
pub(super) fn deal_to_shares(
    strata: &[u32],
    groups: &[u32],
    shares: &[f64],
    seed: Seed,
) -> Vec<u16> {
    let (n_strata, n_groups, n_folds) = (n_codes(strata), n_codes(groups), shares.len());
    let mut counts = vec![0_u32; n_groups * n_strata];
    let mut totals = vec![0_u32; n_strata];
    for (&group, &stratum) in groups.iter().zip(strata) {
        counts[group as usize * n_strata + stratum as usize] += 1;
        totals[stratum as usize] += 1;
    }
    let of_group = |g: u32| &counts[g as usize * n_strata..(g as usize + 1) * n_strata];
    let mut order: Vec<u32> = (0..).take(n_groups).collect();
    seed.stream().shuffle(&mut order);
    order.sort_by_cached_key(|&g| std::cmp::Reverse(of_group(g).iter().sum::<u32>()));
    let mut filled = vec![0_u32; n_folds * n_strata];
    let mut sizes = vec![0_u32; n_folds];
    let mut n_empty = n_folds;
    let mut fold_of_group = vec![0_u16; n_groups];
    for (place, &group) in order.iter().enumerate() {
        let counts = of_group(group);
        let must_fill = n_groups - place <= n_empty;
        let mut best = (f64::INFINITY, f64::INFINITY, 0_u16);
        for (fold, share) in (0_u16..).zip(shares) {
            let at = usize::from(fold);
            if must_fill && sizes[at] > 0 {
                continue;
            }
            let filled = &filled[at * n_strata..(at + 1) * n_strata];
            let growth: f64 = counts
                .iter()
                .zip(filled)
                .zip(&totals)
                .filter(|((count, _), _)| **count > 0)
                .map(|((&count, &old), &total)| {
                    let (count, old, total) = (f64::from(count), f64::from(old), f64::from(total));
                    count * (2.0 * old + count) / (total * total)
                })
                .sum();
            let candidate = (growth / share, f64::from(sizes[at]) / share, fold);
            if candidate.0 < best.0 || (candidate.0 <= best.0 && candidate.1 < best.1) {
                best = candidate;
            }
        }
        let fold = best.2;
        let at = usize::from(fold);
        n_empty -= usize::from(sizes[at] == 0);
        for (filled, count) in filled[at * n_strata..(at + 1) * n_strata]
            .iter_mut()
            .zip(counts)
        {
            *filled += count;
            sizes[at] += count;
        }
        fold_of_group[group as usize] = fold;
    }
    groups.iter().map(|&g| fold_of_group[g as usize]).collect()
}

/// The stratum of each of the rows; those of weight 0 have one of their own, the last: they change
/// neither the strata of the others nor where these are dealt to.
pub(crate) fn strata_of(
    target: &dyn DynTarget,
    rows: RowIndex<'_>,
    weights: Option<&[f64]>,
) -> Vec<u32> {
    let Some(positions) = weighty(weights) else {
        return target.strata(rows);
    };
    let strata = target.strata(RowIndex::Some(&rows.compose(&positions)));
    let last = n_codes(&strata).max(target.class_names().len());
    let mut all = vec![u32::try_from(last).unwrap_or(u32::MAX); rows.len()];
    for (&position, stratum) in positions.iter().zip(strata) {
        all[position as usize] = stratum;
    }
    all
}

/// Folds inside training rows, for cross-fitting: stratified, whole groups if the table has a
/// group column, as many as asked for or as there are rows or groups; `None` if that is below two.
pub(crate) fn inner_folds(
    train: Train<'_, dyn DynTarget>,
    n_folds: usize,
    seed: Seed,
) -> Result<Option<Folds>> {
    let rows = train.rows();
    let weights = train.weights();
    let strata = strata_of(train.table_target(), rows.index(), weights.as_deref());
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
    let most = groups.map_or(strata.len(), |groups| n_codes(&compact(groups)));
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

/// One more than the largest code.
pub(super) fn n_codes(codes: &[u32]) -> usize {
    codes.iter().max().map_or(0, |&c| c as usize + 1)
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
