//! The loop over splits.

use super::report::{CrossValidation, FoldReport, MetricScores, OutOfFold};
use crate::clock::Stopwatch;
use crate::data::{Target, Train, check_prediction};
use crate::error::{Error, ErrorKind, Result};
use crate::folds::{FoldPlan, SplitContext, Splitter, pool};
use crate::metrics::Metric;
use crate::model::DynLearner;
use crate::progress::Event;
use crate::schedule::{self, Jobs, check_memory_limit};

/// Fits a learner in each split of the splitter's plan, and scores its predictions of the rows
/// that were held out.
///
/// Splits run in parallel ([`CrossValidator`] can bound their memory). Split `s` fits with the seed
/// `train.seed().child("fold").at(s)`; the plan comes from `train.seed()` as well, so that the same rows under the same seed give the same
/// result on any number of threads. The table's weights reach the fits and the scores. Everything
/// that the learner learns from data is learned anew in each split.
///
/// ```
/// use stackfold::data::*;
/// use stackfold::folds::KFold;
/// use stackfold::metrics::RegressionMetric;
/// use stackfold::model::{FittedLearner, Learner};
/// use stackfold::model_selection::cross_validate;
/// use stackfold::Result;
///
/// /// Predicts the mean of the values that it was fitted on.
/// #[derive(Debug)]
/// struct Mean;
/// #[derive(Debug)]
/// struct FittedMean(f64);
/// impl Learner<Values> for Mean {
///     type Fitted = FittedMean;
///     fn fit(&self, train: Train<'_, Values>) -> Result<FittedMean> {
///         Ok(FittedMean(train.target().as_slice().iter().sum::<f64>() / train.len() as f64))
///     }
/// }
/// impl FittedLearner<Values> for FittedMean {
///     fn predict(&self, rows: Rows<'_>) -> Result<Values> {
///         Values::new(vec![self.0; rows.len()])
///     }
/// }
///
/// let table = Table::new([("x", Column::numeric(vec![0.0; 4]))])?;
/// let target = Values::new(vec![1.0, 2.0, 3.0, 6.0])?;
/// let train = Train::new(&table, &target)?;
/// // Leave one out: the last row, 6, is predicted by 2, the mean of the others.
/// let result = cross_validate(&Mean, train, &KFold::new(4), &[&RegressionMetric::Mae])?;
/// assert_eq!(result.out_of_fold().prediction().as_slice()[3], 2.0);
/// let scores = result.scores("mae")?;
/// // Errors: 8/3, 4/3, 0, 4.
/// assert!((scores.pooled() - 2.0).abs() < 1e-12);
/// assert_eq!(scores.per_fold().len(), 4);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// A score that a split's validation rows do not define (the AUC of rows of one class) is left out
/// of that split, and [`CrossValidation::notes`] says so; the progress observer of the training
/// rows receives it as well ([`Event::Note`]).
///
/// # Errors
/// If the splitter fails; if a fit, a prediction or a score fails: the error names the split as a
/// fold, the first one if several fail; if a score of all out-of-fold predictions together is not
/// defined (the error names the metric); if two metrics have one name.
pub fn cross_validate<Y: Target>(
    learner: &dyn DynLearner<Y>,
    train: Train<'_, Y>,
    splitter: &dyn Splitter,
    metrics: &[&dyn Metric<Y>],
) -> Result<CrossValidation<Y>> {
    CrossValidator::new(splitter)
        .with_metrics(metrics)
        .run(learner, train)
}

/// The out-of-fold predictions of [`cross_validate`], without scores.
///
/// ```
/// # use stackfold::data::*;
/// # use stackfold::model::{FittedLearner, Learner};
/// use stackfold::folds::HoldOut;
/// use stackfold::model_selection::cross_val_predict;
/// # #[derive(Debug)]
/// # struct Zero;
/// # impl Learner<Values> for Zero {
/// #     type Fitted = Zero;
/// #     fn fit(&self, _: Train<'_, Values>) -> stackfold::Result<Zero> {
/// #         Ok(Zero)
/// #     }
/// # }
/// # impl FittedLearner<Values> for Zero {
/// #     fn predict(&self, rows: Rows<'_>) -> stackfold::Result<Values> {
/// #         Values::new(vec![0.0; rows.len()])
/// #     }
/// # }
/// let table = Table::new([("x", Column::numeric(vec![0.0; 10]))])?;
/// let target = Values::new((0..10).map(f64::from).collect::<Vec<_>>())?;
/// let found = cross_val_predict(&Zero, Train::new(&table, &target)?, &HoldOut::new(0.3))?;
/// assert_eq!(found.rows().len(), 3);
/// assert_eq!(found.left_out().len(), 7);
/// assert_eq!(found.prediction().as_slice(), [0.0; 3]);
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// As for [`cross_validate`].
pub fn cross_val_predict<Y: Target>(
    learner: &dyn DynLearner<Y>,
    train: Train<'_, Y>,
    splitter: &dyn Splitter,
) -> Result<OutOfFold<Y>> {
    cross_validate(learner, train, splitter, &[]).map(|result| result.out_of_fold)
}

/// [`cross_validate`] with options.
///
/// ```
/// use stackfold::folds::KFold;
/// use stackfold::metrics::RegressionMetric;
/// use stackfold::model::baseline::Prior;
/// use stackfold::model_selection::{CrossValidator, cross_validate};
/// use stackfold::prelude::*;
/// use stackfold::transform::passthrough::Passthrough;
/// let table = Table::new([("x", Column::numeric(vec![0.0; 100]))])?;
/// let target = Values::new((0..100).map(f64::from).collect::<Vec<_>>())?;
/// let train = Train::new(&table, &target)?;
/// let learner = Pipeline::new(Passthrough::new(), Prior::new());
/// let result = CrossValidator::new(&KFold::new(5))
///     .with_metrics(&[&RegressionMetric::Mae])
///     .with_memory_limit(Some(1_000)) // 80 rows of one feature: 320 bytes, so three at once
///     .run(&learner, train)?;
/// let same = cross_validate(&learner, train, &KFold::new(5), &[&RegressionMetric::Mae])?;
/// assert_eq!(result.scores("mae")?.pooled(), same.scores("mae")?.pooled());
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CrossValidator<'a, Y: Target> {
    splitter: &'a dyn Splitter,
    metrics: &'a [&'a dyn Metric<Y>],
    memory_limit: Option<u64>,
}

impl<'a, Y: Target> CrossValidator<'a, Y> {
    /// Over the splits of this splitter, without metrics and without a limit.
    #[must_use]
    pub fn new(splitter: &'a dyn Splitter) -> Self {
        Self {
            splitter,
            metrics: &[],
            memory_limit: None,
        }
    }

    /// With these metrics.
    #[must_use]
    pub fn with_metrics(self, metrics: &'a [&'a dyn Metric<Y>]) -> Self {
        Self { metrics, ..self }
    }

    /// How many bytes the fits that run at one time may need, by their learner's estimate
    /// ([`Learner::memory`](crate::model::Learner::memory)); no limit by default.
    ///
    /// As many splits run at once as there are threads, and fewer where their estimates together
    /// would pass the limit; a fit that alone is above it runs alone, and the progress
    /// observer of the training rows receives [`Event::AboveMemoryLimit`]. The table and the fitted models are not
    /// counted. Results have the same bits whatever the limit.
    #[must_use]
    pub fn with_memory_limit(self, bytes: Option<u64>) -> Self {
        Self {
            memory_limit: bytes,
            ..self
        }
    }

    /// Fits the learner in each split, and scores its predictions.
    ///
    /// # Errors
    /// As for [`cross_validate`]; if the memory limit is 0.
    pub fn run(
        &self,
        learner: &dyn DynLearner<Y>,
        train: Train<'_, Y>,
    ) -> Result<CrossValidation<Y>> {
        Y::cross_validate(self, learner, train)
    }

    pub(crate) fn run_here(
        &self,
        learner: &dyn DynLearner<Y>,
        train: Train<'_, Y>,
    ) -> Result<CrossValidation<Y>> {
        let metrics = self.metrics;
        check_names(metrics)?;
        check_memory_limit(self.memory_limit)?;
        let context = SplitContext::of(train);
        let plan = self.splitter.plan(&context)?;
        if plan.n_rows() != train.len() {
            return Err(Error::data(
                format!("a fold plan for {} rows", train.len()),
                format!("one for {}", plan.n_rows()),
            ));
        }
        let mut notes = plan.notes(&context);
        tell(train, &notes);
        let (n_columns, n_outputs) = (
            train.rows().features().count(),
            train.table_target().n_outputs(),
        );
        let sizes = (0..plan.n_splits()).map(|split| {
            let split = plan.split(split);
            let n_rows = split.train().len().max(split.validation().len());
            let memory = learner.memory_dyn(n_rows, n_columns, n_outputs);
            (split.train().len() as u64, memory)
        });
        let splits = Splits {
            learner,
            train,
            plan: &plan,
            metrics,
            memory_limit: self.memory_limit,
            sizes: sizes.collect(),
        };
        let outcomes = schedule::run(&splits, self.memory_limit).outputs;
        let outcomes = outcomes.into_iter().collect::<Result<Vec<_>>>()?;
        let out_of_fold = out_of_fold(train, &outcomes)?;
        let pooled_rows = train.rows().table_rows(out_of_fold.rows());
        let pooled = train.at(&pooled_rows).sample();
        let scores = metrics
            .iter()
            .enumerate()
            .map(|(i, metric)| {
                let prediction = out_of_fold.prediction();
                let of_fold = |outcome: &Outcome<Y>| outcome.scores[i].as_ref().ok().copied();
                Ok(MetricScores {
                    name: metric.name().to_owned(),
                    greater_is_better: metric.greater_is_better(),
                    per_fold: outcomes.iter().map(of_fold).collect(),
                    pooled: metric
                        .score(pooled.target(), prediction, pooled.weights())
                        .map_err(|error| error.in_metric(metric.name()))?,
                    interval: metric
                        .interval(pooled.target(), prediction, pooled.weights())
                        .map_err(|error| error.in_metric(metric.name()))?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let undefined = undefined_scores(metrics, &outcomes);
        tell(train, &undefined);
        notes.extend(undefined);
        let folds = outcomes.into_iter().map(|outcome| outcome.report).collect();
        Ok(CrossValidation {
            plan,
            folds,
            scores,
            out_of_fold,
            notes,
        })
    }
}

/// The splits as jobs.
struct Splits<'a, Y: Target> {
    learner: &'a dyn DynLearner<Y>,
    train: Train<'a, Y>,
    plan: &'a FoldPlan,
    metrics: &'a [&'a dyn Metric<Y>],
    memory_limit: Option<u64>,
    /// Of each split: how many training rows, and how many bytes.
    sizes: Vec<(u64, u64)>,
}

impl<Y: Target> Jobs for Splits<'_, Y> {
    type Output = Result<Outcome<Y>>;

    fn len(&self) -> usize {
        self.sizes.len()
    }

    fn cost(&self, job: usize) -> u64 {
        self.sizes[job].0
    }

    fn memory(&self, job: usize) -> u64 {
        self.sizes[job].1
    }

    fn run(&self, job: usize, _resize: &dyn Fn(u64)) -> Self::Output {
        let bytes = self.sizes[job].1;
        if let Some(limit) = self.memory_limit.filter(|&limit| bytes > limit) {
            self.train.tell(&Event::AboveMemoryLimit {
                task: "learner",
                split: Some(job),
                bytes,
                limit,
            });
        }
        fit_and_score(self.learner, self.train, self.plan, job, self.metrics)
            .map_err(|error| error.in_fold(job))
    }
}

/// What one split gives.
struct Outcome<Y: Target> {
    validation: Vec<u32>,
    prediction: Y::Prediction,
    /// By metric; those that are not defined say why.
    scores: Vec<Result<f64>>,
    report: FoldReport,
}

fn fit_and_score<Y: Target>(
    learner: &dyn DynLearner<Y>,
    train: Train<'_, Y>,
    plan: &FoldPlan,
    split: usize,
    metrics: &[&dyn Metric<Y>],
) -> Result<Outcome<Y>> {
    let seed = train.seed().child("fold").at(split);
    let split = plan.split(split);
    let fit_rows = train.rows().table_rows(split.train());
    let validation_rows = train.rows().table_rows(split.validation());
    let validation = train.at(&validation_rows);

    let start = Stopwatch::start();
    let fitted = learner.fit_dyn(train.at(&fit_rows).with_seed(seed))?;
    let fit_seconds = start.seconds();
    let start = Stopwatch::start();
    let prediction = fitted.predict(validation.rows())?;
    let predict_seconds = start.seconds();
    check_prediction(train.table_target(), &prediction, validation.len())?;

    let held_out = validation.sample();
    let scores = metrics
        .iter()
        .map(
            |metric| match metric.score(held_out.target(), &prediction, held_out.weights()) {
                Err(error) if !matches!(error.kind(), ErrorKind::Undefined { .. }) => {
                    Err(error.in_metric(metric.name()))
                }
                score => Ok(score),
            },
        )
        .collect::<Result<Vec<_>>>()?;
    Ok(Outcome {
        report: FoldReport {
            n_train: split.train().len(),
            n_validation: split.validation().len(),
            fit_seconds,
            predict_seconds,
        },
        validation: split.validation().to_vec(),
        prediction,
        scores,
    })
}

/// Of each metric, in which folds it is not defined, and why in the first of them.
fn undefined_scores<Y: Target>(metrics: &[&dyn Metric<Y>], outcomes: &[Outcome<Y>]) -> Vec<String> {
    let mut notes = Vec::new();
    for (i, metric) in metrics.iter().enumerate() {
        let failed = || {
            let scores = outcomes.iter().enumerate();
            scores.filter_map(|(fold, o)| o.scores[i].as_ref().err().map(|error| (fold, error)))
        };
        if let Some((_, reason)) = failed().next() {
            let folds: Vec<String> = failed().map(|(fold, _)| fold.to_string()).collect();
            let name = metric.name();
            let folds = folds.join(", ");
            notes.push(format!("{name} is not defined in fold {folds}: {reason}"));
        }
    }
    notes
}

fn tell<Y: Target>(train: Train<'_, Y>, notes: &[String]) {
    for text in notes {
        train.tell(&Event::Note { text });
    }
}

/// The mean prediction of each row that has one.
fn out_of_fold<Y: Target>(train: Train<'_, Y>, outcomes: &[Outcome<Y>]) -> Result<OutOfFold<Y>> {
    let parts = outcomes.iter();
    let parts = parts.map(|outcome| (outcome.validation.as_slice(), &outcome.prediction));
    let (rows, prediction) = pool(train.table_target(), train.len(), parts)?;
    let all = (0..).take(train.len());
    let left_out = all.filter(|row| rows.binary_search(row).is_err());
    Ok(OutOfFold {
        left_out: left_out.collect(),
        rows,
        prediction,
    })
}

fn check_names<Y: Target>(metrics: &[&dyn Metric<Y>]) -> Result<()> {
    for (i, metric) in metrics.iter().enumerate() {
        if metrics[..i]
            .iter()
            .any(|other| other.name() == metric.name())
        {
            return Err(Error::parameter(
                "metrics",
                "of different names",
                format!("{} twice", metric.name()),
            ));
        }
    }
    Ok(())
}
