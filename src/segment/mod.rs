//! Segments: the sentences of a document as the model reads them, and the way back.
//!
//! Stands between [`crate::document`] and the tokenizers. [`segments`] cuts blocks into sentences, [`join`] puts the
//! outputs back into the text. Everything that is in no segment is a gap and is copied byte for byte.

mod abbreviation;
pub mod boilerplate;
mod enclosure;
mod escape;
mod join;
mod place;
pub mod protect;
mod sentence;
pub mod wrap;

pub use boilerplate::{Boilerplate, Drop, boilerplate};
pub use join::{JoinError, Joined, Note, NoteKind, Outcome, join, join_with};
pub use place::Phrase;

use crate::document::{Block, BlockKind, Document, Markup, PieceKind};
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
    /// Ranges of `text` that have to survive: see [`protect`].
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
    /// What stands between two cues of subtitles; one space in the text, never lost.
    Cue,
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

/// The sentences of a plain text, in order, without the white space around them; addresses are never cut.
pub fn sentence_ranges(text: &str, language: Language) -> Vec<Range<usize>> {
    sentence::sentences(text, language, &protect::protect(text))
}

/// Pairs of markup of a segment for which no place is known in a translation: the index of the slot that opens each, and the
/// range of the segment's text that it holds.
pub fn markup_without_place(document: &Document, segment: &Segment, output: &str) -> Vec<(usize, Range<usize>)> {
    let pairs = segment.slots.iter().any(|slot| matches!(slot.kind, SlotKind::Opening(Some(_))));
    if pairs && output != segment.text { place::guessed(document, segment, output) } else { Vec::new() }
}

/// The sentences of a document, in order. In a [`BlockKind::Line`] block the whole line is one segment.
///
/// Blocks without a letter or a digit have no segments.
pub fn segments(document: &Document, language: Language) -> Vec<Segment> {
    let mut found = Vec::new();
    for (index, block) in document.blocks.iter().enumerate() {
        let view = View::of(document, block);
        if !view.text.contains(char::is_alphanumeric) {
            continue;
        }
        // The end of the last segment's markup, as an index into the slots.
        let mut taken = 0;
        for range in view.sentences(document, block, language) {
            let segment = view.segment(index, range, &mut taken);
            if segment.text.contains(char::is_alphanumeric) {
                found.push(segment);
            }
        }
    }
    found
}

/// A block as the model reads it.
struct View {
    text: String,
    /// Stretches of `text` that are bytes of the document as they stand: start in `text`, start in the document, length.
    runs: Vec<(usize, usize, usize)>,
    /// Everything else, in order, with positions in `text`. Partners are indices into this list.
    slots: Vec<Slot>,
    /// Ranges of `text` that have to survive.
    verbatim: Vec<Range<usize>>,
}

impl View {
    fn of(document: &Document, block: &Block) -> View {
        let mut view = View { text: String::new(), runs: Vec::new(), slots: Vec::new(), verbatim: Vec::new() };
        let mut open: Vec<usize> = Vec::new();
        for piece in &block.pieces {
            let at = view.text.len();
            let source = &document.text[piece.span.clone()];
            let kind = match piece.kind {
                PieceKind::Prose | PieceKind::Verbatim => {
                    view.text.push_str(source);
                    view.runs.push((at, piece.span.start, source.len()));
                    if piece.kind == PieceKind::Verbatim {
                        view.verbatim.push(at..view.text.len());
                    }
                    continue;
                }
                PieceKind::Break => {
                    view.text.push(' ');
                    SlotKind::Break
                }
                PieceKind::HardBreak => {
                    view.text.push(' ');
                    SlotKind::HardBreak
                }
                PieceKind::Cue => {
                    view.text.push(' ');
                    SlotKind::Cue
                }
                PieceKind::Character(c) => {
                    view.text.push(c);
                    SlotKind::Character
                }
                PieceKind::Markup => SlotKind::Markup,
                PieceKind::Escape => SlotKind::Escape,
                PieceKind::Opening => {
                    open.push(view.slots.len());
                    SlotKind::Opening(None)
                }
                PieceKind::Closing => {
                    let partner = open.pop();
                    let index = view.slots.len();
                    if let Some(opening) = partner {
                        view.slots[opening].kind = SlotKind::Opening(Some(index));
                    }
                    SlotKind::Closing(partner)
                }
            };
            view.slots.push(Slot { at: at..view.text.len(), span: piece.span.clone(), kind });
        }
        view.verbatim = protect::merge(view.verbatim, protect::protect(&view.text));
        view
    }

    /// Ranges of `text` that are sentences.
    fn sentences(&self, document: &Document, block: &Block, language: Language) -> Vec<Range<usize>> {
        let text = self.text.as_str();
        let lead = text.len() - text.trim_start().len();
        if block.kind == BlockKind::Line {
            return std::iter::once(lead..text.trim_end().len()).collect();
        }
        let marker = match (block.kind, document.markup) {
            (BlockKind::ListItem, Markup::None) if block.escapes.is_empty() => lead + marker_length(&text[lead..]),
            _ => 0,
        };
        let mut found = Vec::new();
        let mut from = marker;
        let cuts = self.slots.iter().filter(|slot| slot.kind == SlotKind::HardBreak && self.is_line_end(&slot.at));
        for to in cuts.map(|slot| slot.at.start).chain([text.len()]) {
            if to < from {
                continue;
            }
            let keep: Vec<Range<usize>> = self.verbatim[self.verbatim.partition_point(|range| range.end <= from)..]
                .iter()
                .take_while(|range| range.start < to)
                .map(|range| range.start.max(from) - from..range.end.min(to) - from)
                .collect();
            let part = sentence::sentences(&text[from..to], language, &keep);
            found.extend(part.into_iter().map(|range| range.start + from..range.end + from));
            from = to;
        }
        found
    }

    /// A line break that the author asked for parts sentences unless the next line goes on in lower case.
    fn is_line_end(&self, at: &Range<usize>) -> bool {
        let next = self.text[at.end..].chars().find(|c| c.is_alphanumeric());
        let ended = self.text[..at.start].trim_end().ends_with(['.', '!', '?', '…', ':', ';']);
        ended || !next.is_some_and(char::is_lowercase)
    }

    /// The segment of the sentence `range`; `taken` slots belong to segments before it.
    fn segment(&self, block: usize, range: Range<usize>, taken: &mut usize) -> Segment {
        let slots = &self.slots[*taken..];
        let base = *taken;
        // Markup in front of the first character: outside, unless its partner is inside.
        let first_char = self.document_start(range.start);
        let lead = slots.iter().take_while(|slot| slot.at.end <= range.start && slot.span.end <= first_char).count();
        let first_inside = slots[..lead].iter().position(|slot| {
            slot.at.start == range.start
                && match slot.kind {
                    SlotKind::Escape => true,
                    SlotKind::Opening(Some(partner)) => self.slots[partner].at.start < range.end,
                    _ => false,
                }
        });
        let from = base + first_inside.unwrap_or(lead);
        let inner = self.slots[from..].iter().take_while(|slot| slot.at.start < range.end).count();
        let mut to = from + inner;
        // Markup behind the last character: inside as far as it closes what was opened inside.
        let trailing = self.slots[to..].iter().take_while(|slot| slot.at == (range.end..range.end)).count();
        let closes = |slot: &Slot| matches!(slot.kind, SlotKind::Closing(Some(partner)) if partner >= from);
        if let Some(last) = self.slots[to..to + trailing].iter().rposition(closes) {
            to += last + 1;
        }
        let inside = &self.slots[from..to];
        *taken = to;
        let start = first_char.min(inside.first().map_or(usize::MAX, |slot| slot.span.start));
        let end = self.document_end(range.end).max(inside.last().map_or(0, |slot| slot.span.end));
        let shift = |at: &Range<usize>| at.start - range.start..at.end - range.start;
        let local = |partner: Option<usize>| partner.filter(|p| (from..to).contains(p)).map(|p| p - from);
        let slots = inside.iter().map(|slot| Slot {
            at: shift(&slot.at),
            span: slot.span.clone(),
            kind: match slot.kind {
                SlotKind::Opening(partner) => SlotKind::Opening(local(partner)),
                SlotKind::Closing(partner) => SlotKind::Closing(local(partner)),
                kind => kind,
            },
        });
        let verbatim = self.verbatim[self.verbatim.partition_point(|v| v.start < range.start)..]
            .iter()
            .take_while(|v| v.end <= range.end)
            .map(shift);
        Segment {
            block,
            span: start..end,
            text: self.text[range.clone()].to_string(),
            slots: slots.collect(),
            verbatim: verbatim.collect(),
        }
    }

    /// Where in the document the character at `at` begins.
    fn document_start(&self, at: usize) -> usize {
        let run = self.runs.partition_point(|(start, _, _)| *start <= at).checked_sub(1).map(|index| self.runs[index]);
        if let Some((start, document, length)) = run
            && at < start + length
        {
            return document + (at - start);
        }
        self.slots.get(self.slots.partition_point(|slot| slot.at.end <= at)).map_or(0, |slot| slot.span.start)
    }

    /// Where in the document the character before `at` ends.
    fn document_end(&self, at: usize) -> usize {
        let run = self.runs.partition_point(|(start, _, _)| *start < at).checked_sub(1).map(|index| self.runs[index]);
        if let Some((start, document, length)) = run
            && at <= start + length
        {
            return document + (at - start);
        }
        self.slots.get(self.slots.partition_point(|slot| slot.at.end < at)).map_or(0, |slot| slot.span.end)
    }
}

/// Length of the marker of a list item in plain text, with the space after it; a dialogue dash is no marker.
fn marker_length(text: &str) -> usize {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = if digits > 0 {
        if text[digits..].starts_with(['.', ')']) { digits + 1 } else { return 0 }
    } else {
        match text.chars().next() {
            Some(c) if !c.is_alphanumeric() && !matches!(c, '—' | '–') => c.len_utf8(),
            _ => return 0,
        }
    };
    let space = text[sign..].len() - text[sign..].trim_start().len();
    sign + space
}

#[cfg(test)]
mod tests;
