//! The archive around the parts: which entries hold prose, and how they are replaced.

use super::super::xml::tokens;
use super::{ArticleError, FORMAT, SEPARATOR};
use std::collections::HashMap;
use std::io::{Cursor, Read, Write};
use zip::result::ZipError;
use zip::{ZipArchive, ZipWriter};

/// The parts that are read are larger than this together in no document, in bytes.
const LARGEST: u64 = 256 << 20;
/// From this size on a part is looked at for what it was packed into, in bytes.
const LARGE: u64 = 16 << 20;
/// XML of Word is packed to a tenth or a twentieth; what is packed to less than this is made to fill the memory.
const MOST_PACKED: u64 = 250;

/// An entry of the archive that is read.
#[derive(Debug)]
pub(super) struct Part {
    /// Index of the entry.
    pub(super) entry: usize,
    /// Its name.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: PartKind,
    /// Its text.
    pub(super) text: String,
}

/// What a part is, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    /// Paragraphs: the main text, notes, headers and footers.
    Story,
    /// Names of styles and the language of the document.
    Styles,
    /// Title and language of the document.
    Properties,
}

fn error(message: impl Into<String>) -> ArticleError {
    ArticleError::Fields { format: FORMAT, message: message.into() }
}

fn broken(error_: &ZipError) -> ArticleError {
    match error_ {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => locked(),
        other => {
            error(format!("expected a sound ZIP archive, got: {other}; open the document in Word and save it again"))
        }
    }
}

fn locked() -> ArticleError {
    error("expected a document without a password, got an encrypted one; save it without a password")
}

fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, ArticleError> {
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(error(
            "expected a ZIP archive, got an old Word file (doc) or a document with a password; save it as docx without a \
             password",
        ));
    }
    if !bytes.starts_with(b"PK") {
        return Err(error("expected a ZIP archive, got something else; the file is no docx or is damaged"));
    }
    ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))
}

/// The parts that hold prose or say something of its language, in the order in which they are read.
pub(super) fn parts(bytes: &[u8]) -> Result<Vec<Part>, ArticleError> {
    let mut archive = open(bytes)?;
    let mut left = LARGEST;
    let types = match archive.index_for_name("[Content_Types].xml") {
        Some(entry) => text(&mut archive, entry, &mut left)?.1,
        None => return Err(error("expected a document of Word, got an archive without [Content_Types].xml")),
    };
    let mut found = Vec::new();
    for (name, kind) in names(&types)? {
        if let Some(entry) = archive.index_for_name(&name) {
            let (name, text) = text(&mut archive, entry, &mut left)?;
            if text.contains(SEPARATOR) {
                return Err(error(format!("{name}: expected XML, got a control character; the file is damaged")));
            }
            found.push(Part { entry, name, kind, text });
        }
    }
    if found.first().is_none_or(|part| part.kind != PartKind::Story) {
        return Err(error(
            "expected a document of Word with its main part (word/document.xml), got an archive without it",
        ));
    }
    Ok(found)
}

/// Names and kinds of the wanted parts by the list of contents, the main part first.
fn names(types: &str) -> Result<Vec<(String, PartKind)>, ArticleError> {
    let body = types.strip_prefix('\u{feff}').unwrap_or(types);
    let tokens = tokens::read(body, FORMAT)?;
    // The order of reading: main text, notes, headers and footers, then what is no text.
    let mut ranked: Vec<(usize, String, PartKind)> = Vec::new();
    let mut other = None;
    for token in tokens.iter().filter(|token| token.start().is_some()) {
        let value = |name: &str| tokens::value(body, token, name);
        let (Some(name), Some(kind)) = (value("PartName"), value("ContentType")) else { continue };
        let kind = kind.trim();
        // Building blocks for new documents are a document of their own.
        if name.contains("/glossary/") {
            continue;
        }
        let (rank, part) = if kind.ends_with(".main+xml") {
            if !kind.contains("word") {
                other = Some(kind.to_string());
                continue;
            }
            (0, PartKind::Story)
        } else if !kind.contains("wordprocessingml") && !kind.ends_with("core-properties+xml") {
            continue;
        } else {
            match kind.rsplit(['.', '-']).next().unwrap_or("") {
                "footnotes+xml" => (1, PartKind::Story),
                "endnotes+xml" => (2, PartKind::Story),
                "header+xml" => (3, PartKind::Story),
                "footer+xml" => (4, PartKind::Story),
                "styles+xml" => (5, PartKind::Styles),
                "properties+xml" => (6, PartKind::Properties),
                _ => continue,
            }
        };
        ranked.push((rank, name.trim_start_matches('/').to_string(), part));
    }
    if let (Some(kind), true) = (other, ranked.iter().all(|(rank, ..)| *rank > 0)) {
        return Err(error(format!("expected a document of Word, got {kind}")));
    }
    if ranked.iter().all(|(rank, ..)| *rank > 0) {
        ranked.push((0, "word/document.xml".to_string(), PartKind::Story));
    }
    ranked.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    ranked.dedup_by(|a, b| a.1 == b.1);
    Ok(ranked.into_iter().map(|(_, name, kind)| (name, kind)).collect())
}

/// Name and text of an entry; `left` is what may still be unpacked.
fn text(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    entry: usize,
    left: &mut u64,
) -> Result<(String, String), ArticleError> {
    let mut file = archive.by_index(entry).map_err(|error| broken(&error))?;
    let name = file.name().map_or_else(|_| "an entry".to_string(), |name| name.to_string());
    if file.encrypted() {
        return Err(locked());
    }
    let packed = file.compressed_size().max(1);
    let too_large = || error(format!("{name}: expected at most {} MiB of text, got more", LARGEST >> 20));
    if file.size() > *left {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // What an entry says of its size need not be so.
    let read = file.by_ref().take(*left + 1).read_to_end(&mut bytes);
    read.map_err(|cause| error(format!("{name}: expected a sound entry, got: {cause}; the file is damaged")))?;
    let size = bytes.len() as u64;
    *left = left.checked_sub(size).ok_or_else(too_large)?;
    if size > LARGE && size / packed > MOST_PACKED {
        let message = format!("{name}: expected the text of a document, got {size} bytes packed into {packed}");
        return Err(error(message));
    }
    let text = String::from_utf8(bytes).map_err(|cause| {
        let at = cause.utf8_error().valid_up_to();
        error(format!("{name}: expected UTF-8, got other bytes at {at}; open the document in Word and save it again"))
    })?;
    Ok((name, text))
}

/// The archive with new texts for some entries; the others keep their bytes.
pub(super) fn rewrite(bytes: &[u8], changed: &HashMap<usize, String>) -> Result<Vec<u8>, ArticleError> {
    let mut archive = open(bytes)?;
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(bytes.len())));
    let failed = |cause: &dyn std::fmt::Display| error(format!("the archive cannot be written: {cause}"));
    for entry in 0..archive.len() {
        let file = archive.by_index_raw(entry).map_err(|error| broken(&error))?;
        let Some(text) = changed.get(&entry) else {
            writer.raw_copy_file(file).map_err(|cause| failed(&cause))?;
            continue;
        };
        let name = file.name().map_err(|error| broken(&error))?.to_string();
        let options = file.options();
        drop(file);
        writer.start_file(name, options).map_err(|cause| failed(&cause))?;
        writer.write_all(text.as_bytes()).map_err(|cause| failed(&cause))?;
    }
    writer.set_raw_comment(archive.comment().into()).map_err(|cause| failed(&cause))?;
    Ok(writer.finish().map_err(|cause| failed(&cause))?.into_inner())
}
