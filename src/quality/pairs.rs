//! Checks the outer form of the output: brackets and quotes that were opened and not closed, and an end without the
//! mark that the source ends with. Both are what a cut answer looks like.

use super::{Finding, Input, Severity};

pub(super) fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if unbalanced(input.source).is_none()
        && let Some((at, open)) = unbalanced(input.output)
    {
        let message = format!("{open:?} is not paired: expected pairs as in the source");
        findings.push(Finding::new("unpaired", Severity::Warning, message).in_output(at..at + open.len_utf8()));
    }
    if ends_sentence(input.source) && !ends_sentence(input.output) && !input.output.trim().is_empty() {
        let end = input.output.trim_end().len();
        let message = "output stops without an end mark: the source has one".to_string();
        findings.push(Finding::new("end_missing", Severity::Warning, message).in_output(end..end));
    }
    findings
}

/// The first bracket or quote of a text that has no partner.
fn unbalanced(text: &str) -> Option<(usize, char)> {
    const PAIRS: &[(char, char)] = &[('(', ')'), ('[', ']'), ('{', '}'), ('«', '»')];
    for &(open, close) in PAIRS {
        let mut places = Vec::new();
        for (at, c) in text.char_indices() {
            if c == open {
                places.push(at);
            } else if c == close && places.pop().is_none() && !is_list_mark(text, at) {
                return Some((at, close));
            }
        }
        if let Some(&at) = places.first() {
            return Some((at, open));
        }
    }
    // “ opens in English and Korean and closes „ in Ukrainian, so the double quotes are counted together.
    let is_double = |c: char| matches!(c, '"' | '“' | '”' | '„' | '‟');
    let count = text.chars().filter(|&c| is_double(c)).count();
    if count % 2 == 1 { text.char_indices().rfind(|&(_, c)| is_double(c)) } else { None }
}

/// Whether a closing bracket belongs to a list mark such as `1)` or `a)`, or to a smiley.
fn is_list_mark(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let word = before.rfind(char::is_whitespace).map_or(before, |space| before[space..].trim_start());
    word.chars().count() <= 2
}

/// Whether a text ends as a sentence does, closing quotes, brackets and notes left aside.
fn ends_sentence(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '”' | '“' | '’' | '»' | '\'' | ')' | ']' | '*' | '_')
    });
    text.ends_with(['.', '!', '?', '…', '。', ':', ';'])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input};

    fn check(source: &str, output: &str, expected: &[&str]) {
        assert_eq!(codes(&super::check(&input("en", "uk", source, output))), expected, "{source:?} → {output:?}");
    }

    #[test]
    fn paired_marks_pass() {
        check("\"It [the bridge] is open,\" he said.", "«Він [міст] відкритий, — сказав він. — „Так“».", &[]);
        check("1) The bridge is open.", "1) Міст відкрито.", &[]);
        check("Rates on hold", "Ставки без змін", &[]);
        check("\"It is open", "«Він відкритий", &[]);
    }

    #[test]
    fn lone_marks_are_found() {
        check("\"It is open.\"", "«Він відкритий.", &["unpaired"]);
        check("It [the bridge] is open.", "Він [міст відкритий.", &["unpaired"]);
        check("\"It is open.\"", "Він “відкритий.", &["unpaired"]);
    }

    #[test]
    fn a_cut_end_is_found() {
        check("The bridge is open.", "Міст від", &["end_missing"]);
        check("\"The bridge is open.\"", "«Міст відкрито!»", &[]);
    }
}
