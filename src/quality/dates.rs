//! Compares months, days of the week and times of day: March is березень and `3월`, Monday понеділок and `월요일`,
//! 5 p.m. 17:00 and `오후 5시`.

use std::ops::Range;
use std::sync::LazyLock;

use super::tokens::{Lexicon, Tokens};
use super::{Finding, Severity};
use crate::language::Language;

/// What a word of a date names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// A month, 1 to 12.
    Month(u8),
    /// A day of the week, Monday is 1.
    Weekday(u8),
}

/// A word of a date.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DateWord {
    pub(super) span: Range<usize>,
    pub(super) named: Named,
    /// Whether it is that beyond doubt; `may` and `березі` are not.
    pub(super) sure: bool,
}

/// How surely a word is what a table says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sure {
    /// Whatever stands around it.
    Always,
    /// With a figure beside it or a preposition of time before it.
    Beside,
    /// It only lets another word find its partner.
    Never,
}

use Named::{Month, Weekday};

#[rustfmt::skip]
const ENGLISH: &[(&str, (Named, Sure))] = &[
    ("january", (Month(1), Sure::Always)), ("february", (Month(2), Sure::Always)), ("march", (Month(3), Sure::Beside)),
    ("april", (Month(4), Sure::Always)), ("may", (Month(5), Sure::Beside)), ("june", (Month(6), Sure::Always)),
    ("july", (Month(7), Sure::Always)), ("august", (Month(8), Sure::Always)), ("september", (Month(9), Sure::Always)),
    ("october", (Month(10), Sure::Always)), ("november", (Month(11), Sure::Always)),
    ("december", (Month(12), Sure::Always)), ("jan", (Month(1), Sure::Beside)), ("feb", (Month(2), Sure::Beside)),
    ("mar", (Month(3), Sure::Beside)), ("apr", (Month(4), Sure::Beside)), ("jun", (Month(6), Sure::Beside)),
    ("jul", (Month(7), Sure::Beside)), ("aug", (Month(8), Sure::Beside)), ("sep", (Month(9), Sure::Beside)),
    ("sept", (Month(9), Sure::Beside)), ("oct", (Month(10), Sure::Beside)), ("nov", (Month(11), Sure::Beside)),
    ("dec", (Month(12), Sure::Beside)), ("monday", (Weekday(1), Sure::Always)), ("tuesday", (Weekday(2), Sure::Always)),
    ("wednesday", (Weekday(3), Sure::Always)), ("thursday", (Weekday(4), Sure::Always)),
    ("friday", (Weekday(5), Sure::Always)), ("saturday", (Weekday(6), Sure::Always)),
    ("sunday", (Weekday(7), Sure::Always)), ("mon", (Weekday(1), Sure::Never)), ("tue", (Weekday(2), Sure::Never)),
    ("tues", (Weekday(2), Sure::Never)), ("wed", (Weekday(3), Sure::Never)), ("thu", (Weekday(4), Sure::Never)),
    ("thur", (Weekday(4), Sure::Never)), ("thurs", (Weekday(4), Sure::Never)), ("fri", (Weekday(5), Sure::Never)),
    ("sat", (Weekday(6), Sure::Never)), ("sun", (Weekday(7), Sure::Never)),
];

/// Beginnings of Ukrainian words; what may follow is in [`ukrainian_ending`].
#[rustfmt::skip]
const UKRAINIAN: &[(&str, (Named, Sure))] = &[
    ("січ", (Month(1), Sure::Always)), ("лют", (Month(2), Sure::Beside)), ("берез", (Month(3), Sure::Always)),
    ("квіт", (Month(4), Sure::Always)), ("трав", (Month(5), Sure::Always)), ("черв", (Month(6), Sure::Always)),
    ("лип", (Month(7), Sure::Always)), ("серп", (Month(8), Sure::Always)), ("верес", (Month(9), Sure::Always)),
    ("жовт", (Month(10), Sure::Always)), ("листопад", (Month(11), Sure::Always)), ("груд", (Month(12), Sure::Always)),
    ("понеділ", (Weekday(1), Sure::Always)), ("вівтор", (Weekday(2), Sure::Always)), ("середа", (Weekday(3), Sure::Always)),
    ("середи", (Weekday(3), Sure::Always)), ("середу", (Weekday(3), Sure::Always)), ("середі", (Weekday(3), Sure::Always)),
    ("середою", (Weekday(3), Sure::Always)), ("четвер", (Weekday(4), Sure::Always)), ("пятниц", (Weekday(5), Sure::Always)),
    ("пятнич", (Weekday(5), Sure::Always)), ("субот", (Weekday(6), Sure::Always)), ("неділ", (Weekday(7), Sure::Always)),
    ("пн", (Weekday(1), Sure::Never)), ("вт", (Weekday(2), Sure::Never)), ("ср", (Weekday(3), Sure::Never)),
    ("чт", (Weekday(4), Sure::Never)), ("пт", (Weekday(5), Sure::Never)), ("сб", (Weekday(6), Sure::Never)),
    ("нд", (Weekday(7), Sure::Never)), ("фрайдей", (Weekday(5), Sure::Never)), ("сатурдей", (Weekday(6), Sure::Never)),
    ("сандей", (Weekday(7), Sure::Never)), ("манді", (Weekday(1), Sure::Never)), ("мандей", (Weekday(1), Sure::Never)),
];

/// Korean days of the week, and English ones in Hangul.
#[rustfmt::skip]
const KOREAN: &[(&str, (Named, Sure))] = &[
    ("월요일", (Weekday(1), Sure::Always)), ("화요일", (Weekday(2), Sure::Always)), ("수요일", (Weekday(3), Sure::Always)),
    ("목요일", (Weekday(4), Sure::Always)), ("금요일", (Weekday(5), Sure::Always)), ("토요일", (Weekday(6), Sure::Always)),
    ("일요일", (Weekday(7), Sure::Always)), ("먼데이", (Weekday(1), Sure::Never)), ("프라이데이", (Weekday(5), Sure::Never)),
    ("새터데이", (Weekday(6), Sure::Never)), ("선데이", (Weekday(7), Sure::Never)), ("주일", (Weekday(7), Sure::Never)),
    ("유월", (Month(6), Sure::Never)), ("시월", (Month(10), Sure::Never)), ("오월", (Month(5), Sure::Never)),
    ("삼월", (Month(3), Sure::Never)), ("사월", (Month(4), Sure::Never)), ("칠월", (Month(7), Sure::Never)),
    ("팔월", (Month(8), Sure::Never)), ("구월", (Month(9), Sure::Never)), ("일월", (Month(1), Sure::Never)),
    ("이월", (Month(2), Sure::Never)), ("십일월", (Month(11), Sure::Never)), ("십이월", (Month(12), Sure::Never)),
    ("메이", (Month(5), Sure::Never)), ("마치", (Month(3), Sure::Never)),
];

static ENGLISH_WORDS: LazyLock<Lexicon<(Named, Sure)>> = LazyLock::new(|| Lexicon::new(ENGLISH));
static UKRAINIAN_WORDS: LazyLock<Lexicon<(Named, Sure)>> = LazyLock::new(|| Lexicon::new(UKRAINIAN));
static KOREAN_WORDS: LazyLock<Lexicon<(Named, Sure)>> = LazyLock::new(|| Lexicon::new(KOREAN));

/// What a folded word names, and how surely, in a language.
fn lookup(word: &str, language: Language) -> Option<(Named, Sure)> {
    match language {
        Language::UK => UKRAINIAN_WORDS
            .longest(word)
            .filter(|(entry, rest)| ukrainian_ending(entry.0, word, rest))
            .map(|(&entry, _)| entry),
        Language::KO => KOREAN_WORDS.longest(word).map(|(&entry, _)| entry).or_else(|| {
            // 블랙프라이데이
            let at = word.find("데이").filter(|&at| at > 6)?;
            ["프라이", "새터", "선", "먼"]
                .iter()
                .find(|day| word[..at].ends_with(**day))
                .and_then(|day| KOREAN_WORDS.longest(&word[at - day.len()..]).map(|(&entry, _)| entry))
        }),
        _ => ENGLISH_WORDS.exact(word).or_else(|| ENGLISH_WORDS.exact(word.strip_suffix('s')?)).copied(),
    }
}

/// Whether what is left behind the stem of a month or a day is an ending of it: `березня`, not `березовий`.
fn ukrainian_ending(named: Named, word: &str, rest: &str) -> bool {
    match named {
        Month(2) => {
            matches!(rest, "ий" | "ого" | "ому" | "им" | "невий" | "невого" | "невому" | "нева" | "неві" | "невої")
        }
        Month(11) => matches!(rest, "" | "а" | "у" | "і" | "ом" | "ові") || rest.starts_with("ов"),
        Month(_) => matches!(rest, "ень" | "ня" | "ні" | "нем" | "ню" | "невій") || rest.starts_with("нев"),
        Weekday(1 | 2) => rest.starts_with("о") || rest.starts_with('к'),
        // Fourth has the same beginning: четвертий.
        Weekday(4) => {
            matches!(rest, "" | "га" | "гу" | "гом" | "ги" | "гові" | "гам" | "гах") || rest.starts_with("гов")
        }
        Weekday(5) => rest.len() <= 6 || rest.starts_with('н'),
        Weekday(6) => rest.chars().count() <= 3 || rest.starts_with('н'),
        Weekday(7) => rest.chars().count() <= 3 && word != "неділимий" || rest.starts_with("ьн"),
        Weekday(_) => rest.is_empty(),
    }
}

/// The month that a folded word names in English or Ukrainian.
pub(super) fn month(word: &str, language: Language) -> Option<u8> {
    match lookup(word, language) {
        Some((Month(month), _)) => Some(month),
        _ => None,
    }
}

/// The words of dates in a text.
pub(super) fn read(tokens: &Tokens<'_>, language: Language) -> Vec<DateWord> {
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let word = tokens.word(index);
        let span = tokens.span(index);
        // Names of papers and programmes stay English in all languages.
        let latin = language != Language::EN && word.is_ascii();
        let Some((named, sure)) = lookup(word, if latin { Language::EN } else { language }) else { continue };
        let capital = tokens.original(index).starts_with(char::is_uppercase);
        let sure = !latin
            && match sure {
                Sure::Always if language == Language::UK => {
                    // Sereda is a family, and so are Hruden and Lypen.
                    !tokens.is_name(index) || index > 0 && tokens.gap(index).contains('«')
                }
                Sure::Always => language != Language::EN || capital,
                Sure::Beside => is_beside(tokens, index, language),
                Sure::Never => false,
            };
        found.push(DateWord { span, named, sure });
    }
    if language == Language::KO {
        korean_months(tokens.text(), &mut found);
    }
    numeric_months(tokens.text(), &mut found);
    found
}

/// Whether a word that may be a month stands where months stand: beside a figure or behind a word of time.
fn is_beside(tokens: &Tokens<'_>, index: usize, language: Language) -> bool {
    let span = tokens.span(index);
    let digit = |c: char| c.is_ascii_digit();
    let text = tokens.text();
    let behind = text[span.end..].trim_start_matches(['.', ',', ' ', '\u{a0}']).starts_with(digit);
    let before = text[..span.start].trim_end_matches([' ', '\u{a0}']);
    let before = before.strip_suffix(" of").unwrap_or(before);
    let before = before.trim_end_matches(|c: char| c.is_ascii_lowercase() && "stndrh".contains(c));
    let figure = before.ends_with(digit);
    if language == Language::UK {
        let next = tokens.word(index + 1);
        let previous = tokens.before(index, 1);
        return figure
            || behind
            || matches!(next, "року" | "цього" | "минулого" | "наступного")
            || matches!(previous, "цього" | "минулого" | "наступного") && tokens.word(index) == "лютого";
    }
    if !tokens.original(index).starts_with(char::is_uppercase) {
        return false;
    }
    let previous = tokens.before(index, 1);
    let word = tokens.word(index);
    let time =
        matches!(previous, "in" | "last" | "next" | "early" | "late" | "mid" | "since" | "until" | "till" | "during");
    // A march and a Mrs May also stand behind other prepositions.
    let abbreviated = word.len() <= 4 && word != "may" && text[span.end..].starts_with('.');
    figure || behind || abbreviated || time && (word == "march" || word == "may")
}

/// `3월`, but not `3월급`; the digits belong to the word.
fn korean_months(text: &str, found: &mut Vec<DateWord>) {
    for (at, sign) in text.match_indices('월') {
        let digits = text[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 2 {
            continue;
        }
        let start = at - digits;
        let value: u8 = text[start..at].parse().unwrap_or(0);
        let after = text[at + sign.len()..].chars().next();
        if (1..=12).contains(&value) && !matches!(after, Some('급' | '세')) {
            found.push(DateWord { span: start..at + sign.len(), named: Month(value), sure: true });
            // "3~5월", "3, 4월": the first of the two may be a month as well.
            let before = text[..start].trim_end_matches(['~', '-', '–', ',', ' ', '·']);
            let more = before.bytes().rev().take_while(u8::is_ascii_digit).count();
            if before.len() < start && (1..=2).contains(&more) {
                let span = before.len() - more..before.len();
                if let Ok(month @ 1..=12) = text[span.clone()].parse::<u8>() {
                    found.push(DateWord { span, named: Month(month), sure: false });
                }
            }
        }
    }
}

/// Months that dates in figures may have: `16.03.2026`, `2026-03-16`, `3/16`.
fn numeric_months(text: &str, found: &mut Vec<DateWord>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + offset;
        let mut end = start;
        let mut groups: Vec<Range<usize>> = Vec::new();
        loop {
            let digits = bytes[end..].iter().take_while(|b| b.is_ascii_digit()).count();
            groups.push(end..end + digits);
            end += digits;
            let more = matches!(bytes.get(end), Some(b'.' | b'/' | b'-'))
                && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            if !more {
                break;
            }
            end += 1;
        }
        // A score has a hyphen too.
        let hyphen = groups.len() == 2 && bytes[groups[0].end] == b'-';
        if (2..=3).contains(&groups.len()) && !hyphen {
            for span in groups {
                if span.len() <= 2
                    && let Ok(month @ 1..=12) = text[span.clone()].parse::<u8>()
                {
                    found.push(DateWord { span, named: Month(month), sure: false });
                }
            }
        }
        at = end.max(start + 1);
    }
}

/// The findings from the words of dates on both sides.
pub(super) fn compare(source: (&str, &[DateWord]), output: (&str, &[DateWord])) -> Vec<Finding> {
    let lost = left_over(source.1, output.1);
    let mut new = left_over(output.1, source.1);
    let mut findings = Vec::new();
    for word in lost {
        let expected = &source.0[word.span.clone()];
        let partner = new.iter().position(|other| is_month(other) == is_month(word));
        if let Some(at) = partner {
            let other = new.remove(at);
            let message = format!("date changed: expected {expected:?}, got {:?}", &output.0[other.span.clone()]);
            let finding = Finding::new("date_changed", Severity::Warning, message);
            findings.push(finding.in_source(word.span.clone()).in_output(other.span.clone()));
        } else if !output.1.iter().any(|other| other.named == word.named) {
            let message = format!("part of a date is missing: expected {expected:?}");
            findings.push(Finding::new("date_missing", Severity::Warning, message).in_source(word.span.clone()));
        }
    }
    for word in new {
        if !source.1.iter().any(|other| other.named == word.named) {
            let message = format!("part of a date is new: the source has no {:?}", &output.0[word.span.clone()]);
            findings.push(Finding::new("date_new", Severity::Warning, message).in_output(word.span.clone()));
        }
    }
    findings
}

fn is_month(word: &DateWord) -> bool {
    matches!(word.named, Month(_))
}

/// The sure words of one side that are more than the other side has.
fn left_over<'a>(words: &'a [DateWord], others: &[DateWord]) -> Vec<&'a DateWord> {
    let mut used = vec![false; others.len()];
    let mut left = Vec::new();
    for word in words.iter().filter(|word| word.sure) {
        // The sure ones are taken first.
        let free = |sure: bool| {
            others
                .iter()
                .enumerate()
                .position(|(at, other)| other.named == word.named && other.sure == sure && !used[at])
        };
        match free(true).or_else(|| free(false)) {
            Some(at) => used[at] = true,
            None => left.push(word),
        }
    }
    left
}
