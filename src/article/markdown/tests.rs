//! Tests of the Markdown reader.

use super::read;
use crate::document::PieceKind;
use proptest::prelude::*;

/// Blocks with their pieces: `|` a break, `¶` a wanted break, `<…>` opening, `{…}` closing, `(…)` other markup, `^` an
/// escape, `=…=` verbatim.
fn show(text: &str) -> Vec<String> {
    let document = read(text, false);
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
    let block = |b: &crate::document::Block| b.pieces.iter().map(|p| piece(p.kind, &text[p.span.clone()])).collect();
    document.blocks.iter().map(block).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(show(text), expected, "{text:?}");
}

#[test]
fn emphasis_links_and_images_are_pairs() {
    check("A *b* **c** [d](e \"f\") ![g](h).", &["A <*>b{*} <**>c{**} <[>d{](e \"f\")} <![>g{](h)}."]);
    check("***a***", &["<*><**>a{**}{*}"]);
    check("[*a*](b) [c][d] [d]\n\n[d]: https://example.org", &["<[><*>a{*}{](b)} <[>c{][d]} <[>d{]}"]);
    check("~~no~~ [](x)", &["<~~>no{~~} ([](x))"]);
}

#[test]
fn code_and_automatic_links_are_verbatim() {
    check("run `make test` or ``a`b``", &["run <`>=make test={`} or <``>=a`b={``}"]);
    check("see <https://example.org/a_b>", &["see <<>=https://example.org/a_b={>}"]);
    check("> `a\n> b`", &["<`>=a=|=b={`}"]);
}

#[test]
fn headings_lists_quotes_and_tables_give_their_text() {
    check("# One #\n\nTwo\n===\n\n- a\n- b\n  - c\n\n1. d\n\n   e\n", &["One", "Two", "a", "b", "c", "d", "e"]);
    check("> a\n> b\n>> c\n", &["a|b", "c"]);
    check("|a|b\\|c|\n|-|:-:|\n|d e||\n", &["a", "b^|c", "d e"]);
    check("- [x] done\n- [ ] open\n", &["done", "open"]);
    check("# T {#id}\n", &["T"]);
}

#[test]
fn what_is_no_prose_is_a_gap() {
    check("---\ntitle: x\n---\n\nText\n", &["Text"]);
    check("+++\nx = 1\n+++\nText\n", &["Text"]);
    check("```\ncode\n```\n\n    more code\n\n<div>\nhtml\n</div>\n\n---\n\nText", &["Text"]);
    check("Note[^1].\n\n[^1]: The note.\n", &["Note([^1]).", "The note."]);
}

#[test]
fn breaks_escapes_and_references_are_pieces() {
    check("a\nb  \nc\\\nd<br>e", &["a|b¶c¶d¶e"]);
    check("\\*a\\* &amp; &nbsp;b &bogus;", &["^*a^* && &\u{a0}b &bogus;"]);
    check("> \\# a\n> \\# b", &["^# a|^# b"]);
}

#[test]
fn html_tags_pair_where_they_nest() {
    check("a <b>c</b> <i>d *e</i> f* <u>g", &["a <<b>>c{</b>} (<i>)d <*>e(</i>) f{*} (<u>)g"]);
}

#[test]
fn carriage_returns_are_line_ends() {
    check("# A\r\n\r\nb\r\nc\r\n", &["A", "b|c"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_soup_is_covered(text in "(\\*|\\*\\*|_|`|``|\\[|\\]|\\(|\\)|!|<|>|<b>|</b>|<br>|#|# |- |1\\. |> |\\||\\n|\\r\\n|\\n\\n|  \\n|\\\\|&amp;|\\[\\^1\\]|: |---|```|~~|a|b c|є|한|\\. |\t| ){0,40}") {
        let document = read(&text, false);
        prop_assert_eq!(document.check(), Ok(()));
    }
}
