//! What a fitted model looks at.
//!
//! [`PermutationImportance`] asks any predictor how much worse it gets when it is misled about one
//! feature.

use serde::{Deserialize, Serialize};

use crate::data::{Features, OutOfSample, Rows, Table, Target, check_prediction};
use crate::error::{Error, Result};
use crate::metrics::Metric;
use crate::model::{FittedLearner, Predictor};
use crate::options::{at_least_one, options};
use crate::parallel;
use crate::random::Seed;

/// How much a score drops when one feature's values are shuffled among the rows (Breiman 2001,
/// *Random forests*, section 10).
///
/// With `s` the score of the predictions of all rows, and `s_jr` that of the predictions after
/// the values of feature `j` were put in random order for the `r`-th time, all other features
/// left as they are, the drop is `s - s_jr`, or `s_jr - s` where a lower score is the better one:
/// the larger, the more the model relies on the feature, whatever the metric. A feature that no
/// prediction depends on has a drop of 0; one that only helps to fit noise may have one below 0.
///
/// On held-out rows it says what the model has learned; on rows that it was fitted on, also what
/// it has memorised. Of two features with the same information, a model needs only one, and each
/// may seem unimportant. Shuffled rows may be such as never occur. Missing values are shuffled
/// with the others.
///
/// The order of feature `j` in repeat `r` is drawn from `seed.child(name of j).at(r)`, so a
/// feature's drops do not depend on the other features' names or places, nor on the number of
/// threads. Features are dealt with in parallel; each thread works on a copy of the features.
///
/// ```
/// use stackfold::data::Feature;
/// use stackfold::inspection::PermutationImportance;
/// use stackfold::metrics::RegressionMetric;
/// use stackfold::prelude::*;
///
/// /// Predicts a row's value of feature 0.
/// #[derive(Debug)]
/// struct First;
/// impl Predictor<Values> for First {
///     fn predict(&self, features: &Features<OutOfSample>) -> Result<Values> {
///         Values::new(features.column(0).iter().map(|&v| f64::from(v)).collect::<Vec<f64>>())
///     }
/// }
///
/// let a: Vec<f32> = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let features = Features::from_columns(
///     vec![Feature::number("a"), Feature::number("b")],
///     vec![a.clone(), a],
/// )?;
/// let target = Values::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let found = PermutationImportance::new()
///     .with_seed(Seed::new(1))
///     .of(&First, &features, &target, &RegressionMetric::Rmse, None)?;
/// assert_eq!((found[0].feature(), found[1].feature()), ("a", "b"));
/// assert!(found[0].mean() > 1.0);
/// assert_eq!(found[1].drops(), [0.0; 5]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PermutationImportance {
    n_repeats: usize,
    seed: Seed,
}

impl Default for PermutationImportance {
    fn default() -> Self {
        Self::new()
    }
}

impl PermutationImportance {
    /// Five repeats, from seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            n_repeats: 5,
            seed: Seed::default(),
        }
    }

    options! {
        /// How often each feature is shuffled: 1 or more.
        with_n_repeats(n_repeats: usize);
        /// Draws from this seed.
        with_seed(seed: Seed);
    }

    /// The importance of each feature, in the features' order.
    ///
    /// The target and the weights, which reach the metric, are those of the features' rows.
    ///
    /// # Errors
    /// If the number of repeats is 0; if the target has another number of rows than the features;
    /// if a prediction or its score fails: the error names the feature that was shuffled, if any.
    pub fn of<Y: Target>(
        &self,
        predictor: &dyn Predictor<Y>,
        features: &Features<OutOfSample>,
        target: &Y,
        metric: &dyn Metric<Y>,
        weights: Option<&[f64]>,
    ) -> Result<Vec<Importance>> {
        Y::permutation_importance(self, predictor, features, target, metric, weights)
    }

    pub(crate) fn of_here<Y: Target>(
        &self,
        predictor: &dyn Predictor<Y>,
        features: &Features<OutOfSample>,
        target: &Y,
        metric: &dyn Metric<Y>,
        weights: Option<&[f64]>,
    ) -> Result<Vec<Importance>> {
        self.check()?;
        if target.n_rows() != features.n_rows() {
            return Err(Error::data(
                format!("a target of {} rows, as the features", features.n_rows()),
                target.n_rows(),
            ));
        }
        let score = |features: &Features<OutOfSample>| {
            let prediction = predictor.predict(features)?;
            check_prediction(target, &prediction, target.n_rows())?;
            metric.score(target, &prediction, weights)
        };
        let base = score(features)?;
        let drops = parallel::map_with(
            || Shuffled::new(features),
            features.fields(),
            |shuffled, column, field| {
                self.drops(field.name(), base, metric.greater_is_better(), |seed| {
                    shuffled.score(column, seed, score)
                })
            },
        );
        drops.into_iter().collect()
    }

    /// The importance of each feature column of a table to a fitted learner, such as a pipeline or a
    /// stack: as [`PermutationImportance::of`], but the cells of a column are shuffled before they are
    /// encoded. The weights of the rows reach the metric.
    ///
    /// ```
    /// use stackfold::inspection::PermutationImportance;
    /// use stackfold::model::hist::HistGradientBoosting;
    /// use stackfold::prelude::*;
    /// let level: Vec<&str> = (0..200).map(|i| ["a", "b", "c", "d"][i % 4]).collect();
    /// let noise: Vec<i64> = (0..200).map(|i| i * 37 % 101).collect();
    /// let target = Labels::from_strs(&level.iter().map(|&l| if l < "c" { "low" } else { "high" }).collect::<Vec<_>>())?;
    /// let table = Table::new([("level", Column::from(level)), ("noise", Column::from(noise))])?;
    /// let columns = ColumnTransformer::new()
    ///     .with("level", Selector::kind(ColumnKind::Categorical), OneHotEncoder::new())
    ///     .with("number", Selector::kind(ColumnKind::Numeric), Passthrough::new());
    /// let split = Train::new(&table, &target)?.split(0.5)?;
    /// let fitted = Pipeline::new(columns, HistGradientBoosting::new()).fit(split.train())?;
    /// let found = PermutationImportance::new().of_learner(
    ///     &fitted, split.test(), &split.test_target(), &ClassificationMetric::RocAuc)?;
    /// assert_eq!(found[0].feature(), "level");
    /// assert!(found[0].mean() > 0.3 && found[1].mean().abs() < 0.05);
    /// # Ok::<(), stackfold::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PermutationImportance::of`].
    pub fn of_learner<'a, Y: Target>(
        &self,
        fitted: &dyn FittedLearner<Y>,
        rows: impl Into<Rows<'a>>,
        target: &Y,
        metric: &dyn Metric<Y>,
    ) -> Result<Vec<Importance>> {
        Y::permutation_importance_of_learner(self, fitted, rows.into(), target, metric)
    }

    pub(crate) fn of_learner_here<Y: Target>(
        &self,
        fitted: &dyn FittedLearner<Y>,
        rows: Rows<'_>,
        target: &Y,
        metric: &dyn Metric<Y>,
    ) -> Result<Vec<Importance>> {
        self.check()?;
        let weights = rows.weights();
        let score = |table: &Table| {
            let prediction = fitted.predict(table.rows())?;
            check_prediction(target, &prediction, target.n_rows())?;
            metric.score(target, &prediction, weights.as_deref())
        };
        let table = rows.to_table();
        let base = score(&table)?;
        let features: Vec<_> = table.rows().features().collect();
        let drops = parallel::map(features, |_, (field, column)| {
            self.drops(field.name(), base, metric.greater_is_better(), |seed| {
                let mut order: Vec<u32> = (0..).take(table.n_rows()).collect();
                seed.stream().shuffle(&mut order);
                let shuffled = table
                    .clone()
                    .with_column(field.name(), column.take(&order))?;
                score(&shuffled)
            })
        });
        drops.into_iter().collect()
    }

    fn check(&self) -> Result<()> {
        at_least_one("n_repeats", self.n_repeats)
    }

    /// The drops of one feature, whose score under an order that a seed draws is `score`.
    fn drops(
        &self,
        feature: &str,
        base: f64,
        greater_is_better: bool,
        mut score: impl FnMut(Seed) -> Result<f64>,
    ) -> Result<Importance> {
        let seed = self.seed.child(feature);
        let drops = (0..self.n_repeats).map(|repeat| {
            let drop = base - score(seed.at(repeat))?;
            Ok(if greater_is_better { drop } else { -drop })
        });
        let drops: Result<Vec<f64>> = drops.collect();
        Ok(Importance {
            feature: feature.to_owned(),
            drops: drops.map_err(|error| error.in_column(feature))?,
        })
    }
}

/// How much the score dropped when one feature was shuffled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    feature: String,
    drops: Vec<f64>,
}

impl Importance {
    /// The feature's name.
    #[must_use]
    pub fn feature(&self) -> &str {
        &self.feature
    }

    /// By how much the score got worse in each repeat.
    #[must_use]
    pub fn drops(&self) -> &[f64] {
        &self.drops
    }

    /// The mean drop: the feature's importance.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.drops.iter().sum::<f64>() / self.drops.len() as f64
    }

    /// The standard deviation of the drops, `sqrt(sum((d - mean)²) / (n - 1))`; `None` for one.
    ///
    /// It tells of the shuffles alone, not of the rows or of the fit.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        let (n, mean) = (self.drops.len() as f64, self.mean());
        let squares: f64 = self.drops.iter().map(|d| (d - mean).powi(2)).sum();
        (n > 1.0).then(|| (squares / (n - 1.0)).sqrt())
    }
}

/// A copy of features in which one column at a time is shuffled.
struct Shuffled<'a> {
    features: &'a Features<OutOfSample>,
    buffer: Vec<f32>,
}

impl<'a> Shuffled<'a> {
    fn new(features: &'a Features<OutOfSample>) -> Self {
        Self {
            features,
            buffer: features.as_slice().to_vec(),
        }
    }

    /// What the score is while the column is shuffled.
    fn score(
        &mut self,
        column: usize,
        seed: Seed,
        score: impl Fn(&Features<OutOfSample>) -> Result<f64>,
    ) -> Result<f64> {
        let n = self.features.n_rows();
        let cells = column * n..(column + 1) * n;
        seed.stream().shuffle(&mut self.buffer[cells.clone()]);
        let fields = self.features.shared_fields();
        let shuffled = Features::from_buffer(fields, n, std::mem::take(&mut self.buffer))?;
        let found = score(&shuffled);
        self.buffer = shuffled.into_buffer();
        self.buffer[cells].copy_from_slice(self.features.column(column));
        found
    }
}
