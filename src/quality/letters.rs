//! Scripts of letters and words of a text, as far as the checks have to tell them apart. Judges nothing.

use std::ops::Range;

use crate::language::Language;

/// The script of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Hangul,
    Han,
    Kana,
    Other,
}

/// The script of a letter, or `None` for what is no letter.
pub(super) fn script_of(c: char) -> Option<Script> {
    match c as u32 {
        // Most of what is no letter in running text; the tables of Unicode are slow.
        0..=0x40 | 0x5B..=0x60 | 0x7B..=0xA9 | 0x2010..=0x203E | 0x3000..=0x3004 | 0x3008..=0x3020 => None,
        0x41..=0x5A | 0x61..=0x7A | 0xC0..=0xD6 | 0xD8..=0xF6 | 0xF8..=0x24F | 0x1E00..=0x1EFF => Some(Script::Latin),
        0x0400..=0x052F => Some(Script::Cyrillic),
        0x1100..=0x11FF | 0x3131..=0x318E | 0xA960..=0xA97C | 0xAC00..=0xD7A3 | 0xD7B0..=0xD7FB => Some(Script::Hangul),
        0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF => Some(Script::Han),
        0x3040..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9F => Some(Script::Kana),
        _ if c.is_alphabetic() => Some(Script::Other),
        _ => None,
    }
}

/// The script in which a first-class language is written; `None` where this program has no opinion.
pub(super) fn script_for(language: Language) -> Option<Script> {
    match language.as_str() {
        "en" | "fr" | "de" | "es" | "pt" | "pl" => Some(Script::Latin),
        "uk" | "ru" | "be" => Some(Script::Cyrillic),
        "ko" => Some(Script::Hangul),
        _ => None,
    }
}

/// Number of letters of each script.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) latin: usize,
    pub(super) cyrillic: usize,
    pub(super) hangul: usize,
    pub(super) han: usize,
    pub(super) kana: usize,
    pub(super) other: usize,
}

impl Counts {
    pub(super) fn of(text: &str) -> Counts {
        let mut counts = Counts::default();
        counts.add(text);
        counts
    }

    /// Counts the letters of one more text.
    pub(super) fn add(&mut self, text: &str) {
        for c in text.chars() {
            match script_of(c) {
                Some(Script::Latin) => self.latin += 1,
                Some(Script::Cyrillic) => self.cyrillic += 1,
                Some(Script::Hangul) => self.hangul += 1,
                Some(Script::Han) => self.han += 1,
                Some(Script::Kana) => self.kana += 1,
                Some(Script::Other) => self.other += 1,
                None => {}
            }
        }
    }

    pub(super) fn get(&self, script: Script) -> usize {
        match script {
            Script::Latin => self.latin,
            Script::Cyrillic => self.cyrillic,
            Script::Hangul => self.hangul,
            Script::Han => self.han,
            Script::Kana => self.kana,
            Script::Other => self.other,
        }
    }

    /// Letters of all scripts.
    pub(super) fn letters(&self) -> usize {
        self.latin + self.cyrillic + self.hangul + self.han + self.kana + self.other
    }

    /// Letters weighted by how much a letter says: a syllable of Hangul or a Han character stands for about 2.5 letters.
    pub(super) fn weight(&self) -> f32 {
        (self.latin + self.cyrillic + self.other) as f32
            + 2.5 * (self.hangul + self.han) as f32
            + 2.0 * self.kana as f32
    }

    /// The share of a script in the weight, from 0 to 1; 0 for a text without letters.
    pub(super) fn share(&self, script: Script) -> f32 {
        let factor = match script {
            Script::Hangul | Script::Han => 2.5,
            Script::Kana => 2.0,
            _ => 1.0,
        };
        let weight = self.weight();
        if weight == 0.0 { 0.0 } else { factor * self.get(script) as f32 / weight }
    }
}

/// Whether a character stands inside words: letters, combining marks and the apostrophes of Ukrainian and English.
fn is_word_char(c: char) -> bool {
    script_of(c).is_some() || is_mark(c)
}

/// Combining marks, as in decomposed text and stressed vowels.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c as u32, 0x300..=0x36F)
}

/// An apostrophe as it is typed inside a word.
pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ' | '`')
}

/// The words of a text: runs of letters, with apostrophes between letters. Digits and hyphens separate.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let inside = is_word_char(c)
            || (start.is_some() && is_apostrophe(c) && chars.peek().is_some_and(|&(_, next)| is_word_char(next)));
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        words.push(from..text.len());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Counts, Script, words};

    #[test]
    fn words_keep_apostrophes_and_end_at_hyphens_and_digits() {
        let text = "п’ять «IT-компаній» didn't 77.4kWh 해송중공업은 'так'";
        let found: Vec<&str> = words(text).into_iter().map(|span| &text[span]).collect();
        assert_eq!(found, ["п’ять", "IT", "компаній", "didn't", "kWh", "해송중공업은", "так"]);
    }

    #[test]
    fn shares_weigh_syllables_more_than_letters() {
        let counts = Counts::of("LNG 운반선");
        assert_eq!((counts.latin, counts.hangul), (3, 3));
        assert!(counts.share(Script::Hangul) > 0.7);
        assert!(Counts::of("12 %").share(Script::Latin) < 0.1);
    }
}
