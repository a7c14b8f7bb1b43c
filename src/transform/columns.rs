//! Transformers for chosen columns, side by side.

use std::sync::Arc;

use super::batches::groups;
use super::passthrough::Passthrough;
use super::{DynTransformer, FittedTransformer, Placement, Scope, Selector, Transformer};
use crate::data::batches::TrainBatches;
use crate::data::{Feature, Features, InSample, OutOfSample, Provenance, Rows, Target, Train};
use crate::error::{Error, Result};
use crate::options::options;
use crate::parallel;

/// What becomes of features that no step chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
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

    options! {
        /// What becomes of features that no step chooses; they are named `remainder__…`.
        with_remainder(remainder: Remainder);
        /// How features are named.
        with_naming(naming: Naming);
    }

    /// The steps and the columns of each; `choose` says which a selector chooses.
    fn steps(
        &self,
        rows: Rows<'_>,
        choose: impl Fn(&Selector) -> Result<Vec<usize>>,
    ) -> Result<Vec<(Step<Y>, Vec<usize>)>> {
        let mut steps: Vec<(Step<Y>, Vec<usize>)> = Vec::with_capacity(self.steps.len() + 1);
        for step in &self.steps {
            if steps.iter().any(|(earlier, _)| earlier.name == step.name) {
                return Err(Error::parameter(
                    "step names",
                    "different",
                    format!("{:?} twice", step.name),
                ));
            }
            let positions = choose(&step.selector).map_err(|e| e.in_step(&step.name))?;
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

impl<Y: Target> crate::transform::Chain for ColumnTransformer<Y> {}

impl<Y: Target> Transformer<Y> for ColumnTransformer<Y> {
    type Fitted = FittedColumnTransformer;

    fn fit_transform(&self, train: Train<'_, Y>) -> Result<(Self::Fitted, Features<InSample>)> {
        Y::fit_columns(self, train)
    }

    fn fit_part(&self, train: Train<'_, Y>) -> Result<Self::Fitted> {
        Y::fit_columns_part(self, train)
    }

    fn fit_batches(&self, train: TrainBatches<'_, Y>) -> Result<Self::Fitted> {
        Y::fit_columns_batches(self, train)
    }
}

impl<Y: Target> ColumnTransformer<Y> {
    pub(crate) fn fit_transform_here(
        &self,
        train: Train<'_, Y>,
    ) -> Result<(FittedColumnTransformer, Features<InSample>)> {
        let rows = train.rows();
        let steps = self.steps(rows, |selector| selector.positions(rows))?;
        let results = parallel::map(&steps, |_, (step, positions)| {
            let seed = train.seed().child(&step.name);
            let train = train.select(positions).with_seed(seed);
            let (fitted, features) = step
                .transformer
                .fit_transform_dyn(train)
                .map_err(|e| e.in_step(&step.name))?;
            Ok((fitted, renamed(features, &step.name, self.naming)))
        });
        let (fitted, parts): (Vec<_>, Vec<_>) = results.into_iter().collect::<Result<_>>()?;
        let features = Features::join(parts, train.len())?;
        Ok((
            Self::fitted(steps, fitted, features.shared_fields()),
            features,
        ))
    }

    pub(crate) fn fit_part_here(&self, train: Train<'_, Y>) -> Result<FittedColumnTransformer> {
        let rows = train.rows();
        let steps = self.steps(rows, |selector| selector.positions(rows))?;
        let fitted = parallel::map(&steps, |_, (step, positions)| {
            let seed = train.seed().child(&step.name);
            let train = train.select(positions).with_seed(seed);
            let fitted = step.transformer.fit_part_dyn(train);
            fitted.map_err(|e| e.in_step(&step.name))
        });
        self.of_steps(steps, fitted.into_iter().collect::<Result<_>>()?)
    }

    pub(crate) fn fit_batches_here(
        &self,
        train: TrainBatches<'_, Y>,
    ) -> Result<FittedColumnTransformer> {
        let table = train.table();
        let mut rows = table.empty().rows();
        if let Some(columns) = train.chosen() {
            rows = rows.select(columns);
        }
        let steps = self.steps(rows, |selector| selector.positions_in_batches(rows, table))?;
        let mut fitted = Vec::with_capacity(steps.len());
        while let Some(rest) = steps.get(fitted.len()..).filter(|rest| !rest.is_empty()) {
            let (n_steps, positions) = together(rest, train);
            let fit = |(step, positions): &(Step<Y>, Vec<usize>), train: TrainBatches<'_, Y>| {
                let seed = train.seed().child(&step.name);
                let train = train.select(positions).with_seed(seed);
                let fitted = step.transformer.fit_batches_dyn(train);
                fitted.map_err(|e| e.in_step(&step.name))
            };
            if n_steps < 2 {
                fitted.push(fit(&rest[0], train)?);
                continue;
            }
            let (loaded, _) = table.load(&positions, None, None)?;
            let train = train.with_loaded(&loaded);
            for result in parallel::map(&rest[..n_steps], |_, step| fit(step, train)) {
                fitted.push(result?);
            }
        }
        self.of_steps(steps, fitted)
    }
}

impl<Y: Target> ColumnTransformer<Y> {
    /// What is fitted, of steps that were and gave no features.
    fn of_steps(
        &self,
        steps: Vec<(Step<Y>, Vec<usize>)>,
        fitted: Vec<Arc<dyn FittedTransformer>>,
    ) -> Result<FittedColumnTransformer> {
        let parts = steps.iter().zip(&fitted).map(|((step, _), fitted)| {
            let features = Features::from_buffer(fitted.fields(), 0, Vec::new())?;
            Ok(renamed::<OutOfSample>(features, &step.name, self.naming))
        });
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let fields = Features::join(parts, 0)?.shared_fields();
        Ok(Self::fitted(steps, fitted, fields))
    }

    fn fitted(
        steps: Vec<(Step<Y>, Vec<usize>)>,
        fitted: Vec<Arc<dyn FittedTransformer>>,
        fields: Arc<[Feature]>,
    ) -> FittedColumnTransformer {
        let empty = steps.iter().filter(|(_, positions)| positions.is_empty());
        FittedColumnTransformer {
            warnings: empty
                .map(|(step, _)| format!("step {:?} chose no column", step.name))
                .collect(),
            steps: steps
                .into_iter()
                .map(|(step, _)| step.name)
                .zip(fitted)
                .collect(),
            fields,
        }
    }
}

/// How many steps can be fitted together under the memory limit, and all their columns: what one
/// scan brings together need not be read again.
fn together<Y: Target>(
    steps: &[(Step<Y>, Vec<usize>)],
    train: TrainBatches<'_, Y>,
) -> (usize, Vec<usize>) {
    let mut all: Vec<usize> = Vec::new();
    for (n_steps, (_, positions)) in steps.iter().enumerate() {
        let mut with_step = all.clone();
        with_step.extend(positions.iter().filter(|i| !all.contains(i)));
        // A single column that is too much is for its own step to report.
        let fit = groups(train.table(), &with_step, Scope::Columns).is_ok_and(|g| g.len() < 2);
        if !fit {
            return (n_steps, all);
        }
        all = with_step;
    }
    (steps.len(), all)
}

/// A fitted [`ColumnTransformer`].
#[derive(Debug, Clone)]
pub struct FittedColumnTransformer {
    steps: Vec<(String, Arc<dyn FittedTransformer>)>,
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
        let cells_a_step = rows.len() * self.fields.len() / self.steps.len().max(1);
        let parts = parallel::map_small(cells_a_step, &self.steps, |_, (name, fitted)| {
            fitted.transform(rows).map_err(|e| e.in_step(name))
        });
        let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
        Features::join_as(Arc::clone(&self.fields), parts, rows.len())
    }

    fn fields(&self) -> &[Feature] {
        &self.fields
    }

    fn moved(&self) -> Vec<(String, Placement)> {
        let mut fields = self.fields.iter();
        let mut moved = Vec::new();
        for (_, fitted) in &self.steps {
            let of_step = fitted.moved();
            // Fields are those of the steps under other names.
            for (own, field) in fitted.fields().iter().zip(&mut fields) {
                let placed = of_step.iter().filter(|(name, _)| name == own.name());
                moved.extend(
                    placed.map(|(_, placement)| (field.name().to_owned(), placement.clone())),
                );
            }
        }
        moved
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
