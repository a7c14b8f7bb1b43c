//! What cross-validation found.

use std::fmt;

use crate::data::Target;
use crate::error::{Error, Result};
use crate::folds::{FoldPlan, TrainTest};
use crate::metrics::{Interval, Metric};
use crate::model::FittedLearner;
use crate::text_table::{Align, write_table};

/// What [`cross_validate`](super::cross_validate) found; it prints as a table.
///
/// Rows are positions among the rows that were cross-validated, from 0.
#[derive(Debug, Clone)]
pub struct CrossValidation<Y: Target> {
    pub(super) plan: FoldPlan,
    pub(super) folds: Vec<FoldReport>,
    pub(super) scores: Vec<MetricScores>,
    pub(super) out_of_fold: OutOfFold<Y>,
    pub(super) notes: Vec<String>,
}

impl<Y: Target> CrossValidation<Y> {
    /// The plan that was followed.
    #[must_use]
    pub fn plan(&self) -> &FoldPlan {
        &self.plan
    }

    /// Sizes and seconds of each split.
    #[must_use]
    pub fn folds(&self) -> &[FoldReport] {
        &self.folds
    }

    /// The scores by each metric, in the order in which these were given.
    #[must_use]
    pub fn all_scores(&self) -> &[MetricScores] {
        &self.scores
    }

    /// The scores by the metric of this name.
    ///
    /// # Errors
    /// If there was no such metric.
    pub fn scores(&self, metric: &str) -> Result<&MetricScores> {
        self.scores
            .iter()
            .find(|scores| scores.name == metric)
            .ok_or_else(|| {
                let names: Vec<&str> = self.scores.iter().map(MetricScores::name).collect();
                Error::parameter("metric", format!("one of {}", names.join(", ")), metric)
            })
    }

    /// The out-of-fold predictions.
    #[must_use]
    pub fn out_of_fold(&self) -> &OutOfFold<Y> {
        &self.out_of_fold
    }

    /// What to know of the scores: the plan's notes on rare classes ([`FoldPlan::notes`]), and which
    /// folds do not define a score.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl<Y: Target> TrainTest<'_, Y> {
    /// The score of a fitted model's predictions of the rows held out, with their weights.
    ///
    /// ```
    /// use stackfold::model::baseline::Prior;
    /// use stackfold::prelude::*;
    /// let table = Table::new([("x", Column::from(vec![1.0; 10]))])?;
    /// let target = Labels::from_strs(&["a", "b", "b", "b", "b", "a", "b", "b", "b", "b"])?;
    /// let split = Train::new(&table, &target)?.split(0.5)?;
    /// let fitted = Pipeline::new(Passthrough::new(), Prior::new()).fit(split.train())?;
    /// assert_eq!(split.score(&fitted, &ClassificationMetric::Accuracy)?, 0.8);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the rows cannot be predicted, or the score is not defined for them.
    pub fn score(&self, fitted: &impl FittedLearner<Y>, metric: &impl Metric<Y>) -> Result<f64> {
        let prediction = fitted.predict(self.test())?;
        let weights = self.test().weights();
        metric.score(&self.test_target(), &prediction, weights.as_deref())
    }
}

/// Predictions of rows by models that were not fitted on them.
#[derive(Debug, Clone)]
pub struct OutOfFold<Y: Target> {
    pub(super) rows: Vec<u32>,
    pub(super) left_out: Vec<u32>,
    pub(super) prediction: Y::Prediction,
}

impl<Y: Target> OutOfFold<Y> {
    /// The rows that were predicted, in order: positions among the rows that were split.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The rows that no split validated, in order.
    #[must_use]
    pub fn left_out(&self) -> &[u32] {
        &self.left_out
    }

    /// The predictions of [`OutOfFold::rows`]; of a row that several splits validated, the mean.
    #[must_use]
    pub fn prediction(&self) -> &Y::Prediction {
        &self.prediction
    }
}

/// Sizes and seconds of one split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoldReport {
    pub(super) n_train: usize,
    pub(super) n_validation: usize,
    pub(super) fit_seconds: f64,
    pub(super) predict_seconds: f64,
}

impl FoldReport {
    /// How many rows were fitted on.
    #[must_use]
    pub fn n_train(&self) -> usize {
        self.n_train
    }

    /// How many rows were predicted.
    #[must_use]
    pub fn n_validation(&self) -> usize {
        self.n_validation
    }

    /// Seconds on the clock from the start of the fit to its end, other splits running beside it.
    #[must_use]
    pub fn fit_seconds(&self) -> f64 {
        self.fit_seconds
    }

    /// Seconds on the clock from the start of the prediction to its end.
    #[must_use]
    pub fn predict_seconds(&self) -> f64 {
        self.predict_seconds
    }
}

/// Scores by one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricScores {
    pub(super) name: String,
    pub(super) greater_is_better: bool,
    pub(super) per_fold: Vec<Option<f64>>,
    pub(super) pooled: f64,
    pub(super) interval: Option<Interval>,
}

impl MetricScores {
    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a greater score is a better one.
    #[must_use]
    pub fn greater_is_better(&self) -> bool {
        self.greater_is_better
    }

    /// The score of each split; `None` where the split's validation rows do not define it, as with
    /// the AUC of rows that are all of one class.
    #[must_use]
    pub fn per_fold(&self) -> &[Option<f64>] {
        &self.per_fold
    }

    /// The mean of the splits' scores, of those that have one; `None` if none has.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let n = self.defined().count();
        (n > 0).then(|| self.defined().sum::<f64>() / n as f64)
    }

    /// The standard deviation of the splits' scores, `None` if fewer than two have one; it is no
    /// standard error of their mean.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        let (n, mean) = (self.defined().count() as f64, self.mean()?);
        let squares: f64 = self.defined().map(|s| (s - mean).powi(2)).sum();
        (n > 1.0).then(|| (squares / (n - 1.0)).sqrt())
    }

    fn defined(&self) -> impl Iterator<Item = f64> {
        self.per_fold.iter().flatten().copied()
    }

    /// The score of all out-of-fold predictions together.
    #[must_use]
    pub fn pooled(&self) -> f64 {
        self.pooled
    }

    /// The pooled score with an approximate 95 % interval, if the metric has one.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        self.interval
    }
}

impl<Y: Target> fmt::Display for CrossValidation<Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Y::write_cross_validation(self, f)
    }
}

impl<Y: Target> CrossValidation<Y> {
    pub(crate) fn write_here(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |x: Option<f64>| x.map_or_else(String::new, |x| format!("{x:.5}"));
        let mut table: Vec<Vec<String>> = Vec::new();
        let names = self.scores.iter().map(|scores| scores.name.clone());
        let head = ["fold", "train", "validation", "fit s", "predict s"];
        table.push(head.map(str::to_owned).into_iter().chain(names).collect());
        for (i, fold) in self.folds.iter().enumerate() {
            let mut line = vec![
                i.to_string(),
                fold.n_train.to_string(),
                fold.n_validation.to_string(),
                format!("{:.2}", fold.fit_seconds),
                format!("{:.2}", fold.predict_seconds),
            ];
            line.extend(self.scores.iter().map(|s| number(s.per_fold[i])));
            table.push(line);
        }
        let mut summary = |name: &str, cell: &dyn Fn(&MetricScores) -> String| {
            let mut line = vec![name.to_owned()];
            line.resize(head.len(), String::new());
            line.extend(self.scores.iter().map(cell));
            table.push(line);
        };
        if !self.scores.is_empty() {
            summary("mean", &|s| number(s.mean()));
            summary("deviation", &|s| number(s.deviation()));
            summary("pooled", &|s| format!("{:.5}", s.pooled));
            summary("  95 % from", &|s| number(s.interval.map(|i| i.low)));
            summary("  to", &|s| number(s.interval.map(|i| i.high)));
        }
        write_table(f, Align::Right, &table)?;
        if !self.out_of_fold.left_out.is_empty() {
            writeln!(
                f,
                "{} of {} rows were never validated",
                self.out_of_fold.left_out.len(),
                self.plan.n_rows()
            )?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}
