//! Checks of what goes out: each check reads source and output and answers findings.
//!
//! Stands behind the searches and before the output is written: [`check`] reads one translated segment,
//! [`check_summary`] one summary. A check only reports; it never changes a text and never calls a model.
//! Notes are for the report, warnings and errors are what the exit code tells.

mod alignment;
mod anchors;
mod attached;
mod clock;
mod concepts;
mod confidence;
mod consistency;
mod copied;
mod coverage;
mod dates;
mod ending;
mod language;
mod length;
mod letters;
mod measures;
mod mentions;
mod names;
mod negation;
#[cfg(test)]
mod number_cases;
mod number_words;
mod numbers;
mod numerals;
mod pairing;
mod pairs;
mod quantity;
mod repetition;
mod russian;
mod script;
mod sentences;
mod sign;
mod spelled;
mod summary;
mod tokens;
mod unit_words;
mod units;
mod verbatim;

use std::ops::Range;

use crate::intern::Name;
use crate::language::Language;

pub use confidence::confidence;
pub use consistency::{Pair, check_names, unknown_names};
pub use pairing::{Paired, pair_paragraphs};
pub use summary::{Copied, SummaryCheck, SummaryOrigin, check_summary, copied};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; does not change the exit code.
    Note,
    /// Doubtful: a person should look.
    Warning,
    /// Wrong, or most likely wrong.
    Error,
}

/// Something that a reader of the output has to know.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    /// Stable machine name, for example `number_missing`.
    #[serde(deserialize_with = "crate::intern::name")]
    pub code: Name,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one sentence: what, expected, got.
    pub message: String,
    /// Byte range in the source text of the segment, if it has a place there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Range<usize>>,
    /// Byte range in the output, if it has a place there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Range<usize>>,
}

impl Finding {
    /// A finding about the text as a whole.
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Finding {
        Finding { code, severity, message: message.into(), source: None, output: None }
    }

    /// The same finding with its place in the source.
    pub fn in_source(mut self, span: Range<usize>) -> Finding {
        self.source = Some(span);
        self
    }

    /// The same finding with its place in the output.
    pub fn in_output(mut self, span: Range<usize>) -> Finding {
        self.output = Some(span);
        self
    }
}

/// Why an answer ended, as the checks see it. The searches have an enum of their own; the pipeline translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The model ended it.
    Normal,
    /// The limit of tokens was reached.
    Limit,
    /// The answer fell into a loop and was stopped.
    Loop,
}

/// A segment and its translation.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The text that was translated.
    pub source: &'a str,
    /// The translation.
    pub output: &'a str,
    /// Language of the source.
    pub from: Language,
    /// Language that the output has to be in.
    pub to: Language,
    /// Why the answer ended, if a search made it.
    pub ended: Option<Ended>,
    /// The model's own score as log-probability a token, if it has one.
    pub score: Option<f32>,
    /// Spans that have to stand in the output letter for letter, one entry an occurrence.
    pub verbatim: &'a [&'a str],
}

/// A check of one segment.
type Check = fn(&Input<'_>) -> Vec<Finding>;

/// The checks in the order in which they report: how the answer ended, what language it is in, what it says.
const CHECKS: &[Check] = &[
    ending::check,
    copied::check,
    language::check,
    script::check,
    repetition::check,
    length::check,
    coverage::check,
    numbers::check,
    sign::check,
    verbatim::check,
    negation::check,
    names::check,
    pairs::check,
];

/// Bytes of a segment up to which all checks read it. Some compare every part of the source with every part of the output,
/// and a segment of this length is no sentence.
const LONGEST: usize = 32 << 10;

/// The checks of longer segments, whose time grows with the length only.
const OF_LONG: &[Check] = &[ending::check, language::check, length::check, verbatim::check];

/// Runs all checks on a translated segment. The order of the findings depends on the texts only.
pub fn check(input: &Input<'_>) -> Vec<Finding> {
    if input.source.trim().is_empty() && input.output.trim().is_empty() {
        return Vec::new();
    }
    // An empty or copied output is one fault; the other checks would only repeat it in other words.
    let first: Vec<Finding> = ending::check(input);
    if first.iter().any(|finding| finding.code == ending::EMPTY) {
        return first;
    }
    let copied = copied::check(input);
    if !copied.is_empty() {
        return first.into_iter().chain(copied).collect();
    }
    if input.source.len().max(input.output.len()) > LONGEST {
        let message = format!(
            "the segment is too long for all checks: expected at most {LONGEST} bytes, got {}; numbers, names, loops and the like were not read",
            input.source.len().max(input.output.len())
        );
        let note = Finding::new("checks_limited", Severity::Note, message);
        return OF_LONG.iter().flat_map(|check| check(input)).chain([note]).collect();
    }
    CHECKS.iter().flat_map(|check| check(input)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::{Finding, Input, Severity, check};

    /// An input without anything but texts and languages.
    pub(super) fn input<'a>(from: &str, to: &str, source: &'a str, output: &'a str) -> Input<'a> {
        Input {
            source,
            output,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            ended: None,
            score: None,
            verbatim: &[],
        }
    }

    /// The codes of findings, in order.
    pub(super) fn codes(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_good_translation_has_no_findings() {
        let en = "\"We did not stop,\" Lt. Col. Sereda said at 5:40 a.m. on March 16. The trucks brought 62.5 tonnes.";
        let uk = "«Ми не зупинялися», — сказав підполковник Середа о 05:40 16 березня. Вантажівки привезли 62,5 тонни.";
        let ko =
            "“우리는 멈추지 않았다.” 세레다 중령은 3월 16일 오전 5시 40분에 이렇게 말했다. 트럭은 62.5톤을 실어 왔다.";
        for (from, to, source, output) in [
            ("en", "uk", en, uk),
            ("en", "ko", en, ko),
            ("uk", "en", uk, en),
            ("uk", "ko", uk, ko),
            ("ko", "en", ko, en),
            ("ko", "uk", ko, uk),
        ] {
            assert_eq!(check(&input(from, to, source, output)), [], "{from} → {to}");
        }
    }

    #[test]
    fn an_empty_or_copied_output_is_one_finding() {
        let source = "Вантажівки привезли 62,5 тонни.";
        assert_eq!(codes(&check(&input("uk", "en", source, " "))), ["empty_output"]);
        assert_eq!(codes(&check(&input("uk", "en", source, source))), ["copied_source"]);
        assert_eq!(check(&input("uk", "en", " ", "")), []);
    }

    #[test]
    fn very_long_segments_are_read_by_some_checks_and_say_so() {
        let source = "The 31 trucks of Oksana Melnyk stood at %s in Poltava. ".repeat(2000);
        let output = "31 вантажівка Оксани Мельник стояла біля %s у Полтаві. ".repeat(2000);
        assert_eq!(codes(&check(&input("en", "uk", &source, &output))), ["checks_limited"]);
        let lost = output.replacen("%s", "", 1);
        assert_eq!(codes(&check(&input("en", "uk", &source, &lost))), ["verbatim_missing", "checks_limited"]);
    }

    #[test]
    fn severities_are_ordered() {
        assert!(Severity::Note < Severity::Warning && Severity::Warning < Severity::Error);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_check_panic(source in "\\PC{0,60}", output in "\\PC{0,60}") {
            for (from, to) in [("en", "uk"), ("uk", "ko"), ("ko", "en")] {
                for finding in check(&input(from, to, &source, &output)) {
                    if let Some(span) = finding.source { prop_assert!(source.get(span).is_some()); }
                    if let Some(span) = finding.output { prop_assert!(output.get(span).is_some()); }
                }
            }
        }
    }
}
