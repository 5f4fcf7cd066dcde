//! Reads tags and text into blocks.
//!
//! Keeps the elements that are open, with the end tags that HTML lets authors leave out, so far as it matters here: which
//! text stands together, what kind of block it is, and what is not to be read. Each token costs the same whatever is
//! open.

use super::attributes;
use super::elements::{self, Role};
use super::run::Run;
use super::text::{self, Place, pieces};
use super::token::{Attribute, Content, TokenKind, Tokens};
use crate::document::{Block, BlockKind, Document, PieceKind};
use std::collections::HashMap;
use std::ops::Range;

/// Reads a text; never fails.
pub(super) fn read(text: &str) -> Document {
    Reader::read(text, usize::MAX).document()
}

/// Where elements are open deeper than `limit`, as far as their end tags are there or implied.
pub(super) fn too_deep(text: &str, limit: usize) -> Option<usize> {
    Reader::read(text, limit).too_deep
}

impl<'t> Reader<'t> {
    fn read(text: &'t str, limit: usize) -> Reader<'t> {
        let mut reader = Reader {
            text,
            is_xml: text.trim_start().starts_with("<?xml"),
            open: Vec::new(),
            named: HashMap::new(),
            skipped: None,
            run: None,
            runs: 0,
            blocks: Vec::new(),
            attributes: Vec::new(),
            tags: Vec::new(),
            too_deep: None,
        };
        let mut tokens = Tokens::new(text);
        let mut at = 0;
        while reader.too_deep.is_none()
            && let Some(token) = tokens.next()
        {
            let start = token.span.start;
            reader.words(at..token.span.start);
            at = token.span.end;
            match token.kind {
                TokenKind::Start { name, attributes, self_closing } => {
                    if let Some(content) = reader.start(&name, &attributes, self_closing, token.span) {
                        tokens.enter(content);
                    }
                }
                TokenKind::End { name } => reader.end(&name, token.span),
                TokenKind::Other => reader.piece(token.span, PieceKind::Markup),
            }
            if reader.open.len() > limit {
                reader.too_deep = Some(start);
            }
        }
        reader.words(at..text.len());
        reader
    }
}

struct Reader<'t> {
    text: &'t str,
    /// `<name/>` is an element without content, as XML has it.
    is_xml: bool,
    open: Vec<Element>,
    /// The indices of the open elements of each name.
    named: HashMap<String, Vec<usize>>,
    /// The element whose content is not read.
    skipped: Option<Skipped>,
    /// The running text that is being read.
    run: Option<Run>,
    runs: usize,
    blocks: Vec<Block>,
    /// Blocks in attributes, wherever they stand.
    attributes: Vec<Block>,
    tags: Vec<Range<usize>>,
    /// Where the limit on open elements was passed.
    too_deep: Option<usize>,
}

struct Skipped {
    /// Index of the element.
    element: usize,
    /// Where it begins, and where its content does.
    start: usize,
    content: usize,
    role: Role,
}

/// An element that is open. What it stands in is kept as indices, so that nothing has to be looked for.
struct Element {
    name: String,
    /// The kind of block that its text is.
    kind: BlockKind,
    is_verbatim: bool,
    /// Run and index of its start tag.
    opening: Option<(usize, usize)>,
    /// Closed before the elements in it.
    is_dead: bool,
    /// The paragraph that a block ends.
    paragraph: Option<usize>,
    /// The item that the next item ends.
    item: Option<usize>,
    /// Section, row and cell of the innermost table.
    table: [Option<usize>; 3],
    /// The innermost element that parts blocks, that end tags do not reach out of, that is a table.
    block: Option<usize>,
    scope: Option<usize>,
    outer_table: Option<usize>,
}

impl Reader<'_> {
    /// Text between tags. Outside of every element an empty line parts paragraphs: systems that make paragraphs of them when
    /// a page is shown keep texts so.
    fn words(&mut self, range: Range<usize>) {
        if !self.open.is_empty() || self.skipped.is_some() {
            return self.characters(range);
        }
        let mut at = range.start;
        for gap in text::empty_lines(&self.text[range.clone()]) {
            self.characters(at..range.start + gap.start);
            self.close();
            at = range.start + gap.end;
        }
        self.characters(at..range.end);
    }

    fn characters(&mut self, range: Range<usize>) {
        if range.is_empty() || self.skipped.is_some() {
            return;
        }
        let source = &self.text[range.clone()];
        if self.run.is_none() && source.bytes().all(text::is_space) {
            return;
        }
        let top = self.open.last();
        let place = if top.is_some_and(|e| e.name == "title") { Place::References } else { Place::Tags };
        let is_verbatim = top.is_some_and(|e| e.is_verbatim);
        let text = self.text;
        let run = self.run();
        let mut covered = range.start;
        pieces(text, range.clone(), place, |span, kind| {
            covered = span.end;
            if is_verbatim && kind == PieceKind::Prose { verbatim(text, span, run) } else { run.push(text, span, kind) }
        });
        if covered < range.end {
            // A tag that never ends.
            self.close();
        }
    }

    /// The running text; begins one.
    fn run(&mut self) -> &mut Run {
        let kind = self.open.last().map_or(BlockKind::Paragraph, |element| element.kind);
        let runs = &mut self.runs;
        self.run.get_or_insert_with(|| {
            *runs += 1;
            Run::new(*runs, kind)
        })
    }

    /// Adds markup or a line break to the running text, if there is one.
    fn piece(&mut self, span: Range<usize>, kind: PieceKind) {
        if self.skipped.is_none()
            && let Some(run) = &mut self.run
        {
            run.push(self.text, span, kind);
        }
    }

    fn close(&mut self) {
        if let Some(run) = self.run.take() {
            run.close(self.text, &mut self.blocks);
        }
    }

    /// Reads a start tag; what its content is where that is not HTML.
    fn start(
        &mut self,
        name: &str,
        attributes: &[Attribute],
        self_closing: bool,
        span: Range<usize>,
    ) -> Option<Content> {
        let mut role = elements::role(name);
        let mut in_foreign = self.is_foreign();
        if in_foreign && elements::ends_foreign(name) && !self.is_integrated() {
            // A drawing or formula that was never closed: HTML goes on.
            let element = self.skipped.as_ref().map_or(0, |skipped| skipped.element);
            self.pop(element, span.start);
            in_foreign = false;
        }
        if !in_foreign {
            self.imply(name, &span);
        }
        if self.skipped.is_none() && attributes::is_kept(attributes) {
            role = match role {
                Role::Inline | Role::Verbatim => Role::Verbatim,
                Role::Block(_) | Role::Plain => Role::SkippedBlock,
                role => role,
            };
        } else if self.skipped.is_none() {
            attributes::blocks(self.text, name, attributes, &mut self.attributes);
        }
        if self.skipped.is_none() {
            attributes::languages(name, attributes, &mut self.tags);
        }
        match role {
            Role::Block(_) | Role::Plain | Role::Rule | Role::SkippedBlock if self.skipped.is_none() => self.close(),
            Role::LineBreak => self.line_break(span.clone()),
            _ => {}
        }
        if matches!(role, Role::Rule | Role::LineBreak) {
            return None;
        }
        let content = elements::content(name).filter(|_| !in_foreign);
        let has_no_content = role == Role::Empty
            || self_closing && (self.is_xml || in_foreign || content.is_none() || matches!(name, "svg" | "math"));
        if has_no_content {
            self.piece(span, PieceKind::Markup);
            return None;
        }
        self.push(name, role, span);
        content
    }

    /// Whether the tags here are those of a drawing or a formula.
    fn is_foreign(&self) -> bool {
        let skipped = self.skipped.as_ref().and_then(|skipped| self.open.get(skipped.element));
        skipped.is_some_and(|element| matches!(element.name.as_str(), "svg" | "math"))
    }

    /// Whether HTML stands inside a drawing or a formula here.
    fn is_integrated(&self) -> bool {
        elements::INTEGRATED.iter().any(|name| self.named.get(*name).is_some_and(|indices| !indices.is_empty()))
    }

    /// A line break; two of them part paragraphs.
    fn line_break(&mut self, span: Range<usize>) {
        if self.skipped.is_some() {
            return;
        }
        if self.run.as_ref().is_some_and(Run::ends_line) {
            self.close();
        } else {
            self.piece(span, PieceKind::HardBreak);
        }
    }

    /// Ends the elements that a start tag ends without saying so.
    fn imply(&mut self, name: &str, span: &Range<usize>) {
        let Some(top) = self.open.last() else { return };
        let item = top.item.filter(|item| elements::is_item(name) && elements::ends_item(name, &self.open[*item].name));
        let table = elements::table_depth(name).and_then(|depth| top.table[depth..].iter().flatten().min().copied());
        let paragraph = top.paragraph.filter(|_| elements::ends_paragraph(name));
        if let Some(outermost) = [item, table, paragraph].into_iter().flatten().min() {
            if self.skipped.is_none() {
                self.close();
            }
            self.pop(outermost, span.start);
        }
    }

    /// Opens an element.
    fn push(&mut self, name: &str, role: Role, span: Range<usize>) {
        let index = self.open.len();
        let is_block = matches!(role, Role::Block(_) | Role::Plain | Role::SkippedBlock);
        let opening = match role {
            Role::Inline | Role::Verbatim if self.skipped.is_none() => {
                let text = self.text;
                let run = self.run();
                let opening = (run.number, run.next());
                run.push(text, span.clone(), PieceKind::Markup);
                Some(opening)
            }
            _ => None,
        };
        let outer = self.open.last();
        let kind = match (role, outer.map(|outer| outer.kind)) {
            (Role::Block(kind), _) => kind,
            (Role::Plain, Some(BlockKind::Heading)) | (_, None) => BlockKind::Paragraph,
            (_, Some(kind)) => kind,
        };
        let mut table = outer.map_or([None; 3], |outer| outer.table);
        if name == "table" || name == "template" {
            table = [None; 3];
        } else if let Some(depth) = elements::table_depth(name) {
            table[depth] = Some(index);
            table[depth + 1..].fill(None);
        }
        let is_scope = elements::is_scope(name);
        let is_list = elements::is_list(name);
        let here = |is_here: bool, outer: Option<usize>| if is_here { Some(index) } else { outer };
        let inherit = |clear: bool, outer: Option<usize>| if clear { None } else { outer };
        let element = Element {
            name: name.to_string(),
            kind,
            is_verbatim: role == Role::Verbatim || outer.is_some_and(|outer| outer.is_verbatim && !is_block),
            opening,
            is_dead: false,
            paragraph: here(name == "p", inherit(is_scope, outer.and_then(|outer| outer.paragraph))),
            item: here(elements::is_item(name), inherit(is_scope || is_list, outer.and_then(|outer| outer.item))),
            table,
            block: here(is_block, outer.and_then(|outer| outer.block)),
            scope: here(is_scope, outer.and_then(|outer| outer.scope)),
            outer_table: here(matches!(name, "table" | "template"), outer.and_then(|outer| outer.outer_table)),
        };
        self.open.push(element);
        match self.named.get_mut(name) {
            Some(indices) => indices.push(index),
            None => drop(self.named.insert(name.to_string(), vec![index])),
        }
        let is_skipped = matches!(role, Role::SkippedBlock | Role::Skipped) || name == "noscript";
        if is_skipped && self.skipped.is_none() {
            self.skipped = Some(Skipped { element: index, start: span.start, content: span.end, role });
        }
    }

    fn end(&mut self, name: &str, span: Range<usize>) {
        let role = elements::role(name);
        if role == Role::LineBreak {
            return self.line_break(span);
        }
        let parts = matches!(role, Role::Block(_) | Role::Plain | Role::Rule | Role::SkippedBlock);
        if parts && self.skipped.is_none() {
            self.close();
        }
        let found = self.named.get(name).and_then(|indices| indices.last()).copied();
        let Some(index) = found.filter(|index| self.is_reached(name, *index, parts)) else {
            if !parts {
                self.piece(span, PieceKind::Markup);
            }
            return;
        };
        let top = self.open.len() - 1;
        if !parts && self.open[top].block.is_some_and(|block| block > index) {
            // Closed from inside a block in it, as in `<b><p>…</b>`: the block goes on.
            self.open[index].is_dead = true;
            if let Some(indices) = self.named.get_mut(name) {
                indices.pop();
            }
            if self.skipped.as_ref().is_some_and(|skipped| skipped.element == index) {
                self.unskip(span.end);
            } else {
                self.piece(span, PieceKind::Markup);
            }
            return;
        }
        let opening = self.open[index].opening;
        let was_skipped = self.skipped.as_ref().is_some_and(|skipped| skipped.element == index);
        if was_skipped && name == "noscript" {
            self.without_script(span.start);
        }
        self.pop(index, span.end);
        if was_skipped || self.skipped.is_some() || parts {
            return;
        }
        self.piece(span, PieceKind::Markup);
        if let (Some((number, open)), Some(run)) = (opening, &mut self.run)
            && run.number == number
        {
            run.pair(open);
        }
    }

    /// Whether an end tag reaches the open element `index` of its name.
    fn is_reached(&self, name: &str, index: usize, parts: bool) -> bool {
        let Some(top) = self.open.last() else { return false };
        let barrier = match name {
            "table" | "template" | "html" | "body" => None,
            _ if elements::table_depth(name).is_some() => top.outer_table,
            _ if parts => top.scope,
            _ => None,
        };
        barrier.is_none_or(|barrier| index >= barrier)
    }

    /// Ends the elements from `index` on; the last tag of what was not read ends before `end`.
    fn pop(&mut self, index: usize, end: usize) {
        while self.open.len() > index
            && let Some(element) = self.open.pop()
        {
            if !element.is_dead
                && let Some(indices) = self.named.get_mut(&element.name)
            {
                indices.pop();
            }
        }
        if self.skipped.as_ref().is_some_and(|skipped| skipped.element >= index) {
            self.unskip(end);
        }
    }

    fn unskip(&mut self, end: usize) {
        if let Some(skipped) = self.skipped.take()
            && skipped.role == Role::Skipped
        {
            self.piece(skipped.start..end, PieceKind::Markup);
        }
    }

    /// What is shown where there are no scripts is read if it is nothing but text.
    fn without_script(&mut self, end: usize) {
        let Some(skipped) = &self.skipped else { return };
        let content = skipped.content..end;
        if self.text[content.clone()].contains('<') {
            return;
        }
        self.runs += 1;
        let mut run = Run::new(self.runs, BlockKind::Paragraph);
        pieces(self.text, content, Place::References, |span, kind| run.push(self.text, span, kind));
        run.close(self.text, &mut self.blocks);
    }

    fn document(mut self) -> Document {
        self.close();
        let Reader { text, blocks, attributes, mut tags, .. } = self;
        // Attributes of tags inside a block are part of its markup.
        let inside = |span: &Range<usize>| {
            let next = blocks.partition_point(|block| block.span.end <= span.start);
            blocks.get(next).is_some_and(|block| block.span.start < span.end)
        };
        let free: Vec<Block> = attributes.into_iter().filter(|block| !inside(&block.span)).collect();
        tags.retain(|span| !inside(span));
        let mut all = blocks;
        all.extend(free);
        all.sort_by_key(|block| block.span.start);
        Document { text: text.to_string(), blocks: all, tags, ..Document::default() }
    }
}

/// Adds text that stays as it is; white space at its ends is none of it.
fn verbatim(text: &str, span: Range<usize>, run: &mut Run) {
    let source = &text[span.clone()];
    let start = span.start + (source.len() - source.trim_start().len());
    let end = start + source.trim().len();
    for (range, kind) in [
        (span.start..start.min(span.end), PieceKind::Prose),
        (start..end.max(start), PieceKind::Verbatim),
        (end.max(start)..span.end, PieceKind::Prose),
    ] {
        if !range.is_empty() {
            run.push(text, range, kind);
        }
    }
}
