//! Where the cues of a file stand: their timing lines and the bytes of their text.

use crate::article::Format;
use std::ops::Range;

/// One cue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cue {
    /// When it appears and goes, in milliseconds.
    pub(super) time: Range<u64>,
    /// The lines of its text without the last line end; empty where it has none.
    pub(super) text: Range<usize>,
    /// The line of its timing, from 1.
    pub(super) line: usize,
}

/// A line that is no subtitles: which one, from 1, and what was expected and found.
pub(super) type Wrong = (usize, String);

/// Finds the cues of a text, in order.
pub(super) fn cues(text: &str, format: Format) -> Result<Vec<Cue>, Wrong> {
    let lines = lines(text);
    if format == Format::Vtt { web(text, &lines) } else { sub_rip(text, &lines) }
}

/// The lines of a text without their ends.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'\n' || byte == b'\r' && text.as_bytes().get(at + 1) != Some(&b'\n') {
            let end = if byte == b'\n' && at > start && text.as_bytes()[at - 1] == b'\r' { at - 1 } else { at };
            found.push(start..end);
            start = at + 1;
        }
    }
    found.push(start..text.len());
    found
}

fn is_number(line: &str) -> bool {
    !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// `SubRip`: a number, a timing line, lines of text. An empty line in the middle of a cue is taken for a part of it,
/// where no cue follows.
fn sub_rip(text: &str, lines: &[Range<usize>]) -> Result<Vec<Cue>, Wrong> {
    let line = |index: usize| lines.get(index).map_or("", |span| text[span.clone()].trim());
    let mut timings: Vec<(usize, Range<u64>)> = Vec::new();
    for index in 0..lines.len() {
        let here = line(index);
        let numbered = index > 0 && is_number(line(index - 1)) && (index == 1 || line(index - 2).is_empty());
        let timed = here.starts_with(|c: char| c.is_ascii_digit()) && here.contains("-->") && here.contains(':');
        if let Some(time) = timing(here) {
            timings.push((index, time));
        } else if timed || numbered && looks_timed(here) {
            return Err((index + 1, format!("{EXPECTED_TIMING}, got {:?}", shortened(here))));
        }
    }
    if timings.is_empty() {
        return Err((1, format!("expected cues with {TIMING}, got none")));
    }
    // Where a cue begins: with its number, if it has one.
    let begins: Vec<usize> =
        timings.iter().map(|(index, _)| index - usize::from(*index > 0 && is_number(line(index - 1)))).collect();
    if let Some(index) = (0..begins[0]).find(|index| line(*index).contains(char::is_alphanumeric)) {
        return Err((index + 1, format!("expected the number of a cue or {TIMING}, got {:?}", shortened(line(index)))));
    }
    let ends = begins[1..].iter().copied().chain([lines.len()]);
    let cue = |((index, time), end): (&(usize, Range<u64>), usize)| Cue {
        time: time.clone(),
        text: body(text, lines, index + 1..end.max(index + 1)),
        line: index + 1,
    };
    Ok(timings.iter().zip(ends).map(cue).collect())
}

/// `WebVTT`: blocks between empty lines. Notes, styles, regions and blocks without a timing line are no cues.
fn web(text: &str, lines: &[Range<usize>]) -> Result<Vec<Cue>, Wrong> {
    let line = |index: usize| lines.get(index).map_or("", |span| &text[span.clone()]);
    let head = line(0).strip_prefix("WEBVTT");
    if !head.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return Err((1, format!("expected WEBVTT, got {:?}", shortened(line(0)))));
    }
    // Only an empty line ends a cue. One of spaces is a line of the cue where text follows, as automatic captions have it; where
    // another cue follows, somebody's editor left it.
    let is_blank = |index: usize| {
        let next = |more: usize| line(index + more);
        let begins = next(1).contains("-->") || next(2).contains("-->") || next(1).trim().is_empty();
        line(index).is_empty() || line(index).trim().is_empty() && (begins || next(1).starts_with("NOTE"))
    };
    let mut found: Vec<Cue> = Vec::new();
    let mut index = 1;
    let mut head = true;
    while index < lines.len() {
        if is_blank(index) || line(index).trim().is_empty() {
            head = false;
            index += 1;
            continue;
        }
        let end = (index..lines.len()).find(|index| is_blank(*index)).unwrap_or(lines.len());
        let first = line(index).trim_end();
        let skipped = first == "NOTE"
            || first.starts_with("NOTE ")
            || first.starts_with("NOTE\t")
            || matches!(first, "STYLE" | "REGION") && !line(index + 1).contains("-->");
        while !skipped && index < end {
            // What stands before the timing line is the name of the cue, or the header of the file.
            let Some(at) = (index..end).find(|index| line(*index).contains("-->")) else { break };
            let Some(time) = timing(line(at)) else {
                return Err((at + 1, format!("{EXPECTED_TIMING}, got {:?}", shortened(line(at)))));
            };
            let next = (at + 1..end).find(|index| line(*index).contains("-->")).unwrap_or(end);
            found.push(Cue { time, text: body(text, lines, at + 1..next), line: at + 1 });
            index = next;
        }
        index = end;
        if head {
            head = false;
        }
    }
    if found.is_empty() {
        return Err((1, format!("expected cues with {TIMING}, got none")));
    }
    Ok(found)
}

/// The bytes of some lines without the empty ones around them.
fn body(text: &str, lines: &[Range<usize>], span: Range<usize>) -> Range<usize> {
    let is_text = |index: &usize| !text[lines[*index].clone()].trim().is_empty();
    let first = span.clone().find(is_text);
    let last = span.clone().rev().find(is_text);
    if let (Some(first), Some(last)) = (first, last) {
        return lines[first].start..lines[last].end;
    }
    let at = lines.get(span.start).map_or(text.len(), |line| line.start);
    at..at
}

const TIMING: &str = "a timing line such as 00:01:02,345 --> 00:01:04,567";
const EXPECTED_TIMING: &str = "expected a timing line such as 00:01:02,345 --> 00:01:04,567";

fn shortened(line: &str) -> String {
    line.chars().take(60).collect()
}

/// A line that someone meant for a timing: `00:01:02,345 -> …`.
fn looks_timed(line: &str) -> bool {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[digits..];
    (1..=3).contains(&digits)
        && rest.starts_with(':')
        && rest[1..].bytes().take(2).all(|byte| byte.is_ascii_digit())
        && rest.len() > 3
        && ["->", "–>", "—>", "→", "- -"].iter().any(|arrow| rest.contains(arrow))
}

/// The times of a timing line; what comes after them are settings.
fn timing(line: &str) -> Option<Range<u64>> {
    let (from, to) = line.split_once("-->")?;
    Some(milliseconds(from.trim())?..milliseconds(to.split_whitespace().next()?)?)
}

/// `01:02:03,456`, `02:03.456`; hours and thousandths may be missing.
fn milliseconds(time: &str) -> Option<u64> {
    let (whole, fraction) = time.split_once([',', '.']).unwrap_or((time, "0"));
    let number = |digits: &str| {
        let sound = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if sound { digits.parse::<u64>().ok() } else { None }
    };
    let mut parts = whole.split(':').rev();
    let seconds = number(parts.next()?)?;
    let minutes = number(parts.next()?)?;
    let hours = parts.next().map_or(Some(0), number)?;
    if parts.next().is_some() || fraction.len() > 3 {
        return None;
    }
    let thousandths = number(fraction)? * [0, 100, 10, 1][fraction.len()];
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths)
}
