//! Columns of comma-separated and tab-separated values.

use super::{ArticleError, Format, Reading};
use crate::document::Document;

/// Reads the columns that hold prose.
pub(super) fn read(text: &str, _format: Format, _reading: &Reading) -> Result<Document, ArticleError> {
    Ok(Document { text: text.to_string(), ..Document::default() })
}

/// Puts quotation marks around fields that need them with what will be in them.
pub(super) fn prepare<'o>(_document: &mut Document, _outputs: impl Iterator<Item = (usize, &'o str)>) {}
