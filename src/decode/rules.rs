//! What an answer must not do: suppressed tokens, repeated n-grams, penalties for seen tokens, loops.
//!
//! Pure functions of ids; greedy and beam search decide what to do with the findings.

use super::{SearchOptions, Seen};
use crate::model::Spec;
use crate::token::TokenId;

/// When an answer counts as stuck in a loop.
///
/// The answer's tail is a loop if it is one unit of at most `max_period` tokens at least `min_repeats` times back to back,
/// and is at least `min_tokens` long and at least twice as long as the longest such stretch in source and prefix
/// (so that a dotted line in the text may be answered by a dotted line).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopStop {
    /// Longest unit in tokens.
    pub max_period: usize,
    /// Fewest repetitions of the unit; the last one may be cut.
    pub min_repeats: usize,
    /// Shortest stretch in tokens.
    pub min_tokens: usize,
}

impl Default for LoopStop {
    fn default() -> Self {
        LoopStop { max_period: 32, min_repeats: 6, min_tokens: 64 }
    }
}

impl LoopStop {
    /// The length from which a stretch in the answer is a loop.
    pub(super) fn threshold(&self, source: &[TokenId], prefix: &[TokenId]) -> usize {
        let given = repeated_stretch(source, self).max(repeated_stretch(prefix, self));
        self.min_tokens.max(2 * given)
    }

    /// Whether the ids end in a loop of at least `threshold` tokens.
    pub(super) fn ends_in_loop(&self, ids: &[TokenId], threshold: usize) -> bool {
        if ids.len() < threshold {
            return false;
        }
        (1..=self.max_period.min(ids.len())).any(|period| {
            let wanted = threshold.max(period * self.min_repeats);
            let matches = (period..ids.len()).rev().take_while(|&i| ids[i] == ids[i - period]).take(wanted).count();
            matches + period >= wanted
        })
    }
}

/// Length in tokens of the longest stretch that repeats one unit as often as the rule says; 0 if there is none.
pub fn repeated_stretch(ids: &[TokenId], rule: &LoopStop) -> usize {
    let mut longest = 0;
    for period in 1..=rule.max_period.min(ids.len()) {
        let mut matches = 0;
        for i in period..ids.len() {
            matches = if ids[i] == ids[i - period] { matches + 1 } else { 0 };
            if matches + period >= period * rule.min_repeats {
                longest = longest.max(matches + period);
            }
        }
    }
    longest
}

/// The rules of one search.
pub(super) struct Rules<'m> {
    options: &'m SearchOptions,
    /// Ids from here on can be read but not answered, so that no rule needs to name them.
    vocab: usize,
    /// What ends an answer, ascending.
    ends: Vec<TokenId>,
    /// Never answered, ascending. End tokens are not among them, as in transformers: an answer has to be able to end.
    pub(super) suppressed: Vec<TokenId>,
}

/// What the rules say about one row.
#[derive(Debug, Default, Clone)]
pub(super) struct Verdict {
    /// Banned besides the suppressed ones, ascending.
    pub(super) banned: Vec<TokenId>,
    /// To be penalized, ascending.
    pub(super) penalized: Vec<TokenId>,
}

impl<'m> Rules<'m> {
    pub(super) fn new(spec: &Spec, options: &'m SearchOptions) -> Rules<'m> {
        let matters = |token: &TokenId| (*token as usize) < spec.vocab && !spec.eos.contains(token);
        let mut suppressed: Vec<TokenId> = spec.suppressed.iter().copied().filter(matters).collect();
        suppressed.sort_unstable();
        suppressed.dedup();
        let mut ends = spec.eos.clone();
        ends.sort_unstable();
        Rules { options, vocab: spec.vocab, ends, suppressed }
    }

    /// Whether any rule depends on what a row has said, if its n-grams of length `no_repeat_ngram` may not repeat.
    pub(super) fn depend_on_rows(&self, no_repeat_ngram: usize) -> bool {
        no_repeat_ngram > 0 || self.penalizes() || self.options.min_length > 0
    }

    /// Whether seen tokens are penalized.
    pub(super) fn penalizes(&self) -> bool {
        self.options.repetition_penalty.total_cmp(&1.0).is_ne()
    }

    /// What the next token of a row must not be, or is penalized for. The row's n-grams of length `n` may not repeat
    /// (0 for no limit).
    pub(super) fn judge(&self, n: usize, prefix: &[TokenId], ids: &[TokenId]) -> Verdict {
        let mut verdict = Verdict::default();
        if !self.depend_on_rows(n) {
            return verdict;
        }
        let mut sequence = Vec::with_capacity(prefix.len() + ids.len());
        if self.options.seen == Seen::Sequence {
            sequence.extend_from_slice(prefix);
        }
        sequence.extend_from_slice(ids);
        if prefix.len() + ids.len() < self.options.min_length {
            verdict.banned.extend(&self.ends);
        }
        if n > 0 && sequence.len() >= n {
            let tail = &sequence[sequence.len() + 1 - n..];
            let repeated = sequence.windows(n).filter(|window| window[..n - 1] == *tail);
            verdict.banned.extend(repeated.map(|window| window[n - 1]));
        }
        verdict.banned.sort_unstable();
        verdict.banned.dedup();
        if self.penalizes() {
            sequence.sort_unstable();
            sequence.dedup();
            verdict.penalized = sequence;
        }
        verdict.banned.retain(|&token| (token as usize) < self.vocab);
        verdict.penalized.retain(|&token| (token as usize) < self.vocab);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_bans(n: usize, sequence: &[TokenId], expected: &[TokenId]) {
        let options = SearchOptions { no_repeat_ngram: n, ..SearchOptions::default() };
        let rules = Rules { options: &options, vocab: 100, ends: vec![9], suppressed: Vec::new() };
        for cut in 0..=sequence.len() {
            let (prefix, ids) = sequence.split_at(cut);
            assert_eq!(rules.judge(n, prefix, ids).banned, expected, "n {n}, {sequence:?} cut at {cut}");
        }
    }

    #[test]
    fn a_seen_ngram_bans_its_last_token() {
        check_bans(3, &[1, 2, 3, 4, 1, 2], &[3]);
        check_bans(2, &[5, 1, 5, 2, 5], &[1, 2]);
        check_bans(1, &[3, 1, 3], &[1, 3]);
        check_bans(3, &[1, 2], &[]);
        check_bans(2, &[7, 7], &[7]);
        check_bans(0, &[1, 1, 1], &[]);
    }

    #[test]
    fn the_prompt_counts_as_seen_only_if_asked() {
        let options = SearchOptions {
            no_repeat_ngram: 2,
            repetition_penalty: 1.2,
            seen: Seen::Answer,
            ..SearchOptions::default()
        };
        let verdict = Rules { options: &options, vocab: 100, ends: vec![9], suppressed: Vec::new() }.judge(
            options.no_repeat_ngram,
            &[1, 2],
            &[3, 1],
        );
        assert_eq!(verdict.banned, &[] as &[TokenId]);
        assert_eq!(verdict.penalized, &[1, 3]);
    }

    #[test]
    fn an_answer_does_not_end_before_it_is_long_enough() {
        let options = SearchOptions { min_length: 5, ..SearchOptions::default() };
        let rules = Rules { options: &options, vocab: 100, ends: vec![9], suppressed: Vec::new() };
        assert!(rules.depend_on_rows(0));
        assert_eq!(rules.judge(0, &[2, 7], &[1, 3]).banned, [9]);
        assert_eq!(rules.judge(0, &[2, 7], &[1, 3, 4]).banned, &[] as &[TokenId]);
    }

    fn check_loop(ids: &[TokenId], expected: bool) {
        let rule = LoopStop::default();
        assert_eq!(rule.ends_in_loop(ids, rule.threshold(&[], &[0])), expected, "{ids:?}");
    }

    #[test]
    fn long_repetition_is_a_loop() {
        check_loop(&[7; 64], true);
        check_loop(&[7; 63], false);
        let phrase: Vec<TokenId> = (0..11).collect();
        check_loop(&phrase.repeat(6), true);
        check_loop(&phrase.repeat(5), false);
        check_loop(&[phrase.repeat(6), vec![99]].concat(), false);
        check_loop(&[vec![50; 9], phrase.repeat(6), vec![0, 1, 2]].concat(), true);
        // A paragraph said five times over is not judged: the unit is longer than the rule looks.
        check_loop(&(0..40).collect::<Vec<TokenId>>().repeat(7), false);
    }

    #[test]
    fn a_repetitive_text_may_be_answered_by_a_repetitive_text() {
        let rule = LoopStop::default();
        let dots = [[1, 2].as_slice(), &[9; 50], &[3]].concat();
        assert_eq!(repeated_stretch(&dots, &rule), 50);
        let threshold = rule.threshold(&dots, &[0]);
        assert_eq!(threshold, 100);
        assert!(!rule.ends_in_loop(&[9; 99], threshold));
        assert!(rule.ends_in_loop(&[9; 100], threshold));
        assert_eq!(repeated_stretch(&[1, 2, 3, 1, 2, 3], &rule), 0);
        assert_eq!(repeated_stretch(&[], &rule), 0);
    }
}
