//! TMX 1.4, the exchange format of translation memories: the units of a file, one after the other.
//!
//! A file may have millions of units, so nothing holds more than one. Reading is `reader`'s business, writing `writer`'s;
//! `source` gives the reader its bytes as UTF-8 and counts the lines.

mod reader;
mod source;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{Codes, Reader};
pub use writer::{Translation, Writer};

use crate::language::Language;

/// What the head of a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Language of the sources, if it is one for the whole file.
    pub source_language: Option<Language>,
    /// The program that wrote the file, with its version.
    pub tool: String,
}

/// A property (`prop`): a kind and a text that programs agree on among themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The kind, by custom with `x-` before it.
    pub kind: String,
    /// Its value.
    pub text: String,
}

/// One text of a unit (`tuv`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Primary language, the first part of the tag.
    pub language: Language,
    /// The tag as it stands in the file (`en-US`).
    pub tag: String,
    /// The text, with inline codes as [`Codes`] says.
    pub text: String,
    /// When it was made (`YYYYMMDDThhmmssZ`), where the file says so.
    pub created: Option<String>,
    /// Remarks on this text.
    pub notes: Vec<String>,
    /// Properties of this text.
    pub properties: Vec<Property>,
}

impl Variant {
    /// A text without anything else.
    pub fn new(language: Language, text: impl Into<String>) -> Variant {
        Variant {
            language,
            tag: language.to_string(),
            text: text.into(),
            created: None,
            notes: Vec::new(),
            properties: Vec::new(),
        }
    }
}

/// One unit (`tu`): the same text in two or more languages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// Its name in the file, if it has one.
    pub id: Option<String>,
    /// Language that the others were translated from, where the unit itself says so.
    pub source_language: Option<Language>,
    /// When it was made (`YYYYMMDDThhmmssZ`), where the file says so.
    pub created: Option<String>,
    /// Remarks.
    pub notes: Vec<String>,
    /// Properties.
    pub properties: Vec<Property>,
    /// The texts, in the order of the file. A language may have several.
    pub variants: Vec<Variant>,
}

/// The primary language of a tag: `en-US` is English, whatever follows the first part.
fn primary(tag: &str) -> Option<Language> {
    tag.trim().split(['-', '_']).next()?.parse().ok()
}
