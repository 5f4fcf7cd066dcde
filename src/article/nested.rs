//! Texts inside texts: the HTML in a field of JSON, the paragraphs in a description of a feed.
//!
//! The inner text is decoded, read by the reader of its own format, and its blocks are moved to the bytes of the outer
//! text that they came from. Nothing is decoded and encoded again: what is not translated stays as it stood.

use crate::document::{Block, Document, Edit, Escape, Piece, PieceKind};
use std::ops::Range;

/// A text that was written in another one in some way, and where each part of it came from.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// The text as it reads.
    pub(super) text: String,
    runs: Vec<Run>,
}

/// A part of a decoded text.
#[derive(Debug)]
struct Run {
    /// Bytes of the decoded text.
    at: Range<usize>,
    /// Bytes of the outer text.
    span: Range<usize>,
    /// The character that the outer bytes stand for; none where they are the text as it stands.
    character: Option<char>,
}

impl Decoded {
    /// Adds bytes of the outer text that stand for themselves.
    pub(super) fn literal(&mut self, outer: &str, span: Range<usize>) {
        if span.is_empty() {
            return;
        }
        let at = self.text.len();
        self.text.push_str(&outer[span.clone()]);
        self.runs.push(Run { at: at..self.text.len(), span, character: None });
    }

    /// Adds bytes of the outer text that stand for one character.
    pub(super) fn character(&mut self, character: char, span: Range<usize>) {
        let at = self.text.len();
        self.text.push(character);
        self.runs.push(Run { at: at..self.text.len(), span, character: Some(character) });
    }

    /// The outer bytes of a range of the text.
    fn outer(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let first = self.runs.get(self.runs.partition_point(|run| run.at.end <= range.start))?;
        let last = self.runs.get(self.runs.partition_point(|run| run.at.end < range.end))?;
        let start = match first.character {
            None => first.span.start + (range.start - first.at.start),
            Some(_) if range.start == first.at.start => first.span.start,
            Some(_) => return None,
        };
        let end = match last.character {
            None => last.span.start + (range.end - last.at.start),
            Some(_) if range.end == last.at.end => last.span.end,
            Some(_) => return None,
        };
        (start <= end).then_some(start..end)
    }

    /// Moves what a reader found in the text to the outer text, where words have to be written in the way `escape` too.
    pub(super) fn lift(&self, inner: &Document, escape: Escape) -> Lifted {
        let mut lifted = Lifted::default();
        for block in &inner.blocks {
            if let Some(block) = self.block(block, escape) {
                lifted.blocks.push(block);
            }
        }
        lifted.tags.extend(inner.tags.iter().filter_map(|tag| self.outer(tag)));
        lifted
    }

    fn block(&self, block: &Block, escape: Escape) -> Option<Block> {
        let span = self.outer(&block.span)?;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut covered = span.start;
        for piece in &block.pieces {
            let whole = self.outer(&piece.span)?;
            let mut add = |span: Range<usize>, kind: PieceKind| {
                // Outer bytes that are no part of the text, as where one CDATA section ends and the next begins.
                if span.start > covered {
                    pieces.push(Piece { span: covered..span.start, kind: PieceKind::Markup });
                }
                covered = span.end;
                pieces.push(Piece { span, kind });
            };
            if !matches!(piece.kind, PieceKind::Prose | PieceKind::Verbatim) {
                add(whole, piece.kind);
                continue;
            }
            let first = self.runs.partition_point(|run| run.at.end <= piece.span.start);
            for run in self.runs[first..].iter().take_while(|run| run.at.start < piece.span.end) {
                let part = run.at.start.max(piece.span.start)..run.at.end.min(piece.span.end);
                let kind = run.character.map_or(piece.kind, PieceKind::Character);
                add(self.outer(&part)?, kind);
            }
        }
        let mut escapes = block.escapes.clone();
        escapes.push(escape);
        (covered == span.end).then_some(Block { span, kind: block.kind, pieces, escapes })
    }
}

/// What was found in an inner text, in the bytes of the outer one.
#[derive(Debug, Default)]
pub(super) struct Lifted {
    pub(super) blocks: Vec<Block>,
    pub(super) tags: Vec<Range<usize>>,
}

impl Lifted {
    /// Adds it to the outer document.
    pub(super) fn put_into(self, document: &mut Document) {
        document.blocks.extend(self.blocks);
        document.tags.extend(self.tags);
    }
}

/// Puts a text between the bytes of a document, at `at`.
pub(super) fn insert(at: usize, text: &str) -> Edit {
    Edit { span: at..at, text: text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::Decoded;
    use crate::article::plain;
    use crate::document::{Document, Escape, PieceKind};

    #[test]
    fn blocks_of_an_inner_text_point_to_the_outer_bytes() {
        let outer = r#"{"a": "Він \"тут\".\n\nНі."}"#;
        let mut decoded = Decoded::default();
        let at = |needle: &str| outer.find(needle).unwrap_or_default();
        decoded.literal(outer, at("Він")..at("\\\""));
        decoded.character('"', at("\\\"")..at("тут"));
        decoded.literal(outer, at("тут")..at("тут") + 6);
        decoded.character('"', at("тут") + 6..at("тут") + 8);
        decoded.literal(outer, at("тут") + 8..at("\\n"));
        decoded.character('\n', at("\\n")..at("\\n") + 2);
        decoded.character('\n', at("\\n") + 2..at("\\n") + 4);
        decoded.literal(outer, at("Ні")..at("Ні") + 5);
        assert_eq!(decoded.text, "Він \"тут\".\n\nНі.");
        let lifted = decoded.lift(&plain::read(&decoded.text, false), Escape::Json);
        let mut document = Document { text: outer.to_string(), ..Document::default() };
        lifted.put_into(&mut document);
        assert_eq!(document.check(), Ok(()));
        let words: Vec<String> = document.blocks.iter().map(|block| document.words(block)).collect();
        assert_eq!(words, ["Він \"тут\".", "Ні."]);
        assert!(document.blocks[0].pieces.iter().any(|piece| piece.kind == PieceKind::Character('"')));
        assert_eq!(document.blocks[0].escapes, [Escape::Json]);
    }
}
