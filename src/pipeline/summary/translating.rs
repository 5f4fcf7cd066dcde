//! Translates candidates that are not in the language asked for, sentence by sentence, all of a turn together.

use super::super::ladder::ended;
use super::super::unit::Translated;
use super::super::{Pipeline, PipelineError};
use super::Draft;
use super::ladder::Candidate;
use crate::language::Language;
use crate::quality::{self, Finding, Severity};
use crate::segment::sentence_ranges;
use std::collections::BTreeMap;

/// A sentence of a candidate.
struct Sentence {
    /// Index of its candidate in the turn.
    candidate: usize,
    from: Language,
    text: String,
}

impl Pipeline<'_> {
    /// Translates the candidates of a turn into the languages of their drafts. What no model translates stays as it is,
    /// with a finding.
    pub(super) fn translate_candidates(
        &self,
        drafts: &mut [Draft],
        candidates: &mut [(usize, Candidate)],
    ) -> Result<(), PipelineError> {
        let mut groups: BTreeMap<Language, Vec<Sentence>> = BTreeMap::new();
        for (at, (index, candidate)) in candidates.iter_mut().enumerate() {
            let draft = &drafts[*index];
            let Some(from) = candidate.language.filter(|&language| language != draft.to) else { continue };
            if candidate.cancelled || candidate.text.trim().is_empty() {
                continue;
            }
            if let Err(error) = self.models.route(from, draft.to) {
                if !error.is_no_route() {
                    return Err(error.into());
                }
                let message = format!("left in {from}: {error}");
                candidate.findings.push(Finding::new("not_translated", Severity::Error, message));
                continue;
            }
            super::finishing::judge_before_translation(draft, candidate);
            let text = std::mem::take(&mut candidate.text);
            candidate.intermediate = Some(text.clone());
            candidate.language = Some(draft.to);
            let sentences = sentence_ranges(&text, from).into_iter();
            groups.entry(draft.to).or_default().extend(sentences.map(|range| Sentence {
                candidate: at,
                from,
                text: text[range].to_string(),
            }));
        }
        for (to, sentences) in groups {
            let texts: Vec<(Language, &str)> = sentences.iter().map(|s| (s.from, s.text.as_str())).collect();
            let translated = self.translate_texts(&texts, to)?;
            for (sentence, part) in sentences.iter().zip(translated) {
                let (index, candidate) = &mut candidates[sentence.candidate];
                let draft = &mut drafts[*index];
                draft.source_tokens += part.answer.source_tokens;
                draft.target_tokens += part.answer.target_tokens;
                append(candidate, sentence, to, part);
            }
        }
        for (_, candidate) in candidates.iter_mut() {
            if let Some(hop) = candidate.hops.iter().find(|hop| self.models.is_poor(hop)) {
                let (from, to) = (hop.from.english_name(), hop.to.english_name());
                candidate.weak = Some(format!("{} translates {from} into {to} badly by its card", hop.model));
            }
        }
        Ok(())
    }
}

/// Adds a translated sentence to a candidate, with what was found in it.
fn append(candidate: &mut Candidate, sentence: &Sentence, to: Language, part: Translated) {
    for hop in part.hops.iter().map(|hop| &hop.record) {
        if !candidate.hops.contains(hop) {
            candidate.hops.push(hop.clone());
        }
    }
    candidate.cancelled |= part.answer.cancelled;
    if !candidate.text.is_empty() {
        candidate.text.push(' ');
    }
    let start = candidate.text.len();
    if let Some(error) = part.answer.error {
        candidate.text.push_str(&sentence.text);
        let message = format!("a sentence was left in {}: {error}", sentence.from);
        let whole = start..candidate.text.len();
        candidate.findings.push(Finding::new("not_translated", Severity::Error, message).in_output(whole));
        return;
    }
    // Findings have their places in the summary; the sentence they were found against is not the article.
    let output = part.answer.text.trim();
    candidate.text.push_str(output);
    let found = quality::check(&quality::Input {
        source: &sentence.text,
        output,
        from: sentence.from,
        to,
        ended: part.answer.finish.map(ended),
        score: part.score.map(f32::ln),
        verbatim: &[],
    });
    candidate.findings.extend(found.into_iter().map(|mut finding| {
        finding.source = None;
        finding.output = finding.output.map(|place| start + place.start..start + place.end);
        finding
    }));
    candidate.score = match (candidate.score, part.score) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}
