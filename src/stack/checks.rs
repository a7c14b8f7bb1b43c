//! What is checked before a stack's work, and after it.

use super::report::Dropped;
use super::{Stack, StackTarget};
use crate::data::{Target, Train};
use crate::error::{Error, ErrorKind, Result};
use crate::folds::FoldPlan;
use crate::schedule::check_memory_limit;

/// Checks the specification: a limit above 0, members at each level, names that differ.
pub(super) fn check<Y: Target>(stack: &Stack<Y>) -> Result<()> {
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

/// Checks that a plan is one for these rows, that members that are fitted once can follow it, and
/// that the blender can learn from the rows that some split predicts, which it gives.
pub(super) fn check_plan<Y: StackTarget>(
    stack: &Stack<Y>,
    train: Train<'_, Y>,
    plan: &FoldPlan,
) -> Result<Vec<u32>> {
    if plan.n_rows() != train.len() {
        return Err(Error::data(
            format!("a plan of {} rows", train.len()),
            format!("{} rows", plan.n_rows()),
        ));
    }
    check_out_of_bag(stack, train, plan)?;
    let predicted = plan.predicted_rows();
    check_predicted(train, &predicted)?;
    Ok(predicted)
}

/// Whether a plan follows the rows' time: later rows must not tell of earlier ones.
pub(super) fn follows_time<Y: Target>(train: Train<'_, Y>, plan: &FoldPlan) -> bool {
    train.rows().time().is_some() && plan.partitions().is_none()
}

fn check_predicted<Y: Target>(train: Train<'_, Y>, predicted: &[u32]) -> Result<()> {
    let rows = train.rows().table_rows(predicted);
    let checked = train.table_target().check(rows.index());
    checked.map_err(|error| match error.kind() {
        ErrorKind::Data { expected, found } => Error::data(
            format!("{expected} among the rows that the blender learns from"),
            format!(
                "{found} among {} of {} rows; a larger share or more folds take in others",
                predicted.len(),
                train.len()
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
    let mut members = stack.members.iter();
    let Some(member) = members.find(|member| member.kind.is_fitted_once()) else {
        return Ok(());
    };
    let leaves_out = |s: usize| {
        let split = plan.split(s);
        split.train().len() + split.validation().len() < plan.n_rows()
    };
    let what = if follows_time(train, plan) {
        "out-of-bag members with time-ordered splits"
    } else if (0..plan.n_splits()).any(leaves_out) {
        "out-of-bag predictions where a split leaves rows out of both its sides, which they do not"
    } else {
        return Ok(());
    };
    let error = Error::unsupported(what).in_member(&member.name);
    Err(error.in_level(1))
}

/// Checks that not every member was left out.
pub(super) fn check_any_left<T>(kept: &[T], left_out: &[Dropped]) -> Result<()> {
    if !kept.is_empty() {
        return Ok(());
    }
    let reasons: Vec<&str> = left_out.iter().map(|d| d.reason.as_str()).collect();
    Err(Error::data(
        "a member that can be fitted",
        reasons.join("; "),
    ))
}
