//! What is done to the cues that changed when all answers are in their places, and what is to be said of them.

use super::cues::{Cue, cues};
use super::lines::{Limits, MOST_LINES, rebreak, seen, width};
use super::payload::{Token, TokenKind, tokens};
use crate::article::Format;
use crate::document::Document;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// How often the text is gone through in search of tags: where more is needed, they are left where they are.
const MOST_PASSES: usize = 20;
/// Bytes that are gone through in any case.
const LEAST_BYTES: usize = 1_000_000;

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
    let mut budget = LEAST_BYTES + MOST_PASSES * texts.iter().map(|text| text.len() + 1).sum::<usize>();
    // Tags without a partner so far, the innermost last: cue, bytes, name.
    let mut open: Vec<(usize, Range<usize>, String)> = Vec::new();
    let mut index = 0;
    while index < texts.len() && budget > 0 {
        budget = budget.saturating_sub(texts[index].len() + 1);
        if texts[index] == source(index) {
            open.clear();
            index += 1;
            continue;
        }
        let found = tokens(&texts[index], 0..texts[index].len(), format);
        let closing = found.iter().enumerate().find_map(|(at, token)| match &token.kind {
            TokenKind::Closing(name, None) => Some((at, name)),
            _ => None,
        });
        let partner = closing.and_then(|(at, name)| {
            let (from, opening, _) = open.iter().rfind(|(_, _, open)| open == name)?;
            Some((*from, opening.clone(), at))
        });
        if let Some((from, opening, at)) = partner {
            let closing = found[at].span.clone();
            if texts[from].len() - opening.end >= closing.start {
                let tag = texts[index][closing.clone()].to_string();
                let end = end_inside(&texts[from], &opening, format);
                texts[from].to_mut().insert_str(end, &tag);
                texts[index].to_mut().replace_range(closing, "");
            } else {
                let tag = texts[from][opening.clone()].to_string();
                let start = start_inside(&texts[index], &found, at);
                texts[index].to_mut().insert_str(start, &tag);
                texts[from].to_mut().replace_range(opening, "");
            }
            // Again from there: what is left open in it stands elsewhere now.
            open.retain(|(cue, _, _)| *cue < from);
            index = from;
            continue;
        }
        let alone = standing_alone(source(index), format);
        open.extend(found.iter().filter_map(|token| match &token.kind {
            TokenKind::Opening(name, None) if !alone.contains(name) => Some((index, token.span.clone(), name.clone())),
            _ => None,
        }));
        index += 1;
    }
}

/// Where a pair can open at the begin of a cue that closes with the token `closing`: inside the pairs around it.
fn start_inside(text: &str, tokens: &[Token], closing: usize) -> usize {
    let is_outer = |token: &Token| match &token.kind {
        TokenKind::Opening(_, partner) => partner.is_none_or(|partner| partner > closing),
        TokenKind::Words => text[token.span.clone()].trim().is_empty(),
        kind => matches!(kind, TokenKind::Single | TokenKind::Note | TokenKind::LineEnd | TokenKind::Turn),
    };
    tokens.iter().find(|token| !is_outer(token)).map_or(0, |token| token.span.start)
}

/// Where a pair can close at the end of a cue that opens with the tag `opening`: inside the pairs around it.
fn end_inside(text: &str, opening: &Range<usize>, format: Format) -> usize {
    let tokens = tokens(text, 0..text.len(), format);
    let is_outer = |token: &&Token| match &token.kind {
        TokenKind::Closing(_, Some(partner)) => tokens[*partner].span.start < opening.start,
        TokenKind::Words => text[token.span.clone()].trim().is_empty(),
        kind => matches!(kind, TokenKind::Single | TokenKind::Note | TokenKind::LineEnd | TokenKind::Turn),
    };
    let last = tokens.iter().rev().find(|token| !is_outer(token));
    last.map_or(text.len(), |token| token.span.start + text[token.span.clone()].trim_end().len())
}

/// The tags of the source without a partner, as voices of `WebVTT` often are.
fn standing_alone(source: &str, format: Format) -> BTreeSet<String> {
    let lone = |token: Token| match token.kind {
        TokenKind::Opening(name, None) => Some(name),
        _ => None,
    };
    tokens(source, 0..source.len(), format).into_iter().filter_map(lone).collect()
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
