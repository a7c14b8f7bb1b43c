//! Counts of true and predicted classes, and what follows from them.

use std::fmt;

use super::check::{Weights, check_length};
use crate::data::Labels;
use crate::error::{Error, Result};
use crate::text_table::{Align, write_table};

/// How many rows of each class were predicted to be of each class; sums of weights, if there are
/// any.
///
/// ```
/// use stackfold::metrics::ConfusionMatrix;
/// let matrix = ConfusionMatrix::new(&[0, 0, 1, 2], &[0, 1, 1, 1], 3, None)?;
/// assert_eq!(matrix.count(0, 1), 1.0);
/// assert_eq!(matrix.accuracy(), 0.5);
/// assert_eq!(matrix.balanced_accuracy()?, (0.5 + 1.0 + 0.0) / 3.0);
/// assert_eq!(matrix.f1(1), Some(0.5));
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// It prints as a table, with a line per true class:
///
/// ```
/// use stackfold::prelude::*;
/// let truth = Labels::from_strs(&["no", "no", "yes", "yes"])?;
/// let prediction = truth.prediction(vec![vec![0.1, 0.7, 0.4, 0.9]])?;
/// let matrix = ConfusionMatrix::of(&truth, &prediction.labels_at(0.3)?, None)?;
/// let lines = [
///     "true \\ predicted      no     yes  recall",
///     "no                     1       1  0.5000",
///     "yes                    0       2  1.0000",
///     "precision         1.0000  0.6667",
/// ];
/// assert!(matrix.to_string().lines().eq(lines));
/// assert_eq!((matrix.precision(1), matrix.recall(1)), (Some(2.0 / 3.0), Some(1.0)));
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ConfusionMatrix {
    n_classes: usize,
    /// By code; empty if they are not known.
    names: Vec<String>,
    /// True class by true class.
    counts: Vec<f64>,
}

impl ConfusionMatrix {
    /// Counts rows by true and predicted class code.
    ///
    /// # Errors
    /// If there is no row, lengths differ, a code is not below `n_classes`, or a weight is negative
    /// or not finite.
    pub fn new(
        truth: &[u32],
        predicted: &[u32],
        n_classes: usize,
        weights: Option<&[f64]>,
    ) -> Result<Self> {
        let weights = Weights::new(weights, truth.len())?;
        check_length("predicted classes", truth.len(), predicted.len())?;
        let mut counts = vec![0.0; n_classes * n_classes];
        for (row, (&t, &p)) in truth.iter().zip(predicted).enumerate() {
            if let Some(code) = [t, p].into_iter().find(|&c| c as usize >= n_classes) {
                return Err(Error::data(format!("class codes below {n_classes}"), code).in_row(row));
            }
            counts[t as usize * n_classes + p as usize] += weights.of(row);
        }
        Ok(Self {
            n_classes,
            names: Vec::new(),
            counts,
        })
    }

    /// Counts rows by true and predicted class; the classes of both must be the same, in one order.
    /// [`Probabilities::labels`](crate::data::Probabilities::labels) gives predicted ones, and
    /// [`labels_at`](crate::data::Probabilities::labels_at) those at a threshold.
    ///
    /// # Errors
    /// As [`ConfusionMatrix::new`], and if the classes differ.
    pub fn of(truth: &Labels, predicted: &Labels, weights: Option<&[f64]>) -> Result<Self> {
        let classes = truth.classes();
        if classes != predicted.classes() {
            return Err(Error::data(
                format!("predicted classes {}", classes.join(", ")),
                predicted.classes().join(", "),
            ));
        }
        let matrix = Self::new(truth.codes(), predicted.codes(), classes.len(), weights)?;
        Ok(Self {
            names: classes.to_vec(),
            ..matrix
        })
    }

    /// How many classes.
    #[must_use]
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The weight of the rows of one class that were predicted to be of another, or the same.
    ///
    /// # Panics
    /// If a class is not below [`ConfusionMatrix::n_classes`].
    #[must_use]
    pub fn count(&self, truth: usize, predicted: usize) -> f64 {
        assert!(predicted < self.n_classes, "class {predicted}");
        self.counts[truth * self.n_classes + predicted]
    }

    /// The share of rows on the diagonal.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        let right: f64 = (0..self.n_classes).map(|c| self.count(c, c)).sum();
        right / self.total()
    }

    /// The mean over classes that have rows of the share of their rows that are found.
    ///
    /// # Errors
    /// If all rows are of one class.
    pub fn balanced_accuracy(&self) -> Result<f64> {
        self.check_two_classes()?;
        let recalls: Vec<f64> = (0..self.n_classes).filter_map(|c| self.recall(c)).collect();
        Ok(recalls.iter().sum::<f64>() / recalls.len() as f64)
    }

    /// Of the rows that were predicted to be of a class, the share that are; `None` if there are none.
    ///
    /// # Panics
    /// If the class is not below [`ConfusionMatrix::n_classes`].
    #[must_use]
    pub fn precision(&self, class: usize) -> Option<f64> {
        let all = self.of_prediction(class);
        (all > 0.0).then(|| self.count(class, class) / all)
    }

    /// Of the rows of a class, the share that were predicted to be; `None` if there are none.
    ///
    /// # Panics
    /// If the class is not below [`ConfusionMatrix::n_classes`].
    #[must_use]
    pub fn recall(&self, class: usize) -> Option<f64> {
        let all = self.of_truth(class);
        (all > 0.0).then(|| self.count(class, class) / all)
    }

    /// F1 of a class: `2 * right / (rows of the class + rows predicted to be)`; `None` if there is
    /// neither.
    ///
    /// # Panics
    /// If the class is not below [`ConfusionMatrix::n_classes`].
    #[must_use]
    pub fn f1(&self, class: usize) -> Option<f64> {
        let sum = self.of_truth(class) + self.of_prediction(class);
        (sum > 0.0).then(|| 2.0 * self.count(class, class) / sum)
    }

    /// The mean of F1 over classes that have rows or predictions.
    #[must_use]
    pub fn macro_f1(&self) -> f64 {
        let scores: Vec<f64> = (0..self.n_classes).filter_map(|c| self.f1(c)).collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    }

    /// Matthews' correlation of true and predicted class (for more than two: Gorodkin 2004).
    ///
    /// With `c` the weight of rows that are right, `s` of all rows, `t_k` of rows of class `k` and
    /// `p_k` of rows predicted to be: `(c s - sum t_k p_k) / sqrt((s² - sum p_k²)(s² - sum t_k²))`;
    /// 0 if all rows are predicted to be of one class.
    ///
    /// # Errors
    /// If all rows are of one class.
    pub fn matthews(&self) -> Result<f64> {
        self.check_two_classes()?;
        let all = self.total();
        let (mut right, mut both, mut truths, mut predictions) = (0.0, 0.0, 0.0, 0.0);
        for class in 0..self.n_classes {
            let (t, p) = (self.of_truth(class) / all, self.of_prediction(class) / all);
            right += self.count(class, class) / all;
            both += t * p;
            truths += t * t;
            predictions += p * p;
        }
        let one_prediction = (0..self.n_classes)
            .filter(|&c| self.of_prediction(c) > 0.0)
            .count()
            == 1;
        if one_prediction {
            return Ok(0.0);
        }
        Ok((right - both) / ((1.0 - predictions) * (1.0 - truths)).sqrt())
    }

    fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    fn of_truth(&self, class: usize) -> f64 {
        (0..self.n_classes).map(|p| self.count(class, p)).sum()
    }

    fn of_prediction(&self, class: usize) -> f64 {
        (0..self.n_classes).map(|t| self.count(t, class)).sum()
    }

    fn check_two_classes(&self) -> Result<()> {
        match (0..self.n_classes)
            .filter(|&c| self.of_truth(c) > 0.0)
            .count()
        {
            0 | 1 => Err(Error::undefined("rows of two classes or more", "one class")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |c: usize| self.names.get(c).cloned().unwrap_or_else(|| c.to_string());
        let share = |x: Option<f64>| x.map_or_else(String::new, |x| format!("{x:.4}"));
        let classes = || 0..self.n_classes;
        let line = |head: &str, cells: &mut dyn Iterator<Item = String>, last: &str| {
            let head = std::iter::once(head.to_owned());
            head.chain(cells).chain([last.to_owned()]).collect()
        };
        let mut lines = vec![line(
            "true \\ predicted",
            &mut classes().map(name),
            "recall",
        )];
        lines.extend(classes().map(|truth| {
            let counts = classes().map(|predicted| self.count(truth, predicted).to_string());
            line(
                &name(truth),
                &mut counts.into_iter(),
                &share(self.recall(truth)),
            )
        }));
        lines.push(line(
            "precision",
            &mut classes().map(|c| share(self.precision(c))),
            "",
        ));
        write_table(f, Align::Right, &lines)
    }
}
