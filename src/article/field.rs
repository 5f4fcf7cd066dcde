//! The text in one field of a structured format: HTML where it has tags, plain text otherwise.
//!
//! Serves JSON and CSV. The field is decoded by its format; what is found in it is moved to the bytes of the file.

use super::nested::{Decoded, Lifted};
use super::{html, plain, references};
use crate::document::{BlockKind, Document, Escape, Part, PartText};
use std::ops::Range;

/// How the text of a field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As HTML if it has tags of HTML, otherwise as plain text.
    Seen,
    /// As HTML, whatever it has: the field is known to be so.
    Html,
    /// The same as [`Manner::Seen`], and what is one block is a heading.
    Heading,
}

/// The blocks of a field whose words are written in the way `escape`.
pub(super) fn read(field: &Decoded, manner: Manner, escape: Escape) -> Lifted {
    let text = field.text.as_str();
    let mut inner = if manner == Manner::Html || has_tags(text) {
        html::fragment(text)
    } else if references::next(text, 0).is_some() {
        with_references(text)
    } else {
        plain::read(text, false)
    };
    if let ([block], Manner::Heading) = (inner.blocks.as_mut_slice(), manner) {
        block.kind = BlockKind::Heading;
    }
    field.lift(&inner, escape)
}

/// Notes a field as a text of its own, which a summary may take the place of: `first` is the index of its first block, and
/// headlines are none.
pub(super) fn note_part(document: &mut Document, first: usize, span: Range<usize>, manner: Manner, escape: Escape) {
    let blocks = document.blocks.get(first..).unwrap_or_default();
    if manner == Manner::Heading || blocks.is_empty() {
        return;
    }
    let html = blocks.iter().any(|block| block.escapes.len() > 1);
    let escapes = if html { vec![Escape::Markup, escape] } else { vec![escape] };
    document.parts.push(Part { span: span.clone(), texts: vec![PartText { span, escapes }] });
}

/// Plain text with character references, as systems export it that escape what they stored as text.
fn with_references(text: &str) -> Document {
    let mut decoded = Decoded::default();
    let mut at = 0;
    while let Some((span, character)) = references::next(text, at) {
        decoded.literal(text, at..span.start);
        decoded.character(character, span.clone());
        at = span.end;
    }
    decoded.literal(text, at..text.len());
    let mut document = Document { text: text.to_string(), ..Document::default() };
    decoded.lift(&plain::read(&decoded.text, false), Escape::Markup).put_into(&mut document);
    document
}

/// Elements by which HTML is told from words in angle brackets.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "article",
    "aside",
    "audio",
    "b",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "ins",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "script",
    "section",
    "small",
    "span",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
    "video",
];

/// Whether a text has a tag of an element of HTML, or a comment.
pub(super) fn has_tags(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        // No name is longer; looking no further keeps the time linear.
        let length = rest.bytes().take(12).take_while(u8::is_ascii_alphanumeric).count();
        let name = rest[..length].to_ascii_lowercase();
        let ends = rest[length..].starts_with(|c: char| c == '>' || c == '/' || c.is_whitespace());
        rest.starts_with("!--") || ends && ELEMENTS.binary_search(&name.as_str()).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::{ELEMENTS, Manner, has_tags, read};
    use crate::article::nested::Decoded;
    use crate::document::{Document, Escape};

    #[test]
    fn tags_are_known_by_their_names() {
        assert!(ELEMENTS.is_sorted());
        for text in ["<p>a</p>", "a<br/>b", "a <A href='x'>", "</div >", "<!-- a -->"] {
            assert!(has_tags(text), "{text}");
        }
        for text in ["a < b > c", "Dear <name>", "i<3", "List<String>", "<", "</", "<p", "<ї>"] {
            assert!(!has_tags(text), "{text}");
        }
    }

    #[test]
    fn references_without_tags_are_read_as_characters_of_plain_text() {
        let text = "Q&amp;A &quot;їжа&quot;\n\nДва";
        let mut decoded = Decoded::default();
        decoded.literal(text, 0..text.len());
        let mut document = Document { text: text.to_string(), ..Document::default() };
        read(&decoded, Manner::Seen, Escape::Csv).put_into(&mut document);
        assert_eq!(document.check(), Ok(()));
        let words: Vec<String> = document.blocks.iter().map(|block| document.words(block)).collect();
        assert_eq!(words, ["Q&A \"їжа\"", "Два"]);
        assert_eq!(document.blocks[0].escapes, [Escape::Markup, Escape::Csv]);
    }
}
