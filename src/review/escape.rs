//! Text as HTML that shows all of it and obeys none of it.
//!
//! Articles are hostile: they hold markup, quotes, controls that turn the direction of what follows, and characters that
//! HTML cannot hold. [`text`] is for the content of elements, [`plain`] for attributes and the title.

use std::fmt::Write;

/// What stands for NUL, the one character that no HTML file can hold.
const NUL_SIGN: char = '\u{2400}';
/// What stands for a control character where no element may stand.
const REPLACEMENT: char = '\u{fffd}';

/// Appends text as the content of an element. Only NUL is replaced; everything else is read back by a browser as it was.
///
/// Characters that are not seen and change how others are seen are wrapped in an element that shows their name and keeps
/// their effect inside itself.
pub(super) fn text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A browser turns a carriage return into a line feed unless it is spelled out.
            '\r' => out.push_str("&#13;"),
            c => match name(c) {
                // Writing to a string cannot fail.
                Some(name) => {
                    let shown = if c == '\0' { NUL_SIGN } else { c };
                    let _ = write!(out, "<bdi class=\"ctl\" data-c=\"{name}\">{shown}</bdi>");
                }
                None if is_control(c) => {
                    let _ = write!(out, "<bdi class=\"ctl\" data-c=\"U+{:04X}\">{c}</bdi>", u32::from(c));
                }
                None => out.push(c),
            },
        }
    }
}

/// Appends text that no element may stand in: the value of an attribute in quotation marks, or a title.
pub(super) fn plain(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' | '\r' => out.push(' '),
            c if name(c).is_some() || is_control(c) => out.push(REPLACEMENT),
            c => out.push(c),
        }
    }
}

/// The short names of characters that are not seen.
fn name(c: char) -> Option<&'static str> {
    Some(match c {
        '\0' => "NUL",
        '\u{1b}' => "ESC",
        '\u{7f}' => "DEL",
        '\u{61c}' => "ALM",
        '\u{200b}' => "ZWSP",
        '\u{200e}' => "LRM",
        '\u{200f}' => "RLM",
        '\u{2028}' => "LS",
        '\u{2029}' => "PS",
        '\u{202a}' => "LRE",
        '\u{202b}' => "RLE",
        '\u{202c}' => "PDF",
        '\u{202d}' => "LRO",
        '\u{202e}' => "RLO",
        '\u{2060}' => "WJ",
        '\u{2066}' => "LRI",
        '\u{2067}' => "RLI",
        '\u{2068}' => "FSI",
        '\u{2069}' => "PDI",
        '\u{feff}' => "BOM",
        _ => return None,
    })
}

/// Controls without a name of their own here; tabs and line feeds are white space.
fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::reading;
    use proptest::prelude::*;

    fn check(input: &str, expected: &str) {
        let mut out = String::new();
        text(&mut out, input);
        assert_eq!(out, expected, "{input:?}");
    }

    #[test]
    fn markup_is_text() {
        check("</script><b a=\"1\" b='2'>&amp;", "&lt;/script&gt;&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;");
        check("Київ “서울” a\u{301} 👩‍🚒\tb\nc", "Київ “서울” a\u{301} 👩‍🚒\tb\nc");
    }

    #[test]
    fn what_is_not_seen_is_named_and_keeps_to_itself() {
        check("a\u{202e}b", "a<bdi class=\"ctl\" data-c=\"RLO\">\u{202e}</bdi>b");
        check("\0", "<bdi class=\"ctl\" data-c=\"NUL\">\u{2400}</bdi>");
        check(
            "\u{7}\u{85}",
            "<bdi class=\"ctl\" data-c=\"U+0007\">\u{7}</bdi><bdi class=\"ctl\" data-c=\"U+0085\">\u{85}</bdi>",
        );
        check("a\r\nb", "a&#13;\nb");
    }

    #[test]
    fn attributes_hold_no_quotes_and_no_controls() {
        let mut out = String::new();
        plain(&mut out, "a\"b'c<d>&\n\u{202e}\0é");
        assert_eq!(out, "a&quot;b&#39;c&lt;d&gt;&amp; \u{fffd}\u{fffd}é");
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(input in any::<String>()) {
            let mut out = String::new();
            text(&mut out, &input);
            prop_assert_eq!(reading::text_content(&out), input.replace('\0', "\u{2400}"));
            let mut out = String::new();
            plain(&mut out, &input);
            let clean = !out.contains(['"', '\'', '<', '>', '\0', '\n', '\u{202e}']);
            prop_assert!(clean, "{:?}", out);
        }
    }
}
