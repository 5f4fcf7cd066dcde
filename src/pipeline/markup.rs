//! Where a model has put the words of a link: what pairs of markup hold is translated by itself and looked for.
//!
//! A segment that has its answer, in which some pair of markup has no place, is asked for once more: not the sentence, only
//! the words between the marks. Where those are in the answer is where the marks go; where they are not, the place is an
//! estimate, and the report says so.

use super::ladder::Settled;
use super::models::ECHO;
use super::run::Effort;
use super::unit::{Attempt, Owner, Translated, Unit};
use crate::document::Document;
use crate::language::Language;
use crate::segment::{Phrase, Segment, markup_without_place};

/// More pairs than this in one sentence are left to the estimate.
const MOST_PAIRS: usize = 16;

/// A segment that has its answer and waits for translations of what its markup holds.
pub(super) struct Pending {
    settled: Settled,
    /// Translations that are missing.
    left: usize,
}

/// What is to be asked for, so that the marks of a segment find their places.
pub(super) fn units(
    document: &Document,
    segment: &Segment,
    settled: &Settled,
    from: Language,
    owner: Owner,
) -> Vec<Unit> {
    let answer = &settled.translated.answer;
    // The weightless model says the words of the source, which are found as they are.
    let echo = settled.translated.hops.iter().any(|hop| hop.record.model == ECHO);
    if echo || answer.error.is_some() || answer.cancelled || answer.text.trim().is_empty() {
        return Vec::new();
    }
    let pairs = markup_without_place(document, segment, &answer.text);
    let unit = |(opening, range): (usize, std::ops::Range<usize>)| Unit {
        from,
        text: segment.text[range].into(),
        context: "".into(),
        effort: Effort::default(),
        owner: Owner { attempt: Attempt::Phrase { opening }, ..owner },
    };
    pairs.into_iter().take(MOST_PAIRS).map(unit).collect()
}

impl Pending {
    /// An answer that waits for as many translations.
    pub(super) fn new(settled: Settled, left: usize) -> Pending {
        Pending { settled, left }
    }

    /// Takes one; answers whether it was the last one that was missing.
    pub(super) fn take(&mut self, opening: usize, translated: &Translated) -> bool {
        let answer = &mut self.settled.translated.answer;
        answer.source_tokens += translated.answer.source_tokens;
        answer.target_tokens += translated.answer.target_tokens;
        answer.cancelled |= translated.answer.cancelled;
        let said = translated.answer.text.trim();
        if translated.answer.error.is_none() && !said.is_empty() {
            self.settled.phrases.push(Phrase { opening, text: said.to_string() });
            // Answers come in any order.
            self.settled.phrases.sort_by_key(|phrase| phrase.opening);
        }
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// The answer with all that is known.
    pub(super) fn settled(self) -> Settled {
        self.settled
    }
}
