//! Phrases that no summary has: lines for subscribers, the instruction given back, talk about the article instead of its
//! news, and marks of lists and headings.

use super::super::{Finding, Severity};
use super::quotes::quotations;
use super::{SummaryCheck, Text, folded, tokens};
use crate::document::{Block, BlockKind, Document, Piece, PieceKind};
use crate::language::Language;
use crate::segment::boilerplate::Boilerplate;
use std::ops::Range;

/// Phrases of lines that speak to the reader and are no news, in lower case, wherever in a sentence they stand.
#[rustfmt::skip]
const BOILERPLATE: &[&str] = &[
    "ctrl + enter", "ctrl+enter", "follow us", "join us on", "subscribe to our", "read also:", "share this story",
    "sign up for our", "all rights reserved", "читайте також", "підписуйтеся", "підписуйтесь", "долучайтеся до нас",
    "стежте за нами", "слідкуйте за нами", "наш телеграм", "нашому телеграм", "нашому telegram", "нашому каналі",
    "натисніть ctrl", "передрук", "усі права захищ", "무단전재", "무단 전재", "재배포 금지", "구독하기", "구독해", "팔로우하", "기사제보",
    "관련 기사:", "저작권자",
];

/// Labels and courtesies that open an answer and are no part of it, in lower case.
#[rustfmt::skip]
const OPENINGS: &[&str] = &[
    "here is a", "here is the", "here's a", "here's the", "here are the", "below is", "summary:", "summary of the",
    "the summary", "this summary", "in summary,", "to summarize", "sure,", "sure!", "certainly", "as an ai",
    "as requested", "response:", "answer:", "вот ", "відповідь:", "відповідь на запит", "ось переклад", "ось резюме", "ось стисл", "ось корот", "ось підсум", "ось переказ", "ось текст", "нижче наведен",
    "резюме:", "підсумок:", "підсумки:", "короткий зміст", "стислий зміст", "стислий виклад", "короткий виклад",
    "короткий підсумок", "коротко:", "звісно,", "звичайно,", "요약:", "요약 :", "[요약]", "기사 요약", "뉴스 요약", "다음은", "아래는",
    "이 요약", "본 요약", "물론입니다", "네,", "알겠습니다",
];

/// Talk about the article, in lower case.
#[rustfmt::skip]
const META: &[&str] = &[
    "the article says", "the article describes", "the article discusses", "the article reports", "the article states",
    "the article mentions", "the article notes", "the article highlights", "the article explains", "the article also",
    "the article is about", "the article covers", "the article concludes", "the article tells", "the article provides",
    "the article focuses", "this article", "in the article", "according to the article", "the text says",
    "the text describes", "the text is about", "the key points", "the key factors", "the main points",
    "the most important factor", "the most important matter", "the most important point", "this story", "this news", "the passage", "the author of the article", "стаття розповід",
    "стаття опису", "стаття поясн", "стаття повідомл", "стаття обговор", "стаття присвяч", "стаття розгляд",
    "у цій статті", "в цій статті", "ця стаття", "у статті йд", "в статті йд", "у статті розп", "у статті повід",
    "у статті опис", "у статті зазн", "в статті зазн", "текст розповід", "у тексті йд", "в тексті йд", "автор статті",
    "згідно зі статтею", "основні моменти", "ключові моменти", "головні тези", "이 기사", "본 기사", "해당 기사", "기사는", "기사에서는", "기사에 따르면", "기사에서", "이 글은", "본문은", "본문에서", "핵심 내용은", "주요 내용은",
];

/// Words in which a writer speaks of himself; outside quotations they have no place in a summary.
#[rustfmt::skip]
const FIRST_PERSON: &[&str] = &[
    "i", "i'm", "i've", "my", "me", "we", "we're", "we've", "our", "ours", "us", "я", "мене", "мені", "мій", "моя",
    "моє", "мої", "ми", "нас", "нам", "нами", "наш", "наша", "наше", "наші", "нашого", "нашої", "нашу", "나는", "내가", "저는",
    "제가", "우리는", "우리가", "저희는", "저희가",
];

/// The language of the summary, as only who was told to write in it speaks of it; and how an article says the same.
const LANGUAGES: &[(Language, &str, &[&str])] = &[
    (Language::EN, "in english", &["in english", "english language", "англійськ", "영어"]),
    (Language::UK, "українською мовою", &["українськ", "ukrainian", "우크라이나어"]),
    (Language::KO, "한국어로", &["한국어", "korean", "корейськ"]),
];

/// So many words of the instruction in a row are the instruction.
const INSTRUCTION_WORDS: usize = 5;

/// What a model says instead of a summary.
pub(super) fn told(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(echoed(text, request));
    findings.extend(meta(text));
    findings.extend(marks(text));
    findings
}

/// Where a phrase stands in a text, in lower case, if not inside a word and not in the article too.
fn stands(text: &Text<'_>, phrase: &str) -> Option<Range<usize>> {
    let at = find(text.summary, phrase)?;
    let before = text.summary[..at.start].chars().next_back();
    let alone = !before.is_some_and(char::is_alphanumeric);
    (alone && find(text.article, phrase).is_none()).then_some(at)
}

/// Finds a phrase that is given in lower case, whatever the case of the text.
fn find(text: &str, phrase: &str) -> Option<Range<usize>> {
    let first = phrase.chars().next()?;
    text.char_indices().filter(|(_, c)| c.to_lowercase().eq(first.to_lowercase())).find_map(|(at, _)| {
        let mut wanted = phrase.chars();
        let mut end = at;
        for c in text[at..].chars() {
            for lower in c.to_lowercase() {
                match wanted.next() {
                    Some(expected) if expected == lower => {}
                    Some(_) => return None,
                    None => return Some(at..end),
                }
            }
            end += c.len_utf8();
        }
        wanted.next().is_none().then_some(at..end)
    })
}

/// The instruction given back, or a label before the summary.
fn echoed(text: &Text<'_>, request: &SummaryCheck<'_>) -> Option<Finding> {
    let start = text.summary.len() - text.summary.trim_start().len();
    let opening = OPENINGS.iter().find_map(|phrase| {
        let head = text.summary[start..].trim_start_matches(['*', '#', '_', ' ']);
        let at = text.summary.len() - head.len();
        find(head, phrase).filter(|found| found.start == 0).map(|found| at..at + found.end)
    });
    // What the article itself opens with may open its summary.
    let opening = opening.filter(|range| find(text.article, &text.summary[range.clone()].to_lowercase()).is_none());
    let place = opening.or_else(|| told_language(text, request)).or_else(|| instruction(text, request.instructions))?;
    let message = format!("instruction in the summary: expected the news only, got {:?}", &text.summary[place.clone()]);
    Some(Finding::new("instruction_echo", Severity::Error, message).in_output(place))
}

/// Where the summary names the language that it was asked for in.
fn told_language(text: &Text<'_>, request: &SummaryCheck<'_>) -> Option<Range<usize>> {
    let (_, phrase, others) = LANGUAGES.iter().find(|(language, ..)| *language == request.to)?;
    let spoken_of = others.iter().any(|other| find(text.article, other).is_some());
    stands(text, phrase).filter(|_| !spoken_of)
}

/// A run of words of the instruction that the article does not have.
fn instruction(text: &Text<'_>, instructions: &str) -> Option<Range<usize>> {
    let words = |text: &str| -> Vec<(String, Range<usize>)> {
        tokens(text).into_iter().map(|range| (text[range.clone()].to_lowercase(), range)).collect()
    };
    let (told, said) = (words(instructions), words(text.summary));
    let article = folded(text.article);
    said.windows(INSTRUCTION_WORDS).find_map(|window| {
        let same = told.windows(INSTRUCTION_WORDS).any(|other| other.iter().zip(window).all(|(a, b)| a.0 == b.0));
        let place = window[0].1.start..window[window.len() - 1].1.end;
        (same && !article.contains(&folded(&text.summary[place.clone()]))).then_some(place)
    })
}

/// Talk about the article, and of the one who writes.
fn meta(text: &Text<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(place) = META.iter().find_map(|phrase| stands(text, phrase)) {
        let message = format!("talk about the article: expected its news, got {:?}", &text.summary[place.clone()]);
        findings.push(Finding::new("meta_talk", Severity::Warning, message).in_output(place));
    }
    let own = |text: &str| -> Vec<Range<usize>> {
        let quoted = quotations(text);
        let is_own = |range: &Range<usize>| {
            let lower = text[range.clone()].to_lowercase().replace('’', "'");
            // "US" is a country.
            let country =
                text[range.clone()].chars().count() > 1 && text[range.clone()].chars().all(char::is_uppercase);
            FIRST_PERSON.contains(&lower.as_str())
                && !country
                && !quoted.iter().any(|quote| quote.start <= range.start && range.end <= quote.end)
        };
        tokens(text).into_iter().filter(is_own).collect()
    };
    // An article in the first person may be summarized in it.
    if let Some(place) = own(text.summary).into_iter().next().filter(|_| own(text.article).is_empty()) {
        let message = format!("first person outside a quotation: {:?}", &text.summary[place.clone()]);
        findings.push(Finding::new("meta_talk", Severity::Warning, message).in_output(place));
    }
    findings
}

/// Marks of lists, headings, emphasis and code that nobody asked for.
fn marks(text: &Text<'_>) -> Option<Finding> {
    const INLINE: &[&str] = &["**", "__", "```", "](", "<|", "|>", "</"];
    let inline = INLINE.iter().find(|mark| text.summary.contains(**mark) && !text.article.contains(**mark));
    // A line that ends with a colon introduces a list, unless it is the last one, which only stops short.
    let last = text.summary.lines().count().saturating_sub(1);
    let introduces = |(at, line): (usize, &str)| at < last && line.trim_end().ends_with(':');
    let mut lines = text.summary.lines().enumerate();
    let line = lines.find(|&(at, line)| is_listed(line.trim_start()) || introduces((at, line))).map(|(_, line)| line);
    let shown = inline.copied().or(line.map(str::trim_start))?;
    let shown: String = shown.chars().take(20).collect();
    let message = format!("marks of a list or heading: expected plain sentences, got {shown:?}");
    Some(Finding::new("markup_left", Severity::Warning, message))
}

/// Whether a line begins with a bullet, a number of a list, or the mark of a heading, a quotation or a table.
fn is_listed(line: &str) -> bool {
    if ["- ", "* ", "• ", "· ", "# ", "## ", "### ", "#### ", "> ", "| "].iter().any(|mark| line.starts_with(mark)) {
        return true;
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    (1..=2).contains(&digits) && [". ", ") "].iter().any(|mark| line[digits..].starts_with(mark))
}

/// A dropped line shorter than this may be part of an ordinary sentence.
const SHORTEST_LINE: usize = 8;

/// Boilerplate in the summary: a line that was dropped, a sentence that is one, or a phrase that no news has.
pub(super) fn boilerplate(text: &Text<'_>, request: &SummaryCheck<'_>) -> Vec<Finding> {
    let leak = |message: String| Finding::new("boilerplate_leak", Severity::Error, message);
    let mut findings = Vec::new();
    let summary = folded(text.summary);
    for line in request.boilerplate {
        let bare = folded(line);
        if bare.chars().count() >= SHORTEST_LINE && summary.contains(&bare) && !folded(text.article).contains(&bare) {
            let finding = leak(format!("boilerplate in the summary: {:?}", line.trim()));
            let place = text.summary.find(line.trim()).map(|at| at..at + line.trim().len());
            findings.push(match place {
                Some(place) => finding.in_output(place),
                None => finding,
            });
        }
    }
    if findings.is_empty() {
        findings.extend(lines(text, request.to).into_iter().map(|place| {
            leak(format!("boilerplate in the summary: {:?}", &text.summary[place.clone()])).in_output(place)
        }));
    }
    if findings.is_empty()
        && let Some(place) = BOILERPLATE.iter().find_map(|phrase| stands(text, phrase))
    {
        findings.push(leak(format!("boilerplate in the summary: {:?}", &text.summary[place.clone()])).in_output(place));
    }
    // Handles of the article's last lines are advertising, not news.
    let handle = text.summary.split_whitespace().find(|word| word.starts_with('@') && word.len() > 3);
    if findings.is_empty()
        && let Some(word) = handle
    {
        let message = format!("handle in the summary: {word:?}");
        findings.push(Finding::new("boilerplate_leak", Severity::Warning, message));
    }
    findings
}

/// Sentences of the summary that are lines for subscribers by themselves, as they are found in articles.
fn lines(text: &Text<'_>, language: Language) -> Vec<Range<usize>> {
    let prose = |span: &Range<usize>| vec![Piece { span: span.clone(), kind: PieceKind::Prose }];
    let blocks = text.sentences.iter().map(|span| Block::new(span.clone(), BlockKind::Paragraph, prose(span)));
    let document = Document { text: text.summary.to_string(), blocks: blocks.collect(), ..Document::default() };
    let found = crate::segment::boilerplate(&document, language);
    // A sentence in another language is no headline here: the check of the language has found it.
    let found = found.into_iter().filter(|drop| drop.kind != Boilerplate::ForeignHeadline);
    let own = folded(text.article);
    found.map(|drop| drop.span).filter(|span| !own.contains(&folded(&text.summary[span.clone()]))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::codes;
    use super::super::tests::request;
    use super::*;

    const ARTICLE: &str =
        "The bridge over the river was opened. \"We are glad,\" the mayor said. The court quoted article 15.";

    fn check(to: Language, summary: &str, expected: &[&str]) {
        let lines = ["Більше новин у нас удома", "Southern front holds after night of heavy bombardment"];
        let request = SummaryCheck {
            boilerplate: &lines,
            instructions: "Summarize the following news article in English in at most 2 sentences, about 40 words. Перекажи новину українською своїми словами.",
            ..request(Language::EN, to)
        };
        let text = Text::of(ARTICLE, summary, to);
        let mut found = codes(&boilerplate(&text, &request));
        if found.is_empty() {
            found = codes(&told(&text, &request));
        }
        assert_eq!(found, expected, "{summary}");
    }

    #[test]
    fn plain_news_passes() {
        check(
            Language::EN,
            "The bridge is open. \"We are glad,\" said the mayor of the US town. Article 15 was read.",
            &[],
        );
        check(Language::UK, "Міст відкрили. «Ми раді», — сказав мер. У статті 15 про це не йдеться.", &[]);
        check(Language::KO, "다리가 열렸다. 시장은 “우리는 기쁘다”고 말했다.", &[]);
    }

    #[test]
    fn instructions_given_back_are_found() {
        for summary in [
            "Here is a short version. The bridge is open.",
            "**Summary:** The bridge is open.",
            "The bridge, in English in at most 2 sentences, is open.",
        ] {
            let codes = {
                let text = Text::of(ARTICLE, summary, Language::EN);
                let request = SummaryCheck {
                    instructions: "Write in English in at most 2 sentences.",
                    ..request(Language::EN, Language::EN)
                };
                codes(&told(&text, &request))
            };
            assert!(codes.contains(&"instruction_echo"), "{summary}: {codes:?}");
        }
        check(Language::UK, "Ось резюме. Міст відкрили.", &["instruction_echo"]);
        check(
            Language::UK,
            "Новину українською своїми словами переказано. Перекажи новину українською своїми словами.",
            &["instruction_echo"],
        );
        check(Language::EN, "The facts in English are a bridge and a mayor.", &["instruction_echo"]);
        check(Language::KO, "요약: 다리가 열렸다.", &["instruction_echo"]);
        check(Language::KO, "다음은 요약입니다. 다리가 열렸다.", &["instruction_echo"]);
    }

    #[test]
    fn talk_about_the_article_is_found() {
        check(Language::EN, "The article describes how a bridge was opened.", &["meta_talk"]);
        check(Language::UK, "У цій статті йдеться про міст.", &["meta_talk"]);
        check(Language::KO, "이 기사는 다리에 관한 것이다.", &["meta_talk"]);
        check(Language::EN, "We opened our bridge.", &["meta_talk"]);
        check(Language::UK, "Ми відкрили міст.", &["meta_talk"]);
        check(Language::KO, "우리는 다리를 열었다.", &["meta_talk"]);
    }

    #[test]
    fn marks_of_lists_are_found() {
        check(Language::EN, "- The bridge is open.\n- It is new.", &["markup_left"]);
        check(Language::UK, "1. Міст відкрили.\n2. Він новий.", &["markup_left"]);
        check(Language::KO, "**다리**가 열렸다.", &["markup_left"]);
        check(Language::EN, "What happened:\nThe bridge is open.", &["markup_left"]);
        check(Language::EN, "It opened in\n2026. It is new.", &[]);
    }

    #[test]
    fn boilerplate_is_found_in_each_language() {
        let leak: &[&str] = &["boilerplate_leak"];
        check(Language::EN, "The bridge is open. Subscribe to our newsletter and never miss a story!", leak);
        check(Language::UK, "Міст відкрили. Підписуйтеся на наш телеграм-канал!", leak);
        check(Language::UK, "Міст відкрили. Помітили помилку? Виділіть її та натисніть Ctrl + Enter.", leak);
        check(Language::KO, "다리가 열렸다. 무단 전재 및 재배포 금지.", leak);
        // Dropped lines, whatever the spacing and case.
        check(Language::UK, "Колона привезла їжу. Більше новин – у нас удома.", leak);
        check(Language::EN, "The bridge is open. Southern Front Holds After Night of Heavy Bombardment.", leak);
    }
}
