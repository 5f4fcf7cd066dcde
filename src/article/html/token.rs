//! Tags, comments and declarations with their places. The text between them is the reader's.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, State, StringReader, Tokenizer};
use std::ops::Range;

/// What is no text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// From its `<` to its `>`.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) kind: TokenKind,
}

/// What a token is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// `<name …>`.
    Start {
        /// In lower case.
        name: String,
        /// In order, those without a value too.
        attributes: Vec<Attribute>,
        /// Whether it ends in `/>`.
        self_closing: bool,
    },
    /// `</name>`.
    End {
        /// In lower case.
        name: String,
    },
    /// A comment, a declaration, an instruction.
    Other,
}

/// An attribute of a start tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// In lower case.
    pub(super) name: String,
    /// The value with its references read; empty where there is none.
    pub(super) value: String,
    /// The bytes of the value without its quotation marks.
    pub(super) span: Range<usize>,
    /// The quotation mark around it.
    pub(super) quote: Option<char>,
}

/// What the text after a start tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Characters without tags or references, until the end tag of the element.
    Raw,
    /// Characters and references without tags, until the end tag of the element.
    References,
    /// A script, until its end tag.
    Script,
    /// Characters until the end of the file.
    Rest,
}

/// A start tag that is being read.
#[derive(Default)]
struct Open {
    start: usize,
    name: String,
    attributes: Vec<Attribute>,
}

type Callback<'t> = Box<dyn FnMut(CallbackEvent<'_>, Span<usize>) -> Option<Token> + 't>;

/// The tokens of a text, in order.
pub(super) struct Tokens<'t> {
    text: &'t str,
    tokenizer: Tokenizer<StringReader<'t>, CallbackEmitter<Callback<'t>, Token, usize>>,
    at: usize,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Tokens<'t> {
        let mut open = Open::default();
        let callback: Callback<'t> = Box::new(move |event, span| open.event(text, &event, span.start..span.end));
        Tokens { text, tokenizer: Tokenizer::new_with_emitter(text, CallbackEmitter::new(callback)), at: 0 }
    }

    /// Reads on as after the start tag of such an element.
    pub(super) fn enter(&mut self, content: Content) {
        self.tokenizer.set_state(match content {
            Content::Raw => State::RawText,
            Content::References => State::RcData,
            Content::Script => State::ScriptData,
            Content::Rest => State::PlainText,
        });
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        // The reader of a string never fails.
        let token = self.tokenizer.next()?.ok()?;
        // Offsets that do not add up would cut the text apart: what follows is left as it is.
        let sound = token.span.start >= self.at && token.span.end > token.span.start;
        let source = self.text.get(token.span.clone()).filter(|source| sound && source.starts_with('<'))?;
        if matches!(token.kind, TokenKind::Start { .. } | TokenKind::End { .. }) && !source.ends_with('>') {
            return None;
        }
        self.at = token.span.end;
        Some(token)
    }
}

impl Open {
    fn event(&mut self, text: &str, event: &CallbackEvent<'_>, span: Range<usize>) -> Option<Token> {
        let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (span, kind) = match *event {
            CallbackEvent::OpenStartTag { name: bytes } => {
                *self = Open { start: span.start, name: name(bytes), attributes: Vec::new() };
                return None;
            }
            CallbackEvent::AttributeName { name: bytes } => {
                let at = span.end;
                self.attributes.push(Attribute { name: name(bytes), value: String::new(), span: at..at, quote: None });
                return None;
            }
            CallbackEvent::AttributeValue { value } => {
                if let Some(attribute) = self.attributes.last_mut() {
                    attribute.value = name(value);
                    attribute.place(text, span);
                }
                return None;
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                let open = std::mem::take(self);
                let kind = TokenKind::Start { name: open.name, attributes: open.attributes, self_closing };
                (open.start..span.end, kind)
            }
            CallbackEvent::EndTag { name: bytes } => {
                // Attributes of an end tag mean nothing.
                self.attributes.clear();
                (span, TokenKind::End { name: name(bytes) })
            }
            CallbackEvent::Comment { .. } | CallbackEvent::Doctype { .. } => (span, TokenKind::Other),
            CallbackEvent::String { .. } | CallbackEvent::Error(_) => return None,
        };
        Some(Token { span, kind })
    }
}

impl Attribute {
    /// Finds the bytes of the value, whose start is known.
    fn place(&mut self, text: &str, span: Range<usize>) {
        let quote = text.get(..span.start).and_then(|before| before.chars().next_back());
        self.quote = quote.filter(|c| matches!(c, '"' | '\''));
        let end = match self.quote {
            // No reference holds the quotation mark.
            Some(quote) => text.get(span.start..).and_then(|rest| rest.find(quote)).map(|length| span.start + length),
            None => text.get(span.clone()).filter(|source| *source == self.value).map(|_| span.end),
        };
        if let Some(end) = end {
            self.span = span.start..end;
        }
    }
}
