//! Tags of HTML and XLIFF, and the frames of ICU messages: signs for programs that stand in prose.

use std::ops::Range;

/// Elements without attributes that are taken for tags; a title in angle brackets is none.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "del",
    "div",
    "em",
    "figcaption",
    "figure",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "html",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "title",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
    "g",
    "x",
    "bx",
    "ex",
    "bpt",
    "ept",
    "ph",
    "it",
    "mrk",
    "pc",
    "sc",
    "ec",
    "sm",
];
/// Longer tags are no tags.
const LONGEST_TAG: usize = 300;
/// Longer messages are not looked at.
const LONGEST_MESSAGE: usize = 4000;

/// Length of the tag at the start of `rest`: `<b>`, `</g>`, `<x id="1"/>`, `<1>`.
pub(super) fn tag(rest: &str) -> Option<usize> {
    let close = rest.bytes().take(LONGEST_TAG).position(|b| b == b'>')?;
    let inner = &rest[1..close];
    if inner.contains('<') {
        return None;
    }
    let body = inner.strip_prefix('/').unwrap_or(inner);
    let closing = body.len() < inner.len();
    let name =
        &body[..body.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':'))).unwrap_or(body.len())];
    let tail = &body[name.len()..];
    let attributes = tail.trim().trim_end_matches('/');
    let numbered = {
        let letters = name.bytes().take_while(u8::is_ascii_lowercase).count();
        letters <= 1 && name.len() > letters && name.bytes().skip(letters).all(|b| b.is_ascii_digit())
    };
    let lower = name.to_ascii_lowercase();
    let known = numbered
        || ELEMENTS.contains(&lower.as_str()) && (name == lower || name.len() > 1 && name == name.to_ascii_uppercase());
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let bare = attributes.is_empty() && (known || named && tail.trim() == "/");
    let assigns = attributes.contains("=\"") || attributes.contains("='");
    let has_attributes = named && !closing && tail.starts_with(char::is_whitespace) && assigns;
    (!name.is_empty() && (bare || has_attributes)).then_some(close + 1)
}

/// The frames of the ICU messages of `text`: `{n, plural, one {`, `} other {`, `}}`; whole arguments such as
/// `{0, number}`.
pub(super) fn messages(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|offset| at + offset) {
        at = open + 1;
        if let Some(frames) = message(&text[open..]) {
            found.extend(frames.into_iter().map(|frame| open + frame.start..open + frame.end));
            at = found.last().map_or(at, |frame| frame.end.max(at));
        }
    }
    found
}

fn message(text: &str) -> Option<Vec<Range<usize>>> {
    let name = text[1..].trim_start();
    let name = &name[..name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(0)];
    let head = text[1..].trim_start().strip_prefix(name)?.trim_start().strip_prefix(',')?.trim_start();
    let kinds = ["plural", "selectordinal", "select", "number", "date", "time", "spellout", "ordinal", "duration"];
    if name.is_empty() || !kinds.iter().any(|kind| head.starts_with(kind)) {
        return None;
    }
    let mut frames = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, byte) in text.bytes().enumerate().take(LONGEST_MESSAGE) {
        match byte {
            b'{' => {
                depth += 1;
                if depth == 2 {
                    frames.push(start..at + 1);
                }
            }
            b'}' => {
                depth -= 1;
                if depth == 1 {
                    start = at;
                } else if depth == 0 {
                    frames.push(start..at + 1);
                    return Some(frames);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{messages, tag};

    #[test]
    fn tags_are_no_titles() {
        for text in
            ["<b>", "</b>", "<br/>", "<x id=\"1\"/>", "<a href='u'>", "<g1>", "<1>", "</1>", "<BR>", "<my-tag/>"]
        {
            assert_eq!(tag(text), Some(text.len()), "{text}");
        }
        for text in ["<Parasite>", "<기생충>", "<b and c>", "< b>", "<", "<>", "<3", "<A>"] {
            assert_eq!(tag(text), None, "{text}");
        }
    }

    #[test]
    fn messages_keep_their_frames() {
        let text = "You have {n, plural, one {# new goat} other {# goats}} since {d, date, short}.";
        let found: Vec<&str> = messages(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["{n, plural, one {", "} other {", "}}", "{d, date, short}"]);
        assert!(messages("{a, b} {, plural, {} {n, plural, one {").is_empty());
    }
}
