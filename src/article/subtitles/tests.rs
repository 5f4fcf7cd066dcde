//! Tests of the reader of subtitles, and of what it writes.

#![allow(clippy::unwrap_used)]
use super::{findings, read, settle};
use crate::article::Format;
use crate::document::{Document, PieceKind};
use crate::language::Language;
use crate::segment::{Outcome, join, segments};
use proptest::prelude::*;

/// A file of cues a second and a half long with half a second between them; text may hold line ends.
fn srt(cues: &[&str]) -> String {
    let time = |ms: usize| format!("00:{:02}:{:02},{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000);
    let cue = |(index, text): (usize, &&str)| {
        format!("{}\n{} --> {}\n{text}\n\n", index + 1, time(index * 2000), time(index * 2000 + 1500))
    };
    cues.iter().enumerate().map(cue).collect()
}

fn vtt(cues: &[&str]) -> String {
    let dotted = |line: &str| if line.contains("-->") { line.replace(',', ".") } else { line.to_string() };
    format!("WEBVTT\n\n{}", srt(cues).split_inclusive('\n').map(dotted).collect::<String>())
}

fn open(text: &str, format: Format) -> Document {
    let document = read(text, format).unwrap();
    assert_eq!(document.check(), Ok(()), "{text:?}");
    document
}

/// Blocks with their pieces: `/` between cues, `|` a break, `¶` a turn, `<…>` a pair, `(…)` other markup.
fn show(text: &str, format: Format) -> Vec<String> {
    let document = open(text, format);
    let piece = |kind: PieceKind, source: &str| match kind {
        PieceKind::Cue => "/".to_string(),
        PieceKind::Break => "|".to_string(),
        PieceKind::HardBreak => "¶".to_string(),
        PieceKind::Markup => format!("({source})"),
        PieceKind::Character(c) => format!("&{c}"),
        _ => source.to_string(),
    };
    let block = |b: &crate::document::Block| b.pieces.iter().map(|p| piece(p.kind, &text[p.span.clone()])).collect();
    document.blocks.iter().map(block).collect()
}

fn check(cues: &[&str], expected: &[&str]) {
    assert_eq!(show(&srt(cues), Format::Srt), expected, "{cues:?}");
    assert_eq!(show(&srt(cues).replace('\n', "\r\n"), Format::Srt), expected, "{cues:?}");
}

fn check_vtt(cues: &[&str], expected: &[&str]) {
    assert_eq!(show(&vtt(cues), Format::Vtt), expected, "{cues:?}");
}

fn refuses(text: &str, format: Format, expected: &str) {
    assert_eq!(read(text, format).unwrap_err().to_string(), expected, "{text:?}");
}

/// Joins and settles with these outputs.
fn answered(text: &str, format: Format, outputs: &[&str]) -> String {
    let document = open(text, format);
    let found = segments(&document, Language::EN);
    let texts: Vec<&str> = found.iter().map(|segment| segment.text.as_str()).collect();
    assert_eq!(found.len(), outputs.len(), "{texts:?}");
    let outcomes: Vec<Outcome> = outputs.iter().map(|output| Outcome::Translated((*output).to_string())).collect();
    let joined = join(&document, &found, &outcomes).unwrap();
    settle(&document, format, &joined.text).into_owned()
}

fn check_answered(cues: &[&str], outputs: &[&str], expected: &[&str]) {
    assert_eq!(answered(&srt(cues), Format::Srt, outputs), srt(expected));
    assert_eq!(answered(&vtt(cues), Format::Vtt, outputs), vtt(expected));
    let carriage = |text: String| text.replace('\n', "\r\n");
    assert_eq!(answered(&carriage(srt(cues)), Format::Srt, outputs), carriage(srt(expected)));
}

#[test]
fn cues_are_put_together_to_sentences() {
    check(&["The ferry left", "at dawn.", "Nobody saw it."], &["The ferry left/at dawn.", "Nobody saw it."]);
    check(
        &["The old\nferry left", "at dawn, said Mr.", "Kim. Nobody"],
        &["The old|ferry left/at dawn, said Mr./Kim. Nobody"],
    );
    check(&["Вони чекали…", "а потім пішли.", "…і все."], &["Вони чекали…/а потім пішли./…і все."]);
    check(&["«Чому?»", "— спитав він.", "- Так.\n- Ні."], &["«Чому?»/— спитав він.", "Так.¶Ні."]);
    check(
        &["배가 떠났습니다", "아무도 보지 못했어요", "새벽에"],
        &["배가 떠났습니다", "아무도 보지 못했어요", "새벽에"],
    );
    check(&["그는 누구보다", "빨리 갔다"], &["그는 누구보다/빨리 갔다"]);
    let long: Vec<&str> = vec!["and on"; 30];
    let runs: Vec<usize> = show(&srt(&long), Format::Srt).iter().map(|run| run.matches('/').count() + 1).collect();
    assert_eq!(runs, [12, 12, 6]);
}

#[test]
fn pauses_songs_sounds_and_speakers_part_what_is_said() {
    let paused = srt(&["The ferry", "left"]).replace("00:00:02,000", "00:00:03,500");
    assert_eq!(show(&paused, Format::Srt), ["The ferry", "left"]);
    check(
        &["He said", "[door slams]", "that it", "♪ la la ♪", "♪ one ♪\n♪ two ♪"],
        &["He said", "[door slams]", "that it", "la la", "one¶two"],
    );
    check(
        &["Ніч на острові", "Follow us @wire", "더 많은 소식은"],
        &["Ніч на острові", "Follow us @wire", "더 많은 소식은"],
    );
    check(&["Компанія", "Samsung Electronics", "не відповіла"], &["Компанія/Samsung Electronics/не відповіла"]);
    check(&["- Are you", "- coming?"], &["Are you", "coming?"]);
    check(&["He said", "...", "go"], &["He said", "go"]);
    check_vtt(&["<v Anna>We go", "<v Anna>home", "<v Bo>now"], &["We go/home", "now"]);
}

#[test]
fn markup_is_no_text() {
    check(
        &["<i>The ferry</i>", "<i>left</i> {\\an8}at", "{\\an8}<b>dawn.</b>"],
        &["The ferry/<i>left</i> ({\\an8})at/dawn."],
    );
    check(&["a <b>c</b>\n<x> -5 < 6"], &["a <b>c</b>|<x> -5 < 6"]);
    check_vtt(&["<c.red>A</c> <00:00:01.000>b &amp; R&D <x>"], &["<c.red>A</c> (<00:00:01.000>)b && R&D"]);
    let text = "WEBVTT - title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE one --> two\n\nfirst\n00:01.000 --> 00:02.000 align:start\nOne\n\nNOTE\nmore\n\n00:02.500 --> 00:03.000\ntwo.\n\nstray\n";
    assert_eq!(show(text, Format::Vtt), ["One/two."]);
}

#[test]
fn the_header_may_name_a_language() {
    let tags = |text: &str| {
        let document = open(text, Format::Vtt);
        document.tags.iter().map(|tag| text[tag.clone()].to_string()).collect::<Vec<_>>()
    };
    let cue = "00:01.000 --> 00:02.000\nOne\n";
    assert_eq!(tags(&format!("WEBVTT\r\nKind: captions\r\nLanguage: en-GB\r\n\r\n{cue}")), ["en-GB"]);
    assert!(tags(&format!("WEBVTT\n\nLanguage: en\n{cue}")).is_empty());
    assert!(tags(&format!("WEBVTT\n\n{cue}")).is_empty());
}

#[test]
fn what_is_no_subtitles_is_named_with_its_place() {
    refuses(
        "Hello.\n\nWorld.",
        Format::Srt,
        "srt: line 1: expected cues with a timing line such as 00:01:02,345 --> 00:01:04,567, got none",
    );
    refuses(
        "1\n00:00:01,000 --> 00:00:0x,000\nOne\n",
        Format::Srt,
        "srt: line 2: expected a timing line such as 00:01:02,345 --> 00:01:04,567, got \"00:00:01,000 --> 00:00:0x,000\"",
    );
    refuses(
        "1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\n00:00:01,000 -> 00:00:02,000\nTwo\n",
        Format::Srt,
        "srt: line 6: expected a timing line such as 00:01:02,345 --> 00:01:04,567, got \"00:00:01,000 -> 00:00:02,000\"",
    );
    refuses("1\n00:01.000 --> 00:02.000\nOne\n", Format::Vtt, "vtt: line 1: expected WEBVTT, got \"1\"");
    refuses(
        "WEBVTT\n\n00:01.000 --> x\nOne\n",
        Format::Vtt,
        "vtt: line 3: expected a timing line such as 00:01:02,345 --> 00:01:04,567, got \"00:01.000 --> x\"",
    );
    assert!(read("\n", Format::Srt).unwrap().blocks.is_empty());
    assert_eq!(
        show("1\n00:00:01,000 --> 00:00:02,000\nOne\n\nis two.\n\n2\n0:0:3 --> 0:0:4\n1 --> 2\n", Format::Srt),
        ["One|is two.", "1 --> 2"]
    );
}

#[test]
fn answers_are_parted_between_the_cues() {
    check_answered(
        &["The ferry to the island", "left at dawn with forty people."],
        &["Пором до острова вийшов на світанку з сорока людьми."],
        &["Пором до острова вийшов", "на світанку з сорока людьми."],
    );
    check_answered(&["When it got", "late,", "all left."], &["Всі пішли."], &["Всі", "пішли.", ""]);
    check_answered(&["One", "two."], &["Раз."], &["Раз.", ""]);
    check_answered(&["- Are you coming?\n- Yes."], &["Ти йдеш?", "Так."], &["- Ти йдеш?\n- Так."]);
    check_answered(
        &["<i>One two</i>", "<i>three four.</i>"],
        &["Раз два три чотири."],
        &["<i>Раз два</i>", "<i>три чотири.</i>"],
    );
}

#[test]
fn cues_whose_words_are_left_out_stay() {
    let text = srt(&["One two", "three four.", "Five."]);
    let document = open(&text, Format::Srt);
    let found = segments(&document, Language::EN);
    let outcomes = [Outcome::Dropped, Outcome::Copied];
    let joined = join(&document, &found, &outcomes).unwrap();
    assert_eq!(settle(&document, Format::Srt, &joined.text), srt(&["", "", "Five."]));
}

#[test]
fn samples_have_their_cues() {
    for (text, format, blocks, cues) in [
        (include_str!("../../../samples/en/island-ferry.srt"), Format::Srt, 9, 12),
        (include_str!("../../../samples/uk/rescuers.srt"), Format::Srt, 8, 12),
        (include_str!("../../../samples/ko/night-market.vtt"), Format::Vtt, 9, 12),
    ] {
        assert_eq!((open(text, format).blocks.len(), super::cues(text, format).unwrap().len()), (blocks, cues));
    }
}

#[test]
fn lines_are_broken_anew_and_other_cues_stay() {
    check_answered(
        &["The ferry\nleft.", "Nobody saw how it left,\nnot even the keeper of the lighthouse."],
        &["The ferry left.", "Ніхто не бачив, як він відплив, навіть доглядач старого маяка на мисі."],
        &["The ferry\nleft.", "Ніхто не бачив, як він відплив,\nнавіть доглядач старого маяка на мисі."],
    );
}

#[test]
fn pairs_of_tags_stay_in_one_cue() {
    check_answered(
        &["He saw the <i>ferry</i> leave", "the island at dawn."],
        &["Острів покинув пором, що світанком бачив він."],
        &["Острів покинув <i>пором</i>,", "що світанком бачив він."],
    );
    let document = open(&srt(&["One two <i>three</i>", "four five."]), Format::Srt);
    let text = srt(&["Раз <i>два", "три</i> чотири."]);
    assert_eq!(settle(&document, Format::Srt, &text), srt(&["Раз <i>два</i>", "три чотири."]));
    let text = srt(&["Раз <i>а", "три чотири</i> п'ять."]);
    assert_eq!(settle(&document, Format::Srt, &text), srt(&["Раз а", "<i>три чотири</i> п'ять."]));
}

#[test]
fn what_cannot_be_read_in_time_is_told() {
    let document = open(&srt(&["One", "two."]), Format::Srt);
    let told = |cues: &[&str]| findings(&document, Format::Srt, &srt(cues));
    assert_eq!(told(&["One", "Два."]), []);
    assert_eq!(told(&["", "two."]), [(2, "no words are left for this cue".to_string())]);
    assert_eq!(
        told(&["One", "Дуже довгий рядок, який ніхто не встигне прочитати"]),
        [
            (6, "expected at most 42 characters a line, got 50".to_string()),
            (6, "expected at most 17 characters a second, got 34".to_string())
        ]
    );
    assert_eq!(
        told(&["One", "아무도 보지 못했지만 배는 새벽에 섬을 떠났습니다"])[0].1,
        "expected at most 16 characters a line, got 24"
    );
}

const CUE: &str =
    "(слово|Word|한국어|\\. |! |, | |\n|- |<i>|</i>|<b>x</b>|\\{\\\\an8\\}|♪|\\[a\\]|&amp;|<v Al>|1|다 ){0,12}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn any_soup_is_covered_or_refused(text in "(WEBVTT|NOTE|\n|\n\n|\r\n|1\n|00:00:01,000 --> 00:00:02,000\n|00:01.000 --> 00:02.000|-->|<i>|</i>|<|>|\\{\\\\|\\}|- |♪|\\[|&amp;|слово|한다|\\. | ){0,40}") {
        for format in [Format::Srt, Format::Vtt] {
            for text in [text.clone(), format!("WEBVTT\n\n{text}"), format!("1\n00:00:01,000 --> 00:00:02,000\n{text}")] {
                if let Ok(document) = read(&text, format) {
                    prop_assert_eq!(document.check(), Ok(()));
                }
            }
        }
    }

    #[test]
    fn numbers_and_timings_stay_and_no_word_is_lost(
        cues in prop::collection::vec(CUE, 1..8),
        answer in prop::collection::vec("(слово|word|a|단어)[.,!]?", 1..14),
        carriage: bool,
    ) {
        let cues: Vec<&str> = cues.iter().map(String::as_str).collect();
        for (text, format) in [(srt(&cues), Format::Srt), (vtt(&cues), Format::Vtt)] {
            let text = if carriage { text.replace('\n', "\r\n") } else { text };
            let document = open(&text, format);
            let found = segments(&document, Language::EN);
            let copied = vec![Outcome::Copied; found.len()];
            prop_assert_eq!(&join(&document, &found, &copied).unwrap().text, &text);
            // Every word is told apart by a number.
            let outputs = (0..found.len()).map(|index| answer.iter().map(|word| format!("{index}q{word}")).collect::<Vec<_>>().join(" "));
            let outcomes: Vec<Outcome> = outputs.map(Outcome::Translated).collect();
            let joined = join(&document, &found, &outcomes).unwrap();
            let settled = settle(&document, format, &joined.text);
            let (before, after) = (super::cues(&text, format).unwrap(), super::cues(&settled, format).unwrap());
            prop_assert_eq!(before.len(), after.len());
            let timings = |text: &str| text.lines().filter(|line| line.contains("-->")).map(str::to_string).collect::<Vec<_>>();
            prop_assert_eq!(timings(&text), timings(&settled));
            let bare = |text: &str| ["<i>", "</i>", "<b>", "</b>", "<v Al>", "{\\an8}"].iter().fold(text.to_string(), |text, tag| text.replace(tag, ""));
            let words = |text: &str| {
                let text = bare(text);
                let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.contains('q'));
                words.map(str::to_string).collect::<Vec<_>>()
            };
            let wanted: Vec<String> = (0..found.len()).flat_map(|index| answer.iter().map(move |word| format!("{index}q{}", word.trim_end_matches(['.', ',', '!'])))).collect();
            prop_assert_eq!(words(&settled), wanted, "{:?}", settled);
            let marks = |text: &str| { let mut marks: Vec<char> = text.chars().filter(|c| "<>♪".contains(*c)).collect(); marks.sort_unstable(); marks };
            prop_assert_eq!(marks(&settled), marks(&text), "{:?} {:?}", settled, text);
            // Settled text stays as it is.
            let unchanged = read(&settled, format);
            prop_assert!(unchanged.is_ok());
            findings(&document, format, &settled);
        }
    }

    #[test]
    fn pairs_stay_pairs_in_every_cue(
        cues in prop::collection::vec("(слово |Word |<i>Ab</i> |<b>c <i>d</i></b> |, |\n){1,8}", 1..8),
        answer in prop::collection::vec("(слово|word|Ab|단어)[.,!]?", 1..14),
    ) {
        let cues: Vec<&str> = cues.iter().map(String::as_str).collect();
        for (text, format) in [(srt(&cues), Format::Srt), (vtt(&cues), Format::Vtt)] {
            let document = open(&text, format);
            let found = segments(&document, Language::EN);
            let outcomes = vec![Outcome::Translated(answer.join(" ")); found.len()];
            let joined = join(&document, &found, &outcomes).unwrap();
            let settled = settle(&document, format, &joined.text);
            for cue in super::cues(&settled, format).unwrap() {
                let tokens = super::tokens(&settled, cue.text, format);
                let lone = tokens.iter().any(|token| matches!(token.kind, super::TokenKind::Opening(_, None) | super::TokenKind::Closing(_, None)));
                prop_assert!(!lone, "{:?} of {:?}", settled, text);
            }
        }
    }
}

#[test]
fn a_line_of_spaces_is_a_line_of_its_cue_where_text_follows() {
    let text = "WEBVTT\n\n00:00:00.160 --> 00:00:02.389 align:start\n \nhello<00:00:00.480><c> everyone</c>\n\n\
                00:00:02.389 --> 00:00:04.000\nWelcome back.\n \n00:00:05.000 --> 00:00:06.000\nThe end.\n";
    let shown = show(text, Format::Vtt).concat();
    for words in ["hello", "everyone", "Welcome back.", "The end."] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("-->"), "{shown}");
}
