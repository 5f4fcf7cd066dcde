//! Summarizing a window of articles: whole, or in parts and then as a whole; in the language asked for, or in English
//! and then translated where the model writes that language badly; by the article's own sentences without a model.

use super::article::{Article, Plan};
use super::finish::ended;
use super::models::Summarizer;
use super::run::{Answer, Ask, Effort, summary_tokens};
use super::write::Written;
use super::{Pipeline, PipelineError, record_route};
use crate::decode::Finish;
use crate::job::report::{OutcomeRecord, SegmentRecord, Status};
use crate::language::{Language, detect};
use crate::quality::{self, Finding, Severity, SummaryCheck, SummaryOrigin};
use crate::registry::load::Loaded;
use crate::segment::sentence_ranges;
use crate::summarize::{extractive, plan};
use crate::token::{SummaryLength, SummaryStage, Task};
use std::time::Instant;

/// An article of the window on its way to a summary.
struct Draft {
    /// Index of the article in the window.
    article: usize,
    /// Language of the answer.
    to: Language,
    /// Language in which it is written first.
    write_in: Language,
    /// The article's paragraphs without boilerplate, in order.
    paragraphs: Vec<String>,
    /// What the next round summarizes, in parts that fit the model.
    texts: Vec<String>,
    stage: SummaryStage,
    /// All rounds together.
    answer: Answer,
    /// Which summarizer made it.
    summarizer: String,
    /// Whether the text is the article's own sentences.
    extracted: bool,
    findings: Vec<Finding>,
}

/// Detection is believed above this confidence.
const SURE: f32 = 0.6;

/// Rounds of summaries of summaries after which what is left is taken as it is; each round divides the length by ten or more.
const MAX_ROUNDS: usize = 4;

impl Pipeline<'_> {
    /// Summarizes and writes a window of articles.
    pub(super) fn summarize(&self, window: &mut [Article<'_>], length: SummaryLength) -> Result<(), PipelineError> {
        let summarizer = self.models.summarizer(self.observer)?;
        let started = Instant::now();
        let mut drafts = Vec::new();
        for (index, article) in window.iter_mut().enumerate() {
            if !article.alive() {
                continue;
            }
            let paragraphs = paragraphs(article);
            if paragraphs.is_empty() {
                article.record.findings.push(note("nothing_to_summarize", "the article has no text".into()));
            }
            let to = self.spec.to.unwrap_or(article.language);
            let write_in = match &summarizer {
                Summarizer::Model(engine) if engine.writes_well(to) => to,
                Summarizer::Model(_) => Language::EN,
                Summarizer::Extractive(_) => article.language,
            };
            drafts.push(Draft {
                article: index,
                to,
                write_in,
                paragraphs,
                texts: Vec::new(),
                stage: SummaryStage::Whole,
                answer: Answer::default(),
                summarizer: "extractive".into(),
                extracted: false,
                findings: Vec::new(),
            });
        }
        match &summarizer {
            Summarizer::Model(engine) => self.abstract_all(engine, window, &mut drafts, length),
            Summarizer::Extractive(why) => {
                for draft in &mut drafts {
                    extract(draft, window[draft.article].language, length);
                    if let Some(why) = why {
                        let message = format!("made of the article's own sentences: {why}");
                        draft.findings.push(note("extractive_fallback", message));
                    }
                }
            }
        }
        self.translate_drafts(window, &mut drafts)?;
        let elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
        let tokens: usize = drafts.iter().map(|d| d.answer.source_tokens + d.answer.target_tokens).sum();
        for draft in drafts {
            let article = &mut window[draft.article];
            let share = draft.answer.source_tokens + draft.answer.target_tokens;
            article.record.timings_ms.decode = elapsed_ms * share as f64 / tokens.max(1) as f64;
            let started = Instant::now();
            finish_summary(article, draft, length);
            article.record.timings_ms.write = started.elapsed().as_secs_f64() * 1000.0;
            self.clock.text(started);
        }
        Ok(())
    }

    /// Summaries by a model: all articles' parts of a round in one run.
    fn abstract_all(&self, engine: &Loaded, window: &[Article<'_>], drafts: &mut [Draft], length: SummaryLength) {
        for draft in drafts.iter_mut() {
            draft.summarizer.clone_from(&engine.name);
            draft.texts = split(engine, &draft.paragraphs, length, draft.write_in);
            draft.stage = if draft.texts.len() > 1 { SummaryStage::Part } else { SummaryStage::Whole };
        }
        for round in 0..MAX_ROUNDS {
            let mut asks = Vec::new();
            let mut owners = Vec::new();
            for (index, draft) in drafts.iter().enumerate() {
                let from = if round == 0 { window[draft.article].language } else { draft.write_in };
                let task = Task::Summarize { from, to: draft.write_in, length, stage: draft.stage };
                for text in &draft.texts {
                    asks.push(Ask { text, task });
                    owners.push(index);
                }
            }
            if asks.is_empty() {
                break;
            }
            let answers = self.run(engine, &asks, Effort::default());
            let mut texts: Vec<Vec<String>> = vec![Vec::new(); drafts.len()];
            for (index, answer) in owners.into_iter().zip(answers) {
                let draft = &mut drafts[index];
                texts[index].push(answer.text.trim().to_string());
                take(&mut draft.answer, answer);
            }
            for (draft, mut texts) in drafts.iter_mut().zip(texts) {
                if draft.answer.cancelled || draft.answer.error.is_some() {
                    draft.texts.clear();
                } else if texts.len() > 1 {
                    draft.texts = split(engine, &texts, length, draft.write_in);
                    draft.stage = if draft.texts.len() > 1 { SummaryStage::Part } else { SummaryStage::Merge };
                } else if let Some(text) = texts.pop() {
                    draft.answer.text = text;
                    draft.texts.clear();
                }
            }
        }
        for draft in drafts.iter_mut().filter(|draft| !draft.texts.is_empty()) {
            draft.answer.text = draft.texts.join(" ");
            draft.texts.clear();
        }
        for draft in drafts.iter_mut().filter(|draft| draft.answer.error.is_none() && !draft.answer.cancelled) {
            self.mend_language(draft);
            shorten(draft, length);
        }
        // A model that says nothing is replaced by the article's own sentences rather than by an empty file.
        for draft in drafts.iter_mut() {
            let article = &window[draft.article];
            let failed = draft.answer.error.take();
            if !draft.answer.cancelled && !draft.paragraphs.is_empty() && draft.answer.text.trim().is_empty() {
                let why = failed.unwrap_or_else(|| "the model's answer was empty".into());
                draft.findings.push(Finding::new(
                    "extractive_fallback",
                    Severity::Warning,
                    format!("made of the article's own sentences: {why}"),
                ));
                draft.summarizer = "extractive".into();
                draft.write_in = article.language;
                extract(draft, article.language, length);
            }
        }
    }

    /// A small model may summarize well and in the wrong language: such an answer is translated like any other draft.
    fn mend_language(&self, draft: &mut Draft) {
        let Some(found) = detect::detect(&draft.answer.text) else { return };
        if found.language == draft.write_in || found.confidence < SURE {
            return;
        }
        if self.models.has_route_here(found.language, draft.to) {
            let message = format!("the model answered in {}, not in {}", found.language, draft.write_in);
            draft.findings.push(Finding::new("summary_language", Severity::Warning, message));
            draft.write_in = found.language;
        }
    }

    /// Translates drafts that were not written in the language asked for.
    fn translate_drafts(&self, window: &mut [Article<'_>], drafts: &mut [Draft]) -> Result<(), PipelineError> {
        let mut groups: std::collections::BTreeMap<Language, Vec<(usize, String)>> = std::collections::BTreeMap::new();
        for (index, draft) in drafts.iter_mut().enumerate() {
            if draft.write_in == draft.to || draft.answer.cancelled || draft.answer.text.trim().is_empty() {
                continue;
            }
            if let Err(error) = self.models.route(draft.write_in, draft.to) {
                if !error.is_no_route() {
                    return Err(error.into());
                }
                let message = format!("left in {}: {error}", draft.write_in);
                draft.findings.push(Finding {
                    code: "not_translated",
                    severity: Severity::Error,
                    message,
                    source: None,
                    output: None,
                });
                draft.to = draft.write_in;
                continue;
            }
            let text = std::mem::take(&mut draft.answer.text);
            let sentences = sentence_ranges(&text, draft.write_in).into_iter().map(|range| text[range].to_string());
            groups.entry(draft.to).or_default().extend(sentences.map(|sentence| (index, sentence)));
        }
        for (to, sentences) in groups {
            let texts: Vec<(Language, &str)> =
                sentences.iter().map(|(index, text)| (drafts[*index].write_in, text.as_str())).collect();
            let translated = self.translate_texts(&texts, to)?;
            for ((index, source), part) in sentences.iter().zip(translated) {
                let draft = &mut drafts[*index];
                let from = draft.write_in;
                if !draft.answer.text.is_empty() {
                    draft.answer.text.push(' ');
                }
                record_route(&mut window[draft.article].record, part.hops.into_iter().map(|hop| hop.record));
                draft.answer.cancelled |= part.answer.cancelled;
                draft.answer.source_tokens += part.answer.source_tokens;
                draft.answer.target_tokens += part.answer.target_tokens;
                if let Some(error) = part.answer.error {
                    draft.answer.text.push_str(source);
                    draft.findings.push(Finding::new(
                        "not_translated",
                        Severity::Error,
                        format!("a sentence was left in {from}: {error}"),
                    ));
                    continue;
                }
                draft.answer.text.push_str(part.answer.text.trim());
                draft.findings.extend(quality::check(&quality::Input {
                    source,
                    output: &part.answer.text,
                    from,
                    to,
                    ended: part.answer.finish.map(ended),
                    score: part.score.map(f32::ln),
                    verbatim: &[],
                }));
            }
        }
        Ok(())
    }
}

/// Checks, writes and records one summary.
fn finish_summary(article: &mut Article<'_>, draft: Draft, length: SummaryLength) {
    if draft.answer.cancelled {
        article.record.status = Status::Cancelled;
        return;
    }
    let text = draft.answer.text.trim().to_string();
    article.record.tokens.source += draft.answer.source_tokens;
    article.record.tokens.target += draft.answer.target_tokens;
    article.record.summarizer = Some(draft.summarizer);
    article.record.findings.extend(draft.findings);
    let source = draft.paragraphs.join("\n\n");
    let mut findings = Vec::new();
    if let Some(Finish::Limit | Finish::Loop) = draft.answer.finish {
        let message = "the model's answer was stopped before it ended: the summary may be cut or repeat itself";
        findings.push(Finding::new("summary_cut", Severity::Error, message));
    }
    if !source.is_empty() {
        let verbatim = draft.extracted && draft.write_in == draft.to;
        let origin = if verbatim { SummaryOrigin::Extracted } else { SummaryOrigin::Written };
        let dropped: Vec<&str> = article.record.dropped.iter().map(|dropped| dropped.text.as_str()).collect();
        findings.extend(quality::check_summary(
            &source,
            &text,
            &SummaryCheck {
                from: article.language,
                to: draft.to,
                sentences: length.sentences(),
                origin,
                boilerplate: &dropped,
                instructions: "",
            },
        ));
    }
    let span = article.document.as_ref().map_or(0..0, |document| 0..document.text.len());
    article.record.segments.push(SegmentRecord {
        span,
        source: String::new(),
        output: text.clone(),
        output_span: Some(0..text.len()),
        outcome: OutcomeRecord::Translated,
        score: draft.answer.score(),
        language: None,
        intermediate: Vec::new(),
        hops: Vec::new(),
        alignment: None,
        retry: None,
        findings,
    });
    let bytes = if text.is_empty() { Vec::new() } else { format!("{text}\n").into_bytes() };
    match super::write::write(&article.item.output, draft.to, bytes) {
        Ok(Written::File(path)) => article.record.output = Some(path),
        Ok(Written::Caller(bytes)) => article.bytes = Some(bytes),
        Err(error) => {
            let name = article.item.input.name();
            article.fail(format!("{name}: {error}"));
        }
    }
}

/// The paragraphs of an article, what is to be dropped left out.
fn paragraphs(article: &Article<'_>) -> Vec<String> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    for (segment, plan) in article.segments.iter().zip(&article.plans) {
        if *plan == Plan::Drop {
            continue;
        }
        match paragraphs.last_mut() {
            Some((block, text)) if *block == segment.block => {
                text.push(' ');
                text.push_str(&segment.text);
            }
            _ => paragraphs.push((segment.block, segment.text.clone())),
        }
    }
    paragraphs.into_iter().map(|(_, text)| text).filter(|text| text.chars().any(char::is_alphabetic)).collect()
}

/// Texts that fit the model, each of whole paragraphs.
fn split(engine: &Loaded, paragraphs: &[String], length: SummaryLength, to: Language) -> Vec<String> {
    let spec = engine.model.spec();
    let room = if spec.has_encoder {
        spec.max_source_tokens
    } else {
        // Prompt and answer share the context; the instruction takes about two hundred tokens.
        spec.max_target_tokens.saturating_sub(summary_tokens(length, to) + 256)
    };
    let budget = room.min(engine.source_limit.unwrap_or(usize::MAX)).max(64);
    let tokens: Vec<usize> = paragraphs.iter().map(|text| engine.tokenizer.count(text) + 2).collect();
    plan::parts(&tokens, budget).into_iter().map(|range| paragraphs[range].join("\n\n")).collect()
}

/// Fills a draft with sentences of its article.
fn extract(draft: &mut Draft, language: Language, length: SummaryLength) {
    let mut sentences: Vec<(&str, usize)> = Vec::new();
    for (number, paragraph) in draft.paragraphs.iter().enumerate() {
        // A headline is not a sentence of the summary: it has no full stop and would stand without one.
        let complete = paragraph.trim_end().ends_with(['.', '!', '?', '…', '"', '”', '»', '’', ')']);
        if complete || draft.paragraphs.len() == 1 {
            let ranges = sentence_ranges(paragraph, language);
            sentences.extend(ranges.into_iter().map(|range| (&paragraph[range], number)));
        }
    }
    let chosen = extractive::summarize_paragraphs(&sentences, language, length.sentences());
    let text: Vec<&str> = chosen.into_iter().map(|index| sentences[index].0).collect();
    draft.answer.text = text.join(" ");
    draft.extracted = true;
}

/// Brings an answer that is much too long, or was stopped, to whole sentences and to the length that was asked for: the
/// sentences that are most like all the others stay, in their order.
fn shorten(draft: &mut Draft, length: SummaryLength) {
    let text = std::mem::take(&mut draft.answer.text);
    let mut ranges = sentence_ranges(&text, draft.write_in);
    let stopped = matches!(draft.answer.finish, Some(Finish::Limit | Finish::Loop));
    if stopped && ranges.len() > 1 {
        ranges.pop();
        draft.answer.finish = Some(Finish::End);
        let message = "the model's answer was stopped before it ended: its last sentence was left out";
        draft.findings.push(Finding::new("summary_cut", Severity::Warning, message));
    }
    let wanted = length.sentences();
    if ranges.len() <= wanted + wanted / 2 {
        let end = ranges.last().map_or(text.len(), |range| range.end);
        draft.answer.text = if stopped { text[..end].to_string() } else { text };
        return;
    }
    let sentences: Vec<&str> = ranges.iter().map(|range| &text[range.clone()]).collect();
    let chosen = extractive::summarize(&sentences, draft.write_in, wanted);
    let message =
        format!("the model wrote {} sentences: the {} most central ones were kept", ranges.len(), chosen.len());
    draft.findings.push(note("summary_shortened", message));
    let kept: Vec<&str> = chosen.into_iter().map(|index| sentences[index]).collect();
    draft.answer.text = kept.join(" ");
}

/// Adds the counters of an answer.
fn take(sum: &mut Answer, answer: Answer) {
    sum.source_tokens += answer.source_tokens;
    sum.target_tokens += answer.target_tokens;
    sum.scored_tokens = answer.scored_tokens;
    sum.log_probability = answer.log_probability;
    sum.finish = answer.finish;
    sum.cancelled |= answer.cancelled;
    if sum.error.is_none() {
        sum.error = answer.error;
    }
}

fn note(code: &'static str, message: String) -> Finding {
    Finding::new(code, Severity::Note, message)
}
