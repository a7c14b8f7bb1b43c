//! Jobs of stacks and of cross-validation.

use std::hint::black_box;
use std::time::Instant;

use rayon::ThreadPoolBuilder;
use stackfold::data::{Column, ColumnKind, Labels, RowIndex, Table, Train};
use stackfold::folds::StratifiedKFold;
use stackfold::model::bayes::GaussianNaiveBayes;
use stackfold::model::hist::{ExtraTrees, HistGradientBoosting, RandomForest};
use stackfold::model::linear::LogisticRegression;
use stackfold::model::{DynLearner, FittedLearner, Learner};
use stackfold::model_selection::CrossValidator;
use stackfold::pipeline::Pipeline;
use stackfold::random::Seed;
use stackfold::stack::{LogisticBlender, NewRows, Scheme, Stack, View, Weights};
use stackfold::transform::encode::TargetEncoder;
use stackfold::transform::impute::Imputer;
use stackfold::transform::scale::StandardScaler;
use stackfold::transform::{Chain, ColumnTransformer, Selector, Then};

use crate::Result;
use crate::folder::Folder;
use crate::job::{BlendWeights, Job, Measure, Member, StackJob};
use crate::measure::{Batch, Report, measured, median};

pub fn run(job: &Job, folder: &Folder) -> Result<Report> {
    let options = job.stack.as_ref().ok_or("a stack has options")?;
    let train = folder.table("train", job.categories)?;
    let target = folder.labels()?;
    let rows = Train::new(&train, &target)?.with_seed(Seed::new(job.seed));
    if options.is_cross_validation {
        return cross_validate(job, options, rows);
    }
    let mut stack = stack(options);
    if matches!(job.measure, Measure::PredictRow) {
        // As scikit-learn's stack predicts.
        stack = stack.with_new_rows(NewRows::Refit);
    }
    let (fitted, seconds, mb) = measured(|| stack.fit(rows))?;
    let test = folder.table("test", job.categories)?;
    if !matches!(job.measure, Measure::PredictRow) {
        return Report::new(job, seconds, Some(mb), &fitted.predict(test.rows())?);
    }
    let batch = batch(&test, &fitted)?;
    // The fit and the batch take all threads, a row takes one.
    let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
    let seconds = pool.install(|| {
        seconds_per_row(&test, job.calls, &fitted).map_err(|error| error.to_string())
    })?;
    let report = Report::new(job, seconds, None, &fitted.predict(test.rows())?)?;
    Ok(Report {
        batch: Some(batch),
        ..report
    })
}

fn stack(options: &StackJob) -> Stack<Labels> {
    let scheme = match options.n_folds {
        0 => Scheme::holdout(0.5),
        n_folds => Scheme::out_of_fold(StratifiedKFold::new(n_folds)),
    };
    let view = View::new("features", view());
    let blender = LogisticBlender::new().with_weights(match options.weights {
        BlendWeights::NonNegative => Weights::NonNegative,
        BlendWeights::Any => Weights::Any,
    });
    let mut stack = Stack::new(scheme)
        .with_blender(blender)
        .with_memory_limit(options.memory_limit);
    for (i, member) in options.members.iter().enumerate() {
        let name = format!("{member:?} {i}");
        stack = match member {
            Member::Logistic => stack.with_member(name, &view, LogisticRegression::new()),
            Member::NaiveBayes => stack.with_member(name, &view, GaussianNaiveBayes::new()),
            Member::Forest => stack.with_member(name, &view, forest()),
            Member::ExtraTrees => stack.with_member(name, &view, extra_trees()),
            Member::Boosting => stack.with_member(name, &view, HistGradientBoosting::new()),
        };
    }
    stack
}

/// Numbers with the mean in place of missing ones, categories by their targets; all standardised.
fn view() -> Then<ColumnTransformer<Labels>, StandardScaler> {
    let categories = Selector::kind(ColumnKind::Categorical);
    ColumnTransformer::new()
        .with(
            "numbers",
            Selector::kind(ColumnKind::Numeric),
            Imputer::mean(),
        )
        .with("categories", categories, TargetEncoder::new())
        .then(StandardScaler::new())
}

fn forest() -> RandomForest {
    RandomForest::new()
        .with_n_trees(100)
        .with_max_depth(Some(12))
}

fn extra_trees() -> ExtraTrees {
    ExtraTrees::new().with_n_trees(100).with_max_depth(Some(12))
}

/// Out-of-fold predictions of one learner, in the order of the rows.
fn cross_validate(job: &Job, options: &StackJob, rows: Train<'_, Labels>) -> Result<Report> {
    let [member] = options.members[..] else {
        return Err("one learner is cross-validated".into());
    };
    let learner: Box<dyn DynLearner<Labels>> = match member {
        Member::Logistic => Box::new(Pipeline::new(view(), LogisticRegression::new())),
        Member::NaiveBayes => Box::new(Pipeline::new(view(), GaussianNaiveBayes::new())),
        Member::Forest => Box::new(Pipeline::new(view(), forest())),
        Member::ExtraTrees => Box::new(Pipeline::new(view(), extra_trees())),
        Member::Boosting => Box::new(Pipeline::new(view(), HistGradientBoosting::new())),
    };
    let folds = StratifiedKFold::new(options.n_folds);
    let validator = CrossValidator::new(&folds).with_memory_limit(options.memory_limit);
    let (result, seconds, mb) = measured(|| validator.run(learner.as_ref(), rows))?;
    Report::new(job, seconds, Some(mb), result.out_of_fold().prediction())
}

/// All rows of the table at once: the median of three calls.
fn batch(test: &Table, fitted: &impl FittedLearner<Labels>) -> Result<Batch> {
    let runs = (0..3).map(|_| measured(|| fitted.predict(test.rows())));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    Ok(Batch {
        seconds: median(runs.iter().map(|run| run.1).collect()),
        mb: median(runs.iter().map(|run| run.2).collect()),
    })
}

/// The median over tables of one row each, the rows in turn.
fn seconds_per_row(test: &Table, calls: usize, fitted: &impl FittedLearner<Labels>) -> Result<f64> {
    let rows: Vec<Table> = (0..test.n_rows().min(calls))
        .map(|row| one_row(test, row))
        .collect::<Result<_>>()?;
    let mut times = Vec::with_capacity(calls);
    for row in rows.iter().cycle().take(calls) {
        let start = Instant::now();
        black_box(fitted.predict(black_box(row).rows())?);
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(median(times))
}

fn one_row(test: &Table, row: usize) -> Result<Table> {
    let row = [u32::try_from(row)?];
    let columns = test.schema().fields().iter().map(|field| {
        let column = test.column(field.name())?;
        let column = match column.codes() {
            Some((codes, levels)) => {
                let code = codes[row[0] as usize];
                Column::categorical([levels.name(code)])
            }
            None => Column::numeric(column.numbers(RowIndex::Some(&row))),
        };
        Ok((field.name().to_owned(), column))
    });
    Ok(Table::new(columns.collect::<Result<Vec<_>>>()?)?)
}
