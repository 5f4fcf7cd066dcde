//! Summarizing a window of articles: each goes up a ladder of attempts until one passes the checks, and the best of them
//! is written.
//!
//! [`ladder`] says which attempts there are, when the next one is made and which is the best; [`drafting`] asks the model,
//! whole or in parts, [`extracting`] chooses the article's own sentences, [`translating`] brings a draft into the language
//! asked for, [`finishing`] writes. The attempts of all articles that are on the way are made together, so a step costs one
//! run of the model, and what comes of an article depends on nothing but itself.

mod drafting;
mod extracting;
mod finishing;
mod ladder;
mod parts;
#[cfg(test)]
mod tests;
mod translating;

use super::article::{Article, Plan};
use super::models::Summarizer;
use super::{Pipeline, PipelineError};
use crate::job::report::{SegmentRecord, Status};
use crate::language::Language;
use crate::quality::{Finding, Severity};
use crate::registry::load::Loaded;
use crate::token::SummaryLength;
use ladder::{Ladder, Step};
use std::collections::BTreeMap;
use std::time::Instant;

/// An article of the window on its way to a summary.
struct Draft {
    /// Index of the article in the window.
    article: usize,
    /// Its number in a file that holds several articles.
    part: Option<usize>,
    /// Language of the article.
    from: Language,
    /// Language of the summary.
    to: Language,
    /// The article's paragraphs without boilerplate, in order.
    paragraphs: Vec<String>,
    /// The same as one text, for the checks.
    source: String,
    /// Lines that were dropped from the article.
    dropped: Vec<String>,
    ladder: Ladder,
    /// Tokens read and written in all attempts.
    source_tokens: usize,
    target_tokens: usize,
    /// Whether the job was stopped before it was done.
    cancelled: bool,
}

impl Draft {
    fn open(index: usize, article: &mut Article<'_>, to: Language, summarizer: &Summarizer) -> Draft {
        let paragraphs = paragraphs(article, &|_| true);
        if paragraphs.is_empty() {
            let message = "the article has no text";
            article.record.findings.push(Finding::new("nothing_to_summarize", Severity::Note, message));
        }
        Draft::of(index, article, paragraphs, to, summarizer)
    }

    /// A draft of these paragraphs of an article.
    fn of(
        index: usize,
        article: &Article<'_>,
        paragraphs: Vec<String>,
        to: Language,
        summarizer: &Summarizer,
    ) -> Draft {
        let from = article.language;
        let mut plan = match summarizer {
            Summarizer::Model(engine) => ladder::Plan {
                steps: ladder::steps(engine.writes_well(to), engine.tokenizer.is_chat()),
                pivot: pivot(engine, from, to),
                replaced_from: if engine.writes_well(to) { Severity::Error } else { Severity::Warning },
            },
            Summarizer::Extractive(_) => {
                ladder::Plan { steps: vec![Step::Extractive], pivot: None, replaced_from: Severity::Error }
            }
        };
        if paragraphs.is_empty() {
            plan.steps.clear();
        }
        Draft {
            article: index,
            part: None,
            from,
            to,
            source: paragraphs.join("\n\n"),
            ladder: Ladder::new(plan),
            paragraphs,
            dropped: article.record.dropped.iter().map(|dropped| dropped.text.clone()).collect(),
            source_tokens: 0,
            target_tokens: 0,
            cancelled: false,
        }
    }
}

/// The language in which a model writes a summary that is then translated: English, or the article's own, whichever it
/// writes well.
fn pivot(engine: &Loaded, from: Language, to: Language) -> Option<Language> {
    [Language::EN, from].into_iter().find(|&language| language != to && engine.writes_well(language))
}

impl<'a> Pipeline<'a> {
    /// Summarizes and writes a window of articles.
    pub(super) fn summarize(&self, mut window: Vec<Article<'a>>, length: SummaryLength) -> Result<(), PipelineError> {
        let summarizer = self.models.summarizer(self.observer)?;
        let started = Instant::now();
        let mut drafts = Vec::new();
        for (index, article) in window.iter_mut().enumerate().filter(|(_, article)| article.alive()) {
            let to = self.spec.to.unwrap_or(article.language);
            if article.document.as_ref().is_some_and(|document| !document.parts.is_empty()) {
                article.keeps_format = true;
                drafts.extend(parts::drafts(index, article, to, &summarizer, length));
            } else {
                drafts.push(Draft::open(index, article, to, &summarizer));
            }
        }
        self.climb(&summarizer, &mut drafts, length)?;
        let elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
        let tokens: usize = drafts.iter().map(|draft| draft.source_tokens + draft.target_tokens).sum();
        let mut summaries: BTreeMap<usize, Vec<(usize, SegmentRecord)>> = BTreeMap::new();
        for draft in drafts {
            let article = &mut window[draft.article];
            let share = draft.source_tokens + draft.target_tokens;
            article.record.timings_ms.decode += elapsed_ms * share as f64 / tokens.max(1) as f64;
            if let Some(part) = draft.part {
                let index = draft.article;
                let record = finishing::record(article, draft, &summarizer);
                summaries.entry(index).or_default().extend(
                    // Without a summary the text is translated.
                    record.filter(|(record, _)| !record.output.is_empty()).map(|(record, _)| (part, record)),
                );
                continue;
            }
            let started = Instant::now();
            finishing::finish(article, draft, &summarizer, self.spec);
            article.record.timings_ms.write = started.elapsed().as_secs_f64() * 1000.0;
            self.clock.text(started);
        }
        // Files of several articles go on: what is left of them is translated.
        let mut prepared: BTreeMap<Language, Vec<Article<'a>>> = BTreeMap::new();
        for (index, mut article) in window.into_iter().enumerate() {
            if !article.keeps_format || !article.alive() || article.record.status == Status::Cancelled {
                self.conclude(article);
                continue;
            }
            let to = self.spec.to.unwrap_or(article.language);
            parts::install(&mut article, summaries.remove(&index).unwrap_or_default());
            for plan in article.plans.iter_mut().filter(|plan| **plan == Plan::translate(to)) {
                *plan = Plan::Copy(None);
            }
            prepared.entry(to).or_default().push(article);
        }
        for (to, articles) in prepared {
            self.translate_prepared(articles, to)?;
        }
        Ok(())
    }

    /// Makes attempts until every draft has one that passes, or has no step left.
    fn climb(&self, summarizer: &Summarizer, drafts: &mut [Draft], length: SummaryLength) -> Result<(), PipelineError> {
        // Every turn takes a step off each ladder that is still climbed, so this ends.
        while !self.stopped() {
            let turn: Vec<(usize, Step)> = drafts
                .iter_mut()
                .enumerate()
                .filter(|(_, draft)| !draft.cancelled)
                .filter_map(|(index, draft)| Some((index, draft.ladder.next_step()?)))
                .collect();
            if turn.is_empty() {
                return Ok(());
            }
            let mut candidates = Vec::new();
            let mut written = Vec::new();
            for (index, step) in turn {
                let draft = &drafts[index];
                let refused = if step == Step::Translated { draft.ladder.refused() } else { None };
                if step == Step::Extractive {
                    candidates.push((index, extracting::extract(draft, length)));
                } else if let Some(refused) = refused {
                    candidates.push((index, refused));
                } else {
                    written.push((index, step));
                }
            }
            if let Summarizer::Model(engine) = summarizer {
                candidates.extend(self.write_drafts(engine, drafts, &written, length));
            }
            candidates.sort_by_key(|(index, _)| *index);
            self.translate_candidates(drafts, &mut candidates)?;
            for (index, mut candidate) in candidates {
                let draft = &mut drafts[index];
                draft.cancelled |= candidate.cancelled;
                finishing::judge(draft, &mut candidate, length);
                draft.ladder.add(candidate);
            }
        }
        for draft in drafts.iter_mut().filter(|draft| !draft.ladder.is_settled()) {
            draft.cancelled = true;
        }
        Ok(())
    }
}

/// The paragraphs of an article's blocks, what is to be dropped left out.
fn paragraphs(article: &Article<'_>, wanted: &dyn Fn(usize) -> bool) -> Vec<String> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    for (segment, plan) in article.segments.iter().zip(&article.plans) {
        if *plan == Plan::Drop || !wanted(segment.block) {
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
