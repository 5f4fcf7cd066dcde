//! Article files: bytes to [`Document`] and back, one format a file.
//!
//! Stands at both ends of the flow. Finds what is prose and what is not; translates nothing and reads no files.

mod csv;
mod docx;
mod field;
mod html;
mod json;
mod lines;
mod markdown;
mod nested;
mod plain;
mod references;
mod subtitles;
mod xml;

use crate::document::Document;
use std::borrow::Cow;
use std::path::Path;

/// The formats that can be read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Plain text: paragraphs with empty lines between them, or one paragraph a line.
    Plain,
    /// `CommonMark` with the usual extensions.
    Markdown,
    /// One segment a line; empty lines are kept.
    Lines,
    /// A page or a fragment of HTML.
    Html,
    /// One JSON value: `IPTC ninjs`, or fields that are named.
    Json,
    /// One JSON value a line.
    #[serde(rename = "jsonl")]
    JsonLines,
    /// XML: RSS, Atom, `NewsML-G2` or NITF, told by the root element.
    Xml,
    /// A document of Word.
    Docx,
    /// `SubRip` subtitles.
    Srt,
    /// `WebVTT` subtitles.
    Vtt,
    /// Columns of comma-separated values.
    Csv,
    /// Columns of tab-separated values.
    Tsv,
}

/// What of a file is read, beside what its format says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The fields that hold prose: paths in JSON (`body`, `items[].title`), names or numbers of columns. Empty for those
    /// that the format is known to have.
    pub fields: Vec<String>,
    /// Whether a page of HTML is reduced to the article in it.
    pub extract: bool,
    /// The format of all inputs; otherwise their names say it, and plain text is what has no name that does.
    pub format: Option<Format>,
    /// What an input is.
    pub unit: Unit,
}

/// What an input is, of a format whose files are lists of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// A file.
    #[default]
    File,
    /// One record of a file: a line of JSON lines, with its line end. What cannot be read fails it alone, and a field that
    /// is missing may be in others.
    Record,
}

impl Format {
    /// The format that the name of a file says; `None` for names of other formats.
    pub fn of_path(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "txt" | "text" => Some(Format::Plain),
            "md" | "markdown" => Some(Format::Markdown),
            "html" | "htm" | "xhtml" => Some(Format::Html),
            // What stands beside outputs is no article.
            "json" if path.to_str().is_some_and(|name| name.ends_with(SIDECAR)) => None,
            "json" => Some(Format::Json),
            "jsonl" | "ndjson" => Some(Format::JsonLines),
            "xml" | "rss" | "atom" | "nitf" | "newsml" => Some(Format::Xml),
            "docx" => Some(Format::Docx),
            "srt" => Some(Format::Srt),
            "vtt" => Some(Format::Vtt),
            "csv" => Some(Format::Csv),
            "tsv" | "tab" => Some(Format::Tsv),
            _ => None,
        }
    }

    /// The name in reports and messages.
    pub fn name(self) -> &'static str {
        match self {
            Format::Plain => "plain",
            Format::Markdown => "markdown",
            Format::Lines => "lines",
            Format::Html => "html",
            Format::Json => "json",
            Format::JsonLines => "jsonl",
            Format::Xml => "xml",
            Format::Docx => "docx",
            Format::Srt => "srt",
            Format::Vtt => "vtt",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
        }
    }

    /// Whether what stands between the blocks may be rewritten after the answers are in their places.
    pub fn is_subtitles(self) -> bool {
        matches!(self, Format::Srt | Format::Vtt)
    }
}

/// How the names of files end that say where an output comes from.
pub const SIDECAR: &str = ".tlumach.json";

/// A file that is not an article.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArticleError {
    /// Bytes that no text has.
    #[error("binary file: byte {offset} (line {line}): expected UTF-8 text, got {what}")]
    Binary {
        /// What was found: a NUL byte or the name of a file type.
        what: &'static str,
        /// Where in the file.
        offset: usize,
        /// Which line that is, from 1.
        line: usize,
    },
    /// A byte order mark of another encoding.
    #[error("text encoding: expected UTF-8, got a byte order mark of {encoding}; convert the file to UTF-8")]
    Encoding {
        /// The encoding that the mark stands for.
        encoding: &'static str,
    },
    /// A byte sequence that is not UTF-8.
    #[error("text encoding: byte {offset} (line {line}): expected UTF-8, got {bytes}; convert the file to UTF-8")]
    Utf8 {
        /// Where in the file.
        offset: usize,
        /// Which line that is, from 1.
        line: usize,
        /// The bytes found there, in hexadecimal.
        bytes: String,
    },
    /// A text that is not what its name says.
    #[error("{format}: line {line}: {message}")]
    Syntax {
        /// The format that was expected.
        format: &'static str,
        /// Which line, from 1.
        line: usize,
        /// What was expected and what was found.
        message: String,
    },
    /// A document that does not add up, which is a fault of the program.
    #[error(
        "{format}: the file could not be taken apart: {message}; this is a fault of tlumach, please report it with the file"
    )]
    Unsound {
        /// The format.
        format: &'static str,
        /// What contradicts what.
        message: String,
    },
    /// Fields that are not there, or a format without known ones.
    #[error("{format}: {message}")]
    Fields {
        /// The format.
        format: &'static str,
        /// What was expected, what the file has, and what to do.
        message: String,
    },
    /// A record that cannot be read, whose name says where it stands.
    #[error("{format}: {message}")]
    Record {
        /// The format.
        format: &'static str,
        /// What was expected and what was found.
        message: String,
    },
}

/// Reads an article. An empty file is a document without blocks.
///
/// # Errors
///
/// Binary files, files in another encoding and invalid UTF-8, each with the place.
pub fn read(bytes: &[u8], format: Format) -> Result<Document, ArticleError> {
    read_with(bytes, format, &Reading::default())
}

/// Reads what was asked for of an article.
///
/// # Errors
///
/// Those of [`read`], and fields that the article does not have.
pub fn read_with(bytes: &[u8], format: Format, reading: &Reading) -> Result<Document, ArticleError> {
    if format == Format::Docx {
        return docx::read(bytes);
    }
    if format == Format::JsonLines {
        return sound(json::read_lines(bytes, reading)?, format);
    }
    let (text, byte_order_mark) = decode(bytes)?;
    let document = match format {
        Format::Plain => plain::read(text, byte_order_mark),
        Format::Markdown => markdown::read(text, byte_order_mark),
        Format::Lines => lines::read(text, byte_order_mark),
        Format::Html => html::read(text, reading)?,
        Format::Json => json::read(text, reading)?,
        Format::Xml => xml::read(text)?,
        Format::Srt | Format::Vtt => subtitles::read(text, format)?,
        Format::Csv | Format::Tsv => csv::read(text, format, reading)?,
        Format::Docx | Format::JsonLines => unreachable!("read above"),
    };
    sound(Document { byte_order_mark, ..document }, format)
}

/// The document, if it adds up.
fn sound(document: Document, format: Format) -> Result<Document, ArticleError> {
    // A reader that contradicts itself would lose or double words: nothing is written of such a file.
    match document.check() {
        Ok(()) => Ok(document),
        Err(error) => Err(ArticleError::Unsound { format: format.name(), message: error.to_string() }),
    }
}

/// Tells a format what will be put into its blocks, before they are joined: `outputs` are block and text of each segment
/// that changes.
pub fn prepare<'o>(document: &mut Document, format: Format, mut outputs: impl Iterator<Item = (usize, &'o str)>) {
    match format {
        Format::Csv | Format::Tsv => csv::prepare(document, format, outputs),
        Format::Html => html::prepare(document, outputs),
        Format::Xml if outputs.next().is_some() => xml::prepare(document),
        _ => {}
    }
}

/// The text of an article as it is written, from what [`join`](crate::segment::join) made: lines of subtitles are broken
/// anew where an answer is too long for them.
pub fn settle<'t>(document: &Document, format: Format, text: &'t str) -> Cow<'t, str> {
    if format.is_subtitles() { subtitles::settle(document, format, text) } else { Cow::Borrowed(text) }
}

/// What is to be said of subtitles that were translated, with the line of each: cues whose lines are too long, that go too
/// fast to be read, or that no words are left for. Empty for other formats.
pub fn subtitle_findings(document: &Document, format: Format, text: &str) -> Vec<(usize, String)> {
    if format.is_subtitles() { subtitles::findings(document, format, text) } else { Vec::new() }
}

/// The bytes of an article whose text is `text`: puts the byte order mark back, or the text into its container.
///
/// # Errors
///
/// A container that cannot be written.
pub fn write(document: &Document, text: &str) -> Result<Vec<u8>, ArticleError> {
    if let Some(container) = &document.container {
        return docx::write(container, text);
    }
    let mark: &[u8] = if document.byte_order_mark { &MARK } else { &[] };
    let mut bytes = [mark, text.as_bytes()].concat();
    if !document.foreign.is_empty() {
        put_back(&mut bytes[mark.len()..], &document.foreign)?;
    }
    Ok(bytes)
}

/// Puts the bytes of no text in the places of those that stand for them.
fn put_back(written: &mut [u8], foreign: &[u8]) -> Result<(), ArticleError> {
    let mut places = written.iter_mut().filter(|byte| **byte == 0);
    let mut bytes = foreign.iter();
    loop {
        match (places.next(), bytes.next()) {
            (Some(place), Some(byte)) => *place = *byte,
            (None, None) => return Ok(()),
            _ => {
                let message = "expected a place for each byte that is of no text, got more or fewer".to_string();
                return Err(ArticleError::Unsound { format: Format::JsonLines.name(), message });
            }
        }
    }
}

const MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Begins of files that people hand over by mistake, with the name that helps them.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP file (docx, odt, epub)"),
    (b"\xD0\xCF\x11\xE0", "an old Office file (doc)"),
    (b"\x1F\x8B", "a gzip file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xFF\xD8\xFF", "a JPEG image"),
    (b"{\\rtf", "an RTF file"),
    (b"GGUF", "a GGUF model"),
];

/// What follows the byte order mark of UTF-8, and whether there is one; an error for what is known to be another kind of
/// file by its first bytes.
fn recognize(bytes: &[u8]) -> Result<(&[u8], bool), ArticleError> {
    if let Some((_, what)) = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return Err(ArticleError::Binary { what, offset: 0, line: 1 });
    }
    // UTF-32 first: its little-endian mark begins with the one of UTF-16.
    let marks: [(&[u8], &str); 4] = [
        (b"\xFF\xFE\x00\x00", "UTF-32 (little endian)"),
        (b"\x00\x00\xFE\xFF", "UTF-32 (big endian)"),
        (b"\xFF\xFE", "UTF-16 (little endian)"),
        (b"\xFE\xFF", "UTF-16 (big endian)"),
    ];
    if let Some((_, encoding)) = marks.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Err(ArticleError::Encoding { encoding });
    }
    Ok(bytes.strip_prefix(&MARK).map_or((bytes, false), |body| (body, true)))
}

fn decode(bytes: &[u8]) -> Result<(&str, bool), ArticleError> {
    let (body, byte_order_mark) = recognize(bytes)?;
    let base = bytes.len() - body.len();
    let line = |offset: usize| 1 + bytes[..offset].split(|b| *b == b'\n').skip(1).count();
    if let Some(at) = body.iter().position(|b| *b == 0) {
        let offset = base + at;
        return Err(ArticleError::Binary { what: "a NUL byte", offset, line: line(offset) });
    }
    match std::str::from_utf8(body) {
        Ok(text) => Ok((text, byte_order_mark)),
        Err(error) => {
            let at = error.valid_up_to();
            let length = error.error_len().unwrap_or(body.len() - at);
            let found: Vec<String> = body[at..at + length].iter().map(|b| format!("{b:02X}")).collect();
            let offset = base + at;
            Err(ArticleError::Utf8 { offset, line: line(offset), bytes: found.join(" ") })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{ArticleError, Format, read, write};
    use std::path::Path;

    #[test]
    fn names_say_the_format() {
        for (name, expected) in [
            ("a.txt", Some(Format::Plain)),
            ("dir/b.TEXT", Some(Format::Plain)),
            ("c.md", Some(Format::Markdown)),
            ("c.uk.Markdown", Some(Format::Markdown)),
            ("d.docx", Some(Format::Docx)),
            ("e.json", Some(Format::Json)),
            ("e.uk.json.tlumach.json", None),
            ("f.vtt", Some(Format::Vtt)),
            ("README", None),
            (".md", None),
        ] {
            assert_eq!(Format::of_path(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_text_is_named_with_its_place() {
        for (bytes, expected) in [
            (&b"one\ntwo\0"[..], "binary file: byte 7 (line 2): expected UTF-8 text, got a NUL byte"),
            (b"%PDF-1.7", "binary file: byte 0 (line 1): expected UTF-8 text, got a PDF file"),
            (
                b"\xFF\xFEa\0",
                "text encoding: expected UTF-8, got a byte order mark of UTF-16 (little endian); convert the file to UTF-8",
            ),
            (b"ok\n\xCF\xF0\xE8", "text encoding: byte 3 (line 2): expected UTF-8, got CF; convert the file to UTF-8"),
        ] {
            for format in [Format::Plain, Format::Markdown, Format::Lines] {
                assert_eq!(read(bytes, format).unwrap_err().to_string(), expected);
            }
        }
        let cut = read("що".as_bytes().split_last().unwrap().1, Format::Plain);
        assert!(matches!(cut, Err(ArticleError::Utf8 { offset: 2, line: 1, .. })), "{cut:?}");
    }

    #[test]
    fn an_empty_file_is_a_document_without_blocks() {
        for format in [Format::Plain, Format::Markdown, Format::Lines] {
            for bytes in [&b""[..], b"\xEF\xBB\xBF", b"\n\r\n \t"] {
                let document = read(bytes, format).unwrap();
                assert!(document.blocks.is_empty());
                assert_eq!(write(&document, &document.text).unwrap(), bytes);
            }
        }
    }
}
