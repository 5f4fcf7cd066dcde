//! One language tag for the whole program: an open set, with English, Ukrainian and Korean first class.
//!
//! How a model family spells a language is the family's business (`tokenize`); finding the language of a text is [`detect`].

pub mod detect;
pub mod script;

use std::fmt;
use std::str::FromStr;

/// A language as a lower-case BCP 47 tag of at most 11 bytes (`en`, `uk`, `ko`, `pt-br`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language {
    bytes: [u8; 11],
    len: u8,
}

/// A string that is not a language tag.
#[derive(Debug, thiserror::Error)]
#[error("unknown language: expected a tag such as en, uk, ko or fr, got {0:?}")]
pub struct UnknownLanguage(pub String);

/// Names that users and other tools use for a language, beside its tag.
const ALIASES: &[(&str, &str)] = &[
    ("eng", "en"),
    ("english", "en"),
    ("ukr", "uk"),
    ("ukrainian", "uk"),
    ("українська", "uk"),
    ("ua", "uk"),
    ("kor", "ko"),
    ("korean", "ko"),
    ("한국어", "ko"),
    ("kr", "ko"),
    ("rus", "ru"),
    ("russian", "ru"),
    ("fra", "fr"),
    ("fre", "fr"),
    ("french", "fr"),
    ("deu", "de"),
    ("ger", "de"),
    ("german", "de"),
    ("spa", "es"),
    ("spanish", "es"),
    ("por", "pt"),
    ("portuguese", "pt"),
    ("pol", "pl"),
    ("polish", "pl"),
    ("bel", "be"),
    ("belarusian", "be"),
    ("jpn", "ja"),
    ("japanese", "ja"),
    ("zho", "zh"),
    ("chinese", "zh"),
];

impl Language {
    /// English.
    pub const EN: Language = Language::known(*b"en");
    /// Ukrainian.
    pub const UK: Language = Language::known(*b"uk");
    /// Korean.
    pub const KO: Language = Language::known(*b"ko");
    /// Russian: not a target of this program, but it has to be told from Ukrainian.
    pub const RU: Language = Language::known(*b"ru");

    const fn known(tag: [u8; 2]) -> Language {
        Language { bytes: [tag[0], tag[1], 0, 0, 0, 0, 0, 0, 0, 0, 0], len: 2 }
    }

    /// The tag, for example `uk`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len as usize]).unwrap_or("und")
    }

    /// The English name of the language where one is known, otherwise the tag.
    pub fn english_name(&self) -> &str {
        match self.as_str() {
            "en" => "English",
            "uk" => "Ukrainian",
            "ko" => "Korean",
            "ru" => "Russian",
            "fr" => "French",
            "de" => "German",
            "es" => "Spanish",
            "pt" => "Portuguese",
            "pl" => "Polish",
            "be" => "Belarusian",
            "ja" => "Japanese",
            "zh" => "Chinese",
            _ => self.as_str(),
        }
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_lowercase().replace('_', "-");
        let tag = ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(lower.as_str(), |(_, tag)| tag);
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or("");
        let well_formed = (2..=3).contains(&primary.len())
            && primary.bytes().all(|b| b.is_ascii_lowercase())
            && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
            && tag.len() <= 11;
        if !well_formed {
            return Err(UnknownLanguage(text.to_string()));
        }
        let mut bytes = [0; 11];
        bytes[..tag.len()].copy_from_slice(tag.as_bytes());
        Ok(Language { bytes, len: tag.len() as u8 })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Language {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Language {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn tags_names_and_aliases_are_one_language() {
        for text in ["uk", "UK", "ukr", "Ukrainian", " українська "] {
            assert_eq!(text.parse::<Language>().ok(), Some(Language::UK), "{text}");
        }
        assert_eq!("pt_BR".parse::<Language>().map(|l| l.to_string()).ok().as_deref(), Some("pt-br"));
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in ["", "e", "klingonese", "en-", "e1", "так"] {
            assert!(text.parse::<Language>().is_err(), "{text}");
        }
    }
}
