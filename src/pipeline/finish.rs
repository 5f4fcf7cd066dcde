//! The end of a translated article: the answers are joined, accounted for and written, and the record is filled.

use super::article::{Article, Plan, foreign};
use super::ladder::Settled;
use super::record_route;
use super::typeset::typeset;
use super::unit::{HopDone, Translated};
use super::write::{Release, Written};
use crate::article::Format;
use crate::job::report::{ArticleRecord, OutcomeRecord, SegmentHopRecord, SegmentRecord};
use crate::job::spec::{self, JobSpec, Typography};
use crate::language::Language;
use crate::quality::{self, Finding, Severity};
use crate::segment::{NoteKind, Outcome, Phrase, Segment};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Checks, joins, writes and records one article.
pub(super) fn finish(article: &mut Article<'_>, mut parts: BTreeMap<usize, Settled>, to: Language, spec: &JobSpec) {
    let mut outcomes = Vec::with_capacity(article.segments.len());
    // Models that were asked where words come from and do not know.
    let mut silent = BTreeSet::new();
    let mut phrases = BTreeMap::new();
    for (index, (segment, plan)) in article.segments.iter().zip(&article.plans).enumerate() {
        let mut record =
            SegmentRecord { span: segment.span.clone(), ..SegmentRecord::new(segment.text.clone(), String::new()) };
        let outcome = match plan {
            Plan::Copy(finding) => {
                record.output.clone_from(&segment.text);
                record.findings.extend(finding.clone());
                Outcome::Copied
            }
            Plan::Drop => {
                record.outcome = OutcomeRecord::Dropped;
                Outcome::Dropped
            }
            Plan::Ready => {
                record = article.ready.remove(&index).unwrap_or(record);
                Outcome::Translated(record.output.clone())
            }
            Plan::Translate { from, seen } => {
                let Settled { translated: mut part, findings, confidence, attempts, phrases: held, .. } =
                    parts.remove(&index).unwrap_or_default();
                if !held.is_empty() {
                    phrases.insert(index, held);
                }
                record.attempts = attempts;
                record.confidence = confidence;
                article.record.tokens.source += part.answer.source_tokens;
                article.record.tokens.target += part.answer.target_tokens;
                if *seen != article.language {
                    record.language = Some(*seen);
                    let what = if seen == from {
                        "translated from that language".to_string()
                    } else {
                        format!("no model reads it, so it was read as {from}")
                    };
                    record.findings.push(foreign(article.language, *seen, Severity::Warning, &what));
                }
                record_route(&mut article.record, part.hops.iter().map(|hop| hop.record.clone()));
                let (hops, alignment) = (std::mem::take(&mut part.hops), part.alignment.take());
                let outcome = decide(segment, part, findings, &mut record);
                if record.outcome == OutcomeRecord::Translated {
                    silent.extend(hops.iter().filter(|hop| hop.unaligned).map(|hop| hop.record.model.clone()));
                    record.alignment = alignment.map(|found| found.record(&record.source, &record.output));
                }
                record.hops = hop_records(&hops, &record);
                outcome
            }
        };
        article.record.segments.push(record);
        outcomes.push(outcome);
    }
    for model in silent {
        let message = format!("model {model} has no alignments: expected a model that was trained to align words");
        article.record.findings.push(Finding::new("alignments_missing", Severity::Note, message));
    }
    if spec.typography == Typography::Auto {
        let mut segments = Cow::Borrowed(article.segments.as_slice());
        for (index, _) in article.plans.iter().enumerate().filter(|(_, plan)| **plan == Plan::Ready) {
            // A summary stays as its model wrote it, like an answer that came back as it was.
            segments.to_mut()[index].text.clone_from(&article.record.segments[index].output);
        }
        typeset(&segments, &mut article.record.segments, &mut outcomes, (article.format, to));
    }
    // Lines need not be of one article.
    if article.format != Format::Lines {
        check_names(&mut article.record.segments, (article.language, to));
    }
    if let Err(error) = write_translation(article, &outcomes, &phrases, to, spec) {
        let name = article.item.input.name();
        article.fail(format!("{name}: {error}"));
    }
}

/// Whether a segment is a translation; a summary has no source of its own.
fn has_source(segment: &SegmentRecord) -> bool {
    segment.outcome == OutcomeRecord::Translated && !segment.source.is_empty()
}

/// Adds the findings about names that are written in two ways in the segments of an article.
pub(super) fn check_names(segments: &mut [SegmentRecord], (main, to): (Language, Language)) {
    let translated: Vec<usize> = (0..segments.len()).filter(|&index| has_source(&segments[index])).collect();
    let pair = |&index: &usize| {
        let segment = &segments[index];
        quality::Pair { source: &segment.source, output: &segment.output, from: segment.language.unwrap_or(main), to }
    };
    let pairs: Vec<quality::Pair<'_>> = translated.iter().map(pair).collect();
    for (place, finding) in quality::check_names(&pairs) {
        segments[translated[place]].findings.push(finding);
    }
}

/// What the report says of the hops of a segment, if there were several.
fn hop_records(hops: &[HopDone], record: &SegmentRecord) -> Vec<SegmentHopRecord> {
    if hops.len() < 2 {
        return Vec::new();
    }
    // Each hop reads what the one before wrote; where that is not known as one text, nothing is said of its words.
    let between = record.intermediate.iter().map(String::as_str);
    let texts: Vec<&str> =
        [record.source.as_str()].into_iter().chain(between).chain([record.output.as_str()]).collect();
    let known = record.outcome == OutcomeRecord::Translated && texts.len() == hops.len() + 1;
    let one = |(index, hop): (usize, &HopDone)| SegmentHopRecord {
        hop: hop.record.clone(),
        mean_log_probability: hop.mean_log_probability(),
        alignment: hop.alignment.as_ref().filter(|_| known).map(|found| found.record(texts[index], texts[index + 1])),
    };
    hops.iter().enumerate().map(one).collect()
}

/// Joins and writes one article.
fn write_translation(
    article: &mut Article<'_>,
    outcomes: &[Outcome],
    phrases: &BTreeMap<usize, Vec<Phrase>>,
    to: Language,
    spec: &JobSpec,
) -> Result<(), String> {
    let Some(document) = &mut article.document else { return Ok(()) };
    // An article that went out as it came is in the language that it says.
    let is_other = |(segment, outcome): (&Segment, &Outcome)| match outcome {
        Outcome::Translated(output) => *output != segment.text,
        _ => false,
    };
    if article.segments.iter().zip(outcomes).any(is_other) {
        document.set_language(article.language, to);
    }
    let changed = article.segments.iter().zip(outcomes).filter_map(|(segment, outcome)| match outcome {
        Outcome::Translated(output) if *output != segment.text => Some((segment.block, output.as_str())),
        _ => None,
    });
    crate::article::prepare(document, article.format, changed);
    let document = &*document;
    let joined =
        crate::segment::join_with(document, &article.segments, outcomes, phrases).map_err(|error| error.to_string())?;
    let account = super::accounting::balance(document, article.format, &article.record.segments, &joined)?;
    article.record.accounting = Some(account);
    let text = crate::article::settle(document, article.format, &joined.text);
    // Lines that were broken anew may have moved what stands behind them.
    let blank = |(old, new): (u8, u8)| old == new || old.is_ascii_whitespace() && new.is_ascii_whitespace();
    let moved = text.len() != joined.text.len() || !joined.text.bytes().zip(text.bytes()).all(blank);
    for (line, message) in crate::article::subtitle_findings(document, article.format, &text) {
        let message = format!("line {line} of the output: {message}");
        article.record.findings.push(Finding::new("subtitle_too_long", Severity::Note, message));
    }
    for (record, span) in article.record.segments.iter_mut().zip(joined.spans) {
        record.output_span = (!moved).then_some(span);
    }
    for note in joined.notes {
        article.record.segments[note.segment].findings.push(placed(note.kind));
    }
    let bytes = crate::article::write(document, &text).map_err(|error| error.to_string())?;
    let sha256 = super::recall::sha256(&bytes);
    let release = release(&mut article.record, spec);
    match super::write::write(&article.target(), to, bytes, spec.staging.as_deref(), release)? {
        Written::File(path) => {
            article.record.output = Some(path);
            article.record.output_sha256 = Some(sha256);
        }
        Written::Caller(bytes) => article.bytes = Some(bytes),
        Written::Nowhere => {}
    }
    Ok(())
}

/// Whether an article goes out, by what was found in it.
pub(super) fn release(record: &mut ArticleRecord, spec: &JobSpec) -> Release {
    if spec.release == spec::Release::All {
        return Release::Out;
    }
    let errors = record.all_findings().filter(|finding| finding.severity == Severity::Error).count();
    if errors == 0 {
        return Release::Out;
    }
    let message = format!("held back, since errors were found in it ({errors}): a person has to look at it first");
    record.findings.push(Finding::new("held_back", Severity::Warning, message));
    Release::Held
}

/// Decides what goes out of an answer and what the checks said of it.
fn decide(segment: &Segment, part: Translated, found: Vec<Finding>, record: &mut SegmentRecord) -> Outcome {
    record.intermediate = part.intermediate;
    record.score = part.score;
    record.retry = part.retry;
    record.origin = part.origin;
    if let Some(error) = part.answer.error {
        record.outcome = OutcomeRecord::Failed;
        record.output.clone_from(&segment.text);
        let message = format!("the source was copied: {error}");
        let whole = 0..segment.text.len();
        record.findings.push(Finding::new("not_translated", Severity::Error, message).in_source(whole));
        return Outcome::Copied;
    }
    for removed in part.answer.cleaned {
        let message = format!("the model's answer had {removed} around the translation; it was cut off");
        record.findings.push(Finding::new("answer_cleaned", Severity::Note, message));
    }
    record.findings.extend(found);
    if part.answer.text.trim().is_empty() {
        // An empty translation would lose the sentence: the source goes out, marked.
        record.outcome = OutcomeRecord::Failed;
        record.output.clone_from(&segment.text);
        if record.findings.is_empty() {
            let message = "the source was copied: there is no answer";
            record.findings.push(Finding::new("not_translated", Severity::Error, message));
        }
        return Outcome::Copied;
    }
    record.outcome = OutcomeRecord::Translated;
    record.output.clone_from(&part.answer.text);
    Outcome::Translated(part.answer.text)
}

/// What the report says of how a segment was put back into its document.
fn placed(kind: NoteKind) -> Finding {
    let (code, severity, message) = match kind {
        NoteKind::MarkupEstimated => {
            ("markup_estimated", Severity::Note, "the place of markup inside the sentence is an estimate")
        }
        NoteKind::VerbatimRestored => (
            "verbatim_restored",
            Severity::Warning,
            "code or an address got lost and was put in again, perhaps elsewhere",
        ),
        NoteKind::BreakLost => ("break_lost", Severity::Note, "a line break inside the sentence has no place any more"),
        _ => ("placed", Severity::Note, "the segment was not put back exactly as it stood"),
    };
    Finding::new(code, severity, message)
}
