//! Tests of the JSON reader.

#![allow(clippy::unwrap_used)]
use super::{read, read_lines};
use crate::article::{Format, Reading, Unit};
use crate::document::{BlockKind, Document, Escape, PieceKind};
use crate::language::Language;
use crate::segment::Outcome;
use proptest::prelude::*;

fn reading(fields: &[&str]) -> Reading {
    Reading { fields: fields.iter().map(|field| (*field).to_string()).collect(), ..Reading::default() }
}

fn open(text: &str, fields: &[&str]) -> Document {
    let document = read(text, &reading(fields)).unwrap();
    assert_eq!(document.check(), Ok(()), "{text}");
    document
}

/// The words of the blocks, and the language tags in brackets at the end.
fn show(document: &Document) -> Vec<String> {
    let words = document.blocks.iter().map(|block| document.words(block));
    words.chain(document.tags.iter().map(|tag| format!("[{}]", &document.text[tag.clone()]))).collect()
}

fn check(text: &str, fields: &[&str], expected: &[&str]) {
    assert_eq!(show(&open(text, fields)), expected, "{text} {fields:?}");
}

fn refuses(text: &str, fields: &[&str], expected: &str) {
    assert_eq!(read(text, &reading(fields)).unwrap_err().to_string(), expected, "{text} {fields:?}");
}

#[test]
fn paths_name_fields() {
    let text = r#"{"a": "One.", "b": {"c": "Two.", "d": 5}, "e": [{"f": "Three."}, {"f": "Four."}, {"g": null}], "h.i": ["Five.", "Six.", 7]}"#;
    check(text, &["a"], &["One."]);
    check(text, &["b.c", "a"], &["One.", "Two."]);
    check(text, &["e[].f"], &["Three.", "Four."]);
    check(text, &["e[1].f"], &["Four."]);
    check(text, &["*.c"], &["Two."]);
    check(text, &["\"h.i\""], &["Five.", "Six."]);
    check(text, &["\"h.i\"[1]", "b.d", "e[].g"], &["Six."]);
    check(r#"[{"t": "One."}, {"t": "Two."}]"#, &["[].t"], &["One.", "Two."]);
    check(r#"{"\u0061": "One.", "a": "Two."}"#, &["a"], &["One.", "Two."]);
    check(r#"{"items": []}"#, &["items[].t"], &[]);
    check(" \n", &["a"], &[]);
}

#[test]
fn fields_that_are_not_there_are_named_with_those_that_are() {
    refuses(
        r#"{"title": "A", "items": [{"t": "B"}, {"t": "C", "a.b": ["D"]}], "n": 1}"#,
        &["body"],
        "json: field `body`: expected it in the file, got none; text is in `title`, `items[].t`, `items[].\"a.b\"[]`; name what is to be translated with --field",
    );
    refuses(
        r#"{"a": {"b": "C"}}"#,
        &["a"],
        "json: line 1: field `a`: expected text, got an object; text is in `a.b`; name what is to be translated with --field",
    );
    refuses(
        r#"{"title": "A", "body": "B"}"#,
        &[],
        "json: expected ninjs (an object with `uri` and a headline, body or description), or fields to be named; text is in `title`, `body`; name what is to be translated with --field",
    );
    for (path, expected) in [
        ("", "a key"),
        ("a..b", "a key"),
        ("a[x]", "nothing or a number in `[]`"),
        ("a[", "`]` after `[`"),
        ("a[]b", "`.` or `[` after `]`"),
        ("\"a", "a closed `\"`"),
        ("\"a\"b", "`.` between keys"),
    ] {
        let message = read("{}", &reading(&[path])).unwrap_err().to_string();
        assert!(message.starts_with(&format!("json: field `{path}`: expected {expected};")), "{message}");
    }
}

#[test]
fn what_is_no_json_is_named_with_its_place() {
    refuses(
        "{\"a\": 1,\n \"b\": NaN}",
        &["a"],
        "json: line 2: expected JSON, got an error in column 7: expected value",
    );
    refuses(
        "{\"a\": 1}\n{\"a\": 2}",
        &["a"],
        "json: line 2: expected JSON, got an error in column 1: trailing characters; a file with one value a line is read as jsonl",
    );
    let deep = format!("{}\"a\"{}", "[".repeat(100_000), "]".repeat(100_000));
    refuses(&deep, &["[]"], "json: line 1: expected at most 128 values inside each other, got more");
}

#[test]
fn escapes_are_characters() {
    let document = open(r#"{"a": "Say \"yes\"\u2026 \ud83c\udf89\/\n\nNo \ud83c half\u0007."}"#, &["a"]);
    assert_eq!(show(&document), ["Say \"yes\"… 🎉/", "No  half."]);
    let marks: Vec<&str> = document.blocks[1]
        .pieces
        .iter()
        .filter(|piece| piece.kind == PieceKind::Markup)
        .map(|piece| &document.text[piece.span.clone()])
        .collect();
    assert_eq!(marks, [r"\ud83c", r"\u0007"]);
}

#[test]
fn ninjs_is_known_by_its_properties() {
    check(
        r#"{"uri": "x", "language": "uk", "slugline": "no", "byline": "no", "headline": "Один", "title": "Два",
            "description_text": "Три.", "body_short": "Чотири.", "keywords": ["no"], "place": [{"name": "no"}],
            "associations": {"main": {"uri": "y", "language": "uk", "headline": "П'ять", "body_text": "Шість."}}}"#,
        &[],
        &["Один", "Два", "Три.", "Чотири.", "П'ять", "Шість.", "[uk]", "[uk]"],
    );
    check(
        r#"{"uri": "x", "standard": {"name": "ninjs", "version": "3.1"}, "language": "en-GB",
            "headlines": [{"role": "main", "value": "One"}, {"value": "Two"}], "by": "no",
            "descriptions": [{"contenttype": "text/plain", "value": "Three."}],
            "bodies": [{"contentType": "text\/plain", "value": "Four.\nFive."}, {"contentType": "application/json", "value": "no"}],
            "associations": [{"name": "picture", "uri": "z", "headlines": [{"value": "Six"}]}]}"#,
        &[],
        &["One", "Two", "Three.", "Four.", "Five.", "Six", "[en-GB]"],
    );
    check(r#"[{"uri": "x", "headline": "One"}, {"uri": "y", "headline": "Two"}]"#, &[], &["One", "Two"]);
    check(r#"{"uri": "x", "versioncreated": "2026-01-01T00:00:00Z", "title": "One"}"#, &[], &["One"]);
    assert!(read(r#"{"uri": "x", "title": "One", "text": "Two."}"#, &reading(&[])).is_err());
    let document = open(r#"{"uri": "x", "headline": "One. Two."}"#, &[]);
    assert_eq!(document.blocks[0].kind, BlockKind::Heading);
}

#[test]
fn languages_of_records_with_prose_are_tags() {
    check(
        r#"{"lang": "en", "items": [{"t": "One.", "language": "en"}, {"u": "no", "language": "uk"}], "author": {"lang": "en"}}"#,
        &["items[].t"],
        &["One.", "[en]", "[en]"],
    );
}

#[test]
fn a_line_is_a_value() {
    let lines = |text: &str, fields: &[&str]| read_lines(text.as_bytes(), &reading(fields));
    let document = lines("{\"t\": \"One.\"}\r\n\n{\"t\": 1}\n  {\"t\": \"Two.\", \"t\": \"Three.\"}", &["t"]).unwrap();
    assert_eq!(document.check(), Ok(()));
    assert_eq!(show(&document), ["One.", "Two.", "Three."]);
    let refuses = |text: &str, fields: &[&str], expected: &str| {
        assert_eq!(lines(text, fields).unwrap_err().to_string(), expected);
    };
    refuses(
        "{\"t\": \"One.\"}\n{\"u\": 1}",
        &["v"],
        "jsonl: field `v`: expected it in any line, got none; text is in `t`; name what is to be translated with --field",
    );
    refuses(
        "\n{\"u\": \"b\"}\n",
        &[],
        "jsonl: line 2: expected ninjs (an object with `uri` and a headline, body or description), or fields to be named; text is in `u`; name what is to be translated with --field",
    );
    assert!(lines("\n\n", &["t"]).unwrap().blocks.is_empty());
}

/// What is said of the lines of a file that cannot be read.
fn check_lines(bytes: &[u8], fields: &[&str], expected: &[(usize, &str)]) -> Document {
    let document = read_lines(bytes, &reading(fields)).unwrap();
    assert_eq!(document.check(), Ok(()));
    let remarks: Vec<(usize, &str)> =
        document.remarks.iter().map(|remark| (remark.line, remark.message.as_str())).collect();
    assert_eq!(remarks, expected);
    let written = crate::article::write(&document, &answered(document.clone(), None)).unwrap();
    assert_eq!(written, bytes);
    document
}

#[test]
fn a_line_that_cannot_be_read_is_left_alone() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let bytes = [
        b"\xEF\xBB\xBF{\"t\": \"One.\"}\r\n\n{\"t\": \"Tw\n{\"t\": \"\xCF\xF0\xE8\"}\n{\"t\": \"a\0b\"}\nrest\n"
            as &[u8],
        b"{\"u\": \"x\"}\n{\"t\": {\"v\": \"y\"}}\n",
        deep.as_bytes(),
        b"\n{\"t\": \"Two.\"}\n\xF0\x9F{\"t\": 5}\n{\"t\": \"Three.\"}",
    ]
    .concat();
    let document = check_lines(
        &bytes,
        &["t"],
        &[
            (3, "expected JSON, got an error in column 9: EOF while parsing a string"),
            (4, "byte 7: expected UTF-8 text, got CF"),
            (5, "byte 8: expected UTF-8 text, got a NUL byte"),
            (6, "expected JSON, got an error in column 1: expected value"),
            (7, "field `t`: expected it in the line, got none"),
            (
                8,
                "field `t`: expected text, got an object; text is in `t.v`; name what is to be translated with --field",
            ),
            (9, "expected at most 128 values inside each other, got more"),
            (11, "byte 0: expected UTF-8 text, got F0"),
        ],
    );
    assert_eq!(show(&document), ["One.", "Two.", "Three."]);
    assert!(document.byte_order_mark);
    let translated = crate::article::write(&document, &answered(document.clone(), Some("Нуль \0."))).unwrap();
    let lines: Vec<&[u8]> = translated.split(|byte| *byte == b'\n').collect();
    assert_eq!(lines[3], b"{\"t\": \"\xCF\xF0\xE8\"}");
    assert_eq!(lines[11 - 1], b"\xF0\x9F{\"t\": 5}");
    assert_eq!(lines[9], "{\"t\": \"Нуль \\u0000.\"}".as_bytes());
    check_lines(
        b"{\"a\": 1, \"b\": \"B\"}\n{\"c\": \"C\"}\n{\"a\": \"A\"}",
        &["a", "b"],
        &[(2, "fields `a`, `b`: expected one of them in the line, got none")],
    );
    check_lines(
        b"{\"uri\": \"x\", \"headline\": \"A\"}\n{\"u\": \"b\"}",
        &[],
        &[(
            2,
            "expected ninjs (an object with `uri` and a headline, body or description), or fields to be named; text is in `u`; name what is to be translated with --field",
        )],
    );
}

#[test]
fn a_file_without_a_sound_line_is_refused() {
    for (bytes, expected) in [
        (
            b"{\n}\n" as &[u8],
            "jsonl: line 1: expected JSON, got an error in column 1: EOF while parsing an object; 1 more cannot be read, and there are no others",
        ),
        (b"x", "jsonl: line 1: expected JSON, got an error in column 1: expected value"),
        (b"\n{\"t\": \"\xCF\"}\n", "text encoding: byte 8 (line 2): expected UTF-8, got CF; convert the file to UTF-8"),
        (b"\x1F\x8B", "binary file: byte 0 (line 1): expected UTF-8 text, got a gzip file"),
    ] {
        assert_eq!(read_lines(bytes, &reading(&["t"])).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_record_fails_alone_and_says_what_it_has_not() {
    let record = |bytes: &[u8], fields: &[&str]| read_lines(bytes, &Reading { unit: Unit::Record, ..reading(fields) });
    let document = record(b"{\"t\": \"One.\"}\r\n", &["t", "v"]).unwrap();
    assert_eq!(show(&document), ["One."]);
    assert_eq!(document.remarks[0].message, "field `v`: expected it in the record, got none");
    assert!(record(b" \n", &["t"]).unwrap().blocks.is_empty());
    for (bytes, expected) in [
        (b"\xEF\xBB\xBF{\"t\": 1}" as &[u8], "jsonl: expected JSON, got an error in column 1: expected value"),
        (b"{\"u\": 1}", "jsonl: field `t`: expected it in the line, got none"),
        (b"\xFF\xFE", "jsonl: byte 0: expected UTF-8 text, got FF"),
        (b"{\"t\": 1", "jsonl: expected JSON, got an error in column 7: EOF while parsing an object"),
    ] {
        assert_eq!(record(bytes, &["t"]).unwrap_err().to_string(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn any_soup_is_covered_or_refused(text in "(\\{|\\}|\\[|\\]|\"|\"a\"|:|,|\"a\": \"|\\\\|\\\\n|\\\\ud83c|\\\\udf89|\\\\u00|<p>|</p>|&amp;|слово|한|\\. |\n|1|null| ){0,30}") {
        for fields in [&["a"][..], &["[]"], &["*"], &[]] {
            for document in [read(&text, &reading(fields)), read_lines(text.as_bytes(), &reading(fields))].into_iter().flatten() {
                prop_assert_eq!(document.check(), Ok(()));
            }
        }
    }

    #[test]
    fn lines_of_any_bytes_come_back(
        lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..6),
        sound in "(слово|a b|\\\\n){0,3}",
    ) {
        let mut bytes = lines.join(&b'\n');
        bytes.extend(format!("\n{{\"a\": \"{sound}\"}}\n").bytes());
        if let Ok(document) = read_lines(&bytes, &reading(&["a"])) {
            prop_assert_eq!(document.check(), Ok(()));
            let text = answered(document.clone(), None);
            prop_assert_eq!(crate::article::write(&document, &text).unwrap(), bytes);
        }
    }

    #[test]
    fn any_content_of_a_string_is_covered(inner in "(\\\\n|\\\\r\\\\n|\\\\t|\\\\\"|\\\\\\\\|\\\\/|\\\\b|\\\\ud83c|\\\\udf89|\\\\ud83c\\\\udf89|\\\\u0000|\\\\u0041|<p>|</p>|<b>|&amp;|слово|한|\\. |a| ){0,30}") {
        let text = format!("{{\"a\": \"{inner}\"}}");
        let document = read(&text, &reading(&["a"])).unwrap();
        prop_assert_eq!(document.check(), Ok(()));
    }
}

/// What becomes of a document whose segments all have this answer; without one they are answered as they were asked.
fn answered(mut document: Document, answer: Option<&str>) -> String {
    let segments = crate::segment::segments(&document, Language::EN);
    let answers: Vec<String> = segments.iter().map(|s| answer.map_or(s.text.clone(), str::to_string)).collect();
    let outputs = segments.iter().zip(&answers).map(|(segment, answer)| (segment.block, answer.as_str()));
    crate::article::prepare(&mut document, Format::Json, outputs);
    let outcomes: Vec<Outcome> = answers.into_iter().map(Outcome::Translated).collect();
    crate::segment::join(&document, &segments, &outcomes).unwrap().text
}

/// Sets every string that the paths of the property test select to nothing.
fn without_prose(text: &str) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    value["t"] = "".into();
    for item in value["items"].as_array_mut().unwrap() {
        item["t"] = "".into();
        item["a"].as_array_mut().unwrap().iter_mut().filter(|value| value.is_string()).for_each(|v| *v = "".into());
    }
    value
}

const CONTENT: &str = "(слово|Word|한국어|\\. |! |\"|\\\\|/|\n|\n\n|\t|<p>|</p>|<b>|</b>|<br>|<a href=\"x\">|</a>|&amp;|&|<|🎉|\u{7}| ){0,20}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn answers_leave_the_structure_and_everything_else_as_it_was(
        strings in prop::collection::vec(CONTENT, 6),
        answer in "(Слово|\"|\\\\|<b>|&|\n|\t|,|a| ){1,12}",
        pretty: bool,
    ) {
        let value = serde_json::json!({
            "t": strings[0], "n": 1.50, "u": strings[1],
            "items": [{"t": strings[2], "a": [strings[3], null, 7], "u": strings[4]}, {"a": [], "t": strings[5], "language": "en"}],
        });
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let fields = ["t", "items[].t", "items[].a"];
        prop_assert_eq!(&answered(open(&text, &fields), None), &text);
        let translated = answered(open(&text, &fields), Some(&answer));
        prop_assert_eq!(without_prose(&translated), without_prose(&text));
        let lines = format!("{}\n\n{}\r\n", serde_json::to_string(&value).unwrap(), serde_json::to_string(&value).unwrap());
        let document = read_lines(lines.as_bytes(), &reading(&fields)).unwrap();
        prop_assert_eq!(document.check(), Ok(()));
        prop_assert_eq!(&answered(document.clone(), None), &lines);
        let translated = answered(document, Some(&answer));
        prop_assert_eq!(translated.lines().count(), 3);
        for line in translated.lines().filter(|line| !line.is_empty()) {
            prop_assert_eq!(without_prose(line), without_prose(&text));
        }
    }
}

#[test]
fn samples_come_back_as_they_were() {
    for (text, blocks, tags) in [
        (include_str!("../../../samples/en/dredging.json"), 15, 2),
        (include_str!("../../../samples/uk/water-main.json"), 11, 2),
        (include_str!("../../../samples/ko/library.json"), 8, 2),
    ] {
        let document = open(text, &[]);
        assert_eq!((document.blocks.len(), document.tags.len()), (blocks, tags));
        assert_eq!(answered(document, None), text);
    }
    let text = include_str!("../../../samples/fields/briefs.en.jsonl");
    let document = read_lines(text.as_bytes(), &reading(&["title", "text", "tags"])).unwrap();
    assert_eq!((document.blocks.len(), document.tags.len()), (10, 3));
    assert_eq!(answered(document, None), text);
}

#[test]
fn html_in_a_string_keeps_its_tags() {
    let text = r#"{"uri": "x", "body_html": "<p class=\"a\">One <b>two<\/b> &amp; three.<\/p>\n<p>Four.<\/p>"}"#;
    let document = open(text, &[]);
    assert_eq!(show(&document), ["One two & three.", "Four."]);
    assert_eq!(document.blocks[0].escapes, [Escape::Markup, Escape::Json]);
    let expected = r#"{"uri": "x", "body_html": "<p class=\"a\">Раз <b>і<\/b> \"два\" &lt; три.<\/p>\n<p>Раз і \"два\" &lt; три.<\/p>"}"#;
    assert_eq!(answered(document, Some("Раз і \"два\" < три.")), expected);
}
