//! Runs prompts on workers: ids in, ids out, in the order given. Batches, admission, duplicates, failures, cancelling.
//!
//! Each worker is a thread with a rayon pool of its own and one running search; all share the model and one queue.
//! What is answered never depends on who shares a batch, only on prompt, model and search options; so nothing here has to
//! be reproducible but the results. Knows no text, no files and no families.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::{Budget, Queue};
use crate::decode::{DecodeError, Entry, Hypothesis, Outcome, Search, SearchOptions, Stats, begin};
use crate::model::{Model, Request};
use crate::token::{Prompt, TokenClasses, TokenId};

/// Rows below which another worker is not worth its thread: the matrix kernels work on eight rows at a time, so that a
/// worker with one or two computes mostly nothing, and splitting its matrices over threads is then the better use.
const MIN_ROWS_PER_WORKER: usize = 4;

/// A worker lets new requests in when this part (one in so many) of its places is free: a start costs a pass over the
/// encoder weights and joining copies what the running rows hold, so it should not happen for every row that leaves.
const ADMIT_WHEN_FREE: usize = 4;

/// A prompt that wants an answer.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// What the model reads.
    pub prompt: &'a Prompt,
    /// Longest answer in tokens, end token included; stands in for the option of the search.
    pub max_new_tokens: usize,
}

/// How jobs are run.
#[derive(Debug, Clone)]
pub struct ScheduleOptions {
    /// The search, the same for all jobs but for their `max_new_tokens`.
    pub search: SearchOptions,
    /// Threads to use, all workers together.
    pub threads: usize,
    /// Number of workers among which the threads are divided; `None` chooses (see [`workers_for`]).
    pub workers: Option<usize>,
    /// Most rows (requests × beams) a worker has in flight; at least one request is always let in.
    pub max_rows: usize,
    /// Most tokens a worker holds when it lets requests in; one request that is longer is let in alone.
    /// Live answers grow beyond it by at most `max_rows` × `max_new_tokens`.
    pub max_tokens: usize,
}

impl Default for ScheduleOptions {
    fn default() -> Self {
        ScheduleOptions { search: SearchOptions::default(), threads: 1, workers: None, max_rows: 64, max_tokens: 8192 }
    }
}

/// The caller's hold on a run.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// When it becomes true the run ends after the current step; answers that are there are kept.
    pub cancel: &'a AtomicBool,
    /// Called with a job's index as soon as it is answered or has failed, from any worker's thread, once for each job;
    /// not called for jobs that are cancelled.
    pub on_done: &'a (dyn Fn(usize, &JobResult) + Sync),
}

/// What became of a job.
pub type JobResult = Result<Hypothesis, ScheduleError>;

/// Why a job has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The run was cancelled before the answer was there.
    #[error("cancelled before the answer was there")]
    Cancelled,
    /// The search or the network failed on this job, also when it ran alone.
    #[error(transparent)]
    Search(#[from] Arc<DecodeError>),
    /// The network panicked on this job, also when it ran alone.
    #[error("the model panicked: {0}; this is a bug, please report it with the text")]
    Panicked(String),
}

/// What a run did, in numbers.
#[derive(Debug, Clone, Default)]
pub struct RunStats {
    /// Counters of all searches; times are summed over workers.
    pub search: Stats,
    /// Workers that ran.
    pub workers: usize,
    /// Jobs that were copies of others and cost nothing.
    pub duplicates: usize,
    /// Searches that were repeated in smaller batches after a failure.
    pub retries: usize,
    /// Time that passed.
    pub elapsed: Duration,
}

/// The end of a run.
#[derive(Debug)]
pub struct Report {
    /// One result a job, in the order of the jobs.
    pub results: Vec<JobResult>,
    /// What was done.
    pub stats: RunStats,
}

/// How many workers share the threads: one a thread for bulk work, one for all threads if there are few rows.
pub fn workers_for(requests: usize, options: &ScheduleOptions) -> usize {
    let threads = options.threads.max(1);
    let wanted = options.workers.unwrap_or_else(|| requests * options.search.beams / MIN_ROWS_PER_WORKER);
    wanted.min(threads).min(requests).max(1)
}

/// Answers all jobs.
///
/// Identical jobs are computed once. A batch that fails or panics is repeated in halves until the jobs that do it are
/// alone; only those become errors. If the options of the search are not valid, every job has that error.
///
/// # Panics
/// If `on_done` panics.
pub fn run(model: &dyn Model, jobs: &[Job<'_>], options: &ScheduleOptions, watch: Watch<'_>) -> Report {
    let began = Instant::now();
    if let Err(error) = options.search.check() {
        let error = ScheduleError::from(Arc::new(error));
        return Report { results: vec![Err(error); jobs.len()], stats: RunStats::default() };
    }
    let (originals, copies) = distinct(jobs);
    let workers = workers_for(originals.len(), options);
    let places = (options.max_rows / options.search.beams.max(1)).min(originals.len().div_ceil(workers)).max(1);
    let lengths: Vec<usize> = originals
        .iter()
        .map(|&job| jobs[job].prompt.source.len() + options.search.beams * jobs[job].prompt.prefix.len())
        .collect();
    let shared = Shared {
        model,
        jobs,
        originals: &originals,
        copies: &copies,
        options,
        budget: Budget { max_requests: places, max_tokens: options.max_tokens },
        share_tokens: lengths.iter().sum::<usize>().div_ceil(workers),
        queue: Mutex::new(Queue::new(&lengths)),
        watch,
    };

    let mut stats = RunStats { duplicates: jobs.len() - originals.len(), ..RunStats::default() };
    let mut results: Vec<Option<JobResult>> = vec![None; jobs.len()];
    let mut finished = Vec::new();
    if !originals.is_empty() {
        finished = shared.run_workers(workers);
    }
    for worker in finished {
        stats.workers += 1;
        stats.retries += worker.retries;
        stats.search.merge(&worker.stats);
        for (original, result) in worker.done {
            for &copy in &copies[original] {
                results[copy] = Some(result.clone());
            }
            results[originals[original]] = Some(result);
        }
    }
    stats.elapsed = began.elapsed();
    Report {
        results: results.into_iter().map(|result| result.unwrap_or(Err(ScheduleError::Cancelled))).collect(),
        stats,
    }
}

/// The first of each set of identical jobs, and the others of each set.
fn distinct(jobs: &[Job<'_>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut known: HashMap<(&[TokenId], &[TokenId], TokenClasses, usize), usize> = HashMap::new();
    let mut originals = Vec::new();
    let mut copies: Vec<Vec<usize>> = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let prompt = job.prompt;
        let key = (prompt.source.as_slice(), prompt.prefix.as_slice(), prompt.allowed, job.max_new_tokens);
        let original = *known.entry(key).or_insert(originals.len());
        if original == originals.len() {
            originals.push(index);
            copies.push(Vec::new());
        } else {
            copies[original].push(index);
        }
    }
    (originals, copies)
}

/// What the workers share.
struct Shared<'a> {
    model: &'a dyn Model,
    jobs: &'a [Job<'a>],
    /// Job of each distinct prompt; queue, tags and results count these.
    originals: &'a [usize],
    copies: &'a [Vec<usize>],
    options: &'a ScheduleOptions,
    budget: Budget,
    /// A worker's share of all tokens. The first batch keeps to it, so that one worker does not take all long requests.
    share_tokens: usize,
    queue: Mutex<Queue>,
    watch: Watch<'a>,
}

impl Shared<'_> {
    fn cancelled(&self) -> bool {
        self.watch.cancel.load(Ordering::Relaxed)
    }

    fn entries(&self, batch: &[usize]) -> Vec<Entry<'_>> {
        let entry = |&tag: &usize| {
            let job = &self.jobs[self.originals[tag]];
            let Prompt { source, prefix, shared, allowed } = job.prompt;
            let request = Request { source, prefix, shared: *shared, allowed: *allowed };
            Entry { tag, request, max_new_tokens: job.max_new_tokens }
        };
        batch.iter().map(entry).collect()
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        // The queue is whole after every call, so that a poisoned lock tells nothing about it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs workers until the queue is empty. If the system refuses threads, fewer run, at least the caller's own.
    fn run_workers(&self, workers: usize) -> Vec<Worker<'_>> {
        let threads = self.options.threads.max(1);
        let mut finished = Vec::new();
        std::thread::scope(|scope| {
            let mut handles = Vec::new();
            for worker in 0..workers {
                let own = threads / workers + usize::from(worker < threads % workers);
                let name = format!("worker-{worker}");
                let work = move || match rayon::ThreadPoolBuilder::new().num_threads(own.max(1)).build() {
                    Ok(pool) => pool.install(|| Worker::new(self).work()),
                    Err(_) => Worker::new(self).work(),
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
        if !self.queue().is_empty() && !self.cancelled() {
            finished.push(Worker::new(self).work());
        }
        finished
    }
}

/// One worker: a search, the requests in it, and what has come of them.
struct Worker<'a> {
    shared: &'a Shared<'a>,
    done: Vec<(usize, JobResult)>,
    stats: Stats,
    retries: usize,
}

/// A search and what it works on.
struct Flight<'a> {
    search: Box<dyn Search + 'a>,
    live: Vec<usize>,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>) -> Worker<'a> {
        Worker { shared, done: Vec::new(), stats: Stats::default(), retries: 0 }
    }

    /// Works until the queue is empty and everything taken from it is answered, or until cancelled.
    fn work(mut self) -> Worker<'a> {
        let mut flight = self.begin();
        while !self.shared.cancelled() {
            let batch = self.next_batch(&flight);
            if batch.is_empty() && flight.live.is_empty() {
                break;
            }
            let (mut lost, error) = match self.admit(&mut flight, &batch) {
                Ok(()) => match self.advance(&mut flight) {
                    Ok(()) => continue,
                    Err(error) => (Vec::new(), error),
                },
                Err(ScheduleError::Search(error)) if !matches!(*error, DecodeError::Broken(_)) => {
                    // Only the new ones failed to start; the others are not touched.
                    self.isolate(&batch, &error.into());
                    continue;
                }
                Err(error) => (batch, error),
            };
            lost.append(&mut flight.live);
            self.end(&flight);
            flight = self.begin();
            self.isolate(&lost, &error);
        }
        self.end(&flight);
        self
    }

    fn begin(&self) -> Flight<'a> {
        Flight { search: begin(self.shared.model, &self.shared.options.search), live: Vec::new() }
    }

    fn end(&mut self, flight: &Flight<'_>) {
        self.stats.merge(flight.search.stats());
    }

    /// What to let in now: a whole batch into an empty flight, otherwise only if enough places are free.
    fn next_batch(&self, flight: &Flight<'_>) -> Vec<usize> {
        let Budget { max_requests, max_tokens } = self.shared.budget;
        if flight.live.is_empty() {
            let max_tokens = max_tokens.min(self.shared.share_tokens);
            return self.shared.queue().take_at_least_one(Budget { max_requests, max_tokens });
        }
        let free = max_requests.saturating_sub(flight.live.len());
        if free == 0 || free < max_requests / ADMIT_WHEN_FREE {
            return Vec::new();
        }
        let max_tokens = max_tokens.saturating_sub(flight.search.tokens());
        self.shared.queue().take(Budget { max_requests: free, max_tokens })
    }

    fn admit(&mut self, flight: &mut Flight<'_>, batch: &[usize]) -> Result<(), ScheduleError> {
        if batch.is_empty() {
            return Ok(());
        }
        let entries = self.shared.entries(batch);
        let outcomes = guard(|| flight.search.admit(&entries))?;
        flight.live.extend(batch);
        self.keep(flight, outcomes);
        Ok(())
    }

    fn advance(&mut self, flight: &mut Flight<'_>) -> Result<(), ScheduleError> {
        let outcomes = guard(|| flight.search.advance())?;
        self.keep(flight, outcomes);
        Ok(())
    }

    fn keep(&mut self, flight: &mut Flight<'_>, outcomes: Vec<Outcome>) {
        for (tag, result) in outcomes {
            flight.live.retain(|&live| live != tag);
            self.record(tag, result.map_err(|error| Arc::new(error).into()));
        }
    }

    fn record(&mut self, tag: usize, result: JobResult) {
        let original = std::iter::once(&self.shared.originals[tag]);
        for &job in original.chain(&self.shared.copies[tag]) {
            (self.shared.watch.on_done)(job, &result);
        }
        self.done.push((tag, result));
    }

    fn fail(&mut self, batch: &[usize], error: &ScheduleError) {
        for &tag in batch {
            self.record(tag, Err(error.clone()));
        }
    }

    /// Repeats requests that failed together in halves, until those that fail are alone.
    fn isolate(&mut self, lost: &[usize], error: &ScheduleError) {
        if lost.len() < 2 {
            self.fail(lost, error);
            return;
        }
        for half in lost.chunks(lost.len().div_ceil(2)) {
            if self.shared.cancelled() {
                return;
            }
            self.retries += 1;
            let mut flight = self.begin();
            let ended = self.admit(&mut flight, half).map_err(|error| (half.to_vec(), error)).and_then(|()| {
                while !flight.live.is_empty() && !self.shared.cancelled() {
                    self.advance(&mut flight).map_err(|error| (std::mem::take(&mut flight.live), error))?;
                }
                Ok(())
            });
            self.end(&flight);
            if let Err((lost, error)) = ended {
                self.isolate(&lost, &error);
            }
        }
    }
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
