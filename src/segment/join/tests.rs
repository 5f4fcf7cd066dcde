//! Tests of putting outputs back.

#![allow(clippy::unwrap_used)]
use super::{JoinError, NoteKind, Outcome, join, join_with};
use crate::article::{Format, read};
use crate::document::Document;
use crate::language::Language;
use crate::segment::{Phrase, Segment, SlotKind, markup_without_place, segments};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn open(source: &str, format: Format) -> (Document, Vec<Segment>) {
    let document = read(source.as_bytes(), format).unwrap();
    let found = segments(&document, Language::EN);
    (document, found)
}

/// Joins with these outputs; an empty one drops its segment.
fn joined(source: &str, format: Format, outputs: &[&str]) -> (String, Vec<NoteKind>) {
    let (document, found) = open(source, format);
    let outcome =
        |output: &&str| if output.is_empty() { Outcome::Dropped } else { Outcome::Translated((*output).to_string()) };
    let outcomes: Vec<Outcome> = outputs.iter().map(outcome).collect();
    let joined = join(&document, &found, &outcomes).unwrap();
    for (span, outcome) in joined.spans.iter().zip(&outcomes) {
        assert_eq!(span.is_empty(), *outcome == Outcome::Dropped);
        assert!(joined.text.get(span.clone()).is_some());
    }
    (joined.text, joined.notes.into_iter().map(|note| note.kind).collect())
}

fn check(source: &str, outputs: &[&str], expected: &str) {
    assert_eq!(joined(source, Format::Markdown, outputs).0, expected, "{source:?}");
}

#[test]
fn markup_finds_the_same_words() {
    check(
        "The **Samsung** [report](x) is *late*.",
        &["Звіт Samsung запізнився."],
        "*Звіт* **Samsung** [запізнився](x).",
    );
    check("See [Reuters](x) and **NATO**.", &["Див. NATO і Reuters."], "Див. **NATO** і [Reuters](x).");
    check("Made by **Samsung**.", &["Samsung이 만들었다."], "**Samsung**이 만들었다.");
    let (_, notes) = joined("Made by **Samsung**.", Format::Markdown, &["Зробив Samsung."]);
    assert_eq!(notes, []);
}

#[test]
fn other_places_are_estimates_at_word_boundaries() {
    let (text, notes) = joined("The **old** ferry left.", Format::Markdown, &["Старий пором вийшов."]);
    assert_eq!((text.as_str(), notes), ("Старий **пором** вийшов.", vec![NoteKind::MarkupEstimated]));
    check("***Very* late** ferry.", &["Дуже пізній пором."], "***Дуже* пізній** пором.");
}

/// Joins one segment with translations of what its pairs hold: `(what one holds, its translation)`.
fn joined_with(source: &str, output: &str, known: &[(&str, &str)]) -> (String, Vec<NoteKind>) {
    let (document, found) = open(source, Format::Markdown);
    let asked = markup_without_place(&document, &found[0], output);
    let words: Vec<&str> = asked.iter().map(|(_, range)| &found[0].text[range.clone()]).collect();
    assert_eq!(words, known.iter().map(|(words, _)| *words).collect::<Vec<_>>());
    let phrases =
        asked.iter().zip(known).map(|((opening, _), (_, text))| Phrase { opening: *opening, text: (*text).into() });
    let phrases = BTreeMap::from([(0, phrases.collect())]);
    let joined = join_with(&document, &found, &[Outcome::Translated(output.into())], &phrases).unwrap();
    (joined.text, joined.notes.into_iter().map(|note| note.kind).collect())
}

#[test]
fn marks_go_where_the_translation_of_their_words_is() {
    let source = "Officials closed the [old bridge](x) on **Monday** near Kyiv.";
    let output = "У понеділок біля Києва посадовці закрили старий міст.";
    let known = [("old bridge", "Старий міст"), ("Monday", "понеділка")];
    let (text, notes) = joined_with(source, output, &known);
    assert_eq!(text, "У **понеділок** біля Києва посадовці закрили [старий міст](x).");
    assert_eq!(notes, []);
    // What is not in the answer leaves the place an estimate, and nothing is lost.
    let (text, notes) = joined_with(source, output, &[("old bridge", "лікарня"), ("Monday", "понеділок")]);
    assert!(text.contains("**понеділок**") && text.contains("](x)"), "{text}");
    assert_eq!(notes, [NoteKind::MarkupEstimated]);
    // A name is found as it is: nothing is asked for.
    assert!(joined_with("The **Samsung** plant.", "Завод Samsung.", &[]).1.is_empty());
    // A mark around nearly the whole sentence is not asked for either.
    assert_eq!(
        joined_with("**The very old ferry** left.", "Дуже старий пором вийшов.", &[]).1,
        [NoteKind::MarkupEstimated]
    );
}

#[test]
fn lost_code_and_addresses_are_put_in_again() {
    let (text, notes) = joined("Run `make x` now.", Format::Markdown, &["Запустіть зараз."]);
    assert_eq!((text.as_str(), notes), ("Запустіть `make x` зараз.", vec![NoteKind::VerbatimRestored]));
    check("Run `make x` now.", &["Зараз запустіть make x."], "Зараз запустіть `make x`.");
}

#[test]
fn lost_emoji_and_placeholders_go_where_they_stood() {
    let (text, notes) = joined("We won! 🎉\nThey lost 😀\n", Format::Lines, &["Ми перемогли!", "Вони програли"]);
    assert_eq!((text.as_str(), notes), ("Ми перемогли! 🎉\nВони програли 😀\n", vec![NoteKind::VerbatimRestored; 2]));
    check("🔴 **We** won. It is late.", &["Ми перемогли.", "Пізно."], "🔴 **Ми** перемогли. Пізно.");
    let (text, notes) = joined("We won 🎉 today", Format::Lines, &["Ми перемогли сьогодні"]);
    assert_eq!((text.as_str(), notes), ("Ми перемогли сьогодні", vec![]));
    check("{name}: *go*", &["Іди"], "{name}: *Іди*");
}

#[test]
fn markup_over_two_sentences_keeps_its_order() {
    check("One **two. Three** four.", &["Раз два.", "Три чотири."], "Раз **два. Три** чотири.");
}

#[test]
fn line_breaks_move_to_the_nearest_space() {
    let (text, _) = joined("The old ferry\nleft the island.\n", Format::Plain, &["Старий пором покинув острів."]);
    assert_eq!(text, "Старий пором\nпокинув острів.\n");
    check(
        "> The old ferry\n> left the island.",
        &["Старий пором покинув острів."],
        "> Старий пором\n> покинув острів.",
    );
    let (text, notes) = joined("The old\nferry", Format::Plain, &["Пором"]);
    assert_eq!((text.as_str(), notes), ("Пором", vec![NoteKind::BreakLost]));
}

#[test]
fn accidental_markup_is_escaped_and_plain_text_is_not() {
    check("Hello there.", &["*Привіт* [там](тут) `x`."], "\\*Привіт\\* [там\\](тут) \\`x\\`.");
    check("Hello there.", &["1. Привіт"], "1\\. Привіт");
    check("\\*Hello\\* there.", &["*Привіт* усім."], "\\*Привіт\\* усім.");
    check("|a b|\n|-|\n", &["в | г"], "|в \\| г|\n|-|\n");
    check(
        "See https://example.org/x*y_z now.",
        &["Див. https://example.org/x*y_z зараз."],
        "Див. https://example.org/x*y_z зараз.",
    );
    assert_eq!(joined("Hello there.", Format::Plain, &["*Привіт*"]).0, "*Привіт*");
}

#[test]
fn outputs_stay_on_their_line() {
    assert_eq!(joined("One.\nTwo.\n", Format::Lines, &["Раз\nі ще\r\n", "Два"]).0, "Раз і ще\nДва\n");
}

#[test]
fn sentences_without_a_space_between_them_get_one() {
    let document = read("배가 떠났다.그는 남았다.".as_bytes(), Format::Plain).unwrap();
    let found = segments(&document, Language::KO);
    let outcomes = ["The ship left.", "He stayed."].map(|text| Outcome::Translated(text.to_string()));
    assert_eq!(join(&document, &found, &outcomes).unwrap().text, "The ship left. He stayed.");
}

#[test]
fn dropped_segments_take_their_space_and_lines_with_them() {
    assert_eq!(joined("One. Two. Three.", Format::Plain, &["Раз.", "", "Три."]).0, "Раз. Три.");
    assert_eq!(joined("One. Two.\n", Format::Plain, &["Раз.", ""]).0, "Раз.\n");
    assert_eq!(joined("One.\n\nTwo.\n\nThree.\n", Format::Plain, &["Раз.", "", "Три."]).0, "Раз.\n\nТри.\n");
    assert_eq!(joined("One.\n\nTwo.\n", Format::Plain, &["Раз.", ""]).0, "Раз.\n");
    assert_eq!(joined("One\nTwo\nThree\n", Format::Lines, &["Раз", "", "Три"]).0, "Раз\n\nТри\n");
    check("- one\n- two\n- three\n", &["раз", "", "три"], "- раз\n- три\n");
    check("Title\n=====\n\nText.\n", &["", "Текст."], "Текст.\n");
    check("## Title ##\n\n**Text**.\n", &["Назва", ""], "## Назва ##\n");
}

#[test]
fn an_empty_output_keeps_the_source() {
    let (document, found) = open("One. Two.", Format::Plain);
    let outcomes = [Outcome::Translated(" ".into()), Outcome::Copied];
    let joined = join(&document, &found, &outcomes).unwrap();
    assert_eq!(joined.text, "One. Two.");
    assert_eq!(joined.notes[0].kind, NoteKind::EmptyOutput);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (document, found) = open("One. Two.", Format::Plain);
    assert_eq!(join(&document, &found, &[]), Err(JoinError::Count { segments: 2, outcomes: 0 }));
    let (other, _) = open("О", Format::Plain);
    assert!(matches!(
        join(&other, &found, &[Outcome::Copied, Outcome::Copied]),
        Err(JoinError::Span { segment: 0, .. })
    ));
}

const SOUP: &str = "(\\*|\\*\\*|\\*a\\*|\\*\\*b c\\*\\*|_|`|`x`|\\[a\\]\\(b\\)|\\[|\\]|\\(|<b>|</b>|<https://a\\.ua>|<br>|#|# |- |1\\. |> |\\||\\n|\\r\\n|\\n\\n|  \\n|\\\\|&amp;|\\[\\^1\\]|\\. |! |Mr\\. |a|B c|є|한다\\.|1|\t|\u{c}|\u{feff}| ){0,40}";

#[test]
fn marks_stand_in_order_where_the_output_has_few_words() {
    let document = read("*a*<b>. </b>є. <br>".as_bytes(), Format::Markdown).unwrap();
    for segment in segments(&document, Language::EN) {
        let placed = crate::segment::place::place(&document, &segment, "а. а b", &[]);
        assert!(placed.inserts.is_sorted_by_key(|insert| insert.at.start), "{:?}", placed.inserts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn identity_gives_every_file_back(text in SOUP, any in "\\PC{0,40}", mark: bool) {
        for source in [&text, &any] {
            let mut bytes = if mark { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
            bytes.extend(source.as_bytes());
            for format in [Format::Plain, Format::Markdown, Format::Lines] {
                let Ok(document) = read(&bytes, format) else { continue };
                prop_assert_eq!(document.check(), Ok(()));
                for language in [Language::EN, Language::UK, Language::KO] {
                    let found = segments(&document, language);
                    let outcomes: Vec<Outcome> = found.iter().map(|s| Outcome::Translated(s.text.clone())).collect();
                    let joined = join(&document, &found, &outcomes).unwrap();
                    let written = crate::article::write(&document, &joined.text).unwrap();
                    prop_assert_eq!(&written, &bytes);
                    for (span, segment) in joined.spans.iter().zip(&found) {
                        prop_assert_eq!(span, &segment.span);
                    }
                }
            }
        }
    }

    #[test]
    fn markup_is_never_lost_and_stays_well_formed(text in SOUP, words in prop::collection::vec("[а-яa-z]{1,6}[.,!]?", 0..8)) {
        let document = read(text.as_bytes(), Format::Markdown).unwrap();
        let found = segments(&document, Language::EN);
        let output = words.join(" ");
        for (index, segment) in found.iter().enumerate() {
            if output.is_empty() {
                continue;
            }
            let placed = crate::segment::place::place(&document, segment, &output, &[]);
            // Inserts are in order and never inside a word.
            let mut at = 0;
            for insert in &placed.inserts {
                prop_assert!(insert.at.start >= at, "{:?}", placed.inserts);
                at = insert.at.end;
                let before = output[..insert.at.start].chars().next_back().is_some_and(char::is_alphanumeric);
                let after = output[insert.at.start..].chars().next().is_some_and(char::is_alphanumeric);
                prop_assert!(!(before && after), "{:?} {:?}", insert, output);
            }
            // All markup is there, and pairs are in order.
            let dense = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let all = dense(&placed.inserts.iter().map(|insert| insert.text.as_str()).collect::<String>());
            for slot in &segment.slots {
                let bytes = &document.text[slot.span.clone()];
                if matches!(slot.kind, SlotKind::Markup | SlotKind::Opening(_) | SlotKind::Closing(_)) {
                    prop_assert!(all.contains(&dense(bytes)), "{bytes:?} of segment {index} in {all:?}");
                }
            }
        }
    }

    #[test]
    fn words_in_markdown_come_back_as_words(output in "([а-яa-z]{1,3}|\\*|_|`|\\[|\\]|\\(|<|>|&|;|#|-|1\\.|\\||~|!|\\\\| ){1,20}") {
        let document = read("Hello there.\n\nBye.\n".as_bytes(), Format::Markdown).unwrap();
        let found = segments(&document, Language::EN);
        let wanted = output.trim();
        prop_assume!(!wanted.is_empty() && wanted.contains(char::is_alphanumeric));
        let joined = join(&document, &found, &[Outcome::Translated(output.clone()), Outcome::Copied]).unwrap();
        let again = read(joined.text.as_bytes(), Format::Markdown).unwrap();
        prop_assert_eq!(again.blocks.len(), 2, "{:?}", joined.text);
        let seen: String = again.blocks[0]
            .pieces
            .iter()
            .filter(|piece| piece.kind != crate::document::PieceKind::Escape)
            .map(|piece| &again.text[piece.span.clone()])
            .collect();
        prop_assert_eq!(seen, wanted, "{:?}", joined.text);
    }
}

#[test]
fn parts_of_words_find_parts_of_words() {
    let check = |source: &str, output: &str, expected: &str| {
        assert_eq!(joined(source, Format::Html, &[output]).0, expected, "{source:?}");
    };
    check("<p>H<sub>2</sub>O boils at 2 km.", "На 2 км кипить H2O.", "<p>На 2 км кипить H<sub>2</sub>O.");
    check("<p>Its 2 rooms: 40 m<sup>2</sup>.", "Дві кімнати, 2 і 40 м2.", "<p>Дві кімнати, 2 і 40 м<sup>2</sup>.");
    check("<p><b>NATO</b>는 이를 부인했다.", "This was denied by NATO.", "<p>This was denied by <b>NATO</b>.");
}

#[test]
fn tags_of_line_breaks_outlive_words() {
    let (text, notes) = joined("<p>one<br>two <i>three</i>", Format::Html, &["один"]);
    assert_eq!((text.as_str(), notes.contains(&NoteKind::BreakLost)), ("<p><i>один</i><br>", true));
}

#[test]
fn pairs_of_signs_are_not_taken_into_other_pairs() {
    let (text, _) = joined("<b>?</b><b><i>Kyiv</i> line</b>.", Format::Html, &["so and ?Kyiv so and line so on."]);
    assert_eq!(text, "<b><i>so</i> and</b> <b>?</b>Kyiv so and line so on.");
}

#[test]
fn tags_around_what_has_to_survive_come_back_with_it() {
    let source = "<p>Run <code>x = y</code> and <kbd>Ctrl</kbd> at <b translate=no>Wolt</b>.";
    let (text, notes) = joined(source, Format::Html, &["Зробіть це двічі."]);
    assert!(notes.contains(&NoteKind::VerbatimRestored));
    assert_eq!(text, "<p><code>x = y</code> Зробіть це <kbd>Ctrl</kbd> двічі <b translate=no>Wolt</b>.");
}
