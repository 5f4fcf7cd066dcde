//! Where a model has put the words of a link: what pairs of markup hold is translated by itself and looked for.
//!
//! A segment that has its answer, in which some pair of markup has no place, is asked for once more: not the sentence, only
//! the words between the marks. Where those are in the answer is where the marks go; where they are not, the place is an
//! estimate, and the report says so. What is asked for depends on the document, the answer and nothing else, and what comes
//! of it is kept under the range of the words: an answer that is known from another place is good for this one too.

use super::ladder::Settled;
use super::models::ECHO;
use super::run::Effort;
use super::unit::{Attempt, Owner, Translated, Unit};
use crate::document::Document;
use crate::language::Language;
use crate::segment::{Phrase, Segment, markup_without_place};
use std::ops::Range;

/// More pairs than this in one sentence are left to the estimate.
const MOST_PAIRS: usize = 16;

/// A segment that has its answer and waits for translations of what its markup holds.
pub(super) struct Pending {
    settled: Settled,
    /// What is asked for.
    wanted: Vec<Range<usize>>,
    /// Translations that are missing.
    left: usize,
}

/// A segment with its answer.
pub(super) enum Placing {
    /// Nothing is to be asked for.
    Done(Box<Settled>),
    /// These have to be translated first.
    Waits(Box<Pending>, Vec<Unit>),
}

/// Sees what is to be asked for, so that the marks of a segment find their places.
pub(super) fn place(
    document: &Document,
    segment: &Segment,
    mut settled: Settled,
    from: Language,
    owner: Owner,
) -> Placing {
    let answer = &settled.translated.answer;
    // The weightless model says the words of the source, which are found as they are.
    let echo = settled.translated.hops.iter().any(|hop| hop.record.model == ECHO);
    if echo || answer.error.is_some() || answer.cancelled || answer.text.trim().is_empty() {
        return Placing::Done(Box::new(settled));
    }
    let mut wanted = markup_without_place(document, segment, &answer.text);
    wanted.truncate(MOST_PAIRS);
    // What was asked for elsewhere must not change what is done here.
    settled.phrases.retain(|phrase| wanted.contains(&phrase.at));
    let missing = wanted.iter().enumerate().filter(|(_, at)| settled.phrases.iter().all(|phrase| phrase.at != **at));
    let unit = |(number, at): (usize, &Range<usize>)| Unit {
        from,
        text: segment.text[at.clone()].into(),
        context: "".into(),
        effort: Effort::default(),
        owner: Owner { attempt: Attempt::Phrase { number }, ..owner },
    };
    let units: Vec<Unit> = missing.map(unit).collect();
    if units.is_empty() {
        return Placing::Done(Box::new(settled));
    }
    Placing::Waits(Box::new(Pending { settled, wanted, left: units.len() }), units)
}

impl Pending {
    /// Takes a translation; answers whether it was the last one that was missing.
    pub(super) fn take(&mut self, number: usize, translated: &Translated) -> bool {
        let answer = &mut self.settled.translated.answer;
        answer.source_tokens += translated.answer.source_tokens;
        answer.target_tokens += translated.answer.target_tokens;
        answer.cancelled |= translated.answer.cancelled;
        let said = translated.answer.text.trim();
        if translated.answer.error.is_some() || said.is_empty() {
            // It may succeed next time.
            self.settled.partial |= translated.answer.error.is_some();
        } else if let Some(at) = self.wanted.get(number) {
            self.settled.phrases.push(Phrase { at: at.clone(), text: said.to_string() });
            // Answers come in any order.
            self.settled.phrases.sort_by_key(|phrase| (phrase.at.start, phrase.at.end));
            self.settled.grown = true;
        }
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// The answer with all that is known.
    pub(super) fn settled(self) -> Settled {
        self.settled
    }
}
