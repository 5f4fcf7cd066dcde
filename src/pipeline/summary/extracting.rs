//! A summary of the article's own sentences: complete ones, in the article's language, and no boilerplate.

use super::Draft;
use super::ladder::{Candidate, Step};
use crate::language::detect;
use crate::segment::sentence_ranges;
use crate::summarize::extractive;
use crate::token::SummaryLength;

/// Letters from which on a sentence is told from another language, as for paragraphs of articles.
const LETTERS_TO_DETECT: usize = 24;

/// Chooses sentences of the article of a draft.
pub(super) fn extract(draft: &Draft, length: SummaryLength) -> Candidate {
    let mut sentences: Vec<(&str, usize)> = Vec::new();
    for (number, paragraph) in draft.paragraphs.iter().enumerate() {
        // A headline is not a sentence of the summary: it has no full stop and would stand without one.
        let complete = paragraph.trim_end().ends_with(['.', '!', '?', '…', '"', '”', '»', '’', ')']);
        if complete || draft.paragraphs.len() == 1 {
            let ranges = sentence_ranges(paragraph, draft.from);
            sentences.extend(ranges.into_iter().map(|range| (&paragraph[range], number)));
        }
    }
    // A paragraph in another language may be news, and is not in the language that is expected; unless there is no other.
    let own: Vec<(&str, usize)> = sentences.iter().copied().filter(|(sentence, _)| is_own(draft, sentence)).collect();
    let sentences = if own.is_empty() { sentences } else { own };
    let chosen = extractive::summarize_paragraphs(&sentences, draft.from, length.sentences());
    let text: Vec<&str> = chosen.into_iter().map(|index| sentences[index].0).collect();
    Candidate {
        step: Some(Step::Extractive),
        text: text.join(" "),
        language: Some(draft.from),
        extracted: true,
        ..Candidate::default()
    }
}

fn is_own(draft: &Draft, sentence: &str) -> bool {
    sentence.chars().filter(|c| c.is_alphabetic()).count() < LETTERS_TO_DETECT
        || detect::detect_among(sentence, draft.from).is_none_or(|found| found.language == draft.from)
}
