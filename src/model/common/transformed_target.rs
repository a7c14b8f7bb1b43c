//! A model of a function of the target.

use std::fmt;

use crate::data::coverage::Profile;
use crate::data::{Features, FitContext, InSample, OutOfSample, Rows, Train, Values};
use crate::error::{Error, Result};
use crate::model::{Estimator, FittedLearner, Learner, Predictor};

/// A function of the target, and the way back.
///
/// Implemented by [`LogTarget`] and by any pair of functions, `(f, inverse)`.
pub trait TargetTransform: Clone + Send + Sync + 'static {
    /// What is fitted in place of `y`.
    fn transform(&self, y: f64) -> f64;

    /// The `y` of what is predicted.
    fn inverse(&self, z: f64) -> f64;

    /// Its name, for messages.
    fn name(&self) -> &'static str {
        "the target's transform"
    }
}

/// `ln(1 + y)` for values above -1, and `exp(z) - 1` back: for prices, counts and other targets whose
/// errors grow with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a function without options")]
pub struct LogTarget;

impl TargetTransform for LogTarget {
    fn transform(&self, y: f64) -> f64 {
        y.ln_1p()
    }

    fn inverse(&self, z: f64) -> f64 {
        z.exp_m1()
    }

    fn name(&self) -> &'static str {
        "ln(1 + y)"
    }
}

impl<F, G> TargetTransform for (F, G)
where
    F: Fn(f64) -> f64 + Clone + Send + Sync + 'static,
    G: Fn(f64) -> f64 + Clone + Send + Sync + 'static,
{
    fn transform(&self, y: f64) -> f64 {
        self.0(y)
    }

    fn inverse(&self, z: f64) -> f64 {
        self.1(z)
    }
}

/// A model fitted on a function of the target, whose predictions are brought back: around an
/// [`Estimator`] it is one, around a [`Learner`] a learner.
///
/// With a model of means, what comes back is not the mean of `y`: of `ln(1 + y)` it is nearer to the
/// median.
///
/// ```
/// use stackfold::model::hist::HistGradientBoosting;
/// use stackfold::model::{LogTarget, TransformedTarget};
/// use stackfold::prelude::*;
/// let x: Vec<f64> = (0..1000).map(|i| f64::from(i % 20)).collect();
/// let target = Values::new(x.iter().map(|x| x.exp()).collect::<Vec<_>>())?;
/// let table = Table::new([("x", Column::from(x))])?;
/// let pipeline = Pipeline::new(Passthrough::new(), HistGradientBoosting::new());
/// let model = TransformedTarget::new(pipeline, LogTarget);
/// let fitted = model.fit(Train::new(&table, &target)?)?;
/// let prediction = fitted.predict(table.rows())?;
/// assert!((prediction.as_slice()[19] / 19_f64.exp() - 1.0).abs() < 0.01);
///
/// // Any pair of functions.
/// let roots = TransformedTarget::new(HistGradientBoosting::new(), (f64::sqrt, |z: f64| z * z));
/// # let _ = roots;
/// # Ok::<(), stackfold::Error>(())
/// ```
///
/// # Errors
/// If the function of a value is not finite; the error names the row.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct TransformedTarget<M, T> {
    model: M,
    transform: T,
}

impl<M, T: TargetTransform> TransformedTarget<M, T> {
    /// This model of that function of the target.
    #[must_use]
    pub fn new(model: M, transform: T) -> Self {
        Self { model, transform }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.model
    }

    fn transformed(&self, y: f64) -> Result<f64> {
        let z = self.transform.transform(y);
        if z.is_finite() {
            return Ok(z);
        }
        let expected = format!("values of which {} is finite", self.transform.name());
        Err(Error::data(expected, y))
    }
}

impl<M: fmt::Debug, T: TargetTransform> fmt::Debug for TransformedTarget<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TransformedTarget({:?}, {})",
            self.model,
            self.transform.name()
        )
    }
}

impl<M: Estimator<Values>, T: TargetTransform> Estimator<Values> for TransformedTarget<M, T> {
    type Fitted = FittedTransformedTarget<M::Fitted, T>;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Values,
        context: &FitContext<'_>,
    ) -> Result<Self::Fitted> {
        let values = target.as_slice().iter().enumerate();
        let values = values.map(|(row, &y)| self.transformed(y).map_err(|e| e.in_row(row)));
        let target = Values::new(values.collect::<Result<Vec<f64>>>()?)?;
        Ok(FittedTransformedTarget {
            fitted: self.model.fit(features, &target, context)?,
            transform: self.transform.clone(),
        })
    }

    fn memory(&self, n_rows: usize, n_features: usize, n_outputs: usize) -> u64 {
        self.model.memory(n_rows, n_features, n_outputs)
    }
}

impl<M: Learner<Values>, T: TargetTransform> Learner<Values> for TransformedTarget<M, T> {
    type Fitted = FittedTransformedTarget<M::Fitted, T>;

    fn fit(&self, train: Train<'_, Values>) -> Result<Self::Fitted> {
        let all = train.table_target().as_slice();
        // Rows that are not trained on stay 0: they may have no finite function.
        let mut values = vec![0.0; all.len()];
        for row in train.rows().index().iter() {
            values[row] = self.transformed(all[row]).map_err(|e| e.in_row(row))?;
        }
        Ok(FittedTransformedTarget {
            fitted: self.model.fit(train.with_target(&Values::new(values)?))?,
            transform: self.transform.clone(),
        })
    }

    fn memory(&self, n_rows: usize, n_columns: usize, n_outputs: usize) -> u64 {
        self.model.memory(n_rows, n_columns, n_outputs)
    }
}

/// A fitted [`TransformedTarget`].
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedTransformedTarget<P, T> {
    fitted: P,
    transform: T,
}

impl<P, T: TargetTransform> FittedTransformedTarget<P, T> {
    /// The model of the function of the target.
    #[must_use]
    pub fn fitted(&self) -> &P {
        &self.fitted
    }

    fn back(&self, prediction: &Values) -> Result<Values> {
        let values = prediction.as_slice().iter();
        Values::new(
            values
                .map(|&z| self.transform.inverse(z))
                .collect::<Vec<f64>>(),
        )
    }
}

impl<P: fmt::Debug, T: TargetTransform> fmt::Debug for FittedTransformedTarget<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "FittedTransformedTarget({:?}, {})",
            self.fitted,
            self.transform.name()
        )
    }
}

impl<P: Predictor<Values>, T: TargetTransform> Predictor<Values> for FittedTransformedTarget<P, T> {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Values> {
        self.back(&self.fitted.predict(features)?)
    }
}

impl<P: FittedLearner<Values>, T: TargetTransform> FittedLearner<Values>
    for FittedTransformedTarget<P, T>
{
    fn predict(&self, rows: Rows<'_>) -> Result<Values> {
        let prediction = self.back(&self.fitted.predict(rows)?);
        prediction.map_err(|e| e.among(rows.index()))
    }

    fn profile(&self) -> Option<&Profile> {
        self.fitted.profile()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Column, Feature, Table};
    use crate::model::baseline::Prior;
    use crate::pipeline::Pipeline;
    use crate::transform::passthrough::Passthrough;

    /// The prior of logarithms is the geometric mean.
    #[test]
    fn a_mean_of_logarithms_is_a_geometric_mean() {
        let y = Values::new(vec![0.0, 3.0, 15.0]).unwrap();
        let expected = (4.0_f64 * 16.0).cbrt() - 1.0;
        let x = Features::new(vec![Feature::number("x")], 3, vec![0.0; 3]).unwrap();
        let model = TransformedTarget::new(Prior::new(), LogTarget);
        let fitted = model.fit(&x.clone().assume_in_sample(), &y, &FitContext::default());
        let found = fitted.unwrap().predict(&x).unwrap();
        assert!((found.as_slice()[0] - expected).abs() < 1e-12);

        let table = Table::new([("x", Column::from(vec![0.0; 3]))]).unwrap();
        let pipeline = Pipeline::new(Passthrough::new(), Prior::new());
        let learner = TransformedTarget::new(pipeline, LogTarget);
        let fitted = learner.fit(Train::new(&table, &y).unwrap()).unwrap();
        let found = fitted.predict(table.rows()).unwrap();
        assert!((found.as_slice()[2] - expected).abs() < 1e-12);
    }

    #[test]
    fn only_rows_that_are_trained_on_need_a_finite_function() {
        let y = Values::new(vec![1.0, -5.0, 2.0]).unwrap();
        let table = Table::new([("x", Column::from(vec![1.0, 2.0, 3.0]))]).unwrap();
        let pipeline = Pipeline::new(Passthrough::new(), Prior::new());
        let learner = TransformedTarget::new(pipeline, LogTarget);
        let train = Train::new(&table, &y).unwrap();
        let error = learner.fit(train).unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 1: expected values of which ln(1 + y) is finite, found -5"
        );
        assert!(learner.fit(train.subset(&[0, 2]).unwrap()).is_ok());
    }
}
