//! Where findings lie in a text: byte ranges that overlap and nest become runs that follow one another.

use super::escape;
use crate::quality::{Finding, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;
use unicode_segmentation::{GraphemeCursor, GraphemeIncomplete};

/// A finding's place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Bytes of the text; they may lie anywhere, even where no character begins.
    pub(super) range: Range<usize>,
    /// How much it matters.
    pub(super) severity: Severity,
    /// The number of the finding, from 1, as it is shown.
    pub(super) number: usize,
}

/// Which of the two texts of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Output,
}

/// The places of findings on one side; those without a place have no mark.
pub(super) fn marks(findings: &[Finding], side: Side) -> Vec<Mark> {
    let place = |finding: &Finding| match side {
        Side::Source => finding.source.clone(),
        Side::Output => finding.output.clone(),
    };
    let mark = |(index, finding): (usize, &Finding)| {
        Some(Mark { range: place(finding)?, severity: finding.severity, number: index + 1 })
    };
    findings.iter().enumerate().filter_map(mark).collect()
}

/// A part of a text with the findings that lie on all of it.
#[derive(Debug, PartialEq, Eq)]
struct Run<'a> {
    text: &'a str,
    /// Indices of marks, in their order.
    on: Vec<usize>,
    /// Whether the run belongs to marks without width, which stand before what follows.
    point: bool,
}

/// Appends a text with its marks. Without the tags it is the text.
pub(super) fn highlighted(out: &mut String, text: &str, marks: &[Mark]) {
    let marks = placed(text, marks);
    if marks.is_empty() {
        escape::text(out, text);
        return;
    }
    let runs = runs(text, &marks);
    // The number stands where a finding ends, once, whatever else lies on it.
    let mut last = BTreeMap::new();
    for (index, run) in runs.iter().enumerate() {
        last.extend(run.on.iter().map(|&on| (on, index)));
    }
    for (index, run) in runs.iter().enumerate() {
        if run.on.is_empty() {
            escape::text(out, run.text);
            continue;
        }
        // A mark on the whole text says nothing of a place: what lies inside it is seen first.
        let all: Vec<&Mark> = run.on.iter().map(|&on| &marks[on]).collect();
        let narrow: Vec<&Mark> = all.iter().copied().filter(|mark| !is_whole(text, mark)).collect();
        let seen = if narrow.is_empty() { &all } else { &narrow };
        let severity = seen.iter().map(|mark| mark.severity).max().map_or("note", class);
        let whole = if narrow.is_empty() { " whole" } else { "" };
        let point = if run.point { " point" } else { "" };
        let numbers: Vec<String> = all.iter().map(|mark| mark.number.to_string()).collect();
        let _ = write!(out, "<mark class=\"{severity}{whole}{point}\" data-f=\"{}\"", numbers.join(" "));
        let ended = run.on.iter().filter(|&&on| last.get(&on) == Some(&index));
        let ended: Vec<String> = ended.map(|&on| marks[on].number.to_string()).collect();
        if !ended.is_empty() {
            let _ = write!(out, " data-n=\"{}\"", ended.join(" "));
        }
        // The line is drawn under the inner element, so that the number behind it has none.
        out.push_str("><u>");
        escape::text(out, run.text);
        out.push_str("</u></mark>");
    }
}

/// The class of what has a severity.
pub(super) fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn is_whole(text: &str, mark: &Mark) -> bool {
    mark.range == (0..text.len())
}

/// The marks that lie in the text, widened to what a reader takes for characters: an accent is not torn from its letter.
fn placed(text: &str, marks: &[Mark]) -> Vec<Mark> {
    let inside = |mark: &&Mark| mark.range.start <= mark.range.end && mark.range.start <= text.len();
    let widen = |mark: &Mark| {
        let start = boundary_before(text, mark.range.start);
        let end = if mark.range.is_empty() { start } else { boundary_after(text, mark.range.end) };
        Mark { range: start..end, ..mark.clone() }
    };
    marks.iter().filter(inside).map(widen).collect()
}

/// The last boundary between characters, as readers see them, that is not behind the offset.
fn boundary_before(text: &str, offset: usize) -> usize {
    let offset = text.floor_char_boundary(offset);
    if is_boundary(text, offset) {
        return offset;
    }
    GraphemeCursor::new(offset, text.len(), true).prev_boundary(text, 0).ok().flatten().unwrap_or(0)
}

/// The first boundary between characters, as readers see them, that is not before the offset.
fn boundary_after(text: &str, offset: usize) -> usize {
    let offset = text.ceil_char_boundary(offset);
    if is_boundary(text, offset) {
        return offset;
    }
    GraphemeCursor::new(offset, text.len(), true).next_boundary(text, 0).ok().flatten().unwrap_or(text.len())
}

fn is_boundary(text: &str, offset: usize) -> bool {
    let answer: Result<bool, GraphemeIncomplete> = GraphemeCursor::new(offset, text.len(), true).is_boundary(text, 0);
    answer.unwrap_or(true)
}

/// Cuts a text where a mark begins or ends. All of the text is in the runs, once.
fn runs<'a>(text: &'a str, marks: &[Mark]) -> Vec<Run<'a>> {
    // What begins, ends and has no width at each place.
    let mut events: BTreeMap<usize, [Vec<usize>; 3]> = BTreeMap::new();
    for (index, mark) in marks.iter().enumerate() {
        if mark.range.is_empty() {
            events.entry(mark.range.start).or_default()[2].push(index);
        } else {
            events.entry(mark.range.start).or_default()[0].push(index);
            events.entry(mark.range.end).or_default()[1].push(index);
        }
    }
    let mut on: BTreeSet<usize> = BTreeSet::new();
    let mut runs = Vec::new();
    let mut at = 0;
    for (place, [begin, end, points]) in events {
        if place > at {
            runs.push(Run { text: &text[at..place], on: on.iter().copied().collect(), point: false });
            at = place;
        }
        for index in end {
            on.remove(&index);
        }
        if !points.is_empty() {
            runs.push(Run { text: "", on: points, point: true });
        }
        on.extend(begin);
    }
    if at < text.len() {
        runs.push(Run { text: &text[at..], on: on.into_iter().collect(), point: false });
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::reading;
    use proptest::prelude::*;

    /// Marks by range and severity (`n`, `w`, `e`), and the text with `[worst:numbers|text]` where marks lie.
    fn check(text: &str, places: &[(Range<usize>, char)], expected: &str) {
        let severity = |letter: char| match letter {
            'n' => Severity::Note,
            'w' => Severity::Warning,
            _ => Severity::Error,
        };
        let marks: Vec<Mark> = places
            .iter()
            .enumerate()
            .map(|(index, (range, letter))| Mark {
                range: range.clone(),
                severity: severity(*letter),
                number: index + 1,
            })
            .collect();
        let mut html = String::new();
        highlighted(&mut html, text, &marks);
        let mut short = String::new();
        for part in html.split("<mark class=\"") {
            match part.split_once("\" data-f=\"") {
                Some((class, rest)) => {
                    let (numbers, rest) = rest.split_once('"').unwrap_or_default();
                    let (_, rest) = rest.split_once('>').unwrap_or_default();
                    let _ = write!(short, "[{class}:{numbers}|{}", rest.replace("<u>", "").replace("</u></mark>", "]"));
                }
                None => short.push_str(part),
            }
        }
        assert_eq!(short, expected);
        assert_eq!(reading::text_content(&html), text);
    }

    #[test]
    fn marks_stand_where_findings_lie() {
        check("nothing here", &[], "nothing here");
        check("about 12 men", &[(6..8, 'e')], "about [error:1|12] men");
        check("12 of 13", &[(0..2, 'w'), (6..8, 'n')], "[warning:1|12] of [note:2|13]");
    }

    #[test]
    fn overlapping_and_nested_marks_become_runs_with_the_worst_severity() {
        check("abcdef", &[(0..4, 'w'), (2..6, 'e')], "[warning:1|ab][error:1 2|cd][error:2|ef]");
        check("abcdef", &[(1..5, 'e'), (2..3, 'n')], "a[error:1|b][error:1 2|c][error:1|de]f");
        check("abc", &[(1..2, 'n'), (1..2, 'w')], "a[warning:1 2|b]c");
        check("abcd", &[(0..2, 'e'), (2..4, 'n')], "[error:1|ab][note:2|cd]");
    }

    #[test]
    fn a_mark_on_everything_lets_the_places_inside_it_be_seen() {
        check("abcd", &[(0..4, 'e')], "[error whole:1|abcd]");
        check("abcd", &[(0..4, 'e'), (1..2, 'n')], "[error whole:1|a][note:1 2|b][error whole:1|cd]");
    }

    #[test]
    fn a_mark_without_width_is_a_point() {
        check("ab", &[(1..1, 'w')], "a[warning point:1|]b");
        check("ab", &[(2..2, 'w'), (0..1, 'n')], "[note:2|a]b[warning point:1|]");
        check("", &[(0..0, 'e')], "[error whole point:1|]");
    }

    #[test]
    fn characters_are_not_torn() {
        check("Київ", &[(1..3, 'e')], "[error:1|Ки]їв");
        check("e\u{301}a", &[(0..1, 'e')], "[error:1|e\u{301}]a");
        check("👩‍🚒!", &[(4..5, 'e')], "[error:1|👩‍🚒]!");
    }

    #[test]
    fn places_outside_the_text_are_cut_or_left_out() {
        check("abc", &[(2..99, 'e')], "ab[error:1|c]");
        check("abc", &[(50..99, 'e'), (0..1, 'n')], "[note:2|a]bc");
        #[allow(clippy::reversed_empty_ranges)]
        check("abc", &[(2..1, 'e')], "abc");
    }

    #[test]
    fn the_number_of_a_finding_stands_once() {
        let mark = |range: Range<usize>, number| Mark { range, severity: Severity::Note, number };
        let mut html = String::new();
        highlighted(&mut html, "abcdef", &[mark(1..5, 1), mark(2..3, 2)]);
        assert_eq!(html.matches("data-n=\"1\"").count(), 1);
        assert_eq!(html.matches("data-n=\"2\"").count(), 1);
    }

    proptest! {
        #[test]
        fn no_marks_change_a_text(
            text in any::<String>(),
            places in proptest::collection::vec((0_usize..60, 0_usize..60), 0..8),
        ) {
            let marks: Vec<Mark> = places
                .into_iter()
                .enumerate()
                .map(|(index, (start, end))| Mark { range: start..end, severity: Severity::Error, number: index + 1 })
                .collect();
            let mut html = String::new();
            highlighted(&mut html, &text, &marks);
            prop_assert_eq!(reading::text_content(&html), text.replace('\0', "\u{2400}"));
        }
    }
}
