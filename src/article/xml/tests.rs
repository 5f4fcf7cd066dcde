//! Tests of the XML reader.

#![allow(clippy::unwrap_used)]
use super::read;
use crate::article::xml::tokens;
use crate::document::{Block, BlockKind, Document, Escape, PieceKind};
use crate::language::Language;
use crate::segment::{Outcome, Segment, join, segments};
use proptest::prelude::*;

/// Blocks with their pieces: `|` a break, `¶` a wanted break, `<…>` opening, `{…}` closing, `(…)` other markup,
/// `&c` a reference, `=…=` verbatim; before them `#` a heading, `-` an item, `:` a cell; behind them `'` for each way of
/// writing beyond the first and `!` for CDATA.
fn show(text: &str) -> Vec<String> {
    let document = read(text).unwrap();
    assert_eq!(document.check(), Ok(()), "{text:?}");
    let piece = |kind: PieceKind, source: &str| match kind {
        PieceKind::Prose => source.to_string(),
        PieceKind::Break => "|".to_string(),
        PieceKind::HardBreak | PieceKind::Cue => "¶".to_string(),
        PieceKind::Markup => format!("({source})"),
        PieceKind::Opening => format!("<{source}>"),
        PieceKind::Closing => format!("{{{source}}}"),
        PieceKind::Escape => "^".to_string(),
        PieceKind::Character(c) => format!("&{c}"),
        PieceKind::Verbatim => format!("={source}="),
    };
    let block = |block: &Block| {
        let kind = match block.kind {
            BlockKind::Heading => "#",
            BlockKind::ListItem => "-",
            BlockKind::TableCell => ":",
            _ => "",
        };
        let pieces: String = block.pieces.iter().map(|p| piece(p.kind, &text[p.span.clone()])).collect();
        let escapes: String = block.escapes.iter().map(|e| if *e == Escape::Cdata { "!" } else { "'" }).collect();
        format!("{kind}{pieces}{}", escapes.strip_prefix('\'').unwrap_or(&escapes))
    };
    document.blocks.iter().map(block).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(show(text), expected, "{text:?}");
}

/// The language tags of a document.
fn tags(text: &str) -> Vec<String> {
    read(text).unwrap().tags.into_iter().map(|tag| text[tag].to_string()).collect()
}

/// A document inside the body of a NITF.
fn nitf(content: &str) -> String {
    format!("<nitf><body><body.content>{content}</body.content></body></nitf>")
}

#[test]
fn feeds_give_their_titles_and_texts() {
    check(
        "<rss version=\"2.0\"><channel><title>Новини порту</title><link>https://example.ua/</link>\
         <description>Усе про порт</description><item><title><![CDATA[Кран «Січ» & люди]]></title>\
         <guid>1</guid><category>порт</category><author>a@example.ua</author>\
         <description>Порт R&amp;D працює.</description></item></channel></rss>",
        &["#Новини порту", "Усе про порт", "#Кран «Січ» & люди!", "Порт R&&D працює."],
    );
    check(
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>A &lt; b</title><id>x</id><author><name>Ann</name></author>\
         <entry><summary type='text'>One.</summary><content type='image/png'>aaaa</content>\
         <content src='x'/><rights>Ours</rights></entry></feed>",
        &["#A &< b", "One."],
    );
}

#[test]
fn elements_of_other_vocabularies_are_known_by_their_names() {
    check(
        "<rss xmlns:m='http://search.yahoo.com/mrss/' xmlns:p='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel>\
         <item><m:group><m:title>Місток</m:title><m:credit>Хтось</m:credit></m:group><p:summary>Про міст.</p:summary>\
         <dc:creator>Ім'я</dc:creator><x:title xmlns:x='y'>Ні</x:title></item></channel></rss>",
        &["#Місток", "Про міст."],
    );
}

#[test]
fn sections_and_text_are_read_as_they_are_written() {
    check(
        "<rss><channel><description> <![CDATA[a ]]]]><![CDATA[>b]]> <![CDATA[c]]></description></channel></rss>",
        &["a ]](]]><![CDATA[)>b& c!"],
    );
    check(
        "<rss><channel><description>Раз.<![CDATA[Два.]]>Три. &company; є.</description></channel></rss>",
        &["Раз.", "Два.!", "Три. (&company;) є."],
    );
}

#[test]
fn xhtml_in_atom_has_its_markup() {
    check(
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><content type='xhtml'><div \
         xmlns='http://www.w3.org/1999/xhtml'><h2>Міст</h2><p>Він <b>дуже</b>\n  старий<br/>і <code>a &lt; b</code>.\
         <img src='x'/></p><pre>x</pre><ul><li>Так <!-- c --> і <a href='y'>ні</a></li></ul>\
         <p translate='no'>NATO</p></div></content></entry></feed>",
        &[
            "#Міст",
            "Він <<b>>дуже{</b>}|старий¶і <<code>>=a =&<= b={</code>}.",
            "-Так (<!-- c -->)( )і <<a href='y'>>ні{</a>}",
        ],
    );
}

#[test]
fn nitf_gives_headlines_and_blocks() {
    check(
        "<nitf xml:lang='uk'><head><title>Т</title><docdata><key-list><keyword key='порт'/></key-list></docdata></head>\
         <body><body.head><hedline><hl1>Кран</hl1><hl2>Повернувся</hl2></hedline><byline>Хтось</byline>\
         <dateline><location>Київ</location>, <story.date>5 травня</story.date></dateline></body.head><body.content>\
         <p><person>Олена</person> бачила <num>12</num> кранів.</p><table><tr><td>Так</td><th>Ні</th></tr></table>\
         <media><media-reference source='x'>y</media-reference><media-caption><p>Кран</p></media-caption></media>\
         <ul><li>Один</li></ul><pre>x</pre></body.content><body.end><tagline>Кінець</tagline></body.end></body></nitf>",
        &[
            "#Т",
            "#Кран",
            "#Повернувся",
            "<<location>>Київ{</location>}, <<story.date>>5 травня{</story.date>}",
            "<<person>>Олена{</person>} бачила <<num>>12{</num>} кранів.",
            ":Так",
            ":Ні",
            "Кран",
            "-Один",
            "Кінець",
        ],
    );
}

#[test]
fn markup_around_a_whole_block_and_what_does_not_pair_is_left_where_it_is() {
    check(&nitf("<p> <em><a>Усе.</a></em> </p>"), &["Усе."]);
    check(&nitf("<p>Раз <em>два<p>три</p>чотири</em> пʼять.</p>"), &["Раз ", "два", "три", "чотири", "пʼять."]);
    check(&nitf("<p><a id='x'/>Раз<?p?></p> <p/>"), &["Раз"]);
    check(&nitf("<p>Раз <em><![CDATA[<два>]]></em> три</p>"), &["Раз ", "<два>!", "три"]);
}

#[test]
fn news_items_give_what_people_read() {
    let item = |content: &str| {
        format!(
            "<newsMessage xmlns='http://iptc.org/std/nar/2006-10-01/'><header><sender>x</sender></header><itemSet>\
             <newsItem xml:lang='uk'><itemMeta><provider><name xml:lang='uk'>Агенція</name></provider><title>Т</title>\
             <edNote>Увага.</edNote></itemMeta><contentMeta><slugline>порт-кран</slugline><headline>Кран \
             <span>тут</span></headline><by>Хтось</by><description role='x'>Опис.</description><subject>\
             <name>порт</name></subject><language tag='uk'/></contentMeta><contentSet>{content}</contentSet>\
             </newsItem></itemSet></newsMessage>"
        )
    };
    let head = ["#Т", "Увага.", "#Кран <<span>>тут{</span>}", "Опис."];
    for (content, expected) in [
        (
            "<inlineXML><html xmlns='http://www.w3.org/1999/xhtml'><head><title>А</title></head><body><p>Б</p></body></html></inlineXML>",
            &["#А", "Б"][..],
        ),
        (
            "<inlineXML><n:nitf xmlns:n='http://iptc.org/std/NITF/2006-10-18/'><n:body><n:body.content><n:p>Б</n:p></n:body.content></n:body></n:nitf></inlineXML>",
            &["Б"],
        ),
        ("<inlineXML><other>Б</other></inlineXML>", &[]),
        ("<inlineData>Раз.\n\nДва.</inlineData>", &["Раз.", "Два."]),
        ("<inlineData contenttype='text/plain; charset=utf-8'>Раз</inlineData>", &["Раз"]),
        ("<inlineData encoding='http://www.iana.org/assignments/base64'>0JDQsQ</inlineData>", &[]),
        ("<inlineData contenttype='text/csv'>a,b</inlineData><remoteContent href='x'/>", &[]),
    ] {
        check(&item(content), &[&head[..], expected].concat());
    }
    assert_eq!(tags(&item("")), ["uk", "uk"]);
}

#[test]
fn packages_give_the_titles_of_their_items() {
    check(
        "<packageItem xmlns='http://iptc.org/std/nar/2006-10-01/'><itemMeta><title>Т</title></itemMeta><groupSet>\
         <group role='x'><itemRef residref='y'><title>А</title><description>Б</description></itemRef></group>\
         </groupSet></packageItem>",
        &["#Т", "#А", "Б"],
    );
}

#[test]
fn language_tags_stand_between_the_blocks() {
    assert_eq!(
        tags(
            "<rss xml:lang='uk'><channel><language> uk-UA\n</language><dc:language>en</dc:language><language/></channel></rss>"
        ),
        ["uk", "uk-UA", "en"]
    );
    assert_eq!(
        tags(
            "<feed xmlns='http://www.w3.org/2005/Atom'><title xml:lang='uk' type='xhtml'><div lang='en' xml:lang='uk'>а <b \
              lang='ko'>б</b></div></title><author xml:lang='uk'/></feed>"
        ),
        ["uk", "en", "uk"]
    );
}

#[test]
fn other_documents_and_broken_ones_are_named() {
    for (text, expected) in [
        (
            "<html/>",
            "XML: expected one of these root elements: rss (RSS 2.0), feed or entry (Atom), nitf (NITF), newsItem, packageItem or newsMessage (NewsML-G2); got html",
        ),
        ("<rss>\n<channel>", "XML: line 2: expected the end of this element, got the end of the file"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), expected);
    }
    assert!(read(" \n").unwrap().blocks.is_empty());
}

#[test]
fn entities_are_never_expanded() {
    let text = "<!DOCTYPE rss [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]>\
                <rss><channel><title>Раз &b; два&c;</title></channel></rss>";
    check(text, &["#Раз (&b;) два"]);
}

/// Other words for a sentence; none for its own in another order.
fn reworded(segment: &Segment, words: &str) -> Outcome {
    let turned = || segment.text.split(' ').rev().collect::<Vec<_>>().join(" ");
    Outcome::Translated(if words.is_empty() { turned() } else { words.to_string() })
}

/// What is written when each sentence becomes `words`.
fn translated(document: &mut Document, words: &str) -> String {
    let found = segments(document, Language::UK);
    let outcomes: Vec<Outcome> = found.iter().map(|segment| reworded(segment, words)).collect();
    document.set_language(Language::UK, Language::EN);
    super::prepare(document);
    join(document, &found, &outcomes).unwrap().text
}

#[test]
fn what_is_written_says_its_language_and_encoding() {
    let text = "<?xml version='1.0' encoding='windows-1251'?>\n<rss><channel><title>Раз &amp; <![CDATA[Два]]></title>\
                <language>uk</language></channel></rss>";
    let mut document = read(text).unwrap();
    assert_eq!(
        translated(&mut document, "a & ]]>"),
        "<?xml version='1.0' encoding='UTF-8'?>\n<rss><channel><title>a &amp; ]]&gt; <![CDATA[a & ]]]]><![CDATA[>]]>\
         </title><language>en</language></channel></rss>"
    );
}

/// Names of all elements, sorted.
fn elements(text: &str) -> Vec<String> {
    let tokens = tokens::read(text, "XML").unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut names: Vec<String> =
        tokens.iter().filter_map(tokens::Token::start).map(|(name, _)| name.local.to_string()).collect();
    names.sort();
    names
}

/// Reading and writing without a change, and with every sentence changed or left out.
fn round_trip(text: &str) {
    let document = read(text).unwrap();
    assert_eq!(document.check(), Ok(()));
    let found = segments(&document, Language::UK);
    let copied = join(&document, &found, &vec![Outcome::Copied; found.len()]).unwrap();
    assert_eq!(copied.text, text);
    for words in ["Other words, 5 < 6 & «so» on.", "x", ""] {
        let written = translated(&mut read(text).unwrap(), words);
        assert_eq!(elements(&written), elements(text), "{text}\n{written}");
    }
    for kept in 0..2 {
        let outcome = |index: usize| if index % 2 == kept { Outcome::Dropped } else { Outcome::Copied };
        let outcomes: Vec<Outcome> = (0..found.len()).map(outcome).collect();
        elements(&join(&document, &found, &outcomes).unwrap().text);
    }
}

#[test]
fn samples_come_back() {
    for text in [
        include_str!("../../../samples/en/ferry.nitf.xml"),
        include_str!("../../../samples/uk/library.newsml.xml"),
        include_str!("../../../samples/uk/port.rss.xml"),
        include_str!("../../../samples/ko/market.atom.xml"),
    ] {
        round_trip(text);
        assert!(read(text).unwrap().blocks.len() > 10);
    }
}

/// Content of an element with inline markup.
fn inline() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[а-яіїє]{1,6}( [А-Яa-z0-9]{1,5}){0,6}[.!?,]? ?",
        1 => "(&amp;|&lt;|&nbsp;|&company;|\n  |<!-- c -->|<img/>|<!\\[CDATA\\[<a> & b\\]\\]>|  ){1,2}",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => proptest::collection::vec(inner.clone(), 0..4).prop_map(|parts| parts.concat()),
            2 => inner.clone().prop_map(|inner| format!("<em>{inner}</em>")),
            1 => inner.clone().prop_map(|inner| format!("<a href=\"x\">{inner}</a>")),
            1 => inner.prop_map(|inner| format!("<p>{inner}</p>")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn generated_documents_come_back(parts in proptest::collection::vec(inline(), 1..5), family in 0..3) {
        let parts: String = parts.iter().flat_map(|part| ["<p>", part, "</p>\n"]).collect();
        round_trip(&match family {
            0 => nitf(&parts).replace("<img/>", "<num/>"),
            1 => format!("<feed xmlns='http://www.w3.org/2005/Atom'><content type='xhtml'><div>{parts}</div></content></feed>"),
            _ => format!(
                "<newsItem xmlns='http://iptc.org/std/nar/2006-10-01/' xml:lang='uk'><contentSet><inlineXML>\
                 <html xmlns='http://www.w3.org/1999/xhtml'>{parts}</html></inlineXML></contentSet></newsItem>"
            ),
        });
    }

    #[test]
    fn generated_feeds_come_back(
        texts in proptest::collection::vec(
            "((&lt;|&amp;|&gt;|&amp;amp;|&lt;p&gt;|&lt;/p&gt;|&lt;b&gt;|[а-яА-ЯіЇ.,!]| |\n|<!-- c -->|&x;){0,12}|<!\\[CDATA\\[(<p>|</p>|<b>|</b>|&amp;|[а-яА-Я.! ]|\n){0,12}\\]\\]>){0,3}",
            0..4,
        ),
    ) {
        let item = |text| ["<item><title>", text, "</title><description>", text, "</description></item>"];
        let items: String = texts.iter().flat_map(|text| item(text.as_str())).collect();
        round_trip(&format!("<rss><channel>{items}</channel></rss>"));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(<|>|</|/>|&|;|a|rss|channel|title| |=|\"|'|<!--|-->|<!\\[CDATA\\[|\\]\\]>|\n|<\\?|\\?>|<rss>|</rss>|é){0,30}") {
        if let Ok(document) = read(&text) {
            prop_assert_eq!(document.check(), Ok(()));
        }
    }
}
