//! Segments: the sentences of a document as the model reads them, and the way back.
//!
//! Stands between [`crate::document`] and the tokenizers. [`segments`] cuts blocks into sentences, [`join`] puts the
//! outputs back into the text. Everything that is in no segment is a gap and is copied byte for byte.

pub mod boilerplate;
mod join;
pub mod protect;
pub mod wrap;

pub use boilerplate::{Boilerplate, Drop, boilerplate};
pub use join::{JoinError, Joined, Note, NoteKind, Outcome, join};

use crate::document::Document;
use crate::language::Language;
use std::ops::Range;

/// One sentence, or one line where a file is read line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Index of its block in [`Document::blocks`].
    pub block: usize,
    /// The bytes of [`Document::text`] that the output takes the place of.
    pub span: Range<usize>,
    /// What the model reads.
    pub text: String,
    /// What stands in the document and not in `text`, in order.
    pub slots: Vec<Slot>,
    /// Ranges of `text` that have to survive: addresses, handles, hashtags, code, placeholders.
    pub verbatim: Vec<Range<usize>>,
}

/// Bytes of the document that the model does not read, or reads as something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The bytes of [`Segment::text`] that stand for it; an empty range where it is not shown.
    pub at: Range<usize>,
    /// The bytes of [`Document::text`] that it is.
    pub span: Range<usize>,
    /// What it is.
    pub kind: SlotKind,
}

/// What a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotKind {
    /// A line break; one space in the text.
    Break,
    /// A line break that the author asked for; one space in the text.
    HardBreak,
    /// Markup without a partner.
    Markup,
    /// Markup that opens; its partner is the closing slot with this index, or stands in a later segment.
    Opening(Option<usize>),
    /// Markup that closes; its partner is the opening slot with this index, or stands in an earlier segment.
    Closing(Option<usize>),
    /// The backslash of an escape.
    Escape,
    /// A character reference; the character in the text.
    Character,
}

/// The sentences of a document, in order.
pub fn segments(document: &Document, language: Language) -> Vec<Segment> {
    let _ = (document, language);
    Vec::new()
}
