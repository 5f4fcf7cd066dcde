//! Escapes words that are put into Markdown, where they would become markup by accident.
//!
//! Used by [`super::join`] for outputs only; what is copied from the source is never touched.

use crate::document::BlockKind;

/// Where a stretch of output stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// The character of the text before it.
    pub before: Option<char>,
    /// The character of the text after it.
    pub after: Option<char>,
    /// Nothing but indentation and markers stands before it on its line.
    pub line_start: bool,
    /// The kind of block it is in.
    pub kind: BlockKind,
    /// Square brackets mean something here: inside a link, or in a document with link definitions.
    pub brackets: bool,
}

/// Appends `stretch` to `output` with a backslash before every character that would be markup.
pub(super) fn escape(stretch: &str, place: Surroundings, output: &mut String) {
    let bytes = stretch.as_bytes();
    let in_heading = place.kind == BlockKind::Heading;
    let marker = if place.line_start && !in_heading { line_marker(stretch) } else { None };
    let mut before = place.before;
    for (at, c) in stretch.char_indices() {
        let rest = &stretch[at + c.len_utf8()..];
        let after = rest.chars().next().or(place.after);
        let space_before = before.is_none_or(char::is_whitespace);
        let space_after = after.is_none_or(char::is_whitespace);
        let word_before = before.is_some_and(char::is_alphanumeric);
        let word_after = after.is_some_and(char::is_alphanumeric);
        let markup = match c {
            '*' => !(space_before && space_after),
            '_' => !(space_before && space_after || word_before && word_after),
            '~' => !(space_before && (word_after || space_after)),
            '`' => true,
            '<' => after.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')),
            '&' => is_reference(rest),
            '\\' => after.is_none_or(|c| c.is_ascii_punctuation()) || rest.is_empty(),
            // A link needs its closing bracket, which is escaped where an address would follow.
            '[' => place.brackets || after == Some('^') || place.line_start && at == 0,
            ']' => place.brackets || matches!(after, Some('(' | '[' | ':')),
            '(' => at == 0 && before == Some(']'),
            '!' => rest.is_empty() && place.after == Some('['),
            '|' => place.kind == BlockKind::TableCell,
            '#' => in_heading && space_before && bytes[at..].iter().all(|b| *b == b'#'),
            '{' => in_heading && stretch.trim_end().ends_with('}'),
            _ => false,
        };
        if markup || marker == Some(at) {
            output.push('\\');
        }
        output.push(c);
        before = Some(c);
    }
}

/// Where the character stands that makes the begin of a line a heading, an item, a quotation or a rule.
fn line_marker(line: &str) -> Option<usize> {
    let first = line.chars().next()?;
    let run = line.len() - line.trim_start_matches(first).len();
    let spaced = line[run..].chars().next().is_none_or(char::is_whitespace);
    match first {
        '>' => Some(0),
        '#' => (run <= 6 && spaced).then_some(0),
        '-' | '+' | '=' | '*' => spaced.then_some(0),
        '0'..='9' => {
            let digits = line.bytes().take_while(u8::is_ascii_digit).count();
            let sign = line[digits..].starts_with(['.', ')']);
            let spaced = line[digits..].chars().nth(1).is_none_or(char::is_whitespace);
            (digits <= 9 && sign && spaced).then_some(digits)
        }
        _ => None,
    }
}

/// Whether what follows an ampersand makes it a character reference.
fn is_reference(rest: &str) -> bool {
    let body = rest.strip_prefix('#').unwrap_or(rest);
    let name = body.bytes().take(40).take_while(u8::is_ascii_alphanumeric).count();
    name > 0 && body[name..].starts_with(';')
}

#[cfg(test)]
mod tests {
    use super::{Surroundings, escape};
    use crate::document::BlockKind;

    const INSIDE: Surroundings = Surroundings {
        before: Some(' '),
        after: Some(' '),
        line_start: false,
        kind: BlockKind::Paragraph,
        brackets: false,
    };

    fn check(text: &str, place: Surroundings, expected: &str) {
        let mut output = String::new();
        escape(text, place, &mut output);
        assert_eq!(output, expected);
    }

    #[test]
    fn prose_is_left_alone() {
        for text in ["5 * 3, snake_case, ~5 km", "[They] left & went.", "a < b, R&D, #1 - no. 2022. Yes!"] {
            check(text, INSIDE, text);
        }
    }

    #[test]
    fn what_would_be_markup_is_escaped() {
        check("*x* _y_ `z` <b>", INSIDE, "\\*x\\* \\_y\\_ \\`z\\` \\<b>");
        check("[a](b) &amp; \\", INSIDE, "[a\\](b) \\&amp; \\\\");
        check("a | b", Surroundings { kind: BlockKind::TableCell, ..INSIDE }, "a \\| b");
        check("C #", Surroundings { kind: BlockKind::Heading, ..INSIDE }, "C \\#");
    }

    #[test]
    fn line_begins_are_escaped() {
        let start = Surroundings { before: None, line_start: true, ..INSIDE };
        check("1. січня", start, "1\\. січня");
        check("# 5", start, "\\# 5");
        check("- так", start, "\\- так");
        check("> ні", start, "\\> ні");
        check("-5 градусів", start, "-5 градусів");
        check("2022 рік", start, "2022 рік");
    }
}
