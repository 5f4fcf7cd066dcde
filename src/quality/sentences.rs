//! The sentences of both texts of a segment, for the checks that go sentence by sentence.
//!
//! Cutting is the business of [`crate::segment`]; a text that has no mark inside is one sentence and is not cut at all.

use std::ops::Range;

use super::length::characters;
use crate::language::Language;
use crate::segment::sentence_ranges;

/// A sentence and its place.
#[derive(Debug, Clone)]
pub(super) struct Sentence<'t> {
    pub(super) text: &'t str,
    pub(super) span: Range<usize>,
    pub(super) characters: usize,
    /// Whether it begins with a word that points back to the sentence before (`하지만`, `Це`).
    pub(super) points_back: bool,
}

/// First words with which a sentence takes up the one before. Translators often make one of the two.
#[rustfmt::skip]
const BACKWARD: &[&str] = &[
    "이", "이는", "이것은", "이것이", "이를", "이런", "이러한", "이로", "이에", "이들은", "그", "그것은", "그것이", "그것을", "그런", "그런데",
    "그런데도", "그러나", "그리고", "그래서", "그러므로", "그러면", "그렇지만", "하지만", "또한", "또", "즉", "왜냐하면", "따라서", "때문에", "게다가",
    "한편", "다만",
    "This", "These", "That", "Those", "It", "And", "But", "So", "However", "Then", "Yet", "Or",
    "Це", "Цей", "Ця", "Ці", "Цього", "Цьому", "Той", "Та", "Те", "Ті", "Його", "Її", "Їх", "І", "Й", "А", "Але", "Тож", "Проте",
    "Однак", "Тому", "Тоді", "Також",
];

/// The sentences of a text, in order; those without a letter or digit are left out.
pub(super) fn sentences(text: &str, language: Language) -> Vec<Sentence<'_>> {
    let ranges = if may_have_several(text) {
        sentence_ranges(text, language)
    } else {
        let lead = text.len() - text.trim_start().len();
        std::iter::once(lead..text.trim_end().len().max(lead)).collect()
    };
    ranges
        .into_iter()
        .filter(|span| text[span.clone()].contains(char::is_alphanumeric))
        .map(|span| {
            let text = &text[span.clone()];
            let first = text.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
            // `그는 말했다. “…”` is one sentence with a colon elsewhere.
            let quotes = language == Language::KO && text.starts_with(['"', '“', '‘', '\'']);
            let points_back = quotes || first.is_some_and(|word| BACKWARD.contains(&word));
            Sentence { text, characters: characters(text, language), span, points_back }
        })
        .collect()
}

/// Whether a mark that may end a sentence has text behind it.
fn may_have_several(text: &str) -> bool {
    // `。`, `！`, `？` and `…` begin with these bytes; little else in the three languages does.
    let mark = |byte: &u8| matches!(byte, b'.' | b'!' | b'?' | b'\n' | 0xE2 | 0xE3 | 0xEF);
    let bytes = text.trim_end().as_bytes();
    let Some(first) = bytes.iter().position(mark) else { return false };
    bytes[first..].iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0xC3)
}

#[cfg(test)]
mod tests {
    use super::sentences;

    fn check(language: &str, text: &str, expected: &[(&str, bool)]) {
        let Ok(language) = language.parse() else { panic!("{language}") };
        let found: Vec<(&str, bool)> = sentences(text, language)
            .iter()
            .map(|sentence| (&text[sentence.span.clone()], sentence.points_back))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sentences_have_a_letter_or_a_digit() {
        check("en", " The road is closed ", &[("The road is closed", false)]);
        check("uk", "Дорогу закрили. … Так!", &[("Дорогу закрили.", false), ("Так!", false)]);
        check("en", "…", &[]);
        check("en", "", &[]);
    }

    #[test]
    fn some_point_back_to_the_one_before() {
        check("uk", "Дорогу закрили. Це сталося вночі.", &[("Дорогу закрили.", false), ("Це сталося вночі.", true)]);
        check("ko", "그는 말했다. “길이 막혔다.”", &[("그는 말했다.", false), ("“길이 막혔다.”", true)]);
        check("ko", "길이 막혔다. 하지만 걸었다.", &[("길이 막혔다.", false), ("하지만 걸었다.", true)]);
    }
}
