//! JSON: `IPTC ninjs`, and fields that are named.
//!
//! `serde_json` judges the syntax; `value` then finds where the strings stand, `path` and `ninjs` say which of them are
//! prose. What is no prose is a gap, so that numbers, keys, escapes and white space come back as they were.

mod ninjs;
mod path;
mod value;

use super::field::{self, Manner};
use super::{ArticleError, Reading};
use crate::document::{Document, Escape};
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
    if !text.trim().is_empty() {
        reader.value(0..text.len())?;
    }
    reader.finish()
}

/// Reads one JSON value a line; lines without one are left alone.
pub(super) fn read_lines(text: &str, reading: &Reading) -> Result<Document, ArticleError> {
    let mut reader = Reader::new(text, reading, "jsonl")?;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            reader.value(start..start + line.len())?;
        }
        start += line.len();
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
    /// Where the last error would be looked for: bytes and lines read so far.
    at: (usize, usize),
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, reading: &Reading, format: &'static str) -> Result<Self, ArticleError> {
        let paths: Result<Vec<Path>, String> = reading.fields.iter().map(|field| Path::parse(field)).collect();
        let paths = paths.map_err(|message| ArticleError::Fields { format, message })?;
        let document = Document { text: text.to_string(), ..Document::default() };
        let seen = vec![false; paths.len()];
        Ok(Reader { text, format, paths, seen, fields: Vec::new(), values: 0, document, at: (0, 1) })
    }

    /// The line of a byte; bytes have to be asked for in order.
    fn line(&mut self, at: usize) -> usize {
        let (from, line) = self.at;
        let lines = self.text[from.min(at)..at].matches('\n').count();
        self.at = (at, line + lines);
        self.at.1
    }

    fn value(&mut self, span: Range<usize>) -> Result<(), ArticleError> {
        let format = self.format;
        let first_line = self.line(span.start);
        let value = match value::parse(self.text, span) {
            Ok(value) => value,
            Err(error) => {
                let hint = if format == "json" && error.trailing {
                    "; a file with one value a line is read as jsonl"
                } else {
                    ""
                };
                let message = format!("{}{hint}", error.message);
                return Err(ArticleError::Syntax { format, line: first_line + error.line - 1, message });
            }
        };
        self.values += 1;
        let mut found = Vec::new();
        let mut tags = Vec::new();
        if self.paths.is_empty() {
            if !ninjs::collect(self.text, &value, &mut found, &mut tags) {
                return Err(self.unknown(&value, first_line));
            }
        } else {
            if self.fields.len() < path::MOST_LISTED {
                path::list(&value, &mut self.fields);
            }
            for (path, seen) in self.paths.iter().zip(&mut self.seen) {
                let strings = path.select(&value).map_err(|object| {
                    let mut inside = Vec::new();
                    path::list(object, &mut inside);
                    let message = format!(
                        "line {first_line}: field `{path}`: expected text, got an object; {}",
                        path::advice(inside.iter().map(|field| format!("{path}.{field}")))
                    );
                    ArticleError::Fields { format, message }
                })?;
                *seen |= strings.is_some();
                let manner = path.manner();
                found.extend(strings.into_iter().flatten().map(|span| Found { span, manner }));
            }
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
            field::read(&decoded, *manner, Escape::Json).put_into(&mut self.document);
        }
        self.document.tags.extend(tags);
        Ok(())
    }

    /// No fields are named, and the value is not of a kind that is known.
    fn unknown(&self, value: &Value, line: usize) -> ArticleError {
        let mut fields = Vec::new();
        path::list(value, &mut fields);
        let line = if self.format == "json" { String::new() } else { format!("line {line}: ") };
        let message = format!(
            "{line}expected ninjs (an object with `uri` and a headline, body or description), or fields to be named; {}",
            path::advice(fields.into_iter())
        );
        ArticleError::Fields { format: self.format, message }
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
