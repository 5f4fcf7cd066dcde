//! Writes TMX 1.4, one unit at a time, valid against the DTD of that version.

use std::fmt::Write as _;
use std::io::Write;

use super::{Property, Unit, Variant};
use crate::language::Language;
use crate::memory::MemoryError;

/// Writes the units of a file. [`Writer::finish`] ends it; without it the file is cut short.
pub struct Writer<W: Write> {
    out: W,
}

/// A translation with its provenance, as an export has it.
#[derive(Debug, Clone, Copy)]
pub struct Translation<'a> {
    /// The source and its language.
    pub source: (Language, &'a str),
    /// The translation and its language.
    pub target: (Language, &'a str),
    /// The models that made it (`x-model`).
    pub model: Option<&'a str>,
    /// How sure they were (`x-score`).
    pub score: Option<f32>,
    /// The article it stands in (`x-article`).
    pub article: Option<&'a str>,
    /// When, as `YYYYMMDDThhmmssZ`.
    pub created: Option<&'a str>,
}

impl Translation<'_> {
    /// The unit that says all this.
    pub fn unit(&self) -> Unit {
        let score = self.score.map(|score| format!("{score:.4}"));
        let property = |kind: &str, text: Option<&str>| {
            text.map(|text| Property { kind: kind.to_string(), text: text.to_string() })
        };
        Unit {
            source_language: Some(self.source.0),
            created: self.created.map(str::to_string),
            properties: [
                property("x-model", self.model),
                property("x-score", score.as_deref()),
                property("x-article", self.article),
            ]
            .into_iter()
            .flatten()
            .collect(),
            variants: [self.source, self.target].map(|(language, text)| Variant::new(language, text)).into(),
            ..Unit::default()
        }
    }
}

impl<W: Write> Writer<W> {
    /// Begins a file whose sources are in one language, or in several where none is named.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(mut out: W, source: Option<Language>) -> Result<Writer<W>, MemoryError> {
        let source = source.map_or_else(|| "*all*".to_string(), |language| language.to_string());
        let version = env!("CARGO_PKG_VERSION");
        write!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE tmx SYSTEM \"tmx14.dtd\">\n<tmx version=\"1.4\">\n\
             <header creationtool=\"tlumach\" creationtoolversion=\"{version}\" segtype=\"sentence\" o-tmf=\"tlumach\" \
             adminlang=\"en\" srclang=\"{source}\" datatype=\"plaintext\"/>\n<body>\n"
        )?;
        Ok(Writer { out })
    }

    /// Writes a unit. Characters that XML cannot have (most controls) become U+FFFD.
    ///
    /// # Errors
    /// It cannot be written, it has no text, or a date is not as TMX wants it.
    pub fn write(&mut self, unit: &Unit) -> Result<(), MemoryError> {
        if unit.variants.is_empty() {
            return Err(MemoryError::Empty);
        }
        let mut text = String::from("<tu");
        attribute(&mut text, "tuid", unit.id.as_deref());
        date(&mut text, unit.created.as_deref())?;
        attribute(&mut text, "srclang", unit.source_language.as_ref().map(Language::as_str));
        text.push('>');
        remarks(&mut text, &unit.notes, &unit.properties);
        for variant in &unit.variants {
            text.push_str("\n<tuv");
            attribute(&mut text, "xml:lang", Some(&variant.tag));
            date(&mut text, variant.created.as_deref())?;
            text.push('>');
            remarks(&mut text, &variant.notes, &variant.properties);
            element(&mut text, "<seg>", &variant.text, "</seg>");
            text.push_str("</tuv>");
        }
        text.push_str("\n</tu>\n");
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// Ends the file and gives back what it was written to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> Result<W, MemoryError> {
        self.out.write_all(b"</body>\n</tmx>\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn remarks(text: &mut String, notes: &[String], properties: &[Property]) {
    for note in notes {
        element(text, "\n<note>", note, "</note>");
    }
    for property in properties {
        text.push_str("\n<prop");
        attribute(text, "type", Some(&property.kind));
        element(text, ">", &property.text, "</prop>");
    }
}

fn element(text: &mut String, before: &str, content: &str, after: &str) {
    text.push_str(before);
    escape(text, content, "\r");
    text.push_str(after);
}

fn attribute(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = write!(text, " {name}=\"");
        // A parser makes a space of each of these in an attribute.
        escape(text, value, "\"\r\n\t");
        text.push('"');
    }
}

fn date(text: &mut String, date: Option<&str>) -> Result<(), MemoryError> {
    if let Some(date) = date {
        let pattern = b"dddddddd\x54dddddd\x5A";
        let fits = date.len() == pattern.len()
            && date.bytes().zip(pattern).all(|(byte, &p)| if p == b'd' { byte.is_ascii_digit() } else { byte == p });
        if !fits {
            return Err(MemoryError::Date(date.to_string()));
        }
        attribute(text, "creationdate", Some(date));
    }
    Ok(())
}

/// Markup and the characters of `also` as references, so that a parser gives back what was written.
fn escape(text: &mut String, content: &str, also: &str) {
    for c in content.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            c if also.contains(c) => {
                let _ = write!(text, "&#{};", c as u32);
            }
            '\n' | '\t' => text.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
}
