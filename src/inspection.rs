//! What a fitted model looks at.
//!
//! [`PermutationImportance`] asks any predictor how much worse it gets when it is misled about one
//! feature.

use serde::{Deserialize, Serialize};

use crate::data::{Features, OutOfSample, Target, check_prediction};
use crate::error::{Error, Result};
use crate::metrics::Metric;
use crate::model::Predictor;
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
/// it has learned by heart. Of two features that tell the same, a model can do with one, and each
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
pub struct PermutationImportance {
    repeats: usize,
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
            repeats: 5,
            seed: Seed::default(),
        }
    }

    /// Shuffles each feature so many times: 1 or more.
    #[must_use]
    pub fn with_repeats(self, repeats: usize) -> Self {
        Self { repeats, ..self }
    }

    /// Draws from this seed.
    #[must_use]
    pub fn with_seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// How many times each feature is shuffled.
    #[must_use]
    pub fn repeats(&self) -> usize {
        self.repeats
    }

    /// What orders are drawn from.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
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
        if self.repeats == 0 {
            return Err(Error::parameter("repeats", "1 or more", 0));
        }
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
        let columns: Vec<usize> = (0..features.n_features()).collect();
        // One run of columns a thread, and for each run one copy of the features.
        let n_columns = columns.len().div_ceil(rayon::current_num_threads()).max(1);
        let importances: Vec<Result<Vec<Importance>>> =
            parallel::map(columns.chunks(n_columns), |_, columns| {
                let mut shuffled = Shuffled::new(features);
                let of = |&column: &usize| {
                    let feature = features.fields()[column].name();
                    let seed = self.seed.child(feature);
                    let drop = |repeat| {
                        let found = shuffled.score(column, seed.at(repeat), score)?;
                        let drop = base - found;
                        Ok(if metric.greater_is_better() {
                            drop
                        } else {
                            -drop
                        })
                    };
                    let drops: Result<Vec<f64>> = (0..self.repeats).map(drop).collect();
                    Ok(Importance {
                        feature: feature.to_owned(),
                        drops: drops.map_err(|error: Error| error.in_column(feature))?,
                    })
                };
                columns.iter().map(of).collect()
            });
        let importances: Result<Vec<Vec<Importance>>> = importances.into_iter().collect();
        Ok(importances?.concat())
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
