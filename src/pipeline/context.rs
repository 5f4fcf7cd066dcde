//! What stands around a segment: the headline, and what was said before it.
//!
//! For models that were trained to be told (a card's `translate_with_context`). Sentence models and others are told nothing:
//! they would translate it too. What is told is of the source only, so that an answer depends on the article and on no other
//! answer.

use super::article::Article;
use crate::article::Format;
use crate::document::{BlockKind, Document};
use std::sync::Arc;

/// Most bytes of the headline, and of what was said before: some two sentences to four.
const HEADLINE: usize = 300;
const BEFORE: usize = 600;

/// The context of a segment; empty where the parts of a file need have nothing to do with each other.
pub(super) fn of(article: &Article<'_>, segment: usize) -> Arc<str> {
    let apart = matches!(article.format, Format::Lines | Format::JsonLines | Format::Csv | Format::Tsv);
    let (Some(document), false) = (&article.document, apart) else { return "".into() };
    let block = article.segments[segment].block;
    let headline = headline(document).filter(|&first| first != block);
    // The paragraph before, and the sentences of its own that stand before it.
    let before: Vec<&str> = article.segments[..segment]
        .iter()
        .rev()
        .take_while(|other| other.block + 1 >= block && Some(other.block) != headline)
        .map(|other| other.text.as_str())
        .collect();
    let before: Vec<&str> = before.into_iter().rev().collect();
    let mut told = String::new();
    if let Some(headline) = headline {
        told.push_str(head(document.words(&document.blocks[headline]).trim(), HEADLINE));
    }
    let before = before.join(" ");
    if !before.is_empty() {
        told.push_str(if told.is_empty() { "" } else { "\n" });
        told.push_str(tail(&before, BEFORE));
    }
    told.into()
}

/// The block that is the headline: the first one, if it is a heading or one short line before longer ones.
fn headline(document: &Document) -> Option<usize> {
    let first = document.blocks.first()?;
    let words = document.words(first);
    let short = document.blocks.len() > 1 && words.len() <= HEADLINE && !words.trim_end().ends_with('.');
    (first.kind == BlockKind::Heading || short).then_some(0)
}

/// The begin of a text, cut at a space.
fn head(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let cut = text.floor_char_boundary(most);
    text[..cut].rsplit_once(' ').map_or(&text[..cut], |(whole, _)| whole)
}

/// The end of a text, cut at a space.
fn tail(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let cut = text.ceil_char_boundary(text.len() - most);
    text[cut..].split_once(' ').map_or(&text[cut..], |(_, whole)| whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::spec::{Item, Source, Target};
    use crate::language::Language;
    use crate::segment::segments;

    fn check(text: &str, format: Format, expected: &[&str]) {
        let item = Item { input: Source::Bytes { name: "x".into(), bytes: Vec::new() }, output: Target::Caller };
        let mut article = Article::unread(0, std::borrow::Cow::Borrowed(&item));
        let Ok(document) = crate::article::read(text.as_bytes(), format) else { return };
        article.segments = segments(&document, Language::EN);
        article.document = Some(document);
        article.format = format;
        let told: Vec<Arc<str>> = (0..article.segments.len()).map(|segment| of(&article, segment)).collect();
        assert_eq!(told.iter().map(|told| &**told).collect::<Vec<&str>>(), expected);
    }

    #[test]
    fn the_headline_and_what_was_said_before_are_told() {
        let text = "Storm closes the port\n\nIt came at night. Nobody slept.\n\nThe mayor thanked all. He left.\n\nA ship came.";
        check(
            text,
            Format::Plain,
            &[
                "",
                "Storm closes the port",
                "Storm closes the port\nIt came at night.",
                "Storm closes the port\nIt came at night. Nobody slept.",
                "Storm closes the port\nIt came at night. Nobody slept. The mayor thanked all.",
                "Storm closes the port\nThe mayor thanked all. He left.",
            ],
        );
        check("One thing.\nAnother thing.", Format::Lines, &["", ""]);
    }

    #[test]
    fn long_texts_are_cut_at_spaces() {
        let text = "слово ".repeat(200);
        let end = tail(&text, 100);
        assert!(end.len() <= 100 && end.starts_with("слово "), "{end}");
        assert!(head(text.trim(), 100).ends_with("слово"));
    }
}
