//! The sentences of both texts of a segment, for the checks that go sentence by sentence.
//!
//! Cutting is the business of [`crate::segment`]; a text that has no mark inside is one sentence and is not cut at all.

use std::ops::Range;

use crate::language::Language;
use crate::segment::sentence_ranges;

/// A sentence and its place.
#[derive(Debug, Clone)]
pub(super) struct Sentence<'t> {
    pub(super) text: &'t str,
    pub(super) span: Range<usize>,
    pub(super) characters: usize,
}

/// The sentences of a text, in order; those without a letter or digit are left out.
pub(super) fn sentences(text: &str, language: Language) -> Vec<Sentence<'_>> {
    let ranges = if may_have_several(text) {
        sentence_ranges(text, language)
    } else {
        let lead = text.len() - text.trim_start().len();
        std::iter::once(lead..text.trim_end().len().max(lead)).collect()
    };
    ranges
        .into_iter()
        .map(|span| Sentence { text: &text[span.clone()], characters: text[span.clone()].chars().count(), span })
        .filter(|sentence| sentence.text.contains(char::is_alphanumeric))
        .collect()
}

/// Whether a mark that may end a sentence has text behind it.
fn may_have_several(text: &str) -> bool {
    let bytes = text.trim_end().as_bytes();
    // `。`, `！`, `？` and `…` begin with these bytes; nearly nothing else in the three languages does.
    let mark = |byte: &u8| matches!(byte, b'.' | b'!' | b'?' | b'\n' | 0xE2 | 0xE3 | 0xEF);
    let Some(first) = bytes.iter().position(mark) else { return false };
    bytes[first..].iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0xC3)
}
