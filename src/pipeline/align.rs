//! Where the words of a translation come from: the tokens of a text and of its answer by their bytes, and how much each token
//! of the answer looked at each of the text. Parts of a text become one, two hops become one; the record is made here.
//!
//! Knows no models: what a network and a tokenizer say is put together by `run`.

use crate::job::report::AlignmentRecord;
use std::ops::Range;
use std::sync::Arc;

/// Weights below this are left out of the report.
const SMALLEST: f32 = 0.01;

/// How an answer is aligned with its text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Alignment {
    /// The bytes of each token of the text; empty for a token that stands for no text, such as the end.
    pub(super) source: Vec<Range<usize>>,
    /// The bytes of each token of the answer.
    pub(super) target: Vec<Range<usize>>,
    /// For each token of the answer the tokens of the text it looked at, ascending, and how much; each row sums to one.
    pub(super) rows: Vec<Vec<(usize, f32)>>,
}

impl Alignment {
    /// The same for a text and an answer that begin so many bytes later.
    pub(super) fn moved(mut self, source: usize, target: usize) -> Alignment {
        let shift = |spans: &mut [Range<usize>], by: usize| {
            for span in spans {
                *span = span.start + by..span.end + by;
            }
        };
        shift(&mut self.source, source);
        shift(&mut self.target, target);
        self
    }

    /// Adds what comes behind: another part of the same text and of the same answer.
    pub(super) fn append(&mut self, next: Alignment) {
        let first = self.source.len();
        self.source.extend(next.source);
        self.target.extend(next.target);
        let row = |row: Vec<(usize, f32)>| row.into_iter().map(|(token, weight)| (first + token, weight)).collect();
        self.rows.extend(next.rows.into_iter().map(row));
    }

    /// From the text to the answer of the second hop, where `self` leads to the text between them and `next` on from there.
    ///
    /// The two hops cut the text between them into different tokens, so that they meet in its bytes: what a token looked at
    /// is spread evenly over its bytes and collected by the tokens of the first hop that wrote them. What looked at no byte
    /// (the end) looks at the end of the text.
    pub(super) fn then(&self, next: &Alignment) -> Alignment {
        let end = self.source.iter().rposition(Range::is_empty);
        let through: Vec<Vec<(usize, f32)>> = next.source.iter().map(|pivot| self.behind(pivot, end)).collect();
        let mut sums = vec![0.0; self.source.len()];
        let mut row = |looks: &Vec<(usize, f32)>| {
            sums.fill(0.0);
            for &(pivot, weight) in looks {
                for &(token, share) in &through[pivot] {
                    sums[token] += weight * share;
                }
            }
            let total: f32 = sums.iter().sum();
            let known = sums.iter().enumerate().filter(|&(_, &sum)| sum > 0.0);
            known.map(|(token, sum)| (token, sum / total)).collect()
        };
        let rows = next.rows.iter().map(&mut row).collect();
        Alignment { source: self.source.clone(), target: next.target.clone(), rows }
    }

    /// What stands behind a stretch of the answer: tokens of the text and their weights. `end` is the token of the text for
    /// a stretch without bytes.
    fn behind(&self, stretch: &Range<usize>, end: Option<usize>) -> Vec<(usize, f32)> {
        if stretch.is_empty() {
            return end.map(|end| (end, 1.0)).into_iter().collect();
        }
        let first = self.target.partition_point(|token| token.end <= stretch.start);
        let mut found = Vec::new();
        for (token, row) in self.target.iter().zip(&self.rows).skip(first) {
            if token.start >= stretch.end {
                break;
            }
            let bytes = token.end.min(stretch.end).saturating_sub(token.start.max(stretch.start));
            let share = bytes as f32 / stretch.len() as f32;
            found.extend(row.iter().map(|&(source, weight)| (source, weight * share)).filter(|_| bytes > 0));
        }
        found
    }

    /// For each token of the answer the one of the text it looked at most, the first of equals; none if that stands for no
    /// text, or the token itself became none.
    fn links(&self) -> Vec<Option<usize>> {
        let link = |(target, row): (&Range<usize>, &Vec<(usize, f32)>)| {
            let best = row.iter().reduce(|best, next| if next.1 > best.1 { next } else { best })?.0;
            (!target.is_empty() && !self.source[best].is_empty()).then_some(best)
        };
        self.target.iter().zip(&self.rows).map(link).collect()
    }

    /// What the report says; `text` and `answer` are what the ranges are of.
    pub(super) fn record(&self, text: &str, answer: &str) -> AlignmentRecord {
        let pair = |spans: &[Range<usize>]| spans.iter().map(|span| [span.start, span.end]).collect();
        let links = self.links();
        let (from, to) = (Words::of(text), Words::of(answer));
        let mut words = Vec::new();
        for (target, source) in links.iter().enumerate().filter_map(|(target, link)| link.map(|link| (target, link))) {
            let (Some(source), Some(target)) = (from.around(&self.source[source]), to.around(&self.target[target]))
            else {
                continue;
            };
            words.push([[source.start, source.end], [target.start, target.end]]);
        }
        words.sort_unstable_by_key(|&[source, target]| (target, source));
        words.dedup();
        let mut matrix = Vec::new();
        for (target, row) in self.rows.iter().enumerate() {
            let round = |weight: f32| (weight * 1000.0).round() / 1000.0;
            let large = row.iter().filter(|&&(_, weight)| weight >= SMALLEST);
            matrix.extend(large.map(|&(source, weight)| (target, source, round(weight))));
        }
        AlignmentRecord { source: pair(&self.source), target: pair(&self.target), matrix, links, words }
    }
}

/// The words of a text: what white space separates.
struct Words(Vec<Range<usize>>);

impl Words {
    fn of(text: &str) -> Words {
        let start = |word: &str| word.as_ptr().addr() - text.as_ptr().addr();
        Words(text.split_whitespace().map(|word| start(word)..start(word) + word.len()).collect())
    }

    /// The words that a token is of, as one stretch; none for a token of white space.
    fn around(&self, token: &Range<usize>) -> Option<Range<usize>> {
        let first = self.0.partition_point(|word| word.end <= token.start);
        let last = self.0.partition_point(|word| word.start < token.end).checked_sub(1)?;
        (first <= last).then(|| self.0[first].start..self.0[last].end)
    }
}

/// Puts the alignments of two hops together; the first hop of a unit has none before it.
pub(super) fn compose(
    before: Option<&Arc<Alignment>>,
    hop: usize,
    next: Option<&Arc<Alignment>>,
) -> Option<Arc<Alignment>> {
    match (before, next) {
        (None, Some(next)) if hop == 0 => Some(next.clone()),
        (Some(before), Some(next)) => Some(Arc::new(before.then(next))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    // A list of one range is one.
    #![allow(clippy::single_range_in_vec_init)]
    use super::*;
    use proptest::prelude::*;

    fn alignment(source: &[Range<usize>], target: &[Range<usize>], rows: &[&[f32]]) -> Alignment {
        let row = |row: &&[f32]| row.iter().copied().enumerate().filter(|&(_, weight)| weight > 0.0).collect();
        Alignment { source: source.to_vec(), target: target.to_vec(), rows: rows.iter().map(row).collect() }
    }

    fn check(found: &Alignment, expected: &[&[f32]]) {
        for (row, expected) in found.rows.iter().zip(expected) {
            for (token, expected) in expected.iter().enumerate() {
                let got = row.iter().find(|&&(source, _)| source == token).map_or(0.0, |&(_, weight)| weight);
                assert!((got - expected).abs() < 1e-6, "{row:?}, expected {expected} of {token}");
            }
        }
    }

    #[test]
    fn two_hops_meet_in_the_bytes_between_them() {
        // The first hop wrote "abcd" as ab|cd, the second read it as a|bcd.
        let first = alignment(&[0..3, 3..6, 6..6], &[0..2, 2..4], &[&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0]]);
        let second = alignment(&[0..1, 1..4, 4..4], &[0..5, 5..6], &[&[0.5, 0.5, 0.0], &[0.0, 0.6, 0.4]]);
        let both = first.then(&second);
        assert_eq!((both.source.len(), both.target.len()), (3, 2));
        check(&both, &[&[0.5 + 0.5 / 3.0, 1.0 / 3.0, 0.0], &[0.2, 0.4, 0.4]]);
    }

    #[test]
    fn parts_of_a_text_are_numbered_through() {
        let part = alignment(&[0..2, 2..2], &[0..3], &[&[0.9, 0.1]]);
        let mut whole = part.clone();
        whole.append(part.moved(3, 4));
        assert_eq!(whole.source, [0..2, 2..2, 3..5, 5..5]);
        assert_eq!(whole.target, [0..3, 4..7]);
        assert_eq!(whole.rows[1], [(2, 0.9), (3, 0.1)]);
    }

    #[test]
    fn the_record_has_links_of_tokens_and_of_words() {
        // "un do it" in pieces un| do| it|end, "скасуй це" in с|касуй| це.
        let (text, answer) = ("un do it", "скасуй це");
        let found = alignment(
            &[0..2, 2..5, 5..8, 8..8],
            &[0..2, 2..12, 12..17],
            &[&[0.6, 0.4, 0.0, 0.0], &[0.3, 0.695_55, 0.004, 0.000_45], &[0.0, 0.0, 0.4, 0.6]],
        );
        let record = found.record(text, answer);
        assert_eq!(record.links, [Some(0), Some(1), None]);
        assert_eq!(record.words, [[[0, 2], [0, 12]], [[3, 5], [0, 12]]]);
        assert_eq!(record.matrix, [(0, 0, 0.6), (0, 1, 0.4), (1, 0, 0.3), (1, 1, 0.696), (2, 2, 0.4), (2, 3, 0.6)]);
        assert_eq!(record.source[3], [8, 8]);
    }

    /// Tokens that cover so many bytes, and an end.
    fn tokens(lengths: &[usize]) -> Vec<Range<usize>> {
        let mut at = 0;
        let mut spans: Vec<Range<usize>> = lengths
            .iter()
            .map(|length| {
                at += length;
                at - length..at
            })
            .collect();
        spans.push(at..at);
        spans
    }

    fn rows(targets: usize, sources: usize, seed: usize) -> Vec<Vec<(usize, f32)>> {
        let row = |target: usize| {
            let weights: Vec<f32> =
                (0..sources).map(|source| ((target * 7 + source * 13 + seed) % 11) as f32 + 0.1).collect();
            let total: f32 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / total).enumerate().collect()
        };
        (0..targets).map(row).collect()
    }

    proptest! {
        #[test]
        fn rows_sum_to_one_through_any_tokens(
            source in prop::collection::vec(0usize..5, 0..8),
            pivot in prop::collection::vec(1usize..5, 1..8),
            cut in prop::collection::vec(0usize..5, 1..12),
            target in prop::collection::vec(0usize..5, 1..8),
            seed in 0usize..100,
        ) {
            let bytes: usize = pivot.iter().sum();
            let (source, target) = (tokens(&source), tokens(&target));
            let mut middle = tokens(&pivot);
            middle.pop();
            let read: Vec<Range<usize>> =
                tokens(&cut).into_iter().map(|span| span.start.min(bytes)..span.end.min(bytes)).collect();
            let first = Alignment { rows: rows(middle.len(), source.len(), seed), source, target: middle };
            let second = Alignment { rows: rows(target.len(), read.len(), seed + 1), source: read, target };
            for row in first.then(&second).rows {
                let sum: f32 = row.iter().map(|&(_, weight)| weight).sum();
                prop_assert!((sum - 1.0).abs() < 1e-5, "{sum}");
                prop_assert!(row.iter().all(|&(token, weight)| token < first.source.len() && weight >= 0.0));
            }
        }
    }
}
