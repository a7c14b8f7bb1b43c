use super::*;
use crate::data::{Labels, Values};
use crate::random::Seed;

const N: usize = 240;

fn labels() -> Labels {
    let codes: Vec<u32> = (0..N).map(|i| u32::from(i % 5 == 0)).collect();
    Labels::new(codes, vec!["no".into(), "yes".into()]).unwrap()
}

fn split(share: f64, context: &FitContext<'_>) -> (Vec<u32>, Vec<u32>) {
    let (train, validation) = inner_split(share, &labels(), context, RowIndex::All(N)).unwrap();
    let mut all = [&train[..], &validation].concat();
    assert!(train.is_sorted() && validation.is_sorted());
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..u32::try_from(N).unwrap()));
    (train, validation)
}

#[test]
fn rows_are_set_aside_stratified() {
    for (share, expected) in [(0.1, 24), (0.5, 120), (0.25, 60)] {
        let validation = split(share, &FitContext::default()).1;
        assert_eq!(validation.len(), expected);
        let n_positive = validation.iter().filter(|&&row| row % 5 == 0).count();
        assert!(n_positive.abs_diff(expected / 5) <= 1, "{n_positive}");
    }
    let of_seed = |seed| split(0.1, &FitContext::default().with_seed(Seed::new(seed))).1;
    assert_ne!(of_seed(1), of_seed(2));
}

#[test]
fn groups_stay_together() {
    let groups: Vec<u32> = (0..N).map(|i| u32::try_from(i * i % 31).unwrap()).collect();
    let (train, validation) = split(0.2, &FitContext::default().with_groups(Some(&groups)));
    assert!(
        (24..=72).contains(&validation.len()),
        "{}",
        validation.len()
    );
    for &row in &validation {
        assert!(
            !train
                .iter()
                .any(|&t| groups[t as usize] == groups[row as usize])
        );
    }
}

#[test]
fn the_last_rows_are_set_aside_where_there_are_times() {
    // In some order, three rows of each time.
    let time: Vec<f64> = (0..N).map(|i| ((i * 77 % N) / 3) as f64).collect();
    let (train, validation) = split(0.1, &FitContext::default().with_time(Some(&time)));
    assert_eq!(validation.len(), 24);
    let at = |rows: &[u32]| -> Vec<f64> { rows.iter().map(|&r| time[r as usize]).collect() };
    let latest = at(&train).into_iter().fold(f64::MIN, f64::max);
    assert!(at(&validation).iter().all(|&t| t > latest));
    // A group is as late as its last row.
    let groups: Vec<u32> = (0..N).map(|i| u32::try_from(i % 60).unwrap()).collect();
    let context = FitContext::default()
        .with_time(Some(&time))
        .with_groups(Some(&groups));
    let (train, validation) = split(0.1, &context);
    for &row in &validation {
        assert!(
            !train
                .iter()
                .any(|&t| groups[t as usize] == groups[row as usize])
        );
    }
    let latest = at(&validation).into_iter().fold(f64::MIN, f64::max);
    assert!(at(&train).iter().all(|&t| t <= latest));
}

#[test]
fn what_cannot_be_divided_is_an_error() {
    let one = Values::new(vec![1.0]).unwrap();
    assert!(inner_split(0.1, &one, &FitContext::default(), RowIndex::All(1)).is_err());
    let context = FitContext::default();
    let (groups, time) = (vec![7; N], vec![3.0; N]);
    for context in [
        context.with_groups(Some(&groups)),
        context.with_time(Some(&time)),
    ] {
        let error = inner_split(0.1, &labels(), &context, RowIndex::All(N)).unwrap_err();
        assert!(error.to_string().contains("early stopping"), "{error}");
    }
}
