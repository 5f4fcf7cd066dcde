//! Typography of a target language: quotation marks, apostrophes, dashes, marks in numbers, spaces.
//!
//! Works on what was translated, after the checks and before it is put back into the document. Only signs change, never
//! letters or digits, and only where their reading is beyond doubt; the rules and their sources are in
//! `docs/typography.md`. English, Ukrainian and Korean have rules, other languages are left alone.

mod marks;
mod numbers;
mod quotes;
mod settle;
mod view;

use crate::language::Language;
use std::ops::Range;
use view::{Change, View};

/// A replacement of some bytes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go; an empty range where something is only put in.
    pub range: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

/// One text of several that are read in order: the outputs of the segments of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The text.
    pub text: &'a str,
    /// Byte ranges of it that stay as they are: code, addresses, placeholders. The whole of a text that was copied.
    pub keep: &'a [Range<usize>],
    /// The paragraph it belongs to; parts of one paragraph stand next to each other.
    pub block: usize,
}

/// The languages that have rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    English,
    Ukrainian,
    Korean,
}

impl Rules {
    fn of(language: Language) -> Option<Rules> {
        match language {
            Language::EN => Some(Rules::English),
            Language::UK => Some(Rules::Ukrainian),
            Language::KO => Some(Rules::Korean),
            _ => None,
        }
    }
}

/// The edits that give `text` the typography of `language`, in order and apart; the byte ranges `keep` stay untouched.
pub fn set(text: &str, language: Language, keep: &[Range<usize>]) -> Vec<Edit> {
    set_parts(&[Part { text, keep, block: 0 }], language).pop().unwrap_or_default()
}

/// The edits of each part, in order and apart. Quotations may begin in one part and end in another, even of another
/// paragraph, and a quotation of several paragraphs may begin each with its opening mark.
///
/// A text that has its edits has none left to make: texts whose signs keep being read anew are not touched.
pub fn set_parts(parts: &[Part<'_>], language: Language) -> Vec<Vec<Edit>> {
    let Some(rules) = Rules::of(language) else { return vec![Vec::new(); parts.len()] };
    settle::settled(parts, |parts| once(parts, rules))
}

/// One look at the parts.
fn once(parts: &[Part<'_>], rules: Rules) -> Vec<Vec<Edit>> {
    let mut edits = vec![Vec::new(); parts.len()];
    let mut views = Vec::new();
    let mut first = 0;
    while first < parts.len() {
        let count = parts[first..].iter().take_while(|part| part.block == parts[first].block).count();
        views.push(View::of(parts, first..first + count));
        first += count;
    }
    let quoted = quotes::quotes(&views, rules);
    for (view, quotes) in views.iter().zip(quoted) {
        let mut changes: Vec<Change> = marks::marks(view, rules, &quotes);
        changes.extend(numbers::numbers(view, rules));
        changes.extend(quotes.changes);
        changes.sort_by_key(|change| (change.at.start, change.at.end));
        for change in changes {
            if let Some((part, edit)) = view.edit(change, parts) {
                edits[part].push(edit);
            }
        }
    }
    edits
}

/// The text with its edits, which are in order and apart; what does not fit the text is left out.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut set = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for edit in edits {
        let Some(before) = text.get(at..edit.range.start) else { continue };
        if text.get(edit.range.clone()).is_none() {
            continue;
        }
        set.push_str(before);
        set.push_str(&edit.text);
        at = edit.range.end;
    }
    set.push_str(text.get(at..).unwrap_or_default());
    set
}

/// Where a span of the text stands after the edits. What replaces the bytes at its ends belongs to it.
pub fn moved(span: &Range<usize>, edits: &[Edit]) -> Range<usize> {
    let (mut start, mut end) = (span.start, span.end);
    let (mut gone, mut come) = (0, 0);
    for edit in edits {
        if edit.range.end <= span.start && !(edit.range.is_empty() && edit.range.start == span.start) {
            start = span.start + come + edit.text.len() - gone - edit.range.len();
        } else if edit.range.start < span.start {
            // The span begins inside what is replaced.
            start = edit.range.start + come - gone;
        }
        if edit.range.end <= span.end && !(edit.range.is_empty() && edit.range.start == span.end) {
            end = span.end + come + edit.text.len() - gone - edit.range.len();
        } else if edit.range.start < span.end {
            end = edit.range.start + come + edit.text.len() - gone;
        }
        gone += edit.range.len();
        come += edit.text.len();
    }
    start..end.max(start)
}

#[cfg(test)]
mod tests;
