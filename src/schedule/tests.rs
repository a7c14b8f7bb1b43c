use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::*;
use crate::clock::Stopwatch;

/// Jobs of such costs and bytes, which watch one another.
struct Watched {
    jobs: Vec<(u64, u64)>,
    /// What a job says it needs once it runs.
    resized: Vec<Option<u64>>,
    started: Mutex<Vec<usize>>,
    claimed: AtomicU64,
    most_claimed: AtomicU64,
    n_running: AtomicUsize,
    most_running: AtomicUsize,
    /// Jobs that ran while another did, by place.
    alone: Vec<AtomicUsize>,
}

impl Watched {
    fn new(jobs: &[(u64, u64)]) -> Self {
        Self {
            jobs: jobs.to_vec(),
            resized: vec![None; jobs.len()],
            started: Mutex::default(),
            claimed: AtomicU64::new(0),
            most_claimed: AtomicU64::new(0),
            n_running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
            alone: jobs.iter().map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    fn run_on(&self, n_threads: usize, limit: Option<u64>) -> Done<usize> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build();
        pool.unwrap().install(|| run(self, limit))
    }
}

impl Jobs for Watched {
    type Output = usize;

    fn len(&self) -> usize {
        self.jobs.len()
    }

    fn cost(&self, job: usize) -> u64 {
        self.jobs[job].0
    }

    fn memory(&self, job: usize) -> u64 {
        self.jobs[job].1
    }

    fn run(&self, job: usize, resize: &dyn Fn(u64)) -> usize {
        self.started.lock().unwrap().push(job);
        let bytes = self.jobs[job].1;
        let claimed = self.claimed.fetch_add(bytes, Ordering::SeqCst) + bytes;
        self.most_claimed.fetch_max(claimed, Ordering::SeqCst);
        let running = self.n_running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        if let Some(bytes) = self.resized[job] {
            resize(bytes);
        }
        let watch = Stopwatch::start();
        while watch.seconds() < 0.005 {
            self.alone[job].fetch_max(self.n_running.load(Ordering::SeqCst), Ordering::SeqCst);
            std::thread::yield_now();
        }
        self.n_running.fetch_sub(1, Ordering::SeqCst);
        self.claimed.fetch_sub(bytes, Ordering::SeqCst);
        10 * job
    }
}

#[test]
fn outputs_are_in_the_order_of_jobs_and_the_costliest_starts_first() {
    let jobs = [(1, 0), (3, 0), (2, 0), (3, 0)];
    for n_threads in [1, 2, 8] {
        let watched = Watched::new(&jobs);
        assert_eq!(watched.run_on(n_threads, None).outputs, [0, 10, 20, 30]);
        let started = watched.started.into_inner().unwrap();
        if n_threads == 1 {
            assert_eq!(started, [1, 3, 2, 0]);
        }
        assert!(watched.most_running.into_inner() <= n_threads);
    }
    assert!(Watched::new(&[]).run_on(2, None).outputs.is_empty());
}

#[test]
fn what_runs_at_once_stays_under_the_limit_and_uses_it() {
    let jobs = [
        (5, 40),
        (4, 30),
        (3, 70),
        (2, 30),
        (1, 10),
        (1, 50),
        (1, 90),
    ];
    for n_threads in [1, 2, 8] {
        let watched = Watched::new(&jobs);
        let done = watched.run_on(n_threads, Some(100));
        assert_eq!(done.outputs.len(), jobs.len());
        let most = watched.most_claimed.into_inner();
        assert!((90..=100).contains(&most), "{most}");
        assert!(done.peak <= 100);
    }
}

#[test]
fn a_job_above_the_limit_runs_alone() {
    let watched = Watched::new(&[(1, 10), (9, 500), (1, 10), (1, 10)]);
    let done = watched.run_on(4, Some(100));
    assert_eq!(done.outputs.len(), 4);
    assert_eq!(watched.alone[1].load(Ordering::SeqCst), 1);
    assert_eq!(done.peak, 500);
}

#[test]
fn a_job_that_needs_less_than_was_thought_lets_others_in() {
    let mut watched = Watched::new(&[(2, 100), (1, 50), (1, 50)]);
    let lone = watched.run_on(3, Some(100));
    assert!(lone.peak == 100 && watched.alone[0].load(Ordering::SeqCst) == 1);
    watched.resized[0] = Some(0);
    // The others may be late to start on a machine that is busy: some run will see them.
    let seen = (0..100).any(|_| {
        watched.run_on(3, Some(100));
        watched.alone[0].load(Ordering::SeqCst) > 1
    });
    assert!(seen);
}

#[test]
fn a_job_waits_for_one_that_will_tell_under_a_limit_alone() {
    struct Tells(AtomicUsize, AtomicUsize);
    impl Jobs for Tells {
        type Output = ();
        fn len(&self) -> usize {
            6
        }
        fn cost(&self, _: usize) -> u64 {
            0
        }
        fn memory(&self, _: usize) -> u64 {
            1
        }
        fn waits_for(&self, _: usize, running: &[usize]) -> bool {
            !running.is_empty()
        }
        fn run(&self, _: usize, _: &dyn Fn(u64)) {
            let n = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            self.1.fetch_max(n, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(2));
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build();
    pool.unwrap().install(|| {
        let tells = Tells(AtomicUsize::new(0), AtomicUsize::new(0));
        let done = run(&tells, Some(1_000));
        assert_eq!((done.outputs.len(), done.peak), (6, 1));
        assert_eq!(tells.1.load(Ordering::SeqCst), 1);
        assert!(run(&tells, None).peak <= 4);
    });
}

#[test]
fn a_panic_passes_through() {
    struct Panics;
    impl Jobs for Panics {
        type Output = ();
        fn len(&self) -> usize {
            5
        }
        fn cost(&self, _: usize) -> u64 {
            0
        }
        fn memory(&self, _: usize) -> u64 {
            1
        }
        fn run(&self, job: usize, _: &dyn Fn(u64)) {
            assert_ne!(job, 2, "job 2");
        }
    }
    for limit in [None, Some(1)] {
        assert!(catch_unwind(AssertUnwindSafe(|| run(&Panics, limit))).is_err());
    }
}
