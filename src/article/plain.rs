//! Plain text: paragraphs between empty lines, hard-wrapped or one paragraph a line.
//!
//! Nothing in a text file says whether a line end is the author's or the editor's. The rule here is the one a typesetter
//! would use backwards: where the first word of the next line would still have fitted, the line end was wanted.

use crate::document::{Block, BlockKind, Document, Piece, PieceKind};
use std::ops::Range;

/// No editor wraps prose wider than this, in columns: files with longer lines keep one paragraph a line.
const WIDEST_WRAP: usize = 120;
/// Words from which on a line is prose.
const MANY_WORDS: usize = 8;
/// Two lines alone are taken for wrapped text only from this width on, in columns.
const NARROWEST_PAIR: usize = 50;
/// A first line up to this width without a full stop is a headline, in columns.
const WIDEST_HEADLINE: usize = 160;

pub(super) fn read(text: &str, byte_order_mark: bool) -> Document {
    let groups = groups(text);
    // Where one line is prose too long to be wrapped, the others are not wrapped either: each is a paragraph.
    let wrapped = !groups.iter().flatten().any(is_unwrapped_prose);
    let wrap_width = document_width(&groups);
    let mut blocks: Vec<Block> = Vec::new();
    for group in &groups {
        let width = if wrapped { group_width(group, wrap_width) } else { 0 };
        let mut first = 0;
        for next in 1..=group.len() {
            if next == group.len() || !continues(&group[next - 1], &group[next], width) {
                blocks.push(block(&group[first..next]));
                first = next;
            }
        }
    }
    if blocks.len() > 1
        && let Some(block) = blocks.first_mut()
        && block.pieces.len() == 1
        && block.kind == BlockKind::Paragraph
        && is_headline(&text[block.span.clone()])
    {
        block.kind = BlockKind::Heading;
    }
    Document { text: text.to_string(), byte_order_mark, blocks, ..Document::default() }
}

/// A line with text on it.
struct Line<'t> {
    /// Byte range without the white space around it.
    span: Range<usize>,
    body: &'t str,
    /// Columns of white space before the text.
    indent: usize,
    /// Columns of the text.
    width: usize,
}

/// Lines with text, in groups between empty lines.
fn groups(text: &str) -> Vec<Vec<Line<'_>>> {
    let mut groups: Vec<Vec<Line<'_>>> = Vec::new();
    let mut fresh = true;
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let (length, next) = line_end(rest);
        let raw = &rest[..length];
        let body = raw.trim_matches(is_blank);
        if body.is_empty() {
            fresh = true;
        } else {
            let lead = raw.len() - raw.trim_start_matches(is_blank).len();
            let from = start + lead;
            let indent = raw[..lead].chars().map(|c| if c == '\t' { 4 } else { 1 }).sum();
            let line = Line { span: from..from + body.len(), body, indent, width: columns(body) };
            match groups.last_mut() {
                Some(group) if !fresh => group.push(line),
                _ => groups.push(vec![line]),
            }
            fresh = false;
        }
        // A new page or a paragraph separator parts paragraphs like an empty line.
        if rest[length..next].starts_with(['\u{c}', '\u{2029}']) {
            fresh = true;
        }
        start += next;
    }
    groups
}

/// Length of the first line of `rest` without its end, and with it.
fn line_end(rest: &str) -> (usize, usize) {
    let is_end = |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    match rest.char_indices().find(|(_, c)| is_end(*c)) {
        None => (rest.len(), rest.len()),
        Some((at, '\r')) if rest[at + 1..].starts_with('\n') => (at, at + 2),
        Some((at, c)) => (at, at + c.len_utf8()),
    }
}

/// White space, and what files carry that shows as nothing.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')
}

/// Width of a text in columns: East Asian characters are two wide.
fn columns(text: &str) -> usize {
    let wide = |c: char| matches!(c as u32, 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE4F | 0xFF00..=0xFF60);
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// Prose on one line that an editor would have wrapped; a long address alone says nothing.
fn is_unwrapped_prose(line: &Line<'_>) -> bool {
    line.width > WIDEST_WRAP && line.body.split_whitespace().count() >= MANY_WORDS
}

/// The width at which the file is wrapped, if groups of three lines or more show one.
fn document_width(groups: &[Vec<Line<'_>>]) -> usize {
    let widest = |group: &Vec<Line<'_>>| group.iter().map(|line| line.width).max().unwrap_or(0);
    groups.iter().filter(|group| group.len() >= 3).map(widest).filter(|width| *width <= WIDEST_WRAP).max().unwrap_or(0)
}

/// The width at which a group is wrapped; 0 where it is not.
fn group_width(group: &[Line<'_>], document_width: usize) -> usize {
    let widest = group.iter().map(|line| line.width).max().unwrap_or(0);
    if widest > WIDEST_WRAP {
        return 0;
    }
    match group.len() {
        0 | 1 => 0,
        2 if document_width >= widest => document_width,
        2 if widest < NARROWEST_PAIR => 0,
        _ => widest,
    }
}

/// Whether the text of `line` goes on in `next`.
fn continues(line: &Line<'_>, next: &Line<'_>, width: usize) -> bool {
    if is_item(next.body, line.body) || is_rule(next.body) || is_rule(line.body) {
        return false;
    }
    if next.indent >= line.indent + 2 && ends_sentence(line.body) {
        return false;
    }
    let word = next.body.split_whitespace().next().map_or(0, columns);
    let lower = next.body.chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_lowercase);
    if lower && !ends_sentence(line.body) {
        return true;
    }
    line.width + 1 + word > width && width > 0
}

/// Whether a line stands for itself because of how it begins: an item of a list, a turn of a dialogue.
fn is_item(line: &str, before: &str) -> bool {
    let mut chars = line.chars();
    let first = chars.next().unwrap_or(' ');
    let spaced = chars.next().is_none_or(char::is_whitespace);
    if matches!(first, '•' | '▪' | '◦' | '‣' | '·' | '■' | '●' | '▶' | '▲' | '△' | '◆' | '○' | '※')
    {
        return true;
    }
    if matches!(first, '-' | '*' | '+') && spaced {
        return true;
    }
    if matches!(first, '—' | '–') {
        // After reported speech a dash goes on with a lower-case word; a new turn begins with a capital.
        let lower = line.chars().find(|c| c.is_alphabetic()).is_some_and(char::is_lowercase);
        return !lower || before.starts_with(['—', '–']) && ends_sentence(before) || before.ends_with([':', ';']);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let after = &line[digits..];
    (1..=3).contains(&digits) && (after.starts_with(") ") || after.starts_with(". ") && ends_paragraph(before))
}

/// A line of signs only (`***`, `-----`, `* * *`).
fn is_rule(line: &str) -> bool {
    !line.chars().any(char::is_alphanumeric)
}

fn ends_sentence(line: &str) -> bool {
    let closers = ['"', '\'', '”', '’', '»', ')', ']', '“'];
    line.trim_end_matches(closers).ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

fn ends_paragraph(line: &str) -> bool {
    ends_sentence(line) || line.ends_with([':', ';']) || line.bytes().next().is_some_and(|b| b.is_ascii_digit())
}

fn is_headline(line: &str) -> bool {
    !ends_sentence(line) && columns(line) <= WIDEST_HEADLINE && line.chars().any(char::is_alphabetic)
}

fn block(lines: &[Line<'_>]) -> Block {
    let mut pieces: Vec<Piece> = Vec::with_capacity(lines.len() * 2);
    for line in lines {
        if let Some(last) = pieces.last() {
            pieces.push(Piece { span: last.span.end..line.span.start, kind: PieceKind::Break });
        }
        pieces.push(Piece { span: line.span.clone(), kind: PieceKind::Prose });
    }
    let span = pieces.first().map_or(0, |p| p.span.start)..pieces.last().map_or(0, |p| p.span.end);
    let kind =
        if lines.first().is_some_and(|l| is_item(l.body, "")) { BlockKind::ListItem } else { BlockKind::Paragraph };
    Block::new(span, kind, pieces)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::document::{BlockKind, PieceKind};
    use proptest::prelude::*;

    /// Blocks with their breaks shown as `|`.
    fn check(text: &str, expected: &[&str]) {
        let document = read(text, false);
        assert_eq!(document.check(), Ok(()), "{text:?}");
        let show =
            |kind: PieceKind, piece: &str| if kind == PieceKind::Break { "|".to_string() } else { piece.to_string() };
        let blocks: Vec<String> = document
            .blocks
            .iter()
            .map(|b| b.pieces.iter().map(|p| show(p.kind, &text[p.span.clone()])).collect())
            .collect();
        assert_eq!(blocks, expected, "{text:?}");
    }

    #[test]
    fn empty_lines_part_paragraphs() {
        check("One.\n\nTwo.\r\n \t\r\nThree.\r\rFour.\u{c}Five.", &["One.", "Two.", "Three.", "Four.", "Five."]);
    }

    #[test]
    fn wrapped_lines_are_one_paragraph() {
        check(
            "The ferry to the island left at dawn with\nforty people, two goats and the mayor of\nKorzh aboard, all of them asleep.\n",
            &[
                "The ferry to the island left at dawn with|forty people, two goats and the mayor of|Korzh aboard, all of them asleep.",
            ],
        );
        check(
            "Пором до острова вийшов на світанку, на\nборту були сорок людей, дві кози та мер\nКоржа.\r\n\r\nКози були від\nНіни.",
            &[
                "Пором до острова вийшов на світанку, на|борту були сорок людей, дві кози та мер|Коржа.",
                "Кози були від",
                "Ніни.",
            ],
        );
    }

    #[test]
    fn a_line_end_before_a_word_that_would_have_fitted_was_wanted() {
        check(
            "Ferry leaves early\nThe ferry to the island left at dawn with forty\npeople and two goats aboard, all asleep.",
            &[
                "Ferry leaves early",
                "The ferry to the island left at dawn with forty|people and two goats aboard, all asleep.",
            ],
        );
    }

    #[test]
    fn short_lines_below_unwrapped_prose_stay_apart() {
        let long = "Слово за словом ".repeat(12);
        let text = format!(
            "{long}\n\nЧитайте також: польовий шпиталь, один день хірургів\nБільше новин у нашому каналі\nПомітили помилку?"
        );
        check(
            &text,
            &[
                long.trim_end(),
                "Читайте також: польовий шпиталь, один день хірургів",
                "Більше новин у нашому каналі",
                "Помітили помилку?",
            ],
        );
    }

    #[test]
    fn one_paragraph_a_line_stays_so() {
        let long = "Рада ухвалила закон про поромне сполучення, який, за словами його авторів, має зробити переправу безпечнішою для людей і кіз.";
        check(&format!("{long}\n{long}\nЗаголовок\n{long}"), &[long, long, "Заголовок", long]);
    }

    #[test]
    fn dialogue_lists_and_rules_keep_their_lines() {
        check("— Куди пливемо?\n— На острів.", &["— Куди пливемо?", "— На острів."]);
        check(
            "Взяли з собою:\n- хліб\n- сіль\n1) воду\n• чай",
            &["Взяли з собою:", "- хліб", "- сіль", "1) воду", "• чай"],
        );
        check("The end.\n***\nThe beginning.", &["The end.", "***", "The beginning."]);
        check("«Пливемо на острів»,\n— сказав він.", &["«Пливемо на острів»,|— сказав він."]);
    }

    #[test]
    fn the_headline_is_a_heading() {
        let document = read("Пором вийшов раніше\n\nПором вийшов на світанку.", false);
        assert_eq!(document.blocks[0].kind, BlockKind::Heading);
        assert_eq!(document.blocks[1].kind, BlockKind::Paragraph);
    }

    proptest! {
        #[test]
        fn any_text_is_covered(text in "([a-zА-я다。.!? \t\r\n\u{c}\u{feff}*—-]|\\PC){0,80}") {
            let document = read(&text, false);
            prop_assert_eq!(document.check(), Ok(()));
            let mut at = 0;
            for block in &document.blocks {
                prop_assert!(!text[at..block.span.start].contains(char::is_alphanumeric));
                at = block.span.end;
            }
            prop_assert!(!text[at..].contains(char::is_alphanumeric));
        }
    }
}
