//! The encoding that a page says it has.

use super::token::{TokenKind, Tokens};
use std::ops::Range;

/// The places of the names of encodings in the head of a page: `<meta charset>`, and the header that `<meta>` stands for.
pub(super) fn declared(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for token in Tokens::new(text) {
        match token.kind {
            TokenKind::Start { name, attributes, .. } if name == "meta" => {
                let of = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
                let is_header = of("http-equiv").is_some_and(|a| a.value.trim().eq_ignore_ascii_case("content-type"));
                found.extend(of("charset").map(|attribute| attribute.span.clone()).filter(|span| !span.is_empty()));
                found.extend(of("content").filter(|_| is_header).and_then(|a| in_header(text, &a.span)));
            }
            TokenKind::Start { name, .. } if name == "body" => break,
            TokenKind::End { name } if name == "head" => break,
            _ => {}
        }
    }
    found
}

/// The name in `text/html; charset=name`.
fn in_header(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let source = text.get(span.clone())?;
    let at = source.to_ascii_lowercase().find("charset=")? + "charset=".len();
    let length = source[at..].find([';', ' ', '"', '\'']).unwrap_or(source.len() - at);
    (length > 0).then_some(span.start + at..span.start + at + length)
}
