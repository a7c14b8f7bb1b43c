//! How a stack is fitted: the order of things.

use std::sync::Arc;

use super::blending::Blending;
use super::checks::{check, check_plan};
use super::first_level::FirstLevel;
use super::fitted::FittedStack;
use super::levels::LevelFit;
use super::meta_rows::{MetaRows, pass_through};
use super::report::{Scorer, StackReport, correlations, score_alike, set_weights};
use super::tasks::Tasks;
use super::{Event, Meta, Stack, StackTarget};
use crate::clock::Stopwatch;
use crate::data::coverage::Profile;
use crate::data::{InSample, Target, Train};
use crate::error::Result;
use crate::folds::{FoldPlan, SplitContext};
use crate::schedule;

pub(crate) fn fit<Y: StackTarget>(stack: &Stack<Y>, train: Train<'_, Y>) -> Result<FittedStack<Y>> {
    let start = Stopwatch::start();
    check(stack)?;
    train.table_target().check(train.rows().index())?;

    let (plan, predicted, notes) = plan(stack, train)?;

    // Members, in each split.
    let tasks = Tasks::new(stack, train, &plan);
    train.tell(&Event::Planned {
        n_fits: tasks.n_fits(),
    });
    let done = schedule::run(&tasks, stack.memory_limit);
    let peak_estimate = done.peak;
    let mut first = FirstLevel::of(&tasks, &plan, done)?;
    drop(tasks);

    // Their out-of-fold predictions, and what is known of the rows that have any.
    let predictions = first.out_of_fold(train.table_target(), &plan, &predicted)?;
    let rows = MetaRows::new(train, &predicted)?;
    let folds = rows.folds(&plan, train.seed().child("meta"))?;
    let (pass_through, extra) = pass_through(stack, train, &predicted)?;
    let metric = stack.metric.clone();
    let metric = metric.unwrap_or_else(|| rows.target().default_metric().into());
    let scorer = Scorer::new(metric.as_ref(), &rows.sample);
    let names = first.names();
    let mut reports = first.reports(&scorer, &predictions)?;
    let mut dropped = std::mem::take(&mut first.dropped);
    let correlations = correlations(&predictions);
    let mut meta: Meta<Y, InSample> = Meta::new(Arc::clone(&names), predictions, extra);
    let mut out_of_fold = named(&meta);

    // Further levels.
    let mut levels = Vec::new();
    for (l, level) in stack.levels.iter().enumerate() {
        let fit = LevelFit {
            number: l + 2,
            rows: &rows,
            folds: folds.as_ref(),
            seed: train.seed().child("level").at(l),
            on_failure: stack.on_failure,
        };
        let next = fit.run(level, &meta, &scorer)?;
        reports.extend(next.reports);
        dropped.extend(next.dropped);
        out_of_fold.extend(named(&next.meta));
        levels.push(next.fitted);
        meta = next.meta;
    }

    // The blender.
    let blending = Blending {
        stack,
        meta: &meta,
        rows: &rows,
        positions: &predicted,
        seed: train.seed().child("blender"),
    };
    let blender = blending.fit()?;
    let stacked = blending.out_of_fold(&plan, folds.as_ref())?;
    train.tell(&Event::Blended);
    set_weights(&mut reports, blender.weights());
    let of_stack = match &stacked {
        Some(stacked) => {
            let level = stack.levels.len() + 2;
            let stacked = (stacked.rows.as_slice(), &stacked.prediction);
            let members = (reports.as_mut_slice(), out_of_fold.as_slice());
            Some(score_alike(&scorer, &predicted, stacked, level, members)?)
        }
        None => None,
    };

    let report = StackReport {
        metric: metric.name().to_owned(),
        greater_is_better: metric.greater_is_better(),
        members: reports,
        stack: of_stack,
        correlations,
        dropped,
        notes,
        n_rows: train.len(),
        n_out_of_fold: predicted.len(),
        n_scored: stacked.as_ref().map_or(predicted.len(), |s| s.rows.len()),
        n_splits: plan.n_splits(),
        peak_estimate,
        memory_limit: stack.memory_limit,
        seconds: start.seconds(),
    };
    let fitted_once = first.fitted_once();
    let (splits, whole) = first.into_models();
    Ok(FittedStack {
        shape: rows.target().take(&[]),
        names,
        splits,
        whole,
        fitted_once,
        new_rows: stack.new_rows,
        levels,
        pass_through,
        blender,
        plan,
        out_of_fold_rows: predicted,
        out_of_fold,
        stacked,
        report,
        profile: Profile::of(train.rows()),
    })
}

/// Who is fitted on what, the rows that some split predicts, and what to know of them.
fn plan<Y: StackTarget>(
    stack: &Stack<Y>,
    train: Train<'_, Y>,
) -> Result<(FoldPlan, Vec<u32>, Vec<String>)> {
    let context = SplitContext::of(train);
    let plan = stack.scheme.splitter().plan(&context)?;
    let predicted = check_plan(stack, train, &plan)?;
    let notes = plan.notes(&context);
    for text in &notes {
        train.tell(&Event::Note { text });
    }
    Ok((plan, predicted, notes))
}

fn named<Y: Target>(meta: &Meta<Y, InSample>) -> Vec<(String, Y::Prediction)> {
    let names = meta.names().iter().cloned();
    names.zip(meta.predictions().iter().cloned()).collect()
}
