//! Tests of the JSON reader.

#![allow(clippy::unwrap_used)]
use super::{read, read_lines};
use crate::article::Reading;
use crate::document::{BlockKind, Document, PieceKind};
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
    refuses("{\"a\": 1,\n \"b\": NaN}", &["a"], "json: line 2: expected JSON, got an error in column 7: expected value");
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
    let lines = |text: &str, fields: &[&str]| read_lines(text, &reading(fields));
    let document = lines("{\"t\": \"One.\"}\r\n\n{\"u\": 1}\n  {\"t\": \"Two.\", \"t\": \"Three.\"}", &["t"]).unwrap();
    assert_eq!(document.check(), Ok(()));
    assert_eq!(show(&document), ["One.", "Two.", "Three."]);
    let refuses = |text: &str, fields: &[&str], expected: &str| {
        assert_eq!(lines(text, fields).unwrap_err().to_string(), expected);
    };
    refuses(
        "{\"t\": \"One.\"}\n\n{\"t\": \"Tw\n",
        &["t"],
        "jsonl: line 3: expected JSON, got an error in column 9: control character (\\u0000-\\u001F) found while parsing a string",
    );
    refuses(
        "{\"t\": \"One.\"}\n{\"u\": 1}",
        &["v"],
        "jsonl: field `v`: expected it in any line, got none; text is in `t`; name what is to be translated with --field",
    );
    refuses(
        "{\"uri\": \"x\", \"headline\": \"A\"}\n{\"u\": \"b\"}",
        &[],
        "jsonl: line 2: expected ninjs (an object with `uri` and a headline, body or description), or fields to be named; text is in `u`; name what is to be translated with --field",
    );
    assert!(lines("\n\n", &["t"]).unwrap().blocks.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn any_soup_is_covered_or_refused(text in "(\\{|\\}|\\[|\\]|\"|\"a\"|:|,|\"a\": \"|\\\\|\\\\n|\\\\ud83c|\\\\udf89|\\\\u00|<p>|</p>|&amp;|слово|한|\\. |\n|1|null| ){0,30}") {
        for fields in [&["a"][..], &["[]"], &["*"], &[]] {
            for document in [read(&text, &reading(fields)), read_lines(&text, &reading(fields))].into_iter().flatten() {
                prop_assert_eq!(document.check(), Ok(()));
            }
        }
    }

    #[test]
    fn any_content_of_a_string_is_covered(inner in "(\\\\n|\\\\r\\\\n|\\\\t|\\\\\"|\\\\\\\\|\\\\/|\\\\b|\\\\ud83c|\\\\udf89|\\\\ud83c\\\\udf89|\\\\u0000|\\\\u0041|<p>|</p>|<b>|&amp;|слово|한|\\. |a| ){0,30}") {
        let text = format!("{{\"a\": \"{inner}\"}}");
        let document = read(&text, &reading(&["a"])).unwrap();
        prop_assert_eq!(document.check(), Ok(()));
    }
}
