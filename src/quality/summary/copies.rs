//! How much of a written summary stands word for word in its article, and how much of that in the article's first
//! sentences.
//!
//! The measure is the coverage by extractive fragments of Grusky et al. 2018 ("Newsroom", section 4): the longest runs of
//! words that both texts share, found from left to right. Short runs are names and set phrases and do not count, and
//! neither does what stands in quotation marks: a quotation has to be a copy.

use super::super::letters::{Counts, words};
use super::super::{Finding, Severity};
use super::quotes::quotations;
use super::{SummaryCheck, Text, tokens};
use crate::language::Language;
use std::collections::BTreeMap;
use std::ops::Range;

/// A run of words counts as copied from this weight on: 40 letters or 16 syllables of Hangul, about seven words of
/// English, six of Ukrainian, five of Korean. "Lt. Col. Pavlo Sereda of the civil-military unit" is shorter.
const COPIED_WEIGHT: f32 = 40.0;
/// From this share of the summary on it is the article's beginning, not a summary: a reader who has seen the first
/// paragraph learns nothing new from most of it. The first sentences themselves have 1; summaries in own words that share
/// a name and a sum with the lead stay below 0.3.
const LEAD_LIMIT: f32 = 0.5;
/// From this share on the sentences were chosen, not written.
const ARTICLE_LIMIT: f32 = 0.8;
/// From this share on it is worth knowing.
const WORTH_KNOWING: f32 = 0.3;

/// How much of a summary is copied, as shares of its letters outside quotations, from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Copied {
    /// What stands word for word anywhere in the article.
    pub article: f32,
    /// What stands word for word in as many of its first sentences as the summary has.
    pub lead: f32,
}

/// Measures how much of a summary is copied from an article in `language`.
pub fn copied(article: &str, summary: &str, language: Language) -> Copied {
    let count = crate::segment::sentence_ranges(summary, language).len();
    let lead_end = lead_end(article, language, count);
    let said = outside_quotations(summary);
    let source: Vec<String> = tokens(article).into_iter().map(|word| article[word].to_lowercase()).collect();
    let lead = tokens(&article[..lead_end]).len();
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, word) in source.iter().enumerate() {
        places.entry(word).or_default().push(at);
    }
    let (mut total, mut from_article, mut from_lead) = (0.0, 0.0, 0.0);
    // Runs do not reach over quotations.
    for part in said {
        let spans = tokens(&summary[part.clone()]);
        let said: Vec<String> = spans.into_iter().map(|word| summary[part.clone()][word].to_lowercase()).collect();
        let mut at = 0;
        while at < said.len() {
            let (length, place) = longest_run(&said[at..], &source, places.get(said[at].as_str()));
            let run = weight(&said[at..at + length.max(1)]);
            total += run;
            if length > 0 && run >= COPIED_WEIGHT {
                from_article += run;
                from_lead += if place < lead { run } else { 0.0 };
            }
            at += length.max(1);
        }
    }
    let share = |part: f32| if total > 0.0 { part / total } else { 0.0 };
    Copied { article: share(from_article), lead: share(from_lead) }
}

/// The longest run of words at the beginning of `said` that stands in `source`, and where it stands first.
fn longest_run(said: &[String], source: &[String], places: Option<&Vec<usize>>) -> (usize, usize) {
    let mut best = (0, usize::MAX);
    for &place in places.into_iter().flatten() {
        let length = said.iter().zip(&source[place..]).take_while(|(a, b)| a == b).count();
        if length > best.0 {
            best = (length, place);
        }
    }
    best
}

fn weight(words: &[String]) -> f32 {
    words.iter().map(|word| Counts::of(word).weight() + word.chars().filter(char::is_ascii_digit).count() as f32).sum()
}

/// Where the first `count` sentences of an article end. Headlines are no sentences; they belong to what follows.
fn lead_end(article: &str, language: Language, count: usize) -> usize {
    let mut left = count;
    let mut begin = 0;
    for line in article.split_inclusive('\n') {
        let complete = line.trim_end().ends_with(['.', '!', '?', '…', '"', '”', '»', '’', ')']);
        if complete {
            let sentences = crate::segment::sentence_ranges(line, language);
            if left <= sentences.len() {
                return begin + left.checked_sub(1).map_or(0, |last| sentences[last].end);
            }
            left -= sentences.len();
        }
        begin += line.len();
    }
    article.len()
}

/// What stands between quotations. Marks around a word or two are names and irony.
fn outside_quotations(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut from = 0;
    for quotation in quotations(text) {
        if words(&text[quotation.clone()]).len() > 2 {
            parts.push(from..quotation.start);
            from = quotation.end;
        }
    }
    parts.push(from..text.len());
    parts
}

/// Findings about what a written summary copies; only within one language can words be the same.
pub(super) fn check(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    if request.from != request.to {
        return Vec::new();
    }
    let shares = copied(text.article, text.summary, request.to);
    let mut findings = Vec::new();
    if shares.lead >= LEAD_LIMIT {
        let message = format!(
            "summary is the article's beginning: expected own words, got {:.0} % word for word from its first sentences",
            100.0 * shares.lead
        );
        findings.push(Finding::new("copied_lead", Severity::Warning, message));
    }
    if shares.article >= WORTH_KNOWING {
        let message = format!("{:.0} % of the summary stands word for word in the article", 100.0 * shares.article);
        let severity = if shares.article >= ARTICLE_LIMIT { Severity::Warning } else { Severity::Note };
        findings.push(Finding::new("copied_article", severity, message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::codes;
    use super::super::tests::request;
    use super::*;

    const EN: &str = "Ferry returns\n\nThe ferry between the two islands sailed again on Friday after a winter in the dock. Its new engine burns a third less fuel than the old one did. Passengers waited on the pier from six in the morning to be the first aboard. \"I have missed the noise more than the journey itself,\" said a retired teacher.";
    const UK: &str = "Пором повернувся\n\nПором між двома островами знову вийшов у рейс у п’ятницю після зими в доку. Його новий двигун спалює на третину менше пального, ніж старий. Пасажири чекали на пристані від шостої ранку, щоб зайти першими.";
    const KO: &str = "여객선이 돌아왔다\n\n두 섬을 잇는 여객선이 겨울 내내 수리를 받은 끝에 금요일 다시 운항을 시작했다. 새 엔진은 예전 엔진보다 연료를 삼분의 일 적게 쓴다. 승객들은 가장 먼저 타려고 아침 여섯 시부터 부두에서 기다렸다.";

    fn check(article: &str, language: Language, summary: &str, expected: &[&str]) {
        let text = Text::of(article, summary, language);
        assert_eq!(codes(&super::check(&text, &request(language, language))), expected, "{summary}");
    }

    #[test]
    fn first_sentences_are_seen_in_each_language() {
        let whole: &[&str] = &["copied_lead", "copied_article"];
        check(
            EN,
            Language::EN,
            "The ferry between the two islands sailed again on Friday after a winter in the dock. Its new engine burns a third less fuel than the old one did.",
            whole,
        );
        check(
            UK,
            Language::UK,
            "Пором між двома островами знову вийшов у рейс у п’ятницю після зими в доку. Його новий двигун спалює на третину менше пального.",
            whole,
        );
        check(
            KO,
            Language::KO,
            "두 섬을 잇는 여객선이 겨울 내내 수리를 받은 끝에 금요일 다시 운항을 시작했다. 새 엔진은 연료를 적게 쓴다.",
            &["copied_lead", "copied_article"],
        );
    }

    #[test]
    fn own_words_and_quotations_pass() {
        check(
            EN,
            Language::EN,
            "After months of repairs the island ferry is back with a thriftier engine. \"I have missed the noise more than the journey itself,\" said a passenger.",
            &[],
        );
        check(
            UK,
            Language::UK,
            "Після ремонту між островами знову ходить пором, якому тепер треба менше пального. Люди прийшли на пристань удосвіта.",
            &[],
        );
        check(KO, Language::KO, "수리를 마친 여객선이 섬 사이를 다시 오간다. 연료 소비도 줄었다.", &[]);
    }

    #[test]
    fn a_copy_from_further_down_is_worth_knowing() {
        check(
            EN,
            Language::EN,
            "The island ferry is back after a winter of repairs and with a new engine. Passengers waited on the pier from six in the morning.",
            &["copied_article"],
        );
    }

    #[test]
    fn shares_are_figures() {
        let all = copied(
            EN,
            "The ferry between the two islands sailed again on Friday after a winter in the dock.",
            Language::EN,
        );
        assert_eq!((all.article, all.lead), (1.0, 1.0));
        assert_eq!(copied(EN, "", Language::EN), Copied::default());
        assert_eq!(copied("", "Something was written here by someone in own words.", Language::EN), Copied::default());
    }
}
