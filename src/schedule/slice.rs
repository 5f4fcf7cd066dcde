//! A run over a slice: the feed is a list that is known from the start, and the results come back in its order.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{
    Feed, Job, JobResult, Least, Load, Next, Report, RunStats, ScheduleError, ScheduleOptions, Supply, Taken, Watch,
    run_feed,
};
use crate::batch::{Budget, Queue};
use crate::model::Model;
use crate::token::{Constraint, TokenClasses, TokenId};

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
    let beams = options.search.beams;
    let length = |&job: &usize| jobs[job].prompt.source.len() + beams * jobs[job].prompt.prefix.len();
    let lengths: Vec<usize> = originals.iter().map(length).collect();
    let slice = Slice {
        jobs,
        originals: &originals,
        copies: &copies,
        no_repeat_ngram: options.search.no_repeat_ngram,
        watch,
        state: Mutex::new(State { queue: Queue::new(&lengths), results: vec![None; jobs.len()] }),
    };
    let mut stats = run_feed(model, &slice, options, watch.cancel);
    stats.duplicates = jobs.len() - originals.len();
    stats.elapsed = began.elapsed();
    let results = slice.state.into_inner().unwrap_or_else(PoisonError::into_inner).results.into_iter();
    Report { results: results.map(|result| result.unwrap_or(Err(ScheduleError::Cancelled))).collect(), stats }
}

/// What makes two jobs the same: source, prefix, what may be answered and how much of it, and what has to be.
type Question<'a> = (&'a [TokenId], &'a [TokenId], TokenClasses, usize, &'a [Constraint]);

/// The first of each set of identical jobs, and the others of each set.
fn distinct(jobs: &[Job<'_>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut known: HashMap<Question<'_>, usize> = HashMap::new();
    let mut originals = Vec::new();
    let mut copies: Vec<Vec<usize>> = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let prompt = job.prompt;
        let limits = (prompt.allowed, job.max_new_tokens);
        let key =
            (prompt.source.as_slice(), prompt.prefix.as_slice(), limits.0, limits.1, prompt.constraints.as_slice());
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

/// The feed of a slice. Tags count the distinct jobs.
struct Slice<'a> {
    jobs: &'a [Job<'a>],
    /// Job of each distinct prompt.
    originals: &'a [usize],
    copies: &'a [Vec<usize>],
    no_repeat_ngram: usize,
    watch: Watch<'a>,
    state: Mutex<State>,
}

struct State {
    queue: Queue,
    results: Vec<Option<JobResult>>,
}

impl Slice<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after every call, so that a poisoned lock tells nothing about it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Feed<'a> for Slice<'a> {
    fn load(&self) -> Load {
        let queue = &self.state().queue;
        Load { requests: queue.len(), tokens: queue.tokens(), supply: Supply::Complete }
    }

    fn take(&self, room: Budget, least: Least) -> Vec<Taken<'a>> {
        let queue = &mut self.state().queue;
        let tags = match least {
            Least::None => queue.take(room),
            Least::One => queue.take_at_least_one(room),
        };
        let taken = |tag: usize| {
            let job = &self.jobs[self.originals[tag]];
            let (prompt, no_repeat_ngram) = (Cow::Borrowed(job.prompt), self.no_repeat_ngram);
            Taken { tag, prompt, max_new_tokens: job.max_new_tokens, no_repeat_ngram }
        };
        tags.into_iter().map(taken).collect()
    }

    fn wait(&self) -> Next {
        if self.state().queue.is_empty() { Next::End } else { Next::Ask }
    }

    fn done(&self, tag: usize, result: JobResult) {
        let original = std::iter::once(&self.originals[tag]);
        for &job in original.chain(&self.copies[tag]) {
            (self.watch.on_done)(job, &result);
            self.state().results[job] = Some(result.clone());
        }
    }
}
