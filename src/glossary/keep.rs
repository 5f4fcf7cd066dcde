//! Terms that are not translated: names of brands, ships, newspapers.
//!
//! They are found letter for letter, capitals included. What a language hangs on behind them does not hide them: `Apple-ом`,
//! `Apple은`, `Apple’s`.

use super::inflect::are_particles;
use super::union;
use super::words::is_of_word;
use crate::language::script::{Script, script_of};
use std::collections::HashMap;
use std::ops::Range;

/// A list of terms that stay as they are.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    /// The longest first.
    terms: Vec<String>,
    /// Terms by the character they begin with.
    index: HashMap<char, Vec<usize>>,
}

impl Keep {
    pub(super) fn new(mut terms: Vec<String>) -> Keep {
        terms.retain(|term| !term.is_empty());
        terms.sort_by_key(|term| (usize::MAX - term.len(), term.clone()));
        terms.dedup();
        let mut index: HashMap<char, Vec<usize>> = HashMap::new();
        for (number, term) in terms.iter().enumerate() {
            index.entry(term.chars().next().unwrap_or(' ')).or_default().push(number);
        }
        Keep { terms, index }
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The bytes of all terms in a text, in order and apart; the longest win.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut before = None;
        for (at, c) in text.char_indices() {
            let free = found.last().is_none_or(|last| last.end <= at);
            let inside = is_of_word(c) && before.is_some_and(is_of_word);
            before = Some(c);
            let Some(candidates) = self.index.get(&c).filter(|_| free && !inside) else { continue };
            let fits = |&&term: &&usize| {
                let term = &self.terms[term];
                text[at..].strip_prefix(term.as_str()).is_some_and(|rest| ends(term, rest))
            };
            if let Some(&term) = candidates.iter().find(fits) {
                found.push(at..at + self.terms[term].len());
            }
        }
        union(found)
    }
}

/// Whether a term may end before `rest`.
fn ends(term: &str, rest: &str) -> bool {
    let Some(next) = rest.chars().next().filter(|&c| is_of_word(c)) else { return true };
    let Some(last) = term.chars().next_back().filter(|&c| is_of_word(c)) else { return true };
    let hangul = |c: char| script_of(c) == Some(Script::Hangul);
    if !hangul(next) {
        return false;
    }
    let tail = &rest[..rest.find(|c: char| !hangul(c)).unwrap_or(rest.len())];
    // Hangul sticks to what is written in other letters; to Hangul only particles do.
    (!hangul(last) || are_particles(tail)) && !rest[tail.len()..].starts_with(is_of_word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(terms: &[&str], text: &str, expected: &[&str]) {
        let keep = Keep::new(terms.iter().map(ToString::to_string).collect());
        let found: Vec<&str> = keep.find(text).into_iter().map(|span| &text[span]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn terms_are_found_with_what_hangs_on_them() {
        check(&["Apple"], "Apple-ом, Apple’s, «Apple», Apple.", &["Apple"; 4]);
        check(&["Apple"], "Apple은 Apple에서도", &["Apple"; 2]);
        check(&["한겨레"], "한겨레는 한겨레신문", &["한겨레"]);
    }

    #[test]
    fn words_and_letters_have_to_be_the_same() {
        check(&["Apple"], "apple APPLE Apples Pineapple xApple Apple1", &[]);
        check(&["C++"], "C++ and C++17", &["C++", "C++"]);
    }

    #[test]
    fn the_longest_wins() {
        check(
            &["New York", "New York Times", "Times"],
            "New York Times, New York, Times",
            &["New York Times", "New York", "Times"],
        );
    }

    proptest! {
        #[test]
        fn spans_are_in_order_and_apart(terms in prop::collection::vec("[aA은 -]{1,4}", 0..4), text in "[aA은는 -]{0,20}") {
            let keep = Keep::new(terms);
            let mut at = 0;
            for span in keep.find(&text) {
                prop_assert!(span.start >= at && text.get(span.clone()).is_some());
                at = span.end;
            }
        }
    }
}
