//! Tests of the Word reader.

#![allow(clippy::unwrap_used)]
use super::{FORMAT, SEPARATOR, read, write};
use crate::article::xml::tokens;
use crate::document::{Block, BlockKind, Document, PieceKind};
use crate::language::Language;
use crate::segment::{Outcome, Segment, join, segments};
use proptest::prelude::*;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const TYPES: &str = "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
    <Override PartName=\"/docProps/core.xml\" ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/>\
    <Override PartName=\"/word/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml\"/>\
    <Override PartName=\"/word/footnotes.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml\"/>\
    <Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/>\
    </Types>";
const CORE: &str = "<c:coreProperties xmlns:c=\"x\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>Кран &amp; порт\
    </dc:title><dc:language>uk-UA</dc:language></c:coreProperties>";
const STYLES: &str = "<w:styles xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:rPr><w:lang \
    w:val=\"uk-UA\" w:eastAsia=\"ko-KR\"/></w:rPr><w:style w:styleId=\"1\"><w:name w:val=\"heading 1\"/></w:style></w:styles>";

/// An archive of entries.
fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (index, (name, text)) in entries.iter().enumerate() {
        let method = if index % 2 == 0 { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn part(root: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<w:{root} xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">{content}</w:{root}>"
    )
}

/// A document with this body.
fn docx(body: &str) -> Vec<u8> {
    archive(&[
        ("[Content_Types].xml", TYPES),
        ("word/media/a.png", "no picture"),
        ("word/document.xml", &part("document", &format!("<w:body>{body}</w:body>"))),
        ("word/styles.xml", STYLES),
        (
            "word/footnotes.xml",
            &part("footnotes", "<w:footnote><w:p><w:r><w:t>Виноска.</w:t></w:r></w:p></w:footnote>"),
        ),
        ("docProps/core.xml", CORE),
    ])
}

/// A run.
fn run(properties: &str, text: &str) -> String {
    let properties = if properties.is_empty() { String::new() } else { format!("<w:rPr>{properties}</w:rPr>") };
    format!("<w:r>{properties}<w:t xml:space=\"preserve\">{text}</w:t></w:r>")
}

fn entries(bytes: &[u8]) -> Vec<(String, CompressionMethod, String)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let count = archive.len();
    let entry = |index| {
        let mut file = archive.by_index(index).unwrap();
        let (name, method) = (file.name().unwrap().to_string(), file.compression());
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (name, method, String::from_utf8_lossy(&bytes).into_owned())
    };
    (0..count).map(entry).collect()
}

/// Blocks of the main part with their pieces: `(…)` markup, `<` and `>` a pair, `¶` a line break, `|` a break, `&c` a
/// reference; before them `#` a heading, `-` an item, `:` a cell.
fn show(body: &str) -> Vec<String> {
    let document = read(&docx(body)).unwrap();
    assert_eq!(document.check(), Ok(()), "{body}");
    let end = document.text.find(SEPARATOR).unwrap();
    let piece = |kind: PieceKind, source: &str| match kind {
        PieceKind::Prose => source.to_string(),
        PieceKind::Break => "|".to_string(),
        PieceKind::Cue => "¶".to_string(),
        PieceKind::Markup if source.contains('<') => "()".to_string(),
        PieceKind::Markup => format!("({source})"),
        PieceKind::Opening => "<".to_string(),
        PieceKind::Closing => ">".to_string(),
        PieceKind::Character(c) => format!("&{c}"),
        PieceKind::HardBreak | PieceKind::Escape | PieceKind::Verbatim => format!("{kind:?}"),
    };
    let block = |block: &Block| {
        let kind = match block.kind {
            BlockKind::Heading => "#",
            BlockKind::ListItem => "-",
            BlockKind::TableCell => ":",
            _ => "",
        };
        let pieces = block.pieces.iter().map(|p| piece(p.kind, &document.text[p.span.clone()]));
        format!("{kind}{}", pieces.collect::<String>())
    };
    document.blocks.iter().filter(|block| block.span.end < end).map(block).collect()
}

fn check(paragraph: &str, expected: &[&str]) {
    assert_eq!(show(&format!("<w:p>{paragraph}</w:p>")), expected, "{paragraph}");
}

#[test]
fn runs_that_look_the_same_are_one_text() {
    let runs = [
        run("<w:lang w:val=\"uk-UA\"/>", "Ки"),
        "<w:proofErr w:type=\"spellStart\"/><w:bookmarkStart w:id=\"1\"/>".to_string(),
        run("<w:noProof/>", "їв &amp; "),
        "<w:r><w:t/></w:r>".to_string(),
        run("", "порт."),
    ];
    check(&runs.concat(), &["Ки()їв && ()порт."]);
}

#[test]
fn runs_that_look_different_are_pairs() {
    let (plain, bold, italic) = (run("", "а "), run("<w:b/>", "б "), run("<w:b/><w:i/>", "в "));
    check(&[&plain[..], &bold, &plain].concat(), &["а <б >а "]);
    check(&[&plain[..], &bold, &italic, &bold, &plain].concat(), &["а <б <в >б >а "]);
    check(&[&bold[..], &plain].concat(), &["б ()а "]);
    check(&[&plain[..], &bold].concat(), &["а ()б "]);
    // What most of the text looks like is not marked.
    let long = run("", "довгий текст ");
    check(&[&bold[..], &long, &bold, &long].concat(), &["б ()довгий текст <б >довгий текст "]);
}

#[test]
fn links_and_insertions_open_and_close() {
    let link = |inner: &str| format!("<w:hyperlink r:id=\"x\" xmlns:r=\"y\">{inner}</w:hyperlink>");
    let (plain, bold) = (run("", "а "), run("<w:b/>", "б "));
    check(&[&plain[..], &link(&bold), &plain].concat(), &["а <б >а "]);
    check(&[&link(&plain)[..], &plain].concat(), &["<а >а "]);
    check(&[&plain[..], &link(&[&plain[..], &bold].concat())].concat(), &["а <а ()б >"]);
    check(&link(&plain), &["а "]);
    check(&[&plain[..], &link(&plain), &link(&plain), &plain].concat(), &["а <а ()а >а "]);
    // Elements that do not simply open and close part the text.
    check(&format!("{plain}<w:ins>{plain}</w:ins>{}{plain}", link(&plain)), &["а ", "а ", "а ", "а "]);
    check(&format!("{plain}<w:sdt><w:sdtPr/><w:sdtContent>{plain}</w:sdtContent></w:sdt>{plain}"), &["а <а >а "]);
}

#[test]
fn tabs_and_new_lines_are_kept_between_the_words() {
    let with = |tag: &str, after: &str| format!("<w:r><w:t>Раз</w:t>{tag}<w:t>{after}</w:t></w:r>");
    check(&with("<w:br/>", "два"), &["Раз¶два"]);
    check(&format!("{}<w:r><w:br/></w:r>{}", run("", "раз "), run("", "два")), &["раз¶два"]);
    check(&with("<w:br/>", "Два"), &["Раз", "Два"]);
    check(&with("<w:br w:type=\"page\"/>", "два"), &["Раз", "два"]);
    check(&with("<w:tab/>", "два"), &["Раз", "два"]);
}

#[test]
fn what_word_makes_anew_and_what_was_deleted_is_left_alone() {
    let field = |code: &str| {
        format!(
            "<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText> {code} </w:instrText></w:r><w:r>\
             <w:fldChar w:fldCharType=\"separate\"/></w:r>{}<w:r><w:fldChar w:fldCharType=\"end\"/></w:r>",
            run("", "тут")
        )
    };
    check(&format!("{}{}", run("", "сторінка "), field("PAGE")), &["сторінка "]);
    check(&format!("{}{}", run("", "див. "), field("HYPERLINK \"x\"")), &["див. ()тут"]);
    check(
        &format!("{}<w:del><w:r><w:delText>два</w:delText></w:r></w:del>{}", run("", "раз "), run("", "три")),
        &["раз ()три"],
    );
    check(&format!("<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r>{}", run("", "раз")), &["раз"]);
}

#[test]
fn paragraphs_are_what_their_style_and_place_say() {
    let paragraph = |properties: &str| format!("<w:p><w:pPr>{properties}</w:pPr>{}</w:p>", run("", "Так."));
    let table = format!("<w:tbl><w:tr><w:tc>{}</w:tc></w:tr></w:tbl>", paragraph(""));
    let body = [
        paragraph("<w:pStyle w:val=\"1\"/>"),
        paragraph("<w:pStyle w:val=\"Heading2\"/>"),
        paragraph("<w:numPr/>"),
        table,
        paragraph(""),
    ];
    assert_eq!(show(&body.concat()), ["#Так.", "#Так.", "-Так.", ":Так.", "Так."]);
}

#[test]
fn text_boxes_stand_between_the_parts_of_their_paragraph() {
    let inner = format!("<w:p>{}</w:p>", run("", "Усередині."));
    let drawn = format!("<w:r><w:drawing><w:txbxContent>{inner}</w:txbxContent></w:drawing></w:r>");
    check(&format!("{}{drawn}{}", run("", "До "), run("", "після.")), &["До ", "Усередині.", "після."]);
}

#[test]
fn title_notes_and_languages_are_in_other_parts() {
    let document = read(&docx(&format!("<w:p>{}</w:p>", run("<w:lang w:val=\"uk-UA\"/>", "Так.")))).unwrap();
    let words: Vec<String> = document.blocks.iter().map(|block| document.words(block)).collect();
    assert_eq!(words, ["Так.", "Виноска.", "Кран & порт"]);
    let tags: Vec<&str> = document.tags.iter().map(|tag| &document.text[tag.clone()]).collect();
    assert_eq!(tags, ["uk-UA", "uk-UA", "ko-KR", "uk-UA"]);
}

/// Other words for a sentence; none for its own in another order.
fn reworded(segment: &Segment, words: &str) -> Outcome {
    let turned = || segment.text.split(' ').rev().collect::<Vec<_>>().join(" ");
    Outcome::Translated(if words.is_empty() { turned() } else { words.to_string() })
}

/// The archive with every sentence in other words.
fn translated(bytes: &[u8], words: &str) -> Vec<u8> {
    let mut document = read(bytes).unwrap();
    let found = segments(&document, Language::UK);
    document.set_language(Language::UK, Language::EN);
    let outcomes: Vec<Outcome> = found.iter().map(|segment| reworded(segment, words)).collect();
    let joined = join(&document, &found, &outcomes).unwrap();
    write(&document.container.unwrap(), &joined.text).unwrap()
}

#[test]
fn only_the_parts_that_changed_are_new() {
    let bytes = docx(&format!("<w:p>{}</w:p>", "<w:r><w:t>Раз </w:t></w:r><w:r><w:b/><w:t>два</w:t></w:r>"));
    let before = entries(&bytes);
    let after = entries(&translated(&bytes, "a < b"));
    for ((name, method, text), old) in after.iter().zip(&before) {
        assert_eq!((name, method), (&old.0, &old.1));
        match name.as_str() {
            "word/document.xml" => assert!(
                text.contains("<w:t>a</w:t></w:r><w:r><w:b/><w:t xml:space=\"preserve\"> &lt; b</w:t>"),
                "{text}"
            ),
            "word/styles.xml" => assert_eq!(*text, old.2.replace("uk-UA", "en")),
            "docProps/core.xml" => assert!(text.contains("<dc:title>a &lt; b</dc:title><dc:language>en<")),
            "word/footnotes.xml" => assert!(text.contains("<w:t>a &lt; b</w:t>")),
            _ => assert_eq!(*text, old.2),
        }
    }
}

#[test]
fn runs_inside_a_sentence_say_their_new_language_too() {
    let tag = "<w:lang w:val=\"uk-UA\"/>";
    let body = format!("<w:p>{}{}{}</w:p>", run(tag, "раз "), run(&format!("<w:b/>{tag}"), "два "), run(tag, "три"));
    let written = &entries(&translated(&docx(&body), "one two three"))[2].2;
    assert_eq!((written.matches("w:val=\"en\"").count(), written.matches("uk-UA").count()), (3, 0), "{written}");
}

#[test]
fn archives_that_are_no_document_are_named() {
    let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    let sound = docx("");
    let mut damaged = docx(&format!("<w:p>{}</w:p>", run("", "Так.")));
    let at = damaged.windows(10).position(|w| w == b"no picture").unwrap() + 120;
    damaged[at] ^= 0x55;
    let sheet = TYPES.replace("wordprocessingml.document.main", "spreadsheetml.sheet.main");
    for (bytes, expected) in [
        (
            b"\xD0\xCF\x11\xE0\xA1\xB1".to_vec(),
            "DOCX: expected a ZIP archive, got an old Word file (doc) or a document with a password",
        ),
        (b"text".to_vec(), "DOCX: expected a ZIP archive, got something else"),
        (sound[..sound.len() / 2].to_vec(), "DOCX: expected a sound ZIP archive"),
        (damaged, "DOCX: word/document.xml: expected a sound entry"),
        (archive(&[("a", "b")]), "DOCX: expected a document of Word, got an archive without [Content_Types].xml"),
        (archive(&[("[Content_Types].xml", TYPES)]), "DOCX: expected a document of Word with its main part"),
        (
            archive(&[("[Content_Types].xml", &sheet)]),
            "DOCX: expected a document of Word, got application/vnd.openxmlformats-officedocument.spreadsheetml",
        ),
        (docx("<w:p>"), "DOCX: line 2: word/document.xml: expected well-formed XML"),
        (docx("\u{1}"), "DOCX: word/document.xml: expected XML, got a control character"),
    ] {
        let got = message(&bytes);
        assert!(got.starts_with(expected), "{got}\n{expected}");
    }
    assert!(read(b"").unwrap().blocks.is_empty());
    let document = read(&sound).unwrap();
    assert!(write(&sound, &document.text.replace(SEPARATOR, "")).is_err());
}

#[test]
fn what_would_fill_the_memory_is_refused() {
    let bomb = " ".repeat(40 << 20);
    let got = read(&docx(&bomb)).unwrap_err().to_string();
    assert!(got.starts_with("DOCX: word/document.xml: expected the text of a document, got 4194"), "{got}");
}

fn is_xml(name: &str) -> bool {
    name.strip_suffix(".xml").is_some()
}

/// Names of all elements, sorted; text that stands outside of `w:t` is an error.
fn elements(text: &str) -> Vec<String> {
    let tokens = tokens::read(text, FORMAT).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (mut names, mut open) = (Vec::new(), Vec::new());
    for token in &tokens {
        match token.kind {
            tokens::Kind::Start { name, end } => {
                names.push(name.local.to_string());
                if tokens[end].kind == tokens::Kind::End {
                    open.push(name.local);
                }
            }
            tokens::Kind::End => drop(open.pop()),
            tokens::Kind::Text | tokens::Kind::Reference if !text[token.span.clone()].trim().is_empty() => {
                assert!(
                    matches!(open.last(), Some(&name) if !matches!(name, "p" | "r" | "hyperlink" | "ins" | "body")),
                    "{text}"
                );
            }
            _ => {}
        }
    }
    names.sort();
    names
}

fn round_trip(bytes: &[u8]) {
    let document: Document = read(bytes).unwrap();
    assert_eq!(document.check(), Ok(()));
    assert_eq!(write(bytes, &document.text).unwrap(), bytes);
    let found = segments(&document, Language::UK);
    let copied = join(&document, &found, &vec![Outcome::Copied; found.len()]).unwrap();
    assert_eq!(copied.text, document.text);
    for words in ["Other words, 5 < 6 & «so» on.", "x", ""] {
        for (new, old) in entries(&translated(bytes, words)).iter().zip(&entries(bytes)) {
            if is_xml(&new.0) {
                assert_eq!(elements(&new.2), elements(&old.2), "{}", old.2);
            }
        }
    }
    for kept in 0..2 {
        let outcome = |index: usize| if index % 2 == kept { Outcome::Dropped } else { Outcome::Translated("a".into()) };
        let outcomes: Vec<Outcome> = (0..found.len()).map(outcome).collect();
        let written = write(bytes, &join(&document, &found, &outcomes).unwrap().text).unwrap();
        entries(&written).iter().filter(|entry| is_xml(&entry.0)).for_each(|entry| drop(elements(&entry.2)));
    }
}

#[test]
fn the_sample_comes_back() {
    round_trip(include_bytes!("../../../samples/uk/bakery.docx"));
}

/// Runs and what stands around and between them.
fn runs() -> impl Strategy<Value = String> {
    let text = "[а-яіїє]{0,4}[.!?]?( [А-Яa-z0-9]{1,4}){0,4}[.!?]? ?(&amp;|&#1110;)?";
    let leaf = prop_oneof![
        4 => (text, 0..4usize).prop_map(|(text, look)| run(["", "<w:b/>", "<w:i/>", "<w:b/><w:lang w:val=\"uk\"/>"][look], &text)),
        1 => text.prop_map(|text| format!("<w:r><w:t>{text}</w:t><w:br/><w:t>{text}</w:t><w:tab/><w:t/></w:r>")),
        1 => "(<w:proofErr/>|<w:bookmarkStart/>|<w:r><w:br/></w:r>|<w:r><w:drawing/></w:r>|\n| ){1,2}",
        1 => text.prop_map(|text| format!("<w:del><w:r><w:delText>{text}</w:delText></w:r></w:del>")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => proptest::collection::vec(inner.clone(), 0..5).prop_map(|parts| parts.concat()),
            1 => inner.clone().prop_map(|inner| format!("<w:hyperlink>{inner}</w:hyperlink>")),
            1 => inner.clone().prop_map(|inner| format!("<w:ins>{inner}</w:ins>")),
            1 => inner.prop_map(|inner| format!("<w:r><w:pict><w:txbxContent><w:p>{inner}</w:p></w:txbxContent></w:pict></w:r>")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn generated_documents_come_back(paragraphs in proptest::collection::vec(runs(), 1..4)) {
        let body = format!("<w:p>{}</w:p>", paragraphs.join("</w:p><w:p>"));
        round_trip(&docx(&body));
    }

    #[test]
    fn no_damage_makes_it_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = docx(&format!("<w:p>{}</w:p>", run("", "Так.")));
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(document) = read(&bytes) {
            prop_assert_eq!(document.check(), Ok(()));
        }
    }
}
