//! Finds the language of an article or a paragraph.

use super::Language;

/// The language of a text and how sure that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detected {
    /// The most likely language.
    pub language: Language,
    /// From 0 to 1.
    pub confidence: f32,
}
