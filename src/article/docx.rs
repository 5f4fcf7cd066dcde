//! Documents of Word: the XML parts of a ZIP archive.
//!
//! The text of the document is the parts that hold prose, one after the other, with a character between them that XML
//! cannot hold. The archive is kept as the container: what is written is a copy of it in which the parts that changed
//! have their new text, and every other entry its old bytes.

mod package;
mod paragraphs;

use super::nested::{Decoded, Lifted};
use super::xml::tokens;
use super::xml::vocabulary::Vocabulary;
use super::{ArticleError, plain};
use crate::document::{Block, BlockKind, Document, Escape};
use package::{Part, PartKind};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use tokens::{Kind, Token};

const FORMAT: &str = "DOCX";
/// Stands between the parts; no XML may hold it.
const SEPARATOR: char = '\u{1}';

/// Reads the parts that hold prose; the document keeps the archive as its container.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ArticleError> {
    if bytes.is_empty() {
        return Ok(Document::default());
    }
    let parts = package::parts(bytes)?;
    let styles = parts.iter().find(|part| part.kind == PartKind::Styles);
    let styles = styles.map(|part| style_names(&part.text)).transpose()?.unwrap_or_default();
    let mut document = Document { container: Some(Arc::from(bytes)), ..Document::default() };
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            document.text.push(SEPARATOR);
        }
        let body = part.text.strip_prefix('\u{feff}').unwrap_or(&part.text);
        let base = document.text.len() + part.text.len() - body.len();
        document.text.push_str(&part.text);
        let tokens = tokens::read(body, FORMAT).map_err(|error| in_part(error, part))?;
        let (blocks, tags) = match part.kind {
            PartKind::Story => paragraphs::read(body, &tokens, &styles),
            PartKind::Styles => (Vec::new(), paragraphs::languages(body, &tokens).collect()),
            PartKind::Properties => properties(body, &tokens),
        };
        document.blocks.extend(blocks.into_iter().map(|block| moved(block, base)));
        document.tags.extend(tags.into_iter().map(|tag| tag.start + base..tag.end + base));
    }
    document.tags.sort_by_key(|tag| (tag.start, tag.end));
    Ok(document)
}

/// The archive with its parts replaced by `text`.
pub(super) fn write(container: &[u8], text: &str) -> Result<Vec<u8>, ArticleError> {
    let parts = package::parts(container)?;
    let texts: Vec<&str> = text.split(SEPARATOR).collect();
    if texts.len() != parts.len() {
        let message = format!("expected the text of {} parts of the archive, got {}", parts.len(), texts.len());
        return Err(ArticleError::Fields { format: FORMAT, message });
    }
    let mut changed = HashMap::new();
    for (part, text) in parts.iter().zip(texts) {
        if part.text != text {
            changed.insert(part.entry, spaced(part, text)?);
        }
    }
    if changed.is_empty() { Ok(container.to_vec()) } else { package::rewrite(container, &changed) }
}

/// Says which part of the archive an error is in.
fn in_part(error: ArticleError, part: &Part) -> ArticleError {
    match error {
        ArticleError::Syntax { format, line, message } => {
            ArticleError::Syntax { format, line, message: format!("{}: {message}", part.name) }
        }
        error => error,
    }
}

fn moved(mut block: Block, base: usize) -> Block {
    let shift = |span: &mut Range<usize>| *span = span.start + base..span.end + base;
    shift(&mut block.span);
    block.pieces.iter_mut().for_each(|piece| shift(&mut piece.span));
    block
}

/// Names of styles in lower case by their identifiers, which are in the language of the program that wrote them.
fn style_names(text: &str) -> Result<HashMap<String, String>, ArticleError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let tokens = tokens::read(body, FORMAT)?;
    let mut names = HashMap::new();
    let mut id = None;
    for token in &tokens {
        let Some(name) = paragraphs::word(token) else { continue };
        if name == "style" {
            id = paragraphs::value(body, token, "styleId");
        } else if let ("name", Some(id)) = (name, id)
            && let Some(name) = paragraphs::value(body, token, "val")
        {
            names.insert(id.to_string(), name.to_lowercase());
        }
    }
    Ok(names)
}

/// Title and language of the document's properties.
fn properties(text: &str, tokens: &[Token<'_>]) -> (Vec<Block>, Vec<Range<usize>>) {
    let mut found = Lifted::default();
    for (index, token) in tokens.iter().enumerate() {
        let Some((name, end)) = token.start().filter(|(name, _)| name.vocabulary == Vocabulary::DublinCore) else {
            continue;
        };
        let content = tokens.get(index + 1..end).unwrap_or_default();
        match name.local {
            "title" => {
                let mut decoded = Decoded::default();
                for token in content {
                    match (token.kind, tokens::character(&text[token.span.clone()])) {
                        (Kind::Text, _) => decoded.literal(text, token.span.clone()),
                        (Kind::Reference, Some(c)) => decoded.character(c, token.span.clone()),
                        _ => {}
                    }
                }
                let lifted = decoded.lift(&plain::read(&decoded.text, false), Escape::Markup);
                found.blocks.extend(lifted.blocks.into_iter().map(|block| Block { kind: BlockKind::Heading, ..block }));
            }
            "language" => found.tags.extend(content.first().map(|token| token.span.clone())),
            _ => {}
        }
    }
    (found.blocks, found.tags)
}

/// A changed part in which each text that begins or ends with white space says that it counts.
fn spaced(part: &Part, text: &str) -> Result<String, ArticleError> {
    let before: HashSet<&str> = runs(part, &part.text)?.into_iter().map(|(span, _)| &part.text[span]).collect();
    let mut written = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for (span, tag) in runs(part, text)? {
        // Where the source leaves it out, the program that wrote it did not mean the space.
        if !before.contains(&text[span]) {
            written.push_str(&text[at..tag]);
            written.push_str(" xml:space=\"preserve\"");
            at = tag;
        }
    }
    written.push_str(&text[at..]);
    Ok(written)
}

/// The texts of runs with white space at their ends that does not count: the element, and the end of the name in its tag.
fn runs(part: &Part, text: &str) -> Result<Vec<(Range<usize>, usize)>, ArticleError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let base = text.len() - body.len();
    let tokens = tokens::read(body, FORMAT).map_err(|error| in_part(error, part))?;
    let mut found = Vec::new();
    for token in &tokens {
        let (Some("t"), Some((_, end))) = (paragraphs::word(token), token.start()) else { continue };
        let Some(close) = tokens.get(end) else { continue };
        let content = body.get(token.span.end..close.span.start).unwrap_or("");
        if content.trim() != content && tokens::value(body, token, "xml:space").is_none() {
            let tag = token.span.end - 1 + base;
            found.push((token.span.start + base..close.span.end + base, tag));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
