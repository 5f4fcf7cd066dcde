//! Splits an article that is longer than a model's context into parts of whole paragraphs.
//!
//! Knows lengths only. A paragraph that does not fit alone gets a part of its own; the caller wraps it.

use std::ops::Range;

/// Splits paragraphs, given by their lengths in tokens, into as few parts as a greedy filling needs, each of at most
/// `budget` tokens, and balances them: the longest part is as short as that number of parts allows.
///
/// The parts cover all paragraphs in order. Only a part of one paragraph can exceed the budget.
pub fn parts(paragraphs: &[usize], budget: usize) -> Vec<Range<usize>> {
    if paragraphs.is_empty() {
        return Vec::new();
    }
    let fewest = fill(paragraphs, budget).len();
    // The smallest limit that needs no more parts than the budget does, found between the mean and the budget.
    let (mut low, mut high) = (0, budget);
    while low < high {
        let middle = low + (high - low) / 2;
        if fill(paragraphs, middle).len() <= fewest {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    fill(paragraphs, high)
}

/// Fills each part with paragraphs until the next one would exceed the limit.
fn fill(paragraphs: &[usize], limit: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut tokens = 0usize;
    for (index, &length) in paragraphs.iter().enumerate() {
        if index > start && tokens.saturating_add(length) > limit {
            parts.push(start..index);
            start = index;
            tokens = 0;
        }
        tokens = tokens.saturating_add(length);
    }
    parts.push(start..paragraphs.len());
    parts
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::parts;

    fn check(paragraphs: &[usize], budget: usize, expected: &[Range<usize>]) {
        assert_eq!(parts(paragraphs, budget), expected, "{paragraphs:?} in {budget}");
    }

    #[test]
    fn what_fits_is_one_part() {
        check(&[], 10, &[]);
        assert_eq!(parts(&[3, 3, 4], 10).len(), 1);
    }

    #[test]
    fn parts_are_balanced() {
        check(&[4, 4, 4, 4], 12, &[0..2, 2..4]);
        check(&[5, 5, 5, 1], 15, &[0..2, 2..4]);
    }

    #[test]
    fn a_paragraph_beyond_the_budget_stands_alone() {
        check(&[2, 50, 2], 10, &[0..1, 1..2, 2..3]);
        check(&[usize::MAX, usize::MAX], 10, &[0..1, 1..2]);
    }

    proptest! {
        #[test]
        fn parts_cover_everything_within_the_budget(
            paragraphs in prop::collection::vec(0usize..200, 0..60),
            budget in 0usize..300,
        ) {
            let found = parts(&paragraphs, budget);
            let mut next = 0;
            for part in &found {
                prop_assert_eq!(part.start, next);
                prop_assert!(part.end > part.start);
                prop_assert!(part.len() == 1 || paragraphs[part.clone()].iter().sum::<usize>() <= budget);
                next = part.end;
            }
            prop_assert_eq!(next, paragraphs.len());
            prop_assert_eq!(found, parts(&paragraphs, budget));
        }
    }
}
