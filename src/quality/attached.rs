//! Finds the unit that stands with a number: behind it, as in `5 km` and `8-річний`, or before it, as in `$5`; and the
//! units that stand alone. The words themselves are in `unit_words`.

use std::ops::Range;

use super::mentions::Mention;
use super::tokens::Tokens;
use super::units::{
    CALENDAR_YEAR, CELSIUS, CLOCK, DATE, DECADE, DEGREE, FAHRENHEIT, METRE, MONEY, PERCENT, PERCENTAGE_POINT, Units,
    YEAR,
};
use super::{dates, unit_words};
use crate::language::Language;

/// A unit without a number, which may stand for one of it: "a mile away", "рік тому".
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bare {
    pub(super) span: Range<usize>,
    pub(super) units: Units,
    /// Whether it surely stands for one: "a mile", not "this mile".
    pub(super) told: bool,
}

/// A text in which units are looked for.
pub(super) struct Place<'t, 'a> {
    pub(super) tokens: &'t Tokens<'a>,
    pub(super) language: Language,
}

/// Words that may stand between a number and its unit.
#[rustfmt::skip]
const BETWEEN: &[&str] = &[
    "us", "american", "canadian", "australian", "more", "full", "long", "straight", "consecutive", "additional",
    "extra", "further", "other", "nautical", "metric", "calendar", "plus", "odd", "whole", "short", "previous", "past",
    "американськ", "канадськ", "австралійськ", "повн", "додатков", "календарн", "морськ", "метричн", "поспіль",
    "останн", "наступн", "попередн", "довг", "десятк", "dozen", "여", "미국", "캐나다", "호주", "미",
];

impl Place<'_, '_> {
    /// The units of a number in figures.
    pub(super) fn units(&self, mention: &Mention) -> Units {
        let text = self.tokens.text();
        let span = &mention.span;
        let before = self.before(span.start);
        let mut units = self.behind(span.end);
        let figures = &text[span.clone()];
        // `5m` sticks to its figures and may be metres or millions.
        if before.is_empty()
            && units.is_empty()
            && figures.ends_with('m')
            && figures[..figures.len() - 1].ends_with(|c: char| c.is_ascii_digit())
        {
            units = METRE;
        }
        // The reader of figures has taken the word for ten or a hundred years with it.
        if units.is_empty() && figures.ends_with(char::is_alphabetic) {
            let last = self.tokens.before(self.tokens.from(span.end), 1);
            units = unit_words::word(last, self.language);
        }
        if units.meets(DECADE) {
            units = units.or(YEAR);
        }
        if !before.is_empty() && (units.is_empty() || before.meets(MONEY)) {
            return before;
        }
        let value = mention.singles().next().unwrap_or(0.0);
        if units.is_empty() && self.is_day(span, value) {
            return DATE;
        }
        if units.is_empty() && self.is_age(span, value) {
            return YEAR;
        }
        let plain = figures.bytes().all(|b| b.is_ascii_digit());
        let second = text[..span.start].ends_with(['-', '–', '/']);
        let short = second && figures.len() == 2 && mention.singles().any(|value| value >= 1000.0);
        let year = plain && (short || figures.len() == 4 && (1000.0..2100.0).contains(&value));
        if year && (units.is_empty() || units.meets(YEAR.or(DECADE))) {
            units = units.or(CALENDAR_YEAR);
        }
        units
    }

    /// The units that a sign or code before figures tells.
    fn before(&self, start: usize) -> Units {
        let head = &self.tokens.text()[..start];
        let near = head.strip_suffix([' ', '\u{a0}']).unwrap_or(head);
        let Some(last) = near.chars().next_back() else { return Units::NONE };
        let sign = unit_words::sign(last);
        if sign.meets(MONEY) {
            return sign;
        }
        let index = self.tokens.from(start);
        let word = self.tokens.before(index, 1);
        let adjacent = index > 0 && self.tokens.span(index - 1).end == near.len();
        match word {
            "화씨" if adjacent => FAHRENHEIT,
            "섭씨" | "영하" | "영상" if adjacent => CELSIUS,
            "usd" | "eur" | "gbp" | "uah" | "krw" | "jpy" if adjacent => unit_words::word(word, Language::EN),
            _ => Units::NONE,
        }
    }

    /// The units that stand behind a place.
    pub(super) fn behind(&self, end: usize) -> Units {
        let text = self.tokens.text();
        let rest = &text[end..];
        let near = rest.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
        let Some(first) = near.chars().next() else { return Units::NONE };
        let sign = unit_words::sign(first);
        if !sign.is_empty() {
            return self.signed(sign, &near[first.len_utf8()..], end + rest.len() - near.len());
        }
        if is_half_day(near) {
            return CLOCK;
        }
        let mut index = self.tokens.from(end);
        if index >= self.tokens.len() {
            return Units::NONE;
        }
        let from = self.tokens.span(index).start;
        let mut gap = &text[end..from];
        let mut decade = Units::NONE;
        if is_ordinal_ending(self.tokens.word(index), gap, self.language) {
            // The eighties are years or degrees, the 1980s are years.
            let long = text[..end].bytes().rev().take_while(u8::is_ascii_digit).count() == 4;
            if long && text[..end].ends_with('0') && matches!(self.tokens.word(index), "s" | "ті" | "х" | "их" | "ми")
            {
                decade = DECADE.or(YEAR);
            }
            index += 1;
            gap = self.tokens.gap(index);
        }
        if index >= self.tokens.len() {
            return decade;
        }
        for _ in 0..3 {
            if !matches!(gap, "" | " " | "-" | "‑" | "–" | "\u{a0}" | "\u{202f}" | " (" | ". ")
                || gap == ". " && decade.is_empty() && !text[..end].ends_with("млн")
            {
                return decade;
            }
            let word = self.tokens.word(index);
            let found = self.unit_at(index);
            if !found.is_empty() {
                return found.or(decade);
            }
            let passed = word == "u" && self.tokens.word(index + 1) == "s";
            if passed {
                index += 1;
            } else if !BETWEEN.iter().any(|between| {
                if between.is_ascii() {
                    word == *between
                } else {
                    word.starts_with(between) && (self.language != Language::KO || word == *between)
                }
            }) {
                return decade;
            }
            index += 1;
            gap = match self.tokens.gap(index) {
                ". " if passed => " ",
                gap => gap,
            };
        }
        decade
    }

    /// What a sign and what stands behind it mean together.
    fn signed(&self, sign: Units, rest: &str, place: usize) -> Units {
        let next = rest.trim_start_matches(['-', ' ', '\u{a0}']);
        if sign == PERCENT {
            let points = next.starts_with("포인트")
                || next.starts_with("point")
                || rest.starts_with('p')
                || next.starts_with("пункт");
            return if points { PERCENTAGE_POINT } else { PERCENT };
        }
        if sign == DEGREE {
            return match self.tokens.word(self.tokens.from(place)) {
                "c" | "с" => CELSIUS,
                "f" => FAHRENHEIT,
                word if word.starts_with("цельс") => CELSIUS,
                _ => DEGREE,
            };
        }
        sign
    }

    /// The unit that a word names, with the words around it that change it.
    fn unit_at(&self, index: usize) -> Units {
        let word = self.tokens.word(index);
        let next = self.tokens.word(index + 1);
        match word {
            "square" | "sq" | "кв" => return unit_words::squared(unit_words::word(next, self.language)),
            "cubic" | "cu" | "куб" => return unit_words::cubed(unit_words::word(next, self.language)),
            "percentage" => return if next.starts_with("point") { PERCENTAGE_POINT } else { PERCENT },
            "per" if next == "cent" => return PERCENT,
            "в" | "п" if matches!(next, "п") && self.tokens.gap(index + 1) == "." => return PERCENTAGE_POINT,
            _ if word.starts_with("квадратн") => {
                return unit_words::squared(unit_words::word(next, self.language));
            }
            _ if word.starts_with("кубічн") => return unit_words::cubed(unit_words::word(next, self.language)),
            _ => {}
        }
        let units = unit_words::word(word, self.language);
        if units.is_empty() || index + 1 >= self.tokens.len() && self.tokens.text().is_empty() {
            return units;
        }
        let end = self.tokens.span(index).end;
        let behind = &self.tokens.text()[end..];
        if units == PERCENT {
            let points = next.starts_with("point") || next.starts_with("пункт") || next.starts_with("포인트");
            return if points || word.ends_with("포인트") { PERCENTAGE_POINT } else { PERCENT };
        }
        if units == DEGREE {
            return match next {
                "c" | "с" | "celsius" => CELSIUS,
                "f" | "fahrenheit" => FAHRENHEIT,
                _ if next.starts_with("цельс") || self.tokens.word(index + 2).starts_with("цельс") => CELSIUS,
                _ if next.starts_with("фаренг") || self.tokens.word(index + 2).starts_with("фаренг") => {
                    FAHRENHEIT
                }
                _ => DEGREE,
            };
        }
        if behind.starts_with('²') || behind.starts_with('2') && word.is_ascii() {
            return unit_words::squared(units);
        }
        if behind.starts_with('³') || behind.starts_with('3') && word.is_ascii() {
            return unit_words::cubed(units);
        }
        units
    }

    /// Whether a month stands beside figures, so that they are a day of it.
    fn is_day(&self, span: &Range<usize>, value: f64) -> bool {
        if self.language == Language::KO || !(1.0..=31.0).contains(&value) || value.fract() != 0.0 {
            return false;
        }
        let text = self.tokens.text();
        let mut index = self.tokens.from(span.end);
        let mut gap =
            text.get(span.end..).map_or("", |rest| &rest[..rest.find(char::is_alphabetic).unwrap_or(rest.len())]);
        if is_ordinal_ending(self.tokens.word(index), gap, self.language) {
            index += 1;
            gap = self.tokens.gap(index);
        }
        if self.tokens.word(index) == "of" {
            index += 1;
            gap = self.tokens.gap(index);
        }
        let month = |index: usize| dates::month(self.tokens.word(index), self.language).is_some();
        if index < self.tokens.len() && matches!(gap, " " | "\u{a0}") && month(index) {
            return true;
        }
        let first = self.tokens.from(span.start);
        let before = first > 0
            && text[self.tokens.span(first - 1).end..span.start].trim_matches(['.', ' ', '\u{a0}']).is_empty();
        self.language == Language::EN && before && month(first - 1)
    }

    /// Whether figures are somebody's age: "aged 33", "Ida Berg, 41, said", "у віці 15".
    fn is_age(&self, span: &Range<usize>, value: f64) -> bool {
        if !(1.0..=120.0).contains(&value) || value.fract() != 0.0 {
            return false;
        }
        let text = self.tokens.text();
        let before = self.tokens.before(self.tokens.from(span.start), 1);
        let (head, tail) = (&text[..span.start], &text[span.end..]);
        if matches!(before, "aged" | "age" | "ages" | "віці" | "віком") {
            return head.ends_with(' ');
        }
        let apposition = head.strip_suffix(", ").is_some_and(|head| head.ends_with(char::is_alphabetic));
        apposition && tail.starts_with([',', '.', ';']) && !tail[1..].starts_with(|c: char| c.is_ascii_digit())
    }

    /// The units of a text that stand with no number.
    pub(super) fn bare(&self, mentions: &[Mention]) -> Vec<Bare> {
        let mut found = Vec::new();
        for index in 0..self.tokens.len() {
            let word = self.tokens.word(index);
            let single = match self.language {
                Language::KO => matches!(self.tokens.before(index, 1), "한" | "일" | "반"),
                Language::EN => !word.ends_with('s') || word.len() < 3,
                _ => true,
            };
            if !single || word.chars().nth(2).is_none() && self.language != Language::KO {
                continue;
            }
            let units = unit_words::word(word, self.language);
            if units.is_empty() {
                continue;
            }
            let span = self.tokens.span(index);
            let text = self.tokens.text();
            let taken = mentions.iter().any(|m| {
                m.span.end <= span.start
                    && text[m.span.end..span.start].chars().all(|c| matches!(c, ' ' | '-' | '\u{a0}'))
                    || m.span.contains(&span.start)
            });
            if !taken {
                let before = self.tokens.before(index, 1);
                let told = match self.language {
                    Language::EN => matches!(before, "a" | "an" | "one") || text[span.end..].starts_with("-long"),
                    Language::UK => {
                        matches!(before, "за" | "на" | "через" | "один" | "одну" | "одна" | "одного" | "однієї")
                            || matches!(self.tokens.word(index + 1), "тому")
                    }
                    _ => true,
                };
                found.push(Bare { span, units, told });
            }
        }
        found
    }
}

/// Whether a text begins with the mark of a half of the day.
fn is_half_day(text: &str) -> bool {
    half_day(text).is_some()
}

/// The half of the day that a mark at the start of a text tells: `false` is before noon.
pub(super) fn half_day(text: &str) -> Option<bool> {
    let mut chars = text.chars();
    let evening = match chars.next()?.to_ascii_lowercase() {
        'a' => false,
        'p' => true,
        _ => return None,
    };
    let rest = chars.as_str();
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let rest = rest.strip_prefix(' ').filter(|r| r.starts_with(['m', 'M'])).unwrap_or(rest);
    let rest = rest.strip_prefix(['m', 'M'])?;
    (!rest.starts_with(char::is_alphabetic)).then_some(evening)
}

/// Whether a word is the ending of an ordinal in figures: `21st`, `1990s`, `5-й`.
fn is_ordinal_ending(word: &str, gap: &str, language: Language) -> bool {
    match language {
        Language::EN => matches!(gap, "" | "'" | "’") && matches!(word, "st" | "nd" | "rd" | "th" | "s"),
        Language::UK => {
            matches!(gap, "-" | "‑" | "–" | "")
                && matches!(
                    word,
                    "й" | "я"
                        | "е"
                        | "ї"
                        | "го"
                        | "му"
                        | "м"
                        | "ма"
                        | "ти"
                        | "та"
                        | "те"
                        | "ту"
                        | "ий"
                        | "ої"
                        | "ою"
                        | "х"
                        | "их"
                        | "ті"
                        | "і"
                        | "ох"
                        | "ми"
                        | "ша"
                        | "ше"
                        | "ша́"
                        | "шу"
                        | "га"
                        | "ге"
                        | "гу"
                        | "тя"
                        | "тє"
                        | "тю"
                        | "ю"
                        | "ій"
                        | "им"
                        | "ому"
                        | "ого"
                )
                && (!gap.is_empty() || word.chars().count() <= 1 && !matches!(word, "м" | "г"))
        }
        _ => false,
    }
}
