//! Doubtful segments again, in a fixed order of steps, until one gives an answer that the checks let pass; then the best.
//!
//! Decides and puts together; the work is done by `flow`, to which the attempts are units like any other. Every answer is
//! judged by the same checks: a translation wins over none, then fewest errors win, then fewest warnings, then the
//! model's own score, then the earlier step.

use super::models::{ECHO, Models};
use super::run::{Beams, Effort, Request, Way};
use super::terms::{TERM_MISSING, TermUse, Wording, is_strained, resembles};
use super::unit::{Attempt, Owner, Translated, Unit};
use crate::decode::Finish;
use crate::job::report::AttemptRecord;
use crate::job::spec::Retry;
use crate::language::Language;
use crate::quality::{self, Ended, Finding, Severity};
use crate::segment::{Phrase, Segment, protect};
use crate::typography::{self, Edit};
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

/// Source tokens of a piece when a segment is done again in smaller ones: about one clause.
const SMALLER_TOKENS: usize = 40;
/// Source bytes below which a segment is one clause already: there is nothing to make smaller.
const SMALLER_BYTES: usize = 160;
/// n-grams of tokens of this length may not repeat in a further attempt.
const NO_REPEAT: usize = 4;

/// A step of the ladder, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// As the job asks.
    First,
    /// With the terms of the glossary that were missed; from here on every attempt has to hold them.
    Terms,
    /// The text between protected spans that got lost, each piece by itself.
    Around,
    /// Clause by clause, without repeated n-grams.
    Smaller,
    /// A chat model asked in other words, with more hypotheses and without repeated n-grams.
    Prompt,
    /// More hypotheses, without repeated n-grams.
    Beam,
    /// Another model, or two hops instead of one.
    Route,
}

const STEPS: [Step; 6] = [Step::Terms, Step::Around, Step::Smaller, Step::Prompt, Step::Beam, Step::Route];

impl Step {
    /// Its name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::First => "first",
            Step::Terms => "glossary",
            Step::Around => "around_protected_spans",
            Step::Smaller => "smaller_pieces",
            Step::Prompt => "other_prompt",
            Step::Beam => "beam",
            Step::Route => "other_route",
        }
    }
}

/// Findings that no further attempt can be expected to mend, or that are about the source.
const BEYOND_MENDING: &[&str] = &["unit_converted", "unpaired", "verbatim_order"];

/// Findings of answers that are no translation: any other answer is better.
const NO_TRANSLATION: &[&str] = &["copied_source", "wrong_language"];

/// What a segment is judged by.
#[derive(Clone, Copy)]
pub(super) struct Ground<'g> {
    pub(super) segment: &'g Segment,
    /// What stands around it, for models that are told.
    pub(super) context: &'g Arc<str>,
    pub(super) from: Language,
    pub(super) to: Language,
    /// Whether the answer has to stay in one line.
    pub(super) one_line: OneLine,
    pub(super) models: &'g Models<'g>,
    pub(super) retry: Retry,
    /// The terms of the job, if it has any.
    pub(super) wording: Option<&'g Wording<'g>>,
}

/// Whether an answer may have line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OneLine {
    Must,
    NeedNot,
}

/// An answer and what the checks say of it.
struct Candidate {
    step: Step,
    translated: Translated,
    findings: Vec<Finding>,
    confidence: Option<f32>,
}

/// What the segment gets.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) translated: Translated,
    pub(super) findings: Vec<Finding>,
    /// How much it can be trusted.
    pub(super) confidence: Option<f32>,
    /// Every attempt, if there were several.
    pub(super) attempts: Vec<AttemptRecord>,
    /// What pairs of markup hold, where that was translated by itself.
    pub(super) phrases: Vec<Phrase>,
}

/// A segment on the ladder.
pub(super) struct Climb {
    candidates: Vec<Candidate>,
    trying: Step,
    /// For an attempt around protected spans: what stands there, and what has come of what is between.
    pieces: Vec<(Range<usize>, Piece)>,
    /// The answer of an attempt at the whole.
    whole: Option<Translated>,
    /// Answers that are missing.
    left: usize,
}

enum Piece {
    /// Copied as it is.
    Kept,
    /// Translated, if it is done.
    Open(Option<Box<Translated>>),
}

/// What follows from an answer.
pub(super) enum Verdict {
    /// Nothing: this is what the segment gets.
    Settled(Box<Settled>),
    /// Another attempt, which these units are.
    Again(Box<Climb>, Vec<Unit>),
}

impl Ground<'_> {
    /// An answer that no model gave, mended where its place is certain, and what the checks say of it.
    pub(super) fn check(&self, translated: Translated) -> (Translated, Vec<Finding>) {
        let candidate = self.judge(Step::First, translated);
        (candidate.translated, candidate.findings)
    }

    /// Reads an answer as the checks do.
    fn judge(&self, step: Step, mut translated: Translated) -> Candidate {
        let answer = &mut translated.answer;
        if self.one_line == OneLine::Must && answer.text.contains(['\n', '\r']) {
            answer.text = answer.text.replace(['\n', '\r'], " ");
        }
        if step > Step::First {
            translated.retry = Some(step.name());
        }
        if translated.answer.error.is_some() || translated.answer.cancelled {
            return Candidate { step, translated, findings: Vec::new(), confidence: None };
        }
        let repaired = self.repair(&mut translated);
        let verbatim: Vec<&str> = self.verbatim();
        let input = quality::Input {
            source: &self.segment.text,
            output: &translated.answer.text,
            from: self.from,
            to: self.to,
            ended: translated.answer.finish.map(ended),
            score: translated.score.map(f32::ln),
            verbatim: &verbatim,
        };
        let mut findings = quality::check(&input);
        findings.extend(repaired);
        if let Some(wording) = self.wording {
            findings.extend(wording.missing(self.segment, (self.from, self.to), input.output));
        }
        let confidence = Some(quality::confidence(&input, &findings));
        Candidate { step, translated, findings, confidence }
    }

    /// Puts protected spans in again that got lost, where their place is certain.
    fn repair(&self, translated: &mut Translated) -> Option<Finding> {
        let restored = protect::restore(&self.segment.text, &self.segment.verbatim, &translated.answer.text);
        if restored.inserts.is_empty() {
            return None;
        }
        let names: Vec<&str> = restored.inserts.iter().map(|(_, text)| text.trim()).collect();
        let message = format!("{} got lost and was put in again where it has one place only", names.join(", "));
        let edits: Vec<Edit> = restored.inserts.iter().cloned().map(|(range, text)| Edit { range, text }).collect();
        let last_hop = translated.hops.last_mut().and_then(|hop| hop.alignment.as_mut());
        for alignment in translated.alignment.as_mut().into_iter().chain(last_hop) {
            for place in &mut Arc::make_mut(alignment).target {
                *place = typography::moved(place, &edits);
            }
        }
        translated.answer.text = restored.text;
        Some(Finding::new("verbatim_restored", Severity::Note, message))
    }

    fn verbatim(&self) -> Vec<&str> {
        self.segment.verbatim.iter().map(|range| &self.segment.text[range.clone()]).collect()
    }

    /// The units of a step, if it can do anything for the segment, and the pieces between them.
    fn units(&self, step: Step, best: &Candidate, owner: Owner) -> (Vec<Unit>, Vec<(Range<usize>, Piece)>) {
        let again = |effort: Effort| {
            // A model that cannot be made to write terms, and a text without any, are not changed by this.
            let terms = if self.wording.is_some() { TermUse::Required } else { TermUse::Free };
            let effort = Effort { terms, ..effort };
            let owner = Owner { attempt: Attempt::Again, ..owner };
            let context = self.context.clone();
            vec![Unit { from: self.from, text: self.segment.text.as_str().into(), context, effort, owner }]
        };
        if step != Step::Terms && !best.is_doubtful_beside_terms() {
            return (Vec::new(), Vec::new());
        }
        let units = match step {
            Step::First => Vec::new(),
            Step::Terms => {
                let spells = best.translated.hops.last().is_some_and(|hop| hop.spells);
                if !spells || !best.lacks_terms() {
                    return (Vec::new(), Vec::new());
                }
                again(Effort::default())
            }
            Step::Around => return self.around(best, owner),
            Step::Smaller => {
                let stopped = matches!(best.translated.answer.finish, Some(Finish::Loop | Finish::Limit));
                if !stopped && self.segment.text.len() < SMALLER_BYTES {
                    return (Vec::new(), Vec::new());
                }
                let limit = Some(SMALLER_TOKENS);
                again(Effort { no_repeat_ngram: NO_REPEAT, limit, ..Effort::default() })
            }
            Step::Prompt => {
                if !best.translated.hops.iter().any(|hop| hop.chat) {
                    return (Vec::new(), Vec::new());
                }
                let beams = Beams::Wide;
                again(Effort { no_repeat_ngram: NO_REPEAT, beams, request: Request::Strict, ..Effort::default() })
            }
            Step::Beam => again(Effort { no_repeat_ngram: NO_REPEAT, beams: Beams::Wide, ..Effort::default() }),
            Step::Route => {
                if self.models.other_route(self.from, self.to).is_none() {
                    return (Vec::new(), Vec::new());
                }
                again(Effort { way: Way::Other, ..Effort::default() })
            }
        };
        (units, Vec::new())
    }

    /// The text between protected spans, if any of those got lost.
    fn around(&self, best: &Candidate, owner: Owner) -> (Vec<Unit>, Vec<(Range<usize>, Piece)>) {
        let mut units = Vec::new();
        let mut pieces = Vec::new();
        if protect::survived(&self.verbatim(), &best.translated.answer.text).is_empty() {
            return (units, pieces);
        }
        for (range, protected) in protect::split_around(&self.segment.text, &self.segment.verbatim) {
            let text = &self.segment.text[range.clone()];
            if protected || !text.chars().any(char::is_alphabetic) {
                pieces.push((range, Piece::Kept));
                continue;
            }
            let owner = Owner { attempt: Attempt::Around { piece: pieces.len() }, ..owner };
            let terms = if self.wording.is_some() { TermUse::Required } else { TermUse::Free };
            let effort = Effort { terms, ..Effort::default() };
            units.push(Unit { from: self.from, text: text.into(), context: "".into(), effort, owner });
            pieces.push((range, Piece::Open(None)));
        }
        (units, pieces)
    }
}

impl Candidate {
    /// Whether there is an answer at all.
    fn failed(&self) -> bool {
        self.translated.answer.error.is_some() || self.translated.answer.text.trim().is_empty()
    }

    /// Whether another attempt may do better.
    fn is_doubtful(&self) -> bool {
        self.lacks_terms() || self.is_doubtful_beside_terms()
    }

    fn lacks_terms(&self) -> bool {
        self.missing_terms() > 0
    }

    fn missing_terms(&self) -> usize {
        self.findings.iter().filter(|finding| finding.code == TERM_MISSING).count()
    }

    fn is_doubtful_beside_terms(&self) -> bool {
        let beyond = |code: &str| code == TERM_MISSING || BEYOND_MENDING.contains(&code);
        let mendable = |finding: &Finding| finding.severity >= Severity::Warning && !beyond(finding.code);
        self.failed() || self.findings.iter().any(mendable)
    }

    /// Whether the answer is no translation at all.
    fn useless(&self) -> bool {
        self.findings.iter().any(|finding| NO_TRANSLATION.contains(&finding.code))
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// What is compared; less is better.
    fn rank(&self) -> (bool, bool, usize, usize, Reverse<u32>, Step) {
        // Probabilities are not negative: their bits are in the same order.
        let score = self.translated.score.filter(|score| *score >= 0.0).map_or(0, f32::to_bits);
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        (self.failed(), self.useless(), errors, warnings, Reverse(score), self.step)
    }
}

/// What follows from the first answer to a segment.
pub(super) fn begin(ground: Ground<'_>, owner: Owner, first: Translated) -> Verdict {
    let climb = Climb { candidates: Vec::new(), trying: Step::First, pieces: Vec::new(), whole: Some(first), left: 0 };
    climb.go_on(ground, owner)
}

impl Climb {
    /// Takes the answer of an attempt; answers whether it was the last one that was missing.
    pub(super) fn take(&mut self, attempt: Attempt, translated: Translated) -> bool {
        match attempt {
            Attempt::First | Attempt::Phrase { .. } => return false,
            Attempt::Around { piece } => {
                if let Some((_, piece)) = self.pieces.get_mut(piece) {
                    *piece = Piece::Open(Some(Box::new(translated)));
                }
            }
            Attempt::Again => self.whole = Some(translated),
        }
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// An attempt is complete: judges it, and goes on to the next step if there is need of one.
    pub(super) fn go_on(mut self, ground: Ground<'_>, owner: Owner) -> Verdict {
        let translated = match self.whole.take() {
            Some(whole) => whole,
            None => put_together(std::mem::take(&mut self.pieces), ground.segment),
        };
        // The weightless model answers the same whatever is asked of it.
        let stopped = translated.answer.cancelled || translated.hops.iter().any(|hop| hop.record.model == ECHO);
        let mut candidate = ground.judge(self.trying, translated);
        if self.trying == Step::Terms
            && let Some(first) = self.candidates.first()
        {
            let gained = first.missing_terms().saturating_sub(candidate.missing_terms());
            candidate.translated.strained = is_strained(&first.translated, &candidate.translated, gained);
        }
        if self.trying == Step::Terms && self.is_forced(&candidate) {
            let message = "with the terms of the glossary the model wrote another sentence";
            candidate.findings.push(Finding::new("terms_forced", Severity::Error, message));
        }
        let enough = stopped || !candidate.is_doubtful();
        self.candidates.push(candidate);
        if !enough {
            let allowed = |step: &Step| ground.retry == Retry::Full || *step == Step::Terms;
            for step in STEPS.into_iter().filter(|step| *step > self.trying && allowed(step)) {
                let Some(best) = self.candidates.iter().min_by_key(|candidate| candidate.rank()) else { break };
                let (units, pieces) = ground.units(step, best, owner);
                if units.is_empty() && pieces.is_empty() {
                    continue;
                }
                self.trying = step;
                self.pieces = pieces;
                self.left = units.len();
                if units.is_empty() {
                    return self.go_on(ground, owner);
                }
                return Verdict::Again(Box::new(self), units);
            }
        }
        Verdict::Settled(Box::new(self.settle()))
    }

    /// Whether an answer has terms that the first one lacks, and is another sentence for it. Where the first was no good
    /// nothing is said of that.
    fn is_forced(&self, candidate: &Candidate) -> bool {
        let Some(first) = self.candidates.first().filter(|first| !first.is_doubtful_beside_terms()) else {
            return false;
        };
        let gained = first.missing_terms().saturating_sub(candidate.missing_terms());
        let lost = |of: &Candidate| of.findings.iter().filter(|finding| finding.code.starts_with("verbatim_m")).count();
        gained == 0 || lost(candidate) > lost(first) || !resembles(&first.translated, &candidate.translated)
    }

    /// The best of the answers.
    fn settle(mut self) -> Settled {
        let best = (0..self.candidates.len()).min_by_key(|&index| self.candidates[index].rank()).unwrap_or_default();
        let sum = |tokens: fn(&Translated) -> usize| self.candidates.iter().map(|c| tokens(&c.translated)).sum();
        let source_tokens = sum(|translated| translated.answer.source_tokens);
        let target_tokens = sum(|translated| translated.answer.target_tokens);
        let attempts = if self.candidates.len() < 2 {
            Vec::new()
        } else {
            self.candidates.iter().enumerate().map(|(index, candidate)| candidate.record(index == best)).collect()
        };
        // A stopped job has no use for what was made of a segment on the way.
        let cancelled = self.candidates.iter().any(|candidate| candidate.translated.answer.cancelled);
        let hops = self.candidates[0].translated.hops.clone();
        let Candidate { mut translated, findings, confidence, .. } = self.candidates.swap_remove(best);
        if translated.hops.is_empty() {
            // Nothing but protected spans went out: the route was taken all the same.
            translated.hops = hops;
        }
        translated.answer.source_tokens = source_tokens;
        translated.answer.target_tokens = target_tokens;
        translated.answer.cancelled |= cancelled;
        Settled { translated, findings, confidence, attempts, phrases: Vec::new() }
    }
}

impl Candidate {
    fn record(&self, kept: bool) -> AttemptRecord {
        let answer = &self.translated.answer;
        let mut findings: Vec<&'static str> = self.findings.iter().map(|finding| finding.code).collect();
        if answer.error.is_some() {
            findings.push("not_translated");
        }
        // The output of the attempt that was kept stands in the segment.
        let output = (!kept && answer.error.is_none()).then(|| answer.text.clone());
        AttemptRecord { step: self.step.name(), output, score: self.translated.score, findings, kept }
    }
}

/// How an answer ended, in the words of the checks.
pub(super) fn ended(finish: Finish) -> Ended {
    match finish {
        Finish::Loop => Ended::Loop,
        Finish::Limit => Ended::Limit,
        Finish::End => Ended::Normal,
    }
}

/// One answer of the pieces around protected spans.
fn put_together(pieces: Vec<(Range<usize>, Piece)>, segment: &Segment) -> Translated {
    let mut whole = Translated::default();
    for (range, piece) in pieces {
        match piece {
            Piece::Kept => whole.answer.text.push_str(&segment.text[range]),
            Piece::Open(Some(part)) => absorb(&mut whole, *part, range.start),
            Piece::Open(None) => whole.answer.cancelled = true,
        }
    }
    // The pieces had texts between their hops each, which no one text stands for.
    whole.intermediate.clear();
    whole
}

/// Puts a piece of a unit, which begins at `start`, behind the pieces before it.
fn absorb(whole: &mut Translated, part: Translated, start: usize) {
    if let Some(alignment) = part.alignment {
        let moved = (*alignment).clone().moved(start, whole.answer.text.len());
        Arc::make_mut(whole.alignment.get_or_insert_default()).append(moved);
    }
    for (index, hop) in part.hops.into_iter().enumerate() {
        match whole.hops.get_mut(index) {
            Some(before) => {
                before.log_probability += hop.log_probability;
                before.scored_tokens += hop.scored_tokens;
                before.unaligned |= hop.unaligned;
            }
            None => whole.hops.push(hop),
        }
    }
    whole.answer.text.push_str(&part.answer.text);
    whole.answer.source_tokens += part.answer.source_tokens;
    whole.answer.target_tokens += part.answer.target_tokens;
    whole.answer.scored_tokens += part.answer.scored_tokens;
    whole.answer.log_probability += part.answer.log_probability;
    whole.answer.cancelled |= part.answer.cancelled;
    whole.answer.parts += part.answer.parts;
    whole.answer.cleaned.extend(part.answer.cleaned);
    whole.answer.finish = match (whole.answer.finish, part.answer.finish) {
        (Some(Finish::Loop), _) | (_, Some(Finish::Loop)) => Some(Finish::Loop),
        (Some(Finish::Limit), _) | (_, Some(Finish::Limit)) => Some(Finish::Limit),
        (a, b) => b.or(a),
    };
    if whole.answer.error.is_none() {
        whole.answer.error = part.answer.error;
    }
    whole.score = match (whole.score, part.score) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}

#[cfg(test)]
mod tests {
    // A list of one range is one.
    #![allow(clippy::single_range_in_vec_init, clippy::unwrap_used)]
    use super::super::align::Alignment;
    use super::super::models::{Choice, Hop};
    use super::super::unit::HopDone;
    use super::*;
    use crate::job::report::HopRecord;
    use crate::model::{Keep, LoadOptions, Precision};
    use crate::registry::{Settings, load};

    const OWNER: Owner = Owner { article: 0, segment: 0, attempt: Attempt::First };

    /// An answer whose every word comes from the whole text.
    fn answer(text: &str, read: usize) -> Translated {
        let mut translated = Translated::default();
        translated.answer.text = text.to_string();
        let whole = Alignment { source: vec![0..read], target: vec![0..text.len()], rows: vec![vec![(0, 1.0)]] };
        translated.alignment = Some(Arc::new(whole));
        translated
    }

    fn segment(text: &str, verbatim: Vec<Range<usize>>) -> Segment {
        Segment { block: 0, span: 0..text.len(), text: text.into(), slots: Vec::new(), verbatim }
    }

    /// Runs a ladder from English to Ukrainian on a text; the model answers what `says` makes of a unit.
    fn climb(text: &str, says: &dyn Fn(&Unit) -> String, other: &Other, retry: Retry) -> Settled {
        climb_with(text, &|unit| answer(&says(unit), unit.text.len()), other, retry)
    }

    /// An answer of a chat model.
    fn said(text: &str, read: usize) -> Translated {
        let mut translated = answer(text, read);
        translated.hops.push(HopDone {
            record: HopRecord { from: Language::EN, to: Language::UK, model: "chat".into() },
            log_probability: 0.0,
            scored_tokens: 0,
            alignment: None,
            unaligned: true,
            spells: false,
            chat: true,
        });
        translated
    }

    fn climb_with(text: &str, says: &dyn Fn(&Unit) -> Translated, other: &Other, retry: Retry) -> Settled {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path().join("hub"), folder.path().join("data"));
        settings.offline = true;
        let options = LoadOptions { device: candle_core::Device::Cpu, precision: Precision::F32, keep: Keep::Nowhere };
        let mut models = Models::new(Choice::Echo, &settings, options, &()).unwrap();
        if *other == Other::Here {
            let hop = Hop { from: Language::EN, to: Language::UK, model: "other".into() };
            models = models.with_other_route(&[hop], &|_| load::echo());
        }
        let segment = segment(text, protect::protect(text));
        let ground = Ground {
            segment: &segment,
            context: &"".into(),
            from: Language::EN,
            to: Language::UK,
            one_line: OneLine::NeedNot,
            models: &models,
            retry,
            wording: None,
        };
        let first =
            Unit { from: Language::EN, text: text.into(), context: "".into(), effort: Effort::default(), owner: OWNER };
        let mut verdict = begin(ground, OWNER, says(&first));
        for _ in 0..10 {
            match verdict {
                Verdict::Settled(settled) => return *settled,
                Verdict::Again(mut climb, units) => {
                    let complete: Vec<bool> =
                        units.iter().map(|unit| climb.take(unit.owner.attempt, says(unit))).collect();
                    assert_eq!(complete.iter().filter(|complete| **complete).count(), 1);
                    verdict = climb.go_on(ground, OWNER);
                }
            }
        }
        panic!("the ladder has no end");
    }

    #[derive(PartialEq)]
    enum Other {
        Here,
        Missing,
    }

    fn steps(settled: &Settled) -> Vec<(&str, bool)> {
        settled.attempts.iter().map(|attempt| (attempt.step, attempt.kept)).collect()
    }

    const TEXT: &str = "The bridge was closed at noon because two trucks had been hit there in the morning.";
    const GOOD: &str = "Опівдні міст закрили, бо вранці там влучили у дві вантажівки.";

    #[test]
    fn a_good_answer_is_taken_at_once() {
        let settled = climb(TEXT, &|_| GOOD.into(), &Other::Here, Retry::Full);
        assert!(settled.attempts.is_empty() && settled.findings.is_empty());
    }

    #[test]
    fn steps_are_tried_in_order_until_one_is_good() {
        let beam = |unit: &Unit| if unit.effort.beams == Beams::Wide { GOOD.into() } else { TEXT.to_string() };
        let settled = climb(TEXT, &beam, &Other::Here, Retry::Full);
        assert_eq!(steps(&settled), [("first", false), ("beam", true)]);
        assert_eq!(settled.translated.retry, Some("beam"));
        assert_eq!(settled.attempts[0].findings, ["copied_source"]);
        let other = |unit: &Unit| if unit.effort.way == Way::Other { GOOD.into() } else { TEXT.to_string() };
        let settled = climb(TEXT, &other, &Other::Here, Retry::Full);
        assert_eq!(steps(&settled), [("first", false), ("beam", false), ("other_route", true)]);
        let long = format!("{TEXT} {TEXT}");
        let smaller =
            |unit: &Unit| if unit.effort.limit.is_some() { format!("{GOOD} {GOOD}") } else { unit.text.to_string() };
        let settled = climb(&long, &smaller, &Other::Here, Retry::Full);
        assert_eq!(steps(&settled)[1].0, "smaller_pieces");
    }

    #[test]
    fn a_chat_model_is_asked_in_other_words() {
        let says = |unit: &Unit| match unit.effort.request {
            Request::Strict => said(GOOD, unit.text.len()),
            Request::Usual => said(TEXT, unit.text.len()),
        };
        let settled = climb_with(TEXT, &says, &Other::Here, Retry::Full);
        assert_eq!(steps(&settled), [("first", false), ("other_prompt", true)]);
    }

    #[test]
    fn where_nothing_is_good_the_least_bad_is_kept_with_its_findings() {
        let says = |unit: &Unit| match unit.effort.beams {
            Beams::Wide => "Опівдні міст закрили, бо вранці".to_string(),
            Beams::Usual => TEXT.to_string(),
        };
        let settled = climb(TEXT, &says, &Other::Missing, Retry::Full);
        assert_eq!(steps(&settled), [("first", false), ("beam", true)]);
        assert!(!settled.findings.is_empty());
        // What is no better than the first answer does not replace it.
        let settled = climb(TEXT, &|_| TEXT.into(), &Other::Here, Retry::Full);
        assert_eq!(steps(&settled), [("first", true), ("beam", false), ("other_route", false)]);
    }

    #[test]
    fn what_has_one_place_is_put_in_again_without_another_attempt() {
        let text = "The bridge was closed at noon because two trucks had been hit there. 🚧";
        let says = |_: &Unit| "Опівдні міст закрили, бо там влучили у дві вантажівки.".to_string();
        let settled = climb(text, &says, &Other::Missing, Retry::Full);
        assert!(settled.translated.answer.text.ends_with("вантажівки. 🚧"), "{}", settled.translated.answer.text);
        assert!(settled.attempts.is_empty());
        let codes: Vec<&str> = settled.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["verbatim_restored"]);
    }

    #[test]
    fn nothing_is_tried_again_where_that_is_off() {
        let settled = climb(TEXT, &|_| TEXT.into(), &Other::Here, Retry::Off);
        assert!(settled.attempts.is_empty());
        assert_eq!(settled.findings.len(), 1);
    }

    #[test]
    fn pieces_around_a_protected_span_keep_where_their_words_come_from() {
        let text = "Ask a@b.cd or wait.";
        let says = |unit: &Unit| match &*unit.text {
            // The white space at the ends of a piece is put back before retries see the answer.
            piece if piece.starts_with("Ask ") && piece.len() < 6 => "Спитай ".to_string(),
            piece if piece.ends_with("wait.") && piece.len() < 12 => " або чекай.".to_string(),
            _ => "Спитай або чекай.".to_string(),
        };
        let settled = climb(text, &says, &Other::Missing, Retry::Full);
        assert_eq!(settled.translated.answer.text, "Спитай a@b.cd або чекай.");
        assert_eq!(steps(&settled), [("first", false), ("around_protected_spans", true)]);
        let found = settled.translated.alignment.unwrap();
        assert_eq!(found.source, [0..4, 10..text.len()]);
        let words: Vec<&str> = found.target.iter().map(|span| &settled.translated.answer.text[span.clone()]).collect();
        assert_eq!(words, ["Спитай ", " або чекай."]);
        assert_eq!(found.rows, [[(0, 1.0)], [(1, 1.0)]]);
    }
}
