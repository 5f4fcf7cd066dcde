//! Checks the sentences of a summary one by one: the language of each, how many there are, whether two say the same, and
//! whether the last one came to its end.

use super::super::letters::{Counts, script_for, words};
use super::super::{Finding, Input, Severity, language as output_language};
use super::{SummaryCheck, Text, tokens};
use crate::language::Language;
use crate::language::detect;
use std::collections::BTreeSet;
use std::ops::Range;

/// Letters from which on a sentence is told from another language in the same script; as for paragraphs of articles.
const LETTERS_TO_DETECT: usize = 24;
/// Words of the target's script below this share, in a sentence of [`WORDS_TO_SHARE`] words, make it no sentence of it,
/// names or not.
const LEAST_SHARE: f32 = 0.15;
const WORDS_TO_SHARE: usize = 5;
/// Two sentences that share so much of their words say the same.
const SAME_WORDS: f32 = 0.75;
/// Sentences with fewer words are not compared: "He declined to comment." may well be said twice.
const WORDS_TO_COMPARE: usize = 5;
/// Words that a sentence of news hardly exceeds, whoever writes it.
const LONGEST_SENTENCE: usize = 60;

/// Sentences in another language than the one asked for: one finding if it is the summary as a whole, else one each.
pub(super) fn language(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    let to = request.to;
    let whole = 0..text.summary.len();
    if is_foreign(text, whole.clone(), to) {
        let found = named(text.summary, to);
        let message = format!("summary is in another language: expected {}{found}", to.english_name());
        return vec![Finding::new("wrong_language", Severity::Error, message).in_output(whole)];
    }
    let wrong: Vec<&Range<usize>> =
        text.sentences.iter().filter(|range| is_foreign(text, (*range).clone(), to)).collect();
    wrong
        .into_iter()
        .map(|range| {
            let found = named(&text.summary[range.clone()], to);
            let message = format!("a sentence is in another language: expected {}{found}", to.english_name());
            Finding::new("wrong_language", Severity::Error, message).in_output(range.clone())
        })
        .collect()
}

/// What detection takes a text for, for messages.
fn named(text: &str, to: Language) -> String {
    let found = detect::detect(text).filter(|found| found.language != to);
    found.map_or(String::new(), |found| format!(", looks like {}", found.language.english_name()))
}

fn is_foreign(text: &Text<'_>, range: Range<usize>, to: Language) -> bool {
    let sentence = &text.summary[range];
    let input = Input { source: text.article, output: sentence, from: to, to, ended: None, score: None, verbatim: &[] };
    if !output_language::check(&input).is_empty() {
        return true;
    }
    // Capitals do not make names of all words: a headline in title case is a sentence in its language too.
    let counts = Counts::of(sentence);
    if let Some(script) = script_for(to)
        && words(sentence).len() >= WORDS_TO_SHARE
        && counts.share(script) < LEAST_SHARE
    {
        return true;
    }
    let letters = sentence.chars().filter(|c| c.is_alphabetic()).count();
    letters >= LETTERS_TO_DETECT && detect::detect_among(sentence, to).is_some_and(|found| found.language != to)
}

/// Compares the number of sentences with the target, and with what the article can give.
pub(super) fn length(text: &Text<'_>, request: &SummaryCheck<'_>) -> Option<Finding> {
    let got = text.sentences.len();
    let has = crate::segment::sentence_ranges(text.article, request.from).len();
    let expected = request.sentences.min(has).max(1);
    if got > 2 * expected || 2 * got < expected {
        let message = format!("summary has another length: expected about {expected} sentences, got {got}");
        return Some(Finding::new("summary_length", Severity::Warning, message));
    }
    let words = tokens(text.summary).len();
    if words > LONGEST_SENTENCE * request.sentences {
        let message = format!(
            "summary has another length: expected at most {} words in {expected} sentences, got {words}",
            LONGEST_SENTENCE * request.sentences
        );
        return Some(Finding::new("summary_length", Severity::Warning, message));
    }
    (got != expected)
        .then(|| Finding::new("summary_length", Severity::Note, format!("expected {expected} sentences, got {got}")))
}

/// Sentences that say what an earlier one has said, in nearly the same words.
pub(super) fn repeated(text: &Text<'_>) -> Vec<Finding> {
    let words: Vec<BTreeSet<String>> = text
        .sentences
        .iter()
        .map(|range| {
            let sentence = &text.summary[range.clone()];
            tokens(sentence).into_iter().map(|word| sentence[word].to_lowercase()).collect()
        })
        .collect();
    let mut findings = Vec::new();
    for later in 1..words.len() {
        let same = |earlier: &usize| {
            let shared = words[later].intersection(&words[*earlier]).count();
            let all = words[later].union(&words[*earlier]).count();
            words[later].len().min(words[*earlier].len()) >= WORDS_TO_COMPARE
                && shared as f32 >= SAME_WORDS * all as f32
                // Said twice in a row is what the general check for loops has found.
                && (shared != all || *earlier + 1 != later)
        };
        if let Some(earlier) = (0..later).find(same) {
            let message =
                format!("summary repeats itself: sentence {} says what sentence {} says", later + 1, earlier + 1);
            findings
                .push(Finding::new("repetition", Severity::Warning, message).in_output(text.sentences[later].clone()));
        }
    }
    findings
}

/// Whether the last sentence came to its end.
pub(super) fn end(text: &Text<'_>) -> Option<Finding> {
    let end = text.summary.trim_end().len();
    (!is_complete(text.summary)).then(|| {
        let message = "summary stops short: expected a mark at the end of its last sentence";
        Finding::new("end_missing", Severity::Warning, message).in_output(end..end)
    })
}

/// Whether a text ends as a sentence does, closing quotes and brackets left aside.
fn is_complete(text: &str) -> bool {
    let closing =
        |c: char| c.is_whitespace() || matches!(c, '"' | '”' | '“' | '’' | '»' | '\'' | ')' | ']' | '」' | '』');
    text.trim_end_matches(closing).ends_with(['.', '!', '?', '…', '。'])
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::codes;
    use super::super::tests::request;
    use super::super::{SummaryCheck, check_summary};
    use super::*;

    const ARTICLE: &str = "Міст відкрили у вівторок. Його чекали роками. Рух пустили о сьомій ранку. На відкриття прийшли сотні людей. Дощу не було.";

    fn check(to: Language, summary: &str, expected: &[&str]) {
        let request = SummaryCheck { sentences: 3, ..request(Language::UK, to) };
        assert_eq!(codes(&check_summary(ARTICLE, summary, &request)), expected, "{summary}");
    }

    #[test]
    fn each_sentence_has_to_be_in_the_language() {
        let good = "Після років чекання мостом знову їздять. Подивитися прийшло багато людей. Погода не завадила.";
        check(Language::UK, good, &[]);
        let english = "Після років чекання мостом знову їздять. Hundreds of people came to see it. Погода не завадила.";
        check(Language::UK, english, &["wrong_language"]);
        let russian =
            "Після років чекання мостом знову їздять. Посмотреть на него пришли сотни людей. Погода не завадила.";
        check(Language::UK, russian, &["wrong_language"]);
        let korean = "Hundreds came to the new bridge. 다리가 화요일에 열렸다. The weather was dry.";
        check(Language::EN, korean, &["wrong_language"]);
        let chinese = "다리가 마침내 열렸다. 数百人前来参观这座新桥。 비는 오지 않았다.";
        assert!(
            codes(&check_summary(ARTICLE, chinese, &request(Language::UK, Language::KO))).contains(&"wrong_language")
        );
        let titled =
            "Після років чекання мостом знову їздять. Bridge Opens After Years Of Waiting. Погода не завадила.";
        assert!(
            codes(&check_summary(ARTICLE, titled, &request(Language::UK, Language::UK))).contains(&"wrong_language")
        );
        check(Language::UK, "Hundreds of people came to see the bridge. It was dry. It is open.", &["wrong_language"]);
    }

    #[test]
    fn the_number_of_sentences_is_compared_with_what_can_be_had() {
        check(Language::UK, "Мостом знову їздять.", &["summary_length"]);
        let request = SummaryCheck { sentences: 8, ..request(Language::UK, Language::UK) };
        let five = "Мостом знову їздять. На нього чекали довго. Перші авта пустили зранку. Подивитися прийшли сотні. Було сухо.";
        assert!(check_summary(ARTICLE, five, &request).is_empty(), "the article has no more");
        let long = format!("The bridge is open{}. It is dry.", " and open to all".repeat(40));
        assert!(
            codes(&check_summary(ARTICLE, &long, &SummaryCheck { sentences: 2, to: Language::EN, ..request }))
                .contains(&"summary_length")
        );
    }

    #[test]
    fn a_sentence_that_returns_is_found() {
        let summary = "The new bridge was opened on Tuesday at last. Hundreds of people came. The new bridge was at last opened on Tuesday.";
        check(Language::EN, summary, &["repetition"]);
        let korean =
            "새 다리가 화요일 아침에 마침내 열렸다. 사람들이 많이 왔다. 새 다리가 화요일 아침에 마침내 열렸다.";
        check(Language::KO, korean, &["repetition"]);
    }

    #[test]
    fn an_end_that_is_missing_is_found() {
        check(Language::EN, "The bridge was opened. People came. The rain did not", &["end_missing"]);
        check(Language::UK, "Мостом знову їздять. Люди прийшли. Його «чекали роками!»", &[]);
        check(Language::KO, "다리가 열렸다. 사람들이 왔다. 비는 오지", &["end_missing"]);
    }
}
