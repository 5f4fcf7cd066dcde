//! Finds what is on the page and not in the article: follow-us lines, share hints, read-also links, credits.
//!
//! Decides about whole segments only, so that what it finds can be dropped. The phrases are in `phrase`.

mod phrase;

use super::{Segment, segments};
use crate::document::{BlockKind, Document};
use crate::language::Language;
use crate::language::detect::detect;
use crate::language::script::{Script, ScriptCounts};
use std::ops::Range;

/// What kind of boilerplate a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Boilerplate {
    /// Follow, subscribe, join our channel.
    FollowUs,
    /// Share this.
    Share,
    /// Select the mistake and press Ctrl + Enter.
    Shortcut,
    /// Links to other articles.
    ReadAlso,
    /// A headline in another language, standing alone between paragraphs.
    ForeignHeadline,
    /// Photo credits, copyright lines, the reporter's address.
    Credit,
    /// Advertising, cookie and consent notes.
    Notice,
}

/// A stretch of the document that is boilerplate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Drop {
    /// Index of the block in [`Document::blocks`].
    pub block: usize,
    /// Byte range in [`Document::text`]; whole segments only.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Boilerplate,
    /// The text, as a reader sees it.
    pub text: String,
}

/// Finds the boilerplate of an article in `language`: whole blocks and sentences at the end of a block only.
///
/// Precision comes first: a sentence that merely mentions a channel, a share or a mistake is not boilerplate.
pub fn boilerplate(document: &Document, language: Language) -> Vec<Drop> {
    let segments = segments(document, language);
    let mut drops = Vec::new();
    let mut blocks: Vec<&[Segment]> = segments.chunk_by(|a, b| a.block == b.block).collect();
    blocks.retain(|block| document.blocks[block[0].block].kind != BlockKind::TableCell);
    for block in &blocks {
        // A hint asks in one sentence and tells in the next; anything else speaks for one sentence only, and the one
        // beside it may be the article's.
        let whole = phrase::classify(&shown(block), Extent::Block)
            .filter(|kind| block.len() == 1 || block.len() == 2 && is_appeal(block, *kind));
        if let Some(kind) = whole {
            drops.push(dropped(block, kind));
            continue;
        }
        // Sentences at the end, as far as every one of them is boilerplate.
        let kinds: Vec<Option<Boilerplate>> =
            block.iter().map(|sentence| phrase::classify(&sentence.text, Extent::Sentence)).collect();
        let trailing = kinds.iter().rev().take_while(|kind| kind.is_some()).count();
        for (sentence, kind) in block.iter().zip(&kinds).skip(block.len() - trailing) {
            if let Some(kind) = kind {
                drops.push(dropped(std::slice::from_ref(sentence), *kind));
            }
        }
    }
    drops.extend(foreign_headlines(document, &blocks, &drops, language));
    drops.sort_by_key(|drop| drop.span.start);
    drops
}

/// Whether two sentences are one appeal: a hint at a shortcut, or an invitation to follow with a word more ("Subscribe!").
fn is_appeal(block: &[Segment], kind: Boilerplate) -> bool {
    let last = block.last().map_or(0, |sentence| sentence.text.split_whitespace().count());
    match kind {
        Boilerplate::Shortcut => true,
        Boilerplate::FollowUs => last <= LONGEST_CRY,
        _ => false,
    }
}

/// How much of a block a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Block,
    Sentence,
}

fn shown(block: &[Segment]) -> String {
    block.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn dropped(segments: &[Segment], kind: Boilerplate) -> Drop {
    let (first, last) = (&segments[0], &segments[segments.len() - 1]);
    Drop { block: first.block, span: first.span.start..last.span.end, kind, text: shown(segments) }
}

/// Words of a second sentence that only cries out ("Subscribe!"), at most; a longer one may be the article's.
const LONGEST_CRY: usize = 2;

/// Words that a headline has.
const HEADLINE_WORDS: Range<usize> = 4..26;

/// One-sentence blocks in another language between two blocks of the article. Where there are many of them, the article
/// is in two languages and they are part of it.
fn foreign_headlines(document: &Document, blocks: &[&[Segment]], drops: &[Drop], language: Language) -> Vec<Drop> {
    let known = |block: &[Segment]| drops.iter().any(|drop| drop.block == block[0].block);
    let mut found = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let [segment] = *block else { continue };
        let inside = index > 0 && index + 1 < blocks.len();
        let kind = document.blocks[segment.block].kind;
        let fits = matches!(kind, BlockKind::Paragraph | BlockKind::Heading);
        if !inside || !fits || known(block) || !is_headline(&segment.text) || !is_foreign(&segment.text, language) {
            continue;
        }
        found.push(dropped(block, Boilerplate::ForeignHeadline));
    }
    if found.len() > (blocks.len() / 6).max(1) {
        return Vec::new();
    }
    found
}

/// A headline has no full stop, quotes nobody and is no turn of a dialogue.
fn is_headline(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count();
    let opens = text.starts_with(['«', '"', '“', '„', '‘', '\'', '—', '–', '-', '(', '[']);
    HEADLINE_WORDS.contains(&words) && !opens && !text.ends_with(['.', '…', ':', ';', ',', '»', '"', '”', ')'])
}

fn is_foreign(text: &str, language: Language) -> bool {
    let own = match language.as_str() {
        "ko" => Script::Hangul,
        "uk" | "ru" | "be" | "bg" => Script::Cyrillic,
        _ => Script::Latin,
    };
    let counts = ScriptCounts::of(text);
    // Another script altogether needs no further evidence; a name or two in one's own would be one.
    if counts.letters() >= 16 && counts.get(own) == 0 {
        return true;
    }
    detect(text).is_some_and(|found| found.language != language && found.confidence >= 0.75 && counts.letters() >= 16)
}

#[cfg(test)]
mod tests;
