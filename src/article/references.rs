//! Character references of HTML in texts that are no HTML: escaped plain text, `WebVTT`.

use std::ops::Range;

/// Names that occur in running text. Others stay as they stand.
const NAMES: &[(&str, char)] = &[
    ("amp", '&'),
    ("apos", '\''),
    ("bdquo", '„'),
    ("copy", '©'),
    ("deg", '°'),
    ("euro", '€'),
    ("gt", '>'),
    ("hellip", '…'),
    ("laquo", '«'),
    ("ldquo", '“'),
    ("lrm", '\u{200e}'),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("mdash", '—'),
    ("middot", '·'),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("quot", '"'),
    ("raquo", '»'),
    ("rdquo", '”'),
    ("reg", '®'),
    ("rlm", '\u{200f}'),
    ("rsquo", '’'),
    ("shy", '\u{ad}'),
];

/// The next reference of `text` at or after `from`: its bytes and its character.
pub(super) fn next(text: &str, from: usize) -> Option<(Range<usize>, char)> {
    let found = |(at, _): (usize, &str)| {
        let start = from + at;
        read(&text[start..]).map(|(length, character)| (start..start + length, character))
    };
    text.get(from..)?.match_indices('&').find_map(found)
}

/// Length and character of the reference that `text` begins with.
pub(super) fn read(text: &str) -> Option<(usize, char)> {
    let body = text.strip_prefix('&')?;
    let end = body.bytes().take(10).position(|b| b == b';')?;
    let name = body.get(..end)?;
    let character = if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        char::from_u32(code).filter(|c| !c.is_control())?
    } else {
        NAMES[NAMES.binary_search_by_key(&name, |(name, _)| name).ok()?].1
    };
    Some((end + 2, character))
}

#[cfg(test)]
mod tests {
    use super::{NAMES, next};

    #[test]
    fn names_and_numbers_are_read() {
        assert!(NAMES.is_sorted());
        for (text, expected) in [
            ("a &amp; b", Some((2..7, '&'))),
            ("&#8217;", Some((0..7, '’'))),
            ("R&D &#x2014;", Some((4..12, '—'))),
            ("R&D; &bogus; &#0; & є;", None),
            ("&", None),
        ] {
            assert_eq!(next(text, 0), expected, "{text}");
        }
    }
}
