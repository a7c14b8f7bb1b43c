//! What a plan does to rare classes.

use super::{FoldPlan, PlanKind, SplitContext};

/// So many classes are named at most.
const MOST_NAMED: usize = 5;

impl FoldPlan {
    /// What to know before these rows are fitted and scored by this plan: a line for each class of
    /// which some split has no row to validate, or none to fit on, and how many splits these are;
    /// beyond five classes, how many more.
    ///
    /// A score that needs each class is not defined where one is not validated, and a class without
    /// a row to fit on is predicted with a probability of about 0. Of values there is nothing to
    /// note.
    ///
    /// ```
    /// use stackfold::data::{Column, Labels, Table, Train};
    /// use stackfold::folds::{SplitContext, Splitter, StratifiedKFold};
    /// let table = Table::new([("x", Column::numeric(vec![0.0; 7]))])?;
    /// let target = Labels::from_strs(&["a", "b", "a", "a", "c", "b", "b"])?;
    /// let context = SplitContext::of(Train::new(&table, &target)?);
    /// let plan = StratifiedKFold::new(3).plan(&context)?;
    /// let note = r#"class "c" has 1 row: none to validate in 2 of 3 splits, none to fit on in 1"#;
    /// assert_eq!(plan.notes(&context), [note]);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    #[must_use]
    pub fn notes(&self, context: &SplitContext<'_>) -> Vec<String> {
        let sizes = context.class_sizes();
        let (unvalidated, unfitted) = self.splits_without(context, &sizes);
        let mut notes = Vec::new();
        let mut n_more = 0;
        let classes = sizes.iter().zip(context.class_names());
        for ((&size, name), (&unvalidated, &unfitted)) in
            classes.zip(unvalidated.iter().zip(&unfitted))
        {
            // Of a class without a row there is none anywhere.
            if size == 0 || (unvalidated == 0 && unfitted == 0) {
                continue;
            }
            if notes.len() == MOST_NAMED {
                n_more += 1;
                continue;
            }
            let rows = if size == 1 { "row" } else { "rows" };
            let n_splits = self.n_splits();
            let splits = if n_splits == 1 { "split" } else { "splits" };
            let lacks = match (unvalidated, unfitted) {
                (_, 0) => format!("none to validate in {unvalidated} of {n_splits} {splits}"),
                (0, _) => format!("none to fit on in {unfitted} of {n_splits} {splits}"),
                _ => format!(
                    "none to validate in {unvalidated} of {n_splits} {splits}, none to fit on in {unfitted}"
                ),
            };
            notes.push(format!("class {name:?} has {size} {rows}: {lacks}"));
        }
        if n_more > 0 {
            let classes = if n_more == 1 { "class" } else { "classes" };
            notes.push(format!("so it is with {n_more} more {classes}"));
        }
        notes
    }

    /// In how many splits each class has no row to validate, and none to fit on.
    fn splits_without(
        &self,
        context: &SplitContext<'_>,
        sizes: &[usize],
    ) -> (Vec<usize>, Vec<usize>) {
        let strata = context.strata();
        let mut unvalidated = vec![0; sizes.len()];
        let mut unfitted = vec![0; sizes.len()];
        let mut note = |validation: &[usize], train: &dyn Fn(usize) -> usize| {
            for class in 0..sizes.len() {
                unvalidated[class] += usize::from(validation[class] == 0);
                unfitted[class] += usize::from(train(class) == 0);
            }
        };
        if sizes.is_empty() {
            return (unvalidated, unfitted);
        }
        match &self.kind {
            PlanKind::Partitions(partitions) => {
                for folds in partitions {
                    let mut counts = vec![vec![0; sizes.len()]; folds.n_folds()];
                    for (&fold, &class) in folds.fold_of_row().iter().zip(strata) {
                        // Rows of weight 0 are of no class.
                        if let Some(count) = counts[usize::from(fold)].get_mut(class as usize) {
                            *count += 1;
                        }
                    }
                    for fold in &counts {
                        note(fold, &|class| sizes[class] - fold[class]);
                    }
                }
            }
            PlanKind::Splits(splits) => {
                let count = |rows: &[u32]| {
                    let mut counts = vec![0; sizes.len()];
                    for &row in rows {
                        // A plan made for other rows is somebody else's error.
                        let class = strata.get(row as usize);
                        if let Some(count) = class.and_then(|&class| counts.get_mut(class as usize))
                        {
                            *count += 1;
                        }
                    }
                    counts
                };
                for split in splits {
                    let train = count(split.train());
                    note(&count(split.validation()), &|class| train[class]);
                }
            }
        }
        (unvalidated, unfitted)
    }
}
