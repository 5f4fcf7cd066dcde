//! Puts the outputs of the segments back into the document.
//!
//! Whatever is in no segment is copied byte for byte; a segment whose output equals its text is copied too, so that the
//! identity translation gives the file back. Protected spans that an output lacks and that have one place only come from
//! [`protect::restore`], places for markup from [`super::place`].

use super::escape::{Surroundings, escape};
use super::place::{Phrase, Placed, place};
use super::{Segment, Slot, SlotKind, protect};
use crate::document::{Block, BlockKind, Document, Markup, PieceKind};
use std::borrow::Cow;
use std::collections::BTreeMap;
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
    /// The output was empty; the source stands in its place.
    EmptyOutput,
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
    join_with(document, segments, outcomes, &BTreeMap::new())
}

/// The same where it is known how a model translates what some pairs of markup hold: by segment.
///
/// # Errors
///
/// As [`join`].
pub fn join_with(
    document: &Document,
    segments: &[Segment],
    outcomes: &[Outcome],
    phrases: &BTreeMap<usize, Vec<Phrase>>,
) -> Result<Joined, JoinError> {
    if segments.len() != outcomes.len() {
        return Err(JoinError::Count { segments: segments.len(), outcomes: outcomes.len() });
    }
    let mut after = 0;
    for (index, segment) in segments.iter().enumerate() {
        let span = segment.span.clone();
        let slots = segment.slots.iter().all(|slot| document.text.get(slot.span.clone()).is_some());
        let known = segment.block < document.blocks.len() && slots;
        if span.start < after || span.end < span.start || document.text.get(span.clone()).is_none() || !known {
            return Err(JoinError::Span { segment: index, span, after });
        }
        after = span.end;
    }
    let brackets = document.markup == Markup::Markdown && document.text.contains("]:");
    let removed = removals(document, segments, outcomes);
    let mut joiner = Joiner {
        document,
        phrases,
        removed: &removed,
        brackets,
        joined: Joined { text: String::with_capacity(document.text.len()), spans: Vec::new(), notes: Vec::new() },
    };
    let mut cursor = 0;
    let mut changed_before = false;
    for (index, (segment, outcome)) in segments.iter().zip(outcomes).enumerate() {
        joiner.copy(cursor..segment.span.start);
        cursor = segment.span.end;
        let output = match outcome {
            Outcome::Translated(output) if *output != segment.text => Some(one_line(output)),
            _ => None,
        };
        let glued = index > 0 && segments[index - 1].span.end == segment.span.start;
        if glued && (changed_before || output.is_some()) {
            joiner.part(outcome);
        }
        changed_before = joiner.segment(index, segment, outcome, output);
    }
    joiner.copy(cursor..document.text.len());
    Ok(joiner.joined)
}

/// Different addresses and placeholders of one sentence that are kept from being escaped.
const MOST_VERBATIM: usize = 64;

struct Joiner<'a> {
    document: &'a Document,
    phrases: &'a BTreeMap<usize, Vec<Phrase>>,
    /// Ranges of the document that are left out, in order.
    removed: &'a [Range<usize>],
    /// Square brackets may be links to definitions.
    brackets: bool,
    joined: Joined,
}

impl Joiner<'_> {
    /// Copies a gap of the document without what is removed.
    fn copy(&mut self, gap: Range<usize>) {
        let mut at = gap.start;
        let first = self.removed.partition_point(|range| range.end <= gap.start);
        for range in self.removed[first..].iter().take_while(|range| range.start < gap.end) {
            if range.start > at {
                self.joined.text.push_str(&self.document.between(at..range.start));
            }
            at = at.max(range.end);
        }
        if at <= gap.end {
            self.joined.text.push_str(&self.document.between(at..gap.end));
        }
    }

    /// Parts two sentences that had nothing between them, as Korean ones may.
    fn part(&mut self, outcome: &Outcome) {
        let last = self.joined.text.chars().next_back();
        let spaced = last.is_none_or(|c| c.is_whitespace() || is_wide(c));
        if !spaced && !matches!(outcome, Outcome::Dropped) {
            self.joined.text.push(' ');
        }
    }

    /// Puts one segment; whether its text changed.
    fn segment(&mut self, index: usize, segment: &Segment, outcome: &Outcome, output: Option<Cow<'_, str>>) -> bool {
        let start = self.joined.text.len();
        let output = match output {
            _ if *outcome == Outcome::Dropped => {
                self.lone_markup(segment);
                self.joined.spans.push(start..start);
                return true;
            }
            Some(output) if output.is_empty() => {
                self.note(index, NoteKind::EmptyOutput);
                None
            }
            Some(output) if output == segment.text => None,
            output => output,
        };
        let Some(output) = output else {
            self.joined.text.push_str(&self.document.text[segment.span.clone()]);
            self.joined.spans.push(start..self.joined.text.len());
            return false;
        };
        let restored = protect::restore(&segment.text, &segment.verbatim, &output);
        let output = restored.text;
        let phrases = self.phrases.get(&index).map_or(&[][..], Vec::as_slice);
        let placed = place(self.document, segment, &output, phrases);
        for (happened, kind) in [
            (placed.estimated, NoteKind::MarkupEstimated),
            (placed.restored || !restored.inserts.is_empty(), NoteKind::VerbatimRestored),
            (placed.break_lost, NoteKind::BreakLost),
        ] {
            if happened {
                self.note(index, kind);
            }
        }
        self.put(segment, &output, &placed);
        self.joined.spans.push(start..self.joined.text.len());
        true
    }

    fn note(&mut self, segment: usize, kind: NoteKind) {
        self.joined.notes.push(Note { segment, kind });
    }

    /// Markup whose partner stands in another segment outlives its own.
    fn lone_markup(&mut self, segment: &Segment) {
        for slot in &segment.slots {
            let inside = self.removed.partition_point(|range| range.end <= slot.span.start);
            let removed = self.removed.get(inside).is_some_and(|range| range.start <= slot.span.start);
            if !removed && outlives(segment, slot) {
                self.joined.text.push_str(&self.document.rewritten(slot.span.clone()));
            }
        }
    }

    /// Puts an output with its markup and line breaks, escaped where the document is Markdown.
    fn put(&mut self, segment: &Segment, output: &str, placed: &Placed) {
        let mut raw = placed.raw.clone();
        if self.document.markup == Markup::Markdown {
            raw = protect::merge(raw, self.untouchable(segment, output));
        }
        let mut at = 0;
        for insert in &placed.inserts {
            if insert.at.start > at {
                self.stretch(segment, output, at..insert.at.start, &raw, placed, Some(&insert.text));
            }
            self.joined.text.push_str(&insert.text);
            at = at.max(insert.at.end);
        }
        if at < output.len() {
            self.stretch(segment, output, at..output.len(), &raw, placed, None);
        }
    }

    /// Addresses and placeholders that the source has as they are, without escapes: they stay so.
    fn untouchable(&self, segment: &Segment, output: &str) -> Vec<Range<usize>> {
        let source = &self.document.text[segment.span.clone()];
        let mut wanted: Vec<&str> = segment.verbatim.iter().map(|range| &segment.text[range.clone()]).collect();
        wanted.sort_unstable();
        wanted.dedup();
        // The bound keeps a sentence of thousands of addresses from costing its square.
        wanted.truncate(MOST_VERBATIM);
        wanted.retain(|v| source.contains(v));
        wanted.iter().flat_map(|v| output.match_indices(v).map(|(at, found)| at..at + found.len())).collect()
    }

    /// Puts a part of an output between two inserts.
    fn stretch(
        &mut self,
        segment: &Segment,
        output: &str,
        range: Range<usize>,
        raw: &[Range<usize>],
        placed: &Placed,
        next: Option<&String>,
    ) {
        if self.document.markup == Markup::None {
            let mut words = Cow::Borrowed(&output[range]);
            for escape in &self.document.blocks[segment.block].escapes {
                words = Cow::Owned(escape.apply(&words).into_owned());
            }
            self.joined.text.push_str(&words);
            return;
        }
        let mut at = range.start;
        while at < range.end {
            // In order and apart: the first one that has not ended is the one that matters.
            let next_raw = raw.get(raw.partition_point(|r| r.end <= at));
            let inside = next_raw.filter(|r| r.start <= at);
            let end = inside.map_or_else(|| next_raw.map_or(range.end, |r| r.start), |r| r.end).min(range.end);
            let part = &output[at..end];
            if inside.is_some() {
                self.joined.text.push_str(part);
            } else {
                let kind = self.document.blocks[segment.block].kind;
                let follows = if end == range.end { next.and_then(|text| text.chars().next()) } else { None };
                let surroundings = Surroundings {
                    before: self.joined.text.chars().next_back(),
                    after: follows.or_else(|| output[end..].chars().next()),
                    line_start: self.at_line_start(),
                    kind,
                    brackets: self.brackets || placed.links.iter().any(|link| link.start <= at && at < link.end),
                };
                escape(part, surroundings, &mut self.joined.text);
            }
            at = end;
        }
    }

    /// Whether only indentation and markers of lists and quotations stand on the current line of the output.
    fn at_line_start(&self) -> bool {
        let text = self.joined.text.as_bytes();
        let near = &text[text.len().saturating_sub(64)..];
        let line = near.rsplit(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or(near);
        let whole = line.len() < near.len() || text.len() < 64;
        whole && line.iter().all(|b| matches!(b, b' ' | b'\t' | b'>' | b'*' | b'+' | b'-' | b'.' | b')' | b'0'..=b'9'))
    }
}

/// Scripts that put no space between sentences.
fn is_wide(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '」' | '』')
}

/// An output on one line, without white space around it.
fn one_line(output: &str) -> Cow<'_, str> {
    let is_line_end = |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let trimmed = output.trim();
    if !trimmed.contains(is_line_end) {
        return Cow::Borrowed(trimmed);
    }
    let lines: Vec<&str> = trimmed.split(is_line_end).map(str::trim).filter(|line| !line.is_empty()).collect();
    Cow::Owned(lines.join(" "))
}

/// What is left out with the dropped segments: whole lines with their markers, or the white space beside a sentence.
fn removals(document: &Document, segments: &[Segment], outcomes: &[Outcome]) -> Vec<Range<usize>> {
    let mut removed: Vec<Range<usize>> = Vec::new();
    let mut first = 0;
    while first < segments.len() {
        let block = segments[first].block;
        let end = first + segments[first..].iter().take_while(|segment| segment.block == block).count();
        let dropped = |index: usize| outcomes[index] == Outcome::Dropped;
        if (first..end).all(dropped) {
            if !is_open_ended(&document.blocks[block]) {
                removed.push(whole_block(document, block));
            }
        } else {
            let mut index = first;
            while index < end {
                let run = (index..end).take_while(|i| dropped(*i)).count();
                if run > 0 {
                    let outer = if index + run < end {
                        segments[index].span.start..segments[index + run].span.start
                    } else {
                        segments[index - 1].span.end..segments[index + run - 1].span.end
                    };
                    let inner = &segments[index..index + run];
                    if between(document, &outer, inner).trim().is_empty() {
                        removed.push(outer);
                    }
                }
                index += run.max(1);
            }
        }
        first = end;
    }
    let removed = beside_cues(document, removed);
    // Two neighbours may both claim the empty line between them.
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(removed.len());
    for range in removed {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Cues stay, empty, where what they say is left out.
fn beside_cues(document: &Document, removed: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let blocks = document.blocks.iter().filter(|block| block.kind == BlockKind::Cues);
    let pieces = blocks.flat_map(|block| &block.pieces).filter(|piece| piece.kind == PieceKind::Cue);
    let mut cues = pieces.map(|piece| &piece.span).peekable();
    let mut beside = Vec::with_capacity(removed.len());
    for range in removed {
        let mut at = range.start;
        while let Some(cue) = cues.next_if(|cue| cue.start < range.end) {
            if cue.start > at {
                beside.push(at..cue.start);
            }
            at = at.max(cue.end);
        }
        if at < range.end {
            beside.push(at..range.end);
        }
    }
    beside
}

/// Whether markup stays where its segment is left out: its partner is in another segment or outside of the block.
fn outlives(segment: &Segment, slot: &Slot) -> bool {
    match slot.kind {
        SlotKind::Opening(partner) | SlotKind::Closing(partner) => {
            partner.and_then(|partner| segment.slots.get(partner)).is_none_or(|partner| partner.span.is_empty())
        }
        SlotKind::Cue => true,
        _ => false,
    }
}

/// Whether a block begins or ends inside an element: a piece without bytes stands for its begin or its end.
fn is_open_ended(block: &Block) -> bool {
    let ends = |kind| matches!(kind, PieceKind::Opening | PieceKind::Closing);
    block.pieces.iter().any(|piece| piece.span.is_empty() && ends(piece.kind))
}

/// What a range of the document holds beside the segments in it; markup inside them counts where it has to stay.
fn between(document: &Document, outer: &Range<usize>, inner: &[Segment]) -> String {
    let mut rest = String::new();
    let mut at = outer.start;
    for segment in inner {
        rest.push_str(&document.text[at.min(segment.span.start)..segment.span.start]);
        at = segment.span.end;
        for slot in segment.slots.iter().filter(|slot| outlives(segment, slot)) {
            rest.push_str(&document.text[slot.span.clone()]);
        }
    }
    rest.push_str(&document.text[at.min(outer.end)..outer.end]);
    rest
}

/// The lines of a block with its marker, its underline and the empty lines after it (before it at the end of the file).
fn whole_block(document: &Document, block: usize) -> Range<usize> {
    let text = document.text.as_str();
    let Block { span, kind, escapes, .. } = &document.blocks[block];
    // What stands around the words of a structured format is no line of its own.
    if !escapes.is_empty() || *kind == BlockKind::Cues {
        return span.clone();
    }
    let line_start = text[..span.start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let marker = |c: char| {
        c.is_whitespace() || c.is_ascii_digit() || ">#*+-.)[]xX_`~!".contains(c) || "•▪◦‣·■●▶▲△◆○※".contains(c)
    };
    let length = text[span.end..].find(['\n', '\r']).unwrap_or(text.len() - span.end);
    let tail = &text[span.end..span.end + length];
    let alone = text[line_start..span.start].chars().all(marker) && !tail.contains(char::is_alphanumeric);
    if *kind == BlockKind::TableCell || *kind == BlockKind::Line || !alone {
        return span.clone();
    }
    let mut end = span.end + length;
    let next_line = text[end..].trim_start_matches(['\n', '\r']);
    let underline = next_line.lines().next().unwrap_or("").trim();
    if *kind == BlockKind::Heading && !underline.is_empty() && underline.chars().all(|c| c == '=' || c == '-') {
        end = text.len() - next_line.len() + next_line.find(['\n', '\r']).unwrap_or(next_line.len());
    }
    let rest = &text[end..];
    let blank = rest.len() - rest.trim_start().len();
    if blank == rest.len() {
        // The last block: the empty lines before it go, the end of the file stays.
        let kept = text[..line_start].trim_end().len();
        return if kept == 0 { line_start..end } else { kept..end };
    }
    // Indentation of the next line is its own.
    let next = rest[..blank].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    line_start..end + next
}

#[cfg(test)]
mod tests;
