//! The text of one cue: its words, its markup, its lines, its speakers.

use crate::article::{Format, references};
use std::ops::Range;

/// A part of the text of a cue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) span: Range<usize>,
    pub(super) kind: TokenKind,
}

/// What a part of the text of a cue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    Words,
    /// A character reference.
    Reference(char),
    /// A tag that opens, with the index of the token that closes it, if there is one.
    Opening(String, Option<usize>),
    /// A tag that closes, with the index of its partner.
    Closing(String, Option<usize>),
    /// Markup that stands alone: `{\an8}`, a time within a cue.
    Single,
    /// A sign that music plays.
    Note,
    /// A line end with the white space around it.
    LineEnd,
    /// A line end after which someone else speaks, or sings on, with the sign for that.
    Turn,
}

/// No tag is longer; what is longer is text.
const LONGEST_TAG: usize = 256;

/// Tags that `SubRip` knows; others are words in angle brackets.
const TAGS: &[&str] = &["b", "c", "font", "i", "lang", "rt", "ruby", "s", "u", "v"];

pub(super) fn is_note(c: char) -> bool {
    matches!(c, '♪' | '♫' | '♬' | '♩' | '🎵' | '🎶')
}

pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '–' | '—' | '―' | '‐')
}

/// Cuts a stretch of `text` into tokens that cover it.
pub(super) fn tokens(text: &str, span: Range<usize>, format: Format) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = span.start;
    let mut words = at;
    while let Some(c) = text[at..span.end].chars().next() {
        let rest = &text[at..span.end];
        let found = match c {
            '\n' | '\r' => {
                let length = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
                // The spaces at the end of the line belong to it.
                let before = text[words..at].trim_end_matches([' ', '\t']).len();
                let end = at + length;
                at = words + before;
                Some((end - at, TokenKind::LineEnd))
            }
            '<' => tag(rest, format),
            '{' if format == Format::Srt => braces(rest),
            '&' if format == Format::Vtt => references::read(rest).map(|(length, c)| (length, TokenKind::Reference(c))),
            c if is_note(c) => Some((c.len_utf8(), TokenKind::Note)),
            _ => None,
        };
        let Some((length, kind)) = found else {
            at += c.len_utf8();
            continue;
        };
        if at > words {
            tokens.push(Token { span: words..at, kind: TokenKind::Words });
        }
        tokens.push(Token { span: at..at + length, kind });
        at += length;
        words = at;
    }
    if span.end > words {
        tokens.push(Token { span: words..span.end, kind: TokenKind::Words });
    }
    let mut tokens = turns(text, tokens);
    pair(&mut tokens);
    tokens
}

fn tag(rest: &str, format: Format) -> Option<(usize, TokenKind)> {
    let end = rest.bytes().take(LONGEST_TAG).position(|byte| matches!(byte, b'>' | b'\n' | b'\r'))?;
    let body = rest.get(1..end).filter(|_| rest.as_bytes()[end] == b'>')?;
    let closing = body.starts_with('/');
    let body = body.strip_prefix('/').unwrap_or(body);
    let length = body.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let name = body[..length].to_ascii_lowercase();
    if format == Format::Srt && TAGS.binary_search(&name.as_str()).is_err() {
        return None;
    }
    let kind = match () {
        () if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) => TokenKind::Single,
        () if closing => TokenKind::Closing(name, None),
        () => TokenKind::Opening(name, None),
    };
    Some((end + 1, kind))
}

/// `{\an8}`, `{i}`: what other formats of subtitles left behind.
fn braces(rest: &str) -> Option<(usize, TokenKind)> {
    let end = rest.bytes().take(LONGEST_TAG).position(|byte| matches!(byte, b'}' | b'\n' | b'\r'))?;
    let body = rest.get(1..end).filter(|_| rest.as_bytes()[end] == b'}')?;
    let known = body.starts_with('\\') || matches!(body.strip_prefix('/').unwrap_or(body), "i" | "b" | "u" | "s");
    known.then_some((end + 1, TokenKind::Single))
}

/// Finds the line ends after which someone else speaks, and gives them the dash.
fn turns(text: &str, tokens: Vec<Token>) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut lines = false;
    for mut token in tokens {
        lines |= token.kind == TokenKind::LineEnd;
        if let Some(last) = found.last()
            && lines
        {
            let spoken = last.kind == TokenKind::LineEnd && token.kind == TokenKind::Words;
            let length = if spoken { dash(&text[token.span.clone()]) } else { 0 };
            let before = &text[..last.span.start];
            if length > 0 && is_turn(before, &text[token.span.start + length..token.span.end]) {
                let end = token.span.start + length;
                let start = last.span.start;
                found.pop();
                found.push(Token { span: start..end, kind: TokenKind::Turn });
                token.span.start = end;
            } else if is_break(&last.kind) && token.kind == TokenKind::Note
                || last.kind == TokenKind::Note && token.kind == TokenKind::LineEnd
            {
                let start = last.span.start;
                found.pop();
                token = Token { span: start..token.span.end, kind: TokenKind::Turn };
            }
        }
        if !token.span.is_empty() {
            found.push(token);
        }
    }
    // Signs of music at a line end take the spaces beside them along.
    for index in 0..found.len() {
        if found[index].kind != TokenKind::Turn || !text[found[index].span.clone()].contains(is_note) {
            continue;
        }
        if index > 0 && found[index - 1].kind == TokenKind::Words {
            let before = &text[found[index - 1].span.clone()];
            found[index].span.start -= before.len() - before.trim_end().len();
            found[index - 1].span.end = found[index].span.start;
        }
        if let Some(next) = found.get_mut(index + 1).filter(|next| next.kind == TokenKind::Words) {
            let after = &text[next.span.clone()];
            next.span.start += after.len() - after.trim_start().len();
            found[index].span.end = found[index + 1].span.start;
        }
    }
    found.retain(|token| !token.span.is_empty());
    found
}

fn is_break(kind: &TokenKind) -> bool {
    matches!(kind, TokenKind::LineEnd | TokenKind::Turn)
}

/// Length of the dash of a speaker at the begin of a line, with the space after it; 0 for other signs.
pub(super) fn dash(line: &str) -> usize {
    let Some(first) = line.chars().next().filter(|c| is_dash(*c)) else { return 0 };
    let rest = &line[first.len_utf8()..];
    let space = rest.len() - rest.trim_start_matches([' ', '\u{a0}']).len();
    let next = rest[space..].chars().next();
    // `-5 °C` and `--` begin no speech.
    let speech = next.is_some_and(|c| !is_dash(c) && !c.is_whitespace() && (space > 0 || !c.is_ascii_digit()));
    if speech { first.len_utf8() + space } else { 0 }
}

/// Whether a dash at the begin of a line lets someone else speak: in Ukrainian it may stand inside a sentence.
pub(super) fn is_turn(before: &str, after: &str) -> bool {
    let lower = after.chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_lowercase);
    !lower || ends(before)
}

/// Whether a text ends like a sentence, in a script that has marks for it.
pub(super) fn ends(text: &str) -> bool {
    let is_closer = |c: char| {
        matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '“' | '」' | '』') || c.is_whitespace() || is_note(c)
    };
    // A tag that closes there stands in the way.
    let text = text.trim_end_matches(is_closer);
    let tag = text.char_indices().rev().take(LONGEST_TAG).find(|(_, c)| *c == '<');
    let text = tag.filter(|_| text.ends_with('>')).map_or(text, |(at, _)| &text[..at]);
    text.trim_end_matches(is_closer).ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

/// Finds the partners of tags.
fn pair(tokens: &mut [Token]) {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut pairs = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match &token.kind {
            TokenKind::Opening(name, _) if open.len() < 64 => open.push((index, name.clone())),
            TokenKind::Closing(name, _) => {
                if let Some(at) = open.iter().rposition(|(_, open)| open == name) {
                    pairs.push((open[at].0, index));
                    open.truncate(at);
                }
            }
            _ => {}
        }
    }
    for (opening, closing) in pairs {
        if let TokenKind::Opening(_, partner) = &mut tokens[opening].kind {
            *partner = Some(closing);
        }
        if let TokenKind::Closing(_, partner) = &mut tokens[closing].kind {
            *partner = Some(opening);
        }
    }
}
