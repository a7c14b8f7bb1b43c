//! What is compiled in this crate, once for labels and once for values.
//!
//! A generic function is compiled where its types are known, so that one over [`Target`] would be
//! compiled in the user's crate, again after each edit, and at that crate's level of optimisation.
//! The long ones that name a target's type stand in the list below; the public function is a line
//! that calls its instance, `Y::fit_stack(..)` say. Those that do not name it take a
//! [`DynTarget`](crate::data::DynTarget) instead, which needs no entry here.

use std::fmt;
use std::sync::Arc;

use crate::data::batches::TrainBatches;
use crate::data::{
    Features, FitContext, InSample, Labels, OutOfSample, Rows, Target, Train, Values,
};
use crate::error::Result;
use crate::inspection::{Importance, PermutationImportance};
use crate::metrics::Metric;
use crate::model::{DynLearner, FittedLearner, Predictor};
use crate::model_selection::{CrossValidation, CrossValidator};
use crate::stack::{
    self, AverageBlender, EstimatorBlender, FittedBlender, FittedStack, GreedySelection, Meta,
    NewRows, NonNegativeBlender, Stack,
};
use crate::transform::encode::{EmbeddingEncoder, FittedEmbeddingEncoder};
use crate::transform::{ColumnTransformer, FittedColumnTransformer, Scope, batches};

type Fit<T> = Result<(T, Features<InSample>)>;
type Predicted<Y> = <Y as Target>::Prediction;
type Blend<Y> = Result<Arc<dyn FittedBlender<Y>>>;

/// Declares `name(arguments) -> output = function`, and makes it for both targets.
macro_rules! instances {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty = $function:path;)*) => {
        #[allow(unnameable_types, reason = "above a sealed trait, for this crate alone")]
        pub trait Instances: Sized {
            $(fn $name($($argument: $type),*) -> $output where Self: Target;)*
        }

        instances!(@of Labels $(fn $name($($argument: $type),*) -> $output = $function;)*);
        instances!(@of Values $(fn $name($($argument: $type),*) -> $output = $function;)*);
    };
    (@of $target:ident
        $(fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty = $function:path;)*) => {
        impl Instances for $target {
            $(fn $name($($argument: $type),*) -> $output {
                $function($($argument),*)
            })*
        }
    };
}

instances! {
    fn fit_columns(columns: &ColumnTransformer<Self>, train: Train<'_, Self>)
        -> Fit<FittedColumnTransformer> = ColumnTransformer::fit_transform_here;
    fn fit_columns_part(columns: &ColumnTransformer<Self>, train: Train<'_, Self>)
        -> Result<FittedColumnTransformer> = ColumnTransformer::fit_part_here;
    fn fit_columns_batches(columns: &ColumnTransformer<Self>, train: TrainBatches<'_, Self>)
        -> Result<FittedColumnTransformer> = ColumnTransformer::fit_batches_here;
    fn for_each_group(
        train: TrainBatches<'_, Self>, scope: Scope<'_>,
        f: &mut dyn FnMut(Train<'_, Self>) -> Result<()>
    ) -> Result<()> = batches::for_each_group;
    fn fit_embedding(encoder: &EmbeddingEncoder<Self>, train: Train<'_, Self>)
        -> Fit<FittedEmbeddingEncoder> = EmbeddingEncoder::fit_transform_here;
    fn permutation_importance(
        importance: &PermutationImportance, predictor: &dyn Predictor<Self>,
        features: &Features<OutOfSample>, target: &Self, metric: &dyn Metric<Self>,
        weights: Option<&[f64]>
    ) -> Result<Vec<Importance>> = PermutationImportance::of_here;
    fn permutation_importance_of_learner(
        importance: &PermutationImportance, fitted: &dyn FittedLearner<Self>, rows: Rows<'_>,
        target: &Self, metric: &dyn Metric<Self>
    ) -> Result<Vec<Importance>> = PermutationImportance::of_learner_here;
    fn cross_validate(
        validator: &CrossValidator<'_, Self>, learner: &dyn DynLearner<Self>,
        train: Train<'_, Self>
    ) -> Result<CrossValidation<Self>> = CrossValidator::run_here;
    fn write_cross_validation(report: &CrossValidation<Self>, f: &mut fmt::Formatter<'_>)
        -> fmt::Result = CrossValidation::write_here;
    fn fit_stack(stack: &Stack<Self>, train: Train<'_, Self>)
        -> Result<FittedStack<Self>> = stack::fit;
    fn stack_memory(stack: &Stack<Self>, n_rows: usize, n_columns: usize, n_outputs: usize)
        -> u64 = stack::memory_of;
    fn predict_stack(stack: &FittedStack<Self>, rows: Rows<'_>, new_rows: NewRows)
        -> Result<Predicted<Self>> = FittedStack::predict_here;
    fn predict_stack_members(stack: &FittedStack<Self>, rows: Rows<'_>)
        -> Result<Vec<Predicted<Self>>> = FittedStack::members_here;
    fn predict_stack_and_members(stack: &FittedStack<Self>, rows: Rows<'_>)
        -> Result<(Predicted<Self>, Vec<Predicted<Self>>)> = FittedStack::predict_both_here;
    fn fit_average(
        blender: &AverageBlender, meta: &Meta<Self, InSample>, target: &Self,
        context: &FitContext<'_>
    ) -> Blend<Self> = AverageBlender::fit_here;
    fn fit_non_negative(
        meta: &Meta<Self, InSample>, target: &Self,
        context: &FitContext<'_>
    ) -> Blend<Self> = NonNegativeBlender::fit_here;
    fn fit_greedy(
        blender: &GreedySelection<Self>, meta: &Meta<Self, InSample>, target: &Self,
        context: &FitContext<'_>
    ) -> Blend<Self> = GreedySelection::fit_here;
    fn fit_estimator_blender(
        blender: &EstimatorBlender<Self>, meta: &Meta<Self, InSample>, target: &Self,
        context: &FitContext<'_>
    ) -> Blend<Self> = EstimatorBlender::fit_here;
}
