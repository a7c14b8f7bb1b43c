//! When work is worth another thread.
//!
//! A loop over little work, such as one row's columns, stays on the thread that calls it: handing
//! a part of it to another thread, and waiting, would take longer than the part itself.

/// About as much work as waking a thread: so many numbers read, changed and written.
const CELLS_WORTH_A_THREAD: usize = 1 << 15;

/// The shortest run of items to hand to another thread, for
/// [`with_min_len`](rayon::iter::IndexedParallelIterator::with_min_len); each item is about as
/// much work as so many cells.
///
/// A loop of fewer than two such runs never leaves the thread that calls it.
pub(crate) fn shortest_run(cells_an_item: usize) -> usize {
    CELLS_WORTH_A_THREAD.div_ceil(cells_an_item.max(1))
}

/// Hands `f` to the pool, so that its parts need not be handed over one by one; where all of it is
/// too little work for two threads, it stays here.
pub(crate) fn in_pool<R: Send>(cells: usize, f: impl FnOnce() -> R + Send) -> R {
    if cells < 2 * CELLS_WORTH_A_THREAD {
        f()
    } else {
        rayon::scope(|_| f())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    /// In a pool of which it is no part, a thread keeps little work, and hands over much.
    #[test]
    fn little_work_stays_on_its_thread() {
        let here = std::thread::current().id();
        let stays = |n_items: usize, cells: usize| {
            let threads = (0..n_items)
                .into_par_iter()
                .with_min_len(shortest_run(cells))
                .map(|_| std::thread::current().id());
            threads.collect::<Vec<_>>().iter().all(|&id| id == here)
        };
        assert!(stays(1000, 0) && stays(1000, 1) && stays(5, 8000));
        assert!(!stays(1000, 1000) && !stays(2, 1 << 15));
        let thread = |cells| in_pool(cells, || std::thread::current().id());
        assert_eq!(thread(1000), here);
        assert_ne!(thread(1 << 20), here);
    }
}
