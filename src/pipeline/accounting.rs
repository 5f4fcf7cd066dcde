//! The accounts of a translated article: every byte of it lies in one segment or between segments, every segment ended in
//! exactly one way, and what lies between went out as it was. What does not add up is an error: nothing is written.

use crate::article::Format;
use crate::document::{Document, Piece, PieceKind};
use crate::job::report::{AccountRecord, OutcomeRecord, SegmentRecord};
use crate::segment::Joined;
use std::ops::Range;

/// Adds up an article whose segments have their outcomes and were joined.
///
/// # Errors
/// The sums do not come out; the message says which, with what was expected and what was found.
pub(super) fn balance(
    document: &Document,
    format: Format,
    segments: &[SegmentRecord],
    joined: &Joined,
) -> Result<AccountRecord, String> {
    if segments.len() != joined.spans.len() {
        return Err(off("segments in the output", segments.len(), joined.spans.len()));
    }
    let mut account = AccountRecord::default();
    for segment in segments {
        let share = match segment.outcome {
            OutcomeRecord::Translated => &mut account.translated,
            OutcomeRecord::Copied => &mut account.copied,
            OutcomeRecord::Dropped => &mut account.dropped,
            OutcomeRecord::Failed => &mut account.failed,
        };
        share.segments += 1;
        share.bytes += segment.span.len();
    }
    let between = gaps(&document.text, segments.iter().map(|segment| &segment.span), "source")?;
    account.between_bytes = between.iter().map(ExactSizeIterator::len).sum();
    let outcomes = [account.translated, account.copied, account.dropped, account.failed];
    let sum = account.between_bytes + outcomes.iter().map(|share| share.bytes).sum::<usize>();
    if sum != document.text.len() {
        return Err(off("bytes of the source", document.text.len(), sum));
    }
    let words = outside_words(document, &between);
    if let Some(lost) = words {
        return Err(format!("accounts: words of the source are in no segment: {lost:?}"));
    }
    let written = gaps(&joined.text, joined.spans.iter(), "output")?;
    for (segment, span) in segments.iter().zip(&joined.spans) {
        if segment.outcome != OutcomeRecord::Dropped && joined.text[span.clone()].trim().is_empty() {
            return Err(format!("accounts: a segment went out empty: {:?}", segment.source));
        }
    }
    // What was dropped may leave its markup, and takes white space with it.
    let source = Kept { segments, document, at: 0 }.characters();
    let output = written.iter().flat_map(|gap| joined.text[gap.clone()].chars());
    compare(source, output, account.dropped.segments > 0)?;
    let lines = |text: &str| text.split('\n').count();
    if format == Format::Lines && lines(&document.text) != lines(&joined.text) {
        return Err(off("lines", lines(&document.text), lines(&joined.text)));
    }
    Ok(account)
}

fn off(what: &str, expected: usize, got: usize) -> String {
    format!("accounts do not balance: {what}: expected {expected}, got {got}")
}

/// What lies between spans, in order.
fn gaps<'s>(
    text: &str,
    spans: impl Iterator<Item = &'s Range<usize>>,
    side: &str,
) -> Result<Vec<Range<usize>>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    for span in spans {
        if span.start < at || text.get(span.clone()).is_none() {
            return Err(format!(
                "accounts: a span of the {side} is out of order: expected a start at or after {at}, got {span:?}"
            ));
        }
        found.push(at..span.start);
        at = span.end;
    }
    found.push(at..text.len());
    Ok(found)
}

/// The first words of prose that are in no segment.
fn outside_words<'d>(document: &'d Document, between: &[Range<usize>]) -> Option<&'d str> {
    let mut gap = 0;
    let is_word = |piece: &&Piece| match piece.kind {
        PieceKind::Prose => true,
        PieceKind::Character(c) => c.is_alphabetic(),
        _ => false,
    };
    for piece in document.blocks.iter().flat_map(|block| &block.pieces).filter(is_word) {
        while between.get(gap).is_some_and(|range| range.end <= piece.span.start) {
            gap += 1;
        }
        for range in between[gap..].iter().take_while(|range| range.start < piece.span.end) {
            let text = &document.text[range.start.max(piece.span.start)..range.end.min(piece.span.end)];
            if text.chars().any(char::is_alphabetic) || matches!(piece.kind, PieceKind::Character(_)) {
                return Some(text);
            }
        }
    }
    None
}

/// The parts of a source that no output takes the place of.
struct Kept<'k> {
    segments: &'k [SegmentRecord],
    document: &'k Document,
    at: usize,
}

impl<'k> Kept<'k> {
    fn characters(mut self) -> impl Iterator<Item = char> + 'k {
        let mut parts = Vec::new();
        for segment in self.segments.iter().filter(|segment| segment.outcome != OutcomeRecord::Dropped) {
            parts.push(self.document.between(self.at..segment.span.start));
            self.at = segment.span.end;
        }
        parts.push(self.document.between(self.at..self.document.text.len()));
        parts.concat().chars().collect::<Vec<char>>().into_iter()
    }
}

/// Compares what was between segments with what is, white space aside; where `fewer`, some of it may be gone.
fn compare(source: impl Iterator<Item = char>, output: impl Iterator<Item = char>, fewer: bool) -> Result<(), String> {
    let mut source = source.filter(|c| !c.is_whitespace());
    let mut output = output.filter(|c| !c.is_whitespace());
    loop {
        let (expected, got) = (source.next(), output.next());
        if fewer {
            let Some(got) = got else { return Ok(()) };
            if expected != Some(got) && !source.any(|c| c == got) {
                return Err(format!(
                    "accounts: between segments of the output stands {got:?}, which the source has not"
                ));
            }
        } else if expected != got {
            return Err(format!("accounts: what stands between segments changed: expected {expected:?}, got {got:?}"));
        } else if got.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::language::Language;
    use crate::segment::{Outcome, Segment, join, segments};

    fn read(text: &str, format: Format) -> (Document, Vec<Segment>) {
        let document = crate::article::read(text.as_bytes(), format).unwrap();
        let found = segments(&document, Language::EN);
        (document, found)
    }

    fn records(segments: &[Segment], outcome: OutcomeRecord) -> Vec<SegmentRecord> {
        let record = |segment: &Segment| SegmentRecord {
            span: segment.span.clone(),
            outcome,
            ..SegmentRecord::new(segment.text.clone(), segment.text.clone())
        };
        segments.iter().map(record).collect()
    }

    const TEXT: &str = "# Title\n\nOne road is *closed*. Another one is open.\n\n```\ncode\n```\n\n- an item\n";

    #[test]
    fn a_whole_article_balances() {
        for format in [Format::Plain, Format::Markdown, Format::Lines] {
            let (document, found) = read(TEXT, format);
            let outcomes = vec![Outcome::Translated("Щось інше.".into()); found.len()];
            let joined = join(&document, &found, &outcomes).unwrap();
            let account = balance(&document, format, &records(&found, OutcomeRecord::Translated), &joined).unwrap();
            assert_eq!(account.translated.segments, found.len());
            assert_eq!(account.translated.bytes + account.between_bytes, TEXT.len());
        }
    }

    #[test]
    fn dropped_segments_are_counted_as_such() {
        let (document, found) = read(TEXT, Format::Markdown);
        let mut outcomes = vec![Outcome::Copied; found.len()];
        let mut records = records(&found, OutcomeRecord::Copied);
        outcomes[1] = Outcome::Dropped;
        records[1].outcome = OutcomeRecord::Dropped;
        let joined = join(&document, &found, &outcomes).unwrap();
        let account = balance(&document, Format::Markdown, &records, &joined).unwrap();
        assert_eq!((account.dropped.segments, account.copied.segments), (1, found.len() - 1));
    }

    #[test]
    fn a_segment_that_nobody_answers_for_is_an_error() {
        let (document, found) = read(TEXT, Format::Markdown);
        let joined = join(&document, &found, &vec![Outcome::Copied; found.len()]).unwrap();
        let mut records = records(&found, OutcomeRecord::Copied);
        let lost = records.remove(1);
        let error = balance(&document, Format::Markdown, &records, &joined).unwrap_err();
        assert!(error.contains("expected 3, got 4") || error.contains("segments in the output"), "{error}");
        let mut fewer = joined.clone();
        fewer.spans.remove(1);
        let error = balance(&document, Format::Markdown, &records, &fewer).unwrap_err();
        assert!(error.contains("in no segment") && error.contains(&lost.source[..8]), "{error}");
    }

    #[test]
    fn changed_gaps_and_empty_outputs_are_errors() {
        let (document, found) = read(TEXT, Format::Markdown);
        let joined = join(&document, &found, &vec![Outcome::Copied; found.len()]).unwrap();
        let records = records(&found, OutcomeRecord::Copied);
        let mut changed = joined.clone();
        changed.text = changed.text.replace("```\ncode", "```\ncods");
        assert!(balance(&document, Format::Markdown, &records, &changed).unwrap_err().contains("changed"));
        let mut empty = joined.clone();
        empty.text.replace_range(joined.spans[0].clone(), &" ".repeat(joined.spans[0].len()));
        assert!(balance(&document, Format::Markdown, &records, &empty).unwrap_err().contains("empty"));
    }
}
