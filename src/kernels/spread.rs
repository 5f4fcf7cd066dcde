//! Spreads independent work over the threads of the current rayon pool.
//!
//! Every thread takes the next piece when it is done with one, so that a thread that is held up (the machine is shared)
//! costs its own piece and no more. A network has some hundred such places a step with little between them: inside
//! [`together`] the other threads wait for the next one awake, but only for a moment, because somebody else may need the
//! core. Who computes a piece never changes what is computed.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Thread;

/// Looks a helper takes for work before it sleeps: some ten microseconds.
const LOOKS: usize = 2_000;
/// Runs of pieces a thread gets, so that one that is held up leaves work to the others.
const RUNS: usize = 4;

thread_local! {
    /// The team this thread leads.
    static LED: Cell<*const Team> = const { Cell::new(std::ptr::null()) };
}

/// Calls `work(index)` once for every index below `count`, on as many threads as the pool has.
///
/// # Panics
/// If `work` does, on whichever thread.
pub fn for_each_index<W>(count: usize, work: W)
where
    W: Fn(usize) + Sync,
{
    let threads = rayon::current_num_threads().min(count);
    if threads < 2 {
        (0..count).for_each(work);
        return;
    }
    let led = LED.get();
    if !led.is_null() {
        // SAFETY: the pointer is only set while the team is alive, further up on this thread's stack.
        unsafe { &*led }.run(count, &work);
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
    M: Fn() -> S + Sync,
    W: Fn(&mut S, usize, &mut [f32]) + Sync,
{
    assert!(size > 0, "pieces need at least one element");
    let pieces = data.len().div_ceil(size);
    let run = pieces.div_ceil(RUNS * rayon::current_num_threads()).max(1);
    let runs: Vec<Mutex<&mut [f32]>> = data.chunks_mut(run * size).map(Mutex::new).collect();
    for_each_index(runs.len(), |at| {
        // Each run is locked once.
        let mut data = runs[at].lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = scratch();
        for (offset, piece) in data.chunks_mut(size).enumerate() {
            work(&mut scratch, at * run + offset, piece);
        }
    });
}

/// Runs `work` on this thread while the other threads of the pool stand by for what it spreads.
pub fn together<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let helpers = rayon::current_num_threads() - 1;
    if helpers == 0 || !LED.get().is_null() {
        return work();
    }
    let team = Team::default();
    let lead = || {
        let _lead = Lead::of(&team);
        work()
    };
    rayon::join(lead, || help(helpers, &team)).0
}

fn help(helpers: usize, team: &Team) {
    if helpers < 2 {
        team.help();
    } else {
        rayon::join(|| team.help(), || help(helpers - 1, team));
    }
}

/// Ends a team's work when the leader is done, also by a panic.
struct Lead<'a>(&'a Team);

impl Lead<'_> {
    fn of(team: &Team) -> Lead<'_> {
        LED.set(team);
        Lead(team)
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        LED.set(std::ptr::null());
        self.0.ended.store(true, Ordering::SeqCst);
        self.0.wake();
    }
}

/// What a leader and its helpers share.
#[derive(Default)]
struct Team {
    /// The job that is open, on the leader's stack.
    job: AtomicPtr<Job>,
    /// Jobs opened so far.
    opened: AtomicUsize,
    /// Helpers that may be looking at the job.
    inside: AtomicUsize,
    asleep: AtomicUsize,
    helpers: Mutex<Vec<Thread>>,
    ended: AtomicBool,
}

/// Work on indices below `count`.
struct Job {
    call: unsafe fn(*const (), usize),
    work: *const (),
    count: usize,
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// # Safety
/// `work` points to a `W`.
unsafe fn call<W: Fn(usize) + Sync>(work: *const (), index: usize) {
    // SAFETY: as the caller says.
    unsafe { (*work.cast::<W>())(index) }
}

impl Job {
    /// Takes indices until there are none left.
    ///
    /// # Safety
    /// The work is still alive.
    unsafe fn work_off(&self) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.count {
                break;
            }
            // SAFETY: `call` was made for the type of `work`, which the caller knows to be alive.
            unsafe { (self.call)(self.work, index) };
        }
    }
}

/// Closes the open job, and waits until no helper looks at it: it is about to go.
struct Close<'a>(&'a Team);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        self.0.job.store(null_mut(), Ordering::SeqCst);
        let mut looks = 0;
        while self.0.inside.load(Ordering::SeqCst) > 0 {
            looks += 1;
            if looks < LOOKS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        LED.set(self.0);
    }
}

impl Team {
    /// Works off a job with whoever is there; returns when it is done.
    fn run<W: Fn(usize) + Sync>(&self, count: usize, work: &W) {
        let work = std::ptr::from_ref(work).cast();
        let job = Job { call: call::<W>, work, count, next: AtomicUsize::new(0), panic: Mutex::new(None) };
        {
            // What the work spreads in turn goes the ordinary way: a team has one job at a time.
            LED.set(std::ptr::null());
            let _close = Close(self);
            self.opened.fetch_add(1, Ordering::SeqCst);
            self.job.store(std::ptr::from_ref(&job).cast_mut(), Ordering::SeqCst);
            if self.asleep.load(Ordering::SeqCst) > 0 {
                self.wake();
            }
            // SAFETY: the work is borrowed for the whole of this call.
            unsafe { job.work_off() };
        }
        if let Some(panic) = job.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(panic);
        }
    }

    fn wake(&self) {
        for helper in self.helpers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            helper.unpark();
        }
    }

    /// Helps with one job after the other until the team has ended.
    fn help(&self) {
        self.helpers.lock().unwrap_or_else(PoisonError::into_inner).push(std::thread::current());
        let (mut seen, mut looks) = (0, 0);
        while !self.ended.load(Ordering::SeqCst) {
            let opened = self.opened.load(Ordering::SeqCst);
            if opened != seen && !self.job.load(Ordering::Relaxed).is_null() {
                self.join_in();
                (seen, looks) = (opened, 0);
                continue;
            }
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
                continue;
            }
            // Announced before the last look, as the leader opens a job before it asks who sleeps: one sees the other.
            self.asleep.fetch_add(1, Ordering::SeqCst);
            let open = self.opened.load(Ordering::SeqCst) != seen && !self.job.load(Ordering::SeqCst).is_null();
            if !open && !self.ended.load(Ordering::SeqCst) {
                std::thread::park();
            }
            self.asleep.fetch_sub(1, Ordering::SeqCst);
            looks = 0;
        }
    }

    fn join_in(&self) {
        // Before the job is looked up: the leader closes it first and waits for those inside then.
        self.inside.fetch_add(1, Ordering::SeqCst);
        let job = self.job.load(Ordering::SeqCst);
        if !job.is_null() {
            // SAFETY: the job is open, and the leader keeps it and its work until `inside` is 0 again.
            let job = unsafe { &*job };
            // SAFETY: as above.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| unsafe { job.work_off() })) {
                *job.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
            }
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, clippy::unwrap_used)]
    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    #[test]
    fn every_piece_is_visited_once() {
        for threads in [1, 3] {
            for (length, size) in [(0, 3), (1, 3), (3, 3), (10, 3), (1000, 7)] {
                let mut data = vec![0.0; length];
                pool(threads).install(|| {
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
                });
                for (at, value) in data.iter().enumerate() {
                    assert_eq!(*value, (at / size + 1) as f32);
                }
            }
        }
    }

    fn check_visits(count: usize) {
        let visits: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        for_each_index(count, |index| {
            visits[index].fetch_add(1, Ordering::Relaxed);
        });
        assert!(visits.iter().all(|visits| visits.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn every_index_is_visited_once_by_any_number_of_threads() {
        for threads in [1, 2, 3, 5] {
            pool(threads).install(|| [0, 1, 2, 4, 100].into_iter().for_each(check_visits));
        }
    }

    #[test]
    fn a_team_does_many_jobs_with_and_without_pauses() {
        for threads in [1, 2, 4] {
            pool(threads).install(|| {
                together(|| {
                    for round in 0..300 {
                        check_visits(1 + round % 50);
                        if round % 50 == 0 {
                            // Long enough for the helpers to fall asleep.
                            std::thread::sleep(std::time::Duration::from_millis(2));
                        }
                    }
                    // A team within a team, and work that spreads work.
                    together(|| check_visits(20));
                    for_each_index(4, |_| check_visits(10));
                });
            });
        }
    }

    #[test]
    fn a_panic_of_any_piece_reaches_the_caller() {
        for culprit in [0, 7, 63] {
            let work = || {
                together(|| {
                    for_each_index(64, |index| {
                        std::thread::yield_now();
                        assert_ne!(index, culprit, "culprit");
                    });
                });
            };
            let pool = pool(3);
            assert!(catch_unwind(AssertUnwindSafe(|| pool.install(work))).is_err());
            // The pool goes on working.
            pool.install(|| together(|| check_visits(30)));
        }
    }
}
