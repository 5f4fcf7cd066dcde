//! Finds the sentences of a text by rules, without losing a byte: what is between two sentences is white space.
//!
//! Works on the text of one block. Abbreviations are in [`super::abbreviation`], brackets and quotations in
//! [`super::enclosure`]. One pass: looking back and ahead is bounded, so the time is linear in the text.

use super::abbreviation::{Stop, begins_sentences, is_korean_report, is_speech_verb, stop_after};
use super::enclosure::{enclosures, korean_quotative};
use crate::language::Language;
use std::ops::Range;

/// The sentences of `text`, in order, without the white space around them. No sentence ends inside a range of `keep`,
/// which is in order (addresses and code).
pub(super) fn sentences(text: &str, language: Language, keep: &[Range<usize>]) -> Vec<Range<usize>> {
    let closed = enclosures(text);
    let mut found = Vec::new();
    let mut start = text.len() - text.trim_start().len();
    let (mut keep, mut closed) = (Inside::new(keep), Inside::new(&closed));
    let mut at = start;
    while at < text.len() {
        let rest = &text[at..];
        let Some(offset) = rest.find(is_terminator) else { break };
        at += offset;
        if let Some(end) = keep.end_of(at) {
            at = end;
            continue;
        }
        let place = Place::at(text, at);
        at = place.end;
        if closed.end_of(place.end - 1).is_some() || place.next >= text.len() {
            continue;
        }
        if ends_sentence(text, start, &place, language) {
            found.push(start..place.end);
            start = place.next;
        }
    }
    let end = text.trim_end().len();
    if start < end {
        found.push(start..end);
    }
    found
}

/// A walk along ranges in order, for positions in order.
struct Inside<'r> {
    ranges: &'r [Range<usize>],
}

impl<'r> Inside<'r> {
    fn new(ranges: &'r [Range<usize>]) -> Self {
        Inside { ranges }
    }

    /// The end of the range that holds `at`.
    fn end_of(&mut self, at: usize) -> Option<usize> {
        while self.ranges.first().is_some_and(|range| range.end <= at) {
            self.ranges = &self.ranges[1..];
        }
        self.ranges.first().filter(|range| range.start <= at).map(|range| range.end)
    }
}

/// A place where a sentence may end.
struct Place {
    /// First sign of the run of terminators.
    run: usize,
    /// End of the terminators and of the quotation marks and brackets that close after them.
    end: usize,
    /// The last run of terminators, without what closes.
    last_run: Range<usize>,
    /// Whether a quotation mark closes after the terminators.
    quote_closed: bool,
    /// Start of what comes after the white space.
    next: usize,
}

impl Place {
    fn at(text: &str, run: usize) -> Place {
        let mut end = run;
        let mut last_run = run..run;
        let mut quote_closed = false;
        // `?».` and `!")` are one end: what was closed may be followed by a full stop of its own.
        loop {
            let from = end;
            end += prefix(&text[end..], is_terminator);
            if end == from {
                break;
            }
            last_run = from..end;
            let closers = prefix(&text[end..], is_closer);
            quote_closed = text[end..end + closers].chars().any(|c| !matches!(c, ')' | ']'));
            end += closers;
            end += reference(&text[end..]);
        }
        let next = end + prefix(&text[end..], char::is_whitespace);
        Place { run, end, last_run, quote_closed, next }
    }
}

/// Length of the begin of `text` whose characters are all `wanted`.
fn prefix(text: &str, wanted: fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

/// Length of a reference to a note such as `[12]`, which belongs to the sentence before it.
fn reference(text: &str) -> usize {
    let Some(rest) = text.strip_prefix('[') else { return 0 };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=3).contains(&digits) && rest[digits..].starts_with(']') { digits + 2 } else { 0 }
}

fn is_terminator(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '｡' | '؟' | '۔' | '।' | '॥' | '‼' | '⁉' | '⁇' | '⁈')
}

fn is_closer(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '“' | '」' | '』' | '）' | '］' | '》' | '›')
}

fn is_opener(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '“'
            | '‘'
            | '„'
            | '«'
            | '('
            | '['
            | '{'
            | '¿'
            | '¡'
            | '「'
            | '『'
            | '《'
            | '<'
            | '‹'
            | '＜'
            | '”'
    )
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—' | '―' | '−')
}

fn is_hangul(c: char) -> bool {
    matches!(c as u32, 0xAC00..=0xD7A3 | 0x1100..=0x11FF | 0x3131..=0x318E)
}

fn is_cyrillic(c: char) -> bool {
    matches!(c as u32, 0x0400..=0x052F)
}

/// Syllables with which Korean sentences end.
fn is_korean_ending(c: char) -> bool {
    matches!(
        c,
        '다' | '요'
            | '까'
            | '죠'
            | '음'
            | '함'
            | '됨'
            | '임'
            | '네'
            | '오'
            | '지'
            | '라'
            | '자'
            | '군'
            | '니'
            | '냐'
            | '래'
            | '걸'
            | '듯'
            | '것'
    )
}

fn ends_sentence(text: &str, start: usize, place: &Place, language: Language) -> bool {
    let before = text[..place.run].chars().next_back().unwrap_or(' ');
    let last = text[place.last_run.clone()].chars().next_back().unwrap_or('.');
    if place.next == place.end {
        return ends_without_space(text, place, before, last);
    }
    let after = &text[place.next..];
    let dash = after.chars().next().is_some_and(is_dash) && after.chars().nth(1).is_some_and(char::is_whitespace);
    if dash && place.quote_closed {
        return false; // «…?» — and then who said it.
    }
    let word_at = after.trim_start_matches(|c: char| is_opener(c) || is_dash(c) || c == ' ');
    let first = word_at.chars().next().unwrap_or(' ');
    if matches!(after.chars().next(), Some(',' | ';' | ':' | ')' | ']' | '»' | '”')) {
        return false;
    }
    if is_hangul(before) {
        return korean_end(text, start, place, after);
    }
    if first.is_lowercase() {
        return false;
    }
    let starts = first.is_alphanumeric() || !after.starts_with(|c: char| is_dash(c) || c == '/' || c == '%');
    if !starts {
        return false;
    }
    // A full stop of its own after the quotation mark, `».`, is no abbreviation's; so is any run of several signs.
    let single_stop = place.last_run.len() == 1 && last == '.' && place.last_run.start == place.run;
    if !single_stop {
        return !(place.quote_closed && named_speaker(word_at, language));
    }
    let gap_word = Word::before(text, start, place.run);
    stop_ends(&gap_word, place, word_at, language)
}

/// `"…?" Smith asked`: the sentence goes on with its speaker. `"…?" She asked` does not, or `she` would be small.
fn named_speaker(after: &str, language: Language) -> bool {
    let words: Vec<&str> = after.split(' ').take(4).collect();
    let names = words.iter().take_while(|w| w.chars().next().is_some_and(char::is_uppercase)).count();
    let verb = words.get(names).map(|w| w.trim_end_matches(|c: char| !c.is_alphabetic()));
    (1..=3).contains(&names)
        && !begins_sentences(words[0], language)
        && verb.is_some_and(is_speech_verb)
        && words[..names].iter().all(|w| !w.ends_with([',', '.']))
}

fn ends_without_space(text: &str, place: &Place, before: char, last: char) -> bool {
    let mut after = text[place.next..].chars();
    let next = after.next().unwrap_or(' ');
    if matches!(last, '。' | '！' | '？' | '｡' | '।' | '॥') {
        return !is_closer(next) && !matches!(next, ',' | '、' | '，') && !is_hangul(next)
            || !place.quote_closed && is_hangul(next);
    }
    if place.end != place.last_run.end {
        return false; // A quotation mark with a particle or a comma right after it.
    }
    let single = place.last_run.len() == 1;
    if is_hangul(before) {
        let opens = is_hangul(next) || matches!(next, '“' | '‘' | '"' | '「' | '《');
        return opens && (matches!(last, '!' | '?') || (single && last == '.' && is_korean_ending(before)));
    }
    if is_cyrillic(before) && before.is_lowercase() {
        let letters = text[..place.run].chars().rev().take_while(|c| c.is_alphabetic()).take(4).count();
        return letters == 4
            && is_cyrillic(next)
            && next.is_uppercase()
            && after.next().is_some_and(char::is_lowercase);
    }
    false
}

/// After a Korean syllable, terminators and a space.
fn korean_end(text: &str, start: usize, place: &Place, after: &str) -> bool {
    let before = text[..place.run].chars().next_back().unwrap_or(' ');
    if place.quote_closed && (korean_quotative(after) || is_korean_report(after)) {
        return false;
    }
    let run = &text[place.last_run.clone()];
    let word = Word::before(text, start, place.run);
    if run == "."
        && word.at_start
        && word.text.chars().count() == 1
        && "가나다라마바사아자차카타파하".contains(word.text)
    {
        return false; // `가.` numbers an item.
    }
    if run.contains("..") || run.contains('…') {
        return is_korean_ending(before);
    }
    true
}

/// The word in front of a full stop.
struct Word<'t> {
    text: &'t str,
    /// Nothing of the sentence stands before it.
    at_start: bool,
    /// The word before it, with its own full stop if it has one.
    previous: &'t str,
}

/// No abbreviation is longer; what is longer is no abbreviation.
const LONGEST_WORD: usize = 64;

impl<'t> Word<'t> {
    fn before(text: &'t str, start: usize, stop: usize) -> Word<'t> {
        let mut low = stop.saturating_sub(LONGEST_WORD).max(start);
        while !text.is_char_boundary(low) {
            low += 1;
        }
        let near = &text[low..stop];
        let edge = near.rfind(char::is_whitespace).map_or(low, |at| low + at + 1);
        // `rfind` answers the start of a space that may be longer than a byte.
        let edge = (edge..=stop).find(|at| text.is_char_boundary(*at)).unwrap_or(stop);
        let raw = &text[edge..stop];
        let word = raw.trim_start_matches(|c: char| is_opener(c) || is_dash(c) || c == '/');
        let previous = text[low..edge].split_whitespace().next_back().unwrap_or("");
        Word { text: word, at_start: text[start..edge].trim().is_empty(), previous }
    }

    fn is_number(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|b| b.is_ascii_digit())
    }
}

/// Whether a single full stop after `word` and before `after` ends the sentence.
fn stop_ends(word: &Word<'_>, place: &Place, after: &str, language: Language) -> bool {
    let first = after.chars().next().unwrap_or(' ');
    let next_word =
        after.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’' && c != '-').next().unwrap_or("");
    // `А.` and `I.` are initials there, not words.
    let starter = begins_sentences(next_word, language) && !after[next_word.len()..].starts_with('.');
    if place.end > place.last_run.end && place.quote_closed {
        return true; // `Inc."` has ended whatever it was in.
    }
    if word.is_number() {
        return number_ends(word, after, first, language);
    }
    let mut letters = word.text.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        if word.at_start && letter.is_alphabetic() {
            return false; // `a.` numbers an item; `J.` begins a name.
        }
        if letter.is_uppercase() {
            return starter && !is_initial(word.previous);
        }
    }
    // `т. д.` and `т. зв.` are one abbreviation in two words.
    let joined = format!("{}{}", word.previous, word.text);
    let pair = if word.previous.ends_with('.') { stop_after(&joined, language) } else { None };
    let after_number = word.previous.ends_with(|c: char| c.is_ascii_digit());
    match pair.or_else(|| stop_after(word.text, language)) {
        Some(Stop::Never) => after_number && starter && word.text == "м",
        Some(Stop::Perhaps) => starter,
        Some(Stop::Often) => !first.is_ascii_digit(),
        Some(Stop::BeforeNumber) => !first.is_ascii_digit() && (starter || word.text.chars().count() > 1),
        // `non-U.S.` is as dotted as `U.S.`.
        None if is_dotted(word.text.rsplit('-').next().unwrap_or_default()) => starter,
        None => true,
    }
}

/// A number and a full stop: a date, an item, or the end.
fn number_ends(word: &Word<'_>, after: &str, first: char, language: Language) -> bool {
    if word.at_start && word.text.len() <= 3 {
        return false;
    }
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && after[digits..].starts_with('.') && word.text.len() <= 4 {
        return false; // `24. 02. 2022` and `2024. 3. 5.`
    }
    let short = word.text.len() <= 2;
    let date = word.previous.strip_suffix('.').is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    if date && short && digits > 0 {
        return false;
    }
    match language.as_str() {
        "ko" => !(date && short || digits > 0 && word.text.len() == 4),
        // Ordinal numbers carry a full stop there.
        "de" | "cs" | "sk" | "da" | "nb" | "no" | "hu" | "fi" | "sl" | "hr" | "et" | "lv" => {
            !short || first.is_ascii_digit()
        }
        _ => true,
    }
}

fn is_initial(word: &str) -> bool {
    let Some(body) = word.strip_suffix('.') else { return false };
    let mut letters = body.chars();
    letters.next().is_some_and(char::is_uppercase) && (letters.next().is_none() || is_dotted(body))
}

/// Single letters with full stops between them: `U.S`, `J.R`.
fn is_dotted(word: &str) -> bool {
    word.contains('.') && word.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic))
}

#[cfg(test)]
mod tests;
