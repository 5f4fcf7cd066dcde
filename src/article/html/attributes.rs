//! Attributes: those that hold prose, those that name the language of the page, those that keep text as it is.

use super::text::{Place, pieces};
use super::token::Attribute;
use crate::document::{Block, BlockKind, Escape, Piece, PieceKind};
use std::ops::Range;

/// The names of `<meta>` whose content is prose.
const PROSE: &[&str] = &[
    "description",
    "og:title",
    "og:description",
    "og:image:alt",
    "twitter:title",
    "twitter:description",
    "twitter:image:alt",
];
/// The names of `<meta>` whose content is the language of the page. `og:locale` is none of them: it names a country too.
const LANGUAGE: &[&str] = &["content-language", "language", "dc.language", "dcterms.language", "inlanguage"];

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name == name)
}

/// What a `<meta>` is about: its name, property or the header it stands for.
fn subject(attributes: &[Attribute]) -> Option<String> {
    let names = ["name", "property", "http-equiv", "itemprop"];
    let found = names.iter().find_map(|name| find(attributes, name));
    found.map(|attribute| attribute.value.trim().to_ascii_lowercase())
}

/// The blocks in the attributes of an element.
pub(super) fn blocks(text: &str, name: &str, attributes: &[Attribute], found: &mut Vec<Block>) {
    let subject = if name == "meta" { subject(attributes) } else { None };
    let mut seen = 0;
    for (index, attribute) in attributes.iter().enumerate() {
        let kind = match (attribute.name.as_str(), name) {
            ("content", "meta") if subject.as_ref().is_some_and(|subject| PROSE.contains(&subject.as_str())) => {
                let is_title = subject.as_ref().is_some_and(|subject| subject.ends_with("title"));
                if is_title { BlockKind::Heading } else { BlockKind::Paragraph }
            }
            // Titles of style sheets are their names.
            ("title", "link" | "style") => continue,
            ("alt" | "title" | "aria-label" | "aria-description" | "placeholder", _) => BlockKind::Paragraph,
            _ => continue,
        };
        // Only the first one of a name counts.
        let again = attributes[..index].iter().rev().take(64).any(|before| before.name == attribute.name);
        seen += 1;
        if again || seen > 16 {
            continue;
        }
        found.extend(block(text, attribute, kind));
    }
}

fn block(text: &str, attribute: &Attribute, kind: BlockKind) -> Option<Block> {
    let mut escapes = vec![Escape::Attribute];
    match attribute.quote {
        Some('"') => {}
        Some(_) => escapes.push(Escape::Apostrophe),
        // Without quotation marks there is no place for more than one word.
        None => return None,
    }
    let source = text.get(attribute.span.clone())?;
    let trimmed = source.trim();
    let start = attribute.span.start + (source.len() - source.trim_start().len());
    let span = start..start + trimmed.len();
    let mut found: Vec<Piece> = Vec::new();
    pieces(text, span.clone(), Place::Attribute, |span, kind| found.push(Piece { span, kind }));
    let is_word = |piece: &Piece| match piece.kind {
        PieceKind::Prose => text[piece.span.clone()].contains(char::is_alphabetic),
        PieceKind::Character(c) => c.is_alphabetic(),
        _ => false,
    };
    found.iter().any(is_word).then_some(Block { span, kind, pieces: found, escapes })
}

/// The places of language tags in the attributes of an element.
pub(super) fn languages(name: &str, attributes: &[Attribute], found: &mut Vec<Range<usize>>) {
    let about = name == "meta" && subject(attributes).is_some_and(|subject| LANGUAGE.contains(&subject.as_str()));
    for attribute in attributes {
        // `hreflang` is the language of what a link leads to, and that is not translated here.
        let is_tag = matches!(attribute.name.as_str(), "lang" | "xml:lang") || about && attribute.name == "content";
        if is_tag && !attribute.span.is_empty() {
            found.push(attribute.span.clone());
        }
    }
}

/// Whether the author wants the text of an element as it is.
pub(super) fn is_kept(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match attribute.name.as_str() {
        "translate" => attribute.value.trim().eq_ignore_ascii_case("no"),
        "class" => attribute.value.split_ascii_whitespace().any(|class| class == "notranslate"),
        _ => false,
    })
}
