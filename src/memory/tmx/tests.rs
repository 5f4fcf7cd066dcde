//! Tests of reading and writing TMX: what other programs write, what is damaged, and that what is written is read again.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, Cursor, Read};

use proptest::prelude::*;

use super::*;
use crate::memory::MemoryError;

fn read_as(text: &[u8], codes: Codes) -> (Vec<Unit>, Vec<String>) {
    let (mut units, mut errors) = (Vec::new(), Vec::new());
    match Reader::new("m.tmx", text, codes) {
        Ok(reader) => {
            for unit in reader {
                match unit {
                    Ok(unit) => units.push(unit),
                    Err(error) => errors.push(error.to_string()),
                }
            }
        }
        Err(error) => errors.push(error.to_string()),
    }
    (units, errors)
}

fn body(units: &str) -> String {
    format!("<tmx version=\"1.4\"><header srclang=\"en\"/><body>\n{units}\n</body></tmx>")
}

fn segment(seg: &str, codes: Codes) -> String {
    let text = body(&format!("<tu><tuv xml:lang=\"en\"><seg>{seg}</seg></tuv></tu>"));
    let (units, errors) = read_as(text.as_bytes(), codes);
    assert!(errors.is_empty(), "{seg}: {errors:?}");
    units[0].variants[0].text.clone()
}

fn check_error(text: &str, expected: &str) {
    let (_, errors) = read_as(text.as_bytes(), Codes::Drop);
    assert_eq!(errors.len(), 1, "{text}: {errors:?}");
    assert!(errors[0].contains(expected), "{text}: expected {expected:?} in {:?}", errors[0]);
}

const FILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
  <header creationtool="Desk" creationtoolversion="3" segtype="sentence" o-tmf="x" adminlang="en" srclang="EN-us" datatype="html">
    <note>head</note><prop type="x-p">head</prop>
  </header>
  <body>
    <!-- first -->
    <tu tuid="1" creationdate="20250102T030405Z" srclang="en">
      <note>seen twice</note>
      <prop type="x-model">desk</prop>
      <tuv xml:lang="en-US"><prop type="x-own">1</prop><seg>Rain &amp; wind &#x2014; <hi type="b">again</hi></seg></tuv>
      <tuv xml:lang="uk-UA" creationdate="20250102T030406Z"><note>тут</note><seg>Дощ <![CDATA[<і>]]> вітер</seg></tuv>
      <tuv lang="ko_KR"><seg>비와 바람</seg></tuv>
      <tuv xml:lang="uk"><seg>Злива</seg></tuv>
    </tu>
    <tu><tuv xml:lang="en"><seg/></tuv></tu>
  </body>
</tmx>
"#;

#[test]
fn a_file_of_another_program_is_read_with_all_that_is_in_it() {
    let reader = Reader::new("m.tmx", FILE.as_bytes(), Codes::Drop).unwrap();
    assert_eq!(reader.header(), &Header { source_language: Some(Language::EN), tool: "Desk 3".into() });
    let (units, errors) = read_as(FILE.as_bytes(), Codes::Drop);
    assert!(errors.is_empty(), "{errors:?}");
    let unit = &units[0];
    assert_eq!((unit.id.as_deref(), unit.created.as_deref()), (Some("1"), Some("20250102T030405Z")));
    assert_eq!((unit.notes.as_slice(), unit.source_language), (&["seen twice".to_string()][..], Some(Language::EN)));
    assert_eq!(unit.properties, [Property { kind: "x-model".into(), text: "desk".into() }]);
    let texts: Vec<(&str, &str)> = unit.variants.iter().map(|v| (v.language.as_str(), v.text.as_str())).collect();
    let expected = [("en", "Rain & wind — again"), ("uk", "Дощ <і> вітер"), ("ko", "비와 바람"), ("uk", "Злива")];
    assert_eq!(texts, expected);
    assert_eq!(unit.variants[0].tag, "en-US");
    assert_eq!(unit.variants[0].properties[0].kind, "x-own");
    assert_eq!((unit.variants[1].notes[0].as_str(), unit.variants[1].created.is_some()), ("тут", true));
    assert_eq!(units[1].variants[0].text, "");
}

#[test]
fn utf_16_and_byte_order_marks_make_no_difference() {
    let expected = read_as(FILE.as_bytes(), Codes::Drop);
    let wide = FILE.replace("UTF-8", "UTF-16");
    let order: [fn(u16) -> [u8; 2]; 2] = [u16::to_le_bytes, u16::to_be_bytes];
    for to_bytes in order {
        let bytes: Vec<u8> = format!("\u{feff}{wide}").encode_utf16().flat_map(to_bytes).collect();
        assert_eq!(read_as(&bytes, Codes::Drop), expected);
    }
    assert_eq!(read_as(format!("\u{feff}{FILE}").as_bytes(), Codes::Drop), expected);
}

#[test]
fn inline_codes_are_left_out_or_kept_as_text() {
    let both = |seg: &str| [segment(seg, Codes::Drop), segment(seg, Codes::Keep)];
    assert_eq!(
        both("A <bpt i=\"1\">&lt;b></bpt>bold<ept i=\"1\">&lt;/b></ept> word"),
        ["A bold word", "A <b>bold</b> word"]
    );
    assert_eq!(both("one<ph>&lt;br/></ph>two"), ["one two", "one<br/>two"]);
    assert_eq!(both("one <ph/>, two"), ["one , two", "one , two"]);
    assert_eq!(
        both("see <ph>&lt;img alt='<sub>a <hi>map</hi></sub>'></ph> here"),
        ["see  here", "see <img alt='a map'> here"]
    );
    assert_eq!(both("<it pos=\"begin\">&lt;i></it><hi>x</hi><ut>{y}</ut>"), ["x", "<i>x{y}"]);
}

#[test]
fn what_is_wrong_in_one_unit_leaves_the_others() {
    let good = "<tu><tuv xml:lang=\"en\"><seg>good</seg></tuv></tu>\n";
    for (bad, reason) in [
        ("<tu><tuv><seg>x</seg></tuv></tu>", "expected xml:lang"),
        ("<tu><tuv xml:lang=\"\"><seg>x</seg></tuv></tu>", "expected a language such as en-US, got \"\""),
        ("<tu><tuv xml:lang=\"en\"><seg>&nbsp;x</seg></tuv></tu>", "unknown entity &nbsp;"),
        ("<tu><tuv xml:lang=\"en\"><seg>&#0;x</seg></tuv></tu>", "character reference"),
        ("<tu><tuv xml:lang=\"en\"/></tu>", "expected <seg>"),
        ("<tu/>", "expected a <tuv>"),
        ("<tu></tu>", "expected a <tuv>"),
    ] {
        let (units, errors) = read_as(body(&format!("{good}{bad}\n{good}")).as_bytes(), Codes::Drop);
        assert_eq!((units.len(), errors.len()), (2, 1), "{bad}: {errors:?}");
        assert!(errors[0].starts_with("m.tmx: line 3: ") && errors[0].contains(reason), "{bad}: {errors:?}");
    }
}

#[test]
fn damage_is_an_error_with_its_line() {
    check_error("", "line 1: expected <tmx>, found nothing");
    check_error("plain text", "found nothing");
    check_error("<html><body/></html>", "line 1: expected <tmx>, got <html>");
    check_error("<tmx>\n<header/>\n</tmx>", "line 3: expected <body>");
    check_error(&body("<tu>\n<tuv xml:lang=\"en\"><seg>x</tuv></tu>"), "line 3: no well-formed XML");
    check_error(&body("<tu>\n<tuv xml:lang=\"en\"><seg>x").replace("</body></tmx>", ""), "the file ends inside <seg>");
    check_error(&FILE.replace("UTF-8", "windows-1251"), "line 1: expected UTF-8 or UTF-16, got windows-1251");
    let (_, errors) =
        read_as(b"<tmx><body>\n<tu>\n<tuv xml:lang='en'><seg>\xff</seg></tuv></tu></body></tmx>", Codes::Drop);
    assert!(errors[0].contains("line 3"), "{errors:?}");
    check_error(&body(&"<tu>".repeat(1000)), "elements deep");
}

#[test]
fn an_endless_unit_is_stopped() {
    let head = b"<tmx><body><tu><tuv xml:lang='en'><seg>".to_vec();
    let endless = Cursor::new(head).chain(std::io::BufReader::new(std::io::repeat(b'x')));
    let error = Reader::new("m.tmx", endless, Codes::Drop).unwrap().next().unwrap().unwrap_err();
    assert!(error.to_string().contains("more than 16 MiB"), "{error}");
}

#[test]
fn a_large_file_is_read_unit_by_unit() {
    /// Gives out the same unit a million times without ever having the file.
    struct Many {
        left: usize,
        part: Cursor<Vec<u8>>,
    }
    impl Read for Many {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let given = self.fill_buf()?;
            let length = given.len().min(into.len());
            into[..length].copy_from_slice(&given[..length]);
            self.consume(length);
            Ok(length)
        }
    }
    impl BufRead for Many {
        fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
            if self.part.position() as usize == self.part.get_ref().len() && self.left > 0 {
                self.left -= 1;
                let unit = "<tu><tuv xml:lang=\"en\"><seg>x</seg></tuv></tu>".repeat(100);
                let end = if self.left == 0 { "</body></tmx>" } else { "" };
                self.part = Cursor::new(format!("{unit}{end}").into_bytes());
            }
            self.part.fill_buf()
        }
        fn consume(&mut self, bytes: usize) {
            self.part.consume(bytes);
        }
    }
    let many = Many { left: 1000, part: Cursor::new(b"<tmx><body>".to_vec()) };
    let units = Reader::new("m.tmx", many, Codes::Drop).unwrap();
    assert_eq!(units.map(Result::unwrap).count(), 100_000);
}

#[test]
fn an_export_has_head_and_provenance() {
    let mut writer = Writer::new(Vec::new(), Some(Language::EN)).unwrap();
    let translation = Translation {
        source: (Language::EN, "Rain & wind\u{c}"),
        target: (Language::UK, "Дощ і вітер"),
        model: Some("firefox-en-uk-tiny"),
        score: Some(-0.25),
        article: Some("a \"b\".txt"),
        created: Some("20260131T120000Z"),
    };
    writer.write(&translation.unit()).unwrap();
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text,
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
<header creationtool="tlumach" creationtoolversion="{version}" segtype="sentence" o-tmf="tlumach" adminlang="en" srclang="en" datatype="plaintext"/>
<body>
<tu creationdate="20260131T120000Z" srclang="en">
<prop type="x-model">firefox-en-uk-tiny</prop>
<prop type="x-score">-0.2500</prop>
<prop type="x-article">a "b".txt</prop>
<tuv xml:lang="en"><seg>Rain &amp; wind{fffd}</seg></tuv>
<tuv xml:lang="uk"><seg>Дощ і вітер</seg></tuv>
</tu>
</body>
</tmx>
"#,
            fffd = '\u{fffd}'
        )
    );
}

#[test]
fn dates_are_those_of_tmx() {
    for (date, good) in
        [("20260131T120000Z", true), ("2026-01-31", false), ("20260131T120000", false), ("20260131t120000z", false)]
    {
        let variants = vec![Variant::new(Language::EN, "x")];
        let unit = Unit { created: Some(date.into()), variants, ..Unit::default() };
        let written = Writer::new(Vec::new(), None).unwrap().write(&unit);
        assert_eq!(written.is_ok(), good, "{date}");
        assert!(good || matches!(written, Err(MemoryError::Date(_))));
    }
    let empty = Writer::new(Vec::new(), None).unwrap().write(&Unit::default());
    assert!(matches!(empty, Err(MemoryError::Empty)));
}

/// Texts that XML can have, with many of its own signs.
fn text() -> impl Strategy<Value = String> + Clone {
    "[a-zа-я가-힣<>&\"' \\r\\n\\t\u{85}\u{2028}🌉\\]]{0,20}"
}

fn unit() -> impl Strategy<Value = Unit> {
    let language = prop::sample::select(vec![Language::EN, Language::UK, Language::KO]);
    let property = (text(), text()).prop_map(|(kind, text)| Property { kind: kind.trim().to_string(), text });
    let variant =
        (language.clone(), text(), prop::collection::vec(text(), 0..2), prop::collection::vec(property.clone(), 0..2));
    let variant = variant.prop_map(|(language, text, notes, properties)| Variant {
        notes,
        properties,
        ..Variant::new(language, text)
    });
    (
        prop::option::of(text().prop_map(|text| text.trim().to_string())),
        prop::option::of(language),
        prop::collection::vec(text(), 0..2),
        prop::collection::vec(property, 0..3),
        prop::collection::vec(variant, 1..4),
    )
        .prop_map(|(id, source_language, notes, properties, variants)| Unit {
            id,
            source_language,
            created: None,
            notes,
            properties,
            variants,
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(units in prop::collection::vec(unit(), 0..4)) {
        let mut writer = Writer::new(Vec::new(), None).unwrap();
        for unit in &units {
            writer.write(unit).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let (read, errors) = read_as(&bytes, Codes::Drop);
        prop_assert_eq!(&errors, &Vec::<String>::new());
        prop_assert_eq!(read, units);
    }

    #[test]
    fn no_damage_makes_the_reader_panic(cut in 0usize..2000, at in 0usize..2000, byte in any::<u8>(), wide in any::<bool>()) {
        let mut bytes = FILE.as_bytes().to_vec();
        if wide {
            bytes = format!("\u{feff}{FILE}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut % (bytes.len() + 1).max(1) + bytes.len() / 2);
        let (_, errors) = read_as(&bytes, Codes::Drop);
        for error in errors {
            prop_assert!(error.starts_with("m.tmx: line "), "{}", error);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(<tmx>)?(<body>)?(</?(tu|tuv xml:lang='en'|seg|ph|x)/?>|[<>&;a \"'!\\[-])*") {
        read_as(text.as_bytes(), Codes::Drop);
    }
}
