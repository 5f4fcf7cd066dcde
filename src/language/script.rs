//! Which script a character belongs to, as far as this program has to tell scripts apart.
//!
//! Stands beside [`super::detect`], which decides by these counts; knows no languages.

use super::Language;

/// The scripts that decide something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Script {
    /// Latin letters with all their diacritics.
    Latin,
    /// Cyrillic letters.
    Cyrillic,
    /// Hangul syllables and letters.
    Hangul,
    /// Chinese characters, in whatever language.
    Han,
    /// Hiragana and Katakana.
    Kana,
    /// Greek letters.
    Greek,
    /// Arabic letters.
    Arabic,
    /// Hebrew letters.
    Hebrew,
    /// Letters of any other script.
    Other,
}

/// The script of a letter; `None` for digits, marks, punctuation, symbols and space.
pub fn script_of(c: char) -> Option<Script> {
    if c.is_ascii() {
        return c.is_ascii_alphabetic().then_some(Script::Latin);
    }
    Some(match c as u32 {
        0x00AA
        | 0x00BA
        | 0x00C0..=0x00D6
        | 0x00D8..=0x00F6
        | 0x00F8..=0x02AF
        | 0x1E00..=0x1EFF
        | 0x2C60..=0x2C7F
        | 0xA722..=0xA7CA
        | 0xFB00..=0xFB06
        | 0xFF21..=0xFF3A
        | 0xFF41..=0xFF5A => Script::Latin,
        0x0370..=0x03FF | 0x1F00..=0x1FFF if c.is_alphabetic() => Script::Greek,
        0x0400..=0x0481 | 0x048A..=0x052F | 0x1C80..=0x1C88 | 0x2DE0..=0x2DFF | 0xA640..=0xA69F => Script::Cyrillic,
        0x1100..=0x11FF | 0x3131..=0x318E | 0xA960..=0xA97C | 0xAC00..=0xD7A3 | 0xD7B0..=0xD7FB | 0xFFA0..=0xFFDC => {
            Script::Hangul
        }
        0x3041..=0x3096 | 0x309D..=0x309F | 0x30A1..=0x30FA | 0x30FC..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9D => {
            Script::Kana
        }
        0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF => Script::Han,
        0x0590..=0x05FF if c.is_alphabetic() => Script::Hebrew,
        0x0600..=0x06FF | 0x0750..=0x077F | 0x08A0..=0x08FF | 0xFB50..=0xFDFF | 0xFE70..=0xFEFC
            if c.is_alphabetic() =>
        {
            Script::Arabic
        }
        _ if c.is_alphabetic() => Script::Other,
        _ => return None,
    })
}

/// The scripts that text in a language is written in, with the names and formulas that occur in it; `None` where nothing is
/// known. Latin and Greek stand in any text. Korean headlines have Chinese characters (美, 北), Ukrainian ones do not.
pub fn scripts_of(language: Language) -> Option<&'static [Script]> {
    use Script::{Arabic, Cyrillic, Greek, Han, Hangul, Hebrew, Kana, Latin};
    Some(match language.as_str().split('-').next().unwrap_or_default() {
        "en" | "fr" | "de" | "es" | "pt" | "it" | "nl" | "pl" | "cs" | "sk" | "sv" | "da" | "nb" | "nn" | "no"
        | "fi" | "et" | "lv" | "lt" | "hu" | "ro" | "hr" | "sl" | "tr" | "vi" | "id" | "ca" => &[Latin, Greek],
        "uk" | "ru" | "be" | "bg" | "mk" => &[Cyrillic, Latin, Greek],
        "ko" => &[Hangul, Han, Latin, Greek],
        "ja" => &[Kana, Han, Latin, Greek],
        "zh" => &[Han, Latin, Greek],
        "ar" => &[Arabic, Latin, Greek],
        "he" => &[Hebrew, Latin, Greek],
        _ => return None,
    })
}

/// How many letters of each script a text has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScriptCounts {
    counts: [usize; 9],
}

impl ScriptCounts {
    /// Counts the letters of `text`.
    pub fn of(text: &str) -> ScriptCounts {
        let mut counts = ScriptCounts::default();
        for script in text.chars().filter_map(script_of) {
            counts.counts[script as usize] += 1;
        }
        counts
    }

    /// Letters of one script.
    pub fn get(&self, script: Script) -> usize {
        self.counts[script as usize]
    }

    /// Letters of all scripts.
    pub fn letters(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The share of one script among all letters, from 0 to 1; 0 without letters.
    pub fn share(&self, script: Script) -> f32 {
        match self.letters() {
            0 => 0.0,
            letters => self.get(script) as f32 / letters as f32,
        }
    }

    /// The script with the most letters; the earlier one in [`Script`] on a tie; `None` without letters.
    pub fn main(&self) -> Option<Script> {
        use Script::{Arabic, Cyrillic, Greek, Han, Hangul, Hebrew, Kana, Latin, Other};
        let all = [Latin, Cyrillic, Hangul, Han, Kana, Greek, Arabic, Hebrew, Other];
        all.into_iter().filter(|s| self.get(*s) > 0).max_by_key(|s| (self.get(*s), std::cmp::Reverse(*s)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Script, ScriptCounts, script_of};

    #[test]
    fn letters_have_the_script_they_are_written_in() {
        for (c, expected) in [
            ('a', Some(Script::Latin)),
            ('ß', Some(Script::Latin)),
            ('ї', Some(Script::Cyrillic)),
            ('한', Some(Script::Hangul)),
            ('ㅋ', Some(Script::Hangul)),
            ('ᄒ', Some(Script::Hangul)),
            ('漢', Some(Script::Han)),
            ('の', Some(Script::Kana)),
            ('λ', Some(Script::Greek)),
            ('ش', Some(Script::Arabic)),
            ('א', Some(Script::Hebrew)),
            ('ก', Some(Script::Other)),
            ('5', None),
            ('×', None),
            ('«', None),
            (' ', None),
        ] {
            assert_eq!(script_of(c), expected, "{c}");
        }
    }

    #[test]
    fn counts_name_the_main_script() {
        let counts = ScriptCounts::of("Компанія Samsung, 2024");
        assert_eq!((counts.get(Script::Cyrillic), counts.get(Script::Latin), counts.letters()), (8, 7, 15));
        assert_eq!(counts.main(), Some(Script::Cyrillic));
        assert_eq!(ScriptCounts::of("12:30").main(), None);
    }
}
