//! Reads number words strictly: only what is a number beyond doubt, with its value. What it finds has to have a
//! partner in the other text; `number_words` is the generous reader that looks for the partner.
//!
//! Left out on purpose: one and its forms, `second` and `другий`, names (`Big Ten`), "a year or two", a `세` or `열`
//! that stands before no counter.

use std::ops::Range;

use super::numerals::{self, Alone, PARTICLES, Part, is_counter, is_sino_counter};
use super::tokens::Tokens;
use crate::language::Language;

/// A number in words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spelled {
    pub(super) span: Range<usize>,
    /// What it may mean, as in `quantity::Quantity`.
    pub(super) alternatives: Vec<Vec<f64>>,
    /// The word from which on a unit may follow: the next one, or the rest of a compound.
    pub(super) next: usize,
    /// What is left of the last word, where a unit sticks to the number (`восьмирічний`, `두시간`).
    pub(super) rest: Range<usize>,
}

/// The numbers that a text has in words; none in languages that are not known here.
pub(super) fn read(tokens: &Tokens<'_>, language: Language) -> Vec<Spelled> {
    let step = match language {
        Language::EN => english,
        Language::UK => ukrainian,
        Language::KO => korean,
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if let Some(spelled) = step(tokens, index) {
            index = spelled.next.max(index + 1);
            found.push(spelled);
        } else {
            index += 1;
        }
    }
    found
}

/// A number that has been put together from parts.
#[derive(Default)]
struct Sum {
    /// Parts that a scale has closed.
    closed: f64,
    /// The part below the next scale.
    open: f64,
    /// The smallest unit so far: what follows has to be smaller.
    least: f64,
}

impl Sum {
    /// Adds a part. Answers `false` if it does not belong to the same number.
    fn add(&mut self, part: Part) -> bool {
        let empty = self.closed + self.open == 0.0;
        match part {
            Part::Small(value) | Part::Ordinal(value)
                if empty || self.least >= 100.0 && self.least > value || self.least >= 20.0 && value < 10.0 =>
            {
                self.open += value;
                self.least = 1.0;
            }
            Part::Tens(value) if empty || self.least >= 100.0 => {
                self.open += value;
                self.least = 20.0;
            }
            Part::Hundreds(value) if empty || self.least >= 1000.0 => {
                self.open += value;
                self.least = 100.0;
            }
            // "two hundred"
            Part::Hundreds(value) if self.least < 100.0 && self.open >= 1.0 && self.open < 20.0 && value < 200.0 => {
                self.open *= value;
                self.least = 100.0;
            }
            Part::Scale(value) if self.open > 0.0 && (self.closed == 0.0 || self.closed >= value * 1000.0) => {
                self.closed += self.open * value;
                self.open = 0.0;
                self.least = value;
            }
            _ => return false,
        }
        true
    }

    fn value(&self) -> f64 {
        self.closed + self.open
    }
}

/// The English number that begins at a word.
fn english(tokens: &Tokens<'_>, start: usize) -> Option<Spelled> {
    let part = |index: usize| numerals::english(tokens.word(index));
    let joined = |index: usize| matches!(tokens.gap(index), " " | "-" | "\u{a0}" | "‑");
    let first = part(start)?;
    if tokens.is_name(start) && !tokens.gap(start).ends_with('-') {
        return None;
    }
    let (sum, last, denominator) = add_parts(start, first, |index| {
        if !joined(index) {
            return None;
        }
        if tokens.word(index) == "and" && joined(index + 1) && index > start + 1 {
            return part(index + 1).map(|next| (next, index + 1));
        }
        part(index).map(|next| (next, index))
    })?;
    // "A year or two", "one or two" are a few.
    if last == start
        && tokens.before(start, 1) == "or"
        && !numerals::english(tokens.before(start, 2)).is_some_and(|p| !matches!(p, Part::Small(1.0)))
    {
        return None;
    }
    // "One in three" is a share; a lone one, first or second is an article, an adverb or a unit of time.
    let single = last == start;
    if single && matches!(first, Part::Small(1.0) | Part::Ordinal(1.0 | 2.0) | Part::Denominator(_)) {
        return None;
    }
    // "A third", "one fifth" are parts.
    let part_of = matches!(first, Part::Ordinal(_))
        && (matches!(tokens.before(start, 1), "a" | "an" | "one")
            || tokens.word(start + 1) == "of" && tokens.before(start, 1) != "the");
    if single && part_of {
        return None;
    }
    Some(finish(tokens, start..last + 1, &sum, denominator))
}

/// The Ukrainian number that begins at a word.
fn ukrainian(tokens: &Tokens<'_>, start: usize) -> Option<Spelled> {
    let part = |index: usize| numerals::ukrainian(tokens.word(index));
    let Some(first) = part(start) else { return compound(tokens, start) };
    if tokens.is_name(start) {
        return None;
    }
    let joined = |index: usize| matches!(tokens.gap(index), " " | "\u{a0}");
    let (sum, last, denominator) =
        add_parts(start, first, |index| if joined(index) { part(index).map(|next| (next, index)) } else { None })?;
    let single = last == start;
    let unsure = matches!(first, Part::Small(1.0) | Part::Ordinal(1.0 | 2.0) | Part::Denominator(_));
    // Alone `сорока` is a magpie as well.
    if single && (unsure || tokens.word(start) == "сорока") {
        return None;
    }
    let part_of = matches!(first, Part::Ordinal(_)) && tokens.word(start + 1).starts_with("частин");
    if single && part_of || tokens.word(start + 1) == "частини" {
        return None;
    }
    // A family is often typed `сім я`.
    if single && matches!(tokens.word(start + 1), "я" | "ї" | "ю" | "єю") {
        return None;
    }
    Some(finish(tokens, start..last + 1, &sum, denominator))
}

/// `восьмирічний`, `двотижневий`.
fn compound(tokens: &Tokens<'_>, index: usize) -> Option<Spelled> {
    let word = tokens.word(index);
    let (value, rest) = numerals::compound(word)?;
    let span = tokens.span(index);
    let left = rest.chars().count();
    let from = tokens.original(index).char_indices().rev().nth(left.checked_sub(1)?)?.0;
    let rest = span.start + from..span.end;
    Some(Spelled { span, alternatives: vec![vec![value]], next: index, rest })
}

/// Adds up parts from a first one; `next` answers the part that follows and where it stands. Answers the sum, the last
/// word and the denominator.
fn add_parts(
    start: usize,
    first: Part,
    next: impl Fn(usize) -> Option<(Part, usize)>,
) -> Option<(Sum, usize, Option<f64>)> {
    let mut sum = Sum::default();
    // A scale alone, thousands of people, is no number.
    if let Part::Denominator(value) = first {
        return Some((sum, start, Some(value)));
    }
    if !sum.add(first) {
        return None;
    }
    let mut last = start;
    let mut part = first;
    while !matches!(part, Part::Ordinal(_)) {
        let Some((following, at)) = next(last + 1) else { break };
        if let Part::Denominator(value) = following {
            return Some((sum, at, Some(value)));
        }
        if !sum.add(following) {
            break;
        }
        (part, last) = (following, at);
    }
    Some((sum, last, None))
}

/// The number of the words in a range.
fn finish(tokens: &Tokens<'_>, words: Range<usize>, sum: &Sum, denominator: Option<f64>) -> Spelled {
    let value = sum.value();
    let mut alternatives = match denominator {
        Some(denominator) => vec![vec![value / denominator], vec![value, denominator]],
        None => vec![vec![value]],
    };
    if let Some(group) = numerals::group(tokens.word(words.end)) {
        alternatives.push(vec![value * group]);
    }
    let span = tokens.span(words.start).start..tokens.span(words.end - 1).end;
    Spelled { rest: span.end..span.end, span, alternatives, next: words.end }
}

/// The Korean number that begins at a word: a native numeral before a counter, or a Sino-Korean one with units.
fn korean(tokens: &Tokens<'_>, index: usize) -> Option<Spelled> {
    let word = tokens.word(index);
    let apart = tokens.gap(index + 1) == " ";
    let span = tokens.span(index);
    // The 세 of 13세 counts years.
    if tokens.text()[..span.start].ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let (value, rest) = if let Some((value, alone, rest)) = numerals::native(word) {
        let counted = if rest.is_empty() { apart && is_counter(tokens.word(index + 1)) } else { is_counter(rest) };
        let fused = |alone| match alone {
            // `세대`, `세주`, `네시`: short words that begin so are no numbers.
            Alone::Always => true,
            Alone::Word | Alone::Never => {
                ["명", "번째", "가지", "시간", "사람", "차례", "마리", "살", "달"].iter().any(|c| rest.starts_with(c))
                    && !rest.starts_with("달라")
            }
        };
        let strict = match (alone, rest.is_empty()) {
            (_, false) => {
                counted && fused(alone) || alone == Alone::Always && rest.chars().all(|c| PARTICLES.contains(c))
            }
            (Alone::Always, true) => true,
            (Alone::Word, true) => apart,
            (Alone::Never, true) => counted,
        };
        // "서너 번", "두세 명" and the like are about as many.
        if !strict || value < 10.0 && rest.starts_with(['세', '서']) {
            return None;
        }
        (value, rest)
    } else {
        let (value, rest) = numerals::sino(word)?;
        let rest = rest.strip_prefix('여').unwrap_or(rest);
        let counter = if rest.is_empty() && apart { tokens.word(index + 1) } else { rest };
        let is_counted = is_counter(counter) || is_sino_counter(counter);
        if !is_counted {
            return None;
        }
        (value, rest)
    };
    // Folding changes no Hangul, so that what is left has the same length in the text.
    let left = span.end - rest.len();
    Some(Spelled {
        span: span.start..left,
        alternatives: vec![vec![value]],
        next: if rest.is_empty() { index + 1 } else { index },
        rest: left..span.end,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tokens::Tokens;
    use super::read;
    use crate::language::Language;

    fn check(language: Language, text: &str, expected: &[f64]) {
        let found: Vec<f64> =
            read(&Tokens::of(text), language).iter().map(|spelled| spelled.alternatives[0][0]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn english_words() {
        check(
            Language::EN,
            "Seven ferries carried twenty-five buses and two hundred and six cars.",
            &[7.0, 25.0, 206.0],
        );
        check(Language::EN, "three million five hundred thousand hens", &[3_500_000.0]);
        check(Language::EN, "the fourth attempt, the twenty-first century, an eight-year-old", &[4.0, 21.0, 8.0]);
        check(Language::EN, "two-thirds of the harbour; three quarters", &[2.0 / 3.0, 0.75]);
        check(Language::EN, "one of them, the second one, a year or two, thousands, a third of it, the Big Ten", &[]);
        check(Language::EN, "two or three hours", &[2.0, 3.0]);
    }

    #[test]
    fn ukrainian_words() {
        check(Language::UK, "Сім поромів везли двадцять п’ять автобусів і двісті шість авто.", &[7.0, 25.0, 206.0]);
        check(Language::UK, "три мільйони п'ятсот тисяч курей", &[3_500_000.0]);
        check(Language::UK, "четверта спроба, двадцять перше століття, восьмирічний хлопець", &[4.0, 21.0, 8.0]);
        check(Language::UK, "двадцять один день, сорока двома, одна година, сорока", &[21.0, 42.0]);
        check(Language::UK, "дві третини порту, п'ята частина", &[2.0 / 3.0]);
        check(Language::UK, "сім’я тривалий час друга, один із них, десятки тисяч, тримав сорочку, стояла", &[]);
        check(Language::UK, "двотижневий похід, п'ятиденна подорож, двадцятьох людей, четверо", &[2.0, 5.0, 20.0, 4.0]);
    }

    #[test]
    fn korean_words() {
        check(Language::KO, "여객선 일곱 척이 버스 스물다섯 대와 세 번째 트럭을", &[7.0, 25.0, 3.0]);
        check(Language::KO, "두 나라는 네 시간 동안, 열두 명이, 세명은 두번째로", &[2.0, 4.0, 12.0, 3.0, 2.0]);
        check(Language::KO, "사십여 개 기지, 이십오 명, 삼백만 원", &[40.0, 25.0, 3e6]);
        check(Language::KO, "세대 세계 네트워크 열대 두뇌 구조 한 명 첫 번째 두세 명 세기 만일 오만한", &[]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "([a-zA-Zа-яіїє' -]|two|hundred|and|п’ять|річний|двадцять|세|열두|십|명|이|\\PC){0,30}") {
            let tokens = Tokens::of(&text);
            for language in [Language::EN, Language::UK, Language::KO] {
                for spelled in read(&tokens, language) {
                    prop_assert!(text.get(spelled.span).is_some() && text.get(spelled.rest).is_some());
                    prop_assert!(!spelled.alternatives.is_empty());
                }
            }
        }
    }
}
