//! Blocks of XML prose: text with inline markup, cut where the markup does not pair. Used for Word too.

use super::tokens;
use crate::document::{Block, BlockKind, Escape, Piece, PieceKind};
use std::ops::Range;

/// An inline element that was opened: the number of its block and the index of its piece there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::article) struct Mark {
    block: usize,
    piece: usize,
}

/// Collects the pieces of one block after the other.
#[derive(Debug, Default)]
pub(in crate::article) struct Builder<'t> {
    text: &'t str,
    /// The blocks so far.
    pub(in crate::article) blocks: Vec<Block>,
    /// Blocks begun so far: a mark of another one has lost its block.
    begun: usize,
    pieces: Vec<Piece>,
    /// What the reader sees ends with white space, or there is nothing yet.
    spaced: bool,
}

impl<'t> Builder<'t> {
    /// A builder of the blocks of `text`.
    pub(in crate::article) fn new(text: &'t str) -> Self {
        Builder { text, ..Builder::default() }
    }

    fn source(&self, span: &Range<usize>) -> &'t str {
        self.text.get(span.clone()).unwrap_or("")
    }

    /// Adds the characters of `span`; white space that is more than one space is no prose.
    pub(in crate::article) fn text(&mut self, span: Range<usize>, kind: PieceKind) {
        let source = self.source(&span);
        let mut rest = 0;
        let mut at = 0;
        while at < source.len() {
            let space = source[at..].find(is_space).map_or(source.len(), |offset| at + offset);
            let length = source[space..].find(|c| !is_space(c)).unwrap_or(source.len() - space);
            at = space + length;
            let first = space == 0 && (self.spaced || self.pieces.is_empty());
            if length == 0 || &source[space..at] == " " && !first {
                continue;
            }
            self.prose(span.start + rest..span.start + space, kind);
            self.space(span.start + space..span.start + at);
            rest = at;
        }
        self.prose(span.start + rest..span.end, kind);
        if let Some(last) = source.chars().next_back() {
            self.spaced = is_space(last);
        }
    }

    fn prose(&mut self, span: Range<usize>, kind: PieceKind) {
        if !span.is_empty() {
            self.pieces.push(Piece { span, kind });
            self.spaced = false;
        }
    }

    /// White space that is read as one space, or not at all after other white space.
    fn space(&mut self, span: Range<usize>) {
        if self.pieces.is_empty() {
            return;
        }
        let kind = if self.spaced { PieceKind::Markup } else { PieceKind::Break };
        self.pieces.push(Piece { span, kind });
        self.spaced = true;
    }

    /// Adds a reference; one that is no character is markup.
    pub(in crate::article) fn reference(&mut self, span: Range<usize>) {
        match tokens::character(self.source(&span)) {
            Some(c) if is_space(c) => self.space(span),
            Some(c) => self.prose(span, PieceKind::Character(c)),
            None => self.markup(span),
        }
    }

    /// Adds a piece as it is; what is read as a space takes the space before it in.
    pub(in crate::article) fn piece(&mut self, mut piece: Piece) {
        if piece.kind == PieceKind::Cue {
            if let Some(last) = self.pieces.last_mut().filter(|last| last.kind == PieceKind::Prose) {
                let source = self.text.get(last.span.clone()).unwrap_or("");
                last.span.end = last.span.start + source.trim_end_matches(is_space).len();
                piece.span.start = last.span.end;
                if last.span.is_empty() {
                    self.pieces.pop();
                }
            }
            self.spaced = true;
        }
        self.pieces.push(piece);
    }

    /// Adds markup that has no partner.
    pub(in crate::article) fn markup(&mut self, span: Range<usize>) {
        self.pieces.push(Piece { span, kind: PieceKind::Markup });
    }

    /// Adds a line break that the author asked for.
    pub(in crate::article) fn line_break(&mut self, span: Range<usize>) {
        self.pieces.push(Piece { span, kind: PieceKind::HardBreak });
        self.spaced = true;
    }

    /// Adds the begin of an inline element.
    pub(in crate::article) fn opening(&mut self, span: Range<usize>) -> Mark {
        self.pieces.push(Piece { span, kind: PieceKind::Opening });
        Mark { block: self.begun, piece: self.pieces.len() - 1 }
    }

    /// Adds the end of an inline element. Where its begin is in another block the block ends too.
    pub(in crate::article) fn closing(&mut self, mark: Mark, span: Range<usize>, kind: BlockKind) {
        if mark.block == self.begun && mark.piece < self.pieces.len() {
            self.pieces.push(Piece { span, kind: PieceKind::Closing });
        } else {
            self.close(kind, Escape::Markup);
        }
    }

    /// Ends the block.
    pub(in crate::article) fn close(&mut self, kind: BlockKind, escape: Escape) {
        self.begun += 1;
        self.spaced = false;
        let pieces = std::mem::take(&mut self.pieces);
        // For each opening its closing, and the other way round.
        let mut partners: Vec<Option<usize>> = vec![None; pieces.len()];
        let mut open = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            match piece.kind {
                PieceKind::Opening => open.push(index),
                PieceKind::Closing => {
                    if let Some(opening) = open.pop() {
                        partners[opening] = Some(index);
                        partners[index] = Some(opening);
                    }
                }
                _ => {}
            }
        }
        // What was opened and goes on behind the block stays where it is.
        let mut from = 0;
        for index in open.into_iter().chain([pieces.len()]) {
            self.emit(&pieces, &partners, from..index, kind, escape);
            from = index + 1;
        }
    }

    /// Makes a block of `range` without the markup around its words.
    fn emit(
        &mut self,
        pieces: &[Piece],
        partners: &[Option<usize>],
        mut range: Range<usize>,
        kind: BlockKind,
        escape: Escape,
    ) {
        let outer = |index: usize| match pieces[index].kind {
            PieceKind::Markup | PieceKind::Break | PieceKind::HardBreak => true,
            PieceKind::Prose | PieceKind::Verbatim => self.source(&pieces[index].span).trim().is_empty(),
            _ => false,
        };
        while !range.is_empty() {
            let (first, last) = (range.start, range.end - 1);
            if outer(first) {
                range.start += 1;
            } else if outer(last) {
                range.end -= 1;
            } else if first < last && partners[first] == Some(last) {
                range = first + 1..last;
            } else {
                break;
            }
        }
        let words =
            |piece: &Piece| matches!(piece.kind, PieceKind::Prose | PieceKind::Verbatim | PieceKind::Character(_));
        let pieces = pieces.get(range).unwrap_or_default();
        if let (Some(first), Some(last), true) = (pieces.first(), pieces.last(), pieces.iter().any(words)) {
            let span = first.span.start..last.span.end;
            self.blocks.push(Block { span, kind, pieces: pieces.to_vec(), escapes: vec![escape] });
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}
