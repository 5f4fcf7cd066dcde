//! Doubtful segments again: around protected spans that got lost, and in smaller pieces after a loop or a cut.
//!
//! Decides and puts together; the work is done by `flow`, to which the attempts are units like any other.

use super::run::Effort;
use super::unit::{Attempt, Owner, Translated, Unit};
use crate::decode::Finish;
use crate::language::Language;
use crate::segment::{Segment, protect};
use std::ops::Range;
use std::sync::Arc;

/// Source tokens of a piece when a segment is done again after a loop: about one clause.
const RETRY_TOKENS: usize = 40;

/// A segment that is done again.
pub(super) struct Again {
    /// What the first attempt made.
    first: Translated,
    /// For an attempt around protected spans: what stands there, and what has come of what is between.
    pieces: Vec<(Range<usize>, Piece)>,
    /// Pieces that are not done.
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
    Settled(Translated),
    /// Another attempt, which these units are.
    Again(Again, Vec<Unit>),
}

/// What follows from the first answer to a segment.
pub(super) fn judge(segment: &Segment, from: Language, owner: Owner, first: Translated) -> Verdict {
    let answer = &first.answer;
    if answer.error.is_some() || answer.cancelled {
        return Verdict::Settled(first);
    }
    if matches!(answer.finish, Some(Finish::Loop | Finish::Limit)) {
        let effort = Effort { no_repeat_ngram: 4, limit: Some(RETRY_TOKENS), ..Effort::default() };
        let owner = Owner { attempt: Attempt::Smaller, ..owner };
        let unit = Unit { from, text: segment.text.as_str().into(), effort, owner };
        return Verdict::Again(Again { first, pieces: Vec::new(), left: 1 }, vec![unit]);
    }
    let verbatim: Vec<&str> = segment.verbatim.iter().map(|range| &segment.text[range.clone()]).collect();
    if protect::survived(&verbatim, &answer.text).is_empty() {
        return Verdict::Settled(first);
    }
    let mut units = Vec::new();
    let mut pieces = Vec::new();
    for (range, protected) in protect::split_around(&segment.text, &segment.verbatim) {
        let text = &segment.text[range.clone()];
        if protected || !text.chars().any(char::is_alphabetic) {
            pieces.push((range, Piece::Kept));
            continue;
        }
        let owner = Owner { attempt: Attempt::Around { piece: pieces.len() }, ..owner };
        units.push(Unit { from, text: text.into(), effort: Effort::default(), owner });
        pieces.push((range, Piece::Open(None)));
    }
    let again = Again { first, pieces, left: units.len() };
    if units.is_empty() { Verdict::Settled(again.settle(segment)) } else { Verdict::Again(again, units) }
}

impl Again {
    /// Takes the answer of an attempt; answers whether it was the last one that was missing.
    pub(super) fn take(&mut self, attempt: Attempt, translated: Translated) -> bool {
        match attempt {
            // Terms are the last step and no business of this one.
            Attempt::First | Attempt::Terms => return false,
            Attempt::Around { piece } => {
                if let Some((_, piece)) = self.pieces.get_mut(piece) {
                    *piece = Piece::Open(Some(Box::new(translated)));
                }
            }
            Attempt::Smaller => self.take_smaller(translated),
        }
        self.left -= 1;
        self.left == 0
    }

    /// The second attempt in smaller pieces counts only if it came to an end.
    fn take_smaller(&mut self, mut second: Translated) {
        second.answer.source_tokens += self.first.answer.source_tokens;
        second.answer.target_tokens += self.first.answer.target_tokens;
        if second.answer.error.is_none() && second.answer.finish == Some(Finish::End) {
            second.retry = Some("smaller_pieces");
            self.first = second;
        }
    }

    /// What the segment gets in the end.
    pub(super) fn settle(self, segment: &Segment) -> Translated {
        if self.pieces.is_empty() {
            return self.first;
        }
        let mut whole = Translated { retry: Some("around_protected_spans"), ..Translated::default() };
        for (range, piece) in self.pieces {
            match piece {
                Piece::Kept => whole.answer.text.push_str(&segment.text[range]),
                Piece::Open(Some(part)) => absorb(&mut whole, *part, range.start),
                Piece::Open(None) => whole.answer.cancelled = true,
            }
        }
        // The pieces had texts between their hops each, which no one text stands for.
        whole.intermediate.clear();
        if whole.hops.is_empty() {
            whole.hops.clone_from(&self.first.hops);
        }
        whole.answer.source_tokens += self.first.answer.source_tokens;
        whole.answer.target_tokens += self.first.answer.target_tokens;
        if whole.answer.error.is_none() && !whole.answer.cancelled { whole } else { self.first }
    }
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
    #![allow(clippy::single_range_in_vec_init)]
    use super::super::align::Alignment;
    use super::*;

    /// An answer whose every word comes from the whole text.
    fn answer(text: &str, read: usize) -> Translated {
        let mut translated = Translated::default();
        translated.answer.text = text.to_string();
        let whole = Alignment { source: vec![0..read], target: vec![0..text.len()], rows: vec![vec![(0, 1.0)]] };
        translated.alignment = Some(Arc::new(whole));
        translated
    }

    #[test]
    fn pieces_around_a_protected_span_keep_where_their_words_come_from() {
        let text = "Ask a@b.c or wait.";
        let segment =
            Segment { block: 0, span: 0..text.len(), text: text.into(), slots: Vec::new(), verbatim: vec![4..9] };
        let owner = Owner { article: 0, segment: 0, attempt: Attempt::First };
        let first = answer("Спитай або чекай.", text.len());
        let Verdict::Again(mut again, units) = judge(&segment, Language::EN, owner, first) else {
            panic!("the address is lost")
        };
        let mut complete = false;
        for unit in &units {
            assert!(!complete);
            // The white space at the ends of a piece is put back before retries see the answer.
            let said = if unit.text.starts_with("Ask") { "Спитай " } else { " або чекай." };
            complete = again.take(unit.owner.attempt, answer(said, unit.text.len()));
        }
        assert!(complete);
        let settled = again.settle(&segment);
        assert_eq!(settled.answer.text, "Спитай a@b.c або чекай.");
        let Some(found) = settled.alignment else { panic!("both pieces are aligned") };
        assert_eq!(found.source, [0..4, 9..text.len()]);
        let words: Vec<&str> = found.target.iter().map(|span| &settled.answer.text[span.clone()]).collect();
        assert_eq!(words, ["Спитай ", " або чекай."]);
        assert_eq!(found.rows, [[(0, 1.0)], [(1, 1.0)]]);
    }
}
