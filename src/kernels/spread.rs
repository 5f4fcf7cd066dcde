//! Spreads independent work over the threads of the current rayon pool.
//!
//! Every thread takes the next piece when it is done with one, so that a thread that is held up (the machine is shared)
//! costs its own piece and no more.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// Calls `work(index)` once for every index below `count`, on as many threads as the pool has.
pub fn for_each_index<W>(count: usize, work: W)
where
    W: Fn(usize) + Sync,
{
    let threads = rayon::current_num_threads().min(count);
    if threads < 2 {
        (0..count).for_each(work);
        return;
    }
    let next = AtomicUsize::new(0);
    share(threads, &|| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            work(index);
        }
    });
}

/// Runs `work` on `threads` threads at once; on fewer where others are busy.
fn share(threads: usize, work: &(impl Fn() + Sync)) {
    if threads < 2 {
        work();
    } else {
        rayon::join(|| share(threads.div_ceil(2), work), || share(threads / 2, work));
    }
}

/// Calls `work(scratch, index, piece)` for every piece of `size` elements of `data` (the last may be shorter).
///
/// The pieces are disjoint and each is visited once, by one thread; `scratch` is made once per run of pieces.
///
/// # Panics
/// If `size` is 0.
pub fn for_each_piece<S, M, W>(data: &mut [f32], size: usize, scratch: M, work: W)
where
    M: Fn() -> S + Sync + Send,
    W: Fn(&mut S, usize, &mut [f32]) + Sync + Send,
{
    assert!(size > 0, "pieces need at least one element");
    if data.len() <= size {
        if !data.is_empty() {
            work(&mut scratch(), 0, data);
        }
        return;
    }
    data.par_chunks_mut(size).enumerate().for_each_init(scratch, |scratch, (index, piece)| work(scratch, index, piece));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_piece_is_visited_once() {
        for (length, size) in [(0, 3), (1, 3), (3, 3), (10, 3), (1000, 7)] {
            let mut data = vec![0.0; length];
            for_each_piece(
                &mut data,
                size,
                || (),
                |(), index, piece| {
                    for value in piece {
                        *value += (index + 1) as f32;
                    }
                },
            );
            for (at, value) in data.iter().enumerate() {
                assert_eq!(*value, (at / size + 1) as f32);
            }
        }
    }

    #[test]
    fn every_index_is_visited_once_by_any_number_of_threads() {
        for threads in [1, 2, 3, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for count in [0, 1, 2, 4, 100] {
                let visits: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                pool.install(|| {
                    for_each_index(count, |index| {
                        visits[index].fetch_add(1, Ordering::Relaxed);
                    });
                });
                assert!(visits.iter().all(|visits| visits.load(Ordering::Relaxed) == 1));
            }
        }
    }
}
