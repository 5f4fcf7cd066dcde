//! How like two sentences are: one minus the cheapest way from one to the other, by the weight of the heavier one.
//!
//! ```text
//! score = 1 − cost / max(weight(a), weight(b))
//! weight = words + marks / 4
//! ```
//!
//! `cost` is the edit distance over tokens. To leave a word out or put one in costs 1, a mark ¼. A word in place of another one
//! costs ½ + ½ · d / n, where `d` is the edit distance of their letters and `n` the length of the longer one (an ending that
//! changed, a misspelling), and 1 where more than half of the letters differ. A mark in place of another mark costs ¼. Upper and lower
//! case are the same. Without one word in common the score is 0.
//!
//! Everything is counted in whole numbers, so that a score does not depend on the order of the sums. That a word that differs
//! costs at least one half is what makes the search in `index` quick: so many equal words must be there that few sentences
//! are left to be compared.

use super::words::{Token, normal, tokens};

/// The cost of a word. Divisible by all lengths up to 10, so that few costs are rounded.
pub(super) const WORD: u32 = 5040;
/// The least cost of a word that differs.
pub(super) const HALF: u32 = WORD / 2;
/// The cost of a mark.
pub(super) const MARK: u32 = WORD / 4;

/// How like two sentences are, from 0 to 1. The plain way, over all pairs of words; a search of a [`Memory`](super::Memory) gives the
/// same scores.
pub fn similarity(a: &str, b: &str) -> f32 {
    let (a, b) = (tokens(&normal(a)), tokens(&normal(b)));
    let shared = a.iter().any(|token| matches!(token, Token::Word(_)) && b.contains(token));
    if !shared {
        return 0.0;
    }
    let weight = |tokens: &[Token]| tokens.iter().map(weight).sum::<u32>();
    score(distance(&a, &b), weight(&a).max(weight(&b)))
}

/// The score of a cost.
pub(super) fn score(cost: u32, heavier: u32) -> f32 {
    heavier.saturating_sub(cost) as f32 / heavier.max(1) as f32
}

fn weight(token: &Token) -> u32 {
    match token {
        Token::Word(_) => WORD,
        Token::Mark(_) => MARK,
    }
}

fn distance(a: &[Token], b: &[Token]) -> u32 {
    let a_weights: Vec<u32> = a.iter().map(weight).collect();
    let b_weights: Vec<u32> = b.iter().map(weight).collect();
    edit_cost(&a_weights, &b_weights, |i, j| match (&a[i], &b[j]) {
        (a, b) if a == b => 0,
        (Token::Word(a), Token::Word(b)) => word_cost(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>()),
        (Token::Mark(_), Token::Mark(_)) => MARK,
        _ => WORD + MARK,
    })
}

/// The edit distance of two rows of tokens with these weights, `replace(i, j)` being the cost of `b[j]` in place of `a[i]`.
pub(super) fn edit_cost(a: &[u32], b: &[u32], mut replace: impl FnMut(usize, usize) -> u32) -> u32 {
    let mut row: Vec<u32> = Vec::with_capacity(b.len() + 1);
    row.push(0);
    for &weight in b {
        row.push(row[row.len() - 1] + weight);
    }
    for (i, &leave_out) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] += leave_out;
        for (j, &put_in) in b.iter().enumerate() {
            let best = (diagonal + replace(i, j)).min(row[j + 1] + leave_out).min(row[j] + put_in);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}

/// The cost of one word in place of another one that is not the same.
pub(super) fn word_cost(a: &[char], b: &[char]) -> u32 {
    let longer = a.len().max(b.len());
    // More than half of the letters differ by the lengths alone.
    if 2 * (longer - a.len().min(b.len())) > longer {
        return WORD;
    }
    let ones = |length| vec![1; length];
    let differ = edit_cost(&ones(a.len()), &ones(b.len()), |i, j| u32::from(a[i] != b[j])) as usize;
    if 2 * differ > longer { WORD } else { HALF + (HALF as usize * differ / longer) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, expected: f32) {
        let found = similarity(a, b);
        assert!((found - expected).abs() < 0.0005, "{a:?} {b:?}: expected {expected}, got {found}");
        assert!((similarity(b, a) - found).abs() < 1e-6, "{a:?} {b:?}: not the same both ways");
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        check("The bridge is open", "the bridge is OPEN", 1.0);
        check("The bridge was closed.", "The bridge was opened.", 1.0 - 1.0 / 4.25);
        check("The bridge was closed.", "The bridge was clothed.", 1.0 - (0.5 + 0.5 * 2.0 / 7.0) / 4.25);
        check("Міст відкрили вранці", "Міст відкрито вранці", 1.0 - (0.5 + 0.5 * 2.0 / 8.0) / 3.0);
        check("서울에서 회의가 열렸다", "서울에 회의가 열렸다", 1.0 - (0.5 + 0.5 / 4.0) / 3.0);
        check("a b c d", "a b c d e", 0.8);
        check("a b c d", "a b c d.", 1.0 - 0.25 / 4.25);
        check("one two", "three four", 0.0);
        check("", "", 0.0);
    }

    #[test]
    fn order_matters() {
        assert!(similarity("dog bites man", "man bites dog") < 0.5);
    }
}
