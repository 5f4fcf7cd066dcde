//! `tlumach report`: what the jobs of an output folder did, from their journals.

use super::Ending;
use super::args::ReportArgs;
use super::keeping::STATE;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use tlumach::intern::intern;
use tlumach::job::journal::{Done, Journal};
use tlumach::job::report::{ArticleRecord, Head, Status, Tail, Totals};
use tlumach::quality::Severity;
use tlumach::review;

/// A job of the folder.
struct Job {
    name: String,
    journal: Journal,
    articles: Vec<Done>,
    /// What was written at its last end, if it had one.
    summary: Option<Value>,
}

pub(super) fn run(args: &ReportArgs) -> Result<Ending> {
    let jobs = find(&args.folder)?;
    let mut out = std::io::stdout().lock();
    let mut doubtful = false;
    let mut all = Vec::new();
    for job in &jobs {
        let mut records = Vec::new();
        for done in &job.articles {
            let record = job.journal.record(&done.name).with_context(|| {
                format!("journal {}: the record of {} cannot be read", job.journal.path().display(), done.name)
            })?;
            let current = std::fs::read(&done.output).is_ok_and(|bytes| sha256(&bytes) == done.output_sha256);
            doubtful |= record.status != Status::Ok || !current;
            let row = Row::of(done, &record, current);
            if args.json {
                records.push(row.json());
            } else {
                records.push(Value::String(row.line()));
            }
        }
        // What failed is in no journal: it is done again next time.
        let total = |name: &str| job.summary.as_ref().and_then(|summary| summary["totals"][name].as_u64()).unwrap_or(0);
        let missing = total("articles").saturating_sub(job.articles.len() as u64).max(total("failed"));
        if missing > 0 || job.summary.is_none() {
            doubtful = true;
            let how_many = if missing > 0 { format!("{missing} articles are") } else { "it is".to_string() };
            super::console::say(&format!("tlumach: {}: {how_many} not finished; run the job again", job.name));
        }
        if args.json {
            all.push(json!({ "job": job.name, "summary": job.summary, "articles": records }));
            continue;
        }
        writeln!(out, "{}: {} articles", job.name, records.len())?;
        writeln!(out, "{HEADING}")?;
        for line in records.iter().filter_map(Value::as_str) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut out, &all)?;
        writeln!(out)?;
    }
    for (job, path) in pages(args, &jobs) {
        write_page(job, &path).with_context(|| format!("cannot write {}", path.display()))?;
        super::console::say(&format!("tlumach: review copy of {}: {}", job.name, path.display()));
    }
    Ok(if doubtful { Ending::Findings } else { Ending::Fine })
}

fn find(folder: &Path) -> Result<Vec<Job>> {
    let state = if folder.ends_with(STATE) { folder.to_path_buf() } else { folder.join(STATE) };
    let none = || {
        format!(
            "{}: no job has its output here: expected a folder with {STATE}/ in it, made by --output DIR",
            folder.display()
        )
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&state)
        .with_context(none)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        bail!("{}", none());
    }
    let open = |path: PathBuf| {
        let journal = Journal::look(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let summary = std::fs::read(state.join(format!("{name}.summary.json"))).ok();
        let summary = summary.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(Job { name, articles: journal.articles(), journal, summary })
    };
    paths.into_iter().map(open).collect()
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

const HEADING: &str = "status    trust  segments  review  errors  warnings  output";

/// What the table says of an article.
struct Row<'r> {
    done: &'r Done,
    record: &'r ArticleRecord,
    /// Whether the output is as it was written.
    current: bool,
    review: usize,
    errors: usize,
    warnings: usize,
}

impl<'r> Row<'r> {
    fn of(done: &'r Done, record: &'r ArticleRecord, current: bool) -> Row<'r> {
        let count = |severity| record.all_findings().filter(|finding| finding.severity == severity).count();
        let review = record.segments.iter().filter(|segment| segment.needs_review).count();
        Row { done, record, current, review, errors: count(Severity::Error), warnings: count(Severity::Warning) }
    }

    fn line(&self) -> String {
        let status = match (self.current, self.record.status) {
            (false, _) => "changed",
            (true, Status::Ok) => "ok",
            (true, _) => "look at",
        };
        let trust = self.record.confidence.map_or_else(|| "-".to_string(), |trust| format!("{trust:.2}"));
        let (segments, review) = (self.record.segments.len(), self.review);
        let (errors, warnings, output) = (self.errors, self.warnings, self.done.output.display());
        format!("{status:<8} {trust:>6} {segments:>9} {review:>7} {errors:>7} {warnings:>9}  {output}")
    }

    fn json(&self) -> Value {
        json!({
            "status": self.record.status,
            "output_as_written": self.current,
            "confidence": self.record.confidence,
            "segments": self.record.segments.len(),
            "needs_review": self.review,
            "errors": self.errors,
            "warnings": self.warnings,
            "input": self.record.input,
            "output": self.done.output,
            "output_sha256": self.done.output_sha256,
            "finished": self.done.finished,
            "route": self.record.route,
            "summarizer": self.record.summarizer,
        })
    }
}

/// Where the page of each job goes.
fn pages<'j>(args: &ReportArgs, jobs: &'j [Job]) -> Vec<(&'j Job, PathBuf)> {
    let path = |job: &Job| match &args.review {
        Some(path) if jobs.len() == 1 => path.clone(),
        Some(path) => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            path.with_file_name(format!("{stem}-{}.html", job.name))
        }
        None => job.journal.path().with_file_name(format!("{}.review.html", job.name)),
    };
    jobs.iter().map(|job| (job, path(job))).collect()
}

/// All articles of a job on one page, those of its index first.
fn write_page(job: &Job, path: &Path) -> Result<()> {
    let head = head(job);
    let mut writer = review::Writer::create(path, &head, job.articles.len())?;
    let mut totals = Totals { articles: job.articles.len(), ..Totals::default() };
    for (index, done) in job.articles.iter().enumerate() {
        let Some(record) = job.journal.record(&done.name) else { continue };
        totals.with_findings += usize::from(record.status == Status::Findings);
        totals.segments += record.segments.len();
        totals.needs_review += record.segments.iter().filter(|segment| segment.needs_review).count();
        totals.source_words += record.input.words;
        // A summary has no source in its record.
        let original = record.summarizer.as_ref().and_then(|_| std::fs::read_to_string(&record.input.path).ok());
        writer.article(index, &record, original.as_deref())?;
    }
    writer.finish(&Tail { models: Vec::new(), totals })?;
    Ok(())
}

/// What the job was: from its sums, or from its name.
fn head(job: &Job) -> Head {
    let task = if job.name.starts_with("summarize") { "summarize" } else { "translate" };
    let options = job.summary.as_ref().and_then(|summary| summary.get("options")?.as_object());
    let mut options: BTreeMap<&'static str, Value> =
        options.into_iter().flatten().map(|(name, value)| (intern(name), value.clone())).collect();
    if let Some(to) = job.name.split('-').nth(1).filter(|to| *to != "own") {
        options.entry("to").or_insert_with(|| json!(to));
    }
    Head { task, options }
}
