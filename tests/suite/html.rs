//! HTML there and back: identity, and pages whose every sentence became other words.

use html5gum::{Tokenizer, emitters::callback::CallbackEmitter, emitters::callback::CallbackEvent};
use proptest::prelude::*;
use std::convert::Infallible;
use tlumach::article::{self, Format};
use tlumach::document::Document;
use tlumach::language::Language;
use tlumach::segment::{Outcome, join, segments};

const ELEMENTS: &[&str] = &[
    "p",
    "div",
    "h2",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "blockquote",
    "figure",
    "figcaption",
    "section",
    "dl",
    "dt",
    "b",
    "i",
    "em",
    "strong",
    "a",
    "span",
    "u",
    "s",
    "sup",
    "mark",
    "q",
    "cite",
    "time",
    "code",
    "kbd",
    "abbr",
    "my-tag",
];
const VOID: &[&str] = &[
    "<br>",
    "<br/>",
    "<img src=\"a.png\" alt=\"Вид на міст\">",
    "<wbr>",
    "<hr>",
    "<!-- note: <b> -->",
    "<input placeholder='Що шукати?'>",
];
const WORDS: &[&str] = &[
    "Київ",
    "said",
    "що",
    "7,5",
    "мости.",
    "The",
    "line",
    "ends.",
    "Kim",
    "회담은",
    "끝났다.",
    "Н2О",
    "«так»",
    "R&amp;D",
    "a&nbsp;b",
    "&laquo;ні&raquo;",
    "&lt;3",
    "п'ять",
    "1 < 2",
    "https://example.org/a?b=c",
    "@desk",
    "&shy;",
    "?",
    "—",
];
const SPACES: &[&str] = &["", " ", "\n", "\r\n    ", "\t", "  "];

/// A text in which every tag has its partner and pairs are nested, whatever HTML says about what may stand in what.
fn nested(program: &[(u8, u8)]) -> String {
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    for (what, which) in program {
        let which = usize::from(*which);
        match what % 12 {
            0..=2 => {
                let name = ELEMENTS[which % ELEMENTS.len()];
                let attribute = if which > 200 { " title=\"Про що це\" lang='uk'" } else { "" };
                text.extend(["<", name, attribute, ">"]);
                open.push(name);
            }
            3 | 4 => {
                if let Some(name) = open.pop() {
                    text.extend(["</", name, ">"]);
                }
            }
            5 => text.push_str(VOID[which % VOID.len()]),
            6 => text.push_str(SPACES[which % SPACES.len()]),
            _ => {
                text.push_str(SPACES[(which / WORDS.len()) % 3]);
                text.push_str(WORDS[which % WORDS.len()]);
            }
        }
    }
    for name in open.into_iter().rev() {
        text.extend(["</", name, ">"]);
    }
    text
}

/// The tags of a text as they stand, comments among them.
fn tags(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut start = 0;
    let mut emitter =
        CallbackEmitter::new(|event: CallbackEvent<'_>, span: html5gum::Span<usize>| -> Option<Infallible> {
            match event {
                CallbackEvent::OpenStartTag { .. } => start = span.start,
                CallbackEvent::CloseStartTag { .. } => found.push(text[start..span.end].to_string()),
                CallbackEvent::EndTag { .. } | CallbackEvent::Comment { .. } => {
                    found.push(text[span.start..span.end].to_string());
                }
                _ => {}
            }
            None
        });
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(text, emitter).finish().unwrap();
    found
}

/// Whether every end tag has the innermost open tag for its partner.
fn is_nested(tags: &[String]) -> bool {
    let mut open: Vec<String> = Vec::new();
    for tag in tags {
        let name: String =
            tag.chars().skip(1).take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '/' | '!')).collect();
        let name = name.trim_end_matches('/').to_string();
        match name.strip_prefix('/') {
            Some(end) if open.last().is_some_and(|name| name == end) => drop(open.pop()),
            Some(_) => return false,
            None if matches!(name.as_str(), "br" | "img" | "wbr" | "hr" | "input") || name.starts_with('!') => {}
            None => open.push(name),
        }
    }
    open.is_empty()
}

/// A tag without what is translated in it.
fn bare(tag: &str) -> String {
    let mut bare = tag.to_string();
    for name in [" title=", " alt=", " placeholder="] {
        if let Some(at) = bare.find(name) {
            let value = at + name.len();
            let quote = &bare[value..=value];
            let end = bare[value + 1..].find(quote).map_or(bare.len(), |length| value + 1 + length + 1);
            bare.replace_range(at..end, name);
        }
    }
    bare
}

fn sorted(tags: &[String]) -> Vec<String> {
    let mut tags: Vec<String> = tags.iter().map(|tag| bare(tag)).collect();
    tags.sort();
    tags
}

fn read(text: &str) -> Document {
    let document = article::read(text.as_bytes(), Format::Html).unwrap();
    assert_eq!(document.check(), Ok(()), "{text:?}");
    document
}

/// The text with every segment reworded.
fn reworded(document: &Document, reword: impl Fn(&str) -> String) -> String {
    let segments = segments(document, Language::UK);
    let outcomes: Vec<Outcome> = segments.iter().map(|s| Outcome::Translated(reword(&s.text))).collect();
    join(document, &segments, &outcomes).unwrap().text
}

fn rewordings() -> [fn(&str) -> String; 6] {
    [
        |_| "слово".to_string(),
        |text| text.split_whitespace().skip(1).step_by(2).map(|_| "a<b").collect::<Vec<_>>().join(" & "),
        |text| text.split_whitespace().flat_map(|word| [word, "і", "\"ще\""]).collect::<Vec<_>>().join(" "),
        |text| text.split_whitespace().rev().collect::<Vec<_>>().join(" "),
        |text| text.to_uppercase(),
        |_| "</p></b> <i> &amp; <!-- 'x' \"y\" --> ]]>".to_string(),
    ]
}

/// Checks a text; `well_nested` ones have to stay so.
fn check(text: &str, well_nested: bool) {
    let document = read(text);
    let before = tags(text);
    assert_eq!(reworded(&document, str::to_string), text);
    assert!(!well_nested || is_nested(&before), "{text:?}");
    for (index, reword) in rewordings().into_iter().enumerate() {
        let answer = reworded(&document, reword);
        let after = tags(&answer);
        assert_eq!(sorted(&after), sorted(&before), "{index}: {text:?} became {answer:?}");
        assert!(!well_nested || is_nested(&after), "{index}: {text:?} became {answer:?}");
        read(&answer);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nested_tags_come_back_nested(program in prop::collection::vec(any::<(u8, u8)>(), 0..80)) {
        check(&nested(&program), true);
    }

    #[test]
    fn tags_come_back_whatever_is_missing(
        program in prop::collection::vec(any::<(u8, u8)>(), 0..60),
        cut in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        // Tags are taken away, so that others lose their partners.
        let mut text = nested(&program);
        for index in cut {
            let places: Vec<usize> = text.match_indices('<').map(|(at, _)| at).collect();
            if places.is_empty() {
                break;
            }
            let at = places[index.index(places.len())];
            if let Some(end) = text[at..].find('>') {
                text.replace_range(at..=at + end, "");
            }
        }
        check(&text, false);
    }

    #[test]
    fn any_text_is_read(
        text in "(<|>|</|<!--|-->|<!|<\\?|/>|=|'|\"|&|;|#|p|b|br|td|pre|script|style|title|textarea|svg|a|noscript|template|select| |\n|\r\n|\r|\t|слово|word|&amp;|&#x41;|<!\\[CDATA\\[|\\]\\]>|\\PC){0,60}",
    ) {
        let document = read(&text);
        prop_assert_eq!(&reworded(&document, str::to_string), &text);
        for reword in rewordings() {
            read(&reworded(&document, reword));
        }
    }
}

#[test]
fn whatever_the_depth() {
    for name in ["div", "b", "a", "p", "li", "ul", "td", "table", "blockquote", "code", "svg", "pre", "my-tag", "q"] {
        let depth = 10_000;
        let open = format!("<{name}>").repeat(depth);
        let close = format!("</{name}>").repeat(depth);
        for text in [
            format!("{open}слово два{close}"),
            format!("{open}слово два"),
            format!("слово два{close}"),
            format!("<i>{open}</i>слово два{close}"),
            format!("{}{}", format!("<{name}>слово <i>").repeat(depth), "</b></a>".repeat(depth)),
        ] {
            let document = read(&text);
            let answer = reworded(&document, |_| "word".to_string());
            assert_eq!(sorted(&tags(&answer)), sorted(&tags(&text)), "{name}");
        }
    }
}

/// What a page of `tests/pages` says about itself in comments.
fn said(page: &str, name: &str) -> Option<String> {
    let mark = format!("<!-- {name}: ");
    let start = page.find(&mark)? + mark.len();
    Some(page[start..start + page[start..].find(" -->")?].to_string())
}

/// The texts of a document's blocks, those of attributes left out, with the bytes that they stand in.
fn texts(document: &Document) -> Vec<(std::ops::Range<usize>, String)> {
    let blocks = document.blocks.iter().filter(|block| block.escapes.len() == 1);
    let blocks = blocks.filter(|block| block.escapes[0] == tlumach::document::Escape::Markup);
    let squeeze = |words: String| words.split_whitespace().collect::<Vec<_>>().join(" ");
    blocks.map(|block| (block.span.clone(), squeeze(document.words(block)))).collect()
}

/// Lines of the pages beside the article that are taken out with it. docs/formats.md says why.
const TAKEN_ALONG: &[&str] = &[
    "By Mara Lindqvist",
    "Олена Гнатюк 21 квітня 2026, 10:15",
    "Нам потрібна ваша підтримка",
    "Часопис живе завдяки читачам, тож станьте одним із тих, хто робить його можливим.",
    "Підтримати",
    "매주 금요일 과학 소식을 메일로 받아 보세요.",
];

#[test]
fn articles_are_taken_out_of_pages() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let reading = article::Reading { extract: true, ..article::Reading::default() };
    // Pages, paragraphs of articles, other lines.
    let mut counts = (0, 0, 0);
    for path in &paths {
        let page = std::fs::read_to_string(path).unwrap();
        let name = path.display();
        let Some(title) = said(&page, "title") else { continue };
        let found = article::read_with(page.as_bytes(), Format::Html, &reading).unwrap();
        assert_eq!(found.check(), Ok(()));
        let got: Vec<String> = texts(&found).into_iter().map(|(_, text)| text).collect();
        let between = |text: &str, open: &str, close: &str| {
            text.split_once(open).map(|(_, rest)| rest.split_once(close).unwrap().0.to_string())
        };
        assert_eq!(between(&found.text, "<h1>", "</h1>").as_ref(), Some(&title), "{name}");
        let byline = said(&page, "byline");
        assert!(byline.as_ref().is_none_or(|byline| got.iter().any(|text| text.contains(byline))), "{name}");
        assert_eq!(between(&found.text, "<time datetime=\"", "\""), said(&page, "date"), "{name}");
        let inside = |at: usize, name: &str| {
            let places = |mark: String| page.match_indices(&mark).map(|(at, _)| at).collect::<Vec<_>>();
            let starts = places(format!("<!--{name}-->")).into_iter();
            let ends = places(format!("<!--/{name}-->"));
            starts.zip(ends).any(|(start, end)| start < at && at < end)
        };
        counts.0 += 1;
        for (span, text) in texts(&read(&page)) {
            if inside(span.start, "article") && !inside(span.start, "boilerplate") {
                counts.1 += 1;
                assert!(got.contains(&text), "{name}: {text:?} is missing");
            } else if !text.contains(&title) {
                counts.2 += 1;
                let is_byline = byline.as_ref().is_some_and(|byline| text.ends_with(byline));
                let expected = TAKEN_ALONG.contains(&text.as_str()) || is_byline;
                assert!(!got.contains(&text) || expected, "{name}: {text:?} is no part of the article");
            }
        }
    }
    assert_eq!(counts, (11, 84, 129));
    let front = std::fs::read(paths.iter().find(|path| path.ends_with("uk-front-page.html")).unwrap()).unwrap();
    let refused = article::read_with(&front, Format::Html, &reading).unwrap_err();
    assert!(refused.to_string().contains("got one of links"), "{refused}");
}

#[test]
fn pages_that_no_parser_should_be_given_are_refused() {
    let reading = article::Reading { extract: true, ..article::Reading::default() };
    let bold = (0..5000).map(|number| format!("<p><b id={number}>слово")).collect::<Vec<_>>().concat();
    for text in ["<div>".repeat(10_000), bold, "<b><p>".repeat(9000), "<table><tr><td>".repeat(3000)] {
        let refused = article::read_with(format!("\n{text}").as_bytes(), Format::Html, &reading).unwrap_err();
        assert!(refused.to_string().starts_with("html: line 2: expected "), "{refused}");
    }
    for text in ["", "<p>", "<!-- -->", "<script>"] {
        assert!(article::read_with(text.as_bytes(), Format::Html, &reading).is_err(), "{text}");
    }
}

#[test]
fn a_whole_page_in_another_language() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/uk/museum.html");
    let page = std::fs::read_to_string(path).unwrap();
    let mut document = read(&page);
    document.set_language(Language::UK, Language::KO);
    let answer = reworded(&document, |_| "다른 말입니다".to_string());
    for part in [
        "<html lang=\"ko\">",
        "<meta http-equiv=\"content-language\" content=\"ko\">",
        "<link rel=\"alternate\" hreflang=\"en\"",
        "<meta property=\"og:locale\" content=\"uk_UA\">",
        "<title>다른 말입니다</title>",
        "<meta name=\"description\" content=\"다른 말입니다\">",
        "alt=\"다른 말입니다\" width=\"800\">",
        "\"inLanguage\": \"uk\"",
        "document.write(\"<p>мобільна версія</p>\")",
        "<p lang=\"en\"><i>다른 말입니다</i></p>",
        "Studio Lviv24",
        "<code>tiff</code>",
    ] {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
    assert_eq!(tags(&answer).len(), tags(&page).len());
}
