//! Checks that what has to stay letter for letter does: the spans that the caller protects, and what
//! [`crate::segment::protect`] recognizes in either text in case nobody protected it.

use std::ops::Range;

use super::{Finding, Input, Severity};
use crate::segment::protect::{Taken, protect};

/// A span that has to stand in the output.
struct Wanted<'t> {
    text: &'t str,
    /// Its place in the source, where it is there.
    source: Option<Range<usize>>,
    /// Its place in the output, once it was found.
    output: Option<Range<usize>>,
}

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut wanted = wanted(input);
    let recognized = protect(input.output);
    if wanted.is_empty() && recognized.is_empty() {
        return Vec::new();
    }
    place(&mut wanted, input.output);
    let mut findings: Vec<Finding> = wanted.iter().filter_map(|wanted| lost(wanted, input.output)).collect();
    for span in recognized {
        let taken = wanted.iter().filter_map(|wanted| wanted.output.as_ref());
        if taken.into_iter().any(|taken| taken.start < span.end && span.start < taken.end) {
            continue;
        }
        let text = &input.output[span.clone()];
        let (severity, message) = match wanted.iter().any(|wanted| wanted.text == text) {
            true => (Severity::Warning, format!("output has {text:?} more often than the source")),
            // The source may have it in other words, as where the recognizer sees less in it.
            false if input.source.contains(text) => continue,
            false => (severity(text), format!("output has {text:?}, the source has not")),
        };
        findings.push(Finding::new("verbatim_new", severity, message).in_output(span));
    }
    findings.extend(out_of_order(&wanted));
    findings
}

/// What has to stay: the caller's spans in the order of the source, and what is recognized beside them.
fn wanted<'t>(input: &Input<'t>) -> Vec<Wanted<'t>> {
    let mut wanted: Vec<Wanted<'t>> = Vec::new();
    let mut from = 0;
    for &text in input.verbatim.iter().filter(|text| !text.trim().is_empty()) {
        let source = input.source[from..].find(text).map(|at| from + at..from + at + text.len());
        from = source.as_ref().map_or(from, |span| span.end);
        wanted.push(Wanted { text, source, output: None });
    }
    for span in protect(input.source) {
        let overlaps = |place: &Range<usize>| place.start < span.end && span.start < place.end;
        if !wanted.iter().filter_map(|wanted| wanted.source.as_ref()).any(overlaps) {
            wanted.push(Wanted { text: &input.source[span.clone()], source: Some(span), output: None });
        }
    }
    wanted.sort_by_key(|wanted| wanted.source.as_ref().map_or(usize::MAX, |span| span.start));
    wanted
}

/// Finds a place in the output for each span: the longest choose first, equal ones take places from left to right, and
/// none has another's.
fn place(wanted: &mut [Wanted<'_>], output: &str) {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(wanted[index].text.len()), index));
    let mut taken = Taken::default();
    for index in order {
        wanted[index].output = taken.find(output, wanted[index].text, |place| is_whole(output, place));
    }
}

/// Whether a span does not go on on either side: `convoy_3` is not in `convoy_31`. Hangul sticks to Latin spans.
fn is_whole(text: &str, span: &Range<usize>) -> bool {
    let joins = |inner: Option<char>, outer: Option<char>| {
        inner.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            && outer.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let inside = &text[span.clone()];
    !joins(inside.chars().next(), text[..span.start].chars().next_back())
        && !joins(inside.chars().next_back(), text[span.end..].chars().next())
}

/// How bad it is to lose or invent a span: a bare site may be the name of a company (`Booking.com`).
fn severity(text: &str) -> Severity {
    let site = [".com", ".net", ".org", ".ua", ".kr"].iter().any(|end| text.ends_with(end));
    let bare = !text.starts_with("www.") && !text.contains(['/', '@', ':']);
    if site && bare { Severity::Warning } else { Severity::Error }
}

/// The finding for a span that has no place in the output.
fn lost(wanted: &Wanted<'_>, output: &str) -> Option<Finding> {
    if wanted.output.is_some() {
        return None;
    }
    let folded =
        |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect() };
    let changed = !output.contains(wanted.text) && folded(output).contains(&folded(wanted.text));
    let (code, what) = if changed { ("verbatim_changed", "was changed") } else { ("verbatim_missing", "is missing") };
    let message = format!("{:?} {what}: expected it letter for letter", wanted.text);
    let mut finding = Finding::new(code, severity(wanted.text), message);
    finding.source.clone_from(&wanted.source);
    Some(finding)
}

/// Placeholders without a name (`%s`, `{}`) are filled in the order in which they stand, so it must be that of the source.
/// Everything else may move with its words.
fn out_of_order(wanted: &[Wanted<'_>]) -> Option<Finding> {
    let by_place = |text: &str| text.starts_with('%') && !text.contains(['(', '$', '{']) || text == "{}";
    let placed = wanted.iter().filter(|wanted| by_place(wanted.text));
    let placed: Vec<(&str, &Range<usize>)> =
        placed.filter_map(|wanted| Some((wanted.text, wanted.output.as_ref()?))).collect();
    let (_, moved) = placed.windows(2).find(|pair| pair[1].1.start < pair[0].1.start).map(|pair| pair[1])?;
    let message = "placeholders stand in another order than in the source: they are filled in by their places";
    Some(Finding::new("verbatim_order", Severity::Note, message).in_output(moved.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Input;
    use super::super::tests::{codes, input};

    fn check(source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input("en", "uk", source, output))), expected, "{source:?} → {output:?}");
    }

    #[test]
    fn kept_spans_pass() {
        check("Write to desk@ledger.example.", "Пишіть на desk@ledger.example.", &[]);
        check("Grew by 5% since May", "Зросло на 5 % із травня", &[]);
    }

    #[test]
    fn lost_and_changed_spans_are_found() {
        check("Follow @wire_one", "Стежте за нами", &["verbatim_missing"]);
        check("Follow @wire_one", "Стежте за @Wire_One", &["verbatim_changed", "verbatim_new"]);
        check("Write to desk@ledger.example", "Пишіть на desk@ledgr.example", &["verbatim_missing", "verbatim_new"]);
        check("See https://a.example/x", "Див. https://a.example/y", &["verbatim_missing", "verbatim_new"]);
        check("Dear {name},", "Шановний {ім’я},", &["verbatim_missing"]);
    }

    #[test]
    fn longer_spans_do_not_stand_for_shorter_ones() {
        check(
            "See www.ledger.example and www.ledger.example/today",
            "Див. www.ledger.example/today",
            &["verbatim_missing"],
        );
        let verbatim = ["convoy_3"];
        let longer =
            Input { verbatim: &verbatim, ..input("en", "uk", "Open convoy_3", "Відкрийте convoy_31") };
        assert_eq!(codes(&super::check(&longer)), ["verbatim_missing"]);
        let particle = Input { verbatim: &verbatim, ..input("en", "ko", "Open convoy_3", "convoy_3을 여십시오") };
        assert!(super::check(&particle).is_empty());
    }

    #[test]
    fn more_of_the_same_is_doubtful() {
        check("Hello {name}", "Вітаю, {name}! {name}", &["verbatim_new"]);
    }

    #[test]
    fn only_placeholders_without_a_name_have_an_order() {
        check("%s saw %d", "%d бачив %s", &["verbatim_order"]);
        check("{a} saw {b}", "{b} бачив {a}", &[]);
        check("%1$s saw %2$d", "%2$d бачив %1$s", &[]);
    }

    #[test]
    fn every_occurrence_counts() {
        let verbatim = ["F-16", "F-16"];
        let lost = Input { verbatim: &verbatim, ..input("en", "uk", "F-16 and F-16", "F-16 і ще один") };
        assert_eq!(codes(&super::check(&lost)), ["verbatim_missing"]);
        let kept = Input { verbatim: &verbatim, ..input("en", "uk", "F-16 and F-16", "F-16 і F-16") };
        assert!(super::check(&kept).is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(source in "(\\PC|@|#|%|\\{|https://|<x id=){0,60}", output in "\\PC{0,60}") {
            super::check(&input("en", "uk", &source, &output));
        }
    }
}
