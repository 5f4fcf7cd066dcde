//! The terms of a job on their way through it: what is kept is protected, chat models are told the terms in their prompts,
//! translation models have to write those that they missed, and the report says which are there.
//!
//! `translate` and `flow` call it at five places; nothing of it runs in a job without terms.

use super::article::{Article, Plan};
use super::models::Hop;
use super::run::{Part, Request};
use super::twins::Question;
use super::unit::Translated;
use crate::glossary::{Glossary, Occurrence, Terms, joins};
use crate::job::report::{OutcomeRecord, TermRecord, TermTotals};
use crate::language::Language;
use crate::quality::{Finding, Severity};
use crate::registry::load::Loaded;
use crate::segment::{Segment, protect};
use crate::token::{Constraint, Task, TokenClasses, TokenId, WordEdges};
use crate::tokenize::{Tokenizer, classes};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether an answer has to hold the terms of the glossary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum TermUse {
    /// It may do without them; a chat model is told them all the same.
    #[default]
    Free,
    /// It has to.
    Required,
}

/// Most terms that one answer has to hold; each makes its search wider.
const MOST_REQUIRED: usize = 12;
/// What may stand before a word without a space; a term behind it is spelled in other tokens.
const OPENERS: [&str; 5] = ["(", "«", "\"", "'", "-"];

/// Code of the finding for a term that an answer lacks.
pub(super) const TERM_MISSING: &str = "term_missing";
/// The name of the second attempt in reports.
const RETRY: &str = "glossary";
/// What a second answer must have at least of the first: of its words in their order, of its length. With less it is no longer
/// the same translation with another word in it: a model that finds no place for a term may write another sentence around it,
/// or leave out half of this one.
const LEAST_WORDS: f32 = 0.5;
const LEAST_LENGTH: f32 = 0.75;
/// How much less likely a term may make an answer, in nats, before the model is said to be strained: a word of which it thinks
/// one in three thousand.
const STRAIN: f32 = 8.0;

/// A direction.
type Direction = (Language, Language);

/// The terms of a job, and what is known of its models because of them.
pub(super) struct Wording<'a> {
    terms: &'a Terms,
    edges: Mutex<BTreeMap<String, Arc<WordEdges>>>,
}

/// A hop that is about to read a text.
#[derive(Clone, Copy)]
pub(super) struct Reading<'q> {
    /// What was asked before the first hop.
    pub(super) question: &'q Question,
    pub(super) hop: &'q Hop,
    /// Whether it is the last hop.
    pub(super) last: bool,
}

impl<'a> Wording<'a> {
    pub(super) fn new(terms: &'a Terms) -> Wording<'a> {
        Wording { terms, edges: Mutex::default() }
    }

    fn glossary(&self) -> Option<&'a Glossary> {
        self.terms.glossary.as_ref().filter(|glossary| !glossary.is_empty())
    }

    /// Adds the terms that stay as they are to the protected spans of an article. A segment of nothing else is copied.
    pub(super) fn keep(&self, article: &mut Article<'_>) {
        let Some(keep) = self.terms.keep.as_ref().filter(|keep| !keep.is_empty()) else { return };
        for (segment, plan) in article.segments.iter_mut().zip(&mut article.plans) {
            let found = keep.find(&segment.text);
            if found.is_empty() {
                continue;
            }
            let verbatim = std::mem::take(&mut segment.verbatim);
            segment.verbatim = protect::merge(verbatim, found);
            if matches!(plan, Plan::Translate { .. }) && !has_words(&segment.text, &segment.verbatim) {
                *plan = Plan::Copy(None);
            }
        }
    }

    /// Where words begin and end in the tokens of a model.
    pub(super) fn edges(&self, engine: &Loaded) -> Arc<WordEdges> {
        let mut known = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(engine.name.clone()).or_insert_with(|| Arc::new(edges(engine))).clone()
    }

    /// Tells a model the terms of what it is about to read, or what its answer has to hold.
    ///
    /// # Errors
    /// The text cannot be encoded with its terms.
    pub(super) fn word(
        &self,
        engine: &Loaded,
        reading: Reading<'_>,
        (text, mut parts): (&str, Vec<Part>),
    ) -> Result<Vec<Part>, String> {
        let Some(glossary) = self.glossary() else { return Ok(parts) };
        let Reading { question, hop, last } = reading;
        let chat = engine.tokenizer.is_chat();
        if !chat && (question.effort.terms == TermUse::Free || !engine.tokenizer.spells_answers()) {
            return Ok(parts);
        }
        // What a second hop has to write is what the glossary says of the source itself, wherever the text between went; of a
        // text in several parts only what each of them has is known to be in it.
        let of_source = last && !chat && hop.from != question.from && parts.len() == 1;
        for part in &mut parts {
            let read = text[part.range.clone()].trim();
            let occurrences = if of_source {
                self.find(glossary, &question.text, (question.from, hop.to))
            } else {
                self.find(glossary, read, (hop.from, hop.to))
            };
            let terms = distinct(occurrences);
            if terms.is_empty() {
                continue;
            }
            let (from, to) = (hop.from, hop.to);
            let task = match question.effort.request {
                Request::Strict if chat => Task::Retranslate { from, to },
                _ => Task::Translate { from, to },
            };
            if chat {
                let place = |occurrence: &Occurrence| (occurrence.term.clone(), occurrence.forms.clone());
                let terms: Vec<_> = terms.iter().map(|(occurrence, _)| place(occurrence)).collect();
                let before = part.prompt.prefix.len();
                let told = engine.tokenizer.encode_with_terms(read, &task, &terms);
                part.prompt = told.map_err(|error| error.to_string())?;
                let longer = part.prompt.prefix.len().saturating_sub(before);
                let room = engine.model.spec().max_target_tokens.saturating_sub(part.prompt.prefix.len());
                part.max_new_tokens = (part.max_new_tokens + longer).min(room).max(1);
                continue;
            }
            let read = if of_source { None } else { engine.tokenizer.source_spans(read, &task) };
            for (occurrence, places) in terms.iter().take(MOST_REQUIRED) {
                let spellings = glossary.spellings(occurrence, hop.to);
                let forms = token_forms(engine.tokenizer.as_ref(), &spellings);
                if !forms.is_empty() {
                    let scripts = spellings.iter().fold(0, |all, spelling| all | classes::of_text(spelling).0);
                    part.prompt.allowed = TokenClasses(part.prompt.allowed.0 | scripts);
                    let tokens = |place: &Range<usize>| tokens_of(read.as_deref().unwrap_or_default(), place);
                    let source = places.iter().map(tokens).filter(|tokens| !tokens.is_empty()).collect();
                    part.prompt.constraints.push(Constraint { forms, source });
                }
            }
        }
        Ok(parts)
    }

    /// The terms of a text that is not known as a segment.
    fn find(&self, glossary: &Glossary, text: &str, direction: Direction) -> Vec<Occurrence> {
        let kept = self.terms.keep.as_ref().map(|keep| keep.find(text)).unwrap_or_default();
        glossary.find(text, direction, &protect::merge(protect::protect(text), kept))
    }

    /// The terms of a segment that an answer to it lacks.
    pub(super) fn missing(&self, segment: &Segment, (from, to): Direction, output: &str) -> Vec<Finding> {
        let Some(glossary) = self.glossary() else { return Vec::new() };
        let occurrences = glossary.find(&segment.text, (from, to), &segment.verbatim);
        let found = glossary.look_up(&occurrences, output, to);
        let missed = occurrences.into_iter().zip(found).filter(|(_, place)| place.is_none());
        let finding = |Occurrence { span, term, forms, .. }: Occurrence| {
            let message = format!("{term:?} is not translated as the glossary says: expected {}", list(&forms));
            Finding::new(TERM_MISSING, Severity::Warning, message).in_source(span)
        };
        missed.map(|(occurrence, _)| finding(occurrence)).collect()
    }

    /// Says in the record of a finished article which terms its outputs have.
    pub(super) fn record(&self, article: &mut Article<'_>, to: Language, strained: &BTreeSet<usize>) {
        let Some(glossary) = self.glossary() else { return };
        let mut totals = TermTotals::default();
        let segments = article.segments.iter().zip(&article.plans).zip(&mut article.record.segments);
        for (index, ((segment, plan), record)) in segments.enumerate() {
            let Plan::Translate { from, .. } = *plan else { continue };
            if record.outcome != OutcomeRecord::Translated {
                continue;
            }
            let occurrences = glossary.find(&record.source, (from, to), &segment.verbatim);
            let found = glossary.look_up(&occurrences, &record.output, to);
            for (Occurrence { span, term, forms, .. }, output) in occurrences.into_iter().zip(found) {
                totals.add(TermTotals { hits: usize::from(output.is_some()), misses: usize::from(output.is_none()) });
                if let Some(place) = output.clone().filter(|_| record.retry == Some(RETRY)) {
                    let message = format!(
                        "the glossary asked for {:?}: check how the sentence fits it",
                        &record.output[place.clone()]
                    );
                    let severity = if strained.contains(&index) { Severity::Warning } else { Severity::Note };
                    let finding = Finding::new("term_required", severity, message);
                    record.findings.push(finding.in_source(span.clone()).in_output(place));
                }
                let found = output.clone().map(|place| record.output[place].to_string());
                record.terms.push(TermRecord { source: span, term, expected: forms, found, output });
            }
        }
        article.record.terms = Some(totals);
    }
}

/// Whether a second answer with so many further terms is so much less likely that the model hardly believes it.
pub(super) fn is_strained(first: &Translated, second: &Translated, terms: usize) -> bool {
    // What has no score cannot be held against it.
    let cost = first.answer.log_probability - second.answer.log_probability;
    cost.is_finite() && cost > STRAIN * terms as f32
}

/// Whether a second answer is the same translation as the first with other words in it. How probable it is says little: a
/// small model is sure of its own words, and any other word costs much.
pub(super) fn resembles(first: &Translated, second: &Translated) -> bool {
    let (before, after) = (first.answer.text.as_str(), second.answer.text.as_str());
    let length = |text: &str| text.chars().count() as f32;
    let words = |text: &'_ str| text.to_lowercase().split_whitespace().map(str::to_string).collect::<Vec<_>>();
    let (old, new) = (words(before), words(after));
    let common = common_in_order(&old, &new) as f32;
    length(after) >= LEAST_LENGTH * length(before) && common >= LEAST_WORDS * old.len() as f32
}

/// Length of the longest common subsequence.
fn common_in_order(a: &[String], b: &[String]) -> usize {
    let mut row = vec![0usize; b.len() + 1];
    for word in a {
        let mut diagonal = 0;
        for (at, other) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == other { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

/// Whether a text has letters outside some ranges.
fn has_words(text: &str, ranges: &[Range<usize>]) -> bool {
    let parts = protect::split_around(text, ranges);
    parts.into_iter().any(|(range, protected)| !protected && text[range].chars().any(char::is_alphabetic))
}

/// The first occurrence of each term, and all places of it: an answer that has a term once need not have it again, a pronoun
/// may stand for it.
fn distinct(occurrences: Vec<Occurrence>) -> Vec<(Occurrence, Vec<Range<usize>>)> {
    let mut distinct: Vec<(Occurrence, Vec<Range<usize>>)> = Vec::with_capacity(occurrences.len());
    for occurrence in occurrences {
        let place = occurrence.span.clone();
        match distinct.iter_mut().find(|(other, _)| other.is_of_term(&occurrence)) {
            Some((_, places)) => places.push(place),
            None => distinct.push((occurrence, vec![place])),
        }
    }
    distinct
}

/// The tokens, of which these are the bytes, that have a part of a place.
fn tokens_of(spans: &[Range<usize>], place: &Range<usize>) -> Range<usize> {
    let touches = |span: &Range<usize>| span.start < place.end && place.start < span.end;
    let first = spans.iter().position(touches).unwrap_or(0);
    let last = spans.iter().rposition(touches).map_or(first, |last| last + 1);
    first..last
}

/// Forms for a message.
fn list(forms: &[String]) -> String {
    forms.iter().map(|form| format!("{form:?}")).collect::<Vec<_>>().join(" or ")
}

fn edges(engine: &Loaded) -> WordEdges {
    let piece = |id| engine.tokenizer.target_piece(id).map_or((false, false), joins);
    let (goes_on, follows_on) = (0..engine.model.spec().vocab as TokenId).map(piece).unzip();
    WordEdges { goes_on, follows_on }
}

/// The tokens in which an answer may spell words: behind a space, and behind a sign without one.
fn token_forms(tokenizer: &dyn Tokenizer, spellings: &[String]) -> Vec<Vec<TokenId>> {
    let mut forms: Vec<Vec<TokenId>> = Vec::new();
    for spelling in spellings {
        let spaced = tokenizer.target_ids(spelling);
        let attached = OPENERS.iter().find_map(|opener| {
            let (sign, both) = (tokenizer.target_ids(opener)?, tokenizer.target_ids(&format!("{opener}{spelling}"))?);
            both.strip_prefix(sign.as_slice()).map(<[TokenId]>::to_vec)
        });
        for form in spaced.into_iter().chain(attached) {
            // What the vocabulary cannot spell comes back as something else.
            if !form.is_empty() && tokenizer.decode(&form) == *spelling && !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "Le maire a fermé le pont le 3 mai, dit desk@ledger.example.";

    fn answer(text: &str, score: f32) -> Translated {
        let mut translated = Translated { score: Some(score), ..Translated::default() };
        translated.answer.log_probability = 20.0 * score.ln();
        translated.answer.text = text.to_string();
        translated
    }

    fn check(text: &str, expected: bool) {
        assert_eq!(resembles(&answer(FIRST, 0.6), &answer(text, 0.4)), expected, "{text}");
    }

    #[test]
    fn an_answer_with_terms_has_to_be_the_same_translation() {
        let both = "Le bourgmestre a fermé la passerelle le 3 mai, dit desk@ledger.example.";
        let one = "Le maire a fermé la passerelle le 3 mai, dit desk@ledger.example.";
        check(both, true);
        check(one, true);
        // Half of the sentence is gone.
        check("La passerelle du bourgmestre, desk@ledger.example.", false);
        assert!(is_strained(&answer(FIRST, 0.6), &answer(one, 0.38), 1));
        assert!(!is_strained(&answer(FIRST, 0.6), &answer(both, 0.45), 1));
    }

    #[test]
    fn words_in_common_are_counted_in_their_order() {
        let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        assert_eq!(common_in_order(&words("a b c d"), &words("b x d a")), 2);
        assert_eq!(common_in_order(&words("a"), &[]), 0);
    }
}
