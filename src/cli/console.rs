//! What a person sees while a job runs: a progress line where standard error is a terminal, nothing otherwise.

use super::keeping;
use super::memories::Export;
use super::records::Records;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tlumach::job::report::{ArticleRecord, Head, ModelRecord, Status, Totals};
use tlumach::pipeline::models::Models;
use tlumach::pipeline::{Event, Observer};
use tlumach::quality::Severity;
use tlumach::registry::Progress;

/// Writes a line to standard error; a closed standard error is nobody's problem.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loudness {
    /// Errors only.
    Quiet,
    /// Errors, findings in a line each article, downloads.
    Normal,
    /// Models, routes and every finding.
    Verbose,
}

impl Loudness {
    pub(super) fn new(quiet: u8, verbose: u8) -> Loudness {
        match (quiet, verbose) {
            (0, 0) => Loudness::Normal,
            (0, _) => Loudness::Verbose,
            _ => Loudness::Quiet,
        }
    }
}

/// The console of one run.
pub(super) struct Console {
    loudness: Loudness,
    bars: MultiProgress,
    job: ProgressBar,
    download: Mutex<Option<ProgressBar>>,
    started: Instant,
    counts: Counts,
    stop: Option<Arc<std::sync::atomic::AtomicBool>>,
}

#[derive(Default)]
struct Counts {
    articles: AtomicUsize,
    of_articles: AtomicUsize,
    words: AtomicUsize,
    segments: AtomicUsize,
    of_segments: AtomicUsize,
}

impl Console {
    pub(super) fn new(loudness: Loudness) -> Console {
        let visible = std::io::stderr().is_terminal() && loudness > Loudness::Quiet;
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        Console {
            loudness,
            bars,
            job: ProgressBar::hidden(),
            download: Mutex::default(),
            started: Instant::now(),
            counts: Counts::default(),
            stop: None,
        }
    }

    /// A console whose downloads stop when the flag is set.
    pub(super) fn stopped_by(mut self, stop: Arc<std::sync::atomic::AtomicBool>) -> Console {
        self.stop = Some(stop);
        self
    }

    /// Shows the progress of a job of so many articles.
    pub(super) fn begin(&mut self, articles: usize) {
        self.counts.of_articles.store(articles, Ordering::Relaxed);
        self.job = self.bars.add(ProgressBar::new(articles as u64));
        let style = ProgressStyle::with_template("{spinner} {msg}");
        self.job.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        self.job.enable_steady_tick(Duration::from_millis(200));
        self.started = Instant::now();
    }

    /// Says that a job goes on with an earlier run.
    pub(super) fn resumed(&self, articles: usize, segments: usize) {
        if self.loudness >= Loudness::Normal {
            let (articles, segments) = (count(articles, "article"), count(segments, "segment"));
            self.line(&format!("tlumach: going on with an earlier run: {articles} done, {segments} of others"));
        }
    }

    /// Says what a job did not have to do.
    pub(super) fn remembered(&self, totals: &Totals) {
        if self.loudness < Loudness::Normal || totals.reused + totals.remembered == 0 {
            return;
        }
        let done = count(totals.reused, "article");
        let known = count(totals.remembered, "segment");
        self.line(&format!("tlumach: known from before: {done} as a whole, and {known} of the others"));
    }

    /// So many articles more have come.
    pub(super) fn more(&self, articles: usize) {
        self.counts.of_articles.fetch_add(articles, Ordering::Relaxed);
    }

    /// Takes the progress away.
    pub(super) fn end(&self) {
        self.job.finish_and_clear();
    }

    /// Says how much of a stopped job was left undone.
    pub(super) fn stopped(&self, undone: usize) {
        if self.loudness >= Loudness::Normal {
            self.line(&format!("tlumach: stopped; not done: {}", count(undone, "article")));
        }
    }

    /// A line above the progress.
    pub(super) fn line(&self, text: &str) {
        self.bars.suspend(|| say(text));
    }

    fn redraw(&self) {
        let counts = &self.counts;
        let words = counts.words.load(Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs_f64();
        let (done, all) = (counts.articles.load(Ordering::Relaxed), counts.of_articles.load(Ordering::Relaxed));
        let (segments, of_segments) =
            (counts.segments.load(Ordering::Relaxed), counts.of_segments.load(Ordering::Relaxed));
        // The time left is judged by articles: those still unread have unknown numbers of segments.
        let share = (done as f64
            + segments as f64 / of_segments.max(1) as f64 * all.saturating_sub(done).min(1) as f64)
            / all.max(1) as f64;
        let left = if share > 0.02 {
            let seconds = (seconds / share - seconds).max(0.0);
            format!(", {} left", human(Duration::from_secs_f64(seconds)))
        } else {
            String::new()
        };
        self.job.set_message(format!(
            "{done}/{all} articles, {segments}/{of_segments} segments, {:.0} words/s{left}",
            words as f64 / seconds.max(0.001)
        ));
    }

    /// Names the parts of an article that were not read.
    fn not_read(&self, record: &ArticleRecord) {
        let found: Vec<&str> = keeping::not_read(record).collect();
        for message in found.iter().take(MOST_NAMED) {
            self.line(&format!("tlumach: {}: {message}", record.input.path));
        }
        if found.len() > MOST_NAMED {
            self.line(&format!("tlumach: {}: and {} lines more", record.input.path, found.len() - MOST_NAMED));
        }
    }

    fn article(&self, record: &ArticleRecord) {
        self.counts.articles.fetch_add(1, Ordering::Relaxed);
        self.redraw();
        let name = &record.input.path;
        match record.status {
            Status::Failed => self.line(&format!("tlumach: {}", record.error.as_deref().unwrap_or("failed"))),
            Status::Cancelled if self.loudness >= Loudness::Verbose => self.line(&format!("tlumach: {name}: not done")),
            // What was done in an earlier run was told then.
            Status::Findings if self.loudness >= Loudness::Normal && !record.reused => {
                let errors = record.all_findings().filter(|finding| finding.severity == Severity::Error).count();
                let warnings = record.all_findings().filter(|finding| finding.severity == Severity::Warning).count();
                self.line(&format!(
                    "tlumach: {name}: to look at: {}, {}",
                    count(errors, "error"),
                    count(warnings, "warning")
                ));
                self.not_read(record);
            }
            _ => {}
        }
        if self.loudness >= Loudness::Verbose && record.reused {
            self.line(&format!("tlumach: {name}: done in an earlier run"));
        } else if self.loudness >= Loudness::Verbose {
            for hop in &record.route {
                self.line(&format!("tlumach: {name}: {} to {} with {}", hop.from, hop.to, hop.model));
            }
            for dropped in &record.dropped {
                self.line(&format!("tlumach: {name}: left out ({}): {}", dropped.kind, dropped.text.trim()));
            }
            for finding in &record.findings {
                self.line(&format!("tlumach: {name}: {:?} {}: {}", finding.severity, finding.code, finding.message));
            }
            for (index, segment) in record.segments.iter().enumerate() {
                for finding in &segment.findings {
                    let (severity, code, message) = (finding.severity, finding.code, &finding.message);
                    self.line(&format!("tlumach: {name}: segment {index}: {severity:?} {code}: {message}"));
                }
            }
        }
    }
}

/// Most parts of an article that are named as not read; the report has all of them.
const MOST_NAMED: usize = 20;

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

impl Progress for Console {
    fn message(&self, text: &str) {
        if self.loudness >= Loudness::Normal {
            self.line(&format!("tlumach: {text}"));
        }
    }

    fn start(&self, file: &str, total: Option<u64>) {
        let bar = self.bars.add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
        let template = if total.is_some() {
            "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
        } else {
            "{spinner} {msg} {bytes} {bytes_per_sec}"
        };
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(file.to_string());
        let mut download = self.download.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = download.replace(bar) {
            old.finish_and_clear();
        }
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &*self.download.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.inc(bytes);
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.download.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    fn cancelled(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// Where records and answers go besides the console.
pub(super) struct Sink<'a> {
    pub(super) console: &'a Console,
    /// Report and review copy, where they were asked for.
    pub(super) records: Mutex<Records<'a>>,
    /// The first thing that went wrong with them or standard output.
    pub(super) failure: Mutex<Option<anyhow::Error>>,
    /// The translation memory that is written, where it was asked for.
    pub(super) export: Mutex<Option<Export>>,
    /// Whether answers for the caller are printed.
    pub(super) print: Printing,
    /// What is written beside each output, if anything is.
    pub(super) sidecars: Option<Sidecars<'a>>,
    /// The names of all models that made something.
    pub(super) used: Mutex<BTreeSet<String>>,
}

/// What the files beside outputs say, but for the article.
pub(super) struct Sidecars<'a> {
    pub(super) head: &'a Head,
    pub(super) models: &'a Models<'a>,
    pub(super) staging: Option<&'a Path>,
}

impl Sidecars<'_> {
    fn write(&self, record: &ArticleRecord) -> anyhow::Result<()> {
        let models: Vec<ModelRecord> = models_of(record).iter().filter_map(|name| self.models.record(name)).collect();
        keeping::write_sidecar(record, self.head, &models, self.staging)
    }
}

/// The names of the models that made an article.
fn models_of(record: &ArticleRecord) -> BTreeSet<String> {
    record.route.iter().map(|hop| hop.model.clone()).chain(record.summarizer.clone()).collect()
}

/// What happens to answers without a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printing {
    /// They go to standard output.
    Print,
    /// They are thrown away (bench).
    Discard,
}

impl Observer for Sink<'_> {
    fn event(&self, event: &Event<'_>) {
        let counts = &self.console.counts;
        match event {
            Event::Planned { segments, .. } => {
                counts.of_segments.fetch_add(*segments, Ordering::Relaxed);
                self.console.redraw();
            }
            Event::Progress { words, segments, .. } => {
                counts.words.fetch_add(*words, Ordering::Relaxed);
                counts.segments.fetch_add(*segments, Ordering::Relaxed);
                self.console.redraw();
            }
            Event::Model(name) if self.console.loudness >= Loudness::Verbose => {
                self.console.line(&format!("tlumach: loading {name}"));
            }
            Event::Article { index, record, bytes } => {
                self.console.article(record);
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(error) = records.article(*index, record) {
                    failure.get_or_insert(error);
                }
                if let Some(export) = self.export.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
                    && let Err(error) = export.article(record)
                {
                    failure.get_or_insert(error);
                }
                self.used.lock().unwrap_or_else(PoisonError::into_inner).extend(models_of(record));
                if let Some(Err(error)) = self.sidecars.as_ref().map(|sidecars| sidecars.write(record)) {
                    failure.get_or_insert(error);
                }
                drop(records);
                if let (Some(bytes), Printing::Print) = (bytes, self.print) {
                    let mut out = std::io::stdout().lock();
                    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
                        failure.get_or_insert(anyhow::Error::new(error).context("cannot write to standard output"));
                    }
                }
            }
            _ => {}
        }
    }
}
