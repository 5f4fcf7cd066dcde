//! The whole flow of one job, readable from top to bottom: read, detect, split, route, run, check, join, write, report.
//!
//! Articles are taken in windows, so that batches are filled across articles while memory stays bounded; an article is
//! written as soon as its window is done. What fails becomes a finding or a failed article; it never stops the job.

mod article;
pub mod models;
pub mod route;
mod run;
mod summary;
mod translate;
mod write;

use crate::decode::Stats;
use crate::job::report::{ArticleRecord, HopRecord, Status, Totals};
use crate::job::spec::{Item, JobSpec, Work};
use article::Article;
use models::{Models, ModelsError};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

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
    /// An article ended; `text` is its answer where the job hands answers to the caller.
    Article {
        /// All about it.
        record: &'a ArticleRecord,
        /// The bytes for the caller.
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
    /// Counters of the schedules.
    pub stats: Stats,
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
    stats: Mutex<Stats>,
}

/// A window ends when it has this many segments: enough for full batches of similar length on many cores, while the
/// texts of a window stay within a few megabytes.
const WINDOW_SEGMENTS: usize = 2048;
/// A window of a job with a slow model ends earlier, so that finished articles are written early.
const SLOW_WINDOW_SEGMENTS: usize = 192;
/// Segments are few in summaries: a window ends at this many articles as well.
const WINDOW_ARTICLES: usize = 64;

impl<'a> Pipeline<'a> {
    /// A pipeline for one job.
    pub fn new(
        spec: &'a JobSpec,
        models: &'a Models<'a>,
        cancel: &'a AtomicBool,
        observer: &'a dyn Observer,
    ) -> Pipeline<'a> {
        Pipeline { spec, models, cancel, observer, stats: Mutex::new(Stats::default()) }
    }

    /// Runs the job.
    ///
    /// # Errors
    /// There is no model for the job, or the model that was asked for cannot be loaded. Everything that concerns a
    /// single article is in its record instead.
    pub fn execute(self) -> Result<Summary, PipelineError> {
        let started = Instant::now();
        if let Work::Translate { .. } = self.spec.work {
            self.models.check_translates()?;
        }
        let mut summary = Summary::default();
        let mut items = self.spec.items.iter().peekable();
        while items.peek().is_some() && !self.stopped() {
            let mut window = self.read_window(&mut items);
            match self.spec.work {
                Work::Translate { .. } => self.translate(&mut window)?,
                Work::Summarize { length } => self.summarize(&mut window, length)?,
            }
            for article in window {
                summary.undone += usize::from(article.record.status == Status::Cancelled);
                self.conclude(article, &mut summary.totals);
            }
        }
        for item in items {
            let mut article = Article::unread(item);
            article.record.status = Status::Cancelled;
            summary.undone += 1;
            self.conclude(article, &mut summary.totals);
        }
        summary.cancelled = self.stopped();
        summary.totals.elapsed_ms = started.elapsed().as_millis() as u64;
        summary.totals.load_ms = self.models.load_ms();
        summary.stats = self.stats.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(summary)
    }

    fn stopped(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Reads articles until a window is full.
    fn read_window<'i>(&self, items: &mut std::iter::Peekable<impl Iterator<Item = &'i Item>>) -> Vec<Article<'i>> {
        let segments = if self.models.slow() { SLOW_WINDOW_SEGMENTS } else { WINDOW_SEGMENTS };
        let mut window = Vec::new();
        let mut planned = 0;
        while planned < segments && window.len() < WINDOW_ARTICLES && !self.stopped() {
            let Some(item) = items.next() else { break };
            let article = Article::read(item, self.spec);
            planned += article.segments.len();
            self.observer
                .event(&Event::Planned { segments: article.segments.len(), words: article.record.input.words });
            window.push(article);
        }
        window
    }

    /// Adds an article to the sums and tells the observer.
    fn conclude(&self, mut article: Article<'_>, totals: &mut Totals) {
        article.record.settle();
        let record = &article.record;
        totals.articles += 1;
        totals.failed += usize::from(matches!(record.status, Status::Failed | Status::Cancelled));
        totals.with_findings += usize::from(record.status == Status::Findings);
        totals.segments += record.segments.len();
        totals.source_words += record.input.words;
        totals.source_tokens += record.tokens.source;
        totals.target_tokens += record.tokens.target;
        self.observer.event(&Event::Article { record, bytes: article.bytes.as_deref() });
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
