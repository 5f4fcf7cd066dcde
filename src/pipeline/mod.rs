//! The whole flow of one job, readable from top to bottom: read, detect, split, route, run, check, join, write, report.
//!
//! Translations flow: articles are read while there is room in the [`Window`], their segments wait together for the
//! models, and each article is written as soon as its own last segment is done. Summaries go window by window.
//! What fails becomes a finding or a failed article; it never stops the job.

mod accounting;
mod align;
mod arrivals;
mod article;
pub mod check;
mod context;
mod finish;
mod flow;
mod ladder;
mod markup;
pub mod models;
mod readings;
mod recall;
mod remembered;
pub mod route;
mod run;
mod summary;
mod terms;
#[cfg(test)]
mod tests;
mod translate;
mod twins;
mod typeset;
mod unit;
mod write;

use crate::decode::Stats;
use crate::glossary::Terms;
use crate::job::journal::{Journal, JournalError};
use crate::job::report::{ArticleRecord, HopRecord, Status, Totals};
use crate::job::spec::{Item, JobSpec, Work};
use crate::memory::Memory;
use crate::schedule::RunStats;
use crate::store::Store;
use crate::token::SummaryLength;
pub use arrivals::{Arrival, Arrivals};
use article::Article;
use models::{Models, ModelsError};
pub use readings::Readings;
pub use recall::Extra;
use recall::Recall;
pub use remembered::MemoryUse;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What an observer is told while a job runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An article was read and split.
    Planned {
        /// Segments that go to a model.
        segments: usize,
        /// Words of the article.
        words: usize,
    },
    /// Work was done by a model; of a text in two hops each hop is told.
    Progress {
        /// Source words finished.
        words: usize,
        /// Tokens written.
        target_tokens: usize,
        /// Segments finished.
        segments: usize,
    },
    /// A model is being looked for or loaded.
    Model(&'a str),
    /// An article ended. Articles end in any order; translations are told as soon as they are written.
    Article {
        /// Its number in the job, from 0; of one that arrived, the number that it came with.
        index: usize,
        /// All about it.
        record: &'a ArticleRecord,
        /// Its answer, where the job hands answers to the caller.
        bytes: Option<&'a [u8]>,
    },
}

/// Somebody who wants to know how a job goes.
pub trait Observer: Sync {
    /// Something happened. Called from several threads.
    fn event(&self, event: &Event<'_>);
}

/// A job that could not run at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// No model for the job.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// What the job finishes cannot be noted any more.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What is left of a job when it has ended.
#[derive(Debug, Default)]
pub struct Summary {
    /// Sums over the articles.
    pub totals: Totals,
    /// Whether it was stopped before its end.
    pub cancelled: bool,
    /// Articles that were not done because it was stopped.
    pub undone: usize,
    /// Counters of the searches.
    pub stats: Stats,
    /// Most workers that ran at a time.
    pub workers: usize,
    /// Time in which texts were turned into ids and ids into texts, summed over threads.
    pub tokenize_time: Duration,
    /// Time in which articles were read, split, checked, joined and written, summed over threads.
    pub text_time: Duration,
}

/// How much a job holds at a time. Articles are read while what is held stays below both, so that it holds at most a
/// window and one article; an article that is larger than the window is held alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Segments of the articles that are not finished.
    pub segments: usize,
    /// Bytes of the inputs of the articles that are not finished. An article takes several times as much while it is
    /// worked on: its segments, their ids, the answers, the record.
    pub bytes: usize,
}

/// A pipeline's clocks, in nanoseconds, summed over threads.
#[derive(Debug, Default)]
struct Clock {
    tokenize: AtomicU64,
    text: AtomicU64,
}

impl Clock {
    /// Counts the time since `began` as spent on ids.
    fn tokenize(&self, began: Instant) {
        self.tokenize.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Counts the time since `began` as spent on texts.
    fn text(&self, began: Instant) {
        self.text.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
}

/// A job and what it runs on.
pub struct Pipeline<'a> {
    /// The job.
    pub spec: &'a JobSpec,
    /// The models it may use.
    pub models: &'a Models<'a>,
    /// Set from outside to stop the job; what is finished is kept.
    pub cancel: &'a AtomicBool,
    /// Told what happens.
    pub observer: &'a dyn Observer,
    window: Option<Window>,
    arrivals: Option<&'a dyn Arrivals>,
    wording: Option<terms::Wording<'a>>,
    recall: Option<Recall<'a>>,
    memory: Option<remembered::Recollection<'a>>,
    readings: Option<&'a Readings>,
    clock: Clock,
    tally: Mutex<Summary>,
}

/// Segments of a window, for few threads: enough that all workers find texts of similar length, while an article does
/// not wait for long behind those that are read with it.
const WINDOW_SEGMENTS: usize = 512;
/// Segments of a window for each thread, where there are many: twice as many wait as are worked on.
const WINDOW_SEGMENTS_PER_THREAD: usize = 192;
/// Segments of a window of a job with a slow model, so that finished articles are written early.
const SLOW_WINDOW_SEGMENTS: usize = 192;
/// Bytes of a window.
const WINDOW_BYTES: usize = 8 << 20;
/// Segments are few in summaries: a window of them ends at this many articles as well.
const WINDOW_ARTICLES: usize = 64;

impl<'a> Pipeline<'a> {
    /// A pipeline for one job.
    pub fn new(
        spec: &'a JobSpec,
        models: &'a Models<'a>,
        cancel: &'a AtomicBool,
        observer: &'a dyn Observer,
    ) -> Pipeline<'a> {
        let (clock, tally) = (Clock::default(), Mutex::default());
        Pipeline {
            spec,
            models,
            cancel,
            observer,
            window: None,
            arrivals: None,
            wording: None,
            recall: None,
            memory: None,
            readings: None,
            clock,
            tally,
        }
    }

    /// The same with a window of another size than the one that suits models and threads.
    #[must_use]
    pub fn with_window(mut self, window: Window) -> Pipeline<'a> {
        self.window = Some(Window { segments: window.segments.max(1), bytes: window.bytes.max(1) });
        self
    }

    /// The same for articles that arrive while it runs, in place of those of the job. Translations only.
    #[must_use]
    pub fn with_arrivals(mut self, arrivals: &'a dyn Arrivals) -> Pipeline<'a> {
        self.arrivals = Some(arrivals);
        self
    }

    /// The same with terms: translations use those of the glossary and keep what is to be kept.
    #[must_use]
    pub fn with_terms(mut self, terms: &'a Terms) -> Pipeline<'a> {
        self.wording = Some(terms::Wording::new(terms));
        self
    }

    /// The same with what is known from before: a journal of this job, a cache of answers. `extra` is what is depended
    /// on beside the job and the models.
    #[must_use]
    pub fn with_recall(mut self, journal: Option<&'a Journal>, store: Option<&'a Store>, extra: Extra) -> Pipeline<'a> {
        self.recall = (journal.is_some() || store.is_some()).then(|| Recall::new(journal, store, extra));
        self
    }

    /// The same with a translation memory: sentences that it has are taken from it, similar ones are offered.
    #[must_use]
    pub fn with_memory(mut self, memory: &'a Memory, options: MemoryUse) -> Pipeline<'a> {
        self.memory = Some(remembered::Recollection { memory, options });
        self
    }

    /// The same as one of several outputs of the same articles, which are read and split once.
    #[must_use]
    pub fn with_readings(mut self, readings: &'a Readings) -> Pipeline<'a> {
        self.readings = Some(readings);
        self
    }

    /// Runs the job.
    ///
    /// # Errors
    /// There is no model for the job, or the model that was asked for cannot be loaded. Everything that concerns a
    /// single article is in its record instead. The journal cannot be written: the disk is full, say.
    pub fn execute(self) -> Result<Summary, PipelineError> {
        let started = Instant::now();
        let load_ms_before = self.models.load_ms();
        match self.spec.work {
            Work::Translate { .. } => {
                self.models.check_translates()?;
                self.translate()?;
            }
            Work::Summarize { length } => self.summarize_all(length)?,
        }
        let cancelled = self.stopped();
        if let Some(recall) = self.recall {
            recall.flush();
            if let Some(failure) = recall.into_failure() {
                return Err(failure.into());
            }
        }
        let mut summary = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        summary.cancelled = cancelled;
        summary.tokenize_time = Duration::from_nanos(self.clock.tokenize.into_inner());
        summary.text_time = Duration::from_nanos(self.clock.text.into_inner());
        summary.totals.elapsed_ms = started.elapsed().as_millis() as u64;
        summary.totals.load_ms = self.models.load_ms() - load_ms_before;
        Ok(summary)
    }

    fn stopped(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || self.recall.as_ref().is_some_and(Recall::has_failed)
    }

    /// The record of an article that was finished in an earlier run, if nothing has changed since.
    fn finished<'i>(&self, index: usize, item: &Cow<'i, Item>) -> Option<Article<'i>> {
        let record = self.recall.as_ref()?.finished(item, self.spec, self.models)?;
        let mut article = Article::unread(index, item.clone());
        article.record = record;
        Some(article)
    }

    /// How much may be held at a time.
    fn window(&self) -> Window {
        let segments = if self.models.slow() {
            SLOW_WINDOW_SEGMENTS
        } else {
            WINDOW_SEGMENTS.max(self.spec.threads * WINDOW_SEGMENTS_PER_THREAD)
        };
        self.window.unwrap_or(Window { segments, bytes: WINDOW_BYTES })
    }

    /// Summarizes all articles, window after window: each ends with a barrier, since summaries of long articles take
    /// rounds that run together.
    fn summarize_all(&self, length: SummaryLength) -> Result<(), PipelineError> {
        let mut items = self.spec.items.iter().map(Cow::Borrowed).enumerate().peekable();
        while items.peek().is_some() && !self.stopped() {
            let window = self.read_window(&mut items);
            self.summarize(window, length)?;
        }
        for (index, item) in items {
            let mut article = Article::unread(index, item);
            article.record.status = Status::Cancelled;
            self.conclude(article);
        }
        Ok(())
    }

    /// Reads articles until a window is full.
    fn read_window<'i>(&self, items: &mut impl Iterator<Item = (usize, Cow<'i, Item>)>) -> Vec<Article<'i>> {
        let most = self.window();
        let mut window: Vec<Article<'i>> = Vec::new();
        let mut held = Window { segments: 0, bytes: 0 };
        while held.segments < most.segments
            && held.bytes < most.bytes
            && window.len() < WINDOW_ARTICLES
            && !self.stopped()
        {
            let Some((index, item)) = items.next() else { break };
            let began = Instant::now();
            if let Some(article) = self.finished(index, &item) {
                self.conclude(article);
                continue;
            }
            let article = Article::read(index, item, self.spec, self.readings);
            self.clock.text(began);
            held.segments += article.segments.len();
            held.bytes += article.record.input.bytes;
            self.observer
                .event(&Event::Planned { segments: article.segments.len(), words: article.record.input.words });
            window.push(article);
        }
        window
    }

    /// Adds the counters of a run.
    fn count(&self, run: &RunStats) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.stats.merge(&run.search);
        tally.workers = tally.workers.max(run.workers);
    }

    /// Adds an article to the sums and tells the observer.
    fn conclude(&self, mut article: Article<'_>) {
        article.record.settle();
        let record = &article.record;
        if let Some(recall) = self.recall.as_ref().filter(|_| !record.reused) {
            recall.finish(&article.item, record, self.spec, self.models);
        }
        {
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.undone += usize::from(record.status == Status::Cancelled);
            let totals = &mut tally.totals;
            totals.articles += 1;
            totals.failed += usize::from(matches!(record.status, Status::Failed | Status::Cancelled));
            totals.with_findings += usize::from(record.status == Status::Findings);
            totals.reused += usize::from(record.reused);
            let remembered = record.segments.iter().filter(|segment| segment.origin.is_some()).count();
            totals.remembered += if record.reused { 0 } else { remembered };
            totals.segments += record.segments.len();
            totals.needs_review += record.segments.iter().filter(|segment| segment.needs_review).count();
            totals.source_words += record.input.words;
            totals.source_tokens += record.tokens.source;
            totals.target_tokens += record.tokens.target;
            if let Some(terms) = record.terms {
                totals.terms.get_or_insert_default().add(terms);
            }
        }
        self.observer.event(&Event::Article { index: article.index, record, bytes: article.bytes.as_deref() });
    }
}

/// Adds the hops of a route to a record, once each.
fn record_route(record: &mut ArticleRecord, hops: impl IntoIterator<Item = HopRecord>) {
    for hop in hops {
        if !record.route.contains(&hop) {
            record.route.push(hop);
        }
    }
}
