//! HTML pages and fragments: prose is found by the tokens of `html5gum` and their offsets; everything else stays a gap.
//!
//! Blocks are what stands between the tags of block elements; inline elements are pairs of markup inside a block. No tree
//! is built and nothing is repaired: broken markup comes back as broken as it was. What is read is in `docs/formats.md`.

mod attributes;
mod charset;
mod elements;
mod extract;
mod reader;
mod run;
mod text;
mod token;

use super::{ArticleError, Reading};
use crate::document::{Document, Edit};

/// Reads a page or a fragment, or the article on a page.
pub(super) fn read(text: &str, reading: &Reading) -> Result<Document, ArticleError> {
    if reading.extract { Ok(fragment(&extract::article(text)?)) } else { Ok(fragment(text)) }
}

/// Reads HTML that stands inside something else. Never fails: what is not understood is a gap.
pub(super) fn fragment(text: &str) -> Document {
    reader::read(text)
}

/// An old encoding that a page of nothing but ASCII declares is no longer its encoding when other characters are put in.
///
/// A page that has such characters already is read as UTF-8 whatever it declares, and its declaration stays.
pub(super) fn prepare<'o>(document: &mut Document, mut outputs: impl Iterator<Item = (usize, &'o str)>) {
    if !document.text.is_ascii() || outputs.all(|(_, output)| output.is_ascii()) {
        return;
    }
    for span in charset::declared(&document.text) {
        if !document.text[span.clone()].eq_ignore_ascii_case("utf-8") {
            document.edits.push(Edit { span, text: "utf-8".to_string() });
        }
    }
    document.edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
}

#[cfg(test)]
mod tests;
