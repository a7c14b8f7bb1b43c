use super::*;
use crate::data::{Labels, Target, Values};
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

/// Rows of a table are divided as a table of them would be.
#[test]
fn some_rows_are_divided_as_a_table_of_them() {
    let rows: Vec<u32> = (0..).take(N).filter(|row| row * row % 7 < 4).collect();
    let some = RowIndex::Some(&rows);
    let values: Vec<f64> = (0..N).map(|i| (i * 77 % N) as f64).collect();
    let values = Values::new(values).unwrap();
    let time: Vec<f64> = (0..N).map(|i| ((i * 91 % N) / 3) as f64).collect();
    let groups: Vec<u32> = (0..N).map(|i| u32::try_from(i * i % 31).unwrap()).collect();
    let (time_of, groups_of) = (some.gather(&time), some.gather(&groups));
    for (with_time, with_groups) in [(false, false), (false, true), (true, false), (true, true)] {
        let context = |time, groups| {
            FitContext::default()
                .with_time(Some(time).filter(|_| with_time))
                .with_groups(Some(groups).filter(|_| with_groups))
        };
        let all = context(&time[..], &groups[..]);
        let taken = context(&time_of[..], &groups_of[..]);
        let whole = RowIndex::All(rows.len());
        let pairs = [
            (
                inner_split(0.2, &values, &all, some),
                inner_split(0.2, &values.take(&rows), &taken, whole),
            ),
            (
                inner_split(0.2, &labels(), &all, some),
                inner_split(0.2, &labels().take(&rows), &taken, whole),
            ),
        ];
        for (found, expected) in pairs {
            let (expected, of) = (expected.unwrap(), |positions: Vec<u32>| -> Vec<u32> {
                positions.iter().map(|&p| rows[p as usize]).collect()
            });
            assert_eq!(found.unwrap(), (of(expected.0), of(expected.1)));
        }
    }
}

#[test]
fn rows_of_weight_0_have_no_say() {
    let weights: Vec<f64> = (0..N).map(|i| f64::from(u8::from(i % 4 > 0))).collect();
    let rows: Vec<u32> = (0..).take(N).filter(|row| row % 4 > 0).collect();
    let of = |factor: usize, time: bool| {
        // Classes, values and times of rows of weight 0 differ with the factor.
        let number = |i: usize| if i.is_multiple_of(4) { i * factor } else { i };
        let values: Vec<f64> = (0..N).map(|i| (number(i) * 77 % N) as f64).collect();
        let codes: Vec<u32> = (0..N).map(|i| u32::from(number(i) % 5 < 2)).collect();
        let labels = Labels::new(codes, vec!["no".into(), "yes".into()]).unwrap();
        let mut context = FitContext::default().with_weights(Some(&weights));
        if time {
            context = context.with_time(Some(&values));
        }
        let target = Values::new(values.clone()).unwrap();
        let splits = [
            inner_split(0.2, &target, &context, RowIndex::Some(&rows)),
            inner_split(0.2, &labels, &context, RowIndex::Some(&rows)),
        ];
        splits.map(|split| split.unwrap().1)
    };
    for time in [false, true] {
        assert_eq!(of(1, time), of(3, time));
        // A fifth of the rows that have weight.
        assert!(of(1, time).iter().all(|rows| rows.len().abs_diff(36) <= 1));
    }
}
