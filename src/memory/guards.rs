//! What must not differ where a match is used for another sentence: numbers, negation, and what is never translated.
//!
//! Two sentences that differ in one digit are as like as sentences can be, and the translation of one is wrong for the other. Both
//! sentences are of one language, so this only has to see a difference, not to understand it.

use std::collections::BTreeMap;

use super::words::{Token, normal, tokens};
use crate::language::Language;

/// How the sentence of a memory differs from the one that was asked for, in words for a person; nothing if it does not.
pub(super) fn differences(asked: &str, found: &str, language: Language) -> Vec<String> {
    let (asked, found) = (normal(asked), normal(found));
    let mut differs = Vec::new();
    compare("number", &numbers(&asked), &numbers(&found), &mut differs);
    compare("protected", &protected(&asked), &protected(&found), &mut differs);
    let (asked, found) = (words(&asked), words(&found));
    let before = differs.len();
    compare("negation", &negations(&asked, language), &negations(&found, language), &mut differs);
    if differs.len() == before {
        differs.extend(prefix(&asked, &found, language).or_else(|| prefix(&found, &asked, language)));
    }
    differs
}

/// Says what only one side has.
fn compare(what: &str, asked: &[String], found: &[String], differs: &mut Vec<String>) {
    let (only_asked, only_found) = (without(asked, found), without(found, asked));
    if !only_asked.is_empty() || !only_found.is_empty() {
        let list = |texts: &[&String]| match texts {
            [] => "nothing".to_string(),
            texts => texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join(" "),
        };
        differs.push(format!("{what}: asked for {}, the memory has {}", list(&only_asked), list(&only_found)));
    }
}

/// What `these` have and `those` have not, with its number.
fn without<'a>(these: &'a [String], those: &[String]) -> Vec<&'a String> {
    let mut left: BTreeMap<&String, usize> = BTreeMap::new();
    for text in those {
        *left.entry(text).or_default() += 1;
    }
    these
        .iter()
        .filter(|text| left.get_mut(*text).is_none_or(|count| std::mem::replace(count, count.saturating_sub(1)) == 0))
        .collect()
}

/// The numbers of a text, as they are written.
fn numbers(text: &str) -> Vec<String> {
    let signs: Vec<char> = text.chars().collect();
    let is_digit = |at: usize| signs.get(at).is_some_and(|c| c.is_numeric());
    let mut numbers = Vec::new();
    let mut number = String::new();
    for (at, &c) in signs.iter().enumerate() {
        if is_digit(at) || matches!(c, '.' | ',' | ':') && !number.is_empty() && is_digit(at + 1) {
            number.push(c);
        } else if !number.is_empty() {
            numbers.push(std::mem::take(&mut number));
        }
    }
    if !number.is_empty() {
        numbers.push(number);
    }
    numbers
}

/// Addresses, handles, hashtags, tags, placeholders, code: stretches without blanks that have a sign of one.
fn protected(text: &str) -> Vec<String> {
    const SIGNS: &[&str] = &["://", "www.", "@", "#", "{", "<", "%s", "%d", "`", "\\"];
    text.split(' ').filter(|word| SIGNS.iter().any(|sign| word.contains(sign))).map(str::to_string).collect()
}

fn words(text: &str) -> Vec<String> {
    let word = |token| match token {
        Token::Word(word) => Some(word),
        Token::Mark(_) => None,
    };
    tokens(text).into_iter().filter_map(word).collect()
}

/// The words that negate.
fn negations(words: &[String], language: Language) -> Vec<String> {
    const ENGLISH: &[&str] = &[
        "not", "no", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "cannot", "without", "hardly",
        "barely",
    ];
    const UKRAINIAN: &[&str] =
        &["не", "ні", "ані", "без", "нема", "немає", "ніхто", "нікого", "нікому", "ніким", "ніщо"];
    const UKRAINIAN_STEMS: &[&str] = &["нічого", "нічому", "нічим", "ніколи", "ніде", "нікуди", "ніяк", "жод"];
    const KOREAN_PARTS: &[&str] = &["않", "없", "못", "아니", "아닌", "아닐", "아닙"];
    let negates = |word: &str| match language {
        Language::EN => ENGLISH.contains(&word) || word.ends_with("n't"),
        Language::UK => UKRAINIAN.contains(&word) || UKRAINIAN_STEMS.iter().any(|stem| word.starts_with(stem)),
        Language::KO => word == "안" || KOREAN_PARTS.iter().any(|part| word.contains(part)),
        _ => false,
    };
    words.iter().filter(|word| negates(word)).cloned().collect()
}

/// A word of one side that is a word of the other with a prefix that negates: можливо and неможливо.
fn prefix(these: &[String], those: &[String], language: Language) -> Option<String> {
    let prefixes: &[&str] = match language {
        Language::EN => &["un", "in", "im", "dis", "non", "il", "ir"],
        Language::UK => &["не", "без"],
        Language::KO => &["비", "불", "무", "미"],
        _ => &[],
    };
    let others = without(those, these);
    without(these, those).into_iter().find_map(|word| {
        let bare =
            prefixes.iter().find_map(|prefix| others.iter().find(|other| word.strip_prefix(prefix) == Some(other)));
        bare.map(|bare| format!("negation: {word} on one side, {bare} on the other"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, asked: &str, found: &str, expected: &[&str]) {
        let differs = differences(asked, found, language);
        let kinds: Vec<&str> = differs.iter().filter_map(|text| text.split(':').next()).collect();
        assert_eq!(kinds, expected, "{asked:?} {found:?}: {differs:?}");
    }

    #[test]
    fn numbers_are_compared_as_they_are_written() {
        check(Language::EN, "15 people came", "16 people came", &["number"]);
        check(Language::EN, "At 14:30 it was 1,100.", "At 14:30 it is 1,100,", &[]);
        check(Language::EN, "It was 5, then 5", "It was 5, then five", &["number"]);
        check(Language::KO, "27일 회의", "28일 회의", &["number"]);
    }

    #[test]
    fn a_negation_on_one_side_only_is_seen() {
        check(Language::EN, "The bridge is open", "The bridge is not open", &["negation"]);
        check(Language::EN, "They don't agree", "They do agree", &["negation"]);
        check(Language::EN, "It is likely", "It is unlikely", &["negation"]);
        check(Language::EN, "It is not likely", "It was not likely", &[]);
        check(Language::UK, "Міст відкрили", "Міст не відкрили", &["negation"]);
        check(Language::UK, "Це можливо", "Це неможливо", &["negation"]);
        check(Language::UK, "Ніхто не прийшов", "Ніхто не приїхав", &[]);
        check(Language::KO, "그는 갔다", "그는 안 갔다", &["negation"]);
        check(Language::KO, "다리가 있다", "다리가 없다", &["negation"]);
    }

    #[test]
    fn addresses_and_placeholders_are_compared() {
        check(Language::EN, "See https://a.example/x", "See https://a.example/y", &["protected"]);
        check(Language::EN, "Hello {name}", "Hello {user}", &["protected"]);
        check(Language::EN, "Ask @desk", "Ask @desk", &[]);
    }
}
