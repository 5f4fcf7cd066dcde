//! One article on its way through a job: its bytes become a document, its document segments with a plan each.

use super::readings::{Reading, Readings};
use crate::article::{self, Format, Unit};
use crate::document::{Document, RemarkKind};
use crate::job::report::{ArticleRecord, DroppedRecord, InputRecord, LanguageRecord, SegmentRecord, Status};
use crate::job::spec::{Item, JobSpec, KeepBoilerplate, Lines, Source, Target, Work};
use crate::language::{Language, detect};
use crate::quality::{Finding, Severity};
use crate::segment::boilerplate::boilerplate;
use crate::segment::{self, Segment};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

/// What is to become of a segment.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    /// Translate it.
    Translate {
        /// The language it is read as.
        from: Language,
        /// The language it is in: another one where no model reads that.
        seen: Language,
    },
    /// Copy it; the finding, if any, says why.
    Copy(Option<Finding>),
    /// Leave it out.
    Drop,
    /// Its answer is there: see [`Article::ready`].
    Ready,
}

impl Plan {
    /// Translate from the language the segment is in.
    pub(super) fn translate(language: Language) -> Plan {
        Plan::Translate { from: language, seen: language }
    }
}

/// An article, its segments and its record.
pub(super) struct Article<'i> {
    /// Its number in the job, from 0.
    pub(super) index: usize,
    pub(super) item: Cow<'i, Item>,
    pub(super) record: ArticleRecord,
    pub(super) document: Option<Document>,
    pub(super) segments: Vec<Segment>,
    /// A plan for each segment.
    pub(super) plans: Vec<Plan>,
    pub(super) format: Format,
    pub(super) language: Language,
    /// Answers that are there before anything is translated, by segment.
    pub(super) ready: BTreeMap<usize, SegmentRecord>,
    /// The answer is a file of the article's own format.
    pub(super) keeps_format: bool,
    /// The answer, where it is handed to the caller.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Paragraphs with fewer letters than this are too short to be told from the article's language.
const MIN_LETTERS_TO_DETECT: usize = 24;
/// A paragraph in a closely related language is only believed above this confidence.
const SURE: f32 = 0.6;

/// A file with more letters than this in it should have some text.
const MOST_WITHOUT_PROSE: usize = 100;

impl<'i> Article<'i> {
    /// An article that nobody has looked at.
    pub(super) fn unread(index: usize, item: Cow<'i, Item>) -> Article<'i> {
        let input = InputRecord { path: item.input.name(), ..InputRecord::default() };
        Article {
            index,
            item,
            record: ArticleRecord::new(input),
            document: None,
            segments: Vec::new(),
            plans: Vec::new(),
            format: Format::Plain,
            language: Language::EN,
            ready: BTreeMap::new(),
            keeps_format: false,
            bytes: None,
        }
    }

    /// Reads an article, finds its language, splits it and plans each segment. What fails is in the record.
    pub(super) fn read(index: usize, item: Cow<'i, Item>, spec: &JobSpec, readings: Option<&Readings>) -> Article<'i> {
        let started = Instant::now();
        let mut article = Article::unread(index, item);
        if let Err(error) = article.try_read(spec, readings) {
            article.fail(error);
        }
        article.record.timings_ms.read = started.elapsed().as_secs_f64() * 1000.0;
        article
    }

    /// Marks the article as failed.
    pub(super) fn fail(&mut self, error: String) {
        self.record.status = Status::Failed;
        self.record.error = Some(error);
        self.document = None;
        self.segments.clear();
        self.plans.clear();
    }

    /// Where the answer goes: one that keeps the format of its article has the ending of that too.
    pub(super) fn target(&self) -> Target {
        match (&self.item.output, &self.item.input) {
            (Target::Named { before, .. }, Source::File(path)) if self.keeps_format => {
                let extension = path.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
                Target::Named { before: before.clone(), extension: extension.unwrap_or_default() }
            }
            (target, _) => target.clone(),
        }
    }

    /// Whether there is something to work on.
    pub(super) fn alive(&self) -> bool {
        self.document.is_some()
    }

    fn try_read(&mut self, spec: &JobSpec, readings: Option<&Readings>) -> Result<(), String> {
        // Standard input is read once as it is.
        let name = self.item.input.name();
        let shared = readings.filter(|_| matches!(self.item.input, Source::File(_)));
        let known = shared.and_then(|readings| readings.take(&name, spec));
        let reading = match known {
            Some(reading) => reading,
            None => {
                let mut reading = self.read_file(spec)?;
                if shared.is_some_and(|readings| !readings.keep(&name, spec, &reading)) {
                    let message =
                        "the file changed while the job ran: other outputs of the job are of an earlier version";
                    reading.findings.push(Finding::new("source_changed", Severity::Warning, message));
                }
                reading
            }
        };
        self.record.input = reading.input;
        self.record.language = reading.detected;
        self.record.findings.extend(reading.findings);
        self.format = reading.format;
        self.language = reading.language;
        self.segments = reading.segments;
        self.plans = vec![Plan::translate(self.language); self.segments.len()];
        self.document = Some(reading.document);
        self.plan_languages(spec);
        self.plan_boilerplate(spec);
        Ok(())
    }

    /// Reads the file, finds its language and splits it.
    fn read_file(&mut self, spec: &JobSpec) -> Result<Reading, String> {
        let read;
        let bytes: &[u8] = match &self.item.input {
            Source::File(path) => {
                read = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                self.format = Format::of_path(path).unwrap_or(Format::Plain);
                &read
            }
            Source::Bytes { bytes, .. } => bytes,
            Source::Unusable { reason, .. } => return Err(reason.clone()),
        };
        if let Some(format) = spec.reading.format {
            self.format = format;
        }
        if let Work::Translate { by_line: Lines::OneToOne, .. } = spec.work {
            self.format = Format::Lines;
        }
        self.record.input.bytes = bytes.len();
        self.record.input.sha256 = Some(format!("{:x}", Sha256::digest(bytes)));
        self.record.input.format = Some(self.format.name());
        let name = self.item.input.name();
        let document =
            article::read_with(bytes, self.format, &spec.reading).map_err(|error| format!("{name}: {error}"))?;
        self.record.input.words = words(&document, self.format);
        self.find_language(&document, spec.from)?;
        let segments = segment::segments(&document, self.language);
        let letters = document.text.chars().filter(|c| c.is_alphabetic()).take(MOST_WITHOUT_PROSE + 1).count();
        let plain = matches!(self.format, Format::Plain | Format::Markdown | Format::Lines);
        // A record may well have nothing in the field that others have.
        let is_file = spec.reading.unit == Unit::File;
        if segments.is_empty() && !plain && is_file && letters > MOST_WITHOUT_PROSE {
            let message = "no text to translate was found in the file: what it has is marked as not to be translated, or stands in \
                           places that are not read (docs/formats.md)";
            self.record.findings.push(Finding::new("no_prose", Severity::Warning, message));
        }
        self.record.findings.extend(remarks(&document));
        Ok(Reading {
            document,
            segments,
            input: std::mem::take(&mut self.record.input),
            format: self.format,
            language: self.language,
            detected: self.record.language.take(),
            findings: std::mem::take(&mut self.record.findings),
        })
    }

    /// The language of the article: given, or detected over all its prose.
    fn find_language(&mut self, document: &Document, given: Option<Language>) -> Result<(), String> {
        let name = self.item.input.name();
        self.language = find_language(document, given, &name, &mut self.record)?;
        Ok(())
    }

    /// Segments in another language than the article's, and segments without words.
    fn plan_languages(&mut self, spec: &JobSpec) {
        let Some(document) = &self.document else { return };
        // A language is decided for a block, not a sentence: short sentences are too easily mistaken.
        let mut blocks: Vec<Option<Language>> = vec![None; document.blocks.len()];
        for (block, language) in document.blocks.iter().zip(&mut blocks) {
            *language = block_language(&document.words(block), self.language);
        }
        for (segment, plan) in self.segments.iter().zip(&mut self.plans) {
            let only_verbatim = segment.verbatim.first() == Some(&(0..segment.text.len()));
            if only_verbatim || !segment.text.chars().any(char::is_alphabetic) {
                *plan = Plan::Copy(None);
            } else if let Some(language) = blocks[segment.block] {
                *plan = if Some(language) == spec.to {
                    Plan::Copy(Some(foreign(self.language, language, Severity::Note, "copied as it is")))
                } else {
                    Plan::translate(language)
                };
            }
        }
    }

    /// Boilerplate never enters a summary and is left out of a translation on request.
    fn plan_boilerplate(&mut self, spec: &JobSpec) {
        let drop = match spec.work {
            Work::Translate { boilerplate, .. } => boilerplate == KeepBoilerplate::Drop && self.format != Format::Lines,
            Work::Summarize { .. } => true,
        };
        let Some(document) = self.document.as_ref().filter(|_| drop) else { return };
        for found in boilerplate(document, self.language) {
            for (segment, plan) in self.segments.iter().zip(&mut self.plans) {
                if segment.span.start >= found.span.start && segment.span.end <= found.span.end {
                    *plan = Plan::Drop;
                }
            }
            self.record.dropped.push(DroppedRecord {
                kind: serde_json::to_value(found.kind)
                    .ok()
                    .and_then(|kind| kind.as_str().map(str::to_string))
                    .unwrap_or_default(),
                span: found.span,
                text: found.text,
            });
        }
    }
}

/// What the reader of a file had to say of parts of it.
pub(super) fn remarks(document: &Document) -> impl Iterator<Item = Finding> {
    document.remarks.iter().map(|remark| match remark.kind {
        RemarkKind::NotRead => {
            let message = format!("line {} was left as it is: {}", remark.line, remark.message);
            Finding::new("not_read", Severity::Error, message)
        }
        RemarkKind::FieldMissing => Finding::new("field_missing", Severity::Note, remark.message.clone()),
    })
}

/// How many words a document has for a reader; in plain text and Markdown with what its markers hold.
pub(super) fn words(document: &Document, format: Format) -> usize {
    match format {
        Format::Plain | Format::Markdown | Format::Lines => document.text.split_whitespace().count(),
        _ => document.blocks.iter().map(|block| document.words(block).split_whitespace().count()).sum(),
    }
}

/// The language of a text, called `name` in messages: given, or detected over all its prose. What was found is recorded.
///
/// # Errors
/// There is too little text to tell.
pub(super) fn find_language(
    document: &Document,
    given: Option<Language>,
    name: &str,
    record: &mut ArticleRecord,
) -> Result<Language, String> {
    let prose: String = document.blocks.iter().flat_map(|block| [document.words(block), "\n".to_string()]).collect();
    let detected = detect::detect(&prose);
    let used = match (given, detected) {
        (Some(given), _) => given,
        (None, Some(detected)) => detected.language,
        // Nothing to go by (numbers, an empty file) means nothing to translate either.
        (None, None) if !prose.chars().any(char::is_alphabetic) => Language::EN,
        (None, None) => return Err(format!("{name}: cannot tell the language: too little text; say it with --from")),
    };
    record.language = Some(LanguageRecord {
        used,
        detected: detected.map(|d| d.language),
        confidence: detected.map(|d| d.confidence),
        given: given.is_some(),
    });
    if let (Some(given), Some(detected)) = (given, detected)
        && detected.language != given
        && detected.confidence >= SURE
    {
        let message = format!("the article was given as {given} but looks like {}", detected.language);
        record.findings.push(Finding::new("language_differs", Severity::Warning, message));
    }
    Ok(used)
}

/// The language of a paragraph, if it is surely another one than `main`.
pub(super) fn block_language(text: &str, main: Language) -> Option<Language> {
    if text.chars().filter(|c| c.is_alphabetic()).count() < MIN_LETTERS_TO_DETECT {
        return None;
    }
    detect::detect_among(text, main)
        .filter(|found| found.language != main && found.confidence >= SURE)
        .map(|found| found.language)
}

/// The finding of a segment in another language than its article.
pub(super) fn foreign(article: Language, found: Language, severity: Severity, what: &str) -> Finding {
    let message = format!("the paragraph is in {found}, not in the article's language {article}: {what}");
    Finding::new("foreign_language", severity, message)
}
