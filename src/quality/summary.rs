//! Checks of a summary against its article: language, length in sentences, numbers that the article does not have,
//! sentences taken over word for word, boilerplate.

use super::coverage::count_sentences;
use super::{Finding, Input, Severity, ending, language, numbers, repetition, script};
use crate::language::Language;

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
}

/// Phrases of lines that speak to the reader and are no news, in lower case.
#[rustfmt::skip]
const BOILERPLATE: &[&str] = &[
    "ctrl + enter", "ctrl+enter", "follow us", "join us on", "subscribe to our", "read also", "share this story",
    "sign up for our", "читайте також", "підписуйтеся", "підписуйтесь", "долучайтеся до", "стежте за нами",
    "наш телеграм", "нашому телеграм", "нашому telegram", "нашому каналі", "натисніть ctrl", "무단전재", "무단 전재",
    "재배포 금지", "구독하기", "팔로우하", "제보는", "기사제보", "관련 기사",
];

/// A sentence of the article this long, in characters without spaces, that stands in a written summary is a copy.
const COPIED_CHARACTERS: usize = 40;

/// Checks a summary. The order of the findings depends on the texts only.
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
    findings.extend(language::check(&input));
    // Extracted sentences are whatever the article has.
    if request.origin == SummaryOrigin::Written {
        findings.extend(script::check(&input));
    }
    findings.extend(repetition::check(&input));
    findings.extend(sentences(summary, request));
    findings.extend(new_numbers(article, summary, request));
    if request.origin == SummaryOrigin::Written && request.from == request.to {
        findings.extend(copied(article, summary));
    }
    findings.extend(leaked(article, summary, request));
    findings
}

/// Compares the number of sentences with the target; half and double are still what was asked for.
fn sentences(summary: &str, request: &SummaryCheck<'_>) -> Option<Finding> {
    let got = count_sentences(summary);
    let expected = request.sentences;
    if got > 2 * expected || 2 * got < expected {
        let message = format!("summary has another length: expected about {expected} sentences, got {got}");
        return Some(Finding::new("summary_length", Severity::Warning, message));
    }
    (got != expected)
        .then(|| Finding::new("summary_length", Severity::Note, format!("expected {expected} sentences, got {got}")))
}

/// Numbers of the summary that the article has in no form.
fn new_numbers(article: &str, summary: &str, request: &SummaryCheck<'_>) -> Vec<Finding> {
    numbers::unmatched((summary, request.to), (article, request.from))
        .into_iter()
        .map(|quantity| {
            let message = format!("number is new: the article has no {:?}", &summary[quantity.span.clone()]);
            Finding::new("number_new", Severity::Error, message).in_output(quantity.span)
        })
        .collect()
}

/// Sentences of the article that a written summary took over; the message says how much of it they are.
fn copied(article: &str, summary: &str) -> Option<Finding> {
    let folded =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let whole = folded(article);
    let mut taken = 0;
    let mut total = 0;
    for sentence in summary.split_inclusive(['.', '!', '?', '…', '\n']) {
        let folded = folded(sentence);
        let length = folded.chars().count();
        total += length;
        if length >= COPIED_CHARACTERS && whole.contains(&folded) {
            taken += length;
        }
    }
    if taken == 0 {
        return None;
    }
    let share = 100 * taken / total.max(1);
    // One sentence taken over among several is seen, most of the summary is what was not asked for.
    let severity = if share >= 60 { Severity::Warning } else { Severity::Note };
    Some(Finding::new("copied_lead", severity, format!("{share} % of the summary stands word for word in the article")))
}

/// Boilerplate in the summary: a line that was dropped, or a phrase that no news has.
fn leaked(article: &str, summary: &str, request: &SummaryCheck<'_>) -> Vec<Finding> {
    let lower = summary.to_lowercase();
    let mut findings = Vec::new();
    for line in request.boilerplate.iter().map(|line| line.trim()).filter(|line| line.chars().count() >= 8) {
        if let Some(at) = summary.find(line) {
            let message = format!("boilerplate in the summary: {line:?}");
            findings.push(Finding::new("boilerplate_leak", Severity::Error, message).in_output(at..at + line.len()));
        }
    }
    if findings.is_empty()
        && let Some(phrase) = BOILERPLATE.iter().find(|phrase| lower.contains(**phrase))
    {
        findings.push(Finding::new(
            "boilerplate_leak",
            Severity::Error,
            format!("boilerplate in the summary: {phrase:?}"),
        ));
    }
    // Handles of the article's last lines are advertising, not news.
    for word in summary.split_whitespace().filter(|word| word.starts_with('@') && word.len() > 3) {
        if findings.is_empty() && article.contains(word) {
            findings.push(Finding::new(
                "boilerplate_leak",
                Severity::Warning,
                format!("handle in the summary: {word:?}"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::codes;
    use super::{SummaryCheck, SummaryOrigin, check_summary};
    use crate::language::Language;

    const ARTICLE: &str = "The convoy reached the town on Monday with 62.5 tonnes of food. Two trucks were damaged by shrapnel but no one was hurt. Talks have not resumed since Feb. 27. Follow us on Telegram: @meridian_wire";

    fn request(to: Language) -> SummaryCheck<'static> {
        SummaryCheck { from: Language::EN, to, sentences: 2, origin: SummaryOrigin::Written, boilerplate: &[] }
    }

    fn check(to: Language, summary: &str, expected: &[&str]) {
        assert_eq!(codes(&check_summary(ARTICLE, summary, &request(to))), expected, "{summary}");
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
    fn copies_are_found_unless_they_were_asked_for() {
        let copy = "The convoy reached the town on Monday with 62.5 tonnes of food. Two trucks were damaged by shrapnel but no one was hurt.";
        check(Language::EN, copy, &["copied_lead"]);
        let extracted = SummaryCheck { origin: SummaryOrigin::Extracted, ..request(Language::EN) };
        assert!(check_summary(ARTICLE, copy, &extracted).is_empty());
    }

    #[test]
    fn dropped_lines_may_not_come_back() {
        let lines = ["Більше новин у нас удома"];
        let request = SummaryCheck { boilerplate: &lines, ..request(Language::UK) };
        let summary = "Колона привезла їжу. Більше новин у нас удома";
        assert_eq!(codes(&check_summary(ARTICLE, summary, &request)), ["boilerplate_leak"]);
    }
}
