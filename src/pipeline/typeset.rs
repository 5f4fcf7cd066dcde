//! The typography of the target on what was translated: before the outputs are joined, with everything that points into
//! them moved along.

use crate::article::Format;
use crate::job::report::{AlignmentRecord, SegmentRecord};
use crate::language::Language;
use crate::segment::{Outcome, Segment};
use crate::typography::{self, Edit, Part};
use std::ops::Range;

/// Sets the outputs of an article. What was copied, and what came back as it was, stays as it is.
pub(super) fn typeset(
    segments: &[Segment],
    records: &mut [SegmentRecord],
    outcomes: &mut [Outcome],
    (format, language): (Format, Language),
) {
    let keep = |(segment, outcome): (&Segment, &Outcome)| match outcome {
        Outcome::Translated(text) if *text != segment.text => kept(segment, text),
        Outcome::Dropped => Vec::new(),
        _ => std::iter::once(0..segment.text.len()).collect(),
    };
    let keeps: Vec<Vec<Range<usize>>> = segments.iter().zip(outcomes.iter()).map(keep).collect();
    let parts: Vec<Part<'_>> = segments
        .iter()
        .zip(outcomes.iter())
        .zip(&keeps)
        .map(|((segment, outcome), keep)| Part {
            text: match outcome {
                Outcome::Translated(text) => text,
                Outcome::Copied => &segment.text,
                Outcome::Dropped => "",
            },
            keep,
            block: segment.block,
        })
        .collect();
    // Lines need not be of one article: no quotation goes from one into another.
    let edits: Vec<Vec<Edit>> = if format == Format::Lines {
        parts.iter().flat_map(|part| typography::set_parts(&[*part], language)).collect()
    } else {
        typography::set_parts(&parts, language)
    };
    for ((record, outcome), edits) in records.iter_mut().zip(outcomes).zip(edits) {
        let Outcome::Translated(text) = outcome else { continue };
        if edits.is_empty() {
            continue;
        }
        *text = typography::apply(text, &edits);
        record.output.clone_from(text);
        move_along(record, &edits);
    }
}

/// Where the spans that have to stay letter for letter stand in an output.
fn kept(segment: &Segment, output: &str) -> Vec<Range<usize>> {
    let mut wanted: Vec<&str> = segment.verbatim.iter().map(|range| &segment.text[range.clone()]).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found: Vec<Range<usize>> = wanted
        .into_iter()
        .filter(|text| !text.trim().is_empty())
        .flat_map(|text| output.match_indices(text).map(|(at, text)| at..at + text.len()))
        .collect();
    found.sort_by_key(|range| (range.start, range.end));
    found.dedup();
    found
}

/// Moves what a record says of places in its output.
fn move_along(record: &mut SegmentRecord, edits: &[Edit]) {
    for place in record.findings.iter_mut().filter_map(|finding| finding.output.as_mut()) {
        *place = typography::moved(place, edits);
    }
    let last_hop = record.hops.last_mut().and_then(|hop| hop.alignment.as_mut());
    for alignment in record.alignment.as_mut().into_iter().chain(last_hop) {
        move_alignment(alignment, edits);
    }
}

fn move_alignment(alignment: &mut AlignmentRecord, edits: &[Edit]) {
    let move_one = |place: &mut [usize; 2]| {
        let moved = typography::moved(&(place[0]..place[1]), edits);
        *place = [moved.start, moved.end];
    };
    alignment.target.iter_mut().for_each(move_one);
    alignment.words.iter_mut().for_each(|[_, target]| move_one(target));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::quality::{Finding, Severity};
    use crate::segment::protect::protect;

    fn segment(text: &str, block: usize) -> Segment {
        Segment { block, span: 0..0, text: text.into(), slots: Vec::new(), verbatim: protect(text) }
    }

    #[test]
    fn only_translations_are_set_and_places_move_along() {
        let segments = [segment("\"Wait,\" she said. See a.example/\"x\"", 0), segment("\"copied\"", 1)];
        let output = "\"Зачекайте\", - сказала вона на 5%";
        let mut records: Vec<SegmentRecord> =
            [output, "\"copied\""].iter().map(|text| SegmentRecord::new(String::new(), (*text).into())).collect();
        let at = output.find("сказала").unwrap();
        records[0].findings.push(Finding::new("x", Severity::Note, "").in_output(at..at + "сказала".len()));
        let mut outcomes = [Outcome::Translated(output.into()), Outcome::Copied];
        typeset(&segments, &mut records, &mut outcomes, (Format::Plain, Language::UK));
        assert!(records[0].output.starts_with("«Зачекайте», — сказала вона"), "{}", records[0].output);
        let place = records[0].findings[0].output.clone().unwrap();
        assert_eq!(&records[0].output[place], "сказала");
        assert_eq!(outcomes[0], Outcome::Translated(records[0].output.clone()));
        assert_eq!((records[1].output.as_str(), &outcomes[1]), ("\"copied\"", &Outcome::Copied));
    }

    #[test]
    fn no_quotation_goes_from_one_line_into_another() {
        let segments = [segment("one", 0), segment("two", 1)];
        let outputs = ["\"Перша частина", "друга частина\""];
        let mut records = outputs.map(|text| SegmentRecord::new(String::new(), text.into()));
        let mut outcomes = outputs.map(|text| Outcome::Translated(text.into()));
        typeset(&segments, &mut records, &mut outcomes, (Format::Lines, Language::UK));
        assert_eq!([records[0].output.as_str(), records[1].output.as_str()], outputs);
    }

    #[test]
    fn what_came_back_as_it_was_stays() {
        let text = "\"One\" - 5%";
        let mut records = [SegmentRecord::new(text.into(), text.into())];
        let mut outcomes = [Outcome::Translated(text.into())];
        typeset(&[segment(text, 0)], &mut records, &mut outcomes, (Format::Plain, Language::UK));
        assert_eq!(records[0].output, text);
    }
}
