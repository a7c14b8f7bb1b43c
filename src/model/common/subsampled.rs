//! Any estimator on fewer rows.

use super::subsample;
use super::training::check_weights;
use crate::data::{Features, FitContext, InSample, RowIndex, Sample, Target, weighty};
use crate::error::{Error, Result};
use crate::model::{Estimator, bytes};

/// Fits an estimator on a seeded, stratified sample of at most so many rows: for estimators whose
/// cost grows faster than the rows.
///
/// Strata are the classes, or tenths of the values; each has a row as long as there are fewer
/// strata than rows to choose, and its share of the others.
/// Weights, groups and times of the sampled rows go with them. With that many rows or fewer, all
/// of them are used; with more, those of weight 0 are never among the sampled.
///
/// ```
/// use stackfold::data::{Feature, Prediction};
/// use stackfold::model::{Subsampled, baseline::Prior};
/// use stackfold::prelude::*;
/// let n = 1000;
/// let x = Features::new(vec![Feature::number("x")], n, vec![0.0; n])?;
/// let codes: Vec<u32> = (0..n).map(|i| u32::from(i % 4 == 0)).collect();
/// let y = Labels::new(codes, vec!["no".into(), "yes".into()])?;
/// let model = Subsampled::new(Prior::new(), 100);
/// let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default())?;
/// assert_eq!(fitted.predict(&x)?.positive()[0], 0.25);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct Subsampled<E> {
    estimator: E,
    max_rows: usize,
}

impl<E> Subsampled<E> {
    /// This estimator, on at most `max_rows` rows.
    #[must_use]
    pub fn new(estimator: E, max_rows: usize) -> Self {
        Self {
            estimator,
            max_rows,
        }
    }
}

impl<Y: Target, E: Estimator<Y>> Estimator<Y> for Subsampled<E> {
    type Fitted = E::Fitted;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        if self.max_rows < 2 {
            return Err(Error::parameter("max_rows", "2 or more", self.max_rows));
        }
        let n = target.n_rows();
        let lengths = [
            Some(features.n_rows()),
            context.weights().map(<[f64]>::len),
            context.groups().map(<[u32]>::len),
            context.time().map(<[f64]>::len),
        ];
        if let Some(other) = lengths.into_iter().flatten().find(|&length| length != n) {
            return Err(Error::data(format!("{n} rows, as the target has"), other));
        }
        check_weights(context)?;
        let positive = weighty(context.weights());
        if n <= self.max_rows || positive.as_ref().is_some_and(Vec::is_empty) {
            return self.estimator.fit(features, target, context);
        }
        let all = positive.as_deref().map_or(RowIndex::All(n), RowIndex::Some);
        let seed = context.seed().child("subsampled");
        let rows = match subsample::rows(&target.strata(all), self.max_rows, seed) {
            Some(positions) => all.compose(&positions),
            None => positive.unwrap_or_default(),
        };
        let sample = Sample::of(target, context).take(&rows);
        let context = sample.context(context.seed(), context.progress());
        self.estimator
            .fit(&features.take(&rows), sample.target(), &context)
            .map_err(|e| e.among(RowIndex::Some(&rows)))
    }

    /// The sample's features, and what the estimator needs for so many rows.
    fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
        if n_rows <= self.max_rows {
            return self.estimator.memory(n_rows, n_features, n_outputs);
        }
        let fit = self.estimator.memory(self.max_rows, n_features, n_outputs);
        bytes(self.max_rows, n_features, 4).saturating_add(fit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Feature, OutOfSample, Values};
    use crate::model::Predictor;
    use crate::model::hist::HistGradientBoosting;

    const N: usize = 600;

    /// A number and a value a row, other ones where the row's weight is 0.
    fn of(weights: &[f64], other: f32) -> (Features<OutOfSample>, Values) {
        let x = |(i, &w): (usize, &f64)| if w > 0.0 { (i * 77 % N) as f32 } else { other };
        let x: Vec<f32> = weights.iter().enumerate().map(x).collect();
        let y: Vec<f64> = x.iter().map(|&x| 2.0 * f64::from(x)).collect();
        let features = Features::new(vec![Feature::number("x")], N, x).unwrap();
        (features, Values::new(y).unwrap())
    }

    #[test]
    fn rows_of_weight_0_take_no_part() {
        // More rows of weight above 0 than are drawn, and fewer.
        for share in [2, 4] {
            let weight = |i: usize| f64::from(u8::from(i % share == 1));
            let weights: Vec<f64> = (0..N).map(weight).collect();
            let model = Subsampled::new(HistGradientBoosting::new(), 200);
            let (points, _) = of(&[1.0; N], 0.0);
            let predicted = |other| {
                let (x, y) = of(&weights, other);
                let context = FitContext::default().with_weights(Some(&weights));
                let fitted = model
                    .fit(&x.clone().assume_in_sample(), &y, &context)
                    .unwrap();
                fitted.predict(&points).unwrap().as_slice().to_vec()
            };
            let found = predicted(-1e6);
            assert_eq!(found, predicted(1e6));
            // As of a table without them, all of which may be drawn.
            let rows: Vec<u32> = (0..)
                .take(N)
                .filter(|&i| weight(i as usize) > 0.0)
                .collect();
            let (x, y) = of(&weights, 0.0);
            let (x, y) = (x.take(&rows), y.take(&rows));
            let expected = model
                .fit(&x.assume_in_sample(), &y, &FitContext::default())
                .unwrap();
            assert_eq!(found, expected.predict(&points).unwrap().as_slice());
        }
    }

    #[test]
    fn wrong_weights_are_told_by_row() {
        let (x, y) = of(&[1.0; N], 0.0);
        for wrong in [f64::NAN, -1.0] {
            let mut weights = vec![1.0; N];
            weights[417] = wrong;
            let context = FitContext::default().with_weights(Some(&weights));
            let model = Subsampled::new(HistGradientBoosting::new(), 20);
            let error = model
                .fit(&x.clone().assume_in_sample(), &y, &context)
                .unwrap_err()
                .to_string();
            assert!(error.contains("417"), "{error}");
        }
        let zeros = [0.0; N];
        let context = FitContext::default().with_weights(Some(&zeros));
        let model = Subsampled::new(HistGradientBoosting::new(), 20);
        let error = model
            .fit(&x.clone().assume_in_sample(), &y, &context)
            .unwrap_err()
            .to_string();
        assert!(error.contains("positive sum"), "{error}");
    }
}
