//! The text that must not be lost: the whole file, and the blocks in it that hold prose.
//!
//! A [`Document`] keeps the text of the file exactly as it was. Blocks point into it by byte range; whatever lies
//! between blocks is a gap and is copied byte for byte when the article is written again.

use std::ops::Range;

/// An article as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The whole text, without the byte order mark, with its own line ends.
    pub text: String,
    /// Whether the file began with a UTF-8 byte order mark.
    pub byte_order_mark: bool,
    /// How the text is marked up: decides what has to be escaped in words that are put into it.
    pub markup: Markup,
    /// The translatable blocks, in order; their spans never overlap.
    pub blocks: Vec<Block>,
}

/// How the text of a document is marked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Markup {
    /// Every character is text.
    #[default]
    None,
    /// `CommonMark` with tables, footnotes, strike-through, task lists and front matter.
    Markdown,
}

/// A stretch of prose: a paragraph, a heading, a list item, a table cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Byte range in [`Document::text`].
    pub span: Range<usize>,
    /// What the block is in its article.
    pub kind: BlockKind,
    /// The pieces of the block, in order; together they cover `span` without gaps.
    pub pieces: Vec<Piece>,
}

/// What a block is in its article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// Running text.
    Paragraph,
    /// A title or heading.
    Heading,
    /// One item of a list.
    ListItem,
    /// One cell of a table.
    TableCell,
    /// One line of a file read with one segment a line.
    Line,
}

/// A piece of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Byte range in [`Document::text`].
    pub span: Range<usize>,
    /// How the piece is treated.
    pub kind: PieceKind,
}

/// How a piece of a block is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// Words to translate.
    Prose,
    /// A line break inside running text, with the indentation or quote marks of the next line; read as one space.
    Break,
    /// A line break that the author asked for (two spaces, a backslash, `<br>`); read as one space.
    HardBreak,
    /// Markup without text of its own and without a partner (`[^1]`); not shown to the model, put back at its place.
    Markup,
    /// Markup that opens a stretch of text (`**`, `[`); has its [`PieceKind::Closing`] later in the same block.
    Opening,
    /// Markup that closes what the last unclosed [`PieceKind::Opening`] began (`**`, `](address)`).
    Closing,
    /// The backslash before an escaped character; words that are put in are escaped anew.
    Escape,
    /// A character reference (`&amp;`); the model sees the character.
    Character(char),
    /// Text that stays as it is and that the model sees (code, an address, a handle).
    Verbatim,
}

/// A document whose spans contradict each other or its text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentError {
    /// A span that leaves the text, runs backwards or cuts a character.
    #[error("span of a document: block {block}: expected character boundaries within {length} bytes, got {span:?}")]
    Span {
        /// Index of the block.
        block: usize,
        /// The span.
        span: Range<usize>,
        /// Length of the text in bytes.
        length: usize,
    },
    /// A block that begins before the block before it has ended.
    #[error("blocks of a document: block {block}: expected a start at or after byte {expected}, got {got}")]
    Order {
        /// Index of the block.
        block: usize,
        /// End of the block before.
        expected: usize,
        /// Start of the block.
        got: usize,
    },
    /// Pieces that leave a hole, overlap or do not fill their block.
    #[error("pieces of a document: block {block}: expected the next piece at byte {expected}, got {got}")]
    Cover {
        /// Index of the block.
        block: usize,
        /// Where the pieces before it end.
        expected: usize,
        /// Where the next piece begins, or where the block ends.
        got: usize,
    },
    /// Opening and closing markup that do not pair.
    #[error("markup of a document: block {block}: expected opening and closing markup in pairs")]
    Pairs {
        /// Index of the block.
        block: usize,
    },
}

impl Document {
    /// Checks what every consumer relies on: spans in order and on character boundaries, pieces that cover their block,
    /// markup in pairs.
    ///
    /// # Errors
    ///
    /// The first contradiction.
    pub fn check(&self) -> Result<(), DocumentError> {
        let mut end = 0;
        for (index, block) in self.blocks.iter().enumerate() {
            self.check_span(index, &block.span)?;
            if block.span.start < end {
                return Err(DocumentError::Order { block: index, expected: end, got: block.span.start });
            }
            let mut covered = block.span.start;
            let mut open = 0usize;
            for piece in &block.pieces {
                self.check_span(index, &piece.span)?;
                if piece.span.start != covered {
                    return Err(DocumentError::Cover { block: index, expected: covered, got: piece.span.start });
                }
                covered = piece.span.end;
                match piece.kind {
                    PieceKind::Opening => open += 1,
                    PieceKind::Closing => {
                        open = open.checked_sub(1).ok_or(DocumentError::Pairs { block: index })?;
                    }
                    _ => {}
                }
            }
            if covered != block.span.end {
                return Err(DocumentError::Cover { block: index, expected: covered, got: block.span.end });
            }
            if open != 0 {
                return Err(DocumentError::Pairs { block: index });
            }
            end = block.span.end;
        }
        Ok(())
    }

    fn check_span(&self, block: usize, span: &Range<usize>) -> Result<(), DocumentError> {
        if span.start <= span.end && self.text.get(span.clone()).is_some() {
            return Ok(());
        }
        Err(DocumentError::Span { block, span: span.clone(), length: self.text.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, BlockKind, Document, DocumentError, Markup, Piece, PieceKind};

    fn check(pieces: &[(usize, usize, PieceKind)], span: std::ops::Range<usize>, expected: &Result<(), DocumentError>) {
        let pieces = pieces.iter().map(|(start, end, kind)| Piece { span: *start..*end, kind: *kind }).collect();
        let block = Block { span, kind: BlockKind::Paragraph, pieces };
        let document =
            Document { text: "ab їй".into(), byte_order_mark: false, markup: Markup::None, blocks: vec![block] };
        assert_eq!(&document.check(), expected);
    }

    #[test]
    fn pieces_that_cover_their_block_are_fine() {
        check(&[(0, 2, PieceKind::Prose), (2, 3, PieceKind::Break), (3, 7, PieceKind::Prose)], 0..7, &Ok(()));
    }

    #[test]
    fn holes_are_found() {
        check(
            &[(0, 2, PieceKind::Prose), (3, 7, PieceKind::Prose)],
            0..7,
            &Err(DocumentError::Cover { block: 0, expected: 2, got: 3 }),
        );
        check(&[(0, 2, PieceKind::Prose)], 0..3, &Err(DocumentError::Cover { block: 0, expected: 2, got: 3 }));
    }

    #[test]
    fn cut_characters_and_ends_past_the_text_are_found() {
        check(&[], 0..4, &Err(DocumentError::Span { block: 0, span: 0..4, length: 7 }));
        check(&[], 0..9, &Err(DocumentError::Span { block: 0, span: 0..9, length: 7 }));
    }

    #[test]
    fn unpaired_markup_is_found() {
        check(&[(0, 1, PieceKind::Opening)], 0..1, &Err(DocumentError::Pairs { block: 0 }));
        check(&[(0, 1, PieceKind::Closing)], 0..1, &Err(DocumentError::Pairs { block: 0 }));
    }
}
