//! Whose names the elements of a document are: the namespaces that the readers know.

/// A set of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::article) enum Vocabulary {
    /// Names in no namespace: RSS, and NITF by its document type.
    None,
    /// Atom.
    Atom,
    /// `content:encoded` of RSS.
    Content,
    /// Media RSS.
    Media,
    /// Podcasts.
    Itunes,
    /// Dublin Core.
    DublinCore,
    /// XHTML.
    Xhtml,
    /// NITF.
    Nitf,
    /// `NewsML-G2`.
    NewsMl,
    /// Texts of Word.
    Word,
    /// Any other.
    Other,
}

/// Namespaces, without the slash at the end that some writers leave out.
const NAMESPACES: &[(&str, Vocabulary)] = &[
    ("", Vocabulary::None),
    ("http://backend.userland.com/rss2", Vocabulary::None),
    ("http://www.w3.org/2005/Atom", Vocabulary::Atom),
    ("http://purl.org/rss/1.0/modules/content", Vocabulary::Content),
    ("http://wordpress.org/export/1.0/excerpt", Vocabulary::Content),
    ("http://wordpress.org/export/1.1/excerpt", Vocabulary::Content),
    ("http://wordpress.org/export/1.2/excerpt", Vocabulary::Content),
    ("http://search.yahoo.com/mrss", Vocabulary::Media),
    ("http://www.itunes.com/dtds/podcast-1.0.dtd", Vocabulary::Itunes),
    ("http://www.google.com/schemas/play-podcasts/1.0", Vocabulary::Itunes),
    ("http://purl.org/dc/elements/1.1", Vocabulary::DublinCore),
    ("http://purl.org/dc/terms", Vocabulary::DublinCore),
    ("http://www.w3.org/1999/xhtml", Vocabulary::Xhtml),
    ("http://iptc.org/std/NITF/2006-10-18", Vocabulary::Nitf),
    ("http://iptc.org/std/nar/2006-10-01", Vocabulary::NewsMl),
    ("http://schemas.openxmlformats.org/wordprocessingml/2006/main", Vocabulary::Word),
    ("http://purl.oclc.org/ooxml/wordprocessingml/main", Vocabulary::Word),
];

/// Prefixes that everyone uses for the same names.
const PREFIXES: &[(&str, Vocabulary)] = &[
    ("", Vocabulary::None),
    ("atom", Vocabulary::Atom),
    ("content", Vocabulary::Content),
    ("media", Vocabulary::Media),
    ("itunes", Vocabulary::Itunes),
    ("googleplay", Vocabulary::Itunes),
    ("dc", Vocabulary::DublinCore),
    ("xhtml", Vocabulary::Xhtml),
    ("nitf", Vocabulary::Nitf),
];

impl Vocabulary {
    /// The vocabulary of a namespace.
    pub(in crate::article) fn of_namespace(namespace: &str) -> Vocabulary {
        let name = namespace.trim().trim_end_matches('/');
        find(NAMESPACES, name)
    }

    /// What an undeclared prefix is meant to be.
    pub(in crate::article) fn of_prefix(prefix: &str) -> Vocabulary {
        find(PREFIXES, prefix)
    }
}

fn find(table: &[(&str, Vocabulary)], name: &str) -> Vocabulary {
    table.iter().find(|(known, _)| *known == name).map_or(Vocabulary::Other, |(_, vocabulary)| *vocabulary)
}
