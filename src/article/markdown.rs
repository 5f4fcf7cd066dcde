//! Markdown: prose is found by `pulldown-cmark`'s event offsets; everything else stays a gap.
//!
//! Gaps: front matter, code blocks, HTML blocks, markers, underlines, link definitions, tables' rules. Inside a block the
//! bytes that are no text become pieces: pairs of markup, escapes, breaks, code.

use crate::document::{Block, BlockKind, Document, Markup, Piece, PieceKind};
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use std::ops::Range;

pub(super) fn read(text: &str, byte_order_mark: bool) -> Document {
    let mut reader = Reader { text, blocks: Vec::new(), open: None, item: false, autolink: false, skip: 0 };
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        reader.event(event, range);
    }
    reader.close();
    let mut document = Document {
        text: text.to_string(),
        byte_order_mark,
        markup: Markup::Markdown,
        blocks: reader.blocks,
        ..Document::default()
    };
    // What does not add up is copied as it stands rather than written wrongly.
    let mut end = 0;
    document.blocks.retain(|block| {
        let sound = block.span.start >= end && is_sound(block);
        if sound {
            end = block.span.end;
        }
        sound
    });
    document
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_GFM
}

fn is_sound(block: &Block) -> bool {
    let mut at = block.span.start;
    let mut open = 0i64;
    for piece in &block.pieces {
        match piece.kind {
            PieceKind::Opening => open += 1,
            PieceKind::Closing => open -= 1,
            _ => {}
        }
        if piece.span.start != at || piece.span.end <= at || open < 0 {
            return false;
        }
        at = piece.span.end;
    }
    at == block.span.end && open == 0
}

struct Reader<'t> {
    text: &'t str,
    blocks: Vec<Block>,
    open: Option<Inline>,
    /// The next text stands directly in an item of a tight list.
    item: bool,
    /// The next text is the address of an automatic link.
    autolink: bool,
    /// Depth inside blocks that hold no prose.
    skip: usize,
}

/// The block whose inline events are being read.
struct Inline {
    kind: BlockKind,
    pieces: Vec<Piece>,
    /// Everything before this byte has its piece.
    at: usize,
    /// Pairs whose opening has not been given its bytes, and pairs that are open: how many.
    pending: usize,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag, range),
            Event::End(tag) => self.end(tag, &range),
            _ if self.skip > 0 => {}
            Event::Text(text) => self.words(&text, range),
            Event::Code(_) => self.code(range),
            Event::SoftBreak => self.line_break(range, PieceKind::Break),
            Event::HardBreak => self.line_break(range, PieceKind::HardBreak),
            Event::InlineHtml(html) if is_line_break(&html) => self.line_break(range, PieceKind::HardBreak),
            Event::InlineHtml(_) | Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {
                self.leaf(range, PieceKind::Markup);
            }
            // The box of a task is a marker: in front of the text it is a gap.
            Event::TaskListMarker(_) | Event::Html(_) | Event::Rule => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Link { .. }
            | Tag::Image { .. }
            | Tag::Superscript
            | Tag::Subscript => {
                if self.skip > 0 {
                    return;
                }
                let text = self.text;
                let inline = self.inline(range.start);
                inline.fill(text, range.start);
                inline.pending += 1;
                self.autolink = matches!(tag, Tag::Link { link_type: LinkType::Autolink | LinkType::Email, .. });
            }
            Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::MetadataBlock(_) => {
                self.close();
                self.skip += 1;
            }
            Tag::Paragraph => {
                let kind = if self.item { BlockKind::ListItem } else { BlockKind::Paragraph };
                self.begin(kind, range.start);
            }
            Tag::Heading { .. } => self.begin(BlockKind::Heading, range.start),
            Tag::TableCell => self.begin(BlockKind::TableCell, range.start),
            _ => {
                self.close();
                self.item = matches!(tag, Tag::Item);
            }
        }
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
            | TagEnd::Image
            | TagEnd::Superscript
            | TagEnd::Subscript => {
                self.autolink = false;
                if self.skip == 0 {
                    let text = self.text;
                    self.inline(range.end).close_pair(text, range.end);
                }
            }
            TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => self.skip = self.skip.saturating_sub(1),
            TagEnd::Paragraph => {
                self.close();
                self.item = false;
            }
            _ => self.close(),
        }
    }

    fn begin(&mut self, kind: BlockKind, at: usize) {
        self.close();
        self.open = Some(Inline { kind, pieces: Vec::new(), at, pending: 0 });
    }

    /// The open block; text directly in an item of a list opens one.
    fn inline(&mut self, at: usize) -> &mut Inline {
        self.open.get_or_insert_with(|| Inline { kind: BlockKind::ListItem, pieces: Vec::new(), at, pending: 0 })
    }

    fn leaf(&mut self, range: Range<usize>, kind: PieceKind) {
        let text = self.text;
        let inline = self.inline(range.start);
        inline.fill(text, range.start);
        inline.push(range, kind);
    }

    fn words(&mut self, words: &str, range: Range<usize>) {
        let source = &self.text[range.clone()];
        let mut chars = words.chars();
        let kind = match (chars.next(), chars.next()) {
            _ if words == source && self.autolink => PieceKind::Verbatim,
            _ if words == source => PieceKind::Prose,
            (Some(c), None) if source.starts_with('&') && !c.is_control() => PieceKind::Character(c),
            _ => PieceKind::Markup,
        };
        self.leaf(range, kind);
    }

    /// Code keeps its ticks as a pair of markup and its text as it is, line by line.
    fn code(&mut self, range: Range<usize>) {
        let text = self.text;
        let source = &text[range.clone()];
        let ticks = source.bytes().take_while(|b| *b == b'`').count();
        let body = source.len().checked_sub(2 * ticks).filter(|length| *length > 0 && ticks > 0);
        let inner = body.map_or("", |length| &source[ticks..ticks + length]);
        let padded = inner.len() - inner.trim_start().len();
        let trimmed = inner.trim();
        if trimmed.is_empty() {
            self.leaf(range, PieceKind::Markup);
            return;
        }
        let from = range.start + ticks + padded;
        let to = from + trimmed.len();
        self.leaf(range.start..from, PieceKind::Opening);
        let inline = self.inline(from);
        let mut at = from;
        while at < to {
            let line = text[at..to].find(['\n', '\r']).map_or(to, |end| at + end);
            let line = at + text[at..line].trim_end().len();
            inline.push(at..line, PieceKind::Verbatim);
            let next = text[line..to].find(|c: char| !c.is_whitespace() && c != '>').map_or(to, |gap| line + gap);
            if next > line {
                inline.push(line..next, PieceKind::Break);
            }
            at = next;
        }
        inline.push(to..range.end, PieceKind::Closing);
    }

    fn line_break(&mut self, range: Range<usize>, kind: PieceKind) {
        let text = self.text;
        let inline = self.inline(range.start);
        inline.fill(text, range.start);
        // A break swallows the spaces before it: they are nothing but its begin.
        let mut start = range.start;
        if let Some(last) = inline.pieces.last_mut()
            && matches!(last.kind, PieceKind::Prose)
        {
            let body = text[last.span.clone()].trim_end_matches([' ', '\t']).len();
            start = last.span.start + body;
            last.span.end = start;
            if body == 0 {
                inline.pieces.pop();
            }
        }
        inline.push(start..range.end, kind);
    }

    fn close(&mut self) {
        let Some(mut inline) = self.open.take() else { return };
        // Breaks and markup without a partner at the ends belong to the gaps around the block.
        let outer = |piece: &Piece| matches!(piece.kind, PieceKind::Break | PieceKind::HardBreak);
        while inline.pieces.last().is_some_and(outer) {
            inline.pieces.pop();
        }
        let lead = inline.pieces.iter().take_while(|piece| outer(piece)).count();
        inline.pieces.drain(..lead);
        let has_words = inline
            .pieces
            .iter()
            .any(|piece| matches!(piece.kind, PieceKind::Prose | PieceKind::Verbatim | PieceKind::Character(_)));
        pair_html(self.text, &mut inline.pieces);
        if let (Some(first), Some(last), true) = (inline.pieces.first(), inline.pieces.last(), has_words) {
            let span = first.span.start..last.span.end;
            self.blocks.push(Block::new(span, inline.kind, inline.pieces));
        }
    }
}

impl Inline {
    fn push(&mut self, span: Range<usize>, kind: PieceKind) {
        self.at = self.at.max(span.end);
        if !span.is_empty() {
            self.pieces.push(Piece { span, kind });
        }
    }

    /// Gives the bytes before `to` that belong to no event their piece.
    fn fill(&mut self, text: &str, to: usize) {
        if self.at >= to {
            self.at = self.at.max(to);
            return;
        }
        let span = self.at..to;
        if self.pending > 0 {
            self.pending -= 1;
            self.push(span, PieceKind::Opening);
            // Two pairs that open without a byte between them: the inner one has none left.
            return;
        }
        let source = &text[span.clone()];
        let after_break = self.pieces.last().is_none_or(|p| matches!(p.kind, PieceKind::Break | PieceKind::HardBreak));
        if self.pieces.is_empty() {
            // Markers in front of the first word: a gap, except for the backslash that protects it.
            self.at = to;
            if source.ends_with('\\') {
                self.pieces.push(Piece { span: to - 1..to, kind: PieceKind::Escape });
            }
            return;
        }
        if source == "\\" {
            self.push(span, PieceKind::Escape);
        } else if after_break && source.ends_with('\\') {
            self.extend_break(to - 1);
            self.push(to - 1..to, PieceKind::Escape);
        } else if after_break {
            // Indentation and quotation marks of the next line.
            self.extend_break(to);
        } else {
            self.push(span, PieceKind::Markup);
        }
    }

    fn extend_break(&mut self, to: usize) {
        if let Some(last) = self.pieces.last_mut() {
            last.span.end = to;
        }
        self.at = to;
    }

    fn close_pair(&mut self, text: &str, to: usize) {
        if self.pending > 0 {
            // Nothing was inside, as in `[](address)`.
            self.pending -= 1;
            let span = self.at..to;
            self.push(span, PieceKind::Markup);
            return;
        }
        let source = &text[self.at.min(to)..to];
        // White space at the end of a link's text is text; the closing begins at its bracket.
        let lead = source.len() - source.trim_start().len();
        if lead > 0 && lead < source.len() {
            let middle = self.at + lead;
            let kind = if source[..lead].contains(['\n', '\r']) { PieceKind::Break } else { PieceKind::Prose };
            self.push(self.at..middle, kind);
        }
        let span = self.at..to;
        self.push(span, PieceKind::Closing);
    }
}

fn is_line_break(html: &str) -> bool {
    let name = html.trim_start_matches('<').trim_end_matches(['>', '/', ' ']);
    name.eq_ignore_ascii_case("br")
}

/// Makes pairs of opening and closing HTML tags that nest well inside one block.
fn pair_html(text: &str, pieces: &mut [Piece]) {
    // Open pairs: index of the piece, and the name where it is a tag.
    let mut stack: Vec<(usize, Option<String>)> = Vec::new();
    let mut pairs = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece.kind {
            PieceKind::Opening => stack.push((index, None)),
            PieceKind::Closing => {
                // Tags that are left open inside a pair have no partner.
                while stack.pop().is_some_and(|(_, name)| name.is_some()) {}
            }
            PieceKind::Markup => {
                let source = &text[piece.span.clone()];
                let Some(tag) = source.strip_prefix('<').filter(|tag| tag.ends_with('>') && !tag.ends_with("/>"))
                else {
                    continue;
                };
                let body = tag.strip_prefix('/').unwrap_or(tag);
                let length = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(0);
                let name = body[..length].to_ascii_lowercase();
                if name.is_empty() {
                    continue;
                }
                if tag.starts_with('/') {
                    // Only what was opened since the last other pair can be closed here.
                    let from = stack.iter().rposition(|(_, name)| name.is_none()).map_or(0, |at| at + 1);
                    let partner = stack[from..].iter().rposition(|(_, open)| open.as_ref() == Some(&name));
                    if let Some(at) = partner {
                        pairs.push((stack[from + at].0, index));
                        stack.truncate(from + at);
                    }
                } else if stack.len() < 64 {
                    stack.push((index, Some(name)));
                }
            }
            _ => {}
        }
    }
    for (open, close) in pairs {
        pieces[open].kind = PieceKind::Opening;
        pieces[close].kind = PieceKind::Closing;
    }
}

#[cfg(test)]
mod tests;
