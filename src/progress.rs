//! Watching something long being fitted, and stopping it.
//!
//! A [`Progress`] comes with the training rows
//! ([`Train::with_progress`](crate::data::Train::with_progress)), whatever is fitted on them. An
//! estimator finds it in its [`FitContext`](crate::data::FitContext).

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

/// What has just happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The work is known: this many fits of members will follow.
    Planned {
        /// How many fits.
        n_fits: usize,
    },
    /// A view has been fitted on a split's training rows and has transformed them.
    Transformed {
        /// The view's name.
        view: &'a str,
        /// The split, `None` for a fit on all rows.
        split: Option<usize>,
        /// How long it took.
        seconds: f64,
    },
    /// A member has been fitted on a split's training rows and has predicted the others.
    Fitted {
        /// The member's name.
        member: &'a str,
        /// The stack's level, from 1.
        level: usize,
        /// The split, `None` for a fit on all rows.
        split: Option<usize>,
        /// How long it took.
        seconds: f64,
    },
    /// A member's fit has failed.
    Failed {
        /// The member's name.
        member: &'a str,
        /// The split, `None` for a fit on all rows.
        split: Option<usize>,
        /// Why.
        error: &'a Error,
    },
    /// A task needs more memory than the limit by itself, by estimate: it runs alone if that was
    /// known before it started.
    AboveMemoryLimit {
        /// The name of the view, or of the learner.
        task: &'a str,
        /// The split, `None` for a fit on all rows.
        split: Option<usize>,
        /// How many bytes it is thought to need.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A note that is not an error: a class of fewer rows than there are splits, say. The
    /// report has it, too.
    Note {
        /// What.
        text: &'a str,
    },
    /// The blender has been fitted: the stack is done.
    Blended,
    /// A model that is fitted in many steps has taken one.
    ///
    /// Several models may be at it at once.
    Iteration {
        /// What kind of model, `"boosting"` say.
        model: &'a str,
        /// The step, from 1.
        iteration: usize,
        /// How many there are at most.
        n_iterations: usize,
        /// The loss on the rows that it is fitted on, if it is known.
        train_loss: Option<f64>,
        /// The loss on rows that were set aside, if there are any.
        validation_loss: Option<f64>,
    },
}

/// A progress observer: receives the events of a fit, from any thread, and may stop it.
pub trait Progress: fmt::Debug + Send + Sync {
    /// Something has happened.
    fn event(&self, event: &Event<'_>);

    /// Whether to stop: asked by a stack before each transform and each fit, and within a fit by
    /// estimators that take long. What has been stopped fails with [`Error::stopped`].
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Passes on iterations, and whether to stop: for what is fitted as a part of something that tells of
/// the part itself.
#[derive(Debug)]
pub(crate) struct IterationsAlone<'a>(pub(crate) &'a dyn Progress);

impl Progress for IterationsAlone<'_> {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Iteration { .. }) {
            self.0.event(event);
        }
    }

    fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }
}

/// An observer that reports nothing, and stops the fit after [`StopFlag::stop`].
///
/// ```
/// use stackfold::progress::{Progress, StopFlag};
/// let flag = StopFlag::new();
/// assert!(!flag.is_stopped());
/// flag.stop();
/// assert!(flag.is_stopped());
/// ```
#[derive(Debug, Default)]
pub struct StopFlag(AtomicBool);

impl StopFlag {
    /// A flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the run to be stopped.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Progress for StopFlag {
    fn event(&self, _event: &Event<'_>) {}

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
