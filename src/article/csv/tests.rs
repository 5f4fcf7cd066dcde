//! Tests of the reader of columns.

#![allow(clippy::unwrap_used)]
use super::{prepare, read};
use crate::article::{Format, Reading};
use crate::document::Document;
use proptest::prelude::*;

fn reading(fields: &[&str]) -> Reading {
    Reading { fields: fields.iter().map(|field| (*field).to_string()).collect(), ..Reading::default() }
}

fn open(text: &str, format: Format, fields: &[&str]) -> Document {
    let document = read(text, format, &reading(fields)).unwrap();
    assert_eq!(document.check(), Ok(()), "{text}");
    document
}

fn words(document: &Document) -> Vec<String> {
    document.blocks.iter().map(|block| document.words(block)).collect()
}

fn check(text: &str, fields: &[&str], expected: &[&str]) {
    assert_eq!(words(&open(text, Format::Csv, fields)), expected, "{text:?}");
}

fn check_tsv(text: &str, fields: &[&str], expected: &[&str]) {
    assert_eq!(words(&open(text, Format::Tsv, fields)), expected, "{text:?}");
}

fn refuses(text: &str, fields: &[&str], expected: &str) {
    assert_eq!(read(text, Format::Csv, &reading(fields)).unwrap_err().to_string(), expected, "{text:?}");
}

#[test]
fn columns_have_names_or_numbers() {
    check("id,text,n\n1,One.,a\n2,\"Two, three.\",b\n", &["text"], &["One.", "Two, three."]);
    check("id,text,n\r\n1,One.,a\r\n\r\n2,Two.,b", &["n", "text"], &["One.", "a", "Two.", "b"]);
    check("1,One.\n2,Two.\n", &["2"], &["One.", "Two."]);
    check("id,text\n1,One.\n", &["text", "1"], &["1", "One."]);
    check("", &["text"], &[]);
}

#[test]
fn the_delimiter_is_told_by_the_first_records() {
    check("id;text\n1;One, two.\n2;Three.\n", &["text"], &["One, two.", "Three."]);
    check("id\ttext\n1\tOne; two.\n", &["text"], &["One; two."]);
    check("text\nOne.\n\"Two, three\"\n", &["text"], &["One.", "Two, three"]);
    check("sep=|\r\nid|text\r\n1|One.\r\n", &["text"], &["One."]);
    check("a;b,c\n1;\"2,5\"\n", &["b,c"], &["2,5"]);
}

#[test]
fn quoted_fields_hold_anything() {
    check(
        "text,n\n\"He said \"\"no\"\".\n\nShe said, \"\"yes\"\".\",1\n",
        &["text"],
        &["He said \"no\".", "She said, \"yes\"."],
    );
    check("a,\"b\"\n\"\",\" x \"\n", &["a", "b"], &["x"]);
}

#[test]
fn tabs_need_no_quotation_marks() {
    check_tsv("a\tb\n\"One\" he said\tTwo.\n\"\tThree.\n", &["a", "b"], &["\"One\" he said", "Two.", "\"", "Three."]);
    check_tsv("a\tb\n\"One\ttwo\"\tThree.\n", &["a"], &["One\ttwo"]);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    refuses("a,b\n1,2\n", &[], "csv: expected columns to be named, got none; the columns, parted by `,`, are 1 `a`, 2 `b`; name what is to be translated with --field");
    refuses("a;b\n1;2\n", &["c"], "csv: column `c`: expected it in the first record, got none; the columns, parted by `;`, are 1 `a`, 2 `b`; name what is to be translated with --field");
    refuses("a,b\n1,2,3\n", &["a"], "csv: line 2: expected at most 2 fields as in the first record, got 3");
    refuses("a,b\n1,\"2\n3,4\n", &["a"], "csv: line 2: expected a quotation mark that closes this field, got the end of the file");
    refuses("a,b\n1,\"2\"x\n", &["b"], "csv: line 2: expected a delimiter or the end of the record after a field in quotation marks, got more text; quotation marks inside such a field are doubled");
    check("a,b\n1\nOne.,2,,\n", &["a"], &["1", "One."]);
}

#[test]
fn bare_fields_get_quotation_marks_where_they_need_them() {
    let edits = |text: &str, format: Format, outputs: &[&str]| {
        let mut document = open(text, format, &["t"]);
        prepare(&mut document, format, outputs.iter().copied().enumerate());
        document.between(0..text.len())
    };
    assert_eq!(edits("t,n\nOne,1\nTwo,2\nThree,3\n", Format::Csv, &["Раз, два", "Два", "«Три\""]), "t,n\n\"One\",1\nTwo,2\n\"Three\",3\n");
    assert_eq!(edits("t;n\n One ;1\nTwo;2\n", Format::Csv, &["a, b", "c; d"]), "t;n\n One ;1\n\"Two\";2\n");
    assert_eq!(edits("n,t\n1,6\" disk", Format::Csv, &["6\" disk"]), "n,t\n1,6\" disk");
    assert_eq!(edits("n,t\n1,6\" disk", Format::Csv, &["диск 6\""]), "n,t\n1,\"6\" disk\"");
    assert_eq!(edits("n\tt\n1\tOne\n", Format::Tsv, &["\"Раз\""]), "n\tt\n1\tOne\n");
    assert_eq!(edits("n\tt\n\"1\"\tOne\n", Format::Tsv, &["\"Раз\""]), "n\tt\n\"1\"\t\"One\"\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn any_soup_is_covered_or_refused(text in "(,|;|\t|\"|\"\"|\n|\r\n|\r|a|слово|한|<p>|</p>|&amp;|\\. | ){0,30}") {
        for format in [Format::Csv, Format::Tsv] {
            for fields in [&["1"][..], &["1", "2"], &["a"]] {
                if let Ok(document) = read(&text, format, &reading(fields)) {
                    prop_assert_eq!(document.check(), Ok(()));
                }
            }
        }
    }
}
