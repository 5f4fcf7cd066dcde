//! Finds a form of a term in a text: whole words, without regard to case where the term allows it, in spite of the several
//! characters for apostrophes, hyphens and spaces.

use super::inflect::{are_particles, is_ukrainian_form};
use crate::language::Language;
use crate::language::script::{Script, script_of};
use std::ops::Range;

/// One form of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// As it stands in the file.
    pub(super) text: String,
    folded: Vec<char>,
    case: Case,
}

/// What a term says of capital letters in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Nothing: it is written in lower case.
    Any,
    /// It is a name: the text has to begin with a capital.
    Capital,
    /// It has capitals within a word: the text has to have the same.
    Exact,
}

/// A text, character by character.
pub(super) struct Letters {
    /// Where each begins, and the end.
    places: Vec<usize>,
    plain: Vec<char>,
    folded: Vec<char>,
    language: Language,
}

/// Characters that mean the same are one; a small letter and its capital too.
fn fold(c: char) -> char {
    match c {
        '\u{2019}' | '\u{2BC}' | '\u{2BB}' | '`' | '\u{B4}' | '\u{2018}' => '\'',
        '\u{2010}' | '\u{2011}' => '-',
        c if c.is_whitespace() => ' ',
        c if c.is_uppercase() => c.to_lowercase().next().unwrap_or(c),
        c => c,
    }
}

/// Whether a character belongs to a word in any language: letters, digits, marks on letters.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36F}') || c == '_'
}

/// Whether an apostrophe between letters is one of them; elsewhere it parts words (l’État).
fn has_apostrophes(language: Language) -> bool {
    matches!(language.as_str(), "en" | "uk" | "be")
}

impl Form {
    pub(super) fn new(text: String) -> Form {
        let mut before = ' ';
        let mut case = Case::Any;
        for (index, c) in text.chars().enumerate() {
            if c.is_uppercase() && is_of_word(before) {
                case = Case::Exact;
            } else if c.is_uppercase() && index == 0 && case == Case::Any {
                case = Case::Capital;
            }
            before = c;
        }
        // One letter alone is no acronym and no name, but it is not any letter either.
        if text.chars().count() == 1 {
            case = Case::Exact;
        }
        let folded = text.chars().map(fold).collect();
        Form { text, folded, case }
    }

    /// The character it begins with, as [`Letters::folded_at`] has it.
    pub(super) fn begins(&self) -> Option<char> {
        self.folded.first().copied()
    }

    /// The spellings that a sentence may ask for: as it is, and with a capital where it may begin with one; in capitals where
    /// the text was.
    pub(super) fn spellings(&self, capitals: Capitals) -> Vec<String> {
        let mut spellings = vec![self.text.clone()];
        if self.case == Case::Any {
            let mut chars = self.text.chars();
            spellings.extend(chars.next().map(|first| first.to_uppercase().chain(chars).collect()));
        }
        if capitals == Capitals::All && self.case != Case::Exact {
            spellings.push(self.text.to_uppercase());
        }
        spellings.dedup();
        spellings
    }

    fn case_fits(&self, text: &[char]) -> bool {
        match self.case {
            Case::Any => true,
            Case::Capital => !text[0].is_lowercase(),
            Case::Exact => self.text.chars().zip(text).all(|(c, &there)| c == there || !c.is_alphabetic()),
        }
    }

    /// Length in characters of this form where it stands at `at`; nothing if it does not stand there as whole words.
    pub(super) fn length_at(&self, letters: &Letters, at: usize) -> Option<usize> {
        let end = at + self.folded.len();
        let there = letters.folded.get(at..end)?;
        let whole = there == self.folded && letters.begins_word(at) && letters.ends_word(end);
        (whole && self.case_fits(&letters.plain[at..end])).then_some(self.folded.len())
    }

    /// As [`Form::length_at`], for a Ukrainian term in any of its cases.
    pub(super) fn inflected_at(&self, letters: &Letters, at: usize) -> Option<usize> {
        if self.case == Case::Exact || !letters.begins_word(at) {
            return None;
        }
        let mut here = at;
        let words: Vec<&[char]> = self.folded.split(|&c| c == ' ').collect();
        for (number, word) in words.iter().enumerate() {
            if number > 0 {
                here += usize::from(letters.folded.get(here) == Some(&' '));
            }
            let end = letters.word_end(here);
            let there: String = letters.folded.get(here..end)?.iter().collect();
            if there.is_empty() || !is_ukrainian_form(&there, &word.iter().collect::<String>()) {
                return None;
            }
            here = end;
        }
        (letters.ends_word(here) && self.case_fits(&letters.plain[at..here])).then_some(here - at)
    }
}

/// How the text that a term was found in is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capitals {
    /// As usual.
    Usual,
    /// In capitals throughout, as headlines may be.
    All,
}

impl Letters {
    pub(super) fn of(text: &str, language: Language) -> Letters {
        let plain: Vec<char> = text.chars().collect();
        let folded = plain.iter().map(|&c| fold(c)).collect();
        let places = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Letters { places, plain, folded, language }
    }

    /// Number of characters.
    pub(super) fn len(&self) -> usize {
        self.plain.len()
    }

    /// The character at `at`, folded.
    pub(super) fn folded_at(&self, at: usize) -> char {
        self.folded[at]
    }

    /// The bytes of some characters.
    pub(super) fn bytes(&self, range: Range<usize>) -> Range<usize> {
        self.places[range.start]..self.places[range.end]
    }

    /// Whether some characters are capitals throughout, two letters at least.
    pub(super) fn capitals(&self, range: Range<usize>) -> Capitals {
        let letters = || self.plain[range.clone()].iter().filter(|c| c.is_alphabetic());
        let all = letters().count() > 1 && letters().all(|c| c.is_uppercase());
        if all { Capitals::All } else { Capitals::Usual }
    }

    fn at(&self, at: usize) -> Option<char> {
        self.folded.get(at).copied()
    }

    fn is_word(&self, at: usize) -> bool {
        self.at(at).is_some_and(is_of_word)
    }

    /// Whether a sign at `at` holds letters before and behind it together.
    fn joins(&self, at: usize) -> bool {
        let sign = match self.at(at) {
            Some('-') => true,
            Some('\'') => has_apostrophes(self.language),
            _ => false,
        };
        sign && at > 0 && self.is_word(at - 1) && self.is_word(at + 1)
    }

    /// Whether a word may begin at `at`.
    fn begins_word(&self, at: usize) -> bool {
        at == 0 || !self.is_word(at) || !(self.is_word(at - 1) || self.joins(at - 1))
    }

    /// Whether a word may end before `at`: at the end of letters, before Korean particles or an English ’s.
    fn ends_word(&self, at: usize) -> bool {
        if at == 0 || !self.is_word(at - 1) {
            // U.S. is not in U.S.A.
            return at == 0 || self.plain[at - 1] != '.' || !self.is_word(at);
        }
        if self.is_word(at) {
            let hangul = |c: &char| script_of(*c) == Some(Script::Hangul);
            let tail: String = self.folded[at..].iter().copied().take_while(hangul).collect();
            let whole = !self.is_word(at + tail.chars().count());
            return self.language == Language::KO && whole && are_particles(&tail);
        }
        let possessive = self.language == Language::EN && self.at(at) == Some('\'');
        !self.joins(at) || possessive && self.at(at + 1) == Some('s') && !self.is_word(at + 2)
    }

    /// Where the word that begins at `at` ends.
    fn word_end(&self, at: usize) -> usize {
        let mut end = at;
        while self.is_word(end) || (end > at && self.joins(end)) {
            end += 1;
        }
        end
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(language: &str, term: &str, text: &str, expected: &[&str]) {
        let letters = Letters::of(text, language.parse().unwrap());
        let form = Form::new(term.to_string());
        let found = (0..letters.len()).filter_map(|at| Some(letters.bytes(at..at + form.length_at(&letters, at)?)));
        assert_eq!(found.map(|span| &text[span]).collect::<Vec<_>>(), expected, "{term:?} in {text:?}");
    }

    #[test]
    fn only_whole_words_match() {
        check("en", "bank", "The bank, a Bank and BANK; bankers, riverbank.", &["bank", "Bank", "BANK"]);
        check("en", "bank", "bank’s, bank's, banks', bank-led, vice-bank, «bank»", &["bank", "bank", "bank"]);
        check("en", "U.S.", "The U.S. and U.S.A.", &["U.S."]);
        check("fr", "état", "L’État et l'état; états", &["État", "état"]);
        check("uk", "об'єкт", "Об’єкт і об'єкт, об'єкти", &["Об’єкт", "об'єкт"]);
        check("uk", "віце-прем'єр", "віце‑прем’єр", &["віце‑прем’єр"]);
        check("en", "New York", "New\u{a0}York, new York", &["New\u{a0}York"]);
        check("en", "bank", "bank_id ban", &[]);
    }

    #[test]
    fn capitals_of_a_term_count() {
        check("en", "NATO", "NATO, Nato, nato", &["NATO"]);
        check("en", "iPhone", "iPhone, IPhone", &["iPhone"]);
        check("en", "Turkey", "Turkey's turkey, TURKEY", &["Turkey", "TURKEY"]);
        check("en", "IT", "IT and it", &["IT"]);
    }

    #[test]
    fn korean_particles_follow_a_term() {
        check(
            "ko",
            "우크라이나",
            "우크라이나는 우크라이나에서도 우크라이나어 우크라이나인",
            &["우크라이나", "우크라이나"],
        );
        check("ko", "은행", "은행, 은행들이 은행나무 중앙은행", &["은행", "은행"]);
        check("ko", "NATO", "NATO는 NATO와", &["NATO", "NATO"]);
        check("ko", "유럽 연합", "유럽 연합의", &["유럽 연합"]);
    }

    fn check_inflected(term: &str, text: &str, expected: &[&str]) {
        let letters = Letters::of(text, Language::UK);
        let form = Form::new(term.to_string());
        let found = (0..letters.len()).filter_map(|at| Some(letters.bytes(at..at + form.inflected_at(&letters, at)?)));
        assert_eq!(found.map(|span| &text[span]).collect::<Vec<_>>(), expected, "{term:?} in {text:?}");
    }

    #[test]
    fn ukrainian_terms_are_found_in_their_cases() {
        check_inflected(
            "Верховна Рада",
            "У Верховній Раді; верховної ради; Верховна Рада",
            &["Верховній Раді", "Верховна Рада"],
        );
        check_inflected("банк", "До банку, Банками; банкнота", &["банку", "Банками"]);
        check_inflected("НАТО", "НАТО", &[]);
    }

    #[test]
    fn spellings_are_those_a_sentence_may_ask_for() {
        let spellings = |text: &str, capitals| Form::new(text.to_string()).spellings(capitals);
        assert_eq!(spellings("état", Capitals::Usual), ["état", "État"]);
        assert_eq!(spellings("état", Capitals::All), ["état", "État", "ÉTAT"]);
        assert_eq!(spellings("OTAN", Capitals::All), ["OTAN"]);
        assert_eq!(spellings("은행", Capitals::Usual), ["은행"]);
    }
}
