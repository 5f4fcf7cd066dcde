//! The text that must not be lost: the whole file, and the blocks in it that hold prose.
//!
//! A [`Document`] keeps the text of the file exactly as it was. Blocks point into it by byte range; whatever lies
//! between blocks is a gap and is copied byte for byte when the article is written again.

use crate::language::Language;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// An article as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// The whole text, without the byte order mark, with its own line ends.
    pub text: String,
    /// Whether the file began with a UTF-8 byte order mark.
    pub byte_order_mark: bool,
    /// How the text is marked up: decides what has to be escaped in words that are put into it.
    pub markup: Markup,
    /// The translatable blocks, in order; their spans never overlap.
    pub blocks: Vec<Block>,
    /// Language tags that speak of the article: `lang="en"`, `"language": "en"`. They stand between the blocks or in the
    /// markup of one, where they change with the words around them. In order.
    pub tags: Vec<Range<usize>>,
    /// What takes the place of bytes between the segments when the article is written, in order. A reader leaves it
    /// empty; [`set_language`](Document::set_language) and the formats' own writers fill it.
    pub edits: Vec<Edit>,
    /// Articles of their own inside the file: the items of a feed. In order.
    pub parts: Vec<Part>,
    /// The file around the text, for formats whose text is only a part of the file; see the format.
    pub container: Option<Arc<[u8]>>,
    /// Bytes of the file that are of no text, in order: each NUL in `text` stands for one of them. They lie between the
    /// blocks. Only formats that can leave a stretch of a file alone have any; the others refuse the file.
    pub foreign: Vec<u8>,
    /// What the reader has to say of parts of the file, in their order.
    pub remarks: Vec<Remark>,
}

/// What a reader says of a part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The line, from 1.
    pub line: usize,
    /// What it is about.
    pub kind: RemarkKind,
    /// What was expected and what was found.
    pub message: String,
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemarkKind {
    /// The part could not be read. It is no block, so it is copied as it stands, while the rest of the file is read.
    NotRead,
    /// The part was read, and something that may be in such parts is not in this one.
    FieldMissing,
}

/// An article of its own inside a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Byte range in [`Document::text`].
    pub span: Range<usize>,
    /// Its texts, in order: a description, the full text. Headlines are none of them.
    pub texts: Vec<PartText>,
}

/// A text of a part, which another text may take the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartText {
    /// Byte range in [`Document::text`]: all of it, with its markup.
    pub span: Range<usize>,
    /// How words are written that take the place of all of it, the innermost way first.
    pub escapes: Vec<Escape>,
}

/// Bytes of a document between its segments, and what is written in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Byte range in [`Document::text`]; empty to put something in.
    pub span: Range<usize>,
    /// What is written.
    pub text: String,
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
    /// How words that are put into the block are written, the innermost way first: HTML in a JSON string is
    /// `[Html, Json]`. Empty where every character stands for itself, and in Markdown.
    pub escapes: Vec<Escape>,
}

/// How a character that means something to a format is written where it means itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// `&`, `<` and `>` as references: the text of HTML and of XML.
    Markup,
    /// The same and `"`: the value of an attribute.
    Attribute,
    /// `'` as a reference: the value of an attribute in single quotation marks, after [`Escape::Attribute`].
    Apostrophe,
    /// `]]>` in parts: a CDATA section of XML.
    Cdata,
    /// Quotation marks, backslashes and control characters with a backslash: a string of JSON.
    Json,
    /// Quotation marks doubled: a field of CSV in quotation marks.
    Csv,
    /// White space as spaces, so that a record stays on its line: a field of TSV.
    Tsv,
    /// `-->` and empty lines, which would end a cue of subtitles, and `&`, `<` and `>` where the format has references.
    Cue {
        /// Whether `&`, `<` and `>` are written as references (`WebVTT`).
        references: bool,
    },
}

impl Escape {
    /// Writes a stretch of words this way.
    pub fn apply(self, words: &str) -> Cow<'_, str> {
        let each = |special: fn(char) -> bool, write: fn(char, &mut String)| {
            if !words.contains(special) {
                return Cow::Borrowed(words);
            }
            let mut written = String::with_capacity(words.len() + 16);
            for c in words.chars() {
                if special(c) { write(c, &mut written) } else { written.push(c) }
            }
            Cow::Owned(written)
        };
        match self {
            Escape::Markup | Escape::Cue { references: true } => {
                each(|c| matches!(c, '&' | '<' | '>') || is_no_xml(c), reference)
            }
            Escape::Attribute => each(|c| matches!(c, '&' | '<' | '>' | '"') || is_no_xml(c), reference),
            Escape::Apostrophe => each(|c| c == '\'', |_, written| written.push_str("&#39;")),
            Escape::Cdata => {
                let clean = each(is_no_xml, |_, _| {});
                if clean.contains("]]>") { Cow::Owned(clean.replace("]]>", "]]]]><![CDATA[>")) } else { clean }
            }
            Escape::Json => each(|c| matches!(c, '"' | '\\') || c < ' ', json_escape),
            Escape::Csv => each(|c| c == '"', |_, written| written.push_str("\"\"")),
            Escape::Tsv => each(|c| matches!(c, '\t' | '\n' | '\r'), |_, written| written.push(' ')),
            Escape::Cue { references: false } => {
                if words.contains("-->") {
                    Cow::Owned(words.replace("-->", "—>"))
                } else {
                    Cow::Borrowed(words)
                }
            }
        }
    }
}

/// Characters that XML cannot hold in any way.
fn is_no_xml(c: char) -> bool {
    c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{FFFE}' | '\u{FFFF}')
}

/// A character as a reference of HTML and XML; what XML cannot hold is left out.
fn reference(c: char, written: &mut String) {
    match c {
        '&' => written.push_str("&amp;"),
        '<' => written.push_str("&lt;"),
        '>' => written.push_str("&gt;"),
        '"' => written.push_str("&quot;"),
        _ => {}
    }
}

fn json_escape(c: char, written: &mut String) {
    match c {
        '\n' => written.push_str("\\n"),
        '\r' => written.push_str("\\r"),
        '\t' => written.push_str("\\t"),
        '"' | '\\' => written.extend(['\\', c]),
        c => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            // Only control characters come here: their two upper digits are zeros.
            let code = c as u32 as usize & 0xff;
            written.push_str("\\u00");
            written.extend([DIGITS[code >> 4], DIGITS[code & 15]].map(char::from));
        }
    }
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
    /// The cues of subtitles that hold one or more whole sentences.
    Cues,
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
    /// What stands between the cues of one sentence of subtitles; read as one space, never lost.
    Cue,
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

impl Block {
    /// A block of plain characters.
    pub fn new(span: Range<usize>, kind: BlockKind, pieces: Vec<Piece>) -> Block {
        Block { span, kind, pieces, escapes: Vec::new() }
    }
}

impl Document {
    /// The words of a block as a reader sees them, without its markup.
    pub fn words(&self, block: &Block) -> String {
        let mut words = String::with_capacity(block.span.len());
        for piece in &block.pieces {
            match piece.kind {
                PieceKind::Prose | PieceKind::Verbatim => words.push_str(&self.text[piece.span.clone()]),
                PieceKind::Character(c) => words.push(c),
                PieceKind::Break | PieceKind::HardBreak | PieceKind::Cue => words.push(' '),
                PieceKind::Markup | PieceKind::Opening | PieceKind::Closing | PieceKind::Escape => {}
            }
        }
        words
    }

    /// Has the article say that it is in the language `to` wherever it says now that it is in `from`.
    pub fn set_language(&mut self, from: Language, to: Language) {
        if from == to {
            return;
        }
        for span in &self.tags {
            let tag = &self.text[span.clone()];
            let primary = tag.split(['-', '_']).next().unwrap_or(tag);
            if primary.eq_ignore_ascii_case(from.as_str()) {
                self.edits.push(Edit { span: span.clone(), text: to.as_str().to_string() });
            }
        }
        self.edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    }

    /// A range of the text that lies between segments, as it is written: with the edits in it, those at its ends among
    /// them.
    pub fn between(&self, gap: Range<usize>) -> String {
        let mut written = String::with_capacity(gap.len());
        let mut at = gap.start;
        let first = self.edits.partition_point(|edit| edit.span.start < gap.start);
        for edit in self.edits[first..].iter().take_while(|edit| edit.span.end <= gap.end) {
            written.push_str(&self.text[at..edit.span.start.max(at)]);
            written.push_str(&edit.text);
            at = at.max(edit.span.end);
        }
        written.push_str(&self.text[at..gap.end]);
        written
    }

    /// Markup of a block as it is written: with the edits of its own bytes, without what is put in beside it.
    pub fn rewritten(&self, span: Range<usize>) -> Cow<'_, str> {
        let first = self.edits.partition_point(|edit| edit.span.start < span.start);
        let inside = self.edits[first..].iter().take_while(|edit| edit.span.start < span.end);
        let mut written = String::new();
        let mut at = span.start;
        for edit in inside {
            if edit.span.is_empty() || edit.span.start < at || edit.span.end > span.end {
                continue;
            }
            written.push_str(&self.text[at..edit.span.start]);
            written.push_str(&edit.text);
            at = edit.span.end;
        }
        if at == span.start {
            return Cow::Borrowed(&self.text[span]);
        }
        written.push_str(&self.text[at..span.end]);
        Cow::Owned(written)
    }

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
    #![allow(clippy::unwrap_used)]
    use super::{Block, BlockKind, Document, DocumentError, Edit, Escape, Piece, PieceKind};

    fn check(pieces: &[(usize, usize, PieceKind)], span: std::ops::Range<usize>, expected: &Result<(), DocumentError>) {
        let pieces = pieces.iter().map(|(start, end, kind)| Piece { span: *start..*end, kind: *kind }).collect();
        let block = Block::new(span, BlockKind::Paragraph, pieces);
        let document = Document { text: "ab їй".into(), blocks: vec![block], ..Document::default() };
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

    #[test]
    fn words_are_written_as_the_format_wants_them() {
        for (escape, words, expected) in [
            (Escape::Markup, "a < b & \"c\"\u{1}", "a &lt; b &amp; \"c\""),
            (Escape::Attribute, "a < b & \"c\"", "a &lt; b &amp; &quot;c&quot;"),
            (Escape::Cdata, "a ]]> b", "a ]]]]><![CDATA[> b"),
            (Escape::Json, "\"a\\b\"\n\u{1}", "\\\"a\\\\b\\\"\\n\\u0001"),
            (Escape::Csv, "«a» \"b\"", "«a» \"\"b\"\""),
            (Escape::Tsv, "a\tb\nc", "a b c"),
            (Escape::Cue { references: true }, "R&D --> x", "R&amp;D --&gt; x"),
            (Escape::Cue { references: false }, "R&D --> x", "R&D —> x"),
        ] {
            assert_eq!(escape.apply(words), expected, "{escape:?}");
        }
        assert!(matches!(Escape::Markup.apply("plain"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn edits_are_written_in_their_gap_once() {
        let mut document =
            Document { text: "lang=en-GB; x".into(), tags: std::iter::once(5..10).collect(), ..Document::default() };
        document.set_language("en".parse().unwrap(), "uk".parse().unwrap());
        document.edits.push(Edit { span: 12..12, text: "[".into() });
        document.edits.push(Edit { span: 13..13, text: "]".into() });
        assert_eq!(document.between(0..12), "lang=uk; [");
        assert_eq!(document.between(13..13), "]");
        let mut inside =
            Document { text: "<b lang=en>".into(), tags: std::iter::once(8..10).collect(), ..Document::default() };
        inside.edits.push(Edit { span: 0..0, text: "[".into() });
        inside.set_language("en".parse().unwrap(), "uk".parse().unwrap());
        assert_eq!((inside.rewritten(0..11), inside.rewritten(0..3)), ("<b lang=uk>".into(), "<b ".into()));
        let mut other =
            Document { text: "lang=fr".into(), tags: std::iter::once(5..7).collect(), ..Document::default() };
        other.set_language("en".parse().unwrap(), "uk".parse().unwrap());
        assert_eq!(other.between(0..7), "lang=fr");
    }
}
