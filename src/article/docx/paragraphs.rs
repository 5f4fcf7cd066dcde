//! Paragraphs of Word as blocks.
//!
//! Text stands in `w:t` only, and Word cuts it into runs wherever it likes. What lies between two texts of a paragraph is
//! one piece of markup that ends one text and begins the next: wherever such a piece is put between words, the result is
//! well formed and no word stands outside a text. Elements around runs (links, insertions) open and close in pairs.

use super::super::xml::blocks::Builder;
use super::super::xml::tokens::{self, Kind, Token};
use super::super::xml::vocabulary::Vocabulary;
use crate::document::{Block, BlockKind, Escape, Piece, PieceKind};
use std::collections::HashMap;
use std::ops::Range;

/// Fields inside fields that are looked at.
const MOST_FIELDS: usize = 32;

/// The name of an element of Word that a token begins.
pub(super) fn word<'t>(token: &Token<'t>) -> Option<&'t str> {
    token.start().filter(|(name, _)| name.vocabulary == Vocabulary::Word).map(|(name, _)| name.local)
}

/// The value of an attribute of Word, whatever its prefix.
pub(super) fn value<'t>(text: &'t str, token: &Token<'_>, name: &str) -> Option<&'t str> {
    let local = |key: &str| key.rsplit(':').next() == Some(name);
    tokens::values(text, token, local).next().and_then(|span| text.get(span))
}

/// The language tags of all `w:lang`.
pub(super) fn languages(text: &str, tokens: &[Token<'_>]) -> impl Iterator<Item = Range<usize>> {
    let lang = tokens.iter().filter(|token| word(token) == Some("lang"));
    lang.flat_map(move |token| tokens::values(text, token, |key| !key.starts_with("xmlns")))
        .filter(|span| !span.is_empty())
}

/// Blocks and language tags of a part.
pub(super) fn read(
    text: &str,
    tokens: &[Token<'_>],
    styles: &HashMap<String, String>,
) -> (Vec<Block>, Vec<Range<usize>>) {
    let count = |kind: &str| {
        let is = |token: &&Token<'_>| word(token) == Some("fldChar") && value(text, token, "fldCharType") == Some(kind);
        tokens.iter().filter(is).count()
    };
    let mut reader = Reader {
        text,
        tokens,
        styles,
        open: Vec::new(),
        paragraphs: Vec::new(),
        fields: Vec::new(),
        // A field without an end would hide the rest of the text.
        whole_fields: count("begin") == count("end"),
        builder: Builder::new(text),
    };
    reader.read();
    let mut blocks = reader.builder.blocks;
    // Paragraphs in text boxes are finished before the paragraph around them.
    blocks.sort_by_key(|block| block.span.start);
    (blocks, languages(text, tokens).collect())
}

/// A paragraph that is being read.
struct Paragraph {
    /// How many elements are open around its content.
    depth: usize,
    kind: BlockKind,
    texts: Vec<Text>,
    /// What was passed since the last text.
    passed: Passed,
}

/// A stretch of text in a run.
struct Text {
    /// The tokens of the stretch.
    tokens: Range<usize>,
    /// Elements between the paragraph and the run: the tokens that begin them.
    around: Vec<usize>,
    /// How the run looks.
    format: String,
    /// What stands between the stretch before and this one.
    passed: Passed,
}

/// What stands between two texts.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    /// A line break.
    line: bool,
    /// A tab, the end of a page, paragraphs of a text box: no sentence goes on.
    end: bool,
}

/// A field: `PAGE`, `HYPERLINK`.
#[derive(Default)]
struct Field {
    code: String,
    result: bool,
}

impl Field {
    /// What Word computes anew is left alone; the text of a link is prose.
    fn hides(&self) -> bool {
        !self.result || !self.code.trim_start().starts_with("HYPERLINK")
    }
}

struct Reader<'a, 't> {
    text: &'t str,
    tokens: &'a [Token<'t>],
    styles: &'a HashMap<String, String>,
    /// Tokens that began the open elements, and how runs among them look.
    open: Vec<(usize, String)>,
    paragraphs: Vec<Paragraph>,
    fields: Vec<Field>,
    whole_fields: bool,
    builder: Builder<'t>,
}

impl Reader<'_, '_> {
    fn read(&mut self) {
        let tokens = self.tokens;
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            index = match token.kind {
                Kind::Start { end, .. } => self.start(index, end),
                Kind::End => {
                    self.open.pop();
                    if self.paragraphs.last().is_some_and(|paragraph| paragraph.depth > self.open.len()) {
                        self.finish();
                    }
                    index + 1
                }
                _ => index + 1,
            };
        }
    }

    /// Reads the begin of an element; where to go on.
    fn start(&mut self, index: usize, end: usize) -> usize {
        let tokens = self.tokens;
        let token = &tokens[index];
        let name = word(token).unwrap_or("");
        let after = end.max(index) + 1;
        match name {
            "p" if end != index => {
                if let Some(outer) = self.paragraphs.last_mut() {
                    outer.passed.end = true;
                }
                let kind = self.kind(index + 1, end);
                let depth = self.open.len() + 1;
                self.paragraphs.push(Paragraph { depth, kind, texts: Vec::new(), passed: Passed::default() });
            }
            "pPr" | "sectPr" | "del" | "moveFrom" | "rt" | "delText" | "sdtPr" => return after,
            "fldSimple"
                if !value(self.text, token, "instr").is_some_and(|code| code.trim().starts_with("HYPERLINK")) =>
            {
                return after;
            }
            "instrText" => {
                if let Some(field) = self.fields.last_mut().filter(|field| !field.result) {
                    for token in tokens.get(index + 1..end).unwrap_or_default() {
                        field.code.push_str(&self.text[token.span.clone()]);
                    }
                }
                return after;
            }
            "fldChar" if self.whole_fields => match value(self.text, token, "fldCharType") {
                Some("begin") => self.fields.push(Field::default()),
                Some("separate") => self.fields.iter_mut().rev().take(1).for_each(|field| field.result = true),
                Some("end") => drop(self.fields.pop()),
                _ => {}
            },
            "rPr" => {
                let format = self.format(index + 1, end);
                if let Some((_, run)) = self.open.last_mut() {
                    *run = format;
                }
                return after;
            }
            "tab" | "ptab" => self.pass(|passed| passed.end = true),
            "br" if matches!(value(self.text, token, "type"), Some("page" | "column")) => {
                self.pass(|passed| passed.end = true);
            }
            "br" | "cr" => self.pass(|passed| passed.line = true),
            "t" => {
                self.words(index + 1..end);
                return after;
            }
            _ => {}
        }
        if end != index {
            self.open.push((index, String::new()));
        }
        index + 1
    }

    fn pass(&mut self, note: impl Fn(&mut Passed)) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            note(&mut paragraph.passed);
        }
    }

    /// The text of a run.
    fn words(&mut self, range: Range<usize>) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        if range.is_empty() || self.fields.iter().rev().take(MOST_FIELDS).any(Field::hides) {
            return;
        }
        let Some(((run, format), around)) = self.open.get(paragraph.depth..).and_then(<[_]>::split_last) else {
            return;
        };
        if self.tokens.get(*run).and_then(word) != Some("r") {
            return;
        }
        // `w:sdt` and its content begin and end together.
        let outer = around.iter().map(|(token, _)| *token);
        let outer = outer.filter(|token| self.tokens.get(*token).and_then(word) != Some("sdt"));
        paragraph.texts.push(Text {
            tokens: range,
            around: outer.collect(),
            format: format.clone(),
            passed: std::mem::take(&mut paragraph.passed),
        });
    }

    /// How a run looks: its properties without those that nobody sees.
    fn format(&self, from: usize, to: usize) -> String {
        let mut format = String::new();
        let mut index = from;
        while index < to {
            let token = &self.tokens[index];
            let hidden = matches!(word(token), Some("lang" | "noProof" | "rPrChange" | "webHidden"));
            if let (true, Some((_, end))) = (hidden, token.start()) {
                index = end.max(index);
            } else if token.kind != Kind::Text {
                format.push_str(&self.text[token.span.clone()]);
            }
            index += 1;
        }
        format
    }

    /// What a paragraph is by its style and its place.
    fn kind(&self, from: usize, to: usize) -> BlockKind {
        let cell = self.open.iter().any(|(token, _)| self.tokens.get(*token).and_then(word) == Some("tc"));
        let first = self.tokens.get(from..to).unwrap_or_default().iter().position(|token| token.start().is_some());
        let properties = first.and_then(|offset| {
            let (_, end) = self.tokens[from + offset].start()?;
            (word(&self.tokens[from + offset]) == Some("pPr")).then(|| self.tokens.get(from + offset..end))?
        });
        let (mut heading, mut list) = (false, false);
        for token in properties.unwrap_or_default() {
            match word(token) {
                Some("pStyle") => {
                    let id = value(self.text, token, "val").unwrap_or("");
                    let name = self.styles.get(id).cloned().unwrap_or_else(|| id.to_lowercase());
                    heading |= name.starts_with("heading") || matches!(name.as_str(), "title" | "subtitle");
                    list |= name.starts_with("list");
                }
                Some("outlineLvl") => heading |= value(self.text, token, "val") != Some("9"),
                Some("numPr") => list = true,
                _ => {}
            }
        }
        match (cell, heading, list) {
            (_, true, _) => BlockKind::Heading,
            (true, ..) => BlockKind::TableCell,
            (_, _, true) => BlockKind::ListItem,
            _ => BlockKind::Paragraph,
        }
    }

    /// Makes blocks of the paragraph that has ended.
    fn finish(&mut self) {
        let Some(Paragraph { texts, kind, .. }) = self.paragraphs.pop() else { return };
        let steps: Vec<Step> = texts.windows(2).map(|pair| self.step(&pair[0], &pair[1])).collect();
        // Where elements around runs do not simply open and close, none of them is inside a block.
        let tangled = steps.iter().zip(&texts).zip(texts.iter().skip(1)).any(|((step, before), after)| match step {
            Step::Tangled => true,
            Step::End => !before.around.is_empty() || !after.around.is_empty(),
            _ => false,
        });
        let mut first = 0;
        for last in 0..texts.len() {
            let step = steps.get(last).copied().unwrap_or(Step::End);
            if step == Step::End || tangled && step.turns() {
                self.block(&texts[first..=last], steps.get(first..last).unwrap_or_default(), kind, tangled);
                first = last + 1;
            }
        }
    }

    /// What stands between two texts of a paragraph.
    fn step(&self, before: &Text, after: &Text) -> Step {
        let common = before.around.iter().zip(&after.around).take_while(|(a, b)| a == b).count();
        let (left, entered) = (&before.around[common..], &after.around[common..]);
        let name = |token: &usize| self.tokens.get(*token).and_then(Token::start).map(|(name, _)| name);
        let line_end = || {
            let ended = self.source(before).trim_end().ends_with(['.', '!', '?', '…', ':', ';']);
            ended || !self.source(after).chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_lowercase)
        };
        if after.passed.end || after.passed.line && line_end() {
            return if left.is_empty() && entered.is_empty() { Step::End } else { Step::Tangled };
        }
        match (left, entered) {
            ([], []) if after.passed.line => Step::Line,
            ([], []) => Step::Same,
            _ if after.passed.line => Step::Tangled,
            ([], [_]) => Step::Into,
            ([_], []) => Step::OutOf,
            ([from], [to]) if name(from) == name(to) => Step::Next,
            _ => Step::Tangled,
        }
    }

    fn span(&self, text: &Text) -> Range<usize> {
        let tokens = self.tokens.get(text.tokens.clone()).unwrap_or_default();
        tokens.first().map_or(0, |token| token.span.start)..tokens.last().map_or(0, |token| token.span.end)
    }

    fn source(&self, text: &Text) -> &str {
        self.text.get(self.span(text)).unwrap_or("")
    }

    /// How most of the text looks: what looks different is marked.
    fn usual_format<'f>(&self, texts: &'f [Text]) -> &'f str {
        let mut lengths: HashMap<&str, usize> = HashMap::new();
        for text in texts {
            *lengths.entry(text.format.as_str()).or_default() += self.span(text).len();
        }
        let mut usual = ("", 0);
        for text in texts {
            let length = lengths.get(text.format.as_str()).copied().unwrap_or(0);
            if length > usual.1 {
                usual = (text.format.as_str(), length);
            }
        }
        usual.0
    }

    /// Makes one block of texts and the steps between them.
    fn block(&mut self, texts: &[Text], steps: &[Step], kind: BlockKind, tangled: bool) {
        let (Some(first), Some(last)) = (texts.first(), texts.last()) else { return };
        let mut kinds = vec![PieceKind::Markup; steps.len()];
        // Open pairs: the step that opened it, whether it is an element, how the text looks inside.
        let mut open: Vec<(Option<usize>, bool, &str)> = Vec::new();
        if !tangled {
            // An element that the block begins in: its begin stands in front of the block.
            open.extend(first.around.iter().map(|_| (None, true, first.format.as_str())));
        }
        let before_first = open.len();
        let base = self.usual_format(texts);
        for (index, (step, text)) in steps.iter().zip(texts.iter().skip(1)).enumerate() {
            let format = text.format.as_str();
            match step {
                Step::Line => kinds[index] = PieceKind::Cue,
                Step::Into => {
                    kinds[index] = PieceKind::Opening;
                    open.push((Some(index), true, format));
                    continue;
                }
                Step::OutOf => {
                    // What only looked different inside the element has no end of its own.
                    while let Some((opening, element, _)) = open.pop() {
                        if element {
                            kinds[index] = PieceKind::Closing;
                            break;
                        }
                        unpair(&mut kinds, opening);
                    }
                    continue;
                }
                Step::Next => {
                    while let Some((opening, false, _)) = open.last() {
                        unpair(&mut kinds, *opening);
                        open.pop();
                    }
                    if let Some((.., inside)) = open.last_mut() {
                        *inside = format;
                    }
                    continue;
                }
                _ => {}
            }
            let now = open.last().map_or(base, |(.., inside)| inside);
            if format == now {
                continue;
            }
            let outside = open.len().checked_sub(2).and_then(|at| open.get(at)).map_or(base, |(.., inside)| inside);
            match open.last() {
                Some((Some(_), false, _)) if format == outside && *step == Step::Same => {
                    kinds[index] = PieceKind::Closing;
                    open.pop();
                }
                _ if *step == Step::Same => {
                    kinds[index] = PieceKind::Opening;
                    open.push((Some(index), false, format));
                }
                _ => {}
            }
        }
        let mut left_open = 0;
        for (opening, element, _) in open {
            if element {
                left_open += 1;
            } else {
                unpair(&mut kinds, opening);
            }
        }
        let start = self.span(first).start;
        for _ in 0..before_first {
            self.builder.piece(Piece { span: start..start, kind: PieceKind::Opening });
        }
        let mut at = start;
        for (index, text) in texts.iter().enumerate() {
            let span = self.span(text);
            if let Some(kind) = index.checked_sub(1).and_then(|step| kinds.get(step)) {
                self.builder.piece(Piece { span: at..span.start, kind: *kind });
            }
            at = span.end;
            for token in self.tokens.get(text.tokens.clone()).unwrap_or_default() {
                match token.kind {
                    Kind::Text => self.builder.text(token.span.clone(), PieceKind::Prose),
                    Kind::Reference => self.builder.reference(token.span.clone()),
                    _ => self.builder.markup(token.span.clone()),
                }
            }
        }
        let end = self.span(last).end;
        for _ in 0..left_open {
            self.builder.piece(Piece { span: end..end, kind: PieceKind::Closing });
        }
        self.builder.close(kind, Escape::Markup);
    }
}

/// A piece that opens nothing after all.
fn unpair(kinds: &mut [PieceKind], opening: Option<usize>) {
    if let Some(kind) = opening.and_then(|index| kinds.get_mut(index)) {
        *kind = PieceKind::Markup;
    }
}

/// What stands between two texts of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The text goes on in the same elements.
    Same,
    /// The same, on a new line.
    Line,
    /// An element begins.
    Into,
    /// An element ends.
    OutOf,
    /// An element ends and another one of the same name begins.
    Next,
    /// Elements begin and end in another way.
    Tangled,
    /// The text does not go on.
    End,
}

impl Step {
    /// Whether elements begin or end.
    fn turns(self) -> bool {
        matches!(self, Step::Into | Step::OutOf | Step::Next | Step::Tangled)
    }
}
