//! What is written about a job: one JSON object, described in `docs/job.md`.
//!
//! A [`Writer`] appends each article as soon as it is finished, so that a job over many articles holds none of them in
//! memory and a killed one leaves what it had; the file gets its name, and the articles the order of the inputs, only when
//! the job has ended.

use super::spool::{Ending, Spool};
use crate::intern::Name;
use crate::language::Language;
use crate::quality::{Copied, Finding, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Version of the schema; it grows with every change that a reader could notice.
pub const SCHEMA_VERSION: u32 = 1;

/// The part of a report that is known before the first article.
#[derive(Debug, Clone, Serialize)]
pub struct Head {
    /// `translate`, `summarize` or `check`.
    pub task: &'static str,
    /// The options in force, by their command-line names.
    pub options: BTreeMap<&'static str, serde_json::Value>,
}

/// The part of a report that is known after the last article.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tail {
    /// Every model that was used.
    pub models: Vec<ModelRecord>,
    /// Sums over the articles.
    pub totals: Totals,
}

/// A model as it was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelRecord {
    /// Name of its card, or its path.
    pub name: String,
    /// Its family.
    pub family: String,
    /// Commit of its repository, if known.
    pub revision: Option<String>,
    /// Its licence, if known.
    pub license: Option<String>,
    /// The sha256 of each of its files, as verified.
    pub sha256: BTreeMap<String, String>,
}

/// Sums over the articles of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Articles of the job.
    pub articles: usize,
    /// Articles that could not be finished.
    pub failed: usize,
    /// Articles with a finding of severity warning or error.
    pub with_findings: usize,
    /// Articles that were made in an earlier run and did not change; they count in the sums above and below.
    pub reused: usize,
    /// Segments.
    pub segments: usize,
    /// Of the segments of the other articles, those whose answer was known from an earlier run, the cache or a translation
    /// memory.
    pub remembered: usize,
    /// Segments that a person has to look at.
    pub needs_review: usize,
    /// Words of the inputs, counted by white space.
    pub source_words: usize,
    /// Tokens read, over all hops.
    pub source_tokens: usize,
    /// Tokens written, over all hops.
    pub target_tokens: usize,
    /// Wall time of the job in milliseconds, loading included.
    pub elapsed_ms: u64,
    /// Of it, finding and loading models.
    pub load_ms: u64,
    /// Terms of the glossary, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<TermTotals>,
}

impl Totals {
    /// Adds those of another part of a job.
    pub fn add(&mut self, more: &Totals) {
        self.articles += more.articles;
        self.failed += more.failed;
        self.with_findings += more.with_findings;
        self.reused += more.reused;
        self.segments += more.segments;
        self.remembered += more.remembered;
        self.needs_review += more.needs_review;
        self.source_words += more.source_words;
        self.source_tokens += more.source_tokens;
        self.target_tokens += more.target_tokens;
        self.elapsed_ms += more.elapsed_ms;
        self.load_ms += more.load_ms;
        if let Some(terms) = more.terms {
            self.terms.get_or_insert_default().add(terms);
        }
    }
}

/// How often an output has what the glossary asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermTotals {
    /// Terms of sources whose translation is one of the glossary's.
    pub hits: usize,
    /// Terms of sources whose translation is not.
    pub misses: usize,
}

impl TermTotals {
    /// Adds those of another.
    pub fn add(&mut self, other: TermTotals) {
        self.hits += other.hits;
        self.misses += other.misses;
    }
}

/// A term of the glossary in a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermRecord {
    /// Bytes of the segment's source.
    pub source: Range<usize>,
    /// The term as the glossary has it.
    pub term: String,
    /// What may stand for it, the preferred form first.
    pub expected: Vec<String>,
    /// What stands for it; null if it was missed.
    pub found: Option<String>,
    /// Bytes of the segment's output; null likewise.
    pub output: Option<Range<usize>>,
}

/// How an article ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Written, nothing to say.
    Ok,
    /// Written; a person should look at the findings.
    Findings,
    /// Not written.
    Failed,
    /// Not written: the job was stopped.
    Cancelled,
}

/// One article.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ArticleRecord {
    /// The input.
    pub input: InputRecord,
    /// The file that was written, if any.
    pub output: Option<PathBuf>,
    /// The sha256 of that file as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_sha256: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its language.
    pub language: Option<LanguageRecord>,
    /// The hops its segments took.
    pub route: Vec<HopRecord>,
    /// Which summarizer made the answer: a model's name, or `extractive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summarizer: Option<String>,
    /// What became of every byte of the input; of translations that were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounting: Option<AccountRecord>,
    /// What the summary is, if one was asked for and made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<SummaryRecord>,
    /// Tokens read and written.
    pub tokens: Tokens,
    /// Terms of the glossary, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<TermTotals>,
    /// Where the time went. Segments of many articles share their batches: `decode` is this article's share by tokens.
    pub timings_ms: Timings,
    /// How much it can be trusted, 0 to 1: the mean of its segments by their lengths; null where none was translated.
    pub confidence: Option<f32>,
    /// Whether it was made in an earlier run and nothing has changed since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// Findings about the article as a whole.
    pub findings: Vec<Finding>,
    /// What was left out on request.
    pub dropped: Vec<DroppedRecord>,
    /// The segments, in order.
    pub segments: Vec<SegmentRecord>,
}

impl ArticleRecord {
    /// An article about which nothing is known yet.
    pub fn new(input: InputRecord) -> ArticleRecord {
        ArticleRecord {
            input,
            output: None,
            output_sha256: None,
            status: Status::Ok,
            error: None,
            language: None,
            route: Vec::new(),
            summarizer: None,
            accounting: None,
            summary: None,
            tokens: Tokens::default(),
            terms: None,
            timings_ms: Timings::default(),
            confidence: None,
            reused: false,
            findings: Vec::new(),
            dropped: Vec::new(),
            segments: Vec::new(),
        }
    }

    /// All findings, those of the article first.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().chain(self.segments.iter().flat_map(|segment| &segment.findings))
    }

    /// Sets the status from the findings, unless the article failed or was cancelled.
    pub fn settle(&mut self) {
        for segment in &mut self.segments {
            let worst = segment.findings.iter().map(|finding| finding.severity).max();
            segment.needs_review = segment.outcome == OutcomeRecord::Failed || worst >= Some(Severity::Warning);
        }
        self.confidence = confidence(&self.segments);
        if matches!(self.status, Status::Ok | Status::Findings) {
            let worst = self.all_findings().map(|finding| finding.severity).max();
            self.status = if worst.is_some_and(|w| w >= Severity::Warning) { Status::Findings } else { Status::Ok };
        }
    }
}

/// The mean of the segments' confidences by the bytes of their sources; failed ones count as none.
fn confidence(segments: &[SegmentRecord]) -> Option<f32> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for segment in segments {
        let known = if segment.outcome == OutcomeRecord::Failed { Some(0.0) } else { segment.confidence };
        // A summary has no source of its own.
        let bytes = segment.source.len().max(1) as f32;
        sum += known.unwrap_or_default() * bytes;
        weight += if known.is_some() { bytes } else { 0.0 };
    }
    (weight > 0.0).then(|| sum / weight)
}

/// An input.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct InputRecord {
    /// Path or name.
    pub path: String,
    /// Size in bytes.
    pub bytes: usize,
    /// Words, counted by white space.
    pub words: usize,
    /// Its sha256, in hexadecimal.
    pub sha256: Option<String>,
    /// `plain`, `markdown` or `lines`.
    #[serde(deserialize_with = "crate::intern::option")]
    pub format: Option<Name>,
}

/// The language of an article.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LanguageRecord {
    /// The language that was used.
    pub used: Language,
    /// What detection said, if it said anything.
    pub detected: Option<Language>,
    /// How sure detection was, from 0 to 1.
    pub confidence: Option<f32>,
    /// Whether `used` was given by the user.
    pub given: bool,
}

/// One hop of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopRecord {
    /// Language read.
    pub from: Language,
    /// Language written.
    pub to: Language,
    /// Name of the model.
    pub model: String,
}

/// One hop of one segment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SegmentHopRecord {
    /// The languages and the model.
    #[serde(flatten)]
    pub hop: HopRecord,
    /// Mean of the log-probabilities of its tokens, the end token included; null if none was scored.
    pub mean_log_probability: Option<f32>,
    /// Where the words of its answer come from, if that was asked for and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<AlignmentRecord>,
}

/// Where the words of an answer come from. Ranges are `[begin, end]` in bytes, tokens are numbered from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignmentRecord {
    /// Each token of the text that was read; begin and end are equal for those that stand for no text, such as the end.
    pub source: Vec<[usize; 2]>,
    /// Each token of the answer.
    pub target: Vec<[usize; 2]>,
    /// Token of the answer, token of the text, and how much the one looked at the other, where that is 0.01 or more.
    pub matrix: Vec<(usize, usize, f32)>,
    /// For each token of the answer the one of the text that it looked at most, if both stand for text.
    pub links: Vec<Option<usize>>,
    /// The links between words: range in the text, range in the answer.
    pub words: Vec<[[usize; 2]; 2]>,
}

/// Tokens of an article, over all hops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Tokens read.
    pub source: usize,
    /// Tokens written.
    pub target: usize,
}

/// Where the time of an article went, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Reading, detecting, splitting.
    pub read: f64,
    /// The models' work, shared out by tokens.
    pub decode: f64,
    /// Checking, joining, writing.
    pub write: f64,
}

/// The accounts of a translated article: the bytes of the four outcomes and those between segments are those of the input
/// without its byte order mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// Translated.
    pub translated: ShareRecord,
    /// Copied on purpose.
    pub copied: ShareRecord,
    /// Left out on request.
    pub dropped: ShareRecord,
    /// The model failed; the source was copied.
    pub failed: ShareRecord,
    /// Bytes between segments, which went out as they were: white space, markup, code.
    pub between_bytes: usize,
}

/// A share of an article.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRecord {
    /// Segments.
    pub segments: usize,
    /// Bytes of the input.
    pub bytes: usize,
}

/// Something that was left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DroppedRecord {
    /// What kind of boilerplate it is.
    pub kind: String,
    /// Byte range in the input, after its byte order mark.
    pub span: Range<usize>,
    /// The text.
    pub text: String,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeRecord {
    /// Translated.
    Translated,
    /// Copied on purpose; a finding says why.
    Copied,
    /// Left out on request.
    Dropped,
    /// The model failed on it; the source was copied and a finding says why.
    Failed,
}

/// One attempt at a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The step of the retry ladder; `first` is the one before it.
    #[serde(deserialize_with = "crate::intern::name")]
    pub step: Name,
    /// What it answered; absent for the attempt that was kept, whose output the segment has, and for one that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Geometric mean of the tokens' probabilities, 0 to 1.
    pub score: Option<f32>,
    /// Codes of the findings about it.
    #[serde(deserialize_with = "crate::intern::list")]
    pub findings: Vec<Name>,
    /// Whether its answer was kept.
    pub kept: bool,
}

/// One segment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// Byte range in the input, after its byte order mark.
    pub span: Range<usize>,
    /// What the model read.
    pub source: String,
    /// What was written.
    pub output: String,
    /// Byte range in the output, before a byte order mark is put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_span: Option<Range<usize>>,
    /// What became of it.
    pub outcome: OutcomeRecord,
    /// Geometric mean of the tokens' probabilities, 0 to 1; with two hops the lower of the two.
    pub score: Option<f32>,
    /// How much it can be trusted, 0 to 1, from the score, the length and the findings; see `docs/quality.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Its language, if it is not that of the article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What came out of each hop but the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intermediate: Vec<String>,
    /// Each hop with its score, if there were several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<SegmentHopRecord>,
    /// Where the words of the output come from, if that was asked for and is known; over all hops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<AlignmentRecord>,
    /// Terms of the glossary in the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<TermRecord>,
    /// Which step of the retry ladder made the output, if not the first.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::intern::option")]
    pub retry: Option<Name>,
    /// Where the answer came from, if no model made it in this run: `journal` (an earlier run of the job), `cache` (any
    /// earlier job) or `memory` (a translation memory).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::intern::option")]
    pub origin: Option<Name>,
    /// Every attempt in the order in which they were made, if there were several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptRecord>,
    /// Whether a person has to look: it failed, or has a finding of severity warning or error.
    pub needs_review: bool,
    /// Findings.
    pub findings: Vec<Finding>,
}

impl SegmentRecord {
    /// A segment of which nothing but its texts is known.
    pub fn new(source: String, output: String) -> SegmentRecord {
        SegmentRecord {
            span: 0..0,
            source,
            output,
            output_span: None,
            outcome: OutcomeRecord::Copied,
            score: None,
            confidence: None,
            language: None,
            intermediate: Vec::new(),
            hops: Vec::new(),
            alignment: None,
            terms: Vec::new(),
            retry: None,
            origin: None,
            attempts: Vec::new(),
            needs_review: false,
            findings: Vec::new(),
        }
    }
}

/// What a summary is, in figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRecord {
    /// The step of the ladder that made it.
    #[serde(deserialize_with = "crate::intern::name")]
    pub path: Name,
    /// Its sentences.
    pub sentences: usize,
    /// How much of it stands word for word in the article, and in the article's first sentences; absent where it is in
    /// another language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<Copied>,
}

/// Writes a report article by article.
#[derive(Debug)]
pub struct Writer {
    spool: Spool,
}

impl Writer {
    /// Begins a report that will be at `path`.
    ///
    /// # Errors
    /// The folder of `path` cannot be written to.
    pub fn create(path: &Path, head: &Head) -> std::io::Result<Writer> {
        let options = serde_json::to_string(&head.options)?;
        let head = format!(
            "{{\n\"schema\": \"tlumach.report\",\n\"schema_version\": {SCHEMA_VERSION},\n\"program\": {{\"name\": \"tlumach\", \"version\": \"{}\"}},\n\"task\": \"{}\",\n\"options\": {options},\n\"articles\": [\n",
            env!("CARGO_PKG_VERSION"),
            head.task,
        );
        Ok(Writer { spool: Spool::create(path, head.as_bytes(), b",\n")? })
    }

    /// Adds the article with the number `index` in the job; they may come in any order.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn article(&mut self, index: usize, record: &ArticleRecord) -> std::io::Result<()> {
        self.spool.append(index, |out| serde_json::to_writer(out, record).map_err(Into::into))
    }

    /// Takes the report back: the job could not run.
    pub fn discard(self) {
        self.spool.discard();
    }

    /// Ends the report, with the articles in their order, and puts it at its path.
    ///
    /// # Errors
    /// The file cannot be written or moved to its place.
    pub fn finish(self, tail: &Tail) -> std::io::Result<()> {
        let models = serde_json::to_string(&tail.models)?;
        let totals = serde_json::to_string(&tail.totals)?;
        let tail = format!("\n],\n\"models\": {models},\n\"totals\": {totals}\n}}\n");
        self.spool.finish(Ending { head: None, tail: tail.as_bytes() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_report_is_one_json_object_with_its_articles() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let head = Head { task: "translate", options: BTreeMap::from([("to", "en".into())]) };
        let mut writer = Writer::create(&path, &head).unwrap();
        assert!(!path.exists(), "nothing stands at the path before the job has ended");
        assert!(folder.path().join("report.json.partial").exists());
        for (index, name) in ["one", "two"].into_iter().enumerate() {
            writer.article(index, &record(name)).unwrap();
        }
        writer.finish(&Tail::default()).unwrap();
        let report = read(&path);
        assert_eq!(report["schema_version"], SCHEMA_VERSION);
        assert_eq!(report["articles"][1]["input"]["path"], "two");
    }

    #[test]
    fn articles_stand_in_the_order_of_the_inputs_whenever_they_were_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let mut in_order = Writer::create(&path, &Head { task: "translate", options: BTreeMap::new() }).unwrap();
        for index in 0..4 {
            in_order.article(index, &record(&index.to_string())).unwrap();
        }
        in_order.finish(&Tail::default()).unwrap();
        let expected = std::fs::read(&path).unwrap();
        let mut writer = Writer::create(&path, &Head { task: "translate", options: BTreeMap::new() }).unwrap();
        for index in [2, 0, 3, 1] {
            writer.article(index, &record(&index.to_string())).unwrap();
            // What is there so far is whole.
            let partial = std::fs::read_to_string(folder.path().join("report.json.partial")).unwrap();
            let closed: serde_json::Value = serde_json::from_str(&format!("{partial}]}}")).unwrap();
            assert_eq!(closed["articles"].as_array().unwrap().last().unwrap()["input"]["path"], index.to_string());
        }
        writer.finish(&Tail::default()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    fn record(name: &str) -> ArticleRecord {
        ArticleRecord::new(InputRecord { path: name.into(), ..InputRecord::default() })
    }

    fn read(path: &Path) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }
}
