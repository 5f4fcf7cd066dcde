//! The ladder of a summary: which attempts are made, in which order, when the next one is, and which is the best. Pure.

use crate::job::report::{AttemptRecord, HopRecord};
use crate::language::Language;
use crate::quality::{Finding, Severity};
use std::cmp::Reverse;

/// An attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The model writes in the language asked for.
    Direct,
    /// The same, asked for in stricter words and in that language.
    OtherPrompt,
    /// A draft in another language is translated: one that was refused for its language, or one that the model is asked for
    /// in a language that it knows better.
    Translated,
    /// Sentences of the article, translated if need be.
    Extractive,
}

impl Step {
    /// Its name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::Direct => "direct",
            Step::OtherPrompt => "other_prompt",
            Step::Translated => "translated",
            Step::Extractive => "extractive",
        }
    }
}

/// The steps for a model, in order. In a language that it writes badly by its card, what it writes in another one and is
/// translated comes first; only chat models understand other words. The article's own sentences come last.
pub(super) fn steps(writes_well: bool, chats: bool) -> Vec<Step> {
    let order = if writes_well {
        [Step::Direct, Step::OtherPrompt, Step::Translated, Step::Extractive]
    } else {
        [Step::Translated, Step::Direct, Step::OtherPrompt, Step::Extractive]
    };
    order.into_iter().filter(|&step| step != Step::OtherPrompt || chats).collect()
}

/// What came of an attempt.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidate {
    pub(super) step: Option<Step>,
    pub(super) text: String,
    /// Language that it was written in, and is in now.
    pub(super) language: Option<Language>,
    /// The language that it is in, if it was asked for in another one and can be translated.
    pub(super) spoken: Option<Language>,
    /// Whether it is the article's own sentences, word for word or translated.
    pub(super) extracted: bool,
    /// Geometric mean of the probabilities of its tokens; the lower one of writing and translating.
    pub(super) score: Option<f32>,
    /// What stood before a translation, if it was translated.
    pub(super) intermediate: Option<String>,
    /// The hops of that translation.
    pub(super) hops: Vec<HopRecord>,
    pub(super) findings: Vec<Finding>,
    /// Why there is no text.
    pub(super) failure: Option<String>,
    /// What was found in a draft before it was translated.
    pub(super) before: Vec<Finding>,
    /// Who wrote or translated it in a language that it does badly, if anybody did.
    pub(super) weak: Option<String>,
    /// Whether the job was stopped before it was done.
    pub(super) cancelled: bool,
}

/// Code of the finding that a model does the language badly by its card. It is told of a candidate and decides nothing: no
/// other attempt by the same model could do without it.
pub(super) const WEAK: &str = "weak_model";

/// Codes of findings that make a summary useless as a whole, whatever else is right: it is not in the language, is no
/// summary, or is no text.
const USELESS: &[&str] = &[
    "empty_output",
    "wrong_language",
    "not_translated",
    "copied_source",
    "instruction_echo",
    "boilerplate_leak",
    "repetition",
    "summary_cut",
];

impl Candidate {
    /// What another attempt could do better.
    fn faults(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.code != WEAK)
    }

    fn count(&self, severity: Severity) -> usize {
        self.faults().filter(|finding| finding.severity == severity).count()
    }

    /// Whether nothing was found that another attempt could do better.
    fn passes(&self) -> bool {
        self.faults().all(|finding| finding.severity < Severity::Warning)
    }

    /// The order of candidates, the best first: usable ones; fewer errors; fewer warnings; the higher score of the model in
    /// thousandths, what was not written by one last; notes do not count. The earlier one of equals is kept.
    fn rank(&self) -> (usize, usize, usize, Reverse<i32>) {
        let is_useless = |finding: &&Finding| finding.severity == Severity::Error && USELESS.contains(&finding.code);
        let score = self.score.map_or(-1, |score| (score * 1000.0).round() as i32);
        (
            self.findings.iter().filter(is_useless).count(),
            self.count(Severity::Error),
            self.count(Severity::Warning),
            Reverse(score),
        )
    }
}

/// What a ladder is made of.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The steps, in order.
    pub(super) steps: Vec<Step>,
    /// The language in which a model writes what is to be translated, if there is one.
    pub(super) pivot: Option<Language>,
    /// How bad the best draft has to be for the article's own sentences to stand in for it.
    pub(super) replaced_from: Severity,
}

/// The attempts at one summary.
#[derive(Debug)]
pub(super) struct Ladder {
    /// The steps that were not taken, the next one last.
    plan: Plan,
    tried: Vec<Candidate>,
}

impl Ladder {
    pub(super) fn new(mut plan: Plan) -> Ladder {
        plan.steps.reverse();
        Ladder { plan, tried: Vec::new() }
    }

    /// The step to take next, which is taken off the ladder; none once a candidate passes. The article's own sentences are
    /// no better than a draft that is only doubtful: they stand in for what has an error, and for what is doubtful where
    /// the model writes the language badly.
    pub(super) fn next_step(&mut self) -> Option<Step> {
        if self.is_settled() {
            return None;
        }
        let worst = self.best().and_then(|best| self.tried[best].faults().map(|fault| fault.severity).max());
        let replaced = self.tried.is_empty() || worst >= Some(self.plan.replaced_from);
        while let Some(step) = self.plan.steps.pop() {
            let makes_sense = match step {
                Step::Direct | Step::OtherPrompt => true,
                Step::Translated => self.plan.pivot.is_some() || self.refused().is_some(),
                Step::Extractive => replaced,
            };
            if makes_sense {
                return Some(step);
            }
        }
        None
    }

    /// The language in which a model writes what is to be translated.
    pub(super) fn pivot(&self) -> Option<Language> {
        self.plan.pivot
    }

    /// The best draft that was written in another language than it was asked for in and can be translated, as the candidate
    /// of a new step.
    pub(super) fn refused(&self) -> Option<Candidate> {
        let refused = self.tried.iter().filter(|candidate| candidate.spoken.is_some());
        // The first one of equals: `max_by` answers the last.
        let draft = refused.rev().max_by_key(|candidate| Reverse(candidate.rank()))?;
        Some(Candidate {
            step: Some(Step::Translated),
            text: draft.text.clone(),
            language: draft.spoken,
            score: draft.score,
            weak: draft.weak.clone(),
            ..Candidate::default()
        })
    }

    /// Whether no step will be taken any more.
    pub(super) fn is_settled(&self) -> bool {
        self.plan.steps.is_empty() || self.tried.iter().any(Candidate::passes)
    }

    pub(super) fn add(&mut self, candidate: Candidate) {
        self.tried.push(candidate);
    }

    /// Index of the best candidate.
    fn best(&self) -> Option<usize> {
        (0..self.tried.len()).min_by_key(|&index| (self.tried[index].rank(), index))
    }

    /// The best candidate, and the record of all.
    pub(super) fn finish(self) -> (Option<Candidate>, Vec<AttemptRecord>) {
        let Some(best) = self.best() else { return (None, Vec::new()) };
        let record = |(index, candidate): (usize, &Candidate)| AttemptRecord {
            step: candidate.step.map_or("", Step::name),
            output: Some(candidate.text.clone()).filter(|text| !text.is_empty()),
            score: candidate.score,
            findings: candidate.findings.iter().map(|finding| finding.code).collect(),
            kept: index == best,
        };
        let records = self.tried.iter().enumerate().map(record).collect();
        let kept = self.tried.into_iter().nth(best);
        (kept, records)
    }

    /// Why the attempts before a candidate were not good enough: the failure of the model, or what was found.
    pub(super) fn reasons(&self) -> String {
        let reasons: Vec<String> = self
            .tried
            .iter()
            .filter(|candidate| candidate.step != Some(Step::Extractive))
            .map(|candidate| {
                let codes: Vec<&str> = candidate
                    .findings
                    .iter()
                    .filter(|finding| finding.severity == Severity::Error)
                    .map(|finding| finding.code)
                    .collect();
                let name = candidate.step.map_or("", Step::name);
                match &candidate.failure {
                    Some(failure) => format!("{name}: {failure}"),
                    None => format!("{name}: {}", codes.join(", ")),
                }
            })
            .collect();
        reasons.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A candidate with findings given by their codes: errors with `!`, warnings with `?`, notes plain.
    fn candidate(step: Step, findings: &[&'static str], score: f32) -> Candidate {
        let finding = |code: &&'static str| match code.as_bytes().last() {
            Some(b'!') => Finding::new(&code[..code.len() - 1], Severity::Error, ""),
            Some(b'?') => Finding::new(&code[..code.len() - 1], Severity::Warning, ""),
            _ => Finding::new(code, Severity::Note, ""),
        };
        let findings = findings.iter().map(finding).collect();
        Candidate { step: Some(step), text: "Text.".into(), score: Some(score), findings, ..Candidate::default() }
    }

    fn plan(chats: bool, pivot: Option<Language>) -> Plan {
        Plan { steps: steps(true, chats), pivot, replaced_from: Severity::Error }
    }

    /// The steps that are taken and the one that is kept, when attempts have these findings, in order.
    fn check(outcomes: &[(&[&'static str], f32)], steps: &[&str], kept: &str) {
        let mut ladder = Ladder::new(plan(true, Some(Language::EN)));
        let mut taken = Vec::new();
        while let Some(step) = ladder.next_step() {
            let (findings, score) = outcomes[taken.len()];
            taken.push(step.name());
            ladder.add(candidate(step, findings, score));
        }
        assert_eq!(taken, steps);
        let (best, records) = ladder.finish();
        assert_eq!(best.and_then(|best| best.step).map(Step::name), Some(kept));
        assert_eq!(records.iter().filter(|record| record.kept).count(), 1);
    }

    #[test]
    fn the_first_attempt_that_passes_ends_it() {
        check(&[(&["summary_length"], 0.5)], &["direct"], "direct");
        check(&[(&["copied_lead?"], 0.9), (&[], 0.1)], &["direct", "other_prompt"], "other_prompt");
        check(
            &[(&["wrong_language!"], 0.9), (&["wrong_language!"], 0.9), (&[], 0.1)],
            &["direct", "other_prompt", "translated"],
            "translated",
        );
    }

    #[test]
    fn own_sentences_stand_in_for_errors_only() {
        check(
            &[(&["copied_lead?"], 0.4), (&["copied_lead?"], 0.6), (&["name_new?", "name_new?"], 0.9)],
            &["direct", "other_prompt", "translated"],
            "other_prompt",
        );
        check(
            &[(&["number_new!"], 0.9), (&["number_new!"], 0.9), (&["number_new!"], 0.9), (&[], 0.0)],
            &["direct", "other_prompt", "translated", "extractive"],
            "extractive",
        );
    }

    #[test]
    fn where_the_model_is_weak_they_stand_in_for_doubts_and_its_weakness_decides_nothing() {
        let weak: &[&str] = &["weak_model?", "end_missing?"];
        for (replaced_from, expected) in [(Severity::Error, None), (Severity::Warning, Some(Step::Extractive))] {
            let steps = vec![Step::Direct, Step::Extractive];
            let mut ladder = Ladder::new(Plan { steps, pivot: None, replaced_from });
            ladder.next_step();
            ladder.add(candidate(Step::Direct, weak, 0.5));
            assert_eq!(ladder.next_step(), expected);
        }
        check(&[(&["weak_model?"], 0.5)], &["direct"], "direct");
    }

    #[test]
    fn the_order_is_usable_then_errors_then_warnings_then_score() {
        let wrong: &[&str] = &["wrong_language!"];
        let all = ["direct", "other_prompt", "translated", "extractive"];
        check(&[(wrong, 0.9), (&["number_new!", "name_new!"], 0.1), (wrong, 0.9), (wrong, 0.9)], &all, "other_prompt");
        let one: &[&str] = &["number_new!"];
        check(&[(&["number_new!", "name_new?"], 0.9), (one, 0.1), (wrong, 0.9), (wrong, 0.9)], &all, "other_prompt");
        check(&[(one, 0.4), (one, 0.5), (wrong, 0.9), (wrong, 0.9)], &all, "other_prompt");
        check(&[(one, 0.5), (one, 0.500_01), (wrong, 0.9), (wrong, 0.9)], &all, "direct");
    }

    #[test]
    fn steps_suit_the_model() {
        let names = |steps: Vec<Step>| steps.into_iter().map(Step::name).collect::<Vec<_>>();
        assert_eq!(names(steps(false, true)), ["translated", "direct", "other_prompt", "extractive"]);
        assert_eq!(names(steps(true, false)), ["direct", "translated", "extractive"]);
    }

    #[test]
    fn without_a_better_language_only_a_refused_draft_is_translated() {
        for (spoken, expected) in [(None, "extractive"), (Some(Language::KO), "translated")] {
            let mut ladder = Ladder::new(plan(false, None));
            assert_eq!(ladder.next_step(), Some(Step::Direct));
            ladder.add(Candidate { spoken, ..candidate(Step::Direct, &["wrong_language!"], 0.9) });
            assert_eq!(ladder.refused().and_then(|draft| draft.language), spoken);
            assert_eq!(ladder.next_step().map(Step::name), Some(expected));
        }
    }
}
