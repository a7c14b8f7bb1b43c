//! Tests of: folds.
#![allow(
    clippy::unwrap_used,
    reason = "a test fails where a helper cannot go on"
)]

use proptest::prelude::*;
use stackfold::folds::{
    FoldPlan, Folds, GroupKFold, HoldOut, KFold, Predefined, Repeated, Split, SplitContext,
    Splitter, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit, Window,
};
use stackfold::prelude::*;

use crate::support::on_threads;

/// Rows with a class each, and a group and a time if given.
fn plan_of(
    splitter: &dyn Splitter,
    classes: &[u32],
    groups: Option<&[i64]>,
    time: Option<&[f64]>,
    seed: u64,
) -> Result<FoldPlan> {
    let table = table_of(classes.len(), groups, time);
    let names = (0..3).map(|c| format!("class {c}")).collect();
    let labels = Labels::new(classes.to_vec(), names).unwrap();
    let train = Train::new(&table, &labels)?.with_seed(Seed::new(seed));
    splitter.plan(&SplitContext::of(train))
}

fn table_of(n: usize, groups: Option<&[i64]>, time: Option<&[f64]>) -> Table {
    let mut table = Table::new([("x", Column::numeric(vec![0.0; n]))]).unwrap();
    if let Some(groups) = groups {
        let cells: Vec<Option<i64>> = groups.iter().copied().map(Some).collect();
        table = table
            .with_column("group", Column::integers(&cells))
            .unwrap()
            .with_role("group", Role::Group)
            .unwrap();
    }
    if let Some(time) = time {
        table = table
            .with_column("time", Column::numeric(time.to_vec()))
            .unwrap()
            .with_role("time", Role::Time)
            .unwrap();
    }
    table
}

fn sizes(folds: &Folds) -> Vec<usize> {
    (0..folds.n_folds())
        .map(|fold| folds.validation(fold).len())
        .collect()
}

fn spread(counts: &[usize]) -> usize {
    counts.iter().max().unwrap() - counts.iter().min().unwrap()
}

/// How many rows of a class each fold has.
fn counts_of(folds: &Folds, classes: &[u32], class: u32) -> Vec<usize> {
    let mut counts = vec![0; folds.n_folds()];
    for (&fold, &c) in folds.fold_of_row().iter().zip(classes) {
        counts[usize::from(fold)] += usize::from(c == class);
    }
    counts
}

fn partition(plan: &FoldPlan) -> &Folds {
    &plan.partitions().unwrap()[0]
}

/// Each split's sides share no row; together they are all rows, each validated once.
fn assert_is_partition(plan: &FoldPlan) {
    let n = plan.n_rows();
    let mut validated = vec![0; n];
    for split in 0..plan.n_splits() {
        let split = plan.split(split);
        let mut all = [split.train(), split.validation()].concat();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..u32::try_from(n).unwrap()));
        for &row in split.validation() {
            validated[row as usize] += 1;
        }
    }
    assert!(validated.iter().all(|&times| times == 1));
}

fn assert_groups_whole(plan: &FoldPlan, groups: &[i64]) {
    for split in 0..plan.n_splits() {
        let split = plan.split(split);
        let of = |rows: &[u32]| -> std::collections::BTreeSet<i64> {
            rows.iter().map(|&row| groups[row as usize]).collect()
        };
        assert!(of(split.train()).is_disjoint(&of(split.validation())));
    }
}

proptest! {
    #[test]
    fn k_fold_is_an_even_partition(n in 2_usize..200, k in 2_usize..12, seed in any::<u64>()) {
        prop_assume!(k <= n);
        let plan = plan_of(&KFold::new(k), &vec![0; n], None, None, seed).unwrap();
        assert_is_partition(&plan);
        prop_assert_eq!(plan.n_splits(), k);
        prop_assert!(spread(&sizes(partition(&plan))) <= 1);
    }

    #[test]
    fn strata_are_even_to_one_row(
        classes in prop::collection::vec(0_u32..3, 30..200), k in 2_usize..6, seed in any::<u64>(),
    ) {
        let smallest = (0..3).map(|c| classes.iter().filter(|&&x| x == c).count()).filter(|&s| s > 0).min();
        prop_assume!(k <= smallest.unwrap());
        let plan = plan_of(&StratifiedKFold::new(k), &classes, None, None, seed).unwrap();
        assert_is_partition(&plan);
        prop_assert!(spread(&sizes(partition(&plan))) <= 1);
        for class in 0..3 {
            prop_assert!(spread(&counts_of(partition(&plan), &classes, class)) <= 1);
        }
    }

    #[test]
    fn groups_are_never_split(
        groups in prop::collection::vec(0_i64..15, 40..120), k in 2_usize..5, seed in any::<u64>(),
    ) {
        let n = groups.len();
        let classes: Vec<u32> = (0..n).map(|i| u32::try_from(i % 3).unwrap()).collect();
        let time: Vec<f64> = (0..n).map(|i| (i / 4) as f64).collect();
        let n_groups = groups.iter().collect::<std::collections::BTreeSet<_>>().len();
        prop_assume!(n_groups >= 8);
        let splitters: [&dyn Splitter; 6] = [
            &KFold::new(k), &StratifiedKFold::new(k), &GroupKFold::new(k),
            &StratifiedGroupKFold::new(k), &HoldOut::new(0.3), &Repeated::new(KFold::new(k), 2),
        ];
        for splitter in splitters {
            let plan = plan_of(splitter, &classes, Some(&groups), None, seed).unwrap();
            assert_groups_whole(&plan, &groups);
        }
        // A time split may find that each earlier row belongs to a validated group.
        if let Ok(plan) = plan_of(&TimeSeriesSplit::new(2), &classes, Some(&groups), Some(&time), seed) {
            assert_groups_whole(&plan, &groups);
        }
    }

    #[test]
    fn a_hold_out_has_its_size_and_its_share_of_each_class(
        classes in prop::collection::vec(0_u32..3, 2..200), percent in 1_u32..100, seed in any::<u64>(),
    ) {
        let (n, fraction) = (classes.len(), f64::from(percent) / 100.0);
        let plan = plan_of(&HoldOut::new(fraction), &classes, None, None, seed).unwrap();
        let split = plan.split(0);
        prop_assert_eq!(plan.n_splits(), 1);
        prop_assert_eq!(split.train().len() + split.validation().len(), n);
        let size = split.validation().len() as f64;
        let expected = (fraction * n as f64).round().clamp(1.0, n as f64 - 1.0);
        prop_assert!((size - expected).abs() < 1e-9);
        for class in 0..3 {
            let all = classes.iter().filter(|&&c| c == class).count() as f64;
            let held = split.validation().iter().filter(|&&row| classes[row as usize] == class).count();
            prop_assert!((held as f64 - all * size / n as f64).abs() < 1.0 + 1e-9);
        }
    }

    #[test]
    fn time_splits_fit_on_the_past(
        time in prop::collection::vec(0_u8..40, 10..150), n_splits in 1_usize..6, gap in 0_u8..3,
        length in 1_u8..50, sliding in any::<bool>(),
    ) {
        let time: Vec<f64> = time.into_iter().map(f64::from).collect();
        let times: std::collections::BTreeSet<u64> = time.iter().map(|t| t.to_bits()).collect();
        let window = if sliding { Window::Sliding { length: f64::from(length) } } else { Window::Expanding };
        let splitter = TimeSeriesSplit::new(n_splits).with_gap(f64::from(gap)).with_window(window);
        let Ok(plan) = plan_of(&splitter, &vec![0; time.len()], None, Some(&time), 0) else {
            // A gap or a short window may leave nothing to fit on.
            prop_assert!(times.len() <= n_splits || gap > 0 || sliding);
            return Ok(());
        };
        prop_assert!(times.len() > n_splits);
        prop_assert_eq!(plan.n_splits(), n_splits);
        let mut last_end = f64::NEG_INFINITY;
        let mut validated = 0;
        for split in 0..n_splits {
            let split = plan.split(split);
            let at = |rows: &[u32]| rows.iter().map(|&row| time[row as usize]).collect::<Vec<f64>>();
            let (train, validation) = (at(split.train()), at(split.validation()));
            let start = validation.iter().copied().fold(f64::INFINITY, f64::min);
            let end = validation.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            // Validated stretches follow one another, and hold all rows of their times.
            prop_assert!(start > last_end);
            prop_assert_eq!(time.iter().filter(|t| (start..=end).contains(*t)).count(), validation.len());
            last_end = end;
            validated += validation.len();
            let latest = start - f64::from(gap);
            let earliest = if sliding { latest - f64::from(length) } else { f64::NEG_INFINITY };
            prop_assert_eq!(time.iter().filter(|&&t| t < latest && t >= earliest).count(), train.len());
            prop_assert!(train.iter().all(|&t| t < latest && t >= earliest));
        }
        // Together they reach to the last row.
        prop_assert!((last_end - time.iter().copied().fold(0.0, f64::max)).abs() < 1e-12);
        prop_assert!(validated < time.len());
    }
}

proptest! {
    // Each case waits for the disk.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_plan_survives_its_file_and_damage_is_noticed(
        folds in prop::collection::vec(0_u16..4, 4..60), place in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let used: std::collections::BTreeSet<u16> = folds.iter().copied().collect();
        prop_assume!(used.len() == 4);
        let n = folds.len();
        let rows = u32::try_from(n).unwrap();
        let first = Folds::new(folds.clone(), 4).unwrap();
        let second = Folds::new(folds.iter().map(|f| (f + 1) % 4).collect(), 4).unwrap();
        let splits = vec![
            Split::new((0..rows / 2).collect(), vec![rows - 1], n).unwrap(),
            Split::new(vec![rows - 1], vec![0], n).unwrap(),
        ];
        for plan in [
            FoldPlan::from_partitions(vec![first, second]).unwrap(),
            FoldPlan::from_splits(splits, n).unwrap(),
        ] {
            let file = File::new();
            plan.write(&file.0).unwrap();
            prop_assert_eq!(&FoldPlan::read(&file.0).unwrap(), &plan);
            let bytes = std::fs::read(&file.0).unwrap();
            // Any cut but that of the last line's end, and any change of a digit.
            std::fs::write(&file.0, &bytes[..cut.index(bytes.len() - 1)]).unwrap();
            prop_assert!(FoldPlan::read(&file.0).is_err());
            let digits: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
            let mut other = bytes.clone();
            let digit = digits[place.index(digits.len())];
            other[digit] = if other[digit] == b'9' { b'8' } else { other[digit] + 1 };
            // The digits in the header's names do not matter: `partition_7` is `partition_0`.
            let header_end = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0;
            let header_start = bytes.iter().position(|&b| b == b'\n').unwrap();
            if !(header_start..header_end).contains(&digit) {
                std::fs::write(&file.0, &other).unwrap();
                let error = FoldPlan::read(&file.0).unwrap_err();
                prop_assert!(error.to_string().starts_with("file "), "{}", error);
            }
        }
    }
}

/// A file of its own that is removed at the end.
struct File(std::path::PathBuf);

impl File {
    fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("stackfold_plan_{}_{number}.csv", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_seed_alone_decides() {
    let classes: Vec<u32> = (0..200).map(|i| i % 3).collect();
    let groups: Vec<i64> = (0..200).map(|i| i % 31).collect();
    let time: Vec<f64> = (0..200).map(f64::from).collect();
    let splitters: [&dyn Splitter; 5] = [
        &KFold::new(5),
        &StratifiedKFold::new(5),
        &Repeated::new(StratifiedKFold::new(3), 2),
        &HoldOut::new(0.3),
        &TimeSeriesSplit::new(3),
    ];
    for splitter in splitters {
        for groups in [None, Some(&groups[..])] {
            if groups.is_some() && format!("{splitter:?}").contains("Time") {
                continue;
            }
            let plan = |seed| plan_of(splitter, &classes, groups, Some(&time), seed).unwrap();
            for threads in [1, 2, 8] {
                assert_eq!(on_threads(threads, || plan(1)), plan(1));
            }
            let timed = format!("{splitter:?}").contains("Time");
            assert_eq!(plan(1) == plan(2), timed, "{splitter:?}");
        }
    }
}

#[test]
fn rows_are_shuffled() {
    let plan = plan_of(&KFold::new(2), &[0; 1000], None, None, 3).unwrap();
    let folds = partition(&plan).fold_of_row();
    let changes = folds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    // 999 fair coins: 499.5 changes, standard deviation 15.8.
    assert!((400..600).contains(&changes), "{changes}");
}

#[test]
fn values_are_stratified_by_tenths() {
    let n = 1000;
    let table = table_of(n, None, None);
    let values: Vec<f64> = (0..n).map(|i| ((i * 7919) % n) as f64).collect();
    let target = Values::new(values.clone()).unwrap();
    let context = SplitContext::of(Train::new(&table, &target).unwrap());
    let plan = StratifiedKFold::new(5).plan(&context).unwrap();
    for fold in 0..5 {
        let validation = partition(&plan).validation(fold);
        for tenth in 0..10 {
            let low = f64::from(tenth) * 100.0;
            let inside = validation
                .iter()
                .filter(|&&row| (low..low + 100.0).contains(&values[row as usize]))
                .count();
            assert_eq!(inside, 20);
        }
    }
    // Fewer values than folds in a tenth are no error: tenths are not classes.
    let table = table_of(12, None, None);
    let target = Values::new((0..12).map(f64::from).collect::<Vec<f64>>()).unwrap();
    let context = SplitContext::of(Train::new(&table, &target).unwrap());
    assert_eq!(
        StratifiedKFold::new(6).plan(&context).unwrap().n_splits(),
        6
    );
}

#[test]
fn positions_count_within_the_rows_that_are_split() {
    let table = table_of(10, None, None);
    let labels = Labels::new(
        vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1],
        vec!["a".into(), "b".into()],
    )
    .unwrap();
    let rows = [9, 8, 3, 2];
    let train = Train::new(&table, &labels).unwrap().subset(&rows).unwrap();
    let plan = StratifiedKFold::new(2)
        .plan(&SplitContext::of(train))
        .unwrap();
    assert_eq!(plan.n_rows(), 4);
    let folds = partition(&plan).fold_of_row();
    assert_ne!(folds[0], folds[2]); // rows 9 and 3, both "b"
    assert_ne!(folds[1], folds[3]);
}

#[test]
fn grouped_folds_are_balanced() {
    // 300 groups of 1 to 30 rows; a group's class is mostly its own.
    let (mut groups, mut classes) = (Vec::new(), Vec::new());
    let seed = Seed::new(5);
    for group in 0..300_u64 {
        let size = 1 + seed.hash(group) % 30;
        for row in 0..size {
            groups.push(i64::try_from(group).unwrap());
            let own = seed.child("own").uniform(group) < 0.1;
            let odd = seed.child("row").uniform(group * 100 + row) < 0.1;
            classes.push(u32::from(own != odd));
        }
    }
    let n = groups.len();
    let plan = plan_of(&GroupKFold::new(5), &classes, Some(&groups), None, 1).unwrap();
    assert_is_partition(&plan);
    assert!(spread(&sizes(partition(&plan))) <= 1);
    let plan = plan_of(
        &StratifiedGroupKFold::new(5),
        &classes,
        Some(&groups),
        None,
        1,
    )
    .unwrap();
    let sizes = sizes(partition(&plan));
    assert!(spread(&sizes) * 100 <= n, "{sizes:?}");
    for class in 0..2 {
        let counts = counts_of(partition(&plan), &classes, class);
        let all: usize = counts.iter().sum();
        assert!(spread(&counts) * 50 <= all, "{counts:?}");
    }
    // A hold-out of 20 % comes as near.
    let plan = plan_of(&HoldOut::new(0.2), &classes, Some(&groups), None, 1).unwrap();
    let held = plan.split(0).validation().len() as f64 / n as f64;
    assert!((held - 0.2).abs() < 0.01, "{held}");
}

#[test]
fn as_many_folds_as_groups_leave_one_group_out() {
    let groups = [5, 5, 5, 5, 5, 5, 1, 2, 2];
    let plan = plan_of(
        &GroupKFold::new(3),
        &[0, 1, 0, 1, 0, 1, 0, 1, 0],
        Some(&groups),
        None,
        0,
    )
    .unwrap();
    let mut found = sizes(partition(&plan));
    found.sort_unstable();
    assert_eq!(found, [1, 2, 6]);
    // However small the share, two groups make two sides.
    let groups = [1, 1, 1, 2, 2, 2];
    let plan = plan_of(&HoldOut::new(0.01), &[0; 6], Some(&groups), None, 0).unwrap();
    assert_eq!(plan.split(0).validation().len(), 3);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a list of messages")]
fn what_cannot_be_split_is_an_error() {
    let message =
        |splitter: &dyn Splitter, classes: &[u32], groups: Option<&[i64]>, time: Option<&[f64]>| {
            plan_of(splitter, classes, groups, time, 0)
                .unwrap_err()
                .to_string()
        };
    let classes = [0, 0, 0, 0, 1, 1];
    assert_eq!(
        message(&KFold::new(7), &classes, None, None),
        "n_folds must be at most the number of rows, 6, not 7"
    );
    assert_eq!(
        message(&KFold::new(1), &classes, None, None),
        "n_folds must be 2 or more, not 1"
    );
    assert_eq!(
        message(&StratifiedKFold::new(5), &classes, None, None),
        r#"n_folds must be at most 4, the number of rows of the largest class, "class 0", not 5"#
    );
    let groups = [1, 1, 2, 2, 1, 2];
    for splitter in [&GroupKFold::new(3) as &dyn Splitter, &KFold::new(3)] {
        assert_eq!(
            message(splitter, &classes, Some(&groups), None),
            "n_folds must be at most the number of groups, 2, not 3"
        );
    }
    for splitter in [
        &GroupKFold::new(2) as &dyn Splitter,
        &StratifiedGroupKFold::new(2),
    ] {
        assert_eq!(
            message(splitter, &classes, None, None),
            "expected a table with a group column, found none"
        );
    }
    assert_eq!(
        message(&TimeSeriesSplit::new(2), &classes, None, None),
        "expected a table with a time column, found none"
    );
    let time = [1.0, 1.0, 2.0, 2.0, 2.0, 2.0];
    assert_eq!(
        message(&TimeSeriesSplit::new(2), &classes, None, Some(&time)),
        "expected at least 3 different times, found 2"
    );
    assert_eq!(
        message(
            &TimeSeriesSplit::new(1).with_gap(2.0),
            &classes,
            None,
            Some(&time)
        ),
        "fold 0: expected train rows, found none"
    );
    assert_eq!(
        message(
            &TimeSeriesSplit::new(1),
            &classes,
            Some(&[1, 2, 1, 2, 1, 2]),
            Some(&time)
        ),
        "fold 0: expected a row to fit on whose group is not validated, found none"
    );
    for (splitter, parameter) in [
        (TimeSeriesSplit::new(0), "n_splits"),
        (TimeSeriesSplit::new(1).with_gap(f64::NAN), "gap"),
        (
            TimeSeriesSplit::new(1).with_window(Window::Sliding { length: 0.0 }),
            "length",
        ),
    ] {
        assert!(message(&splitter, &classes, None, Some(&time)).starts_with(parameter));
    }
    for fraction in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(
            message(&HoldOut::new(fraction), &classes, None, None)
                .starts_with("fraction must be between 0 and 1")
        );
    }
    assert_eq!(
        message(&HoldOut::new(0.5), &[0], None, None),
        "expected at least two rows, found 1"
    );
    assert_eq!(
        message(&HoldOut::new(0.5), &classes, Some(&[4; 6]), None),
        "expected at least two groups, found 1"
    );
    assert_eq!(
        message(&Repeated::new(KFold::new(2), 0), &classes, None, None),
        "n_repeats must be 1 or more, not 0"
    );
    assert_eq!(
        message(
            &Predefined::from_folds(vec![0, 1]).unwrap(),
            &classes,
            None,
            None
        ),
        "expected a fold plan for 6 rows, found one for 2"
    );
    assert_eq!(
        Predefined::from_folds(vec![0, 2, 2])
            .unwrap_err()
            .to_string(),
        "fold 1: expected a row in each fold, found none"
    );
}

#[test]
fn repeats_of_a_hold_out_are_splits() {
    let plan = plan_of(
        &Repeated::new(HoldOut::new(0.25), 3),
        &[0; 40],
        None,
        None,
        0,
    )
    .unwrap();
    assert_eq!((plan.n_splits(), plan.partitions()), (3, None));
    assert_ne!(plan.split(0), plan.split(1));
}

#[test]
fn a_file_that_is_no_plan_says_so() {
    let file = File::new();
    let message = |text: &[u8]| {
        std::fs::write(&file.0, text).unwrap();
        let message = FoldPlan::read(&file.0).unwrap_err().to_string();
        let prefix = format!("file {:?}, ", file.0.display().to_string());
        let plain = format!("file {:?}: ", file.0.display().to_string());
        message.replace(&prefix, "").replace(&plain, "")
    };
    let expected =
        r##"expected a fold plan, whose first line is "# stackfold fold plan 1", found "##;
    assert_eq!(message(b""), format!("{expected}\"\""));
    assert_eq!(message(b"id,y\n1,2\n"), format!("{expected}\"id,y\""));
    assert!(message(b"# stackfold fold plan 11\n").starts_with(expected));
    let cut =
        "expected a whole fold plan, with a checksum in its last line, found one that is cut short";
    assert_eq!(
        message(b"# stackfold fold plan 1\nrow,partition_0\n0,0\n1,1\n"),
        cut
    );
    let bad = |lines: &str| {
        message(
            format!("# stackfold fold plan 1\n{lines}\n# checksum 0123456789abcdef\n").as_bytes(),
        )
    };
    assert_eq!(
        bad("row,partition_0\n0,0\n2,1"),
        "row 1: expected an undamaged fold plan, found \"2,1\""
    );
    assert_eq!(
        bad("row,partition_0\n0,0\n1"),
        "row 1: expected an undamaged fold plan, found too few cells"
    );
    assert_eq!(
        bad("row,split_0\n0,train\n1,both"),
        "row 1: expected an undamaged fold plan, found side \"both\""
    );
    assert!(bad("row,partition_0\n0,0\n1,1").ends_with("under checksum 0123456789abcdef"));
    assert_eq!(
        message(&[0xff, 0xfe]),
        "expected an undamaged fold plan, found bytes that are no text"
    );
    assert!(FoldPlan::read("/nowhere/plan.csv").is_err());
    let plan = FoldPlan::from_partitions(vec![Folds::new(vec![0, 1], 2).unwrap()]).unwrap();
    assert!(plan.write("/nowhere/plan.csv").is_err());
}

#[test]
fn a_failed_write_leaves_the_old_plan_and_no_rubbish() {
    let directory = std::env::temp_dir().join(format!("stackfold_plans_{}", std::process::id()));
    let plan = FoldPlan::from_partitions(vec![Folds::new(vec![0, 1], 2).unwrap()]).unwrap();
    std::fs::create_dir_all(directory.join("taken/inner")).unwrap();
    // A directory that is not empty cannot be replaced by a file.
    assert!(plan.write(directory.join("taken")).is_err());
    let left: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["taken"]);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn targets_of_rows_of_weight_0_deal_no_row() {
    let n = 90_usize;
    let weights: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 > 0))).collect();
    let groups: Vec<i64> = (0..).take(n).map(|i| i % 17).collect();
    for grouped in [false, true] {
        let table = table_of(n, grouped.then_some(&groups[..]), None);
        let table = table.with_column("weight", Column::numeric(weights.clone()));
        let table = table.unwrap().with_role("weight", Role::Weight).unwrap();
        let folds = |splitter: &dyn Splitter, factor: usize| {
            let number = |i: usize| if i.is_multiple_of(3) { i * factor } else { i };
            let class = |i: usize| u32::from(number(i) % 7 < 3);
            let names = vec!["no".to_owned(), "yes".to_owned()];
            let labels = Labels::new((0..n).map(class).collect::<Vec<_>>(), names).unwrap();
            let value = |i: usize| (number(i) * 31 % n) as f64;
            let values = Values::new((0..n).map(value).collect::<Vec<_>>()).unwrap();
            let of_labels = SplitContext::of(Train::new(&table, &labels).unwrap());
            let of_values = SplitContext::of(Train::new(&table, &values).unwrap());
            [of_labels, of_values].map(|context| {
                let split = splitter.plan(&context).unwrap().split(0);
                split.validation().to_vec()
            })
        };
        for splitter in [
            &StratifiedKFold::new(4) as &dyn Splitter,
            &HoldOut::new(0.25),
        ] {
            assert_eq!(folds(splitter, 1), folds(splitter, 2), "{splitter:?}");
        }
    }
}
