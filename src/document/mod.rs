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
    /// The translatable blocks, in order; their spans never overlap.
    pub blocks: Vec<Block>,
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
    /// Markup without text of its own (`**`, `[`, `](address)`); not shown to the model, put back at its place.
    Markup,
    /// Text that stays as it is and that the model sees (code, an address, a handle).
    Verbatim,
}
