//! Checks of a summary against its article: the language of every sentence, the length that was asked for, numbers,
//! names and quotations that the article does not have, what was copied, boilerplate, and talk that is no summary.
//!
//! The order of the findings depends on the texts only. Whether what is said is true is beyond these checks: they see
//! what is new, not what is twisted.

mod copies;
mod inflection;
mod names;
mod phrases;
mod quotes;
mod sentences;

use std::ops::Range;

use super::{Finding, Input, Severity, ending, numbers, pairs, quantity, repetition, script};
use crate::language::Language;

pub use copies::{Copied, copied};

/// Who wrote a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryOrigin {
    /// A model, in its own words: sentences of the article are not expected.
    Written,
    /// Sentences of the article were chosen: they are expected word for word.
    Extracted,
}

/// What a summary was asked to be.
#[derive(Debug, Clone, Copy)]
pub struct SummaryCheck<'a> {
    /// Language of the article.
    pub from: Language,
    /// Language that the summary has to be in.
    pub to: Language,
    /// Target length in sentences.
    pub sentences: usize,
    /// Who wrote it.
    pub origin: SummaryOrigin,
    /// Lines that were dropped from the article as boilerplate; none may come back.
    pub boilerplate: &'a [&'a str],
    /// What the model was told, so that an answer that repeats it is seen; empty if no model was asked.
    pub instructions: &'a str,
}

/// Checks a summary. An empty one is one finding.
pub fn check_summary(article: &str, summary: &str, request: &SummaryCheck<'_>) -> Vec<Finding> {
    let input = Input {
        source: article,
        output: summary,
        from: request.from,
        to: request.to,
        ended: None,
        score: None,
        verbatim: &[],
    };
    let mut findings = ending::check(&input);
    if !findings.is_empty() {
        return findings;
    }
    let mut text = Text::of(article, summary, request.to);
    let written = request.origin == SummaryOrigin::Written;
    let foreign = sentences::language(&text, request);
    text.foreign = foreign.iter().filter_map(|finding| finding.output.clone()).collect();
    findings.extend(foreign);
    // Extracted sentences are whatever the article has.
    if written {
        let found = script::check(&input).into_iter();
        findings.extend(found.filter(|finding| !finding.output.as_ref().is_some_and(|place| text.is_foreign(place))));
    }
    findings.extend(repetition::check(&input));
    findings.extend(sentences::repeated(&text));
    findings.extend(sentences::length(&text, request));
    findings.extend(sentences::end(&text));
    findings.extend(pairs::check(&input).into_iter().filter(|finding| finding.code == "unpaired"));
    findings.extend(new_numbers(&text, request));
    if written {
        findings.extend(names::check(&text, request));
        findings.extend(quotes::check(&text, request));
        findings.extend(copies::check(&text, request));
        findings.extend(phrases::told(&text, request));
    }
    findings.extend(phrases::boilerplate(&text, request));
    findings
}

/// A summary, its article and its sentences.
struct Text<'a> {
    article: &'a str,
    summary: &'a str,
    /// The sentences of the summary, in order.
    sentences: Vec<Range<usize>>,
    /// Those of them, or all the summary, that are in another language.
    foreign: Vec<Range<usize>>,
}

impl<'a> Text<'a> {
    fn of(article: &'a str, summary: &'a str, language: Language) -> Text<'a> {
        Text { article, summary, sentences: crate::segment::sentence_ranges(summary, language), foreign: Vec::new() }
    }

    /// Whether a place in the summary is in a sentence in another language.
    fn is_foreign(&self, place: &Range<usize>) -> bool {
        self.foreign.iter().any(|range| range.start <= place.start && place.end <= range.end)
    }
}

/// Numbers of the summary that the article has in no form.
fn new_numbers(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    numbers::unmatched((text.summary, request.to), (text.article, request.from))
        .into_iter()
        .map(|quantity| {
            let message = format!("number is new: the article has no {:?}", &text.summary[quantity.span.clone()]);
            // One and two turn into articles and pairs in good summaries; other numbers do not.
            let small = quantity.alternatives.iter().flatten().all(|&v| quantity::is(v, 1.0) || quantity::is(v, 2.0));
            let severity = if small { Severity::Warning } else { Severity::Error };
            Finding::new("number_new", severity, message).in_output(quantity.span)
        })
        .collect()
}

/// Letters and digits of a text in lower case, without anything between: spacing and punctuation do not make it another.
fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Words and figures of a text with their places; apostrophes and hyphens between letters belong to the word.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let joins = matches!(c, '\'' | '’' | 'ʼ' | '-' | '‑') && start.is_some();
        let inside = c.is_alphanumeric() || joins && chars.peek().is_some_and(|&(_, next)| next.is_alphanumeric());
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    found.extend(start.map(|from| from..text.len()));
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::codes;
    use super::{SummaryCheck, SummaryOrigin, check_summary};
    use crate::language::Language;
    use proptest::prelude::*;

    const ARTICLE: &str = "The convoy reached the town on Monday with 62.5 tonnes of food. Two trucks were damaged by shrapnel but no one was hurt. Talks have not resumed since Feb. 27. Follow us on Telegram: @meridian_wire";

    pub(super) fn request(from: Language, to: Language) -> SummaryCheck<'static> {
        SummaryCheck { from, to, sentences: 2, origin: SummaryOrigin::Written, boilerplate: &[], instructions: "" }
    }

    fn check(to: Language, summary: &str, expected: &[&str]) {
        assert_eq!(codes(&check_summary(ARTICLE, summary, &request(Language::EN, to))), expected, "{summary}");
    }

    #[test]
    fn good_summaries_pass() {
        check(Language::EN, "A convoy brought 62.5 tonnes of food to the town. Nobody was hurt.", &[]);
        check(Language::UK, "Колона привезла до міста 62,5 тонни їжі. Ніхто не постраждав.", &[]);
        check(Language::KO, "호송대가 식량 62.5톤을 전달했다. 다친 사람은 없었다.", &[]);
    }

    #[test]
    fn faults_are_found() {
        check(Language::UK, "", &["empty_output"]);
        check(Language::KO, "A convoy brought food to the town. Nobody was hurt at all.", &["wrong_language"]);
        check(Language::EN, "A convoy brought 85 tonnes of food to the town. Nobody was hurt.", &["number_new"]);
        check(Language::EN, "A convoy came. It ate. It left. It sang. It slept.", &["summary_length"]);
        check(Language::UK, "Колона привезла їжу. Стежте за нами: підписуйтеся!", &["boilerplate_leak"]);
        check(Language::EN, "A convoy brought food to the town. See @meridian_wire for more.", &["boilerplate_leak"]);
    }

    #[test]
    fn extracted_sentences_are_the_articles_own() {
        let copy = "The convoy reached the town on Monday with 62.5 tonnes of food. Two trucks were damaged by shrapnel but no one was hurt.";
        check(Language::EN, copy, &["copied_lead", "copied_article"]);
        let extracted = SummaryCheck { origin: SummaryOrigin::Extracted, ..request(Language::EN, Language::EN) };
        assert!(check_summary(ARTICLE, copy, &extracted).is_empty());
        // What is no sentence of the article's language or no news is found in them too.
        let russian = "Колонна добралась до города только с третьей попытки, сообщили в администрации.";
        assert_eq!(
            codes(&check_summary(ARTICLE, &format!("{copy} {russian}"), &extracted)),
            ["wrong_language", "summary_length"]
        );
        let leak = "Talks have not resumed since Feb. 27. Follow us on Telegram: @meridian_wire";
        assert!(codes(&check_summary(ARTICLE, leak, &extracted)).contains(&"boilerplate_leak"));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_check_panic(
            article in "(\\PC|[A-ZА-ЯЇ][a-zа-я]{1,8} |[«»“”„\"\\n]|홍길동 씨|[0-9]){0,60}",
            summary in "(\\PC|[A-ZА-ЯЇ][a-zа-я]{1,8} |[«»“”„\"\\n]|홍길동 씨|[0-9]|- ){0,60}",
        ) {
            for from in [Language::EN, Language::UK, Language::KO] {
                for to in [Language::EN, Language::UK, Language::KO] {
                    for finding in check_summary(&article, &summary, &request(from, to)) {
                        if let Some(span) = finding.output { prop_assert!(summary.get(span).is_some()); }
                    }
                }
            }
        }
    }
}
