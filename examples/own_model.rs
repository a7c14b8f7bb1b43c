//! A learner from outside the crate: nearest centroids, for any number of classes.
//!
//! ```text
//! cargo run --example own_model --no-default-features
//! ```
//!
//! A learner is a specification that implements [`Estimator`] and a fitted type that implements
//! [`Predictor`]. That is all: pipelines, cross-validation and stacks take it from there.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::sync::Arc;

use stackfold::data::{Feature, FeatureKind};
use stackfold::model::{DynEstimator, Prior, RandomForest};
use stackfold::prelude::*;

/// Nearest centroids: class `c` has the probability
/// `p_c exp(-sharpness * |x - m_c|^2) / sum over classes`, `p_c` being its (weighted) share and
/// `m_c` the (weighted) mean of its rows.
#[derive(Debug, Clone, Copy)]
pub struct Centroids {
    sharpness: f64,
}

impl Centroids {
    /// Centroids with a sharpness of one half: normal classes of variance one.
    #[must_use]
    pub fn new() -> Self {
        Self { sharpness: 0.5 }
    }

    /// How fast a class fades with distance, above 0.
    #[must_use]
    pub fn with_sharpness(self, sharpness: f64) -> Self {
        Self { sharpness }
    }
}

impl Default for Centroids {
    fn default() -> Self {
        Self::new()
    }
}

/// Fitted [`Centroids`].
#[derive(Debug, Clone)]
pub struct FittedCentroids {
    sharpness: f64,
    features: Vec<Feature>,
    /// The target without rows: it knows the classes, and makes predictions of columns.
    classes: Labels,
    shares: Vec<f64>,
    /// One mean a feature for each class.
    means: Vec<Vec<f64>>,
}

impl Estimator<Labels> for Centroids {
    type Fitted = FittedCentroids;

    fn fit(
        &self,
        features: &Features<InSample>,
        target: &Labels,
        context: &FitContext<'_>,
    ) -> Result<FittedCentroids> {
        // 1. Options, once, at the head.
        if !(self.sharpness.is_finite() && self.sharpness > 0.0) {
            let expected = "finite and above 0";
            return Err(Error::parameter("sharpness", expected, self.sharpness));
        }
        // 2. What the model cannot take: here missing values, and codes without an order.
        features.check_finite()?;
        for field in features.fields() {
            if field.kind() != FeatureKind::Number {
                return Err(
                    Error::unsupported("centroids take numbers, not codes").in_column(field.name())
                );
            }
        }
        // 3. Statistics in f64; a class that is absent from these rows gets a share of zero.
        let ones = vec![1.0; target.codes().len()];
        let weights = context.weights().unwrap_or(&ones);
        let mut shares = vec![0.0; target.n_classes()];
        for (&code, &weight) in target.codes().iter().zip(weights) {
            shares[code as usize] += weight;
        }
        let mut means = vec![vec![0.0; features.n_features()]; target.n_classes()];
        for (row, (&code, &weight)) in target.codes().iter().zip(weights).enumerate() {
            for (j, mean) in means[code as usize].iter_mut().enumerate() {
                *mean += weight * f64::from(features.column(j)[row]);
            }
        }
        for (mean, &share) in means.iter_mut().zip(&shares) {
            if share > 0.0 {
                for value in mean {
                    *value /= share;
                }
            }
        }
        let total: f64 = shares.iter().sum();
        Ok(FittedCentroids {
            sharpness: self.sharpness,
            features: features.fields().to_vec(),
            classes: target.take(&[]),
            shares: shares.iter().map(|share| share / total).collect(),
            means,
        })
    }
}

impl Predictor<Labels> for FittedCentroids {
    fn predict(&self, features: &Features<OutOfSample>) -> Result<Probabilities> {
        features.check_fields(&self.features)?;
        features.check_finite()?;
        let n_classes = self.shares.len();
        let mut columns = vec![vec![0.0; features.n_rows()]; n_classes];
        for row in 0..features.n_rows() {
            let scores: Vec<f64> = (0..n_classes)
                .map(|class| {
                    let squares: f64 = (0..features.n_features())
                        .map(|j| {
                            let x = f64::from(features.column(j)[row]);
                            (x - self.means[class][j]).powi(2)
                        })
                        .sum();
                    self.shares[class].ln() - self.sharpness * squares
                })
                .collect();
            // Relative to the largest, so that not all of them are zero.
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
            for (column, score) in columns.iter_mut().zip(&scores) {
                column[row] = (score - largest).exp() / sum;
            }
        }
        // 4. This checks that each row's probabilities are ones.
        self.classes.prediction(columns)
    }
}

fn main() -> Result<()> {
    // Any estimator can stand beside the crate's own: in a list,
    let models: Vec<Arc<dyn DynEstimator<Labels>>> = vec![
        Arc::new(Prior::new()),
        Arc::new(Centroids::new()),
        Arc::new(RandomForest::new().with_n_trees(20)),
    ];
    // and in a stack, which takes what the list holds.
    let view = View::new("numbers", Passthrough::new());
    let mut stack = Stack::new(Scheme::out_of_fold(StratifiedKFold::new(4)));
    for (name, model) in ["prior", "centroids", "forest"].into_iter().zip(&models) {
        stack = stack.with_member(name, &view, Arc::clone(model));
    }
    let (table, y) = rings(1_000, Seed::new(1))?;
    let fitted = stack.fit(Train::new(&table, &y)?.with_seed(Seed::new(7)))?;

    // The share that each gets right of rows that none of them has seen.
    let (new, y_new) = rings(1_000, Seed::new(2))?;
    let share_right = |prediction: &Probabilities| {
        let found = prediction.most_probable();
        let right = found.iter().zip(y_new.codes()).filter(|(a, b)| a == b);
        right.count() as f64 / 1_000.0
    };
    let members: Vec<f64> = fitted
        .predict_members(new.rows())?
        .iter()
        .map(share_right)
        .collect();
    for (name, share) in fitted.member_names().iter().zip(&members) {
        println!("{name}: {share:.3} of the rows right");
    }
    let whole = share_right(&fitted.predict(&new)?);
    println!("stack: {whole:.3}");
    assert!(members[0] < 0.45, "the prior knows the largest class alone");
    assert!(members[1] > 0.85, "the centroids find three clouds");
    assert!(
        whole > 0.85,
        "the stack is about as good as its best member"
    );

    // An option outside its domain is an error that names it.
    let wrong = Centroids::new().with_sharpness(-1.0);
    let error = Pipeline::new(Passthrough::new(), wrong)
        .fit(Train::new(&table, &y)?)
        .err()
        .map(|error| error.to_string());
    println!("{}", error.as_deref().unwrap_or_default());
    assert_eq!(
        error.as_deref(),
        Some("sharpness must be finite and above 0, not -1")
    );
    Ok(())
}

/// Three clouds of points around a ring.
fn rings(n_rows: usize, seed: Seed) -> Result<(Table, Labels)> {
    let codes: Vec<u32> = (0_u32..3).cycle().take(n_rows).collect();
    let coordinate = |name: &str, of: fn(f64) -> f64| {
        let seed = seed.child(name);
        let values = codes.iter().zip(0..).map(|(&code, i)| {
            let angle = f64::from(code) * std::f64::consts::TAU / 3.0;
            2.0 * of(angle) + seed.normal(i)
        });
        Column::numeric(values.collect::<Vec<f64>>())
    };
    let table = Table::new([
        ("x", coordinate("x", f64::cos)),
        ("y", coordinate("y", f64::sin)),
    ])?;
    let classes = ["east", "north", "south"].map(String::from).to_vec();
    Ok((table, Labels::new(codes, classes)?))
}
