//! Text between tags and in attributes: words, white space, character references.

use crate::document::PieceKind;
use html5gum::{Token, Tokenizer};
use std::ops::Range;

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Between tags.
    Tags,
    /// Where `<` means itself.
    References,
    /// In the value of an attribute.
    Attribute,
}

/// Cuts a text into pieces that cover it; what is left of it where a tag begins that never ends is not covered.
pub(super) fn pieces(text: &str, range: Range<usize>, place: Place, mut push: impl FnMut(Range<usize>, PieceKind)) {
    let Some(source) = text.get(range.clone()) else { return };
    let bytes = source.as_bytes();
    let mut from = 0;
    let mut at = 0;
    while at < bytes.len() {
        let (length, kind) = match bytes[at] {
            b'&' => match reference(&source[at..], place) {
                Some((length, kind)) => (length, kind),
                None => (1, PieceKind::Prose),
            },
            b if is_space(b) => {
                let length = bytes[at..].iter().take_while(|b| is_space(**b)).count();
                let one = length == 1 && b == b' ';
                (length, if one { PieceKind::Prose } else { PieceKind::Break })
            }
            b'<' if place == Place::Tags => match bytes.get(at + 1) {
                // Browsers drop it.
                Some(b'/') if bytes.get(at + 2) == Some(&b'>') => (3, PieceKind::Markup),
                Some(b'/' | b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z') => {
                    if from < at {
                        push(range.start + from..range.start + at, PieceKind::Prose);
                    }
                    return;
                }
                _ => (1, PieceKind::Prose),
            },
            _ => (1, PieceKind::Prose),
        };
        if kind != PieceKind::Prose {
            if from < at {
                push(range.start + from..range.start + at, PieceKind::Prose);
            }
            push(range.start + at..range.start + at + length, kind);
            from = at + length;
        }
        at += length;
    }
    if from < bytes.len() {
        push(range.start + from..range.end, PieceKind::Prose);
    }
}

/// Stretches of white space with an empty line in them.
pub(super) fn empty_lines(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(|byte| is_space(*byte)).map(|offset| at + offset) {
        let end = start + bytes[start..].iter().take_while(|byte| is_space(**byte)).count();
        let gap = &bytes[start..end];
        let ends = gap.iter().filter(|byte| **byte == b'\n').count();
        // Old systems end lines with a carriage return alone.
        if ends.max(gap.iter().filter(|byte| **byte == b'\r').count()) > 1 {
            found.push(start..end);
        }
        at = end;
    }
    found
}

/// White space of HTML.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0C')
}

/// Longest name of a reference, with its ampersand and its semicolon.
const LONGEST: usize = 33;
/// Longest name of a reference that may lack its semicolon, without the ampersand.
const LONGEST_OPEN: usize = 6;

/// Length and kind of the character reference that `source` begins with.
fn reference(source: &str, place: Place) -> Option<(usize, PieceKind)> {
    let bytes = source.as_bytes();
    let sign = usize::from(bytes.get(1) == Some(&b'#'));
    let body = bytes[1 + sign..].iter().take(LONGEST).take_while(|b| b.is_ascii_alphanumeric()).count();
    let end = 1 + sign + body;
    if body == 0 {
        return None;
    }
    if bytes.get(end) == Some(&b';')
        && let Some(kind) = decode(&source[..=end])
    {
        return Some((end + 1, kind));
    }
    if sign == 1 {
        // `&#38` and `&#x26x`: as many digits as there are.
        let hexadecimal = matches!(bytes.get(2), Some(b'x' | b'X'));
        let from = if hexadecimal { 3 } else { 2 };
        let is_digit = |b: &&u8| if hexadecimal { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        let digits = bytes[from..].iter().take(LONGEST).take_while(is_digit).count();
        return (digits > 0).then(|| decode(&source[..from + digits])).flatten().map(|kind| (from + digits, kind));
    }
    // Old names need no semicolon; in an attribute they do before `=` and word characters, for the sake of addresses.
    for length in (2..=body.min(LONGEST_OPEN)).rev() {
        let end = 1 + length;
        let follows = bytes.get(end).is_some_and(|b| *b == b'=' || b.is_ascii_alphanumeric());
        if !(place == Place::Attribute && follows)
            && let Some(kind) = decode(&source[..end]).filter(|kind| *kind != PieceKind::Markup)
        {
            return Some((end, kind));
        }
    }
    None
}

/// What a whole reference stands for, by the tables of the tokenizer.
fn decode(reference: &str) -> Option<PieceKind> {
    let mut decoded = String::new();
    for token in Tokenizer::new(reference) {
        match token {
            Ok(Token::String(part)) => decoded.push_str(&String::from_utf8_lossy(&part)),
            Ok(Token::Error(_)) => {}
            Ok(_) => return None,
        }
    }
    let mut chars = decoded.chars();
    match (chars.next(), chars.next()) {
        // No reference: the text as it stands.
        _ if decoded == reference => None,
        (Some('\n' | '\r' | '\t' | '\u{C}'), None) => Some(PieceKind::Break),
        // Hyphens and joiners inside words: the model does not see them, and its own words have no need of them.
        (Some('\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}'), None) => Some(PieceKind::Escape),
        (Some(c), None) if !c.is_control() => Some(PieceKind::Character(c)),
        // A shorter name that was found in a longer one.
        (Some(_), Some(_)) if decoded.ends_with(';') => None,
        (Some(_), _) => Some(PieceKind::Markup),
        (None, _) => None,
    }
}
