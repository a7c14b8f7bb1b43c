//! A transformer and an estimator as one learner.

use crate::data::coverage::{Coverage, Profile};
use crate::data::{Rows, Target, Train};
use crate::error::Result;
use crate::model::{Estimator, FittedLearner, Learner, Predictor, bytes};
use crate::transform::{FittedTransformer, Transformer};

/// A transformer, then an estimator on its features.
///
/// Both are fitted on the training rows that [`Learner::fit`] gets and on nothing else, so that a
/// pipeline can be cross-validated or stacked without a leak.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Pipeline<T, E> {
    transformer: T,
    estimator: E,
}

impl<T, E> Pipeline<T, E> {
    /// This transformer, then that estimator.
    #[must_use]
    pub fn new(transformer: T, estimator: E) -> Self {
        Self {
            transformer,
            estimator,
        }
    }

    /// The transformer.
    #[must_use]
    pub fn transformer(&self) -> &T {
        &self.transformer
    }

    /// The estimator.
    #[must_use]
    pub fn estimator(&self) -> &E {
        &self.estimator
    }
}

impl<Y: Target, T: Transformer<Y>, E: Estimator<Y>> Learner<Y> for Pipeline<T, E> {
    type Fitted = FittedPipeline<T::Fitted, E::Fitted>;

    fn fit(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
        train.table_target().check(train.rows().index())?;
        let seed = train.seed();
        let (transformer, features) = self
            .transformer
            .fit_transform(train.with_seed(seed.child("transformer")))?;
        let sample = train.sample();
        let context = sample.context(seed.child("estimator"), train.progress());
        let predictor = self
            .estimator
            .fit(&features, sample.target(), &context)
            .map_err(|e| e.among(train.rows().index()).explained_by(train.rows()))?;
        Ok(FittedPipeline {
            transformer,
            predictor,
            profile: Profile::of(train.rows()),
        })
    }

    /// The features, as many as the table has columns, and what the estimator needs beside them.
    fn memory(&self, n_rows: usize, n_columns: usize, n_outputs: usize) -> u64 {
        let features = bytes(n_rows, n_columns, 4);
        let estimator = self.estimator.memory(n_rows, n_columns, n_outputs);
        features.saturating_add(estimator)
    }
}

/// A fitted [`Pipeline`].
///
/// Its type can be written out:
///
/// ```
/// use stackfold::model::linear::{FittedLogisticRegression, LogisticRegression};
/// use stackfold::pipeline::FittedPipeline;
/// use stackfold::prelude::*;
/// use stackfold::transform::encode::{FittedOneHotEncoder, OneHotEncoder};
/// struct Service {
///     model: FittedPipeline<FittedOneHotEncoder, FittedLogisticRegression>,
/// }
/// let table = Table::new([("state", Column::categorical(["CA", "TX", "CA", "TX"].map(Some)))])?;
/// let target = Labels::from_strs(&["no", "yes", "no", "yes"])?;
/// let pipeline = Pipeline::new(OneHotEncoder::new(), LogisticRegression::new());
/// let service = Service { model: pipeline.fit(Train::new(&table, &target)?)? };
/// let prediction: Probabilities = service.model.predict(table.rows())?;
/// assert!(prediction.positive()[1] > 0.5);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct FittedPipeline<T, P> {
    transformer: T,
    predictor: P,
    profile: Profile,
}

impl<T, P> FittedPipeline<T, P> {
    /// The fitted transformer.
    #[must_use]
    pub fn transformer(&self) -> &T {
        &self.transformer
    }

    /// The fitted estimator.
    #[must_use]
    pub fn predictor(&self) -> &P {
        &self.predictor
    }

    /// What the training rows held.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// How new rows differ from training rows: unseen levels and missing cells, column by column.
    #[must_use]
    pub fn coverage(&self, rows: Rows<'_>) -> Coverage {
        self.profile.coverage(rows)
    }

    /// Predicts each row, of a table or of some of its rows: `predict(&table)`,
    /// `predict(split.test())`.
    ///
    /// # Errors
    /// As [`FittedLearner::predict`].
    pub fn predict<'a, Y: Target>(&self, rows: impl Into<Rows<'a>>) -> Result<Y::Prediction>
    where
        T: FittedTransformer,
        P: Predictor<Y>,
    {
        FittedLearner::<Y>::predict(self, rows.into())
    }

    /// The prediction of each row, and how the rows differ from training rows.
    ///
    /// ```
    /// use stackfold::model::baseline::Prior;
    /// use stackfold::prelude::*;
    /// use stackfold::transform::encode::OneHotEncoder;
    /// let state = |level| Column::categorical([Some("CA"), Some(level)]);
    /// let train = Table::new([("state", state("TX"))])?;
    /// let target = Labels::from_strs(&["no", "yes"])?;
    /// let pipeline = Pipeline::new(OneHotEncoder::new(), Prior::new());
    /// let fitted = pipeline.fit(Train::new(&train, &target)?)?;
    /// let new = Table::new([("state", state("ZZ"))])?;
    /// let (prediction, coverage) = fitted.predict_with_coverage::<Labels>(new.rows())?;
    /// assert_eq!(prediction.positive(), [0.5, 0.5]);
    /// assert_eq!(coverage.column("state").unwrap().unseen_share(), 0.5);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`FittedLearner::predict`].
    pub fn predict_with_coverage<Y: Target>(
        &self,
        rows: Rows<'_>,
    ) -> Result<(Y::Prediction, Coverage)>
    where
        T: FittedTransformer,
        P: Predictor<Y>,
    {
        let prediction = FittedLearner::<Y>::predict(self, rows)?;
        Ok((prediction, self.coverage(rows)))
    }
}

impl<Y: Target, T: FittedTransformer, P: Predictor<Y>> FittedLearner<Y> for FittedPipeline<T, P> {
    fn predict(&self, rows: Rows<'_>) -> Result<Y::Prediction> {
        let features = self.transformer.transform(rows)?;
        self.predictor
            .predict(&features)
            .map_err(|e| e.among(rows.index()))
    }

    fn profile(&self) -> Option<&Profile> {
        Some(&self.profile)
    }
}
