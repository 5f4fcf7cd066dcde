//! XML: RSS, Atom, `NewsML-G2` and NITF.
//!
//! The root element says which. Each format has a table of roles in [`roles`]; what is in none of them is left alone, so
//! that an element that nobody has heard of is copied as it stands. Texts of feeds that hold HTML are decoded and read by
//! the reader of HTML.

pub(super) mod blocks;
mod roles;
pub(super) mod tokens;
pub(super) mod vocabulary;

use super::nested::Decoded;
use super::{ArticleError, html, plain};
use crate::document::{self, BlockKind, Document, Edit, Escape, PartText, PieceKind};
use blocks::{Builder, Mark};
use roles::{Family, Role};
use std::ops::Range;
use tokens::{Kind, Token, inside_cdata, values};
use vocabulary::Vocabulary;

const FORMAT: &str = "XML";

/// Reads a document whose root element says what it is.
pub(super) fn read(text: &str) -> Result<Document, ArticleError> {
    let mut document = Document { text: text.to_string(), ..Document::default() };
    if text.trim().is_empty() {
        return Ok(document);
    }
    let tokens = tokens::read(text, FORMAT)?;
    let root = tokens.iter().find_map(Token::start).map(|(name, _)| name);
    let Some((root, family)) = root.and_then(|name| Some((name, Family::of_root(name)?))) else {
        let got = root.map_or("none", |name| name.local);
        let message = format!("expected one of these root elements: {}; got {got}", roles::ROOTS);
        return Err(ArticleError::Fields { format: FORMAT, message });
    };
    let mut reader = Reader {
        text,
        tokens: &tokens,
        own: root.vocabulary,
        open: Vec::new(),
        builder: Builder::new(text),
        tags: Vec::new(),
        parts: Vec::new(),
        inside: None,
    };
    reader.read(family);
    document.blocks = reader.builder.blocks;
    document.tags = reader.tags;
    document.parts = reader.parts;
    find_html(&mut document);
    keep_tags_between_blocks(&mut document);
    Ok(document)
}

/// Puts language tags in order, without those inside blocks, which are markup of their words.
fn keep_tags_between_blocks(document: &mut Document) {
    document.tags.sort_by_key(|tag| (tag.start, tag.end));
    let blocks = &document.blocks;
    document.tags.retain(|tag| {
        let block = blocks.get(blocks.partition_point(|block| block.span.end <= tag.start));
        block.is_none_or(|block| tag.end <= block.span.start)
    });
}

/// Words that take the place of HTML are written as HTML is.
fn find_html(document: &mut Document) {
    for text in document.parts.iter_mut().flat_map(|part| &mut part.texts) {
        let blocks = &document.blocks[document.blocks.partition_point(|block| block.span.end <= text.span.start)..];
        let mut inside = blocks.iter().take_while(|block| block.span.start < text.span.end);
        if inside.any(|block| block.escapes.len() > 1) {
            text.escapes.insert(0, Escape::Markup);
        }
    }
}

/// Has a document that is written in UTF-8 say so, when words are put into it that its declared encoding may not have.
pub(super) fn prepare(document: &mut Document) {
    let Some(declaration) = document.text.find("?>").map(|end| &document.text[..end]) else { return };
    let Some(rest) = declaration.strip_prefix("<?xml").and_then(|rest| rest.split_once("encoding")) else { return };
    let Some(value) = rest.1.trim_start().strip_prefix('=').map(str::trim_start) else { return };
    let Some(quote @ ('"' | '\'')) = value.chars().next() else { return };
    let Some(name) = value[1..].split(quote).next() else { return };
    let start = declaration.len() - value.len() + 1;
    let span = start..start + name.len();
    if !name.eq_ignore_ascii_case("utf-8") && !name.is_empty() {
        document.edits.insert(0, Edit { span, text: "UTF-8".to_string() });
    }
}

/// An element that is being read.
struct Open {
    role: Role,
    family: Family,
    /// What a block directly in it is.
    kind: BlockKind,
    /// Its words stay as they are.
    verbatim: bool,
    mark: Option<Mark>,
}

struct Reader<'a, 't> {
    text: &'t str,
    tokens: &'a [Token<'t>],
    /// The vocabulary of the root element.
    own: Vocabulary,
    open: Vec<Open>,
    builder: Builder<'t>,
    tags: Vec<Range<usize>>,
    parts: Vec<document::Part>,
    /// How many elements are open in the item that is being read.
    inside: Option<usize>,
}

impl Reader<'_, '_> {
    fn read(&mut self, family: Family) {
        let tokens = self.tokens;
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let flow = self.open.last().filter(|open| in_flow(open.role)).map(|open| (open.kind, open.verbatim));
            match token.kind {
                Kind::Start { .. } => {
                    index = self.start(index, family);
                    continue;
                }
                Kind::End => self.end(token),
                _ => {
                    if let Some((kind, verbatim)) = flow {
                        self.characters(token, kind, verbatim);
                    }
                }
            }
            index += 1;
        }
    }

    fn characters(&mut self, token: &Token<'_>, kind: BlockKind, verbatim: bool) {
        let piece = if verbatim { PieceKind::Verbatim } else { PieceKind::Prose };
        match token.kind {
            Kind::Text => self.builder.text(token.span.clone(), piece),
            Kind::Reference => self.builder.reference(token.span.clone()),
            Kind::Cdata => {
                // Words are written in another way there, so that it is a block of its own.
                self.builder.close(kind, Escape::Markup);
                self.builder.text(inside_cdata(&token.span), piece);
                self.builder.close(kind, Escape::Cdata);
            }
            _ => self.builder.markup(token.span.clone()),
        }
    }

    /// Reads the begin of an element; where to go on.
    fn start(&mut self, index: usize, family: Family) -> usize {
        let token = &self.tokens[index];
        let Some((mut name, end)) = token.start() else { return index + 1 };
        if name.vocabulary == self.own && matches!(family, Family::Rss | Family::Atom) {
            name.vocabulary = Vocabulary::None;
        }
        let parent = self.open.last();
        let (parent_role, parent_family) = parent.map_or((Role::Parts, family), |open| (open.role, open.family));
        let parent_kind = parent.map_or(BlockKind::Paragraph, |open| open.kind);
        let verbatim = parent.is_some_and(|open| open.verbatim);
        let (mut role, family) = parent_family.role(parent_role, name, self.text, token);
        let mut family = family;
        let whole = token.span.start..self.tokens.get(end).map_or(token.span.end, |token| token.span.end);
        if let Role::Rich(kind) | Role::Plain(kind) = role
            && self.tokens[index + 1..end.max(index + 1)].iter().any(|token| token.start().is_some())
        {
            // Markup that was not written as text.
            (role, family) = (Role::Flow(kind), Family::Xhtml);
        }
        if !matches!(role, Role::Gap | Role::Markup) {
            let is_tag = |key: &str| {
                key == "xml:lang"
                    || key == "lang" && family == Family::Xhtml
                    || key == "tag" && role == Role::Language && family == Family::NewsMl
            };
            let found = values(self.text, token, is_tag).filter(|span| !span.is_empty());
            self.tags.extend(found);
        }
        if self.inside == Some(self.open.len()) && end != index && roles::is_text(role, name) {
            self.note_text(index, end, role);
        }
        let item = whole.clone();
        let mut mark = None;
        let mut kind = parent_kind;
        match role {
            Role::Gap => {
                self.builder.close(parent_kind, Escape::Markup);
                return end + 1;
            }
            Role::Markup => {
                self.builder.markup(whole);
                return end + 1;
            }
            Role::LineBreak => {
                self.builder.line_break(whole);
                return end + 1;
            }
            Role::Plain(kind) | Role::Rich(kind) => {
                self.content(index + 1..end, kind, matches!(role, Role::Rich(_)));
                return end.max(index) + 1;
            }
            Role::Language => {
                self.language(index + 1..end);
                return end.max(index) + 1;
            }
            Role::Inline | Role::Verbatim if end == index => self.builder.markup(whole),
            Role::Inline | Role::Verbatim => mark = Some(self.builder.opening(token.span.clone())),
            Role::Flow(inner) => {
                self.builder.close(parent_kind, Escape::Markup);
                kind = inner;
            }
            Role::Parts => self.builder.close(parent_kind, Escape::Markup),
        }
        if end != index {
            let verbatim = verbatim || role == Role::Verbatim;
            if role == Role::Parts && self.inside.is_none() && family.is_item(name) {
                self.parts.push(document::Part { span: item, texts: Vec::new() });
                self.inside = Some(self.open.len() + 1);
            }
            self.open.push(Open { role, family, kind, verbatim, mark });
        }
        index + 1
    }

    fn end(&mut self, token: &Token<'_>) {
        let Some(open) = self.open.pop() else { return };
        if self.inside.is_some_and(|depth| self.open.len() < depth) {
            self.inside = None;
        }
        match open.mark {
            Some(mark) => self.builder.closing(mark, token.span.clone(), open.kind),
            None => self.builder.close(open.kind, Escape::Markup),
        }
    }

    /// Notes a text of an item, which a summary may take the place of.
    fn note_text(&mut self, index: usize, end: usize, role: Role) {
        let content = |index: usize, end: usize| self.tokens[index].span.end..self.tokens[end].span.start;
        let is_blank = |token: &Token<'_>| token.kind == Kind::Text && self.text[token.span.clone()].trim().is_empty();
        let mut inner = (index + 1..end).filter(|at| !is_blank(&self.tokens[*at]));
        let first = inner.next();
        let (mut span, mut escape) = (content(index, end), Escape::Markup);
        match (role, first) {
            // XHTML stands in an element of its own.
            (Role::Flow(_), Some(at)) => {
                if let Some((_, end)) = self.tokens[at].start().filter(|(_, end)| *end > at) {
                    span = content(at, end);
                }
            }
            (_, Some(at)) if self.tokens[at].kind == Kind::Cdata && inner.next().is_none() => {
                span = inside_cdata(&self.tokens[at].span);
                escape = Escape::Cdata;
            }
            _ => {}
        }
        if let Some(part) = self.parts.last_mut() {
            part.texts.push(PartText { span, escapes: vec![escape] });
        }
    }

    /// The text of an element that holds a language tag.
    fn language(&mut self, range: Range<usize>) {
        let mut inner = self.tokens.get(range).unwrap_or_default().iter().filter(|token| token.kind != Kind::Other);
        if let (Some(token), None) = (inner.next(), inner.next())
            && token.kind == Kind::Text
        {
            let source = &self.text[token.span.clone()];
            let start = token.span.start + source.len() - source.trim_start().len();
            let length = source.trim().len();
            self.tags.extend((length > 0).then_some(start..start + length));
        }
    }

    /// The text of an element that is a text of its own.
    fn content(&mut self, range: Range<usize>, kind: BlockKind, rich: bool) {
        let tokens = self.tokens.get(range).unwrap_or_default();
        let mut part = Part { decoded: Decoded::default(), escape: None, end: 0, pending: false };
        for token in tokens {
            let span = token.span.clone();
            let blank = token.kind == Kind::Text && self.text[span.clone()].trim().is_empty();
            match token.kind {
                // White space around sections is none of their text; between two it is one space.
                Kind::Text if blank && part.escape != Some(Escape::Markup) => part.pending = true,
                Kind::Text => {
                    self.turn(&mut part, Escape::Markup, kind, rich);
                    part.decoded.literal(self.text, span);
                }
                Kind::Reference => {
                    self.turn(&mut part, Escape::Markup, kind, rich);
                    // What is no character is a hole in the text, and markup.
                    if let Some(c) = tokens::character(&self.text[span.clone()]) {
                        part.decoded.character(c, span);
                    }
                }
                Kind::Cdata => {
                    let inner = inside_cdata(&span);
                    self.turn(&mut part, Escape::Cdata, kind, rich);
                    if part.pending && part.end > 0 {
                        part.decoded.character(' ', part.end..inner.start);
                    }
                    part.pending = false;
                    part.end = inner.end;
                    part.decoded.literal(self.text, inner);
                }
                _ => {}
            }
        }
        self.finish(&mut part, kind, rich);
    }

    /// Goes over to another way of writing: what was read so far is a text of its own.
    fn turn(&mut self, part: &mut Part, escape: Escape, kind: BlockKind, rich: bool) {
        if part.escape.is_some_and(|before| before != escape) {
            self.finish(part, kind, rich);
        }
        part.escape = Some(escape);
    }

    fn finish(&mut self, part: &mut Part, kind: BlockKind, rich: bool) {
        let decoded = std::mem::take(&mut part.decoded);
        part.pending = false;
        part.end = 0;
        let Some(escape) = part.escape.take() else { return };
        let inner = if rich && looks_like_html(&decoded.text) {
            html::fragment(&decoded.text)
        } else {
            plain::read(&decoded.text, false)
        };
        let mut lifted = decoded.lift(&inner, escape);
        if kind == BlockKind::Heading {
            lifted.blocks.iter_mut().for_each(|block| block.kind = kind);
        }
        self.builder.blocks.extend(lifted.blocks);
        self.tags.extend(lifted.tags);
    }
}

/// A part of a text that is written in one way.
struct Part {
    decoded: Decoded,
    escape: Option<Escape>,
    /// Where the text of the last CDATA section ended.
    end: usize,
    /// White space has been passed over since.
    pending: bool,
}

fn in_flow(role: Role) -> bool {
    matches!(role, Role::Flow(_) | Role::Inline | Role::Verbatim)
}

/// Whether a text has a tag, a comment or a reference of HTML in it.
fn looks_like_html(text: &str) -> bool {
    let tag = |(at, _): (usize, &str)| {
        let mut next = text[at + 1..].chars();
        match next.next() {
            Some('/') => next.next().is_some_and(|c| c.is_ascii_alphabetic()),
            Some('!') => true,
            Some(c) => c.is_ascii_alphabetic(),
            None => false,
        }
    };
    let reference = |(at, _): (usize, &str)| {
        let body = text[at + 1..].trim_start_matches('#');
        let length = body.bytes().take(32).take_while(u8::is_ascii_alphanumeric).count();
        length > 0 && body.as_bytes().get(length) == Some(&b';')
    };
    text.match_indices('<').any(tag) && text.contains('>') || text.match_indices('&').any(reference)
}

#[cfg(test)]
mod tests;
