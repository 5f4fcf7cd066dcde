//! JSON lines: one value a line. Lines without a value are left alone.
//!
//! A line that cannot be read is left alone too and told in a remark: it never keeps the others from being read. Bytes that
//! are of no text are kept beside the text, so that such a line comes back as it was. A file in which no line can be read is
//! an error.

use super::super::{ArticleError, Reading, Unit, decode, recognize};
use super::{Reader, path};
use crate::document::{Document, Remark, RemarkKind};
use std::ops::Range;

pub(super) const FORMAT: &str = "jsonl";

/// Reads a file, or one record of a file.
pub(in crate::article) fn read(bytes: &[u8], reading: &Reading) -> Result<Document, ArticleError> {
    match reading.unit {
        Unit::File => read_file(bytes, reading),
        Unit::Record => read_record(bytes, reading),
    }
}

fn read_file(bytes: &[u8], reading: &Reading) -> Result<Document, ArticleError> {
    let (body, byte_order_mark) = recognize(bytes)?;
    let (text, foreign) = text(body);
    let mut lines = Lines::new(&text, &foreign, reading)?;
    let mut remarks = Vec::new();
    let (mut start, mut read, mut all_lack) = (0, 0, true);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let span = start..start + line.len();
        start = span.end;
        match lines.line(span) {
            Line::Blank => {}
            Line::Read(_) => read += 1,
            Line::Wrong(wrong) => {
                all_lack &= wrong.lacks;
                remarks.push(Remark { line: number, kind: RemarkKind::NotRead, message: wrong.message });
            }
        }
    }
    if let (Some(first), true) = (remarks.first(), read == 0 && !all_lack) {
        // A file in another encoding has a message of its own.
        if !foreign.is_empty() {
            decode(bytes)?;
        }
        let others = match remarks.len() - 1 {
            0 => String::new(),
            others => format!("; {others} more cannot be read, and there are no others"),
        };
        let message = format!("{}{others}", first.message);
        return Err(ArticleError::Syntax { format: FORMAT, line: first.line, message });
    }
    let document = lines.reader.finish()?;
    Ok(Document { byte_order_mark, foreign, remarks, ..document })
}

/// Reads one line, whose name says where it stands.
fn read_record(bytes: &[u8], reading: &Reading) -> Result<Document, ArticleError> {
    let (text, foreign) = text(bytes);
    let mut lines = Lines::new(&text, &foreign, reading)?;
    let has = match lines.line(0..text.len()) {
        Line::Blank => return Ok(lines.reader.document),
        Line::Wrong(wrong) => return Err(ArticleError::Record { format: FORMAT, message: wrong.message }),
        Line::Read(has) => has,
    };
    let missing = lines.reader.paths.iter().zip(has).filter(|(_, has)| !has);
    let remark = |(path, _): (&path::Path, bool)| {
        let message = format!("field `{path}`: expected it in the record, got none");
        Remark { line: 1, kind: RemarkKind::FieldMissing, message }
    };
    let remarks = missing.map(remark).collect();
    Ok(Document { remarks, ..lines.reader.document })
}

/// A text in which a NUL stands for each byte that is of no text, and these bytes.
fn text(bytes: &[u8]) -> (String, Vec<u8>) {
    let mut text = String::with_capacity(bytes.len());
    let mut foreign = Vec::new();
    for chunk in bytes.utf8_chunks() {
        // A NUL of the file stands for itself.
        foreign.extend(chunk.valid().bytes().filter(|byte| *byte == 0));
        text.push_str(chunk.valid());
        foreign.extend(chunk.invalid());
        text.extend(chunk.invalid().iter().map(|_| '\0'));
    }
    (text, foreign)
}

/// The lines of a text, one after the other.
struct Lines<'t> {
    reader: Reader<'t>,
    /// The bytes of no text that follow.
    foreign: &'t [u8],
}

enum Line {
    Blank,
    /// Which of the fields are there.
    Read(Vec<bool>),
    Wrong(WrongLine),
}

struct WrongLine {
    message: String,
    /// It is a value, and none of the fields is in it.
    lacks: bool,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str, foreign: &'t [u8], reading: &Reading) -> Result<Lines<'t>, ArticleError> {
        Ok(Lines { reader: Reader::new(text, reading, FORMAT)?, foreign })
    }

    fn line(&mut self, span: Range<usize>) -> Line {
        // What is missing at the end of a line is missed there, not in its line end.
        let line = self.reader.text[span.clone()].trim_end_matches(['\n', '\r']);
        let span = span.start..span.start + line.len();
        if line.trim().is_empty() {
            return Line::Blank;
        }
        let no_text = line.bytes().filter(|byte| *byte == 0).count();
        if let Some(column) = line.find('\0') {
            let first = self.foreign[0];
            self.foreign = &self.foreign[no_text..];
            let what = if first == 0 { "a NUL byte".to_string() } else { format!("{first:02X}") };
            let message = format!("byte {column}: expected UTF-8 text, got {what}");
            return Line::Wrong(WrongLine { message, lacks: false });
        }
        match self.reader.value(span) {
            Ok(has) if has.is_empty() || has.contains(&true) => Line::Read(has),
            Ok(_) => Line::Wrong(WrongLine { message: self.lacking(), lacks: true }),
            Err(wrong) => Line::Wrong(WrongLine { message: wrong.message, lacks: false }),
        }
    }

    fn lacking(&self) -> String {
        let paths: Vec<String> = self.reader.paths.iter().map(|path| format!("`{path}`")).collect();
        match paths.as_slice() {
            [path] => format!("field {path}: expected it in the line, got none"),
            paths => format!("fields {}: expected one of them in the line, got none", paths.join(", ")),
        }
    }
}
