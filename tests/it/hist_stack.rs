//! Trees on histograms as members, on a further level, and as the blender.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may panic")]

use stackfold::folds::StratifiedKFold;
use stackfold::metrics::{ClassificationMetric, Metric};
use stackfold::model::hist::{ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::prelude::*;
use stackfold::stack::{EstimatorBlender, Level, Scheme, Stack, View};
use stackfold::transform::passthrough::Passthrough;

#[test]
fn trees_are_members_levels_and_blenders() {
    let seed = Seed::new(11);
    let n = 600_u64;
    let column = |name: &str| {
        (0..n)
            .map(|i| seed.child(name).uniform(i))
            .collect::<Vec<_>>()
    };
    let (a, mut b) = (column("a"), column("b"));
    // The class follows both, and a missing cell means the positive one.
    let codes: Vec<u32> = a
        .iter()
        .zip(&b)
        .map(|(a, b)| u32::from(a + b > 1.0))
        .collect();
    for (b, &code) in b.iter_mut().zip(&codes).step_by(7) {
        if code == 1 {
            *b = f64::NAN;
        }
    }
    let table = Table::new([("a", Column::numeric(a)), ("b", Column::numeric(b))]).unwrap();
    let target = Labels::new(codes, vec!["no".into(), "yes".into()]).unwrap();

    let boosting = HistGradientBoosting::new().with_n_trees(30);
    let view = View::new("raw", Passthrough::new());
    let stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(3)))
        .with_member("boosting", &view, boosting.clone())
        .with_member("forest", &view, RandomForest::new().with_n_trees(20))
        .with_out_of_bag_member("extra", &view, {
            let bag = stackfold::model::hist::Bag::Bootstrap;
            ExtraTrees::new().with_n_trees(40).with_bag(bag)
        })
        .with_level(Level::new().with_member("second", boosting.clone()))
        .with_blender(EstimatorBlender::new(boosting));
    let train = Train::new(&table, &target).unwrap().with_seed(seed);
    let fitted = stack.fit(train).unwrap();
    let out_of_fold = fitted.out_of_fold_stack().unwrap();
    let auc = ClassificationMetric::RocAuc.score(&target, out_of_fold, None);
    assert!(auc.unwrap() > 0.97);
    assert_eq!(fitted.predict(table.rows()).unwrap().n_rows(), 600);
}
