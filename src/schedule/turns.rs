//! Turns: the workers of several runs share the threads of one job. Whoever computes holds as many threads as it uses; who
//! came first is next, so that no run starves another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The threads of a job that has several runs at a time.
#[derive(Debug)]
pub struct Turns {
    threads: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// The number that the next who comes gets, and the number that is next to be served.
    next: u64,
    serving: u64,
}

/// Threads that are held until this is dropped.
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    threads: usize,
}

impl Turns {
    /// So many threads, all free.
    pub fn new(threads: usize) -> Turns {
        let threads = threads.max(1);
        Turns { threads, state: Mutex::new(State { free: threads, next: 0, serving: 0 }), changed: Condvar::new() }
    }

    /// Waits for threads; for all of them, if more are wanted than there are.
    pub(super) fn take(&self, threads: usize) -> Turn<'_> {
        let threads = threads.clamp(1, self.threads);
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        while state.serving != number || state.free < threads {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.serving += 1;
        state.free -= threads;
        self.tell(state);
        Turn { turns: self, threads }
    }

    /// Whether somebody waits for threads.
    pub fn are_wanted(&self) -> bool {
        let state = self.state();
        state.next > state.serving
    }

    /// Wakes who waits, if anybody does: a job with one run never pays for it.
    fn tell(&self, state: MutexGuard<'_, State>) {
        let wanted = state.next > state.serving;
        drop(state);
        if wanted {
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        state.free += self.threads;
        self.turns.tell(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn no_more_threads_compute_than_there_are() {
        let (turns, busy, most) = (Turns::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for threads in [1, 1, 1, 2, 2, 9] {
                let (turns, busy, most) = (&turns, &busy, &most);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let turn = turns.take(threads);
                        most.fetch_max(busy.fetch_add(turn.threads, Ordering::SeqCst) + turn.threads, Ordering::SeqCst);
                        busy.fetch_sub(turn.threads, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 3);
        assert!(!turns.are_wanted());
        assert_eq!(turns.take(9).threads, 3);
    }
}
