//! How the text of a cue is broken into lines.
//!
//! At most two lines of at most 42 characters; of 16 in Korean, where Latin letters, spaces and marks count half. These
//! are the limits of Netflix's Timed Text Style Guides, which much of the trade follows: the general requirements, and
//! <https://partnerhelp.netflixstudios.com/hc/en-us/articles/216001127-Korean-Timed-Text-Style-Guide>.

use super::payload::{TokenKind, tokens};
use crate::article::Format;
use std::ops::Range;

/// Lines that a cue may have.
pub(super) const MOST_LINES: usize = 2;

/// Where a text can be read how wide and how fast, in columns: Hangul is two wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Columns of a line.
    pub(super) columns: usize,
    /// Columns that are read in a second.
    pub(super) speed: usize,
    /// Columns that the reader of a message calls a character.
    pub(super) unit: usize,
}

impl Limits {
    /// The limits for the script that a text is mostly in.
    pub(super) fn of(text: &str) -> Limits {
        let count = |wanted: fn(char) -> bool| text.chars().filter(|c| wanted(*c)).count();
        let hangul = count(is_wide);
        let cyrillic = count(|c| matches!(c as u32, 0x0400..=0x052F));
        let letters = count(char::is_alphabetic);
        match () {
            () if hangul * 2 > letters => Limits { columns: 32, speed: 24, unit: 2 },
            () if cyrillic * 2 > letters => Limits { columns: 42, speed: 17, unit: 1 },
            () => Limits { columns: 42, speed: 20, unit: 1 },
        }
    }
}

fn is_wide(c: char) -> bool {
    matches!(c as u32, 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFF00..=0xFF60)
}

/// Columns of a character; marks over others have none.
fn columns(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036F | 0x200B..=0x200F | 0xAD | 0xFE00..=0xFE0F => 0,
        _ if is_wide(c) => 2,
        _ => 1,
    }
}

/// The lines of a cue's text as they are seen, without markup.
pub(super) fn seen(text: &str, format: Format) -> Vec<String> {
    let mut lines = vec![String::new()];
    for token in tokens(text, 0..text.len(), format) {
        let source = &text[token.span];
        match token.kind {
            TokenKind::LineEnd | TokenKind::Turn => {
                let mut rest = source;
                while let Some(at) = rest.find(['\n', '\r']) {
                    append(&mut lines, &rest[..at]);
                    rest = rest[at..].trim_start_matches(['\n', '\r']);
                    lines.push(String::new());
                }
                append(&mut lines, rest);
            }
            TokenKind::Words | TokenKind::Note => append(&mut lines, source),
            TokenKind::Reference(c) => append(&mut lines, c.encode_utf8(&mut [0; 4])),
            _ => {}
        }
    }
    for line in &mut lines {
        *line = line.trim().to_string();
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn append(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

/// Columns of a line.
pub(super) fn width(line: &str) -> usize {
    line.chars().map(columns).sum()
}

/// The text of a cue with its lines broken anew; `turns` where several people speak in it.
pub(super) fn rebreak(text: &str, format: Format, (line_end, turns): (&str, bool)) -> String {
    let limits = Limits::of(text);
    // The lines that have to stay, each as one line.
    let mut parts: Vec<String> = vec![String::new()];
    for token in tokens(text, 0..text.len(), format) {
        let source = &text[token.span];
        let is_turn = match token.kind {
            TokenKind::Turn => true,
            // Someone else speaks, in small letters.
            TokenKind::LineEnd => false,
            _ => {
                append(&mut parts, source);
                continue;
            }
        };
        let sign = source.trim_start();
        if is_turn {
            let rest = sign;
            // What stands before the line end belongs to the line before: a sign that music plays.
            let (before, after) = match source.find(['\n', '\r']) {
                Some(at) => (&source[..at], source[at..].trim_start()),
                None => ("", rest),
            };
            append(&mut parts, before.trim_end());
            parts.push(after.to_string());
        } else {
            append(&mut parts, " ");
        }
    }
    if turns && parts.len() == 1 {
        parts = dashes(&parts[0]);
    }
    if let [whole] = parts.as_slice() {
        let spots = spots(whole, format);
        let all = spots.last().map_or(0, |spot| spot.before);
        if all > limits.columns
            && let Some(at) = best(whole, &spots, limits.columns)
        {
            return format!("{}{line_end}{}", &whole[..at], &whole[at + 1..]);
        }
    }
    parts.join(line_end)
}

/// Parts a text before the dashes of speakers in it, where the source had several.
fn dashes(text: &str) -> Vec<String> {
    let found = text.match_indices(' ').find(|(at, _)| {
        let rest = &text[at + 1..];
        super::payload::dash(rest) > 0 && super::payload::ends(&text[..*at])
    });
    match found {
        Some((at, _)) => vec![text[..at].to_string(), text[at + 1..].to_string()],
        None => vec![text.to_string()],
    }
}

/// A place where a line may end.
struct Spot {
    /// The space, or the end of the text.
    at: usize,
    /// Columns before it.
    before: usize,
}

/// The single spaces outside of markup; the last spot is the end.
fn spots(text: &str, format: Format) -> Vec<Spot> {
    let mut found = Vec::new();
    let mut wide = 0;
    let mut braces = 0usize;
    for Range { start, end } in shown(text, format) {
        if text[start..end].starts_with('&')
            && format == Format::Vtt
            && end - start > 1
            && text[start..end].ends_with(';')
        {
            wide += 1;
            continue;
        }
        for (at, c) in text[start..end].char_indices() {
            match c {
                '{' => braces += 1,
                '}' => braces = braces.saturating_sub(1),
                ' ' if braces == 0 => found.push(Spot { at: start + at, before: wide }),
                _ => {}
            }
            wide += columns(c);
        }
    }
    found.push(Spot { at: text.len(), before: wide });
    found
}

/// The stretches of a text that are seen.
fn shown(text: &str, format: Format) -> Vec<Range<usize>> {
    let is_seen = |kind: &TokenKind| matches!(kind, TokenKind::Words | TokenKind::Note | TokenKind::Reference(_));
    tokens(text, 0..text.len(), format)
        .into_iter()
        .filter(|token| is_seen(&token.kind))
        .map(|token| token.span)
        .collect()
}

/// The space at which two lines are best parted.
fn best(text: &str, spots: &[Spot], columns: usize) -> Option<usize> {
    let (end, spaces) = spots.split_last()?;
    let cost = |spot: &Spot| {
        let (first, second) = (spot.before, end.before.saturating_sub(spot.before + 1));
        let over = first.saturating_sub(columns) + second.saturating_sub(columns);
        let edge = i64::from(edge(text, spot.at));
        over as i64 * 1000 + first.abs_diff(second) as i64 + edge + i64::from(first > second)
    };
    spaces
        .iter()
        .filter(|spot| spot.before > 0 && spot.before + 1 < end.before)
        .min_by_key(|spot| cost(spot))
        .map(|spot| spot.at)
}

/// How bad it is to break at a space: good after a mark, bad after a short word, which belongs to the next one.
fn edge(text: &str, at: usize) -> i32 {
    let before = text[..at].trim_end_matches(['"', '”', '’', '»', ')']);
    match before.chars().next_back() {
        Some('.' | '!' | '?' | '…') => return -12,
        Some(',' | ';' | ':' | '–' | '—') => return -8,
        _ => {}
    }
    let word = before.chars().rev().take_while(|c| !c.is_whitespace());
    let (letters, hangul) = word.take(4).fold((0, false), |(count, hangul), c| (count + 1, hangul || is_wide(c)));
    if letters <= if hangul { 1 } else { 3 } { 10 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{rebreak, seen, width};
    use crate::article::Format;

    fn check(text: &str, expected: &str) {
        let broken = rebreak(text, Format::Vtt, ("\n", false));
        assert_eq!(broken, expected);
        assert_eq!(rebreak(&broken, Format::Vtt, ("\n", false)), expected, "not settled");
    }

    #[test]
    fn what_fits_is_one_line() {
        check("Пором вийшов\nна світанку.", "Пором вийшов на світанку.");
        check("배가 새벽에\n섬으로 떠났습니다", "배가 새벽에 섬으로 떠났습니다");
    }

    #[test]
    fn two_lines_are_balanced_and_end_at_marks_and_not_after_short_words() {
        check(
            "The ferry to the island left at dawn with forty people aboard.",
            "The ferry to the island left\nat dawn with forty people aboard.",
        );
        check(
            "Вони чекали до ранку, але човен так і не прийшов по них.",
            "Вони чекали до ранку,\nале човен так і не прийшов по них.",
        );
        check(
            "섬으로 가는 배가 새벽에 사십 명을 태우고 조용히 떠났습니다",
            "섬으로 가는 배가 새벽에 사십\n명을 태우고 조용히 떠났습니다",
        );
    }

    #[test]
    fn markup_and_speakers_keep_their_places() {
        check(
            "<v Anna Maria>The <i>ferry to the</i> island left at dawn with forty people.",
            "<v Anna Maria>The <i>ferry to the</i> island left\nat dawn with forty people.",
        );
        check("- Пливемо?\n- Так.", "- Пливемо?\n- Так.");
        assert_eq!(rebreak("- Так. - ні.", Format::Srt, ("\r\n", true)), "- Так.\r\n- ні.");
        check("♪ One ♪\n♪ Two ♪", "♪ One ♪\n♪ Two ♪");
    }

    #[test]
    fn lines_are_seen_without_markup() {
        assert_eq!(seen("<i>a &amp; b</i>\n- c\n♪ d ♪", Format::Vtt), ["a & b", "- c", "♪ d ♪"]);
        assert_eq!(width("배 e\u{301}"), 4);
    }
}
