//! Work side by side: the one place where items are handed to threads.
//!
//! [`map`] and its kin take items and a function of one of them, and give the results in the order of
//! the items, on whatever thread each was computed. They are thin: what hands items to the pool is
//! compiled once for all of them, and not once more for each kind of item, which would be a quarter
//! of this crate's code.
//!
//! A loop over little work, such as one row's columns, stays on the thread that calls it: handing a
//! part of it to another thread, and waiting, would take longer than the part itself.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// About as much work as waking a thread: so many numbers read, changed and written.
const CELLS_WORTH_A_THREAD: usize = 1 << 15;

/// The results of `f` for each item and its place, in the order of the items; each item is enough
/// work for a thread.
pub(crate) fn map<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    f: impl Fn(usize, T) -> R + Sync,
) -> Vec<R> {
    map_small(usize::MAX, items, f)
}

/// [`map`] where an item is about as much work as so many cells: so many items go together that a
/// thread is worth its waking.
///
/// Fewer items than two such runs never leave the thread that calls it.
pub(crate) fn map_small<T: Send, R: Send>(
    cells_an_item: usize,
    items: impl IntoIterator<Item = T>,
    f: impl Fn(usize, T) -> R + Sync,
) -> Vec<R> {
    // What depends on the items' and results' types alone is below, and is not compiled once more for
    // each loop.
    map_items(shortest_run(cells_an_item), items.into_iter().collect(), &f)
}

fn map_items<T: Send, R: Send>(
    run: usize,
    items: Vec<T>,
    f: &(dyn Fn(usize, T) -> R + Sync),
) -> Vec<R> {
    let mut results = Vec::with_capacity(items.len());
    if items.len() < 2 * run {
        for (i, item) in items.into_iter().enumerate() {
            results.push(f(i, item));
        }
        return results;
    }
    let mut slots = Vec::with_capacity(items.len());
    for item in items {
        slots.push(Mutex::new(Slot(Some(item), None)));
    }
    each(slots.len(), run, &|i| {
        // The slot is free while `f` runs, which may take up other work.
        let item = lock(&slots[i]).0.take();
        if let Some(item) = item {
            let result = f(i, item);
            lock(&slots[i]).1 = Some(result);
        }
    });
    for slot in slots {
        let Slot(_, result) = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.extend(result);
    }
    results
}

/// [`map`] with something to work in, such as a buffer, which is handed on from item to item: no
/// more of them are made than there are items at work at once, and results must not depend on what is
/// left in it.
pub(crate) fn map_with<W: Send, T: Send, R: Send>(
    room: impl Fn() -> W + Sync,
    items: impl IntoIterator<Item = T>,
    f: impl Fn(&mut W, usize, T) -> R + Sync,
) -> Vec<R> {
    let rooms: Mutex<Vec<W>> = Mutex::new(Vec::new());
    map(items, |i, item| {
        let free = lock(&rooms).pop();
        let mut work = free.unwrap_or_else(&room);
        let result = f(&mut work, i, item);
        lock(&rooms).push(work);
        result
    })
}

/// Runs `f` for each item and its place; each item is enough work for a thread.
pub(crate) fn for_each<T: Send>(items: impl IntoIterator<Item = T>, f: impl Fn(usize, T) + Sync) {
    map(items, f);
}

/// [`for_each`] where an item is about as much work as so many cells, as in [`map_small`].
pub(crate) fn for_each_small<T: Send>(
    cells_an_item: usize,
    items: impl IntoIterator<Item = T>,
    f: impl Fn(usize, T) + Sync,
) {
    map_small(cells_an_item, items, f);
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

/// How many items to hand to a thread at a time.
fn shortest_run(cells_an_item: usize) -> usize {
    CELLS_WORTH_A_THREAD.div_ceil(cells_an_item.max(1))
}

/// Runs `work` for each place below `n`, in runs of so many.
fn each(n: usize, run: usize, work: &(dyn Fn(usize) + Sync)) {
    let places = (0..n).into_par_iter();
    places.with_min_len(run).with_max_len(run).for_each(work);
}

/// An item, and then what became of it.
struct Slot<T, R>(Option<T>, Option<R>);

/// A panic elsewhere is passed on by the pool, and not told here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a pool of which it is no part, a thread keeps little work, and hands over much.
    #[test]
    fn little_work_stays_on_its_thread() {
        let here = std::thread::current().id();
        let stays = |n_items: usize, cells: usize| {
            let threads = map_small(cells, 0..n_items, |_, _| std::thread::current().id());
            threads.iter().all(|&id| id == here)
        };
        assert!(stays(1000, 0) && stays(1000, 1) && stays(5, 8000));
        assert!(!stays(1000, 1000) && !stays(2, 1 << 15));
        let thread = |cells| in_pool(cells, || std::thread::current().id());
        assert_eq!(thread(1000), here);
        assert_ne!(thread(1 << 20), here);
    }

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for n_threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
            pool.build().unwrap().install(|| {
                for n in [0, 1, 2, 100] {
                    let texts = (0..n).map(|i| format!("item {i}"));
                    let found = map(texts.clone(), |i, text| (i, text));
                    assert!(found.into_iter().eq(texts.enumerate()));
                    let mut numbers = vec![0; n];
                    for_each(numbers.chunks_mut(3), |i, chunk| chunk.fill(i));
                    assert!(numbers.iter().copied().eq((0..n).map(|i| i / 3)));
                }
            });
        }
    }

    #[test]
    fn rooms_are_handed_on() {
        let n_rooms = std::sync::atomic::AtomicUsize::new(0);
        let room = || n_rooms.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        pool.unwrap()
            .install(|| map_with(room, 0..500, |_, _, i: usize| i));
        assert!((1..=2).contains(&n_rooms.into_inner()));
    }

    #[test]
    #[should_panic(expected = "item 7")]
    fn a_panic_is_passed_on() {
        for_each(0..100, |_, i: usize| assert_ne!(i, 7, "item 7"));
    }
}
