//! What a stack found out about its members.

use std::fmt;

use crate::data::{Prediction, Sample, Target};
use crate::error::Result;
use crate::metrics::{Interval, Metric};

/// One member's, or the stack's, out-of-fold score.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MemberReport {
    /// The member's name.
    pub name: String,
    /// Its level, from 1; the stack's own is one above the last.
    pub level: usize,
    /// The score of its out-of-fold predictions, pooled, on the rows on which the stack and all
    /// members are scored ([`StackReport::n_scored`]).
    pub score: f64,
    /// The score on all rows of which it has out-of-fold predictions
    /// ([`StackReport::n_out_of_fold`]). Where the splits follow time these are more rows than the
    /// stack's own, and the number is none to compare with the stack's; elsewhere it is `score`.
    pub score_on_all: f64,
    /// An interval about `score` that holds the true score 95 times of 100, where the metric has one.
    pub interval: Option<Interval>,
    /// Its weight in the blend, if the blender has one per member.
    pub weight: Option<f64>,
    /// Seconds of fitting, summed over splits; of its one fit for a member that is fitted once.
    pub fit_seconds: f64,
    /// Seconds of predicting, summed over splits; 0 for a member that is fitted once, whose
    /// out-of-bag predictions come with its fit.
    pub predict_seconds: f64,
}

/// A member that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The member's name.
    pub member: String,
    /// Why.
    pub reason: String,
}

/// Scores, weights, correlations and seconds of a fitted stack; prints as a table.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StackReport {
    /// The metric's name.
    pub metric: String,
    /// Whether a greater score is better.
    pub greater_is_better: bool,
    /// The members of all levels, in order.
    pub members: Vec<MemberReport>,
    /// The stack itself, its blender cross-fitted.
    pub stack: Option<MemberReport>,
    /// The correlation of the first level's out-of-fold predictions, member by member: of the
    /// positive class's probabilities, of all classes' one after the other, or of values.
    pub correlations: Vec<Vec<f64>>,
    /// What was left out.
    pub dropped: Vec<Dropped>,
    /// What to know of the scores that is no error: classes of so few rows that some split has none
    /// of them to validate or to fit on ([`FoldPlan::notes`](crate::folds::FoldPlan::notes)).
    pub notes: Vec<String>,
    /// How many training rows.
    pub n_rows: usize,
    /// How many of them have out-of-fold predictions.
    pub n_out_of_fold: usize,
    /// How many of these members and stack are scored on: those of which the stack has out-of-fold
    /// predictions of its own, all if it has none. Fewer where the splits follow time.
    pub n_scored: usize,
    /// How many splits.
    pub n_splits: usize,
    /// The most bytes that the first level's fits at one time were thought to need beside the table
    /// and what is kept: features, and what members say
    /// ([`Estimator::memory`](crate::model::Estimator::memory)). What ran at one time may differ from
    /// run to run, unless it was one thread.
    pub peak_estimate: u64,
    /// The limit of these, if there was one.
    pub memory_limit: Option<u64>,
    /// Seconds of the whole fit.
    pub seconds: f64,
}

impl StackReport {
    /// The first level's best member.
    #[must_use]
    pub fn best_member(&self) -> Option<&MemberReport> {
        let sign = if self.greater_is_better { 1.0 } else { -1.0 };
        self.members
            .iter()
            .filter(|m| m.level == 1)
            .max_by(|a, b| (sign * a.score).total_cmp(&(sign * b.score)))
    }

    fn write_correlations(&self, f: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
        let names: Vec<&str> = self
            .members
            .iter()
            .filter(|m| m.level == 1)
            .map(|m| m.name.as_str())
            .collect();
        if names.len() > 1 {
            writeln!(f, "correlation of the members' out-of-fold predictions")?;
            for (name, row) in names.iter().zip(&self.correlations) {
                write!(f, "       {name:width$}")?;
                for r in row {
                    let r = if r.is_nan() {
                        "-".to_owned()
                    } else {
                        format!("{r:.3}")
                    };
                    write!(f, "  {r:>6}")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for StackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rows, {} with out-of-fold predictions from {} split{}, {:.1} s",
            self.n_rows,
            self.n_out_of_fold,
            self.n_splits,
            if self.n_splits == 1 { "" } else { "s" },
            self.seconds
        )?;
        // A further column where members have more rows than the stack.
        let all = |cell: String| {
            if self.n_scored < self.n_out_of_fold {
                format!("  {cell:>10}")
            } else {
                String::new()
            }
        };
        if self.n_scored < self.n_out_of_fold {
            writeln!(
                f,
                "{} of members and stack on the {} rows that the stack predicts; of members on all {}",
                self.metric, self.n_scored, self.n_out_of_fold
            )?;
        }
        let width = self
            .members
            .iter()
            .map(|m| m.name.chars().count())
            .chain([6])
            .max()
            .unwrap_or(6);
        writeln!(
            f,
            "{:5}  {:width$}  {:>10}{}  {:>23}  {:>7}  {:>8}  {:>8}",
            "level",
            "member",
            self.metric,
            all("on all".to_owned()),
            "95 % interval",
            "weight",
            "fit s",
            "predict s"
        )?;
        let members = self.members.iter().map(|member| (member, true));
        for (member, is_member) in members.chain(self.stack.iter().map(|stack| (stack, false))) {
            let on_all = if is_member {
                format!("{:.5}", member.score_on_all)
            } else {
                String::new()
            };
            let interval = member
                .interval
                .as_ref()
                .map_or_else(String::new, |i| format!("{:.5} .. {:.5}", i.low, i.high));
            let weight = member
                .weight
                .map_or_else(String::new, |w| format!("{w:.3}"));
            writeln!(
                f,
                "{:5}  {:width$}  {:>10.5}{}  {:>23}  {:>7}  {:>8.2}  {:>8.2}",
                member.level,
                member.name,
                member.score,
                all(on_all),
                interval,
                weight,
                member.fit_seconds,
                member.predict_seconds
            )?;
        }
        self.write_correlations(f, width)?;
        if let Some(limit) = self.memory_limit.filter(|&l| l < self.peak_estimate) {
            writeln!(
                f,
                "above the memory limit: about {:.1} MB of {:.1} MB",
                self.peak_estimate as f64 / 1e6,
                limit as f64 / 1e6
            )?;
        }
        for dropped in &self.dropped {
            writeln!(f, "left out: {}", dropped.reason)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

/// Scores out-of-fold predictions of these rows.
pub(super) struct Scorer<'a, Y: Target> {
    metric: &'a dyn Metric<Y>,
    sample: &'a Sample<'a, Y>,
}

impl<'a, Y: Target> Scorer<'a, Y> {
    pub(super) fn new(metric: &'a dyn Metric<Y>, sample: &'a Sample<'a, Y>) -> Self {
        Self { metric, sample }
    }

    pub(super) fn report(
        &self,
        name: &str,
        level: usize,
        prediction: &Y::Prediction,
    ) -> Result<MemberReport> {
        let metric = self.metric;
        let (target, weights) = (self.sample.target(), self.sample.weights());
        let score = metric.score(target, prediction, weights);
        let interval = score.and_then(|score| {
            let interval = metric.interval(target, prediction, weights)?;
            Ok((score, interval))
        });
        let (score, interval) =
            interval.map_err(|e| e.in_metric(metric.name()).in_member(name).in_level(level))?;
        Ok(MemberReport {
            name: name.to_owned(),
            level,
            score,
            score_on_all: score,
            interval,
            weight: None,
            fit_seconds: 0.0,
            predict_seconds: 0.0,
        })
    }
}

/// Gives the members of the level that is blended, which are the last, their weights.
pub(super) fn set_weights(members: &mut [MemberReport], weights: Option<&[f64]>) {
    let weights = weights.unwrap_or_default().iter().rev();
    for (member, &weight) in members.iter_mut().rev().zip(weights) {
        member.weight = Some(weight);
    }
}

/// The stack's report, of its rows (positions among the training rows) and their prediction; and the
/// members' scores on these rows, where they are fewer than those that members predicted.
pub(super) fn score_alike<Y: Target>(
    scorer: &Scorer<'_, Y>,
    predicted: &[u32],
    (rows, prediction): (&[u32], &Y::Prediction),
    level: usize,
    (members, out_of_fold): (&mut [MemberReport], &[(String, Y::Prediction)]),
) -> Result<MemberReport> {
    if rows.len() == predicted.len() {
        return scorer.report("stack", level, prediction);
    }
    let places = (0..).zip(predicted);
    let places = places.filter(|(_, row)| rows.binary_search(row).is_ok());
    let places: Vec<u32> = places.map(|(place, _)| place).collect();
    let sample = scorer.sample.take(&places);
    let scorer = Scorer::new(scorer.metric, &sample);
    for (member, (_, prediction)) in members.iter_mut().zip(out_of_fold) {
        let alike = scorer.report(&member.name, member.level, &prediction.take(&places))?;
        member.score = alike.score;
        member.interval = alike.interval;
    }
    scorer.report("stack", level, prediction)
}

/// Pearson's correlation of the informative columns of each pair of predictions; NaN if one is
/// constant.
pub(super) fn correlations<P: Prediction>(predictions: &[P]) -> Vec<Vec<f64>> {
    let centred: Vec<Vec<f64>> = predictions
        .iter()
        .map(|p| {
            p.informative()
                .flat_map(|k| {
                    let column = p.column(k);
                    // Equal numbers have no spread but that of rounding.
                    let first = column.first().copied().unwrap_or(0.0);
                    let mean = if column.iter().all(|v| v.to_bits() == first.to_bits()) {
                        first
                    } else {
                        column.iter().sum::<f64>() / column.len().max(1) as f64
                    };
                    column.iter().map(move |v| v - mean)
                })
                .collect()
        })
        .collect();
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    centred
        .iter()
        .map(|a| {
            let norm = product(a, a).sqrt();
            centred
                .iter()
                .map(|b| {
                    let norms = norm * product(b, b).sqrt();
                    // Squares of a spread that is next to none may be 0.
                    if norms > 0.0 {
                        product(a, b) / norms
                    } else {
                        f64::NAN
                    }
                })
                .collect()
        })
        .collect()
}
