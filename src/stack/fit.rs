//! How a stack is fitted: the members ([`tasks`](super::tasks)), then levels, then the blender.

use std::sync::Arc;

use super::blend::FittedBlender;
use super::fitted::{FittedLevel, FittedStack, Stacked};
use super::meta::FittedForm;
use super::report::{Dropped, MemberReport, StackReport, correlations};
use super::run_task::MemberFit;
use super::tasks::{BaseFits, SplitFit, fit_members};
use super::{Event, Level, MemberKind, Meta, OnFailure, Stack, StackTarget};
use crate::clock::Stopwatch;
use crate::data::coverage::Profile;
use crate::data::{
    Features, FitContext, InSample, OutOfSample, Prediction, RowIndex, Target, Train,
    check_prediction,
};
use crate::error::{Error, ErrorKind, Result};
use crate::folds::{FoldPlan, Folds, SplitContext, deal, strata_of};
use crate::metrics::Metric;
use crate::model::DynEstimator;
use crate::parallel;
use crate::progress::Progress;
use crate::random::Seed;
use crate::schedule::check_memory_limit;
use crate::transform::FittedTransformer;

/// Folds of the blender and of further levels where the plan has none of its own.
const META_FOLDS: usize = 5;

pub(crate) fn fit<Y: StackTarget>(stack: &Stack<Y>, train: Train<'_, Y>) -> Result<FittedStack<Y>> {
    let start = Stopwatch::start();
    check(stack)?;
    let progress = Watch {
        own: stack.progress.as_ref(),
        around: train.progress(),
    };
    let train = train.with_progress(Some(&progress));
    train.table_target().check(train.rows().index())?;
    let (plan, notes) = plan(stack, train, &progress)?;

    let BaseFits {
        splits: base,
        whole,
        peak,
    } = fit_members(stack, train, &plan, &progress)?;
    let (kept, mut dropped) = keep(stack, &base, whole.as_deref())?;
    let (covered, predictions) = out_of_fold(stack, train, &plan, &base, whole.as_deref(), &kept)?;
    let known = Known::of(stack, train, &covered, &progress)?;
    let folds = meta_folds(&plan, &covered, &known, train.seed().child("meta"))?;
    let (pass_through, extra) = pass_through(stack, train, &covered)?;

    let names: Arc<[String]> = kept
        .iter()
        .map(|&m| stack.members[m].name.clone())
        .collect();
    let fitted_once: Vec<bool> = kept.iter().map(|&m| is_fitted_once(stack, m)).collect();
    let mut reports = member_reports(stack, &known, &base, whole.as_deref(), &kept, &predictions)?;
    let correlations = correlations(&predictions);
    let mut meta: Meta<Y, InSample> = Meta::new(Arc::clone(&names), predictions, extra);
    let mut oof = named(&meta);
    let mut levels = Vec::new();
    for (l, level) in stack.levels.iter().enumerate() {
        let seed = train.seed().child("level").at(l);
        let (fitted, next, seconds, left_out) =
            fit_level(stack, level, l + 2, &meta, &known, seed, folds.as_ref())?;
        dropped.extend(left_out);
        for ((name, prediction), seconds) in
            next.names().iter().zip(next.predictions()).zip(seconds)
        {
            let mut report = known.report(name, l + 2, prediction)?;
            report.fit_seconds = seconds;
            reports.push(report);
        }
        oof.extend(named(&next));
        levels.push(fitted);
        meta = next;
    }

    let seed = train.seed().child("blender");
    let (blender, stacked) =
        fit_blender(stack, &meta, &known, seed, folds.as_ref(), &plan, &covered)?;
    progress.event(&Event::Blended);
    if let Some(weights) = blender.weights() {
        // The last reports are those of the level that is blended.
        for (report, &weight) in reports.iter_mut().rev().zip(weights.iter().rev()) {
            report.weight = Some(weight);
        }
    }
    let stack_report = match &stacked {
        Some(stacked) => {
            let level = stack.levels.len() + 2;
            let report = score_alike(&known, &covered, stacked, level, &mut reports, &oof)?;
            Some(report)
        }
        None => None,
    };
    let report = StackReport {
        metric: known.metric.name().to_owned(),
        greater_is_better: known.metric.greater_is_better(),
        members: reports,
        stack: stack_report,
        correlations,
        dropped,
        notes,
        n_rows: train.len(),
        n_out_of_fold: covered.len(),
        n_scored: stacked.as_ref().map_or(covered.len(), |s| s.rows.len()),
        n_splits: plan.n_splits(),
        peak_estimate: peak,
        memory_limit: stack.memory_limit,
        seconds: start.seconds(),
    };
    Ok(FittedStack {
        shape: known.target.take(&[]),
        names,
        splits: base.into_iter().map(|s| s.into_models(&kept)).collect(),
        whole: whole.map(|s| s.into_models(&kept)),
        fitted_once,
        new_rows: stack.new_rows,
        levels,
        pass_through,
        blender,
        plan,
        out_of_fold_rows: covered,
        out_of_fold: oof,
        stacked,
        report,
        profile: Profile::of(train.rows()),
    })
}

/// The stack's own progress, which is told and may stop it; one around the stack may stop it, too.
#[derive(Debug)]
struct Watch<'a> {
    own: &'a dyn Progress,
    around: Option<&'a dyn Progress>,
}

impl Progress for Watch<'_> {
    fn event(&self, event: &Event<'_>) {
        self.own.event(event);
    }

    fn is_stopped(&self) -> bool {
        self.own.is_stopped() || self.around.is_some_and(Progress::is_stopped)
    }
}

/// Who is fitted on what, and what to know of it.
fn plan<Y: StackTarget>(
    stack: &Stack<Y>,
    train: Train<'_, Y>,
    progress: &dyn Progress,
) -> Result<(FoldPlan, Vec<String>)> {
    let context = SplitContext::of(train);
    let plan = stack.scheme.splitter().plan(&context)?;
    if plan.n_rows() != train.len() {
        return Err(Error::data(
            format!("a plan of {} rows", train.len()),
            format!("{} rows", plan.n_rows()),
        ));
    }
    check_out_of_bag(stack, train, &plan)?;
    check_predicted(train, &plan)?;
    let notes = plan.notes(&context);
    for text in &notes {
        progress.event(&Event::Note { text });
    }
    Ok((plan, notes))
}

/// The blender fitted on all rows with out-of-fold predictions, and the predictions of blenders
/// that are cross-fitted over the folds, or forwards where the plan follows time.
#[allow(clippy::type_complexity, reason = "the two results of one fit")]
fn fit_blender<Y: StackTarget>(
    stack: &Stack<Y>,
    meta: &Meta<Y, InSample>,
    known: &Known<'_, Y>,
    seed: Seed,
    folds: Option<&Folds>,
    plan: &FoldPlan,
    covered: &[u32],
) -> Result<(Arc<dyn FittedBlender<Y>>, Option<Stacked<Y>>)> {
    if known.progress.is_stopped() {
        return Err(Error::stopped());
    }
    let place = |e: Error| e.in_member("blender").in_level(stack.levels.len() + 2);
    let blender = stack
        .blender
        .fit(meta, &known.target, &known.context(seed))
        .map_err(|e| place(known.place(e)))?;
    if known.is_ordered(plan) {
        let stacked = stacked_forwards(stack, meta, known, plan, covered, seed)?;
        return Ok((blender, stacked));
    }
    let Some(folds) = folds else {
        return Ok((blender, None));
    };
    let stacked = cross_fit(folds, &known.target, |fold, fit_rows, rows| {
        let part = known.take(fit_rows);
        let blender = stack
            .blender
            .fit(
                &meta.take(fit_rows),
                &part.target,
                &part.context(seed.at(fold)),
            )
            .map_err(|e| part.place(e))?;
        blender
            .blend(&held_out(meta, rows))
            .map_err(|e| known.take(rows).place(e))
    });
    let stacked = Stacked {
        rows: covered.to_vec(),
        prediction: stacked.map_err(place)?,
    };
    Ok((blender, Some(stacked)))
}

/// The stack's out-of-fold predictions where the plan follows time: each split's rows are blended by
/// a blender fitted on those that came before all of them; the first such rows have none.
fn stacked_forwards<Y: StackTarget>(
    stack: &Stack<Y>,
    meta: &Meta<Y, InSample>,
    known: &Known<'_, Y>,
    plan: &FoldPlan,
    covered: &[u32],
    seed: Seed,
) -> Result<Option<Stacked<Y>>> {
    let Some(time) = &known.time else {
        return Ok(None);
    };
    let place = |e: Error| e.in_member("blender").in_level(stack.levels.len() + 2);
    let mut place_of = vec![u32::MAX; plan.n_rows()];
    for (place, &row) in (0_u32..).zip(covered) {
        place_of[row as usize] = place;
    }
    // For each row with an out-of-fold prediction, its place among the blended ones.
    let mut blended = vec![None; covered.len()];
    let mut n_blended = 0_u32;
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for s in 0..plan.n_splits() {
        let split = plan.split(s);
        let places = split.validation().iter().map(|&row| place_of[row as usize]);
        let rows: Vec<u32> = places.filter(|&p| blended[p as usize].is_none()).collect();
        let first = rows
            .iter()
            .map(|&p| time[p as usize])
            .fold(f64::INFINITY, f64::min);
        let before = |&p: &u32| time[p as usize] < first;
        let earlier: Vec<u32> = (0..).take(covered.len()).filter(before).collect();
        let part = known.take(&earlier);
        if rows.is_empty()
            || part.target.check(RowIndex::All(earlier.len())).is_err()
            || earlier.is_empty()
        {
            continue;
        }
        let prediction = stack
            .blender
            .fit(
                &meta.take(&earlier),
                &part.target,
                &part.context(seed.at(s)),
            )
            .map_err(|e| part.place(e))
            .and_then(|blender| {
                let blended = blender.blend(&held_out(meta, &rows));
                blended.map_err(|e| known.take(&rows).place(e))
            })
            .and_then(|p| check_prediction(&known.target, &p, rows.len()).map(|()| p))
            .map_err(|e| place(e.in_fold(s)))?;
        columns.resize_with(prediction.n_columns(), Vec::new);
        for (k, column) in columns.iter_mut().enumerate() {
            column.extend_from_slice(prediction.column(k));
        }
        for &p in &rows {
            blended[p as usize] = Some(n_blended);
            n_blended += 1;
        }
    }
    let places: Vec<u32> = (0..)
        .zip(&blended)
        .filter_map(|(p, place)| place.map(|_| p))
        .collect();
    let target = known.target.take(&places);
    if places.is_empty() || target.check(RowIndex::All(places.len())).is_err() {
        return Ok(None);
    }
    let in_order: Vec<u32> = blended.into_iter().flatten().collect();
    let columns = columns.iter().map(|column| gather(column, &in_order));
    Ok(Some(Stacked {
        rows: gather(covered, &places),
        prediction: target.prediction(columns.collect())?,
    }))
}

/// The stack's report; and the members' scores on the stack's rows, where it has fewer than they.
fn score_alike<Y: StackTarget>(
    known: &Known<'_, Y>,
    covered: &[u32],
    stacked: &Stacked<Y>,
    level: usize,
    members: &mut [MemberReport],
    out_of_fold: &[(String, Y::Prediction)],
) -> Result<MemberReport> {
    if stacked.rows.len() == covered.len() {
        return known.report("stack", level, &stacked.prediction);
    }
    // Both are in order.
    let mut next = 0;
    let places: Vec<u32> = (0..)
        .zip(covered)
        .filter(|&(_, row)| {
            let is_stacked = stacked.rows.get(next) == Some(row);
            next += usize::from(is_stacked);
            is_stacked
        })
        .map(|(place, _)| place)
        .collect();
    let known = known.take(&places);
    for (member, (_, prediction)) in members.iter_mut().zip(out_of_fold) {
        let alike = known.report(&member.name, member.level, &prediction.take(&places))?;
        member.score = alike.score;
        member.interval = alike.interval;
    }
    known.report("stack", level, &stacked.prediction)
}

fn member_reports<Y: StackTarget>(
    stack: &Stack<Y>,
    known: &Known<'_, Y>,
    splits: &[SplitFit<Y>],
    whole: Option<&SplitFit<Y>>,
    kept: &[usize],
    predictions: &[Y::Prediction],
) -> Result<Vec<MemberReport>> {
    let mut reports = Vec::with_capacity(kept.len());
    for (&m, prediction) in kept.iter().zip(predictions) {
        let mut report = known.report(&stack.members[m].name, 1, prediction)?;
        let once = whole.filter(|_| is_fitted_once(stack, m));
        for fit in splits
            .iter()
            .chain(once)
            .filter_map(|split| split.members[m].as_ref()?.as_ref().ok())
        {
            report.fit_seconds += fit.fit_seconds;
            report.predict_seconds += fit.predict_seconds;
        }
        reports.push(report);
    }
    Ok(reports)
}

fn named<Y: Target>(meta: &Meta<Y, InSample>) -> Vec<(String, Y::Prediction)> {
    let names = meta.names().iter().cloned();
    names.zip(meta.predictions().iter().cloned()).collect()
}

/// What is known of the rows with out-of-fold predictions, and how they are scored.
struct Known<'a, Y: Target> {
    /// Indices into the table.
    rows: Vec<u32>,
    target: Y,
    weights: Option<Vec<f64>>,
    groups: Option<Vec<u32>>,
    time: Option<Vec<f64>>,
    metric: Arc<dyn Metric<Y>>,
    progress: &'a dyn Progress,
}

impl<Y: Target> Known<'_, Y> {
    /// Whether the plan follows the rows' time.
    fn is_ordered(&self, plan: &FoldPlan) -> bool {
        self.time.is_some() && plan.partitions().is_none()
    }
}

impl<'a, Y: StackTarget> Known<'a, Y> {
    fn of(
        stack: &Stack<Y>,
        train: Train<'_, Y>,
        covered: &[u32],
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let target = train.target().take(covered);
        target.check(RowIndex::All(target.n_rows()))?;
        Ok(Self {
            rows: train.rows().index().compose(covered),
            weights: train.weights().map(|w| gather(&w, covered)),
            groups: train.rows().groups().map(|g| gather(&g, covered)),
            time: train.rows().time().map(|t| gather(&t, covered)),
            metric: stack
                .metric
                .clone()
                .unwrap_or_else(|| target.default_metric().into()),
            target,
            progress,
        })
    }

    fn take(&self, rows: &[u32]) -> Self {
        Self {
            rows: gather(&self.rows, rows),
            target: self.target.take(rows),
            weights: self.weights.as_ref().map(|w| gather(w, rows)),
            groups: self.groups.as_ref().map(|g| gather(g, rows)),
            time: self.time.as_ref().map(|t| gather(t, rows)),
            metric: Arc::clone(&self.metric),
            progress: self.progress,
        }
    }

    /// The error with the table's row, if it names one.
    fn place(&self, error: Error) -> Error {
        error.among(RowIndex::Some(&self.rows))
    }

    fn context(&self, seed: Seed) -> FitContext<'_> {
        FitContext::default()
            .with_weights(self.weights.as_deref())
            .with_groups(self.groups.as_deref())
            .with_time(self.time.as_deref())
            .with_seed(seed)
            .with_progress(Some(self.progress))
    }

    fn report(&self, name: &str, level: usize, prediction: &Y::Prediction) -> Result<MemberReport> {
        let metric = self.metric.name();
        let place = |e: Error| e.in_metric(metric).in_member(name).in_level(level);
        let weights = self.weights.as_deref();
        let score = self
            .metric
            .score(&self.target, prediction, weights)
            .map_err(place)?;
        Ok(MemberReport {
            name: name.to_owned(),
            level,
            score,
            score_on_all: score,
            interval: self
                .metric
                .interval(&self.target, prediction, weights)
                .map_err(place)?,
            weight: None,
            fit_seconds: 0.0,
            predict_seconds: 0.0,
        })
    }
}

fn gather<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    RowIndex::Some(rows).gather(values).into_owned()
}

/// Raw columns beside the predictions: no target, and nothing learned, so all rows at once.
#[allow(clippy::type_complexity, reason = "the two results of one fit")]
fn pass_through<Y: Target>(
    stack: &Stack<Y>,
    train: Train<'_, Y>,
    covered: &[u32],
) -> Result<(
    Option<Arc<dyn FittedTransformer>>,
    Option<Features<InSample>>,
)> {
    let Some(view) = &stack.pass_through else {
        return Ok((None, None));
    };
    let (fitted, features) = view
        .transformer
        .fit_transform_dyn(train)
        .map_err(|e| e.in_view(view.name()))?;
    Ok((Some(fitted), Some(features.take(covered))))
}

fn check<Y: Target>(stack: &Stack<Y>) -> Result<()> {
    check_memory_limit(stack.memory_limit)?;
    if stack.members.is_empty() {
        return Err(Error::parameter("members", "one or more", "none"));
    }
    let mut names: Vec<&str> = stack.members.iter().map(|m| m.name.as_str()).collect();
    for (l, level) in stack.levels.iter().enumerate() {
        if level.members.is_empty() {
            return Err(Error::parameter("members", "one or more", "none").in_level(l + 2));
        }
        names.extend(level.names());
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::parameter(
            "member names",
            "different",
            format!("{:?} twice", pair[0]),
        )),
        None => Ok(()),
    }
}

/// Checks, before the work, that the blender can learn from the rows that some split predicts.
fn check_predicted<Y: Target>(train: Train<'_, Y>, plan: &FoldPlan) -> Result<()> {
    let mut predicted = vec![false; plan.n_rows()];
    for s in 0..plan.n_splits() {
        for &row in plan.split(s).validation() {
            predicted[row as usize] = true;
        }
    }
    let rows = (0..).zip(&predicted).filter(|(_, predicted)| **predicted);
    let rows: Vec<u32> = rows.map(|(row, _)| row).collect();
    let target = train.table_target();
    let checked = target.check(RowIndex::Some(&train.rows().index().compose(&rows)));
    checked.map_err(|error| match error.kind() {
        ErrorKind::Data { expected, found } => Error::data(
            format!("{expected} among the rows that the blender learns from"),
            format!(
                "{found} among {} of {} rows; a larger share or more folds take in others",
                rows.len(),
                plan.n_rows()
            ),
        ),
        _ => error,
    })
}

/// Checks that the plan lets members that are fitted once learn on all rows but those that they
/// predict.
fn check_out_of_bag<Y: Target>(
    stack: &Stack<Y>,
    train: Train<'_, Y>,
    plan: &FoldPlan,
) -> Result<()> {
    let Some(m) = (0..stack.members.len()).find(|&m| is_fitted_once(stack, m)) else {
        return Ok(());
    };
    let ordered = train.rows().time().is_some() && plan.partitions().is_none();
    let leaves_out = |s: usize| {
        let split = plan.split(s);
        split.train().len() + split.validation().len() < plan.n_rows()
    };
    let what = if ordered {
        "out-of-bag predictions where splits follow time, which they do not"
    } else if (0..plan.n_splits()).any(leaves_out) {
        "out-of-bag predictions where a split leaves rows out of both its sides, which they do not"
    } else {
        return Ok(());
    };
    let error = Error::unsupported(what).in_member(&stack.members[m].name);
    Err(error.in_level(1))
}

/// Whether a member is fitted once, on all rows, whatever the splits.
pub(super) fn is_fitted_once<Y: Target>(stack: &Stack<Y>, member: usize) -> bool {
    matches!(stack.members[member].kind, MemberKind::OutOfBag(..))
}

/// Which members were fitted everywhere, and which are left out.
fn keep<Y: Target>(
    stack: &Stack<Y>,
    splits: &[SplitFit<Y>],
    whole: Option<&SplitFit<Y>>,
) -> Result<(Vec<usize>, Vec<Dropped>)> {
    let mut kept = Vec::new();
    let mut dropped = Vec::new();
    for (m, member) in stack.members.iter().enumerate() {
        let mut errors = splits
            .iter()
            .chain(whole)
            .filter_map(|s| s.members[m].as_ref()?.as_ref().err());
        match errors.next() {
            None => kept.push(m),
            Some(error) => dropped.push(Dropped {
                member: member.name.clone(),
                reason: error.to_string(),
            }),
        }
    }
    check_any_left(&kept, &dropped)?;
    Ok((kept, dropped))
}

/// The rows that were predicted, and each kept member's mean prediction for them; its out-of-bag
/// one where it was fitted once.
fn out_of_fold<Y: Target>(
    stack: &Stack<Y>,
    train: Train<'_, Y>,
    plan: &FoldPlan,
    splits: &[SplitFit<Y>],
    whole: Option<&SplitFit<Y>>,
    kept: &[usize],
) -> Result<(Vec<u32>, Vec<Y::Prediction>)> {
    let mut counts = vec![0_u32; train.len()];
    let sides: Vec<Vec<u32>> = (0..plan.n_splits())
        .map(|s| plan.split(s).validation().to_vec())
        .collect();
    for row in sides.iter().flatten() {
        counts[*row as usize] += 1;
    }
    let covered: Vec<u32> = (0..)
        .zip(&counts)
        .filter(|(_, c)| **c > 0)
        .map(|(r, _)| r)
        .collect();
    let shape = train.table_target().take(&[]);
    let predictions = kept
        .iter()
        .map(|&m| {
            if let Some(whole) = whole.filter(|_| is_fitted_once(stack, m))
                && let Some(Ok(fit)) = &whole.members[m]
                && let Some(prediction) = &fit.prediction
            {
                return Ok(prediction.take(&covered));
            }
            let mut columns: Vec<Vec<f64>> = Vec::new();
            for (rows, split) in sides.iter().zip(splits) {
                let Some(Ok(MemberFit {
                    prediction: Some(prediction),
                    ..
                })) = &split.members[m]
                else {
                    continue;
                };
                columns.resize_with(prediction.n_columns(), || vec![0.0; train.len()]);
                for (k, column) in columns.iter_mut().enumerate() {
                    for (&row, p) in rows.iter().zip(prediction.column(k)) {
                        column[row as usize] += p;
                    }
                }
            }
            let columns = columns.into_iter().map(|column| {
                let mean = |&row: &u32| column[row as usize] / f64::from(counts[row as usize]);
                covered.iter().map(mean).collect()
            });
            shape.prediction(columns.collect())
        })
        .collect::<Result<_>>()?;
    Ok((covered, predictions))
}

/// The folds over which the blender and further levels are cross-fitted: the plan's own if it is
/// one partition, new ones over the predicted rows if not; none if there are too few rows, or if
/// the plan follows time, where a blender must not learn from later rows.
fn meta_folds<Y: Target>(
    plan: &FoldPlan,
    covered: &[u32],
    known: &Known<'_, Y>,
    seed: Seed,
) -> Result<Option<Folds>> {
    if known.is_ordered(plan) {
        return Ok(None);
    }
    if let Some([folds, ..]) = plan.partitions()
        && covered.len() == plan.n_rows()
    {
        return Ok(Some(folds.clone()));
    }
    let all = RowIndex::All(covered.len());
    let strata = strata_of(&known.target, all, known.weights.as_deref());
    deal(&strata, known.groups.as_deref(), META_FOLDS, seed)
}

/// Fits and predicts fold by fold, and puts the predictions together.
fn cross_fit<Y: Target>(
    folds: &Folds,
    target: &Y,
    f: impl Fn(usize, &[u32], &[u32]) -> Result<Y::Prediction> + Sync,
) -> Result<Y::Prediction> {
    let parts = parallel::map(0..folds.n_folds(), |_, fold| {
        let rows = folds.validation(fold);
        let prediction = f(fold, &folds.train(fold), &rows)
            .and_then(|p| check_prediction(target, &p, rows.len()).map(|()| p));
        prediction.map(|p| (rows, p)).map_err(|e| e.in_fold(fold))
    });
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for part in parts {
        let (rows, prediction) = part?;
        columns.resize_with(prediction.n_columns(), || vec![0.0; target.n_rows()]);
        for (k, column) in columns.iter_mut().enumerate() {
            for (&row, &p) in rows.iter().zip(prediction.column(k)) {
                column[row as usize] = p;
            }
        }
    }
    target.prediction(columns)
}

/// Rows of meta-features that a model fitted on other rows is to predict.
fn held_out<Y: Target>(meta: &Meta<Y, InSample>, rows: &[u32]) -> Meta<Y, OutOfSample> {
    let part = meta.take(rows);
    Meta::new(
        part.names().into(),
        part.predictions().to_vec(),
        part.extra().map(|x| x.clone().with_provenance()),
    )
}

/// Fits a further level: cross-fitted for the next one, and on all rows for new rows.
#[allow(clippy::type_complexity, reason = "what a level gives")]
fn fit_level<Y: StackTarget>(
    stack: &Stack<Y>,
    level: &Level<Y>,
    number: usize,
    meta: &Meta<Y, InSample>,
    known: &Known<'_, Y>,
    seed: Seed,
    folds: Option<&Folds>,
) -> Result<(FittedLevel<Y>, Meta<Y, InSample>, Vec<f64>, Vec<Dropped>)> {
    let folds = folds.ok_or_else(|| {
        Error::data(
            "splits that do not follow time, and two folds of rows or groups, for a further level",
            "neither",
        )
        .in_level(number)
    })?;
    let form = FittedForm::fit(level.form, meta, known.weights.as_deref());
    let features = form.features(meta)?;
    let fit_one = |name: &str, estimator: &dyn DynEstimator<Y>| -> Result<_> {
        let start = Stopwatch::start();
        let seed = seed.child(name);
        let prediction = cross_fit(folds, &known.target, |fold, fit_rows, rows| {
            if known.progress.is_stopped() {
                return Err(Error::stopped());
            }
            // Ranks are learned from the fold's own training rows.
            let part_meta = meta.take(fit_rows);
            let part = known.take(fit_rows);
            let form = FittedForm::fit(level.form, &part_meta, part.weights.as_deref());
            let predictor = estimator
                .fit_dyn(
                    &form.features(&part_meta)?,
                    &part.target,
                    &part.context(seed.at(fold)),
                )
                .map_err(|e| part.place(e))?;
            predictor
                .predict(&form.features(&held_out(meta, rows))?)
                .map_err(|e| known.take(rows).place(e))
        })?;
        let predictor = estimator
            .fit_dyn(&features, &known.target, &known.context(seed))
            .map_err(|e| known.place(e))?;
        let seconds = start.seconds();
        known.progress.event(&Event::Fitted {
            member: name,
            level: number,
            split: None,
            seconds,
        });
        Ok((predictor, prediction, seconds))
    };
    let fits = parallel::map(&level.members, |_, (name, estimator)| {
        fit_one(name, estimator.as_ref()).map_err(|e| {
            let error = e.in_member(name).in_level(number);
            known.progress.event(&Event::Failed {
                member: name,
                split: None,
                error: &error,
            });
            error
        })
    });
    if known.progress.is_stopped() {
        return Err(Error::stopped());
    }
    let mut names = Vec::new();
    let mut predictors = Vec::new();
    let mut predictions = Vec::new();
    let mut seconds = Vec::new();
    let mut left_out = Vec::new();
    for (name, fit) in level.names().zip(fits) {
        match fit {
            Ok((predictor, prediction, s)) => {
                names.push(name.to_owned());
                predictors.push(predictor);
                predictions.push(prediction);
                seconds.push(s);
            }
            Err(error) if stack.on_failure == OnFailure::LeaveOut => left_out.push(Dropped {
                member: name.to_owned(),
                reason: error.to_string(),
            }),
            Err(error) => return Err(error),
        }
    }
    check_any_left(&names, &left_out)?;
    let names: Arc<[String]> = names.into();
    let next = Meta::new(Arc::clone(&names), predictions, meta.extra().cloned());
    let fitted = FittedLevel {
        form,
        names,
        predictors,
    };
    Ok((fitted, next, seconds, left_out))
}

/// Checks that not every member was left out.
fn check_any_left<T>(kept: &[T], left_out: &[Dropped]) -> Result<()> {
    if !kept.is_empty() {
        return Ok(());
    }
    let reasons: Vec<&str> = left_out.iter().map(|d| d.reason.as_str()).collect();
    Err(Error::data(
        "a member that can be fitted",
        reasons.join("; "),
    ))
}
