//! Checks that what is below zero stays so: `-5 °C` without its sign is another weather. Values themselves are the business
//! of [`super::numbers`], which compares them without signs, since a fall of 3 % is often written without one.

use std::ops::Range;

use super::{Finding, Input, Severity};
use crate::language::Language;

/// Words that make the number behind them negative.
const MINUS: &[&str] = &["minus ", "мінус ", "마이너스 ", "마이너스", "영하 ", "영하"];

/// Words that say of a number that it is below zero, or that something became less by it.
#[rustfmt::skip]
const HINTS: &[&str] = &[
    "minus", "negative", "below", "sub-zero", "subzero", "freez", "frost", "fell", "fall", "drop", "declin", "decreas",
    "down", "lost", "loss", "shrank", "shrink", "deficit", "less", "lower", "cold", "contract", "мінус", "від'ємн",
    "від’ємн", "нижче", "мороз", "впа", "падінн", "пада", "зниж", "знизи", "скороч", "скорот", "спад", "зменш", "втра",
    "дефіцит", "менш", "холод", "마이너스", "영하", "음수", "이하", "아래", "밑", "감소", "하락", "떨어", "줄", "적자", "손실", "낮",
    "역성장", "추위", "off", "discount", "cut", "reduc", "slid", "slip", "slump", "plung", "tumbl", "sank", "dip",
    "знижк", "подешев", "просі", "обвал", "할인", "급락", "내려", "내렸",
];

/// What stands behind a number that may be negative; a dash before any other number is a range or a list.
#[rustfmt::skip]
const UNITS: &[&str] = &["°", "℃", "℉", "%", "º", "degree", "celsius", "fahrenheit", "цельс", "фаренгейт", "percent", "per cent", "градус", "відсот", "도", "퍼센트", "프로"];

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let known = |language| matches!(language, Language::EN | Language::UK | Language::KO);
    if !known(input.from) || !known(input.to) {
        return Vec::new();
    }
    let (source, output) = (negatives(input.source), negatives(input.output));
    if let Some(span) = source.first()
        && output.is_empty()
        && !is_signed(&input.source[span.clone()], input.output)
        && !is_hinted(input.output)
    {
        let message = format!("sign is missing: expected {:?} below zero", &input.source[span.clone()]);
        return vec![Finding::new("sign_missing", Severity::Warning, message).in_source(span.clone())];
    }
    if let Some(span) = output.first()
        && source.is_empty()
        && !is_signed(&input.output[span.clone()], input.source)
        && !is_hinted(input.source)
    {
        let message = format!("sign is new: the source has no {:?}", &input.output[span.clone()]);
        return vec![Finding::new("sign_new", Severity::Warning, message).in_output(span.clone())];
    }
    Vec::new()
}

/// Whether a text has the digits of a number behind a dash, whatever follows: a sign, since the other text has one.
fn is_signed(number: &str, text: &str) -> bool {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    text.match_indices(&digits).any(|(at, _)| text[..at].ends_with(['-', '−', '–']))
}

fn is_hinted(text: &str) -> bool {
    let lower = text.to_lowercase();
    HINTS.iter().any(|hint| lower.contains(hint))
}

/// The negative numbers of a text.
fn negatives(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, sign) in text.char_indices().filter(|(_, c)| matches!(c, '-' | '−' | '–')) {
        let behind = &text[at + sign.len_utf8()..];
        let digits = number(behind);
        let before = text[..at].trim_end();
        let free = before.len() < at || text[..at].ends_with(['(', '"', '“', '«', '~']) || at == 0;
        // `10 –15` is a range, `- 15` a list.
        let range = before.ends_with(|c: char| c.is_ascii_digit() || c == '%' || c == '°');
        if digits == 0 || !free || range {
            continue;
        }
        let unit = behind[digits..].trim_start_matches([' ', '\u{a0}']).to_lowercase();
        let letter = unit.starts_with(['c', 'f', 'с']) && !unit.chars().nth(1).is_some_and(char::is_alphanumeric);
        if sign == '−' || letter || UNITS.iter().any(|start| unit.starts_with(start)) {
            found.push(at..at + sign.len_utf8() + digits);
        }
    }
    let lower = text.to_lowercase();
    // Lower case keeps the lengths of these scripts but for rare letters, which end the search for words.
    if lower.len() == text.len() {
        for word in MINUS {
            for (at, _) in lower.match_indices(word) {
                let digits = number(&lower[at + word.len()..]);
                if digits > 0 {
                    found.push(at..at + word.len() + digits);
                }
            }
        }
    }
    found.retain(|span| text.get(span.clone()).is_some());
    found
}

/// Bytes of the number that a text begins with.
fn number(text: &str) -> usize {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};
    use proptest::prelude::*;

    fn check(from: &str, to: &str, source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input(from, to, source, output))), expected, "{source:?} → {output:?}");
    }

    #[test]
    fn signs_in_their_forms_pass() {
        let en = "At night it was -12 °C in Sumy.";
        check("en", "uk", en, "Уночі в Сумах було −12 °C.", &[]);
        check("en", "uk", en, "Уночі в Сумах було 12 градусів морозу.", &[]);
        check("en", "ko", en, "밤에 수미의 기온은 영하 12도였다.", &[]);
        check("ko", "uk", "기온은 영하 12도였다.", "Було мінус 12 градусів.", &[]);
        check("ko", "en", "기온은 영하 12도였다.", "It was -12C.", &[]);
        check("uk", "en", "Від мінус 5 до мінус 10.", "Between -5 and -10.", &[]);
        check("uk", "en", "ВВП змінився на -3,1 %.", "GDP fell by 3.1 percent.", &[]);
    }

    #[test]
    fn a_lost_sign_is_found() {
        check("en", "uk", "At night it was -12 °C in Sumy.", "Уночі в Сумах було 12 °C.", &["sign_missing"]);
        check("ko", "en", "기온은 영하 12도였다.", "It was 12 degrees.", &["sign_missing"]);
        check("uk", "ko", "Уночі було 12 градусів тепла.", "밤에는 영하 12도였다.", &["sign_new"]);
    }

    #[test]
    fn dashes_that_are_no_signs_pass() {
        for source in
            ["Pages 10 –15 are lost.", "It won 4-1.", "- 15 trucks", "The F-16 came.", "In 2014-2015 it rained."]
        {
            check("en", "uk", source, "Тут немає жодного знака.", &[]);
        }
    }

    proptest! {
        #[test]
        fn spans_are_in_the_texts(source in "([-−–]|[0-9]|°|İ|мінус |영하 |\\PC){0,30}") {
            for finding in super::check(&input("en", "uk", &source, "Так.")) {
                prop_assert!(finding.source.is_none_or(|span| source.get(span).is_some()));
            }
        }
    }
}
