//! What the elements of each format are: which hold prose, which mark words, which are left alone.

use super::tokens::{Name, Token, value};
use super::vocabulary::Vocabulary;
use crate::document::BlockKind::{self, Heading, ListItem, Paragraph, TableCell};

/// The formats that a root element can begin, and those that stand inside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Rss,
    Atom,
    Nitf,
    NewsMl,
    Xhtml,
    /// The document inside `inlineXML` of `NewsML-G2`.
    Embedded,
}

/// What is done with an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Its elements are looked at; text directly in it is left alone.
    Parts,
    /// Its text is prose, with markup in it.
    Flow(BlockKind),
    /// Marks words.
    Inline,
    /// Marks words that stay as they are.
    Verbatim,
    /// A line break.
    LineBreak,
    /// Left alone where it stands between words.
    Markup,
    /// Left alone; no sentence goes on behind it.
    Gap,
    /// Its characters are a plain text.
    Plain(BlockKind),
    /// Its characters are a text that may be HTML.
    Rich(BlockKind),
    /// Its text is a language tag.
    Language,
}

/// The root elements that are known, for messages.
pub(super) const ROOTS: &str =
    "rss (RSS 2.0), feed or entry (Atom), nitf (NITF), newsItem, packageItem or newsMessage (NewsML-G2)";

impl Family {
    /// The format that a root element begins.
    pub(super) fn of_root(name: Name<'_>) -> Option<Family> {
        match name.local {
            "rss" => Some(Family::Rss),
            "feed" | "entry" => Some(Family::Atom),
            "nitf" => Some(Family::Nitf),
            "newsItem" | "packageItem" | "newsMessage" => Some(Family::NewsMl),
            _ => None,
        }
    }

    /// Whether an element is an article of its own in a feed.
    pub(super) fn is_item(self, name: Name<'_>) -> bool {
        matches!(
            (self, name.vocabulary, name.local),
            (Family::Rss, Vocabulary::None, "item") | (Family::Atom, Vocabulary::Atom | Vocabulary::None, "entry")
        )
    }

    /// Role of an element of this family inside one with the role `parent`, and the family of what is in it.
    pub(super) fn role(self, parent: Role, name: Name<'_>, text: &str, token: &Token<'_>) -> (Role, Family) {
        let value = |key: &str| value(text, token, key);
        let role = match self {
            Family::Rss => match (name.vocabulary, name.local) {
                (Vocabulary::None, "rss" | "channel" | "item" | "image" | "textInput") => Role::Parts,
                (Vocabulary::None, "title") => Role::Rich(Heading),
                (Vocabulary::None, "description" | "fulltext" | "full-text" | "full_text") => Role::Rich(Paragraph),
                (Vocabulary::None, "language") => Role::Language,
                (Vocabulary::Atom, "title" | "subtitle" | "summary" | "content") => return atom(name.local, value),
                (Vocabulary::Xhtml, "body" | "div") => return (Role::Flow(Paragraph), Family::Xhtml),
                (vocabulary, local) => extension(vocabulary, local),
            },
            Family::Atom => match (name.vocabulary, name.local) {
                (Vocabulary::Atom | Vocabulary::None, "feed" | "entry") => Role::Parts,
                (Vocabulary::Atom | Vocabulary::None, local) => return atom(local, value),
                (vocabulary, local) => extension(vocabulary, local),
            },
            Family::Nitf => nitf(parent, name.local),
            Family::NewsMl => return news_ml(parent, name.local, value),
            Family::Xhtml => xhtml(parent, name.local, value("translate") == Some("no")),
            Family::Embedded => match (name.vocabulary, name.local) {
                (_, "nitf") => return (Role::Parts, Family::Nitf),
                (Vocabulary::Xhtml, _) | (_, "html") => return (Role::Flow(Paragraph), Family::Xhtml),
                _ => Role::Gap,
            },
        };
        (role, self)
    }
}

/// Whether an element of an item is what the item says, so that a summary may stand in its place. What belongs to pictures
/// does not.
pub(super) fn is_text(role: Role, name: Name<'_>) -> bool {
    let text = matches!(role, Role::Plain(Paragraph) | Role::Rich(Paragraph) | Role::Flow(Paragraph));
    text && name.vocabulary != Vocabulary::Media && name.local != "subtitle"
}

/// Elements of other vocabularies in feeds.
fn extension(vocabulary: Vocabulary, local: &str) -> Role {
    match (vocabulary, local) {
        (Vocabulary::Media, "group" | "content") => Role::Parts,
        (Vocabulary::Media | Vocabulary::Itunes | Vocabulary::DublinCore, "title") => Role::Rich(Heading),
        (Vocabulary::Content, "encoded")
        // Full texts for aggregators, in namespaces of theirs.
        | (Vocabulary::Other, "full-text" | "fulltext" | "full_text")
        | (Vocabulary::Media, "description" | "text")
        | (Vocabulary::Itunes, "summary" | "subtitle" | "description")
        | (Vocabulary::DublinCore, "description" | "abstract") => Role::Rich(Paragraph),
        (Vocabulary::DublinCore, "language") => Role::Language,
        _ => Role::Gap,
    }
}

/// Texts of Atom say what they are.
fn atom<'v>(local: &str, value: impl Fn(&str) -> Option<&'v str>) -> (Role, Family) {
    let kind = match local {
        "title" => Heading,
        "subtitle" | "summary" | "content" => Paragraph,
        _ => return (Role::Gap, Family::Atom),
    };
    if value("src").is_some() {
        return (Role::Gap, Family::Atom);
    }
    let role = match value("type").map(str::trim) {
        None | Some("text" | "text/plain") => Role::Plain(kind),
        Some("html" | "text/html") => Role::Rich(kind),
        Some("xhtml" | "application/xhtml+xml") => return (Role::Flow(kind), Family::Xhtml),
        Some(_) => Role::Gap,
    };
    (role, Family::Atom)
}

fn in_flow(parent: Role) -> bool {
    matches!(parent, Role::Flow(_) | Role::Inline | Role::Verbatim)
}

/// Containers of prose have the kind of what they stand in.
fn kind_of(parent: Role) -> BlockKind {
    match parent {
        Role::Flow(kind) => kind,
        _ => Paragraph,
    }
}

fn nitf(parent: Role, local: &str) -> Role {
    match local {
        "nitf" | "head" | "body" | "body.head" | "body.end" | "hedline" => Role::Parts,
        "title" if !in_flow(parent) => Role::Flow(Heading),
        "hl1" | "hl2" => Role::Flow(Heading),
        "dateline" | "abstract" | "note" | "tagline" | "body.content" => Role::Flow(Paragraph),
        "p" | "block" | "bq" | "fn" | "dl" | "dt" | "dd" | "media" | "media-caption" | "caption" | "credit" | "ol"
        | "ul" | "table" | "nitf-table" | "thead" | "tbody" | "tfoot" | "tr"
            if in_flow(parent) =>
        {
            Role::Flow(kind_of(parent))
        }
        "li" if in_flow(parent) => Role::Flow(ListItem),
        "td" | "th" if in_flow(parent) => Role::Flow(TableCell),
        "br" if in_flow(parent) => Role::LineBreak,
        // Names of people, figures of machines, texts in a fixed width.
        "byline"
        | "distributor"
        | "rights"
        | "series"
        | "bibliography"
        | "docdata"
        | "datasource"
        | "hr"
        | "pre"
        | "media-reference"
        | "media-metadata"
        | "media-object"
        | "media-producer"
        | "nitf-table-metadata"
        | "custom-table"
        | "col"
        | "colgroup" => Role::Gap,
        _ if in_flow(parent) => Role::Inline,
        _ => Role::Gap,
    }
}

fn news_ml<'v>(parent: Role, local: &str, value: impl Fn(&str) -> Option<&'v str>) -> (Role, Family) {
    let role = match local {
        "br" if in_flow(parent) => Role::LineBreak,
        _ if in_flow(parent) => Role::Inline,
        "newsMessage" | "itemSet" | "newsItem" | "packageItem" | "itemMeta" | "contentMeta" | "partMeta"
        | "contentSet" | "groupSet" | "group" | "itemRef" => Role::Parts,
        "title" | "headline" => Role::Flow(Heading),
        "description" | "edNote" | "dateline" => Role::Flow(Paragraph),
        "language" => Role::Language,
        "inlineXML" => return (Role::Parts, Family::Embedded),
        "inlineData" if value("encoding").is_some() => Role::Gap,
        "inlineData" => match value("contenttype").map(|kind| kind.split(';').next().unwrap_or(kind).trim()) {
            None | Some("text/plain") => Role::Plain(Paragraph),
            Some("text/html" | "application/xhtml+xml") => Role::Rich(Paragraph),
            Some(_) => Role::Gap,
        },
        _ => Role::Gap,
    };
    (role, Family::NewsMl)
}

fn xhtml(parent: Role, local: &str, kept: bool) -> Role {
    let role = match local {
        "head" => Role::Parts,
        "title" if parent == Role::Parts => Role::Flow(Heading),
        _ if !in_flow(parent) => Role::Gap,
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Role::Flow(Heading),
        "li" => Role::Flow(ListItem),
        "td" | "th" => Role::Flow(TableCell),
        "address" | "article" | "aside" | "blockquote" | "body" | "caption" | "center" | "dd" | "details" | "div"
        | "dl" | "dt" | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "header" | "html" | "hgroup"
        | "legend" | "main" | "nav" | "ol" | "p" | "section" | "summary" | "table" | "tbody" | "tfoot" | "thead"
        | "tr" | "ul" => Role::Flow(kind_of(parent)),
        "br" => Role::LineBreak,
        "code" | "kbd" | "samp" | "var" => Role::Verbatim,
        "hr" | "pre" | "colgroup" => Role::Gap,
        "script" | "style" | "template" | "noscript" | "svg" | "math" | "object" | "iframe" | "video" | "audio"
        | "canvas" | "select" | "textarea" | "embed" => Role::Markup,
        _ => Role::Inline,
    };
    match role {
        Role::Flow(_) if kept => Role::Gap,
        Role::Inline if kept => Role::Verbatim,
        role => role,
    }
}
