//! Runs jobs side by side in the pool of threads, the longest first, as far as memory goes.
//!
//! A *lane* is a thread's way through the jobs: it starts one that fits, runs it, and looks for the
//! next. There are no more lanes than threads; a lane that finds nothing that fits ends, so that its
//! thread helps in what the other jobs do in parallel, and whoever frees memory opens another. No
//! thread waits for memory, so nothing can lock up: as long as a job waits, another one runs or a
//! lane is about to start it.
//!
//! A thread that waits within a job, for a part of it that another thread took, may meanwhile take
//! up a lane. The job below then holds its memory a little longer, which its claim covers.

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::Scope;

use crate::error::{Error, Result};

/// Jobs by number, from 0.
pub(crate) trait Jobs: Sync {
    /// What a job gives.
    type Output: Send;

    /// How many jobs there are.
    fn len(&self) -> usize;

    /// Of the jobs that fit, the one that costs most starts first; of equal ones, the first.
    fn cost(&self, _job: usize) -> u64 {
        0
    }

    /// Bytes that a job needs at its peak, by estimate. It is asked each time a job might start, so
    /// that the answer may become better.
    fn memory(&self, job: usize) -> u64;

    /// Whether a job is better not started under a limit while those run: they will tell what it
    /// needs.
    fn waits_for(&self, _job: usize, _running: &[usize]) -> bool {
        false
    }

    /// Runs a job; it may say how many bytes it needs as soon as it knows better.
    fn run(&self, job: usize, resize: &dyn Fn(u64)) -> Self::Output;
}

/// Checks that a limit leaves room for something.
pub(crate) fn check_memory_limit(limit: Option<u64>) -> Result<()> {
    match limit {
        Some(0) => Err(Error::parameter("memory_limit", "1 byte or more", 0)),
        _ => Ok(()),
    }
}

/// What came of jobs.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// Of each job, in their order.
    pub(crate) outputs: Vec<T>,
    /// The most bytes that jobs at one time were thought to need.
    pub(crate) peak: u64,
}

/// Runs all jobs, as many at once as there are threads and as fit under the limit; a job that does
/// not fit by itself runs alone.
pub(crate) fn run<J: Jobs>(jobs: &J, memory_limit: Option<u64>) -> Done<J::Output> {
    let schedule = Schedule {
        jobs,
        memory_limit,
        most_lanes: rayon::current_num_threads(),
        state: Mutex::new(State {
            waiting: (0..jobs.len()).collect(),
            running: Vec::new(),
            claims: vec![0; jobs.len()],
            n_lanes: 1,
            peak: 0,
            outputs: (0..jobs.len()).map(|_| None).collect(),
        }),
    };
    rayon::scope(|scope| schedule.lane(scope));
    let state = schedule.state.into_inner();
    let state = state.unwrap_or_else(PoisonError::into_inner);
    Done {
        outputs: state.outputs.into_iter().flatten().collect(),
        peak: state.peak,
    }
}

struct Schedule<'j, J: Jobs> {
    jobs: &'j J,
    memory_limit: Option<u64>,
    most_lanes: usize,
    state: Mutex<State<J::Output>>,
}

struct State<T> {
    waiting: Vec<usize>,
    running: Vec<usize>,
    /// By job: bytes it is thought to need, 0 unless it runs.
    claims: Vec<u64>,
    /// Lanes that run or are about to.
    n_lanes: usize,
    peak: u64,
    outputs: Vec<Option<T>>,
}

impl<T> State<T> {
    fn claimed(&self) -> u64 {
        self.claims.iter().fold(0, |sum, &c| sum.saturating_add(c))
    }

    fn claim(&mut self, job: usize, bytes: u64) {
        self.claims[job] = bytes;
        self.peak = self.peak.max(self.claimed());
    }
}

impl<J: Jobs> Schedule<'_, J> {
    fn lane<'s>(&'s self, scope: &Scope<'s>) {
        while let Some(job) = self.start(scope) {
            let output = self.jobs.run(job, &|bytes| {
                let mut state = self.state();
                state.claim(job, bytes);
                self.open_lane(&mut state, scope);
            });
            let mut state = self.state();
            state.running.retain(|&other| other != job);
            state.claims[job] = 0;
            state.outputs[job] = Some(output);
        }
    }

    /// Starts the next job; ends the lane if none fits.
    fn start<'s>(&'s self, scope: &Scope<'s>) -> Option<usize> {
        let mut state = self.state();
        let Some(job) = self.next(&state) else {
            state.n_lanes -= 1;
            return None;
        };
        let bytes = self.jobs.memory(job);
        state.waiting.retain(|&other| other != job);
        state.running.push(job);
        state.claim(job, bytes);
        self.open_lane(&mut state, scope);
        Some(job)
    }

    /// Opens a lane if there is something for it to do; it will see to the one after it.
    fn open_lane<'s>(&'s self, state: &mut State<J::Output>, scope: &Scope<'s>) {
        if state.n_lanes < self.most_lanes && self.next(state).is_some() {
            state.n_lanes += 1;
            scope.spawn(|scope| self.lane(scope));
        }
    }

    /// The job to start now, if one fits.
    fn next(&self, state: &State<J::Output>) -> Option<usize> {
        let claimed = state.claimed();
        let fits = |&job: &usize| match self.memory_limit {
            Some(limit) if !state.running.is_empty() => {
                let needed = self.jobs.memory(job).saturating_add(claimed);
                needed <= limit && !self.jobs.waits_for(job, &state.running)
            }
            _ => true,
        };
        let waiting = state.waiting.iter().copied();
        waiting
            .filter(fits)
            .max_by_key(|&job| (self.jobs.cost(job), Reverse(job)))
    }

    fn state(&self) -> MutexGuard<'_, State<J::Output>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
