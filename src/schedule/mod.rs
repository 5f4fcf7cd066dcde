//! Runs prompts on workers: ids in, ids out. Batches, admission, failures, cancelling.
//!
//! Each worker is a thread with a rayon pool of its own and one running search; all share the model and one [`Feed`], from
//! which they take prompts whenever they have places and to which they hand each answer as soon as it is there.
//! [`run`] is a feed over a slice, with duplicates computed once and the results in order.
//! What is answered never depends on who shares a batch, only on prompt, model and search options; so nothing here has to
//! be reproducible but the results. Knows no text, no files and no families.

mod slice;
mod turns;
mod worker;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::batch::Budget;
use crate::decode::{DecodeError, Hypothesis, SearchOptions, Stats};
use crate::model::Model;
use crate::token::Prompt;

pub use slice::run;
pub use turns::Turns;

/// Rows below which another worker is not worth its thread: the matrix kernels work on eight rows at a time, so that a
/// worker with one or two computes mostly nothing, and splitting its matrices over threads is then the better use.
const MIN_ROWS_PER_WORKER: usize = 4;

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
    /// Shared with other runs that go on at the same time, so that they use no more threads together.
    pub turns: Option<Arc<Turns>>,
}

impl Default for ScheduleOptions {
    fn default() -> Self {
        ScheduleOptions {
            search: SearchOptions::default(),
            threads: 1,
            workers: None,
            max_rows: 64,
            max_tokens: 8192,
            turns: None,
        }
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

/// A prompt on its way from a feed through a worker.
#[derive(Debug, Clone)]
pub struct Taken<'a> {
    /// The feed's name for it; comes back with the answer.
    pub tag: usize,
    /// What the model reads.
    pub prompt: Cow<'a, Prompt>,
    /// Longest answer in tokens, end token included; stands in for the option of the search.
    pub max_new_tokens: usize,
    /// n-grams of this length may not repeat, 0 for no limit; stands in for the option of the search.
    pub no_repeat_ngram: usize,
}

/// How much a feed has at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Prompts that wait.
    pub requests: usize,
    /// Their tokens, as a worker counts them against its budget.
    pub tokens: usize,
    /// Whether more may come.
    pub supply: Supply,
}

/// Whether a feed is all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// What waits is all there is.
    Complete,
    /// More may come while the workers run.
    Open,
}

/// How many prompts a worker has to get, if there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// None, if the next one does not fit.
    None,
    /// One, even if it exceeds the budget on its own: the worker has nothing else to do.
    One,
}

/// Where workers get their prompts and hand their answers. All methods are called from several threads.
pub trait Feed<'a>: Sync {
    /// What waits before the first worker starts: from it follow the number of workers and the share of each.
    fn load(&self) -> Load;

    /// Takes prompts that fit `room` together.
    fn take(&self, room: Budget, least: Least) -> Vec<Taken<'a>>;

    /// Called by a worker that has nothing to do and got nothing. Blocks for a while at most (so that the worker can look
    /// whether the run was cancelled) and answers whether there may be something to take; never again, if not.
    fn wait(&self) -> Next;

    /// A prompt is answered or has failed. Called once for each prompt that was taken, but for those that are cancelled.
    fn done(&self, tag: usize, result: JobResult);
}

/// Whether a worker should ask its feed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There may be something.
    Ask,
    /// The run is over.
    End,
}

/// Runs workers on a feed until it says that the run is over, or until cancelled.
///
/// A batch that fails or panics is repeated in halves until the prompts that do it are alone; only those become errors.
/// If the options of the search are not valid, every prompt has that error.
///
/// # Panics
/// If the feed panics.
pub fn run_feed(model: &dyn Model, feed: &dyn Feed<'_>, options: &ScheduleOptions, cancel: &AtomicBool) -> RunStats {
    let began = Instant::now();
    let mut stats = RunStats::default();
    if let Err(error) = options.search.check() {
        let error = ScheduleError::from(Arc::new(error));
        let everything = Budget { max_requests: usize::MAX, max_tokens: usize::MAX };
        while feed.wait() == Next::Ask {
            for taken in feed.take(everything, Least::One) {
                feed.done(taken.tag, Err(error.clone()));
            }
        }
        return stats;
    }
    let load = feed.load();
    if load.requests > 0 {
        stats = worker::run_workers(model, feed, options, (load, cancel));
    }
    stats.elapsed = began.elapsed();
    stats
}
