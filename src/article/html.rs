//! HTML pages and fragments: prose is found by the tokens of `html5gum` and their offsets; everything else stays a gap.
//!
//! Blocks are what stands between the tags of block elements; inline elements are pairs of markup inside a block. No tree
//! is built and nothing is repaired: broken markup comes back as broken as it was. What is read is in `docs/formats.md`.

mod attributes;
mod elements;
mod reader;
mod run;
mod text;
mod token;

use super::{ArticleError, Reading};
use crate::document::Document;

/// Reads a page or a fragment.
pub(super) fn read(text: &str, _reading: &Reading) -> Result<Document, ArticleError> {
    Ok(fragment(text))
}

/// Reads HTML that stands inside something else. Never fails: what is not understood is a gap.
pub(super) fn fragment(text: &str) -> Document {
    reader::read(text)
}

#[cfg(test)]
mod tests;
