//! Brackets and quotations in which a full stop does not end the sentence around them.
//!
//! Used by [`super::sentence`]. One pass over the text; unmatched signs are ignored.

use std::ops::Range;

/// A bracket longer than this, in bytes, is no insertion any more: sentences in it are sentences.
const LONGEST_BRACKET: usize = 500;
/// A quotation inside a sentence up to this length, in characters, is kept in one piece.
const LONGEST_QUOTATION: usize = 100;
/// A Korean quotation closed by a particle up to this length, in bytes (200 syllables), is kept in one piece.
const LONGEST_KOREAN_QUOTATION: usize = 600;

/// Ranges of `text`, in order and merged, in which no sentence ends.
pub(super) fn enclosures(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut brackets: Vec<(char, usize)> = Vec::new();
    let mut quotes: Vec<(char, usize)> = Vec::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let after = rest.chars().next().unwrap_or(' ');
        match c {
            '(' | '[' | '（' | '［' => push(&mut brackets, c, at),
            ')' | ']' | '）' | '］' => {
                let opener = match c {
                    ')' => '(',
                    ']' => '[',
                    '）' => '（',
                    _ => '［',
                };
                if let Some(start) = pop(&mut brackets, opener)
                    && at - start <= LONGEST_BRACKET
                {
                    found.push(start..at);
                }
            }
            '“' if before.is_alphanumeric() || is_terminal(before) => {
                if let Some(start) = pop(&mut quotes, '„') {
                    close(text, start..at, rest, &mut found);
                }
            }
            '«' | '„' | '“' | '‘' | '「' | '『' | '《' => push(&mut quotes, c, at),
            '"' if opens(before, after) => push(&mut quotes, c, at),
            '"' | '”' | '»' | '’' | '」' | '』' | '》' => {
                // An apostrophe inside a word closes nothing.
                if c == '’' && before.is_alphanumeric() && after.is_alphanumeric() && !is_hangul(after) {
                    before = c;
                    continue;
                }
                let opener = match c {
                    '"' => '"',
                    '”' => '“',
                    '»' => '«',
                    '’' => '‘',
                    '」' => '「',
                    '』' => '『',
                    _ => '《',
                };
                let start = pop(&mut quotes, opener).or_else(|| if c == '”' { pop(&mut quotes, '„') } else { None });
                if let Some(start) = start {
                    close(text, start..at, rest, &mut found);
                }
            }
            _ => {}
        }
        before = c;
    }
    merge(found)
}

/// Adds the quotation `span` (without its closing sign) if the sentence goes on after it.
fn close(text: &str, span: Range<usize>, rest: &str, found: &mut Vec<Range<usize>>) {
    let rest = rest.trim_start_matches(['"', '”', '’', '»', ')']);
    let mut chars = rest.chars();
    // The closing sign was cut off `rest` by the caller.
    let next = chars.next().unwrap_or(' ');
    let length = span.len();
    if is_hangul(next) || (next == ' ' && korean_quotative(rest.trim_start())) {
        if length <= LONGEST_KOREAN_QUOTATION {
            found.push(span);
        }
        return;
    }
    if text[span.clone()].chars().take(LONGEST_QUOTATION + 1).count() > LONGEST_QUOTATION {
        return;
    }
    let ended = text[span.clone()].chars().next_back().is_some_and(is_terminal);
    let word = rest.trim_start().trim_start_matches(['—', '–', '-', ' ']);
    let goes_on = matches!(next, ',' | ';' | ':')
        || word.chars().next().is_some_and(char::is_lowercase)
        || (!ended && !is_terminal(next) && !rest.is_empty());
    // A comma before the closing sign: American reported speech, whatever follows.
    let comma = text[span.clone()].ends_with(',');
    if goes_on || comma {
        found.push(span);
    }
}

/// Words with which a Korean sentence goes on after a quotation and a space.
pub(super) fn korean_quotative(rest: &str) -> bool {
    const WORDS: [&str; 14] = [
        "라고",
        "라며",
        "라면서",
        "라는",
        "라고도",
        "고 ",
        "며 ",
        "면서 ",
        "이라고",
        "이라며",
        "이라는",
        "하고 ",
        "하며 ",
        "란 ",
    ];
    WORDS.iter().any(|word| rest.starts_with(word))
}

fn is_terminal(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
}

fn is_hangul(c: char) -> bool {
    matches!(c as u32, 0xAC00..=0xD7A3)
}

/// Whether a straight quotation mark between these two characters opens.
fn opens(before: char, after: char) -> bool {
    (before.is_whitespace() || matches!(before, '(' | '[' | '—' | '–' | '-' | '‘' | '“' | '«' | '/' | '='))
        && !after.is_whitespace()
}

/// Deep nesting is noise, not prose: forget it rather than let it cost time.
const DEEPEST: usize = 16;

fn push(stack: &mut Vec<(char, usize)>, c: char, at: usize) {
    if stack.len() >= DEEPEST {
        stack.clear();
    }
    stack.push((c, at));
}

fn pop(stack: &mut Vec<(char, usize)>, opener: char) -> Option<usize> {
    let index = stack.iter().rposition(|(c, _)| *c == opener)?;
    let start = stack[index].1;
    stack.truncate(index);
    Some(start)
}

fn merge(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::enclosures;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = enclosures(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn brackets_are_kept_whole() {
        check("He left (see p. 5. It is short) early.", &["(see p. 5. It is short"]);
        check("An open ( bracket and a smile :) end", &["( bracket and a smile :"]);
        check("No bracket :) here", &[]);
    }

    #[test]
    fn quotations_inside_a_sentence_are_kept_whole() {
        check("«Йди. Не стій», — сказав він.", &["«Йди. Не стій"]);
        check("\"Go. Run,\" she said.", &["\"Go. Run,"]);
        check("She said: \"Go. Run.\" Then she left.", &[]);
        check("“나는 간다. 그는 온다.”고 말했다.", &["“나는 간다. 그는 온다."]);
        check("\"나는 간다.\" 라고 말했다.", &["\"나는 간다."]);
    }
}
