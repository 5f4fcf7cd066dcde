//! Files with one segment a line: aligned test sets, exported strings.
//!
//! A line is one block, whatever it holds; empty lines are gaps. Lines end at a line feed; a file without any line feed
//! ends its lines at carriage returns.

use crate::document::{Block, BlockKind, Document, Piece, PieceKind};

pub(super) fn read(text: &str, byte_order_mark: bool) -> Document {
    let end = if text.contains('\n') { '\n' } else { '\r' };
    let mut blocks = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(end) {
        let body = line.trim();
        if !body.is_empty() {
            let from = start + (line.len() - line.trim_start().len());
            blocks.push(block(text, from, from + body.len()));
        }
        start += line.len();
    }
    Document { text: text.to_string(), byte_order_mark, blocks, ..Document::default() }
}

/// A stray carriage return inside a line is no line end, yet no model should read it: it is a break.
fn block(text: &str, from: usize, to: usize) -> Block {
    let mut pieces = Vec::new();
    let mut at = from;
    for (offset, found) in text[from..to].match_indices('\r') {
        let stray = from + offset;
        if stray > at {
            pieces.push(Piece { span: at..stray, kind: PieceKind::Prose });
        }
        at = stray + found.len();
        pieces.push(Piece { span: stray..at, kind: PieceKind::Break });
    }
    pieces.push(Piece { span: at..to, kind: PieceKind::Prose });
    Block::new(from..to, BlockKind::Line, pieces)
}

#[cfg(test)]
mod tests {
    use super::read;

    fn check(text: &str, expected: &[&str]) {
        let document = read(text, false);
        assert_eq!(document.check(), Ok(()), "{text:?}");
        let blocks: Vec<&str> = document.blocks.iter().map(|b| &text[b.span.clone()]).collect();
        assert_eq!(blocks, expected, "{text:?}");
    }

    #[test]
    fn a_line_is_a_block_and_an_empty_line_is_none() {
        check("One. Two.\n\n  three \r\nfour", &["One. Two.", "three", "four"]);
    }

    #[test]
    fn carriage_returns_end_lines_only_where_nothing_else_does() {
        check("one\rtwo\r", &["one", "two"]);
        check("one\rtwo\nthree", &["one\rtwo", "three"]);
    }
}
