//! Finds what is on the page and not in the article: follow-us lines, share hints, read-also links, credits.

use crate::document::Document;
use crate::language::Language;
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

/// Finds the boilerplate of an article in `language`: whole blocks, whole lines and trailing sentences only.
pub fn boilerplate(document: &Document, language: Language) -> Vec<Drop> {
    let _ = (document, language);
    Vec::new()
}
