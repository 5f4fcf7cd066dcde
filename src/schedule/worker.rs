//! The workers of a run: threads with a search each, filled from one feed, and what they do when the network fails.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    Feed, JobResult, Least, Load, MIN_ROWS_PER_WORKER, Next, RunStats, ScheduleError, ScheduleOptions, Supply, Taken,
    workers_for,
};
use crate::batch::Budget;
use crate::decode::{DecodeError, Entry, Outcome, Search, Stats, begin};
use crate::model::{Model, Request};
use crate::token::Prompt;

/// A worker lets new requests in when this part (one in so many) of its places is free: a start costs a pass over the
/// encoder weights and joining copies what the running rows hold, so it should not happen for every row that leaves.
const ADMIT_WHEN_FREE: usize = 4;

/// Runs as many workers as the load is worth, until the feed ends.
pub(super) fn run_workers(
    model: &dyn Model,
    feed: &dyn Feed<'_>,
    options: &ScheduleOptions,
    (load, cancel): (Load, &AtomicBool),
) -> RunStats {
    let most = (options.max_rows / options.search.beams.max(1)).max(1);
    let (workers, share, share_tokens) = match load.supply {
        // One worker must not take what there is while the others get nothing.
        Supply::Complete => {
            let workers = workers_for(load.requests, options);
            (workers, most.min(load.requests.div_ceil(workers)).max(1), load.tokens.div_ceil(workers))
        }
        // What waits now says nothing of what will come.
        Supply::Open => (workers_for(options.threads.max(1) * MIN_ROWS_PER_WORKER, options), most, options.max_tokens),
    };
    let shared = Shared {
        model,
        feed,
        options,
        budget: Budget { max_requests: share, max_tokens: options.max_tokens },
        share_tokens,
        cancel,
        broken: AtomicBool::new(false),
    };
    let mut stats = RunStats::default();
    for worker in shared.run(workers) {
        stats.workers += 1;
        stats.retries += worker.retries;
        stats.search.merge(&worker.stats);
    }
    stats
}

/// What the workers share.
struct Shared<'f, 'a> {
    model: &'f dyn Model,
    feed: &'f dyn Feed<'a>,
    options: &'f ScheduleOptions,
    budget: Budget,
    /// A worker's share of all tokens. The first batch keeps to it, so that one worker does not take all long requests.
    share_tokens: usize,
    cancel: &'f AtomicBool,
    /// Whether a worker panicked outside the network: the others must not wait for what it held.
    broken: AtomicBool,
}

impl<'a> Shared<'_, 'a> {
    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || self.broken.load(Ordering::Relaxed)
    }

    /// Runs workers until the feed ends. If the system refuses threads, fewer run, at least the caller's own.
    fn run(&self, workers: usize) -> Vec<Worker<'_, 'a>> {
        let threads = self.options.threads.max(1);
        let mut finished = Vec::new();
        std::thread::scope(|scope| {
            let mut handles = Vec::new();
            for worker in 0..workers {
                let own = threads / workers + usize::from(worker < threads % workers);
                let name = format!("worker-{worker}");
                let work = move || match rayon::ThreadPoolBuilder::new().num_threads(own.max(1)).build() {
                    Ok(pool) => pool.install(|| Worker::new(self, own).work()),
                    Err(_) => Worker::new(self, own).work(),
                };
                handles.extend(std::thread::Builder::new().name(name).spawn_scoped(scope, work));
            }
            for handle in handles {
                match handle.join() {
                    Ok(worker) => finished.push(worker),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        if !self.cancelled() && self.feed.wait() == Next::Ask {
            finished.push(Worker::new(self, threads).work());
        }
        finished
    }
}

/// One worker: a search, the requests in it, and what it did.
struct Worker<'s, 'a> {
    shared: &'s Shared<'s, 'a>,
    /// Threads it computes with.
    threads: usize,
    stats: Stats,
    retries: usize,
    _alarm: Alarm<'s>,
}

/// Tells the other workers if this one ends in a panic.
struct Alarm<'s>(&'s AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// A search and what it works on. The requests are kept, to be repeated if the network fails on one of them.
struct Flight<'s, 'a> {
    search: Box<dyn Search + 's>,
    live: Vec<Taken<'a>>,
}

impl<'s, 'a> Worker<'s, 'a> {
    fn new(shared: &'s Shared<'s, 'a>, threads: usize) -> Worker<'s, 'a> {
        Worker { shared, threads, stats: Stats::default(), retries: 0, _alarm: Alarm(&shared.broken) }
    }

    /// Works until the feed ends and everything taken from it is answered, or until cancelled.
    fn work(mut self) -> Worker<'s, 'a> {
        let mut flight = self.begin();
        while !self.shared.cancelled() {
            // Held for one step: the workers of other runs come in between.
            let turn = self.shared.options.turns.as_deref().map(|turns| turns.take(self.threads));
            let batch = self.next_batch(&flight);
            if batch.is_empty() && flight.live.is_empty() {
                drop(turn);
                match self.shared.feed.wait() {
                    Next::Ask => continue,
                    Next::End => break,
                }
            }
            let (mut lost, error) = match self.admit(&mut flight, batch) {
                Ok(()) => match self.advance(&mut flight) {
                    Ok(()) => continue,
                    Err(error) => (Vec::new(), error),
                },
                Err((batch, ScheduleError::Search(error))) if !matches!(*error, DecodeError::Broken(_)) => {
                    // Only the new ones failed to start; the others are not touched.
                    self.isolate(batch, &error.into());
                    continue;
                }
                Err(lost) => lost,
            };
            lost.append(&mut flight.live);
            self.end(&flight);
            flight = self.begin();
            self.isolate(lost, &error);
        }
        self.end(&flight);
        self
    }

    fn begin(&self) -> Flight<'s, 'a> {
        Flight { search: begin(self.shared.model, &self.shared.options.search), live: Vec::new() }
    }

    fn end(&mut self, flight: &Flight<'_, '_>) {
        self.stats.merge(&flight.search.stats());
    }

    /// What to let in now: a whole batch into an empty flight, otherwise only if enough places are free.
    fn next_batch(&self, flight: &Flight<'_, '_>) -> Vec<Taken<'a>> {
        let Budget { max_requests, max_tokens } = self.shared.budget;
        if flight.live.is_empty() {
            let max_tokens = max_tokens.min(self.shared.share_tokens);
            return self.shared.feed.take(Budget { max_requests, max_tokens }, Least::One);
        }
        let free = max_requests.saturating_sub(flight.live.len());
        if free == 0 || free < max_requests / ADMIT_WHEN_FREE {
            return Vec::new();
        }
        let max_tokens = max_tokens.saturating_sub(flight.search.tokens());
        self.shared.feed.take(Budget { max_requests: free, max_tokens }, Least::None)
    }

    /// Lets a batch in; hands it back if the network fails.
    fn admit(
        &mut self,
        flight: &mut Flight<'s, 'a>,
        batch: Vec<Taken<'a>>,
    ) -> Result<(), (Vec<Taken<'a>>, ScheduleError)> {
        if batch.is_empty() {
            return Ok(());
        }
        let admitted = guard(|| flight.search.admit(&entries(&batch)));
        match admitted {
            Ok(outcomes) => {
                flight.live.extend(batch);
                self.keep(flight, outcomes);
                Ok(())
            }
            Err(error) => Err((batch, error)),
        }
    }

    fn advance(&mut self, flight: &mut Flight<'s, 'a>) -> Result<(), ScheduleError> {
        let outcomes = guard(|| flight.search.advance())?;
        self.keep(flight, outcomes);
        Ok(())
    }

    fn keep(&mut self, flight: &mut Flight<'s, 'a>, outcomes: Vec<Outcome>) {
        for (tag, result) in outcomes {
            flight.live.retain(|live| live.tag != tag);
            self.hand_in(tag, result.map_err(|error| Arc::new(error).into()));
        }
    }

    fn hand_in(&self, tag: usize, result: JobResult) {
        self.shared.feed.done(tag, result);
    }

    /// Repeats requests that failed together in halves, until those that fail are alone.
    fn isolate(&mut self, mut lost: Vec<Taken<'a>>, error: &ScheduleError) {
        if lost.len() < 2 {
            for request in lost {
                self.hand_in(request.tag, Err(error.clone()));
            }
            return;
        }
        let second = lost.split_off(lost.len().div_ceil(2));
        for half in [lost, second] {
            if self.shared.cancelled() {
                return;
            }
            self.retries += 1;
            let mut flight = self.begin();
            let ended = self.admit(&mut flight, half).and_then(|()| {
                while !flight.live.is_empty() && !self.shared.cancelled() {
                    self.advance(&mut flight).map_err(|error| (std::mem::take(&mut flight.live), error))?;
                }
                Ok(())
            });
            self.end(&flight);
            if let Err((lost, error)) = ended {
                self.isolate(lost, &error);
            }
        }
    }
}

fn entries<'t>(batch: &'t [Taken<'_>]) -> Vec<Entry<'t>> {
    let entry = |taken: &'t Taken<'_>| {
        let Prompt { source, prefix, shared, allowed, constraints } = taken.prompt.as_ref();
        Entry {
            tag: taken.tag,
            request: Request { source, prefix, shared: *shared, allowed: *allowed, constraints },
            max_new_tokens: taken.max_new_tokens,
            no_repeat_ngram: taken.no_repeat_ngram,
        }
    };
    batch.iter().map(entry).collect()
}

/// Calls the network with its panics turned into errors.
fn guard<T>(call: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, ScheduleError> {
    // A search that panicked is dropped by the caller, so that its broken state is never seen.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Arc::new(error).into()),
        Err(panic) => Err(ScheduleError::Panicked(message(panic.as_ref()))),
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_string()
}
