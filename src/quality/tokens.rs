//! The words of a text, folded for look-ups, and small dictionaries keyed by the beginnings of words. Knows no
//! language: the tables that stand behind a [`Lexicon`] do.

use std::ops::Range;

use super::letters::{is_apostrophe, is_mark};

/// The words of a text: runs of letters of one kind (Hangul or not), in lower case and without apostrophes.
pub(super) struct Tokens<'a> {
    text: &'a str,
    folded: String,
    words: Vec<Word>,
}

/// Where a word stands in the text and in the folded copy.
struct Word {
    span: Range<usize>,
    folded: Range<usize>,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Tokens<'a> {
        let mut tokens = Tokens { text, folded: String::with_capacity(text.len()), words: Vec::new() };
        // What the open word began as: its place in the text, in the folded copy, and whether it is Hangul.
        let mut open: Option<(usize, usize, bool)> = None;
        let mut end = 0;
        for (at, c) in text.char_indices() {
            if open.is_some() && is_mark(c) && end == at {
                end = at + c.len_utf8();
                continue;
            }
            let letter = c.is_alphabetic();
            // An apostrophe is inside a word only between letters; the next character tells.
            if open.is_some() && is_apostrophe(c) {
                continue;
            }
            let hangul = letter && is_hangul(c);
            if let Some((start, folded, kind)) = open {
                let inside = letter && kind == hangul && text[end..at].chars().count() <= 1;
                if !inside {
                    tokens.words.push(Word { span: start..end, folded: folded..tokens.folded.len() });
                    open = None;
                }
            }
            if letter {
                if open.is_none() {
                    open = Some((at, tokens.folded.len(), hangul));
                }
                if c.is_ascii() {
                    tokens.folded.push(c.to_ascii_lowercase());
                } else {
                    tokens.folded.extend(c.to_lowercase());
                }
                end = at + c.len_utf8();
            }
        }
        if let Some((start, folded, _)) = open {
            tokens.words.push(Word { span: start..end, folded: folded..tokens.folded.len() });
        }
        tokens
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Where a word stands in the text.
    pub(super) fn span(&self, index: usize) -> Range<usize> {
        self.words[index].span.clone()
    }

    /// A word as it is written.
    pub(super) fn original(&self, index: usize) -> &'a str {
        &self.text[self.span(index)]
    }

    /// A word in lower case without apostrophes; empty behind the last word.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| &self.folded[word.folded.clone()])
    }

    /// The word so many places before another; empty before the first.
    pub(super) fn before(&self, index: usize, places: usize) -> &str {
        index.checked_sub(places).map_or("", |at| self.word(at))
    }

    /// What stands between a word and the one before it.
    pub(super) fn gap(&self, index: usize) -> &'a str {
        let from = index.checked_sub(1).map_or(0, |at| self.words[at].span.end);
        &self.text[from..self.words.get(index).map_or(self.text.len(), |word| word.span.start)]
    }

    /// The first word that begins at a place of the text or behind it.
    pub(super) fn from(&self, place: usize) -> usize {
        self.words.partition_point(|word| word.span.start < place)
    }

    /// Whether a word begins with a capital although no sentence begins with it.
    pub(super) fn is_name(&self, index: usize) -> bool {
        let span = self.span(index);
        self.text[span.clone()].starts_with(char::is_uppercase) && {
            let before = self.text[..span.start].trim_end();
            !before.is_empty() && !before.ends_with(['.', '!', '?', '…', ':', '"', '“', '«', '„', '—', '–', '‘', '\n'])
        }
    }
}

/// Whether a character is a syllable of Hangul.
pub(super) fn is_hangul(c: char) -> bool {
    ('\u{ac00}'..='\u{d7a3}').contains(&c)
}

/// A dictionary of beginnings of words, in buckets by their first two letters; every word of every text is looked up
/// in several of these.
pub(super) struct Lexicon<T: 'static> {
    buckets: Vec<Vec<&'static (&'static str, T)>>,
    /// Entries of one letter, which stand in no bucket of two.
    letters: Vec<Vec<&'static (&'static str, T)>>,
}

/// Number of buckets; powers of two.
const BUCKETS: usize = 512;
const LETTER_BUCKETS: usize = 64;

impl<T> Lexicon<T> {
    pub(super) fn new(table: &'static [(&'static str, T)]) -> Lexicon<T> {
        let mut lexicon = Lexicon { buckets: Vec::new(), letters: Vec::new() };
        lexicon.buckets.resize_with(BUCKETS, Vec::new);
        lexicon.letters.resize_with(LETTER_BUCKETS, Vec::new);
        for entry in table {
            let mut chars = entry.0.chars();
            let list = match (chars.next(), chars.next()) {
                (Some(first), Some(second)) => &mut lexicon.buckets[bucket(first, second)],
                (Some(first), None) => &mut lexicon.letters[first as usize % LETTER_BUCKETS],
                _ => continue,
            };
            // The longest come first, those of one length in the order of the table.
            let at = list.partition_point(|other| other.0.len() >= entry.0.len());
            list.insert(at, entry);
        }
        lexicon
    }

    /// The entry that is the word.
    pub(super) fn exact(&self, word: &str) -> Option<&'static T> {
        self.candidates(word).find(|entry| entry.0 == word).map(|entry| &entry.1)
    }

    /// The longest entry that the word begins with, and what it leaves of the word.
    pub(super) fn longest<'w>(&self, word: &'w str) -> Option<(&'static T, &'w str)> {
        self.beginnings(word).next()
    }

    /// All entries that the word begins with, the longest first, and what each leaves of the word.
    pub(super) fn beginnings<'w>(&self, word: &'w str) -> impl Iterator<Item = (&'static T, &'w str)> {
        self.candidates(word).filter_map(move |entry| word.strip_prefix(entry.0).map(|rest| (&entry.1, rest)))
    }

    fn candidates(&self, word: &str) -> impl Iterator<Item = &'static (&'static str, T)> {
        let mut chars = word.chars();
        let (first, second) = (chars.next(), chars.next());
        let long = first.zip(second).map_or(&[][..], |(first, second)| self.buckets[bucket(first, second)].as_slice());
        let short = first.map_or(&[][..], |first| self.letters[first as usize % LETTER_BUCKETS].as_slice());
        long.iter().copied().chain(short.iter().copied())
    }
}

/// The bucket of words that begin with two letters.
fn bucket(first: char, second: char) -> usize {
    ((first as usize).wrapping_mul(31) ^ second as usize) % BUCKETS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Lexicon, Tokens};

    fn check(text: &str, expected: &[&str]) {
        let tokens = Tokens::of(text);
        let found: Vec<&str> = (0..tokens.len()).map(|at| tokens.word(at)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn words_are_folded_and_split() {
        check("П’ять F-16s, don't 'stop'", &["пять", "f", "s", "dont", "stop"]);
        check("16km에서 세 번째로", &["km", "에서", "세", "번째로"]);
    }

    #[test]
    fn the_longest_beginning_counts() {
        static TABLE: &[(&str, u8)] = &[("фут", 1), ("футбол", 2), ("ф", 3)];
        let lexicon = Lexicon::new(TABLE);
        assert_eq!(lexicon.longest("футболу"), Some((&2, "у")));
        assert_eq!(lexicon.exact("фут"), Some(&1));
        assert_eq!(lexicon.exact("фу"), None);
    }

    #[test]
    fn capitals_inside_a_sentence_are_names() {
        let tokens = Tokens::of("Six came. Nine left the Big Ten.");
        let names: Vec<&str> = (0..tokens.len()).filter(|&at| tokens.is_name(at)).map(|at| tokens.word(at)).collect();
        assert_eq!(names, ["big", "ten"]);
    }

    proptest! {
        #[test]
        fn words_lie_in_order(text in "\\PC{0,60}") {
            let tokens = Tokens::of(&text);
            let mut last = 0;
            for at in 0..tokens.len() {
                let span = tokens.span(at);
                prop_assert!(span.start >= last && span.end > span.start && text.get(span.clone()).is_some());
                prop_assert!(!tokens.word(at).is_empty() && text.get(last..span.start) == Some(tokens.gap(at)));
                last = span.end;
            }
        }
    }
}
