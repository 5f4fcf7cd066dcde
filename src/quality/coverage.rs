//! Checks that every sentence of a segment has its counterpart in the output: a translation may join or split sentences,
//! not lose one or make one up.
//!
//! Sentences are aligned twice ([`super::alignment`]): once so that each has a counterpart, once so that some may go
//! without. Where the second is so much likelier, the sentences without a counterpart are reported. What is likely was
//! measured on odd lines of news and encyclopedic text: lengths ([`super::length`]) and what sentences of a pair have in
//! common ([`super::anchors`]).

use std::ops::Range;

use super::alignment::{Costs, Group, Texts, align};
use super::anchors::{Mask, anchors};
use super::length::direction;
use super::sentences::{Sentence, sentences};
use super::{Finding, Input, Severity};

/// An advantage of the alignment with gaps, as a logarithm of likelihoods, from which on a sentence is surely lost.
const SURE: f32 = 5.0;
/// What a sentence of the output without counterpart costs. Translators add none; they split what stood together.
const ADDED: f32 = -4.0;

/// What a sentence of the source without counterpart costs, by direction: Korean says in two short sentences what the
/// others say in one with a clause.
fn missing(input: &Input<'_>) -> f32 {
    match (input.from.as_str(), input.to.as_str()) {
        ("ko", "en") => -1.3,
        ("ko", "uk") => -2.3,
        ("en", "ko") => 1.3,
        ("uk", "ko") => 1.1,
        ("en", "uk") | ("uk", "en") => 0.9,
        _ => -4.0,
    }
}

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    if input.from == input.to {
        return Vec::new();
    }
    let (source, output) = (sentences(input.source, input.from), sentences(input.output, input.to));
    if source.is_empty() || output.is_empty() || source.len() + output.len() < 3 {
        return Vec::new();
    }
    if source.len().max(output.len()) > Mask::BITS as usize {
        return counted(source.len(), output.len());
    }
    let anchors = anchors(&source, &output, (input.from, input.to));
    let direction = direction(input.from, input.to);
    let texts = Texts { source: &source, output: &output, anchors: &anchors, direction };
    let never = Costs { missing: f32::NEG_INFINITY, added: f32::NEG_INFINITY };
    let Some((groups, score)) = align(&texts, Costs { missing: missing(input), added: ADDED }) else {
        return counted(source.len(), output.len());
    };
    if groups.iter().all(|group| !group.source.is_empty() && !group.output.is_empty()) {
        return Vec::new();
    }
    let sure = align(&texts, never).is_none_or(|(_, whole)| score - whole > SURE);
    gaps(&groups, (&source, &output), if sure { Severity::Error } else { Severity::Warning })
}

/// A finding for each run of sentences without counterpart.
fn gaps(groups: &[Group], texts: (&[Sentence<'_>], &[Sentence<'_>]), severity: Severity) -> Vec<Finding> {
    let (source, output) = texts;
    let counts = format!("{} in the source, {} in the output", source.len(), output.len());
    let mut findings = Vec::new();
    for run in groups.chunk_by(|a, b| a.output.is_empty() && b.output.is_empty()) {
        if run[0].output.is_empty() {
            let lost = &source[run[0].source.start..run[run.len() - 1].source.end];
            let message = format!("sentences are missing ({counts}): expected {}, got nothing like it", quoted(lost));
            findings.push(Finding::new("sentences_missing", severity, message).in_source(span(lost)));
        }
    }
    for run in groups.chunk_by(|a, b| a.source.is_empty() && b.source.is_empty()) {
        if run[0].source.is_empty() {
            let added = &output[run[0].output.start..run[run.len() - 1].output.end];
            let message = format!("sentences were added ({counts}): the source has nothing like {}", quoted(added));
            findings.push(Finding::new("sentences_added", severity, message).in_output(span(added)));
        }
    }
    findings
}

fn span(sentences: &[Sentence<'_>]) -> Range<usize> {
    sentences[0].span.start..sentences[sentences.len() - 1].span.end
}

/// The beginning of the first sentence and how many follow, for messages.
fn quoted(sentences: &[Sentence<'_>]) -> String {
    let mut short: String = sentences[0].text.chars().take(60).collect();
    if short.len() < sentences[0].text.len() {
        short.push('…');
    }
    match sentences.len() {
        1 => format!("{short:?}"),
        more => format!("{short:?} and {} more", more - 1),
    }
}

/// What the numbers of sentences alone say, where there are too many to align them.
fn counted(source: usize, output: usize) -> Vec<Finding> {
    if output * 5 > source * 3 {
        return Vec::new();
    }
    let message = format!("sentences are missing: expected about {source}, got {output}");
    vec![Finding::new("sentences_missing", Severity::Error, message)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Severity;
    use super::super::tests::{codes, input};

    const EN: &str = "The road was closed at noon. Two trucks were hit on the bridge. Nobody was hurt in the town. The convoy turned back at once. It will try again on Monday.";
    const UK: &str = "Дорогу перекрили опівдні. Дві вантажівки влучили на мосту. У місті ніхто не постраждав. Колона одразу повернула назад. У понеділок вона спробує знову.";
    const KO: &str = "도로는 정오에 폐쇄됐다. 다리 위에서 트럭 두 대가 공격을 받았다. 마을에서는 아무도 다치지 않았다. 호송대는 곧바로 돌아갔다. 월요일에 다시 시도할 예정이다.";

    /// What is missing or added in a translation, as text of the source or of the output.
    fn gaps(direction: (&str, &str), source: &str, output: &str, expected: &[&str]) {
        let findings = super::check(&input(direction.0, direction.1, source, output));
        let found: Vec<&str> = findings
            .iter()
            .map(|finding| match (&finding.source, &finding.output) {
                (Some(span), _) => &source[span.clone()],
                (None, Some(span)) => &output[span.clone()],
                (None, None) => "",
            })
            .collect();
        assert_eq!(found, expected, "{output}");
    }

    #[test]
    fn whole_paragraphs_pass() {
        let texts = [("en", EN), ("uk", UK), ("ko", KO)];
        for (from, source) in texts {
            for (to, output) in texts.iter().filter(|(to, _)| *to != from) {
                gaps((from, to), source, output, &[]);
            }
        }
    }

    #[test]
    fn two_of_five_sentences_are_a_finding_in_every_direction() {
        let two = |text: &str| {
            let all: Vec<&str> = text.split_inclusive(". ").collect();
            format!("{}{}", all[0], all[4])
        };
        let texts = [("en", EN), ("uk", UK), ("ko", KO)];
        for (from, source) in texts {
            for (to, output) in texts.iter().filter(|(to, _)| *to != from) {
                let found = super::check(&input(from, to, source, &two(output)));
                assert!(codes(&found).iter().all(|code| *code == "sentences_missing"), "{from} → {to}");
                assert_eq!(found.first().map(|finding| finding.severity), Some(Severity::Error), "{from} → {to}");
            }
        }
    }

    #[test]
    fn the_missing_sentence_is_named() {
        gaps(("en", "uk"), EN, &UK.replace(" У місті ніхто не постраждав.", ""), &["Nobody was hurt in the town."]);
        gaps(("en", "ko"), EN, &KO.replace(" 호송대는 곧바로 돌아갔다.", ""), &["The convoy turned back at once."]);
        gaps(
            ("uk", "en"),
            UK,
            &EN.replace(" Two trucks were hit on the bridge.", ""),
            &["Дві вантажівки влучили на мосту."],
        );
        gaps(
            ("ko", "uk"),
            KO,
            &UK.replace(" У понеділок вона спробує знову.", ""),
            &["월요일에 다시 시도할 예정이다."],
        );
    }

    #[test]
    fn an_added_sentence_is_named() {
        let more = format!("{UK} Раніше мер Олег Ткач обіцяв водіям безкоштовний обід у готелі біля річки.");
        gaps(("en", "uk"), EN, &more, &["Раніше мер Олег Ткач обіцяв водіям безкоштовний обід у готелі біля річки."]);
    }

    #[test]
    fn joined_and_split_sentences_are_no_loss() {
        let source = "The road was closed at noon. Two trucks were hit on the bridge.";
        let joined = "Опівдні дорогу перекрили, а на мосту обстріляли дві вантажівки.";
        gaps(("en", "uk"), source, joined, &[]);
        gaps(("uk", "en"), joined, source, &[]);
        let ko = "호송대를 이끈 파블로 세레다 중령은 이를 부인했다. 그는 트럭들이 3월 16일에 돌아왔다고 말했다.";
        gaps(
            ("ko", "en"),
            ko,
            "Lt. Col. Pavlo Sereda, who led the convoy, denied it and said the trucks had come back on March 16.",
            &[],
        );
    }

    #[test]
    fn hundreds_of_sentences_are_counted() {
        gaps(("en", "uk"), &"It rained again. ".repeat(200), &"Знову йшов дощ. ".repeat(60), &[""]);
        gaps(("en", "uk"), &"It rained again. ".repeat(200), &"Знову йшов дощ. ".repeat(190), &[]);
    }

    proptest! {
        #[test]
        fn spans_are_in_the_texts(source in "(Road\\. |[A-Z]é\\? |한다\\. |\\PC){0,40}", output in "(Ні\\. |їв! |\\PC|5 ){0,40}") {
            for finding in super::check(&input("en", "uk", &source, &output)) {
                prop_assert!(finding.source.is_none_or(|span| source.get(span).is_some()));
                prop_assert!(finding.output.is_none_or(|span| output.get(span).is_some()));
            }
        }
    }
}
