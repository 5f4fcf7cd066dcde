//! Running text between the tags of block elements, and the blocks it becomes.

use crate::document::{Block, BlockKind, Escape, Piece, PieceKind};
use std::ops::Range;

/// Running text that is being read: every byte from its begin has a piece.
pub(super) struct Run {
    /// Tells it from other runs.
    pub(super) number: usize,
    kind: BlockKind,
    pieces: Vec<Piece>,
    /// For openings and closings the index of the other one.
    partners: Vec<Option<usize>>,
}

impl Run {
    pub(super) fn new(number: usize, kind: BlockKind) -> Run {
        Run { number, kind, pieces: Vec::new(), partners: Vec::new() }
    }

    /// Adds bytes; tags are markup until they are paired.
    pub(super) fn push(&mut self, text: &str, span: Range<usize>, kind: PieceKind) {
        if kind == PieceKind::Break
            && let Some(last) = self.pieces.last_mut()
            && last.kind == PieceKind::HardBreak
        {
            last.span.end = span.end;
            return;
        }
        let mut span = span;
        match kind {
            // A space after a line break is a part of it.
            PieceKind::Prose | PieceKind::Verbatim => {
                if let Some(last) = self.pieces.last_mut().filter(|last| last.kind == PieceKind::HardBreak) {
                    let source = &text[span.clone()];
                    let spaces = source.len() - source.trim_start_matches(is_space).len();
                    span.start += spaces;
                    last.span.end = span.start;
                }
            }
            // And so is white space before it.
            PieceKind::HardBreak => {
                if let Some(last) = self.pieces.last_mut() {
                    match last.kind {
                        PieceKind::Break => span.start = last.span.start,
                        PieceKind::Prose | PieceKind::Verbatim => {
                            let source = &text[last.span.clone()];
                            last.span.end = last.span.start + source.trim_end_matches(is_space).len();
                            span.start = last.span.end;
                        }
                        _ => {}
                    }
                    if last.kind == PieceKind::Break || last.span.is_empty() {
                        self.pieces.pop();
                        self.partners.pop();
                    }
                }
            }
            _ => {}
        }
        if !span.is_empty() {
            self.pieces.push(Piece { span, kind });
            self.partners.push(None);
        }
    }

    /// The index that the next piece has.
    pub(super) fn next(&self) -> usize {
        self.pieces.len()
    }

    /// Makes a pair of the piece `open` and the last one.
    pub(super) fn pair(&mut self, open: usize) {
        let close = self.pieces.len().saturating_sub(1);
        if open < close
            && let Some(opening) = self.pieces.get_mut(open)
        {
            opening.kind = PieceKind::Opening;
            self.pieces[close].kind = PieceKind::Closing;
            self.partners[open] = Some(close);
            self.partners[close] = Some(open);
        }
    }

    /// Whether the text ends with a line break.
    pub(super) fn ends_line(&self) -> bool {
        self.pieces.last().is_some_and(|piece| piece.kind == PieceKind::HardBreak)
    }

    /// The blocks of the text.
    pub(super) fn close(mut self, text: &str, blocks: &mut Vec<Block>) {
        self.merge(text);
        let links = self.links(text);
        if links.is_empty() {
            self.block(text, 0..self.pieces.len(), blocks);
        } else {
            for link in links {
                self.block(text, link, blocks);
            }
        }
    }

    /// Whether a piece holds words, as opposed to white space and signs.
    fn has_words(text: &str, piece: &Piece) -> bool {
        match piece.kind {
            PieceKind::Prose | PieceKind::Verbatim => text[piece.span.clone()].contains(char::is_alphanumeric),
            PieceKind::Character(c) => c.is_alphanumeric(),
            _ => false,
        }
    }

    /// Pairs without text become one piece of markup: icons, anchors, pictures.
    fn merge(&mut self, text: &str) {
        let is_text = |piece: &Piece| match piece.kind {
            PieceKind::Prose | PieceKind::Verbatim => !text[piece.span.clone()].trim_matches(is_space).is_empty(),
            PieceKind::Character(_) => true,
            _ => false,
        };
        // How many pieces before each index have text, are markup on their own, are white space.
        let mut counts = vec![(0usize, 0usize, 0usize)];
        for piece in &self.pieces {
            let (words, markup, space) = counts.last().copied().unwrap_or_default();
            counts.push(match piece.kind {
                _ if is_text(piece) => (words + 1, markup, space),
                PieceKind::Markup => (words, markup + 1, space),
                PieceKind::Opening | PieceKind::Closing => (words, markup, space),
                _ => (words, markup, space + 1),
            });
        }
        let mut pieces = Vec::with_capacity(self.pieces.len());
        let mut partners: Vec<Option<usize>> = Vec::with_capacity(self.pieces.len());
        // Where each piece went.
        let mut moved = vec![0usize; self.pieces.len()];
        let mut at = 0;
        while at < self.pieces.len() {
            moved[at] = pieces.len();
            let piece = &self.pieces[at];
            if let (PieceKind::Opening, Some(close)) = (piece.kind, self.partners[at]) {
                let (before, after) = (counts[at], counts[close]);
                if before.0 == after.0 && (before.2 == after.2 || before.1 < after.1) {
                    let span = piece.span.start..self.pieces[close].span.end;
                    pieces.push(Piece { span, kind: PieceKind::Markup });
                    partners.push(None);
                    at = close + 1;
                    continue;
                }
            }
            pieces.push(piece.clone());
            partners.push(self.partners[at]);
            at += 1;
        }
        for partner in partners.iter_mut().flatten() {
            *partner = moved[*partner];
        }
        (self.pieces, self.partners) = (pieces, partners);
    }

    /// The insides of the links where the text is nothing but links, as in menus; otherwise nothing.
    fn links(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.pieces.len() {
            let piece = &self.pieces[at];
            if let (PieceKind::Opening, Some(close)) = (piece.kind, self.partners[at])
                && is_link(&text[piece.span.clone()])
            {
                found.push(at + 1..close);
                at = close + 1;
                continue;
            }
            if Run::has_words(text, piece) {
                return Vec::new();
            }
            at += 1;
        }
        if found.len() > 1 { found } else { Vec::new() }
    }

    /// Makes a block of a range of pieces, without the markup and the white space around its words.
    fn block(&self, text: &str, range: Range<usize>, blocks: &mut Vec<Block>) {
        let (mut low, mut high) = (range.start, range.end);
        let is_blank = |piece: &Piece| match piece.kind {
            PieceKind::Break | PieceKind::HardBreak | PieceKind::Markup | PieceKind::Escape => true,
            PieceKind::Character(c) => c.is_whitespace(),
            PieceKind::Prose | PieceKind::Verbatim => text[piece.span.clone()].trim_matches(is_space).is_empty(),
            _ => false,
        };
        while low < high {
            if is_blank(&self.pieces[low]) {
                low += 1;
            } else if is_blank(&self.pieces[high - 1]) {
                high -= 1;
            } else if self.partners[low] == Some(high - 1) {
                low += 1;
                high -= 1;
            } else {
                break;
            }
        }
        let mut pieces = self.pieces[low..high].to_vec();
        // What is code or an address throughout stays as it is.
        let is_prose = |piece: &Piece| piece.kind != PieceKind::Verbatim && Run::has_words(text, piece);
        if !pieces.iter().any(is_prose) {
            return;
        }
        if let Some(first) = pieces.first_mut().filter(|first| first.kind == PieceKind::Prose) {
            let source = &text[first.span.clone()];
            first.span.start += source.len() - source.trim_start_matches(is_space).len();
        }
        if let Some(last) = pieces.last_mut().filter(|last| last.kind == PieceKind::Prose) {
            last.span.end = last.span.start + text[last.span.clone()].trim_end_matches(is_space).len();
        }
        if let (Some(first), Some(last)) = (pieces.first(), pieces.last()) {
            let span = first.span.start..last.span.end;
            blocks.push(Block { span, kind: self.kind, pieces, escapes: vec![Escape::Markup] });
        }
    }
}

fn is_space(c: char) -> bool {
    c.is_ascii() && super::text::is_space(c as u8)
}

/// Whether a start tag is that of a link.
fn is_link(tag: &str) -> bool {
    let bytes = tag.as_bytes();
    matches!(bytes.get(1), Some(b'a' | b'A')) && bytes.get(2).is_some_and(|b| !b.is_ascii_alphanumeric() && *b != b'-')
}
