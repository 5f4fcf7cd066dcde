//! Tests of segmenting whole documents.

#![allow(clippy::unwrap_used)]
use super::{SlotKind, segments};
use crate::article::{Format, read};
use crate::language::Language;
use proptest::prelude::*;

fn texts(source: &str, format: Format) -> Vec<(String, String)> {
    let document = read(source.as_bytes(), format).unwrap();
    let found = segments(&document, Language::EN);
    found.into_iter().map(|segment| (segment.text, document.text[segment.span].to_string())).collect()
}

/// What the model reads, and the bytes of the document that its output takes the place of.
fn check(source: &str, format: Format, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> = expected.iter().map(|(a, b)| ((*a).to_string(), (*b).to_string())).collect();
    assert_eq!(texts(source, format), expected, "{source:?}");
}

#[test]
fn markup_around_a_whole_sentence_stays_outside() {
    check(
        "**Ferry leaves.** It is late.",
        Format::Markdown,
        &[("Ferry leaves.", "Ferry leaves."), ("It is late.", "It is late.")],
    );
    check("[Ferry leaves early](x)", Format::Markdown, &[("Ferry leaves early", "Ferry leaves early")]);
    check(
        "**Ferry leaves. It is late.**",
        Format::Markdown,
        &[("Ferry leaves.", "Ferry leaves."), ("It is late.", "It is late.")],
    );
    check(
        "Late.[^1] Gone.[^2]\n\n[^1]: So.\n\n[^2]: So.",
        Format::Markdown,
        &[("Late.", "Late."), ("Gone.", "Gone."), ("So.", "So."), ("So.", "So.")],
    );
}

#[test]
fn markup_inside_a_sentence_belongs_to_it() {
    check("**Ferry** leaves *late*.", Format::Markdown, &[("Ferry leaves late.", "**Ferry** leaves *late*.")]);
    check("It is **late**", Format::Markdown, &[("It is late", "It is **late**")]);
    check(
        "\\*Late\\* ferry &amp; goats.",
        Format::Markdown,
        &[("*Late* ferry & goats.", "\\*Late\\* ferry &amp; goats.")],
    );
}

#[test]
fn line_breaks_are_one_space() {
    check(
        "A ferry\nleft. It is\n  late.\n",
        Format::Markdown,
        &[("A ferry left.", "A ferry\nleft."), ("It is late.", "It is\n  late.")],
    );
    check("> A ferry\n> left.\n", Format::Markdown, &[("A ferry left.", "A ferry\n> left.")]);
    check(
        "Name: Korzh  \nPort: South",
        Format::Markdown,
        &[("Name: Korzh", "Name: Korzh"), ("Port: South", "Port: South")],
    );
}

#[test]
fn a_line_is_one_segment_in_the_line_format() {
    check("One. Two.\n\n 3 \n***\n", Format::Lines, &[("One. Two.", "One. Two."), ("3", "3")]);
}

#[test]
fn markers_of_plain_lists_stay_outside() {
    check("- salt\n2) bread\n• hay", Format::Plain, &[("salt", "salt"), ("bread", "bread"), ("hay", "hay")]);
}

#[test]
fn verbatim_ranges_are_in_the_text() {
    let document = read(b"Run `make x`, see https://example.org/a. Ask {name}.", Format::Markdown).unwrap();
    let found = segments(&document, Language::EN);
    let verbatim: Vec<&str> = found.iter().flat_map(|s| s.verbatim.iter().map(|v| &s.text[v.clone()])).collect();
    assert_eq!(verbatim, ["make x", "https://example.org/a", "{name}"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn segments_are_in_order_and_say_what_they_stand_for(
        text in "(\\*|\\*\\*|_|`|\\[a\\]\\(b\\)|<b>|</b>|<br>|# |- |> |\\||\\n|\\r\\n|\\n\\n|  \\n|\\\\|&amp;|\\. |! |Mr\\. |a|B c|є|한다\\.|1| ){0,40}"
    ) {
        for format in [Format::Plain, Format::Markdown, Format::Lines] {
            let document = read(text.as_bytes(), format).unwrap();
            let mut at = 0;
            for segment in segments(&document, Language::KO) {
                prop_assert!(segment.span.start >= at && segment.span.end > segment.span.start);
                prop_assert!(document.blocks[segment.block].span.start <= segment.span.start);
                prop_assert!(document.blocks[segment.block].span.end >= segment.span.end);
                at = segment.span.end;
                // The text with its slots put back is the document's bytes.
                let mut rebuilt = String::new();
                let mut read = 0;
                for (index, slot) in segment.slots.iter().enumerate() {
                    rebuilt.push_str(&segment.text[read..slot.at.start]);
                    rebuilt.push_str(&document.text[slot.span.clone()]);
                    read = slot.at.end;
                    match slot.kind {
                        SlotKind::Opening(Some(partner)) => prop_assert_eq!(segment.slots[partner].kind, SlotKind::Closing(Some(index))),
                        SlotKind::Closing(Some(partner)) => prop_assert_eq!(segment.slots[partner].kind, SlotKind::Opening(Some(index))),
                        _ => {}
                    }
                }
                rebuilt.push_str(&segment.text[read..]);
                prop_assert_eq!(&rebuilt, &document.text[segment.span.clone()]);
            }
        }
    }
}
