//! JSON: `IPTC ninjs`, and fields that are named.
//!
//! `serde_json` judges the syntax; `value` then finds where the strings stand, `path` and `ninjs` say which of them are
//! prose. What is no prose is a gap, so that numbers, keys, escapes and white space come back as they were.

mod lines;
mod ninjs;
mod path;
mod value;

use super::field::{self, Manner};
use super::{ArticleError, Reading};
use crate::document::{Document, Escape};
pub(super) use lines::read as read_lines;
use path::Path;
use std::ops::Range;
use value::{Member, Value};

/// A string that is prose: its bytes between the quotation marks, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    span: Range<usize>,
    manner: Manner,
}

/// Reads one JSON value.
pub(super) fn read(text: &str, reading: &Reading) -> Result<Document, ArticleError> {
    let mut reader = Reader::new(text, reading, "json")?;
    if !text.trim().is_empty()
        && let Err(wrong) = reader.value(0..text.len())
    {
        let (format, mut message) = (reader.format, wrong.message);
        if wrong.trailing {
            message.push_str("; a file with one value a line is read as jsonl");
        }
        return Err(match wrong.line {
            Some(line) => ArticleError::Syntax { format, line, message },
            None => ArticleError::Fields { format, message },
        });
    }
    reader.finish()
}

struct Reader<'t> {
    text: &'t str,
    format: &'static str,
    paths: Vec<Path>,
    /// Which paths some value has.
    seen: Vec<bool>,
    /// Fields with strings in the first values, for messages.
    fields: Vec<String>,
    values: usize,
    document: Document,
}

/// Why a value is not read.
struct Wrong {
    /// The line within the value, from 1, where that is known.
    line: Option<usize>,
    message: String,
    /// It is a value with something after it.
    trailing: bool,
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Wrong { line: None, message, trailing: false }
    }
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, reading: &Reading, format: &'static str) -> Result<Self, ArticleError> {
        let paths: Result<Vec<Path>, String> = reading.fields.iter().map(|field| Path::parse(field)).collect();
        let paths = paths.map_err(|message| ArticleError::Fields { format, message })?;
        let document = Document { text: text.to_string(), ..Document::default() };
        let seen = vec![false; paths.len()];
        Ok(Reader { text, format, paths, seen, fields: Vec::new(), values: 0, document })
    }

    /// Reads one value; answers which of the paths it has. One that is not read leaves nothing behind.
    fn value(&mut self, span: Range<usize>) -> Result<Vec<bool>, Wrong> {
        let value = value::parse(self.text, span).map_err(|error| Wrong {
            line: Some(error.line),
            message: error.message,
            trailing: error.trailing,
        })?;
        self.values += 1;
        let mut found = Vec::new();
        let mut tags = Vec::new();
        let mut has = vec![false; self.paths.len()];
        if self.paths.is_empty() {
            if !ninjs::collect(self.text, &value, &mut found, &mut tags) {
                return Err(unknown(&value).into());
            }
        } else {
            if self.fields.len() < path::MOST_LISTED {
                path::list(&value, &mut self.fields);
            }
            for (number, path) in self.paths.iter().enumerate() {
                let strings = path.select(&value).map_err(|object| {
                    self.seen[number] = true;
                    let mut inside = Vec::new();
                    path::list(object, &mut inside);
                    let message = format!(
                        "field `{path}`: expected text, got an object; {}",
                        path::advice(inside.iter().map(|field| format!("{path}.{field}")))
                    );
                    Wrong { line: Some(1), message, trailing: false }
                })?;
                has[number] = strings.is_some();
                let manner = path.manner();
                found.extend(strings.into_iter().flatten().map(|span| Found { span, manner }));
            }
        }
        for (seen, has) in self.seen.iter_mut().zip(&has) {
            *seen |= has;
        }
        found.sort_by_key(|found| found.span.start);
        found.dedup_by(|next, last| next.span == last.span);
        if !self.paths.is_empty() {
            languages(self.text, &value, &found, &mut tags);
        }
        tags.sort_by_key(|tag| tag.start);
        // Blocks and tags stand in order: one string after another.
        let mut tags = tags.into_iter().filter(|tag| place(&found, tag.start).is_err()).peekable();
        for Found { span, manner } in &found {
            while let Some(tag) = tags.next_if(|tag| tag.start < span.start) {
                self.document.tags.push(tag);
            }
            let decoded = value::decode(self.text, span.clone());
            let first = self.document.blocks.len();
            field::read(&decoded, *manner, Escape::Json).put_into(&mut self.document);
            // The records of a file are articles each; the fields of one value belong to one.
            if self.format == lines::FORMAT && !self.paths.is_empty() {
                field::note_part(&mut self.document, first, span.clone(), *manner, Escape::Json);
            }
        }
        self.document.tags.extend(tags);
        Ok(has)
    }

    fn finish(self) -> Result<Document, ArticleError> {
        if let (Some(missing), true) = (self.seen.iter().position(|seen| !seen), self.values > 0) {
            let place = if self.format == "json" { "the file" } else { "any line" };
            let message = format!(
                "field `{}`: expected it in {place}, got none; {}",
                self.paths[missing],
                path::advice(self.fields.into_iter())
            );
            return Err(ArticleError::Fields { format: self.format, message });
        }
        Ok(self.document)
    }
}

/// No fields are named, and the value is not of a kind that is known.
fn unknown(value: &Value) -> String {
    let mut fields = Vec::new();
    path::list(value, &mut fields);
    format!(
        "expected ninjs (an object with `uri` and a headline, body or description), or fields to be named; {}",
        path::advice(fields.into_iter())
    )
}

/// Where in what was found, which is in order, a string begins.
fn place(found: &[Found], start: usize) -> Result<usize, usize> {
    found.binary_search_by_key(&start, |found| found.span.start)
}

/// Names under which records say what language they are in.
const LANGUAGE_KEYS: &[&str] = &["language", "lang", "inLanguage"];

/// Language tags of the objects that have prose somewhere in them.
fn languages(text: &str, value: &Value, found: &[Found], tags: &mut Vec<Range<usize>>) -> bool {
    match value {
        Value::String(span) => place(found, span.start).is_ok(),
        Value::Array(values) => {
            let mut any = false;
            for value in values {
                any |= languages(text, value, found, tags);
            }
            any
        }
        Value::Object(members) => {
            let mut any = false;
            for member in members {
                any |= languages(text, &member.value, found, tags);
            }
            if any {
                tags.extend(members.iter().filter_map(|member| tag(text, member)));
            }
            any
        }
        Value::Other => false,
    }
}

/// The value of a member that names a language.
fn tag(text: &str, member: &Member) -> Option<Range<usize>> {
    let Value::String(span) = &member.value else { return None };
    let is_tag = |tag: &str| {
        (2..=16).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (LANGUAGE_KEYS.contains(&member.key.as_str()) && is_tag(&text[span.clone()])).then(|| span.clone())
}

#[cfg(test)]
mod tests;
