//! Boosting that goes on from a fitted model.

use super::super::binned::Binned;
use super::super::bins::FeatureBins;
use super::super::options::HighCardinality;
use super::super::tree::sum_trees;
use super::{Data, FittedHistGradientBoosting, HistGradientBoosting, Rounds};
use crate::data::{Features, FitContext, InSample, Target};
use crate::error::{Error, Result};

impl HistGradientBoosting {
    /// Adds up to [`n_trees`](Self::n_trees) rounds to those of a fitted model, fitted to what it
    /// leaves unexplained in these rows, be they its own or new ones.
    ///
    /// The start and the bins of all features are the fitted model's (a feature gets a bin for
    /// missing values if it has them only now). Other options may differ from those that it was
    /// fitted with. Rounds are counted, and their seeds drawn, from the model's first: with the
    /// same rows, options and seed, and without early stopping, a fit of 30 rounds that is
    /// continued by 20 has the same bits as a fit of 50.
    ///
    /// With early stopping, rows are set aside from those given now, and new rounds are kept only
    /// if they make the loss of these rows less than the fitted model's is. They are the rows that
    /// were set aside before if rows, seed and share are the same. If the fitted model was grown
    /// on them, its loss is too low there, and the fit may stop too soon.
    ///
    /// A class of the fitted model that no row has now loses probability with each round.
    ///
    /// ```
    /// use stackfold::data::{Feature, FitContext};
    /// use stackfold::model::hist::HistGradientBoosting;
    /// use stackfold::prelude::*;
    /// let x: Vec<f32> = (0..200).map(|i| i as f32).collect();
    /// let y = Values::new(x.iter().map(|x| f64::from((x / 20.0).sin())).collect::<Vec<f64>>())?;
    /// let x = Features::from_columns(vec![Feature::number("x")], vec![x])?;
    /// let (train, context) = (x.clone().assume_in_sample(), FitContext::default());
    /// let model = HistGradientBoosting::new();
    /// let first = model.clone().with_n_trees(30).fit(&train, &y, &context)?;
    /// let more = model.clone().with_n_trees(20).continue_from(&first, &train, &y, &context)?;
    /// let at_once = model.with_n_trees(50).fit(&train, &y, &context)?;
    /// assert_eq!(more.predict(&x)?, at_once.predict(&x)?);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`fit`](crate::model::Estimator::fit); if features, their kinds, the classes or the loss
    /// are not those of the fitted model; if either has
    /// [ordered statistics](HighCardinality::OrderedStatistic).
    pub fn continue_from<Y: Target>(
        &self,
        fitted: &FittedHistGradientBoosting<Y>,
        features: &Features<InSample>,
        target: &Y,
        context: &FitContext<'_>,
    ) -> Result<FittedHistGradientBoosting<Y>> {
        self.check()?;
        if self.high_cardinality() != HighCardinality::Bins
            || fitted.bins.iter().any(FeatureBins::is_statistic)
        {
            let what = "to continue a model with ordered target statistics";
            return Err(Error::unsupported(what));
        }
        features.check_fields(&fitted.fields)?;
        for (have, want) in features.fields().iter().zip(fitted.fields.iter()) {
            if have.kind() != want.kind() {
                let expected = format!("{:?}, as in the fitted model", want.kind());
                let found = format!("{:?}", have.kind());
                return Err(Error::data(expected, found).in_column(have.name()));
            }
        }
        let (have, want) = (target.class_names(), fitted.outcome.class_names());
        if have != want {
            let expected = format!("classes {}, as in the fitted model", want.join(", "));
            return Err(Error::data(expected, have.join(", ")));
        }
        let data = Data::new(self, features.n_rows(), None, target.as_dyn(), context)?;
        if data.objective != fitted.objective {
            let expected = format!("{:?}, as in the fitted model", fitted.objective);
            let found = format!("{:?}", data.objective);
            return Err(Error::parameter("loss", expected, found));
        }
        let binned = Binned::with_bins(features, &fitted.bins)?;
        let scores = sum_trees(&fitted.trees, &fitted.start, &fitted.bins, features);
        let n_before = fitted.trees.len() / fitted.start.len();
        let mut model = Rounds::new(self, &binned, data, fitted.start.clone())?
            .after(n_before, scores)
            .run(context)?
            .of(target);
        model.trees.splice(0..0, fitted.trees.iter().cloned());
        // Early stopping leaves rounds in the history whose trees it drops.
        let history = fitted.history.iter().take(n_before).copied();
        model.history.splice(0..0, history);
        Ok(model)
    }
}
