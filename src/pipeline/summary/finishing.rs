//! The checks of a candidate, and the end of a summary: the best candidate is written and the record is filled.

use super::super::article::Article;
use super::super::models::Summarizer;
use super::super::record_route;
use super::super::write::{self, Written};
use super::Draft;
use super::drafting::instructions;
use super::ladder::{Candidate, Step, WEAK};
use crate::job::report::{OutcomeRecord, SegmentRecord, Status, SummaryRecord};
use crate::job::spec::JobSpec;
use crate::language::Language;
use crate::quality::{self, Finding, Severity, SummaryCheck, SummaryOrigin};
use crate::segment::sentence_ranges;
use crate::token::SummaryLength;

/// What is found in a draft before it is translated and is still true of the translation, where it can be seen no more.
const LASTING: &[&str] = &[
    "name_new",
    "number_new",
    "quote_new",
    "quote_marks_new",
    "copied_lead",
    "copied_article",
    "meta_talk",
    "instruction_echo",
    "boilerplate_leak",
];

fn check(draft: &Draft, candidate: &Candidate, to: Language, request: (SummaryLength, SummaryOrigin)) -> Vec<Finding> {
    let dropped: Vec<&str> = draft.dropped.iter().map(String::as_str).collect();
    let told = candidate.step.map_or(String::new(), |step| instructions(draft, step, request.0));
    let check = SummaryCheck {
        from: draft.from,
        to,
        sentences: request.0.sentences(),
        origin: request.1,
        boilerplate: &dropped,
        instructions: &told,
    };
    quality::check_summary(&draft.source, &candidate.text, &check)
}

/// Looks at a draft that is about to be translated.
pub(super) fn judge_before_translation(draft: &Draft, candidate: &mut Candidate) {
    let language = candidate.language.unwrap_or(draft.to);
    let origin = if candidate.extracted { SummaryOrigin::Extracted } else { SummaryOrigin::Written };
    // Of its length the translation tells.
    let found = check(draft, candidate, language, (SummaryLength::Long, origin));
    candidate.before = found
        .into_iter()
        .filter(|finding| LASTING.contains(&finding.code))
        .map(|finding| {
            let message = format!("in the draft in {language}: {}", finding.message);
            Finding::new(finding.code, finding.severity, message)
        })
        .collect();
}

/// Looks at a candidate.
pub(super) fn judge(draft: &Draft, candidate: &mut Candidate, length: SummaryLength) {
    if candidate.cancelled {
        return;
    }
    let translated = candidate.intermediate.is_some();
    let origin = if candidate.extracted && !translated { SummaryOrigin::Extracted } else { SummaryOrigin::Written };
    let found = check(draft, candidate, draft.to, (length, origin));
    // The check of each translated sentence may have found the same.
    candidate
        .findings
        .retain(|finding| !found.iter().any(|other| other.code == finding.code && overlaps(other, finding)));
    let lasting = std::mem::take(&mut candidate.before);
    let unseen = lasting.into_iter().filter(|finding| found.iter().all(|other| other.code != finding.code));
    candidate.findings.extend(unseen);
    candidate.findings.extend(found);
    if let Some(weak) = &candidate.weak {
        let message = format!("a person has to read this: {weak}");
        candidate.findings.push(Finding::new(WEAK, Severity::Warning, message));
    }
}

/// Whether two findings are about the same place; one without a place is about all of it.
fn overlaps(one: &Finding, other: &Finding) -> bool {
    match (&one.output, &other.output) {
        (Some(a), Some(b)) => a.start < b.end && b.start < a.end || a == b,
        _ => true,
    }
}

/// Writes and records one summary.
pub(super) fn finish(article: &mut Article<'_>, draft: Draft, summarizer: &Summarizer, spec: &JobSpec) {
    let Some((record, language)) = record(article, draft, summarizer) else { return };
    let text = record.output.clone();
    article.record.segments.push(record);
    let bytes = if text.is_empty() { Vec::new() } else { format!("{text}\n").into_bytes() };
    let sha256 = super::super::recall::sha256(&bytes);
    let release = super::super::finish::release(&mut article.record, spec);
    match write::write(&article.item.output, language, bytes, spec.staging.as_deref(), release) {
        Ok(Written::File(path)) => {
            article.record.output = Some(path);
            article.record.output_sha256 = Some(sha256);
        }
        Ok(Written::Caller(bytes)) => article.bytes = Some(bytes),
        Ok(Written::Nowhere) => {}
        Err(error) => {
            let name = article.item.input.name();
            article.fail(format!("{name}: {error}"));
        }
    }
}

/// The best candidate of a draft as the segment of a report, with its language; none where the job was stopped.
pub(super) fn record(
    article: &mut Article<'_>,
    draft: Draft,
    summarizer: &Summarizer,
) -> Option<(SegmentRecord, Language)> {
    if draft.cancelled {
        article.record.status = Status::Cancelled;
        return None;
    }
    article.record.tokens.source += draft.source_tokens;
    article.record.tokens.target += draft.target_tokens;
    let reasons = draft.ladder.reasons();
    let (kept, attempts) = draft.ladder.finish();
    let mut kept = kept.unwrap_or_default();
    match summarizer {
        // One of several summaries by a model is enough to name it.
        Summarizer::Model(engine) if !kept.extracted => article.record.summarizer = Some(engine.name.clone()),
        _ => drop(article.record.summarizer.get_or_insert_with(|| "extractive".into())),
    }
    if let Some(fallback) = fallback(&kept, summarizer, &reasons) {
        if draft.part.is_some() {
            kept.findings.push(fallback);
        } else {
            article.record.findings.push(fallback);
        }
    }
    record_route(&mut article.record, kept.hops.iter().cloned());
    let language = kept.language.unwrap_or(draft.to);
    let summary = kept.step.map(|step| SummaryRecord {
        path: step.name(),
        sentences: sentence_ranges(&kept.text, language).len(),
        copied: (language == draft.from).then(|| quality::copied(&draft.source, &kept.text, language)),
    });
    if draft.part.is_none() {
        article.record.summary = summary;
    }
    let text = kept.text.trim().to_string();
    let span = article.document.as_ref().map_or(0..0, |document| 0..document.text.len());
    let record = SegmentRecord {
        span,
        output_span: Some(0..text.len()),
        outcome: OutcomeRecord::Translated,
        score: kept.score,
        intermediate: kept.intermediate.clone().into_iter().collect(),
        attempts,
        findings: kept.findings,
        ..SegmentRecord::new(String::new(), text)
    };
    Some((record, language))
}

/// Says that the article's own sentences stand in for what a model should have written.
fn fallback(kept: &Candidate, summarizer: &Summarizer, reasons: &str) -> Option<Finding> {
    if kept.step != Some(Step::Extractive) {
        return None;
    }
    let (severity, why) = match summarizer {
        Summarizer::Model(_) => (Severity::Warning, reasons),
        Summarizer::Extractive(why) => (Severity::Note, why.as_deref()?),
    };
    Some(Finding::new("extractive_fallback", severity, format!("made of the article's own sentences: {why}")))
}
