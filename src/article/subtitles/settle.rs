//! What is done to the cues that changed when all answers are in their places, and what is to be said of them.

use super::cues::{Cue, cues};
use super::lines::{Limits, MOST_LINES, rebreak, seen, width};
use super::payload::{Token, TokenKind, tokens};
use crate::article::Format;
use crate::document::Document;
use std::borrow::Cow;

/// More tags than these are left where they are.
const MOST_MENDED: usize = 200;

/// Breaks the lines of changed cues anew. Cues that did not change stay byte for byte.
pub(in crate::article) fn settle<'t>(document: &Document, format: Format, text: &'t str) -> Cow<'t, str> {
    if text == document.text {
        return Cow::Borrowed(text);
    }
    let Some((sources, outputs)) = both(document, format, text) else { return Cow::Borrowed(text) };
    let mut texts: Vec<Cow<'t, str>> = outputs.iter().map(|cue| Cow::Borrowed(&text[cue.text.clone()])).collect();
    let source = |index: usize| &document.text[sources[index].text.clone()];
    mend_tags(&mut texts, source, format);
    let file_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut written = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (index, (cue, words)) in outputs.iter().zip(&texts).enumerate() {
        written.push_str(&text[at..cue.text.start]);
        at = cue.text.end;
        if words == source(index) {
            written.push_str(words);
            continue;
        }
        let line_end = match source(index) {
            lines if lines.contains("\r\n") => "\r\n",
            lines if lines.contains('\n') => "\n",
            lines if lines.contains('\r') => "\r",
            _ => file_end,
        };
        let turns = tokens(source(index), 0..source(index).len(), format).iter().any(|t| t.kind == TokenKind::Turn);
        written.push_str(&rebreak(words.trim(), format, (line_end, turns)));
    }
    written.push_str(&text[at..]);
    // Whatever the words are, no cue may get lost.
    match both(document, format, &written) {
        Some(_) => Cow::Owned(written),
        None => Cow::Borrowed(text),
    }
}

/// The cues of a document and of a text made of it; none where they are not the same cues.
fn both(document: &Document, format: Format, text: &str) -> Option<(Vec<Cue>, Vec<Cue>)> {
    let (sources, outputs) = (cues(&document.text, format).ok()?, cues(text, format).ok()?);
    let same = sources.len() == outputs.len() && sources.iter().zip(&outputs).all(|(a, b)| a.time == b.time);
    same.then_some((sources, outputs))
}

/// A pair of tags must not open in one cue and close in another: it stays around the larger part of its words.
fn mend_tags<'s>(texts: &mut [Cow<'_, str>], source: impl Fn(usize) -> &'s str, format: Format) {
    let mut mended = 0;
    // The tag that has no partner yet: its cue, and the token.
    let mut open: Option<(usize, Token, String)> = None;
    let mut index = 0;
    while index < texts.len() && mended < MOST_MENDED {
        if texts[index] == source(index) {
            open = None;
            index += 1;
            continue;
        }
        let found = tokens(&texts[index], 0..texts[index].len(), format);
        let closing = found.iter().find_map(|token| match &token.kind {
            TokenKind::Closing(name, None) => Some((token.clone(), name.clone())),
            _ => None,
        });
        if let (Some((closing, name)), Some((from, opening, open_name))) = (closing, &open)
            && name == *open_name
        {
            let tag = |index: usize, token: &Token| texts[index][token.span.clone()].to_string();
            let (open_tag, close_tag) = (tag(*from, opening), tag(index, &closing));
            if texts[*from].len() - opening.span.end >= closing.span.start {
                let first = texts[*from].trim_end().len();
                texts[*from].to_mut().insert_str(first, &close_tag);
                texts[index].to_mut().replace_range(closing.span.clone(), "");
            } else {
                texts[index].to_mut().insert_str(0, &open_tag);
                texts[*from].to_mut().replace_range(opening.span.clone(), "");
            }
            mended += 1;
            // Others may have been open before it.
            index = *from;
            open = None;
            continue;
        }
        let unclosed = found.iter().find_map(|token| match &token.kind {
            TokenKind::Opening(name, None) if !stands_alone(source(index), name, format) => {
                Some((index, token.clone(), name.clone()))
            }
            _ => None,
        });
        open = unclosed.or(open);
        index += 1;
    }
}

/// Whether the source has such a tag without a partner, as voices of `WebVTT` often are.
fn stands_alone(source: &str, wanted: &str, format: Format) -> bool {
    let found = tokens(source, 0..source.len(), format);
    found.iter().any(|token| matches!(&token.kind, TokenKind::Opening(name, None) if name == wanted))
}

/// What is to be said of the cues that changed, with their lines: too long, too fast, empty.
pub(in crate::article) fn findings(document: &Document, format: Format, text: &str) -> Vec<(usize, String)> {
    let Some((sources, outputs)) = both(document, format, text) else { return Vec::new() };
    let mut found = Vec::new();
    for (source, output) in sources.iter().zip(&outputs) {
        let (before, after) = (&document.text[source.text.clone()], &text[output.text.clone()]);
        if before == after {
            continue;
        }
        let mut say = |message: String| found.push((output.line, message));
        let lines = seen(after, format);
        if lines.is_empty() {
            say("no words are left for this cue".to_string());
            continue;
        }
        let limits = Limits::of(after);
        if lines.len() > MOST_LINES {
            say(format!("expected at most {MOST_LINES} lines in a cue, got {}", lines.len()));
        }
        let widest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
        if widest > limits.columns {
            let (most, got) = (limits.columns / limits.unit, widest.div_ceil(limits.unit));
            say(format!("expected at most {most} characters a line, got {got}"));
        }
        let duration = output.time.end.saturating_sub(output.time.start).max(1);
        let all: usize = lines.iter().map(|line| width(line)).sum::<usize>() + lines.len() - 1;
        let speed = (all as u64 * 1000).div_ceil(duration) as usize;
        if speed > limits.speed {
            let (most, got) = (limits.speed / limits.unit, speed.div_ceil(limits.unit));
            say(format!("expected at most {most} characters a second, got {got}"));
        }
    }
    found
}
