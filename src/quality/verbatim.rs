//! Checks that what has to stay letter for letter does: the spans the caller protects, and addresses, e-mails,
//! handles, tags and placeholders that are recognized here in case nobody protected them.

use std::ops::Range;

use super::{Finding, Input, Severity};

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut wanted: Vec<(&str, Option<Range<usize>>)> = Vec::new();
    let mut from = 0;
    for &text in input.verbatim.iter().filter(|text| !text.trim().is_empty()) {
        let place = input.source[from..].find(text).map(|at| from + at..from + at + text.len());
        from = place.as_ref().map_or(from, |span| span.end);
        wanted.push((text, place));
    }
    for span in recognize(input.source) {
        if !wanted.iter().any(|(_, place)| place.as_ref().is_some_and(|p| p.start < span.end && span.start < p.end)) {
            wanted.push((&input.source[span.clone()], Some(span)));
        }
    }
    wanted.sort_by_key(|(_, place)| place.as_ref().map_or(usize::MAX, |span| span.start));
    let mut findings = missing(input, &wanted);
    for span in recognize(input.output) {
        let text = &input.output[span.clone()];
        if !input.source.contains(text) && !wanted.iter().any(|(kept, _)| kept.contains(text)) {
            let message = format!("output has {text:?}, the source has not");
            findings.push(Finding::new("verbatim_new", Severity::Error, message).in_output(span));
        }
    }
    findings
}

/// Spans that stand less often in the output than they have to.
fn missing(input: &Input<'_>, wanted: &[(&str, Option<Range<usize>>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, (text, place)) in wanted.iter().enumerate() {
        let before = wanted[..index].iter().filter(|(other, _)| other == text).count();
        if input.output.matches(text).count() > before {
            continue;
        }
        let folded =
            |text: &str| text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect::<String>();
        let other_case = input.output.matches(text).count() == 0 && folded(input.output).contains(&folded(text));
        let (code, what) =
            if other_case { ("verbatim_changed", "was changed") } else { ("verbatim_missing", "is missing") };
        let mut finding =
            Finding::new(code, Severity::Error, format!("{text:?} {what}: expected it letter for letter"));
        finding.source.clone_from(place);
        findings.push(finding);
    }
    findings
}

/// Addresses, e-mails, handles, tags and placeholders of a text.
fn recognize(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let before = text[..at].chars().next_back();
        let length = match c {
            'h' | 'w' if !before.is_some_and(char::is_alphanumeric) => address(rest),
            '@' if !before.is_some_and(|c| c.is_alphanumeric() || c == '.') => mark(rest),
            '#' if !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '&' | '/')) => mark(rest),
            '{' => placeholder(rest, '}'),
            '<' if rest.starts_with("<x id=") => placeholder(rest, '>'),
            // A percent sign stands behind a figure, with or without a space.
            '%' if !text[..at].trim_end().ends_with(char::is_numeric) => format_sign(rest),
            _ => None,
        };
        match length {
            Some(length) => {
                spans.push(at..at + length);
                at += length;
            }
            None => at += c.len_utf8(),
        }
    }
    spans.extend(
        mails(text)
            .into_iter()
            .filter(|mail| !spans.iter().any(|s| s.start < mail.end && mail.start < s.end))
            .collect::<Vec<_>>(),
    );
    spans.sort_by_key(|span| span.start);
    spans
}

/// Length of the web address at the start of a text, without punctuation behind it.
fn address(text: &str) -> Option<usize> {
    let scheme = ["https://", "http://", "www."].into_iter().find(|scheme| text.starts_with(scheme))?;
    let end = text.find(|c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"')).unwrap_or(text.len());
    let trimmed = text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '*', '_', '\'']);
    (trimmed.len() > scheme.len()).then_some(trimmed.len())
}

/// Length of a handle or tag at the start of a text; a number after `#` is no tag.
fn mark(text: &str) -> Option<usize> {
    let end = text[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(text.len(), |at| at + 1);
    let name = &text[1..end];
    // Korean endings stick to a Latin handle: `@name은`.
    let name = match name.find(|c: char| !c.is_ascii()) {
        Some(at) if at > 0 && text.starts_with('@') => &name[..at],
        _ => name,
    };
    (name.chars().count() >= 2 && name.chars().any(char::is_alphabetic)).then_some(name.len() + 1)
}

/// Length of a placeholder in braces or angle brackets at the start of a text: short, without spaces inside names.
fn placeholder(text: &str, close: char) -> Option<usize> {
    let mut end = text.find(close)? + 1;
    if text.starts_with("{{") && text[end..].starts_with('}') {
        end += 1;
    }
    let inner = text[..end].trim_matches(['{', '}', '<', '>']);
    let plain =
        inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ' | '=' | '"' | '/' | '-'));
    (plain && inner.len() <= 40 && !(close == '}' && inner.trim().contains(' '))).then_some(end)
}

/// Length of a `printf` sign (`%s`, `%d`, `%1$s`) at the start of a text.
fn format_sign(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = bytes[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = 1 + digits;
    if digits > 0 {
        if bytes.get(at) != Some(&b'$') {
            return None;
        }
        at += 1;
    }
    let end = at + 1;
    let sign = matches!(bytes.get(at), Some(b's' | b'd' | b'f'));
    let ends = text.get(end..).is_some_and(|rest| !rest.chars().next().is_some_and(|c| c.is_ascii_alphanumeric()));
    (sign && ends).then_some(end)
}

/// E-mail addresses of a text.
fn mails(text: &str) -> Vec<Range<usize>> {
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    let mut spans = Vec::new();
    for (at, _) in text.match_indices('@') {
        let start =
            text[..at].rfind(|c| !name(c)).map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
        let end = text[at + 1..].find(|c| !name(c)).map_or(text.len(), |i| at + 1 + i);
        let host = text[at + 1..end].trim_end_matches(['.', '-']);
        if start < at && host.contains('.') {
            spans.push(start..at + 1 + host.len());
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Input;
    use super::super::tests::{codes, input};
    use super::recognize;

    fn check(source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input("en", "uk", source, output))), expected, "{source:?} → {output:?}");
    }

    #[test]
    fn what_stays_is_recognized() {
        let text = "See https://a.example/x?y=1. Write to desk@ledger.example, @wire_one은, #GreyMud; {name} {{x}} %s %1$d <x id=\"1\"/> 50% #1 a@b";
        let found: Vec<&str> = recognize(text).into_iter().map(|span| &text[span]).collect();
        assert_eq!(
            found,
            [
                "https://a.example/x?y=1",
                "desk@ledger.example",
                "@wire_one",
                "#GreyMud",
                "{name}",
                "{{x}}",
                "%s",
                "%1$d",
                "<x id=\"1\"/>"
            ]
        );
    }

    #[test]
    fn kept_spans_pass() {
        check("Write to desk@ledger.example.", "Пишіть на desk@ledger.example.", &[]);
        check("Grew by 5% since May", "Зросло на 5 % із травня", &[]);
    }

    #[test]
    fn lost_and_changed_spans_are_found() {
        check("Follow @wire_one", "Стежте за нами", &["verbatim_missing"]);
        check("Follow @wire_one", "Стежте за @Wire_One", &["verbatim_changed", "verbatim_new"]);
        check("See https://a.example/x", "Див. https://a.example/y", &["verbatim_missing", "verbatim_new"]);
        check("Dear {name},", "Шановний {ім’я},", &["verbatim_missing"]);
    }

    #[test]
    fn every_occurrence_counts() {
        let verbatim = ["F-16", "F-16"];
        let lost = Input { verbatim: &verbatim, ..input("en", "uk", "F-16 and F-16", "F-16 і ще один") };
        assert_eq!(codes(&super::check(&lost)), ["verbatim_missing"]);
        let kept = Input { verbatim: &verbatim, ..input("en", "uk", "F-16 and F-16", "F-16 і F-16") };
        assert!(super::check(&kept).is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(source in "(\\PC|@|#|%|\\{|https://|<x id=){0,60}", output in "\\PC{0,60}") {
            super::check(&input("en", "uk", &source, &output));
        }
    }
}
