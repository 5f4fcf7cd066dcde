//! What the elements of HTML are to a reader of prose.

use super::token::Content;
use crate::document::BlockKind;

/// What an element does to the text around it and in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Parts blocks; its own text is of this kind.
    Block(BlockKind),
    /// Parts blocks; its own text is of the kind of what it stands in where that is an item or a cell.
    Plain,
    /// Parts blocks and has no content.
    Rule,
    /// A line break.
    LineBreak,
    /// Stands in running text, without content.
    Empty,
    /// Stands in running text and has text of its own.
    Inline,
    /// Stands in running text; its text stays as it is.
    Verbatim,
    /// Parts blocks; nothing in it is read.
    SkippedBlock,
    /// Stands in running text; nothing in it is read.
    Skipped,
}

/// The role of an element. Unknown ones stand in running text, as they do in browsers.
pub(super) fn role(name: &str) -> Role {
    use BlockKind::{Heading, ListItem, Paragraph, TableCell};
    match name {
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "title" => Role::Block(Heading),
        "li" | "dt" | "dd" | "option" => Role::Block(ListItem),
        "td" | "th" => Role::Block(TableCell),
        "article" | "aside" | "audio" | "blockquote" | "body" | "button" | "canvas" | "caption" | "colgroup"
        | "datalist" | "details" | "dialog" | "dir" | "dl" | "fieldset" | "figcaption" | "figure" | "footer"
        | "form" | "frameset" | "head" | "header" | "hgroup" | "html" | "legend" | "main" | "menu" | "nav"
        | "noframes" | "noscript" | "object" | "ol" | "optgroup" | "search" | "section" | "select" | "summary"
        | "table" | "tbody" | "tfoot" | "thead" | "tr" | "ul" | "video" => Role::Block(Paragraph),
        "p" | "div" | "address" | "center" => Role::Plain,
        "hr" | "col" | "base" | "basefont" | "frame" => Role::Rule,
        "br" => Role::LineBreak,
        "area" | "bgsound" | "embed" | "img" | "image" | "input" | "keygen" | "link" | "meta" | "param" | "source"
        | "track" | "wbr" => Role::Empty,
        "code" | "kbd" | "samp" | "tt" | "var" => Role::Verbatim,
        "pre" | "listing" | "plaintext" | "template" | "xmp" => Role::SkippedBlock,
        "iframe" | "math" | "noembed" | "script" | "style" | "svg" | "textarea" => Role::Skipped,
        _ => Role::Inline,
    }
}

/// What the text of an element is, where it is not HTML.
pub(super) fn content(name: &str) -> Option<Content> {
    match name {
        "title" | "textarea" => Some(Content::References),
        "script" => Some(Content::Script),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => Some(Content::Raw),
        "plaintext" => Some(Content::Rest),
        _ => None,
    }
}

/// Whether its start tag ends an open paragraph.
pub(super) fn ends_paragraph(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "li"
            | "listing"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "p"
            | "plaintext"
            | "pre"
            | "search"
            | "section"
            | "summary"
            | "table"
            | "ul"
            | "xmp"
    )
}

/// Items, which end where the next one begins.
pub(super) fn is_item(name: &str) -> bool {
    matches!(name, "li" | "dt" | "dd" | "option")
}

/// Whether a new item `next` ends the open item `open`.
pub(super) fn ends_item(next: &str, open: &str) -> bool {
    match next {
        "li" => open == "li",
        "dt" | "dd" => matches!(open, "dt" | "dd"),
        "option" => open == "option",
        _ => false,
    }
}

/// Lists, which an item inside another item's list does not end.
pub(super) fn is_list(name: &str) -> bool {
    matches!(name, "ul" | "ol" | "dl" | "dir" | "menu" | "select" | "datalist" | "optgroup")
}

/// Parts of a table by their depth in it: sections, rows, cells.
pub(super) fn table_depth(name: &str) -> Option<usize> {
    match name {
        "caption" | "colgroup" | "tbody" | "tfoot" | "thead" => Some(0),
        "tr" => Some(1),
        "td" | "th" => Some(2),
        _ => None,
    }
}

/// Elements whose content no end tag inside closes anything outside of.
pub(super) fn is_scope(name: &str) -> bool {
    matches!(name, "table" | "td" | "th" | "caption" | "template" | "object" | "button" | "html")
}

/// Elements of drawings and formulas that may hold HTML.
pub(super) const INTEGRATED: &[&str] =
    &["foreignobject", "desc", "title", "annotation-xml", "mi", "mn", "mo", "ms", "mtext"];

/// Whether a start tag is never one of a drawing or a formula: what was not closed before ends there.
pub(super) fn ends_foreign(name: &str) -> bool {
    matches!(
        name,
        "b" | "big"
            | "blockquote"
            | "body"
            | "br"
            | "center"
            | "code"
            | "dd"
            | "div"
            | "dl"
            | "dt"
            | "em"
            | "embed"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "hr"
            | "i"
            | "img"
            | "li"
            | "listing"
            | "menu"
            | "meta"
            | "nobr"
            | "ol"
            | "p"
            | "pre"
            | "ruby"
            | "s"
            | "small"
            | "span"
            | "strong"
            | "strike"
            | "sub"
            | "sup"
            | "table"
            | "tt"
            | "u"
            | "ul"
            | "var"
    )
}
