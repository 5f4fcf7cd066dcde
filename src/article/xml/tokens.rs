//! The tokens of XML with their places: a text is cut by `quick-xml`, checked, and its names are resolved.
//!
//! The tokens cover the text without holes. Nothing is expanded: references stay what they are, entities of a document
//! type are never looked up.

use super::vocabulary::Vocabulary;
use crate::article::ArticleError;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Deeper nesting is no article.
const DEEPEST: usize = 512;

/// A part of an XML text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::article) struct Token<'t> {
    /// Its bytes.
    pub(in crate::article) span: Range<usize>,
    /// What it is.
    pub(in crate::article) kind: Kind<'t>,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::article) enum Kind<'t> {
    /// `<name>`, or `<name/>` where `end` is the token itself.
    Start {
        /// The name.
        name: Name<'t>,
        /// Index of the token that ends the element.
        end: usize,
    },
    /// `</name>`.
    End,
    /// Characters that stand for themselves.
    Text,
    /// `<![CDATA[…]]>`.
    Cdata,
    /// `&name;` or `&#1234;`.
    Reference,
    /// Comments, processing instructions, declarations.
    Other,
}

/// The name of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::article) struct Name<'t> {
    /// Whose name it is.
    pub(in crate::article) vocabulary: Vocabulary,
    /// The name without its prefix.
    pub(in crate::article) local: &'t str,
}

impl<'t> Token<'t> {
    /// Name and index of the end, where the token begins an element.
    pub(in crate::article) fn start(&self) -> Option<(Name<'t>, usize)> {
        match self.kind {
            Kind::Start { name, end } => Some((name, end)),
            _ => None,
        }
    }
}

/// Cuts a text into its tokens. A text without a root element has an error of its own.
///
/// # Errors
///
/// XML that is not well formed, with the line.
pub(in crate::article) fn read<'t>(text: &'t str, format: &'static str) -> Result<Vec<Token<'t>>, ArticleError> {
    let mut cutter = Cutter { text, format, tokens: Vec::new(), open: Vec::new(), prefixes: HashMap::new() };
    let mut reader = Reader::from_str(text);
    let mut at = 0;
    let mut roots = 0;
    loop {
        let event = reader.read_event().map_err(|error| {
            let place = usize::try_from(reader.error_position()).unwrap_or(at);
            cutter.error(place, &format!("expected well-formed XML, got: {error}"))
        })?;
        let to = usize::try_from(reader.buffer_position()).unwrap_or(text.len()).min(text.len());
        let span = at..to;
        at = to;
        let outside = cutter.open.is_empty();
        match &event {
            Event::Eof => break,
            Event::Start(tag) | Event::Empty(tag) => {
                roots += usize::from(outside);
                if roots > 1 {
                    return Err(cutter.error(span.start, "expected one root element, got another one after its end"));
                }
                cutter.start(tag, span, matches!(event, Event::Empty(_)))?;
            }
            Event::End(_) => cutter.end(span),
            Event::Text(_) if !outside || text[span.clone()].trim().is_empty() => cutter.push(span, Kind::Text),
            Event::CData(_) if !outside => cutter.push(span, Kind::Cdata),
            Event::GeneralRef(_) if !outside => cutter.push(span, Kind::Reference),
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                return Err(cutter.error(span.start, "expected nothing but the root element, got text outside of it"));
            }
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => cutter.push(span, Kind::Other),
        }
    }
    if let Some((start, _)) = cutter.open.last() {
        let place = cutter.tokens.get(*start).map_or(0, |token| token.span.start);
        return Err(cutter.error(place, "expected the end of this element, got the end of the file"));
    }
    if roots == 0 {
        return Err(cutter.error(text.len(), "expected a root element, got none"));
    }
    Ok(cutter.tokens)
}

struct Cutter<'t> {
    text: &'t str,
    format: &'static str,
    tokens: Vec<Token<'t>>,
    /// Open elements: index of the token, and the prefixes that it binds.
    open: Vec<(usize, Vec<&'t str>)>,
    /// What each prefix stands for, innermost binding last.
    prefixes: HashMap<&'t str, Vec<Vocabulary>>,
}

impl<'t> Cutter<'t> {
    fn error(&self, place: usize, message: &str) -> ArticleError {
        let line = 1 + self.text.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count();
        ArticleError::Syntax { format: self.format, line, message: message.to_string() }
    }

    fn push(&mut self, span: Range<usize>, kind: Kind<'t>) {
        if !span.is_empty() {
            self.tokens.push(Token { span, kind });
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, span: Range<usize>, empty: bool) -> Result<(), ArticleError> {
        if self.open.len() >= DEEPEST {
            let message = format!("expected elements nested at most {DEEPEST} deep, got more");
            return Err(self.error(span.start, &message));
        }
        let text = self.text;
        let source = &text[span.clone()];
        let length = tag.name().as_ref().len();
        let qualified = source.get(1..1 + length).unwrap_or("");
        let mut bound = Vec::new();
        let mut seen = HashSet::new();
        for attribute in attributes(source) {
            let Ok((name, value)) = attribute else {
                return Err(self.error(span.start, "expected attributes as name=\"value\", got something else"));
            };
            if !seen.insert(name) {
                return Err(self.error(span.start, &format!("expected each attribute once, got {name} twice")));
            }
            let prefix = name.strip_prefix("xmlns:").or_else(|| (name == "xmlns").then_some(""));
            if let Some(prefix) = prefix {
                let vocabulary = Vocabulary::of_namespace(&source[value]);
                self.prefixes.entry(prefix).or_default().push(vocabulary);
                bound.push(prefix);
            }
        }
        let (prefix, local) = qualified.split_once(':').unwrap_or(("", qualified));
        let vocabulary = self.prefixes.get(prefix).and_then(|bindings| bindings.last().copied());
        // Feeds use prefixes that they do not declare; what is meant is no secret.
        let vocabulary = vocabulary.unwrap_or_else(|| Vocabulary::of_prefix(prefix));
        let index = self.tokens.len();
        self.push(span, Kind::Start { name: Name { vocabulary, local }, end: index });
        if empty {
            self.unbind(&bound);
        } else {
            self.open.push((index, bound));
        }
        Ok(())
    }

    fn end(&mut self, span: Range<usize>) {
        let index = self.tokens.len();
        self.push(span, Kind::End);
        if let Some((start, bound)) = self.open.pop() {
            self.unbind(&bound);
            if let Some(Token { kind: Kind::Start { end, .. }, .. }) = self.tokens.get_mut(start) {
                *end = index;
            }
        }
    }

    fn unbind(&mut self, prefixes: &[&'t str]) {
        for prefix in prefixes {
            if let Some(bindings) = self.prefixes.get_mut(prefix) {
                bindings.pop();
            }
        }
    }
}

/// Names of the attributes of a start tag with the bytes of their values in it.
fn attributes(tag: &str) -> impl Iterator<Item = Result<(&str, Range<usize>), ()>> {
    let body = tag.strip_prefix('<').unwrap_or(tag);
    let body = body.strip_suffix('>').unwrap_or(body);
    let body = body.strip_suffix('/').unwrap_or(body);
    let name = body.find(|c: char| c.is_ascii_whitespace()).unwrap_or(body.len());
    let mut found = quick_xml::events::attributes::Attributes::new(body, name);
    found.with_checks(false);
    found.map(move |attribute| {
        let attribute = attribute.map_err(drop)?;
        let place = |part: &str| (part.as_ptr() as usize).checked_sub(tag.as_ptr() as usize).ok_or(());
        let key = place(attribute.key.into_inner())?;
        let key = tag.get(key..key + attribute.key.into_inner().len()).ok_or(())?;
        let value = place(&attribute.value)?;
        let value = value..value + attribute.value.len();
        tag.get(value.clone()).ok_or(())?;
        Ok((key, value))
    })
}

/// The bytes of the values of a tag's attributes whose names with their prefixes are wanted.
pub(in crate::article) fn values(
    text: &str,
    token: &Token<'_>,
    wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Range<usize>> {
    let start = token.span.start;
    let source = text.get(token.span.clone()).unwrap_or("");
    let found = attributes(source).flatten().filter(move |(key, _)| wanted(key));
    found.map(move |(_, value)| start + value.start..start + value.end)
}

/// The value of an attribute as it stands.
pub(in crate::article) fn value<'t>(text: &'t str, token: &Token<'_>, name: &str) -> Option<&'t str> {
    values(text, token, |key| key == name).next().and_then(|span| text.get(span))
}

/// The text inside a CDATA section.
pub(in crate::article) fn inside_cdata(span: &Range<usize>) -> Range<usize> {
    let start = (span.start + "<![CDATA[".len()).min(span.end);
    start..span.end.saturating_sub("]]>".len()).max(start)
}

/// References to characters that documents of the press use beside those of XML, from the character set of XHTML.
const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("hellip", '…'),
    ("deg", '°'),
    ("euro", '€'),
    ("pound", '£'),
];

/// The character that a reference stands for; none for entities, which are not looked up.
pub(in crate::article) fn character(reference: &str) -> Option<char> {
    let body = reference.strip_prefix('&')?.strip_suffix(';')?;
    if let Some(number) = body.strip_prefix('#') {
        let code = match number.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        let is_number = number.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_xml = |c: &char| *c >= ' ' || matches!(c, '\t' | '\n' | '\r');
        return code.ok().filter(|_| is_number).and_then(char::from_u32).filter(is_xml);
    }
    NAMED.iter().find(|(name, _)| *name == body).map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Kind, character, read, value, values};
    use crate::article::xml::vocabulary::Vocabulary as V;

    #[test]
    fn tokens_cover_the_text() {
        let text = "<?xml version=\"1.0\"?>\r\n<!DOCTYPE a [<!ENTITY b \"]>\">]>\n<a x='>' xml:lang=\"uk\">Так &amp; \
                    <b/>ні<![CDATA[<c>]]><!-- - --><?p?></a>\n";
        let tokens = read(text, "XML").unwrap();
        let mut at = 0;
        for token in &tokens {
            assert_eq!(token.span.start, at);
            at = token.span.end;
        }
        assert_eq!(at, text.len());
        let parts: Vec<&str> = tokens.iter().map(|token| &text[token.span.clone()]).collect();
        assert_eq!(parts[4..10], ["<a x='>' xml:lang=\"uk\">", "Так ", "&amp;", " ", "<b/>", "ні"]);
        let root = &tokens[4];
        assert_eq!(root.start().unwrap().1, 13);
        assert_eq!(
            (value(text, root, "x"), value(text, root, "xml:lang"), value(text, root, "y")),
            (Some(">"), Some("uk"), None)
        );
        assert_eq!(&text[values(text, root, |name| name.ends_with(":lang")).next().unwrap()], "uk");
        assert_eq!(tokens[10].kind, Kind::Cdata);
    }

    #[test]
    fn names_are_resolved() {
        let text = "<rss xmlns:m='http://search.yahoo.com/mrss/'><m:title/><a:b xmlns:a='http://www.w3.org/2005/Atom'/>\
                    <a:c/><itunes:d/><e xmlns='x'><f/></e><g/></rss>";
        let tokens = read(text, "XML").unwrap();
        let names: Vec<(V, &str)> =
            tokens.iter().filter_map(super::Token::start).map(|(name, _)| (name.vocabulary, name.local)).collect();
        let expected = [
            (V::None, "rss"),
            (V::Media, "title"),
            (V::Atom, "b"),
            (V::Other, "c"),
            (V::Itunes, "d"),
            (V::Other, "e"),
            (V::Other, "f"),
            (V::None, "g"),
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_is_not_well_formed_has_its_line() {
        for (text, expected) in [
            ("<a>\n<b>\n</a>", "XML: line 3: expected well-formed XML"),
            ("<a>\n\n<b>", "XML: line 3: expected the end of this element"),
            ("<a/>\n<b/>", "XML: line 2: expected one root element"),
            ("<a/>\nb", "XML: line 1: expected nothing but the root element"),
            ("\n", "XML: line 2: expected a root element"),
            ("<a>\n&b c</a>", "XML: line 2: expected well-formed XML"),
            ("<a>\n<b c></b></a>", "XML: line 2: expected attributes"),
            ("<a b='1'\n b='2'/>", "XML: line 1: expected each attribute once, got b twice"),
            ("<a>\n<!-- </a>", "XML: line 2: expected well-formed XML"),
        ] {
            let got = read(text, "XML").unwrap_err().to_string();
            assert!(got.starts_with(expected), "{text:?}: {got}");
        }
        let deep = "<a>".repeat(600);
        assert!(read(&deep, "XML").unwrap_err().to_string().contains("nested at most 512 deep"));
    }

    #[test]
    fn references_are_characters_or_stay() {
        for (reference, expected) in [
            ("&amp;", Some('&')),
            ("&#1110;", Some('і')),
            ("&#x456;", Some('і')),
            ("&nbsp;", Some('\u{a0}')),
            ("&#xD800;", None),
            ("&#+9;", None),
            ("&company;", None),
        ] {
            assert_eq!(character(reference), expected, "{reference}");
        }
    }
}
