//! Checks the quotations of a summary: what stands in quotation marks has to stand in the article, letter for letter, and
//! there in quotation marks too. In a translated summary no quotation can be verbatim: it is named, so that a person can
//! compare it, unless the article quotes nobody.

use super::super::{Finding, Severity};
use super::inflection::Forms;
use super::{SummaryCheck, Text, folded, tokens};
use crate::language::Language;
use std::ops::Range;

/// Marks that open a quotation, with those that may close it.
const MARKS: &[(char, &[char])] = &[
    ('«', &['»']),
    ('„', &['“', '”', '"']),
    ('“', &['”', '“']),
    ('‘', &['’']),
    ('「', &['」']),
    ('『', &['』']),
    ('"', &['"']),
];
/// A quotation that is not closed within so many bytes is a stray mark.
const LONGEST: usize = 1500;
/// Up to so many words in quotation marks are a title, a nickname or irony: they may be inflected.
const TITLE_WORDS: usize = 3;

/// The outermost quotations of a text, marks included, in order.
pub(super) fn quotations(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((offset, open, closes)) = next_opening(&text[at..]) {
        let start = at + offset;
        let inside = start + open.len_utf8();
        at = match closing(&text[inside..], open, closes) {
            Some(length) => {
                found.push(start..inside + length);
                inside + length
            }
            None => inside,
        };
    }
    found
}

fn next_opening(text: &str) -> Option<(usize, char, &'static [char])> {
    let mut before = None;
    for (at, c) in text.char_indices() {
        if let Some(&(open, closes)) = MARKS.iter().find(|(open, _)| *open == c) {
            // A mark between a letter and another one is an apostrophe, one behind a digit an inch.
            let inside_word = matches!(c, '‘' | '"') && before.is_some_and(char::is_alphanumeric);
            if !inside_word {
                return Some((at, open, closes));
            }
        }
        before = Some(c);
    }
    None
}

/// Bytes up to and with the mark that closes a quotation; it never reaches over a line.
fn closing(text: &str, open: char, closes: &[char]) -> Option<usize> {
    let mut depth = 0usize;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\n' || at > LONGEST {
            return None;
        }
        let apostrophe = c == '’' && chars.peek().is_some_and(|&(_, next)| next.is_alphabetic() && !is_hangul(next));
        if closes.contains(&c) && !apostrophe {
            if depth == 0 {
                return Some(at + c.len_utf8());
            }
            depth -= 1;
        } else if c == open {
            depth += 1;
        }
    }
    None
}

fn is_hangul(c: char) -> bool {
    matches!(c as u32, 0xAC00..=0xD7A3)
}

/// The text between the marks of a quotation.
fn inside(text: &str, range: &Range<usize>) -> Range<usize> {
    let whole = &text[range.clone()];
    let open = whole.chars().next().map_or(0, char::len_utf8);
    let close = whole.chars().next_back().map_or(0, char::len_utf8);
    range.start + open..(range.end - close).max(range.start + open)
}

/// Findings about the quotations of a summary.
pub(super) fn check(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    let quotations = quotations(text.summary);
    if quotations.is_empty() {
        return Vec::new();
    }
    let mut said: String =
        self::quotations(text.article).into_iter().map(|range| folded(&text.article[range]) + " ").collect();
    // A speech over several paragraphs is closed at the end of the last one only.
    let open = text.article.lines().filter(|line| has_lone_mark(line));
    said.extend(open.map(|line| folded(line) + " "));
    let article = Article { folded: folded(text.article), said, forms: Forms::of(text.article, request.from) };
    quotations
        .into_iter()
        .filter_map(|range| {
            let quote = &text.summary[inside(text.summary, &range)];
            judge(quote, request, &article).map(|finding| finding.in_output(range))
        })
        .collect()
}

/// Whether a line has a mark of a quotation without its partner.
fn has_lone_mark(line: &str) -> bool {
    let mut rest = line.to_string();
    for range in quotations(line).into_iter().rev() {
        rest.replace_range(range, "");
    }
    // Single marks are apostrophes as well.
    rest.contains(['"', '“', '”', '„', '«', '»', '「', '」', '『', '』'])
}

/// What is asked of the article.
struct Article {
    folded: String,
    /// What stands in its quotations, folded, with a space between them.
    said: String,
    forms: Forms,
}

fn judge(quote: &str, request: &SummaryCheck<'_>, article: &Article) -> Option<Finding> {
    let words = tokens(quote);
    let shown: String = quote.chars().take(60).collect();
    if words.is_empty() {
        return None;
    }
    let title = words.len() <= TITLE_WORDS;
    if request.from != request.to {
        if title || parts(quote, request.to).iter().all(|part| article.folded.contains(part)) {
            return None;
        }
        return Some(if article.said.trim().is_empty() {
            let message = format!("quotation is new: the article quotes nobody, got {shown:?}");
            Finding::new("quote_new", Severity::Warning, message)
        } else {
            Finding::new("quote_translated", Severity::Note, format!("quotation in translation: compare {shown:?}"))
        });
    }
    let parts = parts(quote, request.to);
    let verbatim = parts.iter().all(|part| article.folded.contains(part));
    if title {
        let known = verbatim || words.into_iter().all(|word| article.forms.have(&quote[word]));
        let message = format!("words in quotation marks are new: the article has no {shown:?}");
        return (!known).then(|| Finding::new("quote_new", Severity::Warning, message));
    }
    if !verbatim {
        let message = format!("quotation is not verbatim: the article has no {shown:?}");
        return Some(Finding::new("quote_new", Severity::Error, message));
    }
    let said = parts.iter().all(|part| article.said.contains(part));
    let message = format!("quotation marks are new: the article says {shown:?} without them");
    (!said).then(|| Finding::new("quote_marks_new", Severity::Warning, message))
}

/// The parts of a quotation that have to be found as they are: sentences, since reporters put who speaks between them,
/// and what is left by omissions.
fn parts(quote: &str, language: Language) -> Vec<String> {
    let pieces = quote.split(['…', '[', ']']).flat_map(|piece| piece.split("..."));
    pieces
        .flat_map(|piece| {
            let ranges = crate::segment::sentence_ranges(piece, language);
            ranges.into_iter().map(|range| folded(&piece[range])).collect::<Vec<String>>()
        })
        .filter(|part| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::codes;
    use super::super::tests::request;
    use super::*;

    const EN: &str = "\"We waited for an hour and nobody came,\" the driver said. \"Then we left.\" The road, he added, is 'mostly' safe. The newspaper Harbour Ledger wrote of a quiet night in the hills.";
    const UK: &str = "«Ми чекали годину, — сказав водій, — і ніхто не прийшов. Потім ми поїхали». Про це написав «Степовий вісник». Ніч у горах минула спокійно й тихо.";
    const KO: &str = "운전사는 “우리는 한 시간을 기다렸다. 아무도 오지 않았다”고 말했다. 그는 ‘빨리빨리’라는 말을 싫어한다. 산속의 밤은 조용하게 지나갔다.";

    fn check(from: Language, to: Language, summary: &str, expected: &[&str]) {
        let article = [(Language::EN, EN), (Language::UK, UK), (Language::KO, KO)]
            .into_iter()
            .find_map(|(language, text)| (language == from).then_some(text))
            .unwrap_or_default();
        let text = Text::of(article, summary, to);
        assert_eq!(codes(&super::check(&text, &request(from, to))), expected, "{summary}");
    }

    #[test]
    fn verbatim_quotations_pass_in_any_marks() {
        check(Language::EN, Language::EN, "The driver “waited for an hour and nobody came”, and it isn’t over.", &[]);
        check(
            Language::EN,
            Language::EN,
            "\"We waited for an hour and nobody came. Then we left.\" The road is 'mostly' safe.",
            &[],
        );
        check(Language::EN, Language::EN, "“We waited for an hour … nobody came,” he said.", &[]);
        check(Language::UK, Language::UK, "Водій розповів „Степовому віснику“: „Потім ми поїхали“.", &[]);
        check(Language::KO, Language::KO, "운전사는 \"아무도 오지 않았다\"며 ‘빨리빨리’가 싫다고 했다.", &[]);
    }

    #[test]
    fn words_that_nobody_said_are_found() {
        check(
            Language::EN,
            Language::EN,
            "\"We waited for two hours and nobody came,\" the driver said.",
            &["quote_new"],
        );
        check(
            Language::UK,
            Language::UK,
            "«Ми чекали дві години, і ніхто не прийшов», — сказав водій.",
            &["quote_new"],
        );
        check(Language::KO, Language::KO, "운전사는 “두 시간을 기다렸지만 아무도 안 왔다”고 했다.", &["quote_new"]);
        check(Language::UK, Language::UK, "Про це написала «Вечірня хвиля».", &["quote_new"]);
    }

    #[test]
    fn marks_around_what_the_article_says_itself_are_found() {
        check(Language::EN, Language::EN, "He spoke of “a quiet night in the hills”.", &["quote_marks_new"]);
        check(Language::UK, Language::UK, "«Ніч у горах минула спокійно й тихо», — сказав він.", &["quote_marks_new"]);
        check(Language::KO, Language::KO, "그는 “산속의 밤은 조용하게 지나갔다”고 했다.", &["quote_marks_new"]);
    }

    #[test]
    fn a_speech_over_paragraphs_is_a_quotation() {
        let article = "\"It was a long night on the road,\" he said.\n\n\"Nobody slept before the sun came up again.\n\n\"Then we drove home,\" he said.";
        let text = Text::of(article, "\"Nobody slept before the sun came up again,\" he said.", Language::EN);
        assert!(super::check(&text, &request(Language::EN, Language::EN)).is_empty());
    }

    #[test]
    fn translated_quotations_are_named() {
        check(Language::UK, Language::EN, "\"We waited for an hour and nobody came,\" he said.", &["quote_translated"]);
        check(
            Language::EN,
            Language::KO,
            "그는 “우리는 한 시간을 기다렸고 아무도 안 왔다”고 했다.",
            &["quote_translated"],
        );
        check(Language::EN, Language::UK, "Про це написав Harbour Ledger, а дорога «здебільшого» безпечна.", &[]);
        let text = Text::of("It rained.", "«Дощ ішов цілу ніч і весь день», — сказав він.", Language::UK);
        assert_eq!(codes(&super::check(&text, &request(Language::EN, Language::UK))), ["quote_new"]);
    }

    #[test]
    fn quotations_are_the_outermost_and_closed_ones() {
        let found =
            |text: &str| -> Vec<String> { quotations(text).into_iter().map(|range| text[range].to_string()).collect() };
        assert_eq!(found("Він: «Кажуть: „Так“ і „ні“», а «далі"), ["«Кажуть: „Так“ і „ні“»"]);
        assert_eq!(found("It isn’t ‘so’, and 5\" of \"rain\" fell."), ["‘so’", "\"rain\""]);
        assert_eq!(found("\"One line\nanother\""), Vec::<String>::new());
    }
}
