//! HTML pages and fragments.

use super::{ArticleError, Reading};
use crate::document::Document;

/// Reads a page or a fragment.
pub(super) fn read(text: &str, _reading: &Reading) -> Result<Document, ArticleError> {
    Ok(fragment(text))
}

/// Reads HTML that stands inside something else. Never fails: what is not understood is a gap.
pub(super) fn fragment(text: &str) -> Document {
    Document { text: text.to_string(), ..Document::default() }
}
