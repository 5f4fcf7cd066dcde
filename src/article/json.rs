//! JSON: `IPTC ninjs`, and fields that are named.

use super::{ArticleError, Reading};
use crate::document::Document;

/// Reads one JSON value.
pub(super) fn read(text: &str, _reading: &Reading) -> Result<Document, ArticleError> {
    Ok(Document { text: text.to_string(), ..Document::default() })
}

/// Reads one JSON value a line.
pub(super) fn read_lines(text: &str, _reading: &Reading) -> Result<Document, ArticleError> {
    Ok(Document { text: text.to_string(), ..Document::default() })
}
