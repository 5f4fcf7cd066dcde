//! Tests of the HTML reader.
#![allow(clippy::unwrap_used)]

use super::{fragment, prepare};
use crate::document::{BlockKind, PieceKind};

/// Blocks with their pieces: `|` a break, `¶` a wanted break, `<…>` opening, `{…}` closing, `(…)` other markup, `^` what
/// is not shown, `=…=` verbatim, `&c` a reference.
fn show(text: &str) -> Vec<String> {
    let document = fragment(text);
    assert_eq!(document.check(), Ok(()), "{text:?}");
    assert_eq!(document.text, text);
    let piece = |kind: PieceKind, source: &str| match kind {
        PieceKind::Prose => source.to_string(),
        PieceKind::Break => "|".to_string(),
        PieceKind::HardBreak | PieceKind::Cue => "¶".to_string(),
        PieceKind::Markup => format!("({source})"),
        PieceKind::Opening => format!("<{}>", source.trim_matches(['<', '>'])),
        PieceKind::Closing => format!("{{{}}}", source.trim_matches(['<', '>'])),
        PieceKind::Escape => "^".to_string(),
        PieceKind::Character(c) => format!("&{c}"),
        PieceKind::Verbatim => format!("={source}="),
    };
    let block = |b: &crate::document::Block| b.pieces.iter().map(|p| piece(p.kind, &text[p.span.clone()])).collect();
    document.blocks.iter().map(block).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(show(text), expected, "{text:?}");
}

fn kinds(text: &str) -> Vec<BlockKind> {
    fragment(text).blocks.iter().map(|block| block.kind).collect()
}

#[test]
fn block_elements_part_blocks() {
    use BlockKind::{Heading, ListItem, Paragraph, TableCell};
    check("<h1>A b</h1>\n<p>C.\n  D</p><ul><li>e<li>f</ul>g", &["A b", "C.|D", "e", "f", "g"]);
    check("<table><tr><td>a<td>b<tr><th>c</table>", &["a", "b", "c"]);
    check("<dl><dt>a<dd>b</dl><figure><img><figcaption>c</figcaption></figure>", &["a", "b", "c"]);
    check("a<hr>b<P>c<P>d</P>e", &["a", "b", "c", "d", "e"]);
    assert_eq!(
        kinds(
            "<title>a</title><h2>b</h2><p>c<ul><li>d<p>e</ul><table><td>f<div>g</div><tr></table><p>h<li><blockquote>i"
        ),
        [Heading, Heading, Paragraph, ListItem, ListItem, TableCell, TableCell, Paragraph, Paragraph]
    );
}

#[test]
fn inline_elements_are_pairs() {
    check("<p>A <b>b <i>c</i></b> <a href='x'>d</a>.", &["A <b>b <i>c{/i}{/b} <a href='x'>d{/a}."]);
    check("<p><b>A b</b></p><p> <a href=x> A b </a> </p>", &["A b", "A b"]);
    check("a<B>b</B>c", &["a<B>b{/B}c"]);
    check("<p>a <my-name>b</my-name> c", &["a <my-name>b{/my-name} c"]);
}

#[test]
fn tags_without_partner_are_markup() {
    check("<p>a <b>b <i>c</b> d</i> e", &["a <b>b (<i>)c{/b} d(</i>) e"]);
    check("<b>a <p>b</p> c</b> d", &["a", "b", "c(</b>) d"]);
    check("<p>a <b>b<p>c</b> d", &["a (<b>)b", "c(</b>) d"]);
    check("a</b> c <i>d", &["a(</b>) c (<i>)d"]);
    check("<div>a</p>b</span> c</div></div>d", &["a", "b(</span>) c", "d"]);
    check(
        "a <img src=x> b<wbr>c <!-- d --> e <i class=icon></i> f",
        &["a (<img src=x>) b(<wbr>)c (<!-- d -->) e (<i class=icon></i>) f"],
    );
    check("a <picture>\n<source><img>\n</picture> b", &["a (<picture>\n<source><img>\n</picture>) b"]);
    check("a <b/> b <i></i>", &["a (<b/>) b"]);
}

#[test]
fn line_breaks() {
    check("<p>a <br>\n b<br/>c<BR />", &["a¶b¶c"]);
    check("a<br><br>b<br>\n<br> <br>c</br>d", &["a", "b", "c¶d"]);
    check("a  b\tc\r\nd\n e", &["a|b|c|d|e"]);
    check("<p>a  b\tc\r\nd\n\n e", &["a|b|c|d|e"]);
}

#[test]
fn references() {
    check(
        "a&nbsp;b &amp; c &#1078;&#x416; &laquo;d&raquo; R&D &copy 1 &notin; &noti &notit; &bogus; &",
        &["a&\u{a0}b && c &ж&Ж &«d&» R&D &© 1 &∉ &¬i &¬it; &bogus; &"],
    );
    check(
        "пере&shy;клад &fjlig; a&#10;b &NotEqualTilde; a < b <3 </> c",
        &["пере^клад (&fjlig;) a|b (&NotEqualTilde;) a < b <3 (</>) c"],
    );
    check("&nbsp;<p>&nbsp;</p><p>&nbsp;a&nbsp;</p>", &["a"]);
}

#[test]
fn what_is_no_prose_is_a_gap() {
    check(
        "<script>if (a<b) x('<p>no</p>')</script><style>p{}</style><p>a<script>b</script> c",
        &["a(<script>b</script>) c"],
    );
    check("<pre>no <b>no</b></pre>a<textarea>no</textarea><template><p>no</template>", &["a"]);
    check(
        "<p>a <svg><title>no</title><text>no</text></svg> b <math><mi>x</mi></math> c",
        &["a (<svg><title>no</title><text>no</text></svg>) b (<math><mi>x</mi></math>) c"],
    );
    check(
        "<noscript><img alt='no'></noscript><noscript>Say &lt;so</noscript><iframe><p>no</iframe>a",
        &["Say &<so", "a"],
    );
    check("<!doctype html><!--[if IE]><p>no</p><![endif]--><p>a</p><![CDATA[no]]><?php no ?>b", &["a", "b"]);
    check("<p>a</p><p>b <i class", &["a", "b"]);
    check("<p>1</p><p>— | —</p><p>12 a</p>", &["1", "12 a"]);
}

#[test]
fn text_that_is_kept() {
    check(
        "<p>run <code>a b</code> or <kbd> c </kbd>.</p><p><code>x</code></p>",
        &["run <code>=a b={/code} or <kbd> =c= {/kbd}."],
    );
    check(
        "<p translate=no>no<p>a <b class='x notranslate'>Wolt</b> b<div translate=NO>no<p>no</div>c",
        &["a <b class='x notranslate'>=Wolt={/b} b", "c"],
    );
}

#[test]
fn texts_of_links_only_are_blocks_each() {
    check("<nav><a href=1>Головна</a><a href=2>Світ</a> | <a>A <b>b</b></a></nav>", &["Головна", "Світ", "A <b>b{/b}"]);
    check("<p><a>a</a> and <a>b</a></p><p><a>c</a>.", &["<a>a{/a} and <a>b{/a}", "<a>c{/a}."]);
}

#[test]
fn prose_in_attributes() {
    check(
        "<meta name=Description content=\"A &amp; b\"><meta property='og:title' content='It is'><meta name=x content='no'>\
         <img src='no' alt='A\n b'><p title='c d'>a <a title='no' href=x>b</a> c<input placeholder=\"e f\"><img alt=no>",
        &["A && b", "It is", "A|b", "c d", "a <a title='no' href=x>b{/a} c", "e f"],
    );
    check("<img alt='' title=\"3\"><img alt='a' alt='no'><p class=notranslate title='no'>", &["a"]);
}

#[test]
fn languages() {
    let tags = |text: &str| -> Vec<String> {
        let document = fragment(text);
        document.tags.iter().map(|tag| document.text[tag.clone()].to_string()).collect()
    };
    assert_eq!(
        tags("<html lang=uk xml:lang='uk-UA'><meta http-equiv=Content-Language content=\"uk\">"),
        ["uk", "uk-UA", "uk"]
    );
    assert_eq!(
        tags("<meta property='og:locale' content='uk_UA'><link hreflang='en' href='x'><p>a <i lang='la'>b</i> c"),
        [""; 0]
    );
    assert_eq!(tags("<p><span lang='uk'>a</span></p>"), ["uk"]);
}

#[test]
fn an_old_encoding_gives_way_where_it_was_true() {
    let check = |text: &str, output: &str, expected: &str| {
        let mut document = fragment(text);
        prepare(&mut document, std::iter::once((0, output)));
        assert_eq!(document.between(0..text.len()), expected);
    };
    let page =
        "<meta charset=windows-1252><meta http-equiv=\"Content-type\" content=\"text/html; charset=us-ascii\"><p>a";
    let after = "<meta charset=utf-8><meta http-equiv=\"Content-type\" content=\"text/html; charset=utf-8\"><p>a";
    check(page, "так", after);
    check(page, "yes", page);
    // Here it was no true one before.
    let page = "<meta charset='windows-1251'><p>є";
    check(page, "так", page);
    let page = "<meta charset=\"UTF-8\"></head><meta charset=ascii><p>a";
    check(page, "так", page);
}

#[test]
fn empty_lines_part_paragraphs_outside_of_elements_only() {
    let words = |text: &str| {
        let document = fragment(text);
        assert_eq!(document.check(), Ok(()), "{text:?}");
        document.blocks.iter().map(|block| document.words(block)).collect::<Vec<_>>()
    };
    let raw = "The <b>bridge</b> is\nclosed.\n\nNobody was hurt.\r\n \r\n<a href=\"x\">Read it</a> there.\n\n";
    assert_eq!(words(raw), ["The bridge is closed.", "Nobody was hurt.", "Read it there."]);
    assert_eq!(words("<p>One\n\ntwo.</p>three\n\nfour"), ["One two.", "three", "four"]);
    assert_eq!(words("<b>One\n\ntwo</b>\n\nthree"), ["One two", "three"]);
}
