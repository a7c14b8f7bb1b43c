//! Transformers for chosen columns, side by side.

use std::sync::Arc;

use rayon::prelude::*;

use super::{DynTransformer, FittedTransformer, Selector, Transformer, passthrough::Passthrough};
use crate::data::{Feature, Features, InSample, OutOfSample, Provenance, Rows, Target, Train};
use crate::error::{Error, Result};

/// What becomes of features that no step chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Remainder {
    /// They are left out.
    #[default]
    Drop,
    /// They become features as they are: numbers, booleans and dates, with NaN where missing. A
    /// categorical one is an error, since a code is not a number.
    Pass,
}

/// How features are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Naming {
    /// `step__feature`: two steps may use one column.
    #[default]
    Prefixed,
    /// `feature`: two of one name are an error.
    Plain,
}

/// Several transformers, each for the columns that its [`Selector`] chooses; their features stand
/// side by side, in the order of the steps.
///
/// A step's seed is a child of the training rows' seed by the step's name, so adding a step does
/// not change another. A step that chooses no column gives no feature and leaves a
/// [warning](FittedColumnTransformer::warnings).
///
/// ```
/// use stackfold::prelude::*;
/// use stackfold::transform::{ColumnTransformer, Selector};
/// use stackfold::transform::impute::Imputer;
/// let table = Table::new([
///     ("age", Column::numeric(vec![30.0, f64::NAN, 50.0])),
///     ("day", Column::dates(&[Some(0), Some(1), Some(2)])),
/// ])?;
/// let target = Labels::from_strs(&["no", "yes", "no"])?;
/// let (fitted, features) = ColumnTransformer::new()
///     .with("numbers", Selector::kind(ColumnKind::Numeric), Imputer::mean())
///     .with("texts", Selector::kind(ColumnKind::Categorical), Imputer::mean())
///     .fit_transform(Train::new(&table, &target)?)?;
/// assert_eq!(features.names().collect::<Vec<_>>(), ["numbers__age"]);
/// assert_eq!(features.column(0), [30.0, 40.0, 50.0]);
/// assert_eq!(fitted.warnings(), ["step \"texts\" chose no column"]);
/// # Ok::<(), stackfold::Error>(())
/// ```
#[derive(Debug)]
pub struct ColumnTransformer<Y: Target> {
    steps: Vec<Step<Y>>,
    remainder: Remainder,
    naming: Naming,
}

#[derive(Debug)]
struct Step<Y: Target> {
    name: String,
    selector: Selector,
    transformer: Arc<dyn DynTransformer<Y>>,
}

impl<Y: Target> Clone for Step<Y> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            selector: self.selector.clone(),
            transformer: Arc::clone(&self.transformer),
        }
    }
}

impl<Y: Target> Clone for ColumnTransformer<Y> {
    fn clone(&self) -> Self {
        Self {
            steps: self.steps.clone(),
            remainder: self.remainder,
            naming: self.naming,
        }
    }
}

impl<Y: Target> Default for ColumnTransformer<Y> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Y: Target> ColumnTransformer<Y> {
    /// No step yet; features that no step chooses are dropped.
    #[must_use]
    pub fn new() -> Self {
        Self {
            steps: Vec::new(),
            remainder: Remainder::Drop,
            naming: Naming::Prefixed,
        }
    }

    /// With a further step.
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<String>,
        selector: Selector,
        transformer: impl Transformer<Y> + 'static,
    ) -> Self {
        self.steps.push(Step {
            name: name.into(),
            selector,
            transformer: Arc::new(transformer),
        });
        self
    }

    /// What becomes of features that no step chooses; they are named `remainder__…`.
    #[must_use]
    pub fn with_remainder(self, remainder: Remainder) -> Self {
        Self { remainder, ..self }
    }

    /// How features are named.
    #[must_use]
    pub fn with_naming(self, naming: Naming) -> Self {
        Self { naming, ..self }
    }

    fn steps(&self, rows: Rows<'_>) -> Result<Vec<(Step<Y>, Vec<usize>)>> {
        let mut steps: Vec<(Step<Y>, Vec<usize>)> = Vec::with_capacity(self.steps.len() + 1);
        for step in &self.steps {
            if steps.iter().any(|(earlier, _)| earlier.name == step.name) {
                return Err(Error::parameter(
                    "step names",
                    "different",
                    format!("{:?} twice", step.name),
                ));
            }
            let positions = step
                .selector
                .positions(rows)
                .map_err(|e| e.in_step(&step.name))?;
            steps.push((step.clone(), positions));
        }
        if self.remainder == Remainder::Pass {
            let mut rest = rows.positions();
            rest.retain(|i| !steps.iter().any(|(_, positions)| positions.contains(i)));
            if !rest.is_empty() {
                let step = Step {
                    name: "remainder".to_owned(),
                    selector: Selector::all(),
                    transformer: Arc::new(Passthrough::new()),
                };
                steps.push((step, rest));
            }
        }
        Ok(steps)
    }
}

impl<Y: Target> Transformer<Y> for ColumnTransformer<Y> {
    type Fitted = FittedColumnTransformer;

    fn fit_transform(&self, train: Train<'_, Y>) -> Result<(Self::Fitted, Features<InSample>)> {
        let steps = self.steps(train.rows())?;
        let results: Vec<Result<_>> = steps
            .par_iter()
            .map(|(step, positions)| {
                let seed = train.seed().child(&step.name);
                let train = train.select(positions).with_seed(seed);
                let (fitted, features) = step
                    .transformer
                    .fit_transform_dyn(train)
                    .map_err(|e| e.in_step(&step.name))?;
                Ok((fitted, renamed(features, &step.name, self.naming)))
            })
            .collect();
        let mut fitted = Vec::with_capacity(steps.len());
        let mut parts = Vec::with_capacity(steps.len());
        let mut warnings = Vec::new();
        for ((step, positions), result) in steps.into_iter().zip(results) {
            let (transformer, features) = result?;
            if positions.is_empty() {
                warnings.push(format!("step {:?} chose no column", step.name));
            }
            fitted.push((step.name, transformer));
            parts.push(features);
        }
        let features = Features::join(parts, train.len())?;
        let fitted = FittedColumnTransformer {
            steps: fitted,
            naming: self.naming,
            fields: features.shared_fields(),
            warnings,
        };
        Ok((fitted, features))
    }
}

/// A fitted [`ColumnTransformer`].
#[derive(Debug, Clone)]
pub struct FittedColumnTransformer {
    steps: Vec<(String, Arc<dyn FittedTransformer>)>,
    naming: Naming,
    fields: Arc<[Feature]>,
    warnings: Vec<String>,
}

impl FittedColumnTransformer {
    /// What deserves a look: steps that chose no column.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The fitted transformer of the step with this name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&dyn FittedTransformer> {
        let (_, fitted) = self.steps.iter().find(|(step, _)| step == name)?;
        Some(fitted.as_ref())
    }
}

impl FittedTransformer for FittedColumnTransformer {
    fn transform(&self, rows: Rows<'_>) -> Result<Features<OutOfSample>> {
        let parts: Vec<Result<_>> = self
            .steps
            .par_iter()
            .map(|(name, fitted)| {
                let features = fitted.transform(rows).map_err(|e| e.in_step(name))?;
                Ok(renamed(features, name, self.naming))
            })
            .collect();
        let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
        Features::join(parts, rows.len())
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }
}

fn renamed<P: Provenance>(features: Features<P>, step: &str, naming: Naming) -> Features<P> {
    match naming {
        Naming::Plain => features,
        Naming::Prefixed => {
            let fields = features.fields().iter();
            let fields = fields.map(|f| f.clone().renamed(format!("{step}__{}", f.name())));
            let fields = fields.collect();
            features.with_fields(fields)
        }
    }
}
