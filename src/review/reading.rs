//! What the tests of this module read out of the HTML that it writes; no parser for HTML of others.

/// The text of a piece of HTML: without tags, references resolved.
pub(super) fn text_content(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        let (known, length) = match c {
            '<' => ("", rest.find('>').map_or(rest.len(), |end| end + 1)),
            '&' => {
                let length = rest.find(';').map_or(rest.len(), |end| end + 1);
                let meaning = match &rest[..length] {
                    "&amp;" => "&",
                    "&lt;" => "<",
                    "&gt;" => ">",
                    "&quot;" => "\"",
                    "&#39;" => "'",
                    "&#13;" => "\r",
                    other => panic!("an unknown reference {other}"),
                };
                (meaning, length)
            }
            _ => (&rest[..c.len_utf8()], c.len_utf8()),
        };
        text.push_str(known);
        rest = &rest[length..];
    }
    text
}
