//! Tests of the reader of columns.

#![allow(clippy::unwrap_used)]
use super::{prepare, read};
use crate::article::{Format, Reading};
use crate::document::Document;
use crate::language::Language;
use crate::segment::Outcome;
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
    refuses(
        "a,b\n1,2\n",
        &[],
        "csv: expected columns to be named, got none; the columns, parted by `,`, are 1 `a`, 2 `b`; name what is to be translated with --field",
    );
    refuses(
        "a;b\n1;2\n",
        &["c"],
        "csv: column `c`: expected it in the first record, got none; the columns, parted by `;`, are 1 `a`, 2 `b`; name what is to be translated with --field",
    );
    refuses("a,b\n1,2,3\n", &["a"], "csv: line 2: expected at most 2 fields as in the first record, got 3");
    refuses(
        "a,b\n1,\"2\n3,4\n",
        &["a"],
        "csv: line 2: expected a quotation mark that closes this field, got the end of the file",
    );
    refuses(
        "a,b\n1,\"2\"x\n",
        &["b"],
        "csv: line 2: expected a delimiter or the end of the record after a field in quotation marks, got more text; quotation marks inside such a field are doubled",
    );
    check("a,b\n1\nOne.,2,,\n", &["a"], &["1", "One."]);
}

#[test]
fn bare_fields_get_quotation_marks_where_they_need_them() {
    let edits = |text: &str, format: Format, outputs: &[&str]| {
        let mut document = open(text, format, &["t"]);
        prepare(&mut document, format, outputs.iter().copied().enumerate());
        document.between(0..text.len())
    };
    assert_eq!(
        edits("t,n\nOne,1\nTwo,2\nThree,3\n", Format::Csv, &["Раз, два", "Два", "«Три\""]),
        "t,n\n\"One\",1\nTwo,2\n\"Three\",3\n"
    );
    assert_eq!(edits("t;n\n One ;1\nTwo;2\n", Format::Csv, &["a, b", "c; d"]), "t;n\n One ;1\n\"Two\";2\n");
    assert_eq!(edits("n,t\n1,6\" disk", Format::Csv, &["6\" disk"]), "n,t\n1,6\" disk");
    assert_eq!(edits("n,t\n1,6\" disk", Format::Csv, &["диск 6\""]), "n,t\n1,\"6\" disk\"");
    assert_eq!(edits("n\tt\n1\tOne\n", Format::Tsv, &["\"Раз\""]), "n\tt\n1\tOne\n");
    assert_eq!(edits("n\tt\n\"1\"\tOne\n", Format::Tsv, &["\"Раз\""]), "n\tt\n\"1\"\t\"One\"\n");
}

#[test]
fn samples_come_back_as_they_were() {
    let briefs = include_str!("../../../samples/fields/briefs.uk.csv");
    let places = include_str!("../../../samples/fields/places.ko.tsv");
    for (text, format, fields, blocks) in [
        (briefs, Format::Csv, &["текст", "заголовок"][..], 7),
        (briefs, Format::Csv, &["2"], 5),
        (places, Format::Tsv, &["text"], 2),
    ] {
        let document = open(text, format, fields);
        assert_eq!(document.blocks.len(), blocks);
        assert_eq!(answered(document, format, None), text);
    }
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

/// What becomes of a document whose segments all have this answer; without one they are answered as they were asked.
fn answered(mut document: Document, format: Format, answer: Option<&str>) -> String {
    let segments = crate::segment::segments(&document, Language::EN);
    let answers: Vec<String> = segments.iter().map(|s| answer.map_or(s.text.clone(), str::to_string)).collect();
    let outputs = segments.iter().zip(&answers).map(|(segment, answer)| (segment.block, answer.as_str()));
    prepare(&mut document, format, outputs);
    let outcomes: Vec<Outcome> = answers.iter().cloned().map(Outcome::Translated).collect();
    crate::segment::join(&document, &segments, &outcomes).unwrap().text
}

/// The cells of a file as another reader of it sees them.
fn cells(text: &str, (delimiter, quoting): (u8, bool)) -> Vec<Vec<String>> {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).quoting(quoting).build();
    let (mut rows, mut row, mut at) = (Vec::new(), Vec::new(), 0);
    let mut output = vec![0; text.len() + 1];
    loop {
        let (result, read, written) = reader.read_field(&text.as_bytes()[at..], &mut output);
        at += read;
        match result {
            csv_core::ReadFieldResult::Field { record_end } => {
                row.push(String::from_utf8(output[..written].to_vec()).unwrap());
                if record_end {
                    rows.push(std::mem::take(&mut row));
                }
            }
            csv_core::ReadFieldResult::End => return rows,
            // A field whose end is that of the file comes in two parts; they are told apart by their length.
            _ if read == 0 && at < text.len() => panic!("no progress"),
            _ if written > 0 => {
                let part = String::from_utf8(output[..written].to_vec()).unwrap();
                let (_, _, more) = reader.read_field(&[], &mut output);
                assert_eq!(more, 0);
                row.push(part);
                rows.push(std::mem::take(&mut row));
                return rows;
            }
            _ => {}
        }
    }
}

const CELL: &str =
    "(слово|Word|한국어|\\. |! |\"|,|;|\t|\n|\n\n|<p>|</p>|<b>|</b>|<a href=\"x\">|</a>|&amp;|&|<|🎉| ){0,12}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn answers_leave_the_shape_and_the_other_cells_as_they_were(
        rows in prop::collection::vec((CELL, CELL, CELL, any::<bool>()), 1..6),
        answer in "(Слово|\"|;|<b>|&|\n|\t|,|a| ){1,10}a",
        delimiter in prop::sample::select(&[b',', b';', b'\t'][..]),
        end in prop::sample::select(&["\n", "\r\n"][..]),
    ) {
        let mark = delimiter as char;
        let mut text = format!("id{mark}t{mark}n{end}");
        for (a, b, c, always) in &rows {
            let cell = |cell: &String| {
                let needed = *always || cell.contains(['"', mark, '\n', '\r']) || cell.trim() != cell;
                if needed { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
            };
            text.extend([cell(a), cell(b), cell(c)].join(&mark.to_string()).chars().chain(end.chars()));
        }
        let format = if delimiter == b'\t' { Format::Tsv } else { Format::Csv };
        let document = open(&text, format, &["t"]);
        prop_assert_eq!(&answered(document.clone(), format, None), &text);
        let translated = answered(document.clone(), format, Some(&answer));
        let quoting = super::Dialect::of(&text, format).quoting;
        let (before, after) = (cells(&text, (delimiter, quoting)), cells(&translated, (delimiter, quoting)));
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(before.len(), after.len(), "{:?}", translated);
            prop_assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
        }
        let again = open(&translated, format, &["t"]);
        prop_assert_eq!(again.blocks.is_empty(), document.blocks.is_empty());
    }
}
