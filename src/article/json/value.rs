//! Where the strings of a JSON text stand.
//!
//! The text is known to be JSON when this looks at it: `serde_json` has read it before. Nothing here relies on that for
//! more than its answer: other texts give another tree and no panic.

use crate::article::nested::Decoded;
use serde::de::IgnoredAny;
use std::ops::Range;

/// Deeper nesting is refused; the same limit as that of `serde_json`.
pub(super) const DEEPEST: usize = 128;

/// A JSON value, with strings as the bytes between their quotation marks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    String(Range<usize>),
    Array(Vec<Value>),
    Object(Vec<Member>),
    /// A number, `true`, `false`, `null`.
    Other,
}

/// One member of an object. A key may come twice: both are there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) value: Value,
}

/// What is wrong with a text that is no JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// The line within what was read, from 1.
    pub(super) line: usize,
    pub(super) message: String,
    /// A value is there, and something after it.
    pub(super) trailing: bool,
}

/// Reads the one value in a stretch of `text`.
pub(super) fn parse(text: &str, span: Range<usize>) -> Result<Value, SyntaxError> {
    let source = &text[span.clone()];
    if let Err(error) = serde_json::from_str::<IgnoredAny>(source) {
        let message = error.to_string();
        // It ends with a place within `source`, which says little where that is one line of many.
        let what = message.rfind(" at line ").map_or(message.as_str(), |at| &message[..at]);
        let message = format!("expected JSON, got an error in column {}: {what}", error.column());
        return Err(SyntaxError {
            line: error.line().max(1),
            message,
            trailing: what.starts_with("trailing characters"),
        });
    }
    let mut scanner = Scanner { text, at: span.start, end: span.end };
    scanner.value(0).map_err(|at| SyntaxError {
        line: 1 + text[span.start..at].matches('\n').count(),
        message: format!("expected at most {DEEPEST} values inside each other, got more"),
        trailing: false,
    })
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    end: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        if self.at < self.end { self.text.as_bytes().get(self.at).copied() } else { None }
    }

    fn next(&mut self) -> Option<u8> {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
        self.peek()
    }

    /// The next value; an error is where the nesting is too deep.
    fn value(&mut self, depth: usize) -> Result<Value, usize> {
        if depth > DEEPEST {
            return Err(self.at);
        }
        match self.next() {
            Some(b'"') => Ok(Value::String(self.string())),
            Some(b'[') => {
                self.at += 1;
                let mut values = Vec::new();
                loop {
                    match self.next() {
                        Some(b',') => self.at += 1,
                        Some(b']') | None => break,
                        Some(_) => values.push(self.value(depth + 1)?),
                    }
                }
                self.at += 1;
                Ok(Value::Array(values))
            }
            Some(b'{') => {
                self.at += 1;
                let mut members = Vec::new();
                loop {
                    match self.next() {
                        Some(b'"') => {
                            let key = self.string();
                            let key = decode(self.text, key).text;
                            if self.next() == Some(b':') {
                                self.at += 1;
                            }
                            members.push(Member { key, value: self.value(depth + 1)? });
                        }
                        Some(b'}') | None => break,
                        Some(_) => self.at += 1,
                    }
                }
                self.at += 1;
                Ok(Value::Object(members))
            }
            _ => {
                let start = self.at;
                while self.peek().is_some_and(|b| !matches!(b, b',' | b']' | b'}') && !b.is_ascii_whitespace()) {
                    self.at += 1;
                }
                self.at = self.at.max(start + 1);
                Ok(Value::Other)
            }
        }
    }

    /// The bytes between the quotation marks of the string that begins here.
    fn string(&mut self) -> Range<usize> {
        let start = self.at + 1;
        self.at = start;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let end = self.at.min(self.end).max(start.min(self.end));
        self.at = end + 1;
        start.min(end)..end
    }
}

/// The text that a string of JSON stands for. Halves of surrogate pairs and control characters are in none of it: they
/// stay in the file as they stand, beside the words.
pub(super) fn decode(text: &str, span: Range<usize>) -> Decoded {
    let mut decoded = Decoded::default();
    let mut at = span.start;
    while at < span.end {
        let escape = text[at..span.end].find('\\').map_or(span.end, |offset| at + offset);
        decoded.literal(text, at..escape);
        if escape == span.end {
            break;
        }
        let (length, character) = escaped(&text[escape..span.end]);
        at = (escape + length).min(span.end);
        while !text.is_char_boundary(at) {
            at += 1;
        }
        if let Some(character) = character.filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}')) {
            decoded.character(character, escape..at);
        }
    }
    decoded
}

/// Length of the escape that `source` begins with, and its character.
fn escaped(source: &str) -> (usize, Option<char>) {
    let character = match source.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'f') => '\u{c}',
        Some(b'b') => '\u{8}',
        Some(b'u') => {
            let Some(first) = unit(source) else { return (2, None) };
            if let Some(second) = source.get(6..).and_then(unit)
                && let Some(Ok(character)) = char::decode_utf16([first, second]).next()
                && character as u32 > 0xFFFF
            {
                return (12, Some(character));
            }
            return (6, char::from_u32(u32::from(first)));
        }
        Some(byte) if byte.is_ascii() => *byte as char,
        _ => return (2, None),
    };
    (2, Some(character))
}

/// The unit of UTF-16 that `source` begins with.
fn unit(source: &str) -> Option<u16> {
    let digits = source.strip_prefix("\\u")?.get(..4)?;
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) { u16::from_str_radix(digits, 16).ok() } else { None }
}
