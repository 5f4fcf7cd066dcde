//! How a file of columns is written, and where its fields stand.

use crate::article::Format;
use crate::article::nested::Decoded;
use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use std::ops::Range;

/// Records that are looked at to tell the delimiter.
const LOOKED_AT: usize = 50;

/// What a file parts its fields with, and whether quotation marks hold them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quoting: bool,
    /// Where the records begin: after the line `sep=;` of spreadsheets.
    start: usize,
}

/// A field: its bytes without what parts it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// With the quotation marks around it.
    pub(super) span: Range<usize>,
    pub(super) quoted: bool,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) start: usize,
    pub(super) fields: Vec<Field>,
}

/// A field that begins with a quotation mark and does not end with its partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unclosed {
    pub(super) at: usize,
    /// The partner is there, and more after it.
    pub(super) closed: bool,
}

impl Field {
    /// The bytes between the quotation marks.
    pub(super) fn inner(&self) -> Range<usize> {
        if self.quoted { self.span.start + 1..self.span.end - 1 } else { self.span.clone() }
    }

    /// What the field holds, as it is written.
    pub(super) fn content<'t>(&self, text: &'t str) -> &'t str {
        &text[self.inner()]
    }

    /// What the field holds, with doubled quotation marks read as one.
    pub(super) fn decoded(&self, text: &str) -> Decoded {
        let mut decoded = Decoded::default();
        let Range { start: mut at, end } = self.inner();
        while self.quoted
            && let Some(offset) = text[at..end].find("\"\"")
        {
            decoded.literal(text, at..at + offset);
            at += offset + 2;
            decoded.character('"', at - 2..at);
        }
        decoded.literal(text, at..end);
        decoded
    }
}

impl Dialect {
    /// Tells how a text is written.
    pub(super) fn of(text: &str, format: Format) -> Dialect {
        if format == Format::Tsv {
            // Most writers of tabs know no quotation marks; a file uses them if it makes sense with them.
            let quoted = Dialect { delimiter: b'\t', quoting: true, start: 0 };
            let mut used = false;
            let sound = quoted.records(text).all(|record| {
                record.is_ok_and(|record| {
                    used |= record.fields.iter().any(|field| field.quoted);
                    true
                })
            });
            return Dialect { quoting: sound && used, ..quoted };
        }
        if let Some(byte) = text.strip_prefix("sep=").and_then(|rest| rest.bytes().next())
            && matches!(text.as_bytes().get(5), Some(b'\n' | b'\r'))
            && byte.is_ascii_punctuation()
        {
            return Dialect { delimiter: byte, quoting: true, start: 5 };
        }
        let of = |delimiter| Dialect { delimiter, quoting: true, start: 0 };
        let rank = |delimiter: u8| {
            let mut widths = of(delimiter).records(text).take(LOOKED_AT).map_while(Result::ok).map(|r| r.fields.len());
            let first = widths.next().unwrap_or(0);
            (first > 1 && widths.all(|width| width == first), first)
        };
        // The last of equals wins.
        let best = [b'\t', b';', b','].into_iter().max_by_key(|delimiter| rank(*delimiter));
        of(best.unwrap_or(b','))
    }

    /// The records of a text, in order; none after an error.
    pub(super) fn records<'t>(&self, text: &'t str) -> Records<'t> {
        let reader = ReaderBuilder::new().delimiter(self.delimiter).quoting(self.quoting).build();
        Records { text, reader: Box::new(reader), quoting: self.quoting, at: self.start, ended: false }
    }
}

/// Walks through the records of a text.
pub(super) struct Records<'t> {
    text: &'t str,
    reader: Box<Reader>,
    quoting: bool,
    at: usize,
    ended: bool,
}

impl Records<'_> {
    /// The bytes of the next field with what ends it, and whether its record ends with it.
    fn next_field(&mut self) -> Option<(Range<usize>, bool)> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        // What the field holds is read from its bytes; what the reader makes of it is not needed.
        let mut unused = [0; 1024];
        loop {
            let (result, read, _) = self.reader.read_field(&bytes[self.at..], &mut unused);
            self.at += read;
            match result {
                ReadFieldResult::OutputFull => {}
                // At the end of the input: the reader is told by an empty one.
                ReadFieldResult::InputEmpty if read > 0 || self.at < bytes.len() => {}
                ReadFieldResult::InputEmpty | ReadFieldResult::End => return None,
                ReadFieldResult::Field { record_end } => return Some((start..self.at, record_end)),
            }
        }
    }

    /// The field in its bytes: without the ends of records around it.
    fn field(&self, mut span: Range<usize>, record_end: bool, first: bool) -> Result<Field, Unclosed> {
        let bytes = self.text.as_bytes();
        let is_end = |at: usize| matches!(bytes[at], b'\n' | b'\r');
        while first && span.start < span.end && is_end(span.start) {
            span.start += 1;
        }
        let closes = bytes.get(span.start) == Some(&b'"') && self.quoting;
        if record_end {
            // The end of the file may end a record too.
            if span.end > span.start && is_end(span.end - 1) {
                span.end -= 1;
            }
        } else if span.end > span.start {
            span.end -= 1;
        }
        if !closes || span.is_empty() {
            return Ok(Field { span, quoted: false });
        }
        let inner = &bytes[span.start + 1..span.end];
        let mut at = 0;
        loop {
            let Some(offset) = inner[at..].iter().position(|byte| *byte == b'"') else {
                return Err(Unclosed { at: span.start, closed: false });
            };
            at += offset + 1;
            if inner.get(at) != Some(&b'"') {
                break;
            }
            at += 1;
        }
        if at < inner.len() {
            return Err(Unclosed { at: span.start, closed: true });
        }
        Ok(Field { span, quoted: true })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Unclosed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields: Vec<Field> = Vec::new();
        while !self.ended {
            let Some((span, record_end)) = self.next_field() else {
                self.ended = true;
                break;
            };
            match self.field(span, record_end, fields.is_empty()) {
                Ok(field) => fields.push(field),
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
            if record_end {
                break;
            }
        }
        let start = fields.first()?.span.start;
        Some(Ok(Record { start, fields }))
    }
}
