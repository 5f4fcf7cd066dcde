//! A sentence as the search sees it: its text in one normal form, and its words and marks.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A word or a mark of a sentence, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Token {
    /// Letters or digits.
    Word(String),
    /// One sign that is neither.
    Mark(char),
}

/// NFC with single blanks between words and none around the text: texts that are the same in this form are the same.
pub(super) fn normal(text: &str) -> Cow<'_, str> {
    let nfc = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect()),
    };
    let mut blank = true;
    let single = nfc.chars().all(|c| {
        let after_blank = std::mem::replace(&mut blank, c.is_whitespace());
        !c.is_whitespace() || c == ' ' && !after_blank
    });
    if single && !nfc.ends_with(' ') {
        return nfc;
    }
    Cow::Owned(nfc.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The tokens of a text in normal form. Numbers keep their points and commas, words their apostrophes; Chinese and Japanese, which
/// have no blanks, are taken sign by sign.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let signs: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut word = String::new();
    for (at, &c) in signs.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| signs[at]);
        let after = signs.get(at + 1).copied();
        if inside(c, before, after) {
            if stands_alone(c) {
                flush(&mut word, &mut tokens);
            }
            // Apostrophes of all kinds are one.
            word.extend(if is_apostrophe(c) { '\''.to_lowercase() } else { c.to_lowercase() });
            if stands_alone(c) {
                flush(&mut word, &mut tokens);
            }
        } else {
            flush(&mut word, &mut tokens);
            if !c.is_whitespace() {
                tokens.push(Token::Mark(c));
            }
        }
    }
    flush(&mut word, &mut tokens);
    tokens
}

fn flush(word: &mut String, tokens: &mut Vec<Token>) {
    if !word.is_empty() {
        tokens.push(Token::Word(std::mem::take(word)));
    }
}

/// Whether a sign belongs to a word.
fn inside(c: char, before: Option<char>, after: Option<char>) -> bool {
    let both = |test: fn(char) -> bool| before.is_some_and(test) && after.is_some_and(test);
    match c {
        c if c.is_alphanumeric() => true,
        '.' | ',' | ':' => both(char::is_numeric),
        c if is_apostrophe(c) => both(char::is_alphabetic),
        // A stress mark over a vowel.
        c => is_combining_mark(c) && before.is_some_and(|c| c.is_alphanumeric() || is_combining_mark(c)),
    }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ' | '`')
}

/// Han and Kana.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_tokens(text: &str, expected: &str) {
        let found: Vec<String> = tokens(&normal(text))
            .into_iter()
            .map(|token| match token {
                Token::Word(word) => word,
                Token::Mark(mark) => format!("<{mark}>"),
            })
            .collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn words_keep_apostrophes_and_numbers_their_points() {
        check_tokens("П’ять об'єктів, 1,100.5 км.", "п'ять об'єктів <,> 1,100.5 км <.>");
        check_tokens("«Don’t», he said at 14:30…", "<«> don't <»> <,> he said at 14:30 <…>");
        check_tokens("서울에서 27일,", "서울에서 27일 <,>");
        check_tokens("за́мок", "за\u{301}мок");
        check_tokens("東京の朝", "東 京 の 朝");
        check_tokens("", "");
    }

    #[test]
    fn the_normal_form_knows_no_white_space_and_no_composition() {
        assert_eq!(normal("  a\n\tb  c "), "a b c");
        assert_eq!(normal("e\u{301} і\u{308}"), "é ї");
        assert_eq!(normal("\u{1112}\u{1161}\u{11ab}"), "한");
        assert!(matches!(normal("a b"), Cow::Borrowed("a b")));
    }

    proptest::proptest! {
        #[test]
        fn the_normal_form_of_a_normal_form_is_itself(text in "\\PC*|[ \\n\\tа-яé\u{301}한\u{1100}\u{1161}]*") {
            let once = normal(&text).into_owned();
            proptest::prop_assert_eq!(&normal(&once), &once);
        }
    }
}
