//! The numbers of a text, in figures and in words, each with the unit that stands with it. Reads; `numbers` compares.

use std::ops::Range;

use super::number_words::{self, Loose};
use super::tokens::Tokens;
use super::units::{
    CALENDAR_YEAR, CELSIUS, CLOCK, DATE, DECADE, DEGREE, DENOMINATOR, FAHRENHEIT, METRE, MONEY, Measure, PERCENT,
    PERCENTAGE_POINT, Units, YEAR,
};
use super::{dates, quantity, spelled, unit_words};
use crate::language::Language;

/// A number that needs a partner in the other text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mention {
    pub(super) span: Range<usize>,
    /// What it may mean: one value, or several that all have to be there.
    pub(super) alternatives: Vec<Vec<f64>>,
    /// What it counts, as far as the text says; no units if it does not.
    pub(super) units: Units,
    /// Whether it is written in words.
    pub(super) spelled: bool,
}

impl Mention {
    /// The single values that the number may mean.
    pub(super) fn singles(&self) -> impl Iterator<Item = f64> {
        self.alternatives.iter().filter(|all| all.len() == 1).map(|all| all[0])
    }

    /// The measures that the number may be; none without a unit.
    pub(super) fn measures(&self) -> impl Iterator<Item = Measure> {
        let units = self.units;
        self.singles().filter(move |_| !units.is_empty()).map(move |value| Measure { value, units })
    }
}

/// A unit without a number, which may stand for one of it: "a mile away", "рік тому".
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bare {
    pub(super) span: Range<usize>,
    pub(super) units: Units,
}

/// All that the comparison of numbers needs to know of a text.
pub(super) struct Reading<'a> {
    pub(super) tokens: Tokens<'a>,
    pub(super) language: Language,
    pub(super) mentions: Vec<Mention>,
    pub(super) loose: Vec<Loose>,
    pub(super) bare: Vec<Bare>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(text: &'a str, language: Language) -> Reading<'a> {
        let tokens = Tokens::of(text);
        let mut mentions: Vec<Mention> = quantity::read(text, language)
            .into_iter()
            .map(|q| Mention { span: q.span, alternatives: q.alternatives, units: Units::NONE, spelled: false })
            .collect();
        let mut bare = Vec::new();
        if is_known(language) {
            let place = Place { tokens: &tokens, language };
            for mention in &mut mentions {
                mention.units = place.units(mention);
            }
            if language == Language::KO {
                join_fractions(text, &mut mentions);
            }
            for spelled in spelled::read(&tokens, language) {
                // "2 million" has been read with its figure.
                let inside =
                    mentions.iter().any(|m| m.span.start <= spelled.span.start && spelled.span.start < m.span.end);
                if inside {
                    continue;
                }
                let rest = &text[spelled.rest.clone()];
                let mut units = if rest.is_empty() {
                    place.behind(spelled.span.end)
                } else {
                    unit_words::word(&rest.to_lowercase(), language)
                };
                if units.meets(DECADE) {
                    units = units.or(YEAR);
                }
                // Two thirds.
                if units.is_empty() && spelled.alternatives.iter().any(|all| all.len() == 2) {
                    units = DENOMINATOR;
                }
                mentions.push(Mention { span: spelled.span, alternatives: spelled.alternatives, units, spelled: true });
            }
            mentions.sort_by_key(|mention| mention.span.start);
            share_units(text, &mut mentions);
            bare = place.bare(&mentions);
        }
        let loose = number_words::read(&tokens, language);
        Reading { tokens, language, mentions, loose, bare }
    }

    pub(super) fn text(&self) -> &'a str {
        self.tokens.text()
    }

    /// All measures of the text, those of one understood among them.
    pub(super) fn measures(&self) -> impl Iterator<Item = Measure> {
        let bare = self.bare.iter().map(|bare| Measure { value: 1.0, units: bare.units });
        self.mentions.iter().flat_map(Mention::measures).chain(bare)
    }

    /// Whether the text says a value somewhere, in figures or in any word that may stand for it.
    pub(super) fn has(&self, value: f64) -> bool {
        self.mentions.iter().flat_map(|mention| mention.alternatives.iter().flatten()).any(|&v| quantity::is(v, value))
            || self.loose.iter().any(|loose| quantity::is(loose.value, value))
            || !self.bare.is_empty() && quantity::is(1.0, value)
    }
}

/// Whether number words and units of a language are known here.
pub(super) fn is_known(language: Language) -> bool {
    matches!(language, Language::EN | Language::UK | Language::KO)
}

/// A text in which units are looked for.
struct Place<'t, 'a> {
    tokens: &'t Tokens<'a>,
    language: Language,
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
    fn units(&self, mention: &Mention) -> Units {
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
        let short = figures.len() == 2 && mention.singles().any(|value| value >= 1000.0);
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
    fn behind(&self, end: usize) -> Units {
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
    fn bare(&self, mentions: &[Mention]) -> Vec<Bare> {
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
                found.push(Bare { span, units });
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
                && (gap != "" || word.chars().count() <= 1 && !matches!(word, "м" | "г"))
        }
        _ => false,
    }
}

/// Makes one number of `4분의 1`.
fn join_fractions(text: &str, mentions: &mut Vec<Mention>) {
    let mut at = 0;
    while at + 1 < mentions.len() {
        let (below, above) = (&mentions[at], &mentions[at + 1]);
        let joined = text.get(below.span.end..above.span.start).is_some_and(|between| between.trim() == "분의");
        let parts = below.singles().next().zip(above.singles().next()).filter(|&(below, _)| joined && below > 0.0);
        if let Some((denominator, numerator)) = parts {
            let mut alternatives = vec![vec![numerator / denominator], vec![numerator, denominator]];
            if quantity::is(numerator, 1.0) {
                alternatives.push(vec![denominator]);
            }
            mentions[at].span.end = mentions[at + 1].span.end;
            mentions[at].alternatives = alternatives;
            mentions.remove(at + 1);
        }
        at += 1;
    }
}

/// Gives numbers of a range or a list the unit of the last one: `5–7 km`, `4에서 6인치`; and money that of the first.
fn share_units(text: &str, mentions: &mut [Mention]) {
    const JOINTS: &[&str] = &[
        "-",
        "–",
        "—",
        "~",
        "to",
        "and",
        "or",
        "до",
        "або",
        "чи",
        "і",
        "й",
        "та",
        "에서",
        "내지",
        "및",
        "/",
        "·",
        ",",
        "또는",
        "more than",
        "or even",
        "по",
        "x",
        "by",
        "into",
        "-to-",
    ];
    for at in (1..mentions.len()).rev() {
        let (head, tail) = mentions.split_at_mut(at);
        let (Some(first), Some(second)) = (head.last_mut(), tail.first_mut()) else { continue };
        let Some(between) = text.get(first.span.end..second.span.start) else { continue };
        if !JOINTS.contains(&between.trim().trim_end_matches(['$', '€', '£'])) {
            continue;
        }
        let plain = CALENDAR_YEAR;
        if first.units.within(plain) && !second.units.within(plain) && !second.units.meets(DATE.or(DENOMINATOR)) {
            let years = second.units.meets(YEAR.or(DECADE));
            first.units = if years { second.units.or(first.units) } else { second.units };
        } else if second.units.is_empty() && first.units.meets(MONEY) {
            second.units = first.units;
        }
    }
}
